//! A set of network namespaces with processes in them that cannot outlive its owner.
//!
//! [`Sandbox`] is the owner's side. It needs no capability and no thread of its own: the
//! namespaces, sockets and processes are made by a child (`lsrctl lab sandbox`, see
//! `supervisor`), which hands sockets over the control socket. So the owner may have threads,
//! which a process that enters a user namespace may not.

pub mod enter;
mod init;
mod network;
pub(crate) mod privileges;
pub mod protocol;
mod supervisor;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use miette::Diagnostic;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, setsockopt, socketpair, sockopt};
use nix::sys::time::TimeVal;
use thiserror::Error;

use protocol::{Failure, Plan, ProcessStatus, Reply, Request};
pub use supervisor::SandboxArgs;
pub(crate) use supervisor::run as run_supervisor;

/// The longest that making namespaces, links or a process may take on a loaded machine.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// How often the owner looks whether the sandbox is still there.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// Why there is no sandbox, or why it did not do what it was asked for.
#[derive(Debug, Error, Diagnostic)]
pub enum SandboxError {
    /// The child process could not be started.
    #[error("starting {program}: {source}", program = program.display())]
    Start {
        /// lsrctl's own file.
        program: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The sandbox said that something did not work.
    #[error("{}: {}", .failure.action, .failure.detail)]
    #[diagnostic(help("{remedy}"))]
    Failed {
        /// What did not work.
        failure: Failure,
        /// What to do about it.
        remedy: String,
    },
    /// The sandbox went away or does not answer.
    #[error("the lab's first process is gone or does not answer ({source}){output}")]
    Gone {
        /// The error of the control socket.
        source: io::Error,
        /// What the child wrote to its standard error.
        output: String,
    },
}

/// How to make a sandbox.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// The lsrctl program.
    pub lsrctl: PathBuf,
    /// Make a user namespace even when root.
    pub rootless: bool,
    /// A file that the sandbox removes at its end.
    pub record: Option<PathBuf>,
    /// Folders that have to stay visible inside.
    pub visible: Vec<PathBuf>,
}

/// A running sandbox. Dropping it ends every process in it and waits until they are gone.
#[derive(Debug)]
pub struct Sandbox {
    control: Mutex<Option<OwnedFd>>,
    supervisor: Mutex<Option<Child>>,
    supervisor_pid: u32,
    init: i32,
    run: OwnedFd,
    output: Mutex<File>,
}

