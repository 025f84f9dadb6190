use std::path::Path as FilePath;

use dataplane::HardwareProfile;
use forwarding::{
    Lfib, Nhlfe, PathGroup, Payload, Programmed, SpecialPurposeLabels, State, TunnelModel,
};
use mpls::Label;
use smallvec::smallvec;

use super::*;
use crate::config::{MplsPolicy, StaticLsp, SwitchConfig};
use crate::kernel::state::{Link, Neighbour, Route};
use crate::kernel::table_of_vrf;

fn profile() -> HardwareProfile {
    let path = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../../hw-profiles/p4-switch.toml");
    HardwareProfile::load(&path).unwrap()
}

fn interface(name: &str, port: u16, vrf: u16) -> InterfaceConfig {
    InterfaceConfig {
        name: name.into(),
        port,
        vlan: 0,
        addresses: Vec::new(),
        mpls: true,
        mtu: 1500,
        mpls_mtu: 1508,
        qos_map: QosMapId::DEFAULT,
        mac: [2, 10, 255, 0, 1, port as u8],
        vrf,
        label_space: 0,
        duplicate_address_detection: true,
    }
}

pub(crate) fn config() -> Config {
    Config {
        path: "pe1.toml".into(),
        router_id: [10, 255, 0, 1].into(),
        switch: SwitchConfig {
            address: "http://127.0.0.1:9559".parse().unwrap(),
            device_id: 1,
            election_id: 1,
            profile: profile(),
            p4info: "mpls.p4info.txtpb".into(),
            port_state: crate::config::PortStateSource::Auto,
            device_config: "mpls.json".into(),
        },
        management_socket: "/run/lsrd.sock".into(),
        metrics: None,
        restart_hold: std::time::Duration::from_secs(30),
        interfaces: vec![interface("core0", 1, 0), interface("red0", 2, 7)],
        links: BTreeMap::new(),
        mpls: MplsPolicy {
            special_purpose: SpecialPurposeLabels::default(),
            fragment: true,
        },
        punt: BTreeMap::new(),
        qos_maps: Vec::new(),
        circuits: Vec::new(),
        protections: Vec::new(),
        tunnels: Vec::new(),
        tunnel_ends: Vec::new(),
        upstream_spaces: Vec::new(),
        static_lsps: vec![to_pe2(), from_pe2()],
        loopback_addresses: Vec::new(),
        topologies: Vec::new(),
        static_routes: BTreeMap::new(),
        ldp: None,
    }
}

fn to_pe2() -> StaticLsp {
    let next_hop = NextHop::new("core0", [10, 0, 12, 2].into());
    let labels = [Label::new(100).unwrap()];
    let nhlfe = Nhlfe::new(next_hop, labels, TunnelModel::Uniform).unwrap();
    let fec = Fec::prefix(VrfId::DEFAULT, "10.2.0.0/24".parse().unwrap());
    let action = FtnAction::Forward(Arc::new(PathGroup::single(nhlfe)));
    StaticLsp {
        name: "to-pe2".into(),
        kind: StaticLspKind::Ftn,
        ftn: Some((fec, action)),
        ilm: None,
    }
}

fn from_pe2() -> StaticLsp {
    let action = IlmAction::PopAndLookUpIp {
        vrf: VrfId::DEFAULT,
        payload: Payload::Ipv4,
        tunnel_model: TunnelModel::Uniform,
        qos_map: QosMapId::DEFAULT,
        tail_end: None,
    };
    StaticLsp {
        name: "from-pe2".into(),
        kind: StaticLspKind::Ilm,
        ftn: None,
        ilm: Some((IlmKey::platform(Label::new(200).unwrap()), action)),
    }
}

const CORE0: u32 = 11;
const RED0: u32 = 12;
const MANAGEMENT: u32 = 2;

pub(super) fn kernel() -> KernelState {
    let link = |name: &str| Link {
        name: name.into(),
        up: true,
        carrier: true,
        mtu: 1500,
        loopback: false,
    };
    let links = [
        (CORE0, link("core0")),
        (RED0, link("red0")),
        (MANAGEMENT, link("eth0")),
    ];
    let addresses = [
        (CORE0, "10.0.12.1/24".parse().unwrap()),
        (CORE0, "fe80::1/64".parse().unwrap()),
        (RED0, "10.0.12.1/24".parse().unwrap()),
        (MANAGEMENT, "192.0.2.1/24".parse().unwrap()),
    ];
    KernelState {
        links: links.into(),
        addresses: addresses.into(),
        ..KernelState::default()
    }
}

