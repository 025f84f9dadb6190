use std::sync::Arc;

use etherparse::PacketBuilder;
use forwarding::{
    Forwarding, InterfaceName, MacAddress, NextHop, Nhlfe, Owner, Path, PathGroup, Protocol,
};
use mpls::Label;

use super::super::view::{InterfaceView, PortVlan};
use super::*;

const HOST0: MacAddress = MacAddress([2, 0, 0, 0, 1, 1]);
const CORE0: MacAddress = MacAddress([2, 0, 0, 0, 1, 2]);
const NEIGHBOUR: MacAddress = MacAddress([2, 0, 0, 0, 2, 1]);

const AT_HOST0: PortVlan = PortVlan { port: 1, vlan: 0 };
const AT_CORE0: PortVlan = PortVlan { port: 2, vlan: 0 };
const AT_NOBODY: PortVlan = PortVlan { port: 9, vlan: 0 };

fn view(labels: &[u32], ttl_model: TunnelModel) -> RouterView {
    let mut forwarding = Forwarding::new();
    forwarding.set_interface("core0".into(), true);
    forwarding.set_neighbour(NextHop::new("core0", [10, 0, 12, 2].into()), NEIGHBOUR);
    let nhlfe = |last: u8| {
        let labels = labels.iter().map(|label| Label::new(*label).unwrap());
        let next_hop = NextHop::new("core0", [10, 0, 12, last].into());
        Nhlfe::new(next_hop, labels, ttl_model).unwrap()
    };
    let mut bind = |fec: &str, nhlfes: Vec<Nhlfe>| {
        let fec = Fec::prefix(VrfId::DEFAULT, fec.parse().unwrap());
        let paths = nhlfes.into_iter().map(|nhlfe| Path::new(nhlfe, 1));
        let group = PathGroup::new(paths).unwrap();
        let owner = Owner::from(Protocol::Static);
        forwarding.bind_ftn(owner, fec, FtnAction::Forward(Arc::new(group)));
    };
    bind("10.2.0.0/16", vec![nhlfe(2)]);
    bind(
        "10.2.9.0/24",
        vec![Nhlfe::unlabelled(NextHop::new(
            "core0",
            [10, 0, 12, 2].into(),
        ))],
    );
    bind("10.3.0.0/16", vec![nhlfe(9)]);
    bind("10.4.0.0/16", vec![nhlfe(2), nhlfe(9)]);
    let fec = Fec::prefix(VrfId::DEFAULT, "10.5.0.0/16".parse().unwrap());
    let action = FtnAction::Forward(Arc::new(PathGroup::single(nhlfe(2))));
    forwarding.bind_ftn(Protocol::Ldp.into(), fec, action);
    let interface = |interface: &str, mac| InterfaceView {
        interface: InterfaceName::from(interface),
        mac,
        vrf: VrfId::DEFAULT,
        mpls_mtu: 1504,
        addresses: Vec::new(),
    };
    RouterView {
        interfaces: [
            (AT_HOST0, interface("host0", HOST0)),
            (AT_CORE0, interface("core0", CORE0)),
        ]
        .into(),
        lfib: forwarding.lfib(),
        ..RouterView::default()
    }
}

fn frame_to(destination: [u8; 4]) -> Vec<u8> {
    let mut packet = Vec::new();
    let builder = PacketBuilder::ipv4([10, 1, 0, 1], destination, 61).udp(646, 646);
    builder.write(&mut packet, b"hello").unwrap();
    // The precedence INTERNETWORK CONTROL.
    packet[1] = 0xc0;
    frame::build(MacAddress([2; 6]), HOST0, 0, ETHER_TYPE_IPV4, &[&packet])
}

