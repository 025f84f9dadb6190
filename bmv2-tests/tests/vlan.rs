//! One optional 802.1Q tag in and out, on links of hosts and on labelled links.

use bmv2_tests::{PING, assert_no_loss, frames_with, lab_file, options, ping, prober, show, start};
use lsrctl::lab::capture::Capture;
use lsrctl::lab::packet::Frame;

#[tokio::test(flavor = "multi_thread")]
async fn each_link_has_its_vlan() {
    let Some(lab) = start(options(&lab_file("vlan"))).await else {
        return;
    };
    for ipv6 in [false, true] {
        for (from, to) in [("h1", "h2"), ("h2", "h1")] {
            assert_no_loss(&ping(&lab, from, to, ipv6, PING).await);
        }
    }
    let links = [("h1", "eth1"), ("pe1", "eth2"), ("pe2", "eth2")];
    let captures =
        links.map(|(node, interface)| Capture::start(lab.sandbox(), node, interface).unwrap());
    let prober = prober(&lab, "h1", "h2", false);
    assert_no_loss(&prober.ping(PING).await);
    let wanted = |frame: &Frame| frame.is_echo(false, false, prober.identifier(), PING.count - 1);
    let mut seen = Vec::new();
    for capture in &captures {
        let frames = frames_with(capture, wanted).await;
        let (_, frame) = frames.iter().find(|(_, frame)| wanted(frame)).unwrap();
        let labels: Vec<_> = frame
            .labels
            .iter()
            .map(|entry| entry.label.value())
            .collect();
        seen.push((frame.vlan, labels));
    }
    let expected = [
        (Some(10), vec![]),
        (Some(30), vec![100]),
        (Some(20), vec![]),
    ];
    assert_eq!(seen, expected);

    // The router itself is reached through the tag, and its kernel saw no tag.
    let own = prober_to(&lab, "h1", "10.1.0.1");
    assert_no_loss(&own.ping(PING).await);
    let interfaces = show(&lab, "pe1", "interfaces").await;
    let of = |name: &str| {
        let mut all = interfaces["interfaces"].as_array().unwrap().iter();
        all.find(|interface| interface["name"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(of("h1.10")["vlan"], 10);
    assert!(of("h1.10")["punted_to_kernel"].as_u64().unwrap() >= u64::from(PING.count));
    assert!(of("pe2.30")["received"]["packets"].as_u64().unwrap() >= u64::from(PING.count));
}

fn prober_to(lab: &bmv2_tests::TestLab, from: &str, to: &str) -> lsrctl::lab::echo::Prober {
    let to = to.parse().unwrap();
    lsrctl::lab::echo::Prober::open(lab.sandbox(), from, to).unwrap()
}

/// A frame with a tag for which there is no interface is nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn a_vlan_without_an_interface_is_dropped_and_counted() {
    use bmv2_tests::{drops, wait_for_drops};
    use lsrctl::lab::capture::PacketSocket;

    let Some(lab) = start(options(&lab_file("vlan"))).await else {
        return;
    };
    let before = drops(&lab, "pe1", "no-interface").await;
    let socket = PacketSocket::open(lab.sandbox(), "h1", "eth1").unwrap();
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 9]);
    frame.extend([0x81, 0, 0, 11]);
    frame.extend([0x08, 0x06]);
    frame.extend([0; 46]);
    for _ in 0..20 {
        socket.send(&frame).await.unwrap();
    }
    let after = wait_for_drops(&lab, "pe1", "no-interface", before + 20).await;
    assert!(after >= before + 20, "{before} before, {after} after");
}
