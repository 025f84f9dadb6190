//! From the desired LFIB to the entries of mpls.p4's tables.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use forwarding::{EntryKey, Fec, FtnAction, IlmAction, Lfib, Nhlfe, PathGroup, Payload, Protocol};
use ipnet::IpNet;

use crate::ids::Ids;
use crate::model::payload_of;
use crate::{
    Capacity, Desired, Entries, FtnValue, IlmValue, Key, Member, NhlfeId, NhlfeValue, PathGroupId,
    PortValue, Refusal, Value,
};

/// Priority of the rules for control packets. They do not contradict each other.
const CONTROL_PRIORITY: i32 = 10;

/// What the switch should hold, and what it cannot.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// The entries.
    pub entries: Entries,
    /// Entries of the LFIB that do not fit the hardware profile.
    pub refused: BTreeMap<EntryKey, Refusal>,
    /// Entries of the LFIB that are translated.
    pub translated: BTreeSet<EntryKey>,
    /// Entries of the LFIB that are left as the switch holds them until their next hops are
    /// resolved, as the daemon has just started.
    pub kept: BTreeSet<EntryKey>,
    /// Other entries that do not fit the hardware profile.
    pub problems: Vec<String>,
}

/// Translates, and remembers which ids NHLFEs and path groups have.
#[derive(Debug, Clone)]
pub struct Translator {
    capacity: Capacity,
    groups: Ids<Arc<PathGroup>>,
    nhlfes: Ids<Nhlfe>,
}

/// Entries per table, as they are counted against the capacity.
#[derive(Debug, Default)]
struct Used {
    ilm: u32,
    ftn_ipv4: u32,
    ftn_ipv6: u32,
    groups: u32,
    members: u32,
    nhlfes: u32,
}

impl Translator {
    /// A translator of a switch with this capacity, without any id given.
    pub fn new(capacity: Capacity) -> Self {
        Self {
            capacity,
            groups: Ids::default(),
            nhlfes: Ids::default(),
        }
    }

    /// The NHLFE that has an id.
    pub fn nhlfe_ids(&self) -> impl Iterator<Item = (&Nhlfe, NhlfeId)> {
        self.nhlfes.iter().map(|(nhlfe, id)| (nhlfe, NhlfeId(id)))
    }

    /// The path group that has an id.
    pub fn path_group_ids(&self) -> impl Iterator<Item = (&Arc<PathGroup>, PathGroupId)> {
        self.groups
            .iter()
            .map(|(group, id)| (group, PathGroupId(id)))
    }

    /// Translates the desired state.
    ///
    /// Ids of NHLFEs and path groups that were not translated before are adopted from what the
    /// switch holds wherever it means the same, so that a daemon that starts again finds its own
    /// entries. With `hold`, entries of which a next hop is not resolved stay as the switch holds
    /// them.
    pub fn translate(&mut self, desired: &Desired, held: &Entries, hold: bool) -> Target {
        let mut target = Target::default();
        self.translate_ports(desired, &mut target);
        let mut pass = Pass {
            lfib: &desired.lfib,
            ports: desired
                .interfaces
                .iter()
                .map(|(name, config)| (name.as_str(), (config.port, config.mac)))
                .collect(),
            held,
            referrers: referrers(held),
            users: users(&desired.lfib),
            stages: self.capacity.ilm_tables,
            used: Used::default(),
            target,
        };
        let wanted_groups: BTreeSet<&Arc<PathGroup>> = pass.users.keys().copied().collect();
        self.groups.retain(|group| wanted_groups.contains(group));
        let wanted_nhlfes: BTreeSet<&Nhlfe> = wanted_groups
            .iter()
            .flat_map(|group| group.paths().iter().map(|path| &path.nhlfe))
            .collect();
        self.nhlfes.retain(|nhlfe| wanted_nhlfes.contains(nhlfe));

        for (key, entry) in pass.in_order() {
            if hold && pass.must_wait(&key, entry) {
                pass.target.kept.insert(key);
                continue;
            }
            match self.translate_entry(&mut pass, &key, entry) {
                Ok(true) => {
                    pass.target.translated.insert(key);
                }
                // No next hop is resolved: there is nothing to install.
                Ok(false) => {}
                Err(refusal) => {
                    pass.target.refused.insert(key, refusal);
                }
            }
        }
        pass.target
    }

