//! What LDP asks of the LFIB, on its way to the router: in pieces, which are bound as they come, and handed on to
//! the switch together when no more of them come.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ldp_lfib::Update;
use tokio::sync::Notify;

/// So many changes of the LFIB are handed on at once.
const FEW: usize = 32;
/// A fast switch needs so long for a change. What is handed on too early costs it more where it changes again: a
/// table that comes faster than this is handed on as a whole.
const SWITCH_TAKES: Duration = Duration::from_micros(5);
/// More than a few changes are handed on when no other has come for this long,
const SETTLE: Duration = Duration::from_millis(3);
/// or for this part of what a switch takes for all of them, if that is more.
const SETTLE_PART: u32 = 10;
/// However fast they come, they are handed on after this long,
const LIMIT: Duration = Duration::from_millis(60);
/// or so many times as long as it took last,
const LIMIT_COSTS: u32 = 4;
/// or after what a switch takes for all of them, but that at most.
const LIMIT_SWITCH: Duration = Duration::from_secs(1);

/// What LDP asks of the LFIB and was not taken yet.
#[derive(Debug, Default)]
pub struct Updates {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

/// What the router is to do next.
#[derive(Debug, PartialEq)]
pub enum Next {
    /// Bind these.
    Bind(Vec<Update>),
    /// Hand on what was bound, of which the first came at this time.
    HandOn(Instant),
}

#[derive(Debug, Default)]
struct Waiting {
    /// As they came, and when: no piece is moved again.
    pieces: VecDeque<(Instant, Vec<Update>)>,
    /// Changes in the pieces, and those that were bound and not handed on.
    count: usize,
    /// Of those that were bound and not handed on, when the first one came, and when it was bound. What waited for
    /// long, as the router was busy, is not handed on piece by piece for that.
    bound: Option<Bound>,
    /// When the last piece came.
    last: Option<Instant>,
    /// How long it took last to hand on.
    cost: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Bound {
    came: Instant,
    since: Instant,
}

impl Waiting {
    fn add(&mut self, updates: Vec<Update>, now: Instant) {
        self.count += updates.len();
        self.pieces.push_back((now, updates));
        self.last = Some(now);
    }

    /// What to do now; otherwise when there is something to do, if that is known.
    fn next(&mut self, now: Instant) -> Result<Next, Option<Instant>> {
        let overdue = self.latest().is_some_and(|latest| latest <= now);
        if !overdue && let Some((came, piece)) = self.pieces.pop_front() {
            self.bound.get_or_insert(Bound { came, since: now });
            return Ok(Next::Bind(piece));
        }
        match self.bound {
            Some(bound) if self.due().is_some_and(|due| due <= now) => {
                self.bound = None;
                self.count = self.pieces.iter().map(|(_, piece)| piece.len()).sum();
                Ok(Next::HandOn(bound.came))
            }
            _ => Err(self.due()),
        }
    }

    /// When what was bound is handed on: a few at once; many together, as each time costs the switch's driver as
    /// much as the whole LFIB is large.
    fn due(&self) -> Option<Instant> {
        let bound = self.bound?;
        Some(match self.count {
            0..=FEW => bound.since,
            _ => {
                let settled = SETTLE.max(self.switch_takes() / SETTLE_PART);
                (self.last? + settled).min(self.latest()?)
            }
        })
    }

    /// When it is handed on although more comes all the time.
    fn latest(&self) -> Option<Instant> {
        let costs = LIMIT.max(self.cost * LIMIT_COSTS);
        self.bound
            .map(|bound| bound.since + costs.max(self.switch_takes()))
    }

    /// What a fast switch needs for all changes.
    fn switch_takes(&self) -> Duration {
        let count = u32::try_from(self.count).unwrap_or(u32::MAX);
        SWITCH_TAKES.saturating_mul(count).min(LIMIT_SWITCH)
    }
}

impl Updates {
    /// Waits for what is to be done next. Nothing is lost where this is given up and asked again.
    pub async fn next(&self) -> Next {
        loop {
            let next = self.lock().next(Instant::now());
            match next {
                Ok(next) => return next,
                Err(None) => self.arrived.notified().await,
                Err(Some(due)) => {
                    // Whichever is first: it is looked at again.
                    let _ = tokio::time::timeout_at(due.into(), self.arrived.notified()).await;
                }
            }
        }
    }

