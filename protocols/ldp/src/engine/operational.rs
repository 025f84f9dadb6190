//! Operational sessions: what label distribution is told of them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::capabilities::{common_topologies, have_prefixes};
use super::config::Families;
use super::end::Outcome;
use super::event::{EventKind, Severity};
use super::io::ConnectionId;
use super::state::{Connection, Timer};
use super::{Family, Ldp, SessionState};
use crate::LdpIdentifier;
use crate::discovery::AdjacencyKey;
use crate::label::PeerParameters;
use crate::packet::{Body, FaultTolerance};
use crate::session::LEARN_FROM_NETWORK;

impl Ldp {
    /// A session became operational.
    pub(super) fn session_up(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let identifier = connection.neighbour;
        if let Some(neighbour) = self.neighbours.get_mut(&identifier) {
            neighbour.warned = None;
        }
        let families = self.families_for(identifier, Family::of(connection.remote));
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let Some(parameters) = connection.parameters.clone() else {
            return;
        };
        connection.families = families;
        connection.operational_since = Some(now);
        connection
            .outgoing
            .set_max_pdu_length(parameters.max_pdu_length);
        let path_vector_limits = connection
            .local_initialization
            .as_ref()
            .zip(connection.peer_initialization.as_ref())
            .filter(|(local, peer)| {
                local.loop_detection
                    && peer.loop_detection
                    && local.path_vector_limit != peer.path_vector_limit
            })
            .map(|(local, peer)| (local.path_vector_limit, peer.path_vector_limit));
        self.timers.cancel(Timer::Establishment(id));
        self.timers.cancel(Timer::Restart(identifier));
        if let Some(neighbour) = self.neighbours.get_mut(&identifier) {
            neighbour.reason = None;
            neighbour.backoff.accepted();
        }
        self.log_neighbour(
            identifier,
            Severity::Info,
            EventKind::SessionUp,
            "session is operational".to_owned(),
            now,
        );
        if let Some((local, peer)) = path_vector_limits {
            // RFC 5036 section 3.5.3: an operator is alerted to a possible misconfiguration.
            self.log_neighbour(
                identifier,
                Severity::Warning,
                EventKind::Configuration,
                format!("the path vector limits differ: {local} here, {peer} of the peer"),
                now,
            );
        }
        // Addresses before labels (RFC 5036 section 3.5.5.1).
        let addresses: Vec<IpAddr> = self.announced.iter().copied().collect();
        self.send_addresses(id, &addresses, Body::Address, now);
        if let Some(parameters) = self.peer_parameters(id) {
            self.labels.peer_up(identifier, parameters, now);
        }
        let adjacencies = self
            .neighbours
            .get(&identifier)
            .map(|neighbour| neighbour.adjacencies.clone())
            .unwrap_or_default();
        for key in adjacencies {
            self.tell_adjacency(identifier, key, true, now);
        }
        self.refresh_igp_sync_of(identifier, now);
    }

    /// Label distribution is told of the adjacencies of peers that are up (RFC 7552 section 8).
    pub(super) fn tell_adjacency(
        &mut self,
        identifier: LdpIdentifier,
        key: AdjacencyKey,
        up: bool,
        now: Instant,
    ) {
        if let Some(name) = key
            .interface()
            .and_then(|number| self.interface(number))
            .map(|interface| Arc::clone(&interface.name))
        {
            let up = up && self.is_of_session(identifier, key);
            self.labels
                .adjacency_changed(identifier, &name, key.source, up, now);
        }
    }

    /// Whether an adjacency is with the LSR at the other end of the session: then its Hellos have the transport
    /// address that the session goes to, and in the other family that of the oldest adjacency (RFC 5036 section
    /// 2.5.2). If not, another LSR has the same LDP Identifier, or a Hello is forged or damaged: what is sent to its
    /// source must not have labels of the session.
    fn is_of_session(&self, identifier: LdpIdentifier, key: AdjacencyKey) -> bool {
        let Some(neighbour) = self.neighbours.get(&identifier) else {
            return false;
        };
        let connection = neighbour
            .connection
            .and_then(|id| self.connections.get(&id));
        let (Some(adjacency), Some(connection)) = (self.adjacencies.get(&key), connection) else {
            return false;
        };
        let family = key.family();
        if Family::of(connection.remote) == family {
            return adjacency.transport == connection.remote;
        }
        let mut of_family = neighbour
            .adjacencies
            .iter()
            .filter(|of| of.family() == family);
        let oldest = of_family
            .next()
            .and_then(|oldest| self.adjacencies.get(oldest));
        oldest.is_some_and(|oldest| oldest.transport == adjacency.transport)
    }

