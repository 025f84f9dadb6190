//! Tables, conditions and pipelines in native code.

use std::collections::HashMap;
use std::mem::offset_of;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, InstBuilder, Value, types};
use cranelift_frontend::Switch;

use super::action::stops;
use super::function::Function;
use super::lane::Lane;
use super::native::{Context, HIT, Helper, Last, RECORD_HIT};
use crate::engine::Pass;
use crate::program::{KeySource, Matcher, Next, Node, Program, Table, TableKind};
use crate::state::{NO_CALL, Record, RecordSize};

/// The action that a table always runs: that of a table which a compiler made of a statement between
/// tables.
pub(super) fn only_action(program: &Program, table: &Table) -> Option<u32> {
    let default = table.default.as_ref()?;
    let constant = table.matcher == Matcher::None
        && table.default_entry_constant
        && !table.with_counters
        && program.actions[default.action as usize].words == 0;
    constant.then_some(default.action)
}

/// The size of the records of a table that [`Helper::Record`] knows.
pub(super) fn recorded(program: &Program, table: &Table) -> Option<RecordSize> {
    let size = RecordSize::of(program, table);
    let simple = table.kind == TableKind::Simple
        && table.meter.is_none()
        && !table.support_timeout
        && size != RecordSize::Large;
    simple.then_some(size)
}

/// What a table gave for a packet.
#[derive(Clone, Copy)]
struct Found {
    /// The number that a call gave.
    value: Value,
    /// Which of its bits says that there is an entry.
    hit: u64,
    /// The action, and the number that stands for none.
    action: Value,
    /// Added to the index of an action, it gives the number that stands for it.
    bias: u128,
    none: u128,
    arguments: Value,
}

/// Generates the nodes of a pipeline.
pub(super) struct Pipeline<'c, 'f, 'p> {
    function: &'c mut Function<'f, 'p>,
    blocks: HashMap<Node, Block>,
    /// Nodes that are still to be generated.
    open: Vec<Node>,
    end: Block,
}

impl<'c, 'f, 'p> Pipeline<'c, 'f, 'p> {
    /// Generates a pipeline; the function goes on at its end.
    pub(super) fn generate(function: &'c mut Function<'f, 'p>, start: Next) {
        let end = function.block();
        let mut pipeline = Self {
            function,
            blocks: HashMap::new(),
            open: Vec::new(),
            end,
        };
        let first = pipeline.next(start);
        pipeline.function.jump(first);
        while let Some(node) = pipeline.open.pop() {
            let block = pipeline.blocks[&node];
            pipeline.function.enter(block);
            pipeline.node(node);
        }
        pipeline.function.enter(end);
    }

    /// The block of what comes next.
    fn next(&mut self, next: Next) -> Block {
        let Some(node) = next else {
            return self.end;
        };
        *self.blocks.entry(node).or_insert_with(|| {
            self.open.push(node);
            self.function.block()
        })
    }

    fn node(&mut self, node: Node) {
        let program: &'p Program = self.function.program;
        match node {
            Node::Conditional(index) => {
                let conditional = &program.conditionals[index as usize];
                let then = self.next(conditional.then);
                let otherwise = self.next(conditional.otherwise);
                let condition = &conditional.condition;
                if self.function.support().condition(condition) {
                    self.function.branch_on(condition, then, otherwise);
                } else {
                    let index = self.function.constant(u64::from(index));
                    let holds = self.function.call(Helper::Condition, &[index]);
                    self.function.branch(holds, then, otherwise);
                }
            }
            Node::Table(index) => self.table(index, &program.tables[index as usize]),
        }
    }

