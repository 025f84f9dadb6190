//! Packets that a sender left whole for its hardware to cut (TCP and UDP segmentation offload),
//! cut here: the other end of a veth pair never does.

use crate::engine::hash::internet_checksum;

const ETHERNET: usize = 14;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// RFC 5332 section 4.
const MPLS: [u16; 2] = [0x8847, 0x8848];
/// RFC 3032 section 2.1: the last entry of a label stack.
const BOTTOM_OF_STACK: u8 = 0x01;
const TCP: u8 = 6;
const UDP: u8 = 17;
const FIN_AND_PSH: u8 = 0x09;
/// RFC 3168 section 6.1.2: congestion was taken notice of, once.
const CWR: u8 = 0x80;

/// Where the headers of a packet are.
#[derive(Debug, Clone, Copy)]
struct Headers {
    version: u16,
    network: usize,
    transport: usize,
    protocol: u8,
    payload: usize,
}

/// Cuts a packet whose transport header stands at `transport` into packets with at most `size`
/// bytes of payload, each with its own lengths, sequence number and checksums. `None` if it is no
/// TCP or UDP over IP that can be cut.
pub(super) fn segment(packet: &[u8], transport: usize, size: usize) -> Option<Vec<Vec<u8>>> {
    let headers = find(packet, transport)?;
    let payload = packet.get(headers.payload..)?;
    if size == 0 || payload.is_empty() {
        return None;
    }
    let count = payload.len().div_ceil(size);
    let parts = payload.chunks(size).enumerate();
    Some(
        parts
            .map(|(index, part)| {
                let mut cut = packet[..headers.payload].to_vec();
                cut.extend_from_slice(part);
                write(&mut cut, headers, index, index * size, index + 1 == count);
                cut
            })
            .collect(),
    )
}

fn find(packet: &[u8], transport: usize) -> Option<Headers> {
    let word = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let mut network = ETHERNET;
    let mut version = word(network - 2)?;
    // IEEE 802.1Q and 802.1ad tags.
    while matches!(version, 0x8100 | 0x88a8) {
        network += 4;
        version = word(network - 2)?;
    }
    if MPLS.contains(&version) {
        loop {
            let last = *packet.get(network + 2)? & BOTTOM_OF_STACK != 0;
            network += 4;
            if last {
                break;
            }
        }
        // The labels do not say what is below them (RFC 4928 section 2): the transport header,
        // which must follow, tells an IP header from another that starts alike.
        version = match *packet.get(network)? >> 4 {
            4 => IPV4,
            6 => IPV6,
            _ => return None,
        };
    }
    // A packet in a tunnel has the transport header of what is inside: it is not cut.
    let protocol = match version {
        IPV4 => {
            let length = usize::from(*packet.get(network)? & 0x0f) * 4;
            (network + length == transport).then_some(*packet.get(network + 9)?)?
        }
        IPV6 => (network + 40 == transport).then_some(*packet.get(network + 6)?)?,
        _ => return None,
    };
    let length = match protocol {
        TCP => usize::from(*packet.get(transport + 12)? >> 4) * 4,
        UDP => 8,
        _ => return None,
    };
    if protocol == TCP && length < 20 || packet.len() < transport + length {
        return None;
    }
    Some(Headers {
        version,
        network,
        transport,
        protocol,
        payload: transport + length,
    })
}

