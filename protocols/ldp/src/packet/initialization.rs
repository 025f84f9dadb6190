//! Initialization messages (RFC 5036 section 3.5.3).

use super::Capabilities;
use crate::LdpIdentifier;

/// An Initialization message: the Common Session Parameters TLV and what else is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Initialization {
    /// The protocol version; 1.
    pub protocol_version: u16,
    /// The proposed KeepAlive time in seconds, at least 1.
    pub keepalive_time: u16,
    /// The A bit: how labels are advertised.
    pub advertisement: AdvertisementDiscipline,
    /// The D bit: loop detection based on path vectors.
    pub loop_detection: bool,
    /// The Path Vector Limit; 0 without loop detection.
    pub path_vector_limit: u8,
    /// The largest PDU in octets; 255 or less means 4096.
    pub max_pdu_length: u16,
    /// The label space of the receiver that the session is for.
    pub receiver: LdpIdentifier,
    /// FT Session TLV, 0x0503 (RFC 3478 section 2, RFC 3479).
    pub fault_tolerance: Option<FaultTolerance>,
    /// Capabilities (RFC 5561).
    pub capabilities: Capabilities,
}

/// How labels are advertised (RFC 5036 section 2.6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AdvertisementDiscipline {
    /// Downstream unsolicited.
    #[default]
    DownstreamUnsolicited,
    /// Downstream on demand.
    DownstreamOnDemand,
}

/// The FT Session TLV (RFC 3479 section 8.1, RFC 3478 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultTolerance {
    /// The flags: R 0x8000, S 0x0008, A 0x0004, C 0x0002, L 0x0001. L alone means graceful restart.
    pub flags: u16,
    /// FT Reconnect Timeout, in milliseconds; 0: no forwarding state was preserved.
    pub reconnect_timeout: u32,
    /// Recovery Time, in milliseconds.
    pub recovery_time: u32,
}
