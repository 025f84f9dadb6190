//! Storage for entries that grows without moving what it holds: no packet waits for a large copy.

/// Slots of a chunk. A chunk is allocated when its first slot is used.
const CHUNK: usize = 256;

/// Values by slot. A slot that was freed is used again.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    chunks: Vec<Box<[Slot<T>]>>,
    /// The first slot of the list of free ones.
    free: Option<u32>,
    len: usize,
}

#[derive(Debug)]
enum Slot<T> {
    /// The next free slot.
    Free(Option<u32>),
    Used(T),
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            free: None,
            len: 0,
        }
    }
}

impl<T> Arena<T> {
    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many slots there are, used and free.
    pub(crate) fn slots(&self) -> usize {
        self.chunks.len() * CHUNK
    }

    /// Puts a value into a free slot.
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        let slot = match self.free {
            Some(slot) => slot,
            None => self.grow(),
        };
        let place = &mut self.chunks[slot as usize / CHUNK][slot as usize % CHUNK];
        if let Slot::Free(next) = std::mem::replace(place, Slot::Used(value)) {
            self.free = next;
        }
        self.len += 1;
        slot
    }

    /// Adds a chunk of free slots, and gives the first.
    fn grow(&mut self) -> u32 {
        // Tables are bounded by sizes of 32 bits.
        let start = self.slots() as u32;
        let end = start + CHUNK as u32;
        let chunk = (start + 1..=end).map(|next| Slot::Free((next < end).then_some(next)));
        self.chunks.push(chunk.collect());
        self.free = Some(start);
        start
    }

    /// Takes the value of a slot out.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<T> {
        let place = self
            .chunks
            .get_mut(slot as usize / CHUNK)?
            .get_mut(slot as usize % CHUNK)?;
        if matches!(place, Slot::Free(_)) {
            return None;
        }
        match std::mem::replace(place, Slot::Free(self.free)) {
            Slot::Used(value) => {
                self.free = Some(slot);
                self.len -= 1;
                Some(value)
            }
            Slot::Free(_) => None,
        }
    }

    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<&T> {
        match self
            .chunks
            .get(slot as usize / CHUNK)?
            .get(slot as usize % CHUNK)?
        {
            Slot::Used(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        match self
            .chunks
            .get_mut(slot as usize / CHUNK)?
            .get_mut(slot as usize % CHUNK)?
        {
            Slot::Used(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// All values with their slots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..)
            .zip(self.chunks.iter().flatten())
            .filter_map(|(slot, value)| match value {
                Slot::Used(value) => Some((slot, value)),
                Slot::Free(_) => None,
            })
    }

    /// All values.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.chunks
            .iter_mut()
            .flatten()
            .filter_map(|value| match value {
                Slot::Used(value) => Some(value),
                Slot::Free(_) => None,
            })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_was_put_in(steps: Vec<(bool, u16)>) {
            let mut arena = Arena::default();
            let mut model = HashMap::new();
            for (insert, value) in steps {
                if insert {
                    let slot = arena.insert(value);
                    prop_assert_eq!(model.insert(slot, value), None);
                } else {
                    let slot = u32::from(value) % 300;
                    prop_assert_eq!(arena.remove(slot), model.remove(&slot));
                }
                prop_assert_eq!(arena.len(), model.len());
            }
            let held: HashMap<u32, u16> = arena.iter().map(|(slot, value)| (slot, *value)).collect();
            for slot in 0..600 {
                prop_assert_eq!(arena.get(slot), model.get(&slot));
            }
            prop_assert_eq!(held, model);
        }
    }

    #[test]
    fn freed_slots_are_used_again() {
        let mut arena = Arena::default();
        let slots: Vec<u32> = (0..1000).map(|value| arena.insert(value)).collect();
        for slot in &slots {
            arena.remove(*slot);
        }
        for value in 0..1000 {
            assert!(arena.insert(value) < 1024);
        }
    }
}
