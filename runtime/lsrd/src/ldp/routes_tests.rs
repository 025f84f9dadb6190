use std::collections::BTreeMap;

use ldp::label::Route;
use smallvec::smallvec;

use super::*;
use crate::config::LdpConfig;
use crate::kernel::state::{Gateway, Gateways, Link, Route as KernelRoute};
use crate::router::test_config;

const CORE0: u32 = 11;
const CORE1: u32 = 12;
const HOST0: u32 = 13;
const LO: u32 = 1;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// Two interfaces with LDP and one without, and a loopback.
fn config() -> Config {
    let mut config = test_config();
    let mut interface = config.interfaces[0].clone();
    config.interfaces.clear();
    for (name, port) in [("core0", 1), ("core1", 2), ("host0", 3)] {
        interface.name = name.into();
        interface.port = port;
        config.interfaces.push(interface.clone());
    }
    let lsr_id = ldp::engine::LsrId::new(config.router_id).unwrap();
    let mut engine = ldp::engine::LdpConfig::new(lsr_id);
    for name in ["core0", "core1"] {
        engine.interfaces.insert(name.into(), Default::default());
    }
    config.ldp = Some(LdpConfig {
        engine,
        lsps: Default::default(),
        labels: Default::default(),
        state_directory: Default::default(),
    });
    config
}

fn kernel() -> KernelState {
    let link = |name: &str| Link {
        name: name.into(),
        up: true,
        carrier: true,
        mtu: 1500,
        loopback: name == "lo",
    };
    let links = [
        (CORE0, "core0"),
        (CORE1, "core1"),
        (HOST0, "host0"),
        (LO, "lo"),
    ];
    let addresses = [
        (CORE0, net("10.0.12.1/24")),
        (CORE0, net("fe80::1/64")),
        (CORE1, net("10.0.13.1/24")),
        (HOST0, net("10.1.0.1/24")),
        (LO, net("127.0.0.1/8")),
        (LO, net("::1/128")),
        (LO, net("10.255.0.1/32")),
    ];
    KernelState {
        links: links.map(|(index, name)| (index, link(name))).into(),
        addresses: addresses.into(),
        ..KernelState::default()
    }
}

fn gateway(index: u32, address: &str) -> Gateway {
    Gateway {
        index,
        address: address.parse().unwrap(),
        weight: 1,
    }
}

fn with_routes(routes: &[(&str, Gateways)]) -> Arc<KernelState> {
    let mut kernel = kernel();
    let routes = routes.iter().map(|(prefix, gateways)| {
        let route = KernelRoute {
            metric: 0,
            gateways: gateways.clone(),
        };
        ((table_of_vrf(0), net(prefix)), route)
    });
    kernel.routes = Arc::new(routes.collect());
    Arc::new(kernel)
}

fn snapshot(kernel: Arc<KernelState>) -> Snapshot {
    Snapshot::new(&config(), kernel, &BTreeSet::new())
}

fn changes(new: &Snapshot, old: &Snapshot) -> BTreeMap<String, Option<Route>> {
    let changes = new.route_changes(old).into_iter();
    changes
        .map(|(prefix, route)| (prefix.to_string(), route))
        .collect()
}

/// RFC 3032, section 3.1: labelled packets may be larger than IP packets of the same interface.
#[test]
fn a_link_has_an_mtu_of_ip_packets_and_one_of_labelled_packets() {
    let mut config = config();
    config.interfaces[1].mpls_mtu = 1600;
    let snapshot = Snapshot::new(&config, Arc::new(kernel()), &BTreeSet::new());
    let state = &snapshot.interface(CORE1).unwrap().state;
    assert_eq!((state.mtu, state.mpls_mtu), (1500, 1600));
}

/// RFC 5036, section 2.6.1.2: an LSR is the egress of what refers to itself, and of what it is connected
/// to.
#[test]
fn the_router_is_the_egress_of_its_links_and_of_its_loopback() {
    let changes = changes(&snapshot(Arc::new(kernel())), &Snapshot::default());
    let prefixes: Vec<&str> = changes.keys().map(String::as_str).collect();
    let expected = [
        "10.0.12.0/24",
        "10.0.13.0/24",
        "10.1.0.0/24",
        "10.255.0.1/32",
    ];
    assert_eq!(prefixes, expected);
    assert!(
        changes
            .values()
            .flatten()
            .all(|route| route.egress && route.next_hops.is_empty())
    );
}

/// RFC 5036, section 2.6.1.2: and of what has its next hop outside of the label switching network.
#[test]
fn the_router_is_the_egress_of_routes_that_leave_the_interfaces_with_ldp() {
    let kernel = with_routes(&[
        ("10.5.0.0/16", smallvec![gateway(HOST0, "10.1.0.9")]),
        (
            "10.6.0.0/16",
            smallvec![gateway(CORE0, "10.0.12.2"), gateway(HOST0, "10.1.0.9")],
        ),
    ]);
    let changes = changes(&snapshot(kernel), &Snapshot::default());
    let egress = |prefix: &str| changes[prefix].as_ref().unwrap().egress;
    assert!(egress("10.5.0.0/16"));
    assert!(!egress("10.6.0.0/16"));
}

