//! The time that programs see.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A clock that counts microseconds from the start of the switch: what
/// `standard_metadata.ingress_global_timestamp` is, and what meters measure rates with.
#[derive(Debug)]
pub enum Clock {
    /// The time that passes.
    System {
        /// When it stood at 0.
        start: Instant,
        /// The microseconds at its last [`Clock::tick`].
        ticked: AtomicU64,
    },
    /// A time that is set by hand, for tests.
    Manual(AtomicU64),
}

impl Clock {
    /// The time that passes, from now on.
    #[must_use]
    pub fn system() -> Self {
        Self::System {
            start: Instant::now(),
            ticked: AtomicU64::new(0),
        }
    }

    /// A clock that stands at 0 until it is advanced.
    #[must_use]
    pub const fn manual() -> Self {
        Self::Manual(AtomicU64::new(0))
    }

    /// Lets time pass on a manual clock. The system's clock goes on by itself.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(micros) = self {
            let by = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
            micros.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Microseconds since the start.
    #[must_use]
    pub fn microseconds(&self) -> u64 {
        match self {
            // A u64 holds half a million years.
            Self::System { start, .. } => start.elapsed().as_micros() as u64,
            Self::Manual(micros) => micros.load(Ordering::Relaxed),
        }
    }

    /// Microseconds from the start to the last [`Clock::tick`]: cheaper to read, and enough for
    /// idle timeouts.
    #[must_use]
    pub fn coarse_microseconds(&self) -> u64 {
        match self {
            Self::System { ticked: micros, .. } | Self::Manual(micros) => {
                micros.load(Ordering::Relaxed)
            }
        }
    }

    /// Brings [`Clock::coarse_microseconds`] up to date. Whoever uses idle timeouts calls this at
    /// short intervals.
    pub fn tick(&self) {
        if let Self::System { start, ticked } = self {
            ticked.store(start.elapsed().as_micros() as u64, Ordering::Relaxed);
        }
    }
}
