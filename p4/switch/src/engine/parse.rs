//! The parser.

use super::bits::{read, read_words};
use super::{MAX_STEPS, Machine, Tracer};
use crate::number::{cut, words_for};
use crate::program::{
    Case, Extraction, Field, HeaderId, KeyPart, Op, ParseOp, ParseState, ParserErrors,
};

/// What the parser came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parsed {
    /// How many bytes of the packet it took.
    pub(crate) bytes: usize,
    /// The value of the error that it stopped with, or of `NoError`.
    pub(crate) error: u32,
}

/// Bits of the packet that are not there.
struct TooShort;

impl<'a, T: Tracer> Machine<'a, T> {
    /// Runs the parser over a packet.
    pub(super) fn parse(&mut self, packet: &[u8]) -> Parsed {
        if let Some(code) = self.code
            && let Some(machine) = T::untraced(self)
            && let Some(parsed) = machine.run_parser(code, packet)
        {
            return parsed;
        }
        let program = self.program;
        let errors = &program.parser.errors;
        let mut bytes = 0;
        let mut error = errors.no_error;
        let mut next = program.parser.start;
        let mut steps = 0;
        while let Some(index) = next {
            let state = &program.parser.states[index as usize];
            if T::ON {
                self.tracer.state(state);
            }
            steps += 1;
            if steps > MAX_STEPS {
                // Such a loop takes nothing from the packet.
                error = errors.parser_timeout;
                break;
            }
            match self.parse_state(state, packet, &mut bytes) {
                Ok(following) => next = following,
                Err(code) => {
                    error = code;
                    break;
                }
            }
            if self.pass.abort {
                break;
            }
        }
        if T::ON {
            self.tracer.parsed(program, error, bytes);
        }
        Parsed { bytes, error }
    }

    fn parse_state(
        &mut self,
        state: &ParseState,
        packet: &[u8],
        bytes: &mut usize,
    ) -> Result<Option<u32>, u32> {
        for op in &state.ops {
            self.parse_operation(op, packet, bytes)?;
        }
        if state.key.is_empty() {
            return Ok(state.default);
        }
        self.parse_transition(state, packet, *bytes)
    }

    /// Runs an operation of a state, `bytes` into the packet.
    pub(crate) fn parse_operation(
        &mut self,
        op: &ParseOp,
        packet: &[u8],
        bytes: &mut usize,
    ) -> Result<(), u32> {
        let program = self.program;
        let errors = &program.parser.errors;
        match op {
            ParseOp::Extract(target) => {
                let header = self.extraction(*target, errors)?;
                self.extract(header, packet, bytes, 0, errors)?;
                self.extracted(*target, header);
            }
            ParseOp::ExtractVariable(target, length) => {
                let length = self.scope(&[]).to_u64(length);
                let header = self.extraction(*target, errors)?;
                self.extract(header, packet, bytes, length, errors)?;
                self.extracted(*target, header);
            }
            ParseOp::Verify { condition, error } => {
                if !self.scope(&[]).holds(condition) {
                    let code = self.scope(&[]).to_u64(error);
                    return Err(u32::try_from(code).unwrap_or(u32::MAX));
                }
            }
            ParseOp::Advance(bits) => {
                let bits = self.scope(&[]).to_u64(bits);
                if !bits.is_multiple_of(8) {
                    return Err(errors.parser_invalid_argument);
                }
                let left = packet.len().saturating_sub(*bytes) as u64;
                if bits / 8 > left {
                    return Err(errors.packet_too_short);
                }
                *bytes += (bits / 8) as usize;
            }
            ParseOp::Run(op) => {
                if let Op::Lookahead { to, offset, width } = &op.op {
                    self.lookahead(to, packet, *bytes, *offset, *width)
                        .map_err(|TooShort| errors.packet_too_short)?;
                } else {
                    self.run_one(op);
                }
            }
        }
        Ok(())
    }

    /// The state that comes next.
    pub(crate) fn parse_transition(
        &mut self,
        state: &ParseState,
        packet: &[u8],
        bytes: usize,
    ) -> Result<Option<u32>, u32> {
        let too_short = self.program.parser.errors.packet_too_short;
        self.transition(state, packet, bytes)
            .map_err(|TooShort| too_short)
    }

