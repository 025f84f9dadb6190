//! A packet socket on one interface.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::sys::socket::{getsockopt, setsockopt, sockopt};
use packet_socket::{Flag, Ring, VIRTIO_HEADER};
use smallvec::SmallVec;

/// Frames that wait for the switch at a port before the kernel drops.
const SLOTS: usize = 4096;
/// Bytes of frames longer than a slot of the ring that may wait.
const LONG_FRAMES: usize = 4 << 20;

/// A packet socket (packet(7)) bound to an interface.
#[derive(Debug)]
pub(super) struct PacketSocket {
    socket: OwnedFd,
    /// Index of the interface.
    pub(super) index: u32,
}

impl PacketSocket {
    /// Opens a socket for all packets of an interface, with the ring that they come in.
    pub(super) fn open(index: u32) -> io::Result<(Self, Ring)> {
        let socket = packet_socket::open()?;
        let ring = Ring::new(&socket, SLOTS)?;
        // Without it, before Linux 4.20, outgoing packets are told by their type. No
        // `BypassQueue`: captures of the interface would not see what the switch sends.
        let _ = packet_socket::set(&socket, Flag::IgnoreOutgoing);
        if setsockopt(&socket, sockopt::RcvBufForce, &LONG_FRAMES).is_err() {
            setsockopt(&socket, sockopt::RcvBuf, &LONG_FRAMES)?;
        }
        packet_socket::promiscuous(&socket, index)?;
        packet_socket::bind(&socket, index, false)?;
        Ok((Self { socket, index }, ring))
    }

    /// Sends packets, whose checksums are complete, in their order, and tells what came of each.
    pub(super) fn send(&self, packets: &[&[u8]], done: &mut dyn FnMut(&[u8], io::Result<()>)) {
        let header = [0; VIRTIO_HEADER];
        let frames: SmallVec<[[IoSlice<'_>; 2]; packet_socket::BURST]> = packets
            .iter()
            .map(|packet| [IoSlice::new(&header), IoSlice::new(packet)])
            .collect();
        packet_socket::send(&self.socket, &frames, |place, result| {
            done(packets[place], result);
        });
    }

    /// The error that the kernel has kept for the socket, such as that the interface went down.
    pub(super) fn take_error(&self) -> io::Result<()> {
        match getsockopt(&self.socket, sockopt::SocketError)? {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    /// Packets that the kernel dropped since this was asked last.
    pub(super) fn new_overruns(&self) -> u64 {
        let statistics = packet_socket::statistics(&self.socket);
        statistics.map_or(0, |statistics| statistics.drops.into())
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
