//! An LSR's LDP with two peers: one sends whatever the input says, at any stage of its session, the other
//! one is well-behaved. Whatever comes: no panic, no endless loop, bounded memory, the LSR's own PDUs can
//! be read, and the session with the other peer stays.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use ldp::LdpIdentifier;
use ldp::engine::{
    ConnectionId, GracefulRestartConfig, InterfaceConfig, InterfaceState, Ldp, LdpConfig, LsrId,
    Output, ReceivedDatagram, SEND_WINDOW, SessionState,
};
use ldp::packet::{
    Body, Capabilities, Hello, Initialization, Message, Pdu, PduStream, RawPdu,
};
use libfuzzer_sys::fuzz_target;
use mpls::Label;

const LOCAL: LdpIdentifier = LdpIdentifier::platform(Ipv4Addr::new(1, 1, 1, 1));
const WILD: LdpIdentifier = LdpIdentifier::platform(Ipv4Addr::new(9, 9, 9, 9));
const TAME: LdpIdentifier = LdpIdentifier::platform(Ipv4Addr::new(7, 7, 7, 7));

struct Lsr {
    ldp: Ldp,
    now: Instant,
    wild: Option<ConnectionId>,
    tame: Option<ConnectionId>,
    next_label: u32,
    allocated: Vec<(ldp::PrefixFec, Label)>,
    closed: Vec<ConnectionId>,
    /// Octets that were given out and not reported as written, of the wild peer.
    unwritten: usize,
    slow: bool,
}

fuzz_target!(|input: &[u8]| {
    let mut lsr = Lsr::new();
    lsr.come_up();
    let mut rest = input;
    while let [operation, length, behind @ ..] = rest {
        let (octets, behind) = behind.split_at(usize::from(*length).min(behind.len()));
        rest = behind;
        lsr.step(*operation, octets);
        lsr.check();
    }
});

impl Lsr {
    fn new() -> Self {
        let id = LsrId::new(LOCAL.lsr_id).expect("not zero");
        let mut config = LdpConfig::new(id);
        config
            .interfaces
            .insert("eth0".into(), InterfaceConfig::default());
        config.graceful_restart = Some(GracefulRestartConfig::default());
        config.labels.loop_detection.enabled = true;
        config.limits.send_queue = 1 << 20;
        let now = Instant::now();
        let mut ldp = Ldp::new(config, 1, now);
        ldp.handle_router_addresses(vec![LOCAL.lsr_id.into()], now);
        let state = InterfaceState {
            up: true,
            mtu: 1500,
            mpls_mtu: 1500,
            addresses: vec!["10.0.0.1/24".parse().expect("a prefix")],
        };
        ldp.handle_interface("eth0", state, now);
        for (prefix, next_hop) in [
            ("10.9.0.0/16", Some("10.0.0.9")),
            ("10.0.0.0/8", Some("10.0.0.7")),
            ("10.0.0.0/24", None),
        ] {
            let next_hops = next_hop.map(|address| ldp::label::NextHop {
                interface: "eth0".into(),
                address: address.parse().expect("an address"),
            });
            let route = ldp::label::Route {
                egress: next_hops.is_none(),
                next_hops: next_hops.into_iter().collect(),
                ..ldp::label::Route::default()
            };
            let prefix: ipnet::IpNet = prefix.parse().expect("a prefix");
            ldp.handle_route(prefix.into(), Some(route), now);
        }
        Self {
            ldp,
            now,
            wild: None,
            tame: None,
            next_label: 16,
            allocated: Vec::new(),
            closed: Vec::new(),
            unwritten: 0,
            slow: false,
        }
    }

    /// Both peers have a session.
    fn come_up(&mut self) {
        self.hello(TAME, 7);
        self.tame = self.connect(TAME);
        self.hello(WILD, 9);
        self.wild = self.connect(WILD);
        self.drain();
    }

    fn hello(&mut self, identifier: LdpIdentifier, host: u8) {
        let hello = Hello {
            hold_time: 15,
            ipv4_transport: Some(identifier.lsr_id),
            ..Hello::default()
        };
        let octets = pdu(identifier, Body::Hello(Box::new(hello)));
        self.datagram(host, &octets);
    }

    fn datagram(&mut self, host: u8, octets: &[u8]) {
        self.ldp.handle_hello(
            ReceivedDatagram {
                interface: "eth0",
                source: IpAddr::V4(Ipv4Addr::new(10, 0, 0, host)),
                destination: IpAddr::V4(Ipv4Addr::new(224, 0, 0, 2)),
                hop_limit: Some(1),
                octets,
            },
            self.now,
        );
        self.drain();
    }

    /// Connects; nothing is said yet.
    fn accept(&mut self, identifier: LdpIdentifier) -> Option<ConnectionId> {
        let accepted = self
            .ldp
            .accept(LOCAL.lsr_id.into(), identifier.lsr_id.into(), self.now);
        self.drain();
        accepted.ok().map(|accepted| accepted.id)
    }

    fn connect(&mut self, identifier: LdpIdentifier) -> Option<ConnectionId> {
        let id = self.accept(identifier)?;
        self.initialize(identifier, id);
        Some(id)
    }

