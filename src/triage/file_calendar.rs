//! Reads the calendar of a rule file: the time zone, the hours and the holidays of the desk.

use std::collections::BTreeSet;
use std::ops::Range;

use super::problems::{Found, ProblemKind};
use super::reader::{Text, Value};
use crate::model::{Calendar, Day, Weekday};

/// The calendar as far as it can be read; what is wrong is noted.
pub(super) fn read(value: &Value<'_>, found: &mut Found<'_>) -> Option<Calendar> {
    let table = found.table(value)?;
    for key in table.keys() {
        let name = key.get_ref().as_ref();
        let known = ["time_zone", "hours", "holidays"];
        if !known.contains(&name) {
            found.unknown_key((name, key.span()), &known);
        }
    }
    let hours = table
        .get("hours")
        .map_or(Vec::new(), |value| hours(value, found));
    let mut holidays = BTreeSet::new();
    let days = table.get("holidays").map(|value| found.texts(value));
    for Text { text, span } in days.into_iter().flatten() {
        match Day::parse(&text) {
            Ok(day) => drop(holidays.insert(day)),
            Err(error) => found.error(ProblemKind::WrongValue, span, error.to_string()),
        }
    }
    let Some(zone) = table.get("time_zone") else {
        let detail = "a calendar needs a `time_zone`, for example \"Europe/Berlin\"".to_owned();
        found.error(ProblemKind::Missing, value.span(), detail);
        return None;
    };
    let name = found.text(zone)?;
    match Calendar::new(&name, hours, holidays) {
        Ok(calendar) => Some(calendar),
        Err(error) => {
            found.error(ProblemKind::WrongValue, zone.span(), error.to_string());
            None
        }
    }
}

/// `mon = "08:00-12:00"`, or a list of such stretches.
fn hours(value: &Value<'_>, found: &mut Found<'_>) -> Vec<(Weekday, Range<u16>)> {
    let known = Weekday::ALL.map(|day| (day.as_str(), day));
    let mut hours = Vec::new();
    for (key, stretches) in found.table(value).into_iter().flatten() {
        let day = found.one_of((key.get_ref(), key.span()), &known);
        for Text { text, span } in found.one_or_more(stretches) {
            let stretch = stretch((&text, span), found);
            hours.extend(day.zip(stretch));
        }
    }
    hours
}

fn stretch((text, span): (&str, Range<usize>), found: &mut Found<'_>) -> Option<Range<u16>> {
    let Some((from, to)) = text.split_once('-') else {
        let detail = format!("expected hours such as \"08:00-17:30\", not {text:?}");
        found.error(ProblemKind::WrongValue, span, detail);
        return None;
    };
    let from = minute((from.trim(), span.clone()), 1_439, found)?;
    let to = minute((to.trim(), span.clone()), 1_440, found)?;
    if from >= to {
        let detail = format!("{text:?} ends before it begins");
        found.error(ProblemKind::WrongValue, span, detail);
        return None;
    }
    Some(from..to)
}

/// The minutes since midnight of `08:30`, up to `last`; 24:00 is 1,440.
pub(super) fn minute(
    (text, span): (&str, Range<usize>),
    last: u16,
    found: &mut Found<'_>,
) -> Option<u16> {
    let number = |text: &str| {
        let is_plain = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        is_plain.then(|| text.parse::<u16>().ok()).flatten()
    };
    let parts = text.split_once(':');
    let minutes = parts.and_then(|(hours, minutes)| {
        let minutes = number(minutes).filter(|minutes| *minutes < 60)?;
        Some(number(hours)? * 60 + minutes)
    });
    let minutes = minutes.filter(|minutes| *minutes <= last);
    if minutes.is_none() {
        let detail = format!("expected a time such as \"08:30\", not {text:?}");
        found.error(ProblemKind::WrongValue, span, detail);
    }
    minutes
}
