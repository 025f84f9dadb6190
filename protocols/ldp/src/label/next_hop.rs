//! Next hops, and the peers that are there (RFC 5036 section 2.7, RFC 7552 section 8).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use slab::Slab;
use smallvec::SmallVec;

use super::store::{FecIndex, PeerIndex};
use super::{NextHop, Route};

/// Where a group's record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct GroupIndex(pub(super) u32);

/// The next hops that many FECs share.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) route: Route,
    /// The peer at each next hop.
    pub(super) peers: SmallVec<[PeerIndex; 2]>,
    /// The FECs that are routed so.
    pub(super) members: Vec<FecIndex>,
    /// How many FECs are in the LFIB so.
    installed: usize,
}

/// All groups.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: Slab<Group>,
    by_route: FxHashMap<Route, GroupIndex>,
    by_address: FxHashMap<IpAddr, Vec<GroupIndex>>,
}

impl Groups {
    /// How many groups, routes and addresses there are.
    pub(super) fn sizes(&self) -> [usize; 3] {
        let by_address = self.by_address.values().map(Vec::len).sum();
        [self.groups.len(), self.by_route.len(), by_address]
    }

    /// A group.
    pub(super) fn get(&self, group: GroupIndex) -> Option<&Group> {
        self.groups.get(group.0 as usize)
    }

    fn get_mut(&mut self, group: GroupIndex) -> Option<&mut Group> {
        self.groups.get_mut(group.0 as usize)
    }

    /// The group of a route that was known before.
    pub(super) fn find(&self, route: &Route) -> Option<GroupIndex> {
        self.by_route.get(route).copied()
    }

    /// Makes the group of a route whose next hops' peers are known.
    pub(super) fn insert(&mut self, route: Route, peers: SmallVec<[PeerIndex; 2]>) -> GroupIndex {
        let entry = self.groups.vacant_entry();
        // A number of this size of groups does not fit memory.
        let index = GroupIndex(u32::try_from(entry.key()).unwrap_or(u32::MAX));
        for next_hop in &route.next_hops {
            let groups = self.by_address.entry(next_hop.address).or_default();
            if !groups.contains(&index) {
                groups.push(index);
            }
        }
        self.by_route.insert(route.clone(), index);
        entry.insert(Group {
            route,
            peers,
            members: Vec::new(),
            installed: 0,
        });
        index
    }

    /// A FEC joins; its position is returned.
    pub(super) fn join(&mut self, group: GroupIndex, fec: FecIndex) -> u32 {
        let Some(group) = self.get_mut(group) else {
            return 0;
        };
        group.members.push(fec);
        u32::try_from(group.members.len() - 1).unwrap_or(u32::MAX)
    }

    /// A FEC leaves. The FEC that takes its position, if any, is returned.
    pub(super) fn leave(&mut self, index: GroupIndex, position: u32) -> Option<FecIndex> {
        let group = self.get_mut(index)?;
        let position = position as usize;
        if position >= group.members.len() {
            return None;
        }
        group.members.swap_remove(position);
        let moved = group.members.get(position).copied();
        self.drop_if_unused(index);
        moved
    }

    /// The LFIB refers to the group, or not any more.
    pub(super) fn count_installed(&mut self, index: GroupIndex, installed: bool) {
        let Some(group) = self.get_mut(index) else {
            return;
        };
        if installed {
            group.installed += 1;
        } else {
            group.installed = group.installed.saturating_sub(1);
            self.drop_if_unused(index);
        }
    }

    fn drop_if_unused(&mut self, index: GroupIndex) {
        let unused = self
            .get(index)
            .is_some_and(|group| group.members.is_empty() && group.installed == 0);
        if !unused {
            return;
        }
        let group = self.groups.remove(index.0 as usize);
        self.by_route.remove(&group.route);
        for next_hop in &group.route.next_hops {
            if let Some(groups) = self.by_address.get_mut(&next_hop.address) {
                groups.retain(|other| *other != index);
                if groups.is_empty() {
                    self.by_address.remove(&next_hop.address);
                }
            }
        }
    }

    /// The groups that have a next hop of this address.
    pub(super) fn at_address(&self, address: IpAddr) -> Vec<GroupIndex> {
        self.by_address.get(&address).cloned().unwrap_or_default()
    }

    /// The groups that have a next hop on this interface.
    pub(super) fn on_interface(&self, interface: &str) -> Vec<GroupIndex> {
        self.groups
            .iter()
            .filter(|(_, group)| {
                let hops = &group.route.next_hops;
                hops.iter().any(|hop| &*hop.interface == interface)
            })
            .map(|(index, _)| GroupIndex(u32::try_from(index).unwrap_or(u32::MAX)))
            .collect()
    }

