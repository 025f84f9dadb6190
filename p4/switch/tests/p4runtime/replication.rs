//! Multicast groups and clone sessions (section 9.5).

use p4_switch::control::PortState;
use tonic::Code;

use super::program::{delete, entity, frame, insert, modify};
use super::support::{CPU_PORT, TestSwitch};

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
    let same_port = "replicas { port: \"\\x01\" backup_replicas { port: \"\\x01\" instance: 1 } }";
    let twice = "replicas { port: \"\\x01\" backup_replicas { port: \"\\x02\" } } \
        replicas { port: \"\\x02\" }";
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
        (clone(1, same_port), Code::InvalidArgument),
        (multicast(1, same_port), Code::InvalidArgument),
        (multicast(1, twice), Code::InvalidArgument),
        (clone(0, TWO), Code::InvalidArgument),
        (clone(1, "class_of_service: 8"), Code::InvalidArgument),
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

/// The ports that a packet to destination 1 goes to.
fn ports(switch: &p4_switch::Switch) -> Vec<u32> {
    let output = switch.process(4, &frame(1, 2, 7));
    output.iter().map(|(port, _)| *port).collect()
}

/// Section 9.5.1: the most preferred port that is up, at once and without a write.
#[tokio::test]
async fn a_backup_replica_takes_over_while_the_ports_before_it_are_down() {
    let (test, mut primary) = TestSwitch::with_program().await;
    let handles = [1, 2, 3].map(|port| test.port(port));
    let group = multicast(
        9,
        "replicas { port: \"\\x01\" instance: 1 \
         backup_replicas { port: \"\\x02\" instance: 2 } \
         backup_replicas { port: \"\\x03\" instance: 3 } } \
         replicas { port: \"\\x06\" instance: 1 } metadata: \"m\"",
    );
    assert_eq!(primary.written(insert(&group)).await, [entity(&group)]);
    let entry = "table_entry { table_id: $exact_table match { field_id: 1 exact { value: \"\\x01\" } } \
        action { action { action_id: $multicast params { param_id: 1 value: \"\\x09\" } } } }";
    primary.write(vec![insert(entry)]).await;
    assert_eq!(ports(&test.switch), [1, 6]);
    handles[0].set_state(PortState::Down);
    assert_eq!(ports(&test.switch), [2, 6]);
    handles[1].set_state(PortState::Down);
    assert_eq!(ports(&test.switch), [3, 6]);
    // All are down: the copy goes to the primary port, which drops it.
    handles[2].set_state(PortState::Down);
    assert_eq!(ports(&test.switch), [1, 6]);
    handles[1].set_state(PortState::Up);
    assert_eq!(ports(&test.switch), [2, 6]);
    handles[0].set_state(PortState::Up);
    assert_eq!(ports(&test.switch), [1, 6]);
    // A port that vanishes is down.
    test.switch.remove_port(1).unwrap();
    assert_eq!(ports(&test.switch), [2, 6]);
    // What is written is what is read, whatever the ports do.
    assert_eq!(primary.read(entity(&group)).await, [entity(&group)]);
}

/// As the replicas of a multicast group.
#[tokio::test]
async fn a_backup_replica_of_a_clone_session_takes_over() {
    let (test, mut primary) = TestSwitch::with_program().await;
    let handles = [5, 6].map(|port| test.port(port));
    let session = clone(
        7,
        "replicas { port: \"\\x05\" instance: 1 backup_replicas { port: \"\\x06\" instance: 2 } }",
    );
    assert_eq!(primary.written(insert(&session)).await, [entity(&session)]);
    let entry = "table_entry { table_id: $exact_table match { field_id: 1 exact { value: \"\\x01\" } } \
        action { action { action_id: $mirror } } }";
    primary.write(vec![insert(entry)]).await;
    // The packet itself leaves by port 0.
    let clones = || -> Vec<u32> {
        let ports = ports(&test.switch).into_iter();
        ports.filter(|port| *port != 0).collect()
    };
    assert_eq!(clones(), [5]);
    handles[0].set_state(PortState::Down);
    assert_eq!(clones(), [6]);
    handles[0].set_state(PortState::Up);
    assert_eq!(clones(), [5]);
    assert_eq!(primary.read(entity(&session)).await, [entity(&session)]);
}

/// Section 9.5.2; the switch has no queues, so that all classes are served alike.
#[tokio::test]
async fn a_clone_session_keeps_its_class_of_service() {
    let (_test, mut primary) = TestSwitch::with_program().await;
    let session = clone(3, "replicas { port: \"\\x05\" } class_of_service: 7");
    assert_eq!(primary.written(insert(&session)).await, [entity(&session)]);
}

/// Section 18.1.1, and the example of section 9.5.2: a copy for the client.
#[tokio::test]
async fn the_cpu_port_has_its_sdn_number_in_replicas() {
    let (test, mut primary) = TestSwitch::with_program().await;
    let cpu = "replicas { port: \"\\xff\\xff\\xff\\xfd\" instance: 1 }";
    let group = multicast(9, &format!("{cpu} replicas {{ port: \"\\x02\" }}"));
    let session = clone(7, cpu);
    let backup = "backup_replicas { port: \"\\xff\\xff\\xff\\xfd\" instance: 1 }";
    let with_backup = multicast(8, &format!("replicas {{ port: \"\\x02\" {backup} }}"));
    for text in [&group, &session, &with_backup] {
        assert_eq!(primary.written(insert(text)).await, [entity(text)]);
    }
    let entry = |dst: u8, action: &str| {
        insert(&format!(
            "table_entry {{ table_id: $exact_table match {{ field_id: 1 exact {{ value: \"\\x{dst:02x}\" }} }} \
             action {{ action {{ action_id: {action} }} }} }}"
        ))
    };
    let to_group = "$multicast params { param_id: 1 value: \"\\x09\" }";
    primary
        .write(vec![entry(1, to_group), entry(2, "$mirror")])
        .await;
    let cpu_copies = |dst: u8| {
        let output = test.switch.process(4, &frame(dst, 2, 7));
        output.iter().filter(|(port, _)| *port == CPU_PORT).count()
    };
    assert_eq!((cpu_copies(1), cpu_copies(2)), (1, 1));
    // It is the same port under both numbers.
    let twice = multicast(
        3,
        &format!("{cpu} replicas {{ port: \"\\x01\\xfe\" instance: 1 }}"),
    );
    assert_eq!(
        primary.refused(insert(&twice)).await.0,
        Code::InvalidArgument
    );
}
