//! A lock for which its waiters stay awake for a while.
//!
//! Packets wait while the control plane writes a batch, and the control plane while a batch of packets is
//! under way: for less than a millisecond each. Who sleeps meanwhile has to be woken, and then waits for a
//! core that runs something else, which takes longer than what it waited for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::time::{Duration, Instant};

/// How long a waiter stays awake: longer than a batch of 1,000 updates takes.
const AWAKE: Duration = Duration::from_millis(1);
/// How long of that it lets nobody else have its core. It may be the one that the holder was put off.
const ALONE: Duration = Duration::from_micros(50);
/// How often a waiter looks between two looks at the clock.
const LOOKS: u32 = 64;

/// A [`RwLock`] whose waiters stay awake at first, if there is another core for who holds the lock. A
/// writer that waits keeps new readers out.
///
/// A thread that panicked while it held the lock left the value as it was before or after one change:
/// going on is better than to stop all forwarding, so nobody is told of it.
#[derive(Debug)]
pub(crate) struct PatientLock<T> {
    value: RwLock<T>,
    /// Writers that wait.
    writers: AtomicUsize,
    /// Whether there is another core.
    awake: bool,
}

impl<T> PatientLock<T> {
    pub(crate) fn new(value: T) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            value: RwLock::new(value),
            writers: AtomicUsize::new(0),
            awake: cores > 1,
        }
    }

    #[inline]
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
        let look = || {
            if self.writers.load(Ordering::Relaxed) > 0 {
                return None;
            }
            taken(self.value.try_read())
        };
        match look().or_else(|| self.wait(look)) {
            Some(guard) => guard,
            None => self.value.read().unwrap_or_else(PoisonError::into_inner),
        }
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.writers.fetch_add(1, Ordering::Relaxed);
        let look = || taken(self.value.try_write());
        let guard = match look().or_else(|| self.wait(look)) {
            Some(guard) => guard,
            None => self.value.write().unwrap_or_else(PoisonError::into_inner),
        };
        self.writers.fetch_sub(1, Ordering::Relaxed);
        guard
    }

    /// Looks until there is something, or the time is over.
    #[cold]
    fn wait<G>(&self, mut look: impl FnMut() -> Option<G>) -> Option<G> {
        if !self.awake {
            return None;
        }
        let start = Instant::now();
        loop {
            for _ in 0..LOOKS {
                if let Some(guard) = look() {
                    return Some(guard);
                }
                std::hint::spin_loop();
            }
            let waited = start.elapsed();
            if waited >= AWAKE {
                return None;
            }
            if waited >= ALONE {
                std::thread::yield_now();
            }
        }
    }
}

/// The lock, if it was free.
fn taken<G>(tried: Result<G, TryLockError<G>>) -> Option<G> {
    match tried {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_seen_as_a_whole() {
        const ROUNDS: u64 = 20_000;
        let lock = PatientLock::new((0_u64, 0_u64));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        let mut value = lock.write();
                        value.0 += 1;
                        value.1 += 1;
                    }
                });
                scope.spawn(|| {
                    while lock.read().0 < 2 * ROUNDS {
                        let value = lock.read();
                        assert_eq!(value.0, value.1);
                    }
                });
            }
        });
        assert_eq!(*lock.read(), (2 * ROUNDS, 2 * ROUNDS));
    }

    #[test]
    fn who_waits_for_long_gets_the_lock_in_the_end() {
        let lock = PatientLock::new(0);
        std::thread::scope(|scope| {
            let guard = lock.read();
            let writer = scope.spawn(|| *lock.write() = 1);
            std::thread::sleep(3 * AWAKE);
            drop(guard);
            assert!(writer.join().is_ok());
            let guard = lock.write();
            let reader = scope.spawn(|| *lock.read());
            std::thread::sleep(3 * AWAKE);
            drop(guard);
            assert_eq!(reader.join().ok(), Some(1));
        });
    }

    #[test]
    fn a_thread_that_panicked_stops_nobody() {
        let lock = PatientLock::new(7);
        std::thread::scope(|scope| {
            let panicked = scope.spawn(|| {
                let _guard = lock.write();
                panic!("while it is held");
            });
            assert!(panicked.join().is_err());
        });
        assert_eq!(*lock.read(), 7);
        *lock.write() = 8;
        assert_eq!(*lock.read(), 8);
    }
}
