//! Tables: entries, default actions, direct counters and meters.

use std::collections::HashSet;
use std::sync::Arc;

use super::age::Ages;
use super::arena::Arena;
use super::arrays::Counter;
use super::entries::exists;
use super::key::{PackedKey, has_priority, pack, unpack};
use super::lookup::Lookup;
use super::lookup::lines::Probe;
use super::meter::Meter;
use super::records::{Chunks, OfSize, Records};
use super::{Result, State, unknown, word_of, words_of};
use crate::clock::Clock;
use crate::control::{
    self, ActionCall, ActionInfo, ControlError, EntryKey, KeyInfo, ParameterInfo, PortNumber,
    TableInfo,
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

/// A call, wherever it is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallRef<'a> {
    pub(crate) action: ActionId,
    /// At least as many words as the parameters of the action take.
    pub(crate) arguments: &'a [u64],
}

impl CallRef<'_> {
    pub(super) fn to_control(self, program: &Program) -> ActionCall {
        let definition = &program.actions[self.action as usize];
        let arguments = definition
            .parameters
            .iter()
            .map(|parameter| words_to_bytes(&parameter.value(self.arguments), parameter.width))
            .collect();
        ActionCall::new(&*definition.name, arguments)
    }

    pub(super) fn to_owned(self, program: &Program) -> Call {
        let words = program.actions[self.action as usize].words;
        Call {
            action: self.action,
            arguments: self.arguments[..words].into(),
        }
    }
}

