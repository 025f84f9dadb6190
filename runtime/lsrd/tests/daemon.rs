//! The daemon as a process, in a network namespace of the test's own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lsrd::kernel::watch;
use northbound::v1;
use northbound::v1::management_client::ManagementClient;
use tonic::transport::Channel;

mod common;
mod namespace;

use namespace::{inside, run};

const PATIENCE: Duration = Duration::from_secs(10);

/// The configuration of a router whose switch does not run, with one interface and more.
fn text(rest: &str) -> String {
    let program = common::program_directory();
    format!(
        "router-id = \"10.255.0.1\"\nloopback-addresses = [\"10.255.0.1\"]\n\
         state-directory = \"state\"\n[switch]\naddress = \"unix://{0}/nobody.sock\"\n\
         profile = \"{0}/p4-switch.toml\"\np4info = \"{0}/mpls.p4info.txtpb\"\n\
         device-config = \"{0}/mpls.json\"\n[management]\nsocket = \"lsrd.sock\"\n\
         [[interface]]\nname = \"core0\"\nport = 1\nmtu = 1400\n\
         addresses = [\"10.0.12.1/24\", \"2001:db8:12::1/64\"]\n\
         duplicate-address-detection = false\n{rest}",
        program.display()
    )
}

fn start(file: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_lsrd"))
        .arg("--config")
        .arg(file)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn client(daemon: &mut Child, socket: &Path) -> ManagementClient<Channel> {
    loop {
        match northbound::socket::connect(socket).await {
            Ok(client) => return client,
            Err(_) => {
                assert!(daemon.try_wait().unwrap().is_none(), "lsrd ended");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn show_lfib(client: &mut ManagementClient<Channel>) -> v1::ShowLfibResponse {
    let request = v1::ShowLfibRequest {};
    client.show_lfib(request).await.unwrap().into_inner()
}

async fn reload(client: &mut ManagementClient<Channel>) -> v1::ReloadResponse {
    let request = v1::ReloadRequest {};
    client.reload(request).await.unwrap().into_inner()
}

/// Ends it by SIGTERM.
fn end(daemon: Child) {
    let process = nix::unistd::Pid::from_raw(daemon.id() as i32);
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM).unwrap();
    let ended = daemon.wait_with_output().unwrap();
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
}

#[test]
fn the_daemon_runs_without_its_switch_and_says_so() {
    if !inside("the_daemon_runs_without_its_switch_and_says_so") {
        return;
    }
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("lsrd.toml");
        let socket = directory.path().join("lsrd.sock");
        let lsp = "mpls = true\n[[static-lsp.ftn]]\nname = \"to-pe2\"\nfec = \"10.2.0.0/24\"\n\
                   next-hops = [{ interface = \"core0\", address = \"10.0.12.2\", labels = [100] }]\n";
        std::fs::write(&file, text(lsp)).unwrap();
        let mut daemon = start(&file);
        let mut client = client(&mut daemon, &socket).await;
        let target = client
            .show_target(v1::ShowTargetRequest {})
            .await
            .unwrap()
            .into_inner();
        let target = target.target.unwrap();
        assert_eq!(target.role(), v1::target::Role::NotConnected);
        assert!(!target.in_sync);
        let lfib = show_lfib(&mut client).await;
        assert_eq!(lfib.ftn.len(), 1);
        assert_eq!(lfib.ftn[0].name, "to-pe2");
        assert_eq!(lfib.ftn[0].nhlfes[0].labels, [100]);

        // A second one on the same socket is told so.
        let second = start(&file).wait_with_output().unwrap();
        assert_eq!(second.status.code(), Some(1));
        let said = String::from_utf8_lossy(&second.stderr).into_owned();
        assert!(said.contains("another lsrd answers on"), "{said}");

        // A bad configuration is refused as a whole, and the running one stays.
        std::fs::write(&file, text("mpls = 1\n")).unwrap();
        let answer = reload(&mut client).await;
        assert!(!answer.accepted);
        assert!(
            answer.problems.contains("`mpls` must be true or false"),
            "{}",
            answer.problems
        );
        let lfib = show_lfib(&mut client).await;
        assert_eq!(lfib.ftn.len(), 1);

        // A good one is taken: another interface comes, the LSP goes.
        let more = "[[interface]]\nname = \"core1\"\nport = 2\n";
        std::fs::write(&file, text(more)).unwrap();
        let answer = reload(&mut client).await;
        assert!(answer.accepted, "{}", answer.problems);
        let lfib = show_lfib(&mut client).await;
        assert_eq!(lfib.ftn.len(), 0);
        let kernel = watch::start().await.unwrap();
        assert!(kernel.borrow().index("core1").is_some());

        // A part that is read at the start only.
        std::fs::write(&file, text("").replace("nobody.sock", "other.sock")).unwrap();
        let answer = reload(&mut client).await;
        assert!(
            answer.problems.contains("Restart lsrd"),
            "{}",
            answer.problems
        );

        // SIGTERM leaves the TAPs, and takes the socket away.
        drop(client);
        end(daemon);
        assert!(!socket.exists());
        assert!(
            watch::start()
                .await
                .unwrap()
                .borrow()
                .index("core0")
                .is_some()
        );
    });
}

/// faults-seen 10d: connected FECs are there whatever comes first, the addresses or LDP.
#[test]
fn connected_fecs_are_bound_when_ldp_is_configured_after_the_addresses() {
    if !inside("connected_fecs_are_bound_when_ldp_is_configured_after_the_addresses") {
        return;
    }
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("lsrd.toml");
        std::fs::write(&file, text("mpls = true\n")).unwrap();
        let mut daemon = start(&file);
        let mut client = client(&mut daemon, &directory.path().join("lsrd.sock")).await;
        let request = v1::ShowLdpBindingsRequest {};
        let before = client.show_ldp_bindings(request).await.unwrap();
        assert!(before.get_ref().ldp.is_none());

        std::fs::write(&file, text("mpls = true\n[ldp]\n")).unwrap();
        let answer = reload(&mut client).await;
        assert!(answer.accepted, "{}", answer.problems);
        // LDP's first start was counted (RFC 7349, 2.3).
        assert!(directory.path().join("state/ldp-starts").exists());
        let since = Instant::now();
        loop {
            let shown = client.show_ldp_bindings(request).await.unwrap();
            let bindings = &shown.get_ref().bindings;
            let bound: Vec<(&str, bool, Option<u32>)> = bindings
                .iter()
                .map(|of| (of.fec.as_str(), of.egress, of.local_label))
                .collect();
            // Implicit null.
            let expected = ["10.0.12.0/24", "10.255.0.1/32", "2001:db8:12::/64"];
            if bound == expected.map(|fec| (fec, true, Some(3))) {
                break;
            }
            assert!(since.elapsed() < PATIENCE, "{bindings:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        drop(client);
        end(daemon);
    });
}
