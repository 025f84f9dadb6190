//! What the clients of the server have of what is limited: each connection, and all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tonic::{Request, Status};

use super::limits::Limits;

/// Something that there is a number of, of which one connection can have a part.
#[derive(Debug, Clone)]
struct Share {
    own: Arc<Semaphore>,
    all: Arc<Semaphore>,
}

impl Share {
    fn new(own: usize, all: &Arc<Semaphore>) -> Self {
        Self {
            own: Arc::new(Semaphore::new(own)),
            all: all.clone(),
        }
    }

    /// Takes one of what is called so, of which there are so many for the connection and for all.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if there is none.
    fn take(&self, what: &str, most_own: usize, most_all: usize) -> Result<Taken, Status> {
        let take = |of: &Arc<Semaphore>| of.clone().try_acquire_owned();
        let exhausted = |_| {
            Status::resource_exhausted(format!(
                "{most_own} {what} of this connection or {most_all} of all are open, which is the limit"
            ))
        };
        Ok(Taken {
            _own: take(&self.own).map_err(exhausted)?,
            _all: take(&self.all).map_err(exhausted)?,
        })
    }
}

/// One of what is limited, for as long as this is there.
#[derive(Debug)]
pub(crate) struct Taken {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

/// One of the requests that a connection has in hand, until the last clone is dropped.
pub(crate) type InHand = Arc<OwnedSemaphorePermit>;

/// Bytes that wait for clients.
#[derive(Debug)]
pub(crate) struct Waiting {
    bytes: AtomicUsize,
    limit: usize,
    fewer: Notify,
}

impl Waiting {
    /// No bytes wait, and at most `limit` should.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes: AtomicUsize::new(0),
            limit,
            fewer: Notify::new(),
        })
    }

    /// Whether more may come.
    pub(crate) fn has_room(&self) -> bool {
        self.bytes.load(Ordering::SeqCst) < self.limit
    }

    /// Counts bytes until what is given is dropped. They are counted beyond the limit too: whoever
    /// looked for room before adds one piece.
    pub(crate) fn add(self: &Arc<Self>, bytes: usize) -> Room {
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
        Room {
            of: self.clone(),
            bytes,
        }
    }

    /// Waits until more may come.
    async fn room(&self) {
        loop {
            let mut fewer = std::pin::pin!(self.fewer.notified());
            // From here on no change is missed.
            fewer.as_mut().enable();
            if self.has_room() {
                return;
            }
            fewer.await;
        }
    }
}

/// Bytes that wait for a client.
#[derive(Debug)]
pub(crate) struct Room {
    of: Arc<Waiting>,
    bytes: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.of.bytes.fetch_sub(self.bytes, Ordering::SeqCst);
        self.of.fewer.notify_waiters();
    }
}

/// What all clients have together.
#[derive(Debug)]
pub(crate) struct Clients {
    limits: Limits,
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    subscriptions: Arc<Semaphore>,
    answers: Arc<Waiting>,
}

impl Clients {
    /// No client is there yet.
    pub(crate) fn new(limits: Limits) -> Self {
        let semaphore = |count| Arc::new(Semaphore::new(count));
        Self {
            requests: semaphore(limits.requests),
            streams: semaphore(limits.streams),
            subscriptions: semaphore(limits.subscriptions),
            answers: Waiting::new(limits.answers),
            limits,
        }
    }

    /// A client with a connection of its own.
    pub(crate) fn connect(&self) -> Client {
        let limits = &self.limits;
        Client {
            requests: Share::new(limits.requests_in_hand, &self.requests),
            streams: Share::new(limits.streams_per_connection, &self.streams),
            subscriptions: Share::new(limits.subscriptions_per_connection, &self.subscriptions),
            answers: Waiting::new(limits.answers_per_connection),
            all_answers: self.answers.clone(),
            limits: Arc::new(limits.clone()),
        }
    }
}

/// What one connection has. Clones are the same; requests carry one as extension.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    requests: Share,
    streams: Share,
    subscriptions: Share,
    answers: Arc<Waiting>,
    all_answers: Arc<Waiting>,
    limits: Arc<Limits>,
}

