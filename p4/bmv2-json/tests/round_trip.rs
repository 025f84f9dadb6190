//! What p4c wrote is read and written again without loss, and what is not BMv2 JSON is refused
//! with the place of the error.

use bmv2_json::{Document, Error, Expression, FieldWidth, HeaderField, HexString, Value};
use num_bigint::BigInt;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const P4C_2_23: &str = include_str!("testdata/pna-demo-L2-one-table.json");
const P4C_2_18: [(&str, &str); 7] = [
    (
        "action_profile",
        include_str!("testdata/action_profile.json"),
    ),
    ("clone", include_str!("testdata/clone.json")),
    ("digest", include_str!("testdata/digest.json")),
    ("meter", include_str!("testdata/meter.json")),
    ("optional", include_str!("testdata/optional.json")),
    ("recirc", include_str!("testdata/recirc.json")),
    ("pvs_struct_2", include_str!("testdata/pvs_struct_2.json")),
];

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

fn document(text: &str) -> Document {
    Document::from_json(text.as_bytes()).unwrap()
}

/// Brings a document of 2.18 to the spelling of 2.23: deparsers have `primitives`, and the default
/// transition is told by its `type`.
fn as_emitted_now(mut document: Json) -> Json {
    for deparser in document["deparsers"].as_array_mut().unwrap() {
        if deparser.get("primitives").is_none() {
            deparser["primitives"] = json!([]);
        }
    }
    for parser in document["parsers"].as_array_mut().unwrap() {
        for state in parser["parse_states"].as_array_mut().unwrap() {
            for transition in state["transitions"].as_array_mut().unwrap() {
                if transition["value"] == "default" {
                    transition["type"] = json!("default");
                    transition["value"] = Json::Null;
                }
            }
        }
    }
    document
}

#[test]
fn a_document_of_2_23_is_written_as_it_was_read() {
    assert_eq!(json(&document(P4C_2_23).to_json()), json(P4C_2_23));
}

#[test]
fn documents_of_2_18_are_written_in_the_spelling_of_2_23() {
    for (name, text) in P4C_2_18 {
        let written = json(&document(text).to_json());
        assert_eq!(written, as_emitted_now(json(text)), "{name}");
    }
}

#[test]
fn a_document_reads_back_equal_to_itself() {
    for (name, text) in P4C_2_18 {
        let first = document(text);
        assert_eq!(document(&first.to_json()), first, "{name}");
    }
}

#[test]
fn keys_are_written_in_the_order_of_p4c() {
    let written = document(P4C_2_23).to_json();
    let keys: Vec<usize> = [
        "\"header_types\"",
        "\"errors\"",
        "\"pipelines\"",
        "\"field_aliases\"",
        "\"__meta__\"",
    ]
    .iter()
    .map(|key| written.find(key).unwrap())
    .collect();
    assert!(keys.is_sorted(), "{keys:?}");
}

#[test]
fn unknown_keys_are_passed_over() {
    let mut with_more = json(P4C_2_23);
    with_more["not_of_this_version"] = json!({"a": 1});
    with_more["headers"][0]["also_new"] = json!([1, 2]);
    assert_eq!(Document::from_value(with_more).unwrap(), document(P4C_2_23));
}

fn error_after(change: impl FnOnce(&mut Json)) -> Error {
    let mut changed = json(P4C_2_23);
    change(&mut changed);
    Document::from_value(changed).unwrap_err()
}

fn shape(error: &Error) -> (&str, &str) {
    match error {
        Error::Shape { path, reason } => (path, reason),
        other => panic!("{other}"),
    }
}

