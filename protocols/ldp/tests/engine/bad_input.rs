//! What is wrong with PDUs, messages and TLVs, and what the peer is told (RFC 5036 sections 3.5.1.2 and
//! 3.9).

use ldp::LdpIdentifier;
use ldp::engine::{ConnectionId, Families, SessionState};
use ldp::packet::{Body, StatusCode};

use crate::support::config;
use crate::support::script::{PEER, Script, notification};

fn operational() -> (Script, ConnectionId) {
    let mut script = Script::new(config("1.1.1.1", &[("eth0", Families::IPV4)]));
    let id = script.operational();
    script.taken(id);
    (script, id)
}

/// A PDU of the peer with these octets as messages.
fn raw(messages: &[u8]) -> Vec<u8> {
    let length = u16::try_from(messages.len() + 6).expect("short");
    let mut pdu = vec![0, 1];
    pdu.extend_from_slice(&length.to_be_bytes());
    pdu.extend_from_slice(&[9, 9, 9, 9, 0, 0]);
    pdu.extend_from_slice(messages);
    pdu
}

/// A message of a type with these octets as parameters.
fn message(kind: u16, parameters: &[u8]) -> Vec<u8> {
    let length = u16::try_from(parameters.len() + 4).expect("short");
    let mut octets = kind.to_be_bytes().to_vec();
    octets.extend_from_slice(&length.to_be_bytes());
    octets.extend_from_slice(&[0, 0, 0, 77]);
    octets.extend_from_slice(parameters);
    octets
}

const FEC_10: [u8; 9] = [0x01, 0x00, 0, 5, 2, 0, 1, 8, 10];
const LABEL_16: [u8; 8] = [0x02, 0x00, 0, 4, 0, 0, 0, 16];

fn mapping(parts: &[&[u8]]) -> Vec<u8> {
    message(0x0400, &parts.concat())
}

/// Each error, the octets that make it, the status, and whether it ends the session.
fn cases() -> Vec<(&'static str, Vec<u8>, StatusCode, bool)> {
    let mut other_peer = raw(&message(0x0201, &[]));
    other_peer[4] = 8;
    vec![
        (
            "a PDU of another LDP Identifier",
            other_peer,
            StatusCode::BAD_LDP_IDENTIFIER,
            true,
        ),
        (
            "a PDU of version 2",
            vec![0, 2, 0, 14, 9, 9, 9, 9, 0, 0],
            StatusCode::BAD_PROTOCOL_VERSION,
            true,
        ),
        (
            "a PDU Length of 13",
            vec![0, 1, 0, 13],
            StatusCode::BAD_PDU_LENGTH,
            true,
        ),
        (
            // faults-seen 10b: told with the header, not when all of it is there.
            "a PDU Length that is more than was negotiated",
            vec![0, 1, 0x10, 0x01],
            StatusCode::BAD_PDU_LENGTH,
            true,
        ),
        (
            "a message that is longer than its PDU",
            raw(&[0x02, 0x01, 0, 40, 0, 0, 0, 1]),
            StatusCode::BAD_MESSAGE_LENGTH,
            true,
        ),
        (
            "a message without a Message ID",
            raw(&[0x02, 0x01, 0, 2, 0, 0, 0, 1]),
            StatusCode::BAD_MESSAGE_LENGTH,
            true,
        ),
        (
            "a TLV that is longer than its message",
            raw(&mapping(&[&[0x01, 0x00, 0, 50, 2, 0, 1, 8, 10]])),
            StatusCode::BAD_TLV_LENGTH,
            true,
        ),
        (
            "a prefix length of 255",
            raw(&mapping(&[
                &[0x01, 0x00, 0, 5, 2, 0, 1, 255, 10],
                &LABEL_16,
            ])),
            StatusCode::MALFORMED_TLV_VALUE,
            true,
        ),
        (
            // faults-seen 10a.
            "a prefix and then a wildcard in one FEC TLV",
            raw(&message(0x0402, &[0x01, 0x00, 0, 6, 2, 0, 1, 8, 10, 1])),
            StatusCode::MALFORMED_TLV_VALUE,
            true,
        ),
        (
            "an unknown message without U bit",
            raw(&message(0x0777, &[1, 2, 3, 4])),
            StatusCode::UNKNOWN_MESSAGE_TYPE,
            false,
        ),
        (
            "an unknown TLV without U bit",
            raw(&mapping(&[&FEC_10, &LABEL_16, &[0x07, 0x77, 0, 1, 1]])),
            StatusCode::UNKNOWN_TLV,
            false,
        ),
        (
            "a mapping without a label",
            raw(&mapping(&[&FEC_10])),
            StatusCode::MISSING_MESSAGE_PARAMETERS,
            false,
        ),
        (
            "a FEC element of an unknown type",
            raw(&mapping(&[&[0x01, 0x00, 0, 2, 0x77, 0], &LABEL_16])),
            StatusCode::UNKNOWN_FEC,
            false,
        ),
        (
            "an address family that nobody has",
            raw(&mapping(&[&[0x01, 0x00, 0, 5, 2, 0, 99, 8, 10], &LABEL_16])),
            StatusCode::UNSUPPORTED_ADDRESS_FAMILY,
            false,
        ),
    ]
}

