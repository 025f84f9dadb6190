//! A program with its P4Info and entries from files.

use std::path::{Path, PathBuf};

use bmv2_json::Document;
use clap::Args;
use p4_switch::p4runtime::{PreloadError, Service};
use p4_switch::{LoadError, Switch};
use p4runtime_proto::convert;
use p4runtime_proto::p4::v1::WriteRequest;

/// The files of a program.
#[derive(Debug, Args)]
pub(super) struct ProgramArguments {
    /// The program, the BMv2 JSON of the compiler.
    #[arg(value_name = "PROGRAM.json")]
    program: Option<PathBuf>,

    /// The P4Info that the compiler wrote with the program, in text format. With it P4Runtime
    /// clients find the program there; without it they set it anew.
    #[arg(long, value_name = "FILE", requires = "program")]
    p4info: Option<PathBuf>,

    /// Entries to start with: a p4.v1.WriteRequest in text format, or as JSON if the name ends in
    /// .json.
    #[arg(long, value_name = "FILE", requires = "p4info")]
    entries: Option<PathBuf>,
}

/// Why a program cannot be started with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    /// A file cannot be read.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The program cannot be run.
    #[error("{} cannot be run: {reason}", path.display())]
    Load {
        /// The program.
        path: PathBuf,
        /// Why not.
        reason: LoadError,
    },
    /// The program does not fit its P4Info, or an entry does not fit the program.
    #[error("{}: {reason}", path.display())]
    Preload {
        /// The file that is wrong.
        path: PathBuf,
        /// What is wrong with it.
        reason: PreloadError,
    },
}

fn read(path: &Path) -> Result<Vec<u8>, ProgramError> {
    std::fs::read(path).map_err(|error| wrong(path, error))
}

fn read_text(path: &Path) -> Result<String, ProgramError> {
    std::fs::read_to_string(path).map_err(|error| wrong(path, error))
}

fn wrong(path: &Path, reason: impl std::fmt::Display) -> ProgramError {
    ProgramError::File {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

impl ProgramArguments {
    /// The program that is named, if one is.
    pub(super) fn path(&self) -> Option<&Path> {
        self.program.as_deref()
    }

    /// Loads the program into a switch and, with a P4Info, into its server; nothing if none is
    /// named.
    pub(super) async fn load(
        &self,
        switch: &Switch,
        service: &Service,
    ) -> Result<(), ProgramError> {
        let Some(path) = &self.program else {
            return Ok(());
        };
        let json = read(path)?;
        let document = Document::from_json(&json)
            .map_err(|error| wrong(path, format!("not a BMv2 JSON: {error}")))?;
        let Some(p4info_path) = &self.p4info else {
            return switch.load(&document).map_err(|reason| ProgramError::Load {
                path: path.clone(),
                reason,
            });
        };
        let p4info = convert::p4info_from_text(&read_text(p4info_path)?)
            .map_err(|error| wrong(p4info_path, error))?;
        let entries = self.entries.as_deref();
        let request = entries.map(read_entries).transpose()?.unwrap_or_default();
        let loaded = service.preload(p4info, json, &request.updates).await;
        loaded.map_err(|reason| {
            let at = match (&reason, entries) {
                (PreloadError::Entry { .. }, Some(entries)) => entries,
                _ => path,
            };
            ProgramError::Preload {
                path: at.to_owned(),
                reason,
            }
        })
    }
}

fn read_entries(path: &Path) -> Result<WriteRequest, ProgramError> {
    let text = read_text(path)?;
    let json = path.extension().is_some_and(|ending| ending == "json");
    let request = if json {
        convert::from_json(&text)
    } else {
        convert::from_text(&text)
    };
    request.map_err(|error| wrong(path, error))
}
