//! Capture of frames on the lab's links with packet sockets (packet(7)).

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::task::JoinHandle;

use super::error::LabError;
use super::sandbox::Sandbox;
use super::socket::AsyncSocket;

/// The largest frame that is kept whole.
const SNAP_LENGTH: usize = 65_535;
/// Octets of the two MAC addresses of a frame, behind which its tag stands.
const MAC_ADDRESSES: usize = 12;
/// EtherType of an 802.1Q tag.
const VLAN: u16 = 0x8100;
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
        for (level, option) in [
            (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS),
            (libc::SOL_PACKET, libc::PACKET_AUXDATA),
        ] {
            let on: libc::c_int = 1;
            // SAFETY: both options take an int, which lives until the call returns.
            let result = unsafe {
                libc::setsockopt(
                    socket.as_raw_fd(),
                    level,
                    option,
                    (&raw const on).cast(),
                    size_of::<libc::c_int>() as libc::socklen_t,
                )
            };
            check(result)?;
        }
        let index = interface_index(socket.socket(), interface)?;
        // SAFETY: sockaddr_ll is a plain C structure for which all zeros is a valid value.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        address.sll_ifindex = index;
        // SAFETY: the address is a sockaddr_ll of that size and lives until the call returns.
        let result = unsafe {
            libc::bind(
                socket.as_raw_fd(),
                (&raw const address).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            )
        };
        check(result)?;
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

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn interface_index(socket: &socket2::Socket, interface: &str) -> io::Result<i32> {
    // SAFETY: ifreq is a plain C structure for which all zeros is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let name = interface.bytes().take(libc::IFNAMSIZ - 1);
    for (to, from) in request.ifr_name.iter_mut().zip(name) {
        *to = from.cast_signed();
    }
    // SAFETY: SIOCGIFINDEX reads the name of the ifreq and writes its index; it lives until the
    // call returns.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFINDEX, &raw mut request) })?;
    // SAFETY: a successful SIOCGIFINDEX has filled in this member of the union.
    Ok(unsafe { request.ifr_ifru.ifru_ifindex })
}

fn receive(socket: &socket2::Socket) -> io::Result<Captured> {
    let mut octets = vec![0_u8; SNAP_LENGTH];
    // Aligned for cmsghdr, and long enough for one timestamp and the auxiliary data.
    let mut control = [0_u64; 16];
    // SAFETY: both are plain C structures for which all zeros is a valid value.
    let (mut address, mut message): (libc::sockaddr_ll, libc::msghdr) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    let mut slice = libc::iovec {
        iov_base: octets.as_mut_ptr().cast(),
        iov_len: octets.len(),
    };
    message.msg_name = (&raw mut address).cast();
    message.msg_namelen = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    message.msg_iov = &raw mut slice;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    // SAFETY: the message points at buffers of the stated lengths which live until the call returns.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    octets.truncate(length);
    let Control { time, tag } = control_of(&message);
    let time = time.unwrap_or_else(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
    });
    if let Some(tag) = tag
        && octets.len() >= MAC_ADDRESSES
    {
        // The kernel keeps the tag of a frame beside it; on the wire it is in it.
        octets.splice(MAC_ADDRESSES..MAC_ADDRESSES, tag);
    }
    let sent = address.sll_pkttype == libc::PACKET_OUTGOING;
    Ok(Captured { time, sent, octets })
}

/// What the kernel says of a frame beside its octets.
#[derive(Default)]
struct Control {
    time: Option<Duration>,
    /// The VLAN tag that was taken out of the frame.
    tag: Option<[u8; 4]>,
}

fn control_of(message: &libc::msghdr) -> Control {
    let mut control = Control::default();
    // SAFETY: the kernel has filled in the control buffer of this message, which is still alive.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !header.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give null or a header inside of the buffer.
        let (level, kind) = unsafe { ((*header).cmsg_level, (*header).cmsg_type) };
        match (level, kind) {
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                // SAFETY: the data of SCM_TIMESTAMPNS is a timespec; it need not be aligned.
                let time = unsafe {
                    libc::CMSG_DATA(header)
                        .cast::<libc::timespec>()
                        .read_unaligned()
                };
                let seconds = u64::try_from(time.tv_sec).ok();
                let nanoseconds = u32::try_from(time.tv_nsec).ok();
                control.time = seconds.zip(nanoseconds).map(|(s, n)| Duration::new(s, n));
            }
            (libc::SOL_PACKET, libc::PACKET_AUXDATA) => {
                // SAFETY: the data of PACKET_AUXDATA is a tpacket_auxdata; it need not be aligned.
                let data = unsafe {
                    libc::CMSG_DATA(header)
                        .cast::<libc::tpacket_auxdata>()
                        .read_unaligned()
                };
                if data.tp_status & libc::TP_STATUS_VLAN_VALID != 0 {
                    let known = data.tp_status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
                    let protocol = if known { data.tp_vlan_tpid } else { VLAN };
                    let [a, b] = protocol.to_be_bytes();
                    let [c, d] = data.tp_vlan_tci.to_be_bytes();
                    control.tag = Some([a, b, c, d]);
                }
            }
            _ => {}
        }
        // SAFETY: as above.
        header = unsafe { libc::CMSG_NXTHDR(message, header) };
    }
    control
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
