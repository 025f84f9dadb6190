//! traceroute through the LSPs: the hops show in the uniform model and hide in the pipe model.

use std::net::IpAddr;
use std::time::Duration;

use bmv2_tests::{chain, options, prober, start};
use lsrctl::lab::echo::{Answer, AnswerKind};
use lsrctl::lab::running::Lab;
use lsrctl::lab::topology::TtlModel;

async fn hops(lab: &Lab, ipv6: bool) -> Vec<Answer> {
    let prober = prober(lab, "h1", "h2", ipv6);
    let hops = prober.traceroute(10, Duration::from_secs(3)).await;
    hops.into_iter()
        .map(|hop| hop.expect("every hop answers"))
        .collect()
}

fn addresses(hops: &[Answer]) -> Vec<String> {
    hops.iter().map(|hop| hop.from.to_string()).collect()
}

const UNIFORM_IPV4: [&str; 5] = [
    "10.1.0.1",
    "10.0.12.2",
    "10.0.23.3",
    "10.0.34.4",
    "10.2.0.2",
];
const UNIFORM_IPV6: [&str; 5] = [
    "2001:db8:1::1",
    "2001:db8:12::2",
    "2001:db8:23::3",
    "2001:db8:34::4",
    "2001:db8:2::2",
];

/// RFC 3443, section 3.1; the routers in the middle answer along the LSP to its end (RFC 3032,
/// section 2.3.2).
#[tokio::test(flavor = "multi_thread")]
async fn every_router_shows_in_the_uniform_model() {
    let Some(lab) = start(options(&chain())).await else {
        return;
    };
    let ipv4 = hops(&lab, false).await;
    assert_eq!(addresses(&ipv4), UNIFORM_IPV4);
    let kinds: Vec<_> = ipv4.iter().map(|hop| hop.kind).collect();
    assert_eq!(kinds[..4], [AnswerKind::TimeExceeded; 4]);
    assert_eq!(kinds[4], AnswerKind::Reply);
    assert_eq!(addresses(&hops(&lab, true).await), UNIFORM_IPV6);

    // RFC 4950: the routers in the middle say with which label stack the packet arrived.
    for (hop, label) in [(1, 100), (2, 200)] {
        let labels: Vec<_> = ipv4[hop]
            .labels
            .iter()
            .map(|entry| entry.label.value())
            .collect();
        assert_eq!(labels, [label], "{:?}", ipv4[hop]);
    }

    system_traceroute(&lab, "10.2.0.2", &UNIFORM_IPV4).await;
    system_traceroute(&lab, "2001:db8:2::2", &UNIFORM_IPV6).await;
}

/// RFC 3443, section 3.2: only the ends of the LSP show.
#[tokio::test(flavor = "multi_thread")]
async fn the_routers_in_the_middle_hide_in_the_pipe_model() {
    let mut options = options(&chain());
    options.ttl_model = Some(TtlModel::Pipe);
    let Some(lab) = start(options).await else {
        return;
    };
    let expected = ["10.1.0.1", "10.0.34.4", "10.2.0.2"];
    assert_eq!(addresses(&hops(&lab, false).await), expected);
    system_traceroute(&lab, "10.2.0.2", &expected).await;
    let expected = ["2001:db8:1::1", "2001:db8:34::4", "2001:db8:2::2"];
    assert_eq!(addresses(&hops(&lab, true).await), expected);
}

/// The same with traceroute(8), where it is installed.
async fn system_traceroute(lab: &Lab, to: &str, expected: &[&str]) {
    let command = ["traceroute", "-n", "-q", "1", "-w", "3", "-m", "10", to];
    let (_, output) = match lab.run("h1", &command).await {
        Ok(result) => result,
        Err(error) => return println!("skipped: {error}"),
    };
    let seen: Vec<_> = output
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().nth(1).unwrap_or_default())
        .filter(|word| *word == "*" || word.parse::<IpAddr>().is_ok())
        .collect();
    assert_eq!(seen, expected, "{output}");
}
