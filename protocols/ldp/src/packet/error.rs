//! What can be wrong with a received message, and how the sender is told (RFC 5036 section 3.5.1.2).

use super::{Notification, ReturnedTlv, Status, StatusCode};

/// At most so many octets of a message go back in a Returned Message TLV: enough to see what was
/// wrong, and well below any PDU length that can be negotiated.
const RETURNED_MESSAGE_LIMIT: usize = 128;

/// What is wrong with a message (RFC 5036 sections 3.5.1.2.1 and 3.5.1.2.2).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Octets at the end of the PDU are too few for the header of a message.
    #[error("{0} octets are left at the end of the PDU: too few for a message")]
    Trailing(usize),
    /// The message is longer than what is left of the PDU, or shorter than a Message ID.
    #[error(
        "the message length is {length}, where {available} octets are left of the PDU and 4 are the least"
    )]
    MessageLength {
        /// The Message Length.
        length: u16,
        /// Octets that are left of the PDU behind the length.
        available: usize,
    },
    /// Nothing here knows the type, and the U bit is clear.
    #[error("unknown message type {0:#06x}")]
    UnknownMessageType(u16),
    /// The message lacks a mandatory parameter.
    #[error("the {0} TLV is missing")]
    MissingParameter(&'static str),
    /// The last octets of the message are too few for a type and a length.
    #[error("{available} octets are left at the end of the message: too few for a TLV")]
    TlvHeader {
        /// How many there are.
        available: usize,
    },
    /// The TLV is longer than what is left of its message.
    #[error("the length of TLV {kind:#06x} is {length}, where {available} octets are left")]
    TlvLength {
        /// The type of the TLV.
        kind: u16,
        /// Its length.
        length: u16,
        /// What is left.
        available: usize,
    },
    /// Nothing here knows the type in this message, and the U bit is clear.
    #[error("unknown TLV {kind:#06x}")]
    UnknownTlv {
        /// The type of the TLV.
        kind: u16,
        /// The TLV.
        octets: Vec<u8>,
    },
    /// The value of a TLV cannot be decoded.
    #[error("the value of TLV {kind:#06x} is malformed: it has to be {expected}")]
    MalformedTlv {
        /// The type of the TLV.
        kind: u16,
        /// What the value has to be, in words.
        expected: &'static str,
    },
    /// A FEC element of a type that nothing here knows or that its message must not have.
    #[error("FEC element of type {0:#04x} is unknown or not for this message")]
    UnknownFec(u8),
    /// An address family that is not supported.
    #[error("address family {0} is not supported")]
    UnsupportedAddressFamily(u16),
    /// A capability that nothing here knows and that has the U bit clear (RFC 5561 section 6).
    #[error("capability {kind:#06x} is not supported")]
    UnsupportedCapability {
        /// The type of the TLV.
        kind: u16,
        /// The TLV.
        octets: Vec<u8>,
    },
    /// A capability is there twice (RFC 5561 section 3).
    #[error("capability {kind:#06x} is there more than once")]
    RepeatedCapability {
        /// The type of the TLV.
        kind: u16,
        /// The second TLV.
        octets: Vec<u8>,
    },
    /// The session is for ATM or Frame Relay labels, of which this LSR has none: the intersection of
    /// the label ranges is empty (RFC 5036 section 3.5.3).
    #[error("the peer asks for ATM or Frame Relay labels")]
    LabelRange,
}

impl Problem {
    /// The status code that tells the peer.
    pub const fn status_code(&self) -> StatusCode {
        match self {
            Self::Trailing(_) => StatusCode::BAD_PDU_LENGTH,
            Self::MessageLength { .. } => StatusCode::BAD_MESSAGE_LENGTH,
            Self::UnknownMessageType(_) => StatusCode::UNKNOWN_MESSAGE_TYPE,
            Self::MissingParameter(_) => StatusCode::MISSING_MESSAGE_PARAMETERS,
            Self::TlvHeader { .. } | Self::TlvLength { .. } => StatusCode::BAD_TLV_LENGTH,
            Self::UnknownTlv { .. } => StatusCode::UNKNOWN_TLV,
            Self::MalformedTlv { .. } | Self::RepeatedCapability { .. } => {
                StatusCode::MALFORMED_TLV_VALUE
            }
            Self::UnknownFec(_) => StatusCode::UNKNOWN_FEC,
            Self::UnsupportedAddressFamily(_) => StatusCode::UNSUPPORTED_ADDRESS_FAMILY,
            Self::UnsupportedCapability { .. } => StatusCode::UNSUPPORTED_CAPABILITY,
            Self::LabelRange => StatusCode::SESSION_REJECTED_LABEL_RANGE,
        }
    }

    /// The TLV that is wrong, where the notification gives it back (RFC 5561 sections 3 and 8).
    fn returned_tlv(&self) -> Option<&[u8]> {
        match self {
            Self::UnknownTlv { octets, .. }
            | Self::UnsupportedCapability { octets, .. }
            | Self::RepeatedCapability { octets, .. } => Some(octets),
            _ => None,
        }
    }
}

/// A message that cannot be taken: it is ignored, and its sender is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} of type {message_type:#06x}, id {message_id}: {problem}", super::message_name(*message_type))]
pub struct DecodeError {
    /// What is wrong.
    pub problem: Problem,
    /// The Message ID; 0 if it could not be read.
    pub message_id: u32,
    /// The Message Type as received; 0 if it could not be read.
    pub message_type: u16,
    /// The octets of the message, with its header, as far as the PDU has them.
    pub message: Vec<u8>,
}

impl DecodeError {
    /// The status code to send.
    pub const fn status_code(&self) -> StatusCode {
        self.problem.status_code()
    }

    /// Whether the notification is a fatal one (the E bit; RFC 5036 section 3.9).
    pub const fn is_fatal(&self) -> bool {
        self.status_code().is_fatal()
    }

    /// Whether the session ends after the notification. So it does after each fatal one, and after
    /// Unsupported Capability, although that one's E bit is clear (RFC 5561 sections 6 and 8).
    pub const fn ends_session(&self) -> bool {
        self.is_fatal() || matches!(self.problem, Problem::UnsupportedCapability { .. })
    }

    /// The Status TLV that names the message.
    pub const fn status(&self) -> Status {
        let mut status = Status::new(self.status_code());
        status.message_id = self.message_id;
        status.message_type = self.message_type;
        status
    }

    /// The Notification to send, with the Returned Message TLV and, where RFC 5561 has it, the
    /// Returned TLVs TLV. Long messages are cut.
    pub fn notification(&self) -> Notification {
        let returned = &self.message;
        let returned = returned.get(..RETURNED_MESSAGE_LIMIT).unwrap_or(returned);
        Notification {
            status: self.status(),
            returned_message: (!returned.is_empty()).then(|| returned.to_vec()),
            // A TLV must be whole to be of use.
            returned_tlvs: self
                .problem
                .returned_tlv()
                .filter(|octets| octets.len() <= RETURNED_MESSAGE_LIMIT)
                .map(|octets| ReturnedTlv {
                    octets: octets.to_vec(),
                })
                .into_iter()
                .collect(),
            ..Notification::default()
        }
    }
}
