//! MAC address, MTU, addresses and VRF of a TAP.

use std::collections::BTreeSet;
use std::net::IpAddr;

use futures::TryStreamExt;
use ipnet::IpNet;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use rtnetlink::{Handle, LinkUnspec, LinkVrf};
use tracing::info;

use super::state::address_of;
use super::{KernelError, PROTOCOL, errno, sysctl, table_of_vrf};
use crate::config::InterfaceConfig;

/// Makes the TAP what the configuration says, and takes it up. What is so already is not touched:
/// a change of the MAC address would cost the neighbours.
///
/// Returns the kernel's index of the TAP.
///
/// # Errors
/// The kernel refuses.
pub async fn configure(handle: &Handle, config: &InterfaceConfig) -> Result<u32, KernelError> {
    let name = &config.name;
    sysctl::set_interface(name, config.duplicate_address_detection)?;
    let link = link(handle, name).await?;
    let index = link.header.index;
    enslave(handle, &link, config).await?;

    let mut change = LinkUnspec::new_with_index(index);
    let mut differs = false;
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::Address(mac) if mac[..] != config.mac => {
                change = change.address(config.mac.to_vec());
                differs = true;
            }
            LinkAttribute::Mtu(mtu) if *mtu != config.mtu => {
                change = change.mtu(config.mtu);
                differs = true;
            }
            _ => {}
        }
    }
    if !link.header.flags.contains(LinkFlags::Up) {
        change = change.up();
        differs = true;
    }
    if differs {
        handle
            .link()
            .set(change.build())
            .execute()
            .await
            .map_err(|source| KernelError::request(format!("set up {name}"), source))?;
    }
    let wanted = config.addresses.iter().copied().collect();
    let detection = config.duplicate_address_detection;
    configure_addresses(handle, (index, name), &wanted, detection).await?;
    Ok(index)
}

/// Makes the loopback interface up, and these the addresses that it has from lsrd.
///
/// # Errors
/// The kernel refuses.
pub async fn configure_loopback(
    handle: &Handle,
    addresses: &BTreeSet<IpNet>,
) -> Result<(), KernelError> {
    let name = "lo";
    let link = link(handle, name).await?;
    let index = link.header.index;
    if !addresses.is_empty() && !link.header.flags.contains(LinkFlags::Up) {
        let change = LinkUnspec::new_with_index(index).up();
        handle
            .link()
            .set(change.build())
            .execute()
            .await
            .map_err(|source| KernelError::request(format!("set up {name}"), source))?;
    }
    configure_addresses(handle, (index, name), addresses, false).await
}

/// Lets the kernel see whether the link behind a TAP is up: routing daemons hear of a cut at once.
///
/// # Errors
/// The kernel refuses, or cannot do that.
pub async fn set_carrier(handle: &Handle, index: u32, carrier: bool) -> Result<(), KernelError> {
    let change = LinkUnspec::new_with_index(index).carrier(carrier);
    handle
        .link()
        .set(change.build())
        .execute()
        .await
        .map_err(|source| KernelError::request("set the carrier of a TAP", source))
}

/// Removes the TAP of this name with all that hangs on it.
///
/// # Errors
/// The kernel refuses; an interface that is not there is no error.
pub async fn remove(handle: &Handle, name: &str) -> Result<(), KernelError> {
    let index = match link(handle, name).await {
        Ok(link) => link.header.index,
        Err(KernelError::Request { source, .. }) if errno(&source) == Some(libc::ENODEV) => {
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    handle
        .link()
        .del(index)
        .execute()
        .await
        .map_err(|source| KernelError::request(format!("remove {name}"), source))
}

async fn link(handle: &Handle, name: &str) -> Result<LinkMessage, KernelError> {
    let error = |source| KernelError::request(format!("show interface {name}"), source);
    let mut links = handle.link().get().match_name(name).execute();
    match links.try_next().await.map_err(error)? {
        Some(link) => Ok(link),
        None => Err(error(rtnetlink::Error::RequestFailed)),
    }
}

/// Puts the TAP into the kernel's VRF device of its VRF, which is made when it is not there.
async fn enslave(
    handle: &Handle,
    link: &LinkMessage,
    config: &InterfaceConfig,
) -> Result<(), KernelError> {
    let name = &config.name;
    let current = link
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            LinkAttribute::Controller(index) => Some(*index),
            _ => None,
        });
    let wanted = match config.vrf {
        0 => None,
        vrf => Some(vrf_device(handle, vrf).await?),
    };
    if current.filter(|index| *index != 0) == wanted {
        return Ok(());
    }
    let change = LinkUnspec::new_with_index(link.header.index).controller(wanted.unwrap_or(0));
    handle
        .link()
        .set(change.build())
        .execute()
        .await
        .map_err(|source| KernelError::request(format!("put {name} into its VRF"), source))
}

async fn vrf_device(handle: &Handle, vrf: u16) -> Result<u32, KernelError> {
    let device = format!("lsr-vrf{vrf}");
    if let Ok(link) = link(handle, &device).await {
        return Ok(link.header.index);
    }
    let error = |source| KernelError::Vrf {
        device: device.clone(),
        source,
    };
    handle
        .link()
        .add(LinkVrf::new(&device, table_of_vrf(vrf)).up().build())
        .execute()
        .await
        .map_err(error)?;
    info!(device, table = table_of_vrf(vrf), "VRF device made");
    Ok(link(handle, &device).await?.header.index)
}

/// Adds the addresses that are missing, and removes those that an earlier configuration set.
/// Addresses that others set, by hand or by a routing daemon, stay.
async fn configure_addresses(
    handle: &Handle,
    (index, name): (u32, &str),
    wanted: &BTreeSet<IpNet>,
    duplicate_address_detection: bool,
) -> Result<(), KernelError> {
    let error = |source| KernelError::request(format!("show the addresses of {name}"), source);
    let messages: Vec<AddressMessage> = handle
        .address()
        .get()
        .set_link_index_filter(index)
        .execute()
        .try_collect()
        .await
        .map_err(error)?;
    let mut present = BTreeSet::new();
    for message in messages {
        let Some(address) = address_of(&message) else {
            continue;
        };
        let ours = message.attributes.iter().any(|attribute| {
            matches!(attribute, AddressAttribute::Protocol(protocol)
                if u8::from(*protocol) == PROTOCOL)
        });
        if wanted.contains(&address) {
            present.insert(address);
        } else if ours {
            handle
                .address()
                .del(message)
                .execute()
                .await
                .map_err(|source| {
                    KernelError::request(format!("remove {address} from {name}"), source)
                })?;
            info!(interface = %name, %address, "address removed");
        }
    }
    for address in wanted.difference(&present) {
        add_address(handle, index, *address, duplicate_address_detection)
            .await
            .map_err(|source| KernelError::request(format!("add {address} to {name}"), source))?;
        info!(interface = %name, %address, "address added");
    }
    Ok(())
}

async fn add_address(
    handle: &Handle,
    index: u32,
    address: IpNet,
    duplicate_address_detection: bool,
) -> Result<(), rtnetlink::Error> {
    let mut request = handle
        .address()
        .add(index, address.addr(), address.prefix_len());
    let attributes = &mut request.message_mut().attributes;
    // Kernels before 5.18 ignore this, and do not know whose an address is.
    attributes.push(AddressAttribute::Protocol(PROTOCOL.into()));
    if matches!(address.addr(), IpAddr::V6(_)) && !duplicate_address_detection {
        attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    request.execute().await
}
