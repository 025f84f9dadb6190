//! Hosts reach each other over LSPs, and what is on the wire is what the RFCs say.

use bmv2_tests::{PING, assert_no_loss, chain, frames_with, options, ping, prober, start};
use lsrctl::lab::capture::Capture;
use lsrctl::lab::packet::Frame;
use lsrctl::lab::running::Lab;
use lsrctl::lab::sandbox::protocol::ProcessStatus;
use lsrctl::lab::topology::TtlModel;

const LINKS: [(&str, &str); 5] = [
    ("h1", "eth1"),
    ("pe1", "eth2"),
    ("p1", "eth2"),
    ("p2", "eth2"),
    ("pe2", "eth2"),
];

/// A packet on a link: label, TTL and bottom-of-stack bit of each entry of its label stack, and the
/// TTL of the IP packet below.
type OnLink = (Vec<(u32, u8, bool)>, u8);

/// The labels and TTLs of one echo request from h1 to h2 on each of the five links, and the IP
/// TTL below them.
async fn wire(lab: &Lab, ipv6: bool) -> Vec<OnLink> {
    let captures: Vec<_> = LINKS
        .iter()
        .map(|(node, interface)| Capture::start(lab.sandbox(), node, interface).unwrap())
        .collect();
    let prober = prober(lab, "h1", "h2", ipv6);
    assert_no_loss(&prober.ping(PING).await);
    let wanted = |frame: &Frame| frame.is_echo(ipv6, false, prober.identifier(), PING.count - 1);
    let mut seen = Vec::new();
    for (capture, link) in captures.iter().zip(LINKS) {
        let frames = frames_with(capture, wanted).await;
        let frame = frames
            .iter()
            .map(|(_, frame)| frame)
            .find(|frame| wanted(frame));
        let frame = frame.unwrap_or_else(|| panic!("nothing on {link:?}"));
        let labels = frame.labels.iter();
        let labels = labels.map(|entry| (entry.label.value(), entry.ttl, entry.bottom_of_stack));
        seen.push((labels.collect(), frame.ip().unwrap().ttl));
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_ping_each_other_both_ways_over_both_families() {
    let Some(lab) = start(options(&chain())).await else {
        return;
    };
    for ipv6 in [false, true] {
        for (from, to) in [("h1", "h2"), ("h2", "h1")] {
            assert_no_loss(&ping(&lab, from, to, ipv6, PING).await);
        }
    }
    for (option, address) in [("-4", "10.2.0.2"), ("-6", "2001:db8:2::2")] {
        let command = ["ping", option, "-c", "5", "-i", "0.2", "-W", "3", address];
        match lab.run("h1", &command).await {
            Ok((status, output)) => {
                assert_eq!(status, ProcessStatus::Exited(0), "{output}");
                assert!(output.contains(" 0% packet loss"), "{output}");
            }
            Err(error) => println!("skipped: {error}"),
        }
    }
    // A packet as large as the hosts' MTU: the labels come on top of it (RFC 3032, section 3).
    let command = [
        "ping", "-c", "3", "-i", "0.2", "-W", "3", "-M", "do", "-s", "1472", "10.2.0.2",
    ];
    match lab.run("h1", &command).await {
        Ok((status, output)) => assert_eq!(status, ProcessStatus::Exited(0), "{output}"),
        Err(error) => println!("skipped: {error}"),
    }
}

/// RFC 3031, section 3.16: the penultimate LSR pops. RFC 3443, section 3.1 and 5.1: in the uniform
/// model every LSR of the path takes one from the TTL, and the pop gives it to the IP header.
#[tokio::test(flavor = "multi_thread")]
async fn the_penultimate_hop_pops_and_the_uniform_model_counts_every_hop() {
    let Some(lab) = start(options(&chain())).await else {
        return;
    };
    let with = |label, ttl| vec![(label, ttl, true)];
    let expected = [
        (vec![], 64),
        (with(100, 63), 63),
        (with(200, 62), 63),
        (vec![], 61),
        (vec![], 60),
    ];
    assert_eq!(wire(&lab, false).await, expected);
    let expected = [
        (vec![], 64),
        (with(102, 63), 63),
        (with(202, 62), 63),
        (vec![], 61),
        (vec![], 60),
    ];
    assert_eq!(wire(&lab, true).await, expected);
}

/// RFC 3443, section 3.2 and 5.2: in the pipe model the LSP is one hop of the IP packet.
#[tokio::test(flavor = "multi_thread")]
async fn the_pipe_model_hides_the_lsp_from_the_ip_ttl() {
    let mut options = options(&chain());
    options.ttl_model = Some(TtlModel::Pipe);
    let Some(lab) = start(options).await else {
        return;
    };
    let with = |label, ttl| vec![(label, ttl, true)];
    let expected = [
        (vec![], 64),
        (with(100, 255), 63),
        (with(200, 254), 63),
        (vec![], 63),
        (vec![], 62),
    ];
    assert_eq!(wire(&lab, false).await, expected);
}

/// RFC 3032, section 2.1: label 0 at the bottom of the stack means IPv4 below, label 2 IPv6.
#[tokio::test(flavor = "multi_thread")]
async fn explicit_null_stays_on_the_last_link() {
    let topology = chain().replace("\"implicit-null\"", "\"explicit-null\"");
    let Some(lab) = start(options(&topology)).await else {
        return;
    };
    let labels = |seen: Vec<OnLink>| -> Vec<Vec<u32>> {
        let labels = seen
            .iter()
            .map(|(stack, _)| stack.iter().map(|entry| entry.0).collect());
        labels.collect()
    };
    let seen = wire(&lab, false).await;
    assert_eq!(seen[3], (vec![(0, 61, true)], 63));
    assert_eq!(seen[4], (vec![], 60));
    assert_eq!(
        labels(seen),
        [vec![], vec![100], vec![200], vec![0], vec![]]
    );
    assert_eq!(
        labels(wire(&lab, true).await),
        [vec![], vec![102], vec![202], vec![2], vec![]]
    );
}

/// RFC 3031, section 3.10: an egress LER may bind a label of its own; it pops and looks the IP
/// packet up.
#[tokio::test(flavor = "multi_thread")]
async fn an_egress_label_is_popped_by_the_egress() {
    let mut topology = chain();
    for label in 300..304 {
        let egress = format!(", {label}]");
        topology = topology.replacen(", \"implicit-null\"]", &egress, 1);
    }
    let Some(lab) = start(options(&topology)).await else {
        return;
    };
    assert_eq!(wire(&lab, false).await[3].0, [(300, 61, true)]);
    assert_eq!(wire(&lab, true).await[3].0, [(302, 61, true)]);
}
