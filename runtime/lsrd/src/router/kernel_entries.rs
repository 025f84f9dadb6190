//! The FTN entries that follow the kernel: the router's own addresses, connected prefixes, neighbours and routes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use forwarding::{
    Fec, FtnAction, InterfaceName, MacAddress, NextHop, Nhlfe, Owner, Path, PathGroup,
    PathGroupError, Protocol, VrfId,
};
use ipnet::IpNet;
use tracing::warn;

use super::{Router, is_group};
use crate::config::{Config, InterfaceConfig};
use crate::kernel::route::Routes;
use crate::kernel::state::{Gateway, KernelState, Route};
use crate::kernel::table_of_vrf;

/// What the bindings of the kernel's routes were made from.
#[derive(Debug)]
pub(super) struct BoundRoutes {
    config: Arc<Config>,
    routes: Arc<BTreeMap<(u32, IpNet), Route>>,
    own_routes: Routes,
    ports: Vec<u32>,
}

impl PartialEq for BoundRoutes {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.config, &other.config)
            && Arc::ptr_eq(&self.routes, &other.routes)
            && self.own_routes == other.own_routes
            && self.ports == other.ports
    }
}

impl Router {
    /// Binds what the kernel says now.
    pub(super) fn bind_kernel(&mut self) {
        let config = Arc::clone(&self.config);
        let kernel = Arc::clone(&self.kernel);
        for interface in &config.interfaces {
            let name = InterfaceName::from(interface.name.as_str());
            match kernel
                .index(&interface.name)
                .and_then(|index| kernel.links.get(&index))
            {
                Some(link) => self.forwarding.set_interface(name, link.up),
                None => self.forwarding.remove_interface(&name),
            }
        }
        let ports: BTreeMap<u32, &InterfaceConfig> = self.interfaces().collect();
        let mut local = Vec::new();
        let mut connected = Vec::new();
        for (index, address) in &kernel.addresses {
            let Some(interface) = ports.get(index) else {
                continue;
            };
            for vrf in config.with_topologies(VrfId(interface.vrf)) {
                let host = Fec::host(vrf, address.addr());
                local.push((Protocol::Local.into(), host, FtnAction::ToRouter));
                // The link-local prefix is on every link: nothing is forwarded to it.
                if !is_link_local(address.addr()) && address.prefix_len() < address.max_prefix_len()
                {
                    let prefix = Fec::prefix(vrf, *address);
                    connected.push((Protocol::Connected.into(), prefix, FtnAction::Glean));
                }
            }
        }
        for address in kernel.loopback_addresses() {
            for vrf in config.with_topologies(VrfId::DEFAULT) {
                let host = Fec::host(vrf, address.addr());
                local.push((Protocol::Local.into(), host, FtnAction::ToRouter));
            }
        }
        let mut resolved = Vec::new();
        let mut hosts = Vec::new();
        for ((index, address), neighbour) in &kernel.neighbours {
            let (Some(interface), Some(mac)) = (ports.get(index), neighbour.resolved()) else {
                continue;
            };
            if is_group(*address) {
                continue;
            }
            let next_hop = NextHop::new(interface.name.as_str(), *address);
            resolved.push((next_hop.clone(), MacAddress(mac)));
            if !is_link_local(*address) {
                let group = Arc::new(PathGroup::single(Nhlfe::unlabelled(next_hop)));
                for vrf in config.with_topologies(VrfId(interface.vrf)) {
                    hosts.push((
                        Protocol::Neighbour.into(),
                        Fec::host(vrf, *address),
                        FtnAction::Forward(Arc::clone(&group)),
                    ));
                }
            }
        }
        // There may be very many: they are looked at when they change, not with each neighbour.
        let bound = BoundRoutes {
            config: Arc::clone(&config),
            routes: Arc::clone(&kernel.routes),
            own_routes: kernel.own_routes.clone(),
            ports: ports.keys().copied().collect(),
        };
        let routes = match self.bound_routes.as_ref() == Some(&bound) {
            true => None,
            false => Some(kernel_routes(&config, &kernel, &ports)),
        };
        self.forwarding.replace_neighbours(resolved);
        self.forwarding.replace_ftn(Protocol::Local, local);
        self.forwarding.replace_ftn(Protocol::Connected, connected);
        self.forwarding.replace_ftn(Protocol::Neighbour, hosts);
        if let Some(routes) = routes {
            self.forwarding.replace_ftn(Protocol::Kernel, routes);
            self.bound_routes = Some(bound);
        }
    }
}

fn kernel_routes(
    config: &Config,
    kernel: &KernelState,
    ports: &BTreeMap<u32, &InterfaceConfig>,
) -> Vec<(Owner, Fec, FtnAction)> {
    let mut vrfs: BTreeMap<u32, u16> = BTreeMap::new();
    for interface in &config.interfaces {
        vrfs.insert(table_of_vrf(interface.vrf), interface.vrf);
    }
    let topologies = config.topologies.iter();
    vrfs.extend(topologies.map(|topology| (topology.routing_table, topology.vrf().0)));
    let mut bindings = Vec::new();
    let owner = Owner::from(Protocol::Kernel);
    let of_kernel = kernel.routes.iter();
    let of_kernel = of_kernel.map(|(key, route)| (key, &route.gateways));
    let own = kernel.own_routes.iter();
    let configured: BTreeSet<(u32, IpNet)> = config
        .static_routes
        .keys()
        .map(|fec| config.route_key(fec))
        .collect();
    let static_routes = own.filter(|(key, _)| configured.contains(key));
    let names = ports.iter().map(|(index, interface)| {
        let name = InterfaceName::from(interface.name.as_str());
        (*index, name)
    });
    let names: BTreeMap<u32, InterfaceName> = names.collect();
    // Many routes have the same gateways: they share their paths.
    let mut groups: BTreeMap<&[Gateway], Option<Arc<PathGroup>>> = BTreeMap::new();
    for ((table, prefix), gateways) in of_kernel.chain(static_routes) {
        let Some(vrf) = vrfs.get(table) else { continue };
        let group = groups.entry(gateways).or_insert_with(|| {
            let paths = gateways.iter().filter_map(|gateway| {
                let next_hop = NextHop::new(names.get(&gateway.index)?.clone(), gateway.address);
                Some(Path::new(Nhlfe::unlabelled(next_hop), gateway.weight))
            });
            match PathGroup::new(paths) {
                Ok(group) => Some(group.into()),
                // A route out of other interfaces is not the switch's.
                Err(PathGroupError::Empty) => None,
                Err(error) => {
                    warn!(%prefix, %error, "routes of the kernel like this are left out");
                    None
                }
            }
        });
        if let Some(group) = group {
            bindings.push((
                owner.clone(),
                Fec::prefix(VrfId(*vrf), *prefix),
                FtnAction::Forward(Arc::clone(group)),
            ));
        }
    }
    bindings
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}
