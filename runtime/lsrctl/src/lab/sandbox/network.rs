//! Network namespaces, virtual Ethernet pairs, addresses and routes: what `ip netns`, `ip link`,
//! `ip address`, `ip route`, `sysctl` and `ethtool` would be used for, without those programs.

use std::ffi::c_void;
use std::fs::{self, File};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use ipnet::IpNet;
use netlink_packet_route::address::{AddressAttribute, AddressFlags};
use netlink_packet_route::link::LinkAttribute;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rtnetlink::{Handle, LinkMessageBuilder, LinkUnspec, LinkVeth, LinkVlan, RouteMessageBuilder};
use socket2::{Domain, Socket, Type};

use super::privileges::VLAN_ACTION;
use super::protocol::{EndPlan, Failure, NodePlan};

/// Makes a network namespace with a name under which `ip netns` finds it too. The calling thread
/// is inside of it afterwards.
pub(super) fn make_namespace(file: &Path) -> Result<OwnedFd, Failure> {
    let action = || format!("making network namespace {}", file.display());
    unshare(CloneFlags::CLONE_NEWNET).map_err(|error| Failure::new(action(), &error.into()))?;
    File::create(file).map_err(|error| Failure::new(action(), &error))?;
    let none = None::<&str>;
    mount(
        Some("/proc/thread-self/ns/net"),
        file,
        none,
        MsFlags::MS_BIND,
        none,
    )
    .map_err(|error| Failure::new(action(), &error.into()))?;
    let namespace = File::open(file).map_err(|error| Failure::new(action(), &error))?;
    Ok(namespace.into())
}

/// Gives the calling process a `/sys` that shows the interfaces of its network namespace: sysfs
/// shows those of the namespace it was mounted in, and simple_switch_grpc looks there for whether
/// a port is up. Where an outer container forbids it, everything but that works without.
pub(super) fn mount_sysfs() -> io::Result<()> {
    let none = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_SLAVE, none)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    Ok(mount(Some("sysfs"), "/sys", Some("sysfs"), flags, none)?)
}

/// Kernel settings of the namespace that the calling thread is in.
pub(super) fn set_up_namespace(node: &NodePlan) -> Result<(), Failure> {
    let forwarding = if node.forwarding { "1" } else { "0" };
    for setting in ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"] {
        set(setting, forwarding)?;
    }
    // Duplicate address detection would hold each IPv6 address back for a second, and the lab's
    // addresses are known to be unique.
    for setting in [
        "net/ipv6/conf/default/accept_dad",
        "net/ipv6/conf/all/accept_dad",
    ] {
        set(setting, "0")?;
    }
    // Reverse path filtering has no place in a router whose packets take labelled paths.
    for setting in [
        "net/ipv4/conf/all/rp_filter",
        "net/ipv4/conf/default/rp_filter",
    ] {
        set(setting, "0")?;
    }
    set("net/ipv6/conf/default/accept_ra", "0")
}

/// Settings of one interface in the namespace that the calling thread is in.
pub(super) fn set_up_interface(end: &EndPlan) -> Result<(), Failure> {
    if end.switch_port {
        set(
            &format!("net/ipv6/conf/{}/disable_ipv6", end.interface),
            "1",
        )?;
    }
    disable_offloads(&end.interface)
        .map_err(|error| Failure::new(format!("ethtool settings of {}", end.interface), &error))
}

fn set(setting: &str, value: &str) -> Result<(), Failure> {
    let path = Path::new("/proc/sys").join(setting);
    match fs::write(&path, value) {
        Ok(()) => Ok(()),
        // Right already: a container may show /proc/sys read-only.
        Err(_) if fs::read_to_string(&path).is_ok_and(|now| now.trim() == value) => Ok(()),
        Err(error) => Err(Failure::new(format!("setting {}", path.display()), &error)),
    }
}

/// `struct ethtool_value` of linux/ethtool.h.
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// ETHTOOL_STXCSUM, STSO, SGSO and SGRO of linux/ethtool.h: with any of them a frame on the virtual
/// wire is not what it would be on a real one (checksum not filled in, longer than the MTU).
const OFFLOADS: [(u32, &str); 4] = [
    (0x17, "transmit checksum"),
    (0x1f, "TCP segmentation"),
    (0x24, "generic segmentation"),
    (0x2c, "generic receive"),
];
const SIOCETHTOOL: libc::Ioctl = 0x8946;

