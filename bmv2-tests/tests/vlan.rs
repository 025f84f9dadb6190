//! One optional 802.1Q tag in and out, on links of hosts and on labelled links.

use bmv2_tests::{PING, assert_no_loss, frames_with, lab_file, options, ping, prober, show, start};
use lsrctl::lab::capture::Capture;
use lsrctl::lab::echo::Prober;
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
    // IPv4 by VLAN 30, IPv6 by VLAN 40 of the same link, with the tag in front of the labels.
    let link = Capture::start(lab.sandbox(), "pe1", "eth2").unwrap();
    let host = Capture::start(lab.sandbox(), "h2", "eth1").unwrap();
    for (ipv6, vlan, label) in [(false, 30, 100), (true, 40, 101)] {
        let prober = prober(&lab, "h1", "h2", ipv6);
        assert_no_loss(&prober.ping(PING).await);
        let wanted =
            |frame: &Frame| frame.is_echo(ipv6, false, prober.identifier(), PING.count - 1);
        for (capture, expected) in [(&link, (Some(vlan), vec![label])), (&host, (None, vec![]))] {
            let frames = frames_with(capture, wanted).await;
            let (_, frame) = frames.iter().find(|(_, frame)| wanted(frame)).unwrap();
            let labels: Vec<_> = frame
                .labels
                .iter()
                .map(|entry| entry.label.value())
                .collect();
            assert_eq!((frame.vlan, labels), expected);
        }
    }

    // The neighbour's own stack is reached through the tag, and saw none of it.
    let neighbour = "10.0.12.2".parse().unwrap();
    let neighbour = Prober::open(lab.sandbox(), "pe1", neighbour).unwrap();
    assert_no_loss(&neighbour.ping(PING).await);
    let interfaces = show(&lab, "pe2", "interfaces").await;
    let of = |name: &str| {
        let mut all = interfaces["interfaces"].as_array().unwrap().iter();
        all.find(|interface| interface["name"] == name)
            .unwrap()
            .clone()
    };
    assert_eq!(of("pe1.30")["vlan"], 30);
    assert_eq!(of("pe1.40")["label_space"], 1);
    assert!(of("pe1.30")["punted_to_kernel"].as_u64().unwrap() >= u64::from(PING.count));
    for name in ["pe1.30", "pe1.40"] {
        let received = of(name)["received"]["packets"].as_u64().unwrap();
        assert!(received >= u64::from(PING.count), "{interfaces}");
    }
}

/// A frame with a tag for which there is no interface is nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn a_vlan_without_an_interface_is_dropped_and_counted() {
    use bmv2_tests::{drops, wait_for_drops};
    use lsrctl::lab::capture::PacketSocket;

    let Some(lab) = start(options(&lab_file("vlan"))).await else {
        return;
    };
    let before = drops(&lab, "pe2", "no-interface").await;
    let socket = PacketSocket::open(lab.sandbox(), "pe1", "eth2").unwrap();
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 9]);
    frame.extend([0x81, 0, 0, 11]);
    frame.extend([0x08, 0x06]);
    frame.extend([0; 46]);
    for _ in 0..20 {
        socket.send(&frame).await.unwrap();
    }
    let after = wait_for_drops(&lab, "pe2", "no-interface", before + 20).await;
    assert!(after >= before + 20, "{before} before, {after} after");
}
