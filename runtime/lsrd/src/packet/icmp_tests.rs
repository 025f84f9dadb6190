use etherparse::{Icmpv4Type, PacketBuilder};
use mpls::icmp::ExtensionStructure;
use mpls::{Label, LabelStack, TrafficClass};

use super::*;

fn stack() -> LabelStack {
    let labels = [Label::new(100).unwrap(), Label::new(200).unwrap()];
    LabelStack::from_labels(&labels, TrafficClass::new(0).unwrap(), 1).unwrap()
}

fn udp_v4(payload: usize) -> Vec<u8> {
    let builder = PacketBuilder::ipv4([10, 1, 0, 2], [10, 2, 0, 2], 1).udp(40000, 33434);
    let mut packet = Vec::new();
    builder.write(&mut packet, &vec![7; payload]).unwrap();
    packet
}

fn v6(last: u8) -> [u8; 16] {
    let mut address = [0; 16];
    address[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    address[15] = last;
    address
}

fn udp_v6(payload: usize) -> Vec<u8> {
    let builder = PacketBuilder::ipv6(v6(1), v6(2), 1).udp(40000, 33434);
    let mut packet = Vec::new();
    builder.write(&mut packet, &vec![7; payload]).unwrap();
    packet
}

fn router_v4() -> Option<IpAddr> {
    Some("10.0.12.2".parse().unwrap())
}

fn time_exceeded(
    packet: &[u8],
    source: Option<IpAddr>,
    stack: &LabelStack,
) -> Result<Vec<u8>, NoIcmp> {
    error(Reason::TimeExceeded, packet, source, Some(stack))
}

fn sum16(octets: &[u8]) -> u16 {
    let mut sum = 0u32;
    for pair in octets.chunks(2) {
        sum += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[test]
fn rfc_792_the_answer_quotes_the_packet_and_goes_to_its_source() {
    let packet = udp_v4(20);
    let answer = time_exceeded(&packet, router_v4(), &stack()).unwrap();
    // Version 4, precedence 6 (RFC 1812, 4.3.2.5), protocol ICMP, addresses.
    assert_eq!(answer[0], 0x45);
    assert_eq!(answer[1], 0xc0);
    assert_eq!(
        usize::from(u16::from_be_bytes([answer[2], answer[3]])),
        answer.len()
    );
    assert_eq!(answer[8], 255);
    assert_eq!(answer[9], 1);
    assert_eq!(answer[12..16], [10, 0, 12, 2]);
    assert_eq!(answer[16..20], [10, 1, 0, 2]);
    assert_eq!(sum16(&answer[..20]), 0xffff, "header checksum");
    // Type 11, code 0, and the packet as it came.
    assert_eq!(answer[20..22], [11, 0]);
    assert_eq!(sum16(&answer[20..]), 0xffff, "ICMP checksum");
    assert_eq!(answer[28..28 + packet.len()], packet[..]);
}

#[test]
fn rfc_4884_a_short_datagram_is_padded_to_128_octets_and_the_extension_follows() {
    let packet = udp_v4(20);
    let answer = time_exceeded(&packet, router_v4(), &stack()).unwrap();
    assert_eq!(
        answer[25], 32,
        "length attribute in 32-bit words (RFC 4884, 4.2)"
    );
    assert!(
        answer[28 + packet.len()..28 + 128]
            .iter()
            .all(|octet| *octet == 0)
    );
    let extension = ExtensionStructure::decode(&answer[28 + 128..]).unwrap();
    let labels: Vec<u32> = extension
        .label_stack()
        .unwrap()
        .iter()
        .map(|entry| entry.label.value())
        .collect();
    assert_eq!(labels, [100, 200]);
}

#[test]
fn rfc_1812_an_icmp_error_has_at_most_576_octets() {
    let answer = time_exceeded(&udp_v4(1400), router_v4(), &stack()).unwrap();
    assert!(
        answer.len() <= 576 && answer.len() > 570,
        "{}",
        answer.len()
    );
    let quoted = usize::from(answer[25]) * 4;
    ExtensionStructure::decode(&answer[28 + quoted..]).unwrap();
}

#[test]
fn rfc_4443_an_icmpv6_error_has_at_most_1280_octets_and_counts_in_64_bit_words() {
    let source = Some("2001:db8::ff".parse().unwrap());
    for (payload, length) in [(20, 40 + 8 + 128 + 16), (1400, 1280)] {
        let packet = udp_v6(payload);
        let answer = time_exceeded(&packet, source, &stack()).unwrap();
        assert!(
            answer.len() <= length && answer.len() + 8 > length,
            "{}",
            answer.len()
        );
        assert_eq!(answer[0] >> 4, 6);
        assert_eq!(answer[6], 58);
        assert_eq!(answer[24..40], v6(1));
        assert_eq!(answer[40..42], [3, 0]);
        let quoted = usize::from(answer[44]) * 8;
        ExtensionStructure::decode(&answer[48 + quoted..]).unwrap();
        // The pseudo header of RFC 8200, 8.1.
        let mut sum = answer[8..40].to_vec();
        sum.extend_from_slice(&((answer.len() - 40) as u32).to_be_bytes());
        sum.extend_from_slice(&[0, 0, 0, 58]);
        sum.extend_from_slice(&answer[40..]);
        assert_eq!(sum16(&sum), 0xffff);
    }
}

#[test]
fn ethernet_padding_is_not_quoted() {
    let mut packet = udp_v4(0);
    let length = packet.len();
    packet.resize(46, 0xee);
    let answer = time_exceeded(&packet, router_v4(), &stack()).unwrap();
    assert!(
        answer[28 + length..28 + 128]
            .iter()
            .all(|octet| *octet == 0)
    );
}

#[test]
fn rfc_1122_no_answer_to_an_icmp_error_but_to_an_echo_request() {
    let error = time_exceeded(&udp_v4(20), router_v4(), &stack()).unwrap();
    assert_eq!(
        time_exceeded(&error, router_v4(), &stack()),
        Err(NoIcmp::IsIcmpError)
    );
    let echo = PacketBuilder::ipv4([10, 1, 0, 2], [10, 2, 0, 2], 1).icmpv4(
        Icmpv4Type::EchoRequest(etherparse::IcmpEchoHeader { id: 1, seq: 1 }),
    );
    let mut packet = Vec::new();
    echo.write(&mut packet, b"ping").unwrap();
    assert!(time_exceeded(&packet, router_v4(), &stack()).is_ok());
}

#[test]
fn rfc_4443_no_answer_to_an_icmpv6_error_but_to_an_echo_request() {
    let source = Some("2001:db8::ff".parse().unwrap());
    let error = time_exceeded(&udp_v6(20), source, &stack()).unwrap();
    assert_eq!(
        time_exceeded(&error, source, &stack()),
        Err(NoIcmp::IsIcmpError)
    );
    let mut packet = Vec::new();
    let echo = PacketBuilder::ipv6(v6(1), v6(2), 1).icmpv6_echo_request(1, 1);
    echo.write(&mut packet, b"ping").unwrap();
    assert!(time_exceeded(&packet, source, &stack()).is_ok());
}

#[test]
fn rfc_1122_no_answer_to_a_later_fragment() {
    let mut packet = udp_v4(20);
    packet[7] = 1;
    assert_eq!(
        time_exceeded(&packet, router_v4(), &stack()),
        Err(NoIcmp::LaterFragment)
    );
}

#[test]
fn rfc_1812_no_answer_to_or_from_what_is_no_single_host() {
    for source in [
        [0, 0, 0, 0],
        [127, 0, 0, 1],
        [224, 0, 0, 5],
        [255, 255, 255, 255],
    ] {
        let mut packet = udp_v4(20);
        packet[12..16].copy_from_slice(&source);
        assert_eq!(
            time_exceeded(&packet, router_v4(), &stack()),
            Err(NoIcmp::Source)
        );
    }
    for destination in [[224, 0, 0, 5], [255, 255, 255, 255]] {
        let mut packet = udp_v4(20);
        packet[16..20].copy_from_slice(&destination);
        assert_eq!(
            time_exceeded(&packet, router_v4(), &stack()),
            Err(NoIcmp::Destination)
        );
    }
    let mut packet = udp_v6(20);
    packet[24] = 0xff;
    let source = Some("2001:db8::ff".parse().unwrap());
    assert_eq!(
        time_exceeded(&packet, source, &stack()),
        Err(NoIcmp::Destination)
    );
}

#[test]
fn without_an_address_of_its_version_the_router_is_silent() {
    assert_eq!(
        time_exceeded(&udp_v4(20), None, &stack()),
        Err(NoIcmp::NoAddress)
    );
    let other = Some("2001:db8::ff".parse().unwrap());
    assert_eq!(
        time_exceeded(&udp_v4(20), other, &stack()),
        Err(NoIcmp::NoAddress)
    );
}

#[test]
fn every_cut_of_a_packet_is_an_answer_or_an_error() {
    let source = Some("2001:db8::ff".parse().unwrap());
    for (packet, source) in [(udp_v4(20), router_v4()), (udp_v6(20), source)] {
        for length in 0..packet.len() {
            let _ = time_exceeded(&packet[..length], source, &stack());
        }
        assert_eq!(
            time_exceeded(&packet[..10], source, &stack()),
            Err(NoIcmp::NotIp)
        );
    }
    assert_eq!(
        time_exceeded(&[0x12; 60], router_v4(), &stack()),
        Err(NoIcmp::NotIp)
    );
}

#[test]
fn rfc_1191_fragmentation_needed_tells_the_next_hop_mtu_and_the_labels() {
    let packet = udp_v4(1400);
    let reason = Reason::TooBig { mtu: 1388 };
    let answer = error(reason, &packet, router_v4(), Some(&stack())).unwrap();
    assert_eq!(answer[20..22], [3, 4]);
    assert_eq!(u16::from_be_bytes([answer[26], answer[27]]), 1388);
    assert_eq!(sum16(&answer[20..]), 0xffff, "ICMP checksum");
    // RFC 4884, 4.1.
    let quoted = usize::from(answer[25]) * 4;
    let extension = ExtensionStructure::decode(&answer[28 + quoted..]).unwrap();
    assert_eq!(extension.label_stack().unwrap().len(), 2);
    assert!(answer.len() <= 576);
}

#[test]
fn rfc_4443_packet_too_big_tells_the_mtu_and_quotes_all_that_fits() {
    let source = Some("2001:db8::ff".parse().unwrap());
    let packet = udp_v6(1400);
    let reason = Reason::TooBig { mtu: 1388 };
    let answer = error(reason, &packet, source, Some(&stack())).unwrap();
    assert_eq!(answer[40..42], [2, 0]);
    assert_eq!(answer[44..48], 1388u32.to_be_bytes());
    // RFC 4884, 4: this message has no extension.
    assert_eq!(answer[48..], packet[..1280 - 48]);
}

#[test]
fn rfc_4950_a_packet_without_labels_is_answered_without_extension() {
    let packet = udp_v4(20);
    let answer = error(Reason::TooBig { mtu: 40 }, &packet, router_v4(), None).unwrap();
    assert_eq!(answer[25], 0);
    assert_eq!(answer[28..], packet[..]);
}
