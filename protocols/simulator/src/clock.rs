//! The virtual clock and the queue of what happens when.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A moment of a run: nanoseconds since its beginning. In files it is written in seconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(try_from = "f64", into = "f64")]
pub struct Time(u64);

impl Time {
    /// The beginning of the run.
    pub const ZERO: Self = Self(0);

    /// Whole seconds after the beginning.
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds * 1_000_000_000)
    }

    /// Milliseconds after the beginning.
    pub const fn milliseconds(milliseconds: u64) -> Self {
        Self(milliseconds * 1_000_000)
    }

    /// How long after the beginning it is.
    pub const fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// The time from `earlier` to this moment; zero if that is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The seconds since the beginning.
    pub fn as_secs_f64(self) -> f64 {
        self.since_start().as_secs_f64()
    }
}

/// A number of seconds at which nothing happens in a run.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("{0} s is no time of a run: 0 to {most} s are", most = MOST_SECONDS)]
pub struct TimeError(pub f64);

/// The most seconds of a time that is read: microseconds of it are exact in a float.
const MOST_SECONDS: f64 = 1e9;

impl TryFrom<f64> for Time {
    type Error = TimeError;

    /// Seconds after the beginning, to the microsecond, so that what is written reads back the same.
    fn try_from(seconds: f64) -> Result<Self, TimeError> {
        if (0.0..=MOST_SECONDS).contains(&seconds) {
            Ok(Self((seconds * 1e6).round() as u64 * 1000))
        } else {
            Err(TimeError(seconds))
        }
    }
}

impl From<Time> for f64 {
    fn from(time: Time) -> Self {
        time.as_secs_f64()
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanoseconds))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Time {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanoseconds))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.as_secs_f64())
    }
}

/// What happens when. Events of one moment happen in the order in which they were put in.
#[derive(Debug)]
pub struct Queue<E> {
    heap: BinaryHeap<Entry<E>>,
    next: u64,
}

#[derive(Debug)]
struct Entry<E> {
    at: Time,
    number: u64,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    /// The earliest is the greatest: the heap gives that first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            next: 0,
        }
    }
}

impl<E> Queue<E> {
    /// The event will happen at this time.
    pub fn push(&mut self, at: Time, event: E) {
        let number = self.next;
        self.next += 1;
        self.heap.push(Entry { at, number, event });
    }

    /// When the next event is.
    pub fn next_at(&self) -> Option<Time> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// Takes the next event.
    pub fn pop(&mut self) -> Option<(Time, E)> {
        self.heap.pop().map(|entry| (entry.at, entry.event))
    }

    /// How many events are to come.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing is to come.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_in_the_order_in_which_they_were_put_in() {
        let mut queue = Queue::default();
        queue.push(Time::seconds(2), 'c');
        queue.push(Time::seconds(1), 'a');
        queue.push(Time::seconds(1), 'b');
        queue.push(Time::ZERO, '0');
        let order: String = std::iter::from_fn(|| queue.pop().map(|(_, event)| event)).collect();
        assert_eq!(order, "0abc");
    }

    #[test]
    fn a_time_reads_back_as_it_was_written() {
        for microseconds in [0, 1, 999_999, 1_234_567, 86_400_000_001_u64] {
            let time = Time::ZERO + Duration::from_micros(microseconds);
            assert_eq!(Time::try_from(f64::from(time)), Ok(time));
        }
    }
}
