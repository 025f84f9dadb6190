//! A P4Runtime client: sessions, arbitration, typed P4Info, batches and packet I/O.
//!
//! * [`Schema`]: a P4Info, checked and indexed. It builds and decodes [`TableEntry`]s and packet
//!   metadata by name, with widths checked.
//! * [`Connection::open`]: one connection to a switch with its stream channel and client
//!   arbitration. It gives a [`Client`] for the calls and an [`EventStream`] for what the switch
//!   sends. [`Backoff`] paces the attempts.
//! * [`Pipeline`]: the forwarding pipeline config; it is not written again when the switch runs it.
//!
//! The client works with p4-switch and with BMv2's simple_switch_grpc: it asks for no atomicity
//! beyond the default, takes reads that come in one reply, and copes with BMv2's arbitration,
//! which is that of P4Runtime 1.0. Sections in the documentation are those of the P4Runtime
//! Specification 1.5.0 (<https://p4.org/specs/>).

mod address;
mod arbitration;
mod backoff;
mod client;
mod connection;
mod entry;
mod error;
mod multicast;
mod pipeline;
mod schema;
mod value;
mod write;

/// A packet from the switch, read by [`Schema::decode_packet_in`].
pub use p4runtime_proto::p4::v1::PacketIn as PacketInMessage;
/// A packet for the switch, made by [`Schema::packet_out`].
pub use p4runtime_proto::p4::v1::PacketOut as PacketOutMessage;
/// The codes of gRPC, which the errors of calls and updates carry.
pub use tonic::Code;

pub use address::{Address, AddressError};
pub use arbitration::{Arbitration, Role, Step};
pub use backoff::Backoff;
pub use client::Client;
pub use connection::{Connection, ConnectionOptions, Event, EventStream};
pub use entry::{
    ActionCall, CounterValue, EntryAction, Match, MemberAction, MeterRates, TableEntry,
};
pub use error::{ConnectError, Disconnected, RpcError};
pub use multicast::{MulticastGroup, Replica};
pub use pipeline::{Pipeline, PipelineError, PipelineState};
pub use schema::{
    Action, ActionProfile, Counter, DecodeError, EntryBuilder, EntryError, MatchField, MatchKind,
    Metadata, PacketHeader, PacketIn, Param, Schema, SchemaError, Table,
};
pub use value::{Value, ValueError};
pub use write::{Operation, UpdateError, WriteOutcome};
