//! What has to hold of a network once it has settled. What has to hold at every moment is checked as things
//! happen: see [`Invariant::OneFecPerLabel`] and [`Invariant::RightEgress`].

mod next_hops;

pub use next_hops::next_hops;

use std::collections::BTreeMap;

use forwarding::{Nhlfe, Owner};
use ldp::PrefixFec;
use mpls::Label;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::network::{Drop, Invariant, Network, Packet, Step, router_id};
use crate::router::{ftn_key, prefix_fec};

/// What does not hold, and how it shows.
pub type Broken = (Invariant, String);

/// All that has to hold of a network that has settled.
///
/// # Errors
/// The first thing that does not.
pub fn settled(network: &Network) -> Result<(), Broken> {
    switches(network)?;
    lsps(network)?;
    labels(network)?;
    next_hops(network)
}

/// The desired LFIB is what the switch holds.
///
/// # Errors
/// What differs.
pub fn switches(network: &Network) -> Result<(), Broken> {
    for (number, router) in network.routers.iter().enumerate() {
        if !router.running || !router.switch_on {
            continue;
        }
        let broken = |text: String| {
            let text = format!("router {number}: {text}");
            Err((Invariant::SwitchHoldsLfib, text))
        };
        if !router.switch.is_quiet() {
            return broken("the switch is being written to".to_owned());
        }
        let differences = router.switch.differences(&router.forwarding);
        if let Some(first) = differences.first() {
            return broken(format!("{first} ({} differences)", differences.len()));
        }
        let pipeline = router.pipeline.as_ref();
        let differences = pipeline.map(|of| of.differences(router));
        if let Some(first) = differences.iter().flatten().next() {
            return broken(format!("the pipeline: {first}"));
        }
    }
    Ok(())
}

/// Every pair of routers that the network connects has a route and an LSP, by all paths, without loops and
/// dead ends; and there are no routes where there is no way.
///
/// # Errors
/// The first pair without.
pub fn lsps(network: &Network) -> Result<(), Broken> {
    let pieces = pieces(network);
    for prefix in 0..network.prefixes.len() {
        lsps_of(network, prefix, &pieces).map_err(|text| (Invariant::EveryPairHasAnLsp, text))?;
    }
    Ok(())
}

