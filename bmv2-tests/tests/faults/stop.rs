//! A switch that stands still: it holds its connections and answers nothing.

use std::time::{Duration, Instant};

use bmv2_tests::faults::Flows;
use bmv2_tests::flow::Outage;
use bmv2_tests::{TestLab, lsrctl, show};
use lsrctl::lab::running::Process;

use crate::network::{SETTLE, converged, up};

/// How long the switch stands still.
const STILL: Duration = Duration::from_secs(10);
/// How long lsrd may take to answer meanwhile: it waits 2 s for counters of the switch.
const ANSWER: Duration = Duration::from_secs(4);

/// How many operational sessions a router has.
async fn sessions(lab: &TestLab, router: &str) -> usize {
    let answer = show(lab, router, "ldp neighbors").await;
    let neighbours = answer["neighbours"].as_array().unwrap().iter();
    neighbours.filter(|of| of["state"] == "operational").count()
}

/// RFC 5036, section 2.5.5: a Hello adjacency ends when its hold time passes without a Hello, and
/// with the last adjacency its session. Both come back with the switch.
#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_stands_still_for_10_s_costs_the_packets_of_10_s() {
    let Some(lab) = up("{ hello-hold-time = 6 }").await else {
        return;
    };
    let switch = lab.pid("p1", Process::Switch).unwrap();
    let flows = Flows::start(&lab, "h1", "h2");
    tokio::time::sleep(SETTLE).await;
    let from = Instant::now();
    lab.sandbox().signal(switch, libc::SIGSTOP).unwrap();
    tokio::time::sleep(SETTLE).await;
    for subject in ["lfib", "target", "interfaces"] {
        let asked = Instant::now();
        lsrctl(&lab, "p1", &["show", subject]).await;
        let answered = asked.elapsed();
        assert!(answered < ANSWER, "show {subject} took {answered:?}");
    }
    tokio::time::sleep(STILL.saturating_sub(from.elapsed())).await;
    for router in ["pe1", "p1", "pe2"] {
        assert_eq!(sessions(&lab, router).await, 0, "{router}");
    }
    lab.sandbox().signal(switch, libc::SIGCONT).unwrap();
    let outage = Outage {
        from,
        until: Instant::now() + SETTLE,
    };
    converged(&lab).await;
    tokio::time::sleep(2 * SETTLE).await;
    let loss = flows.stop().await;
    loss.record(
        "SIGSTOP of p4-switch for 10 s, p1",
        "the ports' queues take what they hold, the rest is dropped",
        "lost or late only what was sent in these 10 s; LDP sessions end by their hold time and come back",
    );
    loss.assert_none_outside(outage);
    for (router, neighbours) in [("pe1", 1), ("p1", 2), ("pe2", 1)] {
        assert_eq!(sessions(&lab, router).await, neighbours, "{router}");
    }
}
