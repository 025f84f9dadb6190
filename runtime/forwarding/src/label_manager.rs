//! Which labels of a label space are whose.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use mpls::{Label, LabelRange};

use crate::Owner;

/// How a [`LabelManager`] deals out labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelManagerConfig {
    /// Labels that are only ever reserved one by one, as static LSPs do.
    pub static_range: LabelRange,
    /// Labels that are allocated to protocols.
    pub dynamic_range: LabelRange,
    /// How many labels a protocol gets at a time, at least 1.
    pub block_size: u32,
    /// How long a released label is not allocated again, so that packets in flight with it, or a
    /// neighbour that has not yet heard of the release, do not meet another FEC.
    pub hold_down: Duration,
}

impl Default for LabelManagerConfig {
    /// Static labels 16 to 15999, dynamic labels from 16000, blocks of 1024, a hold-down of 60 s.
    fn default() -> Self {
        // The borders are constants inside 16..=1048575, so neither conversion can fail.
        let border = Label::new(15_999).unwrap_or(Label::MIN_UNRESERVED);
        let above = Label::new(16_000).unwrap_or(Label::MAX);
        let whole = LabelRange::UNRESERVED;
        Self {
            static_range: LabelRange::new(whole.first(), border).unwrap_or(whole),
            dynamic_range: LabelRange::new(above, whole.last()).unwrap_or(whole),
            block_size: 1024,
            hold_down: Duration::from_secs(60),
        }
    }
}

/// Why no label can be allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AllocationError {
    /// All labels are in use or held down.
    #[error("no label of {range} is free: {used} are in use, {held_down} are held down")]
    Exhausted {
        /// The dynamic range.
        range: LabelRange,
        /// Labels in use.
        used: usize,
        /// Labels released within the hold-down time.
        held_down: usize,
    },
}

/// Why a label cannot be reserved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReservationError {
    /// The label has a special purpose (RFC 3032 section 2.1).
    #[error("label {0} is reserved: static labels are 16 to 1048575")]
    Reserved(Label),
    /// Another owner has it.
    #[error("label {label} is already that of {owner}")]
    InUse {
        /// The label.
        label: Label,
        /// Who has it.
        owner: Owner,
    },
    /// It is in a block that a protocol allocates from.
    #[error("label {label} is in a block of {owner}: choose one of {static_range}")]
    InBlock {
        /// The label.
        label: Label,
        /// Who has the block.
        owner: Owner,
        /// Labels that protocols never get.
        static_range: LabelRange,
    },
}

/// Deals out the labels of one label space.
///
/// Time is handed in; it must not go backwards.
#[derive(Debug)]
pub struct LabelManager {
    config: LabelManagerConfig,
    /// See [`LabelManager::set_neighbours_time`].
    neighbours_time: Duration,
    reserved: BTreeMap<Label, Owner>,
    /// By their number: block `n` begins at the dynamic range's first label plus `n * block_size`.
    blocks: BTreeMap<u32, Block>,
    /// The block that is dealt out first; those below it come last.
    first_block: u32,
    /// The block that gave a label last: it is asked first, as most often it has more of them.
    latest: u32,
}

#[derive(Debug)]
struct Block {
    owner: Owner,
    range: LabelRange,
    /// The smallest label that was never used; above the range when there is none.
    fresh: u32,
    used: Used,
    /// It has labels of before a restart. Others of it may have been in use, too, with no entry that tells.
    of_before: bool,
    /// Labels from `fresh` on that were in use before a restart: none of them was never used.
    adopted: BTreeSet<Label>,
    /// Released labels with the time of release, the oldest first.
    released: VecDeque<(Instant, Label)>,
}

impl LabelManager {
    /// A manager of a label space of which no label is in use.
    pub fn new(config: LabelManagerConfig) -> Self {
        Self {
            config,
            neighbours_time: Duration::ZERO,
            reserved: BTreeMap::new(),
            blocks: BTreeMap::new(),
            first_block: 0,
            latest: 0,
        }
    }

    /// With blocks dealt out from this one on, whatever their number: those below it come last.
    ///
    /// After a restart that lost what label was whose, neighbours may use labels of before for as long as
    /// they do not notice. Another first block after each start keeps those from meeting another FEC, as
    /// the hold-down does for labels that are released.
    #[must_use]
    pub fn starting_at(self, block: u32) -> Self {
        let count = self.block_count();
        Self {
            first_block: block.checked_rem(count).unwrap_or(0),
            ..self
        }
    }

    /// How labels are dealt out.
    pub fn config(&self) -> &LabelManagerConfig {
        &self.config
    }

    /// Another hold-down, for labels that were released before, too.
    pub fn set_hold_down(&mut self, hold_down: Duration) {
        self.config.hold_down = hold_down;
    }

    /// Neighbours may use released labels for so long: they are held down for that time, if it is longer than the
    /// configured one (RFC 3478 section 3.3).
    pub fn set_neighbours_time(&mut self, time: Duration) {
        self.neighbours_time = time;
    }

