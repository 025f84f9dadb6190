//! Capabilities that change during a session (RFC 5561 section 7).

use crate::packet::{Capabilities, CapabilityMessage, StateAdvertisement};

/// How many topologies and how many applications of a peer are kept. What a
/// peer announces beyond that is ignored: no network has as many, and each message is compared with
/// what is kept.
pub const MOST_KEPT: usize = 512;

/// How many topologies besides the default one an LSR may have. Each is announced for two families, and a peer like this
/// one keeps [`MOST_KEPT`]. So many fit the Initialization message, for which a PDU has 4096 octets (RFC 5036 section
/// 3.5.3).
pub const MOST_TOPOLOGIES: usize = MOST_KEPT / 2;

/// How many topologies are announced or withdrawn by one Capability message. It fits a PDU of 256 octets, the smallest
/// maximum that there is (RFC 5036 section 3.5.3), also with the other capabilities: an element has 7 octets.
const MOST_IN_A_MESSAGE: usize = 16;

/// Applies a Capability message to what the peer announced before.
///
/// Dynamic Announcement cannot be changed (RFC 5561 section 9), and State Advertisement Control not be
/// withdrawn (RFC 7473 section 4.1): such parameters are ignored.
///
/// "Wildcard Topology" is withdrawn with all topologies of its family (RFC 7307 section 3.5.1). What was announced by it
/// alone cannot be withdrawn one by one.
pub fn apply(capabilities: &mut Capabilities, message: &CapabilityMessage) {
    let CapabilityMessage {
        announced,
        withdrawn,
    } = message;
    capabilities.typed_wildcard =
        (capabilities.typed_wildcard || announced.typed_wildcard) && !withdrawn.typed_wildcard;
    capabilities.unrecognized_notification = (capabilities.unrecognized_notification
        || announced.unrecognized_notification)
        && !withdrawn.unrecognized_notification;
    keep_new(&mut capabilities.multi_topology, &announced.multi_topology);
    capabilities
        .multi_topology
        .retain(|of| !withdrawn.multi_topology.iter().any(|all| all.covers(of)));
    for element in &announced.state_advertisement {
        update_state_advertisement(&mut capabilities.state_advertisement, *element);
    }
    if let Some(announced) = &announced.targeted_applications {
        let applications = capabilities.targeted_applications.get_or_insert_default();
        keep_new(applications, announced);
    }
    match &withdrawn.targeted_applications {
        // The capability as a whole is withdrawn (S bit clear).
        Some(withdrawn) if withdrawn.is_empty() => capabilities.targeted_applications = None,
        Some(withdrawn) => {
            if let Some(applications) = &mut capabilities.targeted_applications {
                applications.retain(|application| !withdrawn.contains(application));
            }
        }
        None => {}
    }
}

fn keep_new<T: Clone + PartialEq>(kept: &mut Vec<T>, announced: &[T]) {
    for element in announced {
        if kept.len() == MOST_KEPT {
            return;
        }
        if !kept.contains(element) {
            kept.push(element.clone());
        }
    }
}

/// Each element is an update of what was said of its application (RFC 7473 section 4.1).
fn update_state_advertisement(elements: &mut Vec<StateAdvertisement>, element: StateAdvertisement) {
    elements.retain(|existing| existing.application != element.application);
    elements.push(element);
}

/// A Capability message that tells a peer of the change from `old` to `new`, or of a part of it: what is left of it is
/// the difference to what [`apply`] makes of `old`. `None`: nothing that can be told changed.
///
/// Topologies are withdrawn before others are announced, as the peer may keep [`MOST_KEPT`] only.
pub fn difference(old: &Capabilities, new: &Capabilities) -> Option<CapabilityMessage> {
    let mut message = CapabilityMessage::default();
    let CapabilityMessage {
        announced,
        withdrawn,
    } = &mut message;
    announced.typed_wildcard = new.typed_wildcard && !old.typed_wildcard;
    withdrawn.typed_wildcard = old.typed_wildcard && !new.typed_wildcard;
    announced.unrecognized_notification =
        new.unrecognized_notification && !old.unrecognized_notification;
    withdrawn.unrecognized_notification =
        old.unrecognized_notification && !new.unrecognized_notification;
    let added = |from: &Capabilities, to: &Capabilities| {
        to.multi_topology
            .iter()
            .filter(|topology| !from.multi_topology.contains(topology))
            .take(MOST_IN_A_MESSAGE)
            .cloned()
            .collect()
    };
    announced.multi_topology = added(old, new);
    withdrawn.multi_topology = added(new, old);
    // A capability is there once in a message (RFC 5561 section 3).
    if !withdrawn.multi_topology.is_empty() {
        announced.multi_topology.clear();
    }
    for application in 1..=4 {
        let disabled = |capabilities: &Capabilities| {
            capabilities
                .state_advertisement
                .iter()
                .any(|element| element.application == application && element.disable)
        };
        if disabled(old) != disabled(new) {
            announced.state_advertisement.push(StateAdvertisement {
                application,
                disable: disabled(new),
            });
        }
    }
    let applications = |from: &[u16], to: &[u16]| -> Option<Vec<u16>> {
        let added: Vec<u16> = to
            .iter()
            .copied()
            .filter(|application| !from.contains(application))
            .collect();
        (!added.is_empty()).then_some(added)
    };
    match (&old.targeted_applications, &new.targeted_applications) {
        (Some(old), Some(new)) => {
            announced.targeted_applications = applications(old, new);
            withdrawn.targeted_applications = applications(new, old);
        }
        (None, Some(new)) => announced.targeted_applications = Some(new.clone()),
        // The capability as a whole.
        (Some(_), None) => withdrawn.targeted_applications = Some(Vec::new()),
        (None, None) => {}
    }
    (message != CapabilityMessage::default()).then_some(message)
}

