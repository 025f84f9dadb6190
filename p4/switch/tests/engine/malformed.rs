//! Documents that cannot be run are refused with the place of what is wrong.

use p4_switch::{LoadError, Switch, SwitchConfig};
use serde_json::{Value as Json, json};

use crate::support::{COPIES, HEADERS, TABLES, document};

/// Loads a program after a change, and gives the error with its place.
fn refused(program: &str, change: impl FnOnce(&mut Json)) -> LoadError {
    let mut json: Json = serde_json::from_str(program).unwrap();
    change(&mut json);
    let document = bmv2_json::Document::from_value(json).unwrap();
    let (switch, _events) = Switch::new(SwitchConfig::default());
    let error = switch.load(&document).unwrap_err();
    assert_eq!(switch.verify(&document).unwrap_err(), error);
    error
}

#[track_caller]
fn missing(error: &LoadError, kind: &str, name: &str) {
    match error {
        LoadError::Missing {
            kind: k, name: n, ..
        } if *k == kind && n == name => {}
        other => panic!("{other}"),
    }
}

#[track_caller]
fn invalid(error: &LoadError, place: &str, part: &str) {
    match error {
        LoadError::Invalid { at, reason } if at == place && reason.contains(part) => {}
        other => panic!("{other}"),
    }
}

#[track_caller]
fn duplicate(error: &LoadError, kind: &str) {
    assert!(
        matches!(error, LoadError::Duplicate { kind: k, .. } if *k == kind),
        "{error}"
    );
}

/// Index of a table of the ingress pipeline.
fn table(json: &Json, name: &str) -> usize {
    json["pipelines"][0]["tables"]
        .as_array()
        .unwrap()
        .iter()
        .position(|table| table["name"] == name)
        .unwrap()
}

#[test]
fn a_program_that_is_refused_leaves_the_one_before() {
    let bench = crate::support::Bench::new(COPIES);
    let mut broken = document(COPIES);
    broken.pipelines.clear();
    bench.switch.load(&broken).unwrap_err();
    assert_eq!(bench.process(&[0; 16]).len(), 1);
}

#[test]
fn references_to_headers_and_fields_must_be_there() {
    let error = refused(TABLES, |json| {
        json["headers"][2]["header_type"] = json!("nothing_t");
    });
    missing(&error, "header type", "nothing_t");
    let error = refused(TABLES, |json| {
        json["deparsers"][0]["order"] = json!(["request", "nothing"]);
    });
    missing(&error, "header", "nothing");
    assert_eq!(
        error.to_string(),
        "at deparsers[0].order[1]: there is no header `nothing` in the document"
    );
    let error = refused(TABLES, |json| {
        let index = table(json, "TestIngress.by_exact");
        json["pipelines"][0]["tables"][index]["key"][0]["target"] = json!(["request", "none"]);
    });
    missing(&error, "field", "request.none");
}

#[test]
fn the_standard_metadata_of_simple_switch_must_be_there() {
    let error = refused(TABLES, |json| {
        for header_type in json["header_types"].as_array_mut().unwrap() {
            for field in header_type["fields"].as_array_mut().unwrap() {
                if field[0] == "egress_spec" {
                    field[0] = json!("other");
                }
            }
        }
        json["actions"] = json!([]);
        json["pipelines"][0]["tables"] = json!([]);
    });
    missing(&error, "field", "standard_metadata.egress_spec");
}

#[test]
fn names_and_ids_must_be_unique() {
    let twice = |key: &str, member: &str| {
        refused(TABLES, |json| {
            let first = json[key][0][member].clone();
            json[key][1][member] = first;
        })
    };
    duplicate(&twice("header_types", "name"), "header type");
    duplicate(&twice("headers", "name"), "header");
    duplicate(&twice("headers", "id"), "header");
    duplicate(&twice("actions", "id"), "action");
    let error = refused(COPIES, |json| {
        let name = json["pipelines"][0]["tables"][0]["name"].clone();
        json["pipelines"][0]["tables"][1]["name"] = name;
    });
    duplicate(&error, "table");
    let error = refused(HEADERS, |json| {
        json["errors"][1][1] = json["errors"][0][1].clone();
    });
    duplicate(&error, "error value");
}

