//! lsrd's configuration file: TOML, checked as a whole before anything of it is used.

mod capacity;
mod check;
mod circuits;
mod interfaces;
mod labels;
mod ldp;
mod lsps;
mod mpls_policy;
mod named;
mod ports;
mod problem;
mod protection;
mod punt;
mod qos;
mod section;
mod static_routes;
mod switch;
mod time;
mod topologies;
mod tunnels;
mod upstream;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::ldp::{MultiTopologyId, PrefixFec};
use dataplane::{HardwareProfile, PuntRate, PuntReason};
use forwarding::{
    AttachmentCircuit, Dscp, Fec, FtnAction, IlmAction, IlmKey, LabelManagerConfig, LabelSpace,
    NextHop, ProtectionId, QosMap, QosMapId, SpecialPurposeLabels, Tunnel, TunnelEnd, VrfId,
};
use ipnet::IpNet;
use ldp_lfib::LspSettings;
use p4runtime_client::Address;

use crate::kernel::table_of_vrf;
use crate::packet::view::PortVlan;

pub use problem::{ConfigError, Problem};

/// A configuration that passed every check.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The file it was read from.
    pub path: PathBuf,
    /// The router's identifier: four octets, unique in the network.
    pub router_id: Ipv4Addr,
    /// The switch that forwards for this router.
    pub switch: SwitchConfig,
    /// The Unix socket of the management service.
    pub management_socket: PathBuf,
    /// Where metrics are served to Prometheus, if they are.
    pub metrics: Option<SocketAddr>,
    /// How long after the start of lsrd the entries are kept that the switch holds and whose
    /// next hops are not resolved yet.
    pub restart_hold: Duration,
    /// The network interfaces of this host on which ports of the switch are, by port.
    pub links: BTreeMap<u16, String>,
    /// How labels are treated that no LSP binds, and packets that are too big.
    pub mpls: MplsPolicy,
    /// The rates of punt classes, where they are not the profile's.
    pub punt: BTreeMap<PuntReason, PuntRate>,
    /// The QoS maps with their names; the first one has [`QosMapId`] 1.
    pub qos_maps: Vec<(String, QosMap)>,
    /// The router's interfaces: switch ports, or VLANs on them.
    pub interfaces: Vec<InterfaceConfig>,
    /// The attachment circuits.
    pub circuits: Vec<CircuitConfig>,
    /// The protection domains.
    pub protections: Vec<ProtectionConfig>,
    /// The IP tunnels into which labelled packets are sent.
    pub tunnels: Vec<TunnelConfig>,
    /// The ends of IP tunnels from which labelled packets are taken.
    pub tunnel_ends: Vec<TunnelEndConfig>,
    /// The label spaces of upstream neighbours.
    pub upstream_spaces: Vec<UpstreamConfig>,
    /// The static LSPs.
    pub static_lsps: Vec<StaticLsp>,
    /// The router's addresses that belong to no link.
    pub loopback_addresses: Vec<IpNet>,
    /// The routing topologies besides the default one.
    pub topologies: Vec<TopologyConfig>,
    /// Routes that stand in for an IGP: next hops with their weights, by prefix and topology.
    pub static_routes: BTreeMap<PrefixFec, Vec<(NextHop, u16)>>,
    /// LDP, if the router runs it.
    pub ldp: Option<LdpConfig>,
}

impl Config {
    /// The kernel's routing table of a VRF, or of the topology that has its number.
    pub fn routing_table(&self, vrf: VrfId) -> u32 {
        let topology = self.topologies.iter().find(|of| of.vrf() == vrf);
        topology.map_or_else(|| table_of_vrf(vrf.0), |topology| topology.routing_table)
    }

    /// Where the kernel has the route of a FEC: the routing table of its topology, and the prefix.
    pub fn route_key(&self, fec: &PrefixFec) -> (u32, IpNet) {
        (
            self.routing_table(ldp_lfib::vrf_of(fec.topology)),
            fec.prefix,
        )
    }

