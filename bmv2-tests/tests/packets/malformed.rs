//! Packets that are cut off or never end: each ends in a counter, none is forwarded wrong.

use proptest::prelude::*;

use crate::dut::{Drop, Dut, Ftn, IPV4_BELOW, Ilm, UNIFORM};
use crate::frame::{IPV4, Ipv4, MPLS, entry, received, stack};

/// RFC 3032 section 2.1: the last entry of a stack has the S bit. A packet that ends before it is no
/// labelled packet.
#[test]
fn a_stack_that_ends_with_the_packet_is_dropped() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::Swap(dut.path(&[200])));
    for depth in 1..8 {
        let labels: Vec<u8> = (0..depth).flat_map(|_| entry(100, 0, false, 64)).collect();
        for cut in 0..4 {
            let outcome = dut.send(1, &received(MPLS, &[&labels, &vec![0; cut]]));
            assert_eq!(
                outcome.dropped,
                [Drop::LabelStack],
                "{depth} labels, {cut} octets more"
            );
            assert!(outcome.frames.is_empty());
        }
    }
    dut.send(1, &received(MPLS, &[]))
        .is_dropped(Drop::LabelStack);
}

/// Every cut of a good packet: dropped with a reason, or forwarded with each octet that came.
#[test]
fn a_packet_cut_anywhere_is_dropped_or_forwarded_whole() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::Swap(dut.path(&[200])));
    dut.ilm(101, Ilm::PopForward(dut.path(&[]), IPV4_BELOW, UNIFORM));
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(dut.path(&[300])));
    let packet = Ipv4::to([10, 2, 0, 2]).options(&[1; 8]).octets();
    let frames = [
        (received(MPLS, &[&stack(&[100, 500], 0, 64), &packet]), 0),
        (received(MPLS, &[&stack(&[101], 0, 64), &packet]), -4),
        (received(IPV4, &[&packet]), 4),
    ];
    for (frame, growth) in frames {
        for length in 0..frame.len() {
            let outcome = dut.send(1, &frame[..length]);
            assert!(outcome.packet_ins.is_empty(), "{length}: {outcome:?}");
            match outcome.frames.as_slice() {
                // A real port takes nothing shorter than an Ethernet header.
                [] if length < 14 => assert!(outcome.dropped.len() <= 1),
                [] => assert_eq!(outcome.dropped.len(), 1, "cut at {length}: {outcome:?}"),
                [(_, out)] => {
                    assert_eq!(out.len() as i64, length as i64 + growth, "cut at {length}");
                    let tail = length.saturating_sub(30).min(20);
                    assert_eq!(out[out.len() - tail..], frame[length - tail..length]);
                }
                more => panic!("cut at {length}: {more:?}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Any octets at all: at most one packet comes out, and one that vanishes is counted.
    #[test]
    fn any_frame_ends_in_one_place(
        labelled in any::<bool>(),
        labels in prop::collection::vec((0u32..260, any::<bool>(), 0u8..4), 0..12),
        rest in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        use std::cell::OnceCell;
        thread_local! { static DUT: OnceCell<Dut> = const { OnceCell::new() }; }
        DUT.with(|dut| {
            let dut = dut.get_or_init(|| {
                let dut = Dut::new();
                dut.explicit_nulls();
                for label in (16..256).step_by(4) {
                    dut.ilm(label, Ilm::Swap(dut.path(&[label + 1000])));
                    dut.ilm(label + 1, Ilm::PopLabel(UNIFORM));
                    dut.ilm(label + 2, Ilm::PopIp(0, IPV4_BELOW, UNIFORM));
                    dut.ilm(label + 3, Ilm::PopForward(dut.path(&[]), IPV4_BELOW, UNIFORM));
                }
                dut.ftn4(0, [0, 0, 0, 0], 0, Ftn::Forward(dut.path(&[300])));
                dut
            });
            let stack: Vec<u8> =
                labels.iter().flat_map(|&(label, bottom, ttl)| entry(label, 0, bottom, ttl)).collect();
            let ether_type = if labelled { MPLS } else { IPV4 };
            let outcome = dut.send(1, &received(ether_type, &[&stack, &rest]));
            let places = outcome.frames.len() + outcome.dropped.len().max(outcome.packet_ins.len());
            assert_eq!(places, 1, "{outcome:?}");
        });
    }
}
