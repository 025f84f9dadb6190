//! Wrapping numbers of a fixed number of words, for fields such as IPv6 addresses and for
//! metadata of some hundred bits.

use std::cmp::Ordering;

use num_bigint::BigInt;

use super::Number;

/// A signed number of `64 * N` bits that wraps around; the least significant word first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fixed<const N: usize>([u64; N]);

impl<const N: usize> Fixed<N> {
    fn zip(self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        let mut words = self.0;
        for (word, other) in words.iter_mut().zip(other.0) {
            *word = f(*word, other);
        }
        Self(words)
    }

    fn fill(&self) -> u64 {
        if self.is_negative() { u64::MAX } else { 0 }
    }
}

impl<const N: usize> Number for Fixed<N> {
    fn from_words(words: &[u64]) -> Self {
        let mut value = [0; N];
        for (to, from) in value.iter_mut().zip(words) {
            *to = *from;
        }
        Self(value)
    }
    fn from_signed_words(words: &[u64], width: u32) -> Self {
        Self::from_words(words).two_complement(width)
    }
    fn from_u64(value: u64) -> Self {
        Self::from_words(&[value])
    }
    fn from_i64(value: i64) -> Self {
        let mut words = [if value < 0 { u64::MAX } else { 0 }; N];
        words[0] = value as u64;
        Self(words)
    }
    fn from_big(value: &BigInt) -> Self {
        let mut words = [0; N];
        value.to_words(&mut words);
        Self(words)
    }
    fn add(self, other: Self) -> Self {
        let mut words = [0; N];
        let mut carry = false;
        for (i, word) in words.iter_mut().enumerate() {
            let (sum, first) = self.0[i].overflowing_add(other.0[i]);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            (*word, carry) = (sum, first || second);
        }
        Self(words)
    }
    fn sub(self, other: Self) -> Self {
        self.add(other.not()).add(Self::from_u64(1))
    }
    fn mul(self, other: Self) -> Self {
        let mut words = [0_u64; N];
        for i in 0..N {
            let mut carry = 0_u128;
            for j in 0..N - i {
                let product = u128::from(self.0[i]) * u128::from(other.0[j])
                    + u128::from(words[i + j])
                    + carry;
                words[i + j] = product as u64;
                carry = product >> 64;
            }
        }
        Self(words)
    }
    fn div(self, other: Self) -> Self {
        Self::from_big(&Number::div(self.to_big(), other.to_big()))
    }
    fn rem(self, other: Self) -> Self {
        Self::from_big(&Number::rem(self.to_big(), other.to_big()))
    }
    fn and(self, other: Self) -> Self {
        self.zip(other, |a, b| a & b)
    }
    fn or(self, other: Self) -> Self {
        self.zip(other, |a, b| a | b)
    }
    fn xor(self, other: Self) -> Self {
        self.zip(other, |a, b| a ^ b)
    }
    fn not(self) -> Self {
        Self(self.0.map(|word| !word))
    }
    fn shl(self, amount: u64) -> Self {
        let mut words = [0; N];
        let (skip, bits) = ((amount / 64) as usize, amount % 64);
        for (i, word) in words.iter_mut().enumerate().skip(skip.min(N)) {
            *word = self.0[i - skip] << bits;
            if bits > 0 && i > skip {
                *word |= self.0[i - skip - 1] >> (64 - bits);
            }
        }
        Self(words)
    }
    fn shr(self, amount: u64) -> Self {
        let fill = self.fill();
        let mut words = [fill; N];
        let (skip, bits) = ((amount / 64) as usize, amount % 64);
        for (i, word) in words.iter_mut().enumerate().take(N.saturating_sub(skip)) {
            *word = self.0[i + skip] >> bits;
            if bits > 0 {
                let next = self.0.get(i + skip + 1).copied().unwrap_or(fill);
                *word |= next << (64 - bits);
            }
        }
        Self(words)
    }
    fn compare(&self, other: &Self) -> Ordering {
        match (self.is_negative(), other.is_negative()) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            _ => self.0.iter().rev().cmp(other.0.iter().rev()),
        }
    }
    fn is_zero(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }
    fn is_negative(&self) -> bool {
        self.0[N - 1] >> 63 == 1
    }
    fn to_words(&self, words: &mut [u64]) {
        let fill = self.fill();
        for (i, word) in words.iter_mut().enumerate() {
            *word = self.0.get(i).copied().unwrap_or(fill);
        }
    }
    fn to_u64_saturating(&self) -> u64 {
        if self.0[1..].iter().all(|word| *word == 0) {
            self.0[0]
        } else {
            u64::MAX
        }
    }
}

impl<const N: usize> Fixed<N> {
    fn to_big(self) -> BigInt {
        BigInt::from_signed_words(&self.0, 64 * N as u32)
    }
}
