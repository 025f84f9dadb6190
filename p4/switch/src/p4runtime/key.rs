//! Match keys: from and to the FieldMatch messages (section 9.1.1).

use std::collections::HashMap;

use p4runtime_proto::bytestring;
use p4runtime_proto::p4::v1::field_match::{Exact, Lpm, Optional, Range, Ternary};
use p4runtime_proto::p4::v1::{FieldMatch, field_match::FieldMatchType};

use super::refusal::Refusal;
use super::schema::{Field, KeyField, MatchKind, Table};
use crate::control::{EntryKey, KeyMatch};

type Result<T> = std::result::Result<T, Refusal>;

/// Reads match and priority of an entry of `table`.
pub(crate) fn decode_key(table: &Table, matches: &[FieldMatch], priority: i32) -> Result<EntryKey> {
    let matches = decode_matches(&table.key, matches)?;
    let priority =
        if table.has_priority() {
            // Section 9.1: not 0, and section 9.1.1 has no negative ones either.
            u32::try_from(priority).ok().filter(|p| *p > 0).ok_or_else(|| {
            Refusal::invalid_argument(format!(
                "priority {priority}: the key has a ternary, range or optional field, so the \
                 priority must be greater than 0"
            ))
        })?
        } else if priority == 0 {
            0
        } else {
            return Err(Refusal::invalid_argument(format!(
                "priority {priority}: the key has no ternary, range or optional field, so the \
             priority must be 0"
            )));
        };
    Ok(EntryKey { matches, priority })
}

/// Reads the matches on `key`, in its order.
pub(crate) fn decode_matches(key: &[KeyField], matches: &[FieldMatch]) -> Result<Vec<KeyMatch>> {
    let mut by_id = HashMap::with_capacity(matches.len());
    for field in matches {
        if !key.iter().any(|key| key.field.id == field.field_id) {
            return Err(Refusal::invalid_argument(format!(
                "there is no match field {}",
                field.field_id
            )));
        }
        if by_id.insert(field.field_id, field).is_some() {
            return Err(Refusal::invalid_argument(format!(
                "match field {} is there twice",
                field.field_id
            )));
        }
    }
    key.iter()
        .map(|key| {
            decode_match(key, by_id.get(&key.field.id).copied()).map_err(|refusal| {
                refusal.at(format!("match field {} ({})", key.field.id, key.field.name))
            })
        })
        .collect()
}

fn decode_match(key: &KeyField, given: Option<&FieldMatch>) -> Result<KeyMatch> {
    let width = key.field.width;
    let Some(given) = given else {
        return if key.kind == MatchKind::Exact {
            Err(Refusal::invalid_argument(
                "an exact match cannot be left out",
            ))
        } else {
            Ok(KeyMatch::Any)
        };
    };
    let padded = |bytes: &[u8]| key.field.decode(bytes);
    match (key.kind, &given.field_match_type) {
        (MatchKind::Exact, Some(FieldMatchType::Exact(exact))) => {
            let value = padded(&exact.value)?;
            Ok(if key.validity {
                KeyMatch::Valid(value.iter().any(|byte| *byte != 0))
            } else {
                KeyMatch::Exact(value)
            })
        }
        (MatchKind::Optional, Some(FieldMatchType::Optional(optional))) => {
            Ok(KeyMatch::Exact(padded(&optional.value)?))
        }
        (MatchKind::Lpm, Some(FieldMatchType::Lpm(lpm))) => {
            let value = padded(&lpm.value)?;
            let prefix_length = u32::try_from(lpm.prefix_len)
                .ok()
                .filter(|length| (1..=width).contains(length))
                .ok_or_else(|| {
                    Refusal::invalid_argument(format!(
                        "prefix length {} is not 1 to {width}; a match on anything is left out",
                        lpm.prefix_len
                    ))
                })?;
            if !outside(&value, &prefix_mask(width, prefix_length)).is_empty() {
                return Err(Refusal::invalid_argument(format!(
                    "the value has ones after its prefix of {prefix_length} bits"
                )));
            }
            Ok(KeyMatch::Lpm {
                value,
                prefix_length,
            })
        }
        (MatchKind::Ternary, Some(FieldMatchType::Ternary(ternary))) => {
            let value = padded(&ternary.value)?;
            let mask = decode_mask(&key.field, &ternary.mask)?;
            if mask.iter().all(|byte| *byte == 0) {
                return Err(Refusal::invalid_argument(
                    "the mask is 0; a match on anything is left out",
                ));
            }
            if !outside(&value, &mask).is_empty() {
                return Err(Refusal::invalid_argument(
                    "the value has ones outside its mask",
                ));
            }
            Ok(KeyMatch::Ternary { value, mask })
        }
        (MatchKind::Range, Some(FieldMatchType::Range(range))) => {
            let (low, high) = (padded(&range.low)?, padded(&range.high)?);
            if low > high {
                return Err(Refusal::invalid_argument(
                    "the low bound is greater than the high bound",
                ));
            }
            if low.iter().all(|byte| *byte == 0) && high == prefix_mask(width, width) {
                return Err(Refusal::invalid_argument(
                    "the range has all values; a match on anything is left out",
                ));
            }
            Ok(KeyMatch::Range { low, high })
        }
        (kind, given) => Err(Refusal::invalid_argument(format!(
            "its match type is {kind}, but the entry has {}",
            given.as_ref().map_or("none", kind_of)
        ))),
    }
}

