//! The thread that receives packets and watches the interfaces.

use std::collections::HashMap;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc;

use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv,
};

use packet_socket::Ring;

use super::LinuxPort;
use super::receive::{Received, examine};
use super::socket::PacketSocket;
use crate::control::PortState;
use crate::port::{Link, PortHandle, ReceiveError};
use crate::switch::Switch;

/// The interfaces are looked at at least this often, in milliseconds, should news of them be lost.
const LOOK: u16 = 2_000;

/// Packets that are received from one port before the next port has its turn.
const BURST: usize = 256;

/// A port without interface.
const GONE: Link = Link {
    enabled: false,
    state: PortState::Down,
};

/// What the thread is told.
pub(super) enum Command {
    Add(Managed),
    Stop,
}

/// A port that the thread serves.
pub(super) struct Managed {
    port: Arc<LinuxPort>,
    handle: PortHandle,
    /// What packets come in by, while the interface is there.
    open: Option<(Arc<PacketSocket>, Ring)>,
}

/// The network interfaces.
pub(super) struct Interfaces(HashMap<String, Interface>);

/// A network interface.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interface {
    pub(super) index: u32,
    pub(super) link: Link,
}

impl Interfaces {
    /// As they are now in the network namespace of the process.
    pub(super) fn now() -> io::Result<Self> {
        let mut interfaces = HashMap::new();
        for address in nix::ifaddrs::getifaddrs()? {
            if interfaces.contains_key(&address.interface_name) {
                continue;
            }
            // One that has just disappeared has no index any more.
            let Ok(index) = if_nametoindex(address.interface_name.as_str()) else {
                continue;
            };
            let enabled = address.flags.contains(InterfaceFlags::IFF_UP);
            let running = enabled && address.flags.contains(InterfaceFlags::IFF_RUNNING);
            let state = if running {
                PortState::Up
            } else {
                PortState::Down
            };
            let link = Link { enabled, state };
            interfaces.insert(address.interface_name, Interface { index, link });
        }
        Ok(Self(interfaces))
    }

    pub(super) fn find(&self, name: &str) -> Option<Interface> {
        self.0.get(name).copied()
    }
}

/// The state of the thread.
pub(super) struct Driver {
    switch: Switch,
    /// Which of the threads it is.
    lane: usize,
    ports: Vec<Managed>,
    commands: mpsc::Receiver<Command>,
    woken: UnixStream,
    /// Tells when a link changes (rtnetlink(7)).
    links: OwnedFd,
}

impl Driver {
    pub(super) fn new(
        switch: Switch,
        lane: usize,
        commands: mpsc::Receiver<Command>,
        woken: UnixStream,
    ) -> io::Result<Self> {
        woken.set_nonblocking(true)?;
        let links = nix::sys::socket::socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkRoute,
        )?;
        bind(
            links.as_raw_fd(),
            &NetlinkAddr::new(0, libc::RTMGRP_LINK as u32),
        )?;
        Ok(Self {
            switch,
            lane,
            ports: Vec::new(),
            commands,
            woken,
            links,
        })
    }

    /// Serves the ports until it is told to stop.
    pub(super) fn run(mut self) {
        loop {
            let Some(ready) = self.wait() else {
                continue;
            };
            if ready.commands && !self.obey() {
                return;
            }
            let mut look = ready.links;
            for index in ready.ports {
                look |= self.ports[index].receive(&self.switch, self.lane);
            }
            if look {
                self.look_at_links();
            }
        }
    }

    /// Waits for something to do. `None` if a signal came.
    fn wait(&self) -> Option<Ready> {
        let mut files = vec![
            PollFd::new(self.woken.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.links.as_fd(), PollFlags::POLLIN),
        ];
        let mut owners = Vec::new();
        for (index, managed) in self.ports.iter().enumerate() {
            if let Some((socket, _)) = &managed.open {
                files.push(PollFd::new(socket.as_fd(), PollFlags::POLLIN));
                owners.push(index);
            }
        }
        let count = match poll(&mut files, PollTimeout::from(LOOK)) {
            Ok(count) => count,
            Err(nix::errno::Errno::EINTR) => return None,
            Err(error) => {
                // There is nothing that could make it better; but it must not spin.
                tracing::error!("waiting for packets: {error}");
                std::thread::sleep(std::time::Duration::from_secs(1));
                return None;
            }
        };
        let any = |file: &PollFd<'_>| file.any().unwrap_or(true);
        Some(Ready {
            commands: any(&files[0]),
            links: count == 0 || any(&files[1]),
            ports: files[2..]
                .iter()
                .zip(owners)
                .filter(|(file, _)| any(file))
                .map(|(_, owner)| owner)
                .collect(),
        })
    }

    /// Does what it is told; whether to go on.
    fn obey(&mut self) -> bool {
        let mut bytes = [0; 64];
        // What the bytes are does not matter, nor whether there are more.
        let _ = self.woken.read(&mut bytes);
        loop {
            match self.commands.try_recv() {
                Ok(Command::Add(managed)) => self.ports.push(managed),
                Ok(Command::Stop) | Err(mpsc::TryRecvError::Disconnected) => return false,
                Err(mpsc::TryRecvError::Empty) => return true,
            }
        }
    }

    /// Finds out what has become of the interfaces.
    fn look_at_links(&mut self) {
        // The news themselves do not matter: all is looked at again.
        let mut news = [0; 8192];
        while recv(self.links.as_raw_fd(), &mut news, MsgFlags::empty()).is_ok() {}
        let interfaces = match Interfaces::now() {
            Ok(interfaces) => interfaces,
            Err(error) => {
                tracing::error!("cannot list the network interfaces: {error}");
                return;
            }
        };
        for managed in &mut self.ports {
            managed.update(interfaces.find(&managed.port.name));
        }
    }
}

