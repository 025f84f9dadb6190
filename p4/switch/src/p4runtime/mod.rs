//! The P4Runtime server (specification 1.5.0, <https://p4.org/specs/>) over the control API.
//!
//! Sections in the documentation are those of the specification. What is optional there and not
//! here is refused with `UNIMPLEMENTED` and its name: roles other than the default role, atomicity
//! other than CONTINUE_ON_ERROR, idle timeouts, backup replicas, classes of service, group actions
//! of one-shot sets, counters of meter colours, architecture-specific externs.

mod action;
mod arbitration;
mod bits;
mod controllers;
mod device;
mod digest_list;
mod entity;
mod key;
mod listen;
mod packet_io;
mod refusal;
mod schema;
mod service;
mod streams;

pub use listen::{Address, ListenError, Listener};
pub use service::Service;
