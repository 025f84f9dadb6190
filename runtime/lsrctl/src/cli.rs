//! The words of the command line (clap).

use clap::{Parser, Subcommand};

use crate::lab::LabCommand;

/// Shows what a label switching router (lsrd) does, and runs labs of them.
#[derive(Debug, Parser)]
#[command(name = "lsrctl", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of lsrctl.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a network of label switching routers in network namespaces of this machine.
    Lab {
        /// What to do with the lab.
        #[command(subcommand)]
        command: LabCommand,
    },
    /// Print the completion script of a shell.
    Completions {
        /// The shell that will read the script.
        shell: clap_complete::Shell,
    },
}
