//! Table entries (section 9.1), direct counters and meters (9.3.1, 9.4.1).

use tonic::Code;

use super::program::{delete, entity, exact, frame, insert, modify};
use super::support::TestSwitch;

/// Section 8.2: what is read is what was written, for every match kind.
#[tokio::test]
async fn entries_are_read_back_as_they_were_written() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let entries = [
        exact(1, 1),
        "table_entry { table_id: $lpm_table match { field_id: 1 lpm { value: \"\\x0a\\x00\\x00\\x00\" \
         prefix_len: 8 } } action { action { action_id: $drop } } metadata: \"cookie\" \
         controller_metadata: 4 }"
            .to_owned(),
        "table_entry { table_id: $ternary_table match { field_id: 1 ternary { value: \"\\x02\" \
         mask: \"\\x03\" } } match { field_id: 2 exact { value: \"\\x00\" } } priority: 7 \
         action { action { action_id: $read_colour } } }"
            .to_owned(),
        "table_entry { table_id: $range_table match { field_id: 1 range { low: \"\\x01\" \
         high: \"\\x02\\x00\" } } priority: 1 action { action { action_id: $drop } } }"
            .to_owned(),
        "table_entry { table_id: $optional_table match { field_id: 2 optional { value: \"\\x01\\x02\" } } \
         priority: 1 action { action { action_id: $drop } } }"
            .to_owned(),
    ];
    for entry in &entries {
        assert_eq!(primary.written(insert(entry)).await, [entity(entry)]);
    }
    // A wildcard read over all tables has them too, and the entries of the constant table.
    let all = primary.read(entity("table_entry { }")).await;
    assert_eq!(all.len(), entries.len() + 2);
    for entry in &entries {
        assert!(all.contains(&entity(entry)), "{entry}");
        primary.write(vec![delete(entry)]).await;
        assert_eq!(primary.read(entity(entry)).await, []);
    }
}

/// Section 8.3: zero-padded strings are accepted, and read back in canonical form.
#[tokio::test]
async fn byte_strings_are_made_canonical() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let padded = exact(1, 1).replace("\"\\x01\"", "\"\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x01\"");
    assert_eq!(
        primary.written(insert(&padded)).await,
        [entity(&exact(1, 1))]
    );
}

#[tokio::test]
async fn a_byte_string_that_is_empty_or_too_wide_is_out_of_range() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let empty = exact(1, 1).replacen("\"\\x01\"", "\"\"", 1);
    assert_eq!(primary.refused(insert(&empty)).await.0, Code::OutOfRange);
    let wide = exact(1, 7).replace("\"\\x07\"", "\"\\x02\\x00\"");
    let (code, words) = primary.refused(insert(&wide)).await;
    assert_eq!(code, Code::OutOfRange);
    assert!(
        words.contains("(port): value 0x0200 does not fit 9 bits"),
        "{words}"
    );
}

