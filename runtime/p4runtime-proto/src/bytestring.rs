//! The binary strings that carry P4 integers (section 8.3).
//!
//! A `bit<W>` or `int<W>` travels as its shortest big-endian byte string. A receiver accepts
//! longer ones, padded with zeros (with copies of the sign bit for `int<W>`), and refuses an
//! empty string and a value that does not fit the width.

use std::fmt::Write as _;

/// Why a binary string is refused. The server answers `OUT_OF_RANGE`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BytestringError {
    /// The string has no byte; zero is the string of one zero byte.
    #[error("empty byte string: zero is the single byte 0x00")]
    Empty,
    /// The value needs more bits than its type has.
    #[error("value {value} does not fit {bitwidth} bits")]
    TooWide {
        /// The value as it came, in hexadecimal.
        value: String,
        /// Bits of the type.
        bitwidth: u32,
    },
}

/// The shortest string of an unsigned value; zero keeps one byte.
pub fn canonical(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|&byte| byte != 0);
    &bytes[start.unwrap_or(bytes.len().saturating_sub(1))..]
}

/// The shortest string of an `int<W>` in two's complement.
pub fn canonical_signed(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [first, second, ..] = rest {
        let fill = if second & 0x80 == 0 { 0 } else { 0xff };
        if *first != fill {
            break;
        }
        rest = &rest[1..];
    }
    rest
}

/// The shortest string of an unsigned integer.
pub fn encode(value: u128) -> Vec<u8> {
    canonical(&value.to_be_bytes()).to_vec()
}

/// Checks a received `bit<W>` and gives its shortest string.
///
/// # Errors
/// [`BytestringError`] when the string is empty or its value needs more than `bitwidth` bits.
pub fn check(bytes: &[u8], bitwidth: u32) -> Result<&[u8], BytestringError> {
    let short = checked_not_empty(canonical(bytes))?;
    if significant_bits(short) > u64::from(bitwidth) {
        return Err(too_wide(bytes, bitwidth));
    }
    Ok(short)
}

/// Checks a received `int<W>` and gives its shortest string.
///
/// # Errors
/// [`BytestringError`] when the string is empty or its value needs more than `bitwidth` bits.
pub fn check_signed(bytes: &[u8], bitwidth: u32) -> Result<&[u8], BytestringError> {
    let short = checked_not_empty(canonical_signed(bytes))?;
    // The sign takes one bit beside those of the magnitude (of -v-1 for a negative v).
    let negative = short[0] & 0x80 != 0;
    let first = if negative { !short[0] } else { short[0] };
    let bits = 8 * (short.len() as u64 - 1) + u64::from(8 - first.leading_zeros()) + 1;
    let zero = short == [0];
    if !zero && bits > u64::from(bitwidth) {
        return Err(too_wide(bytes, bitwidth));
    }
    Ok(short)
}

/// Checks a received `bit<W>` and gives it on exactly `bitwidth` bits, rounded up to bytes.
///
/// # Errors
/// [`BytestringError`] when the string is empty or its value needs more than `bitwidth` bits.
pub fn decode_padded(bytes: &[u8], bitwidth: u32) -> Result<Vec<u8>, BytestringError> {
    let short = check(bytes, bitwidth)?;
    let width = bitwidth.div_ceil(8) as usize;
    let mut padded = vec![0; width.saturating_sub(short.len())];
    // A bit<0> has no byte, though its string is one zero byte.
    padded.extend_from_slice(&short[short.len().saturating_sub(width)..]);
    Ok(padded)
}

/// Reads an unsigned value of up to 128 bits, of any `bitwidth` up to that.
///
/// # Errors
/// [`BytestringError`] when the string is empty or its value needs more than `bitwidth` bits, or
/// more than 128.
pub fn decode(bytes: &[u8], bitwidth: u32) -> Result<u128, BytestringError> {
    let short = check(bytes, bitwidth.min(128))?;
    Ok(short
        .iter()
        .fold(0, |value, &byte| value << 8 | u128::from(byte)))
}

