//! What an operator sees.

use std::time::{Duration, Instant};

use super::hello_out::hold_time;
use super::operational::fault_tolerance;
use super::state::{Connection, Neighbour, Timer};
use super::view::{
    AdjacencyView, InterfaceFamilyView, InterfaceView, LsrView, NeighbourView, ParametersView,
    RestartView, Statistics, TargetedOrigin, TargetedPeerView,
};
use super::{Event, Family, Ldp, SessionKey, SessionState};
use crate::LdpIdentifier;
use crate::discovery::{AdjacencyKey, Scope, negotiated_hold_time};
use crate::label::{LabelDistribution, PeerView};
use crate::packet::AdvertisementDiscipline;
use crate::session::capability;

fn until(at: Option<Instant>, now: Instant) -> Option<f64> {
    at.map(|at| at.saturating_duration_since(now).as_secs_f64())
}

fn since(at: Instant, now: Instant) -> f64 {
    now.saturating_duration_since(at).as_secs_f64()
}

impl Ldp {
    /// The LSR as a whole.
    pub fn lsr(&self, now: Instant) -> LsrView {
        LsrView {
            identifier: self.identifier,
            configuration_sequence: self.configuration_sequence,
            ipv4_transport: self.router_transport(Family::Ipv4),
            ipv6_transport: self.router_transport(Family::Ipv6),
            restarting_for: until(self.restarting_until, now),
            adjacencies: self.adjacencies.len(),
            operational_sessions: self.operational_connections().len(),
            statistics: self.statistics(),
            hellos_discarded: self.discards,
            duplicate_lsr_id: self.duplicate_lsr_id(now),
        }
    }

    /// What was sent and received in all.
    pub fn statistics(&self) -> Statistics {
        let mut statistics = self.totals;
        for neighbour in self.neighbours.values() {
            statistics.add(&neighbour.statistics);
        }
        for connection in self.connections.values() {
            statistics.add(&connection.statistics);
        }
        statistics
    }

    /// How many times sessions went down, with neighbours that are still known.
    pub fn sessions_lost(&self) -> u64 {
        self.neighbours.values().map(|of| of.sessions_lost).sum()
    }

    /// The configured interfaces, by name.
    pub fn interfaces(&self, now: Instant) -> Vec<InterfaceView> {
        let mut interfaces: Vec<InterfaceView> = self
            .interfaces
            .iter()
            .enumerate()
            .filter_map(|(number, interface)| {
                let number = u32::try_from(number).ok()?;
                let config = interface.config.as_ref()?;
                let enabled = [
                    (Family::Ipv4, config.families.ipv4),
                    (Family::Ipv6, config.families.ipv6),
                ];
                Some(InterfaceView {
                    name: interface.name.clone(),
                    families: enabled
                        .into_iter()
                        .filter(|(_, enabled)| *enabled)
                        .filter_map(|(family, _)| self.interface_family(number, family, now))
                        .collect(),
                    igp_sync: interface.igp_sync,
                })
            })
            .collect();
        interfaces.sort_by(|one, other| one.name.cmp(&other.name));
        interfaces
    }

    fn interface_family(
        &self,
        number: u32,
        family: Family,
        now: Instant,
    ) -> Option<InterfaceFamilyView> {
        let interface = self.interface(number)?;
        let config = interface.config.as_ref()?;
        let state = interface.family(family);
        Some(InterfaceFamilyView {
            family,
            active: state.source.is_some(),
            reason: self.interface_reason(number, family, now),
            source: state.source,
            transport: state.transport,
            hello_hold_time: hold_time(config.hello_hold_time.get()),
            hello_interval: self.link_hello_interval(number, family).as_secs_f64(),
            next_hello_in: until(self.timers.due(Timer::LinkHello(number, family)), now),
            adjacencies: state.adjacencies.len(),
            hellos_sent: state.sent,
            hellos_received: state.received,
            hellos_discarded: state.discarded,
        })
    }

    /// Why an interface has no session, in words.
    fn interface_reason(&self, number: u32, family: Family, now: Instant) -> Option<String> {
        let interface = self.interface(number)?;
        let state = interface.family(family);
        if let Some(inactive) = state.inactive {
            return Some(inactive.to_owned());
        }
        if state.adjacencies.is_empty() {
            return Some(
                state
                    .last_discard
                    .clone()
                    .unwrap_or_else(|| "no Hello was received".to_owned()),
            );
        }
        let mut reason = None;
        for source in &state.adjacencies {
            let key = AdjacencyKey {
                scope: Scope::Link(number),
                source: *source,
            };
            let identifier = self.adjacencies.get(&key)?.neighbour;
            match self.reason_of(identifier, now) {
                None => return None,
                Some(why) => reason = Some(format!("{identifier}: {why}")),
            }
        }
        reason
    }

