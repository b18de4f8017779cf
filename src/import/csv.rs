//! Comma-separated values with a header line, as every system exports them.
//!
//! A quote that is never closed makes all rows after it the text of one cell, which the reader below
//! takes for good; a mark behind the end of the input shows it.
//!
//! A column becomes the field of its name in lower case with `_` for spaces, or the field that the
//! column map gives it. Columns without a field are kept as they are.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::rc::Rc;

use csv::ByteRecord;
use encoding_rs::WINDOWS_1252;
use serde_json::{Map, Value};

use super::bounded::Shared;
use super::fields::document_of_object;
use super::line_ends::LineEnds;
use super::lines::MAX_LINE_BYTES;
use super::{Options, Record, Records, Refused};

/// Put behind the end of the input on a line of its own: a row, unless a quote is still open there.
/// No cell has it, for a NUL is refused.
const END_MARK: &[u8] = b"\0end of input\0";

const OPEN_QUOTE: &str = "a quote that begins in this row is never closed";

/// What stands between cells, the likeliest first.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// Which column fills which field: `subject = "Short description"`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnMap(BTreeMap<String, String>);

impl ColumnMap {
    /// Reads assignments of the form `field=Column name`.
    ///
    /// # Errors
    /// The assignment that has no `=`, or names a field twice.
    pub fn parse(assignments: &[String]) -> Result<Self, String> {
        let mut by_column = BTreeMap::new();
        for assignment in assignments {
            let Some((field, column)) = assignment.split_once('=') else {
                return Err(format!(
                    "{assignment:?} is not of the form field=Column name"
                ));
            };
            let field = field.trim().to_owned();
            if by_column.values().any(|known| *known == field) {
                return Err(format!("the field {field:?} is mapped twice"));
            }
            by_column.insert(column.trim().to_owned(), field);
        }
        Ok(Self(by_column))
    }

    /// Whether nothing is mapped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn field_of(&self, column: &str) -> String {
        let column = column.trim();
        self.0
            .get(column)
            .cloned()
            .unwrap_or_else(|| column.to_lowercase().replace(' ', "_"))
    }

    /// The columns of the map that the header does not have.
    fn missing_in(&self, header: &[String]) -> Vec<&String> {
        let has = |column: &&String| !header.iter().any(|known| known.trim() == column.as_str());
        self.0.keys().filter(has).collect()
    }
}

/// The documents of a CSV stream.
pub fn csv<'a>(reader: impl Read + 'a, columns: &ColumnMap, options: Options) -> Records<'a> {
    Box::new(csv_rows(reader, columns).map(move |(line_number, row)| {
        let content = row.and_then(|object| document_of_object(object, options));
        Record::of_line(line_number, content)
    }))
}

/// A row by fields, or why it is none, with the line it starts on.
type NamedRow = (u64, Result<Map<String, Value>, Refused>);

/// The rows of a CSV stream by fields, not looked into yet.
pub fn csv_rows<'a>(
    reader: impl Read + 'a,
    columns: &ColumnMap,
) -> Box<dyn Iterator<Item = NamedRow> + 'a> {
    let opened = Table::open(reader).and_then(|table| {
        let fields = fields_of(&table.header, columns)?;
        Ok((table, fields))
    });
    match opened {
        Ok((table, fields)) => Box::new(table.map(move |(line_number, row)| {
            (line_number, row.and_then(|row| object(&fields, &row)))
        })),
        Err(refused) => Box::new(std::iter::once((1, Err(refused)))),
    }
}

/// The input with the mark behind its end.
type Marked<'a> = LineEnds<BufReader<Box<dyn Read + 'a>>>;

/// The rows of a CSV stream, each with the line it starts on.
pub(super) struct Table<'a> {
    /// The names of the columns, as they are written.
    pub(super) header: Vec<String>,
    reader: csv::Reader<Shared<Marked<'a>>>,
    left: Rc<Cell<usize>>,
    row: ByteRecord,
    is_done: bool,
}

