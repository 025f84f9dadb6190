//! Routes of our own in the kernel: by them the router itself reaches the FECs of static LSPs.
//!
//! The labels are not the kernel's matter: what it sends along such a route gets them in lsrd.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_route::route::{RouteMessage, RouteProtocol};
use rtnetlink::{Handle, RouteMessageBuilder, RouteNextHopBuilder};
use tracing::{debug, warn};

use super::state::{Gateway, Gateways};
use super::{KernelError, PROTOCOL};

/// The metric of our routes: after what an operator sets by hand without one.
const METRIC: u32 = 20;

/// Routes by table and prefix.
pub type Routes = BTreeMap<(u32, IpNet), Gateways>;

/// Makes `wanted` our only routes; `present` are those that the kernel has. What the kernel
/// refuses is told once by the log, and asked again with the next change.
pub async fn reconcile(handle: &Handle, wanted: &Routes, present: &Routes) {
    for (key @ (_, prefix), gateways) in wanted {
        if present.get(key) == Some(gateways) {
            continue;
        }
        match message(key, gateways) {
            Ok(message) => match handle.route().add(message).replace().execute().await {
                Ok(()) => debug!(%prefix, "route added"),
                Err(source) => {
                    let error = KernelError::request(format!("add the route {prefix}"), source);
                    warn!(%error, "the router itself does not reach this FEC");
                }
            },
            Err(error) => warn!(%prefix, error, "the router itself does not reach this FEC"),
        }
    }
    for (key @ (_, prefix), gateways) in present {
        if wanted.contains_key(key) {
            continue;
        }
        let Ok(message) = message(key, gateways) else {
            continue;
        };
        match handle.route().del(message).execute().await {
            Ok(()) => debug!(%prefix, "route removed"),
            Err(source) => {
                let error = KernelError::request(format!("remove the route {prefix}"), source);
                warn!(%error, "a route of lsrd stays in the kernel");
            }
        }
    }
}

fn message((table, prefix): &(u32, IpNet), gateways: &[Gateway]) -> Result<RouteMessage, String> {
    let mut hops = Vec::with_capacity(gateways.len());
    for gateway in gateways {
        let hop = match prefix {
            IpNet::V4(_) => RouteNextHopBuilder::new_ipv4(),
            IpNet::V6(_) => RouteNextHopBuilder::new_ipv6(),
        };
        let hop = hop
            .interface(gateway.index)
            .weight(gateway.weight.saturating_sub(1).min(255) as u8)
            .via(gateway.address)
            .map_err(|error| error.to_string())?;
        hops.push(hop.build());
    }
    let message = RouteMessageBuilder::<IpAddr>::new()
        .destination_prefix(prefix.addr(), prefix.prefix_len())
        .map_err(|error| error.to_string())?
        .table_id(*table)
        .protocol(RouteProtocol::Other(PROTOCOL))
        .priority(METRIC)
        .multipath(hops);
    Ok(message.build())
}
