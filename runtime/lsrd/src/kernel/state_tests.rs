use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::RouteNextHop;

use super::*;

fn link(index: u32, name: &str, up: bool) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    if up {
        message.header.flags = LinkFlags::Up;
    }
    message.attributes = vec![LinkAttribute::IfName(name.into()), LinkAttribute::Mtu(1500)];
    message
}

fn address(index: u32, net: &str, flags: AddressFlags) -> AddressMessage {
    let net: IpNet = net.parse().unwrap();
    let mut message = AddressMessage::default();
    message.header.index = index;
    message.header.prefix_len = net.prefix_len();
    message.attributes = vec![
        AddressAttribute::Address(net.addr()),
        AddressAttribute::Flags(flags),
    ];
    message
}

fn neighbour(index: u32, state: NeighbourState) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.ifindex = index;
    message.header.state = state;
    message.attributes = vec![
        NeighbourAttribute::Destination(NeighbourAddress::Inet([10, 0, 12, 2].into())),
        NeighbourAttribute::LinkLayerAddress(vec![2, 0, 0, 0, 0, 2]),
    ];
    message
}

fn route(prefix: &str, attributes: Vec<RouteAttribute>) -> RouteMessage {
    let prefix: IpNet = prefix.parse().unwrap();
    let mut message = RouteMessage::default();
    message.header.address_family = match prefix {
        IpNet::V4(_) => AddressFamily::Inet,
        IpNet::V6(_) => AddressFamily::Inet6,
    };
    message.header.table = 254;
    message.header.kind = RouteType::Unicast;
    message.header.protocol = RouteProtocol::Static;
    message.header.destination_prefix_length = prefix.prefix_len();
    message.attributes = attributes;
    if prefix.prefix_len() > 0 {
        message
            .attributes
            .push(RouteAttribute::Destination(prefix.addr().into()));
    }
    message
}

fn via(index: u32, address: [u8; 4]) -> Vec<RouteAttribute> {
    vec![
        RouteAttribute::Oif(index),
        RouteAttribute::Gateway(RouteAddress::Inet(address.into())),
    ]
}

fn dump(messages: &[RouteMessage]) -> RouteDump {
    let mut dump = RouteDump::default();
    messages.iter().for_each(|message| dump.add(message));
    dump
}

fn gateway(index: u32, address: &str, weight: u16) -> Gateway {
    Gateway {
        index,
        address: address.parse().unwrap(),
        weight,
    }
}

fn key(prefix: &str) -> (u32, IpNet) {
    (254, prefix.parse().unwrap())
}

#[test]
fn links_come_change_and_go_with_all_that_is_on_them() {
    use RouteNetlinkMessage as Message;
    let mut state = KernelState::default();
    assert_eq!(
        state.apply(&Message::NewLink(link(5, "core0", false))),
        Effect::Changed
    );
    assert_eq!(
        state.apply(&Message::NewLink(link(5, "core0", false))),
        Effect::Nothing
    );
    assert_eq!(
        state.apply(&Message::NewLink(link(5, "core0", true))),
        Effect::Changed
    );
    assert_eq!(state.index("core0"), Some(5));
    state.apply(&Message::NewAddress(address(
        5,
        "10.0.12.1/24",
        AddressFlags::Permanent,
    )));
    state.apply(&Message::NewNeighbour(neighbour(
        5,
        NeighbourState::Reachable,
    )));
    assert_eq!(
        state.apply(&Message::DelLink(link(5, "core0", true))),
        Effect::Changed
    );
    assert_eq!(state, KernelState::default());
}

#[test]
fn rfc_4862_an_address_counts_when_detection_has_ended() {
    use RouteNetlinkMessage as Message;
    let mut state = KernelState::default();
    let net = "2001:db8::1/64";
    let mut usable = |flags: AddressFlags| {
        state.apply(&Message::NewAddress(address(5, net, flags)));
        state.addresses.contains(&(5, net.parse().unwrap()))
    };
    assert!(!usable(AddressFlags::Tentative | AddressFlags::Permanent));
    assert!(usable(AddressFlags::Permanent));
    assert!(!usable(AddressFlags::Dadfailed | AddressFlags::Permanent));
    assert!(usable(AddressFlags::Tentative | AddressFlags::Optimistic));
}

#[test]
fn a_neighbour_is_resolved_in_the_states_that_allow_to_send() {
    use RouteNetlinkMessage as Message;
    let mut state = KernelState::default();
    let key = (5, "10.0.12.2".parse().unwrap());
    for (word, resolved) in [
        (NeighbourState::None, false),
        (NeighbourState::Incomplete, false),
        (NeighbourState::Reachable, true),
        (NeighbourState::Stale, true),
        (NeighbourState::Delay, true),
        (NeighbourState::Probe, true),
        (NeighbourState::Permanent, true),
        (NeighbourState::Failed, false),
    ] {
        state.apply(&Message::NewNeighbour(neighbour(5, word)));
        assert_eq!(
            state.neighbours[&key].resolved().is_some(),
            resolved,
            "{word:?}"
        );
    }
    let gone = Message::DelNeighbour(neighbour(5, NeighbourState::Failed));
    assert_eq!(state.apply(&gone), Effect::Changed);
    assert_eq!(state.apply(&gone), Effect::Nothing);
}

