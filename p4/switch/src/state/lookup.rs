//! Finding the entry of a table that a packet's key hits.

use std::collections::HashMap;

use bmv2_json::MatchType;
use rustc_hash::FxBuildHasher;

use super::key::{PackedKey, prefix_length};
use crate::program::{KeyElement, Matcher, Table};

/// The entries of a table, by what they match.
#[derive(Debug)]
pub(super) enum Lookup {
    /// A table without key, or with actions only: always a miss.
    None,
    Exact(Exact),
    /// The longest prefixes first.
    Lpm(Vec<Prefixes>),
    /// The largest priorities first; among equal ones the oldest.
    Ternary(Vec<Ternary>),
}

/// Entries by their exact key.
#[derive(Debug)]
pub(super) enum Exact {
    One(HashMap<u64, u32, FxBuildHasher>),
    Many(HashMap<Box<[u64]>, u32, FxBuildHasher>),
}

/// The entries with prefixes of one length.
#[derive(Debug)]
pub(super) struct Prefixes {
    length: u32,
    mask: Box<[u64]>,
    entries: Exact,
}

/// An entry that is found by priority.
#[derive(Debug)]
pub(super) struct Ternary {
    value: Box<[u64]>,
    /// Without the ranges.
    mask: Box<[u64]>,
    ranges: Box<[Range]>,
    priority: u32,
    entry: u32,
}

#[derive(Debug)]
struct Range {
    word: u32,
    words: u32,
    shift: u32,
    width: u32,
    low: Box<[u64]>,
    high: Box<[u64]>,
}

impl Exact {
    fn new(words: usize) -> Self {
        if words == 1 {
            Self::One(HashMap::default())
        } else {
            Self::Many(HashMap::default())
        }
    }

    fn insert(&mut self, key: &[u64], entry: u32) {
        match self {
            Self::One(map) => map.insert(key[0], entry),
            Self::Many(map) => map.insert(key.into(), entry),
        };
    }

    fn remove(&mut self, key: &[u64]) {
        match self {
            Self::One(map) => map.remove(&key[0]),
            Self::Many(map) => map.remove(key),
        };
    }

    #[inline]
    fn find(&self, key: &[u64]) -> Option<u32> {
        match self {
            Self::One(map) => map.get(&key[0]).copied(),
            Self::Many(map) => map.get(key).copied(),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::One(map) => map.is_empty(),
            Self::Many(map) => map.is_empty(),
        }
    }
}

impl Range {
    fn new(element: &KeyElement, packed: &PackedKey) -> Self {
        Self {
            word: element.word,
            words: element.words,
            shift: element.shift,
            width: element.width,
            low: element.unpack(&packed.value).into(),
            high: element.unpack(&packed.mask).into(),
        }
    }

    fn contains(&self, key: &[u64]) -> bool {
        let word = self.word as usize;
        if self.width <= 64 {
            let value = (key[word] >> self.shift) & crate::number::low_mask(self.width);
            return self.low[0] <= value && value <= self.high[0];
        }
        let value = key[word..word + self.words as usize].iter().rev();
        self.low.iter().rev().le(value.clone()) && value.le(self.high.iter().rev())
    }
}

impl Lookup {
    pub(super) fn new(table: &Table) -> Self {
        match table.matcher {
            Matcher::None => Self::None,
            Matcher::Exact => Self::Exact(Exact::new(table.key_words)),
            Matcher::Lpm(_) => Self::Lpm(Vec::new()),
            Matcher::Ternary => Self::Ternary(Vec::new()),
        }
    }

    /// The entry that a packed key hits. `scratch` is of any content.
    #[inline]
    pub(super) fn find(&self, key: &[u64], scratch: &mut Vec<u64>) -> Option<u32> {
        match self {
            Self::None => None,
            Self::Exact(entries) => entries.find(key),
            Self::Lpm(lengths) => lengths.iter().find_map(|prefixes| {
                if let Exact::One(map) = &prefixes.entries {
                    return map.get(&(key[0] & prefixes.mask[0])).copied();
                }
                scratch.clear();
                scratch.extend(
                    key.iter()
                        .zip(&prefixes.mask)
                        .map(|(word, mask)| word & mask),
                );
                prefixes.entries.find(scratch)
            }),
            Self::Ternary(entries) => entries
                .iter()
                .find(|entry| {
                    key.iter()
                        .zip(&entry.mask)
                        .zip(&entry.value)
                        .all(|((word, mask), value)| word & mask == *value)
                        && entry.ranges.iter().all(|range| range.contains(key))
                })
                .map(|entry| entry.entry),
        }
    }

    pub(super) fn insert(&mut self, table: &Table, key: &PackedKey, entry: u32) {
        match self {
            Self::None => {}
            Self::Exact(entries) => entries.insert(&key.value, entry),
            Self::Lpm(lengths) => {
                let length = prefix_length(table, key);
                let place = lengths.partition_point(|prefixes| prefixes.length > length);
                if lengths
                    .get(place)
                    .is_none_or(|prefixes| prefixes.length != length)
                {
                    let prefixes = Prefixes {
                        length,
                        mask: key.mask.clone(),
                        entries: Exact::new(key.value.len()),
                    };
                    lengths.insert(place, prefixes);
                }
                lengths[place].entries.insert(&key.value, entry);
            }
            Self::Ternary(entries) => {
                let mut value = key.value.clone();
                let mut mask = key.mask.clone();
                let mut ranges = Vec::new();
                for element in &table.key {
                    if element.match_type == MatchType::Range {
                        ranges.push(Range::new(element, key));
                        let mut place = vec![0; mask.len()];
                        element.pack(&element.ones(), &mut place);
                        for (i, place) in place.iter().enumerate() {
                            mask[i] &= !place;
                            value[i] &= !place;
                        }
                    }
                }
                let place = entries.partition_point(|other| other.priority >= key.priority);
                let entry = Ternary {
                    value,
                    mask,
                    ranges: ranges.into(),
                    priority: key.priority,
                    entry,
                };
                entries.insert(place, entry);
            }
        }
    }

    pub(super) fn remove(&mut self, table: &Table, key: &PackedKey, entry: u32) {
        match self {
            Self::None => {}
            Self::Exact(entries) => entries.remove(&key.value),
            Self::Lpm(lengths) => {
                let length = prefix_length(table, key);
                if let Some(place) = lengths.iter().position(|p| p.length == length) {
                    lengths[place].entries.remove(&key.value);
                    if lengths[place].entries.is_empty() {
                        lengths.remove(place);
                    }
                }
            }
            Self::Ternary(entries) => entries.retain(|other| other.entry != entry),
        }
    }
}
