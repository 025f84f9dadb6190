//! Network namespaces for tests of their own.

use std::process::{Command, Stdio};

const INSIDE: &str = "LSRD_TEST_INSIDE_NAMESPACE";

/// True inside a namespace. Outside it runs the test of this name inside one.
pub(crate) fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let unshare = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(arguments);
        command
    };
    let root = nix::unistd::geteuid().is_root();
    let arguments: &[&str] = match root {
        true => &["--net"],
        false => &["--user", "--map-root-user", "--net"],
    };
    // Making a TAP is what is needed; `true` alone would not tell of a closed /dev/net/tun.
    let probe = unshare(arguments)
        .args(["sh", "-c", "exec 3<>/dev/net/tun"])
        .stderr(Stdio::piped())
        .output();
    match probe {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            println!("skipped: no network namespace with TAPs can be made here: {reason}");
            return false;
        }
        Err(error) => {
            println!("skipped: unshare cannot be run: {error}");
            return false;
        }
    }
    let status = unshare(arguments)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "{test} failed inside the namespace");
    false
}

/// Runs a test to its end.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test);
}
