//! Extended Discovery (RFC 5036 section 2.4.2, RFC 7552 section 5.2) and targeted applications (RFC
//! 8223).

use ldp::engine::{
    AcceptTargeted, Families, HelloHoldTime, LdpConfig, Output, SessionState, TargetedOrigin,
    TargetedPeerConfig,
};
use ldp::packet::{Body, Capabilities, CapabilityMessage, Hello, StatusCode};

use crate::support::network::Network;
use crate::support::script::{PEER, Script, notification};
use crate::support::{address, config, net, seconds};

fn accepting(mut config: LdpConfig, prefix: &str) -> LdpConfig {
    config.accept_targeted = AcceptTargeted::From {
        prefixes: vec![net(prefix)],
        answer: TargetedPeerConfig::default(),
    };
    config
}

fn targeting(config: LdpConfig, peer: &str, applications: &[u16]) -> LdpConfig {
    targeting_for(config, peer, applications, 45)
}

pub(crate) fn targeting_for(
    mut config: LdpConfig,
    peer: &str,
    applications: &[u16],
    hold_time: u64,
) -> LdpConfig {
    config.targeted_peers.insert(
        address(peer),
        TargetedPeerConfig {
            applications: applications.to_vec(),
            hello_hold_time: ldp::engine::HelloHoldTime::new(hold_time).expect("in range"),
            ..TargetedPeerConfig::default()
        },
    );
    config
}

/// Routers a and c without a common link, over b.
fn network(a: LdpConfig, c: LdpConfig) -> (Network, usize, usize) {
    let mut network = Network::default();
    let a = network.router(a, &[]);
    let b = network.router(config("2.2.2.2", &[]), &[]);
    let c = network.router(c, &[]);
    network.link(&[(a, "eth0", &["10.0.0.1/24"]), (b, "eth0", &["10.0.0.2/24"])]);
    network.link(&[(b, "eth1", &["10.0.1.2/24"]), (c, "eth0", &["10.0.1.3/24"])]);
    (network, a, c)
}

/// Section 2.4.2: the initiator sends Hellos with the R bit, and the other one answers if it is configured
/// so. The default hold time is 45 seconds.
#[test]
fn a_targeted_peer_answers_if_it_is_configured_so() {
    let (mut network, a, c) = network(
        targeting(config("1.1.1.1", &[]), "3.3.3.3", &[]),
        accepting(config("3.3.3.3", &[]), "1.1.1.0/24"),
    );
    network.run(seconds(20));
    assert!(network.operational(a, c) && network.operational(c, a));
    let adjacency = &network.neighbours(a)[0].adjacencies[0];
    assert_eq!(adjacency.interface, None);
    assert_eq!(adjacency.hold_time, Some(45));
    let of = |node: usize| network.nodes[node].ldp.targeted_peers(network.clock.now);
    assert_eq!(of(a)[0].origin, TargetedOrigin::Configured);
    assert_eq!(of(c)[0].origin, TargetedOrigin::Answered);
    assert_eq!(of(a)[0].reason, None);
}

/// Section 3.5.2: if the receiver is not configured to respond, it ignores the request; and the initiator
/// says what it waits for.
#[test]
fn a_targeted_hello_that_nothing_allows_is_ignored() {
    for c in [
        config("3.3.3.3", &[]),
        accepting(config("3.3.3.3", &[]), "1.1.2.0/24"),
    ] {
        let (mut network, a, c) = network(targeting(config("1.1.1.1", &[]), "3.3.3.3", &[]), c);
        network.run(seconds(60));
        assert!(!network.operational(a, c));
        let lsr = network.nodes[c].ldp.lsr(network.clock.now);
        assert!(lsr.hellos_discarded.targeted_not_accepted > 0);
        let peers = network.nodes[a].ldp.targeted_peers(network.clock.now);
        assert_eq!(peers[0].reason.as_deref(), Some("no Hello was received"));
    }
}

/// Both sides may be configured, and both are initiators then.
#[test]
fn two_lsrs_that_target_each_other_have_a_session() {
    let (mut network, a, c) = network(
        targeting(config("1.1.1.1", &[]), "3.3.3.3", &[]),
        targeting(config("3.3.3.3", &[]), "1.1.1.1", &[]),
    );
    network.run(seconds(20));
    assert!(network.operational(a, c) && network.operational(c, a));
}

