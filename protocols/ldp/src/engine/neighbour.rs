//! Neighbours: which connection their session has, and who opens it (RFC 5036 section 2.5.2, RFC 7552
//! section 6.1).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::config::Families;
use super::end::{End, Outcome};
use super::event::{EventKind, Severity};
use super::state::{Timer, Transport};
use super::{Family, Ldp};
use crate::LdpIdentifier;
use crate::discovery::{AdjacencyKey, Scope};
use crate::packet::StatusCode;
use crate::session::Role;

/// Why a neighbour can have no session at the moment.
struct NoTransport {
    reason: String,
    /// The status for a session that it has, if it may not keep it.
    status: Option<StatusCode>,
}

impl NoTransport {
    fn wait(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            status: None,
        }
    }
}

impl Ldp {
    /// Sees to a neighbour's session after something changed that it depends on: adjacencies, addresses,
    /// delays.
    pub(super) fn evaluate(&mut self, identifier: LdpIdentifier, now: Instant) {
        let Some(neighbour) = self.neighbours.get(&identifier) else {
            return;
        };
        if neighbour.adjacencies.is_empty() {
            self.without_adjacency(identifier, now);
            return;
        }
        let choice = self.choose_transport(identifier);
        if let Some(connection) = neighbour.connection {
            let end = match &choice {
                Err(NoTransport {
                    reason,
                    status: Some(status),
                }) => Some((*status, reason.clone())),
                // The last adjacency of the family of the connection went down (RFC 7552 section 6.2), or
                // the transport address changed.
                _ => (!self.connection_has_adjacency(identifier, connection)).then(|| {
                    (
                        StatusCode::HOLD_TIMER_EXPIRED,
                        "no Hello adjacency has the addresses of the connection any more"
                            .to_owned(),
                    )
                }),
            };
            let Some((status, reason)) = end else {
                return;
            };
            // What follows is tried after the connection has ended.
            self.end_with_status(connection, status, reason, now);
            return;
        }
        let Some(neighbour) = self.neighbours.get_mut(&identifier) else {
            return;
        };
        match choice {
            Err(no_transport) => {
                neighbour.transport = None;
                neighbour.reason = Some(no_transport.reason);
                self.timers.cancel(Timer::Attempt(identifier));
            }
            Ok(transport) => {
                let role = transport.role;
                let unchanged = neighbour.transport.as_ref() == Some(&transport);
                if !unchanged {
                    neighbour.reason = Some(match role {
                        Role::Active => format!("connecting to {}", transport.remote),
                        Role::Passive => format!(
                            "waiting for the peer to connect from {} to {}",
                            transport.remote, transport.local
                        ),
                    });
                }
                neighbour.transport = Some(transport);
                match role {
                    Role::Passive => self.timers.cancel(Timer::Attempt(identifier)),
                    Role::Active if self.timers.due(Timer::Attempt(identifier)).is_some() => {}
                    Role::Active => self.connect(identifier, now),
                }
            }
        }
    }

    /// The last Hello adjacency of a neighbour is gone: so is its session (RFC 5036 section 2.5.5).
    fn without_adjacency(&mut self, identifier: LdpIdentifier, now: Instant) {
        let Some(neighbour) = self.neighbours.get_mut(&identifier) else {
            return;
        };
        self.timers.cancel(Timer::Attempt(identifier));
        neighbour.transport = None;
        neighbour.reason = Some("there is no Hello adjacency any more".to_owned());
        if let Some(connection) = neighbour.connection {
            self.end(
                connection,
                End::new(Outcome::Lost, "the last Hello adjacency is gone".to_owned())
                    .with_status(StatusCode::HOLD_TIMER_EXPIRED),
                now,
            );
        }
        self.forget_neighbour(identifier);
    }

    /// Forgets a neighbour that has no adjacency, and of which no state is kept for its restart.
    pub(super) fn forget_neighbour(&mut self, identifier: LdpIdentifier) {
        let gone = self.neighbours.get(&identifier).is_some_and(|neighbour| {
            neighbour.adjacencies.is_empty() && neighbour.connection.is_none()
        }) && self.timers.due(Timer::Restart(identifier)).is_none();
        if gone && let Some(neighbour) = self.neighbours.remove(&identifier) {
            self.timers.cancel(Timer::Attempt(identifier));
            self.totals.add(&neighbour.statistics);
        }
    }

    /// Whether an adjacency stands behind the addresses of a connection.
    fn connection_has_adjacency(
        &self,
        identifier: LdpIdentifier,
        connection: super::ConnectionId,
    ) -> bool {
        let (Some(neighbour), Some(connection)) = (
            self.neighbours.get(&identifier),
            self.connections.get(&connection),
        ) else {
            return false;
        };
        neighbour.adjacencies.iter().any(|key| {
            self.adjacencies
                .get(key)
                .is_some_and(|adjacency| adjacency.transport == connection.remote)
                && self.local_transport(*key) == Some(connection.local)
        })
    }

    /// The transport address of this LSR in the Hellos of an adjacency.
    pub(super) fn local_transport(&self, key: AdjacencyKey) -> Option<IpAddr> {
        match key.scope {
            Scope::Link(number) => self.interface(number)?.family(key.family()).transport,
            Scope::Targeted => self.targeted.get(&key.source)?.source,
        }
    }

