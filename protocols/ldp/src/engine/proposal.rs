//! What this LSR proposes and announces to a peer (RFC 5036 section 3.5.3, RFC 5561).

use std::time::{Duration, Instant};

use super::Ldp;
use super::state::Targeted;
use crate::LdpIdentifier;
use crate::discovery::Scope;
use crate::packet::{
    AddressFamily, Capabilities, FaultTolerance, Initialization, PROTOCOL_VERSION,
    StateAdvertisement, TypedWildcard,
};
use crate::session::LEARN_FROM_NETWORK;

impl Ldp {
    /// What this LSR proposes to a peer.
    pub(super) fn initialization_for(
        &self,
        identifier: LdpIdentifier,
        now: Instant,
    ) -> Initialization {
        let session = &self.config.session;
        let loops = self.config.labels.loop_detection;
        let keepalive = self
            .config
            .peers
            .get(&identifier.lsr_id)
            .and_then(|peer| peer.keepalive_time)
            .unwrap_or(session.keepalive_time);
        Initialization {
            protocol_version: PROTOCOL_VERSION,
            keepalive_time: u16::try_from(keepalive.get()).unwrap_or(u16::MAX),
            advertisement: session.advertisement,
            loop_detection: loops.enabled,
            path_vector_limit: if loops.enabled {
                loops.max_path_vector
            } else {
                0
            },
            max_pdu_length: u16::try_from(session.max_pdu_length.get()).unwrap_or(u16::MAX),
            receiver: identifier,
            fault_tolerance: self.fault_tolerance(identifier, now),
            capabilities: self.capabilities_for(identifier),
        }
    }

    /// The FT Session TLV (RFC 3478 section 2). The Recovery Time is what is left of the MPLS Forwarding
    /// State Holding timer after a restart. To a peer whose session was lost without one it says that
    /// this LSR holds its state as before: by 0 the peer would delete at once what it kept.
    fn fault_tolerance(&self, peer: LdpIdentifier, now: Instant) -> Option<FaultTolerance> {
        let restart = self.config.graceful_restart?;
        let milliseconds = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let lost = self.lost_sessions.get(&peer);
        let resumed = lost.is_some_and(|lost| lost.is_waited_for(now));
        let recovery = match self.restarting_until {
            Some(until) => until.saturating_duration_since(now),
            None if resumed => restart.forwarding_state_holding_time.duration(),
            None => Duration::ZERO,
        };
        Some(FaultTolerance {
            flags: LEARN_FROM_NETWORK,
            reconnect_timeout: milliseconds(restart.reconnect_timeout.duration()),
            recovery_time: milliseconds(recovery),
        })
    }

    /// What this LSR announces to a peer.
    pub(super) fn capabilities_for(&self, identifier: LdpIdentifier) -> Capabilities {
        let config = &self.config.capabilities;
        let disabled = self
            .config
            .peers
            .get(&identifier.lsr_id)
            .and_then(|peer| peer.disabled_families)
            .unwrap_or_default();
        let state_advertisement = [(1, disabled.ipv4), (2, disabled.ipv6)]
            .into_iter()
            .filter(|(_, disable)| *disable)
            .map(|(application, disable)| StateAdvertisement {
                application,
                disable,
            })
            .collect();
        let multi_topology = config
            .topologies
            .iter()
            .flat_map(|topology| {
                [AddressFamily::Ipv4, AddressFamily::Ipv6].map(|family| TypedWildcard::Prefix {
                    family,
                    topology: *topology,
                })
            })
            .collect();
        Capabilities {
            dynamic_announcement: config.dynamic_announcement,
            typed_wildcard: config.typed_wildcard,
            unrecognized_notification: config.unrecognized_notification,
            multi_topology,
            state_advertisement,
            targeted_applications: self.applications_for(identifier),
            unknown: Vec::new(),
        }
    }

    /// The applications of a targeted session (RFC 8223 section 2.2); `None`: the capability is not sent,
    /// as of a session that has a link.
    pub(super) fn applications_for(&self, identifier: LdpIdentifier) -> Option<Vec<u16>> {
        let neighbour = self.neighbours.get(&identifier)?;
        if !self.is_targeted_only(identifier) {
            return None;
        }
        let mut applications: Vec<u16> = neighbour
            .adjacencies
            .iter()
            .filter_map(|key| self.targeted.get(&key.source))
            .flat_map(Targeted::applications)
            .collect();
        applications.sort_unstable();
        applications.dedup();
        (!applications.is_empty()).then_some(applications)
    }

    /// Whether a neighbour has targeted adjacencies only.
    pub(super) fn is_targeted_only(&self, identifier: LdpIdentifier) -> bool {
        self.neighbours.get(&identifier).is_some_and(|neighbour| {
            neighbour
                .adjacencies
                .iter()
                .all(|key| key.scope == Scope::Targeted)
        })
    }
}
