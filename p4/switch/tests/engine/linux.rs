//! Ports over Linux interfaces, in a network namespace of the test's own.
//!
//! The test runs itself again inside `unshare --net`, as root or in a user namespace; where neither
//! is allowed it says so and passes.

use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::ifaddrs::InterfaceAddress;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrLike, bind, recv, send,
    setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use p4_switch::control::{PortState, Replica};
use p4_switch::port::LinuxPorts;
use rtnetlink::{Handle, LinkUnspec, LinkVeth};

use crate::support::{Bench, COPIES};

const INSIDE: &str = "P4_SWITCH_TEST_INSIDE_NAMESPACE";
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// True inside a namespace. Outside it runs the test of this name inside one.
pub(crate) fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let arguments: &[&str] = if nix::unistd::geteuid().is_root() {
        &["--net"]
    } else {
        &["--user", "--map-root-user", "--net"]
    };
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(arguments);
        command
    };
    match unshare().arg("true").stderr(Stdio::piped()).output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            println!("skipped: no network namespace can be made here: {reason}");
            return false;
        }
        Err(error) => {
            println!("skipped: unshare cannot be run: {error}");
            return false;
        }
    }
    let status = unshare()
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed inside the namespace");
    false
}

/// A pair of interfaces, `NAMEs` for the switch and `NAMEp` for its peer.
pub(crate) async fn make_link(netlink: &Handle, name: &str) {
    let (own, peer) = (format!("{name}s"), format!("{name}p"));
    let request = netlink.link().add(LinkVeth::new(&own, &peer).build());
    request.execute().await.unwrap();
    for end in [own, peer] {
        set_link(netlink, &end, true).await;
    }
}

async fn set_link(netlink: &Handle, name: &str, up: bool) {
    let index = nix::net::if_::if_nametoindex(name).unwrap();
    let message = LinkUnspec::new_with_index(index);
    let message = if up { message.up() } else { message.down() };
    netlink.link().set(message.build()).execute().await.unwrap();
}

/// A packet socket at the other end of a link.
pub(crate) struct Peer(pub(crate) OwnedFd);

impl Peer {
    pub(crate) fn open(interface: &str) -> Self {
        let fd = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::EthAll,
        )
        .unwrap();
        let address = nix::ifaddrs::getifaddrs()
            .unwrap()
            .filter(|address| address.interface_name == interface)
            .find_map(|address| address.address?.as_link_addr().copied())
            .unwrap();
        assert!(address.len() > 0);
        bind(fd.as_raw_fd(), &address).unwrap();
        setsockopt(&fd, sockopt::ReceiveTimeout, &TimeVal::milliseconds(200)).unwrap();
        Self(fd)
    }

    pub(crate) fn send(&self, packet: &[u8]) {
        send(self.0.as_raw_fd(), packet, MsgFlags::empty()).unwrap();
    }

    /// Waits for a packet of `copies.p4`: what the kernel itself sends has another first byte.
    pub(crate) fn receive(&self, test: u8, patience: Duration) -> Option<Vec<u8>> {
        let end = Instant::now() + patience;
        let mut buffer = [0; 16_384];
        while Instant::now() < end {
            if let Ok(length) = recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty())
                && buffer[0] == test
                && buffer[1] == 0x77
            {
                return Some(buffer[..length].to_vec());
            }
        }
        None
    }
}

/// A frame that is a packet of `copies.p4` as well: its first bytes are the program's header.
fn frame(ether_type: [u8; 2]) -> Vec<u8> {
    let mut frame = vec![12, 0x77, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1];
    frame.extend(ether_type);
    frame.extend([0xab; 60]);
    frame
}

pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "not seen: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Runs what has timers and netlink.
pub(crate) fn run(future: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(future);
}

