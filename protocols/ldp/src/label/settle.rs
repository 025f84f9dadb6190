//! Settling a FEC: what its procedures recorded is made true in the LFIB and at the peers.
//!
//! The procedures of appendix A record what happened and mark the FEC. Settling compares what is
//! recorded with what was sent and installed before, and does the rest of them: the Label
//! Distribution, Label Withdrawal, Label Request, Label Release and Label Use procedures. So that a FEC
//! that changes twice before anybody looks is told of once, and events that touch all FECs queue a
//! number for each and no message.

use mpls::Label;
use smallvec::SmallVec;

use super::attributes::ReceivedAttributes;
use super::hop::Hop;
use super::message::{advisory, message_type, send_label_release, send_notification, status};
use super::store::{Fec, FecIndex, Local, PeerIndex, Received, Sent};
use super::{ControlMode, EgressLabel, LabelDistribution, LabelOutput, RetentionMode, lfib};
use crate::PrefixFec;

/// How things are for a FEC.
#[derive(Debug)]
pub(super) struct Situation {
    /// There is a route.
    pub(super) routed: bool,
    /// This LSR is the egress.
    pub(super) egress: bool,
    /// A next hop gave a label.
    pub(super) labelled: bool,
    /// What is bound to the FEC upstream.
    pub(super) upstream: Upstream,
    /// Next hops that gave a label get none.
    pub(super) split_horizon: bool,
    /// The next hops, in the order of the route's.
    pub(super) hops: SmallVec<[Hop; 2]>,
}

/// What is bound to a FEC upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upstream {
    /// Nothing: no route, a policy, or ordered control without a label of the next hop.
    Nothing,
    /// A null label.
    Null(Label),
    /// A label of the label manager.
    Real,
}

impl Situation {
    /// A label of the label manager is what peers get.
    pub(super) fn wants_real_label(&self) -> bool {
        self.upstream == Upstream::Real
    }

    /// The mapping came by this peer, and does not go back to it.
    pub(super) fn is_behind_horizon(&self, index: PeerIndex) -> bool {
        let from_peer = |hop: &Hop| hop.peer() == index && hop.label().is_some();
        self.split_horizon && self.hops.iter().any(from_peer)
    }
}

/// Prefixes for which there are no bindings at all: link-local and IPv4-mapped ones (RFC 7552 section
/// 7.2).
pub(super) fn is_unlabelled_by_rule(fec: &PrefixFec) -> bool {
    match fec.prefix {
        ipnet::IpNet::V4(_) => false,
        ipnet::IpNet::V6(prefix) => {
            let address = prefix.network();
            (prefix.prefix_len() >= 10 && address.is_unicast_link_local())
                || (prefix.prefix_len() >= 96 && address.to_ipv4_mapped().is_some())
        }
    }
}

impl LabelDistribution {
    /// The FEC is to be settled.
    pub(super) fn mark(&mut self, index: FecIndex) {
        if let Some(fec) = self.fecs.get_mut(index)
            && !fec.dirty
        {
            fec.dirty = true;
            self.dirty.push_back(index);
        }
    }

    /// Settles the FEC that waits longest.
    pub(super) fn settle_next(&mut self) -> bool {
        let Some(index) = self.dirty.pop_front() else {
            return false;
        };
        if let Some(fec) = self.fecs.get_mut(index) {
            fec.dirty = false;
        }
        self.settle(index, None);
        true
    }

    /// Settles a FEC, for all peers or for one.
    pub(super) fn settle(&mut self, index: FecIndex, only: Option<PeerIndex>) {
        let Some(place) = self.fecs.get_mut(index) else {
            return;
        };
        let empty = Fec::new(place.fec);
        let mut fec = std::mem::replace(place, empty);
        self.settle_taken(&mut fec, index, only);
        if fec.is_empty() {
            self.index.remove(&fec.fec);
            self.unrouted.remove(&fec.fec);
            self.fecs.remove(index);
        } else if let Some(place) = self.fecs.get_mut(index) {
            *place = fec;
        }
    }

    fn settle_taken(&mut self, fec: &mut Fec, index: FecIndex, only: Option<PeerIndex>) {
        let situation = self.situation(fec);
        self.label_retention(fec);
        self.refuse_requests(fec, &situation);
        self.forget_loops(fec, &situation);
        self.need_label(fec, index, &situation, only);
        lfib::update(
            fec,
            &situation,
            &self.policy,
            &mut self.groups,
            &self.peers,
            &mut self.counted,
            &mut self.output,
        );
        self.distribute(fec, index, &situation, only);
        if only.is_none() {
            self.free_label(fec, &situation);
        }
        self.label_request(fec, index, &situation);
        fec.tidy_requests();
    }

