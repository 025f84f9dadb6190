//! A lab leaves nothing behind, however it ends. The labs here have no routers, so that only the
//! lab itself is tested: two hosts on one link, and pings that would take minutes.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const LSRCTL: &str = env!("CARGO_BIN_EXE_lsrctl");

/// A folder of its own for the topology and the records of one test.
struct Place {
    folder: tempfile::TempDir,
    name: String,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("{name}-{}", std::process::id());
        let topology = format!(
            "name = \"{name}\"\n\
             [[host]]\nname = \"h1\"\n[[host]]\nname = \"h2\"\n[[link]]\n\
             a = {{ node = \"h1\", interface = \"eth1\", addresses = [\"10.1.0.1/24\"] }}\n\
             b = {{ node = \"h2\", interface = \"eth1\", addresses = [\"10.1.0.2/24\"] }}\n"
        );
        fs::write(folder.path().join("lab.toml"), topology).unwrap();
        Self { folder, name }
    }

    fn runtime(&self) -> PathBuf {
        self.folder.path().join("runtime")
    }

    fn lsrctl(&self, arguments: &[&str]) -> Command {
        fs::create_dir_all(self.runtime()).unwrap();
        let mut command = Command::new(LSRCTL);
        command
            .arg("lab")
            .args(arguments)
            .env("XDG_RUNTIME_DIR", self.runtime());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.lsrctl(arguments).output().unwrap()
    }

    fn topology(&self) -> String {
        self.folder.path().join("lab.toml").display().to_string()
    }

    /// A lab whose pings go on for minutes.
    fn start(&self) -> Owner<'_> {
        let topology = self.topology();
        let record = ["--keep", "--count", "10000"];
        let mut arguments = vec!["run", &topology];
        arguments.extend(record);
        let child = self.lsrctl(&arguments).spawn().unwrap();
        Owner { place: self, child }
    }

    /// The processes of this test's labs: the supervisor's command line names the record.
    fn processes(&self) -> Vec<Pid> {
        let marker = format!("{}.json", self.name);
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&line).contains(&marker) {
                found.extend(
                    entry
                        .file_name()
                        .to_str()
                        .unwrap()
                        .parse()
                        .map(Pid::from_raw),
                );
            }
        }
        found
    }

    fn nothing_is_left(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.processes().is_empty() {
            assert!(Instant::now() < deadline, "{:?} are left", self.processes());
            std::thread::sleep(Duration::from_millis(20));
        }
        let left: Vec<_> = fs::read_dir(self.runtime()).unwrap().flatten().collect();
        assert!(left.is_empty(), "{left:?} is left");
        let interfaces = fs::read_to_string("/proc/net/dev").unwrap();
        assert!(
            !interfaces.contains("eth1@") && !interfaces.contains("a0:"),
            "{interfaces}"
        );
    }
}

struct Owner<'a> {
    place: &'a Place,
    child: Child,
}

impl Owner<'_> {
    /// Waits until the pings run; `None` when this machine allows no lab.
    fn pinging(&mut self) -> Option<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut text = String::new();
        let mut octet = [0];
        let output = self.child.stderr.as_mut().unwrap();
        while !text.contains("sending pings") {
            assert!(Instant::now() < deadline, "{text}");
            if output.read(&mut octet).unwrap() == 0 {
                println!("skipped: {text}");
                return None;
            }
            text.push(char::from(octet[0]));
        }
        assert_eq!(self.place.processes().len(), 2);
        Some(())
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

#[test]
fn ctrl_c_and_other_polite_signals_take_the_lab_down() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let place = Place::new("polite");
        let mut owner = place.start();
        let Some(()) = owner.pinging() else { return };
        owner.signal(signal);
        assert_eq!(owner.exit_code(), Some(130));
        place.nothing_is_left();
    }
}

#[test]
fn a_killed_owner_takes_the_lab_along() {
    let place = Place::new("killed");
    let mut owner = place.start();
    let Some(()) = owner.pinging() else { return };
    owner.signal(Signal::SIGKILL);
    assert_eq!(owner.exit_code(), None);
    place.nothing_is_left();
}

