//! Cryptographic authentication of Hellos (RFC 7349).

use ldp::engine::{EventKind, Families, HelloAuthentication, HelloKey, KeyLifetime, LdpConfig};
use ldp::packet::{
    AuthenticationAlgorithm, Body, CryptographicAuthentication, Hello, authenticate,
};

use crate::support::network::Network;
use crate::support::script::{PEER, Script, hello_octets};
use crate::support::{address, config, seconds};

fn key(security_association: u32, secret: &str) -> HelloKey {
    HelloKey {
        security_association,
        algorithm: AuthenticationAlgorithm::HmacSha256,
        secret: secret.as_bytes().to_vec(),
        lifetime: KeyLifetime::default(),
    }
}

fn with_keys(mut config: LdpConfig, send: HelloKey, accept: &[HelloKey]) -> LdpConfig {
    for interface in config.interfaces.values_mut() {
        interface.hello_authentication = Some(HelloAuthentication {
            send: send.clone(),
            accept: accept.to_vec(),
        });
    }
    config
}

fn base(lsr_id: &str) -> LdpConfig {
    config(lsr_id, &[("eth0", Families::IPV4)])
}

/// Two routers with these configurations: whether they have a session after 20 seconds.
fn session(a: LdpConfig, b: LdpConfig) -> (bool, Network) {
    let mut network = Network::default();
    let a = network.router(a, &[]);
    let b = network.router(b, &[]);
    network.link(&[(a, "eth0", &["10.0.0.1/24"]), (b, "eth0", &["10.0.0.2/24"])]);
    network.run(seconds(20));
    (network.operational(a, b), network)
}

/// Section 6: Hellos with the same key are accepted; with another one, with an unknown Security
/// Association, or without any, they are discarded, and the reason is told.
#[test]
fn only_hellos_with_the_right_key_are_accepted() {
    let good = with_keys(base("1.1.1.1"), key(1, "secret"), &[]);
    assert!(
        session(
            good.clone(),
            with_keys(base("2.2.2.2"), key(1, "secret"), &[])
        )
        .0
    );
    for (other, words) in [
        (
            with_keys(base("2.2.2.2"), key(1, "another"), &[]),
            "the keys differ",
        ),
        (
            with_keys(base("2.2.2.2"), key(2, "secret"), &[]),
            "unknown security association 2",
        ),
        (base("2.2.2.2"), "authentication is missing"),
    ] {
        let (operational, network) = session(good.clone(), other);
        assert!(!operational);
        let lsr = network.nodes[0].ldp.lsr(network.clock.now);
        assert!(lsr.hellos_discarded.authentication > 0);
        let reason = network.nodes[0].ldp.interfaces(network.clock.now)[0].families[0]
            .reason
            .clone()
            .expect("a reason");
        assert!(reason.contains(words), "{reason}");
    }
}

/// Who would be a neighbour is shown with the reason, until a Hello of it is accepted or it falls silent.
#[test]
fn who_sends_hellos_that_are_discarded_is_shown_with_the_reason() {
    let mut script = Script::new(with_keys(base("1.1.1.1"), key(1, "secret"), &[]));
    let now = script.now();
    let state = script.ldp.discarded_sources(now);
    assert_eq!(state, []);
    script.say(script.hello());
    script.pass(seconds(5));
    script.say(script.hello());
    // What cannot be read has no LSR Id.
    script.datagram(address("10.0.0.10"), address("224.0.0.2"), 1, &[0, 1, 0]);
    script.pass(seconds(7));
    let shown = script.ldp.discarded_sources(script.now());
    assert_eq!(shown.len(), 2, "{shown:#?}");
    assert_eq!(shown[0].source, address("10.0.0.9"));
    assert_eq!(shown[0].neighbour, Some(PEER));
    assert_eq!(&*shown[0].interface, "eth0");
    assert_eq!(shown[0].reason, "authentication is missing");
    assert_eq!((shown[0].hellos, shown[0].age), (2, 7.0));
    assert_eq!(shown[1].source, address("10.0.0.10"));
    assert_eq!(shown[1].neighbour, None);
    assert!(
        shown[1].reason.starts_with("it is malformed"),
        "{}",
        shown[1].reason
    );
    // The peer is configured like this LSR.
    let mut config = script.ldp.config().clone();
    for interface in config.interfaces.values_mut() {
        interface.hello_authentication = None;
    }
    let now = script.now();
    script.ldp.set_config(config, now);
    script.say(script.hello());
    let shown = script.ldp.discarded_sources(script.now());
    let sources: Vec<_> = shown.iter().map(|of| of.source).collect();
    assert_eq!(sources, [address("10.0.0.10")]);
    script.pass(seconds(300));
    assert_eq!(script.ldp.discarded_sources(script.now()), []);
}

