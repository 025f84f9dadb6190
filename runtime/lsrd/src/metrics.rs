//! Metrics for Prometheus: sessions, messages and bindings of LDP, and how long its changes take.

use std::fmt;
use std::time::Duration;

use ldp::engine::{IgpSyncState, InterfaceView, LsrView, NeighbourView, SessionState};
use ldp::label::Counters;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::management::{SharedLdp, ldp_errors, ldp_messages};

/// The metrics. Clones are the same metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    ldp: SharedLdp,
    convergence: Histogram,
}

impl Metrics {
    /// The metrics of the LDP that runs, if one does.
    pub fn new(ldp: SharedLdp) -> Self {
        Self {
            ldp,
            // 0.1 ms to 13 s.
            convergence: Histogram::new(exponential_buckets(0.0001, 2.0, 18)),
        }
    }

    /// A change of LDP's bindings took this long until the switch held it.
    pub fn converged(&self, time: Duration) {
        self.convergence.observe(time.as_secs_f64());
    }

    /// The metrics as they stand, in the text format of OpenMetrics.
    ///
    /// # Errors
    /// A value cannot be written as text.
    pub async fn encode(&self) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register(
            "lsrd_ldp_convergence_seconds",
            "Time from a change of LDP's bindings until the switch held it",
            self.convergence.clone(),
        );
        if let Some(handle) = self.ldp.load_full() {
            let seen = handle.ask(|ldp, status, now| Ldp {
                lsr: ldp.lsr(now),
                interfaces: ldp.interfaces(now),
                neighbours: ldp.neighbours(now),
                labels: ldp.labels().counters(),
                allocated: status.labels,
            });
            if let Some(ldp) = seen.await {
                registry.register_collector(Box::new(ldp));
            }
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

/// LDP at one moment.
#[derive(Debug)]
struct Ldp {
    lsr: LsrView,
    interfaces: Vec<InterfaceView>,
    neighbours: Vec<NeighbourView>,
    labels: Counters,
    allocated: usize,
}

type Labels = Vec<(&'static str, String)>;

impl Collector for Ldp {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut family = |name, help, kind, samples: Vec<(Labels, u64)>| {
            let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
            for (labels, value) in samples {
                let mut sample = metric.encode_family(&labels)?;
                match kind {
                    MetricType::Gauge => {
                        sample.encode_gauge(&i64::try_from(value).unwrap_or(i64::MAX))?;
                    }
                    _ => sample.encode_counter::<NoLabelSet, _, u64>(&value, None)?,
                }
            }
            Ok(())
        };
        let states = [
            ("non-existent", SessionState::NonExistent),
            ("initialized", SessionState::Initialized),
            ("openrec", SessionState::OpenRec),
            ("opensent", SessionState::OpenSent),
            ("operational", SessionState::Operational),
        ];
        let sessions = states.map(|(word, state)| {
            let neighbours = self.neighbours.iter();
            let count = neighbours.filter(|of| of.state == state).count();
            (vec![("state", word.to_owned())], count as u64)
        });
        family(
            "lsrd_ldp_sessions",
            "Neighbours by the state of their session",
            MetricType::Gauge,
            sessions.into(),
        )?;
        let lost = self.neighbours.iter().map(|of| {
            let neighbour = of.identifier.to_string();
            (vec![("neighbour", neighbour)], of.sessions_lost)
        });
        family(
            "lsrd_ldp_sessions_lost",
            "Sessions that went down, by neighbour",
            MetricType::Counter,
            lost.collect(),
        )?;
        let adjacencies = (Vec::new(), self.lsr.adjacencies as u64);
        family(
            "lsrd_ldp_adjacencies",
            "Hello adjacencies",
            MetricType::Gauge,
            vec![adjacencies],
        )?;
        family(
            "lsrd_ldp_igp_sync",
            "LDP-IGP synchronization of an interface (RFC 5443): 1 of the state that it is in",
            MetricType::Gauge,
            igp_sync(&self.interfaces),
        )?;
        let statistics = &self.lsr.statistics;
        let directions = [
            ("sent", &statistics.sent),
            ("received", &statistics.received),
        ];
        let messages = directions.into_iter().flat_map(|(direction, counts)| {
            ldp_messages(counts).into_iter().map(move |(kind, count)| {
                let labels = [("type", kind), ("direction", direction)];
                (
                    labels.map(|(key, value)| (key, value.to_owned())).into(),
                    count,
                )
            })
        });
        family(
            "lsrd_ldp_messages",
            "Messages by type and direction",
            MetricType::Counter,
            messages.collect(),
        )?;
        let errors = ldp_errors(&statistics.errors).into_iter();
        family(
            "lsrd_ldp_errors",
            "PDUs, messages and TLVs that were wrong",
            MetricType::Counter,
            errors
                .map(|(error, count)| (vec![("error", error.to_owned())], count))
                .collect(),
        )?;
        let labels = &self.labels;
        let bindings = [
            ("fecs", labels.fecs),
            ("local", self.allocated),
            ("received", labels.received),
            ("ftn", labels.ftn),
            ("ilm", labels.ilm),
        ];
        family(
            "lsrd_ldp_bindings",
            "FECs, labels of this router and of its neighbours, and entries of the LFIB",
            MetricType::Gauge,
            bindings
                .map(|(kind, count)| (vec![("kind", kind.to_owned())], count as u64))
                .into(),
        )
    }
}

/// The states of LDP-IGP synchronization, of each interface where it is configured.
fn igp_sync(interfaces: &[InterfaceView]) -> Vec<(Labels, u64)> {
    let states = [
        ("not-achieved", IgpSyncState::NotAchieved),
        ("waiting-for-labels", IgpSyncState::WaitingForLabels),
        ("achieved", IgpSyncState::Achieved),
    ];
    interfaces
        .iter()
        .filter(|interface| interface.igp_sync != IgpSyncState::Disabled)
        .flat_map(|interface| {
            states.map(|(word, state)| {
                let labels = vec![
                    ("interface", interface.name.to_string()),
                    ("state", word.to_owned()),
                ];
                (labels, u64::from(interface.igp_sync == state))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn without_ldp_there_is_the_time_that_changes_took_and_no_more() {
        let metrics = Metrics::new(Arc::default());
        metrics.converged(Duration::from_millis(3));
        let text = metrics.encode().await.unwrap();
        assert!(
            text.contains("lsrd_ldp_convergence_seconds_count 1"),
            "{text}"
        );
        assert!(!text.contains("lsrd_ldp_sessions"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }

    #[tokio::test]
    async fn sessions_and_bindings_are_told_as_openmetrics() {
        let id = ldp::engine::LsrId::new([10, 255, 0, 1].into()).unwrap();
        let now = std::time::Instant::now();
        let mut config = ldp::engine::LdpConfig::new(id);
        let synchronized = ldp::engine::InterfaceConfig {
            igp_sync_delay: ldp::engine::IgpSyncDelay::new(10).ok(),
            ..Default::default()
        };
        config.interfaces.insert("core0".into(), synchronized);
        config.interfaces.insert("core1".into(), Default::default());
        let ldp = ldp::engine::Ldp::new(config, 1, now);
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Ldp {
            lsr: ldp.lsr(now),
            interfaces: ldp.interfaces(now),
            neighbours: ldp.neighbours(now),
            labels: ldp.labels().counters(),
            allocated: 7,
        }));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "lsrd_ldp_sessions{state=\"operational\"} 0",
            "lsrd_ldp_messages_total{type=\"Label Mapping\",direction=\"sent\"} 0",
            "lsrd_ldp_bindings{kind=\"local\"} 7",
            "lsrd_ldp_igp_sync{interface=\"core0\",state=\"not-achieved\"} 1",
            "lsrd_ldp_igp_sync{interface=\"core0\",state=\"achieved\"} 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        // Without it no interface is waited for.
        assert!(!text.contains("core1"), "{text}");
    }
}
