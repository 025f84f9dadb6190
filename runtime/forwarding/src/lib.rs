//! RFC 3031's FTN, ILM and NHLFE maps: the desired label forwarding information base (LFIB).
//!
//! [`Forwarding`] stands between the protocols and the switch. Protocols, the static
//! configuration and the kernel hand it bindings; it picks one binding for each FEC and each
//! incoming label by [`Protocol::preference`], resolves next hops from the neighbours that it is
//! told, and holds the outcome as a value, the [`Lfib`]; [`Changes`] are what
//! differs between two of them.
//!
//! * [`Fec`] and [`FtnAction`]: the FTN (RFC 3031 section 3.12).
//! * [`IlmKey`] and [`IlmAction`]: the ILM (RFC 3031 section 3.11), in a [`LabelSpace`] (3.14).
//! * [`Nhlfe`] and [`PathGroup`]: the NHLFEs of an entry (RFC 3031 section 3.10) with weights,
//!   backup paths and 1:1 protection; [`Replication`]: those of a point-to-multipoint LSP.
//! * [`SpecialPurposeLabels`]: the labels 0 to 15 as bindings.
//! * [`TunnelModel`] and [`QosMap`]: TTL and differentiated services (RFC 3443, RFC 3270).
//! * [`Tunnel`] and [`TunnelEnd`]: MPLS over IP (RFC 4023, RFC 7510).
//! * [`LabelManager`]: which labels are whose.
//! * [`View`] and [`State`]: what the operator sees of each binding.
//!
//! The crate does no I/O, reads no clock and starts no thread.

mod circuit;
mod fec;
mod ilm;
mod label_manager;
mod label_space;
mod lfib;
mod next_hop;
mod nhlfe;
mod owner;
mod protection;
mod qos;
mod special;
mod state;
mod tables;
mod tunnel;

pub use circuit::{AttachmentCircuit, VlanId, VlanIdError};
pub use fec::{Fec, FtnAction, VrfId};
pub use ilm::{IlmAction, IlmKey, Payload, PuntClass};
pub use label_manager::{AllocationError, LabelManager, LabelManagerConfig, ReservationError};
pub use label_space::{LabelSpace, LabelSpaceKind};
pub use lfib::{Changes, EntryKey, FtnEntry, IlmEntry, Lfib};
pub use next_hop::{
    InterfaceName, MacAddress, MacAddressError, NextHop, NextHopProblem, UnresolvedNextHop,
};
pub use nhlfe::{
    MAX_PATHS, MAX_WEIGHT, Nhlfe, NhlfeError, Path, PathGroup, PathGroupError, Replication,
    ReplicationError,
};
pub use owner::{Owner, Protocol};
pub use protection::{PathRole, ProtectionId, ProtectionIdError, TailEnd};
pub use qos::{Behaviour, CodePointError, Codes, Dscp, Pcp, Phb, QosMap, QosMapId, TunnelModel};
pub use special::SpecialPurposeLabels;
pub use state::{Programmed, State, View};
pub use tables::{BindError, Forwarding};
pub use tunnel::{Tunnel, TunnelEnd, TunnelError, TunnelKind};
