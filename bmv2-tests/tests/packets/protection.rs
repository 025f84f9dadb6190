//! Protection: 1:1 and 1+1 (RFC 6378), and ports that are down (RFC 4090, RFC 5654 requirement 97).

use p4runtime_client::Operation;

use crate::dut::{Drop, Dut, Ftn, IPV4_BELOW, Ilm, PIPE, Path, UNLIMITED};
use crate::frame::{IPV4, Ipv4, MPLS, forwarded, received, stack};

fn packet() -> Vec<u8> {
    Ipv4::to([10, 2, 0, 2]).octets()
}

fn labelled(label: u32) -> Vec<u8> {
    received(MPLS, &[&stack(&[label], 0, 64), &packet()])
}

fn swapped(labels: &[u32]) -> Vec<u8> {
    forwarded(MPLS, &[&stack(labels, 0, 63), &packet()])
}

/// RFC 6378 section 1.1: the head sends on the working path until the state says protecting. One write
/// moves every path group of the pair, and no other.
#[test]
fn one_entry_switches_every_path_group_of_a_protected_pair() {
    let dut = Dut::new();
    for index in 0..20 {
        let (working, protecting) = ([2000 + index], [3000 + index]);
        let group = dut.protected_group(9, &[Path::new(&working, 2)], &[Path::new(&protecting, 4)]);
        dut.ilm(100 + index, Ilm::Swap(group));
    }
    let other = dut.protected_group(8, &[Path::new(&[500], 2)], &[Path::new(&[600], 4)]);
    dut.ilm(99, Ilm::Swap(other));
    let all_on = |port: u16, base: u32| {
        for index in 0..20 {
            dut.send(1, &labelled(100 + index))
                .is_forwarded(port, &swapped(&[base + index]));
        }
        dut.send(1, &labelled(99)).is_forwarded(2, &swapped(&[500]));
    };
    all_on(2, 2000);
    let state = [("protection", 9)];
    dut.add(
        "protection_state",
        &state,
        "select_protecting",
        &[("protecting", 1)],
    );
    all_on(4, 3000);
    dut.modify(
        "protection_state",
        &state,
        "select_protecting",
        &[("protecting", 0)],
    );
    all_on(2, 2000);
}

/// RFC 4090 section 3.2 and RFC 5654 requirement 97: one write moves everything off a dead port, whatever
/// it is: onto a bypass tunnel below which the label stays, or onto another member.
#[test]
fn one_entry_moves_every_path_group_off_a_dead_port() {
    let dut = Dut::new();
    for index in 0..20 {
        let label = [2000 + index];
        // The merge point expects the label of the protected LSP below the bypass tunnel's.
        let stacked = [777, 2000 + index];
        let backup = dut.nhlfe(&Path::new(&stacked, 4));
        let path = Path {
            backup: (backup, 4, UNLIMITED),
            ..Path::new(&label, 2)
        };
        dut.ilm(100 + index, Ilm::Swap(dut.group_of(&[path])));
    }
    dut.ilm(99, Ilm::Swap(dut.group(&[(&[500], 2)])));
    dut.ilm(98, Ilm::Swap(dut.group(&[(&[501], 5)])));
    let check = |down: bool| {
        for index in 0..20 {
            let outcome = dut.send(1, &labelled(100 + index));
            if down {
                outcome.is_forwarded(4, &swapped(&[777, 2000 + index]));
            } else {
                outcome.is_forwarded(2, &swapped(&[2000 + index]));
            }
        }
        let unprotected = dut.send(1, &labelled(99));
        if down {
            unprotected.is_dropped(Drop::PortDown);
        } else {
            unprotected.is_forwarded(2, &swapped(&[500]));
        }
        dut.send(1, &labelled(98)).is_forwarded(5, &swapped(&[501]));
    };
    check(false);
    dut.add("port_state", &[("port", 2)], "port_down", &[]);
    check(true);
}

