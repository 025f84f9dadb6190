//! The router: what the configuration and the kernel ask of the switch.
//!
//! No I/O: configuration and kernel state go in; the desired state of the switch, the routes for
//! the kernel and the next hops to ask for come out.

mod kernel_entries;
mod switchover;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use dataplane::Desired;
use forwarding::{
    BindError, Fec, Forwarding, FtnAction, IlmAction, IlmKey, InterfaceName, LabelSpace,
    MacAddress, NextHop, Owner, Protocol, QosMapId, VlanId, VrfId,
};
use ipnet::IpNet;
use ldp_lfib::{Binder, Bindings, FecBinding, Update};
use netlink_packet_route::neighbour::NeighbourState;
use tracing::warn;

use crate::config::{Config, InterfaceConfig, StaticLspKind};
use crate::kernel::route::Routes;
use crate::kernel::state::{Gateway, Gateways, KernelState};
use crate::ldp::Snapshot;
use crate::packet::view::{InterfaceView, RouterView};
use crate::switch_ports::SwitchPorts;

use kernel_entries::BoundRoutes;
pub use switchover::{CarrierSource, PortState, SwitchoverError, Switchovers};

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
    switch_ports: Arc<SwitchPorts>,
    forwarding: Forwarding,
    switchovers: Switchovers,
    ldp: Binder,
    bound_routes: Option<BoundRoutes>,
}

/// Binds or unbinds an entry of LDP.
fn bind_ldp(forwarding: &mut Forwarding, (fec, entry): FecBinding) {
    if let Err(error) = entry.apply(forwarding, &Protocol::Ldp.into()) {
        // The label manager deals out none below 16.
        warn!(%fec, %error, "a label of LDP is not bound");
    }
}

