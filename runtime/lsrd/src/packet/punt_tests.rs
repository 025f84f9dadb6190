use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use etherparse::PacketBuilder;
use forwarding::{InterfaceName, MacAddress, VrfId};
use mpls::{Label, LabelStack, TrafficClass};

use super::*;

const TAP: MacAddress = MacAddress([2, 10, 255, 0, 1, 1]);
const NEIGHBOUR: MacAddress = MacAddress([2, 10, 255, 0, 2, 1]);

const CORE0: PortVlan = PortVlan { port: 1, vlan: 0 };
const CORE0_100: PortVlan = PortVlan { port: 1, vlan: 100 };

fn view() -> RouterView {
    let interface = InterfaceView {
        interface: InterfaceName::from("core0"),
        mac: TAP,
        vrf: VrfId::DEFAULT,
        mpls_mtu: 1504,
        addresses: vec![
            "10.0.12.2/24".parse().unwrap(),
            "fe80::2/64".parse().unwrap(),
        ],
    };
    let tagged = InterfaceView {
        interface: InterfaceName::from("core0.100"),
        ..interface.clone()
    };
    RouterView {
        interfaces: [(CORE0, interface), (CORE0_100, tagged)].into(),
        fragment: true,
        ..RouterView::default()
    }
}

fn entry(label: u32, bottom_of_stack: bool, ttl: u8) -> LabelStackEntry {
    let label = Label::new(label).unwrap();
    let traffic_class = TrafficClass::new(3).unwrap();
    LabelStackEntry {
        label,
        traffic_class,
        bottom_of_stack,
        ttl,
    }
}

fn ip() -> Vec<u8> {
    let mut packet = Vec::new();
    let builder = PacketBuilder::ipv4([10, 1, 0, 2], [10, 2, 0, 2], 9).udp(40000, 33434);
    builder.write(&mut packet, b"probe").unwrap();
    packet
}

fn punted(reason: PuntReason, popped: Vec<LabelStackEntry>, frame: Vec<u8>) -> Punted {
    Punted {
        port: 1,
        reason,
        popped_count: popped.len() as u8,
        popped,
        max_length: None,
        frame: frame.into(),
    }
}

fn handler() -> (PuntHandler, Arc<PacketCounters>, Instant) {
    let counters = Arc::new(PacketCounters::default());
    let now = Instant::now();
    (PuntHandler::new(Arc::clone(&counters), now), counters, now)
}