#[test]
fn a_killed_supervisor_or_first_process_ends_the_lab_with_an_error() {
    for victim in [0, 1] {
        let place = Place::new("victim");
        let mut owner = place.start();
        let Some(()) = owner.pinging() else { return };
        let mut processes = place.processes();
        processes.sort();
        kill(processes[victim], Signal::SIGKILL).unwrap();
        assert_eq!(owner.exit_code(), Some(1));
        place.nothing_is_left();
    }
}

#[test]
fn a_failure_in_the_middle_leaves_nothing() {
    let place = Place::new("failure");
    // A router that is not in its host's subnet: the kernel refuses the host's default route when
    // all namespaces and links are made.
    let text = fs::read_to_string(place.topology()).unwrap();
    let text = text.replace(
        "[[host]]\nname = \"h2\"",
        "[[router]]\nname = \"h2\"\nrouter-id = \"1.1.1.1\"",
    );
    let text = text.replace("10.1.0.2/24", "10.9.0.2/24");
    fs::write(place.topology(), text).unwrap();
    let output = place.run(&["run", &place.topology(), "--keep"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    if !error.contains("default route of h1") {
        // This machine stops the lab at an earlier step.
        println!("skipped: {error}");
    }
    place.nothing_is_left();
}

#[test]
fn a_kept_lab_can_be_entered_listed_and_stopped() {
    let place = Place::new("kept");
    let output = place.run(&["run", &place.topology(), "--keep", "--count", "1", "--json"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() != Some(0) {
        assert!(said.contains("namespace"), "{said}");
        println!("skipped: {said}");
        return;
    }
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ok"], true);
    assert_eq!(report["pings"][0]["received"], 1);
    assert!(said.contains(&format!("lab stop {}", place.name)), "{said}");

    let inside = place.run(&["exec", "h1", "--", "cat", "/proc/net/dev"]);
    let devices = String::from_utf8_lossy(&inside.stdout).into_owned();
    assert!(
        devices.contains("eth1:") && inside.status.success(),
        "{inside:?}"
    );
    let code = place
        .run(&["exec", "h2", "--", "sh", "-c", "exit 42"])
        .status
        .code();
    assert_eq!(code, Some(42));
    let wrong = place.run(&["exec", "h9", "--", "true"]);
    let error = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(error.contains("h9") && error.contains("h1, h2"), "{error}");
    let list = String::from_utf8(place.run(&["list"]).stdout).unwrap();
    assert!(list.contains(&place.name), "{list}");
    let second = place.run(&["run", &place.topology()]);
    assert!(String::from_utf8_lossy(&second.stderr).contains("is running already"));

    let mut capture = place.lsrctl(&["capture", "h2:eth1"]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    // The kernel asks for an address that is not there with broadcast ARP requests.
    let script = "exec 3<>/dev/udp/10.1.0.77/9 && echo x >&3";
    place.run(&["exec", "h1", "--", "bash", "-c", script]);
    let mut lines = BufReader::new(capture.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("ARP")));
    kill(Pid::from_raw(capture.id().cast_signed()), Signal::SIGKILL).unwrap();
    capture.wait().unwrap();

    let stop = place.run(&["stop"]);
    assert!(stop.status.success(), "{stop:?}");
    place.nothing_is_left();
    assert_eq!(place.run(&["stop"]).status.code(), Some(1));
}

#[test]
fn a_wrong_topology_is_refused_with_its_line() {
    let place = Place::new("wrong");
    let text = fs::read_to_string(place.topology()).unwrap();
    fs::write(
        place.topology(),
        text.replace("node = \"h2\"", "node = \"h3\""),
    )
    .unwrap();
    let output = place.run(&["run", &place.topology()]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    for part in ["no host or router \"h3\"", "lab.toml:8", "h1, h2"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(!Path::new(&place.runtime()).join("p4lsr").exists());
}
