//! The lab's namespaces, links, sockets and processes with plain kernel forwarding: what labs
//! stand on, without a router of ours.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lsrctl::lab::capture::Capture;
use lsrctl::lab::echo::{AnswerKind, PingOptions, Prober};
use lsrctl::lab::packet::Frame;
use lsrctl::lab::sandbox::protocol::{EndPlan, LinkPlan, NodePlan, Plan, ProcessStatus};
use lsrctl::lab::sandbox::{Sandbox, SandboxOptions};

fn options(rootless: bool) -> SandboxOptions {
    SandboxOptions {
        lsrctl: PathBuf::from(env!("CARGO_BIN_EXE_lsrctl")),
        rootless,
        record: None,
        visible: Vec::new(),
    }
}

/// h1 ── r ── h2, where r is a kernel that forwards.
fn plan() -> Plan {
    let node = |name: &str, forwarding, gateways: &[&str]| NodePlan {
        name: name.into(),
        forwarding,
        gateways: gateways
            .iter()
            .map(|gateway| gateway.parse().unwrap())
            .collect(),
    };
    let end = |node: &str, interface: &str, addresses: [&str; 2]| EndPlan {
        node: node.into(),
        interface: interface.into(),
        addresses: addresses
            .iter()
            .map(|address| address.parse().unwrap())
            .collect(),
        vlans: Vec::new(),
        switch_port: false,
    };
    Plan {
        nodes: vec![
            node("h1", false, &["10.1.0.1", "2001:db8:1::1"]),
            node("r", true, &[]),
            node("h2", false, &["10.2.0.1", "2001:db8:2::1"]),
        ],
        links: vec![
            LinkPlan {
                ends: [
                    end("h1", "eth1", ["10.1.0.2/24", "2001:db8:1::2/64"]),
                    end("r", "eth1", ["10.1.0.1/24", "2001:db8:1::1/64"]),
                ],
                mtu: 1500,
            },
            LinkPlan {
                ends: [
                    end("r", "eth2", ["10.2.0.1/24", "2001:db8:2::1/64"]),
                    end("h2", "eth1", ["10.2.0.2/24", "2001:db8:2::2/64"]),
                ],
                mtu: 9000,
            },
        ],
    }
}

