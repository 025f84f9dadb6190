//! Labs: networks of label switching routers in network namespaces.

pub mod capture;
pub mod echo;
mod error;
pub mod packet;
pub mod sandbox;
mod socket;
pub mod topology;

use std::process::ExitCode;

pub use error::{LabError, TopologyError};

/// What `lsrctl lab` can do.
#[derive(Debug, clap::Subcommand)]
pub enum LabCommand {
    /// The lab's own process.
    #[command(hide = true)]
    Sandbox(sandbox::SandboxArgs),
}

/// Runs one `lsrctl lab` command to its end.
pub fn run(command: LabCommand) -> ExitCode {
    match command {
        LabCommand::Sandbox(arguments) => sandbox::run_supervisor(arguments),
    }
}
