//! Updates made ready to be carried out. All that needs no look at the state is done here, while
//! packets go on: rights, names, values, widths.

use p4runtime_proto::p4::config::v1::table::IdleTimeoutBehavior;
use p4runtime_proto::p4::v1::{self, entity::Entity as Kind, table_action, update::Type};

use super::direct::Resources;
use super::note::{EntryNote, controller_metadata};
use super::{PortNumbers, Result, no_entity, one_shot};
use crate::State;
use crate::control::EntryAction;
use crate::p4runtime::action::{self, Use};
use crate::p4runtime::key::decode_key;
use crate::p4runtime::refusal::Refusal;
use crate::p4runtime::role::Access;
use crate::p4runtime::schema::{Schema, Table};
use crate::program::Program;
use crate::state::{PackedKey, PreparedTarget, prepare_key};

/// Makes updates ready.
#[derive(Clone, Copy)]
pub(crate) struct Preparer<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) program: &'a Program,
    /// Numbers of the ports of the switch.
    pub(crate) ports: &'a PortNumbers,
    /// Whether the updates bring back a state, and are not a client's.
    pub(crate) bringing_back: bool,
}

/// An update that is ready.
#[expect(
    clippy::large_enum_variant,
    reason = "most updates are of table entries"
)]
pub(crate) enum Prepared<'a> {
    /// Of an entry of a table that is not its default entry.
    Entry(PreparedEntry<'a>),
    /// Of anything else, which there is less of: read when it is carried out.
    Other(Type, &'a Kind),
}

impl Prepared<'_> {
    /// Looks at the place of an entry: in a large table this brings it into the processor's cache
    /// before packets wait for it.
    pub(crate) fn look_up(&self, state: &State) {
        if let Self::Entry(entry) = self {
            // Whether it is there is looked at when the update is carried out.
            std::hint::black_box(state.slot_of(entry.table.index, &entry.key));
        }
    }
}

/// An update of a table entry.
pub(crate) struct PreparedEntry<'a> {
    pub(super) table: &'a Table,
    pub(super) key: PackedKey,
    pub(super) change: Change,
}

pub(super) enum Change {
    Insert(PreparedTarget, Content),
    /// Without action it stays (section 9.1.2).
    Modify(Option<PreparedTarget>, Content),
    Delete,
}

/// What an entry has beside key and action.
pub(super) struct Content {
    pub(super) resources: Resources,
    pub(super) note: Option<Box<EntryNote>>,
}

impl<'a> Preparer<'a> {
    /// Makes an update ready that a role asks for.
    ///
    /// # Errors
    /// That of the update.
    pub(crate) fn prepare(&self, access: &Access, update: &'a v1::Update) -> Result<Prepared<'a>> {
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
            Kind::TableEntry(entry) if !entry.is_default_action => {
                let table = self.schema.table(entry.table_id)?;
                self.entry(operation, table, entry)
                    .map(Prepared::Entry)
                    .map_err(|refusal| refusal.at(&table.object))
            }
            _ => Ok(Prepared::Other(operation, entity)),
        }
    }

    fn entry(
        &self,
        operation: Type,
        table: &'a Table,
        entry: &v1::TableEntry,
    ) -> Result<PreparedEntry<'a>> {
        if entry.is_const {
            return Err(Refusal::invalid_argument("is_const cannot be written"));
        }
        if operation != Type::Modify {
            refuse_const(table)?;
        }
        if operation == Type::Insert && table.key.is_empty() {
            return Err(Refusal::invalid_argument(
                "the table has no key, so it has its default entry only",
            ));
        }
        let key = decode_key(table, &entry.r#match, entry.priority)?;
        let key = prepare_key(self.program, table.index, &key)?;
        let change = if operation == Type::Delete {
            Change::Delete
        } else {
            check_times(table, entry)?;
            if table.is_const {
                refuse_new_content(entry)?;
            }
            let resources = Resources::decode(self.schema, table, entry, self.bringing_back)?;
            let action = (entry.action.as_ref())
                .map(|action| self.action(table, action))
                .transpose()?;
            let (target, action_set) = action.unzip();
            let note = EntryNote::of(entry, action_set.flatten());
            let content = Content { resources, note };
            match (operation, target) {
                (Type::Insert, None) => {
                    return Err(Refusal::invalid_argument("an INSERT needs the action"));
                }
                (Type::Insert, Some(target)) => Change::Insert(target, content),
                (_, target) => Change::Modify(target, content),
            }
        };
        Ok(PreparedEntry { table, key, change })
    }