/// The FieldMatch messages of a key that the switch holds; matches on anything are left out.
pub(crate) fn encode_matches(key: &[KeyField], matches: &[KeyMatch]) -> Vec<FieldMatch> {
    key.iter()
        .zip(matches)
        .filter_map(|(key, held)| {
            Some(FieldMatch {
                field_id: key.field.id,
                field_match_type: Some(encode_match(key, held)?),
            })
        })
        .collect()
}

fn encode_match(key: &KeyField, held: &KeyMatch) -> Option<FieldMatchType> {
    let short = |bytes: &[u8]| key.field.encode(bytes);
    let full = || encode_mask(&key.field, &prefix_mask(key.field.width, key.field.width));
    let exact = |value: &[u8]| match key.kind {
        MatchKind::Optional => FieldMatchType::Optional(Optional {
            value: short(value),
        }),
        MatchKind::Ternary => FieldMatchType::Ternary(Ternary {
            value: short(value),
            mask: full(),
        }),
        _ => FieldMatchType::Exact(Exact {
            value: short(value),
        }),
    };
    Some(match held {
        KeyMatch::Any => return None,
        KeyMatch::Valid(valid) => exact(&[u8::from(*valid)]),
        KeyMatch::Exact(value) => exact(value),
        KeyMatch::Lpm {
            value,
            prefix_length,
        } => FieldMatchType::Lpm(Lpm {
            value: short(value),
            // The length is at most the width, which came as an int32.
            prefix_len: i32::try_from(*prefix_length).unwrap_or(i32::MAX),
        }),
        KeyMatch::Ternary { value, .. } if key.kind == MatchKind::Optional => exact(value),
        KeyMatch::Ternary { value, mask } => FieldMatchType::Ternary(Ternary {
            value: short(value),
            mask: encode_mask(&key.field, mask),
        }),
        KeyMatch::Range { low, high } => FieldMatchType::Range(Range {
            low: short(low),
            high: short(high),
        }),
    })
}

/// A mask. That of all bits has the controller's number of them, where a type is translated.
fn decode_mask(field: &Field, mask: &[u8]) -> Result<Vec<u8>> {
    let all = controllers_mask(field);
    if all.is_some_and(|all| bytestring::canonical(mask) == bytestring::canonical(&all)) {
        return Ok(prefix_mask(field.width, field.width));
    }
    Ok(bytestring::decode_padded(mask, field.width)?)
}

fn encode_mask(field: &Field, mask: &[u8]) -> Vec<u8> {
    match controllers_mask(field) {
        Some(all) if mask == prefix_mask(field.width, field.width) => all,
        _ => bytestring::canonical(mask).to_vec(),
    }
}

fn controllers_mask(field: &Field) -> Option<Vec<u8>> {
    let bits = field.translation.as_ref()?.bits()?;
    Some(prefix_mask(bits, bits))
}

fn kind_of(given: &FieldMatchType) -> &'static str {
    match given {
        FieldMatchType::Exact(_) => "an exact match",
        FieldMatchType::Ternary(_) => "a ternary match",
        FieldMatchType::Lpm(_) => "an LPM match",
        FieldMatchType::Range(_) => "a range match",
        FieldMatchType::Optional(_) => "an optional match",
        FieldMatchType::Other(_) => "an architecture-specific match",
    }
}

/// `length` ones, then zeros, in a field of `width` bits on whole bytes.
fn prefix_mask(width: u32, length: u32) -> Vec<u8> {
    let bytes = width.div_ceil(8);
    let lead = bytes * 8 - width;
    (0..bytes)
        .map(|byte| {
            (0..8).fold(0, |mask, bit| {
                let position = byte * 8 + bit;
                mask << 1 | u8::from(position >= lead && position < lead + length)
            })
        })
        .collect()
}

