//! Tables of every match kind, counters, meters and registers.

use std::time::Duration;

use p4_switch::control::{
    ControlError, CounterValue, EntryKey, EntryRef, KeyMatch, MeterConfig, TableEntry,
};

use crate::support::{Bench, Request, TABLES, answer, call, exact, prefix, range, ternary};

fn key(matches: Vec<KeyMatch>, priority: u32) -> EntryKey {
    EntryKey { matches, priority }
}

#[test]
fn an_exact_key_hits_its_entry_only() {
    let bench = Bench::new(TABLES);
    bench
        .insert("by_exact", vec![exact(1), exact(0x0203)], 0, answer(77))
        .unwrap();
    let request = Request {
        test: 1,
        small: 1,
        medium: 0x0203,
        ..Request::default()
    };
    assert_eq!(request.ask(&bench), Some(77));
    let other = Request {
        medium: 0x0204,
        ..request
    };
    assert_eq!(other.ask(&bench), Some(0xdefa));
}

#[test]
fn a_128_bit_key_is_matched_whole() {
    let bench = Bench::new(TABLES);
    let address: u128 = 0x2001_0db8_0000_0000_0000_0000_0000_0001;
    let value = KeyMatch::Exact(address.to_be_bytes().to_vec());
    bench.insert("by_wide", vec![value], 0, answer(5)).unwrap();
    let ask = |wide| {
        Request {
            test: 2,
            wide,
            ..Request::default()
        }
        .ask(&bench)
    };
    assert_eq!(ask(address), Some(5));
    assert_eq!(ask(address | 1 << 127), Some(0));
    assert_eq!(ask(address + 1), Some(0));
}

#[test]
fn the_longest_prefix_wins() {
    let bench = Bench::new(TABLES);
    let insert = |small, match_, value| {
        bench
            .insert("by_prefix", vec![exact(small), match_], 0, answer(value))
            .unwrap();
    };
    insert(1, KeyMatch::Any, 1);
    insert(1, prefix(&[10, 0, 0, 0], 8), 8);
    insert(1, prefix(&[10, 1, 0, 0], 16), 16);
    insert(1, prefix(&[10, 1, 2, 3], 32), 32);
    insert(2, prefix(&[10, 0, 0, 0], 8), 208);
    let ask = |small, address| {
        Request {
            test: 3,
            small,
            address,
            ..Request::default()
        }
        .ask(&bench)
    };
    assert_eq!(ask(1, 0x0a01_0203), Some(32));
    assert_eq!(ask(1, 0x0a01_0204), Some(16));
    assert_eq!(ask(1, 0x0aff_0000), Some(8));
    assert_eq!(ask(1, 0x0b00_0000), Some(1));
    assert_eq!(ask(2, 0x0a01_0203), Some(208));
    assert_eq!(ask(2, 0x0b00_0000), Some(0));
    assert_eq!(ask(3, 0x0a00_0000), Some(0));

    let gone = key(vec![exact(1), prefix(&[10, 1, 2, 3], 32)], 0);
    bench
        .write(|state| state.delete_entry("TestIngress.by_prefix", &gone))
        .unwrap();
    assert_eq!(ask(1, 0x0a01_0203), Some(16));
}

#[test]
fn prefixes_of_128_bits_cross_the_words() {
    let bench = Bench::new(TABLES);
    let net: u128 = 0x2001_0db8_1234_5678_9abc_0000_0000_0000;
    for length in [32, 64, 65, 80, 128] {
        let value = prefix(&net.to_be_bytes(), length);
        bench
            .insert("by_wide_prefix", vec![value], 0, answer(length.into()))
            .unwrap();
    }
    let ask = |wide| {
        Request {
            test: 4,
            wide,
            ..Request::default()
        }
        .ask(&bench)
    };
    assert_eq!(ask(net), Some(128));
    assert_eq!(ask(net | 1), Some(80));
    assert_eq!(ask(net ^ 1 << 48), Some(65));
    assert_eq!(ask(net ^ 1 << 63), Some(64));
    assert_eq!(ask(net ^ 1 << 64), Some(32));
    assert_eq!(ask(net ^ 1 << 96), Some(0));
}

