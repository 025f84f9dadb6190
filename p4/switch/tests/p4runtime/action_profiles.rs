//! Action profile members, groups and one-shot action sets (section 9.2).

use std::collections::BTreeSet;

use p4_switch::control::PortState;
use p4runtime_proto::p4::config::v1::{ActionRef, Preamble, action_ref};
use p4runtime_proto::p4::v1::set_forwarding_pipeline_config_request::Action;
use tonic::Code;

use super::program::{PROGRAM, delete, entity, frame, insert, modify};
use super::support::TestSwitch;

fn member(id: u8, port: u8) -> String {
    format!(
        "action_profile_member {{ action_profile_id: $paths member_id: {id} action {{ action_id: $rewrite \
         params {{ param_id: 1 value: \"\\x0a\" }} params {{ param_id: 2 value: \"\\x{port:02x}\" }} }} }}"
    )
}

fn group(members: &[(u8, i32)]) -> String {
    let members: String = members
        .iter()
        .map(|(id, weight)| format!("members {{ member_id: {id} weight: {weight} }} "))
        .collect();
    format!(
        "action_profile_group {{ action_profile_id: $paths group_id: 5 max_size: 8 {members} }}"
    )
}

fn entry(action: &str) -> String {
    format!(
        "table_entry {{ table_id: $selector_table match {{ field_id: 1 exact {{ value: \"\\x01\" }} }} \
         action {{ {action} }} }}"
    )
}

fn one_shot(actions: &[(u8, &str)]) -> String {
    let actions: String = actions
        .iter()
        .map(|(port, rest)| {
            format!(
                "action_profile_actions {{ action {{ action_id: $rewrite params {{ param_id: 1 value: \"\\x0a\" }} \
                 params {{ param_id: 2 value: \"\\x{port:02x}\" }} }} {rest} }} "
            )
        })
        .collect();
    entry(&format!("action_profile_action_set {{ {actions} }}"))
}

#[tokio::test]
async fn members_groups_and_entries_are_read_back_as_they_were_written() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let group = group(&[(1, 1), (2, 3)]);
    let entry = entry("action_profile_group_id: 5");
    for text in [member(1, 1), member(2, 2), group, entry] {
        assert_eq!(primary.written(insert(&text)).await, [entity(&text)]);
    }
    assert_eq!(
        primary
            .read(entity("action_profile_member { }"))
            .await
            .len(),
        2
    );
    assert_eq!(
        primary.read(entity("action_profile_group { }")).await.len(),
        1
    );
}

#[tokio::test]
async fn what_is_used_cannot_be_deleted() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let entry = entry("action_profile_group_id: 5");
    primary
        .write(vec![
            insert(&member(1, 1)),
            insert(&group(&[(1, 1)])),
            insert(&entry),
        ])
        .await;
    assert_eq!(
        primary.refused(delete(&member(1, 1))).await.0,
        Code::FailedPrecondition
    );
    assert_eq!(
        primary.refused(delete(&group(&[]))).await.0,
        Code::FailedPrecondition
    );
    for text in [entry, group(&[]), member(1, 1)] {
        primary.write(vec![delete(&text)]).await;
    }
    assert_eq!(
        primary.refused(delete(&member(1, 1))).await.0,
        Code::NotFound
    );
    assert_eq!(primary.refused(delete(&group(&[]))).await.0, Code::NotFound);
}

#[tokio::test]
async fn references_must_be_there() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    assert_eq!(
        primary.refused(insert(&group(&[(1, 1)]))).await.0,
        Code::NotFound
    );
    for action in ["action_profile_group_id: 5", "action_profile_member_id: 1"] {
        assert_eq!(
            primary.refused(insert(&entry(action))).await.0,
            Code::NotFound
        );
    }
    assert_eq!(
        primary.refused(modify(&member(1, 1))).await.0,
        Code::NotFound
    );
    assert_eq!(primary.refused(modify(&group(&[]))).await.0, Code::NotFound);
}

#[tokio::test]
async fn the_rules_of_groups() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    primary
        .write(vec![insert(&member(1, 1)), insert(&member(2, 2))])
        .await;
    let invalid = [
        group(&[(1, 0)]),
        group(&[(1, -1)]),
        group(&[(1, 1), (1, 1)]),
        group(&[(1, 1)]).replace("group_id: 5", "group_id: 0"),
        group(&[(1, 1)]).replace("max_size: 8", "max_size: -8"),
        group(&[(1, 1)]).replace("weight: 1", "weight: 1 watch_port: \"\\x09\""),
        group(&[(1, 1)]).replace("$paths", "$hops"),
    ];
    for text in invalid {
        let (code, words) = primary.refused(insert(&text)).await;
        assert_eq!(code, Code::InvalidArgument, "{words}\n{text}");
    }
    let large = group(&[(1, 8), (2, 1)]);
    assert_eq!(
        primary.refused(insert(&large)).await.0,
        Code::ResourceExhausted
    );
    primary.write(vec![insert(&group(&[(1, 1)]))]).await;
    assert_eq!(
        primary.refused(insert(&group(&[(1, 1)]))).await.0,
        Code::AlreadyExists
    );
    // max_size must not change.
    let resized = group(&[(1, 1)]).replace("max_size: 8", "max_size: 9");
    assert_eq!(
        primary.refused(modify(&resized)).await.0,
        Code::InvalidArgument
    );
    let modified = group(&[(2, 2)]);
    assert_eq!(
        primary.written(modify(&modified)).await,
        [entity(&modified)]
    );
}

