//! Label distribution and management: the LIB, and the procedures of RFC 5036 appendix A.
//!
//! [`LabelDistribution`] knows peers by their [`LdpIdentifier`](crate::LdpIdentifier) only: that a
//! session is up, what was negotiated for it, and which messages about labels and addresses come by it.
//! How the session came up is [`crate::session`]'s matter.

mod api;
mod policy;
mod view;

use std::time::{Duration, Instant};

use mpls::Label;

use crate::packet::Body;
use crate::{LdpIdentifier, PrefixFec};

pub use api::{
    IlmOperation, LabelEvent, LabelOutput, LabelledNextHop, LfibChange, NextHop, PeerParameters,
    Preserved, Route,
};
pub use policy::{
    ControlMode, EgressLabel, LoopDetection, NoRouteProcedure, Policy, PrefixFilter, PrefixRule,
    RetentionMode,
};
pub use view::{
    BindingView, Counters, LocalLabel, PeerCounters, PeerView, RemoteLabel, UpstreamLabel,
    UpstreamState,
};

/// Label distribution of one LSR, with the platform's label space.
#[derive(Debug)]
pub struct LabelDistribution {
    policy: Policy,
}

impl LabelDistribution {
    /// The Message IDs of Label Requests are this and above: the session's own stay below, so that the
    /// two never meet (RFC 5036 section 3.5.8.1).
    pub const FIRST_REQUEST_ID: u32 = 0x8000_0000;

    /// No peers, no routes.
    pub fn new(policy: Policy) -> Self {
        Self { policy }
    }

    /// Another policy: bindings that it does not touch stay as they are.
    pub fn set_policy(&mut self, policy: Policy, _now: Instant) {
        self.policy = policy;
    }

    /// The MTU of an interface in octets, of what a link frame carries; `None`: it is gone.
    pub fn set_interface_mtu(&mut self, _interface: &str, _mtu: Option<u16>, _now: Instant) {}

    /// A route appeared, changed, or is gone.
    pub fn route_changed(&mut self, _fec: PrefixFec, _route: Option<Route>, _now: Instant) {}

    /// The answer to [`LabelOutput::Allocate`]. The reason of a failure is in words.
    pub fn label_allocated(
        &mut self,
        _fec: PrefixFec,
        _label: Result<Label, String>,
        _now: Instant,
    ) {
    }

    /// The label manager has labels again.
    pub fn label_resources_available(&mut self, _now: Instant) {}

    /// What the switch still forwards from before a restart of this LSR (RFC 3478 section 3.1).
    pub fn adopt_labels(&mut self, _preserved: Preserved, _holding: Duration, _now: Instant) {}

    /// A session is up. For one whose bindings are held: it is back.
    pub fn peer_up(&mut self, _peer: LdpIdentifier, _parameters: PeerParameters, _now: Instant) {}

    /// A session is gone. With `hold`, what the peer bound is kept for so long, as stale.
    pub fn peer_down(&mut self, _peer: LdpIdentifier, _hold: Option<Duration>, _now: Instant) {}

    /// Capabilities changed during the session (RFC 5561).
    pub fn peer_parameters_changed(
        &mut self,
        _peer: LdpIdentifier,
        _parameters: PeerParameters,
        _now: Instant,
    ) {
    }

    /// The peer's connection takes no more for now, or takes more again. Mappings for a peer that is
    /// paused are not made, and are made once it goes on: they do not queue.
    pub fn set_peer_paused(&mut self, _peer: LdpIdentifier, _paused: bool) {}

    /// A message of a peer about addresses or labels; others are ignored.
    pub fn receive(&mut self, _peer: LdpIdentifier, _message_id: u32, _body: Body, _now: Instant) {}

    /// What is to be done next; `None` when all is done.
    pub fn poll_output(&mut self) -> Option<LabelOutput> {
        None
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Time has come.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// All FECs and their labels, in no order.
    pub fn bindings(&self) -> impl Iterator<Item = BindingView> + '_ {
        std::iter::empty()
    }

    /// A FEC and its labels.
    pub fn binding(&self, _fec: &PrefixFec) -> Option<BindingView> {
        None
    }

    /// All peers.
    pub fn peers(&self) -> impl Iterator<Item = PeerView> + '_ {
        std::iter::empty()
    }

    /// A peer.
    pub fn peer(&self, _peer: LdpIdentifier) -> Option<PeerView> {
        None
    }

    /// The peer that announced an address, if any (RFC 5036 section 2.7).
    pub fn peer_of_address(&self, _address: std::net::IpAddr) -> Option<LdpIdentifier> {
        None
    }

    /// How much there is of everything.
    pub fn counters(&self) -> Counters {
        Counters::default()
    }
}
