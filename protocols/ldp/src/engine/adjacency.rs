//! The end of Hello adjacencies (RFC 5036 section 2.5.5).

use std::time::Instant;

use super::Ldp;
use super::event::{EventKind, Severity, Subject};
use super::state::Timer;
use crate::discovery::{AdjacencyKey, Scope};

impl Ldp {
    /// The hold timer of an adjacency expired.
    pub(super) fn adjacency_expired(&mut self, key: AdjacencyKey, now: Instant) {
        self.remove_adjacency(key, "no Hello came for the hold time", now);
    }

    /// Removes the adjacencies that are meant.
    pub(super) fn remove_adjacencies(
        &mut self,
        meant: impl Fn(&AdjacencyKey) -> bool,
        reason: &str,
        now: Instant,
    ) {
        let mut keys: Vec<AdjacencyKey> = self.adjacencies.keys().copied().filter(meant).collect();
        keys.sort_unstable();
        for key in keys {
            self.remove_adjacency(key, reason, now);
        }
    }

    /// Removes an adjacency, and sees to the session that needed it.
    pub(super) fn remove_adjacency(&mut self, key: AdjacencyKey, reason: &str, now: Instant) {
        let Some(adjacency) = self.adjacencies.remove(&key) else {
            return;
        };
        self.timers.cancel(Timer::Adjacency(key));
        let identifier = adjacency.neighbour;
        let place = self.place(key);
        if let Some(neighbour) = self.neighbours.get_mut(&identifier) {
            neighbour.adjacencies.retain(|existing| *existing != key);
        }
        self.log_limited(
            Subject::Neighbour(identifier),
            Severity::Warning,
            EventKind::AdjacencyDown,
            &format!("Hello adjacency {place} is down: {reason}"),
            now,
        );
        self.adjacencies_changed(identifier, key, false, now);
        match key.scope {
            Scope::Link(number) => {
                if let Some(interface) = self.interface_mut(number) {
                    interface
                        .family_mut(key.family())
                        .adjacencies
                        .retain(|source| *source != key.source);
                }
                self.evaluate(identifier, now);
                self.refresh_igp_sync(number, now);
            }
            Scope::Targeted => {
                if let Some(targeted) = self.targeted.get_mut(&key.source) {
                    targeted.answered = None;
                }
                self.forget_targeted(key.source);
                self.evaluate(identifier, now);
            }
        }
        self.refresh_listen_keys();
    }
}
