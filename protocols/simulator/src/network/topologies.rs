//! What belongs to a second topology (RFC 7307).

use ldp::MultiTopologyId;

use super::{Invariant, Network};

impl Network {
    /// The metric of a link in a topology, as an IGP has it (RFC 5120 section 2): `None` if it is no link of that,
    /// or not both ends have the topology.
    pub fn metric_in(&self, link: usize, topology: MultiTopologyId) -> Option<u32> {
        let link = &self.topology.links[link];
        let both = [link.a, link.b].map(|router| self.routers[router].has_topology(topology));
        link.metric_in(topology)
            .filter(|_| both.iter().all(|has| *has))
    }

    /// An engine sends octets on a connection: nothing of a topology may go to a router that never had it (RFC 7307
    /// section 3.5.2).
    pub(super) fn check_topologies(
        &mut self,
        number: usize,
        protocol: usize,
        id: u64,
        octets: &[u8],
    ) {
        if self.topology.multi_topology_id.is_none() {
            return;
        }
        let connection = self.by_id[number].get(&(protocol, id));
        let to = connection.and_then(|(key, end)| {
            let connection = self.connections.get(key)?;
            Some(connection.ends[1 - end].router)
        });
        let Some(to) = to.filter(|to| !self.routers[*to].had_multi_topology) else {
            return;
        };
        let engine = &self.routers[number].protocols[protocol];
        if let Some(topology) = engine.topologies(octets).first() {
            let text = format!(
                "it tells router {to} of FECs of topology {topology}, which that does not have"
            );
            self.broken(number, Invariant::TopologyIsShared, &text);
        }
    }
}
