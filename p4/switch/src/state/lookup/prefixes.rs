//! Entries by longest prefix: a hash table at every eighth length, in which the prefixes of this length and
//! of the next seven that have their first bits in common are one node.
//!
//! A look-up begins with the longest prefixes. It reads no tables of which a filter says that they
//! have nothing for the first bits of the key, so that in the usual case it takes one line of the
//! filter, which is small, and one of the table that the entry is in.

use super::bits::Bits;
use super::lines::{Lines, spread};
use super::stride::{STRIDE, Stride, place};
use crate::number::low_mask;
use crate::program::KeyElement;
use crate::state::arena::Arena;

/// The longest element that this works for: levels are counted by 32 bits.
const MAX_WIDTH: u32 = 128;

/// The entries of a table one element of which is matched by longest prefix and the others exactly.
#[derive(Debug)]
pub(super) struct Prefixes {
    /// By length of the prefix, eight lengths each.
    levels: Vec<Level>,
    /// Those that have entries, a bit each.
    in_use: u32,
    filter: Filter,
    strides: Arena<Stride>,
    values: Values,
}

/// Entries of which the prefix is up to seven bits longer than that of the level.
#[derive(Debug)]
struct Level {
    /// The elements that match exactly and the prefix of the level.
    bits: Bits,
    octet: Octet,
    /// Nodes by the tag of these bits.
    nodes: Lines,
}

/// Where the eight bits after the prefix of a level are in a packed key.
#[derive(Debug, Clone, Copy)]
struct Octet {
    word: usize,
    /// The lowest bit.
    shift: u32,
    /// How many bits there are: fewer than eight at the end of the element.
    bits: u32,
}

/// What a level has for a prefix of its length.
#[derive(Debug, Clone, Copy)]
enum Node {
    /// The only entry, of just this length.
    Entry(u32),
    /// A slot in [`Prefixes::strides`].
    Stride(u32),
}

/// Set in the number of a node that is a stride. No table has so many entries.
const IS_STRIDE: u32 = 1 << 31;

impl Node {
    #[inline]
    fn of(number: u32) -> Self {
        if number & IS_STRIDE == 0 {
            Self::Entry(number)
        } else {
            Self::Stride(number & !IS_STRIDE)
        }
    }

    fn number(self) -> u32 {
        match self {
            Self::Entry(id) => id,
            Self::Stride(slot) => slot | IS_STRIDE,
        }
    }
}

impl Octet {
    /// The bits of an element after the first `before`.
    fn new(element: &KeyElement, before: u32) -> Self {
        let bits = (element.width - before).min(STRIDE);
        let lowest = element.width - before - bits;
        Self {
            word: (element.word + lowest / 64) as usize,
            shift: element.shift + lowest % 64,
            bits,
        }
    }

    /// The bits, filled up with zeros.
    #[inline]
    fn of(self, key: &[u64]) -> u8 {
        let Some(mut bits) = key.get(self.word).map(|word| word >> self.shift) else {
            return 0;
        };
        if self.shift + self.bits > 64 {
            let next = key.get(self.word + 1).copied().unwrap_or(0);
            bits |= next << (64 - self.shift);
        }
        ((bits & low_mask(self.bits)) << (STRIDE - self.bits)) as u8
    }
}

impl Level {
    /// Of an element of a key, after its first `before` bits.
    fn new(key: &[KeyElement], index: usize, words: usize, before: u32) -> Self {
        Self {
            bits: Bits::new(&mask(key, index, words, before)),
            octet: Octet::new(&key[index], before),
            nodes: Lines::default(),
        }
    }

    /// The node of a key with this tag.
    #[inline]
    fn node(
        &self,
        strides: &Arena<Stride>,
        values: &Values,
        tag: u64,
        key: &[u64],
    ) -> Option<Node> {
        if self.bits.unique() {
            return self.nodes.find(tag, |_| true).map(Node::of);
        }
        let right = |number| {
            let id = match Node::of(number) {
                Node::Entry(id) => Some(id),
                Node::Stride(slot) => strides.get(slot).and_then(Stride::any),
            };
            let value = id.and_then(|id| values.get(id));
            value.is_some_and(|value| self.bits.same(value, key))
        };
        self.nodes.find(tag, right).map(Node::of)
    }
}

