//! The incoming label map.

use std::fmt;
use std::sync::Arc;

use mpls::Label;
use serde::{Deserialize, Serialize};

use crate::{PathGroup, TtlModel, VrfId};

/// A label space (RFC 3031 section 3.14). 0 is the platform-wide space.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct LabelSpace(pub u16);

impl LabelSpace {
    /// The platform-wide label space, 0.
    pub const PLATFORM: Self = Self(0);
}

impl fmt::Display for LabelSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What an ILM entry is found by: an incoming label in the label space of its interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IlmKey {
    /// The label space.
    pub label_space: LabelSpace,
    /// The incoming label.
    pub label: Label,
}

impl IlmKey {
    /// The label in the platform-wide label space.
    pub const fn platform(label: Label) -> Self {
        Self {
            label_space: LabelSpace::PLATFORM,
            label,
        }
    }
}

impl fmt::Display for IlmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.label_space {
            LabelSpace::PLATFORM => write!(f, "label {}", self.label),
            space => write!(f, "label {} label-space {space}", self.label),
        }
    }
}

/// What lies below the bottom of the stack. Known from the FEC, never guessed from the packet
/// (RFC 9790).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Payload {
    /// An IPv4 packet.
    Ipv4,
    /// An IPv6 packet.
    Ipv6,
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        })
    }
}

/// What the ILM says of an incoming label (RFC 3031 section 3.11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IlmAction {
    /// Forward to one of the NHLFEs. One with labels swaps, and pushes when it has more than one;
    /// one without labels pops (penultimate hop popping, RFC 3031 section 3.16).
    Forward {
        /// The NHLFEs.
        paths: Arc<PathGroup>,
        /// What is below a label with the S bit. Where it is not known, a packet that would be
        /// popped to its payload is dropped.
        payload: Option<Payload>,
        /// How the TTL goes on when the label is popped (RFC 3443).
        ttl_model: TtlModel,
    },
    /// Pop the last label and look up the IP packet: the egress of the LSP.
    PopAndLookUpIp {
        /// The instance in which the destination is looked up.
        vrf: VrfId,
        /// What is below the label.
        payload: Payload,
        /// How the TTL goes on (RFC 3443).
        ttl_model: TtlModel,
    },
    /// Pop the label and look up the one below: the egress of an LSP that carries LSPs.
    PopAndLookUpLabel {
        /// How the TTL goes on (RFC 3443).
        ttl_model: TtlModel,
    },
    /// Explicit null (RFC 3032 section 2.1, RFC 4182): pop, then look up what is below, in the VRF
    /// of the interface when it is IP.
    ExplicitNull {
        /// What is below a label with the S bit.
        payload: Payload,
        /// How the TTL goes on (RFC 3443).
        ttl_model: TtlModel,
    },
    /// Give the packet to the daemon.
    Punt,
}

impl IlmAction {
    /// The path group, if the action forwards.
    pub fn path_group(&self) -> Option<&Arc<PathGroup>> {
        match self {
            Self::Forward { paths, .. } => Some(paths),
            _ => None,
        }
    }
}

impl fmt::Display for IlmAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forward { paths, .. } => match (paths.pushes_labels(), paths.pops_labels()) {
                (true, true) => "swap-or-pop",
                (true, false) => "swap",
                (false, _) => "pop",
            },
            Self::PopAndLookUpIp { .. } => "pop-and-look-up-ip",
            Self::PopAndLookUpLabel { .. } => "pop-and-look-up-label",
            Self::ExplicitNull { .. } => "explicit-null",
            Self::Punt => "punt",
        })
    }
}
