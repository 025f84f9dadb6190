//! Label distribution and management: the LIB, and the procedures of RFC 5036 appendix A.
//!
//! [`LabelDistribution`] knows peers by their [`LdpIdentifier`] only: that a
//! session is up, what was negotiated for it, and which messages about labels and addresses come by it.
//! How the session came up is [`crate::session`]'s matter.
//!
//! | Procedure of appendix A | Where |
//! |---|---|
//! | A.1.1 Receive Label Request, A.1.3 Receive Label Abort Request | `request.rs` |
//! | A.1.2 Receive Label Mapping | `mapping.rs` |
//! | A.1.4 Receive Label Release | `release.rs` |
//! | A.1.5 Receive Label Withdraw | `withdraw.rs` |
//! | A.1.6 Recognize New FEC, A.1.7 Detect Change in FEC Next Hop | `route.rs` |
//! | A.1.8 to A.1.12 Receive Notification | `notification.rs` |
//! | A.1.13 Detect Local Label Resources Have Become Available | `resources.rs` |
//! | A.1.14 LSR Decides to No Longer Label Switch a FEC | `distribution.rs`, by [`Policy`] |
//! | A.1.15 Timeout of Deferred Label Request | `timers.rs` |
//! | A.2.1 Send_Label | `settle.rs`, `distribution.rs` |
//! | A.2.2 Send_Label_Request | `requesting.rs` |
//! | A.2.3 Send_Label_Withdraw, A.2.4 Send_Notification, A.2.5 Send_Message | `message.rs` |
//! | A.2.6 to A.2.8 Attributes | `attributes.rs` |
//!
//! The procedures record what happened; what follows from it is done in one place, when the FEC is
//! settled (`settle.rs`).

mod address;
mod api;
mod attributes;
mod distribution;
mod given_up;
mod hop;
mod lfib;
mod mapping;
mod message;
mod mtu;
mod next_hop;
mod notification;
mod peer;
mod policy;
mod release;
mod request;
mod requesting;
mod resources;
mod restart;
mod route;
mod sessions;
mod settle;
mod store;
mod tables;
#[cfg(test)]
mod tests;
mod timers;
mod view;
mod views;
mod withdraw;

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use mpls::Label;
use rustc_hash::FxHashMap;
use slab::Slab;

use crate::packet::{AddressFamily, Body};
use crate::{LdpIdentifier, PrefixFec};

pub use api::{
    IlmOperation, LabelEvent, LabelOutput, LabelledNextHop, LfibChange, NextHop, PeerParameters,
    Preserved, Route,
};
pub use mtu::LinkMtu;
pub use policy::{
    ControlMode, EgressLabel, LoopDetection, NoRouteProcedure, Policy, PrefixFilter, PrefixRule,
    RetentionMode,
};
pub use view::{
    BindingView, Counters, LocalLabel, PeerCounters, PeerView, RemoteLabel, UpstreamLabel,
    UpstreamState,
};

use mtu::LinkMtus;
use next_hop::{Addresses, Groups};
use peer::Peer;
use restart::Adopted;
use store::{Fec, FecIndex, PeerIndex};
use timers::Timer;

