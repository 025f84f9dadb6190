//! Connections, arbitration and calls against a scripted server.

mod mock;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use p4runtime_client::{
    Code, ConnectError, Connection, Event, MulticastGroup, Operation, Pipeline, PipelineState,
    Replica, Role, Schema,
};
use p4runtime_proto::batch_error;
use p4runtime_proto::convert;
use p4runtime_proto::p4::config::v1::P4Info;
use p4runtime_proto::p4::v1::{self, stream_message_response as response};
use tokio::time::timeout;
use tonic::Status;

use mock::{Script, message, options, serve, update};

const P4INFO: &str = r#"
tables {
  preamble { id: 0x02000001 name: "c.t" alias: "t" }
  match_fields { id: 1 name: "key" bitwidth: 32 match_type: EXACT }
  action_refs { id: 0x01000001 }
  direct_resource_ids: 0x13000001
  size: 64
}
actions { preamble { id: 0x01000001 name: "c.a" alias: "a" } }
counters { preamble { id: 0x12000001 name: "c.drops" alias: "drops" } size: 4 }
"#;

fn p4info() -> P4Info {
    convert::p4info_from_text(P4INFO).unwrap()
}

fn entry(schema: &Schema, key: u32) -> p4runtime_client::TableEntry {
    let entry = schema.entry("t").unwrap().exact("key", key).unwrap();
    entry.action("a", &[]).unwrap().build().unwrap()
}

#[tokio::test]
async fn a_switch_that_is_not_there_is_named_with_the_remedy() {
    let address = "http://127.0.0.1:1".parse().unwrap();
    let error = Connection::open(&options(&address)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }));
    let text = error.to_string();
    assert!(text.starts_with("switch at http://127.0.0.1:1 does not answer (Connection refused"));
    assert!(text.ends_with(
        "is p4-switch or simple_switch_grpc running with its gRPC address at 127.0.0.1:1?"
    ));
    let address = "unix:///nonexistent/switch.sock".parse().unwrap();
    let text = Connection::open(&options(&address))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("No such file") && text.contains("/nonexistent/switch.sock?"),
        "{text}"
    );
}

#[tokio::test]
async fn the_only_client_is_primary() {
    let server = serve(Script::default()).await;
    let connection = Connection::open(&server.options()).await.unwrap();
    assert_eq!(connection.role, Role::Primary);
    assert_eq!(connection.client.election_id(), 1);
    assert_eq!(server.script.lock().unwrap().bids, [1]);
}

#[tokio::test]
async fn without_a_primary_the_highest_id_seen_is_bid() {
    let arbitration = vec![Ok(update(Code::NotFound, 9)), Ok(update(Code::Ok, 9))];
    let server = serve(Script {
        arbitration,
        ..Default::default()
    })
    .await;
    let connection = Connection::open(&server.options()).await.unwrap();
    assert_eq!(connection.role, Role::Primary);
    assert_eq!(server.script.lock().unwrap().bids, [1, 9]);
    assert_eq!(connection.client.election_id(), 9);
}

#[tokio::test]
async fn a_backup_takes_over_when_the_primary_leaves() {
    let arbitration = vec![Ok(update(Code::AlreadyExists, 5)), Ok(update(Code::Ok, 5))];
    let server = serve(Script {
        arbitration,
        ..Default::default()
    })
    .await;
    let mut connection = Connection::open(&server.options()).await.unwrap();
    assert_eq!(connection.role, Role::Backup { primary: 5 });
    let stream = server.script.lock().unwrap().streams[0].clone();
    let left = message(response::Update::Arbitration(update(Code::NotFound, 5)));
    stream.send(Ok(left)).await.unwrap();
    assert_eq!(
        connection.events.next().await.unwrap(),
        Event::Role(Role::Primary)
    );
    assert_eq!(connection.client.election_id(), 5);
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let refused = async |status: Status| {
        let script = Script {
            arbitration: vec![Err(status)],
            ..Default::default()
        };
        let server = serve(script).await;
        Connection::open(&server.options()).await.unwrap_err()
    };
    let error = refused(Status::invalid_argument("Election id already exists")).await;
    assert!(matches!(
        error,
        ConnectError::ElectionIdInUse { election_id: 1, .. }
    ));
    assert!(error.to_string().contains("an election-id of its own"));
    let error = refused(Status::not_found("no device 1")).await;
    assert!(matches!(
        error,
        ConnectError::UnknownDevice { device_id: 1, .. }
    ));
    assert!(error.to_string().contains("--device-id"));
    let error = refused(Status::resource_exhausted("too many connections")).await;
    assert!(matches!(
        error,
        ConnectError::Refused {
            code: Code::ResourceExhausted,
            ..
        }
    ));
}

