//! Direct counters and meters (sections 9.1.7, 9.3.1 and 9.4.1).

use p4runtime_proto::p4::v1::{self, entity::Entity as Kind, update::Type};

use super::table_read::check_filter;
use super::{Cursor, Reader, Result, Writer, meter, modify_only};
use crate::State;
use crate::control::{CounterValue, MeterConfig, MeterCounts};
use crate::p4runtime::key::decode_key;
use crate::p4runtime::refusal::Refusal;
use crate::p4runtime::schema::{Schema, Table};
use crate::state::{Place, prepare_key};

/// What an INSERT or MODIFY does to the direct resources of an entry.
#[derive(Default)]
pub(super) struct Resources {
    /// Set the counter.
    counter: Option<CounterValue>,
    /// Set the meter, to green for all packets if the inner value is none.
    meter: Option<Option<MeterConfig>>,
    /// Set what the meter has counted.
    counts: Option<MeterCounts>,
}

impl Resources {
    /// Reads the fields of a TableEntry; `bringing_back` is for [`meter::decode_counts`].
    pub(super) fn decode(
        schema: &Schema,
        table: &Table,
        entry: &v1::TableEntry,
        bringing_back: bool,
    ) -> Result<Self> {
        let counter = match (&entry.counter_data, table.direct_counter) {
            (Some(_), None) => {
                return Err(Refusal::invalid_argument("the table has no direct counter"));
            }
            (Some(data), Some(_)) => Some(decode_counter(data)?),
            (None, _) => None,
        };
        let meter = match (&entry.meter_config, table.direct_meter) {
            (Some(_), None) => {
                return Err(Refusal::invalid_argument("the table has no direct meter"));
            }
            (config, Some(id)) => {
                let marker = schema.direct_meters.get(&id).map(|meter| meter.marker);
                let config = config
                    .as_ref()
                    .map(|config| meter::decode_meter(marker.unwrap_or_default(), config));
                Some(config.transpose()?)
            }
            (None, None) => None,
        };
        let counts = match (&entry.meter_counter_data, table.direct_meter) {
            (Some(_), None) => {
                return Err(Refusal::invalid_argument("the table has no direct meter"));
            }
            (Some(data), Some(_)) => Some(meter::decode_counts(data, bringing_back)?),
            (None, _) => None,
        };
        Ok(Self {
            counter,
            meter,
            counts,
        })
    }

    /// Back to what an entry has at first.
    pub(super) fn reset(table: &Table) -> Self {
        Self {
            counter: table.direct_counter.map(|_| CounterValue::default()),
            meter: table.direct_meter.map(|_| None),
            counts: table.direct_meter.map(|_| MeterCounts::default()),
        }
    }

    /// Writes them, and gives what they were before.
    pub(super) fn write(self, state: &mut State, table: &Table, place: Place) -> Result<Self> {
        let mut before = Self::default();
        if let Some(value) = self.counter {
            before.counter = Some(state.counter_at(table.index, place)?);
            state.set_counter_at(table.index, place, value)?;
        }
        if let Some(config) = self.meter {
            before.meter = Some(state.meter_at(table.index, place)?);
            state.set_meter_at(table.index, place, config)?;
        }
        if let Some(counts) = self.counts {
            before.counts = Some(state.meter_counts_at(table.index, place)?);
            state.set_meter_counts_at(table.index, place, counts)?;
        }
        Ok(before)
    }
}

impl<'a> Writer<'_, 'a> {
    pub(super) fn write_direct_counter(
        &mut self,
        operation: Type,
        counter: &v1::DirectCounterEntry,
    ) -> Result<()> {
        modify_only(operation, "DirectCounterEntry")?;
        let (table, place) = self.entry_of(counter.table_entry.as_ref())?;
        table
            .direct_counter
            .ok_or_else(|| Refusal::invalid_argument("the table has no direct counter"))
            .and_then(|_| match &counter.data {
                Some(data) => {
                    let value = decode_counter(data)?;
                    Ok(self.state.set_counter_at(table.index, place, value)?)
                }
                // Section 9.3.1: the counter is not modified.
                None => Ok(()),
            })
            .map_err(|refusal| refusal.at(&table.object))
    }

    pub(super) fn write_direct_meter(
        &mut self,
        operation: Type,
        given: &v1::DirectMeterEntry,
    ) -> Result<()> {
        modify_only(operation, "DirectMeterEntry")?;
        let (table, place) = self.entry_of(given.table_entry.as_ref())?;
        let direct = table
            .direct_meter
            .and_then(|id| self.schema.direct_meters.get(&id));
        direct
            .ok_or_else(|| Refusal::invalid_argument("the table has no direct meter"))
            .and_then(|direct| {
                let config = (given.config.as_ref())
                    .map(|config| meter::decode_meter(direct.marker, config))
                    .transpose()?;
                let counts = (given.counter_data.as_ref())
                    .map(|data| meter::decode_counts(data, self.bringing_back))
                    .transpose()?;
                self.state.set_meter_at(table.index, place, config)?;
                // Section 9.4.1: unset, they are left untouched.
                if let Some(counts) = counts {
                    self.state.set_meter_counts_at(table.index, place, counts)?;
                }
                Ok(())
            })
            .map_err(|refusal| refusal.at(&table.object))
    }

    /// The entry that a write request names, which must be there.
    fn entry_of(&self, entry: Option<&v1::TableEntry>) -> Result<(&'a Table, Place)> {
        let schema = self.schema;
        let entry = entry.ok_or_else(no_table_entry)?;
        let table = schema.table(entry.table_id)?;
        if entry.is_default_action {
            return Ok((table, None));
        }
        let slot = decode_key(table, &entry.r#match, entry.priority).and_then(|key| {
            let key = prepare_key(&self.state.program, table.index, &key)?;
            Ok(self.state.slot(table.index, &key)?)
        });
        match slot {
            Ok(slot) => Ok((table, Some(slot))),
            Err(refusal) => Err(refusal.at(&table.object)),
        }
    }
}

