//! What happens to a packet that the switch punted, by its reason.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use dataplane::{PuntReason, Punted};
use mpls::{LabelStack, LabelStackEntry};
use tracing::{debug, warn};

use super::counters::PacketCounters;
use super::fragment::{self, NotFragmented};
use super::frame::{self, ETHER_TYPE_MPLS, ETHER_TYPE_MPLS_UPSTREAM, Frame, Received};
use super::icmp::{self, NoIcmp};
use super::rate::TokenBucket;
use super::view::{InterfaceView, PortVlan, RouterView};

/// ICMP errors per second and interface, and at once (RFC 1812, 4.3.2.8; RFC 4443, 2.4 (f)). A
/// traceroute sends some dozens of probes at once.
const ICMP_RATE: f64 = 100.0;
const ICMP_BURST: f64 = 100.0;
/// Messages about single packets: per second, and at once.
const LOG_RATE: f64 = 0.1;
const LOG_BURST: f64 = 3.0;
/// The TTL with which the answer goes on along the LSP: that of its IP header (RFC 3032, 2.3.2).
const ANSWER_TTL: u8 = 255;

/// What is done with a punted packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The TAP of the interface receives this frame, which has no tag.
    ToKernel(PortVlan, Vec<u8>),
    /// The switch treats these frames as received on the port.
    AsReceived(u16, Vec<Vec<u8>>),
    /// The packet ends here.
    Discard,
}

/// Handles punted packets.
#[derive(Debug)]
pub struct PuntHandler {
    counters: Arc<PacketCounters>,
    icmp_rate: BTreeMap<PortVlan, TokenBucket>,
    log_rate: TokenBucket,
}

