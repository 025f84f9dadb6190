//! What the daemon wants of the switch.

use std::collections::BTreeMap;
use std::sync::Arc;

use forwarding::{InterfaceName, LabelSpace, Lfib, MacAddress, VrfId};

use crate::{HardwareProfile, PuntRate, PuntReason};

/// Everything that the switch should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The FTN, the ILM and the resolved next hops.
    pub lfib: Arc<Lfib>,
    /// The ports in use, by their number.
    pub ports: BTreeMap<u16, PortConfig>,
    /// Which frames are control packets, whoever they are addressed to.
    pub control_packets: Vec<ControlPacket>,
    /// The rate of each punt class; a class that is not here is off.
    pub punt: BTreeMap<PuntReason, PuntRate>,
}

/// The settings of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortConfig {
    /// The router interface on the port; next hops name it.
    pub interface: InterfaceName,
    /// The MAC address of the interface: source of what leaves, destination of what is for the
    /// router.
    pub mac: MacAddress,
    /// The VRF in which IP packets that arrive are looked up.
    pub vrf: VrfId,
    /// The label space of labelled packets that arrive.
    pub label_space: LabelSpace,
    /// Whether labelled packets are taken (RFC 5920 section 8.1.1).
    pub mpls_enabled: bool,
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
    pub fn defaults() -> Vec<Self> {
        const GROUP: [u8; 6] = [0xFF; 6];
        vec![
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
        ]
    }
}

impl Desired {
    /// The desired state of a switch with this profile that forwards nothing yet: no port, the
    /// default control packets, and the profile's punt rates.
    pub fn new(profile: &HardwareProfile) -> Self {
        Self {
            lfib: Arc::default(),
            ports: BTreeMap::new(),
            control_packets: ControlPacket::defaults(),
            punt: PuntReason::ALL
                .map(|reason| (reason, profile.punt.of(reason)))
                .into(),
        }
    }
}
