//! What goes into [`super::Ldp`] from the system, and what comes out.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use mpls::Label;
use thiserror::Error;

use super::config::SessionKey;
use super::event::Event;
use crate::PrefixFec;
use crate::label::LfibChange;

/// A TCP connection, as [`super::Ldp`] numbers them. A number is not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What the router knows of an interface.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InterfaceState {
    /// It is up: packets can be sent.
    pub up: bool,
    /// The MTU of IP packets, in octets.
    pub mtu: u32,
    /// The largest labelled packet with its labels, in octets (RFC 3032 section 3.1).
    pub mpls_mtu: u32,
    /// Its addresses, link-local ones too.
    pub addresses: Vec<IpNet>,
}

/// A UDP datagram that came to port 646.
#[derive(Debug, Clone, Copy)]
pub struct ReceivedDatagram<'a> {
    /// The interface that it came in by.
    pub interface: &'a str,
    /// Its source address.
    pub source: IpAddr,
    /// Its destination address.
    pub destination: IpAddr,
    /// Its TTL or hop limit; `None` if the system did not tell.
    pub hop_limit: Option<u8>,
    /// Its payload.
    pub octets: &'a [u8],
}

/// How a TCP connection is protected. The I/O side sets it with socket options before the connection is
/// made or used.
///
/// Whatever is said here, all of LDP's TCP connections send with TTL or hop limit 255, for a peer may
/// check it (RFC 6720 section 2.3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectionSecurity {
    /// GTSM (RFC 5082, RFC 6720): packets with a TTL or hop limit of less than 255 are not taken.
    pub gtsm: bool,
    /// The key.
    pub key: Option<SessionKey>,
}

/// The key that a peer's connections to the listening socket have to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenKey {
    /// The peer's transport address.
    pub remote: IpAddr,
    /// The key.
    pub key: SessionKey,
}

/// A connection that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its number.
    pub id: ConnectionId,
    /// How it is protected. Its key was set on the listening socket, by [`Output::ListenKeys`].
    pub security: ConnectionSecurity,
}

/// Why a connection was not accepted. The I/O side closes it, and need not say more.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// No Hello of any peer gave this transport address.
    #[error("no Hello adjacency has the transport address {0}")]
    UnknownAddress(IpAddr),
    /// Hellos gave the peer another address of this LSR.
    #[error("{0} is not the transport address that was announced to the peer")]
    NotTransportAddress(IpAddr),
    /// By the order of the transport addresses it is this LSR that connects (RFC 5036 section 2.5.2).
    #[error("this LSR has the active role towards {0}")]
    ActiveRole(IpAddr),
    /// There is a session with that peer already (RFC 7552 section 6.1).
    #[error("there is a session with {0} already")]
    SessionExists(IpAddr),
    /// There are as many connections as [`super::Limits`] allows.
    #[error("there are {0} connections without a session already")]
    TooMany(usize),
}

/// What [`super::Ldp`] wants done. In the order of [`super::Ldp::poll_output`].
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send a UDP datagram from port 646 to port 646.
    SendHello {
        /// Out of this interface; `None`: wherever routing takes it.
        interface: Option<Arc<str>>,
        /// The source address; `None`: the system's choice.
        source: Option<IpAddr>,
        /// 224.0.0.2, ff02::2, or a targeted peer.
        destination: IpAddr,
        /// The TTL or hop limit: 1 for IPv4 links, 255 otherwise.
        hop_limit: u8,
        /// The payload.
        octets: Vec<u8>,
    },
    /// Open a TCP connection to port 646; answered by [`super::Ldp::handle_connected`] or
    /// [`super::Ldp::handle_connect_failed`].
    Connect {
        /// Its number.
        id: ConnectionId,
        /// The address that it is to come from.
        local: IpAddr,
        /// Where it goes.
        remote: IpAddr,
        /// The interface, where `remote` is a link-local address.
        interface: Option<Arc<str>>,
        /// How it is protected.
        security: ConnectionSecurity,
    },
    /// Write to a connection: whole PDUs. No more than [`super::SEND_WINDOW`] octets of a connection are
    /// outstanding; [`super::Ldp::handle_written`] makes room.
    Send {
        /// The connection.
        id: ConnectionId,
        /// The octets.
        octets: Vec<u8>,
    },
    /// Close a connection after what was sent on it is written. Its number is not heard of again.
    /// Also for one that the other side closed, and for one that
    /// is still being made.
    Close {
        /// The connection.
        id: ConnectionId,
    },
    /// The keys of the listening socket, all of them: those of before and not here are removed.
    ListenKeys(Vec<ListenKey>),
    /// A label for a FEC, please; answered by [`super::Ldp::handle_label_allocated`].
    AllocateLabel {
        /// The FEC.
        fec: PrefixFec,
    },
    /// A label is not used any more.
    ReleaseLabel {
        /// The FEC that it was bound to.
        fec: PrefixFec,
        /// The label.
        label: Label,
    },
    /// The LFIB changes.
    Lfib(LfibChange),
    /// The MPLS Forwarding State Holding timer expired (RFC 3478 section 3.1): forwarding entries of
    /// before the restart that nothing bound again since are to be deleted. Comes once, and without a
    /// preserved state at once.
    ForwardingStateHoldingExpired,
    /// LDP-IGP synchronization of an interface changed (RFC 5443).
    IgpSync {
        /// The interface.
        interface: Arc<str>,
        /// LDP is fully operational on it: the IGP may use its normal metric.
        achieved: bool,
    },
    /// For the log.
    Event(Event),
}
