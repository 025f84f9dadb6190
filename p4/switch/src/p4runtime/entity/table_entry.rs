//! Table entries and default entries (section 9.1).

use p4runtime_proto::p4::config::v1::table::IdleTimeoutBehavior;
use p4runtime_proto::p4::v1::{self, entity::Entity as Kind, table_action, update::Type};

use super::{EntryNote, Reader, Result, Writer, direct, idle};
use crate::control::{ControlError, EntryAction, EntryKey, EntryRef, TableEntry};
use crate::p4runtime::action::{self, Use};
use crate::p4runtime::key::{decode_key, decode_matches, encode_matches};
use crate::p4runtime::refusal::Refusal;
use crate::p4runtime::schema::Table;

impl Writer<'_> {
    pub(super) fn write_table_entry(
        &mut self,
        operation: Type,
        entry: &v1::TableEntry,
    ) -> Result<()> {
        let table = self.schema.table(entry.table_id)?;
        let result = if entry.is_const {
            Err(Refusal::invalid_argument("is_const cannot be written"))
        } else if entry.is_default_action {
            self.write_default(operation, table, entry)
        } else {
            match operation {
                Type::Insert => self.insert(table, entry),
                Type::Modify => self.modify(table, entry),
                Type::Delete => self.delete(table, entry),
                Type::Unspecified => Ok(()), // Refused before.
            }
        };
        result.map_err(|refusal| refusal.at(&table.object))
    }

    fn insert(&mut self, table: &Table, entry: &v1::TableEntry) -> Result<()> {
        if table.key.is_empty() {
            return Err(Refusal::invalid_argument(
                "the table has no key, so it has its default entry only",
            ));
        }
        refuse_const(table)?;
        let key = decode_key(table, &entry.r#match, entry.priority)?;
        check_times(table, entry)?;
        let resources = direct::Resources::decode(self.schema, table, entry)?;
        let action = entry
            .action
            .as_ref()
            .ok_or_else(|| Refusal::invalid_argument("an INSERT needs the action"))?;
        let (action, action_set) = self.decode_action(table, action)?;
        let name = &table.object.name;
        let held = TableEntry { key, action };
        self.state.insert_entry(name, &held)?;
        let entry_ref = EntryRef::Key(held.key);
        resources.write(self.state, name, &entry_ref)?;
        self.note_entry(table, entry_ref, entry, action_set);
        Ok(())
    }

    fn modify(&mut self, table: &Table, entry: &v1::TableEntry) -> Result<()> {
        let key = decode_key(table, &entry.r#match, entry.priority)?;
        check_times(table, entry)?;
        if table.is_const
            && (entry.action.is_some()
                || !entry.metadata.is_empty()
                || entry.idle_timeout_ns != 0
                || controller_metadata(entry) != 0)
        {
            return Err(Refusal::permission_denied(
                "the table is constant: only the counters and meters of its entries can be \
                 modified, and no action may be given",
            ));
        }
        let resources = direct::Resources::decode(self.schema, table, entry)?;
        let name = &table.object.name;
        let old = self.state.entry(name, &key)?;
        let entry_ref = EntryRef::Key(key);
        let action_set = match &entry.action {
            Some(action) => {
                let (action, action_set) = self.decode_action(table, action)?;
                let held = TableEntry {
                    key: old.key,
                    action,
                };
                self.state.modify_entry(name, &held)?;
                action_set
            }
            // Section 9.1.2: the action stays as it is.
            None => self
                .noted(table, &entry_ref)
                .and_then(|note| note.action_set.clone()),
        };
        resources.write(self.state, name, &entry_ref)?;
        self.note_entry(table, entry_ref, entry, action_set);
        Ok(())
    }

    fn delete(&mut self, table: &Table, entry: &v1::TableEntry) -> Result<()> {
        refuse_const(table)?;
        let key = decode_key(table, &entry.r#match, entry.priority)?;
        self.state.delete_entry(&table.object.name, &key)?;
        self.note(table, EntryRef::Key(key), EntryNote::default());
        Ok(())
    }

    /// Section 9.1.3.
    fn write_default(
        &mut self,
        operation: Type,
        table: &Table,
        entry: &v1::TableEntry,
    ) -> Result<()> {
        if operation != Type::Modify {
            return Err(Refusal::invalid_argument(
                "the default entry is always there: it can be modified, not inserted or deleted",
            ));
        }
        if !entry.r#match.is_empty() || entry.priority != 0 {
            return Err(Refusal::invalid_argument(
                "the default entry has neither match nor priority",
            ));
        }
        if entry.idle_timeout_ns != 0 || entry.time_since_last_hit.is_some() {
            return Err(Refusal::invalid_argument(
                "the default entry has no idle timeout",
            ));
        }
        if table.profile.is_some() {
            return Err(Refusal::permission_denied(
                "the default action of a table with an action profile is constant: NoAction",
            ));
        }
        if table.const_default {
            return Err(Refusal::permission_denied("the default action is constant"));
        }
        let resources = direct::Resources::decode(self.schema, table, entry)?;
        let name = &table.object.name;
        match &entry.action {
            Some(given) => {
                let Some(table_action::Type::Action(given)) = &given.r#type else {
                    return Err(Refusal::invalid_argument(
                        "the default entry of a direct table needs an action",
                    ));
                };
                let call = action::decode(self.schema, table, given, Use::Default)?;
                self.state.set_default_action(name, Some(&call))?;
                resources.write(self.state, name, &EntryRef::Default)?;
                self.note(table, EntryRef::Default, EntryNote::of(entry, None));
            }
            None => {
                self.state.set_default_action(name, None)?;
                direct::Resources::reset(table).write(self.state, name, &EntryRef::Default)?;
                self.note(table, EntryRef::Default, EntryNote::default());
            }
        }
        Ok(())
    }

    /// What an entry does, and the one-shot set as it will be read back.
    fn decode_action(
        &self,
        table: &Table,
        given: &v1::TableAction,
    ) -> Result<(EntryAction, Option<v1::ActionProfileActionSet>)> {
        let given = given
            .r#type
            .as_ref()
            .ok_or_else(|| Refusal::invalid_argument("the action is not set"))?;
        let Some(profile) = table.profile else {
            let table_action::Type::Action(given) = given else {
                return Err(Refusal::invalid_argument(
                    "the table has no action profile, so its entries have an action and no member, \
                     group or action set",
                ));
            };
            let call = action::decode(self.schema, table, given, Use::Entry)?;
            return Ok((EntryAction::Action(call), None));
        };
        let profile = self.schema.profile(profile)?;
        match given {
            table_action::Type::Action(_) => Err(Refusal::invalid_argument(format!(
                "the table has {}, so its entries have no action but a member, group or action set",
                profile.object
            ))),
            table_action::Type::ActionProfileMemberId(member) => {
                self.refuse_beside_action_sets(profile)?;
                Ok((EntryAction::Member(*member), None))
            }
            table_action::Type::ActionProfileGroupId(group) => {
                if !profile.has_selector {
                    return Err(Refusal::invalid_argument(format!(
                        "{} has no selector, so there are no groups",
                        profile.object
                    )));
                }
                self.refuse_beside_action_sets(profile)?;
                Ok((EntryAction::Group(*group), None))
            }
            table_action::Type::ActionProfileActionSet(set) => {
                let (held, written) = self.decode_action_set(table, profile, set)?;
                Ok((EntryAction::ActionSet(held), Some(written)))
            }
        }
    }

    fn noted(&self, table: &Table, entry: &EntryRef) -> Option<&EntryNote> {
        // The key is cloned only where there are notes at all.
        (!self.notes.entries.is_empty())
            .then(|| self.notes.entries.get(&(table.object.id, entry.clone())))
            .flatten()
    }

    /// Notes what the switch does not hold of an entry, and starts its timer.
    fn note_entry(
        &mut self,
        table: &Table,
        entry_ref: EntryRef,
        entry: &v1::TableEntry,
        action_set: Option<v1::ActionProfileActionSet>,
    ) {
        let mut note = EntryNote::of(entry, action_set);
        note.idle_timeout_ns = entry.idle_timeout_ns;
        if let EntryRef::Key(key) = &entry_ref
            && entry.idle_timeout_ns != 0
        {
            let now = self.state.microseconds();
            note.timer = self
                .notes
                .start_timer(now, table.object.id, key, entry.idle_timeout_ns);
        }
        self.note(table, entry_ref, note);
    }

    /// Notes what the switch does not hold of an entry; a default note removes what was there.
    fn note(&mut self, table: &Table, entry: EntryRef, note: EntryNote) {
        let new_set = note.action_set.is_some();
        let key = (table.object.id, entry);
        let old = if note == EntryNote::default() {
            self.notes.entries.remove(&key)
        } else {
            self.notes.entries.insert(key, note)
        };
        let old_set = old.is_some_and(|note| note.action_set.is_some());
        if let Some(profile) = table.profile {
            let sets = self.notes.action_sets.entry(profile).or_default();
            *sets = (*sets + usize::from(new_set)).saturating_sub(usize::from(old_set));
        }
    }
}

