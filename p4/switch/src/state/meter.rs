//! Meters of three colours.

use std::sync::Mutex;

use super::Result;
use super::arrays::Counter;
use crate::control::{ControlError, MeterConfig, MeterCounts};

/// The colours of a meter.
pub(crate) const GREEN: u64 = 0;
const YELLOW: u64 = 1;
const RED: u64 = 2;

/// A three-colour meter.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    configured: Mutex<Option<MeterState>>,
    /// By colour.
    counters: [Counter; 3],
}

#[derive(Debug, Clone)]
struct MeterState {
    config: MeterConfig,
    committed: Bucket,
    /// Of the peak rate, or of the excess burst.
    second: Bucket,
}

#[derive(Debug, Clone)]
struct Bucket {
    tokens: u64,
    /// Millionths of a token that came in besides.
    fraction: u32,
    /// The time in microseconds up to which tokens came in.
    filled: u64,
}

/// Parts of a token that come in each microsecond, for each token of the rate.
const FRACTIONS: u32 = 1_000_000;

impl Bucket {
    fn full(tokens: u64, now: u64) -> Self {
        Self {
            tokens,
            fraction: 0,
            filled: now,
        }
    }

    /// Tokens that came in since the last time, at so many a second.
    fn new_tokens(&mut self, now: u64, rate: u64) -> u64 {
        // Another thread may have taken a later time already.
        let elapsed = now.saturating_sub(self.filled);
        self.filled = self.filled.max(now);
        // The product of two numbers of 64 bits leaves room for the fraction.
        let new = u128::from(elapsed) * u128::from(rate) + u128::from(self.fraction);
        self.fraction = (new % u128::from(FRACTIONS)) as u32;
        // A burst is never larger.
        u64::try_from(new / u128::from(FRACTIONS)).unwrap_or(u64::MAX)
    }

    /// Puts tokens in; gives those that are too many.
    fn put(&mut self, new: u64, burst: u64) -> u64 {
        let room = burst.saturating_sub(self.tokens);
        self.tokens += new.min(room);
        new - new.min(room)
    }

    /// Takes tokens if there are enough.
    fn take(&mut self, cost: u64) -> bool {
        match self.tokens.checked_sub(cost) {
            Some(left) => {
                self.tokens = left;
                true
            }
            None => false,
        }
    }
}

impl MeterState {
    /// The colour of a packet that costs so many tokens, colour-blind.
    fn colour(&mut self, now: u64, cost: u64) -> u64 {
        let MeterConfig {
            cir,
            cburst,
            pir,
            pburst,
            eburst,
        } = self.config;
        let new = self.committed.new_tokens(now, cir);
        let rest = self.committed.put(new, cburst);
        if eburst > 0 {
            // RFC 2697 section 3: what the committed burst has no room for goes to the excess
            // burst.
            self.second.put(rest, eburst);
            return if self.committed.take(cost) {
                GREEN
            } else if self.second.take(cost) {
                YELLOW
            } else {
                RED
            };
        }
        // RFC 2698 section 3: first the peak rate, then, if that is kept, the committed rate.
        let new = self.second.new_tokens(now, pir);
        self.second.put(new, pburst);
        if !self.second.take(cost) {
            RED
        } else if !self.committed.take(cost) {
            YELLOW
        } else {
            GREEN
        }
    }
}

impl Meter {
    /// The colour of a packet of so many bytes that costs so many tokens; it is counted.
    pub(crate) fn execute(&self, now: u64, cost: u64, bytes: u64) -> u64 {
        let colour = match self.lock().as_mut() {
            Some(meter) => meter.colour(now, cost),
            None => GREEN,
        };
        if let Some(counter) = self.counters.get(colour as usize) {
            counter.count(bytes, false);
        }
        colour
    }

    pub(super) fn counts(&self) -> MeterCounts {
        let [green, yellow, red] = [GREEN, YELLOW, RED].map(|c| self.counters[c as usize].value());
        MeterCounts { green, yellow, red }
    }

    pub(super) fn set_counts(&self, counts: MeterCounts) {
        let values = [counts.green, counts.yellow, counts.red];
        for (counter, value) in self.counters.iter().zip(values) {
            counter.set(value);
        }
    }

    pub(super) fn config(&self) -> Option<MeterConfig> {
        self.lock().as_ref().map(|meter| meter.config)
    }

    pub(super) fn set(&self, config: Option<MeterConfig>, now: u64) {
        *self.lock() = config.map(|config| MeterState {
            config,
            committed: Bucket::full(config.cburst, now),
            second: Bucket::full(
                if config.eburst > 0 {
                    config.eburst
                } else {
                    config.pburst
                },
                now,
            ),
        });
    }

