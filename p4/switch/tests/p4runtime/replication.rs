//! Multicast groups and clone sessions (section 9.5).

use tonic::Code;

use super::program::{delete, entity, frame, insert, modify};
use super::support::TestSwitch;

fn multicast(id: u32, replicas: &str) -> String {
    format!(
        "packet_replication_engine_entry {{ multicast_group_entry {{ multicast_group_id: {id} {replicas} }} }}"
    )
}

fn clone(id: u32, fields: &str) -> String {
    format!(
        "packet_replication_engine_entry {{ clone_session_entry {{ session_id: {id} {fields} }} }}"
    )
}

const TWO: &str =
    "replicas { port: \"\\x01\" instance: 1 } replicas { port: \"\\x02\" instance: 1 }";

#[tokio::test]
async fn a_multicast_group_is_read_back_and_replicates() {
    let (test, mut primary) = TestSwitch::with_program().await;
    let group = multicast(9, &format!("{TWO} metadata: \"m\""));
    assert_eq!(primary.refused(modify(&group)).await.0, Code::NotFound);
    assert_eq!(primary.written(insert(&group)).await, [entity(&group)]);
    assert_eq!(primary.refused(insert(&group)).await.0, Code::AlreadyExists);
    assert_eq!(primary.read(entity(&multicast(0, ""))).await.len(), 1);
    let entry = "table_entry { table_id: $exact_table match { field_id: 1 exact { value: \"\\x01\" } } \
        action { action { action_id: $multicast params { param_id: 1 value: \"\\x09\" } } } }";
    primary.write(vec![insert(entry)]).await;
    let ports = |switch: &p4_switch::Switch| {
        let mut ports: Vec<_> = switch
            .process(4, &frame(1, 2, 7))
            .iter()
            .map(|(p, _)| *p)
            .collect();
        ports.sort_unstable();
        ports
    };
    assert_eq!(ports(&test.switch), [1, 2]);
    let one = multicast(9, "replicas { port: \"\\x03\" }");
    assert_eq!(primary.written(modify(&one)).await, [entity(&one)]);
    assert_eq!(ports(&test.switch), [3]);
    primary.write(vec![delete(&multicast(9, ""))]).await;
    assert!(
        ports(&test.switch).is_empty(),
        "a group that is not there drops the packet"
    );
    assert_eq!(
        primary.refused(delete(&multicast(9, ""))).await.0,
        Code::NotFound
    );
}

#[tokio::test]
async fn a_clone_session_is_read_back_and_clones() {
    let (test, mut primary) = TestSwitch::with_program().await;
    let session = clone(
        7,
        "replicas { port: \"\\x05\" instance: 1 } packet_length_bytes: 20",
    );
    assert_eq!(primary.written(insert(&session)).await, [entity(&session)]);
    let entry = "table_entry { table_id: $exact_table match { field_id: 1 exact { value: \"\\x01\" } } \
        action { action { action_id: $mirror } } }";
    primary.write(vec![insert(entry)]).await;
    let output = test.switch.process(4, &frame(1, 2, 7));
    let lengths: Vec<_> = output
        .iter()
        .filter(|(p, _)| *p == 5)
        .map(|(_, b)| b.len())
        .collect();
    assert_eq!(lengths, [20]);
    primary.write(vec![delete(&clone(7, ""))]).await;
    let output = test.switch.process(4, &frame(1, 2, 7));
    assert!(output.iter().all(|(port, _)| *port != 5));
    assert_eq!(primary.read(entity(&clone(0, ""))).await, []);
}

#[tokio::test]
async fn the_rules_of_replication() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let same =
        "replicas { port: \"\\x01\" instance: 1 } replicas { port: \"\\x00\\x01\" instance: 1 }";
    let backup = "replicas { port: \"\\x01\" backup_replicas { port: \"\\x02\" } }";
    let cases = [
        (multicast(0, TWO), Code::InvalidArgument),
        (multicast(65536, TWO), Code::InvalidArgument),
        (multicast(1, same), Code::InvalidArgument),
        (
            multicast(1, "replicas { port: \"\\x01\" instance: 65536 }"),
            Code::InvalidArgument,
        ),
        (
            multicast(1, "replicas { instance: 1 }"),
            Code::InvalidArgument,
        ),
        (multicast(1, "replicas { port: \"\" }"), Code::OutOfRange),
        (
            multicast(1, "replicas { port: \"\\x02\\x00\" }"),
            Code::OutOfRange,
        ),
        (multicast(1, backup), Code::Unimplemented),
        (clone(0, TWO), Code::InvalidArgument),
        (clone(1, "class_of_service: 1"), Code::Unimplemented),
        (clone(1, "packet_length_bytes: -1"), Code::InvalidArgument),
        (
            "packet_replication_engine_entry { }".to_owned(),
            Code::InvalidArgument,
        ),
    ];
    for (text, code) in cases {
        let (got, words) = primary.refused(insert(&text)).await;
        assert_eq!(got, code, "{words}\n{text}");
    }
}
