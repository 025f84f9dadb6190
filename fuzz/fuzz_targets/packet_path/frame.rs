//! Frames from the fuzzer's octets: near enough to right ones that they get far.

use crate::tables::{LAST_LABEL, NEIGHBOUR, PORTS, STATIONS};

/// Octets, of which there may be none left.
struct Source<'a>(&'a [u8]);

impl Source<'_> {
    fn octet(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken.to_vec()
    }
}

/// The Internet checksum (RFC 1071).
fn checksum(octets: &[u8]) -> u16 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
    let sum = octets.chunks(2).map(word).fold(0, |sum, word| {
        let sum: u32 = sum + word;
        (sum & 0xffff) + (sum >> 16)
    });
    !(sum as u16)
}

/// The port that a frame arrives at, and the frame.
pub fn build(octets: &[u8]) -> (u16, Vec<u8>) {
    let mut source = Source(octets);
    let port = u16::from(source.octet()) % (PORTS + 1);
    let choice = source.octet();
    let mut frame = Vec::new();
    match choice & 7 {
        7 => frame.extend(source.take(6)),
        index => frame.extend(STATIONS[usize::from(index) % STATIONS.len()]),
    }
    frame.extend(NEIGHBOUR);
    match choice >> 3 & 7 {
        0 => frame.extend([0x81, 0, source.octet() & 0xe0, 10]),
        1 => frame.extend([0x81, 0, source.octet() & 0xe0, 50]),
        2 => frame.extend([&[0x81, 0], &source.take(2)[..]].concat()),
        _ => {}
    }
    match choice >> 6 {
        0 => {
            frame.extend([0x88, 0x47]);
            labels(&mut source, &mut frame);
        }
        1 => ip(&mut source, &mut frame, true),
        2 => {
            frame.extend([0x88, 0x48]);
            labels(&mut source, &mut frame);
        }
        _ => frame.extend(source.take(2)),
    }
    frame.extend(source.0);
    (port, frame)
}

fn labels(source: &mut Source<'_>, frame: &mut Vec<u8>) {
    // 15 is a deep stack, whatever the octets that are left.
    let count = source.octet() & 15;
    for index in 0..count {
        let (label, flags) = (source.octet(), source.octet());
        let label = match label {
            0..16 => label.into(),
            value if value < 240 => 16 + u32::from(value - 16) % (LAST_LABEL - 15),
            value => u32::from(value) << 12,
        };
        let bottom = if flags & 0x80 == 0 {
            index + 1 == count
        } else {
            flags & 0x40 != 0
        };
        let ttl = if flags & 0x20 == 0 { 64 } else { flags & 3 };
        let tc = u32::from(flags >> 2 & 7);
        let entry = label << 12 | tc << 9 | u32::from(bottom) << 8 | u32::from(ttl);
        frame.extend(entry.to_be_bytes());
    }
    match source.octet() & 3 {
        0 => ip(source, frame, false),
        // A control word and a customer's frame.
        1 => frame.extend([&[0, 0, 0, 0][..], &NEIGHBOUR, &NEIGHBOUR, &[8, 0]].concat()),
        2 => frame.extend([0x10, 0, 0, 7]),
        _ => {}
    }
}

