//! `lsrctl lab run`: make a lab, show what it does, take it down.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use futures::future::try_join_all;
use tokio::signal::unix::{SignalKind, signal};

use super::capture::{Capture, Captured};
use super::cli::RunArgs;
use super::cut;
use super::echo::{PingOptions, PingResult, Prober};
use super::error::LabError;
use super::lsp;
use super::path::{self, EchoKey, PacketPath};
use super::pcap;
use super::programs::Programs;
use super::progress::Progress;
use super::record::{self, NodeRecord, Record};
use super::report::{PingReport, Report};
use super::running::{Lab, LabOptions, Observer};
use super::svg;
use super::topology::{Link, Topology};

/// How long the last reply of a ping may take.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a frame may take from the wire to its capture.
const CAPTURE_DELAY: Duration = Duration::from_millis(100);
/// Columns for tables and pictures when the output is no terminal.
const DEFAULT_WIDTH: usize = 100;
/// The exit code after Ctrl-C, as shells have it: 128 and SIGINT.
const INTERRUPTED: u8 = 130;

/// Runs a lab and gives the exit code: 0 when no ping lost a packet.
pub(super) fn run(arguments: RunArgs) -> ExitCode {
    let progress = Progress::new();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return super::fail(&LabError::io("starting the runtime")(error)),
    };
    let result = runtime.block_on(async {
        // Before anything is made, so that no signal comes too early for its handler.
        let interrupted = interrupted()?;
        tokio::select! {
            result = run_lab(&arguments, &progress) => result,
            () = interrupted => Err(LabError::Interrupted),
        }
    });
    // Whatever was under way has been dropped, and the lab with it.
    progress.finish(result.is_ok());
    record::remove_empty_folders();
    match result {
        Ok(report) if report.ok => ExitCode::SUCCESS,
        Ok(report) => {
            for failure in &report.failures {
                eprintln!("failed: {failure}");
            }
            ExitCode::FAILURE
        }
        Err(LabError::Interrupted) => {
            eprintln!("{}", LabError::Interrupted);
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => super::fail(&error),
    }
}

