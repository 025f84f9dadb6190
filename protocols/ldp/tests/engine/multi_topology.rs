//! Topologies besides the default one (RFC 7307).

use std::collections::BTreeSet;

use ldp::engine::{
    ConnectionId, DisabledFamilies, Families, GracefulRestartConfig, Output, SessionState,
};
use ldp::packet::{
    AddressFamily, Body, Capabilities, CapabilityMessage, FecElement, LabelMapping, LabelRequest,
    LabelWithdraw, StatusCode, TypedWildcard,
};
use ldp::session::capability::MOST_TOPOLOGIES;
use ldp::{MultiTopologyId, PrefixFec};

use crate::support::script::{PEER, Script};
use crate::support::{config, net};

const TOPOLOGY: MultiTopologyId = MultiTopologyId(7);

fn of_topology(topology: MultiTopologyId) -> PrefixFec {
    PrefixFec {
        topology,
        ..net("20.0.0.0/24").into()
    }
}

/// All IPv4 prefixes of a topology.
fn ipv4(topology: MultiTopologyId) -> TypedWildcard {
    TypedWildcard::Prefix {
        family: AddressFamily::Ipv4,
        topology,
    }
}

/// An LSR of these topologies, and a peer that announces those.
fn session(
    topologies: &[MultiTopologyId],
    announced: &[MultiTopologyId],
    dynamic_announcement: bool,
) -> (Script, ConnectionId) {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    config.capabilities.topologies = topologies.iter().copied().collect();
    let mut script = Script::new(config);
    let mut initialization = script.initialization();
    initialization.capabilities = Capabilities {
        dynamic_announcement,
        multi_topology: announced.iter().copied().map(ipv4).collect(),
        ..Capabilities::default()
    };
    let id = script.operational_with(initialization);
    script.taken(id);
    (script, id)
}

/// An LSR of topology 7, and a peer of topologies 7 and 8.
fn multi_topology(dynamic_announcement: bool) -> (Script, ConnectionId) {
    let announced = [TOPOLOGY, MultiTopologyId(8)];
    session(&[TOPOLOGY], &announced, dynamic_announcement)
}

/// The router is the egress of the prefix in a topology.
fn egress(script: &mut Script, topology: MultiTopologyId) {
    script.egress(of_topology(topology));
}

/// The FECs of the Label Mappings and of the Label Withdraws that were sent.
fn bound(sent: &[Body]) -> (Vec<FecElement>, Vec<FecElement>) {
    let mapped = sent.iter().filter_map(|body| match body {
        Body::LabelMapping(mapping) => Some(mapping.fec.clone()),
        _ => None,
    });
    let withdrawn = sent.iter().filter_map(|body| match body {
        Body::LabelWithdraw(withdraw) => Some(withdraw.fec.clone()),
        _ => None,
    });
    (mapped.flatten().collect(), withdrawn.flatten().collect())
}

/// A Label Request for all of a type.
fn request(wildcard: TypedWildcard) -> Body {
    Body::LabelRequest(LabelRequest {
        fec: vec![FecElement::TypedWildcard(wildcard)],
        hop_count: None,
        path_vector: None,
        forwarded: Vec::new(),
    })
}

/// RFC 7307 section 5.1: a message with a FEC of a topology that is not known here is discarded as a whole and
/// answered with Invalid Topology ID; the session goes on.
#[test]
fn a_mapping_of_an_unknown_topology_is_answered_with_invalid_topology_id() {
    for (topology, known) in [(0, true), (7, true), (8, false), (9, false)] {
        let (mut script, id) = multi_topology(true);
        let mapping = LabelMapping::new(
            vec![
                FecElement::Prefix(net("20.1.0.0/24").into()),
                FecElement::Prefix(of_topology(MultiTopologyId(topology))),
            ],
            mpls::Label::new(16).expect("a label"),
        );
        script.send(id, Body::LabelMapping(mapping));
        let expected = if known {
            vec![]
        } else {
            vec![StatusCode::INVALID_TOPOLOGY_ID]
        };
        assert_eq!(script.answer(id), (expected, false), "{topology}");
        let received = script.ldp.labels().counters().received;
        assert_eq!(received, if known { 2 } else { 0 }, "{topology}");
    }
    let (mut script, id) = multi_topology(true);
    script.send(id, request(ipv4(MultiTopologyId(9))));
    assert_eq!(
        script.answer(id),
        (vec![StatusCode::INVALID_TOPOLOGY_ID], false)
    );
}

