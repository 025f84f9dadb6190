//! A P4Info, checked and indexed.

mod build;
mod decode;
mod packet;

use std::collections::HashMap;
use std::sync::Arc;

use p4runtime_proto::p4::config::v1::{self as config, P4Info, match_field};

pub use build::{EntryBuilder, EntryError};
pub use decode::DecodeError;
pub(crate) use decode::counter_value;
pub use packet::{Metadata, PacketHeader, PacketIn};

/// How a field matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchKind {
    /// Exact match.
    Exact,
    /// Longest prefix match.
    Lpm,
    /// Value and mask.
    Ternary,
    /// From low to high.
    Range,
    /// Exact match, or left out.
    Optional,
}

/// A match field of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchField {
    /// The id, unique in the table.
    pub id: u32,
    /// The name.
    pub name: String,
    /// Bits.
    pub width: u32,
    /// How it matches.
    pub kind: MatchKind,
}

/// A parameter of an action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Param {
    /// The id, unique in the action.
    pub id: u32,
    /// The name.
    pub name: String,
    /// Bits.
    pub width: u32,
}

/// An action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Action {
    /// The P4Info id.
    pub id: u32,
    /// The full name, such as `MplsIngress.label_lookup.swap`.
    pub name: String,
    /// The parameters.
    pub params: Vec<Param>,
}

impl Action {
    /// The last component of the name.
    pub fn short_name(&self) -> &str {
        last_component(&self.name)
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The P4Info id.
    pub id: u32,
    /// The full name, such as `MplsIngress.label_lookup.ilm`.
    pub name: String,
    /// The match fields.
    pub fields: Vec<MatchField>,
    /// The actions that its entries may have.
    pub actions: Vec<Arc<Action>>,
    /// How many entries the program asks for.
    pub size: u64,
    /// The action profile or selector that implements it, if it is indirect.
    pub implementation: Option<ActionProfile>,
    /// Whether it has a direct counter.
    pub has_counter: bool,
    /// Whether it has a direct meter.
    pub has_meter: bool,
}

impl Table {
    /// The last component of the name.
    pub fn short_name(&self) -> &str {
        last_component(&self.name)
    }

    /// Whether entries have a priority (section 9.1).
    pub fn has_priority(&self) -> bool {
        self.fields.iter().any(|field| {
            matches!(
                field.kind,
                MatchKind::Ternary | MatchKind::Range | MatchKind::Optional
            )
        })
    }
}

/// An action profile or action selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionProfile {
    /// The P4Info id.
    pub id: u32,
    /// The full name.
    pub name: String,
    /// Members of all groups together, or their weights, as the program asks for.
    pub size: u64,
    /// Members of one group at the most, or their weights; 0 if the program sets no limit.
    pub max_group_size: u32,
}

/// An indirect counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// The P4Info id.
    pub id: u32,
    /// The full name.
    pub name: String,
    /// Cells.
    pub size: u64,
}

/// A P4Info that cannot be used, or that lacks what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// The P4Info refers to an object that it does not have.
    #[error("P4Info: {referrer} refers to {kind} {id:#010x}, which is not there")]
    Dangling {
        /// Which object refers.
        referrer: String,
        /// What kind of object it refers to.
        kind: &'static str,
        /// Its id.
        id: u32,
    },
    /// A match field is of a kind that P4Runtime leaves to the architecture.
    #[error("P4Info: table {table}, field {field}: match kind {kind} is not supported")]
    MatchKind {
        /// The table.
        table: String,
        /// The field.
        field: String,
        /// The kind.
        kind: String,
    },
    /// There is no object of that name.
    #[error(
        "the P4 program has no {kind} {name} (it has {}): use the P4Info of mpls.p4 that belongs \
         to this release", .have.join(", ")
    )]
    Missing {
        /// What kind of object was asked for.
        kind: &'static str,
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        have: Vec<String>,
    },
}

/// A P4Info, checked and indexed by name and id.
///
/// Names are those of the P4Info in full, or any dotted suffix of one that no other object of the
/// kind shares.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    tables: HashMap<u32, Arc<Table>>,
    counters: HashMap<u32, Counter>,
    headers: HashMap<String, PacketHeader>,
}

impl Schema {
    /// Checks and indexes a P4Info.
    ///
    /// # Errors
    /// An object refers to one that is not there, or a match kind is not of P4Runtime.
    pub fn new(info: &P4Info) -> Result<Self, SchemaError> {
        let actions: HashMap<u32, Arc<Action>> = info
            .actions
            .iter()
            .map(|action| (id(&action.preamble), Arc::new(convert_action(action))))
            .collect();
        let profiles: HashMap<u32, ActionProfile> = info
            .action_profiles
            .iter()
            .map(|profile| (id(&profile.preamble), convert_profile(profile)))
            .collect();
        let mut schema = Self::default();
        for table in &info.tables {
            let table = convert_table(table, &actions, &profiles)?;
            schema.tables.insert(table.id, Arc::new(table));
        }
        for counter in &info.counters {
            let counter = Counter {
                id: id(&counter.preamble),
                name: name(&counter.preamble),
                size: counter.size.try_into().unwrap_or(0),
            };
            schema.counters.insert(counter.id, counter);
        }
        for header in &info.controller_packet_metadata {
            let header = PacketHeader::new(header);
            schema.headers.insert(header.name.clone(), header);
        }
        Ok(schema)
    }

