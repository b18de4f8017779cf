//! Reads the tickets of a batch: JSON lines, or CSV as `firstline import` reads it.
//!
//! Lines are only cut here, one after the other; looking into them is left to whoever has all
//! processors.

use std::io::{BufRead, Read};

use serde_json::{Map, Value};

use crate::TicketText;
use crate::import::{ColumnMap, MAX_LINE_BYTES, Options, Refused, csv_rows, document_of_object};
use crate::model::{Document, Kind, Ticket};

/// Tickets are what is read when a line does not say what it is.
const OPTIONS: Options = Options {
    default_kind: Some(Kind::Ticket),
};

/// A line or row, not looked into yet.
pub(super) struct Unread {
    pub(super) line: u64,
    pub(super) content: Result<Content, Refused>,
}

pub(super) enum Content {
    Json(String),
    Row(Map<String, Value>),
}

impl Unread {
    pub(super) fn size_bytes(&self) -> usize {
        match &self.content {
            Ok(Content::Json(json)) => json.len(),
            Ok(Content::Row(row)) => row.values().filter_map(Value::as_str).map(str::len).sum(),
            Err(_) => 0,
        }
    }
}

/// The tickets of a stream; JSON lines when it begins like them and no column is named.
pub(super) fn tickets<'a>(
    mut reader: Box<dyn BufRead + 'a>,
    columns: &ColumnMap,
) -> std::io::Result<Box<dyn Iterator<Item = Unread> + 'a>> {
    let head = reader.fill_buf()?;
    let head = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head);
    let is_json = head
        .trim_ascii_start()
        .first()
        .is_none_or(|first| *first == b'{');
    if is_json && columns.is_empty() {
        return Ok(Box::new(Lines::new(reader)));
    }
    let rows = csv_rows(reader, columns);
    Ok(Box::new(rows.map(|(line, row)| Unread {
        line,
        content: row.map(Content::Row),
    })))
}

/// The lines of a stream that are not blank.
struct Lines<R> {
    reader: R,
    line: u64,
    is_done: bool,
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R) -> Self {
        Self {
            reader,
            line: 0,
            is_done: false,
        }
    }

    /// Reads a line of bounded length; `None` at the end.
    fn read(&mut self) -> std::io::Result<Option<Result<String, Refused>>> {
        let mut line = Vec::new();
        let mut bounded = self.reader.by_ref().take(MAX_LINE_BYTES as u64 + 1);
        if bounded.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line.len() > MAX_LINE_BYTES {
            self.reader.skip_until(b'\n')?;
            let detail = format!("the line has more than {MAX_LINE_BYTES} bytes");
            return Ok(Some(Err(refused(None, detail))));
        }
        let line = String::from_utf8(line);
        Ok(Some(line.map_err(|_| {
            refused(None, "the line is not UTF-8".to_owned())
        })))
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Unread;

    fn next(&mut self) -> Option<Unread> {
        while !self.is_done {
            self.line += 1;
            let content = match self.read() {
                Ok(None) => return None,
                Ok(Some(Ok(line))) if line.trim().is_empty() => continue,
                Ok(Some(line)) => line.map(Content::Json),
                Err(error) => {
                    self.is_done = true;
                    Err(Refused {
                        is_fatal: true,
                        ..refused(None, format!("the input ends here: {error}"))
                    })
                }
            };
            return Some(Unread {
                line: self.line,
                content,
            });
        }
        None
    }
}

impl Content {
    /// The id that the line says, if it can be read, and the ticket.
    pub(super) fn asked(self, line: u64) -> (Option<String>, Result<TicketText, Refused>) {
        let object = match self {
            Self::Json(json) => object(&json),
            Self::Row(row) => Ok(row),
        };
        match object {
            Ok(object) => (id(&object), asked_in(line, object)),
            Err(refused) => (None, Err(refused)),
        }
    }
}

/// The id as it is written.
fn id(object: &Map<String, Value>) -> Option<String> {
    match object.get("id")? {
        Value::String(id) => Some(id.trim().to_owned()).filter(|id| !id.is_empty()),
        Value::Number(id) => Some(id.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn object(json: &str) -> Result<Map<String, Value>, Refused> {
    // Some programs put a byte order mark in front of UTF-8.
    let json = json.trim_start_matches('\u{feff}');
    let value = serde_json::from_str::<Value>(json).map_err(|error| no_json(&error))?;
    let Value::Object(object) = value else {
        return Err(refused(None, "a line is a JSON object".to_owned()));
    };
    Ok(object)
}

fn asked_in(line: u64, mut object: Map<String, Value>) -> Result<TicketText, Refused> {
    let has_id = object.get("id").is_some_and(|id| !id.is_null());
    if !has_id {
        object.insert("id".to_owned(), Value::from(line.to_string()));
    }
    let fields = match object.remove("fields") {
        None | Some(Value::Null) => None,
        Some(Value::Object(fields)) => Some(fields),
        Some(_) => {
            let detail = "further fields are an object".to_owned();
            return Err(refused(Some("fields"), detail));
        }
    };
    let ticket = ticket(document_of_object(object, OPTIONS)?.document)?;
    let mut text = TicketText::from(&ticket);
    text.fields.extend(fields.into_iter().flatten());
    if text.is_blank() {
        let detail = "a ticket needs a subject or a description".to_owned();
        return Err(refused(Some("subject"), detail));
    }
    Ok(text)
}

/// A line of the input is line 1 to the parser, which would only confuse.
fn no_json(error: &serde_json::Error) -> Refused {
    let message = error.to_string();
    let what = message.split(" at line ").next().unwrap_or_default();
    let column = error.column();
    refused(
        None,
        format!("this is no JSON: {what} at character {column}"),
    )
}

fn ticket(document: Document) -> Result<Ticket, Refused> {
    match document {
        Document::Ticket(ticket) => Ok(ticket),
        Document::Article(_) => Err(refused(Some("kind"), "an article is no ticket".to_owned())),
    }
}

fn refused(field: Option<&str>, detail: String) -> Refused {
    Refused {
        field: field.map(str::to_owned),
        detail,
        is_fatal: false,
    }
}
