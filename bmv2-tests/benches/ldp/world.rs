//! Namespaces and links: the peer in this process's own namespace, each receiver in another one.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;

use ipnet::IpNet;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// A link from the peer to a receiver.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    /// The receiver's namespace.
    pub(crate) namespace: String,
    /// The peer's end.
    pub(crate) own: String,
    /// The receiver's end.
    pub(crate) other: String,
    /// The peer's address: larger than the receiver's, so that it is the peer that connects.
    pub(crate) peer: Ipv4Addr,
    /// Another peer's.
    pub(crate) other_peer: Ipv4Addr,
    /// The receiver's address on the link.
    pub(crate) receiver: Ipv4Addr,
    /// What the receiver is known by.
    pub(crate) transport: Ipv4Addr,
    /// By which all routes of the receiver go: an address of the peer.
    pub(crate) next_hop: Ipv4Addr,
}

/// A FEC of the peer.
pub(crate) fn prefix(number: u32) -> IpNet {
    let address = Ipv4Addr::from_bits(0x1400_0000 + (number << 8));
    IpNet::new(IpAddr::V4(address), 24).expect("a length of IPv4")
}

/// Leaves the machine's namespaces: what is made from here on ends with this process.
pub(crate) fn leave() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)?;
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    // ip-netns(8) keeps its names here.
    fs::create_dir_all("/run/netns").map_err(|_| nix::errno::Errno::EACCES)?;
    mount(
        Some("netns"),
        "/run/netns",
        Some("tmpfs"),
        MsFlags::empty(),
        none,
    )?;
    run("ip link set lo up");
    Ok(())
}

impl Link {
    /// Makes a receiver's namespace with a link to it.
    pub(crate) fn make(number: u8) -> Self {
        let link = Self {
            namespace: format!("receiver{number}"),
            own: format!("peer{number}"),
            other: "wire".to_owned(),
            peer: Ipv4Addr::new(192, 168, number, 9),
            other_peer: Ipv4Addr::new(192, 168, number, 10),
            receiver: Ipv4Addr::new(192, 168, number, 1),
            transport: Ipv4Addr::new(10, 255, number, 1),
            next_hop: Ipv4Addr::new(192, 168, number, 9),
        };
        let Self {
            namespace,
            own,
            other,
            ..
        } = &link;
        run(&format!("ip netns add {namespace}"));
        run(&format!(
            "ip link add {own} type veth peer name {other} netns {namespace}"
        ));
        for address in [link.peer, link.other_peer] {
            run(&format!("ip address add {address}/24 dev {own}"));
        }
        run(&format!("ip link set {own} up"));
        run(&format!(
            "ip route add {} via {} dev {own}",
            link.transport, link.receiver
        ));
        link.inside("ip link set lo up");
        link.inside(&format!("ip link set {other} up"));
        link.inside("sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0");
        link
    }

    /// A command in the receiver's namespace.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &self.namespace])
            .arg(program);
        command
    }

    /// Runs a command in the receiver's namespace to its end.
    pub(crate) fn inside(&self, line: &str) {
        run(&format!("ip netns exec {} {line}", self.namespace));
    }

    /// Gives the receiver a route to each FEC, by the peer.
    pub(crate) fn add_routes(&self, fecs: u32, device: &str, folder: &Path) {
        use std::fmt::Write as _;
        let mut batch = String::new();
        for number in 0..fecs {
            let next_hop = self.next_hop;
            // Writing to a string cannot fail.
            let _ = writeln!(
                batch,
                "route add {} via {next_hop} dev {device}",
                prefix(number)
            );
        }
        let file = folder.join(format!("{}.routes", self.namespace));
        fs::write(&file, batch).expect("a folder of our own");
        self.inside(&format!("ip -batch {}", file.display()));
    }
}

/// Runs a command to its end.
pub(crate) fn run(line: &str) {
    let mut words = line.split_whitespace();
    let program = words.next().expect("a program");
    let output = Command::new(program).args(words).output();
    let output = output.unwrap_or_else(|error| panic!("{line}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {errors}");
}
