//! Points in time in the configuration: TOML's offset date-times (RFC 3339).

use time::{Date, Month};
use toml::value::{Datetime, Offset};

use super::problem::Problems;
use super::section::{At, Section, wrong_type};

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
    let month = Month::try_from(date.month).ok()?;
    let midnight = Date::from_calendar_date(date.year.into(), month, date.day)
        .ok()?
        .midnight()
        .assume_utc();
    // Not a `time::Time`, for it knows of no leap second, which TOML does.
    let of_day = i64::from(time.hour) * 3600
        + i64::from(time.minute) * 60
        + i64::from(time.second.unwrap_or(0));
    Some(midnight.unix_timestamp() + of_day - minutes * 60)
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
