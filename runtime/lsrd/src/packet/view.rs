//! What packet handling needs to know of the router, as a value that does not change.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use forwarding::{InterfaceName, Lfib, MacAddress, VrfId};
use ipnet::IpNet;

/// One interface, as packet handling sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortView {
    /// The name of the TAP.
    pub interface: InterfaceName,
    /// Its MAC address.
    pub mac: MacAddress,
    /// The VRF of its packets.
    pub vrf: VrfId,
    /// Its addresses.
    pub addresses: Vec<IpNet>,
}

/// The router, as packet handling sees it.
#[derive(Debug, Clone, Default)]
pub struct RouterView {
    /// The interfaces by port of the switch.
    pub ports: BTreeMap<u16, PortView>,
    /// What the switch forwards by.
    pub lfib: Arc<Lfib>,
}

impl RouterView {
    /// The port of an interface.
    pub fn port_of(&self, interface: &InterfaceName) -> Option<(u16, &PortView)> {
        let mut ports = self.ports.iter();
        ports
            .find(|(_, view)| view.interface == *interface)
            .map(|(port, view)| (*port, view))
    }

    /// The address from which the router tells a source of this IP version about a packet that
    /// arrived at `port`: one of that interface, else another one of its VRF.
    pub fn address(&self, port: u16, ipv6: bool) -> Option<IpAddr> {
        let ingress = self.ports.get(&port)?;
        let others = self.ports.values().filter(|view| view.vrf == ingress.vrf);
        std::iter::once(ingress)
            .chain(others)
            .flat_map(|view| view.addresses.iter().map(IpNet::addr))
            .find(|address| match address {
                IpAddr::V4(_) => !ipv6,
                IpAddr::V6(address) => ipv6 && !address.is_unicast_link_local(),
            })
    }
}
