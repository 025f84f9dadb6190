//! The command line, and the life of the process.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Parser;
use futures::future::try_join_all;
use p4_switch::control::PortNumber;
use p4_switch::p4runtime::{Address, ListenError, Listener, Service};
use p4_switch::port::{LinuxPorts, PortError};
use p4_switch::{LiveTrace, Switch, SwitchConfig};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::grpc_arguments::GrpcArguments;

/// A software switch that runs P4 programs in BMv2 JSON, with simple_switch's semantics.
///
/// It starts without a program: a P4Runtime client gives it one with SetForwardingPipelineConfig,
/// the P4Info and the BMv2 JSON of one run of the compiler. It ends on SIGTERM and SIGINT.
#[derive(Debug, Parser)]
#[command(name = "p4-switch", version)]
pub(crate) struct Arguments {
    /// Where to listen for P4Runtime clients: IP:PORT or unix:PATH. Can be given several times.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9559")]
    grpc: Vec<Address>,

    #[command(flatten)]
    grpc_options: GrpcArguments,

    /// The device id that P4Runtime clients must name.
    #[arg(long, value_name = "ID", default_value = "1")]
    device_id: NonZeroU64,

    /// A port: its number in the P4 program, and the network interface. Once for each port.
    #[arg(long = "port", value_name = "NUMBER=INTERFACE")]
    ports: Vec<PortArgument>,

    /// The port number that stands for the P4Runtime client: PacketIn and PacketOut.
    #[arg(long, value_name = "NUMBER", default_value_t = 510)]
    cpu_port: PortNumber,

    /// The value of egress_spec that drops a packet.
    #[arg(long, value_name = "NUMBER", default_value_t = 511)]
    drop_port: PortNumber,

    /// Writes what each port receives and sends to DIR/INTERFACE.pcap.
    #[arg(long, value_name = "DIR")]
    pcap: Option<PathBuf>,

    /// Writes the way of every packet through the program to standard error.
    #[arg(long)]
    trace: bool,

    /// As --trace, for packets that come in at this port only. Can be given several times.
    #[arg(long, value_name = "NUMBER")]
    trace_port: Vec<PortNumber>,

    /// What is logged to standard error: off, error, warn, info, debug, trace, or a filter as
    /// p4_switch=debug,tonic=info.
    #[arg(
        long,
        value_name = "FILTER",
        default_value = "info",
        env = "P4_SWITCH_LOG",
        value_parser = log_filter
    )]
    log_level: EnvFilter,
}

/// A level is that of the switch: of the libraries below only warnings are logged then.
fn log_filter(text: &str) -> Result<EnvFilter, tracing_subscriber::filter::ParseError> {
    match text.parse::<LevelFilter>() {
        Ok(LevelFilter::OFF) => EnvFilter::try_new("off"),
        Ok(level) => EnvFilter::try_new(format!("warn,p4_switch={level}")),
        Err(_) => EnvFilter::try_new(text),
    }
}

/// A port of the command line: `1=eth1`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PortArgument {
    number: PortNumber,
    interface: String,
}

impl FromStr for PortArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = "a port is NUMBER=INTERFACE, as in 1=eth1, with a number below 511";
        let (number, interface) = text.split_once('=').ok_or(form)?;
        let number = number.parse().map_err(|_| form)?;
        if number >= 511 || interface.is_empty() {
            return Err(form.to_owned());
        }
        Ok(Self {
            number,
            interface: interface.to_owned(),
        })
    }
}

/// Why the switch does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// Two ports of the command line contradict each other.
    #[error("--port {number}={interface}: {reason}")]
    Port {
        number: PortNumber,
        interface: String,
        reason: String,
    },
    /// An interface.
    #[error(transparent)]
    Interface(#[from] PortError),
    /// The server.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system refuses what every process needs.
    #[error("{what}: {source}")]
    System {
        what: &'static str,
        source: std::io::Error,
    },
}

/// Runs the switch until a signal ends it.
pub(crate) fn run(arguments: Arguments) -> Result<(), RunError> {
    check_ports(&arguments)?;
    tracing_subscriber::fmt()
        .with_env_filter(arguments.log_level.clone())
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Runtime::new().map_err(|source| RunError::System {
        what: "cannot start the threads of the control plane",
        source,
    })?;
    runtime.block_on(serve(arguments))
}