/// Waits for Ctrl-C, a closed terminal or a polite kill, from the call on.
fn interrupted() -> Result<impl Future<Output = ()>, LabError> {
    let catch = |kind| signal(kind).map_err(LabError::io("catching signals"));
    let mut interrupt = catch(SignalKind::interrupt())?;
    let mut terminate = catch(SignalKind::terminate())?;
    let mut hangup = catch(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

async fn run_lab(arguments: &RunArgs, progress: &Progress) -> Result<Report, LabError> {
    let programs = Programs::beside_this_program(arguments.source.clone())?;
    let file = arguments
        .topology
        .clone()
        .unwrap_or_else(|| programs.source.join("labs/chain.toml"));
    let mut topology = Topology::load(&file)?;
    if let Some(name) = &arguments.name {
        topology.set_name(name)?;
    }
    let name = topology.name.clone();
    if let Some(running) = Record::read(&name) {
        return Err(LabError::AlreadyRunning {
            name,
            pid: running.supervisor,
        });
    }
    let may_stay = arguments.keep || arguments.keep_on_failure;
    if may_stay {
        record::make_folder()?;
    }
    let options = LabOptions {
        switch: arguments.switch,
        compiler: arguments.compiler,
        ttl_model: arguments.ttl_model,
        rootless: arguments.rootless,
        trace: arguments.trace,
        timeout: Duration::from_secs(arguments.timeout),
        record: may_stay.then(|| Record::file(&name)),
        ..LabOptions::new(topology, programs)
    };
    let lab = Lab::prepare(options, progress).await?;
    let result = tokio::select! {
        result = demonstrate(&lab, arguments, progress) => result,
        error = lab.sandbox().ended() => Err(error.into()),
    };
    let failed = !matches!(&result, Ok(report) if report.ok);
    if arguments.keep && result.is_ok() || arguments.keep_on_failure && failed {
        leave_up(lab, progress)?;
    } else {
        progress.step("taking the lab down");
        drop(lab);
    }
    progress.finish(true);
    result
}

async fn demonstrate(
    lab: &Lab,
    arguments: &RunArgs,
    progress: &Progress,
) -> Result<Report, LabError> {
    lab.start_routers(progress).await?;
    progress.step("asking the routers for their LSPs");
    let mut lfibs = Vec::new();
    for router in &lab.topology().routers {
        let name = router.name.get_ref();
        lfibs.push((name.clone(), lab.management(name).lfib().await?));
    }
    let lsps = lsp::trace(lab.topology(), &lfibs);
    progress.step("sending pings between the hosts");
    let options = PingOptions {
        count: arguments.count,
        interval: Duration::from_millis(arguments.interval),
        timeout: PING_TIMEOUT,
    };
    let seen = Traffic::observe(lab, options).await?;
    let cut = cut::cut(lab, progress).await?;
    for router in &lab.topology().routers {
        lab.check_processes(router.name.get_ref())?;
    }
    let mut report = Report {
        lab: lab.topology().name.clone(),
        switch: lab.options().switch.profile().to_owned(),
        ttl_model: lab.ttl_model(),
        ok: false,
        failures: Vec::new(),
        lsps,
        pings: seen.pings.iter().map(|ping| ping.report.clone()).collect(),
        paths: seen.paths(),
        cut,
    };
    report.judge();
    progress.finish(report.ok);
    show(&report, arguments)?;
    if let Some(file) = &arguments.svg {
        write(file, svg::draw(&report.paths).as_bytes())?;
        progress.say(&format!("the packets' ways are in {}", file.display()));
    }
    if let Some(folder) = &arguments.pcap {
        seen.write_pcap(folder)?;
        progress.say(&format!(
            "the captures of all links are in {}",
            folder.display()
        ));
    }
    Ok(report)
}

fn show(report: &Report, arguments: &RunArgs) -> Result<(), LabError> {
    let text = if arguments.json {
        serde_json::to_string_pretty(report)
            .map_err(|error| LabError::io("writing JSON")(error.into()))?
    } else {
        let terminal = console::Term::stdout();
        let width = terminal
            .size_checked()
            .map_or(DEFAULT_WIDTH, |(_, columns)| columns.into());
        format!("\n{}", report.draw(width, console::colors_enabled()))
    };
    // A reader that has gone away (`| head`) is no failure of the lab.
    let _ = writeln!(std::io::stdout(), "{text}");
    Ok(())
}

fn write(file: &Path, octets: &[u8]) -> Result<(), LabError> {
    std::fs::write(file, octets).map_err(|source| LabError::File {
        action: "writing",
        path: file.to_owned(),
        source,
    })
}

/// Pings between all hosts, and what was on the links meanwhile.
struct Traffic<'a> {
    pings: Vec<Ping>,
    captures: Vec<(&'a Link, Vec<Captured>)>,
}

struct Ping {
    report: PingReport,
    identifier: u16,
    ipv6: bool,
    result: PingResult,
}

impl<'a> Traffic<'a> {
    async fn observe(lab: &'a Lab, options: PingOptions) -> Result<Self, LabError> {
        let topology = lab.topology();
        let mut captures = Vec::new();
        for link in &topology.links {
            let (node, interface) = (link.a.node.get_ref(), link.a.interface.get_ref());
            captures.push((link, Capture::start(lab.sandbox(), node, interface)?));
        }
        let mut pings = Vec::new();
        for ipv6 in [false, true] {
            for from in &topology.hosts {
                for to in &topology.hosts {
                    if from.name != to.name {
                        pings.push(ping(
                            lab,
                            from.name.get_ref(),
                            to.name.get_ref(),
                            ipv6,
                            options,
                        ));
                    }
                }
            }
        }
        let pings = try_join_all(pings).await?.into_iter().flatten().collect();
        tokio::time::sleep(CAPTURE_DELAY).await;
        let captures = captures
            .into_iter()
            .map(|(link, capture)| (link, capture.frames()))
            .collect();
        Ok(Self { pings, captures })
    }

    /// The way of one answered request of each family, or of a lost one when none was answered.
    fn paths(&self) -> Vec<PacketPath> {
        let find = |ipv6: bool| {
            let ping = self.pings.iter().find(|ping| ping.ipv6 == ipv6)?;
            let sequence = ping
                .result
                .round_trips
                .last()
                .map_or(0, |(sequence, _)| *sequence);
            let key = EchoKey {
                ipv6,
                reply: false,
                identifier: ping.identifier,
                sequence,
            };
            path::find(key, &self.captures)
        };
        [false, true].into_iter().filter_map(find).collect()
    }

    fn write_pcap(&self, folder: &Path) -> Result<(), LabError> {
        std::fs::create_dir_all(folder).map_err(|source| LabError::File {
            action: "making",
            path: folder.to_owned(),
            source,
        })?;
        for (link, frames) in &self.captures {
            let file = folder.join(format!("{}.pcap", link.a.label().replace(':', "-")));
            let octets = pcap::encode(frames).map_err(LabError::io("writing a pcap file"))?;
            write(&file, &octets)?;
        }
        Ok(())
    }
}

async fn ping(
    lab: &Lab,
    from: &str,
    to: &str,
    ipv6: bool,
    options: PingOptions,
) -> Result<Option<Ping>, LabError> {
    let addresses = (
        lab.topology().address_of(from, ipv6),
        lab.topology().address_of(to, ipv6),
    );
    let (Some(_), Some(destination)) = addresses else {
        return Ok(None);
    };
    let prober = Prober::open(lab.sandbox(), from, destination)?;
    let result = prober.ping(options).await;
    let report = PingReport::new(from, to, destination, &result);
    Ok(Some(Ping {
        report,
        identifier: prober.identifier(),
        ipv6,
        result,
    }))
}

/// Writes the lab's record and says how to look around.
fn leave_up(lab: Lab, progress: &Progress) -> Result<(), LabError> {
    let topology = lab.topology();
    let nodes = topology.nodes().map(|node| {
        let interfaces = topology
            .ends_of(node)
            .map(|(end, _, _)| end.interface.get_ref().clone());
        let record = NodeRecord {
            router: topology.is_router(node),
            interfaces: interfaces.collect(),
        };
        (node.to_owned(), record)
    });
    let record = Record {
        name: topology.name.clone(),
        supervisor: lab.sandbox().supervisor(),
        supervisor_start: record::start_time(lab.sandbox().supervisor()).unwrap_or(0),
        init: lab.sandbox().init(),
        run: lab.sandbox().inner_run(),
        nodes: nodes.collect(),
    };
    record.write()?;
    let words = how_to_look_around(&lab, &record);
    lab.detach()?;
    progress.finish(true);
    progress.say(&words);
    Ok(())
}

fn how_to_look_around(lab: &Lab, record: &Record) -> String {
    let lsrctl = std::env::args().next().unwrap_or_else(|| "lsrctl".into());
    let option = if Record::all().len() > 1 {
        format!(" --lab {}", record.name)
    } else {
        String::new()
    };
    let topology = lab.topology();
    let mut lines = Vec::new();
    if let Some(host) = topology.hosts.first() {
        lines.push((
            format!("lab shell{option} {}", host.name.get_ref()),
            "a shell in a host",
        ));
    }
    let mut links = topology.links.iter();
    let labelled = links.find(|link| topology.carries_labels(link));
    if let Some(link) = labelled.or(topology.links.first()) {
        let end = link.b.label();
        let what = "the frames on a link, with their label stacks";
        lines.push((format!("lab capture{option} {end}"), what));
    }
    if let Some(router) = topology.routers.first() {
        let router = router.name.get_ref();
        let log = record.run.join("p4lsr").join(router).join("lsrd.log");
        lines.push((
            format!("lab lsrctl{option} {router} show lfib"),
            "ask a router",
        ));
        let command = format!("lab exec{option} {router} -- cat {}", log.display());
        lines.push((command, "a router's log"));
    }
    lines.push((format!("lab stop {}", record.name), "take the lab down"));
    let mut text = format!("\nThe lab {} is up. To look around:\n", record.name);
    for (command, what) in lines {
        text.push_str(&format!("  {lsrctl} {command}   # {what}\n"));
    }
    text
}
