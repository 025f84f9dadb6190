//! Tables and the control flow of a pipeline.

use rand::RngExt;

use super::{Machine, TableLookup, Tracer};
use crate::program::{KeySource, Matcher, Next, Node, Table, TableKind};
use crate::state::{Call, CallRef, Target};

/// What a table has for a packet.
pub(crate) struct Found<'a> {
    /// The slot of the entry that was hit.
    pub(crate) slot: Option<u32>,
    /// The action that is to run.
    pub(crate) call: Option<CallRef<'a>>,
    /// The member, group or hash that was selected, for traces.
    selection: Option<String>,
}

impl<'a, T: Tracer> Machine<'a, T> {
    /// Runs the packet through a pipeline.
    pub(super) fn run_pipeline(&mut self, start: Next) {
        let program = self.program;
        let mut next = start;
        // The loader has made sure that there are no loops.
        while let Some(node) = next {
            if self.pass.exit || self.pass.abort {
                return;
            }
            next = match node {
                Node::Conditional(index) => {
                    let conditional = &program.conditionals[index as usize];
                    let holds = self.scope(&[]).holds(&conditional.condition);
                    if T::ON {
                        self.tracer.condition(conditional, holds);
                    }
                    if holds {
                        conditional.then
                    } else {
                        conditional.otherwise
                    }
                }
                Node::Table(index) => self.apply(index),
            };
        }
    }

    /// Applies a table, and gives what comes next.
    fn apply(&mut self, index: u32) -> Next {
        let table = &self.program.tables[index as usize];
        let mut key = std::mem::take(&mut self.worker.key);
        if table.matcher == Matcher::None {
            key.clear();
        } else {
            self.build_key(table, &mut key);
        }
        let Found {
            slot,
            call,
            selection,
        } = self.find(index, &key);
        if T::ON {
            let state = &self.state.tables[index as usize];
            let lookup = TableLookup {
                table,
                state,
                key: &key,
                entry: slot.and_then(|slot| state.entry(slot)),
                selection,
            };
            self.tracer.table(lookup);
        }
        self.worker.key = key;
        let by_action = match call {
            Some(call) => {
                self.run(call);
                table.next[call.action as usize]
            }
            None => table.next_default,
        };
        let fixed = if slot.is_some() {
            table.next_hit
        } else {
            table.next_miss
        };
        fixed.unwrap_or(by_action)
    }

    /// Looks a packed key up in a table, and counts and meters the packet.
    #[inline]
    pub(crate) fn find(&mut self, index: u32, key: &[u64]) -> Found<'a> {
        let all = self.state;
        let table = &self.program.tables[index as usize];
        let state = &all.tables[index as usize];
        let length = self.pass.ingress_length as u64;
        let slot = state.find(key);
        if table.with_counters
            && let Some(counter) = state.counter(slot)
        {
            counter.count(length, all.alone);
        }
        let Some(slot) = slot else {
            return Found {
                slot: None,
                call: state.call(None),
                selection: None,
            };
        };
        if table.meter.is_some() {
            self.meter(index, slot);
        }
        let (call, selection) = match state.call(Some(slot)) {
            Some(call) => (Some(call), None),
            None => self.select(index, slot),
        };
        Found {
            slot: Some(slot),
            call,
            selection,
        }
    }

    /// Meters a packet that hit an entry.
    fn meter(&mut self, index: u32, slot: u32) {
        let Some(meter) = &self.program.tables[index as usize].meter else {
            return;
        };
        let all = self.state;
        let entry = all.tables[index as usize].entry(slot);
        if let Some(bucket) = entry.and_then(|entry| entry.meter.as_ref()) {
            let bytes = self.pass.ingress_length as u64;
            let cost = if meter.bytes { bytes } else { 1 };
            let colour = bucket.execute(self.clock.microseconds(), cost, bytes);
            self.set(&meter.target, colour);
        }
    }

    /// The action of an entry of a table with an action profile.
    fn select(&mut self, index: u32, slot: u32) -> (Option<CallRef<'a>>, Option<String>) {
        let all = self.state;
        let table = &self.program.tables[index as usize];
        let (TableKind::Indirect(profile) | TableKind::WithSelector(profile)) = table.kind else {
            return (None, None);
        };
        let members = &all.profiles[profile as usize];
        let describe = |what: &str, id: Option<u32>, hash: Option<u64>| {
            T::ON.then(|| {
                let id = id.map(|id| format!(" {id}")).unwrap_or_default();
                match hash {
                    Some(hash) => format!("{what}{id}, hash {hash:#x}"),
                    None => format!("{what}{id}"),
                }
            })
        };
        let entry = all.tables[index as usize].entry(slot);
        let (call, selection) = match entry.map(|entry| &entry.target) {
            None | Some(Target::Call) => (None, None),
            Some(Target::Member(slot)) => (
                members.member(*slot),
                describe("member", members.member_id(*slot), None),
            ),
            Some(Target::Group(slot)) => {
                let hash = self.selector_hash(profile);
                (
                    members.select(*slot, hash),
                    describe("group", members.group_id(*slot), Some(hash)),
                )
            }
            Some(Target::Set(set)) => {
                let number = if set.at_random() {
                    self.worker.random.random()
                } else {
                    self.selector_hash(profile)
                };
                let selection = describe("action set", None, Some(number));
                if let Some(call) = &set.group_call {
                    self.run(call.borrow());
                }
                (set.select(number), selection)
            }
        };
        (call.map(Call::borrow), selection)
    }

    /// Packs the fields of a table's key.
    #[inline]
    fn build_key(&self, table: &Table, key: &mut Vec<u64>) {
        let words = &self.worker.words;
        key.clear();
        key.resize(table.key_words, 0);
        for element in &table.key {
            let (field, valid) = match &element.source {
                KeySource::Valid(start) => {
                    key[element.word as usize] |= words[*start as usize] << element.shift;
                    continue;
                }
                KeySource::Field { field, valid } => (field, valid),
            };
            // The fields of a header that is not valid count as 0, as in BMv2.
            if valid.is_some_and(|valid| words[valid as usize] == 0) {
                continue;
            }
            if element.width <= 64 {
                let mut value = words[field.word as usize];
                if let Some(mask) = &element.mask {
                    value &= mask[0];
                }
                key[element.word as usize] |= value << element.shift;
            } else {
                let start = element.word as usize;
                for (i, word) in words[field.range()].iter().enumerate() {
                    let mask = element.mask.as_ref().map_or(u64::MAX, |mask| mask[i]);
                    key[start + i] = word & mask;
                }
            }
        }
    }
}
