//! TAPs, addresses, neighbours and routes in a network namespace of the test's own.
//!
//! Each test runs itself again inside `unshare --net`, as root or in a user namespace; where
//! neither is allowed it says so and passes.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use forwarding::MacAddress;
use lsrd::config::Config;
use lsrd::kernel::state::{Gateway, KernelState};
use lsrd::kernel::tap::{FrameBuffer, Tap};
use lsrd::kernel::{KernelError, interface, neighbour, route, sysctl, watch};
use lsrd::packet::frame;
use smallvec::smallvec;
use tokio::sync::watch::Receiver;
use tokio::time::timeout;

mod common;
mod namespace;

use namespace::{inside, run};

const PATIENCE: Duration = Duration::from_secs(10);

fn netlink() -> rtnetlink::Handle {
    let (connection, handle, _) = rtnetlink::new_connection().unwrap();
    tokio::spawn(connection);
    handle
}

fn config(interfaces: &str) -> Config {
    std::env::set_current_dir(common::program_directory()).unwrap();
    let text = format!(
        "router-id = \"10.255.0.1\"\n[switch]\naddress = \"http://127.0.0.1:1\"\n\
         profile = \"p4-switch.toml\"\np4info = \"mpls.p4info.txtpb\"\n\
         device-config = \"mpls.json\"\n[management]\nsocket = \"lsrd.sock\"\n{interfaces}"
    );
    match Config::from_text(Path::new("test.toml"), &text) {
        Ok(config) => config,
        Err(error) => panic!("{}", error.report(false)),
    }
}

const CORE0: &str = "[[interface]]\nname = \"core0\"\nport = 1\nmtu = 1400\n\
    addresses = [\"10.0.12.1/24\", \"2001:db8:12::1/64\"]\nduplicate-address-detection = false\n";

async fn until(
    kernel: &mut Receiver<Arc<KernelState>>,
    what: &str,
    condition: impl FnMut(&Arc<KernelState>) -> bool,
) {
    let seen = timeout(PATIENCE, kernel.wait_for(condition))
        .await
        .is_ok_and(|seen| seen.is_ok());
    assert!(
        seen,
        "not seen: {what}; the kernel has {:#?}",
        kernel.borrow()
    );
}

const NEIGHBOUR_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);

