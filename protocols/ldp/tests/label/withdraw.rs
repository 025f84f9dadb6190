//! RFC 5036 section 3.5.10, appendix A.1.5: withdrawals.

use ldp::label::ControlMode;
use ldp::packet::{Body, FecElement, LabelWithdraw};

use crate::lsr::*;

/// Section 3.5.10.1: an LSR that receives a Label Withdraw MUST respond with a Label Release, whatever it knows.
#[test]
fn a_withdraw_is_answered_with_a_release() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.map(2, "198.51.100.0/24", 500);
    lsr.said(2);
    lsr.receive(2, Body::LabelWithdraw(withdraw("198.51.100.0/24", 500)));
    assert_eq!(lsr.said(2), ["release 198.51.100.0/24 500"]);
    assert_eq!(lsr.pushed("198.51.100.0/24"), []);
    assert_eq!(lsr.swapped(100), None);
    // LWd.3: nothing of the kind is known, and the answer is the same.
    lsr.receive(2, Body::LabelWithdraw(withdraw("203.0.113.0/24", 501)));
    assert_eq!(lsr.said(2), ["release 203.0.113.0/24 501"]);
    // Another label than the one in use is not that one.
    lsr.map(2, "198.51.100.0/24", 502);
    lsr.receive(2, Body::LabelWithdraw(withdraw("198.51.100.0/24", 500)));
    assert_eq!(lsr.pushed("198.51.100.0/24"), [Some(502)]);
}

/// Section 3.5.10.1: the wildcard withdraws all, or all that the label is bound to; it is answered too (fault 4).
#[test]
fn a_withdraw_of_all_fecs_is_obeyed_and_answered() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    for n in 0..3 {
        let of = format!("198.51.100.{n}/32");
        lsr.route(&of, via(&[2]));
        lsr.map(2, &of, 500 + n / 2);
    }
    lsr.said(2);
    let wildcard = |label| {
        Body::LabelWithdraw(LabelWithdraw {
            fec: vec![FecElement::Wildcard],
            label,
        })
    };
    lsr.receive(2, wildcard(Some(label(500))));
    assert_eq!(lsr.said(2), ["release * 500"]);
    assert_eq!(lsr.ftn.len(), 1);
    lsr.receive(2, wildcard(None));
    assert_eq!(lsr.said(2), ["release * any"]);
    assert!(lsr.ftn.is_empty());
    assert_eq!(lsr.labels.counters().received, 0);
}

/// LWd.8 to LWd.11: under ordered control the withdrawal goes on upstream; the label stays with the FEC as long as
/// there is a route (RFC 3478 section 3.3).
#[test]
fn ordered_control_withdraws_upstream() {
    let mut lsr = Lsr::new(|policy| policy.control = ControlMode::Ordered);
    lsr.up(2);
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.map(2, "198.51.100.0/24", 500);
    lsr.said(3);
    lsr.receive(2, Body::LabelWithdraw(withdraw("198.51.100.0/24", 500)));
    assert_eq!(lsr.said(3), ["withdraw 198.51.100.0/24 any"]);
    for n in [2, 3] {
        lsr.receive(n, Body::LabelRelease(answer("198.51.100.0/24")));
    }
    lsr.map(2, "198.51.100.0/24", 501);
    assert_eq!(lsr.said(3), ["map 198.51.100.0/24 100"]);
    assert_eq!(lsr.allocations, 1);
}

/// LWd.6 and LWd.7: on demand with independent control the LSR acts as if it had just recognized the FEC.
#[test]
fn on_demand_a_withdrawn_label_is_asked_for_again() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up_with(2, on_demand());
    lsr.route("198.51.100.0/24", via(&[2]));
    let mut answer = mapping("198.51.100.0/24", 500);
    answer.request_id = Some(lsr.request_id(2));
    lsr.receive(2, Body::LabelMapping(answer));
    lsr.said(2);
    lsr.receive(2, Body::LabelWithdraw(withdraw("198.51.100.0/24", 500)));
    assert_eq!(
        lsr.said(2),
        ["release 198.51.100.0/24 500", "request 198.51.100.0/24"]
    );
}

/// A label that was withdrawn is advertised again once it is released.
#[test]
fn a_route_that_comes_back_waits_for_the_release() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    lsr.route("198.51.100.0/24", via(&[2]));
    lsr.route("198.51.100.0/24", None);
    lsr.said(2);
    lsr.route("198.51.100.0/24", via(&[2]));
    assert_eq!(lsr.said(2), [""; 0]);
    lsr.receive(2, Body::LabelRelease(answer("198.51.100.0/24")));
    assert_eq!(lsr.said(2), ["map 198.51.100.0/24 100"]);
}
