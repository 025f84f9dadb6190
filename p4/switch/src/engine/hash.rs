//! Hash and checksum algorithms, by the names that BMv2 gives them (`src/bm_sim/calculations.cpp`
//! of behavioral-model registers them).

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// An algorithm, with its state if it has one.
#[derive(Debug)]
pub(crate) enum Algorithm {
    Crc(Crc),
    /// The CRC of Ethernet, which many programs use for each packet.
    Crc32,
    /// The ones' complement sum of RFC 1071.
    InternetChecksum,
    /// The first 8 bytes.
    Identity,
    Xor16,
    Xor32,
    XxHash64,
    /// 0, 1, 2, and so on.
    RoundRobin(AtomicU64),
    /// A new number for each new input.
    RoundRobinConsistent(Mutex<HashMap<Vec<u8>, u64>>),
    /// Not a function of the input.
    Random,
}

/// How many inputs `round_robin_consistent` remembers. BMv2 has no limit.
const CONSISTENT_LIMIT: usize = 1 << 20;

impl Algorithm {
    /// The algorithm of this name; `None` if there is none.
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "crc8_custom" => Self::Crc(Crc::new(8, 0x07, 0, 0, false)),
            "crc16" | "crc16_custom" => Self::Crc(Crc::new(16, 0x8005, 0, 0, true)),
            "crcCCITT" => Self::Crc(Crc::new(16, 0x1021, 0xffff, 0, false)),
            "crc32" | "crc32_custom" => Self::Crc32,
            "crc64_custom" => Self::Crc(Crc::new(64, 0x1b, 0, 0, true)),
            "csum16" | "cksum16" => Self::InternetChecksum,
            "identity" => Self::Identity,
            "xor16" => Self::Xor16,
            "xor32" => Self::Xor32,
            "xxh64" => Self::XxHash64,
            "round_robin" => Self::RoundRobin(AtomicU64::new(0)),
            "round_robin_consistent" => Self::RoundRobinConsistent(Mutex::default()),
            "random" => Self::Random,
            _ => return None,
        })
    }

    /// The hash of the input.
    pub(crate) fn compute(&self, input: &[u8], random: &mut impl FnMut() -> u64) -> u64 {
        match self {
            Self::Crc(crc) => crc.compute(input),
            Self::Crc32 => u64::from(crc32fast::hash(input)),
            Self::InternetChecksum => u64::from(internet_checksum(input)),
            Self::Identity => input
                .iter()
                .take(8)
                .fold(0, |value, byte| (value << 8) | u64::from(*byte)),
            Self::Xor16 => xor(input, 2),
            Self::Xor32 => xor(input, 4),
            Self::XxHash64 => xxhash64(input),
            Self::RoundRobin(next) => next.fetch_add(1, Ordering::Relaxed),
            Self::RoundRobinConsistent(seen) => {
                // The map is whole whatever the thread that held the lock did.
                let mut seen = seen.lock().unwrap_or_else(|error| error.into_inner());
                if seen.len() >= CONSISTENT_LIMIT && !seen.contains_key(input) {
                    return crate::engine::hash::xxhash64(input);
                }
                let next = seen.len() as u64;
                *seen.entry(input.to_vec()).or_insert(next)
            }
            Self::Random => random(),
        }
    }
}

/// A cyclic redundancy check with a table for each byte.
#[derive(Debug)]
pub(crate) struct Crc {
    table: Box<[u64; 256]>,
    width: u32,
    initial: u64,
    final_xor: u64,
    reflected: bool,
}

impl Crc {
    /// `reflected` is for the input bytes and the result alike, as all that BMv2 has.
    fn new(width: u32, polynomial: u64, initial: u64, final_xor: u64, reflected: bool) -> Self {
        let mask = crate::number::low_mask(width);
        let mut table = Box::new([0; 256]);
        for (dividend, entry) in table.iter_mut().enumerate() {
            let mut remainder = if reflected {
                dividend as u64
            } else {
                (dividend as u64) << (width - 8)
            };
            for _ in 0..8 {
                remainder = if reflected {
                    let reversed = polynomial.reverse_bits() >> (64 - width);
                    (remainder >> 1) ^ if remainder & 1 == 1 { reversed } else { 0 }
                } else {
                    let top = remainder >> (width - 1) & 1 == 1;
                    (remainder << 1) ^ if top { polynomial } else { 0 }
                } & mask;
            }
            *entry = remainder;
        }
        Self {
            table,
            width,
            initial,
            final_xor,
            reflected,
        }
    }

