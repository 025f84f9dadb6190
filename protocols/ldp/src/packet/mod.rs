//! PDUs, messages and TLVs (RFC 5036 section 3).
//!
//! * [`Pdu::decode`] for a Hello, [`PduStream`] for the octets of a session: PDUs, and from
//!   [`RawPdu::messages`] each message by itself, so that a wrong one does not take others with it.
//!   [`DecodeError`] has what its sender is told.
//! * [`Pdu::encode`] for one PDU, [`PduBuilder`] for many messages.
//! * [`authenticate`] and [`verify`]: the authentication of Hellos (RFC 7349).
//!
//! One file for each message or TLV of some size. Encoders are the inverse of decoders.

mod address;
mod authentication;
mod builder;
mod capability;
mod display;
mod error;
mod fec;
mod hello;
mod initialization;
mod label;
mod message;
mod notification;
mod pdu;
mod status;
mod stream;
mod tlv;

pub use address::AddressMessage;
pub use authentication::{AuthenticationError, authenticate, verify};
pub use builder::PduBuilder;
pub use capability::{Capabilities, CapabilityMessage, StateAdvertisement, UnknownCapability};
pub use error::{DecodeError, Problem};
pub use fec::{AddressFamily, FecElement, TypedWildcard};
pub use hello::{
    AuthenticationAlgorithm, CryptographicAuthentication, DualStack, Hello, TransportPreference,
};
pub use initialization::{AdvertisementDiscipline, FaultTolerance, Initialization};
pub use label::{
    GenericLabel, LabelAbortRequest, LabelMapping, LabelRelease, LabelRequest, LabelWithdraw,
};
pub use message::{Messages, message_name, message_type};
pub use notification::{Notification, ReturnedTlv};
pub use pdu::{
    DEFAULT_MAX_PDU_LENGTH, EncodeError, MESSAGE_HEADER_LENGTH, PDU_HEADER_LENGTH, PORT,
    PROTOCOL_VERSION, PduError, RawPdu, StreamError,
};
pub use status::{Status, StatusCode};
pub use stream::PduStream;
pub use tlv::kind as tlv_type;

use crate::LdpIdentifier;

/// A protocol data unit (RFC 5036 section 3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdu {
    /// Who sent it, for which label space.
    pub identifier: LdpIdentifier,
    /// Its messages, at least one.
    pub messages: Vec<Message>,
}

/// A message (RFC 5036 section 3.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The Message ID, by which notifications refer to it.
    pub id: u32,
    /// What it says.
    pub body: Body,
    /// TLVs that nothing here knows and that have the U bit set: they are ignored, and shown
    /// (RFC 5036 section 3.3).
    pub unknown: Vec<UnknownTlv>,
}

/// A TLV that nothing here knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownTlv {
    /// Its type, without the U and F bits.
    pub kind: u16,
    /// The U bit: whoever does not know the type ignores the TLV in silence.
    pub unknown_bit: bool,
    /// The F bit: the TLV is forwarded with the message that contains it.
    pub forward_bit: bool,
    /// Its value.
    pub value: Vec<u8>,
}

/// The messages of RFC 5036 section 3.5 and RFC 5561. The rare ones that are large are boxed, so that the
/// thousands of others are small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// 0x0001.
    Notification(Box<Notification>),
    /// 0x0100.
    Hello(Box<Hello>),
    /// 0x0200.
    Initialization(Box<Initialization>),
    /// 0x0201.
    KeepAlive,
    /// 0x0202 (RFC 5561).
    Capability(Box<CapabilityMessage>),
    /// 0x0300.
    Address(AddressMessage),
    /// 0x0301.
    AddressWithdraw(AddressMessage),
    /// 0x0400.
    LabelMapping(LabelMapping),
    /// 0x0401.
    LabelRequest(LabelRequest),
    /// 0x0402.
    LabelWithdraw(LabelWithdraw),
    /// 0x0403.
    LabelRelease(LabelRelease),
    /// 0x0404.
    LabelAbortRequest(LabelAbortRequest),
    /// A message of another type with the U bit set: it is ignored (RFC 5036 section 3.5).
    Unknown {
        /// The type, without the U bit.
        kind: u16,
        /// The octets behind the Message ID.
        value: Vec<u8>,
    },
}
