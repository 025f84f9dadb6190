//! Headers that are still in the packet as they are in the PHV: the deparser need not write them again.
//!
//! They are headers at the end of what the deparser emits. For each there is a word behind those of the
//! PHV's layout: one more than the offset in the packet that it was extracted at, or 0 if something was
//! written to it since. It is set whenever the header is valid.

use std::mem::offset_of;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

use super::action::MOVED_WORDS;
use super::function::Function;
use super::lane::Lane;
use super::native::Context;
use crate::program::{
    Algorithm, CalculationPart, Checksum, Extraction, HeaderId, Op, ParseOp, Program,
};

/// How many headers are looked after at most.
const MOST: usize = 16;

/// The headers, in the order in which they are emitted.
#[derive(Debug)]
pub(super) struct InPlace {
    headers: Vec<Kept>,
    /// The words of the PHV's layout.
    words: u32,
    /// Whether what is written now comes from the packet.
    extracting: bool,
}

#[derive(Debug)]
struct Kept {
    header: HeaderId,
    /// The words of the header.
    start: u32,
    end: u32,
    /// Whether it can be said where it is.
    known: bool,
    bytes: u32,
}

/// How many words there are behind those of the layout.
pub(super) fn more_words(program: &Program) -> usize {
    InPlace::new(program).headers.len()
}

impl InPlace {
    pub(super) fn new(program: &Program) -> Self {
        let layout = &program.layout;
        let order = &program.deparser.order;
        let once = |id: &HeaderId| order.iter().filter(|other| *other == id).count() == 1;
        let in_stack = |id: &HeaderId| {
            let mut stacks = layout.stacks.iter();
            stacks.any(|stack| stack.elements.contains(id))
        };
        let mut headers: Vec<Kept> = order
            .iter()
            .rev()
            .take_while(|id| {
                let union = layout.headers[**id as usize].union;
                once(id) && !in_stack(id) && union.is_none()
            })
            .take(MOST)
            .map(|id| {
                let header = &layout.headers[*id as usize];
                let extracts = |op: &ParseOp| {
                    matches!(op, ParseOp::Extract(Extraction::Header(other)) if other == id)
                };
                let mut ops = program.parser.states.iter().flat_map(|state| &state.ops);
                Kept {
                    header: *id,
                    start: header.start,
                    end: header.start + header.words,
                    known: header.variable.is_none()
                        && header.words <= MOVED_WORDS
                        && ops.any(extracts),
                    bytes: header.bytes,
                }
            })
            .collect();
        headers.reverse();
        Self {
            headers,
            words: u32::try_from(layout.words).unwrap_or(u32::MAX),
            extracting: false,
        }
    }

    /// The place of the headers in the order of the deparser.
    pub(super) fn start(&self, program: &Program) -> usize {
        program.deparser.order.len() - self.headers.len()
    }

    fn place(&self, header: HeaderId) -> Option<u32> {
        let mut headers = self.headers.iter();
        let index = headers.position(|kept| kept.header == header && kept.known)?;
        Some(self.words + index as u32)
    }

    /// The word that says where the header is that a word belongs to, if it is no longer right when that is
    /// written.
    pub(super) fn changed_by(&self, word: u32) -> Option<u32> {
        if self.extracting {
            return None;
        }
        let mut headers = self.headers.iter();
        let index =
            headers.position(|kept| kept.known && (kept.start..kept.end).contains(&word))?;
        Some(self.words + index as u32)
    }
}

/// Whether the interpreter writes no header when it runs an operation.
pub(super) fn leaves_headers(op: &Op) -> bool {
    matches!(
        op,
        Op::Count { .. }
            | Op::Digest { .. }
            | Op::Clone { .. }
            | Op::Resubmit { .. }
            | Op::Recirculate { .. }
            | Op::Truncate { .. }
            | Op::LogMessage { .. }
            | Op::RegisterWrite { .. }
            | Op::Assert { .. }
            | Op::JumpIfZero { .. }
            | Op::JumpUnless { .. }
    )
}

impl Function<'_, '_> {
    /// Generates what writes a header that is extracted at this offset.
    pub(super) fn extracting(
        &mut self,
        header: HeaderId,
        offset: Value,
        write: impl FnOnce(&mut Self),
    ) {
        self.in_place.extracting = true;
        write(self);
        self.in_place.extracting = false;
        if let Some(place) = self.in_place.place(header) {
            let value = self.builder.ins().iadd_imm_s(offset, 1);
            self.store(place, Lane::Value { value, bits: 64 });
        }
    }

    /// The interpreter may have written any header.
    pub(super) fn all_changed(&mut self) {
        let words = self.in_place.words;
        for (word, kept) in (words..).zip(0..self.in_place.headers.len()) {
            if self.in_place.headers[kept].known {
                self.store(word, Lane::ZERO);
            }
        }
    }

