//! Session initialization (RFC 5036 sections 2.5.3 and 2.5.4).

use std::time::Instant;

use super::end::{End, Outcome};
use super::event::{EventKind, Severity};
use super::io::ConnectionId;
use super::state::Timer;
use super::{Ldp, Role, SessionState};
use crate::LdpIdentifier;
use crate::packet::{Body, Initialization, Notification, Status, StatusCode};
use crate::session::{SessionAction, SessionEvent, Unacceptable, negotiate};

impl Ldp {
    /// Takes the row of the state table for an event.
    fn transition(
        &mut self,
        id: ConnectionId,
        event: SessionEvent,
        now: Instant,
    ) -> Option<SessionAction> {
        let connection = self.connections.get_mut(&id)?;
        let old = connection.state;
        let (new, action) = old.transition(connection.role, event);
        // The state of a connection that ends is kept until it has ended: it tells what it was.
        if new != SessionState::NonExistent {
            connection.state = new;
            let identifier = connection.neighbour;
            self.log_state(identifier, old, new, now);
        }
        Some(action)
    }

    /// Session TCP connection established.
    pub(super) fn connection_established(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        if connection.state != SessionState::NonExistent {
            return;
        }
        let (role, identifier) = (connection.role, connection.neighbour);
        self.transition(id, SessionEvent::ConnectionEstablished, now);
        if role == Role::Active {
            self.send_initialization(id, now);
            if !self.connections.contains_key(&id) {
                // It could not be sent.
                return;
            }
            self.transition(id, SessionEvent::TransmitInitialization, now);
        }
        if let Some(neighbour) = self.neighbours.get_mut(&identifier) {
            neighbour.reason = Some(match role {
                Role::Active => "connected; waiting for the peer's Initialization".to_owned(),
                Role::Passive => "the peer connected; waiting for its Initialization".to_owned(),
            });
        }
    }

    fn send_initialization(&mut self, id: ConnectionId, now: Instant) {
        let Some(identifier) = self.connections.get(&id).map(|found| found.neighbour) else {
            return;
        };
        let initialization = self.initialization_for(identifier, now);
        let body = Body::Initialization(Box::new(initialization));
        self.send(id, &body, now);
        if let (Some(connection), Body::Initialization(initialization)) =
            (self.connections.get_mut(&id), body)
        {
            connection.local_initialization = Some(*initialization);
        }
    }

    /// Matches the LDP Identifier of the first PDU with a Hello adjacency (RFC 5036 section 2.5.3, 1a).
    /// Gives whether there is one.
    pub(super) fn identify(
        &mut self,
        id: ConnectionId,
        identifier: LdpIdentifier,
        now: Instant,
    ) -> bool {
        let Some(connection) = self.connections.get(&id) else {
            return false;
        };
        let guessed = connection.neighbour;
        if guessed == identifier {
            return true;
        }
        let remote = connection.remote;
        let matches = self.neighbours.get(&identifier).is_some_and(|neighbour| {
            neighbour.connection.is_none()
                && neighbour
                    .transport
                    .as_ref()
                    .is_some_and(|transport| transport.remote == remote)
        });
        if !matches {
            self.end(
                id,
                End::new(
                    Outcome::Nak,
                    format!("no Hello adjacency has the LDP Identifier {identifier} of the peer"),
                )
                .with_status(StatusCode::SESSION_REJECTED_NO_HELLO),
                now,
            );
            return false;
        }
        // Two LSRs of one transport address: the connection is the other one's.
        if let Some(neighbour) = self.neighbours.get_mut(&guessed) {
            neighbour.connection = None;
        }
        if let Some(neighbour) = self.neighbours.get_mut(&identifier) {
            neighbour.connection = Some(id);
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.neighbour = identifier;
        }
        self.evaluate(guessed, now);
        true
    }

