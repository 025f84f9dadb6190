//! The tables of mpls.p4.

use std::fmt;

use crate::Sizes;

/// A table of mpls.p4, or the multicast groups of the packet replication engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)] // The names are those of the tables.
pub enum Table {
    PuntPolicy,
    ServiceClass,
    ControlPacket,
    TcToPhb,
    DscpToPhb,
    PhbEncoding,
    CongestionMark,
    TunnelEncapsulation,
    Nhlfe,
    PathBucket,
    PathGroup,
    Branch,
    MulticastGroup,
    Ilm,
    IlmSecond,
    IlmThird,
    FtnIpv4,
    FtnIpv6,
    TunnelEndIpv4,
    TunnelEndIpv6,
    Topology,
    UpstreamContext,
    Interface,
    AttachmentPort,
    StationMac,
    ProtectionState,
    TailSelector,
    PortState,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 28] = [
        Self::PuntPolicy,
        Self::ServiceClass,
        Self::ControlPacket,
        Self::TcToPhb,
        Self::DscpToPhb,
        Self::PhbEncoding,
        Self::CongestionMark,
        Self::TunnelEncapsulation,
        Self::Nhlfe,
        Self::PathBucket,
        Self::PathGroup,
        Self::Branch,
        Self::MulticastGroup,
        Self::Ilm,
        Self::IlmSecond,
        Self::IlmThird,
        Self::FtnIpv4,
        Self::FtnIpv6,
        Self::TunnelEndIpv4,
        Self::TunnelEndIpv6,
        Self::Topology,
        Self::UpstreamContext,
        Self::Interface,
        Self::AttachmentPort,
        Self::StationMac,
        Self::ProtectionState,
        Self::TailSelector,
        Self::PortState,
    ];

    /// The tables of the [`Switchover`](crate::Switchover) state, which are written apart.
    pub(crate) const SWITCHOVER: [Self; 3] =
        [Self::ProtectionState, Self::TailSelector, Self::PortState];

    /// The name in the P4 program.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PuntPolicy => "punt_policy",
            Self::ServiceClass => "service_class",
            Self::ControlPacket => "control_packet",
            Self::TcToPhb => "tc_to_phb",
            Self::DscpToPhb => "dscp_to_phb",
            Self::PhbEncoding => "phb_encoding",
            Self::CongestionMark => "congestion_mark",
            Self::TunnelEncapsulation => "tunnel_encapsulation",
            Self::Nhlfe => "nhlfe",
            Self::PathBucket => "path_bucket",
            Self::PathGroup => "path_group",
            Self::Branch => "branch",
            Self::MulticastGroup => "multicast_group",
            Self::Ilm => "ilm",
            Self::IlmSecond => "ilm_second",
            Self::IlmThird => "ilm_third",
            Self::FtnIpv4 => "ftn_ipv4",
            Self::FtnIpv6 => "ftn_ipv6",
            Self::TunnelEndIpv4 => "tunnel_end_ipv4",
            Self::TunnelEndIpv6 => "tunnel_end_ipv6",
            Self::Topology => "topology",
            Self::UpstreamContext => "upstream_context",
            Self::Interface => "interface",
            Self::AttachmentPort => "attachment_port",
            Self::StationMac => "station_mac",
            Self::ProtectionState => "protection_state",
            Self::TailSelector => "tail_selector",
            Self::PortState => "port_state",
        }
    }

    /// Whether it is a table of the program; multicast groups are of the switch.
    pub const fn is_in_program(self) -> bool {
        !matches!(self, Self::MulticastGroup)
    }

    /// The table of the program with this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|table| table.is_in_program() && table.name() == name)
    }

    /// The size by the hardware profile.
    pub(crate) const fn size(self, sizes: &Sizes) -> u32 {
        match self {
            Self::PuntPolicy => crate::PuntReason::ALL.len() as u32,
            Self::ServiceClass => sizes.service_class,
            Self::ControlPacket => sizes.control_packet,
            Self::TcToPhb => sizes.tc_to_phb,
            Self::DscpToPhb => sizes.dscp_to_phb,
            Self::PhbEncoding => sizes.phb_encoding,
            Self::CongestionMark => sizes.congestion_mark,
            Self::TunnelEncapsulation => sizes.tunnel_encapsulation,
            Self::Nhlfe => sizes.nhlfe,
            Self::PathBucket => sizes.path_bucket,
            Self::PathGroup => sizes.path_group,
            // A group has at least one branch.
            Self::Branch | Self::MulticastGroup => sizes.branch,
            Self::Ilm | Self::IlmSecond | Self::IlmThird => sizes.ilm,
            Self::FtnIpv4 => sizes.ftn_ipv4,
            Self::FtnIpv6 => sizes.ftn_ipv6,
            Self::TunnelEndIpv4 | Self::TunnelEndIpv6 => sizes.tunnel_end,
            Self::Topology => sizes.topology,
            Self::UpstreamContext => sizes.upstream_context,
            Self::Interface => sizes.interface,
            Self::AttachmentPort => sizes.attachment_port,
            Self::StationMac => sizes.station_mac,
            Self::ProtectionState => sizes.protection_state,
            Self::TailSelector => sizes.tail_selector,
            Self::PortState => sizes.port_state,
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
