//! Operations and actions in native code.

use std::mem::offset_of;

use cranelift_codegen::ir::{Block, InstBuilder, types};

use super::expression::Support;
use super::function::Function;
use super::in_place::leaves_headers;
use super::lane::Lane;
use super::native::Helper;
use crate::engine::Pass;
use crate::number::{low_mask, words_for};
use crate::program::{
    Action, Arithmetic, Expression, Field, FieldTarget, HeaderId, HeaderRef, Op, OpAt, StackId,
};

/// How many words an operation may move before it is left to the interpreter.
pub(super) const MOVED_WORDS: u32 = 256;

/// Which operation the interpreter is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// The action of this index.
    Action(u32),
    /// The deparser.
    Deparser,
    /// The parser's state of this index.
    State(u32),
}

impl Place {
    /// As a number for [`super::native`].
    pub(super) const fn number(self) -> (u64, u64) {
        match self {
            Self::Action(index) => (0, index as u64),
            Self::Deparser => (1, 0),
            Self::State(index) => (2, index as u64),
        }
    }
}

/// Whether an operation can end the pipeline, or the packet.
pub(super) fn stops(op: &Op) -> bool {
    matches!(op, Op::Exit | Op::Assert { .. })
}

impl Function<'_, '_> {
    /// Generates an action with the arguments that are set. Goes on in a block of its own.
    pub(super) fn action(&mut self, index: u32, action: &Action) {
        if action.loops {
            // Its steps are counted.
            self.hand_arguments();
            let index = self.constant(u64::from(index));
            self.call(Helper::Action, &[index]);
            self.all_changed();
            return;
        }
        self.operations(&action.ops, Place::Action(index));
    }

    /// Generates operations that run one after the other, but for jumps ahead.
    pub(super) fn operations(&mut self, ops: &[OpAt], place: Place) {
        // Where something jumps to, a block begins.
        let mut blocks: Vec<Option<Block>> = vec![None; ops.len() + 1];
        for op in ops {
            if let Op::Jump(to) | Op::JumpIfZero { to, .. } | Op::JumpUnless { to, .. } = &op.op {
                let to = (*to as usize).min(ops.len());
                if blocks[to].is_none() {
                    blocks[to] = Some(self.block());
                }
            }
        }
        let end = match blocks[ops.len()] {
            Some(end) => end,
            None => {
                let end = self.block();
                blocks[ops.len()] = Some(end);
                end
            }
        };
        for (i, op) in ops.iter().enumerate() {
            if let Some(block) = blocks[i] {
                self.jump(block);
                self.enter(block);
            }
            let target = |to: u32| blocks[(to as usize).min(ops.len())].unwrap_or(end);
            match &op.op {
                Op::Jump(to) => {
                    self.jump(target(*to));
                    // What follows is reached by jumps only.
                    let next = self.block();
                    self.enter(next);
                }
                Op::JumpIfZero { value, to } => {
                    let next = self.block();
                    self.jump_if_zero(value, i, place, target(*to), next);
                    self.enter(next);
                }
                Op::JumpUnless { condition, to } => {
                    let next = self.block();
                    if self.support().condition(condition) {
                        self.branch_on(condition, next, target(*to));
                    } else {
                        let holds = self.interpret(i, place);
                        self.branch(holds, next, target(*to));
                    }
                    self.enter(next);
                }
                _ => self.operation(&op.op, i, place),
            }
            if let Op::Assert { .. } = &op.op {
                let abort = self.read_pass(types::I8, offset_of!(Pass, abort));
                let next = self.block();
                self.branch(abort, end, next);
                self.enter(next);
            }
        }
        self.jump(end);
        self.enter(end);
    }

    pub(super) fn support(&self) -> Support {
        Support {
            in_parser: self.extracted.is_some(),
        }
    }

    fn jump_if_zero(
        &mut self,
        value: &Expression,
        index: usize,
        place: Place,
        zero: Block,
        next: Block,
    ) {
        let any = if self.support().expression(value) {
            let number = self.expression(value);
            let any = self.any(&number);
            self.value(any)
        } else {
            self.interpret(index, place)
        };
        self.branch(any, next, zero);
    }

    /// Tells the switch where the arguments of the action are.
    fn hand_arguments(&mut self) {
        if let Some(arguments) = self.arguments {
            self.set_arguments(arguments);
        }
    }

    /// Leaves an operation to the interpreter. Of a jump it says whether it is not taken.
    fn interpret(&mut self, index: usize, place: Place) -> cranelift_codegen::ir::Value {
        self.hand_arguments();
        let (kind, list) = place.number();
        let arguments = [kind, list, index as u64].map(|number| self.constant(number));
        self.call(Helper::Operation, &arguments)
    }

    /// Generates an operation that is no jump.
    pub(super) fn operation(&mut self, op: &Op, index: usize, place: Place) {
        if !self.generate(op) {
            self.interpret(index, place);
            if !leaves_headers(op) {
                self.all_changed();
            }
        }
    }

