//! Point-to-multipoint LSPs (RFC 4875, RFC 6388), upstream-assigned labels (RFC 5331, RFC 5332).

use crate::dut::{Drop, Dut, Ftn, IPV4_BELOW, Ilm, PIPE, Path, Punt, UNIFORM};
use crate::frame::{IPV4, Ipv4, MPLS, NEIGHBOUR, ethernet, forwarded, received, stack};

const UPSTREAM: u16 = 0x8848;
/// The CPU port, by which a bud node's own copy comes round.
const CPU: u16 = 510;

fn packet() -> Ipv4 {
    Ipv4::to([10, 2, 0, 2])
}

fn sorted(mut frames: Vec<(u16, Vec<u8>)>) -> Vec<(u16, Vec<u8>)> {
    frames.sort();
    frames
}

/// RFC 4875 section 4.2: a branch node swaps to another label on each branch; TTL and TC as for any swap,
/// and the labels below stay. Branches may leave by one port.
#[test]
fn a_branch_node_swaps_to_the_label_of_each_branch() {
    let dut = Dut::new();
    dut.branches(
        5,
        &[
            Path::new(&[201], 2),
            Path::new(&[300, 202], 4),
            Path::new(&[203], 4),
            Path {
                model: PIPE,
                vlan_id: 9,
                ..Path::new(&[301, 204], 5)
            },
        ],
    );
    dut.ilm(100, Ilm::Replicate(5));
    let incoming = received(MPLS, &[&stack(&[100, 555], 3, 64), &packet().octets()]);
    let out = |labels: &[u32]| {
        let mut below = stack(&[labels, &[555]].concat(), 3, 63);
        let at = below.len() - 1;
        below[at] = 64;
        forwarded(MPLS, &[&below, &packet().octets()])
    };
    let mut piped = out(&[301, 204]);
    piped[17] = 255;
    let outcome = dut.send(1, &incoming);
    assert!(
        outcome.dropped.is_empty() && outcome.packet_ins.is_empty(),
        "{outcome:?}"
    );
    assert_eq!(
        sorted(outcome.frames),
        sorted(vec![
            (2, out(&[201])),
            (4, out(&[300, 202])),
            (4, out(&[203])),
            (5, crate::frame::tagged(&piped, 9, 3)),
        ])
    );
}

/// The ingress: a multicast packet gets the labels of each branch.
#[test]
fn the_ingress_sends_a_copy_on_each_branch() {
    let dut = Dut::new();
    let group_mac = [0x01, 0, 0x5e, 1, 1, 1];
    dut.station_mac(1, group_mac);
    dut.branches(
        7,
        &[
            Path::new(&[201], 2),
            Path::new(&[202], 3),
            Path::new(&[], 4),
        ],
    );
    dut.ftn4(0, [232, 1, 1, 1], 32, Ftn::Replicate(7));
    let packet = Ipv4::to([232, 1, 1, 1]);
    let frame = ethernet(group_mac, NEIGHBOUR, IPV4, &[&packet.octets()]);
    let ip = packet.clone().ttl(63).octets();
    assert_eq!(
        sorted(dut.send(1, &frame).frames),
        [
            (2, forwarded(MPLS, &[&stack(&[201], 0, 63), &ip])),
            (3, forwarded(MPLS, &[&stack(&[202], 0, 63), &ip])),
            (4, forwarded(IPV4, &[&ip])),
        ]
    );
    dut.send(
        1,
        &ethernet(group_mac, NEIGHBOUR, IPV4, &[&packet.ttl(1).octets()]),
    )
    .punted(Punt::TtlExpired);
}

/// RFC 4461 section 2: a bud node is a branch and a leaf: its own copy is treated as a leaf treats it.
#[test]
fn a_bud_node_forwards_and_takes_its_own_copy() {
    let dut = Dut::new();
    let leaf = 0x8001;
    dut.local_branch(6, 1, leaf);
    dut.branch(6, 2, &Path::new(&[202], 4));
    dut.multicast(6, &[(CPU, 1), (4, 2)]);
    dut.ilm(100, Ilm::Replicate(6));
    dut.ilm_in(leaf, 100, Ilm::PopIp(0, IPV4_BELOW, UNIFORM));
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(dut.group(&[(&[], 5)])));
    let outcome = dut.send(
        1,
        &received(MPLS, &[&stack(&[100], 0, 64), &packet().octets()]),
    );
    assert_eq!(
        sorted(outcome.frames),
        [
            (
                4,
                forwarded(MPLS, &[&stack(&[202], 0, 63), &packet().octets()])
            ),
            (5, forwarded(IPV4, &[&packet().ttl(63).octets()])),
        ]
    );
}

