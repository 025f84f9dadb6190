//! Every status code of RFC 5036 section 3.9 is sent by this LSR where the RFC says so.
//!
//! Those of PDUs, messages and TLVs that are wrong are in `bad_input.rs`; what comes of received ones is there
//! and in `tests/label`.

use ldp::engine::{ConnectionId, Families, LdpConfig, SessionState};
use ldp::label::{ControlMode, Route};
use ldp::packet::{
    AdvertisementDiscipline, Body, FecElement, LabelAbortRequest, LabelMapping, LabelRequest,
    StatusCode,
};

use crate::support::script::{PEER, Script, notification};
use crate::support::{config, net, seconds};

fn single() -> LdpConfig {
    config("1.1.1.1", &[("eth0", Families::IPV4)])
}

fn operational(config: LdpConfig) -> (Script, ConnectionId) {
    let mut script = Script::new(config);
    let mut initialization = script.initialization();
    initialization.advertisement = AdvertisementDiscipline::DownstreamOnDemand;
    let id = script.operational_with(initialization);
    script.taken(id);
    (script, id)
}

fn request(prefix: &str) -> Body {
    Body::LabelRequest(LabelRequest {
        fec: vec![FecElement::Prefix(net(prefix).into())],
        hop_count: None,
        path_vector: None,
        forwarded: Vec::new(),
    })
}

/// A route by an address that is no peer's.
fn route(script: &mut Script, prefix: &str) {
    let route = Route {
        next_hops: [ldp::label::NextHop {
            interface: "eth0".into(),
            address: crate::support::address("10.0.0.77"),
        }]
        .into_iter()
        .collect(),
        ..Route::default()
    };
    let now = script.now();
    script
        .ldp
        .handle_route(net(prefix).into(), Some(route), now);
    script.drain();
}

/// The status that comes of it, and whether the session ends.
fn said(script: &mut Script, id: ConnectionId) -> (Vec<(StatusCode, bool)>, bool) {
    let said = script
        .notifications(id)
        .into_iter()
        .map(|notification| (notification.status.code, notification.status.fatal))
        .collect();
    (said, script.closed(id))
}

/// Section 3.5.8.1: Loop Detected, No Route, No Label Resources; section 3.5.9.1: Label Request Aborted. None is
/// fatal.
#[test]
fn advisory_statuses_about_label_requests() {
    let (mut script, id) = operational(single());
    script.send(id, request("20.0.0.0/24"));
    let advisory = |code| (vec![(code, false)], false);
    assert_eq!(said(&mut script, id), advisory(StatusCode::NO_ROUTE));

    let mut detecting = single();
    detecting.labels.loop_detection.enabled = true;
    let (mut script, id) = operational(detecting);
    route(&mut script, "20.0.0.0/24");
    let Body::LabelRequest(mut looped) = request("20.0.0.0/24") else {
        unreachable!("it is a request");
    };
    looped.hop_count = Some(2);
    looped.path_vector = Some(vec![std::net::Ipv4Addr::new(1, 1, 1, 1)]);
    script.send(id, Body::LabelRequest(looped));
    assert_eq!(said(&mut script, id), advisory(StatusCode::LOOP_DETECTED));

    let (mut script, id) = operational(single());
    route(&mut script, "20.0.0.0/24");
    script.send(id, request("20.0.0.0/24"));
    let fec = net("20.0.0.0/24").into();
    let now = script.now();
    script
        .ldp
        .handle_label_allocated(fec, Err("none left".to_owned()), now);
    script.drain();
    assert_eq!(
        said(&mut script, id),
        advisory(StatusCode::NO_LABEL_RESOURCES)
    );
    // Labels come back.
    for _ in 0..6 {
        script.say(script.hello());
        script.pass(seconds(5));
    }
    let now = script.now();
    let label = mpls::Label::new(100).expect("a label");
    script.ldp.handle_label_allocated(fec, Ok(label), now);
    script.drain();
    assert_eq!(
        said(&mut script, id),
        advisory(StatusCode::LABEL_RESOURCES_AVAILABLE)
    );

    let mut ordered = single();
    ordered.labels.control = ControlMode::Ordered;
    let (mut script, id) = operational(ordered);
    route(&mut script, "20.0.0.0/24");
    // The Message ID is that of the script's next PDU.
    let pdu = script.pdu(PEER, vec![request("20.0.0.0/24")]);
    let request_id = u32::from_be_bytes([pdu[14], pdu[15], pdu[16], pdu[17]]);
    script.octets(id, &pdu);
    assert_eq!(said(&mut script, id), (vec![], false));
    script.send(
        id,
        Body::LabelAbortRequest(LabelAbortRequest {
            fec: vec![FecElement::Prefix(fec)],
            request_id,
        }),
    );
    assert_eq!(
        said(&mut script, id),
        advisory(StatusCode::LABEL_REQUEST_ABORTED)
    );
}

