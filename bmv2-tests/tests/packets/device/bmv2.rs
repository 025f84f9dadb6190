//! The real simple_switch_grpc in a network namespace of its own, with a veth pair for each port.

use std::fs::File;
use std::io::{ErrorKind, IoSliceMut, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use p4runtime_client::Address;
use packet_socket::Flag;

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
            ends.push(open(&format!("end{port}")).expect("a packet socket"));
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
fn open(interface: &str) -> std::io::Result<OwnedFd> {
    let socket = packet_socket::open()?;
    packet_socket::set(&socket, Flag::IgnoreOutgoing)?;
    packet_socket::set(&socket, Flag::Auxiliary)?;
    let index = packet_socket::index(&socket, interface)?;
    packet_socket::bind(&socket, index, false)?;
    Ok(socket)
}

/// The next frame as it was on the link, if one waits.
fn receive(end: &OwnedFd, octets: &mut [u8]) -> Option<Vec<u8>> {
    let received = packet_socket::receive(end, &mut [IoSliceMut::new(octets)]).ok()?;
    let mut frame = octets[..received.length].to_vec();
    if let Some(tag) = received.tag {
        tag.insert(&mut frame);
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
