//! Hello adjacencies (RFC 5036 sections 2.4 and 2.5.5).

use std::net::IpAddr;
use std::time::Instant;

use super::Family;
use crate::LdpIdentifier;
use crate::packet::{DualStack, Hello, TransportPreference};

/// Where Hellos come by: an interface, or from a targeted peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Link Hellos of an interface, by its number in the engine.
    Link(u32),
    /// Targeted Hellos.
    Targeted,
}

/// An LSR has a Hello adjacency for each Hello source (RFC 5036 section 3.5.2.1): a link-local address may
/// be there on several interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AdjacencyKey {
    /// Where.
    pub scope: Scope,
    /// The source of the Hellos.
    pub source: IpAddr,
}

impl AdjacencyKey {
    /// The family that the Hellos come by.
    pub const fn family(self) -> Family {
        Family::of(self.source)
    }

    /// The interface of a link adjacency.
    pub const fn interface(self) -> Option<u32> {
        match self.scope {
            Scope::Link(interface) => Some(interface),
            Scope::Targeted => None,
        }
    }
}

/// A Hello adjacency.
#[derive(Debug, Clone)]
pub struct Adjacency {
    /// The peer.
    pub neighbour: LdpIdentifier,
    /// The peer's transport address, of the family of the Hellos (RFC 7552 section 6.1).
    pub transport: IpAddr,
    /// The hold time that the peer proposed last.
    pub peer_hold_time: u16,
    /// The peer's G flag; never of a targeted adjacency, where it is ignored (RFC 6720 section 2.1).
    pub gtsm: bool,
    /// The peer's Dual-Stack capability.
    pub dual_stack: Option<DualStack>,
    /// The peer's Configuration Sequence Number.
    pub configuration_sequence: Option<u32>,
    /// The Hellos are authenticated.
    pub authenticated: bool,
    /// When it came up.
    pub since: Instant,
    /// Hellos that came.
    pub hellos: u64,
}

impl Adjacency {
    /// The adjacency of a Hello that is acceptable.
    pub fn new(
        key: AdjacencyKey,
        neighbour: LdpIdentifier,
        hello: &Hello,
        transport: IpAddr,
        now: Instant,
    ) -> Self {
        Self {
            neighbour,
            transport,
            peer_hold_time: hello.hold_time,
            gtsm: hello.gtsm && key.scope != Scope::Targeted,
            dual_stack: hello.dual_stack,
            configuration_sequence: hello.configuration_sequence,
            authenticated: hello.authentication.is_some(),
            since: now,
            hellos: 1,
        }
    }

    /// The preference of a dual-stack peer.
    pub fn preference(&self) -> Option<Family> {
        match self.dual_stack?.preference {
            TransportPreference::Ipv4 => Some(Family::Ipv4),
            TransportPreference::Ipv6 => Some(Family::Ipv6),
            TransportPreference::Other(_) => None,
        }
    }
}
