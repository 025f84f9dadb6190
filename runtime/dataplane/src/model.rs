//! The entries of mpls.p4's tables, typed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use forwarding::{
    AttachmentCircuit, Behaviour, Codes, Dscp, EntryKey, Fec, IlmKey, LabelSpace, MacAddress,
    PathRole, Payload, ProtectionId, QosMapId, TailEnd, Tunnel, TunnelEnd, TunnelModel, VlanId,
    VrfId,
};
use ipnet::IpNet;
use mpls::{Label, TrafficClass};

use crate::{ControlPacket, PuntRate, PuntReason, ServiceMatch, Table};

/// The id of an NHLFE in the switch, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NhlfeId(pub u32);

/// The id of a path group in the switch, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathGroupId(pub u32);

/// The number of a multicast group of the switch, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MulticastGroupId(pub u16);

/// The id of an IP tunnel in the switch, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TunnelId(pub u16);

/// The name of an entry: its table and what it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// `punt_policy`: the number of the reason.
    PuntPolicy(u8),
    /// `service_class`: the packets, and the priority among the rules.
    ServiceClass(ServiceMatch, i32),
    /// `control_packet`: the frames, and the priority among the rules.
    ControlPacket(ControlPacket, i32),
    /// `tc_to_phb`.
    TcToPhb(QosMapId, TrafficClass),
    /// `dscp_to_phb`.
    DscpToPhb(QosMapId, Dscp),
    /// `phb_encoding`.
    PhbEncoding(QosMapId, Behaviour),
    /// `congestion_mark`.
    CongestionMark(QosMapId, TrafficClass),
    /// `tunnel_encapsulation`.
    Tunnel(TunnelId),
    /// `nhlfe`.
    Nhlfe(NhlfeId),
    /// `path_bucket`: the set, and the number of the bucket.
    PathBucket(PathGroupId, PathRole, u16),
    /// `path_group`.
    PathGroup(PathGroupId),
    /// `branch`: the group, and the replica.
    Branch(MulticastGroupId, u16),
    /// A multicast group of the packet replication engine.
    MulticastGroup(MulticastGroupId),
    /// `ilm` (stage 0), `ilm_second` (1), `ilm_third` (2).
    Ilm(u8, IlmKey),
    /// `ftn_ipv4` and `ftn_ipv6`.
    Ftn(VrfId, IpNet),
    /// `tunnel_end_ipv4` and `tunnel_end_ipv6`.
    TunnelEnd(TunnelEnd),
    /// `topology`: the VRF and the DSCP of the packets.
    Topology(VrfId, Dscp),
    /// `upstream_context`: port, VLAN, and the MAC address of the sender.
    UpstreamContext(u16, Option<VlanId>, MacAddress),
    /// `interface`: port and VLAN.
    Interface(u16, Option<VlanId>),
    /// `attachment_port`.
    AttachmentPort(u16),
    /// `station_mac`.
    StationMac(u16, MacAddress),
    /// `protection_state`.
    ProtectionState(ProtectionId),
    /// `tail_selector`.
    TailSelector(ProtectionId),
    /// `port_state`.
    PortState(u16),
}