    /// How long it took to hand on what was bound.
    pub fn took(&self, time: Duration) {
        self.lock().cost = time;
    }

    /// Adds a piece, which is empty then.
    pub(super) fn add(&self, updates: &mut Vec<Update>) {
        if !updates.is_empty() {
            self.lock().add(std::mem::take(updates), Instant::now());
            self.arrived.notify_one();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(len: usize) -> Vec<Update> {
        vec![Update::HoldingExpired; len]
    }

    #[test]
    fn a_few_changes_are_handed_on_at_once() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        assert_eq!(waiting.next(now), Err(None));
        waiting.add(piece(FEW), now);
        assert_eq!(waiting.next(now), Ok(Next::Bind(piece(FEW))));
        assert_eq!(waiting.next(now), Ok(Next::HandOn(now)));
        assert_eq!(waiting.next(now), Err(None));
    }

    #[test]
    fn many_are_bound_as_they_come_and_handed_on_when_no_more_come() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut waiting = Waiting::default();
        for millis in [0, 2, 4] {
            waiting.add(piece(FEW + 1), at(millis));
            assert_eq!(waiting.next(at(millis)), Ok(Next::Bind(piece(FEW + 1))));
            assert_eq!(waiting.next(at(millis)), Err(Some(at(millis) + SETTLE)));
        }
        let settled = at(4) + SETTLE;
        assert_eq!(waiting.next(settled), Ok(Next::HandOn(start)));
        assert_eq!(waiting.next(settled), Err(None));
    }

    #[test]
    fn a_table_that_comes_fast_is_handed_on_as_a_whole() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut waiting = Waiting::default();
        for millis in 0..1000 {
            waiting.add(piece(1000), at(millis));
            assert!(matches!(waiting.next(at(millis)), Ok(Next::Bind(_))));
        }
        waiting.add(piece(1000), at(1000));
        assert_eq!(waiting.next(at(1000)), Ok(Next::HandOn(start)));
    }

    /// A table that came while the router did something else is bound as a whole before it is handed on.
    #[test]
    fn what_waited_for_long_is_handed_on_once() {
        let start = Instant::now();
        let at = |micros| start + Duration::from_micros(micros);
        let mut waiting = Waiting::default();
        for millis in 0..400 {
            waiting.add(piece(512), at(1000 * millis));
        }
        let (mut bound, mut handed_on) = (0, 0);
        let mut now = 1_500_000;
        loop {
            match waiting.next(at(now)) {
                Ok(Next::Bind(_)) => {
                    bound += 1;
                    now += 512;
                }
                Ok(Next::HandOn(_)) => {
                    handed_on += 1;
                    now += 5000;
                }
                Err(None) => break,
                Err(Some(due)) => now = now.max((due - start).as_micros() as u64),
            }
        }
        assert_eq!((bound, handed_on), (400, 1));
    }

    /// However much comes, what was bound reaches the switch; the longer the handing on takes, the rarer it is.
    #[test]
    fn what_never_settles_is_handed_on_all_the_same() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        for (cost, limit) in [(0, 60), (10, 60), (50, 200)] {
            let mut waiting = Waiting {
                cost: Duration::from_millis(cost),
                ..Waiting::default()
            };
            for millis in 0..limit {
                waiting.add(piece(FEW + 1), at(millis));
                assert!(matches!(waiting.next(at(millis)), Ok(Next::Bind(_))));
            }
            waiting.add(piece(1), at(limit));
            assert_eq!(waiting.next(at(limit)), Ok(Next::HandOn(start)));
            // What was not bound yet is a change of its own.
            assert_eq!(waiting.next(at(limit)), Ok(Next::Bind(piece(1))));
            assert_eq!(waiting.next(at(limit)), Ok(Next::HandOn(at(limit))));
        }
    }
}
