//! The same on BMv2, where simple_switch_grpc is on PATH.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dataplane::{Driver, Status, Switchover};
use forwarding::{PathRole, ProtectionId};
use tokio::time::timeout;

use crate::services::everything;
use crate::support::{Place, wait_for};

/// A running BMv2 without ports.
struct Bmv2 {
    child: Child,
    address: String,
}

impl Bmv2 {
    /// `None` if there is none on PATH.
    fn start() -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let program: PathBuf = std::env::split_paths(&path)
            .map(|directory| directory.join("simple_switch_grpc"))
            .find(|program| program.is_file())?;
        let free = || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap()
        };
        let (thrift, grpc) = (free(), free());
        let child = Command::new(program)
            .args(["--no-p4", "--device-id", "1", "--thrift-port"])
            .arg(thrift.port().to_string())
            .args(["--", "--grpc-server-addr"])
            .arg(grpc.to_string())
            .args(["--cpu-port", "510"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let address = format!("http://{grpc}");
        Some(Self { child, address })
    }
}

impl Drop for Bmv2 {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn run(switch: &Bmv2, switchover: &Switchover) -> (Driver, Status) {
    let mut options = Place::new().options();
    options.address = switch.address.parse().unwrap();
    let driver = Driver::spawn(options).unwrap();
    driver.handle.set_switchover(switchover.clone());
    driver.handle.set_desired(everything().desired());
    let status = wait_for(&driver, |status| {
        status.in_sync && status.usage.len() == dataplane::Table::ALL.len()
    })
    .await;
    (driver, status)
}

/// BMv2 takes an entry of every table and every multicast group, and a daemon that starts again
/// finds them as it has written them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_written_and_found_again_on_bmv2() {
    let Some(switch) = Bmv2::start() else {
        println!("skipped: there is no simple_switch_grpc on PATH");
        return;
    };
    let id = ProtectionId::new(5).unwrap();
    let switchover = Switchover {
        protection: [(id, PathRole::Protecting)].into(),
        tail_selection: [(id, PathRole::Working)].into(),
        ports: [(9, false)].into(),
    };
    for expected in [3, 0] {
        let (driver, status) = run(&switch, &switchover).await;
        assert_eq!(status.problems, Vec::<String>::new());
        assert!(status.programmed.refused.is_empty(), "{status:#?}");
        assert_eq!(status.updates_written > 0, expected > 0, "{status:#?}");
        let settled = |status: &Status| status.usage["port_state"].entries == 1;
        let status = wait_for(&driver, settled).await;
        assert_eq!(status.switchover_updates_written, expected);
        assert_eq!(status.switchover_problems, Vec::<String>::new());
        for (table, usage) in &status.usage {
            assert!(usage.entries > 0, "{table}");
        }
        let counters = driver.handle.counters().await.unwrap();
        assert!(!counters.ilm.is_empty() && !counters.branches.is_empty());
        let Driver {
            handle,
            packets,
            task,
        } = driver;
        drop((handle, packets));
        let ended = timeout(Duration::from_secs(10), task).await;
        ended.unwrap().unwrap();
    }
}
