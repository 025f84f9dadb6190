//! `lsrctl`: the operator's command line.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use lsrctl::cli::{Cli, Command};
use lsrctl::show;

// Not async: a lab enters namespaces, which needs a process with a single thread.
fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Command::Show { subject, options } => show::run(&cli.socket, &subject, &options),
        Command::Clear { command } => lsrctl::clear::run(&cli.socket, command),
        Command::Ldp { command } => lsrctl::ldp::run(&cli.socket, command),
        Command::Reload => show::reload(&cli.socket),
        Command::Port { command } => lsrctl::switchover::port(&cli.socket, command),
        Command::Protection { command } => lsrctl::switchover::protection(&cli.socket, command),
        Command::Lab { command } => lsrctl::lab::run(command),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "lsrctl", &mut std::io::stdout());
            ExitCode::SUCCESS
        }
    }
}