    /// Generates an operation if that is known how.
    fn generate(&mut self, op: &Op) -> bool {
        match op {
            Op::SetWord { to, value } => self.write(*to, Lane::Constant(*value)),
            Op::CopyWord { to, from, mask } => {
                let value = self.read(*from, 64);
                let value = self.and(value, Lane::Constant(*mask));
                self.write(*to, value);
            }
            Op::CopyParameter {
                to,
                word,
                shift,
                mask,
            } => {
                let value = self.argument(*word, *shift, 64 - *shift);
                let value = self.and(value, Lane::Constant(*mask));
                self.write(*to, value);
            }
            Op::AddWord {
                to,
                from,
                addend,
                mask,
            } => {
                let value = self.read(*from, 64);
                let value = self.add(value, Lane::Constant(*addend));
                let value = self.and(value, Lane::Constant(*mask));
                self.write(*to, value);
            }
            Op::CopyField { to, from } => {
                let words = words_for(from.width) as u32;
                if words > MOVED_WORDS {
                    return false;
                }
                self.copy_words(from.word, to.word, words);
            }
            Op::AssignVariable { to, from } => {
                // The word before the value holds the length.
                let words = words_for(from.width) as u32 + 1;
                if words > MOVED_WORDS {
                    return false;
                }
                self.copy_words(from.word - 1, to.word - 1, words);
            }
            Op::Assign {
                to: FieldTarget::Fixed(to),
                value,
            } if self.support().expression(value) && words_for(to.width) as u32 <= MOVED_WORDS => {
                let number = self.expression(value);
                self.assign(to, &number);
            }
            Op::AssignHeader {
                to: HeaderRef::Fixed(to),
                from: HeaderRef::Fixed(from),
            } => return self.copy_header(*to, *from),
            Op::AddHeader(HeaderRef::Fixed(header)) => return self.add_header(*header),
            Op::AddHeaderFast(HeaderRef::Fixed(header)) => self.mark_valid(*header),
            Op::RemoveHeader(HeaderRef::Fixed(header)) => self.remove_header(*header),
            Op::Push { stack, count } => match constant(count) {
                Some(count) => return self.push(*stack, count),
                None => return false,
            },
            Op::Pop { stack, count } => match constant(count) {
                Some(count) => return self.pop(*stack, count),
                None => return false,
            },
            Op::MarkToDrop {
                egress_spec,
                multicast_group,
            } => {
                let port = u64::from(self.target.drop_port) & low_mask(egress_spec.width);
                self.write(egress_spec.word, Lane::Constant(port));
                if let Some(group) = multicast_group {
                    self.write(group.word, Lane::ZERO);
                }
            }
            Op::Hash {
                to: FieldTarget::Fixed(to),
                base,
                calculation,
                size,
            } => match (constant(base), constant(size)) {
                (Some(base), Some(size)) => {
                    let hash = self.calculation(*calculation);
                    self.write_hash(to, hash, base, size.max(1));
                }
                _ => return false,
            },
            Op::Exit => {
                let yes = self.builder.ins().iconst(types::I8, 1);
                self.write_pass(yes, offset_of!(Pass, exit));
            }
            Op::Nothing => {}
            _ => return false,
        }
        true
    }

    /// Copies words that may overlap.
    fn copy_words(&mut self, from: u32, to: u32, words: u32) {
        let values: Vec<Lane> = (0..words).map(|i| self.read(from + i, 64)).collect();
        for (i, value) in (0..).zip(values) {
            self.write(to + i, value);
        }
    }

    fn write_hash(&mut self, to: &Field, hash: Lane, base: u64, size: u64) {
        let hash = if size.is_power_of_two() {
            self.and(hash, Lane::Constant(size - 1))
        } else {
            let (hash, size) = (self.value(hash), self.constant(size));
            let value = self.builder.ins().urem(hash, size);
            Lane::Value { value, bits: 64 }
        };
        let hash = self.add(hash, Lane::Constant(base));
        for i in 1..words_for(to.width) as u32 {
            self.write(to.word + i, Lane::ZERO);
        }
        let hash = self.cut(hash, to.width.min(64));
        self.write(to.word, hash);
    }

    /// Makes a header valid; of a union no other member stays valid.
    pub(super) fn mark_valid(&mut self, header: HeaderId) {
        let layout = &self.program.layout;
        let definition = &layout.headers[header as usize];
        if let Some(union) = definition.union {
            for member in &layout.unions[union as usize].members {
                let start = layout.headers[*member as usize].start;
                self.write(start, Lane::ZERO);
            }
        }
        self.write(definition.start, Lane::Constant(1));
    }

    fn validity(&mut self, header: HeaderId) -> cranelift_codegen::ir::Value {
        let start = self.program.layout.headers[header as usize].start;
        let valid = self.read(start, 64);
        self.value(valid)
    }

