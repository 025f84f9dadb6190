//! The entities of P4Runtime (section 9): writing them to the switch and reading them back.
//!
//! One module for each kind of entity. The switch holds what packets need; [`Notes`] holds the
//! rest of what clients wrote, so that they read back what they wrote (section 8.2).

mod action_profile;
mod batch;
mod cells;
mod data;
mod digest;
mod direct;
mod idle;
mod replication;
mod snapshot;
mod table_entry;
mod value_set;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use p4runtime_proto::p4::v1::{self, entity::Entity as Kind, update::Type};
use tonic::Code;

use super::refusal::Refusal;
use super::role::{Access, object_id};
use super::schema::Schema;
use crate::State;
use crate::control::{ControlError, EntryRef, PortNumber};

pub(crate) use data::encode_digest;
pub(crate) use snapshot::snapshot;

type Result<T> = std::result::Result<T, Refusal>;

/// What clients wrote and the switch does not hold.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// By table id; only entries that have something to note.
    entries: HashMap<(u32, EntryRef), EntryNote>,
    timers: idle::Timers,
    /// By id of the action profile: how many entries have a one-shot action set.
    action_sets: HashMap<u32, usize>,
    /// By ids of action profile and group.
    groups: BTreeMap<(u32, u32), v1::ActionProfileGroup>,
    multicast_groups: BTreeMap<u32, v1::MulticastGroupEntry>,
    clone_sessions: BTreeMap<u32, v1::CloneSessionEntry>,
    /// Digests that are reported, and how.
    pub(crate) digests: BTreeMap<u32, v1::digest_entry::Config>,
}

/// The part of a TableEntry that the switch does not hold.
#[derive(Debug, Clone, Default, PartialEq)]
struct EntryNote {
    metadata: Vec<u8>,
    controller_metadata: u64,
    /// 0: the entry never expires.
    idle_timeout_ns: i64,
    /// Serial number of the timer that counts; those of before the last write do not.
    timer: u64,
    /// The one-shot set as it was written.
    action_set: Option<v1::ActionProfileActionSet>,
}

/// Carries out updates.
pub(crate) struct Writer<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) notes: &'a mut Notes,
    pub(crate) state: &'a mut State,
    /// Numbers of the ports of the switch.
    pub(crate) ports: &'a BTreeSet<PortNumber>,
}

/// Answers read requests.
pub(crate) struct Reader<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) notes: &'a Notes,
    pub(crate) state: &'a State,
}

impl Writer<'_> {
    /// Carries out one update of a batch for a role; the error is that of the update.
    pub(crate) fn write(&mut self, access: &Access, update: &v1::Update) -> Result<()> {
        let operation = match update.r#type() {
            Type::Unspecified => {
                return Err(Refusal::invalid_argument(
                    "the type of the update is not INSERT, MODIFY or DELETE",
                ));
            }
            operation => operation,
        };
        let entity = update.entity.as_ref().and_then(|e| e.entity.as_ref());
        let entity = entity.ok_or_else(no_entity)?;
        access.check(self.schema, entity)?;
        match entity {
            Kind::TableEntry(entry) => self.write_table_entry(operation, entry),
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
    /// Answers one request of a read batch, with what belongs to a role.
    pub(crate) fn read(
        &self,
        access: &Access,
        entity: &v1::Entity,
        out: &mut Vec<v1::Entity>,
    ) -> Result<()> {
        let mut found = Vec::new();
        match entity.entity.as_ref().ok_or_else(no_entity)? {
            Kind::TableEntry(filter) => self.read_table_entries(filter, &mut found)?,
            Kind::ActionProfileMember(filter) => self.read_members(filter, &mut found)?,
            Kind::ActionProfileGroup(filter) => self.read_groups(filter, &mut found)?,
            Kind::CounterEntry(filter) => self.read_counters(filter, &mut found)?,
            Kind::MeterEntry(filter) => self.read_meters(filter, &mut found)?,
            Kind::DirectCounterEntry(filter) => self.read_direct_counters(filter, &mut found)?,
            Kind::DirectMeterEntry(filter) => self.read_direct_meters(filter, &mut found)?,
            Kind::RegisterEntry(filter) => self.read_registers(filter, &mut found)?,
            Kind::PacketReplicationEngineEntry(filter) => {
                self.read_replication(filter, &mut found)?;
            }
            Kind::DigestEntry(filter) => self.read_digests(filter, &mut found)?,
            Kind::ValueSetEntry(filter) => self.read_value_sets(filter, &mut found)?,
            // Section 9.9: an empty one asks for all extern instances, of which there are none.
            Kind::ExternEntry(filter) if filter.extern_type_id == 0 => {}
            Kind::ExternEntry(_) => return Err(no_externs()),
        }
        // Section 13: the role is a filter.
        if !access.is_full(self.schema) {
            found.retain(|kind| access.allows(self.schema, object_id(kind)));
        }
        out.extend(
            found
                .into_iter()
                .map(|kind| v1::Entity { entity: Some(kind) }),
        );
        Ok(())
    }
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

/// A port number of a request, on the 9 bits of v1model.
fn decode_port(bytes: &[u8]) -> Result<PortNumber> {
    let port = p4runtime_proto::bytestring::decode(bytes, 9)?;
    // 9 bits fit.
    Ok(PortNumber::try_from(port).unwrap_or(PortNumber::MAX))
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