/// Sections 3.5.1.2.1 and 3.5.1.2.2: each error is told with its status; fatal ones end the session:
/// faults-seen 6.
#[test]
fn each_error_is_told_with_its_status_and_fatal_ones_end_the_session() {
    for (what, octets, status, fatal) in cases() {
        let (mut script, id) = operational();
        script.octets(id, &octets);
        let notifications = script.notifications(id);
        let [notification] = notifications.as_slice() else {
            panic!("{what}: one Notification, not {notifications:?}");
        };
        assert_eq!(notification.status.code, status, "{what}");
        assert_eq!(notification.status.fatal, fatal, "{what}");
        assert_eq!(script.closed(id), fatal, "{what}");
        assert_eq!(script.state() == SessionState::NonExistent, fatal, "{what}");
    }
}

/// The same octets before the session is operational: the session is rejected, with a Notification.
#[test]
fn each_error_before_the_session_is_operational_rejects_it() {
    for (what, octets, _, _) in cases() {
        let mut script = Script::new(config("1.1.1.1", &[("eth0", Families::IPV4)]));
        let id = script.passive_connection();
        script.octets(id, &octets);
        let (statuses, closed) = script.answer(id);
        assert_eq!(statuses.len(), 1, "{what}: {statuses:?}");
        assert!(statuses[0].is_fatal(), "{what}: {statuses:?}");
        assert!(closed, "{what}");
    }
}

/// Section 3.5.1.2.1: unknown messages, and section 3.5.1.2.2, unknown TLVs, with the U bit set are dropped
/// in silence.
#[test]
fn unknown_messages_and_tlvs_with_the_u_bit_are_dropped_in_silence() {
    let (mut script, id) = operational();
    script.octets(id, &raw(&message(0x8777, &[1, 2, 3, 4])));
    script.octets(
        id,
        &raw(&mapping(&[&FEC_10, &LABEL_16, &[0x87, 0x77, 0, 1, 1]])),
    );
    assert_eq!(script.notifications(id), []);
    assert_eq!(script.ldp.labels().counters().received, 1);
}

/// A message that is wrong, but not fatal, does not take those with it that are in the same PDU.
#[test]
fn messages_behind_one_that_is_ignored_are_taken() {
    let (mut script, id) = operational();
    let mut messages = message(0x0777, &[1]);
    messages.extend(mapping(&[&FEC_10, &LABEL_16]));
    script.octets(id, &raw(&messages));
    assert_eq!(script.ldp.labels().counters().received, 1);
}

/// Section 3.5.1.1: a Notification of a fatal error ends the session, one of an advisory does not. Every
/// status of section 3.9 and of later RFCs is taken.
#[test]
fn every_status_is_taken_and_the_fatal_ones_end_the_session() {
    for code in StatusCode::KNOWN
        .iter()
        .copied()
        .chain([StatusCode(0x3fff)])
    {
        let (mut script, id) = operational();
        script.send(id, notification(code));
        // RFC 5561 section 6: after Unsupported Capability its sender ends the session.
        let ends = code.is_fatal() || code == StatusCode::UNSUPPORTED_CAPABILITY;
        assert_eq!(script.state() == SessionState::NonExistent, ends, "{code}");
        let log: Vec<String> = script.events.iter().map(ToString::to_string).collect();
        assert!(
            log.iter().any(|line| line.contains(&code.to_string())),
            "{code}: {log:?}"
        );
    }
}

/// An unreadable Notification is not answered by another one: two LSRs could go on for ever.
#[test]
fn an_unreadable_notification_is_not_answered() {
    let (mut script, id) = operational();
    // No Status TLV.
    script.octets(id, &raw(&message(0x0001, &[])));
    assert_eq!(script.notifications(id), []);
    assert_eq!(script.state(), SessionState::Operational);
    assert_eq!(
        script
            .neighbour()
            .statistics
            .errors
            .missing_message_parameters,
        1
    );
}

/// Other sessions are not disturbed by a peer that sends garbage.
#[test]
fn garbage_of_one_peer_leaves_the_session_with_another_alone() {
    let (mut script, id) = operational();
    let other = LdpIdentifier::platform(std::net::Ipv4Addr::new(7, 7, 7, 7));
    let mut hello = script.hello();
    hello.ipv4_transport = Some(other.lsr_id);
    script.say_as(other, "10.0.0.7", hello);
    let second = script.connect_from("7.7.7.7").expect("accepted").id;
    for body in [
        Body::Initialization(Box::new(script.initialization())),
        Body::KeepAlive,
    ] {
        let pdu = script.pdu(other, vec![body]);
        script.octets(second, &pdu);
    }
    assert_eq!(script.ldp.lsr(script.now()).operational_sessions, 2);
    script.octets(id, &[0xff; 5000]);
    assert!(script.closed(id));
    assert!(!script.closed(second));
    assert_eq!(script.ldp.lsr(script.now()).operational_sessions, 1);
}

/// A PDU may come octet by octet.
#[test]
fn octets_that_come_one_by_one_are_the_same_pdu() {
    let (mut script, id) = operational();
    let pdu = script.pdu(
        PEER,
        vec![
            Body::KeepAlive,
            Body::Address(ldp::packet::AddressMessage {
                addresses: vec![crate::support::address("10.0.0.9")],
            }),
        ],
    );
    for octet in pdu {
        script.octets(id, &[octet]);
    }
    assert_eq!(
        script.neighbour().addresses,
        [crate::support::address("10.0.0.9")]
    );
}
