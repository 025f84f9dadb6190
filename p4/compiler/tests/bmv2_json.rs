//! BMv2 JSON of small programs: the shape that p4c gives it and that BMv2's loader expects.

mod support;

use serde_json::{Value, json};
use support::Program;

/// The document of a program.
fn document(program: &Program<'_>) -> Value {
    serde_json::from_str(&program.compile().bmv2.to_json()).unwrap()
}

/// Takes the places in the source away.
fn without_places(mut value: Value) -> Value {
    match &mut value {
        Value::Object(map) => {
            map.remove("source_info");
            for member in map.values_mut() {
                *member = without_places(member.take());
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = without_places(item.take());
            }
        }
        _ => {}
    }
    value
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    list.as_array()
        .unwrap()
        .iter()
        .find(|item| item["name"] == name)
        .unwrap()
}

#[test]
fn the_document_has_version_2_23_and_all_of_its_sections() {
    let document = document(&Program::default());
    assert_eq!(document["__meta__"]["version"], json!([2, 23]));
    assert_eq!(document["program"], "test.p4");
    let sections: Vec<&str> = document
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    for section in [
        "header_types",
        "headers",
        "header_stacks",
        "header_union_types",
        "header_unions",
        "header_union_stacks",
        "field_lists",
        "errors",
        "enums",
        "parsers",
        "parse_vsets",
        "deparsers",
        "meter_arrays",
        "counter_arrays",
        "register_arrays",
        "calculations",
        "learn_lists",
        "actions",
        "pipelines",
        "checksums",
        "force_arith",
        "extern_instances",
        "field_aliases",
        "program",
        "__meta__",
    ] {
        assert!(sections.contains(&section), "{section}");
    }
    assert_eq!(document["errors"][0], json!(["NoError", 0]));
    assert!(
        document["field_aliases"]
            .as_array()
            .unwrap()
            .contains(&json!([
                "intrinsic_metadata.mcast_grp",
                ["standard_metadata", "mcast_grp"]
            ]))
    );
}

#[test]
fn metadata_and_variables_are_scalars_and_headers_keep_their_names() {
    let program = Program {
        types: "struct inner_t { bit<3> x; bool y; }",
        header: "bit<8> a; int<8> b;",
        metadata: "bit<5> plain; inner_t inner;",
        ingress: "bit<9> local = 1; meta.inner.x = local[2:0];",
        ..Program::default()
    };
    let document = document(&program);
    assert_eq!(
        document["header_types"][0]["fields"],
        json!([
            ["metadata_t._plain0", 5, false],
            ["metadata_t._inner_x1", 3, false],
            ["metadata_t._inner_y2", 1, false],
            ["local_0", 9, false],
            ["_padding_0", 6, false]
        ])
    );
    assert_eq!(
        named(&document["header_types"], "h_t")["fields"],
        json!([["a", 8, false], ["b", 8, true]])
    );
    let headers = document["headers"].as_array().unwrap();
    assert_eq!(headers[0]["name"], "scalars");
    assert_eq!(headers[1]["name"], "standard_metadata");
    assert_eq!(headers[2]["name"], "h");
    assert_eq!(headers[2]["metadata"], false);
}

#[test]
fn a_parser_state_has_ops_transitions_and_a_key() {
    let program = Program {
        headers: "h_t[2] h;",
        parser: "state start {
                     packet.extract(hdr.h.next);
                     transition select(hdr.h.last.a, packet.lookahead<bit<4>>()) {
                         (1 &&& 3, 5): start;
                         (2, 6): accept;
                         default: accept;
                     }
                 }",
        ..Program::default()
    };
    let document = without_places(document(&program));
    assert_eq!(
        document["parsers"][0]["parse_states"][0],
        json!({
            "name": "start",
            "id": 0,
            "parser_ops": [
                {"op": "extract", "parameters": [{"type": "stack", "value": "h"}]},
                {"op": "set", "parameters": [
                    {"type": "field", "value": ["scalars", "tmp"]},
                    {"type": "lookahead", "value": [0, 4]}
                ]}
            ],
            "transitions": [
                {"type": "hexstr", "value": "0x0105", "mask": "0x030f", "next_state": "start"},
                {"type": "hexstr", "value": "0x0206", "mask": null, "next_state": null},
                {"type": "default", "value": null, "mask": null, "next_state": null}
            ],
            "transition_key": [
                {"type": "stack_field", "value": ["h", "a"]},
                {"type": "field", "value": ["scalars", "tmp"]}
            ]
        })
    );
    assert_eq!(
        document["header_stacks"],
        json!([{"name": "h", "id": 0, "header_type": "h_t", "size": 2, "header_ids": [2, 3]}])
    );
    assert_eq!(document["deparsers"][0]["order"], json!(["h[0]", "h[1]"]));
}

