//! The LFIB: RFC 3031 section 3, and what changes in it.

use std::collections::HashSet;

use ldp::label::{EgressLabel, LabelOutput, LfibChange};
use ldp::packet::Body;

use crate::lsr::*;

/// RFC 5036 appendix A.2.1, SL.3 before SL.4: a label is in the LFIB before a peer learns of it.
#[test]
fn an_incoming_label_is_bound_before_it_is_advertised() {
    let mut lsr = Lsr::new(|policy| policy.control = ldp::label::ControlMode::Ordered);
    lsr.up(2);
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[2]));
    let body = Body::LabelMapping(mapping("198.51.100.0/24", 500));
    lsr.labels.receive(peer(2), 77, body, lsr.now);
    let mut bound = false;
    let mut told = 0;
    while let Some(output) = lsr.labels.poll_output() {
        match output {
            LabelOutput::Allocate { fec } => {
                lsr.labels.label_allocated(fec, Ok(label(100)), lsr.now);
            }
            LabelOutput::Lfib(LfibChange::BindIlm { .. }) => bound = true,
            LabelOutput::Send { .. } => {
                assert!(bound);
                told += 1;
            }
            _ => {}
        }
    }
    assert_eq!(told, 2);
}

/// Of several next hops, transit packets go to those with labels only; packets of the ingress go to all.
#[test]
fn next_hops_without_label_are_for_the_ingress_only() {
    let mut lsr = Lsr::new(|_| {});
    for n in [2, 3, 4] {
        lsr.up(n);
    }
    lsr.route("198.51.100.0/24", via(&[2, 3]));
    assert_eq!(lsr.pushed("198.51.100.0/24"), []);
    lsr.map(2, "198.51.100.0/24", 500);
    assert_eq!(lsr.pushed("198.51.100.0/24"), [Some(500), None]);
    assert_eq!(lsr.swapped(100), Some(vec![500]));
    // Another next hop without label changes nothing for transit packets.
    lsr.changes.clear();
    lsr.route("198.51.100.0/24", via(&[2, 4]));
    assert!(
        matches!(&lsr.changes[..], [LfibChange::BindFtn { .. }]),
        "{:?}",
        lsr.changes
    );
    lsr.map(4, "198.51.100.0/24", 700);
    assert_eq!(lsr.pushed("198.51.100.0/24"), [Some(500), Some(700)]);
    assert_eq!(lsr.swapped(100), Some(vec![500, 700]));
    lsr.down(2);
    assert_eq!(lsr.pushed("198.51.100.0/24"), [None, Some(700)]);
    assert_eq!(lsr.swapped(100), Some(vec![700]));
    lsr.down(4);
    assert_eq!(lsr.pushed("198.51.100.0/24"), []);
    assert_eq!(lsr.swapped(100), None);
}

/// RFC 5036 section 2.6.2.2, and RFC 3478 section 3.3: a session that goes and comes costs no label, and changes
/// nothing for FECs whose next hop is another.
#[test]
fn a_flap_changes_nothing_for_fecs_of_other_next_hops() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    lsr.up(3);
    for n in 0..20 {
        let of = format!("198.51.100.{n}/32");
        lsr.route(&of, via(&[2]));
        lsr.map(2, &of, 500 + n);
        lsr.map(3, &of, 600 + n);
    }
    let allocations = lsr.allocations;
    lsr.changes.clear();
    lsr.down(3);
    lsr.up(3);
    for n in 0..20 {
        lsr.map(3, &format!("198.51.100.{n}/32"), 600 + n);
    }
    assert_eq!(lsr.changes, []);
    // That of the next hop itself: the LFIB falls back and comes again, with the same labels.
    lsr.down(2);
    assert_eq!(lsr.pushed("198.51.100.7/32"), []);
    lsr.up(2);
    for n in 0..20 {
        lsr.map(2, &format!("198.51.100.{n}/32"), 500 + n);
    }
    assert_eq!(lsr.pushed("198.51.100.7/32"), [Some(507)]);
    assert_eq!(lsr.allocations, allocations);
}

/// A peer whose connection takes no more costs no memory: what it missed comes when it goes on.
#[test]
fn a_paused_peer_gets_what_it_missed_once() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    lsr.labels.set_peer_paused(peer(2), true);
    for _ in 0..5 {
        lsr.route("198.51.100.0/24", via(&[2]));
        lsr.route("198.51.100.0/24", None);
    }
    lsr.route("198.51.101.0/24", via(&[2]));
    assert_eq!(lsr.said(2), [""; 0]);
    lsr.labels.set_peer_paused(peer(2), false);
    lsr.settle();
    assert_eq!(lsr.said(2).len(), 1);
}

/// A peer whose connection takes no more amid the first advertisement gets the rest of it when it goes on,
/// as it is by then, and nothing twice.
#[test]
fn a_peer_that_is_paused_amid_the_first_advertisement_gets_the_rest_once() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    for n in 0..20 {
        lsr.route(&format!("198.51.{n}.0/24"), via(&[2]));
    }
    lsr.labels.peer_up(peer(3), parameters(), lsr.now);
    let mut mappings = Vec::new();
    while let Some(output) = lsr.labels.poll_output() {
        if let LabelOutput::Send { peer: to, body, .. } = output
            && to == peer(3)
            && let Body::LabelMapping(mapping) = body
        {
            mappings.push(mapping.fec);
            if mappings.len() == 7 {
                lsr.labels.set_peer_paused(peer(3), true);
                // One that it has not been told.
                lsr.labels
                    .route_changed(fec("198.51.19.0/24"), None, lsr.now);
            }
        }
    }
    assert_eq!(mappings.len(), 7);
    lsr.labels.set_peer_paused(peer(3), false);
    while let Some(output) = lsr.labels.poll_output() {
        if let LabelOutput::Send { peer: to, body, .. } = output
            && to == peer(3)
            && let Body::LabelMapping(mapping) = body
        {
            mappings.push(mapping.fec);
        }
    }
    let told: HashSet<_> = mappings.iter().collect();
    assert_eq!((told.len(), mappings.len()), (19, 19));
}

/// RFC 3031 section 3.18: where nothing is broken by it, a packet whose label has no next hop with a
/// label goes on without one; else it is discarded.
#[test]
fn a_label_without_a_label_of_the_next_hop_does_what_the_policy_says() {
    for (forward, unlabelled) in [(false, None), (true, Some(vec![]))] {
        let mut lsr = Lsr::new(|policy| policy.forward_unlabelled = forward);
        lsr.up(2);
        lsr.up(3);
        lsr.route("198.51.100.0/24", via(&[2]));
        assert_eq!(lsr.swapped(100), unlabelled);
        lsr.map(2, "198.51.100.0/24", 500);
        assert_eq!(lsr.swapped(100), Some(vec![500]));
        lsr.down(2);
        assert_eq!(lsr.swapped(100), unlabelled);
    }
}

/// Whoever keeps the LFIB may ask for all of it again, as it is.
#[test]
fn the_lfib_is_told_again_on_request() {
    let mut lsr = Lsr::new(|policy| policy.egress_label_ipv4 = EgressLabel::Real);
    lsr.up(2);
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.map(2, "198.51.100.0/24", 500);
    lsr.route("192.0.2.1/32", connected());
    lsr.route("203.0.113.0/24", via(&[3]));
    let told = (std::mem::take(&mut lsr.ilm), std::mem::take(&mut lsr.ftn));
    assert_eq!((told.0.len(), told.1.len()), (2, 1));
    lsr.labels.repeat_lfib();
    lsr.settle();
    assert_eq!((lsr.ilm.clone(), lsr.ftn.clone()), told);
}
