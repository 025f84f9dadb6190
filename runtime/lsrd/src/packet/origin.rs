//! Labels for packets that the router itself sends into an LSP.
//!
//! The kernel knows the FECs of LSPs as routes without labels. What it sends along one gets here
//! the labels that the switch would have pushed on a packet passing through (RFC 3031, 3.12).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use etherparse::{IpNumber, LaxIpSlice};
use forwarding::{
    Dscp, Fec, FtnAction, FtnEntry, Lfib, NextHop, Nhlfe, Path, PathGroup, Protocol, TunnelModel,
    VrfId,
};
use ipnet::IpNet;
use mpls::{LabelStack, TrafficClass};

use super::fragment::{self, NotFragmented};
use super::frame::{self, ETHER_TYPE_IPV4, ETHER_TYPE_IPV6, ETHER_TYPE_MPLS, Frame};
use super::icmp;
use super::view::{PortVlan, RouterView};
use crate::ldp::hello::PORT;

/// What becomes of a frame that the kernel sends on an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It leaves at the interface's port as the kernel built it, with the interface's tag.
    AsIs,
    /// It enters an LSP: this frame leaves at this port.
    Labelled {
        /// The port of the switch.
        port: u16,
        /// The frame with its labels.
        frame: Vec<u8>,
    },
    /// It enters an LSP whose labels the switch puts on, as on a packet passing through: it takes
    /// this frame as received on this port.
    BySwitch {
        /// The port of the switch.
        port: u16,
        /// The frame, to the router's own address there.
        frame: Vec<u8>,
    },
    /// It does not fit its LSP and must not be fragmented: the TAP of an interface receives a frame that tells the
    /// kernel what fits.
    TooBig(PortVlan, Vec<u8>),
    /// Its FEC is an LSP of which no next hop can be used now.
    NoNextHop,
}

/// Looks the destination of a frame that the kernel sends at `place` up in the FTN.
pub fn originate(view: &RouterView, place: PortVlan, octets: &[u8]) -> Origin {
    let Some(ingress) = view.interfaces.get(&place) else {
        return Origin::AsIs;
    };
    let Ok(frame) = Frame::parse(octets) else {
        return Origin::AsIs;
    };
    let ip = matches!(frame.ether_type(), ETHER_TYPE_IPV4 | ETHER_TYPE_IPV6);
    if !ip || frame.destination().is_group() {
        return Origin::AsIs;
    }
    let Ok((packet, _)) = LaxIpSlice::from_slice(frame.payload()) else {
        return Origin::AsIs;
    };
    // LDP's sessions do not depend on the LSPs that they make.
    let is_ldp = is_ldp(&packet);
    let topology = match is_ldp {
        true => None,
        false => view.topologies.get(&(ingress.vrf, dscp(&packet))),
    };
    let vrf = *topology.unwrap_or(&ingress.vrf);
    let entry = longest_match(&view.lfib, vrf, packet.destination_addr());
    let by_switch = || Origin::BySwitch {
        port: place.port,
        frame: frame::build(
            ingress.mac,
            ingress.mac,
            place.vlan,
            frame.ether_type(),
            &[frame.payload()],
        ),
    };
    // Labels would take a hop off the TTL that GTSM looks at (RFC 6720).
    if is_ldp && entry.is_some_and(|entry| entry.owner.protocol == Protocol::Ldp) {
        return Origin::AsIs;
    }
    match entry.map(|entry| &entry.action) {
        // The kernel has sent it to this next hop: it goes by the routes of the default topology.
        Some(FtnAction::Forward(group)) if topology.is_none() && !group.pushes_labels() => {
            Origin::AsIs
        }
        // Which of two paths is in use, and what else goes with the labels, the switch knows.
        Some(FtnAction::Forward(group)) if group.protection().is_some() => by_switch(),
        Some(FtnAction::Forward(group)) if group.nhlfes().any(needs_switch) => by_switch(),
        Some(FtnAction::Forward(group)) => match limit(view, group) {
            Some((mtu, next_hop)) if frame.payload().len() > usize::from(mtu) => {
                // What may be fragmented is, as any other packet that enters the LSP.
                too_big(view, mtu, next_hop, frame).unwrap_or_else(by_switch)
            }
            _ => push(view, group, &packet, frame).unwrap_or(Origin::NoNextHop),
        },
        Some(FtnAction::Replicate(_)) => by_switch(),
        _ => Origin::AsIs,
    }
}

/// The differentiated services code point (RFC 2474).
fn dscp(packet: &LaxIpSlice<'_>) -> Dscp {
    let value = match packet {
        LaxIpSlice::Ipv4(packet) => packet.header().dcp().value(),
        LaxIpSlice::Ipv6(packet) => packet.header().traffic_class() >> 2,
    };
    // Six bits: it is always one.
    Dscp::new(value).unwrap_or_default()
}

/// Whether a packet is LDP's: UDP or TCP with port 646 at one end (RFC 5036, 3.10).
fn is_ldp(packet: &LaxIpSlice<'_>) -> bool {
    let payload = packet.payload();
    let transport = matches!(payload.ip_number, IpNumber::TCP | IpNumber::UDP);
    let ports = payload.payload.first_chunk::<4>();
    transport
        && !payload.fragmented
        && ports.is_some_and(|[a, b, c, d]| {
            [u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])].contains(&PORT)
        })
}

