//! Memory and output that are bounded, whatever peers do.

use std::net::{IpAddr, Ipv4Addr};

use ldp::LdpIdentifier;
use ldp::engine::{Families, Output, Refusal, SessionState};
use ldp::packet::{Body, FecElement, LabelRequest};

use crate::support::script::{PEER, Script, hello_octets};
use crate::support::{address, config, net, seconds};

/// Hellos from 10,000 sources: a bounded number of adjacencies, and of events.
#[test]
fn hellos_from_10000_sources_make_a_bounded_number_of_adjacencies_and_events() {
    let mut script = Script::new(config("1.1.1.1", &[("eth0", Families::IPV4)]));
    let id = script.operational();
    script.events.clear();
    for number in 0..10_000_u32 {
        let octet = number.to_be_bytes();
        let identifier = LdpIdentifier::platform(Ipv4Addr::new(100, octet[2], octet[3], 1));
        let mut hello = script.hello();
        hello.ipv4_transport = Some(identifier.lsr_id);
        let octets = hello_octets(identifier, hello);
        script.datagram(
            IpAddr::V4(Ipv4Addr::new(10, 1, octet[2], octet[3])),
            address("224.0.0.2"),
            1,
            &octets,
        );
    }
    let lsr = script.ldp.lsr(script.now());
    assert_eq!(lsr.adjacencies, 256);
    assert_eq!(lsr.hellos_discarded.too_many, 10_000 - 255);
    let discarded = script.ldp.discarded_sources(script.now());
    assert_eq!(discarded.len(), 64);
    assert!(discarded.iter().all(|of| of.hellos == 1));
    assert!(script.events.len() < 1000, "{}", script.events.len());
    // The session that was there is not disturbed, and its Hellos still count.
    assert_eq!(script.state(), SessionState::Operational);
    script.say(script.hello());
    assert!(!script.closed(id));
    // All is gone when the Hellos stop.
    script.pass(seconds(20));
    let lsr = script.ldp.lsr(script.now());
    assert_eq!(lsr.adjacencies, 0);
    assert_eq!(script.ldp.neighbours(script.now()).len(), 0);
}

/// Forged Hellos, each with another LDP Identifier and transport address, make a bounded number of
/// connections, Hellos and events.
#[test]
fn forged_hellos_make_a_bounded_number_of_connections_hellos_and_events() {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    config.ipv4_transport = Some(Ipv4Addr::new(223, 0, 0, 1));
    let mut script = Script::new(config);
    script.hellos.clear();
    script.events.clear();
    for number in 0..5000_u32 {
        let octet = number.to_be_bytes();
        let identifier = LdpIdentifier::platform(Ipv4Addr::new(100, octet[2], octet[3], 1));
        let mut hello = script.hello();
        hello.ipv4_transport = Some(identifier.lsr_id);
        script.say_as(identifier, "10.0.0.66", hello);
    }
    assert!(script.connects.len() <= 200, "{}", script.connects.len());
    assert!(script.hellos.len() <= 10, "{}", script.hellos.len());
    assert!(script.events.len() < 1000, "{}", script.events.len());
    assert_eq!(script.ldp.neighbours(script.now()).len(), 1);
}

/// A thousand sessions, for ten minutes.
#[test]
fn a_thousand_sessions_stay_up() {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    config.limits.adjacencies_of_interface = 2000;
    for interface in config.interfaces.values_mut() {
        interface.hello_hold_time = ldp::engine::HelloHoldTime::new(0xffff).expect("in range");
    }
    let mut script = Script::new(config);
    let mut sessions = Vec::new();
    for number in 0..1000_u32 {
        let octet = number.to_be_bytes();
        let identifier = LdpIdentifier::platform(Ipv4Addr::new(100, octet[2], octet[3], 1));
        let mut hello = script.hello();
        hello.hold_time = 0xffff;
        hello.ipv4_transport = Some(identifier.lsr_id);
        script.say_as(
            identifier,
            &format!("10.1.{}.{}", octet[2], octet[3]),
            hello,
        );
        let id = script
            .connect_from(&identifier.lsr_id.to_string())
            .expect("accepted")
            .id;
        sessions.push((identifier, id));
        for body in [
            Body::Initialization(Box::new(script.initialization())),
            Body::KeepAlive,
        ] {
            let pdu = script.pdu(identifier, vec![body]);
            script.octets(id, &pdu);
        }
    }
    for _ in 0..10 {
        script.pass(seconds(60));
        for (identifier, id) in &sessions {
            let pdu = script.pdu(*identifier, vec![Body::KeepAlive]);
            script.octets(*id, &pdu);
        }
    }
    assert_eq!(script.ldp.lsr(script.now()).operational_sessions, 1000);
}

