//! Labs that were left up (`--keep`): one small file each, removed by the lab's supervisor.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use serde::{Deserialize, Serialize};

use super::error::LabError;
use super::sandbox::enter::Entrance;

/// How long a lab may take to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// What is known of a lab that was left up.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Record {
    /// Its name.
    pub name: String,
    /// The process id of its supervisor.
    pub supervisor: u32,
    /// When the supervisor started, in clock ticks since the machine did: a number that tells
    /// it from a later process with the same id.
    pub supervisor_start: u64,
    /// The first process of its PID namespace.
    pub init: i32,
    /// Its run directory, as its own processes see it.
    pub run: PathBuf,
    /// Its nodes with their interfaces; routers have an lsrd.
    pub nodes: BTreeMap<String, NodeRecord>,
}

/// A node of a lab that was left up.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct NodeRecord {
    /// Whether it is a router.
    pub router: bool,
    /// Its interfaces.
    pub interfaces: Vec<String>,
}

impl Record {
    /// The file of a lab's record.
    pub(crate) fn file(name: &str) -> PathBuf {
        folder().join(format!("{name}.json"))
    }

    /// Reads the record of a running lab; `None` when there is none.
    pub(crate) fn read(name: &str) -> Option<Self> {
        read(&Self::file(name))
    }

    /// All labs that run, by name. Records of labs that are gone (the machine crashed) are removed.
    pub(crate) fn all() -> Vec<Self> {
        let mut records = Vec::new();
        for entry in fs::read_dir(folder()).into_iter().flatten().flatten() {
            match read(&entry.path()) {
                Some(record) => records.push(record),
                None => drop(fs::remove_file(entry.path())),
            }
        }
        records.sort_by(|one, other| one.name.cmp(&other.name));
        remove_empty_folders();
        records
    }

    /// The lab of that name, or the only one.
    pub(crate) fn pick(name: Option<&str>) -> Result<Self, LabError> {
        if let Some(name) = name {
            let not_running = || LabError::NotRunning {
                name: name.to_owned(),
            };
            return Self::read(name).ok_or_else(not_running);
        }
        let mut all = Self::all();
        match all.len() {
            0 => Err(LabError::NoneRunning),
            1 => Ok(all.remove(0)),
            _ => {
                let known: Vec<_> = all.iter().map(|record| record.name.as_str()).collect();
                Err(LabError::WhichLab {
                    known: known.join(", "),
                })
            }
        }
    }

    /// Writes the record.
    pub(crate) fn write(&self) -> Result<(), LabError> {
        let path = Self::file(&self.name);
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| LabError::io("writing the lab's record")(error.into()))?;
        fs::write(&path, text).map_err(|source| LabError::File {
            action: "writing",
            path,
            source,
        })
    }

    /// The way into the lab.
    pub(crate) fn entrance(&self) -> Entrance {
        Entrance {
            init: self.init,
            run: self.run.clone(),
        }
    }

    /// The management socket of a router's lsrd, as the lab sees it.
    pub(crate) fn socket(&self, router: &str) -> PathBuf {
        self.run.join("p4lsr").join(router).join("lsrd.sock")
    }

    /// Checks that the lab has a node.
    pub(crate) fn node(&self, name: &str) -> Result<&NodeRecord, LabError> {
        self.nodes.get(name).ok_or_else(|| LabError::Unknown {
            what: "node",
            name: name.to_owned(),
            known: self.nodes.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }

    /// Ends the lab and waits until it is gone.
    pub(crate) fn stop(&self) -> Result<(), LabError> {
        let action = || format!("stopping lab {}", self.name);
        let pid = Pid::from_raw(self.supervisor.cast_signed());
        kill(pid, Signal::SIGTERM).map_err(|error| LabError::io(action())(error.into()))?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        while self.is_running() {
            if Instant::now() > deadline {
                let timeout = std::io::ErrorKind::TimedOut.into();
                return Err(LabError::io(action())(timeout));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // Whoever ended it may have been faster than the supervisor.
        let _ = fs::remove_file(Self::file(&self.name));
        remove_empty_folders();
        Ok(())
    }

    fn is_running(&self) -> bool {
        start_time(self.supervisor) == Some(self.supervisor_start)
    }
}

fn read(path: &Path) -> Option<Record> {
    let text = fs::read_to_string(path).ok()?;
    let record: Record = serde_json::from_str(&text).ok()?;
    record.is_running().then_some(record)
}

/// When a process started (proc_pid_stat(5), field 22); `None` when it is gone, or only waits to
/// be reaped.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses, which may hold anything.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    if fields.first() == Some(&"Z") {
        return None;
    }
    fields.get(19)?.parse().ok()
}

/// The folder of the records, per user.
fn folder() -> PathBuf {
    base().join("labs")
}

fn base() -> PathBuf {
    let own = |path: &Path| {
        fs::metadata(path).is_ok_and(|metadata| metadata.uid() == Uid::effective().as_raw())
    };
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    if let Some(runtime) = runtime.filter(|path| own(path)) {
        return runtime.join("p4lsr");
    }
    if Uid::effective().is_root() && Path::new("/run").is_dir() {
        return PathBuf::from("/run/p4lsr");
    }
    env::temp_dir().join(format!("p4lsr-{}", Uid::effective()))
}

/// Makes the folder of the records, for this user's eyes only.
pub(crate) fn make_folder() -> Result<(), LabError> {
    let path = folder();
    let failed = |source| LabError::File {
        action: "making",
        path: path.clone(),
        source,
    };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&path)
        .map_err(failed)?;
    // In a folder that everybody may write to, somebody else may have been faster.
    let owner = fs::metadata(&path).map_err(failed)?.uid();
    if owner == Uid::effective().as_raw() {
        Ok(())
    } else {
        Err(failed(std::io::ErrorKind::PermissionDenied.into()))
    }
}

/// Removes the folders of the records when no lab is left. One that is in use stays.
pub(crate) fn remove_empty_folders() {
    if fs::remove_dir(folder()).is_ok() {
        let _ = fs::remove_dir(base());
    }
}