/// Section 2.2: the keys of a key chain overlap, so that sessions survive a change of keys.
#[test]
fn a_key_that_is_accepted_besides_the_one_that_is_sent() {
    let old = key(1, "old");
    let new = key(2, "new");
    let (operational, _) = session(
        with_keys(base("1.1.1.1"), old.clone(), std::slice::from_ref(&new)),
        with_keys(base("2.2.2.2"), new, &[old]),
    );
    assert!(operational);
}

/// A Hello of the peer's with this sequence number.
fn signed(script: &Script, key: &HelloKey, sequence: u64) -> Vec<u8> {
    let hello = Hello {
        authentication: Some(CryptographicAuthentication::unsigned(
            key.security_association,
            sequence,
            key.algorithm,
        )),
        ..script.hello()
    };
    let mut octets = hello_octets(PEER, hello);
    authenticate(&mut octets, &key.secret, key.algorithm, address("10.0.0.9"))
        .expect("the TLV is there");
    octets
}

/// Section 2.3: the sequence number of a Hello is greater than that of the last one, or it is a replayed
/// one; also after the adjacency is gone.
#[test]
fn a_replayed_hello_is_discarded_even_after_its_adjacency_is_gone() {
    let key = key(1, "secret");
    let mut script = Script::new(with_keys(base("1.1.1.1"), key.clone(), &[]));
    let first = signed(&script, &key, 10);
    let second = signed(&script, &key, 11);
    let (source, group) = (address("10.0.0.9"), address("224.0.0.2"));
    script.datagram(source, group, 1, &first);
    script.datagram(source, group, 1, &second);
    assert_eq!(script.ldp.adjacencies(script.now())[0].hellos_received, 2);
    script.datagram(source, group, 1, &second);
    script.datagram(source, group, 1, &first);
    assert_eq!(script.ldp.lsr(script.now()).hellos_discarded.replayed, 2);
    script.pass(seconds(20));
    assert_eq!(script.ldp.adjacencies(script.now()), []);
    script.datagram(source, group, 1, &second);
    assert_eq!(script.ldp.adjacencies(script.now()), []);
    let third = signed(&script, &key, 12);
    script.datagram(source, group, 1, &third);
    assert_eq!(script.ldp.adjacencies(script.now()).len(), 1);
}

/// Section 5: the source address is authenticated, too.
#[test]
fn a_hello_that_is_sent_from_another_address_is_discarded() {
    let key = key(1, "secret");
    let mut script = Script::new(with_keys(base("1.1.1.1"), key.clone(), &[]));
    let octets = signed(&script, &key, 10);
    script.datagram(address("10.0.0.8"), address("224.0.0.2"), 1, &octets);
    assert_eq!(script.ldp.adjacencies(script.now()), []);
    assert_eq!(
        script.ldp.lsr(script.now()).hellos_discarded.authentication,
        1
    );
}

/// Section 2.3: the sequence number is a single space for the router, strictly increasing, and its
/// high-order half a boot count.
#[test]
fn sequence_numbers_increase_strictly_and_across_restarts() {
    let mut sequences = Vec::new();
    for boot_count in [5, 6] {
        let mut config = with_keys(base("1.1.1.1"), key(1, "secret"), &[]);
        config.boot_count = boot_count;
        let mut script = Script::new(config);
        script.pass(seconds(60));
        for (_, _, _, pdu) in &script.hellos {
            let Body::Hello(hello) = &pdu.messages[0].body else {
                panic!("a Hello");
            };
            let authentication = hello.authentication.as_ref().expect("authenticated");
            sequences.push(authentication.sequence);
        }
    }
    assert!(sequences.len() > 20);
    assert!(sequences.is_sorted_by(|one, next| one < next));
    assert_eq!(sequences[0] >> 32, 5);
}

/// A key that is accepted from a time on and until another, and sent with from a time on and until another.
fn timed(mut key: HelloKey, accept: [u64; 2], generate: [u64; 2]) -> HelloKey {
    key.lifetime = KeyLifetime {
        start_accept: Some(accept[0]),
        start_generate: Some(generate[0]),
        stop_generate: Some(generate[1]),
        stop_accept: Some(accept[1]),
    };
    key
}

