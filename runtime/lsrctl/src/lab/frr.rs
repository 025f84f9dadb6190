//! FRR in a node of a lab: as the IGP of its routers, or as a neighbour in tests.
//!
//! The daemons run in the lab's own PID namespace: they end with it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::LabError;
use super::running::Lab;
use super::sandbox::protocol::ProcessStatus;
use super::topology::Topology;

/// Where Debian's package has the daemons.
const DAEMONS: &str = "/usr/lib/frr";
/// How long a daemon may take to listen.
const START: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// FRR in a node.
#[derive(Debug)]
pub struct Frr<'a> {
    lab: &'a Lab,
    node: String,
    /// Its files, as its own processes see them.
    folder: PathBuf,
}

/// Why these daemons cannot run here, if they cannot.
pub fn obstacle(daemons: &[&str]) -> Option<String> {
    let missing = |daemon: &&&str| !Path::new(DAEMONS).join(daemon).exists();
    if let Some(daemon) = daemons.iter().find(missing) {
        return Some(format!("{DAEMONS}/{daemon} is not there"));
    }
    match nix::unistd::geteuid().is_root() {
        true => None,
        false => Some("FRR's daemons want to be started by root".to_owned()),
    }
}

impl<'a> Frr<'a> {
    /// Starts the daemons that have a configuration here, in this order: zebra is the first.
    ///
    /// # Errors
    /// One of them does not start.
    pub async fn start(
        lab: &'a Lab,
        node: &str,
        configurations: &[(&str, &str)],
    ) -> Result<Self, LabError> {
        let frr = Self {
            lab,
            node: node.to_owned(),
            folder: lab.sandbox().inner_run().join("frr").join(node),
        };
        let folder = frr.folder.display();
        frr.shell(&format!("rm -rf {folder} && mkdir -p {folder}"))
            .await?;
        let files = configurations.iter().map(|(daemon, text)| (*daemon, *text));
        for (daemon, text) in files.chain([("vtysh", "")]) {
            let path = frr.own(&format!("{daemon}.conf"));
            std::fs::write(&path, text).map_err(|source| LabError::File {
                action: "writing",
                path,
                source,
            })?;
        }
        frr.shell(&format!("chown -R frr:frr {folder}")).await?;
        for (daemon, _) in configurations {
            frr.start_daemon(daemon).await?;
        }
        Ok(frr)
    }

    /// Starts one daemon, and waits until it can be asked.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start_daemon(&self, daemon: &str) -> Result<(), LabError> {
        let folder = self.folder.display();
        let more = match daemon {
            "ldpd" => format!("--ctl_socket {folder}"),
            "zebra" => "-s 90000000".to_owned(),
            _ => String::new(),
        };
        self.shell(&format!(
            "{DAEMONS}/{daemon} -d -f {folder}/{daemon}.conf -i {folder}/{daemon}.pid \
             -z {folder}/zserv.api --vty_socket {folder} -P 0 \
             --log file:{folder}/{daemon}.log --log-level debug {more}"
        ))
        .await?;
        let socket = self.own(&format!("{daemon}.vty"));
        let started = Instant::now();
        while !socket.exists() {
            if started.elapsed() > START {
                return Err(self.ended(daemon, "it does not listen".to_owned()));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Ends one daemon by a signal such as `TERM`, and waits for its end.
    ///
    /// # Errors
    /// It does not run.
    pub async fn stop_daemon(&self, daemon: &str, signal: &str) -> Result<(), LabError> {
        let folder = self.folder.display();
        self.shell(&format!(
            "pid=$(cat {folder}/{daemon}.pid) && kill -{signal} $pid && \
             while kill -0 $pid 2>/dev/null; do sleep 0.05; done; rm -f {folder}/{daemon}.vty"
        ))
        .await
    }

    /// What vtysh answers.
    ///
    /// # Errors
    /// It is not there.
    pub async fn vtysh(&self, commands: &[&str]) -> Result<String, LabError> {
        let folder = self.folder.display().to_string();
        let mut words = vec!["vtysh", "--vty_socket", &folder, "--config_dir", &folder];
        for command in commands {
            words.extend(["-c", command]);
        }
        let (_, output) = self.lab.run(&self.node, &words).await?;
        Ok(output)
    }

    /// The log of a daemon.
    pub fn log(&self, daemon: &str) -> String {
        // A log that is not there (yet) reads as empty.
        std::fs::read_to_string(self.own(&format!("{daemon}.log"))).unwrap_or_default()
    }

    /// A file, as this process sees it.
    fn own(&self, file: &str) -> PathBuf {
        let folder = Path::new("frr").join(&self.node);
        self.lab.sandbox().path(folder.join(file))
    }

    async fn shell(&self, command: &str) -> Result<(), LabError> {
        let (status, output) = self.lab.run(&self.node, &["sh", "-c", command]).await?;
        match status {
            ProcessStatus::Exited(0) => Ok(()),
            status => Err(self.ended(command, format!("{status}: {output}"))),
        }
    }

    fn ended(&self, process: &str, status: String) -> LabError {
        LabError::ProcessEnded {
            node: self.node.clone(),
            process: process.to_owned(),
            status,
            log: self.log(process),
        }
    }
}

/// The OSPF of one router of a topology: its links to routers, with the hosts' links and the loopbacks
/// as what it leads to.
pub(super) fn ospfd(topology: &Topology, router: &str) -> String {
    let mut interfaces = String::new();
    let mut networks = String::new();
    for (end, far, link) in topology.ends_of(router) {
        let tap = Topology::tap_name(far);
        match topology.is_router(far.node.get_ref()) {
            true => {
                let cost = link.cost.as_ref().map_or(1, |cost| *cost.get_ref());
                interfaces.push_str(&format!(
                    "interface {tap}\n ip ospf network point-to-point\n ip ospf hello-interval 1\n \
                     ip ospf dead-interval 4\n ip ospf cost {cost}\nexit\n"
                ));
            }
            false => networks.push_str(&format!(" passive-interface {tap}\n")),
        }
        for address in end.addresses.iter().map(|address| address.get_ref()) {
            if let ipnet::IpNet::V4(address) = address {
                networks.push_str(&format!(" network {} area 0\n", address.trunc()));
            }
        }
    }
    for loopback in topology.loopbacks(router) {
        if loopback.addr().is_ipv4() {
            networks.push_str(&format!(" network {loopback} area 0\n"));
        }
    }
    let id = topology
        .routers
        .iter()
        .find(|known| known.name.get_ref() == router)
        .map(|known| *known.router_id.get_ref());
    let id = id.map_or_else(String::new, |id| format!(" ospf router-id {id}\n"));
    format!(
        "{interfaces}router ospf\n{id} timers throttle spf 0 50 1000\n timers throttle lsa all 0\n{networks}exit\n"
    )
}