/// On request of an application, and for as long as it is needed: the adjacency that was answered goes by
/// its hold time.
#[test]
fn a_session_that_an_application_asked_for_ends_when_it_is_released() {
    let (mut network, a, c) = network(
        config("1.1.1.1", &[]),
        accepting(config("3.3.3.3", &[]), "0.0.0.0/0"),
    );
    network.run(seconds(5));
    network.with(a, |ldp, now| {
        assert!(!ldp.request_targeted("pseudowires", address("3.3.3.3"), Vec::new(), now));
        assert!(!ldp.request_targeted("operator", address("3.3.3.3"), Vec::new(), now));
    });
    network.run(seconds(5));
    assert!(network.operational(a, c));
    let shown = network.nodes[a].ldp.targeted_peers(network.clock.now);
    assert_eq!(shown[0].origin, TargetedOrigin::Application);
    assert_eq!(
        shown[0].requesters,
        ["operator".into(), "pseudowires".into()]
    );
    network.with(a, |ldp, now| {
        assert!(ldp.release_targeted("operator", address("3.3.3.3"), now));
        assert!(!ldp.release_targeted("operator", address("3.3.3.3"), now));
    });
    network.run(seconds(60));
    assert!(network.operational(a, c), "the other needs it still");
    network.with(a, |ldp, now| {
        ldp.release_targeted("pseudowires", address("3.3.3.3"), now);
    });
    network.run(seconds(60));
    assert!(network.neighbours(a).is_empty() && network.neighbours(c).is_empty());
    assert!(
        network.nodes[c]
            .ldp
            .targeted_peers(network.clock.now)
            .is_empty()
    );
}

/// RFC 8223 section 2.2: the session is for the applications of all that asked for it, with the times that are
/// configured for such peers.
#[test]
fn those_who_ask_for_a_session_get_their_applications() {
    let (mut network, a, _) = network(
        config("1.1.1.1", &[]),
        accepting(config("3.3.3.3", &[]), "0.0.0.0/0"),
    );
    network.with(a, |ldp, now| {
        ldp.request_targeted("pseudowires", address("3.3.3.3"), vec![6], now);
        ldp.request_targeted("remote LFA", address("3.3.3.3"), vec![4, 6], now);
    });
    let shown = network.nodes[a].ldp.targeted_peers(network.clock.now);
    assert_eq!(shown[0].applications, [4, 6]);
    assert_eq!(shown[0].hello_hold_time, 45);
    network.with(a, |ldp, now| {
        let mut config = ldp.config().clone();
        config.requested_targeted.hello_hold_time = HelloHoldTime::new(90).expect("in range");
        ldp.set_config(config, now);
        assert!(ldp.request_targeted("remote LFA", address("3.3.3.3"), vec![4], now));
        ldp.release_targeted("pseudowires", address("3.3.3.3"), now);
    });
    let shown = network.nodes[a].ldp.targeted_peers(network.clock.now);
    assert_eq!(shown[0].applications, [4]);
    assert_eq!(shown[0].hello_hold_time, 90);
}

/// A link and a targeted adjacency are of one session (RFC 7552 section 6.2).
#[test]
fn a_link_and_a_targeted_adjacency_have_one_session() {
    let mut network = Network::default();
    let interface = [("eth0", Families::IPV4)];
    let a = network.router(
        targeting(config("1.1.1.1", &interface), "2.2.2.2", &[]),
        &[],
    );
    let b = network.router(accepting(config("2.2.2.2", &interface), "0.0.0.0/0"), &[]);
    let link = network.link(&[(a, "eth0", &["10.0.0.1/24"]), (b, "eth0", &["10.0.0.2/24"])]);
    network.run(seconds(20));
    assert_eq!(network.neighbours(a).len(), 1);
    assert_eq!(network.neighbours(a)[0].adjacencies.len(), 2);
    assert!(network.operational(a, b));
    // Session protection: the link is cut, and Targeted Hellos go another way.
    network.cut(link, true);
    network.run(seconds(40));
    assert!(network.operational(a, b));
    assert_eq!(network.neighbours(a)[0].sessions_lost, 0);
}

/// RFC 7552 section 5.2: no link-local addresses in targeted Hellos.
#[test]
fn targeted_hellos_from_link_local_addresses_are_discarded() {
    let mut config = accepting(config("1.1.1.1", &[("eth0", Families::IPV6)]), "::/0");
    config.ipv6_transport = "2001:db8::1".parse().ok();
    let mut script = Script::new(config);
    let hello = Hello {
        hold_time: 45,
        targeted: true,
        request_targeted: true,
        ipv6_transport: "2001:db8::9".parse().ok(),
        ..Hello::default()
    };
    let octets = crate::support::script::hello_octets(PEER, hello.clone());
    script.datagram(address("fe80::9"), address("2001:db8::1"), 255, &octets);
    assert_eq!(script.ldp.adjacencies(script.now()), []);
    assert_eq!(
        script.ldp.lsr(script.now()).hellos_discarded.wrong_source,
        1
    );
    script.datagram(address("2001:db8::9"), address("2001:db8::1"), 64, &octets);
    assert_eq!(script.ldp.adjacencies(script.now()).len(), 1);
}

