//! What packet handling needs to know of the router, as a value that does not change.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use forwarding::{Dscp, InterfaceName, Lfib, MacAddress, VrfId};
use ipnet::IpNet;

/// Where an interface is: a port of the switch, and the 802.1Q tag of its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortVlan {
    /// The port of the switch.
    pub port: u16,
    /// The VLAN identifier, 1 to 4094; 0 for frames without tag.
    pub vlan: u16,
}

impl fmt::Display for PortVlan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.vlan {
            0 => write!(formatter, "port {}", self.port),
            vlan => write!(formatter, "port {} VLAN {vlan}", self.port),
        }
    }
}

/// One interface, as packet handling sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceView {
    /// The name of the TAP.
    pub interface: InterfaceName,
    /// Its MAC address.
    pub mac: MacAddress,
    /// The VRF of its packets.
    pub vrf: VrfId,
    /// The largest labelled packet that leaves, labels included, in octets.
    pub mpls_mtu: u16,
    /// Its addresses.
    pub addresses: Vec<IpNet>,
}

/// The router, as packet handling sees it.
#[derive(Debug, Clone, Default)]
pub struct RouterView {
    /// The interfaces by port of the switch and VLAN.
    pub interfaces: BTreeMap<PortVlan, InterfaceView>,
    /// What the switch forwards by.
    pub lfib: Arc<Lfib>,
    /// The routing topologies, as [`dataplane::Desired::topologies`].
    pub topologies: BTreeMap<(VrfId, Dscp), VrfId>,
    /// Whether IPv4 packets that are too big and have DF clear are fragmented (RFC 3032, 3.4).
    pub fragment: bool,
}

impl RouterView {
    /// Where an interface is.
    pub fn place_of(&self, interface: &InterfaceName) -> Option<(PortVlan, &InterfaceView)> {
        let mut interfaces = self.interfaces.iter();
        interfaces
            .find(|(_, view)| view.interface == *interface)
            .map(|(place, view)| (*place, view))
    }

    /// Whether an address is the broadcast address of a connected prefix (RFC 1812, 4.2.3.1).
    pub fn is_broadcast(&self, vrf: VrfId, address: IpAddr) -> bool {
        let of_vrf = self.interfaces.values().filter(|view| view.vrf == vrf);
        let mut own = of_vrf.flat_map(|view| &view.addresses);
        own.any(|own| match own {
            // RFC 3021: a /31 has none.
            IpNet::V4(own) => own.prefix_len() < 31 && own.broadcast() == address,
            IpNet::V6(_) => false,
        })
    }

    /// The address from which the router tells a source of this IP version about a packet that
    /// arrived at `place`: one of that interface, else another one of its VRF.
    pub fn address(&self, place: PortVlan, ipv6: bool) -> Option<IpAddr> {
        let ingress = self.interfaces.get(&place)?;
        let others = self
            .interfaces
            .values()
            .filter(|view| view.vrf == ingress.vrf);
        std::iter::once(ingress)
            .chain(others)
            .flat_map(|view| view.addresses.iter().map(IpNet::addr))
            .find(|address| match address {
                IpAddr::V4(_) => !ipv6,
                IpAddr::V6(address) => ipv6 && !address.is_unicast_link_local(),
            })
    }
}
