//! Which entries of the LFIB use an NHLFE, wanted and in the switch.

use std::hash::BuildHasher;

use forwarding::{EntryKey, Nhlfe, Path, PathGroup, PathRole};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::GroupKey;
use super::install::{fill_empty_set, limit_of_link, limit_of_lsp};
use super::pass::Pass;
use crate::{Exit, NhlfeId, Value};

/// A fingerprint of the entries whose packets leave by an NHLFE, of the sets that it is in, and of how large
/// the packets may be: the sum of the hashes of all three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Fingerprint(u64);

impl Fingerprint {
    fn add(&mut self, entry: &EntryKey, role: PathRole, limit: u16) {
        let hash = FxBuildHasher.hash_one((entry, role, limit));
        self.0 = self.0.wrapping_add(hash);
    }
}

/// Branches have no limit each: that of the least is the entry's.
const OF_BRANCHES: u16 = 0;

/// The fingerprints of all NHLFEs, by which those are told apart that are alike in the switch:
/// next hops with one MAC address, as several addresses of one neighbour are.
pub(super) struct Uses<'a> {
    wanted: FxHashMap<&'a Nhlfe, Fingerprint>,
    held: FxHashMap<NhlfeId, Fingerprint>,
}

impl<'a> Uses<'a> {
    pub(super) fn of(pass: &Pass<'a>) -> Self {
        Self {
            wanted: wanted(pass),
            held: held(pass),
        }
    }

    /// Of ids with which the switch would do the same, the one that it does it with.
    pub(super) fn held_as(&self, nhlfe: &Nhlfe, alike: &[NhlfeId]) -> Option<NhlfeId> {
        let wanted = self.wanted.get(nhlfe);
        let same = alike.iter().find(|id| self.held.get(id) == wanted);
        same.or(alike.first()).copied()
    }
}

fn wanted<'a>(pass: &Pass<'a>) -> FxHashMap<&'a Nhlfe, Fingerprint> {
    let mut uses: FxHashMap<&Nhlfe, Fingerprint> = FxHashMap::default();
    for (key, entry, _) in pass.entries() {
        let mut add = |nhlfe, role, limit| uses.entry(nhlfe).or_default().add(&key, role, limit);
        if let Some(group) = entry.path_group() {
            let labels_below = matches!(entry.group(), Some(GroupKey::Paths(_, true)));
            for (role, ways_out) in ways_out(pass, group, labels_below) {
                let ways_out: FxHashSet<_> = ways_out.into_iter().collect();
                ways_out
                    .into_iter()
                    .for_each(|(nhlfe, limit)| add(nhlfe, role, limit));
            }
        } else if let Some(replication) = entry.replication() {
            let branches = replication.branches().iter();
            branches.for_each(|branch| add(branch, PathRole::Working, OF_BRANCHES));
        }
    }
    uses
}

/// By which NHLFEs the packets of each set leave, and how large they may be, as `Translator::members` has
/// it.
fn ways_out<'a>(
    pass: &Pass<'a>,
    group: &'a PathGroup,
    labels_below: bool,
) -> [(PathRole, Vec<(&'a Nhlfe, u16)>); 2] {
    let usable = |down_too| {
        let way_out = |path: &'a Path| {
            let of_link = |nhlfe: &'a Nhlfe| {
                let (interface, _) = pass.usable(nhlfe, down_too)?;
                Some((nhlfe, limit_of_link(interface, nhlfe, labels_below)))
            };
            let own = of_link(&path.nhlfe).map(|(own, limit)| (own, limit.min(limit_of_lsp(path))));
            own.or_else(|| of_link(path.backup.as_deref()?))
        };
        let sets = [group.paths(), group.protecting_paths()];
        sets.map(|paths| paths.iter().filter_map(way_out).collect::<Vec<_>>())
    };
    let none = |sets: &[Vec<_>; 2]| sets.iter().all(Vec::is_empty);
    let sets = Some(usable(false)).filter(|sets| !none(sets));
    let [mut working, mut protecting] = sets.unwrap_or_else(|| usable(true));
    fill_empty_set(&mut working, &mut protecting, group.protection().is_some());
    [
        (PathRole::Working, working),
        (PathRole::Protecting, protecting),
    ]
}

fn held(pass: &Pass<'_>) -> FxHashMap<NhlfeId, Fingerprint> {
    let mut uses: FxHashMap<NhlfeId, Fingerprint> = FxHashMap::default();
    let referrers = pass.referrers();
    // An entry of the ILM is in several tables.
    let distinct =
        |entries: &[EntryKey]| -> FxHashSet<EntryKey> { entries.iter().cloned().collect() };
    for (group, entries) in &referrers.groups {
        let entries = distinct(entries);
        let [working, protecting] = pass.held_sets(*group);
        for (role, buckets) in [
            (PathRole::Working, working),
            (PathRole::Protecting, protecting),
        ] {
            let exits: FxHashSet<Exit> = buckets.iter().map(|bucket| bucket.primary).collect();
            for exit in exits {
                let uses = uses.entry(exit.nhlfe).or_default();
                let limit = exit.max_length;
                entries
                    .iter()
                    .for_each(|entry| uses.add(entry, role, limit));
            }
        }
    }
    for (group, entries) in &referrers.multicast {
        let entries = distinct(entries);
        for (_, value) in pass.held_branches(*group) {
            if let Value::Branch(nhlfe) = value {
                let uses = uses.entry(*nhlfe).or_default();
                let add = |entry| uses.add(entry, PathRole::Working, OF_BRANCHES);
                entries.iter().for_each(add);
            }
        }
    }
    uses
}
