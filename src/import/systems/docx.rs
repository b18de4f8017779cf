//! Word documents: paragraphs, lists and tables of `word/document.xml`, title and dates of
//! `docProps/core.xml` (ECMA-376, parts 1 and 2). Deleted text of tracked changes is left out, and so
//! is what stands there twice: where text was moved from, and drawings for older programs.

use std::io::{Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use super::super::draft::{Draft, at, keep_text, text_at};
use super::super::xml::character;
use super::super::{Refused, Taken};
use super::Object;

/// Elements whose text is gone, or stands elsewhere too.
const HIDDEN: [&str; 3] = ["del", "moveFrom", "Fallback"];

/// What a part of a document may unpack to, in bytes.
const MAX_PART_BYTES: u64 = 64 * 1024 * 1024;

/// The record of a document: its path, its two parts.
pub(super) fn record(path: &str, content: &[u8]) -> Result<Object, Refused> {
    let mut archive = zip::ZipArchive::new(Cursor::new(content))
        .map_err(|error| Refused::new(format!("it is no Word document: {error}")))?;
    let mut part = |name: &str| -> Result<String, Refused> {
        let member = archive
            .by_name(name)
            .map_err(|error| Refused::field(name, format!("it cannot be read: {error}")))?;
        let mut text = Vec::new();
        member
            .take(MAX_PART_BYTES + 1)
            .read_to_end(&mut text)
            .map_err(|error| Refused::field(name, format!("it cannot be read: {error}")))?;
        if text.len() as u64 > MAX_PART_BYTES {
            let detail = format!("it unpacks to more than {MAX_PART_BYTES} bytes");
            return Err(Refused::field(name, detail));
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    let document = part("word/document.xml")?;
    // Properties are no must.
    let core = part("docProps/core.xml").unwrap_or_default();
    let fields = [
        ("path", path.to_owned()),
        ("document", text_of_document(&document)?),
        ("title", property(&core, "title")),
        ("created", property(&core, "created")),
        ("modified", property(&core, "modified")),
        ("author", property(&core, "creator")),
    ];
    let fields = fields.map(|(name, text)| (name.to_owned(), Value::from(text)));
    Ok(fields.into_iter().collect())
}

pub(super) fn convert(mut draft: Draft<'_>, record: &Object) -> Result<Taken, Refused> {
    let path = text_at(record, &["path"]);
    let mut article = draft.article(&path.replace(['/', '\\'], ":"))?;
    let stem = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    article.body = text_at(record, &["document"]);
    article.title = text_at(record, &["title"]);
    if article.title.trim().is_empty() {
        stem.clone_into(&mut article.title);
    }
    article.created_at = draft.time("created_at", at(record, &["created"]));
    article.updated_at = draft.time("updated_at", at(record, &["modified"]));
    keep_text(&mut article.extra, "path", &path);
    keep_text(&mut article.extra, "author", &text_at(record, &["author"]));
    // Who may open the file is not in the file: internal.
    draft.done_article(article)
}

/// The text of the main part: a line a paragraph, cells of a table row beside each other.
fn text_of_document(xml: &str) -> Result<String, Refused> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    reader.config_mut().expand_empty_elements = true;
    let mut text = Paragraphs::default();
    loop {
        match reader.read_event() {
            Ok(Event::Eof) => return Ok(text.finish()),
            Ok(Event::Start(start)) => text.open(start.local_name().as_ref()),
            Ok(Event::End(end)) => text.close(end.local_name().as_ref()),
            Ok(Event::Text(part)) => text.write(&part.xml10_content()),
            Ok(Event::CData(part)) => text.write(&part.xml10_content()),
            Ok(Event::GeneralRef(reference)) => text.write(&character(&reference)),
            Ok(_) => {}
            Err(error) => {
                let detail = format!(
                    "the XML is wrong at byte {}: {error}",
                    reader.error_position()
                );
                return Err(Refused::field("word/document.xml", detail));
            }
        }
    }
}

#[derive(Default)]
struct Paragraphs {
    out: String,
    /// Whether the text belongs to a run: `<w:t>`.
    in_text: bool,
    cells: Vec<String>,
    n_tables: usize,
    n_hidden: usize,
}

impl Paragraphs {
    fn open(&mut self, name: &str) {
        self.n_hidden += usize::from(HIDDEN.contains(&name));
        match name {
            "t" => self.in_text = true,
            "tab" => self.push('\t'),
            "br" | "cr" => self.push('\n'),
            "numPr" => self.push_str("- "),
            "tbl" => self.n_tables += 1,
            "tc" => self.cells.push(String::new()),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if HIDDEN.contains(&name) {
            self.n_hidden = self.n_hidden.saturating_sub(1);
        }
        match name {
            "t" => self.in_text = false,
            "p" if self.cells.is_empty() => self.out.push('\n'),
            "p" => self.push(' '),
            "tr" => {
                let cells: Vec<&str> = self.cells.iter().map(|cell| cell.trim()).collect();
                let row = cells.join(" | ");
                self.out.push_str(&row);
                self.out.push('\n');
                self.cells.clear();
            }
            "tbl" => self.n_tables = self.n_tables.saturating_sub(1),
            _ => {}
        }
    }

    fn write(&mut self, text: &str) {
        if self.in_text && self.n_hidden == 0 {
            self.push_str(text);
        }
    }

    fn push(&mut self, character: char) {
        self.push_str(character.encode_utf8(&mut [0; 4]));
    }

    fn push_str(&mut self, text: &str) {
        match self.cells.last_mut() {
            Some(cell) if self.n_tables > 0 => cell.push_str(text),
            _ => self.out.push_str(text),
        }
    }

    fn finish(self) -> String {
        let lines = self.out.lines().map(str::trim_end);
        let mut text = String::with_capacity(self.out.len());
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        text.trim().to_owned()
    }
}

/// The text of a property of the document.
fn property(xml: &str, name: &str) -> String {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    let mut is_open = false;
    let mut text = String::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => is_open = start.local_name().as_ref() == name,
            Ok(Event::Text(part)) if is_open => text.push_str(&part.xml10_content()),
            Ok(Event::End(_)) if is_open => return text,
            Ok(Event::Eof) | Err(_) => return text,
            Ok(_) => {}
        }
    }
}
