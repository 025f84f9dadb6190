//! Receive Label Release (RFC 5036 appendix A.1.4).

use std::time::{Duration, Instant};

use super::LabelDistribution;
use super::message::{send_label_release, send_label_withdraw, status};
use super::store::{FecIndex, PeerIndex, Sent};
use super::timers::Timer;
use crate::packet::{FecElement, LabelRelease};

/// How long the answer to a Label Withdraw may take after a Label Release that may be it: by LWd.2 (appendix
/// A.1.5) the answer says no label if the Label Withdraw said none.
const DOUBTFUL_ANSWER: Duration = Duration::from_secs(60);

/// What a Label Release is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One FEC.
    Prefix,
    /// Many: it answers no Label Withdraw of this LSR, which are about one FEC each.
    Wildcard,
}

/// One Label Withdraw is answered.
fn answer(sent: &mut [Sent]) {
    for sent in sent.iter_mut().filter(|sent| sent.withdraws > 0) {
        sent.withdraws -= 1;
        if sent.withdraws == 0 {
            sent.released = false;
        }
    }
}

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
                        self.release_of_fec(index, source, release, Kind::Prefix);
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
                            self.release_of_fec(index, source, release, Kind::Wildcard);
                        }
                    }
                }
                // Not in a Label Release: the decoder refuses it.
                FecElement::Ignored { .. } | FecElement::Unknown { .. } => {}
            }
        }
    }

    fn release_of_fec(
        &mut self,
        index: FecIndex,
        source: PeerIndex,
        release: &LabelRelease,
        kind: Kind,
    ) {
        let looped = release
            .status
            .is_some_and(|status| status.code == status::LOOP_DETECTED);
        let (Some(record), Some(peer)) =
            (self.fecs.get_mut(index), self.peers.get_mut(source.place()))
        else {
            return;
        };
        let range = record.sent_to(source);
        let withdraws = record.withdraws_to(source);
        let held = record.held_by(source);
        let sent = record.sent.get_mut(range).unwrap_or_default();
        let matches = |label| release.label.is_none_or(|released| released == label);
        let mut changed = false;
        let answers = match (kind, release.label) {
            (Kind::Wildcard, _) => false,
            (Kind::Prefix, None) => withdraws > 0,
            (Kind::Prefix, Some(label)) => {
                peer.answers_with_label
                    && sent
                        .iter()
                        .any(|sent| sent.label == label && sent.withdraws > 0)
            }
        };
        if answers {
            // LRl.3, LRl.4: answers come in the order of the Label Withdraws.
            peer.answers_with_label = release.label.is_some();
            answer(sent);
            changed = true;
        } else {
            // An answer after all to what a Label Release with a label was taken for the answer.
            let late = kind == Kind::Prefix
                && release.label.is_none()
                && std::mem::take(&mut peer.answers_with_label);
            for sent in sent.iter_mut().filter(|sent| matches(sent.label)) {
                if sent.withdraws > 0 {
                    // The two crossed, or the peer answers in its own way: then nothing else comes.
                    if kind == Kind::Prefix && !std::mem::replace(&mut sent.released, true) {
                        let at = self.now + DOUBTFUL_ANSWER;
                        self.timers.insert((at, Timer::Withdraw(index, source)));
                        self.doubts.insert((index, source), at);
                    }
                } else if sent.advertised && (sent.repeated || late) {
                    // It may be about an earlier mapping, and the peer may hold the latest one: that is
                    // withdrawn, so that both sides know.
                    send_label_withdraw(&mut self.output, peer, record.fec);
                    sent.withdraw(withdraws);
                    changed = true;
                } else if sent.advertised {
                    // LRl.2.
                    sent.advertised = false;
                    sent.released = true;
                    sent.looped = looped;
                    changed = true;
                }
            }
        }
        if !changed {
            return;
        }
        record.no_longer_held(peer, source, held);
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

    /// A peer released a label while it was being withdrawn, and the answer to the Label Withdraw did not
    /// come: that was it.
    pub(super) fn withdraw_times_out(&mut self, index: FecIndex, source: PeerIndex, at: Instant) {
        // The timer of an earlier Label Withdraw says nothing of this one.
        if self.doubts.get(&(index, source)) != Some(&at) {
            return;
        }
        self.doubts.remove(&(index, source));
        let (Some(record), Some(peer)) =
            (self.fecs.get_mut(index), self.peers.get_mut(source.place()))
        else {
            return;
        };
        let range = record.sent_to(source);
        let held = record.held_by(source);
        let sent = record.sent.get_mut(range).unwrap_or_default();
        if !sent.iter().any(|sent| sent.withdraws > 0 && sent.released) {
            return;
        }
        peer.answers_with_label = true;
        answer(sent);
        record.no_longer_held(peer, source, held);
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
                FecElement::Ignored { .. } | FecElement::Unknown { .. } => false,
                FecElement::Prefix(fec) => record.fec == *fec,
                FecElement::TypedWildcard(wildcard) => record.is_of(wildcard),
            })
            .map(|(index, _)| index)
            .collect()
    }
}
