//! RFC 3478 section 3: graceful restart, as helper and as the LSR that restarts.

use std::time::Duration;

use ldp::label::{LabelEvent, LabelOutput, LfibChange, PeerParameters};
use ldp::packet::{AddressMessage, Body};

use crate::lsr::*;

fn preserving(recovery: u64) -> PeerParameters {
    PeerParameters {
        recovery_time: Some(Duration::from_secs(recovery)),
        ..parameters()
    }
}

/// An LSR with bindings of a peer that is restarting.
fn helper() -> Lsr {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    for n in 0..2 {
        let of = format!("198.51.100.{n}/32");
        lsr.route(&of, via(&[2]));
        lsr.map(2, &of, 500 + n);
    }
    lsr.changes.clear();
    let now = lsr.now;
    lsr.labels
        .peer_down(peer(2), Some(Duration::from_secs(60)), now);
    lsr.settle();
    lsr
}

/// Section 3.3: the LSR retains the bindings, marked as stale, and goes on forwarding.
#[test]
fn bindings_of_a_restarting_peer_are_stale_and_used() {
    let lsr = helper();
    assert!(lsr.changes.is_empty());
    assert_eq!(lsr.pushed("198.51.100.0/32"), [Some(500)]);
    let view = lsr.labels.binding(&fec("198.51.100.0/32")).unwrap();
    assert!(view.remote[0].stale && view.remote[0].used);
    assert!(!lsr.labels.peer(peer(2)).unwrap().up);
}

/// Section 3.3: a label is kept as long as there is a route. Peers may release it by themselves, but one that
/// restarts sends packets with it all the while.
#[test]
fn a_label_stays_for_a_peer_that_restarts() {
    let mut lsr = Lsr::new(|_| {});
    for n in 2..5 {
        lsr.up(n);
    }
    lsr.route("198.51.100.0/24", via(&[4]));
    lsr.map(4, "198.51.100.0/24", 500);
    let labels: Vec<_> = lsr.allocated.keys().map(|label| label.value()).collect();
    let [own] = labels[..] else {
        panic!("{labels:?}");
    };
    for n in 3..5 {
        lsr.receive(n, Body::LabelRelease(release("198.51.100.0/24", own)));
    }
    let now = lsr.now;
    lsr.labels
        .peer_down(peer(2), Some(Duration::from_secs(60)), now);
    lsr.settle();
    assert_eq!(lsr.swapped(own), Some(vec![500]));
    lsr.pass(Duration::from_secs(59));
    assert_eq!(lsr.swapped(own), Some(vec![500]));
    // It does not come back.
    lsr.pass(Duration::from_secs(1));
    assert_eq!(lsr.swapped(own), None);
    assert!(lsr.allocated.is_empty());
}

/// Section 3.3: if within the time no session is established, all stale bindings SHOULD be deleted.
#[test]
fn a_peer_that_does_not_come_back_loses_its_bindings() {
    let mut lsr = helper();
    lsr.pass(Duration::from_secs(59));
    assert_eq!(lsr.ftn.len(), 2);
    lsr.pass(Duration::from_secs(1));
    assert!(lsr.ftn.is_empty());
    assert!(lsr.labels.peer(peer(2)).is_none());
}

/// Section 3.3: if the neighbour did not preserve its state, the stale bindings are deleted at once.
#[test]
fn a_peer_that_lost_its_state_loses_its_bindings() {
    let mut lsr = helper();
    lsr.up(2);
    assert!(lsr.ftn.is_empty());
    assert_eq!(lsr.labels.counters().received, 0);
}

/// Section 3.3 (b) and (c): a binding that comes again is stale no more, one with another label is updated; what is left
/// after the recovery time is deleted.
#[test]
fn stale_bindings_are_refreshed_or_removed() {
    let mut lsr = helper();
    lsr.up_with(2, preserving(20));
    assert!(lsr.changes.is_empty());
    lsr.said(2);
    lsr.map(2, "198.51.100.0/32", 500);
    assert!(lsr.changes.is_empty(), "{:?}", lsr.changes);
    assert_eq!(lsr.said(2), [""; 0]);
    lsr.pass(Duration::from_secs(20));
    assert_eq!(lsr.pushed("198.51.100.0/32"), [Some(500)]);
    assert_eq!(lsr.pushed("198.51.100.1/32"), []);
    let event = LabelEvent::StaleRemoved {
        peer: peer(2),
        count: 1,
    };
    assert!(lsr.events.contains(&event));

    let mut lsr = helper();
    lsr.up_with(2, preserving(20));
    lsr.said(2);
    lsr.map(2, "198.51.100.1/32", 700);
    assert_eq!(lsr.pushed("198.51.100.1/32"), [Some(700)]);
    assert_eq!(lsr.said(2), [""; 0], "no release of the stale one");
}

