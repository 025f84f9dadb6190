//! Routes of our own in the kernel: by them the router itself reaches the FECs of static LSPs.
//!
//! The labels are not the kernel's matter: what it sends along such a route gets them in lsrd.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_route::route::{RouteMessage, RouteProtocol};
use rtnetlink::{Handle, RouteMessageBuilder, RouteNextHopBuilder};
use tracing::{debug, info, warn};

use super::state::{Gateway, Gateways};
use super::{KernelError, PROTOCOL, errno};

/// The metric of our routes: after what an operator sets by hand without one.
const METRIC: u32 = 20;

/// Routes by table and prefix.
pub type Routes = BTreeMap<(u32, IpNet), Gateways>;

/// Our routes as the kernel was asked for them last.
#[derive(Debug, Default)]
pub struct OwnRoutes {
    asked: Option<(Routes, Routes)>,
    /// What the kernel refuses, and why.
    refused: BTreeMap<(u32, IpNet), String>,
}

impl OwnRoutes {
    /// Makes `wanted` our only routes; `present` are those that the kernel has. What the kernel refuses, such as while
    /// the address towards a gateway is gone, is told once by the log, and asked for again by each call.
    pub async fn reconcile(&mut self, handle: &Handle, wanted: Routes, present: Routes) {
        let asked = (wanted, present);
        if self.asked.as_ref() == Some(&asked) && self.refused.is_empty() {
            return;
        }
        let (wanted, present) = &asked;
        let mut refused = BTreeMap::new();
        for (key, gateways) in wanted {
            if present.get(key) == Some(gateways) {
                continue;
            }
            let prefix = key.1;
            match add(handle, key, gateways).await {
                Ok(()) => debug!(%prefix, "route added"),
                Err(error) => {
                    if self.refused.get(key) != Some(&error) {
                        warn!(%prefix, error, "the router itself does not reach this FEC");
                    }
                    refused.insert(*key, error);
                }
            }
        }
        for (key, gateways) in present {
            if !wanted.contains_key(key) {
                remove(handle, key, gateways).await;
            }
        }
        for (key @ (_, prefix), error) in &self.refused {
            if wanted.contains_key(key) && !refused.contains_key(key) {
                info!(%prefix, former = error, "the router itself reaches this FEC again");
            }
        }
        self.refused = refused;
        self.asked = Some(asked);
    }

    /// Whether something is to be asked for again.
    pub fn is_refused(&self) -> bool {
        !self.refused.is_empty()
    }
}

async fn add(handle: &Handle, key: &(u32, IpNet), gateways: &[Gateway]) -> Result<(), String> {
    let added = handle.route().add(message(key, gateways)?).replace();
    added.execute().await.map_err(|error| error.to_string())
}

async fn remove(handle: &Handle, key: &(u32, IpNet), gateways: &[Gateway]) {
    let Ok(message) = message(key, gateways) else {
        return;
    };
    let prefix = key.1;
    match handle.route().del(message).execute().await {
        Ok(()) => debug!(%prefix, "route removed"),
        // It went with its interface or its address.
        Err(error) if errno(&error) == Some(libc::ESRCH) => debug!(%prefix, "route gone"),
        Err(source) => {
            let error = KernelError::request(format!("remove the route {prefix}"), source);
            warn!(%error, "a route of lsrd stays in the kernel");
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
