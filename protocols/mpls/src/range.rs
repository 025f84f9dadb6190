//! Ranges of labels.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Label, ParseLabelError};

/// An inclusive range of unreserved labels, such as `16-15999`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LabelRange {
    first: Label,
    last: Label,
}

/// A pair of labels or a text that is no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelRangeError {
    /// The first label is larger than the last.
    #[error("label range {first}-{last} ends before it begins")]
    Reversed {
        /// The stated first label.
        first: Label,
        /// The stated last label.
        last: Label,
    },
    /// The range holds labels of the reserved range 0 to 15 (RFC 3032 section 2.1).
    #[error("label range {first}-{last} holds reserved labels: begin it at 16 or above")]
    Reserved {
        /// The stated first label.
        first: Label,
        /// The stated last label.
        last: Label,
    },
    /// An end of the range is no label.
    #[error(transparent)]
    Label(#[from] ParseLabelError),
    /// The text has not the form `first-last`.
    #[error("\"{0}\" is no label range: write it as first-last, such as 16-15999")]
    Form(String),
}

impl LabelRange {
    /// Every label that RFC 3032 does not reserve: 16 to 1048575.
    pub const UNRESERVED: Self = Self {
        first: Label::MIN_UNRESERVED,
        last: Label::MAX,
    };

    /// The range from `first` to `last`, both included.
    ///
    /// # Errors
    /// The range is reversed, or it begins below 16.
    pub const fn new(first: Label, last: Label) -> Result<Self, LabelRangeError> {
        if first.is_reserved() {
            Err(LabelRangeError::Reserved { first, last })
        } else if first.value() > last.value() {
            Err(LabelRangeError::Reversed { first, last })
        } else {
            Ok(Self { first, last })
        }
    }

    /// The smallest label of the range.
    pub const fn first(self) -> Label {
        self.first
    }

    /// The largest label of the range.
    pub const fn last(self) -> Label {
        self.last
    }

    /// How many labels the range holds, at least 1.
    pub const fn count(self) -> u32 {
        self.last.value() - self.first.value() + 1
    }

    /// Whether the label is in the range.
    pub fn contains(self, label: Label) -> bool {
        self.first <= label && label <= self.last
    }

    /// Whether the two ranges have a label in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// The labels of the range in ascending order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = Label> {
        (self.first.value()..=self.last.value()).map(Label::from_low_bits)
    }
}

impl fmt::Display for LabelRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}", self.first, self.last))
    }
}

impl FromStr for LabelRange {
    type Err = LabelRangeError;

    fn from_str(text: &str) -> Result<Self, LabelRangeError> {
        let (first, last) = text
            .split_once('-')
            .ok_or_else(|| LabelRangeError::Form(text.to_owned()))?;
        Self::new(first.trim().parse()?, last.trim().parse()?)
    }
}

impl TryFrom<String> for LabelRange {
    type Error = LabelRangeError;

    fn try_from(text: String) -> Result<Self, LabelRangeError> {
        text.parse()
    }
}

impl From<LabelRange> for String {
    fn from(range: LabelRange) -> Self {
        range.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_checked() {
        let range: LabelRange = "16-1048575".parse().unwrap();
        assert_eq!(range, LabelRange::UNRESERVED);
        assert_eq!(range.count(), 1_048_560);
        assert_eq!(range.to_string(), "16-1048575");
        assert!(matches!(
            "15-20".parse(),
            Err::<LabelRange, _>(LabelRangeError::Reserved { .. })
        ));
        assert!(matches!(
            "20-19".parse(),
            Err::<LabelRange, _>(LabelRangeError::Reversed { .. })
        ));
        assert!(matches!(
            "20".parse(),
            Err::<LabelRange, _>(LabelRangeError::Form(_))
        ));
        assert!(matches!(
            "20-x".parse(),
            Err::<LabelRange, _>(LabelRangeError::Label(_))
        ));
    }

    #[test]
    fn one_label_is_a_range() {
        let label = Label::new(100).unwrap();
        let range = LabelRange::new(label, label).unwrap();
        assert_eq!(range.iter().collect::<Vec<_>>(), [label]);
        assert!(range.overlaps("50-100".parse().unwrap()));
        assert!(!range.overlaps("101-200".parse().unwrap()));
        assert!(range.contains(label));
    }
}
