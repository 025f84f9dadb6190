//! The control API: what a control plane, such as the P4Runtime server, can do with the switch.

mod entry;
mod error;
mod types;

pub use entry::{
    ActionCall, ActionSet, EntryAction, EntryKey, EntryRef, Group, GroupMember, KeyMatch,
    PortNumber, SetAction, TableEntry,
};
pub use error::ControlError;
pub use types::{
    ActionInfo, CloneSession, CounterValue, CpuPacket, Digest, DropStatistics, KeyInfo,
    MeterConfig, MeterCounts, ParameterInfo, PortEvent, PortInfo, PortState, PortStatistics,
    ProfileInfo, Replica, ReplicaWithBackups, TableInfo, ValueSetMember,
};