/// RFC 5919 section 5.2: End-of-LIB ends the recovery of the FEC type.
#[test]
fn end_of_lib_removes_stale_bindings() {
    let mut lsr = helper();
    lsr.up_with(2, preserving(120));
    lsr.map(2, "198.51.100.0/32", 500);
    let mut end = notification(END_OF_LIB, 0);
    end.fec = vec![ldp::packet::FecElement::TypedWildcard(
        ldp::packet::TypedWildcard::Prefix {
            family: ldp::packet::AddressFamily::Ipv4,
            topology: ldp::MultiTopologyId::DEFAULT,
        },
    )];
    lsr.receive(2, Body::Notification(Box::new(end)));
    assert_eq!(lsr.ftn.len(), 1);
}

/// Section 3.3: addresses of the peer are kept meanwhile too, and go with the recovery time if not told again.
#[test]
fn addresses_of_a_restarting_peer_are_kept() {
    let mut lsr = helper();
    let now = lsr.now;
    lsr.labels.peer_up(peer(2), preserving(20), now);
    lsr.settle();
    assert_eq!(lsr.labels.peer_of_address(address(2)), Some(peer(2)));
    lsr.pass(Duration::from_secs(20));
    assert_eq!(lsr.labels.peer_of_address(address(2)), None);
}

/// Section 3.1: after a restart of this LSR a FEC gets the label that it had, and what is still stale when the MPLS
/// Forwarding State Holding timer expires is deleted.
#[test]
fn this_lsr_takes_its_labels_again_after_a_restart() {
    let mut lsr = Lsr::new(|_| {});
    let (kept, gone) = (fec("198.51.100.0/24"), fec("203.0.113.0/24"));
    lsr.restarted(&[(kept, 800), (gone, 801)]);
    lsr.up(2);
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[2]));
    assert_eq!(lsr.said(3), ["map 198.51.100.0/24 800"]);
    assert_eq!(lsr.allocations, 0);
    assert!(lsr.changes.is_empty(), "the switch forwards as before");
    lsr.map(2, "198.51.100.0/24", 500);
    assert_eq!(lsr.swapped(800), Some(vec![500]));
    lsr.changes.clear();
    lsr.pass(Duration::from_secs(60));
    assert_eq!(
        lsr.changes,
        [LfibChange::UnbindIlm {
            label: label(801),
            fec: gone
        }]
    );
    assert_eq!(lsr.allocated.len(), 1);
}

/// Section 3.1: an LSR that restarts twice within the holding time may find two labels of a FEC in the switch. The FEC
/// takes one again, and the other goes back.
#[test]
fn of_two_preserved_labels_of_a_fec_one_goes_back_at_once() {
    let mut lsr = Lsr::new(|_| {});
    let of = fec("198.51.100.0/24");
    lsr.restarted(&[(of, 800), (of, 900)]);
    lsr.settle();
    let left: Vec<_> = lsr.allocated.keys().copied().collect();
    assert_eq!(left, [label(900)]);
    lsr.up(2);
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[2]));
    assert_eq!(lsr.said(3), ["map 198.51.100.0/24 900"]);
}

/// Section 3.1: peers that are back may release a label by themselves, while others, which are not back yet, send
/// packets with it. It goes back when the forwarding state is held no more.
#[test]
fn a_label_of_before_the_restart_stays_for_peers_that_are_not_back_yet() {
    let mut lsr = Lsr::new(|_| {});
    let of = fec("198.51.100.0/24");
    lsr.restarted(&[(of, 800)]);
    lsr.up(2);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.map(2, "198.51.100.0/24", 500);
    assert_eq!(lsr.said(2), ["map 198.51.100.0/24 800"]);
    lsr.receive(2, Body::LabelRelease(release("198.51.100.0/24", 800)));
    lsr.settle();
    assert_eq!(lsr.swapped(800), Some(vec![500]));
    lsr.pass(Duration::from_secs(59));
    assert_eq!(lsr.swapped(800), Some(vec![500]));
    lsr.pass(Duration::from_secs(1));
    assert_eq!(lsr.swapped(800), None);
    assert!(lsr.allocated.is_empty());
}

/// A label that comes too late, for a FEC that is gone, goes back to the label manager.
#[test]
fn a_label_that_nobody_needs_any_more_goes_back() {
    let mut lsr = Lsr::new(|_| {});
    let now = lsr.now;
    lsr.labels.peer_up(peer(2), parameters(), now);
    let addresses = vec![address(2)];
    let body = Body::Address(AddressMessage { addresses });
    lsr.labels.receive(peer(2), 1, body, now);
    lsr.labels
        .route_changed(fec("198.51.100.0/24"), via(&[2]), now);
    assert_eq!(
        lsr.labels.poll_output(),
        Some(LabelOutput::Allocate {
            fec: fec("198.51.100.0/24")
        })
    );
    lsr.labels.route_changed(fec("198.51.100.0/24"), None, now);
    assert_eq!(lsr.labels.poll_output(), None);
    lsr.labels
        .label_allocated(fec("198.51.100.0/24"), Ok(label(100)), now);
    assert_eq!(
        lsr.labels.poll_output(),
        Some(LabelOutput::Deallocate {
            fec: fec("198.51.100.0/24"),
            label: label(100)
        })
    );
    assert_eq!(lsr.labels.poll_output(), None);
    assert!(lsr.labels.binding(&fec("198.51.100.0/24")).is_none());
}
