//! Idle timeouts (sections 9.1.8 and 16.4), by a clock that is set by hand.

use std::sync::Arc;
use std::time::Duration;

use p4_switch::{Clock, SwitchConfig};
use p4runtime_proto::p4::config::v1::table::IdleTimeoutBehavior;
use p4runtime_proto::p4::v1::{
    ForwardingPipelineConfig, IdleTimeoutNotification, TableEntry, entity::Entity as Kind,
    set_forwarding_pipeline_config_request::Action, stream_message_response::Update as Incoming,
};
use prost::Message;
use tonic::Code;

use super::program::{PROGRAM, delete, entity, exact, frame, insert, modify, renamed};
use super::support::{CPU_PORT, Controller, TestSwitch};

/// The test program, with idle timeouts in exact_table.
fn program() -> ForwardingPipelineConfig {
    let mut config = PROGRAM.config();
    let mut json: serde_json::Value = serde_json::from_slice(&PROGRAM.json).unwrap();
    for pipeline in json["pipelines"].as_array_mut().unwrap() {
        for table in pipeline["tables"].as_array_mut().unwrap() {
            if table["name"] == "TestIngress.exact_table" {
                table["support_timeout"] = true.into();
            }
        }
    }
    config.p4_device_config = serde_json::to_vec(&json).unwrap();
    for table in &mut config.p4info.as_mut().unwrap().tables {
        if table.preamble.as_ref().unwrap().name == "TestIngress.exact_table" {
            table.set_idle_timeout_behavior(IdleTimeoutBehavior::NotifyControl);
        }
    }
    config
}

async fn start() -> (TestSwitch, Controller, Arc<Clock>) {
    let clock = Arc::new(Clock::manual());
    let config = SwitchConfig {
        cpu_port: Some(CPU_PORT),
        clock: clock.clone(),
        ..Default::default()
    };
    let test = TestSwitch::start_as(config, Ok).await;
    let mut primary = test.primary(1).await;
    primary
        .set(Action::VerifyAndCommit, Some(program()))
        .await
        .unwrap();
    (test, primary, clock)
}

/// An entry of exact_table with a timeout.
fn entry(dst: u8, timeout_ms: u64) -> String {
    let fields = format!(
        "table_entry {{ idle_timeout_ns: {} metadata: \"m\"",
        timeout_ms * 1_000_000
    );
    exact(dst, 1).replace("table_entry {", &fields)
}

async fn notification(controller: &mut Controller) -> IdleTimeoutNotification {
    match controller.next().await.unwrap() {
        Incoming::IdleTimeoutNotification(notification) => notification,
        other => panic!("{other:?}"),
    }
}

