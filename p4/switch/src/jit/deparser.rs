//! Calculations, checksums and the deparser in native code.

use std::mem::offset_of;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

use super::action::{MOVED_WORDS, Place};
use super::function::Function;
use super::lane::Lane;
use super::native::{Context, Helper};
use crate::number::words_for;
use crate::program::{
    Algorithm, Calculation, CalculationPart, Checksum, Field, HeaderId, HeaderLayout, Op,
};

/// Packs bit fields one after the other into words, the first in the highest bits.
#[derive(Debug, Default)]
struct Packer {
    words: Vec<Lane>,
    /// Bits that do not fill a word yet, at their place, and how many they are.
    pending: Option<Lane>,
    count: u32,
}

impl Packer {
    /// Adds the lowest `width` bits, 1 to 64, of a lane that has no more.
    fn push(&mut self, function: &mut Function<'_, '_>, lane: Lane, width: u32) {
        let room = 64 - self.count;
        let pending = self.pending.take().unwrap_or(Lane::ZERO);
        if width < room {
            let placed = function.shift_left(lane, room - width);
            self.pending = Some(function.or(pending, placed));
            self.count += width;
            return;
        }
        let rest = width - room;
        let high = function.shift_right(lane, rest);
        self.words.push(function.or(pending, high));
        self.count = rest;
        if rest > 0 {
            self.pending = Some(function.shift_left(lane, 64 - rest));
        }
    }

    fn push_field(&mut self, function: &mut Function<'_, '_>, field: &Field) {
        let mut left = field.width;
        for i in (0..words_for(field.width) as u32).rev() {
            let width = left - 64 * i;
            let lane = function.read(field.word + i, width);
            self.push(function, lane, width);
            left -= width;
        }
    }

    /// The words, of which the last is filled up with zero bits, and how many bits there are.
    fn finish(self) -> (Vec<Lane>, u32) {
        let bits = self.words.len() as u32 * 64 + self.count;
        let mut words = self.words;
        words.extend(self.pending);
        (words, bits)
    }
}

/// The largest input of a calculation that is packed, in bits.
const PACKED_BITS: u32 = 4096;

/// Whether the input of a calculation is the same bits of the PHV as long as all headers are valid.
fn packable(calculation: &Calculation) -> bool {
    let mut bits = 0_u32;
    for part in &calculation.input {
        bits = bits.saturating_add(match part {
            CalculationPart::Field(field) if !field.variable => field.width,
            CalculationPart::Constant { width, .. } => *width,
            CalculationPart::Field(_) | CalculationPart::Header(_) => return false,
        });
    }
    !calculation.payload && bits <= PACKED_BITS
}

impl Function<'_, '_> {
    /// The result of a calculation.
    pub(super) fn calculation(&mut self, index: u32) -> Lane {
        let program = self.program;
        let calculation = &program.calculations[index as usize];
        let number = self.constant(u64::from(index));
        if !packable(calculation) {
            let value = self.call(Helper::Calculate, &[number]);
            return Lane::Value { value, bits: 64 };
        }
        let mut headers: Vec<HeaderId> = calculation
            .input
            .iter()
            .filter_map(|part| match part {
                CalculationPart::Field(field) => Some(field.header),
                _ => None,
            })
            .filter(|header| !program.layout.headers[*header as usize].is_metadata)
            .collect();
        headers.sort_unstable();
        headers.dedup();
        let (fast, slow, end) = (self.block(), self.block(), self.block());
        let result = self.builder.append_block_param(end, types::I64);
        let mut all = Lane::Constant(1);
        for header in headers {
            let valid = self.read(program.layout.headers[header as usize].start, 1);
            all = self.and(all, valid);
        }
        let all = self.value(all);
        self.branch(all, fast, slow);
        self.enter(slow);
        let value = self.call(Helper::Calculate, &[number]);
        self.builder.ins().jump(end, &[value.into()]);
        self.enter(fast);
        let value = self.packed_calculation(calculation, number);
        self.builder.ins().jump(end, &[value.into()]);
        self.enter(end);
        let bits = match &calculation.algorithm {
            Algorithm::InternetChecksum => 16,
            _ => 64,
        };
        Lane::Value {
            value: result,
            bits,
        }
    }

