//! Actions, tables and pipelines.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{FieldRef, HexString, SourceInfo, Value};

/// An action: a list of primitives, with parameters that the control plane gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// Name of the action. Not unique: look an action up by its id.
    pub name: String,
    /// Unique among the actions.
    pub id: u32,
    /// The parameters.
    pub runtime_data: Vec<RuntimeData>,
    /// What the action does, in this order.
    pub primitives: Vec<Primitive>,
}

/// A parameter of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeData {
    /// Name of the parameter.
    pub name: String,
    /// Width in bits.
    pub bitwidth: u32,
}

/// A call of a primitive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Primitive {
    /// Name of the primitive; which ones there are depends on the switch.
    pub op: String,
    /// The arguments.
    #[serde(default)]
    pub parameters: Vec<Value>,
    /// Where it stands in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_info: Option<SourceInfo>,
}

/// A pipeline: tables and conditions, each of which names what comes next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    /// Name of the pipeline: `ingress` or `egress` for v1model.
    pub name: String,
    /// Unique among the pipelines.
    pub id: u32,
    /// Where it stands in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_info: Option<SourceInfo>,
    /// Name of the first table or condition; `None` if the pipeline does nothing.
    #[serde(default)]
    pub init_table: Option<String>,
    /// The tables.
    pub tables: Vec<Table>,
    /// The action profiles that the tables use.
    #[serde(default)]
    pub action_profiles: Vec<ActionProfile>,
    /// The conditions.
    #[serde(default)]
    pub conditionals: Vec<Conditional>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Name of the table.
    pub name: String,
    /// Unique among the tables of all pipelines.
    pub id: u32,
    /// Where it stands in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_info: Option<SourceInfo>,
    /// What is matched, in the order of the source. Selector keys are not here but in the action
    /// profile's [`Selector`].
    pub key: Vec<TableKey>,
    /// The most general match type among the keys.
    pub match_type: MatchType,
    /// How an entry names its action.
    #[serde(rename = "type")]
    pub table_type: TableType,
    /// Name of the action profile, if the table is indirect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action_profile: Option<String>,
    /// How many entries the table can hold.
    pub max_size: u64,
    /// Whether each entry counts the packets and bytes that hit it.
    #[serde(default)]
    pub with_counters: bool,
    /// Whether entries can time out.
    #[serde(default)]
    pub support_timeout: bool,
    /// Name of the direct meter array, if there is one.
    #[serde(default)]
    pub direct_meters: Option<String>,
    /// Ids of the actions, in the order of `actions`.
    #[serde(default)]
    pub action_ids: Vec<u32>,
    /// Names of the actions.
    pub actions: Vec<String>,
    /// What comes next if no action is run. `None` at the end of the pipeline.
    #[serde(default)]
    pub base_default_next: Option<String>,
    /// What comes next: by the name of the action, or by `__HIT__` and `__MISS__`.
    pub next_tables: BTreeMap<String, Option<String>>,
    /// The default action. p4c writes it for direct tables only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_entry: Option<DefaultEntry>,
    /// Entries that are there from the start. In BMv2 they cannot be changed; whether the program
    /// says so (`const`) stands in P4Info.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<Entry>>,
}

/// An element of a table's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableKey {
    /// How it is matched. p4c writes `ternary` for `optional`.
    pub match_type: MatchType,
    /// Its name for the control plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What is matched.
    pub target: KeyTarget,
    /// ANDed with the field before it is matched; as wide as the field in whole bytes.
    #[serde(default)]
    pub mask: Option<HexString>,
}

/// What an element of a key matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyTarget {
    /// A field.
    Field(FieldRef),
    /// The validity of a header, for [`MatchType::Valid`].
    Header(String),
}

impl Serialize for KeyTarget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Field(field) => field.serialize(serializer),
            Self::Header(header) => header.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for KeyTarget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TargetVisitor;
        impl<'de> Visitor<'de> for TargetVisitor {
            type Value = KeyTarget;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a pair of header and field, or the name of a header")
            }
            fn visit_str<E: serde::de::Error>(self, header: &str) -> Result<KeyTarget, E> {
                Ok(KeyTarget::Header(header.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, pair: A) -> Result<KeyTarget, A::Error> {
                FieldRef::deserialize(SeqAccessDeserializer::new(pair)).map(KeyTarget::Field)
            }
        }
        deserializer.deserialize_any(TargetVisitor)
    }
}

/// How a key is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchType {
    /// Whether a header is valid (P4-14).
    Valid,
    /// Equal.
    Exact,
    /// Longest prefix.
    Lpm,
    /// Value and mask, by priority.
    Ternary,
    /// From one value to another, by priority.
    Range,
}

/// How an entry names its action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableType {
    /// Action and arguments in the entry.
    Simple,
    /// A member of an action profile.
    Indirect,
    /// A member or a group of an action profile with a selector.
    IndirectWs,
}

/// The default action of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultEntry {
    /// Id of the action.
    pub action_id: u32,
    /// Whether the control plane must not set another action.
    #[serde(default)]
    pub action_const: bool,
    /// The arguments.
    #[serde(default)]
    pub action_data: Vec<HexString>,
    /// Whether the control plane must not set other arguments either.
    #[serde(default)]
    pub action_entry_const: bool,
}

/// An entry that a table has from the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it stands in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_info: Option<SourceInfo>,
    /// What it matches, in the order of the table's key.
    pub match_key: Vec<EntryKey>,
    /// The action.
    pub action_entry: ActionEntry,
    /// For ternary and range tables: the **smallest** number wins, unlike in P4Runtime.
    #[serde(default)]
    pub priority: i64,
    /// Whether it is constant among others that are not. p4c and BMv2 do not know this member:
    /// where it is missing, P4Info decides for the whole table.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_const: bool,
}

/// What an entry matches in one element of the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "match_type", rename_all = "snake_case")]
pub enum EntryKey {
    /// The validity of a header.
    Valid {
        /// Whether it must be valid.
        key: bool,
    },
    /// A value.
    Exact {
        /// The value.
        key: HexString,
    },
    /// A prefix.
    Lpm {
        /// The value.
        key: HexString,
        /// Length of the prefix in bits.
        prefix_length: u32,
    },
    /// A value under a mask.
    Ternary {
        /// The value.
        key: HexString,
        /// The mask.
        mask: HexString,
    },
    /// A range.
    Range {
        /// The smallest value.
        start: HexString,
        /// The largest value.
        end: HexString,
    },
}

/// An action with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionEntry {
    /// Id of the action.
    pub action_id: u32,
    /// The arguments.
    pub action_data: Vec<HexString>,
}

/// An action profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionProfile {
    /// Name of the action profile.
    pub name: String,
    /// Unique among the action profiles of all pipelines.
    pub id: u32,
    /// Where it stands in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_info: Option<SourceInfo>,
    /// How many members it can hold.
    pub max_size: u64,
    /// How a member of a group is selected, if there are groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
}

/// How a member of a group is selected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Selector {
    /// Name of the hash algorithm.
    pub algo: String,
    /// What is hashed: fields.
    pub input: Vec<Value>,
}

/// A condition of a pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conditional {
    /// Name of the condition.
    pub name: String,
    /// Unique among the conditions of all pipelines.
    pub id: u32,
    /// Where it stands in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_info: Option<SourceInfo>,
    /// The Boolean expression.
    pub expression: Value,
    /// What comes next if it holds. `None` at the end of the pipeline.
    #[serde(default)]
    pub true_next: Option<String>,
    /// What comes next if it does not.
    #[serde(default)]
    pub false_next: Option<String>,
}
