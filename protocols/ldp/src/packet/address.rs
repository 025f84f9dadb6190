//! Address and Address Withdraw messages (RFC 5036 sections 3.5.5 and 3.5.6).

use std::net::IpAddr;

/// The addresses of interfaces of an LSR, added or taken back.
///
/// The Address List TLV has one address family (RFC 5036 section 3.4.3): addresses of both go in two
/// messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressMessage {
    /// The addresses, all of one family.
    pub addresses: Vec<IpAddr>,
}
