//! Random numbers of a run.
//!
//! The generator is written here (xoshiro256++ by Blackman and Vigna, seeded by SplitMix64) and not taken
//! from a crate, so that the seed of a fault that was found stays that of the fault when dependencies are
//! brought up to date.

use std::time::Duration;

/// A generator of random numbers.
#[derive(Debug, Clone)]
pub struct Rng([u64; 4]);

impl Rng {
    /// The generator of a seed for a purpose: what one purpose takes does not change another's numbers.
    pub fn new(seed: u64, purpose: u64) -> Self {
        let mut state = seed ^ purpose.wrapping_mul(0xA24B_AED4_963E_E407);
        let mut next = || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        };
        Self([next(), next(), next(), next()])
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.0;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let t = b << 17;
        let (c, d) = (c ^ a, d ^ b);
        let (b, a) = (b ^ c, a ^ d);
        self.0 = [a, b, c ^ t, d.rotate_left(45)];
        result
    }

    /// A number below `limit`; 0 if that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        // The multiplication is without a bias that any test could see.
        ((u128::from(self.bits()) * limit as u128) >> 64) as usize
    }

    /// A number from `least` to `most`.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        let span = most.saturating_sub(least).saturating_add(1);
        least + ((u128::from(self.bits()) * u128::from(span)) >> 64) as u64
    }

    /// A number from 0 to below 1.
    pub fn fraction(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something of this probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.fraction() < probability
    }

    /// A time from `least` to `most`, to the microsecond.
    pub fn duration(&mut self, least: Duration, most: Duration) -> Duration {
        let microseconds = |duration: Duration| duration.as_micros() as u64;
        Duration::from_micros(self.between(microseconds(least), microseconds(most)))
    }

    /// One of them; `None` if there is none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_every_time() {
        let mut rng = Rng::new(1, 2);
        let numbers = [rng.bits(), rng.bits(), rng.bits()];
        let mut again = Rng::new(1, 2);
        assert_eq!(numbers, [again.bits(), again.bits(), again.bits()]);
        assert_ne!(numbers[0], Rng::new(1, 3).bits());
        assert_ne!(numbers[0], Rng::new(2, 2).bits());
    }

    #[test]
    fn numbers_are_in_their_ranges_and_reach_both_ends() {
        let mut rng = Rng::new(7, 0);
        let mut seen = [false; 4];
        for _ in 0..200 {
            seen[rng.between(3, 6) as usize - 3] = true;
            assert!(rng.below(5) < 5);
            assert!((0.0..1.0).contains(&rng.fraction()));
        }
        assert_eq!(seen, [true; 4]);
        assert_eq!(rng.below(0), 0);
        assert!(!rng.chance(0.0));
        assert!(rng.chance(1.0));
    }
}
