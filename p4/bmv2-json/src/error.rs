//! What can be wrong with a document.

use crate::document::{EMITTED_VERSION, MAX_MINOR_VERSION};

/// Why a text is not a BMv2 JSON document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not JSON.
    #[error("not JSON: line {line}, column {column}: {reason}")]
    Syntax {
        /// Line of the error, from 1.
        line: usize,
        /// Column of the error, from 1.
        column: usize,
        /// What the JSON parser expected.
        reason: String,
    },
    /// The text is JSON, but what stands at `path` is not what BMv2's format has there.
    #[error("not BMv2 JSON: at {path}: {reason}")]
    Shape {
        /// Where in the document, as `pipelines[0].tables[2].key`; `.` is the whole document.
        path: String,
        /// What was expected.
        reason: String,
    },
    /// `__meta__.version` is one that this crate does not know.
    #[error(
        "BMv2 JSON version {major}.{minor} is not supported: the major version must be {}, \
         the minor version at most {MAX_MINOR_VERSION}; compile the program with a p4c that \
         writes {}.{}",
        EMITTED_VERSION[0], EMITTED_VERSION[0], EMITTED_VERSION[1]
    )]
    Version {
        /// Major version of the document.
        major: u32,
        /// Minor version of the document.
        minor: u32,
    },
}