/// An IP packet of which the payload is what remains, and a labelled packet if it is a tunnel's.
fn ip(source: &mut Source<'_>, frame: &mut Vec<u8>, with_ether_type: bool) {
    let choice = source.octet();
    let version6 = choice & 1 == 1;
    if with_ether_type {
        frame.extend(if version6 { [0x86, 0xdd] } else { [8, 0] });
    }
    let to_us = choice & 2 != 0;
    let protocol = [17, 6, 47, 137, 46, 132, 1, 17][usize::from(choice >> 2 & 7)];
    let mut payload = Vec::new();
    match protocol {
        17 if choice & 0x20 != 0 => payload.extend([0xc0, 1, 0x19, 0xeb, 0, 0, 0, 0]),
        47 => payload.extend([0, 0, 0x88, 0x47]),
        _ => {}
    }
    if choice & 0x40 != 0 && matches!(protocol, 17 | 47 | 137) {
        labels_of_tunnel(source, &mut payload);
    }
    let traffic = source.octet();
    let ttl = if choice & 0x80 == 0 {
        64
    } else {
        source.octet()
    };
    if version6 {
        let length = (payload.len() + source.0.len()) as u16;
        frame.extend([0x60 | traffic >> 4, traffic << 4, 0, 0]);
        frame.extend(length.to_be_bytes());
        frame.extend([protocol, ttl]);
        frame.extend(1u128.to_be_bytes());
        let net = u128::from(source.octet() % 8);
        let destination = if to_us {
            9
        } else {
            0x2001_0000 << 96 | net << 96 | 1
        };
        frame.extend(destination.to_be_bytes());
    } else {
        let options = if choice & 0xc0 == 0xc0 {
            vec![148, 4, 0, 0]
        } else {
            Vec::new()
        };
        let net = source.octet();
        let header = 20 + options.len();
        let length = (header + payload.len() + source.0.len()) as u16;
        let mut packet = vec![0x40 | (header / 4) as u8, traffic];
        packet.extend(length.to_be_bytes());
        packet.extend([0, 0, 0, 0, ttl, protocol, 0, 0, 0, 0, 0, 1]);
        packet.extend(match (to_us, net) {
            (true, _) => [10, 9, 9, 9],
            (false, 200..) => [232, 1, 1, 1],
            (false, net) => [10, net % 8, 0, 1],
        });
        packet.extend(options);
        let sum = checksum(&packet);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        frame.extend(packet);
    }
    frame.extend(payload);
}

fn labels_of_tunnel(source: &mut Source<'_>, payload: &mut Vec<u8>) {
    let count = source.octet() & 7;
    for index in 0..count {
        let label = u32::from(source.octet()) % (LAST_LABEL + 1);
        let entry = label << 12 | u32::from(index + 1 == count) << 8 | 64;
        payload.extend(entry.to_be_bytes());
    }
}

/// Labels that the parser takes apart: what is deeper is payload, and has no end that it could see.
const PARSED_LABELS: usize = 8;

/// Whether what left by a router's port is a packet, if `frame` came in: a label stack has an end where that
/// of the frame had one in sight, IP has a whole header, and an IPv4 header that the router wrote to
/// is right.
pub fn check(frame: &[u8], sent: &[u8]) -> Result<(), &'static str> {
    match ether_type(sent) {
        (None, _) => Err("a frame without an EtherType"),
        (Some(0x8847 | 0x8848), stack) if stack.len() < 4 => Err("MPLS without a label"),
        (Some(0x8847 | 0x8848), stack) => match ether_type(frame) {
            (Some(0x8847 | 0x8848), came)
                if depth(came).is_some_and(|depth| depth <= PARSED_LABELS)
                    && depth(stack).is_none() =>
            {
                Err("a label stack without an end")
            }
            _ => Ok(()),
        },
        (Some(0x0800), packet) => check_ipv4(packet),
        (Some(0x86dd), packet) if packet.len() < 40 => Err("half an IPv6 header"),
        (Some(0x86dd), _) => Ok(()),
        (Some(_), _) => Err("an EtherType that the router does not forward"),
    }
}

/// The EtherType behind the tag, and what follows it.
fn ether_type(frame: &[u8]) -> (Option<u16>, &[u8]) {
    let two = |at: usize| {
        let octets = frame.get(at..at + 2)?;
        Some(u16::from_be_bytes(octets.try_into().ok()?))
    };
    let at = if two(12) == Some(0x8100) { 16 } else { 12 };
    (two(at), frame.get(at + 2..).unwrap_or_default())
}

/// How many labels there are to the bottom of the stack, if it has one.
fn depth(stack: &[u8]) -> Option<usize> {
    let bottom = |entry: &[u8]| entry.get(2).is_some_and(|octet| octet & 1 == 1);
    stack
        .chunks_exact(4)
        .position(bottom)
        .map(|index| index + 1)
}

fn check_ipv4(packet: &[u8]) -> Result<(), &'static str> {
    let length = packet
        .first()
        .map_or(0, |first| usize::from(first & 15) * 4);
    match packet.get(..length) {
        Some(header) if length >= 20 && checksum(header) == 0 => Ok(()),
        _ => Err("an IPv4 header that is not right"),
    }
}