fn labelled(origin: Origin) -> (u16, Vec<(u32, u8, u8)>, Vec<u8>) {
    let Origin::Labelled { port, frame } = origin else {
        panic!("{origin:?}")
    };
    let parsed = Frame::parse(&frame).unwrap();
    assert_eq!(parsed.destination(), NEIGHBOUR);
    assert_eq!(frame[6..12], CORE0.0);
    assert_eq!(parsed.ether_type(), ETHER_TYPE_MPLS);
    let (stack, payload) = LabelStack::decode(parsed.payload()).unwrap();
    let entry = |entry: &mpls::LabelStackEntry| {
        (entry.label.value(), entry.traffic_class.value(), entry.ttl)
    };
    (port, stack.iter().map(entry).collect(), payload.to_vec())
}

#[test]
fn a_packet_of_the_router_enters_the_lsp_of_its_fec() {
    let view = view(&[300, 100], TunnelModel::Uniform);
    let octets = frame_to([10, 2, 0, 1]);
    let (port, stack, payload) = labelled(originate(&view, AT_HOST0, &octets));
    // It leaves at the port of the next hop, wherever the kernel's route led. The IP packet is as
    // the kernel made it; its TTL and precedence are copied (RFC 3443, RFC 3270).
    assert_eq!(port, 2);
    assert_eq!(stack, [(300, 6, 61), (100, 6, 61)]);
    assert_eq!(payload, octets[14..]);
}

/// RFC 6720, section 2.3: LDP's packets arrive with the TTL that they were sent with, 255.
#[test]
fn packets_of_ldp_do_not_enter_the_lsps_that_it_made() {
    let view = view(&[100], TunnelModel::Uniform);
    assert_eq!(
        originate(&view, AT_HOST0, &frame_to([10, 5, 0, 9])),
        Origin::AsIs
    );
    let mut other = frame_to([10, 5, 0, 9]);
    // Both ports are others.
    other[14 + 20..14 + 24].copy_from_slice(&[0x80, 1, 0x80, 2]);
    let origin = originate(&view, AT_HOST0, &other);
    assert!(matches!(origin, Origin::Labelled { .. }), "{origin:?}");
}

#[test]
fn in_the_pipe_model_the_lsp_has_a_ttl_of_its_own() {
    let view = view(&[100], TunnelModel::Pipe);
    let (_, stack, _) = labelled(originate(&view, AT_HOST0, &frame_to([10, 2, 0, 1])));
    assert_eq!(stack, [(100, 6, 255)]);
}

#[test]
fn a_longer_prefix_without_labels_is_left_to_the_kernel() {
    let view = view(&[100], TunnelModel::Uniform);
    for destination in [[10, 2, 9, 1], [192, 0, 2, 1]] {
        assert_eq!(
            originate(&view, AT_HOST0, &frame_to(destination)),
            Origin::AsIs
        );
    }
}

#[test]
fn without_a_usable_next_hop_nothing_leaves_and_with_one_of_two_all_use_it() {
    let view = view(&[100], TunnelModel::Uniform);
    assert_eq!(
        originate(&view, AT_HOST0, &frame_to([10, 3, 0, 1])),
        Origin::NoNextHop
    );
    for last in 0..16 {
        let (_, stack, _) = labelled(originate(&view, AT_HOST0, &frame_to([10, 4, 0, last])));
        assert_eq!(stack, [(100, 6, 61)]);
    }
}

#[test]
fn what_is_no_unicast_ip_packet_leaves_as_it_is() {
    let view = view(&[100], TunnelModel::Uniform);
    let arp = frame::build(
        MacAddress([0xff; 6]),
        HOST0,
        0,
        0x0806,
        &[b"who-has 10.2.0.1"],
    );
    let mut multicast = frame_to([10, 2, 0, 1]);
    multicast[0] |= 1;
    let short = vec![0; 13];
    let empty = frame::build(NEIGHBOUR, HOST0, 0, ETHER_TYPE_IPV4, &[]);
    for octets in [arp, multicast, short, empty] {
        assert_eq!(originate(&view, AT_HOST0, &octets), Origin::AsIs);
    }
    assert_eq!(
        originate(&view, AT_NOBODY, &frame_to([10, 2, 0, 1])),
        Origin::AsIs,
        "a port of nobody"
    );
}

