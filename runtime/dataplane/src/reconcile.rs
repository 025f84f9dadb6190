//! From what the switch holds to what it should hold, make-before-break.

use std::collections::BTreeMap;

use p4runtime_client::{Code, Operation, UpdateError};

use rustc_hash::FxHashMap;

use crate::model::RANKS;
use crate::{Entries, Key, Value};

/// One write to the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// What is done.
    pub operation: Operation,
    /// The entry.
    pub key: Key,
    /// What the entry is to do; what it did when it is deleted.
    pub value: Value,
}

/// Why an update was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The entry that the switch refused: the one asked for, or one that it points to.
    pub entry: Key,
    /// What the switch says.
    pub reason: String,
}

/// A change of the switch from `held` to `desired`, in steps.
///
/// Each step is a batch of updates that do not depend on each other, as a switch may reorder the
/// updates of one Write (P4Runtime section 12.2). An entry is written after those that it points
/// to and deleted before them, so after each single update every entry of the switch points to
/// entries that are there. What the switch refuses is left as it was, and so is what depends on
/// it.
#[derive(Debug)]
pub struct Reconciliation<'a> {
    held: &'a mut Entries,
    desired: &'a Entries,
    keep_undesired: bool,
    /// Entries that are not as desired, by their rank.
    upserts: Vec<Vec<Key>>,
    /// Entries that are not desired, by their rank; found when deletions begin.
    deletions: Vec<Vec<Key>>,
    /// Upserts by ascending rank, then deletions by descending rank.
    step: u8,
    batch: Vec<Update>,
    /// How many entries of the switch point to each one, counted when deletions begin.
    referrers: FxHashMap<Key, usize>,
    failures: BTreeMap<Key, Failure>,
    written: Written,
    stale: bool,
}

/// How many updates the switch executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Written {
    /// Entries added.
    pub inserted: usize,
    /// Entries changed.
    pub modified: usize,
    /// Entries deleted.
    pub deleted: usize,
}

impl Written {
    /// All of them.
    pub fn total(self) -> usize {
        self.inserted + self.modified + self.deleted
    }
}

/// What came of a reconciliation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// What was written.
    pub written: Written,
    /// Updates that were not made, and why.
    pub failures: BTreeMap<Key, Failure>,
    /// The switch held something else than was thought: it must be read back.
    pub stale: bool,
}

impl<'a> Reconciliation<'a> {
    /// Begins a change. `held` is kept up to date with what the switch executed. With
    /// `keep_undesired` nothing is deleted.
    pub fn new(held: &'a mut Entries, desired: &'a Entries, keep_undesired: bool) -> Self {
        let mut upserts = vec![Vec::new(); RANKS.into()];
        // One pass over both, which are in the same order.
        let mut there = held.iter().peekable();
        for (key, value) in desired {
            while there.next_if(|(of, _)| *of < key).is_some() {}
            let held = there.next_if(|(of, _)| *of == key).map(|(_, held)| held);
            if !held.is_some_and(|held| value.agrees_with(held)) {
                upserts[usize::from(key.rank(held.is_none()))].push(*key);
            }
        }
        Self {
            held,
            desired,
            keep_undesired,
            upserts,
            deletions: Vec::new(),
            step: 0,
            batch: Vec::new(),
            referrers: FxHashMap::default(),
            failures: BTreeMap::new(),
            written: Written::default(),
            stale: false,
        }
    }

    /// The next updates to write, at least one; `None` when the change is complete. Their
    /// outcomes must be given to [`Reconciliation::complete`] before this is called again.
    pub fn next_batch(&mut self) -> Option<&[Update]> {
        self.batch.clear();
        while self.batch.is_empty() {
            let steps = if self.keep_undesired {
                RANKS
            } else {
                2 * RANKS
            };
            if self.step >= steps {
                return None;
            }
            if self.step < RANKS {
                self.batch = self.upserts(self.step);
            } else {
                if self.step == RANKS {
                    self.begin_deletions();
                }
                self.batch = self.deletions(2 * RANKS - 1 - self.step);
            }
            self.step += 1;
        }
        Some(&self.batch)
    }

    /// Takes the outcomes of the last batch, in its order.
    pub fn complete(&mut self, outcomes: &[Result<(), UpdateError>]) {
        for (update, outcome) in std::mem::take(&mut self.batch).into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => self.executed(update),
                // It is gone, which is what was asked for.
                Err(error)
                    if update.operation == Operation::Delete && error.code == Code::NotFound =>
                {
                    self.stale = true;
                    self.executed(update);
                }
                Err(error) => {
                    self.stale |= matches!(error.code, Code::AlreadyExists | Code::NotFound);
                    let failure = Failure {
                        entry: update.key,
                        reason: error.to_string(),
                    };
                    self.failures.insert(update.key, failure);
                }
            }
        }
    }

    /// What came of it.
    pub fn finish(self) -> Outcome {
        Outcome {
            written: self.written,
            failures: self.failures,
            stale: self.stale,
        }
    }

    fn upserts(&mut self, rank: u8) -> Vec<Update> {
        let mut updates = Vec::new();
        for key in std::mem::take(&mut self.upserts[usize::from(rank)]) {
            let Some(value) = self.desired.get(&key) else {
                continue;
            };
            let operation = match self.held.contains_key(&key) {
                true => Operation::Modify,
                false => Operation::Insert,
            };
            let missing = value.references(&key).into_iter().find_map(|reference| {
                let failed = self.failures.get(&reference).cloned();
                let absent = || {
                    (!self.held.contains_key(&reference)).then(|| Failure {
                        entry: reference,
                        reason: "it is not in the switch".to_owned(),
                    })
                };
                failed.or_else(absent)
            });
            match missing {
                Some(failure) => {
                    self.failures.insert(key, failure);
                }
                None => updates.push(Update {
                    operation,
                    key,
                    value: value.clone(),
                }),
            }
        }
        updates
    }

    fn deletions(&mut self, rank: u8) -> Vec<Update> {
        let undesired = std::mem::take(&mut self.deletions[usize::from(rank)]);
        let unused = undesired
            .into_iter()
            .filter(|key| self.referrers.get(key).is_none_or(|count| *count == 0));
        unused
            .filter_map(|key| {
                Some(Update {
                    operation: Operation::Delete,
                    key,
                    value: self.held.get(&key)?.clone(),
                })
            })
            .collect()
    }

    fn begin_deletions(&mut self) {
        self.deletions = vec![Vec::new(); RANKS.into()];
        let mut wanted = self.desired.keys().peekable();
        let mut none = true;
        for key in self.held.keys() {
            while wanted.next_if(|of| *of < key).is_some() {}
            if wanted.next_if(|of| *of == key).is_none() {
                self.deletions[usize::from(key.rank(true))].push(*key);
                none = false;
            }
        }
        if none {
            return;
        }
        for (key, value) in self.held.iter() {
            for reference in value.references(key) {
                *self.referrers.entry(reference).or_default() += 1;
            }
        }
    }

    fn executed(&mut self, update: Update) {
        match update.operation {
            Operation::Insert => {
                self.written.inserted += 1;
                self.held.insert(update.key, update.value);
            }
            Operation::Modify => {
                self.written.modified += 1;
                self.held.insert(update.key, update.value);
            }
            Operation::Delete => {
                self.written.deleted += 1;
                self.held.remove(&update.key);
                for reference in update.value.references(&update.key) {
                    if let Some(count) = self.referrers.get_mut(&reference) {
                        *count = count.saturating_sub(1);
                    }
                }
            }
        }
    }
}
