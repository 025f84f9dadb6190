//! What label distribution asks for.

use std::time::Instant;

use super::Ldp;
use super::end::{End, Outcome};
use super::event::{EventKind, Severity, Subject};
use super::io::{ConnectionId, Output};
use crate::LdpIdentifier;
use crate::label::{LabelEvent, LabelOutput};
use crate::packet::Notification;

impl Ldp {
    /// Takes one output of label distribution; gives what the caller of the engine has to do of it.
    pub(super) fn take_label_output(
        &mut self,
        output: LabelOutput,
        now: Instant,
    ) -> Option<Output> {
        match output {
            LabelOutput::Send { peer, id, body } => {
                if let Some(connection) = self.connection_of(peer) {
                    let message_id = id.unwrap_or_else(|| self.next_message_id());
                    self.send_with_id(connection, message_id, &body, now);
                }
                None
            }
            LabelOutput::Lfib(change) => Some(Output::Lfib(change)),
            LabelOutput::Allocate { fec } => Some(Output::AllocateLabel { fec }),
            LabelOutput::Deallocate { fec, label } => Some(Output::ReleaseLabel { fec, label }),
            LabelOutput::End { peer, status } => {
                if let Some(connection) = self.connection_of(peer) {
                    self.end(
                        connection,
                        End::new(Outcome::Failed, format!("label distribution: {status}"))
                            .with_notification(Notification::from(status)),
                        now,
                    );
                }
                None
            }
            LabelOutput::Event(event) => {
                self.label_event(event, now);
                None
            }
        }
    }

    pub(super) fn connection_of(&self, peer: LdpIdentifier) -> Option<ConnectionId> {
        self.neighbours.get(&peer)?.connection
    }

    fn label_event(&mut self, event: LabelEvent, now: Instant) {
        let neighbour = Subject::Neighbour;
        let (subject, severity, text) = match event {
            LabelEvent::Synchronized { peer } => {
                self.log_neighbour(
                    peer,
                    Severity::Debug,
                    EventKind::Label,
                    "its first advertisement of labels is complete".to_owned(),
                    now,
                );
                self.refresh_igp_sync_of(peer, now);
                return;
            }
            LabelEvent::StaleRemoved { peer, count } => {
                self.log_neighbour(
                    peer,
                    Severity::Info,
                    EventKind::GracefulRestart,
                    format!("{count} label bindings of before its restart are deleted"),
                    now,
                );
                return;
            }
            LabelEvent::Discarded { peer, reason } => (neighbour(peer), Severity::Warning, reason),
            LabelEvent::LoopDetected { peer, fec } => (
                neighbour(peer),
                Severity::Warning,
                format!("a loop was detected for {fec}"),
            ),
            LabelEvent::NoLabel { fec, reason } => (
                Subject::Lsr,
                Severity::Warning,
                format!("no label for {fec}: {reason}"),
            ),
            LabelEvent::DuplicateAddress {
                address,
                owner,
                other,
            } => (
                neighbour(other),
                Severity::Warning,
                format!("it announces {address}, which is an address of {owner}"),
            ),
            LabelEvent::TooManyBindings { peer, limit } => (
                neighbour(peer),
                Severity::Warning,
                format!("it sent more than {limit} label bindings: those too many are released"),
            ),
            LabelEvent::Notified { peer, status } => (
                neighbour(peer),
                Severity::Info,
                format!("it says: {status}"),
            ),
        };
        self.log_limited(subject, severity, EventKind::Label, &text, now);
    }
}
