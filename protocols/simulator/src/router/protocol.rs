//! What a protocol engine is to the simulator: the adapter of a protocol implements [`Protocol`].

use std::collections::BTreeSet;
use std::iter::Sum;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::{Duration, Instant};

use forwarding::{Fec, FtnAction, IlmAction};
use ipnet::IpNet;
use ldp::{MultiTopologyId, PrefixFec};
use mpls::Label;
use serde::Serialize;
use smallvec::SmallVec;

use super::Settings;

/// An interface of a router. Each link has one at each end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: Arc<str>,
    /// The link's number, by which [`Settings`] name it.
    pub link: usize,
    /// Its IPv4 address.
    pub address: IpNet,
    /// Its link-local IPv6 address.
    pub link_local: IpNet,
    /// It is up.
    pub up: bool,
}

/// What an engine is started with.
#[derive(Debug)]
pub struct Boot<'a> {
    /// The router's identifier, which is also the address of its loopback.
    pub router_id: Ipv4Addr,
    /// Its interfaces.
    pub interfaces: &'a [Interface],
    /// Its settings.
    pub settings: &'a Settings,
    /// The second topology of the network, if there is one. Whether the router has it is in the settings.
    pub multi_topology: Option<MultiTopologyId>,
    /// For the engine's random numbers.
    pub seed: u64,
    /// How many times the router was started before.
    pub starts: u32,
    /// What it gave as [`Protocol::kept`] before a restart, if that is known still.
    pub kept: Option<&'a str>,
    /// The time.
    pub now: Instant,
}

/// A datagram on a link, or to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// Its source.
    pub source: IpAddr,
    /// Its destination.
    pub destination: IpAddr,
    /// The UDP port that it goes to.
    pub destination_port: u16,
    /// Its TTL or hop limit.
    pub hop_limit: u8,
    /// Its payload.
    pub octets: Vec<u8>,
}

/// A next hop of a route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NextHop {
    /// The interface.
    pub interface: Arc<str>,
    /// The neighbour's address there.
    pub address: IpAddr,
}

/// A route; without next hops the router is the egress.
pub type Route = SmallVec<[NextHop; 2]>;

/// What an engine wants done.
#[derive(Debug)]
pub enum Action {
    /// Send a datagram out of an interface, or wherever routing takes it.
    Datagram {
        /// The interface.
        interface: Option<Arc<str>>,
        /// The datagram.
        datagram: Datagram,
    },
    /// Open a TCP connection.
    Connect {
        /// The engine's number of it.
        id: u64,
        /// From this address.
        local: IpAddr,
        /// To this one.
        remote: IpAddr,
        /// Only a neighbour on a link may be the peer (GTSM).
        one_hop: bool,
    },
    /// Send on a connection.
    Send {
        /// The engine's number of it.
        id: u64,
        /// The octets.
        octets: Vec<u8>,
    },
    /// Close a connection after what was sent on it.
    Close {
        /// The engine's number of it.
        id: u64,
    },
    /// A label for a FEC, please.
    Allocate {
        /// The FEC.
        fec: PrefixFec,
    },
    /// A label that it had before a restart is its own again. Before all else.
    Adopt {
        /// The FEC that it stands for.
        fec: PrefixFec,
        /// The label.
        label: Label,
    },
    /// A label is not used any more.
    Release {
        /// The FEC that it was bound to.
        fec: PrefixFec,
        /// The label.
        label: Label,
    },
    /// Bind a FEC; `None`: no more.
    Ftn {
        /// The FEC, as the FTN has it.
        fec: Fec,
        /// What happens to its packets.
        action: Option<FtnAction>,
    },
    /// Bind an incoming label; `None`: no more.
    Ilm {
        /// The label.
        label: Label,
        /// The FEC that it stands for.
        fec: PrefixFec,
        /// What happens to packets with it.
        action: Option<IlmAction>,
    },
    /// Something for the log.
    Log(String),
}

impl Action {
    /// Whether it is about labels or entries of the LFIB.
    pub const fn changes_lfib(&self) -> bool {
        matches!(
            self,
            Self::Allocate { .. } | Self::Release { .. } | Self::Ftn { .. } | Self::Ilm { .. }
        )
    }
}

/// A connection that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The engine's number of it.
    pub id: u64,
    /// Only a neighbour on a link may be the peer (GTSM).
    pub one_hop: bool,
}