#[test]
fn a_route_notification_only_says_that_routes_changed() {
    let mut state = KernelState::default();
    let message = RouteNetlinkMessage::NewRoute(route("10.9.0.0/16", via(5, [10, 0, 12, 2])));
    assert_eq!(state.apply(&message), Effect::RoutesChanged);
    assert!(state.routes.is_empty());
}

#[test]
fn of_several_routes_of_a_prefix_the_one_with_the_lowest_metric_counts() {
    let mut state = KernelState::default();
    let with_metric = |address, metric| {
        let mut attributes = via(5, address);
        attributes.push(RouteAttribute::Priority(metric));
        route("10.9.0.0/16", attributes)
    };
    let messages = [
        with_metric([10, 0, 12, 3], 20),
        with_metric([10, 0, 12, 2], 10),
        with_metric([10, 0, 12, 4], 30),
    ];
    assert!(state.replace_routes(dump(&messages)));
    assert!(!state.replace_routes(dump(&messages)));
    let route = &state.routes[&key("10.9.0.0/16")];
    assert_eq!(route.gateways[..], [gateway(5, "10.0.12.2", 1)]);
}

#[test]
fn a_default_route_has_no_destination_attribute() {
    let mut state = KernelState::default();
    state.replace_routes(dump(&[route("0.0.0.0/0", via(5, [10, 0, 12, 2]))]));
    assert!(state.routes.contains_key(&key("0.0.0.0/0")));
}

#[test]
fn a_multipath_route_has_the_weights_of_its_live_gateways() {
    let hop = |index, address: [u8; 4], hops, flags| {
        let mut hop = RouteNextHop::default();
        hop.interface_index = index;
        hop.hops = hops;
        hop.flags = flags;
        hop.attributes = vec![RouteAttribute::Gateway(RouteAddress::Inet(address.into()))];
        hop
    };
    let hops = vec![
        hop(5, [10, 0, 12, 2], 0, RouteNextHopFlags::empty()),
        hop(6, [10, 0, 13, 2], 2, RouteNextHopFlags::empty()),
        hop(7, [10, 0, 14, 2], 0, RouteNextHopFlags::Dead),
    ];
    let mut state = KernelState::default();
    state.replace_routes(dump(&[route(
        "10.9.0.0/16",
        vec![RouteAttribute::MultiPath(hops)],
    )]));
    let expected = [gateway(5, "10.0.12.2", 1), gateway(6, "10.0.13.2", 3)];
    assert_eq!(state.routes[&key("10.9.0.0/16")].gateways[..], expected);
}

#[test]
fn routes_without_gateway_with_encapsulation_or_of_other_kinds_are_left_to_the_kernel() {
    let mut state = KernelState::default();
    let connected = route("10.0.12.0/24", vec![RouteAttribute::Oif(5)]);
    let mut blackhole = route("10.8.0.0/16", via(5, [10, 0, 12, 2]));
    blackhole.header.kind = RouteType::BlackHole;
    let mut encapsulated = via(5, [10, 0, 12, 2]);
    encapsulated.push(RouteAttribute::Encap(Vec::new()));
    let encapsulated = route("10.7.0.0/16", encapsulated);
    assert!(!state.replace_routes(dump(&[connected, blackhole, encapsulated])));
    assert!(state.routes.is_empty());
}

#[test]
fn our_own_routes_are_told_apart() {
    let mut state = KernelState::default();
    let mut ours = route("10.2.0.0/24", via(5, [10, 0, 12, 2]));
    ours.header.protocol = RouteProtocol::Other(PROTOCOL);
    assert!(state.replace_routes(dump(&[ours])));
    assert!(state.routes.is_empty());
    assert_eq!(
        state.own_routes[&key("10.2.0.0/24")][..],
        [gateway(5, "10.0.12.2", 1)]
    );
}

#[test]
fn an_ipv4_route_may_have_an_ipv6_gateway() {
    let attributes = vec![
        RouteAttribute::Oif(5),
        RouteAttribute::Via(RouteVia::Inet6("fe80::2".parse().unwrap())),
        RouteAttribute::Table(100_007),
    ];
    let mut state = KernelState::default();
    state.replace_routes(dump(&[route("10.9.0.0/16", attributes)]));
    let route = &state.routes[&(100_007, "10.9.0.0/16".parse().unwrap())];
    assert_eq!(route.gateways[..], [gateway(5, "fe80::2", 1)]);
}