#[tokio::test]
async fn what_does_not_fit_the_p4info_is_an_invalid_argument_with_words() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let change = |from: &str, to: &str| {
        let text = exact(1, 1);
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let action =
        "action { action { action_id: $forward params { param_id: 1 value: \"\\x01\" } } }";
    let lpm = |length: &str| {
        format!(
            "table_entry {{ table_id: $lpm_table match {{ field_id: 1 lpm {{ value: \"\\x01\" {length} }} }} {action} }}"
        )
    };
    let range = "table_entry { table_id: $range_table match { field_id: 1 range { low: \"\\x01\" \
         high: \"\\x02\" } } PRIORITY action { action { action_id: $drop } } }";
    let one_shot = "action { action_profile_action_set { } }";
    let cases = [
        (change("$exact_table", "0"), "table id is not set"),
        (change("$exact_table", "77"), "no table with id"),
        (change("field_id: 1", "field_id: 2"), "no match field 2"),
        (
            change(
                "match {",
                "match { field_id: 1 exact { value: \"\\x01\" } } match {",
            ),
            "is there twice",
        ),
        (
            change("match { field_id: 1 exact { value: \"\\x01\" } }", ""),
            "cannot be left out",
        ),
        (change("exact {", "optional {"), "its match type is exact"),
        (
            change("action {", "priority: 1 action {"),
            "priority must be 0",
        ),
        (change(action, ""), "an INSERT needs the action"),
        (change("$forward", "88"), "no action with id"),
        (change("$forward", "$rewrite"), "has no action"),
        (change("param_id: 1", "param_id: 2"), "has no value"),
        (
            change(
                "params {",
                "params { param_id: 9 value: \"\\x01\" } params {",
            ),
            "no parameter 9",
        ),
        (
            change("params { param_id: 1 value: \"\\x01\" }", ""),
            "has no value",
        ),
        (change(action, one_shot), "no action profile"),
        (
            change(action, "action { action_profile_member_id: 1 }"),
            "no action profile",
        ),
        (change("action {", "is_const: true action {"), "is_const"),
        (
            change("action {", "idle_timeout_ns: 5 action {"),
            "no idle timeout",
        ),
        (
            change("action {", "time_since_last_hit { } action {"),
            "can only be read",
        ),
        (
            change("action {", "meter_config { } action {"),
            "no direct meter",
        ),
        (
            change("action {", "counter_data { packet_count: -1 } action {"),
            "negative",
        ),
        (lpm(""), "prefix length 0"),
        (lpm("prefix_len: 33"), "prefix length 33"),
        (lpm("prefix_len: 8"), "ones after its prefix"),
        (range.replace("PRIORITY", ""), "greater than 0"),
        (range.replace("PRIORITY", "priority: -1"), "greater than 0"),
        (
            range
                .replace("PRIORITY", "priority: 1")
                .replace("\\x01", "\\x03"),
            "greater than the high",
        ),
    ];
    for (text, words) in cases {
        let (code, got) = primary.refused(insert(&text)).await;
        assert_eq!(code, Code::InvalidArgument, "{got}\n{text}");
        assert!(got.contains(words), "{got}\n{text}");
    }
    assert_eq!(
        primary
            .read(entity("table_entry { table_id: $exact_table }"))
            .await,
        []
    );
}

#[tokio::test]
async fn insert_modify_and_delete() {
    let (test, mut primary) = TestSwitch::with_program().await;
    let port = |switch: &p4_switch::Switch| {
        let output = switch.process(4, &frame(1, 9, 7));
        output.first().map(|(port, _)| *port)
    };
    assert_eq!(
        primary.refused(modify(&exact(1, 1))).await.0,
        Code::NotFound
    );
    assert_eq!(
        primary.refused(delete(&exact(1, 1))).await.0,
        Code::NotFound
    );
    primary.write(vec![insert(&exact(1, 1))]).await;
    assert_eq!(port(&test.switch), Some(1));
    assert_eq!(
        primary.refused(insert(&exact(1, 2))).await.0,
        Code::AlreadyExists
    );
    assert_eq!(port(&test.switch), Some(1));
    primary.write(vec![modify(&exact(1, 2))]).await;
    assert_eq!(port(&test.switch), Some(2));
    // All but the key is ignored, however nonsensical.
    let nonsense = exact(1, 2).replace("$forward", "99");
    primary.write(vec![delete(&nonsense)]).await;
    assert_eq!(
        primary
            .read(entity("table_entry { table_id: $exact_table }"))
            .await,
        []
    );
}

/// Section 9.1.2: a MODIFY without action leaves the action as it is.
#[tokio::test]
async fn modify_without_action_keeps_the_action() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    primary.write(vec![insert(&exact(1, 3))]).await;
    let key = "table_entry { table_id: $exact_table match { field_id: 1 exact { value: \"\\x01\" } } \
        metadata: \"m\" }";
    primary.write(vec![modify(key)]).await;
    let expected = exact(1, 3).replace("action { action {", "metadata: \"m\" action { action {");
    assert_eq!(
        primary.read(entity(&exact(1, 3))).await,
        [entity(&expected)]
    );
}

#[tokio::test]
async fn a_full_table_is_resource_exhausted() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    primary
        .write((1..=4).map(|dst| insert(&exact(dst, 1))).collect())
        .await;
    let (code, words) = primary.refused(insert(&exact(5, 1))).await;
    assert_eq!(code, Code::ResourceExhausted);
    assert!(
        words.contains("exact_table") && words.contains('4'),
        "{words}"
    );
}

#[tokio::test]
async fn a_keyless_table_has_its_default_entry_only() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let entry =
        "table_entry { table_id: $keyless_table action { action { action_id: $NoAction } } }";
    assert_eq!(
        primary.refused(insert(entry)).await.0,
        Code::InvalidArgument
    );
}

