//! A protocol that does wrong: another one, of which something is changed.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use forwarding::Fec;
use ldp::{MultiTopologyId, PrefixFec};
use mpls::Label;
use simulator::router::{
    Accepted, Action, Counters, Datagram, Interface, Protocol, Route, Settings,
};

/// What is changed.
#[derive(Default)]
pub(crate) struct Hooks {
    /// Makes another action of each.
    pub(crate) action: Option<fn(Action) -> Action>,
    /// All sessions are ended so often, counted from then on.
    pub(crate) clears_every: Option<(Duration, Instant)>,
    /// A FEC that was unbound is not bound any more.
    pub(crate) binds_once: bool,
    /// FECs of this topology have the routes of the default one.
    pub(crate) routes_of_default_in: Option<MultiTopologyId>,
    /// What is said to be left of FECs, and of sessions.
    pub(crate) remains: Vec<String>,
    pub(crate) remains_of_sessions: Vec<String>,
}

pub(crate) struct Hooked {
    inner: Box<dyn Protocol>,
    hooks: Hooks,
    unbound: BTreeSet<Fec>,
}

impl Hooked {
    pub(crate) fn new(inner: Box<dyn Protocol>, hooks: Hooks) -> Self {
        Self {
            inner,
            hooks,
            unbound: BTreeSet::new(),
        }
    }

    fn next_clear(&self) -> Option<Instant> {
        self.hooks.clears_every.map(|(every, last)| last + every)
    }
}

impl Protocol for Hooked {
    fn name(&self) -> &'static str {
        self.inner.name()
    }
    fn owner(&self) -> forwarding::Protocol {
        self.inner.owner()
    }
    fn udp_ports(&self) -> &'static [u16] {
        self.inner.udp_ports()
    }
    fn configure(&mut self, settings: &Settings, now: Instant) {
        self.inner.configure(settings, now);
    }
    fn interface(&mut self, interface: &Interface, now: Instant) {
        self.inner.interface(interface, now);
    }
    fn addresses(&mut self, addresses: &[IpAddr], now: Instant) {
        self.inner.addresses(addresses, now);
    }
    fn route(&mut self, fec: PrefixFec, route: Option<&Route>, now: Instant) {
        match self.hooks.routes_of_default_in {
            Some(topology) if fec.topology == topology => {}
            Some(topology) => {
                self.inner.route(fec, route, now);
                self.inner.route(PrefixFec { topology, ..fec }, route, now);
            }
            None => self.inner.route(fec, route, now),
        }
    }
    fn label(&mut self, fec: PrefixFec, label: Result<Label, String>, now: Instant) {
        self.inner.label(fec, label, now);
    }
    fn labels_available(&mut self, now: Instant) {
        self.inner.labels_available(now);
    }
    fn datagram(&mut self, interface: &str, datagram: &Datagram, now: Instant) {
        self.inner.datagram(interface, datagram, now);
    }
    fn accept(&mut self, local: IpAddr, remote: IpAddr, now: Instant) -> Option<Accepted> {
        self.inner.accept(local, remote, now)
    }
    fn connected(&mut self, id: u64, local: IpAddr, now: Instant) {
        self.inner.connected(id, local, now);
    }
    fn connect_failed(&mut self, id: u64, reason: &str, now: Instant) {
        self.inner.connect_failed(id, reason, now);
    }
    fn octets(&mut self, id: u64, octets: &[u8], now: Instant) {
        self.inner.octets(id, octets, now);
    }
    fn written(&mut self, id: u64, octets: usize, now: Instant) {
        self.inner.written(id, octets, now);
    }
    fn closed(&mut self, id: u64, reason: &str, now: Instant) {
        self.inner.closed(id, reason, now);
    }
    fn clear(&mut self, now: Instant) {
        self.inner.clear(now);
    }
    fn kept(&self) -> Option<String> {
        self.inner.kept()
    }
    fn shut_down(&mut self, now: Instant) {
        self.hooks.clears_every = None;
        self.inner.shut_down(now);
    }
    fn timeout(&mut self, now: Instant) {
        if self.next_clear().is_some_and(|at| at <= now) {
            if let Some((_, last)) = &mut self.hooks.clears_every {
                *last = now;
            }
            self.inner.clear(now);
        }
        if self.inner.next_timeout().is_some_and(|at| at <= now) {
            self.inner.timeout(now);
        }
    }
    fn next_timeout(&self) -> Option<Instant> {
        let both = [self.inner.next_timeout(), self.next_clear()];
        both.into_iter().flatten().min()
    }
    fn poll(&mut self) -> Option<Action> {
        loop {
            let action = self.inner.poll()?;
            match &action {
                Action::Ftn { fec, action: None } => {
                    self.unbound.insert(fec.clone());
                }
                Action::Ftn { fec, .. } if self.hooks.binds_once && self.unbound.contains(fec) => {
                    continue;
                }
                _ => {}
            }
            return Some(match self.hooks.action {
                Some(change) => change(action),
                None => action,
            });
        }
    }
    fn local_label(&self, fec: PrefixFec) -> Option<Label> {
        self.inner.local_label(fec)
    }
    fn advertised(&self, fec: PrefixFec, to: Ipv4Addr) -> Option<Label> {
        self.inner.advertised(fec, to)
    }
    fn local_labels(&self) -> Vec<(PrefixFec, Label)> {
        self.inner.local_labels()
    }
    fn counters(&self, now: Instant) -> Counters {
        self.inner.counters(now)
    }
    fn topologies(&self, octets: &[u8]) -> BTreeSet<MultiTopologyId> {
        self.inner.topologies(octets)
    }
    fn hold_down(&self, now: Instant) -> Duration {
        self.inner.hold_down(now)
    }
    fn remains(&self) -> Vec<String> {
        let mut remains = self.inner.remains();
        remains.extend(self.hooks.remains.iter().cloned());
        remains
    }
    fn remains_of_sessions(&self) -> Vec<String> {
        let mut remains = self.inner.remains_of_sessions();
        remains.extend(self.hooks.remains_of_sessions.iter().cloned());
        remains
    }
}
