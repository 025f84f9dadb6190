//! The tables of `lsrctl show`.

use std::fmt::Write as _;

use comfy_table::presets::{UTF8_FULL, UTF8_FULL_CONDENSED};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};
use northbound::v1::{self, Counter, FtnEntry, IlmEntry, Nhlfe, target::Role};

use super::words;

/// A table of these columns; those with a `>` in front are numbers. On a terminal it is as wide
/// as the terminal at most, elsewhere as wide as its content.
pub(super) fn table(columns: &[&str], terminal: bool) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(match terminal {
            true => ContentArrangement::Dynamic,
            false => ContentArrangement::Disabled,
        });
    table.set_header(columns.iter().map(|column| column.trim_start_matches('>')));
    for (index, column) in columns.iter().enumerate() {
        if let Some(numbers) = table.column_mut(index).filter(|_| column.starts_with('>')) {
            numbers.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// The table, or a sentence when it has no row.
pub(super) fn or_nothing(table: Table, nothing: &str) -> String {
    if table.is_empty() {
        nothing.to_owned()
    } else {
        table.trim_fmt()
    }
}

pub(super) fn counts(counter: Option<&Counter>) -> [Cell; 2] {
    match counter {
        Some(counter) => [Cell::new(counter.packets), Cell::new(counter.bytes)],
        // The switch does not hold the entry.
        None => [Cell::new("-"), Cell::new("-")],
    }
}

/// One row per NHLFE; an entry without NHLFE has one row.
pub(super) fn rows(nhlfes: &[Nhlfe]) -> Vec<Option<&Nhlfe>> {
    match nhlfes {
        [] => vec![None],
        nhlfes => nhlfes.iter().map(Some).collect(),
    }
}

pub(super) fn hop(nhlfe: Option<&Nhlfe>, several: bool) -> [Cell; 2] {
    let Some(nhlfe) = nhlfe else {
        return [Cell::new(""), Cell::new("")];
    };
    let mut next_hop = format!("{}{}", nhlfe.next_hop, words::resolution(nhlfe));
    if several {
        // Only several next hops share by weight.
        let _ = write!(next_hop, " weight {}", nhlfe.weight);
    }
    next_hop.push_str(&words::hop_notes(nhlfe));
    [Cell::new(&nhlfe.interface), Cell::new(next_hop)]
}

/// The label space, where there is more than the platform's.
pub(super) fn incoming(entry: &IlmEntry) -> String {
    match entry.label_space {
        // The names of the special-purpose labels are not those of the extended ones (RFC 7274).
        words::EXTENDED => format!("label {} extended", entry.label),
        0 => format!("label {}", words::label(entry.label)),
        space => format!("label {} in space {space}", words::label(entry.label)),
    }
}

pub(super) fn fec(entry: &FtnEntry) -> String {
    match entry.vrf {
        0 => entry.fec.clone(),
        vrf => format!("{} in VRF {vrf}", entry.fec),
    }
}

fn ilm_rows(table: &mut Table, entry: &IlmEntry, first: &str) {
    let entry_rows = EntryRows {
        first,
        nhlfes: &entry.nhlfes,
        status: entry.status.as_ref(),
        counter: entry.counter.as_ref(),
        owner: words::owner(entry.owner(), &entry.name),
    };
    entry_rows.add(table, |nhlfe| words::ilm_operation(entry, nhlfe));
}

fn ftn_rows(table: &mut Table, entry: &FtnEntry, first: &str) {
    let entry_rows = EntryRows {
        first,
        nhlfes: &entry.nhlfes,
        status: entry.status.as_ref(),
        counter: entry.counter.as_ref(),
        owner: words::owner(entry.owner(), &entry.name),
    };
    entry_rows.add(table, |nhlfe| words::ftn_operation(entry, nhlfe));
}

/// An entry of the ILM or the FTN, as rows.
struct EntryRows<'e> {
    first: &'e str,
    nhlfes: &'e [Nhlfe],
    status: Option<&'e v1::EntryStatus>,
    counter: Option<&'e Counter>,
    owner: String,
}

impl EntryRows<'_> {
    /// Adds a row for each NHLFE; what is about the entry stands in the first of them.
    fn add(self, table: &mut Table, operation: impl Fn(Option<&Nhlfe>) -> String) {
        let several = self.nhlfes.len() > 1;
        for (index, nhlfe) in rows(self.nhlfes).into_iter().enumerate() {
            let main = index == 0;
            let of_entry = |text: &str| Cell::new(if main { text } else { "" });
            let mut row = vec![of_entry(self.first), Cell::new(operation(nhlfe))];
            row.extend(hop(nhlfe, several));
            row.push(of_entry(&words::status(self.status)));
            row.extend(if main { counts(self.counter) } else { blank() });
            row.push(of_entry(&self.owner));
            table.add_row(row);
        }
    }
}

