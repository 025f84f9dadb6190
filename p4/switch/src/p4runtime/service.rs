//! The gRPC service: one method for each RPC.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use axum::middleware;
use futures::stream::{self, PollNext};
use futures::{Stream, StreamExt};
use gnmi_proto::gnmi::g_nmi_server::GNmiServer;
use p4runtime_proto::p4::v1::{
    self, CapabilitiesRequest, CapabilitiesResponse, ForwardingPipelineConfig,
    GetForwardingPipelineConfigRequest, GetForwardingPipelineConfigResponse, ReadRequest,
    ReadResponse, SetForwardingPipelineConfigRequest, SetForwardingPipelineConfigResponse,
    StreamMessageRequest, StreamMessageResponse, WriteRequest, WriteResponse,
    get_forwarding_pipeline_config_request::ResponseType,
    p4_runtime_server::{P4Runtime, P4RuntimeServer},
};
use p4runtime_proto::{API_VERSION, batch_error};
use tokio::sync::{Notify, RwLock, Semaphore, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

use super::arbitration::StreamId;
use super::client::{Client, InHand};
use super::controllers::{Controllers, StreamStatistics};
use super::device::Device;
use super::digest_list::DigestLists;
use super::limits::Limits;
use super::notify;
use super::read::{self, EncodedReads, Parts};
use super::refusal::Refusal;
use super::role::Access;
use super::schema::Schema;
use super::streams;
use crate::clock::Clock;
use crate::gnmi::Gnmi;
use crate::metrics::{self, Metrics};
use crate::trace::LiveTraces;
use crate::trace::proto::packet_trace_server::PacketTraceServer;
use crate::{Events, LiveTrace, Switch, SwitchConfig};

/// Reads that are worked on at a time.
const READERS: usize = 4;

/// The P4Runtime service of one device. Clones are the same service.
#[derive(Clone)]
pub struct Service {
    pub(super) shared: Arc<Shared>,
    metrics: Option<Metrics>,
    traces: LiveTraces,
    gnmi: Gnmi,
}

/// What the RPCs share. Locks are taken in the order of the fields.
pub(super) struct Shared {
    device_id: u64,
    pub(super) switch: Switch,
    /// Held for writing by a Write, so that writes are one after the other; for reading by a Read.
    pub(super) device: Arc<RwLock<Device>>,
    /// How often `device` may have been changed by clients; it changes while they hold it.
    pub(super) version: AtomicU64,
    /// For those who read `device`.
    pub(super) readers: Semaphore,
    controllers: Mutex<Controllers>,
    digests: Mutex<DigestLists>,
    /// Wakes the task that sends digests when `digests` has changed.
    pub(super) digests_changed: Notify,
    /// The running program's P4Info, for packets and digests: none waits for a Write.
    schema: Mutex<Option<Arc<Schema>>>,
    pub(super) clock: Arc<Clock>,
    /// Whether the running program has tables with idle timeouts.
    pub(super) idle_timeouts: watch::Sender<bool>,
}

impl Service {
    /// The service of a switch that was made with `config`, under the id `device_id`, which
    /// clients must name and which is not 0.
    ///
    /// Spawns the tasks that carry packets and digests to controllers, so it must be called in a
    /// tokio runtime. They end when the switch does.
    #[must_use]
    pub fn new(device_id: u64, switch: Switch, config: SwitchConfig, events: Events) -> Self {
        let traces = LiveTraces::new(switch.clone());
        let gnmi = Gnmi::new(switch.clone());
        let service = Self {
            shared: Arc::new(Shared {
                device_id,
                switch: switch.clone(),
                clock: config.clock.clone(),
                idle_timeouts: watch::Sender::new(false),
                device: Arc::new(RwLock::new(Device::new(switch, config))),
                version: AtomicU64::new(0),
                readers: Semaphore::new(READERS),
                controllers: Mutex::new(Controllers::new(device_id)),
                digests: Mutex::default(),
                digests_changed: Notify::new(),
                schema: Mutex::default(),
            }),
            metrics: None,
            traces,
            gnmi,
        };
        let Events {
            packets,
            digests,
            ports,
        } = events;
        tokio::spawn(notify::send_packets(service.shared.clone(), packets));
        tokio::spawn(notify::send_digests(service.shared.clone(), digests));
        tokio::spawn(notify::send_idle(service.shared.clone()));
        tokio::spawn(notify::log_ports(ports));
        service
    }

    /// What the streams of controllers have seen.
    #[must_use]
    pub fn statistics(&self) -> StreamStatistics {
        self.shared.controllers().statistics()
    }

    /// Counts the requests of clients.
    #[must_use]
    pub fn with_metrics(self, metrics: Metrics) -> Self {
        self.shared
            .digests()
            .count_dropped(metrics.dropped_digests());
        Self {
            metrics: Some(metrics),
            ..self
        }
    }

    /// Traces packets, beside those that clients want to see (see [`crate::trace::proto`]).
    #[must_use]
    pub fn with_live_trace(self, trace: Option<LiveTrace>) -> Self {
        self.traces.set_own(trace);
        self
    }

    /// The gRPC services of the device.
    pub(super) fn routes(&self, limits: &Limits) -> Routes {
        let routes = Routes::new(EncodedReads {
            service: self.clone(),
            others: P4RuntimeServer::new(self.clone())
                .max_decoding_message_size(limits.message)
                .max_encoding_message_size(usize::MAX),
            message: limits.message,
        })
        .add_service(PacketTraceServer::new(self.traces.clone()))
        .add_service(GNmiServer::new(self.gnmi.clone()));
        match &self.metrics {
            None => routes,
            Some(metrics) => {
                let count = middleware::from_fn_with_state(metrics.clone(), metrics::count);
                routes.into_axum_router().layer(count).into()
            }
        }
    }

    /// Answers a Read with encoded parts.
    pub(super) fn read_encoded(&self, request: Request<ReadRequest>) -> Result<Parts, Status> {
        let client = Client::of(&request)?;
        let in_hand = request.extensions().get::<InHand>().cloned();
        let request = request.into_inner();
        self.shared.check_device(request.device_id)?;
        let access = self.shared.controllers().access(&request.role)?;
        let shared = self.shared.clone();
        Ok(read::answer(
            shared,
            access,
            client,
            in_hand,
            request.entities,
        ))
    }

    /// Ends all streams with `UNAVAILABLE`, so that a server that waits for its clients can stop.
    pub fn shut_down(&self) {
        self.shared.controllers().shut_down();
        self.traces.shut_down();
        self.gnmi.shut_down();
    }
}

/// A lock whose data stays whole if a holder panics: each change of it is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Shared {
    pub(super) fn controllers(&self) -> MutexGuard<'_, Controllers> {
        lock(&self.controllers)
    }

    pub(super) fn digests(&self) -> MutexGuard<'_, DigestLists> {
        lock(&self.digests)
    }

    /// The P4Info of the program that runs.
    pub(super) fn schema(&self) -> Option<Arc<Schema>> {
        lock(&self.schema).clone()
    }

    fn check_device(&self, device_id: u64) -> Result<(), Refusal> {
        if device_id == self.device_id {
            return Ok(());
        }
        Err(Refusal::not_found(format!(
            "device {device_id}: this server has device {} only",
            self.device_id
        )))
    }

    /// After a change of the device: packets and digests go by the new state.
    pub(super) fn refresh(&self, device: &Device) {
        self.digests().configure(device.digests());
        self.digests_changed.notify_one();
        *lock(&self.schema) = device.running_schema();
        self.idle_timeouts.send_replace(device.has_idle_timeouts());
    }

    /// Waits until the writes that have started are done, then tells a controller that it is
    /// primary (section 5.3).
    pub(super) async fn confirm_primary(&self, stream: StreamId) {
        drop(self.device.write().await);
        self.controllers().confirm(stream);
    }

    /// Does something with the device that no other request is served beside.
    async fn with_device<T: Send + 'static>(
        self: &Arc<Self>,
        role: &str,
        election_id: Option<v1::Uint128>,
        f: impl FnOnce(&mut Device, &Access) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Status> {
        self.controllers().access(role)?;
        let mut device = self.device.clone().write_owned().await;
        // Whoever was primary when the request came may have been overtaken meanwhile.
        let access = self
            .controllers()
            .check_primary(role, election_id.as_ref())?;
        let shared = self.clone();
        blocking(move || {
            let result = f(&mut device, &access);
            shared.version.fetch_add(1, Ordering::Relaxed);
            shared.refresh(&device);
            Ok(result?)
        })
        .await
    }
}