impl Client {
    /// Whose request it is.
    ///
    /// # Errors
    /// `INTERNAL` if the request did not come by a listener of this module.
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        let client = request.extensions().get::<Self>().cloned();
        client.ok_or_else(|| Status::internal("a request of no connection"))
    }

    /// The limits of the server.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Waits until the connection may have one more request in hand, and the server may work on one
    /// more: these are two permits, in this order, so that only requests that could be worked on
    /// keep others from it.
    pub(super) async fn request(&self) -> Option<(InHand, OwnedSemaphorePermit)> {
        // The semaphores are never closed.
        let own = self.requests.own.clone().acquire_owned().await.ok()?;
        let all = self.requests.all.clone().acquire_owned().await.ok()?;
        Some((Arc::new(own), all))
    }

    /// Opens a StreamChannel.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if there are too many.
    pub(super) fn open_stream(&self) -> Result<Taken, Status> {
        let limits = &self.limits;
        self.streams
            .take("streams", limits.streams_per_connection, limits.streams)
    }

    /// Opens a subscription of gNMI.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED` if there are too many.
    pub(crate) fn open_subscription(&self) -> Result<Taken, Status> {
        let limits = &self.limits;
        let (own, all) = (limits.subscriptions_per_connection, limits.subscriptions);
        self.subscriptions.take("subscriptions", own, all)
    }

    /// Whether more of an answer may be made.
    pub(super) fn has_room(&self) -> bool {
        self.answers.has_room() && self.all_answers.has_room()
    }

    /// Counts bytes of an answer that wait for the client.
    pub(super) fn add_answer(&self, bytes: usize) -> (Room, Room) {
        (self.answers.add(bytes), self.all_answers.add(bytes))
    }

    /// Waits until more of an answer may be made.
    ///
    /// # Errors
    /// `DEADLINE_EXCEEDED` if this client takes nothing of its answers for too long,
    /// `RESOURCE_EXHAUSTED` if others take nothing of theirs.
    pub(super) async fn room(&self) -> Result<(), Status> {
        let room = async {
            while !self.has_room() {
                self.answers.room().await;
                self.all_answers.room().await;
            }
        };
        if tokio::time::timeout(self.limits.answer_time, room)
            .await
            .is_ok()
        {
            return Ok(());
        }
        if self.answers.has_room() {
            return Err(Status::resource_exhausted(format!(
                "{} bytes of answers wait for other clients, which is the limit",
                self.limits.answers
            )));
        }
        Err(nothing_taken(&self.limits))
    }
}

/// A client takes nothing of the answer of a Read.
pub(super) fn nothing_taken(limits: &Limits) -> Status {
    Status::deadline_exceeded(format!(
        "nothing was taken of the answer for {:?}",
        limits.answer_time
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connection_has_its_share_and_all_have_theirs() {
        let clients = Clients::new(Limits {
            streams: 3,
            streams_per_connection: 2,
            ..Limits::default()
        });
        let (first, second) = (clients.connect(), clients.connect());
        let taken = [first.open_stream().unwrap(), first.open_stream().unwrap()];
        assert!(first.open_stream().is_err());
        let third = second.open_stream().unwrap();
        assert!(second.open_stream().is_err());
        drop(taken);
        assert!(second.open_stream().is_ok());
        drop(third);
    }

    #[tokio::test]
    async fn who_waits_for_room_gets_it_when_bytes_are_taken() {
        let clients = Clients::new(Limits {
            answers: 10,
            answers_per_connection: 5,
            ..Limits::default()
        });
        let client = clients.connect();
        let room = client.add_answer(7);
        assert!(!client.has_room() && clients.connect().has_room());
        let waiting = client.clone();
        let waits = tokio::spawn(async move { waiting.room().await });
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        drop(room);
        waits.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn who_waits_for_room_too_long_is_told_whose_fault_it_is() {
        let clients = Clients::new(Limits {
            answers: 10,
            answers_per_connection: 10,
            answer_time: std::time::Duration::from_millis(20),
            ..Limits::default()
        });
        let (slow, other) = (clients.connect(), clients.connect());
        let _room = slow.add_answer(10);
        let code = async |client: &Client| client.room().await.unwrap_err().code();
        assert_eq!(code(&slow).await, tonic::Code::DeadlineExceeded);
        assert_eq!(code(&other).await, tonic::Code::ResourceExhausted);
    }
}
