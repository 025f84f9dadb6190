//! Entries of tables: writing and reading them.
//!
//! Writing has two steps. [`prepare_key`] and [`PreparedTarget::new`] resolve names and pack values,
//! which needs the program only; what changes the state is then short, for packets wait for it.

use super::arrays::Counter;
use super::key::{PackedKey, pack, unpack};
use super::meter::Meter;
use super::profile::check_weights;
use super::table::{ActionSet, Call, Entry, Target};
use super::{ProfileState, Result, State, unknown};
use crate::control::{ActionCall, ControlError, CounterValue, EntryAction, EntryKey, TableEntry};
use crate::program::{Program, Table, TableKind};

/// The packed form of a key, if it is right for the table.
pub(crate) fn prepare_key(program: &Program, table: usize, key: &EntryKey) -> Result<PackedKey> {
    pack(&program.tables[table], key)
}

/// What an entry is to do: names resolved and values packed, but for the ids of an action profile.
#[derive(Debug)]
pub(crate) enum PreparedTarget {
    Call(Call),
    Member(u32),
    Group(u32),
    Set(Box<ActionSet>),
}

impl PreparedTarget {
    /// What an entry of a table is to do, if the table can have such entries.
    pub(crate) fn new(program: &Program, table: usize, action: &EntryAction) -> Result<Self> {
        let table = &program.tables[table];
        let mismatch = |reason: &str| ControlError::Invalid {
            owner: table.name.to_string(),
            reason: reason.to_owned(),
        };
        match (action, table.kind) {
            (EntryAction::Action(call), TableKind::Simple) => {
                Call::new(program, &table.name, &table.actions, call).map(Self::Call)
            }
            (EntryAction::Action(_), _) => Err(mismatch(
                "the table has an action profile: an entry needs a member, group or action set",
            )),
            (_, TableKind::Simple) => Err(mismatch(
                "the table has no action profile: an entry needs an action",
            )),
            (EntryAction::Member(member), _) => Ok(Self::Member(*member)),
            (_, TableKind::Indirect(_)) => Err(mismatch(
                "the table's action profile has no selector: an entry needs a member",
            )),
            (EntryAction::Group(group), TableKind::WithSelector(_)) => Ok(Self::Group(*group)),
            (EntryAction::ActionSet(set), TableKind::WithSelector(_)) => {
                if set.actions.is_empty() {
                    return Err(mismatch("an action set must not be empty"));
                }
                let weights = set.actions.iter().map(|action| action.weight);
                check_weights(&table.name, 0, weights)?;
                let call =
                    |action: &ActionCall| Call::new(program, &table.name, &table.actions, action);
                let calls = set.actions.iter().map(|action| call(&action.action));
                let calls = calls.collect::<Result<Vec<Call>>>()?;
                let group_call = set.group_action.as_ref().map(call).transpose()?;
                let set = ActionSet::new(set.clone(), calls, group_call);
                Ok(Self::Set(Box::new(set)))
            }
        }
    }
}

/// An entry that was taken out of its table, as it was.
#[derive(Debug)]
pub(crate) struct Removed {
    key: PackedKey,
    target: PreparedTarget,
    counter: Option<CounterValue>,
    meter: Option<Box<Meter>>,
}

/// Writing.
impl State {
    fn profile_of(&self, id: usize) -> Option<(&ProfileState, &str)> {
        match self.program.tables[id].kind {
            TableKind::Simple => None,
            TableKind::Indirect(profile) | TableKind::WithSelector(profile) => Some((
                &self.profiles[profile as usize],
                &*self.program.profiles[profile as usize].name,
            )),
        }
    }

    /// Resolves the ids of an action profile. Nothing is counted as used yet.
    fn resolve(&self, id: usize, target: PreparedTarget) -> Result<(Target, Option<Call>)> {
        let none = || unknown("action profile of table", &self.program.tables[id].name);
        let target = match target {
            PreparedTarget::Call(call) => return Ok((Target::Call, Some(call))),
            PreparedTarget::Member(member) => {
                let (profile, name) = self.profile_of(id).ok_or_else(none)?;
                profile.member_slot(name, member).map(Target::Member)
            }
            PreparedTarget::Group(group) => {
                let (profile, name) = self.profile_of(id).ok_or_else(none)?;
                profile.group_slot(name, group).map(Target::Group)
            }
            PreparedTarget::Set(mut set) => {
                set.rebuild(&self.down);
                Ok(Target::Set(set))
            }
        };
        Ok((target?, None))
    }

    /// Undoes [`State::resolve`].
    fn unresolve(&self, id: usize, target: Target, call: Option<Call>) -> Result<PreparedTarget> {
        let profile = self.profile_of(id).map(|(profile, _)| profile);
        let prepared = match target {
            Target::Call => call.map(PreparedTarget::Call),
            Target::Member(slot) => profile
                .and_then(|profile| profile.member_id(slot))
                .map(PreparedTarget::Member),
            Target::Group(slot) => profile
                .and_then(|profile| profile.group_id(slot))
                .map(PreparedTarget::Group),
            Target::Set(set) => Some(PreparedTarget::Set(set)),
        };
        prepared.ok_or_else(|| unknown("action of table", &self.program.tables[id].name))
    }

