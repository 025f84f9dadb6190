//! Frames as the kernel gives them, made packets as they were on the link.

use packet_socket::{Frame, VlanTag};

use super::offload::{self, VirtioHeader};
use super::segment::segment;

/// What was received.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received<'b> {
    /// A packet as it was on the link.
    Packet(&'b [u8]),
    /// What was one packet, left whole for hardware to cut.
    Segments(Vec<Vec<u8>>),
    /// As `Segments`, but not of a protocol that can be cut here.
    Oversized,
    /// A packet that is not whole.
    Broken,
    /// A packet that this host sent.
    Outgoing,
}

/// The packet that a frame has brought, as it was on the link.
pub(super) fn examine(frame: Option<Frame<'_>>) -> Received<'_> {
    let Some(frame) = frame else {
        return Received::Broken;
    };
    if frame.outgoing {
        return Received::Outgoing;
    }
    let header = VirtioHeader::read(frame.virtio);
    let octets = frame.octets;
    // The checksums of segments are computed when the packet is cut.
    if !header.is_segmented()
        && let Some((start, offset)) = header.checksum()
        && !offload::complete_checksum(&mut octets[VlanTag::LENGTH..], start, offset)
    {
        return Received::Broken;
    }
    let (packet, added) = match frame.tag {
        None => (&octets[VlanTag::LENGTH..], 0),
        Some(tag) if tag.restore(octets) => (&*octets, VlanTag::LENGTH),
        Some(_) => return Received::Broken,
    };
    if !header.is_segmented() {
        return Received::Packet(packet);
    }
    let segments = header
        .checksum()
        .and_then(|(transport, _)| segment(packet, transport + added, header.segment_size()));
    segments.map_or(Received::Oversized, Received::Segments)
}