fn neighbour(state: NeighbourState) -> Neighbour {
    Neighbour {
        mac: Some([2, 0, 0, 0, 0, 2]),
        state,
    }
}

fn router(kernel: KernelState) -> Router {
    let mut router = Router::new(Arc::new(config())).unwrap();
    router.set_kernel(Arc::new(kernel));
    router
}

fn action<'a>(lfib: &'a Lfib, vrf: u16, prefix: &str) -> Option<&'a FtnAction> {
    let fec = Fec::prefix(VrfId(vrf), prefix.parse().unwrap());
    lfib.ftn.get(&fec).map(|entry| &entry.action)
}

#[test]
fn addresses_are_for_the_router_and_their_prefixes_are_gleaned_each_in_its_vrf() {
    let lfib = router(kernel()).desired().lfib;
    for vrf in [0, 7] {
        assert_eq!(
            action(&lfib, vrf, "10.0.12.1/32"),
            Some(&FtnAction::ToRouter)
        );
        assert_eq!(action(&lfib, vrf, "10.0.12.0/24"), Some(&FtnAction::Glean));
    }
    // Link-local: only the address itself, since the prefix is on every link.
    assert_eq!(action(&lfib, 0, "fe80::1/128"), Some(&FtnAction::ToRouter));
    assert_eq!(action(&lfib, 0, "fe80::/64"), None);
    // Interfaces that are not the router's do not count.
    assert_eq!(action(&lfib, 0, "192.0.2.1/32"), None);
    assert_eq!(action(&lfib, 0, "192.0.2.0/24"), None);
}

#[test]
fn a_neighbour_that_the_kernel_resolved_gets_a_host_entry() {
    let mut kernel = kernel();
    let key = (CORE0, "10.0.12.2".parse().unwrap());
    for (state, resolved) in [
        (NeighbourState::Incomplete, false),
        (NeighbourState::Reachable, true),
        (NeighbourState::Stale, true),
        (NeighbourState::Delay, true),
        (NeighbourState::Probe, true),
        (NeighbourState::Permanent, true),
        (NeighbourState::Failed, false),
    ] {
        kernel.neighbours.insert(key, neighbour(state));
        let lfib = router(kernel.clone()).desired().lfib;
        let next_hop = NextHop::new("core0", key.1);
        assert_eq!(lfib.resolved.contains_key(&next_hop), resolved, "{state:?}");
        assert_eq!(
            action(&lfib, 0, "10.0.12.2/32").is_some(),
            resolved,
            "{state:?}"
        );
    }
}

#[test]
fn the_static_lsp_is_installed_when_its_next_hop_is_resolved() {
    let state = |router: &Router| {
        let programmed = Programmed::default();
        let view = router.forwarding().ftn_views(&programmed);
        let mut view = view.filter(|view| view.owner.protocol == Protocol::Static);
        view.next().unwrap().state
    };
    let mut kernel = kernel();
    let mut router = router(kernel.clone());
    assert!(matches!(state(&router), State::NextHopUnresolved(_)));
    let wanted = BTreeMap::from([((CORE0, "10.0.12.2".parse().unwrap()), Urgency::Unresolved)]);
    assert_eq!(router.neighbours_to_solicit(), wanted);

    let key = (CORE0, "10.0.12.2".parse().unwrap());
    kernel
        .neighbours
        .insert(key, neighbour(NeighbourState::Reachable));
    router.set_kernel(Arc::new(kernel.clone()));
    assert_eq!(state(&router), State::Pending);
    assert_eq!(router.neighbours_to_solicit(), BTreeMap::new());

    kernel
        .neighbours
        .insert(key, neighbour(NeighbourState::Stale));
    router.set_kernel(Arc::new(kernel.clone()));
    assert_eq!(state(&router), State::Pending);
    assert_eq!(
        router.neighbours_to_solicit(),
        BTreeMap::from([(key, Urgency::Stale)])
    );

    kernel.links.get_mut(&CORE0).unwrap().up = false;
    router.set_kernel(Arc::new(kernel));
    assert!(matches!(state(&router), State::NextHopUnresolved(_)));
    assert_eq!(
        router.neighbours_to_solicit(),
        BTreeMap::new(),
        "nobody is asked on a dead link"
    );
}