/// What an entry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `punt_metered` with the rates of the direct meter.
    PuntMetered(PuntRate),
    /// `punt_drop`.
    PuntDrop,
    /// `set_service_class` and `punt_control`.
    Punt(PuntReason),
    /// `set_phb`, `set_dscp_phb`.
    Behaviour(Behaviour),
    /// `set_codes`.
    Codes(Codes),
    /// `set_marked_tc`.
    TrafficClass(TrafficClass),
    /// `udp_ipv4` to `mpls_in_ipv6`.
    Tunnel(Tunnel),
    /// `forward_unlabelled`, `push_1` to `push_4`.
    Nhlfe(NhlfeValue),
    /// `to_attachment_circuit`: the tag that frames leave with.
    ToAttachmentCircuit(Option<VlanId>),
    /// `set_nhlfe`.
    PathBucket(Bucket),
    /// `set_path_group`.
    PathGroup(PathGroupValue),
    /// `set_branch`.
    Branch(NhlfeId),
    /// `look_up_again`.
    LookUpAgain(LabelSpace),
    /// The copies of a multicast group.
    MulticastGroup(BTreeSet<Replica>),
    /// An action of the ILM.
    Ilm(IlmValue),
    /// An action of the FTN.
    Ftn(FtnValue),
    /// `decapsulate` and `set_upstream_context`.
    LabelSpace(LabelSpace),
    /// `set_topology`: the VRF whose FECs the packets are looked up among.
    Topology(VrfId),
    /// `set_interface`.
    Interface(InterfaceValue),
    /// `attachment_circuit` and `attachment_circuit_port`.
    AttachmentCircuit(PathGroupId, QosMapId),
    /// `admit`.
    Admit,
    /// `select_protecting` and `select_path`.
    Select(PathRole),
    /// `port_down`.
    PortDown,
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
    /// The VLAN tag of the interface.
    pub vlan: Option<VlanId>,
    /// The map to the code points.
    pub qos_map: QosMapId,
    /// Labels to push; none for `forward_unlabelled`.
    pub push: Option<Push>,
}

/// Labels to push, and what goes with them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Push {
    /// The labels, outermost first; at least one.
    pub labels: Vec<Label>,
    /// How TTL and marking are taken over.
    pub model: TunnelModel,
    /// The position of the label above the entropy label, 1 for the outermost.
    pub entropy_label: Option<u8>,
    /// Whether a pseudowire control word is below the labels.
    pub control_word: bool,
    /// Whether the outermost label is upstream-assigned.
    pub upstream_assigned: bool,
    /// The IP tunnel.
    pub tunnel: Option<TunnelId>,
}

/// Where the flows of a bucket leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket {
    /// While the port is up.
    pub primary: Exit,
    /// While the primary's port is down.
    pub backup: Option<Exit>,
}

/// An NHLFE and its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exit {
    /// The NHLFE.
    pub nhlfe: NhlfeId,
    /// The port that it leaves by.
    pub port: u16,
    /// The largest packet before the NHLFE's push, in octets behind the Ethernet header.
    pub max_length: u16,
}

/// The sets of a path group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathGroupValue {
    /// The protection domain.
    pub protection: Option<ProtectionId>,
    /// Buckets of the working set, a power of two.
    pub working_buckets: u16,
    /// Buckets of the protecting set, a power of two; 1 without protection, when there is none.
    pub protecting_buckets: u16,
    /// Which bits of the hash pick the bucket.
    pub hash_shift: u8,
}

/// A copy of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Replica {
    /// The port that it goes to.
    pub port: u16,
    /// Its branch.
    pub replica: u16,
}

/// An action of the ILM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // The fields are the parameters of mpls.p4's actions.
pub enum IlmValue {
    /// `swap`.
    Swap {
        group: PathGroupId,
        qos_map: QosMapId,
    },
    /// `pop_and_forward`.
    PopAndForward {
        group: PathGroupId,
        payload: Option<Payload>,
        model: TunnelModel,
        qos_map: QosMapId,
    },
    /// `pop_and_look_up_ip`.
    PopAndLookUpIp {
        vrf: VrfId,
        payload: Payload,
        model: TunnelModel,
        qos_map: QosMapId,
        tail_end: Option<TailEnd>,
    },
    /// `pop_and_look_up_label`.
    PopAndLookUpLabel {
        label_space: LabelSpace,
        model: TunnelModel,
        qos_map: QosMapId,
        tail_end: Option<TailEnd>,
    },
    /// `pop_to_attachment_circuit`.
    PopToAttachmentCircuit {
        group: PathGroupId,
        control_word: bool,
        qos_map: QosMapId,
        tail_end: Option<TailEnd>,
    },
    /// `replicate`.
    Replicate {
        group: MulticastGroupId,
        max_length: u16,
        qos_map: QosMapId,
    },
    /// `explicit_null`.
    ExplicitNull {
        payload: Payload,
        model: TunnelModel,
    },
    /// `entropy_label_indicator`.
    EntropyLabelIndicator {
        payload: Option<Payload>,
        model: TunnelModel,
    },
    /// `punt_label`.
    Punt(PuntReason),
    /// `discard_label`.
    Discard,
}

