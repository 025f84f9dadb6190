//! What is wrong with a message, and what its sender is told (RFC 5036 sections 3.3, 3.4.1.1 and 3.5.1.2;
//! RFC 5561 sections 3, 6 and 8).

use ldp::packet::{
    Body, Capabilities, CapabilityMessage, DecodeError, FecElement, Hello, Message, Problem,
    ReturnedTlv, StateAdvertisement, StatusCode, TypedWildcard, UnknownTlv,
};
use ldp::{MultiTopologyId, PrefixFec};

use crate::octets::{decode, decode_message, fec, label, message, pdu, tlv};

const NOTIFICATION: u16 = 0x0001;
const HELLO: u16 = 0x0100;
const INITIALIZATION: u16 = 0x0200;
const KEEPALIVE: u16 = 0x0201;
const CAPABILITY: u16 = 0x0202;
const ADDRESS: u16 = 0x0300;
const LABEL_MAPPING: u16 = 0x0400;
const LABEL_REQUEST: u16 = 0x0401;
const LABEL_WITHDRAW: u16 = 0x0402;
const LABEL_RELEASE: u16 = 0x0403;
const LABEL_ABORT_REQUEST: u16 = 0x0404;

fn common_session_parameters() -> Vec<u8> {
    tlv(0x0500, &[0, 1, 0, 180, 0, 0, 0, 0, 192, 0, 2, 2, 0, 0])
}

/// The message is refused with this status; whether that is fatal is checked against the words of the test.
#[track_caller]
fn refused(kind: u16, tlvs: &[Vec<u8>], code: StatusCode, fatal: bool) -> DecodeError {
    let error = decode_message(kind, tlvs).expect_err("a malformed message");
    assert_eq!(error.status_code(), code, "{error}");
    assert_eq!(error.is_fatal(), fatal, "{error}");
    let status = error.status();
    assert_eq!(status.fatal, fatal);
    assert_eq!(
        (status.message_id, status.message_type),
        (7, kind),
        "{error}"
    );
    assert_eq!(error.message, message(kind, tlvs));
    error
}

/// "If the Message Type is < 0x8000 (high order bit = 0), it is an error signaled by the Unknown Message Type
/// Status Code. If the Message Type is >= 0x8000 (high order bit = 1), it is silently discarded."
#[test]
fn unknown_message_types_follow_the_u_bit() {
    refused(0x0203, &[], StatusCode::UNKNOWN_MESSAGE_TYPE, false);
    refused(
        0x3E00,
        &[vec![1, 2]],
        StatusCode::UNKNOWN_MESSAGE_TYPE,
        false,
    );
    let ignored = decode_message(0x8203, &[vec![1, 2, 3]]).expect("a message to ignore");
    let body = Body::Unknown {
        kind: 0x0203,
        value: vec![1, 2, 3],
    };
    assert_eq!(ignored, Message::new(7, body));
}

/// "The Message Length is too large, that is, indicates that the message extends beyond the end of the
/// containing LDP PDU. This is a fatal error signaled by the Bad Message Length Status Code."
#[test]
fn a_message_longer_than_its_pdu_is_fatal() {
    let mut long = message(LABEL_MAPPING, &[fec(), label()]);
    long[3] += 1;
    let decoded = decode(&pdu(&[message(KEEPALIVE, &[]), long.clone()]));
    let [Ok(keepalive), Err(error)] = decoded.as_slice() else {
        panic!("{decoded:?}");
    };
    assert_eq!(keepalive.body, Body::KeepAlive);
    assert_eq!(error.status_code(), StatusCode::BAD_MESSAGE_LENGTH);
    assert!(error.is_fatal() && error.ends_session());
    assert_eq!((error.message_id, error.message_type), (7, LABEL_MAPPING));
    assert_eq!(error.message, long);
}

/// "The Message Length is too small, that is, smaller than the smallest possible value component. This is a
/// fatal error signaled by the Bad Message Length Status Code."
#[test]
fn a_message_without_its_message_id_is_fatal() {
    for length in 0..4 {
        let mut short = message(KEEPALIVE, &[]);
        short[3] = length;
        let decoded = decode(&pdu(&[short, message(KEEPALIVE, &[])]));
        let [Err(error)] = decoded.as_slice() else {
            panic!("{decoded:?}");
        };
        assert_eq!(error.status_code(), StatusCode::BAD_MESSAGE_LENGTH);
        assert!(error.is_fatal());
        assert_eq!((error.message_id, error.message_type), (0, KEEPALIVE));
    }
}