    fn translate_ports(&self, desired: &Desired, target: &mut Target) {
        let capacity = &self.capacity;
        let mut add = |table: &'static str, size: u32, entries: Vec<(Key, Value)>| {
            if entries.len() > size as usize {
                let refusal = Refusal::TableFull { table, size };
                let left_out = entries[size as usize..]
                    .iter()
                    .map(|(key, _)| key.to_string());
                let left_out: Vec<_> = left_out.collect();
                target
                    .problems
                    .push(format!("{}: {refusal}", left_out.join(", ")));
            }
            target
                .entries
                .extend(entries.into_iter().take(size as usize));
        };
        let control = desired.control_packets.iter();
        add(
            "control_packet",
            capacity.control_packet,
            control
                .map(|(kind, _)| {
                    (
                        Key::ControlPacket(*kind, CONTROL_PRIORITY),
                        Value::PuntControl,
                    )
                })
                .collect(),
        );
        add(
            "port_config",
            capacity.interface,
            desired
                .interfaces
                .values()
                .map(|config| {
                    let value = PortValue {
                        mpls_enabled: config.mpls_enabled,
                        vrf: config.vrf,
                        label_space: config.label_space,
                    };
                    (Key::Port(config.port), Value::Port(value))
                })
                .collect(),
        );
        add(
            "station_mac",
            capacity.station_mac,
            desired
                .interfaces
                .values()
                .map(|config| (Key::StationMac(config.port, config.mac), Value::Admit))
                .collect(),
        );
        for (reason, rate) in &desired.punt {
            let value = if rate.rate == 0 {
                Value::PuntDrop
            } else {
                Value::PuntMetered(*rate)
            };
            target
                .entries
                .insert(Key::PuntPolicy(reason.number()), value);
        }
    }

    /// Translates one entry of the LFIB; false if none of its next hops is resolved.
    fn translate_entry(
        &mut self,
        pass: &mut Pass<'_>,
        key: &EntryKey,
        entry: LfibEntry<'_>,
    ) -> Result<bool, Refusal> {
        let group = entry.path_group();
        let members = match group {
            None => None,
            Some(group) => {
                self.check_group(group, entry.ilm())?;
                let members = pass.usable(group);
                if members.is_empty() {
                    return Ok(false);
                }
                Some(members)
            }
        };
        self.check_space(pass, key, group, members.as_deref())?;
        let group_id = match (group, members) {
            (Some(group), Some(members)) => Some(self.install_group(pass, group, &members)),
            _ => None,
        };
        let value = match (entry, group_id) {
            (LfibEntry::Ftn(FtnAction::Forward(_)), Some(group)) => {
                Value::Ftn(FtnValue::Forward(group))
            }
            (LfibEntry::Ftn(FtnAction::ToRouter), _) => Value::Ftn(FtnValue::ToRouter),
            (LfibEntry::Ftn(FtnAction::Glean), _) => Value::Ftn(FtnValue::Glean),
            (LfibEntry::Ftn(FtnAction::Discard | FtnAction::Forward(_)), _) => {
                Value::Ftn(FtnValue::Discard)
            }
            (LfibEntry::Ftn(FtnAction::Replicate(_)), _) => return Err(Refusal::UnsupportedAction),
            (LfibEntry::Ilm(action), group) => {
                Value::Ilm(ilm_value(action, group).ok_or(Refusal::UnsupportedAction)?)
            }
        };
        match key {
            EntryKey::Ftn(Fec::Prefix { vrf, prefix }) => {
                let used = &mut pass.used;
                *match payload_of(prefix.addr()) {
                    Payload::Ipv4 => &mut used.ftn_ipv4,
                    Payload::Ipv6 => &mut used.ftn_ipv6,
                } += 1;
                pass.target.entries.insert(Key::Ftn(*vrf, *prefix), value);
            }
            EntryKey::Ilm(key) => {
                pass.used.ilm += 1;
                // The same entry in every ILM table: a label may be found at any depth.
                for stage in 0..pass.stages {
                    pass.target
                        .entries
                        .insert(Key::Ilm(stage, *key), value.clone());
                }
            }
            EntryKey::Ftn(_) => return Err(Refusal::UnsupportedFec),
        }
        Ok(true)
    }

    /// What the switch cannot do with the group, whatever space it has.
    fn check_group(&self, group: &PathGroup, ilm: Option<&IlmAction>) -> Result<(), Refusal> {
        let most = self.capacity.pushed_labels;
        for path in group.paths() {
            let labels = path.nhlfe.labels().len();
            if labels > usize::from(most) {
                return Err(Refusal::TooManyLabels { labels, most });
            }
        }
        let weights: u32 = group
            .paths()
            .iter()
            .map(|path| u32::from(path.weight))
            .sum();
        if weights > self.capacity.path_group_max_members {
            let most = self.capacity.path_group_max_members;
            return Err(Refusal::TooManyMembers { weights, most });
        }
        match ilm {
            Some(IlmAction::Forward { payload: None, .. })
                if group.pushes_labels() && group.pops_labels() =>
            {
                Err(Refusal::PayloadNeeded)
            }
            _ => Ok(()),
        }
    }

    fn check_space(
        &self,
        pass: &Pass<'_>,
        key: &EntryKey,
        group: Option<&Arc<PathGroup>>,
        members: Option<&[Resolved<'_>]>,
    ) -> Result<(), Refusal> {
        let capacity = &self.capacity;
        let check = |table: &'static str, used: u32, more: u32, size: u32| {
            if used + more > size {
                Err(Refusal::TableFull { table, size })
            } else {
                Ok(())
            }
        };
        let used = &pass.used;
        match key {
            EntryKey::Ftn(Fec::Prefix {
                prefix: IpNet::V4(_),
                ..
            }) => {
                check("ftn_ipv4", used.ftn_ipv4, 1, capacity.ftn_ipv4)?;
            }
            EntryKey::Ftn(Fec::Prefix {
                prefix: IpNet::V6(_),
                ..
            }) => {
                check("ftn_ipv6", used.ftn_ipv6, 1, capacity.ftn_ipv6)?;
            }
            EntryKey::Ftn(_) => return Err(Refusal::UnsupportedFec),
            EntryKey::Ilm(_) => check("ilm", used.ilm, 1, capacity.ilm)?,
        }
        let (Some(group), Some(members)) = (group, members) else {
            return Ok(());
        };
        if self.is_installed(pass, group) {
            return Ok(());
        }
        check("path_group", used.groups, 1, capacity.path_group)?;
        let weights = members.iter().map(|member| member.weight).sum();
        check(
            "path_group members",
            used.members,
            weights,
            capacity.path_group_members,
        )?;
        let new = members.iter().filter(|member| {
            let id = self.nhlfes.get(member.nhlfe);
            id.is_none_or(|id| !pass.target.entries.contains_key(&Key::Nhlfe(NhlfeId(id))))
        });
        check("nhlfe", used.nhlfes, new.count() as u32, capacity.nhlfe)
    }

    fn is_installed(&self, pass: &Pass<'_>, group: &Arc<PathGroup>) -> bool {
        let id = self.groups.get(group).map(PathGroupId);
        id.is_some_and(|id| pass.target.entries.contains_key(&Key::PathGroup(id)))
    }

    fn install_group(
        &mut self,
        pass: &mut Pass<'_>,
        group: &Arc<PathGroup>,
        resolved: &[Resolved<'_>],
    ) -> PathGroupId {
        if let Some(id) = self.groups.get(group).map(PathGroupId)
            && self.is_installed(pass, group)
        {
            return id;
        }
        // Whoever uses this group now, and what the switch sends the same packets to.
        let candidates = match self.groups.get(group) {
            Some(id) => BTreeSet::from([PathGroupId(id)]),
            None => pass.candidates(group),
        };
        let hints: Vec<NhlfeId> = candidates
            .iter()
            .flat_map(|id| pass.held_members(*id))
            .map(|member| member.nhlfe)
            .collect();
        let mut members: Vec<Member> = resolved
            .iter()
            .map(|member| Member {
                nhlfe: self.install_nhlfe(pass, member, &hints),
                port: member.port,
                weight: member.weight,
            })
            .collect();
        members.sort();

        let id = match self.groups.get(group).map(PathGroupId) {
            Some(id) => id,
            None => {
                let adopted = candidates.into_iter().find(|id| {
                    !self.groups.is_taken(id.0)
                        && (pass.only_for(*id, group) || *pass.held_members(*id) == *members)
                });
                match adopted {
                    Some(id) => {
                        self.groups.adopt(Arc::clone(group), id.0);
                        id
                    }
                    None => {
                        let held = |id| pass.held.contains_key(&Key::PathGroup(PathGroupId(id)));
                        PathGroupId(self.groups.allocate(Arc::clone(group), held))
                    }
                }
            }
        };
        pass.used.groups += 1;
        pass.used.members += members.iter().map(|member| member.weight).sum::<u32>();
        pass.target
            .entries
            .insert(Key::PathGroup(id), Value::PathGroup(members));
        id
    }

    fn install_nhlfe(
        &mut self,
        pass: &mut Pass<'_>,
        member: &Resolved<'_>,
        hints: &[NhlfeId],
    ) -> NhlfeId {
        let value = Value::Nhlfe(member.value.clone());
        let id = self.nhlfes.get(member.nhlfe).unwrap_or_else(|| {
            let same = |id: &&NhlfeId| {
                !self.nhlfes.is_taken(id.0) && pass.held.get(&Key::Nhlfe(**id)) == Some(&value)
            };
            match hints.iter().find(same) {
                Some(id) => {
                    self.nhlfes.adopt(member.nhlfe.clone(), id.0);
                    id.0
                }
                None => {
                    let held = |id| pass.held.contains_key(&Key::Nhlfe(NhlfeId(id)));
                    self.nhlfes.allocate(member.nhlfe.clone(), held)
                }
            }
        });
        if pass
            .target
            .entries
            .insert(Key::Nhlfe(NhlfeId(id)), value)
            .is_none()
        {
            pass.used.nhlfes += 1;
        }
        NhlfeId(id)
    }
}

