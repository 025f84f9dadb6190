//! What the kernel tells, as LDP wants to know it: interfaces, addresses, and a route for each FEC; those of a
//! topology are in a routing table of its own (RFC 7307).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use ldp::engine::InterfaceState;
use ldp::label::{NextHop, Route};
use ldp::{MultiTopologyId, PrefixFec};
use smallvec::smallvec;

use crate::config::Config;
use crate::kernel::state::{self, KernelState};
use crate::kernel::table_of_vrf;

/// An interface of the router in VRF 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: Arc<str>,
    /// How it stands.
    pub state: InterfaceState,
    /// Whether LDP runs on it.
    pub labelled: bool,
}

/// The router, as LDP sees it at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    kernel: Arc<KernelState>,
    /// By the kernel's index.
    interfaces: BTreeMap<u32, Interface>,
    addresses: BTreeSet<IpAddr>,
    /// The topologies by their routing tables, with the default one.
    tables: BTreeMap<u32, MultiTopologyId>,
    /// FECs that are not as the kernel's routes say: those that end at this router, and the static
    /// routes of the configuration.
    own: BTreeMap<PrefixFec, Route>,
}

impl Snapshot {
    /// The router of this configuration; the links of `ports_down` are known to be down.
    pub fn new(config: &Config, kernel: Arc<KernelState>, ports_down: &BTreeSet<u16>) -> Self {
        let mut interfaces = BTreeMap::new();
        for interface in config.interfaces.iter().filter(|of| of.vrf == 0) {
            let Some(index) = kernel.index(&interface.name) else {
                continue;
            };
            let Some(link) = kernel.links.get(&index) else {
                continue;
            };
            let name = interface.name.as_str();
            let labelled =
                |ldp: &crate::config::LdpConfig| ldp.engine.interfaces.contains_key(name);
            let addresses = kernel.addresses.iter();
            let addresses = addresses
                .filter(|(of, _)| *of == index)
                .map(|(_, net)| *net);
            let state = InterfaceState {
                up: link.up && link.carrier && !ports_down.contains(&interface.port),
                mtu: link.mtu,
                mpls_mtu: interface.mpls_mtu,
                addresses: addresses.collect(),
            };
            let interface = Interface {
                name: name.into(),
                state,
                labelled: config.ldp.as_ref().is_some_and(labelled),
            };
            interfaces.insert(index, interface);
        }
        let on_interfaces = interfaces
            .values()
            .flat_map(|interface| &interface.state.addresses);
        let nets: Vec<IpNet> = on_interfaces
            .copied()
            .filter(|net| !is_link_local(net.addr()))
            .chain(kernel.loopback_addresses())
            .collect();
        let mut snapshot = Self {
            addresses: nets.iter().map(IpNet::addr).collect(),
            kernel,
            interfaces,
            tables: tables(config),
            own: BTreeMap::new(),
        };
        let egress = Route {
            egress: true,
            ..Route::default()
        };
        // The host routes to the addresses of links are of no use to others (RFC 5036, 2.1: LSPs
        // follow routes), those of the loopback are what routers are known by.
        let prefixes: BTreeSet<IpNet> = nets.iter().map(IpNet::trunc).collect();
        for topology in snapshot.tables.values() {
            let fecs = prefixes.iter().map(|prefix| PrefixFec {
                topology: *topology,
                prefix: *prefix,
            });
            snapshot.own.extend(fecs.map(|fec| (fec, egress.clone())));
        }
        for fec in config.static_routes.keys() {
            if let Some(gateways) = snapshot.kernel.own_routes.get(&config.route_key(fec))
                && let Some(route) = snapshot.route(gateways)
            {
                snapshot.own.entry(*fec).or_insert(route);
            }
        }
        snapshot
    }

    /// The kernel's index of an interface.
    pub fn index(&self, name: &str) -> Option<u32> {
        let mut interfaces = self.interfaces.iter();
        let found = interfaces.find(|(_, interface)| &*interface.name == name)?;
        Some(*found.0)
    }

    /// The interface of this index.
    pub fn interface(&self, index: u32) -> Option<&Interface> {
        self.interfaces.get(&index)
    }

    /// All interfaces by the kernel's index.
    pub fn interfaces(&self) -> &BTreeMap<u32, Interface> {
        &self.interfaces
    }

    /// The router's addresses, but for link-local ones.
    pub fn addresses(&self) -> &BTreeSet<IpAddr> {
        &self.addresses
    }

