//! What happens to a packet that the switch punted, by its reason.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use dataplane::{PuntReason, Punted};
use mpls::LabelStackEntry;
use tracing::{debug, warn};

use super::frame::{self, ETHER_TYPE_MPLS, ETHER_TYPE_MPLS_UPSTREAM, Frame, Received};
use super::icmp::{self, NoIcmp};
use super::rate::TokenBucket;
use super::view::{PortView, RouterView};

/// ICMP errors per second and interface, and at once (RFC 1812, 4.3.2.8; RFC 4443, 2.4 (f)). A
/// traceroute sends some dozens of probes at once.
const ICMP_RATE: f64 = 100.0;
const ICMP_BURST: f64 = 100.0;
/// Messages about single packets: per second, and at once.
const LOG_RATE: f64 = 0.1;
const LOG_BURST: f64 = 3.0;
/// The TTL with which the answer goes on along the LSP (RFC 3032, 2.3.2).
const ANSWER_TTL: u8 = 255;

/// What is done with a punted packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The TAP of the port receives this frame.
    ToKernel(Vec<u8>),
    /// The switch treats this frame as received on the port.
    AsReceived(Vec<u8>),
    /// The packet ends here.
    Discard,
}

/// Counts of packet handling since lsrd started.
#[derive(Debug, Default)]
pub struct PacketCounters {
    /// Packets that could not be understood.
    pub malformed: AtomicU64,
    /// ICMP errors that were sent.
    pub icmp_sent: AtomicU64,
    /// ICMP errors that were not sent for their rate.
    pub icmp_suppressed: AtomicU64,
    /// Packets that the kernel sent into an LSP without a usable next hop.
    pub no_next_hop: AtomicU64,
    /// Packets to the switch.
    pub packet_outs: AtomicU64,
    /// Packets that could not be sent to the switch.
    pub packet_outs_failed: AtomicU64,
    /// Packets from the switch by the number of their reason.
    punts: [AtomicU64; PuntReason::ALL.len()],
}

impl PacketCounters {
    /// Adds one to a count.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a packet from the switch.
    pub fn count_punt(&self, reason: PuntReason) {
        if let Some(counter) = self.punt_counter(reason) {
            Self::count(counter);
        }
    }

    /// Packets that came from the switch for this reason.
    pub fn punts(&self, reason: PuntReason) -> u64 {
        self.punt_counter(reason)
            .map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    fn punt_counter(&self, reason: PuntReason) -> Option<&AtomicU64> {
        let position = PuntReason::ALL.iter().position(|known| *known == reason)?;
        self.punts.get(position)
    }
}

/// Handles punted packets.
#[derive(Debug)]
pub struct PuntHandler {
    counters: Arc<PacketCounters>,
    icmp_rate: BTreeMap<u16, TokenBucket>,
    log_rate: TokenBucket,
}

impl PuntHandler {
    /// A handler that counts into `counters`.
    pub fn new(counters: Arc<PacketCounters>, now: Instant) -> Self {
        let log_rate = TokenBucket::new(LOG_RATE, LOG_BURST, now);
        Self {
            counters,
            icmp_rate: BTreeMap::new(),
            log_rate,
        }
    }

    /// Decides about one packet.
    pub fn handle(&mut self, view: &RouterView, punted: &Punted, now: Instant) -> Decision {
        let Some(port) = view.ports.get(&punted.port) else {
            self.malformed(punted, &"no interface is configured for the port", now);
            return Decision::Discard;
        };
        let frame = match Frame::parse(&punted.frame) {
            Ok(frame) => frame,
            Err(error) => {
                self.malformed(punted, &error, now);
                return Decision::Discard;
            }
        };
        match punted.reason {
            PuntReason::Control => Decision::ToKernel(punted.frame.to_vec()),
            PuntReason::TtlExpired => self.ttl_expired(view, port, punted, frame, now),
            PuntReason::ToRouter | PuntReason::Glean | PuntReason::NoRoute => {
                self.hand_to_kernel(port, punted, frame, now)
            }
            PuntReason::UnknownLabel | PuntReason::LabelAction => {
                self.tell_label(port, punted, frame, now);
                Decision::Discard
            }
        }
    }