fn table_entry(text: &str) -> TableEntry {
    match entity(text).entity {
        Some(Kind::TableEntry(entry)) => entry,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_entry_that_no_packet_hits_is_told_of_once_for_each_timeout() {
    let (_test, mut primary, clock) = start().await;
    let text = entry(1, 1000);
    assert_eq!(primary.written(insert(&text)).await, [entity(&text)]);
    for _ in 0..3 {
        clock.advance(Duration::from_millis(999));
        primary.no_message(Duration::from_millis(40)).await;
        clock.advance(Duration::from_millis(1));
        let told = notification(&mut primary).await;
        assert!(told.timestamp > 0);
        assert_eq!(told.table_entry, [table_entry(&text)]);
    }
}

#[tokio::test]
async fn a_hit_puts_the_notification_off() {
    let (test, mut primary, clock) = start().await;
    primary.write(vec![insert(&entry(1, 1000))]).await;
    for _ in 0..3 {
        clock.advance(Duration::from_millis(800));
        let _ = test.switch.process(4, &frame(1, 2, 7));
        primary.no_message(Duration::from_millis(30)).await;
    }
    clock.advance(Duration::from_millis(1000));
    assert_eq!(notification(&mut primary).await.table_entry.len(), 1);
}

/// Section 16.4: the server may coalesce notifications.
#[tokio::test]
async fn entries_that_expire_together_are_told_of_together() {
    let (_test, mut primary, clock) = start().await;
    primary
        .write([1, 2, 3].map(|dst| insert(&entry(dst, 500))).to_vec())
        .await;
    clock.advance(Duration::from_millis(500));
    let told = notification(&mut primary).await;
    assert_eq!(told.table_entry.len(), 3);
    assert!(told.table_entry.iter().all(|entry| entry.metadata == b"m"));
}

#[tokio::test]
async fn entries_that_are_deleted_or_changed_follow_their_last_write() {
    let (_test, mut primary, clock) = start().await;
    primary
        .write([1, 2, 3].map(|dst| insert(&entry(dst, 500))).to_vec())
        .await;
    primary
        .write(vec![
            delete(&exact(1, 1)),
            modify(&entry(2, 900)),
            // Without timeout it never expires.
            modify(&exact(3, 1)),
        ])
        .await;
    clock.advance(Duration::from_millis(500));
    primary.no_message(Duration::from_millis(40)).await;
    clock.advance(Duration::from_millis(400));
    let told = notification(&mut primary).await;
    assert_eq!(told.table_entry, [table_entry(&entry(2, 900))]);
}

/// Section 9.1.8: also where the entry has no timeout, and only if it is asked for.
#[tokio::test]
async fn the_time_since_the_last_hit_is_read_where_it_is_asked_for() {
    let (test, mut primary, clock) = start().await;
    primary.write(vec![insert(&exact(1, 1))]).await;
    clock.advance(Duration::from_secs(5));
    let mut elapsed = async |fields: &str| {
        let text = format!("table_entry {{ table_id: $exact_table {fields} }}");
        let found = primary.read(entity(&text)).await;
        match found[0].entity.clone().unwrap() {
            Kind::TableEntry(entry) => entry.time_since_last_hit.map(|time| time.elapsed_ns),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(elapsed("").await, None);
    assert_eq!(
        elapsed("time_since_last_hit { }").await,
        Some(5_000_000_000)
    );
    let _ = test.switch.process(4, &frame(1, 2, 7));
    clock.advance(Duration::from_millis(3));
    assert_eq!(elapsed("time_since_last_hit { }").await, Some(3_000_000));
}

/// Section 21.4.2: clients of gRPC take messages of 4 MB by default.
#[tokio::test]
async fn many_entries_that_expire_together_are_told_of_in_several_messages() {
    let (_test, mut primary, clock) = start().await;
    let metadata = format!("metadata: \"{}\"", "m".repeat(400_000));
    let entries: Vec<String> = (0..4)
        .map(|dst| entry(dst, 1000).replace("metadata: \"m\"", &metadata))
        .collect();
    primary
        .write(entries.iter().map(|text| insert(text)).collect())
        .await;
    clock.advance(Duration::from_secs(1));
    let mut told = Vec::new();
    while told.len() < entries.len() {
        let notification = notification(&mut primary).await;
        assert!(notification.encoded_len() < (1 << 20) + 100);
        told.extend(notification.table_entry);
    }
    told.sort_by_key(Message::encode_to_vec);
    let mut entries: Vec<_> = entries.iter().map(|text| table_entry(text)).collect();
    entries.sort_by_key(Message::encode_to_vec);
    assert!(told == entries);
}

#[tokio::test]
async fn idle_timeouts_are_refused_where_the_table_has_none() {
    let (_test, mut primary, _clock) = start().await;
    let other = |fields: &str| {
        format!(
            "table_entry {{ table_id: $lpm_table match {{ field_id: 1 lpm {{ value: \"\\x0a\\x00\\x00\\x00\" \
             prefix_len: 8 }} }} action {{ action {{ action_id: $drop }} }} {fields} }}"
        )
    };
    let default = |fields: &str| {
        format!("table_entry {{ table_id: $exact_table is_default_action: true {fields} }}")
    };
    let bad = Code::InvalidArgument;
    for text in [
        other("idle_timeout_ns: 1"),
        other("time_since_last_hit { }"),
        exact(1, 1).replace("table_entry {", "table_entry { time_since_last_hit { }"),
        exact(1, 1).replace("table_entry {", "table_entry { idle_timeout_ns: -1"),
    ] {
        assert_eq!(primary.refused(insert(&text)).await.0, bad, "{text}");
    }
    for text in [
        default("idle_timeout_ns: 1"),
        default("time_since_last_hit { }"),
    ] {
        assert_eq!(primary.refused(modify(&text)).await.0, bad, "{text}");
    }
    for text in [
        "table_entry { table_id: $lpm_table time_since_last_hit { } }".to_owned(),
        default("time_since_last_hit { }"),
    ] {
        assert_eq!(primary.read_refused(entity(&text)).await.0, bad, "{text}");
    }
}

/// The clock of a switch that runs: packets see the time of its last tick only.
#[tokio::test]
async fn hits_count_by_the_systems_clock_too() {
    let test = TestSwitch::start().await;
    let mut primary = test.primary(1).await;
    primary
        .set(Action::VerifyAndCommit, Some(program()))
        .await
        .unwrap();
    primary
        .write(vec![insert(&entry(1, 200)), insert(&entry(2, 200))])
        .await;
    for _ in 0..20 {
        let _ = test.switch.process(4, &frame(1, 2, 7));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let told = notification(&mut primary).await;
    assert_eq!(told.table_entry, [table_entry(&entry(2, 200))]);
}

#[tokio::test]
async fn the_time_of_the_last_hit_is_kept_by_reconcile_and_commit() {
    let (_test, mut primary, clock) = start().await;
    primary.write(vec![insert(&entry(1, 60_000))]).await;
    clock.advance(Duration::from_secs(5));
    primary
        .set(Action::ReconcileAndCommit, Some(renamed(program())))
        .await
        .unwrap();
    let filter = "table_entry { table_id: $exact_table time_since_last_hit { } }";
    let found = primary.read(entity(filter)).await;
    let Some(Kind::TableEntry(held)) = &found[0].entity else {
        panic!("{found:?}");
    };
    let idle = held.time_since_last_hit.unwrap().elapsed_ns;
    assert_eq!(idle, 5_000_000_000);
}