/// Section 9.1.2: a valid action that is not respected in its scope.
#[tokio::test]
async fn an_action_outside_its_scope_is_permission_denied() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let default = "table_entry { table_id: $lpm_table is_default_action: true \
        action { action { action_id: $drop } } }";
    let (code, words) = primary.refused(modify(default)).await;
    assert_eq!(code, Code::PermissionDenied);
    assert!(words.contains("@tableonly"), "{words}");
    let entry = "table_entry { table_id: $lpm_table match { field_id: 1 lpm { value: \"\\x00\" \
        prefix_len: 1 } } action { action { action_id: $NoAction } } }";
    let (code, words) = primary.refused(insert(entry)).await;
    assert_eq!(code, Code::PermissionDenied);
    assert!(words.contains("@defaultonly"), "{words}");
}

/// Section 9.1.3.
#[tokio::test]
async fn the_default_entry_is_modified_and_reset() {
    let (test, mut primary) = TestSwitch::with_program().await;
    let drop = "table_entry { table_id: $exact_table is_default_action: true metadata: \"m\" \
        action { action { action_id: $drop } } }";
    let initial = "table_entry { table_id: $exact_table is_default_action: true \
        action { action { action_id: $NoAction } } }";
    let reset = "table_entry { table_id: $exact_table is_default_action: true }";
    assert_eq!(primary.read(entity(reset)).await, [entity(initial)]);
    assert_eq!(primary.refused(insert(drop)).await.0, Code::InvalidArgument);
    assert_eq!(primary.refused(delete(drop)).await.0, Code::InvalidArgument);
    let with_match = format!(
        "{} match {{ field_id: 1 exact {{ value: \"\\x01\" }} }} }}",
        drop.trim_end_matches('}')
    );
    assert_eq!(
        primary.refused(modify(&with_match)).await.0,
        Code::InvalidArgument
    );
    assert_eq!(primary.written(modify(drop)).await, [entity(drop)]);
    assert_eq!(test.switch.process(4, &frame(1, 9, 7)), []);
    primary.write(vec![modify(reset)]).await;
    assert_eq!(primary.read(entity(reset)).await, [entity(initial)]);
    // The default entry is none of the entries.
    assert_eq!(
        primary
            .read(entity("table_entry { table_id: $exact_table }"))
            .await,
        []
    );
}

#[tokio::test]
async fn a_constant_default_action_is_permission_denied() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let of_const = "table_entry { table_id: $const_table is_default_action: true \
        action { action { action_id: $drop } } }";
    assert_eq!(
        primary.refused(modify(of_const)).await.0,
        Code::PermissionDenied
    );
    // Section 9.1.3: that of an indirect table is a constant NoAction.
    let of_indirect = "table_entry { table_id: $selector_table is_default_action: true \
        action { action { action_id: $NoAction } } }";
    assert_eq!(
        primary.refused(modify(of_indirect)).await.0,
        Code::PermissionDenied
    );
    let expected = "table_entry { table_id: $selector_table is_default_action: true is_const: true \
        action { action { action_id: $NoAction } } }";
    assert_eq!(primary.read(entity(of_indirect)).await, [entity(expected)]);
}

/// Section 9.1.4.
#[tokio::test]
async fn a_constant_table_can_be_read_but_not_written() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let entry = |value: &str, action: &str| {
        format!(
            "table_entry {{ table_id: $const_table match {{ field_id: 1 exact {{ value: \"{value}\" }} }} \
             is_const: true action {{ action {{ action_id: ${action} }} }} }}"
        )
    };
    let mut all = primary
        .read(entity("table_entry { table_id: $const_table }"))
        .await;
    let expected = [
        entity(&entry("\\xbe\\xef", "NoAction")),
        entity(&entry("\\xde\\xad", "drop")),
    ];
    all.sort_by_key(|entity| format!("{entity:?}"));
    assert_eq!(all.len(), 2);
    assert!(
        expected.iter().all(|entity| all.contains(entity)),
        "{all:?}"
    );
    let plain = entry("\\xde\\xad", "drop").replace("is_const: true", "");
    for update in [insert(&plain), modify(&plain), delete(&plain)] {
        assert_eq!(primary.refused(update).await.0, Code::PermissionDenied);
    }
}

