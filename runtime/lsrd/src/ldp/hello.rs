//! The UDP sockets of discovery (RFC 5036, 3.10.1: port 646): one for IPv4, one for IPv6, with the
//! groups of all routers joined on each TAP that runs LDP.

use std::collections::BTreeSet;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::AsRawFd;
use std::sync::{Mutex, PoisonError};

use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg,
};
use socket2::{Domain, InterfaceIndexOrAddress, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::options;

/// LDP's port, of UDP and TCP.
pub const PORT: u16 = 646;
/// All routers on this subnet (RFC 5036, 2.4.1).
pub const ALL_ROUTERS_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 2);
/// All routers of the link (RFC 7552, 5.1).
pub const ALL_ROUTERS_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// Class selector 6, for control traffic of routers (RFC 4594, 3.1): its DSCP in the octet.
pub const CONTROL_TRAFFIC: u32 = 48 << 2;
/// No PDU is longer in UDP: an IP packet has 65535 octets.
const LARGEST_DATAGRAM: usize = 65535;

/// A datagram with where it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// The kernel's index of the interface.
    pub interface: u32,
    /// The sender.
    pub source: IpAddr,
    /// To which address it came.
    pub destination: IpAddr,
    /// Its TTL or hop limit.
    pub hop_limit: u8,
    /// Its octets.
    pub octets: Vec<u8>,
}

/// The socket of one address family.
#[derive(Debug)]
pub struct HelloSocket {
    socket: UdpSocket,
    ipv6: bool,
    joined: BTreeSet<u32>,
    /// Room for the largest datagram, in use only while one is taken from the kernel.
    buffer: Mutex<Box<[u8]>>,
}

impl HelloSocket {
    /// Opens it; no group is joined yet.
    ///
    /// # Errors
    /// The port is in use, or the kernel has no such family.
    pub fn open(ipv6: bool) -> io::Result<Self> {
        let (domain, any): (_, IpAddr) = match ipv6 {
            false => (Domain::IPV4, Ipv4Addr::UNSPECIFIED.into()),
            true => (Domain::IPV6, Ipv6Addr::UNSPECIFIED.into()),
        };
        let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        match ipv6 {
            false => {
                options::receive_packet_info(&socket)?;
                options::receive_ttl(&socket)?;
                socket.set_multicast_loop_v4(false)?;
                socket.set_tos_v4(CONTROL_TRAFFIC)?;
            }
            true => {
                socket.set_only_v6(true)?;
                options::receive_packet_info_v6(&socket)?;
                socket.set_multicast_loop_v6(false)?;
                socket.set_tclass_v6(CONTROL_TRAFFIC)?;
            }
        }
        socket.bind(&SocketAddr::new(any, PORT).into())?;
        Ok(Self {
            socket: UdpSocket::from_std(socket.into())?,
            ipv6,
            joined: BTreeSet::new(),
            buffer: Mutex::new(vec![0; LARGEST_DATAGRAM].into_boxed_slice()),
        })
    }

    /// Joins the group on these interfaces and leaves it on all others. What the kernel refuses is
    /// given back, and tried again by the next call.
    pub fn join_only(&mut self, interfaces: &BTreeSet<u32>) -> Vec<(u32, io::Error)> {
        let mut refused = Vec::new();
        let socket = socket2::SockRef::from(&self.socket);
        for index in self.joined.difference(interfaces) {
            let left = match self.ipv6 {
                false => socket
                    .leave_multicast_v4_n(&ALL_ROUTERS_V4, &InterfaceIndexOrAddress::Index(*index)),
                true => socket.leave_multicast_v6(&ALL_ROUTERS_V6, *index),
            };
            // An interface that is gone has no groups any more.
            drop(left);
        }
        self.joined.retain(|index| interfaces.contains(index));
        for index in interfaces {
            if self.joined.contains(index) {
                continue;
            }
            let joined = match self.ipv6 {
                false => socket
                    .join_multicast_v4_n(&ALL_ROUTERS_V4, &InterfaceIndexOrAddress::Index(*index)),
                true => socket.join_multicast_v6(&ALL_ROUTERS_V6, *index),
            };
            match joined {
                Ok(()) => {
                    self.joined.insert(*index);
                }
                Err(error) => refused.push((*index, error)),
            }
        }
        refused
    }

