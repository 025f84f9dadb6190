//! Members and groups of action profiles (sections 9.2.1 and 9.2.2).

use std::collections::BTreeSet;

use p4runtime_proto::bytestring;
use p4runtime_proto::p4::v1::{
    self, action_profile_group::member, entity::Entity as Kind, update::Type,
};

use super::{PortNumbers, Reader, Result, Writer};
use crate::control::{ActionCall, Group, GroupMember, PortNumber};
use crate::p4runtime::action::{self, Use};
use crate::p4runtime::refusal::Refusal;
use crate::p4runtime::schema::{Profile, SizeSemantics as ProfileSize};

impl Writer<'_, '_> {
    pub(super) fn write_member(
        &mut self,
        operation: Type,
        given: &v1::ActionProfileMember,
    ) -> Result<()> {
        let profile = self.schema.profile(given.action_profile_id)?;
        self.write_member_of(operation, profile, given)
            .map_err(|refusal| refusal.at(&profile.object))
    }

    fn write_member_of(
        &mut self,
        operation: Type,
        profile: &Profile,
        given: &v1::ActionProfileMember,
    ) -> Result<()> {
        let (name, id) = (&profile.object.name, given.member_id);
        if id == 0 {
            return Err(Refusal::invalid_argument("the member id is not set"));
        }
        if operation == Type::Delete {
            return Ok(self.state.delete_member(name, id)?);
        }
        let place = |refusal: Refusal| refusal.at(format!("member {id}"));
        let call = self
            .decode_member_action(profile, given.action.as_ref())
            .map_err(place)?;
        if operation == Type::Insert {
            self.refuse_beside_action_sets(profile)?;
            self.state.insert_member(name, id, &call)?;
        } else {
            self.state.modify_member(name, id, &call)?;
        }
        Ok(())
    }

    fn decode_member_action(
        &self,
        profile: &Profile,
        given: Option<&v1::Action>,
    ) -> Result<ActionCall> {
        let given = given.ok_or_else(|| Refusal::invalid_argument("the action is not set"))?;
        // Section 9.2.1: the tables of one profile have the same actions.
        let table = profile.tables.first().ok_or_else(|| {
            Refusal::invalid_argument("no table uses the action profile, so it has no actions")
        })?;
        action::decode(self.schema, self.schema.table(*table)?, given, Use::Entry)
    }

    pub(super) fn write_group(
        &mut self,
        operation: Type,
        given: &v1::ActionProfileGroup,
    ) -> Result<()> {
        let profile = self.schema.profile(given.action_profile_id)?;
        self.write_group_of(operation, profile, given)
            .map_err(|refusal| refusal.at(&profile.object))
    }

    fn write_group_of(
        &mut self,
        operation: Type,
        profile: &Profile,
        given: &v1::ActionProfileGroup,
    ) -> Result<()> {
        let (name, id) = (&profile.object.name, given.group_id);
        let key = (profile.object.id, id);
        if !profile.has_selector {
            return Err(Refusal::invalid_argument(
                "it has no selector, so there are no groups",
            ));
        }
        if id == 0 {
            return Err(Refusal::invalid_argument("the group id is not set"));
        }
        if operation == Type::Delete {
            self.state.delete_group(name, id)?;
            self.notes.groups.remove(&key);
            return Ok(());
        }
        let place = |refusal: Refusal| refusal.at(format!("group {id}"));
        if operation == Type::Modify {
            let old = self.notes.groups.get(&key);
            let old = old.ok_or_else(|| place(Refusal::not_found("it is not there")))?;
            if old.max_size != given.max_size {
                return Err(place(Refusal::invalid_argument(format!(
                    "max_size cannot change from {} to {}",
                    old.max_size, given.max_size
                ))));
            }
        } else {
            self.refuse_beside_action_sets(profile)?;
        }
        let (held, written) = self.decode_group(profile, given).map_err(place)?;
        if operation == Type::Insert {
            self.state.insert_group(name, id, &held)?;
        } else {
            self.state.modify_group(name, id, &held)?;
        }
        self.notes.groups.insert(key, written);
        Ok(())
    }

    /// The group for the switch, and the message as it will be read back.
    fn decode_group(
        &self,
        profile: &Profile,
        given: &v1::ActionProfileGroup,
    ) -> Result<(Group, v1::ActionProfileGroup)> {
        let max_size = u32::try_from(given.max_size).map_err(|_| {
            Refusal::invalid_argument(format!("max_size {} is negative", given.max_size))
        })?;
        // Section 9.2.2, rules on setting max_size.
        if profile.max_group_size > 0 && !(1..=profile.max_group_size).contains(&max_size) {
            return Err(Refusal::invalid_argument(format!(
                "max_size {max_size} is not 1 to {}, the max_group_size of the P4Info",
                profile.max_group_size
            )));
        }
        let mut written = given.clone();
        let mut seen = BTreeSet::new();
        let mut members = Vec::with_capacity(given.members.len());
        for given in &mut written.members {
            let id = given.member_id;
            if !seen.insert(id) {
                return Err(Refusal::invalid_argument(format!(
                    "member {id} is there twice"
                )));
            }
            let place = |refusal: Refusal| refusal.at(format!("member {id}"));
            let weight = decode_weight(profile, profile.size, given.weight).map_err(place)?;
            #[allow(deprecated)] // Clients may still use the integer.
            let watch_port = match &mut given.watch_kind {
                Some(member::WatchKind::WatchPort(port)) => decode_watch_port(self.ports, port),
                Some(member::WatchKind::Watch(port)) => check_watch_port(self.ports, *port),
                None => Ok(None),
            };
            if matches!(&given.watch_kind, Some(member::WatchKind::WatchPort(p)) if p.is_empty()) {
                given.watch_kind = None;
            }
            members.push(GroupMember {
                member: id,
                weight,
                watch_port: watch_port.map_err(place)?,
            });
        }
        let size = group_size(profile.size, members.iter().map(|member| member.weight));
        if max_size > 0 && size > u64::from(max_size) {
            return Err(Refusal::resource_exhausted(format!(
                "its size is {size}, more than its max_size {max_size}"
            )));
        }
        // The limit of the group is checked here, by the size semantics of the P4Info.
        Ok((
            Group {
                members,
                max_size: 0,
            },
            written,
        ))
    }

