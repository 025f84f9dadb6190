//! A lab as a library: [`Lab::start`] makes the namespaces, compiles the P4 program and starts the
//! routers; dropping the [`Lab`] takes all of it down.

use std::collections::HashMap;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::LabError;
use super::frr::{self, Frr};
use super::programs::Programs;
use super::routers::{Expected, Management, RouterState};
use super::sandbox::protocol::{EndPlan, LinkPlan, NodePlan, Plan, ProcessStatus};
use super::sandbox::{Sandbox, SandboxOptions};
use super::topology::{Igp, Link, LinkEnd, RouterFiles, Topology, TtlModel, VlanEnd};

/// Where each router's switch listens, in its own namespace.
const SWITCH_GRPC: &str = "127.0.0.1:9559";
/// How often the routers are asked how far they are.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Lines of a log that an error shows.
const LOG_TAIL: usize = 15;
/// The folder of the lab's files below the sandbox's run directory.
const FILES: &str = "p4lsr";

/// The switch that forwards for each router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum SwitchKind {
    /// p4lsr's own p4-switch.
    #[default]
    P4Switch,
    /// simple_switch_grpc of the BMv2 project, from PATH.
    Bmv2,
}

impl SwitchKind {
    /// The name of the hardware profile.
    pub fn profile(self) -> &'static str {
        match self {
            Self::P4Switch => "p4-switch",
            Self::Bmv2 => "bmv2",
        }
    }
}

/// The compiler of the P4 program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum CompilerKind {
    /// p4lsr's own p4-compiler.
    #[default]
    P4Compiler,
    /// p4c of the P4 project, from PATH.
    P4c,
}

/// A process of a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Process {
    /// Its switch.
    Switch,
    /// Its lsrd.
    Lsrd,
}

impl Process {
    /// The word for it, also the name of its log file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Lsrd => "lsrd",
        }
    }
}

/// How to make a lab.
#[derive(Debug, Clone)]
pub struct LabOptions {
    /// What it consists of.
    pub topology: Topology,
    /// The programs.
    pub programs: Programs,
    /// The switch.
    pub switch: SwitchKind,
    /// The compiler.
    pub compiler: CompilerKind,
    /// The TTL model of LSPs that do not say their own; without it the topology's.
    pub ttl_model: Option<TtlModel>,
    /// Make a user namespace even when root.
    pub rootless: bool,
    /// Let the switches write a trace of each packet to their logs.
    pub trace: bool,
    /// How long the routers may take to come up.
    pub timeout: Duration,
    /// A file that is removed when the lab ends.
    pub record: Option<PathBuf>,
}

impl LabOptions {
    /// A lab of this topology with the defaults for the rest.
    pub fn new(topology: Topology, programs: Programs) -> Self {
        Self {
            topology,
            programs,
            switch: SwitchKind::default(),
            compiler: CompilerKind::default(),
            ttl_model: None,
            rootless: false,
            trace: false,
            timeout: Duration::from_secs(60),
            record: None,
        }
    }
}

/// Is told how far a lab is.
pub trait Observer: Send + Sync {
    /// A step begins.
    fn step(&self, words: &str);
    /// A router came a step further.
    fn router(&self, name: &str, state: &RouterState);
}

/// An observer that does not care.
#[derive(Debug, Clone, Copy)]
pub struct Quiet;

impl Observer for Quiet {
    fn step(&self, _words: &str) {}
    fn router(&self, _name: &str, _state: &RouterState) {}
}

/// A running lab.
#[derive(Debug)]
pub struct Lab {
    sandbox: Sandbox,
    options: LabOptions,
    run: PathBuf,
    processes: Mutex<HashMap<(String, Process), i32>>,
}

impl Lab {
    /// Makes a lab and waits until every router forwards.
    pub async fn start(options: LabOptions, observer: &dyn Observer) -> Result<Self, LabError> {
        let lab = Self::prepare(options, observer).await?;
        lab.start_routers(observer).await?;
        Ok(lab)
    }