impl Router {
    /// The router of this configuration, as long as nothing is known of the kernel.
    ///
    /// # Errors
    /// A static LSP cannot be bound.
    pub fn new(config: Arc<Config>) -> Result<Self, BindError> {
        let mut router = Self {
            config: Arc::clone(&config),
            kernel: Arc::default(),
            switch_ports: Arc::default(),
            forwarding: Forwarding::new(),
            switchovers: Switchovers::default(),
            ldp: Binder::default(),
            bound_routes: None,
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

    /// Which ports and protecting paths are in use.
    pub fn switchovers(&self) -> &Switchovers {
        &self.switchovers
    }

    /// Changes which ports and protecting paths are in use.
    pub fn switchovers_mut(&mut self) -> &mut Switchovers {
        &mut self.switchovers
    }

    /// Takes a configuration in place of the former one.
    ///
    /// # Errors
    /// A static LSP cannot be bound; then the former configuration stays. The configuration's
    /// check finds these first, with their line.
    pub fn set_config(&mut self, config: Arc<Config>) -> Result<(), BindError> {
        let owner = |name: &str| Owner::named(Protocol::Static, name);
        let lsps = &config.static_lsps;
        let ilm = lsps.iter().filter_map(|lsp| {
            let (key, action) = lsp.ilm.clone()?;
            Some((owner(&lsp.name), key, action))
        });
        let ftn = lsps.iter().filter_map(|lsp| {
            let (fec, action) = lsp.ftn.clone()?;
            Some((owner(&lsp.name), fec, action))
        });
        let forwarding = &mut self.forwarding;
        forwarding.replace_ilm(Protocol::Static, ilm)?;
        forwarding.replace_ilm(Protocol::Local, special_purpose_labels(&config))?;
        forwarding.replace_ftn(Protocol::Static, ftn);
        let contexts = config.upstream_spaces.iter();
        forwarding.replace_upstream_contexts(
            contexts.map(|upstream| (upstream.neighbour.clone(), upstream.label_space)),
        );
        let ends = config.tunnel_ends.iter();
        forwarding.replace_tunnel_ends(
            ends.flat_map(|end| end.ends.iter().map(|tunnel| (*tunnel, end.label_space))),
        );
        let maps = (1..=u8::MAX).map(QosMapId).zip(&config.qos_maps);
        forwarding.replace_qos_maps(maps.map(|(id, (_, map))| (id, map.clone())));
        for former in &self.config.interfaces {
            if config.interface(&former.name).is_none() {
                self.forwarding
                    .remove_interface(&former.name.as_str().into());
            }
        }
        let lsps = config.ldp.as_ref().map(|ldp| ldp.lsps);
        self.ldp.set(lsps.unwrap_or_default());
        let ldp = config.ldp.as_ref();
        self.ldp
            .keep(ldp.is_some_and(|ldp| ldp.engine.graceful_restart.is_some()));
        self.switchovers.forget_all_but(&config);
        self.switchovers
            .follow_links(&config, &self.kernel, &self.switch_ports);
        self.config = config;
        self.bind_kernel();
        Ok(())
    }

    /// Takes the state of the kernel in place of the former one.
    pub fn set_kernel(&mut self, kernel: Arc<KernelState>) {
        self.switchovers
            .follow_links(&self.config, &kernel, &self.switch_ports);
        self.kernel = kernel;
        self.bind_kernel();
    }

    /// Takes in what LDP asks of the FTN and of the ILM.
    pub fn apply_ldp(&mut self, updates: impl IntoIterator<Item = Update>) {
        let forwarding = &mut self.forwarding;
        for update in updates {
            self.ldp.apply(update, |bound| bind_ldp(forwarding, bound));
        }
    }

    /// Binds what LDP had bound before lsrd started.
    pub fn restore_ldp(&mut self, kept: &Bindings) {
        let forwarding = &mut self.forwarding;
        self.ldp.restore(kept, |bound| bind_ldp(forwarding, bound));
    }

    /// What LDP bound, if it is to outlive lsrd and changed since this was asked last.
    pub fn take_ldp_changed(&mut self) -> Option<&Bindings> {
        self.ldp.take_changed()
    }

    /// LDP has ended: what it bound is gone.
    pub fn forget_ldp(&mut self) {
        self.forwarding.replace_ftn(Protocol::Ldp, []);
        if let Err(error) = self.forwarding.replace_ilm(Protocol::Ldp, []) {
            // Nothing is bound, so nothing can be refused.
            warn!(%error, "labels of LDP stay");
        }
    }

    /// The router as LDP sees it.
    pub fn snapshot(&self) -> Snapshot {
        let ports = self.switchovers.ports(&self.config).into_iter();
        let down = ports.filter(|(_, state)| !state.up).map(|(port, _)| port);
        Snapshot::new(&self.config, Arc::clone(&self.kernel), &down.collect())
    }

    /// Takes what the switch tells of its ports in place of what it told before.
    pub fn set_switch_ports(&mut self, ports: Arc<SwitchPorts>) {
        self.switchovers
            .follow_links(&self.config, &self.kernel, &ports);
        self.switch_ports = ports;
    }

    /// The configured interfaces that the kernel has, by its index.
    pub fn interfaces(&self) -> impl Iterator<Item = (u32, &InterfaceConfig)> {
        self.config
            .interfaces
            .iter()
            .filter_map(|interface| Some((self.kernel.index(&interface.name)?, interface)))
    }

    /// What the switch should hold, but for what [`Router::switchovers`] says.
    pub fn desired(&self) -> Desired {
        let mut desired = Desired::new(&self.config.switch.profile);
        desired.lfib = self.forwarding.lfib();
        desired.router_id = self.config.router_id;
        desired.punt.extend(&self.config.punt);
        desired.topologies = self.config.topology_classes();
        for interface in &self.config.interfaces {
            let settings = dataplane::InterfaceConfig {
                port: interface.port,
                vlan: VlanId::new(interface.vlan).ok(),
                mac: MacAddress(interface.mac),
                mtu: octets(interface.mtu),
                mpls_mtu: octets(interface.mpls_mtu),
                vrf: VrfId(interface.vrf),
                label_space: LabelSpace(interface.label_space),
                mpls_enabled: interface.mpls,
                qos_map: interface.qos_map,
            };
            let name = InterfaceName::from(interface.name.as_str());
            desired.interfaces.insert(name, settings);
        }
        for circuit in &self.config.circuits {
            let settings = dataplane::CircuitConfig {
                mtu: circuit.mtu,
                qos_map: circuit.qos_map,
            };
            desired.circuits.insert(circuit.circuit, settings);
        }
        desired
    }

    /// What packet handling needs to know.
    pub fn view(&self) -> RouterView {
        let mut interfaces = BTreeMap::new();
        for interface in &self.config.interfaces {
            let index = self.kernel.index(&interface.name);
            let addresses = self.kernel.addresses.iter();
            let addresses = addresses
                .filter(|(of, _)| Some(*of) == index)
                .map(|(_, net)| *net);
            let view = InterfaceView {
                interface: interface.name.as_str().into(),
                mac: MacAddress(interface.mac),
                vrf: VrfId(interface.vrf),
                mpls_mtu: octets(interface.mpls_mtu),
                addresses: addresses.collect(),
            };
            interfaces.insert(interface.place(), view);
        }
        RouterView {
            interfaces,
            lfib: self.forwarding.lfib(),
            topologies: self.config.topology_classes(),
            fragment: self.config.mpls.fragment,
        }
    }

    /// The routes by which the router itself reaches the FECs of static LSPs, and the static routes.
    pub fn own_routes(&self) -> Routes {
        let mut routes = Routes::new();
        for (fec, next_hops) in &self.config.static_routes {
            let gateways = next_hops
                .iter()
                .filter_map(|(next_hop, weight)| self.gateway(next_hop, *weight, fec.prefix));
            insert_route(&mut routes, self.config.route_key(fec), gateways.collect());
        }
        for lsp in &self.config.static_lsps {
            let (StaticLspKind::Ftn, Some((Fec::Prefix { vrf, prefix }, action))) =
                (lsp.kind, &lsp.ftn)
            else {
                continue;
            };
            let paths: Vec<(&NextHop, u16)> = match action {
                FtnAction::Forward(group) => {
                    let paths = group.paths().iter();
                    paths.map(|p| (p.nhlfe.next_hop(), p.weight)).collect()
                }
                action => action.nhlfes().map(|n| (n.next_hop(), 1)).collect(),
            };
            let gateways = paths
                .into_iter()
                .filter_map(|(next_hop, weight)| self.gateway(next_hop, weight, *prefix));
            insert_route(
                &mut routes,
                (self.config.routing_table(*vrf), *prefix),
                gateways.collect(),
            );
        }
        routes
    }

    fn gateway(&self, hop: &NextHop, weight: u16, fec: IpNet) -> Option<Gateway> {
        let index = self.kernel.index(hop.interface.as_str())?;
        let up = self.kernel.links.get(&index)?.up;
        // The kernel routes IPv4 over IPv6 next hops (RFC 5549), but not the other way round.
        let possible = matches!(fec, IpNet::V4(_)) || hop.address.is_ipv6();
        (up && possible).then_some(Gateway {
            index,
            address: hop.address,
            weight,
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
            if is_group(next_hop.address) {
                continue;
            }
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

fn insert_route(routes: &mut Routes, key: (u32, IpNet), mut gateways: Gateways) {
    gateways.sort();
    gateways.dedup_by_key(|gateway| (gateway.index, gateway.address));
    if let [only] = &mut gateways[..] {
        // The kernel keeps no weight for a single gateway.
        only.weight = 1;
    }
    if !gateways.is_empty() {
        routes.insert(key, gateways);
    }
}

/// The special-purpose labels (RFC 3032, 2.1; RFC 9017) in every label space in which labels are
/// looked up.
fn special_purpose_labels(config: &Config) -> Vec<(Owner, IlmKey, IlmAction)> {
    let mut spaces: BTreeSet<LabelSpace> = config
        .interfaces
        .iter()
        .filter(|interface| interface.mpls)
        .map(|interface| LabelSpace(interface.label_space))
        .collect();
    spaces.extend(config.tunnel_ends.iter().map(|end| end.label_space));
    let upstream = config.upstream_spaces.iter();
    spaces.extend(upstream.map(|upstream| upstream.label_space));
    let ilm = config.static_lsps.iter().flat_map(|lsp| &lsp.ilm);
    spaces.extend(ilm.filter_map(|(_, action)| action.next_label_space()));
    if !spaces.is_empty() {
        // Label 15 leads there (RFC 7274, 3.1).
        spaces.insert(LabelSpace::EXTENDED_SPECIAL_PURPOSE);
    }
    let bindings = spaces.into_iter().flat_map(|space| {
        let labels = config.mpls.special_purpose.bindings(space);
        labels
            .into_iter()
            .map(|(key, action)| (Protocol::Local.into(), key, action))
    });
    bindings.collect()
}

/// A number of octets for the switch, which counts to 65535.
fn octets(count: u32) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
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

#[cfg(test)]
pub(crate) use tests::config as test_config;
