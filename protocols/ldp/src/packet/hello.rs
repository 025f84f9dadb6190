//! Hello messages (RFC 5036 section 3.5.2).

use std::net::{Ipv4Addr, Ipv6Addr};

/// A Hello.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hello {
    /// The hold time in seconds; 0: the default, 15 for links and 45 for targeted peers; 0xffff:
    /// for ever.
    pub hold_time: u16,
    /// The T bit: a targeted Hello.
    pub targeted: bool,
    /// The R bit: the sender of a targeted Hello asks for Hellos in return.
    pub request_targeted: bool,
    /// The G bit: GTSM is supported (RFC 6720 section 2.1).
    pub gtsm: bool,
    /// IPv4 Transport Address, 0x0401.
    pub ipv4_transport: Option<Ipv4Addr>,
    /// IPv6 Transport Address, 0x0403.
    pub ipv6_transport: Option<Ipv6Addr>,
    /// Configuration Sequence Number, 0x0402.
    pub configuration_sequence: Option<u32>,
    /// Cryptographic Authentication, 0x0405 (RFC 7349).
    pub authentication: Option<CryptographicAuthentication>,
    /// Dual-Stack capability, 0x0701 (RFC 7552 section 6.1.1).
    pub dual_stack: Option<DualStack>,
}

/// The Dual-Stack capability TLV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DualStack {
    /// The TR field.
    pub preference: TransportPreference,
}

/// Which TCP connection a dual-stack LSR prefers (RFC 7552 section 6.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportPreference {
    /// 4: LDPoIPv4.
    Ipv4,
    /// 6: LDPoIPv6, the default.
    Ipv6,
    /// Another value: an error that the receiver handles (RFC 7552 section 6.1.1).
    Other(u8),
}

/// The Cryptographic Authentication TLV (RFC 7349 section 2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CryptographicAuthentication {
    /// The Security Association ID.
    pub security_association: u32,
    /// The Cryptographic Sequence Number.
    pub sequence: u64,
    /// The Authentication Data; its length tells the algorithm's output.
    pub data: Vec<u8>,
}

/// The algorithms of RFC 7349 section 2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthenticationAlgorithm {
    /// HMAC-SHA-1.
    HmacSha1,
    /// HMAC-SHA-256.
    HmacSha256,
    /// HMAC-SHA-384.
    HmacSha384,
    /// HMAC-SHA-512.
    HmacSha512,
}
