//! ICMP errors about packets inside an LSP (RFC 3032, 2.3), with the label stack with which they
//! arrived (RFC 4884, RFC 4950): time exceeded (RFC 792; RFC 4443, 3.3) when the TTL ran out, and
//! fragmentation needed (RFC 1191, 4) or packet too big (RFC 4443, 3.2) for what does not fit.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{IpDscp, IpHeaders, IpNumber, Ipv4Header, Ipv6Header, LaxIpSlice, PacketBuilder};
use mpls::LabelStack;
use mpls::icmp::{ExtensionStructure, MIN_ORIGINAL_DATAGRAM_LENGTH};

/// Time exceeded of ICMP (RFC 792) and ICMPv6 (RFC 4443, 3.3); code 0: in transit.
const TIME_EXCEEDED_V4: u8 = 11;
const TIME_EXCEEDED_V6: u8 = 3;
/// Destination unreachable, fragmentation needed and DF set (RFC 792).
const UNREACHABLE_V4: u8 = 3;
const FRAGMENTATION_NEEDED: u8 = 4;
/// Packet too big (RFC 4443, 3.2).
const PACKET_TOO_BIG_V6: u8 = 2;
/// RFC 1812, 4.3.2.3: an ICMP error has at most 576 octets.
const MAX_LENGTH_V4: usize = 576;
/// RFC 4443, 2.4 (c): an ICMPv6 error has at most the minimum MTU of IPv6.
const MAX_LENGTH_V6: usize = 1280;
/// ICMP header of an error message.
const ICMP_HEADER: usize = 8;
/// RFC 1812, 4.3.2.5: ICMP errors have the precedence INTERNETWORK CONTROL, 6.
const DSCP_CS6: u8 = 0x30;
const TTL: u8 = 255;

/// Why no ICMP error is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoIcmp {
    /// What is below the label stack is neither IPv4 nor IPv6, or cut short.
    #[error("what is below the label stack is no IP packet")]
    NotIp,
    /// RFC 1122, 3.2.2 and RFC 4443, 2.4 (e): never in answer to an ICMP error.
    #[error("it is an ICMP error itself")]
    IsIcmpError,
    /// RFC 1122, 3.2.2: only in answer to the first fragment.
    #[error("it is not the first fragment")]
    LaterFragment,
    /// RFC 1812, 4.3.2.7 and RFC 4443, 2.4 (e): never in answer to a multicast or broadcast.
    #[error("its destination is no single host")]
    Destination,
    /// RFC 1812, 4.3.2.7 and RFC 4443, 2.4 (e): the source must be a single host.
    #[error("its source is no single host")]
    Source,
    /// The router has no address of the packet's version.
    #[error("the router has no address of its IP version")]
    NoAddress,
}

/// The IP version of a packet by its first octet. Enough to build an ICMP error, which goes back
/// along the same LSP; never used to forward.
pub fn is_ipv6(packet: &[u8]) -> Option<bool> {
    match packet.first()? >> 4 {
        4 => Some(false),
        6 => Some(true),
        _ => None,
    }
}

/// What an ICMP error tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The TTL ran out.
    TimeExceeded,
    /// The packet is larger than the next link takes: `mtu` octets of IP would fit.
    TooBig {
        /// The largest IP packet that would have fit.
        mtu: u16,
    },
}

/// The destination of an IP packet; none when it is no IP packet.
pub fn destination(packet: &[u8]) -> Option<IpAddr> {
    let (parsed, _) = LaxIpSlice::from_slice(packet).ok()?;
    Some(parsed.destination_addr())
}

/// The IP packet with the ICMP error about `packet`, from the router's address `source`, telling
/// the label stack with which it arrived.
///
/// # Errors
/// The RFCs forbid an answer to this packet, or it is malformed.
pub fn error(
    reason: Reason,
    packet: &[u8],
    source: Option<IpAddr>,
    stack: Option<&LabelStack>,
) -> Result<Vec<u8>, NoIcmp> {
    let (parsed, _) = LaxIpSlice::from_slice(packet).map_err(|_| NoIcmp::NotIp)?;
    check_addresses(&parsed)?;
    check_payload(&parsed)?;
    let packet = without_padding(packet, &parsed);
    // RFC 4950 tells of labels only; a stack so deep that its object has no length is not told of.
    let extension = stack
        .and_then(|stack| {
            ExtensionStructure::from_label_stack(stack.clone())
                .encode()
                .ok()
        })
        .unwrap_or_default();
    match (parsed.source_addr(), source) {
        (IpAddr::V4(to), Some(IpAddr::V4(from))) => {
            Ok(error_v4(reason, packet, from, to, &extension))
        }
        (IpAddr::V6(to), Some(IpAddr::V6(from))) => {
            Ok(error_v6(reason, packet, from, to, &extension))
        }
        _ => Err(NoIcmp::NoAddress),
    }
}

fn check_addresses(packet: &LaxIpSlice<'_>) -> Result<(), NoIcmp> {
    let unicast_destination = match packet.destination_addr() {
        IpAddr::V4(to) => !to.is_multicast() && !to.is_broadcast(),
        IpAddr::V6(to) => !to.is_multicast(),
    };
    if !unicast_destination {
        return Err(NoIcmp::Destination);
    }
    let single_source = match packet.source_addr() {
        // Net 0, loopback, multicast, class E and broadcast.
        IpAddr::V4(from) => from.octets()[0] != 0 && !from.is_loopback() && from.octets()[0] < 224,
        IpAddr::V6(from) => !from.is_unspecified() && !from.is_multicast() && !from.is_loopback(),
    };
    if single_source {
        Ok(())
    } else {
        Err(NoIcmp::Source)
    }
}

