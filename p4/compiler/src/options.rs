//! What to compile, and how.

use std::path::PathBuf;

use crate::warning::WarningRule;

/// The program to compile.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file. `#include "..."` looks in its directory first.
    File(PathBuf),
    /// A text that is in no file.
    Text {
        /// The name that stands for it in errors and in the output.
        name: String,
        /// The text.
        text: String,
    },
}

/// How to compile.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The directories where `#include` looks, in this order (`-I`). core.p4 and v1model.p4 are
    /// built in and found last.
    pub include_directories: Vec<PathBuf>,
    /// Macros defined and undefined before the program, in this order (`-D`, `-U`).
    pub defines: Vec<Define>,
    /// What is done with warnings (`--Wdisable`, `--Wwarn`, `--Werror`).
    pub warnings: Vec<WarningRule>,
}

/// A macro of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Define {
    /// `NAME` or `NAME=VALUE`.
    Define(String),
    /// `NAME`.
    Undefine(String),
}
