//! Counters, meters, multicast, clone sessions, and what the switch tells of its program.

use bmv2_json::MatchType;

use super::PortNumber;

/// What a counter has counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CounterValue {
    /// Packets.
    pub packets: u64,
    /// Bytes, of whole packets as they came in.
    pub bytes: u64,
}

/// What a meter has counted, by colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MeterCounts {
    /// Packets marked green.
    pub green: CounterValue,
    /// Packets marked yellow.
    pub yellow: CounterValue,
    /// Packets marked red.
    pub red: CounterValue,
}

/// Configuration of a three-colour meter that is not colour-aware, with rates in packets or bytes.
///
/// Without excess burst it has two rates (RFC 2698): a packet is red (2) if it exceeds the peak
/// rate, otherwise yellow (1) if it exceeds the committed rate, otherwise green (0). With an excess
/// burst it has the committed rate only (RFC 2697): a packet is green if it keeps to the committed
/// burst, otherwise yellow if it keeps to the excess burst, otherwise red.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeterConfig {
    /// Committed information rate, in packets or bytes per second.
    pub cir: u64,
    /// Committed burst size, in packets or bytes.
    pub cburst: u64,
    /// Peak information rate, in packets or bytes per second; not less than `cir`.
    pub pir: u64,
    /// Peak burst size, in packets or bytes.
    pub pburst: u64,
    /// Excess burst size, in packets or bytes; then `pir` and `pburst` are those of the committed
    /// rate. 0 for two rates.
    pub eburst: u64,
}

/// A copy that multicast or a clone session makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Replica {
    /// The port that it goes to.
    pub port: PortNumber,
    /// What `standard_metadata.egress_rid` is in the egress pipeline.
    pub instance: u16,
}

/// A copy that multicast or a clone session makes, and what takes its place while its port is down.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReplicaWithBackups {
    /// The copy.
    pub primary: Replica,
    /// The copies that stand in for it, the most preferred one first: the first whose port is up
    /// is made. If there is none, the primary one is, which its port then drops.
    pub backups: Vec<Replica>,
}

impl From<Replica> for ReplicaWithBackups {
    fn from(primary: Replica) -> Self {
        Self {
            primary,
            backups: Vec::new(),
        }
    }
}

/// What a clone goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloneSession {
    /// The copies.
    pub replicas: Vec<ReplicaWithBackups>,
    /// Length in bytes that the clone is cut to before the egress pipeline; 0 for no cut.
    pub packet_length: u32,
}

/// A value of a parser value set, in network byte order. Only exact values are supported, as by
/// BMv2.
pub type ValueSetMember = Vec<u8>;

/// A table of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInfo {
    /// Name of the table.
    pub name: String,
    /// The elements of its key.
    pub key: Vec<KeyInfo>,
    /// The actions that an entry may have.
    pub actions: Vec<ActionInfo>,
    /// How many entries it can hold.
    pub max_size: usize,
    /// How many it holds.
    pub size: usize,
    /// Name of its action profile.
    pub action_profile: Option<String>,
    /// Whether its entries have a priority: there is a ternary or range element in its key.
    pub has_priority: bool,
    /// Whether its entries are given by the program and cannot be changed.
    pub is_const: bool,
    /// Whether each entry has a counter.
    pub has_counters: bool,
    /// Whether the time of the last hit of each entry is kept.
    pub has_idle_timeouts: bool,
    /// Whether each entry has a meter, and of what.
    pub meter: Option<bmv2_json::MeterType>,
}

/// An element of a table's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its name for the control plane.
    pub name: String,
    /// How it is matched.
    pub match_type: MatchType,
    /// Width in bits.
    pub width: u32,
}

/// An action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionInfo {
    /// Name of the action.
    pub name: String,
    /// Its parameters.
    pub parameters: Vec<ParameterInfo>,
}

