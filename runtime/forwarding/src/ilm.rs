//! The incoming label map.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use mpls::Label;
use serde::{Deserialize, Serialize};

use crate::nhlfe::nhlfes_of;
use crate::{
    AttachmentCircuit, LabelSpace, Nhlfe, PathGroup, QosMapId, Replication, TailEnd, TunnelModel,
    VrfId,
};

/// What an ILM entry is found by: an incoming label in the label space of its interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

impl PartialOrd for IlmKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for IlmKey {
    /// By label space, then by label. The ILM is searched for it: one comparison of numbers.
    fn cmp(&self, other: &Self) -> Ordering {
        let number = |key: &Self| u64::from(key.label_space.0) << 32 | u64::from(key.label.value());
        number(self).cmp(&number(other))
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

/// The class of packets that an ILM entry gives to the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PuntClass {
    /// The entry asks for it, and nothing more is known.
    LabelAction,
    /// The router alert label (RFC 3032 section 2.1).
    RouterAlert,
    /// The generic associated channel (RFC 5586).
    GenericAssociatedChannel,
    /// LSP Ping (RFC 8029).
    LspPing,
    /// Bidirectional forwarding detection (RFC 5884).
    Bfd,
}

impl fmt::Display for PuntClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::LabelAction => "label-action",
            Self::RouterAlert => "router-alert",
            Self::GenericAssociatedChannel => "g-ach",
            Self::LspPing => "lsp-ping",
            Self::Bfd => "bfd",
        })
    }
}

/// What the ILM says of an incoming label (RFC 3031 section 3.11).
///
/// The QoS map of an entry says what the TC of its label means (RFC 3270 section 3.2); with map 0
/// the one of the interface does.
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
        /// How TTL and marking go on when the label is popped.
        tunnel_model: TunnelModel,
        /// What the TC means.
        qos_map: QosMapId,
    },
    /// Pop the last label and look up the IP packet: the egress of the LSP.
    PopAndLookUpIp {
        /// The instance in which the destination is looked up.
        vrf: VrfId,
        /// What is below the label.
        payload: Payload,
        /// How TTL and marking go on.
        tunnel_model: TunnelModel,
        /// What the TC means.
        qos_map: QosMapId,
        /// Of which path of a 1+1 protection domain the label is the end.
        tail_end: Option<TailEnd>,
    },
    /// Pop the label and look up the one below: the egress of an LSP that carries LSPs.
    PopAndLookUpLabel {
        /// The space of the label below: the context that this label stands for (RFC 5331 section
        /// 3), or the platform-wide space.
        label_space: LabelSpace,
        /// How TTL and marking go on.
        tunnel_model: TunnelModel,
        /// What the TC means.
        qos_map: QosMapId,
        /// Of which path of a 1+1 protection domain the label is the end.
        tail_end: Option<TailEnd>,
    },
    /// Pop the label and deliver the Ethernet frame below: the egress of a pseudowire (RFC 4448).
    PopToAttachmentCircuit {
        /// Where the frame leaves.
        circuit: AttachmentCircuit,
        /// Whether a control word is below the label (RFC 4448 section 4.6).
        control_word: bool,
        /// What the TC means.
        qos_map: QosMapId,
        /// Of which path of a 1+1 protection domain the label is the end.
        tail_end: Option<TailEnd>,
    },
    /// Replace the label and send a copy to each branch of a point-to-multipoint LSP (RFC 4875).
    Replicate {
        /// The branches.
        replication: Arc<Replication>,
        /// What the TC means.
        qos_map: QosMapId,
    },
    /// Explicit null (RFC 3032 section 2.1, RFC 4182): pop, then look up what is below, in the VRF
    /// of the interface when it is IP.
    ExplicitNull {
        /// What is below a label with the S bit.
        payload: Payload,
        /// How TTL and marking go on.
        tunnel_model: TunnelModel,
    },
    /// Entropy label indicator at the top of the stack (RFC 6790 section 4.3): it and the entropy
    /// label are popped, then what is below is looked up.
    EntropyLabelIndicator {
        /// What is below an entropy label with the S bit; dropped when it is not known.
        payload: Option<Payload>,
        /// How TTL and marking go on.
        tunnel_model: TunnelModel,
    },
    /// Give the packet to the daemon.
    Punt(PuntClass),
    /// Drop the packet: the label may not be looked up here.
    Discard,
}

impl IlmAction {
    /// Pop and look up in this label space, under the uniform model.
    pub const fn pop_and_look_up_label(label_space: LabelSpace) -> Self {
        Self::PopAndLookUpLabel {
            label_space,
            tunnel_model: TunnelModel::Uniform,
            qos_map: QosMapId::DEFAULT,
            tail_end: None,
        }
    }

    /// Give the packet to the daemon as one of no special class.
    pub const PUNT: Self = Self::Punt(PuntClass::LabelAction);

    /// The path group, if the action forwards.
    pub fn path_group(&self) -> Option<&Arc<PathGroup>> {
        match self {
            Self::Forward { paths, .. } => Some(paths),
            _ => None,
        }
    }

    /// The branches, if the action replicates.
    pub fn replication(&self) -> Option<&Arc<Replication>> {
        match self {
            Self::Replicate { replication, .. } => Some(replication),
            _ => None,
        }
    }

    /// Every NHLFE by which packets may leave.
    pub fn nhlfes(&self) -> impl Iterator<Item = &Nhlfe> {
        nhlfes_of(self.path_group(), self.replication())
    }

    /// Of which path of a 1+1 protection domain the label is the end, if it is of one.
    pub fn tail_end(&self) -> Option<TailEnd> {
        match self {
            Self::PopAndLookUpIp { tail_end, .. }
            | Self::PopAndLookUpLabel { tail_end, .. }
            | Self::PopToAttachmentCircuit { tail_end, .. } => *tail_end,
            _ => None,
        }
    }

    /// The label space in which the next label is looked up, if it is another than that of the
    /// entry.
    pub fn next_label_space(&self) -> Option<LabelSpace> {
        match self {
            Self::PopAndLookUpLabel { label_space, .. } => Some(*label_space),
            Self::Replicate { replication, .. } => replication.local(),
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
            Self::PopToAttachmentCircuit { .. } => "pop-to-attachment-circuit",
            Self::Replicate { .. } => "replicate",
            Self::ExplicitNull { .. } => "explicit-null",
            Self::EntropyLabelIndicator { .. } => "entropy-label-indicator",
            Self::Punt(_) => "punt",
            Self::Discard => "discard",
        })
    }
}