#[tokio::test]
async fn an_action_profile_without_selector_has_members_only() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let member = |id: u8| {
        format!(
            "action_profile_member {{ action_profile_id: $hops member_id: {id} action {{ action_id: $forward \
             params {{ param_id: 1 value: \"\\x07\" }} }} }}"
        )
    };
    let entry = "table_entry { table_id: $profile_table match { field_id: 1 exact { value: \"\\x01\" } } \
        action { action_profile_member_id: 1 } }";
    for text in [&member(1), entry] {
        assert_eq!(primary.written(insert(text)).await, [entity(text)]);
    }
    let of_group = entry.replace("action_profile_member_id", "action_profile_group_id");
    assert_eq!(
        primary.refused(insert(&of_group)).await.0,
        Code::InvalidArgument
    );
    // Its size is 2.
    primary.write(vec![insert(&member(2))]).await;
    assert_eq!(
        primary.refused(insert(&member(3))).await.0,
        Code::ResourceExhausted
    );
    assert_eq!(
        primary.refused(insert(&member(1))).await.0,
        Code::AlreadyExists
    );
}

/// Section 9.2.3: read back in one shot, with weights, and duplicates not coalesced.
#[tokio::test]
async fn one_shots_are_read_back_as_they_were_written() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let set = one_shot(&[(1, "weight: 1"), (2, "weight: 3"), (1, "weight: 1")]);
    assert_eq!(primary.written(insert(&set)).await, [entity(&set)]);
    let other = one_shot(&[(3, "weight: 2")]);
    assert_eq!(primary.written(modify(&other)).await, [entity(&other)]);
    assert_eq!(primary.read(entity("action_profile_member { }")).await, []);
    assert_eq!(primary.read(entity("action_profile_group { }")).await, []);
    primary.write(vec![delete(&other)]).await;
    assert_eq!(
        primary
            .read(entity("table_entry { table_id: $selector_table }"))
            .await,
        []
    );
}

#[tokio::test]
async fn one_shots_and_members_are_not_mixed() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let set = one_shot(&[(1, "weight: 1")]);
    primary.write(vec![insert(&set)]).await;
    assert_eq!(
        primary.refused(insert(&member(1, 1))).await.0,
        Code::InvalidArgument
    );
    assert_eq!(
        primary.refused(insert(&group(&[]))).await.0,
        Code::InvalidArgument
    );
    primary
        .write(vec![delete(&set), insert(&member(1, 1))])
        .await;
    assert_eq!(primary.refused(insert(&set)).await.0, Code::InvalidArgument);
}

#[tokio::test]
async fn the_rules_of_one_shots() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let set = one_shot(&[(1, "weight: 1")]);
    let field = |field: &str| with_field(&set, field);
    let cases = [
        (one_shot(&[(1, "")]), Code::InvalidArgument, "weight 0"),
        (
            one_shot(&[(1, "weight: 1 watch_port: \"\\x09\"")]),
            Code::InvalidArgument,
            "watch port 9",
        ),
        (
            set.replace("$rewrite", "$forward"),
            Code::InvalidArgument,
            "has no action",
        ),
        (
            entry("action { action_id: $rewrite }"),
            Code::InvalidArgument,
            "member, group or action set",
        ),
        // Section 6.4.1: only those with the scope GROUP_ACTION.
        (
            field("group_action { action_id: $NoAction }"),
            Code::PermissionDenied,
            "@groupaction",
        ),
    ];
    for (text, code, words) in cases {
        let (got, message) = primary.refused(insert(&text)).await;
        assert_eq!(got, code, "{message}\n{text}");
        assert!(message.contains(words), "{message}\n{text}");
    }
    // Section 9.2.3: the combination that is the default must be accepted, and read back.
    let explicit = field("action_selection_mode: HASH size_semantics: SUM_OF_WEIGHTS");
    assert_eq!(
        primary.written(insert(&explicit)).await,
        [entity(&explicit)]
    );
}

/// The ports that packets with these source addresses go to.
fn used(test: &TestSwitch, flows: impl Iterator<Item = u8>) -> BTreeSet<u32> {
    let packets = flows.flat_map(|flow| test.switch.process(4, &frame(1, flow, 7)));
    packets.map(|(port, _)| port).collect()
}

fn with_field(set: &str, field: &str) -> String {
    set.replace(
        "action_profile_action_set {",
        &format!("action_profile_action_set {{ {field}"),
    )
}