/// An action of the FTN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FtnValue {
    /// `forward_fec`.
    Forward(PathGroupId),
    /// `replicate_fec`: the group, and the largest packet in octets.
    Replicate(MulticastGroupId, u16),
    /// `to_router`.
    ToRouter,
    /// `glean`.
    Glean,
    /// `discard`.
    Discard,
}

/// The settings of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // The fields are the parameters of set_interface.
pub struct InterfaceValue {
    pub mpls_enabled: bool,
    pub vrf: VrfId,
    pub label_space: LabelSpace,
    pub qos_map: QosMapId,
}

/// What a switch holds, or should hold.
pub type Entries = BTreeMap<Key, Value>;

/// Steps of a change: an entry is written after those that it points to, and what lets packets in
/// comes last. Deletion goes the other way.
pub(crate) const RANKS: u8 = 8;

impl Key {
    /// The step in which the entry is written, below [`RANKS`].
    ///
    /// Buckets are added before their group grows to have them, and changed after it: so a flow
    /// that stays never meets another path in between.
    pub(crate) fn rank(&self, is_new: bool) -> u8 {
        match self {
            Self::PuntPolicy(_)
            | Self::ServiceClass(..)
            | Self::ControlPacket(..)
            | Self::TcToPhb(..)
            | Self::DscpToPhb(..)
            | Self::PhbEncoding(..)
            | Self::CongestionMark(..)
            | Self::Tunnel(_)
            | Self::ProtectionState(_)
            | Self::TailSelector(_)
            | Self::PortState(_) => 0,
            Self::Nhlfe(_) => 1,
            Self::PathBucket(..) if is_new => 2,
            Self::Branch(..) => 2,
            Self::PathGroup(_) | Self::MulticastGroup(_) => 3,
            Self::PathBucket(..) => 4,
            Self::Ilm(..) | Self::Ftn(..) => 5,
            Self::TunnelEnd(_) | Self::Topology(..) | Self::UpstreamContext(..) => 6,
            // Last: packets that come in meanwhile would find no route.
            Self::Interface(..) | Self::AttachmentPort(_) | Self::StationMac(..) => 7,
        }
    }

    /// The table.
    pub fn table(&self) -> Table {
        match self {
            Self::PuntPolicy(_) => Table::PuntPolicy,
            Self::ServiceClass(..) => Table::ServiceClass,
            Self::ControlPacket(..) => Table::ControlPacket,
            Self::TcToPhb(..) => Table::TcToPhb,
            Self::DscpToPhb(..) => Table::DscpToPhb,
            Self::PhbEncoding(..) => Table::PhbEncoding,
            Self::CongestionMark(..) => Table::CongestionMark,
            Self::Tunnel(_) => Table::TunnelEncapsulation,
            Self::Nhlfe(_) => Table::Nhlfe,
            Self::PathBucket(..) => Table::PathBucket,
            Self::PathGroup(_) => Table::PathGroup,
            Self::Branch(..) => Table::Branch,
            Self::MulticastGroup(_) => Table::MulticastGroup,
            Self::Ilm(0, _) => Table::Ilm,
            Self::Ilm(1, _) => Table::IlmSecond,
            Self::Ilm(..) => Table::IlmThird,
            Self::Ftn(_, IpNet::V4(_)) => Table::FtnIpv4,
            Self::Ftn(_, IpNet::V6(_)) => Table::FtnIpv6,
            Self::TunnelEnd(end) if end.destination.is_ipv4() => Table::TunnelEndIpv4,
            Self::TunnelEnd(_) => Table::TunnelEndIpv6,
            Self::Topology(..) => Table::Topology,
            Self::UpstreamContext(..) => Table::UpstreamContext,
            Self::Interface(..) => Table::Interface,
            Self::AttachmentPort(_) => Table::AttachmentPort,
            Self::StationMac(..) => Table::StationMac,
            Self::ProtectionState(_) => Table::ProtectionState,
            Self::TailSelector(_) => Table::TailSelector,
            Self::PortState(_) => Table::PortState,
        }
    }

