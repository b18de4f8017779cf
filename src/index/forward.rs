//! What stands in a document: its terms with how often, document by document.
//!
//! The postings turned around. Every segment has a file of this beside tantivy's own, written by a
//! [`SegmentPlugin`] from the postings that tantivy has just written, when a segment is flushed as
//! when segments are merged: so it holds the same documents, the same terms and the same numbers, and
//! a term is named by its ordinal in the dictionary of the segment, which has no collisions.
//!
//! Layout, little-endian: the rows of all documents; for every chunk of [`CHUNK`] documents the place
//! of its first row (8 bytes); for every document where its row ends, counted from there (4 bytes). A
//! row is a sequence of terms in the order of the dictionary, each a number of variable length: the
//! distance from the term before, and in the lowest two bits how often it stands in the document: once
//! and never in the title (0), n times and never in the title (1, followed by n), once, in the title
//! (2), n times and m times in the title (3, followed by both). About 2.6 bytes a term.

use std::any::Any;
use std::io::{self, Write};
use std::ops::Range;

use tantivy::directory::{OwnedBytes, TerminatingWrite};
use tantivy::index::{InvertedIndexReader, Segment, SegmentComponent};
use tantivy::indexer::doc_id_mapping::DocIdMapping;
use tantivy::postings::{Postings, SegmentPostings, TermInfo};
use tantivy::schema::document::ErasedDocument;
use tantivy::schema::{IndexRecordOption, Schema};
use tantivy::{
    DocId, DocSet, PluginMergeContext, PluginWriter, PluginWriterContext, SegmentPlugin,
    SegmentReader,
};

use super::schema::Fields;
use super::{Error, TextField};

/// The file's extension.
const EXTENSION: &str = "forward";

/// So many documents are turned around at a time: what is held in memory are their rows, about 200
/// bytes each, and the dictionary is walked once for each chunk. A part of the format. Tests have
/// several chunks.
const CHUNK: u32 = if cfg!(test) { 8 } else { 1 << 17 };

/// A term of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its place in the segment's dictionary of whole texts.
    pub(super) ord: u64,
    /// How often it stands in the document, at least 1.
    pub(super) n: u32,
    /// How often of these in the title.
    pub(super) n_in_title: u32,
}

/// The rows of a segment.
#[derive(Debug)]
pub(super) struct Forward {
    rows: OwnedBytes,
    starts: OwnedBytes,
    ends: OwnedBytes,
}

impl Forward {
    pub(super) fn open(segment: &SegmentReader) -> Result<Self, Error> {
        let component = SegmentComponent::Custom(EXTENSION.to_owned());
        let file = segment
            .open_read(component)
            .map_err(tantivy::TantivyError::from)?;
        let bytes = file.read_bytes()?;
        let n_docs = segment.max_doc();
        let ends_len = 4 * n_docs as usize;
        let starts_len = 8 * n_docs.div_ceil(CHUNK) as usize;
        let cut = || io::Error::new(io::ErrorKind::UnexpectedEof, "rows are missing");
        let rows_len = bytes
            .len()
            .checked_sub(starts_len + ends_len)
            .ok_or_else(cut)?;
        let (rows, rest) = bytes.split(rows_len);
        let (starts, ends) = rest.split(starts_len);
        Ok(Self { rows, starts, ends })
    }

    /// The terms of a document, in the order of the dictionary.
    pub(super) fn row(&self, doc: DocId) -> Row<'_> {
        Row {
            bytes: self.bytes_of(doc).unwrap_or_default(),
            ord: 0,
        }
    }

    fn bytes_of(&self, doc: DocId) -> Option<&[u8]> {
        let start = number_at(&self.starts, (doc / CHUNK) as usize)?;
        let start = usize::try_from(u64::from_le_bytes(start)).ok()?;
        let end_of = |doc: DocId| {
            let end = number_at(&self.ends, doc as usize)?;
            Some(start + u32::from_le_bytes(end) as usize)
        };
        let first = if doc.is_multiple_of(CHUNK) {
            start
        } else {
            end_of(doc - 1)?
        };
        self.rows.get(first..end_of(doc)?)
    }
}

