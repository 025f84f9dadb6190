//! MPLS in UDP between two LERs over a network of plain IP (RFC 7510).

use std::collections::BTreeSet;

use bmv2_tests::{PING, assert_no_loss, lab_file, options, ping, show, start, system_ping};
use lsrctl::lab::capture::Capture;

#[tokio::test(flavor = "multi_thread")]
async fn labels_cross_a_network_of_plain_ip() {
    let Some(lab) = start(options(&lab_file("mpls-in-udp"))).await else {
        return;
    };
    let capture = Capture::start(lab.sandbox(), "ip1", "eth1").unwrap();
    for ipv6 in [false, true] {
        for (from, to) in [("h1", "h2"), ("h2", "h1")] {
            assert_no_loss(&ping(&lab, from, to, ipv6, PING).await);
        }
    }
    let large = ["-M", "do", "-s", "1472", "10.2.0.2"];
    if let Some(output) = system_ping(&lab, "h1", &large).await {
        assert!(output.contains(" 0% packet loss"), "{output}");
    }
    // What the router itself sends goes by the tunnel too.
    let own = ["-I", "10.1.0.1", "10.2.0.2"];
    if let Some(output) = system_ping(&lab, "pe1", &own).await {
        assert!(output.contains(" 0% packet loss"), "{output}");
    }
    let mut labels = BTreeSet::new();
    let mut ports = BTreeSet::new();
    for frame in capture.frames() {
        let octets = &frame.octets;
        // IPv4 and UDP from pe1 to pe2.
        let ours = octets.len() > 46
            && octets[12..14] == [8, 0]
            && octets[23] == 17
            && octets[26..34] == [10, 0, 12, 1, 10, 0, 23, 3];
        if !ours {
            continue;
        }
        // RFC 7510, section 3: port 6635, and a source port of the dynamic range by the flow.
        assert_eq!(u16::from_be_bytes([octets[36], octets[37]]), 6635);
        ports.insert(u16::from_be_bytes([octets[34], octets[35]]));
        let entry = u32::from_be_bytes([octets[42], octets[43], octets[44], octets[45]]);
        labels.insert((entry >> 12, entry >> 8 & 1));
    }
    assert_eq!(labels, BTreeSet::from([(100, 1), (102, 1)]));
    assert!(ports.iter().all(|port| *port >= 49152), "{ports:?}");

    let shown = show(&lab, "pe2", "tunnels").await;
    let packets = shown["ends"][0]["counter"]["packets"].as_u64().unwrap();
    assert!(packets >= 4 * u64::from(PING.count), "{shown}");
    assert_eq!(shown["tunnels"][0]["remote"], "10.0.12.1");
}

/// RFC 4023, section 8: what does not come from the other end of a tunnel is not decapsulated.
#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_not_accepted_is_refused() {
    use bmv2_tests::{drops, mac, wait_for_drops};
    use etherparse::PacketBuilder;
    use lsrctl::lab::capture::PacketSocket;

    let Some(lab) = start(options(&lab_file("mpls-in-udp"))).await else {
        return;
    };
    let pe2 = mac(&lab, "pe2", 1).await;
    let socket = PacketSocket::open(lab.sandbox(), "ip1", "eth2").unwrap();
    let inner = bmv2_tests::frames::echo_request([10, 1, 0, 2], [10, 2, 0, 2], 64, 1);
    let payload = [bmv2_tests::frames::stack(&[100], 64), inner].concat();
    let before = drops(&lab, "pe2", "tunnel").await;
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 9], pe2)
        .ipv4([10, 0, 12, 77], [10, 0, 23, 3], 64)
        .udp(50000, 6635);
    let mut frame = Vec::new();
    builder.write(&mut frame, &payload).unwrap();
    for _ in 0..20 {
        socket.send(&frame).await.unwrap();
    }
    let after = wait_for_drops(&lab, "pe2", "tunnel", before + 20).await;
    assert_eq!(after - before, 20);
}