/// Makes the headers of a packet those of its part, which starts `offset` bytes into the payload.
fn write(packet: &mut [u8], headers: Headers, index: usize, offset: usize, last: bool) {
    let Headers {
        network, transport, ..
    } = headers;
    let put = |packet: &mut [u8], at: usize, value: u16| {
        packet[at..at + 2].copy_from_slice(&value.to_be_bytes());
    };
    // A part is no longer than the largest MTU.
    let length = |from: usize| u16::try_from(packet.len() - from).unwrap_or(u16::MAX);
    let (of_network, of_transport) = (length(network), length(transport));
    let addresses = if headers.version == IPV4 {
        put(packet, network + 2, of_network);
        let id = u16::from_be_bytes([packet[network + 4], packet[network + 5]]);
        put(packet, network + 4, id.wrapping_add(index as u16));
        put(packet, network + 10, 0);
        let sum = internet_checksum(&packet[network..transport]);
        put(packet, network + 10, sum);
        network + 12..network + 20
    } else {
        put(packet, network + 4, of_transport);
        network + 8..network + 40
    };
    let checksum = if headers.protocol == TCP {
        let place = transport + 4..transport + 8;
        let mut sequence = [0; 4];
        sequence.copy_from_slice(&packet[place.clone()]);
        let sequence = u32::from_be_bytes(sequence).wrapping_add(offset as u32);
        packet[place].copy_from_slice(&sequence.to_be_bytes());
        if !last {
            packet[transport + 13] &= !FIN_AND_PSH;
        }
        if index > 0 {
            packet[transport + 13] &= !CWR;
        }
        transport + 16
    } else {
        put(packet, transport + 4, of_transport);
        transport + 6
    };
    put(packet, checksum, 0);
    // RFC 9293 section 3.1, RFC 768: with a pseudo header of addresses, protocol and length.
    let mut summed = packet[addresses].to_vec();
    summed.extend([0, headers.protocol]);
    summed.extend(of_transport.to_be_bytes());
    summed.extend_from_slice(&packet[transport..]);
    let sum = match internet_checksum(&summed) {
        0 if headers.protocol == UDP => 0xffff,
        sum => sum,
    };
    put(packet, checksum, sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet with this payload, whose checksums do not count.
    fn packet(version: u16, protocol: u8, payload: &[u8]) -> (Vec<u8>, usize) {
        let mut packet = vec![0xee; 12];
        packet.extend(version.to_be_bytes());
        let mut network = if version == IPV4 {
            let mut header = vec![0x45, 0, 0, 0, 0xff, 0xff, 0x40, 0, 64, protocol, 9, 9];
            header.extend([10, 0, 0, 1, 10, 0, 0, 2]);
            header
        } else {
            let mut header = vec![0x60, 0, 0, 0, 0, 0, protocol, 64];
            header.extend([0xfd; 32]);
            header
        };
        packet.append(&mut network);
        let transport = packet.len();
        if protocol == TCP {
            packet.extend([0, 1, 0, 2, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 0]);
            packet.extend([0x50, 0x99, 0, 9, 7, 7, 0, 0]);
        } else {
            packet.extend([0, 1, 0, 2, 0, 0, 7, 7]);
        }
        packet.extend(payload);
        (packet, transport)
    }

    /// Whether what a receiver sums up is right (RFC 1071 section 1).
    fn is_right(packet: &[u8], version: u16, protocol: u8, transport: usize) -> bool {
        let (start, end) = if version == IPV4 { (26, 34) } else { (22, 54) };
        let mut summed = packet[start..end].to_vec();
        summed.extend([0, protocol]);
        summed.extend(((packet.len() - transport) as u16).to_be_bytes());
        summed.extend(&packet[transport..]);
        let network = version != IPV4 || internet_checksum(&packet[14..34]) == 0;
        internet_checksum(&summed) == 0 && network
    }

    #[test]
    fn parts_are_packets_of_their_own() {
        let payload: Vec<u8> = (0..25).collect();
        for version in [IPV4, IPV6] {
            for protocol in [TCP, UDP] {
                let (whole, transport) = packet(version, protocol, &payload);
                let parts = segment(&whole, transport, 10).unwrap();
                let header = if protocol == TCP { 20 } else { 8 };
                let bodies: Vec<&[u8]> = parts.iter().map(|p| &p[transport + header..]).collect();
                assert_eq!(bodies, [&payload[..10], &payload[10..20], &payload[20..]]);
                for part in &parts {
                    assert!(is_right(part, version, protocol, transport), "{part:02x?}");
                }
            }
        }
    }

    #[test]
    fn sequence_numbers_flags_and_identifications_go_on() {
        let (whole, transport) = packet(IPV4, TCP, &[1; 25]);
        let parts = segment(&whole, transport, 10).unwrap();
        let sequence: Vec<&[u8]> = parts
            .iter()
            .map(|p| &p[transport + 4..transport + 8])
            .collect();
        assert_eq!(
            sequence,
            [[0xff, 0xff, 0xff, 0xfe], [0, 0, 0, 8], [0, 0, 0, 18]]
        );
        let flags: Vec<u8> = parts.iter().map(|part| part[transport + 13]).collect();
        // CWR with the first, FIN and PSH with the last.
        assert_eq!(flags, [0x90, 0x10, 0x19]);
        let ids: Vec<&[u8]> = parts.iter().map(|part| &part[18..20]).collect();
        assert_eq!(ids, [[0xff, 0xff], [0, 0], [0, 1]]);
    }

    #[test]
    fn tags_are_passed_over_and_what_is_not_known_is_refused() {
        let (mut tagged, transport) = packet(IPV6, TCP, &[1; 25]);
        tagged.splice(12..12, [0x81, 0, 0, 5]);
        assert_eq!(segment(&tagged, transport + 4, 10).unwrap().len(), 3);
        let (mut other, transport) = packet(IPV4, TCP, &[1; 25]);
        assert_eq!(segment(&other, transport + 4, 10), None);
        assert_eq!(segment(&other, transport, 0), None);
        assert_eq!(segment(&other[..transport + 10], transport, 10), None);
        other[12..14].copy_from_slice(&[0x88, 0xcc]);
        assert_eq!(segment(&other, transport, 10), None);
        assert_eq!(segment(&[], 0, 10), None);
    }

    /// A label edge router pushes labels on what its hosts left whole.
    #[test]
    fn labelled_packets_are_cut_below_their_labels() {
        let payload: Vec<u8> = (0..25).collect();
        let vlan: &[u8] = &[0x81, 0, 0, 5];
        // The second of three looks like the start of IPv4.
        let labels = [[0, 0, 0x00, 64], [0x45, 0, 0x10, 64], [0, 0x06, 0x41, 63]];
        for version in [IPV4, IPV6] {
            for protocol in [TCP, UDP] {
                let (plain, transport) = packet(version, protocol, &payload);
                let expected = segment(&plain, transport, 10).unwrap();
                for (ethertype, depth) in [(0x47, 1), (0x48, 1), (0x47, 2), (0x47, 3)] {
                    for tag in [&[][..], vlan] {
                        let shim = |plain: &[u8]| {
                            let stack = labels[3 - depth..].concat();
                            [&plain[..12], tag, &[0x88, ethertype], &stack, &plain[14..]].concat()
                        };
                        let whole = shim(&plain);
                        let transport = transport + whole.len() - plain.len();
                        let expected: Vec<_> = expected.iter().map(|part| shim(part)).collect();
                        assert_eq!(segment(&whole, transport, 10), Some(expected));
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_not_ip_below_labels_is_refused() {
        let (plain, transport) = packet(IPV4, TCP, &[1; 25]);
        let labelled =
            |label: [u8; 4], below: &[u8]| [&plain[..12], &[0x88, 0x47], &label, below].concat();
        let bottom = [0, 0x06, 0x41, 63];
        assert!(segment(&labelled(bottom, &plain[14..]), transport + 4, 10).is_some());
        // No bottom of stack; another transport header; a control word; nothing.
        let cases = [
            (labelled([0, 0x06, 0x40, 63], &plain[14..]), transport + 4),
            (labelled(bottom, &plain[14..]), transport),
            (
                labelled(bottom, &[&[0; 4], &plain[14..]].concat()),
                transport + 8,
            ),
            (labelled(bottom, &[]), transport + 4),
        ];
        for (packet, transport) in cases {
            assert_eq!(segment(&packet, transport, 10), None);
        }
    }
}