fn checked_not_empty(bytes: &[u8]) -> Result<&[u8], BytestringError> {
    if bytes.is_empty() {
        Err(BytestringError::Empty)
    } else {
        Ok(bytes)
    }
}

/// Bits from the most significant 1 of a shortest string; 0 for zero.
fn significant_bits(short: &[u8]) -> u64 {
    8 * short.len() as u64 - u64::from(short[0].leading_zeros())
}

fn too_wide(bytes: &[u8], bitwidth: u32) -> BytestringError {
    let mut value = String::from("0x");
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(value, "{byte:02x}");
    }
    BytestringError::TooWide { value, bitwidth }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Table "Examples of Valid Bytestring Encoding": the third column reads as the value, and
    /// only the rows with read-write symmetry are canonical.
    #[test]
    fn examples_of_valid_bytestring_encoding() {
        let unsigned: [(u32, &[u8], &[u8]); 8] = [
            (8, b"\x63", b"\x63"),
            (16, b"\x00\x63", b"\x63"),
            (16, b"\x63", b"\x63"),
            (16, b"\x30\x64", b"\x30\x64"),
            (16, b"\x00\x30\x64", b"\x30\x64"),
            (12, b"\x00\x63", b"\x63"),
            (12, b"\x63", b"\x63"),
            (12, b"\x00\x00\x63", b"\x63"),
        ];
        for (width, sent, short) in unsigned {
            assert_eq!(check(sent, width), Ok(short), "bit<{width}> {sent:02x?}");
        }
        let signed: [(u32, &[u8], &[u8]); 6] = [
            (8, b"\x63", b"\x63"),
            (8, b"\x9d", b"\x9d"),
            (8, b"\xff\x9d", b"\x9d"),
            (12, b"\xfd\x1d", b"\xfd\x1d"),
            (16, b"\x00\x00", b"\x00"),
            (16, b"\x00", b"\x00"),
        ];
        for (width, sent, short) in signed {
            assert_eq!(
                check_signed(sent, width),
                Ok(short),
                "int<{width}> {sent:02x?}"
            );
        }
    }

    /// Table "Examples of Invalid Bytestring Encoding".
    #[test]
    fn examples_of_invalid_bytestring_encoding() {
        let unsigned: [(u32, &[u8]); 6] = [
            (8, b"\x01\x63"),
            (8, b""),
            (16, b"\x01\x00\x63"),
            (12, b"\x10\x63"),
            (12, b"\x01\x00\x63"),
            (12, b"\x00\x40\x63"),
        ];
        for (width, sent) in unsigned {
            assert!(check(sent, width).is_err(), "bit<{width}> {sent:02x?}");
        }
        let signed: [(u32, &[u8]); 3] = [(8, b"\x00\x9d"), (12, b"\x8d\x1d"), (16, b"")];
        for (width, sent) in signed {
            assert!(
                check_signed(sent, width).is_err(),
                "int<{width}> {sent:02x?}"
            );
        }
    }

    #[test]
    fn an_error_names_value_and_width() {
        assert_eq!(
            check(&[0x10, 0, 0], 20).unwrap_err().to_string(),
            "value 0x100000 does not fit 20 bits"
        );
    }

    proptest! {
        #[test]
        fn an_encoded_value_reads_back(value: u128, padding in 0_usize..4) {
            let mut sent = vec![0; padding];
            sent.extend(encode(value));
            let width = 128 - value.leading_zeros();
            prop_assert_eq!(decode(&sent, width.max(1)).unwrap(), value);
            prop_assert_eq!(check(&sent, width.max(1)).unwrap(), encode(value));
            if width > 1 {
                prop_assert!(decode(&sent, width - 1).is_err());
            }
        }

        #[test]
        fn a_padded_value_has_the_bytes_of_its_width(value: u32, width in 32_u32..100) {
            let padded = decode_padded(&encode(value.into()), width).unwrap();
            prop_assert_eq!(padded.len(), width.div_ceil(8) as usize);
            prop_assert_eq!(canonical(&padded), encode(value.into()));
        }
    }
}
