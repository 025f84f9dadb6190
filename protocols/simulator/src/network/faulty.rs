//! Faults as they begin and end.
//!
//! What is the matter with a router or a link follows from all faults that are active, so that they may
//! overlap in any way.

use std::time::Duration;

use super::Network;
use crate::faults::{Fault, FaultKind};
use crate::link::{Quality, narrower};
use crate::router::Speed;

impl Network {
    fn active_faults(&self) -> impl Iterator<Item = &Fault> {
        let faults = self.faults.iter().zip(&self.active);
        faults
            .filter(|(_, active)| **active)
            .map(|(fault, _)| fault)
    }

    /// Whether a fault is active. One that acts only as it begins is not, after that.
    pub fn is_disturbed(&self) -> bool {
        self.active_faults()
            .any(|fault| !fault.kind.is_instantaneous())
    }

    /// Whether a fault is active that withholds LSPs by itself, such as a configuration.
    pub fn lacks_lsps(&self) -> bool {
        self.active_faults().any(|fault| {
            !fault.kind.is_instantaneous()
                && !matches!(
                    fault.kind,
                    FaultKind::Cut { .. } | FaultKind::Partition { .. }
                )
        })
    }

    /// Whether the host of a router has power.
    fn host_should_be_on(&self, router: usize) -> bool {
        !self.active_faults().any(
            |fault| matches!(fault.kind, FaultKind::RouterCrash { router: of, .. } if of == router),
        )
    }

    fn switch_should_be_on(&self, router: usize) -> bool {
        !self.active_faults().any(|fault| match fault.kind {
            FaultKind::RouterCrash {
                router: of,
                switch: true,
            }
            | FaultKind::SwitchCrash { router: of } => of == router,
            _ => false,
        })
    }

    /// Whether the daemon of a router should run.
    pub(super) fn should_run(&self, router: usize) -> bool {
        self.host_should_be_on(router)
            && !self.active_faults().any(
                |fault| matches!(fault.kind, FaultKind::DaemonRestart { router: of, .. } if of == router),
            )
    }

    pub(super) fn fault_begins(&mut self, number: usize) {
        self.active[number] = true;
        self.changed(number, true);
    }

    pub(super) fn fault_ends(&mut self, number: usize) {
        self.active[number] = false;
        self.changed(number, false);
    }

    fn changed(&mut self, number: usize, begins: bool) {
        self.trace(13, (number as u64) << 1 | u64::from(begins));
        let fault = self.faults[number].clone();
        if begins {
            *self.begun.entry(fault.kind.class().name()).or_default() += 1;
        }
        if begins || !fault.kind.is_instantaneous() {
            self.disturbed = self.now;
        }
        if self.verbose {
            eprintln!(
                "{} {}: {fault}",
                self.now,
                if begins { "begins" } else { "ends" }
            );
        }
        match fault.kind {
            FaultKind::Cut { link, .. } => self.refresh_link(link),
            FaultKind::Degrade { link, .. } => self.refresh_quality(link),
            FaultKind::Partition { .. } => {
                for link in 0..self.links.len() {
                    self.refresh_link(link);
                }
            }
            FaultKind::RouterCrash { router, .. } | FaultKind::SwitchCrash { router } => {
                self.refresh_power(router);
            }
            FaultKind::DaemonRestart { router, shut_down } => {
                self.refresh_daemon(router, shut_down);
            }
            FaultKind::Pause { router } => {
                let pauses = self.active_faults().filter_map(|fault| match fault.kind {
                    FaultKind::Pause { router: of } if of == router => Some(fault.until),
                    _ => None,
                });
                let until = pauses.max();
                self.pause_daemon(router, until);
                self.settle_router(router);
            }
            FaultKind::ClockJump { router, seconds } => {
                if begins {
                    self.routers[router].ahead += Duration::from_secs(seconds.into());
                    self.settle_router(router);
                }
            }
            FaultKind::Configure { router, .. } => self.refresh_settings(router),
            FaultKind::FullTable { router, .. } | FaultKind::SlowSwitch { router, .. } => {
                self.refresh_speed(router);
            }
            FaultKind::LabelExhaustion { router, .. } => self.refresh_labels(router),
            FaultKind::SmallWindow { .. } => {}
            FaultKind::Reset { router } if begins => self.reset_connections(router),
            FaultKind::HalfOpen { router } if begins => self.lose_connections(router),
            FaultKind::Clear { router } if begins => {
                self.inform(router, |protocol, now| protocol.clear(now));
            }
            FaultKind::Reset { .. } | FaultKind::HalfOpen { .. } | FaultKind::Clear { .. } => {}
            FaultKind::Withdraw { router } => self.refresh_prefixes(router),
        }
    }

    fn refresh_link(&mut self, link: usize) {
        let of = self.topology.links[link];
        let mut works = [true, true];
        let mut carrier = true;
        for fault in self.active_faults() {
            match &fault.kind {
                FaultKind::Cut {
                    link: cut,
                    forth,
                    back,
                    detected,
                } if *cut == link => {
                    works[0] &= !forth;
                    works[1] &= !back;
                    carrier &= !detected;
                }
                FaultKind::Partition { routers }
                    if routers.contains(&of.a) != routers.contains(&of.b) =>
                {
                    works = [false, false];
                }
                _ => {}
            }
        }
        let state = &mut self.links[link];
        let before = (state.wires[0].works, state.wires[1].works, state.carrier);
        if before != (works[0], works[1], carrier) {
            state.wires[0].works = works[0];
            state.wires[1].works = works[1];
            state.carrier = carrier;
            self.link_changed(link);
        }
    }

