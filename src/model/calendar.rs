//! The working hours of a desk: a time zone, hours by weekday, holidays.
//!
//! The rules of daylight saving come with the program, so that the same time means the same hour
//! on every machine.

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, tz};

use super::{Day, Time};

/// A name that is no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time zone; write it as Europe/Berlin or UTC")]
pub struct InvalidTimeZone(pub String);

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Weekday {
    /// All of them, Monday first.
    pub const ALL: [Self; 7] = [
        Self::Mon,
        Self::Tue,
        Self::Wed,
        Self::Thu,
        Self::Fri,
        Self::Sat,
        Self::Sun,
    ];

    /// The name in files: three small letters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        }
    }

    fn of(date: Date) -> Self {
        match date.weekday() {
            jiff::civil::Weekday::Monday => Self::Mon,
            jiff::civil::Weekday::Tuesday => Self::Tue,
            jiff::civil::Weekday::Wednesday => Self::Wed,
            jiff::civil::Weekday::Thursday => Self::Thu,
            jiff::civil::Weekday::Friday => Self::Fri,
            jiff::civil::Weekday::Saturday => Self::Sat,
            jiff::civil::Weekday::Sunday => Self::Sun,
        }
    }
}

/// A point in time as the clock on the wall of the desk shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// The day of the week.
    pub weekday: Weekday,
    /// Minutes since midnight, 0 to 1,439.
    pub minute: u16,
    /// Whether the desk is open.
    pub is_open: bool,
}

/// The working hours of a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    zone: TimeZone,
    /// Minutes since midnight in which the desk is open, by weekday.
    hours: Vec<(Weekday, Range<u16>)>,
    holidays: BTreeSet<Day>,
}

impl Calendar {
    /// A calendar in a time zone of the IANA database.
    ///
    /// # Errors
    /// [`InvalidTimeZone`].
    pub fn new(
        time_zone: &str,
        hours: Vec<(Weekday, Range<u16>)>,
        holidays: BTreeSet<Day>,
    ) -> Result<Self, InvalidTimeZone> {
        // The zones that come with the program, whatever the machine has.
        let zone = tz::TimeZoneDatabase::bundled().get(time_zone);
        Ok(Self {
            zone: zone.map_err(|_| InvalidTimeZone(time_zone.to_owned()))?,
            hours,
            holidays,
        })
    }

    /// What the clock on the wall of the desk shows.
    #[must_use]
    pub fn local(&self, time: Time) -> LocalTime {
        let timestamp = Timestamp::from_second(time.unix_seconds()).unwrap_or_default();
        let local = self.zone.to_datetime(timestamp);
        let weekday = Weekday::of(local.date());
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute()));
        let minute = minute.unwrap_or_default();
        let is_holiday = self.holidays.contains(&Day::from(local.date()));
        let is_open = !is_holiday && self.is_in_hours(weekday, minute);
        LocalTime {
            weekday,
            minute,
            is_open,
        }
    }

    /// Whether the clock on the wall may ever show this, as far as weekday, minute and hours tell.
    #[must_use]
    pub fn may_show(&self, local: LocalTime) -> bool {
        let is_in_hours = self.is_in_hours(local.weekday, local.minute);
        if local.is_open {
            is_in_hours
        } else {
            // A holiday may fall on any day.
            !is_in_hours || !self.holidays.is_empty()
        }
    }

    fn is_in_hours(&self, weekday: Weekday, minute: u16) -> bool {
        let mut hours = self.hours.iter();
        hours.any(|(day, hours)| *day == weekday && hours.contains(&minute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar() -> Calendar {
        let days = [Weekday::Mon, Weekday::Fri];
        let hours = days.map(|day| (day, 8 * 60..17 * 60)).to_vec();
        let holidays = BTreeSet::from([Day::parse("2026-12-25").unwrap()]);
        Calendar::new("Europe/Berlin", hours, holidays).unwrap()
    }

    #[test]
    fn hours_are_those_of_the_desk_in_summer_and_winter() {
        let is_open = |time| calendar().local(Time::parse(time).unwrap()).is_open;
        assert!(is_open("2026-01-05T07:00:00Z"), "eight on a winter Monday");
        assert!(!is_open("2026-01-05T06:59:00Z"));
        assert!(is_open("2026-07-06T06:00:00Z"), "eight on a summer Monday");
        assert!(!is_open("2026-07-06T15:00:00Z"), "five is after the end");
        assert!(!is_open("2026-07-07T09:00:00Z"), "Tuesday");
        assert!(!is_open("2026-12-25T09:00:00Z"), "a Friday, but a holiday");
    }

    #[test]
    fn a_day_starts_at_midnight_of_the_desk() {
        let local = calendar().local(Time::parse("2026-07-05T22:30:00Z").unwrap());
        assert_eq!((local.weekday, local.minute), (Weekday::Mon, 30));
    }

    #[test]
    fn an_unknown_zone_is_named() {
        let error = Calendar::new("Mars/Base", Vec::new(), BTreeSet::new()).unwrap_err();
        assert!(error.to_string().contains("Mars/Base"));
    }
}
