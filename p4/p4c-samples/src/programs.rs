//! The programs of p4c's `testdata`, and what each is to be held against.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What P4Info for v1model says, also that of programs without any architecture.
const ARCHITECTURE: &str = "arch: \"v1model\"";

/// Why there is nothing to run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FindError {
    /// A folder cannot be read.
    #[error("cannot read {}: {source}; TESTDATA is the folder `testdata` of p4c", path.display())]
    Read {
        /// Its name.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// No program is left.
    #[error("no program in {} has a fitting name", .0.display())]
    Nothing(PathBuf),
}

/// A sample program.
#[derive(Debug)]
pub(crate) struct Program {
    /// The name of its file.
    pub(crate) name: String,
    /// Its file.
    pub(crate) path: PathBuf,
    /// Whether p4c refuses it, and a compiler must.
    pub(crate) must_fail: bool,
    /// Whether it is for v1model.
    pub(crate) v1model: bool,
    /// Its packets, if it is one of the programs that are run: for v1model, without header unions
    /// and externs of its own.
    pub(crate) stf: Option<PathBuf>,
    /// The P4Info for v1model that p4c generates of it.
    pub(crate) p4info: Option<PathBuf>,
}

/// The programs of a folder.
#[derive(Debug)]
pub(crate) struct Programs {
    /// The programs, by name; those that must be refused come last.
    pub(crate) list: Vec<Program>,
}

impl Programs {
    /// Finds the programs, or only those with `only` in their names.
    pub(crate) fn find(testdata: &Path, only: Option<&str>) -> Result<Self, FindError> {
        let mut list = Vec::new();
        for (folder, must_fail) in [("p4_16_samples", false), ("p4_16_errors", true)] {
            let folder = testdata.join(folder);
            for path in sources(&folder)? {
                let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                    continue;
                };
                if only.is_some_and(|only| !name.contains(only)) {
                    continue;
                }
                let name = name.to_owned();
                list.push(program(testdata, name, path, must_fail));
            }
        }
        if list.is_empty() {
            return Err(FindError::Nothing(testdata.to_owned()));
        }
        Ok(Self { list })
    }
}

fn program(testdata: &Path, name: String, path: PathBuf, must_fail: bool) -> Program {
    // What cannot be read is for the compiler to complain about.
    let text = read(&path).unwrap_or_default();
    let v1model = includes_v1model(&text, &path, &mut HashSet::new());
    let declares = |keyword: &str| {
        text.lines()
            .any(|line| line.trim_start().split([' ', '\t']).next() == Some(keyword))
    };
    let file = |path: PathBuf| path.is_file().then_some(path);
    let runs = v1model && !must_fail && !declares("header_union") && !declares("extern");
    let stf = runs.then(|| file(path.with_extension("stf"))).flatten();
    let golden = testdata
        .join("p4_16_samples_outputs")
        .join(format!("{name}.p4info.txtpb"));
    let for_v1model =
        |golden: &PathBuf| v1model || read(golden).is_ok_and(|text| text.contains(ARCHITECTURE));
    let p4info = file(golden).filter(|golden| !must_fail && for_v1model(golden));
    Program {
        name,
        path,
        must_fail,
        v1model,
        stf,
        p4info,
    }
}

/// The programs that stand in a folder, not in one below it, by name.
fn sources(folder: &Path) -> Result<Vec<PathBuf>, FindError> {
    let failed = |source| FindError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "p4") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The text of a program; the samples are not all UTF-8.
fn read(path: &Path) -> io::Result<String> {
    let bytes = fs::read(path)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether a program includes v1model.p4, maybe through files of its own.
fn includes_v1model(text: &str, path: &Path, seen: &mut HashSet<PathBuf>) -> bool {
    text.lines().any(|line| {
        let Some(rest) = line.trim_start().strip_prefix('#') else {
            return false;
        };
        let Some(rest) = rest.trim_start().strip_prefix("include") else {
            return false;
        };
        let Some(included) = rest.trim_start().strip_prefix(['<', '"']) else {
            return false;
        };
        let Some((included, _)) = included.split_once(['>', '"']) else {
            return false;
        };
        if Path::new(included)
            .file_name()
            .is_some_and(|name| name == "v1model.p4")
        {
            return true;
        }
        let included = path.with_file_name(included);
        if !seen.insert(included.clone()) {
            return false;
        }
        read(&included).is_ok_and(|text| includes_v1model(&text, &included, seen))
    })
}
