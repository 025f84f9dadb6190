//! Packets that are too big for a labelled link (RFC 3032, section 3).

use bmv2_tests::{PING, assert_no_loss, chain, options, ping, show, start, system_ping};
use lsrctl::lab::capture::Capture;

/// The chain, with a link between p1 and p2 that takes labelled packets of 1400 octets.
fn narrow() -> String {
    let from = "b = { node = \"p2\", interface = \"eth1\", addresses = [\"10.0.23.3/24\", \
                \"2001:db8:23::3/64\"] }\n";
    let topology = chain();
    assert!(topology.contains(from));
    topology.replace(from, &format!("{from}mpls-mtu = 1400\n"))
}

/// RFC 3032, sections 3.4 and 3.5: the source is told what would fit below the label.
#[tokio::test(flavor = "multi_thread")]
async fn the_source_is_told_what_fits() {
    let Some(lab) = start(options(&narrow())).await else {
        return;
    };
    let large = ["-4", "-M", "do", "-s", "1472", "10.2.0.2"];
    let Some(output) = system_ping(&lab, "h1", &large).await else {
        return;
    };
    // 1400 octets less one label; p1 answers along the LSP (RFC 3032, section 2.3.2).
    assert!(
        output.contains("mtu = 1396") || output.contains("mtu=1396"),
        "{output}"
    );
    assert!(output.contains("10.0.12.2"), "{output}");
    let large = ["-6", "-M", "do", "-s", "1452", "2001:db8:2::2"];
    let output = system_ping(&lab, "h1", &large).await.unwrap();
    assert!(
        output.contains("mtu = 1396") || output.contains("mtu=1396"),
        "{output}"
    );
    // What fits goes through: 1396 octets of IP.
    let fitting = ["-4", "-M", "do", "-s", "1368", "10.2.0.2"];
    let output = system_ping(&lab, "h1", &fitting).await.unwrap();
    assert!(output.contains(" 0% packet loss"), "{output}");
    let target = show(&lab, "p1", "target").await;
    let sent = target["target"]["icmp_errors_sent"].as_u64().unwrap();
    assert!(sent >= 2, "{sent} ICMP errors");
}

/// RFC 3032, section 3.4, step 3: without DF the packet goes on in fragments with its labels.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_fragmented_arrives_in_fragments() {
    let Some(lab) = start(options(&narrow())).await else {
        return;
    };
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
    let link = Capture::start(lab.sandbox(), "p1", "eth2").unwrap();
    let large = ["-4", "-M", "dont", "-s", "1472", "10.2.0.2"];
    let Some(output) = system_ping(&lab, "h1", &large).await else {
        return;
    };
    assert!(output.contains(" 0% packet loss"), "{output}");
    let labelled: Vec<usize> = link
        .frames()
        .iter()
        .filter(|frame| frame.octets[12..14] == [0x88, 0x47])
        .map(|frame| frame.octets.len() - 14)
        .collect();
    assert!(labelled.len() >= 20, "{labelled:?}");
    assert!(
        labelled.iter().all(|length| *length <= 1400),
        "{labelled:?}"
    );
    // Requests are fragmented by p1, replies by p2.
    for router in ["p1", "p2"] {
        let target = show(&lab, router, "target").await;
        assert_eq!(target["target"]["fragmented"], 5, "{router}");
    }
}

/// The ingress LER tells what fits before the first label, by plain IP routing.
#[tokio::test(flavor = "multi_thread")]
async fn the_ingress_tells_and_fragments_as_well() {
    let from = "b = { node = \"p1\", interface = \"eth1\", addresses = [\"10.0.12.2/24\", \
                \"2001:db8:12::2/64\"] }\n";
    let topology = chain();
    assert!(topology.contains(from));
    let topology = topology.replace(from, &format!("{from}mpls-mtu = 1400\n"));
    let Some(lab) = start(options(&topology)).await else {
        return;
    };
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
    let host = Capture::start(lab.sandbox(), "h2", "eth1").unwrap();
    let large = ["-4", "-M", "dont", "-s", "1472", "10.2.0.2"];
    let Some(output) = system_ping(&lab, "h1", &large).await else {
        return;
    };
    assert!(output.contains(" 0% packet loss"), "{output}");
    // pe1, p1, p2 and pe2 take one each from the TTL, of a fragment as of a whole packet.
    let ttls: Vec<u8> = host
        .frames()
        .iter()
        .filter(|frame| !frame.sent && frame.octets[12..14] == [8, 0])
        .map(|frame| frame.octets[22])
        .collect();
    assert!(
        ttls.len() >= 10 && ttls.iter().all(|ttl| *ttl == 60),
        "{ttls:?}"
    );
    for (large, router) in [
        (["-4", "-M", "do", "-s", "1472", "10.2.0.2"], "10.1.0.1"),
        (
            ["-6", "-M", "do", "-s", "1452", "2001:db8:2::2"],
            "2001:db8:1::1",
        ),
    ] {
        let output = system_ping(&lab, "h1", &large).await.unwrap();
        assert!(output.contains(router), "{output}");
        assert!(
            output.contains("mtu = 1396") || output.contains("mtu=1396"),
            "{output}"
        );
    }
}

/// RFC 3032, section 3.4: the LSR may be told to discard instead.
#[tokio::test(flavor = "multi_thread")]
async fn fragmenting_can_be_switched_off() {
    let topology = narrow().replace(
        "router-id = \"10.255.0.2\"\n",
        "router-id = \"10.255.0.2\"\nconfiguration = '''\n[mpls]\ntoo-big-ipv4 = \"discard\"\n'''\n",
    );
    let Some(lab) = start(options(&topology)).await else {
        return;
    };
    let large = ["-4", "-M", "dont", "-s", "1472", "10.2.0.2"];
    let Some(output) = system_ping(&lab, "h1", &large).await else {
        return;
    };
    assert!(output.contains(" 100% packet loss"), "{output}");
    let target = show(&lab, "p1", "target").await;
    assert_eq!(target["target"]["too_big"], 5);
}
