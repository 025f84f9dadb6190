//! LDP over IPv6 and dual stack (RFC 7552).

use std::net::{IpAddr, Ipv6Addr};

use ldp::engine::{
    ConnectionId, Families, Family, InterfaceTransport, Output, Preference, Role, SessionState,
};
use ldp::packet::{AddressMessage, Body, DualStack, Hello, StatusCode, TransportPreference};

use crate::support::network::Network;
use crate::support::script::{PEER, Script};
use crate::support::{address, config, net, seconds, up};

fn v6(text: &str) -> Ipv6Addr {
    text.parse().expect("an IPv6 address")
}

/// A router with an IPv6 loopback address.
fn router(network: &mut Network, id: u8, families: Families, preference: Preference) -> usize {
    let mut config = config(&format!("{id}.{id}.{id}.{id}"), &[("eth0", families)]);
    let loopback = v6(&format!("2001:db8::{id}"));
    config.ipv6_transport = Some(loopback);
    config.transport_preference = preference;
    network.router(config, &[IpAddr::V6(loopback)])
}

fn link(network: &mut Network, a: usize, b: usize) -> usize {
    network.link(&[
        (a, "eth0", &["10.0.0.1/24", "fe80::1/64"]),
        (b, "eth0", &["10.0.0.2/24", "fe80::2/64"]),
    ])
}

fn session_family(network: &Network, node: usize) -> Option<Family> {
    network.neighbours(node)[0].local.map(Family::of)
}

/// Section 6.1, rule 8, and section 6.1.1: two dual-stack LSRs have one session, over IPv6 by default.
#[test]
fn two_dual_stack_lsrs_have_one_session_over_the_family_that_both_prefer() {
    for (preference, family) in [
        (Preference::Ipv6, Family::Ipv6),
        (Preference::Ipv4, Family::Ipv4),
    ] {
        let mut network = Network::default();
        let a = router(&mut network, 1, Families::DUAL, preference);
        let b = router(&mut network, 2, Families::DUAL, preference);
        link(&mut network, a, b);
        network.run(seconds(6));
        assert!(network.operational(a, b) && network.operational(b, a));
        for node in [a, b] {
            let neighbours = network.neighbours(node);
            assert_eq!(neighbours.len(), 1);
            assert_eq!(neighbours[0].adjacencies.len(), 2, "both families have one");
            assert_eq!(session_family(&network, node), Some(family));
        }
        // Section 7.1: addresses of both families.
        let addresses = &network.neighbours(a)[0].addresses;
        assert!(addresses.contains(&address("10.0.0.2")), "{addresses:?}");
        assert!(addresses.contains(&address("fe80::2")), "{addresses:?}");
        assert!(addresses.contains(&address("2001:db8::2")), "{addresses:?}");
    }
}

/// Section 6.1, rule 6: a single-stack LSR has a session of its family.
#[test]
fn an_ipv6_only_lsr_has_a_session_over_ipv6() {
    let mut network = Network::default();
    let a = router(&mut network, 1, Families::IPV6, Preference::Ipv6);
    let b = router(&mut network, 2, Families::IPV6, Preference::Ipv6);
    link(&mut network, a, b);
    network.run(seconds(6));
    assert!(network.operational(a, b));
    assert_eq!(network.neighbours(b)[0].role, Some(Role::Active));
    let addresses = &network.neighbours(a)[0].addresses;
    assert!(addresses.iter().all(IpAddr::is_ipv6), "{addresses:?}");
    assert_eq!(
        network.neighbours(a)[0].identifier.lsr_id,
        std::net::Ipv4Addr::new(2, 2, 2, 2)
    );
}

/// Section 6.1.1, 3: a dual-stack LSR and a single-stack one without the Dual-Stack capability.
#[test]
fn a_dual_stack_lsr_has_a_session_with_a_single_stack_one() {
    for (families, family) in [
        (Families::IPV4, Family::Ipv4),
        (Families::IPV6, Family::Ipv6),
    ] {
        let mut network = Network::default();
        let a = router(&mut network, 1, Families::DUAL, Preference::Ipv6);
        let b = router(&mut network, 2, families, Preference::Ipv6);
        link(&mut network, a, b);
        network.run(seconds(6));
        assert!(network.operational(a, b) && network.operational(b, a));
        assert_eq!(session_family(&network, a), Some(family));
        // Section 7.1, 1 and 3: no addresses of the other family to it.
        let addresses = &network.neighbours(b)[0].addresses;
        assert!(
            addresses
                .iter()
                .all(|address| Family::of(*address) == family),
            "{addresses:?}"
        );
    }
}

