//! Labs: networks of label switching routers in network namespaces of this machine.
//!
//! * [`topology`]: the file that says what a lab consists of.
//! * [`running`]: [`running::Lab`], a lab that runs; for tests too.
//! * [`sandbox`]: the namespaces, links and processes below it. Nothing of a lab can outlive its
//!   owner.
//! * [`echo`], [`capture`], [`packet`]: ping, traceroute and packet capture without external
//!   programs.
//! * [`frr`]: FRR's daemons in a node.
//! * [`lsp`], [`path`], [`cut`], [`report`]: what `lsrctl lab run` shows.
//!
//! docs/lab.md is the operator's view of it.

pub mod capture;
pub mod cli;
mod commands;
pub mod cut;
pub mod echo;
mod error;
pub mod frr;
pub mod lsp;
pub mod packet;
pub mod path;
pub mod pcap;
mod picture;
mod profile;
pub mod programs;
mod progress;
mod record;
pub mod report;
pub mod routers;
mod run;
pub mod running;
pub mod sandbox;
mod socket;
mod svg;
pub mod topology;

use std::process::ExitCode;

pub use cli::LabCommand;
pub use error::{LabError, TopologyError};

/// Runs one `lsrctl lab` command to its end. The process must have one thread: entering a lab's
/// namespaces asks for it.
pub fn run(command: LabCommand) -> ExitCode {
    let result = match command {
        LabCommand::Run(arguments) => return run::run(arguments),
        LabCommand::Sandbox(arguments) => return sandbox::run_supervisor(arguments),
        LabCommand::List(arguments) => commands::list(arguments.json),
        LabCommand::Shell { node, lab } => commands::shell(lab.name.as_deref(), &node),
        LabCommand::Exec { node, lab, command } => {
            commands::exec(lab.name.as_deref(), &node, &command)
        }
        LabCommand::Lsrctl {
            router,
            lab,
            arguments,
        } => commands::lsrctl(lab.name.as_deref(), &router, &arguments),
        LabCommand::Capture(arguments) => commands::capture(&arguments),
        LabCommand::Stop { name, all } => commands::stop(name.as_deref(), all),
    };
    result.unwrap_or_else(|error| fail(&error))
}

/// Prints an error with its remedy.
fn fail(error: &LabError) -> ExitCode {
    let mut text = String::new();
    let theme = if console::colors_enabled_stderr() {
        miette::GraphicalTheme::unicode()
    } else {
        miette::GraphicalTheme::unicode_nocolor()
    };
    let handler = miette::GraphicalReportHandler::new_themed(theme);
    match handler.render_report(&mut text, error) {
        Ok(()) => eprintln!("{text}"),
        Err(_) => eprintln!("{error}"),
    }
    ExitCode::FAILURE
}
