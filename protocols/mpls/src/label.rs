//! The 20-bit label.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::SpecialPurposeLabel;

/// An MPLS label: a value of 20 bits (RFC 3032 section 2.1).
///
/// Its text form is the number; a special-purpose label reads as `implicit-null(3)`. Parsing
/// takes the number, the name or both. In serde formats an ordinary label is a number and a
/// special-purpose label its name, as in the `mpls-label` type of RFC 8294; either form is read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(u32);

/// A number that is no label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("label {0} does not fit 20 bits: the largest label is {max}", max = Label::MAX.value())]
pub struct LabelError(pub u32);

/// A text that is no label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseLabelError {
    /// The number does not fit 20 bits.
    #[error(transparent)]
    TooLarge(#[from] LabelError),
    /// Neither a number nor the name of a special-purpose label.
    #[error(
        "\"{0}\" is no label: write a number from 0 to 1048575, or a name such as implicit-null"
    )]
    Unknown(String),
}

impl Label {
    /// The largest label, 1048575 (2^20 - 1).
    pub const MAX: Self = Self(0xF_FFFF);
    /// The smallest label that is not reserved for a special purpose, 16 (RFC 3032 section 2.1).
    pub const MIN_UNRESERVED: Self = Self(16);
    /// IPv4 explicit null, 0 (RFC 3032 section 2.1).
    pub const IPV4_EXPLICIT_NULL: Self = Self(0);
    /// Router alert, 1 (RFC 3032 section 2.1).
    pub const ROUTER_ALERT: Self = Self(1);
    /// IPv6 explicit null, 2 (RFC 3032 section 2.1).
    pub const IPV6_EXPLICIT_NULL: Self = Self(2);
    /// Implicit null, 3: never on the wire (RFC 3032 section 2.1).
    pub const IMPLICIT_NULL: Self = Self(3);
    /// Entropy label indicator, 7 (RFC 6790 section 3).
    pub const ENTROPY_LABEL_INDICATOR: Self = Self(7);
    /// Generic associated channel label, 13 (RFC 5586 section 4).
    pub const GAL: Self = Self(13);

    /// The label of this value.
    ///
    /// # Errors
    /// The value is larger than 1048575.
    pub const fn new(value: u32) -> Result<Self, LabelError> {
        if value <= Self::MAX.0 {
            Ok(Self(value))
        } else {
            Err(LabelError(value))
        }
    }

    /// The label in the lower 20 bits; the higher bits are ignored.
    pub(crate) const fn from_low_bits(value: u32) -> Self {
        Self(value & Self::MAX.0)
    }

    /// The value, 0 to 1048575.
    pub const fn value(self) -> u32 {
        self.0
    }

    /// Whether the label is of the reserved range 0 to 15, assigned or not (RFC 9017 section 2).
    pub const fn is_reserved(self) -> bool {
        self.0 < Self::MIN_UNRESERVED.0
    }

    /// The special purpose of the label, if it has one.
    pub fn special_purpose(self) -> Option<SpecialPurposeLabel> {
        SpecialPurposeLabel::from_label(self)
    }
}

impl From<SpecialPurposeLabel> for Label {
    fn from(special: SpecialPurposeLabel) -> Self {
        Self(special.value())
    }
}

impl TryFrom<u32> for Label {
    type Error = LabelError;

    fn try_from(value: u32) -> Result<Self, LabelError> {
        Self::new(value)
    }
}

impl From<Label> for u32 {
    fn from(label: Label) -> Self {
        label.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.special_purpose() {
            Some(special) => f.pad(&format!("{special}({})", self.0)),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Label({self})")
    }
}

impl FromStr for Label {
    type Err = ParseLabelError;

    fn from_str(text: &str) -> Result<Self, ParseLabelError> {
        let unknown = || ParseLabelError::Unknown(text.to_owned());
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // Only the size of the number can fail here; saturate to name it as too large.
            return Ok(Self::new(text.parse().unwrap_or(u32::MAX))?);
        }
        match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
            None => SpecialPurposeLabel::from_name(text)
                .map(Self::from)
                .ok_or_else(unknown),
            Some((name, number)) => SpecialPurposeLabel::from_name(name)
                .filter(|special| special.value().to_string() == number)
                .map(Self::from)
                .ok_or_else(unknown),
        }
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.special_purpose() {
            Some(special) => serializer.serialize_str(special.name()),
            None => serializer.serialize_u32(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LabelVisitor)
    }
}

struct LabelVisitor;

impl serde::de::Visitor<'_> for LabelVisitor {
    type Value = Label;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an MPLS label: a number from 0 to 1048575, or a name such as implicit-null")
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Label, E> {
        Label::new(u32::try_from(value).unwrap_or(u32::MAX)).map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Label, E> {
        match u64::try_from(value) {
            Ok(value) => self.visit_u64(value),
            Err(_) => Err(E::custom(format_args!(
                "label {value} is negative: labels are numbers from 0 to 1048575"
            ))),
        }
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Label, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn twenty_bits_are_the_limit() {
        assert_eq!(Label::new(1_048_575), Ok(Label::MAX));
        assert_eq!(Label::new(1_048_576), Err(LabelError(1_048_576)));
        let error = "1048576".parse::<Label>().unwrap_err().to_string();
        assert_eq!(
            error,
            "label 1048576 does not fit 20 bits: the largest label is 1048575"
        );
        assert!("99999999999999999999".parse::<Label>().is_err());
    }

    #[test]
    fn special_purpose_labels_have_their_names() {
        assert_eq!(Label::IMPLICIT_NULL.to_string(), "implicit-null(3)");
        assert_eq!(Label::GAL.to_string(), "gal(13)");
        assert_eq!(Label::new(5).unwrap().to_string(), "5");
        assert_eq!("implicit-null".parse(), Ok(Label::IMPLICIT_NULL));
        assert_eq!("implicit-null(3)".parse(), Ok(Label::IMPLICIT_NULL));
        for wrong in [
            "implicit-null(4)",
            "explicit",
            "",
            "-1",
            "+3",
            "0x10",
            "3)",
            "(3)",
        ] {
            assert!(wrong.parse::<Label>().is_err(), "{wrong}");
        }
        assert!(Label::new(15).unwrap().is_reserved());
        assert!(!Label::MIN_UNRESERVED.is_reserved());
    }

    #[test]
    fn serde_takes_numbers_and_names() {
        let labels: Vec<Label> = serde_json::from_str(r#"[100, "ipv4-explicit-null", 3]"#).unwrap();
        assert_eq!(labels[0].value(), 100);
        assert_eq!(
            serde_json::to_string(&labels).unwrap(),
            r#"[100,"ipv4-explicit-null","implicit-null"]"#
        );
        for wrong in ["-1", "1048576", "1.5", "\"x\"", "18446744073709551615"] {
            assert!(serde_json::from_str::<Label>(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn text_and_serde_round_trip(value in 0u32..=0xF_FFFF) {
            let label = Label::new(value).unwrap();
            prop_assert_eq!(label.to_string().parse(), Ok(label));
            let json = serde_json::to_string(&label).unwrap();
            prop_assert_eq!(serde_json::from_str::<Label>(&json).unwrap(), label);
        }

        #[test]
        fn any_text_parses_or_errs(text in ".{0,20}") {
            let _ = text.parse::<Label>();
        }
    }
}
