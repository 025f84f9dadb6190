//! The actions of a table's entries as packets use them: what a packet needs of an entry and nothing
//! else, side by side, so that it takes a cache line or two.

use super::arrays::Counter;
use super::table::{Call, CallRef};
use crate::program::{ActionId, Program, Table, TableKind};

/// Entries of a chunk. Chunks are never moved.
const CHUNK: usize = 256;
/// In place of an action: the entry has a member, group or action set.
const NO_CALL: u64 = u64::MAX;

/// Calls and counters by the slot of their entry.
#[derive(Debug)]
pub(super) struct Records {
    /// Words of an entry: the action, then as many arguments as an action of the table can have. 0
    /// if the table has an action profile.
    stride: usize,
    calls: Vec<Box<[u64]>>,
    with_counters: bool,
    counters: Vec<Box<[Counter]>>,
}

impl Records {
    pub(super) fn new(program: &Program, table: &Table) -> Self {
        let words = |action: &ActionId| program.actions[*action as usize].words;
        let arguments = table.actions.iter().map(words).max().unwrap_or(0);
        Self {
            stride: match table.kind {
                TableKind::Simple => 1 + arguments,
                TableKind::Indirect(_) | TableKind::WithSelector(_) => 0,
            },
            calls: Vec::new(),
            with_counters: table.with_counters,
            counters: Vec::new(),
        }
    }

    /// Makes room for a slot, with a counter of zero.
    pub(super) fn start(&mut self, slot: u32) {
        let (chunk, place) = (slot as usize / CHUNK, slot as usize % CHUNK);
        if self.calls.len() <= chunk {
            let chunks = || vec![NO_CALL; self.stride * CHUNK].into_boxed_slice();
            self.calls.resize_with(chunk + 1, chunks);
        }
        if self.with_counters {
            if self.counters.len() <= chunk {
                let counters = || (0..CHUNK).map(|_| Counter::default()).collect();
                self.counters.resize_with(chunk + 1, counters);
            }
            self.counters[chunk][place] = Counter::default();
        }
    }

    /// Sets the action of a slot that was started. With `None` it has none of its own.
    pub(super) fn set(&mut self, slot: u32, call: Option<&Call>) {
        let start = slot as usize % CHUNK * self.stride;
        let chunk = self.calls.get_mut(slot as usize / CHUNK);
        let Some(record) = chunk.and_then(|chunk| chunk.get_mut(start..start + self.stride)) else {
            return;
        };
        let Some((action, arguments)) = record.split_first_mut() else {
            return;
        };
        *action = NO_CALL;
        if let Some(call) = call {
            *action = u64::from(call.action);
            let used = call.arguments.len().min(arguments.len());
            arguments[..used].copy_from_slice(&call.arguments[..used]);
        }
    }

    /// The action of a slot; `None` if it has none of its own.
    #[inline]
    pub(super) fn call(&self, slot: u32) -> Option<CallRef<'_>> {
        let start = slot as usize % CHUNK * self.stride;
        let chunk = self.calls.get(slot as usize / CHUNK)?;
        let (action, arguments) = chunk.get(start..start + self.stride)?.split_first()?;
        (*action != NO_CALL).then_some(CallRef {
            // It was written as 32 bits.
            action: *action as ActionId,
            arguments,
        })
    }

    pub(super) fn with_counters(&self) -> bool {
        self.with_counters
    }

    /// The counter of a slot; `None` if the table has none.
    #[inline]
    pub(super) fn counter(&self, slot: u32) -> Option<&Counter> {
        let chunk = self.counters.get(slot as usize / CHUNK)?;
        chunk.get(slot as usize % CHUNK)
    }
}
