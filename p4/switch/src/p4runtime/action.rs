//! Actions with their arguments: from and to the Action message (section 9.1.2).

use p4runtime_proto::p4::v1;

use super::refusal::Refusal;
use super::schema::{Schema, Scope, Table};
use crate::control::ActionCall;

type Result<T> = std::result::Result<T, Refusal>;

/// What an action is to be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// In an entry, or a member of an action profile.
    Entry,
    /// As default action.
    Default,
    /// As group action of a one-shot set.
    Group,
}

/// Reads an action for `table`.
pub(crate) fn decode(
    schema: &Schema,
    table: &Table,
    given: &v1::Action,
    purpose: Use,
) -> Result<ActionCall> {
    let action = schema.action(given.action_id)?;
    let scope = table.actions.get(&given.action_id).ok_or_else(|| {
        Refusal::invalid_argument(format!("{} has no {}", table.object, action.object))
    })?;
    // Section 9.1.2: a valid action outside its scope is PERMISSION_DENIED.
    let denied = match (scope, purpose) {
        (Scope::DefaultOnly, Use::Entry) => Some("only as default action (@defaultonly)"),
        (Scope::TableOnly, Use::Default) => Some("only in entries (@tableonly)"),
        (Scope::Group, Use::Group) => None,
        (Scope::Group, _) => Some("only as group action (@groupaction)"),
        (_, Use::Group) => Some("in entries or as default action (no @groupaction)"),
        _ => None,
    };
    if let Some(denied) = denied {
        return Err(Refusal::permission_denied(format!(
            "{} may be used {denied} in {}",
            action.object, table.object
        )));
    }
    let arguments = action
        .params
        .iter()
        .map(|param| {
            let mut values = given
                .params
                .iter()
                .filter(|value| value.param_id == param.id);
            let place = || format!("parameter {} ({})", param.id, param.name);
            match (values.next(), values.next()) {
                (Some(value), None) => param
                    .decode(&value.value)
                    .map_err(|refusal| refusal.at(place())),
                (None, _) => Err(Refusal::invalid_argument("it has no value").at(place())),
                (Some(_), Some(_)) => {
                    Err(Refusal::invalid_argument("it is there twice").at(place()))
                }
            }
        })
        .collect::<Result<Vec<_>>>()
        .map_err(|refusal| refusal.at(&action.object))?;
    let known = |id: u32| action.params.iter().any(|param| param.id == id);
    if let Some(extra) = given.params.iter().find(|value| !known(value.param_id)) {
        return Err(Refusal::invalid_argument(format!(
            "{} has no parameter {}",
            action.object, extra.param_id
        )));
    }
    Ok(ActionCall::new(action.object.name.clone(), arguments))
}

/// The Action message of an action that the switch holds.
pub(crate) fn encode(schema: &Schema, held: &ActionCall) -> Result<v1::Action> {
    let action = schema.action_named(&held.name).ok_or_else(|| {
        Refusal::internal(format!("the P4Info has no action named {}", held.name))
    })?;
    Ok(v1::Action {
        action_id: action.object.id,
        params: action
            .params
            .iter()
            .zip(&held.arguments)
            .map(|(param, value)| v1::action::Param {
                param_id: param.id,
                value: param.encode(value),
            })
            .collect(),
    })
}
