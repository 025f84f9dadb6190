//! Where Rust and native code meet: the one place with unsafe code.
//!
//! # What generated code keeps to
//!
//! - It reads and writes the PHV only at indices of the program's own layout, below `Layout::words`, and
//!   at those of [`more_words`]; [`Machine::prepare`] makes sure that the PHV has so many words.
//! - It reads the packet only after it compared the end of what it reads with `length`, or in a header that
//!   it extracted from this packet, and only the code of the parser and of checksums does.
//! - It reads arguments only of the action that `apply` or `record` gave, at the places of the action's
//!   parameters, and a [`Call`](crate::state::Call) or [`Record`](crate::state::Record) has as many
//!   words as they take.
//! - It reads a record, and writes its counter, only at an address that `record` gave since the state
//!   was last written, or that it found as [`Last`] says: `Worker::look_at` forgets all of before.
//! - It writes at most [`output_size`] octets to `out`.
//! - It reads and writes the fields of [`Pass`] that it knows by their offset, with valid values.
//! - It calls the functions below with the context that it was called with, with numbers of the
//!   program's own tables, actions, states and so on, and with memory that is as large as the callee
//!   takes it to be.

use std::ffi::c_void;

use cranelift_jit::JITModule;

use super::control::recorded;
use super::ends::begins;
use super::in_place::more_words;
use crate::control::PortNumber;
use crate::engine::{Machine, NoTrace, Parsed, Pass, Worker, crc32};
use crate::program::{Op, OpAt, ParseOp, Program};
use crate::state::{OfSize, Probe, RecordSize, Records, TableState};

/// What generated code works on.
#[repr(C)]
pub(super) struct Context {
    pub(super) words: *mut u64,
    pub(super) packet: *const u8,
    pub(super) length: u64,
    /// The arguments of the action that a table gave last.
    pub(super) arguments: *const u64,
    pub(super) pass: *mut Pass,
    pub(super) out: *mut u8,
    /// What each table gave last, by its index.
    pub(super) last: *mut Last,
    /// Whether the parser's code is to begin a new packet: it sets the PHV then.
    pub(super) fresh: u64,
    /// The port that the packet came in at.
    pub(super) port: u64,
    /// For the deparser: how many octets of the packet were parsed, if what follows is still the payload; 0
    /// if it may be elsewhere.
    pub(super) parsed: u64,
    /// A `Machine<'_, NoTrace>`.
    machine: *mut c_void,
}

/// Set in what a parser's function gives if it is an error.
pub(super) const FAILED: u64 = 1 << 63;
/// Set in what `apply` gives if there is an entry.
pub(super) const HIT: u64 = 1 << 32;
/// What the code of egress gives if the deparser has not run.
pub(super) const NOT_DEPARSED: u64 = u64::MAX;
/// What the code of ingress gives if the packet does not just go to a port.
pub(super) const NOT_UNICAST: u64 = u64::MAX;
/// Set in the address of a record, of which the lowest bits are 0, if there is an entry.
pub(super) const RECORD_HIT: u64 = 1;

/// What native code knows of a table with keys of one word. Nothing of it outlives a change of the state.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(64))]
pub(crate) struct Last {
    /// The key that was looked up last: packets that follow each other often have the same keys.
    pub(crate) key: u64,
    /// The address of the record that was found for it, with [`RECORD_HIT`]; 0 if nothing was looked up
    /// yet.
    pub(super) found: u64,
    /// For a table of exact matches: where its entries are. They are found as
    /// [`Lines`](crate::state::Line) finds them.
    pub(super) probe: Probe,
    /// Where the addresses of the chunks of its records are.
    pub(super) chunks: usize,
    /// The address of the record of the default entry.
    pub(super) default: usize,
}

/// What a table would give for a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guess {
    key: u64,
    found: u64,
}

impl Last {
    /// Takes a guess for what was looked up last.
    pub(crate) fn take(&mut self, guess: Guess) {
        (self.key, self.found) = (guess.key, guess.found);
    }
}

