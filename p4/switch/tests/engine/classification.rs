//! Tables against a model that tries one entry after the other.

use std::collections::HashMap;

use p4_switch::control::{EntryAction, EntryKey, KeyMatch};
use proptest::prelude::*;

use crate::support::{Bench, TABLES, call, exact, prefix, range, ternary};

/// A packet of `tables.p4`: test, small, medium, address, wide, entropy, result.
fn packet(test: u8, small: u8, medium: u16, address: u32) -> Vec<u8> {
    let mut packet = vec![test, small];
    packet.extend(medium.to_be_bytes());
    packet.extend(address.to_be_bytes());
    // The first words of `wide`, for prefixes that cross its middle.
    packet.extend((u128::from(address) << 48).to_be_bytes());
    packet.extend([0; 8]);
    packet
}

fn answer_to(bench: &Bench, packet: &[u8]) -> u32 {
    let out = bench.process(packet);
    let bytes = &out[0].1;
    u32::from_be_bytes(bytes[28..32].try_into().unwrap())
}

fn prefix_mask(length: u32, width: u32) -> u128 {
    let ones = u128::MAX >> (128 - width);
    if length == 0 {
        0
    } else {
        ones & (ones << (width - length))
    }
}

fn lpm(value: u128, length: u32, width: u32) -> KeyMatch {
    let bytes = value.to_be_bytes();
    match length {
        0 => KeyMatch::Any,
        length => prefix(&bytes[16 - width as usize / 8..], length),
    }
}

fn masked(value: u16, mask: u16) -> KeyMatch {
    match mask {
        0 => KeyMatch::Any,
        mask => ternary(value.into(), mask.into()),
    }
}

/// Values that share prefixes often.
fn address() -> impl Strategy<Value = u32> {
    (0_u32..4, 0_u32..4, 0_u32..4, any::<bool>())
        .prop_map(|(a, b, c, top)| u32::from(top) << 31 | a << 16 | b << 8 | c)
}

#[derive(Debug, Clone)]
enum Step<K> {
    Insert(K),
    /// The entry at this place, modulo how many there are.
    Delete(usize),
}

fn steps<K: std::fmt::Debug + Clone>(
    key: impl Strategy<Value = K>,
) -> impl Strategy<Value = Vec<Step<K>>> {
    let step = prop_oneof![
        3 => key.prop_map(Step::Insert),
        1 => any::<usize>().prop_map(Step::Delete),
    ];
    proptest::collection::vec(step, 1..60)
}

/// Carries out the steps at the switch; gives the entries that are there then, with their answers.
fn run<K: Clone + PartialEq>(
    bench: &Bench,
    table: &str,
    steps: &[Step<K>],
    key: impl Fn(&K) -> EntryKey,
) -> Vec<(K, u32)> {
    let mut model: HashMap<EntryKey, (K, u32)> = HashMap::new();
    for (answer, step) in (1..).zip(steps) {
        match step {
            Step::Insert(given) => {
                let EntryKey { matches, priority } = key(given);
                let action = EntryAction::Action(call("answer", &[u64::from(answer)]));
                let known = model.contains_key(&key(given));
                let done = bench.insert(table, matches, priority, action);
                assert_eq!(done.is_err(), known, "{done:?}");
                model.entry(key(given)).or_insert((given.clone(), answer));
            }
            Step::Delete(place) if !model.is_empty() => {
                let mut keys: Vec<(u32, EntryKey)> = model
                    .iter()
                    .map(|(key, (_, answer))| (*answer, key.clone()))
                    .collect();
                keys.sort_by_key(|(answer, _)| *answer);
                let (_, key) = &keys[place % keys.len()];
                bench
                    .write(|state| state.delete_entry(&format!("TestIngress.{table}"), key))
                    .unwrap();
                model.remove(key);
            }
            Step::Delete(_) => {}
        }
    }
    model.into_values().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_longest_prefix_is_found(
        steps in steps((0_u8..2, address(), 0_u32..=32)),
        packets in proptest::collection::vec((0_u8..2, address()), 40),
    ) {
        let bench = Bench::new(TABLES);
        let bits = |address: u32, length| u128::from(address) & prefix_mask(length, 32);
        let entries = run(&bench, "by_prefix", &steps, |(small, address, length)| EntryKey {
            matches: vec![
                exact(u64::from(*small)),
                lpm(bits(*address, *length), *length, 32),
            ],
            priority: 0,
        });
        for (small, address) in packets {
            let expected = entries
                .iter()
                .filter(|((other, prefix, length), _)| {
                    *other == small && bits(*prefix, *length) == bits(address, *length)
                })
                .max_by_key(|((_, _, length), _)| *length)
                .map_or(0, |(_, answer)| *answer);
            prop_assert_eq!(answer_to(&bench, &packet(3, small, 0, address)), expected);
        }
    }

    #[test]
    fn the_longest_prefix_of_128_bits_is_found(
        steps in steps((address(), 0_u32..=128)),
        packets in proptest::collection::vec(address(), 40),
    ) {
        let bench = Bench::new(TABLES);
        let bits = |address: u32, length| u128::from(address) << 48 & prefix_mask(length, 128);
        let entries = run(&bench, "by_wide_prefix", &steps, |(address, length)| EntryKey {
            matches: vec![lpm(bits(*address, *length), *length, 128)],
            priority: 0,
        });
        for address in packets {
            let expected = entries
                .iter()
                .filter(|((prefix, length), _)| bits(*prefix, *length) == bits(address, *length))
                .max_by_key(|((_, length), _)| *length)
                .map_or(0, |(_, answer)| *answer);
            prop_assert_eq!(answer_to(&bench, &packet(4, 0, 0, address)), expected);
        }
    }

    #[test]
    fn the_largest_priority_is_found_among_masks(
        steps in steps((0_u16..8, 0_u16..8, 1_u32..1_000_000)),
        packets in proptest::collection::vec(0_u16..8, 20),
    ) {
        let bench = Bench::new(TABLES);
        let entries = run(&bench, "by_mask", &steps, |(medium, mask, priority)| EntryKey {
            matches: vec![masked(medium & mask, *mask), KeyMatch::Any, exact(1)],
            priority: *priority,
        });
        for medium in packets {
            let expected = entries
                .iter()
                .filter(|((value, mask, _), _)| value & mask == medium & mask)
                .max_by_key(|((_, _, priority), _)| *priority)
                .map_or(0, |(_, answer)| *answer);
            prop_assert_eq!(answer_to(&bench, &packet(5, 0, medium, 0)), expected);
        }
    }

    #[test]
    fn the_largest_priority_is_found_among_ranges(
        steps in steps((0_u16..20, 0_u16..20, 0_u16..3, 1_u32..1_000_000)),
        packets in proptest::collection::vec((0_u16..20, 0_u8..3), 20),
    ) {
        let bench = Bench::new(TABLES);
        let entries = run(&bench, "by_range", &steps, |(low, length, small, priority)| EntryKey {
            matches: vec![
                range(u64::from(*low), u64::from(low + length)),
                masked(*small, u16::from(*small > 0) * 0xff),
            ],
            priority: *priority,
        });
        for (medium, small) in packets {
            let expected = entries
                .iter()
                .filter(|((low, length, other, _), _)| {
                    (*low..=low + length).contains(&medium)
                        && (*other == 0 || *other == u16::from(small))
                })
                .max_by_key(|((_, _, _, priority), _)| *priority)
                .map_or(0, |(_, answer)| *answer);
            prop_assert_eq!(answer_to(&bench, &packet(6, small, medium, 0)), expected);
        }
    }
}