/// An entry of the LFIB, of either map.
#[derive(Debug, Clone, Copy)]
enum LfibEntry<'a> {
    Ftn(&'a FtnAction),
    Ilm(&'a IlmAction),
}

impl<'a> LfibEntry<'a> {
    fn path_group(self) -> Option<&'a Arc<PathGroup>> {
        match self {
            Self::Ftn(action) => action.path_group(),
            Self::Ilm(action) => action.path_group(),
        }
    }

    fn ilm(self) -> Option<&'a IlmAction> {
        match self {
            Self::Ftn(_) => None,
            Self::Ilm(action) => Some(action),
        }
    }
}

/// A path of which the next hop is resolved.
struct Resolved<'a> {
    nhlfe: &'a Nhlfe,
    value: NhlfeValue,
    port: u16,
    weight: u32,
}

/// One translation.
struct Pass<'a> {
    lfib: &'a Lfib,
    /// Port and MAC address of each interface.
    ports: HashMap<&'a str, (u16, forwarding::MacAddress)>,
    held: &'a Entries,
    /// Which FTN and ILM entries the switch holds with each path group.
    referrers: HashMap<PathGroupId, Vec<EntryKey>>,
    /// Which entries of the LFIB use each path group.
    users: BTreeMap<&'a Arc<PathGroup>, Vec<EntryKey>>,
    stages: u8,
    used: Used,
    target: Target,
}

