//! `p4-compiler`: compiles P4-16 for v1model to P4Info and BMv2 JSON.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, ValueEnum};
use clap_complete::Shell;
use p4_compiler::{
    Compiled, Define, Options, Report, Severity, Source, WarningAction, WarningClass, WarningRule,
    profile,
};
use p4runtime_proto::convert;
use p4runtime_proto::p4::config::v1::P4Info;
use prost::Message;

/// Compiles a P4-16 program for the v1model architecture.
///
/// core.p4 and v1model.p4 are built in; `-I` may bring others. Without `-o` and
/// `--p4runtime-files` the program is only checked. The flags are those of p4c-bm2-ss.
#[derive(Debug, Parser)]
#[command(name = "p4-compiler", version)]
#[command(after_help = "Examples:
  p4-compiler router.p4
      checks a program
  p4-compiler router.p4 -o router.json --p4runtime-files router.p4info.txtpb
      writes the BMv2 JSON for the switch and the P4Info for the controller
  p4-compiler mpls.p4 --profile hw-profiles/p4-switch.toml -DTRACE -o mpls.json
      takes table sizes and stack depths from a hardware profile
  p4-compiler router.p4 --Wdisable=unused --Werror=uninitialized-use
      unused declarations are fine, reading what was never written is an error

Classes of warnings: unused, uninitialized-use, uninitialized-out-param, invalid-header,
unreachable, parser-transition, keys, mismatch, ignore-prop, invalid, unsupported.
The annotation @noWarn(\"CLASS\") keeps a declaration out of one of them.")]
struct Cli {
    /// The program.
    #[arg(value_name = "FILE", required_unless_present = "completions")]
    program: Option<PathBuf>,

    /// Looks for included files in this directory, too.
    #[arg(short = 'I', value_name = "DIRECTORY")]
    include: Vec<PathBuf>,

    /// Defines a macro; without a value it is 1.
    #[arg(short = 'D', value_name = "NAME[=VALUE]")]
    define: Vec<String>,

    /// Undefines a macro; -D and -U count in their order.
    #[arg(short = 'U', value_name = "NAME")]
    undefine: Vec<String>,

    /// Defines macros by a hardware profile: `ilm = 4096` in its table [sizes] becomes
    /// ILM_SIZE=4096, a key of [depths] ends in _DEPTH, one of [ports] in _PORT. -D and -U come
    /// after it.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,

    /// Writes the BMv2 JSON to this file.
    #[arg(short = 'o', value_name = "FILE")]
    output: Option<PathBuf>,

    /// Writes the P4Info to these files, in the format that the name ends in: .txtpb and .txt
    /// (text), .json or .bin.
    #[arg(
        long,
        value_name = "FILE,...",
        value_delimiter = ',',
        value_parser = p4info_file
    )]
    p4runtime_files: Vec<P4InfoFile>,

    /// The version of the language.
    #[arg(long, value_enum, default_value = "p4-16")]
    std: Language,

    /// The target; there is only this one.
    #[arg(long, value_enum, default_value = "bmv2")]
    target: Target,

    /// The architecture; there is only this one.
    #[arg(long, value_enum, default_value = "v1model")]
    arch: Architecture,

    /// Does not show the warnings of a class, or of all. Of --Wdisable, --Wwarn and --Werror the
    /// last one for a class counts.
    #[arg(long = "Wdisable", value_name = "CLASS", num_args = 0..=1, require_equals = true,
          default_missing_value = ALL)]
    disable: Vec<String>,

    /// Shows the warnings of a class, or of all.
    #[arg(long = "Wwarn", value_name = "CLASS", num_args = 0..=1, require_equals = true,
          default_missing_value = ALL)]
    warn: Vec<String>,

    /// Makes the warnings of a class errors, or all.
    #[arg(long = "Werror", value_name = "CLASS", num_args = 0..=1, require_equals = true,
          default_missing_value = ALL)]
    error: Vec<String>,

    /// Prints the completions of this command for a shell and does nothing else.
    #[arg(long, value_name = "SHELL")]
    completions: Option<Shell>,

    /// Prints the preprocessed program and does nothing else.
    #[arg(short = 'E')]
    preprocess: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Language {
    #[value(name = "p4-16", alias = "p4_16", alias = "16")]
    P4_16,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Target {
    Bmv2,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Architecture {
    V1model,
}

/// The value of --Wdisable, --Wwarn and --Werror without a class.
const ALL: &str = "all";

#[derive(Debug, Clone)]
struct P4InfoFile {
    path: PathBuf,
    format: P4InfoFormat,
}

#[derive(Debug, Clone, Copy)]
enum P4InfoFormat {
    Text,
    Json,
    Binary,
}

fn p4info_file(name: &str) -> Result<P4InfoFile, String> {
    let path = PathBuf::from(name);
    let format = match path.extension().and_then(|extension| extension.to_str()) {
        Some("txtpb" | "txt") => P4InfoFormat::Text,
        Some("json") => P4InfoFormat::Json,
        Some("bin") => P4InfoFormat::Binary,
        _ => return Err("the name must end in .txtpb, .txt, .json or .bin".to_owned()),
    };
    Ok(P4InfoFile { path, format })
}

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match run(&cli, &matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure) => ExitCode::FAILURE,
    }
}