#[test]
fn an_expression_is_masked_and_wrapped() {
    let program = Program {
        ingress_locals: "action set(bit<8> value) { hdr.h.a = hdr.h.b + value; hdr.h.b = value; }
                         table t { actions = { set; } const default_action = set(3); }",
        ingress: "t.apply();",
        ..Program::default()
    };
    let document = without_places(document(&program));
    assert_eq!(
        *named(&document["actions"], "I.set"),
        json!({
            "name": "I.set",
            "id": 0,
            "runtime_data": [{"name": "value", "bitwidth": 8}],
            "primitives": [
                {"op": "assign", "parameters": [
                    {"type": "field", "value": ["h", "a"]},
                    {"type": "expression", "value": {"type": "expression", "value": {
                        "op": "&",
                        "left": {"type": "expression", "value": {
                            "op": "+",
                            "left": {"type": "field", "value": ["h", "b"]},
                            "right": {"type": "local", "value": 0}
                        }},
                        "right": {"type": "hexstr", "value": "0xff"}
                    }}}
                ]},
                {"op": "assign", "parameters": [
                    {"type": "field", "value": ["h", "b"]},
                    {"type": "runtime_data", "value": 0}
                ]}
            ]
        })
    );
}

#[test]
fn statements_between_tables_are_hidden_tables_and_conditions_name_both_ways() {
    let program = Program {
        ingress_locals: "table t { key = { hdr.h.a: exact; } actions = { NoAction; } }",
        ingress: "if (hdr.h.isValid()) { t.apply(); } else { hdr.h.b = 1; }",
        ..Program::default()
    };
    let document = without_places(document(&program));
    let ingress = &document["pipelines"][0];
    let tables = ingress["tables"].as_array().unwrap();
    let first = &tables[0];
    assert_eq!(ingress["init_table"], first["name"]);
    assert!(first["name"].as_str().unwrap().starts_with("tbl_test"));
    assert_eq!(first["key"], json!([]));
    assert_eq!(first["default_entry"]["action_const"], true);
    let condition = &ingress["conditionals"][0];
    assert_eq!(first["base_default_next"], condition["name"]);
    assert_eq!(condition["true_next"], "I.t");
    assert_eq!(
        condition["expression"],
        json!({"type": "expression", "value": {
            "op": "d2b", "left": null, "right": {"type": "field", "value": ["h", "$valid$"]}
        }})
    );
    let table = named(&ingress["tables"], "I.t");
    assert_eq!(table["next_tables"], json!({"NoAction": null}));
    assert_eq!(table["base_default_next"], json!(null));
    assert_eq!(
        table["key"],
        json!([{"match_type": "exact", "name": "hdr.h.a", "target": ["h", "a"], "mask": null}])
    );
    assert_eq!(condition["false_next"], tables[2]["name"]);
}

#[test]
fn each_table_has_a_copy_of_its_actions() {
    let program = Program {
        ingress_locals: "action set() { hdr.h.a = 1; }
                         table t { actions = { set; } const default_action = set(); }
                         table u { actions = { set; } const default_action = set(); }",
        ingress: "if (t.apply().hit) { hdr.h.b = 1; } u.apply();",
        ..Program::default()
    };
    let document = document(&program);
    let tables = &document["pipelines"][0]["tables"];
    let (t, u) = (named(tables, "I.t"), named(tables, "I.u"));
    assert_ne!(t["action_ids"], u["action_ids"]);
    assert_eq!(t["actions"], u["actions"]);
    assert_eq!(t["base_default_next"], json!(null));
    assert_eq!(t["next_tables"]["__MISS__"], "I.u");
    assert!(
        t["next_tables"]["__HIT__"]
            .as_str()
            .unwrap()
            .starts_with("tbl_")
    );
}

