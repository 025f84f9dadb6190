//! The engine: runs packets through a program with simple_switch's semantics.

mod action;
mod ahead;
mod bits;
mod deparse;
mod evaluate;
pub(crate) mod hash;
mod header;
mod parse;
mod pipeline;
mod table;
mod tracer;

use rand::SeedableRng;
use rand::rngs::SmallRng;

use crate::clock::Clock;
use crate::control::PortNumber;
use crate::jit::{Functions, Last};
use crate::program::Program;
use crate::state::State;

pub(crate) use evaluate::Scope;
pub(crate) use hash::crc32;
pub(crate) use parse::Parsed;
pub(crate) use pipeline::{Environment, Outputs};
pub(crate) use tracer::{NoTrace, PassKind, TableLookup, Tracer};

/// How often a packet may be resubmitted or recirculated, with its clones.
pub(crate) const MAX_PASSES: u32 = 64;
/// How many copies a received packet may become.
pub(crate) const MAX_COPIES: usize = 4096;
/// How many operations an action with a loop may take, and how many states a parser.
pub(crate) const MAX_STEPS: u32 = 1 << 16;

/// The memory that packets are worked on in; it is used again for each.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) words: Vec<u64>,
    out: Vec<u8>,
    /// The headers that compiled deparsers write.
    pub(crate) headers: Vec<u8>,
    key: Vec<u64>,
    hash_input: Vec<u8>,
    random: SmallRng,
    jobs: pipeline::Jobs,
    /// What compiled programs found in tables, of [`Worker::version`] of the state.
    pub(crate) last: Vec<Last>,
    version: u64,
    pub(crate) ahead: ahead::Ahead,
}

impl Worker {
    /// `seed` is for the random numbers that programs ask for.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            words: Vec::new(),
            out: Vec::new(),
            headers: Vec::new(),
            key: Vec::new(),
            hash_input: Vec::new(),
            random: SmallRng::seed_from_u64(seed),
            jobs: pipeline::Jobs::default(),
            last: Vec::new(),
            version: 0,
            ahead: ahead::Ahead::default(),
        }
    }
}

/// What a packet carries along besides the PHV: the packet registers of simple_switch.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pass {
    /// Length of the packet as it came in: what counters and meters count.
    pub(crate) ingress_length: usize,
    /// `packet_length`, kept up to date by `add_header` and `remove_header`.
    pub(crate) packet_length: u64,
    /// Whether a clone was asked for, and its session and field list.
    pub(crate) cloned: bool,
    clone: (u64, u64),
    /// The digest that was asked for; 0 if none was.
    pub(crate) digest: u64,
    /// The field list of a resubmission; 0 if none was asked for.
    pub(crate) resubmit: u64,
    /// The field list of a recirculation; 0 if none was asked for.
    recirculate: u64,
    /// The length that the packet is cut to.
    truncate: Option<usize>,
    pub(crate) exit: bool,
    /// An assertion failed, or an action took too many steps.
    pub(crate) abort: bool,
}

impl Pass {
    /// For a packet that has just come in.
    fn of(packet: &[u8]) -> Self {
        Self {
            ingress_length: packet.len(),
            packet_length: packet.len() as u64,
            ..Self::default()
        }
    }
}

/// One packet in the engine.
pub(crate) struct Machine<'a, T> {
    pub(crate) program: &'a Program,
    pub(crate) state: &'a State,
    /// The program in native code, if it is to run so.
    pub(crate) code: Option<&'a Functions>,
    pub(crate) clock: &'a Clock,
    pub(crate) drop_port: PortNumber,
    pub(crate) worker: &'a mut Worker,
    pub(crate) pass: Pass,
    pub(crate) tracer: &'a mut T,
    /// What follows the headers that were parsed.
    pub(crate) payload: &'a [u8],
}

impl<T: Tracer> Machine<'_, T> {
    pub(crate) fn scope<'s>(&'s self, arguments: &'s [u64]) -> Scope<'s> {
        Scope {
            layout: &self.program.layout,
            words: &self.worker.words,
            arguments,
            registers: &self.state.registers,
        }
    }

    /// Sets all metadata and headers to what they are for a new packet.
    fn reset(&mut self) {
        let layout = &self.program.layout;
        let words = &mut self.worker.words;
        words.clear();
        words.extend_from_slice(&layout.metadata);
        words.resize(layout.words, 0);
    }

    /// Sets all metadata to what they are for a new packet.
    fn reset_metadata(&mut self) {
        let layout = &self.program.layout;
        self.worker.words[..layout.metadata_words].copy_from_slice(&layout.metadata);
    }

    /// Writes a field of at most 64 bits.
    #[inline]
    fn set(&mut self, field: &crate::program::Field, value: u64) {
        self.worker.words[field.word as usize] = value & crate::number::low_mask(field.width);
    }

    /// Reads a field of at most 64 bits.
    #[inline]
    fn get(&self, field: &crate::program::Field) -> u64 {
        self.worker.words[field.word as usize]
    }
}
