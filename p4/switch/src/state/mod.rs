//! The state of a loaded program: what the control plane writes and packets read and count.

mod age;
mod arena;
mod arrays;
mod carry;
mod constant;
mod direct;
mod entries;
mod key;
mod lookup;
mod meter;
mod pieces;
mod profile;
mod records;
mod replication;
mod table;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub(crate) use arrays::{Counter, DropCounters, RegisterArray, bump};
pub(crate) use direct::Place;
pub(crate) use entries::{PreparedTarget, Removed, prepare_key};
pub(crate) use key::PackedKey;
pub(crate) use lookup::lines::{ENTRIES, Line, Probe, SEGMENT_BITS, SPREAD};
pub(crate) use meter::Meter;
pub(crate) use profile::ProfileState;
pub(crate) use records::{CHUNK_BITS, NO_CALL, OfSize, Record, RecordSize, Records};
pub(crate) use replication::Session;
pub(crate) use table::{Call, CallRef, Entry, TableState, Target};

use crate::Engine;
use crate::control::{ControlError, PortNumber, ValueSetMember};
use crate::jit::Functions;
use crate::load::LoadError;
use crate::number::{bits_of_bytes, bytes_to_words, words_for};
use crate::program::{Program, ValueSet};
use replication::Replication;

pub(crate) type Result<T, E = ControlError> = std::result::Result<T, E>;

/// What the control plane reads and writes, for the program that is loaded.
///
/// Reached through [`crate::Switch::read`] and [`crate::Switch::write`]. All that one call of
/// `write` does takes effect for packets at once; a method that gives an error has changed nothing.
#[derive(Debug)]
pub struct State {
    pub(crate) program: Arc<Program>,
    /// The program in native code, if packets are to run in it.
    pub(crate) code: Option<Arc<Functions>>,
    /// Whether one packet is processed at a time, so that counters need no locked instructions.
    pub(crate) alone: bool,
    pub(crate) tables: Vec<TableState>,
    table_ids: HashMap<Arc<str>, u32>,
    pub(crate) profiles: Vec<ProfileState>,
    pub(crate) counters: Vec<Box<[Counter]>>,
    pub(crate) meters: Vec<Box<[Meter]>>,
    pub(crate) registers: Vec<RegisterArray>,
    /// By value set: the values, with their parts padded as in the parser's keys.
    pub(crate) value_sets: Vec<HashSet<Vec<u64>>>,
    pub(crate) replication: Replication,
    pub(crate) drops: DropCounters,
    /// Ports that are known to be down.
    down: HashSet<PortNumber>,
    clock: Arc<crate::clock::Clock>,
}

impl State {
    /// The state that a program starts with.
    pub(crate) fn new(
        program: Arc<Program>,
        clock: Arc<crate::clock::Clock>,
    ) -> std::result::Result<Self, LoadError> {
        let mut state = Self {
            tables: program
                .tables
                .iter()
                .map(|table| TableState::new(&program, table, &clock))
                .collect(),
            table_ids: (0..)
                .zip(&program.tables)
                .map(|(id, table)| (table.name.clone(), id))
                .collect(),
            profiles: program
                .profiles
                .iter()
                .map(|_| ProfileState::default())
                .collect(),
            counters: program
                .counters
                .iter()
                .map(|array| (0..array.size).map(|_| Counter::default()).collect())
                .collect(),
            meters: program
                .meters
                .iter()
                .map(|array| (0..array.size).map(|_| Meter::default()).collect())
                .collect(),
            registers: program
                .registers
                .iter()
                .map(|array| RegisterArray::new(array.size, array.width))
                .collect(),
            value_sets: program.value_sets.iter().map(|_| HashSet::new()).collect(),
            replication: Replication::default(),
            drops: DropCounters::default(),
            down: HashSet::new(),
            clock,
            code: None,
            alone: false,
            program,
        };
        state.load_tables()?;
        Ok(state)
    }

    /// Microseconds of the switch's clock.
    pub(crate) fn microseconds(&self) -> u64 {
        self.clock.microseconds()
    }

    /// What runs the packets of this program.
    pub fn engine(&self) -> Engine {
        if self.code.is_some() {
            Engine::Compiled
        } else {
            Engine::Interpreter
        }
    }

