//! What an LSP can have beside its labels: an entropy label, QoS maps, context label spaces.

use std::collections::BTreeSet;

use bmv2_tests::{PING, TestLab, assert_no_loss, chain, options, ping, show, start, system_ping};
use lsrctl::lab::capture::{Capture, Captured};
use lsrctl::lab::packet::Frame;

/// The chain without its LSP for IPv4 from h1 to h2, and with these lines in the configurations
/// of its routers.
fn chain_with(lines: &[(&str, &str)]) -> String {
    let chain = chain();
    let start = chain.find("[[lsp]]\nname = \"h1-h2-ipv4\"").unwrap();
    let end = start + chain[start..].find("\n\n").unwrap();
    let mut topology = format!("{}{}", &chain[..start], &chain[end..]);
    for (router_id, lines) in lines {
        let from = format!("router-id = \"{router_id}\"\n");
        assert!(topology.contains(&from), "{router_id}");
        let to = format!("{from}configuration = '''\n{lines}'''\n");
        topology = topology.replace(&from, &to);
    }
    topology
}

const PE1: &str = "10.255.0.1";
const P1: &str = "10.255.0.2";
const P2: &str = "10.255.0.3";
const PE2: &str = "10.255.0.4";

/// The labelled frames of IPv4 from h1 to h2 on a link.
fn labelled(frames: &[Captured]) -> Vec<Frame> {
    let frames = frames
        .iter()
        .filter_map(|frame| Frame::parse(&frame.octets));
    let ours = frames.filter(|frame| {
        let to_h2 = |ip: &lsrctl::lab::packet::IpPacket| ip.destination.to_string() == "10.2.0.2";
        !frame.labels.is_empty() && frame.ip().is_some_and(to_h2)
    });
    ours.collect()
}

async fn captured(lab: &TestLab, node: &str, interface: &str) -> Vec<Frame> {
    let capture = Capture::start(lab.sandbox(), node, interface).unwrap();
    assert_no_loss(&ping(lab, "h1", "h2", false, PING).await);
    let frames = labelled(&capture.frames());
    assert!(frames.len() >= usize::from(PING.count), "{frames:?}");
    frames
}

/// RFC 6790, section 4: the ingress puts ELI and EL below the label, transit keeps them, and the
/// penultimate hop takes them off with it.
#[tokio::test(flavor = "multi_thread")]
async fn an_entropy_label_goes_with_the_flow_as_far_as_the_label_above_it() {
    let topology = chain_with(&[
        (
            PE1,
            "[[static-lsp.ftn]]\nname = \"entropy\"\nfec = \"10.2.0.0/24\"\nnext-hops = [{ \
             interface = \"to-p1\", address = \"10.0.12.2\", labels = [100], \
             entropy-label-below = 1 }]\n",
        ),
        (
            P1,
            "[[static-lsp.cross-connect]]\nname = \"entropy\"\nlabel = 100\nnext-hops = [{ \
             interface = \"to-p2\", address = \"10.0.23.3\", labels = [200] }]\n",
        ),
        (
            P2,
            "[[static-lsp.cross-connect]]\nname = \"entropy\"\nlabel = 200\npayload = \
             \"ipv4\"\nnext-hops = [{ interface = \"to-pe2\", address = \"10.0.34.4\", labels = \
             [\"implicit-null\"] }]\n",
        ),
    ]);
    let Some(lab) = start(options(&topology)).await else {
        return;
    };
    let last = Capture::start(lab.sandbox(), "p2", "eth2").unwrap();
    let mut entropy = BTreeSet::new();
    for (node, interface, label) in [("pe1", "eth2", 100), ("p1", "eth2", 200)] {
        let mut flow = BTreeSet::new();
        for frame in captured(&lab, node, interface).await {
            let labels: Vec<_> = frame.labels.iter().map(|l| l.label.value()).collect();
            assert_eq!(labels[..2], [label, 7], "{frame}");
            let [_, _, el] = &frame.labels[..] else {
                panic!("{frame}");
            };
            // RFC 6790, section 4.2: its TTL is 0, and it is no special-purpose label.
            assert!(el.ttl == 0 && el.bottom_of_stack, "{frame}");
            assert!(el.label.value() >= 16, "{frame}");
            flow.insert(el.label.value());
        }
        // A ping is one flow for a router that looks at addresses alone.
        assert_eq!(flow.len(), 1, "{flow:?}");
        entropy.extend(flow);
    }
    assert_eq!(
        entropy.len(),
        1,
        "transit keeps the entropy label: {entropy:?}"
    );
    assert_eq!(
        labelled(&last.frames()).len(),
        0,
        "popped with the label above"
    );
    let lfib = show(&lab, "pe1", "lfib").await;
    let mut ftn = lfib["ftn"].as_array().unwrap().iter();
    let entry = ftn.find(|entry| entry["name"] == "entropy").unwrap();
    assert_eq!(entry["nhlfes"][0]["entropy_label_below"], 1, "{entry}");
}

