//! A function of native code that is being generated: its access to memory, and its calls.
//!
//! Generated code reads and writes four kinds of memory, which never overlap: the context, the PHV,
//! the packet and the arguments of an action. Each word of the PHV is a region of its own for
//! Cranelift's alias analysis, so that a value that was just written is not read again.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    self, AbiParam, AliasRegion, AliasRegionData, AtomicRmwOp, Block, InstBuilder, MemFlagsData,
    Signature, StackSlotData, StackSlotKind, Type, Value, types,
};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::FunctionBuilder;

use super::Target;
use super::in_place::InPlace;
use super::lane::Lane;
use super::native::{Context, Helper};
use crate::engine::Pass;
use crate::program::Program;
use crate::state::{Counter, Record};

/// Regions by number: the words of the PHV come after these.
const PACKET: u32 = 0;
const ARGUMENTS: u32 = 1;
const FIRST_WORD: u32 = 2;
/// The words from this on share a region.
const LAST_WORD: u32 = 4096;

pub(super) struct Function<'f, 'p> {
    pub(super) builder: FunctionBuilder<'f>,
    pub(super) program: &'p Program,
    pub(super) target: Target,
    /// Where the arguments of the action that is generated are, if it has any.
    pub(super) arguments: Option<Value>,
    /// In the parser: how many elements were extracted into each stack so far.
    pub(super) extracted: Option<Vec<u32>>,
    context: Value,
    words: Value,
    call_conv: CallConv,
    /// How many bits of each word of the PHV can be set.
    widths: Vec<u32>,
    /// Headers that may still be in the packet as they are in the PHV.
    pub(super) in_place: InPlace,
}

/// How many bits of each word of the PHV can be set.
fn widths(program: &Program) -> Vec<u32> {
    let layout = &program.layout;
    let mut widths = vec![64; layout.words];
    for header in &layout.headers {
        let simple = header.fields.iter().map(|item| item.field);
        for field in simple.filter(|field| !field.signed && !field.variable) {
            for (i, word) in field.range().enumerate() {
                widths[word] = (field.width - 64 * i as u32).min(64);
            }
        }
    }
    widths
}

impl<'f, 'p> Function<'f, 'p> {
    /// Begins a function that takes the context and gives a number.
    pub(super) fn new(
        mut builder: FunctionBuilder<'f>,
        program: &'p Program,
        target: Target,
        call_conv: CallConv,
    ) -> Self {
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        let context = builder.block_params(entry)[0];
        let words = builder.ins().load(
            types::I64,
            constant_memory(),
            context,
            offset(std::mem::offset_of!(Context, words)),
        );
        Self {
            builder,
            program,
            target,
            arguments: None,
            extracted: None,
            context,
            words,
            call_conv,
            widths: widths(program),
            in_place: InPlace::new(program),
        }
    }

    pub(super) fn signature(call_conv: CallConv, parameters: usize) -> Signature {
        let mut signature = Signature::new(call_conv);
        let parameter = AbiParam::new(types::I64);
        signature.params = vec![parameter; parameters];
        signature.returns = vec![parameter];
        signature
    }

    /// Ends the function where nothing else did.
    pub(super) fn give(&mut self, value: Value) {
        self.builder.ins().return_(&[value]);
    }

    pub(super) fn constant(&mut self, value: u64) -> Value {
        self.builder.ins().iconst(types::I64, value.cast_signed())
    }

    pub(super) fn value(&mut self, lane: Lane) -> Value {
        match lane {
            Lane::Constant(value) => self.constant(value),
            Lane::Value { value, .. } => value,
        }
    }

    fn region(&mut self, number: u32) -> AliasRegion {
        let regions = &mut self.builder.func.dfg.alias_regions;
        regions.insert(AliasRegionData {
            user_id: number,
            description: "".into(),
        })
    }

    fn word_memory(&mut self, word: u32) -> MemFlagsData {
        let region = self.region(FIRST_WORD + word.min(LAST_WORD));
        MemFlagsData::trusted().with_alias_region(Some(region))
    }

