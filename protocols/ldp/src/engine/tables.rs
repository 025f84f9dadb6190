//! How large the tables are: what is left of neighbours that are gone can be found by it.

use super::Ldp;

impl Ldp {
    /// How many entries each table about neighbours and sessions has, with those of label distribution about
    /// peers. All are empty after [`Ldp::shut_down`], once the connections are closed and no restart is under
    /// way.
    pub fn session_tables(&self) -> Vec<(&'static str, usize)> {
        let own = [
            ("Hello adjacencies", self.adjacencies.len()),
            ("neighbours", self.neighbours.len()),
            ("connections", self.connections.len()),
            ("connections with messages", self.unsent.len()),
            ("peers of Extended Discovery", self.targeted.len()),
            (
                "restarts of this LSR",
                usize::from(self.restarting_until.is_some()),
            ),
            ("timers", self.timers.len()),
        ];
        own.into_iter().chain(self.labels.peer_tables()).collect()
    }
}
