//! The adapter of LDP.

mod configuration;
mod messages;

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ldp::engine::{ConnectionId, InterfaceState, Ldp, LsrId, Output, ReceivedDatagram};
use ldp::label::{LocalLabel, UpstreamState};
use ldp::packet::PORT;
use ldp::{LdpIdentifier, MultiTopologyId, PrefixFec};
use ldp_lfib::{Binder, Bindings, FecBinding, LfibBinding, Update};
use mpls::Label;

use super::protocol::{Accepted, Action, Boot, Counters, Datagram, Interface, Protocol, Route};
use super::settings::Settings;
use configuration::configuration;

/// LDP on one router.
#[derive(Debug)]
struct LdpRouter {
    engine: Ldp,
    binder: Binder,
    /// What is to be done before what the engine wants next.
    actions: VecDeque<Action>,
    lsr_id: LsrId,
    interfaces: Vec<(Arc<str>, usize)>,
    multi_topology: Option<MultiTopologyId>,
    starts: u32,
}

/// Starts LDP on a router.
pub fn start(boot: &Boot<'_>) -> Box<dyn Protocol> {
    // No router of the simulator has the address 0.0.0.0.
    let lsr_id = LsrId::new(boot.router_id).unwrap_or_else(|_| {
        LsrId::new(Ipv4Addr::BROADCAST).unwrap_or_else(|_| unreachable!("it is not zero"))
    });
    let interfaces: Vec<_> = boot
        .interfaces
        .iter()
        .map(|interface| (Arc::clone(&interface.name), interface.link))
        .collect();
    let multi_topology = boot.multi_topology;
    let mut config = configuration(
        lsr_id,
        &interfaces,
        multi_topology,
        boot.settings,
        boot.starts,
    );
    let kept = boot.kept.filter(|_| boot.settings.graceful_restart);
    // What is kept was written by the same program.
    let kept: Bindings = kept
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    if let Some(restart) = &mut config.graceful_restart {
        restart.forwarding_state_preserved = !kept.is_empty();
    }
    let mut engine = Ldp::new(config, boot.seed, boot.now);
    let mut binder = Binder::default();
    binder.keep(boot.settings.graceful_restart);
    let mut actions = VecDeque::new();
    if !kept.is_empty() {
        let preserved = kept.preserved();
        let adopt = |(fec, label): &(PrefixFec, Label)| Action::Adopt {
            fec: *fec,
            label: *label,
        };
        actions.extend(preserved.labels.iter().map(adopt));
        engine.adopt_labels(preserved, boot.now);
        binder.restore(&kept, |bound| actions.push_back(action(bound)));
    }
    Box::new(LdpRouter {
        engine,
        binder,
        actions,
        lsr_id,
        interfaces,
        multi_topology,
        starts: boot.starts,
    })
}

fn action((fec, binding): FecBinding) -> Action {
    match binding {
        LfibBinding::Ftn(fec, action) => Action::Ftn { fec, action },
        LfibBinding::Ilm(key, action) => Action::Ilm {
            label: key.label,
            fec,
            action,
        },
    }
}

impl LdpRouter {
    fn update(&mut self, update: Update) {
        let actions = &mut self.actions;
        self.binder
            .apply(update, |bound| actions.push_back(action(bound)));
    }
}

