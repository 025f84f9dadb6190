//! Action profiles: members, groups, action sets, ports that are watched.

use std::collections::HashMap;
use std::sync::Arc;

use p4_switch::control::{
    ControlError, EntryAction, Group, GroupMember, PortState, SetAction, TableEntry,
};
use p4_switch::port::MemoryPort;

use crate::support::{Bench, Request, TABLES, answer, call, exact};

const MEMBERS: &str = "TestIngress.members";
const PROFILE: &str = "TestIngress.profile";

fn member(member: u32, weight: u32) -> GroupMember {
    GroupMember {
        member,
        weight,
        watch_port: None,
    }
}

fn group(members: Vec<GroupMember>) -> Group {
    Group {
        members,
        max_size: 0,
    }
}

/// How often each result comes for flows that differ in their entropy.
fn shares(bench: &Bench) -> HashMap<Option<u32>, usize> {
    let mut shares = HashMap::new();
    for entropy in 0..4096_u32 {
        let request = Request {
            test: 9,
            small: 1,
            entropy: entropy.wrapping_mul(0x9e37_79b9),
            ..Request::default()
        };
        *shares.entry(request.ask(bench)).or_default() += 1;
    }
    shares
}

fn with_members(count: u64) -> Bench {
    let bench = Bench::new(TABLES);
    for id in 1..=count {
        let action = call("answer", &[id * 100]);
        bench
            .write(|state| state.insert_member(MEMBERS, id as u32, &action))
            .unwrap();
    }
    bench
}

#[test]
fn an_entry_names_a_member_whose_action_can_change() {
    let bench = Bench::new(TABLES);
    let ask = || {
        Request {
            test: 8,
            small: 1,
            ..Request::default()
        }
        .ask(&bench)
    };
    let missing = bench.insert("by_member", vec![exact(1)], 0, EntryAction::Member(7));
    assert!(matches!(missing, Err(ControlError::NotFound { .. })));
    bench
        .write(|state| state.insert_member(PROFILE, 7, &call("answer", &[70])))
        .unwrap();
    bench
        .insert("by_member", vec![exact(1)], 0, EntryAction::Member(7))
        .unwrap();
    assert_eq!(ask(), Some(70));
    bench
        .write(|state| state.modify_member(PROFILE, 7, &call("drop", &[])))
        .unwrap();
    assert_eq!(ask(), None);
    let used = bench.write(|state| state.delete_member(PROFILE, 7));
    assert!(matches!(used, Err(ControlError::InUse { .. })));
    let plain = bench.insert("by_member", vec![exact(2)], 0, answer(1));
    assert!(matches!(plain, Err(ControlError::Invalid { .. })));
    let key = p4_switch::control::EntryKey {
        matches: vec![exact(1)],
        priority: 0,
    };
    bench
        .write(|state| {
            state.delete_entry("TestIngress.by_member", &key)?;
            state.delete_member(PROFILE, 7)
        })
        .unwrap();
    assert_eq!(ask(), Some(0));
}

#[test]
fn a_full_action_profile_refuses_one_more_member() {
    let bench = Bench::new(TABLES);
    let insert = |id| bench.write(|state| state.insert_member(PROFILE, id, &call("drop", &[])));
    for id in 0..4 {
        insert(id).unwrap();
    }
    assert!(matches!(
        insert(4),
        Err(ControlError::Full { limit: 4, .. })
    ));
    assert!(matches!(insert(3), Err(ControlError::AlreadyExists { .. })));
    assert_eq!(bench.read(|state| state.members(PROFILE)).len(), 4);
    let no_selector = bench.write(|state| state.insert_group(PROFILE, 1, &Group::default()));
    assert!(matches!(no_selector, Err(ControlError::Invalid { .. })));
}

#[test]
fn the_flows_of_a_group_are_shared_by_weight() {
    let bench = with_members(3);
    bench
        .write(|state| {
            state.insert_group(
                MEMBERS,
                5,
                &group(vec![member(1, 1), member(2, 2), member(3, 1)]),
            )
        })
        .unwrap();
    bench
        .insert("by_group", vec![exact(1)], 0, EntryAction::Group(5))
        .unwrap();
    let shares = shares(&bench);
    let near = |value, expected: usize| {
        let share = shares.get(&Some(value)).copied().unwrap_or(0);
        assert!(share.abs_diff(expected) < 200, "{shares:?}");
    };
    near(100, 1024);
    near(200, 2048);
    near(300, 1024);
}

/// BMv2 takes the CRC-16 of the selector's fields modulo the number of members, in the order of
/// their ids (`ActionProfile::GroupMgr::get_from_hash`).
#[test]
fn the_member_of_a_flow_is_that_of_bmv2() {
    let bench = with_members(4);
    // Given in another order.
    let members = [3, 1, 4, 2].map(|id| member(id, 1)).to_vec();
    bench
        .write(|state| state.insert_group(MEMBERS, 1, &group(members)))
        .unwrap();
    bench
        .insert("by_group", vec![exact(1)], 0, EntryAction::Group(1))
        .unwrap();
    // "1234" has CRC-16/ARC 14ba, and 0x14ba modulo 4 is 2: the third member.
    let request = Request {
        test: 9,
        small: 1,
        entropy: u32::from_be_bytes(*b"1234"),
        ..Request::default()
    };
    assert_eq!(request.ask(&bench), Some(300));
}

