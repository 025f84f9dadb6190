//! The router: what the configuration and the kernel ask of the switch.
//!
//! No I/O: configuration and kernel state go in; the desired state of the switch, the routes for
//! the kernel and the next hops to ask for come out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use dataplane::{Desired, PortConfig};
use forwarding::{
    BindError, Fec, Forwarding, FtnAction, IlmAction, IlmKey, InterfaceName, LabelSpace,
    MacAddress, NextHop, Nhlfe, NhlfeError, Owner, Path, PathGroup, PathGroupError, Payload,
    Protocol, TtlModel, VrfId,
};
use ipnet::IpNet;
use mpls::Label;
use netlink_packet_route::neighbour::NeighbourState;
use tracing::warn;

use crate::config::{self, Config, IlmOperation, InterfaceConfig};
use crate::kernel::route::Routes;
use crate::kernel::state::{Gateway, KernelState};
use crate::kernel::table_of_vrf;
use crate::packet::view::{PortView, RouterView};

/// A static LSP that cannot be bound. The configuration's check finds these first, with their
/// line.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    /// A label that cannot be pushed.
    #[error("static LSP {name}: {source}")]
    Nhlfe {
        /// The name of the LSP.
        name: String,
        /// Why.
        source: NhlfeError,
    },
    /// Next hops that are no group.
    #[error("static LSP {name}: {source}")]
    PathGroup {
        /// The name of the LSP.
        name: String,
        /// Why.
        source: PathGroupError,
    },
    /// An incoming label that cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
}

/// How urgently the kernel is asked to resolve a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// A next hop that cannot be used before it is resolved.
    Unresolved,
    /// A neighbour that was resolved long ago: is it still there?
    Stale,
}

/// The router's interfaces, bindings and next hops.
#[derive(Debug)]
pub struct Router {
    config: Arc<Config>,
    kernel: Arc<KernelState>,
    forwarding: Forwarding,
}

impl Router {
    /// The router of this configuration, as long as nothing is known of the kernel.
    ///
    /// # Errors
    /// A static LSP cannot be bound.
    pub fn new(config: Arc<Config>) -> Result<Self, RouterError> {
        let mut router = Self {
            config: Arc::clone(&config),
            kernel: Arc::default(),
            forwarding: Forwarding::new(),
        };
        router.set_config(config)?;
        Ok(router)
    }

    /// The configuration.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The state of the kernel.
    pub fn kernel(&self) -> &Arc<KernelState> {
        &self.kernel
    }

    /// The FTN, the ILM and the next hops.
    pub fn forwarding(&self) -> &Forwarding {
        &self.forwarding
    }

    /// Takes a configuration in place of the former one.
    ///
    /// # Errors
    /// A static LSP cannot be bound; then the former configuration stays.
    pub fn set_config(&mut self, config: Arc<Config>) -> Result<(), RouterError> {
        let ftn = static_ftn(&config)?;
        let ilm = static_ilm(&config)?;
        self.forwarding.replace_ilm(Protocol::Static, ilm)?;
        self.forwarding
            .replace_ilm(Protocol::Local, explicit_nulls(&config))?;
        self.forwarding.replace_ftn(Protocol::Static, ftn);
        for former in &self.config.interfaces {
            if config.interface(&former.name).is_none() {
                self.forwarding
                    .remove_interface(&former.name.as_str().into());
            }
        }
        self.config = config;
        self.bind_kernel();
        Ok(())
    }

    /// Takes the state of the kernel in place of the former one.
    pub fn set_kernel(&mut self, kernel: Arc<KernelState>) {
        self.kernel = kernel;
        self.bind_kernel();
    }