#[test]
fn only_what_differs_is_told() {
    let ecmp = || smallvec![gateway(CORE0, "10.0.12.2"), gateway(CORE1, "10.0.13.3")];
    let one = || smallvec![gateway(CORE0, "10.0.12.2")];
    let old = snapshot(with_routes(&[
        ("10.5.0.0/16", ecmp()),
        ("10.6.0.0/16", one()),
        ("10.7.0.0/16", one()),
    ]));
    let new = snapshot(with_routes(&[
        ("10.5.0.0/16", one()),
        ("10.6.0.0/16", one()),
        ("10.8.0.0/16", ecmp()),
    ]));
    let changes = changes(&new, &old);
    let told: Vec<(&str, usize)> = changes
        .iter()
        .map(|(prefix, route)| {
            let hops = route.as_ref().map_or(0, |route| route.next_hops.len());
            (prefix.as_str(), hops)
        })
        .collect();
    assert_eq!(
        told,
        [("10.5.0.0/16", 1), ("10.7.0.0/16", 0), ("10.8.0.0/16", 2)]
    );
    assert!(self::changes(&new, &new.clone()).is_empty());
}

#[test]
fn routes_by_other_interfaces_of_the_host_are_none() {
    let kernel = with_routes(&[("0.0.0.0/0", smallvec![gateway(2, "192.0.2.254")])]);
    assert!(!changes(&snapshot(kernel), &Snapshot::default()).contains_key("0.0.0.0/0"));
}

#[test]
fn a_port_without_a_link_takes_its_interface_down() {
    let down = Snapshot::new(&config(), Arc::new(kernel()), &[2].into());
    let up = |name: &str| {
        let index = down.index(name).unwrap();
        down.interface(index).unwrap().state.up
    };
    assert!(up("core0"));
    assert!(!up("core1"));
}

#[test]
fn an_interface_without_ldp_changes_who_is_the_egress() {
    let kernel = with_routes(&[("10.5.0.0/16", smallvec![gateway(CORE0, "10.0.12.2")])]);
    let old = snapshot(Arc::clone(&kernel));
    let mut config = config();
    config
        .ldp
        .as_mut()
        .unwrap()
        .engine
        .interfaces
        .remove("core0");
    let new = Snapshot::new(&config, kernel, &BTreeSet::new());
    let changes = changes(&new, &old);
    assert_eq!(changes.len(), 1);
    assert!(changes["10.5.0.0/16"].as_ref().unwrap().egress);
}

/// RFC 7307, section 3.1: a topology has routes of its own, in a table of its own; the router is the egress of its
/// links in each.
#[test]
fn a_topology_has_the_routes_of_its_table() {
    let mut config = config();
    config.topologies = vec![crate::config::TopologyConfig {
        id: MultiTopologyId(3996),
        routing_table: 103,
        dscps: BTreeSet::new(),
    }];
    let route = |gateway| KernelRoute {
        metric: 0,
        gateways: smallvec![gateway],
    };
    let mut kernel = kernel();
    kernel.routes = Arc::new(
        [
            (
                (254, net("10.5.0.0/16")),
                route(gateway(CORE0, "10.0.12.2")),
            ),
            (
                (103, net("10.5.0.0/16")),
                route(gateway(CORE1, "10.0.13.3")),
            ),
            (
                (104, net("10.6.0.0/16")),
                route(gateway(CORE1, "10.0.13.3")),
            ),
        ]
        .into(),
    );
    let kernel = Arc::new(kernel);
    let without = snapshot(Arc::clone(&kernel));
    let with = Snapshot::new(&config, Arc::clone(&kernel), &BTreeSet::new());
    let changes = changes(&with, &without);
    let expected = [
        "10.0.12.0/24 topology 3996",
        "10.0.13.0/24 topology 3996",
        "10.1.0.0/24 topology 3996",
        "10.255.0.1/32 topology 3996",
        "10.5.0.0/16 topology 3996",
    ];
    let told: Vec<&str> = changes.keys().map(String::as_str).collect();
    assert_eq!(told, expected);
    let route = changes[expected[4]].as_ref().unwrap();
    assert_eq!(&*route.next_hops[0].interface, "core1");
    assert!(changes[expected[3]].as_ref().unwrap().egress);
    // Taken out: none of it is left, and nothing else is touched.
    let back = self::changes(&without, &with);
    assert_eq!(
        back.keys().map(String::as_str).collect::<Vec<_>>(),
        expected
    );
    assert!(back.values().all(Option::is_none));
    // A route of the topology that changes is no change of the other.
    let mut kernel = KernelState::clone(&kernel);
    Arc::make_mut(&mut kernel.routes).remove(&(103, net("10.5.0.0/16")));
    let after = Snapshot::new(&config, Arc::new(kernel), &BTreeSet::new());
    let changes = self::changes(&after, &with);
    assert_eq!(changes.keys().collect::<Vec<_>>(), [expected[4]]);
}
