//! The options of BMv2's simple_switch_grpc that mean nothing here, so that scripts and Makefiles
//! that were written for it work with another name of the program.
//!
//! Those that mean the same here stand beside our own, under both names. What changes nothing of
//! how packets are forwarded is accepted with a warning; what a script cannot do without is refused
//! by its name.

use std::path::PathBuf;

use clap::Args;

/// The general options, and those of its target, which it takes after `--` only.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Options of simple_switch_grpc")]
pub(super) struct Bmv2Arguments {
    /// Starts without a program. So does p4-switch whenever none is named.
    #[arg(long)]
    pub(super) no_p4: bool,

    /// A TCP port on loopback where scripts look whether the switch has started. There is no
    /// Thrift server: what connects is told good bye, and P4Runtime does what Thrift did.
    #[arg(long, value_name = "PORT")]
    pub(super) thrift_port: Option<u16>,

    /// Prints the newest version of BMv2 JSON that is understood.
    #[arg(long, exclusive = true)]
    pub(super) json_version: bool,

    #[arg(long, value_name = "SOCKET", hide = true)]
    nanolog: Option<String>,

    #[arg(long, value_name = "SOCKET", hide = true)]
    notifications_addr: Option<String>,

    #[arg(long, hide = true)]
    debugger: bool,

    #[arg(long, value_name = "SOCKET", hide = true)]
    debugger_addr: Option<String>,

    #[arg(long, hide = true)]
    log_flush: bool,

    #[arg(long, value_name = "BYTES", hide = true)]
    log_file_max_size: Option<u64>,

    #[arg(long, value_name = "COUNT", hide = true)]
    log_file_max_files: Option<u64>,

    #[arg(long, value_name = "COUNT", hide = true)]
    max_port_count: Option<u32>,

    #[arg(long, value_name = "SECONDS", hide = true)]
    use_files: Option<i32>,

    #[arg(long, value_name = "FILES", hide = true)]
    load_modules: Option<String>,

    #[arg(long, value_name = "SOCKET", hide = true)]
    packet_in: Option<String>,

    #[arg(long, value_name = "FILE", hide = true)]
    restore_state: Option<PathBuf>,

    #[arg(long, hide = true)]
    disable_swap: bool,

    #[arg(long, value_name = "COUNT", hide = true)]
    priority_queues: Option<u32>,

    #[arg(long, value_name = "COUNT", hide = true)]
    max_mc_groups: Option<u32>,

    #[arg(long, value_name = "COUNT", hide = true)]
    max_l1_entries: Option<u32>,

    #[arg(long, value_name = "COUNT", hide = true)]
    max_l2_entries: Option<u32>,

    #[arg(long, value_name = "ADDRESS", hide = true)]
    dp_grpc_server_addr: Option<String>,
}

/// An option that cannot be done without what p4-switch does not have.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{option} is not supported: {instead}")]
pub(crate) struct Refused {
    option: &'static str,
    instead: &'static str,
}

fn refuse(option: &'static str, instead: &'static str) -> Result<(), Refused> {
    Err(Refused { option, instead })
}

impl Bmv2Arguments {
    /// Refuses what cannot be ignored.
    pub(super) fn check(&self) -> Result<(), Refused> {
        if self.use_files.is_some() {
            refuse(
                "--use-files",
                "give packets to real interfaces, or to `p4-switch trace --packet FILE.pcap`",
            )?;
        }
        if self.load_modules.is_some() {
            refuse(
                "--load-modules",
                "they are shared libraries of C++ that BMv2 calls for extern types of their own; \
                 only v1model's externs are known here",
            )?;
        }
        if self.packet_in.is_some() {
            refuse(
                "--packet-in",
                "there is no nanomsg; --port names interfaces",
            )?;
        }
        if self.restore_state.is_some() {
            refuse(
                "--restore-state",
                "the state is what the P4Runtime client writes; let it write it again",
            )?;
        }
        if self.dp_grpc_server_addr.is_some() {
            refuse(
                "--dp-grpc-server-addr",
                "packets come from interfaces; --port names them",
            )?;
        }
        Ok(())
    }

    /// What is given and ignored, with what is to be known of it.
    pub(super) fn ignored(&self) -> Vec<(&'static str, &'static str)> {
        let options = [
            (
                self.thrift_port.is_some(),
                "--thrift-port",
                "there is no Thrift server, use P4Runtime",
            ),
            (
                self.nanolog.is_some(),
                "--nanolog",
                "there is no nanomsg, `p4-switch trace --switch` shows packets",
            ),
            (
                self.notifications_addr.is_some(),
                "--notifications-addr",
                "there is no nanomsg, P4Runtime carries digests and timeouts",
            ),
            (
                self.debugger || self.debugger_addr.is_some(),
                "--debugger",
                "`p4-switch trace --switch` shows packets",
            ),
            (
                self.log_file_max_size.is_some() || self.log_file_max_files.is_some(),
                "--log-file-max-size and --log-file-max-files",
                "log files are not rotated",
            ),
            (
                self.disable_swap,
                "--disable-swap",
                "programs are always replaced between two packets",
            ),
            (
                self.priority_queues.is_some(),
                "--priority-queues",
                "there are no queues between ingress and egress",
            ),
            (
                self.max_mc_groups.is_some()
                    || self.max_l1_entries.is_some()
                    || self.max_l2_entries.is_some(),
                "--max-mc-groups, --max-l1-entries and --max-l2-entries",
                "these numbers are not limited",
            ),
        ];
        // Without further words: --log-flush, since each line is written at once, and
        // --max-port-count, since there is no limit.
        options
            .into_iter()
            .filter(|(given, ..)| *given)
            .map(|(_, option, reason)| (option, reason))
            .collect()
    }
}
