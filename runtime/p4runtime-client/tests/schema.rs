//! Table entries and packets by the names of a P4Info.

use p4runtime_client::{
    DecodeError, EntryAction, EntryError, Match, MeterRates, Schema, SchemaError, TableEntry, Value,
};
use p4runtime_proto::convert;
use p4runtime_proto::p4::v1;
use proptest::prelude::*;

const P4INFO: &str = r#"
tables {
  preamble { id: 0x02000001 name: "ingress.acl" alias: "acl" }
  match_fields { id: 1 name: "vrf" bitwidth: 16 match_type: EXACT }
  match_fields { id: 2 name: "dst" bitwidth: 32 match_type: LPM }
  match_fields { id: 3 name: "mac" bitwidth: 48 match_type: TERNARY }
  match_fields { id: 4 name: "port" bitwidth: 16 match_type: RANGE }
  match_fields { id: 5 name: "ingress_port" bitwidth: 9 match_type: OPTIONAL }
  action_refs { id: 0x01000001 }
  action_refs { id: 0x01000002 }
  action_refs { id: 0x01000003 scope: DEFAULT_ONLY }
  direct_resource_ids: 0x13000001
  direct_resource_ids: 0x15000001
  size: 64
}
tables {
  preamble { id: 0x02000002 name: "ingress.group" alias: "group" }
  match_fields { id: 1 name: "id" bitwidth: 32 match_type: EXACT }
  action_refs { id: 0x01000001 }
  implementation_id: 0x11000001
  size: 32
}
actions {
  preamble { id: 0x01000001 name: "ingress.forward" alias: "forward" }
  params { id: 1 name: "nhlfe" bitwidth: 32 }
  params { id: 2 name: "port" bitwidth: 9 }
}
actions { preamble { id: 0x01000002 name: "ingress.drop" alias: "drop" } }
actions { preamble { id: 0x01000003 name: "ingress.miss" alias: "miss" } }
action_profiles {
  preamble { id: 0x11000001 name: "ingress.selector" alias: "selector" }
  table_ids: 0x02000002 with_selector: true size: 128 max_group_size: 8
}
controller_packet_metadata {
  preamble { id: 0x04000001 name: "packet_in" alias: "packet_in" }
  metadata { id: 1 name: "ingress_port" bitwidth: 9 }
  metadata { id: 2 name: "reason" bitwidth: 7 }
}
controller_packet_metadata {
  preamble { id: 0x04000002 name: "packet_out" alias: "packet_out" }
  metadata { id: 1 name: "egress_port" bitwidth: 9 }
  metadata { id: 2 name: "unused" bitwidth: 7 }
}
"#;

fn schema() -> Schema {
    Schema::new(&convert::p4info_from_text(P4INFO).unwrap()).unwrap()
}

fn value(number: u64) -> Value {
    number.into()
}

#[test]
fn names_may_be_short_or_full() {
    let schema = schema();
    assert_eq!(schema.table("acl").unwrap().id, 0x0200_0001);
    assert_eq!(schema.table("ingress.acl").unwrap().id, 0x0200_0001);
    assert_eq!(
        schema.table("cl").unwrap_err(),
        SchemaError::Missing {
            kind: "table",
            name: "cl".to_owned(),
            have: vec!["ingress.acl".to_owned(), "ingress.group".to_owned()],
        }
    );
    let table = schema.table("group").unwrap();
    let selector = table.implementation.clone().unwrap();
    assert_eq!((selector.size, selector.max_group_size), (128, 8));
    assert!(!table.has_counter && schema.table("acl").unwrap().has_counter);
}

