//! A compiler from P4-16 for the v1model architecture to P4Info and BMv2 JSON.
//!
//! [`compile`] is the whole of it. [`analyse`] is the front end: it preprocesses, parses and checks
//! a program and gives the typed, resolved tree of [`hir`]. [`p4info`] makes P4Info of that tree,
//! and [`bmv2`] lowers it to BMv2 JSON.

pub mod bmv2;
mod check;
pub mod diagnostic;
pub mod hir;
mod lint;
pub mod options;
pub mod p4info;
mod preprocess;
pub mod profile;
pub mod source;
mod syntax;
pub mod warning;

use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use bmv2_json::Document;
use p4runtime_proto::p4::config::v1::P4Info;

pub use diagnostic::{Report, ReportLocation, Severity};
pub use options::{Define, Options, Source};
pub use warning::{WarningAction, WarningClass, WarningRule};

use diagnostic::{Diagnostic, Diagnostics};
use source::SourceMap;

/// A program that has no errors.
#[derive(Debug)]
pub struct Analysis {
    /// The typed, resolved tree.
    pub program: hir::Program,
    /// Where everything in it stands.
    pub sources: SourceMap,
    /// What is odd about it.
    pub warnings: Vec<Report>,
}

/// What a program compiles to.
#[derive(Debug)]
pub struct Compiled {
    /// What the control plane sees.
    pub p4info: P4Info,
    /// What the switch runs.
    pub bmv2: Document,
    /// What is odd about the program.
    pub warnings: Vec<Report>,
}

/// Compiles a program to P4Info and BMv2 JSON.
///
/// # Errors
///
/// As for [`analyse`]; besides, what the target or this compiler does not support.
pub fn compile(source: &Source, options: &Options) -> Result<Compiled, Vec<Report>> {
    let Analysis {
        program,
        sources,
        warnings,
    } = analyse(source, options)?;
    on_large_stack(|| {
        let generated = p4info::generate(&program);
        let lowered = bmv2::lower(&program, &sources);
        match (generated, lowered) {
            (Ok(p4info), Ok(bmv2)) => Ok(Compiled {
                p4info,
                bmv2,
                warnings,
            }),
            (generated, lowered) => {
                let mut diagnostics = Diagnostics::default();
                let errors = [generated.err(), lowered.err()];
                // Both may refuse the same construct.
                for error in errors.into_iter().flatten().flatten() {
                    diagnostics.push(error);
                }
                let errors = diagnostics.into_vec().into_iter();
                let reports = errors.map(|error| error.into_report(&sources));
                Err(warnings.into_iter().chain(reports).collect())
            }
        }
    })
}

/// The stack of the thread that compiles: enough for the nesting that the parser allows.
const STACK_SIZE: usize = 64 << 20;

/// Preprocesses, parses and checks a program.
///
/// # Errors
///
/// All errors and warnings of the program, in the order in which they came up. At least one of
/// them is an error.
pub fn analyse(source: &Source, options: &Options) -> Result<Analysis, Vec<Report>> {
    on_large_stack(|| {
        let mut diagnostics = Diagnostics::default();
        let sources = preprocess::preprocess(source, options, &mut diagnostics);
        let program = check_text(sources.text(), &mut diagnostics);
        if let Some(program) = &program {
            lint::lint(program, &mut diagnostics);
        }
        diagnostics.retain(|diagnostic| !is_built_in(diagnostic, &sources));
        diagnostics.apply(&options.warnings);
        let program = program.filter(|_| !diagnostics.has_errors());
        let reports: Vec<Report> = diagnostics
            .into_vec()
            .into_iter()
            .map(|diagnostic| diagnostic.into_report(&sources))
            .collect();
        match program {
            Some(program) => Ok(Analysis {
                program,
                sources,
                warnings: reports,
            }),
            None => Err(reports),
        }
    })
}

/// Whether it is a warning about the library: a program need not use all of it.
fn is_built_in(diagnostic: &Diagnostic, sources: &SourceMap) -> bool {
    !diagnostic.is_error()
        && diagnostic.file(sources).is_some_and(|file| {
            let name = Path::new(file).file_name().and_then(|name| name.to_str());
            matches!(name, Some("core.p4" | "v1model.p4"))
        })
}

/// The preprocessed program, with line markers as the C preprocessor writes them.
///
/// # Errors
///
/// As for [`analyse`].
pub fn preprocess(source: &Source, options: &Options) -> Result<String, Vec<Report>> {
    let mut diagnostics = Diagnostics::default();
    let sources = preprocess::preprocess(source, options, &mut diagnostics);
    if !diagnostics.has_errors() {
        return Ok(sources.text_with_line_markers());
    }
    let list = diagnostics.into_vec().into_iter();
    Err(list
        .map(|diagnostic| diagnostic.into_report(&sources))
        .collect())
}

/// Parses and checks a preprocessed program. A program with syntax errors is not checked: what
/// is left out of it would give errors that mean nothing.
fn check_text(text: &str, diagnostics: &mut Diagnostics) -> Option<hir::Program> {
    if diagnostics.has_errors() {
        return None;
    }
    let ast = syntax::parse(text, diagnostics);
    if diagnostics.has_errors() {
        return None;
    }
    check::check(&ast, diagnostics)
}

/// Runs a task on a thread with a large stack, for the passes over a program recurse.
fn on_large_stack<T: Send>(task: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("p4-compiler".to_owned())
            .stack_size(STACK_SIZE)
            .spawn_scoped(scope, task);
        match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            // Without memory for a thread there is none for a compiler either.
            Err(error) => panic!("cannot start the compiler's thread: {error}"),
        }
    })
}
