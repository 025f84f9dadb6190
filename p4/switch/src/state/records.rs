//! The actions of a table's entries as packets use them, each with its counter: what a packet needs of
//! an entry and nothing else, side by side, so that it takes one cache line if the arguments are few.

use super::arrays::Counter;
use super::pieces::Pieces;
use super::table::{Call, CallRef};
use crate::program::{ActionId, Program, Table, TableKind};

/// Entries of a chunk. Chunks are never moved.
const CHUNK: usize = 1 << CHUNK_BITS;
/// log2 of it.
pub(crate) const CHUNK_BITS: u32 = 8;
/// In place of an action: there is none, or the entry has a member, group or action set.
pub(crate) const NO_CALL: u64 = u64::MAX;

/// What a packet needs of an entry. Native code knows where each part is.
#[derive(Debug)]
#[repr(C, align(32))]
pub(crate) struct Record<const ARGUMENTS: usize> {
    pub(crate) counter: Counter,
    /// An [`ActionId`], or [`NO_CALL`].
    pub(crate) action: u64,
    pub(crate) arguments: [u64; ARGUMENTS],
}

/// Records that lie so that none takes more cache lines than it needs.
#[derive(Debug)]
#[repr(C, align(64))]
struct Chunk<const ARGUMENTS: usize>([Record<ARGUMENTS>; CHUNK]);

impl<const ARGUMENTS: usize> Default for Record<ARGUMENTS> {
    fn default() -> Self {
        Self {
            counter: Counter::default(),
            action: NO_CALL,
            arguments: [0; ARGUMENTS],
        }
    }
}

/// Records by the slot of their entry, and that of the default entry.
#[derive(Debug)]
pub(crate) struct Chunks<const ARGUMENTS: usize> {
    chunks: Pieces<Chunk<ARGUMENTS>>,
    /// Where each of them is.
    addresses: Vec<usize>,
    default: Box<Record<ARGUMENTS>>,
}

impl<const ARGUMENTS: usize> Default for Chunks<ARGUMENTS> {
    fn default() -> Self {
        Self {
            chunks: Pieces::default(),
            addresses: Vec::new(),
            default: Box::default(),
        }
    }
}

impl<const ARGUMENTS: usize> Chunks<ARGUMENTS> {
    /// The record of a slot, or of the default entry.
    #[inline]
    pub(crate) fn get(&self, slot: Option<u32>) -> &Record<ARGUMENTS> {
        slot.and_then(|slot| {
            let chunk = self.chunks.get(slot as usize / CHUNK)?;
            Some(&chunk.0[slot as usize % CHUNK])
        })
        .unwrap_or(&self.default)
    }

    /// Where native code finds the addresses of the chunks, and the record of the default entry.
    pub(crate) fn addresses(&self) -> (usize, usize) {
        let default: *const Record<ARGUMENTS> = &raw const *self.default;
        (self.addresses.as_ptr() as usize, default as usize)
    }

    fn get_mut(&mut self, slot: Option<u32>) -> Option<&mut Record<ARGUMENTS>> {
        let Some(slot) = slot else {
            return Some(&mut self.default);
        };
        let chunk = self.chunks.get_mut(slot as usize / CHUNK)?;
        Some(&mut chunk.0[slot as usize % CHUNK])
    }

    fn start(&mut self, slot: u32) {
        let chunk = slot as usize / CHUNK;
        while self.addresses.len() <= chunk {
            let new = Chunk(std::array::from_fn(|_| Record::default()));
            self.addresses.push(self.chunks.push(new));
        }
        if let Some(record) = self.get_mut(Some(slot)) {
            record.counter = Counter::default();
        }
    }
}

/// A record of an action with many arguments.
#[derive(Debug)]
struct Large {
    counter: Counter,
    call: Option<Call>,
}

/// The records of a table, by the words that its actions' arguments take at most: with 1 there are two
/// records in a cache line, with 5 one.
#[derive(Debug)]
pub(crate) enum Records {
    One(Chunks<1>),
    Five(Chunks<5>),
    Thirteen(Chunks<13>),
    Large(LargeRecords),
}

/// Records of actions with many arguments.
#[derive(Debug)]
pub(crate) struct LargeRecords {
    records: Vec<Large>,
    default: Box<Large>,
}

/// The size of the records of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordSize {
    /// Arguments of one word.
    One,
    /// Up to five words.
    Five,
    /// Up to thirteen words.
    Thirteen,
    /// More: they lie elsewhere.
    Large,
}

impl RecordSize {
    /// The size for the actions of a table. Entries of a table with an action profile have no action of
    /// their own.
    pub(crate) fn of(program: &Program, table: &Table) -> Self {
        let words = |action: &ActionId| program.actions[*action as usize].words;
        let default = table.default.as_ref().map(|default| &default.action);
        let own = match table.kind {
            TableKind::Simple => &table.actions[..],
            TableKind::Indirect(_) | TableKind::WithSelector(_) => &[],
        };
        match own.iter().chain(default).map(words).max().unwrap_or(0) {
            0..=1 => Self::One,
            2..=5 => Self::Five,
            6..=13 => Self::Thirteen,
            _ => Self::Large,
        }
    }
}

