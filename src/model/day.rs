//! Days of the calendar, in UTC: the finest time that is kept of a search.
//!
//! Written and read as `2026-03-14`, and nothing else.

use std::fmt;

use jiff::civil::Date;
use jiff::{Span, Timestamp, tz::TimeZone};
use serde::{Serialize, Serializer};

use super::Time;

/// A text that is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no day; write it as 2026-03-14")]
pub struct InvalidDay(pub String);

/// A day of the calendar, in UTC, from the year 0 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// The day on which a point in time falls.
    #[must_use]
    pub fn of(time: Time) -> Self {
        let timestamp = Timestamp::from_second(time.unix_seconds()).unwrap_or(Timestamp::MIN);
        Self::not_before_zero(timestamp.to_zoned(TimeZone::UTC).date())
    }

    /// Reads `2026-03-14`.
    ///
    /// # Errors
    /// [`InvalidDay`] when the text is anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidDay> {
        let invalid = || InvalidDay(text.to_owned());
        let date = text.parse::<Date>().map_err(|_| invalid())?;
        // jiff reads more than this: a date with a time, a year before 0.
        if date < Date::ZERO || date.to_string() != text {
            return Err(invalid());
        }
        Ok(Self(date))
    }

    /// The day `n_days` before; 0000-01-01 when there is none.
    #[must_use]
    pub fn before(self, n_days: u32) -> Self {
        let span = Span::new().try_days(i64::from(n_days));
        let date = span.and_then(|span| self.0.checked_sub(span));
        Self::not_before_zero(date.unwrap_or(Date::MIN))
    }

    /// Days are compared as text in the store, and a sign would stand in the way.
    fn not_before_zero(date: Date) -> Self {
        Self(date.max(Date::ZERO))
    }
}

impl From<Date> for Day {
    /// Years before 0 become the first day of year 0.
    fn from(date: Date) -> Self {
        Self::not_before_zero(date)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_day_is_read() {
        let day = Day::parse("2026-03-14").unwrap();
        assert_eq!(day.to_string(), "2026-03-14");
        for text in [
            "",
            "2026-3-14",
            "2026-02-30",
            "20260314",
            " 2026-03-14",
            "2026-03-14T00:00:00",
            "-002026-03-14",
            "today",
        ] {
            let error = Day::parse(text).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn days_are_counted_back_over_months_and_never_out_of_the_calendar() {
        let day = Day::of(Time::parse("2026-03-01T23:59:59Z").unwrap());
        assert_eq!(day.before(0).to_string(), "2026-03-01");
        assert_eq!(day.before(1).to_string(), "2026-02-28");
        assert_eq!(day.before(365).to_string(), "2025-03-01");
        assert_eq!(day.before(u32::MAX).to_string(), "0000-01-01");
    }
}
