//! Labs: networks of label switching routers in network namespaces.

use std::process::ExitCode;

/// What `lsrctl lab` can do.
#[derive(Debug, clap::Subcommand)]
pub enum LabCommand {}

/// Runs one `lsrctl lab` command to its end.
pub fn run(command: LabCommand) -> ExitCode {
    match command {}
}
