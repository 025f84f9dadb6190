//! ICMP echo with any TTL (RFC 792, RFC 4443): ping and traceroute without those programs.

use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use mpls::LabelStackEntry;
use mpls::icmp::ExtensionStructure;
use serde::Serialize;
use socket2::SockAddr;

use super::error::LabError;
use super::sandbox::Sandbox;
use super::socket::AsyncSocket;

/// ICMP and ICMPv6 message types (RFC 792; RFC 4443, section 2.1).
mod kind {
    pub(super) const ECHO_REQUEST: u8 = 8;
    pub(super) const ECHO_REPLY: u8 = 0;
    pub(super) const DESTINATION_UNREACHABLE: u8 = 3;
    pub(super) const TIME_EXCEEDED: u8 = 11;
    pub(super) const V6_DESTINATION_UNREACHABLE: u8 = 1;
    pub(super) const V6_TIME_EXCEEDED: u8 = 3;
    pub(super) const V6_ECHO_REQUEST: u8 = 128;
    pub(super) const V6_ECHO_REPLY: u8 = 129;
}
/// Octets of an ICMP header.
const ICMP_HEADER: usize = 8;
/// Octets of an IPv6 header.
const IPV6_HEADER: usize = 40;
/// Octets after the ICMP header, as ping(8) sends by default.
const DATA_LENGTH: usize = 56;

/// Sends echo requests from a node to one destination and receives what comes back.
#[derive(Debug)]
pub struct Prober {
    socket: AsyncSocket,
    destination: IpAddr,
    identifier: u16,
}

/// What came back for an echo request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Who sent it.
    pub from: IpAddr,
    /// What it is.
    pub kind: AnswerKind,
    /// The sequence number of the request.
    pub sequence: u16,
    /// The label stack that the router said the request had arrived with (RFC 4950).
    pub labels: Vec<LabelStackEntry>,
}

/// The kinds of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerKind {
    /// The destination's echo reply.
    Reply,
    /// The TTL ended at a router.
    TimeExceeded,
    /// The destination cannot be reached.
    Unreachable,
}

impl Prober {
    /// Opens a raw socket in a node of the lab. Needs a tokio runtime around it.
    pub fn open(sandbox: &Sandbox, node: &str, destination: IpAddr) -> Result<Self, LabError> {
        // Distinct in all probers of this process; the kernel has the process id's turn between
        // processes that share a namespace.
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let (domain, protocol) = match destination {
            IpAddr::V4(_) => (libc::AF_INET, libc::IPPROTO_ICMP),
            IpAddr::V6(_) => (libc::AF_INET6, libc::IPPROTO_ICMPV6),
        };
        let socket = sandbox.socket(node, domain, libc::SOCK_RAW, protocol)?;
        let socket = AsyncSocket::new(socket)
            .map_err(LabError::io(format!("opening an ICMP socket in {node}")))?;
        // The low half of the process id spreads the identifiers; which half is lost is no matter.
        let spread = (std::process::id() as u16).wrapping_mul(251);
        let identifier = spread.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        Ok(Self {
            socket,
            destination,
            identifier,
        })
    }

    /// The identifier in its requests.
    pub fn identifier(&self) -> u16 {
        self.identifier
    }