#[test]
fn routes_of_the_kernel_with_a_gateway_on_our_interfaces_are_forwarded() {
    let mut kernel = kernel();
    let gateway = |index, address: &str| Gateway {
        index,
        address: address.parse().unwrap(),
        weight: 1,
    };
    let route = |gateways: Gateways| Route {
        metric: 0,
        gateways,
    };
    let prefix = |prefix: &str| prefix.parse::<IpNet>().unwrap();
    kernel.routes = Arc::new(
        [
            (
                (254, prefix("10.9.0.0/16")),
                route(smallvec![gateway(CORE0, "10.0.12.2")]),
            ),
            (
                (254, prefix("0.0.0.0/0")),
                route(smallvec![gateway(MANAGEMENT, "192.0.2.254")]),
            ),
            (
                (254, prefix("10.8.0.0/16")),
                route(smallvec![
                    gateway(CORE0, "10.0.12.2"),
                    gateway(CORE0, "10.0.12.3"),
                ]),
            ),
            (
                (table_of_vrf(7), prefix("10.9.0.0/16")),
                route(smallvec![gateway(RED0, "10.0.12.9")]),
            ),
            (
                (99, prefix("10.7.0.0/16")),
                route(smallvec![gateway(CORE0, "10.0.12.2")]),
            ),
            // A FEC with an LSP is labelled, whatever the kernel knows of it.
            (
                (254, prefix("10.2.0.0/24")),
                route(smallvec![gateway(CORE0, "10.0.12.7")]),
            ),
        ]
        .into(),
    );
    let lfib = router(kernel).desired().lfib;
    let hops = |vrf, prefix| -> Vec<String> {
        let group = action(&lfib, vrf, prefix).and_then(FtnAction::path_group);
        let paths = group.map_or(&[][..], |group| group.paths());
        paths
            .iter()
            .map(|path| path.nhlfe.next_hop().to_string())
            .collect()
    };
    assert_eq!(hops(0, "10.9.0.0/16"), ["10.0.12.2 on core0"]);
    assert_eq!(hops(7, "10.9.0.0/16"), ["10.0.12.9 on red0"]);
    assert_eq!(hops(0, "10.8.0.0/16").len(), 2);
    assert_eq!(hops(0, "0.0.0.0/0").len(), 0, "out of another interface");
    assert_eq!(hops(0, "10.7.0.0/16").len(), 0, "a table of nobody");
    assert_eq!(hops(0, "10.2.0.0/24"), ["10.0.12.2 on core0"]);
}

/// RFC 7307: a topology has the router's own addresses and links, and the routes of its table.
#[test]
fn a_topology_is_a_vrf_of_the_switch_with_the_interfaces_of_the_global_one() {
    let mut config = config();
    let dscp = forwarding::Dscp::new(46).unwrap();
    config.topologies = vec![crate::config::TopologyConfig {
        id: ldp::MultiTopologyId(3996),
        routing_table: 103,
        dscps: BTreeSet::from([dscp]),
    }];
    let fec = "10.9.0.0/24 topology 3996".parse().unwrap();
    let next_hop = NextHop::new("core0", [10, 0, 12, 2].into());
    config.static_routes.insert(fec, vec![(next_hop, 1)]);
    let mut kernel = kernel();
    let gateway = Gateway {
        index: CORE0,
        address: "10.0.12.2".parse().unwrap(),
        weight: 1,
    };
    let key = (CORE0, gateway.address);
    kernel
        .neighbours
        .insert(key, neighbour(NeighbourState::Reachable));
    let route = Route {
        metric: 0,
        gateways: smallvec![gateway.clone()],
    };
    kernel.routes = Arc::new([((103, "10.8.0.0/16".parse().unwrap()), route)].into());
    let mut router = Router::new(Arc::new(config)).unwrap();
    router.set_kernel(Arc::new(kernel.clone()));
    // The static route goes into the kernel's table of the topology, and comes back from there.
    let own = router.own_routes();
    let key = (103, fec.prefix);
    assert_eq!(own[&key][..], [gateway]);
    kernel.own_routes = own;
    router.set_kernel(Arc::new(kernel));
    let desired = router.desired();
    assert_eq!(desired.topologies[&(VrfId::DEFAULT, dscp)], VrfId(3996));
    assert_eq!(router.view().topologies, desired.topologies);
    let of = |vrf, prefix| action(&desired.lfib, vrf, prefix).map(ToString::to_string);
    for (prefix, expected) in [
        ("10.0.12.1/32", "to-router"),
        ("10.0.12.0/24", "glean"),
        ("10.0.12.2/32", "forward"),
        ("10.8.0.0/16", "forward"),
        ("10.9.0.0/24", "forward"),
    ] {
        assert_eq!(of(3996, prefix).as_deref(), Some(expected), "{prefix}");
    }
    assert_eq!(of(0, "10.8.0.0/16"), None);
    assert_eq!(of(0, "10.9.0.0/24"), None);
    // VRF 7 has an interface of its own, and no topology.
    assert_eq!(of(7, "10.0.12.2/32"), None);
}

