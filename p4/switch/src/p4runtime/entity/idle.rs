//! Idle timeouts of table entries (sections 9.1.8 and 16.4).
//!
//! The switch keeps the time of the last hit; here are the entries with a timeout, in the order in
//! which they may expire, so that a look at them costs what has expired and no more.

use std::collections::BTreeMap;
use std::time::Duration;

use p4runtime_proto::p4::v1;

use super::{Notes, Reader, Result};
use crate::State;
use crate::p4runtime::schema::Schema;

/// The shortest timeout that is told apart from longer ones, microseconds; shorter ones count as
/// this.
const SHORTEST: u64 = 10_000;

/// Entries that are looked at in one go.
const BATCH: usize = 256;

/// When to look at an entry again, in microseconds of the switch's clock; its table and slot.
pub(super) type Timer = (u64, u32, u32);

fn microseconds(timeout_ns: i64) -> u64 {
    u64::try_from(timeout_ns)
        .unwrap_or(0)
        .div_ceil(1000)
        .max(SHORTEST)
}

/// When an entry expires if no packet hits it from now on.
pub(super) fn due(now: u64, timeout_ns: i64) -> u64 {
    now.saturating_add(microseconds(timeout_ns))
}

impl Notes {
    /// Whether something may have expired.
    pub(crate) fn timer_is_due(&self, now: u64) -> bool {
        self.timers.first().is_some_and(|(due, ..)| *due <= now)
    }

    /// Adds entries that no packet has hit for as long as their timeout says, by table, to
    /// `expired`. Their timers start anew.
    ///
    /// # Errors
    /// `INTERNAL` if an entry cannot be put into a message.
    pub(crate) fn expire(
        &mut self,
        now: u64,
        schema: &Schema,
        state: &State,
        expired: &mut BTreeMap<u32, Vec<v1::TableEntry>>,
    ) -> Result<()> {
        for _ in 0..BATCH {
            if !self.timer_is_due(now) {
                break;
            }
            let Some((_, id, slot)) = self.timers.pop_first() else {
                break;
            };
            let table = schema.table(id)?;
            let Some(note) = self.entry(table, Some(slot)) else {
                continue;
            };
            let timeout = microseconds(note.idle_timeout_ns);
            let idle = state.idle_at(table.index, slot)?;
            let idle = u64::try_from(idle.as_micros()).unwrap_or(u64::MAX);
            let due = if idle < timeout {
                now + (timeout - idle)
            } else {
                let reader = Reader {
                    schema,
                    notes: self,
                    state,
                };
                let entry = reader.entry_in(table, slot, &v1::TableEntry::default())?;
                expired.entry(id).or_default().push(entry);
                now.saturating_add(timeout)
            };
            if let Some(note) = self.entries.get_mut(&(id, Some(slot))) {
                note.due = due;
            }
            self.timers.insert((due, id, slot));
        }
        Ok(())
    }
}

/// The message of a time since the last hit.
pub(super) fn elapsed(idle: Duration) -> v1::table_entry::IdleTimeout {
    v1::table_entry::IdleTimeout {
        elapsed_ns: i64::try_from(idle.as_nanos()).unwrap_or(i64::MAX),
    }
}
