//! The ports of a switch, and what each has seen.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use rustc_hash::FxBuildHasher;

use super::{Capture, Link, Port};
use crate::control::{PortInfo, PortNumber, PortState, PortStatistics};
use crate::switch::Switch;

/// The ports by number.
pub(crate) type PortTable = HashMap<PortNumber, Arc<PortEntry>, FxBuildHasher>;

/// A port of the switch.
#[derive(Debug)]
pub(crate) struct PortEntry {
    pub(crate) number: PortNumber,
    port: Arc<dyn Port>,
    up: AtomicBool,
    enabled: AtomicBool,
    /// Nanoseconds since the epoch at which the state changed last.
    last_change: AtomicU64,
    counters: Counters,
    capture: Option<Capture>,
    /// Whether something was captured since the last flush.
    captured: AtomicBool,
}

#[derive(Debug, Default)]
struct Counters {
    received_packets: AtomicU64,
    received_multicast: AtomicU64,
    received_broadcast: AtomicU64,
    received_bytes: AtomicU64,
    sent_packets: AtomicU64,
    sent_multicast: AtomicU64,
    sent_broadcast: AtomicU64,
    sent_bytes: AtomicU64,
    receive_oversized: AtomicU64,
    receive_errors: AtomicU64,
    send_queue_full: AtomicU64,
    send_link_down: AtomicU64,
    send_too_long: AtomicU64,
    send_errors: AtomicU64,
}

/// Nanoseconds since the epoch.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    // Until the year 2554; a clock that stands before 1970 is told as 1970.
    now.map_or(0, |now| now.as_nanos() as u64)
}

fn add(counter: &AtomicU64, value: usize) -> u64 {
    counter.fetch_add(value as u64, Ordering::Relaxed)
}

impl PortEntry {
    pub(crate) fn new(
        number: PortNumber,
        port: Arc<dyn Port>,
        link: Link,
        capture: Option<Capture>,
    ) -> Self {
        Self {
            number,
            port,
            up: AtomicBool::new(link.state == PortState::Up),
            enabled: AtomicBool::new(link.enabled),
            last_change: AtomicU64::new(now()),
            counters: Counters::default(),
            capture,
            captured: AtomicBool::new(false),
        }
    }

    pub(crate) fn state(&self) -> PortState {
        if self.up.load(Ordering::Relaxed) {
            PortState::Up
        } else {
            PortState::Down
        }
    }

    /// Sets how the link stands; whether its state is a new one, and whether anything is.
    pub(crate) fn set_link(&self, link: Link) -> (bool, bool) {
        let up = link.state == PortState::Up;
        let state_changed = self.up.swap(up, Ordering::Relaxed) != up;
        if state_changed {
            self.last_change.store(now(), Ordering::Relaxed);
        }
        let enabled_changed = self.enabled.swap(link.enabled, Ordering::Relaxed) != link.enabled;
        (state_changed, state_changed || enabled_changed)
    }

    /// Enables or disables the port.
    pub(crate) fn set_enabled(&self, enabled: bool) -> io::Result<Link> {
        self.port.set_enabled(enabled)
    }

    /// Counts and captures a packet that came in.
    pub(crate) fn received(&self, packet: &[u8]) {
        add(&self.counters.received_packets, 1);
        add(&self.counters.received_bytes, packet.len());
        if to_group(packet) {
            let counters = &self.counters;
            count_group(
                packet,
                &counters.received_multicast,
                &counters.received_broadcast,
            );
        }
        if let Some(capture) = &self.capture {
            capture.received(packet);
            self.captured.store(true, Ordering::Relaxed);
        }
    }

    /// Writes what was captured to the files.
    pub(crate) fn flush(&self) {
        if let Some(capture) = &self.capture
            && self.captured.swap(false, Ordering::Relaxed)
        {
            capture.flush();
        }
    }

    /// Sends packets, and counts what comes of each.
    pub(crate) fn send(&self, packets: &[&[u8]]) {
        self.port.send(packets, &mut |packet, result| match result {
            Ok(()) => {
                add(&self.counters.sent_packets, 1);
                add(&self.counters.sent_bytes, packet.len());
                if to_group(packet) {
                    let counters = &self.counters;
                    count_group(packet, &counters.sent_multicast, &counters.sent_broadcast);
                }
                if let Some(capture) = &self.capture {
                    capture.sent(packet);
                    self.captured.store(true, Ordering::Relaxed);
                }
            }
            Err(error) => self.send_failed(&error, packet.len()),
        });
    }

