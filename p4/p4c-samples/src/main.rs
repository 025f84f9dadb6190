//! `p4c-samples`: holds p4-compiler and p4-switch against p4c's sample programs.
//!
//! p4c keeps its tests in a folder `testdata`: programs that must compile, programs that must be
//! refused, packets that a program must turn into others (STF), and the P4Info that p4c generates.
//! This program runs them all in this process and prints the score and the reasons.

mod programs;
mod run;
mod score;
mod stf;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use programs::Programs;
use score::Score;

/// Holds p4-compiler and p4-switch against p4c's sample programs and prints the score.
///
/// The samples are not part of this repository: clone https://github.com/p4lang/p4c and name its
/// folder `testdata`. The exit code is 0 if nothing came out wrong: every program that compiles
/// loads in p4-switch, does with its packets what its STF file says and has the P4Info that p4c
/// generates, and no program makes the compiler panic. Programs that are refused with a reason are no failure; the reason is
/// shown.
#[derive(Debug, Parser)]
#[command(name = "p4c-samples", version)]
#[command(after_help = "Examples:
  p4c-samples p4c/testdata
  p4c-samples p4c/testdata --only issue561 --reasons
  p4c-samples p4c/testdata --json > score.json")]
struct Cli {
    /// p4c's folder `testdata`: it holds p4_16_samples, p4_16_samples_outputs and p4_16_errors.
    #[arg(value_name = "TESTDATA")]
    testdata: PathBuf,

    /// Takes only the programs whose file name contains this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,

    /// Lists the programs that were refused, each with the reason, not only the count of each
    /// reason.
    #[arg(long)]
    reasons: bool,

    /// Prints all results as JSON instead of tables.
    #[arg(long)]
    json: bool,

    /// How many programs are run at a time; as many as there are processors if not given.
    #[arg(long, short = 'j', value_name = "COUNT")]
    jobs: Option<std::num::NonZeroUsize>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let programs = match Programs::find(&cli.testdata, cli.only.as_deref()) {
        Ok(programs) => programs,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    let jobs = cli
        .jobs
        .or_else(|| std::thread::available_parallelism().ok())
        .map_or(1, std::num::NonZeroUsize::get);
    let score = Score::new(run::all(&programs, jobs));
    if cli.json {
        println!("{}", score.to_json());
    } else {
        score.print(cli.reasons);
    }
    if score.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
