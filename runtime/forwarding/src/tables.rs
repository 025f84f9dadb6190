//! Bindings, their choice, and next-hop resolution.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::Arc;

use imbl::OrdMap;
use mpls::{Label, SpecialPurposeLabel};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::{
    Changes, EntryKey, Fec, FtnAction, FtnEntry, IlmAction, IlmEntry, IlmKey, InterfaceName,
    LabelSpace, Lfib, MacAddress, NextHop, NextHopProblem, Nhlfe, Owner, PathGroup, Payload,
    Programmed, Protocol, QosMap, QosMapId, Replication, State, TunnelEnd, UnresolvedNextHop, View,
};

/// An incoming label that cannot have the action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// The label is reserved, and its meaning is another (RFC 3032 section 2.1, RFC 9017).
    #[error("label {label} is reserved and cannot be bound to {action}: use 16 to 1048575")]
    ReservedLabel {
        /// The label.
        label: Label,
        /// What it was to be bound to.
        action: String,
    },
    /// Explicit null is the meaning of the labels 0 (IPv4) and 2 (IPv6) alone.
    #[error("label {label} is not {payload}-explicit-null")]
    NotExplicitNull {
        /// The label.
        label: Label,
        /// The payload of the explicit null action.
        payload: Payload,
    },
}

/// The FTN, the ILM and the next hops of one router: bindings go in, the desired [`Lfib`] comes
/// out.
#[derive(Debug, Default)]
pub struct Forwarding {
    /// Bindings that were not chosen; the chosen ones are in the LFIB.
    other_ftn: Others<Fec, FtnEntry>,
    other_ilm: Others<IlmKey, IlmEntry>,
    /// Whether each interface is up.
    interfaces: BTreeMap<InterfaceName, bool>,
    neighbours: BTreeMap<NextHop, MacAddress>,
    /// In how many paths of chosen bindings each next hop is.
    references: BTreeMap<NextHop, usize>,
    lfib: Arc<Lfib>,
    /// Since they were taken, once somebody asked for them.
    changes: Option<Box<Changes>>,
}

impl Forwarding {
    /// A router without bindings, interfaces and neighbours.
    pub fn new() -> Self {
        Self::default()
    }

    /// Binds a FEC, in place of the owner's former binding of it.
    pub fn bind_ftn(&mut self, owner: Owner, fec: Fec, action: FtnAction) {
        let chosen = self.lfib.ftn.get(&fec);
        let entry = FtnEntry { owner, action };
        if let Some(entry) = self.other_ftn.bind(&fec, chosen, entry) {
            let next_hops = NextHopChange::of(chosen, Some(&entry));
            self.set_ftn(fec, Some(entry), next_hops);
        }
    }

    /// Takes the owner's binding of a FEC back. Nothing happens if there is none.
    pub fn unbind_ftn(&mut self, owner: &Owner, fec: &Fec) {
        let chosen = self.lfib.ftn.get(fec);
        if let Some(next) = self.other_ftn.unbind(fec, chosen, owner) {
            let next_hops = NextHopChange::of(chosen, next.as_ref());
            self.set_ftn(fec.clone(), next, next_hops);
        }
    }

    /// Makes these the only FTN bindings of a protocol.
    pub fn replace_ftn(
        &mut self,
        protocol: Protocol,
        bindings: impl IntoIterator<Item = (Owner, Fec, FtnAction)>,
    ) {
        let bindings: Vec<_> = bindings.into_iter().collect();
        let kept: BTreeSet<_> = bindings
            .iter()
            .map(|(owner, fec, _)| (fec, owner))
            .collect();
        for (fec, owner) in self.other_ftn.of_protocol(&self.lfib.ftn, protocol) {
            if !kept.contains(&(&fec, &owner)) {
                self.unbind_ftn(&owner, &fec);
            }
        }
        for (owner, fec, action) in bindings {
            self.bind_ftn(owner, fec, action);
        }
    }

