//! How long a change of LDP's bindings takes until the switch forwards by it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Changes that are waited for at most: while the switch is away, later ones are not timed.
const MOST: usize = 1000;

/// Changes that the switch does not hold yet.
#[derive(Debug, Default)]
pub(crate) struct Convergence {
    /// The number of the desired state that each came with, and when it was made, the oldest first.
    waiting: VecDeque<(u64, Instant)>,
}

impl Convergence {
    /// The desired state of this number has a change that was made at that time.
    pub(crate) fn changed(&mut self, version: u64, since: Instant) {
        if self.waiting.len() < MOST {
            self.waiting.push_back((version, since));
        }
    }

    /// The switch holds the desired state of this number: how long each change took that it came with.
    pub(crate) fn held(&mut self, version: u64, now: Instant) -> impl Iterator<Item = Duration> {
        let held = self.waiting.partition_point(|(of, _)| *of <= version);
        let changes = self.waiting.drain(..held);
        changes.map(move |(_, since)| now.saturating_duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_takes_until_the_switch_holds_what_it_came_with() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut convergence = Convergence::default();
        convergence.changed(1, at(0));
        convergence.changed(2, at(1));
        convergence.changed(2, at(2));
        convergence.changed(4, at(3));
        let mut held = |version, now| -> Vec<u64> {
            let times = convergence.held(version, at(now));
            times.map(|time| time.as_secs()).collect()
        };
        assert!(held(0, 9).is_empty());
        assert_eq!(held(3, 10), [10, 9, 8]);
        assert!(held(3, 11).is_empty());
        assert_eq!(held(4, 12), [9]);
    }

    #[test]
    fn a_switch_that_is_away_takes_no_memory() {
        let mut convergence = Convergence::default();
        let start = Instant::now();
        for version in 0..10 * MOST as u64 {
            convergence.changed(version, start);
        }
        assert_eq!(convergence.held(u64::MAX, start).count(), MOST);
    }
}