#[test]
fn an_entry_is_built_by_names() {
    let schema = schema();
    let rates = MeterRates {
        cir: 1,
        cburst: 2,
        pir: 3,
        pburst: 4,
    };
    let entry = schema
        .entry("acl")
        .and_then(|entry| entry.exact("vrf", 7u16))
        .and_then(|entry| entry.lpm("dst", 0x0A00_00FFu32, 8))
        .and_then(|entry| entry.exact("ingress_port", 5u16))
        .and_then(|entry| entry.priority(10).action("drop", &[]))
        .and_then(|entry| entry.meter(rates))
        .and_then(|entry| entry.build())
        .unwrap();
    assert_eq!(
        entry.to_string(),
        "acl [vrf=0x07, dst=0x0a000000/8, ingress_port=0x05] -> drop()"
    );
    let message = v1::TableEntry::from(&entry);
    assert_eq!(
        message.r#match.len(),
        3,
        "a field that matches everything is left out"
    );
    assert_eq!(message.meter_config.unwrap().pir, 3);
    assert_eq!(
        schema.decode_entry(&v1::TableEntry::from(&entry)).unwrap(),
        entry
    );
}

#[test]
fn what_does_not_fit_is_named() {
    let schema = schema();
    let acl = || schema.entry("acl").unwrap();
    let error = |result: Result<p4runtime_client::EntryBuilder, EntryError>| {
        result.unwrap_err().to_string()
    };
    assert_eq!(
        error(acl().exact("nope", 1u8)),
        "table ingress.acl has no match field nope"
    );
    assert_eq!(
        error(acl().exact("vrf", 0x1_0000u32)),
        "table ingress.acl: vrf: value 0x010000 does not fit 16 bits"
    );
    assert_eq!(
        error(acl().exact("dst", 1u8)),
        "table ingress.acl: field dst is matched as Lpm"
    );
    assert!(error(acl().lpm("dst", 1u8, 33)).contains("prefix length of dst"));
    assert_eq!(
        error(acl().action("miss", &[])),
        "table ingress.acl has no action miss"
    );
    assert_eq!(
        error(acl().action("forward", &[("port", value(1))])),
        "table ingress.acl: action forward takes (nhlfe, port), not (port)"
    );
    assert_eq!(
        error(acl().action("forward", &[("nhlfe", value(1)), ("port", value(512))])),
        "table ingress.acl: port: value 0x0200 does not fit 9 bits"
    );
    assert!(error(acl().member("drop", &[], 1, None)).contains("direct: give it one action"));
    let group = || schema.entry("group").unwrap().exact("id", 1u8).unwrap();
    assert!(error(group().action("forward", &[])).contains("indirect: give it an action set"));
    assert!(error(group().member("forward", &[], 0, None)).contains("weight of at least 1"));
    let rates = MeterRates {
        cir: 1,
        cburst: 1,
        pir: 1,
        pburst: 1,
    };
    assert!(error(group().meter(rates)).contains("has no direct meter"));
    assert!(
        acl()
            .build()
            .unwrap_err()
            .to_string()
            .contains("exact field vrf is missing")
    );
    let unprioritised = acl().exact("vrf", 1u8).unwrap().build();
    assert!(
        unprioritised
            .unwrap_err()
            .to_string()
            .contains("a priority of at least 1")
    );
    let prioritised = group().priority(1).build();
    assert!(
        prioritised
            .unwrap_err()
            .to_string()
            .contains("there is no priority")
    );
}

#[test]
fn one_shot_sets_keep_weights_and_watch_ports() {
    let schema = schema();
    let member = |entry: p4runtime_client::EntryBuilder, port: u64, weight| {
        let arguments = [("nhlfe", value(port * 10)), ("port", value(port))];
        entry.member("forward", &arguments, weight, Some(value(port)))
    };
    let entry = schema
        .entry("group")
        .and_then(|entry| entry.exact("id", 9u8))
        .and_then(|entry| member(entry, 1, 3))
        .and_then(|entry| member(entry, 2, 1))
        .and_then(|entry| entry.build())
        .unwrap();
    let decoded = schema.decode_entry(&v1::TableEntry::from(&entry)).unwrap();
    assert_eq!(decoded, entry);
    let members = decoded.action().and_then(EntryAction::set).unwrap();
    assert_eq!(
        (members[0].weight, members[0].watch_port.clone()),
        (3, Some(value(1)))
    );
    assert_eq!(members[1].call.argument("nhlfe"), Some(&value(20)));
}

