//! From the desired LFIB to the entries of mpls.p4's tables.

mod entry;
mod install;
mod pass;
mod settings;
mod uses;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use forwarding::{AttachmentCircuit, EntryKey, Nhlfe, PathGroup, Replication, Tunnel};

use rustc_hash::FxHashSet;

use self::pass::Pass;
use crate::ids::Ids;
use crate::{
    Bucket, Capacity, Desired, Entries, MulticastGroupId, NhlfeId, PathGroupId, Refusal,
    Switchover, buckets_of,
};

/// What the switch should hold, and what it cannot.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// The entries, but for those of the [`Switchover`].
    pub entries: Entries,
    /// Entries of the LFIB that do not fit the hardware profile.
    pub refused: BTreeMap<EntryKey, Refusal>,
    /// Entries of the LFIB that are translated.
    pub translated: BTreeSet<EntryKey>,
    /// Entries of the LFIB that are left as the switch holds them: until their next hops are
    /// resolved, as the daemon has just started; or while their ports are down.
    pub kept: BTreeSet<EntryKey>,
    /// Other entries that do not fit the hardware profile.
    pub problems: Vec<String>,
}

/// Translates, and remembers which ids NHLFEs, path groups and the like have.
#[derive(Debug, Clone)]
pub struct Translator {
    capacity: Arc<Capacity>,
    groups: Ids<GroupKey>,
    nhlfes: Ids<NhlfeKey>,
    replications: Ids<Arc<Replication>>,
    tunnels: Ids<Tunnel>,
}

/// What a path group of the switch is made for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum GroupKey {
    /// The paths of a FEC or a label, and whether what an unlabelled path sends may still have
    /// labels: at the penultimate hop it may, and then the MTU of labelled packets counts.
    Paths(Arc<PathGroup>, bool),
    /// The egress of a pseudowire: one way out, to the attachment circuit.
    Circuit(AttachmentCircuit),
}

/// What an NHLFE of the switch is made for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum NhlfeKey {
    Path(Nhlfe),
    Circuit(AttachmentCircuit),
}

impl GroupKey {
    fn of_fec(group: &Arc<PathGroup>) -> Self {
        Self::Paths(Arc::clone(group), false)
    }

    fn of_label(group: &Arc<PathGroup>) -> Self {
        Self::Paths(Arc::clone(group), group.pops_labels())
    }
}

impl Translator {
    /// A translator of a switch with this capacity, without any id given.
    pub fn new(capacity: Capacity) -> Self {
        Self {
            capacity: Arc::new(capacity),
            groups: Ids::up_to(u32::MAX),
            nhlfes: Ids::up_to(u32::MAX),
            replications: Ids::up_to(u16::MAX.into()),
            tunnels: Ids::up_to(u16::MAX.into()),
        }
    }

    /// The NHLFE that has an id. Those to attachment circuits are not among them.
    pub fn nhlfe_ids(&self) -> impl Iterator<Item = (&Nhlfe, NhlfeId)> {
        self.nhlfes.iter().filter_map(|(key, id)| match key {
            NhlfeKey::Path(nhlfe) => Some((nhlfe, NhlfeId(id))),
            NhlfeKey::Circuit(_) => None,
        })
    }

    /// The path group that has an id. Those to attachment circuits are not among them; one that
    /// pops labels and is used for IP packets too has two.
    pub fn path_group_ids(&self) -> impl Iterator<Item = (&Arc<PathGroup>, PathGroupId)> {
        self.groups.iter().filter_map(|(key, id)| match key {
            GroupKey::Paths(group, _) => Some((group, PathGroupId(id))),
            GroupKey::Circuit(_) => None,
        })
    }

    /// The branches that a multicast group of the switch is for.
    pub fn multicast_group_ids(
        &self,
    ) -> impl Iterator<Item = (&Arc<Replication>, MulticastGroupId)> {
        // The ids are those of 16 bits that were given out.
        self.replications
            .iter()
            .map(|(replication, id)| (replication, MulticastGroupId(id as u16)))
    }

    /// The buckets of a path group's sets, working and protecting, as these entries have them.
    pub fn buckets(&self, group: &PathGroup, entries: &Entries) -> [Vec<Bucket>; 2] {
        let mut ids = self.path_group_ids();
        let id = ids.find_map(|(known, id)| (**known == *group).then_some(id));
        [
            forwarding::PathRole::Working,
            forwarding::PathRole::Protecting,
        ]
        .map(|role| id.map_or_else(Vec::new, |id| buckets_of(entries, id, role)))
    }

    /// Translates the desired state.
    ///
    /// Ids that were not given before are adopted from what the switch holds wherever it means the
    /// same, and buckets stay with who has them, so that a daemon that starts again finds its own
    /// entries. With `hold`, entries of which a next hop is not resolved stay as the switch holds
    /// them. Paths by ports that are down are not used where there are others.
    pub fn translate(
        &mut self,
        desired: &Desired,
        switchover: &Switchover,
        held: &Entries,
        hold: bool,
    ) -> Target {
        let capacity = Arc::clone(&self.capacity);
        let mut pass = Pass::new(&capacity, desired, switchover, held);
        settings::translate(&capacity, &mut pass);
        self.free_ids(&pass);
        for (key, entry) in pass.in_order() {
            if hold && pass.must_wait(&key, entry) {
                pass.target.kept.insert(key);
                continue;
            }
            let translated = self.translate_entry(&mut pass, &key, entry);
            match translated.and_then(|installable| pass.commit(installable)) {
                Ok(true) => {
                    pass.target.translated.insert(key);
                }
                // No next hop is resolved: there is nothing to install.
                Ok(false) => {
                    if pass.waits_for_port(&key, entry) {
                        pass.keep(&key);
                        pass.target.kept.insert(key);
                    }
                }
                Err(refusal) => {
                    pass.target.refused.insert(key, refusal);
                }
            }
        }
        pass.target
    }

    /// Frees the ids of what is not wanted any more.
    fn free_ids(&mut self, pass: &Pass<'_>) {
        self.groups.retain(|group| pass.users.contains_key(group));
        self.replications
            .retain(|replication| pass.replication_users.contains_key(replication));
        let mut nhlfes: FxHashSet<&Nhlfe> = FxHashSet::default();
        let mut circuits = BTreeSet::new();
        for group in pass.users.keys() {
            match group {
                GroupKey::Paths(group, _) => nhlfes.extend(group.nhlfes()),
                GroupKey::Circuit(circuit) => {
                    circuits.insert(*circuit);
                }
            }
        }
        for replication in pass.replication_users.keys() {
            nhlfes.extend(replication.branches());
        }
        let tunnels: BTreeSet<&Tunnel> = nhlfes.iter().filter_map(|nhlfe| nhlfe.tunnel()).collect();
        self.tunnels.retain(|tunnel| tunnels.contains(tunnel));
        self.nhlfes.retain(|key| match key {
            NhlfeKey::Path(nhlfe) => nhlfes.contains(nhlfe),
            NhlfeKey::Circuit(circuit) => circuits.contains(circuit),
        });
    }
}