/// Runs what takes longer than a task should.
pub(super) async fn blocking<T: Send + 'static>(
    f: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    tokio::task::spawn_blocking(f)
        .await
        .map_err(|error| Status::internal(format!("the switch failed: {error}")))?
}

type BoxStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl P4Runtime for Service {
    async fn write(
        &self,
        request: Request<WriteRequest>,
    ) -> Result<Response<WriteResponse>, Status> {
        let request = request.into_inner();
        self.shared.check_device(request.device_id)?;
        let atomicity = request.atomicity();
        let errors = self
            .shared
            .with_device(&request.role, request.election_id, move |device, access| {
                device.write(access, &request.updates, atomicity)
            })
            .await?;
        match batch_error::encode(&errors) {
            None => Ok(Response::new(WriteResponse {})),
            Some(status) => Err(status),
        }
    }

    type ReadStream = BoxStream<ReadResponse>;

    async fn read(
        &self,
        request: Request<ReadRequest>,
    ) -> Result<Response<Self::ReadStream>, Status> {
        let parts = self.read_encoded(request)?;
        Ok(Response::new(Box::pin(parts.map(|part| part?.decode()))))
    }

    async fn set_forwarding_pipeline_config(
        &self,
        request: Request<SetForwardingPipelineConfigRequest>,
    ) -> Result<Response<SetForwardingPipelineConfigResponse>, Status> {
        let request = request.into_inner();
        self.shared.check_device(request.device_id)?;
        let action = request.action();
        let start = Instant::now();
        self.shared
            .with_device(&request.role, request.election_id, move |device, access| {
                access.check_pipeline()?;
                device.set_pipeline(action, request.config)
            })
            .await?;
        tracing::info!(
            action = action.as_str_name(),
            milliseconds = start.elapsed().as_millis(),
            "forwarding-pipeline configuration set"
        );
        Ok(Response::new(SetForwardingPipelineConfigResponse {}))
    }

    async fn get_forwarding_pipeline_config(
        &self,
        request: Request<GetForwardingPipelineConfigRequest>,
    ) -> Result<Response<GetForwardingPipelineConfigResponse>, Status> {
        let request = request.into_inner();
        self.shared.check_device(request.device_id)?;
        let wanted = request.response_type();
        let info = matches!(wanted, ResponseType::All | ResponseType::P4infoAndCookie);
        let program = matches!(
            wanted,
            ResponseType::All | ResponseType::DeviceConfigAndCookie
        );
        let device = self.shared.device.read().await;
        let config = device.config().map(|config| ForwardingPipelineConfig {
            p4info: info.then(|| config.p4info.clone()).flatten(),
            p4_device_config: if program {
                config.p4_device_config.clone()
            } else {
                Vec::new()
            },
            cookie: config.cookie,
        });
        Ok(Response::new(GetForwardingPipelineConfigResponse {
            config,
        }))
    }

    type StreamChannelStream = BoxStream<StreamMessageResponse>;

    async fn stream_channel(
        &self,
        request: Request<Streaming<StreamMessageRequest>>,
    ) -> Result<Response<Self::StreamChannelStream>, Status> {
        let client = Client::of(&request)?;
        let open = client.open_stream()?;
        let (stream, inbox) = self.shared.controllers().open()?;
        tokio::spawn(streams::serve(
            self.shared.clone(),
            stream,
            client.limits().arbitration_time,
            request.into_inner(),
        ));
        let messages = stream::select_with_strategy(
            ReceiverStream::new(inbox.control),
            ReceiverStream::new(inbox.notifications).map(|(message, _room)| message),
            |(): &mut ()| PollNext::Left,
        );
        // A status ends the stream: nothing comes after it.
        let messages = messages.scan(false, move |ended, message| {
            let _ = &open;
            let done = std::mem::replace(ended, *ended || message.is_err());
            futures::future::ready((!done).then_some(message))
        });
        Ok(Response::new(Box::pin(messages)))
    }

    async fn capabilities(
        &self,
        request: Request<CapabilitiesRequest>,
    ) -> Result<Response<CapabilitiesResponse>, Status> {
        let device_id = request.into_inner().device_id;
        if device_id != 0 {
            self.shared.check_device(device_id)?;
        }
        Ok(Response::new(CapabilitiesResponse {
            p4runtime_api_version: API_VERSION.to_owned(),
            ..Default::default()
        }))
    }
}
