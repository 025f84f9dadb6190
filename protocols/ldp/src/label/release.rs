//! Receive Label Release (RFC 5036 appendix A.1.4).

use super::LabelDistribution;
use super::message::{send_label_release, status};
use super::store::{FecIndex, PeerIndex};
use crate::packet::{FecElement, LabelRelease};

impl LabelDistribution {
    /// Receive Label Release (appendix A.1.4).
    pub(super) fn receive_label_release(&mut self, source: PeerIndex, release: &LabelRelease) {
        if let Some(peer) = self.peers.get_mut(source.place()) {
            peer.counters.releases_received += 1;
        }
        for element in &release.fec {
            match element {
                // LRl.1.
                FecElement::Prefix(fec) => {
                    if let Some(index) = self.index.get(fec).copied() {
                        self.release_of_fec(index, source, release);
                    }
                }
                // All FECs, or all that the label is bound to (section 3.5.11.1, RFC 5918 section 4).
                FecElement::Wildcard | FecElement::TypedWildcard(_) => {
                    // A peer that holds nothing cannot make this LSR look through all FECs.
                    let holds = self
                        .peers
                        .get(source.place())
                        .is_some_and(|peer| peer.sent > 0);
                    if holds {
                        for index in self.matching(element) {
                            self.release_of_fec(index, source, release);
                        }
                    }
                }
                // Not in a Label Release: the decoder refuses it.
                FecElement::Unknown { .. } => {}
            }
        }
    }

    fn release_of_fec(&mut self, index: FecIndex, source: PeerIndex, release: &LabelRelease) {
        let looped = release
            .status
            .is_some_and(|status| status.code == status::LOOP_DETECTED);
        let Some(record) = self.fecs.get_mut(index) else {
            return;
        };
        let range = record.sent_to(source);
        let sent = record.sent.get_mut(range).unwrap_or_default();
        let matches = |label| release.label.is_none_or(|released| released == label);
        // LRl.3, LRl.4: messages keep their order, so that the answer to a Label Withdraw comes before
        // the release of a mapping that was sent after it.
        let withdrawn = sent
            .iter()
            .any(|sent| matches(sent.label) && sent.withdraws > 0);
        let held = sent.iter().filter(|sent| sent.holds()).count();
        let mut changed = false;
        for sent in sent.iter_mut().filter(|sent| matches(sent.label)) {
            if withdrawn {
                changed |= sent.withdraws > 0;
                sent.withdraws = sent.withdraws.saturating_sub(1);
            } else if sent.advertised {
                // LRl.2.
                sent.advertised = false;
                sent.released = true;
                sent.looped = looped;
                changed = true;
            }
        }
        if !changed {
            return;
        }
        let still_held = sent.iter().filter(|sent| sent.holds()).count();
        if let Some(peer) = self.peers.get_mut(source.place()) {
            peer.sent = peer.sent.saturating_sub(held - still_held);
        }
        record.sent.retain(|sent| sent.holds() || sent.released);
        // LRl.5, LRl.6.
        let advertised = record.sent.iter().any(|sent| sent.advertised);
        let requested = record
            .requests
            .as_ref()
            .is_some_and(|requests| !requests.received.is_empty());
        let fec = record.fec;
        if looped {
            self.loop_detected(source, fec);
        }
        // LRl.9.
        if !advertised && !requested && self.policy.propagate_release && !self.policy.ingress {
            self.propagate_release(index);
        }
        // LRl.11 to LRl.13 follow when the FEC is settled.
        self.mark(index);
    }

    /// LRl.7, LRl.8 and LRl.10.
    fn propagate_release(&mut self, index: FecIndex) {
        let Some(record) = self.fecs.get_mut(index) else {
            return;
        };
        let Some(group) = record.group.and_then(|group| self.groups.get(group)) else {
            return;
        };
        if group.route.egress {
            return;
        }
        for next_hop in &group.peers {
            if let Some(received) = record.forget(*next_hop)
                && let Some(peer) = self.peers.get_mut(next_hop.place())
            {
                peer.received = peer.received.saturating_sub(1);
                send_label_release(&mut self.output, peer, record.fec, received.label, None);
            }
        }
    }

    /// The FECs that a wildcard stands for.
    pub(super) fn matching(&self, element: &FecElement) -> Vec<FecIndex> {
        self.fecs
            .iter()
            .filter(|(_, record)| match element {
                FecElement::Wildcard => true,
                FecElement::Unknown { .. } => false,
                FecElement::Prefix(fec) => record.fec == *fec,
                FecElement::TypedWildcard(crate::packet::TypedWildcard::Prefix {
                    family,
                    topology,
                }) => record.family() == *family && record.fec.topology == *topology,
            })
            .map(|(index, _)| index)
            .collect()
    }
}
