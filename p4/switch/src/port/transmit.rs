//! Packets on their way out: collected by port, so that the system is called once for many.

use std::sync::Arc;

use smallvec::SmallVec;

use super::PortEntry;

/// Packets that wait at most before they are sent: more would be out of the processor's cache.
const MAX_WAITING: usize = 64;

/// The packets that wait. Those for one port stay in their order.
#[derive(Debug, Default)]
pub(crate) struct Transmit {
    /// The first `used` ones have packets; the memory of the others is kept for later.
    queues: Vec<Queue>,
    used: usize,
    waiting: usize,
}

#[derive(Debug, Default)]
struct Queue {
    port: Option<Arc<PortEntry>>,
    /// The packets, one after the other, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Transmit {
    /// Lets a packet wait, and sends all if there are many.
    pub(crate) fn push(&mut self, port: &Arc<PortEntry>, packet: &[u8]) {
        let waits_for = |queue: &Queue| queue.port.as_ref().is_some_and(|p| Arc::ptr_eq(p, port));
        let place = self.queues[..self.used].iter().position(waits_for);
        let place = place.unwrap_or_else(|| self.open(port.clone()));
        let queue = &mut self.queues[place];
        queue.bytes.extend_from_slice(packet);
        queue.ends.push(queue.bytes.len());
        self.waiting += 1;
        if self.waiting >= MAX_WAITING {
            self.flush();
        }
    }

    fn open(&mut self, port: Arc<PortEntry>) -> usize {
        if self.used == self.queues.len() {
            self.queues.push(Queue::default());
        }
        self.queues[self.used].port = Some(port);
        self.used += 1;
        self.used - 1
    }

    /// Sends what waits.
    pub(crate) fn flush(&mut self) {
        for queue in &mut self.queues[..self.used] {
            let mut packets = SmallVec::<[&[u8]; MAX_WAITING]>::new();
            let mut start = 0;
            for end in &queue.ends {
                packets.push(&queue.bytes[start..*end]);
                start = *end;
            }
            if let Some(port) = queue.port.take() {
                port.send(&packets);
            }
            drop(packets);
            queue.bytes.clear();
            queue.ends.clear();
        }
        self.used = 0;
        self.waiting = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::PortState;
    use crate::port::MemoryPort;

    #[test]
    fn each_port_gets_its_packets_in_their_order() {
        let ports = ["a", "b", "c"].map(|name| Arc::new(MemoryPort::new(name)));
        let entries: Vec<_> = (1..)
            .zip(&ports)
            .map(|(number, port)| {
                Arc::new(PortEntry::new(
                    number,
                    port.clone(),
                    PortState::Up.into(),
                    None,
                ))
            })
            .collect();
        let mut transmit = Transmit::default();
        for packet in 0..200_u8 {
            transmit.push(&entries[usize::from(packet) % 3], &[packet; 3]);
        }
        transmit.flush();
        transmit.flush();
        for (index, port) in (0..).zip(&ports) {
            let expected: Vec<Vec<u8>> = (0..200_u8)
                .filter(|packet| packet % 3 == index)
                .map(|packet| vec![packet; 3])
                .collect();
            let sent: Vec<Vec<u8>> = std::iter::from_fn(|| port.take()).collect();
            assert_eq!(sent, expected);
        }
    }
}
