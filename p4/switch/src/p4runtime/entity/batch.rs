//! Batches of updates, and how they are undone (section 12.2).
//!
//! A batch is carried out while no packet is processed, so that every mode of atomicity is one
//! that packets see as a whole. ROLLBACK_ON_ERROR and DATAPLANE_ATOMIC differ from
//! CONTINUE_ON_ERROR in that the first error undoes what was done before it.

use p4runtime_proto::p4::v1::{
    self, entity::Entity as Kind, packet_replication_engine_entry::Type as Replication,
    update::Type, write_request::Atomicity,
};
use tonic::Code;

use super::direct::Resources;
use super::note::EntryNote;
use super::{Prepared, Reader, Result, Writer, all_parts};
use crate::p4runtime::refusal::Refusal;
use crate::p4runtime::schema::Table;
use crate::state::{PreparedTarget, Removed};

/// What takes back an update that was carried out.
pub(super) enum Undo<'a> {
    /// Of the INSERT of a table entry.
    Remove { table: &'a Table, slot: u32 },
    /// Of the MODIFY of a table entry.
    Restore(Box<Restore<'a>>),
    /// Of the DELETE of a table entry.
    PutBack {
        table: &'a Table,
        removed: Box<Removed>,
        note: Option<Box<EntryNote>>,
    },
    /// Of anything else, in a batch that is all or nothing.
    Write(Type, Box<Kind>),
}

/// Memory for what undoes a batch. The allocator may have to tidy up before it gives much at once, and packets
/// would wait for that.
pub(crate) struct UndoRoom<'a>(Vec<Undo<'a>>);

impl UndoRoom<'_> {
    /// For so many updates.
    pub(crate) fn new(updates: usize) -> Self {
        Self(Vec::with_capacity(updates))
    }
}

/// A table entry as it was before it was modified.
pub(super) struct Restore<'a> {
    pub(super) table: &'a Table,
    pub(super) slot: u32,
    /// `None` if it was not changed.
    pub(super) target: Option<PreparedTarget>,
    pub(super) resources: Resources,
    pub(super) note: Option<Box<EntryNote>>,
}

/// What has become of a batch.
#[derive(Default)]
pub(crate) struct Written<'a> {
    /// The updates that failed, by their number.
    failed: Vec<(usize, Refusal)>,
    /// Of a batch that is all or nothing and failed: whether what had been done was undone.
    rolled_back: Option<bool>,
    /// What the updates replaced and deleted. Dropped when packets no longer wait.
    _replaced: Vec<Undo<'a>>,
}

impl Written<'_> {
    /// The error of each of `count` updates (section 12.3).
    pub(crate) fn errors(self, count: usize) -> Vec<v1::Error> {
        let mut errors = match (self.rolled_back, self.failed.first()) {
            (Some(undone), Some((failed, _))) => vec![aborted(*failed, undone); count],
            _ => vec![v1::Error::ok(); count],
        };
        for (index, refusal) in self.failed {
            errors[index] = refusal.into();
        }
        errors
    }
}

