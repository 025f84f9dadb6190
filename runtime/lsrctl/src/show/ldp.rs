//! `show ldp`.

use comfy_table::Cell;
use northbound::v1;

use super::tables::{or_nothing, table};
use super::words;

/// What to show of LDP.
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum LdpSubject {
    /// The Hello adjacencies and the targeted peers (RFC 5036, 2.4).
    Discovery,
    /// The neighbours and their sessions, with why each is not up.
    #[command(visible_alias = "neighbours")]
    Neighbors,
    /// The label information base: the labels of each FEC.
    Bindings,
    /// The interfaces with LDP.
    Interfaces,
    /// What this router and its neighbours announce (RFC 5561).
    Capabilities,
    /// Messages by type and direction.
    Statistics,
    /// What happened to the neighbours.
    Events {
        /// Only of this neighbour: its LSR Id, or its LDP Identifier.
        neighbour: Option<String>,
    },
}

const NOT_RUNNING: &str = "the router does not run LDP: its configuration has no [ldp]";

/// The LSR in a line, with what is in the way; the rest only if it runs LDP.
fn page(ldp: Option<&v1::Ldp>, rest: impl FnOnce() -> String) -> String {
    let Some(ldp) = ldp.filter(|ldp| ldp.running) else {
        return NOT_RUNNING.to_owned();
    };
    let transports = [&ldp.ipv4_transport, &ldp.ipv6_transport];
    let transports: Vec<&str> = transports
        .into_iter()
        .filter(|address| !address.is_empty())
        .map(String::as_str)
        .collect();
    let transports = match transports.is_empty() {
        true => "no transport address".to_owned(),
        false => format!("transport {}", transports.join(", ")),
    };
    let mut text = format!(
        "LDP {}, {transports}, {} of its neighbours' sessions operational, {} labels\n",
        ldp.identifier, ldp.operational_sessions, ldp.labels
    );
    if let Some(remaining) = ldp.restarting_for {
        text.push_str(&format!(
            "restarting: forwarding state of before is kept for {remaining:.0} s\n"
        ));
    }
    for problem in &ldp.problems {
        text.push_str(&format!("problem: {problem}\n"));
    }
    text.push('\n');
    text.push_str(&rest());
    text
}

/// `show ldp discovery`.
pub(super) fn discovery(answer: &v1::ShowLdpDiscoveryResponse, terminal: bool) -> String {
    page(answer.ldp.as_ref(), || {
        let columns = [
            "Neighbour",
            "By",
            "Family",
            "Source",
            "Transport",
            ">Hold",
            ">Expires",
            ">Up",
            ">Hellos",
            "Notes",
        ];
        let mut rows = table(&columns, terminal);
        for adjacency in &answer.adjacencies {
            rows.add_row(vec![
                Cell::new(&adjacency.neighbour),
                Cell::new(by(adjacency)),
                Cell::new(&adjacency.family),
                Cell::new(&adjacency.source),
                Cell::new(&adjacency.transport),
                Cell::new(hold(adjacency.hold_time)),
                Cell::new(adjacency.expires_in.map_or("never".into(), seconds)),
                Cell::new(duration(adjacency.up_for)),
                Cell::new(adjacency.hellos_received),
                Cell::new(notes(adjacency)),
            ]);
        }
        let mut text = or_nothing(rows, "no Hello adjacency");
        if !answer.targeted_peers.is_empty() {
            let columns = [
                "Targeted peer",
                "Because",
                "Neighbour",
                ">Hold",
                ">Interval",
                ">Sent",
                ">Received",
                "No session because",
            ];
            let mut rows = table(&columns, terminal);
            for peer in &answer.targeted_peers {
                rows.add_row(vec![
                    Cell::new(&peer.address),
                    Cell::new(because(peer)),
                    Cell::new(&peer.neighbour),
                    Cell::new(hold(peer.hello_hold_time)),
                    Cell::new(seconds(peer.hello_interval)),
                    Cell::new(peer.hellos_sent),
                    Cell::new(peer.hellos_received),
                    Cell::new(&peer.reason),
                ]);
            }
            text.push_str(&format!("\n\n{}", rows.trim_fmt()));
        }
        if !answer.discards.is_empty() {
            let mut rows = table(&["Hellos discarded", ">Count"], terminal);
            for discard in &answer.discards {
                rows.add_row(vec![Cell::new(&discard.reason), Cell::new(discard.hellos)]);
            }
            text.push_str(&format!("\n\n{}", rows.trim_fmt()));
        }
        text
    })
}

