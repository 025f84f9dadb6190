//! Numbers that a configuration may choose within what an RFC allows.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

/// A number out of the range that it has to be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{value} is not between {least} and {most}")]
pub struct OutOfRange {
    /// What was asked for.
    pub value: u64,
    /// The least that is right.
    pub least: u32,
    /// The most that is right.
    pub most: u32,
}

/// A number between `LEAST` and `MOST`, both included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bounded<const LEAST: u32, const MOST: u32>(u32);

impl<const LEAST: u32, const MOST: u32> Bounded<LEAST, MOST> {
    /// The least that is right.
    pub const LEAST: u32 = LEAST;
    /// The most that is right.
    pub const MOST: u32 = MOST;

    /// The number, if it is in the range.
    pub const fn new(value: u64) -> Result<Self, OutOfRange> {
        if value < LEAST as u64 || value > MOST as u64 {
            Err(OutOfRange {
                value,
                least: LEAST,
                most: MOST,
            })
        } else {
            // It is at most MOST, which is a u32.
            Ok(Self(value as u32))
        }
    }

    /// The number that is known to be in the range when the program is compiled.
    pub(crate) const fn known(value: u32) -> Self {
        assert!(LEAST <= value && value <= MOST);
        Self(value)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number as seconds.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

impl<const LEAST: u32, const MOST: u32> fmt::Debug for Bounded<LEAST, MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const LEAST: u32, const MOST: u32> fmt::Display for Bounded<LEAST, MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A Hello hold time in seconds; 65535 is for ever (RFC 5036 section 3.5.2). 0, the RFC's default, is
/// written as what it stands for.
pub type HelloHoldTime = Bounded<1, 0xffff>;
/// The time between Hellos in seconds. The RFC wants at most a third of the hold time (RFC 5036 section
/// 3.5.2.1); what is longer is shortened to that.
pub type HelloInterval = Bounded<1, 0xffff>;
/// A KeepAlive Time in seconds: two octets, not zero (RFC 5036 section 3.5.3).
pub type KeepAliveTime = Bounded<1, 0xffff>;
/// A Max PDU Length in octets. 255 and less would stand for 4096 (RFC 5036 section 3.5.3).
pub type MaxPduLength = Bounded<256, 0xffff>;
/// A time of graceful restart in seconds: it is sent in milliseconds of four octets (RFC 3478 section 2).
pub type RestartTime = Bounded<1, 4_294_967>;
/// The delay after a NAK in seconds: at first no less than 15 (RFC 5036 section 2.5.3).
pub type InitialBackoff = Bounded<15, 0xffff>;
/// The longest delay after NAKs in seconds: no less than 120 (RFC 5036 section 2.5.3).
pub type MaximumBackoff = Bounded<120, 0xffff>;
/// How long the IGP is held down when no End-of-LIB comes, in seconds (RFC 5443 section 2).
pub type IgpSyncDelay = Bounded<0, 3600>;

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5036 section 2.5.3: the first delay after a NAK is no less than 15 seconds.
    #[test]
    fn a_delay_of_fourteen_seconds_is_refused_with_what_is_right() {
        assert_eq!(
            InitialBackoff::new(14).map_err(|error| error.to_string()),
            Err("14 is not between 15 and 65535".to_owned())
        );
        assert_eq!(InitialBackoff::new(15).map(Bounded::get), Ok(15));
    }

    /// RFC 5036 section 3.5.3: the KeepAlive Time is a two octet unsigned non zero integer.
    #[test]
    fn a_keepalive_time_is_two_octets_and_not_zero() {
        assert!(KeepAliveTime::new(0).is_err());
        assert!(KeepAliveTime::new(65_536).is_err());
        assert_eq!(KeepAliveTime::new(65_535).map(Bounded::get), Ok(65_535));
    }
}
