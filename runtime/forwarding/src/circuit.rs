//! Attachment circuits of Ethernet pseudowires.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The identifier of an IEEE 802.1Q VLAN, 1 to 4094.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct VlanId(u16);

/// A number that is no VLAN identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("VLAN {0} is outside 1 to 4094")]
pub struct VlanIdError(pub u16);

impl VlanId {
    /// The VLAN of this number.
    ///
    /// # Errors
    /// The number is not in 1 to 4094.
    pub const fn new(value: u16) -> Result<Self, VlanIdError> {
        if value >= 1 && value <= 4094 {
            Ok(Self(value))
        } else {
            Err(VlanIdError(value))
        }
    }

    /// The number.
    pub const fn value(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for VlanId {
    type Error = VlanIdError;

    fn try_from(value: u16) -> Result<Self, VlanIdError> {
        Self::new(value)
    }
}

impl From<VlanId> for u16 {
    fn from(vlan: VlanId) -> Self {
        vlan.0
    }
}

impl fmt::Display for VlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// An attachment circuit of an Ethernet pseudowire (RFC 4448 section 4): frames of a port, or
/// those of one VLAN on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AttachmentCircuit {
    /// The port of the switch.
    pub port: u16,
    /// With a VLAN its tag is service-delimiting: it is not carried over the pseudowire (raw mode,
    /// RFC 4448 section 4.4.1). Without one, frames are carried as they come, tags and all.
    pub vlan: Option<VlanId>,
}

impl fmt::Display for AttachmentCircuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.vlan {
            None => write!(f, "port {}", self.port),
            Some(vlan) => write!(f, "port {} vlan {vlan}", self.port),
        }
    }
}
