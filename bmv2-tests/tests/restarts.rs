//! Forwarding goes on while a control plane restarts, and comes back when a switch restarts.

use std::time::Duration;

use bmv2_tests::{PING, Traffic, assert_no_loss, chain, describe, options, ping, start};
use lsrctl::lab::running::{Lab, Process, Quiet};
use lsrctl::lab::sandbox::protocol::ProcessStatus;

/// How long packets flow before and after a restart.
const SETTLE: Duration = Duration::from_secs(1);

/// Restarts the lsrd of a router while packets flow both ways; gives how it ended.
async fn restart_lsrd(lab: &Lab, router: &str, signal: i32) -> ProcessStatus {
    let flows = [
        Traffic::start(lab, "h1", "h2", false),
        Traffic::start(lab, "h2", "h1", true),
    ];
    tokio::time::sleep(SETTLE).await;
    let status = lab
        .stop_process(router, Process::Lsrd, signal)
        .await
        .unwrap();
    tokio::time::sleep(SETTLE).await;
    lab.start_process(router, Process::Lsrd).unwrap();
    lab.wait_until_ready(&Quiet).await.unwrap();
    tokio::time::sleep(SETTLE).await;
    for flow in flows {
        let result = flow.stop().await;
        println!("lsrd of {router}, signal {signal}: {}", describe(&result));
        assert_no_loss(&result);
        assert!(
            result.sent > 400,
            "the packets flowed all the time: {}",
            describe(&result)
        );
    }
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_an_lsrd_loses_no_packet() {
    let Some(lab) = start(options(&chain())).await else {
        return;
    };
    let ended = restart_lsrd(&lab, "p1", libc::SIGTERM).await;
    assert_eq!(ended, ProcessStatus::Exited(0));
    let ended = restart_lsrd(&lab, "p1", libc::SIGKILL).await;
    assert_eq!(ended, ProcessStatus::Signalled(libc::SIGKILL));
    // The ingress and egress LER has FTN entries and hosts beside.
    restart_lsrd(&lab, "pe1", libc::SIGKILL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_a_switch_loses_packets_only_until_it_is_filled_again() {
    let Some(lab) = start(options(&chain())).await else {
        return;
    };
    let flow = Traffic::start(&lab, "h1", "h2", false);
    tokio::time::sleep(SETTLE).await;
    lab.stop_process("p1", Process::Switch, libc::SIGKILL)
        .await
        .unwrap();
    let down = tokio::time::Instant::now();
    // Without a switch nothing is forwarded: this much is lost at least.
    tokio::time::sleep(SETTLE).await;
    lab.start_process("p1", Process::Switch).unwrap();
    lab.wait_until_ready(&Quiet).await.unwrap();
    let outage = down.elapsed();
    tokio::time::sleep(SETTLE).await;
    let result = flow.stop().await;
    println!("switch of p1 away for {outage:?}: {}", describe(&result));
    let lost = Traffic::INTERVAL * u32::from(result.lost());
    assert!(lost > SETTLE / 2, "{}", describe(&result));
    assert!(lost < outage + SETTLE, "{}", describe(&result));
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
    assert_no_loss(&ping(&lab, "h1", "h2", true, PING).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_comes_back_is_used_again() {
    let Some(lab) = start(options(&chain())).await else {
        return;
    };
    lab.sandbox().set_link("p1", "eth2", false).unwrap();
    let mut short = PING;
    (short.count, short.timeout) = (5, Duration::from_millis(300));
    assert_eq!(ping(&lab, "h1", "h2", false, short).await.lost(), 5);
    lab.sandbox().set_link("p1", "eth2", true).unwrap();
    lab.wait_until_ready(&Quiet).await.unwrap();
    tokio::time::sleep(SETTLE).await;
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
}
