//! The words of `lsrctl lab` (clap).

use std::path::PathBuf;

use super::running::{CompilerKind, SwitchKind};
use super::sandbox::SandboxArgs;
use super::topology::TtlModel;

/// What `lsrctl lab` can do.
#[derive(Debug, clap::Subcommand)]
pub enum LabCommand {
    /// Make a lab, show its LSPs, ping between its hosts and show a packet's way.
    Run(RunArgs),
    /// List the labs that were left up.
    List(ListArgs),
    /// Open a shell in a host or router.
    Shell {
        /// The host or router.
        node: String,
        /// Which lab.
        #[command(flatten)]
        lab: LabName,
    },
    /// Run a command in a host or router.
    Exec {
        /// The host or router.
        node: String,
        /// Which lab.
        #[command(flatten)]
        lab: LabName,
        /// The command and its arguments.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Ask a router: `lsrctl lab lsrctl pe1 show lfib`.
    Lsrctl {
        /// The router.
        router: String,
        /// Which lab.
        #[command(flatten)]
        lab: LabName,
        /// The words of lsrctl.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Show the frames on an interface with their label stacks: `lsrctl lab capture p1:eth2`.
    Capture(CaptureArgs),
    /// Take a lab down.
    Stop {
        /// The lab; without it the only one that runs.
        name: Option<String>,
        /// All labs of this user.
        #[arg(long, conflicts_with = "name")]
        all: bool,
    },
    /// The lab's own first process.
    #[command(hide = true)]
    Sandbox(SandboxArgs),
}

/// Which lab.
#[derive(Debug, Clone, clap::Args)]
pub struct LabName {
    /// The lab; without it the only one that runs.
    #[arg(long = "lab", value_name = "NAME")]
    pub name: Option<String>,
}

/// `lsrctl lab run`.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArgs {
    /// The topology file; without it labs/chain.toml of the source tree.
    pub topology: Option<PathBuf>,
    /// The name of the lab; without it the topology file's.
    #[arg(long)]
    pub name: Option<String>,
    /// Leave the lab up, and say how to look around.
    #[arg(long)]
    pub keep: bool,
    /// Leave the lab up when something fails.
    #[arg(long)]
    pub keep_on_failure: bool,
    /// Print all results as one JSON document on the standard output.
    #[arg(long)]
    pub json: bool,
    /// The TTL model (RFC 3443) of LSPs that do not say their own; without it the topology file's.
    #[arg(long, value_enum)]
    pub ttl_model: Option<TtlModel>,
    /// Echo requests of each ping.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub count: u16,
    /// Milliseconds from one echo request to the next.
    #[arg(long, value_name = "MS", default_value_t = 200)]
    pub interval: u64,
    /// Seconds that the routers may take to come up.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub timeout: u64,
    /// The switch of each router.
    #[arg(long, value_enum, default_value_t)]
    pub switch: SwitchKind,
    /// The compiler of the P4 program.
    #[arg(long, value_enum, default_value_t)]
    pub compiler: CompilerKind,
    /// Write a picture of the packets' ways to this file (SVG).
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Write what was captured on each link to a file in this folder (pcap).
    #[arg(long, value_name = "DIR")]
    pub pcap: Option<PathBuf>,
    /// Let the switches trace each packet through the pipeline to their logs.
    #[arg(long)]
    pub trace: bool,
    /// Make a user namespace even when root.
    #[arg(long)]
    pub rootless: bool,
    /// The source tree of p4lsr, if it is not found by itself.
    #[arg(long, value_name = "DIR")]
    pub source: Option<PathBuf>,
}

/// `lsrctl lab list`.
#[derive(Debug, Clone, clap::Args)]
pub struct ListArgs {
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// `lsrctl lab capture`.
#[derive(Debug, Clone, clap::Args)]
pub struct CaptureArgs {
    /// A node and its interface: `p1:eth2`.
    pub interface: String,
    /// Which lab.
    #[command(flatten)]
    pub lab: LabName,
    /// Write the frames to this file (pcap), `-` for the standard output, in place of showing
    /// them.
    #[arg(long, short, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// Stop after this number of frames.
    #[arg(long, short)]
    pub count: Option<u64>,
}
