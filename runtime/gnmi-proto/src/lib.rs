//! gNMI messages and gRPC service, and what server and client share beside them.
//!
//! - [`gnmi`] and [`gnmi_ext`]: the messages, generated from `proto/`, which are the files of
//!   openconfig/gnmi under its licence, unchanged.
//! - [`path`]: paths as people write them, and which paths match a path with wildcards.
//!
//! Sections in the documentation are those of the gNMI Specification 0.10.0
//! (<https://github.com/openconfig/reference/blob/master/rpc/gnmi/gnmi-specification.md>).

pub mod path;

// The generated code takes its documentation from the comments in proto/, which leave out what a
// name already says. What gNMI calls deprecated stays in its messages.
#[allow(missing_docs, deprecated, rustdoc::all, clippy::all)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/gnmi_proto.rs"));
}

pub use generated::{gnmi, gnmi_ext};

/// The version of gNMI that the messages are those of.
pub const GNMI_VERSION: &str = "0.10.0";
