//! `kill -9`.

use std::time::{Duration, Instant};

use bmv2_tests::faults::{Flows, Loss};
use bmv2_tests::flow::Outage;
use bmv2_tests::{TestLab, local_labels};
use lsrctl::lab::running::Process;
use lsrctl::lab::sandbox::protocol::ProcessStatus;

use crate::network::{GRACEFUL, SETTLE, converged, up};

/// Longest from the end of a switch until it forwards again, of which it is away for [`SETTLE`].
const REPAIR: Duration = Duration::from_secs(30);

async fn kill(lab: &TestLab, router: &str, process: Process) {
    let ended = lab.stop_process(router, process, libc::SIGKILL).await;
    assert_eq!(ended.unwrap(), ProcessStatus::Signalled(libc::SIGKILL));
}

/// What was lost was lost without a switch, and that not for too long.
fn assert_repaired(loss: &Loss, outage: Outage) {
    loss.assert_none_outside(outage);
    assert!(loss.lost() > 0, "a router without a switch cannot forward");
    assert!(outage.length() < REPAIR, "{:?}", outage.length());
}

/// RFC 3478, section 3: the forwarding state of a restarting LSR is preserved across the restart,
/// and so are its labels.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_lsrd_costs_no_packet_and_no_label() {
    let Some(lab) = up(GRACEFUL).await else {
        return;
    };
    // What is bound is kept a second later at the latest.
    tokio::time::sleep(2 * SETTLE).await;
    for router in ["p1", "pe1"] {
        let labels = local_labels(&lab, router).await;
        assert!(!labels.is_empty());
        let flows = Flows::start(&lab, "h1", "h2");
        tokio::time::sleep(SETTLE).await;
        kill(&lab, router, Process::Lsrd).await;
        tokio::time::sleep(2 * SETTLE).await;
        lab.start_process(router, Process::Lsrd).unwrap();
        converged(&lab).await;
        let loss = flows.stop().await;
        loss.record(
            &format!("kill -9 of lsrd, {router}"),
            "the switch forwards on by itself",
            "none lost, the same labels",
        );
        loss.assert_none();
        assert_eq!(local_labels(&lab, router).await, labels);
    }
}

/// Without a switch nothing is forwarded. lsrd fills a new one without being restarted.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_switch_costs_packets_until_lsrd_has_filled_it_again() {
    let Some(lab) = up(GRACEFUL).await else {
        return;
    };
    let lsrd = lab.pid("p1", Process::Lsrd).unwrap();
    let flows = Flows::start(&lab, "h1", "h2");
    tokio::time::sleep(SETTLE).await;
    let from = Instant::now();
    kill(&lab, "p1", Process::Switch).await;
    tokio::time::sleep(SETTLE).await;
    lab.start_process("p1", Process::Switch).unwrap();
    let until = converged(&lab).await;
    let outage = Outage { from, until };
    tokio::time::sleep(SETTLE).await;
    let loss = flows.stop().await;
    loss.record(
        "kill -9 of p4-switch, p1",
        &format!("no switch for {SETTLE:?}, then lsrd fills it again"),
        "lost only from the kill until the switch is filled, by the same lsrd",
    );
    assert_repaired(&loss, outage);
    let running = lab.sandbox().status(lsrd).unwrap();
    assert_eq!(running, ProcessStatus::Running);
    assert_eq!(lab.pid("p1", Process::Lsrd).unwrap(), lsrd);
}

/// The same with lsrd killed too: whichever starts first, the two find each other.
#[tokio::test(flavor = "multi_thread")]
async fn a_router_killed_as_a_whole_comes_back() {
    let Some(lab) = up(GRACEFUL).await else {
        return;
    };
    let flows = Flows::start(&lab, "h1", "h2");
    tokio::time::sleep(SETTLE).await;
    let from = Instant::now();
    kill(&lab, "p1", Process::Lsrd).await;
    kill(&lab, "p1", Process::Switch).await;
    tokio::time::sleep(SETTLE).await;
    lab.start_process("p1", Process::Lsrd).unwrap();
    tokio::time::sleep(SETTLE).await;
    lab.start_process("p1", Process::Switch).unwrap();
    let until = converged(&lab).await;
    let outage = Outage { from, until };
    tokio::time::sleep(SETTLE).await;
    let loss = flows.stop().await;
    loss.record(
        "kill -9 of both, p1",
        &format!("no switch for {:?}, then the new lsrd fills it", 2 * SETTLE),
        "lost only from the kill until the switch is filled",
    );
    assert_repaired(&loss, outage);
}
