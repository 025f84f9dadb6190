//! Which entries of the LFIB use an NHLFE, wanted and in the switch.

use std::hash::BuildHasher;

use forwarding::{EntryKey, Nhlfe, Path, PathGroup, PathRole};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::install::fill_empty_set;
use super::pass::Pass;
use crate::{NhlfeId, Value};

/// A fingerprint of the entries whose packets leave by an NHLFE, and of the sets that it is in:
/// the sum of the hashes of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Fingerprint(u64);

impl Fingerprint {
    fn add(&mut self, entry: &EntryKey, role: PathRole) {
        let hash = FxBuildHasher.hash_one((entry, role));
        self.0 = self.0.wrapping_add(hash);
    }
}

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
        let mut add = |nhlfe, role| uses.entry(nhlfe).or_default().add(&key, role);
        if let Some(group) = entry.path_group() {
            for (role, ways_out) in ways_out(pass, group) {
                ways_out.into_iter().for_each(|nhlfe| add(nhlfe, role));
            }
        } else if let Some(replication) = entry.replication() {
            let branches = replication.branches().iter();
            branches.for_each(|branch| add(branch, PathRole::Working));
        }
    }
    uses
}

/// By which NHLFEs the packets of each set leave, as `Translator::members` has it.
fn ways_out<'a>(pass: &Pass<'a>, group: &'a PathGroup) -> [(PathRole, Vec<&'a Nhlfe>); 2] {
    let usable = |down_too| {
        let way_out = |path: &'a Path| {
            let mut nhlfes = std::iter::once(&path.nhlfe).chain(path.backup.as_deref());
            nhlfes.find(|nhlfe| pass.usable(nhlfe, down_too).is_some())
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
        for (role, nhlfes) in [
            (PathRole::Working, working),
            (PathRole::Protecting, protecting),
        ] {
            for nhlfe in nhlfes {
                let uses = uses.entry(nhlfe).or_default();
                entries.iter().for_each(|entry| uses.add(entry, role));
            }
        }
    }
    for (group, entries) in &referrers.multicast {
        let entries = distinct(entries);
        for (_, value) in pass.held_branches(*group) {
            if let Value::Branch(nhlfe) = value {
                let uses = uses.entry(*nhlfe).or_default();
                let add = |entry| uses.add(entry, PathRole::Working);
                entries.iter().for_each(add);
            }
        }
    }
    uses
}
