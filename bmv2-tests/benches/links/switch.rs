//! A switch in a process of its own, with a program and its entries.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::time::ClockId;
use nix::unistd::Pid;
use p4runtime_client::{Connection, ConnectionOptions, EventStream, Operation, TableEntry};
use tokio::runtime::Runtime;

use crate::program::{PORTS, Program};

const ADDRESS: &str = "127.0.0.1:9559";
/// The processor of this process, which makes the packets and takes them.
const OURS: usize = 0;
/// The processor of the switch.
const ITS: usize = 1;

/// How long a switch may take to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    P4Switch,
    SimpleSwitchGrpc,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::P4Switch => "p4-switch",
            Self::SimpleSwitchGrpc => "simple_switch_grpc",
        }
    }
}

/// A switch that forwards. Dropping it ends the process.
pub(crate) struct Running {
    process: Child,
    /// The stream that makes this client the primary, and what serves it.
    _controller: Option<(EventStream, Runtime)>,
}

/// From now on a thread (0: this one), and what it starts, runs on these processors.
fn pin(thread: Pid, processors: &[usize]) {
    let mut set = CpuSet::new();
    for processor in processors {
        set.set(*processor).expect("a small number");
    }
    sched_setaffinity(thread, &set).expect("there are two processors");
}

fn run_on(processors: &[usize]) {
    pin(Pid::from_raw(0), processors);
}

/// From now on the switch has its processor to itself, as far as this process is concerned.
pub(crate) fn run_on_our_processor() {
    run_on(&[OURS]);
}

impl Running {
    /// Starts a switch on its processor, or with several threads on both.
    pub(crate) fn start(kind: Kind, path: &Path, program: Program, threads: usize) -> Self {
        // p4-switch takes simple_switch_grpc's options.
        let mut command = Command::new(path);
        command.args("--no-p4 --device-id 1 --log-level off".split(' '));
        for port in 1..=PORTS {
            command.args(["-i", &format!("{port}@port{port}")]);
        }
        if kind == Kind::P4Switch {
            command.args(["--threads", &threads.to_string()]);
        }
        command.args(["--", "--grpc-server-addr", ADDRESS, "--cpu-port", "510"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        run_on(if threads > 1 { &[OURS, ITS] } else { &[ITS] });
        let process = command.spawn();
        run_on(&[OURS]);
        let process = process.expect("it is executable");
        let mut running = Self {
            process,
            _controller: None,
        };
        running.wait(kind);
        if threads > 1 {
            running.spread();
        }
        let runtime = Runtime::new().expect("threads");
        let events = runtime.block_on(fill(program));
        running._controller = Some((events, runtime));
        running
    }

    /// Waits until the switch listens.
    fn wait(&mut self, kind: Kind) {
        let begin = Instant::now();
        while std::net::TcpStream::connect(ADDRESS).is_err() {
            let ended = self.process.try_wait().expect("a child of this process");
            assert!(
                ended.is_none() && begin.elapsed() < PATIENCE,
                "{} does not listen: {ended:?}",
                kind.name()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Gives each of the threads that serve ports a processor of its own: within the few milliseconds
    /// that are measured the scheduler would not.
    fn spread(&self) {
        let tasks = format!("/proc/{}/task", self.pid());
        for task in std::fs::read_dir(tasks).expect("proc is mounted") {
            let task = task.expect("proc is mounted");
            let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            let number = name.trim().strip_prefix("ports-");
            if let Some(number) = number.and_then(|number| number.parse::<usize>().ok()) {
                let thread = task
                    .file_name()
                    .to_string_lossy()
                    .parse()
                    .expect("a number");
                pin(Pid::from_raw(thread), &[[OURS, ITS][number % 2]]);
            }
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.process.id() as i32)
    }

    /// The processor time that it has used.
    pub(crate) fn processor_time(&self) -> Duration {
        let clock = ClockId::pid_cpu_clock_id(self.pid()).expect("a child of this process");
        clock.now().expect("every process has one").into()
    }

    /// Lets it do nothing until `go_on`.
    pub(crate) fn stop(&self) {
        kill(self.pid(), Signal::SIGSTOP).expect("a child of this process");
    }

    pub(crate) fn go_on(&self) {
        kill(self.pid(), Signal::SIGCONT).expect("a child of this process");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Loads the program and writes its entries.
async fn fill(program: Program) -> EventStream {
    let options = ConnectionOptions {
        address: format!("http://{ADDRESS}").parse().expect("an address"),
        device_id: 1,
        election_id: 1,
        timeout: PATIENCE,
    };
    let Connection { client, events, .. } = Connection::open(&options)
        .await
        .expect("the switch answers");
    let pipeline = program.pipeline();
    let taken = client.ensure_pipeline(&pipeline).await;
    taken.expect("the switch takes the program");
    let entries = program.entries(pipeline.schema());
    let updates: Vec<(Operation, &TableEntry)> = entries
        .iter()
        .map(|entry| (Operation::Insert, entry))
        .collect();
    let results = client.write(&updates).await.expect("the switch answers");
    for (result, entry) in results.iter().zip(&entries) {
        assert!(result.is_ok(), "{result:?}: {entry:?}");
    }
    events
}
