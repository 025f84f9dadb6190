//! LSPs go where the IGP's routes go.

use std::collections::BTreeSet;

use forwarding::{IlmKey, MAX_PATHS, Nhlfe};
use ldp::PrefixFec;

use super::Broken;
use crate::network::{Invariant, Network, router_id};
use crate::router::{Protocol, Router, ftn_key};

/// Packets of a FEC, with its label and without one, are sent to all next hops of the route that advertised a
/// label and to no others. Which next hops may have none, by their configuration or because of a loop, is
/// told by that.
///
/// # Errors
/// The first FEC whose next hops are others.
pub fn next_hops(network: &Network) -> Result<(), Broken> {
    for (number, router) in network.routers.iter().enumerate() {
        for protocol in &router.protocols {
            for prefix in 0..network.prefixes.len() {
                of_fec(network, number, &**protocol, prefix).map_err(|text| {
                    let text = format!("router {number}: {text}");
                    (Invariant::AllNextHops, text)
                })?;
            }
        }
    }
    Ok(())
}

type Links = BTreeSet<usize>;

fn of_fec(
    network: &Network,
    number: usize,
    protocol: &dyn Protocol,
    prefix: usize,
) -> Result<(), String> {
    let router = &network.routers[number];
    let Some(route) = router.routes[prefix].as_ref().filter(|of| !of.is_empty()) else {
        return Ok(());
    };
    let fec = network.prefixes[prefix].fec;
    let links = route.iter().map(|link| *link as usize);
    let labelled: Links = links
        .filter(|link| has_label(network, number, protocol, fec, *link))
        .collect();
    let lfib = router.forwarding.lfib();
    let ftn = lfib.ftn.get(&ftn_key(fec));
    let ftn = ftn.filter(|entry| entry.owner.protocol == protocol.owner());
    let used = ftn.map_or_else(Links::new, |entry| links_of(router, entry.action.nhlfes()));
    compare(&labelled, &used).map_err(|what| format!("packets to {fec} go {what}"))?;
    let Some(label) = protocol.local_label(fec).filter(|of| !of.is_reserved()) else {
        return Ok(());
    };
    let ilm = lfib.ilm.get(&IlmKey::platform(label));
    let used = ilm.map_or_else(Links::new, |entry| links_of(router, entry.action.nhlfes()));
    compare(&labelled, &used)
        .map_err(|what| format!("packets with label {label}, of {fec}, go {what}"))
}

/// Whether the neighbour at a link says that it advertised a label for a FEC.
fn has_label(
    network: &Network,
    number: usize,
    protocol: &dyn Protocol,
    fec: PrefixFec,
    link: usize,
) -> bool {
    let peer = network.topology.links[link].other(number);
    let engines = network.routers[peer].protocols.iter();
    engines
        .filter(|engine| engine.owner() == protocol.owner())
        .any(|engine| engine.advertised(fec, router_id(number)).is_some())
}

fn links_of<'a>(router: &Router, nhlfes: impl Iterator<Item = &'a Nhlfe>) -> Links {
    nhlfes
        .filter_map(|nhlfe| Some(router.interface_to(nhlfe.next_hop())?.link))
        .collect()
}

fn compare(labelled: &Links, used: &Links) -> Result<(), String> {
    // Of more next hops than an entry takes some are left out.
    if labelled == used || labelled.len() > MAX_PATHS && used.len() == MAX_PATHS {
        return Ok(());
    }
    Err(format!(
        "by links {used:?}, and next hops with a label are at links {labelled:?}"
    ))
}
