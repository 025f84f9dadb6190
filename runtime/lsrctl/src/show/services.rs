//! `show pseudowires`, `show p2mp`, `show tunnels`, `show qos-maps` and `show topologies`.

use comfy_table::{Cell, Table};
use northbound::v1::{self, Counter, EntryStatus, Nhlfe};

use super::tables::{blank, counts, fec, hop, incoming, or_nothing, rows, table};
use super::words;

/// One direction of a service: its row and one more for each further next hop.
struct Direction<'a> {
    first: Vec<String>,
    nhlfes: &'a [Nhlfe],
    operation: &'a dyn Fn(Option<&Nhlfe>) -> String,
    status: Option<&'a EntryStatus>,
    counter: Option<&'a Counter>,
    /// Whether each next hop has a counter of its own.
    each: bool,
}

impl Direction<'_> {
    fn add_to(&self, table: &mut Table) {
        let several = self.nhlfes.len() > 1 && !self.each;
        for (index, nhlfe) in rows(self.nhlfes).into_iter().enumerate() {
            let main = index == 0;
            let text = |text: &str| Cell::new(if main { text } else { "" });
            let mut row: Vec<Cell> = self.first.iter().map(|cell| text(cell)).collect();
            row.push(Cell::new((self.operation)(nhlfe)));
            row.extend(hop(nhlfe, several));
            row.push(text(&words::status(self.status)));
            row.extend(match (self.each, nhlfe) {
                (true, Some(nhlfe)) => counts(nhlfe.counter.as_ref()),
                _ if main => counts(self.counter),
                _ => blank(),
            });
            table.add_row(row);
        }
    }
}

/// `show pseudowires`.
pub(super) fn pseudowires(answer: &v1::ShowPseudowiresResponse, terminal: bool) -> String {
    let columns = [
        "Pseudowire",
        "Attachment circuit",
        "Operation",
        "Interface",
        "Next hop",
        "State",
        ">Packets",
        ">Bytes",
    ];
    let mut table = table(&columns, terminal);
    for pseudowire in &answer.pseudowires {
        let circuit = match pseudowire.vlan {
            0 => format!("{} port {}", pseudowire.attachment_circuit, pseudowire.port),
            vlan => format!(
                "{} port {} VLAN {vlan}",
                pseudowire.attachment_circuit, pseudowire.port
            ),
        };
        let mut first = vec![pseudowire.name.clone(), circuit];
        if let Some(entry) = &pseudowire.to_network {
            Direction {
                first: std::mem::take(&mut first),
                nhlfes: &entry.nhlfes,
                operation: &|nhlfe| words::ftn_operation(entry, nhlfe),
                status: entry.status.as_ref(),
                counter: entry.counter.as_ref(),
                each: false,
            }
            .add_to(&mut table);
        }
        first.resize(2, String::new());
        if let Some(entry) = &pseudowire.from_network {
            Direction {
                first,
                nhlfes: &[],
                operation: &|nhlfe| words::ilm_operation(entry, nhlfe),
                status: entry.status.as_ref(),
                counter: entry.counter.as_ref(),
                each: false,
            }
            .add_to(&mut table);
        }
    }
    or_nothing(table, "no pseudowire is configured")
}

/// `show p2mp`.
pub(super) fn point_to_multipoint(
    answer: &v1::ShowPointToMultipointResponse,
    terminal: bool,
) -> String {
    let columns = [
        "LSP",
        "Incoming",
        "Branch",
        "Interface",
        "Next hop",
        "State",
        ">Packets",
        ">Bytes",
    ];
    let mut table = table(&columns, terminal);
    for lsp in &answer.lsps {
        if let Some(entry) = &lsp.ftn {
            Direction {
                first: vec![lsp.name.clone(), fec(entry)],
                nhlfes: &entry.nhlfes,
                operation: &|nhlfe| words::ftn_operation(entry, nhlfe),
                status: entry.status.as_ref(),
                counter: entry.counter.as_ref(),
                each: true,
            }
            .add_to(&mut table);
        }
        if let Some(entry) = &lsp.ilm {
            let operation = |nhlfe: Option<&Nhlfe>| words::ilm_operation(entry, nhlfe);
            let mut first = vec![lsp.name.clone(), incoming(entry)];
            if !entry.nhlfes.is_empty() {
                Direction {
                    first: std::mem::replace(&mut first, vec![String::new(); 2]),
                    nhlfes: &entry.nhlfes,
                    operation: &operation,
                    status: entry.status.as_ref(),
                    counter: entry.counter.as_ref(),
                    each: true,
                }
                .add_to(&mut table);
            }
            if entry.bud {
                Direction {
                    first,
                    nhlfes: &[],
                    operation: &operation,
                    status: None,
                    counter: entry.local_counter.as_ref(),
                    each: false,
                }
                .add_to(&mut table);
            }
        }
    }
    or_nothing(table, "no point-to-multipoint LSP is configured")
}

