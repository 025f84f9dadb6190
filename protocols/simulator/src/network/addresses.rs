//! The addresses of routers and links, and the prefixes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use ldp::MultiTopologyId;
use smallvec::smallvec;

use super::{NetworkConfig, Prefix};
use crate::topology::Topology;

/// The identifier of a router, which is the address of its loopback: 10.0.0.1 on.
pub fn router_id(router: usize) -> Ipv4Addr {
    Ipv4Addr::from(0x0A00_0001 + router as u32)
}

/// The IPv6 address of the loopback of the router with an identifier: fd00::a00:1 on.
pub fn loopback_ipv6(id: Ipv4Addr) -> Ipv6Addr {
    Ipv6Addr::from((0xFD00 << 112) + u128::from(id.to_bits()))
}

/// The link-local address of an end of a link: fe80::1 on.
pub(super) fn link_local_address(link: usize, end: usize) -> Ipv6Addr {
    Ipv6Addr::from((0xFE80 << 112) + (link * 2 + end) as u128 + 1)
}

/// The address of an end of a link: 172.16.0.0/31 on.
pub(super) fn link_address(link: usize, end: usize) -> Ipv4Addr {
    Ipv4Addr::from(0xAC10_0000 + (link * 2 + end) as u32)
}

/// A prefix of IPv4.
pub(super) fn net(address: Ipv4Addr, length: u8) -> IpNet {
    Ipv4Net::new(address, length).map_or_else(|_| IpAddr::V4(address).into(), IpNet::V4)
}

/// A prefix of IPv6.
pub(super) fn net6(address: Ipv6Addr, length: u8) -> IpNet {
    Ipv6Net::new(address, length).map_or_else(|_| IpAddr::V6(address).into(), IpNet::V6)
}

/// The prefixes, in each topology. The first ones are the routers' loopbacks, in their order, in the default one.
pub(super) fn prefixes(topology: &Topology, config: &NetworkConfig) -> Vec<Prefix> {
    let families = config.families;
    let both = [
        families.ipv4().then_some(false),
        families.ipv6().then_some(true),
    ];
    let of_topology = |id: MultiTopologyId| {
        let families = both.into_iter().flatten();
        let prefixes = families.flat_map(|ipv6| prefixes_of_family(topology, config, ipv6));
        prefixes.map(move |mut prefix| {
            prefix.fec.topology = id;
            prefix
        })
    };
    topology.topologies().flat_map(of_topology).collect()
}

fn prefixes_of_family(topology: &Topology, config: &NetworkConfig, ipv6: bool) -> Vec<Prefix> {
    let prefix = |net: IpNet, owners, host| Prefix {
        fec: net.into(),
        owners,
        host,
        present: true,
    };
    let loopback = |router| match ipv6 {
        false => net(router_id(router), 32),
        true => net6(loopback_ipv6(router_id(router)), 128),
    };
    let loopbacks = config.loopbacks.unwrap_or(usize::MAX);
    let mut prefixes: Vec<Prefix> = (0..topology.routers.min(loopbacks))
        .map(|router| prefix(loopback(router), smallvec![router], true))
        .collect();
    let more = config.prefixes;
    for number in 0..topology.routers * more {
        // 20.0.0.0/24 and fd02::/64 on.
        let net = match ipv6 {
            false => net(Ipv4Addr::from(0x1400_0000 + ((number as u32) << 8)), 24),
            true => {
                let address = (0xFD02 << 112) + ((number as u128) << 64);
                net6(Ipv6Addr::from(address), 64)
            }
        };
        prefixes.push(prefix(net, smallvec![number / more], false));
    }
    if config.link_prefixes {
        for (number, link) in topology.links.iter().enumerate() {
            let net = match ipv6 {
                false => net(link_address(number, 0), 31),
                // fd01::/127 on.
                true => net6(Ipv6Addr::from((0xFD01 << 112) + (number * 2) as u128), 127),
            };
            prefixes.push(prefix(net, smallvec![link.a, link.b], false));
        }
    }
    prefixes
}
