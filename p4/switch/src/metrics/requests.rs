//! Requests of gRPC clients, counted by method and status code.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt;
use p4runtime_proto::google::rpc;
use prometheus_client::encoding::EncodeLabelSet;
use tonic::Code;

use super::Metrics;

/// What a request is counted under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    method: &'static str,
    code: &'static str,
}

/// The methods that are counted by name: a client must not be able to make up more.
const METHODS: [&str; 11] = [
    "/p4.v1.P4Runtime/Write",
    "/p4.v1.P4Runtime/Read",
    "/p4.v1.P4Runtime/SetForwardingPipelineConfig",
    "/p4.v1.P4Runtime/GetForwardingPipelineConfig",
    "/p4.v1.P4Runtime/StreamChannel",
    "/p4.v1.P4Runtime/Capabilities",
    "/gnmi.gNMI/Capabilities",
    "/gnmi.gNMI/Get",
    "/gnmi.gNMI/Set",
    "/gnmi.gNMI/Subscribe",
    "/p4switch.v1.PacketTrace/Trace",
];

/// Counts a request once its status is known. A stream that the client leaves ends with CANCELLED.
pub(crate) async fn count(
    State(metrics): State<Metrics>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let known = METHODS.iter().find(|method| **method == path);
    let mut pending = Pending {
        metrics,
        method: known.map_or("other", |method| method.trim_start_matches('/')),
        code: Code::Cancelled,
    };
    let response = next.run(request).await;
    if pending.take(response.headers()) {
        return response;
    }
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            if let Some(trailers) = frame.trailers_ref() {
                pending.take(trailers);
            }
            frame
        }))
    })
}

/// A request that is counted when this is dropped.
struct Pending {
    metrics: Metrics,
    method: &'static str,
    code: Code,
}

impl Pending {
    /// Whether there is a status here.
    fn take(&mut self, headers: &HeaderMap) -> bool {
        let status = headers.get("grpc-status");
        if let Some(status) = status {
            self.code = Code::from_bytes(status.as_bytes());
        }
        status.is_some()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let code = rpc::Code::try_from(self.code as i32).unwrap_or(rpc::Code::Unknown);
        let labels = RequestLabels {
            method: self.method,
            code: code.as_str_name(),
        };
        self.metrics.inner.requests.get_or_create(&labels).inc();
    }
}
