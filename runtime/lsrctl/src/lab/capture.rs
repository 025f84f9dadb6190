//! Capture of frames on the lab's links with packet sockets (packet(7)).

use std::io::{self, IoSliceMut};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use packet_socket::Flag;
use tokio::task::JoinHandle;

use super::error::LabError;
use super::sandbox::Sandbox;
use super::socket::AsyncSocket;

/// The largest frame that is kept whole.
const SNAP_LENGTH: usize = 65_535;
/// Room in the kernel for frames that were not read yet, in octets: bursts must not get lost.
const RECEIVE_BUFFER: usize = 8 << 20;

/// A frame with its time and direction.
#[derive(Debug, Clone)]
pub struct Captured {
    /// Since the epoch, by the kernel's clock.
    pub time: Duration,
    /// Whether the node of the interface sent it, or received it.
    pub sent: bool,
    /// The octets from the destination MAC address on.
    pub octets: Vec<u8>,
}

/// A packet socket on one interface.
#[derive(Debug)]
pub struct PacketSocket {
    socket: AsyncSocket,
}

impl PacketSocket {
    /// Opens a packet socket on an interface of a node of the lab.
    pub fn open(sandbox: &Sandbox, node: &str, interface: &str) -> Result<Self, LabError> {
        let socket = sandbox.socket(node, libc::AF_PACKET, libc::SOCK_RAW, 0)?;
        Self::bind(socket, interface).map_err(LabError::io(format!(
            "opening a packet socket on {node}:{interface}"
        )))
    }

    /// Binds a new packet socket to an interface of its own network namespace.
    pub(crate) fn bind(socket: OwnedFd, interface: &str) -> io::Result<Self> {
        let socket = AsyncSocket::new(socket)?;
        // A smaller buffer than asked for is not worth failing for.
        let _ = socket.socket().set_recv_buffer_size(RECEIVE_BUFFER);
        packet_socket::set(socket.socket(), Flag::Time)?;
        packet_socket::set(socket.socket(), Flag::Auxiliary)?;
        let index = packet_socket::index(socket.socket(), interface)?;
        packet_socket::bind(socket.socket(), index, false)?;
        Ok(Self { socket })
    }

    /// Waits for the next frame.
    pub async fn receive(&self) -> io::Result<Captured> {
        self.socket.read(receive).await
    }

    /// Sends a frame, from the destination MAC address on.
    pub async fn send(&self, octets: &[u8]) -> io::Result<()> {
        self.socket
            .write(|socket| socket.send(octets))
            .await
            .map(drop)
    }
}

fn receive(socket: &socket2::Socket) -> io::Result<Captured> {
    let mut octets = vec![0_u8; SNAP_LENGTH];
    let received = packet_socket::receive(socket, &mut [IoSliceMut::new(&mut octets)])?;
    octets.truncate(received.length);
    let time = received.time.unwrap_or_else(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
    });
    if let Some(tag) = received.tag {
        // On the wire it is in the frame.
        tag.insert(&mut octets);
    }
    Ok(Captured {
        time,
        sent: received.outgoing,
        octets,
    })
}

/// A running capture on one interface.
#[derive(Debug)]
pub struct Capture {
    frames: Arc<Mutex<Vec<Captured>>>,
    task: JoinHandle<()>,
}

impl Capture {
    /// Starts to capture. Needs a tokio runtime around it.
    pub fn start(sandbox: &Sandbox, node: &str, interface: &str) -> Result<Self, LabError> {
        let socket = PacketSocket::open(sandbox, node, interface)?;
        let frames = Arc::new(Mutex::new(Vec::new()));
        let store = Arc::clone(&frames);
        let task = tokio::spawn(async move {
            // An interface that goes down makes the next read fail once; the ones after it work.
            let mut failures = 0;
            while failures < 100 {
                match socket.receive().await {
                    Ok(frame) => {
                        failures = 0;
                        store
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(frame);
                    }
                    Err(_) => failures += 1,
                }
            }
        });
        Ok(Self { frames, task })
    }

    /// What was captured so far.
    pub fn frames(&self) -> Vec<Captured> {
        self.frames
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Forgets what was captured so far.
    pub fn clear(&self) {
        self.frames
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.task.abort();
    }
}