    /// Reads a word of the PHV that holds so many bits.
    pub(super) fn read(&mut self, word: u32, bits: u32) -> Lane {
        let memory = self.word_memory(word);
        let at = offset(word as usize * 8);
        let value = self.builder.ins().load(types::I64, memory, self.words, at);
        let known = self.widths.get(word as usize).copied();
        Lane::Value {
            value,
            bits: bits.min(known.unwrap_or(64)),
        }
    }

    /// Writes a word of the PHV.
    pub(super) fn write(&mut self, word: u32, lane: Lane) {
        self.store(word, lane);
        if let Some(place) = self.in_place.changed_by(word) {
            self.store(place, Lane::ZERO);
        }
    }

    /// Writes a word of the PHV, whatever header it is of.
    pub(super) fn store(&mut self, word: u32, lane: Lane) {
        let value = self.value(lane);
        let memory = self.word_memory(word);
        let at = offset(word as usize * 8);
        self.builder.ins().store(memory, value, self.words, at);
    }

    /// Writes two words of the PHV, of which none was read or written by this function.
    pub(super) fn write_two(&mut self, word: u32, values: Value) {
        let memory = MemFlagsData::new().with_notrap();
        let at = offset(word as usize * 8);
        self.builder.ins().store(memory, values, self.words, at);
    }

    /// So many bits of a word of the action's arguments, from a bit on.
    pub(super) fn argument(&mut self, word: u32, shift: u32, bits: u32) -> Lane {
        let Some(arguments) = self.arguments else {
            return Lane::ZERO;
        };
        let region = self.region(ARGUMENTS);
        let memory = MemFlagsData::trusted().with_alias_region(Some(region));
        let at = offset(word as usize * 8);
        let value = self.builder.ins().load(types::I64, memory, arguments, at);
        let word = Lane::Value { value, bits: 64 };
        let shifted = self.shift_right(word, shift);
        self.cut(shifted, bits)
    }

    /// A number of 1, 2, 4 or 8 octets of the packet, in host order. They are known to be there.
    pub(super) fn packet_number(&mut self, size: u32, address: Value, at: u32) -> Value {
        self.packet_octets(size, address, at, false)
    }

    /// As [`Function::packet_number`], or in the order of octets that this machine reads.
    pub(super) fn packet_octets(
        &mut self,
        size: u32,
        address: Value,
        at: u32,
        as_it_is: bool,
    ) -> Value {
        let region = self.region(PACKET);
        let memory = MemFlagsData::new()
            .with_notrap()
            .with_alias_region(Some(region));
        let kind = int(size);
        let at = offset(at as usize);
        let value = self.builder.ins().load(kind, memory, address, at);
        let value = if size > 1 && !as_it_is {
            self.builder.ins().bswap(value)
        } else {
            value
        };
        if size < 8 {
            self.builder.ins().uextend(types::I64, value)
        } else {
            value
        }
    }

    /// Writes 8 octets in network byte order to memory of the function's own, or of the output.
    pub(super) fn store_octets(&mut self, value: Value, address: Value, at: u32) {
        let swapped = self.builder.ins().bswap(value);
        let memory = MemFlagsData::new().with_notrap();
        let at = offset(at as usize);
        self.builder.ins().store(memory, swapped, address, at);
    }

    /// A pointer or number of the context that stays the same.
    pub(super) fn context_constant(&mut self, at: usize) -> Value {
        let memory = constant_memory();
        let at = offset(at);
        self.builder
            .ins()
            .load(types::I64, memory, self.context, at)
    }

    /// The arguments of the action that a table has just given.
    pub(super) fn given_arguments(&mut self) -> Value {
        let memory = MemFlagsData::trusted();
        let at = offset(std::mem::offset_of!(Context, arguments));
        self.builder
            .ins()
            .load(types::I64, memory, self.context, at)
    }

    /// Sets them, for operations that the interpreter runs.
    pub(super) fn set_arguments(&mut self, arguments: Value) {
        let memory = MemFlagsData::trusted();
        let at = offset(std::mem::offset_of!(Context, arguments));
        let context = self.context;
        self.builder.ins().store(memory, arguments, context, at);
    }

    /// A number at an offset in a record, or in what tables gave last.
    pub(super) fn record_word(&mut self, kind: Type, record: Value, at: usize) -> Value {
        let memory = MemFlagsData::trusted();
        self.builder.ins().load(kind, memory, record, offset(at))
    }

