//! Points in time as help desks write them: RFC 3339, or a plain date that means midnight UTC.
//!
//! Anything else is refused with the text in the message; a date is never guessed.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A text that is no point in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no date or time; write it as 2026-03-14T09:12:00Z or 2026-03-14")]
pub struct InvalidTime(pub String);

/// A point in time, to the second or finer. Written as RFC 3339 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Time(Timestamp);

impl Time {
    /// Reads RFC 3339 (`2026-03-14T09:12:00Z`, offsets and fractions allowed), a date with a time
    /// but no zone (taken as UTC), or a plain date (midnight UTC).
    ///
    /// # Errors
    /// [`InvalidTime`] when the text is none of these.
    pub fn parse(text: &str) -> Result<Self, InvalidTime> {
        let trimmed = text.trim();
        if let Ok(timestamp) = trimmed.parse::<Timestamp>() {
            return Ok(Self(timestamp));
        }
        let civil = trimmed
            .parse::<DateTime>()
            .or_else(|_| trimmed.parse::<Date>().map(|date| date.at(0, 0, 0, 0)));
        civil
            .and_then(|civil| civil.to_zoned(TimeZone::UTC))
            .map(|zoned| Self(zoned.timestamp()))
            .map_err(|_| InvalidTime(text.to_owned()))
    }

    /// Takes seconds since 1970-01-01T00:00:00Z; out of range means the nearest bound.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Self {
        Self(Timestamp::from_second(seconds).unwrap_or(if seconds < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        }))
    }

    /// Seconds since 1970-01-01T00:00:00Z, negative before.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0.as_second()
    }
}

impl TryFrom<String> for Time {
    type Error = InvalidTime;

    fn try_from(text: String) -> Result<Self, InvalidTime> {
        Self::parse(&text)
    }
}

impl From<Time> for String {
    fn from(time: Time) -> Self {
        time.to_string()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_forms_are_read_as_utc() {
        let check = |text: &str, expected: &str| {
            assert_eq!(Time::parse(text).unwrap().to_string(), expected);
        };
        check("2026-03-14T09:12:00Z", "2026-03-14T09:12:00Z");
        check("2026-03-14T09:12:00+02:00", "2026-03-14T07:12:00Z");
        check("2026-03-14 09:12:00", "2026-03-14T09:12:00Z");
        check("2026-03-14", "2026-03-14T00:00:00Z");
    }

    #[test]
    fn nonsense_is_refused_with_the_text() {
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "14/03/2026",
            "2026-02-30T00:00:00Z",
        ] {
            let error = Time::parse(text).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
