//! What packets have done to a state, carried over to the next one of the same shape.

use super::direct::Place;
use super::{Result, State};

impl State {
    /// Sets the counters of an array to those of an array of another state, as far as both go.
    ///
    /// # Errors
    /// [`crate::control::ControlError::UnknownObject`].
    pub(crate) fn take_counters(&self, array: &str, before: &Self, old: &str) -> Result<()> {
        let pairs = self.counter_array(array)?.iter();
        for (new, old) in pairs.zip(before.counter_array(old)?) {
            new.set(old.value());
        }
        Ok(())
    }

    /// As [`State::take_counters`], for the tokens and counts of meters with the same
    /// configuration.
    ///
    /// # Errors
    /// [`crate::control::ControlError::UnknownObject`].
    pub(crate) fn take_meters(&self, array: &str, before: &Self, old: &str) -> Result<()> {
        let pairs = self.meter_array(array)?.iter();
        for (new, old) in pairs.zip(before.meter_array(old)?) {
            new.take(old);
        }
        Ok(())
    }

    /// As [`State::take_counters`], for registers, if they are of the same width.
    ///
    /// # Errors
    /// [`crate::control::ControlError::UnknownObject`].
    pub(crate) fn take_registers(&self, array: &str, before: &Self, old: &str) -> Result<()> {
        let new = self.register_array(array)?;
        new.take(before.register_array(old)?);
        Ok(())
    }

    /// Takes over counter, meter and time of the last hit for entries of a table: the places that
    /// they have in the other state and in this one.
    pub(crate) fn take_entries(
        &self,
        table: usize,
        before: &Self,
        old: usize,
        places: &[(Place, Place)],
    ) {
        let (new, old) = (&self.tables[table], &before.tables[old]);
        for (old_place, new_place) in places {
            if let (Some(old), Some(new)) = (old.counter(*old_place), new.counter(*new_place)) {
                new.set(old.value());
            }
            if let (Some(old), Some(new)) = (old.meter(*old_place), new.meter(*new_place)) {
                new.take(old);
            }
            if let (Some(old), Some(new)) = (&old.ages, &new.ages)
                && let (Some(old_slot), Some(new_slot)) = (old_place, new_place)
            {
                new.take(*new_slot, old, *old_slot);
            }
        }
    }
}
