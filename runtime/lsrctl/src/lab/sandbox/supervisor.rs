//! The lab's own processes: the supervisor outside and the first process inside of its PID
//! namespace.
//!
//! ```text
//! lsrctl lab run (front) ── socket pair ── lsrctl lab sandbox (supervisor)
//!                                             └─ first process of a new PID namespace
//!                                                  └─ switches, lsrds, commands
//! ```
//!
//! Nothing can outlive the lab: when the front process goes away, by whatever signal, its end of
//! the socket pair closes and the first process exits; when the supervisor dies the kernel kills
//! the first process (`PR_SET_PDEATHSIG`); and when the first process dies the kernel kills every
//! other process of the PID namespace (pid_namespaces(7)), and with the last process go the
//! network namespaces, their interfaces and the temporary file system on the lab's `/run`.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Uid, fork, getegid, geteuid, setsid};

use super::init;
use super::privileges;
use super::protocol::{Failure, Reply, answer};

/// Where the lab's first process mounts its temporary file system, by preference.
const RUN_DIRECTORIES: [&str; 3] = ["/run", "/mnt", "/srv"];

/// What the supervisor is told on its command line.
#[derive(Debug, Clone, clap::Args)]
pub struct SandboxArgs {
    /// Make a user namespace even when root.
    #[arg(long)]
    pub rootless: bool,
    /// A file to remove when the lab ends.
    #[arg(long)]
    pub record: Option<PathBuf>,
    /// Folders that have to stay visible in the lab.
    #[arg(long)]
    pub visible: Vec<PathBuf>,
}

/// Runs the supervisor. Its standard input is the socket to the front process.
pub(crate) fn run(arguments: SandboxArgs) -> ExitCode {
    let control = match take_standard_input() {
        Ok(control) => control,
        Err(error) => {
            eprintln!("lsrctl lab sandbox is for lsrctl itself to run: {error}");
            return ExitCode::FAILURE;
        }
    };
    // A session of its own: Ctrl-C in the terminal goes to the front process alone, which takes
    // the lab down in order.
    let _ = setsid();
    match start(&arguments, &control) {
        Ok(code) => code,
        Err(failure) => {
            answer(&control, &Reply::Failed(failure), &[]);
            ExitCode::FAILURE
        }
    }
}

/// Moves the control socket away from descriptor 0, so that children do not inherit it.
fn take_standard_input() -> io::Result<OwnedFd> {
    let control = io::stdin().as_fd().try_clone_to_owned()?;
    nix::sys::socket::getsockopt(&control, nix::sys::socket::sockopt::SockType)?;
    let null = fs::File::open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    Ok(control)
}

fn start(arguments: &SandboxArgs, control: &OwnedFd) -> Result<ExitCode, Failure> {
    let user_namespace = arguments.rootless || !privileges::may_make_namespaces();
    if user_namespace {
        enter_user_namespace()?;
    }
    let flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC;
    unshare(flags).map_err(|error| {
        Failure::new(
            "making mount, PID and network namespaces (unshare)",
            &error.into(),
        )
    })?;

    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    signals.add(Signal::SIGCHLD);
    signals
        .thread_block()
        .map_err(|error| Failure::new("sigprocmask", &error.into()))?;
    // SAFETY: this process has one thread, so the child may do what any process may.
    match unsafe { fork() }.map_err(|error| Failure::new("fork", &error.into()))? {
        ForkResult::Child => {
            let _ = signals.thread_unblock();
            first_process(arguments, control)
        }
        ForkResult::Parent { child } => {
            answer(
                control,
                &Reply::Started {
                    init: child.as_raw(),
                },
                &[],
            );
            Ok(supervise(child, &signals, arguments.record.as_deref()))
        }
    }
}

/// A user namespace in which this user is root (user_namespaces(7)).
fn enter_user_namespace() -> Result<(), Failure> {
    let (uid, gid) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER)
        .map_err(|error| Failure::new("making a user namespace (unshare)", &error.into()))?;
    let write = |file: &str, text: String| {
        fs::write(file, text)
            .map_err(|error| Failure::new(format!("mapping the user (writing {file})"), &error))
    };
    write("/proc/self/setgroups", "deny".into())?;
    write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    write("/proc/self/gid_map", format!("0 {gid} 1"))
}

/// Waits for the end of the first process, and ends it on SIGTERM.
fn supervise(init: nix::unistd::Pid, signals: &SigSet, record: Option<&Path>) -> ExitCode {
    // The kernel lets go of the first process only when all others of its PID namespace are gone.
    while let Ok(WaitStatus::StillAlive) = waitpid(init, Some(WaitPidFlag::WNOHANG)) {
        if let Ok(Signal::SIGTERM) = signals.wait() {
            let _ = kill(init, Signal::SIGKILL);
        }
    }
    if let Some(record) = record {
        let _ = fs::remove_file(record);
        // The folders of the records (`p4lsr/labs`) go with the last record: one that is not empty
        // stays.
        for folder in record.ancestors().skip(1).take(2) {
            let _ = fs::remove_dir(folder);
        }
    }
    ExitCode::SUCCESS
}

fn first_process(arguments: &SandboxArgs, control: &OwnedFd) -> ! {
    let result = prepare(arguments).and_then(|run_directory| init::serve(control, &run_directory));
    if let Err(failure) = result {
        answer(control, &Reply::Failed(failure), &[]);
        std::process::exit(1);
    }
    std::process::exit(0)
}

/// Gives the lab a mount namespace of its own with an empty `/run`.
fn prepare(arguments: &SandboxArgs) -> Result<PathBuf, Failure> {
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(|error| Failure::new("prctl", &error.into()))?;
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .map_err(|error| Failure::new("making the lab's mounts private (mount)", &error.into()))?;
    // Where an outer container hides parts of /proc the kernel refuses a new one; the outer one
    // works as well, it only shows the outer process numbers.
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let _ = mount(Some("proc"), "/proc", Some("proc"), flags, none);
    let run = RUN_DIRECTORIES
        .iter()
        .map(Path::new)
        .find(|run| run.is_dir() && !arguments.visible.iter().any(|path| path.starts_with(run)))
        .ok_or_else(|| Failure {
            action: "looking for a folder for the lab's run-time files".into(),
            errno: None,
            detail: format!("none of {} is free", RUN_DIRECTORIES.join(", ")),
        })?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(
        Some("p4lsr-lab"),
        run,
        Some("tmpfs"),
        flags,
        Some("mode=0755"),
    )
    .map_err(|error| {
        Failure::new(
            format!("mounting a tmpfs on {}", run.display()),
            &error.into(),
        )
    })?;
    debug_assert!(Uid::effective().is_root());
    Ok(run.to_owned())
}
