//! The Label Request procedure: Send_Label_Request (RFC 5036 appendix A.2.2), and requests that are not
//! needed any more.

use smallvec::SmallVec;

use super::attributes::prepare_label_request_attributes;
use super::message::{send_label_abort_request, send_message_with_id};
use super::settle::Situation;
use super::store::{Fec, FecIndex, PeerIndex, RequestSent};
use super::timers::Timer;
use super::{LabelDistribution, RetentionMode};
use crate::packet::{Body, FecElement, LabelRequest};

impl LabelDistribution {
    /// Asks the next hops for labels, where they do not come by themselves.
    ///
    /// In sessions that are downstream on demand this LSR uses Request When Needed: as ingress it needs a
    /// label for each FEC that it has a route for, and else when a peer asks it for one. In others it uses
    /// Request Never, but for NH.13.
    pub(super) fn label_request(&mut self, fec: &mut Fec, index: FecIndex, situation: &Situation) {
        if fec.requests.is_none()
            && (!self.has_on_demand || !situation.routed || situation.labelled_fully())
        {
            return;
        }
        let next_hops: SmallVec<[PeerIndex; 2]> = fec
            .group
            .filter(|_| !situation.egress)
            .and_then(|group| self.groups.get(group))
            .map(|group| group.peers.clone())
            .unwrap_or_default();
        let asked = fec
            .requests
            .as_ref()
            .is_some_and(|requests| !requests.received.is_empty());
        let wanted = fec
            .requests
            .as_ref()
            .is_some_and(|requests| requests.wanted);
        let needed = self.policy.ingress || asked || fec.sent.iter().any(|sent| sent.advertised);
        for (place, peer) in next_hops.iter().enumerate() {
            let repeated = next_hops.iter().take(place).any(|other| other == peer);
            if !repeated && fec.received_from(*peer).is_none() {
                self.send_label_request(fec, index, *peer, needed, wanted);
            }
        }
        if let Some(requests) = &mut fec.requests {
            // A request that is being aborted stands in the way of another until that is answered (section
            // 3.5.9.1); the need stays.
            let aborting =
                |sent: &RequestSent| sent.aborted.is_some() && next_hops.contains(&sent.peer);
            requests.wanted = wanted && requests.sent.iter().any(aborting);
            requests.postponed.retain(|peer| next_hops.contains(peer));
            requests
                .deferred
                .retain(|(peer, _)| next_hops.contains(peer));
        }
        self.abort_requests(fec, index, &next_hops, needed);
    }

    /// Send_Label_Request (appendix A.2.2).
    fn send_label_request(
        &mut self,
        fec: &mut Fec,
        index: FecIndex,
        peer_index: PeerIndex,
        needed: bool,
        wanted: bool,
    ) {
        let Some(peer) = self.peers.get_mut(peer_index.place()) else {
            return;
        };
        if !peer.is_open()
            || !peer.exchanges(&fec.fec)
            || !(wanted || (needed && peer.on_demand()))
            || !self.policy.accept.permits(&fec.fec.prefix, Some(peer.id))
        {
            return;
        }
        if let Some(requests) = &fec.requests {
            // SLRq.1, and requests that wait for their time.
            let outstanding = requests.sent.iter().any(|sent| sent.peer == peer_index);
            let deferred = requests
                .deferred
                .iter()
                .any(|(peer, _)| *peer == peer_index);
            let postponed = requests.postponed.contains(&peer_index);
            if outstanding || deferred || postponed {
                return;
            }
        }
        // SLRq.2, SLRq.6.
        if !peer.may_be_asked {
            peer.postponed.push(index);
            fec.requests_mut().postponed.push(peer_index);
            return;
        }
        let received = fec
            .requests
            .as_ref()
            .and_then(|requests| requests.received.first());
        let attributes = prepare_label_request_attributes(
            &self.policy,
            received.map(|request| (request.hop_count, request.path_vector.as_deref())),
        );
        let forwarded = received.map_or(Vec::new(), |request| request.forwarded.clone());
        let id = self.next_request_id;
        self.next_request_id = id.checked_add(1).unwrap_or(Self::FIRST_REQUEST_ID);
        // SLRq.3.
        let request = LabelRequest {
            fec: vec![FecElement::Prefix(fec.fec)],
            hop_count: attributes.hop_count,
            path_vector: attributes.path_vector,
            forwarded,
        };
        send_message_with_id(
            &mut self.output,
            peer,
            Some(id),
            Body::LabelRequest(request),
        );
        // SLRq.4.
        self.requests.insert((peer_index, id), index);
        fec.requests_mut().sent.push(RequestSent {
            peer: peer_index,
            id,
            aborted: None,
        });
    }

    /// NH.6 to NH.9, and LAbR.9: requests to peers that are no next hop any more, or for peers that do not
    /// ask any more.
    fn abort_requests(
        &mut self,
        fec: &mut Fec,
        index: FecIndex,
        next_hops: &[PeerIndex],
        needed: bool,
    ) {
        let Some(requests) = &mut fec.requests else {
            return;
        };
        let conservative = self.policy.retention == RetentionMode::Conservative;
        for sent in &mut requests.sent {
            let is_next_hop = next_hops.contains(&sent.peer);
            let abort = (!is_next_hop && conservative) || !needed;
            if !abort || sent.aborted.is_some() {
                continue;
            }
            if let Some(peer) = self.peers.get_mut(sent.peer.place()) {
                send_label_abort_request(&mut self.output, peer, fec.fec, sent.id);
            }
            let deadline = self.now + self.policy.abort_timeout;
            sent.aborted = Some(deadline);
            self.timers
                .insert((deadline, Timer::Abort(index, sent.peer)));
        }
    }
}

impl Situation {
    fn labelled_fully(&self) -> bool {
        self.hops.iter().all(|hop| hop.label().is_some())
    }
}
