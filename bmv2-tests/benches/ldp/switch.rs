//! p4-switch: behind lsrd, and alone with the same entries.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bmv2_tests::{programs, source};
use p4runtime_client::{Address, Connection, ConnectionOptions, Operation, Pipeline, TableEntry};
use tokio::runtime::Runtime;

use crate::process::Process;
use crate::world::Link;

/// The tables that LDP's entries are in, such that each points to ones of tables before it.
const TABLES: [&str; 7] = [
    "nhlfe",
    "path_bucket",
    "path_group",
    "ilm",
    "ilm_second",
    "ilm_third",
    "ftn_ipv4",
];
/// How many updates go in one Write.
const BATCH: usize = 1000;
/// How long a switch may take to start.
const START: Duration = Duration::from_secs(60);

/// mpls.p4, compiled for tables that hold all FECs.
pub(crate) struct Program {
    pub(crate) profile: PathBuf,
    pub(crate) p4info: PathBuf,
    pub(crate) json: PathBuf,
}

impl Program {
    pub(crate) fn compile(fecs: u32, folder: &Path) -> Self {
        let own = Self {
            profile: folder.join("profile.toml"),
            p4info: folder.join("mpls.p4info.txtpb"),
            json: folder.join("mpls.json"),
        };
        let profile = std::fs::read_to_string(programs().profile("p4-switch"));
        let profile = profile.expect("the repository has it");
        let large = |line: &str| {
            let (name, size) = line.split_once(" = ")?;
            let size: u32 = size.parse().ok()?;
            let of_fecs = ["ilm", "nhlfe", "path_group", "path_bucket", "ftn_ipv4"];
            of_fecs
                .contains(&name)
                .then(|| format!("{name} = {}", size.max(2 * fecs)))
        };
        let lines = profile
            .lines()
            .map(|line| large(line).unwrap_or(line.to_owned()));
        let profile = lines.collect::<Vec<_>>().join("\n");
        std::fs::write(&own.profile, profile).expect("a folder of our own");
        let status = Command::new(programs().own("p4-compiler").expect("it was built"))
            .arg(source().join("p4/mpls.p4"))
            .arg("--profile")
            .arg(&own.profile)
            .arg("-o")
            .arg(&own.json)
            .arg("--p4runtime-files")
            .arg(&own.p4info)
            .status()
            .expect("it was built");
        assert!(status.success(), "mpls.p4 is not compiled");
        own
    }

    fn pipeline(&self) -> Pipeline {
        Pipeline::load(&self.p4info, &self.json).expect("it was compiled")
    }
}

/// A running switch.
pub(crate) struct Switch {
    pub(crate) process: Process,
    pub(crate) socket: PathBuf,
}

/// The entries of a switch by table.
pub(crate) type Entries = BTreeMap<&'static str, Vec<TableEntry>>;

impl Switch {
    /// Starts a switch, in a receiver's namespace if it is to have a port.
    pub(crate) fn start(link: Option<&Link>, folder: &Path) -> Self {
        let socket = folder.join(match link {
            Some(_) => "switch.sock",
            None => "alone.sock",
        });
        // Of an earlier switch.
        let _ = std::fs::remove_file(&socket);
        let program = programs().own("p4-switch").expect("it was built");
        let mut command = match link {
            Some(link) => {
                link.inside("ip link add port1 type veth peer name far1");
                link.inside("ip link set port1 up");
                link.inside("ip link set far1 up");
                let mut command = link.command(&program);
                command.args(["--port", "1=port1"]);
                command
            }
            None => Command::new(program),
        };
        let address = format!("unix:{}", socket.display());
        command.args(["--grpc", &address, "--device-id", "1"]);
        command.args(["--cpu-port", "510", "--drop-port", "511"]);
        let process = Process::start("p4-switch", command);
        let begin = Instant::now();
        while !socket.exists() {
            let lines = process.lines(begin);
            assert!(
                begin.elapsed() < START,
                "p4-switch does not start: {lines:?}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { process, socket }
    }

    fn options(&self) -> ConnectionOptions {
        let address = format!("unix://{}", self.socket.display());
        ConnectionOptions {
            address: address.parse::<Address>().expect("an address"),
            device_id: 1,
            election_id: 1,
            timeout: Duration::from_secs(5),
        }
    }

    /// What the switch holds.
    pub(crate) fn entries(&self, program: &Program) -> Entries {
        let runtime = Runtime::new().expect("threads");
        runtime.block_on(async {
            let connection = Connection::open(&self.options()).await.expect("it listens");
            let pipeline = program.pipeline();
            let mut all = Entries::new();
            for table in TABLES {
                let schema = pipeline.schema();
                let read = connection.client.read_tables(schema, &[table], false).await;
                all.insert(table, read.expect("a table of the program"));
            }
            all
        })
    }

    /// How long this switch needs to get from some entries to others, in the order of the tables.
    pub(crate) fn time(&self, program: &Program, before: &Entries, after: &Entries) -> Alone {
        let runtime = Runtime::new().expect("threads");
        runtime.block_on(async {
            let connection = Connection::open(&self.options()).await.expect("it listens");
            let client = &connection.client;
            client
                .ensure_pipeline(&program.pipeline())
                .await
                .expect("it takes the program");
            let write = async |updates: Vec<(Operation, &TableEntry)>| {
                for batch in updates.chunks(BATCH) {
                    for outcome in client.write(batch).await.expect("it answers") {
                        outcome.expect("it took the entry before");
                    }
                }
            };
            for table in TABLES {
                let entries = before[table].iter();
                write(entries.map(|entry| (Operation::Insert, entry)).collect()).await;
            }
            let changes = TABLES.map(|table| changes(&before[table], &after[table]));
            let updates = changes.iter().map(Vec::len).sum();
            let begin = Instant::now();
            for changes in changes {
                write(changes).await;
            }
            Alone {
                time: begin.elapsed(),
                updates,
            }
        })
    }
}

/// A switch that is written to by nobody but the benchmark.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Alone {
    pub(crate) time: Duration,
    pub(crate) updates: usize,
}

/// Insertions and modifications.
fn changes<'a>(before: &[TableEntry], after: &'a [TableEntry]) -> Vec<(Operation, &'a TableEntry)> {
    // What it matches, in words, and the priority.
    let key = |entry: &TableEntry| {
        let text = entry.to_string();
        let matched = text
            .split_once(" -> ")
            .map_or(&*text, |(matched, _)| matched);
        format!("{matched} {}", entry.priority())
    };
    let before: BTreeMap<String, &TableEntry> =
        before.iter().map(|entry| (key(entry), entry)).collect();
    let change = |entry: &'a TableEntry| match before.get(&key(entry)) {
        Some(known) if known.action() == entry.action() => None,
        Some(_) => Some((Operation::Modify, entry)),
        None => Some((Operation::Insert, entry)),
    };
    after.iter().filter_map(change).collect()
}
