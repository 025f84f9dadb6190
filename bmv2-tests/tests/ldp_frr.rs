//! LDP with FRR's ldpd as neighbour, on the far side of a real port of p's switch:
//!
//!   h1 ── pe ══ p ══ frr ── h2
//!
//! This kernel's FRR forwards no labels: its own bindings are looked at on the wire and in its LIB.

use std::time::{Duration, Instant};

use bmv2_tests::{
    PING, TestLab, assert_no_loss, frames_with, lsrctl, options, ping, prepare, skipped,
};
use lsrctl::lab::capture::Capture;
use lsrctl::lab::frr::{self, Frr};
use lsrctl::lab::running::{Process, Quiet};
use serde_json::Value;

/// How long a session and its labels may take: some Hellos, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// The lab, with these lines in p's `[ldp]` and these behind it, and these address families at p's
/// link to FRR.
fn topology(families: &str, of_ldp: &str, more: &str) -> String {
    format!(
        r#"
name = "ldp-frr"
ldp = {{ hello-hold-time = 6, hello-interval = 1, initial-backoff = 15{of_ldp} }}

[[host]]
name = "h1"
[[host]]
name = "h2"
[[host]]
name = "frr"

[[router]]
name = "pe"
router-id = "10.255.0.1"
loopbacks = ["10.255.0.1", "2001:db8:ffff::1"]
configuration = """
[[static-route]]
prefix = "10.2.0.0/24"
next-hops = [{{ interface = "to-p", address = "10.0.12.2" }}]
[[static-route]]
prefix = "10.77.0.0/16"
next-hops = [{{ interface = "to-p", address = "10.0.12.2" }}]
[[static-route]]
prefix = "2001:db8:2::/64"
next-hops = [{{ interface = "to-p", address = "2001:db8:12::2" }}]
"""

[[router]]
name = "p"
router-id = "10.255.0.2"
loopbacks = ["10.255.0.2", "2001:db8:ffff::2"]
configuration = """
[[static-route]]
prefix = "10.2.0.0/24"
next-hops = [{{ interface = "to-frr", address = "10.0.29.9" }}]
[[static-route]]
prefix = "10.255.0.9/32"
next-hops = [{{ interface = "to-frr", address = "10.0.29.9" }}]
[[static-route]]
prefix = "10.77.0.0/16"
next-hops = [{{ interface = "to-frr", address = "10.0.29.9" }}]
[[static-route]]
prefix = "2001:db8:2::/64"
next-hops = [{{ interface = "to-frr", address = "2001:db8:29::9" }}]
[[static-route]]
prefix = "2001:db8:ffff::9/128"
next-hops = [{{ interface = "to-frr", address = "2001:db8:29::9" }}]
[[ldp.interface]]
name = "to-frr"
address-families = {families}
{more}
"""

[[link]]
a = {{ node = "h1", interface = "eth1", addresses = ["10.1.0.2/24", "2001:db8:1::2/64"] }}
b = {{ node = "pe", interface = "eth1", addresses = ["10.1.0.1/24", "2001:db8:1::1/64"] }}

[[link]]
a = {{ node = "pe", interface = "eth2", addresses = ["10.0.12.1/24", "2001:db8:12::1/64"] }}
b = {{ node = "p", interface = "eth1", addresses = ["10.0.12.2/24", "2001:db8:12::2/64"] }}

[[link]]
mpls = true
a = {{ node = "p", interface = "eth2", addresses = ["10.0.29.2/24", "2001:db8:29::2/64"] }}
b = {{ node = "frr", interface = "eth1", addresses = ["10.0.29.9/24", "2001:db8:29::9/64"] }}

[[link]]
a = {{ node = "frr", interface = "eth2", addresses = ["10.2.0.1/24", "2001:db8:2::1/64"] }}
b = {{ node = "h2", interface = "eth1", addresses = ["10.2.0.2/24", "2001:db8:2::2/64"] }}
"#
    )
}

