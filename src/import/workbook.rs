//! Workbooks (XLSX, ECMA-376) as tables: the first sheet that has cells, its first row the header.
//! Only cells that are there are held, so a single cell in the last corner costs nothing. Numbers,
//! dates and words become what a person sees; dates have no zone, as a workbook knows none.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use calamine::{DataRef, Reader, Xlsx};
use serde_json::{Map, Value};

use super::csv::{ColumnMap, add_cell, fields_of};
use super::fields::document_of_object;
use super::inputs::Input;
use super::pieces::{Piece, Pieces, unreadable};
use super::{Options, Record, Records, Refused};

/// The largest workbook that is read, in bytes: it is held in memory.
const MAX_WORKBOOK_BYTES: usize = 64 * 1024 * 1024;

/// What the parts of a workbook may unpack to together, in bytes.
const MAX_UNPACKED_BYTES: u64 = 512 * 1024 * 1024;

/// The rows of a workbook.
pub(super) fn rows<'a>(input: &Input, on_read: &'a dyn Fn(usize)) -> Result<Pieces<'a>, Refused> {
    let Table { header, rows } = read(input, on_read)?;
    Ok(Box::new(rows.into_iter().map(move |(line, cells)| {
        let row = row(&header, cells);
        (line_number(line), Ok(Piece::of_row(&row)))
    })))
}

/// The rows of a workbook as documents, as those of CSV are.
pub(super) fn documents<'a>(
    input: &Input,
    columns: &'a ColumnMap,
    options: Options,
) -> Records<'a> {
    let opened = read(input, &|_| ()).and_then(|table| {
        let fields: Vec<String> = table.header.values().cloned().collect();
        let fields = fields_of(&fields, columns)?;
        Ok((table.header.into_keys().zip(fields).collect(), table.rows))
    });
    let (fields, rows): (Header, Sheet) = match opened {
        Ok(opened) => opened,
        Err(refused) => return Box::new(std::iter::once(Record::of_line(1, Err(refused)))),
    };
    Box::new(rows.into_iter().map(move |(line, cells)| {
        let content = document_of_object(row(&fields, cells), options);
        Record::of_line(line_number(line), content)
    }))
}

/// The names in the header of a workbook.
pub(super) fn header(input: &Input) -> Vec<String> {
    let table = read(input, &|_| ());
    table.map_or_else(|_| Vec::new(), |table| table.header.into_values().collect())
}

/// By column.
type Header = BTreeMap<u32, String>;

/// By row and column.
type Sheet = BTreeMap<u32, BTreeMap<u32, String>>;

struct Table {
    header: Header,
    rows: Sheet,
}

fn read(input: &Input, on_read: &dyn Fn(usize)) -> Result<Table, Refused> {
    let content = input
        .read_all(MAX_WORKBOOK_BYTES, on_read)
        .map_err(|error| unreadable(&error))?;
    check_size(&content)?;
    let mut rows = sheet(content)?;
    let header = rows.pop_first().map(|(_, cells)| cells).unwrap_or_default();
    Ok(Table { header, rows })
}

/// The cells of a row under their names; those without one are left out.
fn row(header: &Header, cells: BTreeMap<u32, String>) -> Map<String, Value> {
    let mut row = Map::new();
    for (column, text) in cells {
        if let Some(name) = header.get(&column) {
            add_cell(&mut row, name.trim(), &text);
        }
    }
    row
}

/// Rows count from 1 to whoever looks at a sheet.
fn line_number(row: u32) -> u64 {
    u64::from(row) + 1
}

/// Unpacks every part once and keeps nothing: what the entries say may be a lie.
fn check_size(content: &[u8]) -> Result<(), Refused> {
    let mut archive =
        zip::ZipArchive::new(Cursor::new(content)).map_err(|error| damaged(&error))?;
    let mut left = MAX_UNPACKED_BYTES;
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(|error| damaged(&error))?;
        let n_read = std::io::copy(&mut part.take(left + 1), &mut std::io::sink())
            .map_err(|error| damaged(&error))?;
        left = left.checked_sub(n_read).ok_or_else(|| {
            Refused::fatal(format!(
                "it unpacks to more than {MAX_UNPACKED_BYTES} bytes"
            ))
        })?;
    }
    Ok(())
}

fn damaged(error: &dyn std::fmt::Display) -> Refused {
    Refused::fatal(format!("the workbook cannot be read: {error}"))
}

/// The cells of the first sheet that has some, by row and column.
fn sheet(content: Vec<u8>) -> Result<Sheet, Refused> {
    let mut workbook = Xlsx::new(Cursor::new(content)).map_err(|error| damaged(&error))?;
    for name in workbook.sheet_names() {
        let mut cells = workbook
            .worksheet_cells_reader(&name)
            .map_err(|error| damaged(&error))?;
        let mut sheet = Sheet::new();
        while let Some(cell) = cells.next_cell().map_err(|error| damaged(&error))? {
            let (row, column) = cell.get_position();
            let text = text_of(cell.get_value());
            if !text.is_empty() {
                sheet.entry(row).or_default().insert(column, text);
            }
        }
        if !sheet.is_empty() {
            return Ok(sheet);
        }
    }
    Ok(Sheet::new())
}

/// What a person sees in a cell.
fn text_of(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            text.clone()
        }
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(is_true) => is_true.to_string(),
        DataRef::DateTime(date) if date.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
        }
        DataRef::DateTime(duration) => duration.as_f64().to_string(),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}
