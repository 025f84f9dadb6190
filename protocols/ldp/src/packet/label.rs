//! Messages that distribute labels (RFC 5036 sections 3.5.7 to 3.5.11).

use std::net::Ipv4Addr;

use mpls::Label;
use nom::combinator::map;
use nom::multi::many1;
use nom::number::complete::{be_u16, be_u32, u8};

use super::fec::{FecUse, decode_fec, encode_fec};
use super::tlv::{FORWARD_BIT, Tlv, Tlvs, UNKNOWN_BIT, first, kind, mandatory, put_tlv};
use super::{FecElement, Problem, Status, UnknownTlv};

/// The Generic Label TLV, 0x0200 (RFC 5036 section 3.4.2.1). ATM and Frame Relay labels are not for packet
/// networks.
pub type GenericLabel = Label;

/// A Label Mapping message, 0x0400.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelMapping {
    /// The FEC elements, at least one.
    pub fec: Vec<FecElement>,
    /// The label that they are bound to.
    pub label: GenericLabel,
    /// Label Request Message ID TLV, 0x0600: the request that this answers.
    pub request_id: Option<u32>,
    /// Hop Count TLV, 0x0103.
    pub hop_count: Option<u8>,
    /// Path Vector TLV, 0x0104.
    pub path_vector: Option<Vec<Ipv4Addr>>,
    /// MTU TLV, 0x0601, in octets (RFC 3988).
    pub mtu: Option<u16>,
    /// Entropy Label Capability TLV, 0x0206 (RFC 6790 section 5.1.1).
    pub entropy_label_capable: bool,
    /// A Status TLV, as RFC 8077 and others put it here.
    pub status: Option<Status>,
    /// Unknown TLVs with U and F bit: they go along when the mapping is propagated (RFC 5036 section 3.3).
    pub forwarded: Vec<UnknownTlv>,
}

/// A Label Request message, 0x0401.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelRequest {
    /// The FEC elements: one, or a typed wildcard.
    pub fec: Vec<FecElement>,
    /// Hop Count TLV.
    pub hop_count: Option<u8>,
    /// Path Vector TLV.
    pub path_vector: Option<Vec<Ipv4Addr>>,
    /// Unknown TLVs with U and F bit: they go along when the request is propagated (RFC 5036 section 3.3).
    pub forwarded: Vec<UnknownTlv>,
}

/// A Label Withdraw message, 0x0402.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelWithdraw {
    /// The FEC elements, or the wildcard.
    pub fec: Vec<FecElement>,
    /// The label; without it all labels of the FECs.
    pub label: Option<GenericLabel>,
}

/// A Label Release message, 0x0403.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelRelease {
    /// The FEC elements, or the wildcard.
    pub fec: Vec<FecElement>,
    /// The label; without it all labels of the FECs.
    pub label: Option<GenericLabel>,
    /// Why, if it is an error (RFC 5036 section 3.5.11 has none; section 2.8 loop detected has).
    pub status: Option<Status>,
}

/// A Label Abort Request message, 0x0404.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelAbortRequest {
    /// The FEC elements of the request.
    pub fec: Vec<FecElement>,
    /// Label Request Message ID TLV, 0x0600: the request that is aborted.
    pub request_id: u32,
}

fn decode_label(tlv: &Tlv<'_>) -> Result<GenericLabel, Problem> {
    <[u8; 4]>::try_from(tlv.value)
        .ok()
        .and_then(|octets| Label::new(u32::from_be_bytes(octets)).ok())
        .ok_or_else(|| tlv.malformed("a label of 20 bits in 4 octets"))
}

/// Appends the Generic Label TLV. The label is in the lower 20 bits of its four octets: the figure of RFC
/// 5036 section 3.4.2.1 could be read otherwise, but all implementations do it so.
#[inline]
fn encode_label(label: GenericLabel, out: &mut Vec<u8>) {
    put_tlv(out, kind::GENERIC_LABEL, |out| {
        out.extend_from_slice(&label.value().to_be_bytes());
    });
}

