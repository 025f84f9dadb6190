//! The programs and source files that a lab is made of.

use std::env;
use std::path::{Path, PathBuf};

use super::error::LabError;

/// The P4 program in the source tree.
const P4_PROGRAM: &str = "p4/mpls.p4";

/// Where the lab's programs and sources are.
#[derive(Debug, Clone)]
pub struct Programs {
    /// lsrctl itself.
    pub lsrctl: PathBuf,
    /// The folder of lsrctl, in which the other programs of p4lsr are looked for first.
    pub folder: PathBuf,
    /// The source tree: holds `p4/`, `hw-profiles/` and `labs/`.
    pub source: PathBuf,
}

impl Programs {
    /// The programs beside this process's own file; `source` overrides the search for the sources.
    pub fn beside_this_program(source: Option<PathBuf>) -> Result<Self, LabError> {
        let own = env::current_exe().map_err(LabError::io("looking for lsrctl's own file"))?;
        let folder = own.parent().map(Path::to_owned).unwrap_or_default();
        Ok(Self {
            lsrctl: own,
            source: find_source(source, &folder)?,
            folder,
        })
    }

    /// The programs in a folder of a build, for a process that is not lsrctl.
    pub fn in_folder(folder: &Path, source: PathBuf) -> Self {
        Self {
            lsrctl: folder.join("lsrctl"),
            folder: folder.to_owned(),
            source,
        }
    }

    /// A program of p4lsr.
    pub fn own(&self, name: &str) -> Result<PathBuf, LabError> {
        find(name, Some(&self.folder)).ok_or_else(|| LabError::ProgramNotFound {
            program: name.into(),
            searched: format!("beside lsrctl in {}, and on PATH", self.folder.display()),
            remedy: "build all of p4lsr: `cargo build --release`".into(),
        })
    }

    /// A program of somebody else, on PATH.
    pub fn foreign(&self, name: &str, remedy: &str) -> Result<PathBuf, LabError> {
        find(name, None).ok_or_else(|| LabError::ProgramNotFound {
            program: name.into(),
            searched: "on PATH".into(),
            remedy: remedy.into(),
        })
    }

    /// The P4 program.
    pub fn p4_program(&self) -> PathBuf {
        self.source.join(P4_PROGRAM)
    }

    /// A hardware profile by its name.
    pub fn profile(&self, name: &str) -> PathBuf {
        self.source.join("hw-profiles").join(format!("{name}.toml"))
    }
}

fn find(name: &str, first: Option<&Path>) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    first
        .map(Path::to_owned)
        .into_iter()
        .chain(env::split_paths(&path))
        .map(|folder| folder.join(name))
        .find(|file| nix::unistd::access(file, nix::unistd::AccessFlags::X_OK).is_ok())
}

/// The source tree: the one that is named, or above lsrctl's own file (`target/release/lsrctl`),
/// or above the current directory, or where lsrctl was built.
fn find_source(named: Option<PathBuf>, folder: &Path) -> Result<PathBuf, LabError> {
    let holds_program = |folder: &Path| folder.join(P4_PROGRAM).is_file();
    let absolute = |folder: &Path| {
        folder
            .canonicalize()
            .map_err(LabError::io("the source tree"))
    };
    if let Some(named) = named {
        return if holds_program(&named) {
            absolute(&named)
        } else {
            Err(LabError::SourceNotFound)
        };
    }
    let current = env::current_dir().unwrap_or_default();
    let built = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder
        .ancestors()
        .chain(current.ancestors())
        .chain(built.ancestors())
        .find(|folder| holds_program(folder))
        .map_or(Err(LabError::SourceNotFound), absolute)
}
