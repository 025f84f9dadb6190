//! How connections end, and the sessions on them.

use std::time::{Duration, Instant};

use super::Ldp;
use super::event::{EventKind, Severity, Subject};
use super::io::{ConnectionId, Output};
use super::state::{Connection, Timer};
use crate::LdpIdentifier;
use crate::packet::{Body, Notification, Status, StatusCode};
use crate::session::SessionState;

/// A session that lasted so long is none that fails all the time.
const LASTING: Duration = Duration::from_secs(60);

/// The same failure of attempts at a session is a warning again after this time.
const WARN_AGAIN: Duration = Duration::from_secs(600);

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
            let severity = self.severity_of_failure(identifier, &reason, now);
            self.log_limited(
                Subject::Neighbour(identifier),
                severity,
                EventKind::Connection,
                &reason,
                now,
            );
        }
        let delay = self.delay_after(identifier, &connection, outcome, now);
        self.timers.set(Timer::Attempt(identifier), now + delay);
        self.evaluate_after_end(identifier, now);
    }

    /// A failure of each attempt is a warning now and then, and in between of use for debugging only.
    fn severity_of_failure(
        &mut self,
        identifier: LdpIdentifier,
        reason: &str,
        now: Instant,
    ) -> Severity {
        let Some(neighbour) = self.neighbours.get_mut(&identifier) else {
            return Severity::Warning;
        };
        if let Some((warned, at)) = &neighbour.warned
            && warned == reason
            && now.saturating_duration_since(*at) < WARN_AGAIN
        {
            return Severity::Debug;
        }
        neighbour.warned = Some((reason.to_owned(), now));
        Severity::Warning
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
        let body = notification.map(|of| Body::Notification(Box::new(of)));
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
}