/// How far the code of a program took a packet.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// Through ingress, or it was dropped before; it does not just go to a port.
    Ingress,
    /// Through ingress to this port and through egress; it does not just leave.
    Egress(PortNumber),
    /// Through the deparser, to leave at this port. So many octets of headers are in `Worker::headers`, and
    /// so many more are in the packet before the payload.
    Deparser(PortNumber, usize, usize),
}

type Code = unsafe extern "C" fn(*mut Context) -> u64;

/// The functions of a program. The memory of the code is given back when this is dropped.
pub(crate) struct Functions {
    module: Option<JITModule>,
    /// Parser, and parser with checksums.
    parser: Option<[Code; 2]>,
    verify: Code,
    ingress: Code,
    departure: Code,
    deparser: Code,
    words: usize,
    output: usize,
    /// The size of records, for tables with records and keys of one word.
    records: Box<[Option<RecordSize>]>,
    /// Whether the parser's code can begin a new packet.
    begins: bool,
}

// SAFETY: the code is never changed once it is there, and all it works on comes with the context.
unsafe impl Send for Functions {}
// SAFETY: as above.
unsafe impl Sync for Functions {}

impl std::fmt::Debug for Functions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Functions").finish_non_exhaustive()
    }
}

impl Drop for Functions {
    fn drop(&mut self) {
        if let Some(module) = self.module.take() {
            // SAFETY: the addresses are in this value alone, and who runs them borrows it.
            unsafe { module.free_memory() }
        }
    }
}

/// How many octets the headers of a packet can take, with room for the last word that is written.
fn output_size(program: &Program) -> usize {
    let headers = program.deparser.order.iter();
    let octets = headers.map(|header| {
        let header = &program.layout.headers[*header as usize];
        header.bytes.max(header.max_bytes) as usize
    });
    octets.sum::<usize>() + 8
}

impl Functions {
    /// Takes the addresses of the functions: parser and arrival; checksums, ingress, departure,
    /// deparser.
    pub(super) fn new(
        module: JITModule,
        program: &Program,
        parser: Option<[*const u8; 2]>,
        [verify, ingress, departure, deparser]: [*const u8; 4],
    ) -> Self {
        // SAFETY: the module generated the functions with this signature, in the calling convention
        // of C of this machine.
        let code = |address: *const u8| unsafe { std::mem::transmute::<*const u8, Code>(address) };
        Self {
            parser: parser.map(|addresses| addresses.map(code)),
            verify: code(verify),
            ingress: code(ingress),
            departure: code(departure),
            deparser: code(deparser),
            words: program.layout.words + more_words(program),
            output: output_size(program),
            records: program
                .tables
                .iter()
                .map(|table| recorded(program, table).filter(|_| table.key_words == 1))
                .collect(),
            begins: begins(program),
            module: Some(module),
        }
    }
}

impl Functions {
    /// Whether there is code for the parser.
    pub(crate) fn has_arrival(&self) -> bool {
        self.parser.is_some()
    }

    /// What a table gives for a key of one word, as code would be given it.
    pub(crate) fn look_up(&self, state: &TableState, table: u32, key: u64) -> Option<Guess> {
        let slot = state.find(&[key]);
        let found = match self.records[table as usize]? {
            RecordSize::One => found::<1>(state, slot),
            RecordSize::Five => found::<5>(state, slot),
            RecordSize::Thirteen => found::<13>(state, slot),
            RecordSize::Large => return None,
        };
        Some(Guess { key, found })
    }
}

impl Guess {
    /// Brings the record into the cache.
    pub(crate) fn fetch(self) {
        fetch(self.found as usize & !(RECORD_HIT as usize));
    }
}

/// Brings what is at an address into the cache, without waiting for it. Whatever is there, this does
/// nothing else.
#[inline]
pub(crate) fn fetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: it is a hint, which may have any address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::without_provenance::<i8>(address));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

impl<'a> Machine<'a, NoTrace> {
    /// Makes sure that the memory that code works on is there. It is so already, but for the first packet
    /// of a program.
    #[inline]
    fn prepare(&mut self, functions: &Functions) {
        #[cold]
        fn resize(worker: &mut Worker, functions: &Functions) {
            worker.words.resize(functions.words, 0);
            let headers = worker.headers.len().max(functions.output);
            worker.headers.resize(headers, 0);
            worker.last.resize(functions.records.len(), Last::default());
        }
        let worker = &mut *self.worker;
        if worker.words.len() != functions.words
            || worker.headers.len() < functions.output
            || worker.last.len() != functions.records.len()
        {
            resize(worker, functions);
        }
    }

