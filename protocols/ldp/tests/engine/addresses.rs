//! Address and Address Withdraw messages (RFC 5036 sections 3.5.5 and 3.5.6, RFC 7552 section 7.1).

use std::collections::BTreeSet;
use std::net::IpAddr;

use ldp::LdpIdentifier;
use ldp::engine::{ConnectionId, Families, Preference, ReceivedDatagram};
use ldp::label::{NextHop, Route};
use ldp::packet::{AddressMessage, Body, DualStack, Hello, TransportPreference};

use crate::support::network::Network;
use crate::support::script::{Script, hello_octets};
use crate::support::{address, config, net, seconds, up};

fn announced(script: &mut Script, id: ConnectionId) -> (BTreeSet<IpAddr>, BTreeSet<IpAddr>, usize) {
    let mut added = BTreeSet::new();
    let mut removed = BTreeSet::new();
    let mut messages = 0;
    for body in script.taken(id) {
        match body {
            Body::Address(message) => {
                messages += 1;
                added.extend(message.addresses);
            }
            Body::AddressWithdraw(message) => {
                messages += 1;
                removed.extend(message.addresses);
            }
            _ => {}
        }
    }
    (added, removed, messages)
}

fn set(addresses: &[&str]) -> BTreeSet<IpAddr> {
    addresses.iter().map(|text| address(text)).collect()
}

/// Section 3.5.5.1: an LSR advertises its interface addresses when a session is initialized, and before
/// Label Mappings. faults-seen 1: all of them, and the transport address, in one message.
#[test]
fn all_addresses_of_all_ldp_interfaces_and_the_transport_address_are_announced() {
    let mut script = Script::new(config(
        "1.1.1.1",
        &[("eth0", Families::IPV4), ("eth1", Families::IPV4)],
    ));
    let now = script.now();
    script.ldp.handle_interface(
        "eth1",
        up(&["10.1.0.1/24", "10.1.1.1/24", "2001:db8::1/64"]),
        now,
    );
    // No LDP here.
    script
        .ldp
        .handle_interface("eth2", up(&["10.2.0.1/24"]), now);
    let id = script.operational();
    let sent = &script.sent[&id];
    let first_label = sent
        .messages
        .iter()
        .position(|message| matches!(message.body, Body::LabelMapping(_)));
    let address_message = sent
        .messages
        .iter()
        .position(|message| matches!(message.body, Body::Address(_)));
    assert!(first_label.is_none_or(|label| address_message.is_some_and(|at| at < label)));
    let (added, removed, messages) = announced(&mut script, id);
    assert_eq!(added, set(&["1.1.1.1", "10.0.0.1", "10.1.0.1", "10.1.1.1"]));
    assert_eq!(removed, BTreeSet::new());
    assert_eq!(messages, 1);
}

/// Section 3.5.5.1: an address that is activated is advertised, and one that is de-activated withdrawn.
#[test]
fn addresses_that_come_and_go_are_told() {
    let mut script = Script::new(config("1.1.1.1", &[("eth0", Families::IPV4)]));
    let id = script.operational();
    script.taken(id);
    let now = script.now();
    script.ldp.handle_interface(
        "eth0",
        up(&["10.0.0.1/24", "10.0.5.1/24", "fe80::1/64"]),
        now,
    );
    script.drain();
    assert_eq!(
        announced(&mut script, id),
        (set(&["10.0.5.1"]), BTreeSet::new(), 1)
    );
    script
        .ldp
        .handle_interface("eth0", up(&["10.0.0.1/24", "fe80::1/64"]), now);
    script.drain();
    assert_eq!(
        announced(&mut script, id),
        (BTreeSet::new(), set(&["10.0.5.1"]), 1)
    );
}

/// Section 3.5.5: what the peer announces is kept, and what it withdraws is not: faults-seen 7.
#[test]
fn the_peers_addresses_are_kept() {
    let mut script = Script::new(config("1.1.1.1", &[("eth0", Families::IPV4)]));
    let id = script.operational();
    let message = |addresses: &[&str]| AddressMessage {
        addresses: addresses.iter().map(|text| address(text)).collect(),
    };
    script.send(id, Body::Address(message(&["10.0.0.9", "9.9.9.9"])));
    // Again: no further action. And an unknown one withdrawn: no further action.
    script.send(id, Body::Address(message(&["9.9.9.9"])));
    script.send(id, Body::AddressWithdraw(message(&["8.8.8.8"])));
    assert_eq!(
        script
            .neighbour()
            .addresses
            .iter()
            .copied()
            .collect::<BTreeSet<_>>(),
        set(&["10.0.0.9", "9.9.9.9"])
    );
    script.send(id, Body::AddressWithdraw(message(&["9.9.9.9"])));
    assert_eq!(script.neighbour().addresses, [address("10.0.0.9")]);
}