    fn add_header(&mut self, header: HeaderId) -> bool {
        let definition = &self.program.layout.headers[header as usize];
        if definition.words > MOVED_WORDS {
            return false;
        }
        let (add, end) = (self.block(), self.block());
        let valid = self.validity(header);
        self.branch(valid, end, add);
        self.enter(add);
        for word in definition.start + 1..definition.start + definition.words {
            self.write(word, Lane::ZERO);
        }
        self.mark_valid(header);
        let at = offset_of!(Pass, packet_length);
        let length = self.read_pass(types::I64, at);
        let bytes = i64::from(definition.bytes);
        let length = self.builder.ins().iadd_imm_s(length, bytes);
        self.write_pass(length, at);
        self.jump(end);
        self.enter(end);
        true
    }

    fn remove_header(&mut self, header: HeaderId) {
        let definition = &self.program.layout.headers[header as usize];
        let (remove, end) = (self.block(), self.block());
        let valid = self.validity(header);
        self.branch(valid, remove, end);
        self.enter(remove);
        let mut bytes = Lane::Constant(u64::from(definition.bytes));
        if let Some(field) = definition.variable {
            let field = definition.fields[field as usize].field;
            let length = self.read(field.word - 1, 64);
            let length = self.shift_right(length, 3);
            bytes = self.add(bytes, length);
        }
        let at = offset_of!(Pass, packet_length);
        let length = Lane::Value {
            value: self.read_pass(types::I64, at),
            bits: 64,
        };
        let less = self.subtract(length, bytes);
        let enough = self.test(
            cranelift_codegen::ir::condcodes::IntCC::UnsignedGreaterThanOrEqual,
            length,
            bytes,
        );
        let length = self.choose(enough, less, Lane::ZERO);
        let length = self.value(length);
        self.write_pass(length, at);
        self.write(definition.start, Lane::ZERO);
        self.jump(end);
        self.enter(end);
    }

    fn copy_header(&mut self, to: HeaderId, from: HeaderId) -> bool {
        let layout = &self.program.layout;
        let (target, source) = (&layout.headers[to as usize], &layout.headers[from as usize]);
        if source.words > MOVED_WORDS {
            return false;
        }
        let (copy, clear, end) = (self.block(), self.block(), self.block());
        let valid = self.validity(from);
        self.branch(valid, copy, clear);
        self.enter(clear);
        self.write(target.start, Lane::ZERO);
        self.jump(end);
        self.enter(copy);
        if to != from {
            self.copy_words(source.start + 1, target.start + 1, source.words - 1);
        }
        self.mark_valid(to);
        self.jump(end);
        self.enter(end);
        true
    }

    fn push(&mut self, stack: StackId, count: u64) -> bool {
        let stack = &self.program.layout.stacks[stack as usize];
        let size = stack.elements.len() as u32;
        let count = u32::try_from(count).unwrap_or(size).min(size);
        if size * stack.stride > MOVED_WORDS {
            return false;
        }
        let next = self.read(stack.next, 32);
        let next = self.add(next, Lane::Constant(u64::from(count)));
        let most = Lane::Constant(u64::from(size));
        let over = self.test(
            cranelift_codegen::ir::condcodes::IntCC::UnsignedGreaterThan,
            next,
            most,
        );
        let next = self.choose(over, most, next);
        self.write(stack.next, next);
        for word in (stack.start..stack.start + (size - count) * stack.stride).rev() {
            self.copy_words(word, word + count * stack.stride, 1);
        }
        for element in 0..count {
            self.write(stack.start + element * stack.stride, Lane::ZERO);
        }
        true
    }

    /// Moves an element of a stack if it is valid.
    fn move_element(&mut self, to: u32, from: u32, words: u32) {
        let (copy, clear, end) = (self.block(), self.block(), self.block());
        let valid = self.read(from, 1);
        let valid = self.value(valid);
        self.branch(valid, copy, clear);
        self.enter(copy);
        self.copy_words(from, to, words);
        self.jump(end);
        self.enter(clear);
        self.write(to, Lane::ZERO);
        self.jump(end);
        self.enter(end);
    }

    fn pop(&mut self, stack: StackId, count: u64) -> bool {
        let stack = &self.program.layout.stacks[stack as usize];
        let size = stack.elements.len() as u32;
        let count = u32::try_from(count).unwrap_or(size).min(size);
        if size * stack.stride > MOVED_WORDS {
            return false;
        }
        let count_lane = Lane::Constant(u64::from(count));
        let next = self.read(stack.next, 64);
        let less = self.subtract(next, count_lane);
        let enough = self.test(
            cranelift_codegen::ir::condcodes::IntCC::UnsignedGreaterThanOrEqual,
            next,
            count_lane,
        );
        let next = self.choose(enough, less, Lane::ZERO);
        self.write(stack.next, next);
        if count > 0 {
            for element in 0..size - count {
                let to = stack.start + element * stack.stride;
                self.move_element(to, to + count * stack.stride, stack.stride);
            }
        }
        for element in size - count..size {
            self.write(stack.start + element * stack.stride, Lane::ZERO);
        }
        true
    }
}

/// The value of an expression that is a constant of at most 63 bits.
fn constant(expression: &Expression) -> Option<u64> {
    match &expression.node {
        Arithmetic::Constant(value) => u64::try_from(*value).ok(),
        _ => None,
    }
}
