//! Fragments of IP packets that are too big for the next link (RFC 3032, 3.4 and 3.5).

use etherparse::{Ipv4Header, Ipv6Header};

/// Octets by which fragment offsets count (RFC 791, 3.1; RFC 8200, 4.5).
const UNIT: usize = 8;
/// An option that goes into every fragment has this bit in its type (RFC 791, 3.1).
const COPIED: u8 = 0x80;
/// The options of one octet (RFC 791, 3.1).
const END_OF_OPTIONS: u8 = 0;
const NO_OPERATION: u8 = 1;
/// The smallest MTU of IPv6 (RFC 8200, 5).
pub const MIN_MTU_V6: usize = 1280;
/// IPv6 extension headers by their number (RFC 8200, 4).
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;
const FRAGMENT_HEADER: usize = 8;

/// Why a packet is not cut into fragments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFragmented {
    /// It is no IP packet, or it is cut short.
    #[error("it is no IP packet")]
    NotIp,
    /// Its source does not want that: RFC 3032, 3.4 (4) and 3.5 (3).
    #[error("its source wants to be told")]
    Forbidden,
    /// Not even eight octets fit behind the header.
    #[error("an MTU of {0} octets has no room for a fragment")]
    NoRoom(usize),
}

/// Cuts an IP packet into fragments of at most `mtu` octets.
///
/// An IPv4 packet is cut when its DF bit is clear (RFC 791, 3.2; RFC 3032, 3.4 step 3). An IPv6
/// packet is cut when it has at most 1280 octets and a fragment header (RFC 3032, 3.5 step 4).
///
/// # Errors
/// It may not be cut, or cannot.
pub fn fragments(packet: &[u8], mtu: usize) -> Result<Vec<Vec<u8>>, NotFragmented> {
    match packet.first().map(|octet| octet >> 4) {
        Some(4) => fragments_v4(packet, mtu),
        Some(6) => fragments_v6(packet, mtu),
        _ => Err(NotFragmented::NotIp),
    }
}

fn fragments_v4(packet: &[u8], mtu: usize) -> Result<Vec<Vec<u8>>, NotFragmented> {
    let (header, _) = Ipv4Header::from_slice(packet).map_err(|_| NotFragmented::NotIp)?;
    if header.dont_fragment {
        return Err(NotFragmented::Forbidden);
    }
    let length = header.header_len();
    // What Ethernet added to reach its minimum length does not count.
    let payload = packet
        .get(length..usize::from(header.total_len))
        .ok_or(NotFragmented::NotIp)?;
    let later = copied_options(&header.options);
    let start = usize::from(header.fragment_offset.value()) * UNIT;
    let mut fragments = Vec::new();
    let mut taken = 0;
    while taken < payload.len() {
        let mut header = header.clone();
        if taken > 0 {
            // The copied options are not longer than all of them.
            header.options = later.as_slice().try_into().unwrap_or_default();
        }
        let (end, last) = next_piece(payload.len(), taken, header.header_len(), mtu)?;
        let offset = ((start + taken) / UNIT) as u16;
        header.fragment_offset = offset.try_into().map_err(|_| NotFragmented::NotIp)?;
        header.more_fragments |= !last;
        header.total_len = (header.header_len() + end - taken) as u16;
        header.header_checksum = header.calc_header_checksum();
        let mut fragment = Vec::with_capacity(usize::from(header.total_len));
        // Only a header that is longer than its own length field says could fail.
        let _ = header.write_raw(&mut fragment);
        fragment.extend_from_slice(&payload[taken..end]);
        fragments.push(fragment);
        taken = end;
    }
    Ok(fragments)
}

/// Where the piece of a payload that begins at `taken` ends, and whether it is the last one.
fn next_piece(
    payload: usize,
    taken: usize,
    header: usize,
    mtu: usize,
) -> Result<(usize, bool), NotFragmented> {
    let room = mtu.saturating_sub(header);
    if payload - taken <= room {
        return Ok((payload, true));
    }
    match room / UNIT * UNIT {
        0 => Err(NotFragmented::NoRoom(mtu)),
        whole => Ok((taken + whole, false)),
    }
}

