//! Engines that are connected with each other: a network in memory, the same every time for a seed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ldp::PrefixFec;
use ldp::engine::{
    ConnectionId, Event, InterfaceState, Ldp, LdpConfig, NeighbourView, Output, ReceivedDatagram,
    SessionState,
};
use ldp::label::{IlmOperation, LabelledNextHop, LfibChange};
use mpls::Label;

use super::{Clock, up};

/// How long a packet takes.
const DELAY: Duration = Duration::from_millis(1);

/// Something that arrives.
#[derive(Debug)]
enum Arrival {
    Hello {
        interface: Arc<str>,
        source: IpAddr,
        destination: IpAddr,
        hop_limit: u8,
        octets: Vec<u8>,
    },
    Connect {
        from: usize,
        id: ConnectionId,
        local: IpAddr,
        remote: IpAddr,
    },
    Octets(ConnectionId, Vec<u8>),
    Closed(ConnectionId),
}

/// A router.
pub(crate) struct Node {
    pub(crate) ldp: Ldp,
    seed: u64,
    interfaces: BTreeMap<Arc<str>, (usize, InterfaceState)>,
    pub(crate) addresses: BTreeSet<IpAddr>,
    next_label: u32,
    pub(crate) labels: BTreeMap<PrefixFec, Label>,
    pub(crate) allocations: usize,
    pub(crate) ftn: BTreeMap<PrefixFec, Vec<LabelledNextHop>>,
    pub(crate) ilm: BTreeMap<Label, (PrefixFec, IlmOperation)>,
    pub(crate) lfib_changes: usize,
    pub(crate) events: Vec<Event>,
    pub(crate) igp_sync: BTreeMap<Arc<str>, bool>,
    pub(crate) listen_keys: usize,
    pub(crate) pdus: usize,
}

/// A link.
struct Link {
    ends: Vec<(usize, Arc<str>)>,
    cut: bool,
}

/// A network of routers on links.
#[derive(Default)]
pub(crate) struct Network {
    pub(crate) clock: Clock,
    pub(crate) nodes: Vec<Node>,
    /// Which interfaces each link has, and whether it is cut.
    links: Vec<Link>,
    arrivals: BinaryHeap<Reverse<(Instant, u64)>>,
    contents: BTreeMap<u64, (usize, Arrival)>,
    sequence: u64,
    /// Both ends of each connection.
    ends: BTreeMap<(usize, ConnectionId), (usize, ConnectionId)>,
    /// Routers that lost all of their TCP packets.
    pub(crate) silent: BTreeSet<usize>,
}

impl Network {
    /// Adds a router with a loopback address, that is its LSR Id, and more such addresses.
    pub(crate) fn router(&mut self, config: LdpConfig, more: &[IpAddr]) -> usize {
        let mut addresses: BTreeSet<IpAddr> = more.iter().copied().collect();
        addresses.insert(IpAddr::V4(config.lsr_id.get()));
        let number = self.nodes.len();
        let seed = number as u64 + 7;
        self.nodes.push(Node {
            ldp: Ldp::new(config, seed, self.clock.now),
            seed,
            interfaces: BTreeMap::new(),
            addresses,
            next_label: 1000 * (u32::try_from(number).expect("few routers") + 1),
            labels: BTreeMap::new(),
            allocations: 0,
            ftn: BTreeMap::new(),
            ilm: BTreeMap::new(),
            lfib_changes: 0,
            events: Vec::new(),
            igp_sync: BTreeMap::new(),
            listen_keys: 0,
            pdus: 0,
        });
        self.tell_addresses(number);
        number
    }

    /// Connects interfaces of routers by a link.
    pub(crate) fn link(&mut self, ends: &[(usize, &str, &[&str])]) -> usize {
        let link = self.links.len();
        self.links.push(Link {
            ends: ends
                .iter()
                .map(|(node, name, _)| (*node, Arc::from(*name)))
                .collect(),
            cut: false,
        });
        for (node, name, addresses) in ends {
            let state = up(addresses);
            let name: Arc<str> = Arc::from(*name);
            self.nodes[*node]
                .addresses
                .extend(state.addresses.iter().map(ipnet::IpNet::addr));
            self.nodes[*node]
                .interfaces
                .insert(Arc::clone(&name), (link, state.clone()));
            self.tell_addresses(*node);
            let now = self.clock.now;
            self.nodes[*node].ldp.handle_interface(&name, state, now);
            self.drain(*node);
        }
        link
    }

    /// Packets on a link are lost, or not any more; the interfaces stay up.
    pub(crate) fn cut(&mut self, link: usize, cut: bool) {
        self.links[link].cut = cut;
    }

