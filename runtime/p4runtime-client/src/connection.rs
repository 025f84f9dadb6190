//! A connection to a switch: the stream channel and client arbitration.

use std::time::Duration;

use p4runtime_proto::p4::v1::p4_runtime_client::P4RuntimeClient;
use p4runtime_proto::p4::v1::{self, stream_message_request, stream_message_response};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::arbitration::to_uint128;
use crate::{Address, Arbitration, Client, ConnectError, Disconnected, Role, Step};

/// The largest message that is accepted: BMv2 answers a Read in one message.
const MAX_MESSAGE: usize = 256 << 20;

/// The largest headers that are accepted: the errors of a batch, 500 of them.
const MAX_HEADERS: u32 = 16 << 20;

/// How many packets wait for the stream channel before a sender waits too.
const QUEUE: usize = 1024;

/// What a connection is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// The address of the switch.
    pub address: Address,
    /// The device id of the switch, at least 1.
    pub device_id: u64,
    /// The election id of the first bid, at least 1.
    pub election_id: u128,
    /// How long to wait for the connection, and then for the answer to a bid.
    pub timeout: Duration,
}

/// A connection whose role is settled.
#[derive(Debug)]
pub struct Connection {
    /// The calls.
    pub client: Client,
    /// What the switch sends.
    pub events: EventStream,
    /// Whether this client is the primary.
    pub role: Role,
}

/// Something that the switch sent on the stream channel.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The role of this client changed.
    Role(Role),
    /// A packet.
    PacketIn(v1::PacketIn),
    /// The switch could not process something that was sent, such as a packet (section 16.3).
    Error {
        /// The gRPC code.
        code: Code,
        /// What the switch says.
        message: String,
    },
}

/// What the switch sends on the stream channel.
#[derive(Debug)]
pub struct EventStream {
    address: Address,
    device_id: u64,
    arbitration: Arbitration,
    election_id: watch::Sender<u128>,
    requests: mpsc::Sender<v1::StreamMessageRequest>,
    responses: Streaming<v1::StreamMessageResponse>,
    role: Option<Role>,
}

impl Connection {
    /// Connects, opens the stream channel and bids until the role is settled.
    ///
    /// # Errors
    /// The switch does not answer or refuses; the error says what to do.
    pub async fn open(options: &ConnectionOptions) -> Result<Self, ConnectError> {
        let ConnectionOptions {
            address,
            device_id,
            election_id,
            ..
        } = options.clone();
        let unreachable = |reason: String| ConnectError::Unreachable {
            address: options.address.clone(),
            listen: options.address.listen(),
            reason,
        };
        let endpoint = address
            .endpoint()
            .map_err(|error| unreachable(error.to_string()))?
            .connect_timeout(options.timeout)
            // A peer that vanished without a word is noticed here; HTTP/2 pings are not used, as
            // the C++ server of BMv2 takes frequent ones for an attack.
            .tcp_keepalive(Some(Duration::from_secs(10)))
            // The errors of the single updates of a Write come in a header of the reply.
            .http2_max_header_list_size(MAX_HEADERS);
        let channel = endpoint
            .connect()
            .await
            .map_err(|error| unreachable(innermost(&error)))?;
        let mut rpc = P4RuntimeClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);

        let arbitration = Arbitration::new(election_id);
        let (requests, queue) = mpsc::channel(QUEUE);
        // A server may answer the call only once it has something to say: the bid goes first.
        let first = bid(device_id, election_id);
        requests
            .send(first)
            .await
            .map_err(|_| unreachable("the stream ended".to_owned()))?;
        let opening = timeout(
            options.timeout,
            rpc.stream_channel(ReceiverStream::new(queue)),
        );
        let late = || ConnectError::NoArbitration {
            address: options.address.clone(),
            timeout: options.timeout,
        };
        let responses = opening
            .await
            .map_err(|_| late())?
            .map_err(|status| refusal(options, election_id, &status))?
            .into_inner();

        let (election_ids, latest) = watch::channel(election_id);
        let client = Client {
            address: address.clone(),
            device_id,
            rpc,
            stream: requests.clone(),
            election_id: latest,
        };
        let mut events = EventStream {
            address,
            device_id,
            arbitration,
            election_id: election_ids,
            requests,
            responses,
            role: None,
        };
        let settled = timeout(options.timeout, events.settle());
        let role = settled
            .await
            .map_err(|_| late())?
            .map_err(|status| refusal(options, events.arbitration.election_id(), &status))?;
        Ok(Self {
            client,
            events,
            role,
        })
    }
}

