//! Packets to and from the daemon.

use crate::dut::{Drop, Dut, Ftn, Ilm, Punt};
use crate::frame::{IPV4, Ipv4, MPLS, forwarded, received, stack};

/// PacketOut to a port: the frame leaves as the daemon wrote it.
#[test]
fn a_packet_out_leaves_by_its_port_as_it_is() {
    let dut = Dut::new();
    for frame in [
        forwarded(MPLS, &[&stack(&[3], 0, 1)]),
        vec![0xaa; 14],
        vec![0xbb; 1500],
    ] {
        assert_eq!(dut.packet_out(2, &frame).frames, [(2, frame)]);
    }
}

/// PacketOut into the pipeline: the frame is treated as received on the port that it names.
#[test]
fn a_packet_out_can_be_submitted_to_ingress() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::Swap(dut.path(&[200])));
    let packet = Ipv4::to([10, 2, 0, 2]).octets();
    let frame = received(MPLS, &[&stack(&[100], 0, 255), &packet]);
    dut.packet_out_as_received_on(1, &frame)
        .is_forwarded(2, &forwarded(MPLS, &[&stack(&[200], 0, 254), &packet]));
    dut.packet_out_as_received_on(3, &frame)
        .is_dropped(Drop::MplsNotEnabled);
}

/// An ILM entry can hand its packets to the daemon, with the label in place.
#[test]
fn a_label_can_be_bound_to_the_daemon() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::Punt(Punt::LabelAction));
    let frame = received(
        MPLS,
        &[&stack(&[100], 0, 64), &Ipv4::to([10, 2, 0, 2]).octets()],
    );
    let punted = dut.send(1, &frame).punted(Punt::LabelAction);
    assert_eq!((punted.frame, punted.popped.len()), (frame, 0));
}

/// Connected prefixes, the router's own addresses, and destinations without a route.
#[test]
fn ip_packets_reach_the_daemon_with_the_reason() {
    let dut = Dut::new();
    dut.ftn4(0, [10, 1, 0, 0], 24, Ftn::Glean);
    dut.ftn4(0, [10, 1, 0, 1], 32, Ftn::ToRouter);
    let cases = [
        ([10, 1, 0, 9], Punt::Glean, vec![]),
        ([10, 1, 0, 1], Punt::ToRouter, vec![]),
        ([192, 0, 2, 1], Punt::NoRoute, vec![Drop::NoRoute]),
    ];
    for (dst, reason, dropped) in cases {
        let frame = received(IPV4, &[&Ipv4::to(dst).octets()]);
        let outcome = dut.send(1, &frame);
        assert_eq!(outcome.dropped, dropped);
        assert_eq!(outcome.punted(reason).frame, frame);
    }
}

/// RFC 8029 section 5 and good sense: what goes to the control plane is limited for each class, and what
/// is over the limit is dropped and counted.
#[test]
fn punts_are_metered_for_each_class() {
    let dut = Dut::new();
    dut.punt_rate(Punt::ToRouter, 1, 5);
    dut.ftn4(0, [10, 1, 0, 1], 32, Ftn::ToRouter);
    dut.ftn4(0, [10, 1, 0, 0], 24, Ftn::Glean);
    let own = received(IPV4, &[&Ipv4::to([10, 1, 0, 1]).octets()]);
    let mut punted = 0;
    let mut dropped = 0;
    for _ in 0..50 {
        let outcome = dut.send(1, &own);
        punted += outcome.packet_ins.len();
        dropped += outcome
            .dropped
            .iter()
            .filter(|&&reason| reason == Drop::PuntRate)
            .count();
    }
    assert_eq!(punted + dropped, 50);
    assert!(
        (5..50).contains(&punted),
        "{punted} of 50 passed a burst of 5"
    );
    // Another class is not touched.
    dut.send(1, &received(IPV4, &[&Ipv4::to([10, 1, 0, 9]).octets()]))
        .punted(Punt::Glean);
}
