//! Receiving many packets with one call.

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::AsRawFd;

use super::offload::{self, VNET_HEADER, VirtioHeader};
use super::segment::segment;
use super::socket::PacketSocket;

/// Packets that are received with one call: those of one port, before the next port has its turn.
const BURST: usize = 32;
/// The longest packet that is received: the largest MTU with its Ethernet header and tags.
const MAX_PACKET: usize = 65_536 + 64;
/// Room for a VLAN tag that the kernel has taken out.
const HEADROOM: usize = 4;
/// From one packet's memory to the next. No multiple of a page, so that the starts of all packets
/// fit into a processor's cache.
const STRIDE: usize = MAX_PACKET + 64;

/// Memory that packets are received into.
#[derive(Debug)]
pub(super) struct Ring {
    packets: Vec<u8>,
    headers: [[u8; VNET_HEADER]; BURST],
    /// Control messages, aligned for `cmsghdr`.
    controls: [[u64; 8]; BURST],
    addresses: [libc::sockaddr_ll; BURST],
}

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

impl Ring {
    pub(super) fn new() -> Self {
        // SAFETY: all zeros is a valid `sockaddr_ll`.
        let address: libc::sockaddr_ll = unsafe { MaybeUninit::zeroed().assume_init() };
        Self {
            packets: vec![0; BURST * STRIDE],
            headers: [[0; VNET_HEADER]; BURST],
            controls: [[0; 8]; BURST],
            addresses: [address; BURST],
        }
    }

    /// Receives the packets that a socket has, up to a limit, and hands each to `take`.
    ///
    /// # Errors
    ///
    /// What the system says: `WouldBlock` if there are none.
    pub(super) fn receive(
        &mut self,
        socket: &PacketSocket,
        mut take: impl FnMut(Received<'_>),
    ) -> io::Result<()> {
        let empty = libc::iovec {
            iov_base: std::ptr::null_mut(),
            iov_len: 0,
        };
        let mut parts = [[empty; 2]; BURST];
        // SAFETY: all zeros is a valid `mmsghdr`.
        let mut messages: [libc::mmsghdr; BURST] = unsafe { MaybeUninit::zeroed().assume_init() };
        let memory = self.packets.chunks_exact_mut(STRIDE);
        for (index, (message, packet)) in messages.iter_mut().zip(memory).enumerate() {
            let header = &mut self.headers[index];
            parts[index] = [
                libc::iovec {
                    iov_base: header.as_mut_ptr().cast(),
                    iov_len: header.len(),
                },
                libc::iovec {
                    iov_base: packet[HEADROOM..].as_mut_ptr().cast(),
                    iov_len: MAX_PACKET,
                },
            ];
            let message = &mut message.msg_hdr;
            message.msg_name = std::ptr::from_mut(&mut self.addresses[index]).cast();
            message.msg_namelen = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
            message.msg_iov = parts[index].as_mut_ptr();
            message.msg_iovlen = parts[index].len();
            message.msg_control = self.controls[index].as_mut_ptr().cast();
            message.msg_controllen = size_of::<[u64; 8]>();
        }
        // SAFETY: each of the `BURST` messages points to buffers of the given lengths, which are
        // its own and outlive the call.
        let count = unsafe {
            libc::recvmmsg(
                socket.file.as_raw_fd(),
                messages.as_mut_ptr(),
                BURST as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let Ok(count) = usize::try_from(count) else {
            return Err(io::Error::last_os_error());
        };
        let memory = self.packets.chunks_exact_mut(STRIDE);
        for (index, (message, packet)) in messages.iter().zip(memory).take(count).enumerate() {
            let header = VirtioHeader::read(self.headers[index]);
            take(
                if self.addresses[index].sll_pkttype == libc::PACKET_OUTGOING {
                    Received::Outgoing
                } else {
                    examine(header, message, packet)
                },
            );
        }
        Ok(())
    }
}

/// The packet that a message has brought, as it was on the link.
fn examine<'p>(
    header: VirtioHeader,
    message: &libc::mmsghdr,
    memory: &'p mut [u8],
) -> Received<'p> {
    let length = (message.msg_len as usize).checked_sub(VNET_HEADER);
    let (Some(length), 0) = (length, message.msg_hdr.msg_flags & libc::MSG_TRUNC) else {
        return Received::Broken;
    };
    let whole = &mut memory[..HEADROOM + length];
    // The checksums of segments are computed when the packet is cut.
    if !header.is_segmented()
        && let Some((start, offset)) = header.checksum()
        && !offload::complete_checksum(&mut whole[HEADROOM..], start, offset)
    {
        return Received::Broken;
    }
    let (packet, added) = match vlan_tag(&message.msg_hdr) {
        None => (&whole[HEADROOM..], 0),
        Some(tag) if offload::restore_vlan(whole, tag) => (&*whole, HEADROOM),
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

/// The VLAN tag that the kernel has taken out of a packet: protocol, then control information.
fn vlan_tag(message: &libc::msghdr) -> Option<(u16, u16)> {
    // SAFETY: the kernel has filled `message`, and its control buffer is aligned for `cmsghdr`.
    let mut control = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !control.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give null or a header within the buffer.
        let header = unsafe { &*control };
        if header.cmsg_level == libc::SOL_PACKET && header.cmsg_type == libc::PACKET_AUXDATA {
            // SAFETY: data of this type is a `tpacket_auxdata`; it may be unaligned.
            let data = unsafe {
                libc::CMSG_DATA(control)
                    .cast::<libc::tpacket_auxdata>()
                    .read_unaligned()
            };
            if data.tp_status & libc::TP_STATUS_VLAN_VALID == 0 {
                return None;
            }
            let protocol = if data.tp_status & libc::TP_STATUS_VLAN_TPID_VALID == 0 {
                offload::VLAN_PROTOCOL
            } else {
                data.tp_vlan_tpid
            };
            return Some((protocol, data.tp_vlan_tci));
        }
        // SAFETY: `control` is a header within the buffer of `message`.
        control = unsafe { libc::CMSG_NXTHDR(message, control) };
    }
    None
}
