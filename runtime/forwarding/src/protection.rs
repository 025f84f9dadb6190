//! Linear protection: which of two sets of paths carries the traffic.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A protection domain: path groups and LSP tails that switch over together (RFC 6378 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct ProtectionId(u16);

/// 0 names no protection domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("protection domain 0 is not possible: use 1 to 65535")]
pub struct ProtectionIdError;

impl ProtectionId {
    /// The domain of this number, 1 to 65535.
    ///
    /// # Errors
    /// The number is 0.
    pub const fn new(value: u16) -> Result<Self, ProtectionIdError> {
        match value {
            0 => Err(ProtectionIdError),
            value => Ok(Self(value)),
        }
    }

    /// The number.
    pub const fn value(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for ProtectionId {
    type Error = ProtectionIdError;

    fn try_from(value: u16) -> Result<Self, ProtectionIdError> {
        Self::new(value)
    }
}

impl From<ProtectionId> for u16 {
    fn from(id: ProtectionId) -> Self {
        id.0
    }
}

impl fmt::Display for ProtectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One of the two transport paths of a protection domain (RFC 5654 section 1.2).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum PathRole {
    /// The working path.
    #[default]
    Working,
    /// The protection path.
    Protecting,
}

impl fmt::Display for PathRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Working => "working",
            Self::Protecting => "protecting",
        })
    }
}

/// Of which path of a 1+1 protection domain an incoming label is the end: the tail takes packets
/// of the selected path alone (RFC 6378 section 1.1, RFC 5654 section 2.5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TailEnd {
    /// The protection domain.
    pub protection: ProtectionId,
    /// Which path ends in the label.
    pub role: PathRole,
}

impl fmt::Display for TailEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} path of protection {}", self.role, self.protection)
    }
}
