//! Bad packets and absent switches: each ends in a counter or in an error that says what to do.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use bmv2_tests::frames::{echo_request, entry, ethernet, labelled, stack};
use bmv2_tests::{
    PING, TestLab, assert_no_loss, chain, drops, frames_with, mac, options, ping, prepare, start,
    wait_for_drops,
};
use lsrctl::lab::LabError;
use lsrctl::lab::capture::{Capture, PacketSocket};
use lsrctl::lab::programs::Programs;
use lsrctl::lab::routers::Expected;
use lsrctl::lab::running::{Process, Quiet};

/// A lab, the wire from pe1 to p1, and p1's MAC address on it.
struct Wire {
    lab: TestLab,
    socket: PacketSocket,
    p1: [u8; 6],
}

impl Wire {
    async fn new() -> Option<Self> {
        let lab = start(options(&chain())).await?;
        // What is sent out of pe1's end of the link arrives at p1's.
        let socket = PacketSocket::open(lab.sandbox(), "pe1", "eth2").unwrap();
        let p1 = mac(&lab, "p1", 1).await;
        Some(Self { lab, socket, p1 })
    }

    /// Everything still works.
    async fn is_well(&self) {
        for router in ["pe1", "p1", "p2", "pe2"] {
            self.lab.check_processes(router).unwrap();
        }
        for ipv6 in [false, true] {
            assert_no_loss(&ping(&self.lab, "h1", "h2", ipv6, PING).await);
        }
    }
}

fn packet() -> Vec<u8> {
    echo_request([10, 1, 0, 2], [10, 2, 0, 2], 64, 1)
}

/// RFC 3031, section 3.18: a packet with a label for which there is no binding is discarded.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_label_is_dropped_and_counted() {
    let Some(wire) = Wire::new().await else {
        return;
    };
    let lab = &wire.lab;
    let out = Capture::start(lab.sandbox(), "p1", "eth2").unwrap();
    let before = drops(lab, "p1", "unknown-label").await;
    for _ in 0..50 {
        let frame = labelled(wire.p1, &stack(&[999], 64), &packet());
        wire.socket.send(&frame).await.unwrap();
    }
    let after = wait_for_drops(lab, "p1", "unknown-label", before + 50).await;
    assert_eq!(after - before, 50);
    // One frame with a label that is bound goes through behind them, and only that one.
    let good = labelled(wire.p1, &stack(&[100], 64), &packet());
    wire.socket.send(&good).await.unwrap();
    let frames = frames_with(&out, |frame| !frame.labels.is_empty()).await;
    let labelled = frames
        .iter()
        .filter(|(sent, frame)| *sent && !frame.labels.is_empty());
    assert_eq!(labelled.count(), 1, "{frames:?}");

    let json = lab
        .run("p1", &lsrctl_show(lab, "p1", "target"))
        .await
        .unwrap()
        .1;
    assert!(json.contains("unknown-label"), "{json}");
    wire.is_well().await;
}

fn lsrctl_show<'a>(lab: &'a TestLab, router: &'a str, what: &'a str) -> Vec<&'a str> {
    let lsrctl = lab.options().programs.lsrctl.to_str().unwrap();
    let run = lab.sandbox().inner_run();
    let socket = run.join("p4lsr").join(router).join("lsrd.sock");
    // Leaked: a handful of bytes in a test.
    let socket = Box::leak(socket.display().to_string().into_boxed_str());
    vec![lsrctl, "--socket", socket, "show", what, "--json"]
}

