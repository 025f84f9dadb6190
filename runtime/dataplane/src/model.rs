//! The entries of mpls.p4's tables, typed.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use forwarding::{EntryKey, Fec, IlmKey, MacAddress, Payload, VrfId};
use ipnet::IpNet;
use mpls::Label;

use crate::{ControlPacket, PuntRate};

/// The id of an NHLFE in the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NhlfeId(pub u32);

/// The id of a path group in the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathGroupId(pub u32);

/// The name of an entry: its table and what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// `punt_policy`: the number of the reason.
    PuntPolicy(u8),
    /// `control_packet`: the frames, and the priority among the rules.
    ControlPacket(ControlPacket, i32),
    /// `nhlfe`.
    Nhlfe(NhlfeId),
    /// `path_group`.
    PathGroup(PathGroupId),
    /// `ilm` (stage 0), `ilm_second` (1), `ilm_third` (2).
    Ilm(u8, IlmKey),
    /// `ftn_ipv4` and `ftn_ipv6`.
    Ftn(VrfId, IpNet),
    /// `port_config`.
    Port(u16),
    /// `station_mac`.
    StationMac(u16, MacAddress),
}

/// What an entry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `punt_metered` with the rates of the direct meter.
    PuntMetered(PuntRate),
    /// `punt_drop`.
    PuntDrop,
    /// `punt_control`.
    PuntControl,
    /// `forward_unlabelled`, `push_1` to `push_4`.
    Nhlfe(NhlfeValue),
    /// A one-shot action set of `set_nhlfe`.
    PathGroup(Vec<Member>),
    /// An action of the ILM.
    Ilm(IlmValue),
    /// An action of the FTN.
    Ftn(FtnValue),
    /// `set_port`.
    Port(PortValue),
    /// `admit`.
    Admit,
    /// What this program does not write; another controller did.
    Foreign,
}

/// The MAC rewrite and the labels of an NHLFE.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NhlfeValue {
    /// Source MAC address: that of the interface.
    pub source: MacAddress,
    /// Destination MAC address: that of the neighbour.
    pub destination: MacAddress,
    /// Labels to push, outermost first.
    pub labels: Vec<Label>,
    /// Whether pushed labels begin with a TTL of their own (RFC 3443 section 3.2).
    pub ttl_pipe: bool,
}

/// A member of a path group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// The NHLFE.
    pub nhlfe: NhlfeId,
    /// The port that it leaves by; the member is used while the port is up.
    pub port: u16,
    /// Its share.
    pub weight: u32,
}

/// An action of the ILM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // The fields are the parameters of mpls.p4's actions.
pub enum IlmValue {
    /// `swap`.
    Swap(PathGroupId),
    /// `pop_and_forward`.
    PopAndForward {
        group: PathGroupId,
        payload: Option<Payload>,
        ttl_pipe: bool,
    },
    /// `pop_and_look_up_ip`.
    PopAndLookUpIp {
        vrf: VrfId,
        payload: Payload,
        ttl_pipe: bool,
    },
    /// `pop_and_look_up_label`.
    PopAndLookUpLabel { ttl_pipe: bool },
    /// `explicit_null`.
    ExplicitNull { payload: Payload, ttl_pipe: bool },
    /// `punt_label`.
    Punt,
}

/// An action of the FTN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FtnValue {
    /// `forward_fec`.
    Forward(PathGroupId),
    /// `to_router`.
    ToRouter,
    /// `glean`.
    Glean,
    /// `discard`.
    Discard,
}

/// The settings of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // The fields are the parameters of set_port.
pub struct PortValue {
    pub mpls_enabled: bool,
    pub vrf: VrfId,
    pub label_space: forwarding::LabelSpace,
}

/// What a switch holds, or should hold.
pub type Entries = BTreeMap<Key, Value>;

/// Steps of a change: an entry is written after those that it points to, and what lets packets in
/// comes last. Deletion goes the other way.
pub(crate) const RANKS: u8 = 4;

