//! MPLS in UDP (RFC 7510), in GRE and in IP (RFC 4023), over both IP versions.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use p4runtime_client::Value;

use crate::dut::{Drop, Dut, Ftn, Ilm, Path, Punt};
use crate::frame::{IPV4, IPV6, Ipv4, MPLS, forwarded, internet_checksum, received, stack};

const LOCAL4: [u8; 4] = [192, 0, 2, 1];
const REMOTE4: [u8; 4] = [192, 0, 2, 9];
const LOCAL6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const REMOTE6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

/// A way to carry MPLS in IP: its action, its kind in `tunnel_end`, IP version, protocol.
const KINDS: [(&str, u8, u8, u8); 6] = [
    ("udp_ipv4", 1, 4, 17),
    ("udp_ipv6", 1, 6, 17),
    ("gre_ipv4", 2, 4, 47),
    ("gre_ipv6", 2, 6, 47),
    ("mpls_in_ipv4", 3, 4, 137),
    ("mpls_in_ipv6", 3, 6, 137),
];

fn inner() -> Vec<u8> {
    Ipv4::to([10, 2, 0, 2]).octets()
}

fn address(octets: [u8; 16]) -> Value {
    u128::from_be_bytes(octets).into()
}

/// The outer headers, as the RFCs say, of a sender with this source port and flow label.
fn outer(
    version: u8,
    protocol: u8,
    to_us: bool,
    source_port: u16,
    flow: u32,
    labels: &[u8],
) -> Vec<u8> {
    let shim = match protocol {
        17 => {
            let length = 8 + labels.len() as u16;
            [source_port, 6635, length, 0]
                .iter()
                .flat_map(|word| word.to_be_bytes())
                .collect()
        }
        47 => vec![0, 0, 0x88, 0x47],
        _ => Vec::new(),
    };
    let length = shim.len() + labels.len();
    let mut packet = if version == 4 {
        let (src, dst) = if to_us {
            (REMOTE4, LOCAL4)
        } else {
            (LOCAL4, REMOTE4)
        };
        let mut header = vec![0x45, 0xb8];
        header.extend((20 + length as u16).to_be_bytes());
        header.extend([0, 0, 0x40, 0, 77, protocol, 0, 0]);
        header.extend(src);
        header.extend(dst);
        let checksum = internet_checksum(&header);
        header[10..12].copy_from_slice(&checksum.to_be_bytes());
        header
    } else {
        let (src, dst) = if to_us {
            (REMOTE6, LOCAL6)
        } else {
            (LOCAL6, REMOTE6)
        };
        let mut header = (0x6b80_0000 | flow).to_be_bytes().to_vec();
        header.extend((length as u16).to_be_bytes());
        header.extend([protocol, 77]);
        header.extend(src);
        header.extend(dst);
        header
    };
    packet.extend(shim);
    packet.extend(labels);
    packet
}

fn ether_type(version: u8) -> u16 {
    if version == 4 { IPV4 } else { IPV6 }
}

