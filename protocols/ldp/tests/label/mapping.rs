//! RFC 5036 sections 2.7 and 3.5.7, appendix A.1.2: mappings and next hops.

use ldp::label::{LabelEvent, LocalLabel};
use ldp::packet::{AddressMessage, Body, FecElement};

use crate::lsr::*;

/// A.1.2, LMp.14 and LMp.15: the label of the next hop is installed for forwarding use, and one of this LSR is
/// advertised to all peers (section 3.5.7.1.1, condition 1).
#[test]
fn a_label_of_the_next_hop_is_used_and_a_label_is_advertised_upstream() {
    let mut lsr = Lsr::new(|_| {});
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.up(2);
    lsr.up(3);
    lsr.map(2, "198.51.100.0/24", 500);
    assert_eq!(lsr.pushed("198.51.100.0/24"), [Some(500)]);
    assert_eq!(lsr.swapped(100), Some(vec![500]));
    assert_eq!(lsr.said(3), ["map 198.51.100.0/24 100"]);
    assert_eq!(
        lsr.said(2),
        ["map 198.51.100.0/24 100"],
        "one label for each FEC"
    );
    assert_eq!(lsr.allocations, 1);
}

/// A.1.2, LMp.13: under liberal retention a mapping of a peer that is no next hop is recorded, and is used once
/// the peer is the next hop (A.1.7, NH.12).
#[test]
fn liberally_retained_labels_are_used_when_the_next_hop_changes() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.map(2, "198.51.100.0/24", 500);
    lsr.map(3, "198.51.100.0/24", 600);
    let view = lsr.labels.binding(&fec("198.51.100.0/24")).unwrap();
    let used: Vec<bool> = view.remote.iter().map(|remote| remote.used).collect();
    assert_eq!(used, [true, false]);
    lsr.sent.clear();
    lsr.route("198.51.100.0/24", via(&[3]));
    assert_eq!(lsr.pushed("198.51.100.0/24"), [Some(600)]);
    assert_eq!(lsr.swapped(100), Some(vec![600]));
    assert!(lsr.sent.is_empty(), "the local label stays: {:?}", lsr.sent);
}

/// Section 2.7: a next hop belongs to the peer that announced its address; until then its label is not used.
#[test]
fn a_next_hop_is_mapped_to_the_peer_by_its_addresses() {
    let mut lsr = Lsr::new(|_| {});
    lsr.labels.peer_up(peer(2), parameters(), lsr.now);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.map(2, "198.51.100.0/24", 500);
    assert_eq!(lsr.pushed("198.51.100.0/24"), []);
    let addresses = || AddressMessage {
        addresses: vec![address(2)],
    };
    lsr.receive(2, Body::Address(addresses()));
    assert_eq!(lsr.pushed("198.51.100.0/24"), [Some(500)]);
    // Section 3.5.5.1: an address that is announced again calls for nothing.
    lsr.changes.clear();
    lsr.receive(2, Body::Address(addresses()));
    assert!(lsr.changes.is_empty());
    // Section 3.5.6: it is taken back.
    lsr.receive(2, Body::AddressWithdraw(addresses()));
    assert_eq!(lsr.pushed("198.51.100.0/24"), []);
    assert_eq!(lsr.swapped(100), None);
    // Section 3.5.5.1: one that was not announced calls for nothing.
    lsr.receive(2, Body::AddressWithdraw(addresses()));
}

/// RFC 7552 section 8: of peers that announce the same address, the one on the next hop's interface counts.
#[test]
fn an_address_of_two_peers_is_reported_and_resolved_by_interface() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    lsr.up(3);
    let addresses = vec![address(3)];
    lsr.receive(2, Body::Address(AddressMessage { addresses }));
    let duplicate = LabelEvent::DuplicateAddress {
        address: address(3),
        owner: peer(3),
        other: peer(2),
    };
    assert!(lsr.events.contains(&duplicate));
    lsr.route("198.51.100.0/24", via(&[3]));
    lsr.map(2, "198.51.100.0/24", 500);
    lsr.map(3, "198.51.100.0/24", 600);
    assert_eq!(
        lsr.pushed("198.51.100.0/24"),
        [Some(600)],
        "the first has it"
    );
    let now = lsr.now;
    lsr.labels
        .adjacency_changed(peer(2), "eth3", address(3), true, now);
    lsr.settle();
    assert_eq!(
        lsr.pushed("198.51.100.0/24"),
        [Some(500)],
        "it is on the link"
    );
}

