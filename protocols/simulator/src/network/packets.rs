//! Packets on their way, forwarded by what the switches hold.

use std::collections::BTreeMap;

use forwarding::{Fec, FtnAction, IlmAction, IlmKey, Nhlfe, PathGroup};
use ldp::MultiTopologyId;
use mpls::Label;
use serde::Serialize;
use smallvec::SmallVec;

use super::{Event, Invariant, Network};
use crate::router::ftn_key;

/// The length of packets that are sent.
const PACKET_OCTETS: usize = 100;

/// The TTL of packets that are sent: more than any network without loops needs.
const FIRST_TTL: u8 = u8::MAX;

/// A packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Which one, also for the choice among paths.
    pub number: u64,
    /// The prefix of its destination.
    pub prefix: usize,
    /// Its labels and their TTLs, the outermost last.
    pub stack: SmallVec<[(Label, u8); 2]>,
    /// Its own TTL.
    pub ttl: u8,
    /// A penultimate hop popped its label: it is at the egress now, or something is wrong.
    pub popped: bool,
}

/// Why a packet was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drop {
    /// There was no route.
    NoRoute,
    /// There was no entry for its label.
    NoLabel,
    /// No next hop could be used.
    NoNextHop,
    /// A link did not deliver it.
    Link,
    /// A switch was off.
    Off,
    /// It went round until its TTL ran out.
    TtlExpired,
    /// It got into another FEC's LSP by a router whose daemon was away for too long.
    Astray,
}

/// What became of packets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PacketCounts {
    /// Packets sent.
    pub sent: u64,
    /// Packets that got to their destination.
    pub delivered: u64,
    /// Of those, the ones that left their ingress with a label.
    pub labelled: u64,
    /// The others.
    pub dropped: BTreeMap<Drop, u64>,
}

/// What a switch does with a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It goes out by one of these next hops: the link and the packet.
    Forward(SmallVec<[(usize, Packet); 2]>),
    /// It is at its destination.
    Deliver,
    /// It goes no further.
    Dropped(Drop),
    /// It must not come to this.
    Wrong(String),
}

impl Network {
    /// What the switch of a router does with a packet. If it is a real one, the next hop that it has chosen
    /// is the first.
    pub fn forward(&self, number: usize, packet: Packet) -> Step {
        let router = &self.routers[number];
        let Some(pipeline) = router.pipeline.as_ref().filter(|_| router.switch_on) else {
            return self.forward_by_model(number, packet);
        };
        let fec = self.prefixes[packet.prefix].fec;
        let step = self.forward_by_model(number, packet.clone());
        pipeline.forward(router, fec, &packet, step)
    }

    fn forward_by_model(&self, number: usize, mut packet: Packet) -> Step {
        let router = &self.routers[number];
        if !router.switch_on {
            return Step::Dropped(Drop::Off);
        }
        let prefix = &self.prefixes[packet.prefix];
        let (of, owner) = (prefix.fec, prefix.owners.contains(&number));
        if std::mem::take(&mut packet.popped) && packet.stack.is_empty() && !owner {
            return Step::Wrong(format!(
                "the label of a packet to {of} was popped before it came here"
            ));
        }
        // Without a label the DSCP tells the topology, at each router.
        let mut key = ftn_key(of);
        while let Some((label, ttl)) = packet.stack.last().copied() {
            let Some((action, fec)) = router.switch.ilm().get(&IlmKey::platform(label)) else {
                return Step::Dropped(Drop::NoLabel);
            };
            if !label.is_reserved() && *fec != of {
                return Step::Wrong(format!(
                    "label {label} of a packet to {of} stands for {fec}"
                ));
            }
            if ttl <= 1 {
                return Step::Dropped(Drop::TtlExpired);
            }
            match action {
                IlmAction::Forward { paths, .. } => {
                    packet.stack.pop();
                    return self.leave(number, &packet, paths, ttl - 1, true);
                }
                IlmAction::PopAndLookUpIp { .. } | IlmAction::ExplicitNull { .. } => {
                    packet.stack.pop();
                    packet.ttl = packet.ttl.min(ttl);
                    if !owner {
                        return Step::Wrong(format!("an LSP of {of} ends here"));
                    }
                    if let IlmAction::PopAndLookUpIp { vrf, .. } = action {
                        key = Fec::prefix(*vrf, of.prefix);
                    }
                }
                _ => return Step::Dropped(Drop::NoLabel),
            }
        }
        if key != ftn_key(of) {
            return Step::Wrong(format!("a packet to {of} is looked up as one to {key}"));
        }
        match router.switch.ftn().get(&key) {
            Some(FtnAction::ToRouter | FtnAction::Glean) if owner => Step::Deliver,
            Some(FtnAction::ToRouter | FtnAction::Glean) => {
                Step::Wrong(format!("{of} is delivered to a wrong egress"))
            }
            Some(FtnAction::Forward(paths)) => {
                if packet.ttl <= 1 {
                    return Step::Dropped(Drop::TtlExpired);
                }
                packet.ttl -= 1;
                let ttl = packet.ttl;
                self.leave(number, &packet, paths, ttl, false)
            }
            _ => Step::Dropped(Drop::NoRoute),
        }
    }

