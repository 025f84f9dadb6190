//! The P4Runtime server, driven by the generated client: each rule of the specification one test.
//!
//! `program.p4` has one object of every kind. Entities are written in the text format, with `$name`
//! for the id of the object of that name.

mod action_profiles;
mod arbitration;
mod atomicity;
mod bad_input;
mod cells;
mod documentation;
mod idle;
mod packets;
mod pipeline;
mod preinitialized;
mod program;
mod reads;
mod replication;
mod roles;
mod support;
mod tables;
mod tls;
mod translation;
mod value_sets;
mod write;