/// RFC 7307 section 3.5: labels are distributed for topologies that both LSRs announced. One that gives up a
/// topology withdraws its labels, and then the capability; if the peer cannot be told, the session is reset.
#[test]
fn a_topology_that_is_given_up_is_withdrawn_or_resets_the_session() {
    for dynamic_announcement in [true, false] {
        let (mut script, id) = multi_topology(dynamic_announcement);
        for topology in [TOPOLOGY, MultiTopologyId(8)] {
            egress(&mut script, topology);
        }
        let (mapped, _) = bound(&script.taken(id));
        assert_eq!(mapped, [FecElement::Prefix(of_topology(TOPOLOGY))]);
        let mut config = script.ldp.config().clone();
        config.capabilities.topologies.clear();
        let now = script.now();
        script.ldp.set_config(config, now);
        script.drain();
        assert_eq!(script.closed(id), !dynamic_announcement);
        if dynamic_announcement {
            let sent = script.taken(id);
            let [Body::LabelWithdraw(withdraw), Body::Capability(message)] = &sent[..] else {
                panic!("{sent:?}")
            };
            assert_eq!(withdraw.fec, [FecElement::Prefix(of_topology(TOPOLOGY))]);
            assert_eq!(message.withdrawn.multi_topology.len(), 2);
        }
    }
}

/// RFC 7307 section 4.1: a Label Request of all topologies is valid where there are any; section 5.1. No prefix is of
/// Wildcard Topology.
#[test]
fn wildcard_topology_is_valid_in_requests_where_there_are_topologies() {
    for (topologies, valid) in [([TOPOLOGY].as_slice(), true), (&[], false)] {
        let (mut script, id) = session(topologies, topologies, true);
        script.send(id, request(ipv4(MultiTopologyId::WILDCARD)));
        let expected = match valid {
            true => vec![],
            false => vec![StatusCode::INVALID_TOPOLOGY_ID],
        };
        assert_eq!(script.answer(id), (expected, false));
        let mapping = LabelMapping::new(
            vec![FecElement::Prefix(of_topology(MultiTopologyId::WILDCARD))],
            mpls::Label::new(16).expect("a label"),
        );
        script.send(id, Body::LabelMapping(mapping));
        let expected = vec![StatusCode::INVALID_TOPOLOGY_ID];
        assert_eq!(script.answer(id), (expected, false));
    }
}

/// RFC 7307 section 3.5.1: "The MT-ID field of the MT Typed Wildcard FEC element MUST be set to 'Wildcard Topology' when
/// it is specified in the MT Capability TLV". Such a peer takes labels of all topologies, until it says otherwise. This
/// LSR announces the exact ones (section 3.5.2), as it knows no others.
#[test]
fn a_peer_that_announces_wildcard_topology_gets_labels_of_all_topologies() {
    let (mut script, id) = session(&[TOPOLOGY], &[MultiTopologyId::WILDCARD], true);
    for topology in [TOPOLOGY, MultiTopologyId(8)] {
        egress(&mut script, topology);
    }
    let fec = [FecElement::Prefix(of_topology(TOPOLOGY))];
    assert_eq!(bound(&script.taken(id)).0, fec);
    let shown = script.neighbour().parameters.expect("operational");
    assert_eq!(
        shown.peer_capabilities,
        [
            "dynamic announcement",
            "multi-topology all IPv4 prefixes of all topologies"
        ]
    );
    // The topologies of IPv6 are not meant; then all of them are.
    for withdrawn in [false, true] {
        let family = match withdrawn {
            true => AddressFamily::Ipv4,
            false => AddressFamily::Ipv6,
        };
        let message = CapabilityMessage {
            withdrawn: Capabilities {
                multi_topology: vec![TypedWildcard::Prefix {
                    family,
                    topology: MultiTopologyId::WILDCARD,
                }],
                ..Capabilities::default()
            },
            ..CapabilityMessage::default()
        };
        script.send(id, Body::Capability(Box::new(message)));
        let expected: &[FecElement] = if withdrawn { &fec } else { &[] };
        assert_eq!(bound(&script.taken(id)).1, expected);
    }
}

