//! What is wrong with a message, and what its sender is told (RFC 5036 sections 3.3 and 3.5.1.2).

use ldp::packet::{Body, Hello, Message, Problem, ReturnedTlv, StatusCode, UnknownTlv};

use crate::octets::{
    ADDRESS, CAPABILITY, HELLO, INITIALIZATION, KEEPALIVE, LABEL_ABORT_REQUEST, LABEL_MAPPING,
    LABEL_RELEASE, LABEL_REQUEST, LABEL_WITHDRAW, NOTIFICATION, common_session_parameters, decode,
    decode_message, fec, label, message, pdu, refused, tlv,
};

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
    let unknown = |kind, forward_bit, value| UnknownTlv {
        kind,
        unknown_bit: true,
        forward_bit,
        value,
    };
    let (Body::LabelMapping(with_body), Body::LabelMapping(mut body)) = (with.body, without.body)
    else {
        panic!("a mapping is none");
    };
    // What is to be forwarded with the mapping is part of it.
    body.forwarded = vec![unknown(0x3E02, true, vec![])];
    assert_eq!(with_body, body);
    assert_eq!(with.unknown, [unknown(0x3E01, false, vec![1])]);
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
    assert_eq!(decoded.body, Body::Hello(Box::new(expected)));
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
