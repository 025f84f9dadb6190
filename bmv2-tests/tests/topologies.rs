//! Routing topologies (RFC 7307): LSPs of their own for the packets of a DSCP, between routers of a lab.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bmv2_tests::{
    TestLab, Traffic, assert_no_loss, describe, lab_file, local_labels, lsrctl, options,
    reconfigure, show, skipped, start, system_ping,
};
use lsrctl::lab::capture::Capture;
use lsrctl::lab::packet::{Frame, IpContent, Payload};
use lsrctl::lab::running::{Process, Quiet};

const PATIENCE: Duration = Duration::from_secs(40);
const HOSTS: [&str; 2] = ["10.2.0.2", "2001:db8:2::2"];

/// Echo requests and replies of an IP version on a link, as labelled and unlabelled ones.
fn echoes(capture: &Capture, ipv6: bool) -> (usize, usize) {
    let frames = capture.frames();
    let frames = frames
        .iter()
        .filter_map(|captured| Frame::parse(&captured.octets));
    let echoes = frames.filter(|frame| {
        let Payload::Ip(ip) = &frame.payload else {
            return false;
        };
        ip.source.is_ipv6() == ipv6 && matches!(ip.content, IpContent::Echo { .. })
    });
    let (labelled, plain): (Vec<_>, Vec<_>) = echoes.partition(|frame| !frame.labels.is_empty());
    (labelled.len(), plain.len())
}