    /// An Initialization message came before the session is operational.
    pub(super) fn receive_initialization(
        &mut self,
        id: ConnectionId,
        peer: &Initialization,
        now: Instant,
    ) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let identifier = connection.neighbour;
        let expected = matches!(
            (connection.state, connection.role),
            (SessionState::Initialized, Role::Passive) | (SessionState::OpenSent, _)
        );
        if !expected {
            self.unexpected_message(id, &Body::Initialization(Box::new(peer.clone())), now);
            return;
        }
        // Answered with what is proposed now, or was sent already.
        let local = connection
            .local_initialization
            .clone()
            .unwrap_or_else(|| self.initialization_for(identifier, now));
        if let Err((outcome, unacceptable)) = self.accept_initialization(id, &local, peer) {
            self.log_neighbour(
                identifier,
                Severity::Warning,
                EventKind::SessionState,
                format!(
                    "the peer's Initialization is not acceptable: {}",
                    unacceptable.reason
                ),
                now,
            );
            self.end(
                id,
                End::new(
                    outcome,
                    format!(
                        "this LSR rejected the session with {}: {}",
                        unacceptable.status, unacceptable.reason
                    ),
                )
                .with_status(unacceptable.status),
                now,
            );
            return;
        }
        match self.transition(id, SessionEvent::ReceiveAcceptableInitialization, now) {
            Some(SessionAction::TransmitInitializationAndKeepAlive) => {
                self.send_initialization(id, now);
                self.send(id, &Body::KeepAlive, now);
            }
            Some(SessionAction::TransmitKeepAlive) => self.send(id, &Body::KeepAlive, now),
            _ => {}
        }
        if !self.connections.contains_key(&id) {
            // It could not be sent.
            return;
        }
        if let Some(neighbour) = self.neighbours.get_mut(&identifier) {
            neighbour.reason = Some("waiting for the peer's KeepAlive".to_owned());
        }
        self.start_keepalive_timers(id, identifier, now);
    }

    fn accept_initialization(
        &mut self,
        id: ConnectionId,
        local: &Initialization,
        peer: &Initialization,
    ) -> Result<(), (Outcome, Unacceptable)> {
        if peer.receiver != self.identifier {
            return Err((
                Outcome::Nak,
                Unacceptable {
                    status: StatusCode::SESSION_REJECTED_NO_HELLO,
                    reason: format!(
                        "the peer means the LDP Identifier {}, which is not this LSR's",
                        peer.receiver
                    ),
                },
            ));
        }
        let insist = self.config.session.insist_on_advertisement;
        let parameters =
            negotiate(local, peer, insist).map_err(|unacceptable| (Outcome::Nak, unacceptable))?;
        if let (Some(ours), Some(theirs)) = (
            &local.capabilities.targeted_applications,
            &peer.capabilities.targeted_applications,
        ) && !ours.iter().any(|application| theirs.contains(application))
        {
            return Err((
                Outcome::ApplicationMismatch,
                Unacceptable {
                    status: StatusCode::SESSION_REJECTED_TARGETED_APPLICATION,
                    reason: "the two LSRs have no targeted application in common".to_owned(),
                },
            ));
        }
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.parameters = Some(parameters);
            connection.peer_capabilities = peer.capabilities.clone();
            connection.peer_initialization = Some(peer.clone());
        }
        Ok(())
    }

    fn start_keepalive_timers(
        &mut self,
        id: ConnectionId,
        identifier: LdpIdentifier,
        now: Instant,
    ) {
        if let Some(parameters) = self
            .connections
            .get(&id)
            .and_then(|connection| connection.parameters.as_ref())
        {
            self.timers.set(
                Timer::KeepAliveSend(identifier),
                now + parameters.keepalive_interval(),
            );
            self.timers
                .set(Timer::KeepAliveReceive(identifier), now + parameters.hold());
        }
    }

    /// A KeepAlive message came before the session is operational.
    pub(super) fn receive_first_keepalive(&mut self, id: ConnectionId, now: Instant) {
        match self.transition(id, SessionEvent::ReceiveKeepAlive, now) {
            Some(SessionAction::TransmitNakAndClose) => {
                self.end_unexpected(id, &Body::KeepAlive, now);
            }
            Some(_) => self.session_up(id, now),
            None => {}
        }
    }

    /// The peer rejected the session, or ends it before it is operational.
    pub(super) fn receive_nak(
        &mut self,
        id: ConnectionId,
        notification: &Notification,
        now: Instant,
    ) {
        let status = notification.status;
        let Some(identifier) = self.connections.get(&id).map(|found| found.neighbour) else {
            return;
        };
        self.log_neighbour(
            identifier,
            Severity::Warning,
            EventKind::NotificationReceived,
            format!("received Notification: {status}"),
            now,
        );
        let end = End::new(
            if status.code == StatusCode::SESSION_REJECTED_TARGETED_APPLICATION {
                Outcome::ApplicationMismatch
            } else {
                Outcome::Nak
            },
            format!("the peer rejected the session: {}", status.code),
        );
        // A Shutdown during initialization is answered by one (RFC 5036 section 3.5.1.1); on the other errors
        // the connection is closed (section 2.5.3).
        let end = match self.transition(id, SessionEvent::ReceiveShutdown, now) {
            Some(SessionAction::TransmitShutdownAndClose)
                if status.code == StatusCode::SHUTDOWN =>
            {
                end.with_status(StatusCode::SHUTDOWN)
            }
            _ => end,
        };
        self.end(id, end, now);
    }

    /// Any other message came before the session is operational.
    pub(super) fn unexpected_message(&mut self, id: ConnectionId, body: &Body, now: Instant) {
        if let Some(SessionAction::TransmitNakAndClose) =
            self.transition(id, SessionEvent::ReceiveOther, now)
        {
            self.end_unexpected(id, body, now);
        }
    }

    fn end_unexpected(&mut self, id: ConnectionId, body: &Body, now: Instant) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let reason = format!(
            "a {} came while the session was {}",
            body.name(),
            connection.state
        );
        let status = Status::about(StatusCode::SHUTDOWN, 0, body.message_type());
        self.end(
            id,
            End::new(Outcome::Nak, reason).with_notification(Notification::from(status)),
            now,
        );
    }
}
