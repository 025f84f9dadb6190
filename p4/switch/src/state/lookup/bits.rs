//! Some bits of a packed key, as one number to keep entries by.

use super::lines::spread;

/// A choice of bits of a packed key.
#[derive(Debug)]
pub(super) struct Bits {
    words: Box<[Word]>,
    /// Whether all bits have a place of their own in the tag.
    unique: bool,
}

#[derive(Debug, Clone, Copy)]
struct Word {
    mask: u64,
    /// By how much the bits are rotated to the left to their place in the tag.
    rotation: u32,
}

/// Rotations that bring the bits of all masks into one word; `None` if there are none.
fn rotations(masks: &[u64]) -> Option<Vec<u32>> {
    let mut taken = 0_u64;
    masks
        .iter()
        .map(|mask| {
            let rotation = (0..64).find(|by| taken & mask.rotate_left(*by) == 0)?;
            taken |= mask.rotate_left(rotation);
            Some(rotation)
        })
        .collect()
}

impl Bits {
    pub(super) fn new(masks: &[u64]) -> Self {
        let found = rotations(masks);
        let unique = found.is_some();
        let rotations = found.unwrap_or_else(|| vec![0; masks.len()]);
        let words = masks.iter().zip(rotations);
        Self {
            words: words
                .map(|(mask, rotation)| Word {
                    mask: *mask,
                    rotation,
                })
                .collect(),
            unique,
        }
    }

    /// Whether keys with different bits have different tags.
    #[inline]
    pub(super) fn unique(&self) -> bool {
        self.unique
    }

    /// The bits of a key in one word if they fit, otherwise a hash of them.
    #[inline]
    pub(super) fn tag(&self, key: &[u64]) -> u64 {
        if let ([only], [word]) = (&*self.words, key) {
            return word & only.mask;
        }
        let words = self.words.iter().zip(key);
        let bits = words.map(|(chosen, word)| (word & chosen.mask, chosen.rotation));
        if self.unique {
            bits.fold(0, |tag, (bits, rotation)| tag | bits.rotate_left(rotation))
        } else {
            bits.fold(0, |tag, (bits, _)| spread(tag ^ bits))
        }
    }

    /// Whether two keys have the same bits.
    #[inline]
    pub(super) fn same(&self, one: &[u64], other: &[u64]) -> bool {
        let words = one.iter().zip(other).zip(&self.words);
        words.fold(0, |differ, ((one, other), chosen)| {
            differ | (one ^ other) & chosen.mask
        }) == 0
    }

    /// How many they are.
    pub(super) fn count(&self) -> u32 {
        self.words.iter().map(|word| word.mask.count_ones()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_that_fit_are_moved_into_one_word() {
        // A VRF of 16 bits and the first 48 bits of an IPv6 address.
        let bits = Bits::new(&[0xffff, 0, 0xffff_ffff_ffff_0000]);
        assert!(bits.unique());
        assert_eq!(bits.count(), 64);
        let key = [0x1_0000_0007, 99, 0x2001_0db8_0001_0002];
        assert_eq!(bits.tag(&key), 0x2001_0db8_0001_0007);
        // Some have to be moved out of the way.
        let bits = Bits::new(&[0xff, 0xff]);
        assert!(bits.unique());
        assert_ne!(bits.tag(&[1, 2]), bits.tag(&[2, 1]));
    }

    #[test]
    fn bits_that_do_not_fit_are_hashed() {
        let bits = Bits::new(&[0xffff, 0, 0xffff_ffff_ffff_ff00]);
        assert!(!bits.unique());
        let key = [7, 99, 0x2001_0db8_0001_0002];
        let same = [7, 98, 0x2001_0db8_0001_0003];
        let other = [8, 99, 0x2001_0db8_0001_0002];
        assert!(bits.same(&key, &same) && bits.tag(&key) == bits.tag(&same));
        assert!(!bits.same(&key, &other) && bits.tag(&key) != bits.tag(&other));
    }
}
