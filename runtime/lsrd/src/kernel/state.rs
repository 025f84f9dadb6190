//! Links, addresses, neighbours and routes, as the kernel tells them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteNextHopFlags, RouteProtocol, RouteType,
    RouteVia,
};

use smallvec::SmallVec;

use super::PROTOCOL;
use super::route::Routes;

/// What the kernel has, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelState {
    /// Interfaces by the kernel's index.
    pub links: BTreeMap<u32, Link>,
    /// Addresses of interfaces that can be used, with the length of the connected prefix.
    pub addresses: BTreeSet<(u32, IpNet)>,
    /// Neighbours by interface and address.
    pub neighbours: BTreeMap<(u32, IpAddr), Neighbour>,
    /// Unicast routes with a gateway by table and prefix, the preferred one of each; our own are
    /// not among them.
    pub routes: Arc<BTreeMap<(u32, IpNet), Route>>,
    /// Our own routes.
    pub own_routes: Routes,
}

/// An interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Whether it is administratively up.
    pub up: bool,
    /// Whether it has a carrier (`IFF_LOWER_UP`).
    pub carrier: bool,
    /// Its MTU, in octets.
    pub mtu: u32,
    /// Whether it is the loopback interface (`IFF_LOOPBACK`): its addresses are the router's as a
    /// whole, whatever interfaces are down.
    pub loopback: bool,
}

/// A neighbour of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its MAC address, as far as known.
    pub mac: Option<[u8; 6]>,
    /// What neighbour unreachability detection says.
    pub state: NeighbourState,
}

impl Neighbour {
    /// The MAC address, if frames can be sent to it (RFC 4861, 7.3.2: in every state but
    /// INCOMPLETE; Linux has FAILED beside it).
    pub fn resolved(&self) -> Option<[u8; 6]> {
        match self.state {
            NeighbourState::Reachable
            | NeighbourState::Stale
            | NeighbourState::Delay
            | NeighbourState::Probe
            | NeighbourState::Permanent => self.mac,
            _ => None,
        }
    }

    /// The kernel's word for the state, in capital letters as iproute2 shows it.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            NeighbourState::Incomplete => "INCOMPLETE",
            NeighbourState::Reachable => "REACHABLE",
            NeighbourState::Stale => "STALE",
            NeighbourState::Delay => "DELAY",
            NeighbourState::Probe => "PROBE",
            NeighbourState::Failed => "FAILED",
            NeighbourState::Noarp => "NOARP",
            NeighbourState::Permanent => "PERMANENT",
            _ => "NONE",
        }
    }
}

/// A route with gateways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The metric; of several routes of a prefix the kernel uses the one with the lowest.
    pub metric: u32,
    /// The gateways.
    pub gateways: Gateways,
}

/// The gateways of a route. Nearly all routes have one.
pub type Gateways = SmallVec<[Gateway; 1]>;

/// One gateway of a route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gateway {
    /// The outgoing interface.
    pub index: u32,
    /// The gateway's address.
    pub address: IpAddr,
    /// Its share, at least 1.
    pub weight: u16,
}

/// What a message of the kernel did to the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that is kept.
    Nothing,
    /// The state changed.
    Changed,
    /// Routes changed: they must be read again. One message does not tell the whole of a
    /// multipath route.
    RoutesChanged,
}

impl KernelState {
    /// Takes one message of the kernel in.
    pub fn apply(&mut self, message: &RouteNetlinkMessage) -> Effect {
        let changed = match message {
            RouteNetlinkMessage::NewLink(link) => self.link(link),
            RouteNetlinkMessage::DelLink(link) => self.remove_link(link.header.index),
            RouteNetlinkMessage::NewAddress(address) => self.address(address),
            RouteNetlinkMessage::DelAddress(address) => address_of(address)
                .is_some_and(|net| self.addresses.remove(&(address.header.index, net))),
            RouteNetlinkMessage::NewNeighbour(neighbour) => self.neighbour(neighbour),
            RouteNetlinkMessage::DelNeighbour(neighbour) => {
                neighbour_key(neighbour).is_some_and(|key| self.neighbours.remove(&key).is_some())
            }
            RouteNetlinkMessage::NewRoute(_) | RouteNetlinkMessage::DelRoute(_) => {
                return Effect::RoutesChanged;
            }
            _ => false,
        };
        if changed {
            Effect::Changed
        } else {
            Effect::Nothing
        }
    }

