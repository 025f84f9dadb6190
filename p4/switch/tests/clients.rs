//! Clients that others wrote drive the switch: `tests/clients/README.md`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use p4_switch::control::PortState;
use p4_switch::p4runtime::{Address, Listener, Service};
use p4_switch::port::MemoryPort;
use p4_switch::{Switch, SwitchConfig};

/// Python of the virtual environment that `bmv2-tests/run` made for a client; `None`, with a word
/// on it, where there is none.
fn python(client: &str) -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python-clients");
    let python = std::env::var_os("P4LSR_PYTHON_CLIENTS")
        .map_or(place, PathBuf::from)
        .join(client)
        .join("bin/python");
    if python.exists() {
        return Some(python);
    }
    println!("skipped: {client} is not installed; bmv2-tests/run does that, from PyPI");
    None
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

/// Runs a program of `tests/clients` against a switch in this process whose port 2 has a cable to
/// port 1.
async fn drive(client: &str, program: &'static str) {
    let Some(python) = python(client) else {
        return;
    };
    let config = SwitchConfig {
        cpu_port: Some(510),
        ..SwitchConfig::default()
    };
    let (switch, events) = Switch::new(config.clone());
    let ports = [(1, "eth1"), (2, "eth2")].map(|(number, name)| {
        let port = Arc::new(MemoryPort::new(name));
        let handle = switch.add_port(number, port.clone(), PortState::Up, None);
        (port, handle.unwrap())
    });
    let over = Arc::new(AtomicBool::new(false));
    let cut = over.clone();
    let cable = std::thread::spawn(move || {
        while !cut.load(Ordering::Relaxed) {
            while let Some(frame) = ports[1].0.take() {
                ports[0].1.receive(&frame);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let address = Address::Tcp(([127, 0, 0, 1], 0).into());
    let listener = Listener::bind(&address).await.unwrap();
    let address = listener.address().to_string();
    let service = Service::new(1, switch, config, events);
    let server = tokio::spawn(listener.serve(service, std::future::pending()));
    let run = move || {
        Command::new(python)
            .arg(file("clients").join(program))
            .arg(address)
            .args(["p4runtime/program.p4info.txt", "p4runtime/program.json"].map(file))
            .output()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{error}");
    assert_eq!(out.matches("passed: ").count(), 4, "{out}\n{error}");
    server.abort();
    over.store(true, Ordering::Relaxed);
    cable.join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn finsy_drives_the_switch() {
    drive("finsy", "finsy_client.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p4runtime_shell_drives_the_switch() {
    drive("shell", "shell_client.py").await;
}

/// The test runs itself again in a network namespace of its own, where ptf has the other ends of
/// the switch's links.
#[test]
fn ptf_tests_pass() {
    let Some(python) = python("ptf") else {
        return;
    };
    let script = format!(
        r#"set -e
ip link set lo up
for port in 1 2; do
    ip link add port$port type veth peer name end$port
    for name in port$port end$port; do
        echo 1 > /proc/sys/net/ipv6/conf/$name/disable_ipv6 || true
        ip link set $name arp off up
    done
done
"{switch}" run --port 1@port1 --port 2@port2 --grpc 127.0.0.1:9559 --log warn &
switch=$!
trap 'kill $switch' EXIT
for attempt in $(seq 100); do
    (echo > /dev/tcp/127.0.0.1/9559) 2>/dev/null && break
    sleep 0.1
done
cd "$(mktemp -d)"
"{python}" "{ptf}" --test-dir "{tests}" --interface 1@end1 --interface 2@end2 \
    --test-params "address='127.0.0.1:9559';p4info='{p4info}';json='{json}'" 2>&1
"#,
        switch = env!("CARGO_BIN_EXE_p4-switch"),
        ptf = python.with_file_name("ptf").display(),
        python = python.display(),
        tests = file("clients/ptf").display(),
        p4info = file("p4runtime/program.p4info.txt").display(),
        json = file("p4runtime/program.json").display(),
    );
    let namespaces: &[&str] = if nix::unistd::geteuid().is_root() {
        &["--net"]
    } else {
        &["--user", "--map-root-user", "--net"]
    };
    let unshare = |command: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(namespaces).args(command);
        unshare.output()
    };
    match unshare(&["ip", "link"]) {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            println!("skipped: no network namespace can be made here: {reason}");
            return;
        }
        Err(error) => {
            println!("skipped: unshare cannot be run: {error}");
            return;
        }
    }
    let output = unshare(&["bash", "-c", &script]).unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{out}\n{error}");
    assert!(out.contains("Ran 2 tests"), "{out}\n{error}");
}
