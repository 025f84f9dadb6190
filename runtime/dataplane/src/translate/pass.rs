//! What one translation knows: the desired state, what the switch holds, and what fits.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use forwarding::{
    EntryKey, Fec, FtnAction, IlmAction, InterfaceName, Lfib, MacAddress, NextHop, NextHopProblem,
    Nhlfe, PathGroup, PathRole, Protocol, Replication, Tunnel,
};

use rustc_hash::FxHashMap;

use super::uses::Uses;
use super::{GroupKey, Target};
use crate::{
    Bucket, Capacity, Desired, Entries, InterfaceConfig, Key, MulticastGroupId, NhlfeId,
    PathGroupId, Refusal, Switchover, Table, TunnelId, Value, buckets_of,
};

/// An entry of the LFIB, of either map.
#[derive(Debug, Clone, Copy)]
pub(super) enum LfibEntry<'a> {
    Ftn(&'a FtnAction),
    Ilm(&'a IlmAction),
}

impl<'a> LfibEntry<'a> {
    pub(super) fn group(self) -> Option<GroupKey> {
        match self {
            Self::Ilm(IlmAction::PopToAttachmentCircuit { circuit, .. }) => {
                Some(GroupKey::Circuit(*circuit))
            }
            Self::Ftn(action) => action.path_group().map(GroupKey::of_fec),
            Self::Ilm(action) => action.path_group().map(GroupKey::of_label),
        }
    }

    pub(super) fn path_group(self) -> Option<&'a Arc<PathGroup>> {
        match self {
            Self::Ftn(action) => action.path_group(),
            Self::Ilm(action) => action.path_group(),
        }
    }

    pub(super) fn replication(self) -> Option<&'a Arc<Replication>> {
        match self {
            Self::Ftn(action) => action.replication(),
            Self::Ilm(action) => action.replication(),
        }
    }

    fn nhlfes(self) -> Box<dyn Iterator<Item = &'a Nhlfe> + 'a> {
        match self {
            Self::Ftn(action) => Box::new(action.nhlfes()),
            Self::Ilm(action) => Box::new(action.nhlfes()),
        }
    }
}

/// Which entries of the LFIB the switch holds with each path group and multicast group.
#[derive(Default)]
pub(super) struct Referrers {
    pub(super) groups: FxHashMap<PathGroupId, Vec<EntryKey>>,
    pub(super) multicast: FxHashMap<MulticastGroupId, Vec<EntryKey>>,
}

impl Referrers {
    fn of(held: &Entries) -> Self {
        let mut referrers = Self::default();
        for (key, value) in held {
            let Some(entry) = key.lfib_key(value) else {
                continue;
            };
            if let Some(group) = value.path_group() {
                referrers.groups.entry(group).or_default().push(entry);
            } else if let Some(group) = value.multicast_group() {
                referrers.multicast.entry(group).or_default().push(entry);
            }
        }
        referrers
    }
}

