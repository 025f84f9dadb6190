//! Clones, multicast, resubmission, recirculation, digests, cuts and drops.

use p4_switch::control::{CloneSession, ControlError, Replica};

use crate::support::{Bench, COPIES, CPU};

/// `standard_metadata.instance_type` (`targets/simple_switch/simple_switch.h`).
const NORMAL: u8 = 0;
const INGRESS_CLONE: u8 = 1;
const EGRESS_CLONE: u8 = 2;
const REPLICATION: u8 = 5;

/// The header of `copies.p4` as it left.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
struct Command {
    test: u8,
    argument: u8,
    round: u8,
    instance_type: u8,
    port: u16,
    rid: u16,
    kept: u32,
    lost: u32,
}

fn packet(test: u8, argument: u8) -> Vec<u8> {
    let mut bytes = vec![test, argument];
    bytes.extend([0; 14]);
    bytes.extend(b"payload");
    bytes
}

fn command(bytes: &[u8]) -> Command {
    assert_eq!(&bytes[16..], b"payload");
    let u16_at = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let u32_at = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    Command {
        test: bytes[0],
        argument: bytes[1],
        round: bytes[2],
        instance_type: bytes[3],
        port: u16_at(4),
        rid: u16_at(6),
        kept: u32_at(8),
        lost: u32_at(12),
    }
}

/// What comes out: port and header.
fn run(bench: &Bench, test: u8, argument: u8) -> Vec<(u32, Command)> {
    bench
        .process(&packet(test, argument))
        .into_iter()
        .map(|(port, bytes)| (port, command(&bytes)))
        .collect()
}

fn replica(port: u32, instance: u16) -> Replica {
    Replica { port, instance }
}

fn session(bench: &Bench, replicas: &[Replica], packet_length: u32) {
    let session = CloneSession {
        replicas: replicas.iter().copied().map(Into::into).collect(),
        packet_length,
    };
    bench
        .write(|state| state.insert_clone_session(5, &session))
        .unwrap();
}

#[test]
fn a_packet_leaves_by_its_egress_port() {
    let bench = Bench::new(COPIES);
    let expected = Command {
        test: 0,
        argument: 3,
        round: 0,
        instance_type: NORMAL,
        port: 2,
        rid: 0,
        kept: 0,
        lost: 0,
    };
    assert_eq!(run(&bench, 0, 3), [(2, expected)]);
}

/// The clone is the packet as it came in, with the metadata of the field list only.
#[test]
fn an_ingress_clone_is_the_original_packet_with_the_listed_metadata() {
    let bench = Bench::new(COPIES);
    session(&bench, &[replica(7, 3)], 0);
    let out = run(&bench, 1, 4);
    let (clone, original) = (out[0], out[1]);
    assert_eq!(out.len(), 2);
    assert_eq!(
        clone,
        (
            7,
            Command {
                test: 1,
                argument: 4,
                round: 0,
                instance_type: INGRESS_CLONE,
                port: 7,
                rid: 3,
                kept: 0x11,
                lost: 0,
            }
        )
    );
    assert_eq!(original.0, 2);
    assert_eq!(
        (original.1.argument, original.1.kept, original.1.lost),
        (0xff, 0x11, 0x22)
    );
}

#[test]
fn a_clone_for_a_session_that_is_not_there_is_counted() {
    let bench = Bench::new(COPIES);
    assert_eq!(run(&bench, 1, 4).len(), 1);
    assert_eq!(
        bench.read(|state| Ok(state.drops())).unknown_clone_session,
        1
    );
}

#[test]
fn a_clone_is_cut_to_the_length_of_its_session() {
    let bench = Bench::new(COPIES);
    session(&bench, &[replica(7, 0)], 18);
    let out = bench.process(&packet(1, 4));
    assert_eq!((out[0].0, out[0].1.len()), (7, 18));
    assert_eq!(&out[0].1[16..], b"pa");
    assert_eq!(out[1].1.len(), 23);
}

/// The clone is the packet as it is at the end of egress; the drop is that of the original.
#[test]
fn an_egress_clone_has_the_headers_of_egress() {
    let bench = Bench::new(COPIES);
    session(&bench, &[replica(8, 1), replica(9, 2)], 0);
    let out = run(&bench, 10, 4);
    let expected = |port: u32, rid| {
        (
            port,
            Command {
                test: 10,
                argument: 0xee,
                round: 0,
                instance_type: EGRESS_CLONE,
                port: port as u16,
                rid,
                kept: 0x33,
                lost: 0,
            },
        )
    };
    assert_eq!(out, [expected(8, 1), expected(9, 2)]);
    assert_eq!(bench.read(|state| Ok(state.drops())).egress, 1);
}

#[test]
fn multicast_copies_to_each_replica_and_not_to_the_egress_port() {
    let bench = Bench::new(COPIES);
    let replicas = [replica(3, 1), replica(4, 1), replica(3, 2)];
    bench
        .write(|state| state.insert_multicast_group(9, &replicas))
        .unwrap();
    let out = run(&bench, 2, 9);
    let seen: Vec<(u32, u16, u8)> = out
        .iter()
        .map(|(port, command)| (*port, command.rid, command.instance_type))
        .collect();
    let r = REPLICATION;
    assert_eq!(seen, [(3, 1, r), (4, 1, r), (3, 2, r)]);
    // A group that is not there has no replicas.
    assert!(run(&bench, 2, 8).is_empty());
    assert_eq!(
        bench.read(|state| Ok(state.drops())).empty_multicast_group,
        1
    );
}

