//! The parser in native code.
//!
//! Each state is generated once for each depth of the stacks that it can be reached with. So the place
//! of a stack's element in the PHV is known, and a loop over labels is unrolled.

use std::collections::{HashMap, HashSet};
use std::mem::offset_of;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, Value, types};
use cranelift_frontend::Switch;

use super::action::{MOVED_WORDS, Place, stops};
use super::function::Function;
use super::lane::Lane;
use super::native::{Context, FAILED, Helper};
use crate::engine::{MAX_STEPS, Pass};
use crate::number::words_for;
use crate::program::{
    Case, Extraction, Field, HeaderId, KeyPart, Op, OpAt, ParseOp, ParseState, Program, StackId,
};

/// How many blocks a parser may become.
const MAX_BLOCKS: usize = 1024;

/// Whether the parser can be generated: the depth of stacks must be known, and how many states there are
/// with it must be bounded.
pub(super) fn supported(program: &Program) -> bool {
    let changes_depth = |op: &ParseOp| {
        let ParseOp::Run(OpAt { op, .. }) = op else {
            return false;
        };
        matches!(
            op,
            Op::Push { .. } | Op::Pop { .. } | Op::AssignStack { .. }
        )
    };
    let states = &program.parser.states;
    !states
        .iter()
        .flat_map(|state| &state.ops)
        .any(changes_depth)
        && is_bounded(program)
}

/// Whether so few states can be reached, each counted once for each depth of the stacks.
fn is_bounded(program: &Program) -> bool {
    let mut found: HashSet<Reached> = HashSet::new();
    let mut open: Vec<Reached> = start(program).into_iter().collect();
    while let Some(place) = open.pop() {
        if !found.insert(place.clone()) {
            continue;
        }
        if found.len() > MAX_BLOCKS {
            return false;
        }
        open.extend(reached_from(program, place));
    }
    true
}

/// Whether a state can be reached from itself, so that steps must be counted. For a parser that is bounded.
fn has_loop(program: &Program) -> bool {
    // States on the way to the one that is looked at, and those that are done.
    let mut way: Vec<(Reached, Vec<Reached>)> = Vec::new();
    let mut done: HashSet<Reached> = HashSet::new();
    let enter = |place: Reached| (place.clone(), reached_from(program, place));
    way.extend(start(program).map(enter));
    while let Some((_, nexts)) = way.last_mut() {
        match nexts.pop() {
            Some(next) if way.iter().any(|(place, _)| *place == next) => return true,
            Some(next) if done.contains(&next) => {}
            Some(next) => way.push(enter(next)),
            None => done.extend(way.pop().map(|(place, _)| place)),
        }
    }
    false
}

fn start(program: &Program) -> Option<Reached> {
    let depths = vec![0; program.layout.stacks.len()];
    program.parser.start.map(|start| (start, depths))
}

/// The states that may come next.
fn reached_from(program: &Program, (state, mut depths): Reached) -> Vec<Reached> {
    let state = &program.parser.states[state as usize];
    for op in &state.ops {
        if let ParseOp::Extract(Extraction::Stack(stack))
        | ParseOp::ExtractVariable(Extraction::Stack(stack), _) = op
        {
            depths[*stack as usize] += 1;
        }
    }
    let stacks = &program.layout.stacks;
    let fits = depths
        .iter()
        .zip(stacks)
        .all(|(depth, stack)| *depth as usize <= stack.elements.len());
    if !fits {
        return Vec::new();
    }
    successors(state)
        .map(|next| (next, depths.clone()))
        .collect()
}

/// The states that may come next.
pub(super) fn successors(state: &ParseState) -> impl Iterator<Item = u32> {
    let cases = state.cases.iter().filter_map(|case| match case {
        Case::Word { next, .. } | Case::Wide { next, .. } | Case::ValueSet { next, .. } => *next,
    });
    cases.chain(state.default)
}

/// A state, with how many elements were extracted into each stack.
type Reached = (u32, Vec<u32>);

/// Whether the interpreter extracts a header.
fn is_interpreted(program: &Program, header: HeaderId) -> bool {
    let header = &program.layout.headers[header as usize];
    header.variable.is_some() || header.words > MOVED_WORDS
}

struct Parser<'c, 'f, 'p> {
    function: &'c mut Function<'f, 'p>,
    blocks: HashMap<Reached, Block>,
    open: Vec<Reached>,
    /// Takes how many octets were parsed, and the error.
    end: Block,
    packet: Value,
    length: Value,
    /// How many octets were parsed, and how many states entered.
    bytes: Value,
    steps: Value,
    /// Whether steps are counted.
    counted: bool,
}