    /// The route of a FEC; `None`: there is none by the router's interfaces.
    fn effective(&self, fec: PrefixFec) -> Option<Route> {
        if let Some(own) = self.own.get(&fec) {
            return Some(own.clone());
        }
        let mut tables = self.tables.iter();
        let (table, _) = tables.find(|(_, topology)| **topology == fec.topology)?;
        let route = self.kernel.routes.get(&(*table, fec.prefix))?;
        self.route(&route.gateways)
    }

    fn route(&self, gateways: &[state::Gateway]) -> Option<Route> {
        let mut route = Route::default();
        let mut leaves = true;
        for gateway in gateways {
            let Some(interface) = self.interfaces.get(&gateway.index) else {
                continue;
            };
            leaves &= !interface.labelled;
            route.next_hops.push(NextHop {
                interface: Arc::clone(&interface.name),
                address: gateway.address,
            });
            route.weights.push(gateway.weight);
        }
        if route.next_hops.is_empty() {
            return None;
        }
        if route.weights.iter().all(|weight| *weight == 1) {
            route.weights = smallvec![];
        }
        // RFC 5036, 2.6.1.2: the next hop is outside of the label switching network.
        route.egress = leaves;
        Some(route)
    }

    /// Whether routes by the same gateways are the same routes.
    fn sees_alike(&self, other: &Self) -> bool {
        let seen = |snapshot: &Self| -> Vec<(u32, Arc<str>, bool)> {
            let interfaces = snapshot.interfaces.iter();
            let seen = interfaces.map(|(index, i)| (*index, Arc::clone(&i.name), i.labelled));
            seen.collect()
        };
        seen(self) == seen(other) && self.tables == other.tables
    }

    /// The FECs whose route is another one than in `former`.
    pub fn route_changes(&self, former: &Self) -> Vec<(PrefixFec, Option<Route>)> {
        let mut touched = BTreeSet::new();
        if !self.sees_alike(former) {
            touched.extend(self.fecs().chain(former.fecs()));
        } else {
            let own = self.own.keys().chain(former.own.keys());
            touched.extend(own.filter(|fec| self.own.get(fec) != former.own.get(fec)));
            if !Arc::ptr_eq(&self.kernel.routes, &former.kernel.routes) {
                let differing = differing(&self.kernel.routes, &former.kernel.routes);
                touched.extend(differing.filter_map(|key| self.fec(key)));
            }
        }
        touched
            .into_iter()
            .filter_map(|fec| {
                let route = self.effective(fec);
                (route != former.effective(fec)).then_some((fec, route))
            })
            .collect()
    }

    fn fecs(&self) -> impl Iterator<Item = PrefixFec> {
        let of_kernel = self.kernel.routes.keys();
        of_kernel
            .filter_map(|key| self.fec(*key))
            .chain(self.own.keys().copied())
    }

    /// The FEC of a route of the kernel, if its table is that of a topology.
    fn fec(&self, (table, prefix): (u32, IpNet)) -> Option<PrefixFec> {
        let topology = *self.tables.get(&table)?;
        Some(PrefixFec { topology, prefix })
    }
}

fn tables(config: &Config) -> BTreeMap<u32, MultiTopologyId> {
    let topologies = config.topologies.iter();
    let topologies = topologies.map(|topology| (topology.routing_table, topology.id));
    let default = (table_of_vrf(0), MultiTopologyId::DEFAULT);
    topologies.chain([default]).collect()
}

/// The keys of routes that differ, by one pass over both.
fn differing<'a, R: PartialEq>(
    one: &'a BTreeMap<(u32, IpNet), R>,
    other: &'a BTreeMap<(u32, IpNet), R>,
) -> impl Iterator<Item = (u32, IpNet)> + 'a {
    let (mut one, mut other) = (one.iter().peekable(), other.iter().peekable());
    std::iter::from_fn(move || {
        loop {
            let key = match (one.peek(), other.peek()) {
                (None, None) => return None,
                (Some((a, _)), None) => **a,
                (None, Some((b, _))) => **b,
                (Some((a, _)), Some((b, _))) => **a.min(b),
            };
            let a = one.next_if(|(of, _)| **of == key);
            let b = other.next_if(|(of, _)| **of == key);
            if a.map(|(_, route)| route) != b.map(|(_, route)| route) {
                return Some(key);
            }
        }
    })
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
