//! TCP connections: how they are made, and how they end.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::config::Families;
use super::end::{End, Outcome};
use super::event::{EventKind, Severity, Subject};
use super::io::{Accepted, ConnectionId, ConnectionSecurity, Output, Refusal};
use super::state::{Connection, Timer, Transport};
use super::{Ldp, SEND_WINDOW};
use crate::LdpIdentifier;
use crate::packet::{Body, Capabilities, PduStream, StatusCode};
use crate::session::{Outgoing, Role, SessionState};

/// Connections that are opened in a second, at most.
const CONNECTS: u32 = 200;

impl Ldp {
    fn new_connection(
        &mut self,
        identifier: LdpIdentifier,
        role: Role,
        local: IpAddr,
        remote: IpAddr,
        security: ConnectionSecurity,
        now: Instant,
    ) -> ConnectionId {
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.connections.insert(
            id,
            Connection {
                state: SessionState::NonExistent,
                role,
                local,
                remote,
                neighbour: identifier,
                security,
                stream: PduStream::new(),
                outgoing: Outgoing::new(self.identifier, SEND_WINDOW),
                paused: false,
                listed: false,
                last_sent: now,
                last_written: now,
                local_initialization: None,
                peer_initialization: None,
                parameters: None,
                peer_capabilities: Capabilities::default(),
                families: Families::IPV4,
                operational_since: None,
                statistics: super::Statistics::default(),
                end_of_lib_sent: smallvec::SmallVec::new(),
            },
        );
        if let Some(neighbour) = self.neighbours.get_mut(&identifier) {
            neighbour.connection = Some(id);
        }
        self.timers.set(
            Timer::Establishment(id),
            now + self.config.limits.establishment_time,
        );
        id
    }

    fn security_for(&self, identifier: LdpIdentifier) -> ConnectionSecurity {
        ConnectionSecurity {
            gtsm: self.gtsm_for(identifier),
            key: self
                .config
                .peers
                .get(&identifier.lsr_id)
                .and_then(|peer| peer.key.clone()),
        }
    }

    /// Opens the connection with a neighbour, in the active role.
    pub(super) fn connect(&mut self, identifier: LdpIdentifier, now: Instant) {
        let Some(Transport {
            local,
            remote,
            interface,
            ..
        }) = self
            .neighbours
            .get(&identifier)
            .and_then(|neighbour| neighbour.transport.clone())
        else {
            return;
        };
        if self.connections.len() >= self.config.limits.sessions {
            if let Some(neighbour) = self.neighbours.get_mut(&identifier) {
                neighbour.reason = Some(format!(
                    "there are {} sessions already, which is the limit",
                    self.config.limits.sessions
                ));
            }
            self.timers
                .set(Timer::Attempt(identifier), now + Duration::from_secs(15));
            return;
        }
        // Hellos that strangers forge are not to make this LSR open connections to everywhere.
        if self
            .connects
            .admit(Duration::from_secs(1), CONNECTS, now)
            .is_none()
        {
            self.timers
                .set(Timer::Attempt(identifier), now + Duration::from_secs(1));
            return;
        }
        let security = self.security_for(identifier);
        let id = self.new_connection(
            identifier,
            Role::Active,
            local,
            remote,
            security.clone(),
            now,
        );
        self.log_limited(
            Subject::Neighbour(identifier),
            Severity::Debug,
            EventKind::Connection,
            &format!("connecting from {local} to {remote}"),
            now,
        );
        self.outputs.push_back(Output::Connect {
            id,
            local,
            remote,
            interface,
            security,
        });
    }

    /// A connection came to the listening socket.
    pub(super) fn accept_connection(
        &mut self,
        local: IpAddr,
        remote: IpAddr,
        now: Instant,
    ) -> Result<Accepted, Refusal> {
        let result = self.try_accept(local, remote, now);
        if let Err(refusal) = &result {
            let subject = self.subject_of(remote);
            self.log_limited(
                subject,
                Severity::Warning,
                EventKind::Connection,
                &format!("a connection from {remote} to {local} was refused: {refusal}"),
                now,
            );
        }
        result
    }