/// Section 9.1.6: each filter.
#[tokio::test]
async fn wildcard_reads_filter() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let range = |low: u8, priority: u8, action: &str, metadata: &str| {
        format!(
            "table_entry {{ table_id: $range_table match {{ field_id: 1 range {{ low: \"\\x{low:02x}\" \
             high: \"\\xff\" }} }} priority: {priority} action {{ action {{ action_id: ${action} }} }} \
             metadata: \"{metadata}\" }}"
        )
    };
    let entries = [
        range(1, 10, "drop", "a"),
        range(1, 11, "NoAction", "a"),
        range(2, 11, "drop", "b"),
    ];
    primary
        .write(entries.iter().map(|entry| insert(entry)).collect())
        .await;
    let read = |filter: &str| {
        entity(&format!(
            "table_entry {{ table_id: $range_table {filter} }}"
        ))
    };
    let key = "match { field_id: 1 range { low: \"\\x01\" high: \"\\xff\" } }";
    let cases: [(&str, &[usize]); 7] = [
        ("", &[0, 1, 2]),
        ("priority: 11", &[1, 2]),
        ("metadata: \"a\"", &[0, 1]),
        ("action { action { action_id: $drop } }", &[0, 2]),
        (key, &[0, 1]),
        (&format!("{key} priority: 11"), &[1]),
        (&format!("{key} priority: 12"), &[]),
    ];
    for (filter, expected) in cases {
        let found = primary.read(read(filter)).await;
        assert_eq!(found.len(), expected.len(), "{filter}");
        for index in expected {
            assert!(found.contains(&entity(&entries[*index])), "{filter}");
        }
    }
    let (code, _) = primary
        .read_refused(entity("table_entry { priority: 1 }"))
        .await;
    assert_eq!(
        code,
        Code::InvalidArgument,
        "with table id 0 no other filter can be used"
    );
}

/// Sections 9.1.7 and 9.3.1.
#[tokio::test]
async fn direct_counters_count_and_are_set_and_read() {
    let (test, mut primary) = TestSwitch::with_program().await;
    primary
        .write(vec![insert(&exact(1, 1)), insert(&exact(2, 1))])
        .await;
    let _ = test.switch.process(4, &frame(1, 9, 7));
    let with_counter = |packets: u32, bytes: u32| {
        exact(1, 1).replacen(
            "action {",
            &format!("counter_data {{ packet_count: {packets} byte_count: {bytes} }} action {{"),
            1,
        )
    };
    let found = primary.read(entity(&with_counter(0, 0))).await;
    assert_eq!(found, [entity(&with_counter(1, 64))]);
    assert_eq!(
        primary.read(entity(&exact(1, 1))).await,
        [entity(&exact(1, 1))],
        "not asked for"
    );
    // Section 9.1.7: a MODIFY with the field unset leaves it, with the field set writes it.
    primary.write(vec![modify(&exact(1, 1))]).await;
    assert_eq!(
        primary.read(entity(&with_counter(0, 0))).await,
        [entity(&with_counter(1, 64))]
    );
    primary.write(vec![modify(&with_counter(7, 8))]).await;
    let direct = |dst: u8, data: &str| {
        format!(
            "direct_counter_entry {{ table_entry {{ table_id: $exact_table match {{ field_id: 1 \
             exact {{ value: \"\\x{dst:02x}\" }} }} }} {data} }}"
        )
    };
    let seven = direct(1, "data { packet_count: 7 byte_count: 8 }");
    assert_eq!(primary.read(entity(&direct(1, ""))).await, [entity(&seven)]);
    let all = primary.read(entity(
        "direct_counter_entry { table_entry { table_id: $exact_table } }",
    ));
    assert_eq!(all.await.len(), 2);
    let nine = direct(1, "data { packet_count: 9 byte_count: 9 }");
    assert_eq!(primary.written(modify(&nine)).await, [entity(&nine)]);
    for update in [insert(&nine), delete(&nine)] {
        assert_eq!(primary.refused(update).await.0, Code::InvalidArgument);
    }
    let absent = direct(3, "data { packet_count: 9 byte_count: 9 }");
    assert_eq!(primary.refused(modify(&absent)).await.0, Code::NotFound);
    assert_eq!(
        primary.read_refused(entity(&absent)).await.0,
        Code::NotFound
    );
}

