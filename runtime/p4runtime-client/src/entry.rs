//! Table entries by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::{Action, Table, Value};

/// What a match field of an entry matches (section 9.1.1). A field that matches everything is left
/// out of the entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Match {
    /// The value.
    Exact(Value),
    /// Values of which the first bits are these.
    Lpm {
        /// The value; the bits behind the prefix are zero.
        value: Value,
        /// Length of the prefix in bits, at least 1.
        prefix_length: u32,
    },
    /// Values that agree in the bits of the mask.
    Ternary {
        /// The value; the bits outside the mask are zero.
        value: Value,
        /// The mask, not zero.
        mask: Value,
    },
    /// Values from `low` to `high`.
    Range {
        /// The smallest value.
        low: Value,
        /// The largest value.
        high: Value,
    },
    /// The value, in a field that may be left out.
    Optional(Value),
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(value) | Self::Optional(value) => write!(f, "{value}"),
            Self::Lpm {
                value,
                prefix_length,
            } => write!(f, "{value}/{prefix_length}"),
            Self::Ternary { value, mask } => write!(f, "{value}&&&{mask}"),
            Self::Range { low, high } => write!(f, "{low}..{high}"),
        }
    }
}

/// An action with its arguments, in the order of its parameters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionCall {
    pub(crate) action: Arc<Action>,
    pub(crate) arguments: Vec<Value>,
}

impl ActionCall {
    /// The action.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// The last component of the action's name, such as `swap`.
    pub fn name(&self) -> &str {
        self.action.short_name()
    }

    /// The argument of the parameter with this name.
    pub fn argument(&self, name: &str) -> Option<&Value> {
        let at = self
            .action
            .params
            .iter()
            .position(|param| param.name == name)?;
        self.arguments.get(at)
    }
}

impl fmt::Display for ActionCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name())?;
        for (index, (param, value)) in self.action.params.iter().zip(&self.arguments).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{}={value}", param.name)?;
        }
        f.write_str(")")
    }
}

impl fmt::Debug for ActionCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One member of a one-shot action set (section 9.2.3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberAction {
    /// The action.
    pub call: ActionCall,
    /// The share of the packets, relative to the sum of the weights, at least 1.
    pub weight: u32,
    /// The member is only used while this port is up.
    pub watch_port: Option<Value>,
}

/// What an entry does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EntryAction {
    /// One action.
    Call(ActionCall),
    /// A one-shot set of actions, among which the selector picks.
    Set(Vec<MemberAction>),
    /// A member of an action profile, by its id.
    Member(u32),
    /// A group of an action selector, by its id.
    Group(u32),
}

impl EntryAction {
    /// The action, if it is a single one.
    pub fn call(&self) -> Option<&ActionCall> {
        match self {
            Self::Call(call) => Some(call),
            _ => None,
        }
    }

    /// The members, if it is a one-shot set.
    pub fn set(&self) -> Option<&[MemberAction]> {
        match self {
            Self::Set(members) => Some(members),
            _ => None,
        }
    }
}

impl fmt::Display for EntryAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(call) => write!(f, "{call}"),
            Self::Set(members) => {
                for (index, member) in members.iter().enumerate() {
                    let separator = if index == 0 { "" } else { " | " };
                    write!(f, "{separator}{} weight {}", member.call, member.weight)?;
                }
                Ok(())
            }
            Self::Member(id) => write!(f, "member {id}"),
            Self::Group(id) => write!(f, "group {id}"),
        }
    }
}

/// The rates of a two-rate three-colour meter (RFC 2698), in packets or octets a second as the
/// meter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MeterRates {
    /// Committed information rate.
    pub cir: i64,
    /// Committed burst size.
    pub cburst: i64,
    /// Peak information rate: above it a packet is red.
    pub pir: i64,
    /// Peak burst size.
    pub pburst: i64,
}

/// Packets and octets that were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CounterValue {
    /// Packets.
    pub packets: u64,
    /// Octets of the packets.
    pub octets: u64,
}

/// An entry of a table, with the table's description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableEntry {
    pub(crate) table: Arc<Table>,
    /// By match field id.
    pub(crate) matches: BTreeMap<u32, Match>,
    pub(crate) priority: i32,
    pub(crate) action: Option<EntryAction>,
    pub(crate) meter: Option<MeterRates>,
    pub(crate) counter: Option<CounterValue>,
    pub(crate) is_default: bool,
    pub(crate) is_const: bool,
}

impl TableEntry {
    /// The table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// What the field with this name matches; `None` when it matches everything.
    pub fn field(&self, name: &str) -> Option<&Match> {
        let field = self.table.fields.iter().find(|field| field.name == name)?;
        self.matches.get(&field.id)
    }

    /// The value of an exact or optional field with this name.
    pub fn exact(&self, name: &str) -> Option<&Value> {
        match self.field(name)? {
            Match::Exact(value) | Match::Optional(value) => Some(value),
            _ => None,
        }
    }

    /// The priority; the largest one wins. 0 in tables that have no ternary, range or optional
    /// field.
    pub fn priority(&self) -> i32 {
        self.priority
    }

    /// What the entry does; `None` in a request that only names the entry.
    pub fn action(&self) -> Option<&EntryAction> {
        self.action.as_ref()
    }

    /// The direct meter's rates, when they are not the default.
    pub fn meter(&self) -> Option<MeterRates> {
        self.meter
    }

    /// The direct counter, when it was asked for.
    pub fn counter(&self) -> Option<CounterValue> {
        self.counter
    }

    /// Whether it is the default entry of the table.
    pub fn is_default(&self) -> bool {
        self.is_default
    }

    /// Whether it is constant in the P4 program.
    pub fn is_const(&self) -> bool {
        self.is_const
    }
}

impl fmt::Display for TableEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [", self.table.short_name())?;
        let mut separator = "";
        for field in &self.table.fields {
            if let Some(matched) = self.matches.get(&field.id) {
                write!(f, "{separator}{}={matched}", field.name)?;
                separator = ", ";
            }
        }
        f.write_str("]")?;
        match &self.action {
            Some(action) => write!(f, " -> {action}"),
            None => Ok(()),
        }
    }
}