    /// Other peers are at the next hops. Whether anything changed.
    pub(super) fn set_peers(&mut self, group: GroupIndex, peers: SmallVec<[PeerIndex; 2]>) -> bool {
        match self.get_mut(group) {
            Some(group) if group.peers != peers => {
                group.peers = peers;
                true
            }
            _ => false,
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }
}

/// The addresses that peers announced, and the links that they are on.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// Who announced an address, in order of time.
    owners: FxHashMap<IpAddr, SmallVec<[PeerIndex; 1]>>,
    /// Who sends Hellos from an address of an interface.
    adjacencies: FxHashMap<(Arc<str>, IpAddr), PeerIndex>,
    /// Who has a Hello adjacency on an interface.
    on_link: FxHashMap<Arc<str>, BTreeSet<(PeerIndex, IpAddr)>>,
}

impl Addresses {
    /// How many addresses, adjacencies and links there are.
    pub(super) fn sizes(&self) -> [usize; 3] {
        [
            self.owners.len(),
            self.adjacencies.len(),
            self.on_link.len(),
        ]
    }

    /// A peer announces an address; who else announced it before is returned.
    pub(super) fn add(&mut self, address: IpAddr, peer: PeerIndex) -> Option<PeerIndex> {
        let owners = self.owners.entry(address).or_default();
        if !owners.contains(&peer) {
            owners.push(peer);
        }
        owners.first().copied().filter(|first| *first != peer)
    }

    /// A peer takes an address back.
    pub(super) fn remove(&mut self, address: IpAddr, peer: PeerIndex) {
        if let Some(owners) = self.owners.get_mut(&address) {
            owners.retain(|owner| *owner != peer);
            if owners.is_empty() {
                self.owners.remove(&address);
            }
        }
    }

    /// A Hello adjacency on a link begins.
    pub(super) fn add_adjacency(&mut self, interface: &str, address: IpAddr, peer: PeerIndex) {
        let interface: Arc<str> = interface.into();
        self.adjacencies.insert((interface.clone(), address), peer);
        self.on_link
            .entry(interface)
            .or_default()
            .insert((peer, address));
    }

    /// A Hello adjacency on a link ends.
    pub(super) fn remove_adjacency(&mut self, interface: &str, address: IpAddr, peer: PeerIndex) {
        let interface: Arc<str> = interface.into();
        let key = (interface.clone(), address);
        if self.adjacencies.get(&key) == Some(&peer) {
            self.adjacencies.remove(&key);
        }
        if let Some(peers) = self.on_link.get_mut(&interface) {
            peers.remove(&(peer, address));
            if peers.is_empty() {
                self.on_link.remove(&interface);
            }
        }
    }

    /// Forgets all adjacencies of a peer; the interfaces are returned.
    pub(super) fn remove_adjacencies(&mut self, peer: PeerIndex) -> Vec<Arc<str>> {
        let mut interfaces = Vec::new();
        self.adjacencies.retain(|_, owner| *owner != peer);
        self.on_link.retain(|interface, peers| {
            let before = peers.len();
            peers.retain(|(other, _)| *other != peer);
            if peers.len() != before {
                interfaces.push(interface.clone());
            }
            !peers.is_empty()
        });
        interfaces
    }

    fn is_on_link(&self, peer: PeerIndex, interface: &str) -> bool {
        self.on_link.get(interface).is_some_and(|peers| {
            peers
                .range((peer, IpAddr::from([0; 4]))..)
                .next()
                .is_some_and(|(first, _)| *first == peer)
        })
    }

    /// The peer that is the next hop, of those for which `usable` says so.
    ///
    /// An address that two peers announce belongs to the one that is on the next hop's interface, and
    /// else to the first. A link-local address says nothing without its interface: there the source of
    /// Hellos decides (RFC 7552 section 8).
    pub(super) fn resolve(
        &self,
        next_hop: &NextHop,
        usable: impl Fn(PeerIndex) -> bool,
    ) -> PeerIndex {
        let link_local =
            matches!(next_hop.address, IpAddr::V6(address) if address.is_unicast_link_local());
        if link_local {
            let key = (next_hop.interface.clone(), next_hop.address);
            if let Some(peer) = self.adjacencies.get(&key).filter(|peer| usable(**peer)) {
                return *peer;
            }
        }
        let Some(owners) = self.owners.get(&next_hop.address) else {
            return PeerIndex::NONE;
        };
        let mut owners = owners.iter().copied().filter(|peer| usable(*peer));
        let first = owners.next();
        let on_link = first
            .into_iter()
            .chain(owners.by_ref())
            .find(|peer| self.is_on_link(*peer, &next_hop.interface));
        if let Some(peer) = on_link {
            return peer;
        }
        // On a link of which adjacencies are known, an owner that is on another link only is none.
        if link_local && self.on_link.contains_key(&next_hop.interface) {
            return PeerIndex::NONE;
        }
        first.unwrap_or(PeerIndex::NONE)
    }

    /// Who announced an address first.
    pub(super) fn owner(&self, address: IpAddr) -> Option<PeerIndex> {
        self.owners.get(&address)?.first().copied()
    }

    /// Whether nothing is known of anyone.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.owners.is_empty() && self.adjacencies.is_empty() && self.on_link.is_empty()
    }
}