/// A number of topologies.
fn many(number: usize) -> BTreeSet<MultiTopologyId> {
    (1..).map(MultiTopologyId).take(number).collect()
}

/// RFC 5561 section 7, RFC 5036 section 3.5.3: a peer of the shortest PDUs is told of all topologies that are gained and
/// lost, in several messages. Those that are lost are first, with their labels: the peer may not have room for both.
#[test]
fn many_topologies_are_told_in_messages_that_fit_the_peers_pdus() {
    let before = many(40);
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    config.capabilities.topologies = before.clone();
    let mut script = Script::new(config);
    let mut initialization = script.initialization();
    initialization.max_pdu_length = 256;
    initialization.capabilities.dynamic_announcement = true;
    initialization.capabilities.multi_topology = before.iter().copied().map(ipv4).collect();
    let id = script.operational_with(initialization);
    for topology in &before {
        egress(&mut script, *topology);
    }
    script.taken(id);
    let after: BTreeSet<MultiTopologyId> = (101..=140).map(MultiTopologyId).collect();
    let mut config = script.ldp.config().clone();
    config.capabilities.topologies = after.clone();
    script.sent.get_mut(&id).expect("sent").longest_pdu = 0;
    let now = script.now();
    script.ldp.set_config(config, now);
    script.drain();
    assert!(!script.closed(id));
    assert!(script.sent[&id].longest_pdu <= 256);
    let sent = script.taken(id);
    let (mut withdrawn, mut announced, mut labels) = (vec![], vec![], vec![]);
    for body in &sent {
        match body {
            Body::LabelWithdraw(withdraw) => labels.extend(withdraw.fec.clone()),
            Body::Capability(message) => {
                assert!(message.withdrawn.multi_topology.is_empty() || announced.is_empty());
                for of in &message.withdrawn.multi_topology {
                    let TypedWildcard::Prefix { family, topology } = of;
                    let fec = FecElement::Prefix(of_topology(*topology));
                    assert!(*family == AddressFamily::Ipv6 || labels.contains(&fec));
                }
                withdrawn.extend(message.withdrawn.multi_topology.clone());
                announced.extend(message.announced.multi_topology.clone());
            }
            _ => {}
        }
    }
    assert_eq!((withdrawn.len(), announced.len()), (80, 80));
    for (told, topologies) in [(withdrawn, before), (announced, after)] {
        let mut topologies = topologies.into_iter().map(ipv4);
        assert!(topologies.all(|of| told.contains(&of)));
    }
}

