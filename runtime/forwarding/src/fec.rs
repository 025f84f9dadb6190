//! Forwarding equivalence classes and the FTN.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::PathGroup;

/// A virtual routing and forwarding instance. 0 is the default instance.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct VrfId(pub u16);

impl VrfId {
    /// The default instance, 0.
    pub const DEFAULT: Self = Self(0);
}

impl fmt::Display for VrfId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A forwarding equivalence class: packets that are forwarded alike (RFC 3031 section 2.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fec {
    /// The packets of a VRF of which the destination has this longest matching prefix (the
    /// address prefix FEC element of RFC 5036 section 3.4.1).
    Prefix {
        /// The instance in which the destination is looked up.
        vrf: VrfId,
        /// The prefix; its host bits are zero.
        prefix: IpNet,
    },
}

impl Fec {
    /// The FEC of a prefix; host bits of the prefix are ignored.
    pub fn prefix(vrf: VrfId, prefix: IpNet) -> Self {
        Self::Prefix {
            vrf,
            prefix: prefix.trunc(),
        }
    }

    /// The FEC of one address: a prefix of full length.
    pub fn host(vrf: VrfId, address: IpAddr) -> Self {
        Self::Prefix {
            vrf,
            prefix: address.into(),
        }
    }
}

impl fmt::Display for Fec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix {
                vrf: VrfId::DEFAULT,
                prefix,
            } => write!(f, "{prefix}"),
            Self::Prefix { vrf, prefix } => write!(f, "{prefix} vrf {vrf}"),
        }
    }
}

/// What the FTN says of a FEC (RFC 3031 section 3.12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FtnAction {
    /// Forward to one of the NHLFEs, with the labels that it pushes (none: plain IP forwarding).
    Forward(Arc<PathGroup>),
    /// Deliver to the router itself: one of its own addresses.
    ToRouter,
    /// A connected prefix: the router resolves the neighbour.
    Glean,
    /// Drop.
    Discard,
}

impl FtnAction {
    /// The path group, if the action forwards.
    pub fn path_group(&self) -> Option<&Arc<PathGroup>> {
        match self {
            Self::Forward(group) => Some(group),
            Self::ToRouter | Self::Glean | Self::Discard => None,
        }
    }
}

impl fmt::Display for FtnAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forward(group) if group.pushes_labels() => "push",
            Self::Forward(_) => "forward",
            Self::ToRouter => "to-router",
            Self::Glean => "glean",
            Self::Discard => "discard",
        })
    }
}