#[test]
fn a_group_is_replaced_in_one_step_and_kept_while_it_is_used() {
    let bench = with_members(2);
    bench
        .write(|state| state.insert_group(MEMBERS, 5, &group(vec![member(1, 1)])))
        .unwrap();
    bench
        .insert("by_group", vec![exact(1)], 0, EntryAction::Group(5))
        .unwrap();
    assert_eq!(shares(&bench).keys().collect::<Vec<_>>(), [&Some(100)]);
    let in_use = bench.write(|state| state.delete_member(MEMBERS, 1));
    assert!(matches!(in_use, Err(ControlError::InUse { .. })));
    bench
        .write(|state| state.modify_group(MEMBERS, 5, &group(vec![member(2, 1)])))
        .unwrap();
    assert_eq!(shares(&bench).keys().collect::<Vec<_>>(), [&Some(200)]);
    bench
        .write(|state| state.delete_member(MEMBERS, 1))
        .unwrap();
    let used = bench.write(|state| state.delete_group(MEMBERS, 5));
    assert!(matches!(used, Err(ControlError::InUse { .. })));
    let bad = bench
        .write(|state| state.modify_group(MEMBERS, 5, &group(vec![member(2, 1), member(2, 1)])));
    assert!(matches!(bad, Err(ControlError::Invalid { .. })));
    let gone = bench.write(|state| state.modify_group(MEMBERS, 5, &group(vec![member(1, 1)])));
    assert!(matches!(gone, Err(ControlError::NotFound { .. })));
    assert_eq!(
        bench.read(|state| state.groups(MEMBERS)),
        [(5, group(vec![member(2, 1)]))]
    );
}

#[test]
fn an_empty_group_hits_and_does_nothing() {
    let bench = with_members(1);
    bench
        .write(|state| state.insert_group(MEMBERS, 5, &Group::default()))
        .unwrap();
    bench
        .insert("by_group", vec![exact(1)], 0, EntryAction::Group(5))
        .unwrap();
    assert_eq!(shares(&bench).keys().collect::<Vec<_>>(), [&Some(0)]);
    // A miss would have written this.
    let miss = Request {
        test: 9,
        small: 2,
        ..Request::default()
    };
    assert_eq!(miss.ask(&bench), Some(0x3155));
}

#[test]
fn an_action_set_belongs_to_its_entry_and_takes_places_of_members() {
    let bench = with_members(6);
    let set = |values: &[u64]| {
        EntryAction::ActionSet(
            values
                .iter()
                .map(|value| SetAction {
                    action: call("answer", &[*value]),
                    weight: 1,
                    watch_port: None,
                })
                .collect::<Vec<_>>()
                .into(),
        )
    };
    bench
        .insert("by_group", vec![exact(1)], 0, set(&[1, 2]))
        .unwrap();
    let mut seen: Vec<Option<u32>> = shares(&bench).into_keys().collect();
    seen.sort_unstable();
    assert_eq!(seen, [Some(1), Some(2)]);
    // 6 members and 2 actions are 8, which is all there is.
    let full = bench.insert("by_group", vec![exact(2)], 0, set(&[1]));
    assert!(matches!(full, Err(ControlError::Full { limit: 8, .. })));
    let member = bench.write(|state| state.insert_member(MEMBERS, 9, &call("drop", &[])));
    assert!(matches!(member, Err(ControlError::Full { limit: 8, .. })));
    // Replacing a set frees its places first.
    let entry = TableEntry {
        key: p4_switch::control::EntryKey {
            matches: vec![exact(1)],
            priority: 0,
        },
        action: set(&[7, 8]),
    };
    bench
        .write(|state| state.modify_entry("TestIngress.by_group", &entry))
        .unwrap();
    let read = bench.read(|state| state.entry("TestIngress.by_group", &entry.key));
    assert_eq!(read.action, entry.action);
    let empty = bench.insert("by_group", vec![exact(3)], 0, set(&[]));
    assert!(matches!(empty, Err(ControlError::Invalid { .. })));
}

#[test]
fn members_whose_port_is_down_are_left_out() {
    let bench = with_members(2);
    let ports: Vec<_> = [11, 12]
        .into_iter()
        .map(|number| {
            let port = Arc::new(MemoryPort::new(format!("port{number}")));
            bench
                .switch
                .add_port(number, port, PortState::Up, None)
                .unwrap()
        })
        .collect();
    let watched = |id: u32| GroupMember {
        watch_port: Some(id + 10),
        ..member(id, 1)
    };
    bench
        .write(|state| state.insert_group(MEMBERS, 1, &group(vec![watched(1), watched(2)])))
        .unwrap();
    bench
        .insert("by_group", vec![exact(1)], 0, EntryAction::Group(1))
        .unwrap();
    let seen = || {
        let mut seen: Vec<Option<u32>> = shares(&bench).into_keys().collect();
        seen.sort_unstable();
        seen
    };
    assert_eq!(seen(), [Some(100), Some(200)]);
    ports[0].set_state(PortState::Down);
    assert_eq!(seen(), [Some(200)]);
    ports[1].set_state(PortState::Down);
    assert_eq!(seen(), [Some(0)]);
    ports[0].set_state(PortState::Up);
    assert_eq!(seen(), [Some(100)]);
}
