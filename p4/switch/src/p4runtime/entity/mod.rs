//! The entities of P4Runtime (section 9): writing them to the switch and reading them back.
//!
//! One module for each kind of entity. The switch holds what packets need; [`Notes`] holds the
//! rest of what clients wrote.
//!
//! No packet waits for more than it must: updates are made ready before ([`Preparer`]), and a
//! [`Writer`] then only changes the state; a [`Reader`] reads in parts.

mod action_profile;
mod batch;
mod carry;
mod cells;
mod data;
mod digest;
mod direct;
mod idle;
mod meter;
mod note;
mod one_shot;
mod prepare;
mod replication;
mod snapshot;
mod table_read;
mod table_write;
mod value_set;

use std::collections::BTreeSet;

use p4runtime_proto::bytestring;
use p4runtime_proto::p4::v1::{self, entity::Entity as Kind, update::Type};
use tonic::Code;

use super::refusal::Refusal;
use super::role::{Access, object_id};
use super::schema::Schema;
use super::translation::SDN_PORT_CPU;
use crate::State;
use crate::control::{ControlError, PortNumber};

pub(crate) use batch::UndoRoom;
pub(crate) use carry::Carried;
pub(crate) use data::encode_digest;
pub(crate) use note::Notes;
pub(crate) use prepare::{Prepared, Preparer};
pub(crate) use snapshot::snapshot;

type Result<T> = std::result::Result<T, Refusal>;

/// Carries out updates.
pub(crate) struct Writer<'s, 'a> {
    schema: &'a Schema,
    notes: &'s mut Notes,
    state: &'s mut State,
    ports: &'a PortNumbers,
    /// Whether the updates bring back a state, and are not a client's.
    bringing_back: bool,
    /// What takes back the updates that were carried out.
    undo: Vec<batch::Undo<'a>>,
}

/// Answers read requests.
pub(crate) struct Reader<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) notes: &'a Notes,
    pub(crate) state: &'a State,
}

/// How many slots of a table, or cells of an array, are read in one go.
const PART: usize = 256;

/// Where a part of a read starts: an object of the P4Info, in the order of the ids, and a slot of
/// the table or a cell of the array.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cursor {
    object: u32,
    cell: usize,
}

impl Cursor {
    /// The start of the objects after one.
    fn after(object: u32) -> Option<Self> {
        let object = object.checked_add(1)?;
        Some(Self { object, cell: 0 })
    }
}

impl<'s, 'a> Writer<'s, 'a> {
    /// A writer to a state that nothing else changes meanwhile.
    pub(crate) fn new(given: Preparer<'a>, notes: &'s mut Notes, state: &'s mut State) -> Self {
        Self {
            schema: given.schema,
            notes,
            state,
            ports: given.ports,
            bringing_back: given.bringing_back,
            undo: Vec::new(),
        }
    }

    /// Carries out an update.
    ///
    /// # Errors
    /// That of the update.
    pub(crate) fn write(&mut self, update: Prepared<'a>) -> Result<()> {
        match update {
            Prepared::Entry(entry) => self.write_entry(entry),
            Prepared::Other(operation, entity) => self.write_other(operation, entity),
        }
    }

    fn write_other(&mut self, operation: Type, entity: &Kind) -> Result<()> {
        match entity {
            // The others were prepared.
            Kind::TableEntry(entry) => self.write_default(operation, entry),
            Kind::ActionProfileMember(member) => self.write_member(operation, member),
            Kind::ActionProfileGroup(group) => self.write_group(operation, group),
            Kind::CounterEntry(counter) => self.write_counter(operation, counter),
            Kind::MeterEntry(meter) => self.write_meter(operation, meter),
            Kind::DirectCounterEntry(counter) => self.write_direct_counter(operation, counter),
            Kind::DirectMeterEntry(meter) => self.write_direct_meter(operation, meter),
            Kind::RegisterEntry(register) => self.write_register(operation, register),
            Kind::PacketReplicationEngineEntry(entry) => self.write_replication(operation, entry),
            Kind::DigestEntry(digest) => self.write_digest(operation, digest),
            Kind::ValueSetEntry(set) => self.write_value_set(operation, set),
            Kind::ExternEntry(_) => Err(no_externs()),
        }
    }
}

