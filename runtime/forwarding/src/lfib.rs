//! The desired label forwarding information base, as a value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use crate::{
    Fec, FtnAction, IlmAction, IlmKey, LabelSpace, MacAddress, NextHop, NextHopProblem, Nhlfe,
    Owner, PathGroup, QosMap, QosMapId, TunnelEnd, UnresolvedNextHop,
};

/// What the switch should forward by: for each FEC and incoming label the binding that was chosen,
/// and the next hops that are resolved.
///
/// An entry of which no next hop is resolved is in here all the same: it cannot be installed, but
/// what the switch holds of it may have to stay over a restart.
///
/// A copy shares what does not change later.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lfib {
    /// The FTN.
    pub ftn: OrdMap<Fec, FtnEntry>,
    /// The ILM.
    pub ilm: OrdMap<IlmKey, IlmEntry>,
    /// The MAC address of each next hop that can be used.
    pub resolved: OrdMap<NextHop, MacAddress>,
    /// Why each other next hop of the entries cannot be used.
    pub unresolved: OrdMap<NextHop, NextHopProblem>,
    /// The label space of upstream-assigned labels, by the LSR that assigns them (RFC 5331 section
    /// 7, RFC 5332): a neighbour on an interface, which is resolved like a next hop.
    pub upstream_contexts: BTreeMap<NextHop, LabelSpace>,
    /// The label space of labelled packets that arrive over IP.
    pub tunnel_ends: BTreeMap<TunnelEnd, LabelSpace>,
    /// The QoS maps; [`QosMapId::DEFAULT`] is not among them.
    pub qos_maps: BTreeMap<QosMapId, QosMap>,
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
    /// The next hops of NHLFEs that cannot be used, each once.
    pub fn unresolved_of<'a>(
        &self,
        nhlfes: impl IntoIterator<Item = &'a Nhlfe>,
    ) -> Vec<UnresolvedNextHop> {
        let mut unresolved = Vec::new();
        for nhlfe in nhlfes {
            let next_hop = nhlfe.next_hop();
            if let Some(problem) = self.problem(next_hop)
                && !unresolved
                    .iter()
                    .any(|known: &UnresolvedNextHop| known.next_hop == *next_hop)
            {
                unresolved.push(UnresolvedNextHop {
                    next_hop: next_hop.clone(),
                    problem,
                });
            }
        }
        unresolved
    }

    /// Whether a next hop of the NHLFEs can be used.
    pub fn is_usable<'a>(&self, nhlfes: impl IntoIterator<Item = &'a Nhlfe>) -> bool {
        nhlfes
            .into_iter()
            .any(|nhlfe| self.resolved.contains_key(nhlfe.next_hop()))
    }

    /// Why a next hop cannot be used; `None` when it can.
    pub fn problem(&self, next_hop: &NextHop) -> Option<NextHopProblem> {
        if self.resolved.contains_key(next_hop) {
            return None;
        }
        let known = self.unresolved.get(next_hop).copied();
        Some(known.unwrap_or(NextHopProblem::NeighbourUnresolved))
    }

    /// What differs from an earlier LFIB.
    pub fn changes_since(&self, former: &Self) -> Changes {
        Changes {
            ftn: differing(&self.ftn, &former.ftn),
            ilm: differing(&self.ilm, &former.ilm),
            next_hops: {
                let resolved = differing(&self.resolved, &former.resolved);
                let unresolved = differing(&self.unresolved, &former.unresolved);
                resolved.union(&unresolved).cloned().collect()
            },
            settings: self.upstream_contexts != former.upstream_contexts
                || self.tunnel_ends != former.tunnel_ends
                || self.qos_maps != former.qos_maps,
        }
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

/// The keys of which the values differ. What both maps share is passed over.
fn differing<K: Ord + Clone, V: PartialEq>(
    one: &OrdMap<K, V>,
    other: &OrdMap<K, V>,
) -> BTreeSet<K> {
    let key = |difference| match difference {
        DiffItem::Add(key, _) | DiffItem::Remove(key, _) => key,
        DiffItem::Update { new, .. } => new.0,
    };
    other.diff(one).map(key).cloned().collect()
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

/// What differs in the LFIB from an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// FECs of which the entry came, went or changed.
    pub ftn: BTreeSet<Fec>,
    /// Labels of which the entry came, went or changed.
    pub ilm: BTreeSet<IlmKey>,
    /// Next hops that were resolved, changed their MAC address, or cannot be used any more.
    pub next_hops: BTreeSet<NextHop>,
    /// Whether upstream contexts, tunnel ends or QoS maps changed.
    pub settings: bool,
}

impl Changes {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.ftn.is_empty() && self.ilm.is_empty() && self.next_hops.is_empty() && !self.settings
    }
}
