//! Tables: entries, default actions, direct counters and meters.

use std::collections::HashSet;
use std::sync::Arc;

use super::age::Ages;
use super::arena::Arena;
use super::arrays::{Counter, Meter, check_meter};
use super::key::{PackedKey, has_priority, pack, unpack};
use super::lookup::Lookup;
use super::profile::check_weights;
use super::{Result, State, unknown, word_of, words_of};
use crate::clock::Clock;
use crate::control::{
    ActionCall, ActionInfo, ControlError, CounterValue, EntryAction, EntryKey, EntryRef, KeyInfo,
    MeterConfig, ParameterInfo, PortNumber, SetAction, TableEntry, TableInfo,
};
use crate::load::LoadError;
use crate::number::words_to_bytes;
use crate::program::{ActionId, Program, StaticAction, Table, TableKind};

/// An action with its arguments, as packets use it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) action: ActionId,
    pub(crate) arguments: Box<[u64]>,
}

impl Call {
    /// The call of one of the actions of a table or profile.
    pub(super) fn new(
        program: &Program,
        owner: &str,
        actions: &[ActionId],
        call: &ActionCall,
    ) -> Result<Self> {
        let action = actions
            .iter()
            .copied()
            .find(|action| *program.actions[*action as usize].name == *call.name)
            .ok_or_else(|| ControlError::UnknownAction {
                owner: owner.to_owned(),
                action: call.name.clone(),
            })?;
        Self::with_id(program, action, &call.arguments)
    }

    fn with_id(program: &Program, action: ActionId, arguments: &[Vec<u8>]) -> Result<Self> {
        let definition = &program.actions[action as usize];
        if definition.parameters.len() != arguments.len() {
            return Err(ControlError::WrongCount {
                owner: definition.name.to_string(),
                what: "arguments",
                expected: definition.parameters.len(),
                given: arguments.len(),
            });
        }
        let mut words = Vec::with_capacity(definition.words);
        for (parameter, argument) in definition.parameters.iter().zip(arguments) {
            let (width, owner, name) = (parameter.width, &definition.name, &parameter.name);
            if width <= 64 {
                words.push(word_of(argument, width, owner, name)?);
            } else {
                words.extend(words_of(argument, width, owner, name)?);
            }
        }
        Ok(Self {
            action,
            arguments: words.into(),
        })
    }

    fn of_program(program: &Program, action: &StaticAction) -> Result<Self> {
        Self::with_id(program, action.action, &action.arguments)
    }

    pub(super) fn to_control(&self, program: &Program) -> ActionCall {
        let definition = &program.actions[self.action as usize];
        let arguments = definition
            .parameters
            .iter()
            .map(|parameter| {
                let start = parameter.word as usize;
                let words = &self.arguments[start..];
                words_to_bytes(words, parameter.width)
            })
            .collect();
        ActionCall::new(&*definition.name, arguments)
    }
}

/// What an entry does.
#[derive(Debug)]
pub(crate) enum Target {
    Call(Call),
    /// Slot of a member of the profile.
    Member(u32),
    /// Slot of a group of the profile.
    Group(u32),
    Set(Box<ActionSet>),
}

/// A set of actions that belongs to one entry.
#[derive(Debug)]
pub(crate) struct ActionSet {
    given: Vec<SetAction>,
    calls: Vec<Call>,
    /// Indices of calls, each as often as its weight says, without those whose port is down.
    buckets: Box<[u32]>,
}

impl ActionSet {
    /// The action that a hash selects; `None` if none is up.
    pub(crate) fn select(&self, hash: u64) -> Option<&Call> {
        let index = super::profile::bucket(&self.buckets, hash)?;
        self.calls.get(*index as usize)
    }

    fn rebuild(&mut self, down: &HashSet<PortNumber>) {
        self.buckets = (0..)
            .zip(&self.given)
            .filter(|(_, action)| action.watch_port.is_none_or(|port| !down.contains(&port)))
            .flat_map(|(index, action)| std::iter::repeat_n(index, action.weight as usize))
            .collect();
    }
}

/// An entry of a table.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(super) key: PackedKey,
    pub(crate) target: Target,
    pub(crate) counter: Counter,
    /// Only in a table with meters.
    pub(crate) meter: Option<Box<Meter>>,
    /// The next entry that matches the same bits with a lower priority.
    pub(super) next: Option<u32>,
}

