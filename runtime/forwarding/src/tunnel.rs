//! MPLS over IP.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{Dscp, VrfId};

/// How labelled packets are carried over IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TunnelKind {
    /// MPLS in UDP (RFC 7510): destination port 6635, source port by the flow.
    Udp,
    /// MPLS in GRE (RFC 4023 section 4).
    Gre,
    /// MPLS in IP (RFC 4023 section 3): protocol 137.
    Ip,
}

impl fmt::Display for TunnelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Udp => "mpls-in-udp",
            Self::Gre => "mpls-in-gre",
            Self::Ip => "mpls-in-ip",
        })
    }
}

/// The IP header that an NHLFE puts in front of the labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tunnel {
    kind: TunnelKind,
    source: IpAddr,
    destination: IpAddr,
    ttl: u8,
    dscp: Dscp,
}

/// Addresses that are no tunnel's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TunnelError {
    /// One address is of IPv4, the other of IPv6.
    #[error("tunnel from {source_address} to {destination}: both ends are of one IP version")]
    Versions {
        /// The head end.
        source_address: IpAddr,
        /// The tail end.
        destination: IpAddr,
    },
    /// The header would be discarded at the next hop.
    #[error("tunnel to {0} with TTL 0: use 1 to 255")]
    Ttl(IpAddr),
}

impl Tunnel {
    /// A tunnel between two addresses; TTL or hop limit and DSCP are those of the outer header.
    ///
    /// # Errors
    /// The addresses are not of one IP version, or the TTL is 0.
    pub const fn new(
        kind: TunnelKind,
        source: IpAddr,
        destination: IpAddr,
        ttl: u8,
        dscp: Dscp,
    ) -> Result<Self, TunnelError> {
        if source.is_ipv4() != destination.is_ipv4() {
            return Err(TunnelError::Versions {
                source_address: source,
                destination,
            });
        }
        if ttl == 0 {
            return Err(TunnelError::Ttl(destination));
        }
        Ok(Self {
            kind,
            source,
            destination,
            ttl,
            dscp,
        })
    }

    /// How the labels are carried.
    pub const fn kind(&self) -> TunnelKind {
        self.kind
    }

    /// The address of the head end.
    pub const fn source(&self) -> IpAddr {
        self.source
    }

    /// The address of the tail end.
    pub const fn destination(&self) -> IpAddr {
        self.destination
    }

    /// The TTL or hop limit of the outer header.
    pub const fn ttl(&self) -> u8 {
        self.ttl
    }

    /// The DSCP of the outer header.
    pub const fn dscp(&self) -> Dscp {
        self.dscp
    }

    /// Octets that the tunnel puts in front of the labels.
    pub const fn overhead(&self) -> u16 {
        let ip = if self.source.is_ipv4() { 20 } else { 40 };
        ip + match self.kind {
            TunnelKind::Udp => 8,
            TunnelKind::Gre => 4,
            TunnelKind::Ip => 0,
        }
    }
}

impl fmt::Display for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} to {}", self.kind, self.source, self.destination)
    }
}

/// The tail end of tunnels: which packets of MPLS over IP are decapsulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TunnelEnd {
    /// The instance in which the packets arrive.
    pub vrf: VrfId,
    /// How labels are carried.
    pub kind: TunnelKind,
    /// The address of the router.
    pub destination: IpAddr,
    /// The prefix of the senders, of the destination's IP version; `None` for any. The longest
    /// matching one decides. RFC 4023 section 7 asks to filter by it.
    pub source: Option<IpNet>,
}

impl fmt::Display for TunnelEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.kind, self.destination)?;
        if let Some(source) = self.source {
            write!(f, " from {source}")?;
        }
        if self.vrf != VrfId::DEFAULT {
            write!(f, " vrf {}", self.vrf)?;
        }
        Ok(())
    }
}