    fn compute(&self, input: &[u8]) -> u64 {
        let mask = crate::number::low_mask(self.width);
        let mut remainder = self.initial;
        for byte in input {
            let byte = u64::from(*byte);
            remainder = if self.reflected {
                self.table[((remainder ^ byte) & 0xff) as usize] ^ (remainder >> 8)
            } else {
                let index = ((remainder >> (self.width - 8)) ^ byte) & 0xff;
                self.table[index as usize] ^ (remainder << 8)
            } & mask;
        }
        remainder ^ self.final_xor
    }
}

/// The CRC of Ethernet, eight octets at a time: for inputs so short that crc32fast takes longer to begin
/// than to compute. (M. Kounavis and F. Berry, "A systematic approach to building high performance
/// software-based CRC generators", ISCC 2005.)
pub(crate) fn crc32(input: &[u8]) -> u32 {
    let (words, rest) = input.as_chunks::<8>();
    // What zeros at the start come to is known: fields of headers that are not there are zero.
    let zeros = words.iter().take(ZEROS.len() - 1);
    let zeros = zeros.take_while(|word| **word == [0; 8]).count();
    let mut state = ZEROS[zeros];
    for word in &words[zeros..] {
        let word = u64::from_le_bytes(*word) ^ u64::from(state);
        state = (0..8).fold(0, |state, i| {
            state ^ SLICES[7 - i][(word >> (8 * i)) as usize & 0xff]
        });
    }
    for octet in rest {
        state = SLICES[0][(state as u8 ^ octet) as usize] ^ (state >> 8);
    }
    !state
}

/// What an octet that is followed by so many others does to the state of a CRC-32.
static SLICES: [[u32; 256]; 8] = {
    let mut slices = [[0; 256]; 8];
    let mut octet = 0;
    while octet < 256 {
        let mut state = octet as u32;
        let mut follows = 0;
        while follows < 8 {
            let mut bit = 0;
            while bit < 8 {
                state = (state >> 1) ^ (0xedb8_8320 * (state & 1));
                bit += 1;
            }
            slices[follows][octet] = state;
            follows += 1;
        }
        octet += 1;
    }
    slices
};

/// The state after so many words of zeros.
static ZEROS: [u32; 9] = {
    let mut states = [u32::MAX; 9];
    let mut words = 1;
    while words < states.len() {
        let mut state = states[words - 1];
        let mut octet = 0;
        while octet < 8 {
            state = SLICES[0][(state & 0xff) as usize] ^ (state >> 8);
            octet += 1;
        }
        states[words] = state;
        words += 1;
    }
    states
};

