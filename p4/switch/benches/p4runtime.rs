//! How fast a client writes and reads entries by P4Runtime, over gRPC on the loopback interface:
//! server and client in one process, each on a core if there are two.
//!
//! `cargo bench -p p4-switch --bench p4runtime`.

use bmv2_json::Document;
use divan::Bencher;
use divan::counter::ItemsCount;
use p4_switch::p4runtime::{Address, Listener, Service};
use p4_switch::{Switch, SwitchConfig};
use p4runtime_proto::convert::p4info_from_text;
use p4runtime_proto::p4::config::v1::P4Info;
use p4runtime_proto::p4::v1::{
    self, Entity, FieldMatch, ForwardingPipelineConfig, MasterArbitrationUpdate, ReadRequest,
    SetForwardingPipelineConfigRequest, StreamMessageRequest, TableEntry, Uint128, Update,
    WriteRequest, entity::Entity as Kind, field_match, p4_runtime_client::P4RuntimeClient,
    set_forwarding_pipeline_config_request::Action, stream_message_request::Update as Outgoing,
    table_action, update::Type,
};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

const JSON: &str = include_str!("../tests/p4runtime/program.json");
const INFO: &str = include_str!("../tests/p4runtime/program.p4info.txt");
const TABLE: &str = "TestIngress.exact_table";

/// Entries in the table.
const ENTRIES: u32 = 100_000;
/// Updates of a Write.
const BATCH: usize = 1000;

fn main() {
    divan::main();
}

/// The test program, with room for the entries in its table.
fn program() -> (P4Info, Vec<u8>) {
    let mut document = Document::from_json(JSON.as_bytes()).expect("a document of the compiler");
    for table in document.pipelines.iter_mut().flat_map(|p| &mut p.tables) {
        if table.name == TABLE {
            table.max_size = ENTRIES.into();
        }
    }
    let mut info = p4info_from_text(INFO).expect("a P4Info of the compiler");
    for table in &mut info.tables {
        if table.preamble.as_ref().is_some_and(|p| p.name == TABLE) {
            table.size = ENTRIES.into();
        }
    }
    let json = serde_json::to_vec(&document).expect("a document");
    (info, json)
}

/// A client that is primary, and the updates that it writes.
struct Bench {
    runtime: Runtime,
    client: P4RuntimeClient<Channel>,
    table: u32,
    forward: u32,
    _stream: mpsc::Sender<StreamMessageRequest>,
}

const ELECTION: Option<Uint128> = Some(Uint128 { high: 0, low: 1 });