/// Waits for the ARP request for 10.0.12.2 and answers it, as a neighbour behind the switch would.
async fn answer_arp(tap: &Tap) {
    let mut buffer = FrameBuffer::new();
    let request = loop {
        let length = timeout(PATIENCE, tap.receive(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        let frame = buffer.frame(length);
        if frame[12..14] == [0x08, 0x06] && frame[38..42] == [10, 0, 12, 2] {
            break frame.to_vec();
        }
    };
    let mut own = [0; 6];
    own.copy_from_slice(&request[22..28]);
    let mut reply = request[14..42].to_vec();
    reply[7] = 2;
    reply[8..14].copy_from_slice(&NEIGHBOUR_MAC.0);
    reply[14..18].copy_from_slice(&request[38..42]);
    reply[18..28].copy_from_slice(&request[22..32]);
    let reply = frame::build(MacAddress(own), NEIGHBOUR_MAC, 0, 0x0806, &[&reply]);
    tap.send(&reply).await.unwrap();
}

#[test]
fn a_tap_is_set_up_and_outlives_the_daemon() {
    if !inside("a_tap_is_set_up_and_outlives_the_daemon") {
        return;
    }
    run(async {
        let config = config(CORE0);
        let core0 = config.interface("core0").unwrap();
        let handle = netlink();
        sysctl::set_namespace().unwrap();
        let tap = Tap::open("core0").unwrap();
        let index = interface::configure(&handle, core0).await.unwrap();

        let mut kernel = watch::start().await.unwrap();
        {
            let state = kernel.borrow();
            assert_eq!(state.index("core0"), Some(index));
            let link = &state.links[&index];
            assert!(link.up);
            assert_eq!(link.mtu, 1400);
            for address in &core0.addresses {
                assert!(state.addresses.contains(&(index, *address)), "{address}");
            }
        }
        let key = (index, "10.0.12.2".parse::<IpAddr>().unwrap());
        neighbour::solicit(&handle, key.0, key.1).await.unwrap();
        answer_arp(&tap).await;
        until(&mut kernel, "the neighbour", |state| {
            let neighbour = state.neighbours.get(&key);
            neighbour.and_then(|neighbour| neighbour.resolved()) == Some(NEIGHBOUR_MAC.0)
        })
        .await;

        // The daemon ends and starts again: addresses and neighbour are still there.
        drop(tap);
        let tap = Tap::open("core0").unwrap();
        assert_eq!(interface::configure(&handle, core0).await.unwrap(), index);
        let again = watch::start().await.unwrap();
        let state = again.borrow().clone();
        for address in &core0.addresses {
            assert!(state.addresses.contains(&(index, *address)), "{address}");
        }
        assert_eq!(state.neighbours[&key].resolved(), Some(NEIGHBOUR_MAC.0));

        // An address that leaves the configuration goes; one that others set stays.
        let other: IpAddr = "10.0.99.1".parse().unwrap();
        handle
            .address()
            .add(index, other, 24)
            .execute()
            .await
            .unwrap();
        let mut smaller = core0.clone();
        smaller.addresses.remove(0);
        interface::configure(&handle, &smaller).await.unwrap();
        until(&mut kernel, "the addresses", |state| {
            !state.addresses.contains(&(index, core0.addresses[0]))
                && state
                    .addresses
                    .contains(&(index, "10.0.99.1/24".parse().unwrap()))
        })
        .await;
        drop(tap);
        interface::remove(&handle, "core0").await.unwrap();
        until(&mut kernel, "the end of the TAP", |state| {
            state.index("core0").is_none()
        })
        .await;
    });
}

#[test]
fn routes_come_from_the_kernel_and_go_to_it() {
    if !inside("routes_come_from_the_kernel_and_go_to_it") {
        return;
    }
    run(async {
        let config = config(CORE0);
        let handle = netlink();
        let _tap = Tap::open("core0").unwrap();
        let core0 = config.interface("core0").unwrap();
        let index = interface::configure(&handle, core0).await.unwrap();
        let mut kernel = watch::start().await.unwrap();
        let gateway = |address: &str, weight| Gateway {
            index,
            address: address.parse().unwrap(),
            weight,
        };
        let prefix = |prefix: &str| (254, prefix.parse::<ipnet::IpNet>().unwrap());

        // One that an operator sets.
        let route = rtnetlink::RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix("10.9.0.0".parse().unwrap(), 16)
            .unwrap()
            .gateway("10.0.12.2".parse().unwrap())
            .unwrap()
            .build();
        handle.route().add(route).execute().await.unwrap();
        until(&mut kernel, "the operator's route", |state| {
            let route = state.routes.get(&prefix("10.9.0.0/16"));
            route.is_some_and(|route| route.gateways[..] == [gateway("10.0.12.2", 1)])
        })
        .await;

        // Ours: they are told apart, changed and removed.
        let wanted = route::Routes::from([
            (prefix("10.2.0.0/24"), smallvec![gateway("10.0.12.2", 1)]),
            (
                prefix("10.3.0.0/24"),
                smallvec![gateway("10.0.12.2", 1), gateway("10.0.12.3", 2)],
            ),
            (
                prefix("10.4.0.0/24"),
                smallvec![gateway("2001:db8:12::2", 1)],
            ),
            (
                prefix("2001:db8:2::/64"),
                smallvec![gateway("2001:db8:12::2", 1), gateway("2001:db8:12::3", 3)],
            ),
        ]);
        let mut routes = route::OwnRoutes::default();
        routes
            .reconcile(&handle, wanted.clone(), route::Routes::new())
            .await;
        assert!(!routes.is_refused());
        until(&mut kernel, "our routes", |state| {
            state.own_routes == wanted
        })
        .await;
        assert!(!kernel.borrow().routes.contains_key(&prefix("10.2.0.0/24")));

        let fewer =
            route::Routes::from([(prefix("10.3.0.0/24"), smallvec![gateway("10.0.12.3", 1)])]);
        routes.reconcile(&handle, fewer.clone(), wanted).await;
        until(&mut kernel, "the change of our routes", |state| {
            state.own_routes == fewer
        })
        .await;
        assert!(kernel.borrow().routes.contains_key(&prefix("10.9.0.0/16")));

        // The address towards the gateway goes, with the routes, and comes back without them.
        let mut smaller = core0.clone();
        smaller
            .addresses
            .retain(|address| !address.addr().is_ipv4());
        interface::configure(&handle, &smaller).await.unwrap();
        until(&mut kernel, "the end of our routes", |state| {
            state.own_routes.is_empty()
        })
        .await;
        let none = route::Routes::new();
        for refused in [true, true, false] {
            if !refused {
                interface::configure(&handle, core0).await.unwrap();
            }
            routes.reconcile(&handle, fewer.clone(), none.clone()).await;
            assert_eq!(routes.is_refused(), refused);
        }
        until(&mut kernel, "our routes, again", |state| {
            state.own_routes == fewer
        })
        .await;
    });
}

#[test]
fn an_interface_of_another_kind_is_not_taken() {
    if !inside("an_interface_of_another_kind_is_not_taken") {
        return;
    }
    run(async {
        let error = Tap::open("lo").unwrap_err();
        assert!(matches!(error, KernelError::NotATap { .. }), "{error}");
        assert!(
            error.to_string().contains("choose another `name`"),
            "{error}"
        );
        let _first = Tap::open("core0").unwrap();
        let error = Tap::open("core0").unwrap_err();
        assert!(matches!(error, KernelError::TapBusy { .. }), "{error}");
    });
}

#[test]
fn each_vrf_has_its_own_addresses() {
    if !inside("each_vrf_has_its_own_addresses") {
        return;
    }
    run(async {
        let red = "[[interface]]\nname = \"red0\"\nport = 2\nvrf = 7\n\
                   addresses = [\"10.0.12.1/24\"]\n";
        let config = config(&format!("{CORE0}{red}"));
        let handle = netlink();
        for configured in &config.interfaces {
            let _tap = Tap::open(&configured.name).unwrap();
            match interface::configure(&handle, configured).await {
                Err(KernelError::Vrf { source, .. }) => {
                    println!("skipped: this kernel has no VRF devices: {source}");
                    return;
                }
                result => drop(result.unwrap()),
            }
        }
        let kernel = watch::start().await.unwrap();
        let state = kernel.borrow().clone();
        for configured in &config.interfaces {
            let index = state.index(&configured.name).unwrap();
            assert!(
                state
                    .addresses
                    .contains(&(index, "10.0.12.1/24".parse().unwrap()))
            );
        }
        assert!(state.index("lsr-vrf7").is_some());
    });
}
