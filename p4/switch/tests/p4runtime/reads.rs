//! Long answers to Reads, and clients that do not take them.

use std::time::Duration;

use p4_switch::p4runtime::Limits;
use p4runtime_proto::p4::v1::{Entity, ReadRequest, ReadResponse};
use prost::Message;
use tonic::{Code, Status, Streaming};

use super::program::{entity, exact, insert, modify};
use super::support::{Controller, DEVICE, TestSwitch};

/// An entry of exact_table with so much metadata.
fn entry(dst: u8, metadata: usize) -> String {
    let metadata = format!("table_entry {{ metadata: \"{}\"", "m".repeat(metadata));
    exact(dst, 1).replace("table_entry {", &metadata)
}

/// A switch whose exact_table is full: 4 entries of 100,000 bytes.
async fn with_entries(limits: Limits) -> (TestSwitch, Controller) {
    let test = TestSwitch::start_with(|listener| Ok(listener.with_limits(limits))).await;
    let mut primary = test.primary(1).await;
    primary.load().await.unwrap();
    let entries = (0..4).map(|dst| insert(&entry(dst, 100_000)));
    primary.write(entries.collect()).await;
    (test, primary)
}

fn all() -> Entity {
    entity("table_entry { table_id: $exact_table }")
}

/// Reads all entries so many times in one request.
async fn read(test: &TestSwitch, times: usize) -> Result<Streaming<ReadResponse>, Status> {
    let request = ReadRequest {
        device_id: DEVICE,
        entities: vec![all(); times],
        ..Default::default()
    };
    let answer = test.client().await.read(request).await?;
    Ok(answer.into_inner())
}

/// Takes the rest of an answer: how many entities came, and how it ends.
async fn rest(answer: &mut Streaming<ReadResponse>) -> (usize, Result<(), Status>) {
    let mut count = 0;
    loop {
        match answer.message().await {
            Ok(Some(part)) => count += part.entities.len(),
            Ok(None) => return (count, Ok(())),
            Err(status) => return (count, Err(status)),
        }
    }
}

/// Section 21.4.2: clients of gRPC take messages of 4 MB by default.
#[tokio::test]
async fn an_answer_comes_in_parts_that_every_client_takes() {
    let (test, mut primary) = with_entries(Limits::default()).await;
    let longer = entry(3, 3 << 20);
    primary.write(vec![modify(&longer)]).await;
    let mut answer = read(&test, 20).await.unwrap();
    let mut count = 0;
    while let Some(part) = answer.message().await.unwrap() {
        count += part.entities.len();
        let length = part.encoded_len();
        assert!(length <= 1 << 20 || part.entities.len() == 1, "{length}");
    }
    assert_eq!(count, 80);
    assert_eq!(primary.read(entity(&longer)).await, [entity(&longer)]);
}

/// Section 13.4: a Read sees a Write as a whole or not at all. More is made for a client only when
/// it has taken some, and no Write waits for that.
#[tokio::test]
async fn a_slow_client_holds_up_no_write_and_sees_no_half_of_one() {
    let limits = Limits {
        answers_per_connection: 1 << 20,
        ..Limits::default()
    };
    let (test, mut primary) = with_entries(limits).await;
    let mut answer = read(&test, 100).await.unwrap();
    answer.message().await.unwrap().unwrap();
    let write = primary.write(vec![modify(&entry(3, 1))]);
    tokio::time::timeout(Duration::from_secs(5), write)
        .await
        .expect("the Write waits for a client");
    let (count, end) = rest(&mut answer).await;
    assert!(count < 100 * 4, "all was made before it was taken");
    let status = end.unwrap_err();
    assert_eq!(status.code(), Code::Aborted, "{status}");

    // Nothing is written: all comes, however slow the client is.
    let mut answer = read(&test, 100).await.unwrap();
    let first = answer.message().await.unwrap().unwrap().entities.len();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (count, end) = rest(&mut answer).await;
    end.unwrap();
    assert_eq!(first + count, 100 * 4);
}

#[tokio::test]
async fn an_answer_that_nobody_takes_ends_and_makes_room() {
    let limits = Limits {
        answers: 1 << 20,
        answers_per_connection: 1 << 20,
        answer_time: Duration::from_millis(200),
        ..Limits::default()
    };
    let (test, mut primary) = with_entries(limits).await;
    let mut slow = read(&test, 100).await.unwrap();
    slow.message().await.unwrap().unwrap();
    // It has all the room until it is ended.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(primary.read(all()).await.len(), 4);
    let (count, end) = rest(&mut slow).await;
    assert!(count < 100 * 4);
    let status = end.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
}

#[tokio::test]
async fn a_read_of_more_entities_than_the_limit_is_refused() {
    let (test, mut primary) = TestSwitch::with_program().await;
    primary.write(vec![insert(&exact(1, 1))]).await;
    let refused = match read(&test, 65_537).await {
        Ok(mut answer) => rest(&mut answer).await.1.unwrap_err(),
        Err(status) => status,
    };
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    let (count, end) = rest(&mut read(&test, 65_536).await.unwrap()).await;
    end.unwrap();
    assert_eq!(count, 65_536);
}