/// RFC 7552 section 7.1: a single-stack LSR announces addresses of its family only.
#[test]
fn a_single_stack_lsr_announces_addresses_of_its_family_only() {
    let mut script = Script::new(config("1.1.1.1", &[("eth0", Families::IPV4)]));
    let id = script.operational();
    let (added, ..) = announced(&mut script, id);
    assert!(added.iter().all(IpAddr::is_ipv4), "{added:?}");
}

/// Messages are counted by type and direction, of each neighbour and in all; also after their session
/// ended.
#[test]
fn messages_are_counted_by_type_and_direction() {
    let mut script = Script::new(config("1.1.1.1", &[("eth0", Families::IPV4)]));
    let id = script.operational();
    script.send(id, Body::KeepAlive);
    let statistics = script.neighbour().statistics;
    let (sent, received) = (statistics.sent, statistics.received);
    assert_eq!((received.initialization, received.keepalive), (1, 2));
    assert_eq!(
        (sent.initialization, sent.keepalive, sent.address),
        (1, 1, 1)
    );
    assert_eq!(received.pdus, 3);
    assert_eq!(sent.octets, script.sent[&id].octets as u64);
    assert_eq!(sent.pdus, script.sent[&id].pdus as u64);
    let now = script.now();
    script.ldp.handle_closed(id, "reset".to_owned(), now);
    script.drain();
    assert_eq!(script.neighbour().statistics.received.keepalive, 2);
    // The neighbour is gone, too.
    script.pass(crate::support::seconds(60));
    let all = script.ldp.lsr(script.now()).statistics;
    assert_eq!((all.received.keepalive, all.received.hello), (2, 1));
    assert_eq!(all.sent.hello, script.hellos.len() as u64);
    // What is shown can be written as JSON.
    let json = serde_json::to_value(script.ldp.lsr(script.now())).expect("JSON");
    assert_eq!(json["identifier"], "1.1.1.1:0");
}

/// RFC 5036 section 2.5.2: the transport address is the same in all Hellos of a label space. A Hello with the LSR Id
/// of a peer and another transport address, forged or damaged, does not make its source the peer: packets for the
/// source get no labels of that.
#[test]
fn a_hello_with_the_lsr_id_of_another_peer_gives_its_source_no_labels_of_that() {
    for preference in [Preference::Ipv4, Preference::Ipv6] {
        let mut network = Network::default();
        let mut router = |id: u8| {
            let interfaces = [("eth0", Families::DUAL), ("eth1", Families::DUAL)];
            let mut config = config(&format!("{id}.{id}.{id}.{id}"), &interfaces);
            let loopback = format!("2001:db8::{id}").parse().expect("an address");
            config.ipv6_transport = Some(loopback);
            config.transport_preference = preference;
            network.router(config, &[IpAddr::V6(loopback)])
        };
        let [a, b, c] = [1, 2, 3].map(&mut router);
        for (interface, other, number) in [("eth0", b, 2), ("eth1", c, 3)] {
            let subnet = |last: u8| format!("10.0.{number}.{last}/24");
            let link_local = |last: u8| format!("fe80::{last}/64");
            network.link(&[
                (a, interface, &[&subnet(1), &link_local(1)]),
                (other, "eth0", &[&subnet(number), &link_local(number)]),
            ]);
        }
        let fec = net("2001:db8:7::/48").into();
        let egress = Route {
            egress: true,
            ..Route::default()
        };
        for node in [b, c] {
            network.with(node, |ldp, now| {
                ldp.handle_route(fec, Some(egress.clone()), now);
            });
        }
        let via_b = Route {
            next_hops: [NextHop {
                interface: "eth0".into(),
                address: address("fe80::2"),
            }]
            .into_iter()
            .collect(),
            ..Route::default()
        };
        network.with(a, |ldp, now| ldp.handle_route(fec, Some(via_b), now));
        network.run(seconds(10));
        let peer = |network: &Network| network.nodes[a].ftn.get(&fec).map(|hops| hops[0].peer);
        let [of_b, of_c] = [2, 3].map(|id: u8| LdpIdentifier::platform([id; 4].into()));
        assert_eq!(peer(&network), Some(Some(of_b)));
        let forged = Hello {
            hold_time: 15,
            ipv6_transport: "2001:db8::2".parse().ok(),
            dual_stack: Some(DualStack {
                preference: match preference {
                    Preference::Ipv4 => TransportPreference::Ipv4,
                    Preference::Ipv6 => TransportPreference::Ipv6,
                },
            }),
            ..Hello::default()
        };
        let octets = hello_octets(of_c, forged);
        network.with(a, |ldp, now| {
            let datagram = ReceivedDatagram {
                interface: "eth0",
                source: address("fe80::2"),
                destination: address("ff02::2"),
                hop_limit: Some(255),
                octets: &octets,
            };
            ldp.handle_hello(datagram, now);
        });
        network.run(seconds(1));
        assert_ne!(peer(&network), Some(Some(of_c)), "{preference:?}");
        assert!(network.operational(a, c));
        // b's own Hellos make it b again.
        network.run(seconds(60));
        assert_eq!(peer(&network), Some(Some(of_b)));
    }
}