const ZEBRA: &str = "hostname frr
ip router-id 10.255.0.9
interface lo
 ip address 10.255.0.9/32
 ipv6 address 2001:db8:ffff::9/128
exit
";
const STATICD: &str = "ip route 10.255.0.2/32 10.0.29.2
ip route 10.1.0.0/24 10.0.29.2
ip route 10.77.0.0/16 10.2.0.2
ipv6 route 2001:db8:ffff::2/128 2001:db8:29::2
ipv6 route 2001:db8:1::/64 2001:db8:29::2
";
const IPV4: &str = " address-family ipv4
  discovery transport-address 10.255.0.9
  interface eth1
  exit
 exit-address-family
";
const IPV6: &str = " address-family ipv6
  discovery transport-address 2001:db8:ffff::9
  interface eth1
  exit
 exit-address-family
";

fn ldpd(lines: &str) -> String {
    format!("mpls ldp\n router-id 10.255.0.9\n{lines}exit\n")
}

/// Starts the lab without FRR; `None`, with the reason said, where one of the two cannot run.
async fn lab(families: &str, of_ldp: &str, more: &str) -> Option<TestLab> {
    if let Some(reason) = frr::obstacle(&["zebra", "staticd", "ldpd"]) {
        skipped(format_args!("FRR cannot run: {reason}"));
        return None;
    }
    let lab = prepare(options(&topology(families, of_ldp, more))).await?;
    if let Err(error) = lab.start_routers(&Quiet).await {
        panic!("{error}");
    }
    for command in [
        ["ip", "route", "add", "default", "via", "10.2.0.1"],
        ["ip", "route", "add", "default", "via", "2001:db8:2::1"],
    ] {
        lab.run("h2", &command)
            .await
            .expect("frr needs iproute2, so it is there");
    }
    // FRR's node is a host of the lab, which does not forward by itself.
    let forward = "for all in ipv4/ip_forward ipv6/conf/all/forwarding; do \
                   echo 1 > /proc/sys/net/$all; done";
    lab.run("frr", &["sh", "-c", forward])
        .await
        .expect("every machine has a shell");
    Some(lab)
}

/// What vtysh answers.
async fn vtysh(frr: &Frr<'_>, commands: &[&str]) -> String {
    frr.vtysh(commands).await.expect("frr has vtysh")
}

async fn start_frr<'a>(lab: &'a TestLab, lines: &str) -> Frr<'a> {
    let ldpd = ldpd(lines);
    Frr::start(
        lab,
        "frr",
        &[("zebra", ZEBRA), ("staticd", STATICD), ("ldpd", &ldpd)],
    )
    .await
    .unwrap()
}

/// What `lsrctl show ldp SUBJECT --json` of p prints.
async fn show(lab: &TestLab, subject: &str) -> Value {
    bmv2_tests::show(lab, "p", &format!("ldp {subject}")).await
}

/// p's view of FRR.
async fn neighbour(lab: &TestLab) -> Value {
    let all = show(lab, "neighbors").await;
    let found = all["neighbours"]
        .as_array()
        .and_then(|all| all.iter().find(|of| of["identifier"] == "10.255.0.9:0"));
    found.cloned().unwrap_or_default()
}

/// p's labels of a FEC.
async fn binding(lab: &TestLab, fec: &str) -> Value {
    let all = show(lab, "bindings").await;
    let found = all["bindings"]
        .as_array()
        .and_then(|all| all.iter().find(|of| of["fec"] == fec));
    found.cloned().unwrap_or_default()
}