pub(super) fn blank() -> [Cell; 2] {
    [Cell::new(""), Cell::new("")]
}

const ENTRY_COLUMNS: [&str; 8] = [
    "Incoming",
    "Operation",
    "Interface",
    "Next hop",
    "State",
    ">Packets",
    ">Bytes",
    "Owner",
];

/// `show lfib`.
pub(super) fn lfib(answer: &v1::ShowLfibResponse, terminal: bool) -> String {
    let mut table = table(&ENTRY_COLUMNS, terminal);
    for entry in &answer.ilm {
        ilm_rows(&mut table, entry, &incoming(entry));
    }
    for entry in &answer.ftn {
        ftn_rows(&mut table, entry, &fec(entry));
    }
    or_nothing(table, "the LFIB is empty: no label is bound")
}

/// `show ilm`.
pub(super) fn ilm(answer: &v1::ShowIlmResponse, terminal: bool) -> String {
    let mut columns = ENTRY_COLUMNS;
    columns[0] = "Label";
    let mut table = table(&columns, terminal);
    for entry in &answer.entries {
        let label = incoming(entry);
        ilm_rows(&mut table, entry, label.trim_start_matches("label "));
    }
    or_nothing(table, "the ILM is empty: no incoming label is bound")
}

/// `show ftn`.
pub(super) fn ftn(answer: &v1::ShowFtnResponse, terminal: bool) -> String {
    let mut columns = ENTRY_COLUMNS;
    columns[0] = "FEC";
    let mut table = table(&columns, terminal);
    for entry in &answer.entries {
        ftn_rows(&mut table, entry, &fec(entry));
    }
    or_nothing(table, "the FTN is empty")
}

/// `show interfaces`.
pub(super) fn interfaces(answer: &v1::ShowInterfacesResponse, terminal: bool) -> String {
    let columns = [
        "Interface",
        ">Port",
        "State",
        "MPLS",
        "Addresses",
        "Neighbours",
        ">Packets in",
        ">Bytes in",
        ">To kernel",
        ">From kernel",
    ];
    let mut table = table(&columns, terminal);
    // The rows have several lines each.
    table.load_style(UTF8_FULL);
    for interface in &answer.interfaces {
        let mut name = format!(
            "{}\n{}\nmtu {}",
            interface.name, interface.mac, interface.mtu
        );
        if interface.mpls_mtu != interface.mtu {
            let _ = write!(name, "\nMPLS mtu {}", interface.mpls_mtu);
        }
        if !interface.qos_map.is_empty() {
            let _ = write!(name, "\nQoS map {}", interface.qos_map);
        }
        if interface.vrf != 0 {
            let _ = write!(name, "\nVRF {}", interface.vrf);
        }
        let neighbours = interface.neighbours.iter().map(|neighbour| {
            format!(
                "{} {} {}",
                neighbour.address, neighbour.mac, neighbour.state
            )
        });
        let mpls = match (interface.mpls, interface.label_space) {
            (false, _) => "off".to_owned(),
            (true, 0) => "on".to_owned(),
            (true, space) => format!("on, space {space}"),
        };
        let state = match (interface.up, interface.port_up) {
            (true, true) => "up",
            (true, false) => "port down",
            (false, _) => "down",
        };
        let place = match interface.vlan {
            0 => interface.port.to_string(),
            vlan => format!("{}\nVLAN {vlan}", interface.port),
        };
        let mut row = vec![
            Cell::new(name),
            Cell::new(place),
            Cell::new(state),
            Cell::new(mpls),
            Cell::new(interface.addresses.join("\n")),
            Cell::new(neighbours.collect::<Vec<_>>().join("\n")),
        ];
        row.extend(counts(interface.received.as_ref()));
        row.push(Cell::new(interface.punted_to_kernel));
        row.push(Cell::new(interface.sent_by_kernel));
        table.add_row(row);
    }
    or_nothing(table, "no interface is configured")
}