/// The bytes of a number in a row of numbers.
fn number_at<const N: usize>(numbers: &[u8], place: usize) -> Option<[u8; N]> {
    numbers.get(place * N..)?.first_chunk().copied()
}

/// Walks over the terms of a document.
pub(super) struct Row<'a> {
    bytes: &'a [u8],
    ord: u64,
}

impl Row<'_> {
    #[inline]
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        let mut shift = 0;
        while let Some((&byte, left)) = self.bytes.split_first() {
            self.bytes = left;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(number);
            }
            shift += 7;
        }
        None
    }

    /// A number of occurrences; more than 4 billion count as 4 billion.
    fn times(&mut self) -> Option<u32> {
        Some(u32::try_from(self.number()?).unwrap_or(u32::MAX))
    }
}

impl Iterator for Row<'_> {
    type Item = Entry;

    #[inline]
    fn next(&mut self) -> Option<Entry> {
        let number = self.number()?;
        self.ord += number >> 2;
        let (n, n_in_title) = match number & 3 {
            0 => (1, 0),
            1 => (self.times()?, 0),
            2 => (1, 1),
            _ => (self.times()?, self.times()?),
        };
        Some(Entry {
            ord: self.ord,
            n,
            n_in_title,
        })
    }
}

/// Writes the rows of every segment.
pub(super) struct ForwardPlugin {
    pub(super) fields: Fields,
}

impl SegmentPlugin for ForwardPlugin {
    fn extensions(&self) -> &[&str] {
        &[EXTENSION]
    }

    fn create_writer(&self, _: &PluginWriterContext<'_>) -> tantivy::Result<Box<dyn PluginWriter>> {
        Ok(Box::new(ForwardWriter {
            fields: self.fields,
            n_docs: 0,
        }))
    }

    fn merge(&self, context: PluginMergeContext<'_>) -> tantivy::Result<()> {
        let n_docs = context.readers.iter().map(SegmentReader::num_docs).sum();
        write(context.target_segment, n_docs, &self.fields)
    }
}

/// Knows nothing but how many documents there are: all else is in the postings.
struct ForwardWriter {
    fields: Fields,
    n_docs: DocId,
}

impl PluginWriter for ForwardWriter {
    fn add_document(
        &mut self,
        _: DocId,
        _: &dyn ErasedDocument,
        _: &Schema,
    ) -> tantivy::Result<()> {
        self.n_docs += 1;
        Ok(())
    }

    fn serialize(
        self: Box<Self>,
        segment: &Segment,
        _: Option<&DocIdMapping>,
    ) -> tantivy::Result<()> {
        write(segment, self.n_docs, &self.fields)
    }

    fn mem_usage(&self) -> usize {
        0
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// Turns the postings of a segment around.
fn write(segment: &Segment, n_docs: DocId, fields: &Fields) -> tantivy::Result<()> {
    let mut file = segment.open_write(SegmentComponent::Custom(EXTENSION.to_owned()))?;
    let reader = SegmentReader::open(&segment.clone().with_max_doc(n_docs))?;
    let whole = reader.inverted_index(fields.text(TextField::Whole))?;
    let title = reader.inverted_index(fields.text(TextField::Title))?;
    let mut rows: Vec<RowWriter> = Vec::new();
    let mut written: u64 = 0;
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    for first in (0..n_docs).step_by(CHUNK as usize) {
        let docs = first..n_docs.min(first.saturating_add(CHUNK));
        rows.resize_with(docs.len(), RowWriter::default);
        turn_around(&whole, &title, &docs, &mut rows)?;
        starts.extend(written.to_le_bytes());
        let mut end: u32 = 0;
        for row in &mut rows {
            file.write_all(&row.bytes)?;
            let len = u32::try_from(row.bytes.len()).ok();
            end = len.and_then(|len| end.checked_add(len)).ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    "the documents have too many terms",
                )
            })?;
            ends.extend(end.to_le_bytes());
            row.clear();
        }
        written += u64::from(end);
    }
    file.write_all(&starts)?;
    file.write_all(&ends)?;
    file.terminate()?;
    Ok(())
}

