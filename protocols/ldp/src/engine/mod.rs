//! An LSR's speaker of LDP: discovery, sessions and label distribution together.

mod addresses;
mod adjacency;
mod adjacency_up;
mod capabilities;
mod config;
mod configure;
mod connection;
mod discard;
mod discarded;
mod end;
mod event;
mod hello_in;
mod hello_keys;
mod hello_out;
mod igp_sync;
mod initialization;
mod interface;
mod io;
mod labels;
mod log;
mod neighbour;
mod operational;
mod proposal;
mod range;
mod receive;
mod refused;
mod send;
mod show;
mod state;
mod statistics;
mod tables;
mod targeted;
mod timers;
mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use mpls::Label;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rustc_hash::FxHashMap;

pub use config::*;
pub use event::{Event, EventKind, Severity, Subject};
pub use io::{
    Accepted, ConnectionId, ConnectionSecurity, InterfaceState, ListenKey, Output,
    ReceivedDatagram, Refusal,
};
pub use operational::MOST_PEER_RESTART;
pub use range::*;
pub use refused::RefusedSegments;
pub use view::*;

pub use crate::discovery::Family;
pub use crate::session::{Role, SessionState};

use crate::discovery::{Adjacency, AdjacencyKey};
use crate::label::{LabelDistribution, Preserved, Route};
use crate::{LdpIdentifier, PrefixFec};
use discarded::DiscardedSources;
use hello_keys::WallClock;
use log::RateLimit;
use operational::LostSession;
use refused::RefusedAt;
use state::{Connection, Interface, Neighbour, Targeted, Timer};
use timers::Timers;

/// How many octets of a connection are given out before [`Ldp::handle_written`] says that they are
/// written.
pub const SEND_WINDOW: usize = 256 << 10;

/// An LSR's speaker of LDP.
///
/// After any `handle_` call [`Ldp::poll_output`] is called until it has no more, and [`Ldp::poll_timeout`]
/// for the next time of [`Ldp::handle_timeout`].
#[derive(Debug)]
pub struct Ldp {
    config: LdpConfig,
    identifier: LdpIdentifier,
    rng: SmallRng,
    configuration_sequence: u32,
    cryptographic_sequence: u64,
    next_message: u32,
    next_connection: u64,
    interfaces: Vec<Interface>,
    interface_numbers: FxHashMap<Arc<str>, u32>,
    router_addresses: BTreeSet<IpAddr>,
    /// The addresses that peers were told.
    announced: BTreeSet<IpAddr>,
    targeted: BTreeMap<IpAddr, Targeted>,
    adjacencies: FxHashMap<AdjacencyKey, Adjacency>,
    /// The last Cryptographic Sequence Number of each source that authenticated itself.
    cryptographic_seen: FxHashMap<AdjacencyKey, u64>,
    /// What time it is, as far as it was told.
    wall_clock: Option<WallClock>,
    /// When the kernel refused segments for their keys.
    refused: RefusedAt,
    /// Security Associations whose time is over, as was told: those of the last keys.
    expired_keys: BTreeSet<u32>,
    neighbours: BTreeMap<LdpIdentifier, Neighbour>,
    connections: FxHashMap<ConnectionId, Connection>,
    listen_keys: Vec<ListenKey>,
    labels: LabelDistribution,
    timers: Timers<Timer>,
    outputs: VecDeque<Output>,
    /// Connections with messages that are not given out.
    unsent: Vec<ConnectionId>,
    /// The time of the last call, for what is done while outputs are taken.
    last_now: Instant,
    /// The end of the MPLS Forwarding State Holding timer.
    restarting_until: Option<Instant>,
    /// Peers that may still hold labels of a session that was lost.
    lost_sessions: BTreeMap<LdpIdentifier, LostSession>,
    limited_log: BTreeMap<EventKind, RateLimit>,
    connects: RateLimit,
    discards: HelloDiscards,
    discarded_sources: DiscardedSources,
    /// And when its last Hello came.
    duplicate_lsr_id: Option<(DuplicateLsrId, Instant)>,
    /// Hellos, and the messages of neighbours that are gone.
    totals: Statistics,
}