/// `show tunnels`.
pub(super) fn tunnels(answer: &v1::ShowTunnelsResponse, terminal: bool) -> String {
    let columns = [
        "Tunnel",
        "Encapsulation",
        "Local",
        "Remote",
        ">TTL",
        ">DSCP",
        "Interface",
        "Next hop",
    ];
    let mut heads = table(&columns, terminal);
    for tunnel in &answer.tunnels {
        let mut row = vec![
            Cell::new(&tunnel.name),
            Cell::new(&tunnel.encapsulation),
            Cell::new(&tunnel.local),
            Cell::new(&tunnel.remote),
            Cell::new(tunnel.ttl),
            Cell::new(tunnel.dscp),
        ];
        row.extend(hop(tunnel.next_hop.as_ref(), false));
        heads.add_row(row);
    }
    let columns = [
        "Tunnel end",
        "Encapsulation",
        "Local",
        "Sources",
        ">VRF",
        ">Label space",
        ">Packets",
        ">Bytes",
    ];
    let mut ends = table(&columns, terminal);
    for end in &answer.ends {
        let mut row = vec![
            Cell::new(&end.name),
            Cell::new(&end.encapsulation),
            Cell::new(&end.local),
            Cell::new(end.sources.join("\n")),
            Cell::new(end.vrf),
            Cell::new(end.label_space),
        ];
        row.extend(counts(end.counter.as_ref()));
        ends.add_row(row);
    }
    format!(
        "{}\n\n{}",
        or_nothing(heads, "no tunnel is configured"),
        or_nothing(ends, "no tunnel ends here")
    )
}

/// `show qos-maps`.
pub(super) fn qos_maps(answer: &v1::ShowQosMapsResponse, terminal: bool) -> String {
    let mut table = table(&["QoS map", "From", "To"], terminal);
    let congested = |congestion: bool| if congestion { " congested" } else { "" };
    for map in &answer.maps {
        let mut lines = Vec::new();
        for entry in &map.tc_to_phb {
            let to = format!("PHB {}{}", entry.phb, congested(entry.congestion));
            lines.push((format!("TC {}", entry.tc), to));
        }
        for entry in &map.dscp_to_phb {
            lines.push((format!("DSCP {}", entry.dscp), format!("PHB {}", entry.phb)));
        }
        for entry in &map.phb_to_codes {
            let to = format!("TC {}, DSCP {}, PCP {}", entry.tc, entry.dscp, entry.pcp);
            let from = format!("PHB {}{}", entry.phb, congested(entry.congestion));
            lines.push((from, to));
        }
        for entry in &map.congestion_marks {
            let from = format!("TC {} below congestion", entry.tc);
            lines.push((from, format!("TC {}", entry.marked)));
        }
        for (index, (from, to)) in lines.into_iter().enumerate() {
            let name = if index == 0 { map.name.as_str() } else { "" };
            table.add_row(vec![Cell::new(name), Cell::new(from), Cell::new(to)]);
        }
    }
    or_nothing(
        table,
        "no QoS map is configured: every code point means what it says",
    )
}

/// `show topologies`.
pub(super) fn topologies(answer: &v1::ShowTopologiesResponse, terminal: bool) -> String {
    let header = ["Topology", "Routing table", "DSCP", "FECs", "With labels"];
    let mut table = table(&header, terminal);
    for topology in &answer.topologies {
        let dscps: Vec<String> = topology.dscp.iter().map(u32::to_string).collect();
        table.add_row(vec![
            Cell::new(topology.id),
            Cell::new(topology.routing_table),
            Cell::new(dscps.join(", ")),
            Cell::new(topology.fecs),
            Cell::new(topology.labelled_fecs),
        ]);
    }
    or_nothing(
        table,
        "no topology is configured: all packets are of the default one",
    )
}

#[cfg(test)]
#[path = "services_tests.rs"]
mod tests;
