//! Receive Label Withdraw (RFC 5036 appendix A.1.5).

use super::LabelDistribution;
use super::message::send_message;
use super::store::{FecIndex, PeerIndex};
use crate::packet::{Body, FecElement, LabelRelease, LabelWithdraw};

impl LabelDistribution {
    /// Receive Label Withdraw (appendix A.1.5).
    pub(super) fn receive_label_withdraw(&mut self, source: PeerIndex, withdraw: &LabelWithdraw) {
        let Some(peer) = self.peers.get_mut(source.place()) else {
            return;
        };
        peer.counters.withdraws_received += 1;
        // LWd.2: whatever is known of the label, the answer is a Label Release of the same (section
        // 3.5.10.1).
        let release = LabelRelease {
            fec: withdraw.fec.clone(),
            label: withdraw.label,
            status: None,
        };
        send_message(&mut self.output, peer, Body::LabelRelease(release));
        for element in &withdraw.fec {
            match element {
                FecElement::Prefix(fec) => {
                    if let Some(index) = self.index.get(fec).copied() {
                        self.withdraw_of_fec(index, source, withdraw);
                    }
                }
                FecElement::Wildcard | FecElement::TypedWildcard(_) => {
                    // A peer that bound nothing cannot make this LSR look through all FECs.
                    let bound = self
                        .peers
                        .get(source.place())
                        .is_some_and(|peer| peer.received > 0);
                    if bound {
                        for index in self.matching(element) {
                            self.withdraw_of_fec(index, source, withdraw);
                        }
                    }
                }
                // Not in a Label Withdraw: the decoder refuses it.
                FecElement::Ignored { .. } | FecElement::Unknown { .. } => {}
            }
        }
    }

    fn withdraw_of_fec(&mut self, index: FecIndex, source: PeerIndex, withdraw: &LabelWithdraw) {
        let Some(record) = self.fecs.get_mut(index) else {
            return;
        };
        // LWd.3.
        let matches = record
            .received_from(source)
            .is_some_and(|received| withdraw.label.is_none_or(|label| label == received.label));
        if !matches {
            return;
        }
        // LWd.4.
        record.forget(source);
        if let Some(peer) = self.peers.get_mut(source.place()) {
            peer.received = peer.received.saturating_sub(1);
        }
        // LWd.1 and LWd.5 to LWd.12 follow when the FEC is settled: the label leaves the LFIB, ordered
        // control withdraws the FEC upstream (from MsgSource too, if it has a mapping: the binding is
        // broken for all), and on demand the next hop is asked again (LWd.7).
        self.mark(index);
    }
}
