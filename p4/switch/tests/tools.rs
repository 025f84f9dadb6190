//! `p4-switch trace`, metrics, and the command line that scripts for BMv2 have.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bmv2_json::Document;
use p4_switch::control::PortState;
use p4_switch::p4runtime::{Address, Listener, Service, TlsFiles};
use p4_switch::port::MemoryPort;
use p4_switch::{Switch, SwitchConfig, Trace};
use p4runtime_proto::convert;
use p4runtime_proto::p4::v1::field_match::FieldMatchType;
use p4runtime_proto::p4::v1::p4_runtime_client::P4RuntimeClient;
use p4runtime_proto::p4::v1::{self, WriteRequest};
use pcap_file::pcap::{PcapPacket, PcapWriter};

const PATIENCE: Duration = Duration::from_secs(20);

/// A running switch. Ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn p4_switch() -> Command {
    Command::new(env!("CARGO_BIN_EXE_p4-switch"))
}

/// A file of the tests of P4Runtime.
fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "p4runtime", name]
        .iter()
        .collect()
}

/// An address that nothing listens on.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn start(arguments: &[&str]) -> Running {
    let child = p4_switch()
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Running(child)
}

fn connect(address: SocketAddr) -> TcpStream {
    let end = Instant::now() + PATIENCE;
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return stream,
            Err(error) if Instant::now() > end => panic!("{address}: {error}"),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// A frame to `00:00:00:00:00:0a`, which `ENTRIES` forwards.
const FRAME: &str = "00000000000a 000000000001 0806 0001";

fn trace(more: &[&str]) -> Output {
    p4_switch()
        .arg("trace")
        .arg(file("program.json"))
        .args(["--port", "1"])
        .args(more)
        .output()
        .unwrap()
}

#[test]
fn a_packet_is_traced_as_text_and_as_json() {
    let shown = succeeded(&trace(&["--packet", FRAME]));
    assert!(
        shown.starts_with("packet of 16 bytes in at port 1\n"),
        "{shown}"
    );
    assert!(
        shown.contains("packet of 16 bytes after ingress\n"),
        "{shown}"
    );

    let json = succeeded(&trace(&["--packet", FRAME, "--json"]));
    let trace: Trace = serde_json::from_str(&json).unwrap();
    assert_eq!(trace.to_string().trim_end(), shown.trim_end());
}

/// An entry of exact_table: `dst` goes to port 2.
fn entry(dst: &[u8]) -> WriteRequest {
    let text = std::fs::read_to_string(file("program.p4info.txt")).unwrap();
    let info = convert::p4info_from_text(&text).unwrap();
    let tables = info.tables.iter().map(|table| table.preamble.as_ref());
    let actions = info.actions.iter().map(|action| action.preamble.as_ref());
    let id = |alias: &str| {
        let mut all = tables.clone().chain(actions.clone()).flatten();
        all.find(|preamble| preamble.alias == alias).unwrap().id
    };
    let action = v1::Action {
        action_id: id("forward"),
        params: vec![v1::action::Param {
            param_id: 1,
            value: vec![2],
        }],
    };
    let entry = v1::TableEntry {
        table_id: id("exact_table"),
        r#match: vec![v1::FieldMatch {
            field_id: 1,
            field_match_type: Some(FieldMatchType::Exact(v1::field_match::Exact {
                value: dst.to_vec(),
            })),
        }],
        action: Some(v1::TableAction {
            r#type: Some(v1::table_action::Type::Action(action)),
        }),
        ..Default::default()
    };
    WriteRequest {
        updates: vec![v1::Update {
            r#type: v1::update::Type::Insert.into(),
            entity: Some(v1::Entity {
                entity: Some(v1::entity::Entity::TableEntry(entry)),
            }),
        }],
        ..Default::default()
    }
}

fn trace_with(entries: &str, name: &str) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, entries).unwrap();
    let info = file("program.p4info.txt");
    let (info, path) = (info.to_str().unwrap(), path.to_str().unwrap());
    trace(&["--packet", FRAME, "--p4info", info, "--entries", path])
}

#[test]
fn entries_of_a_file_are_there() {
    let request = entry(&[10]);
    let texts = [
        ("entries.txtpb", convert::to_text(&request).unwrap()),
        ("entries.json", convert::to_json(&request).unwrap()),
    ];
    for (name, text) in texts {
        let shown = succeeded(&trace_with(&text, name));
        for line in [
            "table TestIngress.exact_table [hdr.ethernet.dst=00:00:00:00:00:0a]: HIT",
            "    TestIngress.forward(port=2)\n",
            "  table TestIngress.range_table [hdr.ethernet.ether_type=0x0806]: miss\n",
            "packet of 16 bytes out of port 2\n",
        ] {
            assert!(shown.contains(line), "{line:?} is not in\n{shown}");
        }
    }
}

