//! What an operator sees: the state of [`super::Ldp`] at a moment, as plain data that can be written as
//! JSON. Times are in seconds.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use serde::Serialize;

use crate::LdpIdentifier;
use crate::discovery::Family;
use crate::session::{Role, SessionState};

/// A Hello adjacency (RFC 5036 section 2.4).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdjacencyView {
    /// The peer.
    pub neighbour: LdpIdentifier,
    /// The interface of a link adjacency; `None`: a targeted one.
    pub interface: Option<Arc<str>>,
    /// The family that the Hellos come by.
    pub family: Family,
    /// The source of the Hellos.
    pub source: IpAddr,
    /// The peer's transport address.
    pub transport: IpAddr,
    /// The hold time that is in use; `None`: for ever.
    pub hold_time: Option<u32>,
    /// The hold time that this LSR proposes; 65535 for ever.
    pub proposed_hold_time: u16,
    /// The hold time that the peer proposes, as it sent it.
    pub peer_hold_time: u16,
    /// When the adjacency ends without another Hello; `None`: never.
    pub expires_in: Option<f64>,
    /// For how long it has been there.
    pub up_for: f64,
    /// Hellos that came.
    pub hellos_received: u64,
    /// The peer's G flag (RFC 6720).
    pub gtsm: bool,
    /// The peer's transport preference, if it is a dual-stack LSR (RFC 7552 section 6.1.1).
    pub dual_stack: Option<Family>,
    /// The peer's Configuration Sequence Number.
    pub configuration_sequence: Option<u32>,
    /// Its Hellos are authenticated (RFC 7349).
    pub authenticated: bool,
}

/// LDP-IGP synchronization (RFC 5443).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IgpSyncState {
    /// It is not asked for on this interface.
    Disabled,
    /// No session with a neighbour of the interface is operational.
    NotAchieved,
    /// A session is operational, and its labels are waited for.
    WaitingForLabels,
    /// LDP is fully operational on the interface.
    Achieved,
}

/// A configured interface.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InterfaceView {
    /// Its name.
    pub name: Arc<str>,
    /// Each family that is enabled.
    pub families: Vec<InterfaceFamilyView>,
    /// LDP-IGP synchronization.
    pub igp_sync: IgpSyncState,
}

/// A family of a configured interface.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InterfaceFamilyView {
    /// The family.
    pub family: Family,
    /// Hellos are sent and taken.
    pub active: bool,
    /// Why not, or why there is no session by it, in words; `None`: all is well.
    pub reason: Option<String>,
    /// The source of its Hellos.
    pub source: Option<IpAddr>,
    /// The transport address in its Hellos.
    pub transport: Option<IpAddr>,
    /// The proposed hold time.
    pub hello_hold_time: u16,
    /// The time between Hellos.
    pub hello_interval: f64,
    /// When the next Hello goes out.
    pub next_hello_in: Option<f64>,
    /// Hello adjacencies.
    pub adjacencies: usize,
    /// Hellos sent.
    pub hellos_sent: u64,
    /// Hellos received, with those that were discarded.
    pub hellos_received: u64,
    /// Hellos discarded.
    pub hellos_discarded: u64,
}

/// A peer of Extended Discovery: configured, asked for by an application, or answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TargetedPeerView {
    /// Where Hellos go.
    pub address: IpAddr,
    /// Why there are targeted Hellos.
    pub origin: TargetedOrigin,
    /// Who in this LSR asked for it, by name.
    pub requesters: Vec<Arc<str>>,
    /// The neighbour, if it answers.
    pub neighbour: Option<LdpIdentifier>,
    /// Why there is no session, in words; `None`: there is one.
    pub reason: Option<String>,
    /// The source of its Hellos; `None`: there is none.
    pub source: Option<IpAddr>,
    /// The proposed hold time.
    pub hello_hold_time: u16,
    /// The time between Hellos.
    pub hello_interval: f64,
    /// The applications' TA-Ids (RFC 8223).
    pub applications: Vec<u16>,
    /// Hellos sent.
    pub hellos_sent: u64,
    /// Hellos received.
    pub hellos_received: u64,
}

/// Why targeted Hellos are sent to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetedOrigin {
    /// It is configured.
    Configured,
    /// An application asked for it.
    Application,
    /// Its Hellos asked for it.
    Answered,
}