/// Section 9.2.3, `action_selection_mode`: by the hash a flow keeps its action, at random it does
/// not.
#[tokio::test]
async fn a_one_shot_selects_by_hash_or_at_random() {
    let (test, mut primary) = TestSwitch::with_program().await;
    let set = one_shot(&[(1, "weight: 1"), (2, "weight: 1")]);
    let one_flow = || std::iter::repeat_n(9, 200);
    for mode in ["", "action_selection_mode: HASH"] {
        primary.write(vec![insert(&with_field(&set, mode))]).await;
        assert_eq!(used(&test, one_flow()).len(), 1, "{mode}");
        assert_eq!(used(&test, 0..=255), BTreeSet::from([1, 2]), "{mode}");
        primary.write(vec![delete(&set)]).await;
    }
    let random = with_field(&set, "action_selection_mode: RANDOM");
    assert_eq!(primary.written(insert(&random)).await, [entity(&random)]);
    assert_eq!(used(&test, one_flow()), BTreeSet::from([1, 2]));
}

/// Section 9.2.3, `size_semantics` and `group_action`, in a program whose selector has groups of
/// at most 2, and whose action `mirror` is one for groups.
#[tokio::test]
async fn a_one_shot_has_a_size_semantics_and_a_group_action_of_its_own() {
    let mut config = PROGRAM.config();
    let info = config.p4info.as_mut().unwrap();
    for profile in &mut info.action_profiles {
        if profile.with_selector {
            profile.max_group_size = 2;
        }
    }
    let named = |preamble: &Option<Preamble>, name: &str| {
        (preamble.as_ref()).is_some_and(|preamble| preamble.name.ends_with(name))
    };
    let tables = info.tables.iter_mut();
    for table in tables.filter(|table| named(&table.preamble, ".selector_table")) {
        table.action_refs.push(ActionRef {
            id: PROGRAM.id("mirror"),
            scope: action_ref::Scope::GroupAction.into(),
            ..Default::default()
        });
    }
    // The compiler would have put it into the list of the table's actions.
    let mut json: serde_json::Value = serde_json::from_slice(&config.p4_device_config).unwrap();
    let mirror = json["actions"].as_array().unwrap().iter();
    let mirror = mirror.clone().find(|a| a["name"] == "TestIngress.mirror");
    let mirror = mirror.unwrap()["id"].clone();
    for table in json["pipelines"][0]["tables"].as_array_mut().unwrap() {
        if table["name"] == "TestIngress.selector_table" {
            let next = table["next_tables"]["TestIngress.rewrite"].clone();
            table["next_tables"]["TestIngress.mirror"] = next;
            let actions = table["actions"].as_array_mut().unwrap();
            actions.push("TestIngress.mirror".into());
            let ids = table["action_ids"].as_array_mut().unwrap();
            ids.push(mirror.clone());
        }
    }
    config.p4_device_config = serde_json::to_vec(&json).unwrap();
    let test = TestSwitch::start().await;
    let mut primary = test.primary(1).await;
    let action = Action::VerifyAndCommit;
    primary.set(action, Some(config)).await.unwrap();

    let set = one_shot(&[(1, "weight: 2"), (2, "weight: 1")]);
    let weights = with_field(&set, "size_semantics: SUM_OF_WEIGHTS");
    for text in [&set, &weights] {
        let (code, words) = primary.refused(insert(text)).await;
        assert_eq!(code, Code::InvalidArgument, "{words}");
        assert!(words.contains("max_group_size"), "{words}");
    }
    let base = "group_action { action_id: $mirror }";
    let members = with_field(&set, &format!("size_semantics: SUM_OF_MEMBERS {base}"));
    assert_eq!(primary.written(insert(&members)).await, [entity(&members)]);
    let session = "packet_replication_engine_entry { clone_session_entry { session_id: 7 \
        replicas { port: \"\\x06\" } } }";
    primary.write(vec![insert(session)]).await;
    let all = used(&test, 0..=255);
    assert_eq!(all, BTreeSet::from([1, 2, 6]), "clones, and one of the set");
    // It is no member of the set.
    let alone = one_shot(&[(1, "weight: 1")]).replace("$rewrite", "$mirror");
    let alone = alone.replace("params { param_id: 1 value: \"\\x0a\" }", "");
    let (code, words) = primary.refused(modify(&alone)).await;
    assert_eq!(code, Code::PermissionDenied, "{words}");
}

/// Section 9.2.3: an action is not selected while its watch port is down, from the next packet on
/// and without a write.
#[tokio::test]
async fn an_action_of_a_one_shot_leaves_while_its_watch_port_is_down() {
    let (test, mut primary) = TestSwitch::with_program().await;
    let (one, _two) = (test.port(1), test.port(2));
    let text = one_shot(&[
        (1, "weight: 1 watch_port: \"\\x01\""),
        (2, "weight: 1 watch_port: \"\\x02\""),
    ]);
    assert_eq!(primary.written(insert(&text)).await, [entity(&text)]);
    let used = || used(&test, 0..=255);
    assert_eq!(used(), BTreeSet::from([1, 2]));
    one.set_state(PortState::Down);
    assert_eq!(used(), BTreeSet::from([2]));
    assert_eq!(primary.read(entity(&text)).await, [entity(&text)]);
    one.set_state(PortState::Up);
    assert_eq!(used(), BTreeSet::from([1, 2]));
}