    /// The topology of packets without a label, by the VRF that they arrive in and their DSCP.
    pub fn topology_classes(&self) -> BTreeMap<(VrfId, Dscp), VrfId> {
        let topologies = self.topologies.iter();
        let classes = topologies.flat_map(|topology| {
            let dscps = topology.dscps.iter();
            dscps.map(|dscp| ((VrfId::DEFAULT, *dscp), topology.vrf()))
        });
        classes.collect()
    }

    /// The VRFs in which the switch looks up what is in a VRF: itself, and the topologies of the global one.
    pub fn with_topologies(&self, vrf: VrfId) -> impl Iterator<Item = VrfId> {
        let topologies = match vrf {
            VrfId::DEFAULT => &self.topologies[..],
            _ => &[],
        };
        std::iter::once(vrf).chain(topologies.iter().map(TopologyConfig::vrf))
    }
}

/// A routing topology of VRF 0 (RFC 7307): its FECs are in the switch as those of the VRF that has its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopologyConfig {
    /// The MT-ID, 1 to 4095 (RFC 7307, section 9).
    pub id: MultiTopologyId,
    /// The kernel's routing table that has its routes.
    pub routing_table: u32,
    /// Packets that arrive without a label and with one of these are of the topology.
    pub dscps: BTreeSet<Dscp>,
}

impl TopologyConfig {
    /// The VRF that holds its FECs in the switch.
    pub fn vrf(&self) -> VrfId {
        ldp_lfib::vrf_of(self.id)
    }
}

/// LDP (RFC 5036).
#[derive(Debug, Clone, PartialEq)]
pub struct LdpConfig {
    /// Discovery, sessions, and how labels are distributed.
    pub engine: ::ldp::engine::LdpConfig,
    /// How packets are put into LSPs.
    pub lsps: LspSettings,
    /// Where labels are from.
    pub labels: LabelManagerConfig,
    /// The directory that outlives restarts of the machine, where its starts are counted (RFC 7349, 2.3).
    pub state_directory: PathBuf,
}

/// Where the switch is and what runs on it.
#[derive(Debug, Clone, PartialEq)]
pub struct SwitchConfig {
    /// The address of its P4Runtime server: `http://HOST:PORT` or `unix:///PATH`.
    pub address: Address,
    /// P4Runtime's device id.
    pub device_id: u64,
    /// The low 64 bits of P4Runtime's election id.
    pub election_id: u64,
    /// What the hardware holds and how deep it looks.
    pub profile: HardwareProfile,
    /// The P4Info of the program, in protobuf's text format.
    pub p4info: PathBuf,
    /// What the target loads: BMv2 JSON.
    pub device_config: PathBuf,
    /// Where the state of its ports is learned.
    pub port_state: PortStateSource,
}

/// Where the state of the switch's ports is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PortStateSource {
    /// From the switch where it serves gNMI, else from the links of this host.
    #[default]
    Auto,
    /// From the switch.
    Gnmi,
    /// From the links of this host.
    Netlink,
}

/// How the router treats what no LSP says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MplsPolicy {
    /// The special-purpose labels.
    pub special_purpose: SpecialPurposeLabels,
    /// Whether IPv4 packets that are too big and have DF clear are fragmented; else they are
    /// discarded (RFC 3032, 3.4).
    pub fragment: bool,
}

/// One interface of the router: a switch port or a VLAN on one, and its TAP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceConfig {
    /// The name of the TAP.
    pub name: String,
    /// The port of the switch.
    pub port: u16,
    /// The VLAN of its frames, 1 to 4094; 0: they have no tag.
    pub vlan: u16,
    /// The router's addresses on it, with the length of the connected prefix.
    pub addresses: Vec<IpNet>,
    /// Whether labelled packets are accepted and sent.
    pub mpls: bool,
    /// The MTU of IP packets, in octets.
    pub mtu: u32,
    /// The largest labelled packet with its labels, in octets (RFC 3032, 3.1).
    pub mpls_mtu: u32,
    /// What the code points of packets that arrive mean.
    pub qos_map: QosMapId,
    /// The MAC address, of the TAP and of frames that the switch sends.
    pub mac: [u8; 6],
    /// The VRF of IP packets that arrive; 0 is the global one.
    pub vrf: u16,
    /// The label space (RFC 3031 3.14); 0 is the platform's.
    pub label_space: u16,
    /// Whether the kernel does duplicate address detection (RFC 4862 5.4) on its IPv6 addresses.
    pub duplicate_address_detection: bool,
}

