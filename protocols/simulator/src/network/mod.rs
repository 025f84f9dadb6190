//! A network of routers and what happens in it.

mod actions;
mod addresses;
mod daemon;
mod entries;
mod faulty;
mod packets;
mod routing;
mod tcp;
mod topologies;

pub use addresses::{loopback_ipv6, router_id};
pub use packets::{Drop, Packet, PacketCounts, Step};

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ldp::PrefixFec;
use serde::Serialize;
use smallvec::SmallVec;

use addresses::{link_address, link_local_address, net, net6, prefixes};

use crate::clock::{Queue, Time};
use crate::faults::Fault;
use crate::igp::{Half, View};
use crate::link::Wire;
use crate::rng::Rng;
use crate::router::{Datagram, Factory, Families, Interface, Router, Settings};
use crate::stream::Connection;
use crate::topology::Topology;

/// A prefix in a topology, and the routers that it is behind.
#[derive(Debug, Clone)]
pub struct Prefix {
    /// The prefix and the topology.
    pub fec: PrefixFec,
    /// The routers: one, or both ends of a link.
    pub owners: SmallVec<[usize; 2]>,
    /// It is the address of the router itself.
    pub host: bool,
    /// Its routers have it now.
    pub present: bool,
}

/// A link as it is now.
#[derive(Debug)]
pub struct LinkState {
    /// From its first end to the second, and back.
    pub wires: [Wire; 2],
    /// It is known at once that it is cut.
    pub carrier: bool,
}

/// What must not be and was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// When it was seen, in milliseconds.
    pub at: u64,
    /// Which invariant it is about.
    pub invariant: Invariant,
    /// What was seen.
    pub text: String,
}

/// What has to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Invariant {
    /// A label never stands for two FECs in one label space.
    OneFecPerLabel,
    /// No packet gets to a wrong egress or into another FEC's LSP.
    RightEgress,
    /// After settling each pair of routers with a route has an LSP, without loops.
    EveryPairHasAnLsp,
    /// Nothing of a topology goes to a router that does not have it.
    TopologyIsShared,
    /// After settling labels are those that the next hop advertised.
    LabelsAreAdvertised,
    /// After settling LSPs go by all equal-cost next hops of the IGP that have a label, and by no others.
    AllNextHops,
    /// A restart within the reconnect time, as the only fault among routers with graceful restart, loses no
    /// packet.
    RestartLosesNothing,
    /// After settling the switch holds what it should.
    SwitchHoldsLfib,
    /// What has settled stays so, and nothing changes in it, until something happens.
    StaysSettled,
    /// After everything is withdrawn nothing is left.
    NothingIsLeft,
    /// The engines ask for a finite number of calls.
    Progress,
}

/// What is in the queue.
#[derive(Debug)]
enum Event {
    Boot(usize),
    Wake {
        router: usize,
        starts: u32,
    },
    Datagram {
        router: usize,
        interface: Arc<str>,
        datagram: Box<Datagram>,
    },
    Syn {
        connection: u64,
        attempt: u32,
    },
    SynArrives(u64),
    SynAnswered {
        connection: u64,
        refused: bool,
    },
    Segment {
        connection: u64,
        direction: usize,
        number: u64,
    },
    Acknowledgement {
        connection: u64,
        direction: usize,
        number: u64,
    },
    Retransmit {
        connection: u64,
        direction: usize,
        number: u64,
    },
    Reset {
        connection: u64,
        end: usize,
    },
    Packet {
        router: usize,
        packet: Box<Packet>,
    },
    Probe,
    Adjacency {
        link: usize,
        end: usize,
    },
    Flood {
        link: usize,
        to: usize,
        index: usize,
        half: Half,
    },
    Synchronize {
        link: usize,
        to: usize,
    },
    ShortestPaths(usize),
    SwitchWrite {
        router: usize,
        starts: u32,
    },
    FaultBegins(usize),
    FaultEnds(usize),
}

/// A number that other octets hardly have.
fn digest(octets: &[u8]) -> u64 {
    let start = octets.len() as u64;
    octets.chunks(8).fold(start, |hash, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        let mixed = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ mixed >> 29
    })
}

/// How a network is made.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// The seed.
    pub seed: u64,
    /// The routers and links.
    pub topology: Topology,
    /// The configuration of each router.
    pub settings: Vec<Settings>,
    /// Only the loopbacks of so many routers are prefixes, the first ones; `None`: those of all.
    pub loopbacks: Option<usize>,
    /// Prefixes behind each router, besides its loopback.
    pub prefixes: usize,
    /// The links' prefixes are FECs.
    pub link_prefixes: bool,
    /// The families of the prefixes.
    pub families: Families,
    /// Faults, in the order of their beginnings.
    pub faults: Vec<Fault>,
    /// How often a packet is sent from somewhere to somewhere; `None`: never.
    pub probe_every: Option<Duration>,
}

