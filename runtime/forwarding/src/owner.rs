//! Who hands in bindings.

use std::fmt;
use std::sync::Arc;

/// The source of a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// The router's own addresses, and the special-purpose labels that it serves itself.
    Local,
    /// Prefixes of the router's interfaces.
    Connected,
    /// The configuration: static LSPs.
    Static,
    /// RSVP-TE (RFC 3209).
    RsvpTe,
    /// LDP (RFC 5036), with targeted LDP and mLDP (RFC 6388).
    Ldp,
    /// Routes of the kernel, without labels.
    Kernel,
    /// Neighbours of the kernel: hosts of a connected prefix.
    Neighbour,
}

impl Protocol {
    /// The administrative preference of the protocol: of several bindings of a FEC the one with
    /// the lowest value is installed (the route preference of RFC 8349 section 5.1.3).
    ///
    /// What is configured or signalled for a FEC goes before what the kernel knows of it: a FEC
    /// with an LSP is labelled. A host route through a neighbour only fills a gap.
    pub const fn preference(self) -> u8 {
        match self {
            Self::Local => 0,
            Self::Connected => 1,
            Self::Static => 5,
            Self::RsvpTe => 7,
            Self::Ldp => 9,
            Self::Kernel => 100,
            Self::Neighbour => 200,
        }
    }

    /// The name that commands and logs use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Connected => "connected",
            Self::Static => "static",
            Self::RsvpTe => "rsvp-te",
            Self::Ldp => "ldp",
            Self::Kernel => "kernel",
            Self::Neighbour => "neighbour",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Who owns a binding: a protocol, and the name of the LSP or session where it has one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// The protocol.
    pub protocol: Protocol,
    /// One word in size, and none of the heap without a name: each binding of a full table has an owner.
    name: Option<Arc<Box<str>>>,
}

impl Owner {
    /// The owner of a binding that has a name.
    pub fn named(protocol: Protocol, name: impl Into<Box<str>>) -> Self {
        let name = name.into();
        Self {
            protocol,
            name: (!name.is_empty()).then(|| Arc::new(name)),
        }
    }

    /// The name, such as that of a static LSP; empty where the protocol needs none.
    pub fn name(&self) -> &str {
        self.name.as_ref().map_or("", |name| name)
    }
}

impl From<Protocol> for Owner {
    fn from(protocol: Protocol) -> Self {
        Self {
            protocol,
            name: None,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => write!(f, "{}", self.protocol),
            Some(name) => write!(f, "{} {name}", self.protocol),
        }
    }
}
