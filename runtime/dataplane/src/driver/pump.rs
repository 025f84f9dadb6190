//! The stream channel of one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use p4runtime_client::{Event, EventStream, Pipeline, Role};
use tokio::sync::{mpsc, watch};
use tracing::warn;

use crate::Punted;

/// The stream channel, as the task that reads it reports it.
#[derive(Debug, Clone)]
pub(super) enum Link {
    Up(Role),
    Down(String),
}

/// Reads the stream channel of one connection.
pub(super) struct Pump {
    pub(super) events: EventStream,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) punted: mpsc::Sender<Punted>,
    pub(super) dropped: Arc<AtomicU64>,
    pub(super) link: watch::Sender<Link>,
}

impl Pump {
    pub(super) async fn run(mut self) {
        loop {
            match self.events.next().await {
                Ok(Event::Role(role)) => {
                    self.link.send_replace(Link::Up(role));
                }
                Ok(Event::PacketIn(message)) => self.packet_in(message),
                Ok(Event::Error { code, message }) => {
                    warn!("the switch could not process a packet: {code}: {message}");
                }
                Err(error) => {
                    self.link.send_replace(Link::Down(error.to_string()));
                    return;
                }
            }
        }
    }

    fn packet_in(&self, message: p4runtime_client::PacketInMessage) {
        let packet = self.pipeline.schema().decode_packet_in(message);
        match packet.map_err(Into::into).and_then(Punted::new) {
            Ok(punted) => {
                if self.punted.try_send(punted).is_err() {
                    self.dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
            Err(error) => warn!("dropped a packet from the switch: {error}"),
        }
    }
}
