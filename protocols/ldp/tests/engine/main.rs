//! Tests of the engine: discovery, sessions, and what holds them together.

#[path = "../support/mod.rs"]
mod support;

mod addresses;
mod bad_input;
mod bounds;
mod discovery;
mod establishment;
mod keepalive;
mod negotiation;
mod state_table;