    /// Binds an incoming label, in place of the owner's former binding of it.
    ///
    /// # Errors
    /// The label is reserved and the action is not its meaning.
    pub fn bind_ilm(
        &mut self,
        owner: Owner,
        key: IlmKey,
        action: IlmAction,
    ) -> Result<(), BindError> {
        check_label(&key, &action)?;
        let chosen = self.lfib.ilm.get(&key);
        let entry = IlmEntry { owner, action };
        if let Some(entry) = self.other_ilm.bind(&key, chosen, entry) {
            let next_hops = NextHopChange::of(chosen, Some(&entry));
            self.set_ilm(key, Some(entry), next_hops);
        }
        Ok(())
    }

    /// Takes the owner's binding of a label back. Nothing happens if there is none.
    pub fn unbind_ilm(&mut self, owner: &Owner, key: &IlmKey) {
        let chosen = self.lfib.ilm.get(key);
        if let Some(next) = self.other_ilm.unbind(key, chosen, owner) {
            let next_hops = NextHopChange::of(chosen, next.as_ref());
            self.set_ilm(*key, next, next_hops);
        }
    }

    /// Makes these the only ILM bindings of a protocol.
    ///
    /// # Errors
    /// As [`Forwarding::bind_ilm`]; then nothing has changed.
    pub fn replace_ilm(
        &mut self,
        protocol: Protocol,
        bindings: impl IntoIterator<Item = (Owner, IlmKey, IlmAction)>,
    ) -> Result<(), BindError> {
        let bindings: Vec<_> = bindings.into_iter().collect();
        for (_, key, action) in &bindings {
            check_label(key, action)?;
        }
        let kept: BTreeSet<_> = bindings
            .iter()
            .map(|(owner, key, _)| (key, owner))
            .collect();
        for (key, owner) in self.other_ilm.of_protocol(&self.lfib.ilm, protocol) {
            if !kept.contains(&(&key, &owner)) {
                self.unbind_ilm(&owner, &key);
            }
        }
        for (owner, key, action) in bindings {
            self.bind_ilm(owner, key, action)?;
        }
        Ok(())
    }

    /// An interface is there, and up or down.
    pub fn set_interface(&mut self, name: InterfaceName, up: bool) {
        self.interfaces.insert(name.clone(), up);
        self.resolve_interface(&name);
    }

    /// An interface is gone, with its neighbours.
    pub fn remove_interface(&mut self, name: &InterfaceName) {
        self.interfaces.remove(name);
        self.neighbours
            .retain(|next_hop, _| next_hop.interface != *name);
        self.resolve_interface(name);
    }

    /// The MAC address of a neighbour is known.
    pub fn set_neighbour(&mut self, next_hop: NextHop, mac: MacAddress) {
        self.neighbours.insert(next_hop.clone(), mac);
        self.resolve(&next_hop);
    }

    /// The MAC address of a neighbour is not known any more.
    pub fn remove_neighbour(&mut self, next_hop: &NextHop) {
        self.neighbours.remove(next_hop);
        self.resolve(next_hop);
    }

    /// Makes these the only neighbours with a known MAC address.
    pub fn replace_neighbours(
        &mut self,
        neighbours: impl IntoIterator<Item = (NextHop, MacAddress)>,
    ) {
        let neighbours: BTreeMap<_, _> = neighbours.into_iter().collect();
        let former = std::mem::replace(&mut self.neighbours, neighbours);
        let touched: BTreeSet<_> = former
            .into_keys()
            .chain(self.neighbours.keys().cloned())
            .collect();
        for next_hop in touched {
            self.resolve(&next_hop);
        }
    }

    /// Makes these the only upstream LSRs that assign labels, each with the label space of its
    /// labels (RFC 5331 section 7).
    pub fn replace_upstream_contexts(
        &mut self,
        contexts: impl IntoIterator<Item = (NextHop, LabelSpace)>,
    ) {
        let contexts: BTreeMap<_, _> = contexts.into_iter().collect();
        if self.lfib.upstream_contexts == contexts {
            return;
        }
        let used = contexts.keys().cloned().map(Arc::new).collect();
        let lfib = Arc::make_mut(&mut self.lfib);
        let former = std::mem::replace(&mut lfib.upstream_contexts, contexts);
        self.settings_changed();
        self.refer(&NextHopChange {
            used,
            unused: former.into_keys().map(Arc::new).collect(),
        });
    }