    /// The index of the interface with this name.
    pub fn index(&self, name: &str) -> Option<u32> {
        self.links
            .iter()
            .find(|(_, link)| link.name == name)
            .map(|(index, _)| *index)
    }

    /// The router's addresses that belong to no interface: those of the loopback interface, but for
    /// the ones that every host has (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3).
    pub fn loopback_addresses(&self) -> impl Iterator<Item = IpNet> {
        self.addresses.iter().filter_map(|(index, net)| {
            let loopback = self.links.get(index).is_some_and(|link| link.loopback);
            let address = net.addr();
            let everyones = address.is_loopback()
                || matches!(address, IpAddr::V6(a) if a.is_unicast_link_local());
            (loopback && !everyones).then_some(*net)
        })
    }

    fn link(&mut self, message: &LinkMessage) -> bool {
        let mut name = None;
        let mut mtu = 0;
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(given) => name = Some(given.clone()),
                LinkAttribute::Mtu(given) => mtu = *given,
                _ => {}
            }
        }
        let Some(name) = name else { return false };
        let link = Link {
            name,
            up: message.header.flags.contains(LinkFlags::Up),
            carrier: message.header.flags.contains(LinkFlags::LowerUp),
            mtu,
            loopback: message.header.flags.contains(LinkFlags::Loopback),
        };
        self.links.insert(message.header.index, link.clone()) != Some(link)
    }

    fn remove_link(&mut self, index: u32) -> bool {
        self.addresses.retain(|(of, _)| *of != index);
        self.neighbours.retain(|(of, _), _| *of != index);
        self.links.remove(&index).is_some()
    }

    fn address(&mut self, message: &AddressMessage) -> bool {
        let Some(net) = address_of(message) else {
            return false;
        };
        let key = (message.header.index, net);
        // RFC 4862, 5.4: an address is not the router's before detection has ended.
        let usable = !flags_of(message)
            .intersects(AddressFlags::Dadfailed | AddressFlags::Tentative)
            || flags_of(message).contains(AddressFlags::Optimistic);
        match usable {
            true => self.addresses.insert(key),
            false => self.addresses.remove(&key),
        }
    }

    fn neighbour(&mut self, message: &NeighbourMessage) -> bool {
        let Some(key) = neighbour_key(message) else {
            return false;
        };
        let mac = message
            .attributes
            .iter()
            .find_map(|attribute| match attribute {
                NeighbourAttribute::LinkLayerAddress(mac) => mac[..].try_into().ok(),
                _ => None,
            });
        let neighbour = Neighbour {
            mac,
            state: message.header.state,
        };
        self.neighbours.insert(key, neighbour.clone()) != Some(neighbour)
    }

    /// Makes these the only routes. Returns whether that changes anything.
    pub fn replace_routes(&mut self, dump: RouteDump) -> bool {
        let RouteDump { routes, own_routes } = dump;
        let mut changed = own_routes != self.own_routes;
        self.own_routes = own_routes;
        // The same value stays the same one: whoever holds it sees at once that nothing changed.
        if routes != *self.routes {
            self.routes = Arc::new(routes);
            changed = true;
        }
        changed
    }
}

/// All routes of the kernel, message by message as it tells them.
#[derive(Debug, Clone, Default)]
pub struct RouteDump {
    routes: BTreeMap<(u32, IpNet), Route>,
    own_routes: Routes,
}