impl Reader<'_> {
    /// Answers a part of one request of a read batch, with what belongs to a role, and gives where
    /// the next part starts.
    pub(crate) fn read(
        &self,
        access: &Access,
        entity: &v1::Entity,
        from: Cursor,
        out: &mut Vec<v1::Entity>,
    ) -> Result<Option<Cursor>> {
        let mut found = Vec::new();
        let next = match entity.entity.as_ref().ok_or_else(no_entity)? {
            Kind::TableEntry(filter) => self.read_table_part(filter, from, &mut found)?,
            Kind::DirectCounterEntry(filter) => {
                self.read_direct_counters(filter, from, &mut found)?
            }
            Kind::DirectMeterEntry(filter) => self.read_direct_meters(filter, from, &mut found)?,
            Kind::CounterEntry(filter) => self.read_counters(filter, from, &mut found)?,
            Kind::MeterEntry(filter) => self.read_meters(filter, from, &mut found)?,
            Kind::RegisterEntry(filter) => self.read_registers(filter, from, &mut found)?,
            other => self.read_few(other, &mut found).map(|()| None)?,
        };
        // Section 13: the role is a filter.
        if !access.is_full(self.schema) {
            found.retain(|kind| access.allows(self.schema, object_id(kind)));
        }
        out.extend(
            found
                .into_iter()
                .map(|kind| v1::Entity { entity: Some(kind) }),
        );
        Ok(next)
    }

    /// Reads all entries of all tables, so that no string gets a number that one of them has.
    ///
    /// # Errors
    /// What a read gives.
    pub(crate) fn see_entries(&self) -> Result<()> {
        let mut seen = Vec::new();
        for is_default_action in [false, true] {
            let all = v1::TableEntry {
                is_default_action,
                ..Default::default()
            };
            self.read_table_entries(&all, &mut seen)?;
        }
        Ok(())
    }

    /// Entities that there are few of.
    fn read_few(&self, entity: &Kind, found: &mut Vec<Kind>) -> Result<()> {
        match entity {
            Kind::ActionProfileMember(filter) => self.read_members(filter, found),
            Kind::ActionProfileGroup(filter) => self.read_groups(filter, found),
            Kind::PacketReplicationEngineEntry(filter) => self.read_replication(filter, found),
            Kind::DigestEntry(filter) => self.read_digests(filter, found),
            Kind::ValueSetEntry(filter) => self.read_value_sets(filter, found),
            // Section 9.9: an empty one asks for all extern instances, of which there are none.
            Kind::ExternEntry(filter) if filter.extern_type_id == 0 => Ok(()),
            Kind::ExternEntry(_) => Err(no_externs()),
            // These are read in parts.
            _ => Ok(()),
        }
    }
}

/// All parts of a read, one after the other.
fn all_parts(mut part: impl FnMut(Cursor) -> Result<Option<Cursor>>) -> Result<()> {
    let mut from = Some(Cursor::default());
    while let Some(cursor) = from {
        from = part(cursor)?;
    }
    Ok(())
}

/// Section 13.2: the entity must be set.
pub(crate) fn no_entity() -> Refusal {
    Refusal::invalid_argument("the entity is not set")
}

fn no_externs() -> Refusal {
    Refusal::unimplemented("this switch has no architecture-specific externs (ExternEntry)")
}

/// Entities that can only be modified.
fn modify_only(operation: Type, entity: &str) -> Result<()> {
    if operation == Type::Modify {
        return Ok(());
    }
    Err(Refusal::invalid_argument(format!(
        "a {entity} can only be modified, not inserted or deleted"
    )))
}

/// The ports of the switch that requests can name.
pub(crate) struct PortNumbers {
    /// Those that packets come in by and go out of.
    pub(crate) ports: BTreeSet<PortNumber>,
    /// The one that stands for the P4Runtime client.
    pub(crate) cpu: Option<PortNumber>,
}

impl PortNumbers {
    /// A port number of a request, on the 9 bits of v1model; `SDN_PORT_CPU` is the CPU port
    /// (section 18.1.1).
    fn decode(&self, bytes: &[u8]) -> Result<PortNumber> {
        if let Some(cpu) = self.cpu
            && bytestring::canonical(bytes) == SDN_PORT_CPU.to_be_bytes()
        {
            return Ok(cpu);
        }
        let port = bytestring::decode(bytes, 9)?;
        // 9 bits fit.
        Ok(PortNumber::try_from(port).unwrap_or(PortNumber::MAX))
    }
}

impl From<ControlError> for Refusal {
    fn from(error: ControlError) -> Self {
        let code = match &error {
            ControlError::NoProgram | ControlError::InUse { .. } => Code::FailedPrecondition,
            ControlError::NotFound { .. } => Code::NotFound,
            ControlError::AlreadyExists { .. } => Code::AlreadyExists,
            ControlError::Full { .. } => Code::ResourceExhausted,
            ControlError::Constant { .. } => Code::PermissionDenied,
            ControlError::TooWide { .. } | ControlError::OutOfRange { .. } => Code::OutOfRange,
            ControlError::UnknownAction { .. }
            | ControlError::WrongCount { .. }
            | ControlError::BadMatch { .. }
            | ControlError::Invalid { .. } => Code::InvalidArgument,
            // The P4Info was checked against the program.
            ControlError::UnknownObject { .. } => Code::Internal,
        };
        Self {
            code,
            message: error.to_string(),
        }
    }
}
