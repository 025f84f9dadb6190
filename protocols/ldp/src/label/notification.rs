//! Receive Notification (RFC 5036 appendix A.1.8 to A.1.12, RFC 5919 section 4).

use super::message::{message_type, status};
use super::store::{FecIndex, PeerIndex};
use super::timers::Timer;
use super::{LabelDistribution, LabelEvent, LabelOutput, NoRouteProcedure};
use crate::MultiTopologyId;
use crate::packet::{FecElement, Notification, StatusCode, TypedWildcard};

impl LabelDistribution {
    /// A Notification that may be about labels.
    pub(super) fn receive_notification(&mut self, source: PeerIndex, notification: &Notification) {
        let status = notification.status;
        let request_id = notification.request_id.unwrap_or(status.message_id);
        match status.code {
            status::LABEL_REQUEST_ABORTED => self.label_request_aborted(source, request_id),
            status::NO_LABEL_RESOURCES => self.no_label_resources(source, request_id),
            status::NO_ROUTE => self.no_route(source, request_id),
            status::LOOP_DETECTED => {
                if let Some(fec) = self.requested_fec(source, request_id) {
                    self.loop_detected(source, fec);
                }
                self.no_route(source, request_id);
            }
            status::LABEL_RESOURCES_AVAILABLE => self.label_resources_available_at(source),
            status::END_OF_LIB => self.end_of_lib(source, &notification.fec),
            // The message was dropped: a Label Request will have no other answer.
            status::UNKNOWN_FEC
            | status::UNSUPPORTED_ADDRESS_FAMILY
            | status::UNKNOWN_MESSAGE_TYPE
            | status::UNKNOWN_TLV
            | status::MISSING_MESSAGE_PARAMETERS
            | status::INVALID_TOPOLOGY_ID => {
                self.not_understood(source, request_id, status.code, status.message_type);
            }
            _ => {}
        }
    }

    fn requested_fec(&self, source: PeerIndex, request_id: u32) -> Option<crate::PrefixFec> {
        let index = self.requests.get(&(source, request_id))?;
        self.fecs.get(*index).map(|record| record.fec)
    }

    /// Deletes the record of an outstanding request; the FEC is returned.
    fn delete_request(&mut self, source: PeerIndex, request_id: u32) -> Option<FecIndex> {
        let index = self.requests.remove(&(source, request_id))?;
        let requests = self.fecs.get_mut(index)?.requests.as_mut()?;
        requests
            .sent
            .retain(|sent| sent.peer != source || sent.id != request_id);
        self.mark(index);
        Some(index)
    }

    /// Receive Notification / Label Request Aborted (appendix A.1.8).
    fn label_request_aborted(&mut self, source: PeerIndex, request_id: u32) {
        // LRqA.1.
        let aborted = self
            .requests
            .get(&(source, request_id))
            .and_then(|index| self.fecs.get(*index))
            .and_then(|record| record.requests.as_ref())
            .is_some_and(|requests| {
                let mut sent = requests.sent.iter();
                sent.any(|sent| sent.id == request_id && sent.aborted.is_some())
            });
        // LRqA.2.
        if aborted {
            self.delete_request(source, request_id);
        }
    }

    /// Receive Notification / No Label Resources (appendix A.1.9).
    fn no_label_resources(&mut self, source: PeerIndex, request_id: u32) {
        // NoRes.1, NoRes.2.
        let index = self.delete_request(source, request_id);
        let Some(peer) = self.peers.get_mut(source.place()) else {
            return;
        };
        // NoRes.3.
        peer.may_be_asked = false;
        // Some FECs of a type got labels and some did not: which ones is not said.
        let asked = peer.asked_types.iter().find(|(id, _)| *id == request_id);
        if let Some((_, wildcard)) = asked
            && !peer.postponed_types.contains(wildcard)
        {
            peer.postponed_types.push(wildcard.clone());
        }
        if let Some(index) = index
            && let Some(record) = self.fecs.get_mut(index)
        {
            let postponed = &mut record.requests_mut().postponed;
            if !postponed.contains(&source) {
                postponed.push(source);
                peer.postponed.push(index);
            }
        }
    }