impl Bench {
    fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let (info, json) = program();
        let id_of = |preamble: &Option<p4runtime_proto::p4::config::v1::Preamble>, name: &str| {
            let preamble = preamble.as_ref();
            preamble.filter(|p| p.name == name).map(|p| p.id)
        };
        let table = info.tables.iter().find_map(|t| id_of(&t.preamble, TABLE));
        let forward = (info.actions.iter()).find_map(|a| id_of(&a.preamble, "TestIngress.forward"));
        let (client, stream) = runtime.block_on(connect(info, json));
        Self {
            runtime,
            client,
            table: table.expect("the table"),
            forward: forward.expect("the action"),
            _stream: stream,
        }
    }

    fn update(&self, operation: Type, key: u32) -> Update {
        let exact = field_match::Exact {
            value: p4runtime_proto::bytestring::encode(key.into()),
        };
        let entry = TableEntry {
            table_id: self.table,
            r#match: vec![FieldMatch {
                field_id: 1,
                field_match_type: Some(field_match::FieldMatchType::Exact(exact)),
            }],
            action: Some(v1::TableAction {
                r#type: Some(table_action::Type::Action(v1::Action {
                    action_id: self.forward,
                    params: vec![v1::action::Param {
                        param_id: 1,
                        value: vec![(key % 200) as u8 + 1],
                    }],
                })),
            }),
            ..Default::default()
        };
        Update {
            r#type: operation.into(),
            entity: Some(Entity {
                entity: Some(Kind::TableEntry(entry)),
            }),
        }
    }

    fn requests(&self, operation: Type) -> Vec<WriteRequest> {
        let keys: Vec<u32> = (1..=ENTRIES).collect();
        keys.chunks(BATCH)
            .map(|keys| WriteRequest {
                device_id: 1,
                election_id: ELECTION,
                updates: keys
                    .iter()
                    .map(|key| self.update(operation, *key))
                    .collect(),
                ..Default::default()
            })
            .collect()
    }

    /// Writes the requests one after the other.
    fn write(&self, requests: Vec<WriteRequest>) {
        let mut client = self.client.clone();
        self.runtime.block_on(async {
            for request in requests {
                client.write(request).await.expect("entries that fit");
            }
        });
    }

    /// Reads the table.
    fn read(&self) -> usize {
        let mut client = self.client.clone();
        let request = ReadRequest {
            device_id: 1,
            entities: vec![Entity {
                entity: Some(Kind::TableEntry(TableEntry {
                    table_id: self.table,
                    ..Default::default()
                })),
            }],
            ..Default::default()
        };
        self.runtime.block_on(async {
            let answer = client.read(request).await.expect("an answer");
            let mut answer = answer.into_inner();
            let mut count = 0;
            while let Some(part) = answer.message().await.expect("a part") {
                count += part.entities.len();
            }
            count
        })
    }
}

/// A server with the program, and its primary controller.
async fn connect(
    info: P4Info,
    json: Vec<u8>,
) -> (P4RuntimeClient<Channel>, mpsc::Sender<StreamMessageRequest>) {
    let config = SwitchConfig::default();
    let (switch, events) = Switch::new(config.clone());
    let service = Service::new(1, switch, config, events);
    let any: Address = "127.0.0.1:0".parse().expect("an address");
    let listener = Listener::bind(&any).await.expect("a port");
    let address = format!("http://{}", listener.address());
    tokio::spawn(listener.serve(service, std::future::pending()));
    let channel = Channel::from_shared(address).expect("an address");
    let channel = channel.connect().await.expect("a connection");
    let mut client = P4RuntimeClient::new(channel).max_decoding_message_size(usize::MAX);
    let (stream, messages) = mpsc::channel(1);
    let mut answers = client
        .stream_channel(ReceiverStream::new(messages))
        .await
        .expect("a stream")
        .into_inner();
    let update = Outgoing::Arbitration(MasterArbitrationUpdate {
        device_id: 1,
        election_id: ELECTION,
        ..Default::default()
    });
    let bid = StreamMessageRequest {
        update: Some(update),
    };
    stream.send(bid).await.expect("a stream");
    answers.message().await.expect("an answer");
    let request = SetForwardingPipelineConfigRequest {
        device_id: 1,
        election_id: ELECTION,
        action: Action::VerifyAndCommit.into(),
        config: Some(ForwardingPipelineConfig {
            p4info: Some(info),
            p4_device_config: json,
            cookie: None,
        }),
        ..Default::default()
    };
    let set = client.set_forwarding_pipeline_config(request).await;
    set.expect("a program that runs");
    (client, stream)
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn write_100000_entries_in_batches_of_1000(bencher: Bencher<'_, '_>) {
    let bench = Bench::new();
    let mut full = false;
    bencher
        .counter(ItemsCount::new(ENTRIES))
        .with_inputs(|| {
            if std::mem::replace(&mut full, true) {
                bench.write(bench.requests(Type::Delete));
            }
            bench.requests(Type::Insert)
        })
        .bench_local_values(|requests| bench.write(requests));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn read_100000_entries(bencher: Bencher<'_, '_>) {
    let bench = Bench::new();
    bench.write(bench.requests(Type::Insert));
    bencher.counter(ItemsCount::new(ENTRIES)).bench_local(|| {
        assert_eq!(bench.read(), ENTRIES as usize);
    });
}