impl<'f> Function<'f, '_> {
    /// Generates the parser. Gives how many octets it takes, and the error above these 32 bits.
    pub(super) fn parser(&mut self) -> Value {
        let program = self.program;
        let packet = self.context_constant(offset_of!(Context, packet));
        let length = self.context_constant(offset_of!(Context, length));
        let zero = self.constant(0);
        let end = self.block();
        let bytes = self.builder.append_block_param(end, types::I64);
        let error = self.builder.append_block_param(end, types::I64);
        let mut parser = Parser {
            function: self,
            blocks: HashMap::new(),
            open: Vec::new(),
            end,
            packet,
            length,
            bytes: zero,
            steps: zero,
            counted: has_loop(program),
        };
        parser.function.extracted = Some(vec![0; program.layout.stacks.len()]);
        parser.go(program.parser.start);
        while let Some(place) = parser.open.pop() {
            let block = parser.blocks[&place];
            parser.function.enter(block);
            let (state, extracted) = place;
            parser.function.extracted = Some(extracted);
            let parameters = parser.function.builder.block_params(block);
            parser.bytes = parameters[0];
            if let Some(steps) = parameters.get(1) {
                parser.steps = *steps;
            }
            parser.state(state, &program.parser.states[state as usize]);
        }
        self.extracted = None;
        self.enter(end);
        let error = self.builder.ins().ishl_imm_u(error, 32);
        self.builder.ins().bor(bytes, error)
    }

    /// The field of the last element of a stack that `field` is in the first element.
    pub(super) fn last_field(&self, stack: StackId, field: &Field) -> Option<Field> {
        let extracted = *self.extracted.as_ref()?.get(stack as usize)?;
        let stack = &self.program.layout.stacks[stack as usize];
        let index = extracted.checked_sub(1)?;
        let header = *stack.elements.get(index as usize)?;
        Some(Field {
            word: field.word + index * stack.stride,
            header,
            ..*field
        })
    }

    /// Reads `width` bits, 1 to 64, that start `offset` bits after an address in the packet. So many
    /// octets from there are known to be there.
    fn bits(&mut self, address: Value, offset: u32, width: u32, there: u32) -> Lane {
        let (first, last) = (offset / 8, (offset + width - 1) / 8);
        // What lies in one number of 32 bits is read as that, as its neighbours are.
        let four = first & !3;
        let (start, size) = if last < four + 4 && four + 4 <= there {
            (four, 4)
        } else {
            let span = last - first + 1;
            let size = [1, 2, 4, 8]
                .into_iter()
                .find(|size| *size >= span && *size <= there);
            let Some(size) = size else {
                // The last octet, and what is before it.
                let low = 8 * last;
                let low_width = offset + width - low;
                let high = self.bits(address, offset, width - low_width, there);
                let high = self.shift_left(high, low_width);
                let low = self.bits(address, low, low_width, there);
                return self.or(high, low);
            };
            (first.min(there - size), size)
        };
        let value = self.packet_number(size, address, start);
        let bits = 8 * size;
        let lane = Lane::Value { value, bits };
        let lane = self.shift_right(lane, 8 * (start + size) - (offset + width));
        self.cut(lane, width)
    }
}

impl<'p> Parser<'_, '_, 'p> {
    /// Goes to a state, or to the end.
    fn go(&mut self, next: Option<u32>) {
        match next {
            None => {
                let error = self.function.program.parser.errors.no_error;
                let error = self.function.constant(u64::from(error));
                self.finish(error);
            }
            Some(state) => {
                let extracted = self.function.extracted.clone().unwrap_or_default();
                let block = self.state_block((state, extracted));
                let arguments: [BlockArg; 2] = [self.bytes.into(), self.steps.into()];
                let taken = if self.counted { 2 } else { 1 };
                self.function.builder.ins().jump(block, &arguments[..taken]);
            }
        }
    }

    fn state_block(&mut self, place: Reached) -> Block {
        if let Some(block) = self.blocks.get(&place) {
            return *block;
        }
        let block = self.function.block();
        for _ in 0..if self.counted { 2 } else { 1 } {
            self.function.builder.append_block_param(block, types::I64);
        }
        self.blocks.insert(place.clone(), block);
        self.open.push(place);
        block
    }

    fn finish(&mut self, error: Value) {
        let arguments: [BlockArg; 2] = [self.bytes.into(), error.into()];
        self.function.builder.ins().jump(self.end, &arguments);
    }

    /// Ends the parser with an error if the condition is not zero.
    fn fail_if(&mut self, condition: Value, error: u32) {
        let (fail, on) = (self.function.block(), self.function.block());
        self.function.builder.set_cold_block(fail);
        self.function.branch(condition, fail, on);
        self.function.enter(fail);
        self.fail(error);
        self.function.enter(on);
    }

    fn fail(&mut self, error: u32) {
        let error = self.function.constant(u64::from(error));
        self.finish(error);
    }

