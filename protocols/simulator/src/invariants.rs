//! What has to hold of a network once it has settled. What has to hold at every moment is checked as things
//! happen: see [`Invariant::OneFecPerLabel`] and [`Invariant::RightEgress`].

mod lsps;
mod next_hops;

pub use lsps::lsps;
pub use next_hops::next_hops;

use std::collections::BTreeMap;

use forwarding::{Nhlfe, Owner};
use ldp::PrefixFec;
use mpls::Label;

use crate::network::{Invariant, Network, router_id};
use crate::router::prefix_fec;

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
    next_hops(network)?;
    topologies(network)
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

/// No router has told another one of a FEC of a topology that they do not share.
///
/// # Errors
/// The first that has.
pub fn topologies(network: &Network) -> Result<(), Broken> {
    let broken = |from: usize, text: String| {
        let text = format!("router {from}: {text}");
        Err((Invariant::TopologyIsShared, text))
    };
    for fec in network.prefixes.iter().map(|prefix| prefix.fec) {
        let routers = network.routers.iter().enumerate();
        let (with, without): (Vec<_>, Vec<_>) =
            routers.partition(|(_, router)| router.has_topology(fec.topology));
        for (number, router) in &without {
            let mut engines = router.protocols.iter();
            if let Some(label) = engines.find_map(|engine| engine.local_label(fec)) {
                return broken(*number, format!("label {label} is of {fec}"));
            }
        }
        for (from, router) in with {
            for (to, other) in &without {
                let mut engines = router.protocols.iter();
                if let Some(label) = engines.find_map(|engine| engine.advertised(fec, other.id)) {
                    let text = format!("label {label} of {fec} is advertised to router {to}");
                    return broken(from, text);
                }
            }
        }
    }
    Ok(())
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
