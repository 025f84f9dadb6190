//! The program as a process: errors of its command line, and its end.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use assert_cmd::prelude::*;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use predicates::prelude::*;
use predicates::str::contains;

const PATIENCE: Duration = Duration::from_secs(20);

fn p4_switch() -> Command {
    Command::new(env!("CARGO_BIN_EXE_p4-switch"))
}

#[test]
fn an_interface_that_is_not_there_is_an_error_that_says_what_to_do() {
    p4_switch()
        .args(["--grpc", "127.0.0.1:0", "--port", "1=nothere0"])
        .assert()
        .failure()
        .stderr(contains("`nothere0`").and(contains("ip link")));
}

#[test]
fn ports_that_contradict_each_other_are_an_error() {
    p4_switch()
        .args(["--port", "1=eth1", "--port", "1=eth2"])
        .assert()
        .failure()
        .stderr(contains(
            "--port 1@eth2: interface eth1 has this number already",
        ));
}

#[test]
fn the_version_is_told_as_by_simple_switch_grpc() {
    for arguments in [&["-v"][..], &["--version"], &["prog.json", "-v"]] {
        let version = concat!("p4-switch ", env!("CARGO_PKG_VERSION"));
        p4_switch()
            .args(arguments)
            .assert()
            .success()
            .stdout(contains(version));
    }
}

#[test]
fn modules_of_bmv2_are_refused_by_name() {
    p4_switch()
        .args(["--load-modules", "libcounter.so", "prog.json"])
        .assert()
        .failure()
        .stderr(contains("--load-modules is not supported").and(contains("extern")));
}

/// A client may take any of the addresses of the host.
#[test]
fn it_listens_on_a_host_by_its_name() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut child = p4_switch()
        .args(["--no-p4", "--", "--grpc-server-addr"])
        .arg(format!("localhost:{}", address.port()))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while std::net::TcpStream::connect(address).is_err() {
        assert!(start.elapsed() < PATIENCE, "the switch does not listen");
        assert!(child.try_wait().unwrap().is_none(), "the switch has ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_host_without_address_is_an_error() {
    p4_switch()
        .args(["--grpc", "nothere.invalid:9559"])
        .assert()
        .failure()
        .stderr(contains("cannot listen on nothere.invalid:9559"));
}

#[test]
fn an_address_that_is_in_use_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    p4_switch()
        .args(["--grpc", &address])
        .assert()
        .failure()
        .stderr(contains(format!("cannot listen on {address}")).and(contains("--grpc")));
}

#[test]
fn it_ends_on_sigterm_and_sigint_and_leaves_no_socket() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("p4-switch.sock");
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut child = p4_switch()
            .arg("--grpc")
            .arg(format!("unix:{}", socket.display()))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let start = Instant::now();
        while !socket.exists() {
            assert!(start.elapsed() < PATIENCE, "the switch does not listen");
            assert!(child.try_wait().unwrap().is_none(), "the switch has ended");
            std::thread::sleep(Duration::from_millis(20));
        }
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        let status = child.wait().unwrap();
        assert!(status.success(), "{signal}: {status}");
        assert!(!socket.exists(), "{signal}");
    }
}
