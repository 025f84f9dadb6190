//! The LSP's ingress: the FTN, and labels pushed onto IP packets.

use crate::dut::{Dut, Ftn};
use crate::frame::{IPV4, IPV6, Ipv4, MPLS, forwarded, ipv6, received, stack};

const DST6: [u8; 16] = [0x20, 0x01, 0x0d, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

/// RFC 3032 sections 2.1 and 2.4.3: the S bit stands in the last label alone; in the uniform model every
/// label starts with the IP TTL as it leaves. RFC 5462: the TC comes from the packet, and is not 0.
#[test]
fn push_of_one_to_four_labels() {
    let dut = Dut::new();
    let stacks: [&[u32]; 4] = [&[200], &[300, 200], &[400, 300, 200], &[500, 400, 300, 200]];
    for (index, labels) in stacks.into_iter().enumerate() {
        let net = index as u8;
        dut.ftn4(0, [10, 2, net, 0], 24, Ftn::Forward(dut.path(labels)));
        let packet = Ipv4::to([10, 2, net, 2]).dscp(0b101_110);
        dut.send(1, &received(IPV4, &[&packet.octets()]))
            .is_forwarded(
                2,
                &forwarded(
                    MPLS,
                    &[&stack(labels, 5, 63), &packet.clone().ttl(63).octets()],
                ),
            );
    }
    dut.ftn6(0, DST6, 64, Ftn::Forward(dut.path(&[300, 200])));
    dut.send(1, &received(IPV6, &[&ipv6(DST6, 64, 0xc0, 7)]))
        .is_forwarded(
            2,
            &forwarded(
                MPLS,
                &[&stack(&[300, 200], 6, 63), &ipv6(DST6, 63, 0xc0, 7)],
            ),
        );
}

/// RFC 3443 section 3.1: in the pipe model the tunnel is one hop to the packet; its labels start with
/// 255, while the IP TTL is decremented once.
#[test]
fn push_in_the_pipe_model_starts_with_255() {
    let dut = Dut::new();
    dut.ftn4(
        0,
        [10, 2, 0, 0],
        16,
        Ftn::Forward(dut.path_pipe(&[300, 200])),
    );
    let packet = Ipv4::to([10, 2, 0, 2]);
    dut.send(1, &received(IPV4, &[&packet.octets()]))
        .is_forwarded(
            2,
            &forwarded(
                MPLS,
                &[
                    &stack(&[300, 200], 0, 255),
                    &packet.clone().ttl(63).octets(),
                ],
            ),
        );
}

/// RFC 3031 section 3.11: the longest matching prefix is the FEC.
#[test]
fn the_longest_prefix_is_the_fec() {
    let dut = Dut::new();
    dut.ftn4(0, [0, 0, 0, 0], 0, Ftn::Forward(dut.path(&[1000])));
    dut.ftn4(0, [10, 0, 0, 0], 8, Ftn::Forward(dut.path(&[1008])));
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(dut.path(&[1016])));
    dut.ftn4(0, [10, 2, 0, 2], 32, Ftn::Forward(dut.path(&[1032])));
    let cases = [
        ([192, 0, 2, 1], 1000),
        ([10, 200, 0, 1], 1008),
        ([10, 2, 0, 3], 1016),
        ([10, 2, 0, 2], 1032),
    ];
    for (dst, label) in cases {
        let packet = Ipv4::to(dst);
        dut.send(1, &received(IPV4, &[&packet.octets()]))
            .is_forwarded(
                2,
                &forwarded(
                    MPLS,
                    &[&stack(&[label], 0, 63), &packet.clone().ttl(63).octets()],
                ),
            );
    }
}

/// RFC 791 section 3.1: options stay with the packet, and the checksum covers them.
#[test]
fn push_keeps_ip_options() {
    let dut = Dut::new();
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(dut.path(&[200])));
    for words in 1..=10 {
        // Router alert or padding: what the options say does not matter to the path.
        let options: Vec<u8> = (0..words * 4).map(|_| 1).collect();
        let packet = Ipv4::to([10, 2, 0, 2]).options(&options);
        dut.send(1, &received(IPV4, &[&packet.octets()]))
            .is_forwarded(
                2,
                &forwarded(
                    MPLS,
                    &[&stack(&[200], 0, 63), &packet.clone().ttl(63).octets()],
                ),
            );
    }
}

/// RFC 3031 section 3.12: a FEC may have an NHLFE without a label: it is routed as IP.
#[test]
fn a_fec_without_a_label_is_routed() {
    let dut = Dut::new();
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(dut.path(&[])));
    let packet = Ipv4::to([10, 2, 0, 2]);
    dut.send(1, &received(IPV4, &[&packet.octets()]))
        .is_forwarded(2, &forwarded(IPV4, &[&packet.clone().ttl(63).octets()]));
}