/// Label distribution of one LSR, with the platform's label space.
#[derive(Debug)]
pub struct LabelDistribution {
    policy: Policy,
    /// The latest time that was told.
    now: Instant,
    fecs: Slab<Fec>,
    index: FxHashMap<PrefixFec, FecIndex>,
    /// FECs without a route of their own, where those of shorter prefixes count (RFC 5283).
    unrouted: BTreeSet<PrefixFec>,
    groups: Groups,
    addresses: Addresses,
    peers: Slab<Peer>,
    peer_index: FxHashMap<LdpIdentifier, PeerIndex>,
    /// All peers' places are less.
    peer_places: usize,
    /// Some session is downstream on demand.
    has_on_demand: bool,
    mtus: LinkMtus,
    /// Label Requests that are outstanding.
    requests: FxHashMap<(PeerIndex, u32), FecIndex>,
    next_request_id: u32,
    /// FECs that the label manager had no label for.
    without_labels: BTreeSet<FecIndex>,
    allocation_retry: Option<Instant>,
    /// Some peer was told that there are no label resources.
    told_no_resources: bool,
    adopted: Option<Adopted>,
    /// FECs that are to be settled.
    dirty: VecDeque<FecIndex>,
    /// How far the LFIB is told again.
    repeating: Option<FecIndex>,
    /// Peers that are to be told of all FECs.
    walks: VecDeque<PeerIndex>,
    /// Peers that are to get End-of-LIB.
    owing: VecDeque<PeerIndex>,
    timers: BTreeSet<(Instant, Timer)>,
    /// Until when the answer to a Label Withdraw is waited for to which something came that may be it.
    doubts: FxHashMap<(FecIndex, PeerIndex), Instant>,
    output: VecDeque<LabelOutput>,
    counted: Counters,
}

impl LabelDistribution {
    /// The Message IDs of Label Requests are this and above: the session's own stay below, so that the
    /// two never meet (RFC 5036 section 3.5.8.1).
    pub const FIRST_REQUEST_ID: u32 = 0x8000_0000;

