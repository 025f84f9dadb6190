//! What an operator may want to know of a neighbour, as it happens.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use serde::{Serialize, Serializer};

use crate::LdpIdentifier;

/// How much an operator has to look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something went as it should, in detail.
    Debug,
    /// Something changed.
    Info,
    /// Something is not as it should be.
    Warning,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// The LSR itself.
    Lsr,
    /// An interface.
    Interface(Arc<str>),
    /// An address from which no neighbour is known.
    Address(IpAddr),
    /// A neighbour.
    Neighbour(LdpIdentifier),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lsr => f.write_str("this LSR"),
            Self::Interface(name) => write!(f, "interface {name}"),
            Self::Address(address) => write!(f, "address {address}"),
            Self::Neighbour(identifier) => write!(f, "neighbour {identifier}"),
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// What about.
    pub subject: Subject,
    /// How bad.
    pub severity: Severity,
    /// What kind of event.
    pub kind: EventKind,
    /// What happened, in words.
    pub text: String,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.text)
    }
}

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EventKind {
    /// A Hello adjacency came up.
    AdjacencyUp,
    /// A Hello adjacency went down.
    AdjacencyDown,
    /// A Hello was discarded.
    HelloDiscarded,
    /// Another LSR has this LSR's Id.
    DuplicateLsrId,
    /// A connection was made, failed, was refused or closed.
    Connection,
    /// A session changed its state.
    SessionState,
    /// A session is operational.
    SessionUp,
    /// A session ended.
    SessionDown,
    /// A Notification was sent.
    NotificationSent,
    /// A Notification was received.
    NotificationReceived,
    /// Capabilities changed during a session.
    Capabilities,
    /// Graceful restart began or ended.
    GracefulRestart,
    /// LDP-IGP synchronization.
    IgpSync,
    /// Something of label distribution.
    Label,
    /// The configuration changed.
    Configuration,
    /// A limit was reached.
    Limit,
}
