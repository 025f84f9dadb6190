//! Traces of a running switch for whoever asks for them: the command line and gRPC clients.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::proto::packet_trace_server::PacketTrace;
use super::proto::{TraceRequest, TraceResponse};
use super::{LiveTrace, Trace};
use crate::Switch;
use crate::control::PortNumber;

/// Traces that wait for a client.
const QUEUE: usize = 256;
/// Clients at the same time: each makes the switch slower.
const CLIENTS: usize = 16;

/// Those who want to see packets. Clones are the same.
#[derive(Clone)]
pub(crate) struct LiveTraces {
    switch: Switch,
    viewers: Arc<Mutex<Viewers>>,
}

#[derive(Default)]
struct Viewers {
    /// What the command line asks for.
    own: Option<Arc<LiveTrace>>,
    clients: Vec<Arc<Client>>,
    stopped: bool,
}

/// A client that has not ended its stream.
struct Client {
    ports: Vec<PortNumber>,
    traces: mpsc::Sender<Result<TraceResponse, Status>>,
    left_out: AtomicU64,
}

impl Client {
    fn show(&self, json: &str) {
        let left_out = self.left_out.swap(0, Ordering::Relaxed);
        let response = TraceResponse {
            json: json.to_owned(),
            left_out,
        };
        if self.traces.try_send(Ok(response)).is_err() {
            self.left_out.fetch_add(left_out + 1, Ordering::Relaxed);
        }
    }
}

/// Whether packets of a port are among those that are asked for.
fn wants(ports: &[PortNumber], port: PortNumber) -> bool {
    ports.is_empty() || ports.contains(&port)
}

impl LiveTraces {
    /// Nobody wants to see the packets of this switch.
    pub(crate) fn new(switch: Switch) -> Self {
        Self {
            switch,
            viewers: Arc::default(),
        }
    }

    /// What the command line asks for.
    pub(crate) fn set_own(&self, own: Option<LiveTrace>) {
        self.change(|viewers| viewers.own = own.map(Arc::new));
    }

    /// Ends all streams.
    pub(crate) fn shut_down(&self) {
        self.change(|viewers| {
            viewers.stopped = true;
            viewers.clients.clear();
        });
    }

    fn lock(&self) -> MutexGuard<'_, Viewers> {
        // Each change is one step.
        self.viewers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes who wants to see packets, and tells the switch.
    fn change<T>(&self, f: impl FnOnce(&mut Viewers) -> T) -> T {
        let mut viewers = self.lock();
        let result = f(&mut viewers);
        let (own, clients) = (viewers.own.clone(), viewers.clients.clone());
        self.switch.set_live_trace(combined(own, clients));
        result
    }

    fn remove(&self, client: &Weak<Client>) {
        self.change(|viewers| {
            viewers
                .clients
                .retain(|other| Arc::as_ptr(other) != client.as_ptr());
        });
    }
}

/// One trace for all viewers, if there are any.
fn combined(own: Option<Arc<LiveTrace>>, clients: Vec<Arc<Client>>) -> Option<LiveTrace> {
    let mut wanted = own.iter().map(|own| &own.ports).collect::<Vec<_>>();
    wanted.extend(clients.iter().map(|client| &client.ports));
    if wanted.is_empty() {
        return None;
    }
    let ports = if wanted.iter().any(|ports| ports.is_empty()) {
        Vec::new()
    } else {
        wanted.into_iter().flatten().copied().collect()
    };
    let sink = move |trace: &Trace| {
        if let Some(own) = &own
            && wants(&own.ports, trace.port)
        {
            (own.sink)(trace);
        }
        let mut viewers = clients
            .iter()
            .filter(|client| wants(&client.ports, trace.port))
            .peekable();
        if viewers.peek().is_none() {
            return;
        }
        match serde_json::to_string(trace) {
            Ok(json) => viewers.for_each(|client| client.show(&json)),
            Err(error) => tracing::error!(%error, "a trace has no JSON"),
        }
    };
    Some(LiveTrace {
        ports,
        sink: Box::new(sink),
    })
}

/// Removes a client when its stream is dropped.
struct Guard {
    traces: LiveTraces,
    /// Not the client itself: it has the sender of the stream, which must end when the switch lets
    /// go of the client.
    client: Weak<Client>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.traces.remove(&self.client);
    }
}

#[tonic::async_trait]
impl PacketTrace for LiveTraces {
    type TraceStream = Pin<Box<dyn Stream<Item = Result<TraceResponse, Status>> + Send>>;

    async fn trace(
        &self,
        request: Request<TraceRequest>,
    ) -> Result<Response<Self::TraceStream>, Status> {
        let (traces, queue) = mpsc::channel(QUEUE);
        let client = Arc::new(Client {
            ports: request.into_inner().ports,
            traces,
            left_out: AtomicU64::new(0),
        });
        self.change(|viewers| {
            if viewers.stopped {
                return Err(Status::unavailable("the switch stops"));
            }
            if viewers.clients.len() >= CLIENTS {
                return Err(Status::resource_exhausted(format!(
                    "{CLIENTS} clients trace packets already"
                )));
            }
            viewers.clients.push(client.clone());
            Ok(())
        })?;
        let guard = Guard {
            traces: self.clone(),
            client: Arc::downgrade(&client),
        };
        let stream = ReceiverStream::new(queue).map(move |trace| {
            let _ = &guard;
            trace
        });
        Ok(Response::new(Box::pin(stream)))
    }
}
