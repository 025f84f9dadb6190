//! Negotiation of session parameters, and what follows when they are not acceptable (RFC 5036 sections
//! 2.5.3 and 3.5.3).

use ldp::engine::{Families, Output, SessionState};
use ldp::label::LoopDetection;
use ldp::packet::{AdvertisementDiscipline, Body, Initialization, StatusCode};

use crate::support::script::{PEER, Script, notification};
use crate::support::{address, config, seconds};

fn script() -> Script {
    Script::new(config("1.1.1.1", &[("eth0", Families::IPV4)]))
}

/// What comes of an Initialization that is changed.
fn answer(mut script: Script, change: impl FnOnce(&mut Initialization)) -> (Vec<StatusCode>, bool) {
    let id = script.passive_connection();
    let mut initialization = script.initialization();
    change(&mut initialization);
    script.send(id, Body::Initialization(Box::new(initialization)));
    script.answer(id)
}

/// Section 3.5.3: the smaller of the KeepAlive Times; and KeepAlives go out by it: faults-seen 10c.
#[test]
fn the_smaller_keepalive_time_is_used_and_keepalives_go_out_by_it() {
    let mut script = script();
    let mut initialization = script.initialization();
    initialization.keepalive_time = 15;
    let id = script.operational_with(initialization);
    script.taken(id);
    let parameters = script.neighbour().parameters.expect("it is operational");
    assert_eq!(parameters.keepalive_time, 15);
    for _ in 0..12 {
        script.say(script.hello());
        script.send(id, Body::KeepAlive);
        script.pass(seconds(5));
    }
    let keepalives = script
        .taken(id)
        .into_iter()
        .filter(|body| *body == Body::KeepAlive)
        .count();
    assert!(
        (11..=13).contains(&keepalives),
        "{keepalives} in 60 seconds"
    );
    assert_eq!(script.state(), SessionState::Operational);
}

#[test]
fn a_keepalive_time_of_zero_is_rejected() {
    assert_eq!(
        answer(script(), |peer| peer.keepalive_time = 0),
        (vec![StatusCode::SESSION_REJECTED_BAD_KEEPALIVE_TIME], true)
    );
}

