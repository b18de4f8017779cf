//! From files and streams to documents, with a word on every line that was not taken.
//!
//! One file per format ([`ndjson`], [`csv`]); all of them give JSON objects to `fields`, which
//! knows how desks name and write things. A bad line never stops an import: it is refused with its
//! line, its field and the reason. Values of scales and lists that are not understood are kept raw
//! in a field of their own and counted, never guessed.

mod csv;
mod fields;
mod line_ends;
mod lines;
mod ndjson;
mod report;
mod source;

use crate::model::{Document, Kind};

pub use csv::{ColumnMap, csv};
pub use fields::document_of_object;
pub use lines::{MAX_FIELD_BYTES, MAX_LINE_BYTES};
pub use ndjson::{document_of_json, ndjson};
pub(crate) use report::Notes;
pub use report::{LineProblem, NoteCount, Report};
pub use source::{Format, InputFile, input_files, open, unpacked};

/// A stream of records, in the order of the input.
pub type Records<'a> = Box<dyn Iterator<Item = Record> + 'a>;

/// One line of the input.
#[derive(Debug, Clone)]
pub struct Record {
    /// The line it starts on, from 1.
    pub line_number: u64,
    /// The document, or why the line was refused.
    pub content: Result<Mapped, Refused>,
}

/// A document as it was understood.
#[derive(Debug, Clone)]
pub struct Mapped {
    /// The document.
    pub document: Document,
    /// What was kept raw or filled in.
    pub notes: Vec<Note>,
}

/// Something about a field of a document that was taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The field.
    pub field: String,
    /// What was done, the same for the same cause, so that it can be counted.
    pub detail: String,
}

/// Why a line was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The field at fault, when it is one.
    pub field: Option<String>,
    /// What is wrong with it.
    pub detail: String,
    /// Whether nothing can be read after it: a cut archive, a failing disk.
    pub is_fatal: bool,
}

impl Refused {
    fn new(detail: impl Into<String>) -> Self {
        Self {
            field: None,
            detail: detail.into(),
            is_fatal: false,
        }
    }

    fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            detail: detail.into(),
            is_fatal: false,
        }
    }

    fn fatal(detail: impl Into<String>) -> Self {
        Self {
            field: None,
            detail: detail.into(),
            is_fatal: true,
        }
    }
}

/// What an import takes for granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// The kind of the documents that do not say theirs.
    pub default_kind: Option<Kind>,
}