    /// The action of its own that an entry has.
    fn call_in(&self, id: usize, slot: u32) -> Option<Call> {
        let call = self.tables[id].call(Some(slot))?;
        Some(call.to_owned(&self.program))
    }

    /// Whether the profile of a table has room for the actions of a set that takes the place of
    /// `freed` others.
    fn check_room(&self, id: usize, target: &Target, freed: usize) -> Result<()> {
        let (TableKind::WithSelector(profile), Target::Set(set)) =
            (self.program.tables[id].kind, target)
        else {
            return Ok(());
        };
        let definition = &self.program.profiles[profile as usize];
        let used = self.profiles[profile as usize].used() - freed;
        if used + set.calls.len() > definition.max_size {
            return Err(ControlError::Full {
                owner: definition.name.to_string(),
                limit: definition.max_size,
                what: "members",
            });
        }
        Ok(())
    }

    /// Counts what an entry uses, or does no longer use.
    fn count_use(&mut self, id: usize, target: &Target, used: bool) {
        let (TableKind::Indirect(profile) | TableKind::WithSelector(profile)) =
            self.program.tables[id].kind
        else {
            return;
        };
        let profile = &mut self.profiles[profile as usize];
        match (target, used) {
            (Target::Call, _) => {}
            (Target::Member(slot), true) => profile.use_member(*slot),
            (Target::Member(slot), false) => profile.leave_member(*slot),
            (Target::Group(slot), true) => profile.use_group(*slot),
            (Target::Group(slot), false) => profile.leave_group(*slot),
            (Target::Set(set), true) => profile.set_actions += set.calls.len(),
            (Target::Set(set), false) => profile.set_actions -= set.calls.len(),
        }
    }

    fn constant(&self, id: usize, what: &'static str) -> ControlError {
        ControlError::Constant {
            owner: self.program.tables[id].name.to_string(),
            what,
        }
    }

    /// Whether an entry can be changed and deleted.
    fn writable(&self, id: usize, slot: u32) -> Result<()> {
        if self.is_constant(id, slot) {
            return Err(self.constant(id, "the entry"));
        }
        Ok(())
    }

    /// The slot of the entry with a key, if there is one.
    pub(crate) fn slot_of(&self, id: usize, key: &PackedKey) -> Option<u32> {
        self.tables[id].id_of(key)
    }

    /// The slot of the entry with a key.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`].
    pub(crate) fn slot(&self, id: usize, key: &PackedKey) -> Result<u32> {
        self.slot_of(id, key).ok_or_else(|| ControlError::NotFound {
            owner: self.program.tables[id].name.to_string(),
            what: "entry with this key".to_owned(),
        })
    }

    pub(super) fn entry_id(&self, id: usize, key: &EntryKey) -> Result<u32> {
        self.slot(id, &prepare_key(&self.program, id, key)?)
    }

    /// As [`State::insert_entry`]; gives the entry's slot.
    pub(crate) fn insert_prepared(
        &mut self,
        id: usize,
        key: PackedKey,
        target: PreparedTarget,
    ) -> Result<u32> {
        if self.tables[id].constant {
            return Err(self.constant(id, "the list of entries"));
        }
        let program = self.program.clone();
        let table = &program.tables[id];
        if table.key.is_empty() {
            return Err(ControlError::Invalid {
                owner: table.name.to_string(),
                reason: "the table has no key, so it has a default action only".to_owned(),
            });
        }
        if self.slot_of(id, &key).is_some() {
            return Err(exists(table));
        }
        if self.tables[id].entries.len() >= table.max_size {
            return Err(ControlError::Full {
                owner: table.name.to_string(),
                limit: table.max_size,
                what: "entries",
            });
        }
        let (target, call) = self.resolve(id, target)?;
        self.check_room(id, &target, 0)?;
        self.count_use(id, &target, true);
        Ok(self.tables[id].insert(table, key, target, call.as_ref()))
    }

