//! RFC 5036 section 2.6.1 and appendix A.1.6: control modes, the egress and its label.

use ldp::label::{ControlMode, EgressLabel};

use crate::lsr::*;

/// Section 2.6.1.1: under independent control a label is advertised before one of the next hop is there.
#[test]
fn independent_control_advertises_at_once() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[2]));
    assert_eq!(lsr.said(3), ["map 198.51.100.0/24 100"]);
    assert_eq!(lsr.swapped(100), None, "there is nothing to swap it for");
}

/// Section 2.6.1.2: under ordered control the LSR MUST wait until a label of a downstream LSR is received.
#[test]
fn ordered_control_waits_for_the_next_hop() {
    let mut lsr = Lsr::new(|policy| policy.control = ControlMode::Ordered);
    lsr.up(2);
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[2]));
    assert_eq!(lsr.said(3), [""; 0]);
    assert_eq!(lsr.allocations, 0);
    lsr.map(2, "198.51.100.0/24", 500);
    assert_eq!(lsr.said(3), ["map 198.51.100.0/24 100"]);
    // A.1.7, NH.16 to NH.18: without a next hop it is withdrawn.
    lsr.route("198.51.100.0/24", None);
    assert_eq!(lsr.said(3), ["withdraw 198.51.100.0/24 any"]);
}

/// Section 2.6.1.2, condition 2: the LSR is the egress of routes whose next hop is no LDP peer only if it is told
/// so (fault 10f).
#[test]
fn ordered_control_does_not_leak_routes_beyond_peers() {
    let mut lsr = Lsr::new(|policy| policy.control = ControlMode::Ordered);
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[9]));
    assert_eq!(lsr.said(3), [""; 0]);
    lsr.policy(|policy| policy.egress_beyond_peers = true);
    assert_eq!(lsr.said(3), ["map 198.51.100.0/24 3"]);
    lsr.policy(|policy| policy.egress_beyond_peers = false);
    assert_eq!(lsr.said(3), ["withdraw 198.51.100.0/24 any"]);
}

/// RFC 3032 section 2.1: the egress binds implicit null, explicit null of the family, or a label of its own.
#[test]
fn the_egress_binds_the_label_that_it_is_told_to() {
    for (egress, ipv4, ipv6) in [
        (EgressLabel::ImplicitNull, 3, 3),
        (EgressLabel::ExplicitNull, 0, 2),
        (EgressLabel::Real, 100, 101),
    ] {
        let mut lsr = Lsr::new(|policy| {
            policy.egress_label_ipv4 = egress;
            policy.egress_label_ipv6 = egress;
        });
        lsr.up(3);
        lsr.route("192.0.2.1/32", connected());
        lsr.route("2001:db8::1/128", connected());
        assert_eq!(
            lsr.said(3),
            [
                format!("map 192.0.2.1/32 {ipv4}"),
                format!("map 2001:db8::1/128 {ipv6}")
            ]
        );
        let real = egress == EgressLabel::Real;
        assert_eq!(lsr.swapped(100), real.then(Vec::new), "pop and look up");
        assert!(lsr.ftn.is_empty(), "the egress pushes nothing");
    }
}

/// Fault 10g: another egress label for one family touches bindings of that family only.
#[test]
fn explicit_null_for_one_family_leaves_the_other_alone() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(3);
    lsr.route("192.0.2.1/32", connected());
    lsr.route("2001:db8::1/128", connected());
    lsr.said(3);
    lsr.policy(|policy| policy.egress_label_ipv6 = EgressLabel::ExplicitNull);
    assert_eq!(
        lsr.said(3),
        ["withdraw 2001:db8::1/128 any", "map 2001:db8::1/128 2"]
    );
}

/// Section 2.6.1.2: whether an LSR is an egress may change. The label before stays in the LFIB until it is
/// released, so that packets under way arrive.
#[test]
fn becoming_the_egress_keeps_the_old_label_until_it_is_released() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.map(2, "198.51.100.0/24", 500);
    lsr.said(3);
    lsr.route("198.51.100.0/24", connected());
    assert_eq!(
        lsr.said(3),
        ["withdraw 198.51.100.0/24 any", "map 198.51.100.0/24 3"]
    );
    assert_eq!(lsr.swapped(100), Some(vec![]));
    for n in [2, 3] {
        let body = ldp::packet::Body::LabelRelease(answer("198.51.100.0/24"));
        lsr.receive(n, body);
    }
    assert_eq!(lsr.swapped(100), None);
    assert!(lsr.allocated.is_empty());
}

/// A FEC without a route is not bound, nor is the default route unless that is configured.
#[test]
fn the_default_route_is_bound_only_if_configured() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(3);
    lsr.route("0.0.0.0/0", via(&[3]));
    assert_eq!(lsr.said(3), [""; 0]);
    lsr.policy(|policy| policy.default_route = true);
    assert_eq!(lsr.said(3), ["map 0.0.0.0/0 100"]);
}

/// Appendix A.1.2, note 13: "An LSR operating in Ordered Control mode may choose to skip at this stage the peer from
/// which it received the advertisement that caused it to generate the label-map message." When that is no next hop
/// any more, it gets its mapping.
#[test]
fn with_split_horizon_the_next_hop_gets_no_mapping_for_its_own() {
    let mut lsr = Lsr::new(|policy| {
        policy.control = ControlMode::Ordered;
        policy.split_horizon = true;
    });
    lsr.up(2);
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.map(2, "198.51.100.0/24", 500);
    assert_eq!(lsr.said(2), [""; 0]);
    assert_eq!(lsr.said(3), ["map 198.51.100.0/24 100"]);
    lsr.map(3, "198.51.100.0/24", 600);
    assert_eq!(lsr.said(3), [""; 0], "it is no next hop");
    lsr.route("198.51.100.0/24", via(&[3]));
    assert_eq!(lsr.said(2), ["map 198.51.100.0/24 100"]);
    assert_eq!(lsr.said(3), ["withdraw 198.51.100.0/24 any"]);
    // Without a peer to tell it no label is taken.
    lsr.route("203.0.113.0/24", via(&[3]));
    lsr.down(2);
    lsr.map(3, "203.0.113.0/24", 601);
    assert_eq!(lsr.said(3), [""; 0]);
    assert_eq!(lsr.allocations, 1);
}
