//! Parser value sets (section 9.6).

use tonic::Code;

use super::program::{delete, entity, frame, insert, modify};
use super::support::TestSwitch;

fn set(values: &[&str]) -> String {
    let members: String = values
        .iter()
        .map(|value| {
            format!("members {{ match {{ field_id: 1 exact {{ value: \"{value}\" }} }} }} ")
        })
        .collect();
    format!("value_set_entry {{ value_set_id: $ip_types {members} }}")
}

#[tokio::test]
async fn the_members_decide_on_the_transition() {
    let (test, mut primary) = TestSwitch::with_program().await;
    // The frames' bytes at the place of the IPv4 destination are 0xab.
    let route = "table_entry { table_id: $lpm_table match { field_id: 1 lpm { \
        value: \"\\xab\\x00\\x00\\x00\" prefix_len: 8 } } action { action { action_id: $forward \
        params { param_id: 1 value: \"\\x06\" } } } }";
    primary.write(vec![insert(route)]).await;
    let port = || {
        let output = test.switch.process(4, &frame(1, 2, 0x1234));
        output.first().map(|(port, _)| *port)
    };
    assert_eq!(port(), Some(0), "not parsed as IPv4");
    assert_eq!(
        primary.written(modify(&set(&["\\x12\\x34"]))).await,
        [entity(&set(&["\\x12\\x34"]))]
    );
    assert_eq!(port(), Some(6));
    // An empty MODIFY brings it back to its initial state.
    assert_eq!(
        primary.written(modify(&set(&[]))).await,
        [entity(&set(&[]))]
    );
    assert_eq!(port(), Some(0));
}

#[tokio::test]
async fn the_rules_of_value_sets() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let one = set(&["\\x01"]);
    let cases = [
        (insert(&one), Code::InvalidArgument),
        (delete(&one), Code::InvalidArgument),
        (modify(&set(&["\\x01", "\\x00\\x01"])), Code::AlreadyExists),
        (
            modify(&set(&["\\x01", "\\x02", "\\x03"])),
            Code::ResourceExhausted,
        ),
        (modify(&set(&["\\x01\\x00\\x00"])), Code::OutOfRange),
        (
            modify(&one.replace("exact", "optional")),
            Code::InvalidArgument,
        ),
        (
            modify(&one.replace("$ip_types", "7")),
            Code::InvalidArgument,
        ),
    ];
    for (update, code) in cases {
        let words = format!("{update:?}");
        assert_eq!(primary.refused(update).await.0, code, "{words}");
    }
    primary.write(vec![modify(&one)]).await;
    assert_eq!(
        primary.read(entity("value_set_entry { }")).await,
        [entity(&one)]
    );
}
