//! Longest prefixes against a model that tries one entry after the other.

use bmv2_json::MatchType;
use proptest::prelude::*;

use super::*;
use crate::number::{cut, words_for};
use crate::program::KeySource;
use crate::state::lookup::same_under;

/// Widths of elements, and which of them is matched by longest prefix.
const SHAPES: [(&[u32], usize); 10] = [
    (&[32], 0),
    (&[16, 32], 1),
    (&[48, 32], 1),
    (&[128], 0),
    (&[16, 128], 1),
    (&[16, 100, 40], 1),
    (&[33, 12, 48, 20], 2),
    (&[64, 9], 1),
    (&[3, 5], 1),
    (&[65, 20], 0),
];

/// A key of elements that share a word where they fit, and how many words it has.
fn key_of(widths: &[u32]) -> (Vec<KeyElement>, usize) {
    let (mut words, mut room) = (0, 0);
    let elements = widths
        .iter()
        .map(|width| {
            let shares = *width <= room;
            let words_of = words_for(*width) as u32;
            let element = KeyElement {
                name: String::new(),
                match_type: MatchType::Exact,
                source: KeySource::Valid(0),
                width: *width,
                word: if shares { words - 1 } else { words },
                words: words_of,
                shift: if shares { 64 - room } else { 0 },
                mask: None,
            };
            if shares {
                room -= width;
            } else {
                words += words_of;
                room = 64_u32.saturating_sub(*width);
            }
            element
        })
        .collect();
    (elements, words as usize)
}

/// A packet's key: a number for the longest-prefix element, another for each of the others.
type Given = (u128, u8);

fn packed(widths: &[u32], index: usize, (value, others): Given) -> Vec<u64> {
    let (key, words) = key_of(widths);
    let mut packed = vec![0; words];
    for (place, element) in key.iter().enumerate() {
        let number = if place == index {
            // The first bits are the ones that prefixes have in common.
            value >> (128 - element.width)
        } else {
            u128::from(others)
        };
        let mut number = vec![number as u64, (number >> 64) as u64];
        number.truncate(element.words as usize);
        cut(&mut number, element.width);
        element.pack(&number, &mut packed);
    }
    packed
}

/// Numbers that have their first bits in common, often many of them.
fn given() -> impl Strategy<Value = Given> {
    let start = prop_oneof![
        4 => Just(0xc0a8_1234_5678_9abc_def0_1122_3344_5566_u128),
        1 => Just(u128::MAX),
        1 => Just(0),
    ];
    (start, any::<u128>(), 0..=128_u32, 0..2_u8).prop_map(|(start, tail, length, others)| {
        let tail = tail.checked_shr(length).unwrap_or(0);
        (start ^ tail, others)
    })
}

#[derive(Debug, Clone)]
enum Step {
    Insert(Given, u32),
    /// The entry at this place, modulo how many there are.
    Remove(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (given(), any::<u32>()).prop_map(|(given, length)| Step::Insert(given, length)),
        1 => any::<usize>().prop_map(Step::Remove),
    ];
    prop::collection::vec(step, 1..200)
}

#[derive(Debug)]
struct Known {
    value: Vec<u64>,
    length: u32,
    mask: Box<[u64]>,
    id: u32,
}

proptest! {
    #[test]
    fn the_longest_prefix_is_found(
        (widths, index) in prop::sample::select(&SHAPES[..]),
        steps in steps(),
        packets in prop::collection::vec(given(), 50),
    ) {
        let (key, words) = key_of(widths);
        let mut prefixes = Prefixes::new(&key, index, words, 1000).unwrap();
        let mut model: Vec<Known> = Vec::new();
        // As in a table, numbers of entries that are gone are used again.
        let mut free: Vec<u32> = (0..200).collect();
        for step in &steps {
            match step {
                Step::Insert(given, length) => {
                    let length = length % (key[index].width + 1);
                    let mask = mask(&key, index, words, length);
                    let mut value = packed(widths, index, *given);
                    value.iter_mut().zip(&mask).for_each(|(word, mask)| *word &= mask);
                    prop_assert_eq!(prefixes.length_of(&mask), length);
                    let known = model.iter().find(|known| known.length == length && known.value == value);
                    prop_assert_eq!(prefixes.entry_of(&value, length), known.map(|known| known.id));
                    if known.is_none() {
                        let id = free.pop().unwrap();
                        prefixes.insert(&value, length, id);
                        model.push(Known { value, length, mask, id });
                    }
                }
                Step::Remove(_) if model.is_empty() => {}
                Step::Remove(place) => {
                    let known = model.swap_remove(place % model.len());
                    prefixes.remove(&known.value, known.length);
                    prop_assert_eq!(prefixes.entry_of(&known.value, known.length), None);
                    free.push(known.id);
                }
            }
        }
        let inserted = steps.iter().filter_map(|step| match step {
            Step::Insert(given, _) => Some(*given),
            Step::Remove(_) => None,
        });
        for given in inserted.chain(packets) {
            let packet = packed(widths, index, given);
            let matching = model.iter().filter(|known| same_under(&known.mask, &known.value, &packet));
            let best = matching.max_by_key(|known| known.length);
            prop_assert_eq!(prefixes.find(&packet), best.map(|known| known.id));
        }
        while let Some(known) = model.pop() {
            prop_assert_eq!(prefixes.entry_of(&known.value, known.length), Some(known.id));
            prefixes.remove(&known.value, known.length);
        }
        prop_assert_eq!(prefixes.strides.len(), 0);
        prop_assert!(prefixes.levels.iter().all(|level| level.nodes.is_empty()));
        prop_assert_eq!(prefixes.in_use, 0);
        prop_assert!(prefixes.filter.in_use.iter().all(|levels| *levels == 0));
    }
}

#[test]
fn a_wide_element_has_no_levels() {
    let (key, words) = key_of(&[129]);
    assert!(Prefixes::new(&key, 0, words, 1000).is_none());
}

/// All addresses of a /16, and the /16 itself: more nodes of one level and hash than are counted.
#[test]
fn too_many_nodes_to_count_are_found_and_removed() {
    let (key, words) = key_of(&[32]);
    let mut prefixes = Prefixes::new(&key, 0, words, 1 << 17).unwrap();
    let address = |host: u32| [u64::from(0x0a01_0000 | host)];
    prefixes.insert(&address(0), 16, 0);
    for host in 0..1 << 16 {
        prefixes.insert(&address(host), 32, host + 1);
    }
    for host in 0..1 << 16 {
        assert_eq!(prefixes.find(&address(host)), Some(host + 1));
        prefixes.remove(&address(host), 32);
        assert_eq!(prefixes.find(&address(host)), Some(0));
    }
    prefixes.remove(&address(0), 16);
    assert_eq!(prefixes.find(&address(0)), None);
}