    /// The table of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn table(&self, name: &str) -> Result<&Arc<Table>, SchemaError> {
        by_name("table", name, self.tables.values(), |table| &table.name)
    }

    /// The table of this id.
    pub fn table_by_id(&self, id: u32) -> Option<&Arc<Table>> {
        self.tables.get(&id)
    }

    /// All tables, in no order.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.tables.values()
    }

    /// The indirect counter of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn counter(&self, name: &str) -> Result<&Counter, SchemaError> {
        by_name("counter", name, self.counters.values(), |counter| {
            &counter.name
        })
    }

    /// The controller packet header of this name, such as `packet_in`.
    ///
    /// # Errors
    /// There is none.
    pub fn header(&self, name: &str) -> Result<&PacketHeader, SchemaError> {
        by_name("controller header", name, self.headers.values(), |header| {
            &header.name
        })
    }
}

fn by_name<'a, T>(
    kind: &'static str,
    wanted: &str,
    objects: impl Iterator<Item = &'a T> + Clone,
    name: impl Fn(&T) -> &str,
) -> Result<&'a T, SchemaError> {
    let is_suffix = |full: &str| {
        full.strip_suffix(wanted)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let mut found = objects.clone().filter(|object| is_suffix(name(object)));
    match (found.next(), found.next()) {
        (Some(object), None) => Ok(object),
        _ => objects
            .clone()
            .find(|object| name(object) == wanted)
            .ok_or_else(|| {
                let mut have: Vec<_> = objects.map(|object| name(object).to_owned()).collect();
                have.sort();
                SchemaError::Missing {
                    kind,
                    name: wanted.to_owned(),
                    have,
                }
            }),
    }
}

fn last_component(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn id(preamble: &Option<config::Preamble>) -> u32 {
    preamble.as_ref().map_or(0, |preamble| preamble.id)
}

fn name(preamble: &Option<config::Preamble>) -> String {
    preamble
        .as_ref()
        .map_or_else(String::new, |preamble| preamble.name.clone())
}

fn width(bits: i32) -> u32 {
    bits.try_into().unwrap_or(0)
}

fn convert_action(action: &config::Action) -> Action {
    let param = |param: &config::action::Param| Param {
        id: param.id,
        name: param.name.clone(),
        width: width(param.bitwidth),
    };
    Action {
        id: id(&action.preamble),
        name: name(&action.preamble),
        params: action.params.iter().map(param).collect(),
    }
}

fn convert_profile(profile: &config::ActionProfile) -> ActionProfile {
    ActionProfile {
        id: id(&profile.preamble),
        name: name(&profile.preamble),
        size: profile.size.try_into().unwrap_or(0),
        max_group_size: profile.max_group_size.try_into().unwrap_or(0),
    }
}

fn convert_table(
    table: &config::Table,
    actions: &HashMap<u32, Arc<Action>>,
    profiles: &HashMap<u32, ActionProfile>,
) -> Result<Table, SchemaError> {
    let table_name = name(&table.preamble);
    let dangling = |kind, id| SchemaError::Dangling {
        referrer: table_name.clone(),
        kind,
        id,
    };
    let fields = table
        .match_fields
        .iter()
        .map(|field| convert_field(&table_name, field))
        .collect::<Result<_, _>>()?;
    let default_only = config::action_ref::Scope::DefaultOnly as i32;
    let entry_actions = table
        .action_refs
        .iter()
        .filter(|reference| reference.scope != default_only)
        .map(|reference| {
            actions
                .get(&reference.id)
                .cloned()
                .ok_or_else(|| dangling("action", reference.id))
        })
        .collect::<Result<_, _>>()?;
    let implementation = match table.implementation_id {
        0 => None,
        id => Some(
            profiles
                .get(&id)
                .cloned()
                .ok_or_else(|| dangling("action profile", id))?,
        ),
    };
    // The upper octet of an id is the kind of the object (section 6.3).
    let has_direct = |prefix: config::p4_ids::Prefix| {
        table
            .direct_resource_ids
            .iter()
            .any(|id| id >> 24 == prefix as u32)
    };
    Ok(Table {
        id: id(&table.preamble),
        fields,
        actions: entry_actions,
        size: table.size.try_into().unwrap_or(0),
        implementation,
        has_counter: has_direct(config::p4_ids::Prefix::DirectCounter),
        has_meter: has_direct(config::p4_ids::Prefix::DirectMeter),
        name: table_name,
    })
}

fn convert_field(table: &str, field: &config::MatchField) -> Result<MatchField, SchemaError> {
    use match_field::MatchType;
    let unsupported = |kind: String| SchemaError::MatchKind {
        table: table.to_owned(),
        field: field.name.clone(),
        kind,
    };
    let kind = match &field.r#match {
        Some(match_field::Match::MatchType(kind)) => match MatchType::try_from(*kind) {
            Ok(MatchType::Exact) => MatchKind::Exact,
            Ok(MatchType::Lpm) => MatchKind::Lpm,
            Ok(MatchType::Ternary) => MatchKind::Ternary,
            Ok(MatchType::Range) => MatchKind::Range,
            Ok(MatchType::Optional) => MatchKind::Optional,
            Ok(MatchType::Unspecified) | Err(_) => return Err(unsupported(kind.to_string())),
        },
        Some(match_field::Match::OtherMatchType(kind)) => return Err(unsupported(kind.clone())),
        None => return Err(unsupported("none".to_owned())),
    };
    Ok(MatchField {
        id: field.id,
        name: field.name.clone(),
        width: width(field.bitwidth),
        kind,
    })
}
