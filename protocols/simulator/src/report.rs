//! What a run says of itself.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::network::{PacketCounts, Violation};
use crate::router::Counters;

/// How long it took until all was well.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Convergence {
    /// After what.
    pub after: &'static str,
    /// In seconds.
    pub seconds: f64,
}

/// The report of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// How many routers there were.
    pub routers: usize,
    /// How many links.
    pub links: usize,
    /// How many FECs.
    pub fecs: usize,
    /// How long it was in the network.
    pub seconds: f64,
    /// How long it was for the machine.
    pub wall_seconds: f64,
    /// How many things happened.
    pub events: u64,
    /// A number that two runs have in common if they were the same.
    pub trace: u64,
    /// Faults, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// How long it took until all was well.
    pub convergences: Vec<Convergence>,
    /// What the engines did and held before everything was withdrawn.
    pub counters: Counters,
    /// The same for each protocol, by [`Protocol::name`](crate::router::Protocol::name).
    pub protocols: BTreeMap<&'static str, Counters>,
    /// Packets.
    pub packets: PacketCounts,
    /// The invariant that was broken.
    pub violation: Option<Violation>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}: {}, {}, {}",
            self.seed,
            counted(self.routers, "router"),
            counted(self.links, "link"),
            counted(self.fecs, "FEC")
        )?;
        writeln!(
            f,
            "  {:.1} s in the network in {:.2} s; {} events; trace {:016x}",
            self.seconds, self.wall_seconds, self.events, self.trace
        )?;
        let faults: Vec<String> = self
            .faults
            .iter()
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        writeln!(f, "  faults: {}", list(&faults))?;
        for (protocol, counters) in &self.protocols {
            writeln!(
                f,
                "  {protocol}: {} messages, {} octets, {} mappings sent; {} up, {} local labels, {} labels of peers",
                counters.messages,
                counters.octets,
                counters.bindings_sent,
                // Both ends count each.
                counted(counters.sessions as usize / 2, "session"),
                counters.local_labels,
                counters.remote_labels
            )?;
        }
        let dropped: Vec<String> = self
            .packets
            .dropped
            .iter()
            .map(|(why, count)| format!("{count} {why:?}"))
            .collect();
        writeln!(
            f,
            "  packets: {} sent, {} delivered, {} labelled; lost: {}",
            self.packets.sent,
            self.packets.delivered,
            self.packets.labelled,
            list(&dropped)
        )?;
        for (after, of) in by_cause(&self.convergences) {
            writeln!(
                f,
                "  all well after {after}: {}, median {:.1} s, at most {:.1} s",
                counted(of.len(), "time"),
                of.get(of.len() / 2).copied().unwrap_or_default(),
                of.last().copied().unwrap_or_default()
            )?;
        }
        match &self.violation {
            None => write!(f, "  no invariant was broken"),
            Some(violation) => write!(
                f,
                "  BROKEN at {:.3} s: {:?}: {}",
                violation.at as f64 / 1000.0,
                violation.invariant,
                violation.text
            ),
        }
    }
}

/// So many of something, with the s that more than one have.
pub fn counted(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

fn list(items: &[String]) -> String {
    if items.is_empty() {
        "none".to_owned()
    } else {
        items.join(", ")
    }
}

/// The times by their causes, each in ascending order.
pub fn by_cause(convergences: &[Convergence]) -> BTreeMap<&'static str, Vec<f64>> {
    let mut by_cause: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for of in convergences {
        by_cause.entry(of.after).or_default().push(of.seconds);
    }
    for times in by_cause.values_mut() {
        times.sort_by(f64::total_cmp);
    }
    by_cause
}
