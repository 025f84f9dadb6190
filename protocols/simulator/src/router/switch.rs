//! A model of a router's switch: it takes what the LFIB wants, late and in parts, and forwards by what it
//! holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use forwarding::{EntryKey, Fec, Forwarding, FtnAction, IlmAction, IlmKey, NextHop};
use ldp::PrefixFec;
use mpls::Label;
use rustc_hash::FxHashMap;

/// How many entries are written at a time.
const BATCH: usize = 64;

/// How fast a switch takes entries, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Speed {
    /// Until a write begins to count.
    pub latency: Duration,
    /// For each entry of it.
    pub per_entry: Duration,
    /// How many entries it holds, of the ILM and of the FTN together.
    pub capacity: usize,
}

impl Default for Speed {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(1),
            per_entry: Duration::from_micros(10),
            capacity: usize::MAX,
        }
    }
}

/// The switch, with the part of the daemon that writes to it.
#[derive(Debug, Default)]
pub struct Switch {
    /// How fast it is.
    pub speed: Speed,
    ftn: BTreeMap<Fec, FtnAction>,
    ilm: BTreeMap<IlmKey, (IlmAction, PrefixFec)>,
    next_hops: BTreeSet<NextHop>,
    /// What each label stood for first, also before power was lost, and whether it was another FEC later.
    stood_for: FxHashMap<Label, (PrefixFec, bool)>,
    /// What is to be written, in the order of make before break.
    set_ilm: BTreeSet<IlmKey>,
    set_ftn: BTreeSet<Fec>,
    unset_ftn: BTreeSet<Fec>,
    unset_ilm: BTreeSet<IlmKey>,
    /// What it had no room for.
    refused: BTreeSet<EntryKey>,
    /// The write that is under way.
    write: Vec<Write>,
    writing: bool,
}

#[derive(Debug)]
enum Write {
    Ftn(Fec, Option<FtnAction>),
    Ilm(IlmKey, Option<(IlmAction, PrefixFec)>),
}

impl Switch {
    /// The switch lost its power.
    pub fn clear(&mut self) {
        let (speed, stood_for) = (self.speed, std::mem::take(&mut self.stood_for));
        *self = Self {
            speed,
            stood_for,
            ..Self::default()
        };
    }

    /// The daemon ended: what it was about to write is not written.
    pub fn disconnect(&mut self) {
        self.set_ilm.clear();
        self.set_ftn.clear();
        self.unset_ftn.clear();
        self.unset_ilm.clear();
        self.refused.clear();
        self.write.clear();
        self.writing = false;
    }

    /// The daemon compares what the switch holds with what it should hold, and writes what differs.
    pub fn reconcile(&mut self, forwarding: &Forwarding) {
        let lfib = forwarding.lfib();
        self.next_hops = lfib.resolved.keys().cloned().collect();
        let ilm: BTreeSet<IlmKey> = self.ilm.keys().chain(lfib.ilm.keys()).copied().collect();
        for key in ilm {
            self.mark_ilm(key, lfib.ilm.contains_key(&key));
        }
        let ftn: BTreeSet<Fec> = self.ftn.keys().chain(lfib.ftn.keys()).cloned().collect();
        for fec in ftn {
            let desired = lfib.ftn.contains_key(&fec);
            self.mark_ftn(fec, desired);
        }
    }

    /// Takes note of what changed in the LFIB. Next hops count at once: one write for however many
    /// entries.
    pub fn note(&mut self, forwarding: &mut Forwarding) {
        let changes = forwarding.take_changes();
        if changes.is_empty() {
            return;
        }
        let lfib = forwarding.lfib();
        for next_hop in changes.next_hops {
            if lfib.resolved.contains_key(&next_hop) {
                self.next_hops.insert(next_hop);
            } else {
                self.next_hops.remove(&next_hop);
            }
        }
        for key in changes.ilm {
            self.mark_ilm(key, lfib.ilm.contains_key(&key));
        }
        for fec in changes.ftn {
            let desired = lfib.ftn.contains_key(&fec);
            self.mark_ftn(fec, desired);
        }
    }

    /// An entry is to be set, or to go.
    fn mark_ilm(&mut self, key: IlmKey, desired: bool) {
        if desired {
            self.unset_ilm.remove(&key);
            self.set_ilm.insert(key);
        } else {
            self.set_ilm.remove(&key);
            self.unset_ilm.insert(key);
        }
        self.refused.remove(&EntryKey::Ilm(key));
    }

    fn mark_ftn(&mut self, fec: Fec, desired: bool) {
        self.refused.remove(&EntryKey::Ftn(fec.clone()));
        if desired {
            self.unset_ftn.remove(&fec);
            self.set_ftn.insert(fec);
        } else {
            self.set_ftn.remove(&fec);
            self.unset_ftn.insert(fec);
        }
    }