/// A sandbox, or the reason why this machine allows none.
fn sandbox(rootless: bool) -> Option<Sandbox> {
    match Sandbox::start(&options(rootless)) {
        Ok(sandbox) => Some(sandbox),
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

const PING: PingOptions = PingOptions {
    count: 5,
    interval: Duration::from_millis(20),
    timeout: Duration::from_secs(2),
};

async fn hosts_reach_each_other(rootless: bool) {
    let Some(sandbox) = sandbox(rootless) else {
        return;
    };
    sandbox.build(plan()).unwrap();
    for (from, to, router) in [
        ("h1", "10.2.0.2", "10.1.0.1"),
        ("h1", "2001:db8:2::2", "2001:db8:1::1"),
        ("h2", "10.1.0.2", "10.2.0.1"),
    ] {
        let capture = Capture::start(&sandbox, "r", "eth1").unwrap();
        let to: IpAddr = to.parse().unwrap();
        let prober = Prober::open(&sandbox, from, to).unwrap();
        let result = prober.ping(PING).await;
        assert_eq!(
            (result.sent, result.lost(), result.duplicates),
            (5, 0, 0),
            "{result:?}"
        );
        // The frames are in the capture's socket; its task may not have read the last ones yet.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let seen = capture.frames();
        let echo = |reply, sent| {
            seen.iter()
                .filter(|captured| captured.sent == sent)
                .filter_map(|captured| Frame::parse(&captured.octets))
                .filter(|frame| frame.is_echo(to.is_ipv6(), reply, prober.identifier(), 4))
                .count()
        };
        let forward = from == "h2";
        assert_eq!(
            (echo(false, forward), echo(true, !forward)),
            (1, 1),
            "{seen:?}"
        );

        let hops = prober.traceroute(5, Duration::from_secs(2)).await;
        let found: Vec<_> = hops
            .iter()
            .flatten()
            .map(|answer| (answer.from, answer.kind))
            .collect();
        let router: IpAddr = router.parse().unwrap();
        assert_eq!(
            found,
            [(router, AnswerKind::TimeExceeded), (to, AnswerKind::Reply)]
        );
    }
}

#[tokio::test]
async fn hosts_reach_each_other_through_a_forwarding_namespace() {
    hosts_reach_each_other(false).await;
}

#[tokio::test]
async fn hosts_reach_each_other_in_a_user_namespace() {
    hosts_reach_each_other(true).await;
}

#[tokio::test]
async fn a_link_that_is_down_loses_packets() {
    let Some(sandbox) = sandbox(false) else {
        return;
    };
    sandbox.build(plan()).unwrap();
    sandbox.set_link("r", "eth2", false).unwrap();
    let prober = Prober::open(&sandbox, "h1", "10.2.0.2".parse().unwrap()).unwrap();
    let short = PingOptions {
        count: 2,
        timeout: Duration::from_millis(300),
        ..PING
    };
    assert_eq!(prober.ping(short).await.lost(), 2);
}

/// Processes of the sandbox, found through the marker in their arguments.
fn marked(marker: &str) -> usize {
    let mut found = 0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        found += usize::from(String::from_utf8_lossy(&line).contains(marker));
    }
    found
}

#[test]
fn programs_run_in_their_node_and_end_with_the_sandbox() {
    let Some(sandbox) = sandbox(false) else {
        return;
    };
    sandbox.build(plan()).unwrap();
    let log = |name: &str| Path::new("p4lsr/h1").join(name);
    let shell = |script: &str| vec!["/bin/sh".into(), "-c".into(), script.into()];
    let environment = vec![("WORD".to_owned(), "from the test".to_owned())];
    let run = |script: &str, name: &str| {
        sandbox
            .spawn_logged("h1", shell(script), environment.clone(), log(name))
            .unwrap()
    };
    let pid = run("echo $WORD; cat /proc/net/dev; exit 7", "short.log");
    let status = std::iter::repeat_with(|| {
        std::thread::sleep(Duration::from_millis(20));
        sandbox.status(pid).unwrap()
    })
    .find(|status| *status != ProcessStatus::Running);
    assert_eq!(status, Some(ProcessStatus::Exited(7)));
    let output = std::fs::read_to_string(sandbox.path(log("short.log"))).unwrap();
    assert!(
        output.starts_with("from the test\n") && output.contains("eth1:"),
        "{output}"
    );

    let marker = format!("p4lsr-marker-{}", std::process::id());
    // A child of a child in a session of its own, deaf to SIGTERM and SIGHUP.
    let script = format!("trap '' TERM HUP; (setsid sleep 1000; : {marker}) & sleep 1000");
    run(&script, "long.log");
    std::thread::sleep(Duration::from_millis(200));
    assert!(marked(&marker) > 0);
    let (supervisor, init) = (sandbox.supervisor(), sandbox.init());
    drop(sandbox);
    assert_eq!(marked(&marker), 0);
    for pid in [supervisor.to_string(), init.to_string()] {
        assert!(!Path::new("/proc").join(&pid).exists(), "{pid} is left");
    }
}

#[test]
fn a_program_that_is_not_there_is_an_error_that_names_it() {
    let Some(sandbox) = sandbox(false) else {
        return;
    };
    sandbox.build(plan()).unwrap();
    let arguments = vec!["/no/such/program".to_owned()];
    let error = sandbox
        .spawn_logged("h1", arguments, Vec::new(), "log".into())
        .unwrap_err();
    assert!(error.to_string().contains("/no/such/program"), "{error}");
    let error = sandbox
        .socket("h9", libc::AF_INET, libc::SOCK_DGRAM, 0)
        .unwrap_err();
    assert!(error.to_string().contains("h9"), "{error}");
}