/// What is wrong was said already.
struct Failure;

/// Says what is wrong where no place of the program is to be shown.
fn fail(message: impl Display) -> Failure {
    eprintln!("error: {message}");
    Failure
}

fn run(cli: &Cli, matches: &ArgMatches) -> Result<(), Failure> {
    if let Some(shell) = cli.completions {
        clap_complete::generate(
            shell,
            &mut Cli::command(),
            "p4-compiler",
            &mut std::io::stdout(),
        );
        return Ok(());
    }
    let Some(program) = &cli.program else {
        return Err(fail("there is no program to compile"));
    };
    let options = options(cli, matches)?;
    let source = Source::File(program.clone());
    if cli.preprocess {
        let text = p4_compiler::preprocess(&source, &options).map_err(|reports| show(&reports))?;
        print!("{text}");
        return Ok(());
    }
    let Compiled {
        p4info,
        bmv2,
        warnings,
    } = p4_compiler::compile(&source, &options).map_err(|reports| show(&reports))?;
    show(&warnings);
    if let Some(path) = &cli.output {
        write(path, bmv2.to_json().as_bytes())?;
    }
    for file in &cli.p4runtime_files {
        write(&file.path, &encode(&p4info, file.format)?)?;
    }
    Ok(())
}

fn options(cli: &Cli, matches: &ArgMatches) -> Result<Options, Failure> {
    let mut defines = match &cli.profile {
        Some(path) => profile::load(path).map_err(fail)?,
        None => Vec::new(),
    };
    // -D and -U, and the flags for warnings, count in the order in which they stand.
    let positions = |name: &str| matches.indices_of(name).into_iter().flatten();
    let mut rules = Vec::new();
    for (name, classes, action) in [
        ("disable", &cli.disable, WarningAction::Ignore),
        ("warn", &cli.warn, WarningAction::Warn),
        ("error", &cli.error, WarningAction::Error),
    ] {
        for (position, class) in positions(name).zip(classes) {
            let class: Option<WarningClass> = match class.as_str() {
                ALL => None,
                class => Some(class.parse().map_err(fail)?),
            };
            rules.push((position, WarningRule { class, action }));
        }
    }
    rules.sort_by_key(|(position, _)| *position);
    let defined = cli.define.iter().cloned().map(Define::Define);
    let undefined = cli.undefine.iter().cloned().map(Define::Undefine);
    let mut ordered: Vec<(usize, Define)> = positions("define")
        .zip(defined)
        .chain(positions("undefine").zip(undefined))
        .collect();
    ordered.sort_by_key(|(position, _)| *position);
    defines.extend(ordered.into_iter().map(|(_, define)| define));
    Ok(Options {
        include_directories: cli.include.clone(),
        defines,
        warnings: rules.into_iter().map(|(_, rule)| rule).collect(),
    })
}

/// Shows errors and warnings, and how many errors there are.
fn show(reports: &[Report]) -> Failure {
    for report in reports {
        eprintln!("{:?}", miette::Report::new(report.clone()));
    }
    let errors = reports
        .iter()
        .filter(|report| report.level() == Severity::Error)
        .count();
    match errors {
        0 => {}
        1 => eprintln!("error: one error; no file was written"),
        errors => eprintln!("error: {errors} errors; no file was written"),
    }
    Failure
}

fn encode(p4info: &P4Info, format: P4InfoFormat) -> Result<Vec<u8>, Failure> {
    let encoded = match format {
        P4InfoFormat::Text => convert::p4info_to_text(p4info).map(String::into_bytes),
        P4InfoFormat::Json => convert::to_json(p4info).map(String::into_bytes),
        P4InfoFormat::Binary => Ok(p4info.encode_to_vec()),
    };
    encoded.map_err(|error| fail(format!("cannot write the P4Info: {error}")))
}

fn write(path: &Path, contents: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, contents)
        .map_err(|error| fail(format!("cannot write {}: {error}", path.display())))
}