#[test]
fn multicast_groups_and_clone_sessions_are_managed_by_id() {
    let bench = Bench::new(COPIES);
    let group = [replica(1, 1)];
    bench
        .write(|state| {
            state.insert_multicast_group(1, &group)?;
            state.modify_multicast_group::<Replica>(1, &[])?;
            state.modify_multicast_group(1, &group)
        })
        .unwrap();
    assert_eq!(
        bench.read(|state| Ok(state.multicast_groups())),
        [(1, group.map(Into::into).to_vec())]
    );
    let again = bench.write(|state| state.insert_multicast_group(1, &group));
    assert!(matches!(again, Err(ControlError::AlreadyExists { .. })));
    let zero = bench.write(|state| state.insert_multicast_group(0, &group));
    assert!(matches!(zero, Err(ControlError::Invalid { .. })));
    let twice = bench.write(|state| state.modify_multicast_group(1, &[group[0], group[0]]));
    assert!(matches!(twice, Err(ControlError::Invalid { .. })));
    bench
        .write(|state| state.delete_multicast_group(1))
        .unwrap();
    let gone = bench.write(|state| state.delete_multicast_group(1));
    assert!(matches!(gone, Err(ControlError::NotFound { .. })));

    session(&bench, &group, 0);
    let sessions = bench.read(|state| Ok(state.clone_sessions()));
    assert_eq!((sessions.len(), sessions[0].0), (1, 5));
    bench.write(|state| state.delete_clone_session(5)).unwrap();
    let gone = bench.write(|state| state.modify_clone_session(5, &sessions[0].1));
    assert!(matches!(gone, Err(ControlError::NotFound { .. })));
    let large = bench.write(|state| state.insert_clone_session(0x8000, &sessions[0].1));
    assert!(matches!(large, Err(ControlError::Invalid { .. })));
}

#[test]
fn a_resubmitted_packet_comes_again_as_it_came_with_the_listed_metadata() {
    let bench = Bench::new(COPIES);
    let out = run(&bench, 3, 3);
    assert_eq!(out.len(), 1);
    let command = out[0].1;
    assert_eq!((command.argument, command.round), (3, 3));
    assert_eq!((command.kept, command.lost), (30, 0));
    // What left is normal again, as in simple_switch.
    assert_eq!(command.instance_type, NORMAL);
}

#[test]
fn a_recirculated_packet_comes_again_as_it_left() {
    let bench = Bench::new(COPIES);
    let out = run(&bench, 4, 3);
    assert_eq!(out.len(), 1);
    let command = out[0].1;
    assert_eq!(command.argument, 0);
    assert_eq!((command.kept, command.lost), (3, 0));
}

#[test]
fn a_packet_that_would_go_round_for_ever_is_dropped_and_counted() {
    let bench = Bench::new(COPIES);
    for test in [3, 4] {
        assert!(run(&bench, test, 255).is_empty());
    }
    assert_eq!(bench.read(|state| Ok(state.drops())).loop_limit, 2);
    assert_eq!(run(&bench, 0, 0).len(), 1);
}

#[test]
fn a_digest_carries_the_fields_of_its_list() {
    let mut bench = Bench::new(COPIES);
    bench.advance(std::time::Duration::from_micros(0x0001_0203));
    assert_eq!(run(&bench, 5, 0x42).len(), 1);
    let digest = bench.events.digests.try_recv().unwrap();
    assert_eq!(digest.name, "news_t");
    assert_eq!(
        digest.fields,
        [vec![0x42], vec![0, 1], vec![0, 0, 0, 1, 2, 3]]
    );
    assert!(bench.events.digests.try_recv().is_err());
}

#[test]
fn truncate_cuts_the_packet_that_leaves() {
    let bench = Bench::new(COPIES);
    for length in [20_u8, 5, 0] {
        let out = bench.process(&packet(6, length));
        assert_eq!(out[0].1.len(), usize::from(length));
    }
    assert_eq!(bench.process(&packet(6, 255))[0].1.len(), 23);
}

#[test]
fn a_dropped_packet_is_counted_where_it_was_dropped() {
    let bench = Bench::new(COPIES);
    for test in [7, 9, 11] {
        assert!(run(&bench, test, 0).is_empty(), "{test}");
    }
    let drops = bench.read(|state| Ok(state.drops()));
    assert_eq!((drops.ingress, drops.egress), (2, 1));
}

#[test]
fn packets_go_to_the_cpu_port_and_come_from_it() {
    let mut bench = Bench::new(COPIES);
    assert_eq!(run(&bench, 8, 0)[0].0, CPU);
    bench.switch.packet_out(&packet(8, 1)).unwrap();
    let sent = bench.events.packets.try_recv().unwrap();
    assert_eq!(command(&sent.bytes).port, CPU as u16);
    assert_eq!(command(&sent.bytes).argument, 1);
}

#[test]
fn packets_for_a_cpu_that_takes_none_are_dropped_and_counted() {
    let bench = Bench::new(COPIES);
    for _ in 0..2000 {
        bench.switch.packet_out(&packet(8, 1)).unwrap();
    }
    let lost = bench.read(|state| Ok(state.drops())).cpu_queue_full;
    assert_eq!(lost, 2000 - 1024);
}

#[test]
fn a_packet_for_a_port_that_is_not_there_is_counted() {
    let bench = Bench::new(COPIES);
    bench.switch.packet_out(&packet(0, 0)).unwrap();
    assert_eq!(bench.read(|state| Ok(state.drops())).unknown_port, 1);
}
