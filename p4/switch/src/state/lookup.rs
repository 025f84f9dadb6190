//! Finding the entry of a table that a packet's key hits: tuple space search (Srinivasan, Suri and
//! Varghese, "Packet classification using tuple space search", SIGCOMM 1999).
//!
//! Entries that match the same bits are a tuple: a hash table over these bits. A table with exact
//! keys has one tuple, one with ternary elements a tuple for each mask. Ranges are no part of a tuple,
//! they are compared last. Tables with a longest-prefix element have [`Prefixes`] instead, and a tuple for
//! each length only if the element is too wide for these.

mod bits;
pub(crate) mod lines;
mod prefixes;
mod stride;

use std::collections::BTreeMap;

use bmv2_json::MatchType;

use super::arena::Arena;
use super::key::{PackedKey, prefix_length};
use super::table::Entry;
use crate::program::{Matcher, Table};
use lines::{Lines, Probe};
use prefixes::Prefixes;

/// The entries of a table, by what they match.
#[derive(Debug)]
pub(super) struct Lookup {
    kind: Kind,
    /// The longest prefixes first; by ternary masks those with the largest priority first.
    tuples: Vec<Tuple>,
}

#[derive(Debug)]
enum Kind {
    /// A table without key: always a miss.
    None,
    Exact,
    Prefixes(Box<Prefixes>),
    /// By longest prefix, all lengths being tried.
    Lpm,
    /// With the elements of the key that are ranges.
    Ternary(Box<[RangeElement]>),
}

/// The entries that match the same bits.
#[derive(Debug)]
struct Tuple {
    mask: Box<[u64]>,
    /// Length of the prefix, or largest priority.
    rank: u32,
    /// How many entries of each priority there are, in a table by priority.
    priorities: BTreeMap<u32, u32>,
    /// The first of the entries with the same value, by [`Tuple::tag`]. The others, if there are priorities, follow
    /// by [`Entry::next`], from the largest priority to the smallest.
    entries: Lines,
}

/// Where a range lies in a packed key.
#[derive(Debug)]
struct RangeElement {
    word: u32,
    words: u32,
    shift: u32,
    width: u32,
    /// Its bits in a packed key.
    bits: Box<[u64]>,
}

/// A hash of the bits of a packed key that a mask selects. Keys come from the control plane: nobody
/// can choose them to collide who could not fill the table with anything else.
#[inline]
fn hash_under(mask: &[u64], key: &[u64]) -> u64 {
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let words = key.iter().zip(mask).map(|(word, mask)| word & mask);
    words.fold(0x243f_6a88_85a3_08d3, |state: u64, word| {
        let product = u128::from(state ^ word) * u128::from(MULTIPLIER);
        (product as u64) ^ (product >> 64) as u64
    })
}

/// Whether two keys have the same bits under a mask.
#[inline]
fn same_under(mask: &[u64], one: &[u64], other: &[u64]) -> bool {
    let words = one.iter().zip(other).zip(mask);
    words.fold(0, |differ, ((one, other), mask)| {
        differ | (one ^ other) & mask
    }) == 0
}

impl RangeElement {
    fn of(table: &Table) -> Box<[Self]> {
        table
            .key
            .iter()
            .filter(|element| element.match_type == MatchType::Range)
            .map(|element| {
                let mut bits = vec![0; table.key_words];
                element.pack(&element.ones(), &mut bits);
                Self {
                    word: element.word,
                    words: element.words,
                    shift: element.shift,
                    width: element.width,
                    bits: bits.into(),
                }
            })
            .collect()
    }

    /// Whether the value in a key is in the range of an entry.
    fn holds(&self, key: &[u64], entry: &PackedKey) -> bool {
        let word = self.word as usize;
        let (low, high) = (entry.value(), entry.mask());
        if self.width <= 64 {
            let of =
                |words: &[u64]| (words[word] >> self.shift) & crate::number::low_mask(self.width);
            let value = of(key);
            return of(low) <= value && value <= of(high);
        }
        let range = word..word + self.words as usize;
        let value = key[range.clone()].iter().rev();
        low[range.clone()].iter().rev().le(value.clone()) && value.le(high[range].iter().rev())
    }
}

impl Tuple {
    fn new(mask: &[u64], rank: u32) -> Self {
        Self {
            mask: mask.into(),
            rank,
            priorities: BTreeMap::new(),
            entries: Lines::default(),
        }
    }

    /// What a key is kept by: the bits that matter if they are one word, otherwise a hash of them.
    #[inline]
    fn tag(&self, key: &[u64]) -> u64 {
        match (&*self.mask, key) {
            ([mask], [word]) => mask & word,
            _ => hash_under(&self.mask, key),
        }
    }

