//! P4Info of small programs, as p4c 1.2.5 generates it.

mod support;

use p4runtime_proto::convert::{from_text, p4info_to_text};
use p4runtime_proto::p4::config::v1::P4Info;
use support::Program;

/// Compares the P4Info of a program with a text, but for `NoAction` and `pkg_info`, which all have.
fn assert_p4info(program: &Program<'_>, expected: &str) {
    let mut p4info = program.compile().p4info;
    let arch = p4info.pkg_info.take().map(|package| package.arch);
    assert_eq!(arch.as_deref(), Some("v1model"));
    p4info.actions.retain(|action| {
        action
            .preamble
            .as_ref()
            .is_none_or(|preamble| preamble.name != "NoAction")
    });
    let expected: P4Info = from_text(expected).unwrap();
    assert_eq!(
        p4info_to_text(&p4info).unwrap(),
        p4info_to_text(&expected).unwrap()
    );
}

#[test]
fn a_table_with_keys_scopes_and_a_default_action() {
    let program = Program {
        ingress_locals: r#"
            @id(7) @brief("Sets b.")
            action set(@id(2) bit<8> value, bit<16> other) { hdr.h.b = value; hdr.h.c = other; }
            action drop() { mark_to_drop(standard_metadata); }
            @my_annotation(a, 0x10, "text") @tag[kind="x", n=3]
            table t {
                key = {
                    hdr.h.a: exact @id(5);
                    hdr.h.b: ternary;
                    hdr.h.c: range @name("see");
                    hdr.h.isValid(): exact;
                    hdr.h.c[3:0]: optional;
                    meta.m & 0xf0: lpm @name("em");
                }
                actions = { @tableonly set; @defaultonly drop; }
                const default_action = drop();
                size = 77;
            }"#,
        ingress: "t.apply();",
        ..Program::default()
    };
    assert_p4info(
        &program,
        r#"
        tables {
          preamble {
            id: 49059515 name: "I.t" alias: "t"
            annotations: "@my_annotation(a , 0x10 , \"text\")"
            structured_annotations {
              name: "tag"
              kv_pair_list {
                kv_pairs { key: "kind" value { string_value: "x" } }
                kv_pairs { key: "n" value { int64_value: 3 } }
              }
            }
          }
          match_fields { id: 5 name: "hdr.h.a" bitwidth: 8 match_type: EXACT }
          match_fields { id: 2 name: "hdr.h.b" bitwidth: 8 match_type: TERNARY }
          match_fields { id: 3 name: "see" bitwidth: 16 match_type: RANGE }
          match_fields { id: 4 name: "hdr.h.$valid$" bitwidth: 1 match_type: EXACT }
          match_fields { id: 6 name: "hdr.h.c[3:0]" bitwidth: 4 match_type: OPTIONAL }
          match_fields { id: 7 name: "em" bitwidth: 8 match_type: LPM }
          action_refs { id: 16777223 annotations: "@tableonly" scope: TABLE_ONLY }
          action_refs { id: 32117294 annotations: "@defaultonly" scope: DEFAULT_ONLY }
          const_default_action_id: 32117294
          initial_default_action { action_id: 32117294 }
          size: 77
        }
        actions {
          preamble { id: 16777223 name: "I.set" alias: "set" doc { brief: "Sets b." } }
          params { id: 2 name: "value" bitwidth: 8 }
          params { id: 3 name: "other" bitwidth: 16 }
        }
        actions { preamble { id: 32117294 name: "I.drop" alias: "drop" } }
        type_info { }
        "#,
    );
}

#[test]
fn objects_with_their_tables_and_units() {
    let program = Program {
        types: "struct digest_t { bit<8> x; bit<16> y; }",
        ingress_locals: r#"
            counter(8, CounterType.packets_and_bytes) packets;
            meter(4, MeterType.bytes) rate;
            register<bit<12>>(3) values;
            direct_counter(CounterType.bytes) of_t;
            direct_meter<bit<8>>(MeterType.packets) rate_of_t;
            @max_group_size(16) action_selector(HashAlgorithm.crc32, 32, 16) members;
            action set() { rate_of_t.read(hdr.h.b); digest<digest_t>(1, { hdr.h.a, hdr.h.c }); }
            table t {
                key = { hdr.h.a: exact; }
                actions = { set; }
                default_action = set();
                counters = of_t;
                meters = rate_of_t;
                support_timeout = true;
            }
            table u {
                key = { hdr.h.a: exact; hdr.h.c: selector; }
                actions = { set; }
                implementation = members;
            }"#,
        ingress: "packets.count(1); rate.execute_meter(1, hdr.h.a); values.write(0, 5); t.apply(); u.apply();",
        ..Program::default()
    };
    let p4info = program.compile().p4info;
    let table = |name: &str| {
        let named = |table: &&p4runtime_proto::p4::config::v1::Table| {
            table
                .preamble
                .as_ref()
                .is_some_and(|preamble| preamble.alias == name)
        };
        p4info.tables.iter().find(named).unwrap()
    };
    let (t, u) = (table("t"), table("u"));
    let id = |preamble: &Option<p4runtime_proto::p4::config::v1::Preamble>| {
        preamble.as_ref().map(|preamble| preamble.id).unwrap()
    };
    assert_eq!(
        t.direct_resource_ids,
        [
            id(&p4info.direct_counters[0].preamble),
            id(&p4info.direct_meters[0].preamble)
        ]
    );
    assert_eq!(p4info.direct_counters[0].direct_table_id, id(&t.preamble));
    assert_eq!(t.idle_timeout_behavior, 1);
    assert_eq!(u.implementation_id, id(&p4info.action_profiles[0].preamble));
    assert_eq!(p4info.action_profiles[0].table_ids, [id(&u.preamble)]);
    assert_eq!(p4info.action_profiles[0].max_group_size, 16);
    assert_eq!(p4info.action_profiles[0].size, 32);
    assert!(p4info.action_profiles[0].with_selector);
    assert_eq!(
        u.match_fields.len(),
        1,
        "a selector field is no match field"
    );
    assert_eq!((p4info.counters[0].size, p4info.meters[0].size), (8, 4));
    assert_eq!(p4info.registers[0].size, 3);
    assert_eq!(
        p4info.digests[0].preamble.as_ref().unwrap().name,
        "digest_t"
    );
    assert!(p4info.type_info.unwrap().structs.contains_key("digest_t"));
}

