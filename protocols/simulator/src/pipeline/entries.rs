//! Entries of P4Runtime as p4-switch's control API has them.

use dataplane::{Key, Value};
use p4_switch::control::{ActionCall, EntryAction, EntryKey, KeyMatch, TableEntry};
use p4runtime_client::{EntryAction as Action, Match, Schema};

/// The table and the entry of a key with a value.
///
/// # Errors
/// The program has no such entry.
pub(super) fn entry(
    schema: &Schema,
    key: &Key,
    value: &Value,
) -> Result<(String, TableEntry), String> {
    let entry = dataplane::encode(schema, key, value).map_err(|error| error.to_string())?;
    let fields = entry.table().fields.iter();
    let matches = fields.map(|field| match entry.field(&field.name) {
        None => KeyMatch::Any,
        Some(Match::Exact(value) | Match::Optional(value)) => KeyMatch::Exact(value.to_wire()),
        Some(Match::Lpm {
            value,
            prefix_length,
        }) => KeyMatch::Lpm {
            value: value.to_wire(),
            prefix_length: *prefix_length,
        },
        Some(Match::Ternary { value, mask }) => KeyMatch::Ternary {
            value: value.to_wire(),
            mask: mask.to_wire(),
        },
        Some(Match::Range { low, high }) => KeyMatch::Range {
            low: low.to_wire(),
            high: high.to_wire(),
        },
    });
    let Some(Action::Call(call)) = entry.action() else {
        return Err(format!("{entry} has no single action"));
    };
    let parameters = call.action().params.iter();
    let arguments = parameters.map(|of| call.argument(&of.name).map(|value| value.to_wire()));
    let arguments = arguments.collect::<Option<Vec<_>>>();
    let arguments = arguments.ok_or_else(|| format!("{entry} lacks an argument"))?;
    let made = TableEntry {
        key: EntryKey {
            matches: matches.collect(),
            priority: entry.priority().unsigned_abs(),
        },
        action: EntryAction::Action(ActionCall::new(call.action().name.clone(), arguments)),
    };
    Ok((entry.table().name.clone(), made))
}
