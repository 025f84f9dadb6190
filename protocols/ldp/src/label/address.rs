//! Addresses of peers: Address and Address Withdraw messages (RFC 5036 sections 3.5.5 and 3.5.6), and the
//! links on which Hellos are seen (RFC 7552 section 8).

use std::net::IpAddr;

use super::store::PeerIndex;
use super::{LabelDistribution, LabelEvent, LabelOutput};
use crate::packet::AddressMessage;

impl LabelDistribution {
    /// Receive Address message.
    pub(super) fn receive_address(&mut self, source: PeerIndex, message: &AddressMessage) {
        for address in &message.addresses {
            if !is_announceable(*address) {
                self.discarded(source, format!("{address} is no address of an LSR"));
                continue;
            }
            let limit = self.policy.max_addresses_per_peer;
            let Some(peer) = self.peers.get_mut(source.place()) else {
                return;
            };
            if peer.addresses.len() >= limit && !peer.addresses.contains_key(address) {
                self.discarded(source, format!("more than {limit} addresses"));
                return;
            }
            // That it was announced before calls for nothing (section 3.5.5.1), but it is no longer stale.
            if peer.addresses.insert(*address, false).is_some() {
                continue;
            }
            let other = peer.id;
            if let Some(owner) = self.addresses.add(*address, source)
                && let Some(owner) = self.peers.get(owner.place())
            {
                let event = LabelEvent::DuplicateAddress {
                    address: *address,
                    owner: owner.id,
                    other,
                };
                self.output.push_back(LabelOutput::Event(event));
            }
            self.resolve_address(*address);
        }
    }

    /// Receive Address Withdraw message.
    pub(super) fn receive_address_withdraw(&mut self, source: PeerIndex, message: &AddressMessage) {
        for address in &message.addresses {
            self.remove_address(source, *address);
        }
    }

    /// An address is the peer's no more. One that it never announced calls for nothing (section 3.5.5.1).
    pub(super) fn remove_address(&mut self, source: PeerIndex, address: IpAddr) {
        let known = self
            .peers
            .get_mut(source.place())
            .is_some_and(|peer| peer.addresses.remove(&address).is_some());
        if known {
            self.addresses.remove(address, source);
            self.resolve_address(address);
        }
    }

    /// Removes the addresses of a peer: all, or those that it did not announce again after its restart.
    pub(super) fn remove_addresses(&mut self, source: PeerIndex, stale_only: bool) {
        let Some(peer) = self.peers.get(source.place()) else {
            return;
        };
        let addresses: Vec<IpAddr> = peer
            .addresses
            .iter()
            .filter(|(_, stale)| **stale || !stale_only)
            .map(|(address, _)| *address)
            .collect();
        for address in addresses {
            self.remove_address(source, address);
        }
    }

    /// The peers at all of a peer's addresses are looked for again.
    pub(super) fn resolve_peer(&mut self, source: PeerIndex) {
        let Some(peer) = self.peers.get(source.place()) else {
            return;
        };
        let addresses: Vec<IpAddr> = peer.addresses.keys().copied().collect();
        for address in addresses {
            self.resolve_address(address);
        }
    }
}

/// IPv4-mapped addresses are not (RFC 7552 section 7.1), nor what is no host.
fn is_announceable(address: IpAddr) -> bool {
    !address.is_unspecified()
        && !address.is_multicast()
        && match address {
            IpAddr::V4(address) => !address.is_broadcast(),
            IpAddr::V6(address) => address.to_ipv4_mapped().is_none(),
        }
}
