//! Peers come, go and restart (RFC 3478 section 3.3), and are told of all that is bound.

use std::time::Duration;

use super::message::{advisory, notification, send_message, send_message_with_id, status};
use super::peer::Peer;
use super::store::{Fec, PeerIndex, Sent};
use super::timers::Timer;
use super::{ControlMode, LabelDistribution, LabelEvent, LabelOutput, PeerParameters, peer_index};
use crate::LdpIdentifier;
use crate::packet::{Body, FecElement, LabelRequest, Status, TypedWildcard};

impl LabelDistribution {
    /// A session is up.
    pub(super) fn add_peer(&mut self, id: LdpIdentifier, parameters: PeerParameters) {
        let index = match self.peer_index.get(&id).copied() {
            Some(index) if self.peers.get(index.place()).is_some_and(|peer| !peer.up) => {
                self.revive_peer(index, parameters);
                index
            }
            Some(_) => {
                // The engine forgot to say that the session before is gone.
                self.remove_peer(id, None);
                self.insert_peer(id, parameters)
            }
            None => self.insert_peer(id, parameters),
        };
        let end_of_lib = self.now + self.policy.end_of_lib_timeout;
        self.timers.insert((end_of_lib, Timer::EndOfLib(index)));
        if let Some(peer) = self.peers.get_mut(index.place()) {
            peer.end_of_lib_owed = peer.owes_end_of_lib();
        }
        self.count_disciplines();
        self.owe_end_of_lib(index);
        self.start_walk(index, false);
    }

    fn insert_peer(&mut self, id: LdpIdentifier, parameters: PeerParameters) -> PeerIndex {
        let place = self.peers.insert(Peer::new(id, parameters, self.now));
        let index = peer_index(place);
        self.peer_index.insert(id, index);
        self.peer_places = self.peer_places.max(place + 1);
        index
    }

    /// The peer is back: its bindings stay stale for the recovery time, if it preserved its forwarding
    /// state (RFC 3478 section 3.3).
    fn revive_peer(&mut self, index: PeerIndex, parameters: PeerParameters) {
        let recovery = parameters
            .recovery_time
            .unwrap_or_default()
            .min(self.policy.max_recovery_time);
        let now = self.now;
        let Some(peer) = self.peers.get_mut(index.place()) else {
            return;
        };
        let addresses = std::mem::take(&mut peer.addresses);
        let received = peer.received;
        *peer = Peer {
            addresses,
            received,
            stale_until: Some(now + recovery),
            ..Peer::new(peer.id, parameters, now)
        };
        self.resolve_peer(index);
        // Of what the session does not have any more no mapping comes that would take its place.
        self.remove_stale(index, |peer, fec| !peer.exchanges(&fec.fec));
        if recovery.is_zero() {
            self.end_recovery(index);
        } else {
            self.timers.insert((now + recovery, Timer::Stale(index)));
        }
    }

    /// Nothing that is still stale is kept.
    pub(super) fn end_recovery(&mut self, index: PeerIndex) {
        self.remove_stale(index, |_, _| true);
        self.remove_addresses(index, true);
        if let Some(peer) = self.peers.get_mut(index.place()) {
            peer.stale_until = None;
        }
        self.mark_released();
    }

    /// Whether some peer restarts, so that it may use labels that it does not hold by its session.
    pub(super) fn is_peer_restarting(&self) -> bool {
        let mut peers = self.peers.iter();
        peers.any(|(_, peer)| peer.stale_until.is_some())
    }

    /// A peer restarts no more: labels that peers released need not be kept for it.
    fn mark_released(&mut self) {
        let released = self.fecs.iter().filter(|(_, fec)| {
            let mut sent = fec.sent.iter();
            sent.any(Sent::is_released)
        });
        let released: Vec<_> = released.map(|(place, _)| place).collect();
        for place in released {
            self.mark(place);
        }
    }

    /// A session is gone.
    pub(super) fn remove_peer(&mut self, id: LdpIdentifier, hold: Option<Duration>) {
        let Some(index) = self.peer_index.get(&id).copied() else {
            return;
        };
        let hold = hold.filter(|hold| !hold.is_zero());
        let until = hold.map(|hold| self.now + hold);
        if let Some(peer) = self.peers.get_mut(index.place()) {
            peer.up = false;
            peer.walk = None;
            peer.stopped_at = None;
            peer.stale_until = until;
            peer.requests = 0;
            peer.sent = 0;
            peer.postponed.clear();
            peer.asked_types.clear();
            peer.postponed_types.clear();
            peer.told_no_resources = false;
            peer.end_of_lib_owed.clear();
            if hold.is_some() {
                for stale in peer.addresses.values_mut() {
                    *stale = true;
                }
            } else {
                peer.received = 0;
            }
        }
        self.walks.retain(|walking| *walking != index);
        self.owing.retain(|owing| *owing != index);
        self.requests.retain(|(peer, _), _| *peer != index);
        let mut changed = Vec::new();
        for (place, fec) in &mut self.fecs {
            let held = purge(fec, index, hold.is_some());
            if held {
                changed.push(place);
            }
        }
        for place in changed {
            self.mark(place);
        }
        match until {
            Some(until) => {
                self.timers.insert((until, Timer::Stale(index)));
            }
            None => {
                self.remove_addresses(index, false);
                for interface in self.addresses.remove_adjacencies(index) {
                    self.resolve_interface(&interface);
                }
                self.peers.remove(index.place());
                self.peer_index.remove(&id);
                self.mark_released();
            }
        }
        self.count_disciplines();
    }

