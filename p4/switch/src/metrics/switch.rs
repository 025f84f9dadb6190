//! What the switch counts itself.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::Switch;
use crate::control::{PortInfo, PortState};

/// Reads the switch when the metrics are asked for.
#[derive(Debug)]
pub(super) struct SwitchCollector {
    pub(super) switch: Switch,
}

type Labels = Vec<(&'static str, String)>;

/// A value with its labels.
type Sample = (Labels, u64);

struct Family<'a> {
    name: &'a str,
    help: &'a str,
    kind: MetricType,
}

impl Family<'_> {
    fn encode(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        samples: impl IntoIterator<Item = Sample>,
    ) -> fmt::Result {
        let mut samples = samples.into_iter().peekable();
        // A family without values must not be named.
        if samples.peek().is_none() {
            return Ok(());
        }
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, self.kind)?;
        for (labels, value) in samples {
            if labels.is_empty() {
                self.value(&mut metric, value)?;
            } else {
                self.value(&mut metric.encode_family(&labels)?, value)?;
            }
        }
        Ok(())
    }

    fn value(&self, metric: &mut MetricEncoder<'_>, value: u64) -> fmt::Result {
        match self.kind {
            MetricType::Gauge => metric.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX)),
            _ => metric.encode_counter::<NoLabelSet, _, u64>(&value, None),
        }
    }
}

fn counter<'a>(name: &'a str, help: &'a str) -> Family<'a> {
    let kind = MetricType::Counter;
    Family { name, help, kind }
}

fn gauge<'a>(name: &'a str, help: &'a str) -> Family<'a> {
    let kind = MetricType::Gauge;
    Family { name, help, kind }
}

fn of_port(port: &PortInfo) -> Labels {
    vec![
        ("port", port.number.to_string()),
        ("interface", port.name.clone()),
    ]
}

impl Collector for SwitchCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        self.ports(encoder)?;
        self.queue(encoder)?;
        self.program(encoder)
    }
}

impl SwitchCollector {
    fn ports(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let ports = self.switch.ports();
        let each = |value: fn(&PortInfo) -> u64| {
            ports
                .iter()
                .map(move |port| (of_port(port), value(port)))
                .collect::<Vec<_>>()
        };
        gauge("p4_switch_port_up", "Whether the port can receive and send")
            .encode(encoder, each(|port| u64::from(port.state == PortState::Up)))?;
        counter("p4_switch_port_received_packets", "Packets received")
            .encode(encoder, each(|port| port.statistics.received_packets))?;
        counter("p4_switch_port_received_bytes", "Bytes of packets received")
            .encode(encoder, each(|port| port.statistics.received_bytes))?;
        counter("p4_switch_port_sent_packets", "Packets sent")
            .encode(encoder, each(|port| port.statistics.sent_packets))?;
        counter("p4_switch_port_sent_bytes", "Bytes of packets sent")
            .encode(encoder, each(|port| port.statistics.sent_bytes))?;
        let drops = ports.iter().flat_map(|port| {
            let seen = &port.statistics;
            [
                ("receive_overrun", seen.receive_overruns),
                ("receive_oversized", seen.receive_oversized),
                ("receive_error", seen.receive_errors),
                ("send_queue_full", seen.send_queue_full),
                ("send_link_down", seen.send_link_down),
                ("send_too_long", seen.send_too_long),
                ("send_error", seen.send_errors),
            ]
            .map(|(reason, value)| {
                let mut labels = of_port(port);
                labels.push(("reason", reason.to_owned()));
                (labels, value)
            })
        });
        counter(
            "p4_switch_port_drops",
            "Packets dropped at a port, by reason",
        )
        .encode(encoder, drops)
    }

    fn queue(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (length, capacity) = self.switch.packet_in_queue();
        gauge(
            "p4_switch_packet_in_queue_packets",
            "Packets for the controller that wait for the server",
        )
        .encode(encoder, [(Labels::new(), length as u64)])?;
        gauge(
            "p4_switch_packet_in_queue_capacity",
            "Packets for the controller that can wait",
        )
        .encode(encoder, [(Labels::new(), capacity as u64)])
    }

    /// What the running program has and has done. Nothing without a program.
    fn program(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let read = self.switch.read(|state| {
            // Those without key were made by the compiler.
            let mut tables = state.tables();
            tables.retain(|table| !table.key.is_empty());
            Ok((state.drops(), tables))
        });
        let loaded = gauge("p4_switch_program_loaded", "Whether a program runs");
        let Ok((drops, tables)) = read else {
            return loaded.encode(encoder, [(Labels::new(), 0)]);
        };
        loaded.encode(encoder, [(Labels::new(), 1)])?;
        let reasons = [
            ("ingress", drops.ingress),
            ("egress", drops.egress),
            ("empty_multicast_group", drops.empty_multicast_group),
            ("unknown_clone_session", drops.unknown_clone_session),
            ("loop_limit", drops.loop_limit),
            ("step_limit", drops.step_limit),
            ("unknown_port", drops.unknown_port),
            ("packet_in_queue_full", drops.cpu_queue_full),
            ("digest_queue_full", drops.digest_queue_full),
            ("failed_assertion", drops.failed_assertions),
        ];
        counter(
            "p4_switch_drops",
            "Packets dropped by the program or the switch since the program was loaded, by reason",
        )
        .encode(
            encoder,
            reasons.map(|(reason, value)| (vec![("reason", reason.to_owned())], value)),
        )?;
        let of = |table: &crate::control::TableInfo| vec![("table", table.name.clone())];
        let entries = tables.iter().map(|table| (of(table), table.size as u64));
        gauge("p4_switch_table_entries", "Entries that a table has").encode(encoder, entries)?;
        let sizes = tables
            .iter()
            .map(|table| (of(table), table.max_size as u64));
        gauge("p4_switch_table_size", "Entries that a table can have").encode(encoder, sizes)
    }
}
