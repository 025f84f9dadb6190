//! Special-purpose labels (RFC 3032 section 2.1, RFC 6790, RFC 7274, RFC 9017).

use crate::dut::{Drop, Dut, Ftn, IPV4_BELOW, Ilm, NOTHING_BELOW, PIPE, Path, Punt, UNIFORM};
use crate::frame::{IPV4, Ipv4, MPLS, entry, forwarded, received, stack};

/// The label space of the extended special-purpose labels.
const EXTENDED: u16 = 0xffff;

fn dut() -> Dut {
    let dut = Dut::new();
    dut.explicit_nulls();
    dut.ilm(1, Ilm::Punt(Punt::RouterAlert));
    for label in [3, 4, 5, 6, 8, 9, 10, 11, 12, 14] {
        dut.ilm(label, Ilm::Discard);
    }
    dut.ilm(7, Ilm::EntropyIndicator(IPV4_BELOW, UNIFORM));
    dut.ilm(13, Ilm::Punt(Punt::GAch));
    dut.ilm(15, Ilm::PopLabelIn(EXTENDED, UNIFORM));
    dut
}

fn packet() -> Ipv4 {
    Ipv4::to([10, 2, 0, 2])
}

/// RFC 3032 section 2.1: implicit null never stands on the wire; RFC 7274 section 3 and RFC 9017: a
/// special-purpose label that is not known is discarded, on top or uncovered by a pop.
#[test]
fn special_purpose_labels_without_a_meaning_are_discarded() {
    let dut = dut();
    dut.ilm(100, Ilm::PopLabel(UNIFORM));
    for label in [3, 4, 5, 6, 8, 9, 10, 11, 12, 14] {
        for labels in [
            vec![label],
            vec![label, 16],
            vec![100, label],
            vec![0, label],
        ] {
            dut.send(
                1,
                &received(MPLS, &[&stack(&labels, 0, 64), &packet().octets()]),
            )
            .is_dropped(Drop::SpecialPurposeLabel);
        }
    }
}

/// RFC 3032 section 2.1: router alert goes to the router's software, and never stands at the bottom.
#[test]
fn router_alert_goes_to_the_daemon() {
    let dut = dut();
    let frame = received(MPLS, &[&stack(&[1, 100], 0, 64), &packet().octets()]);
    assert_eq!(dut.send(1, &frame).punted(Punt::RouterAlert).frame, frame);
    dut.send(
        1,
        &received(MPLS, &[&stack(&[1], 0, 64), &packet().octets()]),
    )
    .is_dropped(Drop::SpecialPurposeLabel);
}

/// RFC 5586 section 4.2: the GAL goes to the daemon at the end of its LSP, with the labels above it;
/// a transit LSR does not look below the label that it swaps.
#[test]
fn the_generic_associated_channel_ends_where_its_lsp_ends() {
    let dut = dut();
    dut.ilm(100, Ilm::PopLabel(UNIFORM));
    dut.ilm(101, Ilm::PopIp(0, IPV4_BELOW, UNIFORM));
    dut.ilm(102, Ilm::Swap(dut.path(&[200])));
    let channel = [0x10, 0x00, 0x00, 0x07, 1, 2, 3, 4];
    for label in [100, 101] {
        let frame = received(MPLS, &[&stack(&[label, 13], 0, 64), &channel]);
        let punted = dut.send(1, &frame).punted(Punt::GAch);
        assert_eq!(punted.popped, [entry(label, 0, false, 64)]);
        assert_eq!(
            punted.frame,
            received(MPLS, &[&entry(13, 0, true, 64), &channel])
        );
    }
    dut.send(1, &received(MPLS, &[&stack(&[102, 13], 0, 64), &channel]))
        .is_forwarded(
            2,
            &forwarded(
                MPLS,
                &[&entry(200, 0, false, 63), &entry(13, 0, true, 64), &channel],
            ),
        );
}

