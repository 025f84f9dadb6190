//! Notification messages (RFC 5036 section 3.5.1).

use nom::combinator::rest;
use nom::number::complete::be_u32;

use super::fec::{FecUse, decode_fec, encode_fec};
use super::tlv::{Tlvs, UNKNOWN_BIT, first, kind, mandatory, put_tlv};
use super::{FecElement, Problem, Status, StatusCode, UnknownTlv};

/// A Notification.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notification {
    /// The Status TLV, 0x0300.
    pub status: Status,
    /// Extended Status TLV, 0x0301.
    pub extended_status: Option<u32>,
    /// Returned PDU TLV, 0x0302: the PDU that was wrong, as far as it fits.
    pub returned_pdu: Option<Vec<u8>>,
    /// Returned Message TLV, 0x0303.
    pub returned_message: Option<Vec<u8>>,
    /// Returned TLVs, 0x0304 (RFC 5561 section 8).
    pub returned_tlvs: Vec<ReturnedTlv>,
    /// A FEC TLV, as End-of-LIB (RFC 5919 section 4) and RFC 5918 have it.
    pub fec: Vec<FecElement>,
    /// Label Request Message ID TLV, 0x0600: the request that Label Request Aborted is about (RFC 5036
    /// section 3.5.9.1).
    pub request_id: Option<u32>,
}

/// A TLV that a Notification gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnedTlv {
    /// The octets of the TLV, with its header.
    pub octets: Vec<u8>,
}

impl From<Status> for Notification {
    /// A Notification that says no more than the status.
    fn from(status: Status) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }
}

impl Notification {
    /// The End-of-LIB Notification for FECs of a type (RFC 5919 section 4).
    pub fn end_of_lib(fec: super::TypedWildcard) -> Self {
        Self {
            fec: vec![FecElement::TypedWildcard(fec)],
            ..Self::from(Status::new(StatusCode::END_OF_LIB))
        }
    }

    pub(super) fn decode(tlvs: Tlvs<'_>, unknown: &mut Vec<UnknownTlv>) -> Result<Self, Problem> {
        let mut notification = Self::default();
        let mut status = None;
        let mut fec = None;
        for tlv in tlvs {
            let tlv = tlv?;
            match tlv.kind {
                kind::STATUS => first(&mut status, Status::decode(&tlv)?),
                kind::EXTENDED_STATUS => first(
                    &mut notification.extended_status,
                    tlv.parse(be_u32, "a code of 4 octets")?,
                ),
                kind::RETURNED_PDU => {
                    let pdu = tlv.parse(rest, "part of a PDU")?;
                    first(&mut notification.returned_pdu, pdu.to_vec());
                }
                kind::RETURNED_MESSAGE => {
                    let message = tlv.parse(rest, "part of a message")?;
                    first(&mut notification.returned_message, message.to_vec());
                }
                kind::RETURNED_TLVS => {
                    for returned in Tlvs::new(tlv.value) {
                        let returned = returned.map_err(|_| tlv.malformed("whole TLVs"))?;
                        notification.returned_tlvs.push(ReturnedTlv {
                            octets: returned.octets.to_vec(),
                        });
                    }
                }
                kind::FEC => first(&mut fec, decode_fec(&tlv, FecUse::Notification)?),
                kind::LABEL_REQUEST_MESSAGE_ID => first(
                    &mut notification.request_id,
                    tlv.parse(be_u32, "a message id of 4 octets")?,
                ),
                _ => tlv.unknown(unknown)?,
            }
        }
        notification.status = mandatory(status, "Status")?;
        notification.fec = fec.unwrap_or_default();
        Ok(notification)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.status.encode(out, true);
        if let Some(code) = self.extended_status {
            put_tlv(out, kind::EXTENDED_STATUS, |out| {
                out.extend_from_slice(&code.to_be_bytes());
            });
        }
        if let Some(pdu) = &self.returned_pdu {
            put_tlv(out, kind::RETURNED_PDU, |out| out.extend_from_slice(pdu));
        }
        if let Some(message) = &self.returned_message {
            put_tlv(out, kind::RETURNED_MESSAGE, |out| {
                out.extend_from_slice(message);
            });
        }
        if !self.returned_tlvs.is_empty() {
            put_tlv(out, kind::RETURNED_TLVS | UNKNOWN_BIT, |out| {
                for returned in &self.returned_tlvs {
                    out.extend_from_slice(&returned.octets);
                }
            });
        }
        if !self.fec.is_empty() {
            encode_fec(&self.fec, out);
        }
        if let Some(id) = self.request_id {
            put_tlv(out, kind::LABEL_REQUEST_MESSAGE_ID, |out| {
                out.extend_from_slice(&id.to_be_bytes());
            });
        }
    }
}