    /// How things are for a FEC.
    pub(super) fn situation(&self, fec: &Fec) -> Situation {
        let mut situation = Situation {
            routed: false,
            egress: false,
            labelled: false,
            upstream: Upstream::Nothing,
            split_horizon: self.policy.split_horizon && self.policy.control == ControlMode::Ordered,
            hops: SmallVec::new(),
        };
        let Some(group) = fec.group.and_then(|group| self.groups.get(group)) else {
            return situation;
        };
        situation.routed = true;
        let beyond_peers = self.policy.egress_beyond_peers
            && !group.peers.is_empty()
            && group.peers.iter().all(|peer| *peer == PeerIndex::NONE);
        situation.egress = !fec.covered && (group.route.egress || beyond_peers);
        if !situation.egress {
            for (peer, next_hop) in group.peers.iter().zip(&group.route.next_hops) {
                let received = fec.received_from(*peer);
                situation.labelled |= received.is_some();
                let labelled = |received: &Received| {
                    let (label, mtu) = (received.label, received.mtu);
                    let mtu = self.mtus.beyond_link(&next_hop.interface, label, mtu);
                    Hop::labelled(received, mtu)
                };
                situation
                    .hops
                    .push(received.map_or(Hop::UNLABELLED, labelled));
            }
        }
        // Section 2.6.1; FECs without a route of their own are distributed in an ordered way (RFC 5283
        // section 5).
        let control = situation.egress
            || situation.labelled
            || (self.policy.control == ControlMode::Independent && !fec.covered);
        if control && self.policy.allocates(&fec.fec) && !is_unlabelled_by_rule(&fec.fec) {
            situation.upstream = if situation.egress {
                self.egress_label(fec)
            } else {
                Upstream::Real
            };
        }
        situation
    }

    fn egress_label(&self, fec: &Fec) -> Upstream {
        let family = fec.family();
        match self.policy.egress_label(family) {
            EgressLabel::ImplicitNull => Upstream::Null(Label::IMPLICIT_NULL),
            EgressLabel::ExplicitNull => Upstream::Null(super::explicit_null(family)),
            EgressLabel::Real => Upstream::Real,
        }
    }

    /// The Label Release procedure (appendix A, ReleaseOnChange): under conservative retention labels of
    /// peers that are no next hop go back (LMp.13, NH.3 to NH.5).
    fn label_retention(&mut self, fec: &mut Fec) {
        if self.policy.retention == RetentionMode::Liberal || fec.received.is_empty() {
            return;
        }
        let next_hops = fec.group.and_then(|group| self.groups.get(group));
        let unused: SmallVec<[PeerIndex; 2]> = fec
            .received
            .iter()
            .map(|received| received.peer)
            .filter(|peer| next_hops.is_none_or(|group| !group.peers.contains(peer)))
            .collect();
        for index in unused {
            if let Some(received) = fec.forget(index)
                && let Some(peer) = self.peers.get_mut(index.place())
            {
                peer.received = peer.received.saturating_sub(1);
                send_label_release(&mut self.output, peer, fec.fec, received.label, None);
            }
        }
    }

    /// Requests that cannot be granted are refused: LRq.5 if the route went away meanwhile, SL.9 to SL.12
    /// if there are no labels, and those whose answer would have too long a path vector.
    fn refuse_requests(&mut self, fec: &mut Fec, situation: &Situation) {
        let pending = fec
            .requests
            .as_ref()
            .is_some_and(|requests| !requests.received.is_empty());
        if !pending {
            return;
        }
        let no_route = !situation.routed || (!situation.egress && situation.hops.is_empty());
        let no_label = situation.wants_real_label() && fec.local == Local::NoResources;
        let code = if no_route {
            status::NO_ROUTE
        } else if no_label {
            status::NO_LABEL_RESOURCES
        } else if self.attributes(fec, situation).exceeds(&self.policy) {
            status::LOOP_DETECTED
        } else {
            return;
        };
        let Some(requests) = &mut fec.requests else {
            return;
        };
        for request in requests.received.drain(..) {
            if let Some(peer) = self.peers.get_mut(request.peer.place()) {
                peer.requests = peer.requests.saturating_sub(1);
                peer.told_no_resources |= no_label && !no_route;
                self.told_no_resources |= peer.told_no_resources;
                let status = advisory(code, request.id, message_type::LABEL_REQUEST);
                send_notification(&mut self.output, peer, status);
            }
        }
    }

