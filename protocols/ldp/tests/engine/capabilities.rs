//! Capabilities (RFC 5561), State Advertisement Control (RFC 7473) and End-of-LIB (RFC 5919).

use ldp::engine::{ConnectionId, DisabledFamilies, Families, Family, SessionState};
use ldp::packet::{
    Body, Capabilities, CapabilityMessage, FecElement, StateAdvertisement, StatusCode,
    TypedWildcard,
};

use crate::support::script::{PEER, Script};
use crate::support::{config, net, seconds};
use crate::targeted::{connect, initiator, targeting_for};

fn script() -> Script {
    Script::new(config("1.1.1.1", &[("eth0", Families::IPV4)]))
}

fn with(script: &mut Script, capabilities: Capabilities) -> ConnectionId {
    let mut initialization = script.initialization();
    initialization.capabilities = capabilities;
    script.operational_with(initialization)
}

fn egress(script: &mut Script, prefix: &str) {
    script.egress(net(prefix).into());
}

fn announced(script: &mut Script, id: ConnectionId) -> Capabilities {
    script
        .taken(id)
        .into_iter()
        .find_map(|body| match body {
            Body::Initialization(initialization) => Some(initialization.capabilities),
            _ => None,
        })
        .expect("an Initialization was sent")
}

/// RFC 5561 section 6: what this LSR is capable of is in its Initialization; what is switched off is not.
#[test]
fn the_initialization_announces_what_is_not_switched_off() {
    let mut script = script();
    let id = with(&mut script, Capabilities::default());
    let capabilities = announced(&mut script, id);
    assert!(
        capabilities.dynamic_announcement
            && capabilities.typed_wildcard
            && capabilities.unrecognized_notification
    );
    assert_eq!(capabilities.targeted_applications, None);

    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    config.capabilities.typed_wildcard = false;
    config.capabilities.topologies = [ldp::MultiTopologyId(7)].into();
    let mut script = Script::new(config);
    let id = with(&mut script, Capabilities::default());
    let capabilities = announced(&mut script, id);
    assert!(!capabilities.typed_wildcard);
    assert!(
        capabilities
            .multi_topology
            .contains(&TypedWildcard::Prefix {
                family: ldp::packet::AddressFamily::Ipv4,
                topology: ldp::MultiTopologyId(7)
            })
    );
}

/// RFC 5561 section 7: a Capability message changes what the peer is capable of.
#[test]
fn a_capability_message_of_the_peer_changes_its_capabilities() {
    let mut script = script();
    let id = with(&mut script, Capabilities::default());
    script.send(
        id,
        Body::Capability(Box::new(CapabilityMessage {
            announced: Capabilities {
                typed_wildcard: true,
                ..Capabilities::default()
            },
            withdrawn: Capabilities::default(),
        })),
    );
    let parameters = script.neighbour().parameters.expect("operational");
    assert_eq!(parameters.peer_capabilities, ["typed wildcard FEC"]);
    assert!(
        script
            .ldp
            .labels()
            .peer(PEER)
            .is_some_and(|peer| { peer.parameters.capabilities.typed_wildcard })
    );
}

/// RFC 5561 section 7: an LSR that did not announce Dynamic Announcement does not know Capability messages.
#[test]
fn without_dynamic_announcement_a_capability_message_is_an_unknown_one() {
    let mut config = config("1.1.1.1", &[("eth0", Families::IPV4)]);
    config.capabilities.dynamic_announcement = false;
    let mut script = Script::new(config);
    let id = script.operational();
    script.taken(id);
    script.send(id, Body::Capability(Box::default()));
    let (statuses, closed) = script.answer(id);
    assert_eq!(statuses, [StatusCode::UNKNOWN_MESSAGE_TYPE]);
    assert!(!closed);
}

