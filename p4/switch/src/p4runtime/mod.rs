//! The P4Runtime server (specification 1.5.0, <https://p4.org/specs/>) over the control API.
//!
//! Sections in the documentation are those of the specification; docs/p4runtime.md has each
//! requirement with the test that checks it. What is optional there and not here is refused with
//! `UNIMPLEMENTED` and its name.

mod action;
mod address;
mod arbitration;
mod bits;
mod client;
mod connection;
mod controllers;
mod device;
mod digest_list;
mod entity;
mod key;
mod limits;
mod listen;
mod notify;
mod packet_io;
mod pieces;
mod preload;
mod read;
mod refusal;
mod request_limit;
mod role;
mod schema;
mod service;
mod streams;
mod tls;
mod translation;

pub use address::Address;
pub(crate) use client::{Client, Taken};
pub use controllers::StreamStatistics;
pub use limits::Limits;
pub use listen::{ListenError, Listener};
pub use preload::PreloadError;
pub use service::Service;
pub use tls::{TlsError, TlsFiles};
