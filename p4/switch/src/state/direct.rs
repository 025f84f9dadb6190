//! What belongs to an entry of a table: direct counter, direct meter and idle time.

use std::time::Duration;

use super::arrays::Counter;
use super::meter::{Meter, check_meter};
use super::table::Entry;
use super::{Result, State, unknown};
use crate::control::{CounterValue, EntryRef, MeterConfig, MeterCounts};

/// Where the counter and meter of a table are: the slot of an entry, or `None` for those of the
/// default entry.
pub(crate) type Place = Option<u32>;

impl State {
    fn place(&self, id: usize, entry: &EntryRef) -> Result<Place> {
        match entry {
            EntryRef::Default => Ok(None),
            EntryRef::Key(key) => self.entry_id(id, key).map(Some),
        }
    }

    fn entry_in(&self, id: usize, slot: u32) -> Result<&Entry> {
        let entry = self.tables[id].entries.get(slot);
        entry.ok_or_else(|| unknown("entry of table", &self.program.tables[id].name))
    }

    fn counter_in(&self, id: usize, place: Place) -> Result<&Counter> {
        let table = &self.program.tables[id];
        if !table.with_counters {
            return Err(unknown("direct counter of table", &table.name));
        }
        if let Some(slot) = place {
            self.entry_in(id, slot)?;
        }
        self.tables[id]
            .counter(place)
            .ok_or_else(|| unknown("entry of table", &table.name))
    }

    fn meter_in(&self, id: usize, place: Place) -> Result<&Meter> {
        let table = &self.program.tables[id];
        if table.meter.is_none() {
            return Err(unknown("direct meter of table", &table.name));
        }
        let meter = self.tables[id].meter(place);
        meter.ok_or_else(|| unknown("entry of table", &table.name))
    }

    /// As [`State::direct_counter`].
    pub(crate) fn counter_at(&self, id: usize, place: Place) -> Result<CounterValue> {
        self.counter_in(id, place).map(Counter::value)
    }

    /// As [`State::set_direct_counter`].
    pub(crate) fn set_counter_at(
        &mut self,
        id: usize,
        place: Place,
        value: CounterValue,
    ) -> Result<()> {
        self.counter_in(id, place)?.set(value);
        Ok(())
    }

    /// As [`State::direct_meter`].
    pub(crate) fn meter_at(&self, id: usize, place: Place) -> Result<Option<MeterConfig>> {
        self.meter_in(id, place).map(Meter::config)
    }

    /// As [`State::set_direct_meter`].
    pub(crate) fn set_meter_at(
        &mut self,
        id: usize,
        place: Place,
        config: Option<MeterConfig>,
    ) -> Result<()> {
        check_meter(&self.program.tables[id].name, config.as_ref())?;
        let now = self.microseconds();
        self.meter_in(id, place)?.set(config, now);
        Ok(())
    }

    /// What the meter of an entry has counted.
    ///
    /// # Errors
    ///
    /// As [`State::direct_meter`].
    pub(crate) fn meter_counts_at(&self, id: usize, place: Place) -> Result<MeterCounts> {
        self.meter_in(id, place).map(Meter::counts)
    }

    /// Sets what the meter of an entry has counted.
    ///
    /// # Errors
    ///
    /// As [`State::direct_meter`].
    pub(crate) fn set_meter_counts_at(
        &mut self,
        id: usize,
        place: Place,
        counts: MeterCounts,
    ) -> Result<()> {
        self.meter_in(id, place)?.set_counts(counts);
        Ok(())
    }

    /// How long no packet has hit the entry in a slot, or since when it is there.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`] if the table has no idle timeouts.
    pub(crate) fn idle_at(&self, id: usize, slot: u32) -> Result<Duration> {
        let ages = self.tables[id].ages.as_ref();
        let ages =
            ages.ok_or_else(|| unknown("idle timeout of table", &self.program.tables[id].name))?;
        Ok(ages.idle(slot))
    }

    /// The counter of an entry, or of the default action.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`] if the table has none, [`ControlError::NotFound`].
    pub fn direct_counter(&self, table: &str, entry: &EntryRef) -> Result<CounterValue> {
        let id = self.table_id(table)?;
        self.counter_at(id, self.place(id, entry)?)
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
        let id = self.table_id(table)?;
        self.set_counter_at(id, self.place(id, entry)?, value)
    }

    /// The meter of an entry; `None` if it has no configuration, so that all packets are green.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`] if the table has none, [`ControlError::NotFound`].
    pub fn direct_meter(&self, table: &str, entry: &EntryRef) -> Result<Option<MeterConfig>> {
        let id = self.table_id(table)?;
        self.meter_at(id, self.place(id, entry)?)
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
        let id = self.table_id(table)?;
        self.set_meter_at(id, self.place(id, entry)?, config)
    }
}