/// The Internet checksum (RFC 1071) in host order.
pub(crate) fn internet_checksum(input: &[u8]) -> u16 {
    let mut sum = 0_u64;
    let mut chunks = input.chunks_exact(4);
    for chunk in &mut chunks {
        // Four bytes always give an array of four.
        sum += u64::from(u32::from_be_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]));
    }
    let mut tail = [0; 4];
    tail[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    sum += u64::from(u32::from_be_bytes(tail));
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// The exclusive or of words of `size` bytes; the last is filled with zero bytes.
fn xor(input: &[u8], size: usize) -> u64 {
    input
        .chunks(size)
        .map(|chunk| {
            (0..size).fold(0, |word, i| {
                (word << 8) | u64::from(chunk.get(i).copied().unwrap_or(0))
            })
        })
        .fold(0, |sum, word| sum ^ word)
}

/// XXH64 with seed 0 (<https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>).
fn xxhash64(input: &[u8]) -> u64 {
    const P1: u64 = 0x9e37_79b1_85eb_ca87;
    const P2: u64 = 0xc2b2_ae3d_27d4_eb4f;
    const P3: u64 = 0x1656_67b1_9e37_79f9;
    const P4: u64 = 0x85eb_ca77_c2b2_ae63;
    const P5: u64 = 0x27d4_eb2f_1656_67c5;
    fn word(bytes: &[u8]) -> u64 {
        bytes
            .iter()
            .rev()
            .fold(0, |word, byte| (word << 8) | u64::from(*byte))
    }
    fn round(lane: u64, input: u64) -> u64 {
        lane.wrapping_add(input.wrapping_mul(P2))
            .rotate_left(31)
            .wrapping_mul(P1)
    }
    let mut rest = input;
    let mut hash = if input.len() >= 32 {
        let mut lanes = [P1.wrapping_add(P2), P2, 0, 0_u64.wrapping_sub(P1)];
        while rest.len() >= 32 {
            for (lane, bytes) in lanes.iter_mut().zip(rest.chunks_exact(8)) {
                *lane = round(*lane, word(bytes));
            }
            rest = &rest[32..];
        }
        let mut hash = lanes
            .iter()
            .zip([1, 7, 12, 18])
            .fold(0_u64, |hash, (lane, bits)| {
                hash.wrapping_add(lane.rotate_left(bits))
            });
        for lane in lanes {
            hash = (hash ^ round(0, lane)).wrapping_mul(P1).wrapping_add(P4);
        }
        hash
    } else {
        P5
    };
    hash = hash.wrapping_add(input.len() as u64);
    while rest.len() >= 8 {
        hash = (hash ^ round(0, word(&rest[..8])))
            .rotate_left(27)
            .wrapping_mul(P1)
            .wrapping_add(P4);
        rest = &rest[8..];
    }
    if rest.len() >= 4 {
        hash = (hash ^ word(&rest[..4]).wrapping_mul(P1))
            .rotate_left(23)
            .wrapping_mul(P2)
            .wrapping_add(P3);
        rest = &rest[4..];
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(P5))
            .rotate_left(11)
            .wrapping_mul(P1);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(P2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(P3);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(name: &str, input: &[u8]) -> u64 {
        Algorithm::by_name(name).unwrap().compute(input, &mut || 4)
    }

    /// The check values of the CRC catalogue (<https://reveng.sourceforge.io/crc-catalogue/>):
    /// CRC-8/SMBUS, CRC-16/ARC, CRC-16/IBM-3740, CRC-32/ISO-HDLC, CRC-64/GO-ISO without its
    /// initial value and final exclusive or.
    #[test]
    fn crcs_have_the_catalogue_s_check_values() {
        let check = b"123456789";
        assert_eq!(hash("crc8_custom", check), 0xf4);
        assert_eq!(hash("crc16", check), 0xbb3d);
        assert_eq!(hash("crcCCITT", check), 0x29b1);
        assert_eq!(hash("crc32", check), 0xcbf4_3926);
        assert_eq!(hash("crc64_custom", check), 0x46a5_a938_8a5b_effe);
    }

    #[test]
    fn both_ways_to_a_crc32_agree() {
        for zeros in 0..100 {
            for length in 0..40 {
                let mut input = vec![0; zeros];
                input.extend((0..length).map(|i| (zeros * 7 + i * 31) as u8));
                assert_eq!(crc32(&input), crc32fast::hash(&input));
            }
        }
    }

    /// The example of RFC 1071 section 3: the sum is ddf2, the checksum its complement.
    #[test]
    fn the_internet_checksum_is_that_of_rfc_1071() {
        let example = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(internet_checksum(&example), !0xddf2);
        assert_eq!(internet_checksum(&example[..7]), !0xdcfb);
        assert_eq!(internet_checksum(&[]), 0xffff);
    }

    #[test]
    fn xxhash_has_the_reference_s_values() {
        assert_eq!(hash("xxh64", b""), 0xef46_db37_51d8_e999);
        assert_eq!(hash("xxh64", b"a"), 0xd24e_c4f1_a98c_6e5b);
        assert_eq!(hash("xxh64", b"abc"), 0x44bc_2cf5_ad77_0999);
        assert_eq!(
            hash("xxh64", b"Nobody inspects the spammish repetition"),
            0xfbce_a83c_8a37_8bf1
        );
    }

    #[test]
    fn simple_hashes() {
        assert_eq!(hash("identity", &[1, 2]), 0x0102);
        assert_eq!(
            hash("identity", &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
            0x0102_0304_0506_0708
        );
        assert_eq!(hash("xor16", &[0x12, 0x34, 0x0f]), 0x1234 ^ 0x0f00);
        assert_eq!(hash("xor32", &[1, 2, 3, 4, 1]), 0x0002_0304);
        assert!(Algorithm::by_name("md5").is_none());
    }

    #[test]
    fn round_robin_counts() {
        let plain = Algorithm::by_name("round_robin").unwrap();
        let consistent = Algorithm::by_name("round_robin_consistent").unwrap();
        let mut none = || 0;
        let plain: Vec<u64> = [1, 1, 2].map(|b| plain.compute(&[b], &mut none)).into();
        let consistent: Vec<u64> = [1, 1, 2, 1]
            .map(|b| consistent.compute(&[b], &mut none))
            .into();
        assert_eq!(plain, [0, 1, 2]);
        assert_eq!(consistent, [0, 0, 1, 0]);
    }
}
