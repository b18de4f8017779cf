//! The dates of other systems: offsets without a colon, stray spaces, milliseconds, the forms of
//! spreadsheet exports. A date that can be read in two ways is not read unless the desk says how; one
//! without a zone is of the zone that the desk names, else UTC.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::model::Time;

/// Forms that can be read in one way only.
const FORMS: [&str; 5] = [
    "%Y-%m-%dT%H:%M:%S%.f%z",
    "%d/%b/%y %I:%M %p",
    "%d/%b/%Y %I:%M %p",
    "%d-%b-%Y %H:%M:%S",
    "%b %d, %Y",
];

/// Days and months in numbers: which is which shows when one is above 12.
const DAY_FIRST: [&str; 5] = [
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d-%m-%Y %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y",
];
const MONTH_FIRST: [&str; 5] = [
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m-%d-%Y %H:%M:%S",
    "%m.%d.%Y %H:%M:%S",
    "%m/%d/%Y",
];

/// How a desk writes dates that do not say it themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DateRules<'a> {
    /// The form of dates that can be read in two ways.
    pub(super) form: Option<&'a str>,
    /// The zone of dates that name none.
    pub(super) zone: &'a TimeZone,
}

/// Reads a date; `Ok(None)` for an empty one and for the zero of Go and of databases.
pub(super) fn read(value: &Value, rules: &DateRules<'_>) -> Result<Option<Time>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => number
            .as_i64()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
            .and_then(|timestamp| Time::parse(&timestamp.to_string()).ok())
            .map(Some)
            .ok_or_else(|| number.to_string()),
        Value::String(text) => read_text(text, rules),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(value.to_string()),
    }
}

fn read_text(text: &str, rules: &DateRules<'_>) -> Result<Option<Time>, String> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.starts_with("0001-01-01") || trimmed.starts_with("0000-") {
        return Ok(None);
    }
    let with_form = |form: &str, text: &str| with_form(form, text, rules.zone);
    if let Some(time) = rules.form.and_then(|form| with_form(form, trimmed)) {
        return Ok(Some(time));
    }
    // "18: 04: 26Z", as some exports write it.
    let tight = trimmed.replace(": ", ":");
    if let Some(time) = iso(&tight, rules.zone) {
        return Ok(Some(time));
    }
    if let Some(time) = FORMS.iter().find_map(|form| with_form(form, &tight)) {
        return Ok(Some(time));
    }
    let by = |forms: &[&str]| forms.iter().find_map(|form| with_form(form, trimmed));
    match (by(&DAY_FIRST), by(&MONTH_FIRST)) {
        (Some(time), None) | (None, Some(time)) => Ok(Some(time)),
        (Some(a), Some(b)) if a == b => Ok(Some(a)),
        _ => Err(text.chars().take(40).collect()),
    }
}

/// ISO 8601 and RFC 3339, with an offset or without.
fn iso(text: &str, zone: &TimeZone) -> Option<Time> {
    if text.parse::<Timestamp>().is_ok() {
        return Time::parse(text).ok();
    }
    let civil = text
        .parse::<DateTime>()
        .or_else(|_| text.parse::<Date>().map(|date| date.at(0, 0, 0, 0)));
    in_zone(civil.ok()?, zone)
}

fn with_form(form: &str, text: &str, zone: &TimeZone) -> Option<Time> {
    let parts = strtime::parse(form, text).ok()?;
    match parts.to_timestamp() {
        Ok(timestamp) => Time::parse(&timestamp.to_string()).ok(),
        Err(_) => in_zone(parts.to_datetime().ok()?, zone),
    }
}

fn in_zone(civil: DateTime, zone: &TimeZone) -> Option<Time> {
    let zoned = civil.to_zoned(zone.clone()).ok()?;
    Time::parse(&zoned.timestamp().to_string()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const UTC: DateRules<'static> = DateRules {
        form: None,
        zone: &TimeZone::UTC,
    };

    /// Spreadsheets and display values give the clock of whoever exported them.
    #[test]
    fn a_date_without_a_zone_is_of_the_desks() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let rules = DateRules {
            form: None,
            zone: &zone,
        };
        let check = |text: &str, expected: &str| {
            let time = read(&json!(text), &rules).unwrap().unwrap();
            assert_eq!(time.to_string(), expected, "{text}");
        };
        check("2026-07-01 10:00:00", "2026-07-01T08:00:00Z");
        check("2026-01-01 10:00:00", "2026-01-01T09:00:00Z");
        check("12/Mar/26 9:41 AM", "2026-03-12T08:41:00Z");
        check("2026-07-01T10:00:00Z", "2026-07-01T10:00:00Z");
        check("2026-07-01T10:00:00.000-0500", "2026-07-01T15:00:00Z");
    }

    #[test]
    fn the_dates_of_all_systems_are_read() {
        let check = |value: Value, expected: &str| {
            let time = read(&value, &UTC).unwrap().unwrap();
            assert_eq!(time.to_string(), expected, "{value}");
        };
        check(json!("2023-09-09T23:52:05Z"), "2023-09-09T23:52:05Z");
        check(
            json!("2022-01-15T21:23:41.324-0500"),
            "2022-01-16T02:23:41.324Z",
        );
        check(
            json!("2022-04-28T18:24:56.000+0000"),
            "2022-04-28T18:24:56Z",
        );
        check(json!("2016-12-12 15:19:57"), "2016-12-12T15:19:57Z");
        check(json!("2024-04-22 16:35:21.231"), "2024-04-22T16:35:21.231Z");
        check(
            json!("2018-03-07T06:33:21.873077559-05:00"),
            "2018-03-07T11:33:21.873077559Z",
        );
        check(json!("2002-08-20T18: 04: 26Z"), "2002-08-20T18:04:26Z");
        check(json!("12/Mar/24 9:41 AM"), "2024-03-12T09:41:00Z");
        check(json!("6/21/2025 16:14"), "2025-06-21T16:14:00Z");
        check(json!("Jan 31, 2020"), "2020-01-31T00:00:00Z");
        check(json!("31.12.2025 16:14:00"), "2025-12-31T16:14:00Z");
        check(json!(1_700_000_000_123_i64), "2023-11-14T22:13:20.123Z");
    }

    #[test]
    fn a_date_with_two_readings_needs_the_desks_word() {
        let date = json!("3/4/2025 16:14");
        assert_eq!(read(&date, &UTC), Err("3/4/2025 16:14".to_owned()));
        let rules = DateRules {
            form: Some("%d/%m/%Y %H:%M"),
            ..UTC
        };
        let day_first = read(&date, &rules).unwrap().unwrap();
        assert_eq!(day_first.to_string(), "2025-04-03T16:14:00Z");
        assert_eq!(read(&json!("0001-01-01T00:00:00Z"), &UTC), Ok(None));
        assert!(read(&json!("soon"), &UTC).is_err());
    }
}
