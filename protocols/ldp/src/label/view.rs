//! What label distribution shows of itself.

use std::net::IpAddr;
use std::time::Instant;

use mpls::Label;

use super::PeerParameters;
use crate::packet::AddressFamily;
use crate::{LdpIdentifier, PrefixFec};

/// The local label of a FEC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalLabel {
    /// There is none, and none is needed.
    None,
    /// The label manager was asked.
    Requested,
    /// The label manager had none (RFC 5036 appendix A.2.1, SL.13).
    NoResources,
    /// This label: a real one, or a null label of the egress.
    Bound(Label),
}

/// What a label of a peer is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteLabel {
    /// The peer.
    pub peer: LdpIdentifier,
    /// The label.
    pub label: Label,
    /// The peer is a next hop of the FEC, and the label is used. Otherwise it is liberally retained.
    pub used: bool,
    /// From before the peer's restart, and not yet refreshed (RFC 3478 section 3.3).
    pub stale: bool,
    /// The hop count that came with it.
    pub hop_count: Option<u8>,
    /// The MTU that came with it (RFC 3988).
    pub mtu: Option<u16>,
    /// The egress can take entropy labels (RFC 6790 section 5.1.1).
    pub entropy_label_capable: bool,
}

/// The state of a mapping that was sent to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamState {
    /// The peer holds it.
    Advertised,
    /// It was withdrawn, and the peer did not release it yet.
    Withdrawing,
    /// The peer released it; it gets it again when it asks (RFC 5036 appendix A.1.4, note 1).
    Released,
}

/// A mapping that was sent to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamLabel {
    /// The peer.
    pub peer: LdpIdentifier,
    /// The label.
    pub label: Label,
    /// Its state.
    pub state: UpstreamState,
}

/// A FEC and its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingView {
    /// The FEC.
    pub fec: PrefixFec,
    /// There is a route for it.
    pub routed: bool,
    /// This LSR is the egress.
    pub egress: bool,
    /// The local label.
    pub local: LocalLabel,
    /// What peers bound to it.
    pub remote: Vec<RemoteLabel>,
    /// What was sent to peers.
    pub upstream: Vec<UpstreamLabel>,
    /// Peers whose Label Requests are not answered yet.
    pub requests_received: Vec<LdpIdentifier>,
    /// Peers that were asked for a label and did not answer yet.
    pub requests_sent: Vec<LdpIdentifier>,
}

/// A peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerView {
    /// The peer.
    pub peer: LdpIdentifier,
    /// Its session is up. Otherwise what it bound is kept for the time of its restart.
    pub up: bool,
    /// What was negotiated.
    pub parameters: PeerParameters,
    /// Its addresses (RFC 5036 section 2.7).
    pub addresses: Vec<IpAddr>,
    /// How many labels it bound.
    pub received: usize,
    /// How many labels it holds of this LSR.
    pub sent: usize,
    /// Families of which it said that its first advertisement is complete (RFC 5919).
    pub end_of_lib: Vec<AddressFamily>,
    /// Its first advertisement is complete: by End-of-LIB of all families that are used, or by time
    /// (RFC 5919 section 4.1). For the synchronization with an IGP (RFC 5443).
    pub synchronized: bool,
    /// Until when stale bindings are kept.
    pub stale_until: Option<Instant>,
    /// What was counted.
    pub counters: PeerCounters,
}

/// What was counted for a peer since its session came up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PeerCounters {
    /// Label Mappings that it sent.
    pub mappings_received: u64,
    /// Label Mappings that it was sent.
    pub mappings_sent: u64,
    /// Label Requests that it sent.
    pub requests_received: u64,
    /// Label Requests that it was sent.
    pub requests_sent: u64,
    /// Label Withdraws that it sent.
    pub withdraws_received: u64,
    /// Label Withdraws that it was sent.
    pub withdraws_sent: u64,
    /// Label Releases that it sent.
    pub releases_received: u64,
    /// Label Releases that it was sent.
    pub releases_sent: u64,
    /// Loops that its messages showed.
    pub loops: u64,
    /// Mappings that were over the limit or that the accept filter refused.
    pub refused: u64,
}

/// How much there is of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// FECs that are known, by route or by label.
    pub fecs: usize,
    /// Local labels that the label manager gave.
    pub labels: usize,
    /// Labels that were asked for and not answered.
    pub allocating: usize,
    /// Labels that peers bound.
    pub received: usize,
    /// Entries for FECs in the LFIB.
    pub ftn: usize,
    /// Entries for incoming labels in the LFIB.
    pub ilm: usize,
}
