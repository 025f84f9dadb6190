//! The first process of the lab's PID namespace: makes namespaces, sockets and processes for the
//! front process, and waits for every process that ends.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::network;
use super::protocol::{Failure, ProcessStatus, Reply, Request, answer, receive};

/// How long a process that has ended may wait to be noticed, in milliseconds.
const REAP_INTERVAL_MS: u8 = 100;

/// Serves requests until the front process goes away.
pub(super) fn serve(control: &OwnedFd, run_directory: &Path) -> Result<(), Failure> {
    let own = File::open("/proc/self/ns/net")
        .map_err(|error| Failure::new("opening /proc/self/ns/net", &error))?;
    let run = File::open(run_directory)
        .map_err(|error| Failure::new("opening the run directory", &error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("starting the runtime", &error))?;
    let mut init = Init {
        run_directory: run_directory.to_owned(),
        own_namespace: own.into(),
        namespaces: HashMap::new(),
        ended: HashMap::new(),
        runtime,
        detached: false,
    };
    answer(control, &Reply::Ready, &[run.as_fd()]);
    loop {
        init.reap();
        let mut events = [PollFd::new(control.as_fd(), PollFlags::POLLIN)];
        let watched = if init.detached {
            &mut events[..0]
        } else {
            &mut events[..]
        };
        match poll(watched, PollTimeout::from(REAP_INTERVAL_MS)) {
            Ok(0) | Err(nix::Error::EINTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(Failure::new("poll", &error.into())),
        }
        match receive::<Request>(control.as_fd()) {
            Ok((request, descriptors)) => init.handle(control, request, descriptors),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(Failure::new("reading a request", &error)),
        }
    }
}

struct Init {
    run_directory: PathBuf,
    own_namespace: OwnedFd,
    namespaces: HashMap<String, OwnedFd>,
    ended: HashMap<i32, ProcessStatus>,
    runtime: tokio::runtime::Runtime,
    detached: bool,
}

impl Init {
    fn reap(&mut self) {
        loop {
            let (pid, status) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, ProcessStatus::Exited(code)),
                Ok(WaitStatus::Signaled(pid, signal, _)) => {
                    (pid, ProcessStatus::Signalled(signal as i32))
                }
                Ok(WaitStatus::StillAlive) | Err(_) => return,
                Ok(_) => continue,
            };
            self.ended.insert(pid.as_raw(), status);
        }
    }

    fn handle(&mut self, control: &OwnedFd, request: Request, descriptors: Vec<OwnedFd>) {
        let mut socket = None;
        let result = match request {
            Request::Build(plan) => self.build(&plan).map(|()| Reply::Done),
            Request::Socket {
                node,
                domain,
                kind,
                protocol,
            } => self.socket(&node, domain, kind, protocol).map(|made| {
                socket = Some(made);
                Reply::Done
            }),
            Request::Spawn {
                node,
                arguments,
                environment,
                log,
            } => self
                .spawn(&node, &arguments, environment, log, descriptors)
                .map(|pid| Reply::Spawned { pid }),
            Request::Status { pid } => {
                self.reap();
                let status = self
                    .ended
                    .get(&pid)
                    .copied()
                    .unwrap_or(ProcessStatus::Running);
                Ok(Reply::Status(status))
            }
            Request::Signal { pid, signal } => self.signal(pid, signal).map(|()| Reply::Done),
            Request::SetLink {
                node,
                interface,
                up,
            } => self.set_link(&node, &interface, up).map(|()| Reply::Done),
            Request::Detach => {
                self.detached = true;
                Ok(Reply::Done)
            }
        };
        let reply = result.unwrap_or_else(Reply::Failed);
        let beside: Vec<BorrowedFd<'_>> = socket.iter().map(AsFd::as_fd).collect();
        answer(control, &reply, &beside);
    }

    fn namespace(&self, node: &str) -> Result<&OwnedFd, Failure> {
        self.namespaces.get(node).ok_or_else(|| Failure {
            action: "looking for a namespace".into(),
            errno: None,
            detail: format!("the lab has no node {node:?}"),
        })
    }

    /// Does something inside of a node's network namespace.
    fn within<T>(
        &self,
        node: &str,
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        enter(self.namespace(node)?, node)?;
        let result = work();
        enter(&self.own_namespace, "the lab itself")?;
        result
    }

    fn build(&mut self, plan: &super::protocol::Plan) -> Result<(), Failure> {
        let directory = self.run_directory.join("netns");
        fs::create_dir_all(&directory)
            .map_err(|error| Failure::new("making the netns folder", &error))?;
        for node in &plan.nodes {
            let made = network::make_namespace(&directory.join(&node.name));
            enter(&self.own_namespace, "the lab itself")?;
            self.namespaces.insert(node.name.clone(), made?);
            let files = self.run_directory.join("p4lsr").join(&node.name);
            fs::create_dir_all(&files)
                .map_err(|error| Failure::new("making a router's folder", &error))?;
            self.within(&node.name, || network::set_up_namespace(node))?;
        }
        let connect = |node: &str| self.within(node, network::Netlink::connect);
        let _guard = self.runtime.enter();
        let mut handles = HashMap::new();
        for node in &plan.nodes {
            handles.insert(node.name.as_str(), connect(&node.name)?);
        }
        let own = network::Netlink::connect()?;
        for (number, link) in plan.links.iter().enumerate() {
            let mut ends = Vec::new();
            for end in &link.ends {
                let namespace = self.namespace(&end.node)?;
                ends.push((end, namespace.as_fd()));
            }
            self.runtime
                .block_on(own.make_link(number, link.mtu, &ends))?;
            for end in &link.ends {
                self.within(&end.node, || network::set_up_interface(end))?;
                if let Some(handle) = handles.get(end.node.as_str()) {
                    self.runtime.block_on(handle.configure(end))?;
                }
            }
        }
        for node in &plan.nodes {
            if let Some(handle) = handles.get(node.name.as_str()) {
                self.runtime.block_on(handle.finish(node))?;
            }
        }
        Ok(())
    }

    fn set_link(&self, node: &str, interface: &str, up: bool) -> Result<(), Failure> {
        let _guard = self.runtime.enter();
        let handle = self.within(node, network::Netlink::connect)?;
        self.runtime.block_on(handle.set_link(interface, up))
    }

    fn socket(
        &self,
        node: &str,
        domain: i32,
        kind: i32,
        protocol: i32,
    ) -> Result<OwnedFd, Failure> {
        self.within(node, || {
            socket2::Socket::new(domain.into(), kind.into(), Some(protocol.into()))
                .map(OwnedFd::from)
                .map_err(|error| Failure::new(format!("making a socket in {node}"), &error))
        })
    }

    fn spawn(
        &self,
        node: &str,
        arguments: &[String],
        environment: Vec<(String, String)>,
        log: Option<PathBuf>,
        mut descriptors: Vec<OwnedFd>,
    ) -> Result<i32, Failure> {
        let Some((program, rest)) = arguments.split_first() else {
            return Err(Failure {
                action: "starting a program".into(),
                errno: None,
                detail: "no program".into(),
            });
        };
        let action = || format!("starting {program} in {node}");
        let (out, error_out): (Stdio, Stdio) = match log {
            Some(log) => {
                let file = OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(self.run_directory.join(log))
                    .map_err(|error| Failure::new(action(), &error))?;
                let second = file
                    .try_clone()
                    .map_err(|error| Failure::new(action(), &error))?;
                (file.into(), second.into())
            }
            None => match (descriptors.pop(), descriptors.pop()) {
                (Some(error_out), Some(out)) => (out.into(), error_out.into()),
                _ => (Stdio::null(), Stdio::null()),
            },
        };
        let mut command = Command::new(program);
        command
            .args(rest)
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(error_out);
        // A child of the lab's processes must die with them, and signals meant for one program
        // must not reach another: a process group each.
        command.process_group(0);
        let prepare = || {
            let _ = network::mount_sysfs();
            Ok(())
        };
        // SAFETY: this process has one thread, so its child may do what any process may.
        unsafe { command.pre_exec(prepare) };
        self.within(node, || {
            // The child inherits the namespace that this process is in at the moment.
            command
                .spawn()
                .map_err(|error| Failure::new(action(), &error))
        })
        .map(|child| child.id().cast_signed())
    }

    fn signal(&mut self, pid: i32, signal: i32) -> Result<(), Failure> {
        self.reap();
        if pid <= 1 || self.ended.contains_key(&pid) {
            return Ok(());
        }
        let signal = Signal::try_from(signal)
            .map_err(|error| Failure::new("sending a signal", &error.into()))?;
        kill(Pid::from_raw(pid), signal).map_err(|error| {
            Failure::new(format!("sending {signal} to process {pid}"), &error.into())
        })
    }
}

fn enter(namespace: &OwnedFd, name: &str) -> Result<(), Failure> {
    setns(namespace, CloneFlags::CLONE_NEWNET).map_err(|error| {
        Failure::new(
            format!("entering the namespace of {name} (setns)"),
            &error.into(),
        )
    })
}