/// Why there are Hellos to a targeted peer.
fn because(peer: &v1::LdpTargetedPeer) -> String {
    let asked = format!("asked for by {}", peer.requesters.join(", "));
    match (peer.origin.as_str(), peer.requesters.is_empty()) {
        (origin, true) => origin.to_owned(),
        ("configured", false) => format!("configured, {asked}"),
        (_, false) => asked,
    }
}

fn by(adjacency: &v1::LdpAdjacency) -> &str {
    match adjacency.interface.as_str() {
        "" => "targeted",
        name => name,
    }
}

fn notes(adjacency: &v1::LdpAdjacency) -> String {
    let mut notes = Vec::new();
    if adjacency.gtsm {
        notes.push("GTSM".to_owned());
    }
    if !adjacency.dual_stack.is_empty() {
        notes.push(format!("dual stack, prefers {}", adjacency.dual_stack));
    }
    if adjacency.authenticated {
        notes.push("authenticated".to_owned());
    }
    notes.join(", ")
}

/// `show ldp neighbors`.
pub(super) fn neighbours(answer: &v1::ShowLdpNeighboursResponse, terminal: bool) -> String {
    page(answer.ldp.as_ref(), || {
        let columns = [
            "Neighbour",
            "State",
            "Role",
            "Local",
            "Remote",
            ">Up",
            ">Keepalive",
            ">Labels in",
            ">Labels out",
            "Adjacencies",
            "Why not up",
        ];
        let mut rows = table(&columns, terminal);
        for of in &answer.neighbours {
            let adjacencies = of.adjacencies.iter();
            let adjacencies: Vec<String> = adjacencies
                .map(|adjacency| format!("{} {}", by(adjacency), adjacency.family))
                .collect();
            let keepalive = of.parameters.as_ref().map(|of| of.keepalive_time);
            rows.add_row(vec![
                Cell::new(&of.identifier),
                Cell::new(&of.state),
                Cell::new(&of.role),
                Cell::new(&of.local),
                Cell::new(&of.remote),
                Cell::new(of.up_for.map(duration).unwrap_or_default()),
                Cell::new(
                    keepalive
                        .map(|time| format!("{time} s"))
                        .unwrap_or_default(),
                ),
                Cell::new(of.labels_received),
                Cell::new(of.labels_sent),
                Cell::new(adjacencies.join(", ")),
                Cell::new(why_not_up(of)),
            ]);
        }
        let mut text = or_nothing(rows, "no neighbour");
        if !answer.discarded.is_empty() {
            let columns = [
                "Hellos from",
                "By",
                "Neighbour",
                ">Discarded",
                ">Last",
                "Why",
            ];
            let mut rows = table(&columns, terminal);
            for of in &answer.discarded {
                let by = match of.targeted {
                    true => format!("{}, targeted", of.interface),
                    false => of.interface.clone(),
                };
                rows.add_row(vec![
                    Cell::new(&of.source),
                    Cell::new(by),
                    Cell::new(&of.neighbour),
                    Cell::new(of.hellos),
                    Cell::new(format!("{} ago", duration(of.age))),
                    Cell::new(&of.reason),
                ]);
            }
            text.push_str(&format!("\n\n{}", rows.trim_fmt()));
        }
        text
    })
}