/// RFC 7552 section 8: a link-local next hop is the peer whose Hellos come from that address on that interface.
#[test]
fn a_link_local_next_hop_is_resolved_by_its_interface() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    lsr.up(3);
    let link_local: std::net::IpAddr = "fe80::1".parse().unwrap();
    let now = lsr.now;
    for (n, interface) in [(2, "eth2"), (3, "eth3")] {
        lsr.labels
            .adjacency_changed(peer(n), interface, link_local, true, now);
        let addresses = vec![link_local];
        lsr.receive(n, Body::Address(AddressMessage { addresses }));
        lsr.map(n, "2001:db8::/32", u32::from(n) * 100);
    }
    let route = |interface: &str| {
        let next_hop = ldp::label::NextHop {
            interface: interface.into(),
            address: link_local,
        };
        Some(ldp::label::Route {
            next_hops: std::iter::once(next_hop).collect(),
            ..Default::default()
        })
    };
    lsr.route("2001:db8::/32", route("eth2"));
    assert_eq!(lsr.pushed("2001:db8::/32"), [Some(200)]);
    lsr.route("2001:db8::/32", route("eth3"));
    assert_eq!(lsr.pushed("2001:db8::/32"), [Some(300)]);
    lsr.route("2001:db8::/32", route("eth4"));
    assert_eq!(
        lsr.pushed("2001:db8::/32"),
        [Some(200)],
        "nobody says Hello on eth4: by address"
    );
}

/// A.1.2, LMp.10a: a label that is not the one before replaces it, and that goes back.
#[test]
fn another_label_for_the_same_fec_releases_the_first() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.map(2, "198.51.100.0/24", 500);
    lsr.said(2);
    lsr.map(2, "198.51.100.0/24", 501);
    assert_eq!(lsr.said(2), ["release 198.51.100.0/24 500"]);
    assert_eq!(lsr.pushed("198.51.100.0/24"), [Some(501)]);
    assert_eq!(lsr.labels.counters().received, 1);
}

/// Section 2.6.2.1 and A.1.2, LMp.32: under conservative retention the label of a peer that is no next hop is
/// released.
#[test]
fn conservative_retention_releases_what_is_not_used() {
    let mut lsr = Lsr::new(|policy| policy.retention = ldp::label::RetentionMode::Conservative);
    lsr.up(2);
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.map(2, "198.51.100.0/24", 500);
    lsr.said(2);
    lsr.said(3);
    lsr.map(3, "198.51.100.0/24", 600);
    assert_eq!(lsr.said(3), ["release 198.51.100.0/24 600"]);
    // A.1.7, NH.4 and NH.13 to NH.15: the old one's label goes back, and the new one is asked.
    lsr.route("198.51.100.0/24", via(&[3]));
    assert_eq!(lsr.said(2), ["release 198.51.100.0/24 500"]);
    assert_eq!(lsr.said(3), ["request 198.51.100.0/24"]);
    assert_eq!(lsr.pushed("198.51.100.0/24"), []);
    lsr.map(3, "198.51.100.0/24", 601);
    assert_eq!(lsr.pushed("198.51.100.0/24"), [Some(601)]);
}

/// RFC 3032 section 2.1 and RFC 9017 section 2: labels of special purpose are bound to no FEC, but for the null
/// labels, each for its family. Section 3.5.1.2.2: the session ends with Malformed TLV Value.
#[test]
fn a_label_that_cannot_be_bound_ends_the_session() {
    for (of, value, legal) in [
        ("198.51.100.0/24", 0, true),
        ("198.51.100.0/24", 3, true),
        ("198.51.100.0/24", 16, true),
        ("198.51.100.0/24", 1, false),
        ("198.51.100.0/24", 2, false),
        ("198.51.100.0/24", 7, false),
        ("198.51.100.0/24", 15, false),
        ("2001:db8::/32", 2, true),
        ("2001:db8::/32", 0, false),
        ("2001:db8::/32", 13, false),
    ] {
        let mut lsr = Lsr::new(|_| {});
        lsr.up(2);
        lsr.route(of, via(&[2]));
        lsr.map(2, of, value);
        assert_eq!(lsr.ended.is_empty(), legal, "{of} {value}");
        assert_eq!(lsr.labels.counters().received, usize::from(legal));
        if let Some((id, status)) = lsr.ended.first() {
            assert_eq!(*id, peer(2));
            assert!(status.fatal);
            assert_eq!(status.code.0, 0x08);
            // Nothing more is taken from it.
            lsr.map(2, of, 500);
            assert_eq!(lsr.labels.counters().received, 0);
        }
    }
}