/// Connections that stay silent are bounded, and closed.
#[test]
fn connections_without_a_session_are_bounded() {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    config.limits.pending_connections = 3;
    let mut script = Script::new(config);
    for number in 1..=4_u8 {
        let lsr_id = Ipv4Addr::new(100, 0, 0, number);
        let mut hello = script.hello();
        hello.ipv4_transport = Some(lsr_id);
        script.say_as(
            LdpIdentifier::platform(lsr_id),
            &format!("10.0.0.{}", number + 100),
            hello,
        );
    }
    let accepted: Vec<_> = (1..=4)
        .map(|number| script.connect_from(&format!("100.0.0.{number}")))
        .collect();
    assert!(accepted[..3].iter().all(Result::is_ok));
    assert_eq!(accepted[3], Err(Refusal::TooMany(3)));
}

/// A peer that does not read holds no more than the limit, and loses its session then. Others are not
/// disturbed.
#[test]
fn a_peer_that_does_not_read_loses_its_session() {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    config.limits.send_queue = 1 << 20;
    let mut script = Script::new(config);
    let id = script.operational();
    script.writes = false;
    // Each request of a FEC without a route is answered by a Notification.
    let request = Body::LabelRequest(LabelRequest {
        fec: vec![FecElement::Prefix(net("10.9.0.0/16").into())],
        hop_count: None,
        path_vector: None,
        forwarded: Vec::new(),
    });
    let pdu = script.pdu(PEER, vec![request; 100]);
    for _ in 0..1000 {
        script.octets(id, &pdu);
        if script.closed(id) {
            break;
        }
        assert!(script.neighbour().queued <= 1 << 20);
    }
    assert!(script.closed(id));
    let reason = script.neighbour().last_down.expect("a reason");
    assert!(reason.contains("does not read"), "{reason}");
    // Given out was the window, and the Notification behind it.
    assert!(script.sent[&id].octets <= (256 << 10) + (64 << 10));
}

/// Events of a neighbour are kept up to a number.
#[test]
fn events_of_a_neighbour_are_bounded() {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    config.limits.events = 5;
    let mut script = Script::new(config);
    for _ in 0..10 {
        script.say(script.hello());
        let _ = script.connect_from("9.9.9.9");
    }
    assert_eq!(script.ldp.events(PEER).len(), 5);
}

/// The Message IDs of sessions and of Label Requests never meet (RFC 5036 section 3.5.8.1), and a session
/// with many messages packs them: faults-seen 10 and 10j.
#[test]
fn thousands_of_mappings_go_in_few_pdus() {
    let mut script = Script::new(config("1.1.1.1", &[("eth0", Families::IPV4)]));
    let now = script.now();
    for number in 0..5000_u32 {
        let octet = number.to_be_bytes();
        let prefix = net(&format!("20.{}.{}.0/24", octet[2], octet[3]));
        let route = ldp::label::Route {
            egress: true,
            ..ldp::label::Route::default()
        };
        script.ldp.handle_route(prefix.into(), Some(route), now);
    }
    let id = script.operational();
    let sent = &script.sent[&id];
    let mappings = sent
        .messages
        .iter()
        .filter(|message| matches!(message.body, Body::LabelMapping(_)))
        .count();
    assert_eq!(mappings, 5000);
    // A mapping has 29 octets: 140 of them fit a PDU of 4096.
    assert!(sent.pdus < 50, "{} PDUs", sent.pdus);
    assert!(sent.longest_pdu <= 4096);
    assert!(
        sent.messages
            .iter()
            .all(|message| message.id < ldp::label::LabelDistribution::FIRST_REQUEST_ID)
    );
    assert!(
        !script
            .other
            .iter()
            .any(|output| matches!(output, Output::AllocateLabel { .. }))
    );
}

/// Mappings for a peer that is slow do not queue: they are made as it reads.
#[test]
fn mappings_for_a_slow_peer_wait_where_they_take_no_memory() {
    let mut script = Script::new(config("1.1.1.1", &[("eth0", Families::IPV4)]));
    let now = script.now();
    for number in 0..40_000_u32 {
        let octet = number.to_be_bytes();
        let prefix = net(&format!("20.{}.{}.0/24", octet[2], octet[3]));
        let route = ldp::label::Route {
            egress: true,
            ..ldp::label::Route::default()
        };
        script.ldp.handle_route(prefix.into(), Some(route), now);
    }
    script.writes = false;
    let id = script.operational();
    let queued = script.neighbour().queued;
    assert!(queued < 600 << 10, "{queued} octets are queued");
    let before = script.sent[&id].octets;
    assert!(before < 600 << 10, "{before} octets are given out");
    // It reads.
    script.writes = true;
    let now = script.now();
    script.ldp.handle_written(id, before, now);
    script.drain();
    let mappings = script.sent[&id]
        .messages
        .iter()
        .filter(|message| matches!(message.body, Body::LabelMapping(_)))
        .count();
    assert_eq!(mappings, 40_000);
}
