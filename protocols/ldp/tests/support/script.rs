//! One engine, and a peer that the test plays octet by octet.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use ldp::engine::{
    Accepted, ConnectionId, Event, Ldp, LdpConfig, NeighbourView, Output, ReceivedDatagram,
    Refusal, SessionState,
};
use ldp::packet::{
    AdvertisementDiscipline, Body, Capabilities, Hello, Initialization, Message, Notification, Pdu,
    PduStream, Status, StatusCode,
};
use ldp::{LdpIdentifier, PrefixFec};

use super::{Clock, address, up};

/// The peer's LDP Identifier.
pub(crate) const PEER: LdpIdentifier = LdpIdentifier::platform(Ipv4Addr::new(9, 9, 9, 9));
/// The engine's LDP Identifier, in most scripts.
pub(crate) const LOCAL: LdpIdentifier = LdpIdentifier::platform(Ipv4Addr::new(1, 1, 1, 1));

/// What the engine sent by a connection.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) messages: VecDeque<Message>,
    pub(crate) pdus: usize,
    pub(crate) longest_pdu: usize,
    pub(crate) octets: usize,
    pub(crate) closed: bool,
}

/// An engine with a link `eth0`, and a peer on it.
pub(crate) struct Script {
    pub(crate) ldp: Ldp,
    pub(crate) clock: Clock,
    /// The Hellos that were sent: interface, destination, hop limit, and what they say.
    pub(crate) hellos: Vec<(Option<String>, IpAddr, u8, Pdu)>,
    pub(crate) connects: VecDeque<Output>,
    pub(crate) sent: std::collections::BTreeMap<ConnectionId, Sent>,
    streams: std::collections::BTreeMap<ConnectionId, PduStream>,
    pub(crate) events: Vec<Event>,
    pub(crate) other: Vec<Output>,
    next_id: u32,
    /// Octets are written as soon as they are given out.
    pub(crate) writes: bool,
}

impl Script {
    /// The engine has 10.0.0.1/24 on `eth0` and the LSR Id as loopback address.
    pub(crate) fn new(config: LdpConfig) -> Self {
        let clock = Clock::default();
        let lsr_id = IpAddr::V4(config.lsr_id.get());
        let mut script = Self {
            ldp: Ldp::new(config, 1, clock.now),
            clock,
            hellos: Vec::new(),
            connects: VecDeque::new(),
            sent: std::collections::BTreeMap::new(),
            streams: std::collections::BTreeMap::new(),
            events: Vec::new(),
            other: Vec::new(),
            next_id: 1,
            writes: true,
        };
        script
            .ldp
            .handle_router_addresses(vec![lsr_id], script.clock.now);
        script
            .ldp
            .handle_interface("eth0", up(&["10.0.0.1/24", "fe80::1/64"]), script.clock.now);
        script.drain();
        script
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now
    }