impl<'a> Pass<'a> {
    /// The entries in the order in which they get space: what the switch holds already, then by
    /// the preference of the owner's protocol.
    fn in_order(&self) -> Vec<(EntryKey, LfibEntry<'a>)> {
        let lfib = self.lfib;
        let ftn = lfib.ftn.iter().map(|(fec, entry)| {
            let protocol = entry.owner.protocol;
            (
                protocol,
                EntryKey::Ftn(fec.clone()),
                LfibEntry::Ftn(&entry.action),
            )
        });
        let ilm = lfib.ilm.iter().map(|(key, entry)| {
            (
                entry.owner.protocol,
                EntryKey::Ilm(*key),
                LfibEntry::Ilm(&entry.action),
            )
        });
        let rank = |protocol: Protocol, key: &EntryKey| (!self.holds(key), protocol.preference());
        let mut entries: Vec<_> = ftn
            .chain(ilm)
            .map(|(protocol, key, entry)| (rank(protocol, &key), key, entry))
            .collect();
        entries.sort_by(|(a, a_key, _), (b, b_key, _)| a.cmp(b).then_with(|| a_key.cmp(b_key)));
        entries
            .into_iter()
            .map(|(_, key, entry)| (key, entry))
            .collect()
    }

    fn switch_key(key: &EntryKey) -> Option<Key> {
        match key {
            EntryKey::Ftn(Fec::Prefix { vrf, prefix }) => Some(Key::Ftn(*vrf, *prefix)),
            EntryKey::Ilm(key) => Some(Key::Ilm(0, *key)),
            EntryKey::Ftn(_) => None,
        }
    }

    fn holds(&self, key: &EntryKey) -> bool {
        Self::switch_key(key).is_some_and(|key| self.held.contains_key(&key))
    }

    /// Whether the switch holds the entry, and a next hop of it is not resolved yet.
    fn must_wait(&self, key: &EntryKey, entry: LfibEntry<'_>) -> bool {
        let Some(group) = entry.path_group() else {
            return false;
        };
        let resolved = self.usable(group).len();
        resolved < group.paths().len() && self.holds(key)
    }

