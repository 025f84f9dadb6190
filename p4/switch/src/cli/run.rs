//! `p4-switch run`: the life of the process.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;
use futures::future::try_join_all;
use p4_switch::control::PortNumber;
use p4_switch::metrics::Metrics;
use p4_switch::p4runtime::{ListenError, Listener, Service};
use p4_switch::port::{LinuxPorts, PortError};
use p4_switch::{Engine, Switch, SwitchConfig};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::bmv2::{Bmv2Arguments, Refused};
use super::grpc::GrpcArguments;
use super::log::{LogArguments, LogFileError};
use super::port::{self, PortArgument, PortConflict};
use super::program::{ProgramArguments, ProgramError};
use super::{CPU_PORT, DROP_PORT, thrift};

/// The options of `p4-switch run`.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    program: ProgramArguments,

    /// A port: its number in the P4 program, and the network interface. Once for each port.
    #[arg(
        long = "port",
        visible_alias = "interface",
        short = 'i',
        value_name = "NUMBER@INTERFACE"
    )]
    ports: Vec<PortArgument>,

    /// The device id that P4Runtime clients must name.
    #[arg(long, value_name = "ID", default_value_t = 1)]
    device_id: u64,

    /// Writes what each port receives to DIR/INTERFACE_in.pcap and what it sends to
    /// DIR/INTERFACE_out.pcap; to the current directory if no DIR is given.
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = ".")]
    pcap: Option<PathBuf>,

    /// Serves metrics to Prometheus at http://ADDRESS/metrics.
    #[arg(long, value_name = "IP:PORT")]
    metrics: Option<SocketAddr>,

    /// The port number that stands for the P4Runtime client: PacketIn and PacketOut.
    #[arg(long, value_name = "NUMBER", default_value_t = CPU_PORT)]
    cpu_port: PortNumber,

    /// The value of egress_spec that drops a packet.
    #[arg(long, value_name = "NUMBER", default_value_t = DROP_PORT)]
    drop_port: PortNumber,

    /// How many threads receive packets. A port belongs to one of them.
    #[arg(long, value_name = "COUNT", default_value = "1")]
    threads: NonZeroUsize,
    /// What runs the packets: native code, generated when a program is loaded, or the interpreter.
    #[arg(long, value_name = "ENGINE", value_enum, default_value_t)]
    engine: Engine,

    #[command(flatten)]
    grpc: GrpcArguments,

    #[command(flatten)]
    log: LogArguments,

    #[command(flatten)]
    bmv2: Bmv2Arguments,
}