    /// The entry of the LFIB that an entry with this value is of, if it is of one.
    pub fn lfib_key(&self, value: &Value) -> Option<EntryKey> {
        match self {
            Self::Ilm(_, key) => Some(EntryKey::Ilm(*key)),
            Self::Ftn(vrf, prefix) => Some(EntryKey::Ftn(Fec::prefix(*vrf, *prefix))),
            Self::Interface(port, vlan) if matches!(value, Value::AttachmentCircuit(..)) => {
                Some(circuit(*port, *vlan))
            }
            Self::AttachmentPort(port) => Some(circuit(*port, None)),
            _ => None,
        }
    }
}

fn circuit(port: u16, vlan: Option<VlanId>) -> EntryKey {
    EntryKey::Ftn(Fec::AttachmentCircuit(AttachmentCircuit { port, vlan }))
}

/// The ILM tables, by stage.
pub(crate) const ILM_TABLES: [Table; 3] = [Table::Ilm, Table::IlmSecond, Table::IlmThird];

/// Every table that a reconciliation writes: all but those of the switchover state.
pub(crate) const TABLES: [Table; Table::ALL.len() - Table::SWITCHOVER.len()] = {
    let mut tables = [Table::PuntPolicy; Table::ALL.len() - Table::SWITCHOVER.len()];
    let mut at = 0;
    while at < tables.len() {
        // Those of the switchover state are the last three.
        tables[at] = Table::ALL[at];
        at += 1;
    }
    tables
};

/// A VLAN in text.
fn vlan(vlan: Option<VlanId>) -> String {
    vlan.map_or_else(String::new, |vlan| format!(" vlan {vlan}"))
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table();
        match self {
            Self::PuntPolicy(reason) => write!(f, "{table} reason {reason}"),
            Self::ServiceClass(service, priority) => {
                write!(f, "{table} protocol {}", service.protocol)?;
                if let Some(port) = service.source_port {
                    write!(f, " from port {port}")?;
                }
                if let Some(port) = service.destination_port {
                    write!(f, " to port {port}")?;
                }
                write!(f, " priority {priority}")
            }
            Self::ControlPacket(kind, priority) => write!(
                f,
                "{table} ether-type {:#06x}/{:#06x} to {}/{} priority {priority}",
                kind.ether_type, kind.ether_type_mask, kind.destination, kind.destination_mask
            ),
            Self::TcToPhb(map, class) | Self::CongestionMark(map, class) => {
                write!(f, "{table} map {map} traffic class {}", class.value())
            }
            Self::DscpToPhb(map, dscp) => write!(f, "{table} map {map} DSCP {dscp}"),
            Self::PhbEncoding(map, behaviour) => write!(
                f,
                "{table} map {map} PHB {}{}",
                behaviour.phb,
                if behaviour.congestion {
                    " congested"
                } else {
                    ""
                }
            ),
            Self::Tunnel(id) => write!(f, "{table} {}", id.0),
            Self::Nhlfe(id) => write!(f, "{table} {}", id.0),
            Self::PathBucket(group, role, bucket) => {
                write!(f, "{table} of group {} {role} bucket {bucket}", group.0)
            }
            Self::PathGroup(id) => write!(f, "{table} {}", id.0),
            Self::Branch(group, replica) => {
                write!(f, "{table} of group {} replica {replica}", group.0)
            }
            Self::MulticastGroup(id) => write!(f, "{table} {}", id.0),
            Self::Ilm(_, key) => write!(f, "{table} {key}"),
            Self::Ftn(vrf, prefix) => write!(f, "{table} {}", Fec::prefix(*vrf, *prefix)),
            Self::TunnelEnd(end) => write!(f, "{table} {end}"),
            Self::Topology(vrf, dscp) => write!(f, "{table} VRF {vrf} DSCP {dscp}"),
            Self::UpstreamContext(port, id, mac) => {
                write!(f, "{table} port {port}{} from {mac}", vlan(*id))
            }
            Self::Interface(port, id) => write!(f, "{table} port {port}{}", vlan(*id)),
            Self::AttachmentPort(port) | Self::PortState(port) => write!(f, "{table} port {port}"),
            Self::StationMac(port, mac) => write!(f, "{table} port {port} {mac}"),
            Self::ProtectionState(id) | Self::TailSelector(id) => {
                write!(f, "{table} protection {id}")
            }
        }
    }
}