/// The interface by which a packet came.
struct Ingress<'a> {
    place: PortVlan,
    view: &'a InterfaceView,
    frame: Frame<'a>,
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
        let frame = match Frame::parse(&punted.frame) {
            Ok(frame) => frame,
            Err(error) => {
                self.malformed(punted, &error, now);
                return Decision::Discard;
            }
        };
        let place = PortVlan {
            port: punted.port,
            vlan: frame.vlan(),
        };
        let Some(interface) = view.interfaces.get(&place) else {
            self.malformed(punted, &format_args!("no interface at {place}"), now);
            return Decision::Discard;
        };
        let ingress = Ingress {
            place,
            view: interface,
            frame,
        };
        match punted.reason {
            PuntReason::Control => Decision::ToKernel(place, frame.untagged()),
            PuntReason::TtlExpired => self.ttl_expired(view, &ingress, punted, now),
            PuntReason::MtuExceeded => self.too_big(view, &ingress, punted, now),
            PuntReason::ToRouter
            | PuntReason::Glean
            | PuntReason::NoRoute
            | PuntReason::Ldp
            | PuntReason::Rsvp
            | PuntReason::Bfd
            | PuntReason::LspPing => self.hand_to_kernel(&ingress, punted, now),
            PuntReason::RouterAlert if punted.popped.is_empty() && !is_labelled(frame) => {
                self.hand_to_kernel(&ingress, punted, now)
            }
            PuntReason::UnknownLabel
            | PuntReason::LabelAction
            | PuntReason::GAch
            | PuntReason::RouterAlert => {
                self.tell_labels(&ingress, punted, now);
                Decision::Discard
            }
        }
    }

    /// The frame goes into the TAP of the interface where it came. One to a station is addressed
    /// to the TAP: the kernel takes it up, whether the packet came with labels or without.
    fn hand_to_kernel(&mut self, ingress: &Ingress<'_>, punted: &Punted, now: Instant) -> Decision {
        if is_labelled(ingress.frame) {
            self.malformed(punted, &"a labelled packet for the IP stack", now);
            return Decision::Discard;
        }
        let mut octets = ingress.frame.untagged();
        if !ingress.frame.destination().is_group() {
            octets[..6].copy_from_slice(&ingress.view.mac.0);
        }
        Decision::ToKernel(ingress.place, octets)
    }

    /// The packet with the label stack that it had on arrival.
    fn received<'a>(
        &mut self,
        ingress: &Ingress<'a>,
        punted: &Punted,
        now: Instant,
    ) -> Option<Received<'a>> {
        if usize::from(punted.popped_count) > punted.popped.len() {
            debug!(
                popped = punted.popped_count,
                "the stack of a punted packet is not known as a whole"
            );
            return None;
        }
        match Received::new(&punted.popped, ingress.frame) {
            Ok(received) => Some(received),
            Err(error) => {
                self.malformed(punted, &error, now);
                None
            }
        }
    }

    /// RFC 3032, 2.3 and 2.4.
    fn ttl_expired(
        &mut self,
        view: &RouterView,
        ingress: &Ingress<'_>,
        punted: &Punted,
        now: Instant,
    ) -> Decision {
        let Some(received) = self.received(ingress, punted, now) else {
            return Decision::Discard;
        };
        if received.stack.is_none() {
            // The kernel answers for what came without labels.
            return self.hand_to_kernel(ingress, punted, now);
        }
        let reason = icmp::Reason::TimeExceeded;
        self.answer(reason, view, ingress, punted, &received, now)
    }

    /// RFC 3032, 3.4 and 3.5.
    fn too_big(
        &mut self,
        view: &RouterView,
        ingress: &Ingress<'_>,
        punted: &Punted,
        now: Instant,
    ) -> Decision {
        let Some(received) = self.received(ingress, punted, now) else {
            PacketCounters::count(&self.counters.too_big);
            return Decision::Discard;
        };
        // The limit counts the labels that the packet keeps, but not those that were popped.
        let labels = received.stack.as_ref().map_or(0, |stack| stack.len());
        let kept = labels.saturating_sub(punted.popped.len()) * LabelStackEntry::WIRE_LENGTH;
        let limit = punted.max_length.map_or(0, usize::from);
        let mtu = limit.saturating_sub(kept);
        match fragment::fragments(received.payload, mtu) {
            // A packet that fits would only come back: the switch counts otherwise than we do.
            Ok(fragments) if !view.fragment || fragments.len() < 2 => {
                PacketCounters::count(&self.counters.too_big);
                Decision::Discard
            }
            Ok(fragments) => {
                PacketCounters::count(&self.counters.fragmented);
                let stack = received.stack.as_ref().map(LabelStack::encode);
                let frames = fragments
                    .iter()
                    .map(|fragment| again(ingress, stack.as_deref(), fragment));
                Decision::AsReceived(punted.port, frames.collect())
            }
            Err(NotFragmented::Forbidden) => {
                let mtu = mtu.min(usize::from(u16::MAX)) as u16;
                let reason = icmp::Reason::TooBig { mtu };
                self.answer(reason, view, ingress, punted, &received, now)
            }
            Err(error @ (NotFragmented::NotIp | NotFragmented::NoRoom(_))) => {
                debug!(interface = %ingress.view.interface, %error, "a packet is too big");
                PacketCounters::count(&self.counters.too_big);
                Decision::Discard
            }
        }
    }

    /// RFC 3032, 2.3.2: the answer goes on along the LSP, whose egress knows the way back. The
    /// answer to a packet without labels goes back by the routes of its VRF.
    fn answer(
        &mut self,
        reason: icmp::Reason,
        view: &RouterView,
        ingress: &Ingress<'_>,
        punted: &Punted,
        received: &Received<'_>,
        now: Instant,
    ) -> Decision {
        let interface = &ingress.view.interface;
        let Some(ipv6) = icmp::is_ipv6(received.payload) else {
            self.malformed(punted, &NoIcmp::NotIp, now);
            return Decision::Discard;
        };
        // RFC 1812, 4.3.2.7: never in answer to a broadcast or multicast, of the link or of IP.
        let broadcast = icmp::destination(received.payload)
            .is_some_and(|address| view.is_broadcast(ingress.view.vrf, address));
        let result = match broadcast || ingress.frame.destination().is_group() {
            true => Err(NoIcmp::Destination),
            false => {
                let source = view.address(ingress.place, ipv6);
                icmp::error(reason, received.payload, source, received.stack.as_ref())
            }
        };
        let answer = match result {
            Ok(answer) => answer,
            Err(NoIcmp::NotIp) => {
                self.malformed(punted, &NoIcmp::NotIp, now);
                return Decision::Discard;
            }
            Err(error) => {
                debug!(%interface, ?reason, %error, "no ICMP error");
                return Decision::Discard;
            }
        };
        let rate = self
            .icmp_rate
            .entry(ingress.place)
            .or_insert_with(|| TokenBucket::new(ICMP_RATE, ICMP_BURST, now));
        if !rate.take(now) {
            PacketCounters::count(&self.counters.icmp_suppressed);
            return Decision::Discard;
        }
        PacketCounters::count(&self.counters.icmp_sent);
        let labels: Option<Vec<u8>> = received.stack.as_ref().map(|stack| {
            let entries = stack.iter().map(|entry| LabelStackEntry {
                ttl: ANSWER_TTL,
                ..*entry
            });
            entries.flat_map(|entry| entry.encode()).collect()
        });
        let frame = again(ingress, labels.as_deref(), &answer);
        Decision::AsReceived(punted.port, vec![frame])
    }

    fn tell_labels(&mut self, ingress: &Ingress<'_>, punted: &Punted, now: Instant) {
        let stack = match Received::new(&punted.popped, ingress.frame) {
            Ok(Received {
                stack: Some(stack), ..
            }) => stack,
            Ok(Received { stack: None, .. }) => {
                self.malformed(punted, &"no label", now);
                return;
            }
            Err(error) => {
                self.malformed(punted, &error, now);
                return;
            }
        };
        let interface = &ingress.view.interface;
        if punted.reason != PuntReason::UnknownLabel {
            debug!(%interface, reason = %punted.reason, top = %stack.top(), "packet punted by its label");
            let labels = stack.iter().map(|entry| entry.label).collect();
            self.counters.count_stack(punted.reason, labels);
        } else if self.log_rate.take(now) {
            warn!(%interface, top = %stack.top(), "packet with an unknown label dropped");
        }
    }

    fn malformed(&mut self, punted: &Punted, error: &dyn std::fmt::Display, now: Instant) {
        PacketCounters::count(&self.counters.malformed);
        if self.log_rate.take(now) {
            let (port, reason) = (punted.port, punted.reason);
            warn!(port, %reason, %error, "punted packet cannot be understood");
        }
    }
}

fn is_labelled(frame: Frame<'_>) -> bool {
    matches!(
        frame.ether_type(),
        ETHER_TYPE_MPLS | ETHER_TYPE_MPLS_UPSTREAM
    )
}

/// A frame that the switch takes as received where the punted one was, with this label stack.
fn again(ingress: &Ingress<'_>, stack: Option<&[u8]>, packet: &[u8]) -> Vec<u8> {
    let mac = ingress.view.mac;
    let ether_type = match (stack, packet.first().map(|octet| octet >> 4)) {
        (Some(_), _) => ETHER_TYPE_MPLS,
        (None, Some(6)) => frame::ETHER_TYPE_IPV6,
        (None, _) => frame::ETHER_TYPE_IPV4,
    };
    let payload = &[stack.unwrap_or_default(), packet];
    frame::build(mac, mac, ingress.place.vlan, ether_type, payload)
}

#[cfg(test)]
#[path = "punt_tests.rs"]
mod tests;