/// The Label Withdraws that p got of FRR, and the Label Releases that it sent.
async fn withdraws_and_releases(lab: &TestLab) -> (u64, u64) {
    let all = show(lab, "statistics").await;
    let of_frr = all["statistics"]
        .as_array()
        .and_then(|all| all.iter().find(|of| of["neighbour"] == "10.255.0.9:0"))
        .and_then(|of| of["messages"].as_array())
        .unwrap_or_else(|| panic!("no messages of FRR: {all}"));
    let count = |kind: &str, direction: &str| {
        let counted = of_frr.iter().find(|of| of["type"] == kind);
        counted
            .and_then(|of| of[direction].as_u64())
            .unwrap_or_else(|| panic!("no {kind} {direction}: {all}"))
    };
    (
        count("Label Withdraw", "received"),
        count("Label Release", "sent"),
    )
}

/// The label that FRR bound to a FEC, as p knows it.
async fn label_of_frr(lab: &TestLab, fec: &str) -> Option<u64> {
    let binding = binding(lab, fec).await;
    let of_frr = binding["remote"]
        .as_array()?
        .iter()
        .find(|of| of["neighbour"] == "10.255.0.9:0")?;
    of_frr["label"].as_u64()
}

/// Waits until `done` gives something; what `so_far` says goes into the failure.
async fn eventually<T>(
    what: &str,
    mut done: impl AsyncFnMut() -> Option<T>,
    so_far: impl AsyncFnOnce() -> String,
) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(done) = done().await {
            return done;
        }
        if Instant::now() > end {
            panic!("{what} does not come: {}", so_far().await);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until the session is operational for both; gives p's view of it.
async fn operational(lab: &TestLab, frr: &Frr<'_>) -> Value {
    eventually(
        "the session",
        async || {
            let ours = neighbour(lab).await;
            let theirs = vtysh(frr, &["show mpls ldp neighbor"]).await;
            (ours["state"] == "operational" && theirs.contains("OPERATIONAL")).then_some(ours)
        },
        async || {
            let events = lsrctl(lab, "p", &["show", "ldp", "events"]).await;
            let ldpd = frr.log("ldpd");
            let tail = ldpd.len().saturating_sub(3000);
            format!(
                "{}\n{events}\n{}",
                neighbour(lab).await,
                ldpd.get(tail..).unwrap_or(&ldpd)
            )
        },
    )
    .await
}

/// What FRR has of our label for a FEC: a number, or its word for a null label.
async fn label_at_frr(frr: &Frr<'_>, fec: &str) -> Option<String> {
    let text = vtysh(frr, &["show mpls ldp binding json"]).await;
    let answer: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let bindings = answer["bindings"].as_array()?;
    let ours = bindings
        .iter()
        .find(|of| of["prefix"] == fec && of["neighborId"] == "10.255.0.2")?;
    ours["remoteLabel"].as_str().map(str::to_owned)
}

/// RFC 5036 over IPv4, with GTSM as both offer it (RFC 6720): the session, labels both ways, packets
/// of hosts with the labels of p and of FRR, a withdraw and its release, and a restart of either side.
#[tokio::test(flavor = "multi_thread")]
async fn ipv4_labels_withdraws_and_restarts() {
    let Some(lab) = lab("[\"ipv4\"]", "", "").await else {
        return;
    };
    let frr = start_frr(&lab, IPV4).await;
    let session = operational(&lab, &frr).await;
    assert_eq!(session["gtsm"], true, "{session}");
    assert_eq!(session["local"], "10.255.0.2");
    assert_eq!(session["remote"], "10.255.0.9");

    // FRR is the egress of what it is connected to: implicit null. Of its static route it is not.
    assert_eq!(label_of_frr(&lab, "10.2.0.0/24").await, Some(3));
    let label = label_of_frr(&lab, "10.77.0.0/16")
        .await
        .expect("FRR bound a label");
    assert!(label >= 16, "{label}");
    // And the other way round: p is connected to the link, pe is what leads to h1.
    assert_eq!(
        label_at_frr(&frr, "10.255.0.2/32").await.as_deref(),
        Some("imp-null")
    );
    let ours = label_at_frr(&frr, "10.1.0.0/24")
        .await
        .expect("p bound a label");
    assert_eq!(
        binding(&lab, "10.1.0.0/24").await["local_label"].to_string(),
        ours
    );

    // pe pushes p's label, p pops it for FRR: hosts reach each other.
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
    assert_no_loss(&ping(&lab, "h2", "h1", false, PING).await);
    // What goes to FRR's own label is on the wire with it.
    let capture = Capture::start(lab.sandbox(), "frr", "eth1").unwrap();
    lab.run("h1", &["ping", "-c", "2", "-W", "1", "10.77.0.1"])
        .await
        .expect("ping(8) is there");
    let with_label = |frame: &lsrctl::lab::packet::Frame| {
        frame
            .labels
            .first()
            .is_some_and(|top| u64::from(top.label.value()) == label)
    };
    let frames = frames_with(&capture, with_label).await;
    assert!(
        frames.iter().any(|(_, frame)| with_label(frame)),
        "no packet with label {label}"
    );

    // RFC 5036, 3.5.10 and 3.5.11: FRR withdraws, p forgets the label and releases it.
    let before = withdraws_and_releases(&lab).await;
    vtysh(
        &frr,
        &["configure terminal", "no ip route 10.77.0.0/16 10.2.0.2"],
    )
    .await;
    eventually(
        "the withdraw",
        async || {
            label_of_frr(&lab, "10.77.0.0/16")
                .await
                .is_none()
                .then_some(())
        },
        async || binding(&lab, "10.77.0.0/16").await.to_string(),
    )
    .await;
    let after = withdraws_and_releases(&lab).await;
    let withdraws = after.0 - before.0;
    assert!(withdraws >= 1, "{before:?}, then {after:?}");
    assert_eq!(after.1 - before.1, withdraws, "{before:?}, then {after:?}");
    vtysh(
        &frr,
        &["configure terminal", "ip route 10.77.0.0/16 10.2.0.2"],
    )
    .await;
    eventually(
        "the new mapping",
        async || label_of_frr(&lab, "10.77.0.0/16").await,
        async || binding(&lab, "10.77.0.0/16").await.to_string(),
    )
    .await;

    // And the other way round: p withdraws without Label TLV, FRR answers so too (LWd.2), and gets the label
    // again as soon as the route is back: p need not wait for what could be another answer.
    let ip = async |what: &str| {
        let command = ["ip", "route", what, "10.88.0.0/16", "via", "10.0.12.1"];
        let (status, said) = lab.run("p", &command).await.expect("iproute2 is there");
        assert_eq!(status.to_string(), "exit code 0", "{said}");
    };
    let at_frr = async || label_at_frr(&frr, "10.88.0.0/16").await;
    let state = async || vtysh(&frr, &["show mpls ldp binding"]).await;
    ip("add").await;
    eventually("the mapping of p", at_frr, state).await;
    ip("del").await;
    let gone = async || at_frr().await.is_none().then_some(());
    eventually("the withdraw of p", gone, state).await;
    ip("add").await;
    eventually("the mapping of p", at_frr, state).await;

    // FRR's ldpd goes without a word, and comes back.
    frr.stop_daemon("ldpd", "KILL").await.unwrap();
    eventually(
        "the end of the session",
        async || (neighbour(&lab).await["state"] != "operational").then_some(()),
        async || neighbour(&lab).await.to_string(),
    )
    .await;
    frr.start_daemon("ldpd").await.unwrap();
    operational(&lab, &frr).await;
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);

    // And so does lsrd.
    lab.stop_process("p", Process::Lsrd, libc::SIGTERM)
        .await
        .unwrap();
    lab.start_process("p", Process::Lsrd).unwrap();
    lab.wait_until_ready(&Quiet).await.unwrap();
    operational(&lab, &frr).await;
    eventually(
        "FRR's labels",
        async || label_of_frr(&lab, "10.77.0.0/16").await,
        async || binding(&lab, "10.77.0.0/16").await.to_string(),
    )
    .await;
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
}