/// Section 8.3: a receiver accepts any zero padding; the value is the same.
#[test]
fn entries_of_a_switch_that_pads_are_the_same_entries() {
    let schema = schema();
    let padded: v1::TableEntry = convert::from_text(
        r#"table_id: 0x02000001 priority: 10
           match { field_id: 1 exact { value: "\000\000\007" } }
           match { field_id: 2 lpm { value: "\012\001\002\003" prefix_len: 8 } }
           match { field_id: 3 ternary { value: "\000" mask: "\000\000" } }
           action { action { action_id: 0x01000001
             params { param_id: 2 value: "\000\001" } params { param_id: 1 value: "\000\002" } } }
           counter_data { packet_count: 5 byte_count: 500 }"#,
    )
    .unwrap();
    let entry = schema.decode_entry(&padded).unwrap();
    let expected = schema
        .entry("acl")
        .and_then(|entry| entry.exact("vrf", 7u8))
        .and_then(|entry| entry.lpm("dst", 0x0A00_0000u32, 8))
        .and_then(|entry| {
            entry
                .priority(10)
                .action("forward", &[("nhlfe", value(2)), ("port", value(1))])
        })
        .and_then(|entry| entry.build())
        .unwrap();
    assert_eq!(entry.action(), expected.action());
    assert_eq!(entry.field("dst"), expected.field("dst"));
    assert_eq!(entry.field("mac"), None);
    assert_eq!(entry.exact("vrf"), Some(&value(7)));
    assert_eq!(entry.counter().unwrap().packets, 5);
}

