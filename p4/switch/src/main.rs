//! `p4-switch`: a software switch for programs in BMv2 JSON, under P4Runtime.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
