//! Status codes (RFC 5036 section 3.9) and the Status TLV (section 3.4.6).

use ldp::packet::{Body, Notification, Status, StatusCode, TypedWildcard};

use crate::octets::{decode_message, tlv};

/// The table of RFC 5036 section 3.9 as it stands there, and those of RFC 3479 section 8.1, 5561, 5919,
/// 7307, 7552 and 8223.
#[test]
fn the_e_bits_are_those_of_the_tables() {
    let table = "\
        0 0x00000000 Success|1 0x00000001 Bad LDP Identifier|1 0x00000002 Bad Protocol Version|\
        1 0x00000003 Bad PDU Length|0 0x00000004 Unknown Message Type|\
        1 0x00000005 Bad Message Length|0 0x00000006 Unknown TLV|1 0x00000007 Bad TLV Length|\
        1 0x00000008 Malformed TLV Value|1 0x00000009 Hold Timer Expired|1 0x0000000A Shutdown|\
        0 0x0000000B Loop Detected|0 0x0000000C Unknown FEC|0 0x0000000D No Route|\
        0 0x0000000E No Label Resources|0 0x0000000F Label Resources / Available|\
        1 0x00000010 Session Rejected/No Hello|\
        1 0x00000011 Session Rejected/Parameters Advertisement Mode|\
        1 0x00000012 Session Rejected/Parameters Max PDU Length|\
        1 0x00000013 Session Rejected/Parameters Label Range|\
        1 0x00000014 KeepAlive Timer Expired|0 0x00000015 Label Request Aborted|\
        0 0x00000016 Missing Message Parameters|0 0x00000017 Unsupported Address Family|\
        1 0x00000018 Session Rejected/Bad KeepAlive Time|1 0x00000019 Internal Error|\
        0 0x0000001A No LDP Session|1 0x0000001B Zero FT seqnum|\
        1 0x0000001C Unexpected TLV / Session Not FT|1 0x0000001D Unexpected TLV / Label Not FT|\
        1 0x0000001E Missing FT Protection TLV|1 0x0000001F FT ACK sequence error|\
        0 0x00000020 Temporary Shutdown|1 0x00000021 FT Seq Numbers Exhausted|\
        1 0x00000022 FT Session parameters / changed|1 0x00000023 Unexpected FT Cork TLV|\
        0 0x0000002E Unsupported Capability|0 0x0000002F End-of-LIB|\
        0 0x00000031 Invalid Topology ID|1 0x00000032 Transport Connection Mismatch|\
        1 0x00000033 Dual-Stack Noncompliance|\
        1 0x0000004C Session Rejected/Targeted Application Capability Mismatch";
    let mut rows = 0;
    for row in table.split('|') {
        let (fatal, rest) = row.split_once(' ').expect("an E bit");
        let (value, name) = rest.split_once(' ').expect("a value");
        let value = u32::from_str_radix(&value[2..], 16).expect("hex");
        let code = StatusCode(value);
        assert_eq!(code.name(), Some(name));
        assert_eq!(code.is_fatal(), fatal == "1", "{name}");
        assert!(StatusCode::KNOWN.contains(&code));
        assert_eq!(code.to_string(), name);
        rows += 1;
    }
    assert_eq!(rows, 42);
    assert_eq!(StatusCode(0x1234).name(), None);
    assert!(!StatusCode(0x1234).is_fatal());
    assert_eq!(StatusCode(0x1234).to_string(), "status 0x00001234");
}

/// E and F are the upper two bits of the code; the F bit of the TLV is the same, and its U bit is clear in
/// a Notification.
#[test]
fn a_fatal_status_in_a_notification() {
    let mut status = Status::about(StatusCode::BAD_TLV_LENGTH, 0x0102_0304, 0x0400);
    status.forward = true;
    let value = [0xC0, 0, 0, 7, 1, 2, 3, 4, 4, 0];
    let message = decode_message(0x0001, &[tlv(0x4300, &value)]).expect("a Notification");
    assert_eq!(
        message.body,
        Body::Notification(Box::new(Notification::from(status)))
    );
    let mut builder = ldp::packet::PduBuilder::new(crate::octets::sender(), 4096);
    builder.push_message(&message).expect("a short message");
    let octets = builder.take();
    assert_eq!(octets[18..], tlv(0x4300, &value));
    assert_eq!(
        message.to_string(),
        "Notification (0x0001) id 7: Bad TLV Length (fatal) about Label Mapping id 16909060"
    );
}

/// RFC 5919 section 4: E and F bits are zero, and the FEC is a typed wildcard.
#[test]
fn end_of_lib_has_a_typed_wildcard() {
    let notification = Notification::end_of_lib(TypedWildcard::Prefix {
        family: ldp::packet::AddressFamily::Ipv6,
        topology: ldp::MultiTopologyId::DEFAULT,
    });
    let expected = decode_message(
        0x0001,
        &[
            tlv(0x0300, &[0, 0, 0, 0x2F, 0, 0, 0, 0, 0, 0]),
            tlv(0x0100, &[5, 2, 2, 0, 2]),
        ],
    );
    assert_eq!(
        expected.map(|message| message.body),
        Ok(Body::Notification(Box::new(notification)))
    );
}
