//! Changes of the configuration disturb what changes, and nothing else.

use ldp::engine::{
    Families, HelloHoldTime, InterfaceConfig, KeepAliveTime, LdpConfig, LsrId, MaxPduLength,
    SessionKey, SessionState,
};
use ldp::packet::Body;

use crate::support::network::Network;
use crate::support::script::{PEER, Script};
use crate::support::{config, net, seconds, up};

fn base() -> LdpConfig {
    config("1.1.1.1", &[("eth0", Families::IPV4)])
}

/// Session parameters, more interfaces, another policy of labels, other hold times: the session stays.
#[test]
fn what_does_not_concern_a_session_leaves_it_alone() {
    let mut script = Script::new(base());
    let now = script.now();
    script
        .ldp
        .handle_interface("eth1", up(&["10.1.0.1/24"]), now);
    let id = script.operational();
    let changes: [fn(&mut LdpConfig); 6] = [
        |config| config.session.keepalive_time = KeepAliveTime::new(60).expect("in range"),
        |config| config.session.max_pdu_length = MaxPduLength::new(8000).expect("in range"),
        |config| {
            config
                .interfaces
                .insert("eth1".into(), InterfaceConfig::default());
        },
        |config| {
            for interface in config.interfaces.values_mut() {
                interface.hello_hold_time = HelloHoldTime::new(30).expect("in range");
            }
        },
        |config| config.labels.control = ldp::label::ControlMode::Ordered,
        |config| {
            let other = config.peers.entry([8, 8, 8, 8].into()).or_default();
            other.key = Some(SessionKey::Md5(b"other".to_vec()));
        },
    ];
    for change in changes {
        let mut config = script.ldp.config().clone();
        change(&mut config);
        let now = script.now();
        script.ldp.set_config(config, now);
        script.drain();
        assert!(!script.closed(id));
        assert_eq!(script.state(), SessionState::Operational);
        // And again the same: nothing happens at all.
        script.hellos.clear();
        let config = script.ldp.config().clone();
        script.ldp.set_config(config, now);
        script.drain();
        assert!(script.hellos.is_empty());
    }
}

/// The key of a peer is another one: its session ends, and no other.
#[test]
fn another_key_ends_the_session_of_its_peer_only() {
    let mut script = Script::new(base());
    let id = script.operational();
    let other = ldp::LdpIdentifier::platform([7, 7, 7, 7].into());
    let mut hello = script.hello();
    hello.ipv4_transport = Some(other.lsr_id);
    script.say_as(other, "10.0.0.7", hello);
    let second = script.connect_from("7.7.7.7").expect("accepted").id;
    for body in [
        Body::Initialization(Box::new(script.initialization())),
        Body::KeepAlive,
    ] {
        let pdu = script.pdu(other, vec![body]);
        script.octets(second, &pdu);
    }
    let mut config = script.ldp.config().clone();
    config.peers.entry(PEER.lsr_id).or_default().key = Some(SessionKey::Md5(b"key".to_vec()));
    let now = script.now();
    script.ldp.set_config(config, now);
    script.drain();
    assert!(script.closed(id));
    assert!(!script.closed(second));
}

/// RFC 5036 section 3.5.2.1: whenever there is a configuration change, the Configuration Sequence Number is
/// incremented, and told.
#[test]
fn each_change_increments_the_configuration_sequence_number() {
    let mut script = Script::new(base());
    let number = |script: &Script| {
        let (_, _, _, pdu) = script.hellos.last().expect("a Hello");
        match &pdu.messages[0].body {
            Body::Hello(hello) => hello.configuration_sequence.expect("it is there"),
            other => panic!("{other:?}"),
        }
    };
    let before = number(&script);
    let mut config = base();
    config.session.keepalive_time = KeepAliveTime::new(60).expect("in range");
    let now = script.now();
    script.ldp.set_config(config, now);
    script.drain();
    assert_eq!(number(&script), before.wrapping_add(1));
}

/// An interface that is removed takes its session with it.
#[test]
fn an_interface_that_is_removed_ends_its_session() {
    let mut script = Script::new(base());
    let id = script.operational();
    let now = script.now();
    script.ldp.set_config(config("1.1.1.1", &[]), now);
    script.drain();
    assert!(script.closed(id));
    assert!(script.ldp.interfaces(now).is_empty());
    script.hellos.clear();
    script.pass(seconds(30));
    assert!(script.hellos.is_empty());
}

/// With another LSR Id this is another LSR.
#[test]
fn another_lsr_id_makes_new_sessions() {
    let mut network = Network::default();
    let interface = [("eth0", Families::IPV4)];
    let a = network.router(config("1.1.1.1", &interface), &[]);
    let b = network.router(config("2.2.2.2", &interface), &[]);
    network.link(&[(a, "eth0", &["10.0.0.1/24"]), (b, "eth0", &["10.0.0.2/24"])]);
    network.run(seconds(6));
    assert!(network.operational(b, a));
    let mut config = config("5.5.5.5", &interface);
    config.lsr_id = LsrId::new([5, 5, 5, 5].into()).expect("not zero");
    // The address that is there is the transport address still.
    config.ipv4_transport = Some([1, 1, 1, 1].into());
    network.with(a, |ldp, now| ldp.set_config(config, now));
    network.run(seconds(30));
    assert!(network.operational(a, b) && network.operational(b, a));
    assert_eq!(
        network.neighbours(b)[0].identifier.lsr_id,
        std::net::Ipv4Addr::new(5, 5, 5, 5)
    );
}

/// Labels go end to end: egress, transit, ingress.
#[test]
fn labels_are_distributed_along_a_path() {
    let mut network = Network::default();
    let both = [("eth0", Families::IPV4), ("eth1", Families::IPV4)];
    let a = network.router(config("1.1.1.1", &both), &[]);
    let b = network.router(config("2.2.2.2", &both), &[]);
    let c = network.router(config("3.3.3.3", &both), &[]);
    network.link(&[(a, "eth0", &["10.0.0.1/24"]), (b, "eth0", &["10.0.0.2/24"])]);
    network.link(&[(b, "eth1", &["10.0.1.2/24"]), (c, "eth0", &["10.0.1.3/24"])]);
    let fec = net("3.3.3.3/32").into();
    let via = |interface: &str, next_hop: &str| ldp::label::Route {
        next_hops: [ldp::label::NextHop {
            interface: interface.into(),
            address: crate::support::address(next_hop),
        }]
        .into_iter()
        .collect(),
        ..ldp::label::Route::default()
    };
    let egress = ldp::label::Route {
        egress: true,
        ..ldp::label::Route::default()
    };
    network.with(c, |ldp, now| ldp.handle_route(fec, Some(egress), now));
    let route = via("eth1", "10.0.1.3");
    network.with(b, |ldp, now| ldp.handle_route(fec, Some(route), now));
    let route = via("eth0", "10.0.0.2");
    network.with(a, |ldp, now| ldp.handle_route(fec, Some(route), now));
    network.run(seconds(10));
    let label = network.nodes[b].labels[&fec];
    assert_eq!(network.nodes[a].ftn[&fec][0].label, Some(label));
    assert!(network.nodes[b].ilm.contains_key(&label));
    assert_eq!(
        network.nodes[b].ftn[&fec][0].label,
        Some(mpls::Label::IMPLICIT_NULL)
    );
    assert!(network.clock.elapsed() >= seconds(10));
    assert_eq!(network.nodes[b].allocations, 1);
}