impl Reader<'_> {
    /// Reads a part of the direct counters that a request asks for.
    pub(super) fn read_direct_counters(
        &self,
        filter: &v1::DirectCounterEntry,
        from: Cursor,
        out: &mut Vec<Kind>,
    ) -> Result<Option<Cursor>> {
        let wanted = v1::TableEntry {
            counter_data: Some(v1::CounterData::default()),
            ..key_of(filter.table_entry.as_ref())?
        };
        let has = |table: &Table| table.direct_counter.is_some();
        self.read_direct(&wanted, from, has, |mut entry| {
            let data = entry.counter_data.take();
            out.push(Kind::DirectCounterEntry(v1::DirectCounterEntry {
                table_entry: Some(entry),
                data,
            }));
        })
    }

    /// Reads a part of the direct meters that a request asks for.
    pub(super) fn read_direct_meters(
        &self,
        filter: &v1::DirectMeterEntry,
        from: Cursor,
        out: &mut Vec<Kind>,
    ) -> Result<Option<Cursor>> {
        let wanted = v1::TableEntry {
            meter_config: Some(v1::MeterConfig::default()),
            // Section 9.4.1: where the request has them set.
            meter_counter_data: filter.counter_data,
            ..key_of(filter.table_entry.as_ref())?
        };
        let has = |table: &Table| table.direct_meter.is_some();
        self.read_direct(&wanted, from, has, |mut entry| {
            let (config, counter_data) =
                (entry.meter_config.take(), entry.meter_counter_data.take());
            out.push(Kind::DirectMeterEntry(v1::DirectMeterEntry {
                table_entry: Some(entry),
                config,
                counter_data,
            }));
        })
    }

    /// Reads the entries that `wanted` selects, of the tables that have the resource, and gives
    /// each with its key and the resource only.
    fn read_direct(
        &self,
        wanted: &v1::TableEntry,
        from: Cursor,
        has: impl Fn(&Table) -> bool,
        mut found: impl FnMut(v1::TableEntry),
    ) -> Result<Option<Cursor>> {
        let mut entries = Vec::new();
        let next = if wanted.r#match.is_empty() {
            match self.table_at(wanted, from, has)? {
                Some(table) => {
                    check_filter(table, wanted).map_err(|refusal| refusal.at(&table.object))?;
                    self.read_part_of(table, wanted, from, &mut entries)?
                }
                None => None,
            }
        } else {
            self.read_table_entries(wanted, &mut entries)?;
            // Sections 9.3.1 and 9.4.1: an entry that is named must be there.
            if entries.is_empty() {
                let table = self.schema.table(wanted.table_id)?;
                return Err(
                    Refusal::not_found("there is no entry with this match and priority")
                        .at(&table.object),
                );
            }
            None
        };
        for entry in entries {
            if let Kind::TableEntry(mut entry) = entry {
                entry.action = None;
                entry.metadata.clear();
                found(entry);
            }
        }
        Ok(next)
    }
}

/// The key part of the TableEntry that a read request names.
fn key_of(entry: Option<&v1::TableEntry>) -> Result<v1::TableEntry> {
    let entry = entry.ok_or_else(no_table_entry)?;
    Ok(v1::TableEntry {
        table_id: entry.table_id,
        r#match: entry.r#match.clone(),
        priority: entry.priority,
        is_default_action: entry.is_default_action,
        ..Default::default()
    })
}

fn no_table_entry() -> Refusal {
    Refusal::invalid_argument("the table entry is not set")
}

/// A counter that a client sets.
pub(super) fn decode_counter(data: &v1::CounterData) -> Result<CounterValue> {
    match (
        u64::try_from(data.packet_count),
        u64::try_from(data.byte_count),
    ) {
        (Ok(packets), Ok(bytes)) => Ok(CounterValue { packets, bytes }),
        _ => Err(Refusal::invalid_argument("a counter cannot be negative")),
    }
}

/// A counter for a client. Counts beyond an int64 stay at its end.
pub(super) fn encode_counter(value: CounterValue) -> v1::CounterData {
    v1::CounterData {
        byte_count: i64::try_from(value.bytes).unwrap_or(i64::MAX),
        packet_count: i64::try_from(value.packets).unwrap_or(i64::MAX),
    }
}