    /// SL.1 and SL.2: a label is asked for when a peer is to get one.
    fn need_label(
        &mut self,
        fec: &mut Fec,
        index: FecIndex,
        situation: &Situation,
        only: Option<PeerIndex>,
    ) {
        if !situation.wants_real_label()
            || fec.local != Local::None
            || !self.is_wanted_upstream(fec, situation, only)
        {
            return;
        }
        if let Some(label) = self.take_adopted(&fec.fec) {
            fec.local = Local::Bound(label);
            self.counted.labels += 1;
            return;
        }
        // While there are none, asking for each FEC is of no use.
        if !self.without_labels.is_empty() {
            fec.local = Local::NoResources;
            self.without_labels.insert(index);
            self.refuse_requests(fec, situation);
            return;
        }
        fec.local = Local::Requested;
        self.counted.allocating += 1;
        self.output
            .push_back(LabelOutput::Allocate { fec: fec.fec });
    }

    /// Whether any peer is to have a mapping.
    fn is_wanted_upstream(
        &self,
        fec: &Fec,
        situation: &Situation,
        only: Option<PeerIndex>,
    ) -> bool {
        match only {
            Some(index) => self.is_wanted_by(fec, situation, index),
            None => self
                .peers
                .iter()
                .any(|(place, _)| self.is_wanted_by(fec, situation, super::peer_index(place))),
        }
    }

    fn is_wanted_by(&self, fec: &Fec, situation: &Situation, index: PeerIndex) -> bool {
        self.peers.get(index.place()).is_some_and(|peer| {
            peer.takes(fec, &self.policy)
                && !situation.is_behind_horizon(index)
                && super::distribution::is_wanted(fec, index, peer.on_demand())
        })
    }

    /// LRl.12 and LRl.13, and the end of a binding: the label goes back once no peer holds it.
    ///
    /// It stays as long as there is a route for the FEC (RFC 3478 section 3.3), even if all sessions are
    /// down; but not if all peers released it by themselves. In a restart of this LSR or of a peer that is not
    /// known: those that are not back yet may use it.
    fn free_label(&mut self, fec: &mut Fec, situation: &Situation) {
        if !situation.routed {
            fec.sent.retain(|sent| sent.holds());
        }
        let Local::Bound(label) = fec.local else {
            if fec.local == Local::NoResources && !situation.wants_real_label() {
                fec.local = Local::None;
                let index = self.index.get(&fec.fec).copied();
                if let Some(index) = index {
                    self.without_labels.remove(&index);
                }
            }
            return;
        };
        if fec.is_held(label) {
            return;
        }
        let routed_here = situation.routed && self.policy.allocates(&fec.fec);
        let binding_lives = match situation.upstream {
            Upstream::Real => true,
            Upstream::Null(_) => false,
            // Ordered control without a label of the next hop.
            Upstream::Nothing => routed_here,
        };
        let released = fec.sent.iter().any(Sent::is_released);
        if binding_lives
            && (!released
                || self.holds_adopted(&fec.fec, label)
                || self.is_peer_restarting()
                || self.is_wanted_upstream(fec, situation, None))
        {
            return;
        }
        fec.local = Local::None;
        self.counted.labels = self.counted.labels.saturating_sub(1);
        let installed = fec.installed.ilm.is_some();
        // The label is out of the LFIB before it goes back.
        lfib::update(
            fec,
            situation,
            &self.policy,
            &mut self.groups,
            &self.peers,
            &mut self.counted,
            &mut self.output,
        );
        self.give_up_adopted(fec.fec, label, installed);
        self.output.push_back(LabelOutput::Deallocate {
            fec: fec.fec,
            label,
        });
    }

    /// The attributes of a FEC's LSP.
    pub(super) fn attributes(&self, fec: &Fec, situation: &Situation) -> ReceivedAttributes {
        let group = fec.group.and_then(|group| self.groups.get(group));
        ReceivedAttributes::of(fec, situation, group, &self.policy, &self.mtus)
    }
}
