//! What goes in and out of label distribution.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use mpls::Label;
use smallvec::SmallVec;

use crate::packet::{AdvertisementDiscipline, Body, Capabilities, Status};
use crate::{LdpIdentifier, PrefixFec};

/// A next hop of a route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NextHop {
    /// The name of the outgoing interface.
    pub interface: Arc<str>,
    /// The address, which the peer that is there announced as its own (RFC 5036 section 2.7).
    pub address: IpAddr,
}

/// What routing says of a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Route {
    /// The next hops, all used at once; empty for a prefix of which this LSR is the egress, such as a
    /// connected one or an address of its own.
    pub next_hops: SmallVec<[NextHop; 2]>,
    /// Weights of the next hops in the same order, where they are not all 1.
    pub weights: SmallVec<[u16; 2]>,
    /// This LSR is the egress for the prefix (RFC 5036 section 2.6.1.2): it is connected, its own, or
    /// leaves the MPLS network here.
    pub egress: bool,
}

/// What was negotiated for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerParameters {
    /// How labels are advertised in this session (RFC 5036 section 3.5.3).
    pub advertisement: AdvertisementDiscipline,
    /// Whether loops are detected (RFC 5036 section 2.8).
    pub loop_detection: bool,
    /// What the peer announced.
    pub capabilities: Capabilities,
    /// The session is a targeted one without a link adjacency: its peer is no next hop by itself.
    pub targeted_only: bool,
    /// Whether the peer keeps the session's forwarding state in a restart, and for how long after it
    /// came back it may (RFC 3478): the recovery time that it announced, if it preserved its state.
    pub recovery_time: Option<Duration>,
    /// Bindings of IPv4 prefixes are exchanged (RFC 7552 section 7.2).
    pub ipv4: bool,
    /// Bindings of IPv6 prefixes are exchanged.
    pub ipv6: bool,
    /// Whether MTUs are signalled to this peer (RFC 3988).
    pub signal_mtu: bool,
}

/// A next hop and the label with which packets of the FEC go there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelledNextHop {
    /// The next hop.
    pub next_hop: NextHop,
    /// Its share.
    pub weight: u16,
    /// The label that the peer there bound to the FEC; implicit null pops; `None`: it bound none, and
    /// packets go on without label (ingress) or cannot (transit).
    pub label: Option<Label>,
    /// The peer that gave the label.
    pub peer: Option<LdpIdentifier>,
    /// The label's peer can take entropy labels (RFC 6790 section 5.1).
    pub entropy_label_capable: bool,
    /// The MTU of the LSP that came with the label (RFC 3988), in octets below it; only if it is less than
    /// what the link to the next hop takes below the label, and only in [`LfibChange::BindFtn`].
    pub mtu: Option<u16>,
}

/// What an incoming label is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IlmOperation {
    /// Swap, or pop where the next hop's label is implicit null: at least one next hop with a label.
    Forward(SmallVec<[LabelledNextHop; 1]>),
    /// Pop, and look up what is below: this LSR is the egress, or no next hop has a label
    /// ([`super::Policy::forward_unlabelled`]).
    Egress,
}

/// A change of the label forwarding information base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LfibChange {
    /// Packets of the FEC get these labels. At least one next hop has one.
    BindFtn {
        /// The FEC.
        fec: PrefixFec,
        /// The next hops.
        next_hops: SmallVec<[LabelledNextHop; 1]>,
    },
    /// Packets of the FEC get no label any more.
    UnbindFtn {
        /// The FEC.
        fec: PrefixFec,
    },
    /// An incoming label.
    BindIlm {
        /// The label.
        label: Label,
        /// The FEC that it is bound to.
        fec: PrefixFec,
        /// What it does.
        operation: IlmOperation,
    },
    /// An incoming label does nothing any more.
    UnbindIlm {
        /// The label.
        label: Label,
        /// The FEC that it was bound to.
        fec: PrefixFec,
    },
}

impl LfibChange {
    /// The FEC that it is about.
    pub fn fec(&self) -> PrefixFec {
        match self {
            Self::BindFtn { fec, .. }
            | Self::UnbindFtn { fec }
            | Self::BindIlm { fec, .. }
            | Self::UnbindIlm { fec, .. } => *fec,
        }
    }
}

/// What label distribution asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelOutput {
    /// A message for a peer. Those of one peer stay in their order; many go in one PDU.
    Send {
        /// The peer.
        peer: LdpIdentifier,
        /// The Message ID where the sender needs it: of a Label Request; else the session gives one.
        id: Option<u32>,
        /// The message.
        body: Body,
    },
    /// The session has to end, with this Notification.
    End {
        /// The peer.
        peer: LdpIdentifier,
        /// Why.
        status: Status,
    },
    /// A label for a FEC, please: the answer is [`super::LabelDistribution::label_allocated`].
    Allocate {
        /// The FEC.
        fec: PrefixFec,
    },
    /// A label is not used any more.
    Deallocate {
        /// The FEC that it was bound to.
        fec: PrefixFec,
        /// The label.
        label: Label,
    },
    /// The LFIB changes.
    Lfib(LfibChange),
    /// Something that an operator may want to know.
    Event(LabelEvent),
}

/// Something that an operator may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LabelEvent {
    /// A message of a peer was discarded.
    Discarded {
        /// The peer.
        peer: LdpIdentifier,
        /// Why, in words.
        reason: String,
    },
    /// A loop was detected (RFC 5036 section 2.8).
    LoopDetected {
        /// The peer whose message showed it.
        peer: LdpIdentifier,
        /// The FEC.
        fec: PrefixFec,
    },
    /// No label could be had for a FEC.
    NoLabel {
        /// The FEC.
        fec: PrefixFec,
        /// Why, in words.
        reason: String,
    },
    /// Two peers announce one address: next hops there belong to the first (RFC 5036 section 3.5.5.1).
    DuplicateAddress {
        /// The address.
        address: IpAddr,
        /// Whose it is.
        owner: LdpIdentifier,
        /// Who announces it too.
        other: LdpIdentifier,
    },
    /// A peer sent more mappings than are held; those too many are released.
    TooManyBindings {
        /// The peer.
        peer: LdpIdentifier,
        /// How many are held.
        limit: usize,
    },
    /// A peer sent a notification about labels that asks for nothing to be done.
    Notified {
        /// The peer.
        peer: LdpIdentifier,
        /// What it says.
        status: Status,
    },
    /// The first advertisement of a peer is complete, as it said or by time (RFC 5919 section 4, RFC
    /// 5443).
    Synchronized {
        /// The peer.
        peer: LdpIdentifier,
    },
    /// Stale bindings of a peer were not refreshed in time and are removed (RFC 3478 section 3.3).
    StaleRemoved {
        /// The peer.
        peer: LdpIdentifier,
        /// How many.
        count: usize,
    },
}

/// What the switch still forwards from before a restart of this LSR (RFC 3478 section 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preserved {
    /// Incoming labels and their FECs: a FEC that comes back gets its label again, without
    /// [`LabelOutput::Allocate`]. The label manager must not give them to others until
    /// [`LabelOutput::Deallocate`].
    pub labels: Vec<(PrefixFec, Label)>,
    /// FECs whose packets are labelled.
    pub ftns: Vec<PrefixFec>,
}
