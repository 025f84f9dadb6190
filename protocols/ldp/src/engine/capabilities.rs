//! Capabilities that change during a session (RFC 5561 section 7), and what they mean for labels.

use std::time::Instant;

use super::end::{End, Outcome};
use super::event::{EventKind, Severity, Subject};
use super::io::ConnectionId;
use super::state::Connection;
use super::{Family, Ldp, SessionState};
use crate::MultiTopologyId;
use crate::packet::{
    AddressFamily, Body, Capabilities, CapabilityMessage, FecElement, Notification, Status,
    StatusCode, TypedWildcard, message_type,
};
use crate::session::capability;

/// How much of a Capability message is logged.
const MOST_CHARACTERS: usize = 300;

impl Ldp {
    /// A Capability message (RFC 5561 section 7).
    pub(super) fn receive_capability(
        &mut self,
        id: ConnectionId,
        message_id: u32,
        message: &CapabilityMessage,
        now: Instant,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let identifier = connection.neighbour;
        let announced = connection
            .local_initialization
            .as_ref()
            .is_some_and(|local| local.capabilities.dynamic_announcement);
        if !announced {
            // The peer MUST NOT send it: to this LSR it is a message of an unknown type.
            let status = Status::about(
                StatusCode::UNKNOWN_MESSAGE_TYPE,
                message_id,
                message_type::CAPABILITY,
            );
            self.count_error(id, StatusCode::UNKNOWN_MESSAGE_TYPE);
            self.notify(id, Notification::from(status), now);
            return;
        }
        capability::apply(&mut connection.peer_capabilities, message);
        let mut text = format!("capabilities changed{message}");
        if let Some((end, _)) = text.char_indices().nth(MOST_CHARACTERS) {
            text.truncate(end);
            text.push_str(" ...");
        }
        let subject = Subject::Neighbour(identifier);
        self.log_limited(subject, Severity::Info, EventKind::Capabilities, &text, now);
        self.parameters_changed(id, now);
        let ours = self.applications_for(identifier);
        self.end_without_application(id, ours.as_deref(), now);
    }

    /// Whether a message binds or asks for labels of a topology that this LSR did not announce (RFC 7307
    /// section 5.1). Labels of such a topology may still be withdrawn and released: it may have been
    /// announced before.
    pub(super) fn has_invalid_topology(&self, id: ConnectionId, body: &Body) -> bool {
        let fec = match body {
            Body::LabelMapping(mapping) => &mapping.fec,
            Body::LabelRequest(request) => &request.fec,
            _ => return false,
        };
        let Some(connection) = self.connections.get(&id) else {
            return false;
        };
        let announced = announced_topologies(connection);
        fec.iter().any(|element| match element {
            FecElement::Prefix(fec) if fec.topology == MultiTopologyId::DEFAULT => false,
            // "Wildcard Topology" is no topology of a prefix.
            FecElement::Prefix(fec) => {
                let (family, topology) = (family_of(&fec.prefix), fec.topology);
                !announced.contains(&TypedWildcard::Prefix { family, topology })
            }
            FecElement::TypedWildcard(TypedWildcard::Prefix {
                topology: MultiTopologyId::DEFAULT,
                ..
            }) => false,
            // All topologies: those that both LSRs announced, if there are any.
            FecElement::TypedWildcard(wildcard) => !announced.iter().any(|of| wildcard.covers(of)),
            FecElement::Wildcard | FecElement::Ignored { .. } | FecElement::Unknown { .. } => false,
        })
    }

    /// Ends a targeted session whose LSRs have no application in common any more (RFC 8223 section 2.3.2).
    /// `ours`: what this LSR has. Gives whether it ended.
    fn end_without_application(
        &mut self,
        id: ConnectionId,
        ours: Option<&[u16]>,
        now: Instant,
    ) -> bool {
        let theirs = self
            .connections
            .get(&id)
            .and_then(|connection| connection.peer_capabilities.targeted_applications.as_ref());
        let (Some(ours), Some(theirs)) = (ours, theirs) else {
            return false;
        };
        if ours.iter().any(|application| theirs.contains(application)) {
            return false;
        }
        self.end(
            id,
            End::new(
                Outcome::ApplicationMismatch,
                "the two LSRs have no targeted application in common any more".to_owned(),
            )
            .with_status(StatusCode::SESSION_REJECTED_TARGETED_APPLICATION),
            now,
        );
        true
    }

    /// Whether changes of capabilities can be told to the peer of a connection (RFC 5561 section 9).
    pub(super) fn is_dynamic(&self, id: ConnectionId) -> bool {
        self.connections
            .get(&id)
            .is_some_and(|connection| connection.peer_capabilities.dynamic_announcement)
    }

