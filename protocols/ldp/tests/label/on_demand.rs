//! Downstream on demand: RFC 5036 sections 3.5.8 and 3.5.9, appendix A.1.1, A.1.3 and A.1.8 to A.1.15.

use std::time::Duration;

use ldp::label::{ControlMode, NoRouteProcedure, RetentionMode};
use ldp::packet::Body;

use crate::lsr::*;

const FEC: &str = "198.51.100.0/24";

fn ask(lsr: &mut Lsr, n: u8, of: &str) -> u32 {
    lsr.receive(n, Body::LabelRequest(request(of)))
}

/// An LSR with a downstream peer, 192.0.2.2, and an upstream one, 192.0.2.3.
fn between(control: ControlMode) -> Lsr {
    let mut lsr = Lsr::new(|policy| policy.control = control);
    lsr.up_with(2, on_demand());
    lsr.up_with(3, on_demand());
    lsr.route(FEC, via(&[2]));
    lsr
}

fn answer(lsr: &mut Lsr, value: u32) {
    let mut mapping = mapping(FEC, value);
    mapping.request_id = Some(lsr.request_id(2));
    lsr.receive(2, Body::LabelMapping(mapping));
}

/// Section 3.5.7.1.3 and A.1.6, FEC.4: on demand nothing is advertised unasked, and the next hop is asked.
#[test]
fn a_new_fec_is_asked_for_and_not_advertised() {
    let mut lsr = between(ControlMode::Independent);
    assert_eq!(lsr.said(2), [format!("request {FEC}")]);
    assert_eq!(lsr.said(3), [""; 0]);
    assert_eq!(lsr.allocations, 0);
}

/// Section 3.5.8.1: the answer to a request MUST include its Message ID; A.1.1, LRq.9 for independent control.
#[test]
fn independent_control_answers_at_once() {
    let mut lsr = between(ControlMode::Independent);
    let id = ask(&mut lsr, 3, FEC);
    assert_eq!(lsr.said(3), [format!("map {FEC} 100 for {id}")]);
    answer(&mut lsr, 500);
    assert_eq!(lsr.swapped(100), Some(vec![500]));
}

/// A.1.1, LRq.9 for ordered control, and A.1.2, LMp.28 and LMp.29: the request waits for the next hop's mapping. A.2.2,
/// SLRq.1: two requests are merged in one.
#[test]
fn ordered_control_merges_requests_and_answers_when_the_next_hop_did() {
    let mut lsr = between(ControlMode::Ordered);
    lsr.up_with(4, on_demand());
    let first = ask(&mut lsr, 3, FEC);
    let second = ask(&mut lsr, 4, FEC);
    assert_eq!(lsr.said(3), [""; 0]);
    let view = lsr.labels.binding(&fec(FEC)).unwrap();
    assert_eq!(view.requests_received, [peer(3), peer(4)]);
    assert_eq!(view.requests_sent, [peer(2)]);
    let sent = lsr.sent.iter().filter(|(to, _, _)| *to == peer(2)).count();
    assert_eq!(sent, 1);
    answer(&mut lsr, 500);
    assert_eq!(lsr.said(3), [format!("map {FEC} 100 for {first}")]);
    assert_eq!(lsr.said(4), [format!("map {FEC} 100 for {second}")]);
}

/// A.1.1, LRq.5: unless the routing table has an entry that exactly matches the prefix, the LSR MUST respond with No
/// Route; LRq.7: a duplicate request is dropped; section 3.5.8.1.
#[test]
fn requests_without_route_and_duplicates() {
    let mut lsr = between(ControlMode::Ordered);
    let id = ask(&mut lsr, 3, "198.51.100.1/32");
    assert_eq!(lsr.said(3), [format!("notify {NO_ROUTE:#x} of {id}")]);
    for _ in 0..2 {
        let body = Body::LabelRequest(request(FEC));
        lsr.labels.receive(peer(3), 4711, body, lsr.now);
        lsr.settle();
    }
    assert_eq!(lsr.events.len(), 1, "{:?}", lsr.events);
    answer(&mut lsr, 500);
    assert_eq!(lsr.said(3), [format!("map {FEC} 100 for 4711")]);
    // A pending request whose route goes away is refused.
    let mut lsr = between(ControlMode::Ordered);
    let id = ask(&mut lsr, 3, FEC);
    lsr.route(FEC, None);
    assert_eq!(lsr.said(3), [format!("notify {NO_ROUTE:#x} of {id}")]);
}