    /// Removes what a peer bound before its restart and did not bind again, of the FECs that are meant.
    pub(super) fn remove_stale(
        &mut self,
        index: PeerIndex,
        is_meant: impl Fn(&Peer, &Fec) -> bool,
    ) {
        let peer = self.peers.get(index.place());
        let restarted = |peer: &&Peer| peer.stale_until.is_some() && peer.received > 0;
        let Some(peer) = peer.filter(restarted) else {
            return;
        };
        let mut removed = Vec::new();
        for (place, fec) in &mut self.fecs {
            if is_meant(peer, fec)
                && fec
                    .received_from(index)
                    .is_some_and(|received| received.stale)
            {
                fec.forget(index);
                removed.push(place);
            }
        }
        if removed.is_empty() {
            return;
        }
        if let Some(peer) = self.peers.get_mut(index.place()) {
            peer.received = peer.received.saturating_sub(removed.len());
            let event = LabelEvent::StaleRemoved {
                peer: peer.id,
                count: removed.len(),
            };
            self.output.push_back(LabelOutput::Event(event));
        }
        for place in removed {
            self.mark(place);
        }
    }

    /// Capabilities changed.
    pub(super) fn change_parameters(&mut self, id: LdpIdentifier, parameters: PeerParameters) {
        let Some(index) = self.peer_index.get(&id).copied() else {
            return;
        };
        let Some(peer) = self.peers.get_mut(index.place()) else {
            return;
        };
        if peer.parameters == parameters {
            return;
        }
        let had = peer.exchanged();
        let before = std::mem::replace(&mut peer.parameters, parameters);
        let has = peer.exchanged();
        peer.end_of_lib_owed.retain(|owed| has.contains(owed));
        // Of what is lost nothing is asked for, also when the peer has label resources again.
        peer.postponed_types.retain(|of| has.contains(of));
        peer.asked_types.retain(|(_, of)| has.contains(of));
        if before.targeted_only != peer.parameters.targeted_only {
            self.resolve_peer(index);
        }
        self.count_disciplines();
        self.give_up_bindings(index, &before);
        // What was discarded before is asked for: of a family (RFC 7552 section 7.2), and of a topology (RFC 7307
        // section 3.5.2), of which the peer may not know yet that it was given up.
        for gained in has.into_iter().filter(|of| !had.contains(of)) {
            self.request_all(index, gained);
        }
        self.start_walk(index, true);
    }

    /// Asks a peer for all that it bound to prefixes of a type, if it understands that (RFC 5918 section 4), and
    /// else for what it is needed for.
    pub(super) fn request_all(&mut self, index: PeerIndex, wildcard: TypedWildcard) {
        let Some(peer) = self.peers.get_mut(index.place()) else {
            return;
        };
        if peer.parameters.capabilities.typed_wildcard && peer.is_open() {
            // Without label resources it must not be asked (RFC 5036 section 3.5.8.1).
            if !peer.may_be_asked {
                if !peer.postponed_types.contains(&wildcard) {
                    peer.postponed_types.push(wildcard);
                }
                return;
            }
            let id = self.next_request_id;
            self.next_request_id = id.checked_add(1).unwrap_or(Self::FIRST_REQUEST_ID);
            peer.asked_types.retain(|(_, asked)| *asked != wildcard);
            peer.asked_types.push((id, wildcard.clone()));
            let request = LabelRequest {
                fec: vec![FecElement::TypedWildcard(wildcard)],
                hop_count: None,
                path_vector: None,
                forwarded: Vec::new(),
            };
            let body = Body::LabelRequest(request);
            send_message_with_id(&mut self.output, peer, Some(id), body);
            return;
        }
        let mut wanting = Vec::new();
        for (place, fec) in &mut self.fecs {
            let next_hops = fec.group.and_then(|group| self.groups.get(group));
            if fec.is_of(&wildcard)
                && fec.received_from(index).is_none()
                && next_hops.is_some_and(|group| group.peers.contains(&index))
            {
                fec.requests_mut().wanted = true;
                wanting.push(place);
            }
        }
        for place in wanting {
            self.mark(place);
        }
    }

    fn count_disciplines(&mut self) {
        self.has_on_demand = self.peers.iter().any(|(_, peer)| peer.on_demand());
    }

