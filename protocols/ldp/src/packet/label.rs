//! Messages that distribute labels (RFC 5036 sections 3.5.7 to 3.5.11).

use std::net::Ipv4Addr;

use mpls::Label;

use super::{FecElement, Status};

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