/// Why the switch does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// Two ports of the command line contradict each other.
    #[error(transparent)]
    Port(#[from] PortConflict),
    /// An option that cannot be done.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogFileError),
    /// The program.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// An interface.
    #[error(transparent)]
    Interface(#[from] PortError),
    /// The server.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The address of the metrics.
    #[error("cannot listen on {address} for --metrics: {source}")]
    Metrics {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The system refuses what every process needs.
    #[error("{what}: {source}")]
    System {
        /// What was asked of it.
        what: &'static str,
        /// What it says.
        source: std::io::Error,
    },
}

/// Runs the switch until a signal ends it.
pub(super) fn run(arguments: RunArguments) -> Result<(), RunError> {
    if arguments.bmv2.json_version {
        println!(
            "{}.{}",
            bmv2_json::EMITTED_VERSION[0],
            bmv2_json::MAX_MINOR_VERSION
        );
        return Ok(());
    }
    arguments.bmv2.check()?;
    port::check(&arguments.ports, arguments.cpu_port, arguments.drop_port)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|source| RunError::System {
        what: "cannot start the threads of the control plane",
        source,
    })?;
    runtime.block_on(serve(arguments))
}

async fn serve(arguments: RunArguments) -> Result<(), RunError> {
    let config = SwitchConfig {
        cpu_port: Some(arguments.cpu_port),
        drop_port: arguments.drop_port,
        threads: arguments.threads,
        engine: arguments.engine,
        ..SwitchConfig::default()
    };
    let (switch, events) = Switch::new(config.clone());
    let packets = arguments.log.start()?;
    for (option, reason) in arguments.bmv2.ignored() {
        tracing::warn!("{option} is ignored: {reason}");
    }
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(stop_on_signal(stop)?);
    // Kept until the end: the ports are closed when it goes.
    let _ports = open_ports(&switch, &arguments.ports, arguments.pcap.as_deref())?;
    let metrics = Metrics::new(switch.clone());
    let service = Service::new(arguments.device_id, switch.clone(), config, events)
        .with_metrics(metrics.clone())
        .with_live_trace(packets);
    if !arguments.bmv2.no_p4 {
        arguments.program.load(&switch, &service).await?;
    } else if let Some(program) = arguments.program.path() {
        tracing::warn!("{} is ignored: --no-p4 is given", program.display());
    }
    let mut listeners = Vec::new();
    for address in &arguments.grpc.grpc {
        for mut listener in Listener::bind_all(address).await? {
            listener = listener.with_limits(arguments.grpc.limits());
            if let Some(tls) = arguments.grpc.tls() {
                listener = listener.with_tls(&tls)?;
            }
            tracing::info!(address = %listener.address(), "P4Runtime server listens");
            listeners.push(listener);
        }
    }
    if let Some(address) = arguments.metrics {
        let failed = |source| RunError::Metrics { address, source };
        let text = move || std::future::ready(metrics.encode());
        let bound = metrics_server::listen(address, text)
            .await
            .map_err(failed)?;
        tracing::info!("metrics at http://{bound}/metrics");
    }
    if let Some(port) = arguments.bmv2.thrift_port {
        thrift::listen(port)
            .await
            .map_err(|source| RunError::System {
                what: "cannot listen on the port of --thrift-port",
                source,
            })?;
    }
    let servers = listeners.into_iter().map(|listener| {
        let mut stopped = stopped.clone();
        listener.serve(service.clone(), async move {
            // An error means that the task that waits for signals is gone: then stop as well.
            let _ = stopped.wait_for(|stop| *stop).await;
        })
    });
    try_join_all(servers).await?;
    tracing::info!("stopped");
    Ok(())
}

fn open_ports(
    switch: &Switch,
    arguments: &[PortArgument],
    pcap: Option<&Path>,
) -> Result<LinuxPorts, RunError> {
    if let Some(directory) = pcap {
        std::fs::create_dir_all(directory).map_err(|source| RunError::System {
            what: "cannot make the directory of --pcap",
            source,
        })?;
    }
    let ports = LinuxPorts::new(switch.clone())?;
    for PortArgument { number, interface } in arguments {
        ports.open(*number, interface, pcap)?;
    }
    Ok(ports)
}

/// Waits for SIGTERM or SIGINT. A second one ends the process at once.
fn stop_on_signal(stop: watch::Sender<bool>) -> Result<impl Future<Output = ()>, RunError> {
    let listen = |kind| {
        signal(kind).map_err(|source| RunError::System {
            what: "cannot listen for signals",
            source,
        })
    };
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        // Without receiver there is no server left to stop.
        let _ = stop.send(true);
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(1);
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        run: RunArguments,
    }

    fn parse(line: &str) -> Result<RunArguments, clap::Error> {
        let words = std::iter::once("p4-switch").chain(line.split_whitespace());
        let words = words.filter(|word| *word != "--");
        Line::try_parse_from(words).map(|line| line.run)
    }

    #[test]
    fn our_own_options_read() {
        let run = parse(
            "--grpc 127.0.0.1:9559 --grpc unix:/run/s.sock --device-id 7 --port 1=eth1 \
             --port 2@eth2 --trace --trace-port 1 --log p4_switch::gnmi=debug",
        )
        .unwrap();
        assert_eq!(run.grpc.grpc.len(), 2);
        assert_eq!(run.ports[1].interface, "eth2");
        assert_eq!(run.cpu_port, 510);
    }

    /// The line of `p4_mininet.py` of behavioral-model, and of `p4runtime_switch.py` of the P4
    /// tutorials.
    #[test]
    fn the_lines_of_mininet_scripts_read() {
        let run = parse(
            "-i 1@s1-eth1 -i 2@s1-eth2 --pcap --thrift-port 9090 --nanolog ipc:///tmp/bm-0-log.ipc \
             --device-id 0 simple_router.json --debugger --log-console",
        )
        .unwrap();
        assert_eq!(run.ports[1].number, 2);
        assert_eq!(run.pcap.as_deref(), Some(Path::new(".")));
        assert_eq!(run.device_id, 0);
        assert_eq!(run.program.path(), Some(Path::new("simple_router.json")));
        assert_eq!(run.bmv2.thrift_port, Some(9090));
        assert_eq!(run.bmv2.ignored().len(), 3);
        assert!(run.bmv2.check().is_ok());

        let run = parse(
            "-i 1@s1-eth1 --pcap /tmp/pcaps --nanolog ipc:///tmp/bm-1-log.ipc --device-id 1 \
             --no-p4 --log-console --thrift-port 9091 -- --grpc-server-addr 0.0.0.0:50052 \
             --cpu-port 255 --drop-port 500",
        )
        .unwrap();
        assert_eq!(run.grpc.grpc[0].to_string(), "0.0.0.0:50052");
        assert_eq!((run.cpu_port, run.drop_port), (255, 500));
        assert_eq!(run.pcap.as_deref(), Some(Path::new("/tmp/pcaps")));
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        for (line, name) in [
            ("--use-files 3", "--use-files"),
            ("--restore-state s", "--restore-state"),
            ("--packet-in ipc:///tmp/in", "--packet-in"),
            ("--load-modules libcounter.so,x.so", "--load-modules"),
            (
                "-- --dp-grpc-server-addr 1.2.3.4:5",
                "--dp-grpc-server-addr",
            ),
        ] {
            let run = parse(line).unwrap();
            let refused = run.bmv2.check().unwrap_err().to_string();
            assert!(refused.starts_with(name), "{refused}");
        }
    }

    #[test]
    fn a_command_line_that_makes_no_sense_is_refused() {
        for bad in [
            "--device-id x",
            "--port eth1",
            "--grpc localhost",
            "--grpc :9559",
            "--log-console --log-file f",
            "--log-level p4_switch=nonsense",
            "-- --nonsense",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
