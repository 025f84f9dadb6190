//! Capabilities (RFC 5561) in Initialization and Capability messages.

/// What an LSR announced that it is capable of. In an Initialization message a capability is there
/// or not; a Capability message turns some on or off (the S bit).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// Dynamic Announcement, 0x0506 (RFC 5561 section 9).
    pub dynamic_announcement: bool,
    /// Typed Wildcard FEC, 0x050B (RFC 5918 section 4).
    pub typed_wildcard: bool,
    /// Unrecognized Notification, 0x0603 (RFC 5919 section 3).
    pub unrecognized_notification: bool,
    /// Multi-topology, 0x050C: the topologies of each family (RFC 7307 section 3.5); empty if the
    /// TLV is not there.
    pub multi_topology: Vec<super::TypedWildcard>,
    /// State Advertisement Control, 0x050D (RFC 7473 section 3); empty if the TLV is not there.
    pub state_advertisement: Vec<StateAdvertisement>,
    /// Targeted Application Capability, 0x050F: the applications' TA-Ids (RFC 8223 section 2.1).
    pub targeted_applications: Option<Vec<u16>>,
    /// Entropy label capability: TLV 0x0206 belongs to Label Mapping; here for none. Capabilities that
    /// nothing here knows and that have the U bit set.
    pub unknown: Vec<UnknownCapability>,
}

/// What the state of one application is advertised like (RFC 7473 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateAdvertisement {
    /// 1: IPv4 prefix LSPs; 2: IPv6 prefix LSPs; 3: FEC 128 PWs; 4: FEC 129 PWs.
    pub application: u8,
    /// The D bit: the peer is to send no state of it.
    pub disable: bool,
}

/// A capability that nothing here knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownCapability {
    /// The type of the TLV, without U and F bits.
    pub kind: u16,
    /// The S bit: announced, not withdrawn.
    pub state: bool,
    /// The data of the capability.
    pub data: Vec<u8>,
}

/// A Capability message (RFC 5561 section 6.1): capabilities that are turned on or off during a
/// session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CapabilityMessage {
    /// Those with the S bit set.
    pub announced: Capabilities,
    /// Those with the S bit clear.
    pub withdrawn: Capabilities,
}