    fn refresh_quality(&mut self, link: usize) {
        let mut quality = Quality::default();
        for fault in self.active_faults() {
            if let FaultKind::Degrade {
                link: of,
                quality: other,
            } = &fault.kind
                && *of == link
            {
                quality = Quality {
                    loss: quality.loss.max(other.loss),
                    duplication: quality.duplication.max(other.duplication),
                    corruption: quality.corruption.max(other.corruption),
                    jitter: quality.jitter.max(other.jitter),
                    bandwidth: narrower(quality.bandwidth, other.bandwidth),
                };
            }
        }
        for wire in &mut self.links[link].wires {
            wire.quality = quality;
        }
    }

    fn refresh_power(&mut self, router: usize) {
        let host = self.host_should_be_on(router);
        let switch = self.switch_should_be_on(router);
        if self.routers[router].host_on && !host {
            self.crash_connections(router);
            if self.routers[router].running {
                self.routers[router].stopped_at = Some(self.now);
            }
            self.routers[router].stop();
            // The file is gone when the machine starts anew.
            self.routers[router].kept.clear();
            self.by_id[router].clear();
            self.routers[router].host_on = false;
            for route in &mut self.routers[router].routes {
                *route = None;
            }
        }
        if self.routers[router].switch_on != switch {
            let state = &mut self.routers[router];
            state.switch_on = switch;
            if switch {
                state.forwarding.take_changes();
                state.switch.reconcile(&state.forwarding);
            } else {
                state.switch.clear();
            }
            for link in self.links_of[router].clone() {
                self.link_changed(link);
            }
        }
        if !self.routers[router].host_on && host {
            self.routers[router].host_on = true;
            self.restart_igp(router);
            // Its own prefixes are there from the beginning.
            self.shortest_paths(router);
        } else if !host {
            for link in self.links_of[router].clone() {
                self.link_changed(link);
            }
        }
        self.refresh_daemon(router, false);
        self.begin_write(router);
    }

    fn refresh_daemon(&mut self, router: usize, shut_down: bool) {
        let should = self.should_run(router);
        if self.routers[router].running && !should {
            self.stop_daemon(router, shut_down);
        } else if !self.routers[router].running && should && self.routers[router].starts > 0 {
            self.start_daemon(router);
        }
    }

    fn refresh_settings(&mut self, router: usize) {
        let last = self.active_faults().filter_map(|fault| match &fault.kind {
            FaultKind::Configure {
                router: of,
                settings,
            } if *of == router => Some(settings.clone()),
            _ => None,
        });
        let settings = last
            .last()
            .or_else(|| self.base_settings.get(router).cloned());
        if let Some(settings) = settings {
            let before = self.routers[router].settings.multi_topology;
            self.routers[router].set_settings(settings.clone());
            self.inform(router, |protocol, now| protocol.configure(&settings, now));
            if before != settings.multi_topology && self.topology.multi_topology_id.is_some() {
                // Its own routes come and go with the configuration.
                self.shortest_paths(router);
                self.compute_paths_everywhere();
            }
        }
    }

    fn refresh_labels(&mut self, router: usize) {
        let limits = self.active_faults().filter_map(|fault| match fault.kind {
            FaultKind::LabelExhaustion { router: of, labels } if of == router => Some(labels),
            _ => None,
        });
        let most = limits.min();
        if self.routers[router].limit_labels(most) {
            self.inform(router, |protocol, now| protocol.labels_available(now));
        }
    }

    fn refresh_speed(&mut self, router: usize) {
        let mut speed = Speed::default();
        for fault in self.active_faults() {
            match fault.kind {
                FaultKind::FullTable {
                    router: of,
                    capacity,
                } if of == router => speed.capacity = speed.capacity.min(capacity),
                FaultKind::SlowSwitch {
                    router: of,
                    latency,
                    per_entry,
                } if of == router => {
                    let latency = Duration::from_millis(latency.into());
                    speed.latency = speed.latency.max(latency);
                    let per_entry = Duration::from_micros(per_entry.into());
                    speed.per_entry = speed.per_entry.max(per_entry);
                }
                _ => {}
            }
        }
        self.routers[router].switch.speed = speed;
        self.routers[router].switch.retry();
        self.begin_write(router);
    }

    /// The prefixes behind a router, apart from its loopback.
    fn refresh_prefixes(&mut self, router: usize) {
        let withdrawn = self
            .active_faults()
            .any(|fault| matches!(fault.kind, FaultKind::Withdraw { router: of } if of == router));
        for prefix in &mut self.prefixes {
            if !prefix.host && prefix.owners.as_slice() == [router] {
                prefix.present = !withdrawn;
            }
        }
        self.compute_paths_everywhere();
    }

    /// The IGP floods something of a router; that is as if all routers noticed something and computed their paths.
    fn compute_paths_everywhere(&mut self) {
        for other in 0..self.routers.len() {
            if self.routers[other].host_on {
                self.schedule_paths(other);
            }
        }
    }
}