/// Section 3.5.3: no PDU is longer than the maximum that was negotiated.
#[test]
fn no_pdu_is_longer_than_the_maximum_that_was_negotiated() {
    let mut script = script();
    let addresses: Vec<String> = (1..=200).map(|host| format!("10.0.1.{host}/24")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    script
        .ldp
        .handle_interface("eth0", crate::support::up(&addresses), script.clock.now);
    let mut initialization = script.initialization();
    initialization.max_pdu_length = 256;
    let id = script.operational_with(initialization);
    let sent = &script.sent[&id];
    let announced: usize = sent
        .messages
        .iter()
        .filter_map(|message| match &message.body {
            Body::Address(message) => Some(message.addresses.len()),
            _ => None,
        })
        .sum();
    assert_eq!(
        announced, 201,
        "200 of the interface, and the transport address"
    );
    assert!(sent.longest_pdu <= 256, "{}", sent.longest_pdu);
}

/// Section 3.5.3: the maximum PDU length that was negotiated counts for what is received, too, from the
/// moment on at which the session is operational: faults-seen 10b.
#[test]
fn received_pdus_may_be_as_long_as_was_negotiated_and_no_longer() {
    for (proposed, longest) in [(256_u16, 256_usize), (8000, 6000)] {
        for (octets, accepted) in [(longest, true), (longest + 100, false)] {
            let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
            config.session.max_pdu_length = ldp::engine::MaxPduLength::new(6000).expect("in range");
            let mut script = Script::new(config);
            let id = script.passive_connection();
            let mut initialization = script.initialization();
            initialization.max_pdu_length = proposed;
            // All in one segment of TCP.
            let mut segment =
                script.pdu(PEER, vec![Body::Initialization(Box::new(initialization))]);
            segment.extend(script.pdu(PEER, vec![Body::KeepAlive]));
            // Messages of unknown type, that are ignored, up to the length.
            let filler = Body::Unknown {
                kind: 0x3f00,
                value: vec![0; octets - 10 - 8],
            };
            segment.extend(script.pdu(PEER, vec![filler]));
            script.octets(id, &segment);
            assert_eq!(
                script.state() == SessionState::Operational,
                accepted,
                "{proposed} {octets}"
            );
            if !accepted {
                let (statuses, closed) = script.answer(id);
                assert_eq!(statuses, [StatusCode::BAD_PDU_LENGTH]);
                assert!(closed);
            }
        }
    }
}

/// Section 3.5.3: Receiver LDP Identifier; if there is no matching Hello adjacency the session is rejected
/// with No Hello.
#[test]
fn an_initialization_for_another_receiver_is_rejected() {
    assert_eq!(
        answer(script(), |peer| peer.receiver = PEER),
        (vec![StatusCode::SESSION_REJECTED_NO_HELLO], true)
    );
}

/// Section 2.5.3, 1c: no Hello adjacency has the LDP Identifier of the Initialization's PDU.
#[test]
fn an_initialization_of_an_unknown_ldp_identifier_is_rejected() {
    let mut script = script();
    let id = script.passive_connection();
    let stranger = ldp::LdpIdentifier::platform(std::net::Ipv4Addr::new(8, 8, 8, 8));
    let pdu = script.pdu(
        stranger,
        vec![Body::Initialization(Box::new(script.initialization()))],
    );
    script.octets(id, &pdu);
    assert_eq!(
        script.answer(id),
        (vec![StatusCode::SESSION_REJECTED_NO_HELLO], true)
    );
}

#[test]
fn another_protocol_version_in_the_initialization_is_rejected() {
    let (statuses, closed) = answer(script(), |peer| peer.protocol_version = 2);
    assert_eq!(statuses, [StatusCode::BAD_PROTOCOL_VERSION]);
    assert!(closed);
}

/// Section 3.5.3: disciplines that differ make downstream unsolicited, or an end for who insists.
#[test]
fn an_lsr_that_insists_on_downstream_on_demand_rejects_a_peer_that_does_not() {
    let mut insisting = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    insisting.session.advertisement = AdvertisementDiscipline::DownstreamOnDemand;
    let tolerant = insisting.clone();
    insisting.session.insist_on_advertisement = true;
    assert_eq!(
        answer(Script::new(insisting), |_| {}),
        (vec![StatusCode::SESSION_REJECTED_ADVERTISEMENT_MODE], true)
    );
    let mut script = Script::new(tolerant);
    script.operational();
    assert_eq!(
        script
            .neighbour()
            .parameters
            .map(|found| found.advertisement),
        Some("downstream-unsolicited")
    );
}

/// Section 3.5.3: a maximum PDU length that is not acceptable.
#[test]
fn path_vectors_that_do_not_fit_the_peers_pdus_reject_the_session() {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    config.labels.loop_detection = LoopDetection {
        enabled: true,
        ..LoopDetection::default()
    };
    assert_eq!(
        answer(Script::new(config), |peer| peer.max_pdu_length = 256),
        (vec![StatusCode::SESSION_REJECTED_MAX_PDU_LENGTH], true)
    );
}

/// An active LSR whose peer is 9.9.9.9, and its connection attempts.
fn active() -> Script {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    config.ipv4_transport = Some(std::net::Ipv4Addr::new(200, 0, 0, 1));
    let mut script = Script::new(config);
    script.say(script.hello());
    script
}

/// Connects, and is NAKed.
fn nak(script: &mut Script) {
    let Some(Output::Connect { id, .. }) = script.connects.pop_front() else {
        panic!("it connects");
    };
    let now = script.now();
    script.ldp.handle_connected(id, address("200.0.0.1"), now);
    script.drain();
    script.send(
        id,
        notification(StatusCode::SESSION_REJECTED_ADVERTISEMENT_MODE),
    );
    assert!(script.closed(id));
}

/// How many seconds it takes to the next attempt. Hellos go on.
fn seconds_to_next_attempt(script: &mut Script, sequence: u32) -> u64 {
    for waited in 0..600 {
        if !script.connects.is_empty() {
            return waited;
        }
        let mut hello = script.hello();
        hello.configuration_sequence = Some(sequence);
        script.say(hello);
        script.pass(seconds(1));
    }
    600
}

/// Section 2.5.3: the attempt after a NAKed Initialization is delayed no less than 15 seconds, and
/// subsequent delays grow to a maximum of no less than 2 minutes.
#[test]
fn attempts_after_naks_are_15_to_120_seconds_apart() {
    let mut script = active();
    let mut delays = Vec::new();
    for _ in 0..6 {
        nak(&mut script);
        delays.push(seconds_to_next_attempt(&mut script, 1));
    }
    assert_eq!(delays, [15, 30, 60, 120, 120, 120]);
    let neighbour = script.neighbour();
    assert_eq!(neighbour.naks, 6);
    assert_eq!(
        neighbour.reason.as_deref(),
        Some("the peer rejected the session: Session Rejected/Parameters Advertisement Mode")
    );
}

/// Section 3.5.2.1: a change of the peer's Configuration Sequence Number clears the delay.
#[test]
fn a_peer_that_was_configured_anew_is_tried_at_once() {
    let mut script = active();
    nak(&mut script);
    assert_eq!(seconds_to_next_attempt(&mut script, 1), 15);
    nak(&mut script);
    script.pass(seconds(5));
    script.say(script.hello());
    assert!(script.connects.is_empty());
    assert_eq!(seconds_to_next_attempt(&mut script, 2), 1);
    // And the delays begin anew.
    nak(&mut script);
    assert_eq!(seconds_to_next_attempt(&mut script, 2), 15);
}

/// Section 2.5.3: after a configuration action there is no further need to throttle; nor after the
/// operator's word.
#[test]
fn a_configuration_change_of_this_lsr_and_a_clear_end_the_delay() {
    let mut script = active();
    nak(&mut script);
    let mut config = script.ldp.config().clone();
    config.session.keepalive_time = ldp::engine::KeepAliveTime::new(60).expect("in range");
    let now = script.now();
    script.ldp.set_config(config, now);
    script.drain();
    nak(&mut script);
    assert!(script.connects.is_empty());
    script.ldp.clear_neighbour(Some(PEER), now);
    script.drain();
    assert_eq!(script.connects.len(), 1);
}

/// Section 3.5.3, PVLim: knowledge of the peer's limit enables the LSR "to alert an operator to a possible
/// misconfiguration".
#[test]
fn different_path_vector_limits_are_reported() {
    for (limit, reported) in [(255, false), (32, true)] {
        let mut detecting = config("1.1.1.1", &[("eth0", Families::IPV4)]);
        detecting.labels.loop_detection.enabled = true;
        let mut script = Script::new(detecting);
        let mut initialization = script.initialization();
        initialization.loop_detection = true;
        initialization.path_vector_limit = limit;
        script.operational_with(initialization);
        let said = script
            .events
            .iter()
            .any(|event| event.to_string().contains("path vector limits differ"));
        assert_eq!(said, reported, "{limit}");
    }
}
