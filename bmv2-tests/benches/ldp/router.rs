//! lsrd as receiver, with a p4-switch or without any.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bmv2_tests::programs;
use nix::unistd::Pid;
use serde_json::Value;

use crate::process::{Process, wait_until_quiet};
use crate::switch::Program;
use crate::world::Link;

/// lsrd's interface to the peer.
pub(crate) const INTERFACE: &str = "to-peer";
/// Its MAC address.
const MAC: &str = "02:00:00:00:00:01";
/// How long lsrd may take to start.
const START: Duration = Duration::from_secs(30);

/// A running lsrd.
pub(crate) struct Lsrd {
    process: Process,
    socket: PathBuf,
}

impl Lsrd {
    /// Starts lsrd with a route to each FEC.
    pub(crate) fn start(
        link: &Link,
        fecs: u32,
        folder: &Path,
        program: &Program,
        switch: &Path,
        lsrd: Option<&Path>,
    ) -> Self {
        let socket = folder.join(format!("{}.sock", link.namespace));
        let configuration = format!(
            r#"
router-id = "{transport}"
loopback-addresses = ["{transport}"]
state-directory = "{folder}"

[switch]
address = "unix://{switch}"
election-id = 10
profile = "{profile}"
p4info = "{p4info}"
device-config = "{json}"
port-state = "netlink"

[management]
socket = "{socket}"

[[interface]]
name = "{INTERFACE}"
port = 1
addresses = ["{receiver}/24"]
mac = "{MAC}"
mpls = true

[ldp]
address-families = ["ipv4"]
"#,
            transport = link.transport,
            receiver = link.receiver,
            folder = folder.display(),
            switch = switch.display(),
            profile = program.profile.display(),
            p4info = program.p4info.display(),
            json = program.json.display(),
            socket = socket.display(),
        );
        let file = folder.join(format!("{}.toml", link.namespace));
        std::fs::write(&file, configuration).expect("a folder of our own");
        let ours = || programs().own("lsrd").expect("it was built");
        let mut command = link.command(&lsrd.map_or_else(ours, Path::to_owned));
        command.arg("--config").arg(&file);
        command.env("RUST_LOG", "info").env("NO_COLOR", "1");
        let process = Process::start("lsrd", command);
        let lsrd = Self { process, socket };
        let begin = Instant::now();
        while !lsrd.socket.exists() || lsrd.show("interfaces").is_none() {
            let lines = lsrd.process.lines(begin);
            assert!(begin.elapsed() < START, "lsrd does not start: {lines:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        // lsrd's TAP is the link itself: what comes over the wire comes in by the TAP, and the other way
        // round, in the kernel. So nothing between the peer and lsrd's sockets is measured.
        let wire = &link.other;
        // What is for another MAC address than the wire's would be taken for another host's.
        link.inside(&format!("ip link set {wire} address {MAC}"));
        for (from, at, to, by) in [
            (wire.as_str(), "ingress", INTERFACE, "ingress"),
            (INTERFACE, "egress", wire.as_str(), "egress"),
        ] {
            link.inside(&format!("tc qdisc add dev {from} clsact"));
            link.inside(&format!(
                "tc filter add dev {from} {at} protocol all u32 match u32 0 0 action mirred {by} \
                 redirect dev {to}"
            ));
        }
        link.add_routes(fecs, INTERFACE, folder);
        wait_until_quiet(&lsrd.pids());
        lsrd
    }

    pub(crate) fn pids(&self) -> Vec<Pid> {
        vec![self.process.pid()]
    }

    /// When it wrote to the switch last since, if it did, and how many updates these were.
    pub(crate) fn written(&self, since: Instant) -> (usize, Option<Instant>) {
        let lines = self.process.lines(since);
        let writes = lines.iter().filter_map(|(when, line)| {
            let (_, rest) = line.split_once("changed the switch")?;
            let (_, count) = rest.split_once("updates=")?;
            let count: usize = count.split_whitespace().next()?.parse().ok()?;
            Some((count, *when))
        });
        writes.fold((0, None), |(sum, _), (count, when)| {
            (sum + count, Some(when))
        })
    }

    /// What lsrctl shows.
    pub(crate) fn show(&self, subject: &str) -> Option<Value> {
        let lsrctl = programs().own("lsrctl").expect("it was built");
        let output = Command::new(lsrctl)
            .arg("--socket")
            .arg(&self.socket)
            .arg("show")
            .args(subject.split(' '))
            .arg("--json")
            .output()
            .expect("it was built");
        serde_json::from_slice(&output.stdout).ok()
    }

    /// How many labels of its own there are.
    pub(crate) fn labels(&self) -> usize {
        let answer = self.show("ldp statistics").unwrap_or_default();
        let labels = answer["ldp"]["labels"].as_u64();
        labels.expect("lsrd tells how many labels are in use") as usize
    }
}
