//! Type-length-value encoding (RFC 5036 section 3.3) and the types of all TLVs (section 3.8).

use nom::Parser as _;
use nom::combinator::all_consuming;

use super::{Problem, UnknownTlv};

/// The types of TLVs, without U and F bits: IANA's registry "TLV Type Name Space".
pub mod kind {
    /// FEC (RFC 5036 section 3.4.1).
    pub const FEC: u16 = 0x0100;
    /// Address List (RFC 5036 section 3.4.3).
    pub const ADDRESS_LIST: u16 = 0x0101;
    /// Hop Count (RFC 5036 section 3.4.4).
    pub const HOP_COUNT: u16 = 0x0103;
    /// Path Vector (RFC 5036 section 3.4.5).
    pub const PATH_VECTOR: u16 = 0x0104;
    /// Generic Label (RFC 5036 section 3.4.2.1).
    pub const GENERIC_LABEL: u16 = 0x0200;
    /// ATM Label (RFC 5036 section 3.4.2.2): not for packet networks, and not known here.
    pub const ATM_LABEL: u16 = 0x0201;
    /// Frame Relay Label (RFC 5036 section 3.4.2.3): not for packet networks, and not known here.
    pub const FRAME_RELAY_LABEL: u16 = 0x0202;
    /// Entropy Label Capability (RFC 6790 section 5.1).
    pub const ENTROPY_LABEL_CAPABILITY: u16 = 0x0206;
    /// Status (RFC 5036 section 3.4.6).
    pub const STATUS: u16 = 0x0300;
    /// Extended Status (RFC 5036 section 3.5.1).
    pub const EXTENDED_STATUS: u16 = 0x0301;
    /// Returned PDU (RFC 5036 section 3.5.1).
    pub const RETURNED_PDU: u16 = 0x0302;
    /// Returned Message (RFC 5036 section 3.5.1).
    pub const RETURNED_MESSAGE: u16 = 0x0303;
    /// Returned TLVs (RFC 5561 section 8).
    pub const RETURNED_TLVS: u16 = 0x0304;
    /// Common Hello Parameters (RFC 5036 section 3.5.2).
    pub const COMMON_HELLO_PARAMETERS: u16 = 0x0400;
    /// IPv4 Transport Address (RFC 5036 section 3.5.2).
    pub const IPV4_TRANSPORT_ADDRESS: u16 = 0x0401;
    /// Configuration Sequence Number (RFC 5036 section 3.5.2).
    pub const CONFIGURATION_SEQUENCE_NUMBER: u16 = 0x0402;
    /// IPv6 Transport Address (RFC 5036 section 3.5.2).
    pub const IPV6_TRANSPORT_ADDRESS: u16 = 0x0403;
    /// Cryptographic Authentication (RFC 7349 section 2.3).
    pub const CRYPTOGRAPHIC_AUTHENTICATION: u16 = 0x0405;
    /// Common Session Parameters (RFC 5036 section 3.5.3).
    pub const COMMON_SESSION_PARAMETERS: u16 = 0x0500;
    /// ATM Session Parameters (RFC 5036 section 3.5.3).
    pub const ATM_SESSION_PARAMETERS: u16 = 0x0501;
    /// Frame Relay Session Parameters (RFC 5036 section 3.5.3).
    pub const FRAME_RELAY_SESSION_PARAMETERS: u16 = 0x0502;
    /// FT Session (RFC 3479 section 8.2).
    pub const FT_SESSION: u16 = 0x0503;
    /// Dynamic Capability Announcement (RFC 5561 section 9).
    pub const DYNAMIC_CAPABILITY_ANNOUNCEMENT: u16 = 0x0506;
    /// Typed Wildcard FEC Capability (RFC 5918 section 5).
    pub const TYPED_WILDCARD_CAPABILITY: u16 = 0x050B;
    /// Multi-Topology Capability (RFC 7307 section 3.5).
    pub const MULTI_TOPOLOGY_CAPABILITY: u16 = 0x050C;
    /// State Advertisement Control Capability (RFC 7473 section 4.1).
    pub const STATE_ADVERTISEMENT_CONTROL_CAPABILITY: u16 = 0x050D;
    /// Targeted Application Capability (RFC 8223 section 2.1).
    pub const TARGETED_APPLICATION_CAPABILITY: u16 = 0x050F;
    /// Label Request Message ID (RFC 5036 section 3.5.7).
    pub const LABEL_REQUEST_MESSAGE_ID: u16 = 0x0600;
    /// MTU (RFC 3988).
    pub const MTU: u16 = 0x0601;
    /// Unrecognized Notification Capability (RFC 5919 section 3).
    pub const UNRECOGNIZED_NOTIFICATION_CAPABILITY: u16 = 0x0603;
    /// Dual-Stack Capability (RFC 7552 section 6.1.1).
    pub const DUAL_STACK_CAPABILITY: u16 = 0x0701;
    /// The first of the vendor-private types (RFC 5036 section 3.6.1.1); behind them are the
    /// experimental ones.
    pub const FIRST_VENDOR_PRIVATE: u16 = 0x3E00;
}

/// The U bit of a TLV's type.
pub(super) const UNKNOWN_BIT: u16 = 0x8000;
/// The F bit of a TLV's type.
pub(super) const FORWARD_BIT: u16 = 0x4000;
/// Octets of type and length.
pub(super) const TLV_HEADER_LENGTH: usize = 4;