impl RouteDump {
    /// Takes in what one message says.
    pub fn add(&mut self, message: &RouteMessage) {
        let Some((key, route)) = route_of(message) else {
            return;
        };
        if message.header.protocol == RouteProtocol::Other(PROTOCOL) {
            self.own_routes.insert(key, route.gateways);
            return;
        }
        match self.routes.get_mut(&key) {
            Some(present) if present.metric < route.metric => {}
            // IPv6 may list the gateways of one route as several routes of equal metric.
            Some(present) if present.metric == route.metric => {
                present.gateways.extend(route.gateways);
                present.gateways.sort();
                present.gateways.dedup();
            }
            _ => {
                self.routes.insert(key, route);
            }
        }
    }
}

/// The interface address of a message: the local one of a point-to-point pair.
pub(super) fn address_of(message: &AddressMessage) -> Option<IpNet> {
    let mut address = None;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(local) => address = Some(*local),
            AddressAttribute::Address(other) => address = address.or(Some(*other)),
            _ => {}
        }
    }
    IpNet::new(address?, message.header.prefix_len).ok()
}

fn flags_of(message: &AddressMessage) -> AddressFlags {
    let flags = message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            AddressAttribute::Flags(flags) => Some(*flags),
            _ => None,
        });
    flags.unwrap_or_else(|| AddressFlags::from_bits_retain(message.header.flags.bits().into()))
}

fn neighbour_key(message: &NeighbourMessage) -> Option<(u32, IpAddr)> {
    message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => {
                Some((message.header.ifindex, (*address).into()))
            }
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => {
                Some((message.header.ifindex, (*address).into()))
            }
            _ => None,
        })
}

/// The route of a message, if it is a unicast route with gateways.
fn route_of(message: &RouteMessage) -> Option<((u32, IpNet), Route)> {
    let header = &message.header;
    if header.kind != RouteType::Unicast {
        return None;
    }
    let mut table = u32::from(header.table);
    let mut destination = None;
    let mut metric = 0;
    let mut gateways = Gateways::new();
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Table(wide) => table = *wide,
            RouteAttribute::Destination(address) => destination = Some(address_of_route(address)?),
            RouteAttribute::Priority(given) => metric = *given,
            RouteAttribute::MultiPath(hops) => {
                for hop in hops {
                    let unusable = RouteNextHopFlags::Dead;
                    if !hop.flags.intersects(unusable) {
                        let weight = u16::from(hop.hops) + 1;
                        gateways.extend(gateway(
                            &hop.attributes,
                            Some(hop.interface_index),
                            weight,
                        ));
                    }
                }
            }
            _ => {}
        }
    }
    gateways.extend(gateway(&message.attributes, None, 1));
    gateways.sort();
    let default = match header.address_family {
        netlink_packet_route::AddressFamily::Inet => IpAddr::from([0; 4]),
        netlink_packet_route::AddressFamily::Inet6 => IpAddr::from([0; 16]),
        _ => return None,
    };
    let address = destination.unwrap_or(default);
    let prefix = IpNet::new(address, header.destination_prefix_length)
        .ok()?
        .trunc();
    (!gateways.is_empty()).then_some(((table, prefix), Route { metric, gateways }))
}

/// The gateway among the attributes of a route or of one next hop of it. A route with an
/// encapsulation of its own is none that this router can take over.
fn gateway(attributes: &[RouteAttribute], index: Option<u32>, weight: u16) -> Option<Gateway> {
    let mut index = index;
    let mut address = None;
    for attribute in attributes {
        match attribute {
            RouteAttribute::Oif(given) => index = Some(*given),
            RouteAttribute::Gateway(given) => address = address_of_route(given),
            RouteAttribute::Via(RouteVia::Inet(given)) => address = Some((*given).into()),
            RouteAttribute::Via(RouteVia::Inet6(given)) => address = Some((*given).into()),
            RouteAttribute::EncapType(_) | RouteAttribute::Encap(_) => return None,
            _ => {}
        }
    }
    Some(Gateway {
        index: index?,
        address: address?,
        weight: weight.min(255),
    })
}

fn address_of_route(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
