//! Action profiles: members and groups.

use std::collections::{BTreeMap, HashSet};

use slab::Slab;

use super::table::Call;
use super::{Result, State, unknown};
use crate::control::{ActionCall, ControlError, Group, GroupMember, PortNumber, ProfileInfo};

/// The largest sum of the weights of a group or action set.
const MAX_BUCKETS: usize = 1 << 16;

/// The members and groups of an action profile.
#[derive(Debug, Default)]
pub(crate) struct ProfileState {
    /// By slot, so that entries and groups need no search.
    members: Slab<Member>,
    groups: Slab<GroupState>,
    member_slots: BTreeMap<u32, u32>,
    group_slots: BTreeMap<u32, u32>,
    /// Actions of action sets, which take the place of members.
    pub(super) set_actions: usize,
}

#[derive(Debug)]
struct Member {
    id: u32,
    call: Call,
    /// Entries and groups that use it.
    users: usize,
}

#[derive(Debug)]
struct GroupState {
    id: u32,
    content: Group,
    /// Slots of members, each as often as its weight says, without those whose port is down.
    buckets: Box<[u32]>,
    /// Entries that use it.
    users: usize,
}

impl ProfileState {
    #[inline]
    pub(crate) fn member(&self, slot: u32) -> Option<&Call> {
        self.members.get(slot as usize).map(|member| &member.call)
    }

    /// The member that a hash selects from a group; `None` if no member is up.
    #[inline]
    pub(crate) fn select(&self, slot: u32, hash: u64) -> Option<&Call> {
        let buckets = &self.groups.get(slot as usize)?.buckets;
        self.member(*bucket(buckets, hash)?)
    }

    /// The members of a group, for traces: id and share.
    pub(crate) fn group_id(&self, slot: u32) -> Option<u32> {
        self.groups.get(slot as usize).map(|group| group.id)
    }

    pub(crate) fn member_id(&self, slot: u32) -> Option<u32> {
        self.members.get(slot as usize).map(|member| member.id)
    }

    pub(super) fn member_slot(&self, owner: &str, id: u32) -> Result<u32> {
        let slot = self.member_slots.get(&id).copied();
        slot.ok_or_else(|| missing(owner, format!("member {id}")))
    }

    pub(super) fn group_slot(&self, owner: &str, id: u32) -> Result<u32> {
        let slot = self.group_slots.get(&id).copied();
        slot.ok_or_else(|| missing(owner, format!("group {id}")))
    }

    pub(super) fn use_member(&mut self, slot: u32) {
        if let Some(member) = self.members.get_mut(slot as usize) {
            member.users += 1;
        }
    }

    pub(super) fn leave_member(&mut self, slot: u32) {
        if let Some(member) = self.members.get_mut(slot as usize) {
            member.users -= 1;
        }
    }

    pub(super) fn use_group(&mut self, slot: u32) {
        if let Some(group) = self.groups.get_mut(slot as usize) {
            group.users += 1;
        }
    }

    pub(super) fn leave_group(&mut self, slot: u32) {
        if let Some(group) = self.groups.get_mut(slot as usize) {
            group.users -= 1;
        }
    }

    pub(super) fn used(&self) -> usize {
        self.member_slots.len() + self.set_actions
    }

    /// Fills the buckets of all groups that watch ports.
    pub(super) fn rebuild(&mut self, down: &HashSet<PortNumber>) {
        let Self {
            groups,
            member_slots,
            ..
        } = self;
        for (_, group) in groups.iter_mut() {
            if group
                .content
                .members
                .iter()
                .any(|member| member.watch_port.is_some())
            {
                group.buckets = buckets(&group.content, member_slots, down);
            }
        }
    }
}

/// The bucket that a hash selects: BMv2 takes the hash modulo the size of the group.
#[inline]
pub(crate) fn bucket(buckets: &[u32], hash: u64) -> Option<&u32> {
    let size = buckets.len() as u64;
    if size == 0 {
        return None;
    }
    buckets.get((hash % size) as usize)
}

/// The members in the order of their ids, as BMv2 has them.
fn buckets(content: &Group, slots: &BTreeMap<u32, u32>, down: &HashSet<PortNumber>) -> Box<[u32]> {
    let mut members: Vec<&GroupMember> = content.members.iter().collect();
    members.sort_by_key(|member| member.member);
    members
        .into_iter()
        .filter(|member| member.watch_port.is_none_or(|port| !down.contains(&port)))
        .filter_map(|member| Some((*slots.get(&member.member)?, member.weight)))
        .flat_map(|(slot, weight)| std::iter::repeat_n(slot, weight as usize))
        .collect()
}