    /// Which connection a neighbour's session is to have (RFC 7552 section 6.1.1).
    fn choose_transport(&self, identifier: LdpIdentifier) -> Result<Transport, NoTransport> {
        let family = self.choose_family(identifier)?;
        let Some(neighbour) = self.neighbours.get(&identifier) else {
            return Err(NoTransport::wait("there is no Hello adjacency"));
        };
        let mut reason = None;
        for key in &neighbour.adjacencies {
            if key.family() != family {
                continue;
            }
            let Some(adjacency) = self.adjacencies.get(key) else {
                continue;
            };
            let Some(local) = self.local_transport(*key) else {
                continue;
            };
            let remote = adjacency.transport;
            let Some(role) = Role::of(local, remote) else {
                reason = Some(format!(
                    "the peer's transport address {remote} is this LSR's own"
                ));
                continue;
            };
            let link_local =
                matches!(remote, IpAddr::V6(address) if address.is_unicast_link_local());
            let interface = key
                .interface()
                .filter(|_| link_local)
                .and_then(|number| self.interface(number))
                .map(|interface| Arc::clone(&interface.name));
            return Ok(Transport {
                local,
                remote,
                role,
                interface,
            });
        }
        Err(NoTransport::wait(reason.unwrap_or_else(|| {
            format!("this LSR has no {family} transport address")
        })))
    }

    fn choose_family(&self, identifier: LdpIdentifier) -> Result<Family, NoTransport> {
        let keys = self
            .neighbours
            .get(&identifier)
            .map(|neighbour| neighbour.adjacencies.as_slice())
            .unwrap_or_default();
        let has = |family| keys.iter().any(|key| key.family() == family);
        let only = match (has(Family::Ipv4), has(Family::Ipv6)) {
            (true, false) => Some(Family::Ipv4),
            (false, true) => Some(Family::Ipv6),
            (true, true) => None,
            (false, false) => return Err(NoTransport::wait("there is no Hello adjacency")),
        };
        let Some(preference) = self.local_preference() else {
            // A single-stack LSR has adjacencies of one family.
            return Ok(only.unwrap_or(Family::Ipv6));
        };
        if !self.is_dual_stack(identifier) {
            return only.ok_or_else(|| NoTransport {
                reason:
                    "the peer sends Hellos of both families without the Dual-Stack capability: \
                         it is a noncompliant dual-stack LSR (RFC 7552 section 6.1.1)"
                        .to_owned(),
                status: Some(StatusCode::DUAL_STACK_NONCOMPLIANCE),
            });
        }
        match only {
            None => Ok(preference),
            Some(family) if family == preference => Ok(preference),
            // Both prefer a family of which there is no Hello. Where this LSR could have one, it is waited
            // for; where LDP of that family is not enabled between the two, there is no choice.
            Some(family) => {
                let possible = keys.iter().any(|key| match key.scope {
                    Scope::Link(number) => self
                        .interface(number)
                        .is_some_and(|interface| interface.family(preference).source.is_some()),
                    Scope::Targeted => false,
                });
                if possible {
                    Err(NoTransport::wait(format!(
                        "waiting for a Hello over {preference}, which both LSRs prefer"
                    )))
                } else {
                    Ok(family)
                }
            }
        }
    }

    /// Whether a neighbour announced the Dual-Stack capability.
    pub(super) fn is_dual_stack(&self, identifier: LdpIdentifier) -> bool {
        self.neighbours.get(&identifier).is_some_and(|neighbour| {
            neighbour.adjacencies.iter().any(|key| {
                self.adjacencies
                    .get(key)
                    .is_some_and(|adjacency| adjacency.dual_stack.is_some())
            })
        })
    }

    /// The families whose addresses and labels a neighbour gets (RFC 7552 section 7).
    pub(super) fn families_for(&self, identifier: LdpIdentifier, transport: Family) -> Families {
        let only = match transport {
            Family::Ipv4 => Families::IPV4,
            Family::Ipv6 => Families::IPV6,
        };
        if self.local_preference().is_some() && self.is_dual_stack(identifier) {
            Families::DUAL
        } else {
            only
        }
    }

    /// Whether GTSM is in force for a connection with a neighbour (RFC 6720 section 2.3).
    pub(super) fn gtsm_for(&self, identifier: LdpIdentifier) -> bool {
        let peer = self.config.peers.get(&identifier.lsr_id);
        match peer.map(|peer| peer.ttl_security).unwrap_or_default() {
            super::TtlSecurity::Always => true,
            super::TtlSecurity::Never => false,
            super::TtlSecurity::Negotiated => {
                self.neighbours.get(&identifier).is_some_and(|neighbour| {
                    neighbour.adjacencies.iter().any(|key| {
                        let sent = key
                            .interface()
                            .and_then(|number| self.interface(number))
                            .and_then(|interface| interface.config.as_ref())
                            .is_some_and(|config| config.gtsm);
                        sent && self
                            .adjacencies
                            .get(key)
                            .is_some_and(|adjacency| adjacency.gtsm)
                    })
                })
            }
        }
    }

    /// Ends sessions so that they come up anew.
    pub(super) fn clear(&mut self, meant: Option<LdpIdentifier>, now: Instant) {
        let identifiers: Vec<LdpIdentifier> = self
            .neighbours
            .keys()
            .copied()
            .filter(|identifier| meant.is_none_or(|meant| meant == *identifier))
            .collect();
        for identifier in identifiers {
            self.log_neighbour(
                identifier,
                Severity::Info,
                EventKind::Configuration,
                "cleared by the operator".to_owned(),
                now,
            );
            if let Some(neighbour) = self.neighbours.get_mut(&identifier) {
                neighbour.backoff.reset();
                if let Some(connection) = neighbour.connection {
                    self.end(
                        connection,
                        End::new(Outcome::Deliberate, "cleared by the operator".to_owned())
                            .with_status(StatusCode::SHUTDOWN),
                        now,
                    );
                }
            }
            self.timers.cancel(Timer::Attempt(identifier));
            self.evaluate(identifier, now);
        }
    }
}