/// One translation.
pub(super) struct Pass<'a> {
    pub(super) desired: &'a Desired,
    pub(super) lfib: &'a Lfib,
    switchover: &'a Switchover,
    pub(super) held: &'a Entries,
    capacity: &'a Capacity,
    /// What the switch holds, by what it points to: found when it is asked for.
    referrers: OnceCell<Referrers>,
    /// What tells NHLFEs apart that are alike: found when there are some.
    uses: OnceCell<Uses<'a>>,
    /// Which entries of the LFIB use each path group and each replication, sorted.
    pub(super) users: FxHashMap<GroupKey, Vec<EntryKey>>,
    pub(super) replication_users: FxHashMap<&'a Arc<Replication>, Vec<EntryKey>>,
    held_tunnels: FxHashMap<Tunnel, TunnelId>,
    used: BTreeMap<Table, u32>,
    /// Entries that the entry of the LFIB at hand needs, and that are not in the target yet.
    staged: Entries,
    pub(super) target: Target,
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        capacity: &'a Capacity,
        desired: &'a Desired,
        switchover: &'a Switchover,
        held: &'a Entries,
    ) -> Self {
        let mut pass = Self {
            desired,
            lfib: &desired.lfib,
            switchover,
            held,
            capacity,
            referrers: OnceCell::new(),
            uses: OnceCell::new(),
            users: FxHashMap::default(),
            replication_users: FxHashMap::default(),
            held_tunnels: FxHashMap::default(),
            used: BTreeMap::new(),
            staged: Entries::new(),
            target: Target::default(),
        };
        let tunnels = held.range(Key::Tunnel(TunnelId(0))..=Key::Tunnel(TunnelId(u16::MAX)));
        for (key, value) in tunnels {
            if let (Key::Tunnel(id), Value::Tunnel(tunnel)) = (key, value) {
                pass.held_tunnels.insert(*tunnel, *id);
            }
        }
        // In the order of the keys, so that each list is sorted.
        for (key, entry, _) in pass.entries() {
            if let Some(group) = entry.group() {
                pass.users.entry(group).or_default().push(key);
            } else if let Some(replication) = entry.replication() {
                let users = pass.replication_users.entry(replication);
                users.or_default().push(key);
            }
        }
        pass
    }

    pub(super) fn entries(
        &self,
    ) -> impl Iterator<Item = (EntryKey, LfibEntry<'a>, Protocol)> + use<'a> {
        let lfib = self.lfib;
        let ftn = lfib.ftn.iter().map(|(fec, entry)| {
            let action = LfibEntry::Ftn(&entry.action);
            (EntryKey::Ftn(fec.clone()), action, entry.owner.protocol)
        });
        let ilm = lfib.ilm.iter().map(|(key, entry)| {
            let action = LfibEntry::Ilm(&entry.action);
            (EntryKey::Ilm(*key), action, entry.owner.protocol)
        });
        ftn.chain(ilm)
    }

    /// The entries in the order in which they get space: what the switch holds already, then by
    /// the preference of the owner's protocol.
    pub(super) fn in_order(&self) -> Vec<(EntryKey, LfibEntry<'a>)> {
        let mut entries: Vec<_> = self
            .entries()
            .map(|(key, entry, protocol)| {
                let rank = (!self.holds(&key), protocol.preference());
                (rank, key, entry)
            })
            .collect();
        // The keys of one rank stay in their order.
        entries.sort_by_key(|(rank, ..)| *rank);
        entries
            .into_iter()
            .map(|(_, key, entry)| (key, entry))
            .collect()
    }

    pub(super) fn switch_key(key: &EntryKey) -> Option<Key> {
        match key {
            EntryKey::Ftn(Fec::Prefix { vrf, prefix }) => Some(Key::Ftn(*vrf, *prefix)),
            EntryKey::Ftn(Fec::MulticastGroup { vrf, group }) => {
                Some(Key::Ftn(*vrf, (*group).into()))
            }
            EntryKey::Ftn(Fec::AttachmentCircuit(circuit)) => Some(match circuit.vlan {
                Some(_) => Key::Interface(circuit.port, circuit.vlan),
                None => Key::AttachmentPort(circuit.port),
            }),
            EntryKey::Ilm(key) => Some(Key::Ilm(0, *key)),
            EntryKey::Ftn(_) => None,
        }
    }

    /// What the switch holds of an entry of the LFIB.
    fn held_value(&self, key: &EntryKey) -> Option<&'a Value> {
        let switch_key = Self::switch_key(key)?;
        let value = self.held.get(&switch_key)?;
        // The port and VLAN of an attachment circuit may still be a router interface.
        (switch_key.lfib_key(value).as_ref() == Some(key)).then_some(value)
    }

    fn holds(&self, key: &EntryKey) -> bool {
        self.held_value(key).is_some()
    }

    /// Whether the switch holds the entry, and a next hop of it is not resolved yet.
    pub(super) fn must_wait(&self, key: &EntryKey, entry: LfibEntry<'_>) -> bool {
        let resolved = |nhlfe: &Nhlfe| self.exit(nhlfe).is_some();
        self.holds(key) && !entry.nhlfes().all(resolved)
    }

    /// Whether the switch holds the entry, and it cannot be installed only for a port that is
    /// down. For a label there is no other way: that its packets are dropped needs no write, and
    /// none does when the port comes back.
    pub(super) fn waits_for_port(&self, key: &EntryKey, entry: LfibEntry<'_>) -> bool {
        let down = |next_hop: &NextHop| {
            self.lfib.problem(next_hop) == Some(NextHopProblem::InterfaceDown)
                && self
                    .interface(&next_hop.interface)
                    .is_some_and(|interface| self.is_down(interface.port))
        };
        let prefix = matches!(
            key,
            EntryKey::Ftn(Fec::Prefix { .. } | Fec::MulticastGroup { .. })
        );
        !prefix && self.holds(key) && entry.nhlfes().any(|nhlfe| down(nhlfe.next_hop()))
    }

    /// Leaves an entry as the switch holds it, with all that it points to.
    pub(super) fn keep(&mut self, key: &EntryKey) {
        let mut wanted: Vec<Key> = match key {
            EntryKey::Ilm(key) => (0..self.capacity.ilm_tables)
                .map(|stage| Key::Ilm(stage, *key))
                .collect(),
            key => Self::switch_key(key).into_iter().collect(),
        };
        while let Some(key) = wanted.pop() {
            if self.target.entries.contains_key(&key) {
                continue;
            }
            if let Some(value) = self.held.get(&key) {
                wanted.extend(value.references(&key));
                self.insert(key, value.clone());
            }
        }
    }

    pub(super) fn interface(&self, name: &InterfaceName) -> Option<&'a InterfaceConfig> {
        self.desired.interfaces.get(name)
    }

    pub(super) fn is_down(&self, port: u16) -> bool {
        self.switchover.ports.get(&port) == Some(&false)
    }

    /// The interface by which an NHLFE leaves and the MAC address that it sends to, if its next hop
    /// is resolved.
    pub(super) fn exit(&self, nhlfe: &Nhlfe) -> Option<(&'a InterfaceConfig, MacAddress)> {
        let next_hop = nhlfe.next_hop();
        let resolved = *self.lfib.resolved.get(next_hop)?;
        let mac = if next_hop.address.is_multicast() && !nhlfe.labels().is_empty() {
            // RFC 5332 section 8: 0 is one of the values that every receiver takes.
            MacAddress::of_multicast_label(0)
        } else {
            resolved
        };
        Some((self.interface(&next_hop.interface)?, mac))
    }

    /// As [`Pass::exit`], by a port that is not down unless that does too.
    pub(super) fn usable(
        &self,
        nhlfe: &Nhlfe,
        down_too: bool,
    ) -> Option<(&'a InterfaceConfig, MacAddress)> {
        let usable = |interface: &InterfaceConfig| down_too || !self.is_down(interface.port);
        self.exit(nhlfe).filter(|(interface, _)| usable(interface))
    }

    /// The path groups to which the switch sends the packets of this group's users.
    pub(super) fn candidates(&self, group: &GroupKey) -> BTreeSet<PathGroupId> {
        let users = self.users.get(group).map_or(&[][..], Vec::as_slice);
        users
            .iter()
            .filter_map(|user| self.held_value(user)?.path_group())
            .collect()
    }

    pub(super) fn referrers(&self) -> &Referrers {
        self.referrers.get_or_init(|| Referrers::of(self.held))
    }

    pub(super) fn uses(&self) -> &Uses<'a> {
        self.uses.get_or_init(|| Uses::of(self))
    }

    /// Whether all packets that the switch sends to a path group are to use this group: then it
    /// may be changed in place.
    pub(super) fn only_for(&self, id: PathGroupId, group: &GroupKey) -> bool {
        let users = self.users.get(group).map_or(&[][..], Vec::as_slice);
        let referrers = self.referrers().groups.get(&id);
        referrers
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .all(|referrer| users.binary_search(referrer).is_ok())
    }

    /// As [`Pass::candidates`] and [`Pass::only_for`], for a replication: the multicast groups that
    /// may be changed in place.
    pub(super) fn multicast_candidates(
        &self,
        replication: &Arc<Replication>,
    ) -> Vec<MulticastGroupId> {
        let users = self.replication_users.get(replication);
        let users = users.map_or(&[][..], Vec::as_slice);
        let candidates: BTreeSet<_> = users
            .iter()
            .filter_map(|user| self.held_value(user)?.multicast_group())
            .collect();
        let only_for = |id: &MulticastGroupId| {
            let referrers = self.referrers().multicast.get(id);
            referrers.is_none_or(|referrers| {
                referrers
                    .iter()
                    .all(|referrer| users.binary_search(referrer).is_ok())
            })
        };
        candidates.into_iter().filter(only_for).collect()
    }

    /// The NHLFEs that the buckets of a path group in the switch name.
    pub(super) fn held_nhlfes(&self, id: PathGroupId) -> BTreeSet<NhlfeId> {
        let roles = [PathRole::Working, PathRole::Protecting];
        let buckets = roles
            .into_iter()
            .flat_map(|role| buckets_of(self.held, id, role));
        buckets
            .flat_map(|bucket| std::iter::once(bucket.primary).chain(bucket.backup))
            .map(|exit| exit.nhlfe)
            .collect()
    }

    /// The ways out of a path group in the switch with their backups, of the working and the protecting set.
    pub(super) fn held_sets(&self, id: PathGroupId) -> [BTreeSet<Bucket>; 2] {
        [PathRole::Working, PathRole::Protecting]
            .map(|role| buckets_of(self.held, id, role).into_iter().collect())
    }

    /// The branches of a multicast group in the switch.
    pub(super) fn held_branches(&self, id: MulticastGroupId) -> Vec<(u16, &'a Value)> {
        let branches = self
            .held
            .range(Key::Branch(id, 0)..=Key::Branch(id, u16::MAX));
        let branch = |(key, value): (&Key, &'a Value)| match key {
            Key::Branch(_, replica) => Some((*replica, value)),
            _ => None,
        };
        branches.filter_map(branch).collect()
    }

    pub(super) fn held_tunnel(&self, tunnel: &Tunnel) -> Option<TunnelId> {
        self.held_tunnels.get(tunnel).copied()
    }

    /// Adds an entry that the entry of the LFIB at hand needs.
    pub(super) fn stage(&mut self, key: Key, value: Value) {
        if !self.target.entries.contains_key(&key) {
            self.staged.insert(key, value);
        }
    }

    /// Whether an entry is in the target, or will be.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.target.entries.contains_key(key) || self.staged.contains_key(key)
    }

    /// Takes what was staged into the target, or none of it if one of the tables is full.
    pub(super) fn commit(&mut self, installable: bool) -> Result<bool, Refusal> {
        let staged = std::mem::take(&mut self.staged);
        if !installable {
            return Ok(false);
        }
        let mut more: BTreeMap<Table, u32> = BTreeMap::new();
        for key in staged.keys() {
            *more.entry(key.table()).or_default() += 1;
        }
        for (table, more) in more {
            let used = self.used.get(&table).copied().unwrap_or(0);
            let size = self.capacity.size(table);
            if used + more > size {
                return Err(Refusal::TableFull { table, size });
            }
        }
        for (key, value) in staged {
            self.insert(key, value);
        }
        Ok(true)
    }

    /// Forgets what was staged.
    pub(super) fn discard(&mut self) {
        self.staged.clear();
    }

    fn insert(&mut self, key: Key, value: Value) {
        if self.target.entries.insert(key, value).is_none() {
            *self.used.entry(key.table()).or_default() += 1;
        }
    }

    /// Adds an entry that is of no FEC or label, if there is space.
    pub(super) fn add(&mut self, key: Key, value: Value) -> Result<(), Refusal> {
        let table = key.table();
        let used = self.used.get(&table).copied().unwrap_or(0);
        let size = self.capacity.size(table);
        if used >= size && !self.target.entries.contains_key(&key) {
            return Err(Refusal::TableFull { table, size });
        }
        self.insert(key, value);
        Ok(())
    }
}
