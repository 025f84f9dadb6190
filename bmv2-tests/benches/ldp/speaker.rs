//! A peer that says what it is told to, as fast as TCP takes it: the same one speaks to each receiver.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ldp::packet::{
    AddressMessage, AdvertisementDiscipline, Body, Capabilities, FecElement, Hello, Initialization,
    LabelMapping, LabelWithdraw, Message, PORT, Pdu, PduBuilder, PduStream,
};
use ldp::{LdpIdentifier, PrefixFec};
use mpls::Label;
use socket2::{Domain, Protocol, Socket, Type};

use crate::world::{Link, prefix};

/// How often a Hello goes out, and a refused connection is tried again.
const RHYTHM: Duration = Duration::from_millis(200);
/// How long the other side may take for a session.
const PATIENCE: Duration = Duration::from_secs(90);
/// The FEC behind all others: its label is withdrawn at once, and whoever releases it (RFC 5036, section
/// 3.5.10.1) has taken all that came before.
const LAST: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 0);
/// The first label that is advertised.
const FIRST_LABEL: u32 = 200_000;

/// What came from the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Operational,
    /// A Label Release.
    Released,
    Closed,
}

/// What the other side sent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Received {
    pub(crate) pdus: usize,
    pub(crate) mappings: usize,
}

/// A peer on a link, with its Hellos.
pub(crate) struct Speaker {
    address: Ipv4Addr,
    link: Link,
    ended: Arc<AtomicBool>,
    hellos: Option<JoinHandle<()>>,
}

/// An operational session.
pub(crate) struct Session {
    stream: TcpStream,
    heard: mpsc::Receiver<Heard>,
    reader: Option<JoinHandle<Received>>,
    identifier: LdpIdentifier,
    addresses: Vec<IpAddr>,
}

/// A Hello on the link, from this address.
fn hello_socket(link: &Link, address: Ipv4Addr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    socket.bind_device(Some(link.own.as_bytes()))?;
    socket.set_multicast_ttl_v4(1)?;
    socket.set_multicast_loop_v4(false)?;
    socket.bind(&SocketAddr::from((address, PORT)).into())?;
    Ok(socket)
}

impl Speaker {
    /// Starts to say Hello.
    pub(crate) fn start(link: &Link, address: Ipv4Addr) -> Self {
        let identifier = LdpIdentifier::platform(address);
        let hello = pdu(
            identifier,
            Body::Hello(Box::new(Hello {
                hold_time: 15,
                ipv4_transport: Some(address),
                ..Hello::default()
            })),
        );
        let socket = hello_socket(link, address).expect("a socket for Hellos");
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        let hellos = std::thread::spawn(move || {
            let all_routers = SocketAddr::from((Ipv4Addr::new(224, 0, 0, 2), PORT)).into();
            while !end.load(Ordering::Relaxed) {
                // The other side may not be there yet.
                let _ = socket.send_to(&hello, &all_routers);
                std::thread::sleep(RHYTHM);
            }
        });
        Self {
            address,
            link: link.clone(),
            ended,
            hellos: Some(hellos),
        }
    }

    /// Makes a session. This side connects: its address is the larger one.
    pub(crate) fn session(&self) -> Session {
        let begin = Instant::now();
        loop {
            match self.attempt() {
                Ok(session) => return session,
                Err(error) => {
                    assert!(begin.elapsed() < PATIENCE, "no session: {error}");
                    std::thread::sleep(RHYTHM);
                }
            }
        }
    }

    fn attempt(&self) -> io::Result<Session> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        socket.set_ttl_v4(255)?;
        socket.set_tcp_nodelay(true)?;
        socket.bind(&SocketAddr::from((self.address, 0)).into())?;
        let to = SocketAddr::from((self.link.transport, PORT));
        socket.connect_timeout(&to.into(), Duration::from_secs(1))?;
        let mut stream = TcpStream::from(socket);
        let identifier = LdpIdentifier::platform(self.address);
        let initialization = Body::Initialization(Box::new(Initialization {
            protocol_version: 1,
            keepalive_time: 180,
            advertisement: AdvertisementDiscipline::DownstreamUnsolicited,
            loop_detection: false,
            path_vector_limit: 0,
            max_pdu_length: 4096,
            receiver: LdpIdentifier::platform(self.link.transport),
            fault_tolerance: None,
            capabilities: Capabilities::default(),
        }));
        stream.write_all(&pdu(identifier, initialization))?;
        let (tell, heard) = mpsc::channel();
        let reading = stream.try_clone()?;
        let reader = std::thread::spawn(move || read(reading, identifier, &tell));
        match heard.recv_timeout(Duration::from_secs(5)) {
            Ok(Heard::Operational) => {}
            _ => return Err(io::Error::other("the session was refused")),
        }
        let mut addresses = vec![IpAddr::V4(self.address)];
        if self.address == self.link.peer {
            addresses.push(self.link.next_hop.into());
            addresses.dedup();
        }
        Ok(Session {
            stream,
            heard,
            reader: Some(reader),
            identifier,
            addresses,
        })
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(hellos) = self.hellos.take() {
            // It only sleeps and sends.
            let _ = hellos.join();
        }
    }
}

