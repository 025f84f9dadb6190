//! Routing topologies (RFC 7307): whose FECs a packet is looked up among.

use crate::dut::{Dut, Ftn, IPV4_BELOW, Ilm, Path, Punt, UNIFORM};
use crate::frame::{IPV4, IPV6, Ipv4, MPLS, forwarded, ipv6, received, stack};

const EF: u8 = 46;
const TOPOLOGY: u16 = 3996;

/// EF is of the topology; its routes lead to port 3, those of the default topology to port 2.
fn dut() -> Dut {
    let dut = Dut::new();
    let key = [("vrf", 0), ("dscp", u64::from(EF))];
    dut.add(
        "topology",
        &key,
        "set_topology",
        &[("vrf", u64::from(TOPOLOGY))],
    );
    for (vrf, label, port) in [(0, 200, 2), (TOPOLOGY, 300, 3)] {
        let group = dut.group_of(&[Path::new(&[label], port)]);
        dut.ftn4(vrf, [10, 2, 0, 0], 16, Ftn::Forward(group));
        dut.ftn6(vrf, [0x20; 16], 8, Ftn::Forward(group));
    }
    dut
}

fn packet(dscp: u8) -> Ipv4 {
    Ipv4::to([10, 2, 0, 2]).dscp(dscp)
}

/// RFC 5120 section 5: each topology has a table of its own.
#[test]
fn the_dscp_tells_the_topology() {
    let dut = dut();
    for (dscp, port, label) in [(0, 2, 200), (34, 2, 200), (EF, 3, 300)] {
        let labels = stack(&[label], dscp >> 3, 63);
        let out = forwarded(MPLS, &[&labels, &packet(dscp).ttl(63).octets()]);
        dut.send(1, &received(IPV4, &[&packet(dscp).octets()]))
            .is_forwarded(port, &out);
        let class = dscp << 2;
        let out = forwarded(MPLS, &[&labels, &ipv6([0x20; 16], 63, class, 7)]);
        dut.send(1, &received(IPV6, &[&ipv6([0x20; 16], 64, class, 7)]))
            .is_forwarded(port, &out);
    }
}

/// A topology without a route to the destination forwards nothing there: no other one is looked at.
#[test]
fn a_topology_does_not_lend_routes_of_another() {
    let dut = dut();
    let group = dut.group_of(&[Path::new(&[400], 2)]);
    dut.ftn4(0, [10, 3, 0, 0], 16, Ftn::Forward(group));
    let to = |dscp| Ipv4::to([10, 3, 0, 2]).dscp(dscp);
    let out = forwarded(MPLS, &[&stack(&[400], 0, 63), &to(0).ttl(63).octets()]);
    dut.send(1, &received(IPV4, &[&to(0).octets()]))
        .is_forwarded(2, &out);
    dut.send(1, &received(IPV4, &[&to(EF).octets()]))
        .punted(Punt::NoRoute);
}

/// RFC 7307 section 7: a label is of one topology, and tells it whatever the DSCP is; the explicit null tells
/// nothing.
#[test]
fn a_label_tells_the_topology() {
    let dut = dut();
    dut.explicit_nulls();
    dut.ilm(16, Ilm::PopIp(0, IPV4_BELOW, UNIFORM));
    dut.ilm(17, Ilm::PopIp(TOPOLOGY, IPV4_BELOW, UNIFORM));
    for (label, dscp, port, out) in [
        (16, EF, 2, 200),
        (17, 0, 3, 300),
        (0, EF, 3, 300),
        (0, 0, 2, 200),
    ] {
        let sent = received(MPLS, &[&stack(&[label], 0, 64), &packet(dscp).octets()]);
        let out = forwarded(
            MPLS,
            &[&stack(&[out], 0, 63), &packet(dscp).ttl(63).octets()],
        );
        dut.send(1, &sent).is_forwarded(port, &out);
    }
}