/// The bits of a packed key that are of other elements or of a prefix of element `index`.
fn mask(key: &[KeyElement], index: usize, words: usize, length: u32) -> Box<[u64]> {
    let mut mask = vec![0; words];
    for (place, element) in key.iter().enumerate() {
        let bits = if place == index {
            element.prefix(length)
        } else {
            element.ones()
        };
        element.pack(&bits, &mut mask);
    }
    mask.into()
}

/// Which levels may have something for a key, by a hash of its first bits and of the elements that
/// match exactly. It is small, so that it stays in the cache.
#[derive(Debug)]
struct Filter {
    /// What the hash is made of.
    bits: Bits,
    /// Levels that have prefixes shorter than what is hashed, and so no part in this: the first so
    /// many.
    short: usize,
    /// Which of the others have nodes with this hash, by [`Filter::bit`].
    in_use: Box<[u8]>,
    /// How many nodes there are with this hash, by bit. Where there are too many to count, they are
    /// not counted any more, and the bit stays set.
    counts: [Box<[u16]>; 8],
    size: usize,
}

impl Filter {
    fn new(key: &[KeyElement], index: usize, words: usize, max_size: usize) -> Self {
        // Half of an IPv4 address; of an IPv6 address what is given to a provider.
        let split = (key[index].width / 2).min(32) / STRIDE;
        let most = 1 << (split * STRIDE).clamp(8, 18);
        Self {
            bits: Bits::new(&mask(key, index, words, split * STRIDE)),
            short: split as usize,
            in_use: Box::default(),
            counts: Default::default(),
            size: max_size.next_power_of_two().clamp(1 << 8, most),
        }
    }

    /// The bit of a level that is not short. The longest levels share one.
    #[inline]
    fn bit(&self, level: usize) -> usize {
        (level - self.short).min(7)
    }

    #[inline]
    fn slot(&self, key: &[u64]) -> usize {
        spread(self.bits.tag(key)) as usize & (self.size - 1)
    }

    /// The levels that may have something for a key, a bit each.
    #[inline]
    fn levels(&self, key: &[u64]) -> u32 {
        let long = self.in_use.get(self.slot(key)).copied().unwrap_or(0);
        // The sign is the bit that the longest levels share.
        let long = i32::from(long.cast_signed()).cast_unsigned();
        long << self.short | ((1 << self.short) - 1)
    }

    /// Counts a new node.
    fn insert(&mut self, level: usize, key: &[u64]) {
        if level < self.short {
            return;
        }
        let (bit, slot) = (self.bit(level), self.slot(key));
        if self.in_use.is_empty() {
            self.in_use = vec![0; self.size].into();
        }
        if self.counts[bit].is_empty() {
            self.counts[bit] = vec![0; self.size].into();
        }
        self.in_use[slot] |= 1 << bit;
        let count = &mut self.counts[bit][slot];
        *count = count.saturating_add(1);
    }

    /// Forgets a node that was counted.
    fn remove(&mut self, level: usize, key: &[u64]) {
        if level < self.short {
            return;
        }
        let (bit, slot) = (self.bit(level), self.slot(key));
        let Some(count) = self.counts[bit].get_mut(slot) else {
            return;
        };
        if *count != u16::MAX {
            *count = count.saturating_sub(1);
        }
        if *count == 0 {
            self.in_use[slot] &= !(1 << bit);
        }
    }
}

/// Values of a chunk. Chunks are never moved.
const CHUNK: usize = 256;

/// The packed values of entries by their slot, where tags are not unique: a look-up has to compare them,
/// and here they are side by side.
#[derive(Debug)]
struct Values {
    words: usize,
    chunks: Vec<Box<[u64]>>,
}

impl Values {
    #[inline]
    fn get(&self, slot: u32) -> Option<&[u64]> {
        let start = slot as usize % CHUNK * self.words;
        let chunk = self.chunks.get(slot as usize / CHUNK)?;
        chunk.get(start..start + self.words)
    }

    fn set(&mut self, slot: u32, value: &[u64]) {
        let chunk = slot as usize / CHUNK;
        if self.chunks.len() <= chunk {
            self.chunks.resize_with(chunk + 1, Box::default);
        }
        if self.chunks[chunk].is_empty() {
            self.chunks[chunk] = vec![0; self.words * CHUNK].into();
        }
        let start = slot as usize % CHUNK * self.words;
        self.chunks[chunk][start..start + self.words].copy_from_slice(value);
    }
}