#[test]
fn special_purpose_labels_are_bound_in_every_label_space_in_use() {
    let mut config = config();
    config.interfaces[1].label_space = 3;
    let mut router = Router::new(Arc::new(config.clone())).unwrap();
    let spaces = |router: &Router| -> Vec<(u16, usize)> {
        let lfib = router.desired().lfib;
        let mut spaces = BTreeMap::new();
        for key in lfib.ilm.keys().filter(|key| key.label.is_reserved()) {
            *spaces.entry(key.label_space.0).or_default() += 1;
        }
        spaces.into_iter().collect()
    };
    assert_eq!(spaces(&router), [(0, 16), (3, 16), (0xffff, 16)]);
    config.interfaces[1].mpls = false;
    // RFC 5331: a context label leads to a space of its own.
    config.static_lsps[1].ilm.as_mut().unwrap().1 =
        IlmAction::pop_and_look_up_label(LabelSpace::FIRST_CONTEXT);
    router.set_config(Arc::new(config)).unwrap();
    assert_eq!(spaces(&router), [(0, 16), (0x8000, 16), (0xffff, 16)]);
}

#[test]
fn the_router_itself_reaches_the_fecs_of_its_lsps_by_routes_of_the_kernel() {
    let router = router(kernel());
    let gateway = Gateway {
        index: CORE0,
        address: "10.0.12.2".parse().unwrap(),
        weight: 1,
    };
    let fec = "10.2.0.0/24".parse().unwrap();
    assert_eq!(
        router.own_routes(),
        Routes::from([((254, fec), smallvec![gateway])])
    );
}

#[test]
fn an_interface_that_leaves_the_configuration_takes_its_next_hops_along() {
    let mut kernel = kernel();
    let key = (CORE0, "10.0.12.2".parse().unwrap());
    kernel
        .neighbours
        .insert(key, neighbour(NeighbourState::Reachable));
    let mut router = router(kernel);
    let mut config = config();
    config.interfaces.remove(0);
    router.set_config(Arc::new(config)).unwrap();
    let desired = router.desired();
    assert_eq!(desired.lfib.resolved.len(), 0);
    let names: Vec<&str> = desired
        .interfaces
        .keys()
        .map(InterfaceName::as_str)
        .collect();
    assert_eq!(names, ["red0"]);
    assert_eq!(action(&desired.lfib, 0, "10.0.12.1/32"), None);
}

#[test]
fn the_switch_gets_the_settings_of_an_interface() {
    let mut config = config();
    config.interfaces[1].vlan = 100;
    let mut router = Router::new(Arc::new(config)).unwrap();
    router.set_kernel(Arc::new(kernel()));
    let desired = router.desired();
    let red0 = &desired.interfaces["red0"];
    assert_eq!((red0.port, red0.vlan), (2, VlanId::new(100).ok()));
    assert_eq!((red0.vrf, red0.mpls_enabled), (VrfId(7), true));
    assert_eq!(red0.mac, MacAddress([2, 10, 255, 0, 1, 2]));
    assert_eq!((red0.mtu, red0.mpls_mtu), (1500, 1508));
    assert_eq!(desired.interfaces["core0"].vlan, None);
    assert_eq!(desired.router_id, std::net::Ipv4Addr::new(10, 255, 0, 1));
}

#[test]
fn configured_punt_rates_stand_before_those_of_the_profile() {
    let mut config = config();
    let rate = dataplane::PuntRate { rate: 7, burst: 3 };
    config.punt.insert(dataplane::PuntReason::Ldp, rate);
    let desired = Router::new(Arc::new(config)).unwrap().desired();
    assert_eq!(desired.punt[&dataplane::PuntReason::Ldp], rate);
    assert_eq!(desired.punt.len(), dataplane::PuntReason::ALL.len());
}
