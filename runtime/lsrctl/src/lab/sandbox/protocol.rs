//! What the lab's front process and the first process of its PID namespace say to each other:
//! JSON messages over a sequenced-packet socket pair, with file descriptors beside them.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use ipnet::IpNet;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The largest message. A plan of some hundred links fits.
const MAX_MESSAGE: usize = 128 * 1024;
/// The most file descriptors beside one message.
const MAX_DESCRIPTORS: usize = 4;

/// The namespaces, links and addresses of a lab.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Plan {
    /// One network namespace each.
    pub nodes: Vec<NodePlan>,
    /// One pair of virtual Ethernet interfaces each.
    pub links: Vec<LinkPlan>,
}

/// A network namespace.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NodePlan {
    /// Its name, also that of its file in `/run/netns`.
    pub name: String,
    /// Whether its kernel forwards IP packets.
    pub forwarding: bool,
    /// Default routes: the gateways, one for each family at most.
    pub gateways: Vec<std::net::IpAddr>,
}

/// A pair of virtual Ethernet interfaces.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LinkPlan {
    /// The two ends.
    pub ends: [EndPlan; 2],
    /// The Ethernet MTU of both, in bytes.
    pub mtu: u16,
}

/// One end of a link.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EndPlan {
    /// The namespace.
    pub node: String,
    /// The interface's name in it.
    pub interface: String,
    /// Addresses of the kernel on it.
    pub addresses: Vec<IpNet>,
    /// VLANs of the kernel on it, each with its addresses.
    pub vlans: Vec<(u16, Vec<IpNet>)>,
    /// Whether it is a port of a switch: then the kernel's own IP stack keeps away from it.
    pub switch_port: bool,
}

/// What the front process asks for.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Make the namespaces and links.
    Build(Plan),
    /// Make a socket in a node's namespace and hand it over.
    Socket {
        /// The node.
        node: String,
        /// `AF_*`.
        domain: i32,
        /// `SOCK_*`.
        kind: i32,
        /// `IPPROTO_*`, or an EtherType in network byte order.
        protocol: i32,
    },
    /// Start a program in a node's namespace. Without a log file, the standard output and the
    /// standard error are two descriptors beside the message.
    Spawn {
        /// The node.
        node: String,
        /// The program and its arguments.
        arguments: Vec<String>,
        /// Variables added to the environment.
        environment: Vec<(String, String)>,
        /// Where its output goes, below `/run`.
        log: Option<PathBuf>,
    },
    /// How a program does that was started by `Spawn`.
    Status {
        /// Its process id.
        pid: i32,
    },
    /// Send it a signal.
    Signal {
        /// Its process id.
        pid: i32,
        /// The signal's number.
        signal: i32,
    },
    /// Take an interface up or down.
    SetLink {
        /// The node.
        node: String,
        /// The interface.
        interface: String,
        /// Up, or down.
        up: bool,
    },
    /// Keep running when the front process goes away.
    Detach,
}

/// The answer to a request, and what is said unasked at the start.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    /// From the supervisor: the first process of the lab, as the front process sees its number.
    Started {
        /// The process id outside of the lab's PID namespace.
        init: i32,
    },
    /// From the first process: it listens. Beside it, the lab's `/run` directory.
    Ready,
    /// Done.
    Done,
    /// A program was started.
    Spawned {
        /// Its process id in the lab's PID namespace.
        pid: i32,
    },
    /// How a program does.
    Status(ProcessStatus),
    /// It did not work.
    Failed(Failure),
}

/// A program in the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProcessStatus {
    /// It runs.
    Running,
    /// It ended with an exit code.
    Exited(i32),
    /// A signal ended it.
    Signalled(i32),
}

impl std::fmt::Display for ProcessStatus {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Running => write!(formatter, "running"),
            Self::Exited(code) => write!(formatter, "exit code {code}"),
            Self::Signalled(signal) => match nix::sys::signal::Signal::try_from(*signal) {
                Ok(signal) => write!(formatter, "killed by {signal}"),
                Err(_) => write!(formatter, "killed by signal {signal}"),
            },
        }
    }
}

/// What did not work on the lab's side.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    /// What was tried.
    pub action: String,
    /// The kernel's error number, when it was a system call.
    pub errno: Option<i32>,
    /// The error in words.
    pub detail: String,
}

impl Failure {
    pub(super) fn new(action: impl Into<String>, error: &io::Error) -> Self {
        Self {
            action: action.into(),
            errno: error.raw_os_error(),
            detail: error.to_string(),
        }
    }
}

/// Sends one message with file descriptors beside it.
pub(super) fn send(
    socket: BorrowedFd<'_>,
    message: &impl Serialize,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    if bytes.len() > MAX_MESSAGE {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the lab is too large",
        ));
    }
    let raw: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control = if raw.is_empty() { &[][..] } else { &rights[..] };
    let flags = MsgFlags::MSG_NOSIGNAL;
    sendmsg::<()>(
        socket.as_raw_fd(),
        &[IoSlice::new(&bytes)],
        control,
        flags,
        None,
    )?;
    Ok(())
}

/// Receives one message. An end of file is the error `UnexpectedEof`.
pub(super) fn receive<T: DeserializeOwned>(
    socket: BorrowedFd<'_>,
) -> io::Result<(T, Vec<OwnedFd>)> {
    let mut buffer = vec![0; MAX_MESSAGE];
    let mut space = nix::cmsg_space!([RawFd; MAX_DESCRIPTORS]);
    let (length, descriptors) = {
        let mut slices = [IoSliceMut::new(&mut buffer)];
        let received = loop {
            let flags = MsgFlags::MSG_CMSG_CLOEXEC;
            match recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut space), flags) {
                Err(nix::Error::EINTR) => {}
                other => break other?,
            }
        };
        let mut descriptors = Vec::new();
        for message in received.cmsgs()? {
            if let ControlMessageOwned::ScmRights(raw) = message {
                // SAFETY: the kernel has just installed these descriptors for this process, and
                // nothing else knows them.
                descriptors.extend(
                    raw.into_iter()
                        .map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }),
                );
            }
        }
        (received.bytes, descriptors)
    };
    if length == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((serde_json::from_slice(&buffer[..length])?, descriptors))
}

/// Sends an answer; an error means that the other side is gone, which the next read will say.
pub(super) fn answer(socket: &impl AsFd, reply: &Reply, descriptors: &[BorrowedFd<'_>]) {
    let _ = send(socket.as_fd(), reply, descriptors);
}
