//! Hello messages (RFC 5036 section 3.5.2).

use std::net::{Ipv4Addr, Ipv6Addr};

use nom::combinator::{map, rest};
use nom::number::complete::{be_u16, be_u32, be_u64, be_u128};

use super::tlv::{Tlvs, UNKNOWN_BIT, first, kind, mandatory, put_tlv};
use super::{Problem, UnknownTlv};

/// The T bit.
const TARGETED: u16 = 0x8000;
/// The R bit.
const REQUEST_TARGETED: u16 = 0x4000;
/// The G bit (RFC 6720 section 2.1).
const GTSM: u16 = 0x2000;

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

/// The Cryptographic Authentication TLV (RFC 7349 section 2.3).
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

impl Hello {
    /// Of a TLV that is there more than once the first counts: so RFC 7552 section 6.1 has it for the
    /// transport addresses.
    pub(super) fn decode(tlvs: Tlvs<'_>, unknown: &mut Vec<UnknownTlv>) -> Result<Self, Problem> {
        let mut hello = Self::default();
        let mut common = None;
        for tlv in tlvs {
            let tlv = tlv?;
            match tlv.kind {
                kind::COMMON_HELLO_PARAMETERS => first(
                    &mut common,
                    tlv.parse((be_u16, be_u16), "a hold time and flags: 4 octets")?,
                ),
                kind::IPV4_TRANSPORT_ADDRESS => first(
                    &mut hello.ipv4_transport,
                    tlv.parse(map(be_u32, Ipv4Addr::from), "an IPv4 address")?,
                ),
                kind::IPV6_TRANSPORT_ADDRESS => first(
                    &mut hello.ipv6_transport,
                    tlv.parse(map(be_u128, Ipv6Addr::from), "an IPv6 address")?,
                ),
                kind::CONFIGURATION_SEQUENCE_NUMBER => first(
                    &mut hello.configuration_sequence,
                    tlv.parse(be_u32, "a number of 4 octets")?,
                ),
                kind::CRYPTOGRAPHIC_AUTHENTICATION => {
                    let (security_association, sequence, data) = tlv.parse(
                        (be_u32, be_u64, rest),
                        "a security association, a sequence number and data",
                    )?;
                    let authentication = CryptographicAuthentication {
                        security_association,
                        sequence,
                        data: data.to_vec(),
                    };
                    first(&mut hello.authentication, authentication);
                }
                kind::DUAL_STACK_CAPABILITY => {
                    let word = tlv.parse(be_u32, "a preference: 4 octets")?;
                    let preference = TransportPreference::from_number((word >> 28) as u8);
                    first(&mut hello.dual_stack, DualStack { preference });
                }
                _ => tlv.unknown(unknown)?,
            }
        }
        let (hold_time, flags) = mandatory(common, "Common Hello Parameters")?;
        hello.hold_time = hold_time;
        hello.targeted = flags & TARGETED != 0;
        hello.request_targeted = flags & REQUEST_TARGETED != 0;
        hello.gtsm = flags & GTSM != 0;
        Ok(hello)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_tlv(out, kind::COMMON_HELLO_PARAMETERS, |out| {
            let mut flags = 0;
            for (set, flag) in [
                (self.targeted, TARGETED),
                (self.request_targeted, REQUEST_TARGETED),
                (self.gtsm, GTSM),
            ] {
                if set {
                    flags |= flag;
                }
            }
            out.extend_from_slice(&self.hold_time.to_be_bytes());
            out.extend_from_slice(&flags.to_be_bytes());
        });
        if let Some(address) = self.ipv4_transport {
            put_tlv(out, kind::IPV4_TRANSPORT_ADDRESS, |out| {
                out.extend_from_slice(&address.octets());
            });
        }
        if let Some(address) = self.ipv6_transport {
            put_tlv(out, kind::IPV6_TRANSPORT_ADDRESS, |out| {
                out.extend_from_slice(&address.octets());
            });
        }
        if let Some(sequence) = self.configuration_sequence {
            put_tlv(out, kind::CONFIGURATION_SEQUENCE_NUMBER, |out| {
                out.extend_from_slice(&sequence.to_be_bytes());
            });
        }
        if let Some(DualStack { preference }) = self.dual_stack {
            put_tlv(out, kind::DUAL_STACK_CAPABILITY | UNKNOWN_BIT, |out| {
                out.extend_from_slice(&[preference.number() << 4, 0, 0, 0]);
            });
        }
        if let Some(authentication) = &self.authentication {
            put_tlv(out, kind::CRYPTOGRAPHIC_AUTHENTICATION, |out| {
                out.extend_from_slice(&authentication.security_association.to_be_bytes());
                out.extend_from_slice(&authentication.sequence.to_be_bytes());
                out.extend_from_slice(&authentication.data);
            });
        }
    }
}

impl TransportPreference {
    const fn from_number(number: u8) -> Self {
        match number {
            4 => Self::Ipv4,
            6 => Self::Ipv6,
            other => Self::Other(other),
        }
    }

    /// The value of the TR field; 4 bits.
    const fn number(self) -> u8 {
        match self {
            Self::Ipv4 => 4,
            Self::Ipv6 => 6,
            Self::Other(other) => other & 0xF,
        }
    }
}
