//! Which packets a port takes at all.

use crate::dut::{Drop, Dut, Ftn, Ilm, Punt};
use crate::frame::{IPV4, Ipv4, MPLS, NEIGHBOUR, ethernet, received, stack};

/// RFC 5920 section 8.1.1: labelled packets are refused on an interface where MPLS is not enabled.
#[test]
fn mpls_is_refused_where_it_is_not_enabled() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::Swap(dut.path(&[200])));
    let frame = received(
        MPLS,
        &[&stack(&[100], 0, 64), &Ipv4::to([10, 2, 0, 2]).octets()],
    );
    dut.send(3, &frame).is_dropped(Drop::MplsNotEnabled);
    assert_eq!(dut.send(1, &frame).frames.len(), 1);
}

/// A router forwards what is sent to its own MAC address, and nothing else that it overhears.
#[test]
fn only_packets_to_the_station_mac_are_forwarded() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::Swap(dut.path(&[200])));
    dut.ftn4(0, [0, 0, 0, 0], 0, Ftn::Forward(dut.path(&[])));
    let packet = Ipv4::to([10, 2, 0, 2]).octets();
    for dst in [
        [0xff; 6],
        [0x01, 0, 0x5e, 0, 0, 1],
        [0x02, 0, 0, 0, 0, 0x99],
    ] {
        let labelled = ethernet(dst, NEIGHBOUR, MPLS, &[&stack(&[100], 0, 64), &packet]);
        dut.send(1, &labelled).is_dropped(Drop::NotForRouter);
        let unicast_ip = ethernet(dst, NEIGHBOUR, IPV4, &[&packet]);
        dut.send(1, &unicast_ip).is_dropped(Drop::NotForRouter);
    }
}

/// A port that nobody configured forwards nothing.
#[test]
fn an_unconfigured_port_drops() {
    let dut = Dut::new();
    dut.ilm(100, Ilm::Swap(dut.path(&[200])));
    let frame = received(
        MPLS,
        &[&stack(&[100], 0, 64), &Ipv4::to([10, 2, 0, 2]).octets()],
    );
    dut.send(6, &frame).is_dropped(Drop::NoInterface);
}

/// ARP and neighbour discovery reach the daemon without an address of the router in them.
#[test]
fn control_packets_reach_the_daemon() {
    let dut = Dut::new();
    dut.control_packet(0x0806, 0xffff, [0; 6], [0; 6]);
    dut.control_packet(
        0x86dd,
        0xffff,
        [0x33, 0x33, 0, 0, 0, 0],
        [0xff, 0xff, 0, 0, 0, 0],
    );
    let arp = ethernet([0xff; 6], NEIGHBOUR, 0x0806, &[&[0; 28]]);
    let punted = dut.send(1, &arp).punted(Punt::Control);
    assert_eq!((punted.ingress_port, &punted.frame), (1, &arp));
    let unicast_arp = received(0x0806, &[&[0; 28]]);
    dut.send(1, &unicast_arp).punted(Punt::Control);
    let solicitation = ethernet(
        [0x33, 0x33, 0xff, 0, 0, 1],
        NEIGHBOUR,
        0x86dd,
        &[&[0x60; 64]],
    );
    assert_eq!(
        dut.send(3, &solicitation)
            .punted(Punt::Control)
            .ingress_port,
        3
    );
    let other = ethernet([0xff; 6], NEIGHBOUR, 0x88cc, &[&[0; 40]]);
    dut.send(1, &other).is_dropped(Drop::NotForRouter);
    dut.send(1, &received(0x88cc, &[&[0; 40]]))
        .is_dropped(Drop::EtherType);
}