    fn hold_down(&self) -> Duration {
        self.config.hold_down.max(self.neighbours_time)
    }

    /// Reserves one given label, as a static LSP does. Reserving it again for the same owner
    /// changes nothing.
    ///
    /// # Errors
    /// The label has a special purpose, another owner, or is in a protocol's block.
    pub fn reserve(&mut self, label: Label, owner: Owner) -> Result<(), ReservationError> {
        if label.is_reserved() {
            return Err(ReservationError::Reserved(label));
        }
        if let Some(holder) = self.reserved.get(&label) {
            return if *holder == owner {
                Ok(())
            } else {
                Err(ReservationError::InUse {
                    label,
                    owner: holder.clone(),
                })
            };
        }
        if let Some(block) = self.block_of(label) {
            let static_range = self.config.static_range;
            let owner = block.owner.clone();
            return Err(ReservationError::InBlock {
                label,
                owner,
                static_range,
            });
        }
        self.reserved.insert(label, owner);
        Ok(())
    }

    /// Gives a reserved label back. Nothing happens if the owner does not have it.
    pub fn unreserve(&mut self, label: Label, owner: &Owner) {
        if self.reserved.get(&label) == Some(owner) {
            self.reserved.remove(&label);
        }
    }

    /// Allocates a label of the dynamic range.
    ///
    /// # Errors
    /// Every label is in use or held down.
    pub fn allocate(&mut self, owner: &Owner, now: Instant) -> Result<Label, AllocationError> {
        let hold_down = self.hold_down();
        let Self {
            reserved,
            blocks,
            latest,
            ..
        } = self;
        if let Some(block) = blocks.get_mut(latest)
            && block.owner == *owner
            && !block.of_before
            && let Some(label) = block.take_fresh(reserved)
        {
            return Ok(label);
        }
        let own = blocks
            .iter_mut()
            .filter(|(_, block)| block.owner == *owner && !block.of_before);
        let fresh =
            |(number, block): (&u32, &mut Block)| Some((*number, block.take_fresh(reserved)?));
        if let Some((number, label)) = own.into_iter().find_map(fresh) {
            *latest = number;
            return Ok(label);
        }
        let own = blocks.values_mut().filter(|block| block.owner == *owner);
        if let Some(label) = own
            .into_iter()
            .find_map(|block| block.take_released(now, hold_down))
        {
            return Ok(label);
        }
        while let Some(number) = self.free_block(now) {
            let range = self.block_range(number);
            let mut block = Block::new(owner, range);
            let label = block.take_fresh(&self.reserved);
            self.blocks.insert(number, block);
            // A block of which static LSPs reserved every label gives none: take the next one.
            if let Some(label) = label {
                self.latest = number;
                return Ok(label);
            }
        }
        // Neighbours that have not noticed the restart may use labels of before it: those come last.
        let before = self.blocks.values_mut();
        let mut before = before.filter(|block| block.owner == *owner && block.of_before);
        if let Some(label) = before.find_map(|block| block.take_fresh(&self.reserved)) {
            return Ok(label);
        }
        Err(AllocationError::Exhausted {
            range: self.config.dynamic_range,
            used: self.used(),
            held_down: self.blocks.values().map(|block| block.released.len()).sum(),
        })
    }

    /// Takes a label as allocated, as it was before a restart. Returns whether the owner has it now:
    /// not if it is outside of the dynamic range, reserved, or in a block of another one.
    pub fn adopt(&mut self, label: Label, owner: &Owner) -> bool {
        let Some(number) = self.block_number(label) else {
            return false;
        };
        if self.reserved.contains_key(&label) {
            return false;
        }
        let range = self.block_range(number);
        let new = || Block {
            of_before: true,
            ..Block::new(owner, range)
        };
        let block = self.blocks.entry(number).or_insert_with(new);
        if block.owner != *owner {
            return false;
        }
        if label.value() >= block.fresh {
            block.adopted.insert(label);
        }
        block.used.insert(label);
        true
    }

    /// Releases an allocated label; it is held down for a while. Nothing happens if the owner does
    /// not have it.
    pub fn release(&mut self, label: Label, owner: &Owner, now: Instant) {
        let Some(number) = self.block_number(label) else {
            return;
        };
        if let Some(block) = self.blocks.get_mut(&number)
            && block.owner == *owner
            && block.used.remove(label)
        {
            block.released.push_back((now, label));
        }
    }

    /// When the hold-down of a label that the owner released is over: where [`Self::allocate`] had none, the
    /// time to try again. `None`: all of its labels are in use.
    pub fn held_down_until(&self, owner: &Owner) -> Option<Instant> {
        self.blocks
            .values()
            .filter(|block| block.owner == *owner)
            .filter_map(|block| block.released.front())
            .map(|(since, _)| *since + self.hold_down())
            .min()
    }

