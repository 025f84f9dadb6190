//! Look-ups in tables of exact matches with keys of one word, in native code: what
//! [`Lines`](crate::state::Line) does, in the line of the key alone. What it does not find there it asks
//! the switch for.

use std::mem::offset_of;

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

use super::function::Function;
use super::native::{Last, RECORD_HIT};
use crate::state::{CHUNK_BITS, ENTRIES, Line, Probe, Record, RecordSize, SEGMENT_BITS, SPREAD};

/// log2 of the octets of a record. Those that are looked up here are of a power of two.
const fn record_bits(size: RecordSize) -> u32 {
    let octets = match size {
        RecordSize::Five => size_of::<Record<5>>(),
        RecordSize::Thirteen => size_of::<Record<13>>(),
        _ => size_of::<Record<1>>(),
    };
    octets.ilog2()
}

impl Function<'_, '_> {
    /// The address of the record of a key, with [`RECORD_HIT`], or of the default entry's record. `last`
    /// and `place` say where the [`Last`] of the table is.
    pub(super) fn probe(
        &mut self,
        last: Value,
        place: usize,
        key: Value,
        size: RecordSize,
        ask: impl FnOnce(&mut Self) -> Value,
    ) -> Value {
        let [look, none, miss, hit, slow, done] = std::array::from_fn(|_| self.block());
        self.builder.set_cold_block(slow);
        let result = self.builder.append_block_param(done, types::I64);
        let known = |offset: usize| place + offset_of!(Last, probe) + offset;
        let at = known(offset_of!(Probe, segments));
        let segments = self.record_word(types::I64, last, at);
        self.branch(segments, look, slow);

        self.enter(look);
        let line = self.line(last, known, segments, key);
        let mut id = self.constant(0);
        for entry in 0..ENTRIES {
            let at = offset_of!(Line, tags) + 8 * entry;
            let tag = self.record_word(types::I64, line, at);
            let at = offset_of!(Line, ids) + 4 * entry;
            let here = self.record_word(types::I32, line, at);
            let here = self.builder.ins().uextend(types::I64, here);
            let same = self.builder.ins().icmp(IntCC::Equal, tag, key);
            id = self.builder.ins().select(same, here, id);
        }
        self.branch(id, hit, none);

        self.enter(hit);
        let slot = self.builder.ins().iadd_imm_s(id, -1);
        let chunks = self.record_word(types::I64, last, place + offset_of!(Last, chunks));
        let chunk = self.element(chunks, slot, CHUNK_BITS);
        let within = self.builder.ins().band_imm_u(slot, (1 << CHUNK_BITS) - 1);
        let within = self
            .builder
            .ins()
            .ishl_imm_u(within, i64::from(record_bits(size)));
        let record = self.builder.ins().iadd(chunk, within);
        let record = self.builder.ins().bor_imm_u(record, RECORD_HIT as i64);
        self.builder.ins().jump(done, &[record.into()]);

        // Empty places have the tag 0.
        self.enter(none);
        let next = self.record_word(types::I32, line, offset_of!(Line, next));
        let more = self.builder.ins().icmp_imm_s(IntCC::NotEqual, next, 0);
        let zero = self.compare(IntCC::Equal, key, 0);
        let unclear = self.builder.ins().bor(more, zero);
        self.branch(unclear, slow, miss);
        self.enter(miss);
        let default = self.record_word(types::I64, last, place + offset_of!(Last, default));
        self.builder.ins().jump(done, &[default.into()]);

        self.enter(slow);
        let asked = ask(self);
        self.builder.ins().jump(done, &[asked.into()]);
        self.enter(done);
        result
    }

    /// The address of the line of a key.
    fn line(
        &mut self,
        last: Value,
        known: impl Fn(usize) -> usize,
        segments: Value,
        key: Value,
    ) -> Value {
        let lines = self.record_word(types::I64, last, known(offset_of!(Probe, lines)));
        let mask = self.record_word(types::I64, last, known(offset_of!(Probe, mask)));
        let (first, second) = SPREAD;
        let (first, second) = (self.constant(first), self.constant(second));
        let ins = self.builder.ins();
        let tag = ins.bxor(key, first);
        let low = self.builder.ins().imul(tag, second);
        let high = self.builder.ins().umulhi(tag, second);
        let spread = self.builder.ins().bxor(low, high);
        let index = self.builder.ins().band(spread, mask);
        let smaller = self.builder.ins().ushr_imm_u(mask, 1);
        let folded = self.builder.ins().band(spread, smaller);
        let there = self
            .builder
            .ins()
            .icmp(IntCC::UnsignedLessThan, index, lines);
        let index = self.builder.ins().select(there, index, folded);
        let segment = self.element(segments, index, SEGMENT_BITS);
        let within = self
            .builder
            .ins()
            .band_imm_u(index, (1 << SEGMENT_BITS) - 1);
        let within = self
            .builder
            .ins()
            .ishl_imm_u(within, i64::from(size_of::<Line>().ilog2()));
        self.builder.ins().iadd(segment, within)
    }

    /// The address of the part, of 2 to the power of `bits` elements, that an element is in.
    fn element(&mut self, parts: Value, index: Value, bits: u32) -> Value {
        let part = self.builder.ins().ushr_imm_u(index, i64::from(bits));
        let offset = self.builder.ins().ishl_imm_u(part, 3);
        let place = self.builder.ins().iadd(parts, offset);
        self.record_word(types::I64, place, 0)
    }
}
