use super::*;

fn running() -> Option<v1::Ldp> {
    Some(v1::Ldp {
        running: true,
        identifier: "10.255.0.1:0".into(),
        ipv4_transport: "10.255.0.1".into(),
        operational_sessions: 1,
        labels: 3,
        ..v1::Ldp::default()
    })
}

fn cells(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .filter(|line| line.starts_with('│'))
        .map(|line| line.trim_matches('│').split('┆').map(str::trim).collect())
        .collect()
}

#[test]
fn a_router_without_ldp_says_so() {
    let text = neighbours(&v1::ShowLdpNeighboursResponse::default(), false);
    assert_eq!(text, NOT_RUNNING);
}

#[test]
fn what_is_in_the_way_of_all_sessions_is_told_first() {
    let mut ldp = running().unwrap();
    ldp.problems = vec!["LDP cannot use port 646 of IPv4: it is in use".into()];
    let answer = v1::ShowLdpNeighboursResponse {
        ldp: Some(ldp),
        ..v1::ShowLdpNeighboursResponse::default()
    };
    let text = neighbours(&answer, false);
    assert!(text.starts_with("LDP 10.255.0.1:0, transport 10.255.0.1, 1 of"));
    assert!(text.contains("\nproblem: LDP cannot use port 646 of IPv4"));
    assert!(text.ends_with("no neighbour"));
}

#[test]
fn a_neighbour_says_in_words_why_it_is_not_up() {
    let answer = v1::ShowLdpNeighboursResponse {
        ldp: running(),
        neighbours: vec![v1::LdpNeighbour {
            identifier: "10.255.0.2:0".into(),
            state: "non-existent".into(),
            role: "active".into(),
            reason: "10.255.0.2 does not answer".into(),
            next_attempt_in: Some(14.6),
            adjacencies: vec![v1::LdpAdjacency {
                interface: "to-p1".into(),
                family: "IPv4".into(),
                ..v1::LdpAdjacency::default()
            }],
            ..v1::LdpNeighbour::default()
        }],
        discarded: vec![v1::LdpDiscardedSource {
            source: "10.0.13.3".into(),
            interface: "to-p2".into(),
            neighbour: "10.255.0.3:0".into(),
            reason: "authentication is missing".into(),
            hellos: 12,
            age: 1.5,
            ..v1::LdpDiscardedSource::default()
        }],
    };
    let text = neighbours(&answer, false);
    let row = &cells(&text)[1];
    assert_eq!(row[0], "10.255.0.2:0");
    assert_eq!(row[9], "to-p1 IPv4");
    assert_eq!(row[10], "10.255.0.2 does not answer; next attempt in 15 s");
    assert_eq!(
        cells(&text)[3],
        [
            "10.0.13.3",
            "to-p2",
            "10.255.0.3:0",
            "12",
            "1.5 s ago",
            "authentication is missing"
        ]
    );
}

#[test]
fn a_fec_has_a_line_for_each_peer() {
    let remote = |neighbour: &str, label, used| v1::LdpRemoteLabel {
        neighbour: neighbour.into(),
        label,
        used,
        ..v1::LdpRemoteLabel::default()
    };
    let answer = v1::ShowLdpBindingsResponse {
        ldp: running(),
        bindings: vec![v1::LdpBinding {
            fec: "10.255.0.4/32".into(),
            routed: true,
            local_label: Some(16_000),
            remote: vec![
                remote("10.255.0.2:0", 3, true),
                remote("10.255.0.3:0", 16_007, false),
            ],
            upstream: vec![v1::LdpUpstreamLabel {
                neighbour: "10.255.0.3:0".into(),
                label: 16_000,
                state: "advertised".into(),
            }],
            ..v1::LdpBinding::default()
        }],
    };
    let text = bindings(&answer, false);
    let rows = cells(&text);
    let first = [
        "10.255.0.4/32",
        "16000",
        "10.255.0.2:0",
        "implicit-null(3)",
        "yes",
        "",
        "",
    ];
    assert_eq!(rows[1], first);
    let second = ["", "", "10.255.0.3:0", "16007", "", "advertised", ""];
    assert_eq!(rows[2], second);
}

#[test]
fn times_are_as_exact_as_is_of_use() {
    assert_eq!(duration(12.34), "12.3 s");
    assert_eq!(duration(184.0), "3:04");
    assert_eq!(duration(7384.0), "2:03:04");
    assert_eq!(duration(5.0 * 86_400.0 + 7384.0), "5 d 2:03:04");
    assert_eq!(hold(0xffff), "for ever");
}