    /// Ends the parser if so many octets more are not there.
    fn need(&mut self, octets: u64) {
        let error = self.function.program.parser.errors.packet_too_short;
        let octets = i64::try_from(octets).unwrap_or(i64::MAX / 2);
        let builder = &mut self.function.builder;
        let needed = builder.ins().iadd_imm_s(self.bytes, octets);
        let short = builder
            .ins()
            .icmp(IntCC::UnsignedGreaterThan, needed, self.length);
        self.fail_if(short, error);
    }

    /// The parser's position in the packet.
    fn position(&mut self) -> Value {
        self.function.builder.ins().iadd(self.packet, self.bytes)
    }

    fn advance(&mut self, octets: u32) {
        let builder = &mut self.function.builder;
        self.bytes = builder.ins().iadd_imm_s(self.bytes, i64::from(octets));
    }

    fn state(&mut self, index: u32, state: &'p ParseState) {
        let errors = &self.function.program.parser.errors;
        if self.counted {
            self.steps = self.function.builder.ins().iadd_imm_s(self.steps, 1);
            let most = u64::from(MAX_STEPS);
            let over = self
                .function
                .compare(IntCC::UnsignedGreaterThan, self.steps, most);
            self.fail_if(over, errors.parser_timeout);
        }
        for (i, op) in state.ops.iter().enumerate() {
            if !self.operation(op, index, i) {
                // The state always ends with an error.
                return;
            }
        }
        if state
            .ops
            .iter()
            .any(|op| matches!(op, ParseOp::Run(op) if stops(&op.op)))
        {
            let abort = self.function.read_pass(types::I8, offset_of!(Pass, abort));
            self.fail_if(abort, errors.no_error);
        }
        if state.key.is_empty() {
            self.go(state.default);
        } else {
            self.transition(index, state);
        }
    }

    /// Generates an operation of a state; whether what comes after it can be reached.
    fn operation(&mut self, op: &ParseOp, state: u32, index: usize) -> bool {
        let program = self.function.program;
        match op {
            ParseOp::Extract(Extraction::Header(header)) => {
                if is_interpreted(program, *header) {
                    self.interpret(state, index);
                } else {
                    self.extract(*header);
                }
            }
            ParseOp::Extract(Extraction::Stack(stack)) => {
                let Some(header) = self.element(*stack) else {
                    self.fail(program.parser.errors.stack_out_of_bounds);
                    return false;
                };
                if is_interpreted(program, header) {
                    self.interpret(state, index);
                } else {
                    self.extract(header);
                    let extracted = self.extracted(*stack);
                    let next = program.layout.stacks[*stack as usize].next;
                    let extracted = Lane::Constant(u64::from(extracted) + 1);
                    self.function.write(next, extracted);
                }
                self.count(*stack);
            }
            ParseOp::ExtractVariable(Extraction::Stack(stack), _) => {
                self.interpret(state, index);
                self.count(*stack);
            }
            ParseOp::Run(OpAt {
                op: Op::Lookahead { to, offset, width },
                ..
            }) if (1..=64).contains(width) && (1..=64).contains(&to.width) => {
                let value = self.look_ahead(*offset, *width);
                let value = self.function.cut(value, to.width);
                self.function.write(to.word, value);
            }
            ParseOp::Run(OpAt { op, .. })
                if !matches!(
                    op,
                    Op::Lookahead { .. }
                        | Op::Jump(_)
                        | Op::JumpIfZero { .. }
                        | Op::JumpUnless { .. }
                ) =>
            {
                self.function.operation(op, index, Place::State(state));
            }
            ParseOp::Verify { condition, error }
                if self.function.support().condition(condition)
                    && matches!(error.node, crate::program::Arithmetic::Constant(0..)) =>
            {
                let crate::program::Arithmetic::Constant(error) = error.node else {
                    return true;
                };
                let (wrong, right) = (self.function.block(), self.function.block());
                self.function.branch_on(condition, right, wrong);
                self.function.enter(wrong);
                self.fail(u32::try_from(error).unwrap_or(u32::MAX));
                self.function.enter(right);
            }
            ParseOp::Advance(_)
            | ParseOp::Verify { .. }
            | ParseOp::Run(_)
            | ParseOp::Extract(_)
            | ParseOp::ExtractVariable(..) => self.interpret(state, index),
        }
        true
    }

    fn extracted(&self, stack: StackId) -> u32 {
        let extracted = self.function.extracted.as_ref();
        extracted.map_or(0, |all| all[stack as usize])
    }

    /// The element of a stack that is extracted next.
    fn element(&self, stack: StackId) -> Option<HeaderId> {
        let index = self.extracted(stack) as usize;
        let elements = &self.function.program.layout.stacks[stack as usize].elements;
        elements.get(index).copied()
    }

