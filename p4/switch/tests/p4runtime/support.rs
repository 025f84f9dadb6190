//! A switch with its server, and controllers.

use std::sync::Arc;
use std::time::Duration;

use p4_switch::control::PortState;
use p4_switch::p4runtime::{Address, ListenError, Listener, Service};
use p4_switch::port::{MemoryPort, PortHandle};
use p4_switch::{Switch, SwitchConfig};
use p4runtime_proto::batch_error;
use p4runtime_proto::p4::v1::{
    Entity, Error, ForwardingPipelineConfig, MasterArbitrationUpdate, PacketIn, PacketOut,
    ReadRequest, SetForwardingPipelineConfigRequest, StreamError, StreamMessageRequest,
    StreamMessageResponse, Uint128, Update, WriteRequest, p4_runtime_client::P4RuntimeClient,
    set_forwarding_pipeline_config_request::Action, stream_message_request::Update as Outgoing,
    stream_message_response::Update as Incoming,
};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use super::program::PROGRAM;

pub(crate) const DEVICE: u64 = 3;
pub(crate) const CPU_PORT: u32 = 510;
const PATIENCE: Duration = Duration::from_secs(10);

/// A switch in this process, and its P4Runtime server on a loopback port.
pub(crate) struct TestSwitch {
    pub(crate) switch: Switch,
    pub(crate) service: Service,
    pub(crate) address: String,
    _stop: oneshot::Sender<()>,
}

impl TestSwitch {
    /// Starts it, without program.
    pub(crate) async fn start() -> Self {
        Self::start_with(Ok).await
    }

    /// A socket on a loopback port.
    pub(crate) async fn listener() -> Listener {
        let any: Address = "127.0.0.1:0".parse().unwrap();
        Listener::bind(&any).await.unwrap()
    }

    /// Starts it with a listener that was set up by `listen`.
    pub(crate) async fn start_with(
        listen: impl FnOnce(Listener) -> Result<Listener, ListenError>,
    ) -> Self {
        let config = SwitchConfig {
            cpu_port: Some(CPU_PORT),
            ..Default::default()
        };
        Self::start_as(config, listen).await
    }

    /// Starts it with a configuration of the switch.
    pub(crate) async fn start_as(
        config: SwitchConfig,
        listen: impl FnOnce(Listener) -> Result<Listener, ListenError>,
    ) -> Self {
        let (switch, events) = Switch::new(config.clone());
        let service = Service::new(DEVICE, switch.clone(), config, events);
        let listener = listen(Self::listener().await).unwrap();
        let address = format!("http://{}", listener.address());
        let (_stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(listener.serve(service.clone(), async { stopped.await.unwrap_or(()) }));
        Self {
            switch,
            service,
            address,
            _stop,
        }
    }

    /// A port that is up and keeps nothing.
    pub(crate) fn port(&self, number: u32) -> PortHandle {
        let port = Arc::new(MemoryPort::new(format!("port {number}")));
        self.switch
            .add_port(number, port, PortState::Up, None)
            .unwrap()
    }

    /// Starts it with the test program and a primary controller.
    pub(crate) async fn with_program() -> (Self, Controller) {
        let test = Self::start().await;
        let mut primary = test.primary(1).await;
        primary.load().await.unwrap();
        (test, primary)
    }

    pub(crate) async fn client(&self) -> P4RuntimeClient<Channel> {
        let channel = Channel::from_shared(self.address.clone()).unwrap();
        let channel = channel.http2_max_header_list_size(1 << 20);
        P4RuntimeClient::new(channel.connect().await.unwrap())
    }

    /// A controller with an open stream that has said nothing yet.
    pub(crate) async fn controller(&self) -> Controller {
        let mut client = self.client().await;
        let (requests, outgoing) = mpsc::channel(16);
        let responses = client.stream_channel(ReceiverStream::new(outgoing)).await;
        Controller {
            client,
            requests,
            responses: responses.unwrap().into_inner(),
            election_id: None,
        }
    }

    /// A controller that is primary.
    pub(crate) async fn primary(&self, election_id: u64) -> Controller {
        let mut controller = self.controller().await;
        assert_eq!(
            controller.bid(election_id).await,
            (Code::Ok, Some(election_id))
        );
        controller
    }
}

/// A client with a stream.
pub(crate) struct Controller {
    pub(crate) client: P4RuntimeClient<Channel>,
    requests: mpsc::Sender<StreamMessageRequest>,
    responses: Streaming<StreamMessageResponse>,
    pub(crate) election_id: Option<u64>,
}

pub(crate) fn election(id: u64) -> Uint128 {
    Uint128 { high: 0, low: id }
}

impl Controller {
    pub(crate) async fn send(&self, update: Outgoing) {
        let update = Some(update);
        self.requests
            .send(StreamMessageRequest { update })
            .await
            .unwrap();
    }

    /// The next message of the stream, or the status that ends it.
    pub(crate) async fn next(&mut self) -> Result<Incoming, Status> {
        let message = tokio::time::timeout(PATIENCE, self.responses.message()).await;
        let message = message.expect("a message on the stream")?;
        Ok(message.expect("the stream goes on").update.unwrap())
    }