    fn table(&mut self, index: u32, table: &'p Table) {
        if let Some(action) = only_action(self.function.program, table) {
            self.run(action);
            let next = table.next_miss.unwrap_or(table.next[action as usize]);
            self.check(table, Some(action));
            let next = self.next(next);
            self.function.jump(next);
            return;
        }
        let found = match recorded(self.function.program, table) {
            Some(size) => self.record(index, table, size),
            None => self.apply(index, table),
        };
        let (none, other) = (self.function.block(), self.function.block());
        let mut switch = Switch::new();
        switch.set_entry(found.none, none);
        let actions = actions(self.function.program, table);
        let mut blocks = Vec::new();
        for id in actions {
            let block = self.function.block();
            switch.set_entry(u128::from(id) + found.bias, block);
            blocks.push((id, block));
        }
        switch.emit(&mut self.function.builder, found.action, other);
        for (id, block) in blocks {
            self.function.enter(block);
            self.function.arguments = Some(found.arguments);
            self.run(id);
            self.after(table, found, Some(id));
        }
        self.function.enter(none);
        self.after(table, found, None);
        // No entry has another action: the control plane refuses it.
        self.function.enter(other);
        self.after(table, found, None);
    }

    /// Asks the switch for what a table does.
    fn apply(&mut self, index: u32, table: &'p Table) -> Found {
        let key = self.key(table);
        let key = self.stored(&key);
        let index = self.function.constant(u64::from(index));
        let value = self.function.call(Helper::Apply, &[index, key]);
        // A meter writes a field, and the action of a group may run before that of a member.
        if table.meter.is_some() || matches!(table.kind, TableKind::WithSelector(_)) {
            self.function.all_changed();
        }
        Found {
            value,
            hit: HIT,
            action: self.function.builder.ins().ireduce(types::I32, value),
            bias: 1,
            none: 0,
            arguments: self.function.given_arguments(),
        }
    }

    /// As [`Pipeline::apply`], for a table with records: counts, and finds the action in the record.
    fn record(&mut self, index: u32, table: &'p Table, size: RecordSize) -> Found {
        let key = self.key(table);
        let table_index = self.function.constant(u64::from(index));
        let value = if let [word] = *key {
            let word = self.function.value(word);
            self.remembered(index, word, |pipeline, last, place| {
                if table.matcher == Matcher::Exact {
                    let ask = |function: &mut Function<'_, '_>| {
                        let helper = Helper::RecordOfWord(size);
                        function.call(helper, &[table_index, word])
                    };
                    return pipeline.function.probe(last, place, word, size, ask);
                }
                let key = pipeline.stored(&key);
                let helper = Helper::Record(size);
                pipeline.function.call(helper, &[table_index, key])
            })
        } else {
            let key = self.stored(&key);
            self.function
                .call(Helper::Record(size), &[table_index, key])
        };
        let function = &mut *self.function;
        let mask = function.constant(!RECORD_HIT);
        let record = function.builder.ins().band(value, mask);
        if table.with_counters {
            function.count(record);
        }
        let at = offset_of!(Record<1>, action);
        let action = function.record_word(types::I32, record, at);
        let arguments = function
            .builder
            .ins()
            .iadd_imm_u(record, offset_of!(Record<1>, arguments) as i64);
        Found {
            value,
            hit: RECORD_HIT,
            action,
            bias: 0,
            none: u128::from(NO_CALL as u32),
            arguments,
        }
    }

    /// What a table gave last, if that was for the same key; otherwise what it gives now.
    fn remembered(
        &mut self,
        index: u32,
        key: Value,
        find: impl FnOnce(&mut Self, Value, usize) -> Value,
    ) -> Value {
        let function = &mut *self.function;
        let (anew, done) = (function.block(), function.block());
        function.builder.append_block_param(done, types::I64);
        let last = function.context_constant(offset_of!(Context, last));
        let place = index as usize * size_of::<Last>();
        let key_at = place + offset_of!(Last, key);
        let found_at = place + offset_of!(Last, found);
        let last_key = function.record_word(types::I64, last, key_at);
        let last_found = function.record_word(types::I64, last, found_at);
        let same = function.builder.ins().icmp(IntCC::Equal, last_key, key);
        let there = function.compare(IntCC::NotEqual, last_found, 0);
        let both = function.builder.ins().band(same, there);
        let kept = last_found.into();
        function.builder.ins().brif(both, done, &[kept], anew, &[]);
        function.enter(anew);
        let found = find(self, last, place);
        let function = &mut *self.function;
        function.set_record_word(key, last, key_at);
        function.set_record_word(found, last, found_at);
        function.builder.ins().jump(done, &[found.into()]);
        function.enter(done);
        function.builder.block_params(done)[0]
    }

