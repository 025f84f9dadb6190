//! Faults of the real programs while hosts exchange numbered packets: how many are lost, and why.
//!
//! docs/faults.md has the table of a run.

mod batch;
mod host;
mod kill;
mod network;
mod stop;
