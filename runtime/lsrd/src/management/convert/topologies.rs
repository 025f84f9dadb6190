//! Routing topologies (RFC 7307).

use forwarding::{Fec, FtnEntry, Protocol, VrfId};
use northbound::v1;

use crate::router::Router;

/// `show topologies`.
pub(in super::super) fn topologies(router: &Router) -> Vec<v1::Topology> {
    let lfib = router.forwarding().lfib();
    // Neighbours are FECs of their own; they are no routes.
    let is_route = |entry: &&FtnEntry| {
        let paths = entry.action.path_group();
        paths.is_some() && entry.owner.protocol != Protocol::Neighbour
    };
    let routes = |topology: VrfId| {
        let entries = lfib.ftn.iter();
        let of_topology = entries
            .filter(move |(fec, _)| matches!(fec, Fec::Prefix { vrf, .. } if *vrf == topology));
        of_topology.map(|(_, entry)| entry).filter(is_route)
    };
    let labelled = |entry: &&FtnEntry| {
        let protocol = entry.owner.protocol;
        matches!(protocol, Protocol::Ldp | Protocol::Static)
    };
    let topologies = router.config().topologies.iter();
    topologies
        .map(|topology| v1::Topology {
            id: topology.id.0.into(),
            routing_table: topology.routing_table,
            dscp: topology
                .dscps
                .iter()
                .map(|dscp| dscp.value().into())
                .collect(),
            fecs: routes(topology.vrf()).count() as u64,
            labelled_fecs: routes(topology.vrf()).filter(labelled).count() as u64,
        })
        .collect()
}