/// Section 3.4.1: the wildcard is for Label Withdraw and Label Release only; a mapping with one next to a
/// prefix is answered with Unknown FEC, and harms nothing (fault 10a).
#[test]
fn a_mapping_with_a_wildcard_is_answered_with_unknown_fec() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    let mut wrong = mapping("198.51.100.0/24", 500);
    wrong.fec.push(FecElement::Wildcard);
    let id = lsr.receive(2, Body::LabelMapping(wrong));
    assert_eq!(lsr.said(2), [format!("notify {UNKNOWN_FEC:#x} of {id}")]);
    assert_eq!(lsr.labels.counters().received, 0);
}

/// Bounded memory: mappings over the limit are released, which is reported once.
#[test]
fn mappings_over_the_limit_are_released() {
    let mut lsr = Lsr::new(|policy| policy.max_bindings_per_peer = 2);
    lsr.up(2);
    for n in 0..4 {
        lsr.map(2, &format!("198.51.100.{n}/32"), 500 + n);
    }
    assert_eq!(
        lsr.said(2),
        ["release 198.51.100.2/32 502", "release 198.51.100.3/32 503"]
    );
    assert_eq!(lsr.labels.counters().received, 2);
    assert_eq!(lsr.labels.counters().fecs, 2);
    let event = LabelEvent::TooManyBindings {
        peer: peer(2),
        limit: 2,
    };
    assert_eq!(lsr.events, [event]);
    // A binding that is there may change.
    lsr.map(2, "198.51.100.0/32", 510);
    assert_eq!(lsr.said(2), ["release 198.51.100.0/32 500"]);
}

/// RFC 7552 section 7.2: bindings for link-local and IPv4-mapped prefixes are neither made nor taken.
#[test]
fn link_local_prefixes_have_no_bindings() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    for of in ["fe80::/64", "fe80::1/128", "::ffff:192.0.2.0/120"] {
        lsr.route(of, via(&[2]));
        lsr.map(2, of, 500);
        assert_eq!(lsr.pushed(of), []);
        lsr.route(of, None);
    }
    assert!(lsr.sent.is_empty());
    assert_eq!(lsr.labels.counters(), Default::default());
}

/// A.2.1, SL.13, and A.1.13: without labels nothing is advertised, and what is missing is once there are some.
#[test]
fn without_label_resources_the_mapping_waits() {
    let mut lsr = Lsr::new(|_| {});
    lsr.exhausted = true;
    lsr.up(2);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.route("198.51.101.0/24", via(&[2]));
    assert_eq!(lsr.said(2), [""; 0]);
    let view = lsr.labels.binding(&fec("198.51.100.0/24")).unwrap();
    assert_eq!(view.local, LocalLabel::NoResources);
    assert_eq!(
        lsr.events.len(),
        1,
        "the label manager is asked once: {:?}",
        lsr.events
    );
    lsr.exhausted = false;
    lsr.pass(std::time::Duration::from_secs(30));
    let mut said = lsr.said(2);
    said.sort();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("map 198.51.100.0/24"));
    assert!(said[1].starts_with("map 198.51.101.0/24"));
}

/// RFC 6790 section 5.1.1: the entropy label capability is told upstream if all next hops told it, and told
/// again when that changes.
#[test]
fn the_entropy_label_capability_is_propagated() {
    let mut lsr = Lsr::new(|policy| policy.entropy_label_capable = true);
    lsr.up(2);
    lsr.up(3);
    lsr.up(4);
    lsr.route("203.0.113.1/32", connected());
    assert_eq!(lsr.said(4), ["map 203.0.113.1/32 3 elc"]);
    lsr.route("198.51.100.0/24", via(&[2, 3]));
    let capable = |value| {
        let mut capable = mapping("198.51.100.0/24", value);
        capable.entropy_label_capable = true;
        Body::LabelMapping(capable)
    };
    lsr.receive(2, capable(500));
    lsr.map(3, "198.51.100.0/24", 600);
    let said = lsr.said(4);
    assert_eq!(said.last().unwrap(), "map 198.51.100.0/24 100", "{said:?}");
    lsr.receive(3, capable(600));
    assert_eq!(lsr.said(4), ["map 198.51.100.0/24 100 elc"]);
    let hops = &lsr.ftn[&fec("198.51.100.0/24")];
    assert!(hops.iter().all(|hop| hop.entropy_label_capable));
}
