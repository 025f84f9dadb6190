//! RFC 5036 section 3.3: "By setting both the U- and F-bits, a TLV can be propagated as opaque data through nodes
//! that do not recognize the TLV."

use ldp::label::ControlMode;
use ldp::packet::{Body, LabelMapping, LabelRequest, UnknownTlv};

use crate::lsr::*;

fn opaque(value: &[u8]) -> UnknownTlv {
    UnknownTlv {
        kind: 0x3E07,
        unknown_bit: true,
        forward_bit: true,
        value: value.to_vec(),
    }
}

fn with(value: u32, forwarded: &[UnknownTlv]) -> Body {
    let mut mapping = mapping("198.51.100.0/24", value);
    mapping.forwarded = forwarded.to_vec();
    Body::LabelMapping(mapping)
}

/// The mappings that a peer was sent, since the last time.
fn mappings(lsr: &mut Lsr, n: u8) -> Vec<LabelMapping> {
    let mappings = lsr.take(n).into_iter().filter_map(|body| match body {
        Body::LabelMapping(mapping) => Some(mapping),
        _ => None,
    });
    mappings.collect()
}

/// "if F is set (=1), the unknown TLV is forwarded with the containing message", when that is propagated upstream;
/// and again if it is another.
#[test]
fn an_unknown_tlv_with_f_bit_goes_along_with_the_mapping() {
    let mut lsr = Lsr::new(|policy| policy.control = ControlMode::Ordered);
    lsr.up(2);
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[2]));
    for value in [&[1][..], &[2, 3]] {
        lsr.receive(2, with(500, &[opaque(value)]));
        let sent = mappings(&mut lsr, 3);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].forwarded, [opaque(value)]);
    }
    // It is the same as before.
    lsr.receive(2, with(500, &[opaque(&[2, 3])]));
    assert_eq!(mappings(&mut lsr, 3), []);
    lsr.receive(2, with(500, &[]));
    assert_eq!(mappings(&mut lsr, 3)[0].forwarded, []);
    // A peer that comes later gets it too.
    lsr.receive(2, with(500, &[opaque(&[4])]));
    lsr.up(4);
    assert_eq!(mappings(&mut lsr, 4)[0].forwarded, [opaque(&[4])]);
}

/// A mapping that stands for several next hops has what all of them said.
#[test]
fn of_several_next_hops_only_what_all_said_goes_along() {
    let mut lsr = Lsr::new(|policy| policy.control = ControlMode::Ordered);
    lsr.up(2);
    lsr.up(3);
    lsr.up(4);
    lsr.route("198.51.100.0/24", via(&[2, 3]));
    lsr.receive(2, with(500, &[opaque(&[1]), opaque(&[2])]));
    lsr.receive(3, with(600, &[opaque(&[2]), opaque(&[3])]));
    let sent = mappings(&mut lsr, 4);
    assert_eq!(sent.last().unwrap().forwarded, [opaque(&[2])]);
}

/// A peer can make this LSR keep no more than 128 octets for a mapping.
#[test]
fn what_goes_along_is_bounded() {
    let mut lsr = Lsr::new(|policy| policy.control = ControlMode::Ordered);
    lsr.up(2);
    lsr.up(3);
    lsr.route("198.51.100.0/24", via(&[2]));
    let small = opaque(&[1; 56]);
    lsr.receive(2, with(500, &[small.clone(), small.clone(), small.clone()]));
    assert_eq!(mappings(&mut lsr, 3)[0].forwarded, [small.clone(), small]);
    lsr.receive(2, with(500, &[opaque(&[1; 125])]));
    assert_eq!(mappings(&mut lsr, 3)[0].forwarded, []);
}

/// The same for a request that is propagated downstream.
#[test]
fn an_unknown_tlv_with_f_bit_goes_along_with_the_request() {
    let mut lsr = Lsr::new(|policy| {
        policy.ingress = false;
        policy.control = ControlMode::Ordered;
    });
    lsr.up_with(2, on_demand());
    lsr.up_with(3, on_demand());
    lsr.route("198.51.100.0/24", via(&[2]));
    let asked = LabelRequest {
        forwarded: vec![opaque(&[7])],
        ..request("198.51.100.0/24")
    };
    lsr.receive(3, Body::LabelRequest(asked.clone()));
    let sent = lsr.take(2);
    assert!(sent.contains(&Body::LabelRequest(asked)), "{sent:?}");
}