/// Octets at the end of a PDU that are too few for a message: the PDU Length is wrong.
#[test]
fn octets_behind_the_last_message_are_fatal() {
    for trailing in 1..4 {
        let decoded = decode(&pdu(&[message(KEEPALIVE, &[]), vec![0; trailing]]));
        let [Ok(_), Err(error)] = decoded.as_slice() else {
            panic!("{decoded:?}");
        };
        assert_eq!(error.problem, Problem::Trailing(trailing));
        assert_eq!(error.status_code(), StatusCode::BAD_PDU_LENGTH);
        assert!(error.is_fatal());
    }
}

/// "The message is missing one or more Mandatory Parameters. This is a non-fatal error signaled by the Missing
/// Message Parameters Status Code."
#[test]
fn missing_mandatory_parameters_are_not_fatal() {
    let request_id = || tlv(0x0600, &[0, 0, 0, 9]);
    for (kind, tlvs) in [
        (NOTIFICATION, vec![]),
        (HELLO, vec![tlv(0x0401, &[192, 0, 2, 1])]),
        (INITIALIZATION, vec![tlv(0x8506, &[0x80])]),
        (ADDRESS, vec![]),
        (0x0301, vec![]),
        (LABEL_MAPPING, vec![fec()]),
        (LABEL_MAPPING, vec![label()]),
        (LABEL_REQUEST, vec![]),
        (LABEL_WITHDRAW, vec![label()]),
        (LABEL_RELEASE, vec![label()]),
        (LABEL_ABORT_REQUEST, vec![fec()]),
        (LABEL_ABORT_REQUEST, vec![request_id()]),
    ] {
        refused(kind, &tlvs, StatusCode::MISSING_MESSAGE_PARAMETERS, false);
    }
}

/// "The TLV Length is too large, that is, indicates that the TLV extends beyond the end of the containing
/// message. This is a fatal error signaled by the Bad TLV Length Status Code."
#[test]
fn a_tlv_longer_than_its_message_is_fatal() {
    let mut long = label();
    long[3] += 1;
    refused(
        LABEL_MAPPING,
        &[fec(), long],
        StatusCode::BAD_TLV_LENGTH,
        true,
    );
    // So is the start of a header.
    for octets in 1..4 {
        refused(
            LABEL_MAPPING,
            &[fec(), label(), vec![0; octets]],
            StatusCode::BAD_TLV_LENGTH,
            true,
        );
    }
}

/// "If the TLV type is < 0x8000 (high order bit = 0), it is an error signaled by the Unknown TLV Status Code";
/// the TLV goes back in a Returned TLVs TLV (RFC 5561 section 8). The session goes on.
#[test]
fn an_unknown_tlv_without_u_bit_is_answered() {
    let unknown = tlv(0x3E01, &[1, 2, 3, 4, 5]);
    let tlvs = [fec(), label(), unknown.clone()];
    let error = refused(LABEL_MAPPING, &tlvs, StatusCode::UNKNOWN_TLV, false);
    assert!(!error.ends_session());
    let notification = error.notification();
    assert_eq!(notification.status, error.status());
    assert_eq!(
        notification.returned_message,
        Some(message(LABEL_MAPPING, &tlvs))
    );
    assert_eq!(
        notification.returned_tlvs,
        [ReturnedTlv { octets: unknown }]
    );
    // ATM and Frame Relay labels are not known, and a TLV that is known elsewhere is not known here.
    for kind in [0x0201, 0x0202, 0x0101, 0x0400] {
        let tlvs = [fec(), tlv(kind, &[0, 0, 0, 0])];
        refused(LABEL_MAPPING, &tlvs, StatusCode::UNKNOWN_TLV, false);
    }
    refused(KEEPALIVE, &[fec()], StatusCode::UNKNOWN_TLV, false);
}