#[test]
fn the_largest_priority_wins_among_masks() {
    let bench = Bench::new(TABLES);
    let insert = |matches: [KeyMatch; 2], priority, value| {
        let [medium, small] = matches;
        let matches = vec![medium, small, exact(1)];
        bench
            .insert("by_mask", matches, priority, answer(value))
            .unwrap();
    };
    insert([ternary(0x1000, 0xf000), KeyMatch::Any], 10, 1);
    insert([ternary(0x1200, 0xff00), KeyMatch::Any], 20, 2);
    insert([ternary(0x0034, 0x00ff), KeyMatch::Any], 15, 3);
    insert([KeyMatch::Any, exact(9)], 5, 4);
    let ask = |medium, small| {
        Request {
            test: 5,
            small,
            medium,
            ..Request::default()
        }
        .ask(&bench)
    };
    assert_eq!(ask(0x1234, 0), Some(2));
    assert_eq!(ask(0x1334, 0), Some(3));
    assert_eq!(ask(0x1335, 0), Some(1));
    assert_eq!(ask(0x2000, 9), Some(4));
    assert_eq!(ask(0x2000, 8), Some(0));
}

#[test]
fn among_equal_priorities_the_oldest_wins_as_in_bmv2() {
    let bench = Bench::new(TABLES);
    for (value, medium) in [(1, ternary(0x1000, 0xf000)), (2, ternary(0x0034, 0x00ff))] {
        let matches = vec![medium, KeyMatch::Any, exact(1)];
        bench.insert("by_mask", matches, 7, answer(value)).unwrap();
    }
    let request = Request {
        test: 5,
        medium: 0x1034,
        ..Request::default()
    };
    assert_eq!(request.ask(&bench), Some(1));
}

#[test]
fn both_ends_belong_to_a_range() {
    let bench = Bench::new(TABLES);
    bench
        .insert(
            "by_range",
            vec![range(100, 200), KeyMatch::Any],
            1,
            answer(1),
        )
        .unwrap();
    bench
        .insert(
            "by_range",
            vec![range(150, 150), ternary(1, 1)],
            2,
            answer(2),
        )
        .unwrap();
    let ask = |medium, small| {
        Request {
            test: 6,
            small,
            medium,
            ..Request::default()
        }
        .ask(&bench)
    };
    assert_eq!(
        [99, 100, 150, 200, 201].map(|medium| ask(medium, 0)),
        [Some(0), Some(1), Some(1), Some(1), Some(0)]
    );
    assert_eq!(ask(150, 3), Some(2));
}

#[test]
fn const_entries_win_in_the_order_of_the_program() {
    let bench = Bench::new(TABLES);
    let ask = |medium| {
        Request {
            test: 7,
            medium,
            ..Request::default()
        }
        .ask(&bench)
    };
    assert_eq!(
        [0x1234, 0x1fff, 0x2000, 0x3000].map(ask),
        [Some(1), Some(1), Some(3), Some(9)]
    );
    let table = "TestIngress.fixed";
    let entries = bench.read(|state| state.entries(table));
    let mut priorities: Vec<u32> = entries.iter().map(|entry| entry.key.priority).collect();
    priorities.sort_unstable();
    assert_eq!(priorities, [1, 2, 3]);
    let first = entries
        .iter()
        .find(|entry| entry.key.priority == 3)
        .unwrap();
    assert_eq!(
        first.key.matches,
        [KeyMatch::Ternary {
            value: vec![0x10, 0],
            mask: vec![0xf0, 0]
        }]
    );

    let constant = |result: Result<(), ControlError>| {
        assert!(
            matches!(result, Err(ControlError::Constant { .. })),
            "{result:?}"
        );
    };
    constant(bench.insert("fixed", vec![ternary(1, 1)], 1, answer(1)));
    constant(bench.write(|state| state.delete_entry(table, &first.key)));
    constant(bench.write(|state| state.modify_entry(table, first)));
    constant(bench.write(|state| state.set_default_action(table, Some(&call("answer", &[1])))));
}

