//! LSRs that become dual-stack or single-stack while their session is up (RFC 7552 sections 6.2 and 7).

use std::net::{IpAddr, Ipv6Addr};

use ldp::MultiTopologyId;
use ldp::engine::{ConnectionId, Families, SessionState};
use ldp::label::Route;
use ldp::packet::{
    AddressFamily, Body, Capabilities, DualStack, FecElement, LabelRequest, TransportPreference,
    TypedWildcard,
};

use crate::support::script::Script;
use crate::support::{address, config, net};

fn v6(text: &str) -> Ipv6Addr {
    text.parse().expect("an IPv6 address")
}

/// The LSR that a peer, which is dual-stack, has a session over IPv4 with, and its configuration as a
/// dual-stack LSR.
fn single_stack() -> (Script, ConnectionId, ldp::engine::LdpConfig) {
    let mut single = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    single.ipv6_transport = Some(v6("2001:db8::1"));
    let mut dual = config("1.1.1.1", &[("eth0", Families::DUAL)]);
    dual.ipv6_transport = single.ipv6_transport;
    let mut script = Script::new(single);
    let mut hello = script.hello();
    hello.dual_stack = Some(DualStack {
        preference: TransportPreference::Ipv6,
    });
    script.say(hello);
    let id = script.connect_from("9.9.9.9").expect("accepted").id;
    let mut initialization = script.initialization();
    initialization.capabilities = Capabilities {
        typed_wildcard: true,
        ..Capabilities::default()
    };
    script.send(id, Body::Initialization(Box::new(initialization)));
    script.send(id, Body::KeepAlive);
    let route = Route {
        egress: true,
        ..Route::default()
    };
    let now = script.now();
    script
        .ldp
        .handle_route(net("2001:db8:7::/48").into(), Some(route), now);
    script.drain();
    (script, id, dual)
}

/// RFC 7552 section 7.2: an LSR that is changed from single-stack to dual-stack LDP requests by a Typed Wildcard the
/// bindings of the family that it gains, without resetting the session; and section 7.1: addresses and bindings
/// of both families go to a peer that has the Dual-Stack capability, whether or not it has a Hello adjacency of
/// the other family.
#[test]
fn an_lsr_that_becomes_dual_stack_asks_for_the_labels_of_the_family_that_it_gains() {
    let (mut script, id, dual) = single_stack();
    let sent = script.taken(id);
    assert!(
        !sent
            .iter()
            .any(|body| matches!(body, Body::LabelRequest(_) | Body::LabelMapping(_))),
        "{sent:?}"
    );
    let now = script.now();
    script.ldp.set_config(dual, now);
    script.drain();
    assert_eq!(script.state(), SessionState::Operational);
    let sent = script.taken(id);
    let requests: Vec<&LabelRequest> = (sent.iter())
        .filter_map(|body| match body {
            Body::LabelRequest(request) => Some(request),
            _ => None,
        })
        .collect();
    let ipv6 = FecElement::TypedWildcard(TypedWildcard::Prefix {
        family: AddressFamily::Ipv6,
        topology: MultiTopologyId::DEFAULT,
    });
    assert_eq!(requests.len(), 1, "{sent:?}");
    assert_eq!(requests[0].fec, [ipv6]);
    let addresses: Vec<IpAddr> = (sent.iter())
        .filter_map(|body| match body {
            Body::Address(message) => Some(message.addresses.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    assert!(addresses.contains(&address("fe80::1")), "{addresses:?}");
    assert!(addresses.contains(&address("2001:db8::1")), "{addresses:?}");
    let mapped = FecElement::Prefix(net("2001:db8:7::/48").into());
    assert!(
        sent.iter().any(
            |body| matches!(body, Body::LabelMapping(mapping) if mapping.fec == [mapped.clone()])
        ),
        "{sent:?}"
    );
}

/// Section 7.2: the same when it is the peer that becomes dual-stack, as its next Hello says.
#[test]
fn a_peer_that_becomes_dual_stack_is_asked_for_the_labels_of_the_family_that_it_gains() {
    let mut dual = config("1.1.1.1", &[("eth0", Families::DUAL)]);
    dual.ipv6_transport = Some(v6("2001:db8::1"));
    let mut script = Script::new(dual);
    let id = script.passive_connection();
    let mut initialization = script.initialization();
    initialization.capabilities.typed_wildcard = true;
    script.send(id, Body::Initialization(Box::new(initialization)));
    script.send(id, Body::KeepAlive);
    script.taken(id);
    let mut hello = script.hello();
    hello.dual_stack = Some(DualStack {
        preference: TransportPreference::Ipv6,
    });
    script.say(hello);
    assert_eq!(script.state(), SessionState::Operational);
    let sent = script.taken(id);
    let ipv6 = FecElement::TypedWildcard(TypedWildcard::Prefix {
        family: AddressFamily::Ipv6,
        topology: MultiTopologyId::DEFAULT,
    });
    assert!(
        sent.iter().any(
            |body| matches!(body, Body::LabelRequest(request) if request.fec == [ipv6.clone()])
        ),
        "{sent:?}"
    );
    assert!(
        sent.iter().any(|body| matches!(body, Body::Address(message)
            if message.addresses.contains(&address("2001:db8::1")))),
        "{sent:?}"
    );
}

/// RFC 5036 section 3.5.5.1: addresses that are de-activated are withdrawn: here those of the family that an LSR
/// gives up, with the labels; the session over the other family stays (section 6.2).
#[test]
fn an_lsr_that_becomes_single_stack_withdraws_the_family_that_it_gives_up() {
    let (mut script, id, dual) = single_stack();
    let single = script.ldp.config().clone();
    let now = script.now();
    script.ldp.set_config(dual, now);
    script.drain();
    script.taken(id);
    script.ldp.set_config(single, now);
    script.drain();
    assert_eq!(script.state(), SessionState::Operational);
    let sent = script.taken(id);
    let withdrawn: Vec<IpAddr> = (sent.iter())
        .filter_map(|body| match body {
            Body::AddressWithdraw(message) => Some(message.addresses.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    assert!(withdrawn.contains(&address("fe80::1")), "{sent:?}");
    assert!(withdrawn.iter().all(IpAddr::is_ipv6), "{withdrawn:?}");
    let mapped = FecElement::Prefix(net("2001:db8:7::/48").into());
    assert!(
        sent.iter().any(
            |body| matches!(body, Body::LabelWithdraw(withdraw) if withdraw.fec == [mapped.clone()])
        ),
        "{sent:?}"
    );
}