    /// What code works on, with pointers that are good as long as nothing else uses the machine.
    #[inline]
    fn context(&mut self, functions: &Functions, packet: &[u8]) -> Context {
        self.prepare(functions);
        let worker = &mut *self.worker;
        Context {
            words: worker.words.as_mut_ptr(),
            packet: packet.as_ptr(),
            length: packet.len() as u64,
            arguments: std::ptr::null(),
            pass: &raw mut self.pass,
            out: worker.headers.as_mut_ptr(),
            last: worker.last.as_mut_ptr(),
            fresh: 0,
            port: 0,
            parsed: 0,
            machine: std::ptr::from_mut(self).cast(),
        }
    }

    #[inline]
    fn run_code(&mut self, functions: &Functions, code: Code, packet: &[u8]) -> u64 {
        let mut context = self.context(functions, packet);
        // SAFETY: the functions were generated for the program of this machine, the PHV and the output
        // have the sizes that they need, and all pointers outlive the call. What they may do is
        // written above.
        unsafe { code(&raw mut context) }
    }

    /// A packet that was received at a port, from the parser as far as code takes it. `None` if there is
    /// no code for the parser.
    #[inline]
    pub(crate) fn run_all(
        &mut self,
        functions: &Functions,
        port: PortNumber,
        packet: &'a [u8],
    ) -> Option<Way> {
        let octets = self.run_arrival(functions, Some(port), packet)?;
        self.payload = packet.get(octets..).unwrap_or_default();
        Some(self.run_rest(functions, octets))
    }

    /// A packet of which so many octets were parsed, as far as code takes it.
    #[inline]
    pub(crate) fn run_rest(&mut self, functions: &Functions, parsed: usize) -> Way {
        if self.pass.abort {
            return Way::Ingress;
        }
        let mut context = self.context(functions, &[]);
        context.parsed = parsed as u64;
        // SAFETY: as in `run_code`; and nothing else used the machine since the context was made.
        let (port, octets) = unsafe {
            let port = (functions.ingress)(&raw mut context);
            if port == NOT_UNICAST {
                return Way::Ingress;
            }
            (port, (functions.departure)(&raw mut context))
        };
        // A port has as many bits as the field of standard metadata, at most 32.
        let port = port as PortNumber;
        if octets == NOT_DEPARSED {
            return Way::Egress(port);
        }
        let written = (octets & u64::from(u32::MAX)) as usize;
        let written = written.min(self.worker.headers.len());
        Way::Deparser(port, written, (octets >> 32) as usize)
    }

    pub(crate) fn run_parser(&mut self, functions: &Functions, packet: &[u8]) -> Option<Parsed> {
        let [parser, _] = functions.parser?;
        let result = self.run_code(functions, parser, packet);
        Some(Parsed {
            bytes: (result & u64::from(u32::MAX)) as usize,
            error: (result >> 32) as u32,
        })
    }

    /// Parser and checksums, with what they came to in standard metadata; gives how many octets were
    /// parsed. With a port the packet has just come in there, and the PHV is set for it first.
    #[inline]
    pub(crate) fn run_arrival(
        &mut self,
        functions: &Functions,
        port: Option<PortNumber>,
        packet: &[u8],
    ) -> Option<usize> {
        let [_, arrival] = functions.parser?;
        if let Some(port) = port
            && !functions.begins
        {
            self.begin(port);
        }
        let mut context = self.context(functions, packet);
        if let Some(port) = port {
            context.fresh = u64::from(functions.begins);
            context.port = u64::from(port);
        }
        // SAFETY: as in `run_code`.
        Some(unsafe { arrival(&raw mut context) } as usize)
    }

    pub(crate) fn run_checksums(&mut self, functions: &Functions) -> bool {
        self.run_code(functions, functions.verify, &[]) != 0
    }

