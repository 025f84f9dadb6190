//! LDP between routers of a lab: restarts, and configurations that change while it runs.

use std::time::{Duration, Instant};

use bmv2_tests::{
    PING, TestLab, Traffic, assert_no_loss, describe, lab_file, local_labels, lsrctl, options,
    ping, prober, reconfigure, show, start,
};
use lsrctl::lab::echo::Answer;
use lsrctl::lab::running::{Process, Quiet};
use lsrctl::lab::sandbox::protocol::ProcessStatus;

const SETTLE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(40);

/// labs/chain.toml, whose `ldp = true` is this.
fn chain(ldp: &str) -> String {
    let topology = lab_file("chain");
    assert!(topology.contains("\nldp = true\n"), "{topology}");
    topology.replace("\nldp = true\n", &format!("\nldp = {ldp}\n"))
}

/// The states of a router's sessions, and how often they were lost.
async fn sessions(lab: &TestLab, router: &str) -> Vec<(String, u64)> {
    let answer = show(lab, router, "ldp neighbors").await;
    let neighbours = answer["neighbours"].as_array().unwrap().iter();
    neighbours
        .map(|of| {
            let state = of["state"].as_str().unwrap().to_owned();
            (state, of["sessions_lost"].as_u64().unwrap())
        })
        .collect()
}

/// RFC 3478, section 3: with graceful restart the switch forwards by the labels of before, the
/// neighbours keep them, and the restarted router binds the same ones again.
#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_restart_loses_no_packet_and_keeps_its_labels() {
    let restart = "{ graceful-restart = { reconnect-time = 60 }, hello-hold-time = 30 }";
    let Some(lab) = start(options(&chain(restart))).await else {
        return;
    };
    // What is bound is kept a second later at the latest.
    tokio::time::sleep(2 * SETTLE).await;
    let before = local_labels(&lab, "p1").await;
    assert!(!before.is_empty());
    for signal in [libc::SIGTERM, libc::SIGKILL] {
        let flows = [
            Traffic::start(&lab, "h1", "h2", false),
            Traffic::start(&lab, "h2", "h1", true),
        ];
        tokio::time::sleep(SETTLE).await;
        lab.stop_process("p1", Process::Lsrd, signal).await.unwrap();
        tokio::time::sleep(SETTLE).await;
        lab.start_process("p1", Process::Lsrd).unwrap();
        lab.wait_until_ready(&Quiet).await.unwrap();
        tokio::time::sleep(2 * SETTLE).await;
        for flow in flows {
            let result = flow.stop().await;
            println!("lsrd of p1, signal {signal}: {}", describe(&result));
            assert_no_loss(&result);
        }
        assert_eq!(local_labels(&lab, "p1").await, before);
    }
}

