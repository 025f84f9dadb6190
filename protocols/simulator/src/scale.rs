//! How long a network takes to come up, and what that takes.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use miette::IntoDiagnostic;
use simulator::clock::Time;
use simulator::report::counted;
use simulator::{Scenario, invariants};

use super::Arguments;

/// How long it may take in the network.
const PATIENCE: Time = Time::seconds(60);

/// Brings the network up, and measures.
pub(super) fn run(arguments: &Arguments) -> miette::Result<ExitCode> {
    let mut options = arguments.options()?;
    options.faults = 0;
    options.mixed = false;
    options.prefixes = Some(arguments.prefixes.unwrap_or(0));
    options.probe_every = 0;
    let scenario = Scenario::generate(arguments.seed, &options);
    let began = Instant::now();
    let mut network = scenario.network();
    let made = began.elapsed();
    let began = Instant::now();
    // It is up when no switch is written to any more and all sessions are there: one for each pair of
    // neighbours, however many links they have, which both ends count.
    let links = scenario.topology.links.iter();
    let neighbours: BTreeSet<_> = links.map(|of| (of.a.min(of.b), of.a.max(of.b))).collect();
    let sessions = 2 * neighbours.len() as u64;
    let mut up_after = None;
    while up_after.is_none() && network.now() < PATIENCE {
        network.run_until(network.now() + Duration::from_millis(100));
        let counters = network.counters();
        if counters.sessions >= sessions && invariants::switches(&network).is_ok() {
            up_after = Some(network.now().as_secs_f64());
        }
    }
    let wall = began.elapsed();
    let began = Instant::now();
    let broken = invariants::settled(&network).err();
    let checked = began.elapsed();
    let counters = network.counters();
    let report = serde_json::json!({
        "seed": arguments.seed,
        "routers": scenario.topology.routers,
        "links": scenario.topology.links.len(),
        "fecs": network.prefixes.len(),
        "bindings": counters.local_labels,
        "bindings_of_peers": counters.remote_labels,
        "messages": counters.messages,
        "octets": counters.octets,
        "events": network.events,
        "sessions": counters.sessions / 2,
        "seconds_in_the_network": up_after,
        "cpu_seconds": cpu_seconds(),
        "wall_seconds": wall.as_secs_f64(),
        "wall_seconds_before": made.as_secs_f64(),
        "wall_seconds_of_checks": checked.as_secs_f64(),
        "peak_memory_mib": peak_memory(),
        "broken": broken.as_ref().map(|(invariant, text)| format!("{invariant:?}: {text}")),
    });
    writeln!(std::io::stdout(), "{report:#}").into_diagnostic()?;
    if up_after.is_none() {
        eprintln!(
            "the network did not come up within {PATIENCE}: {} of {} came up",
            counters.sessions / 2,
            counted(neighbours.len(), "session")
        );
    }
    Ok(if broken.is_none() && up_after.is_some() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// How much time the process has used of the processors in all, in seconds; nothing where the system does not
/// tell.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    let nanoseconds: u64 = stat.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds as f64 / 1e9)
}

/// The most memory that the process had, in MiB; nothing where the system does not tell.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024)
}