    /// Nothing comes on the stream for some time.
    pub(crate) async fn no_message(&mut self, time: Duration) {
        if let Ok(message) = tokio::time::timeout(time, self.responses.message()).await {
            panic!("{message:?}");
        }
    }

    /// The next arbitration message: its status and election id.
    pub(crate) async fn arbitration(&mut self) -> (Code, Option<u64>) {
        match self.next().await.unwrap() {
            Incoming::Arbitration(update) => (
                Code::from_i32(update.status.unwrap().code),
                update.election_id.map(|id| id.low),
            ),
            other => panic!("{other:?}"),
        }
    }

    /// Bids, and gives the answer.
    pub(crate) async fn bid(&mut self, election_id: u64) -> (Code, Option<u64>) {
        self.election_id = Some(election_id);
        self.send_bid(DEVICE, Some(election_id)).await;
        self.arbitration().await
    }

    pub(crate) async fn send_bid(&self, device_id: u64, election_id: Option<u64>) {
        self.send(Outgoing::Arbitration(MasterArbitrationUpdate {
            device_id,
            election_id: election_id.map(election),
            ..Default::default()
        }))
        .await;
    }

    pub(crate) async fn packet_in(&mut self) -> PacketIn {
        match self.next().await.unwrap() {
            Incoming::Packet(packet) => packet,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn stream_error(&mut self) -> StreamError {
        match self.next().await.unwrap() {
            Incoming::Error(error) => error,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn packet_out(&self, packet: PacketOut) {
        self.send(Outgoing::Packet(packet)).await;
    }

    /// Ends the stream.
    pub(crate) async fn leave(self) {
        drop(self.requests);
        let mut responses = self.responses;
        while let Ok(Some(_)) = responses.message().await {}
    }

    pub(crate) fn write_request(&self, updates: Vec<Update>) -> WriteRequest {
        WriteRequest {
            device_id: DEVICE,
            election_id: self.election_id.map(election),
            updates,
            ..Default::default()
        }
    }

    /// Writes a batch; the errors of its updates.
    pub(crate) async fn try_write(&mut self, updates: Vec<Update>) -> Vec<Error> {
        let request = self.write_request(updates);
        let count = request.updates.len();
        match self.client.write(request).await {
            Ok(_) => vec![Error::ok(); count],
            Err(status) => {
                assert_eq!(status.code(), Code::Unknown, "{status}");
                let errors = batch_error::decode(&status).unwrap();
                assert_eq!(errors.len(), count);
                errors
            }
        }
    }

    /// Writes what must succeed.
    pub(crate) async fn write(&mut self, updates: Vec<Update>) {
        for error in self.try_write(updates).await {
            assert!(error.is_ok(), "{error:?}");
        }
    }

    /// Writes one update that must be refused: with which code and words.
    pub(crate) async fn refused(&mut self, update: Update) -> (Code, String) {
        let error = self.try_write(vec![update]).await.remove(0);
        assert!(!error.is_ok(), "the update was accepted");
        (error.grpc_code(), error.message)
    }

    /// Reads a batch; the entities, and the errors of its requests.
    pub(crate) async fn try_read(
        &mut self,
        entities: Vec<Entity>,
    ) -> (Vec<Entity>, Result<(), Status>) {
        let request = ReadRequest {
            device_id: DEVICE,
            entities,
            ..Default::default()
        };
        let mut answer = match self.client.read(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return (Vec::new(), Err(status)),
        };
        let mut found = Vec::new();
        loop {
            match answer.message().await {
                Ok(Some(part)) => found.extend(part.entities),
                Ok(None) => return (found, Ok(())),
                Err(status) => return (found, Err(status)),
            }
        }
    }

    /// Reads what one request selects.
    pub(crate) async fn read(&mut self, entity: Entity) -> Vec<Entity> {
        let (found, result) = self.try_read(vec![entity]).await;
        result.unwrap();
        found
    }

    /// Reads with one request that must be refused.
    pub(crate) async fn read_refused(&mut self, entity: Entity) -> (Code, String) {
        let (found, result) = self.try_read(vec![entity]).await;
        assert_eq!(found, []);
        let status = result.unwrap_err();
        assert_eq!(status.code(), Code::Unknown, "{status}");
        let error = batch_error::decode(&status).unwrap().remove(0);
        (error.grpc_code(), error.message)
    }

    /// Writes an entity and reads it back by itself.
    pub(crate) async fn written(&mut self, update: Update) -> Vec<Entity> {
        let entity = update.entity.clone().unwrap();
        self.write(vec![update]).await;
        self.read(entity).await
    }

    pub(crate) async fn set(
        &mut self,
        action: Action,
        config: Option<ForwardingPipelineConfig>,
    ) -> Result<(), Status> {
        let request = SetForwardingPipelineConfigRequest {
            device_id: DEVICE,
            election_id: self.election_id.map(election),
            action: action.into(),
            config,
            ..Default::default()
        };
        let answer = self.client.set_forwarding_pipeline_config(request).await;
        answer.map(drop)
    }

    /// Loads the test program.
    pub(crate) async fn load(&mut self) -> Result<(), Status> {
        self.set(Action::VerifyAndCommit, Some(PROGRAM.config()))
            .await
    }
}
