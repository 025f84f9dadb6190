//! How a scenario runs: the network comes up, things go wrong, all is well again, everything is withdrawn,
//! everybody leaves. After each of these what has to hold is checked.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::clock::Time;
use crate::faults::{Class, Fault, FaultKind};
use crate::invariants::{self, Broken};
use crate::network::{Invariant, Network, NetworkConfig};
use crate::report::{Convergence, Report};
use crate::router::{self, Counters, Factory, Router};
use crate::scenario::Scenario;

/// How long a network may take until it has settled: longer than the longest of LDP's times, 180 s until a
/// KeepAlive is missed, with 120 s of back-off, and 240 s of reconnection and recovery of graceful restart.
const PATIENCE: Duration = Duration::from_secs(900);

/// Within this time a daemon that was restarted is back before its neighbours have given up on it: they wait for
/// 120 s, and a session takes some seconds to come up.
const RECONNECT: Duration = Duration::from_secs(100);

/// How often a packet is sent at most while it is seen whether a network stays as it is. All paths are looked
/// at then at both ends of that time.
const PROBE_WHILE_QUIET: Duration = Duration::from_secs(2);

/// Who is told how far a run is.
pub trait Progress {
    /// The run is at this time of this much.
    fn at(&mut self, _now: Time, _of: Time) {}
}

impl Progress for () {}

impl Scenario {
    /// The network, before anything happens.
    pub fn network(&self) -> Network {
        self.network_of(&[router::ldp])
    }

    /// The network, with these protocols on each router.
    pub fn network_of(&self, protocols: &[Factory]) -> Network {
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
        Network::new(config, protocols)
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
            protocols: None,
            well: false,
            hold: self.longest_hold(),
        };
        run.all(self);
        let (convergences, protocols) = (run.convergences, run.protocols);
        let protocols = protocols.unwrap_or_else(|| network.counters_by_protocol());
        Report {
            seed: self.seed,
            routers: self.topology.routers,
            links: self.topology.links.len(),
            fecs: network.prefixes.len(),
            seconds: network.now().as_secs_f64(),
            wall_seconds: began.elapsed().as_secs_f64(),
            events: network.events,
            trace: network.trace,
            faults: network.begun.clone(),
            convergences,
            counters: protocols.values().copied().sum(),
            protocols,
            packets: network.packets.clone(),
            violation: network.violations.first().cloned(),
        }
    }

    /// The longest time after which a neighbour that is silent counts as gone.
    fn longest_hold(&self) -> Duration {
        let faults = self.faults.iter().filter_map(|fault| match &fault.kind {
            FaultKind::Configure { settings, .. } => Some(settings.clone()),
            _ => None,
        });
        let all = self.all_settings().into_iter().chain(faults);
        let holds = all.map(|settings| settings.hello_hold_time.max(settings.keepalive_time));
        Duration::from_secs(holds.max().unwrap_or_default().into())
    }
}