    /// No peers, no routes.
    pub fn new(policy: Policy, now: Instant) -> Self {
        Self {
            policy,
            now,
            fecs: Slab::new(),
            index: FxHashMap::default(),
            unrouted: BTreeSet::new(),
            groups: Groups::default(),
            addresses: Addresses::default(),
            peers: Slab::new(),
            peer_index: FxHashMap::default(),
            peer_places: 0,
            has_on_demand: false,
            mtus: LinkMtus::default(),
            requests: FxHashMap::default(),
            next_request_id: Self::FIRST_REQUEST_ID,
            without_labels: BTreeSet::new(),
            allocation_retry: None,
            told_no_resources: false,
            adopted: None,
            dirty: VecDeque::new(),
            repeating: None,
            walks: VecDeque::new(),
            owing: VecDeque::new(),
            timers: BTreeSet::new(),
            doubts: FxHashMap::default(),
            output: VecDeque::new(),
            counted: Counters::default(),
        }
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Another policy: bindings that it does not touch stay as they are. Those that it forbids are
    /// withdrawn (RFC 5036 appendix A.1.14) or released.
    pub fn set_policy(&mut self, policy: Policy, now: Instant) {
        self.now = now;
        if policy == self.policy {
            return;
        }
        let before = std::mem::replace(&mut self.policy, policy);
        if before.longest_match != self.policy.longest_match {
            self.set_longest_match();
        }
        if before.accept != self.policy.accept {
            self.release_unaccepted();
        }
        // What was released before may be wanted now.
        let keeps_more = before.retention == RetentionMode::Conservative
            && self.policy.retention == RetentionMode::Liberal;
        if before.accept != self.policy.accept || keeps_more {
            for index in self.peer_indices() {
                let peer = self.peers.get(index.place());
                for wildcard in peer.map(Peer::exchanged).unwrap_or_default() {
                    self.request_all(index, wildcard);
                }
            }
        }
        let all: Vec<FecIndex> = self.fecs.iter().map(|(index, _)| index).collect();
        for index in all {
            self.mark(index);
        }
    }

    /// What the link of an interface carries; `None`: the interface is gone.
    pub fn set_interface_mtu(&mut self, interface: &str, mtu: Option<LinkMtu>, now: Instant) {
        self.now = now;
        if !self.mtus.set(interface, mtu) {
            return;
        }
        for group in self.groups.on_interface(interface) {
            let members = self.groups.get(group).map(|group| group.members.clone());
            for index in members.unwrap_or_default() {
                self.mark(index);
            }
        }
    }

    /// A route appeared, changed, or is gone.
    pub fn route_changed(&mut self, fec: PrefixFec, route: Option<Route>, now: Instant) {
        self.now = now;
        self.change_route(fec, route);
    }

    /// The answer to [`LabelOutput::Allocate`]. The reason of a failure is in words.
    pub fn label_allocated(&mut self, fec: PrefixFec, label: Result<Label, String>, now: Instant) {
        self.now = now;
        self.take_label(fec, label);
    }

    /// The label manager has labels again (RFC 5036 appendix A.1.13). Without this word it is tried from
    /// time to time.
    pub fn label_resources_available(&mut self, now: Instant) {
        self.now = now;
        self.local_label_resources_available();
    }

    /// What the switch still forwards from before a restart of this LSR (RFC 3478 section 3.1), before
    /// any route is told. What is not in use again after `holding` is removed.
    pub fn adopt_labels(&mut self, preserved: Preserved, holding: Duration, now: Instant) {
        self.now = now;
        self.adopt(preserved, holding);
    }

    /// A session is up. For one whose bindings are held: it is back.
    pub fn peer_up(&mut self, peer: LdpIdentifier, parameters: PeerParameters, now: Instant) {
        self.now = now;
        self.add_peer(peer, parameters);
    }

    /// A session is gone. With `hold`, what the peer bound is kept for so long, as stale (RFC 3478 section
    /// 3.3): the lesser of its FT Reconnect Timeout and the Neighbor Liveness Timer.
    pub fn peer_down(&mut self, peer: LdpIdentifier, hold: Option<Duration>, now: Instant) {
        self.now = now;
        self.remove_peer(peer, hold);
    }

    /// What was negotiated changed during the session (RFC 5561).
    pub fn peer_parameters_changed(
        &mut self,
        peer: LdpIdentifier,
        parameters: PeerParameters,
        now: Instant,
    ) {
        self.now = now;
        self.change_parameters(peer, parameters);
    }

    /// Queues a message for a peer behind those that there are for it by now. Gives it back where none are taken.
    pub(crate) fn send_after_all(&mut self, peer: LdpIdentifier, body: Body) -> Option<Body> {
        let index = self.peer_index.get(&peer);
        let peer = index.and_then(|index| self.peers.get_mut(index.place()));
        match peer.filter(|peer| peer.is_open()) {
            Some(peer) => message::send_message(&mut self.output, peer, body),
            None => return Some(body),
        }
        None
    }

    /// A Hello adjacency of a link came or went: from which address of which interface a peer that is up
    /// says Hello. It tells peers with the same address apart (RFC 7552 section 8).
    pub fn adjacency_changed(
        &mut self,
        peer: LdpIdentifier,
        interface: &str,
        source: IpAddr,
        up: bool,
        now: Instant,
    ) {
        self.now = now;
        let Some(index) = self.peer_index.get(&peer).copied() else {
            return;
        };
        if up {
            self.addresses.add_adjacency(interface, source, index);
        } else {
            self.addresses.remove_adjacency(interface, source, index);
        }
        self.resolve_interface(interface);
    }

    /// The peer's connection takes no more for now, or takes more again. Mappings for a peer that is
    /// paused are not made, and are made once it goes on: they do not queue.
    pub fn set_peer_paused(&mut self, peer: LdpIdentifier, paused: bool) {
        self.pause_peer(peer, paused);
    }

    /// A message of a peer about addresses or labels; others are ignored.
    pub fn receive(&mut self, peer: LdpIdentifier, message_id: u32, body: Body, now: Instant) {
        self.now = now;
        let Some(source) = self.peer_index.get(&peer).copied() else {
            return;
        };
        let open = self.peers.get(source.place()).is_some_and(Peer::is_open);
        if !open {
            return;
        }
        match &body {
            Body::Notification(message) => self.receive_notification(source, message),
            Body::Address(message) => self.receive_address(source, message),
            Body::AddressWithdraw(message) => self.receive_address_withdraw(source, message),
            Body::LabelMapping(message) => self.receive_label_mapping(source, message_id, message),
            Body::LabelRequest(message) => self.receive_label_request(source, message_id, message),
            Body::LabelWithdraw(message) => self.receive_label_withdraw(source, message),
            Body::LabelRelease(message) => self.receive_label_release(source, message),
            Body::LabelAbortRequest(message) => {
                self.receive_label_abort_request(source, message_id, message);
            }
            Body::Hello(_)
            | Body::Initialization(_)
            | Body::KeepAlive
            | Body::Capability(_)
            | Body::Unknown { .. } => {}
        }
    }

    /// All that is in the LFIB is told again: what the owner of the LFIB makes of it changed.
    pub fn repeat_lfib(&mut self) {
        self.repeating = Some(0);
    }

    /// What is to be done next; `None` when all is done. It is worked out as it is asked for.
    pub fn poll_output(&mut self) -> Option<LabelOutput> {
        loop {
            if let Some(output) = self.output.pop_front() {
                return Some(output);
            }
            if !(self.settle_next()
                || self.repeat_next()
                || self.walk_on()
                || self.send_end_of_lib())
            {
                return None;
            }
        }
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Time has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.expire();
    }

    /// All FECs and their labels, in no order.
    pub fn bindings(&self) -> impl Iterator<Item = BindingView> + '_ {
        self.fecs.iter().map(|(_, fec)| self.view_binding(fec))
    }