/// The options that later fragments have too, filled up to words of 32 bits (RFC 791, 3.1).
fn copied_options(options: &[u8]) -> Vec<u8> {
    let mut copied = Vec::new();
    let mut rest = options;
    while let [kind, after @ ..] = rest {
        match *kind {
            END_OF_OPTIONS => break,
            NO_OPERATION => rest = after,
            kind => {
                let length = after.first().map_or(0, |length| usize::from(*length));
                let Some(option) = rest.get(..length).filter(|option| option.len() >= 2) else {
                    break;
                };
                if kind & COPIED != 0 {
                    copied.extend_from_slice(option);
                }
                rest = &rest[length..];
            }
        }
    }
    copied.resize(copied.len().next_multiple_of(4), END_OF_OPTIONS);
    copied
}

fn fragments_v6(packet: &[u8], mtu: usize) -> Result<Vec<Vec<u8>>, NotFragmented> {
    let (header, _) = Ipv6Header::from_slice(packet).map_err(|_| NotFragmented::NotIp)?;
    let length = Ipv6Header::LEN + usize::from(header.payload_length);
    let packet = packet.get(..length).ok_or(NotFragmented::NotIp)?;
    let at = fragment_header(packet, header.next_header.0)?;
    if packet.len() > MIN_MTU_V6 {
        return Err(NotFragmented::Forbidden);
    }
    let before = at + FRAGMENT_HEADER;
    let word = packet
        .get(at + 2..at + 4)
        .ok_or(NotFragmented::NotIp)
        .map(|octets| u16::from_be_bytes([octets[0], octets[1]]))?;
    let payload = packet.get(before..).ok_or(NotFragmented::NotIp)?;
    let (start, more) = (usize::from(word >> 3) * UNIT, word & 1);
    let mut fragments = Vec::new();
    let mut taken = 0;
    while taken < payload.len() {
        let (end, last) = next_piece(payload.len(), taken, before, mtu)?;
        let mut fragment = packet[..before].to_vec();
        let offset = ((start + taken) as u16) | if last { more } else { 1 };
        fragment[at + 2..at + 4].copy_from_slice(&offset.to_be_bytes());
        fragment.extend_from_slice(&payload[taken..end]);
        let length = (fragment.len() - Ipv6Header::LEN) as u16;
        fragment[4..6].copy_from_slice(&length.to_be_bytes());
        fragments.push(fragment);
        taken = end;
    }
    Ok(fragments)
}

/// Where the fragment header of an IPv6 packet is.
fn fragment_header(packet: &[u8], first: u8) -> Result<usize, NotFragmented> {
    let (mut next, mut at) = (first, Ipv6Header::LEN);
    loop {
        match next {
            FRAGMENT => return Ok(at),
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => {
                let header = packet.get(at..at + 2).ok_or(NotFragmented::NotIp)?;
                next = header[0];
                at += (usize::from(header[1]) + 1) * UNIT;
            }
            // Only the source fragments IPv6 (RFC 8200, 4.5).
            _ => return Err(NotFragmented::Forbidden),
        }
    }
}

#[cfg(test)]
mod tests {
    use etherparse::{Ipv4Slice, Ipv6FragmentHeader, PacketBuilder};

    use super::*;

    fn udp_v4(payload: usize) -> Vec<u8> {
        let octets: Vec<u8> = (0..payload).map(|octet| octet as u8).collect();
        let mut packet = Vec::new();
        let builder = PacketBuilder::ipv4([10, 1, 0, 2], [10, 2, 0, 2], 9).udp(40000, 33434);
        builder.write(&mut packet, &octets).unwrap();
        // The builder sets DF.
        packet[6] &= !0x40;
        let sum = Ipv4Header::from_slice(&packet).unwrap().0;
        packet[10..12].copy_from_slice(&sum.calc_header_checksum().to_be_bytes());
        packet
    }

    /// Puts fragments together again, as RFC 791 section 3.2 says.
    fn reassemble(fragments: &[Vec<u8>], mtu: usize) -> Vec<u8> {
        let mut payload = Vec::new();
        for (number, fragment) in fragments.iter().enumerate() {
            assert!(fragment.len() <= mtu, "{} octets", fragment.len());
            let parsed = Ipv4Slice::from_slice(fragment).unwrap();
            let header = parsed.header().to_header();
            assert_eq!(header.header_checksum, header.calc_header_checksum());
            assert_eq!(
                usize::from(header.fragment_offset.value()) * 8,
                payload.len()
            );
            assert_eq!(header.more_fragments, number + 1 < fragments.len());
            payload.extend_from_slice(parsed.payload().payload);
        }
        payload
    }