fn decode_hop_count(tlv: &Tlv<'_>) -> Result<u8, Problem> {
    tlv.parse(u8, "a count of 1 octet")
}

fn decode_path_vector(tlv: &Tlv<'_>) -> Result<Vec<Ipv4Addr>, Problem> {
    tlv.parse(many1(map(be_u32, Ipv4Addr::from)), "one LSR Id or more")
}

fn decode_request_id(tlv: &Tlv<'_>) -> Result<u32, Problem> {
    tlv.parse(be_u32, "a message id of 4 octets")
}

fn encode_loop_detection(
    hop_count: Option<u8>,
    path_vector: Option<&Vec<Ipv4Addr>>,
    out: &mut Vec<u8>,
) {
    if let Some(count) = hop_count {
        put_tlv(out, kind::HOP_COUNT, |out| out.push(count));
    }
    if let Some(path) = path_vector {
        put_tlv(out, kind::PATH_VECTOR, |out| {
            for lsr_id in path {
                out.extend_from_slice(&lsr_id.octets());
            }
        });
    }
}

fn encode_request_id(id: u32, out: &mut Vec<u8>) {
    put_tlv(out, kind::LABEL_REQUEST_MESSAGE_ID, |out| {
        out.extend_from_slice(&id.to_be_bytes());
    });
}

impl LabelMapping {
    /// A mapping without optional parameters.
    pub const fn new(fec: Vec<FecElement>, label: GenericLabel) -> Self {
        Self {
            fec,
            label,
            request_id: None,
            hop_count: None,
            path_vector: None,
            mtu: None,
            entropy_label_capable: false,
            status: None,
            forwarded: Vec::new(),
        }
    }

    pub(super) fn decode(tlvs: Tlvs<'_>, unknown: &mut Vec<UnknownTlv>) -> Result<Self, Problem> {
        let mut fec = None;
        let mut label = None;
        let mut request_id = None;
        let mut hop_count = None;
        let mut path_vector = None;
        let mut mtu = None;
        let mut entropy_label_capable = false;
        let mut status = None;
        let mut forwarded = Vec::new();
        for tlv in tlvs {
            let tlv = tlv?;
            match tlv.kind {
                kind::FEC => first(&mut fec, decode_fec(&tlv, FecUse::Mapping)?),
                kind::GENERIC_LABEL => first(&mut label, decode_label(&tlv)?),
                kind::LABEL_REQUEST_MESSAGE_ID => first(&mut request_id, decode_request_id(&tlv)?),
                kind::HOP_COUNT => first(&mut hop_count, decode_hop_count(&tlv)?),
                kind::PATH_VECTOR => first(&mut path_vector, decode_path_vector(&tlv)?),
                kind::MTU => first(&mut mtu, tlv.parse(be_u16, "an MTU of 2 octets")?),
                kind::ENTROPY_LABEL_CAPABILITY => {
                    if !tlv.value.is_empty() {
                        return Err(tlv.malformed("empty"));
                    }
                    entropy_label_capable = true;
                }
                kind::STATUS => first(&mut status, Status::decode(&tlv)?),
                _ if tlv.is_forwarded() => tlv.unknown(&mut forwarded)?,
                _ => tlv.unknown(unknown)?,
            }
        }
        Ok(Self {
            fec: mandatory(fec, "FEC")?,
            label: mandatory(label, "Label")?,
            request_id,
            hop_count,
            path_vector,
            mtu,
            entropy_label_capable,
            status,
            forwarded,
        })
    }

    #[inline]
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_fec(&self.fec, out);
        encode_label(self.label, out);
        if let Some(id) = self.request_id {
            encode_request_id(id, out);
        }
        encode_loop_detection(self.hop_count, self.path_vector.as_ref(), out);
        if let Some(mtu) = self.mtu {
            put_tlv(out, kind::MTU | UNKNOWN_BIT | FORWARD_BIT, |out| {
                out.extend_from_slice(&mtu.to_be_bytes());
            });
        }
        if self.entropy_label_capable {
            let bits = kind::ENTROPY_LABEL_CAPABILITY | UNKNOWN_BIT | FORWARD_BIT;
            put_tlv(out, bits, |_| {});
        }
        if let Some(status) = &self.status {
            status.encode(out, false);
        }
        for tlv in &self.forwarded {
            tlv.encode(out);
        }
    }
}

