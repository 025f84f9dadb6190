//! What was measured, for people and as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use crate::measure::{Latency, Throughput};
use crate::program::Program;
use crate::switch::Kind;

/// Of frames of one size.
pub(crate) struct Rates {
    pub(crate) size: usize,
    pub(crate) throughput: Throughput,
    pub(crate) lossless: f64,
}

/// Of a switch with a program.
pub(crate) struct Report {
    pub(crate) kind: Kind,
    pub(crate) program: Program,
    pub(crate) rates: Vec<Rates>,
    pub(crate) latency: Latency,
}

/// How p4-switch forwards packets that wait at two ports, with one thread and with two.
pub(crate) struct Scaling {
    pub(crate) program: Program,
    pub(crate) one: f64,
    pub(crate) two: f64,
}

/// All of a run.
pub(crate) struct Run {
    /// What the sender can do, by frame size.
    pub(crate) sender: Vec<(usize, f64)>,
    pub(crate) reports: Vec<Report>,
    pub(crate) scaling: Vec<Scaling>,
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

impl Run {
    /// The reports of two switches with the same program.
    fn pairs(&self) -> impl Iterator<Item = (&Report, &Report)> {
        let of = |kind| {
            self.reports
                .iter()
                .filter(move |report| report.kind == kind)
        };
        of(Kind::P4Switch).filter_map(move |ours| {
            let mut theirs = of(Kind::SimpleSwitchGrpc);
            Some((ours, theirs.find(|theirs| theirs.program == ours.program)?))
        })
    }

    pub(crate) fn print(&self) {
        for (size, rate) in &self.sender {
            println!("the sender alone, {size} octets: {rate:.0} packets/s");
        }
        println!(
            "\n{:<14} {:<20} {:>6} {:>11} {:>12} {:>12} {:>11}",
            "program", "switch", "octets", "offered/s", "forwarded/s", "lossless/s", "CPU us/pkt"
        );
        for report in &self.reports {
            for rates in &report.rates {
                println!(
                    "{:<14} {:<20} {:>6} {:>11.0} {:>12.0} {:>12.0} {:>11.2}",
                    report.program.name(),
                    report.kind.name(),
                    rates.size,
                    rates.throughput.offered,
                    rates.throughput.forwarded,
                    rates.lossless,
                    micros(rates.throughput.processor),
                );
            }
        }
        println!(
            "\n{:<14} {:<20} {:>9} {:>9} {:>9} {:>9}   at 10,000 packets/s",
            "program", "switch", "median us", "99% us", "99.9% us", "lost"
        );
        for report in &self.reports {
            println!(
                "{:<14} {:<20} {:>9.1} {:>9.1} {:>9.1} {:>9}",
                report.program.name(),
                report.kind.name(),
                micros(report.latency.percentile(50.0)),
                micros(report.latency.percentile(99.0)),
                micros(report.latency.percentile(99.9)),
                report.latency.lost,
            );
        }
        println!();
        for (ours, theirs) in self.pairs() {
            for (our, their) in ours.rates.iter().zip(&theirs.rates) {
                println!(
                    "{}, {} octets: p4-switch forwards {:.1} times, without loss {:.1} times what \
                     simple_switch_grpc does, with 1/{:.1} of the CPU a packet",
                    ours.program.name(),
                    our.size,
                    our.throughput.forwarded / their.throughput.forwarded,
                    our.lossless / their.lossless,
                    their.throughput.processor.as_secs_f64()
                        / our.throughput.processor.as_secs_f64(),
                );
            }
        }
        for scaling in &self.scaling {
            println!(
                "{}: packets that wait at two ports: {:.0}/s with one thread, {:.0}/s with two: \
                 {:.2} times",
                scaling.program.name(),
                scaling.one,
                scaling.two,
                scaling.two / scaling.one
            );
        }
    }

    pub(crate) fn json(&self) -> Value {
        let report = |report: &Report| {
            let latency = |percent| report.latency.percentile(percent).as_nanos() as u64;
            let rates: Vec<Value> = report.rates.iter().map(rates).collect();
            json!({
                "program": report.program.name(),
                "switch": report.kind.name(),
                "rates": rates,
                "latency_ns": {
                    "p50": latency(50.0), "p99": latency(99.0), "p99_9": latency(99.9),
                },
                "latency_lost": report.latency.lost,
            })
        };
        let scaling = |scaling: &Scaling| {
            json!({
                "program": scaling.program.name(),
                "one_thread_per_second": scaling.one,
                "two_threads_per_second": scaling.two,
            })
        };
        let sender = |(size, rate): &(usize, f64)| json!({"octets": size, "per_second": rate});
        json!({
            "sender": self.sender.iter().map(sender).collect::<Vec<_>>(),
            "switches": self.reports.iter().map(report).collect::<Vec<_>>(),
            "scaling": self.scaling.iter().map(scaling).collect::<Vec<_>>(),
        })
    }
}

fn rates(rates: &Rates) -> Value {
    json!({
        "octets": rates.size,
        "offered_per_second": rates.throughput.offered,
        "forwarded_per_second": rates.throughput.forwarded,
        "lossless_per_second": rates.lossless,
        "processor_ns_per_packet": rates.throughput.processor.as_nanos() as u64,
    })
}
