//! A machine without space: a full disk for the logs, and a limit on memory.

use std::fs;
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use bmv2_tests::faults::Flows;
use bmv2_tests::flow::Outage;
use bmv2_tests::{TestLab, local_labels, prepare, skipped};
use lsrctl::lab::running::{Process, Quiet};
use lsrctl::lab::sandbox::protocol::ProcessStatus;
use p4runtime_proto::p4::v1;
use p4runtime_proto::p4::v1::p4_runtime_client::P4RuntimeClient;
use tonic::Code;
use tonic::transport::Endpoint;

use crate::network::{GRACEFUL, SETTLE, configure, converged, many_routes, network, reload, up};

/// Runs a program of the system in p1. Without it the test is skipped with the reason, or fails where labs
/// are required.
async fn system(lab: &TestLab, command: &[&str]) -> Option<()> {
    match lab.run("p1", command).await {
        Ok((ProcessStatus::Exited(0), _)) => Some(()),
        Ok((status, output)) => {
            skipped(format_args!("{command:?}: {status}: {output}"));
            None
        }
        Err(error) => {
            skipped(format_args!("{command:?}: {error}"));
            None
        }
    }
}

/// Octets of a small disk.
const DISK: usize = 64 << 10;

/// Mounts a small disk on a folder of the lab. Programs that the lab runs have mounts of their own, so
/// the lab's first process, which opens the logs, is entered.
fn mount_small_disk(lab: &TestLab, folder: &str) -> Result<(), String> {
    let init = lab.sandbox().init().to_string();
    let folder = lab.sandbox().inner_run().join("p4lsr").join(folder);
    let mut mount = Command::new("nsenter");
    let user = |process: &str| fs::read_link(format!("/proc/{process}/ns/user")).ok();
    if user("self") != user(&init) {
        // Without root the lab has a user namespace of its own; one's own cannot be entered.
        mount.args(["--user", "--preserve-credentials"]);
    }
    mount.args(["--mount", "--target", &init, "mount", "-t", "tmpfs", "-o"]);
    mount.arg(format!("size={DISK}")).arg("logs").arg(folder);
    let output = mount
        .output()
        .map_err(|error| format!("nsenter: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// A log that cannot be written is no reason to stop: what cannot be told is counted, and said when
/// there is space again.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_for_the_logs_costs_lines_of_the_logs_alone() {
    let Some(lab) = prepare(network(GRACEFUL)).await else {
        return;
    };
    fs::create_dir(lab.file("p1/logs")).unwrap();
    if let Err(reason) = mount_small_disk(&lab, "p1/logs") {
        skipped(reason);
        return;
    }
    for process in [Process::Lsrd, Process::Switch] {
        let name = format!("{}.log", process.name());
        std::os::unix::fs::symlink(format!("logs/{name}"), lab.file(format!("p1/{name}"))).unwrap();
    }
    lab.start_routers(&Quiet).await.unwrap();
    tokio::time::sleep(2 * SETTLE).await;
    let labels = local_labels(&lab, "p1").await;

    // Full to the last page: the logs' own too, so that not one line more has a place.
    let fill = |name: &str| {
        let file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(lab.file(name));
        let mut file = file.unwrap();
        for _ in 0..2 * DISK {
            if file.write_all(b"\n").is_err() {
                return;
            }
        }
        panic!("{name} is not on the small disk");
    };
    for name in ["p1/logs/ballast", "p1/lsrd.log", "p1/switch.log"] {
        fill(name);
    }
    let written = lab.log("p1", Process::Switch).len();
    let flows = Flows::start(&lab, "h1", "h2");
    tokio::time::sleep(SETTLE).await;
    // Each has something to say: a reload, a port that goes down, a controller that comes and goes.
    let flap = async || {
        for up in [false, true] {
            lab.sandbox().set_link("p1", "eth3", up).unwrap();
            tokio::time::sleep(SETTLE / 2).await;
        }
    };
    reload(&lab).await;
    flap().await;
    let ended = lab.stop_process("p1", Process::Lsrd, libc::SIGTERM).await;
    assert_eq!(ended.unwrap(), ProcessStatus::Exited(0));
    tokio::time::sleep(SETTLE).await;
    lab.start_process("p1", Process::Lsrd).unwrap();
    converged(&lab).await;
    assert_eq!(
        lab.log("p1", Process::Switch).len(),
        written,
        "there is no space"
    );

    fs::remove_file(lab.file("p1/logs/ballast")).unwrap();
    reload(&lab).await;
    flap().await;
    converged(&lab).await;
    let loss = flows.stop().await;
    loss.record(
        "disk full for the logs, p1",
        "lines of the logs are lost alone",
        "none lost; both stay up, a new lsrd starts, and the logs say how many lines are missing",
    );
    loss.assert_none();
    assert_eq!(local_labels(&lab, "p1").await, labels);
    for process in [Process::Lsrd, Process::Switch] {
        let log = lab.log("p1", process);
        let told = log
            .lines()
            .filter(|line| line.contains("lines of the log are missing"));
        let told: Vec<_> = told.collect();
        assert_eq!(told.len(), 1, "{}: {told:?}\n{log}", process.name());
        assert!(told[0].contains("No space left on device"), "{told:?}");
    }
}

/// Lets a process of p1 have no more memory than it has; `None` takes the limit, a soft one, away.
async fn limit(lab: &TestLab, process: Process, octets: Option<u32>) -> Option<()> {
    let pid = lab.pid("p1", process).unwrap().to_string();
    let octets = octets.map_or("unlimited".to_owned(), |octets| octets.to_string());
    system(
        lab,
        &["prlimit", "--pid", &pid, &format!("--data={octets}:")],
    )
    .await
}

/// How a process takes it that there is no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Took {
    /// It ended, with a word about it.
    Ended,
    /// It refused what it was asked for.
    Refused,
}

/// Waits until a process of p1 has noticed that there is no memory: it ends, or `refused` says that it
/// has refused.
async fn notice(lab: &TestLab, process: Process, refused: impl Fn() -> bool) -> Took {
    let pid = lab.pid("p1", process).unwrap();
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        match lab.sandbox().status(pid).unwrap() {
            ProcessStatus::Running if refused() => return Took::Refused,
            ProcessStatus::Running => {}
            status => {
                assert_eq!(status, ProcessStatus::Signalled(libc::SIGABRT));
                let log = lab.log_tail("p1", process);
                assert!(log.contains("memory allocation of"), "{log}");
                return Took::Ended;
            }
        }
        let log = || lab.log_tail("p1", process);
        let name = process.name();
        assert!(Instant::now() < patience, "{name} does without: {}", log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Less than any process has: it gets no more.
const LIMIT: u32 = 1 << 20;

/// Sends the switch of p1 a message of 60 MiB, which is refused where there is memory for it, as the
/// sender is not the primary client. Gives whether that is the answer.
async fn send_much(lab: &TestLab) -> bool {
    let socket = lab.file("p1/switch.sock");
    let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display()));
    let channel = endpoint.expect("a path").connect().await;
    let config = v1::ForwardingPipelineConfig {
        p4_device_config: vec![0; 60 << 20],
        ..Default::default()
    };
    let request = v1::SetForwardingPipelineConfigRequest {
        device_id: 1,
        config: Some(config),
        ..Default::default()
    };
    let mut client = P4RuntimeClient::new(channel.expect("the switch listens"));
    let refused = client.set_forwarding_pipeline_config(request).await;
    let refused = refused.expect_err("the switch does not take it");
    refused.code() == Code::PermissionDenied
}

/// Makes p1 whole again. Gives when all forwarded.
async fn give_memory(lab: &TestLab, process: Process, took: Took) -> Instant {
    match took {
        Took::Ended => lab.start_process("p1", process).unwrap(),
        Took::Refused => limit(lab, process, None).await.unwrap(),
    }
    converged(lab).await
}

/// A process that gets no memory refuses what needs it, or ends with a word about it, and whatever
/// supervises it starts it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_on_memory_concerns_the_process_that_reaches_it_and_no_other() {
    let Some(lab) = up(GRACEFUL).await else {
        return;
    };
    tokio::time::sleep(2 * SETTLE).await;
    let labels = local_labels(&lab, "p1").await;

    let flows = Flows::start(&lab, "h1", "h2");
    tokio::time::sleep(SETTLE).await;
    if limit(&lab, Process::Lsrd, Some(LIMIT)).await.is_none() {
        return;
    }
    let former = configure(&lab, &many_routes(8000));
    let lsrd = lab.pid("p1", Process::Lsrd).unwrap();
    lab.sandbox().signal(lsrd, libc::SIGHUP).unwrap();
    let refused = || {
        lab.log_tail("p1", Process::Lsrd)
            .contains("configuration is refused")
    };
    let took = notice(&lab, Process::Lsrd, refused).await;
    tokio::time::sleep(SETTLE).await;
    fs::write(lab.file("p1/lsrd.toml"), &former).unwrap();
    give_memory(&lab, Process::Lsrd, took).await;
    let loss = flows.stop().await;
    loss.record(
        "memory limit of lsrd, p1",
        match took {
            Took::Ended => "lsrd ends; the switch forwards on by itself",
            Took::Refused => "lsrd refuses 8000 new routes, and says that memory is out",
        },
        "none lost, the same labels",
    );
    loss.assert_none();
    assert_eq!(local_labels(&lab, "p1").await, labels);

    let flows = Flows::start(&lab, "h1", "h2");
    tokio::time::sleep(SETTLE).await;
    limit(&lab, Process::Switch, Some(LIMIT)).await.unwrap();
    let from = Instant::now();
    let answered = send_much(&lab).await;
    let took = notice(&lab, Process::Switch, || answered).await;
    let until = give_memory(&lab, Process::Switch, took).await;
    let outage = Outage { from, until };
    tokio::time::sleep(SETTLE).await;
    let loss = flows.stop().await;
    loss.record(
        "memory limit of p4-switch, p1",
        match took {
            Took::Ended => "p4-switch ends at a message of 60 MiB; lsrd fills the new one",
            Took::Refused => "p4-switch has room for a message of 60 MiB and refuses it",
        },
        "lost only until a new switch is filled, by the same lsrd; none if it does not end",
    );
    match took {
        Took::Ended => loss.assert_none_outside(outage),
        Took::Refused => loss.assert_none(),
    }
    assert_eq!(local_labels(&lab, "p1").await, labels);
}
