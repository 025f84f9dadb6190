//! Read (section 13): an answer is made in parts, which are encoded at once and wait for the client
//! to take them.
//!
//! Section 13.4: a Read sees each Write as a whole or not at all. The device is locked against
//! Writes while parts are made, but never while a client is waited for. If so much waits that no
//! more may be made, the device is let go, and the rest follows if nothing has been written
//! meanwhile.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::HttpBody;
use futures::Stream;
use p4runtime_proto::batch_error;
use p4runtime_proto::p4::v1::p4_runtime_server::P4RuntimeServer;
use p4runtime_proto::p4::v1::{self, ReadRequest, ReadResponse};
use prost::Message;
use prost::bytes::{Buf, BufMut};
use tokio::sync::mpsc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService};
use tonic::{Request, Response, Status};

use super::client::{Client, InHand, Room, nothing_taken};
use super::device::Device;
use super::entity::Cursor;
use super::role::Access;
use super::service::{Service, Shared, blocking};

/// Bytes of one part, unless a single entity has more.
const PART: usize = 256 << 10;

/// Entities that one Read may ask for: each takes much more memory than it has bytes.
const MOST_ENTITIES: usize = 65_536;

/// How long Writes may be kept waiting for one Read.
const LONGEST_HOLD: Duration = Duration::from_secs(1);

/// What stands in front of each entity of a ReadResponse: field 1, of variable length.
const ENTITY_KEY: u8 = 1 << 3 | 2;

/// A ReadRequest of which only the number of its entities is wanted.
#[derive(Clone, PartialEq, Message)]
struct Counted {
    #[prost(message, repeated, tag = "2")]
    entities: Vec<()>,
}

/// An encoded ReadResponse.
#[derive(Debug)]
pub(crate) struct Part(Vec<u8>);

impl Part {
    /// The message.
    ///
    /// # Errors
    /// None, as it was encoded here.
    pub(super) fn decode(&self) -> Result<ReadResponse, Status> {
        ReadResponse::decode(&self.0[..]).map_err(|error| Status::internal(error.to_string()))
    }
}

/// What comes of an answer.
enum News {
    /// A part, and where it counts.
    Part(Part, (Room, Room)),
    /// The answer is whole, or ends with a status.
    End(Option<Status>),
}

type Queue = Arc<Mutex<mpsc::UnboundedReceiver<News>>>;

/// What is made cannot be left half done by who panics.
fn lock(queue: &Queue) -> MutexGuard<'_, mpsc::UnboundedReceiver<News>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The parts of an answer, as the client takes them.
pub(crate) struct Parts {
    queue: Queue,
    /// How many were taken.
    taken: Arc<AtomicU64>,
    /// The one that was taken last waits on in the connection until the client wants more.
    last: Option<(Room, Room)>,
    ended: bool,
}

impl Stream for Parts {
    type Item = Result<Part, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.last = None;
        if self.ended {
            return Poll::Ready(None);
        }
        let news = ready!(lock(&self.queue).poll_recv(context));
        self.taken.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(match news {
            Some(News::Part(part, room)) => {
                self.last = Some(room);
                Some(Ok(part))
            }
            Some(News::End(status)) => {
                self.ended = true;
                status.map(Err)
            }
            // Its task panicked.
            None => {
                self.ended = true;
                Some(Err(Status::internal("the switch failed")))
            }
        })
    }
}

/// Starts to answer a Read.
pub(super) fn answer(
    shared: Arc<Shared>,
    access: Access,
    client: Client,
    in_hand: Option<InHand>,
    requests: Vec<v1::Entity>,
) -> Parts {
    let (news, queue) = mpsc::unbounded_channel();
    let queue = Arc::new(Mutex::new(queue));
    let taken = Arc::new(AtomicU64::new(0));
    let answer = Box::new(Answer {
        access,
        client,
        requests,
        news,
        next: 0,
        from: Some(Cursor::default()),
        errors: Vec::new(),
        version: None,
    });
    tokio::spawn(serve(answer, shared, in_hand, queue.clone(), taken.clone()));
    Parts {
        queue,
        taken,
        last: None,
        ended: false,
    }
}

/// Makes an answer and waits until it is taken.
async fn serve(
    mut answer: Box<Answer>,
    shared: Arc<Shared>,
    in_hand: Option<InHand>,
    queue: Queue,
    taken: Arc<AtomicU64>,
) {
    let (client, news) = (answer.client.clone(), answer.news.clone());
    let status = loop {
        let round = async {
            client.room().await?;
            round(answer, &shared).await
        };
        match tokio::select! {
            made = round => made,
            () = news.closed() => return,
        } {
            Ok(Made::Part(rest)) => answer = rest,
            Ok(Made::All(status)) => break status,
            Err(status) => break Some(status),
        }
    };
    drop(in_hand);
    // Without receiver the client has left.
    let _ = news.send(News::End(status));
    let mut seen = taken.load(Ordering::Relaxed);
    loop {
        tokio::select! {
            () = news.closed() => return,
            () = tokio::time::sleep(client.limits().answer_time) => {}
        }
        let now = taken.load(Ordering::Relaxed);
        if now == seen {
            break;
        }
        seen = now;
    }
    let mut queue = lock(&queue);
    while queue.try_recv().is_ok() {}
    let _ = news.send(News::End(Some(nothing_taken(client.limits()))));
}

/// What was made of an answer.
enum Made {
    /// So much that the client has to take some first.
    Part(Box<Answer>),
    /// All, and the status it ends with.
    All(Option<Status>),
}

