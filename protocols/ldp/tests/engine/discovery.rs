//! Basic Discovery (RFC 5036 sections 2.4.1, 2.5.5 and 3.5.2; RFC 7552 section 5; RFC 6720).

use ldp::LdpIdentifier;
use ldp::engine::{Families, HelloHoldTime, HelloInterval, Output, SessionState};
use ldp::packet::{Body, Hello};

use crate::support::network::Network;
use crate::support::script::{LOCAL, Script, hello_octets};
use crate::support::{address, config, seconds, up};

fn script(families: Families) -> Script {
    Script::new(config("1.1.1.1", &[("eth0", families)]))
}

fn hello_of(pdu: &ldp::packet::Pdu) -> Hello {
    match &pdu.messages[0].body {
        Body::Hello(hello) => (**hello).clone(),
        other => panic!("a Hello, not {other:?}"),
    }
}

/// RFC 5036 section 2.4.1: Link Hellos are sent to the group "all routers on this subnet"; section 3.5.2:
/// with the default hold time, and the transport address. RFC 6720 section 2.2: the G flag is set unless
/// configured otherwise.
#[test]
fn link_hellos_go_to_all_routers_with_the_g_flag_and_the_transport_address() {
    let script = script(Families::IPV4);
    let [(interface, destination, hop_limit, pdu)] = script.hellos.as_slice() else {
        panic!("one Hello at once, not {:?}", script.hellos);
    };
    assert_eq!(interface.as_deref(), Some("eth0"));
    assert_eq!(*destination, address("224.0.0.2"));
    assert_eq!(*hop_limit, 1);
    assert_eq!(pdu.identifier, LOCAL);
    let hello = hello_of(pdu);
    assert_eq!(hello.hold_time, 15);
    assert!(hello.gtsm && !hello.targeted && !hello.request_targeted);
    assert_eq!(hello.ipv4_transport, Some(LOCAL.lsr_id));
    assert!(hello.configuration_sequence.is_some());
    assert_eq!(
        hello.dual_stack, None,
        "RFC 7552 section 6.1.1: single stack"
    );
}

/// RFC 7552 section 5.1: to ff02::2, from a link-local address, with hop limit 255; faults-seen 2 and 3: the
/// LSR Id is the router's, in both families.
#[test]
fn ipv6_link_hellos_have_hop_limit_255_and_the_same_lsr_id() {
    let mut config = config("1.1.1.1", &[("eth0", Families::DUAL)]);
    config.ipv6_transport = "2001:db8::1".parse().ok();
    let script = Script::new(config);
    let [ipv6, ipv4] = script.hellos.as_slice() else {
        panic!("a Hello of each family, not {:?}", script.hellos);
    };
    // Section 6.1, rule 8: IPv6 Hellos are transmitted before IPv4 Hellos.
    assert_eq!((ipv6.1, ipv6.2), (address("ff02::2"), 255));
    assert_eq!((ipv4.1, ipv4.2), (address("224.0.0.2"), 1));
    assert_eq!(ipv6.3.identifier, ipv4.3.identifier);
    let (ipv6, ipv4) = (hello_of(&ipv6.3), hello_of(&ipv4.3));
    // Section 6.1, rule 1: at most one transport address, of the family of the packet.
    assert_eq!(ipv6.ipv4_transport, None);
    assert_eq!(ipv6.ipv6_transport, "2001:db8::1".parse().ok());
    assert_eq!(ipv4.ipv6_transport, None);
    // Section 6.1.1: the Dual-Stack capability is in all Hellos, with the same preference.
    assert!(ipv6.dual_stack.is_some());
    assert_eq!(ipv6.dual_stack, ipv4.dual_stack);
}

/// RFC 5036 section 3.5.2.1: the interval is at most a third of the hold time.
#[test]
fn hellos_are_at_most_a_third_of_the_hold_time_apart() {
    let mut script = script(Families::IPV4);
    script.hellos.clear();
    script.pass(seconds(60));
    let count = script.hellos.len();
    assert!((12..=15).contains(&count), "{count} in 60 seconds");
}

/// RFC 5036 section 3.5.2: the hold time used is the minimum of the hold times proposed; the pace of Hellos
/// follows it. faults-seen 5.
#[test]
fn the_smaller_hold_time_counts_for_the_adjacency_and_for_the_pace() {
    let mut script = script(Families::IPV4);
    let mut hello = script.hello();
    hello.hold_time = 6;
    script.say(hello);
    let adjacency = &script.neighbour().adjacencies[0];
    assert_eq!(adjacency.hold_time, Some(6));
    script.hellos.clear();
    script.pass(std::time::Duration::from_millis(5900));
    assert!(script.hellos.len() >= 2, "{}", script.hellos.len());
    assert_eq!(script.ldp.adjacencies(script.now()).len(), 1);
    script.pass(std::time::Duration::from_millis(200));
    assert_eq!(script.ldp.adjacencies(script.now()).len(), 0);
}