/// RFC 7274 section 3.1: behind label 15 stands an extended special-purpose label, of a space of its own,
/// in which 0 to 15 have no meaning but 7.
#[test]
fn the_label_behind_an_extension_label_is_of_another_space() {
    let dut = dut();
    dut.ilm_in(EXTENDED, 300, Ilm::Punt(Punt::LabelAction));
    dut.ilm(300, Ilm::Swap(dut.path(&[400])));
    for label in (0..16).filter(|&label| label != 7) {
        dut.ilm_in(EXTENDED, label, Ilm::Discard);
    }
    dut.ilm_in(EXTENDED, 7, Ilm::EntropyIndicator(NOTHING_BELOW, UNIFORM));
    let send = |labels: &[u32]| {
        dut.send(
            1,
            &received(MPLS, &[&stack(labels, 0, 64), &packet().octets()]),
        )
    };
    send(&[15, 300]).punted(Punt::LabelAction);
    assert_eq!(send(&[300]).frames.len(), 1);
    for label in (0..16).filter(|&label| label != 7) {
        send(&[15, label]).is_dropped(Drop::SpecialPurposeLabel);
    }
    // But 7 is the entropy label indicator there too; what is behind is of that space still.
    send(&[15, 7, 5000, 300]).punted(Punt::LabelAction);
    send(&[15, 7]).is_dropped(Drop::LabelStack);
    // RFC 7274 section 3: an extension label has a label behind it.
    send(&[15]).is_dropped(Drop::LabelStack);
    assert_eq!(send(&[15, 301]).dropped, [Drop::UnknownLabel]);
}

/// RFC 6790 section 4.3: the egress takes the indicator and the entropy label off with the label above;
/// the entropy label is never looked up, whatever its value, and its TTL of 0 stops nothing.
#[test]
fn the_egress_removes_the_entropy_label_with_the_label_above() {
    let dut = dut();
    dut.ilm(100, Ilm::PopIp(0, IPV4_BELOW, UNIFORM));
    dut.ilm(101, Ilm::PopLabel(PIPE));
    dut.ilm(300, Ilm::Swap(dut.path(&[400])));
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(dut.path(&[])));
    for value in [16, 300, 0xfffff] {
        let at_the_bottom = [
            entry(100, 0, false, 40),
            entry(7, 0, false, 40),
            entry(value, 0, true, 0),
        ];
        dut.send(
            1,
            &received(MPLS, &[&at_the_bottom.concat(), &packet().octets()]),
        )
        .is_forwarded(2, &forwarded(IPV4, &[&packet().ttl(39).octets()]));
        let above_another = [
            entry(101, 0, false, 40),
            entry(7, 0, false, 40),
            entry(value, 0, false, 0),
            entry(300, 3, true, 20),
        ];
        dut.send(
            1,
            &received(MPLS, &[&above_another.concat(), &packet().octets()]),
        )
        .is_forwarded(
            2,
            &forwarded(MPLS, &[&entry(400, 3, true, 19), &packet().octets()]),
        );
    }
}

/// RFC 6790 section 4.4: a penultimate hop that knows the indicator takes both off with the tunnel label.
#[test]
fn the_penultimate_hop_removes_the_entropy_label() {
    let dut = dut();
    dut.ilm(100, Ilm::PopForward(dut.path(&[]), IPV4_BELOW, UNIFORM));
    let entropy = [entry(100, 0, false, 40), entry(7, 0, false, 40)].concat();
    dut.send(
        1,
        &received(
            MPLS,
            &[&entropy, &entry(5000, 0, true, 0), &packet().octets()],
        ),
    )
    .is_forwarded(2, &forwarded(IPV4, &[&packet().ttl(39).octets()]));
    let below = entry(300, 3, true, 20);
    dut.send(
        1,
        &received(
            MPLS,
            &[
                &entropy,
                &entry(5000, 0, false, 0),
                &below,
                &packet().octets(),
            ],
        ),
    )
    .is_forwarded(
        2,
        &forwarded(MPLS, &[&entry(300, 0, true, 39), &packet().octets()]),
    );
}

