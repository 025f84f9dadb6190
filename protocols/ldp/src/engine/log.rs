//! The event log.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::event::{Event, EventKind, Severity, Subject};
use super::io::Output;
use super::{Ldp, SessionState};
use crate::LdpIdentifier;

/// In each of these times...
const WINDOW: Duration = Duration::from_secs(10);
/// ...this many events of a kind that strangers can cause go to the log: the log is no way to wear out a
/// router (RFC 7349 section 6.2).
const EVENTS: u32 = 100;

/// Bounds how often something is done.
#[derive(Debug, Default)]
pub(super) struct RateLimit {
    window: Option<Instant>,
    count: u32,
    suppressed: u64,
}

impl RateLimit {
    /// Whether it may be done, no more than `most` times in a window; and if so, how many times it was not
    /// done before.
    pub(super) fn admit(&mut self, window: Duration, most: u32, now: Instant) -> Option<u64> {
        let begun = self.window.is_some_and(|start| now < start + window);
        if !begun {
            self.window = Some(now);
            self.count = 0;
        }
        if self.count < most {
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
        self.keep(&event);
        self.outputs.push_back(Output::Event(event));
    }

    /// Keeps an event of a neighbour.
    fn keep(&mut self, event: &Event) {
        if let Subject::Neighbour(identifier) = &event.subject
            && let Some(neighbour) = self.neighbours.get_mut(identifier)
        {
            while neighbour.events.len() >= self.config.limits.events.max(1) {
                neighbour.events.pop_front();
            }
            neighbour.events.push_back(event.clone());
        }
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
        let mut event = Event {
            at: now,
            subject,
            severity,
            kind,
            text: text.to_owned(),
        };
        self.keep(&event);
        let limit = self.limited_log.entry(kind).or_default();
        let Some(suppressed) = limit.admit(WINDOW, EVENTS, now) else {
            return;
        };
        if suppressed > 0 {
            event.text = format!("{text} ({suppressed} more events of this kind were not logged)");
        }
        self.outputs.push_back(Output::Event(event));
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
