//! `p4-switch trace`: the way of packets, through a program or through a running switch.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use p4_switch::control::PortNumber;
use p4_switch::p4runtime::{Address, Service};
use p4_switch::trace::proto::TraceRequest;
use p4_switch::trace::proto::packet_trace_client::PacketTraceClient;
use p4_switch::{Switch, SwitchConfig, Trace};
use pcap_file::pcap::PcapReader;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use super::program::{ProgramArguments, ProgramError};
use super::{CPU_PORT, DROP_PORT};

/// The options of `p4-switch trace`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("source").required(true).args(["program", "switch"]))]
pub(super) struct TraceArguments {
    #[command(flatten)]
    program: ProgramArguments,

    /// In place of a program: shows the packets that come in at a running p4-switch, which
    /// listens for P4Runtime clients at this address.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "packet")]
    switch: Option<Address>,

    #[command(flatten)]
    tls: TlsArguments,

    /// The packet: hexadecimal digits, or a pcap file whose packets are all traced.
    #[arg(long, value_name = "HEX|FILE.pcap", requires = "program")]
    packet: Option<String>,

    /// The port that it comes in at. Of a running switch, the ports whose packets are shown: can
    /// be given several times, all if none is given.
    #[arg(long, value_name = "NUMBER")]
    port: Vec<PortNumber>,

    /// Ends after so many packets of a running switch.
    #[arg(long, value_name = "NUMBER", requires = "switch")]
    count: Option<u64>,

    /// Prints one line of JSON for each packet.
    #[arg(long)]
    json: bool,

    /// The port number that stands for the P4Runtime client.
    #[arg(long, value_name = "NUMBER", default_value_t = CPU_PORT)]
    cpu_port: PortNumber,

    /// The value of egress_spec that drops a packet.
    #[arg(long, value_name = "NUMBER", default_value_t = DROP_PORT)]
    drop_port: PortNumber,
}

/// What the running switch is reached with if it speaks TLS (`--grpc-server-cert` there).
#[derive(Debug, Args)]
struct TlsArguments {
    /// Reaches the running switch by TLS. The file has the certificates of the authorities that
    /// its certificate is checked against, in PEM format.
    #[arg(long, value_name = "FILE", requires = "switch")]
    tls_ca: Option<PathBuf>,

    /// The certificate to show to a switch that asks for one (mutual TLS), in PEM format.
    #[arg(long, value_name = "FILE", requires_all = ["tls_ca", "tls_key"])]
    tls_cert: Option<PathBuf>,

    /// The private key of --tls-cert, in PEM format.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// The name in the switch's certificate, if it is not the host of --switch.
    #[arg(long, value_name = "NAME", requires = "tls_ca")]
    tls_name: Option<String>,
}

impl TlsArguments {
    /// What to connect with; `None` without TLS.
    fn config(&self) -> Result<Option<ClientTlsConfig>, TraceError> {
        let Some(ca) = &self.tls_ca else {
            return Ok(None);
        };
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| TraceError::File {
                path: path.to_owned(),
                source,
            })
        };
        let mut config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(ca)?));
        if let (Some(cert), Some(key)) = (&self.tls_cert, &self.tls_key) {
            config = config.identity(Identity::from_pem(read(cert)?, read(key)?));
        }
        if let Some(name) = &self.tls_name {
            config = config.domain_name(name);
        }
        Ok(Some(config))
    }
}