/// Which piece of the network each router is in; `None`: it is off.
fn pieces(network: &Network) -> Vec<Option<usize>> {
    let mut pieces = vec![None; network.routers.len()];
    for start in 0..pieces.len() {
        if pieces[start].is_some() || !network.routers[start].host_on {
            continue;
        }
        let reached = network
            .topology
            .piece_of(start, |link| network.link_usable(link));
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
        let Some(piece) = piece else { continue };
        let connected = prefix.present
            && prefix
                .owners
                .iter()
                .any(|owner| pieces[*owner] == Some(*piece));
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

/// A label stands for one FEC, and entries have labels that the next hop really advertised.
///
/// # Errors
/// The first label that is not as it should be.
pub fn labels(network: &Network) -> Result<(), Broken> {
    for (number, router) in network.routers.iter().enumerate() {
        let mut fecs: BTreeMap<Label, PrefixFec> = BTreeMap::new();
        for protocol in &router.protocols {
            for (fec, label) in protocol.local_labels() {
                if let Some(other) = fecs.insert(label, fec) {
                    let text = format!("router {number}: label {label} is of {fec} and {other}");
                    return Err((Invariant::OneFecPerLabel, text));
                }
            }
        }
        let lfib = router.forwarding.lfib();
        for (key, entry) in &lfib.ilm {
            if let Some(fec) = router.bound.get(&key.label) {
                for nhlfe in entry.action.nhlfes() {
                    advertised(network, number, entry.owner.protocol, *fec, nhlfe)?;
                }
            }
        }
        for (fec, entry) in &lfib.ftn {
            let is_bound = router
                .protocols
                .iter()
                .any(|of| of.owner() == entry.owner.protocol);
            if let (Some(fec), true) = (prefix_fec(fec), is_bound) {
                for nhlfe in entry.action.nhlfes() {
                    advertised(network, number, entry.owner.protocol, fec, nhlfe)?;
                }
            }
        }
    }
    Ok(())
}

fn advertised(
    network: &Network,
    number: usize,
    source: forwarding::Protocol,
    fec: PrefixFec,
    nhlfe: &Nhlfe,
) -> Result<(), Broken> {
    let router = &network.routers[number];
    let link = router.interface_to(nhlfe.next_hop()).map(|of| of.link);
    let Some(link) = link else {
        let text = format!("router {number}: {} is no neighbour", nhlfe.next_hop());
        return Err((Invariant::LabelsAreAdvertised, text));
    };
    let ends = &network.topology.links[link];
    let peer = ends.other(number);
    let label = nhlfe
        .labels()
        .first()
        .copied()
        .unwrap_or(Label::IMPLICIT_NULL);
    let engines = network.routers[peer].protocols.iter();
    let told = engines
        .filter(|engine| engine.owner() == source)
        .find_map(|engine| engine.advertised(fec, router_id(number)));
    if told == Some(label) {
        return Ok(());
    }
    let text = format!(
        "router {number} sends packets to {fec} with label {label} to router {peer}, which advertised {told:?}"
    );
    Err((Invariant::LabelsAreAdvertised, text))
}

/// After everything was withdrawn no label and no entry is left.
///
/// # Errors
/// The first that is.
pub fn nothing_left(network: &Network) -> Result<(), Broken> {
    let broken = |router: usize, text: String| {
        Err((Invariant::NothingIsLeft, format!("router {router}: {text}")))
    };
    for (number, router) in network.routers.iter().enumerate() {
        for protocol in &router.protocols {
            let remains = protocol.remains();
            if !remains.is_empty() {
                return broken(
                    number,
                    format!("{} holds {}", protocol.name(), remains.join("; ")),
                );
            }
        }
        let count = router.labels_in_use().max(router.labels.used());
        if count > 0 {
            return broken(number, format!("{count} labels are in use"));
        }
        let owners: Vec<_> = router.protocols.iter().map(|of| of.owner()).collect();
        let lfib = router.forwarding.lfib();
        let bound = |owner: &Owner| owners.contains(&owner.protocol);
        if let Some((fec, _)) = lfib.ftn.iter().find(|(_, entry)| bound(&entry.owner)) {
            return broken(number, format!("the LFIB has an entry for {fec}"));
        }
        if let Some((key, _)) = lfib.ilm.iter().find(|(_, entry)| bound(&entry.owner)) {
            return broken(number, format!("the LFIB has an entry for {key}"));
        }
        if let Some((label, fec)) = router.bound.first_key_value() {
            return broken(number, format!("label {label} is bound to {fec}"));
        }
        let switch = &router.switch;
        if let Some((fec, _)) = switch.ftn().first_key_value() {
            return broken(number, format!("the switch has an entry for {fec}"));
        }
        if let Some(key) = switch.ilm().keys().find(|key| !key.label.is_reserved()) {
            return broken(number, format!("the switch has an entry for {key}"));
        }
    }
    Ok(())
}

/// After all daemons ended their sessions there is none, no connection, and nothing of any peer.
///
/// # Errors
/// The first that is.
pub fn no_session(network: &Network) -> Result<(), Broken> {
    for number in 0..network.routers.len() {
        let now = network.clock_of(number);
        for protocol in &network.routers[number].protocols {
            let sessions = protocol.counters(now).sessions;
            if sessions > 0 {
                let text = format!(
                    "router {number}: {} has {sessions} sessions",
                    protocol.name()
                );
                return Err((Invariant::NothingIsLeft, text));
            }
            let remains = protocol.remains_of_sessions();
            if !remains.is_empty() {
                let remains = remains.join("; ");
                let text = format!("router {number}: {} holds {remains}", protocol.name());
                return Err((Invariant::NothingIsLeft, text));
            }
        }
    }
    match network.connections() {
        0 => Ok(()),
        count => Err((
            Invariant::NothingIsLeft,
            format!("{count} TCP connections are left"),
        )),
    }
}
