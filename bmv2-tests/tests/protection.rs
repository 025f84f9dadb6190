//! Linear protection and backup paths under traffic.

use std::time::Duration;

use bmv2_tests::{
    PING, TestLab, Traffic, assert_no_loss, describe, lab_file, lsrctl, options, ping, show, start,
    system_ping,
};
use lsrctl::lab::capture::Capture;
use lsrctl::lab::running::{Process, Quiet};

/// How many labelled frames a node has sent by an interface.
fn sent(capture: &Capture) -> usize {
    let frames = capture.frames();
    let labelled = frames
        .iter()
        .filter(|frame| frame.sent && frame.octets[12..14] == [0x88, 0x47]);
    labelled.count()
}

/// Traffic of two seconds, in the middle of which something happens; how many packets or answers
/// were lost.
async fn traffic_through(lab: &TestLab, event: impl AsyncFnOnce()) -> u16 {
    let traffic = Traffic::start(lab, "h1", "h2", false);
    tokio::time::sleep(Duration::from_secs(1)).await;
    event().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let result = traffic.stop().await;
    println!("{}", describe(&result));
    assert_eq!(result.duplicates, 0);
    result.lost()
}

/// RFC 6378: one write switches the head over; nothing is lost while both paths are whole.
#[tokio::test(flavor = "multi_thread")]
async fn one_to_one_protection_switches_without_loss() {
    let Some(lab) = start(options(&lab_file("protection"))).await else {
        return;
    };
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
    let working = Capture::start(lab.sandbox(), "pe1", "eth2").unwrap();
    let protecting = Capture::start(lab.sandbox(), "pe1", "eth3").unwrap();
    let switch = async |path: &str| {
        lsrctl(&lab, "pe1", &["protection", "switch", "east", path]).await;
    };
    let lost = traffic_through(&lab, async || switch("protecting").await).await;
    assert_eq!(lost, 0);
    assert!(sent(&working) > 50 && sent(&protecting) > 50);
    let shown = show(&lab, "pe1", "protection").await;
    assert_eq!(shown["domains"][0]["path"], "PROTECTING", "{shown}");

    // Now all of it goes by the protecting path, until it is switched back.
    working.clear();
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
    // So does what the router itself sends.
    if let Some(output) = system_ping(&lab, "pe1", &["-I", "10.1.0.1", "10.2.0.2"]).await {
        assert!(output.contains(" 0% packet loss"), "{output}");
    }
    assert_eq!(sent(&working), 0);
    let lost = traffic_through(&lab, async || switch("working").await).await;
    assert_eq!(lost, 0);
}

/// A restart of lsrd keeps the path in use: the switch forwards by it all the while.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_the_path_in_use() {
    let Some(lab) = start(options(&lab_file("protection"))).await else {
        return;
    };
    lsrctl(&lab, "pe1", &["protection", "switch", "east", "protecting"]).await;
    let working = Capture::start(lab.sandbox(), "pe1", "eth2").unwrap();
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
    working.clear();
    let traffic = Traffic::start(&lab, "h1", "h2", false);
    lab.stop_process("pe1", Process::Lsrd, libc::SIGKILL)
        .await
        .unwrap();
    lab.start_process("pe1", Process::Lsrd).unwrap();
    lab.wait_until_ready(&Quiet).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let result = traffic.stop().await;
    println!("{}", describe(&result));
    assert_eq!(result.lost(), 0);
    assert_eq!(sent(&working), 0, "by the working path");
    let shown = show(&lab, "pe1", "protection").await;
    assert_eq!(shown["domains"][0]["path"], "PROTECTING", "{shown}");
}

/// RFC 4090, section 3; RFC 5654, requirement 97: one write moves all paths off a port.
#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_goes_down_leaves_its_traffic_to_the_backups() {
    let Some(lab) = start(options(&lab_file("protection"))).await else {
        return;
    };
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
    let backup = Capture::start(lab.sandbox(), "pe2", "eth2").unwrap();
    let lost = traffic_through(&lab, async || {
        lsrctl(&lab, "pe2", &["port", "down", "1"]).await;
    })
    .await;
    assert_eq!(lost, 0, "taken down by the operator");
    assert!(sent(&backup) > 50);
    lsrctl(&lab, "pe2", &["port", "up", "1"]).await;

    // The link itself: what was under way is lost, and what the switch sent until lsrd knew.
    let lost = traffic_through(&lab, async || {
        lab.sandbox().set_link("p1", "eth2", false).unwrap();
        // pe1 sends on by p1, which has no way to pe2 now: its domain is switched by hand.
        lsrctl(&lab, "pe1", &["protection", "switch", "east", "protecting"]).await;
    })
    .await;
    println!("{lost} lost by the link");
    assert!(lost <= 60, "{lost} lost: more than 300 ms");
    let shown = show(&lab, "pe2", "protection").await;
    let mut ports = shown["ports"].as_array().unwrap().iter();
    let port = ports.find(|port| port["port"] == 1).unwrap();
    assert_eq!(
        (&port["up"], &port["carrier"]),
        (&false.into(), &false.into())
    );
    assert_no_loss(&ping(&lab, "h2", "h1", false, PING).await);
}

/// RFC 6378, section 1.1: 1+1 sends by both paths, and the tail takes one of them.
#[tokio::test(flavor = "multi_thread")]
async fn one_plus_one_protection_selects_at_the_tail() {
    let mut topology = lab_file("protection").replace("\"one-to-one\"", "\"one-plus-one\"");
    let mut change = |from: &str, to: &str| {
        assert!(topology.contains(from), "{from}");
        topology = topology.replacen(from, to, 1);
    };
    // Each path ends in a label of its own.
    change(
        "{ interface = \"to-pe2\", address = \"10.0.34.4\", labels = [300] }",
        "{ interface = \"to-pe2\", address = \"10.0.34.4\", labels = [310] }",
    );
    change(
        "[[static-lsp.ilm]]\nname = \"h1-h2\"\nlabel = 300\n",
        "[[protection]]\nname = \"east\"\nkind = \"one-plus-one\"\n\n\
         [[static-lsp.ilm]]\nname = \"h1-h2-protecting\"\nlabel = 310\n\
         operation = \"pop-and-look-up-ip\"\npayload = \"ipv4\"\n\
         protection = \"east\"\nprotection-path = \"protecting\"\n\n\
         [[static-lsp.ilm]]\nname = \"h1-h2\"\nlabel = 300\n\
         protection = \"east\"\nprotection-path = \"working\"\n",
    );
    let Some(lab) = start(options(&topology)).await else {
        return;
    };
    // One of the two copies arrives.
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
    let lost = traffic_through(&lab, async || {
        lsrctl(&lab, "pe2", &["protection", "switch", "east", "protecting"]).await;
    })
    .await;
    assert!(lost <= 1, "{lost} lost");
    // The working path may go now.
    lab.sandbox().set_link("p1", "eth1", false).unwrap();
    lsrctl(&lab, "pe2", &["port", "down", "1"]).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
    let target = show(&lab, "pe2", "target").await;
    let mut drops = target["target"]["drops"].as_array().unwrap().iter();
    let not_selected = drops.find(|drop| drop["reason"] == "not-selected");
    assert!(not_selected.is_some(), "{target}");
}
