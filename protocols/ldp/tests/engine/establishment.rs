//! Transport connections: roles, and which connections are taken (RFC 5036 section 2.5.2, RFC 7552 section
//! 6.1).

use ldp::engine::{
    EventKind, Families, Output, Refusal, RefusedSegments, Role, SessionKey, SessionState,
    Severity, TtlSecurity,
};
use ldp::packet::{Body, StatusCode};

use crate::support::network::Network;
use crate::support::script::{PEER, Script};
use crate::support::{address, config, seconds};

fn script() -> Script {
    Script::new(config("1.1.1.1", &[("eth0", Families::IPV4)]))
}

/// Section 2.5.2: who has the higher transport address connects.
#[test]
fn one_of_two_lsrs_connects_and_the_session_comes_up_at_once() {
    let mut network = Network::default();
    let a = network.router(config("1.1.1.1", &[("eth0", Families::IPV4)]), &[]);
    let b = network.router(config("2.2.2.2", &[("eth0", Families::IPV4)]), &[]);
    network.link(&[(a, "eth0", &["10.0.0.1/24"]), (b, "eth0", &["10.0.0.2/24"])]);
    network.run(seconds(6));
    assert!(network.operational(a, b) && network.operational(b, a));
    assert_eq!(network.neighbours(a)[0].role, Some(Role::Passive));
    assert_eq!(network.neighbours(b)[0].role, Some(Role::Active));
    assert_eq!(network.neighbours(b)[0].naks, 0);
}

/// A connection from an address that no Hello gave is refused.
#[test]
fn a_connection_from_an_unknown_address_is_refused() {
    let mut script = script();
    assert_eq!(
        script.connect_from("9.9.9.9"),
        Err(Refusal::UnknownAddress(address("9.9.9.9")))
    );
    script.say(script.hello());
    // The source of Hellos is not the transport address.
    assert_eq!(
        script.connect_from("10.0.0.9"),
        Err(Refusal::UnknownAddress(address("10.0.0.9")))
    );
    assert!(script.connect_from("9.9.9.9").is_ok());
}

/// Section 2.5.2: the roles decide which of two connections there is: the passive LSR opens none, and the
/// active one takes none.
#[test]
fn the_active_lsr_takes_no_connection_of_its_peer() {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    config.ipv4_transport = "200.0.0.1".parse().ok();
    let mut script = Script::new(config);
    script.say(script.hello());
    assert_eq!(script.connects.len(), 1);
    let now = script.now();
    assert_eq!(
        script
            .ldp
            .accept(address("200.0.0.1"), address("9.9.9.9"), now),
        Err(Refusal::ActiveRole(address("9.9.9.9")))
    );
}

/// RFC 7552 section 6.1, rule 7: no second session. The first one is probed, for its peer may have forgotten
/// it.
#[test]
fn a_second_connection_is_refused_and_the_first_one_probed() {
    let mut script = script();
    let id = script.operational();
    script.taken(id);
    assert_eq!(
        script.connect_from("9.9.9.9"),
        Err(Refusal::SessionExists(address("9.9.9.9")))
    );
    assert_eq!(script.taken(id), [Body::KeepAlive]);
    assert_eq!(script.state(), SessionState::Operational);
}

/// A connection that its peer gave up before it was a session makes room for another one.
#[test]
fn another_connection_takes_the_place_of_one_that_is_no_session_yet() {
    let mut script = script();
    let first = script.passive_connection();
    let second = script.connect_from("9.9.9.9").expect("accepted").id;
    assert!(script.closed(first));
    script.send(
        second,
        Body::Initialization(Box::new(script.initialization())),
    );
    script.send(second, Body::KeepAlive);
    assert_eq!(script.state(), SessionState::Operational);
    // What still comes of the first one has no effect.
    script.send(first, Body::KeepAlive);
    assert_eq!(script.state(), SessionState::Operational);
}

/// A connection that cannot be made is tried again, and the reason is told.
#[test]
fn a_peer_that_cannot_be_reached_is_tried_again() {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    config.ipv4_transport = "200.0.0.1".parse().ok();
    let mut script = Script::new(config);
    script.say(script.hello());
    for delay in [1, 2, 4, 8] {
        let Some(Output::Connect { id, .. }) = script.connects.pop_front() else {
            panic!("it connects");
        };
        let now = script.now();
        script
            .ldp
            .handle_connect_failed(id, "connection refused".to_owned(), now);
        script.drain();
        assert_eq!(
            script.neighbour().reason.as_deref(),
            Some("the transport address 9.9.9.9 cannot be reached: connection refused")
        );
        script.say(script.hello());
        script.pass(seconds(delay) - std::time::Duration::from_millis(10));
        assert!(script.connects.is_empty(), "{delay}");
        script.pass(std::time::Duration::from_millis(10));
    }
    // And one that does not answer at all is given up in time.
    assert_eq!(script.connects.len(), 1);
    for _ in 0..4 {
        script.pass(seconds(10));
        script.say(script.hello());
    }
    let reason = script.neighbour().reason.expect("a reason");
    assert!(reason.contains("no answer"), "{reason}");
}

