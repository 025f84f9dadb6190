//! Keys of entries: from what the control plane gives to packed words, and back.

use bmv2_json::MatchType;
use smallvec::SmallVec;

use super::{Result, word_of, words_of};
use crate::control::{ControlError, EntryKey, KeyMatch};
use crate::number::{cut, low_mask, words_to_bytes};
use crate::program::{KeyElement, Matcher, Table};

/// The key of an entry in packed words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackedKey {
    /// The values, then the masks. The masks are left out where all bits matter, so that a short
    /// key needs no memory of its own.
    words: SmallVec<[u64; 2]>,
    exact: bool,
    pub(super) priority: u32,
}

impl PackedKey {
    /// For `words` words of values, and as many of masks if it is not `exact`.
    fn zero(words: usize, exact: bool, priority: u32) -> Self {
        let all = if exact { words } else { 2 * words };
        Self {
            words: SmallVec::from_elem(0, all),
            exact,
            priority,
        }
    }

    /// The values; for a range its smallest value.
    #[inline]
    pub(super) fn value(&self) -> &[u64] {
        if self.exact {
            &self.words
        } else {
            &self.words[..self.words.len() / 2]
        }
    }

    /// The masks; for a range its largest value. Empty if all bits matter.
    pub(super) fn mask(&self) -> &[u64] {
        if self.exact {
            &[]
        } else {
            &self.words[self.words.len() / 2..]
        }
    }
}

impl KeyElement {
    /// Writes a value of the element to its place in a packed key of zeros.
    pub(crate) fn pack(&self, value: &[u64], key: &mut [u64]) {
        let word = self.word as usize;
        if self.width <= 64 {
            key[word] |= value.first().copied().unwrap_or(0) << self.shift;
        } else {
            key[word..word + value.len()].copy_from_slice(value);
        }
    }

    /// The value of the element in a packed key.
    pub(crate) fn unpack(&self, key: &[u64]) -> Vec<u64> {
        let word = self.word as usize;
        if self.width <= 64 {
            vec![(key[word] >> self.shift) & low_mask(self.width)]
        } else {
            key[word..word + self.words as usize].to_vec()
        }
    }

    /// All ones.
    pub(super) fn ones(&self) -> Vec<u64> {
        let mut ones = vec![u64::MAX; self.words as usize];
        cut(&mut ones, self.width);
        ones
    }

    /// The mask of a prefix.
    pub(super) fn prefix(&self, length: u32) -> Vec<u64> {
        let mut mask = self.ones();
        let mut rest = vec![u64::MAX; self.words as usize];
        cut(&mut rest, self.width - length);
        for (word, rest) in mask.iter_mut().zip(rest) {
            *word &= !rest;
        }
        mask
    }
}

/// The packed form of a key, if it is right for the table.
pub(super) fn pack(table: &Table, key: &EntryKey) -> Result<PackedKey> {
    if key.matches.len() != table.key.len() {
        return Err(ControlError::WrongCount {
            owner: table.name.to_string(),
            what: "matches",
            expected: table.key.len(),
            given: key.matches.len(),
        });
    }
    let by_priority = has_priority(table);
    if by_priority != (key.priority > 0) {
        return Err(ControlError::Invalid {
            owner: table.name.to_string(),
            reason: if by_priority {
                "an entry with a ternary or range match needs a priority of at least 1".to_owned()
            } else {
                format!(
                    "an entry without ternary and range match has priority 0, not {}",
                    key.priority
                )
            },
        });
    }
    let exact = table.matcher == Matcher::Exact;
    let mut packed = PackedKey::zero(table.key_words, exact, key.priority);
    for (element, given) in table.key.iter().zip(&key.matches) {
        if exact && let (KeyMatch::Exact(bytes), true) = (given, element.width <= 64) {
            let word = word_of(bytes, element.width, &table.name, &element.name)?;
            element.pack(&[word], &mut packed.words);
            continue;
        }
        let (value, mask) = element_words(table, element, given)?;
        let (values, masks) = packed.words.split_at_mut(table.key_words);
        element.pack(&value, values);
        if !exact {
            element.pack(&mask, masks);
        }
    }
    Ok(packed)
}

/// Whether entries of the table have a priority.
pub(super) fn has_priority(table: &Table) -> bool {
    table
        .key
        .iter()
        .any(|element| matches!(element.match_type, MatchType::Ternary | MatchType::Range))
}

