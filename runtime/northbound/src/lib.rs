//! The management interface of lsrd: gRPC messages and service that lsrctl speaks.
//!
//! - [`v1`]: the messages and the service, generated from `proto/`. Their comments there are the
//!   reference of the fields, and of the JSON form too.
//! - [`socket`]: the Unix socket that carries them.
//! - [`json`]: the JSON form of a message.

pub mod json;
pub mod socket;

/// The messages and the service of `proto/p4lsr/management/v1/management.proto`.
// The generated code takes its documentation from the comments in proto/, which leave out what a
// name already says.
#[allow(missing_docs)]
pub mod v1 {
    tonic::include_proto!("p4lsr.management.v1");
}

/// The serialized `google.protobuf.FileDescriptorSet` of `proto/`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/management.fds"));
