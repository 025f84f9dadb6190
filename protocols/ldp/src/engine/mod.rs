//! An LSR's speaker of LDP: discovery, sessions and label distribution together.

mod config;
mod event;
mod io;
mod range;
mod timers;
mod view;

pub use config::*;
pub use event::{Event, EventKind, Severity, Subject};
pub use io::{
    Accepted, ConnectionId, ConnectionSecurity, InterfaceState, ListenKey, Output,
    ReceivedDatagram, Refusal,
};
pub use range::*;
pub use view::*;

pub use crate::discovery::Family;
pub use crate::session::{Role, SessionState};

use std::net::IpAddr;
use std::time::Instant;

use mpls::Label;

use crate::label::{LabelDistribution, Preserved, Route};
use crate::{LdpIdentifier, PrefixFec};

/// How many octets of a connection are given out before [`Ldp::handle_written`] says that they are
/// written.
pub const SEND_WINDOW: usize = 256 << 10;

/// An LSR's speaker of LDP.
///
/// After any `handle_` call [`Ldp::poll_output`] is called until it has no more, and [`Ldp::poll_timeout`]
/// for the next time of [`Ldp::handle_timeout`].
pub struct Ldp {
    config: LdpConfig,
    labels: LabelDistribution,
}

impl Ldp {
    /// Starts LDP. `seed` is for the jitter of timers and the first Message ID.
    pub fn new(config: LdpConfig, _seed: u64, _now: Instant) -> Self {
        Self {
            labels: LabelDistribution::new(config.labels.clone()),
            config,
        }
    }

    /// Another configuration. It disturbs only what changes.
    pub fn set_config(&mut self, config: LdpConfig, _now: Instant) {
        self.config = config;
    }

    /// The configuration.
    pub fn config(&self) -> &LdpConfig {
        &self.config
    }

    /// An interface of the router appeared or changed.
    pub fn handle_interface(&mut self, _name: &str, _state: InterfaceState, _now: Instant) {}

    /// An interface of the router is gone.
    pub fn handle_interface_removed(&mut self, _name: &str, _now: Instant) {}

    /// All addresses of the router, those of interfaces without LDP too, such as a loopback's.
    pub fn handle_router_addresses(&mut self, _addresses: Vec<IpAddr>, _now: Instant) {}

    /// The route of a FEC; `None`: there is none any more.
    pub fn handle_route(&mut self, _fec: PrefixFec, _route: Option<Route>, _now: Instant) {}

    /// The answer to [`Output::AllocateLabel`]: a label, or why there is none, in words.
    pub fn handle_label_allocated(
        &mut self,
        _fec: PrefixFec,
        _label: Result<Label, String>,
        _now: Instant,
    ) {
    }

    /// The label manager, which had no label, has some again.
    pub fn handle_label_resources(&mut self, _now: Instant) {}

    /// What the switch still forwards from before this LSR's restart (RFC 3478 section 3.1). Called once,
    /// before anything else.
    pub fn adopt_labels(&mut self, _preserved: Preserved, _now: Instant) {}

    /// A UDP datagram came to port 646.
    pub fn handle_hello(&mut self, _received: ReceivedDatagram<'_>, _now: Instant) {}

    /// An application asks for a targeted session, as for a pseudowire or a remote LFA (RFC 8223). The
    /// same address may be configured, too.
    pub fn request_targeted(&mut self, _address: IpAddr, _peer: TargetedPeerConfig, _now: Instant) {
    }

    /// The application does not need it any more.
    pub fn release_targeted(&mut self, _address: IpAddr, _now: Instant) {}

    /// A TCP connection came to port 646.
    pub fn accept(
        &mut self,
        _local: IpAddr,
        remote: IpAddr,
        _now: Instant,
    ) -> Result<Accepted, Refusal> {
        Err(Refusal::UnknownAddress(remote))
    }

    /// A connection of [`Output::Connect`] is made.
    pub fn handle_connected(&mut self, _id: ConnectionId, _local: IpAddr, _now: Instant) {}

    /// A connection of [`Output::Connect`] could not be made, for a reason in words.
    pub fn handle_connect_failed(&mut self, _id: ConnectionId, _reason: String, _now: Instant) {}

    /// Octets came by a connection, however cut.
    pub fn handle_octets(&mut self, _id: ConnectionId, _octets: &[u8], _now: Instant) {}

    /// Octets of [`Output::Send`] are written: there is room for as many more.
    pub fn handle_written(&mut self, _id: ConnectionId, _octets: usize, _now: Instant) {}

    /// A connection was closed by the peer or broke, for a reason in words.
    pub fn handle_closed(&mut self, _id: ConnectionId, _reason: String, _now: Instant) {}

    /// Ends the session with a neighbour, or all, so that it comes up anew; also ends the delay after
    /// NAKs.
    pub fn clear_neighbour(&mut self, _neighbour: Option<LdpIdentifier>, _now: Instant) {}

    /// Ends all sessions with a Shutdown, as before the program ends. With graceful restart, call it only if
    /// the forwarding state will not be kept.
    pub fn shut_down(&mut self, _now: Instant) {}

    /// What is due is done.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// When [`Ldp::handle_timeout`] is to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// What is to be done next; `None`: nothing more.
    pub fn poll_output(&mut self) -> Option<Output> {
        None
    }

    /// The LSR as a whole.
    pub fn lsr(&self, _now: Instant) -> LsrView {
        LsrView {
            identifier: LdpIdentifier::platform(self.config.lsr_id.get()),
            configuration_sequence: 0,
            ipv4_transport: None,
            ipv6_transport: None,
            restarting_for: None,
            adjacencies: 0,
            operational_sessions: 0,
            statistics: Statistics::default(),
            hellos_discarded: HelloDiscards::default(),
            duplicate_lsr_id: None,
        }
    }

    /// The configured interfaces, by name.
    pub fn interfaces(&self, _now: Instant) -> Vec<InterfaceView> {
        Vec::new()
    }

    /// The peers of Extended Discovery, by address.
    pub fn targeted_peers(&self, _now: Instant) -> Vec<TargetedPeerView> {
        Vec::new()
    }

    /// All Hello adjacencies.
    pub fn adjacencies(&self, _now: Instant) -> Vec<AdjacencyView> {
        Vec::new()
    }

    /// All neighbours.
    pub fn neighbours(&self, _now: Instant) -> Vec<NeighbourView> {
        Vec::new()
    }

    /// Label distribution, for its bindings and counters.
    pub fn labels(&self) -> &LabelDistribution {
        &self.labels
    }

    /// The last events of a neighbour, the oldest first; empty if there is no such neighbour.
    pub fn events(&self, _neighbour: LdpIdentifier) -> Vec<Event> {
        Vec::new()
    }
}
