//! The commands that look around in a lab that was left up.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;

use super::capture::{Captured, PacketSocket};
use super::cli::CaptureArgs;
use super::error::LabError;
use super::packet::Frame;
use super::pcap;
use super::record::Record;
use super::sandbox::SandboxError;
use super::sandbox::protocol::Failure;

fn entering(failure: Failure) -> LabError {
    let remedy = "the lab may have ended just now: `lsrctl lab list`; a lab of another user can \
                  be entered by that user and by root only";
    SandboxError::Failed {
        failure,
        remedy: remedy.to_owned(),
    }
    .into()
}

/// `lsrctl lab list`.
pub(super) fn list(json: bool) -> Result<ExitCode, LabError> {
    let records = Record::all();
    let mut output = io::stdout();
    if json {
        let text = serde_json::to_string_pretty(&records)
            .map_err(|error| LabError::io("writing JSON")(error.into()))?;
        let _ = writeln!(output, "{text}");
        return Ok(ExitCode::SUCCESS);
    }
    if records.is_empty() {
        println!("no lab is up");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_header(["lab", "supervisor", "nodes"]);
    for record in records {
        let nodes: Vec<_> = record.nodes.keys().cloned().collect();
        table.add_row([record.name, record.supervisor.to_string(), nodes.join(" ")]);
    }
    let _ = writeln!(output, "{table}");
    Ok(ExitCode::SUCCESS)
}

/// `lsrctl lab exec`.
pub(super) fn exec(
    lab: Option<&str>,
    node: &str,
    command: &[String],
) -> Result<ExitCode, LabError> {
    let record = Record::pick(lab)?;
    let Some((program, arguments)) = command.split_first() else {
        return Ok(ExitCode::FAILURE);
    };
    let mut environment = vec![
        ("P4LSR_LAB".into(), record.name.clone()),
        ("P4LSR_NODE".into(), node.into()),
    ];
    if record.node(node)?.router {
        environment.push((
            "LSRCTL_SOCKET".into(),
            record.socket(node).display().to_string(),
        ));
    }
    let entrance = record.entrance();
    entrance
        .run(node, Path::new(program), arguments, &environment)
        .map_err(entering)
}

/// `lsrctl lab shell`.
pub(super) fn shell(lab: Option<&str>, node: &str) -> Result<ExitCode, LabError> {
    let shell = std::env::var("SHELL")
        .ok()
        .filter(|shell| Path::new(shell).exists());
    // While the shell reads the terminal, Ctrl-C is for what runs in it.
    // SAFETY: SIG_IGN is a valid disposition, and no other thread exists that could depend on it.
    let ignored = unsafe {
        nix::sys::signal::signal(
            nix::sys::signal::Signal::SIGINT,
            nix::sys::signal::SigHandler::SigIgn,
        )
    };
    ignored.map_err(|error| LabError::io("ignoring SIGINT")(error.into()))?;
    exec(lab, node, &[shell.unwrap_or_else(|| "/bin/sh".into())])
}

/// `lsrctl lab lsrctl`.
pub(super) fn lsrctl(
    lab: Option<&str>,
    router: &str,
    arguments: &[String],
) -> Result<ExitCode, LabError> {
    let record = Record::pick(lab)?;
    if !record.node(router)?.router {
        let routers = record.nodes.iter().filter(|(_, node)| node.router);
        return Err(LabError::Unknown {
            what: "router",
            name: router.to_owned(),
            known: routers
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        });
    }
    let own = std::env::current_exe().map_err(LabError::io("looking for lsrctl's own file"))?;
    let mut command = vec![own.display().to_string()];
    command.extend_from_slice(arguments);
    exec(Some(&record.name), router, &command)
}

/// `lsrctl lab stop`.
pub(super) fn stop(name: Option<&str>, all: bool) -> Result<ExitCode, LabError> {
    let records = if all {
        Record::all()
    } else {
        vec![Record::pick(name)?]
    };
    for record in records {
        record.stop()?;
        println!("lab {} is down", record.name);
    }
    Ok(ExitCode::SUCCESS)
}

/// `lsrctl lab capture`.
pub(super) fn capture(arguments: &CaptureArgs) -> Result<ExitCode, LabError> {
    let record = Record::pick(arguments.lab.name.as_deref())?;
    let Some((node, interface)) = arguments.interface.split_once(':') else {
        return Err(LabError::Unknown {
            what: "interface",
            name: arguments.interface.clone(),
            known: "interfaces such as p1:eth2".into(),
        });
    };
    record.node(node)?;
    let output = match &arguments.write {
        Some(file) => Some(pcap_output(file)?),
        None => None,
    };
    record.entrance().enter_network(node).map_err(entering)?;
    let failed = || LabError::io(format!("capturing on {}", arguments.interface));
    let socket = packet_socket::open().map_err(failed())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed())?;
    runtime.block_on(async {
        let socket = PacketSocket::bind(socket, interface).map_err(failed())?;
        let mut sink = Sink::new(output).map_err(failed())?;
        let mut left = arguments.count.unwrap_or(u64::MAX);
        while left > 0 {
            let frame = socket.receive().await.map_err(failed())?;
            if sink.take(&frame).is_err() {
                // Whoever read the output has gone away.
                break;
            }
            left -= 1;
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn pcap_output(file: &PathBuf) -> Result<Box<dyn Write>, LabError> {
    if file.as_os_str() == "-" {
        return Ok(Box::new(io::stdout()));
    }
    match File::create(file) {
        Ok(file) => Ok(Box::new(file)),
        Err(source) => Err(LabError::File {
            action: "writing",
            path: file.clone(),
            source,
        }),
    }
}

enum Sink {
    Text { first: Option<std::time::Duration> },
    Pcap(pcap::Writer<Box<dyn Write>>),
}

impl Sink {
    fn new(output: Option<Box<dyn Write>>) -> io::Result<Self> {
        match output {
            Some(output) => Ok(Self::Pcap(pcap::Writer::new(output)?)),
            None => Ok(Self::Text { first: None }),
        }
    }

    fn take(&mut self, captured: &Captured) -> io::Result<()> {
        match self {
            Self::Pcap(writer) => writer.write(captured),
            Self::Text { first } => {
                let since = captured
                    .time
                    .saturating_sub(*first.get_or_insert(captured.time));
                let direction = if captured.sent { "out" } else { "in " };
                let words = Frame::parse(&captured.octets)
                    .map_or_else(|| "a cut frame".to_owned(), |frame| frame.to_string());
                writeln!(
                    io::stdout(),
                    "{:>12.6} {direction} {words}",
                    since.as_secs_f64()
                )
            }
        }
    }
}