    /// Tells a peer which of this LSR's capabilities changed, if it can be told (RFC 5561 section 7), in as many messages
    /// as it takes.
    pub(super) fn announce_capabilities(&mut self, id: ConnectionId, now: Instant) {
        while self.announce_next(id, now) {}
    }

    /// Tells a peer of a part of what changed. Whether there may be more.
    fn announce_next(&mut self, id: ConnectionId, now: Instant) -> bool {
        let Some(connection) = self.connections.get(&id) else {
            return false;
        };
        if connection.state != SessionState::Operational
            || !connection.peer_capabilities.dynamic_announcement
        {
            return false;
        }
        let new = self.capabilities_for(connection.neighbour);
        let announced_applications = connection
            .local_initialization
            .as_ref()
            .is_some_and(|local| local.capabilities.targeted_applications.is_some());
        if announced_applications
            && self.end_without_application(id, new.targeted_applications.as_deref(), now)
        {
            return false;
        }
        let Some(connection) = self.connections.get_mut(&id) else {
            return false;
        };
        let neighbour = connection.neighbour;
        let Some(local) = connection.local_initialization.as_mut() else {
            return false;
        };
        let Some(message) = capability::difference(&local.capabilities, &new) else {
            return false;
        };
        // More topologies than there may be are not told: each message has to bring the end nearer.
        let mut told = local.capabilities.clone();
        capability::apply(&mut told, &message);
        if told == local.capabilities {
            return false;
        }
        local.capabilities = told;
        // RFC 7307 section 3.5.2: labels of a topology that is given up are withdrawn; "Then, it clears the S-bit".
        let gives_up = !message.withdrawn.multi_topology.is_empty();
        if gives_up {
            self.parameters_changed(id, now);
        }
        // Behind the labels that are withdrawn, and in the order of the changes.
        let body = Body::Capability(Box::new(message));
        if let Some(body) = self.labels.send_after_all(neighbour, body) {
            self.send(id, &body, now);
        }
        if !gives_up {
            self.parameters_changed(id, now);
        }
        true
    }
}

impl Connection {
    /// The applications that a targeted session is for; `None`: they were not negotiated (RFC 8223 section
    /// 2.2).
    pub(super) fn negotiated_applications(&self) -> Option<Vec<u16>> {
        let ours = self
            .local_initialization
            .as_ref()?
            .capabilities
            .targeted_applications
            .as_ref()?;
        let theirs = self.peer_capabilities.targeted_applications.as_ref()?;
        Some(
            ours.iter()
                .copied()
                .filter(|application| theirs.contains(application))
                .collect(),
        )
    }
}

/// Whether labels of a family's prefixes are distributed for the applications of a session (RFC 8223 section
/// 3). Session Protection has those of the session that it protects. What the RFC has no FECs for, such as
/// private applications, is not held back.
pub(super) fn have_prefixes(applications: Option<&[u16]>, family: Family) -> bool {
    /// mLDP Tunneling, the pseudowires, ICCP, P2MP pseudowires and mLDP Node Protection.
    const WITHOUT_PREFIXES: [u16; 6] = [3, 6, 7, 9, 10, 11];
    /// Tunneling, Remote LFA and Intra-area FECs.
    const IPV4: [u16; 3] = [1, 4, 12];
    /// The same.
    const IPV6: [u16; 3] = [2, 5, 13];
    let others = match family {
        Family::Ipv4 => IPV6,
        Family::Ipv6 => IPV4,
    };
    applications.is_none_or(|applications| {
        applications.iter().any(|application| {
            !WITHOUT_PREFIXES.contains(application) && !others.contains(application)
        })
    })
}

/// What the peer is capable of, with the topologies that both LSRs announced: others are not negotiated (RFC 7307 section
/// 3.5).
///
/// Section 3.5.1 has "Wildcard Topology" as the MT-ID of the capability, and section 3.5.2 "the exact Typed Wildcard FEC
/// element with [...] corresponding MT-ID". This LSR announces the exact ones. A peer that announces Wildcard Topology
/// takes labels of all.
pub(super) fn common_topologies(connection: &Connection) -> Capabilities {
    let theirs = &connection.peer_capabilities;
    let is_common = |of: &&TypedWildcard| theirs.multi_topology.iter().any(|all| all.covers(of));
    let ours = announced_topologies(connection).iter();
    Capabilities {
        multi_topology: ours.filter(is_common).cloned().collect(),
        ..theirs.clone()
    }
}

fn announced_topologies(connection: &Connection) -> &[TypedWildcard] {
    connection
        .local_initialization
        .as_ref()
        .map_or(&[], |local| &local.capabilities.multi_topology)
}

fn family_of(prefix: &ipnet::IpNet) -> AddressFamily {
    match prefix {
        ipnet::IpNet::V4(_) => AddressFamily::Ipv4,
        ipnet::IpNet::V6(_) => AddressFamily::Ipv6,
    }
}
