//! Making a packet socket.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// Something that a socket can be told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// Tells of VLAN tags: PACKET_AUXDATA.
    Auxiliary,
    /// Tells when a frame came: SO_TIMESTAMPNS.
    Time,
    /// Has a `virtio_net_hdr` before each frame (Virtual I/O Device 1.2, section 5.1.6), in which
    /// what is left to hardware stands: PACKET_VNET_HDR.
    VirtioHeader,
    /// Does not receive what this host sends: PACKET_IGNORE_OUTGOING, since Linux 4.20.
    IgnoreOutgoing,
    /// Sends past the queueing discipline, and so past captures: PACKET_QDISC_BYPASS.
    BypassQueue,
}

impl Flag {
    fn level_and_name(self) -> (libc::c_int, libc::c_int) {
        match self {
            Self::Auxiliary => (libc::SOL_PACKET, libc::PACKET_AUXDATA),
            Self::Time => (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS),
            Self::VirtioHeader => (libc::SOL_PACKET, libc::PACKET_VNET_HDR),
            Self::IgnoreOutgoing => (libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING),
            Self::BypassQueue => (libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS),
        }
    }
}

/// A new packet socket, which does not wait (O_NONBLOCK) and receives nothing before [`bind`].
///
/// # Errors
///
/// What the system says: EPERM without CAP_NET_RAW.
pub fn open() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: the call takes no pointers.
    let socket = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given this file descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}

/// Sets an option whose value is plain C data.
pub(crate) fn set_option<T: Copy>(
    socket: &impl AsFd,
    (level, name): (libc::c_int, libc::c_int),
    value: &T,
) -> io::Result<()> {
    // SAFETY: the pointer and length are those of `value`, which outlives the call and which the
    // kernel only reads.
    check(unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Tells a socket to do something.
///
/// # Errors
///
/// What the system says.
pub fn set(socket: &impl AsFd, flag: Flag) -> io::Result<()> {
    let on: libc::c_int = 1;
    set_option(socket, flag.level_and_name(), &on)
}

/// The index of an interface as the kernel wants it, which gave it as an `int`.
fn signed(index: u32) -> libc::c_int {
    index as libc::c_int
}

/// The index of an interface of the socket's network namespace, which need not be that of the
/// process.
///
/// # Errors
///
/// What the system says: ENODEV if there is no such interface.
pub fn index(socket: &impl AsFd, interface: &str) -> io::Result<u32> {
    // SAFETY: all zeros is a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let name = interface.bytes().take(libc::IFNAMSIZ - 1);
    for (to, from) in request.ifr_name.iter_mut().zip(name) {
        *to = from.cast_signed();
    }
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: SIOCGIFINDEX reads the name of the `ifreq` and writes its index; it outlives the call.
    check(unsafe { libc::ioctl(socket, libc::SIOCGIFINDEX, &raw mut request) })?;
    // SAFETY: a successful SIOCGIFINDEX has written this member of the union.
    let index = unsafe { request.ifr_ifru.ifru_ifindex };
    u32::try_from(index).map_err(io::Error::other)
}

/// Has the interface take in frames for any MAC address as long as the socket is open.
///
/// # Errors
///
/// What the system says.
pub fn promiscuous(socket: &impl AsFd, index: u32) -> io::Result<()> {
    let membership = libc::packet_mreq {
        mr_ifindex: signed(index),
        mr_type: libc::PACKET_MR_PROMISC as libc::c_ushort,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    let name = (libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP);
    set_option(socket, name, &membership)
}

/// Binds a socket to an interface. From now on it receives all frames of the interface, or if it only
/// `sends` none.
///
/// # Errors
///
/// What the system says.
pub fn bind(socket: &impl AsFd, index: u32, sends: bool) -> io::Result<()> {
    let protocol = if sends { 0 } else { libc::ETH_P_ALL as u16 };
    // SAFETY: all zeros is a valid `sockaddr_ll`.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as libc::c_ushort;
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = signed(index);
    // SAFETY: the pointer and length are those of `address`, which outlives the call.
    check(unsafe {
        libc::bind(
            socket.as_fd().as_raw_fd(),
            std::ptr::from_ref(&address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    })
}

/// What a socket has seen since it was asked last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Frames that came, those that were dropped included.
    pub frames: u32,
    /// Frames for which there was no room.
    pub drops: u32,
}

/// Reads the kernel's counters, which begin anew with it.
///
/// # Errors
///
/// What the system says.
pub fn statistics(socket: &impl AsFd) -> io::Result<Statistics> {
    let mut statistics = libc::tpacket_stats {
        tp_packets: 0,
        tp_drops: 0,
    };
    let mut length = size_of::<libc::tpacket_stats>() as libc::socklen_t;
    // SAFETY: the pointers are to `statistics`, of that length, and to `length`; both outlive the
    // call.
    check(unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            std::ptr::from_mut(&mut statistics).cast(),
            &raw mut length,
        )
    })?;
    Ok(Statistics {
        frames: statistics.tp_packets,
        drops: statistics.tp_drops,
    })
}