    /// The first entry that matches a key.
    #[inline]
    fn find(&self, entries: &Arena<Entry>, key: &[u64]) -> Option<u32> {
        let tag = self.tag(key);
        if self.mask.len() == 1 {
            return self.entries.find(tag, |_| true);
        }
        self.entries.find(tag, |id| {
            let entry = entries.get(id);
            entry.is_some_and(|entry| same_under(&self.mask, entry.key.value(), key))
        })
    }

    fn insert(&mut self, entries: &mut Arena<Entry>, id: u32) {
        let Some(new) = entries.get(id) else {
            return;
        };
        let (value, priority) = (new.key.value().to_vec(), new.key.priority);
        let Some(first) = self.find(entries, &value) else {
            let tag = self.tag(&value);
            self.entries.insert(tag, id);
            return;
        };
        let precedes = |slot: u32| {
            entries
                .get(slot)
                .is_some_and(|entry| entry.key.priority >= priority)
        };
        if !precedes(first) {
            let tag = self.tag(&value);
            self.entries.replace(tag, first, id);
            set_next(entries, id, Some(first));
            return;
        }
        let mut before = first;
        while let Some(after) = next_of(entries, before).filter(|after| precedes(*after)) {
            before = after;
        }
        let after = next_of(entries, before);
        set_next(entries, id, after);
        set_next(entries, before, Some(id));
    }

    fn remove(&mut self, entries: &mut Arena<Entry>, id: u32) {
        let Some(entry) = entries.get(id) else {
            return;
        };
        let (value, next) = (entry.key.value().to_vec(), entry.next);
        let Some(first) = self.find(entries, &value) else {
            return;
        };
        let tag = self.tag(&value);
        if first != id {
            let mut before = first;
            while let Some(after) = next_of(entries, before) {
                if after == id {
                    set_next(entries, before, next);
                    return;
                }
                before = after;
            }
        } else if let Some(next) = next {
            self.entries.replace(tag, first, next);
        } else {
            self.entries.remove(tag, id);
        }
    }
}

fn next_of(entries: &Arena<Entry>, id: u32) -> Option<u32> {
    entries.get(id)?.next
}

fn set_next(entries: &mut Arena<Entry>, id: u32, next: Option<u32>) {
    if let Some(entry) = entries.get_mut(id) {
        entry.next = next;
    }
}

impl Lookup {
    pub(super) fn new(table: &Table) -> Self {
        Self {
            kind: match table.matcher {
                Matcher::None => Kind::None,
                Matcher::Exact => Kind::Exact,
                Matcher::Lpm(element) => {
                    Prefixes::new(&table.key, element, table.key_words, table.max_size)
                        .map_or(Kind::Lpm, |prefixes| Kind::Prefixes(Box::new(prefixes)))
                }
                Matcher::Ternary => Kind::Ternary(RangeElement::of(table)),
            },
            tuples: Vec::new(),
        }
    }

    /// The slot of the entry that a packed key hits.
    #[inline]
    pub(super) fn find(&self, entries: &Arena<Entry>, key: &[u64]) -> Option<u32> {
        match &self.kind {
            Kind::None => None,
            Kind::Exact => self.tuples.first()?.find(entries, key),
            Kind::Prefixes(prefixes) => prefixes.find(key),
            Kind::Lpm => self
                .tuples
                .iter()
                .find_map(|tuple| tuple.find(entries, key)),
            Kind::Ternary(ranges) => self.find_ternary(entries, key, ranges),
        }
    }

    /// As [`Lookup::find`], for a table of exact matches with keys of one word.
    #[inline]
    pub(super) fn find_word(&self, key: u64) -> Option<u32> {
        self.tuples.first()?.entries.find(key, |_| true)
    }

    /// Where a table of exact matches with keys of one word has what is read first to find a key.
    #[inline]
    pub(super) fn address(&self, key: u64) -> Option<usize> {
        match self.kind {
            Kind::Exact => self.tuples.first()?.entries.address(key),
            _ => None,
        }
    }

    /// How native code finds the entries of a table of exact matches with keys of one word.
    pub(super) fn probe(&self) -> Probe {
        let entries = self.tuples.first();
        entries.map_or_else(Probe::nothing, |tuple| tuple.entries.probe())
    }

    fn find_ternary(
        &self,
        entries: &Arena<Entry>,
        key: &[u64],
        ranges: &[RangeElement],
    ) -> Option<u32> {
        let with_id = |id| Some((id, entries.get(id)?));
        let mut best: Option<(u32, &Entry)> = None;
        for tuple in &self.tuples {
            if best.is_some_and(|(_, best)| best.key.priority >= tuple.rank) {
                break;
            }
            let mut next = tuple.find(entries, key);
            while let Some((id, entry)) = next.and_then(with_id) {
                if ranges.iter().all(|range| range.holds(key, &entry.key)) {
                    if best.is_none_or(|(_, best)| best.key.priority < entry.key.priority) {
                        best = Some((id, entry));
                    }
                    break;
                }
                next = entry.next;
            }
        }
        best.map(|(slot, _)| slot)
    }