    /// Makes these the only tail ends of MPLS over IP, each with the label space of what arrives.
    pub fn replace_tunnel_ends(&mut self, ends: impl IntoIterator<Item = (TunnelEnd, LabelSpace)>) {
        let ends: BTreeMap<_, _> = ends.into_iter().collect();
        if self.lfib.tunnel_ends != ends {
            Arc::make_mut(&mut self.lfib).tunnel_ends = ends;
            self.settings_changed();
        }
    }

    /// Makes these the only QoS maps. One for [`QosMapId::DEFAULT`] is left out: it is as it is.
    pub fn replace_qos_maps(&mut self, maps: impl IntoIterator<Item = (QosMapId, QosMap)>) {
        let mut maps: BTreeMap<_, _> = maps.into_iter().collect();
        maps.remove(&QosMapId::DEFAULT);
        if self.lfib.qos_maps != maps {
            Arc::make_mut(&mut self.lfib).qos_maps = maps;
            self.settings_changed();
        }
    }

    /// The neighbours of which the MAC address is known.
    pub fn neighbours(&self) -> impl Iterator<Item = (&NextHop, MacAddress)> {
        self.neighbours
            .iter()
            .map(|(next_hop, &mac)| (next_hop, mac))
    }

    /// The desired LFIB as it stands; the value does not change later.
    pub fn lfib(&self) -> Arc<Lfib> {
        Arc::clone(&self.lfib)
    }

    /// The entries and next hops that changed since this was called last; at first all of them. Only once
    /// it was called they are kept, so that nobody has to take them. For two LFIBs of which both are at
    /// hand there is [`Lfib::changes_since`].
    pub fn take_changes(&mut self) -> Changes {
        match self.changes.replace(Box::default()) {
            Some(changes) => *changes,
            None => self.lfib.changes_since(&Lfib::default()),
        }
    }

    /// Next hops that the chosen bindings use, resolved or not.
    pub fn next_hops(&self) -> impl Iterator<Item = &NextHop> {
        self.references.keys()
    }

