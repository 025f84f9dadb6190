//! Idle timeouts of table entries (sections 9.1.8 and 16.4).
//!
//! The switch keeps the time of the last hit; here are the entries with a timeout, in the order in
//! which they may expire, so that a look at them costs what has expired and no more.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use p4runtime_proto::p4::v1;

use super::{Notes, Reader, Result};
use crate::State;
use crate::control::{EntryKey, EntryRef};
use crate::p4runtime::schema::Schema;

/// The shortest timeout that is told apart from longer ones, microseconds; shorter ones count as
/// this.
const SHORTEST: u64 = 10_000;

/// Entries that are told of at a time.
const BATCH: usize = 4096;

/// When to look at an entry again.
#[derive(Debug)]
pub(super) struct Timer {
    /// Microseconds of the switch's clock.
    due: u64,
    /// That of the entry's note, or the timer is one of before the entry was written anew.
    serial: u64,
    table: u32,
    key: EntryKey,
}

/// The earliest is the greatest, as `BinaryHeap` wants it.
impl Ord for Timer {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.serial).cmp(&(self.due, self.serial))
    }
}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Timer {}

/// The entries with a timeout.
#[derive(Debug, Default)]
pub(super) struct Timers {
    waiting: BinaryHeap<Timer>,
    last_serial: u64,
}

fn microseconds(timeout_ns: i64) -> u64 {
    u64::try_from(timeout_ns)
        .unwrap_or(0)
        .div_ceil(1000)
        .max(SHORTEST)
}

impl Notes {
    /// An entry with a timeout was written: the serial number for its note.
    pub(super) fn start_timer(
        &mut self,
        now: u64,
        table: u32,
        key: &EntryKey,
        timeout_ns: i64,
    ) -> u64 {
        self.timers.last_serial += 1;
        let serial = self.timers.last_serial;
        // Timers of entries that are gone are left to expire, but not without bound.
        if self.timers.waiting.len() > 2 * self.entries.len() + 1024 {
            let mut waiting = std::mem::take(&mut self.timers.waiting).into_vec();
            waiting.retain(|timer| self.timeout_of(timer).is_some());
            self.timers.waiting = waiting.into();
        }
        self.timers.waiting.push(Timer {
            due: now.saturating_add(microseconds(timeout_ns)),
            serial,
            table,
            key: key.clone(),
        });
        serial
    }

    /// The timeout of a timer's entry, if the timer still stands.
    fn timeout_of(&self, timer: &Timer) -> Option<i64> {
        let note = self
            .entries
            .get(&(timer.table, EntryRef::Key(timer.key.clone())))?;
        (note.timer == timer.serial).then_some(note.idle_timeout_ns)
    }

    /// Whether something may have expired.
    pub(crate) fn timer_is_due(&self, now: u64) -> bool {
        self.timers
            .waiting
            .peek()
            .is_some_and(|timer| timer.due <= now)
    }

    /// The entries that no packet has hit for as long as their timeout says, by table. Their
    /// timers start anew.
    ///
    /// # Errors
    /// `INTERNAL` if an entry cannot be put into a message.
    pub(crate) fn expired(
        &mut self,
        now: u64,
        schema: &Schema,
        state: &State,
    ) -> Result<BTreeMap<u32, Vec<v1::TableEntry>>> {
        let mut expired: BTreeMap<u32, Vec<v1::TableEntry>> = BTreeMap::new();
        for _ in 0..BATCH {
            if !self.timer_is_due(now) {
                break;
            }
            let Some(mut timer) = self.timers.waiting.pop() else {
                break;
            };
            let Some(timeout) = self.timeout_of(&timer) else {
                continue;
            };
            let timeout = microseconds(timeout);
            let table = schema.table(timer.table)?;
            let idle = state.idle_time(&table.object.name, &timer.key)?;
            let idle = u64::try_from(idle.as_micros()).unwrap_or(u64::MAX);
            timer.due = if idle < timeout {
                now + (timeout - idle)
            } else {
                let reader = Reader {
                    schema,
                    notes: self,
                    state,
                };
                let entry = reader.one(table, &timer.key, &v1::TableEntry::default())?;
                expired.entry(timer.table).or_default().push(entry);
                now.saturating_add(timeout)
            };
            self.timers.waiting.push(timer);
        }
        Ok(expired)
    }
}

/// The message of a time since the last hit.
pub(super) fn elapsed(idle: Duration) -> v1::table_entry::IdleTimeout {
    v1::table_entry::IdleTimeout {
        elapsed_ns: i64::try_from(idle.as_nanos()).unwrap_or(i64::MAX),
    }
}
