//! Integers of several sizes for expressions.
//!
//! BMv2 computes with infinite precision and cuts a result to the width of the field that it is
//! written to. Where the loader can show that a number type of fixed size, which wraps around,
//! gives the same bits, the expression is evaluated with that; otherwise with [`BigInt`].

mod fixed;

use std::cmp::Ordering;

use num_bigint::{BigInt, Sign};

pub(crate) use fixed::Fixed;

/// The largest shift of a [`BigInt`], so that no packet can ask for gigabytes of memory. A shift
/// to the left by more gives 0; no field is as wide.
const MAX_SHIFT: u64 = 1 << 16;

/// A signed number in two's complement that either wraps around or grows.
pub(crate) trait Number: Clone + Sized {
    /// From the words of an unsigned number, the least significant first.
    fn from_words(words: &[u64]) -> Self;
    /// From the words of a number of `width` bits in two's complement.
    fn from_signed_words(words: &[u64], width: u32) -> Self;
    fn from_u64(value: u64) -> Self;
    fn from_i64(value: i64) -> Self;
    fn from_big(value: &BigInt) -> Self;

    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// 0 if `other` is 0.
    fn div(self, other: Self) -> Self;
    /// 0 if `other` is 0.
    fn rem(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn not(self) -> Self;
    fn shl(self, amount: u64) -> Self;
    /// Towards negative infinity.
    fn shr(self, amount: u64) -> Self;
    fn compare(&self, other: &Self) -> Ordering;
    fn is_zero(&self) -> bool;
    fn is_negative(&self) -> bool;

    /// Writes the lowest bits in two's complement to `words`, the least significant first.
    fn to_words(&self, words: &mut [u64]);

    /// The value, or `u64::MAX` if it is negative or larger.
    fn to_u64_saturating(&self) -> u64;

    /// The number of `width` bits in two's complement that has the same lowest bits.
    fn two_complement(self, width: u32) -> Self {
        if width == 0 {
            return Self::from_u64(0);
        }
        let mask = Self::ones(width);
        let low = self.and(mask);
        if low.clone().shr(u64::from(width - 1)).is_zero() {
            low
        } else {
            low.or(Self::ones(width).not())
        }
    }

    /// 2^width - 1.
    fn ones(width: u32) -> Self {
        Self::from_u64(1)
            .shl(u64::from(width))
            .sub(Self::from_u64(1))
    }

    /// The nearest number from 0 to 2^width - 1.
    fn saturate_unsigned(self, width: u32) -> Self {
        if self.is_negative() {
            return Self::from_u64(0);
        }
        let max = Self::ones(width);
        if self.compare(&max) == Ordering::Greater {
            max
        } else {
            self
        }
    }

    /// The nearest number from -2^(width-1) to 2^(width-1) - 1.
    fn saturate_signed(self, width: u32) -> Self {
        let max = Self::ones(width.saturating_sub(1));
        let min = max.clone().not();
        if self.compare(&max) == Ordering::Greater {
            max
        } else if self.compare(&min) == Ordering::Less {
            min
        } else {
            self
        }
    }
}

macro_rules! native {
    ($signed:ty, $unsigned:ty) => {
        impl Number for $signed {
            #[inline]
            fn from_words(words: &[u64]) -> Self {
                let mut value: $unsigned = 0;
                for (i, word) in words.iter().take(<$signed>::BITS as usize / 64).enumerate() {
                    value |= (*word as $unsigned) << (64 * i);
                }
                value as $signed
            }
            #[inline]
            fn from_signed_words(words: &[u64], width: u32) -> Self {
                let value = Self::from_words(words);
                match <$signed>::BITS.checked_sub(width) {
                    Some(shift) if width > 0 => (value << shift) >> shift,
                    _ => value,
                }
            }
            #[inline]
            fn from_u64(value: u64) -> Self {
                value as $signed
            }
            #[inline]
            fn from_i64(value: i64) -> Self {
                value as $signed
            }
            fn from_big(value: &BigInt) -> Self {
                let mut words = [0; <$signed>::BITS as usize / 64];
                value.to_words(&mut words);
                Self::from_words(&words)
            }
            #[inline]
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline]
            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline]
            fn mul(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            fn div(self, other: Self) -> Self {
                if other == 0 {
                    0
                } else {
                    self.wrapping_div(other)
                }
            }
            fn rem(self, other: Self) -> Self {
                if other == 0 {
                    0
                } else {
                    self.wrapping_rem(other)
                }
            }
            #[inline]
            fn and(self, other: Self) -> Self {
                self & other
            }
            #[inline]
            fn or(self, other: Self) -> Self {
                self | other
            }
            #[inline]
            fn xor(self, other: Self) -> Self {
                self ^ other
            }
            #[inline]
            fn not(self) -> Self {
                !self
            }
            #[inline]
            fn shl(self, amount: u64) -> Self {
                if amount < u64::from(<$signed>::BITS) {
                    self << amount
                } else {
                    0
                }
            }
            #[inline]
            fn shr(self, amount: u64) -> Self {
                self >> amount.min(u64::from(<$signed>::BITS) - 1)
            }
            #[inline]
            fn compare(&self, other: &Self) -> Ordering {
                self.cmp(other)
            }
            #[inline]
            fn is_zero(&self) -> bool {
                *self == 0
            }
            #[inline]
            fn is_negative(&self) -> bool {
                *self < 0
            }
            #[inline]
            fn to_words(&self, words: &mut [u64]) {
                for (i, word) in words.iter_mut().enumerate() {
                    *word = self.shr(64 * i as u64) as u64;
                }
            }
            #[inline]
            fn to_u64_saturating(&self) -> u64 {
                u64::try_from(*self).unwrap_or(u64::MAX)
            }
        }
    };
}

