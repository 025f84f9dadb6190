//! FEC elements (RFC 5036 section 3.4.1, RFC 5918, RFC 7307).

use ldp::packet::{Body, FecElement, Problem, StatusCode, TypedWildcard};
use ldp::{MultiTopologyId, PrefixFec};

use crate::octets::{
    ADDRESS, LABEL_MAPPING, LABEL_RELEASE, LABEL_REQUEST, LABEL_WITHDRAW, NOTIFICATION,
    decode_message, label, refused, tlv,
};

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
    // MT-ID 0 is ignored (section 3.2), and what is beside it is not.
    let ignored = |kind, octets: &[u8]| FecElement::Ignored {
        kind,
        octets: octets.to_vec(),
    };
    let octets = [0, 29, 8, 10, 0xFF, 0xFF, 0, 0];
    assert_eq!(fec_of(&[&[2][..], &octets].concat()), [ignored(2, &octets)]);
    assert_eq!(
        fec_of(&[5, 2, 4, 0, 29, 0, 0]),
        [ignored(5, &[2, 4, 0, 29, 0, 0])]
    );
    let beside = [prefix(0), vec![ignored(2, &octets)], prefix(3)].concat();
    let plain = [2, 0, 1, 8, 10];
    let of_topology = [2, 0, 29, 8, 10, 0, 0, 0, 3];
    assert_eq!(
        fec_of(&[&plain[..], &[2], &octets, &of_topology].concat()),
        beside
    );
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
