//! What can go wrong in a lab, each with what the operator can do about it.

use std::io;
use std::path::PathBuf;

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

use super::sandbox::SandboxError;

/// An error of `lsrctl lab`.
#[derive(Debug, Error, Diagnostic)]
pub enum LabError {
    /// The topology file is wrong.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Topology(#[from] Box<TopologyError>),

    /// A file could not be read or written.
    #[error("{action} {path}: {source}", path = path.display())]
    File {
        /// What was tried: "reading", "writing".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },

    /// A program that the lab needs is not there.
    #[error("{program} was not found ({searched})")]
    #[diagnostic(help("{remedy}"))]
    ProgramNotFound {
        /// Its name.
        program: String,
        /// Where it was looked for.
        searched: String,
        /// How to get it.
        remedy: String,
    },

    /// The P4 source tree is not there.
    #[error("p4/mpls.p4 was found neither above lsrctl's own file nor above the current directory")]
    #[diagnostic(help(
        "run lsrctl from inside a checkout of p4lsr, or name its folder with --source DIR"
    ))]
    SourceNotFound,

    /// The P4 compiler refused the program.
    #[error("compiling {source_file} failed ({status}):\n{output}", source_file = source_file.display())]
    Compile {
        /// The P4 program.
        source_file: PathBuf,
        /// How the compiler ended.
        status: String,
        /// What it printed.
        output: String,
    },

    /// The namespaces, links or processes could not be made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Sandbox(#[from] SandboxError),

    /// Not every router came up in time.
    #[error("the lab did not come up within {seconds} s:\n{report}")]
    #[diagnostic(help(
        "on a slow or loaded machine a longer --timeout may be all it needs; \
         --keep-on-failure leaves the lab up to look around"
    ))]
    NotReady {
        /// The time that was allowed.
        seconds: u64,
        /// What is missing, router by router, with the ends of their logs.
        report: String,
    },

    /// A process of the lab ended by itself.
    #[error("{process} of {node} ended ({status}); the end of its log:\n{log}")]
    ProcessEnded {
        /// The router.
        node: String,
        /// The program.
        process: String,
        /// Its exit status or the signal that killed it.
        status: String,
        /// The last lines of its log.
        log: String,
    },

    /// A node, interface or process is asked for that the lab does not have.
    #[error("the lab has no {what} {name:?}; it has {known}")]
    Unknown {
        /// "node", "interface", "process".
        what: &'static str,
        /// The word that was given.
        name: String,
        /// What could have been said.
        known: String,
    },

    /// There is no running lab of that name.
    #[error("no lab named {name} is up")]
    #[diagnostic(help(
        "`lsrctl lab list` shows those that are; `lsrctl lab run --keep` leaves one up"
    ))]
    NotRunning {
        /// The lab's name.
        name: String,
    },

    /// There is no running lab at all.
    #[error("no lab is up")]
    #[diagnostic(help("`lsrctl lab run --keep` starts one and leaves it up"))]
    NoneRunning,

    /// There are several labs, and none was named.
    #[error("several labs are up: {known}")]
    #[diagnostic(help("name one of them: --lab NAME, or `lsrctl lab stop NAME`"))]
    WhichLab {
        /// Their names.
        known: String,
    },

    /// A lab of that name runs already.
    #[error("a lab named {name} is running already (supervisor process {pid})")]
    #[diagnostic(help(
        "`lsrctl lab stop {name}` ends it; --name NAME starts a second one beside it"
    ))]
    AlreadyRunning {
        /// The lab's name.
        name: String,
        /// Its supervisor.
        pid: u32,
    },

    /// lsrd did not answer, or not as expected, on its management socket.
    #[error("asking lsrd of {router}: {detail}")]
    Management {
        /// The router.
        router: String,
        /// The error of the connection or of the answer.
        detail: String,
    },

    /// A system call of the lab's own sockets failed.
    #[error("{action}: {source}")]
    Io {
        /// What was tried.
        action: String,
        /// The kernel's answer.
        source: io::Error,
    },

    /// Ctrl-C, or SIGTERM or SIGHUP.
    #[error("interrupted: the lab has been taken down")]
    Interrupted,
}

impl LabError {
    /// Gives a `map_err` closure that says what was tried.
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }
}

/// A fault in a topology file, with its place.
#[derive(Debug, Error, Diagnostic)]
#[error("{message}")]
pub struct TopologyError {
    /// What is wrong.
    pub message: String,
    /// The file.
    #[source_code]
    pub source_code: NamedSource<String>,
    /// Where in the file.
    #[label("here")]
    pub span: Option<SourceSpan>,
    /// What to do.
    #[help]
    pub remedy: Option<String>,
}
