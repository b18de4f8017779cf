//! Firstline's own format: one JSON object a line, told apart by its field `kind`.

use std::io::BufRead;

use serde_json::Value;

use super::fields::document_of_object;
use super::lines::Lines;
use super::{Mapped, Options, Record, Records, Refused};

/// The documents of a stream of JSON lines; blank lines are skipped.
pub fn ndjson<'a>(reader: impl BufRead + 'a, options: Options) -> Records<'a> {
    let lines = Lines::new(reader)
        .filter(|(_, line)| line.as_ref().map_or(true, |line| !line.trim().is_empty()));
    Box::new(lines.map(move |(line_number, line)| {
        let content = line.and_then(|line| document_of_json(&line, options));
        Record::of_line(line_number, content)
    }))
}

/// The document that a JSON object describes, with the names and values of other desks understood.
///
/// # Errors
/// What is wrong with it.
pub fn document_of_json(json: &str, options: Options) -> Result<Mapped, Refused> {
    let value = serde_json::from_str::<Value>(json)
        .map_err(|error| Refused::new(format!("this is no JSON: {}", without_line(&error))))?;
    if let Value::Object(object) = value {
        document_of_object(object, options)
    } else {
        let detail = format!("a line is a JSON object, not {}", name_of(&value));
        Err(Refused::new(detail))
    }
}

/// A line of the input is line 1 to the parser, which would only confuse.
fn without_line(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match message.strip_suffix(&place) {
        Some(message) => format!("{message} at character {}", error.column()),
        None => message,
    }
}

pub(super) fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
