//! Decoding is the inverse of encoding, and takes any octets without a panic.

use ldp::packet::{Pdu, PduError, PduStream, RawPdu};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::octets::{message, pdu, sender};
use crate::strategies;

/// Every message that some octets are, encoded, is the same message.
fn decoded_messages_encode(octets: &[u8]) -> Result<(), TestCaseError> {
    let mut stream = PduStream::new();
    stream.push(octets);
    while let Ok(Some(raw)) = stream.next_pdu() {
        for message in raw.messages() {
            match message {
                Ok(message) => {
                    // Shown, too.
                    prop_assert!(message.to_string().starts_with(message.body.name()));
                    let encoded = Pdu {
                        identifier: sender(),
                        messages: vec![message.clone()],
                    }
                    .encode();
                    let encoded =
                        encoded.map_err(|error| TestCaseError::fail(error.to_string()))?;
                    let again = RawPdu::parse(&encoded, u16::MAX)
                        .ok()
                        .flatten()
                        .ok_or_else(|| TestCaseError::fail("no PDU"))?;
                    let again: Vec<_> = again.messages().collect();
                    prop_assert_eq!(again, vec![Ok(message)]);
                }
                Err(error) => {
                    prop_assert!(!error.to_string().is_empty());
                    let notification = error.notification();
                    prop_assert_eq!(notification.status.fatal, error.is_fatal());
                }
            }
        }
    }
    Ok(())
}

/// Octets that get further than noise does: a type that exists, TLVs with types that exist.
fn likely_message() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop_oneof![
        proptest::sample::select(vec![
            0x0001_u16, 0x0100, 0x0200, 0x0201, 0x0202, 0x0300, 0x0301, 0x0400, 0x0401, 0x0402,
            0x0403, 0x0404
        ]),
        any::<u16>(),
    ];
    let tlv_kinds = prop_oneof![
        proptest::sample::select(vec![
            0x0100_u16, 0x0101, 0x0103, 0x0104, 0x0200, 0x8206, 0x0300, 0x0301, 0x0302, 0x0303,
            0x8304, 0x0400, 0x0401, 0x0402, 0x0403, 0x0405, 0x8701, 0x0500, 0x8503, 0x8506, 0x850B,
            0x850C, 0x850D, 0x850F, 0x0600, 0x8601, 0x8603, 0x8508,
        ]),
        any::<u16>(),
    ];
    let value = prop_oneof![
        vec(any::<u8>(), 0..24),
        vec(prop_oneof![0..6_u8, Just(29), Just(30), Just(32)], 0..24),
    ];
    let tlv = (tlv_kinds, value).prop_map(|(kind, value)| crate::octets::tlv(kind, &value));
    (kinds, vec(tlv, 0..5)).prop_map(|(kind, tlvs)| message(kind, &tlvs))
}

proptest! {
    #[test]
    fn every_message_decodes_to_itself(messages in vec(strategies::message(), 1..6)) {
        let pdu = Pdu { identifier: sender(), messages };
        let octets = pdu.encode().expect("a PDU");
        prop_assert_eq!(Pdu::decode(&octets), Ok(pdu));
    }

    /// A valid PDU that is cut anywhere is incomplete; its messages, cut anywhere, are those before the cut
    /// and one error.
    #[test]
    fn every_truncation_of_a_pdu_is_incomplete(messages in vec(strategies::message(), 1..4)) {
        let pdu = Pdu { identifier: sender(), messages };
        let octets = pdu.encode().expect("a PDU");
        for end in 0..octets.len() {
            let mut stream = PduStream::new();
            stream.push(&octets[..end]);
            prop_assert!(matches!(stream.next_pdu(), Ok(None)));
            let truncated = matches!(Pdu::decode(&octets[..end]), Err(PduError::Truncated { .. }));
            prop_assert!(truncated);
        }
        for end in 10..octets.len() {
            let cut = crate::octets::pdu(&[octets[10..end].to_vec()]);
            if let Ok(Some(raw)) = RawPdu::parse(&cut, 4096) {
                let decoded: Vec<_> = raw.messages().collect();
                let whole = decoded.iter().take_while(|message| message.is_ok()).count();
                prop_assert!(whole < pdu.messages.len());
                for (message, expected) in decoded.iter().flatten().zip(&pdu.messages) {
                    prop_assert_eq!(message, expected);
                }
                prop_assert!(decoded.len() <= whole + 1);
                if let Some(error) = decoded.get(whole) {
                    prop_assert!(error.as_ref().is_err_and(|error| error.is_fatal()));
                }
            }
        }
    }

    #[test]
    fn arbitrary_octets_are_no_panic(octets in vec(any::<u8>(), 0..200)) {
        decoded_messages_encode(&octets)?;
        // The same as messages of a PDU.
        decoded_messages_encode(&pdu(&[octets]))?;
    }

    #[test]
    fn what_decodes_encodes_to_the_same(messages in vec(likely_message(), 1..4)) {
        decoded_messages_encode(&pdu(&messages))?;
    }

    /// An octet of valid messages is another one.
    #[test]
    fn a_changed_octet_is_no_panic(
        messages in vec(strategies::message(), 1..4),
        at in any::<proptest::sample::Index>(),
        octet in any::<u8>(),
    ) {
        let pdu = Pdu { identifier: sender(), messages };
        let mut octets = pdu.encode().expect("a PDU");
        let at = at.index(octets.len());
        octets[at] = octet;
        decoded_messages_encode(&octets)?;
    }
}