impl InterfaceConfig {
    /// Where the interface is.
    pub fn place(&self) -> PortVlan {
        PortVlan {
            port: self.port,
            vlan: self.vlan,
        }
    }
}

/// An attachment circuit: a switch port, or a VLAN on one, whose frames a pseudowire carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircuitConfig {
    /// The operator's name for it.
    pub name: String,
    /// Where it is.
    pub circuit: AttachmentCircuit,
    /// The largest frame, in octets behind Ethernet header and tag.
    pub mtu: u16,
    /// What the code points of frames that arrive mean.
    pub qos_map: QosMapId,
}

/// A protection domain (RFC 6378).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtectionConfig {
    /// The operator's name for it.
    pub name: String,
    /// Its number in the switch.
    pub id: ProtectionId,
    /// How it protects.
    pub kind: ProtectionKind,
}

/// How a protection domain protects (RFC 6378, 1.1; RFC 5654, 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtectionKind {
    /// The head sends by the working or by the protecting path.
    OneToOne,
    /// The head sends by both, and the tail selects.
    OnePlusOne,
}

/// An IP tunnel into which labelled packets are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunnelConfig {
    /// The operator's name for it.
    pub name: String,
    /// The outer header.
    pub tunnel: Tunnel,
    /// The neighbour towards the remote end.
    pub next_hop: NextHop,
}

/// The end of IP tunnels from which labelled packets are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TunnelEndConfig {
    /// The operator's name for it.
    pub name: String,
    /// The packets, one for each accepted prefix of senders.
    pub ends: Vec<TunnelEnd>,
    /// The label space of what is in them.
    pub label_space: LabelSpace,
}

/// The label space of the labels that an upstream neighbour assigned (RFC 5331, RFC 5332).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// The neighbour.
    pub neighbour: NextHop,
    /// The space.
    pub label_space: LabelSpace,
}

/// A static LSP: what it binds here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticLsp {
    /// The operator's name for it.
    pub name: String,
    /// In which table of the file it stands.
    pub kind: StaticLspKind,
    /// The FTN entry: packets of a FEC enter the LSP.
    pub ftn: Option<(Fec, FtnAction)>,
    /// The ILM entry: packets of the LSP arrive.
    pub ilm: Option<(IlmKey, IlmAction)>,
}

/// The kinds of static LSPs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StaticLspKind {
    /// `[[static-lsp.ftn]]`.
    Ftn,
    /// `[[static-lsp.ilm]]`.
    Ilm,
    /// `[[static-lsp.cross-connect]]`.
    CrossConnect,
    /// `[[static-lsp.pseudowire]]`.
    Pseudowire,
    /// `[[static-lsp.point-to-multipoint]]`.
    PointToMultipoint,
}

impl Config {
    /// Reads and checks a file. Paths in it are relative to its directory.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] tells everything that is wrong at once.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::from_text(path, &text)
    }

    /// Checks `text` as if it had been read from `path`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] tells everything that is wrong at once.
    pub fn from_text(path: &Path, text: &str) -> Result<Self, ConfigError> {
        check::check(path, text)
    }

    /// The interface of this name.
    pub fn interface(&self, name: &str) -> Option<&InterfaceConfig> {
        self.interfaces
            .iter()
            .find(|interface| interface.name == name)
    }

    /// The protection domain of this name.
    pub fn protection(&self, name: &str) -> Option<&ProtectionConfig> {
        self.protections.iter().find(|domain| domain.name == name)
    }
}
