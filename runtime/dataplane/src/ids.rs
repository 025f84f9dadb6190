//! Ids of NHLFEs, path groups and the like in the switch, stable over restarts of the daemon.

use std::hash::Hash;

use rustc_hash::{FxHashMap, FxHashSet};

/// Ids of the keys in use, within the bits that mpls.p4 gives them.
#[derive(Debug, Clone)]
pub(crate) struct Ids<K> {
    by_key: FxHashMap<K, u32>,
    taken: FxHashSet<u32>,
    next: u32,
    most: u32,
}

impl<K: Hash + Eq + Clone> Ids<K> {
    /// Ids from 1 to `most`. 0 is what a table's miss leaves behind, and is not used.
    pub(crate) fn up_to(most: u32) -> Self {
        Self {
            by_key: FxHashMap::default(),
            taken: FxHashSet::default(),
            next: 1,
            most,
        }
    }

    /// The largest id.
    pub(crate) fn most(&self) -> u32 {
        self.most
    }

    pub(crate) fn get(&self, key: &K) -> Option<u32> {
        self.by_key.get(key).copied()
    }

    pub(crate) fn is_taken(&self, id: u32) -> bool {
        self.taken.contains(&id)
    }

    /// Gives a key an id that no other key has.
    pub(crate) fn adopt(&mut self, key: K, id: u32) {
        debug_assert!(!self.is_taken(id));
        self.taken.insert(id);
        self.by_key.insert(key, id);
    }

    /// Gives a key a fresh id; `held` says which ids the switch still uses for something else.
    /// `None` when there is none.
    pub(crate) fn allocate(&mut self, key: K, held: impl Fn(u32) -> bool) -> Option<u32> {
        for _ in 0..self.most {
            let id = self.next;
            self.next = if id >= self.most { 1 } else { id + 1 };
            if !self.is_taken(id) && !held(id) {
                self.adopt(key, id);
                return Some(id);
            }
        }
        None
    }

    /// Frees the ids of the keys that are not wanted.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&K) -> bool) {
        let taken = &mut self.taken;
        self.by_key.retain(|key, id| {
            let keep = wanted(key);
            if !keep {
                taken.remove(id);
            }
            keep
        });
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, u32)> {
        self.by_key.iter().map(|(key, id)| (key, *id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_avoid_what_the_switch_holds() {
        let mut ids = Ids::up_to(4);
        assert_eq!(ids.allocate("a", |id| id == 1), Some(2));
        ids.adopt("b", 3);
        assert_eq!(ids.allocate("c", |_| false), Some(4));
        assert_eq!(ids.allocate("d", |id| id == 1), None);
        assert_eq!(ids.get(&"b"), Some(3));
        ids.retain(|key| *key != "b");
        assert_eq!(ids.get(&"b"), None);
        assert!(!ids.is_taken(3));
    }
}
