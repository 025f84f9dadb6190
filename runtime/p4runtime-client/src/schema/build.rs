//! Building table entries by names.

use std::collections::BTreeMap;
use std::sync::Arc;

use p4runtime_proto::p4::v1;

use super::{MatchField, MatchKind, Schema, SchemaError, Table};
use crate::{
    ActionCall, EntryAction, Match, MemberAction, MeterRates, TableEntry, Value, ValueError,
};

/// An entry that does not fit its table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// There is no such table.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The table has no match field of that name.
    #[error("table {table} has no match field {field}")]
    NoField {
        /// The table.
        table: String,
        /// The name that was asked for.
        field: String,
    },
    /// The field matches in another way.
    #[error("table {table}: field {field} is matched as {kind:?}")]
    FieldKind {
        /// The table.
        table: String,
        /// The field.
        field: String,
        /// How it matches.
        kind: MatchKind,
    },
    /// A value does not fit.
    #[error("table {table}: {element}: {source}")]
    Value {
        /// The table.
        table: String,
        /// The field or parameter.
        element: String,
        /// Why the value does not fit.
        source: ValueError,
    },
    /// An exact field is missing.
    #[error("table {table}: exact field {field} is missing")]
    MissingField {
        /// The table.
        table: String,
        /// The field.
        field: String,
    },
    /// The table's entries cannot have the action.
    #[error("table {table} has no action {action}")]
    NoAction {
        /// The table.
        table: String,
        /// The name that was asked for.
        action: String,
    },
    /// The arguments are not those of the action.
    #[error("table {table}: action {action} takes ({expected}), not ({given})")]
    Arguments {
        /// The table.
        table: String,
        /// The action.
        action: String,
        /// Names of its parameters.
        expected: String,
        /// Names of the arguments.
        given: String,
    },
    /// An indirect table takes action sets, a direct one takes an action.
    #[error("table {table} is {}", if *.indirect { "indirect: give it an action set" } else { "direct: give it one action" })]
    Implementation {
        /// The table.
        table: String,
        /// Whether it has an action profile or selector.
        indirect: bool,
    },
    /// An action set without members, or a member with weight 0.
    #[error("table {table}: an action set has members, each with a weight of at least 1")]
    EmptySet {
        /// The table.
        table: String,
    },
    /// The priority is missing or not wanted (section 9.1).
    #[error("table {table}: {}", if *.wanted { "a priority of at least 1 is needed" } else { "there is no priority in a table of exact and lpm fields" })]
    Priority {
        /// The table.
        table: String,
        /// Whether the table's entries have a priority.
        wanted: bool,
    },
    /// The table has no direct meter.
    #[error("table {table} has no direct meter")]
    NoMeter {
        /// The table.
        table: String,
    },
}

/// Builds a [`TableEntry`] by names.
#[derive(Debug, Clone)]
pub struct EntryBuilder {
    table: Arc<Table>,
    matches: BTreeMap<u32, Match>,
    priority: i32,
    action: Option<EntryAction>,
    meter: Option<MeterRates>,
}

impl Schema {
    /// Begins an entry of the table of this name.
    ///
    /// # Errors
    /// There is no such table.
    pub fn entry(&self, table: &str) -> Result<EntryBuilder, EntryError> {
        Ok(EntryBuilder {
            table: Arc::clone(self.table(table)?),
            matches: BTreeMap::new(),
            priority: 0,
            action: None,
            meter: None,
        })
    }
}

impl EntryBuilder {
    fn field(&self, name: &str) -> Result<MatchField, EntryError> {
        let found = self.table.fields.iter().find(|field| field.name == name);
        found.cloned().ok_or_else(|| EntryError::NoField {
            table: self.table.name.clone(),
            field: name.to_owned(),
        })
    }

    fn check(&self, element: &str, value: &Value, width: u32) -> Result<(), EntryError> {
        value
            .check_width(width)
            .map_err(|source| EntryError::Value {
                table: self.table.name.clone(),
                element: element.to_owned(),
                source,
            })
    }

    fn kind_error(&self, field: MatchField) -> EntryError {
        EntryError::FieldKind {
            table: self.table.name.clone(),
            field: field.name,
            kind: field.kind,
        }
    }

    /// Matches an exact or optional field.
    ///
    /// # Errors
    /// There is no such field, it matches in another way, or the value does not fit.
    pub fn exact(mut self, name: &str, value: impl Into<Value>) -> Result<Self, EntryError> {
        let (field, value) = (self.field(name)?, value.into());
        self.check(name, &value, field.width)?;
        let matched = match field.kind {
            MatchKind::Exact => Match::Exact(value),
            MatchKind::Optional => Match::Optional(value),
            _ => return Err(self.kind_error(field)),
        };
        self.matches.insert(field.id, matched);
        Ok(self)
    }

