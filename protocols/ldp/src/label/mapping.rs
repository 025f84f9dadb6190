//! Receive Label Mapping (RFC 5036 appendix A.1.2).

use mpls::Label;

use super::attributes::{LoopCheck, bounded, check_received_attributes};
use super::message::{advisory, message_type, send_label_release, send_notification, status};
use super::mtu::believed;
use super::settle::is_unlabelled_by_rule;
use super::store::{FecIndex, PeerIndex, Rare, Received, family};
use super::{LabelDistribution, LabelEvent, LabelOutput, RetentionMode, explicit_null};
use crate::PrefixFec;
use crate::packet::{AddressFamily, FecElement, LabelMapping, Status};

impl LabelDistribution {
    /// Receive Label Mapping (appendix A.1.2).
    pub(super) fn receive_label_mapping(
        &mut self,
        source: PeerIndex,
        message_id: u32,
        mapping: &LabelMapping,
    ) {
        let now = self.now;
        let Some(peer) = self.peers.get_mut(source.place()) else {
            return;
        };
        peer.counters.mappings_received += 1;
        peer.last_mapping = now;
        // Wildcards are for Label Withdraw, Label Release and Label Request only (section 3.4.1, RFC 5918
        // section 4).
        let all_prefixes = mapping
            .fec
            .iter()
            .all(|element| matches!(element, FecElement::Prefix(_)));
        if !all_prefixes {
            let status = advisory(status::UNKNOWN_FEC, message_id, message_type::LABEL_MAPPING);
            send_notification(&mut self.output, peer, status);
            return;
        }
        for element in &mapping.fec {
            let FecElement::Prefix(fec) = element else {
                continue;
            };
            if !is_label_for(mapping.label, family(fec)) {
                // What nothing here can decode ends the session (section 3.5.1.2.2).
                peer.ending = true;
                self.output.push_back(LabelOutput::End {
                    peer: peer.id,
                    status: Status {
                        code: status::MALFORMED_TLV_VALUE,
                        fatal: true,
                        forward: false,
                        message_id,
                        message_type: message_type::LABEL_MAPPING,
                    },
                });
                let reason = format!("label {} cannot be bound to {fec}", mapping.label);
                self.discarded(source, reason);
                return;
            }
        }
        for element in &mapping.fec {
            if let FecElement::Prefix(fec) = element {
                self.mapping_for_fec(source, message_id, mapping, *fec);
            }
        }
    }