impl EventStream {
    /// Waits for the next event. This also answers the switch when the primary leaves, so it must
    /// be called all the time.
    ///
    /// Cancel safe: no event is lost when the future is dropped.
    ///
    /// # Errors
    /// The stream channel ended; it gives no more events.
    pub async fn next(&mut self) -> Result<Event, Disconnected> {
        loop {
            let response = self
                .receive()
                .await
                .map_err(|status| self.disconnected(&status))?;
            match response {
                Some(stream_message_response::Update::Arbitration(update)) => {
                    let settled = self.arbitrate(&update).map_err(|s| self.disconnected(&s))?;
                    if let Some(role) = settled
                        && self.role.replace(role) != Some(role)
                    {
                        return Ok(Event::Role(role));
                    }
                }
                Some(stream_message_response::Update::Packet(packet)) => {
                    return Ok(Event::PacketIn(packet));
                }
                Some(stream_message_response::Update::Error(error)) => {
                    return Ok(Event::Error {
                        code: Code::from_i32(error.canonical_code),
                        message: error.message,
                    });
                }
                // Digests and idle timeouts: the program has none.
                _ => {}
            }
        }
    }

    /// Waits until the role is settled. Packets before that are for the former primary.
    async fn settle(&mut self) -> Result<Role, Status> {
        loop {
            if let Some(stream_message_response::Update::Arbitration(update)) =
                self.receive().await?
                && let Some(role) = self.arbitrate(&update)?
            {
                self.role = Some(role);
                return Ok(role);
            }
        }
    }

    async fn receive(&mut self) -> Result<Option<stream_message_response::Update>, Status> {
        let message = self.responses.message().await?;
        let ended = || Status::unavailable("the switch closed the stream channel");
        Ok(message.ok_or_else(ended)?.update)
    }

    /// Takes an arbitration update; gives the role when it is settled.
    fn arbitrate(&mut self, update: &v1::MasterArbitrationUpdate) -> Result<Option<Role>, Status> {
        match self.arbitration.handle(update) {
            Step::Settled(role) => Ok(Some(role)),
            Step::Wait => Ok(None),
            Step::Bid(election_id) => {
                self.election_id.send_replace(election_id);
                // Not awaited, so that `next` stays cancel safe; a queue full of packets at this
                // moment means a switch that takes none.
                self.requests
                    .try_send(bid(self.device_id, election_id))
                    .map_err(|error| Status::unavailable(error.to_string()))?;
                Ok(None)
            }
            Step::Refused(code, message) => Err(Status::new(code, message)),
        }
    }

    fn disconnected(&self, status: &Status) -> Disconnected {
        Disconnected {
            address: self.address.clone(),
            reason: format!("{}: {}", status.code(), status.message()),
        }
    }
}

fn bid(device_id: u64, election_id: u128) -> v1::StreamMessageRequest {
    let arbitration = v1::MasterArbitrationUpdate {
        device_id,
        election_id: Some(to_uint128(election_id)),
        ..Default::default()
    };
    let update = stream_message_request::Update::Arbitration(arbitration);
    v1::StreamMessageRequest {
        update: Some(update),
    }
}

fn refusal(options: &ConnectionOptions, election_id: u128, status: &Status) -> ConnectError {
    let address = options.address.clone();
    let device_id = options.device_id;
    let reason = status.message().to_owned();
    match status.code() {
        Code::Unavailable | Code::Cancelled => ConnectError::Unreachable {
            listen: address.listen(),
            address,
            reason,
        },
        Code::NotFound => ConnectError::UnknownDevice {
            address,
            device_id,
            reason,
        },
        // Section 5.3: the code for an election id that another stream uses.
        Code::InvalidArgument => ConnectError::ElectionIdInUse {
            address,
            device_id,
            election_id,
            reason,
        },
        code => ConnectError::Refused {
            address,
            code,
            reason,
        },
    }
}

/// The last cause: "Connection refused" rather than "transport error".
fn innermost(error: &tonic::transport::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
