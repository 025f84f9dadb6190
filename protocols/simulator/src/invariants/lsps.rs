//! LSPs from each router to each FEC.

use ldp::MultiTopologyId;
use mpls::Label;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::Broken;
use crate::network::{Drop, Invariant, Network, Packet, Step};
use crate::router::ftn_key;

/// Every pair of routers that the network connects has a route and an LSP, by all paths, without loops and
/// dead ends; and there are no routes where there is no way.
///
/// # Errors
/// The first pair without.
pub fn lsps(network: &Network) -> Result<(), Broken> {
    for topology in network.topology.topologies() {
        let pieces = pieces(network, topology);
        for prefix in 0..network.prefixes.len() {
            if network.prefixes[prefix].fec.topology == topology {
                lsps_of(network, prefix, &pieces)
                    .map_err(|text| (Invariant::EveryPairHasAnLsp, text))?;
            }
        }
    }
    Ok(())
}

/// Which piece of a topology each router is in; `None`: it is off, or does not have the topology.
fn pieces(network: &Network, topology: MultiTopologyId) -> Vec<Option<usize>> {
    let mut pieces = vec![None; network.routers.len()];
    for start in 0..pieces.len() {
        let router = &network.routers[start];
        if pieces[start].is_some() || !router.host_on || !router.has_topology(topology) {
            continue;
        }
        let reached = network.topology.piece_of(start, |link| {
            network.link_usable(link) && network.metric_in(link, topology).is_some()
        });
        for (router, _) in reached.iter().enumerate().filter(|(_, reached)| **reached) {
            pieces[router] = Some(start);
        }
    }
    pieces
}

/// Where a packet is, and with which label.
type Place = (usize, Option<Label>);

fn lsps_of(network: &Network, number: usize, pieces: &[Option<usize>]) -> Result<(), String> {
    let prefix = &network.prefixes[number];
    let fec = prefix.fec;
    let mut numbers: FxHashMap<Place, usize> = FxHashMap::default();
    let mut places: Vec<(Place, Packet)> = Vec::new();
    let mut next: Vec<SmallVec<[usize; 2]>> = Vec::new();
    let mut good: Vec<usize> = Vec::new();
    for (router, piece) in pieces.iter().enumerate() {
        let connected = prefix.present
            && piece.is_some()
            && prefix.owners.iter().any(|owner| pieces[*owner] == *piece);
        if connected != network.routers[router].routes[number].is_some() {
            let what = if connected {
                "no route"
            } else {
                "still a route"
            };
            return Err(format!("router {router} has {what} to {fec}"));
        }
        if connected && !prefix.owners.contains(&router) {
            let state = &network.routers[router];
            let lfib = state.forwarding.lfib();
            let chosen = lfib
                .ftn
                .get(&ftn_key(fec))
                .map(|entry| entry.owner.protocol);
            let bound = state.protocols.iter().any(|of| chosen == Some(of.owner()));
            if state.running && !bound {
                return Err(format!("router {router} has a route to {fec} and no LSP"));
            }
        }
        if connected {
            let packet = Packet {
                number: 0,
                prefix: number,
                stack: SmallVec::new(),
                ttl: u8::MAX,
                popped: false,
            };
            numbers.insert((router, None), places.len());
            places.push(((router, None), packet));
        }
    }
    let mut at = 0;
    while let Some((place, packet)) = places.get(at).cloned() {
        let (router, label) = place;
        next.push(SmallVec::new());
        match network.forward(router, packet) {
            Step::Deliver => good.push(at),
            Step::Dropped(Drop::TtlExpired) => {
                return Err(format!("a packet to {fec} goes round at router {router}"));
            }
            Step::Dropped(why) => {
                let label = label.map_or("none".to_owned(), |label| label.to_string());
                return Err(format!(
                    "a packet to {fec} with label {label} is dropped at router {router}: {why:?}"
                ));
            }
            Step::Wrong(text) => return Err(format!("router {router}: {text}")),
            Step::Forward(ways) => {
                for (link, packet) in ways {
                    let ends = &network.topology.links[link];
                    let to = ends.other(router);
                    let label = packet.stack.last().map(|(label, _)| *label);
                    if label.is_none() && !prefix.owners.contains(&to) {
                        return Err(format!(
                            "router {router} sends to {fec} without a label by router {to}"
                        ));
                    }
                    if !network.links[link].wires[usize::from(ends.a != router)].works {
                        return Err(format!(
                            "router {router} sends to {fec} by link {link}, which is cut"
                        ));
                    }
                    let fresh = places.len();
                    let number = *numbers.entry((to, label)).or_insert(fresh);
                    if number == fresh {
                        // What was popped is looked at as such once; the place is the egress.
                        places.push(((to, label), packet));
                    }
                    next[at].push(number);
                }
            }
        }
        at += 1;
    }
    all_end(&next, good).map_err(|place| {
        let ((router, label), _) = &places[place];
        let label = label.map_or("none".to_owned(), |label| label.to_string());
        format!("packets to {fec} go round by router {router}, label {label}")
    })
}

/// Whether all ways end in a good place: else there is a loop, by a place that is given.
fn all_end(next: &[SmallVec<[usize; 2]>], good: Vec<usize>) -> Result<(), usize> {
    let mut before: Vec<SmallVec<[usize; 2]>> = vec![SmallVec::new(); next.len()];
    for (place, ways) in next.iter().enumerate() {
        for way in ways {
            before[*way].push(place);
        }
    }
    let mut left: Vec<usize> = next.iter().map(SmallVec::len).collect();
    let mut open = good;
    let mut done = 0;
    while let Some(place) = open.pop() {
        done += 1;
        for &earlier in &before[place] {
            left[earlier] -= 1;
            if left[earlier] == 0 {
                open.push(earlier);
            }
        }
    }
    match left.iter().position(|left| *left > 0) {
        Some(place) if done < next.len() => Err(place),
        _ => Ok(()),
    }
}
