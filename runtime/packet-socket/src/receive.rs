//! Receiving one frame with a system call.

use std::io::{self, IoSliceMut};
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use crate::VlanTag;

/// What came, beside its octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Octets that were written to the buffers: less than the frame has if they are too short.
    pub length: usize,
    /// Whether the buffers were too short.
    pub truncated: bool,
    /// Whether this host sent the frame.
    pub outgoing: bool,
    /// The tag that is to be put back, if the socket has [`Flag::Auxiliary`](crate::Flag::Auxiliary).
    pub tag: Option<VlanTag>,
    /// When it came, since the epoch, if the socket has [`Flag::Time`](crate::Flag::Time).
    pub time: Option<Duration>,
}

/// Receives a frame into buffers, one after the other.
///
/// # Errors
///
/// What the system says: `WouldBlock` if there is none.
pub fn receive(socket: &impl AsFd, buffers: &mut [IoSliceMut<'_>]) -> io::Result<Received> {
    // Aligned for `cmsghdr`, and long enough for a time and the auxiliary data.
    let mut control = [0_u64; 16];
    // SAFETY: all zeros is a valid `sockaddr_ll` and a valid `msghdr`.
    let (mut address, mut message): (libc::sockaddr_ll, libc::msghdr) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    message.msg_name = (&raw mut address).cast();
    message.msg_namelen = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // An `IoSliceMut` is an `iovec`.
    message.msg_iov = buffers.as_mut_ptr().cast();
    message.msg_iovlen = buffers.len();
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    // SAFETY: the message points to buffers of the stated lengths, which outlive the call.
    let length = unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut message, 0) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    let mut received = Received {
        length,
        truncated: message.msg_flags & libc::MSG_TRUNC != 0,
        outgoing: address.sll_pkttype == libc::PACKET_OUTGOING,
        tag: None,
        time: None,
    };
    // SAFETY: the kernel has filled the message, whose control buffer is aligned and still there.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    while !header.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give null or a header within the buffer.
        let (level, kind) = unsafe { ((*header).cmsg_level, (*header).cmsg_type) };
        // SAFETY: as above.
        let data = unsafe { libc::CMSG_DATA(header) };
        match (level, kind) {
            (libc::SOL_PACKET, libc::PACKET_AUXDATA) => {
                // SAFETY: data of this type is a `tpacket_auxdata`; it may be unaligned.
                let data = unsafe { data.cast::<libc::tpacket_auxdata>().read_unaligned() };
                received.tag = VlanTag::read(data.tp_status, data.tp_vlan_tpid, data.tp_vlan_tci);
            }
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                // SAFETY: data of this type is a `timespec`; it may be unaligned.
                let time = unsafe { data.cast::<libc::timespec>().read_unaligned() };
                let seconds = u64::try_from(time.tv_sec).ok();
                let nanoseconds = u32::try_from(time.tv_nsec).ok();
                received.time = seconds.zip(nanoseconds).map(|(s, n)| Duration::new(s, n));
            }
            _ => {}
        }
        // SAFETY: `header` is a header within the buffer of `message`.
        header = unsafe { libc::CMSG_NXTHDR(&raw const message, header) };
    }
    Ok(received)
}