/// Checks weights: each at least 1, and their sum within the limit.
pub(super) fn check_weights(
    owner: &str,
    max_size: u32,
    weights: impl Iterator<Item = u32>,
) -> Result<()> {
    let mut sum = 0_usize;
    for weight in weights {
        if weight == 0 {
            return Err(ControlError::Invalid {
                owner: owner.to_owned(),
                reason: "a weight must be at least 1".to_owned(),
            });
        }
        sum = sum.saturating_add(weight as usize);
    }
    let limit = match max_size {
        0 => MAX_BUCKETS,
        max_size => (max_size as usize).min(MAX_BUCKETS),
    };
    if sum > limit {
        return Err(ControlError::Full {
            owner: owner.to_owned(),
            limit,
            what: "as the sum of the weights of a group",
        });
    }
    Ok(())
}

fn missing(owner: &str, what: String) -> ControlError {
    ControlError::NotFound {
        owner: owner.to_owned(),
        what,
    }
}

/// Action profiles.
impl State {
    fn profile_id(&self, profile: &str) -> Result<usize> {
        self.program
            .profiles
            .iter()
            .position(|known| *known.name == *profile)
            .ok_or_else(|| unknown("action profile", profile))
    }

    /// All action profiles.
    pub fn profiles(&self) -> Vec<ProfileInfo> {
        self.program
            .profiles
            .iter()
            .map(|profile| ProfileInfo {
                name: profile.name.to_string(),
                max_size: profile.max_size,
                has_selector: profile.selector.is_some(),
                tables: profile
                    .tables
                    .iter()
                    .map(|table| self.program.tables[*table as usize].name.to_string())
                    .collect(),
            })
            .collect()
    }

    /// The call of an action of a profile.
    fn member_call(&self, profile: usize, action: &ActionCall) -> Result<Call> {
        let program = &self.program.profiles[profile];
        Call::new(&self.program, &program.name, &program.actions, action)
    }

    /// Inserts a member. The id is the control plane's choice.
    ///
    /// # Errors
    ///
    /// [`ControlError::AlreadyExists`], [`ControlError::Full`], and what is wrong with the action.
    pub fn insert_member(&mut self, profile: &str, member: u32, action: &ActionCall) -> Result<()> {
        let id = self.profile_id(profile)?;
        if self.profiles[id].member_slots.contains_key(&member) {
            return Err(ControlError::AlreadyExists {
                owner: profile.to_owned(),
                what: format!("member {member}"),
            });
        }
        let call = self.member_call(id, action)?;
        let limit = self.program.profiles[id].max_size;
        let state = &mut self.profiles[id];
        if state.used() >= limit {
            return Err(ControlError::Full {
                owner: profile.to_owned(),
                limit,
                what: "members",
            });
        }
        let slot = state.members.insert(Member {
            id: member,
            call,
            users: 0,
        });
        state.member_slots.insert(member, slot as u32);
        Ok(())
    }

    /// Changes the action of a member, for all entries and groups that use it.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`], and what is wrong with the action.
    pub fn modify_member(&mut self, profile: &str, member: u32, action: &ActionCall) -> Result<()> {
        let id = self.profile_id(profile)?;
        let slot = self.profiles[id].member_slot(profile, member)?;
        let call = self.member_call(id, action)?;
        if let Some(member) = self.profiles[id].members.get_mut(slot as usize) {
            member.call = call;
        }
        Ok(())
    }

    /// Deletes a member that nothing uses.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`], [`ControlError::InUse`].
    pub fn delete_member(&mut self, profile: &str, member: u32) -> Result<()> {
        let id = self.profile_id(profile)?;
        let slot = self.profiles[id].member_slot(profile, member)?;
        let state = &mut self.profiles[id];
        let users = state
            .members
            .get(slot as usize)
            .map_or(0, |member| member.users);
        if users > 0 {
            return Err(ControlError::InUse {
                owner: profile.to_owned(),
                what: format!("member {member}"),
                by: format!("{users} entries and groups"),
            });
        }
        state.members.try_remove(slot as usize);
        state.member_slots.remove(&member);
        Ok(())
    }

    /// Whether there are members.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`].
    pub fn has_members(&self, profile: &str) -> Result<bool> {
        let state = &self.profiles[self.profile_id(profile)?];
        Ok(!state.member_slots.is_empty())
    }

    /// All members, by id.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`].
    pub fn members(&self, profile: &str) -> Result<Vec<(u32, ActionCall)>> {
        let state = &self.profiles[self.profile_id(profile)?];
        Ok(state
            .member_slots
            .iter()
            .filter_map(|(id, slot)| Some((*id, state.member(*slot)?.to_control(&self.program))))
            .collect())
    }

