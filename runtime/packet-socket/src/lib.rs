//! Packet sockets of Linux (packet(7)): whole frames of one network interface.
//!
//! The kernel takes the VLAN tag out of a frame that it receives, and tells of it beside the frame;
//! what is received here has it again ([`VlanTag`]).
//!
//! * [`open`], [`set`] and [`bind`] make a socket, [`receive`] reads one frame, [`send`] writes many.
//! * [`Ring`] receives without a system call for each frame.

mod receive;
mod ring;
mod send;
mod socket;

pub use receive::{Received, receive};
pub use ring::{Frame, Ring, VIRTIO_HEADER};
pub use send::{BURST, send};
pub use socket::{Flag, Statistics, bind, index, open, promiscuous, set, statistics};

/// A tag of IEEE 802.1Q that the kernel took out of a frame: four octets that stand behind the two
/// MAC addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VlanTag([u8; Self::LENGTH]);

impl VlanTag {
    /// Octets of a tag.
    pub const LENGTH: usize = 4;
    /// Octets of the MAC addresses before it.
    const ADDRESSES: usize = 12;
    /// The EtherType of a tag of which the kernel does not tell it (IEEE 802.1Q section 9.6).
    const CUSTOMER: u16 = 0x8100;

    /// From what the kernel says; `status` has flags.
    fn read(status: u32, protocol: u16, control: u16) -> Option<Self> {
        if status & libc::TP_STATUS_VLAN_VALID == 0 {
            return None;
        }
        let protocol = if status & libc::TP_STATUS_VLAN_TPID_VALID == 0 {
            Self::CUSTOMER
        } else {
            protocol
        };
        let ([a, b], [c, d]) = (protocol.to_be_bytes(), control.to_be_bytes());
        Some(Self([a, b, c, d]))
    }

    /// Puts the tag back into a frame that stands behind [`VlanTag::LENGTH`] octets of any content:
    /// afterwards all of `octets` is the frame. Whether the frame has the MAC addresses that the tag
    /// comes behind; where not, nothing is changed.
    pub fn restore(self, octets: &mut [u8]) -> bool {
        let behind = Self::LENGTH + Self::ADDRESSES;
        if octets.len() < behind {
            return false;
        }
        octets.copy_within(Self::LENGTH..behind, 0);
        octets[Self::ADDRESSES..behind].copy_from_slice(&self.0);
        true
    }

    /// As [`VlanTag::restore`], for a frame that can grow.
    pub fn insert(self, frame: &mut Vec<u8>) -> bool {
        if frame.len() < Self::ADDRESSES {
            return false;
        }
        frame.splice(Self::ADDRESSES..Self::ADDRESSES, self.0);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAGGED: u32 = libc::TP_STATUS_VLAN_VALID;

    #[test]
    fn a_tag_comes_behind_the_addresses() {
        let tag = VlanTag::read(TAGGED | libc::TP_STATUS_VLAN_TPID_VALID, 0x88a8, 0x2064).unwrap();
        let mut expected: Vec<u8> = (1..=12).collect();
        expected.extend([0x88, 0xa8, 0x20, 0x64, 0x08, 0x00, 0x45]);
        let mut frame: Vec<u8> = (1..=12).collect();
        frame.extend([0x08, 0x00, 0x45]);
        let mut octets = vec![0xee; VlanTag::LENGTH];
        octets.extend(&frame);
        assert!(tag.restore(&mut octets));
        assert_eq!(octets, expected);
        assert!(tag.insert(&mut frame));
        assert_eq!(frame, expected);
    }

    #[test]
    fn a_frame_without_addresses_stays_as_it_is() {
        let tag = VlanTag::read(TAGGED, 0, 1).unwrap();
        assert_eq!(tag, VlanTag([0x81, 0x00, 0, 1]));
        assert!(!tag.restore(&mut [0; 15]));
        assert!(!tag.insert(&mut vec![0; 11]));
        assert_eq!(VlanTag::read(0, 0x8100, 1), None);
    }
}
