//! Runs networks of routers under a virtual clock, lets things go wrong, and says what came of it.

#[cfg(feature = "pipeline")]
mod compile;
mod scale;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use miette::{Context, IntoDiagnostic};
use serde::Serialize;
use simulator::clock::Time;
use simulator::faults::Class;
use simulator::network::{PacketCounts, Violation};
use simulator::report::Convergence;
use simulator::topology::{Shape, Topology};
use simulator::{Options, Progress, Report, Scenario, as_test, plot, shrink};

/// Runs networks of p4lsr routers under a virtual clock, lets things go wrong, and checks that no
/// invariant is broken. One seed is one run, bit for bit.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds, one after the other.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Stop after so many seconds of wall time, at a whole seed.
    #[arg(long)]
    seconds: Option<u64>,
    /// How many routers; else 20 to 50.
    #[arg(long)]
    routers: Option<usize>,
    /// line, ring, star, grid, clos, waxman or barabasi-albert; else any but star.
    #[arg(long)]
    shape: Option<Shape>,
    /// A topology in TOML.
    #[arg(long, conflicts_with_all = ["routers", "shape"])]
    topology: Option<PathBuf>,
    /// A whole scenario in TOML, as a failing seed is printed.
    #[arg(long, conflicts_with_all = ["seed", "seeds", "routers", "shape", "topology"])]
    scenario: Option<PathBuf>,
    /// Hours in the network in which faults begin; else 10 minutes.
    #[arg(long)]
    hours: Option<f64>,
    /// Kinds of faults: all, none, or a list such as cut,pause.
    #[arg(long, default_value = "all")]
    faults: String,
    /// How many faults; else 16 in 10 minutes, and as many an hour for longer runs.
    #[arg(long)]
    fault_count: Option<usize>,
    /// Only the loopbacks of so many routers are FECs; else those of all.
    #[arg(long)]
    loopbacks: Option<usize>,
    /// Prefixes behind each router besides its loopback; else some.
    #[arg(long)]
    prefixes: Option<usize>,
    /// Milliseconds between packets; 0: none.
    #[arg(long, default_value_t = 50)]
    probe_every: u64,
    /// All routers have the default configuration.
    #[arg(long)]
    plain: bool,
    /// Only bring the network up, and measure how long that takes: wall time, memory, messages.
    #[arg(long)]
    scale: bool,
    /// The report as JSON.
    #[arg(long)]
    json: bool,
    /// A plot of convergence times, as SVG.
    #[arg(long)]
    plot: Option<PathBuf>,
    /// How many runs may be taken to make a failing seed smaller; 0: it is left as it is.
    #[arg(long, default_value_t = 300)]
    shrink: usize,
    /// Write what the engines do to standard error.
    #[arg(long, short)]
    verbose: bool,
    /// Packets go through the real P4 program, in p4-switch's engine: for small networks. What breaks is not
    /// made smaller.
    #[cfg(feature = "pipeline")]
    #[arg(long, conflicts_with = "scale")]
    pipeline: bool,
    /// Say nothing of seeds that are all right, apart from the summary.
    #[arg(long, short)]
    quiet: bool,
}

impl Arguments {
    fn options(&self) -> miette::Result<Options> {
        let mut options = Options {
            shape: self.shape,
            loopbacks: self.loopbacks,
            prefixes: self.prefixes,
            classes: Class::parse_list(&self.faults).into_diagnostic()?,
            probe_every: self.probe_every,
            mixed: !self.plain,
            ..Options::default()
        };
        if let Some(routers) = self.routers {
            (options.least_routers, options.most_routers) = (routers, routers);
        }
        if let Some(path) = &self.topology {
            options.topology = Some(Topology::read(path).into_diagnostic()?);
        }
        if let Some(hours) = self.hours {
            options.seconds = (hours * 3600.0) as u64;
            options.faults = (hours * 16.0).ceil() as usize;
        }
        options.faults = self.fault_count.unwrap_or(options.faults);
        Ok(options)
    }
}

/// The sum of all reports.
#[derive(Debug, Default, Serialize)]
struct Summary {
    seeds: u64,
    broken: Vec<Broken>,
    seconds: f64,
    wall_seconds: f64,
    events: u64,
    faults: BTreeMap<&'static str, u64>,
    packets: PacketCounts,
    convergences: Vec<Convergence>,
}

#[derive(Debug, Serialize)]
struct Broken {
    seed: u64,
    violation: Violation,
}

impl Summary {
    fn add(&mut self, report: &Report) {
        self.seeds += 1;
        self.seconds += report.seconds;
        self.events += report.events;
        for (name, count) in &report.faults {
            *self.faults.entry(name).or_default() += count;
        }
        self.packets.sent += report.packets.sent;
        self.packets.delivered += report.packets.delivered;
        self.packets.labelled += report.packets.labelled;
        for (why, count) in &report.packets.dropped {
            *self.packets.dropped.entry(*why).or_default() += count;
        }
        self.convergences.extend(&report.convergences);
        if let Some(violation) = &report.violation {
            self.broken.push(Broken {
                seed: report.seed,
                violation: violation.clone(),
            });
        }
    }

