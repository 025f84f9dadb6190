//! The router's own IP stack: the Linux kernel, with a TAP for each switch port.
//!
//! - [`tap`]: the TAPs, through which packets for and from the router go.
//! - [`interface`]: MAC address, MTU, addresses and VRF of a TAP.
//! - [`sysctl`]: the kernel's settings that the TAPs need.
//! - [`state`] and [`watch`]: links, addresses, neighbours and routes, as the kernel tells them.
//! - [`neighbour`]: asking the kernel to resolve a next hop.
//! - [`route`]: routes of our own, by which the router itself reaches the FECs of static LSPs.

pub mod interface;
pub mod neighbour;
pub mod route;
pub mod state;
pub mod sysctl;
pub mod tap;
pub mod watch;

use std::io;

/// The kernel's routing table of a VRF: the main table for VRF 0.
///
/// The others stand far from the numbers that people choose by hand.
pub fn table_of_vrf(vrf: u16) -> u32 {
    match vrf {
        0 => MAIN_TABLE,
        vrf => 100_000 + u32::from(vrf),
    }
}

/// `RT_TABLE_MAIN`.
const MAIN_TABLE: u32 = 254;
/// `RT_TABLE_DEFAULT` and `RT_TABLE_LOCAL`.
const OTHER_TABLES: [u32; 2] = [253, 255];

/// Whether a routing table is one that every Linux system has, with its own routes.
pub fn is_table_of_kernel(table: u32) -> bool {
    table == MAIN_TABLE || OTHER_TABLES.contains(&table)
}

/// By this number the kernel marks routes and addresses as ours (`RTA_PROTOCOL`, `IFA_PROTO`):
/// nobody else uses it (iproute2's `rt_protos`).
const PROTOCOL: u8 = 76;

/// Why the kernel cannot be set up as configured.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The process may not change the network.
    #[error(
        "may not set up interface {interface}: lsrd needs CAP_NET_ADMIN in its network namespace; \
         run it as root, or in a user namespace of its own (unshare --user --map-root-user --net)"
    )]
    NotPermitted {
        /// The TAP that was to be made.
        interface: String,
    },
    /// The TUN/TAP driver is not there.
    #[error("/dev/net/tun is not there: load the driver with `modprobe tun`")]
    NoTunDriver,
    /// Another interface has the name.
    #[error(
        "interface {interface} exists and is not a TAP: choose another `name` for the \
         [[interface]], or remove it with `ip link delete {interface}`"
    )]
    NotATap {
        /// The interface.
        interface: String,
    },
    /// Another process has the TAP open.
    #[error(
        "TAP {interface} is in use by another process: another lsrd runs in this network namespace"
    )]
    TapBusy {
        /// The TAP.
        interface: String,
    },
    /// The TAP cannot be made.
    #[error("cannot make TAP {interface}: {source}")]
    Tap {
        /// The TAP.
        interface: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// A setting of the kernel cannot be written.
    #[error("cannot set {path} to {value}: {source}; set it before lsrd starts")]
    Sysctl {
        /// The file below /proc/sys.
        path: String,
        /// The value that is needed.
        value: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// A netlink socket cannot be opened.
    #[error("cannot open a netlink socket: {0}")]
    Socket(io::Error),
    /// The kernel refused a request.
    #[error("the kernel refused to {action}: {source}")]
    Request {
        /// What was asked.
        action: String,
        /// What it answered.
        source: rtnetlink::Error,
    },
    /// The kernel has no VRF devices.
    #[error(
        "cannot make VRF device {device}: {source}; the kernel needs CONFIG_NET_VRF (`modprobe vrf`)"
    )]
    Vrf {
        /// The device.
        device: String,
        /// What the kernel answered.
        source: rtnetlink::Error,
    },
}

impl KernelError {
    fn request(action: impl Into<String>, source: rtnetlink::Error) -> Self {
        Self::Request {
            action: action.into(),
            source,
        }
    }
}

/// The number of a netlink error, as `errno` has it.
fn errno(error: &rtnetlink::Error) -> Option<i32> {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.code.map(|code| -code.get()),
        _ => None,
    }
}
