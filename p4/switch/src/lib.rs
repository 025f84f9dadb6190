//! A software switch that runs BMv2 JSON with simple_switch's semantics and serves P4Runtime.
//!
//! A program in the BMv2 JSON format, as p4c and p4-compiler write it, is resolved once when it is
//! loaded; packets then run through a form without names. The way of a packet is that of
//! simple_switch, the v1model switch of the behavioral model.

mod clock;
pub mod control;
mod engine;
mod gnmi;
mod jit;
mod load;
pub mod metrics;
mod number;
pub mod p4runtime;
mod patient_lock;
pub mod port;
mod program;
mod state;
mod switch;
pub mod trace;

pub use clock::Clock;
pub use load::LoadError;
pub use state::State;
pub use switch::{Engine, Events, FillError, Switch, SwitchConfig};
pub use trace::{LiveTrace, Trace};
