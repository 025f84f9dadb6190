//! Connecting, writing, repairing, restarting, refusing, and packets.

use std::time::Duration;

use bytes::Bytes;
use dataplane::{ConnectionState, Driver, DropReason, HandleError, PacketOut, PuntReason};
use forwarding::{EntryKey, IlmKey, Owner, Protocol};
use p4runtime_client::{Client, Connection, ConnectionOptions, Operation, Role, TableEntry};
use tokio::time::{sleep, timeout};

use crate::services::everything;
use crate::support::{
    NEIGHBOUR_MAC, Place, ROUTER_MAC, Router, RunningSwitch, fec, frame, in_sync, ipv4, label,
    labelled, next_hop, nhlfe, pipeline, wait_for,
};

async fn started(place: &Place) -> (RunningSwitch, Driver, Router) {
    let switch = RunningSwitch::start(&place.socket()).await;
    let driver = Driver::spawn(place.options()).unwrap();
    let router = Router::new();
    driver.handle.set_desired(router.desired());
    in_sync(&driver).await;
    (switch, driver, router)
}

async fn stop(driver: Driver) {
    let Driver {
        handle,
        packets,
        task,
    } = driver;
    drop((handle, packets));
    timeout(Duration::from_secs(10), task)
        .await
        .unwrap()
        .unwrap();
}

/// Another controller on the same switch.
async fn other_controller(place: &Place, election_id: u128) -> Connection {
    let options = place.options();
    Connection::open(&ConnectionOptions {
        address: options.address,
        device_id: 1,
        election_id,
        timeout: Duration::from_secs(20),
    })
    .await
    .unwrap()
}

