//! What the engine keeps of interfaces, targeted peers, neighbours and connections.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use smallvec::SmallVec;

use super::config::{Families, InterfaceConfig, TargetedPeerConfig};
use super::event::Event;
use super::io::{ConnectionId, ConnectionSecurity, InterfaceState};
use super::log::RateLimit;
use super::view::{IgpSyncState, Statistics};
use crate::LdpIdentifier;
use crate::discovery::{AdjacencyKey, Family};
use crate::packet::{Capabilities, Initialization, PduStream};
use crate::session::{Backoff, Outgoing, Parameters, Role, SessionState};

/// The keys of timers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Timer {
    /// The next Link Hello of an interface and family.
    LinkHello(u32, Family),
    /// The next Targeted Hello.
    TargetedHello(IpAddr),
    /// A Hello adjacency ends.
    Adjacency(AdjacencyKey),
    /// The next attempt at a session.
    Attempt(LdpIdentifier),
    /// A connection has been without an operational session for too long.
    Establishment(ConnectionId),
    /// A KeepAlive message is due.
    KeepAliveSend(LdpIdentifier),
    /// The KeepAlive Timer expires.
    KeepAliveReceive(LdpIdentifier),
    /// A peer in restart is not waited for any more.
    Restart(LdpIdentifier),
    /// The MPLS Forwarding State Holding timer.
    ForwardingStateHolding,
    /// LDP-IGP synchronization of an interface is not held down any more.
    IgpSync(u32),
}

/// A family of an interface.
#[derive(Debug, Default)]
pub(super) struct InterfaceFamily {
    /// The source of Hellos; `None`: not active.
    pub(super) source: Option<IpAddr>,
    /// The transport address in Hellos.
    pub(super) transport: Option<IpAddr>,
    /// Why it is not active.
    pub(super) inactive: Option<&'static str>,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) discarded: u64,
    /// Hellos out of turn, for new neighbours.
    pub(super) out_of_turn: RateLimit,
    /// The sources of its Hello adjacencies.
    pub(super) adjacencies: Vec<IpAddr>,
    /// Why a Hello was discarded last; of no interest once one is accepted.
    pub(super) last_discard: Option<String>,
}

/// An interface that is configured, or that the router has.
#[derive(Debug)]
pub(super) struct Interface {
    pub(super) name: Arc<str>,
    pub(super) state: Option<InterfaceState>,
    pub(super) config: Option<InterfaceConfig>,
    pub(super) ipv4: InterfaceFamily,
    pub(super) ipv6: InterfaceFamily,
    pub(super) igp_sync: IgpSyncState,
}

impl Interface {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            state: None,
            config: None,
            ipv4: InterfaceFamily::default(),
            ipv6: InterfaceFamily::default(),
            igp_sync: IgpSyncState::Disabled,
        }
    }

    pub(super) fn family(&self, family: Family) -> &InterfaceFamily {
        match family {
            Family::Ipv4 => &self.ipv4,
            Family::Ipv6 => &self.ipv6,
        }
    }

    pub(super) fn family_mut(&mut self, family: Family) -> &mut InterfaceFamily {
        match family {
            Family::Ipv4 => &mut self.ipv4,
            Family::Ipv6 => &mut self.ipv6,
        }
    }
}

/// A peer of Extended Discovery. It is there for as long as one of the three wants it.
#[derive(Debug, Default)]
pub(super) struct Targeted {
    /// It is configured.
    pub(super) configured: Option<TargetedPeerConfig>,
    /// Who asked for it in this LSR, and the TA-Ids that each needs it for.
    pub(super) requesters: BTreeMap<Arc<str>, Vec<u16>>,
    /// What they get; `None`: nobody asked.
    pub(super) requested: Option<TargetedPeerConfig>,
    /// Its Hellos asked for it.
    pub(super) answered: Option<TargetedPeerConfig>,
    /// The source of Hellos, which is the transport address; `None`: none can be sent.
    pub(super) source: Option<IpAddr>,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) last_discard: Option<String>,
}