    /// Section 9.2.3: the tables of a selector are programmed in one of the two styles.
    pub(super) fn refuse_beside_action_sets(&self, profile: &Profile) -> Result<()> {
        match self.notes.action_sets.get(&profile.object.id) {
            None | Some(0) => Ok(()),
            Some(sets) => Err(Refusal::invalid_argument(format!(
                "{} has {sets} entries with one-shot action sets, so it cannot have members and \
                 groups as well",
                profile.object
            ))),
        }
    }
}

/// Reads a watch port and makes it canonical.
pub(super) fn decode_watch_port(
    ports: &PortNumbers,
    port: &mut Vec<u8>,
) -> Result<Option<PortNumber>> {
    if port.is_empty() {
        return Ok(None);
    }
    let number = ports.decode(port)?;
    *port = bytestring::canonical(port).to_vec();
    check_watch_port(ports, i32::try_from(number).unwrap_or(-1))
}

pub(super) fn check_watch_port(ports: &PortNumbers, port: i32) -> Result<Option<PortNumber>> {
    match u32::try_from(port) {
        Ok(number) if ports.ports.contains(&number) => Ok(Some(number)),
        _ => Err(Refusal::invalid_argument(format!(
            "watch port {port} is not a port of this switch, which has {:?}",
            ports.ports
        ))),
    }
}

impl Reader<'_> {
    pub(super) fn read_members(
        &self,
        filter: &v1::ActionProfileMember,
        out: &mut Vec<Kind>,
    ) -> Result<()> {
        for profile in self.profiles(filter.action_profile_id)? {
            let name = &profile.object.name;
            let members = match filter.member_id {
                0 => self.state.members(name)?,
                id => (self.state.member(name, id)?.map(|call| (id, call)))
                    .into_iter()
                    .collect(),
            };
            for (member_id, call) in members {
                out.push(Kind::ActionProfileMember(v1::ActionProfileMember {
                    action_profile_id: profile.object.id,
                    member_id,
                    action: Some(action::encode(self.schema, &call)?),
                }));
            }
        }
        Ok(())
    }

    pub(super) fn read_groups(
        &self,
        filter: &v1::ActionProfileGroup,
        out: &mut Vec<Kind>,
    ) -> Result<()> {
        self.profiles(filter.action_profile_id)?;
        let (profile, group) = (filter.action_profile_id, filter.group_id);
        if profile != 0 && group != 0 {
            let group = self.notes.groups.get(&(profile, group));
            out.extend(group.cloned().map(Kind::ActionProfileGroup));
            return Ok(());
        }
        let groups = (self.notes.groups.iter())
            .filter(|((p, g), _)| (profile == 0 || profile == *p) && (group == 0 || group == *g));
        out.extend(groups.map(|(_, group)| Kind::ActionProfileGroup(group.clone())));
        Ok(())
    }

    fn profiles(&self, id: u32) -> Result<Vec<&Profile>> {
        if id == 0 {
            Ok(self.schema.profiles.values().collect())
        } else {
            Ok(vec![self.schema.profile(id)?])
        }
    }
}

/// The weight for the switch.
pub(super) fn decode_weight(profile: &Profile, size: ProfileSize, weight: i32) -> Result<u32> {
    if profile.weights_disallowed {
        return match weight {
            0 => Ok(1),
            _ => Err(Refusal::invalid_argument(format!(
                "weight {weight}: the P4Info disallows weights for this selector"
            ))),
        };
    }
    let held = u32::try_from(weight).ok().filter(|weight| *weight > 0);
    let held = held.ok_or_else(|| {
        Refusal::invalid_argument(format!("weight {weight}: it must be at least 1"))
    })?;
    match size {
        ProfileSize::SumOfMembers { max_member_weight }
            if max_member_weight > 0 && held > max_member_weight =>
        {
            Err(Refusal::invalid_argument(format!(
                "weight {weight} is more than {max_member_weight}, the max_member_weight of the \
                 P4Info"
            )))
        }
        _ => Ok(held),
    }
}

pub(super) fn group_size(size: ProfileSize, weights: impl Iterator<Item = u32>) -> u64 {
    match size {
        ProfileSize::SumOfWeights => weights.map(u64::from).sum(),
        ProfileSize::SumOfMembers { .. } => weights.count() as u64,
    }
}
