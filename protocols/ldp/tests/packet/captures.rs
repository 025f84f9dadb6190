//! Messages that other routers sent. Where they come from: `tests/captures/README.md`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use ldp::LdpIdentifier;
use ldp::packet::{
    Body, DecodeError, Message, Pdu, PduBuilder, PduError, PduStream, Problem, RawPdu, StreamError,
};
use pcap_file::DataLink;
use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::{Block, PcapNgReader};
use serde_json::Value;

/// The messages of `ldp-messages.json`, with what they are.
fn messages() -> Vec<(String, Vec<u8>)> {
    let text = include_str!("../captures/ldp-messages.json");
    let entries: Value = serde_json::from_str(text).expect("a JSON document");
    entries
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| {
            let decoded = entry["decoded"].as_str().expect("words").to_owned();
            (
                decoded,
                octets(entry["hex"].as_str().expect("octets in hex")),
            )
        })
        .collect()
}

fn octets(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|digits| {
            let digits = std::str::from_utf8(digits).expect("hex digits");
            u8::from_str_radix(digits, 16).expect("hex digits")
        })
        .collect()
}

/// A PDU with one message in it.
fn pdu(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len() + 6).expect("a short message");
    let mut pdu = vec![0, 1];
    pdu.extend(length.to_be_bytes());
    pdu.extend(LdpIdentifier::platform([192, 0, 2, 1].into()).octets());
    pdu.extend(message);
    pdu
}

/// FRR's ldpd and holo are canonical: what is decoded encodes to the same octets. A Label Mapping for a
/// pseudowire is answered with Unknown FEC, and a pseudowire's Notification is taken.
#[test]
fn messages_of_frr_and_holo_are_encoded_as_they_were() {
    let mut pseudowires = 0;
    for (words, message) in messages() {
        let mut stream = PduStream::new();
        stream.push(&pdu(&message));
        let pdu = stream.next_pdu().expect(&words).expect(&words);
        let mut decoded = pdu.messages();
        match decoded.next().expect(&words) {
            Ok(decoded) => {
                let mut builder = PduBuilder::new(pdu.identifier(), 4096);
                builder.push_message(&decoded).expect(&words);
                let encoded = builder.take();
                if decoded.unknown.is_empty() {
                    assert_eq!(encoded, pdu.octets(), "{words}");
                } else {
                    // Unknown TLVs go last: optional parameters may have any order.
                    let again = Pdu::decode(&encoded).expect(&words);
                    assert_eq!(again.messages, std::slice::from_ref(&decoded), "{words}");
                    assert_eq!(encoded.len(), pdu.octets().len(), "{words}");
                }
                assert!(words.starts_with(decoded.body.name()), "{words}");
                assert!(!matches!(decoded.body, Body::Unknown { .. }), "{words}");
            }
            Err(error) => {
                assert!(words.contains("PWid FEC"), "{words}: {error}");
                assert_eq!(error.problem, Problem::UnknownFec(0x80), "{words}");
                assert!(!error.ends_session(), "{words}");
                pseudowires += 1;
            }
        }
        assert_eq!(decoded.next(), None, "{words}");
    }
    assert_eq!(pseudowires, 1);
}

/// The LDP of a capture: datagrams, and the octets of each direction of each connection.
#[derive(Default)]
struct Capture {
    datagrams: Vec<Vec<u8>>,
    streams: Vec<Vec<u8>>,
}

/// The frames of a pcap or pcapng file.
fn packets(file: &[u8]) -> Vec<(DataLink, Vec<u8>)> {
    let mut packets = Vec::new();
    if let Ok(mut reader) = PcapReader::new(file) {
        let link_type = reader.header().datalink;
        while let Some(packet) = reader.next_packet() {
            packets.push((link_type, packet.expect("a packet").data.into_owned()));
        }
    } else {
        let mut reader = PcapNgReader::new(file).expect("a pcapng file");
        while let Some(block) = reader.next_block() {
            if let Block::EnhancedPacket(packet) = block.expect("a block") {
                packets.push((DataLink::ETHERNET, packet.data.into_owned()));
            }
        }
    }
    packets
}