    fn packed_calculation(&mut self, calculation: &Calculation, number: Value) -> Value {
        let mut packer = Packer::default();
        for part in &calculation.input {
            match part {
                CalculationPart::Field(field) => packer.push_field(self, field),
                CalculationPart::Constant { words, width } => {
                    let mut left = *width;
                    for i in (0..words_for(*width) as u32).rev() {
                        let part = left - 64 * i;
                        let word = words.get(i as usize).copied().unwrap_or(0);
                        let lane = Lane::Constant(word & crate::number::low_mask(part));
                        packer.push(self, lane, part);
                        left -= part;
                    }
                }
                CalculationPart::Header(_) => {}
            }
        }
        let (words, bits) = packer.finish();
        if let Algorithm::InternetChecksum = calculation.algorithm {
            let sum = self.internet_checksum(&words);
            return self.value(sum);
        }
        let input = self.stack(words.len().max(1));
        for (i, word) in (0..).zip(words) {
            let word = self.value(word);
            self.store_octets(word, input, i * 8);
        }
        let length = self.constant(u64::from(bits.div_ceil(8)));
        if let Algorithm::Crc32 = calculation.algorithm {
            return self.call(Helper::Crc32, &[input, length]);
        }
        self.call(Helper::Hash, &[number, input, length])
    }

    /// The Internet checksum (RFC 1071) of words in network byte order.
    fn internet_checksum(&mut self, words: &[Lane]) -> Lane {
        // So few words that the sum of their halves does not overflow.
        let mut sum = Lane::ZERO;
        for word in words {
            let high = self.shift_right(*word, 32);
            let low = self.cut(*word, 32);
            let both = self.add(high, low);
            sum = self.add(sum, both);
        }
        // At most 2^39, 2^24, 2^17 and 2^16 - 1 after each step.
        for _ in 0..4 {
            let high = self.shift_right(sum, 16);
            let low = self.cut(sum, 16);
            sum = self.add(high, low);
        }
        let sum = self.not(sum);
        self.cut(sum, 16)
    }

    /// Whether the checksums that are verified are right: 1 or 0. So many octets were parsed; `None` if
    /// the switch knows that.
    pub(super) fn verify_checksums(&mut self, octets: Option<Value>) -> Value {
        let program = self.program;
        let end = self.block();
        let right = self.builder.append_block_param(end, types::I64);
        let mut so_far = self.constant(1);
        for (i, checksum) in (0..).zip(&program.checksums) {
            if !checksum.verify {
                continue;
            }
            let next = self.block();
            let result = self.builder.append_block_param(next, types::I64);
            let wanted = self.wanted(i, checksum);
            let (verify, skip) = (self.block(), self.block());
            self.branch(wanted, verify, skip);
            self.enter(skip);
            self.builder.ins().jump(next, &[so_far.into()]);
            self.enter(verify);
            let header = &program.layout.headers[checksum.target.header as usize];
            let there = self.block();
            let valid = self.read(header.start, 1);
            let valid = self.value(valid);
            self.builder
                .ins()
                .brif(valid, there, &[], next, &[so_far.into()]);
            self.enter(there);
            let calculation = &program.calculations[checksum.calculation as usize];
            if let Some(octets) = octets.filter(|_| calculation.payload) {
                self.call(Helper::Parsed, &[octets]);
            }
            let compare = |function: &mut Self| {
                let computed = function.calculation(checksum.calculation);
                let found = function.read(checksum.target.word, 64);
                let equal = function.test(IntCC::Equal, computed, found);
                function.value(equal)
            };
            // Behind the parser the packet is at hand.
            let equal = match octets {
                Some(_) => self.checksum_in_place(checksum, compare),
                None => compare(self),
            };
            let right = self.builder.ins().band(so_far, equal);
            self.builder.ins().jump(next, &[right.into()]);
            self.enter(next);
            so_far = result;
        }
        self.builder.ins().jump(end, &[so_far.into()]);
        self.enter(end);
        right
    }

