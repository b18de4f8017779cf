//! ServiceNow's XML: what a list exports (`<unload>`), what its URL gives (`<xml>`), a single record
//! (`<record_update>`). Each record is an element of its table's name, each field an element in it,
//! a reference carries the name that people see as `display_value`. Shape by ServiceNow's "XML web
//! service parameters". Read as a stream; no entity is expanded.

use std::cell::Cell;
use std::io::BufReader;
use std::rc::Rc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value, json};

use super::Refused;
use super::bounded::Shared;
use super::inputs::Input;
use super::lines::MAX_LINE_BYTES;
use super::pieces::{Piece, Pieces, unreadable};
use super::xml::{attribute, character};

/// Elements inside elements; an export has three.
const MAX_DEPTH: usize = 16;

/// The member of a row that names its table.
pub(super) const TABLE: &str = "sys_class_name";

/// The records of an export.
pub(super) fn rows<'a>(input: &Input, on_read: &'a dyn Fn(usize)) -> Result<Pieces<'a>, Refused> {
    let reader = input.open(on_read).map_err(|error| unreadable(&error))?;
    let left = Rc::new(Cell::new(MAX_LINE_BYTES));
    let detail = format!("a record has more than {MAX_LINE_BYTES} bytes");
    let shared = Shared::new(reader, &left, detail);
    let mut reader = Reader::from_reader(BufReader::new(shared));
    reader.config_mut().check_end_names = false;
    reader.config_mut().expand_empty_elements = true;
    Ok(Box::new(Rows {
        reader,
        left,
        buffer: Vec::new(),
        depth: 0,
        n_rows: 0,
        is_done: false,
    }))
}

struct Rows<R> {
    reader: Reader<R>,
    left: Rc<Cell<usize>>,
    buffer: Vec<u8>,
    depth: usize,
    n_rows: u64,
    is_done: bool,
}

/// A record while its elements come.
#[derive(Default)]
struct Row {
    fields: Map<String, Value>,
    name: String,
    shown: String,
    text: String,
    n_bytes: usize,
}

impl Row {
    fn open_field(&mut self, start: &BytesStart<'_>) {
        start.name().as_ref().clone_into(&mut self.name);
        self.shown = attribute(start, "display_value");
        self.text.clear();
    }

    fn close_field(&mut self) {
        let name = std::mem::take(&mut self.name);
        let text = std::mem::take(&mut self.text);
        let shown = std::mem::take(&mut self.shown);
        let value = match shown.is_empty() {
            true => Value::from(text),
            false => json!({"value": text, "display_value": shown}),
        };
        self.fields.insert(name, value);
    }
}

impl<R: std::io::BufRead> Rows<R> {
    /// The next record, or nothing at the end.
    fn read(&mut self) -> Result<Option<Map<String, Value>>, Refused> {
        let mut row = Row::default();
        loop {
            self.buffer.clear();
            self.left.set(MAX_LINE_BYTES.saturating_sub(row.n_bytes));
            let event = self.reader.read_event_into(&mut self.buffer);
            let event = event.map_err(|error| {
                let at = self.reader.error_position();
                Refused::fatal(format!("the XML is wrong at byte {at}: {error}"))
            })?;
            match event {
                Event::Eof if self.depth > 0 => {
                    return Err(Refused::fatal("the XML ends before its end"));
                }
                Event::Eof => return Ok(None),
                Event::Start(start) => {
                    self.depth += 1;
                    match self.depth {
                        2 => {
                            let table = start.name().as_ref().to_owned();
                            row = Row::default();
                            row.fields.insert(TABLE.to_owned(), Value::from(table));
                        }
                        3 => row.open_field(&start),
                        deep if deep > MAX_DEPTH => {
                            let detail = format!("elements stand more than {MAX_DEPTH} deep");
                            return Err(Refused::fatal(detail));
                        }
                        _ => {}
                    }
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    match self.depth {
                        1 => return Ok(Some(row.fields)),
                        2 => row.close_field(),
                        _ => {}
                    }
                }
                Event::Text(text) => row.text.push_str(&text.xml10_content()),
                Event::CData(text) => row.text.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => row.text.push_str(&character(&reference)),
                Event::Empty(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_) => {}
            }
            row.n_bytes += self.buffer.len();
        }
    }
}

impl<R: std::io::BufRead> Iterator for Rows<R> {
    type Item = (u64, Result<Piece, Refused>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let row = self.read().transpose();
        self.is_done = !matches!(row, Some(Ok(_)));
        self.n_rows += 1;
        Some((self.n_rows, row?.map(|row| Piece::of_row(&row))))
    }
}
