//! Values of P4 fields.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use p4runtime_proto::bytestring::{self, BytestringError};

/// An unsigned value of any width, kept as its shortest byte string (section 8.3), so that equal
/// values compare equal however they were sent.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(Vec<u8>);

/// A value that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// It does not fit the width of its field.
    #[error(transparent)]
    Width(#[from] BytestringError),
    /// It does not fit the integer type that it is read as.
    #[error("value {0} does not fit {1} bits")]
    TooLarge(Value, u32),
}

impl Value {
    /// Takes a byte string from the wire.
    ///
    /// # Errors
    /// The string is empty, or the value needs more than `width` bits.
    pub fn from_wire(bytes: &[u8], width: u32) -> Result<Self, ValueError> {
        Ok(Self(bytestring::check(bytes, width)?.to_vec()))
    }

    /// The shortest byte string.
    pub fn to_wire(&self) -> Vec<u8> {
        self.0.clone()
    }

    /// The value as an integer.
    ///
    /// # Errors
    /// It is larger than `T` takes.
    pub fn to_int<T: TryFrom<u128>>(&self) -> Result<T, ValueError> {
        let bits = 8 * size_of::<T>() as u32;
        let too_large = || ValueError::TooLarge(self.clone(), bits);
        let value = bytestring::decode(&self.0, 128).map_err(|_| too_large())?;
        T::try_from(value).map_err(|_| too_large())
    }

    /// Checks that the value fits `width` bits.
    ///
    /// # Errors
    /// It needs more.
    pub fn check_width(&self, width: u32) -> Result<(), ValueError> {
        bytestring::check(&self.0, width)?;
        Ok(())
    }

    /// The mask of the first `length` of `width` bits.
    pub(crate) fn prefix_mask(length: u32, width: u32) -> Self {
        let bit = |index: u32| index >= width - length.min(width);
        // From the most significant octet down; bit 0 is the least significant one.
        let octet = |octet: u32| {
            (0..8)
                .filter(|index| octet * 8 + index < width && bit(octet * 8 + index))
                .fold(0, |value, index| value | 1u8 << index)
        };
        let octets: Vec<u8> = (0..width.div_ceil(8).max(1)).rev().map(octet).collect();
        Self(bytestring::canonical(&octets).to_vec())
    }

    /// The bits of the value that are in the mask.
    pub(crate) fn masked(&self, mask: &Self) -> Self {
        let length = self.0.len().min(mask.0.len());
        let (value, mask) = (
            &self.0[self.0.len() - length..],
            &mask.0[mask.0.len() - length..],
        );
        let octets: Vec<u8> = value
            .iter()
            .zip(mask)
            .map(|(value, mask)| value & mask)
            .collect();
        Self(bytestring::canonical(&octets).to_vec())
    }

    /// Whether the value is zero.
    pub fn is_zero(&self) -> bool {
        self.0 == [0]
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({self})")
    }
}

impl From<u128> for Value {
    fn from(value: u128) -> Self {
        Self(bytestring::encode(value))
    }
}

macro_rules! from_uint {
    ($($type:ty),*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::from(u128::from(value))
            }
        }
    )*};
}
from_uint!(bool, u8, u16, u32, u64);

impl From<[u8; 6]> for Value {
    fn from(mac: [u8; 6]) -> Self {
        Self(bytestring::canonical(&mac).to_vec())
    }
}

impl From<Ipv4Addr> for Value {
    fn from(address: Ipv4Addr) -> Self {
        Self::from(u32::from(address))
    }
}

impl From<Ipv6Addr> for Value {
    fn from(address: Ipv6Addr) -> Self {
        Self::from(u128::from(address))
    }
}

impl From<IpAddr> for Value {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => address.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_equal_however_they_are_padded() {
        assert_eq!(
            Value::from_wire(&[0, 0, 100], 20).unwrap(),
            Value::from(100u8)
        );
        assert_eq!(Value::from([0, 0, 0, 0, 1, 2]), Value::from(0x102u16));
        assert_eq!(Value::from(Ipv4Addr::UNSPECIFIED), Value::from(false));
        assert!(Value::from(0u8).is_zero());
    }

    #[test]
    fn prefixes_are_masks() {
        assert_eq!(Value::prefix_mask(24, 32), Value::from(0xFFFF_FF00u32));
        assert_eq!(Value::prefix_mask(0, 32), Value::from(0u8));
        assert_eq!(Value::prefix_mask(9, 9), Value::from(0x1FFu16));
        assert_eq!(Value::prefix_mask(1, 20), Value::from(0x8_0000u32));
        let address = Value::from(Ipv4Addr::new(10, 1, 2, 3));
        assert_eq!(
            address.masked(&Value::prefix_mask(16, 32)),
            Value::from(Ipv4Addr::new(10, 1, 0, 0))
        );
        assert_eq!(
            Value::from(3u8).masked(&Value::prefix_mask(16, 32)),
            Value::from(0u8)
        );
    }

    #[test]
    fn values_are_checked_against_widths_and_types() {
        assert!(Value::from_wire(&[], 20).is_err());
        assert!(Value::from_wire(&[0x10, 0, 0], 20).is_err());
        assert!(Value::from(0x0F_FFFFu32).check_width(20).is_ok());
        assert_eq!(Value::from(300u16).to_int::<u16>(), Ok(300));
        assert_eq!(
            Value::from(300u16).to_int::<u8>().unwrap_err().to_string(),
            "value 0x012c does not fit 8 bits"
        );
        let long = Value::from_wire(&[1; 20], 160).unwrap();
        assert!(long.to_int::<u128>().is_err());
    }
}
