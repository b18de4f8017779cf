//! The dates of other systems: offsets without a colon, stray spaces, milliseconds, the forms of
//! spreadsheet exports. A date that can be read in two ways is not read unless the desk says how.

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::model::Time;

/// Forms that can be read in one way only.
const FORMS: [&str; 4] = [
    "%Y-%m-%dT%H:%M:%S%.f%z",
    "%d/%b/%y %I:%M %p",
    "%d/%b/%Y %I:%M %p",
    "%d-%b-%Y %H:%M:%S",
];

/// Days and months in numbers: which is which shows when one is above 12.
const DAY_FIRST: [&str; 4] = [
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d-%m-%Y %H:%M:%S",
    "%d/%m/%Y",
];
const MONTH_FIRST: [&str; 4] = [
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m-%d-%Y %H:%M:%S",
    "%m/%d/%Y",
];

/// Reads a date; `Ok(None)` for an empty one and for the zero of Go and of databases.
pub(super) fn read(value: &Value, form: Option<&str>) -> Result<Option<Time>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => number
            .as_i64()
            .map(|ms| Some(Time::from_unix_seconds(ms.div_euclid(1_000))))
            .ok_or_else(|| number.to_string()),
        Value::String(text) => read_text(text, form),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(value.to_string()),
    }
}

fn read_text(text: &str, form: Option<&str>) -> Result<Option<Time>, String> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.starts_with("0001-01-01") || trimmed.starts_with("0000-") {
        return Ok(None);
    }
    if let Some(time) = form.and_then(|form| with_form(form, trimmed)) {
        return Ok(Some(time));
    }
    if let Ok(time) = Time::parse(trimmed) {
        return Ok(Some(time));
    }
    // "18: 04: 26Z", as some exports write it.
    let tight = trimmed.replace(": ", ":");
    if let Ok(time) = Time::parse(&tight) {
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

fn with_form(form: &str, text: &str) -> Option<Time> {
    let parts = strtime::parse(form, text).ok()?;
    let timestamp = parts.to_timestamp().ok().or_else(|| {
        let civil: DateTime = parts.to_datetime().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })?;
    Time::parse(&timestamp.to_string()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_dates_of_all_systems_are_read() {
        let check = |value: Value, expected: &str| {
            let time = read(&value, None).unwrap().unwrap();
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
        check(json!(1_700_000_000_000_i64), "2023-11-14T22:13:20Z");
    }

    #[test]
    fn a_date_with_two_readings_needs_the_desks_word() {
        let date = json!("3/4/2025 16:14");
        assert_eq!(read(&date, None), Err("3/4/2025 16:14".to_owned()));
        let day_first = read(&date, Some("%d/%m/%Y %H:%M")).unwrap().unwrap();
        assert_eq!(day_first.to_string(), "2025-04-03T16:14:00Z");
        assert_eq!(read(&json!("0001-01-01T00:00:00Z"), None), Ok(None));
        assert!(read(&json!("soon"), None).is_err());
    }
}