/// Section 6.1.1, 1: preferences that do not match: no session, and the reason is told.
#[test]
fn dual_stack_lsrs_with_other_preferences_have_no_session_and_say_why() {
    let mut network = Network::default();
    let a = router(&mut network, 1, Families::DUAL, Preference::Ipv6);
    let b = router(&mut network, 2, Families::DUAL, Preference::Ipv4);
    link(&mut network, a, b);
    network.run(seconds(20));
    assert!(network.neighbours(a).is_empty() && network.neighbours(b).is_empty());
    let interfaces = network.nodes[a].ldp.interfaces(network.clock.now);
    let reason = interfaces[0].families[0].reason.clone().expect("a reason");
    assert!(
        reason.contains("this LSR prefers IPv6, the peer says IPv4"),
        "{reason}"
    );
}

/// A dual-stack engine, and Hellos of a peer of both families.
struct Peer {
    script: Script,
}

impl Peer {
    fn new() -> Self {
        let mut config = config("1.1.1.1", &[("eth0", Families::DUAL)]);
        config.ipv6_transport = Some(v6("2001:db8::1"));
        Self {
            script: Script::new(config),
        }
    }

    fn say(&mut self, family: Family, preference: Option<TransportPreference>) {
        let dual_stack = preference.map(|preference| DualStack { preference });
        let hello = Hello {
            hold_time: 15,
            dual_stack,
            ..Hello::default()
        };
        match family {
            Family::Ipv4 => self.script.say_as(
                PEER,
                "10.0.0.9",
                Hello {
                    ipv4_transport: Some(PEER.lsr_id),
                    ..hello
                },
            ),
            Family::Ipv6 => self.script.say_as(
                PEER,
                "fe80::9",
                Hello {
                    ipv6_transport: Some(v6("2001:db8::9")),
                    ..hello
                },
            ),
        }
    }

    fn session(&mut self, local: &str, remote: &str) -> ConnectionId {
        let now = self.script.now();
        let accepted = self
            .script
            .ldp
            .accept(address(local), address(remote), now)
            .expect("accepted");
        self.script.drain();
        let id = accepted.id;
        self.script.send(
            id,
            Body::Initialization(Box::new(self.script.initialization())),
        );
        self.script.send(id, Body::KeepAlive);
        assert_eq!(self.script.state(), SessionState::Operational);
        self.script.taken(id);
        id
    }
}

/// Section 6.1.1, 1: a preference that does not match any more resets the session with Transport Connection
/// Mismatch. One that is not recognized is as good as one that does not match.
#[test]
fn another_preference_resets_the_session_with_transport_connection_mismatch() {
    for other in [TransportPreference::Ipv4, TransportPreference::Other(9)] {
        let mut peer = Peer::new();
        peer.say(Family::Ipv6, Some(TransportPreference::Ipv6));
        let id = peer.session("2001:db8::1", "2001:db8::9");
        peer.say(Family::Ipv6, Some(other));
        assert_eq!(
            peer.script.answer(id),
            (vec![StatusCode::TRANSPORT_CONNECTION_MISMATCH], true)
        );
        // The Hello was discarded.
        assert_eq!(
            peer.script
                .ldp
                .lsr(peer.script.now())
                .hellos_discarded
                .preference_mismatch,
            1
        );
    }
}

/// Section 6.1.1, 3a and 3b: Hellos of the other family, too, without the Dual-Stack capability, reset the
/// session with Dual-Stack Noncompliance; and 3c: no session is allowed then.
#[test]
fn hellos_of_both_families_without_the_capability_are_noncompliant() {
    for (first, second, local, remote) in [
        (Family::Ipv4, Family::Ipv6, "1.1.1.1", "9.9.9.9"),
        (Family::Ipv6, Family::Ipv4, "2001:db8::1", "2001:db8::9"),
    ] {
        let mut peer = Peer::new();
        peer.say(first, None);
        let id = peer.session(local, remote);
        peer.say(second, None);
        assert_eq!(
            peer.script.answer(id),
            (vec![StatusCode::DUAL_STACK_NONCOMPLIANCE], true)
        );
        let now = peer.script.now();
        let again = peer.script.ldp.accept(address(local), address(remote), now);
        assert!(again.is_err(), "{again:?}");
        let reason = peer.script.neighbour().reason.expect("a reason");
        assert!(reason.contains("noncompliant"), "{reason}");
    }
}