    /// Ingress. Gives the port of a packet that just goes there: its metadata are those that it enters
    /// egress with.
    pub(crate) fn run_ingress(&mut self, functions: &Functions) -> Option<PortNumber> {
        let port = self.run_code(functions, functions.ingress, &[]);
        (port != NOT_UNICAST).then_some(port as PortNumber)
    }

    /// Egress. If nothing but to leave is left to the packet, the headers are left in
    /// `Worker::headers`, and it says how many octets they are.
    pub(crate) fn run_departure(&mut self, functions: &Functions) -> Option<usize> {
        let octets = self.run_code(functions, functions.departure, &[]);
        (octets != NOT_DEPARSED).then(|| (octets as usize).min(self.worker.headers.len()))
    }

    /// Leaves the headers in `Worker::headers`, and says how many octets they are.
    pub(crate) fn run_deparser(&mut self, functions: &Functions) -> usize {
        let octets = self.run_code(functions, functions.deparser, &[]) as usize;
        octets.min(self.worker.headers.len())
    }
}

/// A function of the switch that generated code calls.
#[derive(Debug, Clone, Copy)]
pub(super) enum Helper {
    Operation,
    Action,
    Apply,
    /// [`record`], for records of a size.
    Record(RecordSize),
    /// [`record_of_word`], for records of a size.
    RecordOfWord(RecordSize),
    Condition,
    ChecksumCondition,
    Calculate,
    Hash,
    Crc32,
    Emit,
    Parsed,
    ParseOperation,
    Transition,
}

impl Helper {
    pub(super) fn address(self) -> usize {
        match self {
            Self::Operation => operation as *const () as usize,
            Self::Action => action as *const () as usize,
            Self::Apply => apply as *const () as usize,
            Self::Record(RecordSize::Five) => record::<5> as *const () as usize,
            Self::Record(RecordSize::Thirteen) => record::<13> as *const () as usize,
            Self::Record(_) => record::<1> as *const () as usize,
            Self::RecordOfWord(RecordSize::Five) => record_of_word::<5> as *const () as usize,
            Self::RecordOfWord(RecordSize::Thirteen) => record_of_word::<13> as *const () as usize,
            Self::RecordOfWord(_) => record_of_word::<1> as *const () as usize,
            Self::Condition => condition as *const () as usize,
            Self::ChecksumCondition => checksum_condition as *const () as usize,
            Self::Calculate => calculate as *const () as usize,
            Self::Hash => hash as *const () as usize,
            Self::Crc32 => crc32_of as *const () as usize,
            Self::Parsed => parsed as *const () as usize,
            Self::Emit => emit as *const () as usize,
            Self::ParseOperation => parse_operation as *const () as usize,
            Self::Transition => transition as *const () as usize,
        }
    }
}

/// The machine of a context.
///
/// # Safety
///
/// The context is one that [`Machine::context`] made, and nothing else uses its machine meanwhile.
unsafe fn machine<'m>(context: *mut Context) -> &'m mut Machine<'m, NoTrace> {
    // SAFETY: the caller's promise; generated code keeps no reference to the machine.
    unsafe { &mut *(*context).machine.cast::<Machine<'m, NoTrace>>() }
}

/// The packet of a context.
///
/// # Safety
///
/// As [`machine`].
unsafe fn packet<'m>(context: *mut Context) -> &'m [u8] {
    // SAFETY: `Machine::context` took both from a slice that outlives the call.
    unsafe { std::slice::from_raw_parts((*context).packet, (*context).length as usize) }
}

/// The arguments of the action that runs.
///
/// # Safety
///
/// As [`machine`]; and `apply` gave this action last.
unsafe fn arguments<'m>(context: *mut Context, words: usize) -> &'m [u64] {
    // SAFETY: `apply` took the pointer from the action's arguments, which are as many words as its
    // parameters take; the tables do not change while a packet is in a pipeline.
    unsafe {
        let arguments = (*context).arguments;
        if arguments.is_null() {
            return &[];
        }
        std::slice::from_raw_parts(arguments, words)
    }
}