    /// A FEC and its labels.
    pub fn binding(&self, fec: &PrefixFec) -> Option<BindingView> {
        let index = self.index.get(fec)?;
        self.fecs.get(*index).map(|fec| self.view_binding(fec))
    }

    /// All peers, in no order.
    pub fn peers(&self) -> impl Iterator<Item = PeerView> + '_ {
        self.peer_index.keys().filter_map(|id| self.view_peer(*id))
    }

    /// A peer.
    pub fn peer(&self, peer: LdpIdentifier) -> Option<PeerView> {
        self.view_peer(peer)
    }

    /// The peer that announced an address first, if any (RFC 5036 section 2.7).
    pub fn peer_of_address(&self, address: IpAddr) -> Option<LdpIdentifier> {
        let index = self.addresses.owner(address)?;
        self.peers.get(index.place()).map(|peer| peer.id)
    }

    /// How much there is of everything.
    pub fn counters(&self) -> Counters {
        Counters {
            fecs: self.fecs.len(),
            received: self.peers.iter().map(|(_, peer)| peer.received).sum(),
            ..self.counted
        }
    }

    /// The accept filter changed: what it refuses goes back.
    fn release_unaccepted(&mut self) {
        let mut changed = Vec::new();
        for (place, fec) in &mut self.fecs {
            let refused: Vec<PeerIndex> = fec
                .received
                .iter()
                .map(|received| received.peer)
                .filter(|index| {
                    self.peers.get(index.place()).is_some_and(|peer| {
                        !self.policy.accept.permits(&fec.fec.prefix, Some(peer.id))
                    })
                })
                .collect();
            for index in refused {
                if let Some(received) = fec.forget(index)
                    && let Some(peer) = self.peers.get_mut(index.place())
                {
                    peer.received = peer.received.saturating_sub(1);
                    let output = &mut self.output;
                    message::send_label_release(output, peer, fec.fec, received.label, None);
                    changed.push(place);
                }
            }
        }
        for place in changed {
            self.mark(place);
        }
    }
}

/// A place in the list of peers.
fn peer_index(place: usize) -> PeerIndex {
    // So many sessions do not fit memory.
    PeerIndex(u32::try_from(place).unwrap_or(u32::MAX))
}

/// The explicit null label of a family (RFC 3032 section 2.1).
fn explicit_null(family: AddressFamily) -> Label {
    match family {
        AddressFamily::Ipv4 => Label::IPV4_EXPLICIT_NULL,
        AddressFamily::Ipv6 => Label::IPV6_EXPLICIT_NULL,
    }
}