/// A peer with another TCP key does not answer at all: the reason says so.
#[test]
fn a_peer_with_a_key_that_does_not_answer_may_have_another_key() {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    config.ipv4_transport = "200.0.0.1".parse().ok();
    config.peers.entry(PEER.lsr_id).or_default().key = Some(SessionKey::Md5(b"key".to_vec()));
    let mut script = Script::new(config);
    for _ in 0..4 {
        script.say(script.hello());
        script.pass(seconds(10));
    }
    assert_eq!(
        script.neighbour().reason.as_deref(),
        Some(
            "the transport address 9.9.9.9 cannot be reached: no answer (the connection is \
             authenticated: the peer may have another key)"
        )
    );
}

/// RFC 5036 section 2.9: TCP refuses segments with another signature in silence. What the kernel counts says why a
/// peer that is waited for does not connect; after a while it says nothing any more.
#[test]
fn segments_that_the_kernel_refuses_are_a_reason() {
    let refused = |unsigned, unexpected, wrong| RefusedSegments {
        unsigned,
        unexpected,
        wrong,
    };
    for (key, refused, hint) in [
        (true, refused(0, 0, 1), Some("the keys may differ")),
        (true, refused(2, 0, 0), Some("the peer may have no key")),
        (true, refused(0, 3, 0), None),
        (false, refused(0, 1, 0), Some("here is none for it")),
        (false, refused(1, 0, 1), None),
    ] {
        let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
        if key {
            let secret = SessionKey::Md5(b"key".to_vec());
            config.peers.entry(PEER.lsr_id).or_default().key = Some(secret);
        }
        let mut script = Script::new(config);
        script.say(script.hello());
        let waiting = "waiting for the peer to connect from 9.9.9.9";
        let reason = |script: &Script| script.neighbour().reason.expect("a reason");
        assert!(reason(&script).starts_with(waiting));
        let now = script.now();
        script.ldp.handle_refused_segments(refused, now);
        let said = reason(&script);
        assert!(said.starts_with(waiting));
        match hint {
            Some(hint) => assert!(said.contains(hint), "{said}"),
            None => assert!(!said.contains("kernel"), "{said}"),
        }
        for _ in 0..6 {
            script.pass(seconds(10));
            script.say(script.hello());
        }
        assert!(!reason(&script).contains("kernel"));
    }
}

/// A transport address that cannot be reached is tried again and again: the log is not full of it.
#[test]
fn the_same_failure_is_a_warning_each_ten_minutes() {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    config.ipv4_transport = "200.0.0.1".parse().ok();
    let mut script = Script::new(config);
    let attempts = |script: &mut Script, reason: &str, minutes: u64| {
        for _ in 0..minutes * 6 {
            script.say(script.hello());
            for output in std::mem::take(&mut script.connects) {
                let Output::Connect { id, .. } = output else {
                    continue;
                };
                let now = script.now();
                script.ldp.handle_connect_failed(id, reason.to_owned(), now);
            }
            script.pass(seconds(10));
        }
        let failures = script.events.drain(..).filter(|event| {
            event.kind == EventKind::Connection && event.text.contains("cannot be reached")
        });
        let (warnings, others): (Vec<Severity>, Vec<Severity>) = failures
            .map(|event| event.severity)
            .partition(|severity| *severity == Severity::Warning);
        (warnings.len(), others.len())
    };
    let (warnings, others) = attempts(&mut script, "no route to host", 9);
    assert_eq!(warnings, 1);
    assert!(others > 10, "{others}");
    assert_eq!(attempts(&mut script, "no route to host", 9).0, 1);
    // Another reason is news.
    assert_eq!(attempts(&mut script, "connection refused", 1).0, 1);
}

/// RFC 5036 section 2.5.2: without a Transport Address TLV the source of the Hellos is the transport
/// address.
#[test]
fn without_a_transport_address_the_source_of_hellos_is_used() {
    let mut script = script();
    let mut hello = script.hello();
    hello.ipv4_transport = None;
    script.say(hello);
    assert_eq!(script.neighbour().remote, Some(address("10.0.0.9")));
    assert!(script.connect_from("10.0.0.9").is_ok());
}