fn why_not_up(of: &v1::LdpNeighbour) -> String {
    let mut words = Vec::new();
    if !of.reason.is_empty() {
        words.push(of.reason.clone());
    }
    if let Some(next) = of.next_attempt_in {
        words.push(format!("next attempt in {next:.0} s"));
    }
    if let Some(remaining) = of.graceful_restart_remaining {
        words.push(format!(
            "graceful restart: {} for {remaining:.0} s more",
            of.graceful_restart
        ));
    }
    words.join("; ")
}

/// `show ldp bindings`.
pub(super) fn bindings(answer: &v1::ShowLdpBindingsResponse, terminal: bool) -> String {
    page(answer.ldp.as_ref(), || {
        let columns = [
            "FEC",
            "Local label",
            "Neighbour",
            "Its label",
            "Used",
            "It has ours",
            "Notes",
        ];
        let mut rows = table(&columns, terminal);
        for binding in &answer.bindings {
            let local = match binding.local_label {
                Some(label) => words::label(label),
                None => binding.local_state.clone(),
            };
            let mut peers: Vec<&str> = Vec::new();
            let remote = binding.remote.iter().map(|label| label.neighbour.as_str());
            let upstream = binding
                .upstream
                .iter()
                .map(|label| label.neighbour.as_str());
            for peer in remote.chain(upstream) {
                if !peers.contains(&peer) {
                    peers.push(peer);
                }
            }
            peers.sort_unstable();
            let lines = match peers.is_empty() {
                true => vec![None],
                false => peers.into_iter().map(Some).collect(),
            };
            for (index, peer) in lines.into_iter().enumerate() {
                let first = index == 0;
                let remote = binding.remote.iter();
                let remote = remote
                    .clone()
                    .find(|of| Some(of.neighbour.as_str()) == peer);
                let upstream = binding.upstream.iter();
                let upstream = upstream
                    .clone()
                    .find(|of| Some(of.neighbour.as_str()) == peer);
                rows.add_row(vec![
                    Cell::new(if first { binding.fec.as_str() } else { "" }),
                    Cell::new(if first { local.as_str() } else { "" }),
                    Cell::new(peer.unwrap_or_default()),
                    Cell::new(remote.map(|of| words::label(of.label)).unwrap_or_default()),
                    Cell::new(if remote.is_some_and(|of| of.used) {
                        "yes"
                    } else {
                        ""
                    }),
                    Cell::new(upstream.map_or("", |of| of.state.as_str())),
                    Cell::new(binding_notes(binding, remote, first)),
                ]);
            }
        }
        or_nothing(rows, "no FEC")
    })
}

fn binding_notes(
    binding: &v1::LdpBinding,
    remote: Option<&v1::LdpRemoteLabel>,
    first: bool,
) -> String {
    let mut notes = Vec::new();
    if first && binding.egress {
        notes.push("egress".to_owned());
    }
    if first && !binding.routed {
        notes.push("no route".to_owned());
    }
    if first && !binding.requests_sent.is_empty() {
        notes.push(format!("asked {}", binding.requests_sent.join(", ")));
    }
    if first && !binding.requests_received.is_empty() {
        notes.push(format!("asked by {}", binding.requests_received.join(", ")));
    }
    if let Some(remote) = remote {
        if remote.stale {
            notes.push("stale".to_owned());
        }
        if let Some(hops) = remote.hop_count {
            notes.push(format!("{hops} hops"));
        }
        if let Some(mtu) = remote.mtu {
            notes.push(format!("MTU {mtu}"));
        }
        if remote.entropy_label_capable {
            notes.push("entropy label".to_owned());
        }
    }
    notes.join(", ")
}