    /// What an entry does, and the one-shot set as it will be read back.
    fn action(
        &self,
        table: &Table,
        given: &v1::TableAction,
    ) -> Result<(PreparedTarget, Option<v1::ActionProfileActionSet>)> {
        let given = given
            .r#type
            .as_ref()
            .ok_or_else(|| Refusal::invalid_argument("the action is not set"))?;
        let (held, written) = match table.profile {
            None => (self.direct_action(table, given)?, None),
            Some(profile) => self.indirect_action(table, profile, given)?,
        };
        let target = PreparedTarget::new(self.program, table.index, &held)?;
        Ok((target, written))
    }

    fn direct_action(&self, table: &Table, given: &table_action::Type) -> Result<EntryAction> {
        let table_action::Type::Action(given) = given else {
            return Err(Refusal::invalid_argument(
                "the table has no action profile, so its entries have an action and no member, \
                 group or action set",
            ));
        };
        let call = action::decode(self.schema, table, given, Use::Entry)?;
        Ok(EntryAction::Action(call))
    }

    fn indirect_action(
        &self,
        table: &Table,
        profile: u32,
        given: &table_action::Type,
    ) -> Result<(EntryAction, Option<v1::ActionProfileActionSet>)> {
        let profile = self.schema.profile(profile)?;
        match given {
            table_action::Type::Action(_) => Err(Refusal::invalid_argument(format!(
                "the table has {}, so its entries have no action but a member, group or action set",
                profile.object
            ))),
            table_action::Type::ActionProfileMemberId(member) => {
                Ok((EntryAction::Member(*member), None))
            }
            table_action::Type::ActionProfileGroupId(_) if !profile.has_selector => {
                Err(Refusal::invalid_argument(format!(
                    "{} has no selector, so there are no groups",
                    profile.object
                )))
            }
            table_action::Type::ActionProfileGroupId(group) => {
                Ok((EntryAction::Group(*group), None))
            }
            table_action::Type::ActionProfileActionSet(set) => {
                let (held, written) =
                    one_shot::decode_action_set(self.schema, self.ports, table, profile, set)?;
                Ok((EntryAction::ActionSet(held), Some(written)))
            }
        }
    }
}

fn refuse_const(table: &Table) -> Result<()> {
    if table.is_const {
        return Err(Refusal::permission_denied(
            "the table is constant: its entries come from the P4 program",
        ));
    }
    Ok(())
}

/// What cannot be changed in an entry of a constant table.
fn refuse_new_content(entry: &v1::TableEntry) -> Result<()> {
    if entry.action.is_some()
        || !entry.metadata.is_empty()
        || entry.idle_timeout_ns != 0
        || controller_metadata(entry) != 0
    {
        return Err(constant_entry());
    }
    Ok(())
}

/// Section 9.1.4.
pub(super) fn constant_entry() -> Refusal {
    Refusal::permission_denied(
        "the entry is constant: only its counter and meter can be modified, and no action may be \
         given",
    )
}

/// Section 9.1.8.
fn check_times(table: &Table, entry: &v1::TableEntry) -> Result<()> {
    if entry.time_since_last_hit.is_some() {
        return Err(Refusal::invalid_argument(
            "time_since_last_hit can only be read",
        ));
    }
    if entry.idle_timeout_ns < 0 {
        return Err(Refusal::invalid_argument(format!(
            "idle_timeout_ns {} is negative",
            entry.idle_timeout_ns
        )));
    }
    if entry.idle_timeout_ns != 0 && !has_timeouts(table) {
        return Err(no_timeouts());
    }
    Ok(())
}

pub(super) fn has_timeouts(table: &Table) -> bool {
    table.idle_timeout != IdleTimeoutBehavior::NoTimeout
}

pub(super) fn no_timeouts() -> Refusal {
    Refusal::invalid_argument("the table has no idle timeout (P4 property support_timeout)")
}
