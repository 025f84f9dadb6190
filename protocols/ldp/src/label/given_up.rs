//! Families and topologies that a session loses (RFC 7552 section 7.2, RFC 7307 section 3.5.2).

use super::message::{advisory, message_type, send_label_release, send_notification, status};
use super::store::PeerIndex;
use super::{LabelDistribution, PeerParameters};
use crate::MultiTopologyId;

impl LabelDistribution {
    /// Bindings of a family or a topology that the session does not have any more are not used any more. Those of
    /// a family are released. Those of a topology are withdrawn by the peer, and released then (RFC 7307
    /// section 3.5.2): before that there are no messages about it.
    ///
    /// Label Requests are over, too: an answer may not come, and what waited for one would not be asked for again when
    /// the family or the topology is back. Those of the peer are refused.
    ///
    /// Those that the peer got are withdrawn: those of a topology at once, as the peer is told of its end behind them.
    pub(super) fn give_up_bindings(&mut self, index: PeerIndex, before: &PeerParameters) {
        let Some(peer) = self.peers.get_mut(index.place()) else {
            return;
        };
        let lost_family =
            (before.ipv4 && !peer.parameters.ipv4) || (before.ipv6 && !peer.parameters.ipv6);
        let topologies = &before.capabilities.multi_topology;
        let lost_topology = topologies.iter().any(|topology| {
            !peer
                .parameters
                .capabilities
                .multi_topology
                .contains(topology)
        });
        if !(lost_family || lost_topology) {
            return;
        }
        let mut given_up = Vec::new();
        let mut withdrawn = Vec::new();
        for (place, fec) in &mut self.fecs {
            if peer.exchanges(&fec.fec) {
                continue;
            }
            let is_of_topology = fec.fec.topology != MultiTopologyId::DEFAULT;
            if let Some(received) = fec.forget(index) {
                peer.received = peer.received.saturating_sub(1);
                if !is_of_topology {
                    send_label_release(&mut self.output, peer, fec.fec, received.label, None);
                }
                given_up.push(place);
            }
            if let Some(requests) = &mut fec.requests {
                let outstanding = requests.forget(index);
                for id in outstanding.sent {
                    self.requests.remove(&(index, id));
                }
                peer.requests = peer.requests.saturating_sub(outstanding.received.len());
                for id in outstanding.received {
                    let status = advisory(status::NO_ROUTE, id, message_type::LABEL_REQUEST);
                    send_notification(&mut self.output, peer, status);
                }
                given_up.push(place);
            }
            if is_of_topology && !fec.sent_to(index).is_empty() {
                withdrawn.push(place);
            }
        }
        peer.postponed.retain(|place| {
            let fec = self.fecs.get(*place);
            fec.and_then(|fec| fec.requests.as_ref())
                .is_some_and(|requests| requests.postponed.contains(&index))
        });
        for place in withdrawn {
            self.settle(place, Some(index));
        }
        for place in given_up {
            self.mark(place);
        }
    }
}
