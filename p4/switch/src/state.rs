//! The state of a loaded program: tables, profiles, counters, meters, registers, groups.
#![expect(
    clippy::unimplemented,
    reason = "the signatures, published before the bodies"
)]

use crate::control::*;

/// What the control plane reads and writes, for the program that is loaded.
///
/// Reached through [`crate::Switch::read`] and [`crate::Switch::write`]. All that one call of
/// `write` does takes effect for packets at once.
#[derive(Debug)]
pub struct State;

type Result<T, E = ControlError> = std::result::Result<T, E>;

/// Tables.
impl State {
    /// All tables, in the order of the program. Tables that the compiler made (hidden, without
    /// key) are among them.
    pub fn tables(&self) -> Vec<TableInfo> {
        unimplemented!()
    }
    /// A table.
    pub fn table(&self, table: &str) -> Result<TableInfo> {
        let _ = table;
        unimplemented!()
    }
    /// Inserts an entry, with zero counters and without meter configuration.
    pub fn insert_entry(&mut self, table: &str, entry: &TableEntry) -> Result<()> {
        let _ = (table, entry);
        unimplemented!()
    }
    /// Changes the action of an entry. Its counter stays.
    pub fn modify_entry(&mut self, table: &str, entry: &TableEntry) -> Result<()> {
        let _ = (table, entry);
        unimplemented!()
    }
    /// Deletes an entry.
    pub fn delete_entry(&mut self, table: &str, key: &EntryKey) -> Result<()> {
        let _ = (table, key);
        unimplemented!()
    }
    /// An entry by its key.
    pub fn entry(&self, table: &str, key: &EntryKey) -> Result<TableEntry> {
        let _ = (table, key);
        unimplemented!()
    }
    /// All entries of a table.
    pub fn entries(&self, table: &str) -> Result<Vec<TableEntry>> {
        let _ = table;
        unimplemented!()
    }
    /// Sets the default action, or with `None` sets it back to what the program says.
    pub fn set_default_action(&mut self, table: &str, action: Option<&ActionCall>) -> Result<()> {
        let _ = (table, action);
        unimplemented!()
    }
    /// The default action; `None` if a miss does nothing.
    pub fn default_action(&self, table: &str) -> Result<Option<ActionCall>> {
        let _ = table;
        unimplemented!()
    }
    /// The default action that the program gives.
    pub fn initial_default_action(&self, table: &str) -> Result<Option<ActionCall>> {
        let _ = table;
        unimplemented!()
    }
    /// The counter of an entry.
    pub fn direct_counter(&self, table: &str, entry: &EntryRef) -> Result<CounterValue> {
        let _ = (table, entry);
        unimplemented!()
    }
    /// Sets the counter of an entry.
    pub fn set_direct_counter(
        &mut self,
        table: &str,
        entry: &EntryRef,
        value: CounterValue,
    ) -> Result<()> {
        let _ = (table, entry, value);
        unimplemented!()
    }
    /// The meter of an entry; `None` if it has no configuration, so that all packets are green.
    pub fn direct_meter(&self, table: &str, entry: &EntryRef) -> Result<Option<MeterConfig>> {
        let _ = (table, entry);
        unimplemented!()
    }
    /// Sets the meter of an entry.
    pub fn set_direct_meter(
        &mut self,
        table: &str,
        entry: &EntryRef,
        config: Option<MeterConfig>,
    ) -> Result<()> {
        let _ = (table, entry, config);
        unimplemented!()
    }
}

/// Action profiles.
impl State {
    /// All action profiles.
    pub fn profiles(&self) -> Vec<ProfileInfo> {
        unimplemented!()
    }
    /// Inserts a member. The id is the control plane's choice.
    pub fn insert_member(&mut self, profile: &str, member: u32, action: &ActionCall) -> Result<()> {
        let _ = (profile, member, action);
        unimplemented!()
    }
    /// Changes the action of a member, for all entries and groups that use it.
    pub fn modify_member(&mut self, profile: &str, member: u32, action: &ActionCall) -> Result<()> {
        let _ = (profile, member, action);
        unimplemented!()
    }
    /// Deletes a member that nothing uses.
    pub fn delete_member(&mut self, profile: &str, member: u32) -> Result<()> {
        let _ = (profile, member);
        unimplemented!()
    }
    /// All members, by id.
    pub fn members(&self, profile: &str) -> Result<Vec<(u32, ActionCall)>> {
        let _ = profile;
        unimplemented!()
    }
    /// Inserts a group. The id is the control plane's choice.
    pub fn insert_group(&mut self, profile: &str, group: u32, content: &Group) -> Result<()> {
        let _ = (profile, group, content);
        unimplemented!()
    }
    /// Replaces the members of a group.
    pub fn modify_group(&mut self, profile: &str, group: u32, content: &Group) -> Result<()> {
        let _ = (profile, group, content);
        unimplemented!()
    }
    /// Deletes a group that no entry uses.
    pub fn delete_group(&mut self, profile: &str, group: u32) -> Result<()> {
        let _ = (profile, group);
        unimplemented!()
    }
    /// All groups, by id.
    pub fn groups(&self, profile: &str) -> Result<Vec<(u32, Group)>> {
        let _ = profile;
        unimplemented!()
    }
}