impl<'a> Table<'a> {
    /// Reads the header.
    pub(super) fn open(reader: impl Read + 'a) -> Result<Self, Refused> {
        let left = Rc::new(Cell::new(MAX_LINE_BYTES));
        let reader: Box<dyn Read + 'a> = Box::new(reader.chain(&b"\n"[..]).chain(END_MARK));
        let mut reader = BufReader::new(reader);
        let head = reader
            .fill_buf()
            .map_err(|error| Refused::fatal(format!("the input ends here: {error}")))?;
        let delimiter = delimiter_of(head);
        let detail = format!("a row of more than {MAX_LINE_BYTES} bytes; is a quote open?");
        let shared = Shared::new(LineEnds::new(reader), &left, detail);
        // Flexible, so that the mark is a row like any other; `object` counts the columns.
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .from_reader(shared);
        let header = header(&mut reader)?;
        Ok(Self {
            header,
            reader,
            left,
            row: ByteRecord::new(),
            is_done: false,
        })
    }

    fn read(&mut self) -> Option<Result<ByteRecord, Refused>> {
        self.left.set(MAX_LINE_BYTES);
        match self.reader.read_byte_record(&mut self.row) {
            Ok(false) => None,
            Ok(true) if is_end(&self.row) => None,
            Ok(true) if has_open_quote(&self.row) => {
                self.is_done = true;
                Some(Err(Refused::fatal(OPEN_QUOTE)))
            }
            Ok(true) => Some(Ok(self.row.clone())),
            Err(error) => {
                self.is_done = matches!(error.kind(), csv::ErrorKind::Io(_));
                Some(Err(refused(&error)))
            }
        }
    }
}

impl Iterator for Table<'_> {
    type Item = (u64, Result<ByteRecord, Refused>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let row = self.read()?;
        let begins = self.row.position();
        let line_number = begins.map_or_else(|| self.reader.position().line(), csv::Position::line);
        Some((line_number, row))
    }
}

/// The sign between the cells: where a comma is the decimal sign, spreadsheets write semicolons.
/// The one that stands most often in the header line, outside quotes; a comma when none does.
pub(super) fn delimiter_of(head: &[u8]) -> u8 {
    let mut counts = DELIMITERS.map(|delimiter| (delimiter, 0_u32));
    let mut is_quoted = false;
    for byte in head {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' if !is_quoted => break,
            _ if is_quoted => {}
            _ => counts
                .iter_mut()
                .filter(|(delimiter, _)| delimiter == byte)
                .for_each(|(_, count)| *count += 1),
        }
    }
    // Of two that stand as often, the first one.
    let most = counts.iter().rev().max_by_key(|(_, count)| *count);
    most.map_or(b',', |(delimiter, _)| *delimiter)
}

/// The names of the columns.
fn header<R: Read>(reader: &mut csv::Reader<R>) -> Result<Vec<String>, Refused> {
    let header = reader.byte_headers().map_err(|error| refused(&error))?;
    if has_open_quote(header) {
        return Err(Refused::fatal(OPEN_QUOTE));
    }
    let names = header
        .iter()
        // An empty input has no header but the mark.
        .filter(|&name| name != END_MARK)
        // Spreadsheets put a byte order mark in front of the first column.
        .map(|name| text_of(name).trim_start_matches('\u{feff}').to_owned());
    Ok(names.collect())
}

/// The field of every column.
pub(super) fn fields_of(names: &[String], columns: &ColumnMap) -> Result<Vec<String>, Refused> {
    if let Some(missing) = columns.missing_in(names).first() {
        let detail = format!(
            "there is no column {missing:?}; there are {}",
            names.join(", ")
        );
        return Err(Refused::fatal(detail));
    }
    let fields: Vec<String> = names.iter().map(|name| columns.field_of(name)).collect();
    let is_twice = |field: &&String| fields.iter().filter(|other| other == field).count() > 1;
    match fields.iter().find(is_twice) {
        Some(twice) => Err(Refused::fatal(format!(
            "two columns fill the field {twice:?}"
        ))),
        None => Ok(fields),
    }
}

/// Whether the row is the mark.
fn is_end(row: &ByteRecord) -> bool {
    row.len() == 1 && row.get(0) == Some(END_MARK)
}

/// Whether the mark came inside the quotes of the last cell.
fn has_open_quote(row: &ByteRecord) -> bool {
    !is_end(row)
        && row
            .iter()
            .next_back()
            .is_some_and(|cell| cell.ends_with(END_MARK))
}

