//! A P4Runtime server that does what a test tells it.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use p4runtime_client::{Address, ConnectionOptions};
use p4runtime_proto::google::rpc;
use p4runtime_proto::p4::v1::p4_runtime_server::{P4Runtime, P4RuntimeServer};
use p4runtime_proto::p4::v1::{
    self, Uint128, stream_message_request, stream_message_response as response,
};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Code, Request, Response, Status, Streaming};

/// What the stream channel sends; a status ends it.
pub(crate) type StreamSender = mpsc::Sender<Result<v1::StreamMessageResponse, Status>>;

type Reaction<Q, R> = Box<dyn FnMut(Q) -> Result<R, Status> + Send>;

/// How the server reacts to each call.
pub(crate) struct Script {
    /// Answers to the bids of a stream; when they are used up, a bid gets no answer.
    pub(crate) arbitration: Vec<Result<v1::MasterArbitrationUpdate, Status>>,
    /// All bids that came.
    pub(crate) bids: Vec<u128>,
    /// The senders of the streams that were opened.
    pub(crate) streams: Vec<StreamSender>,
    /// Packets that came.
    pub(crate) packets: Vec<v1::PacketOut>,
    pub(crate) write: Reaction<v1::WriteRequest, v1::WriteResponse>,
    pub(crate) read: Reaction<v1::ReadRequest, Vec<v1::ReadResponse>>,
    pub(crate) config: Option<v1::ForwardingPipelineConfig>,
    /// How often a config was set.
    pub(crate) configs_set: usize,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            arbitration: vec![Ok(update(Code::Ok, 1))],
            bids: Vec::new(),
            streams: Vec::new(),
            packets: Vec::new(),
            write: Box::new(|_| Ok(v1::WriteResponse {})),
            read: Box::new(|_| Ok(Vec::new())),
            config: None,
            configs_set: 0,
        }
    }
}

/// The answer to a bid: a code and the election id of the primary.
pub(crate) fn update(code: Code, election_id: u64) -> v1::MasterArbitrationUpdate {
    v1::MasterArbitrationUpdate {
        device_id: 1,
        election_id: Some(Uint128 {
            high: 0,
            low: election_id,
        }),
        status: Some(rpc::Status {
            code: code as i32,
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub(crate) fn message(update: response::Update) -> v1::StreamMessageResponse {
    v1::StreamMessageResponse {
        update: Some(update),
    }
}

#[derive(Clone, Default)]
pub(crate) struct Mock(pub(crate) Arc<Mutex<Script>>);

/// A running server; it ends when this is dropped.
pub(crate) struct Running {
    pub(crate) address: Address,
    pub(crate) script: Arc<Mutex<Script>>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    pub(crate) fn options(&self) -> ConnectionOptions {
        options(&self.address)
    }
}

pub(crate) fn options(address: &Address) -> ConnectionOptions {
    ConnectionOptions {
        address: address.clone(),
        device_id: 1,
        election_id: 1,
        timeout: Duration::from_secs(2),
    }
}

/// Serves on a free port of the loopback interface.
pub(crate) async fn serve(script: Script) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let mock = Mock(Arc::new(Mutex::new(script)));
    let script = Arc::clone(&mock.0);
    let server = tonic::transport::Server::builder().add_service(P4RuntimeServer::new(mock));
    let task = tokio::spawn(async move {
        server
            .serve_with_incoming(TcpListenerStream::new(listener))
            .await
            .unwrap();
    });
    Running {
        address,
        script,
        task,
    }
}

type Reply<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl P4Runtime for Mock {
    async fn write(
        &self,
        request: Request<v1::WriteRequest>,
    ) -> Result<Response<v1::WriteResponse>, Status> {
        (self.0.lock().unwrap().write)(request.into_inner()).map(Response::new)
    }

    type ReadStream = Reply<v1::ReadResponse>;

    async fn read(
        &self,
        request: Request<v1::ReadRequest>,
    ) -> Result<Response<Self::ReadStream>, Status> {
        let replies = (self.0.lock().unwrap().read)(request.into_inner())?;
        Ok(Response::new(
            futures::stream::iter(replies.into_iter().map(Ok)).boxed(),
        ))
    }

    async fn set_forwarding_pipeline_config(
        &self,
        request: Request<v1::SetForwardingPipelineConfigRequest>,
    ) -> Result<Response<v1::SetForwardingPipelineConfigResponse>, Status> {
        let mut script = self.0.lock().unwrap();
        script.config = request.into_inner().config;
        script.configs_set += 1;
        Ok(Response::new(Default::default()))
    }

    async fn get_forwarding_pipeline_config(
        &self,
        _: Request<v1::GetForwardingPipelineConfigRequest>,
    ) -> Result<Response<v1::GetForwardingPipelineConfigResponse>, Status> {
        let config = self.0.lock().unwrap().config.clone();
        let config = config.ok_or_else(|| Status::failed_precondition("no pipeline config"))?;
        Ok(Response::new(v1::GetForwardingPipelineConfigResponse {
            config: Some(config),
        }))
    }

    type StreamChannelStream = Reply<v1::StreamMessageResponse>;

    async fn stream_channel(
        &self,
        request: Request<Streaming<v1::StreamMessageRequest>>,
    ) -> Result<Response<Self::StreamChannelStream>, Status> {
        let (sender, receiver) = mpsc::channel(100);
        let script = Arc::clone(&self.0);
        script.lock().unwrap().streams.push(sender.clone());
        let mut requests = request.into_inner();
        tokio::spawn(async move {
            while let Some(Ok(request)) = requests.next().await {
                let reply = {
                    let mut script = script.lock().unwrap();
                    match request.update {
                        Some(stream_message_request::Update::Arbitration(bid)) => {
                            let id = bid.election_id.unwrap_or_default();
                            script
                                .bids
                                .push(u128::from(id.high) << 64 | u128::from(id.low));
                            if script.arbitration.is_empty() {
                                None
                            } else {
                                Some(script.arbitration.remove(0))
                            }
                        }
                        Some(stream_message_request::Update::Packet(packet)) => {
                            script.packets.push(packet);
                            None
                        }
                        _ => None,
                    }
                };
                if let Some(reply) = reply {
                    let reply = reply.map(|update| message(response::Update::Arbitration(update)));
                    let _ = sender.send(reply).await;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver).boxed()))
    }

    async fn capabilities(
        &self,
        _: Request<v1::CapabilitiesRequest>,
    ) -> Result<Response<v1::CapabilitiesResponse>, Status> {
        Err(Status::unimplemented("an old server"))
    }
}