#[test]
fn the_default_action_can_be_set_and_set_back() {
    let bench = Bench::new(TABLES);
    let table = "TestIngress.by_exact";
    let request = Request {
        test: 1,
        ..Request::default()
    };
    assert_eq!(request.ask(&bench), Some(0xdefa));
    let drop = call("drop", &[]);
    bench
        .write(|state| state.set_default_action(table, Some(&drop)))
        .unwrap();
    assert_eq!(request.ask(&bench), None);
    assert_eq!(bench.read(|state| state.default_action(table)), Some(drop));
    bench
        .write(|state| state.set_default_action(table, None))
        .unwrap();
    assert_eq!(request.ask(&bench), Some(0xdefa));
    let initial = bench
        .read(|state| state.initial_default_action(table))
        .unwrap();
    assert_eq!(initial.arguments, [vec![0, 0, 0xde, 0xfa]]);
}

#[test]
fn the_control_flow_follows_the_action_that_was_run() {
    let bench = Bench::new(TABLES);
    bench
        .insert("by_action", vec![exact(1)], 0, answer(5))
        .unwrap();
    let entropy = |small| {
        let request = Request {
            test: 14,
            small,
            ..Request::default()
        };
        bench.process(&request.bytes())[0].1[27]
    };
    assert_eq!((entropy(1), entropy(2)), (1, 0));
}

#[test]
fn a_full_table_refuses_one_more_entry() {
    let bench = Bench::new(TABLES);
    for medium in 0..4 {
        bench
            .insert("by_exact", vec![exact(0), exact(medium)], 0, answer(medium))
            .unwrap();
    }
    let full = bench.insert("by_exact", vec![exact(0), exact(4)], 0, answer(4));
    assert!(
        matches!(full, Err(ControlError::Full { limit: 4, .. })),
        "{full:?}"
    );
    // Those that are there can still be changed, and their place be used again.
    let first = TableEntry {
        key: key(vec![exact(0), exact(0)], 0),
        action: answer(99),
    };
    let table = "TestIngress.by_exact";
    bench
        .write(|state| state.modify_entry(table, &first))
        .unwrap();
    let request = Request {
        test: 1,
        ..Request::default()
    };
    assert_eq!(request.ask(&bench), Some(99));
    bench
        .write(|state| state.delete_entry(table, &first.key))
        .unwrap();
    bench
        .insert("by_exact", vec![exact(0), exact(4)], 0, answer(4))
        .unwrap();
    assert_eq!(bench.read(|state| state.table(table)).size, 4);
}

#[test]
fn requests_that_do_not_fit_are_refused_and_change_nothing() {
    let bench = Bench::new(TABLES);
    let insert = |table: &str, matches, priority, action| {
        bench.insert(table, matches, priority, action).unwrap_err()
    };
    let small = || vec![exact(1), exact(2)];
    assert!(matches!(
        insert("nowhere", small(), 0, answer(1)),
        ControlError::UnknownObject { kind: "table", .. }
    ));
    assert!(matches!(
        insert("by_exact", vec![exact(1)], 0, answer(1)),
        ControlError::WrongCount {
            expected: 2,
            given: 1,
            ..
        }
    ));
    assert!(matches!(
        insert("by_exact", vec![exact(0x100), exact(2)], 0, answer(1)),
        ControlError::TooWide {
            needed: 9,
            width: 8,
            ..
        }
    ));
    assert!(matches!(
        insert("by_exact", vec![exact(1), KeyMatch::Any], 0, answer(1)),
        ControlError::BadMatch { .. }
    ));
    assert!(matches!(
        insert("by_exact", small(), 1, answer(1)),
        ControlError::Invalid { .. }
    ));
    assert!(matches!(
        insert("by_range", vec![range(2, 1), KeyMatch::Any], 1, answer(1)),
        ControlError::BadMatch { .. }
    ));
    assert!(matches!(
        insert("by_range", vec![range(1, 2), KeyMatch::Any], 0, answer(1)),
        ControlError::Invalid { .. }
    ));
    assert!(matches!(
        insert("by_prefix", vec![exact(1), prefix(&[1], 33)], 0, answer(1)),
        ControlError::BadMatch { .. }
    ));
    let unknown = p4_switch::control::EntryAction::Action(call("metered", &[]));
    assert!(matches!(
        insert("by_exact", small(), 0, unknown),
        ControlError::UnknownAction { .. }
    ));
    let too_many = p4_switch::control::EntryAction::Action(call("answer", &[1, 2]));
    assert!(matches!(
        insert("by_exact", small(), 0, too_many),
        ControlError::WrongCount {
            expected: 1,
            given: 2,
            ..
        }
    ));
    assert!(matches!(
        insert("by_exact", small(), 0, answer(1 << 32)),
        ControlError::TooWide {
            needed: 33,
            width: 32,
            ..
        }
    ));
    let missing = TableEntry {
        key: key(small(), 0),
        action: answer(1),
    };
    let table = "TestIngress.by_exact";
    assert!(matches!(
        bench.write(|state| state.modify_entry(table, &missing)),
        Err(ControlError::NotFound { .. })
    ));
    assert!(bench.read(|state| state.entries(table)).is_empty());

    bench.insert("by_exact", small(), 0, answer(1)).unwrap();
    assert!(matches!(
        insert("by_exact", small(), 0, answer(2)),
        ControlError::AlreadyExists { .. }
    ));
}

