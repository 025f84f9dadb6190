//! LDP identifiers.

use std::fmt;
use std::net::Ipv4Addr;

use serde::{Serialize, Serializer};

/// An LDP Identifier: who distributes labels, of which label space (RFC 5036 section 2.2.2).
///
/// Its text form is that of the RFC: `192.0.2.1:0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LdpIdentifier {
    /// The LSR Id: four octets that are unique in the network, for both address families (RFC 7552
    /// section 4).
    pub lsr_id: Ipv4Addr,
    /// The label space; 0 is the platform's.
    pub label_space: u16,
}

impl LdpIdentifier {
    /// The platform-wide label space of an LSR.
    pub const fn platform(lsr_id: Ipv4Addr) -> Self {
        Self {
            lsr_id,
            label_space: 0,
        }
    }

    /// The six octets of the identifier in PDUs and messages.
    pub fn octets(self) -> [u8; 6] {
        let [a, b, c, d] = self.lsr_id.octets();
        let [high, low] = self.label_space.to_be_bytes();
        [a, b, c, d, high, low]
    }
}

impl fmt::Display for LdpIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.lsr_id, self.label_space)
    }
}

impl Serialize for LdpIdentifier {
    /// As text.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