    /// Why a neighbour's session is not operational, in words.
    fn reason_of(&self, identifier: LdpIdentifier, now: Instant) -> Option<String> {
        let neighbour = self.neighbours.get(&identifier)?;
        if self.state_of(neighbour) == SessionState::Operational {
            return None;
        }
        let reason = neighbour
            .reason
            .clone()
            .unwrap_or_else(|| "the session is being set up".to_owned());
        Some(match self.hint_of_refused(identifier, neighbour, now) {
            Some(hint) => format!("{reason} ({hint})"),
            None => reason,
        })
    }

    fn connection(&self, neighbour: &Neighbour) -> Option<&Connection> {
        self.connections.get(&neighbour.connection?)
    }

    fn state_of(&self, neighbour: &Neighbour) -> SessionState {
        self.connection(neighbour)
            .map_or(SessionState::NonExistent, |connection| connection.state)
    }

    /// The peers of Extended Discovery, by address.
    pub fn targeted_peers(&self, now: Instant) -> Vec<TargetedPeerView> {
        self.targeted
            .iter()
            .filter_map(|(address, targeted)| {
                let config = targeted.config()?;
                let key = AdjacencyKey {
                    scope: Scope::Targeted,
                    source: *address,
                };
                let neighbour = self.adjacencies.get(&key).map(|found| found.neighbour);
                let reason = match (targeted.source, neighbour) {
                    (None, _) => Some(format!(
                        "this LSR has no {} transport address",
                        Family::of(*address)
                    )),
                    (Some(_), None) => Some(
                        targeted
                            .last_discard
                            .clone()
                            .unwrap_or_else(|| "no Hello was received".to_owned()),
                    ),
                    (Some(_), Some(identifier)) => self.reason_of(identifier, now),
                };
                Some(TargetedPeerView {
                    address: *address,
                    origin: if targeted.configured.is_some() {
                        TargetedOrigin::Configured
                    } else if targeted.requested.is_some() {
                        TargetedOrigin::Application
                    } else {
                        TargetedOrigin::Answered
                    },
                    requesters: targeted.requesters.keys().cloned().collect(),
                    neighbour,
                    reason,
                    source: targeted.source,
                    hello_hold_time: hold_time(config.hello_hold_time.get()),
                    hello_interval: self.targeted_hello_interval(*address).as_secs_f64(),
                    applications: targeted.applications(),
                    hellos_sent: targeted.sent,
                    hellos_received: targeted.received,
                })
            })
            .collect()
    }

    /// All Hello adjacencies.
    pub fn adjacencies(&self, now: Instant) -> Vec<AdjacencyView> {
        let mut keys: Vec<AdjacencyKey> = self.adjacencies.keys().copied().collect();
        keys.sort_unstable();
        keys.into_iter()
            .filter_map(|key| self.adjacency_view(key, now))
            .collect()
    }

    fn adjacency_view(&self, key: AdjacencyKey, now: Instant) -> Option<AdjacencyView> {
        let adjacency = self.adjacencies.get(&key)?;
        let proposed = self.proposed_hold_time(key);
        let targeted = key.scope == Scope::Targeted;
        Some(AdjacencyView {
            neighbour: adjacency.neighbour,
            interface: key
                .interface()
                .and_then(|number| self.interface(number))
                .map(|interface| interface.name.clone()),
            family: key.family(),
            source: key.source,
            transport: adjacency.transport,
            hold_time: negotiated_hold_time(proposed, adjacency.peer_hold_time, targeted)
                .map(u32::from),
            proposed_hold_time: proposed,
            peer_hold_time: adjacency.peer_hold_time,
            expires_in: until(self.timers.due(Timer::Adjacency(key)), now),
            up_for: since(adjacency.since, now),
            hellos_received: adjacency.hellos,
            gtsm: adjacency.gtsm,
            dual_stack: adjacency.preference(),
            configuration_sequence: adjacency.configuration_sequence,
            authenticated: adjacency.authenticated,
        })
    }

    /// All neighbours.
    pub fn neighbours(&self, now: Instant) -> Vec<NeighbourView> {
        self.neighbours
            .iter()
            .map(|(identifier, neighbour)| self.neighbour_view(*identifier, neighbour, now))
            .collect()
    }

