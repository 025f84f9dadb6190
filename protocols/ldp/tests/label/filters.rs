//! Which FECs get labels, and to whom they go: filters, RFC 7473, RFC 7552 section 7.2.

use ldp::MultiTopologyId;
use ldp::label::{PeerParameters, PrefixFilter, PrefixRule};
use ldp::packet::{
    AddressFamily, Body, Capabilities, FecElement, LabelRequest, StateAdvertisement, TypedWildcard,
};

use crate::lsr::*;

/// RFC 5036 appendix A.1.14: what is no longer label switched is withdrawn.
#[test]
fn the_allocation_filter_limits_local_labels() {
    let mut lsr = Lsr::new(|policy| policy.allocate = PrefixFilter::host_routes());
    lsr.up(2);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.route("198.51.100.1/32", via(&[2]));
    assert_eq!(lsr.said(2), ["map 198.51.100.1/32 100"]);
    // As ingress it still uses labels of others.
    lsr.map(2, "198.51.100.0/24", 500);
    assert_eq!(lsr.pushed("198.51.100.0/24"), [Some(500)]);
    lsr.policy(|policy| {
        policy.allocate = PrefixFilter {
            rules: Vec::new(),
            otherwise: false,
        };
    });
    assert_eq!(lsr.said(2), ["withdraw 198.51.100.1/32 any"]);
    assert_eq!(lsr.allocated.len(), 1, "not before the release");
    lsr.receive(2, Body::LabelRelease(answer("198.51.100.1/32")));
    assert!(lsr.allocated.is_empty());
}

/// Filters for one peer do not touch others.
#[test]
fn advertise_and_accept_filters_are_for_prefixes_and_peers() {
    let deny = |n| PrefixFilter {
        rules: vec![PrefixRule {
            within: "198.51.100.0/24".parse().unwrap(),
            min_length: 0,
            max_length: 32,
            peer: Some(peer(n)),
            permit: false,
        }],
        otherwise: true,
    };
    let mut lsr = Lsr::new(|policy| {
        policy.advertise = deny(2);
        policy.accept = deny(3);
    });
    lsr.up(2);
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[3]));
    assert_eq!(lsr.said(2), [""; 0]);
    assert_eq!(lsr.said(3), ["map 198.51.100.0/24 100"]);
    lsr.map(3, "198.51.100.0/24", 500);
    assert_eq!(lsr.said(3), ["release 198.51.100.0/24 500"]);
    assert_eq!(lsr.pushed("198.51.100.0/24"), []);
    // Once it is accepted, the peer is asked: it would not advertise it again by itself (RFC 5036 A.1.4, note 1).
    lsr.policy(|policy| policy.accept = PrefixFilter::default());
    assert_eq!(lsr.said(3), ["request 198.51.100.0/24"]);
    lsr.map(3, "198.51.100.0/24", 500);
    assert_eq!(lsr.pushed("198.51.100.0/24"), [Some(500)]);
    // And refused again, it is released and not used.
    lsr.policy(|policy| policy.accept = deny(3));
    assert_eq!(lsr.said(3), ["release 198.51.100.0/24 500"]);
    assert_eq!(lsr.pushed("198.51.100.0/24"), []);
}

/// RFC 5036 appendix A.1.4, note 1: what a peer released it has to ask for. If it does while the filter keeps the FEC
/// from it, it has asked all the same, and is told once the filter permits it.
#[test]
fn what_a_peer_asked_for_while_it_was_filtered_is_advertised_later() {
    let wildcard = LabelRequest {
        fec: vec![FecElement::TypedWildcard(TypedWildcard::Prefix {
            family: AddressFamily::Ipv4,
            topology: MultiTopologyId::DEFAULT,
        })],
        ..request("198.51.100.0/24")
    };
    for request in [request("198.51.100.0/24"), wildcard] {
        let mut lsr = Lsr::new(|_| {});
        lsr.up(2);
        lsr.route("198.51.100.0/24", via(&[3]));
        assert_eq!(lsr.said(2), ["map 198.51.100.0/24 100"]);
        lsr.receive(2, Body::LabelRelease(release("198.51.100.0/24", 100)));
        lsr.policy(|policy| policy.advertise.otherwise = false);
        lsr.receive(2, Body::LabelRequest(request));
        lsr.said(2);
        lsr.policy(|policy| policy.advertise.otherwise = true);
        assert_eq!(lsr.said(2), ["map 198.51.100.0/24 101"]);
    }
}

fn spared(application: u8, disable: bool) -> PeerParameters {
    PeerParameters {
        capabilities: Capabilities {
            state_advertisement: vec![StateAdvertisement {
                application,
                disable,
            }],
            ..Capabilities::default()
        },
        ..parameters()
    }
}