impl EntryNote {
    fn of(entry: &v1::TableEntry, action_set: Option<v1::ActionProfileActionSet>) -> Self {
        Self {
            metadata: entry.metadata.clone(),
            controller_metadata: controller_metadata(entry),
            action_set,
            ..Self::default()
        }
    }
}

/// The field that `metadata` replaced; clients may still use it.
#[allow(deprecated)]
fn controller_metadata(entry: &v1::TableEntry) -> u64 {
    entry.controller_metadata
}

fn refuse_const(table: &Table) -> Result<()> {
    if table.is_const {
        return Err(Refusal::permission_denied(
            "the table is constant: its entries come from the P4 program",
        ));
    }
    Ok(())
}

/// Section 9.1.8.
fn check_times(table: &Table, entry: &v1::TableEntry) -> Result<()> {
    if entry.time_since_last_hit.is_some() {
        return Err(Refusal::invalid_argument(
            "time_since_last_hit can only be read",
        ));
    }
    if entry.idle_timeout_ns < 0 {
        return Err(Refusal::invalid_argument(format!(
            "idle_timeout_ns {} is negative",
            entry.idle_timeout_ns
        )));
    }
    if entry.idle_timeout_ns != 0 && !has_timeouts(table) {
        return Err(no_timeouts());
    }
    Ok(())
}

