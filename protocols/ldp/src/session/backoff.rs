//! When the next attempt at a session is (RFC 5036 section 2.5.3).

use std::time::Duration;

/// The delay of a connection that could not be made or broke: it doubles from here...
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// ...up to here.
const LAST_RETRY: Duration = Duration::from_secs(15);

/// The delay before the active LSR opens the transport connection again.
///
/// NAKs of Initialization messages have the delays of RFC 5036 section 2.5.3. It says nothing of
/// connections that are refused or break, but without any delay two LSRs could keep each other busy.
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    naks: u32,
    failures: u32,
}

impl Backoff {
    /// An Initialization message was NAKed, by either side.
    pub fn nak(&mut self, initial: Duration, maximum: Duration) -> Duration {
        let delay = doubled(initial, self.naks).min(maximum.max(initial));
        self.naks = self.naks.saturating_add(1);
        delay
    }

    /// A connection could not be made, or broke before long.
    pub fn failure(&mut self) -> Duration {
        let delay = doubled(FIRST_RETRY, self.failures).min(LAST_RETRY);
        self.failures = self.failures.saturating_add(1);
        delay
    }

    /// A session lasted, or one side was configured anew: no further need to throttle.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// The Initialization messages were accepted, so that NAKs are over; connections may still break.
    pub fn accepted(&mut self) {
        self.naks = 0;
    }

    /// NAKs in a row.
    pub fn naks(&self) -> u32 {
        self.naks
    }
}

fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(1u32.checked_shl(times.min(31)).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5036 section 2.5.3: the attempt after a NAK is delayed no less than 15 seconds, and
    /// subsequent delays grow to a maximum of no less than 2 minutes.
    #[test]
    fn delays_after_naks_double_from_15_to_120_seconds() {
        let mut backoff = Backoff::default();
        let delays: Vec<u64> = (0..6)
            .map(|_| {
                backoff
                    .nak(Duration::from_secs(15), Duration::from_secs(120))
                    .as_secs()
            })
            .collect();
        assert_eq!(delays, [15, 30, 60, 120, 120, 120]);
        backoff.reset();
        assert_eq!(
            backoff.nak(Duration::from_secs(15), Duration::from_secs(120)),
            Duration::from_secs(15)
        );
    }

    #[test]
    fn any_number_of_failures_leaves_a_delay_of_15_seconds() {
        let mut backoff = Backoff::default();
        for _ in 0..100 {
            backoff.failure();
        }
        assert_eq!(backoff.failure(), Duration::from_secs(15));
    }
}
