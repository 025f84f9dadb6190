//! Frames as people read them: Ethernet, label stack, IP, ICMP.

use std::fmt;
use std::net::IpAddr;

use etherparse::{Icmpv4Type, Icmpv6Type, NetSlice, SlicedPacket, TransportSlice};
use mpls::LabelStackEntry;
use serde::Serialize;

/// EtherTypes (RFC 7042 appendix B; RFC 3032, section 5).
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_MPLS: u16 = 0x8847;
const ETHERTYPE_VLAN: u16 = 0x8100;
const MPLS_UDP_PORT: u16 = 6635;
const ETHERNET_HEADER: usize = 14;
/// Octets of an 802.1Q tag, and the VLAN identifier in its control information.
const TAG: usize = 4;
const VLAN_ID: u16 = 0x0fff;

/// What one frame on a wire holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Destination MAC address.
    pub destination: [u8; 6],
    /// Source MAC address.
    pub source: [u8; 6],
    /// The VLAN identifier of an 802.1Q tag, if there is one.
    pub vlan: Option<u16>,
    /// The EtherType, behind the tag.
    pub ether_type: u16,
    /// The label stack, outermost first; empty without labels. Labels in UDP count (RFC 7510).
    pub labels: Vec<LabelStackEntry>,
    /// Whether the octets ended before a label with the bottom-of-stack bit.
    pub no_bottom: bool,
    /// What is below the stack.
    pub payload: Payload,
    /// The length of the frame in octets.
    pub length: usize,
}

/// What a frame carries below its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// An IP packet.
    Ip(IpPacket),
    /// ARP, or something that is not IP, in words.
    Other(String),
}

/// An IP packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpPacket {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// What it carries.
    pub content: IpContent,
}

/// What an IP packet carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IpContent {
    /// An ICMP echo request or reply.
    Echo {
        /// A reply, or a request.
        reply: bool,
        /// The identifier.
        identifier: u16,
        /// The sequence number.
        sequence: u16,
    },
    /// Something else, in words.
    Other(String),
}

impl Frame {
    /// Reads a frame from its first octet; `None` when it is shorter than an Ethernet header.
    pub fn parse(octets: &[u8]) -> Option<Self> {
        let destination = octets.get(0..6)?.try_into().ok()?;
        let source = octets.get(6..12)?.try_into().ok()?;
        let word = |at: usize| Some(u16::from_be_bytes(octets.get(at..at + 2)?.try_into().ok()?));
        let (vlan, ether_type, mut rest) = match word(12)? {
            ETHERTYPE_VLAN => {
                let rest = octets.get(ETHERNET_HEADER + TAG..)?;
                (Some(word(14)? & VLAN_ID), word(16)?, rest)
            }
            ether_type => (None, ether_type, &octets[ETHERNET_HEADER..]),
        };
        let mut labels = Vec::new();
        let mut no_bottom = false;
        let mut labelled = ether_type == ETHERTYPE_MPLS;
        if let Some(carried) = mpls_in_udp(ether_type, rest) {
            labelled = true;
            rest = carried;
        }
        if labelled {
            loop {
                let Ok((entry, after)) = LabelStackEntry::decode(rest) else {
                    no_bottom = true;
                    break;
                };
                rest = after;
                labels.push(entry);
                if entry.bottom_of_stack {
                    break;
                }
            }
        }
        let payload = match ether_type {
            _ if labelled && !no_bottom => below_labels(rest),
            ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => parse_ip(rest),
            ETHERTYPE_ARP => Payload::Other("ARP".into()),
            ETHERTYPE_MPLS => Payload::Other("label stack without bottom".into()),
            other => Payload::Other(format!("EtherType {other:#06x}")),
        };
        let length = octets.len();
        Some(Self {
            destination,
            source,
            vlan,
            ether_type,
            labels,
            no_bottom,
            payload,
            length,
        })
    }

    /// The IP packet in it, if there is one.
    pub fn ip(&self) -> Option<&IpPacket> {
        match &self.payload {
            Payload::Ip(packet) => Some(packet),
            Payload::Other(_) => None,
        }
    }

    /// Whether it is the echo request or reply with these numbers.
    pub fn is_echo(&self, ipv6: bool, reply: bool, identifier: u16, sequence: u16) -> bool {
        let wanted = IpContent::Echo {
            reply,
            identifier,
            sequence,
        };
        self.ip()
            .is_some_and(|ip| ip.source.is_ipv6() == ipv6 && ip.content == wanted)
    }
}

/// The labelled packet that a UDP datagram carries (RFC 7510, section 3: port 6635).
fn mpls_in_udp(ether_type: u16, octets: &[u8]) -> Option<&[u8]> {
    if !matches!(ether_type, ETHERTYPE_IPV4 | ETHERTYPE_IPV6) {
        return None;
    }
    match SlicedPacket::from_ip(octets).ok()?.transport? {
        TransportSlice::Udp(udp) if udp.destination_port() == MPLS_UDP_PORT => Some(udp.payload()),
        _ => None,
    }
}