/// RFC 4023 section 3, RFC 7510 section 3: the labelled packet is the payload; the lengths, the protocol
/// and the port are right, the outer TTL and DSCP are the tunnel's own.
#[test]
fn a_labelled_packet_is_carried_in_ip() {
    for (action, _, version, protocol) in KINDS {
        let dut = Dut::new();
        let end = |remote| match (version, remote) {
            (4, false) => Value::from(Ipv4Addr::from(LOCAL4)),
            (4, true) => Value::from(Ipv4Addr::from(REMOTE4)),
            (_, false) => Value::from(Ipv6Addr::from(LOCAL6)),
            (_, true) => Value::from(Ipv6Addr::from(REMOTE6)),
        };
        dut.add_values(
            "tunnel_encapsulation",
            &[("tunnel", 3u16.into())],
            action,
            &[
                ("src_addr", end(false)),
                ("dst_addr", end(true)),
                ("ttl", 77u8.into()),
                ("dscp", 46u8.into()),
            ],
        );
        let path = Path {
            tunnel: 3,
            ..Path::new(&[300, 200], 2)
        };
        dut.ilm(100, Ilm::Swap(dut.group_of(&[path])));
        let mut source_ports = BTreeSet::new();
        for flow in 0..20 {
            let below = stack(&[1000 + flow], 4, 9);
            let incoming = [stack(&[100], 4, 64), below.clone()].concat();
            let mut incoming = incoming;
            incoming[2] &= 0xfe; // not the bottom
            let frame = received(MPLS, &[&incoming, &inner()]);
            let outcome = dut.send(1, &frame);
            let mut labels = stack(&[300, 200], 4, 63);
            labels[6] &= 0xfe;
            labels.extend(&below);
            labels.extend(inner());
            let out = outcome.frames[0].1.clone();
            let ip_length = if version == 4 { 20 } else { 40 };
            let (mut port, mut label) = (0, 0);
            if protocol == 17 {
                port = u16::from_be_bytes([out[14 + ip_length], out[15 + ip_length]]);
                assert!(
                    port >= 49152,
                    "RFC 7510 section 3: a dynamic port, not {port}"
                );
                source_ports.insert(port);
            }
            if version == 6 {
                label = u32::from_be_bytes([0, out[15] & 0xf, out[16], out[17]]);
            }
            let expected = outer(version, protocol, false, port, label, &labels);
            outcome.is_forwarded(2, &forwarded(ether_type(version), &[&expected]));
            assert_eq!(
                dut.send(1, &frame).frames,
                outcome.frames,
                "a flow keeps its port"
            );
        }
        assert!(
            protocol != 17 || source_ports.len() > 15,
            "{source_ports:?}"
        );
    }
}

/// RFC 4023 section 4 and RFC 7510 section 3: the end takes the outer header off and looks at the label,
/// in the label space of the tunnel; the outer TTL plays no role.
#[test]
fn the_end_of_a_tunnel_looks_at_the_label() {
    for (action, kind, version, protocol) in KINDS {
        let dut = Dut::new();
        dut.port(1, false, 0, 0);
        dut.ilm_in(9, 100, Ilm::Swap(dut.path(&[200])));
        if version == 4 {
            let src = Value::from(Ipv4Addr::from(REMOTE4));
            dut.tunnel_end(
                4,
                kind,
                Ipv4Addr::from(LOCAL4).into(),
                (src, u32::MAX.into()),
                9,
            );
            dut.ftn4(0, LOCAL4, 32, Ftn::ToRouter);
            dut.ftn4(0, [0, 0, 0, 0], 0, Ftn::Forward(dut.path(&[])));
        } else {
            let mask = u128::MAX.into();
            dut.tunnel_end(6, kind, address(LOCAL6), (address(REMOTE6), mask), 9);
            dut.ftn6(0, LOCAL6, 128, Ftn::ToRouter);
        }
        let labels = [stack(&[100], 4, 33), inner()].concat();
        let packet = outer(version, protocol, true, 50000, 5, &labels);
        let frame = received(ether_type(version), &[&packet]);
        dut.send(1, &frame)
            .is_forwarded(2, &forwarded(MPLS, &[&stack(&[200], 4, 32), &inner()]));
        // RFC 4023 section 8.2: from anybody else it is refused, whatever is in it.
        let mut spoofed = packet.clone();
        if version == 4 {
            spoofed[15] = 8;
            spoofed[10..12].copy_from_slice(&[0, 0]);
            let checksum = internet_checksum(&spoofed[..20]);
            spoofed[10..12].copy_from_slice(&checksum.to_be_bytes());
        } else {
            spoofed[23] = 8;
        }
        dut.send(1, &received(ether_type(version), &[&spoofed]))
            .is_dropped(Drop::Tunnel);
        // An unknown label in it goes to the daemon as one.
        let labels = [stack(&[101], 4, 33), inner()].concat();
        let unknown = outer(version, protocol, true, 50000, 5, &labels);
        let punted = dut.send(1, &received(ether_type(version), &[&unknown]));
        assert_eq!(
            punted.punted(Punt::UnknownLabel).frame,
            received(MPLS, &[&labels]),
            "{action}"
        );
        // Nothing in it, or half a label.
        for cut in [0, 2] {
            let short = outer(version, protocol, true, 50000, 5, &labels[..cut]);
            dut.send(1, &received(ether_type(version), &[&short]))
                .is_dropped(Drop::LabelStack);
        }
    }
}

