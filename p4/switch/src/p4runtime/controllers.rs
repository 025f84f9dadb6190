//! The open streams: who is primary, and what is on its way to whom.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use p4runtime_proto::p4::v1::{
    MasterArbitrationUpdate, PacketIn, StreamMessageResponse, Uint128,
    stream_message_response::Update,
};
use prost::Message as _;
use tokio::sync::mpsc;
use tonic::Status;

use super::arbitration::{Arbitration, Notification, StreamId};
use super::client::{Room, Waiting};
use super::refusal::Refusal;
use super::role::Access;

/// Packets, digests and stream errors that wait for one client to read them. What comes when
/// there are as many is dropped and counted: a slow client never holds the switch up.
const NOTIFICATIONS: usize = 4096;

/// Arbitration messages that wait for one client. They are few and not dropped: the stream of a
/// client that leaves as many unread is closed.
const ARBITRATION_MESSAGES: usize = 256;

/// Bytes of those; one message more may wait.
const NOTIFICATION_BYTES: usize = 32 << 20;

/// What a stream carries to its client.
pub(crate) type Message = Result<StreamMessageResponse, Status>;

/// The receiving ends of a stream, for the response to read from.
pub(crate) struct Inbox {
    /// Arbitration messages and the status that ends the stream; these go first.
    pub(crate) control: mpsc::Receiver<Message>,
    /// Packets, digests and stream errors.
    pub(crate) notifications: mpsc::Receiver<(Message, Room)>,
}

struct Outbox {
    control: mpsc::Sender<Message>,
    notifications: mpsc::Sender<(Message, Room)>,
    waiting: Arc<Waiting>,
}

/// What the streams of controllers have seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamStatistics {
    /// Streams that are open.
    pub streams: usize,
    /// Packets, digests and idle-timeout notifications that were dropped since no primary
    /// controller was there to take them.
    pub dropped_without_primary: u64,
    /// Messages that were dropped since the client did not read its stream in time.
    pub dropped_for_slow_client: u64,
}

/// How many messages for controllers were dropped.
#[derive(Debug, Default)]
pub(crate) struct Dropped {
    /// There was no primary controller to tell.
    no_primary: AtomicU64,
    /// The client did not read them in time.
    slow_client: AtomicU64,
}

/// The streams and their arbitration.
pub(crate) struct Controllers {
    arbitration: Arbitration,
    outboxes: BTreeMap<StreamId, Outbox>,
    last_stream: u64,
    dropped: Dropped,
    /// Set when the server shuts down: no more streams.
    closed: bool,
}

impl Controllers {
    pub(crate) fn new(device_id: u64) -> Self {
        Self {
            arbitration: Arbitration::new(device_id),
            outboxes: BTreeMap::new(),
            last_stream: 0,
            dropped: Dropped::default(),
            closed: false,
        }
    }

    /// What the streams have seen.
    pub(crate) fn statistics(&self) -> StreamStatistics {
        StreamStatistics {
            streams: self.outboxes.len(),
            dropped_without_primary: self.dropped.no_primary.load(Ordering::Relaxed),
            dropped_for_slow_client: self.dropped.slow_client.load(Ordering::Relaxed),
        }
    }

    /// A client has opened a stream.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the server shuts down.
    pub(crate) fn open(&mut self) -> Result<(StreamId, Inbox), Status> {
        if self.closed {
            return Err(shutting_down());
        }
        self.last_stream += 1;
        let stream = StreamId(self.last_stream);
        let (control, control_inbox) = mpsc::channel(ARBITRATION_MESSAGES);
        let (notifications, notifications_inbox) = mpsc::channel(NOTIFICATIONS);
        let outbox = Outbox {
            control,
            notifications,
            waiting: Waiting::new(NOTIFICATION_BYTES),
        };
        self.outboxes.insert(stream, outbox);
        let inbox = Inbox {
            control: control_inbox,
            notifications: notifications_inbox,
        };
        Ok((stream, inbox))
    }

    /// Ends a stream, with a status if the server is the one who ends it.
    pub(crate) fn close(&mut self, stream: StreamId, status: Option<Status>) {
        if let (Some(outbox), Some(status)) = (self.outboxes.remove(&stream), status) {
            // A client that has left its arbitration messages unread loses the words.
            let _ = outbox.control.try_send(Err(status));
        }
        let notifications = self.arbitration.disconnect(stream);
        self.send(notifications);
    }