/// Sections 9.1.7 and 9.4.1.
/// Sections 9.1.7, 9.4.1 and 9.4.3.
#[tokio::test]
async fn a_direct_meter_counts_packets_by_colour() {
    let (test, mut primary) = TestSwitch::with_program().await;
    let key =
        "table_id: $ternary_table match { field_id: 2 exact { value: \"\\x07\" } } priority: 1";
    let entry = |rest: &str| {
        format!("table_entry {{ {key} {rest} action {{ action {{ action_id: $read_colour }} }} }}")
    };
    let config = "meter_config { cir: 1 cburst: 1 pir: 1 pburst: 2 }";
    let one = "packet_count: 1 byte_count: 64";
    let (code, words) = primary
        .refused(insert(&entry(&format!(
            "meter_counter_data {{ red {{ {one} }} }}"
        ))))
        .await;
    assert_eq!(code, Code::InvalidArgument, "{words}");
    let zero = "meter_counter_data { green { } yellow { } red { } }";
    let new = entry(&format!("{config} {zero}"));
    assert_eq!(primary.written(insert(&new)).await, [entity(&new)]);
    for _ in 0..3 {
        let _ = test.switch.process(4, &frame(1, 2, 7));
    }
    let counts = format!("{{ green {{ {one} }} yellow {{ {one} }} red {{ {one} }} }}");
    let asked = entry("meter_counter_data { }");
    let counted = entry(&format!("meter_counter_data {counts}"));
    assert_eq!(primary.read(entity(&asked)).await, [entity(&counted)]);
    let direct = |rest: &str| format!("direct_meter_entry {{ table_entry {{ {key} }} {rest} }}");
    let config = config.replace("meter_config", "config");
    assert_eq!(
        primary.read(entity(&direct("counter_data { }"))).await,
        [entity(&direct(&format!("{config} counter_data {counts}")))]
    );
    assert_eq!(
        primary.read(entity(&direct(""))).await,
        [entity(&direct(&config))],
        "not asked for"
    );
    // A MODIFY leaves them untouched unless the field is set.
    primary.write(vec![modify(&entry(""))]).await;
    assert_eq!(primary.read(entity(&asked)).await, [entity(&counted)]);
    primary
        .write(vec![modify(&direct("counter_data { }"))])
        .await;
    assert_eq!(primary.read(entity(&asked)).await, [entity(&entry(zero))]);
}

#[tokio::test]
async fn direct_meters_are_set_reset_and_read() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let entry = |meter: &str| {
        format!(
            "table_entry {{ table_id: $ternary_table match {{ field_id: 2 exact {{ value: \"\\x01\" }} }} \
             priority: 1 {meter} action {{ action {{ action_id: $read_colour }} }} }}"
        )
    };
    let config = "meter_config { cir: 10 cburst: 20 pir: 30 pburst: 40 }";
    assert_eq!(
        primary.written(insert(&entry(config))).await,
        [entity(&entry(config))]
    );
    assert_eq!(
        primary.read(entity(&entry(""))).await,
        [entity(&entry(""))],
        "not asked for"
    );
    // A MODIFY with the field unset resets the meter.
    primary.write(vec![modify(&entry(""))]).await;
    assert_eq!(
        primary.read(entity(&entry("meter_config { }"))).await,
        [entity(&entry(""))]
    );
    let direct = |config: &str| {
        format!(
            "direct_meter_entry {{ table_entry {{ table_id: $ternary_table match {{ field_id: 2 exact \
             {{ value: \"\\x01\" }} }} priority: 1 }} {config} }}"
        )
    };
    let set = direct("config { cir: 1 cburst: 2 pir: 3 pburst: 4 }");
    assert_eq!(primary.written(modify(&set)).await, [entity(&set)]);
    assert_eq!(
        primary.written(modify(&direct(""))).await,
        [entity(&direct(""))]
    );
    let refused = [
        ("config { cir: 5 pir: 4 }", Code::InvalidArgument),
        ("config { cir: -5 }", Code::InvalidArgument),
        ("config { cir: 1 pir: 1 eburst: 4 }", Code::InvalidArgument),
        (
            "counter_data { red { packet_count: 1 } }",
            Code::InvalidArgument,
        ),
    ];
    for (config, code) in refused {
        assert_eq!(
            primary.refused(modify(&direct(config))).await.0,
            code,
            "{config}"
        );
    }
}
