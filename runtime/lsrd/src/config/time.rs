//! Points in time in the configuration: TOML's offset date-times (RFC 3339).

use toml::value::{Datetime, Offset};

use super::problem::Problems;
use super::section::{At, Section, wrong_type};

/// Seconds of a day.
const DAY: i64 = 86_400;

impl Section<'_, '_> {
    /// A point in time, in seconds since 1970.
    pub(crate) fn instant(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<At<u64>> {
        let value = self.get(key)?;
        let toml::de::DeValue::Datetime(given) = value.get_ref() else {
            wrong_type(
                &format!("`{key}`"),
                value,
                "a date and time, without quotation marks, such as 2027-01-01T00:00:00Z",
                problems,
            );
            return None;
        };
        let seconds = seconds(given).and_then(|seconds| u64::try_from(seconds).ok());
        if seconds.is_none() {
            problems.add(
                &value.span(),
                format!("`{key}` is not a point in time after 1970"),
                "a date, a time or the offset from UTC is missing, or it is too early",
                "write all of it: 2027-01-01T00:00:00Z, or 2027-01-01T00:00:00+01:00",
            );
        }
        Some(At {
            value: seconds?,
            span: value.span(),
        })
    }
}

/// Seconds since 1970; `None` where something is missing.
fn seconds(given: &Datetime) -> Option<i64> {
    let (date, time, offset) = (given.date?, given.time?, given.offset?);
    let minutes = match offset {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    let of_day = i64::from(time.hour) * 3600
        + i64::from(time.minute) * 60
        + i64::from(time.second.unwrap_or(0));
    let days = days(
        i64::from(date.year),
        i64::from(date.month),
        i64::from(date.day),
    );
    Some(days * DAY + of_day - minutes * 60)
}

/// Days since 1970-01-01 in the Gregorian calendar. Years begin in March, so that the leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let month = (month + 9) % 12;
    let of_year = (153 * month + 2) / 5 + day - 1;
    let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    era * 146_097 + of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_times_are_seconds_since_1970() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01T01:00:01+01:00", Some(1)),
            ("2000-02-29T12:00:00Z", Some(951_825_600)),
            ("2027-01-01T00:00:00Z", Some(1_798_761_600)),
            ("2026-12-31T19:00:00-05:00", Some(1_798_761_600)),
            ("2027-01-01T00:00:00", None),
            ("2027-01-01", None),
        ] {
            assert_eq!(seconds(&text.parse().unwrap()), expected, "{text}");
        }
    }
}