impl Sandbox {
    /// Makes a sandbox without any node.
    pub fn start(options: &SandboxOptions) -> Result<Self, SandboxError> {
        let failed = |source| SandboxError::Start {
            program: options.lsrctl.clone(),
            source,
        };
        let (control, theirs) = socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )
        .map_err(|error| failed(error.into()))?;
        let timeout = TimeVal::new(REQUEST_TIMEOUT.as_secs().cast_signed(), 0);
        setsockopt(&control, sockopt::ReceiveTimeout, &timeout)
            .map_err(|error| failed(error.into()))?;
        let output = tempfile::tempfile().map_err(failed)?;
        let mut command = Command::new(&options.lsrctl);
        command.args(["lab", "sandbox"]);
        if options.rootless {
            command.arg("--rootless");
        }
        if let Some(record) = &options.record {
            command.arg("--record").arg(record);
        }
        for path in &options.visible {
            command.arg("--visible").arg(path);
        }
        let child = command
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(output.try_clone().map_err(failed)?)
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        // The command holds the other end of the socket pair; without this its end of file
        // would never be seen.
        drop(command);
        let supervisor_pid = child.id();
        let mut half = Starting {
            control,
            child: Some(child),
            output,
        };
        // The supervisor and the first process speak each for itself, in either order.
        let (mut init, mut run) = (None, None);
        let (init, run) = loop {
            match half.receive()? {
                (Reply::Started { init: pid }, _) => init = Some(pid),
                (Reply::Ready, mut descriptors) => run = descriptors.pop(),
                _ => return Err(half.unexpected()),
            }
            if let (Some(init), Some(_)) = (init, &run)
                && let Some(run) = run.take()
            {
                break (init, run);
            }
        };
        let child = half.child.take();
        let control = half.control.try_clone().map_err(failed)?;
        let output = half.output.try_clone().map_err(failed)?;
        Ok(Self {
            control: Mutex::new(Some(control)),
            supervisor: Mutex::new(child),
            supervisor_pid,
            init,
            run,
            output: Mutex::new(output),
        })
    }

    /// Checks that the machine lets this user make the TAP interfaces that lsrd needs.
    pub fn check_tap_device(&self) -> Result<(), SandboxError> {
        privileges::check_tap_device()
            .map_err(|(failure, remedy)| SandboxError::Failed { failure, remedy })
    }

    /// Makes the namespaces, links and addresses.
    pub fn build(&self, plan: Plan) -> Result<(), SandboxError> {
        self.request(&Request::Build(plan), &[]).map(drop)
    }

    /// Makes a socket in a node's namespace. Whoever holds it may use it without any capability.
    pub fn socket(
        &self,
        node: &str,
        domain: i32,
        kind: i32,
        protocol: i32,
    ) -> Result<OwnedFd, SandboxError> {
        let request = Request::Socket {
            node: node.to_owned(),
            domain,
            kind,
            protocol,
        };
        let (_, mut descriptors) = self.request(&request, &[])?;
        descriptors
            .pop()
            .ok_or_else(|| self.gone(io::ErrorKind::InvalidData.into()))
    }

    /// Starts a program in a node's namespace with its output in a log file below the run
    /// directory.
    pub fn spawn_logged(
        &self,
        node: &str,
        arguments: Vec<String>,
        environment: Vec<(String, String)>,
        log: PathBuf,
    ) -> Result<i32, SandboxError> {
        let log = Some(log);
        let request = Request::Spawn {
            node: node.to_owned(),
            arguments,
            environment,
            log,
        };
        self.spawned(&request, &[])
    }

    /// Starts a program in a node's namespace with the given standard output and standard error.
    pub fn spawn(
        &self,
        node: &str,
        arguments: Vec<String>,
        output: BorrowedFd<'_>,
        error_output: BorrowedFd<'_>,
    ) -> Result<i32, SandboxError> {
        let request = Request::Spawn {
            node: node.to_owned(),
            arguments,
            environment: Vec::new(),
            log: None,
        };
        self.spawned(&request, &[output, error_output])
    }

    fn spawned(
        &self,
        request: &Request,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<i32, SandboxError> {
        match self.request(request, descriptors)?.0 {
            Reply::Spawned { pid } => Ok(pid),
            _ => Err(self.gone(io::ErrorKind::InvalidData.into())),
        }
    }

    /// How a program does that was started here.
    pub fn status(&self, pid: i32) -> Result<ProcessStatus, SandboxError> {
        match self.request(&Request::Status { pid }, &[])?.0 {
            Reply::Status(status) => Ok(status),
            _ => Err(self.gone(io::ErrorKind::InvalidData.into())),
        }
    }

    /// Sends a program a signal (`libc::SIG*`). One that has ended already is no error.
    pub fn signal(&self, pid: i32, signal: i32) -> Result<(), SandboxError> {
        self.request(&Request::Signal { pid, signal }, &[])
            .map(drop)
    }

    /// Takes an interface up or down.
    pub fn set_link(&self, node: &str, interface: &str, up: bool) -> Result<(), SandboxError> {
        let (node, interface) = (node.to_owned(), interface.to_owned());
        self.request(
            &Request::SetLink {
                node,
                interface,
                up,
            },
            &[],
        )
        .map(drop)
    }

    /// The path of a file below the sandbox's `/run`, for this process.
    pub fn path(&self, below_run: impl AsRef<Path>) -> PathBuf {
        let own = format!("/proc/self/fd/{}", self.run.as_raw_fd());
        Path::new(&own).join(below_run)
    }

    /// The path of the sandbox's run directory as its own processes see it.
    pub fn inner_run(&self) -> PathBuf {
        // The magic link shows the path in the mount namespace that the descriptor came from.
        let own = format!("/proc/self/fd/{}", self.run.as_raw_fd());
        match std::fs::read_link(own) {
            Ok(path) if path != Path::new("/") => path,
            _ => PathBuf::from("/run"),
        }
    }

    /// The process id of the supervisor.
    pub fn supervisor(&self) -> u32 {
        self.supervisor_pid
    }

    /// The process id of the first process of the PID namespace, as seen from here.
    pub fn init(&self) -> i32 {
        self.init
    }

    /// Waits until the sandbox is gone, however that comes; gives the error that says so.
    pub async fn ended(&self) -> SandboxError {
        loop {
            // Process 0 does not exist: the question only asks for an answer.
            if let Err(error) = self.status(0) {
                return error;
            }
            tokio::time::sleep(WATCH_INTERVAL).await;
        }
    }

    /// Lets the sandbox run on after this process.
    pub fn detach(self) -> Result<(), SandboxError> {
        self.request(&Request::Detach, &[])?;
        *self
            .supervisor
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    fn request(
        &self,
        request: &Request,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(Reply, Vec<OwnedFd>), SandboxError> {
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(socket) = control.as_ref() else {
            return Err(self.gone(io::ErrorKind::NotConnected.into()));
        };
        let answer = protocol::send(socket.as_fd(), request, descriptors)
            .and_then(|()| protocol::receive(socket.as_fd()));
        match answer {
            Ok((Reply::Failed(failure), _)) => Err(failed(failure)),
            Ok(answer) => Ok(answer),
            Err(source) => Err(self.gone(source)),
        }
    }

    fn gone(&self, source: io::Error) -> SandboxError {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        SandboxError::Gone {
            source,
            output: written(&mut output),
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        *self.control.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let child = self
            .supervisor
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut child) = child {
            // It ends when the last process of the sandbox has ended.
            let _ = child.wait();
        }
    }
}

/// A sandbox that has not said yet that it is ready.
struct Starting {
    control: OwnedFd,
    child: Option<Child>,
    output: File,
}

impl Starting {
    fn receive(&mut self) -> Result<(Reply, Vec<OwnedFd>), SandboxError> {
        match protocol::receive(self.control.as_fd()) {
            Ok((Reply::Failed(failure), _)) => Err(failed(failure)),
            Ok(answer) => Ok(answer),
            Err(source) => Err(SandboxError::Gone {
                source,
                output: written(&mut self.output),
            }),
        }
    }

    fn unexpected(&mut self) -> SandboxError {
        let source = io::Error::new(io::ErrorKind::InvalidData, "an answer to another question");
        SandboxError::Gone {
            source,
            output: written(&mut self.output),
        }
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = nix::sys::socket::shutdown(
                self.control.as_raw_fd(),
                nix::sys::socket::Shutdown::Both,
            );
            let _ = child.wait();
        }
    }
}

fn failed(failure: Failure) -> SandboxError {
    let remedy = privileges::remedy(&failure);
    SandboxError::Failed { failure, remedy }
}

fn written(output: &mut File) -> String {
    let mut text = String::new();
    // What cannot be read back only makes the message shorter.
    if output.rewind().is_ok() {
        let _ = output.read_to_string(&mut text);
    }
    if text.is_empty() {
        text
    } else {
        format!("; it said:\n{}", text.trim_end())
    }
}
