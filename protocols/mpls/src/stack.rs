//! The label stack.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::{DecodeError, Label, LabelStackEntry, TrafficClass};

/// A label stack: at least one entry, the top first, the S bit in the last one and only there
/// (RFC 3032 section 2.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<LabelStackEntry>", into = "Vec<LabelStackEntry>")]
pub struct LabelStack(Vec<LabelStackEntry>);

/// Entries that are no label stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LabelStackError {
    /// There is no entry.
    #[error("a label stack has at least one entry")]
    Empty,
    /// The S bit is missing in the last entry, or set in another one.
    #[error("the S bit must be set in the last entry of a label stack and in no other")]
    BottomOfStack,
}

impl LabelStack {
    /// The stack of these entries, the top first.
    ///
    /// # Errors
    /// There is no entry, or the S bit is not exactly in the last one.
    pub fn new(entries: Vec<LabelStackEntry>) -> Result<Self, LabelStackError> {
        let (last, above) = entries.split_last().ok_or(LabelStackError::Empty)?;
        if last.bottom_of_stack && above.iter().all(|entry| !entry.bottom_of_stack) {
            Ok(Self(entries))
        } else {
            Err(LabelStackError::BottomOfStack)
        }
    }

    /// The stack of these labels, the top first, all with one traffic class and time to live.
    ///
    /// # Errors
    /// There is no label.
    pub fn from_labels(
        labels: &[Label],
        traffic_class: TrafficClass,
        ttl: u8,
    ) -> Result<Self, LabelStackError> {
        let last = labels.len().checked_sub(1).ok_or(LabelStackError::Empty)?;
        let entry = |(index, &label)| LabelStackEntry {
            label,
            traffic_class,
            bottom_of_stack: index == last,
            ttl,
        };
        Ok(Self(labels.iter().enumerate().map(entry).collect()))
    }

    /// Decodes entries up to and including the one with the S bit; gives the octets after it.
    ///
    /// # Errors
    /// [`DecodeError::NoBottomOfStack`]: the octets end on an entry's border without an S bit.
    /// [`DecodeError::Truncated`]: they end inside an entry.
    pub fn decode(octets: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let mut entries = Vec::new();
        let mut rest = octets;
        loop {
            if rest.is_empty() {
                return Err(DecodeError::NoBottomOfStack {
                    entries: entries.len(),
                });
            }
            let (entry, after) = LabelStackEntry::decode(rest)?;
            entries.push(entry);
            rest = after;
            if entry.bottom_of_stack {
                return Ok((Self(entries), rest));
            }
        }
    }

    /// The octets of the stack, the top first.
    pub fn encode(&self) -> Vec<u8> {
        self.0.iter().flat_map(|entry| entry.encode()).collect()
    }

    /// The top entry, the one that a router looks at.
    pub fn top(&self) -> &LabelStackEntry {
        // The constructors refuse an empty stack.
        &self.0[0]
    }
}

impl Deref for LabelStack {
    type Target = [LabelStackEntry];

    fn deref(&self) -> &[LabelStackEntry] {
        &self.0
    }
}

impl TryFrom<Vec<LabelStackEntry>> for LabelStack {
    type Error = LabelStackError;

    fn try_from(entries: Vec<LabelStackEntry>) -> Result<Self, LabelStackError> {
        Self::new(entries)
    }
}

impl From<LabelStack> for Vec<LabelStackEntry> {
    fn from(stack: LabelStack) -> Self {
        stack.0
    }
}

impl fmt::Display for LabelStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { " | " };
            write!(f, "{separator}{entry}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(values: &[u32]) -> Vec<Label> {
        values
            .iter()
            .map(|&value| Label::new(value).unwrap())
            .collect()
    }

    #[test]
    fn the_last_entry_has_the_bottom_bit() {
        let stack =
            LabelStack::from_labels(&labels(&[100, 200]), TrafficClass::default(), 64).unwrap();
        assert_eq!(stack.top().label.value(), 100);
        assert_eq!(
            stack.encode(),
            [0x00, 0x06, 0x40, 0x40, 0x00, 0x0C, 0x81, 0x40]
        );
        assert_eq!(
            stack.to_string(),
            "label 100 tc 0 s 0 ttl 64 | label 200 tc 0 s 1 ttl 64"
        );
    }

    #[test]
    fn a_stack_without_bottom_is_an_error() {
        assert_eq!(
            LabelStack::decode(&[0, 6, 0x40, 64, 0, 6, 0x40, 64]),
            Err(DecodeError::NoBottomOfStack { entries: 2 })
        );
        assert_eq!(
            LabelStack::decode(&[]),
            Err(DecodeError::NoBottomOfStack { entries: 0 })
        );
        assert!(matches!(
            LabelStack::decode(&[0, 6, 0x40, 64, 0, 6]),
            Err(DecodeError::Truncated { .. })
        ));
    }

    #[test]
    fn entries_with_a_wrong_bottom_bit_are_no_stack() {
        let bottom = LabelStackEntry::from(0x0006_4140);
        let above = LabelStackEntry::from(0x0006_4040);
        assert_eq!(LabelStack::new(vec![]), Err(LabelStackError::Empty));
        assert_eq!(
            LabelStack::new(vec![above]),
            Err(LabelStackError::BottomOfStack)
        );
        assert_eq!(
            LabelStack::new(vec![bottom, bottom]),
            Err(LabelStackError::BottomOfStack)
        );
        assert!(LabelStack::new(vec![above, bottom]).is_ok());
    }

    proptest! {
        #[test]
        fn a_stack_round_trips(
            values in prop::collection::vec(0u32..=0xF_FFFF, 1..40),
            tc in 0u8..8,
            ttl: u8,
            payload in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let class = TrafficClass::new(tc).unwrap();
            let stack = LabelStack::from_labels(&labels(&values), class, ttl).unwrap();
            let mut octets = stack.encode();
            octets.extend(&payload);
            let (decoded, rest) = LabelStack::decode(&octets).unwrap();
            prop_assert_eq!(decoded, stack);
            prop_assert_eq!(rest, &payload[..]);
        }

        #[test]
        fn any_octets_decode_or_err(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((stack, rest)) = LabelStack::decode(&octets) {
                prop_assert_eq!([&stack.encode()[..], rest].concat(), octets);
            }
        }
    }
}