/// The entries of a table.
#[derive(Debug)]
pub(crate) struct TableState {
    entries: Arena<Entry>,
    lookup: Lookup,
    pub(crate) default: Option<Call>,
    pub(crate) default_counter: Counter,
    default_meter: Meter,
    /// For tables with idle timeouts.
    pub(super) ages: Option<Ages>,
}

impl TableState {
    pub(super) fn new(table: &Table, clock: &Arc<Clock>) -> Self {
        Self {
            entries: Arena::default(),
            lookup: Lookup::new(table),
            default: None,
            default_counter: Counter::default(),
            default_meter: Meter::default(),
            ages: table.support_timeout.then(|| Ages::new(clock.clone())),
        }
    }

    /// The entry that a packed key hits.
    #[inline]
    pub(crate) fn find(&self, key: &[u64]) -> Option<&Entry> {
        let (id, entry) = self.lookup.find(&self.entries, key)?;
        if let Some(ages) = &self.ages {
            ages.hit(id);
        }
        Some(entry)
    }

    pub(super) fn rebuild_sets(&mut self, down: &HashSet<PortNumber>) {
        for entry in self.entries.values_mut() {
            if let Target::Set(set) = &mut entry.target
                && set.given.iter().any(|action| action.watch_port.is_some())
            {
                set.rebuild(down);
            }
        }
    }

    fn insert(&mut self, table: &Table, key: PackedKey, target: Target) {
        let id = self.entries.insert(Entry {
            key,
            target,
            counter: Counter::default(),
            meter: table.meter.as_ref().map(|_| Box::default()),
            next: None,
        });
        if let Some(ages) = &mut self.ages {
            ages.start(id);
        }
        self.lookup.insert(table, &mut self.entries, id);
    }

    fn id_of(&self, key: &PackedKey) -> Option<u32> {
        self.lookup.entry_of(&self.entries, key)
    }

    /// The key of an entry as the control plane gave it, for traces.
    pub(crate) fn key_of(&self, table: &Table, entry: &Entry) -> EntryKey {
        unpack(table, &entry.key)
    }
}

/// Tables.
impl State {
    /// Fills the tables with what the program gives.
    pub(super) fn load_tables(&mut self) -> std::result::Result<(), LoadError> {
        let program = self.program.clone();
        for (table, state) in program.tables.iter().zip(&mut self.tables) {
            let invalid = |error: ControlError| LoadError::Invalid {
                at: format!("table {}", table.name),
                reason: error.to_string(),
            };
            state.default = match &table.default {
                None => None,
                Some(action) => Some(Call::of_program(&program, action).map_err(invalid)?),
            };
            for entry in table.entries.iter().flatten() {
                let key = pack(table, &entry.key).map_err(invalid)?;
                if state.id_of(&key).is_some() {
                    return Err(invalid(exists(table)));
                }
                let call = Call::of_program(&program, &entry.action).map_err(invalid)?;
                state.insert(table, key, Target::Call(call));
            }
        }
        Ok(())
    }

    pub(super) fn table_id(&self, table: &str) -> Result<usize> {
        self.table_ids
            .get(table)
            .map(|id| *id as usize)
            .ok_or_else(|| unknown("table", table))
    }

    fn info(&self, id: usize) -> TableInfo {
        let table = &self.program.tables[id];
        TableInfo {
            name: table.name.to_string(),
            key: table
                .key
                .iter()
                .map(|element| KeyInfo {
                    name: element.name.clone(),
                    match_type: element.match_type,
                    width: element.width,
                })
                .collect(),
            actions: table
                .actions
                .iter()
                .map(|action| {
                    let action = &self.program.actions[*action as usize];
                    ActionInfo {
                        name: action.name.to_string(),
                        parameters: action
                            .parameters
                            .iter()
                            .map(|parameter| ParameterInfo {
                                name: parameter.name.clone(),
                                width: parameter.width,
                            })
                            .collect(),
                    }
                })
                .collect(),
            max_size: table.max_size,
            size: self.tables[id].entries.len(),
            action_profile: match table.kind {
                TableKind::Simple => None,
                TableKind::Indirect(profile) | TableKind::WithSelector(profile) => {
                    Some(self.program.profiles[profile as usize].name.to_string())
                }
            },
            has_priority: has_priority(table),
            is_const: table.entries.is_some(),
            has_counters: table.with_counters,
            has_idle_timeouts: table.support_timeout,
            meter: table.meter.as_ref().map(|meter| {
                if meter.bytes {
                    bmv2_json::MeterType::Bytes
                } else {
                    bmv2_json::MeterType::Packets
                }
            }),
        }
    }

