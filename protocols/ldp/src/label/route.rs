//! Recognize New FEC (RFC 5036 appendix A.1.6), Detect Change in FEC Next Hop (A.1.7), and routes that
//! cover longer prefixes (RFC 5283 section 5).

use std::net::IpAddr;

use ipnet::IpNet;

use super::next_hop::GroupIndex;
use super::store::{Fec, FecIndex, PeerIndex};
use super::{LabelDistribution, RetentionMode, Route, peer_index};
use crate::PrefixFec;

impl LabelDistribution {
    /// Recognize New FEC and Detect Change in FEC Next Hop.
    pub(super) fn change_route(&mut self, fec: PrefixFec, route: Option<Route>) {
        match route {
            Some(mut route) => {
                if route.weights.iter().all(|weight| *weight == 1) {
                    route.weights.clear();
                }
                let group = self.group_of(route);
                let index = match self.index.get(&fec) {
                    Some(index) => *index,
                    None => self.insert_fec(fec),
                };
                let Some(record) = self.fecs.get_mut(index) else {
                    return;
                };
                let was_routed = record.group.is_some() && !record.covered;
                record.covered = false;
                self.set_group(index, Some(group));
                if !was_routed && self.policy.longest_match {
                    self.unrouted.remove(&fec);
                    self.cover_within(&fec);
                } else if self.policy.longest_match {
                    self.cover_within(&fec);
                }
            }
            None => {
                let Some(index) = self.index.get(&fec).copied() else {
                    return;
                };
                let routed = self
                    .fecs
                    .get(index)
                    .is_some_and(|record| record.group.is_some() && !record.covered);
                if !routed {
                    return;
                }
                self.set_group(index, None);
                if self.policy.longest_match {
                    self.unrouted.insert(fec);
                    // The FEC itself is among them.
                    self.cover_within(&fec);
                }
            }
        }
    }

    /// The group of a route, made if there is none.
    fn group_of(&mut self, route: Route) -> GroupIndex {
        if let Some(group) = self.groups.find(&route) {
            return group;
        }
        let peers = route
            .next_hops
            .iter()
            .map(|next_hop| self.resolve(next_hop))
            .collect();
        self.groups.insert(route, peers)
    }

    /// The peer at a next hop (section 2.7).
    pub(super) fn resolve(&self, next_hop: &super::NextHop) -> PeerIndex {
        self.addresses.resolve(next_hop, |peer| {
            self.peers
                .get(peer.place())
                .is_some_and(|peer| !peer.parameters.targeted_only)
        })
    }

    /// A FEC of which nothing was known.
    pub(super) fn insert_fec(&mut self, fec: PrefixFec) -> FecIndex {
        let index = self.fecs.insert(Fec::new(fec));
        self.index.insert(fec, index);
        if self.policy.longest_match {
            self.unrouted.insert(fec);
            self.cover(index, &fec);
        }
        index
    }

    /// A FEC that has a route, if need be that of a shorter prefix.
    pub(super) fn find_routed(&mut self, fec: PrefixFec) -> Option<FecIndex> {
        let index = match self.index.get(&fec) {
            Some(index) => *index,
            None if self.policy.longest_match && self.covering_group(&fec).is_some() => {
                self.insert_fec(fec)
            }
            None => return None,
        };
        self.fecs
            .get(index)
            .is_some_and(|record| record.group.is_some())
            .then_some(index)
    }

    /// Another route for a FEC: NH.1 to NH.20, of which the most follows when the FEC is settled.
    fn set_group(&mut self, index: FecIndex, group: Option<GroupIndex>) {
        let Some(record) = self.fecs.get_mut(index) else {
            return;
        };
        let before = record.group;
        if before == group {
            return;
        }
        record.group = group;
        let position = record.position;
        if let Some(requests) = &mut record.requests {
            // Peers that had no route may have one now.
            requests.deferred.retain(|(_, at)| at.is_some());
        }
        // NH.13, and section 3.5.8.1, condition 1: the label may have been released before it was needed.
        if group.is_some() && self.policy.retention == RetentionMode::Conservative {
            record.requests_mut().wanted = true;
        }
        if let Some(before) = before
            && let Some(moved) = self.groups.leave(before, position)
            && let Some(moved) = self.fecs.get_mut(moved)
        {
            moved.position = position;
        }
        if let Some(group) = group {
            let position = self.groups.join(group, index);
            if let Some(record) = self.fecs.get_mut(index) {
                record.position = position;
            }
        }
        self.mark(index);
    }

