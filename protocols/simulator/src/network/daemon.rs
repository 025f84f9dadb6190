//! How daemons start, run and end.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ldp::{MultiTopologyId, PrefixFec};

use super::{Activity, Event, Invariant, Network, Time};
use crate::router::{Counters, Protocol};

/// For how long what was kept is bound after a restart: the MPLS Forwarding State Holding timer.
const HOLDING: Duration = Duration::from_secs(120);
/// For how long, at least, no label manager deals a released label out again.
const HOLD_DOWN: Duration = Duration::from_secs(60);

impl Network {
    /// A router is switched on for the first time.
    pub(super) fn boot(&mut self, router: usize) {
        self.shortest_paths(router);
        if self.should_run(router) && !self.routers[router].running {
            self.start_daemon(router);
        }
    }

    /// The daemon of a router starts.
    pub(super) fn start_daemon(&mut self, number: usize) {
        let now = self.clock_of(number);
        let router = &mut self.routers[number];
        if router
            .stopped_at
            .take()
            .is_some_and(|at| self.now.since(at) > router.patience())
        {
            router.outdated_until = self.now + HOLDING;
        }
        let seed = self.trace ^ (number as u64) << 32 ^ u64::from(router.starts);
        let multi_topology = self.topology.multi_topology_id.map(MultiTopologyId);
        router.start(&self.factories, multi_topology, seed, now);
        self.trace(1, number as u64);
        // What was kept is bound before the switch is compared with it.
        for protocol in 0..self.routers[number].protocols.len() {
            self.drain(number, protocol);
        }
        let router = &mut self.routers[number];
        for prefix in 0..self.prefixes.len() {
            let of = &self.prefixes[prefix];
            let links = router.routes[prefix].clone();
            router.bind_route(of.fec, of.host, links.as_ref());
        }
        router.forwarding.take_changes();
        router.switch.reconcile(&router.forwarding);
        let addresses: Vec<IpAddr> = router
            .interfaces
            .iter()
            .flat_map(|interface| [interface.address.addr(), interface.link_local.addr()])
            .chain([
                IpAddr::V4(router.id),
                IpAddr::V6(super::loopback_ipv6(router.id)),
            ])
            .collect();
        self.inform(number, |protocol, now| protocol.addresses(&addresses, now));
        for interface in self.routers[number].interfaces.clone() {
            self.inform(number, |protocol, now| protocol.interface(&interface, now));
        }
        for prefix in 0..self.prefixes.len() {
            self.tell_route(number, prefix);
        }
        self.settle_router(number);
    }

    /// Whether the switch of a router may forward by labels that neighbours gave to other FECs, as nobody there
    /// told it: the daemon is away for longer than they wait, or was until a while ago (RFC 3478 section 3.1).
    pub(super) fn is_outdated(&self, number: usize) -> bool {
        let router = &self.routers[number];
        let away = |at| self.now.since(at) > router.patience();
        let late = |at| self.now.since(at) > HOLD_DOWN;
        router.stopped_at.is_some_and(away)
            || router.paused_since.is_some_and(late)
            || self.now < router.outdated_until
    }

    /// The daemon of a router is stopped until then (SIGSTOP), or goes on. What should have ended meanwhile,
    /// such as the time for which it keeps labels of a neighbour that was lost, begins or ends only now.
    pub(super) fn pause_daemon(&mut self, router: usize, until: Option<Time>) {
        let now = self.now;
        let router = &mut self.routers[router];
        router.paused_until = until.unwrap_or(Time::ZERO);
        if until.is_some_and(|until| until > now) {
            router.paused_since.get_or_insert(now);
        } else if let Some(since) = router.paused_since.take()
            && now.since(since) > HOLD_DOWN
        {
            router.outdated_until = router.outdated_until.max(now + 2 * HOLDING);
        }
    }

    /// The daemon of a router ends; the kernel, if it goes on, closes its connections.
    pub(super) fn stop_daemon(&mut self, router: usize, shut_down: bool) {
        if !self.routers[router].running {
            return;
        }
        self.trace(2, router as u64);
        // With graceful restart the forwarding state is kept, and the peers are to wait.
        if shut_down && !self.routers[router].settings.graceful_restart {
            self.inform(router, |protocol, now| protocol.shut_down(now));
        }
        self.close_all(router);
        self.routers[router].stop();
        self.routers[router].stopped_at = Some(self.now);
    }

    /// Tells the engines of a router something, and does what they want done.
    pub(super) fn inform(
        &mut self,
        router: usize,
        mut tell: impl FnMut(&mut dyn Protocol, Instant),
    ) {
        let now = self.clock_of(router);
        for protocol in 0..self.routers[router].protocols.len() {
            tell(&mut *self.routers[router].protocols[protocol], now);
            self.drain(router, protocol);
        }
        self.settle_router(router);
    }

    /// Tells one engine of a router something, and does what it wants done.
    pub(super) fn tell(
        &mut self,
        router: usize,
        protocol: usize,
        tell: impl FnOnce(&mut dyn Protocol, Instant),
    ) {
        let now = self.clock_of(router);
        if let Some(engine) = self.routers[router].protocols.get_mut(protocol) {
            tell(&mut **engine, now);
            self.drain(router, protocol);
            self.settle_router(router);
        }
    }