#[test]
fn text_that_is_not_json_gives_line_and_column() {
    let error = Document::from_json(b"{\n  \"headers\": [,]\n}").unwrap_err();
    assert!(
        matches!(
            error,
            Error::Syntax {
                line: 2,
                column: 15,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn json_of_something_else_is_refused() {
    for other in ["{}", "[]", "3", r#"{"name": "package"}"#] {
        assert!(
            matches!(
                Document::from_json(other.as_bytes()),
                Err(Error::Shape { .. })
            ),
            "{other}"
        );
    }
}

#[test]
fn a_wrong_type_is_named_with_its_path() {
    let error = error_after(|json| json["headers"][1]["id"] = json!("many"));
    let (path, reason) = shape(&error);
    assert_eq!(path, "headers[1].id");
    assert!(reason.contains("many"), "{reason}");
}

#[test]
fn a_missing_member_is_named_with_its_path() {
    let error = error_after(|json| {
        json["headers"][1]
            .as_object_mut()
            .unwrap()
            .remove("header_type");
    });
    let (path, reason) = shape(&error);
    assert_eq!(path, "headers[1]");
    assert!(reason.contains("header_type"), "{reason}");
}

#[test]
fn an_unknown_operation_is_named_with_its_path() {
    let error = error_after(|json| {
        json["pipelines"][0]["conditionals"] = json!([{
            "name": "node_2", "id": 0, "true_next": null, "false_next": null,
            "expression": {"type": "expression", "value": {"op": "<=>", "left": null, "right": null}},
        }]);
    });
    let (path, reason) = shape(&error);
    assert_eq!(path, "pipelines[0].conditionals[0].expression.value");
    assert!(reason.contains("`<=>` is not known"), "{reason}");
}

#[test]
fn a_constant_that_is_not_hexadecimal_is_refused() {
    for text in ["0x", "", "0xfg", "--1", "12 "] {
        let value = json!({"type": "hexstr", "value": text});
        assert!(serde_json::from_value::<Value>(value).is_err(), "{text}");
    }
}

#[test]
fn other_versions_are_refused() {
    for version in [[1, 0], [2, 25], [3, 0]] {
        let error = error_after(|json| json["__meta__"]["version"] = json!(version));
        assert_eq!(
            error,
            Error::Version {
                major: version[0],
                minor: version[1]
            }
        );
    }
    for version in [[2, 0], [2, 18], [2, 24]] {
        let mut json = json(P4C_2_23);
        json["__meta__"]["version"] = json!(version);
        Document::from_value(json).unwrap();
    }
}

#[test]
fn p4c_s_double_wrapping_of_expressions_is_kept() {
    let wrapped = json!({
        "type": "expression",
        "value": {
            "type": "expression",
            "value": {
                "op": "&",
                "left": {"type": "expression", "value": {"op": "+",
                    "left": {"type": "field", "value": ["ipv4", "ttl"]},
                    "right": {"type": "hexstr", "value": "0xff"}}},
                "right": {"type": "hexstr", "value": "0xff"}
            }
        }
    });
    let value: Value = serde_json::from_value(wrapped.clone()).unwrap();
    let Value::Expression(outer) = &value else {
        panic!("{value:?}")
    };
    assert!(matches!(**outer, Expression::Value(Value::Expression(_))));
    assert_eq!(serde_json::to_value(&value).unwrap(), wrapped);
}

#[test]
fn every_form_of_value_survives() {
    let forms = json!([
        {"type": "lookahead", "value": [0, 4]},
        {"type": "stack_field", "value": ["mpls", "bos"]},
        {"type": "union_stack_field", "value": ["options", "a", "f"]},
        {"type": "register", "value": ["r", {"type": "hexstr", "value": "0x1"}]},
        {"type": "runtime_data", "value": 1},
        {"type": "parameters_vector", "value": [{"type": "bool", "value": true}]},
        {"type": "expression", "value": {"op": "not", "left": null, "right": {"type": "bool", "value": false}}},
        {"type": "expression", "value": {"op": "?", "left": {"type": "local", "value": 0},
            "right": {"type": "local", "value": 1}, "cond": {"type": "bool", "value": false}}},
        {"type": "expression", "value": {"op": "access_field", "right": 2,
            "left": {"type": "expression", "value": {"op": "dereference_header_stack",
                "left": {"type": "header_stack", "value": "mpls"},
                "right": {"type": "field", "value": ["meta", "i"]}}}}},
        {"type": "expression", "value": {"op": "-", "left": null, "right": {"type": "local", "value": 1}}},
        {"type": "expression", "value": {"op": "-", "left": {"type": "local", "value": 0}, "right": {"type": "local", "value": 1}}},
        {"type": "expression", "value": {"op": "last_stack_index", "left": null, "right": {"type": "header_stack", "value": "s"}}},
    ]);
    let values: Vec<Value> = serde_json::from_value(forms.clone()).unwrap();
    assert_eq!(serde_json::to_value(values).unwrap(), forms);
}

#[test]
fn a_bool_field_is_read_as_p4c_writes_it() {
    let field: HeaderField = serde_json::from_value(json!(["flag", 1, 0])).unwrap();
    assert_eq!(
        (field.width, field.signed),
        (FieldWidth::Bits(1), Some(false))
    );
    let field: HeaderField = serde_json::from_value(json!(["options", "*"])).unwrap();
    assert_eq!((field.width, field.signed), (FieldWidth::Variable, None));
    for wrong in [
        json!(["f", "8", false]),
        json!(["f"]),
        json!(["f", 8, "no"]),
    ] {
        assert!(serde_json::from_value::<HeaderField>(wrong).is_err());
    }
}

#[test]
fn log_msg_without_arguments_is_read_as_p4c_writes_it() {
    let value: Value =
        serde_json::from_value(json!({"type": "parameters_vector", "value": {}})).unwrap();
    assert_eq!(value, Value::ParametersVector(Vec::new()));
}

proptest! {
    #[test]
    fn a_hexadecimal_string_gives_back_its_value(value: i128, bytes in 0_usize..40) {
        let value = BigInt::from(value);
        let hex = HexString::new(&value, bytes);
        prop_assert_eq!(hex.to_bigint(), value);
        prop_assert!(hex.as_str().trim_start_matches('-').len() >= 2 + 2 * bytes);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC*") {
        let _ = Document::from_json(text.as_bytes());
    }

    /// Each member of a real document is replaced in turn by something else.
    #[test]
    fn no_damage_to_a_document_makes_the_reader_panic(place in 0_usize..4000, other in 0_usize..6) {
        let mut damaged = json(P4C_2_18[0].1);
        let mut left = place;
        replace(&mut damaged, &mut left, &[json!(null), json!(-1), json!("x"), json!([]), json!({}), json!(true)][other]);
        let _ = Document::from_value(damaged);
    }
}

fn replace(json: &mut Json, left: &mut usize, with: &Json) {
    if *left == 0 {
        *json = with.clone();
        *left = usize::MAX;
        return;
    }
    *left -= 1;
    match json {
        Json::Array(list) => list.iter_mut().for_each(|item| replace(item, left, with)),
        Json::Object(map) => map.values_mut().for_each(|item| replace(item, left, with)),
        _ => {}
    }
}