/// How much an engine did and holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counters {
    /// Messages sent.
    pub messages: u64,
    /// Octets of them.
    pub octets: u64,
    /// Label bindings sent.
    pub bindings_sent: u64,
    /// Ends of sessions that are up: of a session between two routers each counts one.
    #[serde(rename = "session_ends")]
    pub sessions: u64,
    /// Sessions that went down, of neighbours that are still known.
    pub sessions_lost: u64,
    /// Local labels held.
    pub local_labels: u64,
    /// Labels of peers held.
    pub remote_labels: u64,
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.octets += other.octets;
        self.bindings_sent += other.bindings_sent;
        self.sessions += other.sessions;
        self.sessions_lost += other.sessions_lost;
        self.local_labels += other.local_labels;
        self.remote_labels += other.remote_labels;
    }
}

impl Sum for Counters {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, of| {
            sum += of;
            sum
        })
    }
}

/// A protocol engine of one router. Inputs come by the methods that take `now`; after each, [`poll`] is
/// called until it has no more, and then [`next_timeout`].
///
/// Only what a protocol uses has to be implemented: the other inputs do nothing.
///
/// [`poll`]: Protocol::poll
/// [`next_timeout`]: Protocol::next_timeout
pub trait Protocol {
    /// The name of the protocol, as reports have it.
    fn name(&self) -> &'static str;
    /// By which protocol it binds.
    fn owner(&self) -> forwarding::Protocol;

    /// Other settings.
    fn configure(&mut self, settings: &Settings, now: Instant);
    /// An interface came up or went down.
    fn interface(&mut self, interface: &Interface, now: Instant);
    /// The addresses of the router.
    fn addresses(&mut self, addresses: &[IpAddr], now: Instant);
    /// The route of a FEC changed; `None`: there is none.
    fn route(&mut self, fec: PrefixFec, route: Option<&Route>, now: Instant);
    /// The answer to [`Action::Allocate`].
    fn label(&mut self, fec: PrefixFec, label: Result<Label, String>, now: Instant);
    /// There are labels again.
    fn labels_available(&mut self, _now: Instant) {}

    /// The UDP ports whose datagrams it takes.
    fn udp_ports(&self) -> &'static [u16] {
        &[]
    }
    /// A datagram to one of its ports came by an interface.
    fn datagram(&mut self, _interface: &str, _datagram: &Datagram, _now: Instant) {}
    /// Somebody connects; `None`: refused.
    fn accept(&mut self, _local: IpAddr, _remote: IpAddr, _now: Instant) -> Option<Accepted> {
        None
    }
    /// A connection of [`Action::Connect`] is made.
    fn connected(&mut self, _id: u64, _local: IpAddr, _now: Instant) {}
    /// It could not be made.
    fn connect_failed(&mut self, _id: u64, _reason: &str, _now: Instant) {}
    /// Octets came.
    fn octets(&mut self, _id: u64, _octets: &[u8], _now: Instant) {}
    /// Octets of [`Action::Send`] got to the peer.
    fn written(&mut self, _id: u64, _octets: usize, _now: Instant) {}
    /// A connection was closed by the peer, or broke.
    fn closed(&mut self, _id: u64, _reason: &str, _now: Instant) {}

    /// The operator ends all sessions, which come up anew.
    fn clear(&mut self, _now: Instant) {}
    /// What it keeps in a file for its next start, always up to date; `None`: nothing.
    fn kept(&self) -> Option<String> {
        None
    }
    /// The program is ended in good order.
    fn shut_down(&mut self, now: Instant);
    /// What is due is done.
    fn timeout(&mut self, now: Instant);
    /// When something is due.
    fn next_timeout(&self) -> Option<Instant>;
    /// What is to be done.
    fn poll(&mut self) -> Option<Action>;

    /// The label that it bound to a FEC, null labels too.
    fn local_label(&self, fec: PrefixFec) -> Option<Label>;
    /// The label that it bound to a FEC, if it told the router with this identifier of it.
    fn advertised(&self, fec: PrefixFec, to: Ipv4Addr) -> Option<Label>;
    /// All labels with the FECs that they stand for; null labels are left out.
    fn local_labels(&self) -> Vec<(PrefixFec, Label)>;
    /// How much it did and holds.
    fn counters(&self, now: Instant) -> Counters;
    /// Of which topologies besides the default one octets of a connection name FECs.
    fn topologies(&self, _octets: &[u8]) -> BTreeSet<MultiTopologyId> {
        BTreeSet::new()
    }
    /// What octets of a connection say, for people.
    fn describe(&self, octets: &[u8]) -> Vec<String> {
        vec![format!("{} octets", octets.len())]
    }
    /// For how long neighbours may send by labels that were released (RFC 3478 section 3.3).
    fn hold_down(&self, _now: Instant) -> Duration {
        Duration::ZERO
    }
    /// What it still holds of FECs and labels though everything is withdrawn, in words.
    fn remains(&self) -> Vec<String>;
    /// What it still holds of peers though all sessions have ended and it was shut down, in words.
    fn remains_of_sessions(&self) -> Vec<String> {
        Vec::new()
    }
}
