//! RFC 3031's FTN, ILM and NHLFE maps: the desired label forwarding information base (LFIB).
//!
//! [`Forwarding`] stands between the protocols and the switch. Protocols, the static
//! configuration and the kernel hand it bindings; it picks one binding for each FEC and each
//! incoming label by [`Protocol::preference`], resolves next hops from the neighbours that it is
//! told, and holds the outcome as a value, the [`Lfib`], with the [`Changes`] since the last look.
//!
//! * [`Fec`] and [`FtnAction`]: the FTN (RFC 3031 section 3.12).
//! * [`IlmKey`] and [`IlmAction`]: the ILM (RFC 3031 section 3.11), in a [`LabelSpace`] (3.14).
//! * [`Nhlfe`] and [`PathGroup`]: the NHLFEs of an entry (RFC 3031 section 3.10) with weights.
//! * [`LabelManager`]: which labels are whose.
//! * [`View`] and [`State`]: what the operator sees of each binding.
//!
//! The crate does no I/O, reads no clock and starts no thread.

mod fec;
mod ilm;
mod label_manager;
mod lfib;
mod next_hop;
mod nhlfe;
mod owner;
mod state;
mod tables;

pub use fec::{Fec, FtnAction, VrfId};
pub use ilm::{IlmAction, IlmKey, LabelSpace, Payload};
pub use label_manager::{AllocationError, LabelManager, LabelManagerConfig, ReservationError};
pub use lfib::{Changes, EntryKey, FtnEntry, IlmEntry, Lfib};
pub use next_hop::{
    InterfaceName, MacAddress, MacAddressError, NextHop, NextHopProblem, UnresolvedNextHop,
};
pub use nhlfe::{MAX_WEIGHT, Nhlfe, NhlfeError, Path, PathGroup, PathGroupError, TtlModel};
pub use owner::{Owner, Protocol};
pub use state::{Programmed, State, View};
pub use tables::{BindError, Forwarding};
