//! Writing and reading entries by P4Runtime, over gRPC on the loopback interface: the rates, the
//! CPU time, how long packets wait meanwhile, and the memory of an entry. The entries are those of
//! the ILM of mpls.p4: an exact match on label space and label, and the action `swap`.
//!
//! `cargo bench -p p4-switch --bench p4runtime`. Server and client are in this process, the client
//! in a thread of its own; where other work shares the machine, the CPU times are what to compare.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use p4_compiler::{Define, Options, Source};
use p4_switch::p4runtime::{Address, Listener, Service};
use p4_switch::{Switch, SwitchConfig};
use p4runtime_proto::bytestring;
use p4runtime_proto::p4::config::v1::{P4Info, Preamble};
use p4runtime_proto::p4::v1::{
    self, Entity, FieldMatch, ForwardingPipelineConfig, MasterArbitrationUpdate, ReadRequest,
    SetForwardingPipelineConfigRequest, StreamMessageRequest, TableEntry, Uint128, Update,
    WriteRequest, entity::Entity as Kind, field_match, p4_runtime_client::P4RuntimeClient,
    set_forwarding_pipeline_config_request::Action, stream_message_request::Update as Outgoing,
    table_action, update::Type, write_request::Atomicity,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

/// Entries that are written and read in one go.
const ENTRIES: u32 = 100_000;
/// Entries whose memory is measured.
const MANY: u32 = 1_000_000;
/// Updates of a Write.
const BATCH: usize = 1000;
/// Updates a second while packets are forwarded, and for how long.
const RATE: u32 = 50_000;
const FORWARDING: Duration = Duration::from_secs(5);
const ROUNDS: usize = 5;

const ELECTION: Option<Uint128> = Some(Uint128 { high: 0, low: 1 });

fn main() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("P4Runtime over loopback, {cores} cores, batches of {BATCH}, ILM of mpls.p4");
    // In a process that has not had entries before.
    Bench::new().memory();
    let mut bench = Bench::new();
    bench.rates();
    bench.pauses();
}

/// A server with mpls.p4, and a client that is primary, in the current thread.
struct Bench {
    switch: Switch,
    _server: tokio::runtime::Runtime,
    runtime: tokio::runtime::Runtime,
    client: P4RuntimeClient<Channel>,
    _stream: mpsc::Sender<StreamMessageRequest>,
    ilm: Ilm,
}

/// What an entry of the ILM is made of.
struct Ilm {
    table: u32,
    swap: v1::Action,
}

/// CPU time of the server and of the client.
#[derive(Clone, Copy)]
struct Cpu {
    server: Duration,
    client: Duration,
}

fn cpu() -> Cpu {
    let time = |usage: Usage| {
        let micros = (usage.user_time() + usage.system_time()).num_microseconds();
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    };
    let all = time(getrusage(UsageWho::RUSAGE_SELF).expect("a process"));
    let client = time(getrusage(UsageWho::RUSAGE_THREAD).expect("a thread"));
    Cpu {
        server: all.saturating_sub(client),
        client,
    }
}

/// The program, with room for the entries.
fn program() -> (P4Info, Vec<u8>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mpls.p4");
    let options = Options {
        defines: vec![Define::Define("ILM_SIZE=1048576".to_owned())],
        ..Options::default()
    };
    let compiled = p4_compiler::compile(&Source::File(path), &options).expect("mpls.p4 compiles");
    (compiled.p4info, compiled.bmv2.to_json().into_bytes())
}

impl Ilm {
    fn new(info: &P4Info) -> Self {
        let named = |preamble: &Option<Preamble>, name: &str| {
            (preamble.as_ref()).is_some_and(|preamble| preamble.alias == name)
        };
        let table = info.tables.iter().find(|t| named(&t.preamble, "ilm"));
        let swap = info.actions.iter().find(|a| named(&a.preamble, "swap"));
        let swap = swap.expect("the action swap");
        let id = |preamble: &Option<Preamble>| preamble.as_ref().map_or(0, |p| p.id);
        Self {
            table: id(&table.expect("the table ilm").preamble),
            swap: v1::Action {
                action_id: id(&swap.preamble),
                params: (swap.params.iter())
                    .map(|param| v1::action::Param {
                        param_id: param.id,
                        value: vec![1],
                    })
                    .collect(),
            },
        }
    }

