//! P4Runtime 1.5 messages and gRPC services, and what server and client share beside them.
//!
//! - [`p4::v1`], [`p4::config::v1`] and [`google::rpc`]: the messages, generated from `proto/`.
//! - [`convert`]: text format and JSON of any message, P4Info above all.
//! - [`bytestring`]: the binary strings that carry P4 integers.
//! - [`batch_error`]: the errors of the single updates of a Write in the status of the RPC.
//!
//! Sections in the documentation are those of the P4Runtime Specification 1.5.0
//! (<https://p4.org/specs/>).

pub mod batch_error;
pub mod bytestring;
pub mod convert;
mod text_format;

// The generated code takes its documentation from the comments in proto/, which leave out what a
// name already says.
#[allow(missing_docs)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/p4runtime.rs"));
}

pub use generated::{google, p4};

/// The version of the P4Runtime API that the messages are those of, as the Capabilities RPC
/// reports it (section 17).
pub const API_VERSION: &str = "1.5.0";

/// The serialized `google.protobuf.FileDescriptorSet` of `proto/` and its imports.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/p4runtime.fds"));