/// BMv2 passes over what it does not know; p4-switch keeps such entries (P4Runtime 1.5, section
/// 9.1.5).
#[test]
fn constant_entries_are_marked_where_others_are_not_constant() {
    let table = |property: &str, first: &str| {
        let locals = format!(
            "table t {{ key = {{ hdr.h.a: exact; }} actions = {{ NoAction; }}
             {property} = {{ {first} 1: NoAction(); 2: NoAction(); }} }}"
        );
        let document = document(&Program {
            ingress_locals: &locals,
            ingress: "t.apply();",
            ..Program::default()
        });
        let marks = |entry: &Value| entry.get("is_const").cloned();
        let table = named(&document["pipelines"][0]["tables"], "I.t").clone();
        table["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(marks)
            .collect::<Vec<_>>()
    };
    assert_eq!(table("entries", "const"), [Some(json!(true)), None]);
    assert_eq!(table("entries", ""), [None, None]);
    assert_eq!(table("const entries", ""), [None, None]);
}

#[test]
fn direct_meters_write_where_the_action_reads_and_selectors_have_no_key() {
    let program = Program {
        ingress_locals: "direct_meter<bit<8>>(MeterType.bytes) rate;
                         action_selector(HashAlgorithm.crc16, 8, 14) members;
                         action set() { rate.read(meta.m); }
                         table t {
                             key = { hdr.h.a: ternary; }
                             actions = { set; } default_action = set();
                             meters = rate; size = 99;
                         }
                         table u {
                             key = { hdr.h.a: lpm; hdr.h.c: selector; }
                             actions = { NoAction; }
                             implementation = members;
                         }",
        ingress: "t.apply(); u.apply();",
        ..Program::default()
    };
    let document = without_places(document(&program));
    assert_eq!(
        document["meter_arrays"],
        json!([{
            "name": "I.rate", "id": 0, "is_direct": true, "rate_count": 2, "type": "bytes",
            "size": 99, "binding": "I.t", "result_target": ["scalars", "metadata_t.m"]
        }])
    );
    let ingress = &document["pipelines"][0];
    assert_eq!(
        ingress["action_profiles"],
        json!([{
            "name": "I.members", "id": 0, "max_size": 8,
            "selector": {"algo": "crc16", "input": [{"type": "field", "value": ["h", "c"]}]}
        }])
    );
    let u = named(&ingress["tables"], "I.u");
    assert_eq!(u["type"], "indirect_ws");
    assert_eq!(u["match_type"], "lpm");
    assert_eq!(u["key"].as_array().unwrap().len(), 1);
    assert!(u.get("default_entry").is_none());
    let set = named(&document["actions"], "I.set");
    assert_eq!(
        set["primitives"],
        json!([]),
        "the switch itself writes the colour"
    );
}

#[test]
fn places_in_the_source_are_given_as_p4c_gives_them() {
    let program = Program {
        ingress: "hdr.h.a = 1;\n        if (hdr.h.b == 2) { hdr.h.c = 3; }",
        ..Program::default()
    };
    let text = program.text();
    let line = |words: &str| text.lines().position(|line| line.contains(words)).unwrap() + 1;
    let document = document(&program);
    let condition = &document["pipelines"][0]["conditionals"][0]["source_info"];
    assert_eq!(condition["filename"], "test.p4");
    assert_eq!(condition["line"], line("if (hdr.h.b"));
    assert_eq!(condition["column"], 12);
    assert_eq!(condition["source_fragment"], "hdr.h.b == 2");
    let assigned = document["actions"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|action| action["primitives"].as_array().unwrap())
        .find(|primitive| primitive["source_info"]["source_fragment"] == "hdr.h.a = 1")
        .unwrap();
    assert_eq!(assigned["source_info"]["line"], line("hdr.h.a = 1"));
}