    #[test]
    fn rfc_791_fragments_together_are_the_packet() {
        let packet = udp_v4(1400);
        for mtu in [68, 576, 999, 1427] {
            let fragments = fragments(&packet, mtu).unwrap();
            assert_eq!(fragments.len(), (1408usize).div_ceil((mtu - 20) / 8 * 8));
            assert_eq!(reassemble(&fragments, mtu), packet[20..]);
        }
    }

    #[test]
    fn a_fragment_is_cut_again_at_its_place() {
        let first = fragments(&udp_v4(1400), 1000).unwrap();
        let again = fragments(&first[1], 300).unwrap();
        let offsets: Vec<u16> = again
            .iter()
            .map(|fragment| Ipv4Header::from_slice(fragment).unwrap().0)
            .map(|header| header.fragment_offset.value() * 8)
            .collect();
        assert_eq!(offsets, [976, 1256]);
    }

    #[test]
    fn rfc_3032_3_4_a_packet_with_df_is_not_cut() {
        let mut packet = udp_v4(1400);
        packet[6] |= 0x40;
        assert_eq!(fragments(&packet, 1000), Err(NotFragmented::Forbidden));
    }

    #[test]
    fn rfc_791_only_options_with_the_copied_bit_are_in_later_fragments() {
        let mut packet = udp_v4(100);
        // Record route, which is not copied, and strict source route, which is.
        let options = [7, 3, 4, 137, 3, 4, 0, 0];
        packet.splice(20..20, options);
        packet[0] = 0x47;
        let length = packet.len() as u16;
        packet[2..4].copy_from_slice(&length.to_be_bytes());
        let cut = fragments(&packet, 68).unwrap();
        assert_eq!(cut[0][..1], [0x47]);
        assert_eq!(cut[0][20..28], options);
        assert_eq!(cut[1][..1], [0x46]);
        assert_eq!(cut[1][20..24], [137, 3, 4, 0]);
    }

    #[test]
    fn ethernet_padding_is_no_part_of_a_fragment() {
        let mut packet = udp_v4(100);
        packet.extend_from_slice(&[0xee; 30]);
        assert_eq!(
            reassemble(&fragments(&packet, 68).unwrap(), 68),
            packet[20..128]
        );
    }

    fn udp_v6(payload: usize, fragmented: bool) -> Vec<u8> {
        let mut packet = Vec::new();
        let builder = PacketBuilder::ipv6([1; 16], [2; 16], 9).udp(40000, 33434);
        builder.write(&mut packet, &vec![7; payload]).unwrap();
        if fragmented {
            packet[6] = FRAGMENT;
            packet.splice(40..40, [17, 0, 0, 1, 0, 0, 0, 9]);
            let length = (packet.len() - 40) as u16;
            packet[4..6].copy_from_slice(&length.to_be_bytes());
        }
        packet
    }

    #[test]
    fn rfc_3032_3_5_ipv6_is_cut_only_with_a_fragment_header_and_up_to_1280_octets() {
        for packet in [udp_v6(1000, false), udp_v6(1232, true)] {
            assert_eq!(fragments(&packet, 600), Err(NotFragmented::Forbidden));
        }
        let packet = udp_v6(1000, true);
        let cut = fragments(&packet, 600).unwrap();
        assert_eq!(cut.len(), 2);
        let mut payload = Vec::new();
        for fragment in &cut {
            assert!(fragment.len() <= 600);
            let (header, _) = Ipv6FragmentHeader::from_slice(&fragment[40..]).unwrap();
            assert_eq!(
                usize::from(header.fragment_offset.value()) * 8,
                payload.len()
            );
            // The packet was not the last fragment itself, so neither of its parts is.
            assert!(header.more_fragments);
            assert_eq!(header.identification, 9);
            assert_eq!(
                usize::from(u16::from_be_bytes([fragment[4], fragment[5]])) + 40,
                fragment.len()
            );
            payload.extend_from_slice(&fragment[48..]);
        }
        assert_eq!(payload, packet[48..]);
    }

    #[test]
    fn no_cut_of_a_packet_panics() {
        for packet in [udp_v4(100), udp_v6(100, true)] {
            for length in 0..packet.len() {
                for mtu in [0, 20, 27, 28, 48, 68] {
                    let _ = fragments(&packet[..length], mtu);
                }
            }
            assert_eq!(fragments(&packet, 27), Err(NotFragmented::NoRoom(27)));
        }
        assert_eq!(fragments(&[], 68), Err(NotFragmented::NotIp));
    }
}