    /// The peer is told of all FECs, one after the other as output is asked for.
    /// Not `again`: it was told nothing before.
    pub(super) fn start_walk(&mut self, index: PeerIndex, again: bool) {
        let Some(peer) = self.peers.get_mut(index.place()) else {
            return;
        };
        if !peer.is_open() {
            return;
        }
        if peer.paused {
            peer.missed = true;
            return;
        }
        peer.walks_again |= again;
        peer.stopped_at = None;
        if peer.walk.replace(0).is_none() {
            self.walks.push_back(index);
        }
    }

    /// The walk that stopped goes on from where it was.
    fn resume_walk(&mut self, index: PeerIndex) {
        let Some(peer) = self.peers.get_mut(index.place()) else {
            return;
        };
        if let Some(place) = peer.stopped_at.take()
            && peer.is_open()
            && peer.walk.replace(place).is_none()
        {
            self.walks.push_back(index);
        }
    }

    /// One step of the first walk. Whether there was one.
    pub(super) fn walk_on(&mut self) -> bool {
        let Some(index) = self.walks.front().copied() else {
            return false;
        };
        let places = self.fecs.capacity();
        let Some(peer) = self.peers.get_mut(index.place()) else {
            self.walks.pop_front();
            return true;
        };
        match peer.walk {
            Some(place) if place < places && !peer.paused && peer.is_open() => {
                peer.walk = Some(place + 1);
                let again = peer.walks_again;
                // What a new peer already has is as it should be: changes settle the FEC.
                let told = self.fecs.get(place).is_none_or(|fec| {
                    let sent = fec.sent.get(fec.sent_to(index)).unwrap_or_default();
                    fec.dirty || (!again && sent.iter().any(|sent| sent.advertised))
                });
                if !told {
                    self.settle(place, Some(index));
                }
            }
            _ => {
                // What is left of it is done when the peer goes on.
                let left = peer.walk.filter(|place| peer.paused && *place < places);
                peer.stopped_at = left;
                peer.walks_again &= left.is_some();
                peer.walk = None;
                self.walks.pop_front();
            }
        }
        true
    }

    /// The peer's connection takes no more, or more again.
    pub(super) fn pause_peer(&mut self, id: LdpIdentifier, paused: bool) {
        let Some(index) = self.peer_index.get(&id).copied() else {
            return;
        };
        if let Some(peer) = self.peers.get_mut(index.place()) {
            peer.paused = paused;
            if !paused && std::mem::take(&mut peer.missed) {
                self.start_walk(index, true);
            } else if !paused {
                self.resume_walk(index);
            }
        }
    }

    /// The peer is to get an End-of-LIB.
    pub(super) fn owe_end_of_lib(&mut self, index: PeerIndex) {
        let owed = self
            .peers
            .get(index.place())
            .is_some_and(|peer| !peer.end_of_lib_owed.is_empty());
        if owed && !self.owing.contains(&index) {
            self.owing.push_back(index);
        }
    }

    /// End-of-LIB goes out when all mappings did (RFC 5919 section 4): no walk is on its way, and no label
    /// that was asked for is missing. Under ordered control an LSR that restarted has mappings to make as long
    /// as its next hops make theirs: until the forwarding state of before is held no more. A helper that got
    /// End-of-LIB earlier would delete what it kept (RFC 5919 section 5.2). Whether any went out.
    pub(super) fn send_end_of_lib(&mut self) -> bool {
        let recovering = self.adopted.is_some() && self.policy.control == ControlMode::Ordered;
        if self.owing.is_empty() || self.counted.allocating > 0 || recovering {
            return false;
        }
        let before = self.output.len();
        let owing = std::mem::take(&mut self.owing);
        for index in owing {
            let Some(peer) = self.peers.get_mut(index.place()) else {
                continue;
            };
            let walks = peer.walk.or(peer.stopped_at).is_some();
            if peer.paused || peer.missed || walks {
                self.owing.push_back(index);
                continue;
            }
            for wildcard in std::mem::take(&mut peer.end_of_lib_owed) {
                let status: Status = advisory(status::END_OF_LIB, 0, 0);
                let mut end = notification(status);
                end.fec = vec![FecElement::TypedWildcard(wildcard)];
                send_message(&mut self.output, peer, Body::Notification(Box::new(end)));
            }
        }
        self.output.len() > before
    }
}

/// Takes out of a FEC what it has of a peer whose session is gone. Whether that changes anything.
fn purge(fec: &mut Fec, index: PeerIndex, hold: bool) -> bool {
    let mut changed = false;
    if hold {
        for received in &mut fec.received {
            received.stale |= received.peer == index;
        }
    } else {
        changed |= fec.forget(index).is_some();
    }
    let range = fec.sent_to(index);
    if !range.is_empty() {
        fec.sent.retain(|sent| sent.peer != index);
        changed = true;
    }
    if let Some(requests) = &mut fec.requests {
        requests.forget(index);
        changed = true;
    }
    changed
}
