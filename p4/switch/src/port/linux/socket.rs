//! A packet socket on one interface.

use std::fs::File;
use std::io::{self, IoSlice};
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

use super::offload::VNET_HEADER;

/// Bytes that the kernel may queue for a port before it drops.
const RECEIVE_BUFFER: libc::c_int = 4 << 20;
/// Packets that are sent with one call at most.
const SEND_BURST: usize = 64;

/// A packet socket (packet(7)) bound to an interface.
#[derive(Debug)]
pub(super) struct PacketSocket {
    pub(super) file: File,
    /// Index of the interface.
    pub(super) index: u32,
    overruns: AtomicU64,
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
        // No PACKET_QDISC_BYPASS: packets that go past the queueing discipline are not seen by
        // packet captures of the interface.
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

    /// Sends packets, whose checksums are complete, in their order with few calls, and tells what
    /// came of each.
    pub(super) fn send(&self, packets: &[&[u8]], done: &mut dyn FnMut(&[u8], io::Result<()>)) {
        for packets in packets.chunks(SEND_BURST) {
            self.send_burst(packets, done);
        }
    }

    /// As `send`, for at most [`SEND_BURST`] packets.
    fn send_burst(&self, packets: &[&[u8]], done: &mut dyn FnMut(&[u8], io::Result<()>)) {
        let header = [0; VNET_HEADER];
        let mut parts = [[IoSlice::new(&[]); 2]; SEND_BURST];
        // SAFETY: all zeros is a valid `mmsghdr`.
        let mut messages: [libc::mmsghdr; SEND_BURST] =
            unsafe { MaybeUninit::zeroed().assume_init() };
        for ((message, part), packet) in messages.iter_mut().zip(&mut parts).zip(packets) {
            *part = [IoSlice::new(&header), IoSlice::new(packet)];
            // An `IoSlice` is an `iovec`; the kernel only reads it.
            message.msg_hdr.msg_iov = part.as_mut_ptr().cast();
            message.msg_hdr.msg_iovlen = part.len();
        }
        let mut sent = 0;
        while sent < packets.len() {
            let left = &mut messages[sent..packets.len()];
            // SAFETY: each message points to two slices that outlive the call; `left` has as many
            // messages as are given.
            let count = unsafe {
                libc::sendmmsg(
                    self.file.as_raw_fd(),
                    left.as_mut_ptr(),
                    left.len() as libc::c_uint,
                    0,
                )
            };
            match usize::try_from(count) {
                Ok(count) if count > 0 => {
                    for packet in &packets[sent..sent + count] {
                        done(packet, Ok(()));
                    }
                    sent += count;
                }
                // The first of those that are left was refused.
                _ => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        done(packets[sent], Err(error));
                        sent += 1;
                    }
                }
            }
        }
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