    /// Every FTN binding with its state, by FEC, the chosen one of a FEC first.
    pub fn ftn_views<'a>(
        &'a self,
        programmed: &'a Programmed,
    ) -> impl Iterator<Item = View<'a, Fec, FtnAction>> {
        let all = self.other_ftn.all(&self.lfib.ftn);
        all.map(move |(fec, binding, chosen)| {
            let unresolved = self.unresolved(binding.action.nhlfes());
            self.view(fec, binding, chosen, unresolved, programmed, || {
                EntryKey::Ftn(fec.clone())
            })
        })
    }

    /// Every ILM binding with its state, by label, the chosen one of a label first.
    pub fn ilm_views<'a>(
        &'a self,
        programmed: &'a Programmed,
    ) -> impl Iterator<Item = View<'a, IlmKey, IlmAction>> {
        let all = self.other_ilm.all(&self.lfib.ilm);
        all.map(move |(key, binding, chosen)| {
            let unresolved = self.unresolved(binding.action.nhlfes());
            self.view(key, binding, chosen, unresolved, programmed, || {
                EntryKey::Ilm(*key)
            })
        })
    }

    fn view<'a, K, E: Entry>(
        &self,
        key: &'a K,
        binding: &'a E,
        chosen: &'a E,
        (unresolved, usable): (Vec<UnresolvedNextHop>, bool),
        programmed: &Programmed,
        entry_key: impl FnOnce() -> EntryKey,
    ) -> View<'a, K, E::Action> {
        let state = if !std::ptr::eq(binding, chosen) {
            let owner = chosen.owner().clone();
            if preference(chosen) == preference(binding) {
                State::Conflict { with: owner }
            } else {
                State::NotPreferred { by: owner }
            }
        } else if !usable {
            State::NextHopUnresolved(unresolved.clone())
        } else {
            let entry_key = entry_key();
            match programmed.refused.get(&entry_key) {
                Some(reason) => State::Refused(reason.clone()),
                None if programmed.installed.contains(&entry_key) => State::Installed,
                None => State::Pending,
            }
        };
        View {
            key,
            owner: binding.owner(),
            action: binding.action(),
            state,
            unresolved,
        }
    }

    /// The next hops that cannot be used, each once, and whether another one can or none is
    /// needed.
    fn unresolved<'a>(
        &self,
        nhlfes: impl Iterator<Item = &'a Nhlfe>,
    ) -> (Vec<UnresolvedNextHop>, bool) {
        let next_hops: BTreeSet<_> = nhlfes.map(Nhlfe::next_hop).collect();
        let unresolved = |next_hop: &&NextHop| match self.resolution(next_hop) {
            Ok(_) => None,
            Err(problem) => Some(UnresolvedNextHop {
                next_hop: (*next_hop).clone(),
                problem,
            }),
        };
        let unresolved: Vec<_> = next_hops.iter().filter_map(unresolved).collect();
        let usable = next_hops.is_empty() || unresolved.len() < next_hops.len();
        (unresolved, usable)
    }

    fn settings_changed(&mut self) {
        if let Some(changes) = &mut self.changes {
            changes.settings = true;
        }
    }

    fn set_ftn(&mut self, fec: Fec, entry: Option<FtnEntry>, next_hops: NextHopChange) {
        if let Some(changes) = &mut self.changes {
            changes.ftn.insert(fec.clone());
        }
        let ftn = &mut Arc::make_mut(&mut self.lfib).ftn;
        match entry {
            Some(entry) => ftn.insert(fec, entry),
            None => ftn.remove(&fec),
        };
        self.refer(&next_hops);
    }

    fn set_ilm(&mut self, key: IlmKey, entry: Option<IlmEntry>, next_hops: NextHopChange) {
        if let Some(changes) = &mut self.changes {
            changes.ilm.insert(key);
        }
        let ilm = &mut Arc::make_mut(&mut self.lfib).ilm;
        match entry {
            Some(entry) => ilm.insert(key, entry),
            None => ilm.remove(&key),
        };
        self.refer(&next_hops);
    }

    /// Counts next hops that are used from now on and ones that are not any more.
    fn refer(&mut self, change: &NextHopChange) {
        for next_hop in &change.used {
            if let Some(count) = self.references.get_mut(&**next_hop) {
                *count += 1;
            } else {
                self.references.insert(NextHop::clone(next_hop), 1);
                self.resolve(next_hop);
            }
        }
        for next_hop in &change.unused {
            if let Some(count) = self.references.get_mut(&**next_hop) {
                *count -= 1;
                if *count == 0 {
                    self.references.remove(&**next_hop);
                    self.resolve(next_hop);
                }
            }
        }
    }

    fn resolution(&self, next_hop: &NextHop) -> Result<MacAddress, NextHopProblem> {
        match self.interfaces.get(&next_hop.interface) {
            None => Err(NextHopProblem::NoInterface),
            Some(false) => Err(NextHopProblem::InterfaceDown),
            Some(true) if next_hop.address.is_multicast() => {
                Ok(MacAddress::of_multicast_group(next_hop.address))
            }
            Some(true) => self
                .neighbours
                .get(next_hop)
                .copied()
                .ok_or(NextHopProblem::NeighbourUnresolved),
        }
    }

    /// Brings the LFIB's knowledge of a next hop up to date. It knows those that are in use.
    fn resolve(&mut self, next_hop: &NextHop) {
        let used = self.references.contains_key(next_hop);
        let resolution = used.then(|| self.resolution(next_hop));
        let resolved = resolution.and_then(Result::ok);
        let unresolved = resolution.and_then(Result::err);
        if self.lfib.resolved.get(next_hop).copied() == resolved
            && self.lfib.unresolved.get(next_hop).copied() == unresolved
        {
            return;
        }
        let lfib = Arc::make_mut(&mut self.lfib);
        set(&mut lfib.resolved, next_hop, resolved);
        set(&mut lfib.unresolved, next_hop, unresolved);
        if let Some(changes) = &mut self.changes {
            changes.next_hops.insert(next_hop.clone());
        }
    }

    fn resolve_interface(&mut self, name: &InterfaceName) {
        let on_interface = |next_hop: &&NextHop| next_hop.interface == *name;
        let touched: Vec<_> = self
            .references
            .keys()
            .filter(on_interface)
            .cloned()
            .collect();
        for next_hop in touched {
            self.resolve(&next_hop);
        }
    }
}

