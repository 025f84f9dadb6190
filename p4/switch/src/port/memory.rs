//! A port that keeps what is sent to it.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;

use super::{Link, Port};
use crate::control::PortState;

/// A port in memory, for tests: packets that the switch sends are kept until they are taken.
#[derive(Debug)]
pub struct MemoryPort {
    name: String,
    sent: Mutex<VecDeque<Vec<u8>>>,
}

impl MemoryPort {
    /// A port of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            sent: Mutex::default(),
        }
    }

    /// The oldest packet that was sent and not taken yet.
    pub fn take(&self) -> Option<Vec<u8>> {
        self.queue().pop_front()
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, VecDeque<Vec<u8>>> {
        // The queue is whole whatever the thread that held the lock did.
        self.sent.lock().unwrap_or_else(|error| error.into_inner())
    }
}

impl Port for MemoryPort {
    fn name(&self) -> &str {
        &self.name
    }

    fn send(&self, packets: &[&[u8]], done: &mut dyn FnMut(&[u8], io::Result<()>)) {
        for packet in packets {
            self.queue().push_back(packet.to_vec());
            done(packet, Ok(()));
        }
    }

    fn set_enabled(&self, enabled: bool) -> io::Result<Link> {
        let state = if enabled {
            PortState::Up
        } else {
            PortState::Down
        };
        Ok(Link { enabled, state })
    }
}