/// RFC 5036 section 3.5.2: 0 is the default, 0xffff is for ever.
#[test]
fn hold_times_of_zero_and_of_0xffff() {
    let mut script = script(Families::IPV4);
    let mut hello = script.hello();
    hello.hold_time = 0;
    script.say(hello.clone());
    assert_eq!(script.neighbour().adjacencies[0].hold_time, Some(15));

    let mut config = script.ldp.config().clone();
    for interface in config.interfaces.values_mut() {
        interface.hello_hold_time = HelloHoldTime::new(0xffff).expect("in range");
    }
    let now = script.now();
    script.ldp.set_config(config, now);
    hello.hold_time = 0xffff;
    script.say(hello);
    script.pass(seconds(100_000));
    let adjacency = &script.ldp.adjacencies(script.now())[0];
    assert_eq!((adjacency.hold_time, adjacency.expires_in), (None, None));

    // With another hold time it is not for ever that nothing is heard.
    let mut config = script.ldp.config().clone();
    for interface in config.interfaces.values_mut() {
        interface.hello_hold_time = HelloHoldTime::new(15).expect("in range");
    }
    let now = script.now();
    script.ldp.set_config(config, now);
    script.pass(seconds(59));
    assert_eq!(script.ldp.adjacencies(script.now()).len(), 1);
    script.pass(seconds(2));
    assert_eq!(script.ldp.adjacencies(script.now()).len(), 0);
}

/// A configured interval counts if it is less than a third of the hold time.
#[test]
fn a_configured_interval_counts_if_it_is_short_enough() {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    for interface in config.interfaces.values_mut() {
        interface.hello_interval = HelloInterval::new(1).ok();
    }
    let mut script = Script::new(config);
    script.hellos.clear();
    script.pass(seconds(60));
    assert!(script.hellos.len() >= 60, "{}", script.hellos.len());
}

/// RFC 7552 section 5.1: an IPv6 Link Hello with another hop limit, to another group, or from a global
/// address, is dropped; and counted.
#[test]
fn ipv6_link_hellos_from_off_the_link_are_dropped_and_counted() {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV6)]);
    config.ipv6_transport = "2001:db8::1".parse().ok();
    let mut script = Script::new(config);
    let hello = Hello {
        hold_time: 15,
        ipv6_transport: "2001:db8::9".parse().ok(),
        ..Hello::default()
    };
    let octets = hello_octets(crate::support::script::PEER, hello.clone());
    let group = address("ff02::2");
    script.datagram(address("fe80::9"), group, 254, &octets);
    script.datagram(address("2001:db8::9"), group, 255, &octets);
    script.datagram(address("fe80::9"), address("ff05::2"), 255, &octets);
    assert_eq!(script.ldp.adjacencies(script.now()), []);
    let counts = script.ldp.lsr(script.now()).hellos_discarded;
    assert_eq!(
        (
            counts.hop_limit,
            counts.wrong_source,
            counts.wrong_destination
        ),
        (1, 1, 1)
    );
    let reason = script.ldp.interfaces(script.now())[0].families[0]
        .reason
        .clone()
        .expect("a reason");
    assert!(reason.contains("ff05::2"), "{reason}");
    script.say_as(crate::support::script::PEER, "fe80::9", hello);
    assert_eq!(script.ldp.adjacencies(script.now()).len(), 1);
}

/// RFC 5036 section 3.5.1.2.1: malformed PDUs of discovery are discarded in silence; they are counted.
#[test]
fn malformed_hellos_are_discarded_in_silence() {
    let mut script = script(Families::IPV4);
    script.hellos.clear();
    let good = hello_octets(crate::support::script::PEER, script.hello());
    for length in (0..good.len()).cycle().take(10 * good.len()) {
        script.datagram(
            address("10.0.0.9"),
            address("224.0.0.2"),
            1,
            &good[..length],
        );
    }
    assert_eq!(script.ldp.adjacencies(script.now()), []);
    assert_eq!(script.hellos.len(), 0);
    assert_eq!(
        script.ldp.lsr(script.now()).hellos_discarded.malformed,
        10 * good.len() as u64
    );
    assert!(script.events.len() < 150, "events are limited");
}