/// A neighbour: a peer of at least one Hello adjacency, or one whose state is kept after its session
/// was lost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NeighbourView {
    /// The peer.
    pub identifier: LdpIdentifier,
    /// The state of the session.
    pub state: SessionState,
    /// Why the session is not operational, in words.
    pub reason: Option<String>,
    /// This LSR's role; `None`: it is not known, for want of a transport address.
    pub role: Option<Role>,
    /// The transport address of this LSR.
    pub local: Option<IpAddr>,
    /// The transport address of the peer.
    pub remote: Option<IpAddr>,
    /// For how long the session has been operational.
    pub up_for: Option<f64>,
    /// What was negotiated, of a session that is operational.
    pub parameters: Option<ParametersView>,
    /// When the next attempt is, if the last was NAKed or failed.
    pub next_attempt_in: Option<f64>,
    /// NAKs in a row.
    pub naks: u32,
    /// How many times the session went down.
    pub sessions_lost: u64,
    /// Why it went down last, in words.
    pub last_down: Option<String>,
    /// GTSM is in force on its connection.
    pub gtsm: bool,
    /// How its connection is authenticated: `md5`, `tcp-ao` or nothing.
    pub authentication: Option<&'static str>,
    /// Graceful restart, if state of a lost session is kept.
    pub graceful_restart: Option<RestartView>,
    /// Octets that wait to be sent.
    pub queued: usize,
    /// Its Hello adjacencies.
    pub adjacencies: Vec<AdjacencyView>,
    /// The addresses that it announced.
    pub addresses: Vec<IpAddr>,
    /// Messages.
    pub statistics: Statistics,
}

/// What was negotiated for a session (RFC 5036 section 3.5.3).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParametersView {
    /// The KeepAlive Time.
    pub keepalive_time: u16,
    /// What this LSR proposed.
    pub proposed_keepalive_time: u16,
    /// What the peer proposed.
    pub peer_keepalive_time: u16,
    /// When the KeepAlive Timer expires.
    pub expires_in: f64,
    /// When the next KeepAlive message is due, if nothing else is sent.
    pub next_keepalive_in: f64,
    /// The maximum PDU length.
    pub max_pdu_length: u16,
    /// `downstream-unsolicited` or `downstream-on-demand`.
    pub advertisement: &'static str,
    /// Loop detection by this LSR.
    pub loop_detection: bool,
    /// Loop detection by the peer.
    pub peer_loop_detection: bool,
    /// The peer's path vector limit.
    pub peer_path_vector_limit: u8,
    /// The peer's FT Reconnect Timeout, if it restarts gracefully (RFC 3478).
    pub peer_reconnect_timeout: Option<f64>,
    /// The peer's Recovery Time.
    pub peer_recovery_time: Option<f64>,
    /// What this LSR announces.
    pub local_capabilities: Vec<String>,
    /// What the peer announces.
    pub peer_capabilities: Vec<String>,
    /// The End-of-LIBs that came.
    pub end_of_lib_received: Vec<Family>,
    /// The End-of-LIBs that were sent.
    pub end_of_lib_sent: Vec<Family>,
}

/// The state of a peer's graceful restart, as its helper sees it (RFC 3478 section 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum RestartView {
    /// The peer is waited for.
    Reconnecting {
        /// For how long.
        remaining: f64,
    },
    /// The peer is back, and sends its bindings again.
    Recovering {
        /// For how long stale ones are kept.
        remaining: f64,
    },
}

/// Messages of one direction, by type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct MessageCounts {
    /// PDUs.
    pub pdus: u64,
    /// Octets of PDUs.
    pub octets: u64,
    /// Notification messages.
    pub notification: u64,
    /// Hello messages.
    pub hello: u64,
    /// Initialization messages.
    pub initialization: u64,
    /// KeepAlive messages.
    pub keepalive: u64,
    /// Capability messages.
    pub capability: u64,
    /// Address messages.
    pub address: u64,
    /// Address Withdraw messages.
    pub address_withdraw: u64,
    /// Label Mapping messages.
    pub label_mapping: u64,
    /// Label Request messages.
    pub label_request: u64,
    /// Label Withdraw messages.
    pub label_withdraw: u64,
    /// Label Release messages.
    pub label_release: u64,
    /// Label Abort Request messages.
    pub label_abort_request: u64,
    /// Messages of unknown types.
    pub unknown: u64,
}

