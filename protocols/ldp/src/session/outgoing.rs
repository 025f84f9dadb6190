//! What waits to be written to a peer's connection.

use std::collections::VecDeque;

use crate::LdpIdentifier;
use crate::packet::{Body, DEFAULT_MAX_PDU_LENGTH, EncodeError, PduBuilder};

/// Octets that are given out at once, at most about this many.
const CHUNK: usize = 32 << 10;

/// Messages on their way to a peer: packed in PDUs, and given out no faster than they are written.
#[derive(Debug)]
pub struct Outgoing {
    builder: PduBuilder,
    ready: VecDeque<Vec<u8>>,
    ready_octets: usize,
    in_flight: usize,
    window: usize,
    pdus: u64,
}

impl Outgoing {
    /// Nothing waits. No more than about `window` octets are given out before they are written.
    pub fn new(identifier: LdpIdentifier, window: usize) -> Self {
        Self {
            builder: PduBuilder::new(identifier, DEFAULT_MAX_PDU_LENGTH),
            ready: VecDeque::new(),
            ready_octets: 0,
            in_flight: 0,
            window,
            pdus: 0,
        }
    }

    /// The maximum PDU length that was negotiated, for the messages from here on.
    pub fn set_max_pdu_length(&mut self, length: u16) {
        self.builder.set_max_pdu_length(length);
    }

    /// Appends a message.
    ///
    /// # Errors
    /// It does not fit a PDU of the session.
    pub fn push(&mut self, id: u32, body: &Body) -> Result<(), EncodeError> {
        self.builder.push(id, body)?;
        if self.builder.len() >= CHUNK {
            self.close_chunk();
        }
        Ok(())
    }

    fn close_chunk(&mut self) {
        self.pdus += self.builder.pdus() as u64;
        let chunk = self.builder.take();
        self.ready_octets += chunk.len();
        self.ready.push_back(chunk);
    }

    /// Whether a whole chunk can be given out now.
    pub fn has_chunk(&self) -> bool {
        !self.ready.is_empty() && self.in_flight < self.window
    }

    /// The next octets to be written: whole PDUs; `None`: there are none, or those of before are not
    /// written yet.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        if self.in_flight >= self.window {
            return None;
        }
        if self.ready.is_empty() && !self.builder.is_empty() {
            self.close_chunk();
        }
        let chunk = self.ready.pop_front()?;
        self.ready_octets -= chunk.len();
        self.in_flight += chunk.len();
        Some(chunk)
    }

    /// The last octets before the connection is closed: `last`, and what was before it if all of it can
    /// be written now. What a slow peer did not read is not kept for it.
    pub fn take_last(&mut self, id: u32, last: Option<&Body>) -> Vec<u8> {
        if self.in_flight >= self.window || self.queued() > self.window {
            self.ready.clear();
            self.ready_octets = 0;
            self.builder.take();
        }
        let mut octets: Vec<u8> = self.ready.drain(..).flatten().collect();
        self.ready_octets = 0;
        if let Some(body) = last {
            // A Notification fits any PDU: what it returns is cut.
            let _ = self.builder.push(id, body);
        }
        self.pdus += self.builder.pdus() as u64;
        octets.append(&mut self.builder.take());
        octets
    }

    /// Octets were written.
    pub fn written(&mut self, octets: usize) {
        self.in_flight = self.in_flight.saturating_sub(octets);
    }

    /// Octets that wait, without those that were given out.
    pub fn queued(&self) -> usize {
        self.ready_octets + self.builder.len()
    }

    /// Octets that were given out and not written yet.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// PDUs that were given out since this was called last.
    pub fn take_pdus(&mut self) -> u64 {
        std::mem::take(&mut self.pdus)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::packet::PduStream;

    fn outgoing(window: usize) -> Outgoing {
        Outgoing::new(LdpIdentifier::platform(Ipv4Addr::new(192, 0, 2, 1)), window)
    }

    /// RFC 5036 section 3.1: a PDU has one or more messages.
    #[test]
    fn what_is_ready_goes_in_one_pdu() {
        let mut outgoing = outgoing(1 << 20);
        for id in 0..10 {
            outgoing.push(id, &Body::KeepAlive).expect("fits");
        }
        let octets = outgoing.take().expect("octets");
        let mut stream = PduStream::new();
        stream.push(&octets);
        let pdu = stream.next_pdu().expect("a PDU").expect("all of it");
        assert_eq!(pdu.messages().count(), 10);
        assert_eq!(pdu.octets().len(), octets.len());
    }

    #[test]
    fn no_more_is_given_out_than_the_window_until_it_is_written() {
        let mut outgoing = outgoing(1000);
        for id in 0..10_000 {
            outgoing.push(id, &Body::KeepAlive).expect("fits");
        }
        let first = outgoing.take().expect("octets");
        assert_eq!(outgoing.take(), None);
        assert!(outgoing.queued() > 0);
        outgoing.written(first.len());
        assert!(outgoing.take().is_some());
    }

    #[test]
    fn a_peer_that_does_not_read_gets_the_last_notification_only() {
        let mut outgoing = outgoing(1000);
        for id in 0..10_000 {
            outgoing.push(id, &Body::KeepAlive).expect("fits");
        }
        assert!(outgoing.take().is_some());
        let last = outgoing.take_last(1, Some(&Body::KeepAlive));
        assert_eq!(last.len(), 10 + 8);
        assert_eq!(outgoing.queued(), 0);
    }
}