/// RFC 5036 section 3.5.2.1: a Link Hello is acceptable if its interface is configured.
#[test]
fn hellos_by_an_interface_without_ldp_are_not_acceptable() {
    let mut script = script(Families::IPV6);
    script.say(script.hello());
    assert_eq!(script.ldp.adjacencies(script.now()), []);
    assert_eq!(script.ldp.lsr(script.now()).hellos_discarded.not_enabled, 1);
}

/// RFC 5036 section 2.2.2: an LSR Id is unique. Another LSR with this one's is reported, and no session is
/// made with it.
#[test]
fn another_lsr_with_this_ones_lsr_id_is_reported() {
    let mut script = script(Families::IPV4);
    script.say_as(LOCAL, "10.0.0.9", script.hello());
    assert_eq!(script.ldp.adjacencies(script.now()), []);
    let duplicate = script
        .ldp
        .lsr(script.now())
        .duplicate_lsr_id
        .expect("it is reported");
    assert_eq!(duplicate.source, address("10.0.0.9"));
    assert!(
        script
            .events
            .iter()
            .any(|event| event.text.contains("another LSR has the LSR Id 1.1.1.1"))
    );
    // Until it is not heard any more.
    let reported = |script: &Script| script.ldp.lsr(script.now()).duplicate_lsr_id.is_some();
    script.pass(seconds(50));
    script.say_as(LOCAL, "10.0.0.9", script.hello());
    script.pass(seconds(50));
    assert!(reported(&script));
    script.pass(seconds(11));
    assert!(!reported(&script));
}

/// RFC 5036 section 2.5.2: Hellos of one label space have one transport address. Two of them show that two
/// LSRs have one LSR Id.
#[test]
fn two_transport_addresses_of_one_lsr_id_are_reported() {
    let mut script = script(Families::IPV4);
    script.say(script.hello());
    let mut hello = script.hello();
    hello.ipv4_transport = "9.9.9.8".parse().ok();
    script.say_as(crate::support::script::PEER, "10.0.0.8", hello);
    assert!(
        script
            .events
            .iter()
            .any(|event| event.text.contains("two LSRs may have one LSR Id"))
    );
}

/// RFC 5036 section 3.5.2.1: an adjacency for each source. A source with another LDP Identifier is another
/// peer.
#[test]
fn a_source_with_another_ldp_identifier_is_another_peer() {
    let mut script = script(Families::IPV4);
    script.say(script.hello());
    let other = LdpIdentifier::platform(std::net::Ipv4Addr::new(7, 7, 7, 7));
    script.say_as(other, "10.0.0.9", script.hello());
    let adjacencies = script.ldp.adjacencies(script.now());
    assert_eq!(adjacencies.len(), 1);
    assert_eq!(adjacencies[0].neighbour, other);
    assert_eq!(script.state(), SessionState::NonExistent);
}

/// RFC 5036 section 5.1: a spoofed Hello may end an adjacency and its session. One with another LDP Identifier does not
/// while the session is operational; after that the source may be another peer.
#[test]
fn a_hello_with_another_ldp_identifier_does_not_end_the_session_of_its_source() {
    let mut script = script(Families::IPV4);
    let id = script.operational();
    let other = LdpIdentifier::platform(std::net::Ipv4Addr::new(7, 7, 7, 7));
    script.say_as(other, "10.0.0.9", script.hello());
    assert_eq!(script.state(), SessionState::Operational);
    let adjacencies = script.ldp.adjacencies(script.now());
    assert_eq!(adjacencies.len(), 1);
    assert_ne!(adjacencies[0].neighbour, other);
    let discarded = script.ldp.lsr(script.now()).hellos_discarded;
    assert_eq!(discarded.source_has_session, 1);
    let now = script.now();
    script.ldp.handle_closed(id, "reset".to_owned(), now);
    script.drain();
    script.say_as(other, "10.0.0.9", script.hello());
    assert_eq!(script.ldp.adjacencies(script.now())[0].neighbour, other);
}

/// RFC 5036 section 2.5.5: several Hello adjacencies for one session; it lasts as long as one of them.
#[test]
fn two_links_to_a_peer_make_one_session_that_lasts_as_long_as_one_of_them() {
    let mut network = Network::default();
    let interfaces = [("eth0", Families::IPV4), ("eth1", Families::IPV4)];
    let a = network.router(config("1.1.1.1", &interfaces), &[]);
    let b = network.router(config("2.2.2.2", &interfaces), &[]);
    let first = network.link(&[(a, "eth0", &["10.0.0.1/24"]), (b, "eth0", &["10.0.0.2/24"])]);
    let second = network.link(&[(a, "eth1", &["10.0.1.1/24"]), (b, "eth1", &["10.0.1.2/24"])]);
    network.run(seconds(5));
    assert!(network.operational(a, b) && network.operational(b, a));
    assert_eq!(network.neighbours(a)[0].adjacencies.len(), 2);
    network.cut(first, true);
    network.run(seconds(30));
    assert!(network.operational(a, b));
    assert_eq!(network.neighbours(a)[0].adjacencies.len(), 1);
    assert_eq!(network.neighbours(a)[0].sessions_lost, 0);
    network.cut(second, true);
    network.run(seconds(30));
    assert!(!network.operational(a, b));
}

