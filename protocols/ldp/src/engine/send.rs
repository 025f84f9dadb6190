//! Messages to peers, and what is given out of them.

use std::time::Instant;

use super::end::{End, Outcome};
use super::event::{EventKind, Severity};
use super::io::{ConnectionId, Output};
use super::state::Timer;
use super::{Ldp, SessionState};
use crate::LdpIdentifier;
use crate::label::LabelDistribution;
use crate::packet::{Body, Notification, StatusCode};

/// With more than so many octets waiting, label distribution makes no more messages for a peer...
const PAUSE: usize = 256 << 10;
/// ...until it is less than this.
const RESUME: usize = 64 << 10;

impl Ldp {
    /// The Message ID of a message that is not a Label Request's.
    pub(super) fn next_message_id(&mut self) -> u32 {
        let id = self.next_message;
        self.next_message = match id + 1 {
            next if next >= LabelDistribution::FIRST_REQUEST_ID => 1,
            next => next,
        };
        id
    }

    /// Sends a message. The session may end by that, where the peer does not read, or must know what cannot be sent.
    pub(super) fn send(&mut self, id: ConnectionId, body: &Body, now: Instant) {
        let message_id = self.next_message_id();
        self.send_with_id(id, message_id, body, now);
    }

    /// Sends a message that has its Message ID already.
    pub(super) fn send_with_id(
        &mut self,
        id: ConnectionId,
        message_id: u32,
        body: &Body,
        now: Instant,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let identifier = connection.neighbour;
        if let Err(error) = connection.outgoing.push(message_id, body) {
            if matches!(body, Body::Initialization(_) | Body::Capability(_)) {
                // The two would not mean the same by the session.
                self.end(
                    id,
                    End::new(
                        Outcome::Failed,
                        format!("the peer cannot be told the capabilities of this LSR: {error}"),
                    )
                    .with_status(StatusCode::INTERNAL_ERROR),
                    now,
                );
                return;
            }
            self.log_limited(
                super::Subject::Neighbour(identifier),
                Severity::Warning,
                EventKind::Limit,
                &format!("a message was not sent: {error}"),
                now,
            );
            return;
        }
        if !connection.listed {
            connection.listed = true;
            self.unsent.push(id);
        }
        let queued = connection.outgoing.queued();
        let pause = !connection.paused && queued > PAUSE;
        connection.paused |= pause;
        let chunk = connection.outgoing.has_chunk();
        if let Body::Notification(notification) = body
            && notification.status.code == StatusCode::END_OF_LIB
        {
            connection.note_end_of_lib(notification);
        }
        connection.statistics.sent.count(body);
        if pause {
            self.labels.set_peer_paused(identifier, true);
        }
        if chunk {
            self.give_out(id, now);
        }
        if queued > self.config.limits.send_queue {
            self.end(
                id,
                End::new(
                    Outcome::Failed,
                    format!("the peer does not read: {queued} octets wait for it"),
                )
                .with_status(StatusCode::INTERNAL_ERROR),
                now,
            );
        }
    }

    /// Sends a Notification, and logs it.
    pub(super) fn notify(&mut self, id: ConnectionId, notification: Notification, now: Instant) {
        let Some(identifier) = self.connections.get(&id).map(|found| found.neighbour) else {
            return;
        };
        self.log_limited(
            super::Subject::Neighbour(identifier),
            Severity::Info,
            EventKind::NotificationSent,
            &format!("sent Notification: {}", notification.status),
            now,
        );
        self.send(id, &Body::Notification(Box::new(notification)), now);
    }

    /// Gives out what a connection may take now.
    fn give_out(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let mut octets = 0;
        while let Some(chunk) = connection.outgoing.take() {
            if connection.outgoing.in_flight() == chunk.len() {
                // The peer was not behind until now.
                connection.last_written = now;
            }
            octets += chunk.len();
            self.outputs.push_back(Output::Send { id, octets: chunk });
        }
        if octets == 0 {
            return;
        }
        connection.last_sent = now;
        connection.statistics.sent.pdus += connection.outgoing.take_pdus();
        connection.statistics.sent.octets += octets as u64;
    }

    /// Gives out what all connections may take now. All that became ready at once goes in one PDU, or as few
    /// as it fits.
    pub(super) fn give_out_all(&mut self) {
        let now = self.last_now;
        for id in std::mem::take(&mut self.unsent) {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.listed = false;
                self.give_out(id, now);
            }
        }
    }

    /// Octets were written to a connection.
    pub(super) fn octets_written(&mut self, id: ConnectionId, octets: usize, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.outgoing.written(octets);
        connection.last_written = now;
        self.give_out(id, now);
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.paused && connection.outgoing.queued() < RESUME {
            connection.paused = false;
            let identifier = connection.neighbour;
            self.labels.set_peer_paused(identifier, false);
        }
    }

    /// A KeepAlive message is due, if nothing else was sent (RFC 5036 section 2.5.6).
    pub(super) fn keepalive_due(&mut self, identifier: LdpIdentifier, now: Instant) {
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
        let Some(parameters) = &connection.parameters else {
            return;
        };
        let due = connection.last_sent + parameters.keepalive_interval();
        if due > now {
            self.timers.set(Timer::KeepAliveSend(identifier), due);
            return;
        }
        let stuck = connection.outgoing.in_flight() > 0
            && now.saturating_duration_since(connection.last_written) >= parameters.hold();
        let next = now + parameters.keepalive_interval();
        if stuck {
            self.end(
                id,
                End::new(
                    Outcome::Failed,
                    "the peer took nothing of what was sent to it for a KeepAlive Time".to_owned(),
                )
                .with_status(StatusCode::KEEPALIVE_TIMER_EXPIRED),
                now,
            );
            return;
        }
        self.timers.set(Timer::KeepAliveSend(identifier), next);
        if connection.outgoing.queued() == 0 {
            self.send(id, &Body::KeepAlive, now);
        }
    }

    /// The KeepAlive Timer of a session expired (RFC 5036 sections 2.5.6 and 3.5.1.2.3).
    pub(super) fn keepalive_expired(&mut self, identifier: LdpIdentifier, now: Instant) {
        let Some(neighbour) = self.neighbours.get(&identifier) else {
            return;
        };
        let Some(id) = neighbour.connection else {
            return;
        };
        let operational = self
            .connections
            .get(&id)
            .is_some_and(|connection| connection.state == SessionState::Operational);
        self.end(
            id,
            End::new(
                if operational {
                    Outcome::Lost
                } else {
                    Outcome::Failed
                },
                "no PDU came for the KeepAlive Time".to_owned(),
            )
            .with_status(StatusCode::KEEPALIVE_TIMER_EXPIRED),
            now,
        );
    }
}

impl super::state::Connection {
    fn note_end_of_lib(&mut self, notification: &Notification) {
        for element in &notification.fec {
            if let crate::packet::FecElement::TypedWildcard(
                crate::packet::TypedWildcard::Prefix { family, .. },
            ) = element
            {
                let family = crate::discovery::Family::from(*family);
                if !self.end_of_lib_sent.contains(&family) {
                    self.end_of_lib_sent.push(family);
                }
            }
        }
    }
}