impl Prefixes {
    /// For a key of so many words, of which element `index` is matched by longest prefix; `None` if the
    /// element is too wide. `max_size` is that of the table.
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
        let levels = (0..=width / STRIDE)
            .map(|level| Level::new(key, index, words, level * STRIDE))
            .collect();
        Some(Self {
            levels,
            in_use: 0,
            filter: Filter::new(key, index, words, max_size),
            strides: Arena::default(),
            values: Values {
                words,
                chunks: Vec::new(),
            },
        })
    }

    /// The length of the prefix of an entry with this mask.
    pub(super) fn length_of(&self, mask: &[u64]) -> u32 {
        let ones: u32 = mask.iter().map(|word| word.count_ones()).sum();
        let others = self.levels.first().map_or(0, |level| level.bits.count());
        ones - others
    }

    /// The slot of the entry that has the longest prefix of a packed key.
    #[inline]
    pub(super) fn find(&self, key: &[u64]) -> Option<u32> {
        let levels = self.filter.levels(key);
        let mut in_use = self.in_use;
        while let Some(top) = in_use.checked_ilog2() {
            in_use &= !(1 << top);
            // This is a branch, and no part of computing what to read next, so that a processor reads
            // the table while it waits for the filter.
            if levels >> top & 1 == 0 {
                continue;
            }
            let level = self.levels.get(top as usize)?;
            let found = match level.node(&self.strides, &self.values, level.bits.tag(key), key) {
                None => None,
                Some(Node::Entry(id)) => Some(id),
                Some(Node::Stride(slot)) => {
                    let stride = self.strides.get(slot);
                    stride.and_then(|stride| stride.longest(level.octet.of(key)))
                }
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// The slot of the entry that has just this prefix.
    pub(super) fn entry_of(&self, value: &[u64], length: u32) -> Option<u32> {
        let level = self.levels.get((length / STRIDE) as usize)?;
        let place = place(level.octet.of(value), length % STRIDE);
        let tag = level.bits.tag(value);
        match level.node(&self.strides, &self.values, tag, value)? {
            Node::Entry(id) => (place == 0).then_some(id),
            Node::Stride(slot) => self.strides.get(slot)?.get(place),
        }
    }

    /// Adds an entry whose prefix is not there yet.
    pub(super) fn insert(&mut self, value: &[u64], length: u32, id: u32) {
        let index = (length / STRIDE) as usize;
        let Some(level) = self.levels.get_mut(index) else {
            return;
        };
        let place = place(level.octet.of(value), length % STRIDE);
        let tag = level.bits.tag(value);
        if !level.bits.unique() {
            self.values.set(id, value);
        }
        let node = level.node(&self.strides, &self.values, tag, value);
        if let Some(Node::Stride(slot)) = node {
            if let Some(stride) = self.strides.get_mut(slot) {
                stride.insert(place, id);
            }
            return;
        }
        match node {
            None if place == 0 => level.nodes.insert(tag, Node::Entry(id).number()),
            None => {
                let slot = self.strides.insert(Stride::new(place, id));
                level.nodes.insert(tag, Node::Stride(slot).number());
            }
            Some(only) => {
                let mut stride = Stride::new(0, only.number());
                stride.insert(place, id);
                let both = Node::Stride(self.strides.insert(stride));
                level.nodes.replace(tag, only.number(), both.number());
            }
        }
        if node.is_none() {
            self.in_use |= 1 << index;
            self.filter.insert(index, value);
        }
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, value: &[u64], length: u32) {
        let index = (length / STRIDE) as usize;
        let Some(level) = self.levels.get_mut(index) else {
            return;
        };
        let tag = level.bits.tag(value);
        let Some(node) = level.node(&self.strides, &self.values, tag, value) else {
            return;
        };
        if let Node::Stride(slot) = node
            && let Some(stride) = self.strides.get_mut(slot)
        {
            stride.remove(place(level.octet.of(value), length % STRIDE));
            let only = stride.get(0).filter(|_| stride.len() == 1);
            if let Some(only) = only {
                let only = Node::Entry(only);
                level.nodes.replace(tag, node.number(), only.number());
            } else if !stride.is_empty() {
                return;
            }
            self.strides.remove(slot);
            if only.is_some() {
                return;
            }
        }
        level.nodes.remove(tag, node.number());
        if level.nodes.is_empty() {
            self.in_use &= !(1 << index);
        }
        self.filter.remove(index, value);
    }
}

#[cfg(test)]
mod tests;
