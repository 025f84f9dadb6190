//! Label spaces.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A label space (RFC 3031 section 3.14, RFC 5331 section 4), by its number.
///
/// 0 is the platform-wide space, 1 to 32767 are those of interfaces, 32768 to 65534 are context
/// label spaces, and 65535 is that of the extended special-purpose labels.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct LabelSpace(pub u16);

/// What a label space is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LabelSpaceKind {
    /// Labels mean the same on every interface that has no space of its own.
    Platform,
    /// Labels of an interface, or of some interfaces together.
    Interface,
    /// Labels below a context label, from an upstream LSR, or in a tunnel (RFC 5331 section 4).
    Context,
    /// Labels below label 15 (RFC 7274 section 3).
    ExtendedSpecialPurpose,
}

impl LabelSpace {
    /// The platform-wide label space, 0.
    pub const PLATFORM: Self = Self(0);
    /// The first context label space, 32768.
    pub const FIRST_CONTEXT: Self = Self(0x8000);
    /// The extended special-purpose labels, 65535.
    pub const EXTENDED_SPECIAL_PURPOSE: Self = Self(0xFFFF);

    /// What the space is for.
    pub const fn kind(self) -> LabelSpaceKind {
        match self.0 {
            0 => LabelSpaceKind::Platform,
            0x0001..=0x7FFF => LabelSpaceKind::Interface,
            0x8000..=0xFFFE => LabelSpaceKind::Context,
            0xFFFF => LabelSpaceKind::ExtendedSpecialPurpose,
        }
    }
}

impl fmt::Display for LabelSpaceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Platform => "platform",
            Self::Interface => "interface",
            Self::Context => "context",
            Self::ExtendedSpecialPurpose => "extended-special-purpose",
        })
    }
}

impl fmt::Display for LabelSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