/// RFC 7473 section 4.2: the LSR MUST NOT advertise state of an application that is disabled, MUST withdraw what
/// it advertised before, and advertises it when it is enabled again.
#[test]
fn state_that_a_peer_does_not_want_is_not_advertised() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up_with(3, spared(2, true));
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.route("2001:db8::/32", via(&[2]));
    assert_eq!(lsr.said(3), ["map 198.51.100.0/24 100"]);
    let now = lsr.now;
    lsr.labels
        .peer_parameters_changed(peer(3), spared(1, true), now);
    lsr.settle();
    let mut said = lsr.said(3);
    said.sort();
    assert_eq!(
        said,
        ["map 2001:db8::/32 101", "withdraw 198.51.100.0/24 any"]
    );
    lsr.receive(3, Body::LabelRelease(answer("198.51.100.0/24")));
    lsr.labels
        .peer_parameters_changed(peer(3), spared(1, false), now);
    lsr.settle();
    assert_eq!(lsr.said(3), ["map 198.51.100.0/24 100"]);
}

/// RFC 7552 section 7.2: bindings of a family that the session does not have are neither sent nor taken.
#[test]
fn a_session_of_one_family_has_no_bindings_of_the_other() {
    let mut lsr = Lsr::new(|_| {});
    let only = PeerParameters {
        ipv4: false,
        ..parameters()
    };
    lsr.up_with(2, only);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.route("2001:db8::/32", via(&[2]));
    assert_eq!(lsr.said(2), ["map 2001:db8::/32 100"]);
    lsr.map(2, "198.51.100.0/24", 500);
    assert_eq!(lsr.said(2), ["release 198.51.100.0/24 500"]);
}

/// RFC 5283 section 5: a mapping is used, and the FEC advertised, if a route covers it; the longest one counts,
/// and what follows routing.
#[test]
fn a_mapping_is_used_if_a_route_covers_its_fec() {
    let mut lsr = Lsr::new(|policy| policy.longest_match = true);
    lsr.up(2);
    lsr.up(3);
    lsr.map(2, "198.51.100.1/32", 500);
    lsr.map(3, "198.51.100.1/32", 600);
    assert_eq!(lsr.pushed("198.51.100.1/32"), []);
    lsr.route("198.51.0.0/16", via(&[2]));
    assert_eq!(lsr.pushed("198.51.100.1/32"), [Some(500)]);
    assert!(
        lsr.said(3)
            .iter()
            .any(|said| said.starts_with("map 198.51.100.1/32"))
    );
    lsr.route("198.51.100.0/24", via(&[3]));
    assert_eq!(lsr.pushed("198.51.100.1/32"), [Some(600)]);
    lsr.route("198.51.100.0/24", None);
    assert_eq!(lsr.pushed("198.51.100.1/32"), [Some(500)]);
    // The next hop of the covering route changes.
    lsr.route("198.51.0.0/16", via(&[3]));
    assert_eq!(lsr.pushed("198.51.100.1/32"), [Some(600)]);
    lsr.said(3);
    // The LSR MUST remove the FEC binding and send a Label Withdraw message.
    lsr.route("198.51.0.0/16", None);
    assert_eq!(lsr.pushed("198.51.100.1/32"), []);
    assert!(
        lsr.said(3)
            .iter()
            .any(|said| said.starts_with("withdraw 198.51.100.1/32"))
    );
    // RFC 5036 section 3.5.7.1: without the procedure only an exact match counts.
    lsr.route("198.51.0.0/16", via(&[2]));
    assert_eq!(lsr.pushed("198.51.100.1/32"), [Some(500)]);
    lsr.policy(|policy| policy.longest_match = false);
    assert_eq!(lsr.pushed("198.51.100.1/32"), []);
}

/// RFC 7552 section 7.2: what a peer bound to prefixes of a family that the session loses is released at once.
#[test]
fn bindings_of_a_family_that_is_given_up_are_released() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    for (of, value) in [("198.51.100.0/24", 500), ("2001:db8::/32", 501)] {
        lsr.route(of, via(&[2]));
        lsr.map(2, of, value);
    }
    lsr.said(2);
    let only = PeerParameters {
        ipv6: false,
        ..parameters()
    };
    let now = lsr.now;
    lsr.labels.peer_parameters_changed(peer(2), only, now);
    lsr.settle();
    let said = lsr.said(2);
    assert!(
        said.contains(&"release 2001:db8::/32 501".to_owned()),
        "{said:?}"
    );
    assert!(
        said.contains(&"withdraw 2001:db8::/32 any".to_owned()),
        "{said:?}"
    );
    assert_eq!(lsr.pushed("2001:db8::/32"), []);
    assert_eq!(lsr.pushed("198.51.100.0/24"), [Some(500)]);
    assert_eq!(lsr.labels.peer(peer(2)).unwrap().received, 1);
}