    /// The next hops by which a packet may leave, that can be used.
    fn leave(
        &self,
        number: usize,
        packet: &Packet,
        paths: &PathGroup,
        ttl: u8,
        swap: bool,
    ) -> Step {
        let usable = paths.paths().iter().filter_map(|path| {
            let nhlfe: &Nhlfe = &path.nhlfe;
            let router = &self.routers[number];
            let interface = router.interface_to(nhlfe.next_hop())?;
            if !interface.up || !router.switch.resolves(nhlfe.next_hop()) {
                return None;
            }
            let mut packet = packet.clone();
            for label in nhlfe.labels().iter().rev() {
                packet.stack.push((*label, ttl));
            }
            if swap && packet.stack.is_empty() {
                packet.ttl = packet.ttl.min(ttl);
                packet.popped = true;
            }
            Some((interface.link, packet))
        });
        let usable: SmallVec<[_; 2]> = usable.collect();
        if usable.is_empty() {
            Step::Dropped(Drop::NoNextHop)
        } else {
            Step::Forward(usable)
        }
    }

    /// Sends a packet from somewhere to somewhere.
    pub(super) fn probe(&mut self) {
        if let Some(every) = self.probe_every {
            self.queue.push(self.now + every, Event::Probe);
        }
        let router = self.packet_rng.below(self.routers.len());
        let prefix = self.packet_rng.below(self.prefixes.len());
        let packet = Packet {
            number: self.packet_rng.bits(),
            prefix,
            stack: SmallVec::new(),
            ttl: FIRST_TTL,
            popped: false,
        };
        // Not all routers have the second topology, and it may be in pieces.
        let fec = self.prefixes[prefix].fec;
        if fec.topology != MultiTopologyId::DEFAULT && self.routers[router].routes[prefix].is_none()
        {
            return;
        }
        self.packets.sent += 1;
        self.packet_arrives(router, packet);
    }

    pub(super) fn packet_arrives(&mut self, number: usize, packet: Packet) {
        let was = (packet.number, packet.ttl, packet.stack.is_empty());
        match self.forward(number, packet) {
            Step::Deliver => {
                self.packets.delivered += 1;
                self.trace(10, was.0);
            }
            Step::Dropped(why) => self.dropped(number, why, was.0),
            // It may have come by a router that could not be told.
            Step::Wrong(_) if (0..self.routers.len()).any(|of| self.is_outdated(of)) => {
                self.dropped(number, Drop::Astray, was.0);
            }
            Step::Wrong(text) => self.broken(number, Invariant::RightEgress, &text),
            Step::Forward(mut ways) => {
                let way = match self.routers[number].pipeline {
                    Some(_) => 0,
                    None => {
                        (was.0 ^ (number as u64).wrapping_mul(0x9E37_79B9)) as usize % ways.len()
                    }
                };
                let (link, packet) = ways.swap_remove(way);
                if was.1 == FIRST_TTL && was.2 && !packet.stack.is_empty() {
                    self.packets.labelled += 1;
                }
                self.put_on_link(number, link, packet);
            }
        }
    }

    fn put_on_link(&mut self, from: usize, link: usize, packet: Packet) {
        let Some(end) = self.topology.links[link].end_of(from) else {
            return;
        };
        let to = self.topology.links[link].end(1 - end);
        let wire = &mut self.links[link].wires[end];
        // A frame with a wrong checksum is dropped.
        if wire.loses(&mut self.packet_rng) || self.packet_rng.chance(wire.quality.corruption) {
            return self.dropped(from, Drop::Link, packet.number);
        }
        let at = wire.arrival(self.now, PACKET_OCTETS, &mut self.packet_rng);
        let packet = Box::new(packet);
        self.queue.push(at, Event::Packet { router: to, packet });
    }

    fn dropped(&mut self, router: usize, why: Drop, number: u64) {
        *self.packets.dropped.entry(why).or_default() += 1;
        if self.lossless {
            let text = format!("a packet is lost in a restart: {why:?}");
            self.broken(router, Invariant::RestartLosesNothing, &text);
        }
        self.trace(11, number ^ why as u64);
    }
}