fn capture(file: &[u8]) -> Capture {
    type Endpoints = (IpAddr, u16, IpAddr, u16);
    let mut capture = Capture::default();
    let mut segments: BTreeMap<Endpoints, BTreeMap<u32, Vec<u8>>> = BTreeMap::new();
    for (link_type, packet) in packets(file) {
        let packet = match link_type {
            DataLink::ETHERNET => LaxSlicedPacket::from_ethernet(&packet).expect("a packet"),
            // An IP packet behind a header of fixed length.
            DataLink::LINUX_SLL => LaxSlicedPacket::from_ip(&packet[16..]).expect("a packet"),
            DataLink::PPP => LaxSlicedPacket::from_ip(&packet[4..]).expect("a packet"),
            other => panic!("link type {other:?}"),
        };
        let (source, destination): (IpAddr, IpAddr) = match &packet.net {
            Some(LaxNetSlice::Ipv4(ip)) => (
                ip.header().source_addr().into(),
                ip.header().destination_addr().into(),
            ),
            Some(LaxNetSlice::Ipv6(ip)) => (
                ip.header().source_addr().into(),
                ip.header().destination_addr().into(),
            ),
            _ => continue,
        };
        match &packet.transport {
            Some(TransportSlice::Udp(udp)) if udp.destination_port() == 646 => {
                capture.datagrams.push(udp.payload().to_vec());
            }
            Some(TransportSlice::Tcp(tcp))
                if (tcp.destination_port() == 646 || tcp.source_port() == 646)
                    && !tcp.payload().is_empty() =>
            {
                let endpoints = (
                    source,
                    tcp.source_port(),
                    destination,
                    tcp.destination_port(),
                );
                segments
                    .entry(endpoints)
                    .or_default()
                    .insert(tcp.sequence_number(), tcp.payload().to_vec());
            }
            _ => {}
        }
    }
    for segments in segments.into_values() {
        let mut octets = Vec::new();
        let mut next = *segments.keys().next().expect("a segment");
        for (sequence, payload) in segments {
            // What was sent twice counts once.
            let known = usize::try_from(next.wrapping_sub(sequence)).expect("32 bits");
            assert!(sequence <= next, "a segment is missing from the capture");
            if let Some(new) = payload.get(known..) {
                octets.extend_from_slice(new);
                next = next.wrapping_add(u32::try_from(new.len()).expect("a segment"));
            }
        }
        capture.streams.push(octets);
    }
    capture
}

/// What a capture's messages are, and how many PDUs do not encode to the same octets.
#[derive(Default, Debug)]
struct Tally {
    messages: BTreeMap<&'static str, usize>,
    not_canonical: usize,
    errors: Vec<DecodeError>,
}

impl Tally {
    fn of(capture: &Capture) -> Self {
        let mut tally = Self::default();
        for datagram in &capture.datagrams {
            let pdu = RawPdu::parse(datagram, 4096)
                .expect("a PDU")
                .expect("all of it");
            tally.pdu(&pdu);
        }
        for octets in &capture.streams {
            let mut stream = PduStream::new();
            // In pieces, as TCP may bring it.
            for piece in octets.chunks(100) {
                stream.push(piece);
                while let Some(pdu) = stream.next_pdu().expect("PDUs") {
                    tally.pdu(&pdu);
                }
            }
            assert_eq!(stream.unread(), 0);
        }
        tally
    }

    fn pdu(&mut self, pdu: &RawPdu<'_>) {
        let (decoded, errors): (Vec<_>, Vec<_>) = pdu.messages().partition(Result::is_ok);
        let messages: Vec<Message> = decoded.into_iter().flatten().collect();
        let errors: Vec<DecodeError> = errors.into_iter().filter_map(Result::err).collect();
        for message in &messages {
            *self.messages.entry(message.body.name()).or_default() += 1;
        }
        if errors.is_empty() {
            let identifier = pdu.identifier();
            let pdu_again = Pdu {
                identifier,
                messages,
            };
            let encoded = pdu_again.encode().expect("a PDU");
            if encoded != pdu.octets() {
                self.not_canonical += 1;
            }
            let mut stream = PduStream::new();
            stream.push(&encoded);
            let again = stream.next_pdu().expect("a PDU").expect("all of it");
            let again: Result<Vec<Message>, _> = again.messages().collect();
            assert_eq!(again.as_ref(), Ok(&pdu_again.messages));
        }
        self.errors.extend(errors);
    }
}

