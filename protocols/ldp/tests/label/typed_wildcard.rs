//! RFC 5918 section 4: the typed wildcard; RFC 5919 section 4: End-of-LIB.

use std::time::Duration;

use ldp::MultiTopologyId;
use ldp::label::{ControlMode, LabelDistribution, LabelEvent, PeerParameters};
use ldp::packet::{
    AddressFamily, Body, Capabilities, FecElement, LabelRelease, LabelRequest, LabelWithdraw,
    TypedWildcard,
};

use crate::lsr::*;

fn all(family: AddressFamily) -> Vec<FecElement> {
    vec![FecElement::TypedWildcard(TypedWildcard::Prefix {
        family,
        topology: MultiTopologyId::DEFAULT,
    })]
}

fn capable() -> PeerParameters {
    PeerParameters {
        capabilities: Capabilities {
            typed_wildcard: true,
            unrecognized_notification: true,
            ..Capabilities::default()
        },
        ..parameters()
    }
}

/// RFC 5919 section 4: End-of-LIB follows the last mapping, for each FEC type, and is sent even if there is no mapping;
/// it MUST NOT be sent to a peer that did not announce Unrecognized Notification.
#[test]
fn end_of_lib_follows_all_mappings() {
    let mut lsr = Lsr::new(|_| {});
    for n in 0..3 {
        lsr.route(&format!("198.51.100.{n}/32"), via(&[3]));
    }
    lsr.up_with(2, capable());
    let said = lsr.said(2);
    assert_eq!(said.len(), 5, "{said:?}");
    assert!(said[..3].iter().all(|said| said.starts_with("map ")));
    assert_eq!(
        said[3..],
        [
            format!("notify {END_OF_LIB:#x} *Ipv4/0"),
            format!("notify {END_OF_LIB:#x} *Ipv6/0")
        ]
    );
    lsr.up(4);
    assert_eq!(lsr.said(4).len(), 3);
}

/// RFC 5919 section 5.2: by End-of-LIB a helper deletes what it kept over the restart of this LSR. Under ordered
/// control there are mappings to come as long as the next hops send theirs.
#[test]
fn end_of_lib_waits_for_next_hops_after_a_restart_under_ordered_control() {
    for (control, at_once) in [
        (ControlMode::Independent, true),
        (ControlMode::Ordered, false),
    ] {
        let mut lsr = Lsr::new(|policy| policy.control = control);
        lsr.restarted(&[(fec("198.51.100.0/24"), 800)]);
        lsr.route("198.51.100.0/24", via(&[3]));
        lsr.up_with(2, capable());
        let ended = |said: &[String]| said.iter().any(|word| word.starts_with("notify"));
        assert_eq!(ended(&lsr.said(2)), at_once, "{control:?}");
        lsr.up(3);
        lsr.map(3, "198.51.100.0/24", 500);
        let said = lsr.said(2);
        assert_eq!(
            said.contains(&"map 198.51.100.0/24 800".to_owned()),
            !at_once
        );
        lsr.pass(Duration::from_secs(60));
        assert_eq!(ended(&lsr.said(2)), !at_once, "{control:?}");
    }
}

/// RFC 5918 section 4: a request for the typed wildcard asks for mappings of all FECs of the type; RFC 5919 section 5.3:
/// End-of-LIB follows.
#[test]
fn a_request_for_all_is_answered_with_all_and_end_of_lib() {
    let mut lsr = Lsr::new(|_| {});
    lsr.route("198.51.100.0/24", via(&[3]));
    lsr.route("2001:db8::/32", via(&[3]));
    let demanding = PeerParameters {
        capabilities: capable().capabilities,
        ..on_demand()
    };
    lsr.up_with(2, demanding);
    lsr.said(2);
    let id = lsr.receive(
        2,
        Body::LabelRequest(LabelRequest {
            fec: all(AddressFamily::Ipv4),
            hop_count: None,
            path_vector: None,
            forwarded: Vec::new(),
        }),
    );
    // Nothing is bound to the FEC yet: independent control binds a label on request.
    assert_eq!(
        lsr.said(2),
        [
            format!("map 198.51.100.0/24 100 for {id}"),
            format!("notify {END_OF_LIB:#x} *Ipv4/0")
        ]
    );
}

/// RFC 5918 section 4: in Label Withdraw and Label Release it stands for all FECs of the type, or those bound to the
/// label.
#[test]
fn withdraw_and_release_of_all_of_a_type() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    for (of, value) in [("198.51.100.0/24", 500), ("2001:db8::/32", 600)] {
        lsr.route(of, via(&[2]));
        lsr.map(2, of, value);
    }
    lsr.said(2);
    let fec = all(AddressFamily::Ipv6);
    let label = None;
    lsr.receive(2, Body::LabelWithdraw(LabelWithdraw { fec, label }));
    assert_eq!(lsr.said(2), ["release *Ipv6/0 any"]);
    assert_eq!(lsr.pushed("198.51.100.0/24"), [Some(500)]);
    assert_eq!(lsr.pushed("2001:db8::/32"), []);
    lsr.receive(
        2,
        Body::LabelRelease(LabelRelease {
            fec: all(AddressFamily::Ipv4),
            label: None,
            status: None,
        }),
    );
    assert_eq!(lsr.labels.peer(peer(2)).unwrap().sent, 1);
}