/// What there is to send for so many FECs: octets, PDUs and messages.
pub(crate) struct Mappings {
    pub(crate) octets: Vec<u8>,
    pub(crate) pdus: usize,
    pub(crate) messages: usize,
}

impl Session {
    /// The peer's addresses, its labels for so many FECs, and what the end is known by.
    pub(crate) fn mappings(&self, fecs: u32) -> Mappings {
        let mut builder = PduBuilder::new(self.identifier, 4096);
        let mut messages = 0;
        let mut push = |body: Body| {
            messages += 1;
            builder.push(messages, &body).expect("it fits");
        };
        push(Body::Address(AddressMessage {
            addresses: self.addresses.clone(),
        }));
        let mapping = |fec, number| {
            let label = Label::new(FIRST_LABEL + number).expect("20 bits");
            Body::LabelMapping(LabelMapping::new(vec![FecElement::Prefix(fec)], label))
        };
        for number in 0..fecs {
            push(mapping(PrefixFec::from(prefix(number)), number));
        }
        let last = PrefixFec::from(ipnet::IpNet::from(IpAddr::V4(LAST)));
        push(mapping(last, fecs));
        push(Body::LabelWithdraw(LabelWithdraw {
            fec: vec![FecElement::Prefix(last)],
            label: None,
        }));
        let pdus = builder.pdus();
        Mappings {
            octets: builder.take(),
            pdus,
            messages: messages as usize,
        }
    }

    /// Sends all of it; the time from the first octet until the other side has taken the last message.
    pub(crate) fn send(&mut self, mappings: &Mappings) -> Duration {
        let begin = Instant::now();
        self.stream.write_all(&mappings.octets).expect("a session");
        loop {
            match self.heard.recv_timeout(PATIENCE) {
                Ok(Heard::Released) => return begin.elapsed(),
                Ok(Heard::Operational) => {}
                Ok(Heard::Closed) | Err(_) => panic!("the session ended"),
            }
        }
    }

    /// Closes the connection; what the other side sent in all.
    pub(crate) fn close(mut self) -> Received {
        // It may be closed already.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        let reader = self.reader.take().map(JoinHandle::join);
        reader.and_then(Result::ok).unwrap_or_default()
    }
}

/// Reads what the other side sends until it closes, and answers what is needed for a session.
fn read(mut stream: TcpStream, identifier: LdpIdentifier, tell: &mpsc::Sender<Heard>) -> Received {
    let mut received = Received::default();
    let mut pdus = PduStream::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = match stream.read(&mut buffer) {
            Ok(count @ 1..) => count,
            _ => {
                // Nobody may listen any more.
                let _ = tell.send(Heard::Closed);
                return received;
            }
        };
        pdus.push(&buffer[..count]);
        while let Some(pdu) = pdus.next_pdu().expect("the other side's PDUs are right") {
            received.pdus += 1;
            for message in pdu.messages() {
                let Ok(message) = message else { continue };
                let heard = match message.body {
                    Body::Initialization(_) => {
                        let keepalive = self::pdu(identifier, Body::KeepAlive);
                        // A broken connection is seen by the next read.
                        let _ = stream.write_all(&keepalive);
                        continue;
                    }
                    Body::KeepAlive => Heard::Operational,
                    Body::LabelRelease(_) => Heard::Released,
                    Body::LabelMapping(_) => {
                        received.mappings += 1;
                        continue;
                    }
                    _ => continue,
                };
                // Nobody may listen any more.
                let _ = tell.send(heard);
            }
        }
    }
}

fn pdu(identifier: LdpIdentifier, body: Body) -> Vec<u8> {
    let messages = vec![Message::new(1, body)];
    let pdu = Pdu {
        identifier,
        messages,
    };
    pdu.encode().expect("it fits")
}
