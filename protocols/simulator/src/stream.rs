//! TCP connections: octets come in order and once, late, in parts, or never, and each side learns of the
//! other's end at its own time.
//!
//! A direction has one flight under way: as many octets as the window takes. It is sent again until it is
//! acknowledged, so that what is lost is only late. What no acknowledgement comes for in the end breaks the
//! connection, and so does a segment that arrives where nobody knows the connection any more (a half-open
//! connection, RFC 9293 section 3.5.1).

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

/// How many octets are under way at once, if nothing makes the window smaller.
pub const WINDOW: usize = 64 << 10;

/// After so many attempts without an acknowledgement the connection is broken.
pub const ATTEMPTS: u32 = 12;

/// How long an acknowledgement is waited for after some attempts (RFC 6298).
pub fn retransmission_timeout(attempts: u32) -> Duration {
    Duration::from_millis(200 << attempts.min(8))
}

/// One side of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The router.
    pub router: usize,
    /// Which of its protocols.
    pub protocol: usize,
    /// The protocol's number of the connection.
    pub id: u64,
    /// The address.
    pub address: IpAddr,
    /// The protocol thinks that it is there.
    pub open: bool,
    /// The host knows of the connection.
    pub known: bool,
    /// Only a neighbour on a link may be the peer.
    pub one_hop: bool,
}

/// What goes from one side to the other.
#[derive(Debug, Default)]
pub struct Direction {
    buffer: VecDeque<u8>,
    /// What is under way and did not arrive.
    flight: Vec<u8>,
    /// How many octets are under way, arrived or not.
    outstanding: usize,
    /// There is a flight that was not acknowledged, even if it is of no octets, but of the end.
    busy: bool,
    ends_with: bool,
    /// The number of the flight that is under way, or of the next one.
    sent: u64,
    /// The number of the flight that the receiver waits for.
    expected: u64,
    attempts: u32,
    closing: bool,
    closed: bool,
}

/// What arrives of a flight.
#[derive(Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The octets.
    pub octets: Vec<u8>,
    /// The other side closed the connection after them.
    pub closed: bool,
}

impl Direction {
    /// Octets are to be sent.
    pub fn write(&mut self, octets: &[u8]) {
        self.buffer.extend(octets);
    }

    /// The sender closes the connection after what it has written.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// The sender is gone: nothing of it is sent any more.
    pub fn abandon(&mut self) {
        self.buffer.clear();
        self.flight.clear();
        self.busy = false;
        self.closed = true;
        // Of what is under way nothing is to come.
        self.sent += 1;
    }

    /// Begins the next flight, if none is under way and there is something to send; gives its number.
    pub fn begin(&mut self, window: usize) -> Option<u64> {
        let ends = self.closing && self.buffer.len() <= window;
        if self.busy || self.closed || (self.buffer.is_empty() && !ends) {
            return None;
        }
        let count = self.buffer.len().min(window.max(1));
        self.flight = self.buffer.drain(..count).collect();
        self.outstanding = count;
        self.ends_with = ends;
        self.busy = true;
        self.attempts = 0;
        Some(self.sent)
    }

    /// A flight arrived: its octets, the first time.
    pub fn arrive(&mut self, number: u64) -> Option<Delivery> {
        if number != self.expected || number != self.sent || !self.busy {
            return None;
        }
        self.expected += 1;
        Some(Delivery {
            octets: std::mem::take(&mut self.flight),
            closed: self.ends_with,
        })
    }

    /// Whether a flight is still to be acknowledged.
    pub fn is_outstanding(&self, number: u64) -> bool {
        self.busy && self.sent == number
    }

    /// How many octets are to be acknowledged.
    pub fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// The flight that is to be acknowledged.
    pub fn outstanding_number(&self) -> Option<u64> {
        self.busy.then_some(self.sent)
    }

    /// A flight was acknowledged: how many octets of it there were.
    pub fn acknowledge(&mut self, number: u64) -> Option<usize> {
        if !self.is_outstanding(number) {
            return None;
        }
        self.busy = false;
        self.sent += 1;
        self.closed = self.ends_with;
        Some(std::mem::take(&mut self.outstanding))
    }

    /// A flight is sent again: after which time once more. `None`: no more attempts.
    pub fn attempt(&mut self) -> Option<Duration> {
        self.attempts += 1;
        (self.attempts <= ATTEMPTS).then(|| retransmission_timeout(self.attempts - 1))
    }

    /// Whether all is sent, with the end.
    pub fn is_done(&self) -> bool {
        self.closed && !self.busy
    }
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// The side that connected, and the other.
    pub ends: [End; 2],
    /// From the first to the second, and back.
    pub directions: [Direction; 2],
    /// The handshake is done.
    pub established: bool,
}

impl Connection {
    /// Whether no side knows anything of it any more.
    pub fn is_over(&self) -> bool {
        let over =
            |end: &End, direction: &Direction| !end.open && (!end.known || direction.is_done());
        over(&self.ends[0], &self.directions[0]) && over(&self.ends[1], &self.directions[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_arrive_once_and_in_order_in_flights_of_the_window() {
        let mut direction = Direction::default();
        direction.write(b"abcde");
        direction.write(b"fg");
        direction.close();
        let mut received: Vec<u8> = Vec::new();
        let mut flights = 0;
        while let Some(number) = direction.begin(3) {
            flights += 1;
            assert_eq!(direction.begin(3), None, "one flight at a time");
            let delivery = direction.arrive(number).unwrap();
            received.extend(&delivery.octets);
            // It is sent again, for the acknowledgement was lost.
            assert_eq!(direction.arrive(number), None);
            assert_eq!(direction.acknowledge(number), Some(delivery.octets.len()));
            assert_eq!(direction.acknowledge(number), None);
            assert_eq!(delivery.closed, received.len() == 7);
        }
        assert_eq!(received, b"abcdefg");
        assert_eq!(flights, 3);
        assert!(direction.is_done());
    }

    #[test]
    fn a_flight_without_acknowledgement_breaks_the_connection_in_the_end() {
        let mut direction = Direction::default();
        direction.write(b"a");
        direction.begin(WINDOW).unwrap();
        let mut waited = Duration::ZERO;
        while let Some(timeout) = direction.attempt() {
            waited += timeout;
        }
        assert!(waited > Duration::from_secs(200), "{waited:?}");
    }

    #[test]
    fn of_a_sender_that_is_gone_nothing_arrives() {
        let mut direction = Direction::default();
        direction.write(b"a");
        let number = direction.begin(WINDOW).unwrap();
        direction.abandon();
        assert_eq!(direction.arrive(number), None);
        assert_eq!(direction.begin(WINDOW), None);
        assert!(direction.is_done());
    }
}
