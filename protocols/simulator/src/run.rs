//! How a scenario runs: the network comes up, things go wrong, all is well again, everything is withdrawn,
//! everybody leaves. After each of these what has to hold is checked.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::clock::Time;
use crate::invariants::{self, Broken};
use crate::network::{Network, NetworkConfig};
use crate::report::{Convergence, Report};
use crate::router::{self, Counters};
use crate::scenario::Scenario;

/// How long a network may take until it has settled: longer than the longest of LDP's times, 180 s until a
/// KeepAlive is missed, with 120 s of back-off, and 240 s of reconnection and recovery of graceful restart.
const PATIENCE: Duration = Duration::from_secs(900);

/// Who is told how far a run is.
pub trait Progress {
    /// The run is at this time of this much.
    fn at(&mut self, _now: Time, _of: Time) {}
}

impl Progress for () {}

impl Scenario {
    /// The network, before anything happens.
    pub fn network(&self) -> Network {
        let config = NetworkConfig {
            seed: self.seed,
            topology: self.topology.clone(),
            settings: self.all_settings(),
            loopbacks: self.loopbacks,
            prefixes: self.prefixes,
            link_prefixes: self.link_prefixes,
            families: self.families,
            faults: self.faults.clone(),
            probe_every: (self.probe_every > 0).then(|| Duration::from_millis(self.probe_every)),
        };
        Network::new(config, &[router::ldp])
    }

    /// Runs it to its end, or until an invariant is broken.
    pub fn run(&self, progress: &mut dyn Progress) -> Report {
        self.run_in(self.network(), progress)
    }

    /// Runs it in the network that [`Scenario::network`] has made of it, with whatever was changed there.
    pub fn run_in(&self, mut network: Network, progress: &mut dyn Progress) -> Report {
        let began = Instant::now();
        let mut run = Run {
            network: &mut network,
            progress,
            end: self.until,
            convergences: Vec::new(),
            protocols: BTreeMap::new(),
        };
        run.all(self);
        let (convergences, protocols) = (run.convergences, run.protocols);
        let mut survived: BTreeMap<&'static str, u64> = BTreeMap::new();
        for fault in &self.faults {
            *survived.entry(fault.kind.class().name()).or_default() += 1;
        }
        Report {
            seed: self.seed,
            routers: self.topology.routers,
            links: self.topology.links.len(),
            fecs: network.prefixes.len(),
            seconds: network.now().as_secs_f64(),
            wall_seconds: began.elapsed().as_secs_f64(),
            events: network.events,
            trace: network.trace,
            faults: survived,
            convergences,
            counters: protocols.values().copied().sum(),
            protocols,
            packets: network.packets.clone(),
            violation: network.violations.first().cloned(),
        }
    }
}

struct Run<'a> {
    network: &'a mut Network,
    progress: &'a mut dyn Progress,
    end: Time,
    convergences: Vec<Convergence>,
    protocols: BTreeMap<&'static str, Counters>,
}

impl Run<'_> {
    fn all(&mut self, scenario: &Scenario) {
        // It comes up; a fault may come before, but then the schedule does not say START.
        if scenario
            .faults
            .first()
            .is_none_or(|fault| fault.at >= Scenario::START)
        {
            self.settle(
                "start",
                Time::ZERO,
                Scenario::START.since(Time::ZERO),
                invariants::settled,
            );
        }
        self.through_faults(scenario);
        let disturbed = self.network.disturbed;
        self.settle("the last fault", disturbed, PATIENCE, invariants::settled);
        if self.is_broken() {
            return;
        }
        self.protocols = self.network.counters_by_protocol();
        self.network.withdraw_everything();
        let now = self.network.now();
        self.settle("withdrawal", now, PATIENCE, invariants::nothing_left);
        if self.is_broken() {
            return;
        }
        self.network.shut_down();
        let now = self.network.now();
        self.settle("shutdown", now, PATIENCE, invariants::no_session);
    }

    fn is_broken(&self) -> bool {
        !self.network.violations.is_empty()
    }

    /// Waits until something holds; if it does not within the time, it is broken.
    fn settle(
        &mut self,
        after: &'static str,
        since: Time,
        patience: Duration,
        check: fn(&Network) -> Result<(), Broken>,
    ) {
        let mut step = Duration::from_millis(250);
        loop {
            if self.is_broken() {
                return;
            }
            let Err((invariant, text)) = check(self.network) else {
                let seconds = self.network.now().since(since).as_secs_f64();
                if since > Time::ZERO || after == "start" {
                    self.convergences.push(Convergence { after, seconds });
                }
                return;
            };
            let now = self.network.now();
            if self.network.verbose {
                eprintln!("{now} not yet: {invariant:?}: {text}");
            }
            if now.since(since) > patience {
                let text = format!("{} s after {after}: {text}", now.since(since).as_secs());
                return self.network.violation(invariant, text);
            }
            self.advance(now + step);
            step = (step * 5 / 4).min(Duration::from_secs(10));
        }
    }

    fn advance(&mut self, to: Time) {
        self.network.run_until(to);
        self.progress.at(to, self.end.max(to));
    }

    /// Until all faults are over. After each change it is seen how long it takes until all is well, if
    /// nothing else happens before.
    fn through_faults(&mut self, scenario: &Scenario) {
        let ends = scenario.faults.iter().map(|fault| fault.until);
        self.end = ends.max().unwrap_or(self.end).max(self.end);
        let mut changes: Vec<(Time, &'static str)> = scenario
            .faults
            .iter()
            .flat_map(|fault| {
                let name = fault.kind.class().name();
                [(fault.at, name), (fault.until, name)]
            })
            .collect();
        changes.push((self.end, "end"));
        changes.sort();
        for (number, (at, name)) in changes.iter().enumerate() {
            self.advance(*at);
            let next = changes.get(number + 1).map_or(self.end, |next| next.0);
            let mut step = Duration::from_millis(100);
            while !self.is_broken() && self.network.now() + step < next {
                if self.network.lacks_lsps() {
                    break;
                }
                self.advance(self.network.now() + step);
                if invariants::settled(self.network).is_ok() {
                    let seconds = self.network.now().since(*at).as_secs_f64();
                    self.convergences.push(Convergence {
                        after: name,
                        seconds,
                    });
                    break;
                }
                step = (step * 5 / 4).min(Duration::from_secs(30));
            }
            if self.is_broken() {
                return;
            }
        }
    }
}