    /// Changes what an entry does; gives what it did before.
    pub(crate) fn replace_target(
        &mut self,
        id: usize,
        slot: u32,
        target: PreparedTarget,
    ) -> Result<PreparedTarget> {
        self.writable(id, slot)?;
        let (target, call) = self.resolve(id, target)?;
        let name = &self.program.tables[id].name;
        let entry = self.tables[id].entries.get(slot);
        let freed = match &entry.ok_or_else(|| unknown("entry of table", name))?.target {
            Target::Set(set) => set.calls.len(),
            _ => 0,
        };
        self.check_room(id, &target, freed)?;
        self.count_use(id, &target, true);
        let old_call = self.call_in(id, slot);
        self.tables[id].records.set(Some(slot), call.as_ref());
        let old = match self.tables[id].entries.get_mut(slot) {
            Some(entry) => std::mem::replace(&mut entry.target, target),
            None => target, // It was there.
        };
        self.count_use(id, &old, false);
        self.unresolve(id, old, old_call)
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, id: usize, slot: u32) -> Result<Removed> {
        self.writable(id, slot)?;
        let program = self.program.clone();
        let table = &program.tables[id];
        let call = self.call_in(id, slot);
        let state = &mut self.tables[id];
        let counter = state.counter(Some(slot)).map(Counter::value);
        state.lookup.remove(&mut state.entries, slot);
        let entry = state.entries.remove(slot);
        let entry = entry.ok_or_else(|| unknown("entry of table", &table.name))?;
        self.count_use(id, &entry.target, false);
        Ok(Removed {
            key: entry.key,
            target: self.unresolve(id, entry.target, call)?,
            counter,
            meter: entry.meter,
        })
    }

    /// Undoes [`State::remove`], maybe in another slot.
    pub(crate) fn put_back(&mut self, id: usize, removed: Removed) -> Result<u32> {
        let slot = self.insert_prepared(id, removed.key, removed.target)?;
        let state = &mut self.tables[id];
        if let (Some(counter), Some(value)) = (state.counter(Some(slot)), removed.counter) {
            counter.set(value);
        }
        if let Some(entry) = state.entries.get_mut(slot) {
            entry.meter = removed.meter;
        }
        Ok(slot)
    }

    /// Inserts an entry, with zero counters and without meter configuration.
    ///
    /// # Errors
    ///
    /// [`ControlError::AlreadyExists`], [`ControlError::Full`], [`ControlError::Constant`],
    /// [`ControlError::NotFound`] for a member or group that is not there, and what is wrong with
    /// the key or action.
    pub fn insert_entry(&mut self, table: &str, entry: &TableEntry) -> Result<()> {
        let id = self.table_id(table)?;
        let key = prepare_key(&self.program, id, &entry.key)?;
        let target = PreparedTarget::new(&self.program, id, &entry.action)?;
        self.insert_prepared(id, key, target).map(drop)
    }

    /// Changes the action of an entry. Its counter and meter stay.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`], and as [`State::insert_entry`].
    pub fn modify_entry(&mut self, table: &str, entry: &TableEntry) -> Result<()> {
        let id = self.table_id(table)?;
        let slot = self.entry_id(id, &entry.key)?;
        let target = PreparedTarget::new(&self.program, id, &entry.action)?;
        self.replace_target(id, slot, target).map(drop)
    }

    /// Deletes an entry.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`], [`ControlError::Constant`].
    pub fn delete_entry(&mut self, table: &str, key: &EntryKey) -> Result<()> {
        let id = self.table_id(table)?;
        let slot = self.entry_id(id, key)?;
        self.remove(id, slot).map(drop)
    }
}

/// Reading.
impl State {
    fn to_control(&self, id: usize, slot: u32, entry: &Entry) -> Option<TableEntry> {
        let table = &self.program.tables[id];
        let profile = self.profile_of(id).map(|(profile, _)| profile);
        let action = match &entry.target {
            Target::Call => {
                let call = self.tables[id].call(Some(slot))?;
                EntryAction::Action(call.to_control(&self.program))
            }
            Target::Member(slot) => EntryAction::Member(profile?.member_id(*slot)?),
            Target::Group(slot) => EntryAction::Group(profile?.group_id(*slot)?),
            Target::Set(set) => EntryAction::ActionSet(set.given.clone()),
        };
        Some(TableEntry {
            key: unpack(table, &entry.key),
            action,
        })
    }

    /// An entry by its slot.
    pub(crate) fn entry_at(&self, id: usize, slot: u32) -> Option<TableEntry> {
        let entry = self.tables[id].entries.get(slot)?;
        self.to_control(id, slot, entry)
    }

    /// How many slots the entries of a table have: some may be empty.
    pub(crate) fn slots(&self, id: usize) -> usize {
        self.tables[id].entries.slots()
    }

    /// An entry by its key.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`], and what is wrong with the key.
    pub fn entry(&self, table: &str, key: &EntryKey) -> Result<TableEntry> {
        let id = self.table_id(table)?;
        let slot = self.entry_id(id, key)?;
        self.entry_at(id, slot)
            .ok_or_else(|| unknown("entry of table", table))
    }

    /// All entries of a table, in no order.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`].
    pub fn entries(&self, table: &str) -> Result<Vec<TableEntry>> {
        let id = self.table_id(table)?;
        Ok(self.tables[id]
            .entries
            .iter()
            .filter_map(|(slot, entry)| self.to_control(id, slot, entry))
            .collect())
    }
}

/// The error of an INSERT of what is there.
pub(super) fn exists(table: &Table) -> ControlError {
    ControlError::AlreadyExists {
        owner: table.name.to_string(),
        what: "entry".to_owned(),
    }
}
