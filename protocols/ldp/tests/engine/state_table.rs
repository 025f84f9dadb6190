//! The Session Initialization State Transition Table (RFC 5036 section 2.5.4), row by row, as a peer sees
//! it.

use ldp::engine::{ConnectionId, Output, Role, SessionState};
use ldp::packet::{AddressMessage, Body, LabelRelease, LabelRequest, StatusCode};

use crate::support::script::{LOCAL, PEER, Script, notification};
use crate::support::{address, config, seconds};

/// An engine that is active: its transport address 200.0.0.1 is the higher one.
fn active() -> (Script, ConnectionId) {
    let mut config = config("1.1.1.1", &[("eth0", ldp::engine::Families::IPV4)]);
    config.ipv4_transport = Some(std::net::Ipv4Addr::new(200, 0, 0, 1));
    let mut script = Script::new(config);
    script.say(script.hello());
    let Some(Output::Connect {
        id, local, remote, ..
    }) = script.connects.pop_front()
    else {
        panic!("the active LSR connects");
    };
    assert_eq!((local, remote), (address("200.0.0.1"), address("9.9.9.9")));
    script.ldp.handle_connected(id, local, script.clock.now);
    script.drain();
    (script, id)
}

fn passive() -> (Script, ConnectionId) {
    let mut script = Script::new(config("1.1.1.1", &[("eth0", ldp::engine::Families::IPV4)]));
    let id = script.passive_connection();
    (script, id)
}

/// NON EXISTENT, Session TCP connection established: INITIALIZED. The passive LSR sends nothing until the
/// Initialization of the active one is there: faults-seen 9.
#[test]
fn the_passive_lsr_sends_nothing_before_the_peers_initialization() {
    let (mut script, id) = passive();
    assert_eq!(script.state(), SessionState::Initialized);
    assert_eq!(script.taken(id), []);
    script.pass(seconds(10));
    assert_eq!(script.taken(id), []);
    assert_eq!(script.neighbour().role, Some(Role::Passive));
}

/// INITIALIZED, Transmit Initialization msg (Active Role): OPENSENT. No KeepAlive goes with it: faults-seen
/// 9.
#[test]
fn the_active_lsr_sends_its_initialization_and_no_keepalive() {
    let (mut script, id) = active();
    assert_eq!(script.state(), SessionState::OpenSent);
    let sent = script.taken(id);
    let [Body::Initialization(initialization)] = sent.as_slice() else {
        panic!("one Initialization message, not {sent:?}");
    };
    assert_eq!(initialization.receiver, PEER);
    assert_eq!(initialization.keepalive_time, 180);
    assert_eq!(initialization.max_pdu_length, 4096);
}

/// INITIALIZED, Receive acceptable Initialization msg (Passive Role): OPENREC; Transmit Initialization msg
/// and KeepAlive msg.
#[test]
fn the_passive_lsr_answers_an_initialization_with_initialization_and_keepalive() {
    let (mut script, id) = passive();
    script.send(id, Body::Initialization(Box::new(script.initialization())));
    assert_eq!(script.state(), SessionState::OpenRec);
    let sent = script.taken(id);
    assert!(
        matches!(sent.as_slice(), [Body::Initialization(_), Body::KeepAlive]),
        "{sent:?}"
    );
}

/// OPENSENT, Receive acceptable Initialization msg: OPENREC; Transmit KeepAlive msg. OPENREC, Receive
/// KeepAlive msg: OPERATIONAL.
#[test]
fn the_active_lsr_answers_an_initialization_with_a_keepalive() {
    let (mut script, id) = active();
    script.taken(id);
    script.send(id, Body::Initialization(Box::new(script.initialization())));
    assert_eq!(script.state(), SessionState::OpenRec);
    assert_eq!(script.taken(id), [Body::KeepAlive]);
    script.send(id, Body::KeepAlive);
    assert_eq!(script.state(), SessionState::Operational);
}