/// RFC 6720 section 2.3: GTSM is enforced if both sides' Link Hellos have the G flag, and not otherwise.
#[test]
fn gtsm_is_enforced_if_both_sides_have_the_g_flag() {
    for (local, peer) in [(true, true), (true, false), (false, true)] {
        let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
        for interface in config.interfaces.values_mut() {
            interface.gtsm = local;
        }
        let mut script = Script::new(config);
        assert_eq!(hello_of(&script.hellos[0].3).gtsm, local);
        let mut hello = script.hello();
        hello.gtsm = peer;
        script.say(hello);
        let accepted = script.connect_from("9.9.9.9").expect("accepted");
        assert_eq!(accepted.security.gtsm, local && peer);
    }
}

/// Why there is no session is told in words, of each interface.
#[test]
fn each_interface_says_why_it_has_no_session() {
    let mut script = script(Families::DUAL);
    let reasons = |script: &Script| -> Vec<Option<String>> {
        script.ldp.interfaces(script.clock.now)[0]
            .families
            .iter()
            .map(|family| family.reason.clone())
            .collect()
    };
    assert_eq!(
        reasons(&script),
        [
            Some("no Hello was received".to_owned()),
            Some("there is no global IPv6 address that could be the transport address".to_owned())
        ]
    );
    let now = script.now();
    let mut state = up(&["10.0.0.1/24"]);
    state.up = false;
    script.ldp.handle_interface("eth0", state, now);
    assert_eq!(
        reasons(&script)[0].as_deref(),
        Some("the interface is down")
    );
    script.ldp.handle_interface_removed("eth0", now);
    assert_eq!(
        reasons(&script)[0].as_deref(),
        Some("the router has no such interface")
    );
}

/// An interface that goes down takes its adjacencies with it, and one that comes up says Hello at once.
#[test]
fn an_interface_that_goes_down_and_up() {
    let mut script = script(Families::IPV4);
    let id = script.operational();
    let now = script.now();
    let mut state = up(&["10.0.0.1/24"]);
    state.up = false;
    script.ldp.handle_interface("eth0", state.clone(), now);
    script.drain();
    assert!(script.closed(id));
    assert_eq!(script.ldp.adjacencies(now), []);
    script.hellos.clear();
    script.pass(seconds(60));
    assert_eq!(script.hellos.len(), 0);
    state.up = true;
    let now = script.now();
    script.ldp.handle_interface("eth0", state, now);
    script.drain();
    assert_eq!(script.hellos.len(), 1);
}

/// faults-seen 10d: addresses that are there before LDP is configured count.
#[test]
fn an_interface_may_be_configured_after_its_addresses_are_there() {
    let mut script = Script::new(config("1.1.1.1", &[]));
    assert_eq!(script.hellos.len(), 0);
    let now = script.now();
    script
        .ldp
        .set_config(config("1.1.1.1", &[("eth0", Families::IPV4)]), now);
    script.drain();
    assert!(!script.hellos.is_empty());
    script.operational();
}

/// The transport address in Hellos is the one of connections: faults-seen 8.
#[test]
fn another_transport_address_is_told_and_the_session_of_the_old_one_ends() {
    let mut script = script(Families::IPV4);
    let id = script.operational();
    script.hellos.clear();
    let mut config = script.ldp.config().clone();
    config.ipv4_transport = "1.1.1.2".parse().ok();
    let now = script.now();
    script.ldp.set_config(config, now);
    script.drain();
    assert!(script.closed(id));
    assert!(!script.hellos.is_empty());
    for (_, _, _, pdu) in &script.hellos {
        assert_eq!(hello_of(pdu).ipv4_transport, "1.1.1.2".parse().ok());
    }
    let old = script
        .ldp
        .accept(address("1.1.1.1"), address("9.9.9.9"), now);
    assert!(old.is_err(), "{old:?}");
    let new = script
        .ldp
        .accept(address("1.1.1.2"), address("9.9.9.9"), now);
    assert!(new.is_ok(), "{new:?}");
    assert!(
        !script
            .other
            .iter()
            .any(|output| matches!(output, Output::Lfib(_)))
    );
}
