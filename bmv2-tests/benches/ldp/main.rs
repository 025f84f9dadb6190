//! 50,000 labels from one peer: FRR's ldpd and lsrd as receivers, in one run. docs/benchmarks-ldp.md has
//! the method.
//!
//! `cargo bench -p bmv2-tests --bench ldp -- --help`. It needs root, for namespaces; FRR is measured
//! where it is installed.

mod frr;
mod process;
mod report;
mod router;
mod speaker;
mod switch;
mod world;

use std::path::Path;
use std::time::{Duration, Instant};

use clap::Parser;
use nix::unistd::Pid;

use frr::Frr;
use process::{Used, used, wait_until_quiet};
use report::{Rounds, Taken, milliseconds};
use router::Lsrd;
use speaker::{Received, Session, Speaker};
use switch::{Program, Switch};
use world::Link;

/// Labels of one peer: how fast they are taken, by whom.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many FECs the peer has labels for.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..=400_000))]
    fecs: u32,

    /// How often each receiver is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,

    /// Only what is named: frr, lsrd, switch.
    #[arg(long, value_delimiter = ',', default_values_t = ["frr", "lsrd", "switch"].map(String::from))]
    only: Vec<String>,

    /// Waits after lsrd is ready, so that a profiler can be put on it, until there is this file.
    #[arg(long, value_name = "FILE")]
    wait_for: Option<std::path::PathBuf>,

    /// An lsrd to measure in place of this build's.
    #[arg(long, value_name = "FILE")]
    lsrd: Option<std::path::PathBuf>,

    /// What cargo bench says.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Arguments {
    fn wants(&self, what: &str) -> bool {
        self.only.iter().any(|wanted| wanted == what)
    }

    fn wait(&self, pids: &[Pid]) {
        if let Some(file) = &self.wait_for {
            eprintln!("{pids:?} is ready");
            while !file.exists() {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

fn main() {
    let arguments = Arguments::parse();
    // Built by whoever may reach the network.
    bmv2_tests::programs();
    // Of the only thread so far, so that all others are in it, too.
    if let Err(error) = world::leave() {
        println!("skipped: namespaces need root: {error}");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder of our own");
    let folder = folder.path();
    // FRR's daemons are not root when they read their files.
    world::run(&format!("chmod 755 {}", folder.display()));
    let has_frr = frr::is_there();
    if !has_frr {
        eprintln!("skipped: FRR is not installed");
    }
    let mut numbers = 1..=250;
    let mut link = || Link::make(numbers.next().expect("few rounds"));
    let program = Program::compile(arguments.fecs, folder);
    let (mut frr, mut alone, mut with_switch) =
        (Rounds::default(), Rounds::default(), Rounds::default());
    let mut switches = Vec::new();
    let mut flaps = Vec::new();
    let mut sent = None;
    for round in 1..=arguments.rounds {
        eprintln!("round {round}");
        if has_frr && arguments.wants("frr") {
            frr.0
                .push(measure_frr(&link(), &arguments, folder, &mut sent));
        }
        if arguments.wants("lsrd") {
            alone.0.push(measure_lsrd(
                &link(),
                &arguments,
                folder,
                &program,
                &mut sent,
            ));
        }
        if arguments.wants("switch") {
            let (taken, flap, alone) =
                measure_switch(&link(), &arguments, folder, &program, &mut sent);
            with_switch.0.push(taken);
            flaps.push(flap);
            switches.push(alone);
        }
    }
    let fecs = arguments.fecs;
    if let Some((pdus, messages, octets)) = sent {
        report::heading(fecs, pdus, messages, octets, arguments.rounds);
    }
    report::frr(&frr, fecs);
    report::lsrd("lsrd without a switch", &alone, fecs);
    report::lsrd("lsrd with p4-switch", &with_switch, fecs);
    println!();
    for rounds in [("FRR", &frr), ("lsrd", &alone)] {
        if let Some(mappings) = rounds.1.median(|taken| taken.mappings) {
            let pdus = rounds.1.median(|taken| taken.pdus).unwrap_or_default();
            println!("{} sends {mappings} mappings in {pdus} PDUs", rounds.0);
        }
    }
    for (taken, alone) in with_switch.0.iter().zip(&switches) {
        let in_switch = taken.in_switch.unwrap_or_default();
        println!(
            "first mapping to last entry in the switch: {:.0} ms, {} updates; the switch alone: {:.0} ms, {} \
             updates: {:.2} times",
            milliseconds(in_switch),
            taken.updates,
            milliseconds(alone.time),
            alone.updates,
            in_switch.as_secs_f64() / alone.time.as_secs_f64()
        );
    }
    for flap in flaps {
        println!(
            "flap of a session with {fecs} labels of no next hop: {} labels allocated, {} updates of the \
             switch, {:.0} ms of CPU",
            flap.allocated,
            flap.updates,
            milliseconds(flap.time)
        );
    }
    ratios(&frr, &alone);
}

/// Ours to FRR's.
fn ratios(frr: &Rounds, lsrd: &Rounds) {
    let time = |rounds: &Rounds, of: fn(&Taken) -> Duration| {
        rounds.median(of).map(|time| time.as_secs_f64())
    };
    if let (Some(theirs), Some(ours)) = (
        time(frr, |taken| taken.protocol.time),
        time(lsrd, |taken| taken.all.time),
    ) {
        println!(
            "CPU, lsrd without a switch to FRR's ldpd: {:.2}",
            ours / theirs
        );
    }
    let memory: [(&str, Memory); 2] = [
        ("growth of memory", |used| used.memory),
        ("memory in all", |used| used.resident),
    ];
    for (name, of) in memory {
        if let (Some(theirs), Some(ours)) = (
            frr.median(|taken| of(&taken.protocol)),
            lsrd.median(|taken| of(&taken.all)),
        ) {
            let ratio = ours as f64 / theirs as f64;
            println!("{name}, lsrd without a switch to FRR's ldpd: {ratio:.2}");
        }
    }
}

/// A kind of memory, in octets.
type Memory = fn(&Used) -> u64;

/// What the peer sends, for the report: PDUs, messages and octets.
type Sent = Option<(usize, usize, usize)>;

/// Sends all labels; what it took the processes that are named.
fn take(session: &mut Session, fecs: u32, all: &[Pid], protocol: &[Pid], sent: &mut Sent) -> Taken {
    // The receiver's own labels and whatever else a session begins with are part of it: both sides
    // send at once.
    let mappings = session.mappings(fecs);
    *sent = Some((mappings.pdus, mappings.messages, mappings.octets.len()));
    let before = [used(all), used(protocol)];
    let time = session.send(&mappings);
    wait_until_quiet(all);
    let after = [used(all), used(protocol)];
    let [all, protocol] = [0, 1].map(|at| Used {
        time: after[at].time.saturating_sub(before[at].time),
        memory: after[at].memory.saturating_sub(before[at].memory),
        resident: after[at].resident,
    });
    Taken {
        time,
        all,
        protocol,
        ..Taken::default()
    }
}

fn with_received(taken: Taken, received: Received) -> Taken {
    Taken {
        mappings: received.mappings,
        pdus: received.pdus,
        ..taken
    }
}

fn measure_frr(link: &Link, arguments: &Arguments, folder: &Path, sent: &mut Sent) -> Taken {
    let frr = Frr::start(link, arguments.fecs, folder);
    let speaker = Speaker::start(link, link.peer);
    let mut session = speaker.session();
    let taken = take(&mut session, arguments.fecs, &frr.all(), &frr.ldpd(), sent);
    let labels = frr.labels();
    assert!(labels >= arguments.fecs as usize, "FRR has {labels} labels");
    with_received(taken, session.close())
}

fn measure_lsrd(
    link: &Link,
    arguments: &Arguments,
    folder: &Path,
    program: &Program,
    sent: &mut Sent,
) -> Taken {
    let nowhere = folder.join("no-switch.sock");
    let lsrd = Lsrd::start(
        link,
        arguments.fecs,
        folder,
        program,
        &nowhere,
        arguments.lsrd.as_deref(),
    );
    let speaker = Speaker::start(link, link.peer);
    arguments.wait(&lsrd.pids());
    let mut session = speaker.session();
    let taken = take(
        &mut session,
        arguments.fecs,
        &lsrd.pids(),
        &lsrd.pids(),
        sent,
    );
    with_received(taken, session.close())
}

/// What the flap of a session caused.
struct Flap {
    allocated: usize,
    updates: usize,
    time: Duration,
}

fn measure_switch(
    link: &Link,
    arguments: &Arguments,
    folder: &Path,
    program: &Program,
    sent: &mut Sent,
) -> (Taken, Flap, switch::Alone) {
    let switch = Switch::start(Some(link), folder);
    let lsrd = Lsrd::start(
        link,
        arguments.fecs,
        folder,
        program,
        &switch.socket,
        arguments.lsrd.as_deref(),
    );
    let speaker = Speaker::start(link, link.peer);
    let mut both = lsrd.pids();
    both.push(switch.process.pid());
    wait_until_quiet(&both);
    let before = switch.entries(program);
    wait_until_quiet(&both);
    arguments.wait(&both);
    let mut session = speaker.session();
    let begin = Instant::now();
    let mut taken = take(
        &mut session,
        arguments.fecs,
        &lsrd.pids(),
        &lsrd.pids(),
        sent,
    );
    wait_until_quiet(&both);
    let (updates, last) = lsrd.written(begin);
    taken.updates = updates;
    taken.in_switch = last.map(|last| last - begin);
    let after = switch.entries(program);
    let labels = after["ilm"].len() - before["ilm"].len();
    assert!(
        labels >= arguments.fecs as usize,
        "{labels} entries of the ILM"
    );
    let own = lsrd.labels();

    // Another peer, by which no route goes.
    let other = Speaker::start(link, link.other_peer);
    let mut session_of_other = other.session();
    let mappings = session_of_other.mappings(arguments.fecs);
    session_of_other.send(&mappings);
    wait_until_quiet(&both);
    let flapped = Instant::now();
    let used_before = used(&lsrd.pids());
    session_of_other.close();
    let mut session_of_other = other.session();
    session_of_other.send(&mappings);
    wait_until_quiet(&both);
    let flap = Flap {
        allocated: lsrd.labels().abs_diff(own),
        updates: lsrd.written(flapped).0,
        time: used(&lsrd.pids()).time.saturating_sub(used_before.time),
    };
    session_of_other.close();
    let taken = with_received(taken, session.close());
    drop((speaker, other, lsrd, switch));

    let alone = Switch::start(None, folder).time(program, &before, &after);
    (taken, flap, alone)
}
