//! What a run of a lab found, as one document: `--json` prints it, the terminal shows it.

use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table};
use serde::Serialize;

use super::cut::CutReport;
use super::echo::PingResult;
use super::lsp::LspTrace;
use super::path::PacketPath;
use super::picture;
use super::topology::TtlModel;

/// The document.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The lab's name.
    pub lab: String,
    /// The hardware profile of its switches.
    pub switch: String,
    /// The TTL model of its LSPs.
    pub ttl_model: TtlModel,
    /// Whether every LSP is whole and no ping lost a packet.
    pub ok: bool,
    /// What failed, in words.
    pub failures: Vec<String>,
    /// The LSPs, from the routers' own answers.
    pub lsps: Vec<LspTrace>,
    /// The pings.
    pub pings: Vec<PingReport>,
    /// The paths of single packets, from captures.
    pub paths: Vec<PacketPath>,
    /// What the cut of a link cost, where the topology has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<CutReport>,
}

/// One ping.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PingReport {
    /// The host that sent the requests.
    pub from: String,
    /// The host that answered them.
    pub to: String,
    /// `ipv4` or `ipv6`.
    pub family: String,
    /// The address.
    pub destination: String,
    /// Requests.
    pub sent: u16,
    /// Replies.
    pub received: u16,
    /// Replies beyond the first to a request.
    pub duplicates: u16,
    /// Lost requests in per cent.
    pub loss_percent: f64,
    /// Round-trip times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<RoundTrip>,
    /// ICMP errors and errors of the socket.
    pub errors: Vec<String>,
}

/// Round-trip times in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RoundTrip {
    /// The smallest.
    pub min: f64,
    /// The mean.
    pub avg: f64,
    /// The largest.
    pub max: f64,
}

impl PingReport {
    /// Puts a result into words.
    pub fn new(from: &str, to: &str, destination: std::net::IpAddr, result: &PingResult) -> Self {
        let milliseconds = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
        let lost = f64::from(result.lost());
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            family: super::path::family(destination.is_ipv6()).to_owned(),
            destination: destination.to_string(),
            sent: result.sent,
            received: result.received(),
            duplicates: result.duplicates,
            loss_percent: if result.sent == 0 {
                0.0
            } else {
                100.0 * lost / f64::from(result.sent)
            },
            rtt_ms: result.summary().map(|[min, avg, max]| RoundTrip {
                min: milliseconds(min),
                avg: milliseconds(avg),
                max: milliseconds(max),
            }),
            errors: result.errors.clone(),
        }
    }

    /// Whether a packet was lost, or there was none.
    pub fn failed(&self) -> bool {
        self.sent == 0 || self.received < self.sent
    }
}

impl Report {
    /// Sets `ok` and `failures` from the rest.
    pub fn judge(&mut self) {
        let lsps = self
            .lsps
            .iter()
            .filter(|lsp| !lsp.is_whole())
            .map(|lsp| format!("LSP {} to {} does not reach its end", lsp.name, lsp.fec));
        let pings = self.pings.iter().filter(|ping| ping.failed()).map(|ping| {
            let errors = ping.errors.join(", ");
            let errors = if errors.is_empty() {
                errors
            } else {
                format!(" ({errors})")
            };
            format!(
                "ping {} from {} to {}: {} of {} packets lost{errors}",
                ping.family,
                ping.from,
                ping.to,
                ping.sent - ping.received,
                ping.sent
            )
        });
        let cut = self
            .cut
            .as_ref()
            .filter(|cut| cut.after.is_empty() || cut.lost == cut.sent);
        let cut = cut.map(|cut| format!("traffic found no other way when {} was cut", cut.at));
        self.failures = lsps.chain(pings).chain(cut).collect();
        self.ok = self.failures.is_empty();
    }

    /// The tables and pictures for a terminal of `width` columns.
    pub fn draw(&self, width: usize, colour: bool) -> String {
        let mut sections = Vec::new();
        if !self.lsps.is_empty() {
            let table = self.lsp_table(width, colour);
            let model = self.ttl_model;
            let more = match self.lsps.len() - self.shown_lsps().count() {
                0 => String::new(),
                more => format!("\nand {more} more, to the routers and links: `show lfib`, --json"),
            };
            sections.push(format!(
                "LSPs, as the routers hold them ({model} model)\n{table}{more}"
            ));
        }
        if !self.pings.is_empty() {
            sections.push(format!("Pings\n{}", self.ping_table(width, colour)));
        }
        if !self.paths.is_empty() {
            sections.push(self.pictures(width));
        }
        if let Some(cut) = &self.cut {
            sections.push(cut.draw());
        }
        sections.join("\n\n")
    }

    /// Of the many LSPs that LDP makes those that the pings use, and those that are broken.
    fn shown_lsps(&self) -> impl Iterator<Item = &LspTrace> {
        let lsps = self.lsps.iter();
        lsps.filter(|lsp| lsp.between_hosts || !lsp.of_ldp() || !lsp.is_whole())
    }

    fn lsp_table(&self, width: usize, colour: bool) -> Table {
        let mut table = table(width, colour);
        table.set_header(["LSP", "FEC", "label operations, hop by hop"]);
        for lsp in self.shown_lsps() {
            let hops: Vec<_> = lsp.hops.iter().map(ToString::to_string).collect();
            let mut operations = Cell::new(hops.join(" → "));
            if !lsp.is_whole() {
                operations = operations.fg(Color::Red);
            }
            table.add_row([Cell::new(&lsp.name), Cell::new(&lsp.fec), operations]);
        }
        table
    }

    fn ping_table(&self, width: usize, colour: bool) -> Table {
        let mut table = table(width, colour);
        table.set_header([
            "from", "to", "address", "sent", "lost", "rtt min", "avg", "max",
        ]);
        for ping in &self.pings {
            let lost = Cell::new(format!("{} %", ping.loss_percent.round()));
            let lost = lost.fg(if ping.failed() {
                Color::Red
            } else {
                Color::Green
            });
            let time = |pick: fn(&RoundTrip) -> f64| {
                let text = ping
                    .rtt_ms
                    .as_ref()
                    .map(|rtt| format!("{:.2} ms", pick(rtt)));
                Cell::new(text.unwrap_or_else(|| "-".into())).set_alignment(CellAlignment::Right)
            };
            table.add_row([
                Cell::new(&ping.from),
                Cell::new(&ping.to),
                Cell::new(&ping.destination),
                Cell::new(ping.sent).set_alignment(CellAlignment::Right),
                lost.set_alignment(CellAlignment::Right),
                time(|rtt| rtt.min),
                time(|rtt| rtt.avg),
                time(|rtt| rtt.max),
            ]);
        }
        table
    }

    fn pictures(&self, width: usize) -> String {
        let mut text =
            String::from("One packet's way, with the label stack seen on each link (label, TTL)\n");
        for path in &self.paths {
            text.push_str(&format!("\n  {}\n\n", path.packet));
            text.push_str(&picture::draw(path, width));
        }
        text
    }
}

fn table(width: usize, colour: bool) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table
}
