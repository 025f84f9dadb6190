//! `p4-switch`: a software switch for programs in BMv2 JSON, under P4Runtime.

mod cli;
mod grpc_arguments;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    match cli::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("p4-switch: {error}");
            ExitCode::FAILURE
        }
    }
}
