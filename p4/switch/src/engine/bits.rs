//! Reading and writing bit fields in network byte order.

/// Reads `width` bits, at most 64, that start `offset` bits into `data`. The caller has made sure
/// that they are there; bits past the end read as zero.
#[inline]
pub(crate) fn read(data: &[u8], offset: usize, width: u32) -> u64 {
    if width == 0 {
        return 0;
    }
    let first = offset / 8;
    let skip = (offset % 8) as u32;
    let bytes = data.get(first..).unwrap_or_default();
    if let Some(chunk) = bytes.first_chunk::<8>()
        && skip + width <= 64
    {
        return (u64::from_be_bytes(*chunk) << skip) >> (64 - width);
    }
    let mut value = 0_u128;
    for i in 0..9 {
        value = (value << 8) | u128::from(bytes.get(i).copied().unwrap_or(0));
    }
    // 72 bits were read.
    ((value >> (72 - skip - width)) as u64) & crate::number::low_mask(width)
}

/// Reads `width` bits into words, the least significant first.
pub(crate) fn read_words(data: &[u8], offset: usize, width: u32, words: &mut [u64]) {
    let mut left = width;
    for word in words {
        let part = left.min(64);
        left -= part;
        *word = read(data, offset + left as usize, part);
    }
}

/// Writes bit fields one after the other to the end of a byte vector.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// Bits that do not fill a byte yet, in the lowest places.
    pending: u64,
    /// How many they are: less than 8.
    count: u32,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            pending: 0,
            count: 0,
        }
    }

    /// Writes the lowest `width` bits of a word.
    #[inline]
    pub(crate) fn push(&mut self, value: u64, width: u32) {
        if width == 0 {
            return;
        }
        let total = self.count + width;
        let bits = (u128::from(self.pending) << width)
            | u128::from(value & crate::number::low_mask(width));
        let whole = (total / 8) as usize;
        let rest = total % 8;
        // At most 7 + 64 bits, so that all whole bytes fit into 16.
        let aligned = ((bits >> rest) << (128 - 8 * whole as u32).min(127)).to_be_bytes();
        if whole > 0 {
            self.out.extend_from_slice(&aligned[..whole]);
        }
        self.pending = (bits as u64) & crate::number::low_mask(rest);
        self.count = rest;
    }

    /// Writes the lowest `width` bits of a number in words, the least significant first.
    pub(crate) fn push_words(&mut self, words: &[u64], width: u32) {
        let mut left = width;
        while left > 0 {
            // The first part is such that the others are whole words.
            let part = if left.is_multiple_of(64) {
                64
            } else {
                left % 64
            };
            left -= part;
            self.push(words.get((left / 64) as usize).copied().unwrap_or(0), part);
        }
    }

    /// Fills the last byte with zero bits.
    pub(crate) fn finish(mut self) {
        if self.count > 0 {
            self.push(0, 8 - self.count);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::number::{cut, words_for};

    proptest! {
        #[test]
        fn what_is_written_is_read(
            fields in proptest::collection::vec((1_u32..300, any::<[u64; 5]>()), 1..12),
        ) {
            let mut out = vec![0xaa];
            let mut writer = Writer::new(&mut out);
            for (width, words) in &fields {
                writer.push_words(words, *width);
            }
            writer.finish();
            let bits: u32 = fields.iter().map(|(width, _)| width).sum();
            prop_assert_eq!(out.len(), 1 + bits.div_ceil(8) as usize);
            let mut offset = 8;
            for (width, words) in &fields {
                let mut read = vec![0; words_for(*width)];
                read_words(&out, offset, *width, &mut read);
                let mut expected = words.to_vec();
                cut(&mut expected, *width);
                prop_assert_eq!(&read[..], &expected[..read.len()]);
                offset += *width as usize;
            }
        }

        #[test]
        fn reading_never_goes_past_the_end(data: Vec<u8>, offset in 0_usize..2000, width in 0_u32..=64) {
            let value = read(&data, offset, width);
            prop_assert!(value <= crate::number::low_mask(width));
        }
    }
}
