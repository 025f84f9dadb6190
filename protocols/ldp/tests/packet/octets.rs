//! PDUs, messages and TLVs by hand.

use ldp::LdpIdentifier;
use ldp::packet::{DecodeError, Message, RawPdu, StatusCode};

pub(crate) use ldp::packet::message_type::*;

pub(crate) fn sender() -> LdpIdentifier {
    LdpIdentifier::platform([192, 0, 2, 1].into())
}

/// A TLV; the type has the U and F bits.
pub(crate) fn tlv(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("a short value");
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), value].concat()
}

/// A message with id 7.
pub(crate) fn message(kind: u16, tlvs: &[Vec<u8>]) -> Vec<u8> {
    let parameters = tlvs.concat();
    let length = u16::try_from(parameters.len() + 4).expect("a short message");
    [
        &kind.to_be_bytes()[..],
        &length.to_be_bytes(),
        &7_u32.to_be_bytes(),
        &parameters,
    ]
    .concat()
}

/// A PDU of these messages.
pub(crate) fn pdu(messages: &[Vec<u8>]) -> Vec<u8> {
    let messages = messages.concat();
    let length = u16::try_from(messages.len() + 6).expect("a short PDU");
    [
        &[0, 1][..],
        &length.to_be_bytes(),
        &sender().octets(),
        &messages,
    ]
    .concat()
}

/// What becomes of each message of a PDU.
pub(crate) fn decode(pdu: &[u8]) -> Vec<Result<Message, DecodeError>> {
    let pdu = RawPdu::parse(pdu, 4096).expect("a PDU").expect("all of it");
    pdu.messages().collect()
}

/// What becomes of a message alone.
pub(crate) fn decode_message(kind: u16, tlvs: &[Vec<u8>]) -> Result<Message, DecodeError> {
    let mut decoded = decode(&pdu(&[message(kind, tlvs)]));
    assert_eq!(decoded.len(), 1);
    decoded.remove(0)
}

/// The FEC TLV of 10.1.0.0/16.
pub(crate) fn fec() -> Vec<u8> {
    tlv(0x0100, &[2, 0, 1, 16, 10, 1])
}

/// The Generic Label TLV of label 100.
pub(crate) fn label() -> Vec<u8> {
    tlv(0x0200, &[0, 0, 0, 100])
}

/// The Common Session Parameters TLV, to 192.0.2.2:0.
pub(crate) fn common_session_parameters() -> Vec<u8> {
    tlv(0x0500, &[0, 1, 0, 180, 0, 0, 0, 0, 192, 0, 2, 2, 0, 0])
}

/// The message is refused with this status; whether that is fatal is checked against the words of the test.
#[track_caller]
pub(crate) fn refused(kind: u16, tlvs: &[Vec<u8>], code: StatusCode, fatal: bool) -> DecodeError {
    let error = decode_message(kind, tlvs).expect_err("a malformed message");
    assert_eq!(error.status_code(), code, "{error}");
    assert_eq!(error.is_fatal(), fatal, "{error}");
    let status = error.status();
    assert_eq!(status.fatal, fatal);
    assert_eq!(
        (status.message_id, status.message_type),
        (7, kind),
        "{error}"
    );
    assert_eq!(error.message, message(kind, tlvs));
    error
}