    fn bind_kernel(&mut self) {
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
            let vrf = VrfId(interface.vrf);
            let host = Fec::host(vrf, address.addr());
            local.push((Protocol::Local.into(), host, FtnAction::ToRouter));
            // The link-local prefix is on every link: nothing is forwarded to it.
            if !is_link_local(address.addr()) && address.prefix_len() < address.max_prefix_len() {
                let prefix = Fec::prefix(vrf, *address);
                connected.push((Protocol::Connected.into(), prefix, FtnAction::Glean));
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
                let group = PathGroup::single(Nhlfe::unlabelled(next_hop));
                let host = Fec::host(VrfId(interface.vrf), *address);
                hosts.push((
                    Protocol::Neighbour.into(),
                    host,
                    FtnAction::Forward(group.into()),
                ));
            }
        }
        let routes = kernel_routes(&config, &kernel, &ports);
        self.forwarding.replace_neighbours(resolved);
        self.forwarding.replace_ftn(Protocol::Local, local);
        self.forwarding.replace_ftn(Protocol::Connected, connected);
        self.forwarding.replace_ftn(Protocol::Neighbour, hosts);
        self.forwarding.replace_ftn(Protocol::Kernel, routes);
    }

    /// The configured interfaces that the kernel has, by its index.
    pub fn interfaces(&self) -> impl Iterator<Item = (u32, &InterfaceConfig)> {
        self.config
            .interfaces
            .iter()
            .filter_map(|interface| Some((self.kernel.index(&interface.name)?, interface)))
    }

    /// What the switch should hold.
    pub fn desired(&self) -> Desired {
        let mut desired = Desired::new(&self.config.switch.profile);
        desired.lfib = self.forwarding.lfib();
        for interface in &self.config.interfaces {
            let port = PortConfig {
                interface: interface.name.as_str().into(),
                mac: MacAddress(interface.mac),
                vrf: VrfId(interface.vrf),
                label_space: LabelSpace(interface.label_space),
                mpls_enabled: interface.mpls,
            };
            desired.ports.insert(interface.port, port);
        }
        desired
    }

    /// What packet handling needs to know.
    pub fn view(&self) -> RouterView {
        let mut ports = BTreeMap::new();
        for interface in &self.config.interfaces {
            let index = self.kernel.index(&interface.name);
            let addresses = self.kernel.addresses.iter();
            let addresses = addresses
                .filter(|(of, _)| Some(*of) == index)
                .map(|(_, net)| *net);
            let view = PortView {
                interface: interface.name.as_str().into(),
                mac: MacAddress(interface.mac),
                vrf: VrfId(interface.vrf),
                addresses: addresses.collect(),
            };
            ports.insert(interface.port, view);
        }
        RouterView {
            ports,
            lfib: self.forwarding.lfib(),
        }
    }

    /// The routes by which the router itself reaches the FECs of static LSPs.
    pub fn own_routes(&self) -> Routes {
        let mut routes = Routes::new();
        for ftn in &self.config.ftn {
            let mut gateways: Vec<Gateway> = ftn
                .next_hops
                .iter()
                .filter_map(|hop| self.gateway(hop, ftn.fec))
                .collect();
            gateways.sort();
            gateways.dedup_by_key(|gateway| (gateway.index, gateway.address));
            if let [only] = &mut gateways[..] {
                // The kernel keeps no weight for a single gateway.
                only.weight = 1;
            }
            if !gateways.is_empty() {
                routes.insert((table_of_vrf(ftn.vrf), ftn.fec), gateways);
            }
        }
        routes
    }

    fn gateway(&self, hop: &config::NextHop, fec: IpNet) -> Option<Gateway> {
        let index = self.kernel.index(&hop.interface)?;
        let up = self.kernel.links.get(&index)?.up;
        // The kernel routes IPv4 over IPv6 next hops (RFC 5549), but not the other way round.
        let possible = matches!(fec, IpNet::V4(_)) || hop.address.is_ipv6();
        (up && possible).then_some(Gateway {
            index,
            address: hop.address,
            weight: hop.weight,
        })
    }

    /// The neighbours for which the kernel should be asked, by its index of the interface.
    pub fn neighbours_to_solicit(&self) -> BTreeMap<(u32, IpAddr), Urgency> {
        let ports: BTreeSet<u32> = self
            .interfaces()
            .map(|(index, _)| index)
            .filter(|index| self.kernel.links.get(index).is_some_and(|link| link.up))
            .collect();
        let mut solicit = BTreeMap::new();
        for (key @ (index, address), neighbour) in &self.kernel.neighbours {
            if ports.contains(index)
                && !is_group(*address)
                && neighbour.state == NeighbourState::Stale
            {
                solicit.insert(*key, Urgency::Stale);
            }
        }
        for next_hop in self.forwarding.next_hops() {
            let index = self.kernel.index(next_hop.interface.as_str());
            let Some(index) = index.filter(|index| ports.contains(index)) else {
                continue;
            };
            let key = (index, next_hop.address);
            let state = self
                .kernel
                .neighbours
                .get(&key)
                .map(|neighbour| neighbour.state);
            match state {
                None | Some(NeighbourState::None | NeighbourState::Failed) => {
                    solicit.insert(key, Urgency::Unresolved);
                }
                Some(_) => {}
            }
        }
        solicit
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
    let mut bindings = Vec::new();
    for ((table, prefix), route) in &kernel.routes {
        let Some(vrf) = vrfs.get(table) else { continue };
        let paths = route.gateways.iter().filter_map(|gateway| {
            let interface = ports.get(&gateway.index)?;
            let next_hop = NextHop::new(interface.name.as_str(), gateway.address);
            Some(Path {
                nhlfe: Nhlfe::unlabelled(next_hop),
                weight: gateway.weight,
            })
        });
        let paths: Vec<Path> = paths.collect();
        if paths.is_empty() {
            // A route out of other interfaces is not the switch's.
            continue;
        }
        match PathGroup::new(paths) {
            Ok(group) => bindings.push((
                Protocol::Kernel.into(),
                Fec::prefix(VrfId(*vrf), *prefix),
                FtnAction::Forward(group.into()),
            )),
            Err(error) => warn!(%prefix, %error, "route of the kernel left out"),
        }
    }
    bindings
}

