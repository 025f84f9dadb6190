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

use super::{Reader, Result, Writer};
use crate::p4runtime::key::decode_key;
use crate::p4runtime::role::Access;

impl Writer<'_> {
    /// Carries out the updates of a batch for a role, and gives the error of each.
    pub(crate) fn write_batch(
        &mut self,
        access: &Access,
        updates: &[v1::Update],
        atomicity: Atomicity,
    ) -> Vec<v1::Error> {
        if atomicity == Atomicity::ContinueOnError {
            let write = |update| match self.write(access, update) {
                Ok(()) => v1::Error::ok(),
                Err(refusal) => refusal.into(),
            };
            return updates.iter().map(write).collect();
        }
        // What brings the state back, last first.
        let mut undo: Vec<v1::Update> = Vec::with_capacity(updates.len());
        for (index, update) in updates.iter().enumerate() {
            let before = self.inverse(update);
            match (self.write(access, update), before) {
                (Ok(()), Ok(before)) => undo.extend(before),
                (Err(refusal), _) | (Ok(()), Err(refusal)) => {
                    let undone = self.undo(undo);
                    let mut errors = vec![aborted(index, undone); updates.len()];
                    errors[index] = refusal.into();
                    return errors;
                }
            }
        }
        vec![v1::Error::ok(); updates.len()]
    }

    /// Whether all was undone.
    fn undo(&mut self, undo: Vec<v1::Update>) -> bool {
        let full = Access::default();
        let mut undone = true;
        for update in undo.into_iter().rev() {
            if let Err(error) = self.write(&full, &update) {
                // Each update was made from the state that it brings back.
                tracing::error!(%error, ?update, "an update of a batch could not be undone");
                undone = false;
            }
        }
        undone
    }

    /// The updates that undo one, made before it is carried out. None if it will be refused.
    fn inverse(&self, update: &v1::Update) -> Result<Vec<v1::Update>> {
        let operation = update.r#type();
        let Some(kind) = update.entity.as_ref().and_then(|e| e.entity.as_ref()) else {
            return Ok(Vec::new());
        };
        if operation == Type::Insert {
            return Ok(vec![update_of(Type::Delete, kind.clone())]);
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
        // What cannot be read is not there, and the update will be refused for that.
        let read = match kind {
            Kind::TableEntry(entry) => reader.before(entry, &mut before),
            Kind::ActionProfileMember(member) => reader.read_members(member, &mut before),
            Kind::ActionProfileGroup(group) => reader.read_groups(group, &mut before),
            Kind::CounterEntry(counter) => reader.read_counters(counter, &mut before),
            Kind::MeterEntry(meter) => reader.read_meters(meter, &mut before),
            Kind::DirectCounterEntry(counter) => reader.read_direct_counters(counter, &mut before),
            Kind::DirectMeterEntry(meter) => reader.read_direct_meters(meter, &mut before),
            Kind::RegisterEntry(register) => reader.read_registers(register, &mut before),
            Kind::PacketReplicationEngineEntry(entry) if is_one(entry) => {
                reader.read_replication(entry, &mut before)
            }
            Kind::DigestEntry(digest) => reader.read_digests(digest, &mut before),
            Kind::ValueSetEntry(set) => reader.read_value_sets(set, &mut before),
            Kind::PacketReplicationEngineEntry(_) | Kind::ExternEntry(_) => Ok(()),
        };
        if read.is_err() {
            return Ok(Vec::new());
        }
        Ok(before
            .into_iter()
            .map(|kind| match kind {
                // Of a default entry without action, see `before`.
                Kind::DirectCounterEntry(_) | Kind::DirectMeterEntry(_) => {
                    update_of(Type::Modify, kind)
                }
                kind => update_of(back, kind),
            })
            .collect())
    }
}

impl Reader<'_> {
    /// The entry that a MODIFY or DELETE changes, with its counter and meter. What is first in
    /// `out` is undone last.
    fn before(&self, entry: &v1::TableEntry, out: &mut Vec<Kind>) -> Result<()> {
        let table = self.schema.table(entry.table_id)?;
        let wanted = v1::TableEntry {
            table_id: entry.table_id,
            counter_data: table.direct_counter.map(|_| v1::CounterData::default()),
            meter_config: table.direct_meter.map(|_| v1::MeterConfig::default()),
            ..Default::default()
        };
        if !entry.is_default_action {
            let key = decode_key(table, &entry.r#match, entry.priority)?;
            let mut before = self.one(table, &key, &wanted)?;
            if table.is_const {
                before.action = None;
                before.is_const = false;
            }
            out.push(Kind::TableEntry(before));
            return Ok(());
        }
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

fn update_of(operation: Type, kind: Kind) -> v1::Update {
    v1::Update {
        r#type: operation.into(),
        entity: Some(v1::Entity { entity: Some(kind) }),
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