impl Ldp {
    /// Starts LDP. `seed` is for the jitter of timers and the first Message ID.
    pub fn new(config: LdpConfig, seed: u64, now: Instant) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let next_message = rng.random_range(1..LabelDistribution::FIRST_REQUEST_ID / 2);
        let mut ldp = Self {
            identifier: LdpIdentifier::platform(config.lsr_id.get()),
            labels: LabelDistribution::new(configure::label_policy(&config), now),
            cryptographic_sequence: u64::from(config.boot_count) << 32,
            configuration_sequence: rng.random(),
            rng,
            next_message,
            next_connection: 1,
            interfaces: Vec::new(),
            interface_numbers: FxHashMap::default(),
            router_addresses: BTreeSet::new(),
            announced: BTreeSet::new(),
            targeted: BTreeMap::new(),
            adjacencies: FxHashMap::default(),
            cryptographic_seen: FxHashMap::default(),
            wall_clock: None,
            refused: RefusedAt::default(),
            expired_keys: BTreeSet::new(),
            neighbours: BTreeMap::new(),
            connections: FxHashMap::default(),
            listen_keys: Vec::new(),
            timers: Timers::default(),
            outputs: VecDeque::new(),
            unsent: Vec::new(),
            last_now: now,
            restarting_until: None,
            lost_sessions: BTreeMap::new(),
            limited_log: BTreeMap::new(),
            connects: RateLimit::default(),
            discards: HelloDiscards::default(),
            discarded_sources: DiscardedSources::default(),
            duplicate_lsr_id: None,
            totals: Statistics::default(),
            config,
        };
        for (name, config) in ldp.config.interfaces.clone() {
            let number = ldp.interface_number(&name);
            if let Some(interface) = ldp.interface_mut(number) {
                interface.config = Some(config);
            }
        }
        for (address, config) in ldp.config.targeted_peers.clone() {
            ldp.targeted_entry(address).configured = Some(config);
        }
        // RFC 3478 section 3.1.
        match ldp.config.graceful_restart {
            Some(restart) if restart.forwarding_state_preserved => {
                let until = now + restart.forwarding_state_holding_time.duration();
                ldp.restarting_until = Some(until);
                ldp.timers.set(Timer::ForwardingStateHolding, until);
            }
            _ => ldp.outputs.push_back(Output::ForwardingStateHoldingExpired),
        }
        ldp.refresh_all(now);
        ldp
    }

    /// Another configuration. It disturbs only what changes.
    pub fn set_config(&mut self, config: LdpConfig, now: Instant) {
        self.last_now = now;
        self.apply_config(config, now);
    }

    /// The configuration.
    pub fn config(&self) -> &LdpConfig {
        &self.config
    }

    /// An interface of the router appeared or changed.
    pub fn handle_interface(&mut self, name: &str, state: InterfaceState, now: Instant) {
        self.last_now = now;
        self.interface_changed(name, Some(state), now);
    }

    /// An interface of the router is gone.
    pub fn handle_interface_removed(&mut self, name: &str, now: Instant) {
        self.last_now = now;
        self.interface_changed(name, None, now);
    }

    /// All addresses of the router, those of interfaces without LDP too, such as a loopback's.
    pub fn handle_router_addresses(&mut self, addresses: Vec<IpAddr>, now: Instant) {
        self.last_now = now;
        let addresses: BTreeSet<IpAddr> = addresses.into_iter().collect();
        if addresses != self.router_addresses {
            self.router_addresses = addresses;
            self.refresh_all(now);
            self.refresh_addresses(now);
        }
    }

    /// The route of a FEC; `None`: there is none any more.
    pub fn handle_route(&mut self, fec: PrefixFec, route: Option<Route>, now: Instant) {
        self.last_now = now;
        self.labels.route_changed(fec, route, now);
    }

    /// The answer to [`Output::AllocateLabel`]: a label, or why there is none, in words.
    pub fn handle_label_allocated(
        &mut self,
        fec: PrefixFec,
        label: Result<Label, String>,
        now: Instant,
    ) {
        self.last_now = now;
        self.labels.label_allocated(fec, label, now);
    }

    /// The label manager, which had no label, has some again.
    pub fn handle_label_resources(&mut self, now: Instant) {
        self.last_now = now;
        self.labels.label_resources_available(now);
    }

    /// [`Output::Lfib`] tells again all that there is: what the caller makes of it changed.
    pub fn repeat_lfib(&mut self, now: Instant) {
        self.last_now = now;
        self.labels.repeat_lfib();
    }

    /// What the switch still forwards from before this LSR's restart (RFC 3478 section 3.1). Called once,
    /// before anything else. Without graceful restart nothing is held.
    pub fn adopt_labels(&mut self, preserved: Preserved, now: Instant) {
        self.last_now = now;
        let holding = self
            .restarting_until
            .map_or(std::time::Duration::ZERO, |until| {
                until.saturating_duration_since(now)
            });
        self.labels.adopt_labels(preserved, holding, now);
    }

    /// A UDP datagram came to port 646.
    pub fn handle_hello(&mut self, received: ReceivedDatagram<'_>, now: Instant) {
        self.last_now = now;
        self.receive_hello(received, now);
    }

    /// A TCP connection came to port 646.
    ///
    /// # Errors
    /// It is not wanted: the caller closes it.
    pub fn accept(
        &mut self,
        local: IpAddr,
        remote: IpAddr,
        now: Instant,
    ) -> Result<Accepted, Refusal> {
        self.last_now = now;
        self.accept_connection(local, remote, now)
    }

    /// A connection of [`Output::Connect`] is made, from this local address.
    pub fn handle_connected(&mut self, id: ConnectionId, local: IpAddr, now: Instant) {
        self.last_now = now;
        if let Some(connection) = self.connections.get(&id)
            && connection.local != local
        {
            let reason = format!(
                "the connection came from {local}, and not from the transport address {}",
                connection.local
            );
            self.connect_failed(id, &reason, now);
            return;
        }
        self.connection_established(id, now);
    }

    /// A connection of [`Output::Connect`] could not be made, for a reason in words.
    pub fn handle_connect_failed(&mut self, id: ConnectionId, reason: String, now: Instant) {
        self.last_now = now;
        self.connect_failed(id, &reason, now);
    }

    /// Octets came by a connection, however cut.
    pub fn handle_octets(&mut self, id: ConnectionId, octets: &[u8], now: Instant) {
        self.last_now = now;
        self.receive_octets(id, octets, now);
    }

    /// Octets of [`Output::Send`] are written: there is room for as many more.
    pub fn handle_written(&mut self, id: ConnectionId, octets: usize, now: Instant) {
        self.last_now = now;
        self.octets_written(id, octets, now);
    }

    /// A connection was closed by the peer or broke, for a reason in words.
    pub fn handle_closed(&mut self, id: ConnectionId, reason: String, now: Instant) {
        self.last_now = now;
        self.connection_closed(id, &reason, now);
    }

    /// Ends the session with a neighbour, or all, so that it comes up anew; also ends the delay after
    /// NAKs.
    pub fn clear_neighbour(&mut self, neighbour: Option<LdpIdentifier>, now: Instant) {
        self.last_now = now;
        self.clear(neighbour, now);
    }

    /// Ends all sessions with a Shutdown, as before the program ends, and stops discovery. With graceful
    /// restart, call it only if the forwarding state will not be kept.
    pub fn shut_down(&mut self, now: Instant) {
        self.last_now = now;
        self.end_everything(now);
    }

    /// What is due is done.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.last_now = now;
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::LinkHello(interface, family) => self.send_link_hello(interface, family, now),
                Timer::TargetedHello(address) => self.send_targeted_hello(address, now),
                Timer::Adjacency(key) => self.adjacency_expired(key, now),
                Timer::Attempt(neighbour) => self.evaluate(neighbour, now),
                Timer::Establishment(id) => self.establishment_timed_out(id, now),
                Timer::KeepAliveSend(neighbour) => self.keepalive_due(neighbour, now),
                Timer::KeepAliveReceive(neighbour) => self.keepalive_expired(neighbour, now),
                Timer::Restart(neighbour) => self.restart_timed_out(neighbour, now),
                Timer::ForwardingStateHolding => self.forwarding_state_holding_expired(now),
                Timer::IgpSync(interface) => self.refresh_igp_sync(interface, now),
            }
        }
        if self.labels.poll_timeout().is_some_and(|at| at <= now) {
            self.labels.handle_timeout(now);
        }
    }

    fn forwarding_state_holding_expired(&mut self, now: Instant) {
        self.restarting_until = None;
        self.outputs
            .push_back(Output::ForwardingStateHoldingExpired);
        self.log(
            Subject::Lsr,
            Severity::Info,
            EventKind::GracefulRestart,
            "this LSR completed its restart: forwarding state of before it is deleted".to_owned(),
            now,
        );
    }

    /// When [`Ldp::handle_timeout`] is to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match (self.timers.next(), self.labels.poll_timeout()) {
            (Some(timers), Some(labels)) => Some(timers.min(labels)),
            (timers, labels) => timers.or(labels),
        }
    }

    /// What is to be done next; `None`: nothing more.
    pub fn poll_output(&mut self) -> Option<Output> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            if let Some(output) = self.labels.poll_output() {
                let now = self.last_now;
                if let Some(output) = self.take_label_output(output, now) {
                    return Some(output);
                }
                continue;
            }
            if self.unsent.is_empty() {
                return None;
            }
            self.give_out_all();
        }
    }
}