    fn mapping_for_fec(
        &mut self,
        source: PeerIndex,
        message_id: u32,
        mapping: &LabelMapping,
        fec: PrefixFec,
    ) {
        if is_unlabelled_by_rule(&fec) {
            self.discarded(
                source,
                format!("{fec} has no bindings (RFC 7552 section 7.2)"),
            );
            return;
        }
        let known = self.index.get(&fec).copied();
        // LMp.1, LMp.2.
        if let Some(index) = known {
            self.complete_request(index, source, mapping.request_id);
        }
        let Some(peer) = self.peers.get_mut(source.place()) else {
            return;
        };
        if !peer.exchanges(&fec) || !self.policy.accept.permits(&fec.prefix, Some(peer.id)) {
            peer.counters.refused += 1;
            send_label_release(&mut self.output, peer, fec, mapping.label, None);
            return;
        }
        // LMp.3.
        let path_vector = mapping.path_vector.as_deref();
        if check_received_attributes(&self.policy, mapping.hop_count, path_vector)
            == LoopCheck::LoopDetected
        {
            self.mapping_in_loop(source, message_id, known, fec, mapping.label);
            return;
        }
        let previous = known
            .and_then(|index| self.fecs.get(index))
            .and_then(|record| record.received_from(source));
        match previous {
            // LMp.9, LMp.10, LMp.10a: a label that is not the one before replaces it. That of a peer that
            // restarted is replaced without a word (RFC 3478 section 3.3).
            Some(previous) if previous.label != mapping.label && !previous.stale => {
                let label = previous.label;
                send_label_release(&mut self.output, peer, fec, label, None);
            }
            Some(_) => {}
            None if peer.received >= self.policy.max_bindings_per_peer => {
                peer.counters.refused += 1;
                send_label_release(&mut self.output, peer, fec, mapping.label, None);
                if !peer.over_limit {
                    peer.over_limit = true;
                    let event = LabelEvent::TooManyBindings {
                        peer: peer.id,
                        limit: self.policy.max_bindings_per_peer,
                    };
                    self.output.push_back(LabelOutput::Event(event));
                }
                return;
            }
            None => peer.received += 1,
        }
        let detects = self.policy.loop_detection.enabled;
        let received = Received {
            peer: source,
            label: mapping.label,
            hop_count: mapping.hop_count,
            mtu: believed(mapping.mtu, &fec),
            entropy_label_capable: mapping.entropy_label_capable,
            stale: false,
            rare: (path_vector.is_some() && detects || !mapping.forwarded.is_empty()).then(|| {
                Box::new(Rare {
                    path_vector: mapping.path_vector.clone().filter(|_| detects),
                    forwarded: bounded(&mapping.forwarded),
                })
            }),
        };
        // LMp.16. LMp.11 to LMp.32 follow when the FEC is settled, and for a peer that is no next hop
        // under conservative retention that is LMp.32.
        let index = known.unwrap_or_else(|| self.insert_fec(fec));
        let Some(record) = self.fecs.get_mut(index) else {
            return;
        };
        let same = record.received_from(source).is_some_and(|previous| {
            previous.label == received.label
                && previous.hop_count == received.hop_count
                && previous.mtu == received.mtu
                && previous.entropy_label_capable == received.entropy_label_capable
                && previous.rare == received.rare
        });
        record.record(received);
        // Under liberal retention the mapping of a peer that is no next hop is kept, and nothing else
        // follows: with many peers most mappings are of that kind.
        let next_hops = record.group.and_then(|group| self.groups.get(group));
        let used = next_hops.is_some_and(|group| group.peers.contains(&source));
        if !same && (used || self.policy.retention == RetentionMode::Conservative) {
            self.mark(index);
        }
    }

    /// LMp.4 to LMp.8.
    fn mapping_in_loop(
        &mut self,
        source: PeerIndex,
        message_id: u32,
        known: Option<FecIndex>,
        fec: PrefixFec,
        label: Label,
    ) {
        self.loop_detected(source, fec);
        let Some(peer) = self.peers.get_mut(source.place()) else {
            return;
        };
        // LMp.8.
        let status = advisory(
            status::LOOP_DETECTED,
            message_id,
            message_type::LABEL_MAPPING,
        );
        send_label_release(&mut self.output, peer, fec, label, Some(status));
        let Some(index) = known else {
            return;
        };
        let Some(record) = self.fecs.get_mut(index) else {
            return;
        };
        let same = record
            .received_from(source)
            .is_some_and(|previous| previous.label == label);
        if same {
            record.forget(source);
            peer.received = peer.received.saturating_sub(1);
            self.mark(index);
        }
    }

    /// A Label Request to the peer is answered. A mapping without the request's Message ID is taken for
    /// the answer too: there is one label for each FEC.
    fn complete_request(&mut self, index: FecIndex, source: PeerIndex, request_id: Option<u32>) {
        let Some(requests) = self
            .fecs
            .get_mut(index)
            .and_then(|record| record.requests.as_mut())
        else {
            return;
        };
        let place = requests.sent.iter().position(|sent| {
            sent.peer == source && request_id.is_none_or(|request_id| request_id == sent.id)
        });
        if let Some(place) = place {
            let sent = requests.sent.remove(place);
            self.requests.remove(&(source, sent.id));
            self.mark(index);
        }
    }
}

/// Whether a label may be bound to a prefix of a family: one that has no special purpose, implicit null,
/// or the family's explicit null (RFC 3032 section 2.1, RFC 9017 section 2).
fn is_label_for(label: Label, family: AddressFamily) -> bool {
    !label.is_reserved() || label == Label::IMPLICIT_NULL || label == explicit_null(family)
}
