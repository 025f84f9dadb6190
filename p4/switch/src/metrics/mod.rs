//! Metrics for Prometheus: ports, drops, tables, P4Runtime requests and the queue of packets for
//! the controller.

mod requests;
mod switch;

use std::fmt;
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::Switch;
use requests::RequestLabels;
pub(crate) use requests::count;
use switch::SwitchCollector;

/// The metrics of a switch. Clones are the same metrics.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    dropped_digests: Counter,
}

impl Metrics {
    /// The metrics of a switch. What the switch counts itself is read when it is asked for.
    #[must_use]
    pub fn new(switch: Switch) -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        registry.register(
            "p4_switch_grpc_requests",
            "Requests of gRPC clients that have ended, by method and status code",
            requests.clone(),
        );
        let dropped_digests = Counter::default();
        registry.register(
            "p4_switch_unacknowledged_digest_drops",
            "Digests dropped since the controller has not acknowledged as many as are remembered",
            dropped_digests.clone(),
        );
        registry.register_collector(Box::new(SwitchCollector { switch }));
        Self {
            inner: Arc::new(Inner {
                registry,
                requests,
                dropped_digests,
            }),
        }
    }

    /// Counts digests that the controller does not acknowledge.
    pub(crate) fn dropped_digests(&self) -> Counter {
        self.inner.dropped_digests.clone()
    }

    /// The metrics in the text format of OpenMetrics.
    ///
    /// # Errors
    ///
    /// A value cannot be written as text.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.inner.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
