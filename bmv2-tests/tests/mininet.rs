//! The switch class for Mininet (`bmv2-tests/mininet`) and its topology, where Mininet is installed.

use std::process::{Command, Output};

use bmv2_tests::{programs, source};

fn text(output: &Output) -> String {
    [&output.stdout[..], &output.stderr]
        .map(String::from_utf8_lossy)
        .concat()
}

/// Runs a command in namespaces of its own, where nothing of Mininet's stays; `None`, with the
/// reason, where they cannot be made or the command is not there.
fn in_namespaces(command: &mut Command) -> Option<Output> {
    match command.output() {
        Ok(output) if output.status.success() => Some(output),
        Ok(output) => {
            println!("skipped: {}", text(&output).trim());
            None
        }
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

#[test]
fn hosts_on_a_p4_switch_ping_each_other() {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--net", "--mount", "--pid", "--fork", "--mount-proc"]);
        command
    };
    // Mininet refuses who is not root; its modules are those of the system's Python.
    let mut probe = unshare();
    probe.args(["/usr/bin/python3", "-c", "import mininet.net"]);
    if in_namespaces(&mut probe).is_none() {
        return;
    }
    let programs = programs();
    let mininet = source().join("bmv2-tests/mininet");
    let directory = tempfile::tempdir().expect("a directory");
    let (json, p4info) = (
        directory.path().join("l2.json"),
        directory.path().join("l2.p4info.txtpb"),
    );
    let compiled = Command::new(programs.folder.join("p4-compiler"))
        .arg(mininet.join("l2.p4"))
        .arg("-o")
        .arg(&json)
        .arg("--p4runtime-files")
        .arg(&p4info)
        .output()
        .expect("the compiler is built");
    assert!(compiled.status.success(), "{}", text(&compiled));
    let output = unshare()
        .arg("sh")
        .args(["-c", "ip link set lo up; exec \"$@\"", "sh"])
        .args(["timeout", "120", "/usr/bin/python3"])
        .arg(mininet.join("pair.py"))
        .arg(programs.folder.join("p4-switch"))
        .args([&json, &p4info])
        .output()
        .expect("unshare ran before");
    let shown = text(&output);
    assert!(output.status.success(), "{shown}");
    assert!(
        shown.contains("0.0 % lost, 1000000 bytes by TCP"),
        "{shown}"
    );
}