impl Targeted {
    /// What counts of it.
    pub(super) fn config(&self) -> Option<&TargetedPeerConfig> {
        self.configured
            .as_ref()
            .or(self.requested.as_ref())
            .or(self.answered.as_ref())
    }

    /// This LSR started it (R bit; RFC 5036 section 3.5.2).
    pub(super) fn initiated(&self) -> bool {
        self.configured.is_some() || self.requested.is_some()
    }

    /// Puts together what those that asked for it get, whatever applications they need it for.
    pub(super) fn put_together(&mut self, common: &TargetedPeerConfig) {
        self.requested = (!self.requesters.is_empty()).then(|| TargetedPeerConfig {
            applications: self.requesters.values().flatten().copied().collect(),
            ..common.clone()
        });
    }

    /// The applications of all that want it (RFC 8223).
    pub(super) fn applications(&self) -> Vec<u16> {
        let mut applications: Vec<u16> = [&self.configured, &self.requested, &self.answered]
            .into_iter()
            .flatten()
            .flat_map(|config| config.applications.iter().copied())
            .collect();
        applications.sort_unstable();
        applications.dedup();
        applications
    }
}

/// The addresses of a session's connection, and who opens it (RFC 5036 section 2.5.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Transport {
    pub(super) local: IpAddr,
    pub(super) remote: IpAddr,
    pub(super) role: Role,
    /// The interface, where the peer's address is a link-local one.
    pub(super) interface: Option<Arc<str>>,
}

/// A peer.
#[derive(Debug)]
pub(super) struct Neighbour {
    pub(super) adjacencies: SmallVec<[AdjacencyKey; 2]>,
    pub(super) transport: Option<Transport>,
    pub(super) connection: Option<ConnectionId>,
    /// Why the session is not operational.
    pub(super) reason: Option<String>,
    /// The failure that was logged last as a warning, and when.
    pub(super) warned: Option<(String, Instant)>,
    pub(super) backoff: Backoff,
    pub(super) sessions_lost: u64,
    pub(super) last_down: Option<String>,
    /// What came and went by its connections of before.
    pub(super) statistics: Statistics,
    pub(super) events: VecDeque<Event>,
    pub(super) configuration_sequence: Option<u32>,
}

impl Neighbour {
    pub(super) fn new() -> Self {
        Self {
            adjacencies: SmallVec::new(),
            transport: None,
            connection: None,
            reason: None,
            warned: None,
            backoff: Backoff::default(),
            sessions_lost: 0,
            last_down: None,
            statistics: Statistics::default(),
            events: VecDeque::new(),
            configuration_sequence: None,
        }
    }
}

/// A TCP connection, and the session on it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) state: SessionState,
    pub(super) role: Role,
    pub(super) local: IpAddr,
    pub(super) remote: IpAddr,
    /// The peer. In the passive role it is a guess until the Initialization comes.
    pub(super) neighbour: LdpIdentifier,
    pub(super) security: ConnectionSecurity,
    pub(super) stream: PduStream,
    pub(super) outgoing: Outgoing,
    /// Label distribution was told to make no more messages for now.
    pub(super) paused: bool,
    /// It is in the list of connections with something to give out.
    pub(super) listed: bool,
    /// When something was given out last.
    pub(super) last_sent: Instant,
    /// When something that was given out was written last, or nothing was outstanding.
    pub(super) last_written: Instant,
    /// What this LSR proposed.
    pub(super) local_initialization: Option<Initialization>,
    /// What the peer proposed.
    pub(super) peer_initialization: Option<Initialization>,
    pub(super) parameters: Option<Parameters>,
    /// What the peer is capable of, as it is now.
    pub(super) peer_capabilities: Capabilities,
    /// The families whose addresses and labels it gets (RFC 7552 section 7).
    pub(super) families: Families,
    /// When the session became operational.
    pub(super) operational_since: Option<Instant>,
    /// What came and went by it; the neighbour's when it ends.
    pub(super) statistics: Statistics,
    /// The End-of-LIBs that were sent.
    pub(super) end_of_lib_sent: SmallVec<[Family; 2]>,
}