#[test]
fn what_cannot_be_traced_is_an_error_that_names_the_file() {
    let refused = |output: Output| {
        assert!(!output.status.success());
        text(&output.stderr)
    };
    let request = convert::to_text(&entry(&[1; 7])).unwrap();
    let error = refused(trace_with(&request, "entries.txtpb"));
    assert!(
        error.contains("entries.txtpb: update 1 of the entries"),
        "{error}"
    );
    let error = refused(trace_with("nonsense", "entries.txtpb"));
    assert!(error.contains("entries.txtpb"), "{error}");
    let error = refused(trace(&["--packet", "nothere.pcap"]));
    assert!(error.contains("nothere.pcap"), "{error}");
    let error = refused(trace(&[]));
    assert!(error.contains("--packet"), "{error}");
}

#[test]
fn the_packets_of_a_capture_are_traced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("two.pcap");
    let mut writer = PcapWriter::new(std::fs::File::create(&path).unwrap()).unwrap();
    for length in [14, 60] {
        let packet = PcapPacket::new(Duration::ZERO, length, &[0; 60][..length as usize]);
        writer.write_packet(&packet).unwrap();
    }
    let shown = succeeded(&trace(&["--packet", path.to_str().unwrap()]));
    assert!(shown.contains("packet of 14 bytes in at port 1"), "{shown}");
    assert!(shown.contains("packet of 60 bytes in at port 1"), "{shown}");
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = connect(address);
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_line_of_bmv2_runs_and_metrics_are_served() {
    let (grpc, metrics, thrift) = (free(), free(), free());
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let program = file("program.json");
    let info = file("program.p4info.txt");
    let _switch = start(&[
        "--thrift-port",
        &thrift.port().to_string(),
        "--nanolog",
        "ipc:///tmp/bm-0-log.ipc",
        "--device-id",
        "0",
        program.to_str().unwrap(),
        "--p4info",
        info.to_str().unwrap(),
        "--log-file",
        log.to_str().unwrap(),
        "--metrics",
        &metrics.to_string(),
        "--",
        "--grpc-server-addr",
        &grpc.to_string(),
        "--cpu-port",
        "255",
    ]);
    // p4_mininet.py waits for this.
    let mut end = connect(thrift);
    assert_eq!(end.read(&mut [0; 8]).unwrap(), 0);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let capabilities = runtime.block_on(async {
        connect(grpc);
        let mut client = P4RuntimeClient::connect(format!("http://{grpc}"))
            .await
            .unwrap();
        let read = |device_id| v1::ReadRequest {
            device_id,
            ..Default::default()
        };
        client
            .read(read(0))
            .await
            .unwrap()
            .into_inner()
            .message()
            .await
            .unwrap();
        assert!(client.read(read(9)).await.is_err());
        client
            .capabilities(v1::CapabilitiesRequest::default())
            .await
            .unwrap()
            .into_inner()
    });
    assert_eq!(
        capabilities.p4runtime_api_version,
        p4runtime_proto::API_VERSION
    );

    let answer = get(metrics, "/metrics");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for line in [
        "p4_switch_program_loaded 1\n",
        "p4_switch_table_size{table=\"TestIngress.exact_table\"} 4\n",
        "p4_switch_table_entries{table=\"TestIngress.const_table\"} 2\n",
        "p4_switch_drops_total{reason=\"ingress\"} 0\n",
        "p4_switch_packet_in_queue_packets 0\n",
        "p4_switch_grpc_requests_total{method=\"p4.v1.P4Runtime/Read\",code=\"OK\"} 1\n",
        "p4_switch_grpc_requests_total{method=\"p4.v1.P4Runtime/Read\",code=\"NOT_FOUND\"} 1\n",
        "p4_switch_grpc_requests_total{method=\"p4.v1.P4Runtime/Capabilities\",code=\"OK\"} 1\n",
    ] {
        assert!(answer.contains(line), "{line:?} is not in\n{answer}");
    }
    assert!(get(metrics, "/other").starts_with("HTTP/1.1 404"));

    let log = std::fs::read_to_string(directory.path().join("log.txt")).unwrap();
    assert!(log.contains("--nanolog is ignored"), "{log}");
    assert!(log.contains("--thrift-port is ignored"), "{log}");
}