    /// How many octets before the payload are headers as they leave; and 1, or 0 if they have to be
    /// written.
    pub(super) fn kept_octets(&mut self) -> (Value, Value) {
        let (look, end) = (self.block(), self.block());
        let octets = self.builder.append_block_param(end, types::I64);
        let kept = self.builder.append_block_param(end, types::I64);
        let (zero, one) = (self.constant(0), self.constant(1));
        let not = [zero.into(), zero.into()];
        let parsed = self.context_constant(offset_of!(Context, parsed));
        self.builder.ins().brif(parsed, look, &[], end, &not);
        self.enter(look);
        let mut cursor = parsed;
        for index in (0..self.in_place.headers.len()).rev() {
            let Kept {
                start,
                known,
                bytes,
                ..
            } = self.in_place.headers[index];
            let (there, on) = (self.block(), self.block());
            let valid = self.read(start, 1);
            let valid = self.value(valid);
            if !known {
                self.builder.ins().brif(valid, end, &not, on, &[]);
                self.enter(on);
                continue;
            }
            let next = self.builder.append_block_param(on, types::I64);
            self.builder
                .ins()
                .brif(valid, there, &[], on, &[cursor.into()]);
            self.enter(there);
            let place = self.read(self.in_place.words + index as u32, 64);
            let place = self.value(place);
            let offset = self.builder.ins().iadd_imm_s(place, -1);
            let after = self.builder.ins().iadd_imm_s(offset, i64::from(bytes));
            let follows = self.builder.ins().icmp(IntCC::Equal, after, cursor);
            self.builder
                .ins()
                .brif(follows, on, &[offset.into()], end, &not);
            self.enter(on);
            cursor = next;
        }
        let before = self.builder.ins().isub(parsed, cursor);
        self.builder.ins().jump(end, &[before.into(), one.into()]);
        self.enter(end);
        (octets, kept)
    }

    /// Whether a checksum that is verified is right, 1 or 0, for a header that is as it is in the packet and
    /// of which it is the Internet checksum. Otherwise it goes on as `compute` says.
    pub(super) fn checksum_in_place(
        &mut self,
        checksum: &Checksum,
        compute: impl FnOnce(&mut Self) -> Value,
    ) -> Value {
        let Some((place, target)) = self.whole_header(checksum) else {
            return compute(self);
        };
        let (fast, slow, end) = (self.block(), self.block(), self.block());
        let result = self.builder.append_block_param(end, types::I64);
        let place = self.read(place, 64);
        let place = self.value(place);
        self.branch(place, fast, slow);
        self.enter(slow);
        let right = compute(self);
        self.builder.ins().jump(end, &[right.into()]);
        self.enter(fast);
        let packet = self.context_constant(offset_of!(Context, packet));
        let address = self.builder.ins().iadd(packet, place);
        let address = self.builder.ins().iadd_imm_s(address, -1);
        let bytes = self.program.layout.headers[checksum.target.header as usize].bytes;
        // The sum is the same in the order of octets of this machine, but for that order.
        let mut sum = Lane::ZERO;
        let mut at = 0;
        while at < bytes {
            let size = if at + 4 <= bytes && !(at..at + 4).contains(&target) {
                4
            } else {
                2
            };
            if at != target {
                let value = self.packet_octets(size, address, at, true);
                let bits = 8 * size;
                sum = self.add(sum, Lane::Value { value, bits });
            }
            at += size;
        }
        // At most 2^20, 2^16 + 2^4, and 2^16 - 1 after each step.
        for _ in 0..3 {
            let high = self.shift_right(sum, 16);
            let low = self.cut(sum, 16);
            sum = self.add(high, low);
        }
        let computed = self.not(sum);
        let computed = self.cut(computed, 16);
        let found = self.packet_octets(2, address, target, true);
        let found = Lane::Value {
            value: found,
            bits: 16,
        };
        let right = self.test(IntCC::Equal, computed, found);
        let right = self.value(right);
        self.builder.ins().jump(end, &[right.into()]);
        self.enter(end);
        result
    }

    /// Where the header's place is said, and the offset in octets of the checksum in it, if the checksum is
    /// over all of the header but itself.
    fn whole_header(&self, checksum: &Checksum) -> Option<(u32, u32)> {
        let calculation = &self.program.calculations[checksum.calculation as usize];
        let place = self.in_place.place(checksum.target.header)?;
        let header = &self.program.layout.headers[checksum.target.header as usize];
        let is_target = |word: u32| word == checksum.target.word;
        let target = header
            .fields
            .iter()
            .find(|item| is_target(item.field.word))?;
        let others = header.fields.iter().map(|item| item.field);
        let others = others.filter(|field| !is_target(field.word));
        let input = calculation.input.iter().map(|part| match part {
            CalculationPart::Field(field) => Some(*field),
            _ => None,
        });
        let is_whole = matches!(calculation.algorithm, Algorithm::InternetChecksum)
            && !calculation.payload
            && others.map(Some).eq(input)
            && checksum.target.width == 16
            && target.bit_offset.is_multiple_of(16)
            && header.bytes.is_multiple_of(2)
            && header.bytes <= 64;
        is_whole.then_some((place, target.bit_offset / 8))
    }
}
