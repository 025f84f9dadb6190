//! Messages: header, and which body a type has (RFC 5036 sections 3.5 and 3.7).

use super::pdu::MESSAGE_HEADER_LENGTH;
use super::tlv::{Tlvs, UNKNOWN_BIT, patch_length};
use super::{
    AddressMessage, Body, CapabilityMessage, DecodeError, EncodeError, Hello, Initialization,
    LabelAbortRequest, LabelMapping, LabelRelease, LabelRequest, LabelWithdraw, Message,
    Notification, Problem, UnknownTlv,
};

/// Octets of Message Type and Message Length, which the length does not count.
const TYPE_AND_LENGTH: usize = 4;

/// The types of messages, without the U bit (RFC 5036 section 3.7): IANA's registry "Message Type Name
/// Space".
pub mod message_type {
    /// Notification (RFC 5036 section 3.5.1).
    pub const NOTIFICATION: u16 = 0x0001;
    /// Hello (RFC 5036 section 3.5.2).
    pub const HELLO: u16 = 0x0100;
    /// Initialization (RFC 5036 section 3.5.3).
    pub const INITIALIZATION: u16 = 0x0200;
    /// KeepAlive (RFC 5036 section 3.5.4).
    pub const KEEPALIVE: u16 = 0x0201;
    /// Capability (RFC 5561 section 4).
    pub const CAPABILITY: u16 = 0x0202;
    /// Address (RFC 5036 section 3.5.5).
    pub const ADDRESS: u16 = 0x0300;
    /// Address Withdraw (RFC 5036 section 3.5.6).
    pub const ADDRESS_WITHDRAW: u16 = 0x0301;
    /// Label Mapping (RFC 5036 section 3.5.7).
    pub const LABEL_MAPPING: u16 = 0x0400;
    /// Label Request (RFC 5036 section 3.5.8).
    pub const LABEL_REQUEST: u16 = 0x0401;
    /// Label Withdraw (RFC 5036 section 3.5.10).
    pub const LABEL_WITHDRAW: u16 = 0x0402;
    /// Label Release (RFC 5036 section 3.5.11).
    pub const LABEL_RELEASE: u16 = 0x0403;
    /// Label Abort Request (RFC 5036 section 3.5.9).
    pub const LABEL_ABORT_REQUEST: u16 = 0x0404;
}

/// The name of a message type, with or without the U bit (RFC 5036 section 3.7).
pub const fn message_name(kind: u16) -> &'static str {
    match kind & !UNKNOWN_BIT {
        message_type::NOTIFICATION => "Notification",
        message_type::HELLO => "Hello",
        message_type::INITIALIZATION => "Initialization",
        message_type::KEEPALIVE => "KeepAlive",
        message_type::CAPABILITY => "Capability",
        message_type::ADDRESS => "Address",
        message_type::ADDRESS_WITHDRAW => "Address Withdraw",
        message_type::LABEL_MAPPING => "Label Mapping",
        message_type::LABEL_REQUEST => "Label Request",
        message_type::LABEL_WITHDRAW => "Label Withdraw",
        message_type::LABEL_RELEASE => "Label Release",
        message_type::LABEL_ABORT_REQUEST => "Label Abort Request",
        0x3E00..=0x3EFF => "Vendor-Private message",
        0x3F00..=0x3FFF => "Experimental message",
        _ => "message",
    }
}

impl Body {
    /// The Message Type, without the U bit.
    pub const fn message_type(&self) -> u16 {
        match self {
            Self::Notification(_) => message_type::NOTIFICATION,
            Self::Hello(_) => message_type::HELLO,
            Self::Initialization(_) => message_type::INITIALIZATION,
            Self::KeepAlive => message_type::KEEPALIVE,
            Self::Capability(_) => message_type::CAPABILITY,
            Self::Address(_) => message_type::ADDRESS,
            Self::AddressWithdraw(_) => message_type::ADDRESS_WITHDRAW,
            Self::LabelMapping(_) => message_type::LABEL_MAPPING,
            Self::LabelRequest(_) => message_type::LABEL_REQUEST,
            Self::LabelWithdraw(_) => message_type::LABEL_WITHDRAW,
            Self::LabelRelease(_) => message_type::LABEL_RELEASE,
            Self::LabelAbortRequest(_) => message_type::LABEL_ABORT_REQUEST,
            Self::Unknown { kind, .. } => *kind & !UNKNOWN_BIT,
        }
    }