/// A stack deeper than the parser's limit is swapped by its top label; the rest is payload
/// (RFC 7325, section 1.3).
#[tokio::test(flavor = "multi_thread")]
async fn thirty_labels_are_swapped_by_the_top_one() {
    let Some(wire) = Wire::new().await else {
        return;
    };
    let out = Capture::start(wire.lab.sandbox(), "p1", "eth2").unwrap();
    let mut labels = vec![100];
    labels.extend(5000..5029);
    let frame = labelled(wire.p1, &stack(&labels, 40), &packet());
    wire.socket.send(&frame).await.unwrap();
    let frames = frames_with(&out, |frame| frame.labels.len() == 30).await;
    let (_, swapped) = frames
        .iter()
        .find(|(_, frame)| frame.labels.len() == 30)
        .unwrap();
    let seen: Vec<_> = swapped
        .labels
        .iter()
        .map(|entry| (entry.label.value(), entry.ttl))
        .collect();
    assert_eq!(seen[0], (200, 39));
    let below: Vec<_> = (5000..5029).map(|label| (label, 40)).collect();
    assert_eq!(seen[1..], below);
    wire.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_frames_neither_stop_a_router_nor_get_through() {
    let Some(wire) = Wire::new().await else {
        return;
    };
    let out = Capture::start(wire.lab.sandbox(), "p2", "eth2").unwrap();
    let reasons = [
        "label-stack",
        "unknown-label",
        "ip-header",
        "ether-type",
        "malformed-frame",
    ];
    let count = async || {
        let mut sum = 0;
        for reason in reasons {
            sum += drops(&wire.lab, "p1", reason).await;
        }
        sum
    };
    let before = count().await;
    let bound = entry(100, true, 64);
    let no_bottom: Vec<u8> = (0..5).flat_map(|_| entry(999, false, 64)).collect();
    let mut header_too_long = packet();
    header_too_long[0] = 0x4f;
    let mut wrong_version = packet();
    wrong_version[0] = 0x75;
    let mut wrong_checksum = packet();
    wrong_checksum[10] ^= 0xff;
    let frames = [
        // Cut inside of the first entry, inside of the second, and after the last.
        ethernet(wire.p1, 0x8847, &bound[..2]),
        ethernet(
            wire.p1,
            0x8847,
            &[&entry(999, false, 64)[..], &bound[..1]].concat(),
        ),
        ethernet(wire.p1, 0x8847, &no_bottom),
        ethernet(wire.p1, 0x8847, &[]),
        // IP packets that are cut, or not what they say.
        ethernet(wire.p1, 0x0800, &packet()[..10]),
        ethernet(wire.p1, 0x0800, &header_too_long[..24]),
        ethernet(wire.p1, 0x0800, &wrong_version),
        ethernet(wire.p1, 0x0800, &wrong_checksum),
        ethernet(wire.p1, 0x86dd, &[0x60; 12]),
        ethernet(wire.p1, 0x88b5, &[0; 46]),
    ];
    for frame in &frames {
        wire.socket.send(frame).await.unwrap();
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let mut counted = 0;
    while counted < frames.len() as u64 && tokio::time::Instant::now() < deadline {
        counted = count().await - before;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(
        counted,
        frames.len() as u64,
        "every one of them is dropped and counted"
    );
    wire.is_well().await;
    let through = out.frames();
    let strange = through
        .iter()
        .filter(|captured| captured.octets.ends_with(&[0x5a; 8]));
    assert_eq!(strange.count(), 0, "none of them got through");
}

/// Random octets after an Ethernet header that p1 takes for its own.
#[tokio::test(flavor = "multi_thread")]
async fn random_frames_do_no_harm() {
    let Some(wire) = Wire::new().await else {
        return;
    };
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..2000 {
        let length = usize::try_from(random() % 120).unwrap();
        let payload: Vec<u8> = (0..length).map(|_| random().to_le_bytes()[0]).collect();
        let ether_type = [0x8847, 0x0800, 0x86dd, 0x0806][round % 4];
        wire.socket
            .send(&ethernet(wire.p1, ether_type, &payload))
            .await
            .unwrap();
    }
    wire.is_well().await;
}

/// lsrd says that it waits for its switch, and goes on as soon as there is one.
#[tokio::test(flavor = "multi_thread")]
async fn an_lsrd_waits_for_a_switch_that_is_not_there_yet() {
    let Some(lab) = prepare(options(&chain())).await else {
        return;
    };
    for router in ["pe1", "p1", "p2", "pe2"] {
        lab.start_process(router, Process::Lsrd).unwrap();
        if router != "p1" {
            lab.start_process(router, Process::Switch).unwrap();
        }
    }
    let mut state = lab.management("p1").state(&Expected::default()).await;
    for _ in 0..100 {
        if state.lsrd_up && !state.error.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        state = lab.management("p1").state(&Expected::default()).await;
    }
    assert!(state.lsrd_up && !state.switch_connected, "{state:?}");
    assert!(state.error.contains("127.0.0.1:9559"), "{state:?}");
    lab.start_process("p1", Process::Switch).unwrap();
    lab.wait_until_ready(&Quiet).await.unwrap();
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
}

/// A lab whose switch never answers ends in time, and says which router and what its lsrd says.
#[tokio::test(flavor = "multi_thread")]
async fn a_lab_whose_switches_do_not_answer_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let programs = options(&chain()).programs;
    for program in ["lsrctl", "lsrd", "p4-compiler"] {
        std::os::unix::fs::symlink(programs.folder.join(program), folder.path().join(program))
            .unwrap();
    }
    let silent = folder.path().join("p4-switch");
    std::fs::write(&silent, "#!/bin/sh\nexec sleep 1000\n").unwrap();
    std::fs::set_permissions(&silent, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut options = options(&chain());
    options.programs = Programs::in_folder(folder.path(), programs.source);
    options.timeout = Duration::from_secs(10);
    let Some(lab) = prepare(options).await else {
        return;
    };
    let error = lab.start_routers(&Quiet).await.unwrap_err();
    assert!(
        matches!(error, LabError::NotReady { seconds: 10, .. }),
        "{error}"
    );
    let words = error.to_string();
    for part in ["pe1: ", "pe2: ", "waiting for the switch", "lsrd log"] {
        assert!(words.contains(part), "{words}");
    }
}

/// A switch that stops answering in the middle of everything (its process is stopped, its TCP
/// connection stays) does not stop lsrd, and is used again when it answers again.
#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_hangs_for_a_while_is_used_again() {
    let Some(lab) = start(options(&chain())).await else {
        return;
    };
    let switch = lab.pid("p1", Process::Switch).unwrap();
    lab.sandbox().signal(switch, libc::SIGSTOP).unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(
        lab.management("p1").target().await.is_ok(),
        "lsrd answers without its switch"
    );
    lab.sandbox().signal(switch, libc::SIGCONT).unwrap();
    lab.wait_until_ready(&Quiet).await.unwrap();
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
}