/// Counters, meters and registers that stand for themselves.
impl State {
    /// Names and sizes of the indirect counter arrays.
    pub fn counters(&self) -> Vec<(String, usize)> {
        unimplemented!()
    }
    /// A counter.
    pub fn counter(&self, array: &str, index: usize) -> Result<CounterValue> {
        let _ = (array, index);
        unimplemented!()
    }
    /// Sets a counter.
    pub fn set_counter(&mut self, array: &str, index: usize, value: CounterValue) -> Result<()> {
        let _ = (array, index, value);
        unimplemented!()
    }
    /// Names and sizes of the indirect meter arrays.
    pub fn meters(&self) -> Vec<(String, usize)> {
        unimplemented!()
    }
    /// A meter; `None` if it has no configuration, so that all packets are green.
    pub fn meter(&self, array: &str, index: usize) -> Result<Option<MeterConfig>> {
        let _ = (array, index);
        unimplemented!()
    }
    /// Sets a meter.
    pub fn set_meter(
        &mut self,
        array: &str,
        index: usize,
        config: Option<MeterConfig>,
    ) -> Result<()> {
        let _ = (array, index, config);
        unimplemented!()
    }
    /// Names, sizes and widths in bits of the register arrays.
    pub fn registers(&self) -> Vec<(String, usize, u32)> {
        unimplemented!()
    }
    /// A register.
    pub fn register(&self, array: &str, index: usize) -> Result<Vec<u8>> {
        let _ = (array, index);
        unimplemented!()
    }
    /// Sets a register.
    pub fn set_register(&mut self, array: &str, index: usize, value: &[u8]) -> Result<()> {
        let _ = (array, index, value);
        unimplemented!()
    }
    /// Names of the parser value sets.
    pub fn value_sets(&self) -> Vec<String> {
        unimplemented!()
    }
    /// The values of a parser value set.
    pub fn value_set(&self, name: &str) -> Result<Vec<ValueSetMember>> {
        let _ = name;
        unimplemented!()
    }
    /// Replaces the values of a parser value set.
    pub fn set_value_set(&mut self, name: &str, members: &[ValueSetMember]) -> Result<()> {
        let _ = (name, members);
        unimplemented!()
    }
}

/// Packet replication.
impl State {
    /// Inserts a multicast group. Ids start at 1.
    pub fn insert_multicast_group(&mut self, group: u16, replicas: &[Replica]) -> Result<()> {
        let _ = (group, replicas);
        unimplemented!()
    }
    /// Replaces the replicas of a multicast group.
    pub fn modify_multicast_group(&mut self, group: u16, replicas: &[Replica]) -> Result<()> {
        let _ = (group, replicas);
        unimplemented!()
    }
    /// Deletes a multicast group.
    pub fn delete_multicast_group(&mut self, group: u16) -> Result<()> {
        let _ = group;
        unimplemented!()
    }
    /// All multicast groups, by id.
    pub fn multicast_groups(&self) -> Vec<(u16, Vec<Replica>)> {
        unimplemented!()
    }
    /// Inserts a clone session.
    pub fn insert_clone_session(&mut self, session: u32, content: &CloneSession) -> Result<()> {
        let _ = (session, content);
        unimplemented!()
    }
    /// Replaces a clone session.
    pub fn modify_clone_session(&mut self, session: u32, content: &CloneSession) -> Result<()> {
        let _ = (session, content);
        unimplemented!()
    }
    /// Deletes a clone session.
    pub fn delete_clone_session(&mut self, session: u32) -> Result<()> {
        let _ = session;
        unimplemented!()
    }
    /// All clone sessions, by id.
    pub fn clone_sessions(&self) -> Vec<(u32, CloneSession)> {
        unimplemented!()
    }
    /// What happened to packets that were not sent.
    pub fn drops(&self) -> DropStatistics {
        unimplemented!()
    }
}
