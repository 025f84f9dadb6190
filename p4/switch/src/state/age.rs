//! When the entries of a table were hit last, for tables with idle timeouts (`support_timeout`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;

/// Slots of a chunk: what is there does not move when more are needed.
const CHUNK: usize = 1024;

/// The time of the last hit of each entry of a table, by slot. It stands beside the entries, so
/// that tables without idle timeouts pay nothing for it.
#[derive(Debug)]
pub(super) struct Ages {
    clock: Arc<Clock>,
    /// Microseconds of the clock.
    hits: Vec<Box<[AtomicU64]>>,
}

impl Ages {
    pub(super) fn new(clock: Arc<Clock>) -> Self {
        Self {
            clock,
            hits: Vec::new(),
        }
    }

    /// A packet hit the entry. The time is as old as the last tick of the clock: a packet need not
    /// read the system's clock.
    #[inline]
    pub(super) fn hit(&self, slot: u32) {
        if let Some(hit) = self.slot(slot) {
            hit.store(self.clock.coarse_microseconds(), Ordering::Relaxed);
        }
    }

    /// The entry is new.
    pub(super) fn start(&mut self, slot: u32) {
        while self.hits.len() * CHUNK <= slot as usize {
            self.hits
                .push((0..CHUNK).map(|_| AtomicU64::new(0)).collect());
        }
        let now = self.clock.microseconds();
        if let Some(hit) = self.slot(slot) {
            hit.store(now, Ordering::Relaxed);
        }
    }

    /// Takes over the time at which an entry of another state was hit last.
    pub(super) fn take(&self, slot: u32, other: &Self, old: u32) {
        if let (Some(hit), Some(old)) = (self.slot(slot), other.slot(old)) {
            hit.store(old.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    fn slot(&self, slot: u32) -> Option<&AtomicU64> {
        let slot = slot as usize;
        self.hits.get(slot / CHUNK)?.get(slot % CHUNK)
    }

    pub(super) fn idle(&self, slot: u32) -> Duration {
        let hit = self.slot(slot).map_or(0, |hit| hit.load(Ordering::Relaxed));
        Duration::from_micros(self.clock.microseconds().saturating_sub(hit))
    }
}
