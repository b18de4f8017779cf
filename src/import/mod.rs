//! From files and streams to documents, with a word on everything that was not taken.
//!
//! Firstline's own formats ([`ndjson`], [`csv`]) give JSON objects to `fields`, which knows how
//! desks name and write things. What other systems export goes through four steps: `inputs` finds
//! and opens files, archives and streams; `detect` tells by their content whose they are;
//! `assemble` and its like cut them into records, each with all that belongs to it (an
//! [`Original`]); `systems` holds the mapping of each system, from a record to a document.
//!
//! A bad record never stops an import: it is refused with its file, position and reason. Values
//! that are not understood are kept raw and counted, never guessed. Visibility fails closed.

mod archive;
mod assemble;
mod bounded;
mod csv;
mod dates;
mod detect;
mod draft;
mod fields;
mod inputs;
mod joined;
mod json_lists;
mod json_scan;
mod json_stream;
mod line_ends;
mod lines;
mod mapping;
mod markup;
mod mask;
mod mask_numbers;
mod ndjson;
mod pieces;
mod report;
mod servicenow_xml;
mod source;
mod system;
mod systems;
mod tables;
mod texts;
mod utf16;
mod versions;
mod whose;
mod workbook;
mod xml;

use std::sync::Arc;

use crate::model::{Document, DocumentKey, Kind};

pub use assemble::{Plan, Sources};
pub use csv::{ColumnMap, csv, csv_rows};
pub use detect::Recognised;
pub use fields::document_of_object;
pub use inputs::{Input, Inputs};
pub use lines::{MAX_FIELD_BYTES, MAX_LINE_BYTES};
pub use mapping::{InvalidMapping, MAPPING_FILE, Mapping};
pub use mask::{MaskCounts, mask_document, mask_text};
pub use ndjson::{document_of_json, ndjson};
pub use report::{FileRead, LeftOut, LineProblem, NoteCount, Notes, Report, dry_run};
pub use source::{open, unpacked};
pub use system::System;
pub use systems::{Incoming, MAX_MESSAGE_BYTES, alerts, convert, convert_alert, incoming};
pub use versions::Versions;

/// A stream of records, in the order of the input.
pub type Records<'a> = Box<dyn Iterator<Item = Record> + 'a>;

/// One record of the input: a line, a row, an element of a list, a message.
#[derive(Debug, Clone)]
pub struct Record {
    /// The file it is in, where several may be read.
    pub file: Option<Arc<str>>,
    /// The line it starts on, or which record of the file it is; from 1.
    pub line_number: u64,
    /// What became of it, or why it was refused.
    pub content: Result<Taken, Refused>,
}

impl Record {
    /// A record of a stream without a name.
    fn of_line(line_number: u64, content: Result<Mapped, Refused>) -> Self {
        Self {
            file: None,
            line_number,
            content: content.map(Taken::from),
        }
    }
}

/// What a record that is in order means.
#[derive(Debug, Clone)]
pub enum Taken {
    /// A document to store.
    Document(Box<Mapped>),
    /// Nothing to store.
    Skipped(Skipped),
}

impl From<Mapped> for Taken {
    fn from(mapped: Mapped) -> Self {
        Self::Document(Box::new(mapped))
    }
}

/// Why a record is not stored though nothing is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The reason, the same for the same cause, so that it can be counted.
    pub reason: String,
    /// The document that must go if an earlier import stored it: it is deleted at its source.
    pub removes: Option<DocumentKey>,
}

/// A document as it was understood.
#[derive(Debug, Clone)]
pub struct Mapped {
    /// The document.
    pub document: Document,
    /// What was kept raw or filled in.
    pub notes: Vec<Note>,
    /// What it was made from, when another system wrote it.
    pub original: Option<Original>,
    /// What was masked in it.
    pub masked: MaskCounts,
    /// Whether an older state, by `updated_at`, must not replace a newer one.
    pub is_versioned: bool,
}

impl Mapped {
    /// A document of Firstline's own formats.
    pub(crate) fn new(document: impl Into<Document>, notes: Vec<Note>) -> Self {
        Self {
            document: document.into(),
            notes,
            original: None,
            masked: MaskCounts::default(),
            is_versioned: false,
        }
    }
}

/// A record of another system with everything that belongs to it: enough to convert it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// Whose record it is.
    pub system: System,
    /// The record: JSON, a message, a text file, as the system has it.
    pub content: Vec<u8>,
}

/// Something about a field of a document that was taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// What kind of thing.
    pub kind: NoteKind,
    /// The field.
    pub field: String,
    /// What was done, the same for the same cause, so that it can be counted.
    pub detail: String,
}

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// A value that no table knows; it is kept raw.
    UnknownValue,
    /// A date that does not read; the field is empty.
    BadDate,
    /// Markup that has no text of its own, or none that is understood.
    Markup,
    /// Something was filled in or kept in another field.
    Filled,
}

/// Why a record was refused.
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

    pub(crate) fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
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