/// Section 6.2: the session is reset when the last adjacency of its family goes down, and stays when one of
/// the other family does.
#[test]
fn the_session_depends_on_the_adjacencies_of_its_family_only() {
    let mut peer = Peer::new();
    let preference = Some(TransportPreference::Ipv6);
    peer.say(Family::Ipv6, preference);
    peer.say(Family::Ipv4, preference);
    let id = peer.session("2001:db8::1", "2001:db8::9");
    for _ in 0..4 {
        peer.say(Family::Ipv6, preference);
        peer.script.pass(seconds(5));
    }
    assert_eq!(peer.script.neighbour().adjacencies.len(), 1);
    assert_eq!(peer.script.state(), SessionState::Operational);
    for _ in 0..4 {
        peer.say(Family::Ipv4, preference);
        peer.script.pass(seconds(5));
    }
    assert_eq!(
        peer.script.answer(id),
        (vec![StatusCode::HOLD_TIMER_EXPIRED], true)
    );
}

/// Section 6.1.1, 2b: both prefer IPv6, and only a Hello of IPv4 came so far: no LDPoIPv4 session is made.
#[test]
fn a_hello_of_the_preferred_family_is_waited_for() {
    let mut peer = Peer::new();
    peer.say(Family::Ipv4, Some(TransportPreference::Ipv6));
    let now = peer.script.now();
    assert!(
        peer.script
            .ldp
            .accept(address("1.1.1.1"), address("9.9.9.9"), now)
            .is_err()
    );
    assert_eq!(
        peer.script.neighbour().reason.as_deref(),
        Some("waiting for a Hello over IPv6, which both LSRs prefer")
    );
    peer.say(Family::Ipv6, Some(TransportPreference::Ipv6));
    peer.session("2001:db8::1", "2001:db8::9");
}

/// Section 6.1, rule 2: a Hello with both transport addresses is accepted, and the one of the packet's
/// family used.
#[test]
fn a_hello_with_both_transport_addresses_is_accepted() {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV6)]);
    config.ipv6_transport = Some(v6("2001:db8::1"));
    let mut script = Script::new(config);
    script.say_as(
        PEER,
        "fe80::9",
        Hello {
            hold_time: 15,
            ipv4_transport: Some(PEER.lsr_id),
            ipv6_transport: Some(v6("2001:db8::9")),
            ..Hello::default()
        },
    );
    assert_eq!(script.neighbour().remote, Some(address("2001:db8::9")));
}

/// Section 6.1, rule 5: an LSR MUST prefer a global unicast address to a unique-local one in Link Hellos; a
/// link-local one it does not use at all.
#[test]
fn a_global_transport_address_is_preferred() {
    for transport in [InterfaceTransport::Router, InterfaceTransport::Interface] {
        let mut config = config("1.1.1.1", &[("eth0", Families::IPV6)]);
        for interface in config.interfaces.values_mut() {
            interface.transport = transport;
        }
        let mut script = Script::new(config);
        assert!(script.hellos.is_empty(), "there is a link-local one only");
        let now = script.now();
        let addresses = ["fd00::1/64", "2001:db8:1::1/64", "fe80::1/64"];
        script
            .ldp
            .handle_router_addresses(addresses.iter().map(|text| net(text).addr()).collect(), now);
        script.ldp.handle_interface("eth0", up(&addresses), now);
        script.drain();
        let (_, _, _, pdu) = script.hellos.last().expect("a Hello");
        let Body::Hello(hello) = &pdu.messages[0].body else {
            panic!("{pdu:?}");
        };
        assert_eq!(
            hello.ipv6_transport,
            Some(v6("2001:db8:1::1")),
            "{transport:?}"
        );
    }
}

/// Without a transport address the peer's link-local source is used: the connection needs the interface
/// then.
#[test]
fn a_connection_to_a_link_local_address_names_the_interface() {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV6)]);
    config.ipv6_transport = Some(v6("fe90::1"));
    let mut script = Script::new(config);
    script.say_as(
        PEER,
        "fe80::9",
        Hello {
            hold_time: 15,
            ..Hello::default()
        },
    );
    let Some(Output::Connect {
        remote, interface, ..
    }) = script.connects.pop_front()
    else {
        panic!("it connects: fe90::1 is more than fe80::9");
    };
    assert_eq!(remote, address("fe80::9"));
    assert_eq!(interface.as_deref(), Some("eth0"));
}

/// Section 7.1: IPv4-mapped addresses are ignored if they are ever received.
#[test]
fn ipv4_mapped_addresses_of_a_peer_are_ignored() {
    let mut peer = Peer::new();
    peer.say(Family::Ipv6, Some(TransportPreference::Ipv6));
    let id = peer.session("2001:db8::1", "2001:db8::9");
    peer.script.send(
        id,
        Body::Address(AddressMessage {
            addresses: vec![address("::ffff:10.0.0.9"), address("2001:db8::99")],
        }),
    );
    assert_eq!(peer.script.neighbour().addresses, [address("2001:db8::99")]);
}