fn has_timeouts(table: &Table) -> bool {
    table.idle_timeout != IdleTimeoutBehavior::NoTimeout
}

fn no_timeouts() -> Refusal {
    Refusal::invalid_argument("the table has no idle timeout (P4 property support_timeout)")
}

impl Reader<'_> {
    pub(super) fn read_table_entries(
        &self,
        filter: &v1::TableEntry,
        out: &mut Vec<Kind>,
    ) -> Result<()> {
        if filter.table_id == 0 {
            if !filter.r#match.is_empty()
                || filter.action.is_some()
                || filter.priority != 0
                || !filter.metadata.is_empty()
                || controller_metadata(filter) != 0
            {
                return Err(Refusal::invalid_argument(
                    "with table id 0 (all tables) nothing else can be filtered by",
                ));
            }
            for table in self.schema.tables.values() {
                self.read_table(table, filter, out)
                    .map_err(|refusal| refusal.at(&table.object))?;
            }
            return Ok(());
        }
        let table = self.schema.table(filter.table_id)?;
        let asks = |set: bool, has: bool, what: &str| {
            if set && !has {
                return Err(Refusal::invalid_argument(format!(
                    "the table has no {what}"
                )));
            }
            Ok(())
        };
        asks(
            filter.counter_data.is_some(),
            table.direct_counter.is_some(),
            "direct counter",
        )
        .and_then(|()| {
            let meter = filter.meter_config.is_some() || filter.meter_counter_data.is_some();
            asks(meter, table.direct_meter.is_some(), "direct meter")
        })
        .and_then(|()| match filter.meter_counter_data {
            Some(_) => Err(direct::no_meter_counters()),
            None => Ok(()),
        })
        .and_then(|()| match filter.time_since_last_hit {
            Some(_) if filter.is_default_action => Err(Refusal::invalid_argument(
                "the default entry has no idle timeout",
            )),
            Some(_) if !has_timeouts(table) => Err(no_timeouts()),
            _ => Ok(()),
        })
        .and_then(|()| self.read_table(table, filter, out))
        .map_err(|refusal| refusal.at(&table.object))
    }

    fn read_table(
        &self,
        table: &Table,
        filter: &v1::TableEntry,
        out: &mut Vec<Kind>,
    ) -> Result<()> {
        if filter.is_default_action {
            let entry = self.default_entry(table, filter)?;
            if matches_filter(&entry, filter) {
                out.push(Kind::TableEntry(entry));
            }
            return Ok(());
        }
        for held in self.find(table, filter)? {
            let entry = self.encode(table, &held, filter)?;
            if matches_filter(&entry, filter) {
                out.push(Kind::TableEntry(entry));
            }
        }
        Ok(())
    }

    /// The entries that the match and priority of a request select: one if they are complete.
    pub(super) fn find(&self, table: &Table, filter: &v1::TableEntry) -> Result<Vec<TableEntry>> {
        let name = &table.object.name;
        if filter.r#match.is_empty() {
            let mut held = self.state.entries(name)?;
            if filter.priority != 0 {
                held.retain(|entry| i64::from(entry.key.priority) == i64::from(filter.priority));
            }
            return Ok(held);
        }
        if table.has_priority() && filter.priority == 0 {
            let matches = decode_matches(&table.key, &filter.r#match)?;
            let matches = encode_matches(&table.key, &matches);
            let mut held = self.state.entries(name)?;
            held.retain(|entry| encode_matches(&table.key, &entry.key.matches) == matches);
            return Ok(held);
        }
        let key = decode_key(table, &filter.r#match, filter.priority)?;
        match self.state.entry(name, &key) {
            Ok(held) => Ok(vec![held]),
            Err(ControlError::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// The entry of a key.
    pub(super) fn one(
        &self,
        table: &Table,
        key: &EntryKey,
        wanted: &v1::TableEntry,
    ) -> Result<v1::TableEntry> {
        let held = self.state.entry(&table.object.name, key)?;
        self.encode(table, &held, wanted)
    }

    fn encode(
        &self,
        table: &Table,
        held: &TableEntry,
        wanted: &v1::TableEntry,
    ) -> Result<v1::TableEntry> {
        let entry_ref = EntryRef::Key(held.key.clone());
        let note = self.noted(table, &entry_ref);
        let action = match (&held.action, &note.action_set) {
            (_, Some(set)) => table_action::Type::ActionProfileActionSet(set.clone()),
            (EntryAction::Action(call), _) => {
                table_action::Type::Action(action::encode(self.schema, call)?)
            }
            (EntryAction::Member(id), _) => table_action::Type::ActionProfileMemberId(*id),
            (EntryAction::Group(id), _) => table_action::Type::ActionProfileGroupId(*id),
            (EntryAction::ActionSet(set), None) => table_action::Type::ActionProfileActionSet(
                super::action_profile::encode_action_set(self.schema, set)?,
            ),
        };
        let mut entry = v1::TableEntry {
            table_id: table.object.id,
            r#match: encode_matches(&table.key, &held.key.matches),
            action: Some(v1::TableAction {
                r#type: Some(action),
            }),
            // Priorities came as positive int32, or from the program, which has fewer.
            priority: i32::try_from(held.key.priority).unwrap_or(i32::MAX),
            is_const: table.is_const,
            ..note.message()
        };
        if wanted.time_since_last_hit.is_some() && has_timeouts(table) {
            let idle = self.state.idle_time(&table.object.name, &held.key)?;
            entry.time_since_last_hit = Some(idle::elapsed(idle));
        }
        self.add_resources(table, &entry_ref, wanted, &mut entry)?;
        Ok(entry)
    }

    /// The default entry of a table, as it stands.
    pub(super) fn default_entry(
        &self,
        table: &Table,
        wanted: &v1::TableEntry,
    ) -> Result<v1::TableEntry> {
        let note = self.noted(table, &EntryRef::Default);
        let call = self.state.default_action(&table.object.name)?;
        let action = match call {
            Some(call) => Some(action::encode(self.schema, &call)?),
            // What p4c leaves out of the JSON, as for tables with action profile, is the default
            // action that P4Info knows: NoAction, which has no parameters.
            None => table.initial_default_action.map(|action_id| v1::Action {
                action_id,
                params: Vec::new(),
            }),
        };
        let mut entry = v1::TableEntry {
            table_id: table.object.id,
            action: action.map(|action| v1::TableAction {
                r#type: Some(table_action::Type::Action(action)),
            }),
            is_default_action: true,
            is_const: table.const_default || table.profile.is_some(),
            ..note.message()
        };
        self.add_resources(table, &EntryRef::Default, wanted, &mut entry)?;
        Ok(entry)
    }

    fn noted(&self, table: &Table, entry: &EntryRef) -> EntryNote {
        if self.notes.entries.is_empty() {
            return EntryNote::default();
        }
        let key = (table.object.id, entry.clone());
        self.notes.entries.get(&key).cloned().unwrap_or_default()
    }

    /// Adds counter and meter where the request has these fields set (section 9.1.7).
    fn add_resources(
        &self,
        table: &Table,
        held: &EntryRef,
        wanted: &v1::TableEntry,
        entry: &mut v1::TableEntry,
    ) -> Result<()> {
        if wanted.counter_data.is_some() && table.direct_counter.is_some() {
            entry.counter_data = Some(direct::read_counter(self.state, table, held)?);
        }
        if wanted.meter_config.is_some() && table.direct_meter.is_some() {
            entry.meter_config = direct::read_meter(self.state, table, held)?;
        }
        Ok(())
    }
}

impl EntryNote {
    #[allow(deprecated)] // Clients may still use controller_metadata.
    fn message(&self) -> v1::TableEntry {
        v1::TableEntry {
            metadata: self.metadata.clone(),
            controller_metadata: self.controller_metadata,
            idle_timeout_ns: self.idle_timeout_ns,
            ..Default::default()
        }
    }
}

/// Section 9.1.6: the filters that do not select by key.
fn matches_filter(entry: &v1::TableEntry, filter: &v1::TableEntry) -> bool {
    let action_id = |action: &Option<v1::TableAction>| match action {
        Some(v1::TableAction {
            r#type: Some(table_action::Type::Action(action)),
        }) => action.action_id,
        _ => 0,
    };
    let wanted = action_id(&filter.action);
    (wanted == 0 || wanted == action_id(&entry.action))
        && (filter.metadata.is_empty() || filter.metadata == entry.metadata)
        && (controller_metadata(filter) == 0
            || controller_metadata(filter) == controller_metadata(entry))
}
