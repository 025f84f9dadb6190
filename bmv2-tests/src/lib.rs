//! What the end-to-end tests share: labs of routers in namespaces of their own, the programs
//! built before, and frames to send into them.
//!
//! A test that needs namespaces prints "skipped: reason" where the machine allows none; with
//! `P4LSR_REQUIRE_LAB=1` in the environment it fails there, so that a CI cannot pass by skipping.

pub mod faults;
pub mod flow;
pub mod frames;

use std::env;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use lsrctl::lab::LabError;
use lsrctl::lab::capture::Capture;
use lsrctl::lab::echo::{PingOptions, PingResult, Prober};
use lsrctl::lab::packet::Frame;
use lsrctl::lab::programs::Programs;
use lsrctl::lab::running::{Lab, LabOptions, Quiet};
use lsrctl::lab::sandbox::protocol::ProcessStatus;
use lsrctl::lab::topology::Topology;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinHandle;

/// The packages whose programs a lab runs.
const PACKAGES: [&str; 4] = ["lsrctl", "lsrd", "p4-switch", "p4-compiler"];
/// Labs at the same time in one test binary: each keeps some ten processes busy.
const LABS_AT_ONCE: usize = 2;
/// How long the routers of a lab may take to come up on a loaded machine.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A ping that any working lab answers without loss.
pub const PING: PingOptions = PingOptions {
    count: 20,
    interval: Duration::from_millis(20),
    timeout: Duration::from_secs(3),
};

/// The repository.
pub fn source() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// The programs of the same build as the test, built now if they are missing or old.
pub fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        // target/debug/deps/test-0123456789abcdef
        let test = env::current_exe().expect("a test knows its own file");
        let folder = test
            .ancestors()
            .nth(2)
            .expect("cargo puts tests two folders deep");
        let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "--quiet"]).current_dir(source());
        build.args(PACKAGES.iter().flat_map(|package| ["-p", package]));
        if folder.ends_with("release") {
            build.arg("--release");
        }
        // The folder above the profile's is the target directory of this build.
        build.env("CARGO_TARGET_DIR", folder.parent().unwrap_or(folder));
        let status = build
            .status()
            .expect("cargo has started this test, so it is there");
        assert!(
            status.success(),
            "building the lab's programs failed: {status}"
        );
        Programs::in_folder(folder, source())
    })
}

/// The topology of labs/chain-static.toml.
pub fn chain() -> String {
    lab_file("chain-static")
}

/// The topology of a file of labs/.
pub fn lab_file(name: &str) -> String {
    let path = source().join("labs").join(name).with_extension("toml");
    std::fs::read_to_string(path).expect("the repository has the lab")
}

/// A lab, and the right to run one.
#[derive(Debug)]
pub struct TestLab {
    lab: Lab,
    _permit: OwnedSemaphorePermit,
}