/// RFC 5919 sections 4.1 and 5.1: the advertisement is complete at End-of-LIB, or if none comes when no mapping came for
/// 60 s (fault 10e).
#[test]
fn synchronization_is_by_end_of_lib_or_by_time() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
        assert!(!lsr.labels.peer(peer(2)).unwrap().synchronized);
        let mut end = notification(END_OF_LIB, 0);
        end.fec = all(family);
        lsr.receive(2, Body::Notification(Box::new(end)));
    }
    assert!(lsr.labels.peer(peer(2)).unwrap().synchronized);
    assert_eq!(lsr.events, [LabelEvent::Synchronized { peer: peer(2) }]);

    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    lsr.pass(Duration::from_secs(40));
    lsr.map(2, "198.51.100.0/24", 500);
    lsr.pass(Duration::from_secs(40));
    assert!(!lsr.labels.peer(peer(2)).unwrap().synchronized);
    lsr.pass(Duration::from_secs(20));
    assert!(lsr.labels.peer(peer(2)).unwrap().synchronized);
}

/// An LSR whose session with peer 2 had IPv4 alone, and has IPv6 now; what it says then is not taken yet.
fn gaining_ipv6(both: &PeerParameters) -> Lsr {
    let mut lsr = Lsr::new(|_| {});
    let one = PeerParameters {
        ipv6: false,
        ..both.clone()
    };
    lsr.up_with(2, one);
    lsr.said(2);
    let now = lsr.now;
    lsr.labels
        .peer_parameters_changed(peer(2), both.clone(), now);
    lsr.settle();
    lsr
}

/// RFC 7552 section 7.2: when a session gains a family, the typed wildcard asks for what was discarded before.
#[test]
fn a_family_that_is_gained_is_asked_for() {
    let mut lsr = gaining_ipv6(&capable());
    assert_eq!(lsr.said(2), ["request *Ipv6/0"]);
}

/// RFC 7307 section 4.1: a typed wildcard is of one topology; so each that is negotiated is asked for.
#[test]
fn each_topology_of_a_family_that_is_gained_is_asked_for() {
    let mut both = capable();
    both.capabilities.multi_topology = [AddressFamily::Ipv4, AddressFamily::Ipv6]
        .map(|family| TypedWildcard::Prefix {
            family,
            topology: MultiTopologyId(7),
        })
        .to_vec();
    let mut lsr = gaining_ipv6(&both);
    let now = lsr.now;
    assert_eq!(lsr.said(2), ["request *Ipv6/0", "request *Ipv6/7"]);
    // A topology that is lost and gained: what the peer bound to it was given up, and the peer may take it for
    // released, or not know that (RFC 7307 section 3.5.2).
    for (parameters, expected) in [
        (capable(), [].as_slice()),
        (both, &["request *Ipv4/7", "request *Ipv6/7"]),
    ] {
        lsr.labels.peer_parameters_changed(peer(2), parameters, now);
        lsr.settle();
        assert_eq!(lsr.said(2), expected);
    }
}

/// RFC 5918 section 5: an LSR without the capability is sent no typed wildcard. So the FECs are asked for that a label
/// is needed for.
#[test]
fn a_peer_without_the_capability_is_asked_for_single_fecs() {
    let mut lsr = Lsr::new(|_| {});
    let one = PeerParameters {
        ipv6: false,
        ..parameters()
    };
    lsr.up_with(2, one);
    lsr.route("2001:db8:1::/48", via(&[2]));
    lsr.route("2001:db8:2::/48", via(&[9]));
    lsr.said(2);
    let now = lsr.now;
    lsr.labels
        .peer_parameters_changed(peer(2), parameters(), now);
    lsr.settle();
    let mut said = lsr.said(2);
    said.retain(|said| said.starts_with("request"));
    assert_eq!(said, ["request 2001:db8:1::/48"]);
}

/// RFC 5036 section 3.5.8.1: an LSR that received No Label Resources MUST NOT issue further Label Request messages until
/// Label Resources Available: that is so for those with a typed wildcard, too.
#[test]
fn a_peer_without_label_resources_is_not_asked_for_all() {
    let mut lsr = Lsr::new(|_| {});
    let one = PeerParameters {
        ipv6: false,
        ..capable()
    };
    lsr.up_with(2, one);
    lsr.said(2);
    lsr.receive(
        2,
        Body::Notification(Box::new(notification(NO_LABEL_RESOURCES, 1))),
    );
    let now = lsr.now;
    lsr.labels.peer_parameters_changed(peer(2), capable(), now);
    lsr.settle();
    assert_eq!(lsr.said(2), [""; 0]);
    lsr.receive(
        2,
        Body::Notification(Box::new(notification(LABEL_RESOURCES_AVAILABLE, 0))),
    );
    assert_eq!(lsr.said(2), ["request *Ipv6/0"]);
}

/// RFC 5036 appendix A.1.12, RFC 5918 section 4: of the FECs of a type some got no label. All of it is asked for again
/// once there are labels.
#[test]
fn what_there_was_no_label_for_is_asked_for_again() {
    let mut lsr = gaining_ipv6(&capable());
    let id = LabelDistribution::FIRST_REQUEST_ID;
    for code in [NO_LABEL_RESOURCES, NO_LABEL_RESOURCES] {
        lsr.receive(2, Body::Notification(Box::new(notification(code, id))));
    }
    assert_eq!(lsr.said(2), ["request *Ipv6/0"]);
    let available = notification(LABEL_RESOURCES_AVAILABLE, 0);
    for expected in [["request *Ipv6/0"].as_slice(), &[]] {
        lsr.receive(2, Body::Notification(Box::new(available.clone())));
        assert_eq!(lsr.said(2), expected);
    }
}