/// The cells of a row by field; those of fields that stand twice become a list.
pub(super) fn object(fields: &[String], row: &ByteRecord) -> Result<Map<String, Value>, Refused> {
    if row.len() != fields.len() {
        return Err(Refused::new(format!(
            "the row has {} columns, the header has {}",
            row.len(),
            fields.len()
        )));
    }
    let mut object = Map::new();
    for (field, cell) in fields.iter().zip(row.iter()) {
        add_cell(&mut object, field, &text_of(cell));
    }
    Ok(object)
}

/// Puts a cell into its field; an empty one says nothing.
pub(super) fn add_cell(object: &mut Map<String, Value>, field: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    match object.get_mut(field) {
        None => {
            object.insert(field.to_owned(), Value::from(text));
        }
        Some(Value::Array(cells)) => cells.push(Value::from(text)),
        Some(first) => *first = Value::from(vec![first.take(), Value::from(text)]),
    }
}

/// UTF-8, or Windows-1252, in which ServiceNow and older spreadsheets write and every byte is a
/// character.
fn text_of(cell: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(cell) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(cell).0,
    }
}

fn refused(error: &csv::Error) -> Refused {
    if let csv::ErrorKind::Io(error) = error.kind() {
        Refused::fatal(format!("the input ends here: {error}"))
    } else {
        Refused::new(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Mapped, Taken};
    use super::*;
    use crate::model::{Document, Kind};

    fn read(text: &str, map: &[&str]) -> Vec<(u64, Result<Mapped, Refused>)> {
        let map: Vec<String> = map.iter().map(|&item| item.to_owned()).collect();
        let columns = ColumnMap::parse(&map).unwrap();
        let options = Options {
            default_kind: Some(Kind::Ticket),
        };
        csv(text.as_bytes(), &columns, options)
            .map(|record| {
                let content = record.content.map(|taken| match taken {
                    Taken::Document(mapped) => *mapped,
                    Taken::Skipped(skipped) => panic!("{skipped:?}"),
                });
                (record.line_number, content)
            })
            .collect()
    }

    #[test]
    fn columns_are_mapped_and_the_others_kept() {
        let text = "\u{feff}Number,Short description,Description,Site\nINC1,VPN,\"a\nb\",Lyon\n";
        let rows = read(text, &["id=Number", "subject=Short description"]);
        let Ok(Mapped {
            document: Document::Ticket(ticket),
            ..
        }) = &rows[0].1
        else {
            panic!("{rows:?}")
        };
        assert_eq!(
            (ticket.id.as_str(), ticket.subject.as_str()),
            ("INC1", "VPN")
        );
        assert_eq!(ticket.description, "a\nb");
        assert_eq!(ticket.extra["site"], "Lyon");
    }

    #[test]
    fn bad_rows_are_refused_with_their_line_and_good_ones_kept() {
        let rows = read("id,subject\na,x\nb\nc,\nd,y\n", &[]);
        let lines: Vec<(u64, bool)> = rows
            .iter()
            .map(|(line, content)| (*line, content.is_ok()))
            .collect();
        assert_eq!(lines, [(2, true), (3, false), (4, false), (5, true)]);
    }

    /// Half of Europe's spreadsheets write semicolons, and some of them no UTF-8.
    #[test]
    fn other_delimiters_and_windows_texts_are_read() {
        for text in ["id;subject\na;\"x, y; z\"\n", "id\tsubject\na\tx, y; z\n"] {
            let rows = read(text, &[]);
            let Ok(Mapped {
                document: Document::Ticket(ticket),
                ..
            }) = &rows[0].1
            else {
                panic!("{rows:?}")
            };
            assert_eq!(ticket.subject, "x, y; z");
        }
        assert_eq!(delimiter_of(b"\"a;b;c\",d\n;;;;"), b',');
        assert_eq!(delimiter_of(b"one"), b',');
        assert_eq!(text_of(b"caf\xe9 \x80"), "caf\u{e9} \u{20ac}");
    }

    #[test]
    fn a_mapped_column_that_is_not_there_is_named() {
        let rows = read("id,subject\na,x\n", &["subject=Title"]);
        let refused = rows[0].1.as_ref().unwrap_err();
        assert!(
            refused
                .detail
                .contains("no column \"Title\"; there are id, subject")
        );
    }
}