/// RFC 5331 section 4 and RFC 5332 section 3: EtherType 0x8848 says that the top label was assigned
/// upstream; it is looked up in the label space of the neighbour that sent it.
#[test]
fn an_upstream_assigned_label_is_looked_up_in_its_neighbours_space() {
    let dut = Dut::new();
    let key = [
        ("ingress_port", 1),
        ("vlan_id", 0),
        ("src_addr", u64::from_be_bytes([0, 0, 2, 0, 0, 0, 0, 2])),
    ];
    dut.add(
        "upstream_context",
        &key,
        "set_upstream_context",
        &[("label_space", 0x9000)],
    );
    dut.ilm(100, Ilm::Swap(dut.path(&[200])));
    dut.ilm_in(0x9000, 100, Ilm::Swap(dut.path(&[900])));
    let frame = |ether_type| received(ether_type, &[&stack(&[100], 0, 64), &packet().octets()]);
    let out = |label| forwarded(MPLS, &[&stack(&[label], 0, 63), &packet().octets()]);
    dut.send(1, &frame(UPSTREAM)).is_forwarded(2, &out(900));
    dut.send(1, &frame(MPLS)).is_forwarded(2, &out(200));
    dut.send(4, &frame(UPSTREAM))
        .is_dropped(Drop::NoUpstreamContext);
    let mut stranger = frame(UPSTREAM);
    stranger[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 0x77]);
    dut.send(1, &stranger).is_dropped(Drop::NoUpstreamContext);
    dut.send(3, &frame(UPSTREAM))
        .is_dropped(Drop::MplsNotEnabled);
}

/// RFC 5332 section 3: a frame whose top label this router assigned itself says so.
#[test]
fn an_nhlfe_can_push_an_upstream_assigned_label() {
    let dut = Dut::new();
    dut.branches(
        5,
        &[Path {
            upstream: true,
            ..Path::new(&[201], 2)
        }],
    );
    dut.ilm(100, Ilm::Replicate(5));
    dut.send(
        1,
        &received(MPLS, &[&stack(&[100], 0, 64), &packet().octets()]),
    )
    .is_forwarded(
        2,
        &forwarded(UPSTREAM, &[&stack(&[201], 0, 63), &packet().octets()]),
    );
}

/// RFC 5331 section 3: a context label says in which space the label below it is looked up.
#[test]
fn a_context_label_names_the_space_of_the_next_label() {
    let dut = Dut::new();
    dut.ilm(500, Ilm::PopLabelIn(0x9001, UNIFORM));
    dut.ilm(100, Ilm::Swap(dut.path(&[200])));
    dut.ilm_in(0x9001, 100, Ilm::Swap(dut.path(&[900])));
    dut.send(
        1,
        &received(MPLS, &[&stack(&[500, 100], 2, 64), &packet().octets()]),
    )
    .is_forwarded(
        2,
        &forwarded(MPLS, &[&stack(&[900], 2, 63), &packet().octets()]),
    );
    dut.send(
        1,
        &received(MPLS, &[&stack(&[500, 101], 0, 64), &packet().octets()]),
    )
    .punted(Punt::UnknownLabel);
}

/// A copy for which there is no branch is dropped and counted, the others leave.
#[test]
fn a_replica_without_a_branch_is_counted() {
    let dut = Dut::new();
    dut.branch(6, 2, &Path::new(&[202], 4));
    dut.multicast(6, &[(2, 1), (4, 2)]);
    dut.ilm(100, Ilm::Replicate(6));
    let outcome = dut.send(
        1,
        &received(MPLS, &[&stack(&[100], 0, 64), &packet().octets()]),
    );
    assert_eq!(outcome.dropped, [Drop::NoBranch]);
    assert_eq!(outcome.frames.len(), 1);
}

/// A group that leads back to itself multiplies a packet as often as it may come round, and no more
/// (found by fuzzing); a packet without a label has none that could be looked up again.
#[test]
fn a_copy_that_comes_round_for_ever_ends() {
    let dut = Dut::new();
    dut.local_branch(6, 1, 0);
    dut.branch(6, 2, &Path::new(&[202], 4));
    dut.multicast(6, &[(CPU, 1), (4, 2)]);
    dut.ilm(100, Ilm::Replicate(6));
    dut.ilm(101, Ilm::PopIp(0, IPV4_BELOW, UNIFORM));
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Replicate(6));
    let send = |label| {
        dut.send(
            1,
            &received(MPLS, &[&stack(&[label], 0, 64), &packet().octets()]),
        )
    };
    let outcome = send(100);
    assert_eq!(
        (outcome.frames.len(), outcome.dropped),
        (5, vec![Drop::TooManyPops])
    );
    let outcome = send(101);
    assert_eq!(
        (outcome.frames.len(), outcome.dropped),
        (1, vec![Drop::NoBranch])
    );
}
