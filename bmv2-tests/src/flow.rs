//! Numbered packets one way between two hosts: which were lost, and when those had been sent.
//!
//! A ping counts an echo request and its reply as one; a [`Flow`] has one direction, and so tells
//! which of the two a fault took.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use lsrctl::lab::running::Lab;
use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep_until};

/// How long the last packets may be on their way.
const LINGER: Duration = Duration::from_secs(3);
/// Octets of a packet's UDP payload; the first eight are its number.
const PAYLOAD: usize = 56;

/// UDP packets with consecutive numbers, sent until they are told to stop.
#[derive(Debug)]
pub struct Flow {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Flown>,
}

/// A packet that was sent.
#[derive(Debug, Clone, Copy)]
struct Numbered {
    sent: Instant,
    arrived: Option<Instant>,
}

/// What became of the packets of a flow.
#[derive(Debug, Default)]
pub struct Flown {
    packets: Vec<Numbered>,
    /// Packets that arrived again.
    pub duplicates: usize,
    /// What the sender's kernel said, each once.
    pub errors: Vec<String>,
}

/// A time in which packets may be lost.
#[derive(Debug, Clone, Copy)]
pub struct Outage {
    /// Its begin.
    pub from: Instant,
    /// Its end.
    pub until: Instant,
}

impl Outage {
    /// How long a packet may have been on its way when the outage began: it was sent before it.
    const IN_FLIGHT: Duration = Duration::from_millis(200);

    /// How long it was.
    pub fn length(&self) -> Duration {
        self.until - self.from
    }

    fn takes(&self, packet: &Numbered) -> bool {
        packet.sent + Self::IN_FLIGHT >= self.from && packet.sent <= self.until
    }
}

impl Flow {
    /// Time from one packet to the next.
    pub const INTERVAL: Duration = Duration::from_millis(10);

    /// Starts to send.
    pub fn start(lab: &Lab, from: &str, to: &str, ipv6: bool) -> Self {
        let destination = lab
            .topology()
            .address_of(to, ipv6)
            .expect("the node has an address");
        let receiver = socket(lab, to, ipv6).expect("a socket in the host");
        let sender = socket(lab, from, ipv6).expect("a socket in the host");
        let port = receiver.local_addr().expect("it is bound").port();
        let (stop, stopped) = oneshot::channel();
        let ends = Ends {
            sender,
            receiver,
            to: SocketAddr::new(destination, port),
        };
        let task = tokio::spawn(ends.run(stopped));
        Self { stop, task }
    }

    /// Stops sending, waits for the last packets and counts.
    pub async fn stop(self) -> Flown {
        self.end().await
    }

    /// Stops sending now; what it gives waits for the last packets and counts.
    pub fn end(self) -> impl Future<Output = Flown> {
        // The task is there until it has counted.
        let _ = self.stop.send(());
        async { self.task.await.expect("the flow's task does not panic") }
    }
}

/// A UDP socket in a node of the lab.
fn socket(lab: &Lab, node: &str, ipv6: bool) -> io::Result<UdpSocket> {
    let (domain, any) = match ipv6 {
        false => (Domain::IPV4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        true => (Domain::IPV6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    };
    let made = lab
        .sandbox()
        .socket(node, domain.into(), Type::DGRAM.into(), 0)
        .map_err(io::Error::other)?;
    let socket = Socket::from(made);
    socket.bind(&SocketAddr::new(any, 0).into())?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket.into())
}

struct Ends {
    sender: UdpSocket,
    receiver: UdpSocket,
    to: SocketAddr,
}

impl Ends {
    async fn run(self, mut stopped: oneshot::Receiver<()>) -> Flown {
        let mut flown = Flown::default();
        let mut missing = 0_usize;
        let mut end = None;
        let mut ticks = interval(Flow::INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut buffer = [0; 2 * PAYLOAD];
        while end.is_none() || missing > 0 {
            tokio::select! {
                _ = ticks.tick(), if end.is_none() => {
                    missing += 1;
                    self.send(&mut flown).await;
                }
                Ok(length) = self.receiver.recv(&mut buffer) => {
                    missing -= usize::from(flown.arrived(&buffer[..length]));
                }
                // A sender that was dropped means the same.
                _ = &mut stopped, if end.is_none() => {
                    end = Some(tokio::time::Instant::now() + LINGER);
                }
                () = sleep_until(end.unwrap_or_else(tokio::time::Instant::now)), if end.is_some() => break,
            }
        }
        flown
    }

    async fn send(&self, flown: &mut Flown) {
        let mut payload = [0; PAYLOAD];
        payload[..8].copy_from_slice(&(flown.packets.len() as u64).to_be_bytes());
        flown.packets.push(Numbered {
            sent: Instant::now(),
            arrived: None,
        });
        if let Err(error) = self.sender.send_to(&payload, self.to).await {
            let error = error.to_string();
            if !flown.errors.contains(&error) {
                flown.errors.push(error);
            }
        }
    }
}

impl Flown {
    /// Notes a packet; gives whether it is the first of its number.
    fn arrived(&mut self, payload: &[u8]) -> bool {
        let number = payload
            .first_chunk()
            .map(|octets| u64::from_be_bytes(*octets));
        let number = number.and_then(|number| usize::try_from(number).ok());
        let Some(packet) = number.and_then(|number| self.packets.get_mut(number)) else {
            return false;
        };
        let first = packet.arrived.replace(Instant::now()).is_none();
        self.duplicates += usize::from(!first);
        first
    }

    /// Packets sent.
    pub fn sent(&self) -> usize {
        self.packets.len()
    }

    fn missing(&self) -> impl Iterator<Item = &Numbered> {
        self.packets
            .iter()
            .filter(|packet| packet.arrived.is_none())
    }

    /// Packets that never arrived.
    pub fn lost(&self) -> usize {
        self.missing().count()
    }

    /// Packets that never arrived although they were not sent in an outage.
    pub fn lost_outside(&self, outage: Outage) -> usize {
        self.missing()
            .filter(|packet| !outage.takes(packet))
            .count()
    }

    /// The longest time that any packet which arrived was on its way.
    pub fn longest_delay(&self) -> Duration {
        let delays = self
            .packets
            .iter()
            .filter_map(|packet| Some(packet.arrived?.duration_since(packet.sent)));
        delays.max().unwrap_or_default()
    }

    /// The longest time from one arrival to the next.
    pub fn longest_gap(&self) -> Duration {
        let mut arrivals: Vec<_> = self.packets.iter().filter_map(|of| of.arrived).collect();
        arrivals.sort();
        let gaps = arrivals.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.max().unwrap_or_default()
    }
}