impl LabelRequest {
    pub(super) fn decode(tlvs: Tlvs<'_>, unknown: &mut Vec<UnknownTlv>) -> Result<Self, Problem> {
        let mut fec = None;
        let mut hop_count = None;
        let mut path_vector = None;
        let mut forwarded = Vec::new();
        for tlv in tlvs {
            let tlv = tlv?;
            match tlv.kind {
                kind::FEC => first(&mut fec, decode_fec(&tlv, FecUse::Request)?),
                kind::HOP_COUNT => first(&mut hop_count, decode_hop_count(&tlv)?),
                kind::PATH_VECTOR => first(&mut path_vector, decode_path_vector(&tlv)?),
                _ if tlv.is_forwarded() => tlv.unknown(&mut forwarded)?,
                _ => tlv.unknown(unknown)?,
            }
        }
        Ok(Self {
            fec: mandatory(fec, "FEC")?,
            hop_count,
            path_vector,
            forwarded,
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_fec(&self.fec, out);
        encode_loop_detection(self.hop_count, self.path_vector.as_ref(), out);
        for tlv in &self.forwarded {
            tlv.encode(out);
        }
    }
}

impl LabelWithdraw {
    pub(super) fn decode(tlvs: Tlvs<'_>, unknown: &mut Vec<UnknownTlv>) -> Result<Self, Problem> {
        let mut fec = None;
        let mut label = None;
        for tlv in tlvs {
            let tlv = tlv?;
            match tlv.kind {
                kind::FEC => first(&mut fec, decode_fec(&tlv, FecUse::Withdraw)?),
                kind::GENERIC_LABEL => first(&mut label, decode_label(&tlv)?),
                _ => tlv.unknown(unknown)?,
            }
        }
        Ok(Self {
            fec: mandatory(fec, "FEC")?,
            label,
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_fec(&self.fec, out);
        if let Some(label) = self.label {
            encode_label(label, out);
        }
    }
}

impl LabelRelease {
    pub(super) fn decode(tlvs: Tlvs<'_>, unknown: &mut Vec<UnknownTlv>) -> Result<Self, Problem> {
        let mut fec = None;
        let mut label = None;
        let mut status = None;
        for tlv in tlvs {
            let tlv = tlv?;
            match tlv.kind {
                kind::FEC => first(&mut fec, decode_fec(&tlv, FecUse::Withdraw)?),
                kind::GENERIC_LABEL => first(&mut label, decode_label(&tlv)?),
                kind::STATUS => first(&mut status, Status::decode(&tlv)?),
                _ => tlv.unknown(unknown)?,
            }
        }
        Ok(Self {
            fec: mandatory(fec, "FEC")?,
            label,
            status,
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_fec(&self.fec, out);
        if let Some(label) = self.label {
            encode_label(label, out);
        }
        if let Some(status) = &self.status {
            status.encode(out, false);
        }
    }
}

impl LabelAbortRequest {
    pub(super) fn decode(tlvs: Tlvs<'_>, unknown: &mut Vec<UnknownTlv>) -> Result<Self, Problem> {
        let mut fec = None;
        let mut request_id = None;
        for tlv in tlvs {
            let tlv = tlv?;
            match tlv.kind {
                kind::FEC => first(&mut fec, decode_fec(&tlv, FecUse::Request)?),
                kind::LABEL_REQUEST_MESSAGE_ID => first(&mut request_id, decode_request_id(&tlv)?),
                _ => tlv.unknown(unknown)?,
            }
        }
        Ok(Self {
            fec: mandatory(fec, "FEC")?,
            request_id: mandatory(request_id, "Label Request Message ID")?,
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        encode_fec(&self.fec, out);
        encode_request_id(self.request_id, out);
    }
}