/// An engine that targets 10.0.0.9 for these applications, and is active.
pub(crate) fn initiator(applications: &[u16]) -> Script {
    let mut config = targeting_for(config("1.1.1.1", &[]), "10.0.0.9", applications, 0xffff);
    config.ipv4_transport = "200.0.0.1".parse().ok();
    let mut script = Script::new(config);
    let mut hello = script.hello();
    hello.targeted = true;
    hello.hold_time = 0xffff;
    script.say(hello);
    script
}

pub(crate) fn connect(script: &mut Script) -> ldp::engine::ConnectionId {
    let Some(Output::Connect { id, .. }) = script.connects.pop_front() else {
        panic!("it connects: {:?}", script.neighbour().reason);
    };
    let now = script.now();
    script.ldp.handle_connected(id, address("200.0.0.1"), now);
    script.drain();
    id
}

fn with_applications(script: &Script, applications: &[u16]) -> Body {
    let mut initialization = script.initialization();
    initialization.capabilities = Capabilities {
        dynamic_announcement: true,
        targeted_applications: Some(applications.to_vec()),
        ..Capabilities::default()
    };
    Body::Initialization(Box::new(initialization))
}

/// RFC 8223 section 2.2: at least one application in common, or Session Rejected/Targeted Application
/// Capability Mismatch.
#[test]
fn a_targeted_session_needs_an_application_in_common() {
    let mut script = initiator(&[1, 2]);
    let id = connect(&mut script);
    let sent = script.taken(id);
    let [Body::Initialization(initialization)] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!(
        initialization.capabilities.targeted_applications,
        Some(vec![1, 2])
    );
    script.send(id, with_applications(&script, &[3, 4]));
    assert_eq!(
        script.answer(id),
        (
            vec![StatusCode::SESSION_REJECTED_TARGETED_APPLICATION],
            true
        )
    );

    let mut script = initiator(&[1, 2]);
    let id = connect(&mut script);
    script.send(id, with_applications(&script, &[2, 3]));
    script.send(id, Body::KeepAlive);
    assert_eq!(script.state(), SessionState::Operational);
}

/// RFC 8223 section 2.2: a peer without the capability: the session is established as by RFC 5036.
#[test]
fn a_peer_without_the_targeted_application_capability_has_a_session() {
    let mut script = initiator(&[1, 2]);
    let id = connect(&mut script);
    script.send(id, Body::Initialization(Box::new(script.initialization())));
    script.send(id, Body::KeepAlive);
    assert_eq!(script.state(), SessionState::Operational);
}

/// RFC 8223 section 2.2: after a mismatch the session setup retry interval is 0xFFFF, until one of the two
/// is configured anew.
#[test]
fn after_an_application_mismatch_only_another_configuration_leads_to_an_attempt() {
    let mut script = initiator(&[1]);
    let id = connect(&mut script);
    script.send(
        id,
        notification(StatusCode::SESSION_REJECTED_TARGETED_APPLICATION),
    );
    assert!(script.closed(id));
    script.pass(seconds(60_000));
    assert!(script.connects.is_empty());
    // This LSR's own configuration.
    let mut config = script.ldp.config().clone();
    config = targeting_for(config, "10.0.0.9", &[1, 2], 0xffff);
    let now = script.now();
    script.ldp.set_config(config, now);
    script.drain();
    let id = connect(&mut script);
    script.send(
        id,
        notification(StatusCode::SESSION_REJECTED_TARGETED_APPLICATION),
    );
    assert!(script.connects.is_empty());
    // The peer's.
    let mut hello = script.hello();
    hello.targeted = true;
    hello.hold_time = 0xffff;
    hello.configuration_sequence = Some(2);
    script.say(hello);
    connect(&mut script);
}