/// RFC 5561 section 7: a change of this LSR's capabilities is announced to peers with Dynamic Announcement,
/// and to no others.
#[test]
fn changes_are_announced_to_peers_that_can_take_them_and_to_no_others() {
    for dynamic_announcement in [true, false] {
        let mut script = script();
        let id = with(
            &mut script,
            Capabilities {
                dynamic_announcement,
                ..Capabilities::default()
            },
        );
        script.taken(id);
        let mut config = script.ldp.config().clone();
        config.capabilities.typed_wildcard = false;
        config
            .peers
            .entry(PEER.lsr_id)
            .or_default()
            .disabled_families = Some(DisabledFamilies {
            ipv4: false,
            ipv6: true,
        });
        let now = script.now();
        script.ldp.set_config(config, now);
        script.drain();
        let messages: Vec<_> = script
            .taken(id)
            .into_iter()
            .filter_map(|body| match body {
                Body::Capability(message) => Some(message),
                _ => None,
            })
            .collect();
        assert_eq!(messages.len(), usize::from(dynamic_announcement));
        assert_eq!(script.state(), SessionState::Operational);
        if let Some(message) = messages.first() {
            assert!(message.withdrawn.typed_wildcard);
            assert_eq!(
                message.announced.state_advertisement,
                [StateAdvertisement {
                    application: 2,
                    disable: true
                }]
            );
        }
    }
}

/// RFC 5919 section 4: End-of-LIB follows the first advertisement, if the peer can take it, also if there is
/// nothing to advertise; and not to other peers.
#[test]
fn end_of_lib_follows_the_first_advertisement_if_the_peer_can_take_it() {
    for (unrecognized_notification, prefixes) in [(true, 3), (true, 0), (false, 3)] {
        let mut script = script();
        for number in 0..prefixes {
            egress(&mut script, &format!("20.0.{number}.0/24"));
        }
        let id = with(
            &mut script,
            Capabilities {
                unrecognized_notification,
                typed_wildcard: true,
                ..Capabilities::default()
            },
        );
        let sent = script.taken(id);
        let end = sent.iter().position(|body| {
            matches!(body, Body::Notification(notification)
                if notification.status.code == StatusCode::END_OF_LIB
                    && matches!(notification.fec.as_slice(), [FecElement::TypedWildcard(
                        TypedWildcard::Prefix { family: ldp::packet::AddressFamily::Ipv4, .. })]))
        });
        let mappings = sent
            .iter()
            .filter(|body| matches!(body, Body::LabelMapping(_)))
            .count();
        let last_mapping = sent
            .iter()
            .rposition(|body| matches!(body, Body::LabelMapping(_)));
        assert_eq!(mappings, prefixes);
        assert_eq!(end.is_some(), unrecognized_notification, "{sent:?}");
        if let (Some(end), Some(mapping)) = (end, last_mapping) {
            assert!(end > mapping);
        }
        let parameters = script.neighbour().parameters.expect("operational");
        assert_eq!(
            parameters.end_of_lib_sent,
            if unrecognized_notification {
                vec![Family::Ipv4]
            } else {
                vec![]
            }
        );
    }
}

/// RFC 5561 section 7: a peer that cannot be told of a change, as the message does not fit its PDUs, would go on by what it
/// knows. The session ends, and the next Initialization has all.
#[test]
fn a_change_that_does_not_fit_the_peers_pdus_ends_the_session() {
    let mut script = initiator(&[1]);
    let id = connect(&mut script);
    let mut initialization = script.initialization();
    initialization.max_pdu_length = 256;
    initialization.capabilities = Capabilities {
        dynamic_announcement: true,
        targeted_applications: Some(vec![1]),
        ..Capabilities::default()
    };
    script.send(id, Body::Initialization(Box::new(initialization)));
    script.send(id, Body::KeepAlive);
    assert_eq!(script.state(), SessionState::Operational);
    script.taken(id);
    let applications: Vec<u16> = (1..=100).collect();
    let config = script.ldp.config().clone();
    let config = targeting_for(config, "10.0.0.9", &applications, 0xffff);
    let now = script.now();
    script.ldp.set_config(config, now);
    script.drain();
    assert_eq!(script.answer(id), (vec![StatusCode::INTERNAL_ERROR], true));
    let reason = script.neighbour().reason.expect("a reason");
    let expected = "the peer cannot be told the capabilities of this LSR: the Capability has";
    assert!(reason.starts_with(expected), "{reason}");
    script.pass(seconds(15));
    let id = connect(&mut script);
    let all = announced(&mut script, id).targeted_applications;
    assert_eq!(all, Some(applications));
}