    #[cold]
    fn send_failed(&self, error: &io::Error, length: usize) {
        let counters = &self.counters;
        let counter = match error.raw_os_error() {
            Some(libc::ENOBUFS | libc::EAGAIN) => &counters.send_queue_full,
            Some(libc::ENETDOWN | libc::ENXIO | libc::ENODEV) => &counters.send_link_down,
            Some(libc::EMSGSIZE) => &counters.send_too_long,
            _ => &counters.send_errors,
        };
        if add(counter, 1) == 0 {
            let (number, name) = (self.number, self.port.name());
            tracing::warn!(
                "port {number} ({name}): a packet of {length} bytes was not sent: {error}; \
                 further ones are only counted"
            );
        }
    }

    fn receive_failed(&self, reason: ReceiveError) {
        let (counter, advice) = match reason {
            ReceiveError::Oversized => (
                &self.counters.receive_oversized,
                "it was left whole for hardware to cut, and is neither TCP nor UDP over IP: turn \
                 segmentation offload off at the other end of the link, ethtool -K INTERFACE tso \
                 off gso off",
            ),
            ReceiveError::Other => (&self.counters.receive_errors, "it could not be read whole"),
        };
        if add(counter, 1) == 0 {
            let (number, name) = (self.number, self.port.name());
            tracing::warn!(
                "port {number} ({name}): a received packet was dropped: {advice}; further ones \
                 are only counted"
            );
        }
    }

    pub(crate) fn info(&self) -> PortInfo {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        PortInfo {
            number: self.number,
            name: self.port.name().to_owned(),
            index: self.port.index(),
            enabled: self.enabled.load(Ordering::Relaxed),
            state: self.state(),
            last_change: self.last_change.load(Ordering::Relaxed),
            statistics: PortStatistics {
                received_packets: read(&counters.received_packets),
                received_multicast: read(&counters.received_multicast),
                received_broadcast: read(&counters.received_broadcast),
                received_bytes: read(&counters.received_bytes),
                sent_packets: read(&counters.sent_packets),
                sent_multicast: read(&counters.sent_multicast),
                sent_broadcast: read(&counters.sent_broadcast),
                sent_bytes: read(&counters.sent_bytes),
                receive_overruns: self.port.receive_overruns(),
                receive_oversized: read(&counters.receive_oversized),
                receive_errors: read(&counters.receive_errors),
                send_queue_full: read(&counters.send_queue_full),
                send_link_down: read(&counters.send_link_down),
                send_too_long: read(&counters.send_too_long),
                send_errors: read(&counters.send_errors),
            },
        }
    }
}

/// Whether the destination of an Ethernet frame is a group (IEEE 802, the I/G bit).
#[inline]
fn to_group(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| first & 1 == 1)
}

/// Counts a frame to a group: to all stations, or to some.
#[cold]
fn count_group(packet: &[u8], multicast: &AtomicU64, broadcast: &AtomicU64) {
    let to_all = packet.starts_with(&[0xff; 6]);
    add(if to_all { broadcast } else { multicast }, 1);
}

/// Why a packet that came in is not processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiveError {
    /// It was left whole for hardware to cut (GSO), and cannot be cut here.
    Oversized,
    /// It could not be read whole.
    Other,
}

/// The receiving half of a port: what the port's driver tells the switch.
#[derive(Debug, Clone)]
pub struct PortHandle {
    pub(crate) switch: Switch,
    pub(crate) entry: Arc<PortEntry>,
}

impl PortHandle {
    /// Number of the port.
    #[must_use]
    pub fn number(&self) -> PortNumber {
        self.entry.number
    }

    /// Processes a packet that came in, and sends what comes out.
    pub fn receive(&self, packet: &[u8]) {
        let mut batch = self.switch.batch(0);
        batch.receive(&self.entry, packet);
    }

    /// Counts a packet that came in and cannot be processed.
    pub fn receive_failed(&self, reason: ReceiveError) {
        self.entry.receive_failed(reason);
    }

    /// The port went up or down, or was enabled or disabled.
    pub fn set_state(&self, link: impl Into<Link>) {
        self.switch.set_link(&self.entry, link.into());
    }
}
