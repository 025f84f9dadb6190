//! The path of one packet through the lab, put together from captures on all links.

use std::time::Duration;

use serde::Serialize;

use super::capture::Captured;
use super::packet::{Frame, LabelRecord};
use super::topology::Link;

/// A packet on its way, link by link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PacketPath {
    /// `ipv4` or `ipv6`.
    pub family: String,
    /// The packet in words.
    pub packet: String,
    /// The links in the order in which the packet was seen on them.
    pub links: Vec<LinkCrossing>,
}

/// A packet on one link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LinkCrossing {
    /// The node that sent it.
    pub from: String,
    /// The interface it left by.
    pub from_interface: String,
    /// The node that received it.
    pub to: String,
    /// The interface it arrived at.
    pub to_interface: String,
    /// Time since the packet was seen first, in microseconds.
    pub microseconds: u64,
    /// The label stack on the wire, outermost first.
    pub labels: Vec<LabelRecord>,
    /// TTL or hop limit of the IP packet below it.
    pub ip_ttl: u8,
    /// Octets of the frame.
    pub length: usize,
}

/// The packet to look for: an ICMP echo request or reply.
#[derive(Debug, Clone, Copy)]
pub struct EchoKey {
    /// ICMPv6, or ICMP.
    pub ipv6: bool,
    /// The reply, or the request.
    pub reply: bool,
    /// The identifier.
    pub identifier: u16,
    /// The sequence number.
    pub sequence: u16,
}

/// Finds a packet in the captures of links; each was taken at the link's end `a`.
pub fn find(key: EchoKey, captures: &[(&Link, Vec<Captured>)]) -> Option<PacketPath> {
    let mut crossings = Vec::new();
    let mut packet = None;
    for (link, frames) in captures {
        for captured in frames {
            let Some(frame) = Frame::parse(&captured.octets) else {
                continue;
            };
            let EchoKey {
                ipv6,
                reply,
                identifier,
                sequence,
            } = key;
            let Some(ip) = frame.ip() else { continue };
            if !frame.is_echo(ipv6, reply, identifier, sequence) {
                continue;
            }
            packet.get_or_insert_with(|| format!("{} → {}", ip.source, ip.destination));
            let (from, to) = if captured.sent {
                (&link.a, &link.b)
            } else {
                (&link.b, &link.a)
            };
            let crossing = LinkCrossing {
                from: from.node.get_ref().clone(),
                from_interface: from.interface.get_ref().clone(),
                to: to.node.get_ref().clone(),
                to_interface: to.interface.get_ref().clone(),
                microseconds: 0,
                labels: frame.labels.iter().map(LabelRecord::from).collect(),
                ip_ttl: ip.ttl,
                length: frame.length,
            };
            crossings.push((captured.time, crossing));
        }
    }
    crossings.sort_by_key(|(time, _)| *time);
    let first = crossings.first().map(|(time, _)| *time)?;
    let links = crossings
        .into_iter()
        .map(|(time, crossing)| LinkCrossing {
            microseconds: since(first, time),
            ..crossing
        })
        .collect();
    let kind = if key.reply {
        "echo reply"
    } else {
        "echo request"
    };
    Some(PacketPath {
        family: family(key.ipv6).to_owned(),
        packet: format!("{}, {kind} {}", packet?, key.sequence),
        links,
    })
}

fn since(first: Duration, time: Duration) -> u64 {
    u64::try_from(time.saturating_sub(first).as_micros()).unwrap_or(u64::MAX)
}

/// The family's word in JSON.
pub fn family(ipv6: bool) -> &'static str {
    if ipv6 { "ipv6" } else { "ipv4" }
}

impl PacketPath {
    /// Whether the links join up from node to node.
    pub fn is_continuous(&self) -> bool {
        self.links.windows(2).all(|pair| pair[0].to == pair[1].from)
    }

    /// The nodes on the way.
    pub fn nodes(&self) -> Vec<&str> {
        let first = self.links.first().map(|link| link.from.as_str());
        first
            .into_iter()
            .chain(self.links.iter().map(|link| link.to.as_str()))
            .collect()
    }
}