struct Run<'a> {
    network: &'a mut Network,
    progress: &'a mut dyn Progress,
    end: Time,
    convergences: Vec<Convergence>,
    /// Before everything was withdrawn.
    protocols: Option<BTreeMap<&'static str, Counters>>,
    /// All was well when it was looked last, and no fault has begun or ended since.
    well: bool,
    hold: Duration,
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
        self.stays();
        if self.is_broken() {
            return;
        }
        self.protocols = Some(self.network.counters_by_protocol());
        self.network.expect_no_loss(false);
        self.network.withdraw_everything();
        self.well = false;
        let now = self.network.now();
        self.settle("withdrawal", now, PATIENCE, invariants::nothing_left);
        if self.is_broken() {
            return;
        }
        self.network.shut_down();
        self.well = false;
        let now = self.network.now();
        self.settle("shutdown", now, PATIENCE, invariants::no_session);
    }

    fn is_broken(&self) -> bool {
        !self.network.violations.is_empty()
    }

    /// All is well: how long it took is noted, unless it was before.
    fn is_well(&mut self, after: &'static str, since: Time) {
        if !std::mem::replace(&mut self.well, true) {
            let seconds = self.network.now().since(since).as_secs_f64();
            self.convergences.push(Convergence { after, seconds });
        }
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
                return self.is_well(after, since);
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

    /// A network that has settled stays so for twice the longest hold time, and nothing changes in it. What
    /// faults began may take its time: a neighbour that is gone is noticed late.
    fn stays(&mut self) {
        let since = self.network.now();
        self.network.probe_at_most_every(PROBE_WHILE_QUIET);
        while !self.is_broken() {
            let before = self.network.activity();
            self.advance(self.network.now() + self.hold * 2);
            let after = self.network.activity();
            let settled = invariants::settled(self.network);
            if self.is_broken() || settled.is_ok() && before == after {
                return;
            }
            if self.network.now().since(since) > PATIENCE {
                let (invariant, text) = settled.err().unwrap_or_else(|| {
                    let text = format!("{before:?} became {after:?} without a fault");
                    (Invariant::StaysSettled, text)
                });
                return self.network.violation(invariant, text);
            }
        }
    }

    fn advance(&mut self, to: Time) {
        self.network.run_until(to);
        let now = self.network.now();
        self.progress.at(now, self.end.max(now));
    }

    /// If all faults have been over for long, all has to be well.
    fn has_to_be_well(&mut self) {
        let since = self.network.now().since(self.network.disturbed);
        if self.is_broken() || since <= PATIENCE || self.network.is_disturbed() {
            return;
        }
        if let Err((invariant, text)) = invariants::settled(self.network) {
            let text = format!("{} s after all faults: {text}", since.as_secs());
            self.network.violation(invariant, text);
        }
    }

    /// Whether a fault that is about to begin, and what comes of it, must not lose a packet: it is a restart
    /// within the reconnect time, all routers have graceful restart, all is well, and nothing else has
    /// happened of which something may still come.
    fn loses_nothing(&self, fault: &Fault) -> bool {
        let FaultKind::DaemonRestart { .. } = fault.kind else {
            return false;
        };
        let network = &*self.network;
        let restart = Class::DaemonRestart.name();
        let only_restarts = network.begun.keys().all(|name| *name == restart);
        let quiet = network.now().since(network.disturbed) > PATIENCE;
        let gracefully = |of: &Router| of.running && of.settings.graceful_restart;
        fault.until.since(fault.at) <= RECONNECT
            && (only_restarts || quiet)
            && !network.is_disturbed()
            && network.routers.iter().all(gracefully)
            && invariants::settled(network).is_ok()
    }

    /// Until all faults are over. After each change it is seen how long it takes until all is well, if
    /// nothing else happens before.
    fn through_faults(&mut self, scenario: &Scenario) {
        let ends = scenario.faults.iter().map(|fault| fault.until);
        self.end = ends.max().unwrap_or(self.end).max(self.end);
        let mut changes: Vec<Change<'_>> = scenario.faults.iter().flat_map(changes).collect();
        changes.sort_by_key(|change| change.at);
        for (number, Change { at, begins, fault }) in changes.iter().enumerate() {
            let name = fault.kind.class().name();
            let just_before = *at - Duration::from_millis(1);
            if just_before > self.network.now() {
                self.advance(just_before);
                self.has_to_be_well();
            }
            if *begins {
                let lossless = self.loses_nothing(fault);
                self.network.expect_no_loss(lossless);
            }
            self.advance(*at);
            if self.is_broken() {
                return;
            }
            self.well = false;
            let next = changes.get(number + 1).map_or(self.end, |next| next.at);
            let mut step = Duration::from_millis(100);
            while !self.is_broken() && self.network.now() + step < next {
                if self.network.lacks_lsps() {
                    break;
                }
                self.advance(self.network.now() + step);
                if invariants::settled(self.network).is_ok() {
                    self.is_well(name, *at);
                    break;
                }
                self.has_to_be_well();
                step = (step * 5 / 4).min(Duration::from_secs(30));
            }
        }
        self.advance(self.end);
        self.has_to_be_well();
    }
}

/// When a fault changes something.
struct Change<'a> {
    at: Time,
    begins: bool,
    fault: &'a Fault,
}

fn changes(fault: &Fault) -> impl Iterator<Item = Change<'_>> {
    let change = |at, begins| Change { at, begins, fault };
    let end = (!fault.kind.is_instantaneous()).then(|| change(fault.until, false));
    [change(fault.at, true)].into_iter().chain(end)
}