/// The key of a peer is that of its connection, and of the listening socket as soon as its address is
/// known (RFC 5036 section 2.9).
#[test]
fn the_key_of_a_peer_is_told_for_its_address_and_its_connection() {
    let key = SessionKey::Md5(b"secret".to_vec());
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    config.peers.entry(PEER.lsr_id).or_default().key = Some(key.clone());
    config.peers.entry(PEER.lsr_id).or_default().ttl_security = TtlSecurity::Always;
    let mut script = Script::new(config);
    script.say(script.hello());
    let keys: Vec<_> = script
        .other
        .iter()
        .filter_map(|output| match output {
            Output::ListenKeys(keys) => Some(keys.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].len(), 1);
    assert_eq!(
        (keys[0][0].remote, &keys[0][0].key),
        (address("9.9.9.9"), &key)
    );
    let accepted = script.connect_from("9.9.9.9").expect("accepted");
    assert_eq!(accepted.security.key.as_ref(), Some(&key));
    assert!(accepted.security.gtsm);
    assert!(!format!("{accepted:?}").contains("secret"));
    // With the last adjacency the key goes.
    script.pass(seconds(60));
    assert!(
        script
            .other
            .iter()
            .any(|output| *output == Output::ListenKeys(Vec::new()))
    );
}

/// Two LSRs behind one transport address: the Initialization says which of them it is (RFC 5036 section
/// 2.5.3).
#[test]
fn the_initialization_says_which_peer_of_an_address_it_is() {
    let mut script = script();
    let first = ldp::LdpIdentifier::platform(std::net::Ipv4Addr::new(7, 7, 7, 7));
    // Both say that they are at 9.9.9.9.
    script.say_as(first, "10.0.0.7", script.hello());
    script.say(script.hello());
    let id = script.connect_from("9.9.9.9").expect("accepted").id;
    script.send(id, Body::Initialization(Box::new(script.initialization())));
    script.send(id, Body::KeepAlive);
    assert_eq!(script.state(), SessionState::Operational);
    assert!(
        script
            .taken(id)
            .iter()
            .all(|body| !matches!(body, Body::Notification(_)))
    );
}

/// `clear`: the session ends with a Shutdown, and comes up again.
#[test]
fn a_session_that_is_cleared_comes_up_again() {
    let mut network = Network::default();
    let a = network.router(config("1.1.1.1", &[("eth0", Families::IPV4)]), &[]);
    let b = network.router(config("2.2.2.2", &[("eth0", Families::IPV4)]), &[]);
    network.link(&[(a, "eth0", &["10.0.0.1/24"]), (b, "eth0", &["10.0.0.2/24"])]);
    network.run(seconds(6));
    network.with(a, |ldp, now| ldp.clear_neighbour(None, now));
    network.run(seconds(6));
    assert!(network.operational(a, b) && network.operational(b, a));
    assert_eq!(network.neighbours(b)[0].sessions_lost, 1);
    assert!(
        network
            .log(b)
            .iter()
            .any(|line| line.contains("received Notification: Shutdown"))
    );
}

/// RFC 5036 section 3.5.1.2.4: an LSR that ends tells its peers with a Shutdown.
#[test]
fn an_lsr_that_ends_says_shutdown_and_no_more_hello() {
    let mut script = script();
    let id = script.operational();
    script.taken(id);
    let now = script.now();
    script.ldp.shut_down(now);
    script.drain();
    assert_eq!(script.answer(id), (vec![StatusCode::SHUTDOWN], true));
    script.hellos.clear();
    script.pass(seconds(60));
    assert_eq!(script.hellos.len(), 0);
}

/// RFC 5036 section 2.9.2: "The LSR ignores LDP Hellos from any LSR for which a password has not been configured."
/// So it does where keys are required; and a session that is there without one ends.
#[test]
fn hellos_of_a_peer_without_a_key_are_ignored_where_keys_are_required() {
    let mut open = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    open.require_session_keys = true;
    let mut script = Script::new(open.clone());
    script.say(script.hello());
    assert_eq!(script.ldp.adjacencies(script.now()), []);
    let interfaces = script.ldp.interfaces(script.now());
    let reason = interfaces[0]
        .families
        .iter()
        .find_map(|family| family.reason.clone());
    assert!(
        reason
            .as_ref()
            .is_some_and(|reason| reason.contains("no key")),
        "{reason:?}"
    );
    let mut keyed = open.clone();
    keyed.peers.entry(PEER.lsr_id).or_default().key = Some(SessionKey::Md5(b"secret".to_vec()));
    let now = script.now();
    script.ldp.set_config(keyed, now);
    script.operational();

    let mut lenient = open.clone();
    lenient.require_session_keys = false;
    let mut script = Script::new(lenient);
    let id = script.operational();
    script.taken(id);
    let now = script.now();
    script.ldp.set_config(open, now);
    script.drain();
    assert_eq!(script.answer(id), (vec![StatusCode::SHUTDOWN], true));
    assert_eq!(script.ldp.adjacencies(now), []);
}
