//! Messages that other routers sent. Where they come from: `tests/captures/README.md`.

use ldp::LdpIdentifier;
use ldp::packet::{Body, Pdu, PduBuilder, PduStream, Problem};
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
                    assert_eq!(again.messages, [decoded.clone()], "{words}");
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