#[test]
fn entries_are_read_back_as_they_were_written() {
    let bench = Bench::new(TABLES);
    let bytes = |value: u64, count: usize| value.to_be_bytes()[8 - count..].to_vec();
    let cases = [
        (
            "by_prefix",
            key(
                vec![KeyMatch::Exact(bytes(1, 1)), prefix(&[10, 0, 0, 0], 8)],
                0,
            ),
        ),
        (
            "by_mask",
            key(
                vec![
                    KeyMatch::Any,
                    KeyMatch::Ternary {
                        value: bytes(3, 1),
                        mask: bytes(0xff, 1),
                    },
                    KeyMatch::Exact(bytes(1, 1)),
                ],
                3,
            ),
        ),
        (
            "by_range",
            key(
                vec![
                    KeyMatch::Range {
                        low: bytes(1, 2),
                        high: bytes(0x1ff, 2),
                    },
                    KeyMatch::Any,
                ],
                4,
            ),
        ),
        ("by_range", key(vec![KeyMatch::Any, KeyMatch::Any], 4)),
    ];
    for (table, key) in cases {
        bench
            .insert(table, key.matches.clone(), key.priority, answer(6))
            .unwrap();
        let table = format!("TestIngress.{table}");
        let entry = bench.read(|state| state.entry(&table, &key));
        assert_eq!(entry.key, key);
        let p4_switch::control::EntryAction::Action(action) = entry.action else {
            panic!("{entry:?}")
        };
        assert_eq!(action.arguments, [bytes(6, 4)]);
    }
}

#[test]
fn direct_counters_count_packets_and_bytes_of_hits_and_misses() {
    let bench = Bench::new(TABLES);
    let table = "TestIngress.by_exact";
    let entry = EntryRef::Key(key(vec![exact(1), exact(0)], 0));
    bench
        .insert("by_exact", vec![exact(1), exact(0)], 0, answer(1))
        .unwrap();
    for small in [1, 1, 2] {
        Request {
            test: 1,
            small,
            ..Request::default()
        }
        .ask(&bench);
    }
    let counter = |entry: &EntryRef| bench.read(|state| state.direct_counter(table, entry));
    assert_eq!(
        counter(&entry),
        CounterValue {
            packets: 2,
            bytes: 64
        }
    );
    assert_eq!(
        counter(&EntryRef::Default),
        CounterValue {
            packets: 1,
            bytes: 32
        }
    );
    let zero = CounterValue::default();
    bench
        .write(|state| state.set_direct_counter(table, &entry, zero))
        .unwrap();
    assert_eq!(counter(&entry), zero);
    let none = bench.write(|state| state.direct_counter("TestIngress.by_wide", &EntryRef::Default));
    assert!(matches!(none, Err(ControlError::UnknownObject { .. })));
}

#[test]
fn indirect_counters_are_counted_by_index() {
    let bench = Bench::new(TABLES);
    for small in [3, 3, 15] {
        Request {
            test: 11,
            small,
            ..Request::default()
        }
        .ask(&bench);
    }
    let packets = |index| {
        bench
            .read(|state| state.counter("TestIngress.totals", index))
            .packets
    };
    assert_eq!([0, 3, 15].map(packets), [0, 2, 1]);
    let outside = bench.write(|state| state.counter("TestIngress.totals", 16));
    assert!(matches!(
        outside,
        Err(ControlError::OutOfRange {
            index: 16,
            size: 16,
            ..
        })
    ));
}

