//! Address and Address Withdraw messages (RFC 5036 sections 3.5.5 and 3.5.6, RFC 7552 section 7.1).

use std::collections::BTreeSet;
use std::net::IpAddr;

use ldp::engine::{ConnectionId, Families};
use ldp::packet::{AddressMessage, Body};

use crate::support::script::Script;
use crate::support::{address, config, up};

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
