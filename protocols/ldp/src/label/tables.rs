//! How large the tables are: what is left of FECs and peers that are gone can be found by it.

use super::LabelDistribution;

impl LabelDistribution {
    /// How many entries each table about FECs has. All are empty as long as no FEC is known, by route or by
    /// label, and no restart is under way.
    pub fn fec_tables(&self) -> [(&'static str, usize); 11] {
        let adopted = self.adopted.as_ref().map_or(0, |adopted| adopted.len());
        let [groups, routes, group_addresses] = self.groups.sizes();
        [
            ("FECs", self.fecs.len()),
            ("FECs by prefix", self.index.len()),
            ("FECs without a route of their own", self.unrouted.len()),
            ("groups of next hops", groups),
            ("routes", routes),
            ("addresses of next hops", group_addresses),
            ("Label Requests", self.requests.len()),
            ("FECs without a label", self.without_labels.len()),
            ("labels of before the restart", adopted),
            ("FECs to be settled", self.dirty.len()),
            ("timers of labels", self.timers.len()),
        ]
    }

    /// How many entries each table about peers has. All are empty as long as there is no peer, and none is
    /// waited for.
    pub fn peer_tables(&self) -> [(&'static str, usize); 7] {
        let [owners, adjacencies, links] = self.addresses.sizes();
        [
            ("peers", self.peers.len()),
            ("peers by identifier", self.peer_index.len()),
            ("addresses of peers", owners),
            ("peers by their Hellos", adjacencies),
            ("links with peers", links),
            ("peers to be told of all FECs", self.walks.len()),
            ("peers to get End-of-LIB", self.owing.len()),
        ]
    }
}