/// Capabilities in words, for an operator.
pub fn in_words(capabilities: &Capabilities) -> Vec<String> {
    let text = capabilities.to_string();
    text.split(", ")
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::packet::{AddressFamily, Body, PduBuilder, TypedWildcard};
    use crate::{LdpIdentifier, MultiTopologyId};

    /// RFC 5561 section 7: a peer's capabilities are those of its Initialization, and changes that
    /// Capability messages made to them.
    #[test]
    fn a_capability_message_changes_what_the_initialization_announced() {
        let mut capabilities = Capabilities {
            dynamic_announcement: true,
            typed_wildcard: true,
            ..Capabilities::default()
        };
        apply(
            &mut capabilities,
            &CapabilityMessage {
                announced: Capabilities {
                    unrecognized_notification: true,
                    ..Capabilities::default()
                },
                withdrawn: Capabilities {
                    typed_wildcard: true,
                    dynamic_announcement: true,
                    ..Capabilities::default()
                },
            },
        );
        assert!(!capabilities.typed_wildcard);
        assert!(capabilities.unrecognized_notification);
        assert!(
            capabilities.dynamic_announcement,
            "RFC 5561 section 9: it cannot be disabled"
        );
    }

    /// A peer that announces all that there can be costs no more than one that announces much.
    #[test]
    fn what_a_peer_announces_without_end_is_not_kept() {
        let mut capabilities = Capabilities::default();
        for part in 0..16 {
            let numbers = part * 4096..=part * 4096 + 4095;
            let topology = |n| TypedWildcard::Prefix {
                family: AddressFamily::Ipv4,
                topology: MultiTopologyId(n),
            };
            let announced = Capabilities {
                multi_topology: numbers.clone().map(topology).collect(),
                targeted_applications: Some(numbers.collect()),
                ..Capabilities::default()
            };
            let withdrawn = Capabilities::default();
            let message = CapabilityMessage {
                announced,
                withdrawn,
            };
            apply(&mut capabilities, &message);
        }
        assert_eq!(capabilities.multi_topology.len(), MOST_KEPT);
        assert_eq!(capabilities.targeted_applications.unwrap().len(), MOST_KEPT);
    }

    /// RFC 7473 section 4.1: each element updates the policy for its application.
    #[test]
    fn state_advertisement_control_is_updated_by_application() {
        let element = |application, disable| StateAdvertisement {
            application,
            disable,
        };
        let mut capabilities = Capabilities {
            state_advertisement: vec![element(2, true), element(4, true)],
            ..Capabilities::default()
        };
        apply(
            &mut capabilities,
            &CapabilityMessage {
                announced: Capabilities {
                    state_advertisement: vec![element(2, false), element(3, true)],
                    ..Capabilities::default()
                },
                withdrawn: Capabilities::default(),
            },
        );
        assert_eq!(
            capabilities.state_advertisement,
            [element(4, true), element(2, false), element(3, true)]
        );
    }

    #[test]
    fn a_difference_applied_gives_the_new_capabilities() {
        let old = Capabilities {
            typed_wildcard: true,
            ..Capabilities::default()
        };
        let new = Capabilities {
            unrecognized_notification: true,
            ..Capabilities::default()
        };
        let mut applied = old.clone();
        let message = difference(&old, &new).expect("they differ");
        apply(&mut applied, &message);
        assert_eq!(applied, new);
        assert_eq!(difference(&new, &new), None);
    }

    /// RFC 5036 section 3.5.3: no message is longer than the PDUs that the peer takes, 256 octets or more; all topologies
    /// are told by several, and the peer has room for each of them.
    #[test]
    fn a_difference_of_many_topologies_is_told_in_parts_that_fit_the_smallest_pdu() {
        let topologies = |from: u16| -> Vec<TypedWildcard> {
            let ids = (from..).take(MOST_TOPOLOGIES).map(MultiTopologyId);
            let families = [AddressFamily::Ipv4, AddressFamily::Ipv6];
            let all = ids.flat_map(|topology| {
                families.map(|family| TypedWildcard::Prefix { family, topology })
            });
            all.collect()
        };
        let mut old = Capabilities {
            multi_topology: topologies(1),
            targeted_applications: Some(vec![1, 2, 12]),
            ..Capabilities::default()
        };
        let element = |application| StateAdvertisement {
            application,
            disable: true,
        };
        let new = Capabilities {
            typed_wildcard: true,
            unrecognized_notification: true,
            multi_topology: topologies(1000),
            state_advertisement: vec![element(1), element(2)],
            targeted_applications: Some(vec![4, 5, 13]),
            ..Capabilities::default()
        };
        let lsr = LdpIdentifier::platform(Ipv4Addr::new(192, 0, 2, 1));
        let mut messages = 0;
        while let Some(message) = difference(&old, &new) {
            messages += 1;
            apply(&mut old, &message);
            let mut pdu = PduBuilder::new(lsr, 256);
            let body = Body::Capability(Box::new(message));
            assert_eq!(pdu.push(u32::MAX, &body), Ok(()));
        }
        assert_eq!(old, new);
        assert_eq!(messages, 2 * MOST_KEPT / MOST_IN_A_MESSAGE);
    }
}
