//! PDUs in the octets of a session (RFC 5036 sections 3.1 and 3.5.1.2.1).

use ldp::packet::{Pdu, PduError, PduStream, StatusCode, StreamError};

use crate::octets::{fec, label, message, pdu, sender};

fn keepalive() -> Vec<u8> {
    pdu(&[message(0x0201, &[])])
}

/// A PDU with a message of so many octets, of which the PDU Length is `length`.
fn pdu_of_length(length: u16) -> Vec<u8> {
    let value = vec![0; usize::from(length) - 6 - 8 - 4];
    let octets = pdu(&[message(0x0201, &[crate::octets::tlv(0x8999, &value)])]);
    assert_eq!(octets[2..4], length.to_be_bytes());
    octets
}

#[test]
fn pdus_come_in_pieces_of_any_size() {
    let mapping = pdu(&[message(0x0400, &[fec(), label()]), message(0x0201, &[])]);
    let octets = [keepalive(), mapping, keepalive()].concat();
    for size in 1..octets.len() {
        let mut stream = PduStream::new();
        let mut messages = Vec::new();
        for piece in octets.chunks(size) {
            stream.push(piece);
            while let Some(pdu) = stream.next_pdu().expect("PDUs") {
                assert_eq!(pdu.identifier(), sender());
                messages.extend(pdu.messages().map(|message| message.expect("a message")));
            }
        }
        let names: Vec<_> = messages.iter().map(|message| message.body.name()).collect();
        assert_eq!(
            names,
            ["KeepAlive", "Label Mapping", "KeepAlive", "KeepAlive"]
        );
        assert_eq!(stream.unread(), 0);
    }
}

/// "The LDP protocol version is not supported by the receiver ... a fatal error signaled by the Bad Protocol
/// Version Status Code."
#[test]
fn another_version_is_refused_with_its_second_octet() {
    let mut octets = keepalive();
    octets[1] = 2;
    let mut stream = PduStream::new();
    stream.push(&octets[..1]);
    assert!(matches!(stream.next_pdu(), Ok(None)));
    stream.push(&octets[1..2]);
    let error = stream.next_pdu().expect_err("another version");
    assert_eq!(error, StreamError::BadProtocolVersion(2));
    assert_eq!(error.status_code(), StatusCode::BAD_PROTOCOL_VERSION);
    assert!(error.status_code().is_fatal());
}

/// "The PDU Length field is too small (< 14) or too large (> maximum PDU length). This is a fatal error
/// signaled by the Bad PDU Length Status Code." It is told before the rest of the PDU came.
#[test]
fn a_length_below_14_or_above_the_maximum_is_refused_at_once() {
    for length in [0, 1, 6, 13, 4097, 65535] {
        let mut header = keepalive();
        header[2..4].copy_from_slice(&u16::to_be_bytes(length));
        let mut stream = PduStream::new();
        stream.push(&header[..3]);
        assert!(matches!(stream.next_pdu(), Ok(None)));
        stream.push(&header[3..4]);
        let error = stream.next_pdu().expect_err("a wrong length");
        assert_eq!(error, StreamError::BadPduLength { length, max: 4096 });
        assert_eq!(error.status_code(), StatusCode::BAD_PDU_LENGTH);
        assert!(error.status_code().is_fatal());
    }
}

/// A complete PDU longer than the negotiated maximum is refused like an incomplete one, and one of the
/// maximum is taken.
#[test]
fn the_negotiated_maximum_counts_for_complete_pdus_too() {
    let mut stream = PduStream::new();
    stream.set_max_pdu_length(512);
    stream.push(&pdu_of_length(512));
    let taken = stream.next_pdu().expect("a PDU").expect("all of it");
    assert_eq!(taken.octets().len(), 516);
    stream.push(&pdu_of_length(513));
    let wrong = StreamError::BadPduLength {
        length: 513,
        max: 512,
    };
    assert_eq!(stream.next_pdu().map(|_| ()), Err(wrong));

    // "The default maximum PDU length applies before session initialization completes."
    let mut stream = PduStream::new();
    stream.push(&pdu_of_length(4096));
    stream.push(&pdu_of_length(300));
    assert!(matches!(stream.next_pdu(), Ok(Some(_))));
    // What was negotiated counts for what is behind in the same octets.
    stream.set_max_pdu_length(299);
    assert!(stream.next_pdu().is_err());
}

/// The PDUs before a wrong one are read; after it nothing is, and nothing is kept.
#[test]
fn an_error_stays() {
    let mut stream = PduStream::new();
    stream.push(&[keepalive(), vec![0, 9, 0, 0]].concat());
    assert!(matches!(stream.next_pdu(), Ok(Some(_))));
    let error = stream.next_pdu().expect_err("another version");
    assert_eq!(stream.returned_pdu(), [0, 9, 0, 0]);
    for _ in 0..1000 {
        stream.push(&[0; 1000]);
    }
    assert_eq!(stream.next_pdu().map(|_| ()), Err(error));
    assert_eq!(stream.unread(), 4);
}

/// A peer that never ends its PDU cannot make the stream keep more than that PDU.
#[test]
fn less_than_one_pdu_is_kept() {
    let mut stream = PduStream::new();
    for octet in pdu_of_length(4096).iter().cycle().take(100_000) {
        stream.push(&[*octet]);
        while let Ok(Some(_)) = stream.next_pdu() {}
        assert!(stream.unread() < 4100);
    }
}

#[test]
fn a_datagram_is_one_pdu() {
    let octets = keepalive();
    assert_eq!(
        Pdu::decode(&octets[..octets.len() - 1]),
        Err(PduError::Truncated {
            available: 17,
            needed: 18
        })
    );
    assert_eq!(Pdu::decode(&octets).map(|pdu| pdu.messages.len()), Ok(1));
    // What is behind the PDU is not part of it.
    let padded = [octets, vec![0; 10]].concat();
    assert_eq!(Pdu::decode(&padded).map(|pdu| pdu.messages.len()), Ok(1));
}