    /// Who has a label.
    pub fn owner(&self, label: Label) -> Option<&Owner> {
        self.reserved.get(&label).or_else(|| {
            self.block_of(label)
                .filter(|block| block.used.contains(label))
                .map(|block| &block.owner)
        })
    }

    /// The blocks that are dealt out, with their owners, in ascending order.
    pub fn blocks(&self) -> impl Iterator<Item = (LabelRange, &Owner)> {
        self.blocks
            .values()
            .map(|block| (block.range, &block.owner))
    }

    /// How many labels are allocated.
    pub fn used(&self) -> usize {
        self.blocks.values().map(|block| block.used.count).sum()
    }

    fn block_size(&self) -> u32 {
        self.config.block_size.max(1)
    }

    fn block_count(&self) -> u32 {
        let range = self.config.dynamic_range;
        range.count().div_ceil(self.block_size())
    }

    fn block_number(&self, label: Label) -> Option<u32> {
        let range = self.config.dynamic_range;
        range
            .contains(label)
            .then(|| (label.value() - range.first().value()) / self.block_size())
    }

    fn block_of(&self, label: Label) -> Option<&Block> {
        self.blocks.get(&self.block_number(label)?)
    }

    fn block_range(&self, number: u32) -> LabelRange {
        let range = self.config.dynamic_range;
        let first = range.first().value() + number * self.block_size();
        let last = (first + (self.block_size() - 1)).min(range.last().value());
        let label = |value| Label::new(value).unwrap_or(range.last());
        LabelRange::new(label(first), label(last)).unwrap_or(range)
    }

    /// The number of a block that nobody has, or that an owner needs no more.
    fn free_block(&mut self, now: Instant) -> Option<u32> {
        let unassigned = (self.first_block..self.block_count())
            .chain(0..self.first_block)
            .find(|number| !self.blocks.contains_key(number));
        if unassigned.is_some() {
            return unassigned;
        }
        let hold_down = self.hold_down();
        let idle = |block: &Block| {
            block.used.count == 0
                && block
                    .released
                    .back()
                    .is_some_and(|(since, _)| now >= *since + hold_down)
        };
        let number = self
            .blocks
            .iter()
            .find(|(_, block)| idle(block))
            .map(|(number, _)| *number)?;
        self.blocks.remove(&number);
        Some(number)
    }
}

impl Block {
    fn new(owner: &Owner, range: LabelRange) -> Self {
        Self {
            owner: owner.clone(),
            range,
            fresh: range.first().value(),
            used: Used::new(range),
            of_before: false,
            adopted: BTreeSet::new(),
            released: VecDeque::new(),
        }
    }

    fn take_fresh(&mut self, reserved: &BTreeMap<Label, Owner>) -> Option<Label> {
        while self.fresh <= self.range.last().value() {
            let label = Label::new(self.fresh).ok()?;
            self.fresh += 1;
            // One that was adopted is in use, or was released and is held down.
            if !self.adopted.remove(&label) && !reserved.contains_key(&label) {
                self.used.insert(label);
                return Some(label);
            }
        }
        None
    }

    fn take_released(&mut self, now: Instant, hold_down: Duration) -> Option<Label> {
        let (since, _) = self.released.front()?;
        if now < *since + hold_down {
            return None;
        }
        let (_, label) = self.released.pop_front()?;
        self.used.insert(label);
        Some(label)
    }
}

/// The labels of a block that are in use: a bit for each.
#[derive(Debug)]
struct Used {
    first: u32,
    bits: Box<[u64]>,
    count: usize,
}

impl Used {
    fn new(range: LabelRange) -> Self {
        // The label range has at most 2^20 labels.
        let words = range.count().div_ceil(u64::BITS) as usize;
        Self {
            first: range.first().value(),
            bits: vec![0; words].into_boxed_slice(),
            count: 0,
        }
    }

    /// The word and the bit of a label of the block.
    fn place(&self, label: Label) -> (usize, u64) {
        let offset = label.value().wrapping_sub(self.first);
        ((offset / u64::BITS) as usize, 1 << (offset % u64::BITS))
    }

    fn contains(&self, label: Label) -> bool {
        let (word, bit) = self.place(label);
        self.bits.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Whether it was not in use before.
    fn insert(&mut self, label: Label) -> bool {
        let (word, bit) = self.place(label);
        let Some(word) = self.bits.get_mut(word).filter(|word| **word & bit == 0) else {
            return false;
        };
        *word |= bit;
        self.count += 1;
        true
    }

    /// Whether it was in use before.
    fn remove(&mut self, label: Label) -> bool {
        let (word, bit) = self.place(label);
        let Some(word) = self.bits.get_mut(word).filter(|word| **word & bit != 0) else {
            return false;
        };
        *word &= !bit;
        self.count -= 1;
        true
    }
}

#[cfg(test)]
#[path = "label_manager_tests.rs"]
mod tests;
