//! Reading table entries and default entries (sections 9.1.6 to 9.1.8).

use p4runtime_proto::p4::v1::{self, entity::Entity as Kind, table_action};

use super::note::controller_metadata;
use super::prepare::{has_timeouts, no_timeouts};
use super::{Cursor, PART, Reader, Result, all_parts, direct, idle, meter, one_shot};
use crate::control::{ControlError, EntryAction, TableEntry};
use crate::p4runtime::action;
use crate::p4runtime::key::{decode_key, decode_matches, encode_matches};
use crate::p4runtime::refusal::Refusal;
use crate::p4runtime::schema::Table;
use crate::state::{Place, prepare_key};

impl Reader<'_> {
    /// Reads all entries that a request asks for.
    pub(super) fn read_table_entries(
        &self,
        filter: &v1::TableEntry,
        out: &mut Vec<Kind>,
    ) -> Result<()> {
        all_parts(|from| self.read_table_part(filter, from, out))
    }

    /// Reads a part of the entries that a request asks for, and gives where the next one starts.
    pub(super) fn read_table_part(
        &self,
        filter: &v1::TableEntry,
        from: Cursor,
        out: &mut Vec<Kind>,
    ) -> Result<Option<Cursor>> {
        if filter.table_id == 0 {
            check_filter_of_all(filter)?;
        }
        let Some(table) = self.table_at(filter, from, |_| true)? else {
            return Ok(None);
        };
        if filter.table_id != 0 {
            check_filter(table, filter).map_err(|refusal| refusal.at(&table.object))?;
        }
        self.read_part_of(table, filter, from, out)
    }

    /// The table that a part of a read starts in, of those that `has` is true for.
    pub(super) fn table_at(
        &self,
        filter: &v1::TableEntry,
        from: Cursor,
        has: impl Fn(&Table) -> bool,
    ) -> Result<Option<&Table>> {
        if filter.table_id != 0 {
            return self.schema.table(filter.table_id).map(Some);
        }
        let mut tables = self.schema.tables.range(from.object..);
        let table = tables.find(|(_, table)| has(table));
        Ok(table.map(|(_, table)| table))
    }

    /// Reads entries of a table, up to [`PART`] slots of it.
    pub(super) fn read_part_of(
        &self,
        table: &Table,
        filter: &v1::TableEntry,
        from: Cursor,
        out: &mut Vec<Kind>,
    ) -> Result<Option<Cursor>> {
        let next = if filter.is_default_action {
            self.read_default(table, filter, out).map(|()| None)
        } else if filter.r#match.is_empty() || (table.has_priority() && filter.priority == 0) {
            self.read_slots(table, filter, from.cell, out)
        } else {
            self.read_one(table, filter, out).map(|()| None)
        };
        let object = table.object.id;
        Ok(match next.map_err(|refusal| refusal.at(&table.object))? {
            Some(cell) => Some(Cursor { object, cell }),
            None if filter.table_id == 0 => Cursor::after(object),
            None => None,
        })
    }

    fn read_default(
        &self,
        table: &Table,
        filter: &v1::TableEntry,
        out: &mut Vec<Kind>,
    ) -> Result<()> {
        let entry = self.default_entry(table, filter)?;
        if matches_filter(&entry, filter) {
            out.push(Kind::TableEntry(entry));
        }
        Ok(())
    }

    /// The entry of a complete key.
    fn read_one(&self, table: &Table, filter: &v1::TableEntry, out: &mut Vec<Kind>) -> Result<()> {
        let key = decode_key(table, &filter.r#match, filter.priority)?;
        let key = prepare_key(&self.state.program, table.index, &key)?;
        let slot = match self.state.slot(table.index, &key) {
            Ok(slot) => slot,
            Err(ControlError::NotFound { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if let Some(held) = self.state.entry_at(table.index, slot) {
            let entry = self.encode(table, slot, &held, filter)?;
            if matches_filter(&entry, filter) {
                out.push(Kind::TableEntry(entry));
            }
        }
        Ok(())
    }

    /// Looks at slots from `start` on; gives the slot to go on with.
    fn read_slots(
        &self,
        table: &Table,
        filter: &v1::TableEntry,
        start: usize,
        out: &mut Vec<Kind>,
    ) -> Result<Option<usize>> {
        let matches = match &filter.r#match[..] {
            [] => None,
            given => Some(encode_matches(
                &table.key,
                &decode_matches(&table.key, given)?,
            )),
        };
        let slots = self.state.slots(table.index);
        let end = slots.min(start.saturating_add(PART));
        for slot in start..end {
            // Slots are numbers of 32 bits.
            let slot = u32::try_from(slot).unwrap_or(u32::MAX);
            let Some(held) = self.state.entry_at(table.index, slot) else {
                continue;
            };
            if filter.priority != 0 && i64::from(held.key.priority) != i64::from(filter.priority) {
                continue;
            }
            let entry = self.encode(table, slot, &held, filter)?;
            let same = matches.as_ref().is_none_or(|given| entry.r#match == *given);
            if same && matches_filter(&entry, filter) {
                out.push(Kind::TableEntry(entry));
            }
        }
        Ok((end < slots).then_some(end))
    }

    /// The message of the entry in a slot.
    pub(super) fn entry_in(
        &self,
        table: &Table,
        slot: u32,
        wanted: &v1::TableEntry,
    ) -> Result<v1::TableEntry> {
        let held = self.state.entry_at(table.index, slot);
        let held = held
            .ok_or_else(|| Refusal::internal(format!("slot {slot} is empty")).at(&table.object))?;
        self.encode(table, slot, &held, wanted)
    }

    fn encode(
        &self,
        table: &Table,
        slot: u32,
        held: &TableEntry,
        wanted: &v1::TableEntry,
    ) -> Result<v1::TableEntry> {
        let note = self.notes.entry(table, Some(slot));
        let set = note.and_then(|note| note.action_set.as_deref());
        let action = match (&held.action, set) {
            (_, Some(set)) => table_action::Type::ActionProfileActionSet(set.clone()),
            (EntryAction::Action(call), _) => {
                table_action::Type::Action(action::encode(self.schema, call)?)
            }
            (EntryAction::Member(id), _) => table_action::Type::ActionProfileMemberId(*id),
            (EntryAction::Group(id), _) => table_action::Type::ActionProfileGroupId(*id),
            (EntryAction::ActionSet(set), None) => table_action::Type::ActionProfileActionSet(
                one_shot::encode_action_set(self.schema, set)?,
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
            is_const: table.is_const || self.state.is_constant(table.index, slot),
            ..Default::default()
        };
        if let Some(note) = note {
            note.add_to(&mut entry);
        }
        if wanted.time_since_last_hit.is_some() && has_timeouts(table) {
            let idle = self.state.idle_at(table.index, slot)?;
            entry.time_since_last_hit = Some(idle::elapsed(idle));
        }
        self.add_resources(table, Some(slot), wanted, &mut entry)?;
        Ok(entry)
    }

    /// The default entry of a table, as it stands.
    pub(super) fn default_entry(
        &self,
        table: &Table,
        wanted: &v1::TableEntry,
    ) -> Result<v1::TableEntry> {
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
            ..Default::default()
        };
        if let Some(note) = self.notes.entry(table, None) {
            note.add_to(&mut entry);
        }
        self.add_resources(table, None, wanted, &mut entry)?;
        Ok(entry)
    }

    /// Adds counter and meter where the request has these fields set (section 9.1.7).
    fn add_resources(
        &self,
        table: &Table,
        place: Place,
        wanted: &v1::TableEntry,
        entry: &mut v1::TableEntry,
    ) -> Result<()> {
        if wanted.counter_data.is_some() && table.direct_counter.is_some() {
            let value = self.state.counter_at(table.index, place)?;
            entry.counter_data = Some(direct::encode_counter(value));
        }
        if wanted.meter_config.is_some() && table.direct_meter.is_some() {
            let config = self.state.meter_at(table.index, place)?;
            entry.meter_config = config.as_ref().map(meter::encode_meter);
        }
        if wanted.meter_counter_data.is_some() && table.direct_meter.is_some() {
            let counts = self.state.meter_counts_at(table.index, place)?;
            entry.meter_counter_data = Some(meter::encode_counts(counts));
        }
        Ok(())
    }
}

/// Section 9.1.6: what a request for the entries of all tables can filter by.
fn check_filter_of_all(filter: &v1::TableEntry) -> Result<()> {
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
    Ok(())
}

/// What a request for entries of a table can ask for.
pub(super) fn check_filter(table: &Table, filter: &v1::TableEntry) -> Result<()> {
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
    )?;
    asks(
        filter.meter_config.is_some() || filter.meter_counter_data.is_some(),
        table.direct_meter.is_some(),
        "direct meter",
    )?;
    match filter.time_since_last_hit {
        Some(_) if filter.is_default_action => Err(Refusal::invalid_argument(
            "the default entry has no idle timeout",
        )),
        Some(_) if !has_timeouts(table) => Err(no_timeouts()),
        _ => Ok(()),
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
