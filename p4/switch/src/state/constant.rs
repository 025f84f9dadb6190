//! Entries that the program gives: whether they stay (P4Runtime 1.5, sections 9.1.4 and 9.1.5).

use super::{Result, State};

impl State {
    /// The entries that the program gives to a table are only its first ones: they can be changed
    /// and deleted, but for those that are constant themselves, and others inserted. The BMv2 JSON
    /// cannot say that.
    pub(crate) fn set_preinitialized(&mut self, id: usize) {
        self.tables[id].constant = false;
    }

    /// Whether the entry in a slot comes from the program and stays.
    pub(crate) fn is_constant(&self, id: usize, slot: u32) -> bool {
        let table = &self.tables[id];
        table.constant || table.constant_slots.contains(&slot)
    }

    /// Takes all entries out of a table that are not constant.
    ///
    /// # Errors
    ///
    /// None that can be: those of [`State::delete_entry`].
    pub(crate) fn clear(&mut self, id: usize) -> Result<()> {
        for slot in 0..self.slots(id) {
            // Slots are numbers of 32 bits.
            let slot = u32::try_from(slot).unwrap_or(u32::MAX);
            if self.tables[id].entry(slot).is_some() && !self.is_constant(id, slot) {
                self.remove(id, slot)?;
            }
        }
        Ok(())
    }
}
