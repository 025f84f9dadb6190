//! Prefixes that have their first bits in common and at most seven more, as a node of a tree bitmap
//! (Eatherton, Varghese and Dittia, "Tree bitmap: hardware/software IP lookups with incremental
//! updates", SIGCOMM Computer Communication Review 34(2), 2004).

use smallvec::SmallVec;

/// How many lengths of prefixes a stride has.
pub(super) const STRIDE: u32 = 8;

/// Entries that a stride has room for itself, so that it takes as much memory as a cache line.
const INLINE: usize = 6;

/// Where the prefixes of six and seven bits start. The shorter ones are in the first 64 places:
/// those of n bits from 2^n - 1 on.
const SIX: usize = 64;
const SEVEN: usize = 128;

/// The prefixes of up to five bits that have the same first five bits as an octet.
const SHORT: [u64; 32] = {
    let mut masks = [0; 32];
    let mut five = 0;
    while five < 32 {
        let mut length = 0;
        while length <= 5 {
            masks[five] |= 1 << ((1 << length) - 1 + (five >> (5 - length)));
            length += 1;
        }
        five += 1;
    }
    masks
};

/// Where a prefix of so many bits, up to seven, stands that starts as an octet does. Of two prefixes
/// of an octet the longer one is further behind.
#[inline]
pub(super) fn place(octet: u8, length: u32) -> usize {
    let first = usize::from(octet) >> (STRIDE - length);
    match length {
        6 => SIX + first,
        7 => SEVEN + first,
        _ => (1 << length) - 1 + first,
    }
}

/// Identifiers of prefixes by their place.
#[derive(Debug)]
pub(super) struct Stride {
    places: [u64; 4],
    /// By place.
    ids: SmallVec<[u32; INLINE]>,
}

impl Stride {
    pub(super) fn new(place: usize, id: u32) -> Self {
        let mut stride = Self {
            places: [0; 4],
            ids: SmallVec::new(),
        };
        stride.insert(place, id);
        stride
    }

    #[inline]
    fn has(&self, place: usize) -> bool {
        self.places[place / 64] >> (place % 64) & 1 == 1
    }

    /// How many prefixes there are before a place.
    #[inline]
    fn rank(&self, place: usize) -> usize {
        let below = self.places[place / 64] & ((1 << (place % 64)) - 1);
        let before = self.places[..place / 64].iter();
        (before.map(|word| word.count_ones()).sum::<u32>() + below.count_ones()) as usize
    }

    /// The longest prefix of an octet.
    #[inline]
    pub(super) fn longest(&self, octet: u8) -> Option<u32> {
        let (seven, six) = (place(octet, 7), place(octet, 6));
        let place = if self.has(seven) {
            seven
        } else if self.has(six) {
            six
        } else {
            let matching = self.places[0] & SHORT[usize::from(octet >> 3)];
            matching.checked_ilog2()? as usize
        };
        self.ids.get(self.rank(place)).copied()
    }

    pub(super) fn get(&self, place: usize) -> Option<u32> {
        let there = self.has(place);
        there.then(|| self.ids.get(self.rank(place)).copied())?
    }

    /// Any of the identifiers.
    #[inline]
    pub(super) fn any(&self) -> Option<u32> {
        self.ids.first().copied()
    }

    /// Adds a prefix that is not there.
    pub(super) fn insert(&mut self, place: usize, id: u32) {
        self.ids.insert(self.rank(place), id);
        self.places[place / 64] |= 1 << (place % 64);
    }

    /// Takes a prefix out that is there.
    pub(super) fn remove(&mut self, place: usize) {
        if !self.has(place) {
            return;
        }
        self.ids.remove(self.rank(place));
        self.places[place / 64] &= !(1 << (place % 64));
        if self.ids.len() == INLINE {
            self.ids.shrink_to_fit();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn all_prefixes_have_a_place_of_their_own() {
        let prefixes = (0..STRIDE).flat_map(|length| {
            (0..1_u32 << length).map(move |first| (((first << (STRIDE - length)) as u8), length))
        });
        let places: HashSet<usize> = prefixes
            .map(|(octet, length)| place(octet, length))
            .collect();
        assert_eq!(places.len(), 255);
        assert!(places.iter().all(|place| *place < 256));
    }

    #[test]
    fn the_longest_of_all_prefixes_is_found_also_when_they_go() {
        let all = |octet: u8, length: u32| place(octet, length) as u32;
        let mut stride = Stride::new(0, 0);
        for length in 1..STRIDE {
            for first in 0..1 << length {
                let octet = (first << (STRIDE - length)) as u8;
                stride.insert(place(octet, length), all(octet, length));
            }
        }
        assert_eq!(stride.len(), 255);
        for length in (0..STRIDE).rev() {
            for octet in 0..=u8::MAX {
                assert_eq!(stride.longest(octet), Some(all(octet, length)));
                assert_eq!(stride.get(place(octet, length)), stride.longest(octet));
            }
            for first in 0..1 << length {
                stride.remove(place((first << (STRIDE - length)) as u8, length));
            }
        }
        assert_eq!(stride.len(), 0);
        assert_eq!(stride.longest(7), None);
        assert!(!stride.ids.spilled());
    }

    #[test]
    fn a_stride_is_as_large_as_a_cache_line() {
        assert_eq!(size_of::<Stride>(), 64);
    }
}