/// Whether more than labels goes in front of the packet.
fn needs_switch(nhlfe: &Nhlfe) -> bool {
    nhlfe.tunnel().is_some() || nhlfe.entropy_label().is_some()
}

/// The largest packet that fits all paths, if there is a limit, and the next hop of the narrowest one: the LSPs' (RFC 3988
/// section 4), and what their links take with the labels on it (RFC 3032 section 3.1).
fn limit<'a>(view: &RouterView, group: &'a PathGroup) -> Option<(u16, &'a NextHop)> {
    let of_path = |path: &'a Path| {
        let next_hop = path.nhlfe.next_hop();
        let labels = path.nhlfe.overhead();
        // What goes without labels the kernel has measured.
        let (_, interface) = view.place_of(&next_hop.interface).filter(|_| labels > 0)?;
        let of_link = interface.mpls_mtu.saturating_sub(labels);
        let mtu = path.mtu.map_or(of_link, |mtu| mtu.min(of_link));
        Some((mtu, next_hop))
    };
    let limits = group.paths().iter().filter_map(of_path);
    limits.min_by_key(|(mtu, _)| *mtu)
}

/// The ICMP error that tells the kernel, as from the next hop: from one of its own addresses it would not take it.
/// `None` for a packet that may be fragmented, and where the RFCs forbid an answer.
fn too_big(view: &RouterView, mtu: u16, next_hop: &NextHop, frame: Frame<'_>) -> Option<Origin> {
    let Err(NotFragmented::Forbidden) = fragment::fragments(frame.payload(), mtu.into()) else {
        return None;
    };
    let reason = icmp::Reason::TooBig { mtu };
    let answer = icmp::error(reason, frame.payload(), Some(next_hop.address), None).ok()?;
    let neighbour = *view.lfib.resolved.get(next_hop)?;
    let (place, interface) = view.place_of(&next_hop.interface)?;
    let payload: &[&[u8]] = &[&answer];
    let frame = frame::build(interface.mac, neighbour, 0, frame.ether_type(), payload);
    Some(Origin::TooBig(place, frame))
}

fn push(
    view: &RouterView,
    group: &PathGroup,
    packet: &LaxIpSlice<'_>,
    frame: Frame<'_>,
) -> Option<Origin> {
    let usable: Vec<_> = group
        .paths()
        .iter()
        .filter_map(|path| Some((path, *view.lfib.resolved.get(path.nhlfe.next_hop())?)))
        .collect();
    // One flow, one path: as far as addresses tell flows apart.
    let mut hasher = DefaultHasher::new();
    (packet.source_addr(), packet.destination_addr()).hash(&mut hasher);
    let total: u64 = usable.iter().map(|(path, _)| u64::from(path.weight)).sum();
    let mut point = hasher.finish().checked_rem(total)?;
    let (path, mac) = usable.into_iter().find(|(path, _)| {
        let weight = u64::from(path.weight);
        let found = point < weight;
        point = point.saturating_sub(weight);
        found
    })?;
    let nhlfe = &path.nhlfe;
    let (place, egress) = view.place_of(&nhlfe.next_hop().interface)?;
    if nhlfe.labels().is_empty() {
        let payload = &[frame.payload()];
        let frame = frame::build(mac, egress.mac, place.vlan, frame.ether_type(), payload);
        return Some(Origin::Labelled {
            port: place.port,
            frame,
        });
    }
    let ip_ttl = match packet {
        LaxIpSlice::Ipv4(packet) => packet.header().ttl(),
        LaxIpSlice::Ipv6(packet) => packet.header().hop_limit(),
    };
    // RFC 3443: the uniform model copies the TTL, the pipe models start anew.
    let ttl = match nhlfe.tunnel_model() {
        TunnelModel::Uniform => ip_ttl,
        TunnelModel::Pipe | TunnelModel::ShortPipe => u8::MAX,
    };
    let traffic_class = TrafficClass::new(dscp(packet).value() >> 3).ok()?;
    let stack = LabelStack::from_labels(nhlfe.labels(), traffic_class, ttl).ok()?;
    let payload: &[&[u8]] = &[&stack.encode(), frame.payload()];
    let frame = frame::build(mac, egress.mac, place.vlan, ETHER_TYPE_MPLS, payload);
    Some(Origin::Labelled {
        port: place.port,
        frame,
    })
}

/// The FTN entry of the longest prefix that contains the address.
fn longest_match(lfib: &Lfib, vrf: VrfId, address: IpAddr) -> Option<&FtnEntry> {
    let longest = if address.is_ipv4() { 32 } else { 128 };
    (0..=longest).rev().find_map(|length| {
        let prefix = IpNet::new(address, length).ok()?;
        lfib.ftn.get(&Fec::prefix(vrf, prefix))
    })
}

#[cfg(test)]
#[path = "origin_tests.rs"]
mod tests;