impl<'a> Writer<'_, 'a> {
    /// Keeps what undoes the updates in memory that is there already.
    pub(crate) fn undo_in(self, room: UndoRoom<'a>) -> Self {
        Self {
            undo: room.0,
            ..self
        }
    }

    /// Carries out the updates of a batch.
    pub(crate) fn write_batch(
        mut self,
        updates: impl Iterator<Item = Result<Prepared<'a>>>,
        atomicity: Atomicity,
    ) -> Written<'a> {
        let all_or_nothing = atomicity != Atomicity::ContinueOnError;
        let mut written = Written::default();
        for (index, update) in updates.enumerate() {
            let result = update.and_then(|update| match update {
                Prepared::Other(operation, entity) if all_or_nothing => {
                    let before = self.inverse(operation, entity)?;
                    self.write_other(operation, entity)?;
                    self.undo.extend(before);
                    Ok(())
                }
                update => self.write(update),
            });
            if let Err(refusal) = result {
                written.failed.push((index, refusal));
                if all_or_nothing {
                    written.rolled_back = Some(self.roll_back());
                    break;
                }
            }
        }
        written._replaced = self.undo;
        written
    }

    /// Takes back what was done. Whether all could be.
    fn roll_back(&mut self) -> bool {
        let mut undone = true;
        self.bringing_back = true;
        for undo in std::mem::take(&mut self.undo).into_iter().rev() {
            if let Err(error) = self.take_back(undo) {
                // Each was made from the state that it brings back.
                tracing::error!(%error, "an update of a batch could not be undone");
                undone = false;
            }
        }
        undone
    }

    fn take_back(&mut self, undo: Undo<'a>) -> Result<()> {
        match undo {
            Undo::Remove { table, slot } => {
                self.state.remove(table.index, slot)?;
                self.notes.replace(self.state, table, Some(slot), None);
            }
            Undo::Restore(restore) => {
                let Restore {
                    table,
                    slot,
                    target,
                    resources,
                    note,
                } = *restore;
                if let Some(target) = target {
                    self.state.replace_target(table.index, slot, target)?;
                }
                resources.write(self.state, table, Some(slot))?;
                self.notes.replace(self.state, table, Some(slot), note);
            }
            Undo::PutBack {
                table,
                removed,
                note,
            } => {
                let slot = self.state.put_back(table.index, *removed)?;
                self.notes.replace(self.state, table, Some(slot), note);
            }
            Undo::Write(operation, entity) => self.write_other(operation, &entity)?,
        }
        Ok(())
    }

    /// What undoes an update, made before it is carried out; what is first is undone last. Empty
    /// if the update will be refused.
    fn inverse(&self, operation: Type, kind: &Kind) -> Result<Vec<Undo<'a>>> {
        if operation == Type::Insert {
            return Ok(vec![Undo::Write(Type::Delete, Box::new(kind.clone()))]);
        }
        let back = match operation {
            Type::Delete => Type::Insert,
            _ => Type::Modify,
        };
        let reader = Reader {
            schema: self.schema,
            notes: self.notes,
            state: self.state,
        };
        let mut before = Vec::new();
        let found = &mut before;
        // What cannot be read is not there, and the update will be refused for that.
        let read = match kind {
            Kind::TableEntry(entry) => reader.default_before(entry, found),
            Kind::ActionProfileMember(member) => reader.read_members(member, found),
            Kind::ActionProfileGroup(group) => reader.read_groups(group, found),
            Kind::CounterEntry(counter) => {
                all_parts(|from| reader.read_counters(counter, from, found))
            }
            Kind::MeterEntry(meter) => all_parts(|from| reader.read_meters(meter, from, found)),
            Kind::DirectCounterEntry(counter) => {
                all_parts(|from| reader.read_direct_counters(counter, from, found))
            }
            Kind::DirectMeterEntry(meter) => {
                all_parts(|from| reader.read_direct_meters(meter, from, found))
            }
            Kind::RegisterEntry(register) => {
                all_parts(|from| reader.read_registers(register, from, found))
            }
            Kind::PacketReplicationEngineEntry(entry) if is_one(entry) => {
                reader.read_replication(entry, found)
            }
            Kind::DigestEntry(digest) => reader.read_digests(digest, found),
            Kind::ValueSetEntry(set) => reader.read_value_sets(set, found),
            Kind::PacketReplicationEngineEntry(_) | Kind::ExternEntry(_) => Ok(()),
        };
        if read.is_err() {
            return Ok(Vec::new());
        }
        Ok(before
            .into_iter()
            .map(|kind| match kind {
                // Of a default entry without action, see `default_before`.
                Kind::DirectCounterEntry(_) | Kind::DirectMeterEntry(_) => {
                    Undo::Write(Type::Modify, Box::new(kind))
                }
                kind => Undo::Write(back, Box::new(kind)),
            })
            .collect())
    }
}

impl Reader<'_> {
    /// The default entry that a MODIFY changes, with its counter and meter. What is first in `out`
    /// is undone last.
    fn default_before(&self, entry: &v1::TableEntry, out: &mut Vec<Kind>) -> Result<()> {
        let table = self.schema.table(entry.table_id)?;
        let wanted = v1::TableEntry {
            table_id: entry.table_id,
            counter_data: table.direct_counter.map(|_| v1::CounterData::default()),
            meter_config: table.direct_meter.map(|_| v1::MeterConfig::default()),
            meter_counter_data: table.direct_meter.map(|_| v1::MeterCounterData::default()),
            ..Default::default()
        };
        let mut before = self.default_entry(table, &wanted)?;
        before.is_const = false;
        let (counter, meter) = (before.counter_data, before.meter_config);
        let has_action = before.action.is_some();
        out.push(Kind::TableEntry(before));
        if !has_action {
            // Such an update sets counter and meter back: they are written after it, that is
            // before it in `out`.
            let table_entry = Some(v1::TableEntry {
                table_id: entry.table_id,
                is_default_action: true,
                ..Default::default()
            });
            if let Some(data) = counter {
                let table_entry = table_entry.clone();
                let data = Some(data);
                out.insert(
                    0,
                    Kind::DirectCounterEntry(v1::DirectCounterEntry { table_entry, data }),
                );
            }
            if let Some(config) = meter {
                out.insert(
                    0,
                    Kind::DirectMeterEntry(v1::DirectMeterEntry {
                        table_entry,
                        config: Some(config),
                        counter_data: None,
                    }),
                );
            }
        }
        Ok(())
    }
}

/// Whether an entry names one group or session, not all.
fn is_one(entry: &v1::PacketReplicationEngineEntry) -> bool {
    match &entry.r#type {
        Some(Replication::MulticastGroupEntry(group)) => group.multicast_group_id != 0,
        Some(Replication::CloneSessionEntry(session)) => session.session_id != 0,
        None => false,
    }
}

/// What the updates beside the one that failed have become.
fn aborted(failed: usize, undone: bool) -> v1::Error {
    if undone {
        let words = format!("not carried out, since update {failed} of the batch failed");
        v1::Error::new(Code::Aborted, words)
    } else {
        let words = format!(
            "update {failed} of the batch failed, and what came before it could not all be undone"
        );
        v1::Error::new(Code::DataLoss, words)
    }
}