fn disable_offloads(interface: &str) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    for (command, _name) in OFFLOADS {
        let mut value = EthtoolValue { command, data: 0 };
        // SAFETY: ifreq is a plain C structure for which all zeros is a valid value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request
            .ifr_name
            .iter_mut()
            .zip(interface.bytes().take(libc::IFNAMSIZ - 1))
        {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_data = (&raw mut value).cast::<c_void>().cast();
        // SAFETY: SIOCETHTOOL reads an ifreq whose data points at an ethtool_value; both live
        // until the call returns.
        let result = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) };
        if result < 0 {
            let error = io::Error::last_os_error();
            // A kernel whose veth cannot change an offload does not have it either.
            if error.raw_os_error() != Some(libc::EOPNOTSUPP) {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// A netlink connection of one network namespace.
pub(super) struct Netlink {
    handle: Handle,
}

impl Netlink {
    /// Connects to the namespace that the calling thread is in. Needs a tokio runtime around it.
    pub(super) fn connect() -> Result<Self, Failure> {
        let (connection, handle, _) = rtnetlink::new_connection()
            .map_err(|error| Failure::new("opening a netlink socket", &error))?;
        tokio::spawn(connection);
        Ok(Self { handle })
    }

    /// Makes a pair of virtual Ethernet interfaces and moves its ends to their namespaces.
    pub(super) async fn make_link(
        &self,
        number: usize,
        mtu: u16,
        ends: &[(&EndPlan, BorrowedFd<'_>)],
    ) -> Result<(), Failure> {
        // The pair is made under names that cannot be in use here; each end gets its own name
        // when it moves.
        let names = [format!("a{number}"), format!("b{number}")];
        let request = self
            .handle
            .link()
            .add(LinkVeth::new(&names[0], &names[1]).build());
        request
            .execute()
            .await
            .map_err(|error| failure("making a virtual Ethernet pair", &error))?;
        for (name, (end, namespace)) in names.iter().zip(ends) {
            let index = self.index(name).await?;
            let mut message: LinkMessageBuilder<LinkUnspec> = LinkUnspec::new_with_index(index)
                .setns_by_fd(namespace.as_raw_fd())
                .append_extra_attribute(LinkAttribute::IfName(end.interface.clone()))
                .mtu(mtu.into());
            if end.switch_port {
                message = message.arp(false);
            }
            let request = self.handle.link().set(message.build());
            request.execute().await.map_err(|error| {
                failure(&format!("moving {} to {}", end.interface, end.node), &error)
            })?;
        }
        Ok(())
    }

    /// Takes an interface up and gives it its addresses and VLANs.
    pub(super) async fn configure(&self, end: &EndPlan) -> Result<(), Failure> {
        let index = self.index(&end.interface).await?;
        let name = format!("{} of {}", end.interface, end.node);
        self.take_up(index, &name, &end.addresses).await?;
        for (vlan, addresses) in &end.vlans {
            let device = format!("{}.{vlan}", end.interface);
            let name = format!("{device} of {}", end.node);
            let link = LinkVlan::new(&device, index, *vlan).build();
            let request = self.handle.link().add(link);
            request
                .execute()
                .await
                .map_err(|error| failure(&format!("{VLAN_ACTION} {name}"), &error))?;
            let index = self.index(&device).await?;
            self.take_up(index, &name, addresses).await?;
        }
        Ok(())
    }

    async fn take_up(&self, index: u32, name: &str, addresses: &[IpNet]) -> Result<(), Failure> {
        let up = LinkUnspec::new_with_index(index).up().build();
        let request = self.handle.link().set(up);
        request
            .execute()
            .await
            .map_err(|error| failure(&format!("taking up {name}"), &error))?;
        for address in addresses {
            let mut request =
                self.handle
                    .address()
                    .add(index, address.addr(), address.prefix_len());
            if matches!(address, IpNet::V6(_)) {
                let flags = AddressAttribute::Flags(AddressFlags::Nodad);
                request.message_mut().attributes.push(flags);
            }
            request
                .execute()
                .await
                .map_err(|error| failure(&format!("giving {address} to {name}"), &error))?;
        }
        Ok(())
    }

    /// Takes up the loopback interface and sets the default routes.
    pub(super) async fn finish(&self, node: &NodePlan) -> Result<(), Failure> {
        self.set_link("lo", true).await?;
        for gateway in &node.gateways {
            let request = match gateway {
                IpAddr::V4(gateway) => {
                    let route = RouteMessageBuilder::<std::net::Ipv4Addr>::new().gateway(*gateway);
                    self.handle.route().add(route.build())
                }
                IpAddr::V6(gateway) => {
                    let route = RouteMessageBuilder::<std::net::Ipv6Addr>::new().gateway(*gateway);
                    self.handle.route().add(route.build())
                }
            };
            request.execute().await.map_err(|error| {
                failure(
                    &format!("setting the default route of {}", node.name),
                    &error,
                )
            })?;
        }
        Ok(())
    }

    /// Takes an interface up or down.
    pub(super) async fn set_link(&self, interface: &str, up: bool) -> Result<(), Failure> {
        let index = self.index(interface).await?;
        let message = LinkUnspec::new_with_index(index);
        let message = if up { message.up() } else { message.down() };
        let request = self.handle.link().set(message.build());
        request
            .execute()
            .await
            .map_err(|error| failure(&format!("setting {interface}"), &error))
    }

    async fn index(&self, interface: &str) -> Result<u32, Failure> {
        use futures::TryStreamExt;
        let mut links = self
            .handle
            .link()
            .get()
            .match_name(interface.to_owned())
            .execute();
        match links.try_next().await {
            Ok(Some(link)) => Ok(link.header.index),
            Ok(None) => Err(Failure {
                action: format!("looking for interface {interface}"),
                errno: None,
                detail: "it is not there".into(),
            }),
            Err(error) => Err(failure(
                &format!("looking for interface {interface}"),
                &error,
            )),
        }
    }
}

fn failure(action: &str, error: &rtnetlink::Error) -> Failure {
    let errno = match error {
        rtnetlink::Error::NetlinkError(message) => message.code.map(|code| -code.get()),
        _ => None,
    };
    let detail = match errno {
        Some(errno) => io::Error::from_raw_os_error(errno).to_string(),
        None => error.to_string(),
    };
    Failure {
        action: action.to_owned(),
        errno,
        detail,
    }
}