/// What is below a label stack: IP, or an Ethernet frame with or without a control word in front
/// (RFC 4448). The stack does not say which; a person who looks can tell.
fn below_labels(octets: &[u8]) -> Payload {
    let ip = parse_ip(octets);
    if matches!(ip, Payload::Ip(_)) {
        return ip;
    }
    let control_word = octets.first().is_some_and(|octet| octet >> 4 == 0);
    let behind = octets.get(4..).filter(|_| control_word);
    let frames = behind.into_iter().chain(std::iter::once(octets));
    let mut inner = frames.filter_map(Frame::parse);
    let found = inner.find(|frame| matches!(frame.payload, Payload::Ip(_)));
    found.map_or(ip, |frame| frame.payload)
}

fn parse_ip(octets: &[u8]) -> Payload {
    match SlicedPacket::from_ip(octets) {
        Ok(packet) => match ip_packet(&packet) {
            Some(ip) => Payload::Ip(ip),
            None => Payload::Other("no IP".into()),
        },
        Err(error) => Payload::Other(format!("malformed IP: {error}")),
    }
}

fn ip_packet(packet: &SlicedPacket<'_>) -> Option<IpPacket> {
    let (source, destination, ttl) = match packet.net.as_ref()? {
        NetSlice::Ipv4(slice) => {
            let header = slice.header();
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                header.ttl(),
            )
        }
        NetSlice::Ipv6(slice) => {
            let header = slice.header();
            (
                header.source_addr().into(),
                header.destination_addr().into(),
                header.hop_limit(),
            )
        }
        NetSlice::Arp(_) => return None,
    };
    let content = match &packet.transport {
        Some(TransportSlice::Icmpv4(icmp)) => match icmp.icmp_type() {
            Icmpv4Type::EchoRequest(header) => echo(false, header),
            Icmpv4Type::EchoReply(header) => echo(true, header),
            Icmpv4Type::TimeExceeded(_) => IpContent::Other("ICMP time exceeded".into()),
            Icmpv4Type::DestinationUnreachable(_) => {
                IpContent::Other("ICMP destination unreachable".into())
            }
            other => IpContent::Other(format!("ICMP {other:?}")),
        },
        Some(TransportSlice::Icmpv6(icmp)) => match icmp.icmp_type() {
            Icmpv6Type::EchoRequest(header) => echo(false, header),
            Icmpv6Type::EchoReply(header) => echo(true, header),
            Icmpv6Type::TimeExceeded(_) => IpContent::Other("ICMPv6 time exceeded".into()),
            Icmpv6Type::NeighborSolicitation => IpContent::Other("neighbour solicitation".into()),
            Icmpv6Type::NeighborAdvertisement(_) => {
                IpContent::Other("neighbour advertisement".into())
            }
            other => IpContent::Other(format!("ICMPv6 type {}", other.type_u8())),
        },
        Some(TransportSlice::Udp(udp)) => IpContent::Other(format!(
            "UDP {} > {}",
            udp.source_port(),
            udp.destination_port()
        )),
        Some(TransportSlice::Tcp(tcp)) => IpContent::Other(format!(
            "TCP {} > {}",
            tcp.source_port(),
            tcp.destination_port()
        )),
        _ => IpContent::Other("IP".into()),
    };
    Some(IpPacket {
        source,
        destination,
        ttl,
        content,
    })
}

fn echo(reply: bool, header: etherparse::IcmpEchoHeader) -> IpContent {
    IpContent::Echo {
        reply,
        identifier: header.id,
        sequence: header.seq,
    }
}

/// A label stack entry in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LabelRecord {
    /// The label.
    pub label: u32,
    /// The traffic class.
    pub tc: u8,
    /// The bottom-of-stack bit.
    pub bottom_of_stack: bool,
    /// Time to live.
    pub ttl: u8,
}

impl From<&LabelStackEntry> for LabelRecord {
    fn from(entry: &LabelStackEntry) -> Self {
        Self {
            label: entry.label.value(),
            tc: entry.traffic_class.value(),
            bottom_of_stack: entry.bottom_of_stack,
            ttl: entry.ttl,
        }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} > {}",
            Mac(self.source),
            Mac(self.destination)
        )?;
        if let Some(vlan) = self.vlan {
            write!(formatter, " VLAN {vlan}")?;
        }
        for entry in &self.labels {
            write!(
                formatter,
                " [{} tc {} ttl {}{}]",
                entry.label.value(),
                entry.traffic_class.value(),
                entry.ttl,
                if entry.bottom_of_stack { " S" } else { "" }
            )?;
        }
        match &self.payload {
            Payload::Ip(packet) => write!(formatter, " {packet}")?,
            Payload::Other(words) => write!(formatter, " {words}")?,
        }
        write!(formatter, ", {} octets", self.length)
    }
}