/// Runs one operation. Of a jump it says whether it is not taken: 1 or 0.
unsafe extern "C" fn operation(context: *mut Context, kind: u64, list: u64, index: u64) -> u64 {
    // SAFETY: called by generated code with its context.
    let machine = unsafe { machine(context) };
    let program = machine.program;
    let index = index as usize;
    let (op, arguments): (&OpAt, &[u64]) = match kind {
        0 => {
            let action = &program.actions[list as usize];
            // SAFETY: this operation is of the action that `apply` gave last.
            let arguments = unsafe { arguments(context, action.words) };
            (&action.ops[index], arguments)
        }
        1 => (&program.deparser.ops[index], &[]),
        _ => match &program.parser.states[list as usize].ops[index] {
            ParseOp::Run(op) => (op, &[]),
            _ => return 0,
        },
    };
    match &op.op {
        Op::JumpIfZero { value, .. } => u64::from(!machine.scope(arguments).is_zero(value)),
        Op::JumpUnless { condition, .. } => u64::from(machine.scope(arguments).holds(condition)),
        _ => {
            machine.execute(op, arguments);
            0
        }
    }
}

/// Runs a whole action.
unsafe extern "C" fn action(context: *mut Context, index: u64) -> u64 {
    // SAFETY: called by generated code with its context.
    let machine = unsafe { machine(context) };
    let action = &machine.program.actions[index as usize];
    // SAFETY: this is the action that `apply` gave last.
    let arguments = unsafe { arguments(context, action.words) };
    machine.run_ops(&action.ops, arguments, Some(action));
    0
}

/// Finds what a table does with a key: the index of an action and 1, or 0 for none, and [`HIT`].
unsafe extern "C" fn apply(context: *mut Context, table: u64, key: *const u64) -> u64 {
    // SAFETY: called by generated code with its context.
    let machine = unsafe { machine(context) };
    let index = table as u32;
    let words = machine.program.tables[index as usize].key_words;
    let key = if key.is_null() {
        &[]
    } else {
        // SAFETY: generated code packs as many words as the table's keys have.
        unsafe { std::slice::from_raw_parts(key, words) }
    };
    let found = machine.find(index, key);
    let hit = if found.slot.is_some() { HIT } else { 0 };
    let Some(call) = found.call else {
        return hit;
    };
    // SAFETY: the context is whole.
    unsafe { (*context).arguments = call.arguments.as_ptr() };
    hit | (u64::from(call.action) + 1)
}

/// The address of the record of the entry that a table has for a key, with [`RECORD_HIT`], or of its
/// default entry's. For tables whose records have at most so many words of arguments, and that are
/// without meters, idle timeouts and action profile. Nothing is counted yet.
unsafe extern "C" fn record<const ARGUMENTS: usize>(
    context: *mut Context,
    table: u64,
    key: *const u64,
) -> u64
where
    Records: OfSize<ARGUMENTS>,
{
    // SAFETY: called by generated code with its context.
    let machine = unsafe { machine(context) };
    let words = machine.program.tables[table as usize].key_words;
    // A table without key has no address of one.
    let key = if key.is_null() {
        &[]
    } else {
        // SAFETY: generated code packs as many words as the table's keys have.
        unsafe { std::slice::from_raw_parts(key, words) }
    };
    let state = &machine.state.tables[table as usize];
    if words == 1 {
        note_missed(machine.worker, state, table);
    }
    found(state, state.find(key))
}

/// As [`record`], for a table with exact keys of one word.
unsafe extern "C" fn record_of_word<const ARGUMENTS: usize>(
    context: *mut Context,
    table: u64,
    key: u64,
) -> u64
where
    Records: OfSize<ARGUMENTS>,
{
    // SAFETY: called by generated code with its context.
    let machine = unsafe { machine(context) };
    let state = &machine.state.tables[table as usize];
    if state.len() > LARGE {
        note_missed(machine.worker, state, table);
    } else if let Some(last) = machine.worker.last.get_mut(table as usize)
        && let Some(records) = state.records::<ARGUMENTS>()
    {
        // The next time, code finds an entry without a call.
        (last.chunks, last.default) = records.addresses();
        last.probe = state.probe();
    }
    found(state, state.find_word(key))
}

/// Entries of a table that is worth looking ahead for: a smaller one is in the cache anyway.
const LARGE: usize = 16_384;