type NextHops = SmallVec<[Arc<NextHop>; 1]>;

/// Next hops of an entry that is another one from now on.
#[derive(Debug, Default)]
struct NextHopChange {
    used: NextHops,
    unused: NextHops,
}

impl NextHopChange {
    fn of<E: Entry>(former: Option<&E>, new: Option<&E>) -> Self {
        let former_group = former.and_then(Entry::path_group);
        let new_group = new.and_then(Entry::path_group);
        if let (Some(former), Some(new)) = (former_group, new_group)
            && former
                .nhlfes()
                .map(Nhlfe::next_hop)
                .eq(new.nhlfes().map(Nhlfe::next_hop))
        {
            // Other labels only.
            return Self::default();
        }
        Self {
            used: new.map(next_hops).unwrap_or_default(),
            unused: former.map(next_hops).unwrap_or_default(),
        }
    }
}

/// The next hop of each NHLFE of an entry. Nearly all have one.
fn next_hops<E: Entry>(entry: &E) -> NextHops {
    let mut next_hops = SmallVec::new();
    if let Some(group) = entry.path_group() {
        for nhlfe in group.nhlfes() {
            next_hops.push(Arc::clone(nhlfe.shared_next_hop()));
        }
    }
    for branch in entry
        .replication()
        .into_iter()
        .flat_map(|replication| replication.branches())
    {
        next_hops.push(Arc::clone(branch.shared_next_hop()));
    }
    next_hops
}

fn set<V: Clone>(map: &mut OrdMap<NextHop, V>, next_hop: &NextHop, value: Option<V>) {
    match value {
        Some(value) => {
            map.insert(next_hop.clone(), value);
        }
        None => {
            map.remove(next_hop);
        }
    }
}

/// A reserved label may only be bound to its own meaning (RFC 3032 section 2.1, RFC 9017), or be
/// discarded; what the router does not process itself may be given to the daemon.
fn check_label(key: &IlmKey, action: &IlmAction) -> Result<(), BindError> {
    use SpecialPurposeLabel as Special;
    let label = key.label;
    let meant = if key.label_space == LabelSpace::EXTENDED_SPECIAL_PURPOSE {
        // RFC 7274 section 3.1: of the values 0 to 15 only 7 is used there.
        let indicator = matches!(action, IlmAction::EntropyLabelIndicator { .. });
        match label {
            Label::ENTROPY_LABEL_INDICATOR => indicator || *action == IlmAction::Discard,
            label if label.is_reserved() => *action == IlmAction::Discard,
            _ => !indicator && !matches!(action, IlmAction::ExplicitNull { .. }),
        }
    } else {
        match (label.special_purpose(), action) {
            (Some(Special::Ipv4ExplicitNull), IlmAction::ExplicitNull { payload, .. }) => {
                *payload == Payload::Ipv4
            }
            (Some(Special::Ipv6ExplicitNull), IlmAction::ExplicitNull { payload, .. }) => {
                *payload == Payload::Ipv6
            }
            (_, &IlmAction::ExplicitNull { payload, .. }) => {
                return Err(BindError::NotExplicitNull { label, payload });
            }
            (Some(Special::EntropyLabelIndicator), IlmAction::EntropyLabelIndicator { .. }) => true,
            (_, IlmAction::EntropyLabelIndicator { .. }) => false,
            (Some(Special::Extension), IlmAction::PopAndLookUpLabel { label_space, .. }) => {
                *label_space == LabelSpace::EXTENDED_SPECIAL_PURPOSE
            }
            // RFC 9994: what else is done with it is the operator's choice.
            (Some(Special::MplsNetworkAction), _) => true,
            (_, IlmAction::Discard) => true,
            // Implicit null is never on the wire.
            (Some(Special::ImplicitNull), _) => false,
            (Some(_), IlmAction::Punt(_)) => true,
            (_, _) => !label.is_reserved(),
        }
    };
    if meant {
        Ok(())
    } else {
        Err(BindError::ReservedLabel {
            label,
            action: action.to_string(),
        })
    }
}

