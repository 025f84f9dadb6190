//! Runs networks of routers under a virtual clock, lets things go wrong, and says what came of it.

#[cfg(feature = "pipeline")]
mod compile;
mod scale;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::builder::RangedU64ValueParser;
use clap::{Parser, value_parser};
use indicatif::{ProgressBar, ProgressStyle};
use miette::{Context, IntoDiagnostic, miette};
use serde::Serialize;
use simulator::clock::Time;
use simulator::faults::Class;
use simulator::network::{PacketCounts, Violation};
use simulator::report::{Convergence, counted};
use simulator::topology::{Shape, Topology};
use simulator::{Options, Progress, Report, Scenario, as_test, plot, shrink};

/// Runs networks of p4lsr routers under a virtual clock, lets things go wrong, and checks that no
/// invariant is broken. One seed is one run, bit for bit.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The first seed.
    // What TOML has no integer for could not be printed as a scenario.
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u64).range(..=i64::MAX as u64))]
    seed: u64,
    /// How many seeds, one after the other; else 1, or as many as there is time for with --seconds.
    #[arg(long, value_parser = value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// No new seed is begun after so many seconds of wall time.
    #[arg(long, value_parser = value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// How many routers; else 20 to 50.
    #[arg(long, value_parser = sizes(1, Topology::MOST_ROUTERS))]
    routers: Option<usize>,
    /// line, ring, star, grid, clos, waxman or barabasi-albert; else any but star.
    #[arg(long)]
    shape: Option<Shape>,
    /// A topology in TOML.
    #[arg(long, conflicts_with_all = ["routers", "shape"])]
    topology: Option<PathBuf>,
    /// A whole scenario in TOML, as a failing seed is printed. It says all of the network and its faults.
    #[arg(long, conflicts_with_all = [
        "seed", "seeds", "seconds", "routers", "shape", "topology", "hours", "faults", "fault_count",
        "loopbacks", "prefixes", "probe_every", "plain", "multi_topology",
    ])]
    scenario: Option<PathBuf>,
    /// Hours in the network in which faults begin; else 10 minutes.
    #[arg(long, value_parser = hours)]
    hours: Option<f64>,
    /// Kinds of faults: all, none, or a list such as cut,pause.
    #[arg(long, default_value = "all")]
    faults: String,
    /// How many faults; else 16 in 10 minutes, and as many an hour for longer runs.
    #[arg(long, value_parser = sizes(0, 1_000_000))]
    fault_count: Option<usize>,
    /// Only the loopbacks of so many routers are FECs; else those of all. With 0, --prefixes is needed.
    #[arg(long)]
    loopbacks: Option<usize>,
    /// Prefixes behind each router besides its loopback; else some.
    #[arg(long, value_parser = sizes(0, Scenario::MOST_PREFIXES))]
    prefixes: Option<usize>,
    /// Milliseconds between packets; 0: none.
    #[arg(long, default_value_t = 50)]
    probe_every: u64,
    /// All routers have the default configuration.
    #[arg(long)]
    plain: bool,
    /// All networks have a second topology (RFC 7307); else a third of them. A topology in TOML says it itself.
    #[arg(long, conflicts_with = "topology")]
    multi_topology: bool,
    /// Only bring the network of one seed up, and measure how long that takes: wall time, memory, messages. It
    /// is plain, without faults and packets, and the report is JSON.
    #[arg(long, conflicts_with_all = [
        "seeds", "seconds", "scenario", "hours", "faults", "fault_count", "probe_every", "plot", "shrink",
        "quiet",
    ])]
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
    /// Say nothing of seeds that are all right, apart from the first one's number and the summary.
    #[arg(long, short)]
    quiet: bool,
}

/// A number of things, from `least` to `most`.
fn sizes(least: usize, most: usize) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(least as u64..=most as u64)
}

/// Hours in a network.
fn hours(text: &str) -> Result<f64, String> {
    let hours = text.parse().map_err(|error| format!("{error}"))?;
    if hours > 0.0 && hours <= MOST_HOURS {
        Ok(hours)
    } else {
        Err(format!("more than 0 and at most {MOST_HOURS} are possible"))
    }
}

/// Eleven years, with 1.6 million faults.
const MOST_HOURS: f64 = 100_000.0;

impl Arguments {
    fn options(&self) -> miette::Result<Options> {
        if self.loopbacks == Some(0) && self.prefixes.unwrap_or(0) == 0 {
            return Err(miette!(
                "--loopbacks 0 leaves no FEC: give --prefixes, of 1 or more"
            ));
        }
        if self.faults == "none" && self.fault_count.is_some_and(|count| count > 0) {
            return Err(miette!(
                "--faults none has no faults to count: leave --fault-count away"
            ));
        }
        let mut options = Options {
            shape: self.shape,
            loopbacks: self.loopbacks,
            prefixes: self.prefixes,
            classes: Class::parse_list(&self.faults).into_diagnostic()?,
            probe_every: self.probe_every,
            mixed: !self.plain,
            multi_topology: self.multi_topology,
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
    first_seed: u64,
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
    /// Which seeds there were.
    fn name(&self) -> String {
        match self.seeds {
            1 => format!("seed {}", self.first_seed),
            seeds => format!("{seeds} seeds from {} on", self.first_seed),
        }
    }

    fn add(&mut self, report: &Report) {
        if self.seeds == 0 {
            self.first_seed = report.seed;
        }
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
            "{}, {}, {:.1} hours in the networks in {:.1} s; {} events\n\
             {} packets sent, {} delivered\n",
            self.name(),
            counted(faults as usize, "fault"),
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
                "{} broke an invariant: {}",
                counted(self.broken.len(), "seed"),
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
        let scenario = Scenario::parse(&text)
            .into_diagnostic()
            .wrap_err_with(|| path.display().to_string())?;
        return Ok(Box::new(std::iter::once(scenario)));
    }
    let options = arguments.options()?;
    let unbounded = match arguments.seconds {
        Some(_) => u64::MAX,
        None => 1,
    };
    let last = arguments
        .seed
        .saturating_add(arguments.seeds.unwrap_or(unbounded) - 1);
    let seeds = arguments.seed..=last.min(i64::MAX as u64);
    // Also where the process does not live to say what came of it.
    let first = format!("the first seed is {}", arguments.seed);
    if arguments.json {
        eprintln!("{first}");
    } else {
        writeln!(std::io::stdout(), "{first}").into_diagnostic()?;
    }
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
        // One is begun in any case: nothing is not all right.
        if summary.seeds > 0 && arguments.seconds.is_some_and(over) {
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
        let title = match &arguments.scenario {
            Some(path) => format!("{}, {}", path.display(), summary.name()),
            None => summary.name(),
        };
        std::fs::write(path, plot::svg(&summary.convergences, &title))
            .into_diagnostic()
            .wrap_err_with(|| path.display().to_string())?;
    }
    if arguments.json {
        let json = serde_json::json!({ "summary": summary, "runs": reports });
        writeln!(out, "{json:#}").into_diagnostic()?;
    } else if summary.seeds != 1 || arguments.quiet {
        writeln!(out, "{}", summary.text()).into_diagnostic()?;
    }
    Ok(if summary.broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
