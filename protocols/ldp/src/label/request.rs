//! Receive Label Request (RFC 5036 appendix A.1.1) and Receive Label Abort Request (A.1.3).

use super::attributes::{LoopCheck, bounded, check_received_attributes, has_no_room};
use super::message::{
    advisory, message_type, notification, send_message, send_notification, status,
};
use super::store::{FecIndex, PeerIndex, RequestReceived};
use super::{ControlMode, LabelDistribution, LabelEvent, LabelOutput};
use crate::PrefixFec;
use crate::packet::{Body, FecElement, LabelAbortRequest, LabelRequest, StatusCode, TypedWildcard};

impl LabelDistribution {
    /// Receive Label Request (appendix A.1.1).
    pub(super) fn receive_label_request(
        &mut self,
        source: PeerIndex,
        message_id: u32,
        request: &LabelRequest,
    ) {
        if let Some(peer) = self.peers.get_mut(source.place()) {
            peer.counters.requests_received += 1;
        }
        for element in &request.fec {
            match element {
                FecElement::Prefix(fec) => {
                    self.request_for_fec(source, message_id, request, *fec);
                }
                FecElement::TypedWildcard(wildcard) => {
                    self.request_for_all(source, message_id, wildcard);
                }
                FecElement::Wildcard | FecElement::Ignored { .. } | FecElement::Unknown { .. } => {
                    self.refuse_request(source, message_id, status::UNKNOWN_FEC);
                    return;
                }
            }
        }
    }

    fn request_for_fec(
        &mut self,
        source: PeerIndex,
        message_id: u32,
        request: &LabelRequest,
        fec: PrefixFec,
    ) {
        // LRq.1, LRq.4.
        let path_vector = request.path_vector.as_deref();
        if check_received_attributes(&self.policy, request.hop_count, path_vector)
            == LoopCheck::LoopDetected
        {
            self.loop_detected(source, fec);
            self.refuse_request(source, message_id, status::LOOP_DETECTED);
            return;
        }
        // LRq.2, LRq.5; a FEC that policy keeps from the peer has no route for it either.
        let Some(index) = self.find_routed(fec) else {
            self.refuse_request(source, message_id, status::NO_ROUTE);
            return;
        };
        let Some(record) = self.fecs.get(index) else {
            return;
        };
        let situation = self.situation(record);
        let permitted = self
            .peers
            .get(source.place())
            .is_some_and(|peer| peer.takes(record, &self.policy));
        if !situation.egress && situation.hops.is_empty()
            || !permitted
            || !self.policy.allocates(&fec)
            || super::settle::is_unlabelled_by_rule(&fec)
        {
            if let Some(record) = self.fecs.get_mut(index) {
                record.forget_release(source);
            }
            self.refuse_request(source, message_id, status::NO_ROUTE);
            self.mark(index);
            return;
        }
        // LRq.3, LRq.4.
        let next_hops = record.group.and_then(|group| self.groups.get(group));
        if !situation.egress && next_hops.is_some_and(|group| group.peers.contains(&source)) {
            self.refuse_request(source, message_id, status::LOOP_DETECTED);
            self.mark(index);
            return;
        }
        // The request downstream would have too long a path vector, or too many hops: section 3.4.5.1.1.
        let waits =
            self.policy.control == ControlMode::Ordered && !situation.egress && !situation.labelled;
        if waits && has_no_room(&self.policy, request.hop_count, path_vector) {
            self.loop_detected(source, fec);
            self.refuse_request(source, message_id, status::LOOP_DETECTED);
            self.mark(index);
            return;
        }
        // LRq.6, LRq.7: a duplicate is dropped.
        let duplicate = record.requests.as_ref().is_some_and(|requests| {
            let mut received = requests.received.iter();
            received.any(|other| other.peer == source && other.id == message_id)
        });
        if duplicate {
            self.discarded(
                source,
                format!("a second Label Request {message_id} for {fec}"),
            );
            return;
        }
        let limit = self.policy.max_requests_per_peer;
        let Some(peer) = self.peers.get_mut(source.place()) else {
            return;
        };
        if peer.requests >= limit {
            peer.told_no_resources = true;
            self.told_no_resources = true;
            self.refuse_request(source, message_id, status::NO_LABEL_RESOURCES);
            self.arm_allocation_retry();
            return;
        }
        // LRq.8. LRq.9 to LRq.12 follow when the FEC is settled.
        peer.requests += 1;
        self.record_request(index, source, message_id, request);
    }