/// A change of the configuration disturbs what it is about, and no session.
#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_is_read_again_withdraws_labels_and_keeps_sessions() {
    let Some(lab) = start(options(&chain("true"))).await else {
        return;
    };
    let former = reconfigure(&lab, "p1", |former| {
        former.replace("[ldp]\n", "[ldp]\nallocate = \"host-routes\"\n")
    })
    .await;
    let end = Instant::now() + PATIENCE;
    // pe1 hears of it: p1 has no label for h2's network any more.
    let labels_at_pe1 = async || -> Vec<String> {
        let answer = show(&lab, "pe1", "ldp bindings").await;
        let bindings = answer["bindings"].as_array().unwrap().iter();
        let with_label = bindings.filter(|of| !of["remote"].as_array().unwrap().is_empty());
        with_label
            .map(|of| of["fec"].as_str().unwrap().to_owned())
            .collect()
    };
    while labels_at_pe1()
        .await
        .iter()
        .any(|fec| !fec.ends_with("/32") && !fec.ends_with("/128"))
    {
        assert!(Instant::now() < end, "{:?}", labels_at_pe1().await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let left = labels_at_pe1().await;
    assert!(left.contains(&"10.255.0.4/32".to_owned()), "{left:?}");
    assert_eq!(
        sessions(&lab, "p1").await,
        vec![("operational".to_owned(), 0); 2]
    );
    // What has no label goes as IP.
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
    reconfigure(&lab, "p1", |_| former).await;
    while !labels_at_pe1().await.contains(&"10.2.0.0/24".to_owned()) {
        assert!(Instant::now() < end, "{:?}", labels_at_pe1().await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(
        sessions(&lab, "p1").await,
        vec![("operational".to_owned(), 0); 2]
    );
}

/// RFC 5036, section 2.5.6: a neighbour that is cleared comes up anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_cleared_comes_back() {
    let Some(lab) = start(options(&chain("true"))).await else {
        return;
    };
    let said = lsrctl(&lab, "p1", &["clear", "ldp", "neighbor", "10.255.0.1"]).await;
    assert!(said.starts_with("1 session ends"), "{said}");
    let end = Instant::now() + PATIENCE;
    let mut expected = vec![("operational".to_owned(), 1), ("operational".to_owned(), 0)];
    expected.sort();
    loop {
        let mut now = sessions(&lab, "p1").await;
        now.sort();
        if now == expected {
            break;
        }
        assert!(Instant::now() < end, "{now:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    lab.wait_until_ready(&Quiet).await.unwrap();
    assert_no_loss(&ping(&lab, "h1", "h2", false, PING).await);
}

/// RFC 3443: another TTL model is a change of the switch's entries, and of no session.
#[tokio::test(flavor = "multi_thread")]
async fn another_ttl_model_is_read_again_and_keeps_sessions() {
    let Some(lab) = start(options(&chain("true"))).await else {
        return;
    };
    let hops = async || -> Vec<String> {
        let prober = prober(&lab, "h1", "h2", false);
        let hops = prober.traceroute(10, Duration::from_secs(3)).await;
        let address = |hop: Option<Answer>| hop.map_or("*".to_owned(), |hop| hop.from.to_string());
        hops.into_iter().map(address).collect()
    };
    let [pe1, p1, p2, pe2, h2] = [
        "10.1.0.1",
        "10.0.12.2",
        "10.0.23.3",
        "10.0.34.4",
        "10.2.0.2",
    ];
    assert_eq!(hops().await, [pe1, p1, p2, pe2, h2]);
    let traffic = Traffic::start(&lab, "h2", "h1", true);
    for router in ["pe1", "p1", "p2", "pe2"] {
        reconfigure(&lab, router, |former| {
            former.replace("ttl-model = \"uniform\"", "ttl-model = \"pipe\"")
        })
        .await;
    }
    let end = Instant::now() + PATIENCE;
    loop {
        let now = hops().await;
        if now == [pe1, pe2, h2] {
            break;
        }
        assert!(Instant::now() < end, "{now:?}");
    }
    assert_no_loss(&traffic.stop().await);
    assert_eq!(
        sessions(&lab, "p1").await,
        vec![("operational".to_owned(), 0); 2]
    );
}

/// What Prometheus reads of a router that runs LDP.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_say_what_ldp_does() {
    let Some(lab) = start(options(&chain("true"))).await else {
        return;
    };
    let file = lab.file("p1/lsrd.toml");
    let mut config = std::fs::read_to_string(&file).unwrap();
    config.push_str("\n[metrics]\nlisten = \"127.0.0.1:9100\"\n");
    std::fs::write(&file, config).unwrap();
    lab.stop_process("p1", Process::Lsrd, libc::SIGTERM)
        .await
        .unwrap();
    lab.start_process("p1", Process::Lsrd).unwrap();
    lab.wait_until_ready(&Quiet).await.unwrap();
    let request = "exec 3<>/dev/tcp/127.0.0.1/9100 && \
                   printf 'GET /metrics HTTP/1.1\\r\\nHost: p1\\r\\nConnection: close\\r\\n\\r\\n' >&3 && \
                   cat <&3";
    let (status, text) = lab.run("p1", &["bash", "-c", request]).await.unwrap();
    assert_eq!(status, ProcessStatus::Exited(0), "{text}");
    // Two neighbours, each of which sent and was sent mappings.
    let value = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        number.unwrap_or_else(|| panic!("no {name} in {text}"))
    };
    assert_eq!(value("lsrd_ldp_sessions{state=\"operational\"}"), 2.0);
    for direction in ["sent", "received"] {
        let name =
            format!("lsrd_ldp_messages_total{{type=\"Label Mapping\",direction=\"{direction}\"}}");
        assert!(value(&name) > 0.0, "{text}");
    }
    // Implicit null takes no label of the router's.
    let labels = local_labels(&lab, "p1").await.into_iter();
    let own = labels.filter(|(_, label)| *label >= 16).count();
    assert_eq!(value("lsrd_ldp_bindings{kind=\"local\"}"), own as f64);
    assert!(value("lsrd_ldp_convergence_seconds_count") > 0.0, "{text}");
}

/// LDP that is taken out of the configuration is no restart: neighbours do not wait for it, and do not
/// send by labels that are gone (RFC 3478, section 3.3).
#[tokio::test(flavor = "multi_thread")]
async fn a_router_that_gives_up_ldp_is_not_waited_for() {
    let restart = "{ graceful-restart = { reconnect-time = 60 } }";
    let Some(lab) = start(options(&chain(restart))).await else {
        return;
    };
    reconfigure(&lab, "p1", |former| {
        let mut of_ldp = false;
        let without = former.split_inclusive('\n').filter(|line| {
            if line.starts_with('[') {
                of_ldp = line.trim_start_matches('[').starts_with("ldp");
            }
            !of_ldp
        });
        without.collect()
    })
    .await;
    tokio::time::sleep(2 * SETTLE).await;
    for ipv6 in [false, true] {
        assert_no_loss(&ping(&lab, "h1", "h2", ipv6, PING).await);
        assert_no_loss(&ping(&lab, "h2", "h1", ipv6, PING).await);
    }
}