    /// Whether a checksum's condition holds.
    fn wanted(&mut self, index: u64, checksum: &Checksum) -> Value {
        match &checksum.condition {
            None => self.constant(1),
            Some(condition) if self.support().condition(condition) => {
                let (yes, no, end) = (self.block(), self.block(), self.block());
                let result = self.builder.append_block_param(end, types::I64);
                self.branch_on(condition, yes, no);
                for (block, value) in [(yes, 1), (no, 0)] {
                    self.enter(block);
                    let value = self.constant(value);
                    self.builder.ins().jump(end, &[value.into()]);
                }
                self.enter(end);
                result
            }
            Some(_) => {
                let index = self.constant(index);
                self.call(Helper::ChecksumCondition, &[index])
            }
        }
    }

    /// Checksums that are updated, the deparser's operations, and the headers that are valid to the
    /// output. Gives how many octets they are, and above these 32 bits how many more stand in the packet
    /// before the payload as they leave.
    pub(super) fn deparser(&mut self) -> Value {
        let program = self.program;
        for (i, checksum) in (0..).zip(&program.checksums) {
            if !checksum.update {
                continue;
            }
            let (update, end) = (self.block(), self.block());
            let wanted = self.wanted(i, checksum);
            self.branch(wanted, update, end);
            self.enter(update);
            let computed = self.calculation(checksum.calculation);
            let computed = self.cut(computed, checksum.target.width);
            self.write(checksum.target.word, computed);
            self.jump(end);
            self.enter(end);
        }
        for (i, op) in program.deparser.ops.iter().enumerate() {
            // Alone, a jump does nothing.
            if !matches!(
                op.op,
                Op::Jump(_) | Op::JumpIfZero { .. } | Op::JumpUnless { .. }
            ) {
                self.operation(&op.op, i, Place::Deparser);
            }
        }
        let out = self.context_constant(offset_of!(Context, out));
        let mut length = self.constant(0);
        let in_place = self.in_place.start(program);
        let some = in_place < program.deparser.order.len();
        let kept = some.then(|| self.kept_octets());
        let all = self.block();
        let total = self.builder.append_block_param(all, types::I64);
        for (place, id) in program.deparser.order.iter().enumerate() {
            if place == in_place
                && let Some((_, kept)) = kept
            {
                let on = self.block();
                self.builder
                    .ins()
                    .brif(kept, all, &[length.into()], on, &[]);
                self.enter(on);
            }
            let header = &program.layout.headers[*id as usize];
            let (write, end) = (self.block(), self.block());
            let after = self.builder.append_block_param(end, types::I64);
            let valid = self.read(header.start, 1);
            let valid = self.value(valid);
            self.builder
                .ins()
                .brif(valid, write, &[], end, &[length.into()]);
            self.enter(write);
            let longer = if header.variable.is_some() || header.words > MOVED_WORDS {
                let id = self.constant(u64::from(*id));
                self.call(Helper::Emit, &[id, length])
            } else {
                let to = self.builder.ins().iadd(out, length);
                self.emit(header, to);
                let bytes = i64::from(header.bytes);
                self.builder.ins().iadd_imm_s(length, bytes)
            };
            self.builder.ins().jump(end, &[longer.into()]);
            self.enter(end);
            length = after;
        }
        self.builder.ins().jump(all, &[length.into()]);
        self.enter(all);
        match kept {
            Some((octets, _)) => {
                let octets = self.builder.ins().ishl_imm_u(octets, 32);
                self.builder.ins().bor(total, octets)
            }
            None => total,
        }
    }

    /// Writes a header. The last word may go past its end: the output has room for that.
    fn emit(&mut self, header: &HeaderLayout, to: Value) {
        let mut packer = Packer::default();
        for item in &header.fields {
            packer.push_field(self, &item.field);
        }
        let (words, _) = packer.finish();
        for (i, word) in (0..).zip(words) {
            let word = self.value(word);
            self.store_octets(word, to, i * 8);
        }
    }
}