/// Note 11 of A.1.2: an LSR in downstream unsolicited mode MUST process any Label Request that it receives.
#[test]
fn a_request_in_an_unsolicited_session_is_answered_too() {
    let mut lsr = Lsr::new(|_| {});
    lsr.up(2);
    lsr.route(FEC, via(&[3]));
    lsr.said(2);
    let id = ask(&mut lsr, 2, FEC);
    assert_eq!(lsr.said(2), [format!("map {FEC} 100 for {id}")]);
}

/// A.1.3: a request that is not answered is aborted, which is acknowledged with the request's Message ID; LAbR.2: one
/// that is answered is not.
#[test]
fn a_pending_request_is_aborted() {
    let mut lsr = between(ControlMode::Ordered);
    let request = ask(&mut lsr, 3, FEC);
    let id = lsr.receive(3, Body::LabelAbortRequest(abort(FEC, request)));
    assert_eq!(
        lsr.said(3),
        [format!(
            "notify {LABEL_REQUEST_ABORTED:#x} of {id} request {request}"
        )]
    );
    answer(&mut lsr, 500);
    assert_eq!(lsr.said(3), [""; 0]);
    let request = ask(&mut lsr, 3, FEC);
    lsr.said(3);
    lsr.receive(3, Body::LabelAbortRequest(abort(FEC, request)));
    assert_eq!(lsr.said(3), [""; 0]);
}

/// LAbR.7 to LAbR.10: the request downstream is aborted when the last upstream peer aborts and this LSR is no ingress;
/// section 3.5.9.1: without an answer it is forgotten after some minutes.
#[test]
fn the_last_abort_is_propagated() {
    let mut lsr = Lsr::new(|policy| {
        policy.ingress = false;
        policy.control = ControlMode::Ordered;
    });
    for n in [2, 3, 4] {
        lsr.up_with(n, on_demand());
    }
    lsr.route(FEC, via(&[2]));
    let first = ask(&mut lsr, 3, FEC);
    let second = ask(&mut lsr, 4, FEC);
    let downstream = lsr.request_id(2);
    lsr.said(2);
    lsr.receive(3, Body::LabelAbortRequest(abort(FEC, first)));
    assert_eq!(lsr.said(2), [""; 0], "LAbR.8: another one is outstanding");
    lsr.receive(4, Body::LabelAbortRequest(abort(FEC, second)));
    assert_eq!(lsr.said(2), [format!("abort {FEC} {downstream}")]);
    let view = lsr.labels.binding(&fec(FEC)).unwrap();
    assert_eq!(view.requests_sent, [peer(2)]);
    // A.1.8.
    let mut aborted = notification(LABEL_REQUEST_ABORTED, 0);
    aborted.request_id = Some(downstream);
    lsr.receive(2, Body::Notification(Box::new(aborted)));
    let view = lsr.labels.binding(&fec(FEC)).unwrap();
    assert_eq!(view.requests_sent, []);

    let third = ask(&mut lsr, 3, FEC);
    lsr.receive(3, Body::LabelAbortRequest(abort(FEC, third)));
    lsr.pass(Duration::from_secs(300));
    let view = lsr.labels.binding(&fec(FEC)).unwrap();
    assert_eq!(view.requests_sent, []);
}

/// A.1.7, NH.6 to NH.9, NH.14 and NH.15: under conservative retention the request to the old next hop is aborted, and the
/// new one is asked.
#[test]
fn a_change_of_next_hop_aborts_the_request() {
    let mut lsr = Lsr::new(|policy| policy.retention = RetentionMode::Conservative);
    lsr.up_with(2, on_demand());
    lsr.up_with(3, on_demand());
    lsr.route(FEC, via(&[2]));
    let id = lsr.request_id(2);
    lsr.said(2);
    lsr.route(FEC, via(&[3]));
    assert_eq!(lsr.said(2), [format!("abort {FEC} {id}")]);
    assert_eq!(lsr.said(3), [format!("request {FEC}")]);
    // Section 3.5.9.1: a mapping that crosses the abort is valid, and may be released.
    let mut crossing = mapping(FEC, 500);
    crossing.request_id = Some(id);
    lsr.receive(2, Body::LabelMapping(crossing));
    assert_eq!(lsr.said(2), [format!("release {FEC} 500")]);
}

