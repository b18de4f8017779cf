//! The pieces of a file of records, whatever its form: JSON, CSV, a workbook, XML of ServiceNow. A
//! row becomes a record in JSON like any other, so that rows find their people in other files too.

use serde_json::{Map, Value};

use super::csv::{Table, object};
use super::detect::Shape;
use super::inputs::Input;
use super::json_stream::JsonStream;
use super::{Refused, servicenow_xml, workbook};

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A record, and the name of the list it stands in.
    Record {
        /// The member that holds the list; `None` for a record of its own.
        list: Option<String>,
        /// Its JSON.
        json: Vec<u8>,
    },
    /// A member beside the lists of an object around them.
    Beside {
        /// Its name.
        name: String,
        /// Its JSON.
        json: Vec<u8>,
    },
}

impl Piece {
    /// The record that a row of a table is.
    pub(super) fn of_row(row: &Map<String, Value>) -> Self {
        Self::Record {
            list: None,
            json: serde_json::to_vec(row).unwrap_or_default(),
        }
    }
}

/// Pieces, each with its line or which record of the file it is.
pub(super) type Pieces<'a> = Box<dyn Iterator<Item = (u64, Result<Piece, Refused>)> + 'a>;

/// The pieces of a file.
pub(super) fn pieces<'a>(input: &'a Input, shape: Shape, on_read: &'a dyn Fn(usize)) -> Pieces<'a> {
    let open = match shape {
        Shape::Csv => rows,
        Shape::Workbook => workbook::rows,
        Shape::ServiceNowXml => servicenow_xml::rows,
        Shape::Json
        | Shape::ConfluenceXml
        | Shape::ConfluenceHtml
        | Shape::Docx
        | Shape::Message
        | Shape::Mbox
        | Shape::Markdown
        | Shape::Html => json,
    };
    let opened = open(input, on_read);
    opened.unwrap_or_else(|refused| Box::new(std::iter::once((1, Err(refused)))))
}

/// Why a file has no pieces.
pub(super) fn unreadable(error: &std::io::Error) -> Refused {
    Refused::fatal(format!("it could not be read: {error}"))
}

fn json<'a>(input: &Input, on_read: &'a dyn Fn(usize)) -> Result<Pieces<'a>, Refused> {
    let reader = input.open(on_read).map_err(|error| unreadable(&error))?;
    let mut n_records = 0;
    Ok(Box::new(JsonStream::new(reader).map(move |piece| {
        n_records += u64::from(!matches!(piece, Ok(Piece::Beside { .. })));
        (n_records, piece)
    })))
}

fn rows<'a>(input: &Input, on_read: &'a dyn Fn(usize)) -> Result<Pieces<'a>, Refused> {
    let reader = input.open(on_read).map_err(|error| unreadable(&error))?;
    let table = Table::open(reader)?;
    let header = table.header.clone();
    Ok(Box::new(table.map(move |(line_number, row)| {
        let row = row.and_then(|row| object(&header, &row));
        (line_number, row.map(|row| Piece::of_row(&row)))
    })))
}
