//! The views of what is known.

use super::settle::Upstream;
use super::store::{Fec, Local};
use super::{
    BindingView, LabelDistribution, LocalLabel, PeerView, RemoteLabel, UpstreamLabel, UpstreamState,
};
use crate::LdpIdentifier;
use crate::packet::AddressFamily;

impl LabelDistribution {
    pub(super) fn view_binding(&self, fec: &Fec) -> BindingView {
        let situation = self.situation(fec);
        let next_hops = fec.group.and_then(|group| self.groups.get(group));
        let id = |index: super::store::PeerIndex| Some(self.peers.get(index.place())?.id);
        let local = match (situation.upstream, fec.local) {
            (Upstream::Null(label), _) => LocalLabel::Bound(label),
            (_, Local::None) => LocalLabel::None,
            (_, Local::Requested) => LocalLabel::Requested,
            (_, Local::NoResources) => LocalLabel::NoResources,
            (_, Local::Bound(label)) => LocalLabel::Bound(label),
        };
        let remote = fec
            .received
            .iter()
            .filter_map(|received| {
                Some(RemoteLabel {
                    peer: id(received.peer)?,
                    label: received.label,
                    used: !situation.egress
                        && next_hops.is_some_and(|group| group.peers.contains(&received.peer)),
                    stale: received.stale,
                    hop_count: received.hop_count,
                    mtu: received.mtu,
                    entropy_label_capable: received.entropy_label_capable,
                })
            })
            .collect();
        let upstream = fec
            .sent
            .iter()
            .filter_map(|sent| {
                Some(UpstreamLabel {
                    peer: id(sent.peer)?,
                    label: sent.label,
                    state: if sent.advertised {
                        UpstreamState::Advertised
                    } else if sent.withdraws > 0 {
                        UpstreamState::Withdrawing
                    } else {
                        UpstreamState::Released
                    },
                })
            })
            .collect();
        let requests = fec.requests.as_deref();
        BindingView {
            fec: fec.fec,
            routed: situation.routed,
            egress: situation.egress,
            local,
            remote,
            upstream,
            requests_received: requests
                .map(|requests| {
                    let received = requests.received.iter();
                    received.filter_map(|request| id(request.peer)).collect()
                })
                .unwrap_or_default(),
            requests_sent: requests
                .map(|requests| {
                    let sent = requests.sent.iter();
                    sent.filter_map(|request| id(request.peer)).collect()
                })
                .unwrap_or_default(),
        }
    }

    pub(super) fn view_peer(&self, id: LdpIdentifier) -> Option<PeerView> {
        let index = self.peer_index.get(&id)?;
        let peer = self.peers.get(index.place())?;
        let mut end_of_lib: Vec<AddressFamily> = peer.end_of_lib.clone();
        end_of_lib.sort_unstable();
        Some(PeerView {
            peer: id,
            up: peer.up,
            parameters: peer.parameters.clone(),
            addresses: peer.addresses.keys().copied().collect(),
            received: peer.received,
            sent: peer.sent,
            end_of_lib,
            synchronized: peer.synchronized,
            stale_until: peer.stale_until,
            counters: peer.counters,
        })
    }
}