    fn text(&self) -> String {
        let faults: u64 = self.faults.values().sum();
        let mut text = format!(
            "{} seeds, {faults} faults, {:.1} hours in the networks in {:.1} s; {} events\n\
             {} packets sent, {} delivered\n",
            self.seeds,
            self.seconds / 3600.0,
            self.wall_seconds,
            self.events,
            self.packets.sent,
            self.packets.delivered
        );
        if self.broken.is_empty() {
            text.push_str("no invariant was broken");
        } else {
            let seeds: Vec<String> = self.broken.iter().map(|of| of.seed.to_string()).collect();
            text.push_str(&format!(
                "{} seeds broke an invariant: {}",
                self.broken.len(),
                seeds.join(", ")
            ));
        }
        text
    }
}

/// How far a run is, on a terminal.
struct Bar(ProgressBar);

impl Progress for Bar {
    fn at(&mut self, now: Time, of: Time) {
        self.0.set_length(of.as_secs_f64() as u64);
        self.0.set_position(now.as_secs_f64() as u64);
    }
}

fn bar(scenario: &Scenario) -> Bar {
    let bar = ProgressBar::new(scenario.until.as_secs_f64() as u64);
    let style = "seed {msg} {wide_bar} {pos} of {len} s in the network, {elapsed}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar.set_message(scenario.seed.to_string());
    Bar(bar)
}

fn scenarios(arguments: &Arguments) -> miette::Result<Box<dyn Iterator<Item = Scenario>>> {
    if let Some(path) = &arguments.scenario {
        let text = std::fs::read_to_string(path)
            .into_diagnostic()
            .wrap_err_with(|| path.display().to_string())?;
        return Ok(Box::new(std::iter::once(
            Scenario::parse(&text).into_diagnostic()?,
        )));
    }
    let options = arguments.options()?;
    let seeds = arguments.seed..arguments.seed.saturating_add(arguments.seeds);
    Ok(Box::new(
        seeds.map(move |seed| Scenario::generate(seed, &options)),
    ))
}

fn main() -> miette::Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments.scale {
        return scale::run(&arguments);
    }
    let began = Instant::now();
    let mut summary = Summary::default();
    let mut reports = Vec::new();
    let mut out = std::io::stdout();
    let shrinks = arguments.shrink > 0;
    #[cfg(feature = "pipeline")]
    let shrinks = shrinks && !arguments.pipeline;
    #[cfg(feature = "pipeline")]
    let program = match arguments.pipeline {
        true => Some(compile::program()?),
        false => None,
    };
    for scenario in scenarios(&arguments)? {
        let over = |limit| began.elapsed() >= Duration::from_secs(limit);
        if arguments.seconds.is_some_and(over) {
            break;
        }
        let mut network = scenario.network();
        network.verbose = arguments.verbose;
        #[cfg(feature = "pipeline")]
        if let Some(program) = &program {
            program.install(&mut network).into_diagnostic()?;
        }
        let report = if arguments.verbose {
            scenario.run_in(network, &mut ())
        } else {
            let mut bar = bar(&scenario);
            let report = scenario.run_in(network, &mut bar);
            bar.0.finish_and_clear();
            report
        };
        summary.add(&report);
        if !arguments.json && (!arguments.quiet || report.violation.is_some()) {
            writeln!(out, "{report}").into_diagnostic()?;
        }
        if let Some(violation) = &report.violation
            && shrinks
        {
            let mut told = |smaller: &Scenario| {
                eprintln!(
                    "seed {}: still broken with {} routers and {} faults",
                    smaller.seed,
                    smaller.topology.routers,
                    smaller.faults.len()
                );
            };
            let smaller = shrink(&scenario, violation.invariant, arguments.shrink, &mut told);
            let violation = smaller.run(&mut ()).violation;
            let text = violation.map_or(String::new(), |of| of.text);
            // With --json standard output is for the report alone.
            if arguments.json {
                eprintln!("{}", as_test(&smaller, &text));
            } else {
                writeln!(out, "{}", as_test(&smaller, &text)).into_diagnostic()?;
            }
        }
        if arguments.json {
            reports.push(report);
        }
    }
    summary.wall_seconds = began.elapsed().as_secs_f64();
    if let Some(path) = &arguments.plot {
        let title = format!("{} seeds from {}", summary.seeds, arguments.seed);
        std::fs::write(path, plot::svg(&summary.convergences, &title))
            .into_diagnostic()
            .wrap_err_with(|| path.display().to_string())?;
    }
    if arguments.json {
        let json = serde_json::json!({ "summary": summary, "runs": reports });
        writeln!(out, "{json:#}").into_diagnostic()?;
    } else if summary.seeds != 1 {
        writeln!(out, "{}", summary.text()).into_diagnostic()?;
    }
    Ok(if summary.broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