    /// All tables, in the order of the program. Tables that the compiler made (hidden, without
    /// key) are among them.
    pub fn tables(&self) -> Vec<TableInfo> {
        (0..self.tables.len()).map(|id| self.info(id)).collect()
    }

    /// A table.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`].
    pub fn table(&self, table: &str) -> Result<TableInfo> {
        Ok(self.info(self.table_id(table)?))
    }

    /// What an entry does, checked. Nothing is counted as used yet.
    fn target(&self, id: usize, action: &EntryAction) -> Result<Target> {
        let table = &self.program.tables[id];
        let mismatch = |reason: &str| ControlError::Invalid {
            owner: table.name.to_string(),
            reason: reason.to_owned(),
        };
        let profile = |id: u32| {
            let name = &self.program.profiles[id as usize].name;
            (&self.profiles[id as usize], &**name)
        };
        match (action, table.kind) {
            (EntryAction::Action(call), TableKind::Simple) => {
                Call::new(&self.program, &table.name, &table.actions, call).map(Target::Call)
            }
            (EntryAction::Action(_), _) => Err(mismatch(
                "the table has an action profile: an entry needs a member, group or action set",
            )),
            (_, TableKind::Simple) => Err(mismatch(
                "the table has no action profile: an entry needs an action",
            )),
            (
                EntryAction::Member(member),
                TableKind::Indirect(id) | TableKind::WithSelector(id),
            ) => {
                let (profile, name) = profile(id);
                profile.member_slot(name, *member).map(Target::Member)
            }
            (_, TableKind::Indirect(_)) => Err(mismatch(
                "the table's action profile has no selector: an entry needs a member",
            )),
            (EntryAction::Group(group), TableKind::WithSelector(id)) => {
                let (profile, name) = profile(id);
                profile.group_slot(name, *group).map(Target::Group)
            }
            (EntryAction::ActionSet(actions), TableKind::WithSelector(_)) => {
                if actions.is_empty() {
                    return Err(mismatch("an action set must not be empty"));
                }
                check_weights(&table.name, 0, actions.iter().map(|action| action.weight))?;
                let calls = actions
                    .iter()
                    .map(|action| {
                        Call::new(&self.program, &table.name, &table.actions, &action.action)
                    })
                    .collect::<Result<Vec<Call>>>()?;
                let mut set = ActionSet {
                    given: actions.clone(),
                    calls,
                    buckets: Box::new([]),
                };
                set.rebuild(&self.down);
                Ok(Target::Set(Box::new(set)))
            }
        }
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
            (Target::Call(_), _) => {}
            (Target::Member(slot), true) => profile.use_member(*slot),
            (Target::Member(slot), false) => profile.leave_member(*slot),
            (Target::Group(slot), true) => profile.use_group(*slot),
            (Target::Group(slot), false) => profile.leave_group(*slot),
            (Target::Set(set), true) => profile.set_actions += set.calls.len(),
            (Target::Set(set), false) => profile.set_actions -= set.calls.len(),
        }
    }

    fn writable(&self, id: usize) -> Result<()> {
        let table = &self.program.tables[id];
        if table.entries.is_some() {
            return Err(ControlError::Constant {
                owner: table.name.to_string(),
                what: "the list of entries",
            });
        }
        Ok(())
    }

    pub(super) fn entry_id(&self, id: usize, key: &EntryKey) -> Result<u32> {
        let table = &self.program.tables[id];
        let key = pack(table, key)?;
        self.tables[id]
            .id_of(&key)
            .ok_or_else(|| ControlError::NotFound {
                owner: table.name.to_string(),
                what: "entry with this key".to_owned(),
            })
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
        self.writable(id)?;
        let program = self.program.clone();
        let definition = &program.tables[id];
        if definition.key.is_empty() {
            return Err(ControlError::Invalid {
                owner: table.to_owned(),
                reason: "the table has no key, so it has a default action only".to_owned(),
            });
        }
        let key = pack(definition, &entry.key)?;
        if self.tables[id].id_of(&key).is_some() {
            return Err(exists(definition));
        }
        let target = self.target(id, &entry.action)?;
        if self.tables[id].entries.len() >= definition.max_size {
            return Err(ControlError::Full {
                owner: table.to_owned(),
                limit: definition.max_size,
                what: "entries",
            });
        }
        self.check_room(id, &target, 0)?;
        self.count_use(id, &target, true);
        self.tables[id].insert(definition, key, target);
        Ok(())
    }

    /// Changes the action of an entry. Its counter and meter stay.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`], and as [`State::insert_entry`].
    pub fn modify_entry(&mut self, table: &str, entry: &TableEntry) -> Result<()> {
        let id = self.table_id(table)?;
        self.writable(id)?;
        let slot = self.entry_id(id, &entry.key)?;
        let target = self.target(id, &entry.action)?;
        let freed = match self.tables[id].entries.get(slot).map(|entry| &entry.target) {
            Some(Target::Set(set)) => set.calls.len(),
            _ => 0,
        };
        self.check_room(id, &target, freed)?;
        self.count_use(id, &target, true);
        let old = match self.tables[id].entries.get_mut(slot) {
            Some(entry) => std::mem::replace(&mut entry.target, target),
            None => return Ok(()),
        };
        self.count_use(id, &old, false);
        Ok(())
    }

    /// Deletes an entry.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`], [`ControlError::Constant`].
    pub fn delete_entry(&mut self, table: &str, key: &EntryKey) -> Result<()> {
        let id = self.table_id(table)?;
        self.writable(id)?;
        let slot = self.entry_id(id, key)?;
        let program = self.program.clone();
        let state = &mut self.tables[id];
        state
            .lookup
            .remove(&program.tables[id], &mut state.entries, slot);
        let Some(entry) = state.entries.remove(slot) else {
            return Ok(());
        };
        self.count_use(id, &entry.target, false);
        Ok(())
    }

    fn to_control(&self, id: usize, entry: &Entry) -> TableEntry {
        let table = &self.program.tables[id];
        let profile = match table.kind {
            TableKind::Simple => None,
            TableKind::Indirect(profile) | TableKind::WithSelector(profile) => {
                Some(&self.profiles[profile as usize])
            }
        };
        // A slot that an entry uses is never empty.
        let action = match &entry.target {
            Target::Call(call) => EntryAction::Action(call.to_control(&self.program)),
            Target::Member(slot) => EntryAction::Member(
                profile
                    .and_then(|profile| profile.member_id(*slot))
                    .unwrap_or_default(),
            ),
            Target::Group(slot) => EntryAction::Group(
                profile
                    .and_then(|profile| profile.group_id(*slot))
                    .unwrap_or_default(),
            ),
            Target::Set(set) => EntryAction::ActionSet(set.given.clone()),
        };
        TableEntry {
            key: unpack(table, &entry.key),
            action,
        }
    }

    /// An entry by its key.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`], and what is wrong with the key.
    pub fn entry(&self, table: &str, key: &EntryKey) -> Result<TableEntry> {
        let id = self.table_id(table)?;
        let slot = self.entry_id(id, key)?;
        match self.tables[id].entries.get(slot) {
            Some(entry) => Ok(self.to_control(id, entry)),
            None => Err(unknown("entry of table", table)),
        }
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
            .map(|(_, entry)| self.to_control(id, entry))
            .collect())
    }

    /// Sets the default action, or with `None` sets it back to what the program says.
    ///
    /// # Errors
    ///
    /// [`ControlError::Constant`] if the program does not let it be changed or the table has an
    /// action profile (P4Runtime 1.5, section 9.1.2), and what is wrong with the action.
    pub fn set_default_action(&mut self, table: &str, action: Option<&ActionCall>) -> Result<()> {
        let id = self.table_id(table)?;
        let program = self.program.clone();
        let definition = &program.tables[id];
        let initial = match &definition.default {
            None => None,
            Some(action) => Some(Call::of_program(&program, action)?),
        };
        let Some(action) = action else {
            self.tables[id].default = initial;
            return Ok(());
        };
        let constant = |what| ControlError::Constant {
            owner: table.to_owned(),
            what,
        };
        if definition.kind != TableKind::Simple {
            return Err(constant(
                "the default action of a table with an action profile",
            ));
        }
        let call = Call::new(&program, table, &definition.actions, action)?;
        if definition.default_entry_constant {
            return Err(constant("the default action"));
        }
        if definition.default_action_constant
            && initial.is_none_or(|initial| initial.action != call.action)
        {
            return Err(constant("the action of the default entry"));
        }
        self.tables[id].default = Some(call);
        Ok(())
    }

    /// The default action; `None` if a miss does nothing.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`].
    pub fn default_action(&self, table: &str) -> Result<Option<ActionCall>> {
        let id = self.table_id(table)?;
        let default = self.tables[id].default.as_ref();
        Ok(default.map(|call| call.to_control(&self.program)))
    }

    /// The default action that the program gives.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`].
    pub fn initial_default_action(&self, table: &str) -> Result<Option<ActionCall>> {
        let id = self.table_id(table)?;
        match &self.program.tables[id].default {
            None => Ok(None),
            Some(action) => {
                let call = Call::of_program(&self.program, action)?;
                Ok(Some(call.to_control(&self.program)))
            }
        }
    }

    fn direct<'s>(
        &'s self,
        id: usize,
        entry: &EntryRef,
    ) -> Result<(&'s Counter, Option<&'s Meter>)> {
        let state = &self.tables[id];
        match entry {
            EntryRef::Default => Ok((&state.default_counter, Some(&state.default_meter))),
            EntryRef::Key(key) => {
                let slot = self.entry_id(id, key)?;
                match state.entries.get(slot) {
                    Some(entry) => Ok((&entry.counter, entry.meter.as_deref())),
                    None => Err(unknown("entry of table", &self.program.tables[id].name)),
                }
            }
        }
    }

    fn direct_counter_of(&self, table: &str, entry: &EntryRef) -> Result<&Counter> {
        let id = self.table_id(table)?;
        if !self.program.tables[id].with_counters {
            return Err(unknown("direct counter of table", table));
        }
        Ok(self.direct(id, entry)?.0)
    }

    fn direct_meter_of(&self, table: &str, entry: &EntryRef) -> Result<&Meter> {
        let id = self.table_id(table)?;
        if self.program.tables[id].meter.is_none() {
            return Err(unknown("direct meter of table", table));
        }
        let (_, meter) = self.direct(id, entry)?;
        meter.ok_or_else(|| unknown("direct meter of table", table))
    }

    /// The counter of an entry, or of the default action.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`] if the table has none, [`ControlError::NotFound`].
    pub fn direct_counter(&self, table: &str, entry: &EntryRef) -> Result<CounterValue> {
        self.direct_counter_of(table, entry).map(Counter::value)
    }

    /// Sets the counter of an entry.
    ///
    /// # Errors
    ///
    /// As [`State::direct_counter`].
    pub fn set_direct_counter(
        &mut self,
        table: &str,
        entry: &EntryRef,
        value: CounterValue,
    ) -> Result<()> {
        self.direct_counter_of(table, entry)?.set(value);
        Ok(())
    }

    /// The meter of an entry; `None` if it has no configuration, so that all packets are green.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`] if the table has none, [`ControlError::NotFound`].
    pub fn direct_meter(&self, table: &str, entry: &EntryRef) -> Result<Option<MeterConfig>> {
        self.direct_meter_of(table, entry).map(Meter::config)
    }

    /// Sets the meter of an entry. That of the default action is kept, but packets that miss are
    /// not metered, as in BMv2.
    ///
    /// # Errors
    ///
    /// As [`State::direct_meter`]; [`ControlError::Invalid`] if the committed rate is larger than
    /// the peak rate.
    pub fn set_direct_meter(
        &mut self,
        table: &str,
        entry: &EntryRef,
        config: Option<MeterConfig>,
    ) -> Result<()> {
        check_meter(table, config.as_ref())?;
        let now = self.clock.microseconds();
        self.direct_meter_of(table, entry)?.set(config, now);
        Ok(())
    }
}

fn exists(table: &Table) -> ControlError {
    ControlError::AlreadyExists {
        owner: table.name.to_string(),
        what: "entry".to_owned(),
    }
}