    fn tell_addresses(&mut self, node: usize) {
        let addresses = self.nodes[node].addresses.iter().copied().collect();
        let now = self.clock.now;
        self.nodes[node].ldp.handle_router_addresses(addresses, now);
        self.drain(node);
    }

    /// A router's program dies and starts again, with another configuration; the kernel closes its
    /// connections.
    pub(crate) fn restart(&mut self, node: usize, config: LdpConfig) {
        let connections: Vec<_> = self
            .ends
            .iter()
            .filter(|((from, _), _)| *from == node)
            .map(|(end, peer)| (*end, *peer))
            .collect();
        for (end, peer) in connections {
            self.ends.remove(&end);
            self.ends.remove(&peer);
            self.arrive(peer.0, Arrival::Closed(peer.1));
        }
        let now = self.clock.now;
        let seed = self.nodes[node].seed + 100;
        self.nodes[node].seed = seed;
        self.nodes[node].ldp = Ldp::new(config, seed, now);
        self.nodes[node].labels.clear();
        self.tell_addresses(node);
        let interfaces: Vec<_> = self.nodes[node]
            .interfaces
            .iter()
            .map(|(name, (_, state))| (Arc::clone(name), state.clone()))
            .collect();
        for (name, state) in interfaces {
            self.nodes[node].ldp.handle_interface(&name, state, now);
        }
        self.drain(node);
    }

    fn arrive(&mut self, node: usize, arrival: Arrival) {
        self.sequence += 1;
        self.contents.insert(self.sequence, (node, arrival));
        self.arrivals
            .push(Reverse((self.clock.now + DELAY, self.sequence)));
    }

    /// Calls a router's engine, and does what it wants then.
    pub(crate) fn with<T>(&mut self, node: usize, call: impl FnOnce(&mut Ldp, Instant) -> T) -> T {
        let now = self.clock.now;
        let result = call(&mut self.nodes[node].ldp, now);
        self.drain(node);
        result
    }

