//! Packets a second and latency of a switch over veth pairs: the same packets through p4-switch and,
//! where it is on PATH, the real simple_switch_grpc, in one run. docs/benchmarks-links.md has the
//! method.
//!
//! `cargo bench -p bmv2-tests --bench links -- --help`. It needs root, for a network namespace, and
//! two processors: one is the switch's.

mod links;
mod measure;
mod program;
mod report;
mod switch;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bmv2_tests::programs;
use clap::Parser;

use program::Program;
use report::{Rates, Report, Run, Scaling};
use switch::{Kind, Running};

/// Packets a second and latency of switches over veth pairs.
#[derive(Debug, Parser)]
struct Arguments {
    /// How long a trial takes. RFC 2544 section 24 asks for 60.
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    seconds: u64,

    /// Sizes of the frames, with the check sequence of 4 octets that a link would add.
    #[arg(long, value_name = "OCTETS", value_delimiter = ',', default_values_t = [64, 1518],
          value_parser = size)]
    sizes: Vec<usize>,

    /// A p4-switch to measure in place of this build's.
    #[arg(long, value_name = "FILE")]
    p4_switch: Option<PathBuf>,

    /// Prints JSON.
    #[arg(long)]
    json: bool,

    /// What cargo bench says.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The sizes of RFC 2544 section 9.1 are between these.
fn size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size @ 64..=1518) => Ok(size),
        _ => Err("a size from 64 to 1518".to_owned()),
    }
}

fn main() {
    let arguments = Arguments::parse();
    let trial = Duration::from_secs(arguments.seconds);
    // Of the only thread so far, so that all others are in it, too.
    if let Err(error) = nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET) {
        println!("skipped: a network namespace needs root: {error}");
        return;
    }
    if !std::thread::available_parallelism().is_ok_and(|count| count.get() >= 2) {
        println!("skipped: a switch and what sends to it need a processor each");
        return;
    }
    links::make();
    switch::run_on_our_processor();
    let sender = |size: &usize| (*size, measure::sender(*size, trial));
    let mut run = Run {
        sender: arguments.sizes.iter().map(sender).collect(),
        reports: Vec::new(),
        scaling: Vec::new(),
    };
    let ours = arguments.p4_switch.clone();
    let ours = ours.unwrap_or_else(|| programs().own("p4-switch").expect("it was built"));
    let theirs = Path::new(Kind::SimpleSwitchGrpc.name());
    let is_there = Command::new(theirs).arg("--version").output().is_ok();
    if !is_there {
        eprintln!("skipped: {} is not on PATH", theirs.display());
    }
    for program in Program::ALL {
        let mut measure = |kind, path: &Path| {
            let report = report(kind, path, program, &arguments.sizes, trial);
            run.reports.push(report);
        };
        measure(Kind::P4Switch, &ours);
        if is_there {
            measure(Kind::SimpleSwitchGrpc, theirs);
        }
        run.scaling.push(scaling(&ours, program));
    }
    if arguments.json {
        println!("{}", run.json());
    } else {
        run.print();
    }
}

/// Starts a switch and sees that it forwards.
fn start(kind: Kind, path: &Path, program: Program, threads: usize) -> Running {
    let running = Running::start(kind, path, program, threads);
    assert!(
        measure::forwards(Duration::from_secs(10)),
        "{} does not forward with {}",
        kind.name(),
        program.name()
    );
    eprintln!(
        "measuring {} with {}, {threads} thread(s)",
        kind.name(),
        program.name()
    );
    running
}

fn report(kind: Kind, path: &Path, program: Program, sizes: &[usize], trial: Duration) -> Report {
    let running = start(kind, path, program, 1);
    let rates = sizes.iter().map(|size| {
        let throughput = measure::throughput(&running, *size, trial);
        Rates {
            size: *size,
            lossless: measure::lossless(*size, trial, throughput.forwarded),
            throughput,
        }
    });
    Report {
        kind,
        program,
        rates: rates.collect(),
        latency: measure::latency(64, trial),
    }
}

fn scaling(path: &Path, program: Program) -> Scaling {
    let rate = |threads| measure::drain(&start(Kind::P4Switch, path, program, threads), 64);
    Scaling {
        program,
        one: rate(1),
        two: rate(2),
    }
}
