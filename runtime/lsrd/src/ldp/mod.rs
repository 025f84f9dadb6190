//! LDP in the router: the crate `ldp` is a state machine without I/O, and here is its I/O.
//!
//! - [`hello`], [`tcp`] and [`options`]: the sockets of discovery and of sessions.
//! - [`routes`]: interfaces, addresses and FECs, from the kernel's state.
//! - [`driver`]: the task that drives the state machine, and deals out labels.
//! - [`preserve`]: what is kept over a restart.
//! - `starts`: how many times it was started in the life of the router.
//!
//! What it says of labels becomes bindings of [`forwarding::Forwarding`] in the crate `ldp-lfib`.

pub mod driver;
pub mod hello;
pub mod options;
pub mod preserve;
pub mod routes;
mod starts;
pub mod tcp;

pub use driver::{Handle, Snapshot};