fn static_ftn(config: &Config) -> Result<Vec<(Owner, Fec, FtnAction)>, RouterError> {
    let bindings = config.ftn.iter().map(|ftn| {
        let group = path_group(&ftn.name, &ftn.next_hops, ftn.ttl_model)?;
        let owner = Owner::named(Protocol::Static, ftn.name.as_str());
        Ok((
            owner,
            Fec::prefix(VrfId(ftn.vrf), ftn.fec),
            FtnAction::Forward(group),
        ))
    });
    bindings.collect()
}

fn static_ilm(config: &Config) -> Result<Vec<(Owner, IlmKey, IlmAction)>, RouterError> {
    let mut bindings = Vec::new();
    for ilm in &config.ilm {
        let ttl_model = ilm.ttl_model;
        let action = match ilm.operation {
            IlmOperation::PopAndLookUpIp { vrf, payload } => IlmAction::PopAndLookUpIp {
                vrf: VrfId(vrf),
                payload,
                ttl_model,
            },
            IlmOperation::PopAndLookUpLabel => IlmAction::PopAndLookUpLabel { ttl_model },
            IlmOperation::Punt => IlmAction::Punt,
        };
        bindings.push(bound(&ilm.name, ilm.label, ilm.label_space, action));
    }
    for connect in &config.cross_connects {
        let action = IlmAction::Forward {
            paths: path_group(&connect.name, &connect.next_hops, connect.ttl_model)?,
            payload: connect.payload,
            ttl_model: connect.ttl_model,
        };
        bindings.push(bound(
            &connect.name,
            connect.label,
            connect.label_space,
            action,
        ));
    }
    Ok(bindings)
}

fn bound(name: &str, label: Label, space: u16, action: IlmAction) -> (Owner, IlmKey, IlmAction) {
    let key = IlmKey {
        label_space: LabelSpace(space),
        label,
    };
    (Owner::named(Protocol::Static, name), key, action)
}

/// The explicit nulls (RFC 3032, 2.1) in every label space where labelled packets arrive.
fn explicit_nulls(config: &Config) -> Vec<(Owner, IlmKey, IlmAction)> {
    let spaces: BTreeSet<u16> = config
        .interfaces
        .iter()
        .filter(|interface| interface.mpls)
        .map(|interface| interface.label_space)
        .collect();
    let mut bindings = Vec::new();
    for space in spaces {
        for (label, payload) in [
            (Label::IPV4_EXPLICIT_NULL, Payload::Ipv4),
            (Label::IPV6_EXPLICIT_NULL, Payload::Ipv6),
        ] {
            let action = IlmAction::ExplicitNull {
                payload,
                ttl_model: TtlModel::Uniform,
            };
            let key = IlmKey {
                label_space: LabelSpace(space),
                label,
            };
            bindings.push((Protocol::Local.into(), key, action));
        }
    }
    bindings
}

fn path_group(
    name: &str,
    hops: &[config::NextHop],
    ttl_model: TtlModel,
) -> Result<Arc<PathGroup>, RouterError> {
    let mut paths = Vec::with_capacity(hops.len());
    for hop in hops {
        let next_hop = NextHop::new(hop.interface.as_str(), hop.address);
        let nhlfe =
            Nhlfe::new(next_hop, hop.labels.iter().copied(), ttl_model).map_err(|source| {
                RouterError::Nhlfe {
                    name: name.to_owned(),
                    source,
                }
            })?;
        paths.push(Path {
            nhlfe,
            weight: hop.weight,
        });
    }
    let group = PathGroup::new(paths).map_err(|source| RouterError::PathGroup {
        name: name.to_owned(),
        source,
    })?;
    Ok(Arc::new(group))
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// Multicast and broadcast, which the kernel keeps among its neighbours.
fn is_group(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_multicast() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_multicast(),
    }
}

#[cfg(test)]
#[path = "router_tests.rs"]
mod tests;