fn check_payload(packet: &LaxIpSlice<'_>) -> Result<(), NoIcmp> {
    let later_fragment = match packet {
        LaxIpSlice::Ipv4(packet) => packet.header().fragments_offset().value() != 0,
        LaxIpSlice::Ipv6(packet) => packet.extensions().clone().into_iter().any(|extension| {
            matches!(extension, etherparse::Ipv6ExtensionSlice::Fragment(fragment)
                if fragment.fragment_offset().value() != 0)
        }),
    };
    if later_fragment {
        return Err(NoIcmp::LaterFragment);
    }
    let kind = packet.payload().payload.first();
    match packet.payload_ip_number() {
        // Destination unreachable, source quench, redirect, time exceeded, parameter problem.
        IpNumber::ICMP => match kind {
            Some(3 | 4 | 5 | 11 | 12) | None => Err(NoIcmp::IsIcmpError),
            Some(_) => Ok(()),
        },
        // Errors have types below 128 (RFC 4443, 2.1); 137 is redirect.
        IpNumber::IPV6_ICMP => match kind {
            Some(0..=127 | 137) | None => Err(NoIcmp::IsIcmpError),
            Some(_) => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The packet without what Ethernet added to reach its minimum length.
fn without_padding<'a>(packet: &'a [u8], parsed: &LaxIpSlice<'_>) -> &'a [u8] {
    let length = match parsed {
        LaxIpSlice::Ipv4(packet) => usize::from(packet.header().total_len()),
        LaxIpSlice::Ipv6(packet) => match packet.header().payload_length() {
            0 => usize::MAX,
            length => usize::from(length) + Ipv6Header::LEN,
        },
    };
    &packet[..length.min(packet.len())]
}

/// The original datagram and the length attribute of RFC 4884, in words.
///
/// With an extension structure the datagram is cut and padded with zeroes to whole words, at
/// least 128 octets (RFC 4884, 4), and the structure follows; without one the length is 0.
fn body(packet: &[u8], room: usize, word: usize, extension: &[u8]) -> (Vec<u8>, u8) {
    if extension.is_empty() {
        return (packet[..packet.len().min(room)].to_vec(), 0);
    }
    // The length attribute is one octet.
    let most = (room.saturating_sub(extension.len()) / word * word).min(255 * word);
    let most = most.max(MIN_ORIGINAL_DATAGRAM_LENGTH);
    let mut body = packet[..packet.len().min(most)].to_vec();
    let padded = body
        .len()
        .next_multiple_of(word)
        .max(MIN_ORIGINAL_DATAGRAM_LENGTH);
    body.resize(padded, 0);
    let words = (padded / word) as u8;
    body.extend_from_slice(extension);
    (body, words)
}

fn error_v4(
    reason: Reason,
    packet: &[u8],
    from: Ipv4Addr,
    to: Ipv4Addr,
    extension: &[u8],
) -> Vec<u8> {
    let room = MAX_LENGTH_V4 - Ipv4Header::MIN_LEN - ICMP_HEADER;
    let (body, words) = body(packet, room, 4, extension);
    let header = Ipv4Header {
        // A constant of six bits.
        dscp: IpDscp::try_new(DSCP_CS6).unwrap_or_default(),
        dont_fragment: true,
        time_to_live: TTL,
        source: from.octets(),
        destination: to.octets(),
        ..Ipv4Header::default()
    };
    // RFC 4884, 4.1 and 4.2: the length stands in the second octet of what RFC 792 left unused;
    // RFC 1191, 4: the next-hop MTU in the last two.
    let (kind, code, rest) = match reason {
        Reason::TimeExceeded => (TIME_EXCEEDED_V4, 0, [0, words, 0, 0]),
        Reason::TooBig { mtu } => {
            let [high, low] = mtu.to_be_bytes();
            (UNREACHABLE_V4, FRAGMENTATION_NEEDED, [0, words, high, low])
        }
    };
    let builder =
        PacketBuilder::ip(IpHeaders::Ipv4(header, Default::default())).icmpv4_raw(kind, code, rest);
    let mut message = Vec::with_capacity(builder.size(body.len()));
    // Only a body beyond 64 KiB could fail.
    let _ = builder.write(&mut message, &body);
    message
}

fn error_v6(
    reason: Reason,
    packet: &[u8],
    from: Ipv6Addr,
    to: Ipv6Addr,
    extension: &[u8],
) -> Vec<u8> {
    let room = MAX_LENGTH_V6 - Ipv6Header::LEN - ICMP_HEADER;
    let (kind, rest, body) = match reason {
        Reason::TimeExceeded => {
            let (body, words) = body(packet, room, 8, extension);
            // RFC 4884, 4.5: the length stands in the first octet of what RFC 4443 left unused.
            (TIME_EXCEEDED_V6, [words, 0, 0, 0], body)
        }
        Reason::TooBig { mtu } => {
            // RFC 4884, 4: packet too big has no room for a length, so it takes no extension.
            let (body, _) = body(packet, room, 8, &[]);
            (PACKET_TOO_BIG_V6, u32::from(mtu).to_be_bytes(), body)
        }
    };
    let header = Ipv6Header {
        traffic_class: DSCP_CS6 << 2,
        hop_limit: TTL,
        source: from.octets(),
        destination: to.octets(),
        ..Ipv6Header::default()
    };
    let builder =
        PacketBuilder::ip(IpHeaders::Ipv6(header, Default::default())).icmpv6_raw(kind, 0, rest);
    let mut message = Vec::with_capacity(builder.size(body.len()));
    // Only a body beyond 64 KiB could fail.
    let _ = builder.write(&mut message, &body);
    message
}

#[cfg(test)]
#[path = "icmp_tests.rs"]
mod tests;