    /// The frame goes into the TAP of the port where it came, addressed to the TAP: the kernel
    /// takes it up, whether the packet came with labels or without.
    fn hand_to_kernel(
        &mut self,
        port: &PortView,
        punted: &Punted,
        frame: Frame<'_>,
        now: Instant,
    ) -> Decision {
        if matches!(
            frame.ether_type(),
            ETHER_TYPE_MPLS | ETHER_TYPE_MPLS_UPSTREAM
        ) {
            self.malformed(punted, &"a labelled packet for the IP stack", now);
            return Decision::Discard;
        }
        let mut octets = punted.frame.to_vec();
        octets[..6].copy_from_slice(&port.mac.0);
        Decision::ToKernel(octets)
    }

    fn ttl_expired(
        &mut self,
        view: &RouterView,
        port: &PortView,
        punted: &Punted,
        frame: Frame<'_>,
        now: Instant,
    ) -> Decision {
        let received = match Received::new(&punted.popped, frame) {
            Ok(received) => received,
            Err(error) => {
                self.malformed(punted, &error, now);
                return Decision::Discard;
            }
        };
        let Some(stack) = received.stack else {
            // The kernel answers for what came without labels.
            return self.hand_to_kernel(port, punted, frame, now);
        };
        let Some(ipv6) = icmp::is_ipv6(received.payload) else {
            self.malformed(punted, &NoIcmp::NotIp, now);
            return Decision::Discard;
        };
        let source = view.address(punted.port, ipv6);
        let answer = match icmp::time_exceeded(received.payload, source, &stack) {
            Ok(answer) => answer,
            Err(NoIcmp::NotIp) => {
                self.malformed(punted, &NoIcmp::NotIp, now);
                return Decision::Discard;
            }
            Err(reason) => {
                debug!(interface = %port.interface, %reason, "no ICMP time exceeded");
                return Decision::Discard;
            }
        };
        let rate = self
            .icmp_rate
            .entry(punted.port)
            .or_insert_with(|| TokenBucket::new(ICMP_RATE, ICMP_BURST, now));
        if !rate.take(now) {
            PacketCounters::count(&self.counters.icmp_suppressed);
            return Decision::Discard;
        }
        PacketCounters::count(&self.counters.icmp_sent);
        // RFC 3032, 2.3.2: the answer goes on along the LSP, whose egress knows the way back.
        let labels: Vec<u8> = stack
            .iter()
            .flat_map(|entry| {
                LabelStackEntry {
                    ttl: ANSWER_TTL,
                    ..*entry
                }
                .encode()
            })
            .collect();
        let payload: &[&[u8]] = &[&labels, &answer];
        Decision::AsReceived(frame::build(port.mac, port.mac, ETHER_TYPE_MPLS, payload))
    }

    fn tell_label(&mut self, port: &PortView, punted: &Punted, frame: Frame<'_>, now: Instant) {
        let top = match Received::new(&punted.popped, frame) {
            Ok(Received {
                stack: Some(stack), ..
            }) => *stack.top(),
            Ok(Received { stack: None, .. }) => {
                self.malformed(punted, &"no label", now);
                return;
            }
            Err(error) => {
                self.malformed(punted, &error, now);
                return;
            }
        };
        if self.log_rate.take(now) {
            let interface = &port.interface;
            match punted.reason {
                PuntReason::UnknownLabel => {
                    warn!(%interface, top = %top, "packet with an unknown label dropped");
                }
                _ => debug!(%interface, top = %top, "packet punted by its label"),
            }
        }
    }

    fn malformed(&mut self, punted: &Punted, error: &dyn std::fmt::Display, now: Instant) {
        PacketCounters::count(&self.counters.malformed);
        if self.log_rate.take(now) {
            let (port, reason) = (punted.port, punted.reason);
            warn!(port, ?reason, %error, "punted packet cannot be understood");
        }
    }
}

#[cfg(test)]
#[path = "punt_tests.rs"]
mod tests;
