//! Running a program inside of a lab that another process started: `lsrctl lab exec` and `shell`.

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use nix::sched::{CloneFlags, setns, unshare};

use super::protocol::Failure;

/// A lab's namespaces, to be entered.
#[derive(Debug)]
pub struct Entrance {
    /// The first process of the lab's PID namespace, as seen from here.
    pub init: i32,
    /// The lab's run directory as the lab sees it.
    pub run: PathBuf,
}

impl Entrance {
    /// Enters the lab's user, mount and PID namespaces and the network namespace of `node`. The
    /// process must have one thread only (setns(2) asks for it).
    pub fn enter(&self, node: &str) -> Result<(), Failure> {
        let file = |name: &str| {
            let path = format!("/proc/{}/ns/{name}", self.init);
            File::open(&path).map_err(|error| Failure::new(format!("opening {path}"), &error))
        };
        let namespaces = [
            (file("user")?, CloneFlags::CLONE_NEWUSER, "user"),
            (file("mnt")?, CloneFlags::CLONE_NEWNS, "mnt"),
            (file("ipc")?, CloneFlags::CLONE_NEWIPC, "ipc"),
            (file("pid")?, CloneFlags::CLONE_NEWPID, "pid"),
        ];
        let network = self.network(node)?;
        let folder = std::env::current_dir().ok();
        for (namespace, kind, name) in namespaces {
            // Entering one's own user namespace is an error (setns(2)).
            if name == "user" && same_namespace(&namespace, name) {
                continue;
            }
            enter(&namespace, kind, name)?;
        }
        enter(&network, CloneFlags::CLONE_NEWNET, "net")?;
        let _ = super::network::mount_sysfs();
        // A shell's prompt shows the host name. It is a nicety: the lab works without.
        if unshare(CloneFlags::CLONE_NEWUTS).is_ok() {
            let _ = nix::unistd::sethostname(node);
        }
        // A new mount namespace starts at its root.
        if let Some(folder) = folder {
            let _ = std::env::set_current_dir(folder);
        }
        Ok(())
    }

    /// Enters the lab's user namespace and the network namespace of `node` only: the file system
    /// stays this process's own.
    pub fn enter_network(&self, node: &str) -> Result<(), Failure> {
        let user = File::open(format!("/proc/{}/ns/user", self.init))
            .map_err(|error| Failure::new("opening the lab's user namespace", &error))?;
        let network = self.network(node)?;
        if !same_namespace(&user, "user") {
            enter(&user, CloneFlags::CLONE_NEWUSER, "user")?;
        }
        enter(&network, CloneFlags::CLONE_NEWNET, "net")
    }

    /// A node's network namespace, through the root directory of the lab's first process: the
    /// file is mounted in the lab's mount namespace only.
    fn network(&self, node: &str) -> Result<File, Failure> {
        let run = self.run.strip_prefix("/").unwrap_or(&self.run);
        let root = Path::new("/proc").join(self.init.to_string()).join("root");
        let path = root.join(run).join("netns").join(node);
        File::open(&path)
            .map_err(|error| Failure::new(format!("opening {}", path.display()), &error))
    }

    /// Enters the lab and runs a program there to its end; gives its exit code, or 128 and the
    /// signal that ended it, as a shell does.
    pub fn run(
        &self,
        node: &str,
        program: &Path,
        arguments: &[String],
        environment: &[(String, String)],
    ) -> Result<ExitCode, Failure> {
        self.enter(node)?;
        // Not exec: only a child is inside of the PID namespace that was entered.
        let status = Command::new(program)
            .args(arguments)
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .status()
            .map_err(|error| Failure::new(format!("starting {}", program.display()), &error))?;
        let code = status
            .code()
            .or_else(|| status.signal().map(|signal| 128 + signal));
        Ok(code
            .and_then(|code| u8::try_from(code).ok())
            .map_or(ExitCode::FAILURE, ExitCode::from))
    }
}

fn enter(namespace: &File, kind: CloneFlags, name: &str) -> Result<(), Failure> {
    setns(namespace, kind).map_err(|error| {
        Failure::new(
            format!("entering the lab's {name} namespace"),
            &error.into(),
        )
    })
}

fn same_namespace(other: &File, name: &str) -> bool {
    use std::os::unix::fs::MetadataExt;
    let own = std::fs::metadata(format!("/proc/self/ns/{name}"));
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    match (own.map(identity), other.metadata().map(identity)) {
        (Ok(own), Ok(other)) => own == other,
        (Err(_), _) | (_, Err(_)) => false,
    }
}

/// Turns the failure to enter into an I/O error, for callers without more to say.
impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        Self::other(format!("{}: {}", failure.action, failure.detail))
    }
}