#[test]
fn controller_headers_and_translated_types() {
    let program = Program {
        types: r#"
            @p4runtime_translation("example.com/port", string) type bit<9> port_t;
            @p4runtime_translation("example.com/vrf", 32) type bit<10> vrf_t;
            enum bit<8> kind_t { one = 1, two = 2 }
            @controller_header("packet_in") header in_t { port_t port; bit<7> pad; }"#,
        metadata: "port_t port; vrf_t vrf; kind_t kind;",
        ingress_locals: "table t {
                             key = { meta.port: exact; meta.vrf: exact; meta.kind: exact; }
                             actions = { NoAction; }
                         }",
        ingress: "t.apply();",
        ..Program::default()
    };
    assert_p4info(
        &program,
        r#"
        tables {
          preamble { id: 49059515 name: "I.t" alias: "t" }
          match_fields { id: 1 name: "meta.port" match_type: EXACT type_name { name: "port_t" } }
          match_fields { id: 2 name: "meta.vrf" bitwidth: 32 match_type: EXACT type_name { name: "vrf_t" } }
          match_fields { id: 3 name: "meta.kind" bitwidth: 8 match_type: EXACT }
          action_refs { id: 21257015 }
          initial_default_action { action_id: 21257015 }
          size: 1024
        }
        controller_packet_metadata {
          preamble {
            id: 83878632 name: "packet_in" alias: "packet_in"
            annotations: "@controller_header(\"packet_in\")"
          }
          metadata { id: 1 name: "port" type_name { name: "port_t" } }
          metadata { id: 2 name: "pad" bitwidth: 7 }
        }
        type_info {
          serializable_enums {
            key: "kind_t"
            value {
              underlying_type { bitwidth: 8 }
              members { name: "one" value: "\001" }
              members { name: "two" value: "\002" }
            }
          }
          new_types {
            key: "port_t"
            value { translated_type { uri: "example.com/port" sdn_string { } } }
          }
          new_types {
            key: "vrf_t"
            value { translated_type { uri: "example.com/vrf" sdn_bitwidth: 32 } }
          }
        }
        "#,
    );
}

#[test]
fn instances_of_controls_name_what_is_in_them() {
    let program = Program {
        blocks: "control Inner(inout headers_t hdr) {
                     action set() { hdr.h.a = 1; }
                     table t { actions = { set; } default_action = set(); }
                     table unused { actions = { set; } default_action = set(); }
                     apply { t.apply(); }
                 }",
        ingress_locals: "Inner() first; @name(\"zweite\") Inner() second;",
        ingress: "first.apply(hdr); second.apply(hdr);",
        ..Program::default()
    };
    let compiled = program.compile();
    let names: Vec<(String, String)> = compiled
        .p4info
        .tables
        .into_iter()
        .filter_map(|table| table.preamble)
        .map(|preamble| (preamble.name, preamble.alias))
        .collect();
    assert_eq!(
        names,
        [
            ("I.first.t".to_owned(), "first.t".to_owned()),
            ("I.zweite.t".to_owned(), "zweite.t".to_owned())
        ]
    );
    // Both documents speak of the same objects.
    let json: Vec<String> = compiled
        .bmv2
        .pipelines
        .iter()
        .flat_map(|pipeline| &pipeline.tables)
        .map(|table| table.name.clone())
        .filter(|name| !name.starts_with("tbl_"))
        .collect();
    assert_eq!(json, ["I.first.t", "I.zweite.t"]);
}

#[test]
fn an_object_whose_type_is_a_typedef_of_a_generic_type_is_left_out_with_a_warning() {
    let program = Program {
        types: "typedef register<bit<8>> cells_t; typedef counter counter_t;",
        ingress_locals: "cells_t(4) cells; counter_t(4, CounterType.packets) shown;",
        ingress: "cells.write(0, 1); shown.count(0);",
        ..Program::default()
    };
    let compiled = program.compile();
    assert!(compiled.p4info.registers.is_empty());
    assert_eq!(compiled.p4info.counters.len(), 1);
    assert_eq!(compiled.bmv2.register_arrays.len(), 1);
    let warnings: Vec<&str> = compiled.warnings.iter().map(|w| w.message()).collect();
    assert_eq!(
        warnings,
        ["P4Info will not show `cells`: its type is the typedef `cells_t`"]
    );
}
