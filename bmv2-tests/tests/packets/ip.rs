//! What an IP header must be before it decides anything (RFC 1812 section 5.2.2, RFC 8200 section 3).

use crate::dut::{Drop, Dut, Ftn, IPV4_BELOW, Ilm, UNIFORM};
use crate::frame::{IPV4, IPV6, Ipv4, MPLS, internet_checksum, ipv6, received, stack};

/// RFC 1812 section 5.2.2: length, checksum, version, header length, total length.
#[test]
fn a_wrong_ipv4_header_is_dropped() {
    let dut = Dut::new();
    dut.ftn4(0, [0, 0, 0, 0], 0, Ftn::Forward(dut.path(&[200])));
    dut.ilm(100, Ilm::PopIp(0, IPV4_BELOW, UNIFORM));
    let good = Ipv4::to([10, 2, 0, 2]).octets();
    let with = |at: usize, value: u8| {
        let mut packet = good.clone();
        packet[at] = value;
        packet[10..12].copy_from_slice(&[0, 0]);
        let checksum = internet_checksum(&packet[..20]);
        packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        packet
    };
    let mut bad_checksum = good.clone();
    bad_checksum[11] ^= 1;
    let cases = [
        ("checksum", bad_checksum),
        ("version 5", with(0, 0x55)),
        ("header length 4", with(0, 0x44)),
        ("header length 15, options missing", with(0, 0x4f)),
        ("total length below the header's", with(3, 19)),
        ("total length beyond the packet", with(2, 0x7f)),
    ];
    for (name, packet) in cases {
        let outcome = dut.send(1, &received(IPV4, &[&packet]));
        assert_eq!(outcome.dropped, [Drop::IpHeader], "{name}: {outcome:?}");
        let outcome = dut.send(1, &received(MPLS, &[&stack(&[100], 0, 64), &packet]));
        assert!(
            outcome.frames.is_empty() && outcome.packet_ins.is_empty(),
            "{name}: {outcome:?}"
        );
        assert!(!outcome.dropped.is_empty(), "{name}");
    }
    assert_eq!(dut.send(1, &received(IPV4, &[&good])).frames.len(), 1);
    // Padding behind a short packet is normal on Ethernet.
    assert_eq!(
        dut.send(1, &received(IPV4, &[&good, &[0; 20]]))
            .frames
            .len(),
        1
    );
}

/// RFC 8200 section 3: version and payload length.
#[test]
fn a_wrong_ipv6_header_is_dropped() {
    let dut = Dut::new();
    dut.ftn6(0, [0; 16], 0, Ftn::Forward(dut.path(&[200])));
    let good = ipv6([0x20; 16], 64, 0, 7);
    let mut version = good.clone();
    version[0] = 0x40;
    let mut length = good.clone();
    length[4] = 0x10;
    for packet in [version, length] {
        dut.send(1, &received(IPV6, &[&packet]))
            .is_dropped(Drop::IpHeader);
    }
    assert_eq!(dut.send(1, &received(IPV6, &[&good])).frames.len(), 1);
}
