//! One-shot action sets (section 9.2.3).

use p4runtime_proto::bytestring;
use p4runtime_proto::p4::v1::action_profile_action_set::{ActionSelectionMode, SizeSemantics};
use p4runtime_proto::p4::v1::{self, action_profile_action};

use super::action_profile::{check_watch_port, decode_watch_port, decode_weight, group_size};
use super::{PortNumbers, Result};
use crate::control::{ActionSet, SetAction};
use crate::p4runtime::action::{self, Use};
use crate::p4runtime::refusal::Refusal;
use crate::p4runtime::schema::{self, Profile, Table};

/// The one-shot set for the switch, and the message as it will be read back (section 9.2.3).
pub(super) fn decode_action_set(
    schema: &schema::Schema,
    ports: &PortNumbers,
    table: &Table,
    profile: &Profile,
    given: &v1::ActionProfileActionSet,
) -> Result<(ActionSet, v1::ActionProfileActionSet)> {
    if !profile.has_selector {
        return Err(Refusal::invalid_argument(format!(
            "{} has no selector, so there are no action sets",
            profile.object
        )));
    }
    let size = match (given.size_semantics(), profile.size) {
        (SizeSemantics::DefaultSizeDeterminedByActionSelector, size) => size,
        (SizeSemantics::SumOfWeights, _) => schema::SizeSemantics::SumOfWeights,
        (SizeSemantics::SumOfMembers, size @ schema::SizeSemantics::SumOfMembers { .. }) => size,
        (SizeSemantics::SumOfMembers, schema::SizeSemantics::SumOfWeights) => {
            schema::SizeSemantics::SumOfMembers {
                max_member_weight: 0,
            }
        }
    };
    let mut written = given.clone();
    let mut actions = Vec::with_capacity(given.action_profile_actions.len());
    for (index, given) in written.action_profile_actions.iter_mut().enumerate() {
        let place = |refusal: Refusal| refusal.at(format!("action {index} of the set"));
        let unset = || Refusal::invalid_argument("the action is not set");
        let action = given
            .action
            .as_ref()
            .ok_or_else(unset)
            .and_then(|given| action::decode(schema, table, given, Use::Entry));
        let action = action.map_err(place)?;
        // Read back in canonical form.
        given.action = Some(action::encode(schema, &action)?);
        let weight = decode_weight(profile, size, given.weight).map_err(place)?;
        #[allow(deprecated)] // Clients may still use the integer.
        let watch_port = match &mut given.watch_kind {
            Some(action_profile_action::WatchKind::WatchPort(port)) => {
                decode_watch_port(ports, port)
            }
            Some(action_profile_action::WatchKind::Watch(port)) => check_watch_port(ports, *port),
            None => Ok(None),
        };
        if matches!(&given.watch_kind,
            Some(action_profile_action::WatchKind::WatchPort(port)) if port.is_empty())
        {
            given.watch_kind = None;
        }
        actions.push(SetAction {
            action,
            weight,
            watch_port: watch_port.map_err(place)?,
        });
    }
    let size = group_size(size, actions.iter().map(|action| action.weight));
    if profile.max_group_size > 0 && size > u64::from(profile.max_group_size) {
        return Err(Refusal::invalid_argument(format!(
            "the size of the set is {size}, more than {}, the max_group_size of the P4Info",
            profile.max_group_size
        )));
    }
    let group_action = match &mut written.group_action {
        Some(given) => {
            let call = action::decode(schema, table, given, Use::Group)
                .map_err(|refusal| refusal.at("the group action of the set"))?;
            *given = action::encode(schema, &call)?;
            Some(call)
        }
        None => None,
    };
    let set = ActionSet {
        actions,
        at_random: given.action_selection_mode() == ActionSelectionMode::Random,
        group_action,
    };
    Ok((set, written))
}

/// The message of an action set that the program itself gives.
pub(super) fn encode_action_set(
    schema: &schema::Schema,
    set: &ActionSet,
) -> Result<v1::ActionProfileActionSet> {
    let actions = set.actions.iter().map(|held| {
        Ok(v1::ActionProfileAction {
            action: Some(action::encode(schema, &held.action)?),
            weight: i32::try_from(held.weight).unwrap_or(i32::MAX),
            watch_kind: held.watch_port.map(|port| {
                action_profile_action::WatchKind::WatchPort(bytestring::encode(port.into()))
            }),
        })
    });
    Ok(v1::ActionProfileActionSet {
        action_profile_actions: actions.collect::<Result<_>>()?,
        ..Default::default()
    })
}
