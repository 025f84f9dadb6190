//! Hold times of Hello adjacencies (RFC 5036 section 3.5.2).

use std::time::Duration;

/// The hold time that stands for the default.
const DEFAULT: u16 = 0;
/// The hold time that never ends.
const FOREVER: u16 = 0xffff;

/// Link Hellos' default hold time, 15 seconds.
pub const LINK_HOLD_TIME: u16 = 15;
/// Targeted Hellos' default hold time, 45 seconds.
pub const TARGETED_HOLD_TIME: u16 = 45;

/// The hold time that two LSRs use: the smaller of their proposals. `None` is for ever.
pub fn negotiated_hold_time(local: u16, peer: u16, targeted: bool) -> Option<u16> {
    let default = if targeted {
        TARGETED_HOLD_TIME
    } else {
        LINK_HOLD_TIME
    };
    let meaning = |proposal| {
        if proposal == DEFAULT {
            default
        } else {
            proposal
        }
    };
    Some(meaning(local).min(meaning(peer))).filter(|time| *time != FOREVER)
}

/// The time between Hellos where the hold time is `hold`: a third of it (section 3.5.2.1), or less if
/// `configured` is less. Hellos of an adjacency that never ends keep the default's pace.
pub fn hello_interval(hold: Option<u16>, configured: Option<Duration>, targeted: bool) -> Duration {
    let hold = hold.unwrap_or(if targeted {
        TARGETED_HOLD_TIME
    } else {
        LINK_HOLD_TIME
    });
    let third = Duration::from_secs(u64::from(hold)) / 3;
    configured.map_or(third, |interval| interval.min(third))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5036 section 3.5.2: the hold time used is the minimum of the hold times proposed; 0 means
    /// the default, 15 seconds for Link Hellos and 45 seconds for Targeted Hellos; 0xffff means
    /// infinite.
    #[test]
    fn the_hold_time_used_is_the_minimum_of_those_proposed() {
        assert_eq!(negotiated_hold_time(15, 9, false), Some(9));
        assert_eq!(negotiated_hold_time(9, 15, false), Some(9));
        assert_eq!(negotiated_hold_time(60, 0, false), Some(15));
        assert_eq!(negotiated_hold_time(60, 0, true), Some(45));
        assert_eq!(negotiated_hold_time(0xffff, 30, false), Some(30));
        assert_eq!(negotiated_hold_time(0xffff, 0xffff, false), None);
    }

    /// RFC 5036 section 3.5.2.1: the interval between Hello transmissions is at most one third of the
    /// hold time.
    #[test]
    fn the_interval_is_at_most_a_third_of_the_hold_time() {
        let seconds = Duration::from_secs;
        assert_eq!(hello_interval(Some(15), None, false), seconds(5));
        assert_eq!(
            hello_interval(Some(15), Some(seconds(60)), false),
            seconds(5)
        );
        assert_eq!(
            hello_interval(Some(15), Some(seconds(2)), false),
            seconds(2)
        );
        assert_eq!(hello_interval(None, None, true), seconds(15));
    }
}