/// Notes which large table a packet asks first.
#[inline]
fn note_missed(worker: &mut Worker, state: &TableState, table: u64) {
    if worker.ahead.missed.is_none() && state.len() > LARGE {
        worker.ahead.missed = Some(table as u32);
    }
}

#[inline]
fn found<const ARGUMENTS: usize>(table: &TableState, slot: Option<u32>) -> u64
where
    Records: OfSize<ARGUMENTS>,
{
    let hit = if slot.is_some() { RECORD_HIT } else { 0 };
    // A table has records of one size, and generated code knows which.
    table.records().map_or(0, |records| {
        std::ptr::from_ref(records.get(slot)) as u64 | hit
    })
}

/// Whether a condition of a pipeline holds.
unsafe extern "C" fn condition(context: *mut Context, index: u64) -> u64 {
    // SAFETY: called by generated code with its context.
    let machine = unsafe { machine(context) };
    let condition = &machine.program.conditionals[index as usize].condition;
    u64::from(machine.scope(&[]).holds(condition))
}

/// Whether the condition of a checksum holds.
unsafe extern "C" fn checksum_condition(context: *mut Context, index: u64) -> u64 {
    // SAFETY: called by generated code with its context.
    let machine = unsafe { machine(context) };
    let condition = &machine.program.checksums[index as usize].condition;
    let holds = |condition| machine.scope(&[]).holds(condition);
    u64::from(condition.as_ref().is_none_or(holds))
}

/// The result of a calculation.
unsafe extern "C" fn calculate(context: *mut Context, index: u64) -> u64 {
    // SAFETY: called by generated code with its context.
    let machine = unsafe { machine(context) };
    machine.calculate(index as u32)
}

/// The result of a calculation over this input.
unsafe extern "C" fn hash(context: *mut Context, index: u64, input: *const u8, length: u64) -> u64 {
    // SAFETY: called by generated code with its context.
    let machine = unsafe { machine(context) };
    // SAFETY: generated code packed so many octets.
    let input = unsafe { std::slice::from_raw_parts(input, length as usize) };
    machine.hash_octets(index as u32, input)
}

/// The CRC-32 of this input.
unsafe extern "C" fn crc32_of(_: *mut Context, input: *const u8, length: u64) -> u64 {
    // SAFETY: generated code packed so many octets.
    let input = unsafe { std::slice::from_raw_parts(input, length as usize) };
    u64::from(crc32(input))
}

/// Says how many octets were parsed: what follows is the payload.
unsafe extern "C" fn parsed(context: *mut Context, octets: u64) -> u64 {
    // SAFETY: called by generated code with its context.
    let (machine, packet) = unsafe { (machine(context), packet(context)) };
    machine.payload = packet.get(octets as usize..).unwrap_or_default();
    0
}

/// Writes a header of variable length to the output at this place, and gives where it ends.
unsafe extern "C" fn emit(context: *mut Context, header: u64, at: u64) -> u64 {
    // SAFETY: called by generated code with its context.
    let machine = unsafe { machine(context) };
    machine.emit_header(header as u32, at as usize) as u64
}

/// Runs an operation of the parser; gives the position after it, or the error and [`FAILED`].
unsafe extern "C" fn parse_operation(
    context: *mut Context,
    state: u64,
    index: u64,
    position: u64,
) -> u64 {
    // SAFETY: called by generated code with its context.
    let (machine, packet) = unsafe { (machine(context), packet(context)) };
    let op = &machine.program.parser.states[state as usize].ops[index as usize];
    let mut bytes = position as usize;
    match machine.parse_operation(op, packet, &mut bytes) {
        Ok(()) => bytes as u64,
        Err(error) => FAILED | u64::from(error),
    }
}

/// Gives the state that comes next and 1, or 0 for the end, or the error and [`FAILED`].
unsafe extern "C" fn transition(context: *mut Context, state: u64, position: u64) -> u64 {
    // SAFETY: called by generated code with its context.
    let (machine, packet) = unsafe { (machine(context), packet(context)) };
    let state = &machine.program.parser.states[state as usize];
    match machine.parse_transition(state, packet, position as usize) {
        Ok(next) => next.map_or(0, |next| u64::from(next) + 1),
        Err(error) => FAILED | u64::from(error),
    }
}
