//! RFC 5036 section 2.8, appendix A.2.6 to A.2.8: loop detection.

use std::net::Ipv4Addr;

use ldp::label::{LabelEvent, Policy};
use ldp::packet::Body;

use crate::lsr::*;

fn detecting(policy: &mut Policy) {
    policy.loop_detection.enabled = true;
    policy.loop_detection.max_hop_count = 10;
    policy.loop_detection.max_path_vector = 5;
}

fn with(value: u32, hop_count: u8, path: &[u8]) -> Body {
    let mut mapping = mapping("198.51.100.0/24", value);
    mapping.hop_count = Some(hop_count);
    let path = path.iter().map(|n| Ipv4Addr::new(192, 0, 2, *n));
    mapping.path_vector = Some(path.collect());
    Body::LabelMapping(mapping)
}

/// Section 2.8.2: if R is the egress, the hop count value MUST be 1; otherwise R MUST increment the hop count,
/// and the Path Vector is the result of adding R's LSR Id to the one received.
#[test]
fn mappings_carry_hop_count_and_path_vector() {
    let mut lsr = Lsr::new(detecting);
    lsr.up(2);
    lsr.up(3);
    lsr.route("192.0.2.1/32", connected());
    assert_eq!(lsr.said(3), ["map 192.0.2.1/32 3 hops 1"]);
    lsr.route("198.51.100.0/24", via(&[2]));
    assert_eq!(
        lsr.said(3),
        ["map 198.51.100.0/24 100 hops 0 path [192.0.2.1]"],
        "unknown, and not propagated"
    );
    lsr.receive(2, with(500, 2, &[2, 9]));
    assert_eq!(
        lsr.said(3),
        ["map 198.51.100.0/24 100 hops 3 path [192.0.2.1, 192.0.2.2, 192.0.2.9]"]
    );
    // LMp.23: what is consistent with what was sent is not sent again.
    lsr.receive(2, with(500, 2, &[2, 9]));
    assert_eq!(lsr.said(3), [""; 0]);
}

/// Section 3.4.5.1.2: when a loop is detected in a mapping the LSR MUST transmit a Label Release with the status
/// Loop Detected, and unsplice the label if it was in use.
#[test]
fn a_mapping_that_went_in_a_loop_is_released_and_not_used() {
    for (hop_count, path) in [
        (3, &[2u8, 1, 9][..]),
        (11, &[2, 9]),
        (7, &[2, 3, 4, 5, 6, 7]),
    ] {
        let mut lsr = Lsr::new(detecting);
        lsr.up(2);
        lsr.route("198.51.100.0/24", via(&[2]));
        lsr.receive(2, with(500, 2, &[2]));
        assert_eq!(lsr.pushed("198.51.100.0/24"), [Some(500)]);
        lsr.said(2);
        lsr.receive(2, with(500, hop_count, path));
        let said = lsr.said(2);
        assert_eq!(
            said.first().unwrap(),
            &format!("release 198.51.100.0/24 500 status {LOOP_DETECTED:#x}")
        );
        assert_eq!(lsr.pushed("198.51.100.0/24"), []);
        let event = LabelEvent::LoopDetected {
            peer: peer(2),
            fec: fec("198.51.100.0/24"),
        };
        assert_eq!(lsr.events, [event]);
    }
}

/// Section 3.4.5.1.1: when a loop is detected in a request the LSR MUST reject it with Loop Detected; A.1.1, LRq.3:
/// so it does if the next hop itself asks.
#[test]
fn a_request_that_went_in_a_loop_is_rejected() {
    let mut lsr = Lsr::new(detecting);
    lsr.up_with(2, on_demand());
    lsr.up_with(3, on_demand());
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.take(2);
    let mut looped = request("198.51.100.0/24");
    looped.hop_count = Some(3);
    looped.path_vector = Some(vec![Ipv4Addr::new(192, 0, 2, 1)]);
    let id = lsr.receive(3, Body::LabelRequest(looped));
    assert_eq!(lsr.said(3), [format!("notify {LOOP_DETECTED:#x} of {id}")]);
    let id = lsr.receive(2, Body::LabelRequest(request("198.51.100.0/24")));
    assert_eq!(lsr.said(2), [format!("notify {LOOP_DETECTED:#x} of {id}")]);
}

/// Section 2.8.1: as ingress R MUST include a hop count of 1; a received hop count is incremented, and a received
/// path vector gets R's LSR Id.
#[test]
fn requests_carry_hop_count_and_path_vector() {
    let mut lsr = Lsr::new(|policy| {
        detecting(policy);
        policy.control = ldp::label::ControlMode::Ordered;
    });
    lsr.up_with(2, on_demand());
    lsr.route("198.51.100.0/24", via(&[2]));
    assert_eq!(lsr.said(2), ["request 198.51.100.0/24 hops 1"]);
    let mut lsr = Lsr::new(|policy| {
        detecting(policy);
        policy.ingress = false;
    });
    lsr.up_with(2, on_demand());
    lsr.up_with(3, on_demand());
    lsr.policy(|policy| policy.control = ldp::label::ControlMode::Ordered);
    lsr.route("198.51.100.0/24", via(&[2]));
    assert_eq!(lsr.said(2), [""; 0], "nobody asked");
    let mut asked = request("198.51.100.0/24");
    asked.hop_count = Some(3);
    asked.path_vector = Some(vec![Ipv4Addr::new(192, 0, 2, 3)]);
    lsr.receive(3, Body::LabelRequest(asked));
    assert_eq!(
        lsr.said(2),
        ["request 198.51.100.0/24 hops 4 path [192.0.2.1, 192.0.2.3]"]
    );
}

