//! The network that the faults happen to, and what all of them do.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bmv2_tests::{TestLab, lsrctl, options, start};
use lsrctl::lab::running::{LabOptions, Quiet};

/// How long packets flow before a fault and after it.
pub(crate) const SETTLE: Duration = Duration::from_secs(1);
/// LDP whose labels outlive a restart (RFC 3478).
pub(crate) const GRACEFUL: &str =
    "{ graceful-restart = { reconnect-time = 60 }, hello-hold-time = 30 }";

/// Two hosts and three routers, of which the one in the middle has the faults, and a third host
/// there, whose link is cut:
///
/// ```text
///   h1 ── pe1 ══ p1 ══ pe2 ── h2        ══ labelled links
///                 │
///                h3
/// ```
pub(crate) fn network(ldp: &str) -> LabOptions {
    let routers = [("pe1", 1), ("p1", 2), ("pe2", 3)];
    let mut text = format!("name = \"faults\"\nldp = {ldp}\n");
    for host in ["h1", "h2", "h3"] {
        // A String takes all.
        let _ = writeln!(text, "[[host]]\nname = \"{host}\"");
    }
    for (router, number) in routers {
        let _ = writeln!(
            text,
            "[[router]]\nname = \"{router}\"\nrouter-id = \"10.255.0.{number}\"\n\
             loopbacks = [\"10.255.0.{number}\", \"2001:db8:ffff::{number}\"]"
        );
    }
    let links = [
        (("h1", 1, 2), ("pe1", 1, 1), 1),
        (("pe1", 2, 1), ("p1", 1, 2), 12),
        (("p1", 2, 2), ("pe2", 1, 3), 23),
        (("pe2", 2, 1), ("h2", 1, 2), 2),
        (("p1", 3, 1), ("h3", 1, 2), 3),
    ];
    for (a, b, net) in links {
        let _ = writeln!(text, "[[link]]");
        for (key, (node, port, host)) in [("a", a), ("b", b)] {
            let _ = writeln!(
                text,
                "{key} = {{ node = \"{node}\", interface = \"eth{port}\", \
                 addresses = [\"10.0.{net}.{host}/24\", \"2001:db8:{net}::{host}/64\"] }}"
            );
        }
    }
    options(&text)
}

/// The network with all routers up; `None`, with the reason printed, where the machine allows none.
pub(crate) async fn up(ldp: &str) -> Option<TestLab> {
    start(network(ldp)).await
}

/// Waits until every router forwards again, and lets packets flow a little longer. Gives when all forwarded.
pub(crate) async fn converged(lab: &TestLab) -> Instant {
    lab.wait_until_ready(&Quiet).await.unwrap();
    let when = Instant::now();
    tokio::time::sleep(SETTLE).await;
    when
}

/// `count` static routes by h3 for p1.
pub(crate) fn many_routes(count: u32) -> String {
    let mut text = String::new();
    for index in 0..count {
        let [_, high, middle, low] = (index << 4).to_be_bytes();
        let _ = writeln!(
            text,
            "[[static-route]]\nprefix = \"{}.{middle}.{low}.0/28\"\n\
             next-hops = [{{ interface = \"to-h3\", address = \"10.0.3.2\" }}]",
            20 + u32::from(high)
        );
    }
    text
}

/// Replaces the configuration of p1 by one with more at its end; gives what it was. It is not read yet.
pub(crate) fn configure(lab: &TestLab, more: &str) -> String {
    let file = lab.file("p1/lsrd.toml");
    let former = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{former}\n{more}")).unwrap();
    former
}

/// Lets the lsrd of p1 read its configuration again.
pub(crate) async fn reload(lab: &TestLab) {
    lsrctl(lab, "p1", &["reload"]).await;
}