    /// The header that is extracted into.
    fn extraction(&self, target: Extraction, errors: &ParserErrors) -> Result<HeaderId, u32> {
        let layout = &self.program.layout;
        let index = |next: u32| self.worker.words[next as usize] as usize;
        match target {
            Extraction::Header(header) => Some(header),
            Extraction::Stack(stack) => {
                let stack = &layout.stacks[stack as usize];
                stack.elements.get(index(stack.next)).copied()
            }
            Extraction::UnionStack { stack, member } => {
                let stack = &layout.union_stacks[stack as usize];
                let union = stack.elements.get(index(stack.next));
                union.map(|union| layout.unions[*union as usize].members[member as usize])
            }
        }
        .ok_or(errors.stack_out_of_bounds)
    }

    fn extract(
        &mut self,
        header: HeaderId,
        packet: &[u8],
        bytes: &mut usize,
        variable_bits: u64,
        errors: &ParserErrors,
    ) -> Result<(), u32> {
        let program = self.program;
        let definition = &program.layout.headers[header as usize];
        if !variable_bits.is_multiple_of(8) {
            return Err(errors.parser_invalid_argument);
        }
        let size = u64::from(definition.bytes) + variable_bits / 8;
        let rest = packet.get(*bytes..).unwrap_or_default();
        if size > rest.len() as u64 {
            return Err(errors.packet_too_short);
        }
        if definition.variable.is_some() && size > u64::from(definition.max_bytes) {
            return Err(errors.header_too_short);
        }
        // The header is not larger than the packet.
        let size = size as usize;
        let rest = &rest[..size];
        let mut moved = 0;
        for item in &definition.fields {
            let field = item.field;
            let offset = item.bit_offset as usize + moved;
            if field.variable {
                let range = field.range();
                self.worker.words[field.word as usize - 1] = variable_bits;
                let target = &mut self.worker.words[range];
                target.fill(0);
                // As much as the packet has, so it fits.
                let width = variable_bits as u32;
                read_words(rest, offset, width, &mut target[..words_for(width)]);
                moved = variable_bits as usize;
            } else if field.width <= 64 {
                self.worker.words[field.word as usize] = read(rest, offset, field.width);
            } else {
                let target = &mut self.worker.words[field.range()];
                read_words(rest, offset, field.width, target);
            }
        }
        self.mark_valid(header);
        *bytes += size;
        Ok(())
    }

    fn extracted(&mut self, target: Extraction, header: HeaderId) {
        let layout = &self.program.layout;
        match target {
            Extraction::Header(_) => {}
            Extraction::Stack(stack) => {
                self.worker.words[layout.stacks[stack as usize].next as usize] += 1;
            }
            Extraction::UnionStack { stack, .. } => {
                self.worker.words[layout.union_stacks[stack as usize].next as usize] += 1;
            }
        }
        if T::ON {
            self.tracer
                .extracted(self.program, &self.worker.words, header);
        }
    }

    fn lookahead(
        &mut self,
        to: &Field,
        packet: &[u8],
        bytes: usize,
        offset: u32,
        width: u32,
    ) -> Result<(), TooShort> {
        let rest = peek(packet, bytes, offset, width)?;
        let target = &mut self.worker.words[to.range()];
        target.fill(0);
        // The lowest bits, if the field is narrower.
        let read_width = width.min(64 * target.len() as u32);
        let skipped = (width - read_width) as usize;
        read_words(
            rest,
            offset as usize + skipped,
            read_width,
            &mut target[..words_for(read_width)],
        );
        cut(target, to.width);
        Ok(())
    }

