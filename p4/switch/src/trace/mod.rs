//! Traces: the way of one packet through the program, for people and for programs that read.
//!
//! `Display` gives the form for a terminal, serde the form for programs.

mod describe;
mod live;
pub mod proto;
mod recorder;
mod text;
mod value;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::control::PortNumber;

pub(crate) use describe::describe;
pub(crate) use live::LiveTraces;
pub(crate) use recorder::Recorder;

/// The way of one packet, with its copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The port that it came in at.
    pub port: PortNumber,
    /// The packet as it came in, in hexadecimal.
    pub packet: String,
    /// What happened, in this order.
    pub events: Vec<TraceEvent>,
}

/// A name with a value, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedValue {
    /// Name of a field, of an element of a key or of a parameter.
    pub name: String,
    /// The value, in the form that its name and width suggest: a MAC address, an IP address, or a
    /// number.
    pub value: String,
}

/// Something that happened to a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum TraceEvent {
    /// The packet comes to the parser and ingress.
    Ingress {
        /// "received", "resubmitted" or "recirculated".
        reason: String,
        /// Length in bytes.
        length: usize,
    },
    /// The packet, or a copy of it, comes to egress.
    Egress {
        /// The port that it goes to.
        port: PortNumber,
        /// What it is: "unicast", "replica", "ingress clone" or "egress clone".
        reason: String,
    },
    /// The parser enters a state.
    State {
        /// Name of the state.
        name: String,
    },
    /// The parser has extracted a header.
    Extracted {
        /// Name of the header.
        header: String,
        /// Its fields.
        fields: Vec<NamedValue>,
    },
    /// The parser has ended.
    Parsed {
        /// Name of the error that it stopped with; `None` if it accepted the packet.
        error: Option<String>,
        /// Bytes that it took from the packet.
        bytes: usize,
    },
    /// A checksum was verified or updated.
    Checksum {
        /// Name of the checksum.
        name: String,
        /// What was computed.
        computed: String,
        /// What the packet had, if it was verified.
        found: Option<String>,
    },
    /// A pipeline starts.
    Pipeline {
        /// "ingress" or "egress".
        name: String,
    },
    /// A pipeline has ended.
    PipelineDone {
        /// "ingress" or "egress".
        name: String,
        /// The packet as it would leave now, in hexadecimal: the valid headers in the order of
        /// the deparser, and the payload. Checksums are computed after egress.
        packet: String,
    },
    /// A condition.
    Condition {
        /// Name of the condition.
        name: String,
        /// Its source text, if the compiler gave it.
        source: Option<String>,
        /// Whether it holds.
        holds: bool,
    },
    /// A table was applied.
    Table {
        /// Name of the table.
        name: String,
        /// The key of the packet. Tables without key were made by the compiler.
        key: Vec<NamedValue>,
        /// The key of the entry that was hit, and its priority; `None` for a miss.
        hit: Option<String>,
        /// What was selected from the action profile: member, group or action set.
        selection: Option<String>,
    },
    /// An action is run.
    Action {
        /// Name of the action.
        name: String,
        /// Its arguments.
        arguments: Vec<NamedValue>,
    },
    /// Something that an action, the parser or the deparser did.
    Operation {
        /// What it did.
        text: String,
    },
    /// Something that the switch did.
    Note {
        /// What it did.
        text: String,
    },
    /// The packet, or a copy of it, is dropped.
    Dropped {
        /// Why.
        reason: String,
    },
    /// The packet, or a copy of it, leaves.
    Sent {
        /// The port.
        port: PortNumber,
        /// The packet in hexadecimal.
        packet: String,
    },
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(self, f)
    }
}

/// Tracing of the packets that come in.
pub struct LiveTrace {
    /// Packets of these ports are traced; of all ports if there are none.
    pub ports: Vec<PortNumber>,
    /// Called with each trace, by the thread that the packet came in with.
    pub sink: Box<dyn Fn(&Trace) + Send + Sync>,
}

impl LiveTrace {
    pub(crate) fn wants(&self, port: PortNumber) -> bool {
        self.ports.is_empty() || self.ports.contains(&port)
    }
}

impl fmt::Debug for LiveTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveTrace")
            .field("ports", &self.ports)
            .finish_non_exhaustive()
    }
}
