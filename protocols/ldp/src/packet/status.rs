//! The Status TLV and the status codes (RFC 5036 sections 3.4.6 and 3.9).

use std::fmt;

use nom::number::complete::{be_u16, be_u32};

use super::tlv::{FORWARD_BIT, Tlv, UNKNOWN_BIT, kind, put_tlv};
use super::{Problem, message_name};

/// The E bit of a Status Code.
const FATAL_BIT: u32 = 0x8000_0000;
/// The F bit of a Status Code.
const STATUS_FORWARD_BIT: u32 = 0x4000_0000;

/// The Status TLV, 0x0300.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// What happened. 0 is success.
    pub code: StatusCode,
    /// The E bit: a fatal error, that ends the session.
    pub fatal: bool,
    /// The F bit: the notification is forwarded.
    pub forward: bool,
    /// The message that it is about; 0 for none.
    pub message_id: u32,
    /// The type of that message; 0 for none.
    pub message_type: u16,
}

impl Status {
    /// A status that is about no message, with the E bit that its code has to have (RFC 5036 section
    /// 3.9).
    pub const fn new(code: StatusCode) -> Self {
        Self {
            code,
            fatal: code.is_fatal(),
            forward: false,
            message_id: 0,
            message_type: 0,
        }
    }

    /// A status that is about a received message.
    pub const fn about(code: StatusCode, message_id: u32, message_type: u16) -> Self {
        Self {
            message_id,
            message_type,
            ..Self::new(code)
        }
    }

    pub(super) fn decode(tlv: &Tlv<'_>) -> Result<Self, Problem> {
        let (code, message_id, message_type) = tlv.parse(
            (be_u32, be_u32, be_u16),
            "a code, an id and a type: 10 octets",
        )?;
        Ok(Self {
            code: StatusCode(code & !(FATAL_BIT | STATUS_FORWARD_BIT)),
            fatal: code & FATAL_BIT != 0,
            forward: code & STATUS_FORWARD_BIT != 0,
            message_id,
            message_type,
        })
    }

    /// Appends the TLV. The U bit is clear in a Notification and set in any other message; the F bit
    /// is that of the code (RFC 5036 section 3.4.6).
    pub(super) fn encode(&self, out: &mut Vec<u8>, in_notification: bool) {
        let mut bits = kind::STATUS;
        let mut code = self.code.0 & !(FATAL_BIT | STATUS_FORWARD_BIT);
        if !in_notification {
            bits |= UNKNOWN_BIT;
        }
        if self.forward {
            bits |= FORWARD_BIT;
            code |= STATUS_FORWARD_BIT;
        }
        if self.fatal {
            code |= FATAL_BIT;
        }
        put_tlv(out, bits, |out| {
            out.extend_from_slice(&code.to_be_bytes());
            out.extend_from_slice(&self.message_id.to_be_bytes());
            out.extend_from_slice(&self.message_type.to_be_bytes());
        });
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = if self.fatal { "fatal" } else { "advisory" };
        write!(f, "{} ({weight})", self.code)?;
        if self.message_id != 0 || self.message_type != 0 {
            write!(
                f,
                " about {} id {}",
                message_name(self.message_type),
                self.message_id
            )?;
        }
        Ok(())
    }
}

/// A status code: the 30-bit Status Data (RFC 5036 section 3.9, IANA's LDP Status Code registry).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StatusCode(pub u32);

/// Makes the constants and the table of what the registry says of each.
macro_rules! status_codes {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $fatal:literal, $words:literal;)*) => {
        impl StatusCode {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// All codes that are known here.
            pub const KNOWN: &'static [Self] = &[$(Self::$name),*];

            /// The name in the registry; `None` for a code that nothing here knows.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($words),)*
                    _ => None,
                }
            }

            /// Whether the E bit has to be set (RFC 5036 section 3.9, and the documents that added
            /// codes). An unknown code is not fatal by itself: the E bit of the received TLV counts.
            pub const fn is_fatal(self) -> bool {
                match self.0 {
                    $($value => $fatal,)*
                    _ => false,
                }
            }
        }
    };
}