    /// The bits that entries with such a key match, without ranges.
    fn tuple_mask(&self, key: &PackedKey) -> Vec<u64> {
        if key.mask().is_empty() {
            return vec![u64::MAX; key.value().len()];
        }
        let mut mask = key.mask().to_vec();
        if let Kind::Ternary(ranges) = &self.kind {
            for range in ranges {
                for (word, bits) in mask.iter_mut().zip(&range.bits) {
                    *word &= !bits;
                }
            }
        }
        mask
    }

    fn tuple_of(&self, key: &PackedKey) -> Option<usize> {
        if matches!(self.kind, Kind::Exact) {
            return (!self.tuples.is_empty()).then_some(0);
        }
        let mask = self.tuple_mask(key);
        self.tuples.iter().position(|tuple| *tuple.mask == *mask)
    }

    /// The entry that has a key.
    pub(super) fn entry_of(&self, entries: &Arena<Entry>, key: &PackedKey) -> Option<u32> {
        if let Kind::Prefixes(prefixes) = &self.kind {
            return prefixes.entry_of(key.value(), prefixes.length_of(key.mask()));
        }
        let tuple = self.tuples.get(self.tuple_of(key)?)?;
        let mut next = tuple.find(entries, key.value());
        while let Some(id) = next {
            let entry = entries.get(id)?;
            if entry.key == *key {
                return next;
            }
            next = entry.next;
        }
        None
    }

    /// Adds an entry whose key is not there yet.
    pub(super) fn insert(&mut self, table: &Table, entries: &mut Arena<Entry>, id: u32) {
        let Some(entry) = entries.get(id) else {
            return;
        };
        let key = entry.key.clone();
        let rank = match &mut self.kind {
            Kind::None => return,
            Kind::Exact => 0,
            Kind::Prefixes(prefixes) => {
                let length = prefixes.length_of(key.mask());
                prefixes.insert(key.value(), length, id);
                return;
            }
            Kind::Lpm => prefix_length(table, &key),
            Kind::Ternary(_) => key.priority,
        };
        let place = match self.tuple_of(&key) {
            Some(place) => place,
            None => {
                let tuple = Tuple::new(&self.tuple_mask(&key), rank);
                self.tuples.push(tuple);
                self.tuples.len() - 1
            }
        };
        let tuple = &mut self.tuples[place];
        tuple.insert(entries, id);
        if matches!(self.kind, Kind::Ternary(_)) {
            *tuple.priorities.entry(rank).or_default() += 1;
        }
        let rank = rank.max(tuple.rank);
        self.set_rank(place, rank);
    }

    /// Keeps the tuples in their order after a change of a rank.
    fn set_rank(&mut self, place: usize, rank: u32) {
        let before = place
            .checked_sub(1)
            .and_then(|place| self.tuples.get(place));
        let in_order = before.is_none_or(|before| before.rank >= rank)
            && self
                .tuples
                .get(place + 1)
                .is_none_or(|after| after.rank <= rank);
        if in_order {
            self.tuples[place].rank = rank;
            return;
        }
        let mut tuple = self.tuples.remove(place);
        tuple.rank = rank;
        let place = self.tuples.partition_point(|other| other.rank >= rank);
        self.tuples.insert(place, tuple);
    }

    /// Takes an entry out that is about to be removed.
    pub(super) fn remove(&mut self, entries: &mut Arena<Entry>, id: u32) {
        let Some(entry) = entries.get(id) else {
            return;
        };
        if let Kind::Prefixes(prefixes) = &mut self.kind {
            let length = prefixes.length_of(entry.key.mask());
            prefixes.remove(entry.key.value(), length);
            return;
        }
        let key = entry.key.clone();
        let Some(place) = self.tuple_of(&key) else {
            return;
        };
        let tuple = &mut self.tuples[place];
        tuple.remove(entries, id);
        let empty = tuple.entries.is_empty();
        match &mut self.kind {
            Kind::None | Kind::Exact | Kind::Prefixes(_) => return,
            Kind::Lpm => {}
            Kind::Ternary(_) => {
                if let Some(count) = tuple.priorities.get_mut(&key.priority) {
                    *count -= 1;
                    if *count == 0 {
                        tuple.priorities.remove(&key.priority);
                    }
                }
                if let Some((rank, _)) = tuple.priorities.last_key_value() {
                    let rank = *rank;
                    self.set_rank(place, rank);
                }
            }
        }
        if empty {
            self.tuples.remove(place);
        }
    }
}
