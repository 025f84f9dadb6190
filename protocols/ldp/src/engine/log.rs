//! The event log.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::event::{Event, EventKind, Severity, Subject};
use super::io::Output;
use super::{Ldp, SessionState};
use crate::LdpIdentifier;

/// In each of these times...
const WINDOW: Duration = Duration::from_secs(10);
/// ...this many events of discarded input go to the log: the log is no way to wear out a router (RFC 7349
/// section 6.2).
const EVENTS: u32 = 20;

/// Counts events of a kind that a stranger can cause.
#[derive(Debug, Default)]
pub(super) struct RateLimit {
    window: Option<Instant>,
    count: u32,
    suppressed: u64,
}

impl RateLimit {
    /// Whether an event may be logged; and if so, how many were not, before it.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        let begun = self.window.is_some_and(|start| now < start + WINDOW);
        if !begun {
            self.window = Some(now);
            self.count = 0;
        }
        if self.count < EVENTS {
            self.count += 1;
            Some(std::mem::take(&mut self.suppressed))
        } else {
            self.suppressed += 1;
            None
        }
    }
}

impl Ldp {
    /// Logs an event.
    pub(super) fn log(
        &mut self,
        subject: Subject,
        severity: Severity,
        kind: EventKind,
        text: String,
        now: Instant,
    ) {
        let event = Event {
            at: now,
            subject,
            severity,
            kind,
            text,
        };
        if let Subject::Neighbour(identifier) = &event.subject
            && let Some(neighbour) = self.neighbours.get_mut(identifier)
        {
            while neighbour.events.len() >= self.config.limits.events.max(1) {
                neighbour.events.pop_front();
            }
            neighbour.events.push_back(event.clone());
        }
        self.outputs.push_back(Output::Event(event));
    }

    /// Logs an event that a stranger can cause as often as it likes.
    pub(super) fn log_limited(
        &mut self,
        subject: Subject,
        severity: Severity,
        kind: EventKind,
        text: &str,
        now: Instant,
    ) {
        let Some(suppressed) = self.limited_log.admit(now) else {
            return;
        };
        let text = if suppressed == 0 {
            text.to_owned()
        } else {
            format!("{text} ({suppressed} more events like this were not logged)")
        };
        self.log(subject, severity, kind, text, now);
    }

    /// Logs something about a neighbour.
    pub(super) fn log_neighbour(
        &mut self,
        neighbour: LdpIdentifier,
        severity: Severity,
        kind: EventKind,
        text: String,
        now: Instant,
    ) {
        self.log(Subject::Neighbour(neighbour), severity, kind, text, now);
    }

    /// Logs a new state of a session.
    pub(super) fn log_state(
        &mut self,
        neighbour: LdpIdentifier,
        old: SessionState,
        new: SessionState,
        now: Instant,
    ) {
        if old != new {
            self.log_neighbour(
                neighbour,
                Severity::Debug,
                EventKind::SessionState,
                format!("session: {old} to {new}"),
                now,
            );
        }
    }

    /// The subject for an address: the neighbour that has it as transport address, or the address.
    pub(super) fn subject_of(&self, address: IpAddr) -> Subject {
        self.neighbours
            .iter()
            .find(|(_, neighbour)| {
                neighbour
                    .transport
                    .as_ref()
                    .is_some_and(|transport| transport.remote == address)
            })
            .map_or(Subject::Address(address), |(identifier, _)| {
                Subject::Neighbour(*identifier)
            })
    }
}