    /// Takes over the counts of another meter, and its tokens if it has the same configuration.
    pub(super) fn take(&self, other: &Self) {
        self.set_counts(other.counts());
        let mut own = self.lock();
        let other = other.lock();
        if let (Some(own), Some(other)) = (own.as_mut(), other.as_ref())
            && own.config == other.config
        {
            own.clone_from(other);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<MeterState>> {
        // The state is whole whatever the thread that held the lock did.
        self.configured
            .lock()
            .unwrap_or_else(|error| error.into_inner())
    }
}

pub(super) fn check_meter(owner: &str, config: Option<&MeterConfig>) -> Result<()> {
    match config {
        Some(config) if config.cir > config.pir => Err(ControlError::Invalid {
            owner: owner.to_owned(),
            reason: format!(
                "the committed rate {} is larger than the peak rate {}",
                config.cir, config.pir
            ),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::CounterValue;

    fn meter(cir: u64, cburst: u64, pir: u64, pburst: u64) -> Meter {
        configured(MeterConfig {
            cir,
            cburst,
            pir,
            pburst,
            eburst: 0,
        })
    }

    fn configured(config: MeterConfig) -> Meter {
        let meter = Meter::default();
        meter.set(Some(config), 0);
        meter
    }

    #[test]
    fn a_meter_without_configuration_is_green() {
        assert_eq!(Meter::default().execute(0, 1_000_000, 1_000_000), GREEN);
    }

    #[test]
    fn bursts_are_green_then_yellow_then_red() {
        let meter = meter(1, 2, 1, 5);
        let colours: Vec<u64> = (0..7).map(|_| meter.execute(0, 1, 64)).collect();
        assert_eq!(colours, [GREEN, GREEN, YELLOW, YELLOW, YELLOW, RED, RED]);
    }

    #[test]
    fn tokens_come_in_at_the_rates() {
        let meter = meter(1_000, 1_000, 2_000, 2_000);
        assert_eq!(meter.execute(0, 1_000, 64), GREEN);
        assert_eq!(meter.execute(0, 1_000, 64), YELLOW);
        assert_eq!(meter.execute(0, 1, 64), RED);
        // A millisecond brings 1 committed and 2 peak tokens.
        assert_eq!(meter.execute(1_000, 2, 64), YELLOW);
        assert_eq!(meter.execute(1_000, 1, 64), RED);
        assert_eq!(meter.execute(2_000, 2, 64), GREEN);
    }

    #[test]
    fn no_fraction_of_a_token_gets_lost() {
        let meter = meter(3, 1, 3, 1);
        meter.execute(0, 1, 64);
        let green = (1..=9_000_000_u64)
            .step_by(1_000)
            .filter(|now| meter.execute(*now, 1, 64) == GREEN)
            .count();
        assert!((26..=27).contains(&green), "{green}");
    }

    #[test]
    fn a_meter_goes_on_for_years_at_any_rate() {
        const HOUR: u64 = 3_600_000_000;
        const YEAR: u64 = 365 * 24 * HOUR;
        for rate in [1, 1_000_000_000_000_000, i64::MAX as u64] {
            let meter = meter(rate, 1_500, rate, 1_500);
            // Five hours at 10^15 are more tokens than a number of 64 bits holds.
            let hours = (1..100).map(|hour| hour * HOUR);
            for now in hours.chain((1..100).map(|year| year * YEAR)) {
                assert_eq!(meter.execute(now, 1_500, 1_500), GREEN, "{rate} at {now}");
                assert_eq!(meter.execute(now, 1, 1), RED, "{rate} at {now}");
            }
        }
    }

    #[test]
    fn a_time_before_the_last_brings_no_tokens() {
        let meter = meter(1_000, 2, 1_000, 2);
        assert_eq!(meter.execute(10_000, 2, 64), GREEN);
        assert_eq!(meter.execute(9_000, 1, 64), RED);
        assert_eq!(meter.execute(10_000, 1, 64), RED);
        assert_eq!(meter.execute(11_000, 1, 64), GREEN);
    }

    /// RFC 2697 section 3.
    #[test]
    fn an_excess_burst_is_yellow_and_fills_with_what_is_left_over() {
        let meter = configured(MeterConfig {
            cir: 1_000,
            cburst: 2,
            pir: 1_000,
            pburst: 2,
            eburst: 3,
        });
        let colours: Vec<u64> = (0..7).map(|_| meter.execute(0, 1, 64)).collect();
        assert_eq!(colours, [GREEN, GREEN, YELLOW, YELLOW, YELLOW, RED, RED]);
        // A millisecond brings one token, which the committed burst has room for.
        assert_eq!(meter.execute(1_000, 1, 64), GREEN);
        assert_eq!(meter.execute(1_000, 1, 64), RED);
        // Three more: two for the committed burst, one for the excess burst.
        let colours: Vec<u64> = (0..4).map(|_| meter.execute(4_000, 1, 64)).collect();
        assert_eq!(colours, [GREEN, GREEN, YELLOW, RED]);
    }

    /// Section 9.4 of the P4Runtime specification: a single-rate two-colour configuration marks
    /// packets alike in meters of every type.
    #[test]
    fn without_excess_burst_one_rate_is_green_and_red() {
        let meter = meter(1_000, 2, 1_000, 2);
        let colours: Vec<u64> = (0..4).map(|_| meter.execute(0, 1, 64)).collect();
        assert_eq!(colours, [GREEN, GREEN, RED, RED]);
    }

    #[test]
    fn the_tokens_of_a_meter_of_the_same_configuration_are_taken_over() {
        let old = meter(1, 2, 1, 2);
        old.execute(0, 2, 64);
        let same = meter(1, 2, 1, 2);
        same.take(&old);
        assert_eq!(same.execute(0, 1, 64), RED);
        assert_eq!(same.counts().green, old.counts().green);
        let other = meter(1, 3, 1, 3);
        other.take(&old);
        assert_eq!(other.execute(0, 3, 64), GREEN);
    }

    #[test]
    fn packets_are_counted_by_colour() {
        let meter = meter(1, 1, 1, 2);
        for bytes in [100, 10, 1, 1] {
            meter.execute(0, 1, bytes);
        }
        let value = |packets, bytes| CounterValue { packets, bytes };
        let counts = MeterCounts {
            green: value(1, 100),
            yellow: value(1, 10),
            red: value(2, 2),
        };
        assert_eq!(meter.counts(), counts);
        meter.set_counts(MeterCounts::default());
        assert_eq!(meter.counts(), MeterCounts::default());
    }
}
