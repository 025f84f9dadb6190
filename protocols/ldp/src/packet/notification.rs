//! Notification messages (RFC 5036 section 3.5.1).

use super::{FecElement, Status};

/// A Notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The Status TLV, 0x0300.
    pub status: Status,
    /// Extended Status TLV, 0x0301.
    pub extended_status: Option<u32>,
    /// Returned PDU TLV, 0x0302: the PDU that was wrong, as far as it fits.
    pub returned_pdu: Option<Vec<u8>>,
    /// Returned Message TLV, 0x0303.
    pub returned_message: Option<Vec<u8>>,
    /// Returned TLVs, 0x0304 (RFC 5561 section 6.1).
    pub returned_tlvs: Vec<ReturnedTlv>,
    /// A FEC TLV, as End-of-LIB (RFC 5919 section 4) and RFC 5918 have it.
    pub fec: Vec<FecElement>,
    /// Label Request Message ID TLV, 0x0600: the request that was aborted (RFC 5036 section 3.5.9.1).
    pub request_id: Option<u32>,
}

/// A TLV that a Notification gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnedTlv {
    /// The octets of the TLV, with its header.
    pub octets: Vec<u8>,
}
