//! FRR's zebra and ldpd as receiver.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::process::{Process, wait_until_quiet};
use crate::world::{Link, run};

/// Where Debian's package has the daemons.
const DAEMONS: &str = "/usr/lib/frr";
/// How long a daemon may take to listen.
const START: Duration = Duration::from_secs(20);

/// Running daemons.
pub(crate) struct Frr {
    // They end in this order.
    ldpd: Process,
    zebra: Process,
    folder: PathBuf,
}

/// Whether FRR is installed.
pub(crate) fn is_there() -> bool {
    ["zebra", "ldpd"]
        .iter()
        .all(|daemon| Path::new(DAEMONS).join(daemon).exists())
}

impl Frr {
    /// Starts FRR with a route to each FEC.
    pub(crate) fn start(link: &Link, fecs: u32, folder: &Path) -> Self {
        let device = &link.other;
        link.inside(&format!(
            "ip address replace {}/24 dev {device}",
            link.receiver
        ));
        link.inside(&format!("ip address replace {}/32 dev lo", link.transport));
        link.add_routes(fecs, device, folder);
        let folder = folder.join("frr");
        // What was there before would be taken for a daemon that listens.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder of our own");
        let transport = link.transport;
        let files = [
            ("vtysh.conf", String::new()),
            ("zebra.conf", format!("ip router-id {transport}\n")),
            (
                "ldpd.conf",
                format!(
                    "mpls ldp\n router-id {transport}\n address-family ipv4\n  discovery \
                     transport-address {transport}\n  interface {device}\n  exit\n \
                     exit-address-family\nexit\n"
                ),
            ),
        ];
        for (name, text) in files {
            std::fs::write(folder.join(name), text).expect("a folder of our own");
        }
        run(&format!("chown -R frr:frr {}", folder.display()));
        let zebra = daemon("zebra", link, &folder, &["-s", "90000000"]);
        let ctl = folder.display().to_string();
        let ldpd = daemon("ldpd", link, &folder, &["--ctl_socket", &ctl]);
        let frr = Self {
            ldpd,
            zebra,
            folder,
        };
        let begin = Instant::now();
        while frr.ldpd.family().len() < 3 {
            assert!(begin.elapsed() < START, "ldpd has no children");
            std::thread::sleep(Duration::from_millis(50));
        }
        wait_until_quiet(&frr.all());
        frr
    }

    /// ldpd's three processes.
    pub(crate) fn ldpd(&self) -> Vec<Pid> {
        self.ldpd.family()
    }

    pub(crate) fn all(&self) -> Vec<Pid> {
        let mut all = self.ldpd();
        all.push(self.zebra.pid());
        all
    }

    /// How many labels of the peer it has for FECs of the benchmark.
    pub(crate) fn labels(&self) -> usize {
        let folder = &self.folder;
        let output = Command::new("vtysh")
            .arg("--vty_socket")
            .arg(folder)
            .arg("--config_dir")
            .arg(folder)
            .args(["-c", "show mpls ldp binding"])
            .output()
            .expect("it is in the package");
        let text = String::from_utf8_lossy(&output.stdout);
        // AF, destination, next hop, local label, remote label, in use.
        text.lines()
            .filter(|line| line.trim_end().ends_with("yes"))
            .count()
    }
}

fn daemon(name: &'static str, link: &Link, folder: &Path, more: &[&str]) -> Process {
    let mut command = link.command(&Path::new(DAEMONS).join(name));
    command
        .arg("-f")
        .arg(folder.join(format!("{name}.conf")))
        .arg("-i")
        .arg(folder.join(format!("{name}.pid")))
        .arg("-z")
        .arg(folder.join("zserv.api"))
        .arg("--vty_socket")
        .arg(folder)
        .args(["-P", "0"])
        .args(more);
    let process = Process::start(name, command);
    let socket = folder.join(format!("{name}.vty"));
    let begin = Instant::now();
    while !socket.exists() {
        let lines = process.lines(begin - START);
        assert!(begin.elapsed() < START, "{name} does not start: {lines:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    process
}