    /// Begins a write if there is something to write and none is under way. Gives how long it takes.
    pub fn begin(
        &mut self,
        forwarding: &Forwarding,
        fec_of: impl Fn(Label) -> Option<PrefixFec>,
    ) -> Option<Duration> {
        if self.writing {
            return None;
        }
        let lfib = forwarding.lfib();
        let mut write = Vec::new();
        while write.len() < BATCH {
            let Some(key) = self.set_ilm.pop_first() else {
                break;
            };
            if let (Some(entry), Some(fec)) = (lfib.ilm.get(&key), fec_of(key.label))
                && self
                    .ilm
                    .get(&key)
                    .is_none_or(|(action, of)| *action != entry.action || *of != fec)
            {
                write.push(Write::Ilm(key, Some((entry.action.clone(), fec))));
            }
        }
        while write.len() < BATCH {
            let Some(fec) = self.set_ftn.pop_first() else {
                break;
            };
            if let Some(entry) = lfib.ftn.get(&fec)
                && self.ftn.get(&fec) != Some(&entry.action)
            {
                write.push(Write::Ftn(fec, Some(entry.action.clone())));
            }
        }
        while write.len() < BATCH {
            let Some(fec) = self.unset_ftn.pop_first() else {
                break;
            };
            if self.ftn.contains_key(&fec) {
                write.push(Write::Ftn(fec, None));
            }
        }
        while write.len() < BATCH {
            let Some(key) = self.unset_ilm.pop_first() else {
                break;
            };
            if self.ilm.contains_key(&key) {
                write.push(Write::Ilm(key, None));
            }
        }
        if write.is_empty() {
            return None;
        }
        let entries = u32::try_from(write.len()).unwrap_or(u32::MAX);
        self.write = write;
        self.writing = true;
        Some(self.speed.latency + self.speed.per_entry * entries)
    }

    /// The write that is under way counts now. Gives the entries that are there by it.
    pub fn complete(&mut self) -> Vec<EntryKey> {
        self.writing = false;
        let mut freed = false;
        let mut written = Vec::new();
        for write in std::mem::take(&mut self.write) {
            match write {
                Write::Ftn(fec, Some(action)) => {
                    if self.ftn.contains_key(&fec) || self.has_room() {
                        written.push(EntryKey::Ftn(fec.clone()));
                        self.ftn.insert(fec, action);
                    } else {
                        self.refused.insert(EntryKey::Ftn(fec));
                    }
                }
                Write::Ilm(key, Some(entry)) => {
                    if self.ilm.contains_key(&key) || self.has_room() {
                        written.push(EntryKey::Ilm(key));
                        let first = self.stood_for.entry(key.label);
                        let (first, another) = first.or_insert((entry.1, false));
                        *another |= *first != entry.1;
                        self.ilm.insert(key, entry);
                    } else {
                        self.refused.insert(EntryKey::Ilm(key));
                    }
                }
                Write::Ftn(fec, None) => freed |= self.ftn.remove(&fec).is_some(),
                Write::Ilm(key, None) => freed |= self.ilm.remove(&key).is_some(),
            }
        }
        if freed {
            self.retry();
        }
        written
    }

    /// Whether a label stood for more than one FEC in the course of time.
    pub fn stood_for_another(&self, label: Label) -> bool {
        self.stood_for
            .get(&label)
            .is_some_and(|(_, another)| *another)
    }

    /// There is room again: what was refused is tried again.
    pub fn retry(&mut self) {
        for key in std::mem::take(&mut self.refused) {
            match key {
                EntryKey::Ftn(fec) => {
                    self.set_ftn.insert(fec);
                }
                EntryKey::Ilm(key) => {
                    self.set_ilm.insert(key);
                }
            }
        }
    }

    fn has_room(&self) -> bool {
        self.entries() < self.speed.capacity
    }

    /// How many entries it holds.
    pub fn entries(&self) -> usize {
        self.ftn.len() + self.ilm.len()
    }

    /// Whether it refused entries for want of room.
    pub fn is_full(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Whether it is without anything to write.
    pub fn is_quiet(&self) -> bool {
        !self.writing
            && self.set_ilm.is_empty()
            && self.set_ftn.is_empty()
            && self.unset_ftn.is_empty()
            && self.unset_ilm.is_empty()
    }

    /// The FTN that it forwards by.
    pub fn ftn(&self) -> &BTreeMap<Fec, FtnAction> {
        &self.ftn
    }

    /// The ILM that it forwards by, with the FEC that each label stood for when it was written.
    pub fn ilm(&self) -> &BTreeMap<IlmKey, (IlmAction, PrefixFec)> {
        &self.ilm
    }

    /// Whether it knows the neighbour of a next hop.
    pub fn resolves(&self, next_hop: &NextHop) -> bool {
        self.next_hops.contains(next_hop)
    }

    /// What it holds, and should not, or not so, and what it lacks without having refused it.
    pub fn differences(&self, forwarding: &Forwarding) -> Vec<String> {
        let lfib = forwarding.lfib();
        let mut differences = Vec::new();
        for (key, entry) in &lfib.ilm {
            match self.ilm.get(key) {
                Some((action, _)) if *action == entry.action => {}
                None if self.refused.contains(&EntryKey::Ilm(*key)) => {}
                None => differences.push(format!("ILM {key} is not in the switch")),
                Some(_) => differences.push(format!("ILM {key} is another in the switch")),
            }
        }
        for (fec, entry) in &lfib.ftn {
            match self.ftn.get(fec) {
                Some(action) if *action == entry.action => {}
                None if self.refused.contains(&EntryKey::Ftn(fec.clone())) => {}
                None => differences.push(format!("FTN {fec} is not in the switch")),
                Some(_) => differences.push(format!("FTN {fec} is another in the switch")),
            }
        }
        let extra = self.ilm.keys().filter(|key| !lfib.ilm.contains_key(*key));
        differences.extend(extra.map(|key| format!("ILM {key} is left in the switch")));
        let extra = self.ftn.keys().filter(|fec| !lfib.ftn.contains_key(*fec));
        differences.extend(extra.map(|fec| format!("FTN {fec} is left in the switch")));
        differences
    }
}