#[test]
fn entries_that_do_not_fit_the_p4info_are_errors() {
    let schema = schema();
    let decode = |text: &str| {
        let message: v1::TableEntry = convert::from_text(text).unwrap();
        schema.decode_entry(&message).unwrap_err().to_string()
    };
    assert_eq!(
        decode("table_id: 7"),
        "table 0x00000007 is not in the P4Info"
    );
    assert!(
        decode("table_id: 0x02000001 match { field_id: 9 }")
            .starts_with("match field of ingress.acl")
    );
    assert!(
        decode(r#"table_id: 0x02000001 match { field_id: 1 lpm { value: "\001" prefix_len: 1 } }"#)
            .contains("wrong kind")
    );
    assert!(
        decode(r#"table_id: 0x02000001 match { field_id: 1 exact { value: "" } }"#)
            .contains("empty byte string")
    );
    assert!(
        decode(
            r#"table_id: 0x02000001 match { field_id: 2 lpm { value: "\001" prefix_len: -1 } }"#
        )
        .contains("wrong kind")
    );
    assert!(
        decode("table_id: 0x02000001 action { action { action_id: 0x01000001 } }")
            .contains("parameter nhlfe of ingress.forward")
    );
}

#[test]
fn a_p4info_that_contradicts_itself_is_refused() {
    let refused = |from: &str, to: &str| {
        let info = convert::p4info_from_text(&P4INFO.replace(from, to)).unwrap();
        Schema::new(&info).unwrap_err().to_string()
    };
    assert_eq!(
        refused(
            "action_refs { id: 0x01000002 }",
            "action_refs { id: 0x01000009 }"
        ),
        "P4Info: ingress.acl refers to action 0x01000009, which is not there"
    );
    assert!(
        refused(
            "implementation_id: 0x11000001",
            "implementation_id: 0x11000002"
        )
        .contains("action profile")
    );
    assert!(refused("match_type: LPM", "other_match_type: \"fuzzy\"").contains("match kind fuzzy"));
}

#[test]
fn packet_metadata_is_by_name() {
    let schema = schema();
    let message: v1::PacketIn = convert::from_text(
        r#"payload: "abc" metadata { metadata_id: 1 value: "\000\005" }
           metadata { metadata_id: 2 value: "\003" }"#,
    )
    .unwrap();
    let packet = schema.decode_packet_in(message).unwrap();
    assert_eq!(packet.payload, b"abc");
    assert_eq!(packet.metadata::<u16>("ingress_port"), Ok(5));
    assert_eq!(packet.metadata::<u8>("reason"), Ok(3));
    assert!(matches!(
        packet.metadata::<u8>("nope"),
        Err(DecodeError::Form(_))
    ));

    let out = [("unused", value(0)), ("egress_port", value(300))];
    let message = schema.packet_out(&out, b"xyz".to_vec()).unwrap();
    assert_eq!(message.metadata[0].metadata_id, 1);
    assert_eq!(message.metadata[0].value, [0x01, 0x2C]);
    assert!(
        schema
            .packet_out(&out[1..], Vec::new())
            .unwrap_err()
            .to_string()
            .contains("unused")
    );
    let wide = [("unused", value(0)), ("egress_port", value(512))];
    assert!(schema.packet_out(&wide, Vec::new()).is_err());
}

fn any_entry() -> impl Strategy<Value = TableEntry> {
    (
        any::<u16>(),
        prop::option::of((any::<u32>(), 0u32..=32)),
        prop::option::of((0u64..1 << 48, 0u64..1 << 48)),
        prop::option::of((any::<u16>(), any::<u16>())),
        prop::option::of(0u16..512),
        1..i32::MAX,
        any::<u32>(),
        0u16..512,
    )
        .prop_map(|(vrf, dst, mac, ports, ingress, priority, nhlfe, port)| {
            let mut entry = schema().entry("acl").unwrap().exact("vrf", vrf).unwrap();
            if let Some((dst, length)) = dst {
                entry = entry.lpm("dst", dst, length).unwrap();
            }
            if let Some((mac, mask)) = mac {
                entry = entry.ternary("mac", mac, mask).unwrap();
            }
            if let Some((low, high)) = ports {
                entry = entry.range("port", low, high).unwrap();
            }
            if let Some(ingress) = ingress {
                entry = entry.exact("ingress_port", ingress).unwrap();
            }
            let arguments = [("nhlfe", nhlfe.into()), ("port", port.into())];
            entry
                .priority(priority)
                .action("forward", &arguments)
                .unwrap()
                .build()
                .unwrap()
        })
}

proptest! {
    #[test]
    fn every_entry_round_trips(entry in any_entry()) {
        let decoded = schema().decode_entry(&v1::TableEntry::from(&entry)).unwrap();
        prop_assert_eq!(decoded, entry);
    }

    /// Section 9.1.1: bits behind a prefix and outside a mask are zero.
    #[test]
    fn values_have_no_bits_that_do_not_count(entry in any_entry()) {
        if let Some(Match::Lpm { value, prefix_length }) = entry.field("dst") {
            let value: u64 = value.to_int::<u64>().unwrap();
            prop_assert_eq!(value & ((1 << (32 - prefix_length)) - 1), 0);
        }
        if let Some(Match::Ternary { value, mask }) = entry.field("mac") {
            let (value, mask) = (value.to_int::<u64>().unwrap(), mask.to_int::<u64>().unwrap());
            prop_assert_eq!(value & !mask, 0);
        }
    }

    #[test]
    fn any_field_match_decodes_or_errs(
        field in 0u32..7,
        bytes in prop::collection::vec(any::<u8>(), 0..8),
        other in prop::collection::vec(any::<u8>(), 0..8),
        length: i32,
        kind in 0u8..5,
    ) {
        use v1::field_match::*;
        let kind = match kind {
            0 => FieldMatchType::Exact(Exact { value: bytes }),
            1 => FieldMatchType::Lpm(Lpm { value: bytes, prefix_len: length }),
            2 => FieldMatchType::Ternary(Ternary { value: bytes, mask: other }),
            3 => FieldMatchType::Range(Range { low: bytes, high: other }),
            _ => FieldMatchType::Optional(Optional { value: bytes }),
        };
        let message = v1::TableEntry {
            table_id: 0x0200_0001,
            r#match: vec![v1::FieldMatch { field_id: field, field_match_type: Some(kind) }],
            ..Default::default()
        };
        let _ = schema().decode_entry(&message);
    }
}
