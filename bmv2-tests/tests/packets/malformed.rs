//! Packets that are cut off or never end: each ends in a counter, none is forwarded wrong.

use proptest::prelude::*;

use crate::dut::{Drop, Dut, Ftn, IPV4_BELOW, Ilm, Path, UNIFORM};
use crate::frame::{IPV4, Ipv4, MPLS, entry, forwarded, received, stack, tagged};

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

/// Every cut of a good packet, on every way through the router: dropped with a reason, or forwarded with
/// each octet that came.
#[test]
fn a_packet_cut_anywhere_is_dropped_or_forwarded_whole() {
    let dut = Dut::new();
    dut.interface(1, 10, true, 0, 0, 0);
    dut.ilm(7, Ilm::EntropyIndicator(IPV4_BELOW, UNIFORM));
    dut.ilm(100, Ilm::Swap(dut.path(&[200])));
    dut.ilm(101, Ilm::PopForward(dut.path(&[]), IPV4_BELOW, UNIFORM));
    dut.ilm(102, Ilm::PopIp(0, IPV4_BELOW, UNIFORM));
    dut.ilm(103, Ilm::PopLabel(UNIFORM));
    dut.ilm(104, Ilm::PopAttachment(dut.attachment(5, 0), true));
    dut.branches(3, &[Path::new(&[900], 4)]);
    dut.ilm(105, Ilm::Replicate(3));
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(dut.path(&[300])));
    let from = (0x0a01_0002u32.into(), u32::MAX.into());
    dut.tunnel_end(4, 3, 0x0a09_0909u32.into(), from, 0);
    let packet = Ipv4::to([10, 2, 0, 2]).options(&[1; 8]).octets();
    let labelled = |labels: &[u32]| received(MPLS, &[&stack(labels, 0, 64), &packet]);
    let mut tunnelled = Ipv4::to([10, 9, 9, 9]).protocol(137);
    tunnelled.payload = [stack(&[100, 500], 0, 64), packet.clone()].concat()[8..].to_vec();
    let mut tunnelled = tunnelled.octets();
    tunnelled.splice(20..28, stack(&[100, 500], 0, 64));
    // The frame, and how much longer it is when it leaves.
    let frames = [
        (labelled(&[100, 500]), 0),
        (tagged(&labelled(&[100, 500]), 10, 0), -4),
        (labelled(&[101]), -4),
        (labelled(&[102]), 0),
        (labelled(&[103, 100]), -4),
        (labelled(&[103, 103, 103, 103, 100]), -16),
        (labelled(&[103, 7, 9999, 100]), -12),
        (labelled(&[105]), 0),
        (
            received(MPLS, &[&stack(&[104], 0, 64), &[0; 4], &labelled(&[1])]),
            -22,
        ),
        (received(IPV4, &[&packet]), 4),
        (received(IPV4, &[&tunnelled]), -20),
    ];
    let shortest = if dut.has_kernel_links() { 36 } else { 18 };
    for (index, (frame, growth)) in frames.into_iter().enumerate() {
        assert_eq!(
            dut.send(1, &frame).frames.len(),
            1,
            "packet {index} as a whole"
        );
        for length in 0..frame.len() {
            let outcome = dut.send(1, &frame[..length]);
            assert!(
                outcome.packet_ins.is_empty(),
                "{index} cut at {length}: {outcome:?}"
            );
            match outcome.frames.as_slice() {
                // What a real port does not take or send, as shorter than an Ethernet header and its tag.
                [] if length < shortest => assert!(outcome.dropped.len() <= 1),
                [] => assert_eq!(
                    outcome.dropped.len(),
                    1,
                    "{index} cut at {length}: {outcome:?}"
                ),
                [(_, out)] => {
                    assert_eq!(
                        out.len() as i64,
                        length as i64 + growth,
                        "{index} cut at {length}"
                    );
                    let tail = length.saturating_sub(40).min(20);
                    assert_eq!(out[out.len() - tail..], frame[length - tail..length]);
                }
                more => panic!("{index} cut at {length}: {more:?}"),
            }
        }
    }
}

/// RFC 7325 section 1.3, item 2: thirty labels without a bottom: by the labels that are looked at the
/// packet may be forwarded, where the end of the stack matters it is dropped.
#[test]
fn a_deep_stack_without_bottom_is_never_taken_for_a_packet() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::Swap(dut.path(&[200])));
    dut.ilm(101, Ilm::PopLabel(UNIFORM));
    dut.ilm(102, Ilm::PopIp(0, IPV4_BELOW, UNIFORM));
    let stack = |top: u32, below: u32| {
        [
            entry(top, 0, false, 64).to_vec(),
            entry(below, 0, false, 64).repeat(29),
        ]
        .concat()
    };
    dut.send(1, &received(MPLS, &[&stack(100, 500)]))
        .is_forwarded(
            2,
            &forwarded(MPLS, &[&entry(200, 0, false, 63), &stack(500, 500)[..116]]),
        );
    dut.send(1, &received(MPLS, &[&stack(101, 101)]))
        .is_dropped(Drop::TooManyPops);
    dut.send(1, &received(MPLS, &[&stack(102, 500)]))
        .is_dropped(Drop::LabelPayload);
    for top in [100, 101] {
        let mut expired = stack(top, 500);
        expired[3] = 0;
        let outcome = dut.send(1, &received(MPLS, &[&expired]));
        assert!(
            outcome.frames.is_empty() && !outcome.dropped.is_empty(),
            "{outcome:?}"
        );
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