/// Makes parts while there is room for them.
async fn round(mut answer: Box<Answer>, shared: &Arc<Shared>) -> Result<Made, Status> {
    // It is work for the processor: more at a time would take longer each.
    let worker = shared.readers.acquire().await;
    let device = shared.device.clone().read_owned().await;
    let version = shared.version.load(Ordering::Relaxed);
    if *answer.version.get_or_insert(version) != version {
        return Err(Status::aborted(
            "the client takes its time, and meanwhile the state was written: read again",
        ));
    }
    let made = blocking(move || {
        let all = answer.make(&device)?;
        Ok(if all {
            Made::All(batch_error::encode(&answer.errors))
        } else {
            Made::Part(answer)
        })
    });
    let made = made.await;
    drop(worker);
    made
}

/// An answer that is being made.
struct Answer {
    access: Access,
    client: Client,
    requests: Vec<v1::Entity>,
    news: mpsc::UnboundedSender<News>,
    /// The request that comes next, and where its next part starts.
    next: usize,
    from: Option<Cursor>,
    /// Of the requests before it.
    errors: Vec<v1::Error>,
    /// Of the state that is read.
    version: Option<u64>,
}

impl Answer {
    /// Makes parts while there is room for them and the time is not over; whether all are made.
    fn make(&mut self, device: &Device) -> Result<bool, Status> {
        let start = Instant::now();
        let mut part = Vec::new();
        let mut found = Vec::new();
        device.check_read(&self.requests)?;
        while let Some(request) = self.requests.get(self.next) {
            if !self.client.has_room() || start.elapsed() >= LONGEST_HOLD || self.news.is_closed() {
                self.send(&mut part);
                return Ok(false);
            }
            let from = self.from.unwrap_or_default();
            let (next, error) = match device.read(&self.access, request, from, &mut found) {
                Ok(next) => (next, v1::Error::ok()),
                Err(refusal) => (None, refusal.into()),
            };
            for entity in found.drain(..) {
                self.push(&mut part, &entity);
            }
            self.from = next;
            if next.is_none() {
                self.errors.push(error);
                self.next += 1;
            }
        }
        self.send(&mut part);
        Ok(true)
    }

    /// Adds an entity to a part, after sending what it does not fit to.
    fn push(&self, part: &mut Vec<u8>, entity: &v1::Entity) {
        let before = part.len();
        part.push(ENTITY_KEY);
        // A Vec has room for all.
        let _ = entity.encode_length_delimited(part);
        if before > 0 && part.len() > PART {
            let rest = part.split_off(before);
            self.send(part);
            *part = rest;
        }
    }

    fn send(&self, part: &mut Vec<u8>) {
        if part.is_empty() {
            return;
        }
        let room = self.client.add_answer(part.len());
        let part = Part(std::mem::take(part));
        // Without receiver the client has left.
        let _ = self.news.send(News::Part(part, room));
    }
}

/// The service, with a Read that sends encoded parts.
#[derive(Clone)]
pub(super) struct EncodedReads {
    pub(super) service: Service,
    pub(super) others: P4RuntimeServer<Service>,
    /// Bytes of one message of a client.
    pub(super) message: usize,
}

impl NamedService for EncodedReads {
    const NAME: &'static str = P4RuntimeServer::<Service>::NAME;
}

impl<B> tower::Service<http::Request<B>> for EncodedReads
where
    B: HttpBody + Send + 'static,
    B::Error: Into<tower::BoxError> + Send + 'static,
    P4RuntimeServer<Service>: tower::Service<
            http::Request<B>,
            Response = http::Response<tonic::body::Body>,
            Error = Infallible,
            Future: Send + 'static,
        >,
{
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.others.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        if request.uri().path() != "/p4.v1.P4Runtime/Read" {
            return Box::pin(self.others.call(request));
        }
        let service = self.service.clone();
        let read = tower::service_fn(move |request: Request<ReadRequest>| {
            let parts = service.read_encoded(request).map(Response::new);
            std::future::ready(parts)
        });
        let mut grpc = Grpc::new(ReadCodec).apply_max_message_size_config(Some(self.message), None);
        Box::pin(async move { Ok(grpc.server_streaming(read, request).await) })
    }
}

/// ReadRequests to [`Part`]s.
#[derive(Clone, Copy)]
struct ReadCodec;

impl Codec for ReadCodec {
    type Encode = Part;
    type Decode = ReadRequest;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for ReadCodec {
    type Item = Part;
    type Error = Status;

    fn encode(&mut self, part: Part, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&part.0);
        Ok(())
    }
}

impl Decoder for ReadCodec {
    type Item = ReadRequest;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<ReadRequest>, Status> {
        let message = buffer.copy_to_bytes(buffer.remaining());
        let malformed = |error: prost::DecodeError| Status::internal(error.to_string());
        let count = Counted::decode(&message[..])
            .map_err(malformed)?
            .entities
            .len();
        if count > MOST_ENTITIES {
            return Err(Status::resource_exhausted(format!(
                "a Read of {count} entities: at most {MOST_ENTITIES} can be asked for in one"
            )));
        }
        ReadRequest::decode(message).map(Some).map_err(malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_counted_before_they_are_decoded() {
        let request = ReadRequest {
            device_id: 7,
            entities: vec![v1::Entity::default(); 300],
            role: "r".to_owned(),
        };
        let counted = Counted::decode(&request.encode_to_vec()[..]);
        assert_eq!(counted.map(|counted| counted.entities.len()), Ok(300));
    }
}