/// A switch in this process with port 1, and its server at a Unix socket.
#[tokio::test(flavor = "multi_thread")]
async fn packets_of_a_running_switch_are_shown_until_it_stops() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("grpc.sock");
    let address = Address::Unix(socket.clone());
    let config = SwitchConfig::default();
    let (switch, events) = Switch::new(config.clone());
    let program = Document::from_json(&std::fs::read(file("program.json")).unwrap()).unwrap();
    switch.load(&program).unwrap();
    let memory = Arc::new(MemoryPort::new("p"));
    let ports = [1, 2].map(|number| {
        let port = switch.add_port(number, memory.clone(), PortState::Up, None);
        port.unwrap()
    });
    let listener = Listener::bind(&address).await.unwrap();
    let service = Service::new(1, switch, config, events);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(listener.serve(service, async {
        let _ = stopped.await;
    }));

    let follow = |more: &[&str]| {
        let mut command = p4_switch();
        command
            .args(["trace", "--json", "--switch", &address.to_string()])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Running(command.spawn().unwrap())
    };
    let mut two = follow(&["--port", "2", "--count", "2"]);
    let mut all = follow(&[]);
    let mut lines = BufReader::new(all.0.stdout.take().unwrap()).lines();
    let mut lines_of_two = BufReader::new(two.0.stdout.take().unwrap()).lines();
    // Packets come until both have seen some.
    let (done, over) = std::sync::mpsc::channel();
    let sender = std::thread::spawn(move || {
        while over.try_recv().is_err() {
            ports.iter().for_each(|port| port.receive(&[0xee; 60]));
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let mut next = |of_two: bool| {
        let line = if of_two {
            lines_of_two.next()
        } else {
            lines.next()
        };
        let trace: Trace = serde_json::from_str(&line.unwrap().unwrap()).unwrap();
        (trace.port, trace.packet.len())
    };
    assert_eq!(next(true), (2, 120));
    assert_eq!(next(true), (2, 120));
    let (first, second) = (next(false), next(false));
    assert_ne!(first.0, second.0);
    assert!(two.0.wait().unwrap().success());
    done.send(()).unwrap();
    sender.join().unwrap();

    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    assert!(!all.0.wait().unwrap().success());
    let mut error = String::new();
    all.0
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut error)
        .unwrap();
    assert!(error.contains("has ended"), "{error}");
}

/// Section 3.1.1 of the P4Runtime specification: the switch and who looks at it show certificates.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_switch_is_looked_at_by_mutual_tls() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    for name in ["server", "client"] {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(path(&format!("{name}.pem")), pair.cert.pem()).unwrap();
        let key = pair.signing_key.serialize_pem();
        std::fs::write(path(&format!("{name}.key")), key).unwrap();
    }
    let config = SwitchConfig::default();
    let (switch, events) = Switch::new(config.clone());
    let program = Document::from_json(&std::fs::read(file("program.json")).unwrap()).unwrap();
    switch.load(&program).unwrap();
    let memory = Arc::new(MemoryPort::new("p"));
    let port = switch.add_port(1, memory, PortState::Up, None).unwrap();
    let files = TlsFiles {
        certificate: path("server.pem"),
        key: path("server.key"),
        client_authorities: Some(path("client.pem")),
    };
    let any: Address = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(&any)
        .await
        .unwrap()
        .with_tls(&files)
        .unwrap();
    let address = listener.address().to_string();
    let service = Service::new(1, switch, config, events);
    tokio::spawn(listener.serve(service, std::future::pending()));
    std::thread::spawn(move || {
        loop {
            port.receive(&[0xee; 60]);
            std::thread::sleep(Duration::from_millis(20));
        }
    });

    let look = |more: &[(&str, &str)]| {
        let mut command = p4_switch();
        command.args(["trace", "--json", "--count", "1", "--switch", &address]);
        for (option, value) in more {
            let is_file = *option != "--tls-name";
            let value = if is_file { path(value) } else { value.into() };
            command.arg(option).arg(value);
        }
        command.output().unwrap()
    };
    let ca = ("--tls-ca", "server.pem");
    let name = ("--tls-name", "localhost");
    let own = [("--tls-cert", "client.pem"), ("--tls-key", "client.key")];
    let output = look(&[ca, name, own[0], own[1]]);
    let trace: Trace = serde_json::from_str(&succeeded(&output)).unwrap();
    assert_eq!(trace.port, 1);

    let refused = |more: &[(&str, &str)], words: &str| {
        let output = look(more);
        assert!(!output.status.success());
        let error = text(&output.stderr);
        assert!(error.contains(words), "{error}");
    };
    refused(&[], &address);
    refused(&[ca, name], &address);
    refused(
        &[("--tls-ca", "client.pem"), name, own[0], own[1]],
        "certificate",
    );
    refused(&[ca, own[0], own[1]], "certificate");
    refused(&[("--tls-ca", "nothere.pem")], "nothere.pem");
    refused(&[own[0]], "--tls-ca");
}

#[test]
fn what_bmv2_does_and_p4_switch_does_not_is_refused_by_name() {
    let output = p4_switch()
        .args(["--restore-state", "state"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let error = text(&output.stderr);
    assert!(
        error.contains("--restore-state is not supported"),
        "{error}"
    );
    let output = p4_switch()
        .args(["--no-p4", "--", "--nonsense"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let version = p4_switch().arg("--json-version").output().unwrap();
    assert_eq!(succeeded(&version), "2.24\n");
}
