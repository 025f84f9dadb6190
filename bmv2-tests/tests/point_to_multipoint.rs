//! A point-to-multipoint LSP to two leaves, and one with a bud node.

use bmv2_tests::{PING, TestLab, assert_no_loss, lab_file, options, ping, show, start};
use etherparse::PacketBuilder;
use lsrctl::lab::capture::{Capture, PacketSocket};

const PACKETS: usize = 50;

/// Numbered packets from h1 to the group 239.1.1.1.
async fn send(lab: &TestLab) {
    let socket = PacketSocket::open(lab.sandbox(), "h1", "eth1").unwrap();
    for number in 0..PACKETS {
        let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 9], [1, 0, 0x5e, 1, 1, 1])
            .ipv4([10, 1, 0, 2], [239, 1, 1, 1], 16)
            .udp(5000, 5000);
        let payload = (number as u16).to_be_bytes();
        let mut frame = Vec::new();
        builder.write(&mut frame, &payload).unwrap();
        socket.send(&frame).await.unwrap();
    }
}

/// The numbers of the packets that arrive, and their TTL.
async fn arrived(capture: &Capture) -> Vec<(u16, u8)> {
    let mut seen = Vec::new();
    for _ in 0..50 {
        seen.clear();
        for frame in capture.frames().iter().filter(|frame| !frame.sent) {
            let octets = &frame.octets;
            let group = octets.len() >= 44
                && octets[..6] == [1, 0, 0x5e, 1, 1, 1]
                && octets[30..34] == [239, 1, 1, 1];
            if group {
                seen.push((u16::from_be_bytes([octets[42], octets[43]]), octets[22]));
            }
        }
        if seen.len() >= PACKETS {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    seen
}

async fn every_leaf_gets_each_packet_once(lab: &TestLab, ttls: [u8; 2]) {
    let captures = ["h2", "h3"].map(|host| Capture::start(lab.sandbox(), host, "eth1").unwrap());
    send(lab).await;
    for (capture, ttl) in captures.iter().zip(ttls) {
        let expected: Vec<_> = (0..PACKETS as u16).map(|number| (number, ttl)).collect();
        assert_eq!(arrived(capture).await, expected);
    }
}

/// RFC 4875, section 4.1; RFC 5332: each branch has its own label, and a counter.
#[tokio::test(flavor = "multi_thread")]
async fn both_leaves_get_each_packet_once() {
    let Some(lab) = start(options(&lab_file("point-to-multipoint"))).await else {
        return;
    };
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
    // pe1, p1 and the leaf take one each.
    every_leaf_gets_each_packet_once(&lab, [13, 13]).await;

    let shown = show(&lab, "p1", "p2mp").await;
    let entry = &shown["lsps"][0]["ilm"];
    assert_eq!(entry["counter"]["packets"], PACKETS, "{entry}");
    let branches = entry["nhlfes"].as_array().unwrap();
    let counts: Vec<_> = branches
        .iter()
        .map(|branch| {
            (
                branch["labels"][0].clone(),
                branch["counter"]["packets"].clone(),
            )
        })
        .collect();
    assert_eq!(
        counts,
        [(501.into(), PACKETS.into()), (502.into(), PACKETS.into())]
    );
}

/// RFC 4461: a bud node forwards to the next LSR and delivers as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_bud_node_delivers_and_forwards() {
    // p1 is the bud: h3 hangs on pe3 behind it, and h2 on p1 itself.
    let topology = lab_file("point-to-multipoint");
    let (from, to) = (
        "branches = [\n    { interface = \"to-pe2\", address = \"10.0.23.3\", labels = [501] },\n",
        "local-label-space = 32768\nbranches = [\n",
    );
    assert!(topology.contains(from));
    let topology = topology.replace(from, to).replace(
        "# A leaf pops the label",
        "# The bud's own copy: its routes for the group lead back to pe2 without a label.",
    );
    let bud = "[[static-lsp.ilm]]\nname = \"radio-here\"\nlabel = 500\nlabel-space = 32768\n\
               operation = \"pop-and-look-up-ip\"\npayload = \"ipv4\"\n\n\
               [[static-lsp.point-to-multipoint]]\nname = \"radio-hosts\"\ngroup = \"239.1.1.1\"\n\
               branches = [{ interface = \"to-pe2\", address = \"239.1.1.1\" }]\n";
    let from = "labels = [502] },\n]\n";
    assert!(topology.contains(from));
    let topology = topology.replace(from, &format!("{from}\n{bud}"));
    let Some(lab) = start(options(&topology)).await else {
        return;
    };
    // To h2 the packet is plain multicast from p1 on: p1 and pe2 take one each from the TTL.
    every_leaf_gets_each_packet_once(&lab, [13, 13]).await;
    let shown = show(&lab, "p1", "p2mp").await;
    let mut lsps = shown["lsps"].as_array().unwrap().iter();
    let radio = lsps.find(|lsp| lsp["name"] == "radio").unwrap();
    assert_eq!(radio["ilm"]["bud"], true, "{radio}");
}