    /// Other peers may be at the next hops of an address.
    pub(super) fn resolve_address(&mut self, address: IpAddr) {
        for group in self.groups.at_address(address) {
            self.resolve_group(group);
        }
    }

    /// Other peers may be at the next hops of an interface.
    pub(super) fn resolve_interface(&mut self, interface: &str) {
        for group in self.groups.on_interface(interface) {
            self.resolve_group(group);
        }
    }

    /// Detect Change in FEC Next Hop, for all FECs of the group.
    fn resolve_group(&mut self, index: GroupIndex) {
        let Some(group) = self.groups.get(index) else {
            return;
        };
        let peers = group
            .route
            .next_hops
            .iter()
            .map(|next_hop| self.resolve(next_hop))
            .collect();
        if !self.groups.set_peers(index, peers) {
            return;
        }
        let members = self
            .groups
            .get(index)
            .map(|group| group.members.clone())
            .unwrap_or_default();
        let conservative = self.policy.retention == RetentionMode::Conservative;
        for member in members {
            if conservative && let Some(record) = self.fecs.get_mut(member) {
                record.requests_mut().wanted = true;
            }
            self.mark(member);
        }
    }

    /// The next hops of the longest route that covers a FEC (RFC 5283 section 5).
    fn covering_group(&self, fec: &PrefixFec) -> Option<GroupIndex> {
        let mut prefix = fec.prefix;
        while let Some(shorter) = prefix.supernet() {
            prefix = shorter;
            let route = self
                .index
                .get(&PrefixFec { prefix, ..*fec })
                .and_then(|index| self.fecs.get(*index))
                .filter(|record| !record.covered)
                .and_then(|record| record.group);
            if route.is_some() {
                return route;
            }
        }
        None
    }

    /// A FEC without a route of its own gets that of the longest prefix that covers it.
    fn cover(&mut self, index: FecIndex, fec: &PrefixFec) {
        let group = self.covering_group(fec);
        if let Some(record) = self.fecs.get_mut(index) {
            record.covered = group.is_some();
        }
        self.set_group(index, group);
    }

    /// FECs within a prefix whose route changed look for their routes again.
    fn cover_within(&mut self, fec: &PrefixFec) {
        let bound = |address, length| {
            IpNet::new(address, length)
                .ok()
                .map(|prefix| PrefixFec { prefix, ..*fec })
        };
        let (Some(first), Some(last)) = (
            bound(fec.prefix.network(), 0),
            bound(fec.prefix.broadcast(), fec.prefix.max_prefix_len()),
        ) else {
            return;
        };
        let within: Vec<PrefixFec> = self
            .unrouted
            .range(first..=last)
            .filter(|other| fec.prefix.contains(&other.prefix))
            .copied()
            .collect();
        for other in within {
            if let Some(index) = self.index.get(&other).copied() {
                self.cover(index, &other);
            }
        }
    }

    /// Longest match was turned on or off.
    pub(super) fn set_longest_match(&mut self) {
        if self.policy.longest_match {
            let unrouted: Vec<(FecIndex, PrefixFec)> = self
                .fecs
                .iter()
                .filter(|(_, record)| record.group.is_none())
                .map(|(index, record)| (index, record.fec))
                .collect();
            self.unrouted = unrouted.iter().map(|(_, fec)| *fec).collect();
            for (index, fec) in unrouted {
                self.cover(index, &fec);
            }
        } else {
            for fec in std::mem::take(&mut self.unrouted) {
                if let Some(index) = self.index.get(&fec).copied() {
                    if let Some(record) = self.fecs.get_mut(index) {
                        record.covered = false;
                    }
                    self.set_group(index, None);
                }
            }
        }
    }

    /// All peers' places.
    pub(super) fn peer_indices(&self) -> Vec<PeerIndex> {
        self.peers
            .iter()
            .map(|(place, _)| peer_index(place))
            .collect()
    }
}
