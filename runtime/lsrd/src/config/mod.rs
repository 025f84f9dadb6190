//! lsrd's configuration file: TOML, checked as a whole before anything of it is used.

mod check;
mod interfaces;
mod lsps;
mod problem;
mod section;

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dataplane::HardwareProfile;
use forwarding::{Payload, TtlModel};
use ipnet::IpNet;
use mpls::Label;
use p4runtime_client::Address;

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
    /// How long after the start of lsrd the entries are kept that the switch holds and whose
    /// next hops are not resolved yet.
    pub restart_hold: Duration,
    /// The router's interfaces, one per switch port in use.
    pub interfaces: Vec<InterfaceConfig>,
    /// Static FTN entries.
    pub ftn: Vec<StaticFtn>,
    /// Static ILM entries that end here: pop or punt.
    pub ilm: Vec<StaticIlm>,
    /// Static cross-connects: a label in, an NHLFE set out.
    pub cross_connects: Vec<CrossConnect>,
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
}

/// One interface of the router: a switch port and its TAP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceConfig {
    /// The name of the TAP.
    pub name: String,
    /// The port of the switch.
    pub port: u16,
    /// The router's addresses on it, with the length of the connected prefix.
    pub addresses: Vec<IpNet>,
    /// Whether labelled packets are accepted and sent.
    pub mpls: bool,
    /// The MTU of IP packets, in octets.
    pub mtu: u32,
    /// The MAC address, of the TAP and of frames that the switch sends.
    pub mac: [u8; 6],
    /// The VRF of IP packets that arrive; 0 is the global one.
    pub vrf: u16,
    /// The label space (RFC 3031 3.14); 0 is the platform's.
    pub label_space: u16,
    /// Whether the kernel does duplicate address detection (RFC 4862 5.4) on its IPv6 addresses.
    pub duplicate_address_detection: bool,
}

/// A static FTN entry: packets of a FEC enter an LSP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticFtn {
    /// The operator's name for it.
    pub name: String,
    /// The FEC: an address prefix.
    pub fec: IpNet,
    /// The VRF of the packets.
    pub vrf: u16,
    /// The TTL model of RFC 3443.
    pub ttl_model: TtlModel,
    /// Where they go: equal-cost paths, by weight.
    pub next_hops: Vec<NextHop>,
}

/// A static ILM entry whose packets end their LSP here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticIlm {
    /// The operator's name for it.
    pub name: String,
    /// The incoming label.
    pub label: Label,
    /// The label space of the incoming label.
    pub label_space: u16,
    /// What is done.
    pub operation: IlmOperation,
    /// The TTL model of RFC 3443.
    pub ttl_model: TtlModel,
}

/// What a static ILM entry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IlmOperation {
    /// Pop, and look the IP packet below up in a VRF.
    PopAndLookUpIp {
        /// The VRF.
        vrf: u16,
        /// What is below the label: known from the FEC, never guessed (RFC 9790).
        payload: Payload,
    },
    /// Pop, and look the next label up.
    PopAndLookUpLabel,
    /// Hand the packet to lsrd.
    Punt,
}

/// A static cross-connect: the incoming label is swapped, or popped at the penultimate hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrossConnect {
    /// The operator's name for it.
    pub name: String,
    /// The incoming label.
    pub label: Label,
    /// The label space of the incoming label.
    pub label_space: u16,
    /// What is below the last label; needed when a next hop has no labels.
    pub payload: Option<Payload>,
    /// The TTL model of RFC 3443.
    pub ttl_model: TtlModel,
    /// Where the packets go.
    pub next_hops: Vec<NextHop>,
}

/// One next hop with the labels that it expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextHop {
    /// The name of the outgoing interface.
    pub interface: String,
    /// The neighbour's address.
    pub address: IpAddr,
    /// The labels to push, outermost first; none at the penultimate hop.
    pub labels: Vec<Label>,
    /// The share among the next hops, at least 1.
    pub weight: u16,
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
}