/// RFC 3270: a map of the ingress interface, the code points of the LSP, and back at the egress.
#[tokio::test(flavor = "multi_thread")]
async fn qos_maps_tell_the_marking_in_and_out() {
    let hop = |router: &str, address: &str, label: &str| {
        format!(
            "next-hops = [{{ interface = \"to-{router}\", address = \"{address}\", labels = \
             [{label}] }}]\n"
        )
    };
    // DSCP 46 is TC 3 in this LSP; the egress reads TC 3 as AF31.
    let pe1 = format!(
        "[[qos-map]]\nname = \"core\"\nphb-to-codes = [{{ phb = \"ef\", tc = 3 }}]\n\n\
         [[static-lsp.ftn]]\nname = \"marked\"\nfec = \"10.2.0.0/24\"\nqos-map = \"core\"\n{}",
        hop("p1", "10.0.12.2", "100")
    );
    let p1 = format!(
        "[[qos-map]]\nname = \"core\"\ntc-to-phb = [{{ tc = 3, phb = \"ef\" }}]\nphb-to-codes = [{{ \
         phb = \"ef\", tc = 3 }}]\n\n[[static-lsp.cross-connect]]\nname = \"marked\"\nlabel = \
         100\nqos-map = \"core\"\n{}",
        hop("p2", "10.0.23.3", "200")
    );
    let p2 = format!(
        "[[static-lsp.cross-connect]]\nname = \"marked\"\nlabel = 200\n{}",
        hop("pe2", "10.0.34.4", "300")
    );
    let pe2 = "[[qos-map]]\nname = \"core\"\ntc-to-phb = [{ tc = 3, phb = \"af31\" }]\n\n\
               [[static-lsp.ilm]]\nname = \"marked\"\nlabel = 300\noperation = \
               \"pop-and-look-up-ip\"\npayload = \"ipv4\"\nttl-model = \"uniform\"\nqos-map = \
               \"core\"\n";
    let topology = chain_with(&[(PE1, &pe1), (P1, &p1), (P2, &p2), (PE2, pe2)]);
    let Some(lab) = start(options(&topology)).await else {
        return;
    };
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
    let links = [("pe1", "eth2"), ("p1", "eth2"), ("p2", "eth2")];
    let captures =
        links.map(|(node, interface)| Capture::start(lab.sandbox(), node, interface).unwrap());
    // The type of service of ping(8): DSCP 46, not ECN-capable.
    let expedited = ["-4", "-Q", "0xb8", "10.2.0.2"];
    let Some(output) = system_ping(&lab, "h1", &expedited).await else {
        return;
    };
    assert!(output.contains(" 0% packet loss"), "{output}");
    for (capture, link) in captures.iter().zip(links) {
        let classes: BTreeSet<u8> = labelled(&capture.frames())
            .iter()
            .map(|frame| frame.labels[0].traffic_class.value())
            .collect();
        assert_eq!(classes, BTreeSet::from([3]), "{link:?}");
    }
    let maps = show(&lab, "pe2", "qos-maps").await;
    assert_eq!(maps["maps"][0]["tc_to_phb"][0]["phb"], 26, "{maps}");
}

/// RFC 5331, section 3: the label below a context label means what it means in that context.
#[tokio::test(flavor = "multi_thread")]
async fn a_context_label_tells_the_label_space_of_the_next_one() {
    let topology = chain_with(&[
        (
            PE1,
            "[[static-lsp.ftn]]\nname = \"context\"\nfec = \"10.2.0.0/24\"\nnext-hops = [{ \
             interface = \"to-p1\", address = \"10.0.12.2\", labels = [100] }]\n",
        ),
        // In p2's platform-wide space 202 is another LSP's; behind the context label it is ours.
        (
            P1,
            "[[static-lsp.cross-connect]]\nname = \"context\"\nlabel = 100\nnext-hops = [{ \
             interface = \"to-p2\", address = \"10.0.23.3\", labels = [900, 202] }]\n",
        ),
        (
            P2,
            "[[static-lsp.ilm]]\nname = \"context\"\nlabel = 900\noperation = \
             \"pop-and-look-up-label\"\nnext-label-space = 32768\n\n\
             [[static-lsp.cross-connect]]\nname = \"in-context\"\nlabel = 202\nlabel-space = \
             32768\npayload = \"ipv4\"\nnext-hops = [{ interface = \"to-pe2\", address = \
             \"10.0.34.4\", labels = [\"implicit-null\"] }]\n",
        ),
    ]);
    let Some(lab) = start(options(&topology)).await else {
        return;
    };
    for frame in captured(&lab, "p1", "eth2").await {
        let labels: Vec<_> = frame.labels.iter().map(|l| l.label.value()).collect();
        assert_eq!(labels, [900, 202]);
    }
    // The other LSP with the label 202, of IPv6 from h1 to h2, goes its own way.
    assert_no_loss(&ping(&lab, "h1", "h2", true, PING).await);
}
