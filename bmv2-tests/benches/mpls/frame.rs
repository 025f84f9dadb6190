//! Frames as RFC 5695 section 4.1 asks for them: Ethernet, labels, IPv4 and UDP.

/// The router's MAC address.
pub(crate) const ROUTER: [u8; 6] = [2, 0, 0, 0, 0, 1];
const NEIGHBOUR: [u8; 6] = [2, 0, 0, 0, 0, 9];

/// Numbers without order, the same in each run (xorshift64).
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) const fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (((self.0 >> 32) * u64::from(limit)) >> 32) as u32
    }
}

/// A frame of `size` octets to the router with these labels, outermost first, and an IPv4 packet to
/// `destination` below them.
pub(crate) fn frame(
    size: usize,
    labels: &[u32],
    destination: u32,
    numbers: &mut Numbers,
) -> Vec<u8> {
    let mut frame = [ROUTER, NEIGHBOUR].concat();
    frame.extend(if labels.is_empty() {
        [0x08, 0x00]
    } else {
        [0x88, 0x47]
    });
    for (index, label) in labels.iter().enumerate() {
        let bottom = u32::from(index + 1 == labels.len());
        frame.extend((label << 12 | bottom << 8 | 64).to_be_bytes());
    }
    let start = frame.len();
    let length = (size - start) as u16;
    frame.extend([0x45, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, 17, 0, 0]);
    frame.extend((10 << 24 | numbers.below(1 << 16)).to_be_bytes());
    frame.extend(destination.to_be_bytes());
    let sum: u32 = frame[start..]
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
        .sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    frame[start + 10..start + 12].copy_from_slice(&sum.to_be_bytes());
    frame.extend((1024 + numbers.below(60_000) as u16).to_be_bytes());
    frame.extend([0, 53]);
    frame.extend((length - 20).to_be_bytes());
    frame.extend([0, 0]);
    frame.resize(size, 0);
    frame
}
