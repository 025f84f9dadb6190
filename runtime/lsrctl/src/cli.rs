//! The words of the command line (clap).

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::lab::LabCommand;
use crate::show;

/// Shows what a label switching router (lsrd) does, and runs labs of them.
#[derive(Debug, Parser)]
#[command(name = "lsrctl", version, max_term_width = 100)]
pub struct Cli {
    /// The socket of the lsrd to ask.
    #[arg(long, global = true, value_name = "PATH", env = "LSRCTL_SOCKET",
          default_value = northbound::socket::DEFAULT_PATH)]
    pub socket: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of lsrctl.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what the router does.
    Show {
        /// What to show.
        #[command(subcommand)]
        subject: show::Subject,
        /// How to show it.
        #[command(flatten)]
        options: show::Options,
    },
    /// Let lsrd read its configuration file again.
    ///
    /// A configuration with a mistake is refused as a whole, and the running one stays.
    Reload,
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
