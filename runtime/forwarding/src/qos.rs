//! How packets are queued and marked: per-hop behaviours, code points and the tunnelling models.

use std::collections::BTreeMap;
use std::fmt;

use mpls::TrafficClass;
use serde::{Deserialize, Serialize};

/// How the TTL and the per-hop behaviour of a tunnelled packet are handled: the tunnelling models
/// of RFC 3443 section 2.1 (TTL) and RFC 3270 section 2.6 (differentiated services).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum TunnelModel {
    /// The LSP is no tunnel to the packet below: its TTL counts every hop (RFC 3443 section 3.1),
    /// and its marking is that of the LSP (RFC 3270 section 2.6.4).
    #[default]
    Uniform,
    /// The LSP is one hop for the packet below (RFC 3443 section 3.2), whose marking stays as it
    /// is; the egress queues the packet by the marking of the LSP (RFC 3270 section 2.6.2).
    Pipe,
    /// As pipe; the egress or penultimate hop queues the packet by the marking below (RFC 3270
    /// section 2.6.3). For the TTL the two pipe models are the same.
    ShortPipe,
}

impl TunnelModel {
    /// Whether TTL and marking of the packet below stay apart from those of the LSP.
    pub const fn is_pipe(self) -> bool {
        matches!(self, Self::Pipe | Self::ShortPipe)
    }
}

impl fmt::Display for TunnelModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Uniform => "uniform",
            Self::Pipe => "pipe",
            Self::ShortPipe => "short-pipe",
        })
    }
}

/// A value that does not fit its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{name} {value} is outside 0 to {most}")]
pub struct CodePointError {
    /// What the value is.
    pub name: &'static str,
    /// The value.
    pub value: u8,
    /// The largest one.
    pub most: u8,
}

macro_rules! code_point {
    ($(#[$doc:meta])* $type:ident, $name:literal, $most:literal) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
        )]
        #[serde(try_from = "u8", into = "u8")]
        pub struct $type(u8);

        impl $type {
            #[doc = concat!("The value, 0 to ", $most, ".")]
            ///
            /// # Errors
            /// The value is larger.
            pub const fn new(value: u8) -> Result<Self, CodePointError> {
                if value <= $most {
                    Ok(Self(value))
                } else {
                    Err(CodePointError { name: $name, value, most: $most })
                }
            }

            /// The number.
            pub const fn value(self) -> u8 {
                self.0
            }
        }

        impl TryFrom<u8> for $type {
            type Error = CodePointError;

            fn try_from(value: u8) -> Result<Self, CodePointError> {
                Self::new(value)
            }
        }

        impl From<$type> for u8 {
            fn from(value: $type) -> Self {
                value.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

code_point! {
    /// A per-hop behaviour, named by its default DSCP: 46 is expedited forwarding (RFC 3246), 10 is
    /// AF11 (RFC 2597), 0 is best effort.
    Phb, "PHB", 63
}
code_point! {
    /// A differentiated services code point (RFC 2474).
    Dscp, "DSCP", 63
}
code_point! {
    /// The priority code point of an IEEE 802.1Q tag.
    Pcp, "PCP", 7
}

/// The number of a QoS map. 0 is the map that every switch has: TC and PCP are the class selector
/// of the PHB, and a DSCP is its own PHB.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct QosMapId(pub u8);

impl QosMapId {
    /// The map that is always there.
    pub const DEFAULT: Self = Self(0);
}

impl fmt::Display for QosMapId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What a code point of a received packet means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Behaviour {
    /// The per-hop behaviour.
    pub phb: Phb,
    /// Whether the packet met congestion on its way (the CM of RFC 5129 section 2).
    pub congestion: bool,
}

/// The code points that a packet leaves with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Codes {
    /// Of pushed and swapped labels.
    pub traffic_class: TrafficClass,
    /// Of an IP packet whose marking is not kept.
    pub dscp: Dscp,
    /// Of the VLAN tag, when the packet leaves with one.
    pub pcp: Pcp,
}

/// How code points and per-hop behaviours belong together: the EXP<-->PHB mapping of an E-LSP, the
/// one PHB scheduling class of an L-LSP (RFC 3270 sections 3.2 and 4.2), and the DSCPs of an
/// interface. What a map does not name is as in the map [`QosMapId::DEFAULT`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QosMap {
    /// Of received labels.
    pub from_traffic_class: BTreeMap<TrafficClass, Behaviour>,
    /// Of received IP packets.
    pub from_dscp: BTreeMap<Dscp, Phb>,
    /// Of packets that leave.
    pub to_codes: BTreeMap<Behaviour, Codes>,
    /// Under the pipe models: what the TC of an exposed label becomes when the label above it told
    /// of congestion (RFC 5129 section 4.5).
    pub mark_congestion: BTreeMap<TrafficClass, TrafficClass>,
}
