//! Bindings, their choice, and next-hop resolution.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mpls::{Label, SpecialPurposeLabel};

use crate::{
    Changes, EntryKey, Fec, FtnAction, FtnEntry, IlmAction, IlmEntry, IlmKey, InterfaceName,
    LabelSpace, Lfib, MacAddress, NextHop, NextHopProblem, Nhlfe, Owner, Payload, Programmed,
    Protocol, QosMap, QosMapId, State, TunnelEnd, UnresolvedNextHop, View,
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
    ftn: Bindings<Fec, FtnAction>,
    ilm: Bindings<IlmKey, IlmAction>,
    /// Whether each interface is up.
    interfaces: BTreeMap<InterfaceName, bool>,
    neighbours: BTreeMap<NextHop, MacAddress>,
    /// In how many paths of chosen bindings each next hop is.
    references: BTreeMap<NextHop, usize>,
    lfib: Arc<Lfib>,
    changes: Changes,
}

impl Forwarding {
    /// A router without bindings, interfaces and neighbours.
    pub fn new() -> Self {
        Self::default()
    }

    /// Binds a FEC, in place of the owner's former binding of it.
    pub fn bind_ftn(&mut self, owner: Owner, fec: Fec, action: FtnAction) {
        self.ftn.bind(&fec, owner, action);
        self.choose_ftn(&fec);
    }