    fn neighbour_view(
        &self,
        identifier: LdpIdentifier,
        neighbour: &Neighbour,
        now: Instant,
    ) -> NeighbourView {
        let connection = self.connection(neighbour);
        let state = self.state_of(neighbour);
        let labels = self.labels.peer(identifier);
        let transport = neighbour.transport.as_ref();
        let mut statistics = neighbour.statistics;
        if let Some(connection) = connection {
            statistics.add(&connection.statistics);
        }
        NeighbourView {
            identifier,
            state,
            reason: self.reason_of(identifier, now),
            role: connection
                .map(|connection| connection.role)
                .or(transport.map(|transport| transport.role)),
            local: connection
                .map(|connection| connection.local)
                .or(transport.map(|transport| transport.local)),
            remote: connection
                .map(|connection| connection.remote)
                .or(transport.map(|transport| transport.remote)),
            up_for: connection
                .and_then(|connection| connection.operational_since)
                .map(|at| since(at, now)),
            parameters: connection
                .filter(|_| state == SessionState::Operational)
                .and_then(|connection| {
                    self.parameters_view(identifier, connection, labels.as_ref(), now)
                }),
            next_attempt_in: until(self.timers.due(Timer::Attempt(identifier)), now),
            naks: neighbour.backoff.naks(),
            sessions_lost: neighbour.sessions_lost,
            last_down: neighbour.last_down.clone(),
            gtsm: connection.map_or_else(
                || self.gtsm_for(identifier),
                |connection| connection.security.gtsm,
            ),
            authentication: self
                .config
                .peers
                .get(&identifier.lsr_id)
                .and_then(|peer| peer.key.as_ref())
                .map(|key| match key {
                    SessionKey::Md5(_) => "md5",
                    SessionKey::TcpAo { .. } => "tcp-ao",
                }),
            graceful_restart: self.restart_view(identifier, labels.as_ref(), now),
            queued: connection.map_or(0, |connection| connection.outgoing.queued()),
            adjacencies: neighbour
                .adjacencies
                .iter()
                .filter_map(|key| self.adjacency_view(*key, now))
                .collect(),
            addresses: labels.map(|labels| labels.addresses).unwrap_or_default(),
            statistics,
        }
    }

    fn restart_view(
        &self,
        identifier: LdpIdentifier,
        labels: Option<&PeerView>,
        now: Instant,
    ) -> Option<RestartView> {
        if let Some(remaining) = until(self.timers.due(Timer::Restart(identifier)), now) {
            return Some(RestartView::Reconnecting { remaining });
        }
        let remaining = until(labels.filter(|labels| labels.up)?.stale_until, now)?;
        Some(RestartView::Recovering { remaining })
    }

    fn parameters_view(
        &self,
        identifier: LdpIdentifier,
        connection: &Connection,
        labels: Option<&PeerView>,
        now: Instant,
    ) -> Option<ParametersView> {
        let parameters = connection.parameters.as_ref()?;
        let local = connection.local_initialization.as_ref()?;
        let peer = connection.peer_initialization.as_ref()?;
        let restart = fault_tolerance(connection);
        let milliseconds = |time: u32| Duration::from_millis(u64::from(time)).as_secs_f64();
        Some(ParametersView {
            keepalive_time: parameters.keepalive_time,
            proposed_keepalive_time: local.keepalive_time,
            peer_keepalive_time: peer.keepalive_time,
            expires_in: until(self.timers.due(Timer::KeepAliveReceive(identifier)), now)?,
            next_keepalive_in: until(
                Some(connection.last_sent + parameters.keepalive_interval()),
                now,
            )?,
            max_pdu_length: parameters.max_pdu_length,
            advertisement: match parameters.advertisement {
                AdvertisementDiscipline::DownstreamUnsolicited => "downstream-unsolicited",
                AdvertisementDiscipline::DownstreamOnDemand => "downstream-on-demand",
            },
            loop_detection: local.loop_detection,
            peer_loop_detection: peer.loop_detection,
            peer_path_vector_limit: peer.path_vector_limit,
            peer_reconnect_timeout: restart.map(|restart| milliseconds(restart.reconnect_timeout)),
            peer_recovery_time: restart.map(|restart| milliseconds(restart.recovery_time)),
            local_capabilities: capability::in_words(&local.capabilities),
            peer_capabilities: capability::in_words(&connection.peer_capabilities),
            end_of_lib_received: labels
                .map(|labels| {
                    labels
                        .end_of_lib
                        .iter()
                        .map(|family| Family::from(*family))
                        .collect()
                })
                .unwrap_or_default(),
            end_of_lib_sent: connection.end_of_lib_sent.to_vec(),
        })
    }

    /// Label distribution, for its bindings and counters.
    pub fn labels(&self) -> &LabelDistribution {
        &self.labels
    }

    /// The last events of a neighbour, the oldest first; empty if there is no such neighbour.
    pub fn events(&self, neighbour: LdpIdentifier) -> Vec<Event> {
        self.neighbours
            .get(&neighbour)
            .map(|neighbour| neighbour.events.iter().cloned().collect())
            .unwrap_or_default()
    }
}