    /// Receive Notification / No Route (appendix A.1.10), and Loop Detected (A.1.11).
    fn no_route(&mut self, source: PeerIndex, request_id: u32) {
        // NoNH.1.
        let Some(index) = self.delete_request(source, request_id) else {
            return;
        };
        // NoNH.2.
        let retry = match self.policy.no_route {
            NoRouteProcedure::NoRequestRetry => None,
            NoRouteProcedure::RequestRetry(after) => Some(self.now + after),
        };
        self.defer_request(index, source, retry);
    }

    fn defer_request(
        &mut self,
        index: FecIndex,
        source: PeerIndex,
        retry: Option<std::time::Instant>,
    ) {
        if let Some(at) = retry {
            self.timers.insert((at, Timer::Deferred(index, source)));
        }
        if let Some(record) = self.fecs.get_mut(index) {
            let deferred = &mut record.requests_mut().deferred;
            deferred.retain(|(peer, _)| *peer != source);
            deferred.push((source, retry));
        }
    }

    /// Receive Notification / Label Resources Available (appendix A.1.12).
    fn label_resources_available_at(&mut self, source: PeerIndex) {
        let Some(peer) = self.peers.get_mut(source.place()) else {
            return;
        };
        // Res.1.
        peer.may_be_asked = true;
        let types = std::mem::take(&mut peer.postponed_types);
        // Res.2 to Res.6: that the peer is the next hop is looked at when the FEC is settled.
        for index in std::mem::take(&mut peer.postponed) {
            let requests = self
                .fecs
                .get_mut(index)
                .and_then(|record| record.requests.as_mut());
            if let Some(requests) = requests {
                requests.postponed.retain(|peer| *peer != source);
                // On record it is needed, also where labels come unsolicited.
                requests.wanted = true;
                self.mark(index);
            }
        }
        for wildcard in types {
            self.request_all(source, wildcard);
        }
    }

    /// The peer does not know the kind of FEC (section 3.4.1.1), its topology, or another part of the
    /// message: it is not asked for this FEC again.
    fn not_understood(&mut self, source: PeerIndex, request_id: u32, code: StatusCode, kind: u16) {
        if let Some(index) = self.delete_request(source, request_id) {
            self.defer_request(index, source, None);
        }
        let about_mapping = kind == message_type::LABEL_MAPPING;
        if let Some(peer) = self.peers.get(source.place()) {
            let reason = format!(
                "it does not understand message {request_id}{}: {code}",
                if about_mapping {
                    ", a Label Mapping"
                } else {
                    ""
                }
            );
            let event = LabelEvent::Discarded {
                peer: peer.id,
                reason,
            };
            self.output.push_back(LabelOutput::Event(event));
        }
    }

    /// End-of-LIB (RFC 5919 section 4): nothing stale of the FEC type is left (section 5.2), and the IGP
    /// may use the link (section 5.1).
    fn end_of_lib(&mut self, source: PeerIndex, fec: &[FecElement]) {
        for element in fec {
            let FecElement::TypedWildcard(wildcard) = element else {
                continue;
            };
            self.remove_stale(source, |_, fec| fec.is_of(wildcard));
            let TypedWildcard::Prefix { family, .. } = wildcard;
            let Some(peer) = self.peers.get_mut(source.place()) else {
                return;
            };
            if wildcard.includes(*family, MultiTopologyId::DEFAULT)
                && !peer.end_of_lib.contains(family)
            {
                peer.end_of_lib.push(*family);
            }
            let parameters = &peer.parameters;
            let has = |family, used: bool| !used || peer.end_of_lib.contains(&family);
            let complete = has(crate::packet::AddressFamily::Ipv4, parameters.ipv4)
                && has(crate::packet::AddressFamily::Ipv6, parameters.ipv6);
            if complete {
                self.synchronized(source);
            }
        }
    }

    /// The first advertisement of a peer is complete.
    pub(super) fn synchronized(&mut self, source: PeerIndex) {
        if let Some(peer) = self.peers.get_mut(source.place())
            && !peer.synchronized
        {
            peer.synchronized = true;
            let event = LabelEvent::Synchronized { peer: peer.id };
            self.output.push_back(LabelOutput::Event(event));
        }
    }
}
