use std::time::Duration;

use etherparse::PacketBuilder;
use forwarding::{InterfaceName, MacAddress, VrfId};
use mpls::{Label, LabelStack, TrafficClass};

use super::*;

const TAP: MacAddress = MacAddress([2, 10, 255, 0, 1, 1]);
const NEIGHBOUR: MacAddress = MacAddress([2, 10, 255, 0, 2, 1]);

fn view() -> RouterView {
    let port = PortView {
        interface: InterfaceName::from("core0"),
        mac: TAP,
        vrf: VrfId::DEFAULT,
        addresses: vec![
            "10.0.12.2/24".parse().unwrap(),
            "fe80::2/64".parse().unwrap(),
        ],
    };
    RouterView {
        ports: [(1, port)].into(),
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
        popped,
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
    let arp = frame::build(MacAddress([0xff; 6]), NEIGHBOUR, 0x0806, &[b"who-has"]);
    let decision = handler.handle(
        &view(),
        &punted(PuntReason::Control, vec![], arp.clone()),
        now,
    );
    assert_eq!(decision, Decision::ToKernel(arp));
}

#[test]
fn packets_for_the_router_and_gleaned_ones_are_addressed_to_the_tap() {
    let (mut handler, _, now) = handler();
    for reason in [PuntReason::ToRouter, PuntReason::Glean, PuntReason::NoRoute] {
        let octets = frame::build(MacAddress([2; 6]), NEIGHBOUR, 0x0800, &[&ip()]);
        let decision = handler.handle(&view(), &punted(reason, vec![], octets), now);
        let expected = frame::build(TAP, NEIGHBOUR, 0x0800, &[&ip()]);
        assert_eq!(decision, Decision::ToKernel(expected));
    }
}

#[test]
fn the_kernel_answers_for_an_expired_ttl_without_labels() {
    let (mut handler, counters, now) = handler();
    let octets = frame::build(TAP, NEIGHBOUR, 0x0800, &[&ip()]);
    let packet = punted(PuntReason::TtlExpired, vec![], octets.clone());
    assert_eq!(
        handler.handle(&view(), &packet, now),
        Decision::ToKernel(octets)
    );
    assert_eq!(of(&counters.icmp_sent), 0);
}

#[test]
fn rfc_3032_2_3_2_the_answer_goes_on_along_the_lsp_with_the_stack_that_arrived() {
    let (mut handler, counters, now) = handler();
    let below = entry(200, true, 7).encode();
    let octets = frame::build(TAP, NEIGHBOUR, ETHER_TYPE_MPLS, &[&below, &ip()]);
    let packet = punted(PuntReason::TtlExpired, vec![entry(100, false, 1)], octets);
    let Decision::AsReceived(answer) = handler.handle(&view(), &packet, now) else {
        panic!("no answer");
    };
    let frame = Frame::parse(&answer).unwrap();
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
    let octets = frame::build(TAP, NEIGHBOUR, ETHER_TYPE_MPLS, &[&ip()]);
    let packet = punted(PuntReason::TtlExpired, vec![entry(100, true, 1)], octets);
    for _ in 0..1000 {
        handler.handle(&view(), &packet, now);
    }
    assert_eq!(of(&counters.icmp_sent), ICMP_BURST as u64);
    assert_eq!(of(&counters.icmp_suppressed), 1000 - ICMP_BURST as u64);
    let decision = handler.handle(&view(), &packet, now + Duration::from_secs(1));
    assert!(matches!(decision, Decision::AsReceived(_)));
}

#[test]
fn unknown_labels_end_here() {
    let (mut handler, counters, now) = handler();
    let label = entry(999, true, 64).encode();
    let octets = frame::build(TAP, NEIGHBOUR, ETHER_TYPE_MPLS, &[&label, &ip()]);
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
            frame::build(TAP, TAP, ETHER_TYPE_MPLS, &[&endless]),
        ),
        punted(
            PuntReason::TtlExpired,
            vec![entry(100, true, 1)],
            frame::build(TAP, TAP, ETHER_TYPE_MPLS, &[b"no ip"]),
        ),
        punted(
            PuntReason::TtlExpired,
            vec![entry(100, true, 1)],
            frame::build(TAP, TAP, 0, &[]),
        ),
        punted(
            PuntReason::ToRouter,
            vec![],
            frame::build(TAP, TAP, ETHER_TYPE_MPLS, &[&ip()]),
        ),
        punted(
            PuntReason::UnknownLabel,
            vec![],
            frame::build(TAP, TAP, 0x0800, &[&ip()]),
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