    fn update(&self, operation: Type, label: u32) -> Update {
        let exact = |field_id, value| FieldMatch {
            field_id,
            field_match_type: Some(field_match::FieldMatchType::Exact(field_match::Exact {
                value,
            })),
        };
        let action = table_action::Type::Action(self.swap.clone());
        let entry = TableEntry {
            table_id: self.table,
            r#match: vec![
                exact(1, vec![0]),
                exact(2, bytestring::encode(label.into())),
            ],
            action: Some(v1::TableAction {
                r#type: Some(action),
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

    fn request(&self, updates: impl Iterator<Item = (Type, u32)>) -> WriteRequest {
        WriteRequest {
            device_id: 1,
            election_id: ELECTION,
            updates: (updates.map(|(operation, label)| self.update(operation, label))).collect(),
            atomicity: Atomicity::DataplaneAtomic.into(),
            ..Default::default()
        }
    }

    fn requests(&self, operation: Type, labels: std::ops::Range<u32>) -> Vec<WriteRequest> {
        let labels: Vec<u32> = labels.collect();
        let batches = labels.chunks(BATCH);
        batches
            .map(|labels| self.request(labels.iter().map(|label| (operation, *label))))
            .collect()
    }
}

impl Bench {
    fn new() -> Self {
        let server = tokio::runtime::Runtime::new().expect("a runtime");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let (info, json) = program();
        let ilm = Ilm::new(&info);
        let config = SwitchConfig {
            cpu_port: Some(510),
            ..SwitchConfig::default()
        };
        let (switch, events) = Switch::new(config.clone());
        let address = server.block_on(async {
            let service = Service::new(1, switch.clone(), config, events);
            let any: Address = "127.0.0.1:0".parse().expect("an address");
            let listener = Listener::bind(&any).await.expect("a port");
            let address = format!("http://{}", listener.address());
            tokio::spawn(listener.serve(service, std::future::pending()));
            address
        });
        let (client, stream) = runtime.block_on(connect(address, info, json));
        Self {
            switch,
            _server: server,
            runtime,
            client,
            _stream: stream,
            ilm,
        }
    }

    /// Writes the requests one after the other.
    fn write(&mut self, requests: Vec<WriteRequest>) {
        let client = &mut self.client;
        self.runtime.block_on(async {
            for request in requests {
                client.write(request).await.expect("entries that fit");
            }
        });
    }

    /// Reads the ILM: how many entries it has.
    fn read(&mut self) -> usize {
        let request = ReadRequest {
            device_id: 1,
            entities: vec![Entity {
                entity: Some(Kind::TableEntry(TableEntry {
                    table_id: self.ilm.table,
                    ..Default::default()
                })),
            }],
            ..Default::default()
        };
        let client = &mut self.client;
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

    /// Entries a second, and CPU time of an entry.
    fn rates(&mut self) {
        let mut rounds: [Vec<(Duration, Cpu, Cpu)>; 4] = Default::default();
        for _ in 0..ROUNDS {
            for (index, operation) in [(0, Type::Insert), (2, Type::Modify), (3, Type::Delete)] {
                let requests = self.ilm.requests(operation, 16..16 + ENTRIES);
                let (start, before) = (Instant::now(), cpu());
                self.write(requests);
                rounds[index].push((start.elapsed(), before, cpu()));
                if operation == Type::Insert {
                    let (start, before) = (Instant::now(), cpu());
                    assert_eq!(self.read(), ENTRIES as usize);
                    rounds[1].push((start.elapsed(), before, cpu()));
                }
            }
        }
        println!("                  entries/s  (best, median)   CPU us/entry: server client");
        for (name, mut rounds) in ["INSERT", "read", "MODIFY", "DELETE"]
            .into_iter()
            .zip(rounds)
        {
            rounds.sort_by_key(|round| round.0);
            let rate = |index: usize| f64::from(ENTRIES) / rounds[index].0.as_secs_f64();
            let each = |of: fn(&Cpu) -> Duration| {
                let spent = rounds
                    .iter()
                    .map(|(_, before, after)| of(after) - of(before));
                let least = spent.min().unwrap_or_default();
                least.as_secs_f64() * 1e6 / f64::from(ENTRIES)
            };
            println!(
                "{name:>12}  {:>12.0} {:>12.0} {:>22.2} {:>6.2}",
                rate(0),
                rate(ROUNDS / 2),
                each(|cpu| cpu.server),
                each(|cpu| cpu.client),
            );
        }
    }

    /// How long packets wait while entries are written.
    fn pauses(&mut self) {
        let labels = 16..16 + ENTRIES;
        let requests = self.ilm.requests(Type::Insert, labels.clone());
        self.write(requests);
        let alone = forward(&self.switch, FORWARDING, &AtomicBool::new(true));
        let over = Arc::new(AtomicBool::new(false));
        let (switch, stop) = (self.switch.clone(), over.clone());
        let packets = std::thread::spawn(move || forward(&switch, Duration::ZERO, &stop));
        let (start, mut old, mut new) = (Instant::now(), labels.start, labels.end);
        let interval = Duration::from_secs(1) * BATCH as u32 / RATE;
        let mut late = Duration::ZERO;
        let mut batches = 0;
        while start.elapsed() < FORWARDING {
            // Half of a batch takes out the oldest entries, half puts in new ones.
            let half = BATCH as u32 / 2;
            let deletes = (old..old + half).map(|label| (Type::Delete, label));
            let inserts = (new..new + half).map(|label| (Type::Insert, label));
            let request = self.ilm.request(deletes.chain(inserts));
            (old, new) = (old + half, new + half);
            self.write(vec![request]);
            batches += 1;
            match (start + interval * batches).checked_duration_since(Instant::now()) {
                Some(rest) => std::thread::sleep(rest),
                None => late = late.max(start.elapsed() - interval * batches),
            }
        }
        over.store(true, Ordering::Relaxed);
        let written = packets.join().expect("no panic");
        println!("while {RATE} entries/s are written (longest delay of a batch {late:?}):");
        for (name, seen) in [("no writes", alone), ("writes", written)] {
            println!(
                "{name:>12}: {} packets, longest {:?}, over 1 ms {}, of these {} while the thread \
                 kept its core",
                seen.packets, seen.longest, seen.long, seen.waited
            );
        }
        let requests = self.ilm.requests(Type::Delete, old..new);
        self.write(requests);
    }

    /// What an entry takes.
    fn memory(&mut self) {
        let before = resident();
        let mut label = 16;
        while label < 16 + MANY {
            let requests = self.ilm.requests(Type::Insert, label..label + ENTRIES);
            self.write(requests);
            label += ENTRIES;
        }
        let after = resident();
        println!(
            "memory of {MANY} entries: {:.0} bytes each (resident, {} to {} MiB)",
            (after - before) as f64 / f64::from(MANY),
            before >> 20,
            after >> 20
        );
    }
}

/// What happened to packets.
#[derive(Default)]
struct Seen {
    packets: u64,
    longest: Duration,
    /// That took more than a millisecond.
    long: u64,
    /// Of these: those in which the thread kept its core: the system did not take it, and the thread, while it
    /// waited, did not let others have it.
    waited: u64,
}

/// Forwards packets at half load: as much time passes between packets as packets take. At least for this
/// long, and until `stop`.
fn forward(switch: &Switch, least: Duration, stop: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    let preempted = || {
        let usage = getrusage(UsageWho::RUSAGE_THREAD).expect("a thread");
        usage.involuntary_context_switches()
    };
    // Ethernet, label 1000 at the bottom of the stack, a payload.
    let mut packet = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0x47];
    packet.extend([0x00, 0x3e, 0x81, 64]);
    packet.resize(64, 0);
    let start = Instant::now();
    let mut before = preempted();
    while start.elapsed() < least || !stop.load(Ordering::Relaxed) {
        let began = Instant::now();
        std::hint::black_box(switch.process(1, &packet));
        let took = began.elapsed();
        seen.packets += 1;
        seen.longest = seen.longest.max(took);
        if took > Duration::from_millis(1) {
            let now = preempted();
            seen.long += 1;
            seen.waited += u64::from(now == before);
        }
        while began.elapsed() < took.min(Duration::from_micros(50)) * 2 {
            std::hint::spin_loop();
        }
        before = preempted();
    }
    seen
}

/// Bytes of this process in memory, without what the allocator keeps for later.
fn resident() -> usize {
    #[allow(unsafe_code)]
    // SAFETY: malloc_trim takes no pointer and may be called at any time.
    unsafe {
        libc::malloc_trim(0);
    }
    let status = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = status
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse::<usize>().ok());
    pages.expect("the format of statm") * 4096
}

/// The primary controller of the server at an address, with the program.
async fn connect(
    address: String,
    info: P4Info,
    json: Vec<u8>,
) -> (P4RuntimeClient<Channel>, mpsc::Sender<StreamMessageRequest>) {
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