/// "If U is set (=1), the unknown TLV MUST be silently ignored and the rest of the message processed as if the
/// unknown TLV did not exist" (RFC 5036 section 3.3).
#[test]
fn an_unknown_tlv_with_u_bit_is_ignored_and_kept() {
    let tlvs = [tlv(0xBE01, &[1]), fec(), tlv(0xFE02, &[]), label()];
    let with = decode_message(LABEL_MAPPING, &tlvs).expect("a mapping");
    let without = decode_message(LABEL_MAPPING, &[fec(), label()]).expect("a mapping");
    assert_eq!(with.body, without.body);
    let unknown = |kind, forward_bit, value| UnknownTlv {
        kind,
        unknown_bit: true,
        forward_bit,
        value,
    };
    assert_eq!(
        with.unknown,
        [
            unknown(0x3E01, false, vec![1]),
            unknown(0x3E02, true, vec![])
        ]
    );
}

/// "Use of the Status TLV is not limited to Notification messages" (RFC 5036 section 3.4.6).
#[test]
fn a_status_tlv_may_be_in_any_message() {
    let status = || tlv(0x0300, &[0, 0, 0, 0x0B, 0, 0, 0, 9, 4, 0]);
    for (kind, mut tlvs) in [
        (KEEPALIVE, vec![]),
        (ADDRESS, vec![tlv(0x0101, &[0, 1])]),
        (CAPABILITY, vec![]),
        (INITIALIZATION, vec![common_session_parameters()]),
        (LABEL_MAPPING, vec![fec(), label()]),
        (LABEL_REQUEST, vec![fec()]),
        (LABEL_WITHDRAW, vec![fec()]),
        (LABEL_RELEASE, vec![fec()]),
    ] {
        let without = decode_message(kind, &tlvs).expect("a message");
        tlvs.push(status());
        let with = decode_message(kind, &tlvs).expect("a message");
        assert_ne!(with, without);
    }
}

/// "The TLV Value is malformed. This occurs when the receiver handles the TLV but cannot decode the TLV Value
/// ... It is a fatal error signaled by the Malformed TLV Value Status Code."
#[test]
fn malformed_values_are_fatal() {
    let fec_of = |value: &[u8]| tlv(0x0100, value);
    for (kind, tlvs) in [
        // Prefixes of more bits than the address has, or of less octets than the bits need.
        (
            LABEL_MAPPING,
            vec![fec_of(&[2, 0, 1, 33, 10, 1, 0, 0, 0]), label()],
        ),
        (
            LABEL_MAPPING,
            vec![fec_of(&[2, 0, 1, 255, 10, 1, 0, 0]), label()],
        ),
        (
            LABEL_MAPPING,
            vec![fec_of(&[&[2, 0, 2, 129][..], &[0; 17]].concat()), label()],
        ),
        (LABEL_MAPPING, vec![fec_of(&[2, 0, 1, 24, 10, 1]), label()]),
        (LABEL_MAPPING, vec![fec_of(&[2, 0, 1]), label()]),
        (
            LABEL_MAPPING,
            vec![fec_of(&[2, 0, 29, 8, 10, 0, 0, 1]), label()],
        ),
        (LABEL_MAPPING, vec![fec_of(&[]), label()]),
        (LABEL_MAPPING, vec![fec_of(&[2, 0, 1, 8, 10, 2]), label()]),
        // A label of 21 bits, of 3 octets and of 5.
        (LABEL_MAPPING, vec![fec(), tlv(0x0200, &[0, 0x10, 0, 0])]),
        (LABEL_MAPPING, vec![fec(), tlv(0x0200, &[0, 0, 16])]),
        (LABEL_MAPPING, vec![fec(), tlv(0x0200, &[0, 0, 0, 16, 0])]),
        (LABEL_MAPPING, vec![fec(), label(), tlv(0x0103, &[])]),
        (LABEL_MAPPING, vec![fec(), label(), tlv(0x0103, &[1, 2])]),
        (LABEL_MAPPING, vec![fec(), label(), tlv(0x0104, &[])]),
        (
            LABEL_MAPPING,
            vec![fec(), label(), tlv(0x0104, &[1, 2, 3, 4, 5])],
        ),
        (LABEL_MAPPING, vec![fec(), label(), tlv(0x0600, &[1])]),
        (LABEL_MAPPING, vec![fec(), label(), tlv(0xC601, &[1])]),
        (LABEL_MAPPING, vec![fec(), label(), tlv(0xC206, &[1])]),
        (LABEL_WITHDRAW, vec![fec_of(&[5, 2, 2, 0])]),
        (LABEL_WITHDRAW, vec![fec_of(&[5, 2, 3, 0, 1, 0])]),
        (LABEL_WITHDRAW, vec![fec_of(&[5, 2, 2, 0, 29])]),
        (ADDRESS, vec![tlv(0x0101, &[0, 1, 192, 0, 2])]),
        (ADDRESS, vec![tlv(0x0101, &[0, 2, 192, 0, 2, 1])]),
        (ADDRESS, vec![tlv(0x0101, &[0])]),
        (HELLO, vec![tlv(0x0400, &[0, 15, 0])]),
        (HELLO, vec![tlv(0x0400, &[0, 15, 0, 0]), tlv(0x0401, &[1])]),
        (
            HELLO,
            vec![tlv(0x0400, &[0, 15, 0, 0]), tlv(0x0405, &[0; 11])],
        ),
        (INITIALIZATION, vec![tlv(0x0500, &[0; 13])]),
        (
            INITIALIZATION,
            vec![common_session_parameters(), tlv(0x8503, &[0; 11])],
        ),
        (
            INITIALIZATION,
            vec![common_session_parameters(), tlv(0x8506, &[])],
        ),
        (
            INITIALIZATION,
            vec![common_session_parameters(), tlv(0x850C, &[0x80, 5, 2])],
        ),
        (
            INITIALIZATION,
            vec![common_session_parameters(), tlv(0x850F, &[0x80, 0, 1])],
        ),
        (NOTIFICATION, vec![tlv(0x0300, &[0; 9])]),
        (
            NOTIFICATION,
            vec![tlv(0x0300, &[0; 10]), tlv(0x8304, &[0, 1, 0, 1])],
        ),
    ] {
        let error = refused(kind, &tlvs, StatusCode::MALFORMED_TLV_VALUE, true);
        assert!(
            matches!(error.problem, Problem::MalformedTlv { .. }),
            "{error}"
        );
    }
}

