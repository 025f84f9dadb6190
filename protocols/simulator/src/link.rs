//! What a link does to packets.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use thiserror::Error;

use crate::clock::Time;
use crate::rng::Rng;

/// How a direction of a link treats packets. Probabilities are from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quality {
    /// Packets are lost.
    pub loss: f64,
    /// Packets come twice.
    pub duplication: f64,
    /// A bit of a packet is another, and no checksum tells.
    pub corruption: f64,
    /// Up to how many seconds a packet may come later than others, from 0 to 3600: later ones overtake it.
    pub jitter: f64,
    /// Bits in a second; 0: without limit.
    pub bandwidth: u64,
}

impl Default for Quality {
    fn default() -> Self {
        Self {
            loss: 0.0,
            duplication: 0.0,
            corruption: 0.0,
            jitter: 0.0,
            bandwidth: 0,
        }
    }
}

/// How no direction of a link can be.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum QualityError {
    /// A probability below 0 or above 1.
    #[error("{name} is {value}: probabilities are from 0 to 1")]
    Probability {
        /// Which one.
        name: &'static str,
        /// What it is.
        value: f64,
    },
    /// A jitter that is none.
    #[error("jitter is {0}: 0 to {most} s are possible", most = MOST_JITTER)]
    Jitter(f64),
}

/// The most seconds of jitter.
const MOST_JITTER: f64 = 3600.0;

impl Quality {
    /// Whether its probabilities and its jitter are such.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), QualityError> {
        for (name, value) in [
            ("loss", self.loss),
            ("duplication", self.duplication),
            ("corruption", self.corruption),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return Err(QualityError::Probability { name, value });
            }
        }
        if (0.0..=MOST_JITTER).contains(&self.jitter) {
            Ok(())
        } else {
            Err(QualityError::Jitter(self.jitter))
        }
    }
}

/// How a packet comes out of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When.
    pub at: Time,
    /// Which bit is another: a number that is taken modulo the number of bits.
    pub flipped: Option<u64>,
}

/// A direction of a link.
#[derive(Debug, Clone)]
pub struct Wire {
    /// Packets get through.
    pub works: bool,
    /// How.
    pub quality: Quality,
    delay: Duration,
    /// Bits in a second at the best; 0: without limit.
    bandwidth: u64,
    busy_until: Time,
}

/// The lesser of two bandwidths, of which 0 is without limit.
pub fn narrower(one: u64, other: u64) -> u64 {
    match (one, other) {
        (0, other) => other,
        (one, 0) => one,
        (one, other) => one.min(other),
    }
}

impl Wire {
    /// A wire on which packets take this time, and which takes so many bits in a second; 0: without limit.
    pub fn new(delay: Duration, bandwidth: u64) -> Self {
        Self {
            works: true,
            quality: Quality::default(),
            delay,
            bandwidth,
            busy_until: Time::ZERO,
        }
    }

    /// Whether a packet gets lost.
    pub fn loses(&self, rng: &mut Rng) -> bool {
        !self.works || rng.chance(self.quality.loss)
    }

    /// When a packet of this length that is not lost arrives.
    pub fn arrival(&mut self, now: Time, octets: usize, rng: &mut Rng) -> Time {
        let mut at = now;
        let bits = octets as u64 * 8 * 1_000_000_000;
        if let Some(nanoseconds) =
            bits.checked_div(narrower(self.bandwidth, self.quality.bandwidth))
        {
            self.busy_until = self.busy_until.max(now) + Duration::from_nanos(nanoseconds);
            at = self.busy_until;
        }
        if self.quality.jitter > 0.0 {
            at += Duration::from_secs_f64(self.quality.jitter * rng.fraction());
        }
        at + self.delay
    }