    fn run(&mut self, action: u32) {
        let program: &'p Program = self.function.program;
        self.function
            .action(action, &program.actions[action as usize]);
        self.function.arguments = None;
    }

    /// Goes to what comes after an action of a table.
    fn after(&mut self, table: &Table, found: Found, action: Option<u32>) {
        let by_action = match action {
            Some(action) => table.next[action as usize],
            None => table.next_default,
        };
        let hit = table.next_hit.unwrap_or(by_action);
        let miss = table.next_miss.unwrap_or(by_action);
        let (hit, miss) = (self.next(hit), self.next(miss));
        self.check(table, action);
        if hit == miss {
            self.function.jump(hit);
            return;
        }
        let bit = self.function.constant(found.hit);
        let was_hit = self.function.builder.ins().band(found.value, bit);
        self.function.branch(was_hit, hit, miss);
    }

    /// Ends the pipeline if an action of the table said so.
    fn check(&mut self, table: &Table, action: Option<u32>) {
        let program = self.function.program;
        let can_stop = |action: &u32| {
            let action = &program.actions[*action as usize];
            action.loops || action.ops.iter().any(|op| stops(&op.op))
        };
        // An action set of an entry can have an action for all of the set besides.
        let of_set = matches!(table.kind, TableKind::WithSelector(_))
            && actions(program, table).iter().any(can_stop);
        if !action.iter().any(can_stop) && !of_set {
            return;
        }
        let function = &mut *self.function;
        let exit = function.read_pass(types::I8, offset_of!(Pass, exit));
        let abort = function.read_pass(types::I8, offset_of!(Pass, abort));
        let either = function.builder.ins().bor(exit, abort);
        let on = function.block();
        function.branch(either, self.end, on);
        function.enter(on);
    }

    /// Writes a key to memory of the function's own, and gives the address.
    fn stored(&mut self, key: &[Lane]) -> Value {
        if key.is_empty() {
            return self.function.constant(0);
        }
        let address = self.function.stack(key.len());
        for (i, lane) in (0..).zip(key) {
            self.function.store_word(*lane, address, i);
        }
        address
    }

    /// Packs the key of a table.
    fn key(&mut self, table: &Table) -> Vec<Lane> {
        let function = &mut *self.function;
        if table.matcher == Matcher::None {
            return Vec::new();
        }
        let mut key = vec![Lane::ZERO; table.key_words];
        for element in &table.key {
            let word = element.word as usize;
            let (field, valid) = match &element.source {
                KeySource::Valid(start) => {
                    let valid = function.read(*start, 1);
                    let valid = function.shift_left(valid, element.shift);
                    key[word] = function.or(key[word], valid);
                    continue;
                }
                KeySource::Field { field, valid } => (field, valid),
            };
            // The fields of a header that is not valid count as 0, as in BMv2.
            let present = valid.map(|valid| function.read(valid, 1));
            for i in 0..element.words.max(1) as usize {
                let bits = (element.width - 64 * i as u32).min(64);
                let mut lane = function.read(field.word + i as u32, bits);
                if let Some(mask) = &element.mask {
                    let mask = mask.get(i).copied().unwrap_or(0);
                    lane = function.and(lane, Lane::Constant(mask));
                }
                if let Some(present) = present {
                    lane = function.choose(present, lane, Lane::ZERO);
                }
                if element.width <= 64 {
                    lane = function.shift_left(lane, element.shift);
                }
                key[word + i] = function.or(key[word + i], lane);
            }
        }
        key
    }
}

/// The actions that entries of a table can have.
pub(super) fn actions(program: &Program, table: &Table) -> Vec<u32> {
    let mut actions = table.actions.clone();
    actions.extend(table.default.as_ref().map(|default| default.action));
    if let TableKind::Indirect(profile) | TableKind::WithSelector(profile) = table.kind {
        actions.extend(&program.profiles[profile as usize].actions);
    }
    actions.sort_unstable();
    actions.dedup();
    actions
}