impl Value {
    /// The entries that an entry of this value points to; they must be there before it.
    pub fn references(&self, key: &Key) -> Vec<Key> {
        match self {
            Self::Nhlfe(NhlfeValue {
                push: Some(push), ..
            }) => push.tunnel.map(Key::Tunnel).into_iter().collect(),
            Self::PathBucket(bucket) => std::iter::once(bucket.primary)
                .chain(bucket.backup)
                .map(|exit| Key::Nhlfe(exit.nhlfe))
                .collect(),
            Self::PathGroup(value) => match key {
                Key::PathGroup(id) => value.buckets(*id).collect(),
                _ => Vec::new(),
            },
            Self::Branch(nhlfe) => vec![Key::Nhlfe(*nhlfe)],
            Self::MulticastGroup(replicas) => match key {
                Key::MulticastGroup(id) => replicas
                    .iter()
                    .map(|replica| Key::Branch(*id, replica.replica))
                    .collect(),
                _ => Vec::new(),
            },
            value => {
                let group = value.path_group().map(Key::PathGroup);
                let multicast = value.multicast_group().map(Key::MulticastGroup);
                group.into_iter().chain(multicast).collect()
            }
        }
    }

    /// The path group to which the entry sends packets.
    pub fn path_group(&self) -> Option<PathGroupId> {
        match *self {
            Self::Ilm(
                IlmValue::Swap { group, .. }
                | IlmValue::PopAndForward { group, .. }
                | IlmValue::PopToAttachmentCircuit { group, .. },
            )
            | Self::Ftn(FtnValue::Forward(group))
            | Self::AttachmentCircuit(group, _) => Some(group),
            _ => None,
        }
    }

    /// The multicast group to which the entry sends packets.
    pub fn multicast_group(&self) -> Option<MulticastGroupId> {
        match *self {
            Self::Ilm(IlmValue::Replicate { group, .. })
            | Self::Ftn(FtnValue::Replicate(group, _)) => Some(group),
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

impl PathGroupValue {
    /// How many buckets a set has.
    pub fn count(self, role: PathRole) -> u16 {
        match (role, self.protection) {
            (PathRole::Working, _) => self.working_buckets,
            (PathRole::Protecting, Some(_)) => self.protecting_buckets,
            (PathRole::Protecting, None) => 0,
        }
    }

    /// The keys of the buckets that the group has.
    pub fn buckets(self, id: PathGroupId) -> impl Iterator<Item = Key> {
        let set = move |role| (0..self.count(role)).map(move |at| Key::PathBucket(id, role, at));
        set(PathRole::Working).chain(set(PathRole::Protecting))
    }
}

/// The buckets of a path group's set as the entries have them, by their number: what the switch
/// picks by the flow hash. It ends before the first one that is missing, and is empty if the group
/// is not there.
pub fn buckets_of(entries: &Entries, group: PathGroupId, role: PathRole) -> Vec<Bucket> {
    let Some(Value::PathGroup(value)) = entries.get(&Key::PathGroup(group)) else {
        return Vec::new();
    };
    let bucket = |at| match entries.get(&Key::PathBucket(group, role, at)) {
        Some(Value::PathBucket(bucket)) => Some(*bucket),
        _ => None,
    };
    (0..value.count(role)).map_while(bucket).collect()
}