/// Initialization and KeepAlive of the peer may come in one PDU, and a Label message behind them.
#[test]
fn initialization_and_keepalive_in_one_pdu_make_a_session() {
    let (mut script, id) = active();
    let pdu = script.pdu(
        PEER,
        vec![
            Body::Initialization(Box::new(script.initialization())),
            Body::KeepAlive,
            Body::Address(AddressMessage {
                addresses: vec![address("10.0.0.9")],
            }),
        ],
    );
    script.octets(id, &pdu);
    assert_eq!(script.state(), SessionState::Operational);
    assert_eq!(script.neighbour().addresses, [address("10.0.0.9")]);
}

/// Messages other than Initialization, KeepAlive and Notification.
fn other_messages() -> Vec<Body> {
    vec![
        Body::Hello(Box::default()),
        Body::Address(AddressMessage {
            addresses: vec![address("10.0.0.9")],
        }),
        Body::AddressWithdraw(AddressMessage {
            addresses: vec![address("10.0.0.9")],
        }),
        Body::LabelRequest(LabelRequest {
            fec: vec![ldp::packet::FecElement::Prefix(
                crate::support::net("10.9.0.0/16").into(),
            )],
            hop_count: None,
            path_vector: None,
            forwarded: Vec::new(),
        }),
        Body::LabelRelease(LabelRelease {
            fec: vec![ldp::packet::FecElement::Wildcard],
            label: None,
            status: None,
        }),
        Body::Capability(Box::default()),
        // The rules for the U bit are overridden (section 2.5.3).
        Body::Unknown {
            kind: 0x3f00,
            value: vec![1, 2, 3, 4],
        },
    ]
}

/// INITIALIZED, OPENSENT and OPENREC, Receive Any other LDP msg: NON EXISTENT; Transmit Error Notification
/// msg (NAK) and close transport connection. It is a Shutdown (section 2.5.3).
#[test]
fn any_other_message_during_initialization_is_naked() {
    for message in other_messages() {
        let (mut initialized, id) = passive();
        initialized.send(id, message.clone());
        assert_eq!(
            initialized.answer(id),
            (vec![StatusCode::SHUTDOWN], true),
            "INITIALIZED, {}",
            message.name()
        );
        assert_eq!(initialized.state(), SessionState::NonExistent);

        let (mut open_sent, id) = active();
        open_sent.send(id, message.clone());
        assert_eq!(
            open_sent.answer(id),
            (vec![StatusCode::SHUTDOWN], true),
            "OPENSENT, {}",
            message.name()
        );

        let (mut open_rec, id) = passive();
        open_rec.send(
            id,
            Body::Initialization(Box::new(open_rec.initialization())),
        );
        open_rec.send(id, message.clone());
        assert_eq!(
            open_rec.answer(id),
            (vec![StatusCode::SHUTDOWN], true),
            "OPENREC, {}",
            message.name()
        );
    }
}

/// A KeepAlive before the Initialization is any other message, and so is a second Initialization.
#[test]
fn a_keepalive_too_early_and_a_second_initialization_are_naked() {
    let (mut script, id) = passive();
    script.send(id, Body::KeepAlive);
    assert_eq!(script.answer(id), (vec![StatusCode::SHUTDOWN], true));

    let (mut script, id) = active();
    script.send(id, Body::KeepAlive);
    assert_eq!(script.answer(id), (vec![StatusCode::SHUTDOWN], true));

    let (mut script, id) = passive();
    script.send(id, Body::Initialization(Box::new(script.initialization())));
    script.send(id, Body::Initialization(Box::new(script.initialization())));
    assert_eq!(script.answer(id), (vec![StatusCode::SHUTDOWN], true));
}

/// Timeout in INITIALIZED, OPENSENT and OPENREC: NON EXISTENT; Tx NAK msg. A session that opens and stays
/// silent does not stay.
#[test]
fn a_session_that_opens_and_stays_silent_is_closed() {
    let mut openings = [passive(), active(), passive()];
    let (open_rec, id) = &mut openings[2];
    open_rec.send(
        *id,
        Body::Initialization(Box::new(open_rec.initialization())),
    );
    for (mut script, id) in openings {
        let state = script.state();
        for _ in 0..7 {
            // Hellos go on: only the session is silent.
            script.say(script.hello());
            script.pass(seconds(5));
        }
        assert_eq!(
            script.answer(id),
            (vec![StatusCode::SHUTDOWN], true),
            "{state}"
        );
        let reason = script.neighbour().reason.expect("a reason");
        assert!(reason.contains("silent"), "{reason}");
    }
}

