//! Tests of the engine: discovery, sessions, and what holds them together.

#[path = "../support/mod.rs"]
mod support;

mod addresses;
mod bad_input;
mod bounds;
mod capabilities;
mod configuration;
mod discovery;
mod dual_stack;
mod establishment;
mod family_change;
mod graceful_restart;
mod hello_authentication;
mod igp_sync;
mod keepalive;
mod multi_topology;
mod negotiation;
mod robustness;
mod state_table;
mod status_codes;
mod targeted;
