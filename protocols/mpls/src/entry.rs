//! The label stack entry.

use std::fmt;

use nom::IResult;
use nom::Parser as _;
use nom::combinator::map;
use nom::number::complete::be_u32;
use serde::{Deserialize, Serialize};

use crate::{DecodeError, Label};

/// The traffic class field of a label stack entry: 3 bits (RFC 5462; "EXP" in RFC 3032).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "u8", into = "u8")]
pub struct TrafficClass(u8);

/// A number that is no traffic class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("traffic class {0} does not fit 3 bits: the largest is 7")]
pub struct TrafficClassError(pub u8);

impl TrafficClass {
    /// The traffic class of this value.
    ///
    /// # Errors
    /// The value is larger than 7.
    pub const fn new(value: u8) -> Result<Self, TrafficClassError> {
        if value <= 7 {
            Ok(Self(value))
        } else {
            Err(TrafficClassError(value))
        }
    }

    /// The value, 0 to 7.
    pub const fn value(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for TrafficClass {
    type Error = TrafficClassError;

    fn try_from(value: u8) -> Result<Self, TrafficClassError> {
        Self::new(value)
    }
}

impl From<TrafficClass> for u8 {
    fn from(class: TrafficClass) -> Self {
        class.0
    }
}

impl fmt::Display for TrafficClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One label stack entry: 32 bits on the wire (RFC 3032 section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LabelStackEntry {
    /// The label.
    pub label: Label,
    /// The traffic class (TC).
    pub traffic_class: TrafficClass,
    /// The bottom of stack bit (S): set in the last entry of the stack.
    pub bottom_of_stack: bool,
    /// Time to live.
    pub ttl: u8,
}

impl LabelStackEntry {
    /// Octets of an entry on the wire.
    pub const WIRE_LENGTH: usize = 4;

    /// Parses one entry from the front of the input, as a nom parser.
    ///
    /// # Errors
    /// The input has less than four octets.
    pub fn parse(input: &[u8]) -> IResult<&[u8], Self> {
        map(be_u32, Self::from).parse(input)
    }

    /// Decodes one entry from the front of the octets; gives the octets after it.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`]: there are less than four octets.
    pub fn decode(octets: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        match Self::parse(octets) {
            Ok((rest, entry)) => Ok((entry, rest)),
            Err(_) => Err(DecodeError::Truncated {
                element: "label stack entry",
                needed: Self::WIRE_LENGTH,
                available: octets.len(),
            }),
        }
    }

    /// The four octets of the entry, in network byte order.
    pub fn encode(self) -> [u8; Self::WIRE_LENGTH] {
        u32::from(self).to_be_bytes()
    }
}

impl From<u32> for LabelStackEntry {
    fn from(word: u32) -> Self {
        Self {
            label: Label::from_low_bits(word >> 12),
            traffic_class: TrafficClass((word >> 9 & 0x7) as u8),
            bottom_of_stack: word >> 8 & 1 == 1,
            ttl: (word & 0xFF) as u8,
        }
    }
}

impl From<LabelStackEntry> for u32 {
    fn from(entry: LabelStackEntry) -> Self {
        entry.label.value() << 12
            | Self::from(entry.traffic_class.0) << 9
            | Self::from(entry.bottom_of_stack) << 8
            | Self::from(entry.ttl)
    }
}

impl fmt::Display for LabelStackEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "label {} tc {} s {} ttl {}",
            self.label,
            self.traffic_class,
            u8::from(self.bottom_of_stack),
            self.ttl
        )
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 3032 section 2.1, figure 1: label 20 bits, Exp 3 bits, S 1 bit, TTL 8 bits.
    #[test]
    fn an_entry_is_laid_out_as_figure_1_says() {
        let (entry, rest) = LabelStackEntry::decode(&[0x00, 0x06, 0x4B, 0x40, 0xFF]).unwrap();
        assert_eq!(entry.label.value(), 100);
        assert_eq!(entry.traffic_class.value(), 5);
        assert!(entry.bottom_of_stack);
        assert_eq!(entry.ttl, 64);
        assert_eq!(rest, [0xFF]);
        assert_eq!(entry.encode(), [0x00, 0x06, 0x4B, 0x40]);
        assert_eq!(entry.to_string(), "label 100 tc 5 s 1 ttl 64");
    }

    #[test]
    fn a_cut_entry_is_an_error() {
        assert_eq!(
            LabelStackEntry::decode(&[1, 2, 3]),
            Err(DecodeError::Truncated {
                element: "label stack entry",
                needed: 4,
                available: 3
            })
        );
    }

    #[test]
    fn a_traffic_class_has_three_bits() {
        assert!(TrafficClass::new(7).is_ok());
        assert_eq!(TrafficClass::new(8), Err(TrafficClassError(8)));
    }

    pub(crate) fn any_entry() -> impl Strategy<Value = LabelStackEntry> {
        any::<u32>().prop_map(LabelStackEntry::from)
    }

    proptest! {
        #[test]
        fn every_word_round_trips(word: u32) {
            let entry = LabelStackEntry::from(word);
            prop_assert_eq!(u32::from(entry), word);
            let octets = entry.encode();
            prop_assert_eq!(LabelStackEntry::decode(&octets), Ok((entry, &[][..])));
        }
    }
}
