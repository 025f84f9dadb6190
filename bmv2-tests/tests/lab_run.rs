//! `lsrctl lab run` with routers: what the README promises.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bmv2_tests::{programs, skipped};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

fn lsrctl(runtime: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(&programs().lsrctl);
    command
        .args(arguments)
        .env("XDG_RUNTIME_DIR", runtime)
        .current_dir(bmv2_tests::source());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Whether the machine allows a lab at all; says why not.
fn possible(runtime: &Path) -> bool {
    let two = runtime.join("one.toml");
    fs::write(&two, "name = \"probe\"\n[[host]]\nname = \"h1\"\n").unwrap();
    let output = lsrctl(runtime, &["lab", "run", two.to_str().unwrap()])
        .output()
        .unwrap();
    fs::remove_file(two).unwrap();
    if output.status.success() {
        return true;
    }
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    skipped(words);
    false
}

/// Processes that have a word in their command line.
fn processes(word: &str) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(word) {
            found.extend(entry.file_name().to_str().unwrap().parse::<i32>());
        }
    }
    found
}

fn nothing_is_left(runtime: &Path, name: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    // The supervisor's command line names the record, and those of lsrd and p4-switch are in its
    // PID namespace: they are gone when it is.
    while !processes(&format!("{name}.json")).is_empty() {
        assert!(Instant::now() < deadline, "the lab's processes are left");
        std::thread::sleep(Duration::from_millis(50));
    }
    let left: Vec<_> = fs::read_dir(runtime).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_chain_forwards_and_says_how() {
    let runtime = tempfile::tempdir().unwrap();
    if !possible(runtime.path()) {
        return;
    }
    let svg = runtime.path().join("path.svg");
    let arguments = [
        "lab",
        "run",
        "--json",
        "--timeout",
        "120",
        "--name",
        "json-chain",
        "--svg",
    ];
    let mut command = lsrctl(runtime.path(), &arguments);
    let output = command.arg(&svg).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ok"], true);
    // LDP makes LSPs to all routers and links; the hosts' packets use four.
    let lsps = report["lsps"].as_array().unwrap();
    assert!(lsps.iter().all(|lsp| lsp["name"] == "LDP"), "{lsps:?}");
    let between_hosts = |lsp: &&Value| lsp["between-hosts"] == true;
    assert_eq!(lsps.iter().filter(between_hosts).count(), 4);
    let operations: Vec<_> = lsps
        .iter()
        .filter(between_hosts)
        .find(|lsp| lsp["fec"] == "10.2.0.0/24")
        .unwrap()["hops"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hop| {
            (
                hop["router"].as_str().unwrap(),
                hop["operation"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        operations,
        [
            ("pe1", "push"),
            ("p1", "swap"),
            ("p2", "pop"),
            ("pe2", "ip")
        ]
    );
    let pings = report["pings"].as_array().unwrap();
    assert_eq!(pings.len(), 4);
    assert!(
        pings
            .iter()
            .all(|ping| ping["received"] == 5 && ping["sent"] == 5),
        "{pings:?}"
    );
    for path in report["paths"].as_array().unwrap() {
        let links = path["links"].as_array().unwrap();
        let depths: Vec<_> = links
            .iter()
            .map(|link| link["labels"].as_array().unwrap().len())
            .collect();
        assert_eq!(depths, [0, 1, 1, 0, 0], "{path}");
    }
    assert_eq!(report["paths"].as_array().unwrap().len(), 2);
    assert!(fs::read_to_string(&svg).unwrap().starts_with("<svg"));
    fs::remove_file(svg).unwrap();
    nothing_is_left(runtime.path(), "json-chain");
}

#[test]
fn the_terminal_shows_table_pings_and_picture() {
    let runtime = tempfile::tempdir().unwrap();
    if !possible(runtime.path()) {
        return;
    }
    let arguments = [
        "lab",
        "run",
        "labs/chain-static.toml",
        "--timeout",
        "120",
        "--name",
        "text-chain",
        "--keep",
    ];
    let output = lsrctl(runtime.path(), &arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lsp = "pe1 push 100 → p1 swap 100/200 → p2 pop 200 → pe2 IP";
    for part in [
        lsp,
        "10.2.0.0/24",
        "0 %",
        "h1 ─",
        "═▶ p2",
        "│ 200 62 │",
        "│ IP  64 │",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    for part in [
        "pipeline loaded",
        "in sync",
        "lab shell h1",
        "lab stop text-chain",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    let ask = |arguments: &[&str]| {
        let output = lsrctl(runtime.path(), arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let ilm = ask(&["lab", "lsrctl", "p1", "show", "ilm", "--json"]);
    let ilm: Value = serde_json::from_str(&ilm).unwrap();
    let labels = ilm.to_string();
    for label in ["100", "102", "201", "203"] {
        assert!(labels.contains(label), "{labels}");
    }
    let capture = lsrctl(
        runtime.path(),
        &["lab", "capture", "p1:eth2", "--count", "1"],
    )
    .spawn()
    .unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let script = "exec 3<>/dev/udp/10.2.0.2/9 && echo x >&3";
    ask(&["lab", "exec", "h1", "--", "bash", "-c", script]);
    let seen = String::from_utf8(capture.wait_with_output().unwrap().stdout).unwrap();
    assert!(
        seen.contains("[200 tc 0 ttl 62 S] 10.1.0.2 > 10.2.0.2"),
        "{seen}"
    );
    ask(&["lab", "stop"]);
    nothing_is_left(runtime.path(), "text-chain");
}

#[test]
fn nothing_is_left_after_a_signal_while_routers_run() {
    for (signal, code) in [(Signal::SIGINT, Some(130)), (Signal::SIGKILL, None)] {
        let runtime = tempfile::tempdir().unwrap();
        if !possible(runtime.path()) {
            return;
        }
        let name = format!("signal-{}", signal as i32);
        let arguments = [
            "lab",
            "run",
            "--timeout",
            "120",
            "--name",
            &name,
            "--keep",
            "--count",
            "10000",
        ];
        let mut child = lsrctl(runtime.path(), &arguments).spawn().unwrap();
        let mut output = child.stderr.take().unwrap();
        let mut text = Vec::new();
        let mut octet = [0];
        while !String::from_utf8_lossy(&text).contains("sending pings") {
            assert_eq!(
                output.read(&mut octet).unwrap(),
                1,
                "{}",
                String::from_utf8_lossy(&text)
            );
            text.push(octet[0]);
        }
        kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), code);
        nothing_is_left(runtime.path(), &name);
    }
}