/// `show ldp interfaces`.
pub(super) fn interfaces(answer: &v1::ShowLdpInterfacesResponse, terminal: bool) -> String {
    page(answer.ldp.as_ref(), || {
        let columns = [
            "Interface",
            "Family",
            "Hellos",
            "Source",
            "Transport",
            ">Hold",
            ">Interval",
            ">Adjacencies",
            ">Sent",
            ">Received",
            ">Discarded",
            "IGP sync",
            "Why not",
        ];
        let mut rows = table(&columns, terminal);
        for of in &answer.interfaces {
            rows.add_row(vec![
                Cell::new(&of.name),
                Cell::new(&of.family),
                Cell::new(if of.active { "active" } else { "no" }),
                Cell::new(&of.source),
                Cell::new(&of.transport),
                Cell::new(hold(of.hello_hold_time)),
                Cell::new(seconds(of.hello_interval)),
                Cell::new(of.adjacencies),
                Cell::new(of.hellos_sent),
                Cell::new(of.hellos_received),
                Cell::new(of.hellos_discarded),
                Cell::new(&of.igp_sync),
                Cell::new(&of.reason),
            ]);
        }
        or_nothing(
            rows,
            "no interface has labels: mpls = true of [[interface]]",
        )
    })
}

/// `show ldp capabilities`.
pub(super) fn capabilities(answer: &v1::ShowLdpCapabilitiesResponse, terminal: bool) -> String {
    page(answer.ldp.as_ref(), || {
        let mut rows = table(&["Neighbour", "Session", "Announced", "By it"], terminal);
        for of in &answer.neighbours {
            rows.add_row(vec![
                Cell::new(&of.neighbour),
                Cell::new(&of.state),
                Cell::new(of.local.join(", ")),
                Cell::new(of.peer.join(", ")),
            ]);
        }
        or_nothing(rows, "no neighbour")
    })
}

/// `show ldp statistics`.
pub(super) fn statistics(answer: &v1::ShowLdpStatisticsResponse, terminal: bool) -> String {
    page(answer.ldp.as_ref(), || {
        let mut rows = table(&["Neighbour", "Message", ">Sent", ">Received"], terminal);
        for of in &answer.statistics {
            let who = match of.neighbour.as_str() {
                "" => "all",
                neighbour => neighbour,
            };
            let pdus = [
                ("PDUs", of.pdus_sent, of.pdus_received),
                ("octets", of.octets_sent, of.octets_received),
            ];
            let messages = of.messages.iter();
            let messages =
                messages.map(|count| (count.r#type.as_str(), count.sent, count.received));
            let counted = messages.filter(|(_, sent, received)| sent + received > 0);
            for (index, (kind, sent, received)) in pdus.into_iter().chain(counted).enumerate() {
                rows.add_row(vec![
                    Cell::new(if index == 0 { who } else { "" }),
                    Cell::new(kind),
                    Cell::new(sent),
                    Cell::new(received),
                ]);
            }
            for error in &of.errors {
                rows.add_row(vec![
                    Cell::new(""),
                    Cell::new(format!("error: {}", error.error)),
                    Cell::new(""),
                    Cell::new(error.count),
                ]);
            }
        }
        rows.trim_fmt()
    })
}

/// `show ldp events`.
pub(super) fn events(answer: &v1::ShowLdpEventsResponse, terminal: bool) -> String {
    page(answer.ldp.as_ref(), || {
        let mut rows = table(&[">Ago", "About", "Severity", "Event", "What"], terminal);
        for event in &answer.events {
            rows.add_row(vec![
                Cell::new(duration(event.age)),
                Cell::new(&event.subject),
                Cell::new(&event.severity),
                Cell::new(&event.kind),
                Cell::new(&event.text),
            ]);
        }
        or_nothing(rows, "nothing happened")
    })
}

fn hold(seconds: u32) -> String {
    match seconds {
        0 | 0xffff => "for ever".to_owned(),
        seconds => format!("{seconds} s"),
    }
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.1} s")
}

/// As far as anyone wants to know: 12.3 s, 3:04, 2:03:04, or 5 d 2:03:04.
fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds as u64;
    let (days, hours) = (whole / 86_400, whole / 3600 % 24);
    let (minutes, rest) = (whole / 60 % 60, whole % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}:{rest:02}"),
        (0, _) => format!("{hours}:{minutes:02}:{rest:02}"),
        _ => format!("{days} d {hours}:{minutes:02}:{rest:02}"),
    }
}

#[cfg(test)]
#[path = "ldp_tests.rs"]
mod tests;