#[test]
fn the_label_frame_has_the_tag_of_the_interface_that_it_leaves_by() {
    let mut view = view(&[100], TunnelModel::Uniform);
    let core0 = view.interfaces.remove(&AT_CORE0).unwrap();
    let tagged = PortVlan { port: 2, vlan: 100 };
    view.interfaces.insert(tagged, core0);
    let origin = originate(&view, AT_HOST0, &frame_to([10, 2, 0, 1]));
    let Origin::Labelled { port, frame } = origin else {
        panic!("{origin:?}")
    };
    let frame = Frame::parse(&frame).unwrap();
    assert_eq!((port, frame.vlan()), (2, 100));
    assert_eq!(frame.ether_type(), ETHER_TYPE_MPLS);
}

#[test]
fn the_switch_puts_on_what_is_more_than_labels() {
    let mut forwarding = Forwarding::new();
    forwarding.set_interface("core0".into(), true);
    let next_hop = NextHop::new("core0", [10, 0, 12, 2].into());
    let labels = [Label::new(100).unwrap()];
    let nhlfe = Nhlfe::new(next_hop, labels, TunnelModel::Uniform).unwrap();
    let group = PathGroup::single(nhlfe.with_entropy_label(1).unwrap());
    let fec = Fec::prefix(VrfId::DEFAULT, "10.2.0.0/16".parse().unwrap());
    let owner = Owner::from(Protocol::Static);
    forwarding.bind_ftn(owner, fec, FtnAction::Forward(Arc::new(group)));
    let view = RouterView {
        lfib: forwarding.lfib(),
        ..view(&[], TunnelModel::Uniform)
    };
    let octets = frame_to([10, 2, 0, 1]);
    let expected = Origin::BySwitch {
        port: 1,
        frame: frame::build(HOST0, HOST0, 0, ETHER_TYPE_IPV4, &[&octets[14..]]),
    };
    assert_eq!(originate(&view, AT_HOST0, &octets), expected);
}