    /// A member by its id, if it is there.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`].
    pub fn member(&self, profile: &str, member: u32) -> Result<Option<ActionCall>> {
        let state = &self.profiles[self.profile_id(profile)?];
        let slot = state.member_slots.get(&member);
        let call = slot.and_then(|slot| state.member(*slot));
        Ok(call.map(|call| call.to_control(&self.program)))
    }

    fn check_group(&self, profile: usize, content: &Group) -> Result<()> {
        let name = &self.program.profiles[profile].name;
        let invalid = |reason: String| ControlError::Invalid {
            owner: name.to_string(),
            reason,
        };
        if self.program.profiles[profile].selector.is_none() {
            return Err(invalid(
                "the action profile has no selector, so it has no groups".to_owned(),
            ));
        }
        let mut seen = HashSet::new();
        for member in &content.members {
            self.profiles[profile].member_slot(name, member.member)?;
            if !seen.insert(member.member) {
                return Err(invalid(format!(
                    "member {} is in the group twice",
                    member.member
                )));
            }
        }
        let weights = content.members.iter().map(|member| member.weight);
        check_weights(name, content.max_size, weights)
    }

    /// The slots of the members of a group that was checked.
    fn slots_of(&self, profile: usize, content: &Group) -> Vec<u32> {
        let slots = &self.profiles[profile].member_slots;
        content
            .members
            .iter()
            .filter_map(|member| slots.get(&member.member).copied())
            .collect()
    }

    /// Inserts a group. The id is the control plane's choice.
    ///
    /// # Errors
    ///
    /// [`ControlError::AlreadyExists`]; [`ControlError::NotFound`] for a member that is not there;
    /// [`ControlError::Full`] or [`ControlError::Invalid`] for wrong weights or a member that is
    /// there twice.
    pub fn insert_group(&mut self, profile: &str, group: u32, content: &Group) -> Result<()> {
        let id = self.profile_id(profile)?;
        if self.profiles[id].group_slots.contains_key(&group) {
            return Err(ControlError::AlreadyExists {
                owner: profile.to_owned(),
                what: format!("group {group}"),
            });
        }
        self.check_group(id, content)?;
        let slots = self.slots_of(id, content);
        let state = &mut self.profiles[id];
        for slot in slots {
            state.use_member(slot);
        }
        let slot = state.groups.insert(GroupState {
            id: group,
            buckets: buckets(content, &state.member_slots, &self.down),
            content: content.clone(),
            users: 0,
        });
        state.group_slots.insert(group, slot as u32);
        Ok(())
    }

    /// Replaces the members of a group, in one step.
    ///
    /// # Errors
    ///
    /// As [`State::insert_group`], but [`ControlError::NotFound`] if the group is not there.
    pub fn modify_group(&mut self, profile: &str, group: u32, content: &Group) -> Result<()> {
        let id = self.profile_id(profile)?;
        let slot = self.profiles[id].group_slot(profile, group)?;
        self.check_group(id, content)?;
        let new = self.slots_of(id, content);
        let old = match self.profiles[id].groups.get(slot as usize) {
            Some(group) => self.slots_of(id, &group.content),
            None => Vec::new(),
        };
        let state = &mut self.profiles[id];
        for member in new {
            state.use_member(member);
        }
        for member in old {
            state.leave_member(member);
        }
        if let Some(group) = state.groups.get_mut(slot as usize) {
            group.buckets = buckets(content, &state.member_slots, &self.down);
            group.content = content.clone();
        }
        Ok(())
    }

    /// Deletes a group that no entry uses.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`], [`ControlError::InUse`].
    pub fn delete_group(&mut self, profile: &str, group: u32) -> Result<()> {
        let id = self.profile_id(profile)?;
        let slot = self.profiles[id].group_slot(profile, group)?;
        let old = match self.profiles[id].groups.get(slot as usize) {
            Some(state) if state.users > 0 => {
                return Err(ControlError::InUse {
                    owner: profile.to_owned(),
                    what: format!("group {group}"),
                    by: format!("{} entries", state.users),
                });
            }
            Some(state) => self.slots_of(id, &state.content),
            None => Vec::new(),
        };
        let state = &mut self.profiles[id];
        for member in old {
            state.leave_member(member);
        }
        state.groups.try_remove(slot as usize);
        state.group_slots.remove(&group);
        Ok(())
    }

    /// All groups, by id.
    ///
    /// # Errors
    ///
    /// [`ControlError::UnknownObject`].
    pub fn groups(&self, profile: &str) -> Result<Vec<(u32, Group)>> {
        let state = &self.profiles[self.profile_id(profile)?];
        Ok(state
            .group_slots
            .iter()
            .filter_map(|(id, slot)| {
                let group = state.groups.get(*slot as usize)?;
                Some((*id, group.content.clone()))
            })
            .collect())
    }
}