/// RFC 7552 with IPv6 alone: link-local Hellos, a session between global addresses, IPv6 FECs.
#[tokio::test(flavor = "multi_thread")]
async fn ipv6_alone() {
    let Some(lab) = lab("[\"ipv6\"]", "", "").await else {
        return;
    };
    let frr = start_frr(&lab, IPV6).await;
    let session = operational(&lab, &frr).await;
    assert_eq!(session["local"], "2001:db8:ffff::2");
    assert_eq!(session["remote"], "2001:db8:ffff::9");
    eventually(
        "FRR's label",
        async || (label_of_frr(&lab, "2001:db8:2::/64").await == Some(3)).then_some(()),
        async || binding(&lab, "2001:db8:2::/64").await.to_string(),
    )
    .await;
    assert_no_loss(&ping(&lab, "h1", "h2", true, PING).await);
    assert_no_loss(&ping(&lab, "h2", "h1", true, PING).await);
}

/// RFC 7552, section 6.1: two LSRs with both families have one session, over the preferred one, for
/// the FECs of both.
#[tokio::test(flavor = "multi_thread")]
async fn dual_stack_is_one_session() {
    let Some(lab) = lab("[\"ipv4\", \"ipv6\"]", "", "").await else {
        return;
    };
    let frr = start_frr(&lab, &format!("{IPV4}{IPV6}")).await;
    let session = operational(&lab, &frr).await;
    assert_eq!(session["remote"], "2001:db8:ffff::9", "{session}");
    // Hellos of both families, and one neighbour with one session.
    eventually(
        "an adjacency of each family",
        async || {
            let of = neighbour(&lab).await;
            let families: std::collections::BTreeSet<&str> = of["adjacencies"]
                .as_array()?
                .iter()
                .filter_map(|adjacency| adjacency["family"].as_str())
                .collect();
            (families == ["IPv4", "IPv6"].into()).then_some(())
        },
        async || neighbour(&lab).await.to_string(),
    )
    .await;
    let all = show(&lab, "neighbors").await;
    let of_frr = |of: &&Value| {
        let adjacencies = of["adjacencies"].as_array();
        adjacencies.is_some_and(|all| all.iter().any(|of| of["interface"] == "to-frr"))
    };
    let neighbours = all["neighbours"].as_array().expect("a list");
    assert_eq!(neighbours.iter().filter(of_frr).count(), 1, "{all}");
    for fec in ["10.2.0.0/24", "2001:db8:2::/64"] {
        eventually(
            fec,
            async || (label_of_frr(&lab, fec).await == Some(3)).then_some(()),
            async || binding(&lab, fec).await.to_string(),
        )
        .await;
    }
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
    assert_no_loss(&ping(&lab, "h1", "h2", true, PING).await);
}

