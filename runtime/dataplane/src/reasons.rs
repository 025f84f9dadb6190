//! Why packets go to the daemon, and why they are dropped: the numbers of p4/include/ids.p4.

use std::fmt;

use forwarding::PuntClass;
use serde::{Deserialize, Serialize};

/// Why the switch gives a packet to the daemon; each reason is a class with a meter, a counter and
/// a priority of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PuntReason {
    /// A control packet by its EtherType and destination: ARP, neighbour discovery, routing.
    Control,
    /// To an address of the router.
    ToRouter,
    /// The TTL of the label or of the IP packet expired (RFC 3032 section 2.4).
    TtlExpired,
    /// No ILM entry for the label (RFC 3031 section 3.18).
    UnknownLabel,
    /// To a connected prefix of which the neighbour is not resolved.
    Glean,
    /// The ILM entry asks for it.
    LabelAction,
    /// No FTN entry for the destination.
    NoRoute,
    /// LDP (RFC 5036).
    Ldp,
    /// RSVP (RFC 2205, RFC 3209).
    Rsvp,
    /// Bidirectional forwarding detection (RFC 5880).
    Bfd,
    /// LSP Ping (RFC 8029).
    LspPing,
    /// The generic associated channel (RFC 5586).
    GAch,
    /// The router alert label (RFC 3032 section 2.1).
    RouterAlert,
    /// Larger than the MTU of the way that it takes (RFC 3032 section 3.4).
    MtuExceeded,
}

impl PuntReason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::Control,
        Self::ToRouter,
        Self::TtlExpired,
        Self::UnknownLabel,
        Self::Glean,
        Self::LabelAction,
        Self::NoRoute,
        Self::Ldp,
        Self::Rsvp,
        Self::Bfd,
        Self::LspPing,
        Self::GAch,
        Self::RouterAlert,
        Self::MtuExceeded,
    ];

    /// The number in the PacketIn header and in the key of punt_policy.
    pub const fn number(self) -> u8 {
        // The variants stand in the order of ids.p4, from 1.
        self as u8 + 1
    }

    /// The reason of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.number() == number)
    }

    /// The priority of the class on its way to the daemon, 0 to 7: the largest one is served
    /// first.
    pub const fn priority(self) -> u8 {
        match self {
            Self::Bfd => 7,
            Self::Ldp | Self::Rsvp => 6,
            Self::Control | Self::GAch => 5,
            Self::LspPing | Self::RouterAlert => 4,
            Self::ToRouter | Self::Glean => 3,
            Self::MtuExceeded | Self::TtlExpired => 2,
            Self::NoRoute | Self::LabelAction => 1,
            Self::UnknownLabel => 0,
        }
    }

    /// The name that commands and metrics use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::ToRouter => "to-router",
            Self::TtlExpired => "ttl-expired",
            Self::UnknownLabel => "unknown-label",
            Self::Glean => "glean",
            Self::LabelAction => "label-action",
            Self::NoRoute => "no-route",
            Self::Ldp => "ldp",
            Self::Rsvp => "rsvp",
            Self::Bfd => "bfd",
            Self::LspPing => "lsp-ping",
            Self::GAch => "g-ach",
            Self::RouterAlert => "router-alert",
            Self::MtuExceeded => "mtu-exceeded",
        }
    }
}

impl From<PuntClass> for PuntReason {
    fn from(class: PuntClass) -> Self {
        match class {
            PuntClass::LabelAction => Self::LabelAction,
            PuntClass::RouterAlert => Self::RouterAlert,
            PuntClass::GenericAssociatedChannel => Self::GAch,
            PuntClass::LspPing => Self::LspPing,
            PuntClass::Bfd => Self::Bfd,
        }
    }
}

impl fmt::Display for PuntReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The rate of a punt class. What exceeds it is dropped and counted (RFC 6192).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PuntRate {
    /// Packets a second; 0 switches the class off.
    pub rate: u32,
    /// Packets that may come at once, at least 1.
    pub burst: u32,
}

