//! Address and Address Withdraw messages (RFC 5036 sections 3.5.5 and 3.5.6).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Instant;

use super::io::ConnectionId;
use super::{Family, Ldp, SessionState};
use crate::packet::{AddressMessage, Body};

impl Ldp {
    /// The addresses that peers are told: all of the interfaces with LDP, and the transport addresses.
    fn addresses(&self) -> BTreeSet<IpAddr> {
        let mut addresses = BTreeSet::new();
        for interface in &self.interfaces {
            let (Some(config), Some(state)) = (&interface.config, &interface.state) else {
                continue;
            };
            if !state.up {
                continue;
            }
            addresses.extend(
                state
                    .addresses
                    .iter()
                    .map(ipnet::IpNet::addr)
                    .filter(|address| match Family::of(*address) {
                        Family::Ipv4 => config.families.ipv4,
                        Family::Ipv6 => config.families.ipv6,
                    }),
            );
        }
        for family in [Family::Ipv4, Family::Ipv6] {
            addresses.extend(self.router_transport(family));
        }
        // RFC 7552 section 7.1.
        addresses.retain(|address| match address {
            IpAddr::V4(address) => !address.is_loopback() && !address.is_unspecified(),
            IpAddr::V6(address) => address.to_ipv4_mapped().is_none() && !address.is_loopback(),
        });
        addresses
    }

    /// Tells all peers which addresses were activated and de-activated.
    pub(super) fn refresh_addresses(&mut self, now: Instant) {
        let new = self.addresses();
        if new == self.announced {
            return;
        }
        let added: Vec<IpAddr> = new.difference(&self.announced).copied().collect();
        let removed: Vec<IpAddr> = self.announced.difference(&new).copied().collect();
        self.announced = new;
        let sessions: Vec<ConnectionId> = self.operational_connections();
        for id in sessions {
            self.send_addresses(id, &added, Body::Address, now);
            self.send_addresses(id, &removed, Body::AddressWithdraw, now);
        }
    }

    /// The connections with an operational session, in the order of their neighbours.
    pub(super) fn operational_connections(&self) -> Vec<ConnectionId> {
        self.neighbours
            .values()
            .filter_map(|neighbour| neighbour.connection)
            .filter(|id| {
                self.connections
                    .get(id)
                    .is_some_and(|connection| connection.state == SessionState::Operational)
            })
            .collect()
    }

    /// Sends a peer those addresses that are for it, as many in a message as fit.
    pub(super) fn send_addresses(
        &mut self,
        id: ConnectionId,
        addresses: &[IpAddr],
        message: fn(AddressMessage) -> Body,
        now: Instant,
    ) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let families = connection.families;
        let Some(parameters) = &connection.parameters else {
            return;
        };
        let length = parameters.max_pdu_length;
        let addresses: Vec<IpAddr> = addresses
            .iter()
            .copied()
            .filter(|address| match Family::of(*address) {
                Family::Ipv4 => families.ipv4,
                Family::Ipv6 => families.ipv6,
            })
            .collect();
        for part in AddressMessage::split(&addresses, length) {
            self.send(id, &message(part), now);
        }
    }
}