/// RFC 5036, section 2.9: TCP MD5. With another password there is no session, and p says why.
#[tokio::test(flavor = "multi_thread")]
async fn tcp_md5_needs_the_same_password() {
    let password = "[[ldp.neighbour]]\nlsr-id = \"10.255.0.9\"\npassword = \"s3cret\"\n";
    let Some(lab) = lab("[\"ipv4\"]", "", password).await else {
        return;
    };
    let wrong = format!(" neighbor 10.255.0.2 password other\n{IPV4}");
    let frr = start_frr(&lab, &wrong).await;
    let refused = eventually(
        "the neighbour",
        async || {
            let of = neighbour(&lab).await;
            (of["reason"]
                .as_str()
                .is_some_and(|reason| !reason.is_empty()))
            .then_some(of)
        },
        async || neighbour(&lab).await.to_string(),
    )
    .await;
    assert_ne!(refused["state"], "operational");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let refused = neighbour(&lab).await;
    assert_ne!(refused["state"], "operational", "{refused}");
    // FRR connects, as its address is the higher one; p's kernel refuses that in silence, and counts it.
    let reason = eventually(
        "the word of segments that are refused",
        async || {
            let reason = neighbour(&lab).await["reason"].as_str()?.to_owned();
            reason.contains("the keys may differ").then_some(reason)
        },
        async || neighbour(&lab).await.to_string(),
    )
    .await;
    println!("with another password: {reason}");
    vtysh(
        &frr,
        &[
            "configure terminal",
            "mpls ldp",
            "neighbor 10.255.0.2 password s3cret",
        ],
    )
    .await;
    let session = operational(&lab, &frr).await;
    assert_eq!(session["authentication"], "md5");
}