/// A tunnel of others passes by as the IP packet that it is.
#[test]
fn a_tunnel_of_others_is_forwarded() {
    let dut = Dut::new();
    dut.ftn4(0, [192, 0, 2, 0], 24, Ftn::Forward(dut.path(&[])));
    for (_, _, _, protocol) in KINDS.into_iter().filter(|kind| kind.2 == 4) {
        let packet = outer(
            4,
            protocol,
            true,
            50000,
            0,
            &[stack(&[100], 4, 33), inner()].concat(),
        );
        let outcome = dut.send(1, &received(IPV4, &[&packet]));
        assert_eq!(outcome.frames.len(), 1, "{outcome:?}");
        assert_eq!(outcome.frames[0].1[34..], packet[20..]);
    }
}

/// RFC 7510 section 3.1, RFC 768: a UDP checksum that is there is verified at the tunnel's end, also where
/// it is 0xffff, and nowhere else.
#[test]
fn the_end_of_a_tunnel_verifies_the_udp_checksum() {
    let dut = Dut::new();
    dut.ilm_in(9, 100, Ilm::Swap(dut.path(&[200])));
    let end4 = (Ipv4Addr::from(REMOTE4).into(), u32::MAX.into());
    dut.tunnel_end(4, 1, Ipv4Addr::from(LOCAL4).into(), end4, 9);
    dut.tunnel_end(
        6,
        1,
        address(LOCAL6),
        (address(REMOTE6), u128::MAX.into()),
        9,
    );
    dut.ftn4(0, [0, 0, 0, 0], 0, Ftn::Forward(dut.path(&[])));
    for (version, header, addresses) in [(4, 20, 12..20), (6, 40, 8..40)] {
        // The last two octets make the sum come out as anything, 0 among it.
        for filler in [0u16, 1, 0x1234, 0xffff] {
            let labels = [
                stack(&[100], 4, 33),
                inner(),
                filler.to_be_bytes().to_vec(),
                vec![0],
            ];
            let labels = labels.concat();
            let mut packet = outer(version, 17, true, 50000, 5, &labels);
            let length = (packet.len() - header) as u16;
            let mut pseudo = packet[addresses.clone()].to_vec();
            pseudo.extend([0, 17]);
            pseudo.extend(length.to_be_bytes());
            pseudo.extend(&packet[header..]);
            let checksum = match internet_checksum(&pseudo) {
                0 => 0xffff,
                checksum => checksum,
            };
            packet[header + 6..header + 8].copy_from_slice(&checksum.to_be_bytes());
            let payload = &labels[4..];
            let out = forwarded(MPLS, &[&stack(&[200], 4, 32), payload]);
            dut.send(1, &received(ether_type(version), &[&packet]))
                .is_forwarded(2, &out);
            // With the padding of a short frame.
            let padded = [packet.clone(), vec![0; 6]].concat();
            let outcome = dut.send(1, &received(ether_type(version), &[&padded]));
            assert_eq!(outcome.frames.len(), 1, "{outcome:?}");
            let last = packet.len() - 1;
            for damaged in [header, header + 6, header + 12, last] {
                let mut packet = packet.clone();
                packet[damaged] ^= 0x10;
                let outcome = dut.send(1, &received(ether_type(version), &[&packet]));
                assert_eq!(
                    outcome.dropped,
                    [Drop::Tunnel],
                    "octet {damaged}: {outcome:?}"
                );
            }
        }
    }
    let mut transit = outer(
        4,
        17,
        true,
        50000,
        0,
        &[stack(&[100], 4, 33), inner()].concat(),
    );
    transit[26] = 0x12;
    transit[19] = 77;
    transit[10..12].copy_from_slice(&[0, 0]);
    let checksum = internet_checksum(&transit[..20]);
    transit[10..12].copy_from_slice(&checksum.to_be_bytes());
    assert_eq!(dut.send(1, &received(IPV4, &[&transit])).frames.len(), 1);
}
