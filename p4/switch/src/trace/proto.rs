//! The gRPC service through which a client follows the packets of a running switch: generated from
//! `proto/p4switch/v1/trace.proto`.

// The generated code takes its documentation from the comments in proto/, which leave out what a
// name already says.
#![allow(missing_docs)]

tonic::include_proto!("p4switch.v1");