    fn initialize(&mut self, identifier: LdpIdentifier, id: ConnectionId) {
        let initialization = Initialization {
            protocol_version: 1,
            keepalive_time: 60,
            advertisement: ldp::packet::AdvertisementDiscipline::DownstreamUnsolicited,
            loop_detection: false,
            path_vector_limit: 0,
            max_pdu_length: 4096,
            receiver: LOCAL,
            fault_tolerance: Some(ldp::packet::FaultTolerance {
                flags: 1,
                reconnect_timeout: 20_000,
                recovery_time: 20_000,
            }),
            capabilities: Capabilities {
                dynamic_announcement: true,
                typed_wildcard: true,
                unrecognized_notification: true,
                ..Capabilities::default()
            },
        };
        for body in [Body::Initialization(Box::new(initialization)), Body::KeepAlive] {
            self.octets(id, &pdu(identifier, body));
        }
    }

    fn octets(&mut self, id: ConnectionId, octets: &[u8]) {
        self.ldp.handle_octets(id, octets, self.now);
        self.drain();
    }

    fn step(&mut self, operation: u8, octets: &[u8]) {
        match (operation % 12, self.wild) {
            // As they are.
            (0, Some(id)) => self.octets(id, octets),
            // As the messages of one PDU: most octets have no valid header.
            (1..=4, Some(id)) => {
                let length = u16::try_from(octets.len() + 6).expect("short");
                let header = [&[0, 1][..], &length.to_be_bytes(), &[9, 9, 9, 9, 0, 0]].concat();
                self.octets(id, &header);
                self.octets(id, octets);
            }
            (5, _) => self.datagram(9, octets),
            (6, Some(id)) => {
                self.ldp.handle_closed(id, "closed".to_owned(), self.now);
                self.drain();
            }
            (7, None) => self.wild = self.accept(WILD),
            (8, None) => self.wild = self.connect(WILD),
            (8, Some(id)) => self.initialize(WILD, id),
            (9, _) => self.hello(WILD, 9),
            (10, _) => self.slow = !self.slow,
            _ => self.pass(octets.first().copied().unwrap_or(1) % 30),
        }
        if !self.slow && self.unwritten > 0 {
            let octets = std::mem::take(&mut self.unwritten);
            if let Some(id) = self.wild {
                self.ldp.handle_written(id, octets, self.now);
                self.drain();
            }
        }
    }

    /// Time passes. The well-behaved peer keeps its adjacency and its session.
    fn pass(&mut self, seconds: u8) {
        for _ in 0..seconds {
            self.now += Duration::from_secs(1);
            self.hello(TAME, 7);
            if let Some(id) = self.tame {
                self.octets(id, &pdu(TAME, Body::KeepAlive));
            }
            self.ldp.handle_timeout(self.now);
            self.drain();
            assert!(
                self.ldp.poll_timeout().is_none_or(|at| at > self.now),
                "what was due is done"
            );
        }
    }

    fn drain(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.ldp.poll_output() {
            outputs += 1;
            assert!(outputs < 100_000, "no end of outputs");
            match output {
                Output::Send { id, octets } => {
                    assert!(!self.closed.contains(&id));
                    read(&octets);
                    if Some(id) == self.tame {
                        self.ldp.handle_written(id, octets.len(), self.now);
                    } else {
                        self.unwritten += octets.len();
                    }
                }
                Output::Close { id } => {
                    self.closed.push(id);
                    if self.wild == Some(id) {
                        self.wild = None;
                        self.unwritten = 0;
                    }
                }
                Output::AllocateLabel { fec } => {
                    let label = Label::new(self.next_label).expect("labels are left");
                    self.next_label += 1;
                    self.allocated.push((fec, label));
                    self.ldp.handle_label_allocated(fec, Ok(label), self.now);
                }
                Output::ReleaseLabel { fec, label } => {
                    let place = self
                        .allocated
                        .iter()
                        .position(|given| *given == (fec, label))
                        .expect("only what was given is released");
                    self.allocated.remove(place);
                }
                _ => {}
            }
        }
    }

    fn check(&self) {
        let neighbours = self.ldp.neighbours(self.now);
        let tame = neighbours
            .iter()
            .find(|neighbour| neighbour.identifier == TAME)
            .expect("it says Hello all the time");
        assert_eq!(tame.state, SessionState::Operational, "{:?}", tame.reason);
        for neighbour in &neighbours {
            assert!(neighbour.queued <= (1 << 20) + (64 << 10));
        }
        assert!(self.unwritten <= SEND_WINDOW + (64 << 10));
        let lsr = self.ldp.lsr(self.now);
        assert!(lsr.adjacencies <= 2);
        let _ = (
            self.ldp.interfaces(self.now),
            self.ldp.targeted_peers(self.now),
            self.ldp.adjacencies(self.now),
            self.ldp.events(WILD),
        );
    }
}

fn pdu(identifier: LdpIdentifier, body: Body) -> Vec<u8> {
    Pdu {
        identifier,
        messages: vec![Message::new(1, body)],
    }
    .encode()
    .expect("it fits")
}

/// What the LSR sends are whole PDUs that can be read.
fn read(octets: &[u8]) {
    let mut stream = PduStream::new();
    stream.push(octets);
    while let Some(pdu) = stream.next_pdu().expect("a right header") {
        let pdu: RawPdu<'_> = pdu;
        assert_eq!(pdu.identifier(), LOCAL);
        for message in pdu.messages() {
            message.expect("a message that can be read");
        }
    }
    assert_eq!(stream.unread(), 0, "whole PDUs");
}