    /// Runs for a time.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.clock.now + time;
        loop {
            let timer = self
                .nodes
                .iter()
                .enumerate()
                .filter_map(|(node, state)| state.ldp.poll_timeout().map(|at| (at, node)))
                .min();
            let arrival = self.arrivals.peek().map(|Reverse((at, _))| *at);
            let next = match (timer, arrival) {
                (Some((timer, _)), Some(arrival)) => timer.min(arrival),
                (Some((timer, _)), None) => timer,
                (None, Some(arrival)) => arrival,
                (None, None) => break,
            };
            if next > end {
                break;
            }
            self.clock.now = self.clock.now.max(next);
            if arrival.is_some_and(|at| at <= next) {
                if let Some(Reverse((_, sequence))) = self.arrivals.pop()
                    && let Some((node, arrival)) = self.contents.remove(&sequence)
                {
                    self.deliver(node, arrival);
                }
            } else if let Some((_, node)) = timer {
                self.with(node, Ldp::handle_timeout);
            }
        }
        self.clock.now = end;
    }

    fn deliver(&mut self, node: usize, arrival: Arrival) {
        match arrival {
            Arrival::Hello {
                interface,
                source,
                destination,
                hop_limit,
                octets,
            } => self.with(node, |ldp, now| {
                ldp.handle_hello(
                    ReceivedDatagram {
                        interface: &interface,
                        source,
                        destination,
                        hop_limit: Some(hop_limit),
                        octets: &octets,
                    },
                    now,
                );
            }),
            Arrival::Connect {
                from,
                id,
                local,
                remote,
            } => match self.with(node, |ldp, now| ldp.accept(remote, local, now)) {
                Ok(accepted) => {
                    self.ends.insert((from, id), (node, accepted.id));
                    self.ends.insert((node, accepted.id), (from, id));
                    self.with(from, |ldp, now| ldp.handle_connected(id, local, now));
                }
                Err(_) => self.with(from, |ldp, now| {
                    ldp.handle_connect_failed(id, "connection refused".to_owned(), now);
                }),
            },
            Arrival::Octets(id, octets) => {
                if self.silent.contains(&node) {
                    return;
                }
                // A stream has no boundaries: octets come in pieces of any size.
                let middle = octets.len() / 3;
                for part in [&octets[..middle], &octets[middle..]] {
                    self.with(node, |ldp, now| ldp.handle_octets(id, part, now));
                }
            }
            Arrival::Closed(id) => {
                self.with(node, |ldp, now| {
                    ldp.handle_closed(id, "closed by the peer".to_owned(), now);
                });
            }
        }
    }

    /// Does what a router's engine wants.
    fn drain(&mut self, node: usize) {
        while let Some(output) = self.nodes[node].ldp.poll_output() {
            self.perform(node, output);
        }
    }

    fn perform(&mut self, node: usize, output: Output) {
        let now = self.clock.now;
        match output {
            Output::SendHello {
                interface,
                source,
                destination,
                hop_limit,
                octets,
            } => {
                let source = source.expect("engines say where Hellos are from");
                self.send_hello(node, interface, source, destination, hop_limit, &octets);
            }
            Output::Connect {
                id, local, remote, ..
            } => {
                let to = self
                    .nodes
                    .iter()
                    .position(|other| other.addresses.contains(&remote));
                match to {
                    Some(to) if !self.silent.contains(&to) && !self.silent.contains(&node) => self
                        .arrive(
                            to,
                            Arrival::Connect {
                                from: node,
                                id,
                                local,
                                remote,
                            },
                        ),
                    // No answer.
                    _ => {}
                }
            }
            Output::Send { id, octets } => {
                self.nodes[node].pdus += 1;
                self.nodes[node].ldp.handle_written(id, octets.len(), now);
                if let Some((to, end)) = self.ends.get(&(node, id)).copied()
                    && !self.silent.contains(&node)
                {
                    self.arrive(to, Arrival::Octets(end, octets));
                }
            }
            Output::Close { id } => {
                if let Some((to, end)) = self.ends.remove(&(node, id)) {
                    self.ends.remove(&(to, end));
                    self.arrive(to, Arrival::Closed(end));
                }
            }
            Output::AllocateLabel { fec } => {
                let state = &mut self.nodes[node];
                let label = Label::new(state.next_label).expect("labels are left");
                state.next_label += 1;
                state.allocations += 1;
                state.labels.insert(fec, label);
                state.ldp.handle_label_allocated(fec, Ok(label), now);
            }
            Output::ReleaseLabel { fec, .. } => {
                self.nodes[node].labels.remove(&fec);
            }
            Output::Lfib(change) => {
                let state = &mut self.nodes[node];
                state.lfib_changes += 1;
                match change {
                    LfibChange::BindFtn { fec, next_hops } => {
                        state.ftn.insert(fec, next_hops.to_vec());
                    }
                    LfibChange::UnbindFtn { fec } => {
                        state.ftn.remove(&fec);
                    }
                    LfibChange::BindIlm {
                        label,
                        fec,
                        operation,
                    } => {
                        state.ilm.insert(label, (fec, operation));
                    }
                    LfibChange::UnbindIlm { label, .. } => {
                        state.ilm.remove(&label);
                    }
                }
            }
            Output::Event(event) => self.nodes[node].events.push(event),
            Output::IgpSync {
                interface,
                achieved,
            } => {
                self.nodes[node].igp_sync.insert(interface, achieved);
            }
            Output::ListenKeys(_) => self.nodes[node].listen_keys += 1,
            Output::ForwardingStateHoldingExpired => {}
        }
    }

    fn send_hello(
        &mut self,
        node: usize,
        interface: Option<Arc<str>>,
        source: IpAddr,
        destination: IpAddr,
        hop_limit: u8,
        octets: &[u8],
    ) {
        let receivers: Vec<(usize, Arc<str>)> = match &interface {
            Some(interface) => {
                let Some((link, _)) = self.nodes[node].interfaces.get(interface) else {
                    return;
                };
                let link = &self.links[*link];
                if link.cut {
                    return;
                }
                link.ends
                    .iter()
                    .filter(|(other, _)| *other != node)
                    .cloned()
                    .collect()
            }
            None => self
                .nodes
                .iter()
                .position(|other| other.addresses.contains(&destination))
                .and_then(|to| {
                    let (name, _) = self.nodes[to].interfaces.first_key_value()?;
                    Some((to, Arc::clone(name)))
                })
                .into_iter()
                .collect(),
        };
        for (to, name) in receivers {
            self.arrive(
                to,
                Arrival::Hello {
                    interface: name,
                    source,
                    destination,
                    hop_limit,
                    octets: octets.to_vec(),
                },
            );
        }
    }

    /// The neighbours of a router.
    pub(crate) fn neighbours(&self, node: usize) -> Vec<NeighbourView> {
        self.nodes[node].ldp.neighbours(self.clock.now)
    }

    /// Whether a router's session with another is operational.
    pub(crate) fn operational(&self, node: usize, other: usize) -> bool {
        let lsr_id = self.nodes[other].ldp.config().lsr_id.get();
        self.neighbours(node).iter().any(|neighbour| {
            neighbour.identifier.lsr_id == lsr_id && neighbour.state == SessionState::Operational
        })
    }

    /// The texts of a router's events.
    pub(crate) fn log(&self, node: usize) -> Vec<String> {
        self.nodes[node]
            .events
            .iter()
            .map(Event::to_string)
            .collect()
    }
}