#[test]
fn a_direct_meter_colours_the_packets_of_its_entry() {
    let bench = Bench::new(TABLES);
    let table = "TestIngress.by_meter";
    let metered = p4_switch::control::EntryAction::Action(call("metered", &[]));
    bench
        .insert("by_meter", vec![exact(1)], 0, metered)
        .unwrap();
    let entry = EntryRef::Key(key(vec![exact(1)], 0));
    let request = Request {
        test: 10,
        small: 1,
        ..Request::default()
    };
    assert_eq!(request.ask(&bench), Some(0));
    let config = MeterConfig {
        cir: 1,
        cburst: 1,
        pir: 2,
        pburst: 2,
        eburst: 0,
    };
    bench
        .write(|state| state.set_direct_meter(table, &entry, Some(config)))
        .unwrap();
    assert_eq!(
        bench.read(|state| state.direct_meter(table, &entry)),
        Some(config)
    );
    let colours: Vec<Option<u32>> = (0..3).map(|_| request.ask(&bench)).collect();
    assert_eq!(colours, [Some(0), Some(1), Some(2)]);
    bench.advance(Duration::from_secs(1));
    let colours: Vec<Option<u32>> = (0..3).map(|_| request.ask(&bench)).collect();
    assert_eq!(colours, [Some(0), Some(1), Some(2)]);
    let wrong = MeterConfig { cir: 3, ..config };
    let refused = bench.write(|state| state.set_direct_meter(table, &entry, Some(wrong)));
    assert!(matches!(refused, Err(ControlError::Invalid { .. })));
}

#[test]
fn an_indirect_meter_of_bytes_takes_the_length_of_the_packet() {
    let bench = Bench::new(TABLES);
    let config = MeterConfig {
        cir: 32,
        cburst: 64,
        pir: 32,
        pburst: 96,
        eburst: 0,
    };
    bench
        .write(|state| state.set_meter("TestIngress.byte_meter", 7, Some(config)))
        .unwrap();
    let ask = |small| {
        Request {
            test: 12,
            small,
            ..Request::default()
        }
        .ask(&bench)
    };
    assert_eq!(
        [7, 7, 7, 7, 6].map(ask),
        [Some(0), Some(0), Some(1), Some(2), Some(0)]
    );
    bench.advance(Duration::from_secs(1));
    assert_eq!([7, 7].map(ask), [Some(0), Some(2)]);
}

#[test]
fn registers_keep_what_packets_write() {
    let bench = Bench::new(TABLES);
    let array = "TestIngress.memory";
    bench
        .write(|state| state.set_register(array, 4, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]))
        .unwrap();
    let ask = |address| {
        Request {
            test: 13,
            small: 4,
            address,
            ..Request::default()
        }
        .ask(&bench)
    };
    assert_eq!(ask(1), Some(0xffff_fffe));
    assert_eq!(ask(2), Some(0xffff_ffff));
    // 48 bits wrap around.
    assert_eq!(ask(0), Some(1));
    assert_eq!(
        bench.read(|state| state.register(array, 4)),
        [0, 0, 0, 0, 0, 1]
    );
    let wide = bench.write(|state| state.set_register(array, 4, &[1; 7]));
    assert!(matches!(wide, Err(ControlError::TooWide { width: 48, .. })));
}

#[test]
fn all_writes_of_one_call_take_effect_together() {
    let bench = Bench::new(TABLES);
    let table = "TestIngress.by_exact";
    let entry = |value| TableEntry {
        key: key(vec![exact(1), exact(0)], 0),
        action: answer(value),
    };
    bench
        .insert("by_exact", vec![exact(1), exact(0)], 0, answer(0))
        .unwrap();
    bench
        .insert("by_prefix", vec![exact(1), KeyMatch::Any], 0, answer(0))
        .unwrap();
    let other = |value| TableEntry {
        key: key(vec![exact(1), KeyMatch::Any], 0),
        action: answer(value),
    };
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for value in 1..500 {
                bench
                    .switch
                    .write(|state| {
                        state.modify_entry(table, &entry(value))?;
                        state.modify_entry("TestIngress.by_prefix", &other(value))
                    })
                    .unwrap();
            }
        });
        while !writer.is_finished() {
            // Both under one look at the state.
            let equal = bench.read(|state| {
                let a = state.entry(table, &entry(0).key)?;
                let b = state.entry("TestIngress.by_prefix", &other(0).key)?;
                Ok(a.action == b.action)
            });
            assert!(equal);
        }
    });
}