impl std::ops::Deref for TestLab {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

/// The options of a test's lab.
pub fn options(topology: &str) -> LabOptions {
    let topology = Topology::parse("the test's topology", topology).expect("a good topology");
    LabOptions {
        timeout: TIMEOUT,
        ..LabOptions::new(topology, programs().clone())
    }
}

/// Starts a lab and waits until it forwards; `None` where the machine allows none.
pub async fn start(options: LabOptions) -> Option<TestLab> {
    let lab = prepare(options).await?;
    if let Err(error) = lab.start_routers(&Quiet).await {
        panic!("{error}");
    }
    Some(lab)
}

/// Says why a test cannot run on this machine. With `P4LSR_REQUIRE_LAB` it fails instead.
pub fn skipped(reason: impl Display) {
    assert!(env::var_os("P4LSR_REQUIRE_LAB").is_none(), "{reason}");
    println!("skipped: {reason}");
}

/// Makes a lab without starting its routers; `None` where the machine allows none.
pub async fn prepare(options: LabOptions) -> Option<TestLab> {
    static LABS: OnceLock<std::sync::Arc<Semaphore>> = OnceLock::new();
    let labs = LABS.get_or_init(|| Semaphore::new(LABS_AT_ONCE).into());
    let permit = labs
        .clone()
        .acquire_owned()
        .await
        .expect("nobody closes the semaphore");
    match Lab::prepare(options, &Quiet).await {
        Ok(lab) => Some(TestLab {
            lab,
            _permit: permit,
        }),
        Err(LabError::Sandbox(error)) => {
            skipped(error);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Pings from a host to the address of another.
pub async fn ping(lab: &Lab, from: &str, to: &str, ipv6: bool, options: PingOptions) -> PingResult {
    prober(lab, from, to, ipv6).ping(options).await
}

/// A prober from a host to the address of another.
pub fn prober(lab: &Lab, from: &str, to: &str, ipv6: bool) -> Prober {
    let destination = lab
        .topology()
        .address_of(to, ipv6)
        .expect("the node has an address");
    Prober::open(lab.sandbox(), from, destination).expect("a socket in the host")
}

/// Fails unless every request was answered once.
pub fn assert_no_loss(result: &PingResult) {
    assert!(
        result.sent > 0 && result.lost() == 0 && result.duplicates == 0,
        "{}",
        describe(result)
    );
}

/// A ping's result without its hundreds of times.
pub fn describe(result: &PingResult) -> String {
    format!(
        "{} sent, {} lost, {} duplicates, errors {:?}",
        result.sent,
        result.lost(),
        result.duplicates,
        result.errors
    )
}

/// Numbered packets that flow until they are told to stop.
#[derive(Debug)]
pub struct Traffic {
    stop: oneshot::Sender<()>,
    task: JoinHandle<PingResult>,
}

impl Traffic {
    /// Time from one packet to the next.
    pub const INTERVAL: Duration = Duration::from_millis(5);

    /// Starts to send.
    pub fn start(lab: &Lab, from: &str, to: &str, ipv6: bool) -> Self {
        let prober = prober(lab, from, to, ipv6);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let options = PingOptions {
                count: u16::MAX,
                interval: Self::INTERVAL,
                timeout: Duration::from_secs(3),
            };
            let stopped = async {
                // A sender that was dropped means the same.
                let _ = stopped.await;
            };
            prober.ping_until(options, stopped).await
        });
        Self { stop, task }
    }

    /// Stops sending, waits for the last answers and counts.
    pub async fn stop(self) -> PingResult {
        let _ = self.stop.send(());
        self.task.await.expect("the traffic's task does not panic")
    }
}

/// The frames of a capture once `wanted` finds one in it, or after five seconds.
pub async fn frames_with(capture: &Capture, wanted: impl Fn(&Frame) -> bool) -> Vec<(bool, Frame)> {
    let mut frames = Vec::new();
    for _ in 0..50 {
        frames = capture
            .frames()
            .iter()
            .filter_map(|captured| Some((captured.sent, Frame::parse(&captured.octets)?)))
            .collect();
        if frames.iter().any(|(_, frame)| wanted(frame)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    frames
}

/// The MAC address of a router's interface, as lsrd says.
pub async fn mac(lab: &Lab, router: &str, port: u32) -> [u8; 6] {
    let interfaces = lab
        .management(router)
        .interfaces()
        .await
        .expect("lsrd answers");
    let interface = interfaces
        .iter()
        .find(|interface| interface.port == port)
        .expect("the port is configured");
    let octets: Vec<u8> = interface
        .mac
        .split(':')
        .map(|octet| u8::from_str_radix(octet, 16).expect("a MAC address"))
        .collect();
    octets.try_into().expect("six octets")
}

/// Asks a router by `lsrctl`; gives what it prints. A refusal fails the test.
pub async fn lsrctl(lab: &Lab, router: &str, arguments: &[&str]) -> String {
    let program = lab.options().programs.lsrctl.display().to_string();
    let run = lab.sandbox().inner_run();
    let socket = run.join("p4lsr").join(router).join("lsrd.sock");
    let socket = socket.display().to_string();
    let mut command = vec![program.as_str(), "--socket", &socket];
    command.extend(arguments);
    let (status, output) = lab.run(router, &command).await.expect("lsrctl is built");
    assert_eq!(status, ProcessStatus::Exited(0), "{output}");
    output
}

/// Makes another configuration of a router's, and lets its lsrd read it. Gives what it was.
pub async fn reconfigure(lab: &Lab, router: &str, change: impl FnOnce(&str) -> String) -> String {
    let file = lab.file(format!("{router}/lsrd.toml"));
    let former = std::fs::read_to_string(&file).expect("the lab wrote it");
    let changed = change(&former);
    assert_ne!(changed, former, "nothing changes");
    std::fs::write(&file, changed).expect("the lab's files can be written");
    lsrctl(lab, router, &["reload"]).await;
    former
}

/// What `lsrctl show SUBJECT --json` prints; a subject may have two words.
pub async fn show(lab: &Lab, router: &str, subject: &str) -> serde_json::Value {
    let mut arguments = vec!["show", "--json"];
    arguments.extend(subject.split(' '));
    let text = lsrctl(lab, router, &arguments).await;
    serde_json::from_str(&text).expect("--json prints JSON")
}

/// The label that a router has bound to each FEC by LDP.
pub async fn local_labels(lab: &Lab, router: &str) -> Vec<(String, u64)> {
    let answer = show(lab, router, "ldp bindings").await;
    let bindings = answer["bindings"].as_array().expect("a list").iter();
    bindings
        .filter_map(|of| Some((of["fec"].as_str()?.to_owned(), of["local_label"].as_u64()?)))
        .collect()
}

/// Runs ping(8) with these options and gives its output; `None` where it is not installed.
pub async fn system_ping(lab: &Lab, host: &str, options: &[&str]) -> Option<String> {
    let mut command = vec!["ping", "-c", "5", "-i", "0.2", "-W", "3"];
    command.extend(options);
    match lab.run(host, &command).await {
        Ok((_, output)) => Some(output),
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

/// What a router has dropped for a reason so far, in packets.
pub async fn drops(lab: &Lab, router: &str, reason: &str) -> u64 {
    let target = lab.management(router).target().await.expect("lsrd answers");
    let count = target.drops.iter().find(|drop| drop.reason == reason);
    count
        .and_then(|drop| drop.counter.as_ref())
        .map_or(0, |counter| counter.packets)
}

/// Waits until a router has dropped so many packets for a reason; gives the last count.
pub async fn wait_for_drops(lab: &Lab, router: &str, reason: &str, wanted: u64) -> u64 {
    let mut seen = 0;
    for _ in 0..100 {
        seen = drops(lab, router, reason).await;
        if seen >= wanted {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    seen
}