    fn try_accept(
        &mut self,
        local: IpAddr,
        remote: IpAddr,
        now: Instant,
    ) -> Result<Accepted, Refusal> {
        let mut refusal = Refusal::UnknownAddress(remote);
        let mut found = None;
        for (identifier, neighbour) in &self.neighbours {
            let Some(transport) = &neighbour.transport else {
                continue;
            };
            if transport.remote != remote {
                continue;
            }
            if transport.role == Role::Active {
                refusal = Refusal::ActiveRole(remote);
            } else if transport.local != local {
                refusal = Refusal::NotTransportAddress(local);
            } else {
                found = Some((*identifier, neighbour.connection));
                break;
            }
        }
        let Some((identifier, existing)) = found else {
            return Err(refusal);
        };
        if let Some(existing) = existing {
            let operational = self
                .connections
                .get(&existing)
                .is_some_and(|connection| connection.state == SessionState::Operational);
            if operational {
                // RFC 7552 section 6.1, rule 7. If the peer lost its end of the session, its system says
                // so as soon as something is sent to it.
                self.send(existing, &Body::KeepAlive, now);
                return Err(Refusal::SessionExists(remote));
            }
            // The peer gave up the connection of before, or it would not open another one.
            self.end(
                existing,
                End::new(
                    Outcome::Deliberate,
                    "the peer opened another connection".to_owned(),
                ),
                now,
            );
        }
        let pending = self
            .connections
            .values()
            .filter(|connection| {
                connection.role == Role::Passive && connection.state != SessionState::Operational
            })
            .count();
        let limits = &self.config.limits;
        if pending >= limits.pending_connections {
            return Err(Refusal::TooMany(pending));
        }
        if self.connections.len() >= limits.sessions {
            return Err(Refusal::TooMany(self.connections.len()));
        }
        let security = self.security_for(identifier);
        let id = self.new_connection(
            identifier,
            Role::Passive,
            local,
            remote,
            security.clone(),
            now,
        );
        self.log_neighbour(
            identifier,
            Severity::Debug,
            EventKind::Connection,
            format!("the peer connected from {remote} to {local}"),
            now,
        );
        self.connection_established(id, now);
        Ok(Accepted { id, security })
    }

    /// A connection could not be made.
    pub(super) fn connect_failed(&mut self, id: ConnectionId, reason: &str, now: Instant) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let reason = unreachable_in_words(connection, reason);
        self.end(id, End::new(Outcome::Failed, reason), now);
    }

    /// A connection is gone.
    pub(super) fn connection_closed(&mut self, id: ConnectionId, reason: &str, now: Instant) {
        let reason = format!("the connection was closed: {reason}");
        self.end(id, End::new(Outcome::Lost, reason), now);
    }

    /// A connection has had its time to become a session.
    pub(super) fn establishment_timed_out(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        match connection.state {
            SessionState::Operational => {}
            SessionState::NonExistent => {
                let reason = unreachable_in_words(connection, "no answer");
                self.end(id, End::new(Outcome::Failed, reason), now);
            }
            state => {
                let reason = format!("the session stayed {state} for too long: the peer is silent");
                self.end(
                    id,
                    End::new(Outcome::Failed, reason).with_status(StatusCode::SHUTDOWN),
                    now,
                );
            }
        }
    }

    /// Tells the keys that connections to the listening socket have to have.
    pub(super) fn refresh_listen_keys(&mut self) {
        if self.config.peers.is_empty() && self.listen_keys.is_empty() {
            return;
        }
        let mut keys: Vec<super::ListenKey> = Vec::new();
        for (identifier, neighbour) in &self.neighbours {
            let Some(key) = self
                .config
                .peers
                .get(&identifier.lsr_id)
                .and_then(|peer| peer.key.as_ref())
            else {
                continue;
            };
            for adjacency in &neighbour.adjacencies {
                if let Some(adjacency) = self.adjacencies.get(adjacency)
                    && !keys.iter().any(|known| known.remote == adjacency.transport)
                {
                    keys.push(super::ListenKey {
                        remote: adjacency.transport,
                        key: key.clone(),
                    });
                }
            }
        }
        if keys != self.listen_keys {
            self.listen_keys.clone_from(&keys);
            self.outputs.push_back(Output::ListenKeys(keys));
        }
    }
}

fn unreachable_in_words(connection: &Connection, reason: &str) -> String {
    let hint = match connection.security.key {
        // TCP drops segments of another key in silence.
        Some(_) => " (the connection is authenticated: the peer may have another key)",
        None => "",
    };
    format!(
        "the transport address {} cannot be reached: {reason}{hint}",
        connection.remote
    )
}
