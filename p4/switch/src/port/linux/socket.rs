//! A packet socket on one interface.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use super::offload::{self, VNET_HEADER, VirtioHeader};
use super::segment::segment;

/// Bytes that the kernel may queue for a port before it drops.
const RECEIVE_BUFFER: libc::c_int = 4 << 20;
/// The longest packet that is received: the largest MTU with its Ethernet header and tags.
const MAX_PACKET: usize = 65_536 + 64;
/// Room for a VLAN tag that the kernel has taken out.
const HEADROOM: usize = 4;

/// A packet socket (packet(7)) bound to an interface.
#[derive(Debug)]
pub(super) struct PacketSocket {
    file: File,
    /// Index of the interface.
    pub(super) index: u32,
    overruns: AtomicU64,
}

/// Memory that packets are received into.
#[derive(Debug)]
pub(super) struct Buffer(Vec<u8>);

impl Buffer {
    pub(super) fn new() -> Self {
        Self(vec![0; HEADROOM + MAX_PACKET])
    }
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

impl PacketSocket {
    /// Opens a socket for all packets of an interface.
    pub(super) fn open(index: u32) -> io::Result<Self> {
        let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // No protocol yet, so that nothing is received before the options are set.
        // SAFETY: the call takes no pointers.
        let fd = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given this file descriptor to us alone.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let socket = Self {
            file: File::from(fd),
            index,
            overruns: AtomicU64::new(0),
        };
        socket.configure()?;
        socket.bind()?;
        Ok(socket)
    }

    fn configure(&self) -> io::Result<()> {
        let on: libc::c_int = 1;
        self.set(libc::SOL_PACKET, libc::PACKET_VNET_HDR, &on)?;
        self.set(libc::SOL_PACKET, libc::PACKET_AUXDATA, &on)?;
        // Since Linux 4.20. Without it outgoing packets are told by their type.
        let _ = self.set(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &on);
        let forced = self.set(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &RECEIVE_BUFFER);
        if forced.is_err() {
            self.set(libc::SOL_SOCKET, libc::SO_RCVBUF, &RECEIVE_BUFFER)?;
        }
        let membership = libc::packet_mreq {
            mr_ifindex: self.index_for_kernel(),
            mr_type: libc::PACKET_MR_PROMISC as libc::c_ushort,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        self.set(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &membership)
    }

    fn index_for_kernel(&self) -> libc::c_int {
        // The kernel gave this index as an int.
        self.index as libc::c_int
    }

    fn set<T>(&self, level: libc::c_int, option: libc::c_int, value: &T) -> io::Result<()> {
        // SAFETY: the pointer and length are those of `value`, which outlives the call; the types
        // that are passed are plain C data.
        let result = unsafe {
            libc::setsockopt(
                self.file.as_raw_fd(),
                level,
                option,
                std::ptr::from_ref(value).cast(),
                size_of::<T>() as libc::socklen_t,
            )
        };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    fn bind(&self) -> io::Result<()> {
        // SAFETY: all zeros is a valid `sockaddr_ll`.
        let mut address: libc::sockaddr_ll = unsafe { MaybeUninit::zeroed().assume_init() };
        address.sll_family = libc::AF_PACKET as libc::c_ushort;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = self.index_for_kernel();
        // SAFETY: the pointer and length are those of `address`, which outlives the call.
        let result = unsafe {
            libc::bind(
                self.file.as_raw_fd(),
                std::ptr::from_ref(&address).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            )
        };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    /// Sends a packet. The checksums in it are complete.
    pub(super) fn send(&self, packet: &[u8]) -> io::Result<()> {
        let header = [0; VNET_HEADER];
        (&self.file)
            .write_vectored(&[IoSlice::new(&header), IoSlice::new(packet)])
            .map(|_| ())
    }

    /// Receives a packet, if there is one (`WouldBlock` otherwise).
    pub(super) fn receive<'b>(&self, buffer: &'b mut Buffer) -> io::Result<Received<'b>> {
        let mut header = [0_u8; VNET_HEADER];
        // SAFETY: all zeros is a valid `sockaddr_ll`.
        let mut from: libc::sockaddr_ll = unsafe { MaybeUninit::zeroed().assume_init() };
        let mut control = [0_u64; 16];
        let mut parts = [
            libc::iovec {
                iov_base: header.as_mut_ptr().cast(),
                iov_len: header.len(),
            },
            libc::iovec {
                iov_base: buffer.0[HEADROOM..].as_mut_ptr().cast(),
                iov_len: buffer.0.len() - HEADROOM,
            },
        ];
        // SAFETY: all zeros is a valid `msghdr`.
        let mut message: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        message.msg_name = std::ptr::from_mut(&mut from).cast();
        message.msg_namelen = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        message.msg_iov = parts.as_mut_ptr();
        message.msg_iovlen = parts.len();
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control);
        // SAFETY: `message` points to buffers of the given lengths, which outlive the call.
        let length = unsafe { libc::recvmsg(self.file.as_raw_fd(), &raw mut message, 0) };
        let Ok(length) = usize::try_from(length) else {
            return Err(io::Error::last_os_error());
        };
        if from.sll_pkttype == libc::PACKET_OUTGOING {
            return Ok(Received::Outgoing);
        }
        let header = VirtioHeader::read(header);
        if message.msg_flags & libc::MSG_TRUNC != 0 || length < VNET_HEADER {
            return Ok(Received::Broken);
        }
        let length = length - VNET_HEADER;
        let packet = &mut buffer.0[HEADROOM..HEADROOM + length];
        // The checksums of segments are computed when the packet is cut.
        if !header.is_segmented()
            && let Some((start, offset)) = header.checksum()
            && !offload::complete_checksum(packet, start, offset)
        {
            return Ok(Received::Broken);
        }
        let (whole, added) = match vlan_tag(&message) {
            None => (&buffer.0[HEADROOM..HEADROOM + length], 0),
            Some(tag) => {
                let whole = &mut buffer.0[..HEADROOM + length];
                if !offload::restore_vlan(whole, tag) {
                    return Ok(Received::Broken);
                }
                (&*whole, HEADROOM)
            }
        };
        if !header.is_segmented() {
            return Ok(Received::Packet(whole));
        }
        let segments = header
            .checksum()
            .and_then(|(transport, _)| segment(whole, transport + added, header.segment_size()));
        Ok(segments.map_or(Received::Oversized, Received::Segments))
    }

    /// Packets that the kernel dropped since this socket was opened.
    pub(super) fn overruns(&self) -> u64 {
        let mut statistics = libc::tpacket_stats {
            tp_packets: 0,
            tp_drops: 0,
        };
        let mut length = size_of::<libc::tpacket_stats>() as libc::socklen_t;
        // SAFETY: the pointers are to `statistics`, of that length, and to `length`; both outlive
        // the call.
        let result = unsafe {
            libc::getsockopt(
                self.file.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                std::ptr::from_mut(&mut statistics).cast(),
                &raw mut length,
            )
        };
        // Reading sets the kernel's counter back to 0.
        let new = if result == 0 { statistics.tp_drops } else { 0 };
        let new = u64::from(new);
        self.overruns.fetch_add(new, Ordering::Relaxed) + new
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
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