status_codes! {
    /// RFC 5036 section 3.4.6.
    SUCCESS = 0x00, false, "Success";
    /// RFC 5036 section 3.5.1.2.1.
    BAD_LDP_IDENTIFIER = 0x01, true, "Bad LDP Identifier";
    /// RFC 5036 section 3.5.1.2.1.
    BAD_PROTOCOL_VERSION = 0x02, true, "Bad Protocol Version";
    /// RFC 5036 section 3.5.1.2.1.
    BAD_PDU_LENGTH = 0x03, true, "Bad PDU Length";
    /// RFC 5036 section 3.5.1.2.1.
    UNKNOWN_MESSAGE_TYPE = 0x04, false, "Unknown Message Type";
    /// RFC 5036 section 3.5.1.2.1.
    BAD_MESSAGE_LENGTH = 0x05, true, "Bad Message Length";
    /// RFC 5036 section 3.5.1.2.2.
    UNKNOWN_TLV = 0x06, false, "Unknown TLV";
    /// RFC 5036 section 3.5.1.2.2.
    BAD_TLV_LENGTH = 0x07, true, "Bad TLV Length";
    /// RFC 5036 section 3.5.1.2.2.
    MALFORMED_TLV_VALUE = 0x08, true, "Malformed TLV Value";
    /// RFC 5036 section 2.5.5.
    HOLD_TIMER_EXPIRED = 0x09, true, "Hold Timer Expired";
    /// RFC 5036 section 3.5.1.2.4.
    SHUTDOWN = 0x0A, true, "Shutdown";
    /// RFC 5036 section 2.8.
    LOOP_DETECTED = 0x0B, false, "Loop Detected";
    /// RFC 5036 section 3.4.1.1.
    UNKNOWN_FEC = 0x0C, false, "Unknown FEC";
    /// RFC 5036 section 3.5.8.1.
    NO_ROUTE = 0x0D, false, "No Route";
    /// RFC 5036 section 3.5.8.1.
    NO_LABEL_RESOURCES = 0x0E, false, "No Label Resources";
    /// RFC 5036 section 3.5.8.1.
    LABEL_RESOURCES_AVAILABLE = 0x0F, false, "Label Resources / Available";
    /// RFC 5036 section 2.5.3.
    SESSION_REJECTED_NO_HELLO = 0x10, true, "Session Rejected/No Hello";
    /// RFC 5036 section 2.5.3.
    SESSION_REJECTED_ADVERTISEMENT_MODE = 0x11, true,
        "Session Rejected/Parameters Advertisement Mode";
    /// RFC 5036 section 2.5.3.
    SESSION_REJECTED_MAX_PDU_LENGTH = 0x12, true, "Session Rejected/Parameters Max PDU Length";
    /// RFC 5036 section 2.5.3.
    SESSION_REJECTED_LABEL_RANGE = 0x13, true, "Session Rejected/Parameters Label Range";
    /// RFC 5036 section 3.5.1.2.3.
    KEEPALIVE_TIMER_EXPIRED = 0x14, true, "KeepAlive Timer Expired";
    /// RFC 5036 section 3.5.9.1.
    LABEL_REQUEST_ABORTED = 0x15, false, "Label Request Aborted";
    /// RFC 5036 section 3.5.1.2.1.
    MISSING_MESSAGE_PARAMETERS = 0x16, false, "Missing Message Parameters";
    /// RFC 5036 section 3.4.1.1.
    UNSUPPORTED_ADDRESS_FAMILY = 0x17, false, "Unsupported Address Family";
    /// RFC 5036 section 2.5.3.
    SESSION_REJECTED_BAD_KEEPALIVE_TIME = 0x18, true, "Session Rejected/Bad KeepAlive Time";
    /// RFC 5036 section 3.5.1.2.7.
    INTERNAL_ERROR = 0x19, true, "Internal Error";
    /// RFC 3479 section 8.1.
    NO_LDP_SESSION = 0x1A, false, "No LDP Session";
    /// RFC 3479 section 8.1.
    ZERO_FT_SEQNUM = 0x1B, true, "Zero FT seqnum";
    /// RFC 3479 section 8.1.
    UNEXPECTED_TLV_SESSION_NOT_FT = 0x1C, true, "Unexpected TLV / Session Not FT";
    /// RFC 3479 section 8.1.
    UNEXPECTED_TLV_LABEL_NOT_FT = 0x1D, true, "Unexpected TLV / Label Not FT";
    /// RFC 3479 section 8.1.
    MISSING_FT_PROTECTION_TLV = 0x1E, true, "Missing FT Protection TLV";
    /// RFC 3479 section 8.1.
    FT_ACK_SEQUENCE_ERROR = 0x1F, true, "FT ACK sequence error";
    /// RFC 3479 section 8.1.
    TEMPORARY_SHUTDOWN = 0x20, false, "Temporary Shutdown";
    /// RFC 3479 section 8.1.
    FT_SEQ_NUMBERS_EXHAUSTED = 0x21, true, "FT Seq Numbers Exhausted";
    /// RFC 3479 section 8.1.
    FT_SESSION_PARAMETERS_CHANGED = 0x22, true, "FT Session parameters / changed";
    /// RFC 3479 section 8.1.
    UNEXPECTED_FT_CORK_TLV = 0x23, true, "Unexpected FT Cork TLV";
    /// RFC 8077 section 8.
    ILLEGAL_C_BIT = 0x24, false, "Illegal C-Bit";
    /// RFC 8077 section 8.
    WRONG_C_BIT = 0x25, false, "Wrong C-Bit";
    /// RFC 8077 section 8.
    INCOMPATIBLE_BIT_RATE = 0x26, false, "Incompatible bit-rate";
    /// RFC 8077 section 8.
    CEP_TDM_MISCONFIGURATION = 0x27, false, "CEP-TDM mis-configuration";
    /// RFC 8077 section 8.
    PW_STATUS = 0x28, false, "PW Status";
    /// RFC 8077 section 8.
    UNRECOGNIZED_TAI = 0x29, false, "Unassigned/Unrecognized TAI";
    /// RFC 8077 section 8.
    GENERIC_MISCONFIGURATION_ERROR = 0x2A, false, "Generic Misconfiguration Error";
    /// RFC 8077 section 8.
    LABEL_WITHDRAW_PW_STATUS = 0x2B, false, "Label Withdraw PW Status";
    /// RFC 5561 section 8.
    UNSUPPORTED_CAPABILITY = 0x2E, false, "Unsupported Capability";
    /// RFC 5919 section 4.
    END_OF_LIB = 0x2F, false, "End-of-LIB";
    /// RFC 7307 section 5.1.
    INVALID_TOPOLOGY_ID = 0x31, false, "Invalid Topology ID";
    /// RFC 7552 section 6.1.1.
    TRANSPORT_CONNECTION_MISMATCH = 0x32, true, "Transport Connection Mismatch";
    /// RFC 7552 section 6.1.1.
    DUAL_STACK_NONCOMPLIANCE = 0x33, true, "Dual-Stack Noncompliance";
    /// RFC 6073 section 9.
    PW_LOOP_DETECTED = 0x3A, false, "PW Loop Detected";
    /// RFC 6388 section 5.
    LDP_MP_STATUS = 0x40, false, "LDP MP status";
    /// RFC 8223 section 2.2.
    SESSION_REJECTED_TARGETED_APPLICATION = 0x4C, true,
        "Session Rejected/Targeted Application Capability Mismatch";
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "status {:#010x}", self.0),
        }
    }
}
