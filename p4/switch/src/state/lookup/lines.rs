//! A hash table that grows one cache line at a time: no insertion moves more than a line, or as long as
//! the table is small 16 KiB, so that no packet waits for it, and a look-up reads one line in most cases
//! (W. Litwin, "Linear hashing: a new tool for file and table addressing", VLDB 1980).
//!
//! Native code looks keys up without a call: [`Probe`] says what it needs to know.

use crate::state::arena::Arena;
use crate::state::pieces::Pieces;

/// Entries of a line, so that it takes the 64 octets of a cache line.
pub(crate) const ENTRIES: usize = 5;
/// Twice as many entries as there are for each line on average. Those lines that are still to be
/// split hold up to twice as many as the others.
const TWICE_LOAD: usize = 4;
/// The lines that are allocated at once, at most.
const SEGMENT: usize = 1 << SEGMENT_BITS;
/// log2 of it.
pub(crate) const SEGMENT_BITS: u32 = 9;

/// Identifiers by 64 bits of their key, the tag. Different identifiers may have the same tag.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The first segment: 1, 2, 4 and so on up to [`SEGMENT`] lines.
    first: Box<[Line]>,
    /// All other segments.
    segments: Pieces<[Line; SEGMENT]>,
    /// The address of each segment.
    addresses: Vec<usize>,
    /// Lines in use.
    lines: usize,
    /// The ones of the largest index of a line.
    mask: usize,
    /// Lines of entries for which there was no place.
    overflow: Arena<Line>,
    len: usize,
}

/// A line. Native code knows where each part is.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(64))]
pub(crate) struct Line {
    /// 0 where there is no identifier.
    pub(crate) tags: [u64; ENTRIES],
    /// One more than the identifier; 0 if there is none.
    pub(crate) ids: [u32; ENTRIES],
    /// One more than the place of the line in the overflow; 0 if there is none.
    pub(crate) next: u32,
}

/// How native code finds the line of a tag, as long as nothing is written: by its bits, spread, under a
/// mask, or if there are not so many lines under the next smaller mask; in the segment of that number.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Probe {
    /// Where the addresses of the segments are; 0 if it is not known.
    pub(crate) segments: usize,
    pub(crate) lines: u64,
    pub(crate) mask: u64,
}

/// The line of a table that has none.
static NO_LINE: Line = Line {
    tags: [0; ENTRIES],
    ids: [0; ENTRIES],
    next: 0,
};
static NO_LINES: [&Line; 1] = [&NO_LINE];

impl Probe {
    /// For a table without entries.
    pub(crate) fn nothing() -> Self {
        Self {
            segments: NO_LINES.as_ptr() as usize,
            lines: 1,
            mask: 0,
        }
    }
}

/// What spreads the bits of a tag.
pub(crate) const SPREAD: (u64, u64) = (0x243f_6a88_85a3_08d3, 0x9e37_79b9_7f4a_7c15);

/// Spreads the bits of a tag.
#[inline]
pub(super) fn spread(tag: u64) -> u64 {
    let product = u128::from(tag ^ SPREAD.0) * u128::from(SPREAD.1);
    (product as u64) ^ (product >> 64) as u64
}

impl Line {
    /// Where a tag is, as bits: which place it is cannot be foreseen, so nothing branches on it.
    #[inline]
    fn places(&self, tag: u64) -> u32 {
        (0..ENTRIES).fold(0, |places, i| {
            let here = (self.tags[i] == tag) & (self.ids[i] != 0);
            places | u32::from(here) << i
        })
    }
}

/// Where a line is.
#[derive(Debug, Clone, Copy)]
enum Place {
    Line(usize),
    Overflow(u32),
}

impl Lines {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The line that a tag belongs to.
    #[inline]
    fn index(&self, tag: u64) -> usize {
        let index = spread(tag) as usize & self.mask;
        if index < self.lines {
            index
        } else {
            index & (self.mask >> 1)
        }
    }

    /// The segment of a line, and its place there.
    #[inline]
    fn place(index: usize) -> (usize, usize) {
        (index / SEGMENT, index % SEGMENT)
    }

    /// Where the line of a tag is.
    #[inline]
    pub(super) fn address(&self, tag: u64) -> Option<usize> {
        let line: *const Line = self.line(self.index(tag))?;
        Some(line as usize)
    }

    /// How native code finds a line.
    pub(super) fn probe(&self) -> Probe {
        if self.lines == 0 {
            return Probe::nothing();
        }
        Probe {
            segments: self.addresses.as_ptr() as usize,
            lines: self.lines as u64,
            mask: self.mask as u64,
        }
    }

    #[inline]
    fn line(&self, index: usize) -> Option<&Line> {
        let (segment, place) = Self::place(index);
        match segment.checked_sub(1) {
            None => self.first.get(place),
            Some(segment) => self.segments.get(segment)?.get(place),
        }
    }

    /// The first identifier with this tag that is the right one.
    #[inline]
    pub(super) fn find(&self, tag: u64, right: impl Fn(u32) -> bool) -> Option<u32> {
        if self.len == 0 {
            return None;
        }
        let mut line = self.line(self.index(tag))?;
        loop {
            let mut found = line.places(tag);
            while found != 0 {
                let id = line.ids[found.trailing_zeros() as usize] - 1;
                if right(id) {
                    return Some(id);
                }
                found &= found - 1;
            }
            if line.next == 0 {
                return None;
            }
            line = self.overflow.get(line.next - 1)?;
        }
    }

    /// Adds an identifier.
    pub(super) fn insert(&mut self, tag: u64, id: u32) {
        self.len += 1;
        if 2 * self.len > self.lines * TWICE_LOAD {
            self.grow();
        }
        self.put(tag, id);
    }

