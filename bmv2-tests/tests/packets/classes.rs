//! Punt classes: each protocol has a rate and a counter of its own (RFC 6192).

use crate::dut::{Dut, Ftn, IPV4_BELOW, Ilm, Punt, UNIFORM};
use crate::frame::{IPV4, IPV6, Ipv4, MPLS, NEIGHBOUR, ethernet, ipv6, received, stack};

const ROUTER4: [u8; 4] = [10, 9, 9, 9];
const ROUTER6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

/// The rules that lsrd writes: RFC 5036 section 3.10, RFC 2205, RFC 5881 section 4, RFC 5883, RFC 7130,
/// RFC 8029 section 4.
fn dut() -> Dut {
    let dut = Dut::new();
    for protocol in [6, 17] {
        dut.service(protocol, 646, Punt::Ldp);
    }
    dut.service(46, 0, Punt::Rsvp);
    for port in [3784, 3785, 4784, 6784] {
        dut.service(17, port, Punt::Bfd);
    }
    dut.service(17, 3503, Punt::LspPing);
    dut.ftn4(0, ROUTER4, 32, Ftn::ToRouter);
    dut.ftn6(0, ROUTER6, 128, Ftn::ToRouter);
    dut
}

/// A packet of this protocol and destination port.
fn packet(dst: [u8; 4], protocol: u8, dst_port: u16) -> Vec<u8> {
    let mut packet = Ipv4::to(dst).protocol(protocol).octets();
    packet[22..24].copy_from_slice(&dst_port.to_be_bytes());
    packet
}

#[test]
fn a_packet_for_the_router_is_of_the_class_of_its_protocol() {
    let dut = dut();
    let cases = [
        (6, 646, Punt::Ldp),
        (17, 646, Punt::Ldp),
        (46, 0, Punt::Rsvp),
        (17, 3784, Punt::Bfd),
        (17, 4784, Punt::Bfd),
        (17, 3503, Punt::LspPing),
        (6, 3784, Punt::ToRouter),
        (17, 647, Punt::ToRouter),
        (1, 646, Punt::ToRouter),
    ];
    for (protocol, port, reason) in cases {
        let frame = received(IPV4, &[&packet(ROUTER4, protocol, port)]);
        assert_eq!(
            dut.send(1, &frame).punted(reason).frame,
            frame,
            "{protocol} {port}"
        );
    }
    let mut hello = ipv6(ROUTER6, 255, 0, 646);
    hello[42..44].copy_from_slice(&646u16.to_be_bytes());
    dut.send(1, &received(IPV6, &[&hello])).punted(Punt::Ldp);
}

/// RFC 5036 section 2.4.1: Hellos go to all routers on the link; they are not lost among other multicast.
#[test]
fn multicast_hellos_are_of_the_class_of_their_protocol() {
    let dut = dut();
    dut.control_packet(
        IPV4,
        0xffff,
        [1, 0, 0x5e, 0, 0, 0],
        [0xff, 0xff, 0xff, 0xff, 0xff, 0],
    );
    let multicast = |protocol, port| {
        let packet = packet([224, 0, 0, 2], protocol, port);
        ethernet([1, 0, 0x5e, 0, 0, 2], NEIGHBOUR, IPV4, &[&packet])
    };
    dut.send(1, &multicast(17, 646)).punted(Punt::Ldp);
    dut.send(1, &multicast(89, 0)).punted(Punt::Control);
}

/// RFC 2205 section 3.11.2: Path messages are addressed to the destination and stop at each router, by
/// the router alert option; other packets with the option pass.
#[test]
fn a_path_message_stops_at_every_router() {
    let dut = dut();
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(dut.path(&[])));
    let with_alert = |protocol| {
        let packet = Ipv4::to([10, 2, 0, 2])
            .options(&[148, 4, 0, 0])
            .protocol(protocol);
        received(IPV4, &[&packet.octets()])
    };
    let frame = with_alert(46);
    assert_eq!(dut.send(1, &frame).punted(Punt::Rsvp).frame, frame);
    assert_eq!(dut.send(1, &with_alert(17)).frames.len(), 1);
    let without = Ipv4::to([10, 2, 0, 2]).protocol(46).octets();
    assert_eq!(dut.send(1, &received(IPV4, &[&without])).frames.len(), 1);
}

/// RFC 8029 section 2.1: an echo request is addressed to 127/8, which stops at the egress of its LSP;
/// without a label such a packet is no packet (RFC 1812 section 5.3.7).
#[test]
fn an_echo_request_ends_at_the_egress_of_its_lsp() {
    let dut = dut();
    dut.ftn4(0, [127, 0, 0, 0], 8, Ftn::ToRouter);
    dut.ilm(100, Ilm::PopIp(0, IPV4_BELOW, UNIFORM));
    let packet = packet([127, 0, 0, 1], 17, 3503);
    dut.send(1, &received(MPLS, &[&stack(&[100], 0, 64), &packet]))
        .punted(Punt::LspPing);
    dut.send(1, &received(IPV4, &[&packet]))
        .is_dropped(crate::dut::Drop::IpHeader);
}

/// A flood of one class leaves the others alone, also when it comes all at once.
#[test]
fn a_flood_in_one_class_does_not_starve_another() {
    let dut = dut();
    dut.punt_rate(Punt::UnknownLabel, 1, 3);
    dut.punt_rate(Punt::ToRouter, 1, 3);
    let unknown = received(MPLS, &[&stack(&[999], 0, 64), &[0; 40]]);
    let other = received(IPV4, &[&packet(ROUTER4, 17, 9)]);
    let hello = received(IPV4, &[&packet(ROUTER4, 17, 646)]);
    let mut through = 0;
    for _ in 0..40 {
        through += dut.send(1, &unknown).packet_ins.len();
        through += dut.send(1, &other).packet_ins.len();
        assert_eq!(dut.send(1, &hello).punted(Punt::Ldp).frame, hello);
    }
    assert!(
        (6..80).contains(&through),
        "{through} of 80 passed two bursts of 3"
    );
}
