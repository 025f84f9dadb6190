//! What is due when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::Hash;
use std::time::Instant;

use rustc_hash::FxHashMap;

/// Timers by their keys.
///
/// Hold timers are set anew with each Hello or PDU, and nearly always to a later time. That costs a look-up
/// and no move in the queue: a timer that comes up early is put back.
#[derive(Debug)]
pub(super) struct Timers<K> {
    queue: BinaryHeap<Reverse<(Instant, K)>>,
    timers: FxHashMap<K, Timer>,
}

#[derive(Debug, Clone, Copy)]
struct Timer {
    due: Instant,
    /// Where in the queue it is; not after `due`.
    queued: Instant,
}

impl<K> Default for Timers<K>
where
    K: Copy + Ord + Hash,
{
    fn default() -> Self {
        Self {
            queue: BinaryHeap::new(),
            timers: FxHashMap::default(),
        }
    }
}

impl<K: Copy + Ord + Hash> Timers<K> {
    /// How many are set.
    pub(super) fn len(&self) -> usize {
        self.timers.len()
    }

    /// Sets a timer, whether or not it was set before.
    pub(super) fn set(&mut self, key: K, due: Instant) {
        let queued = match self.timers.get_mut(&key) {
            Some(timer) if timer.queued <= due => {
                timer.due = due;
                return;
            }
            Some(timer) => {
                *timer = Timer { due, queued: due };
                due
            }
            None => {
                self.timers.insert(key, Timer { due, queued: due });
                due
            }
        };
        self.queue.push(Reverse((queued, key)));
        // Entries of timers that were cancelled or moved forward wait for their time. They are removed
        // before, if a peer made too many of them.
        if self.queue.len() > 2 * self.timers.len() + 64 {
            self.queue = self
                .timers
                .iter()
                .map(|(key, timer)| Reverse((timer.queued, *key)))
                .collect();
        }
    }

    /// Stops a timer.
    pub(super) fn cancel(&mut self, key: K) {
        self.timers.remove(&key);
    }

    /// When a timer is due.
    pub(super) fn due(&self, key: K) -> Option<Instant> {
        self.timers.get(&key).map(|timer| timer.due)
    }

    /// No timer is due before this.
    pub(super) fn next(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes a timer that is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<K> {
        while let Some(Reverse((at, key))) = self.queue.peek().copied() {
            if at > now {
                break;
            }
            self.queue.pop();
            match self.timers.get_mut(&key) {
                Some(timer) if timer.queued == at && timer.due <= now => {
                    self.timers.remove(&key);
                    return Some(key);
                }
                Some(timer) if timer.queued == at => {
                    timer.queued = timer.due;
                    self.queue.push(Reverse((timer.due, key)));
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_timer_is_due_when_it_was_last_set_to() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut timers = Timers::default();
        timers.set("hold", at(5));
        timers.set("hold", at(9));
        timers.set("hello", at(7));
        timers.set("hello", at(3));
        timers.set("gone", at(1));
        timers.cancel("gone");
        assert_eq!(timers.pop(at(2)), None);
        assert_eq!(timers.pop(at(8)), Some("hello"));
        assert_eq!(timers.pop(at(8)), None);
        assert_eq!(timers.next(), Some(at(9)));
        assert_eq!(timers.pop(at(9)), Some("hold"));
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn timers_that_are_set_and_stopped_again_take_no_memory() {
        let start = Instant::now();
        let mut timers = Timers::default();
        for number in 0..10_000_u32 {
            timers.set(number, start + Duration::from_secs(65_000));
            timers.cancel(number);
        }
        assert!(timers.queue.len() < 1_000);
    }
}
