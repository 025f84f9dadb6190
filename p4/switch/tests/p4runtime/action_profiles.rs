//! Action profile members, groups and one-shot action sets (section 9.2).

use std::collections::BTreeSet;

use p4_switch::control::PortState;
use tonic::Code;

use super::program::{delete, entity, frame, insert, modify};
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
    let field = |field: &str| {
        set.replace(
            "action_profile_action_set {",
            &format!("action_profile_action_set {{ {field}"),
        )
    };
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
        (
            field("action_selection_mode: RANDOM"),
            Code::Unimplemented,
            "RANDOM",
        ),
        (
            field("size_semantics: SUM_OF_MEMBERS"),
            Code::Unimplemented,
            "size_semantics",
        ),
        (
            field("group_action { action_id: $NoAction }"),
            Code::Unimplemented,
            "group_action",
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
    let used = || {
        let flows = (0..=255).flat_map(|flow| test.switch.process(4, &frame(1, flow, 7)));
        flows.map(|(port, _)| port).collect::<BTreeSet<u32>>()
    };
    assert_eq!(used(), BTreeSet::from([1, 2]));
    one.set_state(PortState::Down);
    assert_eq!(used(), BTreeSet::from([2]));
    assert_eq!(primary.read(entity(&text)).await, [entity(&text)]);
    one.set_state(PortState::Up);
    assert_eq!(used(), BTreeSet::from([1, 2]));
}