    /// An adjacency of a neighbour came or went: what its session is told of may have changed.
    pub(super) fn adjacencies_changed(
        &mut self,
        identifier: LdpIdentifier,
        key: AdjacencyKey,
        up: bool,
        now: Instant,
    ) {
        let Some(id) = self
            .neighbours
            .get(&identifier)
            .and_then(|neighbour| neighbour.connection)
        else {
            return;
        };
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        if connection.state == SessionState::Operational {
            self.tell_adjacency(identifier, key, up, now);
            // The oldest one may be another one now.
            let others = self.neighbours.get(&identifier).into_iter();
            let others = others.flat_map(|neighbour| neighbour.adjacencies.iter().copied());
            let others: Vec<AdjacencyKey> = others
                .filter(|other| *other != key && other.family() == key.family())
                .collect();
            for other in others {
                self.tell_adjacency(identifier, other, true, now);
            }
            self.refresh_families(id, now);
            // The applications of a session that has a link are not told (RFC 8223 section 2.2).
            self.announce_capabilities(id, now);
        }
    }

    /// Brings a session in line with the families that its two LSRs have in common now (RFC 7552 section
    /// 7). Labels of a family that it gains are asked for by label distribution (section 7.2).
    pub(super) fn refresh_families(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let identifier = connection.neighbour;
        let before = connection.families;
        let after = self.families_for(identifier, Family::of(connection.remote));
        let has = |families: Families, address: &IpAddr| match Family::of(*address) {
            Family::Ipv4 => families.ipv4,
            Family::Ipv6 => families.ipv6,
        };
        let of = |is_meant: fn(bool, bool) -> bool| -> Vec<IpAddr> {
            self.announced
                .iter()
                .copied()
                .filter(|address| is_meant(has(before, address), has(after, address)))
                .collect()
        };
        let removed = of(|before, after| before && !after);
        let added = of(|before, after| !before && after);
        // A peer that is dual-stack itself still holds the addresses of a family that this LSR gave up.
        if self.is_dual_stack(identifier) {
            self.send_addresses(id, &removed, Body::AddressWithdraw, now);
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.families = after;
        }
        self.parameters_changed(id, now);
        // The peer did not get them before (RFC 7552 section 7.1).
        self.send_addresses(id, &added, Body::Address, now);
    }

    /// A session that was operational ended.
    pub(super) fn session_down(
        &mut self,
        identifier: LdpIdentifier,
        connection: &Connection,
        outcome: Outcome,
        reason: &str,
        now: Instant,
    ) {
        let hold = match outcome {
            Outcome::Lost => self.restart_hold(connection),
            _ => None,
        };
        if let Some(restart) = self.config.graceful_restart {
            let lost = LostSession {
                at: now,
                reconnect_timeout: restart.reconnect_timeout.duration(),
                peer_restart: peer_restart(connection),
            };
            self.lost_sessions.retain(|_, lost| !lost.is_over(now));
            self.lost_sessions.insert(identifier, lost);
        }
        if let Some(neighbour) = self.neighbours.get_mut(&identifier) {
            neighbour.sessions_lost += 1;
            neighbour.last_down = Some(reason.to_owned());
        }
        self.log_neighbour(
            identifier,
            Severity::Warning,
            EventKind::SessionDown,
            format!("session is down: {reason}"),
            now,
        );
        if let Some(hold) = hold {
            self.timers.set(Timer::Restart(identifier), now + hold);
            self.log_neighbour(
                identifier,
                Severity::Info,
                EventKind::GracefulRestart,
                format!(
                    "its label bindings are kept for {} s, until it is back",
                    hold.as_secs()
                ),
                now,
            );
        }
        self.labels.peer_down(identifier, hold, now);
        self.refresh_igp_sync_of(identifier, now);
    }

    /// For how long the bindings of a lost session are kept (RFC 3478 section 3.3): the lesser of the peer's
    /// FT Reconnect Timeout and the Neighbor Liveness Timer.
    fn restart_hold(&self, connection: &Connection) -> Option<Duration> {
        let restart = self.config.graceful_restart?;
        let peer = fault_tolerance(connection)?;
        let reconnect = Duration::from_millis(u64::from(peer.reconnect_timeout));
        (!reconnect.is_zero()).then(|| reconnect.min(restart.neighbour_liveness_time.duration()))
    }