/// OPERATIONAL, Receive Shutdown msg: NON EXISTENT; Transmit Shutdown msg and close transport connection.
#[test]
fn a_shutdown_is_answered_by_a_shutdown() {
    let (mut script, _) = passive();
    let id = script.operational();
    script.taken(id);
    script.send(id, notification(StatusCode::SHUTDOWN));
    assert_eq!(script.answer(id), (vec![StatusCode::SHUTDOWN], true));
    assert_eq!(script.state(), SessionState::NonExistent);
    assert_eq!(
        script.neighbour().last_down.as_deref(),
        Some("the peer ended the session: Shutdown (fatal)")
    );
}

/// RFC 5036 section 3.5.1.1: a Shutdown during session initialization is answered by a Shutdown.
#[test]
fn a_shutdown_during_initialization_is_answered_by_a_shutdown() {
    for (mut script, id) in [passive(), active()] {
        script.taken(id);
        script.send(id, notification(StatusCode::SHUTDOWN));
        assert_eq!(script.answer(id), (vec![StatusCode::SHUTDOWN], true));
    }
}

/// OPERATIONAL, Timeout: NON EXISTENT; Transmit Shutdown msg and close transport connection. The
/// Notification has the status KeepAlive Timer Expired (section 3.5.1.2.3).
#[test]
fn a_session_without_pdus_for_the_keepalive_time_ends() {
    let (mut script, _) = passive();
    let mut initialization = script.initialization();
    initialization.keepalive_time = 30;
    let id = script.operational_with(initialization);
    for _ in 0..5 {
        script.pass(seconds(5));
        script.say(script.hello());
    }
    assert_eq!(script.state(), SessionState::Operational);
    script.pass(seconds(6));
    let (statuses, closed) = script.answer(id);
    assert_eq!(statuses.last(), Some(&StatusCode::KEEPALIVE_TIMER_EXPIRED));
    assert!(closed);
}

/// OPERATIONAL, Receive other LDP msgs: OPERATIONAL. So also for a second Initialization.
#[test]
fn an_operational_session_stays_operational_whatever_else_comes() {
    let (mut script, _) = passive();
    let id = script.operational();
    script.taken(id);
    for message in other_messages()
        .into_iter()
        .chain([Body::Initialization(Box::new(script.initialization()))])
    {
        let name = message.name();
        script.send(id, message);
        assert_eq!(script.state(), SessionState::Operational, "{name}");
    }
    assert!(!script.closed(id));
}

/// RFC 5036 section 2.5.5: when the last Hello adjacency is deleted, the LSR terminates the session by
/// sending a Notification message and closing the transport connection.
#[test]
fn the_session_ends_with_its_last_hello_adjacency() {
    let (mut script, _) = passive();
    let id = script.operational();
    script.taken(id);
    script.pass(seconds(15));
    assert_eq!(
        script.answer(id),
        (vec![StatusCode::HOLD_TIMER_EXPIRED], true)
    );
    assert!(script.ldp.neighbours(script.now()).is_empty());
}

/// RFC 5036 section 2.5.4: a restart of the peer's TCP makes another session.
#[test]
fn a_connection_that_is_closed_leads_to_another_one() {
    let (mut script, id) = active();
    script.send(id, Body::Initialization(Box::new(script.initialization())));
    script.send(id, Body::KeepAlive);
    assert_eq!(script.state(), SessionState::Operational);
    script
        .ldp
        .handle_closed(id, "reset by peer".to_owned(), script.clock.now);
    script.drain();
    assert_eq!(script.state(), SessionState::NonExistent);
    script.pass(seconds(1));
    assert!(matches!(
        script.connects.pop_front(),
        Some(Output::Connect { .. })
    ));
    assert_eq!(script.ldp.lsr(script.now()).identifier, LOCAL);
}