/// Fills the rows of some documents.
fn turn_around(
    whole: &InvertedIndexReader,
    title: &InvertedIndexReader,
    docs: &Range<DocId>,
    rows: &mut [RowWriter],
) -> io::Result<()> {
    let mut terms = whole.terms().stream()?;
    // INVARIANT: what stands in a title stands in the whole text too.
    let mut in_titles = title.terms().stream()?;
    let mut has_titles = in_titles.advance();
    while terms.advance() {
        while has_titles && in_titles.key() < terms.key() {
            has_titles = in_titles.advance();
        }
        let mut postings = postings_from(whole, terms.value(), docs.start)?;
        let mut of_title = None;
        while postings.doc() < docs.end {
            let doc = postings.doc();
            if has_titles && of_title.is_none() && in_titles.key() == terms.key() {
                of_title = Some(postings_from(title, in_titles.value(), doc)?);
            }
            let n_in_title = of_title
                .as_mut()
                .map_or(0, |of_title| n_of_doc(of_title, doc));
            if let Some(row) = rows.get_mut((doc - docs.start) as usize) {
                row.push(Entry {
                    ord: terms.term_ord(),
                    n: postings.term_freq(),
                    n_in_title,
                });
            }
            postings.advance();
        }
    }
    Ok(())
}

/// The postings of a term from a document on.
fn postings_from(
    index: &InvertedIndexReader,
    term: &TermInfo,
    first: DocId,
) -> io::Result<SegmentPostings> {
    let mut postings = index.read_postings_from_terminfo(term, IndexRecordOption::WithFreqs)?;
    if postings.doc() < first {
        postings.seek(first);
    }
    Ok(postings)
}

/// How often a term stands in a document that is not before the last one asked for.
fn n_of_doc(postings: &mut SegmentPostings, doc: DocId) -> u32 {
    if postings.doc() < doc {
        postings.seek(doc);
    }
    if postings.doc() == doc {
        postings.term_freq()
    } else {
        0
    }
}

/// A row while it is made.
#[derive(Default)]
struct RowWriter {
    bytes: Vec<u8>,
    last: u64,
}

impl RowWriter {
    /// Terms must come in the order of the dictionary.
    fn push(&mut self, entry: Entry) {
        let Entry { ord, n, n_in_title } = entry;
        let code = match (n, n_in_title) {
            (1, 0) => 0,
            (_, 0) => 1,
            (1, 1) => 2,
            _ => 3,
        };
        self.number((ord - self.last) << 2 | code);
        self.last = ord;
        if code & 1 == 1 {
            self.number(n.into());
        }
        if code == 3 {
            self.number(n_in_title.into());
        }
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push((number & 0x7f) as u8);
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.last = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_gives_back_what_was_put_in() {
        let entry = |ord, n, n_in_title| Entry { ord, n, n_in_title };
        let entries = [
            entry(0, 1, 0),
            entry(1, 1, 1),
            entry(130, 2, 1),
            entry(20_000, 300, 0),
            entry(u64::from(u32::MAX), u32::MAX, u32::MAX),
        ];
        let mut row = RowWriter::default();
        for entry in entries {
            row.push(entry);
        }
        let read = |bytes| Row { bytes, ord: 0 }.collect::<Vec<_>>();
        assert_eq!(read(&row.bytes), entries);
        // A row that is cut ends before the cut; no look beyond, no panic.
        for len in 0..row.bytes.len() {
            assert!(read(&row.bytes[..len]).len() < entries.len());
        }
    }
}