    fn transition(
        &mut self,
        state: &ParseState,
        packet: &[u8],
        bytes: usize,
    ) -> Result<Option<u32>, TooShort> {
        if state.key_width <= 64 {
            let mut key = 0;
            for part in &state.key {
                let value = match part {
                    KeyPart::Field(field) => self.get(field),
                    KeyPart::Lookahead { offset, width } => {
                        let rest = peek(packet, bytes, *offset, *width)?;
                        read(rest, *offset as usize, *width)
                    }
                    KeyPart::StackLast { .. } | KeyPart::UnionStackLast { .. } => self
                        .last(part)
                        .map_or(0, |field| self.worker.words[field.word as usize]),
                };
                let width = part.width().div_ceil(8) * 8;
                key = if width >= 64 { 0 } else { key << width } | value;
            }
            for case in &state.cases {
                match case {
                    Case::Word { value, mask, next } if key & mask == *value => return Ok(*next),
                    Case::ValueSet { set, mask, next } if self.in_set(*set, &[key], mask) => {
                        return Ok(*next);
                    }
                    _ => {}
                }
            }
            return Ok(state.default);
        }
        let mut key = std::mem::take(&mut self.worker.key);
        let result = self.wide_key(state, packet, bytes, &mut key).map(|()| {
            for case in &state.cases {
                match case {
                    Case::Wide { value, mask, next } => {
                        let equal = key
                            .iter()
                            .zip(mask)
                            .zip(value)
                            .all(|((key, mask), value)| key & mask == *value);
                        if equal {
                            return *next;
                        }
                    }
                    Case::ValueSet { set, mask, next } if self.in_set(*set, &key, mask) => {
                        return *next;
                    }
                    _ => {}
                }
            }
            state.default
        });
        self.worker.key = key;
        result
    }

    /// The key of a state whose key has more than 64 bits.
    fn wide_key(
        &self,
        state: &ParseState,
        packet: &[u8],
        bytes: usize,
        key: &mut Vec<u64>,
    ) -> Result<(), TooShort> {
        key.clear();
        key.resize(words_for(state.key_width), 0);
        let mut place = state.key_width;
        let mut part_words = [0; 64];
        for part in &state.key {
            let words = &mut part_words[..words_for(part.width())];
            match part {
                KeyPart::Field(field) => words.copy_from_slice(&self.worker.words[field.range()]),
                KeyPart::Lookahead { offset, width } => {
                    let rest = peek(packet, bytes, *offset, *width)?;
                    read_words(rest, *offset as usize, *width, words);
                }
                KeyPart::StackLast { .. } | KeyPart::UnionStackLast { .. } => {
                    match self.last(part) {
                        Some(field) => words.copy_from_slice(&self.worker.words[field.range()]),
                        None => words.fill(0),
                    }
                }
            }
            place -= part.width().div_ceil(8) * 8;
            let (word, shift) = ((place / 64) as usize, place % 64);
            for (i, value) in words.iter().enumerate() {
                key[word + i] |= value << shift;
                if shift > 0
                    && let Some(next) = key.get_mut(word + i + 1)
                {
                    *next |= value >> (64 - shift);
                }
            }
        }
        Ok(())
    }

    fn last(&self, part: &KeyPart) -> Option<Field> {
        let scope = self.scope(&[]);
        match part {
            KeyPart::StackLast { stack, field } => scope.last_field(*stack, field),
            KeyPart::UnionStackLast {
                stack,
                member,
                field,
                ..
            } => scope.last_union_field(*stack, *member, *field),
            KeyPart::Field(_) | KeyPart::Lookahead { .. } => None,
        }
    }

    fn in_set(&self, set: u32, key: &[u64], mask: &Option<Vec<u64>>) -> bool {
        let values = &self.state.value_sets[set as usize];
        match mask {
            None => values.contains(key),
            Some(mask) => values.iter().any(|value| {
                value
                    .iter()
                    .zip(key)
                    .zip(mask)
                    .all(|((value, key), mask)| value & mask == key & mask)
            }),
        }
    }
}

/// The packet from the parser's position on, if the bits that are looked at are there.
fn peek(packet: &[u8], bytes: usize, offset: u32, width: u32) -> Result<&[u8], TooShort> {
    let rest = packet.get(bytes..).unwrap_or_default();
    if (u64::from(offset) + u64::from(width)).div_ceil(8) > rest.len() as u64 {
        return Err(TooShort);
    }
    Ok(rest)
}