    /// Matches a longest prefix field. A prefix of length 0 leaves the field out; bits behind the
    /// prefix are set to zero.
    ///
    /// # Errors
    /// There is no such field, it matches in another way, the value does not fit, or the prefix is
    /// longer than the field.
    pub fn lpm(
        mut self,
        name: &str,
        value: impl Into<Value>,
        prefix_length: u32,
    ) -> Result<Self, EntryError> {
        let (field, value) = (self.field(name)?, value.into());
        self.check(name, &value, field.width)?;
        if field.kind != MatchKind::Lpm {
            return Err(self.kind_error(field));
        }
        if prefix_length > field.width {
            let source = ValueError::TooLarge(prefix_length.into(), field.width);
            let element = format!("prefix length of {name}");
            return Err(EntryError::Value {
                table: self.table.name.clone(),
                element,
                source,
            });
        }
        if prefix_length > 0 {
            let value = value.masked(&Value::prefix_mask(prefix_length, field.width));
            self.matches.insert(
                field.id,
                Match::Lpm {
                    value,
                    prefix_length,
                },
            );
        }
        Ok(self)
    }

    /// Matches a ternary field. A mask of zero leaves the field out; bits outside the mask are set
    /// to zero.
    ///
    /// # Errors
    /// There is no such field, it matches in another way, or a value does not fit.
    pub fn ternary(
        mut self,
        name: &str,
        value: impl Into<Value>,
        mask: impl Into<Value>,
    ) -> Result<Self, EntryError> {
        let (field, value, mask) = (self.field(name)?, value.into(), mask.into());
        self.check(name, &value, field.width)?;
        self.check(name, &mask, field.width)?;
        if field.kind != MatchKind::Ternary {
            return Err(self.kind_error(field));
        }
        if !mask.is_zero() {
            self.matches.insert(
                field.id,
                Match::Ternary {
                    value: value.masked(&mask),
                    mask,
                },
            );
        }
        Ok(self)
    }

    /// Matches a range field.
    ///
    /// # Errors
    /// There is no such field, it matches in another way, or a value does not fit.
    pub fn range(
        mut self,
        name: &str,
        low: impl Into<Value>,
        high: impl Into<Value>,
    ) -> Result<Self, EntryError> {
        let (field, low, high) = (self.field(name)?, low.into(), high.into());
        self.check(name, &low, field.width)?;
        self.check(name, &high, field.width)?;
        if field.kind != MatchKind::Range {
            return Err(self.kind_error(field));
        }
        self.matches.insert(field.id, Match::Range { low, high });
        Ok(self)
    }

    /// The priority; the largest one wins.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    fn call(&self, name: &str, arguments: &[(&str, Value)]) -> Result<ActionCall, EntryError> {
        let is_named = |full: &str, short: &str| full == name || short == name;
        let found = self
            .table
            .actions
            .iter()
            .find(|act| is_named(&act.name, act.short_name()));
        let action = found.cloned().ok_or_else(|| EntryError::NoAction {
            table: self.table.name.clone(),
            action: name.to_owned(),
        })?;
        let mut values = Vec::with_capacity(action.params.len());
        for param in &action.params {
            let Some((_, value)) = arguments.iter().find(|(name, _)| *name == param.name) else {
                break;
            };
            self.check(&param.name, value, param.width)?;
            values.push(value.clone());
        }
        if values.len() != action.params.len() || values.len() != arguments.len() {
            let expected: Vec<_> = action
                .params
                .iter()
                .map(|param| param.name.as_str())
                .collect();
            let given: Vec<_> = arguments.iter().map(|(name, _)| *name).collect();
            return Err(EntryError::Arguments {
                table: self.table.name.clone(),
                action: name.to_owned(),
                expected: expected.join(", "),
                given: given.join(", "),
            });
        }
        Ok(ActionCall {
            action,
            arguments: values,
        })
    }

    /// The action of the entry, by its full or short name, with its arguments by name.
    ///
    /// # Errors
    /// The table is indirect, does not have the action, or the arguments do not fit.
    pub fn action(mut self, name: &str, arguments: &[(&str, Value)]) -> Result<Self, EntryError> {
        if self.table.implementation.is_some() {
            return Err(EntryError::Implementation {
                table: self.table.name.clone(),
                indirect: true,
            });
        }
        self.action = Some(EntryAction::Call(self.call(name, arguments)?));
        Ok(self)
    }

    /// Adds a member to the one-shot action set of the entry.
    ///
    /// # Errors
    /// The table is direct, does not have the action, the arguments do not fit, or the weight is 0.
    pub fn member(
        mut self,
        name: &str,
        arguments: &[(&str, Value)],
        weight: u32,
        watch_port: Option<Value>,
    ) -> Result<Self, EntryError> {
        let table = || self.table.name.clone();
        if self.table.implementation.is_none() {
            return Err(EntryError::Implementation {
                table: table(),
                indirect: false,
            });
        }
        if weight == 0 || i32::try_from(weight).is_err() {
            return Err(EntryError::EmptySet { table: table() });
        }
        let call = self.call(name, arguments)?;
        let member = MemberAction {
            call,
            weight,
            watch_port,
        };
        match &mut self.action {
            Some(EntryAction::Set(members)) => members.push(member),
            _ => self.action = Some(EntryAction::Set(vec![member])),
        }
        Ok(self)
    }

    /// The rates of the direct meter.
    ///
    /// # Errors
    /// The table has none.
    pub fn meter(mut self, rates: MeterRates) -> Result<Self, EntryError> {
        if !self.table.has_meter {
            return Err(EntryError::NoMeter {
                table: self.table.name.clone(),
            });
        }
        self.meter = Some(rates);
        Ok(self)
    }

    /// The entry.
    ///
    /// # Errors
    /// An exact field is missing, or the priority is missing or not wanted.
    pub fn build(self) -> Result<TableEntry, EntryError> {
        let table = || self.table.name.clone();
        let missing =
            self.table.fields.iter().find(|field| {
                field.kind == MatchKind::Exact && !self.matches.contains_key(&field.id)
            });
        if let Some(field) = missing {
            return Err(EntryError::MissingField {
                table: table(),
                field: field.name.clone(),
            });
        }
        let wanted = self.table.has_priority();
        if wanted != (self.priority > 0) {
            return Err(EntryError::Priority {
                table: table(),
                wanted,
            });
        }
        Ok(TableEntry {
            table: self.table,
            matches: self.matches,
            priority: self.priority,
            action: self.action,
            meter: self.meter,
            counter: None,
            is_default: false,
            is_const: false,
        })
    }
}

