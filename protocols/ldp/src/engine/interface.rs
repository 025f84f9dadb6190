//! Interfaces: whether Hellos are sent on them, from which address, with which transport address.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Instant;

use super::config::{InterfaceTransport, Preference};
use super::io::InterfaceState;
use super::state::{Interface, Timer};
use super::{Family, Ldp};
use crate::discovery::Scope;
use crate::label::LinkMtu;

/// What of an interface's family is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activity {
    Active { source: IpAddr, transport: IpAddr },
    Inactive(&'static str),
}

impl Ldp {
    /// The number of an interface, which it gets with its first mention.
    pub(super) fn interface_number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.interface_numbers.get(name) {
            return *number;
        }
        let name: Arc<str> = Arc::from(name);
        let number = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
        self.interfaces.push(Interface::new(Arc::clone(&name)));
        self.interface_numbers.insert(name, number);
        number
    }

    pub(super) fn interface(&self, number: u32) -> Option<&Interface> {
        self.interfaces.get(number as usize)
    }

    pub(super) fn interface_mut(&mut self, number: u32) -> Option<&mut Interface> {
        self.interfaces.get_mut(number as usize)
    }

    /// The router's state of an interface changed.
    pub(super) fn interface_changed(
        &mut self,
        name: &str,
        state: Option<InterfaceState>,
        now: Instant,
    ) {
        let number = self.interface_number(name);
        let octets = |mtu: u32| u16::try_from(mtu).unwrap_or(u16::MAX);
        let mtu = state.as_ref().map(|state| LinkMtu {
            ip: octets(state.mtu),
            labelled: octets(state.mpls_mtu),
        });
        let Some(interface) = self.interface_mut(number) else {
            return;
        };
        if interface.state == state {
            return;
        }
        interface.state = state;
        self.labels.set_interface_mtu(name, mtu, now);
        self.refresh_interface(number, now);
        self.refresh_addresses(now);
    }

    /// The transport address of this LSR for a family, other than an interface's (RFC 5036 section
    /// 2.5.2, RFC 7552 section 6.1).
    pub(super) fn router_transport(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::Ipv4 => self.config.ipv4_transport.map(IpAddr::V4).or_else(|| {
                let lsr_id = IpAddr::V4(self.config.lsr_id.get());
                self.router_addresses.contains(&lsr_id).then_some(lsr_id)
            }),
            // The least of them: a global address rather than a unique-local one (RFC 7552 section 6.1, rule
            // 5).
            Family::Ipv6 => self.config.ipv6_transport.map(IpAddr::V6).or_else(|| {
                self.router_addresses
                    .iter()
                    .copied()
                    .find(|address| matches!(address, IpAddr::V6(address) if is_global(address)))
            }),
        }
    }

    /// The preference of this LSR, if LDP is enabled for both families (RFC 7552 section 6.1.1).
    pub(super) fn local_preference(&self) -> Option<Family> {
        let enabled = |family: Family| {
            let on_interface = self
                .config
                .interfaces
                .values()
                .any(|interface| match family {
                    Family::Ipv4 => interface.families.ipv4,
                    Family::Ipv6 => interface.families.ipv6,
                });
            on_interface
                || self
                    .targeted
                    .keys()
                    .any(|address| Family::of(*address) == family)
        };
        (enabled(Family::Ipv4) && enabled(Family::Ipv6)).then_some(
            match self.config.transport_preference {
                Preference::Ipv4 => Family::Ipv4,
                Preference::Ipv6 => Family::Ipv6,
            },
        )
    }

    fn activity(&self, interface: &Interface, family: Family) -> Activity {
        let Some(config) = &interface.config else {
            return Activity::Inactive("LDP is not configured on the interface");
        };
        let enabled = match family {
            Family::Ipv4 => config.families.ipv4,
            Family::Ipv6 => config.families.ipv6,
        };
        if !enabled {
            return Activity::Inactive("LDP is not enabled for this family");
        }
        let Some(state) = &interface.state else {
            return Activity::Inactive("the router has no such interface");
        };
        if !state.up {
            return Activity::Inactive("the interface is down");
        }
        let addresses = || state.addresses.iter().map(ipnet::IpNet::addr);
        let own = match family {
            Family::Ipv4 => addresses().find(IpAddr::is_ipv4),
            // Global addresses are less than unique-local ones, and preferred (RFC 7552 section 6.1, rule 5).
            Family::Ipv6 => addresses()
                .filter(|address| matches!(address, IpAddr::V6(address) if is_global(address)))
                .min(),
        };
        let source = match family {
            Family::Ipv4 => own,
            Family::Ipv6 => addresses().find(
                |address| matches!(address, IpAddr::V6(address) if address.is_unicast_link_local()),
            ),
        };
        let Some(source) = source else {
            return Activity::Inactive(match family {
                Family::Ipv4 => "the interface has no IPv4 address",
                Family::Ipv6 => "the interface has no link-local IPv6 address",
            });
        };
        let transport = match config.transport {
            InterfaceTransport::Interface => own,
            InterfaceTransport::Router => match (self.router_transport(family), family) {
                (Some(transport), _) => Some(transport),
                // As if no Transport Address TLV were sent (RFC 5036 section 2.5.2).
                (None, Family::Ipv4) => own,
                (None, Family::Ipv6) => None,
            },
        };
        match transport {
            Some(transport) => Activity::Active { source, transport },
            None => Activity::Inactive(
                "there is no global IPv6 address that could be the transport address",
            ),
        }
    }

    /// Brings an interface in line with configuration and router: Hellos begin, change or end.
    pub(super) fn refresh_interface(&mut self, number: u32, now: Instant) {
        // IPv6 first, so that IPv6 Hellos are transmitted before IPv4 Hellos (RFC 7552 section 6.1, rule
        // 8).
        for family in [Family::Ipv6, Family::Ipv4] {
            let Some(interface) = self.interface(number) else {
                return;
            };
            let activity = self.activity(interface, family);
            let Some(interface) = self.interface_mut(number) else {
                return;
            };
            let state = interface.family_mut(family);
            let before = (state.source, state.transport);
            match activity {
                Activity::Active { source, transport } => {
                    state.source = Some(source);
                    state.transport = Some(transport);
                    state.inactive = None;
                    if before != (Some(source), Some(transport)) {
                        self.send_link_hello(number, family, now);
                    }
                }
                Activity::Inactive(reason) => {
                    state.source = None;
                    state.transport = None;
                    state.inactive = Some(reason);
                    state.last_discard = None;
                    self.timers.cancel(Timer::LinkHello(number, family));
                    if before.0.is_some() {
                        self.remove_adjacencies(
                            |key| key.scope == Scope::Link(number) && key.family() == family,
                            reason,
                            now,
                        );
                    }
                }
            }
        }
        self.refresh_igp_sync(number, now);
        self.evaluate_interface(number, now);
    }

    /// Brings all interfaces and targeted peers in line.
    pub(super) fn refresh_all(&mut self, now: Instant) {
        for number in 0..self.interfaces.len() {
            self.refresh_interface(u32::try_from(number).unwrap_or(u32::MAX), now);
        }
        self.refresh_all_targeted(now);
    }

    /// Sees to the sessions with neighbours of an interface, whose transport address may have changed.
    fn evaluate_interface(&mut self, number: u32, now: Instant) {
        let neighbours: Vec<_> = self
            .neighbours
            .iter()
            .filter(|(_, neighbour)| {
                neighbour
                    .adjacencies
                    .iter()
                    .any(|key| key.scope == Scope::Link(number))
            })
            .map(|(identifier, _)| *identifier)
            .collect();
        for neighbour in neighbours {
            self.evaluate(neighbour, now);
        }
    }
}

/// Whether an address is a global one: also a unique-local one, which routers of one network can reach.
fn is_global(address: &Ipv6Addr) -> bool {
    !(address.is_unicast_link_local()
        || address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.to_ipv4_mapped().is_some())
}
