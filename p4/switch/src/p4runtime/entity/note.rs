//! What clients wrote and the switch does not hold, so that they read back what they wrote
//! (section 8.2).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use p4runtime_proto::p4::v1;

use super::idle;
use crate::State;
use crate::p4runtime::schema::Table;
use crate::state::Place;

/// What clients wrote and the switch does not hold.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// By table id and place; only entries that have something to note.
    pub(super) entries: BTreeMap<(u32, Place), Box<EntryNote>>,
    pub(super) timers: BTreeSet<idle::Timer>,
    /// By id of the action profile: how many entries have a one-shot action set.
    pub(super) action_sets: HashMap<u32, usize>,
    /// By ids of action profile and group.
    pub(super) groups: BTreeMap<(u32, u32), v1::ActionProfileGroup>,
    pub(super) multicast_groups: BTreeMap<u32, v1::MulticastGroupEntry>,
    pub(super) clone_sessions: BTreeMap<u32, v1::CloneSessionEntry>,
    /// Digests that are reported, and how.
    pub(crate) digests: BTreeMap<u32, v1::digest_entry::Config>,
}

/// The part of a TableEntry that the switch does not hold.
#[derive(Debug, Clone, Default)]
pub(super) struct EntryNote {
    pub(super) metadata: Vec<u8>,
    pub(super) controller_metadata: u64,
    /// 0: the entry never expires.
    pub(super) idle_timeout_ns: i64,
    /// When the timer is due, if the entry expires.
    pub(super) due: u64,
    /// The one-shot set as it was written.
    pub(super) action_set: Option<Box<v1::ActionProfileActionSet>>,
}

impl EntryNote {
    /// The note of an entry, if there is something to note.
    pub(super) fn of(
        entry: &v1::TableEntry,
        action_set: Option<v1::ActionProfileActionSet>,
    ) -> Option<Box<Self>> {
        let note = Self {
            metadata: entry.metadata.clone(),
            controller_metadata: controller_metadata(entry),
            idle_timeout_ns: entry.idle_timeout_ns,
            due: 0,
            action_set: action_set.map(Box::new),
        };
        let empty = note.metadata.is_empty()
            && note.controller_metadata == 0
            && note.idle_timeout_ns == 0
            && note.action_set.is_none();
        (!empty).then(|| Box::new(note))
    }

    /// Writes it into a message.
    #[allow(deprecated)] // Clients may still use controller_metadata.
    pub(super) fn add_to(&self, entry: &mut v1::TableEntry) {
        entry.metadata.clone_from(&self.metadata);
        entry.controller_metadata = self.controller_metadata;
        entry.idle_timeout_ns = self.idle_timeout_ns;
    }
}

/// The field that `metadata` replaced; clients may still use it.
#[allow(deprecated)]
pub(super) fn controller_metadata(entry: &v1::TableEntry) -> u64 {
    entry.controller_metadata
}

impl Notes {
    /// What is noted of an entry.
    pub(super) fn entry(&self, table: &Table, place: Place) -> Option<&EntryNote> {
        let note = self.entries.get(&(table.object.id, place));
        note.map(Box::as_ref)
    }

    /// Replaces what is noted of an entry, starts its timer, and gives what was noted before.
    pub(super) fn replace(
        &mut self,
        state: &State,
        table: &Table,
        place: Place,
        note: Option<Box<EntryNote>>,
    ) -> Option<Box<EntryNote>> {
        let id = table.object.id;
        let new_set = note.as_ref().is_some_and(|note| note.action_set.is_some());
        let mut timer = None;
        let old = match note {
            Some(mut note) => {
                if let Some(slot) = place
                    && note.idle_timeout_ns != 0
                {
                    note.due = idle::due(state.microseconds(), note.idle_timeout_ns);
                    timer = Some((note.due, id, slot));
                }
                self.entries.insert((id, place), note)
            }
            None if self.entries.is_empty() => None,
            None => self.entries.remove(&(id, place)),
        };
        if let (Some(old), Some(slot)) = (&old, place)
            && old.idle_timeout_ns != 0
        {
            self.timers.remove(&(old.due, id, slot));
        }
        self.timers.extend(timer);
        let old_set = old.as_ref().is_some_and(|note| note.action_set.is_some());
        if let Some(profile) = table.profile
            && new_set != old_set
        {
            let sets = self.action_sets.entry(profile).or_default();
            *sets = (*sets + usize::from(new_set)).saturating_sub(usize::from(old_set));
        }
        old
    }
}
