//! A deterministic network of label switching routers in one process, under a virtual clock.
//!
//! Each router has the real protocol engines, the real label manager and the real LFIB, and a model of a
//! switch that takes the LFIB's changes late and in parts, and forwards packets by what it holds. A seed
//! gives one run, bit for bit: topology, timing, faults, all of it.
//!
//! * [`Scenario`]: a run as a value: made from a seed, written as TOML, run, shrunk.
//! * [`network`]: the network, and what happens in it.
//! * [`router`]: a router, and [`router::Protocol`], which the adapter of a protocol implements.
//! * `pipeline` (a feature, on by default): the real P4 program in p4-switch's engine beside the model of
//!   each switch.
//! * [`invariants`]: what has to hold.

pub mod clock;
pub mod faults;
pub mod igp;
pub mod invariants;
pub mod link;
pub mod network;
#[cfg(feature = "pipeline")]
pub mod pipeline;
mod place;
pub mod plot;
pub mod report;
pub mod rng;
pub mod router;
mod run;
mod scenario;
mod shrink;
pub mod stream;
pub mod topology;

pub use report::Report;
pub use run::Progress;
pub use scenario::{Options, Place, Problem, RouterSettings, Scenario, ScenarioError};
pub use shrink::{as_test, shrink};