/// How many messages of each name there are.
fn counts(expected: &[(&'static str, usize)]) -> BTreeMap<&'static str, usize> {
    expected.iter().copied().collect()
}

#[test]
fn a_session_of_frr_over_ipv6_is_encoded_as_it_was() {
    let file = include_bytes!("../captures/frr844_dualstack_ldpv6_session.pcap");
    let tally = Tally::of(&capture(file));
    assert_eq!(
        tally.messages,
        counts(&[
            ("Hello", 57),
            ("Initialization", 2),
            ("KeepAlive", 2),
            ("Address", 4),
            ("Address Withdraw", 1),
            ("Label Mapping", 12),
            ("Label Withdraw", 2),
            ("Label Release", 2),
            ("Notification", 2),
        ])
    );
    assert_eq!(tally.errors, []);
    assert_eq!(tally.not_canonical, 0);
}

/// The Label Releases have a Status TLV whose U bit is clear, where RFC 5036 section 3.4.6 says that it
/// should be set: they are taken, and are encoded with the bit.
#[test]
fn a_session_with_loop_detection_decodes() {
    let capture = capture(include_bytes!(
        "../captures/tcpdump_ldp-common-session.pcap"
    ));
    let tally = Tally::of(&capture);
    assert_eq!(
        tally.messages,
        counts(&[
            ("Hello", 9),
            ("Initialization", 1),
            ("KeepAlive", 2),
            ("Address", 2),
            ("Label Mapping", 15),
            ("Label Withdraw", 5),
            ("Label Release", 5),
            ("Notification", 1),
        ])
    );
    assert_eq!(tally.errors, []);
    assert_eq!(tally.not_canonical, 5);

    let mut lines = Vec::new();
    for octets in &capture.streams {
        let mut stream = PduStream::new();
        stream.push(octets);
        while let Some(pdu) = stream.next_pdu().expect("PDUs") {
            lines.extend(pdu.messages().flatten().map(|message| message.to_string()));
        }
    }
    // As tcpdump prints them, in one line each.
    for line in [
        "Notification (0x0001) id 4294967289: Shutdown (fatal)",
        "Initialization (0x0200) id 1: version 1, KeepAlive time 30, downstream unsolicited, maximum \
         PDU length 0, receiver 192.168.0.1:0, loop detection with path vectors up to 32, typed \
         wildcard FEC",
        "Address (0x0300) id 4: fe80::7850:c6ff:fec0:0 fe80::7850:c6ff:fec0:1 fe80::7850:c6ff:fec0:3",
        "Label Mapping (0x0400) id 5: FEC 192.168.0.2/32, label implicit-null(3), hop count 1, path \
         vector 192.168.0.2",
        "Label Release (0x0403) id 10: FEC 192.168.0.2/32, label 20066, status Loop Detected \
         (advisory) about Label Mapping id 15",
    ] {
        assert!(
            lines.iter().any(|shown| shown == line),
            "{line}\n{lines:#?}"
        );
    }
}

#[test]
fn a_hello_of_2003_is_encoded_as_it_was() {
    let file = include_bytes!("../captures/tcpdump_mpls-ldp-hello.pcap");
    let tally = Tally::of(&capture(file));
    assert_eq!(tally.messages, counts(&[("Hello", 1)]));
    assert_eq!(tally.not_canonical, 0);
}

/// The multipoint capability has the U bit set, so the Initialization is taken; a P2MP FEC element is
/// answered with Unknown FEC, and the session goes on (RFC 5036 section 3.4.1.1).
#[test]
fn multipoint_fecs_of_freertr_are_unknown_and_nothing_else_is() {
    let capture = capture(include_bytes!("../captures/frt_mldp_p2mp.pcap"));
    let tally = Tally::of(&capture);
    assert_eq!(
        tally.messages,
        counts(&[
            ("Hello", 176),
            ("Initialization", 12),
            ("KeepAlive", 35),
            ("Address", 12),
        ])
    );
    assert_eq!(tally.not_canonical, 0);
    assert_eq!(tally.errors.len(), 6);
    for error in &tally.errors {
        assert_eq!(error.problem, Problem::UnknownFec(0x06));
        assert!(!error.ends_session());
    }
}

/// Five PDUs of 65535 octets, of which the capture has the first ones.
#[test]
fn the_capture_that_made_a_decoder_loop_is_refused() {
    let capture = capture(include_bytes!("../captures/tcpdump_ldp-infinite-loop.pcap"));
    assert!(capture.datagrams.len() + capture.streams.len() > 0);
    for octets in capture.datagrams.iter().chain(&capture.streams) {
        let error = Pdu::decode(octets).expect_err("a malformed PDU");
        let header = StreamError::BadPduLength {
            length: 65535,
            max: 4096,
        };
        assert_eq!(error, PduError::Header(header));
        // Its messages by themselves end, too.
        let messages = pdu(&octets[10..]);
        let raw = RawPdu::parse(&messages, 4096)
            .expect("a PDU")
            .expect("all of it");
        assert!(raw.messages().count() < octets.len());
    }
}