    /// Starts every router's switch and lsrd and waits until all forward.
    pub async fn start_routers(&self, observer: &dyn Observer) -> Result<(), LabError> {
        observer.step("starting the routers");
        for router in &self.options.topology.routers {
            self.start_process(router.name.get_ref(), Process::Switch)?;
            self.start_process(router.name.get_ref(), Process::Lsrd)?;
        }
        self.start_igp(observer).await?;
        self.wait_until_ready(observer).await
    }

    /// Starts the routing daemons, where the topology has some, on the TAPs that lsrd makes.
    async fn start_igp(&self, observer: &dyn Observer) -> Result<(), LabError> {
        let topology = &self.options.topology;
        if topology.igp != Igp::Ospf {
            return Ok(());
        }
        if let Some(reason) = frr::obstacle(&["zebra", "ospfd"]) {
            return Err(LabError::ProgramNotFound {
                program: "FRR's ospfd".to_owned(),
                searched: reason,
                remedy: "install the Debian package frr, and run the lab as root; its own service \
                         need not run"
                    .to_owned(),
            });
        }
        observer.step("starting OSPF");
        let deadline = Instant::now() + self.options.timeout;
        for router in &topology.routers {
            let name = router.name.get_ref();
            // lsrd answers when its TAPs are there.
            while let Err(error) = self.management(name).interfaces().await {
                self.check_processes(name)?;
                if Instant::now() > deadline {
                    return Err(error);
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            let id = router.router_id.get_ref();
            let zebra = format!("hostname {name}\nip router-id {id}\n");
            let ospfd = frr::ospfd(topology, name);
            Frr::start(self, name, &[("zebra", &zebra), ("ospfd", &ospfd)]).await?;
        }
        Ok(())
    }

    /// Makes the namespaces, links, compiled program and configurations of a lab, without
    /// starting a router.
    pub async fn prepare(options: LabOptions, observer: &dyn Observer) -> Result<Self, LabError> {
        observer.step("making network namespaces and links");
        let programs = &options.programs;
        let sandbox = Sandbox::start(&SandboxOptions {
            lsrctl: programs.lsrctl.clone(),
            rootless: options.rootless,
            record: options.record.clone(),
            visible: vec![programs.folder.clone(), programs.source.clone()],
        })?;
        if !options.topology.routers.is_empty() {
            sandbox.check_tap_device()?;
        }
        sandbox.build(plan(&options.topology))?;
        let run = sandbox.inner_run();
        let lab = Self {
            sandbox,
            options,
            run,
            processes: Mutex::default(),
        };
        lab.compile(observer).await?;
        observer.step("writing the routers' configurations");
        lab.write_configurations()?;
        Ok(lab)
    }

    /// The namespaces and processes.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// What the lab was made of.
    pub fn topology(&self) -> &Topology {
        &self.options.topology
    }

    /// The options that the lab was made with.
    pub fn options(&self) -> &LabOptions {
        &self.options
    }

    /// The TTL model in force for LSPs that do not say their own.
    pub fn ttl_model(&self) -> TtlModel {
        self.options
            .ttl_model
            .unwrap_or(self.options.topology.ttl_model)
    }

    /// The lab's files as its own processes see them.
    fn inner(&self, file: impl AsRef<Path>) -> PathBuf {
        self.run.join(FILES).join(file)
    }

    /// A file of the lab (`pe1/lsrd.log`) as this process sees it.
    pub fn file(&self, file: impl AsRef<Path>) -> PathBuf {
        self.sandbox.path(Path::new(FILES).join(file))
    }

    /// The management socket of a router's lsrd.
    pub fn management(&self, router: &str) -> Management {
        Management::new(router, &self.file(Path::new(router).join("lsrd.sock")))
    }

    async fn compile(&self, observer: &dyn Observer) -> Result<(), LabError> {
        let Some(router) = self.options.topology.routers.first() else {
            return Ok(());
        };
        let programs = &self.options.programs;
        let profile = programs.profile(self.options.switch.profile());
        let (source, json) = (programs.p4_program(), self.inner("mpls.json"));
        let p4info = self.inner("mpls.p4info.txtpb");
        let arguments = match self.options.compiler {
            CompilerKind::P4Compiler => vec![
                text(&programs.own("p4-compiler")?),
                text(&source),
                "--profile".into(),
                text(&profile),
                "-o".into(),
                text(&json),
                "--p4runtime-files".into(),
                text(&p4info),
            ],
            CompilerKind::P4c => {
                let remedy = "install the Debian package p4lang-p4c, or build \
                              https://github.com/p4lang/p4c; without --compiler p4c the lab \
                              uses p4lsr's own compiler";
                let mut arguments = vec![
                    text(&programs.foreign("p4c-bm2-ss", remedy)?),
                    "--p4v".into(),
                    "16".into(),
                    "--p4runtime-files".into(),
                    text(&p4info),
                    "-o".into(),
                    text(&json),
                ];
                arguments.extend(super::profile::macros(&profile)?);
                arguments.push(text(&source));
                arguments
            }
        };
        let name = source.file_name().unwrap_or_default().to_string_lossy();
        observer.step(&format!(
            "compiling {name} for {}",
            self.options.switch.profile()
        ));
        let node = router.name.get_ref();
        let log = PathBuf::from(FILES).join("compiler.log");
        let pid = self
            .sandbox
            .spawn_logged(node, arguments, Vec::new(), log)?;
        let status = self.wait(pid).await?;
        if status == ProcessStatus::Exited(0) {
            return Ok(());
        }
        Err(LabError::Compile {
            source_file: source,
            status: status.to_string(),
            output: read(&self.file("compiler.log")),
        })
    }

    fn write_configurations(&self) -> Result<(), LabError> {
        let profile = self.options.programs.profile(self.options.switch.profile());
        for router in &self.options.topology.routers {
            let name = Path::new(router.name.get_ref());
            let files = RouterFiles {
                switch_address: &format!("http://{SWITCH_GRPC}"),
                profile: &profile,
                p4info: &self.inner("mpls.p4info.txtpb"),
                device_config: &self.inner("mpls.json"),
                management_socket: &self.inner(name.join("lsrd.sock")),
                state_directory: &self.inner(name),
            };
            let text = self
                .options
                .topology
                .router_configuration(router, files, self.ttl_model());
            let path = self.file(name.join("lsrd.toml"));
            std::fs::write(&path, text).map_err(|source| LabError::File {
                action: "writing",
                path,
                source,
            })?;
        }
        Ok(())
    }

    /// Starts a router's switch or lsrd. Its output is appended to its log.
    pub fn start_process(&self, router: &str, process: Process) -> Result<(), LabError> {
        let programs = &self.options.programs;
        let arguments = match process {
            Process::Lsrd => {
                let config = self.inner(Path::new(router).join("lsrd.toml"));
                vec![
                    text(&programs.own("lsrd")?),
                    "--config".into(),
                    text(&config),
                ]
            }
            Process::Switch => self.switch_arguments(router)?,
        };
        let log = Path::new(FILES)
            .join(router)
            .join(format!("{}.log", process.name()));
        let pid = self
            .sandbox
            .spawn_logged(router, arguments, Vec::new(), log)?;
        let mut processes = self
            .processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        processes.insert((router.to_owned(), process), pid);
        Ok(())
    }

    fn switch_arguments(&self, router: &str) -> Result<Vec<String>, LabError> {
        let ports = self
            .options
            .topology
            .ends_of(router)
            .filter_map(|(end, _, _)| end.port().map(|port| (port, end.interface.get_ref())));
        let programs = &self.options.programs;
        let mut arguments = Vec::new();
        match self.options.switch {
            SwitchKind::P4Switch => {
                arguments.push(text(&programs.own("p4-switch")?));
                let fixed = [
                    "--grpc",
                    SWITCH_GRPC,
                    "--device-id",
                    "1",
                    "--cpu-port",
                    "510",
                    "--drop-port",
                    "511",
                ];
                arguments.extend(fixed.map(str::to_owned));
                // Also for those outside of the router's namespace: a client of P4Runtime or gNMI,
                // or `p4-switch trace --switch`.
                let socket = self.inner(Path::new(router).join("switch.sock"));
                arguments.extend(["--grpc".into(), format!("unix:{}", socket.display())]);
                for (port, interface) in ports {
                    arguments.extend(["--port".into(), format!("{port}={interface}")]);
                }
                if self.options.trace {
                    arguments.push("--trace".into());
                }
            }
            SwitchKind::Bmv2 => {
                let remedy = "install the Debian package p4lang-bmv2, or build \
                              https://github.com/p4lang/behavioral-model; without --switch bmv2 \
                              the lab uses p4lsr's own switch";
                arguments.push(text(&programs.foreign("simple_switch_grpc", remedy)?));
                arguments.extend(["--no-p4", "--device-id", "1"].map(str::to_owned));
                for (port, interface) in ports {
                    arguments.extend(["-i".into(), format!("{port}@{interface}")]);
                }
                if self.options.trace {
                    arguments.push("--log-console".into());
                }
                let target = [
                    "--",
                    "--grpc-server-addr",
                    SWITCH_GRPC,
                    "--cpu-port",
                    "510",
                    "--drop-port",
                    "511",
                ];
                arguments.extend(target.map(str::to_owned));
            }
        }
        Ok(arguments)
    }

    /// The process id of a router's process inside of the lab.
    pub fn pid(&self, router: &str, process: Process) -> Result<i32, LabError> {
        let processes = self
            .processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        processes
            .get(&(router.to_owned(), process))
            .copied()
            .ok_or_else(|| LabError::Unknown {
                what: "process",
                name: format!("{} of {router}", process.name()),
                known: processes
                    .keys()
                    .map(|(router, process)| format!("{} of {router}", process.name()))
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }

    /// Sends a router's process a signal and waits for its end.
    pub async fn stop_process(
        &self,
        router: &str,
        process: Process,
        signal: i32,
    ) -> Result<ProcessStatus, LabError> {
        let pid = self.pid(router, process)?;
        self.sandbox.signal(pid, signal)?;
        let status = self.wait(pid).await?;
        let mut processes = self
            .processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        processes.remove(&(router.to_owned(), process));
        Ok(status)
    }

    async fn wait(&self, pid: i32) -> Result<ProcessStatus, LabError> {
        loop {
            let status = self.sandbox.status(pid)?;
            if status != ProcessStatus::Running {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs a program in a node to its end; gives its status and its standard output and standard
    /// error together.
    pub async fn run(
        &self,
        node: &str,
        arguments: &[&str],
    ) -> Result<(ProcessStatus, String), LabError> {
        let output = tempfile::tempfile().map_err(LabError::io("making a temporary file"))?;
        let arguments = arguments
            .iter()
            .map(|&argument| argument.to_owned())
            .collect();
        let pid = self
            .sandbox
            .spawn(node, arguments, output.as_fd(), output.as_fd())?;
        let status = self.wait(pid).await?;
        let read = || {
            use std::io::{Read, Seek};
            let mut output = &output;
            output.rewind()?;
            let mut octets = Vec::new();
            output.read_to_end(&mut octets).map(|_| octets)
        };
        let octets = read().map_err(LabError::io("reading the output of a program"))?;
        Ok((status, String::from_utf8_lossy(&octets).into_owned()))
    }

    /// Waits until every router holds its LFIB in its switch with all neighbours resolved.
    pub async fn wait_until_ready(&self, observer: &dyn Observer) -> Result<(), LabError> {
        let deadline = Instant::now() + self.options.timeout;
        let mut states: HashMap<&str, RouterState> = HashMap::new();
        loop {
            let mut ready = true;
            for router in &self.options.topology.routers {
                let name = router.name.get_ref().as_str();
                self.check_processes(name)?;
                let expected = Expected::of(&self.options.topology, name);
                let state = self.management(name).state(&expected).await;
                ready &= state.is_ready();
                if states.get(name) != Some(&state) {
                    observer.router(name, &state);
                    states.insert(name, state);
                }
            }
            if ready {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(LabError::NotReady {
                    seconds: self.options.timeout.as_secs(),
                    report: self.unready_report(&states),
                });
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// An error if a process of a router has ended by itself.
    pub fn check_processes(&self, router: &str) -> Result<(), LabError> {
        for process in [Process::Switch, Process::Lsrd] {
            let Ok(pid) = self.pid(router, process) else {
                continue;
            };
            let status = self.sandbox.status(pid)?;
            if status != ProcessStatus::Running {
                return Err(LabError::ProcessEnded {
                    node: router.to_owned(),
                    process: process.name().to_owned(),
                    status: status.to_string(),
                    log: self.log_tail(router, process),
                });
            }
        }
        Ok(())
    }

    fn unready_report(&self, states: &HashMap<&str, RouterState>) -> String {
        let mut report = String::new();
        for router in &self.options.topology.routers {
            let name = router.name.get_ref().as_str();
            let Some(state) = states.get(name).filter(|state| !state.is_ready()) else {
                continue;
            };
            report.push_str(&format!("{name}: {state}\n"));
            for process in [Process::Switch, Process::Lsrd] {
                let tail = self.log_tail(name, process);
                if !tail.is_empty() {
                    report.push_str(&format!("  the end of {name}'s {} log:\n", process.name()));
                    report.extend(tail.lines().map(|line| format!("    {line}\n")));
                }
            }
        }
        report
    }

    /// The last lines of a process's log.
    pub fn log_tail(&self, router: &str, process: Process) -> String {
        let log = self.log(router, process);
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n")
    }

    /// All that a router's process wrote to its log.
    pub fn log(&self, router: &str, process: Process) -> String {
        read(&self.file(Path::new(router).join(format!("{}.log", process.name()))))
    }

    /// Ends the lab's dependence on this process: it runs on until `lsrctl lab stop`.
    pub fn detach(self) -> Result<(), LabError> {
        Ok(self.sandbox.detach()?)
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn read(path: &Path) -> String {
    // A log that is not there (yet) reads as empty.
    let octets = std::fs::read(path).unwrap_or_default();
    console::strip_ansi_codes(&String::from_utf8_lossy(&octets))
        .trim_end()
        .to_owned()
}

/// The namespaces and links of a topology.
fn plan(topology: &Topology) -> Plan {
    let node = |name: &str| NodePlan {
        name: name.to_owned(),
        forwarding: topology.is_router(name),
        gateways: if topology.is_router(name) {
            Vec::new()
        } else {
            gateways(topology, name)
        },
    };
    let end = |end: &LinkEnd| {
        let switch_port = topology.is_router(end.node.get_ref());
        let addresses = end
            .addresses
            .iter()
            .map(|address| *address.get_ref())
            .collect();
        EndPlan {
            node: end.node.get_ref().clone(),
            interface: end.interface.get_ref().clone(),
            // The addresses of a router's interface are on its TAP, which lsrd makes.
            addresses: if switch_port { Vec::new() } else { addresses },
            // So are the VLANs of a router's interface.
            vlans: match switch_port {
                true => Vec::new(),
                false => end.vlans.iter().map(VlanEnd::plan).collect(),
            },
            switch_port,
        }
    };
    let link = |link: &Link| LinkPlan {
        ends: [end(&link.a), end(&link.b)],
        mtu: topology.ethernet_mtu(link),
    };
    Plan {
        nodes: topology.nodes().map(node).collect(),
        links: topology.links.iter().map(link).collect(),
    }
}

/// A host's default routes: to the first router on its links, one for each family.
fn gateways(topology: &Topology, host: &str) -> Vec<std::net::IpAddr> {
    let find = |ipv6: bool| {
        topology
            .ends_of(host)
            .filter(|(_, far, _)| topology.is_router(far.node.get_ref()))
            .flat_map(|(_, far, _)| far.all_addresses())
            .map(|address| address.get_ref().addr())
            .find(|address| address.is_ipv6() == ipv6)
    };
    [false, true].into_iter().filter_map(find).collect()
}