struct Ready {
    commands: bool,
    links: bool,
    ports: Vec<usize>,
}

impl Managed {
    pub(super) fn new(
        port: Arc<LinuxPort>,
        handle: PortHandle,
        socket: Arc<PacketSocket>,
        ring: Ring,
    ) -> Self {
        Self {
            port,
            handle,
            open: Some((socket, ring)),
        }
    }

    /// From now on the port receives and sends by this.
    fn replace(&mut self, open: Option<(PacketSocket, Ring)>) {
        self.open = open.map(|(socket, ring)| (Arc::new(socket), ring));
        let socket = self.open.as_ref().map(|(socket, _)| socket.clone());
        self.port.replace_socket(socket);
    }

    fn update(&mut self, interface: Option<Interface>) {
        let (name, number) = (self.port.name.clone(), self.handle.number());
        let Some(interface) = interface else {
            if self.open.is_some() {
                tracing::warn!("port {number}: interface {name} is gone");
                self.replace(None);
            }
            self.set_link(GONE);
            return;
        };
        let open = self.open.as_ref();
        if open.is_none_or(|(socket, _)| socket.index != interface.index) {
            match PacketSocket::open(interface.index) {
                Ok(open) => {
                    tracing::info!("port {number}: interface {name} is back");
                    self.replace(Some(open));
                }
                Err(error) => {
                    tracing::error!("port {number}: interface {name} cannot be opened: {error}");
                    self.replace(None);
                    self.set_link(GONE);
                    return;
                }
            }
        }
        self.set_link(interface.link);
    }

    fn set_link(&self, link: Link) {
        if self.handle.entry.state() != link.state {
            let (name, number) = (&self.port.name, self.handle.number());
            tracing::info!("port {number} ({name}) is {:?}", link.state);
        }
        self.handle.set_state(link);
    }

    /// Receives what is there, up to a limit; whether the link may have changed.
    fn receive(&mut self, switch: &Switch, lane: usize) -> bool {
        let Some((socket, ring)) = &mut self.open else {
            return false;
        };
        let mut batch = None;
        let handle = &self.handle;
        let mut process = |packet: &[u8]| {
            let batch = batch.get_or_insert_with(|| switch.batch(lane));
            batch.receive(&handle.entry, packet);
        };
        let count = ring.receive(&**socket, BURST, |frame| match examine(frame) {
            Received::Packet(packet) => process(packet),
            Received::Segments(packets) => packets.iter().for_each(|packet| process(packet)),
            Received::Outgoing => {}
            Received::Oversized => handle.receive_failed(ReceiveError::Oversized),
            Received::Broken => handle.receive_failed(ReceiveError::Other),
        });
        // What else can have woken the thread is an error: ENETDOWN when the link goes down.
        count == 0 && socket.take_error().is_err()
    }
}
