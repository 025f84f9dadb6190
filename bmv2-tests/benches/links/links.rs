//! The veth pairs, and packet sockets at their far ends.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use packet_socket::Flag;

use crate::program::PORTS;

/// Packets that are sent with one call.
const BURST: usize = 32;
/// Bytes that wait for a receiver: more than a burst that is sent through the switch.
const RECEIVE_BUFFER: usize = 64 << 20;

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status();
    let status = status.expect("iproute2 is installed");
    assert!(status.success(), "ip {arguments}");
}

/// Makes `port1` and so on for the switch, and `end1` and so on at their other ends.
pub(crate) fn make() {
    ip("link set lo up");
    for number in 1..=PORTS {
        ip(&format!(
            "link add port{number} type veth peer name end{number}"
        ));
        for name in ["port", "end"] {
            // The kernel would send neighbour and router solicitations through the switch.
            let path = format!("/proc/sys/net/ipv6/conf/{name}{number}/disable_ipv6");
            let _ = std::fs::write(path, "1");
            ip(&format!("link set {name}{number} arp off up"));
        }
    }
}

/// Packets that arrived at an interface of this namespace, from /proc/net/dev.
pub(crate) fn arrived(interface: &str) -> u64 {
    let all = std::fs::read_to_string("/proc/thread-self/net/dev").expect("proc is mounted");
    let line = all
        .lines()
        .find_map(|line| line.trim().strip_prefix(&format!("{interface}:")));
    let fields: Vec<&str> = line
        .expect("a link made above")
        .split_whitespace()
        .collect();
    fields[1].parse().expect("a number")
}

/// A packet socket.
pub(crate) struct End(OwnedFd);

impl End {
    /// For sending only, or for what arrives, too.
    pub(crate) fn open(interface: &str, receives: bool) -> io::Result<Self> {
        let socket = packet_socket::open()?;
        packet_socket::set(&socket, Flag::IgnoreOutgoing)?;
        packet_socket::set(&socket, Flag::Time)?;
        // It makes the sender faster, and nobody captures what is sent here.
        packet_socket::set(&socket, Flag::BypassQueue)?;
        setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER)?;
        let index = packet_socket::index(&socket, interface)?;
        packet_socket::bind(&socket, index, !receives)?;
        Ok(Self(socket))
    }

    /// Sends the packets that come next, with one call; how many went out.
    pub(crate) fn send(&self, packets: &mut Packets<'_>) -> usize {
        let mut count = 0;
        packet_socket::send(&self.0, packets.burst(), |_, result| {
            count += usize::from(result.is_ok());
        });
        packets.next = (packets.next + count) % packets.frames.len();
        count
    }

    /// Sends one packet.
    pub(crate) fn send_one(&self, packet: &[u8]) {
        packet_socket::send(&self.0, &[[IoSlice::new(packet)]], |_, _| {});
    }

    /// The length of the next packet, if one has come, and when it came by the clock of the kernel.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> Option<(usize, Duration)> {
        let received = packet_socket::receive(&self.0, &mut [IoSliceMut::new(buffer)]).ok()?;
        Some((received.length, received.time?))
    }
}

/// Packets that are sent again and again.
pub(crate) struct Packets<'a> {
    frames: Vec<[IoSlice<'a>; 1]>,
    next: usize,
}

impl<'a> Packets<'a> {
    pub(crate) fn new(frames: &'a [Vec<u8>]) -> Self {
        Self {
            frames: frames.iter().map(|frame| [IoSlice::new(frame)]).collect(),
            next: 0,
        }
    }

    fn burst(&self) -> &[[IoSlice<'a>; 1]] {
        let end = (self.next + BURST).min(self.frames.len());
        &self.frames[self.next..end]
    }
}