    /// Takes another identifier in place of one; says whether that one was there.
    pub(super) fn replace(&mut self, tag: u64, old: u32, new: u32) -> bool {
        self.change(tag, old, new + 1)
    }

    /// Takes an identifier out; says whether it was there.
    pub(super) fn remove(&mut self, tag: u64, id: u32) -> bool {
        let found = self.change(tag, id, 0);
        self.len -= usize::from(found);
        found
    }

    fn at(&mut self, place: Place) -> Option<&mut Line> {
        match place {
            Place::Line(index) => {
                let (segment, place) = Self::place(index);
                match segment.checked_sub(1) {
                    None => self.first.get_mut(place),
                    Some(segment) => self.segments.get_mut(segment)?.get_mut(place),
                }
            }
            Place::Overflow(slot) => self.overflow.get_mut(slot),
        }
    }

    fn change(&mut self, tag: u64, id: u32, to: u32) -> bool {
        let mut place = Place::Line(self.index(tag));
        while let Some(line) = self.at(place) {
            let mut entries = line.tags.iter_mut().zip(&mut line.ids);
            if let Some((tag, found)) = entries.find(|(t, i)| **t == tag && **i == id + 1) {
                *found = to;
                if to == 0 {
                    *tag = 0;
                }
                return true;
            }
            let Some(next) = line.next.checked_sub(1) else {
                return false;
            };
            place = Place::Overflow(next);
        }
        false
    }

    fn put(&mut self, tag: u64, id: u32) {
        let mut place = Place::Line(self.index(tag));
        while let Some(line) = self.at(place) {
            if let Some(free) = line.ids.iter().position(|id| *id == 0) {
                line.tags[free] = tag;
                line.ids[free] = id + 1;
                return;
            }
            let next = match line.next.checked_sub(1) {
                Some(next) => next,
                None => {
                    let added = self.overflow.insert(Line::default());
                    if let Some(line) = self.at(place) {
                        line.next = added + 1;
                    }
                    added
                }
            };
            place = Place::Overflow(next);
        }
    }

    /// Allocates the line after these many, if it is not yet.
    fn make_room(&mut self, lines: usize) {
        let (segment, place) = Self::place(lines);
        if segment >= self.addresses.len() && segment > 0 {
            let segment = [Line::default(); SEGMENT];
            self.addresses.push(self.segments.push(segment));
        } else if segment == 0 && place >= self.first.len() {
            let mut larger = vec![Line::default(); (2 * self.first.len()).clamp(1, SEGMENT)];
            larger[..self.first.len()].copy_from_slice(&self.first);
            self.first = larger.into_boxed_slice();
            self.addresses = vec![self.first.as_ptr() as usize];
        }
    }

    /// Adds a line, and gives it its part of the line that had its entries so far.
    fn grow(&mut self) {
        let added = self.lines;
        self.make_room(added);
        self.lines += 1;
        self.mask = self.lines.next_power_of_two() - 1;
        let Some(bits) = added.checked_ilog2() else {
            return;
        };
        let mut held = Vec::new();
        let mut place = Some(Place::Line(added - (1 << bits)));
        while let Some(here) = place {
            let Some(line) = self.at(here) else {
                break;
            };
            let line = std::mem::take(line);
            held.extend(line.tags.into_iter().zip(line.ids));
            if let Place::Overflow(slot) = here {
                self.overflow.remove(slot);
            }
            place = line.next.checked_sub(1).map(Place::Overflow);
        }
        for (tag, id) in held {
            if let Some(id) = id.checked_sub(1) {
                self.put(tag, id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Insert(u64, u32),
        Remove(u64, u32),
        Replace(u64, u32, u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        // So few tags that chains become long, and so many that lines are split.
        let tag = prop_oneof![0..4_u64, 0..4000_u64, any::<u64>()];
        let step =
            (0..8, tag, 0..300_u32, 300..600_u32).prop_map(|(kind, tag, id, other)| match kind {
                0 | 1 => Step::Remove(tag, id),
                2 => Step::Replace(tag, id, other),
                _ => Step::Insert(tag, id),
            });
        prop::collection::vec(step, 0..600)
    }

    proptest! {
        #[test]
        fn it_holds_what_was_put_in(steps in steps()) {
            let mut lines = Lines::default();
            let mut model = HashSet::new();
            for step in steps {
                match step {
                    Step::Insert(tag, id) => {
                        if model.insert((tag, id)) {
                            lines.insert(tag, id);
                        }
                    }
                    Step::Remove(tag, id) => {
                        prop_assert_eq!(lines.remove(tag, id), model.remove(&(tag, id)));
                    }
                    Step::Replace(tag, id, other) => {
                        if !model.contains(&(tag, other)) {
                            let there = model.remove(&(tag, id));
                            prop_assert_eq!(lines.replace(tag, id, other), there);
                            if there {
                                model.insert((tag, other));
                            }
                        }
                    }
                }
                prop_assert_eq!(lines.is_empty(), model.is_empty());
            }
            for (tag, id) in &model {
                prop_assert_eq!(lines.find(*tag, |found| found == *id), Some(*id));
            }
            for tag in 0..4000 {
                if let Some(id) = lines.find(tag, |_| true) {
                    prop_assert!(model.contains(&(tag, id)));
                }
            }
        }
    }

    #[test]
    fn many_entries_are_found_and_few_lines_overflow() {
        let mut lines = Lines::default();
        for id in 0..100_000 {
            lines.insert(u64::from(id) << 12 | 5, id);
        }
        for id in 0..100_000 {
            let tag = u64::from(id) << 12 | 5;
            assert_eq!(lines.find(tag, |_| true), Some(id));
        }
        assert_eq!(lines.lines, 50_000);
        assert!(lines.overflow.len() < lines.lines / 8);
    }
}