/// A TLV in the octets of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tlv<'a> {
    /// The type, without U and F bits.
    pub(super) kind: u16,
    /// The U bit.
    pub(super) unknown_bit: bool,
    /// The F bit.
    pub(super) forward_bit: bool,
    /// The value.
    pub(super) value: &'a [u8],
    /// All of it, with the header.
    pub(super) octets: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// Decodes the whole of the value by a parser: what it leaves or lacks makes the value malformed
    /// (RFC 5036 section 3.5.1.2.2).
    pub(super) fn parse<T>(
        &self,
        parser: impl nom::Parser<&'a [u8], Output = T, Error = nom::error::Error<&'a [u8]>>,
        expected: &'static str,
    ) -> Result<T, Problem> {
        match all_consuming(parser).parse(self.value) {
            Ok((_, value)) => Ok(value),
            Err(_) => Err(self.malformed(expected)),
        }
    }

    /// The value is not what it has to be.
    pub(super) fn malformed(&self, expected: &'static str) -> Problem {
        Problem::MalformedTlv {
            kind: self.kind,
            expected,
        }
    }

    /// If it is not known, it goes along with a message that is propagated (RFC 5036 section 3.3). A Status
    /// TLV is known, and stays.
    pub(super) fn is_forwarded(&self) -> bool {
        self.unknown_bit && self.forward_bit && self.kind != kind::STATUS
    }

    /// What happens to a TLV that is not known in its message (RFC 5036 section 3.3): with the U bit
    /// it is ignored, and kept to be shown.
    ///
    /// A Status TLV may be in every message (section 3.4.6), so it is never an error.
    pub(super) fn unknown(&self, unknown: &mut Vec<UnknownTlv>) -> Result<(), Problem> {
        if !self.unknown_bit && self.kind != kind::STATUS {
            return Err(Problem::UnknownTlv {
                kind: self.kind,
                octets: self.octets.to_vec(),
            });
        }
        unknown.push(UnknownTlv {
            kind: self.kind,
            unknown_bit: self.unknown_bit,
            forward_bit: self.forward_bit,
            value: self.value.to_vec(),
        });
        Ok(())
    }
}

/// The TLVs in some octets, one after the other. Nothing comes after an error.
#[derive(Debug, Clone)]
pub(super) struct Tlvs<'a> {
    rest: &'a [u8],
}

impl<'a> Tlvs<'a> {
    /// The TLVs that these octets are.
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Result<Tlv<'a>, Problem>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let octets = self.rest;
        if octets.is_empty() {
            return None;
        }
        // Whatever goes wrong: what follows cannot be told apart any more.
        self.rest = &[];
        // By hand and not by nom, for this is done for each TLV of each of many thousand messages.
        let Some((&[b0, b1, b2, b3], behind_header)) = octets.split_first_chunk() else {
            return Some(Err(Problem::TlvHeader {
                available: octets.len(),
            }));
        };
        let bits = u16::from_be_bytes([b0, b1]);
        let length = u16::from_be_bytes([b2, b3]);
        let Some((value, rest)) = behind_header.split_at_checked(usize::from(length)) else {
            return Some(Err(Problem::TlvLength {
                kind: bits & !(UNKNOWN_BIT | FORWARD_BIT),
                length,
                available: behind_header.len(),
            }));
        };
        self.rest = rest;
        let (whole, _) = octets.split_at(octets.len() - rest.len());
        Some(Ok(Tlv {
            kind: bits & !(UNKNOWN_BIT | FORWARD_BIT),
            unknown_bit: bits & UNKNOWN_BIT != 0,
            forward_bit: bits & FORWARD_BIT != 0,
            value,
            octets: whole,
        }))
    }
}

/// Appends a TLV whose value is what `value` appends. `bits` is the type with U and F bits.
///
/// A length that does not fit is not an error here: then the message is too long as well, and that is
/// refused where the message is complete.
#[inline]
pub(super) fn put_tlv(out: &mut Vec<u8>, bits: u16, value: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&bits.to_be_bytes());
    out.extend_from_slice(&[0; 2]);
    let start = out.len();
    value(out);
    let length = out.len() - start;
    patch_length(out, start - 2, length);
}

/// Writes a length of two octets at a place that has been written before.
#[inline]
pub(super) fn patch_length(out: &mut [u8], at: usize, length: usize) {
    let length = u16::try_from(length).unwrap_or(u16::MAX);
    if let Some(field) = out.get_mut(at..at + 2) {
        field.copy_from_slice(&length.to_be_bytes());
    }
}

impl UnknownTlv {
    /// Appends the TLV as it was received.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut bits = self.kind & !(UNKNOWN_BIT | FORWARD_BIT);
        if self.unknown_bit {
            bits |= UNKNOWN_BIT;
        }
        if self.forward_bit {
            bits |= FORWARD_BIT;
        }
        put_tlv(out, bits, |out| out.extend_from_slice(&self.value));
    }
}

/// Sets an optional parameter, unless it was there before: the first one counts.
pub(super) fn first<T>(place: &mut Option<T>, value: T) {
    if place.is_none() {
        *place = Some(value);
    }
}

/// A mandatory parameter (RFC 5036 section 3.5.1.2.1).
pub(super) fn mandatory<T>(place: Option<T>, name: &'static str) -> Result<T, Problem> {
    place.ok_or(Problem::MissingParameter(name))
}
