//! Ethernet pseudowires between hosts, over an LSP.

use std::time::Duration;

use bmv2_tests::{PING, assert_no_loss, lab_file, options, ping, show, start, system_ping};
use lsrctl::lab::capture::{Capture, PacketSocket};

/// The label stack of a frame and what is below it.
fn stack(octets: &[u8]) -> Option<(Vec<u32>, &[u8])> {
    let mut rest = octets.get(12..)?.strip_prefix(&[0x88, 0x47])?;
    let mut labels = Vec::new();
    loop {
        let (entry, after) = rest.split_first_chunk::<4>()?;
        rest = after;
        let entry = u32::from_be_bytes(*entry);
        labels.push(entry >> 12);
        if entry & 0x100 != 0 {
            return Some((labels, rest));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stations_are_on_one_ethernet_with_tags_and_without() {
    let Some(lab) = start(options(&lab_file("pseudowire"))).await else {
        return;
    };
    let core = Capture::start(lab.sandbox(), "p1", "eth2").unwrap();
    let host = Capture::start(lab.sandbox(), "h1", "eth1").unwrap();
    let far = Capture::start(lab.sandbox(), "h2", "eth1").unwrap();
    for ipv6 in [false, true] {
        // The whole port, without tag.
        assert_no_loss(&ping(&lab, "h1", "h2", ipv6, PING).await);
        assert_no_loss(&ping(&lab, "h2", "h1", ipv6, PING).await);
        // VLAN 200 on one side is VLAN 300 on the other.
        assert_no_loss(&ping(&lab, "ce1", "ce2", ipv6, PING).await);
    }
    // As large as the hosts' MTU.
    let large = ["-M", "do", "-s", "1472", "10.9.0.2"];
    if let Some(output) = system_ping(&lab, "h1", &large).await {
        assert!(output.contains(" 0% packet loss"), "{output}");
    }
    // The customer's own tags are carried as they are: one, and one in another.
    let socket = PacketSocket::open(lab.sandbox(), "h1", "eth1").unwrap();
    for tags in [
        &[0x81, 0, 0xa0, 100][..],
        &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 100],
    ] {
        let mut frame = vec![0x02, 0, 0, 0, 0, 0x77, 0x02, 0, 0, 0, 0, 0x78];
        frame.extend(tags);
        frame.extend([0x88, 0xb5]);
        frame.extend([0x5a; 60]);
        socket.send(&frame).await.unwrap();
        let arrived = || far.frames().iter().any(|seen| seen.octets == frame);
        for _ in 0..50 {
            if arrived() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(arrived(), "{tags:02x?}");
    }

    let frames = core.frames();
    let below = |label: u32| -> Vec<Vec<u8>> {
        let stacks = frames.iter().filter_map(|frame| stack(&frame.octets));
        let of_label = stacks.filter(|(labels, _)| *labels == [200, label]);
        of_label.map(|(_, below)| below.to_vec()).collect()
    };
    // RFC 4448, section 4.6: a control word of zeroes, then the frame as the host sent it.
    let sent: Vec<Vec<u8>> = host
        .frames()
        .into_iter()
        .filter(|frame| frame.sent)
        .map(|frame| frame.octets)
        .collect();
    let port = below(2000);
    let expected = 4 * usize::from(PING.count);
    assert!(port.len() >= expected, "{} frames in it", port.len());
    for carried in &port {
        let frame = carried.strip_prefix(&[0, 0, 0, 0]).expect("a control word");
        assert!(sent.iter().any(|sent| sent == frame), "{frame:02x?}");
    }
    assert!(
        port.iter()
            .any(|frame| frame[16..20] == [0x81, 0, 0xa0, 100])
    );
    // Without control word, and without the tag that told the circuit (raw mode, RFC 4448, 4.4.1).
    let vlan = below(2001);
    assert!(vlan.iter().any(|frame| frame[12..14] == [0x08, 0x00]));
    assert!(vlan.iter().all(|frame| frame[12..14] != [0x81, 0x00]));

    let shown = show(&lab, "pe1", "pseudowires").await;
    let pseudowires = shown["pseudowires"].as_array().unwrap();
    assert_eq!(pseudowires.len(), 2);
    for pseudowire in pseudowires {
        for direction in ["to_network", "from_network"] {
            let entry = &pseudowire[direction];
            assert_eq!(entry["status"]["state"], "INSTALLED", "{pseudowire}");
            let packets = entry["counter"]["packets"].as_u64().unwrap();
            assert!(packets >= 2 * u64::from(PING.count), "{pseudowire}");
        }
    }
}