/// A.1.9: after No Label Resources no request goes to the peer until Label Resources Available (A.1.12).
#[test]
fn requests_wait_for_the_peers_label_resources() {
    let mut lsr = between(ControlMode::Independent);
    let id = lsr.request_id(2);
    lsr.said(2);
    lsr.receive(
        2,
        Body::Notification(Box::new(notification(NO_LABEL_RESOURCES, id))),
    );
    lsr.route("203.0.113.0/24", via(&[2]));
    lsr.pass(Duration::from_secs(120));
    assert_eq!(lsr.said(2), [""; 0]);
    lsr.receive(
        2,
        Body::Notification(Box::new(notification(LABEL_RESOURCES_AVAILABLE, 0))),
    );
    let mut said = lsr.said(2);
    said.sort();
    assert_eq!(
        said,
        [format!("request {FEC}"), "request 203.0.113.0/24".into()]
    );
}

/// A.1.10 and A.1.15: after No Route the request is deferred and goes out again when its time is over; A.1.11: Loop
/// Detected is the same.
#[test]
fn a_request_is_deferred_when_the_peer_has_no_route() {
    for code in [NO_ROUTE, LOOP_DETECTED] {
        let mut lsr = between(ControlMode::Independent);
        let id = lsr.request_id(2);
        lsr.said(2);
        lsr.receive(2, Body::Notification(Box::new(notification(code, id))));
        lsr.pass(Duration::from_secs(29));
        assert_eq!(lsr.said(2), [""; 0]);
        lsr.pass(Duration::from_secs(1));
        assert_eq!(lsr.said(2), [format!("request {FEC}")]);
        // TO.2: not if the peer is the next hop no more.
        let mut lsr = between(ControlMode::Independent);
        let id = lsr.request_id(2);
        lsr.said(2);
        lsr.receive(2, Body::Notification(Box::new(notification(code, id))));
        lsr.route(FEC, via(&[9]));
        lsr.pass(Duration::from_secs(60));
        assert_eq!(lsr.said(2), [""; 0]);
    }
    // No Request Retry.
    let mut lsr = between(ControlMode::Independent);
    lsr.policy(|policy| policy.no_route = NoRouteProcedure::NoRequestRetry);
    let id = lsr.request_id(2);
    lsr.said(2);
    lsr.receive(2, Body::Notification(Box::new(notification(NO_ROUTE, id))));
    lsr.pass(Duration::from_secs(600));
    assert_eq!(lsr.said(2), [""; 0]);
}

/// A.2.1, SL.9 to SL.12, and A.1.13: without labels a request is answered with No Label Resources, and the peer is told
/// when there are some.
#[test]
fn a_peer_is_told_when_there_are_labels_again() {
    let mut lsr = between(ControlMode::Independent);
    lsr.exhausted = true;
    let id = ask(&mut lsr, 3, FEC);
    assert_eq!(
        lsr.said(3),
        [format!("notify {NO_LABEL_RESOURCES:#x} of {id}")]
    );
    lsr.pass(Duration::from_secs(30));
    assert_eq!(lsr.said(3), [""; 0], "there are none yet");
    lsr.exhausted = false;
    let now = lsr.now;
    lsr.labels.label_resources_available(now);
    lsr.settle();
    assert_eq!(
        lsr.said(3),
        [format!("notify {LABEL_RESOURCES_AVAILABLE:#x}")]
    );
    let id = ask(&mut lsr, 3, FEC);
    assert_eq!(lsr.said(3), [format!("map {FEC} 100 for {id}")]);
}

/// Section 3.4.1.1, and RFC 7307 section 5.1: a peer that cannot read the request drops it and says so. It is not
/// asked for the FEC again, until the route is another.
#[test]
fn a_request_that_the_peer_cannot_read_is_over() {
    for code in [0x04, 0x06, UNKNOWN_FEC, 0x16, 0x17, 0x31] {
        let mut lsr = between(ControlMode::Independent);
        let id = lsr.request_id(2);
        lsr.said(2);
        lsr.receive(2, Body::Notification(Box::new(notification(code, id))));
        let view = lsr.labels.binding(&fec(FEC)).unwrap();
        assert_eq!(view.requests_sent, [], "{code:#x}");
        assert_eq!(lsr.events.len(), 1, "{code:#x}: {:?}", lsr.events);
        lsr.pass(Duration::from_secs(600));
        assert_eq!(lsr.said(2), [""; 0], "{code:#x}");
        lsr.route(FEC, via(&[9]));
        lsr.route(FEC, via(&[2]));
        assert_eq!(lsr.said(2), [format!("request {FEC}")], "{code:#x}");
    }
}