/// A.1.11, note 1: an upstream peer that saw a loop releases the mapping; it gets it again when the way is
/// another.
#[test]
fn a_mapping_released_for_a_loop_comes_again_with_another_path() {
    let mut lsr = Lsr::new(detecting);
    lsr.up(2);
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.receive(2, with(500, 2, &[2, 3]));
    lsr.said(3);
    let mut released = release("198.51.100.0/24", 100);
    released.status = Some(notification(LOOP_DETECTED, 0).status);
    lsr.receive(3, Body::LabelRelease(released.clone()));
    // It may be about the mapping from before the label of 192.0.2.2 came.
    assert_eq!(lsr.said(3), ["withdraw 198.51.100.0/24 any"]);
    lsr.receive(3, Body::LabelRelease(answer("198.51.100.0/24")));
    assert_eq!(
        lsr.said(3),
        ["map 198.51.100.0/24 100 hops 3 path [192.0.2.1, 192.0.2.2, 192.0.2.3]"]
    );
    lsr.receive(3, Body::LabelRelease(released));
    assert_eq!(lsr.said(3), [""; 0]);
    lsr.receive(2, with(500, 2, &[2, 9]));
    assert_eq!(
        lsr.said(3),
        ["map 198.51.100.0/24 100 hops 3 path [192.0.2.1, 192.0.2.2, 192.0.2.9]"]
    );
}

/// The same where nobody held the label after that, so that it went back (LRl.13): another one is bound.
#[test]
fn after_a_loop_a_label_is_bound_again_that_went_back() {
    let mut lsr = Lsr::new(detecting);
    lsr.up(2);
    lsr.up(4);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.said(4);
    let mut released = release("198.51.100.0/24", 100);
    released.status = Some(notification(LOOP_DETECTED, 0).status);
    lsr.receive(2, Body::LabelRelease(released.clone()));
    lsr.receive(4, Body::LabelRelease(released));
    assert!(lsr.allocated.is_empty());
    lsr.receive(2, with(500, 1, &[]));
    assert_eq!(
        lsr.said(4),
        ["map 198.51.100.0/24 101 hops 2 path [192.0.2.1]"]
    );
}

/// Section 3.5.3, PVLim: "If the Loop Detection procedures would require the LSR to send a Path Vector that
/// exceeds this limit, the LSR will behave as if a loop had been detected for the FEC in question." As ingress
/// the LSR uses the LSP: what it received is within the limit.
#[test]
fn a_path_vector_that_would_be_too_long_is_not_sent() {
    let mut lsr = Lsr::new(detecting);
    lsr.up(2);
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.receive(2, with(500, 4, &[2, 9, 10, 11]));
    let said = lsr.said(3);
    assert_eq!(
        said.last().map(String::as_str),
        Some(
            "map 198.51.100.0/24 100 hops 5 path \
             [192.0.2.1, 192.0.2.2, 192.0.2.9, 192.0.2.10, 192.0.2.11]"
        ),
        "five LSRs are the limit"
    );
    lsr.receive(2, with(500, 5, &[2, 9, 10, 11, 12]));
    assert_eq!(lsr.said(3), ["withdraw 198.51.100.0/24 any"]);
    assert_eq!(lsr.pushed("198.51.100.0/24"), [Some(500)]);
    lsr.receive(3, Body::LabelRelease(answer("198.51.100.0/24")));
    let id = lsr.receive(3, Body::LabelRequest(request("198.51.100.0/24")));
    assert_eq!(lsr.said(3), [format!("notify {LOOP_DETECTED:#x} of {id}")]);
    lsr.receive(2, with(500, 4, &[2, 9, 10, 11]));
    assert_eq!(lsr.said(3).len(), 1, "advertised again");
}

/// The same for a Label Request: one that would have too long a Path Vector is not propagated.
#[test]
fn a_request_whose_path_vector_would_be_too_long_is_rejected() {
    let mut lsr = Lsr::new(|policy| {
        detecting(policy);
        policy.ingress = false;
        policy.control = ldp::label::ControlMode::Ordered;
    });
    lsr.up_with(2, on_demand());
    lsr.up_with(3, on_demand());
    lsr.route("198.51.100.0/24", via(&[2]));
    let ask = |lsr: &mut Lsr, path: &[u8]| {
        let mut asked = request("198.51.100.0/24");
        asked.hop_count = u8::try_from(path.len()).ok();
        asked.path_vector = Some(path.iter().map(|n| Ipv4Addr::new(192, 0, 2, *n)).collect());
        lsr.receive(3, Body::LabelRequest(asked))
    };
    let id = ask(&mut lsr, &[3, 4, 5, 6, 7]);
    assert_eq!(lsr.said(3), [format!("notify {LOOP_DETECTED:#x} of {id}")]);
    assert_eq!(lsr.said(2), [""; 0]);
    ask(&mut lsr, &[3, 4, 5, 6]);
    assert_eq!(lsr.said(3), [""; 0]);
    assert_eq!(lsr.said(2).len(), 1);
}

/// Section 3.4.4.1: a received hop count MUST be incremented. 255 cannot be: the maximum is reached, which is treated as
/// if a loop had been detected (section 3.4.5.1.2), also where no loops are looked for.
#[test]
fn a_hop_count_of_255_is_not_propagated() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[2]));
    let hops = |hop_count| {
        let mut mapping = mapping("198.51.100.0/24", 500);
        mapping.hop_count = Some(hop_count);
        Body::LabelMapping(mapping)
    };
    lsr.receive(2, hops(254));
    assert_eq!(
        lsr.said(3).last().map(String::as_str),
        Some("map 198.51.100.0/24 100 hops 255")
    );
    lsr.receive(2, hops(255));
    assert_eq!(lsr.said(3), ["withdraw 198.51.100.0/24 any"]);
}
