//! Fields that do not stand on byte boundaries.

/// Appends fields of any width, one after the other without gaps.
#[derive(Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    bits: usize,
}

impl BitWriter {
    /// Appends the last `width` bits of `value`.
    pub(crate) fn push(&mut self, value: &[u8], width: u32) {
        let skip = value.len() * 8 - width as usize;
        for position in skip..value.len() * 8 {
            if self.bits.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let bit = value[position / 8] >> (7 - position % 8) & 1;
            if let Some(last) = self.bytes.last_mut() {
                *last |= bit << (7 - self.bits % 8);
            }
            self.bits += 1;
        }
    }

    /// The fields, with zero bits at the end to whole bytes.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// `width` bits from `offset` on, on whole bytes with zeros in front.
pub(crate) fn bits_at(bytes: &[u8], offset: usize, width: usize) -> Vec<u8> {
    let lead = width.wrapping_neg() % 8;
    let mut value = vec![0; width.div_ceil(8)];
    for index in 0..width {
        let from = offset + index;
        let bit = bytes[from / 8] >> (7 - from % 8) & 1;
        let to = lead + index;
        value[to / 8] |= bit << (7 - to % 8);
    }
    value
}
