//! Octets of a session through the decoder of LDP, cut in pieces as TCP may cut them. Whatever they
//! are: no panic, no endless loop, no more kept than one PDU; and each message that decodes encodes to
//! the same message.

#![no_main]

use ldp::LdpIdentifier;
use ldp::packet::{
    AuthenticationAlgorithm, Body, Message, Messages, Pdu, PduBuilder, PduStream, RawPdu, verify,
};
use libfuzzer_sys::fuzz_target;

const LSR: LdpIdentifier = LdpIdentifier::platform(std::net::Ipv4Addr::new(192, 0, 2, 1));

fuzz_target!(|input: &[u8]| {
    let [size, octets @ ..] = input else {
        return;
    };
    as_stream(octets, usize::from(*size) + 1);
    as_datagram(octets);
    // Most octets have no valid PDU header: the same ones as the messages of a PDU.
    if let Ok(length) = u16::try_from(octets.len() + 6) {
        let header = [&[0, 1][..], &length.to_be_bytes(), &LSR.octets()].concat();
        let pdu = [&header, octets].concat();
        if let Ok(Some(pdu)) = RawPdu::parse(&pdu, u16::MAX) {
            messages(pdu.messages(), octets.len());
        }
        as_datagram(&pdu);
    }
});

fn as_stream(octets: &[u8], size: usize) {
    let mut stream = PduStream::new();
    for piece in octets.chunks(size) {
        stream.push(piece);
        while let Ok(Some(pdu)) = stream.next_pdu() {
            messages(pdu.messages(), pdu.octets().len());
        }
        assert!(stream.unread() < 4096 + 4 + size);
    }
}

/// A Hello, which may be authenticated.
fn as_datagram(octets: &[u8]) {
    if let Ok(pdu) = Pdu::decode(octets) {
        let encoded = pdu.encode().expect("no longer than it was");
        assert_eq!(Pdu::decode(&encoded).as_ref(), Ok(&pdu));
    }
    let algorithm = AuthenticationAlgorithm::HmacSha1;
    // Nobody guesses the key.
    verify(octets, b"secret", algorithm, LSR.lsr_id.into()).expect_err("a forged Hello");
}

fn messages(messages: Messages<'_>, octets: usize) {
    let mut count = 0;
    for message in messages {
        count += 1;
        match message {
            Ok(message) => {
                assert_eq!(encoded_and_decoded(&message), message);
                assert!(!message.to_string().is_empty());
            }
            Err(error) => {
                // The answer fits the smallest PDU that can be negotiated.
                let mut builder = PduBuilder::new(LSR, 512);
                builder
                    .push(1, &Body::Notification(Box::new(error.notification())))
                    .expect("a short Notification");
                let answer = builder.take();
                let answer = Pdu::decode(&answer).expect("a PDU");
                assert_eq!(answer.messages.len(), 1);
                assert!(!error.to_string().is_empty());
            }
        }
    }
    // Each message has a header of 8 octets, but for a last one that is cut short.
    assert!(count <= octets / 8 + 1);
}

fn encoded_and_decoded(message: &Message) -> Message {
    let pdu = Pdu {
        identifier: LSR,
        messages: vec![message.clone()],
    };
    let octets = pdu.encode().expect("no longer than it was");
    let pdu = RawPdu::parse(&octets, u16::MAX)
        .expect("a header")
        .expect("all of it");
    let mut messages = pdu.messages();
    let again = messages.next().expect("a message").expect("a message");
    assert!(messages.next().is_none());
    again
}
