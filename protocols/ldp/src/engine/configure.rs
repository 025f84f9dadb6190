//! Changes of the configuration: only what changes is disturbed.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::Ldp;
use super::config::{AcceptTargeted, LdpConfig};
use super::end::{End, Outcome};
use super::event::{EventKind, Severity, Subject};
use super::io::ConnectionId;
use super::state::Timer;
use crate::LdpIdentifier;
use crate::discovery::{AdjacencyKey, Scope};
use crate::label::Policy;
use crate::packet::StatusCode;

/// The policy of label distribution that a configuration means.
pub(super) fn label_policy(config: &LdpConfig) -> Policy {
    let mut policy = config.labels.clone();
    policy.lsr_id = config.lsr_id.get();
    if let Some(restart) = config.graceful_restart {
        policy.max_recovery_time = restart.maximum_recovery_time.duration();
    }
    policy
}

impl Ldp {
    pub(super) fn apply_config(&mut self, new: LdpConfig, now: Instant) {
        if new == self.config {
            return;
        }
        let old = std::mem::replace(&mut self.config, new);
        // Peers that were rejected are told that it may be worth another attempt (RFC 5036 section
        // 3.5.2.1).
        self.configuration_sequence = self.configuration_sequence.wrapping_add(1);
        self.log(
            Subject::Lsr,
            Severity::Info,
            EventKind::Configuration,
            "configured anew".to_owned(),
            now,
        );
        if old.lsr_id != self.config.lsr_id {
            self.change_identifier(now);
        }
        self.configure_interfaces(&old);
        self.configure_targeted(&old, now);
        self.hold_adjacencies(now);
        self.configure_peers(&old, now);
        self.refresh_all(now);
        // The families of sessions before the addresses, so that peers are told of those that are given up.
        for id in self.operational_connections() {
            self.refresh_families(id, now);
        }
        self.refresh_addresses(now);
        self.refresh_listen_keys();
        self.configure_sessions(&old, now);
        // Of what a session does not have any more nothing is asked for.
        let (before, after) = (label_policy(&old), label_policy(&self.config));
        if before != after {
            self.labels.set_policy(after, now);
        }
        self.hello_everywhere(now);
    }

    /// With another LSR Id this is another LSR.
    fn change_identifier(&mut self, now: Instant) {
        let connections: Vec<ConnectionId> = self.connections.keys().copied().collect();
        self.end_all(connections, "this LSR has another LSR Id now", now);
        self.identifier = LdpIdentifier::platform(self.config.lsr_id.get());
        self.duplicate_lsr_id = None;
    }

    fn end_all(&mut self, mut connections: Vec<ConnectionId>, reason: &str, now: Instant) {
        connections.sort_unstable();
        for id in connections {
            self.end(
                id,
                End::new(Outcome::Deliberate, reason.to_owned()).with_status(StatusCode::SHUTDOWN),
                now,
            );
        }
    }

    fn configure_interfaces(&mut self, old: &LdpConfig) {
        let names: BTreeSet<Arc<str>> = old
            .interfaces
            .keys()
            .chain(self.config.interfaces.keys())
            .cloned()
            .collect();
        for name in names {
            let before = old.interfaces.get(&name);
            let after = self.config.interfaces.get(&name).cloned();
            if before == after.as_ref() {
                continue;
            }
            let number = self.interface_number(&name);
            let authentication = |config: Option<&super::InterfaceConfig>| {
                config.and_then(|config| config.hello_authentication.clone())
            };
            if authentication(before).is_some() && authentication(after.as_ref()).is_none() {
                // What was learnt of authentication on the interface is forgotten (RFC 7349 section 7).
                self.cryptographic_seen
                    .retain(|key, _| key.scope != Scope::Link(number));
            }
            if let Some(interface) = self.interface_mut(number) {
                interface.config = after;
            }
        }
    }

    fn configure_targeted(&mut self, old: &LdpConfig, now: Instant) {
        let addresses: BTreeSet<IpAddr> = old
            .targeted_peers
            .keys()
            .chain(self.config.targeted_peers.keys())
            .copied()
            .collect();
        for address in addresses {
            let after = self.config.targeted_peers.get(&address).cloned();
            if old.targeted_peers.get(&address) == after.as_ref() {
                continue;
            }
            self.targeted_entry(address).configured = after;
            self.applications_changed(address, now);
        }
        if old.requested_targeted != self.config.requested_targeted {
            for targeted in self.targeted.values_mut() {
                targeted.put_together(&self.config.requested_targeted);
            }
        }
        if old.accept_targeted != self.config.accept_targeted {
            let accept = self.config.accept_targeted.clone();
            for (address, targeted) in &mut self.targeted {
                targeted.answered = match (&accept, targeted.answered.take()) {
                    (AcceptTargeted::From { prefixes, answer }, Some(_))
                        if prefixes.iter().any(|prefix| prefix.contains(address)) =>
                    {
                        Some(answer.clone())
                    }
                    _ => None,
                };
            }
        }
    }

