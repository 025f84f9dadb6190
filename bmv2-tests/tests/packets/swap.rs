//! Label swapping (RFC 3031 section 3.13).

use crate::dut::{Drop, Dut, Ilm};
use crate::frame::{Ipv4, MPLS, forwarded, received, stack};

/// RFC 3032 section 2.4.2: the outgoing TTL is the incoming TTL less one; RFC 5462 section 3: the TC
/// goes on; RFC 3031 section 3.10: the top label is replaced.
#[test]
fn swap_replaces_the_label_keeps_the_tc_and_decrements_the_ttl() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::Swap(dut.path(&[200])));
    let packet = Ipv4::to([10, 2, 0, 2]).octets();
    let outcome = dut.send(1, &received(MPLS, &[&stack(&[100], 5, 64), &packet]));
    outcome.is_forwarded(2, &forwarded(MPLS, &[&stack(&[200], 5, 63), &packet]));
}

/// RFC 3032 section 2.4.3: only the label's TTL changes on a labelled packet; the IP TTL stays.
#[test]
fn swap_leaves_what_lies_below_the_stack_alone() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::Swap(dut.path(&[200])));
    let mut damaged = Ipv4::to([10, 2, 0, 2]).octets();
    damaged[10] ^= 0xff; // a wrong IP checksum is not a label switching router's business
    let ethernet_like = [0x4f; 60]; // a first nibble of 4 that is no IPv4
    let short = [0x45, 0x00]; // shorter than the IP header that its first nibble promises
    let payloads: [&[u8]; 5] = [&damaged, &ethernet_like, &short, &[0x60], &[]];
    for payload in payloads {
        let outcome = dut.send(1, &received(MPLS, &[&stack(&[100], 0, 9), payload]));
        outcome.is_forwarded(2, &forwarded(MPLS, &[&stack(&[200], 0, 8), payload]));
    }
}

/// RFC 7325 section 1.3, item 2: a packet is forwarded by the labels that were looked at, however
/// deep the stack is.
#[test]
fn swap_works_at_every_depth() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::Swap(dut.path(&[200])));
    let packet = Ipv4::to([10, 2, 0, 2]).octets();
    for depth in [1, 2, 3, 6, 7, 8, 9, 10, 12, 16, 30] {
        let mut labels: Vec<u32> = (1000..1000 + depth).collect();
        labels[0] = 100;
        let incoming = stack(&labels, 3, 70);
        labels[0] = 200;
        let mut outgoing = stack(&labels, 3, 70);
        outgoing[3] = 69;
        let outcome = dut.send(1, &received(MPLS, &[&incoming, &packet]));
        outcome.is_forwarded(2, &forwarded(MPLS, &[&outgoing, &packet]));
    }
}

/// RFC 3031 section 3.10: an NHLFE may replace the top label and push more. Nothing below is lost,
/// also when the stack is as deep as the parser goes.
#[test]
fn swap_and_push_keeps_every_label_below() {
    let dut = Dut::new();
    let packet = Ipv4::to([10, 2, 0, 2]).octets();
    let pushed: [&[u32]; 4] = [&[200], &[300, 200], &[400, 300, 200], &[500, 400, 300, 200]];
    for (index, out) in pushed.into_iter().enumerate() {
        let label = 100 + index as u32;
        dut.ilm(label, Ilm::Swap(dut.path(out)));
        for depth in [1, 2, 5, 8, 9, 12] {
            let below: Vec<u32> = (1001..1000 + depth).collect();
            let incoming: Vec<u32> = [label].into_iter().chain(below.clone()).collect();
            let outgoing: Vec<u32> = out.iter().copied().chain(below).collect();
            let mut expected = stack(&outgoing, 6, 80);
            for entry in expected.chunks_mut(4).take(out.len()) {
                entry[3] = 79;
            }
            let outcome = dut.send(1, &received(MPLS, &[&stack(&incoming, 6, 80), &packet]));
            outcome.is_forwarded(2, &forwarded(MPLS, &[&expected, &packet]));
        }
    }
}

/// RFC 3443 section 3.1: in the pipe model the TTL of the label that is swapped goes on in its
/// successor, and the tunnel's own label starts anew.
#[test]
fn swap_and_push_in_the_pipe_model_gives_the_tunnel_its_own_ttl() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::Swap(dut.path_pipe(&[300, 200])));
    let packet = Ipv4::to([10, 2, 0, 2]).octets();
    let outcome = dut.send(1, &received(MPLS, &[&stack(&[100], 0, 17), &packet]));
    let expected = [
        crate::frame::entry(300, 0, false, 255),
        crate::frame::entry(200, 0, true, 16),
    ];
    outcome.is_forwarded(2, &forwarded(MPLS, &[&expected.concat(), &packet]));
}

/// RFC 3031 section 3.18: a labelled packet for which there is no ILM entry is discarded; it is never
/// forwarded by its IP header.
#[test]
fn an_unknown_label_is_discarded_and_counted() {
    let dut = Dut::new();
    dut.ftn4(
        0,
        [10, 2, 0, 0],
        16,
        crate::dut::Ftn::Forward(dut.path(&[])),
    );
    let packet = Ipv4::to([10, 2, 0, 2]).octets();
    // Unknown, reserved, and the labels that never have a meaning on the wire (RFC 3032 section 2.1).
    for label in [99, 1, 3, 4, 7, 15, 1_048_575] {
        let frame = received(MPLS, &[&stack(&[label], 0, 64), &packet]);
        let outcome = dut.send(1, &frame);
        assert!(
            outcome.frames.is_empty(),
            "label {label} was forwarded: {outcome:?}"
        );
        assert_eq!(outcome.dropped, [Drop::UnknownLabel], "label {label}");
        let punted = outcome.punted(crate::dut::Punt::UnknownLabel);
        assert_eq!(punted.frame, frame, "the daemon sees the packet as it came");
    }
}

/// RFC 3031 section 3.14: the same label means different things in different label spaces.
#[test]
fn a_label_is_looked_up_in_the_label_space_of_its_interface() {
    let dut = Dut::new();
    dut.port(4, true, 0, 7);
    dut.ilm(100, Ilm::Swap(dut.path(&[200])));
    dut.ilm_in(7, 100, Ilm::Swap(dut.path(&[777])));
    let packet = Ipv4::to([10, 2, 0, 2]).octets();
    let frame = received(MPLS, &[&stack(&[100], 0, 64), &packet]);
    let expected = |label| forwarded(MPLS, &[&stack(&[label], 0, 63), &packet]);
    dut.send(1, &frame).is_forwarded(2, &expected(200));
    dut.send(4, &frame).is_forwarded(2, &expected(777));
}
