//! Forwarding equivalence classes and the FTN.

use std::cmp::Ordering;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

use crate::nhlfe::nhlfes_of;
use crate::{AttachmentCircuit, Nhlfe, PathGroup, Replication};

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
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
    /// The packets of a VRF to an IP multicast group.
    MulticastGroup {
        /// The instance in which the destination is looked up.
        vrf: VrfId,
        /// The group.
        group: IpAddr,
    },
    /// The frames of an attachment circuit (the PWid FEC elements of RFC 8077).
    AttachmentCircuit(AttachmentCircuit),
}

impl Fec {
    /// The FEC of a prefix; host bits of the prefix are ignored. A prefix that is a single
    /// multicast group is the FEC of that group.
    pub fn prefix(vrf: VrfId, prefix: IpNet) -> Self {
        let prefix = prefix.trunc();
        let group = prefix.addr();
        if group.is_multicast() && prefix.prefix_len() == prefix.max_prefix_len() {
            Self::MulticastGroup { vrf, group }
        } else {
            Self::Prefix { vrf, prefix }
        }
    }

    /// The FEC of one address.
    pub fn host(vrf: VrfId, address: IpAddr) -> Self {
        Self::prefix(vrf, address.into())
    }

    /// The place of its kind in the order.
    fn kind(&self) -> u8 {
        match self {
            Self::Prefix { .. } => 0,
            Self::MulticastGroup { .. } => 1,
            Self::AttachmentCircuit(_) => 2,
        }
    }
}

impl PartialOrd for Fec {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fec {
    /// Prefixes, then multicast groups, then attachment circuits; each by VRF and address.
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            // The FTN is searched for these: one comparison of numbers.
            (
                Self::Prefix {
                    vrf,
                    prefix: IpNet::V4(prefix),
                },
                Self::Prefix {
                    vrf: other_vrf,
                    prefix: IpNet::V4(other),
                },
            ) => {
                let number = |vrf: VrfId, prefix: &Ipv4Net| {
                    let address = u64::from(prefix.addr().to_bits());
                    u64::from(vrf.0) << 40 | address << 8 | u64::from(prefix.prefix_len())
                };
                number(*vrf, prefix).cmp(&number(*other_vrf, other))
            }
            (
                Self::Prefix { vrf, prefix },
                Self::Prefix {
                    vrf: other_vrf,
                    prefix: other,
                },
            ) => (vrf, prefix).cmp(&(other_vrf, other)),
            (
                Self::MulticastGroup { vrf, group },
                Self::MulticastGroup {
                    vrf: other_vrf,
                    group: other,
                },
            ) => (vrf, group).cmp(&(other_vrf, other)),
            (Self::AttachmentCircuit(circuit), Self::AttachmentCircuit(other)) => {
                circuit.cmp(other)
            }
            _ => self.kind().cmp(&other.kind()),
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
            Self::MulticastGroup {
                vrf: VrfId::DEFAULT,
                group,
            } => write!(f, "group {group}"),
            Self::MulticastGroup { vrf, group } => write!(f, "group {group} vrf {vrf}"),
            Self::AttachmentCircuit(circuit) => write!(f, "attachment circuit {circuit}"),
        }
    }
}

/// What the FTN says of a FEC (RFC 3031 section 3.12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FtnAction {
    /// Forward to one of the NHLFEs, with the labels that it pushes (none: plain IP forwarding).
    Forward(Arc<PathGroup>),
    /// Send a copy to each branch: the ingress of a point-to-multipoint LSP, or multicast without
    /// labels. Only for multicast groups, and without a local branch.
    Replicate(Arc<Replication>),
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
            Self::Replicate(_) | Self::ToRouter | Self::Glean | Self::Discard => None,
        }
    }

    /// The branches, if the action replicates.
    pub fn replication(&self) -> Option<&Arc<Replication>> {
        match self {
            Self::Replicate(replication) => Some(replication),
            _ => None,
        }
    }

    /// Every NHLFE by which packets may leave.
    pub fn nhlfes(&self) -> impl Iterator<Item = &Nhlfe> {
        nhlfes_of(self.path_group(), self.replication())
    }
}

impl fmt::Display for FtnAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forward(group) if group.pushes_labels() => "push",
            Self::Forward(_) => "forward",
            Self::Replicate(_) => "replicate",
            Self::ToRouter => "to-router",
            Self::Glean => "glean",
            Self::Discard => "discard",
        })
    }
}
