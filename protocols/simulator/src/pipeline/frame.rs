//! Packets of the simulator as frames.

use std::net::IpAddr;

use forwarding::MacAddress;
use ldp::{MultiTopologyId, PrefixFec};
use mpls::{Label, internet_checksum};
use smallvec::SmallVec;

use crate::network::Packet;

/// EtherTypes (RFC 894, RFC 2464, RFC 5332).
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86DD;
const MPLS: u16 = 0x8847;
/// Octets of the headers.
const ETHERNET_LENGTH: usize = 14;
const IPV4_LENGTH: usize = 20;
const IPV6_LENGTH: usize = 40;
const UDP_LENGTH: usize = 8;
/// The protocol number of UDP, and a destination port that stands for nothing (RFC 863).
const UDP: u8 = 17;
const DISCARD: u16 = 9;

/// The DSCP of packets of the second topology: EF (RFC 3246).
pub(super) const DSCP: u8 = 46;

/// What a frame says of its packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parsed {
    /// The destination MAC address.
    pub(super) destination: MacAddress,
    /// Labels and TTLs, the outermost last.
    pub(super) stack: SmallVec<[(Label, u8); 2]>,
    /// The TTL or hop limit of the IP packet.
    pub(super) ttl: u8,
}

/// The frame of a packet to an address of a FEC.
pub(super) fn build(destination: MacAddress, fec: PrefixFec, packet: &Packet) -> Vec<u8> {
    let net = fec.prefix;
    // The upper six bits of a Traffic Class (RFC 2474 section 3).
    let traffic_class = match fec.topology {
        MultiTopologyId::DEFAULT => 0,
        _ => DSCP << 2,
    };
    let to = net.hosts().next().unwrap_or_else(|| net.addr());
    let ether_type = match (packet.stack.is_empty(), to) {
        (false, _) => MPLS,
        (true, IpAddr::V4(_)) => IPV4,
        (true, IpAddr::V6(_)) => IPV6,
    };
    let mut frame = destination.0.to_vec();
    frame.extend([2, 0xFF, 0, 0, 0, 1]);
    frame.extend(ether_type.to_be_bytes());
    for (at, (label, ttl)) in packet.stack.iter().enumerate().rev() {
        let entry = label.value() << 12 | u32::from(at == 0) << 8 | u32::from(*ttl);
        frame.extend(entry.to_be_bytes());
    }
    match to {
        IpAddr::V4(to) => {
            let length = (IPV4_LENGTH + UDP_LENGTH) as u16;
            let mut header = [0; IPV4_LENGTH];
            header[0] = 0x45;
            header[1] = traffic_class;
            header[2..4].copy_from_slice(&length.to_be_bytes());
            header[8] = packet.ttl;
            header[9] = UDP;
            header[12..16].copy_from_slice(&[192, 0, 2, 1]);
            header[16..].copy_from_slice(&to.octets());
            let sum = internet_checksum(&header);
            header[10..12].copy_from_slice(&sum.to_be_bytes());
            frame.extend(header);
        }
        IpAddr::V6(to) => {
            let mut header = [0; IPV6_LENGTH];
            header[0] = 0x60 | traffic_class >> 4;
            header[1] = traffic_class << 4;
            header[5] = UDP_LENGTH as u8;
            header[6] = UDP;
            header[7] = packet.ttl;
            header[8..12].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
            header[23] = 1;
            header[24..].copy_from_slice(&to.octets());
            frame.extend(header);
        }
    }
    // The packet's number is that of its flow: a dynamic port (RFC 6335, section 6), which is no service.
    let flow = (packet.number ^ packet.number >> 16) as u16 | 0xC000;
    for word in [flow, DISCARD, UDP_LENGTH as u16, 0] {
        frame.extend(word.to_be_bytes());
    }
    frame
}

/// What a frame says; `None` if it is none of [`build`] with other labels.
pub(super) fn parse(frame: &[u8]) -> Option<Parsed> {
    let destination = MacAddress(*frame.first_chunk()?);
    let mut ether_type = u16::from_be_bytes(*frame.get(12..14)?.first_chunk()?);
    let mut rest = frame.get(ETHERNET_LENGTH..)?;
    let mut stack = SmallVec::new();
    if ether_type == MPLS {
        loop {
            let entry = u32::from_be_bytes(*rest.first_chunk()?);
            rest = rest.get(4..)?;
            stack.insert(0, (Label::new(entry >> 12).ok()?, entry as u8));
            if entry & 0x100 != 0 {
                break;
            }
        }
        ether_type = if rest.first()? >> 4 == 4 { IPV4 } else { IPV6 };
    }
    let ttl = match ether_type {
        IPV4 if internet_checksum(rest.get(..IPV4_LENGTH)?) == 0 => *rest.get(8)?,
        IPV6 => *rest.get(..IPV6_LENGTH)?.get(7)?,
        _ => return None,
    };
    Some(Parsed {
        destination,
        stack,
        ttl,
    })
}

#[cfg(test)]
mod tests {
    use ipnet::IpNet;

    use super::*;

    #[test]
    fn a_frame_reads_back_as_it_was_built() {
        let labels = [
            (Label::new(17).unwrap(), 5),
            (Label::new(99_999).unwrap(), 200),
        ];
        for net in [
            "10.0.0.1/32",
            "20.0.1.0/24",
            "2001:db8::/64",
            "172.16.0.2/31",
        ] {
            for depth in 0..=2 {
                let packet = Packet {
                    number: 77,
                    prefix: 0,
                    stack: labels.into_iter().take(depth).collect(),
                    ttl: 63,
                    popped: false,
                };
                let mac = MacAddress([2, 1, 2, 3, 4, 5]);
                let net: IpNet = net.parse().unwrap();
                let frame = build(mac, net.into(), &packet);
                let parsed = Parsed {
                    destination: mac,
                    stack: packet.stack.clone(),
                    ttl: 63,
                };
                assert_eq!(parse(&frame), Some(parsed), "{net} {depth}");
                assert_eq!(parse(&frame[..frame.len() - 30]), None);
            }
        }
    }
}