/// RFC 5036, section 2.4.2: targeted Hellos, without any on the link.
#[tokio::test(flavor = "multi_thread")]
async fn targeted_peers() {
    let targeted = "enabled = false\n[[ldp.targeted-peer]]\naddress = \"10.255.0.9\"\n";
    let Some(lab) = lab("[\"ipv4\"]", "", targeted).await else {
        return;
    };
    let lines = " address-family ipv4
  discovery transport-address 10.255.0.9
  discovery targeted-hello accept
 exit-address-family
";
    let frr = start_frr(&lab, lines).await;
    let session = operational(&lab, &frr).await;
    assert_eq!(session["adjacencies"][0]["interface"], "", "{session}");
    let discovery = show(&lab, "discovery").await;
    assert_eq!(discovery["targeted_peers"][0]["address"], "10.255.0.9");
    eventually(
        "FRR's label",
        async || label_of_frr(&lab, "10.77.0.0/16").await,
        async || binding(&lab, "10.77.0.0/16").await.to_string(),
    )
    .await;
    // An operator asks for the same session, and takes that back: it is configured, and stays.
    let address = "10.255.0.9";
    lsrctl(&lab, "p", &["ldp", "request-targeted", address]).await;
    let discovery = show(&lab, "discovery").await;
    assert_eq!(
        discovery["targeted_peers"][0]["requesters"],
        serde_json::json!(["operator"])
    );
    lsrctl(&lab, "p", &["ldp", "release-targeted", address]).await;
    let discovery = show(&lab, "discovery").await;
    assert_ne!(
        discovery["targeted_peers"][0]["requesters"],
        serde_json::json!(["operator"])
    );
    assert_eq!(neighbour(&lab).await["state"], "operational");
}

/// RFC 3032, section 2.1: explicit null instead of implicit null, each way.
#[tokio::test(flavor = "multi_thread")]
async fn explicit_null() {
    let Some(lab) = lab("[\"ipv4\"]", ", egress-label = \"explicit-null\"", "").await else {
        return;
    };
    let lines = IPV4.replace(
        "  interface",
        "  label local advertise explicit-null\n  interface",
    );
    let frr = start_frr(&lab, &lines).await;
    operational(&lab, &frr).await;
    eventually(
        "explicit null of FRR",
        async || (label_of_frr(&lab, "10.2.0.0/24").await == Some(0)).then_some(()),
        async || binding(&lab, "10.2.0.0/24").await.to_string(),
    )
    .await;
    let at_frr = eventually(
        "explicit null of p",
        async || label_at_frr(&frr, "10.255.0.2/32").await,
        async || vtysh(&frr, &["show mpls ldp binding"]).await,
    )
    .await;
    assert_eq!(at_frr, "exp-null");
    // p swaps to it: FRR's FEC leaves with label 0.
    let capture = Capture::start(lab.sandbox(), "frr", "eth1").unwrap();
    lab.run("h1", &["ping", "-c", "2", "-W", "1", "10.2.0.2"])
        .await
        .expect("ping(8) is there");
    let with_null = |frame: &lsrctl::lab::packet::Frame| {
        frame
            .labels
            .first()
            .is_some_and(|top| top.label.value() == 0)
    };
    let frames = frames_with(&capture, with_null).await;
    assert!(
        frames.iter().any(|(_, frame)| with_null(frame)),
        "no packet with explicit null"
    );
}