impl Protocol for LdpRouter {
    fn name(&self) -> &'static str {
        "LDP"
    }

    fn udp_ports(&self) -> &'static [u16] {
        &[PORT]
    }

    fn owner(&self) -> forwarding::Protocol {
        forwarding::Protocol::Ldp
    }

    fn configure(&mut self, settings: &Settings, now: Instant) {
        let config = configuration(
            self.lsr_id,
            &self.interfaces,
            self.multi_topology,
            settings,
            self.starts,
        );
        let kept = self.binder.kept().is_some();
        self.binder.keep(settings.graceful_restart);
        self.engine.set_config(config, now);
        if settings.graceful_restart && !kept {
            // All that is bound is to be kept, too.
            self.engine.repeat_lfib(now);
        }
    }

    fn interface(&mut self, interface: &Interface, now: Instant) {
        let state = InterfaceState {
            up: interface.up,
            mtu: 1500,
            mpls_mtu: 1520,
            addresses: vec![interface.address, interface.link_local],
        };
        self.engine.handle_interface(&interface.name, state, now);
    }

    fn addresses(&mut self, addresses: &[IpAddr], now: Instant) {
        self.engine.handle_router_addresses(addresses.to_vec(), now);
    }

    fn route(&mut self, fec: PrefixFec, route: Option<&Route>, now: Instant) {
        let route = route.map(|next_hops| ldp::label::Route {
            next_hops: next_hops
                .iter()
                .map(|hop| ldp::label::NextHop {
                    interface: Arc::clone(&hop.interface),
                    address: hop.address,
                })
                .collect(),
            egress: next_hops.is_empty(),
            ..ldp::label::Route::default()
        });
        self.engine.handle_route(fec, route, now);
    }

    fn label(&mut self, fec: PrefixFec, label: Result<Label, String>, now: Instant) {
        self.engine.handle_label_allocated(fec, label, now);
    }

    fn labels_available(&mut self, now: Instant) {
        self.engine.handle_label_resources(now);
    }

    fn datagram(&mut self, interface: &str, datagram: &Datagram, now: Instant) {
        let received = ReceivedDatagram {
            interface,
            source: datagram.source,
            destination: datagram.destination,
            hop_limit: Some(datagram.hop_limit),
            octets: &datagram.octets,
        };
        self.engine.handle_hello(received, now);
    }

    fn accept(&mut self, local: IpAddr, remote: IpAddr, now: Instant) -> Option<Accepted> {
        let accepted = self.engine.accept(local, remote, now).ok()?;
        Some(Accepted {
            id: accepted.id.0,
            one_hop: accepted.security.gtsm,
        })
    }

    fn connected(&mut self, id: u64, local: IpAddr, now: Instant) {
        self.engine.handle_connected(ConnectionId(id), local, now);
    }

    fn connect_failed(&mut self, id: u64, reason: &str, now: Instant) {
        self.engine
            .handle_connect_failed(ConnectionId(id), reason.to_owned(), now);
    }

    fn octets(&mut self, id: u64, octets: &[u8], now: Instant) {
        self.engine.handle_octets(ConnectionId(id), octets, now);
    }

    fn written(&mut self, id: u64, octets: usize, now: Instant) {
        self.engine.handle_written(ConnectionId(id), octets, now);
    }

    fn closed(&mut self, id: u64, reason: &str, now: Instant) {
        self.engine
            .handle_closed(ConnectionId(id), reason.to_owned(), now);
    }

    fn clear(&mut self, now: Instant) {
        self.engine.clear_neighbour(None, now);
    }

    fn kept(&self) -> Option<String> {
        serde_json::to_string(self.binder.kept()?).ok()
    }

    fn shut_down(&mut self, now: Instant) {
        self.engine.shut_down(now);
    }

    fn timeout(&mut self, now: Instant) {
        self.engine.handle_timeout(now);
    }

    fn next_timeout(&self) -> Option<Instant> {
        self.engine.poll_timeout()
    }

    fn poll(&mut self) -> Option<Action> {
        loop {
            if let Some(action) = self.actions.pop_front() {
                return Some(action);
            }
            return Some(match self.engine.poll_output()? {
                Output::SendHello {
                    interface,
                    source,
                    destination,
                    hop_limit,
                    octets,
                } => Action::Datagram {
                    interface,
                    datagram: Datagram {
                        source: source.unwrap_or(IpAddr::V4(self.lsr_id.get())),
                        destination,
                        destination_port: PORT,
                        hop_limit,
                        octets,
                    },
                },
                Output::Connect {
                    id,
                    local,
                    remote,
                    security,
                    ..
                } => Action::Connect {
                    id: id.0,
                    local,
                    remote,
                    one_hop: security.gtsm,
                },
                Output::Send { id, octets } => Action::Send { id: id.0, octets },
                Output::Close { id } => Action::Close { id: id.0 },
                Output::AllocateLabel { fec } => Action::Allocate { fec },
                Output::ReleaseLabel { fec, label } => Action::Release { fec, label },
                Output::Lfib(change) => {
                    self.update(Update::Change(change));
                    continue;
                }
                Output::ForwardingStateHoldingExpired => {
                    self.update(Update::HoldingExpired);
                    continue;
                }
                // Connections of the simulator have no keys, and its IGP always its normal metric.
                Output::ListenKeys(_) | Output::IgpSync { .. } => continue,
                Output::Event(event) => Action::Log(event.to_string()),
            });
        }
    }

    fn local_label(&self, fec: PrefixFec) -> Option<Label> {
        match self.engine.labels().binding(&fec)?.local {
            LocalLabel::Bound(label) => Some(label),
            _ => None,
        }
    }

    fn advertised(&self, fec: PrefixFec, to: Ipv4Addr) -> Option<Label> {
        let binding = self.engine.labels().binding(&fec)?;
        let peer = LdpIdentifier::platform(to);
        let upstream = binding.upstream.iter();
        upstream
            .filter(|upstream| upstream.peer == peer && upstream.state == UpstreamState::Advertised)
            .map(|upstream| upstream.label)
            .next()
    }

    fn local_labels(&self) -> Vec<(PrefixFec, Label)> {
        self.engine
            .labels()
            .bindings()
            .filter_map(|binding| match binding.local {
                LocalLabel::Bound(label) if !label.is_reserved() => Some((binding.fec, label)),
                _ => None,
            })
            .collect()
    }

    fn counters(&self, now: Instant) -> Counters {
        let view = self.engine.lsr(now);
        let labels = self.engine.labels().counters();
        let sent = view.statistics.sent;
        let messages = [
            sent.notification,
            sent.hello,
            sent.initialization,
            sent.keepalive,
            sent.capability,
            sent.address,
            sent.address_withdraw,
            sent.label_mapping,
            sent.label_request,
            sent.label_withdraw,
            sent.label_release,
            sent.label_abort_request,
        ];
        Counters {
            messages: messages.iter().sum(),
            octets: sent.octets,
            bindings_sent: sent.label_mapping,
            sessions: view.operational_sessions as u64,
            sessions_lost: self.engine.sessions_lost(),
            local_labels: labels.labels as u64,
            remote_labels: labels.received as u64,
        }
    }

    fn topologies(&self, octets: &[u8]) -> BTreeSet<MultiTopologyId> {
        messages::topologies(octets)
    }

    fn describe(&self, octets: &[u8]) -> Vec<String> {
        messages::in_words(octets)
    }

    fn hold_down(&self, now: Instant) -> Duration {
        self.engine.longest_restart(now)
    }

    fn remains(&self) -> Vec<String> {
        let labels = self.engine.labels();
        let mut remains = in_words(labels.fec_tables());
        let counters = labels.counters();
        if counters != ldp::label::Counters::default() {
            remains.push(format!("{counters:?}"));
            let bindings = labels.bindings().take(2);
            remains.extend(bindings.map(|binding| format!("{binding:?}")));
        }
        if let Some(kept) = self.binder.kept().filter(|kept| !kept.is_empty()) {
            remains.push(format!("kept for a restart: {kept:?}"));
        }
        remains
    }

    fn remains_of_sessions(&self) -> Vec<String> {
        in_words(self.engine.session_tables())
    }
}

/// The tables that are not empty.
fn in_words(tables: impl IntoIterator<Item = (&'static str, usize)>) -> Vec<String> {
    let tables = tables.into_iter().filter(|(_, entries)| *entries > 0);
    tables
        .map(|(name, entries)| format!("{entries} {name}"))
        .collect()
}
