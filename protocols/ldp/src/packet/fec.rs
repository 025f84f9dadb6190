//! The FEC TLV and its elements (RFC 5036 section 3.4.1).

use crate::PrefixFec;

/// An address family of IANA's registry, as far as LDP distributes labels for prefixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressFamily {
    /// 1.
    Ipv4,
    /// 2.
    Ipv6,
}

/// A FEC element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FecElement {
    /// The Wildcard element, 0x01: all FECs. Only in Label Withdraw and Label Release, and only as the
    /// only element.
    Wildcard,
    /// The Prefix element, 0x02, also with the address families 29 and 30 of RFC 7307.
    Prefix(PrefixFec),
    /// The Typed Wildcard element, 0x05 (RFC 5918).
    TypedWildcard(TypedWildcard),
}

/// All FECs of one type (RFC 5918 section 3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TypedWildcard {
    /// All prefixes of a family, in one topology: with family 29 or 30 that of RFC 7307 section 3.2.
    Prefix {
        /// The family.
        family: AddressFamily,
        /// The topology.
        topology: crate::MultiTopologyId,
    },
}