native!(i64, u64);
native!(i128, u128);

impl Number for BigInt {
    fn from_words(words: &[u64]) -> Self {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        BigInt::from_bytes_le(Sign::Plus, &bytes)
    }
    fn from_signed_words(words: &[u64], width: u32) -> Self {
        Self::from_words(words).two_complement(width)
    }
    fn from_u64(value: u64) -> Self {
        BigInt::from(value)
    }
    fn from_i64(value: i64) -> Self {
        BigInt::from(value)
    }
    fn from_big(value: &BigInt) -> Self {
        value.clone()
    }
    fn add(self, other: Self) -> Self {
        self + other
    }
    fn sub(self, other: Self) -> Self {
        self - other
    }
    fn mul(self, other: Self) -> Self {
        self * other
    }
    fn div(self, other: Self) -> Self {
        if other.is_zero() { other } else { self / other }
    }
    fn rem(self, other: Self) -> Self {
        if other.is_zero() { other } else { self % other }
    }
    fn and(self, other: Self) -> Self {
        self & other
    }
    fn or(self, other: Self) -> Self {
        self | other
    }
    fn xor(self, other: Self) -> Self {
        self ^ other
    }
    fn not(self) -> Self {
        !self
    }
    fn shl(self, amount: u64) -> Self {
        if amount > MAX_SHIFT {
            BigInt::default()
        } else {
            self << amount
        }
    }
    fn shr(self, amount: u64) -> Self {
        self >> amount
    }
    fn compare(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
    fn is_zero(&self) -> bool {
        self.sign() == Sign::NoSign
    }
    fn is_negative(&self) -> bool {
        self.sign() == Sign::Minus
    }
    fn to_words(&self, words: &mut [u64]) {
        let bytes = self.to_signed_bytes_le();
        let fill = if Number::is_negative(self) { 0xff } else { 0 };
        for (i, word) in words.iter_mut().enumerate() {
            let mut chunk = [fill; 8];
            for (j, byte) in chunk.iter_mut().enumerate() {
                if let Some(value) = bytes.get(8 * i + j) {
                    *byte = *value;
                }
            }
            *word = u64::from_le_bytes(chunk);
        }
    }
    fn to_u64_saturating(&self) -> u64 {
        u64::try_from(self).unwrap_or(u64::MAX)
    }
}

/// The number of words that `width` bits need.
pub(crate) const fn words_for(width: u32) -> usize {
    width.div_ceil(64) as usize
}

/// The mask of the lowest `width` bits of one word, for a width of up to 64.
pub(crate) const fn low_mask(width: u32) -> u64 {
    if width >= 64 {
        u64::MAX
    } else {
        (1 << width) - 1
    }
}

/// Cuts a number to `width` bits.
pub(crate) fn cut(words: &mut [u64], width: u32) {
    let whole = (width / 64) as usize;
    let rest = width % 64;
    for (i, word) in words.iter_mut().enumerate() {
        if i == whole {
            *word &= low_mask(rest);
        } else if i > whole {
            *word = 0;
        }
    }
}

/// The bytes in network byte order of a number of `width` bits.
pub(crate) fn words_to_bytes(words: &[u64], width: u32) -> Vec<u8> {
    let length = width.div_ceil(8) as usize;
    (0..length)
        .rev()
        .map(|i| (words.get(i / 8).copied().unwrap_or(0) >> (8 * (i % 8))) as u8)
        .collect()
}

/// The words of a byte string in network byte order; as many as asked for, with the bits that do
/// not fit left out.
pub(crate) fn bytes_to_words(bytes: &[u8], words: &mut [u64]) {
    words.fill(0);
    for (i, byte) in bytes.iter().rev().enumerate() {
        if let Some(word) = words.get_mut(i / 8) {
            *word |= u64::from(*byte) << (8 * (i % 8));
        }
    }
}

/// How many bits a byte string in network byte order needs.
pub(crate) fn bits_of_bytes(bytes: &[u8]) -> u32 {
    match bytes.iter().position(|byte| *byte != 0) {
        None => 0,
        Some(first) => {
            let rest = u32::try_from(bytes.len() - first - 1).unwrap_or(u32::MAX / 8);
            rest.saturating_mul(8) + (8 - bytes[first].leading_zeros())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn big(words: [u64; 4]) -> BigInt {
        BigInt::from_words(&words)
    }

    /// Applies an operation to numbers of one type.
    fn apply<N: Number>(op: u8, left: N, right: N, shift: u64) -> N {
        match op {
            0 => left.add(right),
            1 => left.sub(right),
            2 => left.mul(right),
            3 => left.and(right),
            4 => left.or(right),
            5 => left.xor(right),
            6 => left.not(),
            7 => left.shl(shift),
            _ => left.two_complement(96),
        }
    }

    fn low<N: Number, const W: usize>(number: &N) -> [u64; W] {
        let mut words = [0; W];
        number.to_words(&mut words);
        words
    }

    proptest! {
        #[test]
        fn wrapping_numbers_agree_with_infinite_precision(
            op in 0_u8..9, left: [u64; 4], right: [u64; 4], shift in 0_u64..300,
        ) {
            let exact = apply(op, big(left), big(right), shift);
            let four = apply(op, Fixed::<4>::from_words(&left), Fixed::from_words(&right), shift);
            prop_assert_eq!(low::<_, 4>(&four), low::<_, 4>(&exact));
            if op < 8 {
                let two = apply(op, i128::from_words(&left), i128::from_words(&right), shift);
                prop_assert_eq!(low::<_, 2>(&two), low::<_, 2>(&exact));
                let one = apply(op, i64::from_words(&left), i64::from_words(&right), shift);
                prop_assert_eq!(low::<_, 1>(&one), low::<_, 1>(&exact));
            }
        }

        #[test]
        fn order_and_division_agree(left: [u64; 4], right: [u64; 4], narrow in 0_u32..256, shift in 0_u64..300) {
            let (mut left, mut right) = (left, right);
            cut(&mut left, narrow);
            cut(&mut right, 256 - narrow);
            let (a, b) = (Fixed::<8>::from_words(&left), Fixed::<8>::from_words(&right));
            prop_assert_eq!(a.compare(&b), big(left).cmp(&big(right)));
            prop_assert_eq!(a.sub(b).is_negative(), big(left) < big(right));
            prop_assert_eq!(low::<_, 8>(&a.div(b)), low::<_, 8>(&Number::div(big(left), big(right))));
            prop_assert_eq!(low::<_, 8>(&a.rem(b)), low::<_, 8>(&Number::rem(big(left), big(right))));
            prop_assert_eq!(low::<_, 8>(&a.sub(b).shr(shift)), low::<_, 8>(&Number::shr(big(left) - big(right), shift)));
        }

        #[test]
        fn signed_words_are_extended(value: i64, width in 1_u32..64) {
            let mut words = [value as u64];
            cut(&mut words, width);
            let expected = (value << (64 - width)) >> (64 - width);
            prop_assert_eq!(i64::from_signed_words(&words, width), expected);
            prop_assert_eq!(i128::from_signed_words(&words, width), i128::from(expected));
            prop_assert_eq!(BigInt::from_signed_words(&words, width), BigInt::from(expected));
            prop_assert_eq!(low::<_, 1>(&Fixed::<4>::from_signed_words(&words, width))[0] as i64, expected);
        }

        #[test]
        fn bytes_and_words_are_inverse(bytes in proptest::collection::vec(any::<u8>(), 1..40)) {
            let width = bytes.len() as u32 * 8;
            let mut words = vec![0; words_for(width)];
            bytes_to_words(&bytes, &mut words);
            prop_assert_eq!(words_to_bytes(&words, width), bytes.clone());
            prop_assert_eq!(u64::from(bits_of_bytes(&bytes)), BigInt::from_words(&words).bits());
        }
    }

    #[test]
    fn saturation_keeps_to_the_limits() {
        assert_eq!(300_i64.saturate_unsigned(8), 255);
        assert_eq!((-3_i64).saturate_unsigned(8), 0);
        assert_eq!(200_i64.saturate_signed(8), 127);
        assert_eq!((-200_i64).saturate_signed(8), -128);
        assert_eq!(BigInt::from(-200).saturate_signed(8), BigInt::from(-128));
    }

    #[test]
    fn a_division_by_zero_gives_zero() {
        assert_eq!(Number::div(7_i64, 0), 0);
        assert_eq!(Number::rem(7_i128, 0), 0);
        assert!(Fixed::<4>::from_u64(7).div(Fixed::from_u64(0)).is_zero());
    }

    #[test]
    fn an_absurd_shift_takes_no_memory() {
        assert!(Number::is_zero(&Number::shl(BigInt::from(1), u64::MAX)));
    }
}
