//! Packets that go up from the switch and down to it.

use bytes::Bytes;
use mpls::LabelStackEntry;
use p4runtime_client::{DecodeError, EntryError, PacketIn, Schema};

use crate::PuntReason;

/// A packet that the switch sent up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Punted {
    /// The port by which it came.
    pub port: u16,
    /// Why it was sent up.
    pub reason: PuntReason,
    /// The first label stack entries that were popped, at the most 3, as they arrived, outermost
    /// first. When the last one that was popped has the S bit, what follows the Ethernet header
    /// of `frame` is the payload; else the rest of the stack does.
    pub popped: Vec<LabelStackEntry>,
    /// How many label stack entries were popped; may be more than `popped` has.
    pub popped_count: u8,
    /// With [`PuntReason::MtuExceeded`], how large the packet that follows the Ethernet header and
    /// the VLAN tag of `frame` may be at the most, in octets.
    pub max_length: Option<u16>,
    /// The frame as it stands after the pops, from the Ethernet header on; a VLAN tag is there
    /// as it came.
    pub frame: Bytes,
}

/// A frame for the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PacketOut {
    /// Send it by a port as it is.
    ToPort {
        /// The port.
        port: u16,
        /// The frame, from the Ethernet header on.
        frame: Bytes,
    },
    /// Treat it as received on a port: look it up and forward it.
    AsReceivedOn {
        /// The port.
        port: u16,
        /// The frame, from the Ethernet header on.
        frame: Bytes,
    },
}

/// A PacketIn whose metadata is not that of mpls.p4.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PuntError {
    /// Its metadata does not fit the P4Info.
    #[error(transparent)]
    Metadata(#[from] DecodeError),
    /// Its reason has no meaning to this release.
    #[error("packet with the unknown punt reason {0}")]
    Reason(u8),
}

impl Punted {
    /// Takes a packet from the switch.
    ///
    /// # Errors
    /// Its metadata is not that of mpls.p4.
    pub fn new(packet: PacketIn) -> Result<Self, PuntError> {
        let number: u8 = packet.metadata("reason")?;
        let count: u8 = packet.metadata("popped_count")?;
        let names = ["popped_1", "popped_2", "popped_3"];
        let popped = names
            .iter()
            .take(count.into())
            .map(|name| Ok(packet.metadata::<u32>(name)?.into()));
        let reason = PuntReason::from_number(number).ok_or(PuntError::Reason(number))?;
        let max_length = match reason {
            PuntReason::MtuExceeded => Some(packet.metadata("max_length")?),
            _ => None,
        };
        Ok(Self {
            port: packet.metadata("ingress_port")?,
            reason,
            popped_count: count,
            max_length,
            popped: popped.collect::<Result<_, PuntError>>()?,
            frame: packet.payload.into(),
        })
    }
}

impl PacketOut {
    /// The message for the switch.
    ///
    /// # Errors
    /// The port does not fit its 9 bits.
    pub(crate) fn message(
        &self,
        schema: &Schema,
    ) -> Result<p4runtime_client::PacketOutMessage, EntryError> {
        let (egress_port, submit, ingress_port, frame) = match self {
            Self::ToPort { port, frame } => (*port, false, 0, frame),
            Self::AsReceivedOn { port, frame } => (0, true, *port, frame),
        };
        let metadata = [
            ("egress_port", egress_port.into()),
            ("submit_to_ingress", submit.into()),
            ("ingress_port", ingress_port.into()),
            ("unused", 0u8.into()),
        ];
        schema.packet_out(&metadata, frame.to_vec())
    }
}