/// The Security Associations of the Hellos that a router sent.
fn associations(script: &Script) -> Vec<u32> {
    let hellos = script.hellos.iter().map(|(_, _, _, pdu)| {
        let Body::Hello(hello) = &pdu.messages[0].body else {
            panic!("a Hello");
        };
        let authentication = hello.authentication.as_ref().expect("authenticated");
        authentication.security_association
    });
    let mut associations: Vec<u32> = hellos.collect();
    associations.dedup();
    associations
}

/// Section 2.2: "the router will begin using this LDP Security Association" at KeyStartGenerate, and stop at
/// KeyStopGenerate; "the router SHOULD send a \"last Authentication Key expiration\" notification to the network
/// manager and treat the key as having an infinite lifetime".
#[test]
fn keys_are_sent_with_in_their_time_and_the_last_one_stays() {
    let first = timed(key(1, "first"), [0, 1_120], [0, 1_060]);
    let second = timed(key(2, "second"), [1_000, 1_240], [1_050, 1_180]);
    let mut script = Script::new(with_keys(base("1.1.1.1"), first, &[second]));
    let now = script.now();
    script.ldp.handle_wall_clock(1_000, now);
    script.hellos.clear();
    script.pass(seconds(45));
    assert_eq!(associations(&script), [1]);
    script.pass(seconds(130));
    assert_eq!(associations(&script), [1, 2]);
    let told = |script: &Script| {
        let events = script.events.iter();
        let told = events.filter(|event| {
            event.kind == EventKind::Configuration && event.text.contains("last Authentication Key")
        });
        told.count()
    };
    assert_eq!(told(&script), 0);
    script.pass(seconds(600));
    assert_eq!(associations(&script), [1, 2]);
    assert_eq!(told(&script), 1);
}

/// Section 2.2: a Security Association is accepted from KeyStartAccept until KeyStopAccept. Without a word of the
/// wall-clock time it always is.
#[test]
fn keys_are_accepted_in_their_time() {
    let first = key(1, "first");
    let second = timed(key(2, "second"), [1_000, 2_000], [1_000, 2_000]);
    for (time, reason) in [
        (None, None),
        (Some(999), Some("not accepted yet")),
        (Some(1_000), None),
        (Some(1_999), None),
        (Some(2_000), Some("not accepted any more")),
    ] {
        let mut script = Script::new(with_keys(
            base("1.1.1.1"),
            first.clone(),
            std::slice::from_ref(&second),
        ));
        let now = script.now();
        if let Some(time) = time {
            script.ldp.handle_wall_clock(time, now);
        }
        let octets = signed(&script, &second, 10);
        script.datagram(address("10.0.0.9"), address("224.0.0.2"), 1, &octets);
        let discarded = script.ldp.interfaces(script.now())[0].families[0]
            .reason
            .clone();
        match reason {
            None => assert_eq!(script.ldp.adjacencies(now).len(), 1, "{discarded:?}"),
            Some(words) => {
                assert_eq!(script.ldp.adjacencies(now), []);
                assert!(discarded.expect("a reason").contains(words));
            }
        }
    }
}

/// Section 2.2: "In order to achieve smooth key transition": a session lasts from one key to the next, and beyond the
/// time of the last.
#[test]
fn a_session_survives_the_change_of_keys() {
    let first = timed(key(1, "first"), [0, 1_090], [0, 1_070]);
    let second = timed(key(2, "second"), [1_040, 1_200], [1_060, 1_180]);
    let mut network = Network::default();
    let of = |lsr_id| with_keys(base(lsr_id), first.clone(), std::slice::from_ref(&second));
    let a = network.router(of("1.1.1.1"), &[]);
    let b = network.router(of("2.2.2.2"), &[]);
    network.link(&[(a, "eth0", &["10.0.0.1/24"]), (b, "eth0", &["10.0.0.2/24"])]);
    let now = network.clock.now;
    // The clocks of the two differ a little.
    network.nodes[a].ldp.handle_wall_clock(1_000, now);
    network.nodes[b].ldp.handle_wall_clock(1_005, now);
    for _ in 0..30 {
        network.run(seconds(20));
        assert!(network.operational(a, b));
    }
    for node in &network.nodes {
        assert_eq!(
            node.ldp
                .lsr(network.clock.now)
                .hellos_discarded
                .authentication,
            0
        );
    }
}