/// The Wildcard "must be the only FEC Element in the FEC TLV" (RFC 5036 section 3.4.1), before another one
/// or behind it.
#[test]
fn a_wildcard_with_other_elements_is_malformed() {
    for value in [&[2, 0, 1, 8, 10, 1][..], &[1, 2, 0, 1, 8, 10], &[1, 1]] {
        for kind in [LABEL_MAPPING, LABEL_WITHDRAW, LABEL_RELEASE] {
            let tlvs = [tlv(0x0100, value), label()];
            refused(kind, &tlvs, StatusCode::MALFORMED_TLV_VALUE, true);
        }
    }
    let alone = decode_message(LABEL_WITHDRAW, &[tlv(0x0100, &[1])]).expect("a withdraw");
    let Body::LabelWithdraw(withdraw) = alone.body else {
        panic!("{alone}");
    };
    assert_eq!(withdraw.fec, [FecElement::Wildcard]);
}

/// The Wildcard is "to be used only in the Label Withdraw and Label Release messages" (RFC 5036 section 3.4.1);
/// a Typed Wildcard in Label Request, Withdraw and Release (RFC 5918 section 4). Elsewhere they are FECs that
/// cannot be decoded, and the session goes on.
#[test]
fn wildcards_in_other_messages_are_unknown_fecs() {
    let wildcard = || tlv(0x0100, &[1]);
    let typed = || tlv(0x0100, &[5, 2, 2, 0, 1]);
    refused(
        LABEL_MAPPING,
        &[wildcard(), label()],
        StatusCode::UNKNOWN_FEC,
        false,
    );
    refused(LABEL_REQUEST, &[wildcard()], StatusCode::UNKNOWN_FEC, false);
    refused(
        LABEL_MAPPING,
        &[typed(), label()],
        StatusCode::UNKNOWN_FEC,
        false,
    );
    for kind in [LABEL_REQUEST, LABEL_WITHDRAW, LABEL_RELEASE] {
        decode_message(kind, &[typed()]).expect("a typed wildcard");
    }
}

