//! The words of the command line (clap).

use std::net::IpAddr;
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
    /// End something, so that it comes up anew.
    Clear {
        /// What to end.
        #[command(subcommand)]
        command: ClearCommand,
    },
    /// Ask LDP for something (RFC 5036).
    Ldp {
        /// What to ask for.
        #[command(subcommand)]
        command: LdpCommand,
    },
    /// Let lsrd read its configuration file again.
    ///
    /// A configuration with a mistake is refused as a whole, and the running one stays.
    Reload,
    /// Take a port of the switch down for forwarding, or let its link decide again.
    ///
    /// While a port is down its paths are not used: their backups are, or the other paths of their
    /// groups. One write to the switch moves them all.
    Port {
        /// What to do with the port.
        #[command(subcommand)]
        command: PortCommand,
    },
    /// Switch over to a path of a protection domain (RFC 6378).
    Protection {
        /// What to do.
        #[command(subcommand)]
        command: ProtectionCommand,
    },
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

/// The commands of `lsrctl clear`.
#[derive(Debug, Clone, Subcommand)]
pub enum ClearCommand {
    /// Of LDP (RFC 5036).
    Ldp {
        /// What to end.
        #[command(subcommand)]
        command: ClearLdpCommand,
    },
}

/// The commands of `lsrctl clear ldp`.
#[derive(Debug, Clone, Subcommand)]
pub enum ClearLdpCommand {
    /// End sessions with a Shutdown, and connect again at once.
    #[command(visible_alias = "neighbour")]
    Neighbor {
        /// The neighbour's LSR Id or LDP Identifier; without it all neighbours.
        neighbour: Option<String>,
    },
}

/// The commands of `lsrctl ldp`.
#[derive(Debug, Clone, Subcommand)]
pub enum LdpCommand {
    /// Ask for a targeted session with a router, for as long as LDP runs here or until it is released.
    ///
    /// The router there has to accept it: accept-targeted, or a [[ldp.targeted-peer]].
    RequestTargeted {
        /// The router's transport address.
        address: IpAddr,
        /// An application that the session is for: a TA-Id (RFC 8223, 2.1). May be given several times.
        #[arg(long = "application", value_name = "TA-ID")]
        applications: Vec<u16>,
    },
    /// The session that was asked for is not needed any more.
    ReleaseTargeted {
        /// The router's transport address.
        address: IpAddr,
    },
}

/// The commands of `lsrctl port`.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum PortCommand {
    /// Send nothing by the port.
    Down {
        /// The port of the switch.
        port: u16,
    },
    /// Send by the port while its link has a carrier.
    Up {
        /// The port of the switch.
        port: u16,
    },
}

/// The commands of `lsrctl protection`.
#[derive(Debug, Clone, Subcommand)]
pub enum ProtectionCommand {
    /// Use this path from now on: the head of 1:1 protection sends by it, the tail of 1+1 protection
    /// takes its packets.
    Switch {
        /// The name of the protection domain.
        name: String,
        /// The path.
        path: ProtectionPath,
    },
}

/// A path of a protection domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ProtectionPath {
    /// The working path.
    Working,
    /// The protecting path.
    Protecting,
}