    /// Takes the owner's binding of a FEC back. Nothing happens if there is none.
    pub fn unbind_ftn(&mut self, owner: &Owner, fec: &Fec) {
        self.ftn.unbind(fec, owner);
        self.choose_ftn(fec);
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
        for (fec, owner) in self.ftn.of_protocol(protocol) {
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
        self.ilm.bind(&key, owner, action);
        self.choose_ilm(&key);
        Ok(())
    }

    /// Takes the owner's binding of a label back. Nothing happens if there is none.
    pub fn unbind_ilm(&mut self, owner: &Owner, key: &IlmKey) {
        self.ilm.unbind(key, owner);
        self.choose_ilm(key);
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
        for (key, owner) in self.ilm.of_protocol(protocol) {
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
        let used: Vec<_> = contexts.keys().cloned().collect();
        let lfib = Arc::make_mut(&mut self.lfib);
        let former = std::mem::replace(&mut lfib.upstream_contexts, contexts);
        self.changes.settings = true;
        self.refer(&used, &former.into_keys().collect::<Vec<_>>());
    }

    /// Makes these the only tail ends of MPLS over IP, each with the label space of what arrives.
    pub fn replace_tunnel_ends(&mut self, ends: impl IntoIterator<Item = (TunnelEnd, LabelSpace)>) {
        let ends: BTreeMap<_, _> = ends.into_iter().collect();
        if self.lfib.tunnel_ends != ends {
            Arc::make_mut(&mut self.lfib).tunnel_ends = ends;
            self.changes.settings = true;
        }
    }

    /// Makes these the only QoS maps. One for [`QosMapId::DEFAULT`] is left out: it is as it is.
    pub fn replace_qos_maps(&mut self, maps: impl IntoIterator<Item = (QosMapId, QosMap)>) {
        let mut maps: BTreeMap<_, _> = maps.into_iter().collect();
        maps.remove(&QosMapId::DEFAULT);
        if self.lfib.qos_maps != maps {
            Arc::make_mut(&mut self.lfib).qos_maps = maps;
            self.changes.settings = true;
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

    /// What changed in the LFIB since this was called last.
    pub fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
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
        self.ftn.iter().map(move |(fec, binding, chosen)| {
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
        self.ilm.iter().map(move |(key, binding, chosen)| {
            let unresolved = self.unresolved(binding.action.nhlfes());
            self.view(key, binding, chosen, unresolved, programmed, || {
                EntryKey::Ilm(*key)
            })
        })
    }

    fn view<'a, K, A>(
        &self,
        key: &'a K,
        binding: &'a Binding<A>,
        chosen: &'a Binding<A>,
        (unresolved, usable): (Vec<UnresolvedNextHop>, bool),
        programmed: &Programmed,
        entry_key: impl FnOnce() -> EntryKey,
    ) -> View<'a, K, A> {
        let state = if !std::ptr::eq(binding, chosen) {
            let owner = chosen.owner.clone();
            if chosen.owner.protocol.preference() == binding.owner.protocol.preference() {
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
            owner: &binding.owner,
            action: &binding.action,
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

    fn choose_ftn(&mut self, fec: &Fec) {
        let chosen = self.ftn.chosen(fec).map(|binding| FtnEntry {
            owner: binding.owner.clone(),
            action: binding.action.clone(),
        });
        if self.lfib.ftn.get(fec) == chosen.as_ref() {
            return;
        }
        let used = chosen
            .as_ref()
            .map_or_else(Vec::new, |entry| next_hops(entry.action.nhlfes()));
        let ftn = &mut Arc::make_mut(&mut self.lfib).ftn;
        let former = match chosen {
            Some(entry) => ftn.insert(fec.clone(), entry),
            None => ftn.remove(fec),
        };
        let former = former.map_or_else(Vec::new, |entry| next_hops(entry.action.nhlfes()));
        self.changes.ftn.insert(fec.clone());
        self.refer(&used, &former);
    }

    fn choose_ilm(&mut self, key: &IlmKey) {
        let chosen = self.ilm.chosen(key).map(|binding| IlmEntry {
            owner: binding.owner.clone(),
            action: binding.action.clone(),
        });
        if self.lfib.ilm.get(key) == chosen.as_ref() {
            return;
        }
        let used = chosen
            .as_ref()
            .map_or_else(Vec::new, |entry| next_hops(entry.action.nhlfes()));
        let ilm = &mut Arc::make_mut(&mut self.lfib).ilm;
        let former = match chosen {
            Some(entry) => ilm.insert(*key, entry),
            None => ilm.remove(key),
        };
        let former = former.map_or_else(Vec::new, |entry| next_hops(entry.action.nhlfes()));
        self.changes.ilm.insert(*key);
        self.refer(&used, &former);
    }

    /// Counts next hops that are used from now on and ones that are not any more.
    fn refer(&mut self, used: &[NextHop], unused: &[NextHop]) {
        for next_hop in used {
            *self.references.entry(next_hop.clone()).or_default() += 1;
        }
        for next_hop in unused {
            if let Some(count) = self.references.get_mut(next_hop) {
                *count -= 1;
                if *count == 0 {
                    self.references.remove(next_hop);
                }
            }
        }
        for next_hop in used.iter().chain(unused) {
            self.resolve(next_hop);
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
        self.changes.next_hops.insert(next_hop.clone());
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

/// The next hop of each NHLFE.
fn next_hops<'a>(nhlfes: impl Iterator<Item = &'a Nhlfe>) -> Vec<NextHop> {
    nhlfes.map(|nhlfe| nhlfe.next_hop().clone()).collect()
}

fn set<V>(map: &mut BTreeMap<NextHop, V>, next_hop: &NextHop, value: Option<V>) {
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

#[derive(Debug)]
struct Binding<A> {
    owner: Owner,
    action: A,
}

/// The bindings of each key, the preferred one first.
#[derive(Debug)]
struct Bindings<K, A>(BTreeMap<K, Vec<Binding<A>>>);

impl<K, A> Default for Bindings<K, A> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone, A> Bindings<K, A> {
    fn bind(&mut self, key: &K, owner: Owner, action: A) {
        let bindings = self.0.entry(key.clone()).or_default();
        match bindings.iter_mut().find(|binding| binding.owner == owner) {
            Some(binding) => binding.action = action,
            None => {
                // Behind those of the same preference: the first one stays.
                let preference = owner.protocol.preference();
                let at = bindings
                    .partition_point(|other| other.owner.protocol.preference() <= preference);
                bindings.insert(at, Binding { owner, action });
            }
        }
    }

    fn unbind(&mut self, key: &K, owner: &Owner) {
        if let Some(bindings) = self.0.get_mut(key) {
            bindings.retain(|binding| binding.owner != *owner);
            if bindings.is_empty() {
                self.0.remove(key);
            }
        }
    }

    fn chosen(&self, key: &K) -> Option<&Binding<A>> {
        self.0.get(key)?.first()
    }

    fn of_protocol(&self, protocol: Protocol) -> Vec<(K, Owner)> {
        let owned = |(key, binding, _): (&K, &Binding<A>, _)| {
            (binding.owner.protocol == protocol).then(|| (key.clone(), binding.owner.clone()))
        };
        self.iter().filter_map(owned).collect()
    }

    /// Key, binding and the chosen binding of that key.
    fn iter(&self) -> impl Iterator<Item = (&K, &Binding<A>, &Binding<A>)> {
        self.0.iter().flat_map(|(key, bindings)| {
            bindings
                .iter()
                .map(move |binding| (key, binding, &bindings[0]))
        })
    }
}