    /// A port went up or down: groups leave out the members that watch it, or take them back.
    pub(crate) fn set_port_down(&mut self, port: PortNumber, down: bool) {
        let changed = if down {
            self.down.insert(port)
        } else {
            self.down.remove(&port)
        };
        if !changed {
            return;
        }
        for profile in &mut self.profiles {
            profile.rebuild(&self.down);
        }
        for table in &mut self.tables {
            table.rebuild_sets(&self.down);
        }
        self.replication.rebuild(&self.down);
    }
}

/// Parser value sets.
impl State {
    fn value_set_id(&self, name: &str) -> Result<usize> {
        self.program
            .value_sets
            .iter()
            .position(|set| set.name == name)
            .ok_or_else(|| unknown("value set", name))
    }

    /// Names of the parser value sets.
    pub fn value_sets(&self) -> Vec<String> {
        let sets = self.program.value_sets.iter();
        sets.map(|set| set.name.clone()).collect()
    }

    /// Widths in bits of the parts of a parser value set's values.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`].
    pub fn value_set_parts(&self, name: &str) -> Result<&[u32]> {
        let id = self.value_set_id(name)?;
        Ok(&self.program.value_sets[id].parts)
    }

    /// The values of a parser value set, in no order.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`].
    pub fn value_set(&self, name: &str) -> Result<Vec<ValueSetMember>> {
        let id = self.value_set_id(name)?;
        let set = &self.program.value_sets[id];
        Ok(self.value_sets[id]
            .iter()
            .map(|padded| {
                let words = repack(padded, set, false);
                crate::number::words_to_bytes(&words, set.width)
            })
            .collect())
    }

    /// Replaces the values of a parser value set.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`], [`ControlError::Full`], [`ControlError::TooWide`].
    pub fn set_value_set(&mut self, name: &str, members: &[ValueSetMember]) -> Result<()> {
        let id = self.value_set_id(name)?;
        let set = &self.program.value_sets[id];
        if members.len() > set.max_size {
            return Err(ControlError::Full {
                owner: name.to_owned(),
                limit: set.max_size,
                what: "values",
            });
        }
        let mut values = HashSet::new();
        for member in members {
            let words = words_of(member, set.width, name, "value")?;
            values.insert(repack(&words, set, true));
        }
        self.value_sets[id] = values;
        Ok(())
    }
}

/// Adds the padding of each part of a value set's value, or takes it out.
fn repack(words: &[u64], set: &ValueSet, pad: bool) -> Vec<u64> {
    let padded = |width: u32| width.div_ceil(8) * 8;
    let total: u32 = if pad {
        set.parts.iter().map(|width| padded(*width)).sum()
    } else {
        set.width
    };
    let mut result = vec![0; words_for(total).max(1)];
    let (mut from, mut to) = (0_u32, 0_u32);
    for width in set.parts.iter().rev() {
        for bit in 0..*width {
            let (source, target) = (from + bit, to + bit);
            let set = words
                .get((source / 64) as usize)
                .is_some_and(|word| word >> (source % 64) & 1 == 1);
            if set && let Some(word) = result.get_mut((target / 64) as usize) {
                *word |= 1 << (target % 64);
            }
        }
        let (plain, with_padding) = (*width, padded(*width));
        from += if pad { plain } else { with_padding };
        to += if pad { with_padding } else { plain };
    }
    result
}

fn unknown(kind: &'static str, name: &str) -> ControlError {
    ControlError::UnknownObject {
        kind,
        name: name.to_owned(),
    }
}

fn check_width(bytes: &[u8], width: u32, owner: &str, field: &str) -> Result<()> {
    let needed = bits_of_bytes(bytes);
    if needed > width {
        return Err(ControlError::TooWide {
            owner: owner.to_owned(),
            field: field.to_owned(),
            needed,
            width,
        });
    }
    Ok(())
}

/// The words of a value that must fit into `width` bits.
fn words_of(bytes: &[u8], width: u32, owner: &str, field: &str) -> Result<Vec<u64>> {
    check_width(bytes, width, owner, field)?;
    let mut words = vec![0; words_for(width)];
    bytes_to_words(bytes, &mut words);
    Ok(words)
}

/// As [`words_of`], for a width of at most 64 bits.
fn word_of(bytes: &[u8], width: u32, owner: &str, field: &str) -> Result<u64> {
    check_width(bytes, width, owner, field)?;
    Ok(bytes
        .iter()
        .fold(0, |word: u64, byte| word << 8 | u64::from(*byte)))
}