/// A network of routers under a virtual clock.
pub struct Network {
    /// The routers and links.
    pub topology: Topology,
    /// The prefixes; the first ones are the routers' loopbacks.
    pub prefixes: Vec<Prefix>,
    /// The routers.
    pub routers: Vec<Router>,
    /// The links.
    pub links: Vec<LinkState>,
    /// Packets that were sent.
    pub packets: PacketCounts,
    /// Faults that have begun, by kind.
    pub begun: BTreeMap<&'static str, u64>,
    /// What must not be and was. The run ends with the first.
    pub violations: Vec<Violation>,
    /// When something last changed by a fault.
    pub disturbed: Time,
    /// Events that happened.
    pub events: u64,
    /// A number that is another for any other course of the run.
    pub trace: u64,
    /// What engines want done is written to standard error.
    pub verbose: bool,
    links_of: Vec<Vec<usize>>,
    faults: Vec<Fault>,
    active: Vec<bool>,
    base_settings: Vec<Settings>,
    factories: Vec<Factory>,
    views: Vec<View>,
    sequence: u32,
    connections: BTreeMap<u64, Connection>,
    next_connection: u64,
    by_id: Vec<BTreeMap<(usize, u64), (u64, usize)>>,
    now: Time,
    base: Instant,
    queue: Queue<Event>,
    link_rng: Rng,
    igp_rng: Rng,
    packet_rng: Rng,
    probe_every: Option<Duration>,
    withdrawn: bool,
    spinning: u32,
    /// No packet may be lost.
    lossless: bool,
    /// How many times an engine asked for a label, gave one back, or changed the LFIB.
    lfib_changes: u64,
}

/// What does not change in a network that is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// How many times engines asked for labels, gave some back, or changed the LFIB.
    pub lfib_changes: u64,
    /// Sessions that are up.
    pub sessions: u64,
    /// Sessions that went down.
    pub sessions_lost: u64,
}