fn of(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[test]
fn control_packets_reach_the_kernel_unchanged() {
    let (mut handler, _, now) = handler();
    let arp = frame::build(MacAddress([0xff; 6]), NEIGHBOUR, 0, 0x0806, &[b"who-has"]);
    let decision = handler.handle(
        &view(),
        &punted(PuntReason::Control, vec![], arp.clone()),
        now,
    );
    assert_eq!(decision, Decision::ToKernel(CORE0, arp));
}

#[test]
fn packets_for_the_router_and_gleaned_ones_are_addressed_to_the_tap() {
    let (mut handler, _, now) = handler();
    for reason in [PuntReason::ToRouter, PuntReason::Glean, PuntReason::NoRoute] {
        let octets = frame::build(MacAddress([2; 6]), NEIGHBOUR, 0, 0x0800, &[&ip()]);
        let decision = handler.handle(&view(), &punted(reason, vec![], octets), now);
        let expected = frame::build(TAP, NEIGHBOUR, 0, 0x0800, &[&ip()]);
        assert_eq!(decision, Decision::ToKernel(CORE0, expected));
    }
}

#[test]
fn the_kernel_answers_for_an_expired_ttl_without_labels() {
    let (mut handler, counters, now) = handler();
    let octets = frame::build(TAP, NEIGHBOUR, 0, 0x0800, &[&ip()]);
    let packet = punted(PuntReason::TtlExpired, vec![], octets.clone());
    assert_eq!(
        handler.handle(&view(), &packet, now),
        Decision::ToKernel(CORE0, octets)
    );
    assert_eq!(of(&counters.icmp_sent), 0);
}

#[test]
fn rfc_3032_2_3_2_the_answer_goes_on_along_the_lsp_with_the_stack_that_arrived() {
    let (mut handler, counters, now) = handler();
    let below = entry(200, true, 7).encode();
    let octets = frame::build(TAP, NEIGHBOUR, 0, ETHER_TYPE_MPLS, &[&below, &ip()]);
    let packet = punted(PuntReason::TtlExpired, vec![entry(100, false, 1)], octets);
    let Decision::AsReceived(1, answer) = handler.handle(&view(), &packet, now) else {
        panic!("no answer");
    };
    let frame = Frame::parse(&answer[0]).unwrap();
    assert_eq!(frame.destination(), TAP);
    assert_eq!(frame.ether_type(), ETHER_TYPE_MPLS);
    let (stack, packet) = LabelStack::decode(frame.payload()).unwrap();
    assert_eq!(stack[..], [entry(100, false, 255), entry(200, true, 255)]);
    assert_eq!(
        packet[12..16],
        [10, 0, 12, 2],
        "from the address of the ingress interface"
    );
    assert_eq!(packet[16..20], [10, 1, 0, 2], "to the source of the packet");
    // The extension tells the stack as it arrived.
    let quoted = usize::from(packet[25]) * 4;
    let extension = mpls::icmp::ExtensionStructure::decode(&packet[28 + quoted..]).unwrap();
    let told = extension.label_stack().unwrap();
    assert_eq!(told, [entry(100, false, 1), entry(200, true, 7)]);
    assert_eq!(of(&counters.icmp_sent), 1);
}

#[test]
fn rfc_4443_2_4_f_icmp_errors_are_limited_in_rate() {
    let (mut handler, counters, now) = handler();
    let octets = frame::build(TAP, NEIGHBOUR, 0, ETHER_TYPE_MPLS, &[&ip()]);
    let packet = punted(PuntReason::TtlExpired, vec![entry(100, true, 1)], octets);
    for _ in 0..1000 {
        handler.handle(&view(), &packet, now);
    }
    assert_eq!(of(&counters.icmp_sent), ICMP_BURST as u64);
    assert_eq!(of(&counters.icmp_suppressed), 1000 - ICMP_BURST as u64);
    let decision = handler.handle(&view(), &packet, now + Duration::from_secs(1));
    assert!(matches!(decision, Decision::AsReceived(1, _)));
}

#[test]
fn unknown_labels_end_here() {
    let (mut handler, counters, now) = handler();
    let label = entry(999, true, 64).encode();
    let octets = frame::build(TAP, NEIGHBOUR, 0, ETHER_TYPE_MPLS, &[&label, &ip()]);
    let packet = punted(PuntReason::UnknownLabel, vec![], octets);
    assert_eq!(handler.handle(&view(), &packet, now), Decision::Discard);
    assert_eq!(of(&counters.malformed), 0);
}

#[test]
fn what_cannot_be_understood_is_counted_and_dropped() {
    let (mut handler, counters, now) = handler();
    let endless = entry(100, false, 1).encode();
    let cases = [
        punted(PuntReason::TtlExpired, vec![], vec![0; 5]),
        punted(
            PuntReason::TtlExpired,
            vec![],
            frame::build(TAP, TAP, 0, ETHER_TYPE_MPLS, &[&endless]),
        ),
        punted(
            PuntReason::TtlExpired,
            vec![entry(100, true, 1)],
            frame::build(TAP, TAP, 0, ETHER_TYPE_MPLS, &[b"no ip"]),
        ),
        punted(
            PuntReason::TtlExpired,
            vec![entry(100, true, 1)],
            frame::build(TAP, TAP, 0, 0, &[]),
        ),
        punted(
            PuntReason::ToRouter,
            vec![],
            frame::build(TAP, TAP, 0, ETHER_TYPE_MPLS, &[&ip()]),
        ),
        punted(
            PuntReason::UnknownLabel,
            vec![],
            frame::build(TAP, TAP, 0, 0x0800, &[&ip()]),
        ),
        Punted {
            port: 9,
            ..punted(PuntReason::Control, vec![], vec![0; 60])
        },
    ];
    for (number, packet) in cases.iter().enumerate() {
        assert_eq!(handler.handle(&view(), packet, now), Decision::Discard);
        assert_eq!(of(&counters.malformed), number as u64 + 1, "{packet:?}");
    }
}

#[test]
fn a_tag_tells_the_interface_and_is_taken_off_for_the_kernel() {
    let (mut handler, counters, now) = handler();
    let hello = |vlan| {
        let group = MacAddress([1, 0, 0x5e, 0, 0, 2]);
        frame::build(group, NEIGHBOUR, vlan, 0x0800, &[&ip()])
    };
    for reason in [PuntReason::Control, PuntReason::Ldp] {
        let packet = punted(reason, vec![], hello(100));
        let decision = handler.handle(&view(), &packet, now);
        assert_eq!(decision, Decision::ToKernel(CORE0_100, hello(0)));
    }
    let packet = punted(PuntReason::Control, vec![], hello(101));
    assert_eq!(handler.handle(&view(), &packet, now), Decision::Discard);
    assert_eq!(of(&counters.malformed), 1);
}

fn udp(payload: usize, dont_fragment: bool) -> Vec<u8> {
    let mut packet = Vec::new();
    let builder = PacketBuilder::ipv4([10, 1, 0, 2], [10, 2, 0, 2], 9).udp(40000, 33434);
    builder.write(&mut packet, &vec![7; payload]).unwrap();
    packet[6] = if dont_fragment { 0x40 } else { 0 };
    packet
}

/// The packet swaps its top label, keeps the one below, and 1000 octets of that would fit.
fn too_big(packet: &[u8]) -> Punted {
    let below = entry(200, true, 7).encode();
    let octets = frame::build(TAP, NEIGHBOUR, 100, ETHER_TYPE_MPLS, &[&below, packet]);
    Punted {
        max_length: Some(1000),
        ..punted(PuntReason::MtuExceeded, vec![entry(100, false, 9)], octets)
    }
}

#[test]
fn rfc_3032_3_4_what_must_not_be_fragmented_is_answered_with_the_mtu_that_fits() {
    let (mut handler, _, now) = handler();
    let packet = too_big(&udp(1200, true));
    let Decision::AsReceived(1, frames) = handler.handle(&view(), &packet, now) else {
        panic!("no answer");
    };
    let frame = Frame::parse(&frames[0]).unwrap();
    assert_eq!(frame.vlan(), 100);
    let (stack, answer) = LabelStack::decode(frame.payload()).unwrap();
    assert_eq!(stack[..], [entry(100, false, 255), entry(200, true, 255)]);
    assert_eq!(answer[20..22], [3, 4]);
    // One label of four octets stays on the packet.
    assert_eq!(u16::from_be_bytes([answer[26], answer[27]]), 996);
}

#[test]
fn rfc_3032_3_4_what_may_be_fragmented_goes_on_in_pieces_with_its_labels() {
    let (mut handler, counters, now) = handler();
    let packet = too_big(&udp(1200, false));
    let Decision::AsReceived(1, frames) = handler.handle(&view(), &packet, now) else {
        panic!("no fragments");
    };
    assert_eq!(frames.len(), 2);
    for octets in &frames {
        let frame = Frame::parse(octets).unwrap();
        assert_eq!((frame.destination(), frame.vlan()), (TAP, 100));
        let (stack, fragment) = LabelStack::decode(frame.payload()).unwrap();
        // As they came: the switch takes one from the TTL when it forwards.
        assert_eq!(stack[..], [entry(100, false, 9), entry(200, true, 7)]);
        assert!(fragment.len() <= 996);
    }
    assert_eq!(of(&counters.fragmented), 1);

    let view = RouterView {
        fragment: false,
        ..view()
    };
    assert_eq!(handler.handle(&view, &packet, now), Decision::Discard);
    assert_eq!(of(&counters.too_big), 1);
}

#[test]
fn a_packet_that_fits_does_not_go_round_for_ever() {
    let (mut handler, counters, now) = handler();
    // 996 octets of IP below the label that stays.
    let packet = too_big(&udp(968, false));
    assert_eq!(handler.handle(&view(), &packet, now), Decision::Discard);
    assert_eq!(of(&counters.too_big), 1);
}

#[test]
fn a_packet_that_is_too_big_before_its_first_label_is_answered_without_labels() {
    let (mut handler, _, now) = handler();
    let octets = frame::build(TAP, NEIGHBOUR, 0, 0x0800, &[&udp(1200, true)]);
    let packet = Punted {
        max_length: Some(1000),
        ..punted(PuntReason::MtuExceeded, vec![], octets)
    };
    let Decision::AsReceived(1, frames) = handler.handle(&view(), &packet, now) else {
        panic!("no answer");
    };
    let frame = Frame::parse(&frames[0]).unwrap();
    assert_eq!((frame.destination(), frame.ether_type()), (TAP, 0x0800));
    let answer = frame.payload();
    assert_eq!(u16::from_be_bytes([answer[26], answer[27]]), 1000);
    // RFC 4884, 4.1: no extension, no length.
    assert_eq!(answer[25], 0);
}

#[test]
fn rfc_1812_no_answer_to_what_came_to_a_group_of_stations() {
    let (mut handler, counters, now) = handler();
    let group = MacAddress([1, 0, 0x5e, 0x80, 0, 1]);
    let octets = frame::build(group, NEIGHBOUR, 0, ETHER_TYPE_MPLS, &[&ip()]);
    let packet = punted(PuntReason::TtlExpired, vec![entry(100, true, 1)], octets);
    assert_eq!(handler.handle(&view(), &packet, now), Decision::Discard);
    assert_eq!(of(&counters.icmp_sent), 0);
}

#[test]
fn rfc_1812_no_answer_to_a_directed_broadcast() {
    let (mut handler, counters, now) = handler();
    let mut packet = ip();
    packet[16..20].copy_from_slice(&[10, 0, 12, 255]);
    let octets = frame::build(TAP, NEIGHBOUR, 0, ETHER_TYPE_MPLS, &[&packet]);
    let packet = punted(PuntReason::TtlExpired, vec![entry(100, true, 1)], octets);
    assert_eq!(handler.handle(&view(), &packet, now), Decision::Discard);
    assert_eq!(of(&counters.icmp_sent), 0);
}

#[test]
fn a_stack_of_which_a_part_is_not_known_is_not_answered() {
    let (mut handler, counters, now) = handler();
    let octets = frame::build(TAP, NEIGHBOUR, 0, ETHER_TYPE_MPLS, &[&ip()]);
    let packet = Punted {
        popped_count: 4,
        ..punted(PuntReason::TtlExpired, vec![entry(100, true, 1)], octets)
    };
    assert_eq!(handler.handle(&view(), &packet, now), Decision::Discard);
    assert_eq!(of(&counters.icmp_sent), 0);
}

#[test]
fn packets_that_no_protocol_takes_are_counted_by_their_labels() {
    let (mut handler, counters, now) = handler();
    let gal = entry(13, true, 1).encode();
    for _ in 0..3 {
        let octets = frame::build(
            TAP,
            NEIGHBOUR,
            0,
            ETHER_TYPE_MPLS,
            &[&gal, &[0x10, 0, 0, 7]],
        );
        let packet = punted(PuntReason::GAch, vec![entry(100, false, 1)], octets);
        assert_eq!(handler.handle(&view(), &packet, now), Decision::Discard);
    }
    let [count] = &counters.stacks()[..] else {
        panic!("{:?}", counters.stacks());
    };
    assert_eq!((count.reason, count.packets), (PuntReason::GAch, 3));
    let labels: Vec<u32> = count.labels.iter().map(|label| label.value()).collect();
    assert_eq!(labels, [100, 13]);
}