    /// Writes such a number.
    pub(super) fn set_record_word(&mut self, value: Value, record: Value, at: usize) {
        let memory = MemFlagsData::trusted();
        self.builder.ins().store(memory, value, record, offset(at));
    }

    /// Counts the packet in the counter of a record.
    pub(super) fn count(&mut self, record: Value) {
        let one = self.constant(1);
        let length = self.read_pass(types::I64, std::mem::offset_of!(Pass, ingress_length));
        let packets = std::mem::offset_of!(Counter, packets);
        let bytes = std::mem::offset_of!(Counter, bytes);
        for (at, value) in [(packets, one), (bytes, length)] {
            let at = at + std::mem::offset_of!(Record<1>, counter);
            if self.target.alone {
                let before = self.record_word(types::I64, record, at);
                let after = self.builder.ins().iadd(before, value);
                self.set_record_word(after, record, at);
            } else {
                let address = self.builder.ins().iadd_imm_u(record, at as i64);
                let memory = MemFlagsData::trusted();
                self.builder
                    .ins()
                    .atomic_rmw(types::I64, memory, AtomicRmwOp::Add, address, value);
            }
        }
    }

    /// Memory of the function's own.
    pub(super) fn stack(&mut self, words: usize) -> Value {
        let bytes = u32::try_from(words * 8).unwrap_or(u32::MAX);
        let slot = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 3);
        let slot = self.builder.create_sized_stack_slot(slot);
        self.builder.ins().stack_addr(types::I64, slot, 0)
    }

    /// Writes a word of that memory.
    pub(super) fn store_word(&mut self, lane: Lane, address: Value, word: u32) {
        let value = self.value(lane);
        let memory = MemFlagsData::trusted();
        let at = offset(word as usize * 8);
        self.builder.ins().store(memory, value, address, at);
    }

    /// Reads from and writes to what goes along with the packet, `Pass`.
    pub(super) fn read_pass(&mut self, kind: Type, at: usize) -> Value {
        let pass = self.context_constant(std::mem::offset_of!(Context, pass));
        let memory = MemFlagsData::trusted();
        self.builder.ins().load(kind, memory, pass, offset(at))
    }

    pub(super) fn write_pass(&mut self, value: Value, at: usize) {
        let pass = self.context_constant(std::mem::offset_of!(Context, pass));
        let memory = MemFlagsData::trusted();
        self.builder.ins().store(memory, value, pass, offset(at));
    }

    /// Calls a function of the switch with the context and these numbers.
    pub(super) fn call(&mut self, helper: Helper, arguments: &[Value]) -> Value {
        let signature = Self::signature(self.call_conv, arguments.len() + 1);
        let signature = self.builder.import_signature(signature);
        let address = self.constant(helper.address() as u64);
        let arguments = [&[self.context], arguments].concat();
        let call = self
            .builder
            .ins()
            .call_indirect(signature, address, &arguments);
        self.builder.inst_results(call)[0]
    }

    pub(super) fn compare(&mut self, how: IntCC, left: Value, right: u64) -> Value {
        self.builder
            .ins()
            .icmp_imm_s(how, left, right.cast_signed())
    }

    pub(super) fn block(&mut self) -> Block {
        self.builder.create_block()
    }

    /// Goes on with this block.
    pub(super) fn enter(&mut self, block: Block) {
        self.builder.switch_to_block(block);
    }

    pub(super) fn jump(&mut self, to: Block) {
        self.builder.ins().jump(to, &[]);
    }

    pub(super) fn branch(&mut self, condition: Value, then: Block, otherwise: Block) {
        self.builder
            .ins()
            .brif(condition, then, &[], otherwise, &[]);
    }
}

/// Memory that nothing changes while the code runs.
fn constant_memory() -> MemFlagsData {
    MemFlagsData::trusted().with_readonly()
}

pub(super) fn int(bytes: u32) -> Type {
    match bytes {
        1 => types::I8,
        2 => types::I16,
        4 => types::I32,
        _ => types::I64,
    }
}

/// An offset in a structure or array; all are far smaller than 2^31.
fn offset(at: usize) -> ir::immediates::Offset32 {
    ir::immediates::Offset32::new(i32::try_from(at).unwrap_or(i32::MAX))
}