/// "If it encounters a FEC Element type it cannot decode, it SHOULD stop decoding the FEC TLV, abort processing
/// the message containing the TLV, and send an 'Unknown FEC' Notification message" (RFC 5036 section 3.4.1.1).
#[test]
fn unknown_fec_elements_abort_the_message_only() {
    for kind in [0x00, 0x03, 0x06, 0x07, 0x80, 0x81, 0x82, 0xFF] {
        let tlvs = [tlv(0x0100, &[2, 0, 1, 8, 10, kind, 9, 9]), label()];
        let error = refused(LABEL_MAPPING, &tlvs, StatusCode::UNKNOWN_FEC, false);
        assert_eq!(error.problem, Problem::UnknownFec(kind));
        assert!(!error.ends_session());
    }
    // A typed wildcard of another type (RFC 5918 section 4).
    refused(
        LABEL_WITHDRAW,
        &[tlv(0x0100, &[5, 0x80, 0])],
        StatusCode::UNKNOWN_FEC,
        false,
    );
}

/// "A FEC Element with an Address Family it does not support" (RFC 5036 section 3.4.1.1), and an Address List
/// of one (section 3.5.5.1).
#[test]
fn other_address_families_abort_the_message_only() {
    let unsupported = StatusCode::UNSUPPORTED_ADDRESS_FAMILY;
    for family in [0, 3, 25, 28, 31] {
        let tlvs = [tlv(0x0100, &[2, 0, family, 8, 10]), label()];
        refused(LABEL_MAPPING, &tlvs, unsupported, false);
    }
    refused(
        ADDRESS,
        &[tlv(0x0101, &[0, 6, 1, 2, 3])],
        unsupported,
        false,
    );
    // The families of RFC 7307 have no addresses of interfaces.
    refused(
        ADDRESS,
        &[tlv(0x0101, &[0, 29, 1, 2, 3, 4])],
        unsupported,
        false,
    );
    refused(
        LABEL_REQUEST,
        &[tlv(0x0100, &[5, 2, 2, 0, 9])],
        unsupported,
        false,
    );
}

/// Other messages of the PDU are taken, whatever is wrong with one of them.
#[test]
fn one_wrong_message_does_not_take_others_with_it() {
    let mapping = message(LABEL_MAPPING, &[fec(), label()]);
    let malformed = message(LABEL_MAPPING, &[tlv(0x0100, &[2, 0, 1, 255]), label()]);
    let decoded = decode(&pdu(&[
        mapping.clone(),
        malformed,
        mapping.clone(),
        message(0x0FFF, &[]),
        mapping,
    ]));
    let taken: Vec<bool> = decoded.iter().map(Result::is_ok).collect();
    assert_eq!(taken, [true, false, true, false, true]);
}

/// Bits behind a prefix are padding: the prefix is the same.
#[test]
fn bits_behind_a_prefix_are_ignored() {
    let tlvs = [tlv(0x0100, &[2, 0, 1, 9, 10, 0xFF]), label()];
    let decoded = decode_message(LABEL_MAPPING, &tlvs).expect("a mapping");
    let Body::LabelMapping(mapping) = decoded.body else {
        panic!("{decoded}");
    };
    let prefix: ipnet::IpNet = "10.128.0.0/9".parse().expect("a prefix");
    assert_eq!(mapping.fec, [FecElement::Prefix(PrefixFec::from(prefix))]);
}

/// RFC 7307 section 3.3: the element of a topology; MT-ID 0 is the default topology. The length of the typed
/// wildcard is 6 in its figure, for the four octets that are there.
#[test]
fn fec_elements_of_topologies() {
    let fec_of = |value: &[u8]| {
        let decoded = decode_message(LABEL_WITHDRAW, &[tlv(0x0100, value)]).expect("a withdraw");
        match decoded.body {
            Body::LabelWithdraw(withdraw) => withdraw.fec,
            _ => panic!("{decoded}"),
        }
    };
    let prefix = |topology| {
        let prefix = "10.0.0.0/8".parse().expect("a prefix");
        let topology = MultiTopologyId(topology);
        vec![FecElement::Prefix(PrefixFec { topology, prefix })]
    };
    assert_eq!(fec_of(&[2, 0, 29, 8, 10, 0, 0, 0, 3]), prefix(3));
    assert_eq!(fec_of(&[2, 0, 29, 8, 10, 0xFF, 0xFF, 0, 0]), prefix(0));
    let wildcard = vec![FecElement::TypedWildcard(TypedWildcard::Prefix {
        family: ldp::packet::AddressFamily::Ipv6,
        topology: MultiTopologyId(65535),
    })];
    assert_eq!(fec_of(&[5, 2, 4, 0, 30, 0xFF, 0xFF]), wildcard);
    assert_eq!(fec_of(&[5, 2, 6, 0, 30, 0xFF, 0xFF]), wildcard);
    assert_eq!(fec_of(&[5, 2, 6, 0, 30, 0, 0, 0xFF, 0xFF]), wildcard);
}

