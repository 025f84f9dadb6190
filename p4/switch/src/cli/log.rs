//! What is written about the switch and its packets, and where.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use log_output::LogOutput;
use p4_switch::control::PortNumber;
use p4_switch::{LiveTrace, Trace, trace::TraceEvent};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};

/// What is logged, if nothing is said.
const DEFAULT: &str = "info";

/// Options of logs and traces.
#[derive(Debug, Args)]
pub(super) struct LogArguments {
    /// What is logged: off, error, warn, info, debug, trace, or a filter by module as
    /// p4_switch::p4runtime=debug,tonic=info.
    #[arg(
        long = "log",
        visible_alias = "log-level",
        short = 'L',
        value_name = "FILTER",
        env = "P4_SWITCH_LOG",
        value_parser = parse_filter
    )]
    filter: Option<Filter>,

    /// Logs to standard output in place of standard error, with the way of every packet, as
    /// simple_switch does; the packets are left out by --log info or less.
    #[arg(long)]
    log_console: bool,

    /// Logs to FILE.txt as --log-console does to standard output.
    #[arg(long, value_name = "FILE", conflicts_with = "log_console")]
    log_file: Option<PathBuf>,

    /// Logs the first BYTES bytes of each packet that comes in and goes out.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    dump_packet_data: usize,

    /// Writes the way of every packet through the program to the log.
    #[arg(long)]
    trace: bool,

    /// As --trace, for packets that come in at this port only. Can be given several times.
    #[arg(long, value_name = "NUMBER")]
    trace_port: Vec<PortNumber>,
}

/// A filter, and whether it lets packets through.
#[derive(Debug, Clone)]
struct Filter {
    filter: EnvFilter,
    packets: bool,
}

/// A level is that of the switch: of the libraries below only warnings are logged then.
fn parse_filter(text: &str) -> Result<Filter, ParseError> {
    let (filter, packets) = match text.parse::<LevelFilter>() {
        Ok(LevelFilter::OFF) => (EnvFilter::try_new("off")?, false),
        Ok(level) => (
            EnvFilter::try_new(format!("warn,p4_switch={level}"))?,
            level >= LevelFilter::DEBUG,
        ),
        Err(_) => (EnvFilter::try_new(text)?, true),
    };
    Ok(Filter { filter, packets })
}

/// Where logs and traces go, each write as a whole.
enum Output {
    Error,
    Console,
    File(File),
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Error => io::stderr().write(bytes),
            Self::Console => io::stdout().write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Console => io::stdout().flush(),
            Self::Error | Self::File(_) => Ok(()),
        }
    }
}

/// The log file cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the log file {path} cannot be made: {source}")]
pub(crate) struct LogFileError {
    path: String,
    source: io::Error,
}

impl LogArguments {
    /// Starts to log. Gives the tracing of packets that is asked for.
    pub(super) fn start(&self) -> Result<Option<LiveTrace>, LogFileError> {
        let output = self.output()?;
        let filter = match &self.filter {
            Some(filter) => filter.filter.clone(),
            None => EnvFilter::new(format!("warn,p4_switch={DEFAULT}")),
        };
        let terminal = match &output {
            Output::Error => io::stderr().is_terminal(),
            Output::Console => io::stdout().is_terminal(),
            Output::File(_) => false,
        };
        // A full disk behind it must not stop the switch.
        let output = LogOutput::new(output);
        let writer = output.clone();
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(terminal)
            .with_writer(move || writer.clone())
            .init();
        Ok(self.packets(output))
    }

    fn output(&self) -> Result<Output, LogFileError> {
        let Some(path) = &self.log_file else {
            return Ok(if self.log_console {
                Output::Console
            } else {
                Output::Error
            });
        };
        // simple_switch adds the ending too, whatever the name.
        let mut path = path.clone().into_os_string();
        path.push(".txt");
        match File::create(&path) {
            Ok(file) => Ok(Output::File(file)),
            Err(source) => Err(LogFileError {
                path: path.to_string_lossy().into_owned(),
                source,
            }),
        }
    }

    /// The tracing of packets that is asked for.
    fn packets(&self, output: LogOutput<Output>) -> Option<LiveTrace> {
        let as_bmv2 = (self.log_console || self.log_file.is_some())
            && self.filter.as_ref().is_none_or(|filter| filter.packets);
        let trace = self.trace || !self.trace_port.is_empty() || as_bmv2;
        let dump = self.dump_packet_data;
        if !trace && dump == 0 {
            return None;
        }
        let write = move |text: String| {
            // One call, so that the traces of several packets do not mix. It never fails.
            let _ = output.clone().write_all(text.as_bytes());
        };
        Some(LiveTrace {
            ports: self.trace_port.clone(),
            sink: Box::new(move |packet| {
                if trace {
                    write(format!("{packet}\n"));
                } else {
                    write(dumped(packet, dump));
                }
            }),
        })
    }
}

/// The first bytes of a packet and of what became of it, a line for each.
fn dumped(packet: &Trace, bytes: usize) -> String {
    let line = |what: &str, port: PortNumber, hex: &str| {
        let shown = &hex[..hex.len().min(bytes.saturating_mul(2))];
        let length = hex.len() / 2;
        format!("packet of {length} bytes {what} port {port}: {shown}\n")
    };
    let mut text = line("in at", packet.port, &packet.packet);
    for event in &packet.events {
        if let TraceEvent::Sent { port, packet } = event {
            text += &line("out of", *port, packet);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_cut() {
        let packet = Trace {
            port: 1,
            packet: "00112233".to_owned(),
            events: vec![TraceEvent::Sent {
                port: 2,
                packet: "aa".to_owned(),
            }],
        };
        assert_eq!(
            dumped(&packet, 2),
            "packet of 4 bytes in at port 1: 0011\npacket of 1 bytes out of port 2: aa\n"
        );
    }

    #[test]
    fn levels_and_filters_read() {
        assert!(!parse_filter("info").unwrap().packets);
        assert!(!parse_filter("off").unwrap().packets);
        assert!(parse_filter("trace").unwrap().packets);
        assert!(parse_filter("p4_switch::gnmi=debug").is_ok());
        assert!(parse_filter("p4_switch=nonsense").is_err());
    }
}
