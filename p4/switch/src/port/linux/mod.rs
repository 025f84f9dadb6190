//! Ports over Linux network interfaces, with packet sockets (packet(7)).
//!
//! One thread or several receive from the interfaces; each interface belongs to one of them, so
//! that its packets stay in their order. The thread also watches its interfaces: one that goes down
//! or disappears makes its port go down, and when it is back the port is opened again.

mod driver;
mod flags;
mod offload;
mod receive;
mod segment;
mod socket;

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use arc_swap::ArcSwapOption;

use super::{Capture, Link, Port};
use crate::control::{ControlError, PortNumber};
use crate::switch::Switch;
use driver::{Command, Driver, Interfaces, Managed};
use socket::PacketSocket;

/// Why a port cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// There is no such interface in the network namespace of the process.
    #[error("there is no network interface `{0}` (`ip link` lists them)")]
    NoInterface(String),
    /// Packet sockets need a privilege.
    #[error(
        "`{0}` cannot be opened: packet sockets need root or the capability CAP_NET_RAW \
         (`setcap cap_net_raw+ep p4-switch`, or a user namespace: `unshare -rn`)"
    )]
    NotPermitted(String),
    /// The capture files cannot be made.
    #[error(
        "the capture files of {interface} cannot be made in {}: {source}",
        directory.display()
    )]
    Capture {
        /// The interface.
        interface: String,
        /// The directory that they are for.
        directory: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The switch does not take the port.
    #[error(transparent)]
    Switch(#[from] ControlError),
    /// The system refuses something else.
    #[error("{what}: {source}")]
    System {
        /// What was asked of the system.
        what: String,
        /// What it says.
        source: io::Error,
    },
}

/// Ports over network interfaces. They are served until this is dropped.
#[derive(Debug)]
pub struct LinuxPorts {
    switch: Switch,
    threads: Vec<Thread>,
    /// How many ports were opened: the threads get them in turn.
    opened: AtomicUsize,
}

/// A thread that serves ports.
#[derive(Debug)]
struct Thread {
    commands: mpsc::Sender<Command>,
    /// A byte here wakes it up.
    wake: UnixStream,
    handle: Option<JoinHandle<()>>,
}

/// The sending half of a port over an interface.
#[derive(Debug)]
struct LinuxPort {
    name: String,
    /// `None` while the interface is not there.
    socket: ArcSwapOption<PacketSocket>,
    /// Packets that the kernel dropped at this socket and those before it, as far as was asked.
    overruns: AtomicU64,
}

impl LinuxPort {
    /// From now on the port sends by this.
    fn replace_socket(&self, socket: Option<Arc<PacketSocket>>) {
        if let Some(old) = self.socket.swap(socket) {
            self.count_overruns(&old);
        }
    }

    fn count_overruns(&self, socket: &PacketSocket) {
        self.overruns
            .fetch_add(socket.new_overruns(), Ordering::Relaxed);
    }
}

impl Port for LinuxPort {
    fn name(&self) -> &str {
        &self.name
    }

    fn send(&self, packets: &[&[u8]], done: &mut dyn FnMut(&[u8], io::Result<()>)) {
        match &*self.socket.load() {
            Some(socket) => socket.send(packets, done),
            None => {
                for packet in packets {
                    done(packet, Err(io::Error::from_raw_os_error(libc::ENODEV)));
                }
            }
        }
    }

    fn index(&self) -> Option<u32> {
        self.socket.load().as_ref().map(|socket| socket.index)
    }

    fn set_enabled(&self, enabled: bool) -> io::Result<Link> {
        flags::set_up(&self.name, enabled)?;
        match Interfaces::now()?.find(&self.name) {
            Some(interface) => Ok(interface.link),
            None => Err(io::Error::from_raw_os_error(libc::ENODEV)),
        }
    }

    fn receive_overruns(&self) -> u64 {
        if let Some(socket) = &*self.socket.load() {
            self.count_overruns(socket);
        }
        self.overruns.load(Ordering::Relaxed)
    }
}

fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> PortError {
    let what = what.into();
    move |source| PortError::System { what, source }
}

impl Thread {
    /// Starts thread `lane`.
    fn start(switch: Switch, lane: usize) -> Result<Self, PortError> {
        let (commands, receiver) = mpsc::channel();
        let (wake, woken) =
            UnixStream::pair().map_err(system("cannot make a socket to wake a thread with"))?;
        let driver = Driver::new(switch, lane, receiver, woken)
            .map_err(system("cannot watch the network interfaces"))?;
        let handle = std::thread::Builder::new()
            .name(format!("ports-{lane}"))
            .spawn(move || driver.run())
            .map_err(system("cannot start a thread of the ports"))?;
        Ok(Self {
            commands,
            wake,
            handle: Some(handle),
        })
    }

    fn command(&self, command: Command) {
        // Both fail only if the thread has ended, and then there is nobody to tell.
        let _ = self.commands.send(command);
        let _ = io::Write::write(&mut &self.wake, &[0]);
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.command(Command::Stop);
        if let Some(handle) = self.handle.take()
            && handle.join().is_err()
        {
            tracing::error!("a thread of the ports panicked");
        }
    }
}

impl LinuxPorts {
    /// Starts the threads that serve the ports, as many as the switch was made for.
    ///
    /// # Errors
    ///
    /// [`PortError::System`].
    pub fn new(switch: Switch) -> Result<Self, PortError> {
        let threads = (0..switch.threads())
            .map(|lane| Thread::start(switch.clone(), lane))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            switch,
            threads,
            opened: AtomicUsize::new(0),
        })
    }

    /// Opens an interface as a port, and perhaps captures what it receives and sends to files in
    /// a directory (see [`Capture::create`]).
    ///
    /// # Errors
    ///
    /// What keeps it from being opened, with what to do.
    pub fn open(
        &self,
        number: PortNumber,
        interface: &str,
        capture: Option<&Path>,
    ) -> Result<(), PortError> {
        let interfaces = Interfaces::now().map_err(system("cannot list the network interfaces"))?;
        let Some(found) = interfaces.find(interface) else {
            return Err(PortError::NoInterface(interface.to_owned()));
        };
        let (socket, ring) = PacketSocket::open(found.index).map_err(|source| {
            if source.raw_os_error() == Some(libc::EPERM) {
                PortError::NotPermitted(interface.to_owned())
            } else {
                system(format!("cannot open the interface `{interface}`"))(source)
            }
        })?;
        let capture = match capture {
            None => None,
            Some(directory) => {
                let capture = Capture::create(directory, interface);
                Some(capture.map_err(|source| PortError::Capture {
                    interface: interface.to_owned(),
                    directory: directory.to_owned(),
                    source,
                })?)
            }
        };
        let socket = Arc::new(socket);
        let port = Arc::new(LinuxPort {
            name: interface.to_owned(),
            socket: ArcSwapOption::new(Some(socket.clone())),
            overruns: AtomicU64::new(0),
        });
        let handle = self
            .switch
            .add_port(number, port.clone(), found.link, capture)?;
        tracing::info!(
            port = number,
            interface,
            state = ?found.link.state,
            "port opened"
        );
        let turn = self.opened.fetch_add(1, Ordering::Relaxed);
        self.threads[turn % self.threads.len()]
            .command(Command::Add(Managed::new(port, handle, socket, ring)));
        Ok(())
    }
}