/// RFC 6790 section 4.3: after PHP by a hop that does not know the indicator it stands on top.
#[test]
fn an_indicator_on_top_is_removed_with_its_entropy_label() {
    let dut = dut();
    dut.ilm(300, Ilm::Swap(dut.path(&[400])));
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(dut.path(&[])));
    let with = |bottom, below: &[u8]| {
        let labels = [entry(7, 2, false, 40), entry(77777, 0, bottom, 0)].concat();
        received(MPLS, &[&labels, below, &packet().octets()])
    };
    dut.send(1, &with(true, &[]))
        .is_forwarded(2, &forwarded(IPV4, &[&packet().ttl(39).octets()]));
    dut.send(1, &with(false, &entry(300, 3, true, 20)))
        .is_forwarded(
            2,
            &forwarded(MPLS, &[&entry(400, 2, true, 39), &packet().octets()]),
        );
    // An indicator without its entropy label.
    dut.send(
        1,
        &received(MPLS, &[&entry(7, 0, true, 40), &packet().octets()]),
    )
    .is_dropped(Drop::LabelStack);
    dut.ilm(100, Ilm::PopLabel(UNIFORM));
    dut.send(
        1,
        &received(MPLS, &[&stack(&[100, 7], 0, 9), &packet().octets()]),
    )
    .is_dropped(Drop::LabelStack);
}

/// RFC 6790 section 4.2: the ingress pushes indicator and entropy label below the tunnel label: the
/// indicator has its TC and TTL, the entropy label has TTL 0, tells the flow, and is never special.
#[test]
fn the_ingress_pushes_an_entropy_label_below_the_tunnel_label() {
    let dut = dut();
    for (net, position) in [(1, 1), (2, 2)] {
        let path = Path {
            entropy: position,
            ..Path::new(&[300, 200], 2)
        };
        dut.ftn4(0, [10, net, 0, 0], 16, Ftn::Forward(dut.group_of(&[path])));
        let mut values = std::collections::BTreeSet::new();
        for flow in 0..40 {
            let packet = Ipv4::to([10, net, 0, 2])
                .dscp(0b101_110)
                .src_port(1000 + flow);
            let frame = received(IPV4, &[&packet.octets()]);
            let outcome = dut.send(1, &frame);
            let out = &outcome.frames[0].1;
            let at = |index: usize| &out[14 + index * 4..18 + index * 4];
            let value = |index| u32::from_be_bytes(at(index).try_into().unwrap()) >> 12;
            let (indicator, entropy, last) = if position == 1 { (1, 2, 3) } else { (2, 3, 1) };
            assert_eq!(at(0), entry(300, 5, false, 63));
            assert_eq!(at(indicator), entry(7, 5, false, 63));
            assert_eq!(at(entropy), entry(value(entropy), 5, position == 2, 0));
            assert_eq!(at(last), entry(200, 5, position == 1, 63));
            assert_eq!(out[30..], packet.clone().ttl(63).octets());
            assert!(value(entropy) >= 16);
            values.insert(value(entropy));
            assert_eq!(
                dut.send(1, &frame).frames,
                outcome.frames,
                "a flow has one label"
            );
        }
        assert!(values.len() > 35, "{} labels for 40 flows", values.len());
    }
}

/// RFC 3032 section 2.1: a label below the last one of the router's own that is not special has no
/// meaning here.
#[test]
fn an_ordinary_label_below_the_end_of_an_lsp_is_dropped() {
    let dut = dut();
    dut.ilm(101, Ilm::PopIp(0, IPV4_BELOW, UNIFORM));
    dut.ilm(300, Ilm::Swap(dut.path(&[400])));
    dut.ilm(102, Ilm::PopForward(dut.path(&[]), NOTHING_BELOW, UNIFORM));
    dut.send(
        1,
        &received(MPLS, &[&stack(&[101, 300], 0, 64), &packet().octets()]),
    )
    .is_dropped(Drop::LabelPayload);
    // RFC 4182: but an explicit null may be there.
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(dut.path(&[])));
    dut.send(
        1,
        &received(MPLS, &[&stack(&[101, 0], 0, 64), &packet().octets()]),
    )
    .is_forwarded(2, &forwarded(IPV4, &[&packet().ttl(63).octets()]));
}