/// RFC 8223 section 2.2: the capability is renegotiated by Capability messages, which may end the session.
#[test]
fn applications_that_are_withdrawn_end_the_session_when_none_is_left() {
    let mut script = initiator(&[1, 2]);
    let id = connect(&mut script);
    script.send(id, with_applications(&script, &[1, 2]));
    script.send(id, Body::KeepAlive);
    let withdraw = |application| {
        Body::Capability(Box::new(CapabilityMessage {
            announced: Capabilities::default(),
            withdrawn: Capabilities {
                targeted_applications: Some(vec![application]),
                ..Capabilities::default()
            },
        }))
    };
    script.send(id, withdraw(1));
    assert_eq!(script.state(), SessionState::Operational);
    script.taken(id);
    script.send(id, withdraw(2));
    assert_eq!(
        script.answer(id),
        (
            vec![StatusCode::SESSION_REJECTED_TARGETED_APPLICATION],
            true
        )
    );
}

/// RFC 8223 section 2.3.2: so it is after a change of this LSR's own configuration.
#[test]
fn applications_that_this_lsr_gives_up_end_the_session_when_none_is_left() {
    let mut script = initiator(&[1, 2]);
    let id = connect(&mut script);
    script.send(id, with_applications(&script, &[1, 2]));
    script.send(id, Body::KeepAlive);
    script.taken(id);
    let now = script.now();
    let change = |script: &mut Script, applications: &[u16]| {
        let config = script.ldp.config().clone();
        let config = targeting_for(config, "10.0.0.9", applications, 0xffff);
        script.ldp.set_config(config, now);
        script.drain();
    };
    change(&mut script, &[2, 3]);
    assert_eq!(script.state(), SessionState::Operational);
    assert_eq!(script.notifications(id), []);
    change(&mut script, &[3]);
    assert_eq!(
        script.answer(id),
        (
            vec![StatusCode::SESSION_REJECTED_TARGETED_APPLICATION],
            true
        )
    );
}

/// RFC 8223 section 2.2: "the initiating and responding LSRs MUST distribute FEC label bindings for the
/// negotiated applications only", which section 3 maps to FECs; without the capability that is no matter.
#[test]
fn labels_are_distributed_for_the_applications_of_the_session_only() {
    for (ours, theirs, distributed) in [
        (&[1, 7][..], Some(&[1][..]), true),
        (&[4], Some(&[4]), true),
        (&[8], Some(&[8]), true),
        (&[0xf800], Some(&[0xf800]), true),
        (&[1, 7], Some(&[7]), false),
        (&[2], Some(&[2]), false),
        (&[7], None, true),
    ] {
        let mut script = initiator(ours);
        let id = connect(&mut script);
        let route = ldp::label::Route {
            egress: true,
            ..ldp::label::Route::default()
        };
        let now = script.now();
        let fec = net("20.0.0.0/24").into();
        script.ldp.handle_route(fec, Some(route), now);
        match theirs {
            Some(theirs) => script.send(id, with_applications(&script, theirs)),
            None => script.send(id, Body::Initialization(Box::new(script.initialization()))),
        }
        script.send(id, Body::KeepAlive);
        assert_eq!(script.state(), SessionState::Operational);
        let mapped = |script: &mut Script| {
            let sent = script.taken(id);
            sent.iter()
                .any(|body| matches!(body, Body::LabelMapping(_)))
        };
        assert_eq!(mapped(&mut script), distributed, "{ours:?} {theirs:?}");
        if ours == [1, 7] && !distributed {
            // An application that the peer gains.
            let announced = Capabilities {
                targeted_applications: Some(vec![1]),
                ..Capabilities::default()
            };
            let withdrawn = Capabilities::default();
            script.send(
                id,
                Body::Capability(Box::new(CapabilityMessage {
                    announced,
                    withdrawn,
                })),
            );
            assert!(mapped(&mut script));
        }
    }
}

/// RFC 8223 section 2.2: the capability is for targeted sessions only; it is withdrawn when the session has a
/// link.
#[test]
fn a_session_that_gets_a_link_withdraws_the_capability() {
    let mut config = targeting(
        config("1.1.1.1", &[("eth0", Families::IPV4)]),
        "10.0.0.9",
        &[1],
    );
    config.ipv4_transport = "200.0.0.1".parse().ok();
    let mut script = Script::new(config);
    let mut hello = script.hello();
    hello.targeted = true;
    script.say(hello);
    let id = connect(&mut script);
    script.send(id, with_applications(&script, &[1]));
    script.send(id, Body::KeepAlive);
    script.taken(id);
    script.say(script.hello());
    let withdrawn: Vec<_> = script
        .taken(id)
        .into_iter()
        .filter_map(|body| match body {
            Body::Capability(message) => message.withdrawn.targeted_applications,
            _ => None,
        })
        .collect();
    assert_eq!(withdrawn, [Vec::<u16>::new()]);
}