    /// Tells the engines the route of a prefix.
    pub(super) fn tell_route(&mut self, number: usize, prefix: usize) {
        let router = &self.routers[number];
        let fec = self.prefixes[prefix].fec;
        let ipv6 = crate::router::is_ipv6(&fec.prefix);
        let route = router.routes[prefix]
            .as_ref()
            .map(|links| router.route(ipv6, links));
        let now = self.clock_of(number);
        for protocol in 0..self.routers[number].protocols.len() {
            self.routers[number].protocols[protocol].route(fec, route.as_ref(), now);
            self.drain(number, protocol);
        }
    }

    /// After engines were told something: the switch is written to, and the next timeout is noted.
    pub(super) fn settle_router(&mut self, number: usize) {
        self.begin_write(number);
        let clock = self.clock_of(number);
        let router = &mut self.routers[number];
        let next = router.protocols.iter().filter_map(|of| of.next_timeout());
        let Some(next) = next.min() else {
            return;
        };
        let mut at = self.now + next.saturating_duration_since(clock);
        at = at.max(router.paused_until);
        if router.wake.is_none_or(|wake| wake > at) {
            router.wake = Some(at);
            let starts = router.starts;
            self.queue.push(
                at,
                Event::Wake {
                    router: number,
                    starts,
                },
            );
        }
    }

    pub(super) fn wake(&mut self, number: usize, starts: u32) {
        let router = &mut self.routers[number];
        if !router.running || router.starts != starts || router.wake != Some(self.now) {
            return;
        }
        if let Some(until) = self.paused(number) {
            self.routers[number].wake = Some(until);
            self.queue.push(
                until,
                Event::Wake {
                    router: number,
                    starts,
                },
            );
            return;
        }
        self.routers[number].wake = None;
        self.inform(number, |protocol, now| {
            if protocol.next_timeout().is_some_and(|at| at <= now) {
                protocol.timeout(now);
            }
        });
    }

    /// Begins to write to the switch what there is to write.
    pub(super) fn begin_write(&mut self, number: usize) {
        let router = &mut self.routers[number];
        if !router.running || !router.switch_on {
            return;
        }
        router.switch.note(&mut router.forwarding);
        let bound = &router.bound;
        let unspecified = PrefixFec::from(ipnet::IpNet::default());
        let takes = router.switch.begin(&router.forwarding, |label| {
            if label.is_reserved() {
                Some(unspecified)
            } else {
                bound.get(&label).copied()
            }
        });
        if let Some(takes) = takes {
            let starts = router.starts;
            let event = Event::SwitchWrite {
                router: number,
                starts,
            };
            self.queue.push(self.now + takes, event);
        }
    }

    pub(super) fn switch_writes(&mut self, number: usize, starts: u32) {
        let router = &mut self.routers[number];
        if router.running && router.starts == starts && router.switch_on {
            let written = router.switch.complete();
            self.written(number, &written);
            self.begin_write(number);
        }
    }

    /// All daemons end in good order, and nothing of before is left.
    pub fn shut_down(&mut self) {
        for router in 0..self.routers.len() {
            self.inform(router, |protocol, now| protocol.shut_down(now));
        }
    }

    /// All prefixes are gone, for the engines and the LFIB. The routers' own packets still find their way,
    /// for else no peer would learn of it.
    pub fn withdraw_everything(&mut self) {
        self.withdrawn = true;
        for prefix in &mut self.prefixes {
            prefix.present = false;
        }
        for number in 0..self.routers.len() {
            for prefix in 0..self.prefixes.len() {
                let (fec, host) = (self.prefixes[prefix].fec, self.prefixes[prefix].host);
                self.routers[number].bind_route(fec, host, None);
                let now = self.clock_of(number);
                for protocol in 0..self.routers[number].protocols.len() {
                    self.routers[number].protocols[protocol].route(fec, None, now);
                    self.drain(number, protocol);
                }
            }
            self.settle_router(number);
        }
        self.disturbed = self.now;
    }

    /// What all engines of each protocol did and hold.
    pub fn counters_by_protocol(&self) -> BTreeMap<&'static str, Counters> {
        let mut sums: BTreeMap<_, Counters> = BTreeMap::new();
        for number in 0..self.routers.len() {
            let now = self.clock_of(number);
            for protocol in &self.routers[number].protocols {
                *sums.entry(protocol.name()).or_default() += protocol.counters(now);
            }
        }
        sums
    }

    /// What all engines together did and hold.
    pub fn counters(&self) -> Counters {
        self.counters_by_protocol().into_values().sum()
    }

    /// What does not change in a network that is left alone.
    pub fn activity(&self) -> Activity {
        let counters = self.counters();
        Activity {
            lfib_changes: self.lfib_changes,
            sessions: counters.sessions,
            sessions_lost: counters.sessions_lost,
        }
    }

    /// How many TCP connections are known somewhere.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn broken(&mut self, router: usize, invariant: Invariant, text: &str) {
        let text = format!("router {router}: {text}");
        self.violation(invariant, text);
    }
}