    /// The applications of a targeted peer may be others now: that ends the delay of a session that was
    /// rejected for them (RFC 8223 section 2.2).
    pub(super) fn applications_changed(&mut self, address: IpAddr, now: Instant) {
        let key = AdjacencyKey {
            scope: Scope::Targeted,
            source: address,
        };
        let Some(identifier) = self.adjacencies.get(&key).map(|found| found.neighbour) else {
            return;
        };
        let Some(neighbour) = self.neighbours.get(&identifier) else {
            return;
        };
        match neighbour.connection {
            Some(id) => self.announce_capabilities(id, now),
            None => {
                self.timers.cancel(Timer::Attempt(identifier));
                self.evaluate(identifier, now);
            }
        }
    }

    /// Keys and GTSM of a peer are those of its connection: it needs another one.
    fn configure_peers(&mut self, old: &LdpConfig, now: Instant) {
        let changed: Vec<ConnectionId> = self
            .neighbours
            .iter()
            .filter(|(identifier, _)| {
                let security = |config: &LdpConfig| {
                    config
                        .peers
                        .get(&identifier.lsr_id)
                        .map(|peer| (peer.key.clone(), peer.ttl_security))
                        .unwrap_or_default()
                };
                security(old) != security(&self.config)
            })
            .filter_map(|(_, neighbour)| neighbour.connection)
            .collect();
        self.refresh_listen_keys();
        self.end_all(changed, "the protection of its connection changed", now);
        let without_key: Vec<AdjacencyKey> = self
            .adjacencies
            .iter()
            .filter(|(_, adjacency)| self.config.lacks_key(adjacency.neighbour.lsr_id))
            .map(|(key, _)| *key)
            .collect();
        let connections = without_key
            .iter()
            .filter_map(|key| self.adjacencies.get(key))
            .filter_map(|adjacency| self.neighbours.get(&adjacency.neighbour)?.connection)
            .collect::<BTreeSet<_>>();
        let reason = "there is no key for its connection, and keys are required";
        self.end_all(connections.into_iter().collect(), reason, now);
        self.remove_adjacencies(|key| without_key.contains(key), reason, now);
    }

    /// What was proposed before may be acceptable now.
    fn configure_sessions(&mut self, old: &LdpConfig, now: Instant) {
        let proposals_changed = old.session != self.config.session
            || old.peers != self.config.peers
            || old.labels.loop_detection != self.config.labels.loop_detection
            || old.capabilities != self.config.capabilities;
        if !proposals_changed {
            return;
        }
        // What cannot be told to a peer takes another session (RFC 7307 section 3.5).
        let topologies_changed = old.capabilities.topologies != self.config.capabilities.topologies;
        let identifiers: Vec<LdpIdentifier> = self.neighbours.keys().copied().collect();
        for identifier in identifiers {
            let Some(neighbour) = self.neighbours.get_mut(&identifier) else {
                continue;
            };
            let Some(id) = neighbour.connection else {
                neighbour.backoff.reset();
                self.timers.cancel(Timer::Attempt(identifier));
                self.evaluate(identifier, now);
                continue;
            };
            if topologies_changed && !self.is_dynamic(id) {
                self.end_all(vec![id], "the topologies of this LSR changed", now);
            } else {
                self.announce_capabilities(id, now);
            }
        }
    }

    /// Tells all peers the new Configuration Sequence Number.
    fn hello_everywhere(&mut self, now: Instant) {
        for number in 0..self.interfaces.len() {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            for family in [super::Family::Ipv6, super::Family::Ipv4] {
                self.send_link_hello(number, family, now);
            }
        }
        let addresses: Vec<IpAddr> = self.targeted.keys().copied().collect();
        for address in addresses {
            self.send_targeted_hello(address, now);
        }
    }

    /// All of it ends.
    pub(super) fn end_everything(&mut self, now: Instant) {
        let connections: Vec<ConnectionId> = self.connections.keys().copied().collect();
        self.end_all(connections, "this LSR shuts down", now);
        self.config.interfaces.clear();
        for interface in &mut self.interfaces {
            interface.config = None;
        }
        self.config.targeted_peers.clear();
        self.targeted.clear();
        self.refresh_all(now);
        self.remove_adjacencies(|_| true, "this LSR shuts down", now);
    }
}