/// Why a packet was dropped: index of the counters `drops` and `egress_drops`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// It came by a port or VLAN that is neither a router interface nor an attachment circuit.
    NoInterface,
    /// It is shorter than an Ethernet header.
    MalformedFrame,
    /// It is neither to a station MAC address nor a control packet.
    NotForRouter,
    /// Its EtherType is not forwarded.
    EtherType,
    /// It is labelled, and MPLS is not enabled on the port (RFC 5920 section 8.1.1).
    MplsNotEnabled,
    /// Its label stack has no bottom, or ends before the pops do.
    LabelStack,
    /// There is no ILM entry for its label (RFC 3031 section 3.18).
    UnknownLabel,
    /// Its stack asks for more look-ups than one pass does.
    TooManyPops,
    /// Below the bottom of its stack is not what the FEC says (RFC 9790).
    LabelPayload,
    /// Its IP header is malformed (RFC 1812 section 5.2.2, RFC 8200 section 3).
    IpHeader,
    /// Its TTL expired.
    TtlExpired,
    /// There is no FTN entry for its destination.
    NoRoute,
    /// The FTN says to drop it.
    DiscardRoute,
    /// The FTN or ILM names a path group that is not there.
    NoPathGroup,
    /// It exceeded the rate of its punt class.
    PuntRate,
    /// Its punt class is off.
    PuntPolicy,
    /// The path group names an NHLFE that is not there.
    NoNhlfe,
    /// Its label has a special purpose and may not be looked up here (RFC 9017).
    SpecialPurposeLabel,
    /// It came by the path of a 1+1 protection domain that is not selected (RFC 6378).
    NotSelected,
    /// It is larger than the MTU of the way that it takes (RFC 3032 section 3.4).
    MtuExceeded,
    /// The control word of its pseudowire is not that of a data packet (RFC 4448 section 4.6).
    ControlWord,
    /// Its label is upstream-assigned, by an LSR without a context (RFC 5332 section 4).
    NoUpstreamContext,
    /// It is MPLS over IP, and not from a tunnel that ends here (RFC 4023, RFC 7510).
    Tunnel,
    /// It met congestion in the LSP and its transport is not ECN-capable (RFC 5129 section 4.6).
    NotEcnCapable,
    /// It has more VLAN tags than are taken.
    Vlan,
    /// It is a copy for a branch that is not there.
    NoBranch,
    /// The port that it should leave by is down, and there is no backup.
    PortDown,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 27] = [
        Self::NoInterface,
        Self::MalformedFrame,
        Self::NotForRouter,
        Self::EtherType,
        Self::MplsNotEnabled,
        Self::LabelStack,
        Self::UnknownLabel,
        Self::TooManyPops,
        Self::LabelPayload,
        Self::IpHeader,
        Self::TtlExpired,
        Self::NoRoute,
        Self::DiscardRoute,
        Self::NoPathGroup,
        Self::PuntRate,
        Self::PuntPolicy,
        Self::NoNhlfe,
        Self::SpecialPurposeLabel,
        Self::NotSelected,
        Self::MtuExceeded,
        Self::ControlWord,
        Self::NoUpstreamContext,
        Self::Tunnel,
        Self::NotEcnCapable,
        Self::Vlan,
        Self::NoBranch,
        Self::PortDown,
    ];

    /// The index of the counters.
    pub const fn index(self) -> u64 {
        // The variants stand in the order of ids.p4, from 1.
        self as u64 + 1
    }

    /// The reason of this index.
    pub fn from_index(index: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.index() == index)
    }

    /// The name that commands and metrics use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoInterface => "no-interface",
            Self::MalformedFrame => "malformed-frame",
            Self::NotForRouter => "not-for-router",
            Self::EtherType => "ether-type",
            Self::MplsNotEnabled => "mpls-not-enabled",
            Self::LabelStack => "label-stack",
            Self::UnknownLabel => "unknown-label",
            Self::TooManyPops => "too-many-pops",
            Self::LabelPayload => "label-payload",
            Self::IpHeader => "ip-header",
            Self::TtlExpired => "ttl-expired",
            Self::NoRoute => "no-route",
            Self::DiscardRoute => "discard-route",
            Self::NoPathGroup => "no-path-group",
            Self::PuntRate => "punt-rate",
            Self::PuntPolicy => "punt-policy",
            Self::NoNhlfe => "no-nhlfe",
            Self::SpecialPurposeLabel => "special-purpose-label",
            Self::NotSelected => "not-selected",
            Self::MtuExceeded => "mtu-exceeded",
            Self::ControlWord => "control-word",
            Self::NoUpstreamContext => "no-upstream-context",
            Self::Tunnel => "tunnel",
            Self::NotEcnCapable => "not-ecn-capable",
            Self::Vlan => "vlan",
            Self::NoBranch => "no-branch",
            Self::PortDown => "port-down",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// `#define DROP_PORT_NOT_CONFIGURED 1` becomes ("no-interface", 1).
    fn defines(prefix: &str) -> BTreeMap<String, u64> {
        let text = include_str!("../../../p4/include/ids.p4");
        let define = |line: &str| {
            let mut words = line.strip_prefix("#define ")?.split_whitespace();
            let name = words.next()?.strip_prefix(prefix)?;
            let name = name.to_lowercase().replace('_', "-");
            Some((name, words.next()?.parse().ok()?))
        };
        text.lines().filter_map(define).collect()
    }

    #[test]
    fn punt_reasons_are_those_of_the_program() {
        let mut expected = defines("PUNT_");
        assert_eq!(expected.remove("none"), Some(0));
        let ours = PuntReason::ALL.map(|r| (r.name().to_owned(), r.number().into()));
        assert_eq!(BTreeMap::from(ours), expected);
    }

    #[test]
    fn drop_reasons_are_those_of_the_program() {
        let mut expected = defines("DROP_");
        assert_eq!(expected.remove("none"), Some(0));
        assert_eq!(expected.remove("reasons"), Some(32));
        let ours = DropReason::ALL.map(|r| (r.name().to_owned(), r.index()));
        assert_eq!(BTreeMap::from(ours), expected);
    }
}