    /// Sends one request; without a TTL, with the kernel's default.
    pub async fn send(&self, sequence: u16, ttl: Option<u8>) -> io::Result<()> {
        let ipv6 = self.destination.is_ipv6();
        if let Some(ttl) = ttl {
            if ipv6 {
                self.socket.socket().set_unicast_hops_v6(ttl.into())?;
            } else {
                self.socket.socket().set_ttl_v4(ttl.into())?;
            }
        }
        let request = if ipv6 {
            kind::V6_ECHO_REQUEST
        } else {
            kind::ECHO_REQUEST
        };
        let mut message = vec![request, 0, 0, 0];
        message.extend(self.identifier.to_be_bytes());
        message.extend(sequence.to_be_bytes());
        message.extend((0..DATA_LENGTH).map(|index| index as u8));
        // The kernel computes the checksum of ICMPv6, which covers the addresses it chooses.
        if !ipv6 {
            let sum = mpls::internet_checksum(&message);
            message[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        let to = SockAddr::from(SocketAddr::new(self.destination, 0));
        self.socket
            .write(|socket| socket.send_to(&message, &to))
            .await
            .map(drop)
    }

    /// Waits for the next answer to one of its requests.
    pub async fn receive(&self) -> io::Result<Answer> {
        loop {
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let (length, from) = self
                .socket
                .read(|socket| socket.recv_from(&mut buffer))
                .await?;
            let octets: Vec<u8> = buffer[..length]
                .iter()
                // SAFETY: the kernel has written the first `length` octets of the buffer.
                .map(|octet| unsafe { octet.assume_init() })
                .collect();
            let Some(from) = from.as_socket().map(|from| from.ip()) else {
                continue;
            };
            if let Some(answer) = self.parse(from, &octets) {
                return Ok(answer);
            }
        }
    }

    fn parse(&self, from: IpAddr, octets: &[u8]) -> Option<Answer> {
        let ipv6 = self.destination.is_ipv6();
        // A raw ICMP socket gives the IPv4 header too, a raw ICMPv6 socket no IPv6 header.
        let message = if ipv6 {
            octets
        } else {
            octets.get(ipv4_header_length(octets)?..)?
        };
        let header: &[u8; ICMP_HEADER] = message.get(..ICMP_HEADER)?.try_into().ok()?;
        let (kind, embedded) = match (ipv6, header[0]) {
            (false, kind::ECHO_REPLY) | (true, kind::V6_ECHO_REPLY) => (AnswerKind::Reply, false),
            (false, kind::TIME_EXCEEDED) | (true, kind::V6_TIME_EXCEEDED) => {
                (AnswerKind::TimeExceeded, true)
            }
            (false, kind::DESTINATION_UNREACHABLE) | (true, kind::V6_DESTINATION_UNREACHABLE) => {
                (AnswerKind::Unreachable, true)
            }
            _ => return None,
        };
        if !embedded {
            let sequence = self.sequence_of(header)?;
            return Some(Answer {
                from,
                kind,
                sequence,
                labels: Vec::new(),
            });
        }
        let original = &message[ICMP_HEADER..];
        let inner = if ipv6 {
            IPV6_HEADER
        } else {
            ipv4_header_length(original)?
        };
        let request = original.get(inner..inner + ICMP_HEADER)?.try_into().ok()?;
        let sequence = self.sequence_of(request)?;
        // RFC 4884, sections 4.1 and 4.4: the length of the original datagram, in words of 32 bits
        // in ICMP, of 64 bits in ICMPv6; without it there is no extension.
        let length = if ipv6 {
            usize::from(header[4]) * 8
        } else {
            usize::from(header[5]) * 4
        };
        let labels = if length == 0 {
            None
        } else {
            original.get(length..).and_then(label_stack)
        };
        Some(Answer {
            from,
            kind,
            sequence,
            labels: labels.unwrap_or_default(),
        })
    }

    fn sequence_of(&self, header: &[u8; ICMP_HEADER]) -> Option<u16> {
        let identifier = u16::from_be_bytes([header[4], header[5]]);
        (identifier == self.identifier).then(|| u16::from_be_bytes([header[6], header[7]]))
    }
}

fn ipv4_header_length(octets: &[u8]) -> Option<usize> {
    let length = usize::from(octets.first()? & 0x0f) * 4;
    (length >= 20).then_some(length)
}

fn label_stack(octets: &[u8]) -> Option<Vec<LabelStackEntry>> {
    let structure = ExtensionStructure::decode(octets).ok()?;
    structure.label_stack().map(<[_]>::to_vec)
}

/// How a ping goes.
#[derive(Debug, Clone, Copy)]
pub struct PingOptions {
    /// Echo requests to send.
    pub count: u16,
    /// Time from one to the next.
    pub interval: Duration,
    /// How long to wait for the last answers.
    pub timeout: Duration,
}

/// What a ping found.
#[derive(Debug, Clone, Default)]
pub struct PingResult {
    /// Requests sent.
    pub sent: u16,
    /// The round-trip time of each answered request, by sequence number.
    pub round_trips: Vec<(u16, Duration)>,
    /// Answers beyond the first to a request.
    pub duplicates: u16,
    /// ICMP errors, and errors of the socket, in words.
    pub errors: Vec<String>,
}

impl PingResult {
    /// Requests without an answer.
    pub fn lost(&self) -> u16 {
        self.sent - self.received()
    }

    /// Requests with an answer.
    pub fn received(&self) -> u16 {
        // There are no more answers than requests: each counts once.
        u16::try_from(self.round_trips.len()).unwrap_or(u16::MAX)
    }

    /// The smallest, mean and largest round-trip time.
    pub fn summary(&self) -> Option<[Duration; 3]> {
        let times = self.round_trips.iter().map(|(_, time)| *time);
        let sum: Duration = times.clone().sum();
        Some([
            times.clone().min()?,
            sum / u32::from(self.received()),
            times.max()?,
        ])
    }
}

impl Prober {
    /// Sends echo requests at the interval and collects the answers.
    pub async fn ping(&self, options: PingOptions) -> PingResult {
        self.ping_until(options, std::future::pending()).await
    }

    /// As [`Prober::ping`], and sends no more when `stop` is done.
    pub async fn ping_until(
        &self,
        mut options: PingOptions,
        stop: impl Future<Output = ()>,
    ) -> PingResult {
        let mut result = PingResult::default();
        let mut sent_at: Vec<(Instant, bool)> = Vec::new();
        let mut stop = std::pin::pin!(stop);
        let mut stopped = false;
        let mut ticks = tokio::time::interval(options.interval);
        let mut deadline = Box::pin(tokio::time::sleep(Duration::MAX));
        while result.sent < options.count || result.received() < result.sent {
            tokio::select! {
                _ = ticks.tick(), if result.sent < options.count => {
                    sent_at.push((Instant::now(), false));
                    if let Err(error) = self.send(result.sent, None).await {
                        note(&mut result.errors, format!("sending: {error}"));
                    }
                    result.sent += 1;
                    deadline = Box::pin(tokio::time::sleep(options.timeout));
                }
                answer = self.receive() => match answer {
                    Ok(answer) if answer.kind == AnswerKind::Reply => {
                        let sequence = usize::from(answer.sequence);
                        let Some((sent, answered)) = sent_at.get_mut(sequence) else { continue };
                        if *answered {
                            result.duplicates += 1;
                        } else {
                            *answered = true;
                            result.round_trips.push((answer.sequence, sent.elapsed()));
                        }
                    }
                    Ok(answer) => {
                        let kind = match answer.kind {
                            AnswerKind::TimeExceeded => "time exceeded",
                            _ => "destination unreachable",
                        };
                        note(&mut result.errors, format!("{kind} from {}", answer.from));
                    }
                    Err(error) => note(&mut result.errors, format!("receiving: {error}")),
                },
                () = &mut stop, if !stopped => {
                    stopped = true;
                    options.count = result.sent;
                    deadline = Box::pin(tokio::time::sleep(options.timeout));
                }
                () = &mut deadline, if result.sent == options.count => break,
            }
        }
        result
    }

    /// Finds the routers on the way by sending requests with growing TTL (one answer each).
    pub async fn traceroute(&self, max_ttl: u8, timeout: Duration) -> Vec<Option<Answer>> {
        let mut hops = Vec::new();
        for ttl in 1..=max_ttl {
            let sequence = u16::from(ttl);
            let probe = async {
                self.send(sequence, Some(ttl)).await.ok()?;
                loop {
                    let answer = self.receive().await.ok()?;
                    if answer.sequence == sequence {
                        return Some(answer);
                    }
                }
            };
            let answer = tokio::time::timeout(timeout, probe).await.ok().flatten();
            let end = answer
                .as_ref()
                .is_some_and(|answer| answer.kind != AnswerKind::TimeExceeded);
            hops.push(answer);
            if end {
                break;
            }
        }
        hops
    }
}

fn note(errors: &mut Vec<String>, error: String) {
    if !errors.contains(&error) {
        errors.push(error);
    }
}