impl fmt::Display for IpPacket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} > {} ttl {} ",
            self.source, self.destination, self.ttl
        )?;
        match &self.content {
            IpContent::Echo {
                reply,
                identifier,
                sequence,
            } => {
                let kind = if *reply { "reply" } else { "request" };
                write!(formatter, "echo {kind} id {identifier} seq {sequence}")
            }
            IpContent::Other(words) => formatter.write_str(words),
        }
    }
}

struct Mac([u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, octet) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ":" };
            write!(formatter, "{separator}{octet:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3032, section 2.1: label, TC (Exp), S and TTL in one 32-bit entry each.
    #[test]
    fn a_label_stack_is_read_down_to_its_bottom() {
        let mut octets = vec![2; 6];
        octets.extend([4; 6]);
        octets.extend(ETHERTYPE_MPLS.to_be_bytes());
        octets.extend(((100_u32 << 12) | (5 << 9) | 64).to_be_bytes());
        octets.extend(((200_u32 << 12) | (1 << 8) | 63).to_be_bytes());
        let icmp = etherparse::PacketBuilder::ipv4([10, 1, 0, 2], [10, 2, 0, 2], 62)
            .icmpv4_echo_request(7, 9);
        let mut ip = Vec::new();
        icmp.write(&mut ip, b"payload").unwrap();
        octets.extend(ip);
        let frame = Frame::parse(&octets).unwrap();
        let labels: Vec<_> = frame.labels.iter().map(LabelRecord::from).collect();
        assert_eq!(
            labels,
            [
                LabelRecord {
                    label: 100,
                    tc: 5,
                    bottom_of_stack: false,
                    ttl: 64
                },
                LabelRecord {
                    label: 200,
                    tc: 0,
                    bottom_of_stack: true,
                    ttl: 63
                },
            ]
        );
        assert!(frame.is_echo(false, false, 7, 9));
        assert!(!frame.is_echo(false, true, 7, 9));
        assert_eq!(frame.ip().unwrap().ttl, 62);
    }

    /// IEEE 802.1Q, 9.6: the priority stands in front of the VLAN identifier.
    #[test]
    fn a_tag_is_read_and_what_is_behind_it() {
        let mut octets = vec![2; 12];
        octets.extend([0x81, 0x00, 0xe0, 100]);
        octets.extend(ETHERTYPE_MPLS.to_be_bytes());
        octets.extend(((200_u32 << 12) | (1 << 8) | 63).to_be_bytes());
        let frame = Frame::parse(&octets).unwrap();
        assert_eq!((frame.vlan, frame.ether_type), (Some(100), ETHERTYPE_MPLS));
        assert_eq!(frame.labels[0].label.value(), 200);
        assert!(frame.to_string().contains(" VLAN 100 [200 "), "{frame}");
        assert_eq!(Frame::parse(&octets[..17]), None);
    }

    /// RFC 4448, sections 4.1 and 4.6.
    #[test]
    fn a_frame_in_a_pseudowire_is_read_with_control_word_and_without() {
        let icmp = etherparse::PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([10, 1, 0, 2], [10, 2, 0, 2], 62)
            .icmpv4_echo_request(7, 9);
        let mut inner = Vec::new();
        icmp.write(&mut inner, b"payload").unwrap();
        for control_word in [&[][..], &[0; 4]] {
            let mut octets = vec![2; 12];
            octets.extend(ETHERTYPE_MPLS.to_be_bytes());
            octets.extend(((200_u32 << 12) | (1 << 8) | 63).to_be_bytes());
            octets.extend(control_word);
            octets.extend(&inner);
            assert!(Frame::parse(&octets).unwrap().is_echo(false, false, 7, 9));
        }
    }

    #[test]
    fn rfc_7510_labels_in_udp_are_read() {
        let icmp = etherparse::PacketBuilder::ipv4([10, 1, 0, 2], [10, 2, 0, 2], 62)
            .icmpv4_echo_request(7, 9);
        let mut carried = ((200_u32 << 12) | (1 << 8) | 63).to_be_bytes().to_vec();
        icmp.write(&mut carried, b"payload").unwrap();
        let outer = etherparse::PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
            .udp(50000, MPLS_UDP_PORT);
        let mut octets = Vec::new();
        outer.write(&mut octets, &carried).unwrap();
        let frame = Frame::parse(&octets).unwrap();
        assert_eq!(frame.labels[0].label.value(), 200);
        assert!(frame.is_echo(false, false, 7, 9));
    }

    #[test]
    fn cut_frames_are_described_and_never_panic() {
        assert_eq!(Frame::parse(&[0; 13]), None);
        let mut octets = vec![0; 12];
        octets.extend(ETHERTYPE_MPLS.to_be_bytes());
        octets.extend([0, 6, 0x40, 64, 0, 1]);
        let frame = Frame::parse(&octets).unwrap();
        assert!(frame.no_bottom);
        assert_eq!(frame.labels.len(), 1);
        for length in 0..octets.len() {
            Frame::parse(&octets[..length]);
        }
    }
}
