//! Processes that are measured.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::time::ClockId;
use nix::unistd::Pid;

/// How long processes have to do nothing to count as done, and how little nothing is.
const QUIET: Duration = Duration::from_millis(600);
const LITTLE: Duration = Duration::from_millis(4);
const PATIENCE: Duration = Duration::from_secs(300);

/// A process with the lines that it writes. Dropping it ends the process.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    lines: Arc<Mutex<Vec<(Instant, String)>>>,
}

/// What processes have used.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    /// Of the processors.
    pub(crate) time: Duration,
    /// Resident memory in kB; of a difference, its growth.
    pub(crate) memory: u64,
    /// Resident memory in kB; of a difference, that at its end.
    pub(crate) resident: u64,
}

impl Process {
    pub(crate) fn start(name: &'static str, mut command: Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let lines: Arc<Mutex<Vec<_>>> = Arc::default();
        let told = Arc::clone(&lines);
        let errors = child.stderr.take().expect("a pipe");
        std::thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                let mut lines = told.lock().expect("nothing panics with it");
                lines.push((Instant::now(), line));
            }
        });
        Self { name, child, lines }
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id() as i32)
    }

    /// What it wrote since, with when that was.
    pub(crate) fn lines(&self, since: Instant) -> Vec<(Instant, String)> {
        let lines = self.lines.lock().expect("nothing panics with it");
        let new = lines.iter().filter(|(when, _)| *when >= since);
        new.cloned().collect()
    }

    /// Itself and what it started.
    pub(crate) fn family(&self) -> Vec<Pid> {
        let mut all = vec![self.pid()];
        let children = format!("/proc/{0}/task/{0}/children", self.pid());
        let children = fs::read_to_string(children).unwrap_or_default();
        let children = children
            .split_whitespace()
            .filter_map(|pid| pid.parse().ok());
        all.extend(children.map(Pid::from_raw));
        all
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = kill(self.pid(), Signal::SIGTERM);
        let begin = Instant::now();
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            if begin.elapsed() > Duration::from_secs(5) {
                eprintln!("{} is killed", self.name);
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What these processes have used.
pub(crate) fn used(pids: &[Pid]) -> Used {
    let each = pids.iter().map(|pid| {
        let memory = memory(*pid);
        Used {
            time: ClockId::pid_cpu_clock_id(*pid)
                .and_then(ClockId::now)
                .map_or(Duration::ZERO, Duration::from),
            memory,
            resident: memory,
        }
    });
    each.fold(Used::default(), |sum, one| Used {
        time: sum.time + one.time,
        memory: sum.memory + one.memory,
        resident: sum.resident + one.resident,
    })
}

fn memory(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    number.unwrap_or(0)
}

/// Waits until these processes do nothing any more.
pub(crate) fn wait_until_quiet(pids: &[Pid]) {
    let begin = Instant::now();
    let mut before = used(pids).time;
    loop {
        std::thread::sleep(QUIET);
        let now = used(pids).time;
        if now.saturating_sub(before) < LITTLE {
            return;
        }
        before = now;
        assert!(begin.elapsed() < PATIENCE, "the receiver is never done");
    }
}
