//! One 802.1Q tag in and out: an interface is a port and a VLAN on it.

use crate::dut::{Drop, Dut, Ftn, Ilm, Path, Punt};
use crate::frame::{
    IPV4, Ipv4, MPLS, NEIGHBOUR, ROUTER, ethernet, forwarded, received, stack, tagged,
};

/// IEEE 802.1Q clause 9: the tag names the interface, and is gone behind it.
#[test]
fn a_tag_names_the_interface() {
    let dut = Dut::new();
    dut.interface(1, 10, true, 0, 7, 0);
    dut.interface(1, 20, false, 5, 0, 0);
    dut.ilm(100, Ilm::Swap(dut.path(&[200])));
    dut.ilm_in(7, 100, Ilm::Swap(dut.path(&[777])));
    dut.ftn4(5, [10, 2, 0, 0], 16, Ftn::Forward(dut.path(&[])));
    let packet = Ipv4::to([10, 2, 0, 2]);
    let labelled = received(MPLS, &[&stack(&[100], 0, 64), &packet.octets()]);
    let swapped = |label| forwarded(MPLS, &[&stack(&[label], 0, 63), &packet.octets()]);
    dut.send(1, &labelled).is_forwarded(2, &swapped(200));
    dut.send(1, &tagged(&labelled, 10, 0))
        .is_forwarded(2, &swapped(777));
    dut.send(1, &tagged(&labelled, 20, 0))
        .is_dropped(Drop::MplsNotEnabled);
    dut.send(1, &tagged(&labelled, 30, 0))
        .is_dropped(Drop::NoInterface);
    // A tag with VLAN ID 0 says a priority and no VLAN.
    dut.send(1, &tagged(&labelled, 0, 5))
        .is_forwarded(2, &swapped(200));
    let unlabelled = received(IPV4, &[&packet.octets()]);
    dut.send(1, &tagged(&unlabelled, 20, 0))
        .is_forwarded(2, &forwarded(IPV4, &[&packet.clone().ttl(63).octets()]));
}

/// The NHLFE puts the tag of its interface on, with the priority of the packet's class.
#[test]
fn the_nhlfe_tags_what_leaves_by_a_vlan() {
    let dut = Dut::new();
    let on_vlan = |labels| Path {
        vlan_id: 300,
        ..Path::new(labels, 2)
    };
    dut.ilm(100, Ilm::Swap(dut.group_of(&[on_vlan(&[200])])));
    dut.ftn4(
        0,
        [10, 2, 0, 0],
        16,
        Ftn::Forward(dut.group_of(&[on_vlan(&[])])),
    );
    let packet = Ipv4::to([10, 2, 0, 2]).dscp(0b101_110);
    let labelled = received(MPLS, &[&stack(&[100], 6, 64), &packet.octets()]);
    let swapped = forwarded(MPLS, &[&stack(&[200], 6, 63), &packet.octets()]);
    dut.send(1, &labelled)
        .is_forwarded(2, &tagged(&swapped, 300, 6));
    dut.interface(1, 10, true, 0, 0, 0);
    dut.send(1, &tagged(&labelled, 10, 3))
        .is_forwarded(2, &tagged(&swapped, 300, 6));
    let routed = forwarded(IPV4, &[&packet.clone().ttl(63).octets()]);
    dut.send(1, &received(IPV4, &[&packet.octets()]))
        .is_forwarded(2, &tagged(&routed, 300, 5));
}

/// The daemon sees the tag, for it names the interface.
#[test]
fn a_punted_frame_keeps_its_tag() {
    let dut = Dut::new();
    dut.interface(1, 10, true, 0, 0, 0);
    dut.control_packet(0x0806, 0xffff, [0; 6], [0; 6]);
    dut.ilm(
        100,
        Ilm::PopIp(0, crate::dut::IPV4_BELOW, crate::dut::UNIFORM),
    );
    dut.ftn4(0, [10, 1, 0, 1], 32, Ftn::ToRouter);
    let arp = tagged(&ethernet([0xff; 6], NEIGHBOUR, 0x0806, &[&[0; 28]]), 10, 7);
    assert_eq!(dut.send(1, &arp).punted(Punt::Control).frame, arp);
    let packet = Ipv4::to([10, 1, 0, 1]).octets();
    let labelled = received(MPLS, &[&stack(&[100], 0, 64), &packet]);
    let punted = dut
        .send(1, &tagged(&labelled, 10, 2))
        .punted(Punt::ToRouter);
    assert_eq!(punted.frame, tagged(&received(IPV4, &[&packet]), 10, 2));
    let unknown = tagged(&received(MPLS, &[&stack(&[99], 0, 64), &packet]), 10, 0);
    assert_eq!(
        dut.send(1, &unknown).punted(Punt::UnknownLabel).frame,
        unknown
    );
}

/// More than the one tag, and half a tag.
#[test]
fn wrong_tags_are_dropped() {
    let dut = Dut::new();
    dut.interface(1, 10, true, 0, 0, 0);
    let packet = Ipv4::to([10, 2, 0, 2]).octets();
    let inner = tagged(&received(IPV4, &[&packet]), 20, 0);
    dut.send(1, &tagged(&inner, 10, 0)).is_dropped(Drop::Vlan);
    let mut service = tagged(&inner, 10, 0);
    service[16..18].copy_from_slice(&[0x88, 0xa8]);
    dut.send(1, &service).is_dropped(Drop::Vlan);
    // The kernel's own links do not carry half a tag.
    if !dut.has_kernel_links() {
        let half = ethernet(ROUTER, NEIGHBOUR, 0x8100, &[&[0, 10]]);
        dut.send(1, &half).is_dropped(Drop::MalformedFrame);
    }
}