/// A binding of either map.
trait Entry: Clone + PartialEq {
    type Action;

    fn owner(&self) -> &Owner;
    fn action(&self) -> &Self::Action;
    fn path_group(&self) -> Option<&PathGroup>;
    fn replication(&self) -> Option<&Replication>;
}

impl Entry for FtnEntry {
    type Action = FtnAction;

    fn owner(&self) -> &Owner {
        &self.owner
    }

    fn action(&self) -> &FtnAction {
        &self.action
    }

    fn path_group(&self) -> Option<&PathGroup> {
        self.action.path_group().map(AsRef::as_ref)
    }

    fn replication(&self) -> Option<&Replication> {
        self.action.replication().map(AsRef::as_ref)
    }
}

impl Entry for IlmEntry {
    type Action = IlmAction;

    fn owner(&self) -> &Owner {
        &self.owner
    }

    fn action(&self) -> &IlmAction {
        &self.action
    }

    fn path_group(&self) -> Option<&PathGroup> {
        self.action.path_group().map(AsRef::as_ref)
    }

    fn replication(&self) -> Option<&Replication> {
        self.action.replication().map(AsRef::as_ref)
    }
}

fn preference(entry: &impl Entry) -> u8 {
    entry.owner().protocol.preference()
}

/// The bindings of each key behind the chosen one, the preferred one first. Few keys have any.
#[derive(Debug)]
struct Others<K, E>(FxHashMap<K, SmallVec<[E; 1]>>);

impl<K, E> Default for Others<K, E> {
    fn default() -> Self {
        Self(FxHashMap::default())
    }
}

impl<K: Ord + Hash + Clone, E: Entry> Others<K, E> {
    /// Takes a binding in, of a key of which `chosen` is the chosen one. What it gives is the chosen
    /// one from now on.
    fn bind(&mut self, key: &K, chosen: Option<&E>, new: E) -> Option<E> {
        let Some(chosen) = chosen else {
            return Some(new);
        };
        if chosen.owner() == new.owner() {
            return (*chosen != new).then_some(new);
        }
        let others = self.0.entry(key.clone()).or_default();
        if preference(&new) < preference(chosen) {
            others.insert(0, chosen.clone());
            return Some(new);
        }
        match others.iter_mut().find(|other| other.owner() == new.owner()) {
            Some(other) => *other = new,
            None => {
                // Behind those of the same preference: the first one stays.
                let at = others.partition_point(|other| preference(other) <= preference(&new));
                others.insert(at, new);
            }
        }
        None
    }

    /// Takes the owner's binding out. What it gives stands in the place of the chosen one.
    fn unbind(&mut self, key: &K, chosen: Option<&E>, owner: &Owner) -> Option<Option<E>> {
        let is_chosen = chosen?.owner() == owner;
        let Some(others) = self.0.get_mut(key) else {
            return is_chosen.then_some(None);
        };
        let next = if is_chosen {
            Some(Some(others.remove(0)))
        } else {
            others.retain(|other| other.owner() != owner);
            None
        };
        if others.is_empty() {
            self.0.remove(key);
        }
        next
    }

    fn of_protocol(&self, chosen: &OrdMap<K, E>, protocol: Protocol) -> Vec<(K, Owner)> {
        let all = self.all(chosen);
        let owned = all.filter(|(_, entry, _)| entry.owner().protocol == protocol);
        owned
            .map(|(key, entry, _)| (key.clone(), entry.owner().clone()))
            .collect()
    }

    /// Key, binding and the chosen binding of that key, the chosen one first.
    fn all<'a>(&'a self, chosen: &'a OrdMap<K, E>) -> impl Iterator<Item = (&'a K, &'a E, &'a E)> {
        chosen.iter().flat_map(|(key, chosen)| {
            let others = self.0.get(key).into_iter().flatten();
            std::iter::once(chosen)
                .chain(others)
                .map(move |entry| (key, entry, chosen))
        })
    }
}