    /// Waits for a datagram.
    ///
    /// # Errors
    /// What the kernel says.
    pub async fn receive(&self) -> io::Result<Datagram> {
        loop {
            let received = self
                .socket
                .async_io(Interest::READABLE, || self.try_receive())
                .await?;
            if let Some(datagram) = received {
                return Ok(datagram);
            }
        }
    }

    /// `None`: the kernel did not tell where the datagram came in.
    fn try_receive(&self) -> io::Result<Option<Datagram>> {
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut control = nix::cmsg_space!(libc::in6_pktinfo, libc::in_pktinfo, libc::c_int);
        let mut parts = [IoSliceMut::new(&mut buffer)];
        let message = recvmsg::<SockaddrStorage>(
            self.socket.as_raw_fd(),
            &mut parts,
            Some(&mut control),
            MsgFlags::empty(),
        )?;
        let source = message.address.as_ref().and_then(|address| {
            let v4 = address.as_sockaddr_in().map(|address| address.ip().into());
            v4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().into()))
        });
        let (mut place, mut hop_limit) = (None, None);
        for part in message.cmsgs()? {
            match part {
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    let destination = Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr));
                    let index = u32::try_from(info.ipi_ifindex).ok();
                    place = index.map(|index| (index, IpAddr::from(destination)));
                }
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    let destination = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                    place = Some((info.ipi6_ifindex, IpAddr::from(destination)));
                }
                ControlMessageOwned::Ipv4Ttl(ttl) => hop_limit = u8::try_from(ttl).ok(),
                ControlMessageOwned::Ipv6HopLimit(limit) => hop_limit = u8::try_from(limit).ok(),
                _ => {}
            }
        }
        let (Some(source), Some((interface, destination)), Some(hop_limit)) =
            (source, place, hop_limit)
        else {
            return Ok(None);
        };
        let length = message.bytes;
        Ok(Some(Datagram {
            interface,
            source,
            destination,
            hop_limit,
            octets: buffer.get(..length).unwrap_or_default().to_vec(),
        }))
    }

    /// Sends a datagram to LDP's port. With an interface it leaves there.
    ///
    /// # Errors
    /// What the kernel says: no route, the interface is down. A full buffer drops the datagram: the
    /// next Hello comes soon.
    pub fn send(
        &self,
        interface: Option<u32>,
        source: Option<IpAddr>,
        destination: IpAddr,
        hop_limit: u8,
        octets: &[u8],
    ) -> io::Result<()> {
        let index = interface.unwrap_or(0);
        let ttl = libc::c_int::from(hop_limit);
        let parts = [IoSlice::new(octets)];
        let send = |control: &[ControlMessage<'_>], to: SocketAddr| {
            let to = SockaddrStorage::from(to);
            sendmsg(
                self.socket.as_raw_fd(),
                &parts,
                control,
                MsgFlags::MSG_DONTWAIT,
                Some(&to),
            )
        };
        match destination {
            IpAddr::V4(destination) => {
                let source = match source {
                    Some(IpAddr::V4(source)) => source,
                    _ => Ipv4Addr::UNSPECIFIED,
                };
                let info = libc::in_pktinfo {
                    ipi_ifindex: libc::c_int::try_from(index).map_err(io::Error::other)?,
                    ipi_spec_dst: libc::in_addr {
                        s_addr: u32::from(source).to_be(),
                    },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                };
                let control = [
                    ControlMessage::Ipv4PacketInfo(&info),
                    ControlMessage::Ipv4Ttl(&ttl),
                ];
                send(&control, (destination, PORT).into())?;
            }
            IpAddr::V6(destination) => {
                let source = match source {
                    Some(IpAddr::V6(source)) => source,
                    _ => Ipv6Addr::UNSPECIFIED,
                };
                let info = libc::in6_pktinfo {
                    ipi6_addr: libc::in6_addr {
                        s6_addr: source.octets(),
                    },
                    ipi6_ifindex: index,
                };
                let control = [
                    ControlMessage::Ipv6PacketInfo(&info),
                    ControlMessage::Ipv6HopLimit(&ttl),
                ];
                send(
                    &control,
                    SocketAddrV6::new(destination, PORT, 0, index).into(),
                )?;
            }
        }
        Ok(())
    }
}