    fn count(&mut self, stack: StackId) {
        if let Some(extracted) = &mut self.function.extracted {
            extracted[stack as usize] += 1;
        }
    }

    /// Leaves an operation to the interpreter.
    fn interpret(&mut self, state: u32, index: usize) {
        let state = self.function.constant(u64::from(state));
        let index = self.function.constant(index as u64);
        let result = self
            .function
            .call(Helper::ParseOperation, &[state, index, self.bytes]);
        self.function.all_changed();
        self.unless_failed(result);
        self.bytes = result;
    }

    /// Ends the parser if the interpreter gave an error.
    fn unless_failed(&mut self, result: Value) {
        let (fail, on) = (self.function.block(), self.function.block());
        let bit = self.function.constant(FAILED);
        let failed = self.function.builder.ins().band(result, bit);
        self.function.branch(failed, fail, on);
        self.function.enter(fail);
        let mask = self.function.constant(u64::from(u32::MAX));
        let error = self.function.builder.ins().band(result, mask);
        self.finish(error);
        self.function.enter(on);
    }

    fn extract(&mut self, header: HeaderId) {
        let definition = &self.function.program.layout.headers[header as usize];
        self.need(u64::from(definition.bytes));
        let address = self.position();
        self.function.extracting(header, self.bytes, |function| {
            for item in &definition.fields {
                let field = &item.field;
                let mut left = field.width;
                for i in (0..words_for(field.width) as u32).rev() {
                    let width = left - 64 * i;
                    let offset = item.bit_offset + field.width - left;
                    let lane = function.bits(address, offset, width, definition.bytes);
                    function.write(field.word + i, lane);
                    left -= width;
                }
            }
            function.mark_valid(header);
        });
        self.advance(definition.bytes);
    }

    /// Reads 1 to 64 bits of what comes next.
    fn look_ahead(&mut self, offset: u32, width: u32) -> Lane {
        let octets = (u64::from(offset) + u64::from(width)).div_ceil(8);
        self.need(octets);
        let address = self.position();
        let there = u32::try_from(octets).unwrap_or(u32::MAX);
        self.function.bits(address, offset, width, there)
    }

    fn transition(&mut self, index: u32, state: &ParseState) {
        let narrow = state.key_width <= 64
            && state.key.iter().all(|part| match part {
                KeyPart::Field(field) | KeyPart::StackLast { field, .. } => {
                    (1..=64).contains(&field.width)
                }
                KeyPart::Lookahead { width, .. } => (1..=64).contains(width),
                KeyPart::UnionStackLast { .. } => false,
            })
            && state
                .cases
                .iter()
                .all(|case| matches!(case, Case::Word { .. }));
        if !narrow {
            self.interpreted_transition(index, state);
            return;
        }
        let mut key = Lane::ZERO;
        for part in &state.key {
            let value = match part {
                KeyPart::Field(field) => self.function.read(field.word, field.width),
                KeyPart::StackLast { stack, field } => {
                    match self.function.last_field(*stack, field) {
                        Some(field) => self.function.read(field.word, field.width),
                        None => Lane::ZERO,
                    }
                }
                KeyPart::Lookahead { offset, width } => self.look_ahead(*offset, *width),
                KeyPart::UnionStackLast { .. } => Lane::ZERO,
            };
            let width = part.width().div_ceil(8) * 8;
            key = if width >= 64 {
                value
            } else {
                let shifted = self.function.shift_left(key, width);
                self.function.or(shifted, value)
            };
        }
        for case in &state.cases {
            let Case::Word { value, mask, next } = case else {
                continue;
            };
            let masked = self.function.and(key, Lane::Constant(*mask));
            let equal = self
                .function
                .test(IntCC::Equal, masked, Lane::Constant(*value));
            let (taken, on) = (self.function.block(), self.function.block());
            let equal = self.function.value(equal);
            self.function.branch(equal, taken, on);
            self.function.enter(taken);
            self.go(*next);
            self.function.enter(on);
        }
        self.go(state.default);
    }

    /// Lets the interpreter say where to go.
    fn interpreted_transition(&mut self, index: u32, state: &ParseState) {
        let index = self.function.constant(u64::from(index));
        let result = self.function.call(Helper::Transition, &[index, self.bytes]);
        self.unless_failed(result);
        let mut nexts: Vec<u32> = successors(state).collect();
        nexts.sort_unstable();
        nexts.dedup();
        let accept = self.function.block();
        let mut switch = Switch::new();
        let mut blocks = Vec::new();
        for next in nexts {
            let block = self.function.block();
            switch.set_entry(u128::from(next) + 1, block);
            blocks.push((block, next));
        }
        switch.emit(&mut self.function.builder, result, accept);
        for (block, next) in blocks {
            self.function.enter(block);
            self.go(Some(next));
        }
        self.function.enter(accept);
        self.go(None);
    }
}
