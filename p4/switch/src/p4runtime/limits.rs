//! What clients may take of the server: whatever they send, its memory stays bounded and others
//! are still served.

use std::time::Duration;

/// Limits of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; more are closed as they come.
    pub connections: usize,
    /// Connections that have not shown yet that they speak gRPC. When there are more, the oldest of
    /// them are closed.
    pub half_open: usize,
    /// How long a connection may take to show that.
    pub handshake: Duration,
    /// Bytes of one message of a client. A longer one is refused with `OUT_OF_RANGE` as soon as
    /// its length is known.
    pub message: usize,
    /// Requests that are received or carried out at a time, streams apart; others wait, and what
    /// they send waits on their side.
    pub requests: usize,
    /// How many of these one connection can have. Those whose answer it has not taken count too;
    /// of a Read until all of its answer is made.
    pub requests_in_hand: usize,
    /// How long a request, streams apart, may take from its first byte to the start of its answer.
    pub request_time: Duration,
    /// Requests and streams of one connection that are open at a time; more wait at the client.
    pub requests_per_connection: u32,
    /// StreamChannels that are open at a time, those that have said nothing yet among them; more
    /// are refused with `RESOURCE_EXHAUSTED`.
    pub streams: usize,
    /// How many of these one connection can have.
    pub streams_per_connection: usize,
    /// How long a StreamChannel may be without MasterArbitrationUpdate; then it ends with
    /// `DEADLINE_EXCEEDED`.
    pub arbitration_time: Duration,
    /// Subscriptions of gNMI that are open at a time; more are refused with `RESOURCE_EXHAUSTED`.
    pub subscriptions: usize,
    /// How many of these one connection can have.
    pub subscriptions_per_connection: usize,
    /// Bytes of answers of Reads that wait for clients to take them. When there are as many, no
    /// more is read until some are taken.
    pub answers: usize,
    /// How many of these one connection can have.
    pub answers_per_connection: usize,
    /// How long a client may take nothing of the answer of a Read; then the answer ends with
    /// `DEADLINE_EXCEEDED`.
    pub answer_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            half_open: 256,
            handshake: Duration::from_secs(10),
            message: 64 << 20,
            requests: 32,
            requests_in_hand: 4,
            request_time: Duration::from_secs(120),
            requests_per_connection: 64,
            streams: 128,
            streams_per_connection: 16,
            arbitration_time: Duration::from_secs(30),
            subscriptions: 64,
            subscriptions_per_connection: 8,
            answers: 256 << 20,
            answers_per_connection: 64 << 20,
            answer_time: Duration::from_secs(60),
        }
    }
}