#[test]
fn packets_cross_the_switch_and_links_come_and_go() {
    if !inside("linux::packets_cross_the_switch_and_links_come_and_go") {
        return;
    }
    run(async {
        let (connection, netlink, _) = rtnetlink::new_connection().unwrap();
        tokio::spawn(connection);
        for name in ["in", "out", "more"] {
            make_link(&netlink, name).await;
        }

        let bench = Bench::new(COPIES);
        let ports = LinuxPorts::new(bench.switch.clone()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let capture = directory.path().join("outs_out.pcap");
        ports.open(1, "ins", None).unwrap();
        ports.open(2, "outs", Some(directory.path())).unwrap();
        ports.open(3, "mores", None).unwrap();
        bench
            .write(|state| {
                state.insert_multicast_group(
                    0x77,
                    &[Replica {
                        port: 3,
                        instance: 0,
                    }],
                )
            })
            .unwrap();
        let state = |number: usize| bench.switch.ports()[number - 1].state;
        until("both ports up", || {
            state(1) == PortState::Up && state(2) == PortState::Up
        })
        .await;

        let input = Peer::open("inp");
        let output = Peer::open("outp");
        // Until the kernel has seen the carrier at the peer's end, it drops what is sent there.
        let packet = (0..20).find_map(|_| {
            input.send(&frame([0x12, 0x34]));
            output.receive(12, Duration::from_millis(500))
        });
        let packet = packet.unwrap();
        assert_eq!(packet.len(), 74);
        assert_eq!(packet[16..], [0xab; 58]);
        until("a packet in the capture", || {
            std::fs::metadata(&capture).unwrap().len() >= 24 + 16 + 74
        })
        .await;

        // The kernel takes the tag out of what it receives; the switch puts it back, or 4 bytes
        // would be missing.
        input.send(&frame([0x81, 0x00]));
        let packet = output.receive(12, PATIENCE).unwrap();
        assert_eq!(packet.len(), 74, "{packet:02x?}");
        assert_eq!(packet[16..], [0xab; 58]);

        // The link goes down and comes back.
        set_link(&netlink, "outp", false).await;
        until("port 2 down", || state(2) == PortState::Down).await;
        input.send(&frame([0x12, 0x34]));
        set_link(&netlink, "outp", true).await;
        until("port 2 up", || state(2) == PortState::Up).await;
        input.send(&frame([0x12, 0x34]));
        assert!(output.receive(12, PATIENCE).is_some());

        // Who manages the switch disables the port, and enables it again.
        let peer = || {
            let flags = |address: &InterfaceAddress| address.interface_name == "outp";
            let mut addresses = nix::ifaddrs::getifaddrs().unwrap();
            addresses.find(flags).unwrap().flags
        };
        bench.switch.set_port_enabled(2, false).unwrap();
        until("port 2 disabled", || {
            state(2) == PortState::Down && !bench.switch.ports()[1].enabled
        })
        .await;
        until("no carrier at the peer", || {
            !peer().contains(InterfaceFlags::IFF_RUNNING)
        })
        .await;
        bench.switch.set_port_enabled(2, true).unwrap();
        until("port 2 up", || state(2) == PortState::Up).await;
        assert!(bench.switch.ports()[1].index.is_some());
        assert!(bench.switch.set_port_enabled(9, true).is_err());

        // The interface disappears, and one of the same name comes.
        let index = nix::net::if_::if_nametoindex("outs").unwrap();
        netlink.link().del(index).execute().await.unwrap();
        until("port 2 down", || state(2) == PortState::Down).await;
        input.send(&frame([0x12, 0x34]));
        until("a packet counted as not sent", || {
            bench.switch.ports()[1].statistics.send_link_down > 0
        })
        .await;
        // The other ports go on.
        let mut to_others = frame([0x12, 0x34]);
        to_others[0] = 2;
        let third = Peer::open("morep");
        input.send(&to_others);
        assert!(third.receive(2, PATIENCE).is_some());
        make_link(&netlink, "out").await;
        until("port 2 up again", || state(2) == PortState::Up).await;
        let output = Peer::open("outp");
        input.send(&frame([0x12, 0x34]));
        assert!(output.receive(12, PATIENCE).is_some());
    });
}

#[test]
fn overruns_are_counted_on_when_an_interface_comes_back() {
    if !inside("linux::overruns_are_counted_on_when_an_interface_comes_back") {
        return;
    }
    run(async {
        let (connection, netlink, _) = rtnetlink::new_connection().unwrap();
        tokio::spawn(connection);
        make_link(&netlink, "in").await;
        let bench = Bench::new(COPIES);
        let ports = LinuxPorts::new(bench.switch.clone()).unwrap();
        ports.open(1, "ins", None).unwrap();
        let port = || bench.switch.ports().remove(0);
        until("port up", || port().state == PortState::Up).await;
        let input = Peer::open("inp");
        until("packets come in", || {
            input.send(&frame([0x12, 0x34]));
            port().statistics.received_packets > 0
        })
        .await;
        // More than wait at a port, while none is processed.
        let flood = |_: &mut p4_switch::State| {
            (0..10_000).for_each(|_| input.send(&frame([0x12, 0x34])));
            Ok(())
        };
        bench.switch.write(flood).unwrap();
        until("overruns", || port().statistics.receive_overruns > 0).await;
        let before = port().statistics.receive_overruns;

        let index = nix::net::if_::if_nametoindex("ins").unwrap();
        netlink.link().del(index).execute().await.unwrap();
        until("port down", || port().state == PortState::Down).await;
        assert!(port().statistics.receive_overruns >= before);
        make_link(&netlink, "in").await;
        until("port up again", || port().state == PortState::Up).await;
        assert!(port().statistics.receive_overruns >= before);
    });
}