/// "The LDP speaker should ignore the other FEC elements and continue processing as if the message only
/// contains the Typed Wildcard FEC Element" (RFC 5918 section 4).
#[test]
fn elements_beside_a_typed_wildcard_are_ignored() {
    let value = [2, 0, 1, 8, 10, 5, 2, 2, 0, 1, 2, 0, 1, 8, 11];
    let decoded = decode_message(LABEL_RELEASE, &[tlv(0x0100, &value)]).expect("a release");
    let Body::LabelRelease(release) = decoded.body else {
        panic!("{decoded}");
    };
    assert_eq!(
        release.fec,
        [FecElement::TypedWildcard(TypedWildcard::Prefix {
            family: ldp::packet::AddressFamily::Ipv4,
            topology: MultiTopologyId::DEFAULT,
        })]
    );
}

/// "An LSR SHOULD accept only the first Transport Address optional object for a given address family in the
/// received Hello message and ignore the rest" (RFC 7552 section 6.1), and one of each family is accepted.
#[test]
fn the_first_transport_address_of_a_family_counts() {
    let ipv6 = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let tlvs = [
        tlv(0x0400, &[0, 15, 0x5F, 0xFF]),
        tlv(0x0401, &[192, 0, 2, 1]),
        tlv(0x0403, &ipv6),
        tlv(0x0401, &[192, 0, 2, 2]),
        tlv(0x0403, &[0; 16]),
    ];
    let decoded = decode_message(HELLO, &tlvs).expect("a Hello");
    let expected = Hello {
        hold_time: 15,
        // Reserved bits are ignored.
        request_targeted: true,
        ipv4_transport: Some([192, 0, 2, 1].into()),
        ipv6_transport: Some(ipv6.into()),
        ..Hello::default()
    };
    assert_eq!(decoded.body, Body::Hello(expected));
}

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
    assert_eq!(decoded.body, Body::Capability(expected));
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
        state_advertisement(&[0x80 | 1 << 3, 7, 2 << 3 | 7, 0x80 | 5 << 3]),
        [element(1, true), element(2, false)]
    );
    assert_eq!(state_advertisement(&[1 << 3, 2 << 3, 0x80 | 1 << 3]), []);
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

/// RFC 5036 section 3.5.3: where the intersection of the label ranges is empty, "the LSR MUST send a Session
/// Rejected/Parameters Label Range Notification". This LSR has no ATM and no Frame Relay labels.
#[test]
fn sessions_for_atm_and_frame_relay_are_rejected() {
    for kind in [0x0501, 0x0502] {
        let tlvs = [common_session_parameters(), tlv(kind, &[0; 4])];
        refused(
            INITIALIZATION,
            &tlvs,
            StatusCode::SESSION_REJECTED_LABEL_RANGE,
            true,
        );
    }
}

/// A FEC that cannot be decoded does not hide what a Notification says.
#[test]
fn a_notification_with_an_unknown_fec_is_taken() {
    let tlvs = [
        tlv(0x0300, &[0, 0, 0, 0x28, 0, 0, 0, 0, 0, 0]),
        tlv(0x0100, &[0x80, 1, 2, 3]),
    ];
    let decoded = decode_message(NOTIFICATION, &tlvs).expect("a Notification");
    let Body::Notification(notification) = decoded.body else {
        panic!("{decoded}");
    };
    assert_eq!(notification.status.code, StatusCode::PW_STATUS);
    let element = FecElement::Unknown {
        kind: 0x80,
        octets: vec![1, 2, 3],
    };
    assert_eq!(notification.fec, [element]);
}

/// What goes back of a long message is its start.
#[test]
fn a_long_message_is_returned_in_part() {
    let path = vec![1; 4 * 200 + 1];
    let tlvs = [fec(), label(), tlv(0x0104, &path)];
    let error = refused(LABEL_MAPPING, &tlvs, StatusCode::MALFORMED_TLV_VALUE, true);
    let returned = error.notification().returned_message.expect("a message");
    assert_eq!(returned, message(LABEL_MAPPING, &tlvs)[..returned.len()]);
    assert!(returned.len() < 256);
}