impl Call {
    #[inline]
    pub(crate) fn borrow(&self) -> CallRef<'_> {
        CallRef {
            action: self.action,
            arguments: &self.arguments,
        }
    }

    pub(super) fn to_control(&self, program: &Program) -> ActionCall {
        self.borrow().to_control(program)
    }

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
        let mut words = vec![0; definition.words];
        for (parameter, argument) in definition.parameters.iter().zip(arguments) {
            let (width, owner, name) = (parameter.width, &definition.name, &parameter.name);
            let start = parameter.word as usize;
            if width <= 64 {
                words[start] |= word_of(argument, width, owner, name)? << parameter.shift;
            } else {
                let value = words_of(argument, width, owner, name)?;
                words[start..start + value.len()].copy_from_slice(&value);
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
}

/// What an entry does.
#[derive(Debug)]
pub(crate) enum Target {
    /// The action that stands in the records of the table.
    Call,
    /// Slot of a member of the profile.
    Member(u32),
    /// Slot of a group of the profile.
    Group(u32),
    Set(Box<ActionSet>),
}

/// A set of actions that belongs to one entry.
#[derive(Debug)]
pub(crate) struct ActionSet {
    pub(super) given: control::ActionSet,
    pub(super) calls: Vec<Call>,
    /// Runs before the action that is selected.
    pub(crate) group_call: Option<Call>,
    /// Indices of calls, each as often as its weight says, without those whose port is down.
    buckets: Box<[u32]>,
}

impl ActionSet {
    /// A set with the calls of its actions, in which none is up yet.
    pub(super) fn new(
        given: control::ActionSet,
        calls: Vec<Call>,
        group_call: Option<Call>,
    ) -> Self {
        Self {
            given,
            calls,
            group_call,
            buckets: Box::new([]),
        }
    }

    /// Whether the action is selected at random.
    pub(crate) fn at_random(&self) -> bool {
        self.given.at_random
    }

    /// The action that a hash, or a random number, selects; `None` if none is up.
    pub(crate) fn select(&self, hash: u64) -> Option<&Call> {
        let index = super::profile::bucket(&self.buckets, hash)?;
        self.calls.get(*index as usize)
    }

    pub(super) fn rebuild(&mut self, down: &HashSet<PortNumber>) {
        self.buckets = (0..)
            .zip(&self.given.actions)
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
    /// Only in a table with meters.
    pub(crate) meter: Option<Box<Meter>>,
    /// The next entry that matches the same bits with a lower priority.
    pub(super) next: Option<u32>,
}

/// The entries of a table.
#[derive(Debug)]
pub(crate) struct TableState {
    pub(super) entries: Arena<Entry>,
    pub(super) records: Records,
    pub(super) lookup: Lookup,
    pub(super) default_meter: Meter,
    /// The entries come from the program and stay.
    pub(super) constant: bool,
    /// Slots of single entries that stay.
    pub(super) constant_slots: HashSet<u32>,
    /// For tables with idle timeouts.
    pub(super) ages: Option<Ages>,
}

impl TableState {
    pub(super) fn new(program: &Program, table: &Table, clock: &Arc<Clock>) -> Self {
        Self {
            entries: Arena::default(),
            records: Records::new(program, table),
            lookup: Lookup::new(table),
            default_meter: Meter::default(),
            constant: table.entries.is_some(),
            constant_slots: HashSet::new(),
            ages: table.support_timeout.then(|| Ages::new(clock.clone())),
        }
    }

    /// The slot of the entry that a packed key hits.
    #[inline]
    pub(crate) fn find(&self, key: &[u64]) -> Option<u32> {
        let slot = self.lookup.find(&self.entries, key)?;
        if let Some(ages) = &self.ages {
            ages.hit(slot);
        }
        Some(slot)
    }

    /// As [`TableState::find`], for a table of exact matches with keys of one word, and without
    /// idle timeouts.
    #[inline]
    pub(crate) fn find_word(&self, key: u64) -> Option<u32> {
        self.lookup.find_word(key)
    }

    /// Where such a table has what is read first to find a key; `None` if it is another.
    #[inline]
    pub(crate) fn address(&self, key: u64) -> Option<usize> {
        self.lookup.address(key)
    }

    /// How native code finds such entries.
    pub(crate) fn probe(&self) -> Probe {
        self.lookup.probe()
    }

    /// The action of an entry, or of the default entry; `None` if there is none, or if it is that of
    /// a member, group or action set.
    #[inline]
    pub(crate) fn call(&self, slot: Option<u32>) -> Option<CallRef<'_>> {
        self.records.call(slot)
    }

    /// The counter of an entry, or of the default entry.
    #[inline]
    pub(crate) fn counter(&self, slot: Option<u32>) -> Option<&Counter> {
        self.records.counter(slot)
    }

    /// The meter of an entry, or of the default entry.
    pub(super) fn meter(&self, slot: Option<u32>) -> Option<&Meter> {
        match slot {
            None => Some(&self.default_meter),
            Some(slot) => self.entries.get(slot)?.meter.as_deref(),
        }
    }

    /// The records of a table of which the actions have at most so many words of arguments.
    #[inline]
    pub(crate) fn records<const ARGUMENTS: usize>(&self) -> Option<&Chunks<ARGUMENTS>>
    where
        Records: OfSize<ARGUMENTS>,
    {
        self.records.sized()
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// An entry by its slot.
    pub(crate) fn entry(&self, slot: u32) -> Option<&Entry> {
        self.entries.get(slot)
    }

    pub(super) fn rebuild_sets(&mut self, down: &HashSet<PortNumber>) {
        for entry in self.entries.values_mut() {
            if let Target::Set(set) = &mut entry.target
                && set
                    .given
                    .actions
                    .iter()
                    .any(|action| action.watch_port.is_some())
            {
                set.rebuild(down);
            }
        }
    }

    /// Adds an entry; `call` is for one that has an action of its own.
    pub(super) fn insert(
        &mut self,
        table: &Table,
        key: PackedKey,
        target: Target,
        call: Option<&Call>,
    ) -> u32 {
        let id = self.entries.insert(Entry {
            key,
            target,
            meter: table.meter.as_ref().map(|_| Box::default()),
            next: None,
        });
        self.records.start(id);
        self.records.set(Some(id), call);
        if let Some(ages) = &mut self.ages {
            ages.start(id);
        }
        self.lookup.insert(table, &mut self.entries, id);
        id
    }

    pub(super) fn id_of(&self, key: &PackedKey) -> Option<u32> {
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
            let default = table.default.as_ref();
            let default = default.map(|action| Call::of_program(&program, action));
            let default = default.transpose().map_err(invalid)?;
            state.records.set(None, default.as_ref());
            for entry in table.entries.iter().flatten() {
                let key = pack(table, &entry.key).map_err(invalid)?;
                if state.id_of(&key).is_some() {
                    return Err(invalid(exists(table)));
                }
                let call = Call::of_program(&program, &entry.action).map_err(invalid)?;
                let slot = state.insert(table, key, Target::Call, Some(&call));
                if entry.constant {
                    state.constant_slots.insert(slot);
                }
            }
        }
        Ok(())
    }

    /// The index of a table in the program.
    pub(crate) fn table_id(&self, table: &str) -> Result<usize> {
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
            is_const: self.tables[id].constant,
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
            self.tables[id].records.set(None, initial.as_ref());
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
        self.tables[id].records.set(None, Some(&call));
        Ok(())
    }

    /// The default action; `None` if a miss does nothing.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`].
    pub fn default_action(&self, table: &str) -> Result<Option<ActionCall>> {
        let id = self.table_id(table)?;
        let default = self.tables[id].call(None);
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
}