async fn read(client: &Client, table: &str) -> Vec<TableEntry> {
    client
        .read_tables(pipeline().schema(), &[table], false)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_desired_state_is_written_and_forwards() {
    let place = Place::new();
    let (switch, driver, _) = started(&place).await;
    let status = driver.handle.status().borrow().clone();
    assert_eq!(status.connection, ConnectionState::Ready);
    assert_eq!(status.api_version.as_deref(), Some("1.5.0"));
    assert_eq!(status.programmed.installed.len(), 4);
    assert!(status.programmed.refused.is_empty() && status.problems.is_empty());
    assert_eq!(status.usage["ilm_third"].entries, 3);
    assert_eq!(status.usage["nhlfe"].entries, 3);

    // RFC 3031 section 3.10: the FTN pushes, the ILM swaps or pops.
    let packet = frame(0x0800, &ipv4([10, 2, 0, 9].into(), 64));
    let [(port, pushed)] = &switch.switch.process(1, &packet)[..] else {
        panic!()
    };
    assert_eq!(*port, 2);
    assert_eq!(pushed[..6], NEIGHBOUR_MAC.0);
    assert_eq!(pushed[6..12], ROUTER_MAC.0);
    assert_eq!(pushed[12..18], [0x88, 0x47, 0x00, 0x06, 0x41, 63]);
    let [(_, swapped)] = &switch.switch.process(2, &labelled(&[200], 10))[..] else {
        panic!()
    };
    assert_eq!(swapped[14..18], [0x00, 0x12, 0xC1, 9]);
    let [(_, popped)] = &switch.switch.process(2, &labelled(&[201], 10))[..] else {
        panic!()
    };
    assert_eq!(popped[12..14], [0x08, 0x00]);

    let counters = driver.handle.counters().await.unwrap();
    assert_eq!(counters.ftn[&fec("10.2.0.0/24")].packets, 1);
    assert_eq!(counters.ilm[&IlmKey::platform(label(200))].packets, 1);
    assert_eq!(counters.nhlfe[&nhlfe("core0", &[300])].packets, 1);
    assert_eq!(counters.interfaces["core0"].packets, 2);
    stop(driver).await;
    switch.stop().await;
}

#[tokio::test]
async fn a_restart_of_the_daemon_writes_nothing() {
    let place = Place::new();
    let (switch, driver, router) = started(&place).await;
    stop(driver).await;
    let driver = Driver::spawn(place.options()).unwrap();
    driver.handle.set_desired(router.desired());
    let status = in_sync(&driver).await;
    assert_eq!(status.updates_written, 0);
    assert_eq!(status.programmed.installed.len(), 4);
    stop(driver).await;
    switch.stop().await;
}

/// Contract of the restart hold: what waits for its next hop forwards on, until the hold is over.
#[tokio::test]
async fn a_restart_keeps_entries_whose_next_hop_is_not_resolved_yet() {
    let place = Place::new();
    let (switch, driver, mut router) = started(&place).await;
    stop(driver).await;
    router.forwarding.remove_neighbour(&next_hop("core0"));
    let mut options = place.options();
    options.restart_hold = Duration::from_secs(2);
    let driver = Driver::spawn(options).unwrap();
    driver.handle.set_desired(router.desired());
    let status = in_sync(&driver).await;
    assert!(status.restart_hold);
    assert_eq!(status.updates_written, 0);
    assert_eq!(switch.switch.process(2, &labelled(&[200], 10)).len(), 1);
    let status = wait_for(&driver, |status| !status.restart_hold).await;
    assert!(status.updates_written > 0);
    assert_eq!(status.usage["nhlfe"].entries, 0);
    stop(driver).await;
    switch.stop().await;
}

#[tokio::test]
async fn a_restart_of_the_switch_is_filled_again() {
    let place = Place::new();
    let (switch, driver, _) = started(&place).await;
    switch.stop().await;
    let status = wait_for(&driver, |status| !status.in_sync).await;
    assert!(matches!(
        status.connection,
        ConnectionState::Retrying { .. }
    ));
    let error = driver.handle.counters().await.unwrap_err();
    assert!(matches!(error, HandleError::NotConnected { .. }), "{error}");
    let switch = RunningSwitch::start(&place.socket()).await;
    let status = in_sync(&driver).await;
    assert_eq!(status.connections, 2);
    assert_eq!(switch.switch.process(2, &labelled(&[200], 10)).len(), 1);
    stop(driver).await;
    switch.stop().await;
}

#[tokio::test]
async fn the_status_says_which_desired_state_the_switch_holds() {
    let place = Place::new();
    let driver = Driver::spawn(place.options()).unwrap();
    assert_eq!(driver.handle.status().borrow().version, 0);
    let first = driver.handle.set_desired(Router::new().desired());
    let second = driver.handle.set_desired(everything().desired());
    assert!(0 < first && first < second);
    let switch = RunningSwitch::start(&place.socket()).await;
    let status = wait_for(&driver, |status| status.version == second).await;
    assert!(status.in_sync && status.usage["ftn_ipv4"].entries > 0);
    // The same once more: there is nothing to write, and it is held all the same.
    let third = driver.handle.set_desired(everything().desired());
    let again = wait_for(&driver, |status| status.version == third).await;
    assert_eq!(again.updates_written, status.updates_written);
    stop(driver).await;
    switch.stop().await;
}

#[tokio::test]
async fn a_switch_that_is_not_there_is_waited_for() {
    let place = Place::new();
    let driver = Driver::spawn(place.options()).unwrap();
    driver.handle.set_desired(Router::new().desired());
    let status = wait_for(&driver, |status| {
        matches!(status.connection, ConnectionState::Retrying { .. })
    });
    let text = status.await.connection.to_string();
    assert!(
        text.contains("does not answer") && text.contains("retrying in"),
        "{text}"
    );
    let switch = RunningSwitch::start(&place.socket()).await;
    in_sync(&driver).await;
    stop(driver).await;
    switch.stop().await;
}

#[tokio::test]
async fn what_others_change_is_repaired() {
    let place = Place::new();
    let switch = RunningSwitch::start(&place.socket()).await;
    let mut options = place.options();
    options.repair_interval = Duration::from_millis(500);
    let driver = Driver::spawn(options).unwrap();
    driver.handle.set_desired(Router::new().desired());
    in_sync(&driver).await;

    // A controller with a larger election id takes over, deletes the FTN and leaves.
    let mut other = other_controller(&place, 9).await;
    assert_eq!(other.role, Role::Primary);
    wait_for(&driver, |status| {
        status.connection == ConnectionState::Backup { primary: 9 }
    })
    .await;
    let entries = read(&other.client, "ftn_ipv4").await;
    assert_eq!(entries.len(), 1);
    let outcome = other
        .client
        .write(&[(Operation::Delete, &entries[0])])
        .await
        .unwrap();
    assert!(outcome[0].is_ok());
    // It answers the switch while it is there, as any controller does.
    let _ = timeout(Duration::from_millis(100), other.events.next()).await;
    drop(other);

    let packet = frame(0x0800, &ipv4([10, 2, 0, 9].into(), 64));
    for _ in 0..100 {
        if switch
            .switch
            .process(1, &packet)
            .first()
            .is_some_and(|(port, _)| *port == 2)
        {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    let status = in_sync(&driver).await;
    assert_eq!(status.connection, ConnectionState::Ready);
    assert_eq!(switch.switch.process(1, &packet)[0].0, 2);
    stop(driver).await;
    switch.stop().await;
}

#[tokio::test]
async fn changes_follow_the_lfib() {
    let place = Place::new();
    let (switch, driver, mut router) = started(&place).await;
    let before = driver.handle.status().borrow().updates_written;
    // A second path: one more NHLFE; 15 more buckets, the path group that now has 16, and the
    // one bucket that had no backup path.
    router.ftn(
        "10.2.0.0/24",
        &[nhlfe("core0", &[100]), nhlfe("core1", &[101])],
    );
    driver.handle.set_desired(router.desired());
    wait_for(&driver, |status| {
        status.in_sync && status.updates_written > before
    })
    .await;
    let status = wait_for(&driver, |status| status.usage["nhlfe"].entries == 4).await;
    assert_eq!(status.updates_written, before + 1 + 15 + 1 + 1);
    let owner = Owner::named(Protocol::Static, "to-pe2");
    router.forwarding.unbind_ftn(&owner, &fec("10.2.0.0/24"));
    driver.handle.set_desired(router.desired());
    let status = wait_for(&driver, |status| status.usage["ftn_ipv4"].entries == 0).await;
    assert_eq!(status.usage["nhlfe"].entries, 2);
    stop(driver).await;
    switch.stop().await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_name() {
    let place = Place::new();
    let switch = RunningSwitch::start(&place.socket()).await;
    let mut options = place.options();
    options.profile.sizes.ilm = 2;
    let driver = Driver::spawn(options).unwrap();
    driver.handle.set_desired(Router::new().desired());
    let status = wait_for(&driver, |status| status.in_sync).await;
    let key = EntryKey::Ilm(IlmKey::platform(label(202)));
    let reason = &status.programmed.refused[&key];
    assert!(
        reason.starts_with("table ilm is full: the switch takes 2 entries"),
        "{reason}"
    );
    assert_eq!(status.programmed.installed.len(), 3);
    stop(driver).await;
    switch.stop().await;
}

/// RFC 3031 section 3.18: a packet with a label that is not known is not forwarded.
#[tokio::test]
async fn punted_packets_come_up_with_their_labels() {
    let place = Place::new();
    let (switch, mut driver, _) = started(&place).await;
    switch.receive(2, &labelled(&[999], 10));
    let punted = timeout(Duration::from_secs(10), driver.packets.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((punted.port, punted.reason), (2, PuntReason::UnknownLabel));
    assert!(punted.popped.is_empty());
    assert_eq!(punted.frame, labelled(&[999], 10));

    switch.receive(3, &labelled(&[200], 1));
    let punted = timeout(Duration::from_secs(10), driver.packets.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!((punted.port, punted.reason), (3, PuntReason::TtlExpired));
    assert_eq!(punted.popped.len(), 1);
    assert_eq!(punted.popped[0].label, label(200));
    assert!(punted.popped[0].bottom_of_stack);

    let counters = driver.handle.counters().await.unwrap();
    assert_eq!(counters.punts[&PuntReason::UnknownLabel].packets, 1);
    assert_eq!(counters.drops[&DropReason::UnknownLabel].packets, 1);
    assert_eq!(counters.drops[&DropReason::TtlExpired].packets, 1);
    stop(driver).await;
    switch.stop().await;
}

#[tokio::test]
async fn packets_go_down_to_a_port_or_into_the_pipeline() {
    let place = Place::new();
    let (switch, driver, _) = started(&place).await;
    let sent = async |port| {
        for _ in 0..100 {
            if let Some(frame) = switch.sent(port) {
                return frame;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("nothing left by port {port}");
    };
    let whole = Bytes::from(frame(0x0806, &[7; 50]));
    let packet = PacketOut::ToPort {
        port: 3,
        frame: whole.clone(),
    };
    driver.handle.send(&packet).await.unwrap();
    assert_eq!(sent(3).await, whole);
    // RFC 3032 section 2.3.2: an ICMP message may travel on along the LSP.
    let packet = PacketOut::AsReceivedOn {
        port: 3,
        frame: labelled(&[200], 255).into(),
    };
    driver.handle.send(&packet).await.unwrap();
    assert_eq!(sent(2).await[14..18], [0x00, 0x12, 0xC1, 254]);
    stop(driver).await;
    switch.stop().await;
}

#[tokio::test]
async fn a_port_number_that_does_not_fit_is_refused() {
    let place = Place::new();
    let (switch, driver, _) = started(&place).await;
    let packet = PacketOut::ToPort {
        port: 512,
        frame: Bytes::from_static(&[0; 60]),
    };
    let error = driver.handle.send(&packet).await.unwrap_err();
    assert!(error.to_string().contains("does not fit 9 bits"), "{error}");
    stop(driver).await;
    switch.stop().await;
}
