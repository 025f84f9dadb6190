//! The desired label forwarding information base, as a value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{
    Fec, FtnAction, IlmAction, IlmKey, MacAddress, NextHop, NextHopProblem, Owner, PathGroup,
    UnresolvedNextHop,
};

/// What the switch should forward by: for each FEC and incoming label the binding that was chosen,
/// and the next hops that are resolved.
///
/// An entry of which no next hop is resolved is in here all the same: it cannot be installed, but
/// what the switch holds of it may have to stay over a restart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lfib {
    /// The FTN.
    pub ftn: BTreeMap<Fec, FtnEntry>,
    /// The ILM.
    pub ilm: BTreeMap<IlmKey, IlmEntry>,
    /// The MAC address of each next hop that can be used.
    pub resolved: BTreeMap<NextHop, MacAddress>,
    /// Why each other next hop of the entries cannot be used.
    pub unresolved: BTreeMap<NextHop, NextHopProblem>,
}

/// The chosen binding of a FEC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FtnEntry {
    /// Whose binding it is.
    pub owner: Owner,
    /// What happens to packets of the FEC.
    pub action: FtnAction,
}

/// The chosen binding of an incoming label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IlmEntry {
    /// Whose binding it is.
    pub owner: Owner,
    /// What happens to packets with the label.
    pub action: IlmAction,
}

impl Lfib {
    /// The next hops of a group that cannot be used, in the order of its paths.
    pub fn unresolved_of(&self, group: &PathGroup) -> Vec<UnresolvedNextHop> {
        let unresolved = |next_hop: &NextHop| {
            let problem = self.problem(next_hop)?;
            Some(UnresolvedNextHop {
                next_hop: next_hop.clone(),
                problem,
            })
        };
        group
            .paths()
            .iter()
            .filter_map(|path| unresolved(path.nhlfe.next_hop()))
            .collect()
    }

    /// Whether a next hop of the group can be used.
    pub fn is_usable(&self, group: &PathGroup) -> bool {
        group
            .paths()
            .iter()
            .any(|path| self.resolved.contains_key(path.nhlfe.next_hop()))
    }

    /// Why a next hop cannot be used; `None` when it can.
    pub fn problem(&self, next_hop: &NextHop) -> Option<NextHopProblem> {
        if self.resolved.contains_key(next_hop) {
            return None;
        }
        let known = self.unresolved.get(next_hop).copied();
        Some(known.unwrap_or(NextHopProblem::NeighbourUnresolved))
    }

    /// The path group of an entry, if it is there and forwards.
    pub fn path_group(&self, key: &EntryKey) -> Option<&PathGroup> {
        match key {
            EntryKey::Ftn(fec) => self.ftn.get(fec)?.action.path_group(),
            EntryKey::Ilm(key) => self.ilm.get(key)?.action.path_group(),
        }
        .map(AsRef::as_ref)
    }
}

/// An entry of the LFIB: of the FTN or of the ILM.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKey {
    /// An entry of the FTN.
    Ftn(Fec),
    /// An entry of the ILM.
    Ilm(IlmKey),
}

impl fmt::Display for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ftn(fec) => write!(f, "FEC {fec}"),
            Self::Ilm(key) => write!(f, "ILM {key}"),
        }
    }
}

/// What differs in the LFIB from the last time that the changes were taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// FECs of which the entry came, went or changed.
    pub ftn: BTreeSet<Fec>,
    /// Labels of which the entry came, went or changed.
    pub ilm: BTreeSet<IlmKey>,
    /// Next hops that were resolved, changed their MAC address, or cannot be used any more.
    pub next_hops: BTreeSet<NextHop>,
}

impl Changes {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.ftn.is_empty() && self.ilm.is_empty() && self.next_hops.is_empty()
    }
}