/// Flows of a dead port move, all others stay (RFC 7325 section 2.4.5: packets of a flow stay in order).
#[test]
fn only_the_flows_of_a_member_that_goes_are_moved() {
    let dut = Dut::new();
    let group = dut.group(&[(&[201], 2), (&[202], 3), (&[203], 4), (&[204], 5)]);
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(group));
    let ports = || -> Vec<u16> {
        let flow = |flow: u16| {
            let packet = Ipv4::to([10, 2, 0, 2]).src_port(3000 + flow).octets();
            dut.send(1, &received(IPV4, &[&packet])).frames[0].0
        };
        (0..100).map(flow).collect()
    };
    let before = ports();
    // The daemon gives the buckets of the second member to the others.
    let heirs = [(&[201][..], 2), (&[203][..], 4), (&[204][..], 5)];
    for (turn, bucket) in (1..64).step_by(4).enumerate() {
        let (labels, port) = heirs[turn % 3];
        let path = Path::new(labels, port);
        dut.bucket(Operation::Modify, group, 0, bucket, dut.nhlfe(&path), &path);
    }
    let mut heirs_seen = std::collections::BTreeSet::new();
    for (before, after) in before.into_iter().zip(ports()) {
        if before == 3 {
            heirs_seen.insert(after);
        } else {
            assert_eq!(before, after, "a flow moved that had no reason to");
        }
    }
    assert_eq!(Vec::from_iter(heirs_seen), [2, 4, 5]);
}

/// RFC 6378 section 1.1, 1+1: the head sends on both paths, the tail takes the packets of the one that is
/// selected; one write selects the other.
#[test]
fn the_tail_of_a_one_plus_one_pair_selects_a_path() {
    let dut = Dut::new();
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Forward(dut.path(&[])));
    dut.ilm(300, Ilm::Swap(dut.path(&[400])));
    for (label, side) in [(100, 0), (101, 1)] {
        let ends = [("qos_map", 0), ("protection", 6), ("protecting", side)];
        let ip = [
            ("vrf", 0),
            ("payload", IPV4_BELOW.into()),
            ("model", PIPE.into()),
        ];
        dut.ilm_as(0, label, "pop_and_look_up_ip", &[&ip[..], &ends].concat());
        let below = [("label_space", 0), ("model", PIPE.into())];
        dut.ilm_as(
            0,
            label + 10,
            "pop_and_look_up_label",
            &[&below[..], &ends].concat(),
        );
    }
    let delivered = forwarded(IPV4, &[&Ipv4::to([10, 2, 0, 2]).ttl(63).octets()]);
    let check = |selected: u32, standby: u32| {
        dut.send(1, &labelled(selected)).is_forwarded(2, &delivered);
        dut.send(1, &labelled(standby))
            .is_dropped(Drop::NotSelected);
        let stacked = |label| received(MPLS, &[&stack(&[label, 300], 0, 64), &packet()]);
        dut.send(1, &stacked(selected + 10))
            .is_forwarded(2, &swapped(&[400]));
        dut.send(1, &stacked(standby + 10))
            .is_dropped(Drop::NotSelected);
        // Nothing of the path that is not selected reaches the daemon either.
        let nowhere = received(MPLS, &[&stack(&[standby + 10, 999], 0, 64), &packet()]);
        dut.send(1, &nowhere).is_dropped(Drop::NotSelected);
    };
    check(100, 101);
    dut.add(
        "tail_selector",
        &[("protection", 6)],
        "select_path",
        &[("protecting", 1)],
    );
    check(101, 100);
}

/// 1+1 at the head: both paths get every packet, each with its own labels.
#[test]
fn the_head_of_a_one_plus_one_pair_sends_on_both_paths() {
    let dut = Dut::new();
    dut.branches(5, &[Path::new(&[100], 2), Path::new(&[101], 4)]);
    dut.ftn4(0, [10, 2, 0, 0], 16, Ftn::Replicate(5));
    let mut frames = dut.send(1, &received(IPV4, &[&packet()])).frames;
    frames.sort();
    let ip = Ipv4::to([10, 2, 0, 2]).ttl(63).octets();
    let out = |label| forwarded(MPLS, &[&stack(&[label], 0, 63), &ip]);
    assert_eq!(frames, [(2, out(100)), (4, out(101))]);
}