    fn record_request(
        &mut self,
        index: FecIndex,
        source: PeerIndex,
        message_id: u32,
        request: &LabelRequest,
    ) {
        if let Some(record) = self.fecs.get_mut(index) {
            record.requests_mut().received.push(RequestReceived {
                peer: source,
                id: message_id,
                hop_count: request.hop_count,
                path_vector: request.path_vector.clone(),
                forwarded: bounded(&request.forwarded),
            });
        }
        self.mark(index);
    }

    /// A request for all FECs of a type (RFC 5918 section 4): those that a label is bound to are
    /// answered, and End-of-LIB follows (RFC 5919 section 5.3).
    fn request_for_all(&mut self, source: PeerIndex, message_id: u32, wildcard: &TypedWildcard) {
        let plain = LabelRequest {
            fec: Vec::new(),
            hop_count: None,
            path_vector: None,
            forwarded: Vec::new(),
        };
        // Also what cannot be had now: it is told when it can.
        for (_, fec) in &mut self.fecs {
            if fec.is_of(wildcard) {
                fec.forget_release(source);
            }
        }
        let Some(peer) = self.peers.get(source.place()) else {
            return;
        };
        let matching: Vec<FecIndex> = self
            .fecs
            .iter()
            .filter(|(_, fec)| {
                let pending = fec.requests.as_ref().is_some_and(|requests| {
                    requests
                        .received
                        .iter()
                        .any(|request| request.peer == source)
                });
                fec.is_of(wildcard)
                    && !pending
                    && peer.takes(fec, &self.policy)
                    && self.situation(fec).upstream != super::settle::Upstream::Nothing
            })
            .map(|(index, _)| index)
            .collect();
        if let Some(peer) = self.peers.get_mut(source.place()) {
            peer.requests += matching.len();
            peer.owe_end_of_lib(wildcard);
        }
        self.owe_end_of_lib(source);
        for index in matching {
            self.record_request(index, source, message_id, &plain);
        }
    }

    /// Send_Notification in answer to a Label Request.
    fn refuse_request(&mut self, source: PeerIndex, message_id: u32, code: StatusCode) {
        if let Some(peer) = self.peers.get_mut(source.place()) {
            let status = advisory(code, message_id, message_type::LABEL_REQUEST);
            send_notification(&mut self.output, peer, status);
        }
    }

    /// Receive Label Abort Request (appendix A.1.3).
    pub(super) fn receive_label_abort_request(
        &mut self,
        source: PeerIndex,
        message_id: u32,
        abort: &LabelAbortRequest,
    ) {
        for element in &abort.fec {
            let FecElement::Prefix(fec) = element else {
                continue;
            };
            let Some(index) = self.index.get(fec).copied() else {
                continue;
            };
            let requests = self
                .fecs
                .get_mut(index)
                .and_then(|record| record.requests.as_mut());
            // LAbR.1, LAbR.2: a request that was answered is not on record.
            let place = requests.as_ref().and_then(|requests| {
                let mut received = requests.received.iter();
                received.position(|other| other.peer == source && other.id == abort.request_id)
            });
            let (Some(requests), Some(place)) = (requests, place) else {
                continue;
            };
            // LAbR.11. LAbR.4 to LAbR.10 follow when the FEC is settled: the request downstream is
            // aborted if nobody else needs it.
            requests.received.remove(place);
            if let Some(peer) = self.peers.get_mut(source.place()) {
                peer.requests = peer.requests.saturating_sub(1);
                // LAbR.3.
                let mut aborted = notification(advisory(
                    status::LABEL_REQUEST_ABORTED,
                    message_id,
                    message_type::LABEL_ABORT_REQUEST,
                ));
                aborted.request_id = Some(abort.request_id);
                send_message(
                    &mut self.output,
                    peer,
                    Body::Notification(Box::new(aborted)),
                );
            }
            self.mark(index);
        }
    }

    /// A loop is counted and told.
    pub(super) fn loop_detected(&mut self, source: PeerIndex, fec: PrefixFec) {
        if let Some(peer) = self.peers.get_mut(source.place()) {
            peer.counters.loops += 1;
            let event = LabelEvent::LoopDetected { peer: peer.id, fec };
            self.output.push_back(LabelOutput::Event(event));
        }
    }

    /// A message is dropped.
    pub(super) fn discarded(&mut self, source: PeerIndex, reason: String) {
        if let Some(peer) = self.peers.get(source.place()) {
            let event = LabelEvent::Discarded {
                peer: peer.id,
                reason,
            };
            self.output.push_back(LabelOutput::Event(event));
        }
    }
}
