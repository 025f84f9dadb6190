//! The Label Distribution and Label Withdrawal procedures: Send_Label (RFC 5036 appendix A.2.1), LMp.17 to
//! LMp.31, FEC.1, NH.16 to NH.19, and "LSR Decides to No Longer Label Switch a FEC" (A.1.14).

use mpls::Label;

use super::attributes::{ReceivedAttributes, SentAttributes, prepare_label_mapping_attributes};
use super::message::{send_label_withdraw, send_message};
use super::settle::{Situation, Upstream};
use super::store::{Fec, FecIndex, Local, PeerIndex, Sent};
use super::{LabelDistribution, peer_index};
use crate::packet::{Body, FecElement, LabelMapping};

/// Whether a peer that may have a mapping of the FEC is to have one.
pub(super) fn is_wanted(fec: &Fec, index: PeerIndex, on_demand: bool) -> bool {
    let sent = fec.sent.get(fec.sent_to(index)).unwrap_or_default();
    let requested = fec.requests.as_ref().is_some_and(|requests| {
        requests
            .received
            .iter()
            .any(|request| request.peer == index)
    });
    // A label that the peer released is not advertised again until it asks (A.1.4, note 1).
    let unsolicited = !on_demand && !sent.iter().any(Sent::is_released);
    requested || unsolicited || sent.iter().any(|sent| sent.advertised)
}

impl LabelDistribution {
    /// A loop that a peer saw may be gone when the way is another: then the peer may have the mapping again.
    pub(super) fn forget_loops(&self, fec: &mut Fec, situation: &Situation) {
        if !fec.sent.iter().any(|sent| sent.looped) {
            return;
        }
        let attributes = self.attributes(fec, situation);
        let prepared = prepare_label_mapping_attributes(&self.policy, &attributes, None);
        for sent in &mut fec.sent {
            let another =
                sent.path_digest != attributes.path_digest || sent.hop_count != prepared.hop_count;
            if sent.looped && another {
                sent.released = false;
                sent.looped = false;
            }
        }
    }

    /// Brings the peers to what is bound to the FEC.
    pub(super) fn distribute(
        &mut self,
        fec: &mut Fec,
        place: FecIndex,
        situation: &Situation,
        only: Option<PeerIndex>,
    ) {
        let label = match (situation.upstream, fec.local) {
            (Upstream::Null(label), _) | (Upstream::Real, Local::Bound(label)) => Some(label),
            _ => None,
        };
        if label.is_none() && fec.sent.is_empty() {
            return;
        }
        let attributes = self.attributes(fec, situation);
        let label = label.filter(|_| !attributes.exceeds(&self.policy));
        if let Some(index) = only {
            let label = label.filter(|_| !situation.is_behind_horizon(index));
            self.distribute_to(fec, place, label, &attributes, index);
            return;
        }
        // Peers come and go by other ways only, so that places stay.
        for peer in 0..self.peer_places {
            let index = peer_index(peer);
            let label = label.filter(|_| !situation.is_behind_horizon(index));
            self.distribute_to(fec, place, label, &attributes, index);
        }
    }

