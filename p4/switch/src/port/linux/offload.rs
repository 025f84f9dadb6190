//! What network drivers leave to hardware, done here: checksums. The header that tells of it is
//! `virtio_net_hdr` (Virtual I/O Device 1.2, section 5.1.6), without `num_buffers`.

use packet_socket::VIRTIO_HEADER;

use crate::engine::hash::internet_checksum;

const NEEDS_CHECKSUM: u8 = 1;
const GSO_NONE: u8 = 0;
/// A bit beside the type of segmentation.
const GSO_ECN: u8 = 0x80;

/// What the kernel says of a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct VirtioHeader {
    flags: u8,
    gso_type: u8,
    gso_size: u16,
    checksum_start: u16,
    checksum_offset: u16,
}

impl VirtioHeader {
    /// Packet sockets have it in the byte order of the host.
    pub(super) fn read(bytes: [u8; VIRTIO_HEADER]) -> Self {
        Self {
            flags: bytes[0],
            gso_type: bytes[1],
            gso_size: u16::from_ne_bytes([bytes[4], bytes[5]]),
            checksum_start: u16::from_ne_bytes([bytes[6], bytes[7]]),
            checksum_offset: u16::from_ne_bytes([bytes[8], bytes[9]]),
        }
    }

    /// Whether the packet is to be cut into several.
    pub(super) fn is_segmented(self) -> bool {
        self.gso_type & !GSO_ECN != GSO_NONE
    }

    /// How many bytes of payload each of the packets is to have.
    pub(super) fn segment_size(self) -> usize {
        usize::from(self.gso_size)
    }

    /// Where the bytes of a checksum start that is not complete, and where from there it stands.
    pub(super) fn checksum(self) -> Option<(usize, usize)> {
        (self.flags & NEEDS_CHECKSUM != 0).then_some((
            usize::from(self.checksum_start),
            usize::from(self.checksum_offset),
        ))
    }
}

/// Completes a checksum; the sum of the pseudo header stands in its place already. Whether there is
/// such a place in the packet.
pub(super) fn complete_checksum(packet: &mut [u8], start: usize, offset: usize) -> bool {
    let Some(covered) = packet.get(start..) else {
        return false;
    };
    let sum = match internet_checksum(covered) {
        // UDP has 0 for "no checksum" (RFC 768); ffff is the same number.
        0 => 0xffff,
        sum => sum,
    };
    match packet.get_mut(start + offset..start + offset + 2) {
        Some(place) => {
            place.copy_from_slice(&sum.to_be_bytes());
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A UDP datagram from 127.0.0.1:1 to 127.0.0.1:2 with "hi": the field holds the sum of the
    /// pseudo header (7f00 + 0001 + 7f00 + 0001 + 0011 + 000a = fe1d), as the kernel leaves it.
    #[test]
    fn a_checksum_left_to_hardware_is_completed() {
        let mut packet = vec![0xee; 3];
        packet.extend([0, 1, 0, 2, 0, 10, 0xfe, 0x1d, b'h', b'i']);
        assert!(complete_checksum(&mut packet, 3, 6));
        // What the receiver sums up, pseudo header included, is ffff (RFC 1071 section 1).
        let mut all = vec![0x7f, 0, 0, 1, 0x7f, 0, 0, 1, 0, 17, 0, 10];
        all.extend(&packet[3..]);
        assert_eq!(internet_checksum(&all), 0);
    }

    #[test]
    fn a_checksum_outside_of_the_packet_is_refused() {
        assert!(!complete_checksum(&mut [0; 8], 9, 0));
        assert!(!complete_checksum(&mut [0; 8], 4, 3));
        assert!(complete_checksum(&mut [0; 8], 4, 2));
    }

    #[test]
    fn the_header_is_read() {
        let mut bytes = [1, 0x80, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes[6..8].copy_from_slice(&34_u16.to_ne_bytes());
        bytes[8..].copy_from_slice(&16_u16.to_ne_bytes());
        let header = VirtioHeader::read(bytes);
        assert!(!header.is_segmented());
        assert_eq!(header.checksum(), Some((34, 16)));
        assert!(VirtioHeader::read([0, 1, 0, 0, 0, 0, 0, 0, 0, 0]).is_segmented());
        assert_eq!(VirtioHeader::read([2; VIRTIO_HEADER]).checksum(), None);
    }
}
