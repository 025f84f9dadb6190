//! Capabilities (RFC 5561 and those that it carries).

use ldp::LdpIdentifier;
use ldp::packet::{
    Body, Capabilities, CapabilityMessage, Message, Pdu, StateAdvertisement, StatusCode,
};

use crate::octets::{
    CAPABILITY, INITIALIZATION, common_session_parameters, decode_message, refused, tlv,
};

/// "If the U-bit is 0, then speaker SHOULD send a Notification message to the peer before terminating the
/// session. The Status Code ... MUST be Unsupported Capability" (RFC 5561 section 6); its E bit is 0 (section 8).
#[test]
fn an_unsupported_capability_without_u_bit_ends_the_session() {
    let capability = tlv(0x0508, &[0x80]);
    for (kind, tlvs) in [
        (
            INITIALIZATION,
            vec![common_session_parameters(), capability.clone()],
        ),
        (CAPABILITY, vec![capability.clone()]),
    ] {
        let error = refused(kind, &tlvs, StatusCode::UNSUPPORTED_CAPABILITY, false);
        assert!(error.ends_session());
        let returned = error.notification().returned_tlvs;
        assert_eq!(returned.len(), 1);
        assert_eq!(returned[0].octets, capability);
    }
    // With the U bit "the speaker MUST silently ignore the Capability Parameter".
    let tlvs = [common_session_parameters(), tlv(0x8508, &[0x80, 1])];
    let decoded = decode_message(INITIALIZATION, &tlvs).expect("an Initialization");
    let Body::Initialization(initialization) = decoded.body else {
        panic!("{decoded}");
    };
    assert_eq!(initialization.capabilities.unknown.len(), 1);
    assert_eq!(initialization.capabilities.unknown[0].kind, 0x0508);
}

/// "If an LDP speaker receives more than one instance of the same Capability Parameter type in a message, it
/// SHOULD send a Notification ... Malformed TLV value, and the message SHOULD contain the second Capability
/// Parameter TLV" (RFC 5561 section 3).
#[test]
fn a_repeated_capability_is_malformed() {
    for kind in [0x8506, 0x850B, 0x8603, 0x850C, 0x850D, 0x850F, 0x8508] {
        let second = tlv(kind, &[0x00]);
        let twice = vec![tlv(kind, &[0x80]), second.clone()];
        let in_initialization = [vec![common_session_parameters()], twice.clone()].concat();
        for (message, tlvs) in [(CAPABILITY, twice), (INITIALIZATION, in_initialization)] {
            let error = refused(message, &tlvs, StatusCode::MALFORMED_TLV_VALUE, true);
            let returned = error.notification().returned_tlvs;
            assert_eq!(returned.len(), 1);
            assert_eq!(returned[0].octets, second);
        }
    }
}

/// The S bit "SHOULD be ignored on receipt" in an Initialization message (RFC 5561 section 6), and tells
/// announced from withdrawn in a Capability message, where Backward Compatibility TLVs are ignored (section 4).
#[test]
fn the_s_bit_counts_in_capability_messages_only() {
    let tlvs = [
        common_session_parameters(),
        tlv(0x8506, &[0]),
        tlv(0x850B, &[0x80]),
    ];
    let decoded = decode_message(INITIALIZATION, &tlvs).expect("an Initialization");
    let Body::Initialization(initialization) = decoded.body else {
        panic!("{decoded}");
    };
    let both = Capabilities {
        dynamic_announcement: true,
        typed_wildcard: true,
        ..Capabilities::default()
    };
    assert_eq!(initialization.capabilities, both);

    let tlvs = [
        tlv(0x850B, &[0]),
        tlv(0x8603, &[0x80]),
        tlv(0x8503, &[0; 12]),
    ];
    let decoded = decode_message(CAPABILITY, &tlvs).expect("a Capability message");
    let expected = CapabilityMessage {
        announced: Capabilities {
            unrecognized_notification: true,
            ..Capabilities::default()
        },
        withdrawn: Capabilities {
            typed_wildcard: true,
            ..Capabilities::default()
        },
    };
    assert_eq!(decoded.body, Body::Capability(Box::new(expected)));
    assert_eq!(decoded.unknown.len(), 1);
}

/// RFC 7473 section 4.1: "the receiver MUST ignore and discard the element" of another application, and
/// "SHOULD discard this TLV" where an application is there twice.
#[test]
fn state_advertisement_of_other_applications_is_ignored() {
    let state_advertisement = |elements: &[u8]| {
        let value = [&[0x80][..], elements].concat();
        let tlvs = [common_session_parameters(), tlv(0x850D, &value)];
        let decoded = decode_message(INITIALIZATION, &tlvs).expect("an Initialization");
        match decoded.body {
            Body::Initialization(message) => message.capabilities.state_advertisement,
            _ => panic!("{decoded}"),
        }
    };
    let element = |application, disable| StateAdvertisement {
        application,
        disable,
    };
    assert_eq!(
        // D = 1 of IPv4, none, D = 0 of IPv6 with unused bits, and D = 1 of application 5.
        state_advertisement(&[0x90, 0x0F, 0x2F, 0xD0]),
        [element(1, true), element(2, false)]
    );
    assert_eq!(state_advertisement(&[0x10, 0x20, 0x90]), []);
}

/// RFC 7473 section 4.1, figure 2: an element is the D bit, three bits of the application, and four unused ones.
#[test]
fn an_element_of_state_advertisement_control_has_three_bits_of_application() {
    let state_advertisement = (1..=4).map(|application| StateAdvertisement {
        application,
        disable: application % 2 == 1,
    });
    let mut message = CapabilityMessage::default();
    message.announced.state_advertisement = state_advertisement.collect();
    let octets = Pdu {
        identifier: LdpIdentifier::platform([10, 0, 0, 1].into()),
        messages: vec![Message::new(1, Body::Capability(Box::new(message)))],
    };
    let octets = octets.encode().expect("it is short");
    let expected = [0x85, 0x0D, 0, 5, 0x80, 0x90, 0x20, 0xB0, 0x40];
    assert!(
        octets
            .windows(expected.len())
            .any(|found| found == expected),
        "{octets:x?}"
    );
}

/// RFC 8223 sections 2.1 and 2.2: the E bit announces or withdraws an application, the S bit the capability.
#[test]
fn targeted_applications_are_announced_and_withdrawn() {
    let capability = |value: &[u8]| {
        let decoded = decode_message(CAPABILITY, &[tlv(0x850F, value)]).expect("a message");
        match decoded.body {
            Body::Capability(message) => (
                message.announced.targeted_applications,
                message.withdrawn.targeted_applications,
            ),
            _ => panic!("{decoded}"),
        }
    };
    assert_eq!(
        capability(&[0x80, 0, 1, 0x80, 0, 0, 2, 0, 0]),
        (Some(vec![1]), Some(vec![2]))
    );
    assert_eq!(capability(&[0x80]), (Some(vec![]), None));
    assert_eq!(capability(&[0]), (None, Some(vec![])));
}
