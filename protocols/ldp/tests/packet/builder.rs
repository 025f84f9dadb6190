//! Messages packed in PDUs (RFC 5036 sections 3.1 and 3.5.3).

use ldp::packet::{
    AddressMessage, Body, EncodeError, FecElement, LabelMapping, Message, Notification, Pdu,
    PduBuilder, PduStream,
};
use mpls::Label;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::octets::sender;
use crate::strategies;

fn mapping(index: u32) -> Body {
    let address = std::net::Ipv4Addr::from((10 << 24) + (index << 8));
    let prefix = ipnet::IpNet::new(address.into(), 24).expect("a prefix");
    let label = Label::new(16 + index).expect("a label");
    Body::LabelMapping(LabelMapping::new(
        vec![FecElement::Prefix(prefix.into())],
        label,
    ))
}

/// The messages in some PDUs, and the octets of each PDU.
fn read(octets: &[u8], max_pdu_length: u16) -> (Vec<Message>, Vec<usize>) {
    let mut stream = PduStream::new();
    stream.set_max_pdu_length(max_pdu_length);
    stream.push(octets);
    let mut messages = Vec::new();
    let mut lengths = Vec::new();
    while let Some(pdu) = stream.next_pdu().expect("PDUs") {
        assert_eq!(pdu.identifier(), sender());
        lengths.push(pdu.octets().len());
        messages.extend(pdu.messages().map(|message| message.expect("a message")));
    }
    assert_eq!(stream.unread(), 0);
    (messages, lengths)
}

/// 50,000 mappings of 27 octets: 151 fit behind the header of a PDU of 4096.
#[test]
fn mappings_are_packed_as_many_as_fit() {
    let mut builder = PduBuilder::new(sender(), 4096);
    assert!(builder.is_empty());
    for index in 0..50_000 {
        builder
            .push(index + 1, &mapping(index))
            .expect("a short message");
    }
    assert_eq!(builder.pdus(), 50_000_usize.div_ceil(151));
    let octets = builder.take();
    assert!(builder.is_empty());
    assert_eq!(builder.pdus(), 0);
    let (messages, lengths) = read(&octets, 4096);
    assert_eq!(lengths.len(), 332);
    assert!(lengths[..331].iter().all(|length| *length == 10 + 151 * 27));
    for (message, index) in messages.iter().zip(0..) {
        assert_eq!(*message, Message::new(index + 1, mapping(index)));
    }
    assert_eq!(messages.len(), 50_000);
}

#[test]
fn a_message_that_fits_no_pdu_is_refused_and_the_others_stay() {
    let mut builder = PduBuilder::new(sender(), 256);
    builder.push(1, &mapping(1)).expect("a short message");
    let long = Notification {
        returned_message: Some(vec![0; 300]),
        ..Notification::default()
    };
    assert_eq!(
        builder.push(2, &Body::Notification(Box::new(long))),
        Err(EncodeError::MessageTooLong {
            message: "Notification",
            length: 326,
            room: 246
        })
    );
    let endless = Body::Unknown {
        kind: 0x3E00,
        value: vec![0; 70_000],
    };
    builder
        .push(3, &endless)
        .expect_err("longer than any message");
    builder.push(4, &mapping(4)).expect("a short message");
    let (messages, lengths) = read(&builder.take(), 256);
    let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
    assert_eq!(ids, [1, 4]);
    assert_eq!(lengths, [10 + 2 * 27]);

    // Refused as the first one, it leaves nothing.
    builder
        .push(5, &endless)
        .expect_err("longer than any message");
    assert!(builder.is_empty());
}

#[test]
fn a_pdu_of_more_than_65535_octets_is_refused() {
    let messages = (0..3_000)
        .map(|index| Message::new(index, mapping(index)))
        .collect();
    let pdu = Pdu {
        identifier: sender(),
        messages,
    };
    assert_eq!(pdu.encode(), Err(EncodeError::PduTooLong));
}

/// The negotiated length counts from the next message on.
#[test]
fn the_maximum_can_change() {
    let mut builder = PduBuilder::new(sender(), 4096);
    for index in 0..10 {
        builder
            .push(index, &mapping(index))
            .expect("a short message");
    }
    builder.set_max_pdu_length(100);
    for index in 10..20 {
        builder
            .push(index, &mapping(index))
            .expect("a short message");
    }
    let (messages, lengths) = read(&builder.take(), 4096);
    assert_eq!(messages.len(), 20);
    assert_eq!(lengths, [280, 91, 91, 91, 37]);
}

/// RFC 5036 section 3.4.3: an Address List has one family.
#[test]
fn addresses_are_split_by_family_and_length() {
    let v4 = (0..200_u8).map(|last| [192, 0, 2, last].into());
    let v6 = (0..100_u16).map(|last| [0x2001, 0xdb8, 0, 0, 0, 0, 0, last].into());
    let addresses: Vec<std::net::IpAddr> = v6.chain(v4).collect();
    let messages = AddressMessage::split(&addresses, 512);
    // 488 octets are left of 512 for addresses.
    let counts: Vec<_> = messages
        .iter()
        .map(|message| message.addresses.len())
        .collect();
    assert_eq!(counts, [122, 78, 30, 30, 30, 10]);
    for message in &messages {
        let first = message.addresses[0].is_ipv4();
        assert!(
            message
                .addresses
                .iter()
                .all(|address| address.is_ipv4() == first)
        );
        let mut builder = PduBuilder::new(sender(), 512);
        builder
            .push(1, &Body::Address(message.clone()))
            .expect("one PDU");
    }
    let all: usize = counts.iter().sum();
    assert_eq!(all, addresses.len());
    assert_eq!(AddressMessage::split(&[], 4096), []);
}

proptest! {
    /// Whatever the messages and the length: no PDU is longer, none could be left out, and all messages
    /// are there in their order.
    #[test]
    fn no_pdu_is_longer_than_the_maximum(
        bodies in vec(strategies::label_mapping().prop_map(Body::LabelMapping), 1..40),
        max in 400..1000_u16,
    ) {
        let mut builder = PduBuilder::new(sender(), max);
        for (body, id) in bodies.iter().zip(0..) {
            builder.push(id, body).expect("a message of less than 390 octets");
        }
        let pdus = builder.pdus();
        let (messages, lengths) = read(&builder.take(), max);
        prop_assert_eq!(lengths.len(), pdus);
        prop_assert!(lengths.iter().all(|length| *length <= usize::from(max)));
        for pair in lengths.windows(2) {
            prop_assert!(pair[0] + pair[1] - 10 > usize::from(max));
        }
        let read: Vec<_> = messages.into_iter().map(|message| message.body).collect();
        prop_assert_eq!(read, bodies);
    }
}