    fn usable<'g>(&self, group: &'g PathGroup) -> Vec<Resolved<'g>> {
        let resolve = |path: &'g forwarding::Path| {
            let next_hop = path.nhlfe.next_hop();
            let destination = *self.lfib.resolved.get(next_hop)?;
            let (port, source) = *self.ports.get(next_hop.interface.as_str())?;
            let labels = path.nhlfe.labels().to_vec();
            // Without labels to push the model says nothing.
            let ttl_pipe = !labels.is_empty() && path.nhlfe.tunnel_model().is_pipe();
            let value = NhlfeValue {
                source,
                destination,
                labels,
                ttl_pipe,
            };
            Some(Resolved {
                nhlfe: &path.nhlfe,
                value,
                port,
                weight: path.weight.into(),
            })
        };
        group.paths().iter().filter_map(resolve).collect()
    }

    /// The path groups to which the switch sends the packets of this group's users.
    fn candidates(&self, group: &Arc<PathGroup>) -> BTreeSet<PathGroupId> {
        let users = self.users.get(group).map_or(&[][..], Vec::as_slice);
        users
            .iter()
            .filter_map(|user| self.held.get(&Self::switch_key(user)?)?.path_group())
            .collect()
    }

    /// Whether all packets that the switch sends to a path group are to use this group: then it
    /// may be changed in place.
    fn only_for(&self, id: PathGroupId, group: &Arc<PathGroup>) -> bool {
        let users = self.users.get(group).map_or(&[][..], Vec::as_slice);
        let referrers = self.referrers.get(&id).map_or(&[][..], Vec::as_slice);
        referrers
            .iter()
            .all(|referrer| users.binary_search(referrer).is_ok())
    }

    fn held_members(&self, id: PathGroupId) -> &'a [Member] {
        match self.held.get(&Key::PathGroup(id)) {
            Some(Value::PathGroup(members)) => members,
            _ => &[],
        }
    }
}

fn referrers(held: &Entries) -> HashMap<PathGroupId, Vec<EntryKey>> {
    let mut referrers: HashMap<_, Vec<_>> = HashMap::new();
    for (key, value) in held {
        if let (Some(entry), Some(group)) = (key.lfib_key(), value.path_group()) {
            referrers.entry(group).or_default().push(entry);
        }
    }
    referrers
}

/// Sorted, as `only_for` searches them.
fn users(lfib: &Lfib) -> BTreeMap<&Arc<PathGroup>, Vec<EntryKey>> {
    let mut users: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (fec, entry) in &lfib.ftn {
        if let Some(group) = entry.action.path_group() {
            users
                .entry(group)
                .or_default()
                .push(EntryKey::Ftn(fec.clone()));
        }
    }
    for (key, entry) in &lfib.ilm {
        if let Some(group) = entry.action.path_group() {
            users.entry(group).or_default().push(EntryKey::Ilm(*key));
        }
    }
    users
}

fn ilm_value(action: &IlmAction, group: Option<PathGroupId>) -> Option<IlmValue> {
    Some(match (action, group) {
        // A group with a path that pops takes the label off for all of them; the other paths push
        // their labels in its place.
        (
            IlmAction::Forward {
                paths,
                payload,
                tunnel_model,
                ..
            },
            Some(group),
        ) if paths.pops_labels() => IlmValue::PopAndForward {
            group,
            payload: *payload,
            ttl_pipe: tunnel_model.is_pipe(),
        },
        (IlmAction::Forward { .. }, Some(group)) => IlmValue::Swap(group),
        (
            IlmAction::PopAndLookUpIp {
                vrf,
                payload,
                tunnel_model,
                ..
            },
            _,
        ) => IlmValue::PopAndLookUpIp {
            vrf: *vrf,
            payload: *payload,
            ttl_pipe: tunnel_model.is_pipe(),
        },
        (IlmAction::PopAndLookUpLabel { tunnel_model, .. }, _) => IlmValue::PopAndLookUpLabel {
            ttl_pipe: tunnel_model.is_pipe(),
        },
        (
            IlmAction::ExplicitNull {
                payload,
                tunnel_model,
            },
            _,
        ) => IlmValue::ExplicitNull {
            payload: *payload,
            ttl_pipe: tunnel_model.is_pipe(),
        },
        (IlmAction::Punt(_), _) => IlmValue::Punt,
        _ => return None,
    })
}
