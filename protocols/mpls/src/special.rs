//! The registry of base special-purpose labels.

use std::fmt;

use crate::Label;

/// A label of the range 0 to 15 that has a meaning of its own: a base special-purpose label
/// (bSPL, RFC 9017 section 2; the registry began in RFC 3032 section 2.1 and was renamed by
/// RFC 7274).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SpecialPurposeLabel {
    /// 0: pop; what is below is IPv4 (RFC 3032 section 2.1), or another label (RFC 4182).
    Ipv4ExplicitNull,
    /// 1: deliver to the local software (RFC 3032 section 2.1).
    RouterAlert,
    /// 2: pop; what is below is IPv6 (RFC 3032 section 2.1), or another label (RFC 4182).
    Ipv6ExplicitNull,
    /// 3: distributed by a label distribution protocol, never on the wire (RFC 3032 section 2.1).
    ImplicitNull,
    /// 4: begins an MPLS network action sub-stack (RFC 9994).
    MplsNetworkAction,
    /// 7: the label below is an entropy label (RFC 6790 section 3).
    EntropyLabelIndicator,
    /// 13: the generic associated channel label, GAL (RFC 5586 section 4).
    GenericAssociatedChannel,
    /// 14: OAM alert (RFC 3429).
    OamAlert,
    /// 15: the label below is an extended special-purpose label (RFC 7274 section 3.1).
    Extension,
}

impl SpecialPurposeLabel {
    /// Every registered value, in ascending order.
    pub const ALL: [Self; 9] = [
        Self::Ipv4ExplicitNull,
        Self::RouterAlert,
        Self::Ipv6ExplicitNull,
        Self::ImplicitNull,
        Self::MplsNetworkAction,
        Self::EntropyLabelIndicator,
        Self::GenericAssociatedChannel,
        Self::OamAlert,
        Self::Extension,
    ];

    /// The label value, 0 to 15.
    pub const fn value(self) -> u32 {
        match self {
            Self::Ipv4ExplicitNull => 0,
            Self::RouterAlert => 1,
            Self::Ipv6ExplicitNull => 2,
            Self::ImplicitNull => 3,
            Self::MplsNetworkAction => 4,
            Self::EntropyLabelIndicator => 7,
            Self::GenericAssociatedChannel => 13,
            Self::OamAlert => 14,
            Self::Extension => 15,
        }
    }

    /// The name that configuration and commands use, in the words of the registry and without
    /// the trailing "label".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ipv4ExplicitNull => "ipv4-explicit-null",
            Self::RouterAlert => "router-alert",
            Self::Ipv6ExplicitNull => "ipv6-explicit-null",
            Self::ImplicitNull => "implicit-null",
            Self::MplsNetworkAction => "mpls-network-action",
            Self::EntropyLabelIndicator => "entropy-label-indicator",
            Self::GenericAssociatedChannel => "gal",
            Self::OamAlert => "oam-alert",
            Self::Extension => "extension",
        }
    }

    /// The label with this meaning, or `None` for an unassigned or ordinary value.
    pub fn from_label(label: Label) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|special| special.value() == label.value())
    }

    /// The label with this name (see [`SpecialPurposeLabel::name`]).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|special| special.name() == name)
    }
}

impl fmt::Display for SpecialPurposeLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
