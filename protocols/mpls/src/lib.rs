//! MPLS labels, label stack entries and special-purpose labels.
//!
//! * [`Label`], [`SpecialPurposeLabel`] and [`LabelRange`]: the 20-bit value and the registry of
//!   RFC 3032 section 2.1, RFC 7274 and RFC 9017.
//! * [`LabelStackEntry`] and [`LabelStack`]: the 32-bit entry and its wire form (RFC 3032 section
//!   2.1, RFC 5462).
//! * [`icmp`]: the ICMP extension structure (RFC 4884 section 7) and the MPLS label stack object
//!   in it (RFC 4950).
//! * [`internet_checksum`]: RFC 1071.
//!
//! The crate does no I/O and keeps no state.

mod checksum;
mod entry;
pub mod icmp;
mod label;
mod range;
mod special;
mod stack;

pub use checksum::internet_checksum;
pub use entry::{LabelStackEntry, TrafficClass, TrafficClassError};
pub use label::{Label, LabelError, ParseLabelError};
pub use range::{LabelRange, LabelRangeError};
pub use special::SpecialPurposeLabel;
pub use stack::{LabelStack, LabelStackError};

/// Why octets from the wire are not a label stack or an ICMP extension structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The octets end inside the named element.
    #[error("{element} is cut short: {available} octets where {needed} are needed")]
    Truncated {
        /// The element that was being read.
        element: &'static str,
        /// Octets that the element needs.
        needed: usize,
        /// Octets that were there.
        available: usize,
    },
    /// No entry of the label stack has the bottom of stack bit (RFC 3032 section 2.1).
    #[error("the label stack has no bottom: none of its {entries} entries has the S bit")]
    NoBottomOfStack {
        /// Entries that were read before the octets ended.
        entries: usize,
    },
    /// The version of the ICMP extension structure is not 2 (RFC 4884 section 7).
    #[error("ICMP extension structure of version {0}, but RFC 4884 defines version 2")]
    IcmpExtensionVersion(u8),
    /// The checksum of the ICMP extension structure does not match (RFC 4884 section 7).
    #[error("the checksum of the ICMP extension structure does not match its octets")]
    IcmpExtensionChecksum,
    /// An ICMP extension object states a length that is impossible (RFC 4884 section 8).
    #[error(
        "ICMP extension object of class {class}, type {c_type} has length {length}: \
         it must be a multiple of 4, at least 4, and inside the message"
    )]
    IcmpObjectLength {
        /// Class-Num of the object.
        class: u8,
        /// C-Type of the object.
        c_type: u8,
        /// The stated length, in octets.
        length: u16,
    },
}
