//! PDUs (RFC 5036 section 3.1).

use std::net::Ipv4Addr;

use nom::IResult;
use nom::Parser as _;
use nom::combinator::map;
use nom::number::complete::{be_u16, be_u32};

use super::{DecodeError, Message, Messages, Pdu, PduBuilder, StatusCode};
use crate::LdpIdentifier;

/// The port of Hellos over UDP and of sessions over TCP (RFC 5036 section 3.10.1).
pub const PORT: u16 = 646;
/// The version of the protocol (RFC 5036 section 3.1).
pub const PROTOCOL_VERSION: u16 = 1;
/// Octets of the header of a PDU: Version, PDU Length, LDP Identifier.
pub const PDU_HEADER_LENGTH: usize = 10;
/// Octets of the header of a message: type, length, Message ID.
pub const MESSAGE_HEADER_LENGTH: usize = 8;
/// The maximum PDU length until another one is negotiated (RFC 5036 section 3.5.3).
pub const DEFAULT_MAX_PDU_LENGTH: u16 = 4096;

/// Octets of Version and PDU Length, which the length does not count.
pub(super) const VERSION_AND_LENGTH: usize = 4;
/// The least PDU Length: an LDP Identifier and the header of one message (RFC 5036 section 3.5.1.2.1).
pub(super) const MIN_PDU_LENGTH: u16 = 14;

/// What is wrong with the header of a PDU (RFC 5036 section 3.5.1.2.1). All of it is fatal in a session;
/// nothing behind it can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The version is another one.
    #[error("protocol version {0}, but this is version {PROTOCOL_VERSION}")]
    BadProtocolVersion(u16),
    /// The length is too small or larger than what was negotiated.
    #[error("the PDU length is {length}, which has to be {MIN_PDU_LENGTH} to {max}")]
    BadPduLength {
        /// The PDU Length.
        length: u16,
        /// The largest that may be.
        max: u16,
    },
}

impl StreamError {
    /// The status code to send.
    pub const fn status_code(&self) -> StatusCode {
        match self {
            Self::BadProtocolVersion(_) => StatusCode::BAD_PROTOCOL_VERSION,
            Self::BadPduLength { .. } => StatusCode::BAD_PDU_LENGTH,
        }
    }
}

/// Why octets are no PDU that can be taken as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PduError {
    /// There are less octets than the PDU has.
    #[error("{available} octets of a PDU of {needed}")]
    Truncated {
        /// Octets that there are.
        available: usize,
        /// Octets that there have to be, as far as it is known.
        needed: usize,
    },
    /// The header is wrong.
    #[error(transparent)]
    Header(#[from] StreamError),
    /// A message is wrong.
    #[error(transparent)]
    Message(#[from] DecodeError),
}

/// An LDP Identifier.
pub(super) fn identifier(input: &[u8]) -> IResult<&[u8], LdpIdentifier> {
    map((be_u32, be_u16), |(lsr_id, label_space)| LdpIdentifier {
        lsr_id: Ipv4Addr::from(lsr_id),
        label_space,
    })
    .parse(input)
}

/// A PDU whose messages are not decoded yet.
#[derive(Debug, Clone, Copy)]
pub struct RawPdu<'a> {
    identifier: LdpIdentifier,
    octets: &'a [u8],
}

impl<'a> RawPdu<'a> {
    /// The PDU at the front of some octets; `None`: there are not all of its octets yet.
    ///
    /// What the first octets say is checked as soon as they are there, so that a PDU that is too long is
    /// refused before all of it has come.
    ///
    /// # Errors
    /// The version or the length is wrong.
    pub fn parse(octets: &'a [u8], max_pdu_length: u16) -> Result<Option<Self>, StreamError> {
        let version: IResult<&[u8], u16> = be_u16.parse(octets);
        let Ok((rest, version)) = version else {
            return Ok(None);
        };
        if version != PROTOCOL_VERSION {
            return Err(StreamError::BadProtocolVersion(version));
        }
        let length: IResult<&[u8], u16> = be_u16.parse(rest);
        let Ok((rest, length)) = length else {
            return Ok(None);
        };
        if length < MIN_PDU_LENGTH || length > max_pdu_length {
            return Err(StreamError::BadPduLength {
                length,
                max: max_pdu_length,
            });
        }
        let Some(octets) = octets.get(..VERSION_AND_LENGTH + usize::from(length)) else {
            return Ok(None);
        };
        Ok(identifier(rest)
            .ok()
            .map(|(_, identifier)| Self { identifier, octets }))
    }

    /// Who sent it, for which label space. Whether it is the peer of the session is the session's
    /// check: Bad LDP Identifier.
    pub const fn identifier(&self) -> LdpIdentifier {
        self.identifier
    }

    /// All octets of the PDU.
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// The messages.
    pub fn messages(&self) -> Messages<'a> {
        Messages::new(self.octets.get(PDU_HEADER_LENGTH..).unwrap_or_default())
    }
}

/// The octets that a PDU says it has, as far as they say so.
fn needed(octets: &[u8]) -> usize {
    match octets {
        &[_, _, high, low, ..] => VERSION_AND_LENGTH + usize::from(u16::from_be_bytes([high, low])),
        _ => VERSION_AND_LENGTH + usize::from(MIN_PDU_LENGTH),
    }
}

/// Why a message or a PDU cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A message does not fit a PDU.
    #[error("the {message} has {length} octets, and a PDU has room for {room}")]
    MessageTooLong {
        /// The name of the message.
        message: &'static str,
        /// Its octets.
        length: usize,
        /// The octets that there is room for.
        room: usize,
    },
    /// The messages do not fit one PDU.
    #[error("the messages do not fit one PDU")]
    PduTooLong,
}

impl Pdu {
    /// The octets of the PDU.
    ///
    /// # Errors
    /// The messages do not fit the largest PDU that there can be.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut builder = PduBuilder::new(self.identifier, u16::MAX);
        for message in &self.messages {
            builder.push_message(message)?;
        }
        if builder.pdus() > 1 {
            return Err(EncodeError::PduTooLong);
        }
        Ok(builder.take())
    }

    /// Decodes a PDU that is a datagram: a Hello (RFC 5036 section 2.4). Octets behind the PDU are
    /// ignored.
    ///
    /// # Errors
    /// The PDU or one of its messages is malformed. In discovery all of it is then discarded in silence
    /// (RFC 5036 sections 3.5.1.2.1 and 3.5.1.2.2).
    pub fn decode(octets: &[u8]) -> Result<Self, PduError> {
        let Some(raw) = RawPdu::parse(octets, DEFAULT_MAX_PDU_LENGTH)? else {
            return Err(PduError::Truncated {
                available: octets.len(),
                needed: needed(octets),
            });
        };
        let messages: Result<Vec<Message>, DecodeError> = raw.messages().collect();
        Ok(Self {
            identifier: raw.identifier,
            messages: messages?,
        })
    }
}
