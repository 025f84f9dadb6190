//! Packets that are too big for a labelled link (RFC 3032, section 3).

use std::time::{Duration, Instant};

use bmv2_tests::{
    PING, TestLab, assert_no_loss, chain, options, ping, reconfigure, show, start, system_ping,
};
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

/// h1 ── pe1 ══ p1 ══ pe2 ── h2, with LDP that signals MTUs and labels as far as pe2. The second link takes
/// labelled packets of 1400 octets, and the first one far more.
const WITH_LDP: &str = r#"
name = "lsp-mtu"
ldp = { signal-mtu = true, egress-label = "explicit-null" }

[[host]]
name = "h1"

[[host]]
name = "h2"

[[router]]
name = "pe1"
router-id = "10.255.0.1"
loopbacks = ["10.255.0.1", "2001:db8:ffff::1"]

[[router]]
name = "p1"
router-id = "10.255.0.2"
loopbacks = ["10.255.0.2", "2001:db8:ffff::2"]

[[router]]
name = "pe2"
router-id = "10.255.0.3"
loopbacks = ["10.255.0.3", "2001:db8:ffff::3"]

[[link]]
a = { node = "h1", interface = "eth1", addresses = ["10.1.0.2/24", "2001:db8:1::2/64"] }
b = { node = "pe1", interface = "eth1", addresses = ["10.1.0.1/24", "2001:db8:1::1/64"] }

[[link]]
a = { node = "pe1", interface = "eth2", addresses = ["10.0.12.1/24", "2001:db8:12::1/64"] }
b = { node = "p1", interface = "eth1", addresses = ["10.0.12.2/24", "2001:db8:12::2/64"] }

[[link]]
a = { node = "p1", interface = "eth2", addresses = ["10.0.23.2/24", "2001:db8:23::2/64"] }
b = { node = "pe2", interface = "eth1", addresses = ["10.0.23.3/24", "2001:db8:23::3/64"] }
mpls-mtu = 1400

[[link]]
a = { node = "pe2", interface = "eth2", addresses = ["10.2.0.1/24", "2001:db8:2::1/64"] }
b = { node = "h2", interface = "eth1", addresses = ["10.2.0.2/24", "2001:db8:2::2/64"] }
"#;

/// Waits until pe1 sends no larger packets to h2's networks than these.
async fn wait_for_mtu(lab: &TestLab, mtu: u64) {
    let end = Instant::now() + Duration::from_secs(40);
    loop {
        let lfib = show(lab, "pe1", "lfib").await;
        let entries = lfib["ftn"].as_array().unwrap().iter();
        let ours = entries.filter(|entry| {
            ["10.2.0.0/24", "2001:db8:2::/64"].contains(&entry["fec"].as_str().unwrap())
        });
        let mtus: Vec<_> = ours
            .map(|entry| entry["nhlfes"][0]["mtu"].as_u64())
            .collect();
        if mtus == [Some(mtu); 2] {
            break;
        }
        assert!(Instant::now() < end, "{mtus:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Pings h2 with packets of so many octets of IP, which pe1 refuses, and with packets that just fit.
async fn assert_pe1_tells(lab: &TestLab, octets: u16, mtu: u16) {
    for (family, pe1, h2, header) in [
        ("-4", "10.1.0.1", "10.2.0.2", 28),
        ("-6", "2001:db8:1::1", "2001:db8:2::2", 48),
    ] {
        let large = (octets - header).to_string();
        let large = [family, "-M", "do", "-s", &large, h2];
        let output = system_ping(lab, "h1", &large).await.unwrap();
        assert!(output.contains(pe1), "{output}");
        assert!(
            output.contains(&format!("mtu = {mtu}")) || output.contains(&format!("mtu={mtu}")),
            "{output}"
        );
        assert!(output.contains(" 100% packet loss"), "{output}");
        let fitting = (mtu - header).to_string();
        let fitting = [family, "-M", "do", "-s", &fitting, h2];
        let output = system_ping(lab, "h1", &fitting).await.unwrap();
        assert!(output.contains(" 0% packet loss"), "{output}");
    }
}

/// The lab of [`WITH_LDP`] with what goes over its first link, once pe1 knows what fits; none where there is no ping.
async fn start_with_ldp() -> Option<(TestLab, Capture)> {
    let lab = start(options(WITH_LDP)).await?;
    system_ping(&lab, "h1", &["-4", "10.2.0.2"]).await?;
    let first = Capture::start(lab.sandbox(), "pe1", "eth2").unwrap();
    // p1 pushes one label of its own for the one that is taken off.
    wait_for_mtu(&lab, 1396).await;
    Some((lab, first))
}

/// RFC 3988, section 4: the ingress of an LSP answers for all of its links, by the MTU that LDP tells it, also
/// when that changes; what is too big is on none of them.
#[tokio::test(flavor = "multi_thread")]
async fn the_ingress_tells_the_mtu_of_the_lsp() {
    let Some((lab, first)) = start_with_ldp().await else {
        return;
    };
    assert_pe1_tells(&lab, 1500, 1396).await;
    // Without DF, pe1 makes fragments that get through.
    let large = ["-4", "-M", "dont", "-s", "1472", "10.2.0.2"];
    let output = system_ping(&lab, "h1", &large).await.unwrap();
    assert!(output.contains(" 0% packet loss"), "{output}");

    reconfigure(&lab, "p1", |former| {
        former.replace("mpls-mtu = 1400", "mpls-mtu = 1304")
    })
    .await;
    wait_for_mtu(&lab, 1300).await;
    assert_pe1_tells(&lab, 1396, 1300).await;

    let labelled: Vec<usize> = first
        .frames()
        .iter()
        .filter(|frame| frame.sent && frame.octets[12..14] == [0x88, 0x47])
        .map(|frame| frame.octets.len() - 14)
        .collect();
    assert_eq!(labelled.iter().max(), Some(&1400), "{labelled:?}");
    let p1 = &show(&lab, "p1", "target").await["target"];
    for count in ["icmp_errors_sent", "fragmented", "too_big"] {
        assert_eq!(p1[count], 0, "{count} of p1");
    }
}

/// RFC 3988, section 4: what the ingress itself sends is no exception. It is told, and makes fragments, as its hosts.
#[tokio::test(flavor = "multi_thread")]
async fn the_ingress_itself_keeps_to_the_mtu_of_the_lsp() {
    let Some((lab, first)) = start_with_ldp().await else {
        return;
    };
    for (family, source, h2, headers) in [
        ("-4", "10.255.0.1", "10.2.0.2", 28),
        ("-6", "2001:db8:ffff::1", "2001:db8:2::2", 48),
    ] {
        let size = (1500 - headers).to_string();
        let large = [family, "-M", "do", "-I", source, "-s", &size, h2];
        let output = system_ping(&lab, "pe1", &large).await.unwrap();
        assert!(
            output.contains("mtu = 1396") || output.contains("mtu=1396"),
            "{output}"
        );
    }
    let large = [
        "-4",
        "-M",
        "dont",
        "-I",
        "10.255.0.1",
        "-s",
        "1472",
        "10.2.0.2",
    ];
    let output = system_ping(&lab, "pe1", &large).await.unwrap();
    assert!(output.contains(" 0% packet loss"), "{output}");
    let labelled = first.frames();
    let labelled = labelled
        .iter()
        .filter(|frame| frame.sent && frame.octets[12..14] == [0x88, 0x47]);
    let largest = labelled.map(|frame| frame.octets.len() - 14).max();
    assert!(
        largest.is_some_and(|largest| largest <= 1400),
        "{largest:?}"
    );
}