/// `show target`.
pub(super) fn target(answer: &v1::ShowTargetResponse, terminal: bool) -> String {
    let Some(target) = &answer.target else {
        return "lsrd tells nothing of its switch".into();
    };
    let role = match target.role() {
        Role::NotConnected => "not connected".to_owned(),
        Role::Primary => "primary".to_owned(),
        Role::Backup => format!(
            "backup: the client with election id {} is primary",
            target.primary_election_id
        ),
    };
    let program = match target.pipeline_loaded {
        true => format!("{} ({})", target.program, target.architecture),
        false => "not loaded".to_owned(),
    };
    let sync = match (target.in_sync, target.entries_refused) {
        (true, 0) => "in sync".to_owned(),
        (true, refused) => format!("in sync, {refused} entries refused"),
        (false, _) => format!("{} entries wait", target.entries_pending),
    };
    let mut text = String::new();
    for (name, value) in [
        (
            "Switch",
            format!("{}, device {}", target.address, target.device_id),
        ),
        ("P4Runtime", target.p4runtime_version.clone()),
        ("Role", role),
        ("Election id", target.election_id.to_string()),
        ("Program", program),
        ("Profile", target.profile.clone()),
        ("LFIB", sync),
        ("Problems", target.problems.join("\n             ")),
        ("Connections", target.connections.to_string()),
        ("Last error", target.last_error.clone()),
    ] {
        if !value.is_empty() {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "{name:<12} {value}");
        }
    }
    let mut tables = table(&["Table", ">Entries", ">Size", ">Used"], terminal);
    for used in &target.tables {
        let percent = match used.size {
            0 => "-".to_owned(),
            size => format!("{:.1}%", used.entries as f64 * 100.0 / size as f64),
        };
        tables.add_row(vec![
            Cell::new(&used.table),
            Cell::new(used.entries),
            Cell::new(used.size),
            Cell::new(percent),
        ]);
    }
    let mut punts = table(
        &[
            "Punted to lsrd",
            ">Received",
            ">Offered packets",
            ">Offered bytes",
        ],
        terminal,
    );
    for punt in &target.packet_ins {
        let mut row = vec![Cell::new(&punt.reason), Cell::new(punt.packets)];
        row.extend(counts(punt.offered.as_ref()));
        punts.add_row(row);
    }
    let mut handled = table(&["Handled by lsrd", ">Packets"], terminal);
    for (name, packets) in [
        ("sent to the switch", target.packet_outs),
        ("could not be sent", target.packet_outs_failed),
        ("malformed", target.packet_ins_malformed),
        ("came too fast", target.packet_ins_overrun),
        ("ICMP errors sent", target.icmp_errors_sent),
        ("ICMP errors over the rate", target.icmp_errors_suppressed),
        ("sent on in fragments", target.fragmented),
        ("too big, not answered", target.too_big),
    ] {
        handled.add_row(vec![Cell::new(name), Cell::new(packets)]);
    }
    let mut drops = table(&["Dropped by the switch", ">Packets", ">Bytes"], terminal);
    for drop in &target.drops {
        let mut row = vec![Cell::new(&drop.reason)];
        row.extend(counts(drop.counter.as_ref()));
        drops.add_row(row);
    }
    for table in [tables, punts, handled, drops] {
        if !table.is_empty() {
            let _ = write!(text, "\n{}\n", table.trim_fmt());
        }
    }
    text
}

/// `show static-lsps`.
pub(super) fn static_lsps(answer: &v1::ShowStaticLspsResponse, terminal: bool) -> String {
    let columns = [
        "Name",
        "Kind",
        "Incoming",
        "Operation",
        "Interface",
        "Next hop",
        "TTL model",
    ];
    let mut table = table(&columns, terminal);
    for lsp in &answer.lsps {
        let kind = words::lsp_kind(lsp.kind());
        let mut first = true;
        let mut add = |incoming: &str,
                       entry: &[Nhlfe],
                       operation: &dyn Fn(Option<&Nhlfe>) -> String,
                       model| {
            let several = entry.len() > 1;
            for (index, nhlfe) in rows(entry).into_iter().enumerate() {
                let of_entry = |text: &str| Cell::new(if index == 0 { text } else { "" });
                let of_lsp = |text: &str| Cell::new(if first { text } else { "" });
                let mut row = vec![of_lsp(&lsp.name), of_lsp(kind), of_entry(incoming)];
                row.push(Cell::new(operation(nhlfe)));
                row.extend(hop(nhlfe, several));
                row.push(of_entry(words::ttl_model(model)));
                table.add_row(row);
                first = false;
            }
        };
        if let Some(entry) = &lsp.ftn {
            let operation = |nhlfe: Option<&Nhlfe>| words::ftn_operation(entry, nhlfe);
            add(&fec(entry), &entry.nhlfes, &operation, entry.ttl_model());
        }
        if let Some(entry) = &lsp.ilm {
            let operation = |nhlfe: Option<&Nhlfe>| words::ilm_operation(entry, nhlfe);
            add(
                &incoming(entry),
                &entry.nhlfes,
                &operation,
                entry.ttl_model(),
            );
        }
    }
    or_nothing(table, "no static LSP is configured")
}

/// `show version`.
pub(super) fn version(answer: &v1::GetVersionResponse, _terminal: bool) -> String {
    format!(
        "lsrd {}\nrouter-id {}\nconfiguration {}\nup for {} s\n",
        answer.version, answer.router_id, answer.config, answer.uptime_seconds
    )
}

#[cfg(test)]
#[path = "tables_tests.rs"]
mod tests;