/// Section 3.5.3: sessions for ATM or Frame Relay labels have an empty intersection of label ranges.
#[test]
fn a_session_for_atm_labels_is_rejected_with_label_range() {
    let mut script = Script::new(single());
    let id = script.passive_connection();
    let initialization = Body::Initialization(Box::new(script.initialization()));
    let mut pdu = script.pdu(PEER, vec![initialization]);
    // An ATM Session Parameters TLV with one label range component.
    let tlv = [&[0x05, 0x01, 0, 12][..], &[0; 12]].concat();
    pdu.extend_from_slice(&tlv);
    for at in [2, 12] {
        let length = u16::from_be_bytes([pdu[at], pdu[at + 1]]) + 16;
        pdu[at..at + 2].copy_from_slice(&length.to_be_bytes());
    }
    script.octets(id, &pdu);
    assert_eq!(
        said(&mut script, id),
        (vec![(StatusCode::SESSION_REJECTED_LABEL_RANGE, true)], true)
    );
}

/// Section 3.5.1.2.7: an implementation should use Internal Error where it cannot go on with a peer: here one
/// for which more waits than is kept.
#[test]
fn a_session_that_this_lsr_cannot_go_on_with_ends_with_internal_error() {
    let mut limited = single();
    limited.limits.send_queue = 300 << 10;
    let (mut script, id) = operational(limited);
    script.writes = false;
    for _ in 0..500 {
        let pdu = script.pdu(PEER, vec![request("20.0.0.0/24"); 100]);
        script.octets(id, &pdu);
        if script.closed(id) {
            break;
        }
    }
    let (statuses, closed) = said(&mut script, id);
    assert!(closed);
    assert_eq!(statuses.last(), Some(&(StatusCode::INTERNAL_ERROR, true)));
}

/// Section 2.5.3, 1e and 2a: an error Notification before the session is operational is a NAK, whatever its status;
/// an advisory one is a message that has no place there, and answered by a Shutdown.
#[test]
fn each_status_before_the_session_is_operational_ends_it() {
    for code in StatusCode::KNOWN.iter().copied() {
        let mut script = Script::new(single());
        let id = script.passive_connection();
        script.send(id, Body::Initialization(Box::new(script.initialization())));
        assert_eq!(script.state(), SessionState::OpenRec);
        script.taken(id);
        script.send(id, notification(code));
        let (statuses, closed) = said(&mut script, id);
        assert!(closed, "{code}");
        assert_eq!(script.state(), SessionState::NonExistent, "{code}");
        let answered = !code.is_fatal() || code == StatusCode::SHUTDOWN;
        assert_eq!(
            statuses,
            if answered {
                vec![(StatusCode::SHUTDOWN, true)]
            } else {
                vec![]
            },
            "{code}"
        );
        if code.is_fatal() {
            let reason = script.neighbour().reason.expect("a reason");
            assert!(reason.contains(&code.to_string()), "{code}: {reason}");
        }
    }
}

/// Section 3.4.1.1 and RFC 3032 section 2.1: a label that cannot be bound to the FEC is a malformed value.
#[test]
fn a_router_alert_label_is_a_malformed_value() {
    let (mut script, id) = operational(single());
    script.send(
        id,
        Body::LabelMapping(LabelMapping::new(
            vec![FecElement::Prefix(net("20.0.0.0/24").into())],
            mpls::Label::new(1).expect("a label"),
        )),
    );
    assert_eq!(
        said(&mut script, id),
        (vec![(StatusCode::MALFORMED_TLV_VALUE, true)], true)
    );
}