/// Pings with a traffic class, and what was seen then on the first links of the two ways.
async fn ways(lab: &TestLab, destination: &str, class: &str) -> Option<[(usize, usize); 2]> {
    let links = ["eth2", "eth3"].map(|link| Capture::start(lab.sandbox(), "pe1", link).unwrap());
    let said = system_ping(lab, "h1", &["-Q", class, destination]).await?;
    assert!(said.contains("5 received, 0% packet loss"), "{said}");
    // The last reply may reach ping(8) before the capture is read.
    let end = Instant::now() + PATIENCE;
    loop {
        let seen = links
            .each_ref()
            .map(|link| echoes(link, destination.contains(':')));
        let [by_p1, by_p2] = seen;
        if by_p1.0 + by_p1.1 + by_p2.0 + by_p2.1 >= 10 || Instant::now() > end {
            return Some(seen);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The FECs for which a router has labels, each with the neighbours that gave one.
async fn learned(lab: &TestLab, router: &str) -> BTreeMap<String, Vec<String>> {
    let answer = show(lab, router, "ldp bindings").await;
    let bindings = answer["bindings"].as_array().unwrap().iter();
    let learned = bindings.map(|of| {
        let remote = of["remote"].as_array().unwrap().iter();
        let neighbours = remote.map(|label| label["neighbour"].as_str().unwrap().to_owned());
        (of["fec"].as_str().unwrap().to_owned(), neighbours.collect())
    });
    learned
        .filter(|(_, neighbours): &(_, Vec<_>)| !neighbours.is_empty())
        .collect()
}

/// Whether a router has a label for a FEC of the topology from a neighbour.
async fn has_label_of(lab: &TestLab, router: &str, neighbour: &str) -> bool {
    let learned = learned(lab, router).await;
    let of_topology = learned
        .iter()
        .filter(|(fec, _)| fec.ends_with(" topology 3996"));
    of_topology.flat_map(|(_, of)| of).any(|of| of == neighbour)
}

/// Waits until a router has such a label, or has none any more.
async fn wait_for_label(lab: &TestLab, router: &str, neighbour: &str, wanted: bool) {
    let end = Instant::now() + PATIENCE;
    while has_label_of(lab, router, neighbour).await != wanted {
        assert!(Instant::now() < end, "{:?}", learned(lab, router).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_of_a_topology_have_lsps_of_their_own() {
    let Some(lab) = start(options(&lab_file("topologies"))).await else {
        return;
    };
    for destination in HOSTS {
        // Five requests with a label; their replies come without, popped at the penultimate hop.
        for (class, expected) in [("0", [(5, 5), (0, 0)]), ("0xb8", [(0, 0), (5, 5)])] {
            let Some(seen) = ways(&lab, destination, class).await else {
                return skipped("ping(8) is not installed");
            };
            assert_eq!(seen, expected, "{destination} with traffic class {class}");
        }
    }
    // p1 has no topologies: it is sent nothing of them (RFC 7307, section 3.5.2).
    for neighbour in ["10.255.0.1:0", "10.255.0.4:0"] {
        assert!(!has_label_of(&lab, "p1", neighbour).await, "{neighbour}");
    }
    let at_p2 = learned(&lab, "p2").await;
    for fec in ["10.2.0.0/24 topology 3996", "2001:db8:2::/64 topology 3996"] {
        assert!(at_p2.contains_key(fec), "{at_p2:?}");
    }
    let said = lsrctl(&lab, "p2", &["show", "ldp", "capabilities"]).await;
    assert!(said.contains("3996"), "{said}");
    let shown = show(&lab, "pe1", "topologies").await;
    let expected = serde_json::json!([{
        "id": 3996, "routing_table": 3996, "dscp": [46], "fecs": 2, "labelled_fecs": 2,
    }]);
    assert_eq!(shown["topologies"], expected);
    let lfib = show(&lab, "pe1", "lfib").await;
    let ftn = lfib["ftn"].as_array().unwrap().iter();
    let owners: BTreeMap<&str, &str> = ftn
        .filter(|entry| entry["vrf"] == 3996)
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap();
            (text("fec"), text("owner"))
        })
        .collect();
    let expected = [("10.2.0.0/24", "LDP"), ("2001:db8:2::/64", "LDP")];
    assert_eq!(owners, BTreeMap::from(expected));
}

/// RFC 7307, section 7: the label tells the topology, at the egress too.
#[tokio::test(flavor = "multi_thread")]
async fn the_label_of_the_egress_tells_the_topology() {
    let topology = lab_file("topologies");
    let with_labels = topology.replace("\nldp = true\n", "\nldp = { egress-label = \"label\" }\n");
    assert_ne!(with_labels, topology);
    let Some(lab) = start(options(&with_labels)).await else {
        return;
    };
    for destination in HOSTS {
        let Some(seen) = ways(&lab, destination, "0xb8").await else {
            return skipped("ping(8) is not installed");
        };
        assert_eq!(seen, [(0, 0), (10, 0)], "{destination}");
    }
    let lfib = show(&lab, "pe2", "lfib").await;
    let ilm = lfib["ilm"].as_array().unwrap().iter();
    let vrfs: Vec<u64> = ilm
        .filter(|entry| entry["operation"] == "POP_AND_LOOK_UP_IP" && entry["owner"] == "LDP")
        .map(|entry| entry["vrf"].as_u64().unwrap())
        .collect();
    assert!(vrfs.contains(&0) && vrfs.contains(&3996), "{vrfs:?}");
}

/// RFC 3478: the bindings of topologies are kept over a restart as those of the default one are.
#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_restart_keeps_the_labels_of_topologies() {
    let topology = lab_file("topologies");
    let restart = "\nldp = { graceful-restart = { reconnect-time = 60 }, hello-hold-time = 30 }\n";
    let graceful = topology.replace("\nldp = true\n", restart);
    assert_ne!(graceful, topology);
    let Some(lab) = start(options(&graceful)).await else {
        return;
    };
    wait_for_label(&lab, "pe1", "10.255.0.3:0", true).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = local_labels(&lab, "p2").await;
    let flow = Traffic::start(&lab, "h1", "h2", true);
    lab.stop_process("p2", Process::Lsrd, libc::SIGKILL)
        .await
        .unwrap();
    let seen = ways(&lab, HOSTS[0], "0xb8").await;
    lab.start_process("p2", Process::Lsrd).unwrap();
    lab.wait_until_ready(&Quiet).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let result = flow.stop().await;
    println!("lsrd of p2 killed: {}", describe(&result));
    assert_no_loss(&result);
    assert_eq!(local_labels(&lab, "p2").await, before);
    match seen {
        None => skipped("ping(8) is not installed"),
        Some(seen) => assert_eq!(seen, [(0, 0), (5, 5)]),
    }
}

/// A topology that is taken out is withdrawn, and what was of it is of the default one.
#[tokio::test(flavor = "multi_thread")]
async fn a_topology_that_is_taken_out_is_withdrawn() {
    let Some(lab) = start(options(&lab_file("topologies"))).await else {
        return;
    };
    wait_for_label(&lab, "p2", "10.255.0.1:0", true).await;
    reconfigure(&lab, "pe1", |former| {
        former.split("\n[[topology]]").next().unwrap().to_owned()
    })
    .await;
    wait_for_label(&lab, "p2", "10.255.0.1:0", false).await;
    wait_for_label(&lab, "pe1", "10.255.0.3:0", false).await;
    // What p2 and pe2 have of each other is not touched.
    assert!(has_label_of(&lab, "p2", "10.255.0.4:0").await);
    // RFC 7307, section 3.5.2: with Dynamic Capability Announcement no session ends.
    let neighbours = show(&lab, "pe1", "ldp neighbors").await;
    for neighbour in neighbours["neighbours"].as_array().unwrap() {
        assert_eq!(neighbour["sessions_lost"], 0, "{neighbour}");
    }
    let lfib = show(&lab, "pe1", "lfib").await;
    assert!(!lfib.to_string().contains("3996"), "{lfib}");
    lab.wait_until_ready(&Quiet).await.unwrap();
    let Some(seen) = ways(&lab, HOSTS[0], "0xb8").await else {
        return skipped("ping(8) is not installed");
    };
    // There by p1; back by p2, which is still so at pe2, and without a label by the default routes.
    assert_eq!(seen[0].0, 5, "{seen:?}");
}
