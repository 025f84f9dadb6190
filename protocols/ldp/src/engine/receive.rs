//! What comes by connections (RFC 5036 section 3.5.1.2).

use std::time::Instant;

use super::end::{End, Outcome};
use super::event::{EventKind, Severity, Subject};
use super::io::ConnectionId;
use super::state::Timer;
use super::{Ldp, SessionState};
use crate::LdpIdentifier;
use crate::packet::{
    Body, DecodeError, FecElement, Message, Notification, RawPdu, Status, StatusCode, StreamError,
    message_type,
};

/// Whether there is more to be read of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Continue,
    /// The connection has ended.
    Ended,
}

impl Ldp {
    /// Octets came by a connection.
    pub(super) fn receive_octets(&mut self, id: ConnectionId, octets: &[u8], now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.state == SessionState::NonExistent {
            // Nothing comes before the connection is made.
            return;
        }
        // Out of the connection, which is changed while PDUs borrow the stream.
        let mut stream = std::mem::take(&mut connection.stream);
        stream.push(octets);
        loop {
            match stream.next_pdu() {
                Ok(None) => break,
                Ok(Some(pdu)) => {
                    if self.receive_pdu(id, &pdu, now) == Next::Ended {
                        return;
                    }
                }
                Err(error) => {
                    let returned = stream.returned_pdu();
                    self.stream_error(id, error, returned, now);
                    return;
                }
            }
            if let Some(parameters) = self
                .connections
                .get(&id)
                .filter(|connection| connection.state == SessionState::Operational)
                .and_then(|connection| connection.parameters.as_ref())
            {
                stream.set_max_pdu_length(parameters.max_pdu_length);
            }
        }
        stream.release();
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.stream = stream;
        }
    }

    /// The header of a PDU is wrong: nothing behind it can be read.
    fn stream_error(
        &mut self,
        id: ConnectionId,
        error: StreamError,
        returned: Vec<u8>,
        now: Instant,
    ) {
        self.count_error(id, error.status_code());
        let notification = Notification {
            returned_pdu: Some(returned),
            ..Notification::from(Status::new(error.status_code()))
        };
        self.end(
            id,
            End::new(self.outcome_of_error(id), error.to_string()).with_notification(notification),
            now,
        );
    }

    /// An error before the session is operational is as good as a NAK: without a delay it would be made
    /// again at once.
    fn outcome_of_error(&self, id: ConnectionId) -> Outcome {
        match self.connections.get(&id).map(|connection| connection.state) {
            Some(SessionState::Operational) => Outcome::Failed,
            _ => Outcome::Nak,
        }
    }

    pub(super) fn count_error(&mut self, id: ConnectionId, status: StatusCode) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.statistics.errors.count(status);
        }
    }

    fn receive_pdu(&mut self, id: ConnectionId, pdu: &RawPdu<'_>, now: Instant) -> Next {
        let Some(connection) = self.connections.get(&id) else {
            return Next::Ended;
        };
        let mut state = connection.state;
        // In the passive role the first Initialization says who the peer is.
        if state == SessionState::Initialized {
            if !self.identify(id, pdu.identifier(), now) {
                return Next::Ended;
            }
        } else if pdu.identifier() != connection.neighbour {
            return self.bad_identifier(id, pdu, now);
        }
        let Some(connection) = self.connections.get_mut(&id) else {
            return Next::Ended;
        };
        let peer = connection.neighbour;
        connection.statistics.received.pdus += 1;
        connection.statistics.received.octets += pdu.octets().len() as u64;
        self.restart_keepalive_timer(id, peer, now);
        for message in pdu.messages() {
            let next = match (state, message) {
                (SessionState::Operational, Ok(message)) => {
                    self.operational_message(id, peer, message, now)
                }
                (SessionState::Operational, Err(error)) => self.message_error(id, &error, now),
                (_, Ok(message)) => self.initialization_message(id, &message, now),
                (_, Err(error)) => self.initialization_error(id, &error, now),
            };
            if next == Next::Ended {
                return Next::Ended;
            }
            if state != SessionState::Operational {
                match self.connections.get(&id) {
                    Some(connection) => state = connection.state,
                    None => return Next::Ended,
                }
            }
        }
        Next::Continue
    }

    /// Any PDU restarts the KeepAlive Timer (RFC 5036 section 2.5.6).
    fn restart_keepalive_timer(&mut self, id: ConnectionId, peer: LdpIdentifier, now: Instant) {
        if let Some(parameters) = self
            .connections
            .get(&id)
            .and_then(|connection| connection.parameters.as_ref())
        {
            self.timers
                .set(Timer::KeepAliveReceive(peer), now + parameters.hold());
        }
    }

    /// RFC 5036 section 3.5.1.2.1: the LDP Identifier is not that of this session's peer.
    fn bad_identifier(&mut self, id: ConnectionId, pdu: &RawPdu<'_>, now: Instant) -> Next {
        self.count_error(id, StatusCode::BAD_LDP_IDENTIFIER);
        let reason = format!(
            "a PDU has the LDP Identifier {}, which is not the peer's",
            pdu.identifier()
        );
        self.end(
            id,
            End::new(self.outcome_of_error(id), reason).with_status(StatusCode::BAD_LDP_IDENTIFIER),
            now,
        );
        Next::Ended
    }

    /// A message of an operational session.
    fn operational_message(
        &mut self,
        id: ConnectionId,
        peer: LdpIdentifier,
        message: Message,
        now: Instant,
    ) -> Next {
        let Message {
            id: message_id,
            mut body,
            ..
        } = message;
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.statistics.received.count(&body);
        }
        if take_out_ignored(&mut body) == Left::Nothing {
            return Next::Continue;
        }
        if self.has_invalid_topology(id, &body) {
            let code = StatusCode::INVALID_TOPOLOGY_ID;
            self.count_error(id, code);
            let status = Status::about(code, message_id, body.message_type());
            self.notify(id, Notification::from(status), now);
            return Next::Continue;
        }
        match body {
            Body::LabelMapping(_)
            | Body::LabelRequest(_)
            | Body::LabelWithdraw(_)
            | Body::LabelRelease(_)
            | Body::LabelAbortRequest(_)
            | Body::Address(_)
            | Body::AddressWithdraw(_) => {
                self.labels.receive(peer, message_id, body, now);
                Next::Continue
            }
            Body::KeepAlive => Next::Continue,
            Body::Notification(notification) => {
                self.receive_notification(id, peer, message_id, *notification, now)
            }
            Body::Capability(message) => {
                self.receive_capability(id, message_id, &message, now);
                Next::Continue
            }
            // The table of RFC 5036 section 2.5.4 leaves a session operational whatever else comes.
            Body::Initialization(_) | Body::Hello(_) | Body::Unknown { .. } => {
                self.log_limited(
                    Subject::Neighbour(peer),
                    Severity::Debug,
                    EventKind::SessionState,
                    &format!("{} ignored: the session is operational", body.name()),
                    now,
                );
                Next::Continue
            }
        }
    }

    fn receive_notification(
        &mut self,
        id: ConnectionId,
        peer: LdpIdentifier,
        message_id: u32,
        notification: Notification,
        now: Instant,
    ) -> Next {
        let status = notification.status;
        let ends = status.fatal || status.code == StatusCode::UNSUPPORTED_CAPABILITY;
        let severity = if ends {
            Severity::Warning
        } else {
            Severity::Debug
        };
        let text = format!("received Notification: {status}");
        if ends {
            self.log_neighbour(peer, severity, EventKind::NotificationReceived, text, now);
            // RFC 5036 section 2.5.4: Receive Shutdown msg. All state of the session is discarded
            // (section 3.5.1.1).
            self.end(
                id,
                End::new(
                    Outcome::Deliberate,
                    format!("the peer ended the session: {status}"),
                )
                .with_status(StatusCode::SHUTDOWN),
                now,
            );
            return Next::Ended;
        }
        if status.code == StatusCode::END_OF_LIB {
            self.log_neighbour(
                peer,
                severity,
                EventKind::NotificationReceived,
                format!("received Notification{notification}"),
                now,
            );
        } else {
            self.log_limited(
                Subject::Neighbour(peer),
                severity,
                EventKind::NotificationReceived,
                &text,
                now,
            );
        }
        self.labels.receive(
            peer,
            message_id,
            Body::Notification(Box::new(notification)),
            now,
        );
        Next::Continue
    }

    /// A message of an operational session that cannot be taken.
    fn message_error(&mut self, id: ConnectionId, error: &DecodeError, now: Instant) -> Next {
        self.count_error(id, error.status_code());
        if error.ends_session() {
            self.end(
                id,
                End::new(Outcome::Failed, error.to_string())
                    .with_notification(error.notification()),
                now,
            );
            return Next::Ended;
        }
        // Two LSRs that do not understand each other's Notifications are not to go on for ever about it.
        if error.message_type & 0x7fff != message_type::NOTIFICATION {
            self.notify(id, error.notification(), now);
        }
        if self.connections.contains_key(&id) {
            Next::Continue
        } else {
            Next::Ended
        }
    }

    /// A message that cannot be taken, of a session that is not operational: the rules for the U bit are
    /// overridden (RFC 5036 section 2.5.3).
    fn initialization_error(
        &mut self,
        id: ConnectionId,
        error: &DecodeError,
        now: Instant,
    ) -> Next {
        self.count_error(id, error.status_code());
        let end = End::new(Outcome::Nak, error.to_string());
        let end = if error.ends_session() {
            end.with_notification(error.notification())
        } else {
            end.with_status(StatusCode::SHUTDOWN)
        };
        self.end(id, end, now);
        Next::Ended
    }

    /// A message of a session that is not operational.
    fn initialization_message(
        &mut self,
        id: ConnectionId,
        message: &Message,
        now: Instant,
    ) -> Next {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.statistics.received.count(&message.body);
        }
        match &message.body {
            Body::Initialization(initialization) => {
                self.receive_initialization(id, initialization, now);
            }
            Body::KeepAlive => self.receive_first_keepalive(id, now),
            Body::Notification(notification) if notification.status.fatal => {
                self.receive_nak(id, notification, now);
            }
            // Advisory Notifications, too, have no place before the session is operational (RFC 5036 section
            // 2.5.3).
            other => self.unexpected_message(id, other, now),
        }
        if self.connections.contains_key(&id) {
            Next::Continue
        } else {
            Next::Ended
        }
    }
}

/// What is left of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Something,
    Nothing,
}

/// Takes the FEC elements out of a message about labels that are ignored (RFC 7307 section 3.2).
fn take_out_ignored(body: &mut Body) -> Left {
    let fec = match body {
        Body::LabelMapping(mapping) => &mut mapping.fec,
        Body::LabelRequest(request) => &mut request.fec,
        Body::LabelWithdraw(withdraw) => &mut withdraw.fec,
        Body::LabelRelease(release) => &mut release.fec,
        Body::LabelAbortRequest(abort) => &mut abort.fec,
        _ => return Left::Something,
    };
    fec.retain(|element| !matches!(element, FecElement::Ignored { .. }));
    match fec.is_empty() {
        true => Left::Nothing,
        false => Left::Something,
    }
}