impl Key {
    /// The step in which the entry is written, below [`RANKS`].
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::PuntPolicy(_) | Self::ControlPacket(..) | Self::Nhlfe(_) => 0,
            Self::PathGroup(_) => 1,
            Self::Ilm(..) | Self::Ftn(..) => 2,
            // Last: packets that come in meanwhile would find no route.
            Self::Port(_) | Self::StationMac(..) => 3,
        }
    }

    /// The name of the table.
    pub fn table(&self) -> &'static str {
        match self {
            Self::PuntPolicy(_) => "punt_policy",
            Self::ControlPacket(..) => "control_packet",
            Self::Nhlfe(_) => "nhlfe",
            Self::PathGroup(_) => "path_group",
            Self::Ilm(stage, _) => ILM_TABLES[usize::from(*stage).min(ILM_TABLES.len() - 1)],
            Self::Ftn(_, IpNet::V4(_)) => "ftn_ipv4",
            Self::Ftn(_, IpNet::V6(_)) => "ftn_ipv6",
            Self::Port(_) => "port_config",
            Self::StationMac(..) => "station_mac",
        }
    }

    /// The entry of the LFIB that it is of, if it is of one.
    pub fn lfib_key(&self) -> Option<EntryKey> {
        match self {
            Self::Ilm(_, key) => Some(EntryKey::Ilm(*key)),
            Self::Ftn(vrf, prefix) => Some(EntryKey::Ftn(Fec::prefix(*vrf, *prefix))),
            _ => None,
        }
    }
}

/// The ILM tables, by stage.
pub(crate) const ILM_TABLES: [&str; 3] = ["ilm", "ilm_second", "ilm_third"];

/// Every table that this crate writes.
pub(crate) const TABLES: [&str; 11] = [
    "punt_policy",
    "control_packet",
    "nhlfe",
    "path_group",
    "ilm",
    "ilm_second",
    "ilm_third",
    "ftn_ipv4",
    "ftn_ipv6",
    "port_config",
    "station_mac",
];

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table();
        match self {
            Self::PuntPolicy(reason) => write!(f, "{table} reason {reason}"),
            Self::ControlPacket(kind, priority) => write!(
                f,
                "{table} ether-type {:#06x}/{:#06x} to {}/{} priority {priority}",
                kind.ether_type, kind.ether_type_mask, kind.destination, kind.destination_mask
            ),
            Self::Nhlfe(id) => write!(f, "{table} {}", id.0),
            Self::PathGroup(id) => write!(f, "{table} {}", id.0),
            Self::Ilm(_, key) => write!(f, "{table} {key}"),
            Self::Ftn(vrf, prefix) => write!(f, "{table} {}", Fec::prefix(*vrf, *prefix)),
            Self::Port(port) => write!(f, "{table} port {port}"),
            Self::StationMac(port, mac) => write!(f, "{table} port {port} {mac}"),
        }
    }
}

impl Value {
    /// The entries that it points to; they must be there before it.
    pub fn references(&self) -> Vec<Key> {
        match self {
            Self::PathGroup(members) => members
                .iter()
                .map(|member| Key::Nhlfe(member.nhlfe))
                .collect(),
            value => value.path_group().map(Key::PathGroup).into_iter().collect(),
        }
    }

    /// The path group of an FTN or ILM entry.
    pub fn path_group(&self) -> Option<PathGroupId> {
        match *self {
            Self::Ilm(IlmValue::Swap(group) | IlmValue::PopAndForward { group, .. })
            | Self::Ftn(FtnValue::Forward(group)) => Some(group),
            _ => None,
        }
    }

    /// Whether a switch that was given `self` may answer `other`.
    ///
    /// BMv2 keeps rates as floating point numbers per microsecond and gives them back rounded.
    pub fn agrees_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::PuntMetered(ours), Self::PuntMetered(theirs)) => {
                ours.rate.abs_diff(theirs.rate) <= 1 && ours.burst == theirs.burst
            }
            _ => self == other,
        }
    }
}

/// The address family of a prefix, as the payload of a label.
pub(crate) fn payload_of(address: IpAddr) -> Payload {
    match address {
        IpAddr::V4(_) => Payload::Ipv4,
        IpAddr::V6(_) => Payload::Ipv6,
    }
}
