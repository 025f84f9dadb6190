//! Which prefix lengths come into question for a key, so that a longest-prefix lookup tries few.

use std::collections::HashMap;

use super::hash_under;
use crate::program::KeyElement;

/// The longest element that this works for; a table with a longer one has all lengths tried.
const MAX_WIDTH: u32 = 128;

/// A set of prefix lengths from 1 to 128. Length 0 is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct LengthSet(u128);

impl LengthSet {
    fn insert(&mut self, length: u32) {
        self.0 |= 1 << (length - 1);
    }

    fn remove(&mut self, length: u32) {
        self.0 &= !(1 << (length - 1));
    }
}

/// The lengths of the prefixes in a table: those of up to [`Lengths::split`] bits for all keys, the
/// others by a hash of the first bits of the prefix and the elements that match exactly.
#[derive(Debug)]
pub(super) struct Lengths {
    /// What the hash is made of.
    mask: Box<[u64]>,
    split: u32,
    all: LengthSet,
    short: LengthSet,
    by_hash: Vec<LengthSet>,
    /// How many prefixes of a length there are: with their hash, or among the short ones.
    counts: HashMap<(Option<u32>, u32), u32>,
    /// How many of each length, length 0 included.
    totals: Vec<u32>,
    size: usize,
}

impl Lengths {
    /// For a key whose element `index` is matched by longest prefix; `None` if the element is too
    /// wide. `max_size` is that of the table.
    pub(super) fn new(
        key: &[KeyElement],
        index: usize,
        words: usize,
        max_size: usize,
    ) -> Option<Self> {
        let width = key.get(index)?.width;
        if width > MAX_WIDTH {
            return None;
        }
        // Half of an IPv4 address; of an IPv6 address what is given to a provider.
        let split = (width / 2).min(32);
        let mut mask = vec![0; words];
        for (place, element) in key.iter().enumerate() {
            let bits = if place == index {
                element.prefix(split)
            } else {
                element.ones()
            };
            element.pack(&bits, &mut mask);
        }
        Some(Self {
            mask: mask.into(),
            split,
            all: LengthSet::default(),
            short: LengthSet::default(),
            by_hash: Vec::new(),
            counts: HashMap::new(),
            totals: vec![0; width as usize + 1],
            size: max_size.next_power_of_two().clamp(1 << 8, 1 << 16),
        })
    }

    #[inline]
    fn slot(&self, key: &[u64]) -> usize {
        hash_under(&self.mask, key) as usize & (self.size - 1)
    }

    /// Places of the tuples that may have a prefix of a key, longest prefix first, where tuples
    /// are sorted by the length of their prefix, the longest first.
    #[inline]
    pub(super) fn places(&self, key: &[u64]) -> impl Iterator<Item = usize> {
        let of_slot = self.by_hash.get(self.slot(key)).copied();
        let mut candidates = self.short.0 | of_slot.unwrap_or_default().0;
        let all = self.all.0;
        let mut zero = self.totals.first().is_some_and(|count| *count > 0);
        std::iter::from_fn(move || {
            if candidates == 0 {
                return std::mem::take(&mut zero).then(|| all.count_ones() as usize);
            }
            let top = 127 - candidates.leading_zeros();
            candidates &= !(1 << top);
            // Those that are longer come before it.
            Some(((all >> top) >> 1).count_ones() as usize)
        })
    }

    fn kept_at(&self, key: &[u64], length: u32) -> Option<u32> {
        // At most 2^16 slots.
        (length > self.split).then(|| self.slot(key) as u32)
    }

    pub(super) fn insert(&mut self, key: &[u64], length: u32) {
        if let Some(total) = self.totals.get_mut(length as usize) {
            *total += 1;
        }
        if length == 0 {
            return;
        }
        self.all.insert(length);
        let slot = self.kept_at(key, length);
        *self.counts.entry((slot, length)).or_default() += 1;
        match slot {
            None => self.short.insert(length),
            Some(slot) => {
                if self.by_hash.is_empty() {
                    self.by_hash.resize(self.size, LengthSet::default());
                }
                self.by_hash[slot as usize].insert(length);
            }
        }
    }

    pub(super) fn remove(&mut self, key: &[u64], length: u32) {
        if let Some(total) = self.totals.get_mut(length as usize) {
            *total = total.saturating_sub(1);
            if *total == 0 && length > 0 {
                self.all.remove(length);
            }
        }
        if length == 0 {
            return;
        }
        let slot = self.kept_at(key, length);
        let Some(count) = self.counts.get_mut(&(slot, length)) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            self.counts.remove(&(slot, length));
            match slot {
                None => self.short.remove(length),
                Some(slot) => {
                    if let Some(set) = self.by_hash.get_mut(slot as usize) {
                        set.remove(length);
                    }
                }
            }
        }
    }
}