    /// For how long packets may come with a label that was released: the largest sum of FT Reconnect
    /// Timeout and Recovery Time that a neighbour announced (RFC 3478 section 3.3), and of the KeepAlive
    /// Time, in which it notices that the session is lost. 0 to [`MOST_PEER_RESTART`].
    pub fn longest_restart(&self, now: Instant) -> Duration {
        let lost = self.lost_sessions.values();
        let lost = lost.filter(|lost| !lost.is_over(now));
        let lost = lost.map(|lost| lost.peer_restart);
        let up = self.connections.values().map(peer_restart);
        up.chain(lost).max().unwrap_or_default()
    }

    /// What label distribution has to know of a session.
    pub(super) fn peer_parameters(&self, id: ConnectionId) -> Option<PeerParameters> {
        let connection = self.connections.get(&id)?;
        let parameters = connection.parameters.as_ref()?;
        let peer = connection.peer_initialization.as_ref()?;
        let recovery_time = self
            .config
            .graceful_restart
            .and_then(|_| fault_tolerance(connection))
            .map(|peer| Duration::from_millis(u64::from(peer.recovery_time)))
            .filter(|time| !time.is_zero());
        // Those of a session that has a link do not count, even if it cannot be told.
        let targeted_only = self.is_targeted_only(connection.neighbour);
        let applications = connection
            .negotiated_applications()
            .filter(|_| targeted_only);
        Some(PeerParameters {
            advertisement: parameters.advertisement,
            loop_detection: peer.loop_detection,
            capabilities: common_topologies(connection),
            ipv4: connection.families.ipv4 && have_prefixes(applications.as_deref(), Family::Ipv4),
            ipv6: connection.families.ipv6 && have_prefixes(applications.as_deref(), Family::Ipv6),
            targeted_only,
            recovery_time,
            signal_mtu: self.config.session.signal_mtu,
        })
    }

    /// A peer in restart did not come back (RFC 3478 section 3.3).
    pub(super) fn restart_timed_out(&mut self, identifier: LdpIdentifier, now: Instant) {
        self.log_neighbour(
            identifier,
            Severity::Warning,
            EventKind::GracefulRestart,
            "it did not come back in time: its label bindings are deleted".to_owned(),
            now,
        );
        self.forget_neighbour(identifier);
    }

    /// Label distribution is told what changed of a session.
    pub(super) fn parameters_changed(&mut self, id: ConnectionId, now: Instant) {
        let operational = self
            .connections
            .get(&id)
            .filter(|connection| connection.state == SessionState::Operational)
            .map(|connection| connection.neighbour);
        if let Some(identifier) = operational
            && let Some(parameters) = self.peer_parameters(id)
        {
            self.labels
                .peer_parameters_changed(identifier, parameters, now);
        }
    }
}

/// The FT Session TLV of a peer that restarts gracefully (the L flag; RFC 3478 section 2).
/// A peer cannot keep labels out of use for longer than this.
pub const MOST_PEER_RESTART: Duration = Duration::from_secs(600);

/// For how long the peer of a connection that is lost may use its labels, as it says.
fn peer_restart(connection: &Connection) -> Duration {
    let Some(peer) = fault_tolerance(connection).filter(|peer| peer.reconnect_timeout > 0) else {
        return Duration::ZERO;
    };
    let restart = u64::from(peer.reconnect_timeout) + u64::from(peer.recovery_time);
    let keepalive = connection
        .parameters
        .as_ref()
        .map_or(Duration::ZERO, |parameters| parameters.hold());
    (Duration::from_millis(restart) + keepalive).min(MOST_PEER_RESTART)
}

/// A session that was lost, of a peer that may still hold this LSR's labels.
#[derive(Debug, Clone, Copy)]
pub(super) struct LostSession {
    at: Instant,
    /// This LSR's, as it was announced.
    reconnect_timeout: Duration,
    /// What the peer announced.
    peer_restart: Duration,
}

impl LostSession {
    /// Whether the peer still waits for this LSR.
    pub(super) fn is_waited_for(&self, now: Instant) -> bool {
        now < self.at + self.reconnect_timeout
    }

    fn is_over(&self, now: Instant) -> bool {
        !self.is_waited_for(now) && now >= self.at + self.peer_restart
    }
}

pub(super) fn fault_tolerance(connection: &Connection) -> Option<FaultTolerance> {
    connection
        .peer_initialization
        .as_ref()?
        .fault_tolerance
        .filter(|parameters| parameters.flags & LEARN_FROM_NETWORK != 0)
}