    /// Sends a datagram: it arrives not at all, once, or twice.
    pub fn send(&mut self, now: Time, octets: usize, rng: &mut Rng) -> SmallVec<[Arrival; 2]> {
        let mut arrivals = SmallVec::new();
        let copies = 1 + usize::from(rng.chance(self.quality.duplication));
        for _ in 0..copies {
            if self.loses(rng) {
                continue;
            }
            let flipped = rng.chance(self.quality.corruption).then(|| rng.bits());
            let at = self.arrival(now, octets, rng);
            arrivals.push(Arrival { at, flipped });
        }
        arrivals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DELAY: Duration = Duration::from_millis(2);

    fn wire(quality: Quality) -> (Wire, Rng) {
        let mut wire = Wire::new(DELAY, 0);
        wire.quality = quality;
        (wire, Rng::new(1, 1))
    }

    fn sent(wire: &mut Wire, rng: &mut Rng, count: u64) -> Vec<Arrival> {
        (0..count)
            .flat_map(|n| wire.send(Time::milliseconds(n), 100, rng))
            .collect()
    }

    #[test]
    fn a_good_wire_delivers_each_packet_once_after_its_delay() {
        let (mut wire, mut rng) = wire(Quality::default());
        let arrivals = sent(&mut wire, &mut rng, 50);
        let expected: Vec<_> = (0..50)
            .map(|n| Arrival {
                at: Time::milliseconds(n) + DELAY,
                flipped: None,
            })
            .collect();
        assert_eq!(arrivals, expected);
    }

    #[test]
    fn packets_are_lost_duplicated_and_corrupted_as_often_as_the_quality_says() {
        let quality = Quality {
            loss: 0.25,
            ..Quality::default()
        };
        let (mut of, mut rng) = wire(quality);
        let left = sent(&mut of, &mut rng, 4000).len();
        assert!((2800..3200).contains(&left), "{left}");

        let quality = Quality {
            duplication: 0.5,
            corruption: 0.1,
            ..Quality::default()
        };
        let (mut of, mut rng) = wire(quality);
        let arrivals = sent(&mut of, &mut rng, 4000);
        assert!((5800..6200).contains(&arrivals.len()), "{}", arrivals.len());
        let corrupted = arrivals.iter().filter(|a| a.flipped.is_some()).count();
        assert!((500..700).contains(&corrupted), "{corrupted}");
    }

    #[test]
    fn jitter_lets_packets_overtake_each_other() {
        let (mut of, mut rng) = wire(Quality {
            jitter: 0.02,
            ..Quality::default()
        });
        let arrivals = sent(&mut of, &mut rng, 100);
        assert!(arrivals.windows(2).any(|pair| pair[1].at < pair[0].at));
    }

    #[test]
    fn a_wire_of_little_bandwidth_sends_one_packet_after_the_other() {
        let (mut of, mut rng) = wire(Quality {
            bandwidth: 800_000,
            ..Quality::default()
        });
        // 100 octets take a millisecond.
        let at: Vec<_> = (0..3)
            .flat_map(|_| of.send(Time::ZERO, 100, &mut rng))
            .map(|arrival| arrival.at)
            .collect();
        assert_eq!(at, [1, 2, 3].map(|n| Time::milliseconds(n) + DELAY));
    }

    #[test]
    fn a_link_that_is_degraded_is_no_faster_than_it_is() {
        let mut of = Wire::new(DELAY, 800_000);
        of.quality.bandwidth = 80_000_000;
        let mut rng = Rng::new(1, 1);
        assert_eq!(of.arrival(Time::ZERO, 100, &mut rng), Time::milliseconds(3));
        of.quality.bandwidth = 80_000;
        let at = of.arrival(Time::milliseconds(10), 100, &mut rng);
        assert_eq!(at, Time::milliseconds(22));
    }

    #[test]
    fn nothing_comes_out_of_a_wire_that_is_cut() {
        let (mut of, mut rng) = wire(Quality::default());
        of.works = false;
        assert!(sent(&mut of, &mut rng, 10).is_empty());
    }
}