async fn serve(arguments: Arguments) -> Result<(), RunError> {
    let config = SwitchConfig {
        cpu_port: Some(arguments.cpu_port),
        drop_port: arguments.drop_port,
        ..SwitchConfig::default()
    };
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(stop_on_signal(stop)?);
    let (switch, events) = Switch::new(config.clone());
    if arguments.trace || !arguments.trace_port.is_empty() {
        switch.set_live_trace(Some(LiveTrace {
            ports: arguments.trace_port.clone(),
            sink: Box::new(|trace| {
                // One call, so that the traces of several packets do not mix. There is nobody to
                // tell when standard error is closed.
                let _ = std::io::stderr().write_all(format!("{trace}\n").as_bytes());
            }),
        }));
    }
    // Kept until the end: the ports are closed when it goes.
    let _ports = open_ports(&switch, &arguments)?;
    let service = Service::new(arguments.device_id.get(), switch, config, events);
    let mut listeners = Vec::new();
    for address in &arguments.grpc {
        let mut listener = Listener::bind(address).await?;
        listener = listener.with_limits(arguments.grpc_options.limits());
        if let Some(tls) = arguments.grpc_options.tls() {
            listener = listener.with_tls(&tls)?;
        }
        tracing::info!(address = %listener.address(), "P4Runtime server listens");
        listeners.push(listener);
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

fn open_ports(switch: &Switch, arguments: &Arguments) -> Result<LinuxPorts, RunError> {
    if let Some(directory) = &arguments.pcap {
        std::fs::create_dir_all(directory).map_err(|source| RunError::System {
            what: "cannot make the directory of --pcap",
            source,
        })?;
    }
    let ports = LinuxPorts::new(switch.clone())?;
    for PortArgument { number, interface } in &arguments.ports {
        let capture = arguments.pcap.as_ref();
        let capture = capture.map(|directory| directory.join(format!("{interface}.pcap")));
        ports.open(*number, interface, capture.as_deref())?;
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

/// Numbers and interfaces are used once, and not those of CPU and drop port.
fn check_ports(arguments: &Arguments) -> Result<(), RunError> {
    let mut interfaces: BTreeMap<&str, PortNumber> = BTreeMap::new();
    let mut numbers: BTreeMap<PortNumber, &str> = BTreeMap::new();
    for PortArgument { number, interface } in &arguments.ports {
        let reason = if *number == arguments.cpu_port {
            Some("this is the number of the CPU port (--cpu-port)".to_owned())
        } else if *number == arguments.drop_port {
            Some("this is the number of the drop port (--drop-port)".to_owned())
        } else if let Some(other) = numbers.insert(*number, interface) {
            Some(format!("interface {other} has this number already"))
        } else {
            interfaces
                .insert(interface, *number)
                .map(|other| format!("this interface is port {other} already"))
        };
        if let Some(reason) = reason {
            return Err(RunError::Port {
                number: *number,
                interface: interface.clone(),
                reason,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from([&["p4-switch"], arguments].concat())
    }

    #[test]
    fn the_command_line_reads() {
        let arguments = parse(&[
            "--grpc",
            "127.0.0.1:9559",
            "--grpc",
            "unix:/run/s.sock",
            "--device-id",
            "7",
            "--port",
            "1=eth1",
            "--port",
            "2=eth2",
            "--trace",
            "--trace-port",
            "1",
        ])
        .unwrap();
        assert_eq!(arguments.grpc.len(), 2);
        assert_eq!(arguments.ports[1].interface, "eth2");
        assert!(check_ports(&arguments).is_ok());
    }

    #[test]
    fn a_command_line_that_makes_no_sense_is_refused() {
        for bad in [
            ["--device-id", "0"],
            ["--port", "eth1"],
            ["--port", "1="],
            ["--port", "511=eth1"],
            ["--grpc", "localhost"],
        ] {
            assert!(parse(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ports_are_used_once() {
        let refuse = |ports: [&str; 2]| {
            let arguments = parse(&["--port", ports[0], "--port", ports[1]]).unwrap();
            check_ports(&arguments).unwrap_err().to_string()
        };
        assert_eq!(
            refuse(["1=eth1", "1=eth2"]),
            "--port 1=eth2: interface eth1 has this number already"
        );
        assert_eq!(
            refuse(["1=eth1", "2=eth1"]),
            "--port 2=eth1: this interface is port 1 already"
        );
        assert!(refuse(["1=eth1", "510=eth2"]).contains("--cpu-port"));
    }
}