    /// Takes all outputs of the engine.
    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.ldp.poll_output() {
            match output {
                Output::SendHello {
                    interface,
                    destination,
                    hop_limit,
                    octets,
                    ..
                } => self.hellos.push((
                    interface.map(|name| name.to_string()),
                    destination,
                    hop_limit,
                    Pdu::decode(&octets).expect("the engine's Hellos can be read"),
                )),
                Output::Connect { .. } => self.connects.push_back(output),
                Output::Send { id, octets } => {
                    let sent = self.sent.entry(id).or_default();
                    assert!(!sent.closed, "nothing is sent on a closed connection");
                    sent.octets += octets.len();
                    let stream = self.streams.entry(id).or_insert_with(|| {
                        let mut stream = PduStream::new();
                        stream.set_max_pdu_length(u16::MAX);
                        stream
                    });
                    stream.push(&octets);
                    while let Some(pdu) = stream.next_pdu().expect("the engine's PDUs are right") {
                        sent.pdus += 1;
                        sent.longest_pdu = sent.longest_pdu.max(pdu.octets().len());
                        for message in pdu.messages() {
                            sent.messages
                                .push_back(message.expect("the engine's messages can be read"));
                        }
                    }
                    if self.writes {
                        self.ldp.handle_written(id, octets.len(), self.clock.now);
                    }
                }
                Output::Close { id } => self.sent.entry(id).or_default().closed = true,
                Output::Event(event) => self.events.push(event),
                other => self.other.push(other),
            }
        }
    }

    /// Lets time pass; timers of the engine run.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.clock.now + time;
        while let Some(at) = self.ldp.poll_timeout().filter(|at| *at <= end) {
            self.clock.now = self.clock.now.max(at);
            self.ldp.handle_timeout(self.clock.now);
            self.drain();
        }
        self.clock.now = end;
        self.ldp.handle_timeout(end);
        self.drain();
    }

    /// A Hello of the peer's, as it is in most scripts.
    pub(crate) fn hello(&self) -> Hello {
        Hello {
            hold_time: 15,
            gtsm: true,
            ipv4_transport: Some(PEER.lsr_id),
            configuration_sequence: Some(1),
            ..Hello::default()
        }
    }

    /// The peer, at 10.0.0.9, says Hello on the link.
    pub(crate) fn say(&mut self, hello: Hello) {
        self.say_as(PEER, "10.0.0.9", hello);
    }

    /// Another one says Hello on the link.
    pub(crate) fn say_as(&mut self, identifier: LdpIdentifier, source: &str, hello: Hello) {
        let source = address(source);
        let (destination, hop_limit) = match source {
            _ if hello.targeted => (address("1.1.1.1"), 255),
            IpAddr::V4(_) => (address("224.0.0.2"), 1),
            IpAddr::V6(_) => (address("ff02::2"), 255),
        };
        let octets = hello_octets(identifier, hello);
        self.datagram(source, destination, hop_limit, &octets);
    }

    pub(crate) fn datagram(
        &mut self,
        source: IpAddr,
        destination: IpAddr,
        hop_limit: u8,
        octets: &[u8],
    ) {
        self.ldp.handle_hello(
            ReceivedDatagram {
                interface: "eth0",
                source,
                destination,
                hop_limit: Some(hop_limit),
                octets,
            },
            self.clock.now,
        );
        self.drain();
    }

    /// Accepts a connection from the peer's transport address.
    pub(crate) fn connect_from(&mut self, remote: &str) -> Result<Accepted, Refusal> {
        let result = self
            .ldp
            .accept(address("1.1.1.1"), address(remote), self.clock.now);
        self.drain();
        result
    }

    /// The peer says Hello, and connects: this LSR is passive, for 1.1.1.1 is less than 9.9.9.9.
    pub(crate) fn passive_connection(&mut self) -> ConnectionId {
        self.say(self.hello());
        self.connect_from("9.9.9.9").expect("accepted").id
    }

    /// The peer's Initialization, as it is in most scripts.
    pub(crate) fn initialization(&self) -> Initialization {
        Initialization {
            protocol_version: 1,
            keepalive_time: 180,
            advertisement: AdvertisementDiscipline::DownstreamUnsolicited,
            loop_detection: false,
            path_vector_limit: 0,
            max_pdu_length: 4096,
            receiver: LOCAL,
            fault_tolerance: None,
            capabilities: Capabilities::default(),
        }
    }

    /// The peer sends a message in a PDU of its own.
    pub(crate) fn send(&mut self, id: ConnectionId, body: Body) {
        let octets = self.pdu(PEER, vec![body]);
        self.octets(id, &octets);
    }

    /// A PDU.
    pub(crate) fn pdu(&mut self, identifier: LdpIdentifier, bodies: Vec<Body>) -> Vec<u8> {
        let messages = bodies
            .into_iter()
            .map(|body| {
                self.next_id += 1;
                Message::new(self.next_id, body)
            })
            .collect();
        Pdu {
            identifier,
            messages,
        }
        .encode()
        .expect("it fits")
    }

    /// Octets of the peer's.
    pub(crate) fn octets(&mut self, id: ConnectionId, octets: &[u8]) {
        self.ldp.handle_octets(id, octets, self.clock.now);
        self.drain();
    }

    /// The LSR is the egress of a FEC.
    pub(crate) fn egress(&mut self, fec: PrefixFec) {
        let route = ldp::label::Route {
            egress: true,
            ..ldp::label::Route::default()
        };
        self.ldp.handle_route(fec, Some(route), self.clock.now);
        self.drain();
    }

    /// A session with the peer that is operational, with what the peer proposes.
    pub(crate) fn operational_with(&mut self, initialization: Initialization) -> ConnectionId {
        let id = self.passive_connection();
        self.send(id, Body::Initialization(Box::new(initialization)));
        self.send(id, Body::KeepAlive);
        assert_eq!(
            self.state(),
            SessionState::Operational,
            "{:?}",
            self.neighbour().reason
        );
        id
    }

    /// A session with the peer that is operational.
    pub(crate) fn operational(&mut self) -> ConnectionId {
        self.operational_with(self.initialization())
    }

    /// What the engine sent by a connection since this was asked last.
    pub(crate) fn taken(&mut self, id: ConnectionId) -> Vec<Body> {
        self.sent
            .get_mut(&id)
            .map(|sent| {
                sent.messages
                    .drain(..)
                    .map(|message| message.body)
                    .collect()
            })
            .unwrap_or_default()
    }

    /// The Notifications among them.
    pub(crate) fn notifications(&mut self, id: ConnectionId) -> Vec<Notification> {
        self.taken(id)
            .into_iter()
            .filter_map(|body| match body {
                Body::Notification(notification) => Some(*notification),
                _ => None,
            })
            .collect()
    }

    /// Whether the engine closed a connection.
    pub(crate) fn closed(&self, id: ConnectionId) -> bool {
        self.sent.get(&id).is_some_and(|sent| sent.closed)
    }

    /// The statuses of the Notifications that were sent, and whether the connection was closed.
    pub(crate) fn answer(&mut self, id: ConnectionId) -> (Vec<StatusCode>, bool) {
        let statuses = self
            .notifications(id)
            .into_iter()
            .map(|notification| notification.status.code)
            .collect();
        (statuses, self.closed(id))
    }

    /// The peer's view.
    pub(crate) fn neighbour(&self) -> NeighbourView {
        self.ldp
            .neighbours(self.clock.now)
            .into_iter()
            .find(|neighbour| neighbour.identifier == PEER)
            .expect("the peer is a neighbour")
    }

    /// The state of the session with the peer; NON EXISTENT also if there is no such neighbour.
    pub(crate) fn state(&self) -> SessionState {
        self.ldp
            .neighbours(self.clock.now)
            .into_iter()
            .find(|neighbour| neighbour.identifier == PEER)
            .map_or(SessionState::NonExistent, |neighbour| neighbour.state)
    }
}

/// The datagram of a Hello.
pub(crate) fn hello_octets(identifier: LdpIdentifier, hello: Hello) -> Vec<u8> {
    Pdu {
        identifier,
        messages: vec![Message::new(1, Body::Hello(Box::new(hello)))],
    }
    .encode()
    .expect("it fits")
}

/// A Notification of a status.
pub(crate) fn notification(code: StatusCode) -> Body {
    Body::Notification(Box::new(Notification::from(Status::new(code))))
}