#[test]
fn headers_must_be_whole_bytes_and_not_too_large() {
    let error = refused(TABLES, |json| {
        json["header_types"][2]["fields"][0][1] = json!(7);
    });
    invalid(&error, "header_types[2]", "255 bits, not a multiple of 8");
    let error = refused(TABLES, |json| {
        json["header_types"][0]["fields"] = json!([["huge", 70_000, false]]);
    });
    invalid(&error, "header_types[0].fields[0]", "70000 bits");
}

#[test]
fn actions_and_their_arguments_must_be_right() {
    let error = refused(TABLES, |json| {
        json["pipelines"][0]["tables"][0]["action_ids"][0] = json!(999);
    });
    missing(&error, "action", "999");
    let error = refused(TABLES, |json| {
        let index = table(json, "TestIngress.by_exact");
        json["pipelines"][0]["tables"][index]["default_entry"]["action_data"] = json!([]);
    });
    assert!(
        error.to_string().contains("takes 1 arguments, not 0"),
        "{error}"
    );
    let error = refused(TABLES, |json| {
        let index = table(json, "TestIngress.by_exact");
        json["pipelines"][0]["tables"][index]["default_entry"]["action_data"] =
            json!(["0x100000000"]);
    });
    assert!(error.to_string().contains("32 bits"), "{error}");
}

#[test]
fn primitives_must_be_known_and_have_their_parameters() {
    let with = |op: &str, parameters: Json| {
        refused(TABLES, |json| {
            json["actions"][0]["primitives"] = json!([{"op": op, "parameters": parameters}]);
        })
    };
    let error = with("launch", json!([]));
    assert!(
        matches!(&error, LoadError::Unsupported { what, .. } if what.contains("`launch`")),
        "{error}"
    );
    invalid(
        &with("assign", json!([])),
        "actions[0].primitives[0].parameters",
        "takes 2 parameters, not 0",
    );
    let number = json!({"type": "hexstr", "value": "0x1"});
    invalid(
        &with("assign", json!([number, number])),
        "actions[0].primitives[0].parameters[0]",
        "only a field can be written to",
    );
    let valid = json!({"type": "field", "value": ["request", "$valid$"]});
    invalid(
        &with("assign", json!([valid, number])),
        "actions[0].primitives[0].parameters[0]",
        "`$valid$` cannot be written to",
    );
    let parameter = json!({"type": "runtime_data", "value": 3});
    let field = json!({"type": "field", "value": ["request", "result"]});
    missing(
        &with("assign", json!([field, parameter])),
        "action parameter",
        "3",
    );
    let boolean = json!({"type": "bool", "value": true});
    invalid(
        &with("assign", json!([field, boolean])),
        "actions[0].primitives[0].parameters[1]",
        "a number is needed here, not a Boolean",
    );
    invalid(
        &with("_jump", json!([{"type": "hexstr", "value": "0x5"}])),
        "actions[0].primitives[0]",
        "a jump to primitive 5 of 1",
    );
    let header = json!({"type": "header", "value": "standard_metadata"});
    invalid(
        &with("add_header", json!([header])),
        "actions[0].primitives[0].parameters[0]",
        "metadata are always valid",
    );
    let counter = json!({"type": "counter_array", "value": "none"});
    missing(
        &with("count", json!([counter, number])),
        "indirect counter array",
        "none",
    );
}

#[test]
fn an_action_that_never_ends_is_stopped() {
    let bench = crate::support::Bench::new(COPIES);
    let mut document = document(COPIES);
    let jump = bmv2_json::Primitive {
        op: "_jump".to_owned(),
        parameters: vec![bmv2_json::Value::hex(0, 1)],
        source_info: None,
    };
    for action in &mut document.actions {
        action.primitives = vec![jump.clone()];
    }
    bench.switch.load(&document).unwrap();
    assert!(bench.process(&[0; 16]).is_empty());
    assert_eq!(bench.read(|state| Ok(state.drops())).step_limit, 1);
}

#[test]
fn the_control_flow_must_come_to_an_end() {
    let error = refused(COPIES, |json| {
        let pipeline = &mut json["pipelines"][0];
        let start = pipeline["init_table"].clone();
        let last = pipeline["tables"].as_array().unwrap().len() - 1;
        let table = &mut pipeline["tables"][last];
        table["base_default_next"] = start;
    });
    assert!(matches!(error, LoadError::Loop { .. }), "{error}");
    let error = refused(COPIES, |json| {
        json["pipelines"][0]["init_table"] = json!("nowhere");
    });
    missing(&error, "table or condition of the pipeline", "nowhere");
    let error = refused(COPIES, |json| {
        json["pipelines"][0]["tables"][0]["next_tables"] = json!({"nothing": null});
    });
    missing(&error, "action of the table", "nothing");
    let error = refused(COPIES, |json| {
        json["pipelines"].as_array_mut().unwrap().pop();
    });
    missing(&error, "pipeline", "egress");
}

