//! The real simple_switch_grpc in a network namespace of its own, with a veth pair for each port.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use p4runtime_client::Address;

use super::{Device, PORTS};

/// How long nothing may come before the answer to a frame counts as whole.
const QUIET: Duration = Duration::from_millis(60);

/// A running simple_switch_grpc. Dropping it ends the process; the namespace goes with the thread.
pub(crate) struct Bmv2 {
    process: Child,
    /// The far ends of the ports' veth pairs, port 1 first.
    ends: Vec<OwnedFd>,
}

fn run(program: &str, arguments: &str) {
    let status = Command::new(program)
        .args(arguments.split_whitespace())
        .status();
    let status = status.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(status.success(), "{program} {arguments}");
}

impl Bmv2 {
    /// Moves this thread to a new network namespace and starts simple_switch_grpc there.
    pub(crate) fn start() -> Self {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).expect("root, for a namespace");
        run("ip", "link set lo up");
        let mut arguments = vec!["--no-p4".to_owned(), "--device-id".into(), "1".into()];
        let mut ends = Vec::new();
        for port in 1..=PORTS {
            run(
                "ip",
                &format!("link add port{port} type veth peer name end{port}"),
            );
            for name in ["port", "end"] {
                let _ = std::fs::write(
                    format!("/proc/sys/net/ipv6/conf/{name}{port}/disable_ipv6"),
                    "1",
                );
                run("ip", &format!("link set {name}{port} arp off mtu 9000 up"));
            }
            arguments.extend(["-i".to_owned(), format!("{port}@port{port}")]);
            ends.push(open(&format!("end{port}")));
        }
        let target =
            "--log-file /dev/null -L off -- --grpc-server-addr 127.0.0.1:9559 --cpu-port 510";
        arguments.extend(target.split(' ').map(str::to_owned));
        let process = Command::new("simple_switch_grpc")
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("simple_switch_grpc on PATH");
        let bmv2 = Self { process, ends };
        let begin = Instant::now();
        while std::net::TcpStream::connect("127.0.0.1:9559").is_err() {
            assert!(
                begin.elapsed() < Duration::from_secs(20),
                "simple_switch_grpc does not listen"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        bmv2
    }
}

impl Drop for Bmv2 {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A packet socket on an interface that sees what arrives there, not what it sends.
fn open(interface: &str) -> OwnedFd {
    let index = nix::net::if_::if_nametoindex(interface).expect("an interface made above");
    let protocol = (libc::ETH_P_ALL as u16).to_be();
    // SAFETY: a plain system call; the result is checked.
    let socket = unsafe {
        libc::socket(
            libc::AF_PACKET,
            libc::SOCK_RAW | libc::SOCK_NONBLOCK,
            i32::from(protocol),
        )
    };
    assert!(
        socket >= 0,
        "a packet socket: {}",
        std::io::Error::last_os_error()
    );
    // SAFETY: the descriptor was just made and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    // SAFETY: all-zero bytes are a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = protocol;
    address.sll_ifindex = index as i32;
    let one = 1i32;
    // SAFETY: the pointers are to values of the sizes given, which outlive the calls.
    let failed = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_ll>() as u32,
        ) < 0
            || [libc::PACKET_IGNORE_OUTGOING, libc::PACKET_AUXDATA]
                .iter()
                .any(|&option| {
                    libc::setsockopt(
                        socket.as_raw_fd(),
                        libc::SOL_PACKET,
                        option,
                        (&raw const one).cast(),
                        size_of::<i32>() as u32,
                    ) < 0
                })
    };
    assert!(
        !failed,
        "a packet socket on {interface}: {}",
        std::io::Error::last_os_error()
    );
    socket
}

/// The next frame as it was on the link, if one waits: with the VLAN tag that the kernel takes out of it.
fn receive(end: &OwnedFd, octets: &mut [u8]) -> Option<Vec<u8>> {
    let mut part = libc::iovec {
        iov_base: octets.as_mut_ptr().cast(),
        iov_len: octets.len(),
    };
    let mut control = [0u64; 8];
    // SAFETY: all-zero bytes are a valid msghdr.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    // SAFETY: the message points to buffers of the sizes given, which outlive the call.
    let length = unsafe { libc::recvmsg(end.as_raw_fd(), &raw mut message, 0) };
    let mut frame = octets[..usize::try_from(length).ok()?].to_vec();
    // SAFETY: the kernel filled the message; its control buffer is aligned for a header.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    if !header.is_null() {
        // SAFETY: the one header that this socket was told to give holds a tpacket_auxdata.
        let data = unsafe {
            libc::CMSG_DATA(header)
                .cast::<libc::tpacket_auxdata>()
                .read_unaligned()
        };
        if data.tp_status & libc::TP_STATUS_VLAN_VALID != 0 {
            let tag = [
                data.tp_vlan_tpid.to_be_bytes(),
                data.tp_vlan_tci.to_be_bytes(),
            ]
            .concat();
            frame.splice(12..12, tag);
        }
    }
    Some(frame)
}

impl Device for Bmv2 {
    fn address(&self) -> Address {
        "http://127.0.0.1:9559".parse().expect("an address")
    }

    fn has_kernel_links(&self) -> bool {
        true
    }

    fn send(&self, port: u16, frame: &[u8]) {
        match file(&self.ends[usize::from(port) - 1]).write(frame) {
            Ok(_) => (),
            // A device needs a whole Ethernet header; what is shorter cannot arrive at a port either.
            Err(error) if error.kind() == ErrorKind::InvalidInput => (),
            Err(error) => panic!("sending {} octets to port {port}: {error}", frame.len()),
        }
    }

    fn frames(&self) -> Vec<(u16, Vec<u8>)> {
        let mut frames = Vec::new();
        loop {
            let mut waiting: Vec<_> = self
                .ends
                .iter()
                .map(|end| PollFd::new(end.as_fd(), PollFlags::POLLIN))
                .collect();
            let quiet = PollTimeout::try_from(QUIET).expect("a short time");
            if poll(&mut waiting, quiet).expect("poll") == 0 {
                return frames;
            }
            for (index, end) in self.ends.iter().enumerate() {
                let mut octets = vec![0; 10_000];
                while let Some(frame) = receive(end, &mut octets) {
                    frames.push((index as u16 + 1, frame));
                }
            }
        }
    }
}

fn file(end: &OwnedFd) -> File {
    File::from(end.try_clone().expect("a descriptor"))
}
