//! A software switch that runs BMv2 JSON with simple_switch's semantics and serves P4Runtime.

pub mod control;
pub mod p4runtime;
mod state;
mod switch;

pub use state::State;
pub use switch::{Events, Switch, SwitchConfig};

/// Why a program cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct LoadError {
    /// Where in the document.
    pub place: String,
    /// What is wrong.
    pub reason: String,
}
