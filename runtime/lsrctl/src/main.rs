//! `lsrctl`: the operator's command line.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use lsrctl::cli::{Cli, Command};

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Lab { command } => lsrctl::lab::run(command),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "lsrctl", &mut std::io::stdout());
            ExitCode::SUCCESS
        }
    }
}
