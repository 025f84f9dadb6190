//! The command line.

mod bmv2;
mod grpc;
mod log;
mod port;
mod program;
mod run;
mod thrift;
mod trace;

use std::error::Error;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use p4_switch::control::PortNumber;

use run::RunArguments;
use trace::TraceArguments;

/// The number of the port that stands for the P4Runtime client, if none is given.
const CPU_PORT: PortNumber = 510;
/// The value of `egress_spec` that drops a packet, if none is given.
const DROP_PORT: PortNumber = 511;

/// A software switch that runs P4 programs in BMv2 JSON, with simple_switch's semantics.
///
/// Without a command it is `p4-switch run`, which takes simple_switch_grpc's options.
#[derive(Debug, Parser)]
#[command(name = "p4-switch", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the switch. It ends on SIGTERM and SIGINT.
    Run(Box<RunArguments>),
    /// Shows the way of packets through a program: every table, key, hit or miss, action, and the
    /// packet after each control.
    Trace(Box<TraceArguments>),
}

/// The arguments of the process with the command that they mean, and without `--`.
fn normalized(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let first = arguments.get(1).and_then(|first| first.to_str());
    // simple_switch_grpc says its version by `-v` too, wherever it stands.
    let of_run = |argument: &&OsString| *argument != "trace";
    let mut words = arguments.iter().skip(1).take_while(of_run);
    if words.any(|word| word == "-v" || word == "--version") {
        arguments.truncate(1);
        arguments.push("--version".into());
        return arguments;
    }
    let known = ["run", "trace", "help", "-h", "--help", "-V"];
    if !first.is_some_and(|first| known.contains(&first)) {
        let place = arguments.len().min(1);
        arguments.insert(place, "run".into());
    }
    // simple_switch_grpc takes the options of its target after `--` only; here all stand anywhere.
    if let Some(place) = arguments.iter().position(|argument| argument == "--") {
        arguments.remove(place);
    }
    arguments
}

/// Runs what the command line asks for.
pub(crate) fn main() -> ExitCode {
    let line = CommandLine::parse_from(normalized(std::env::args_os()));
    let result: Result<(), Box<dyn Error>> = match line.command {
        Command::Run(arguments) => run::run(*arguments).map_err(Into::into),
        Command::Trace(arguments) => trace::run(&arguments).map_err(Into::into),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("p4-switch: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn the_word_run_may_be_left_out_and_dashes_are() {
        let with = |arguments: &[&str]| {
            let all = [&["p4-switch"], arguments].concat();
            normalized(all.into_iter().map(OsString::from))
                .into_iter()
                .skip(1)
                .map(|argument| argument.into_string().unwrap())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(with(&["-i", "0@veth0"]), "run -i 0@veth0");
        assert_eq!(with(&["prog.json"]), "run prog.json");
        assert_eq!(with(&[]), "run");
        assert_eq!(with(&["run", "prog.json"]), "run prog.json");
        for version in [
            &["-v"][..],
            &["--version"],
            &["prog.json", "-v"],
            &["run", "-v"],
        ] {
            assert_eq!(with(version), "--version");
        }
        assert_eq!(
            with(&["--no-p4", "--", "--cpu-port", "9"]),
            "run --no-p4 --cpu-port 9"
        );
    }
}
