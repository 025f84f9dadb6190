//! A flood in one punt class starves no other (RFC 6192).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bmv2_tests::frames::{echo_request, labelled, stack};
use bmv2_tests::{PING, TestLab, assert_no_loss, chain, mac, options, ping, show, start};
use etherparse::PacketBuilder;
use lsrctl::lab::capture::PacketSocket;
use lsrctl::lab::echo::Prober;

/// What came up of a class: offered to the switch, received by lsrd, dropped by lsrd.
async fn class(lab: &TestLab, name: &str) -> (u64, u64, u64) {
    let shown = show(lab, "pe1", "punt").await;
    let mut classes = shown["classes"].as_array().unwrap().iter();
    let class = classes.find(|class| class["name"] == name).unwrap();
    let number = |value: &serde_json::Value| value.as_u64().unwrap_or(0);
    (
        number(&class["offered"]["packets"]),
        number(&class["received"]["packets"]),
        number(&class["dropped"]),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_class_leaves_the_others_alone() {
    let Some(lab) = start(options(&chain())).await else {
        return;
    };
    // Unknown labels and expired TTLs, from p1 to pe1, as fast as they go.
    let flood = PacketSocket::open(lab.sandbox(), "p1", "eth1").unwrap();
    let pe1 = mac(&lab, "pe1", 2).await;
    let packet = echo_request([10, 2, 0, 2], [10, 1, 0, 2], 1, 1);
    let unknown = labelled(pe1, &stack(&[999], 64), &packet);
    let expired = labelled(pe1, &stack(&[999_999], 1), &packet);
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let flooding = tokio::spawn(async move {
        let mut sent = 0_u64;
        while !stopped.load(Ordering::Relaxed) {
            for _ in 0..10 {
                flood.send(&unknown).await.unwrap();
                flood.send(&expired).await.unwrap();
                sent += 2;
            }
            // Some thousand packets a second: what a switch in software takes without dropping at
            // its port, and far above the rate of the class.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        sent
    });
    tokio::time::sleep(Duration::from_millis(500)).await;

    // LDP Hellos (RFC 5036, section 2.4.1) from h1, and pings to the router itself.
    let before = class(&lab, "ldp").await;
    let host = PacketSocket::open(lab.sandbox(), "h1", "eth1").unwrap();
    let hello = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 9], [1, 0, 0x5e, 0, 0, 2])
        .ipv4([10, 1, 0, 2], [224, 0, 0, 2], 1)
        .udp(646, 646);
    let mut frame = Vec::new();
    hello.write(&mut frame, b"hello").unwrap();
    for _ in 0..50 {
        host.send(&frame).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let router = Prober::open(lab.sandbox(), "h1", "10.1.0.1".parse().unwrap()).unwrap();
    assert_no_loss(&router.ping(PING).await);
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
    let after = class(&lab, "ldp").await;
    let (offered, received) = (after.0 - before.0, after.1 - before.1);
    assert_eq!((offered, received, after.2), (50, 50, 0), "LDP");

    stop.store(true, Ordering::Relaxed);
    let sent = flooding.await.unwrap();
    let (offered, received, _) = class(&lab, "unknown-label").await;
    println!("{sent} sent, {offered} offered, {received} received");
    assert!(offered > 1000, "{offered} of {sent} arrived");
    assert!(received * 2 < offered, "{received} of {offered} came up");
}

/// RFC 5586: what no protocol takes is counted by its labels.
#[tokio::test(flavor = "multi_thread")]
async fn packets_of_the_associated_channel_are_counted_by_their_labels() {
    let Some(lab) = start(options(&chain())).await else {
        return;
    };
    let pe1 = mac(&lab, "pe1", 2).await;
    let socket = PacketSocket::open(lab.sandbox(), "p1", "eth1").unwrap();
    let frame = labelled(pe1, &stack(&[13], 64), &[0x10, 0, 0, 7, 1, 2, 3, 4]);
    for _ in 0..5 {
        socket.send(&frame).await.unwrap();
    }
    let mut shown = serde_json::Value::Null;
    for _ in 0..50 {
        shown = show(&lab, "pe1", "punt").await;
        if shown["stacks"][0]["packets"] == 5 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let stack = &shown["stacks"][0];
    assert_eq!(stack["class"], "g-ach", "{shown}");
    assert_eq!(stack["labels"], serde_json::json!([13]));
    assert_eq!(stack["packets"], 5);
}
