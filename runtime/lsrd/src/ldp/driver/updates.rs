//! What LDP asks of the LFIB, on its way to the router: in pieces, and handed on when no more of it comes.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ldp_lfib::Update;
use tokio::sync::Notify;

/// So many changes of the LFIB are handed on at once.
const FEW: usize = 32;
/// More of them are handed on when no other has come for this long,
const SETTLE: Duration = Duration::from_millis(3);
/// or after this long,
const SETTLE_LIMIT: Duration = Duration::from_millis(60);
/// or so many times as long as it took last.
const SETTLE_COSTS: u32 = 4;

/// What LDP asks of the LFIB and was not taken yet.
#[derive(Debug, Default)]
pub struct Updates {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    /// In pieces as they came: no piece is moved again.
    pieces: Vec<Vec<Update>>,
    count: usize,
    /// When the first and the last of them came.
    since: Option<(Instant, Instant)>,
    /// How long it took last to hand them on.
    cost: Duration,
}

impl Waiting {
    /// When they should be taken: a few at once; many together, as each time that they are handed on
    /// costs as much as the whole LFIB is large.
    fn due(&self) -> Option<Instant> {
        let (first, last) = self.since?;
        Some(match self.count {
            0..=FEW => first,
            _ => (last + SETTLE).min(first + SETTLE_LIMIT.max(self.cost * SETTLE_COSTS)),
        })
    }
}

impl Updates {
    /// Waits until there is something, and no more of it for a moment. Nothing is lost where this is
    /// given up and asked again.
    pub async fn settled(&self) {
        loop {
            let due = self.lock().due();
            match due {
                None => self.arrived.notified().await,
                Some(due) if due <= Instant::now() => return,
                Some(due) => tokio::time::sleep_until(due.into()).await,
            }
        }
    }

    /// All there is, in its order and in pieces, and when the first of it came.
    pub fn take(&self) -> (Vec<Vec<Update>>, Option<Instant>) {
        let mut waiting = self.lock();
        waiting.count = 0;
        let since = waiting.since.take();
        let pieces = std::mem::take(&mut waiting.pieces);
        (pieces, since.map(|(first, _)| first))
    }

    /// How long it took to hand on what was taken.
    pub fn took(&self, time: Duration) {
        self.lock().cost = time;
    }

    /// Adds a piece, which is empty then.
    pub(super) fn add(&self, updates: &mut Vec<Update>) {
        if updates.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut waiting = self.lock();
        waiting.count += updates.len();
        waiting.pieces.push(std::mem::take(updates));
        let first = waiting.since.map_or(now, |(first, _)| first);
        waiting.since = Some((first, now));
        drop(waiting);
        self.arrived.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
