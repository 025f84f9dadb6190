//! Address prefixes as FECs.

use std::fmt;

use ipnet::IpNet;

/// A routing topology (RFC 7307 section 3.4). 0 is the default topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MultiTopologyId(pub u16);

impl MultiTopologyId {
    /// The default topology, 0.
    pub const DEFAULT: Self = Self(0);
}

impl fmt::Display for MultiTopologyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The FEC of an address prefix (RFC 5036 section 3.4.1), in a topology (RFC 7307 section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrefixFec {
    /// The topology; the default one for the FEC elements of RFC 5036.
    pub topology: MultiTopologyId,
    /// The prefix; its host bits are zero.
    pub prefix: IpNet,
}

impl From<IpNet> for PrefixFec {
    /// The FEC of a prefix in the default topology; host bits of the prefix are ignored.
    fn from(prefix: IpNet) -> Self {
        Self {
            topology: MultiTopologyId::DEFAULT,
            prefix: prefix.trunc(),
        }
    }
}

impl fmt::Display for PrefixFec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.topology == MultiTopologyId::DEFAULT {
            fmt::Display::fmt(&self.prefix, f)
        } else {
            write!(f, "{} topology {}", self.prefix, self.topology)
        }
    }
}