    fn distribute_to(
        &mut self,
        fec: &mut Fec,
        place: FecIndex,
        label: Option<Label>,
        attributes: &ReceivedAttributes,
        index: PeerIndex,
    ) {
        let Some(peer) = self.peers.get_mut(index.place()) else {
            return;
        };
        if !peer.is_open() {
            return;
        }
        let range = fec.sent_to(index);
        let mtu = attributes.mtu.filter(|_| peer.parameters.signal_mtu);
        let label = label
            .filter(|_| peer.takes(fec, &self.policy) && is_wanted(fec, index, peer.on_demand()));
        let range_is_empty = range.is_empty();
        if label.is_none() && range_is_empty {
            return;
        }
        if peer.paused {
            // What the walk has not come to is told by it, and what the peer has needs no word.
            let walk = peer.walk.or(peer.stopped_at);
            let to_come = walk.is_some_and(|next| place >= next) && range_is_empty;
            let told = match fec.sent.get(range).unwrap_or_default() {
                [] => false,
                [sent] if sent.advertised && Some(sent.label) == label => {
                    let prepared =
                        prepare_label_mapping_attributes(&self.policy, attributes, Some(sent));
                    let answers = fec.requests.as_ref().is_some_and(|requests| {
                        requests
                            .received
                            .iter()
                            .any(|request| request.peer == index)
                    });
                    !answers && attributes.are_consistent_with(sent, &prepared, mtu)
                }
                _ => false,
            };
            peer.missed |= !told && !to_come;
            return;
        }
        let mut withdraws = fec.withdraws_to(index);
        // The peer forgets the old mapping before it learns another, whatever it makes of two.
        for sent in fec.sent.get_mut(range.clone()).unwrap_or_default() {
            if sent.advertised && Some(sent.label) != label {
                send_label_withdraw(&mut self.output, peer, fec.fec);
                sent.withdraw(withdraws);
                withdraws = sent.withdraws;
            }
        }
        // A label that was just withdrawn is advertised again once the peer answered: so it is plain which
        // of the two mappings a Label Release is about.
        let withdrawn = fec
            .sent
            .get(range.clone())
            .unwrap_or_default()
            .iter()
            .any(|sent| Some(sent.label) == label && sent.withdraws > 0)
            || withdraws == u8::MAX;
        if let Some(label) = label.filter(|_| !withdrawn) {
            let previous = fec
                .sent
                .get(range.clone())
                .unwrap_or_default()
                .iter()
                .find(|sent| sent.label == label && sent.advertised);
            let prepared = prepare_label_mapping_attributes(&self.policy, attributes, previous);
            let consistent = previous
                .is_some_and(|previous| attributes.are_consistent_with(previous, &prepared, mtu));
            let mut answered = 0;
            if let Some(requests) = &mut fec.requests {
                requests.received.retain(|request| {
                    if request.peer != index {
                        return true;
                    }
                    // SL.6, SL.7: each request gets its answer.
                    let mapping =
                        mapping(fec.fec, label, &prepared, attributes, mtu, Some(request.id));
                    send_message(&mut self.output, peer, Body::LabelMapping(mapping));
                    answered += 1;
                    false
                });
            }
            if answered == 0 && !consistent {
                let mapping = mapping(fec.fec, label, &prepared, attributes, mtu, None);
                send_message(&mut self.output, peer, Body::LabelMapping(mapping));
            }
            peer.requests = peer.requests.saturating_sub(answered);
            // SL.5.
            let messages = answered + usize::from(answered == 0 && !consistent);
            if record_sent(fec, (index, label), &prepared, attributes, mtu, messages) {
                peer.sent += 1;
            }
        }
        // With very many peers, looking at the records of all of them for each one would be too much.
        let of_peer = fec.sent.get(fec.sent_to(index)).unwrap_or_default();
        if of_peer.iter().any(|sent| !sent.holds() && !sent.released) {
            fec.tidy_sent();
        }
    }
}

fn mapping(
    fec: crate::PrefixFec,
    label: Label,
    prepared: &SentAttributes,
    attributes: &ReceivedAttributes,
    mtu: Option<u16>,
    request_id: Option<u32>,
) -> LabelMapping {
    LabelMapping {
        fec: vec![FecElement::Prefix(fec)],
        label,
        request_id,
        hop_count: prepared.hop_count,
        path_vector: prepared.path_vector.clone(),
        mtu,
        entropy_label_capable: attributes.entropy_label_capable,
        status: None,
        forwarded: attributes.forwarded.clone(),
    }
}

/// SL.5, for a label that was sent to a peer in so many messages. Whether the peer did not hold it before.
fn record_sent(
    fec: &mut Fec,
    (peer, label): (PeerIndex, Label),
    prepared: &SentAttributes,
    attributes: &ReceivedAttributes,
    mtu: Option<u16>,
    messages: usize,
) -> bool {
    let range = fec.sent_to(peer);
    for sent in fec.sent.get_mut(range).unwrap_or_default() {
        if !sent.holds() {
            sent.released = false;
            sent.looped = false;
        }
    }
    let place = fec
        .sent
        .binary_search_by_key(&(peer, label), |sent| (sent.peer, sent.label));
    let new = Sent {
        peer,
        label,
        advertised: true,
        released: false,
        looped: false,
        repeated: messages > 1,
        withdraws: 0,
        hop_count: prepared.hop_count,
        mtu,
        entropy_label_capable: attributes.entropy_label_capable,
        path_digest: attributes.path_digest,
    };
    match place {
        Ok(place) => fec.sent.get_mut(place).is_some_and(|sent| {
            // It is not being withdrawn.
            let held = sent.advertised;
            let repeated = new.repeated || (held && (sent.repeated || messages > 0));
            *sent = Sent { repeated, ..new };
            !held
        }),
        Err(place) => {
            fec.sent.insert(place, new);
            true
        }
    }
}