/// The bytes of `value` that have ones where `mask` has none.
fn outside(value: &[u8], mask: &[u8]) -> Vec<u8> {
    value
        .iter()
        .zip(mask)
        .map(|(value, mask)| value & !mask)
        .filter(|byte| *byte != 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::p4runtime::schema::Field;

    #[test]
    fn a_prefix_mask_starts_at_the_first_bit_of_the_field() {
        assert_eq!(prefix_mask(32, 8), [0xff, 0, 0, 0]);
        assert_eq!(prefix_mask(20, 4), [0x0f, 0, 0]);
        assert_eq!(prefix_mask(9, 9), [0x01, 0xff]);
        assert_eq!(prefix_mask(9, 1), [0x01, 0]);
    }

    fn key(kind: MatchKind, width: u32) -> KeyField {
        KeyField {
            field: Field {
                id: 1,
                name: "f".into(),
                width,
                translation: None,
            },
            kind,
            validity: false,
        }
    }

    fn decode(kind: MatchKind, width: u32, given: FieldMatchType) -> Result<Vec<KeyMatch>> {
        let given = FieldMatch {
            field_id: 1,
            field_match_type: Some(given),
        };
        decode_matches(&[key(kind, width)], &[given])
    }

    /// Section 9.1.1, each constraint of each match type.
    #[test]
    fn constraints_of_the_match_types() {
        use tonic::Code;
        let lpm = |value: &[u8], prefix_len| {
            FieldMatchType::Lpm(Lpm {
                value: value.to_vec(),
                prefix_len,
            })
        };
        let ternary = |value: &[u8], mask: &[u8]| {
            FieldMatchType::Ternary(Ternary {
                value: value.to_vec(),
                mask: mask.to_vec(),
            })
        };
        let range = |low: &[u8], high: &[u8]| {
            FieldMatchType::Range(Range {
                low: low.to_vec(),
                high: high.to_vec(),
            })
        };
        let cases = [
            (MatchKind::Lpm, lpm(&[10, 0, 0, 0], 8), None),
            (MatchKind::Lpm, lpm(&[0], 0), Some(Code::InvalidArgument)),
            (MatchKind::Lpm, lpm(&[0], 33), Some(Code::InvalidArgument)),
            (
                MatchKind::Lpm,
                lpm(&[10, 0, 0, 1], 8),
                Some(Code::InvalidArgument),
            ),
            (MatchKind::Lpm, lpm(&[], 8), Some(Code::OutOfRange)),
            (MatchKind::Ternary, ternary(&[1], &[3]), None),
            (
                MatchKind::Ternary,
                ternary(&[0], &[0]),
                Some(Code::InvalidArgument),
            ),
            (
                MatchKind::Ternary,
                ternary(&[4], &[3]),
                Some(Code::InvalidArgument),
            ),
            (MatchKind::Range, range(&[3], &[3]), None),
            (
                MatchKind::Range,
                range(&[4], &[3]),
                Some(Code::InvalidArgument),
            ),
            (
                MatchKind::Range,
                range(&[0], &[255; 4]),
                Some(Code::InvalidArgument),
            ),
            (
                MatchKind::Exact,
                lpm(&[10], 32),
                Some(Code::InvalidArgument),
            ),
        ];
        for (kind, given, code) in cases {
            let words = format!("{kind} {given:?}");
            let got = decode(kind, 32, given).err().map(|refusal| refusal.code);
            assert_eq!(got, code, "{words}");
        }
    }

    #[test]
    fn keys_are_given_back_as_they_were_written() {
        let cases = [
            (
                MatchKind::Exact,
                FieldMatchType::Exact(Exact { value: vec![1, 2] }),
            ),
            (
                MatchKind::Optional,
                FieldMatchType::Optional(Optional { value: vec![7] }),
            ),
            (
                MatchKind::Ternary,
                FieldMatchType::Ternary(Ternary {
                    value: vec![0],
                    mask: vec![1, 0],
                }),
            ),
            (
                MatchKind::Lpm,
                FieldMatchType::Lpm(Lpm {
                    value: vec![8, 0, 0],
                    prefix_len: 9,
                }),
            ),
            (
                MatchKind::Range,
                FieldMatchType::Range(Range {
                    low: vec![0],
                    high: vec![9],
                }),
            ),
        ];
        for (kind, given) in cases {
            let held = decode(kind, 28, given.clone()).unwrap();
            let back = encode_matches(&[key(kind, 28)], &held);
            assert_eq!(back[0].field_match_type, Some(given));
        }
    }
}
