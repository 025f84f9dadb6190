//! Table entries from the wire.

use std::collections::BTreeMap;
use std::sync::Arc;

use p4runtime_proto::p4::v1;

use super::{MatchField, MatchKind, Schema, Table};
use crate::{
    ActionCall, CounterValue, EntryAction, Match, MemberAction, MeterRates, TableEntry, Value,
    ValueError,
};

/// A message that does not fit the P4Info.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The P4Info has no object of that id.
    #[error("{element} {id:#010x} is not in the P4Info")]
    UnknownId {
        /// What the id should name.
        element: String,
        /// The id.
        id: u32,
    },
    /// A value does not fit.
    #[error("{element}: {source}")]
    Value {
        /// The field, parameter or metadata.
        element: String,
        /// Why it does not fit.
        source: ValueError,
    },
    /// A part of the message is missing, or of another kind than the P4Info says.
    #[error("{0} is missing or of the wrong kind")]
    Form(String),
}

impl Schema {
    /// Decodes a table entry that a switch sent.
    ///
    /// # Errors
    /// It does not fit the P4Info.
    pub fn decode_entry(&self, message: &v1::TableEntry) -> Result<TableEntry, DecodeError> {
        let table = self
            .table_by_id(message.table_id)
            .ok_or_else(|| DecodeError::UnknownId {
                element: "table".to_owned(),
                id: message.table_id,
            })?;
        let mut matches = BTreeMap::new();
        for field in &message.r#match {
            if let Some(matched) = decode_match(table, field)? {
                matches.insert(field.field_id, matched);
            }
        }
        let action = match &message.action {
            None => None,
            Some(action) => Some(decode_action(table, action)?),
        };
        Ok(TableEntry {
            table: Arc::clone(table),
            matches,
            priority: message.priority,
            action,
            meter: message.meter_config.as_ref().map(|config| MeterRates {
                cir: config.cir,
                cburst: config.cburst,
                pir: config.pir,
                pburst: config.pburst,
            }),
            counter: message.counter_data.as_ref().map(counter_value),
            is_default: message.is_default_action,
            is_const: message.is_const,
        })
    }
}

/// Counts are not negative; a switch that sends one counts as 0.
pub(crate) fn counter_value(data: &v1::CounterData) -> CounterValue {
    let count = |value: i64| value.try_into().unwrap_or(0);
    CounterValue {
        packets: count(data.packet_count),
        octets: count(data.byte_count),
    }
}

fn value(element: &str, bytes: &[u8], width: u32) -> Result<Value, DecodeError> {
    Value::from_wire(bytes, width).map_err(|source| DecodeError::Value {
        element: element.to_owned(),
        source,
    })
}

/// `None` for a match on everything, which some switches send and others leave out.
fn decode_match(table: &Table, message: &v1::FieldMatch) -> Result<Option<Match>, DecodeError> {
    use v1::field_match::FieldMatchType;
    let field = table
        .fields
        .iter()
        .find(|field| field.id == message.field_id);
    let field = field.ok_or_else(|| DecodeError::UnknownId {
        element: format!("match field of {}", table.name),
        id: message.field_id,
    })?;
    let MatchField {
        name, width, kind, ..
    } = field;
    let read = |bytes: &[u8]| value(&format!("{}.{name}", table.name), bytes, *width);
    let form = || DecodeError::Form(format!("match of {}.{name}", table.name));
    let matched = match (&message.field_match_type, kind) {
        (Some(FieldMatchType::Exact(exact)), MatchKind::Exact) => Match::Exact(read(&exact.value)?),
        (Some(FieldMatchType::Lpm(lpm)), MatchKind::Lpm) => {
            let length = u32::try_from(lpm.prefix_len)
                .ok()
                .filter(|length| length <= width);
            let prefix_length = length.ok_or_else(form)?;
            let mask = Value::prefix_mask(prefix_length, *width);
            Match::Lpm {
                value: read(&lpm.value)?.masked(&mask),
                prefix_length,
            }
        }
        (Some(FieldMatchType::Ternary(ternary)), MatchKind::Ternary) => {
            let mask = read(&ternary.mask)?;
            Match::Ternary {
                value: read(&ternary.value)?.masked(&mask),
                mask,
            }
        }
        (Some(FieldMatchType::Range(range)), MatchKind::Range) => Match::Range {
            low: read(&range.low)?,
            high: read(&range.high)?,
        },
        (Some(FieldMatchType::Optional(optional)), MatchKind::Optional) => {
            Match::Optional(read(&optional.value)?)
        }
        _ => return Err(form()),
    };
    Ok(match matched {
        Match::Lpm {
            prefix_length: 0, ..
        } => None,
        Match::Ternary { mask, .. } if mask.is_zero() => None,
        matched => Some(matched),
    })
}

fn decode_action(table: &Table, message: &v1::TableAction) -> Result<EntryAction, DecodeError> {
    use v1::table_action::Type;
    match &message.r#type {
        Some(Type::Action(action)) => Ok(EntryAction::Call(decode_call(table, action)?)),
        Some(Type::ActionProfileMemberId(id)) => Ok(EntryAction::Member(*id)),
        Some(Type::ActionProfileGroupId(id)) => Ok(EntryAction::Group(*id)),
        Some(Type::ActionProfileActionSet(set)) => {
            let members = set.action_profile_actions.iter();
            let members = members.map(|member| decode_member(table, member));
            Ok(EntryAction::Set(members.collect::<Result<_, _>>()?))
        }
        None => Err(DecodeError::Form(format!(
            "action of an entry of {}",
            table.name
        ))),
    }
}

fn decode_member(
    table: &Table,
    message: &v1::ActionProfileAction,
) -> Result<MemberAction, DecodeError> {
    use v1::action_profile_action::WatchKind;
    let form = |what: &str| DecodeError::Form(format!("{what} of an action set of {}", table.name));
    let action = message.action.as_ref().ok_or_else(|| form("action"))?;
    let watch_port = match &message.watch_kind {
        None => None,
        Some(WatchKind::WatchPort(port)) if port.is_empty() => None,
        Some(WatchKind::WatchPort(port)) => Some(value("watch port", port, u32::MAX)?),
        #[allow(deprecated)]
        Some(WatchKind::Watch(port)) => {
            Some(u32::try_from(*port).map_err(|_| form("watch port"))?.into())
        }
    };
    Ok(MemberAction {
        call: decode_call(table, action)?,
        weight: u32::try_from(message.weight).map_err(|_| form("weight"))?,
        watch_port,
    })
}

fn decode_call(table: &Table, message: &v1::Action) -> Result<ActionCall, DecodeError> {
    let action = table
        .actions
        .iter()
        .find(|action| action.id == message.action_id);
    let action = action.ok_or_else(|| DecodeError::UnknownId {
        element: format!("action of {}", table.name),
        id: message.action_id,
    })?;
    let mut arguments = Vec::with_capacity(action.params.len());
    for param in &action.params {
        let element = format!("parameter {} of {}", param.name, action.name);
        let sent = message.params.iter().find(|sent| sent.param_id == param.id);
        let sent = sent.ok_or_else(|| DecodeError::Form(element.clone()))?;
        arguments.push(value(&element, &sent.value, param.width)?);
    }
    Ok(ActionCall {
        action: Arc::clone(action),
        arguments,
    })
}