/// RFC 3988 section 4, RFC 3032 section 3.1: of what is too big for an LSP, or for its link with the labels on it, the
/// kernel is told, as by the next hop; what may be fragmented goes to the switch, as from a host.
#[test]
fn the_kernel_is_told_what_fits_the_lsp() {
    let next_hop = NextHop::new("core0", [10, 0, 12, 2].into());
    // The length of the packet in `frame_to`.
    let length = 20 + 8 + 5;
    for (label, lsp, link, told) in [
        (Some(100), None, length + 4, None),
        (Some(100), None, length + 3, Some(length - 1)),
        (Some(100), Some(length), 1504, None),
        (Some(100), Some(length - 1), 1504, Some(length - 1)),
        (Some(100), Some(length - 1), length + 2, Some(length - 2)),
        (None, None, length, None),
    ] {
        let mut forwarding = Forwarding::new();
        forwarding.set_interface("core0".into(), true);
        forwarding.set_neighbour(next_hop.clone(), NEIGHBOUR);
        let labels = label.map(|label| Label::new(label).unwrap());
        let nhlfe = Nhlfe::new(next_hop.clone(), labels, TunnelModel::Uniform).unwrap();
        let group = PathGroup::new([Path::new(nhlfe, 1).with_mtu(lsp)]).unwrap();
        let fec = Fec::prefix(VrfId::DEFAULT, "10.2.0.0/16".parse().unwrap());
        let action = FtnAction::Forward(Arc::new(group));
        forwarding.bind_ftn(Owner::from(Protocol::Static), fec, action);
        let mut view = RouterView {
            lfib: forwarding.lfib(),
            ..view(&[], TunnelModel::Uniform)
        };
        for interface in view.interfaces.values_mut() {
            interface.mpls_mtu = link;
        }
        let mut sent = frame_to([10, 2, 0, 1]);
        let answer = match originate(&view, AT_HOST0, &sent) {
            Origin::TooBig(place, frame) => {
                assert_eq!(place, AT_CORE0);
                assert_eq!(
                    (&frame[..6], &frame[6..12]),
                    (&CORE0.0[..], &NEIGHBOUR.0[..])
                );
                // From the next hop, to the source; RFC 1191 section 4.
                assert_eq!(frame[14 + 12..14 + 20], [10, 0, 12, 2, 10, 1, 0, 1]);
                assert_eq!(frame[14 + 20..14 + 22], [3, 4]);
                Some(u16::from_be_bytes([frame[14 + 26], frame[14 + 27]]))
            }
            Origin::Labelled { .. } | Origin::AsIs => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(answer, told, "{label:?} {lsp:?} {link}");
        // DF is clear.
        sent[14 + 6] = 0;
        let by_switch = matches!(
            originate(&view, AT_HOST0, &sent),
            Origin::BySwitch { port: 1, .. }
        );
        assert_eq!(by_switch, told.is_some(), "{label:?} {lsp:?} {link}");
    }
}

/// RFC 7307: what the router sends with the DSCP of a topology goes by the routes of that, with labels or without;
/// the sessions of LDP stay with the default one.
#[test]
fn a_packet_of_a_topology_goes_by_the_routes_of_that() {
    let mut forwarding = Forwarding::new();
    forwarding.set_interface("core0".into(), true);
    let next_hop = NextHop::new("core0", [10, 0, 12, 2].into());
    forwarding.set_neighbour(next_hop.clone(), NEIGHBOUR);
    let labelled_by = |labels: &[u32]| {
        let labels = labels.iter().map(|label| Label::new(*label).unwrap());
        let nhlfe = Nhlfe::new(next_hop.clone(), labels, TunnelModel::Uniform).unwrap();
        FtnAction::Forward(Arc::new(PathGroup::single(nhlfe)))
    };
    let topology = VrfId(3996);
    let mut bind = |vrf, fec: &str, action| {
        let fec = Fec::prefix(vrf, fec.parse().unwrap());
        forwarding.bind_ftn(Owner::from(Protocol::Ldp), fec, action);
    };
    bind(VrfId::DEFAULT, "10.2.0.0/16", labelled_by(&[100]));
    bind(topology, "10.2.0.0/16", labelled_by(&[200]));
    bind(topology, "10.3.0.0/16", labelled_by(&[]));
    let internetwork_control = Dscp::new(48).unwrap();
    let view = RouterView {
        lfib: forwarding.lfib(),
        topologies: [((VrfId::DEFAULT, internetwork_control), topology)].into(),
        ..view(&[], TunnelModel::Uniform)
    };
    let of_ldp = frame_to([10, 2, 0, 1]);
    assert_eq!(originate(&view, AT_HOST0, &of_ldp), Origin::AsIs);
    let other_ports = |mut frame: Vec<u8>| {
        frame[14 + 20..14 + 24].copy_from_slice(&[0x80, 1, 0x80, 2]);
        frame
    };
    let mut sent = other_ports(frame_to([10, 2, 0, 1]));
    let (_, stack, _) = labelled(originate(&view, AT_HOST0, &sent));
    assert_eq!(stack, [(200, 6, 61)]);
    sent[14 + 1] = 0;
    let (_, stack, _) = labelled(originate(&view, AT_HOST0, &sent));
    assert_eq!(stack, [(100, 0, 61)]);
    let plain = other_ports(frame_to([10, 3, 0, 1]));
    let Origin::Labelled { port, frame } = originate(&view, AT_HOST0, &plain) else {
        panic!("the route of the topology is another one than the kernel took")
    };
    let frame = Frame::parse(&frame).unwrap();
    assert_eq!((port, frame.destination()), (2, NEIGHBOUR));
    assert_eq!(frame.payload(), &plain[14..]);
}