impl Records {
    pub(super) fn new(program: &Program, table: &Table) -> Self {
        match RecordSize::of(program, table) {
            RecordSize::One => Self::One(Chunks::default()),
            RecordSize::Five => Self::Five(Chunks::default()),
            RecordSize::Thirteen => Self::Thirteen(Chunks::default()),
            RecordSize::Large => Self::Large(LargeRecords::new()),
        }
    }

    /// Makes room for a slot, with a counter of zero.
    pub(super) fn start(&mut self, slot: u32) {
        match self {
            Self::One(records) => records.start(slot),
            Self::Five(records) => records.start(slot),
            Self::Thirteen(records) => records.start(slot),
            Self::Large(large) => large.start(slot),
        }
    }

    /// Sets the action of a slot that was started, or of the default entry. With `None` it has none of
    /// its own.
    pub(super) fn set(&mut self, slot: Option<u32>, call: Option<&Call>) {
        fn write<const N: usize>(records: &mut Chunks<N>, slot: Option<u32>, call: Option<&Call>) {
            let Some(record) = records.get_mut(slot) else {
                return;
            };
            record.action = NO_CALL;
            if let Some(call) = call {
                record.action = u64::from(call.action);
                let used = call.arguments.len().min(N);
                record.arguments[..used].copy_from_slice(&call.arguments[..used]);
            }
        }
        match self {
            Self::One(records) => write(records, slot, call),
            Self::Five(records) => write(records, slot, call),
            Self::Thirteen(records) => write(records, slot, call),
            Self::Large(large) => {
                if let Some(record) = large.get_mut(slot) {
                    record.call = call.cloned();
                }
            }
        }
    }

    /// The action of a slot, or of the default entry; `None` if it has none of its own.
    #[inline]
    pub(super) fn call(&self, slot: Option<u32>) -> Option<CallRef<'_>> {
        fn read<const N: usize>(record: &Record<N>) -> Option<CallRef<'_>> {
            (record.action != NO_CALL).then_some(CallRef {
                // It was written as 32 bits.
                action: record.action as ActionId,
                arguments: &record.arguments,
            })
        }
        match self {
            Self::One(records) => read(records.get(slot)),
            Self::Five(records) => read(records.get(slot)),
            Self::Thirteen(records) => read(records.get(slot)),
            Self::Large(large) => Some(large.get(slot)?.call.as_ref()?.borrow()),
        }
    }

    /// The counter of a slot, or of the default entry. It counts nothing if the table has no counters.
    #[inline]
    pub(super) fn counter(&self, slot: Option<u32>) -> Option<&Counter> {
        match self {
            Self::One(records) => Some(&records.get(slot).counter),
            Self::Five(records) => Some(&records.get(slot).counter),
            Self::Thirteen(records) => Some(&records.get(slot).counter),
            Self::Large(large) => Some(&large.get(slot)?.counter),
        }
    }
}

/// Records of one size.
pub(crate) trait OfSize<const ARGUMENTS: usize> {
    fn sized(&self) -> Option<&Chunks<ARGUMENTS>>;
}

impl OfSize<1> for Records {
    #[inline]
    fn sized(&self) -> Option<&Chunks<1>> {
        match self {
            Self::One(records) => Some(records),
            _ => None,
        }
    }
}

impl OfSize<5> for Records {
    #[inline]
    fn sized(&self) -> Option<&Chunks<5>> {
        match self {
            Self::Five(records) => Some(records),
            _ => None,
        }
    }
}

impl OfSize<13> for Records {
    #[inline]
    fn sized(&self) -> Option<&Chunks<13>> {
        match self {
            Self::Thirteen(records) => Some(records),
            _ => None,
        }
    }
}

impl LargeRecords {
    fn new() -> Self {
        Self {
            records: Vec::new(),
            default: Box::new(Large::new()),
        }
    }

    fn get(&self, slot: Option<u32>) -> Option<&Large> {
        match slot {
            Some(slot) => self.records.get(slot as usize),
            None => Some(&self.default),
        }
    }

    fn get_mut(&mut self, slot: Option<u32>) -> Option<&mut Large> {
        match slot {
            Some(slot) => self.records.get_mut(slot as usize),
            None => Some(&mut self.default),
        }
    }

    fn start(&mut self, slot: u32) {
        let slot = slot as usize;
        if self.records.len() <= slot {
            self.records.resize_with(slot + 1, Large::new);
        }
        self.records[slot].counter = Counter::default();
    }
}

impl Large {
    fn new() -> Self {
        Self {
            counter: Counter::default(),
            call: None,
        }
    }
}
