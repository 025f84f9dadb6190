//! Asking the kernel to resolve a next hop.

use std::net::IpAddr;

use netlink_packet_route::neighbour::{NeighbourFlags, NeighbourState};
use rtnetlink::Handle;

use super::KernelError;

/// Lets the kernel act as if it had a packet for the neighbour (`NTF_USE`): an unknown one is
/// asked for by ARP or neighbour discovery, a stale one is probed (RFC 4861, 7.3.3).
///
/// # Errors
/// The interface is gone.
pub async fn solicit(handle: &Handle, index: u32, address: IpAddr) -> Result<(), KernelError> {
    handle
        .neighbours()
        .add(index, address)
        .state(NeighbourState::None)
        .flags(NeighbourFlags::Use)
        .replace()
        .execute()
        .await
        .map_err(|source| KernelError::request(format!("resolve neighbour {address}"), source))
}