impl Network {
    /// A network in which all is off. The IGP knows all links; routers start within a second.
    pub fn new(config: NetworkConfig, factories: &[Factory]) -> Self {
        let topology = config.topology.clone();
        let links_of = topology.links_of_routers();
        let prefixes = prefixes(&topology, &config);
        let mut routers: Vec<Router> = (0..topology.routers)
            .map(|number| {
                let settings = config.settings.get(number).cloned().unwrap_or_default();
                Router::new(router_id(number), settings, prefixes.len())
            })
            .collect();
        for (number, link) in topology.links.iter().enumerate() {
            for end in [0, 1] {
                let name: Arc<str> = format!("link{number}").into();
                let router = &mut routers[link.end(end)];
                let other = link_address(number, 1 - end);
                router
                    .neighbours
                    .push(forwarding::NextHop::new(&*name, IpAddr::V4(other)));
                let other = link_local_address(number, 1 - end);
                router
                    .ipv6_neighbours
                    .push(forwarding::NextHop::new(&*name, IpAddr::V6(other)));
                router.interfaces.push(Interface {
                    name,
                    link: number,
                    address: net(link_address(number, end), 31),
                    link_local: net6(link_local_address(number, end), 64),
                    up: true,
                });
            }
        }
        let links = topology
            .links
            .iter()
            .map(|link| {
                let delay = Duration::from_micros(link.delay);
                let wire = Wire::new(delay, link.bandwidth);
                LinkState {
                    wires: [wire.clone(), wire],
                    carrier: true,
                }
            })
            .collect();
        let mut network = Self {
            prefixes,
            links,
            packets: PacketCounts::default(),
            violations: Vec::new(),
            begun: BTreeMap::new(),
            disturbed: Time::ZERO,
            lossless: false,
            lfib_changes: 0,
            events: 0,
            trace: 0,
            verbose: false,
            links_of,
            active: vec![false; config.faults.len()],
            faults: config.faults,
            base_settings: routers
                .iter()
                .map(|router| router.settings.clone())
                .collect(),
            factories: factories.to_vec(),
            views: vec![View::complete(topology.links.len()); topology.routers],
            sequence: 1,
            connections: BTreeMap::new(),
            next_connection: 0,
            by_id: vec![BTreeMap::new(); topology.routers],
            routers,
            topology,
            now: Time::ZERO,
            base: Instant::now(),
            queue: Queue::default(),
            link_rng: Rng::new(config.seed, 1),
            igp_rng: Rng::new(config.seed, 2),
            packet_rng: Rng::new(config.seed, 3),
            probe_every: config.probe_every,
            withdrawn: false,
            spinning: 0,
        };
        let mut boot = Rng::new(config.seed, 4);
        for router in 0..network.routers.len() {
            let at = Time::ZERO + boot.duration(Duration::ZERO, Duration::from_secs(1));
            network.queue.push(at, Event::Boot(router));
        }
        for (number, fault) in network.faults.iter().enumerate() {
            network.queue.push(fault.at, Event::FaultBegins(number));
            network.queue.push(fault.until, Event::FaultEnds(number));
        }
        if let Some(every) = network.probe_every {
            network.queue.push(Time::seconds(2) + every, Event::Probe);
        }
        network
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Packets are sent this often from now on, or seldomer as before.
    pub fn probe_at_most_every(&mut self, time: Duration) {
        self.probe_every = self.probe_every.map(|every| every.max(time));
    }

    /// From now on no packet may be lost, or that is of no interest any more.
    pub fn expect_no_loss(&mut self, lossless: bool) {
        self.lossless = lossless;
    }

    /// The time on a router's clock.
    pub fn clock_of(&self, router: usize) -> Instant {
        self.base + self.now.since_start() + self.routers[router].ahead
    }

    /// Lets things happen until a time, or until an invariant is broken: then it stays that time.
    pub fn run_until(&mut self, until: Time) {
        while self.violations.is_empty() {
            match self.queue.next_at() {
                Some(at) if at <= until => self.step(),
                _ => {
                    self.now = self.now.max(until);
                    return;
                }
            }
        }
    }

    fn step(&mut self) {
        let Some((at, event)) = self.queue.pop() else {
            return;
        };
        self.spinning = if at == self.now { self.spinning + 1 } else { 0 };
        if self.spinning > 5_000_000 {
            self.violation(Invariant::Progress, "time stands still".to_owned());
        }
        self.now = self.now.max(at);
        self.events += 1;
        self.happen(event);
    }

    /// Mixes something that happened into the trace.
    fn trace(&mut self, what: u64, which: u64) {
        let mixed = self.trace ^ what.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = mixed ^ which.rotate_left(32) ^ (self.now.since_start().as_nanos() as u64);
        self.trace = mixed.wrapping_mul(0xD6E8_FEB8_6659_FD93).rotate_left(23);
    }

    /// Mixes in octets, and whose they are.
    fn trace_octets(&mut self, what: u64, which: u64, octets: &[u8]) {
        self.trace(what, which.rotate_left(48) ^ digest(octets));
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Boot(router) => self.boot(router),
            Event::Wake { router, starts } => self.wake(router, starts),
            Event::Datagram {
                router,
                interface,
                datagram,
            } => self.datagram_arrives(router, interface, datagram),
            Event::Syn {
                connection,
                attempt,
            } => self.syn(connection, attempt),
            Event::SynArrives(connection) => self.syn_arrives(connection),
            Event::SynAnswered {
                connection,
                refused,
            } => self.syn_answered(connection, refused),
            Event::Segment {
                connection,
                direction,
                number,
            } => self.segment_arrives(connection, direction, number),
            Event::Acknowledgement {
                connection,
                direction,
                number,
            } => self.acknowledged(connection, direction, number),
            Event::Retransmit {
                connection,
                direction,
                number,
            } => self.retransmit(connection, direction, number),
            Event::Reset { connection, end } => self.reset_arrives(connection, end),
            Event::Packet { router, packet } => self.packet_arrives(router, *packet),
            Event::Probe => self.probe(),
            Event::Adjacency { link, end } => self.adjacency(link, end),
            Event::Flood {
                link,
                to,
                index,
                half,
            } => self.flood_arrives(link, to, index, half),
            Event::Synchronize { link, to } => self.synchronize(link, to),
            Event::ShortestPaths(router) => self.shortest_paths(router),
            Event::SwitchWrite { router, starts } => self.switch_writes(router, starts),
            Event::FaultBegins(fault) => self.fault_begins(fault),
            Event::FaultEnds(fault) => self.fault_ends(fault),
        }
    }

    /// An invariant is broken.
    pub fn violation(&mut self, invariant: Invariant, text: String) {
        self.violations.push(Violation {
            at: self.now.since_start().as_millis() as u64,
            invariant,
            text,
        });
    }

    /// When the daemon of a router can take something in: now, or when it is not stopped any more.
    fn paused(&self, router: usize) -> Option<Time> {
        let until = self.routers[router].paused_until;
        (until > self.now).then_some(until)
    }

    /// Puts an event off until the daemon of a router goes on, if it is stopped. Whether it is.
    fn put_off(&mut self, router: usize, event: Event) -> bool {
        let until = self.paused(router);
        if let Some(until) = until {
            self.queue.push(until, event);
        }
        until.is_some()
    }

    /// Which router has an address.
    fn router_of(&self, address: IpAddr) -> Option<usize> {
        let bits = match address {
            IpAddr::V4(address) => address.to_bits(),
            // The loopbacks' are made of the identifiers.
            IpAddr::V6(address) => {
                let [.., a, b, c, d] = address.octets();
                let id = Ipv4Addr::new(a, b, c, d);
                (loopback_ipv6(id) == address).then_some(id.to_bits())?
            }
        };
        let router = if bits >= 0xAC10_0000 {
            let number = (bits - 0xAC10_0000) as usize;
            self.topology.links.get(number / 2)?.end(number % 2)
        } else {
            bits.checked_sub(0x0A00_0001)? as usize
        };
        (router < self.routers.len()).then_some(router)
    }

    /// The router at the other end of a link.
    fn other_end(&self, link: usize, router: usize) -> Option<usize> {
        let link = self.topology.links.get(link)?;
        Some(link.end(1 - link.end_of(router)?))
    }
}
