//! What faults cost, in numbered packets both ways: counted, bounded and told as a table.
//!
//! The table of all faults of a run is written to `target/faults.md` and `target/faults.json`; the
//! environment variable `P4LSR_FAULTS_REPORT` names another place for the two, without the ending.

use std::env;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lsrctl::lab::running::Lab;
use serde_json::{Value, json};

use crate::flow::{Flow, Flown, Outage};

/// Flows of both IP versions there and back between two hosts.
#[derive(Debug)]
pub struct Flows {
    hosts: [String; 2],
    there: [Flow; 2],
    back: [Flow; 2],
}

impl Flows {
    /// Starts to send.
    pub fn start(lab: &Lab, one: &str, other: &str) -> Self {
        let pair = |from, to| [false, true].map(|ipv6| Flow::start(lab, from, to, ipv6));
        Self {
            hosts: [one.to_owned(), other.to_owned()],
            there: pair(one, other),
            back: pair(other, one),
        }
    }

    /// Stops sending, waits for the last packets and counts.
    pub async fn stop(self) -> Loss {
        let [one, other] = self.hosts;
        let mut directions = Vec::new();
        // All at once, so that they count the same time.
        let (there, back) = (self.there.map(Flow::end), self.back.map(Flow::end));
        for (from, to, ended) in [(&one, &other, there), (&other, &one, back)] {
            let mut flown = Vec::new();
            for flow in ended {
                flown.push(flow.await);
            }
            directions.push(Direction {
                name: format!("{from} to {to}"),
                flows: flown,
            });
        }
        Loss { directions }
    }
}

/// The flows of one direction.
#[derive(Debug)]
struct Direction {
    name: String,
    flows: Vec<Flown>,
}

impl Direction {
    fn sum(&self, count: impl Fn(&Flown) -> usize) -> usize {
        self.flows.iter().map(count).sum()
    }

    fn longest(&self, time: impl Fn(&Flown) -> Duration) -> Duration {
        self.flows.iter().map(time).max().unwrap_or_default()
    }
}

/// What became of the packets of a fault.
#[derive(Debug)]
pub struct Loss {
    directions: Vec<Direction>,
}

impl Loss {
    /// Packets sent, both ways.
    pub fn sent(&self) -> usize {
        self.sum(Flown::sent)
    }

    /// Packets that never arrived, both ways.
    pub fn lost(&self) -> usize {
        self.sum(Flown::lost)
    }

    /// Packets that never arrived although they were not sent in the outage, both ways.
    pub fn lost_outside(&self, outage: Outage) -> usize {
        self.sum(|flown| flown.lost_outside(outage))
    }

    fn sum(&self, count: impl Fn(&Flown) -> usize) -> usize {
        let directions = self.directions.iter();
        directions.map(|of| of.sum(&count)).sum()
    }

    /// Notes what a fault cost, why, and what it must cost, in the table of this run.
    pub fn record(&self, fault: &str, why: &str, must: &str) {
        let directions = self.directions.iter().map(|of| {
            json!({
                "direction": of.name,
                "sent": of.sum(Flown::sent),
                "lost": of.sum(Flown::lost),
                "duplicates": of.sum(|flown| flown.duplicates),
                "longest-gap-ms": of.longest(Flown::longest_gap).as_millis() as u64,
                "longest-delay-ms": of.longest(Flown::longest_delay).as_millis() as u64,
            })
        });
        let directions: Vec<Value> = directions.collect();
        let row = json!({
            "fault": fault, "directions": directions, "why": why, "must-be": must,
        });
        static ROWS: Mutex<Vec<Value>> = Mutex::new(Vec::new());
        let mut rows = ROWS.lock().unwrap_or_else(PoisonError::into_inner);
        println!("{}", table(std::slice::from_ref(&row)));
        rows.push(row);
        rows.sort_by_key(|row| row["fault"].to_string());
        let place = report();
        std::fs::write(place.with_extension("md"), table(&rows)).expect("the report is written");
        let document = json!({ "interval-ms": Flow::INTERVAL.as_millis() as u64, "faults": *rows });
        std::fs::write(place.with_extension("json"), format!("{document:#}\n"))
            .expect("the report is written");
    }

    /// Fails if a packet was lost or came twice, or if hardly any was sent.
    pub fn assert_none(&self) {
        self.assert_flowed();
        assert_eq!(self.lost(), 0, "{self:?}");
        assert_eq!(self.sum(|flown| flown.duplicates), 0, "{self:?}");
    }

    /// Fails if a packet was lost that was not sent in the outage.
    pub fn assert_none_outside(&self, outage: Outage) {
        self.assert_flowed();
        assert_eq!(
            self.lost_outside(outage),
            0,
            "outside of {:?}",
            outage.length()
        );
    }

    fn assert_flowed(&self) {
        assert!(self.sent() > 400, "only {} packets were sent", self.sent());
    }
}

/// Where the table goes, but for the ending.
fn report() -> PathBuf {
    match env::var_os("P4LSR_FAULTS_REPORT") {
        Some(place) => place.into(),
        // target/debug/deps/faults-0123456789abcdef
        None => {
            let test = env::current_exe().expect("a test knows its own file");
            let target = test.ancestors().nth(3);
            target
                .expect("cargo puts tests three folders deep")
                .join("faults")
        }
    }
}

/// The rows in Markdown, a line for each direction.
fn table(rows: &[Value]) -> String {
    let mut text = String::from(
        "| fault | direction | sent | lost | longest gap | longest delay | why | must be |\n|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let word = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let (mut fault, mut why, mut must) = (word("fault"), word("why"), word("must-be"));
        for of in row["directions"].as_array().into_iter().flatten() {
            let direction = of["direction"].as_str().unwrap_or_default();
            // A String takes all.
            let _ = writeln!(
                text,
                "| {fault} | {direction} | {} | {} | {} ms | {} ms | {why} | {must} |",
                of["sent"], of["lost"], of["longest-gap-ms"], of["longest-delay-ms"],
            );
            for word in [&mut fault, &mut why, &mut must] {
                word.clear();
            }
        }
    }
    text
}