/// Counters of a neighbour, or of all together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Statistics {
    /// What was sent.
    pub sent: MessageCounts,
    /// What was received and could be read.
    pub received: MessageCounts,
    /// PDUs, messages and TLVs that were wrong.
    pub errors: ErrorCounts,
}

/// What was wrong with what came by sessions (RFC 5036 section 3.5.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ErrorCounts {
    /// Bad LDP Identifier.
    pub bad_ldp_identifier: u64,
    /// Bad Protocol Version.
    pub bad_protocol_version: u64,
    /// Bad PDU Length.
    pub bad_pdu_length: u64,
    /// Bad Message Length.
    pub bad_message_length: u64,
    /// Bad TLV Length.
    pub bad_tlv_length: u64,
    /// Malformed TLV Value.
    pub malformed_tlv_value: u64,
    /// Unknown Message Type.
    pub unknown_message_type: u64,
    /// Unknown TLV.
    pub unknown_tlv: u64,
    /// Missing Message Parameters.
    pub missing_message_parameters: u64,
    /// Other errors.
    pub other: u64,
}

/// A source whose last Hello was discarded: an LSR that would be a neighbour.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiscardedSourceView {
    /// The source of the Hello.
    pub source: IpAddr,
    /// The interface that it came by.
    pub interface: Arc<str>,
    /// It was sent to this LSR alone, as Targeted Hellos are.
    pub targeted: bool,
    /// The LSR, if that could be read.
    pub neighbour: Option<LdpIdentifier>,
    /// Why it was discarded, in words.
    pub reason: String,
    /// Hellos of the source that were discarded since one was accepted.
    pub hellos: u64,
    /// How long ago the last of them came.
    pub age: f64,
}

/// Why Hellos were discarded, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct HelloDiscards {
    /// They could not be read.
    pub malformed: u64,
    /// They came by an interface without LDP, or by the wrong family.
    pub not_enabled: u64,
    /// To another address than the group's.
    pub wrong_destination: u64,
    /// An IPv6 Link Hello without hop limit 255 (RFC 7552 section 5.1).
    pub hop_limit: u64,
    /// An IPv6 Link Hello from another than a link-local address, or a targeted one from such.
    pub wrong_source: u64,
    /// Their transport address cannot be one.
    pub wrong_transport: u64,
    /// Another transport preference (RFC 7552 section 6.1.1).
    pub preference_mismatch: u64,
    /// Without the authentication that is configured, or with a wrong one (RFC 7349); or of a peer without a
    /// key for its connection where keys are required (RFC 5036 section 2.9.2).
    pub authentication: u64,
    /// With an old Cryptographic Sequence Number (RFC 7349).
    pub replayed: u64,
    /// Of this LSR's own LSR Id.
    pub own_lsr_id: u64,
    /// With another LDP Identifier than that of the operational session of their source.
    pub source_has_session: u64,
    /// Targeted Hellos that nothing allows.
    pub targeted_not_accepted: u64,
    /// There are as many adjacencies as the limits allow.
    pub too_many: u64,
}

/// The whole LSR.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LsrView {
    /// The LDP Identifier.
    pub identifier: LdpIdentifier,
    /// The Configuration Sequence Number.
    pub configuration_sequence: u32,
    /// The transport address of IPv4.
    pub ipv4_transport: Option<IpAddr>,
    /// The transport address of IPv6.
    pub ipv6_transport: Option<IpAddr>,
    /// What of the MPLS Forwarding State Holding timer is left, if this LSR restarts (RFC 3478).
    pub restarting_for: Option<f64>,
    /// Hello adjacencies.
    pub adjacencies: usize,
    /// Sessions that are operational.
    pub operational_sessions: usize,
    /// Messages of all sessions, also of those that are gone, and Hellos.
    pub statistics: Statistics,
    /// Hellos that were discarded.
    pub hellos_discarded: HelloDiscards,
    /// Another LSR that has this LSR's Id: its address, and the interface.
    pub duplicate_lsr_id: Option<DuplicateLsrId>,
}

/// Another LSR with this LSR's Id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DuplicateLsrId {
    /// The Id.
    pub lsr_id: Ipv4Addr,
    /// Where its Hello came from.
    pub source: IpAddr,
    /// The interface that it came by.
    pub interface: Arc<str>,
}
