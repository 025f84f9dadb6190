//! Translates the desired LFIB to table entries of a hardware profile and reconciles the switch
//! with it.
//!
//! * [`HardwareProfile`]: a file of `hw-profiles/`.
//! * [`Desired`]: what the daemon wants of the switch: the LFIB, interfaces, punts; [`Switchover`]:
//!   port and protection state.
//! * [`Translator`]: from that to the [`Entries`] of mpls.p4's tables, within the [`Capacity`].
//! * [`Reconciliation`]: the updates from what the switch holds to what it should hold, in
//!   make-before-break order.
//! * [`Driver`]: the task that owns the switch: it connects, writes the pipeline, reads back,
//!   reconciles, repairs, and carries packets. [`Handle`] is the daemon's side of it.
//!
//! All but the driver and the reading of counters is without I/O.

mod buckets;
mod capacity;
mod codec;
mod counters;
mod desired;
mod driver;
mod ids;
mod model;
mod packet;
mod profile;
mod reasons;
mod reconcile;
mod status;
mod switchover;
mod table;
mod translate;

pub use buckets::share_buckets;
pub use capacity::{Capacity, Refusal};
pub use codec::{check_program, decode, encode};
pub use counters::Counters;
pub use desired::{
    CircuitConfig, ControlPacket, Desired, InterfaceConfig, ServiceMatch, Switchover,
};
pub use driver::{Driver, Handle, HandleError, Options};
pub use model::{
    Bucket, Entries, Exit, FtnValue, IlmValue, InterfaceValue, Key, MulticastGroupId, NhlfeId,
    NhlfeValue, PathGroupId, PathGroupValue, Push, Replica, TunnelId, Value, buckets_of,
};
pub use packet::{PacketOut, PuntError, Punted};
pub use profile::{Depths, HardwareProfile, Ports, ProfileError, PuntRates, Sizes};
pub use reasons::{DropReason, PuntRate, PuntReason};
pub use reconcile::{Failure, Outcome, Reconciliation, Update, Written};
pub use status::{ConnectionState, Status, Usage};
pub use table::Table;
pub use translate::{Target, Translator};