fn element_words(
    table: &Table,
    element: &KeyElement,
    given: &KeyMatch,
) -> Result<(Vec<u64>, Vec<u64>)> {
    let bad = |reason: String| ControlError::BadMatch {
        owner: table.name.to_string(),
        field: element.name.clone(),
        reason,
    };
    let words = |bytes: &[u8]| words_of(bytes, element.width, &table.name, &element.name);
    let zero = || vec![0; element.words as usize];
    let (mut value, mask) = match (given, element.match_type) {
        (KeyMatch::Valid(valid), MatchType::Valid) => (vec![u64::from(*valid)], element.ones()),
        (KeyMatch::Exact(value), MatchType::Exact | MatchType::Ternary) => {
            (words(value)?, element.ones())
        }
        (
            KeyMatch::Lpm {
                value,
                prefix_length,
            },
            MatchType::Lpm,
        ) => {
            if *prefix_length == 0 || *prefix_length > element.width {
                return Err(bad(format!(
                    "a prefix has 1 to {} bits, not {prefix_length}",
                    element.width
                )));
            }
            (words(value)?, element.prefix(*prefix_length))
        }
        (KeyMatch::Ternary { value, mask }, MatchType::Ternary) => {
            let mask = words(mask)?;
            if mask.iter().all(|word| *word == 0) {
                return Err(bad("the mask is 0; leave the match out instead".to_owned()));
            }
            (words(value)?, mask)
        }
        (KeyMatch::Range { low, high }, MatchType::Range) => {
            let (low, high) = (words(low)?, words(high)?);
            if low.iter().rev().gt(high.iter().rev()) {
                return Err(bad("the range ends before it starts".to_owned()));
            }
            // Here the mask is no mask.
            return Ok((low, high));
        }
        (KeyMatch::Any, MatchType::Range) => return Ok((zero(), element.ones())),
        (KeyMatch::Any, MatchType::Lpm | MatchType::Ternary) => (zero(), zero()),
        (given, match_type) => {
            let kind = match given {
                KeyMatch::Exact(_) => "an exact match",
                KeyMatch::Lpm { .. } => "a prefix",
                KeyMatch::Ternary { .. } => "a ternary match",
                KeyMatch::Range { .. } => "a range",
                KeyMatch::Valid(_) => "a validity",
                KeyMatch::Any => "no match",
            };
            let needed = match match_type {
                MatchType::Valid => "a validity",
                MatchType::Exact => "an exact match",
                MatchType::Lpm => "a prefix",
                MatchType::Ternary => "a ternary match",
                MatchType::Range => "a range",
            };
            return Err(bad(format!("{needed} is needed, but {kind} was given")));
        }
    };
    for (value, mask) in value.iter_mut().zip(&mask) {
        *value &= mask;
    }
    Ok((value, mask))
}

/// The key that was packed.
pub(super) fn unpack(table: &Table, packed: &PackedKey) -> EntryKey {
    let matches = table
        .key
        .iter()
        .map(|element| {
            let value = element.unpack(packed.value());
            let mask = match packed.mask() {
                [] => element.ones(),
                mask => element.unpack(mask),
            };
            let bytes = |words: &[u64]| words_to_bytes(words, element.width);
            let zero = |words: &[u64]| words.iter().all(|word| *word == 0);
            match element.match_type {
                MatchType::Valid => KeyMatch::Valid(!zero(&value)),
                MatchType::Exact => KeyMatch::Exact(bytes(&value)),
                MatchType::Lpm if zero(&mask) => KeyMatch::Any,
                MatchType::Lpm => KeyMatch::Lpm {
                    value: bytes(&value),
                    prefix_length: mask.iter().map(|word| word.count_ones()).sum(),
                },
                MatchType::Ternary if zero(&mask) => KeyMatch::Any,
                MatchType::Ternary => KeyMatch::Ternary {
                    value: bytes(&value),
                    mask: bytes(&mask),
                },
                MatchType::Range if zero(&value) && mask == element.ones() => KeyMatch::Any,
                MatchType::Range => KeyMatch::Range {
                    low: bytes(&value),
                    high: bytes(&mask),
                },
            }
        })
        .collect();
    EntryKey {
        matches,
        priority: packed.priority,
    }
}

/// The length of the prefix of a packed key in a table with a longest-prefix element.
pub(super) fn prefix_length(table: &Table, packed: &PackedKey) -> u32 {
    match table.matcher {
        Matcher::Lpm(index) => table.key[index]
            .unpack(packed.mask())
            .iter()
            .map(|word| word.count_ones())
            .sum(),
        _ => 0,
    }
}