/// RFC 5036 section 3.5.3: until another length is negotiated a PDU has 4096 octets at most. So many topologies fit,
/// with all else that there is in an Initialization.
#[test]
fn an_initialization_with_as_many_topologies_as_there_may_be_fits() {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    config.capabilities.topologies = many(MOST_TOPOLOGIES);
    config.graceful_restart = Some(GracefulRestartConfig::default());
    let disabled = DisabledFamilies {
        ipv4: true,
        ipv6: true,
    };
    let peer = config.peers.entry(PEER.lsr_id).or_default();
    peer.disabled_families = Some(disabled);
    let mut script = Script::new(config);
    let id = script.operational();
    let sent = script.taken(id);
    let Some(Body::Initialization(initialization)) = sent.first() else {
        panic!("{sent:?}");
    };
    let announced = initialization.capabilities.multi_topology.len();
    assert_eq!(announced, 2 * MOST_TOPOLOGIES);
    // Room for 32 targeted applications (RFC 8223 section 2.1).
    assert!(script.sent[&id].longest_pdu <= 4096 - (4 + 1 + 32 * 4));
}

/// A session whose Initialization cannot be sent does not come up, and says why.
#[test]
fn a_session_whose_initialization_does_not_fit_ends_with_the_reason() {
    for is_active in [false, true] {
        let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
        config.capabilities.topologies = many(300);
        if is_active {
            config.ipv4_transport = Some([200, 0, 0, 1].into());
        }
        let mut script = Script::new(config);
        let id = if is_active {
            script.say(script.hello());
            let Some(Output::Connect { id, local, .. }) = script.connects.pop_front() else {
                panic!("the active LSR connects");
            };
            let now = script.now();
            script.ldp.handle_connected(id, local, now);
            script.drain();
            id
        } else {
            let id = script.passive_connection();
            let initialization = script.initialization();
            script.send(id, Body::Initialization(Box::new(initialization)));
            id
        };
        assert_eq!(
            script.answer(id),
            (vec![StatusCode::INTERNAL_ERROR], true),
            "{is_active}"
        );
        let neighbour = script.neighbour();
        assert_eq!(neighbour.state, SessionState::NonExistent);
        let reason = neighbour.reason.expect("a reason");
        let expected = "the peer cannot be told the capabilities of this LSR: the Initialization \
                        has 4246 octets, and a PDU has room for 4086";
        assert_eq!(reason, expected);
    }
}

/// RFC 7307 section 3.2: MT-ID 0 "MUST be ignored on receipt so as to not cause any conflict/confusion with existing
/// non-MT procedures".
#[test]
fn fecs_with_mt_id_0_are_ignored() {
    for topologies in [&[][..], &[TOPOLOGY]] {
        let (mut script, id) = session(topologies, topologies, true);
        let fec: FecElement = FecElement::Prefix(of_topology(MultiTopologyId::DEFAULT));
        let label = |value| mpls::Label::new(value).unwrap();
        let mapping = |fec, value| LabelMapping::new(vec![fec], label(value));
        script.send(id, Body::LabelMapping(mapping(fec, 1000)));
        script.taken(id);
        // 20.0.0.0/24 of family 29 (MT IP), and all prefixes of it.
        let of_mt_id_0 = FecElement::Ignored {
            kind: 2,
            octets: vec![0, 29, 24, 20, 0, 0, 0, 0, 0, 0],
        };
        let all = FecElement::Ignored {
            kind: 5,
            octets: vec![2, 4, 0, 29, 0, 0],
        };
        script.send(id, Body::LabelMapping(mapping(of_mt_id_0.clone(), 1888)));
        for fec in [of_mt_id_0, all] {
            let fec = vec![fec];
            let withdraw = LabelWithdraw {
                fec: fec.clone(),
                label: None,
            };
            script.send(id, Body::LabelWithdraw(withdraw));
            let request = LabelRequest {
                fec,
                hop_count: None,
                path_vector: None,
                forwarded: Vec::new(),
            };
            script.send(id, Body::LabelRequest(request));
        }
        assert_eq!(script.taken(id), []);
        assert_eq!(script.state(), SessionState::Operational);
        let bindings: Vec<_> = script.ldp.labels().bindings().collect();
        let received: Vec<_> = bindings.iter().flat_map(|of| &of.remote).collect();
        assert_eq!(received.len(), 1, "{bindings:?}");
        assert_eq!(received[0].label, label(1000));
    }
}