    /// The name of the message.
    pub const fn name(&self) -> &'static str {
        message_name(self.message_type())
    }

    /// The parameters of a message.
    fn decode(
        kind: u16,
        parameters: &[u8],
        unknown: &mut Vec<UnknownTlv>,
    ) -> Result<Self, Problem> {
        let tlvs = Tlvs::new(parameters);
        Ok(match kind & !UNKNOWN_BIT {
            message_type::LABEL_MAPPING => Self::LabelMapping(LabelMapping::decode(tlvs, unknown)?),
            message_type::NOTIFICATION => {
                Self::Notification(Notification::decode(tlvs, unknown)?.into())
            }
            message_type::HELLO => Self::Hello(Hello::decode(tlvs, unknown)?.into()),
            message_type::INITIALIZATION => {
                Self::Initialization(Initialization::decode(tlvs, unknown)?.into())
            }
            message_type::KEEPALIVE => {
                // No parameters are defined.
                for tlv in tlvs {
                    tlv?.unknown(unknown)?;
                }
                Self::KeepAlive
            }
            message_type::CAPABILITY => {
                Self::Capability(CapabilityMessage::decode(tlvs, unknown)?.into())
            }
            message_type::ADDRESS => Self::Address(AddressMessage::decode(tlvs, unknown)?),
            message_type::ADDRESS_WITHDRAW => {
                Self::AddressWithdraw(AddressMessage::decode(tlvs, unknown)?)
            }
            message_type::LABEL_REQUEST => Self::LabelRequest(LabelRequest::decode(tlvs, unknown)?),
            message_type::LABEL_WITHDRAW => {
                Self::LabelWithdraw(LabelWithdraw::decode(tlvs, unknown)?)
            }
            message_type::LABEL_RELEASE => Self::LabelRelease(LabelRelease::decode(tlvs, unknown)?),
            message_type::LABEL_ABORT_REQUEST => {
                Self::LabelAbortRequest(LabelAbortRequest::decode(tlvs, unknown)?)
            }
            other if kind & UNKNOWN_BIT != 0 => Self::Unknown {
                kind: other,
                value: parameters.to_vec(),
            },
            other => return Err(Problem::UnknownMessageType(other)),
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Notification(message) => message.encode(out),
            Self::Hello(message) => message.encode(out),
            Self::Initialization(message) => message.encode(out),
            Self::KeepAlive => {}
            Self::Capability(message) => message.encode(out),
            Self::Address(message) | Self::AddressWithdraw(message) => message.encode(out),
            Self::LabelMapping(message) => message.encode(out),
            Self::LabelRequest(message) => message.encode(out),
            Self::LabelWithdraw(message) => message.encode(out),
            Self::LabelRelease(message) => message.encode(out),
            Self::LabelAbortRequest(message) => message.encode(out),
            Self::Unknown { value, .. } => out.extend_from_slice(value),
        }
    }

    /// Appends the message with its header; gives where it starts.
    #[inline]
    pub(super) fn encode_message(
        &self,
        id: u32,
        unknown: &[UnknownTlv],
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let start = out.len();
        let mut kind = self.message_type();
        if matches!(self, Self::Unknown { .. }) {
            kind |= UNKNOWN_BIT;
        }
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&id.to_be_bytes());
        self.encode(out);
        for tlv in unknown {
            tlv.encode(out);
        }
        let length = out.len() - start - TYPE_AND_LENGTH;
        if length > usize::from(u16::MAX) {
            out.truncate(start);
            return Err(EncodeError::MessageTooLong {
                message: self.name(),
                length,
                room: usize::from(u16::MAX),
            });
        }
        patch_length(out, start + 2, length);
        Ok(())
    }
}

impl Message {
    /// A message without unknown TLVs.
    pub const fn new(id: u32, body: Body) -> Self {
        Self {
            id,
            body,
            unknown: Vec::new(),
        }
    }
}

/// The messages of a PDU, one after the other (RFC 5036 section 3.5).
///
/// A message that cannot be taken is an error, and those behind it are read all the same, unless the
/// octets do not say where it ends. What a fatal error means for the messages behind it is the caller's
/// decision; the session ends there (RFC 5036 section 3.5.1.1).
#[derive(Debug, Clone)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// The messages that these octets are.
    pub(super) const fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }
}

impl Iterator for Messages<'_> {
    type Item = Result<Message, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let octets = self.rest;
        if octets.is_empty() {
            return None;
        }
        // Unless it turns out where the message ends, nothing behind it can be read.
        self.rest = &[];
        let Some((&[k0, k1, l0, l1], behind)) = octets.split_first_chunk() else {
            return Some(Err(DecodeError {
                problem: Problem::Trailing(octets.len()),
                message_id: 0,
                message_type: 0,
                message: octets.to_vec(),
            }));
        };
        let kind = u16::from_be_bytes([k0, k1]);
        let length = u16::from_be_bytes([l0, l1]);
        let id = behind.first_chunk().map(|id| u32::from_be_bytes(*id));
        let whole = behind.split_at_checked(usize::from(length));
        let Some((id, parameters, rest)) = whole.and_then(|(content, rest)| {
            let (_, parameters) = content.split_first_chunk::<4>()?;
            Some((id?, parameters, rest))
        }) else {
            return Some(Err(DecodeError {
                problem: Problem::MessageLength {
                    length,
                    available: behind.len(),
                },
                // With a length of less than 4 there is none.
                message_id: id.filter(|_| length >= 4).unwrap_or_default(),
                message_type: kind,
                message: octets.to_vec(),
            }));
        };
        self.rest = rest;
        let mut unknown = Vec::new();
        Some(match Body::decode(kind, parameters, &mut unknown) {
            Ok(body) => Ok(Message { id, body, unknown }),
            Err(problem) => {
                let (message, _) = octets.split_at(octets.len() - rest.len());
                Err(DecodeError {
                    problem,
                    message_id: id,
                    message_type: kind,
                    message: message.to_vec(),
                })
            }
        })
    }
}

/// The octets of the shortest message are those of its header.
const _: () = assert!(MESSAGE_HEADER_LENGTH == TYPE_AND_LENGTH + 4);
