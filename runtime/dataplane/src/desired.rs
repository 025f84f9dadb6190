//! What the daemon wants of the switch.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use forwarding::{
    AttachmentCircuit, Dscp, InterfaceName, LabelSpace, Lfib, MacAddress, PathRole, ProtectionId,
    QosMapId, VlanId, VrfId,
};

use crate::{HardwareProfile, PuntRate, PuntReason};

/// Everything that the switch should hold, but for the [`Switchover`] state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The FTN, the ILM, the resolved next hops, and the settings that belong to them.
    pub lfib: Arc<Lfib>,
    /// The router interfaces; next hops name them.
    pub interfaces: BTreeMap<InterfaceName, InterfaceConfig>,
    /// Settings of attachment circuits; those of others are [`CircuitConfig::default`].
    pub circuits: BTreeMap<AttachmentCircuit, CircuitConfig>,
    /// The routing topologies (RFC 7307): packets of a VRF with a DSCP are looked up among the FECs of
    /// another one, unless a label has told what they are.
    pub topologies: BTreeMap<(VrfId, Dscp), VrfId>,
    /// Which frames are control packets, whoever they are addressed to, and their class.
    pub control_packets: BTreeMap<ControlPacket, PuntReason>,
    /// The classes of IP packets to the router and of control packets.
    pub service_classes: BTreeMap<ServiceMatch, PuntReason>,
    /// The rate of each punt class; a class that is not here is off.
    pub punt: BTreeMap<PuntReason, PuntRate>,
    /// Sets the hash for load sharing apart from that of other routers, so that flows which one
    /// router has put on one path are spread anew by the next (RFC 7325 section 2.4.5.2).
    pub router_id: Ipv4Addr,
}

/// The settings of a router interface: a port, or a VLAN on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceConfig {
    /// The port of the switch.
    pub port: u16,
    /// The VLAN of the interface's frames; `None` for frames without a tag.
    pub vlan: Option<VlanId>,
    /// The MAC address of the interface: source of what leaves, destination of what is for the
    /// router.
    pub mac: MacAddress,
    /// The largest IP packet that leaves without labels, in octets.
    pub mtu: u16,
    /// The largest labelled packet that leaves, labels included, in octets (RFC 3032 section
    /// 3.1).
    pub mpls_mtu: u16,
    /// The VRF in which IP packets that arrive are looked up.
    pub vrf: VrfId,
    /// The label space of labelled packets that arrive.
    pub label_space: LabelSpace,
    /// Whether labelled packets are taken (RFC 5920 section 8.1.1).
    pub mpls_enabled: bool,
    /// What the code points of packets that arrive mean.
    pub qos_map: QosMapId,
}

/// The settings of an attachment circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CircuitConfig {
    /// The largest frame that leaves by it, in octets behind the Ethernet header and a
    /// service-delimiting tag.
    pub mtu: u16,
    /// What the priority code points of frames that arrive mean.
    pub qos_map: QosMapId,
}

impl Default for CircuitConfig {
    /// No limit, and [`QosMapId::DEFAULT`].
    fn default() -> Self {
        Self {
            mtu: u16::MAX,
            qos_map: QosMapId::DEFAULT,
        }
    }
}

/// State of which each change is one write, sent ahead of everything else, however many LSPs it
/// moves (RFC 5654 requirement 97).
///
/// What is not named here is left as the switch holds it during the restart hold, and after that
/// counts as up and working.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Switchover {
    /// Whether each port is up. Flows of a port that is down take the backup of their path.
    pub ports: BTreeMap<u16, bool>,
    /// The set that carries the traffic of each 1:1 protection domain (RFC 6378).
    pub protection: BTreeMap<ProtectionId, PathRole>,
    /// The path whose packets the tail of each 1+1 protection domain takes (RFC 6378).
    pub tail_selection: BTreeMap<ProtectionId, PathRole>,
}

/// IP packets of a service: every field that is named must be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceMatch {
    /// The IP protocol or next header.
    pub protocol: u8,
    /// The source port of TCP or UDP.
    pub source_port: Option<u16>,
    /// The destination port of TCP or UDP.
    pub destination_port: Option<u16>,
}