#[test]
fn keys_must_fit_the_match_type_of_their_table() {
    let change = |name: &'static str, change: fn(&mut Json)| {
        refused(TABLES, |json| {
            let index = table(json, name);
            change(&mut json["pipelines"][0]["tables"][index]);
        })
    };
    let error = change("TestIngress.by_prefix", |table| {
        table["match_type"] = json!("exact");
    });
    assert!(
        error.to_string().contains("does not fit those of its keys"),
        "{error}"
    );
    let error = change("TestIngress.by_prefix", |table| {
        table["key"][0]["match_type"] = json!("lpm");
    });
    assert!(error.to_string().contains("one `lpm` key only"), "{error}");
    let error = change("TestIngress.by_prefix", |table| {
        table["key"][0]["match_type"] = json!("valid");
    });
    assert!(
        error
            .to_string()
            .contains("a header is matched with `valid`"),
        "{error}"
    );
    let error = change("TestIngress.fixed", |table| {
        table["entries"][1] = table["entries"][0].clone();
    });
    // The same key with the same priority.
    assert!(
        error.to_string().contains("has this entry already"),
        "{error}"
    );
    let error = change("TestIngress.fixed", |table| {
        table["entries"][0]["match_key"] = json!([]);
    });
    assert!(error.to_string().contains("has 1 keys, not 0"), "{error}");
    let error = change("TestIngress.by_group", |table| {
        table["action_profile"] = json!("TestIngress.profile");
    });
    assert!(matches!(error, LoadError::Invalid { .. }), "{error}");
}

#[test]
fn parsers_must_be_whole() {
    let error = refused(HEADERS, |json| {
        json["parsers"][0]["init_state"] = json!("none")
    });
    missing(&error, "parser state", "none");
    let error = refused(HEADERS, |json| {
        json["parsers"][0]["parse_states"][0]["transitions"][0]["next_state"] = json!("none");
    });
    missing(&error, "parser state", "none");
    let error = refused(HEADERS, |json| {
        json["parsers"][0]["parse_states"][0]["transitions"][0]["value"] = json!("0x1ff");
    });
    assert!(
        error
            .to_string()
            .contains("does not fit into a key of 8 bits"),
        "{error}"
    );
    let error = refused(HEADERS, |json| json["parsers"] = json!([]));
    missing(&error, "parser", "parser");
    let error = refused(HEADERS, |json| json["parse_vsets"] = json!([]));
    missing(&error, "value set", "TestParser.favourites");
    let error = refused(HEADERS, |json| {
        for header_type in json["header_types"].as_array_mut().unwrap() {
            header_type.as_object_mut().unwrap().remove("max_length");
        }
    });
    assert!(error.to_string().contains("needs `max_length`"), "{error}");
}

#[test]
fn algorithms_and_sizes_must_be_supported() {
    let error = refused(HEADERS, |json| {
        json["calculations"][0]["algo"] = json!("md5")
    });
    assert!(
        matches!(&error, LoadError::Unsupported { what, .. } if what.contains("`md5`")),
        "{error}"
    );
    let error = refused(TABLES, |json| {
        json["register_arrays"][0]["size"] = json!(u64::MAX);
    });
    assert!(error.to_string().contains("is more than"), "{error}");
    // Each of them could be there, but not all.
    let error = refused(TABLES, |json| {
        let array = json["register_arrays"][0].clone();
        json["register_arrays"] = (0..20)
            .map(|number| {
                let mut array = array.clone();
                array["name"] = json!(format!("registers {number}"));
                array["size"] = json!(1 << 23);
                array["bitwidth"] = json!(64);
                array
            })
            .collect();
    });
    let error = error.to_string();
    // The program has other arrays, so that the eighth is one too many.
    assert!(error.starts_with("at register_arrays[7].size: "), "{error}");
    assert!(error.contains("536870912"), "{error}");
    let error = refused(TABLES, |json| {
        json["meter_arrays"][0]["rate_count"] = json!(3)
    });
    assert!(matches!(error, LoadError::Unsupported { .. }), "{error}");
}
