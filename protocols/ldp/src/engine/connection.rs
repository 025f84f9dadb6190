//! TCP connections: how they are made, and how they end.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::config::Families;
use super::event::{EventKind, Severity, Subject};
use super::io::{Accepted, ConnectionId, ConnectionSecurity, Output, Refusal};
use super::state::{Connection, Timer, Transport};
use super::{Ldp, SEND_WINDOW};
use crate::LdpIdentifier;
use crate::packet::{Body, Capabilities, Notification, PduStream, Status, StatusCode};
use crate::session::{Outgoing, Role, SessionState};

/// A session that lasted so long is none that fails all the time.
const LASTING: Duration = Duration::from_secs(60);

/// Connections that are opened in a second, at most.
const CONNECTS: u32 = 200;

/// In which way a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An Initialization message was NAKed: the next attempt has the delay of RFC 5036 section 2.5.3.
    Nak,
    /// The targeted applications have nothing in common (RFC 8223 section 2.2).
    ApplicationMismatch,
    /// Something went wrong with the session.
    Failed,
    /// The peer is gone, without a word: it may be restarting (RFC 3478 section 3.3).
    Lost,
    /// One of the two wanted it.
    Deliberate,
}

/// The end of a connection.
#[derive(Debug)]
pub(super) struct End {
    outcome: Outcome,
    reason: String,
    notification: Option<Notification>,
}

impl End {
    pub(super) fn new(outcome: Outcome, reason: String) -> Self {
        Self {
            outcome,
            reason,
            notification: None,
        }
    }

    /// The peer is told.
    pub(super) fn with_status(self, code: StatusCode) -> Self {
        self.with_notification(Notification::from(Status::new(code)))
    }

    /// The peer is told.
    pub(super) fn with_notification(mut self, notification: Notification) -> Self {
        self.notification = Some(notification);
        self
    }
}

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

    /// Ends a connection with a Notification of this status.
    pub(super) fn end_with_status(
        &mut self,
        id: ConnectionId,
        status: StatusCode,
        reason: String,
        now: Instant,
    ) {
        // Only a session of which no adjacency is left may be one that restarts.
        let outcome = if status == StatusCode::HOLD_TIMER_EXPIRED {
            Outcome::Lost
        } else {
            Outcome::Failed
        };
        self.end(id, End::new(outcome, reason).with_status(status), now);
    }

    /// Ends a connection, and the session on it.
    pub(super) fn end(&mut self, id: ConnectionId, end: End, now: Instant) {
        let Some(mut connection) = self.connections.remove(&id) else {
            return;
        };
        let End {
            outcome,
            reason,
            notification,
        } = end;
        let identifier = connection.neighbour;
        self.timers.cancel(Timer::Establishment(id));
        if connection.state != SessionState::NonExistent {
            self.send_last(id, &mut connection, notification, now);
        }
        self.outputs.push_back(Output::Close { id });
        let Some(neighbour) = self.neighbours.get_mut(&identifier) else {
            self.totals.add(&connection.statistics);
            return;
        };
        neighbour.statistics.add(&connection.statistics);
        if neighbour.connection != Some(id) {
            // Another one took its place.
            return;
        }
        neighbour.connection = None;
        neighbour.reason = Some(reason.clone());
        self.timers.cancel(Timer::KeepAliveSend(identifier));
        self.timers.cancel(Timer::KeepAliveReceive(identifier));
        self.log_state(identifier, connection.state, SessionState::NonExistent, now);
        let was_operational = connection.state == SessionState::Operational;
        if was_operational {
            self.session_down(identifier, &connection, outcome, &reason, now);
        } else {
            self.log_limited(
                Subject::Neighbour(identifier),
                Severity::Warning,
                EventKind::Connection,
                &reason,
                now,
            );
        }
        let delay = self.delay_after(identifier, &connection, outcome, now);
        self.timers.set(Timer::Attempt(identifier), now + delay);
        self.evaluate_after_end(identifier, now);
    }

    /// After a connection ended: what the neighbour's next one is, or that it is not needed any more.
    fn evaluate_after_end(&mut self, identifier: LdpIdentifier, now: Instant) {
        let reason = self
            .neighbours
            .get(&identifier)
            .and_then(|neighbour| neighbour.reason.clone());
        self.evaluate(identifier, now);
        // Why the last attempt failed says more than that another one follows.
        if let Some(neighbour) = self.neighbours.get_mut(&identifier)
            && neighbour.connection.is_none()
            && neighbour.transport.is_some()
        {
            neighbour.reason = reason;
        }
    }

    fn delay_after(
        &mut self,
        identifier: LdpIdentifier,
        connection: &Connection,
        outcome: Outcome,
        now: Instant,
    ) -> Duration {
        let session = &self.config.session;
        let (initial, maximum) = (
            session.initial_backoff.duration(),
            session.maximum_backoff.duration(),
        );
        let Some(neighbour) = self.neighbours.get_mut(&identifier) else {
            return Duration::ZERO;
        };
        if connection
            .operational_since
            .is_some_and(|since| now.saturating_duration_since(since) >= LASTING)
        {
            neighbour.backoff.reset();
        }
        match outcome {
            Outcome::Nak => neighbour.backoff.nak(initial, maximum),
            // The session setup retry interval is 0xFFFF seconds (RFC 8223 section 2.2).
            Outcome::ApplicationMismatch => Duration::from_secs(0xffff),
            Outcome::Failed | Outcome::Lost | Outcome::Deliberate => neighbour.backoff.failure(),
        }
    }

    /// Sends the last Notification of a connection, past what waits for a peer that does not read.
    fn send_last(
        &mut self,
        id: ConnectionId,
        connection: &mut Connection,
        notification: Option<Notification>,
        now: Instant,
    ) {
        let identifier = connection.neighbour;
        let status = notification
            .as_ref()
            .map(|notification| notification.status);
        let body = notification.map(Body::Notification);
        let message_id = self.next_message_id();
        let octets = connection.outgoing.take_last(message_id, body.as_ref());
        let sent = &mut connection.statistics.sent;
        if let Some(body) = &body {
            sent.count(body);
        }
        sent.pdus += connection.outgoing.take_pdus();
        sent.octets += octets.len() as u64;
        if !octets.is_empty() {
            self.outputs.push_back(Output::Send { id, octets });
        }
        if let Some(status) = status {
            self.log_neighbour(
                identifier,
                Severity::Info,
                EventKind::NotificationSent,
                format!("sent Notification: {status}"),
                now,
            );
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
