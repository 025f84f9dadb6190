//! Initialization messages (RFC 5036 section 3.5.3).

use nom::number::complete::{be_u16, be_u32, u8};

use super::capability::{Seen, is_unknown_capability};
use super::pdu::identifier;
use super::tlv::{Tlvs, UNKNOWN_BIT, first, kind, mandatory, put_tlv};
use super::{Capabilities, Problem, UnknownTlv};
use crate::LdpIdentifier;

/// The A bit.
const ON_DEMAND: u8 = 0x80;
/// The D bit.
const LOOP_DETECTION: u8 = 0x40;

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

impl Initialization {
    pub(super) fn decode(tlvs: Tlvs<'_>, unknown: &mut Vec<UnknownTlv>) -> Result<Self, Problem> {
        let mut common = None;
        let mut fault_tolerance = None;
        let mut capabilities = Capabilities::default();
        let mut seen = Seen::default();
        for tlv in tlvs {
            let tlv = tlv?;
            match tlv.kind {
                kind::COMMON_SESSION_PARAMETERS => first(
                    &mut common,
                    tlv.parse(
                        (be_u16, be_u16, u8, u8, be_u16, identifier),
                        "the session parameters: 14 octets",
                    )?,
                ),
                kind::ATM_SESSION_PARAMETERS | kind::FRAME_RELAY_SESSION_PARAMETERS => {
                    return Err(Problem::LabelRange);
                }
                kind::FT_SESSION => {
                    let (flags, _reserved, reconnect_timeout, recovery_time) = tlv.parse(
                        (be_u16, be_u16, be_u32, be_u32),
                        "flags and two times: 12 octets",
                    )?;
                    let parameters = FaultTolerance {
                        flags,
                        reconnect_timeout,
                        recovery_time,
                    };
                    first(&mut fault_tolerance, parameters);
                }
                // The S bit is set, and ignored if it is not (RFC 5561 section 6).
                _ if capabilities.decode_known(&tlv, &mut seen)? => {}
                _ if is_unknown_capability(&tlv) => {
                    capabilities.decode_unknown(&tlv, &mut seen)?;
                }
                _ if !tlv.unknown_bit && tlv.kind != kind::STATUS => {
                    return Err(Problem::UnsupportedCapability {
                        kind: tlv.kind,
                        octets: tlv.octets.to_vec(),
                    });
                }
                _ => tlv.unknown(unknown)?,
            }
        }
        let (protocol_version, keepalive_time, flags, path_vector_limit, max_pdu_length, receiver) =
            mandatory(common, "Common Session Parameters")?;
        Ok(Self {
            protocol_version,
            keepalive_time,
            advertisement: if flags & ON_DEMAND != 0 {
                AdvertisementDiscipline::DownstreamOnDemand
            } else {
                AdvertisementDiscipline::DownstreamUnsolicited
            },
            loop_detection: flags & LOOP_DETECTION != 0,
            path_vector_limit,
            max_pdu_length,
            receiver,
            fault_tolerance,
            capabilities,
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_tlv(out, kind::COMMON_SESSION_PARAMETERS, |out| {
            let mut flags = 0;
            if self.advertisement == AdvertisementDiscipline::DownstreamOnDemand {
                flags |= ON_DEMAND;
            }
            if self.loop_detection {
                flags |= LOOP_DETECTION;
            }
            out.extend_from_slice(&self.protocol_version.to_be_bytes());
            out.extend_from_slice(&self.keepalive_time.to_be_bytes());
            out.extend_from_slice(&[flags, self.path_vector_limit]);
            out.extend_from_slice(&self.max_pdu_length.to_be_bytes());
            out.extend_from_slice(&self.receiver.octets());
        });
        if let Some(parameters) = self.fault_tolerance {
            put_tlv(out, kind::FT_SESSION | UNKNOWN_BIT, |out| {
                out.extend_from_slice(&parameters.flags.to_be_bytes());
                out.extend_from_slice(&[0; 2]);
                out.extend_from_slice(&parameters.reconnect_timeout.to_be_bytes());
                out.extend_from_slice(&parameters.recovery_time.to_be_bytes());
            });
        }
        self.capabilities.encode(out);
    }
}