#[tokio::test]
async fn a_server_that_does_not_answer_the_bid_is_given_up() {
    let server = serve(Script {
        arbitration: Vec::new(),
        ..Default::default()
    })
    .await;
    let mut options = server.options();
    options.timeout = Duration::from_millis(200);
    let error = Connection::open(&options).await.unwrap_err();
    assert!(
        matches!(error, ConnectError::NoArbitration { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn packets_go_both_ways() {
    let server = serve(Script::default()).await;
    let mut connection = Connection::open(&server.options()).await.unwrap();
    let stream = server.script.lock().unwrap().streams[0].clone();
    let packet = v1::PacketIn {
        payload: b"in".to_vec(),
        ..Default::default()
    };
    stream
        .send(Ok(message(response::Update::Packet(packet.clone()))))
        .await
        .unwrap();
    assert_eq!(
        connection.events.next().await.unwrap(),
        Event::PacketIn(packet)
    );
    let out = v1::PacketOut {
        payload: b"out".to_vec(),
        ..Default::default()
    };
    connection.client.packet_out(out.clone()).await.unwrap();
    for _ in 0..100 {
        if !server.script.lock().unwrap().packets.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(server.script.lock().unwrap().packets, [out]);
}

#[tokio::test]
async fn the_end_of_the_stream_is_reported() {
    let server = serve(Script::default()).await;
    let mut connection = Connection::open(&server.options()).await.unwrap();
    let stream = server.script.lock().unwrap().streams.remove(0);
    stream
        .send(Err(Status::unavailable("going down")))
        .await
        .unwrap();
    let error = timeout(Duration::from_secs(2), connection.events.next())
        .await
        .unwrap();
    assert!(error.unwrap_err().to_string().contains("going down"));
}

#[tokio::test]
async fn a_config_that_runs_is_not_written_again() {
    let server = serve(Script::default()).await;
    let client = Connection::open(&server.options()).await.unwrap().client;
    assert_eq!(client.api_version().await.unwrap(), None);
    let pipeline = Pipeline::new(p4info(), b"{}".to_vec()).unwrap();
    assert_eq!(
        client.ensure_pipeline(&pipeline).await.unwrap(),
        PipelineState::Written
    );
    assert_eq!(
        client.ensure_pipeline(&pipeline).await.unwrap(),
        PipelineState::Running
    );
    let other = Pipeline::new(p4info(), b"{ }".to_vec()).unwrap();
    assert_eq!(
        client.ensure_pipeline(&other).await.unwrap(),
        PipelineState::Written
    );
    assert_eq!(server.script.lock().unwrap().configs_set, 2);
}

/// Section 12.3: one error for each update, in their order.
#[tokio::test]
async fn each_update_has_its_outcome() {
    let write = Box::new(|request: v1::WriteRequest| {
        let outcome = |(index, _)| match index {
            1 => v1::Error::new(Code::ResourceExhausted, "table c.t is full"),
            _ => v1::Error::ok(),
        };
        let errors: Vec<_> = request.updates.iter().enumerate().map(outcome).collect();
        batch_error::encode(&errors).map_or(Ok(v1::WriteResponse {}), Err)
    });
    let server = serve(Script {
        write,
        ..Default::default()
    })
    .await;
    let client = Connection::open(&server.options()).await.unwrap().client;
    let schema = Schema::new(&p4info()).unwrap();
    let entries: Vec<_> = (0..3).map(|key| entry(&schema, key)).collect();
    let updates: Vec<_> = entries
        .iter()
        .map(|entry| (Operation::Insert, entry))
        .collect();
    let outcomes = client.write(&updates).await.unwrap();
    assert_eq!(outcomes.len(), 3);
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
    let error = outcomes[1].clone().unwrap_err();
    assert!(error.is_exhausted());
    assert!(
        error.to_string().ends_with(": table c.t is full"),
        "{error}"
    );
    assert!(client.write(&[]).await.unwrap().is_empty());
}

/// Large writes go in batches, and the errors of a whole batch fit the reply.
#[tokio::test]
async fn a_large_write_is_cut_into_batches() {
    let write = Box::new(|request: v1::WriteRequest| {
        assert!(request.updates.len() <= 500);
        let long = "x".repeat(200);
        let errors: Vec<_> = request
            .updates
            .iter()
            .map(|_| v1::Error::new(Code::NotFound, &long))
            .collect();
        batch_error::encode(&errors).map_or(Ok(v1::WriteResponse {}), Err)
    });
    let server = serve(Script {
        write,
        ..Default::default()
    })
    .await;
    let client = Connection::open(&server.options()).await.unwrap().client;
    let schema = Schema::new(&p4info()).unwrap();
    let entries: Vec<_> = (0..1234).map(|key| entry(&schema, key)).collect();
    let updates: Vec<_> = entries
        .iter()
        .map(|entry| (Operation::Delete, entry))
        .collect();
    let outcomes = client.write(&updates).await.unwrap();
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_err()).count(),
        1234
    );
}

#[tokio::test]
async fn a_refused_batch_says_why() {
    let write = Box::new(|_| Err(Status::permission_denied("not primary")));
    let server = serve(Script {
        write,
        ..Default::default()
    })
    .await;
    let client = Connection::open(&server.options()).await.unwrap().client;
    let schema = Schema::new(&p4info()).unwrap();
    let error = client
        .write(&[(Operation::Insert, &entry(&schema, 1))])
        .await
        .unwrap_err();
    assert!(error.is_not_primary());
    assert!(
        error
            .to_string()
            .contains("another controller is the primary client"),
        "{error}"
    );
}

/// BMv2 answers a Read in one message, other servers in many.
#[tokio::test]
async fn reads_come_in_one_piece_or_in_many() {
    for pieces in [1, 3] {
        let read = Box::new(move |request: v1::ReadRequest| {
            let asked = request.entities[0].entity.clone();
            let found: Vec<v1::Entity> = match asked {
                Some(v1::entity::Entity::TableEntry(asked)) => {
                    assert!(asked.counter_data.is_some());
                    let schema = Schema::new(&p4info()).unwrap();
                    let stored = |key| {
                        let mut stored = v1::TableEntry::from(&entry(&schema, key));
                        stored.counter_data = Some(v1::CounterData {
                            packet_count: i64::from(key),
                            byte_count: -1,
                        });
                        v1::entity::Entity::TableEntry(stored)
                    };
                    (0..3)
                        .map(|key| v1::Entity {
                            entity: Some(stored(key)),
                        })
                        .collect()
                }
                Some(v1::entity::Entity::CounterEntry(_)) => {
                    let cell = v1::CounterEntry {
                        counter_id: 0x1200_0001,
                        index: Some(v1::Index { index: 2 }),
                        data: Some(v1::CounterData {
                            packet_count: 7,
                            byte_count: 700,
                        }),
                    };
                    let cell = v1::entity::Entity::CounterEntry(cell);
                    vec![v1::Entity { entity: Some(cell) }]
                }
                _ => Vec::new(),
            };
            let size = found.len().div_ceil(pieces);
            Ok(found
                .chunks(size)
                .map(|c| v1::ReadResponse {
                    entities: c.to_vec(),
                })
                .collect())
        });
        let server = serve(Script {
            read,
            ..Default::default()
        })
        .await;
        let client = Connection::open(&server.options()).await.unwrap().client;
        let schema = Schema::new(&p4info()).unwrap();
        let entries = client.read_tables(&schema, &["t"], true).await.unwrap();
        let counts: Vec<_> = entries
            .iter()
            .map(|entry| entry.counter().unwrap())
            .collect();
        assert_eq!(
            counts.iter().map(|count| count.packets).collect::<Vec<_>>(),
            [0, 1, 2]
        );
        assert_eq!(counts[0].octets, 0, "a count is never negative");
        let cells = client
            .read_counter(schema.counter("drops").unwrap().id)
            .await
            .unwrap();
        assert_eq!(cells[0].0, 2);
        assert_eq!(cells[0].1.packets, 7);
    }
}

/// Section 9.5: a group names the port of a replica as a number, as BMv2 does, or as octets.
#[tokio::test]
async fn multicast_groups_are_written_and_read() {
    use p4_replication::Type;
    use v1::packet_replication_engine_entry as p4_replication;
    use v1::replica::PortKind;

    let stored = Arc::new(Mutex::new(Vec::new()));
    let writes = Arc::clone(&stored);
    let write = Box::new(move |request: v1::WriteRequest| {
        writes.lock().unwrap().extend(request.updates);
        Ok(v1::WriteResponse {})
    });
    let reads = Arc::clone(&stored);
    let read = Box::new(move |_: v1::ReadRequest| {
        let mut entities: Vec<_> = reads
            .lock()
            .unwrap()
            .iter()
            .filter_map(|update: &v1::Update| update.entity.clone())
            .collect();
        // The other server speaks the newer form.
        if let Some(v1::entity::Entity::PacketReplicationEngineEntry(entry)) =
            &mut entities[1].entity
            && let Some(Type::MulticastGroupEntry(group)) = &mut entry.r#type
        {
            for replica in &mut group.replicas {
                replica.port_kind = Some(PortKind::Port(vec![1, 254]));
            }
        }
        Ok(vec![v1::ReadResponse { entities }])
    });
    let server = serve(Script {
        read,
        write,
        ..Default::default()
    })
    .await;
    let client = Connection::open(&server.options()).await.unwrap().client;
    let replica = |port, instance| Replica { port, instance };
    let groups = [
        MulticastGroup {
            id: 1,
            replicas: vec![replica(3, 1), replica(2, 7)],
        },
        MulticastGroup {
            id: 65_535,
            replicas: vec![replica(510, 2)],
        },
    ];
    let updates: Vec<_> = groups
        .iter()
        .map(|group| (Operation::Insert, group))
        .collect();
    let outcomes = client.write_multicast_groups(&updates).await.unwrap();
    assert_eq!(outcomes, [Ok(()), Ok(())]);
    assert_eq!(
        stored.lock().unwrap()[0].r#type,
        v1::update::Type::Insert as i32
    );

    let read = client.read_multicast_groups().await.unwrap();
    assert_eq!(read[0].id, 1);
    assert_eq!(read[0].replicas, [replica(2, 7), replica(3, 1)], "sorted");
    assert_eq!(read[1], groups[1]);
}
