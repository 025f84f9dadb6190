//! `lsrd`: the label switching router daemon.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use log_output::LogOutput;
use lsrd::config::{Config, ConfigError};
use lsrd::daemon::{self, DaemonError};
use tracing_subscriber::EnvFilter;

/// The label switching router daemon: makes a P4 switch forward by static LSPs, and gives it an
/// IP stack.
#[derive(Debug, Parser)]
#[command(name = "lsrd", version, max_term_width = 100)]
struct Cli {
    /// The configuration file (TOML). SIGHUP and `lsrctl reload` read it again.
    #[arg(long, value_name = "FILE", default_value = "/etc/p4lsr/lsrd.toml")]
    config: PathBuf,
    /// Check the configuration, tell everything that is wrong with it, and end.
    #[arg(long)]
    check: bool,
    /// What to log: error, warn, info, debug, trace, or as in RUST_LOG.
    #[arg(long, value_name = "LEVEL", env = "RUST_LOG", default_value = "info")]
    log_level: String,
    /// How to log.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// Remove the TAP interfaces at the end. Without this they stay, so that a restart of lsrd
    /// loses no packet.
    #[arg(long)]
    remove_interfaces_on_exit: bool,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.check {
        return check(&cli);
    }
    if let Err(error) = start_log(&cli) {
        eprintln!("lsrd: {error}");
        return ExitCode::from(2);
    }
    let options = daemon::Options {
        config: cli.config,
        remove_interfaces_on_exit: cli.remove_interfaces_on_exit,
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("lsrd: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(daemon::run(options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(DaemonError::Config(error)) => report(&error),
        Err(error) => {
            eprintln!("lsrd: {error}");
            ExitCode::FAILURE
        }
    }
}

fn check(cli: &Cli) -> ExitCode {
    match Config::load(&cli.config) {
        Ok(config) => {
            println!(
                "{}: {} interfaces, {} attachment circuits, {} static LSPs: no problem",
                config.path.display(),
                config.interfaces.len(),
                config.circuits.len(),
                config.static_lsps.len()
            );
            ExitCode::SUCCESS
        }
        Err(error) => report(&error),
    }
}

fn report(error: &ConfigError) -> ExitCode {
    eprint!("{}", error.report(std::io::stderr().is_terminal()));
    ExitCode::FAILURE
}

fn start_log(cli: &Cli) -> Result<(), String> {
    let filter = EnvFilter::try_new(&cli.log_level)
        .map_err(|error| format!("--log-level {}: {error}", cli.log_level))?;
    // A full disk behind it must not stop the router.
    let output = LogOutput::new(std::io::stderr());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || output.clone())
        .with_ansi(std::io::stderr().is_terminal());
    let started = match cli.log_format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    started.map_err(|error| format!("cannot log: {error}"))
}