/// Why packets cannot be traced.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TraceError {
    /// The program or its entries.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// What is asked for.
    #[error("{0}")]
    Usage(&'static str),
    /// The packet is neither digits nor a file.
    #[error("--packet {text}: neither hexadecimal digits nor a pcap file: {reason}")]
    Packet {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file for TLS.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The running switch.
    #[error("the switch at {address}: {reason}")]
    Switch {
        /// Its address.
        address: Address,
        /// What is wrong.
        reason: String,
    },
    /// The output.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
    /// A trace has no JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// Traces.
pub(super) fn run(arguments: &TraceArguments) -> Result<(), TraceError> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build()?;
    let result = match &arguments.switch {
        Some(address) => runtime.block_on(follow(arguments, address)),
        None => runtime.block_on(offline(arguments)),
    };
    match result {
        // Whoever reads has seen enough: `p4-switch trace ... | head`.
        Err(TraceError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

async fn offline(arguments: &TraceArguments) -> Result<(), TraceError> {
    let Some(packet) = &arguments.packet else {
        return Err(TraceError::Usage("--packet is needed: the packet to trace"));
    };
    let [port] = arguments.port[..] else {
        return Err(TraceError::Usage(
            "--port is needed once: the port that the packet comes in at",
        ));
    };
    let config = SwitchConfig {
        cpu_port: Some(arguments.cpu_port),
        drop_port: arguments.drop_port,
        ..SwitchConfig::default()
    };
    let (switch, events) = Switch::new(config.clone());
    let service = Service::new(1, switch.clone(), config, events);
    arguments.program.load(&switch, &service).await?;
    for packet in packets(packet)? {
        show(arguments, &switch.trace(port, &packet))?;
    }
    Ok(())
}

/// The packets that an argument names.
fn packets(text: &str) -> Result<Vec<Vec<u8>>, TraceError> {
    if let Some(packet) = from_hex(text) {
        return Ok(vec![packet]);
    }
    read_pcap(Path::new(text)).map_err(|reason| TraceError::Packet {
        text: text.to_owned(),
        reason,
    })
}

/// The bytes of hexadecimal digits, which may stand apart from each other.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let text = text.strip_prefix("0x").unwrap_or(text);
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != ':')
        .map(|c| c.to_digit(16))
        .collect::<Option<_>>()?;
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let byte = |pair: &[u32]| (pair[0] << 4 | pair[1]) as u8;
    Some(digits.chunks(2).map(byte).collect())
}

fn read_pcap(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut reader = PcapReader::new(file).map_err(|error| error.to_string())?;
    let mut packets = Vec::new();
    while let Some(packet) = reader.next_packet() {
        let packet = packet.map_err(|error| error.to_string())?;
        packets.push(packet.data.into_owned());
    }
    Ok(packets)
}

async fn follow(arguments: &TraceArguments, address: &Address) -> Result<(), TraceError> {
    let failed = |reason: String| TraceError::Switch {
        address: address.clone(),
        reason,
    };
    let tls = arguments.tls.config()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let uri = match address {
        Address::Unix(path) => format!("unix://{}", path.display()),
        address => format!("{scheme}://{address}"),
    };
    let mut endpoint = Endpoint::from_shared(uri).map_err(|error| failed(words(&error)))?;
    if let Some(tls) = tls {
        endpoint = endpoint
            .tls_config(tls)
            .map_err(|error| failed(words(&error)))?;
    }
    let channel = endpoint.connect().await;
    let channel = channel.map_err(|error| failed(format!("cannot connect: {}", words(&error))))?;
    let request = TraceRequest {
        ports: arguments.port.clone(),
    };
    let refused = |status: tonic::Status| failed(status.message().to_owned());
    let mut traces = PacketTraceClient::new(channel)
        .trace(request)
        .await
        .map_err(refused)?
        .into_inner();
    let mut count = 0;
    while arguments.count.is_none_or(|limit| count < limit) {
        let Some(response) = traces.message().await.map_err(refused)? else {
            return Err(failed("it has ended".to_owned()));
        };
        if response.left_out > 0 {
            eprintln!(
                "p4-switch: {} packets are not shown: too many",
                response.left_out
            );
        }
        show(arguments, &serde_json::from_str(&response.json)?)?;
        count += 1;
    }
    Ok(())
}

/// An error with those that it comes from: which certificate was refused and why stands in the last.
fn words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |words, cause| {
        format!("{words}: {cause}")
    })
}

fn show(arguments: &TraceArguments, trace: &Trace) -> Result<(), TraceError> {
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(trace)?)?;
    } else {
        writeln!(out, "{trace}")?;
    }
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_the_command_line_read() {
        assert_eq!(from_hex("0x00ff"), Some(vec![0, 255]));
        assert_eq!(from_hex("00:11 22"), Some(vec![0, 0x11, 0x22]));
        assert_eq!(from_hex("012"), None);
        assert_eq!(from_hex("file.pcap"), None);
        assert!(matches!(
            packets("nothere.pcap"),
            Err(TraceError::Packet { .. })
        ));
    }
}