impl From<&TableEntry> for v1::TableEntry {
    /// The message; without counter values, which a client does not write.
    fn from(entry: &TableEntry) -> Self {
        Self {
            table_id: entry.table.id,
            r#match: entry
                .matches
                .iter()
                .map(|(&id, matched)| field_match(id, matched))
                .collect(),
            action: entry.action.as_ref().map(table_action),
            priority: entry.priority,
            meter_config: entry.meter.map(|rates| v1::MeterConfig {
                cir: rates.cir,
                cburst: rates.cburst,
                pir: rates.pir,
                pburst: rates.pburst,
                ..Default::default()
            }),
            is_default_action: entry.is_default,
            ..Default::default()
        }
    }
}

fn field_match(field_id: u32, matched: &Match) -> v1::FieldMatch {
    use v1::field_match::{Exact, FieldMatchType, Lpm, Optional, Range, Ternary};
    let kind = match matched {
        Match::Exact(value) => FieldMatchType::Exact(Exact {
            value: value.to_wire(),
        }),
        Match::Lpm {
            value,
            prefix_length,
        } => FieldMatchType::Lpm(Lpm {
            value: value.to_wire(),
            // The builder and the decoder keep it within the width of the field.
            prefix_len: *prefix_length as i32,
        }),
        Match::Ternary { value, mask } => FieldMatchType::Ternary(Ternary {
            value: value.to_wire(),
            mask: mask.to_wire(),
        }),
        Match::Range { low, high } => FieldMatchType::Range(Range {
            low: low.to_wire(),
            high: high.to_wire(),
        }),
        Match::Optional(value) => FieldMatchType::Optional(Optional {
            value: value.to_wire(),
        }),
    };
    v1::FieldMatch {
        field_id,
        field_match_type: Some(kind),
    }
}

fn table_action(action: &EntryAction) -> v1::TableAction {
    use v1::table_action::Type;
    let kind = match action {
        EntryAction::Call(call) => Type::Action(call_message(call)),
        EntryAction::Set(members) => Type::ActionProfileActionSet(v1::ActionProfileActionSet {
            action_profile_actions: members.iter().map(member_message).collect(),
            ..Default::default()
        }),
        EntryAction::Member(id) => Type::ActionProfileMemberId(*id),
        EntryAction::Group(id) => Type::ActionProfileGroupId(*id),
    };
    v1::TableAction { r#type: Some(kind) }
}

fn call_message(call: &ActionCall) -> v1::Action {
    let params = call.action.params.iter().zip(&call.arguments);
    v1::Action {
        action_id: call.action.id,
        params: params
            .map(|(param, value)| v1::action::Param {
                param_id: param.id,
                value: value.to_wire(),
            })
            .collect(),
    }
}

fn member_message(member: &MemberAction) -> v1::ActionProfileAction {
    use v1::action_profile_action::WatchKind;
    v1::ActionProfileAction {
        action: Some(call_message(&member.call)),
        // The builder refuses weights beyond this type.
        weight: member.weight as i32,
        watch_kind: member
            .watch_port
            .as_ref()
            .map(|port| WatchKind::WatchPort(port.to_wire())),
    }
}