impl ServiceMatch {
    /// The services that a label switching router runs: LDP (RFC 5036 section 3.10: port 646 of UDP
    /// and TCP, to it or from it), RSVP (RFC 2205: protocol 46), BFD (RFC 5881 and RFC 5884: 3784;
    /// 3785; RFC 5883: 4784; RFC 7130: 6784) and LSP Ping (RFC 8029: 3503, the reply comes from it).
    pub fn defaults() -> BTreeMap<Self, PuntReason> {
        const TCP: u8 = 6;
        const UDP: u8 = 17;
        const RSVP: u8 = 46;
        let to = |protocol, port| Self {
            protocol,
            source_port: None,
            destination_port: Some(port),
        };
        let from = |protocol, port| Self {
            protocol,
            source_port: Some(port),
            destination_port: None,
        };
        let rsvp = Self {
            protocol: RSVP,
            source_port: None,
            destination_port: None,
        };
        let mut services = BTreeMap::from([
            (to(TCP, 646), PuntReason::Ldp),
            (from(TCP, 646), PuntReason::Ldp),
            (to(UDP, 646), PuntReason::Ldp),
            (from(UDP, 646), PuntReason::Ldp),
            (rsvp, PuntReason::Rsvp),
            (to(UDP, 3503), PuntReason::LspPing),
            (from(UDP, 3503), PuntReason::LspPing),
        ]);
        services.extend([3784, 3785, 4784, 6784].map(|port| (to(UDP, port), PuntReason::Bfd)));
        services
    }
}

/// A kind of control packet: frames that agree in the bits of the masks go up to the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControlPacket {
    /// The EtherType, or the length of an LLC frame.
    pub ether_type: u16,
    /// The bits of the EtherType that count.
    pub ether_type_mask: u16,
    /// The destination.
    pub destination: MacAddress,
    /// The bits of the destination that count.
    pub destination_mask: MacAddress,
}

impl ControlPacket {
    /// Every frame of an EtherType.
    pub const fn of_type(ether_type: u16) -> Self {
        Self::new(ether_type, [0; 6], [0; 6])
    }

    /// Frames of an EtherType to destinations under a mask.
    pub const fn new(ether_type: u16, destination: [u8; 6], destination_mask: [u8; 6]) -> Self {
        Self {
            ether_type,
            ether_type_mask: 0xFFFF,
            destination: MacAddress(destination),
            destination_mask: MacAddress(destination_mask),
        }
    }

    /// What a router listens to without being addressed: ARP; link-local IPv4 multicast (RFC 5771
    /// section 4), where OSPF, LDP Hellos and BFD's relatives are; IPv6 multicast of link-local
    /// scope and solicited-node addresses (RFC 4291 section 2.7.1), where neighbour discovery is;
    /// LLDP; IS-IS.
    pub fn defaults() -> BTreeMap<Self, PuntReason> {
        const GROUP: [u8; 6] = [0xFF; 6];
        let kinds = [
            Self::of_type(0x0806),
            Self::new(
                0x0800,
                [0x01, 0, 0x5E, 0, 0, 0],
                [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0],
            ),
            Self::new(
                0x86DD,
                [0x33, 0x33, 0, 0, 0, 0],
                [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0],
            ),
            Self::new(
                0x86DD,
                [0x33, 0x33, 0, 1, 0, 0],
                [0xFF, 0xFF, 0xFF, 0xFF, 0, 0],
            ),
            Self::new(
                0x86DD,
                [0x33, 0x33, 0xFF, 0, 0, 0],
                [0xFF, 0xFF, 0xFF, 0, 0, 0],
            ),
            Self::new(0x88CC, [0x01, 0x80, 0xC2, 0, 0, 0x0E], GROUP),
            // IS-IS comes in LLC frames, of which the EtherType is a length (ISO 10589 section 8.4.8).
            Self {
                ether_type_mask: 0,
                ..Self::new(
                    0,
                    [0x01, 0x80, 0xC2, 0, 0, 0x14],
                    [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE],
                )
            },
            Self {
                ether_type_mask: 0,
                ..Self::new(0, [0x09, 0, 0x2B, 0, 0, 0x05], GROUP)
            },
        ];
        kinds.map(|kind| (kind, PuntReason::Control)).into()
    }
}

impl Desired {
    /// The desired state of a switch with this profile that forwards nothing yet: no interface, the
    /// default control packets and service classes, and the profile's punt rates.
    pub fn new(profile: &HardwareProfile) -> Self {
        Self {
            lfib: Arc::default(),
            interfaces: BTreeMap::new(),
            circuits: BTreeMap::new(),
            topologies: BTreeMap::new(),
            control_packets: ControlPacket::defaults(),
            service_classes: ServiceMatch::defaults(),
            punt: PuntReason::ALL
                .map(|reason| (reason, profile.punt.of(reason)))
                .into(),
            router_id: Ipv4Addr::UNSPECIFIED,
        }
    }
}