/// A parameter of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterInfo {
    /// Name of the parameter.
    pub name: String,
    /// Width in bits.
    pub width: u32,
}

/// An action profile of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileInfo {
    /// Name of the action profile.
    pub name: String,
    /// How many members it can hold, with the actions of action sets.
    pub max_size: usize,
    /// Whether it has a selector, so that there can be groups and action sets.
    pub has_selector: bool,
    /// The tables that use it.
    pub tables: Vec<String>,
}

/// A packet that the program sent to the CPU port: with the `packet_in` header in front, if the
/// program has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuPacket {
    /// The bytes that the deparser wrote.
    pub bytes: Vec<u8>,
}

/// A digest that the program generated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Name of its list of fields (`learn_lists` in the JSON; the digest's name in P4Info).
    pub name: String,
    /// The values of the fields, in the order of the list.
    pub fields: Vec<Vec<u8>>,
}

/// A port went up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortEvent {
    /// The port.
    pub port: PortNumber,
    /// Its new state.
    pub state: PortState,
}

/// Whether a port can receive and send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PortState {
    /// It can.
    Up,
    /// The link is down, or the interface is not there.
    Down,
}

/// What a port has seen. All count from the time when the port was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct PortStatistics {
    /// Packets received.
    pub received_packets: u64,
    /// Packets received whose Ethernet destination is a group, but for broadcasts.
    pub received_multicast: u64,
    /// Packets received whose Ethernet destination is all stations.
    pub received_broadcast: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Packets sent.
    pub sent_packets: u64,
    /// Packets sent whose Ethernet destination is a group, but for broadcasts.
    pub sent_multicast: u64,
    /// Packets sent whose Ethernet destination is all stations.
    pub sent_broadcast: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Packets that the kernel dropped because the switch did not read them in time.
    pub receive_overruns: u64,
    /// Packets received that were dropped because they were made for segmentation by hardware
    /// (GSO) and are no packets of the link: segmentation offload must be off at the sender.
    pub receive_oversized: u64,
    /// Packets received that could not be read for another reason.
    pub receive_errors: u64,
    /// Packets not sent since the queue of the interface was full (`ENOBUFS`, `EAGAIN`).
    pub send_queue_full: u64,
    /// Packets not sent since the link was down (`ENETDOWN`, `ENXIO`, `ENODEV`).
    pub send_link_down: u64,
    /// Packets not sent since they were longer than the MTU (`EMSGSIZE`).
    pub send_too_long: u64,
    /// Packets not sent for another reason.
    pub send_errors: u64,
}

/// A port of the switch.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PortInfo {
    /// Its number.
    pub number: PortNumber,
    /// Name of the interface, or what else it is made of.
    pub name: String,
    /// Index of the network interface, if it is one and it is there.
    pub index: Option<u32>,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Whether it can receive and send.
    pub state: PortState,
    /// When `state` changed last, in nanoseconds since the epoch.
    pub last_change: u64,
    /// What it has seen.
    pub statistics: PortStatistics,
}

/// What happened to packets apart from being sent, since the program was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct DropStatistics {
    /// Dropped by the program in ingress.
    pub ingress: u64,
    /// Dropped by the program in egress.
    pub egress: u64,
    /// Multicast to a group without replicas.
    pub empty_multicast_group: u64,
    /// Clones for a session that is not there.
    pub unknown_clone_session: u64,
    /// Dropped since they were resubmitted or recirculated too often.
    pub loop_limit: u64,
    /// Dropped since an action took too many steps (an endless loop in the program).
    pub step_limit: u64,
    /// Sent to a port that the switch does not have.
    pub unknown_port: u64,
    /// Packets for the CPU that were dropped since the control plane did not take them in time.
    pub cpu_queue_full: u64,
    /// Digests that were dropped since the control plane did not take them in time.
    pub digest_queue_full: u64,
    /// Failed `assert` or `assume` statements; the packet is dropped.
    pub failed_assertions: u64,
}