    /// Ends all streams, and refuses new ones.
    pub(crate) fn shut_down(&mut self) {
        self.closed = true;
        for outbox in std::mem::take(&mut self.outboxes).into_values() {
            let _ = outbox.control.try_send(Err(shutting_down()));
        }
    }

    /// Handles a MasterArbitrationUpdate. True if the controller is primary, so that
    /// [`Controllers::confirm`] must follow.
    ///
    /// # Errors
    /// A refusal ends the stream.
    pub(crate) fn update(
        &mut self,
        stream: StreamId,
        bid: &MasterArbitrationUpdate,
    ) -> Result<bool, Refusal> {
        let outcome = self.arbitration.update(stream, bid)?;
        self.send(outcome.at_once);
        Ok(outcome.primary)
    }

    /// Tells a controller that it is primary, if it still is.
    pub(crate) fn confirm(&mut self, stream: StreamId) {
        let notification = self.arbitration.confirm(stream);
        self.send(notification);
    }

    /// Checks that a request comes from the primary of a role, and gives what it may do.
    ///
    /// # Errors
    /// `NOT_FOUND`, `PERMISSION_DENIED`.
    pub(crate) fn check_primary(
        &self,
        role: &str,
        election_id: Option<&Uint128>,
    ) -> Result<Access, Refusal> {
        self.arbitration.check_primary(role, election_id).cloned()
    }

    /// What a role may do.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub(crate) fn access(&self, role: &str) -> Result<Access, Refusal> {
        self.arbitration.access(role).cloned()
    }

    /// Checks that a stream message comes from the primary of its role.
    ///
    /// # Errors
    /// `PERMISSION_DENIED`.
    pub(crate) fn check_primary_stream(&self, stream: StreamId) -> Result<(), Refusal> {
        if self.arbitration.is_primary(stream) {
            return Ok(());
        }
        Err(Refusal::permission_denied(
            if self.arbitration.is_live(stream) {
                "only the primary controller may send this"
            } else {
                "a MasterArbitrationUpdate comes first on a stream"
            },
        ))
    }

    /// Sends a packet to the primary controllers whose role receives it.
    pub(crate) fn packet_in(&self, packet: &PacketIn) {
        self.notify_primaries(|access| {
            access
                .receives(packet)
                .then(|| Update::Packet(packet.clone()))
        });
    }

    /// Sends a message about objects of the P4Info to the primary controllers: `select` gives what
    /// is for a role.
    pub(crate) fn notify_primaries(&self, select: impl Fn(&Access) -> Option<Update>) {
        let mut told = false;
        for (stream, access) in self.arbitration.primaries() {
            if let Some(update) = select(access) {
                self.notify(stream, update);
                told = true;
            }
        }
        if !told {
            self.without_primary();
        }
    }

    fn without_primary(&self) {
        let dropped = self.dropped.no_primary.fetch_add(1, Ordering::Relaxed) + 1;
        if dropped.is_power_of_two() {
            tracing::debug!(dropped, "no primary controller for packets and digests");
        }
    }

    /// Sends a message that may be dropped.
    pub(crate) fn notify(&self, stream: StreamId, update: Update) {
        let Some(outbox) = self.outboxes.get(&stream) else {
            return;
        };
        let message = message(update);
        let sent = outbox.waiting.has_room() && {
            let room = outbox.waiting.add(message.encoded_len());
            outbox.notifications.try_send((Ok(message), room)).is_ok()
        };
        if !sent {
            let dropped = self.dropped.slow_client.fetch_add(1, Ordering::Relaxed) + 1;
            if dropped.is_power_of_two() {
                tracing::warn!(
                    dropped,
                    "a controller does not read its stream in time, packets for it are dropped"
                );
            }
        }
    }

    fn send(&mut self, notifications: impl IntoIterator<Item = Notification>) {
        for Notification { stream, update } in notifications {
            let Some(outbox) = self.outboxes.get(&stream) else {
                continue;
            };
            let update = Ok(message(Update::Arbitration(update)));
            if outbox.control.try_send(update).is_err() {
                tracing::warn!(
                    "a controller leaves its arbitration messages unread, its stream is closed"
                );
                // The task of the stream sees that its channel is closed, and cleans up.
                self.outboxes.remove(&stream);
            }
        }
    }
}

fn message(update: Update) -> StreamMessageResponse {
    StreamMessageResponse {
        update: Some(update),
    }
}

fn shutting_down() -> Status {
    Status::unavailable("the switch shuts down")
}
