//! What the statistics behind the scores are made of, and what deleted documents take from them.
//!
//! A deleted document stays in its segment until a merge drops it, and in the document frequencies
//! that tantivy keeps. Here it counts no longer from the commit on that deletes it: how rare words
//! are, how long documents are and which words are known must not tell of it.

use std::collections::HashMap;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::{BitSet, DocId, SegmentReader, Term};

use super::forward::Forward;
use super::schema::Fields;
use super::view::Columns;
use super::{Error, TextField};
use crate::text::Language;

/// Sums over documents of a segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) n_docs: u64,
    /// Tokens of each field, in the order of [`TextField::ALL`].
    pub(super) n_tokens: [u64; 2],
    /// Documents in each language, in the order of [`Language::ALL`].
    pub(super) n_in_language: [u64; Language::ALL.len()],
}

impl Totals {
    pub(super) fn add(&mut self, other: &Self) {
        self.each(other, |sum, n| sum + n);
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        self.each(other, u64::saturating_sub);
    }

    fn each(&mut self, other: &Self, of_both: impl Fn(u64, u64) -> u64) {
        let ours = std::iter::once(&mut self.n_docs)
            .chain(&mut self.n_tokens)
            .chain(&mut self.n_in_language);
        let theirs = std::iter::once(&other.n_docs)
            .chain(&other.n_tokens)
            .chain(&other.n_in_language);
        for (ours, theirs) in ours.zip(theirs) {
            *ours = of_both(*ours, *theirs);
        }
    }
}

/// Adds up documents of a segment.
pub(super) struct Sums<'a> {
    lengths: [FieldNormReader; 2],
    columns: &'a Columns,
    totals: Totals,
}

impl<'a> Sums<'a> {
    pub(super) fn of(
        segment: &SegmentReader,
        fields: &Fields,
        columns: &'a Columns,
    ) -> Result<Self, Error> {
        let lengths = |field| segment.get_fieldnorms_reader(fields.text(field));
        let [title, whole] = TextField::ALL.map(lengths);
        Ok(Self {
            lengths: [title?, whole?],
            columns,
            totals: Totals::default(),
        })
    }

    pub(super) fn add(&mut self, doc: DocId) {
        let totals = &mut self.totals;
        totals.n_docs += 1;
        for (sum, lengths) in totals.n_tokens.iter_mut().zip(&self.lengths) {
            *sum += u64::from(lengths.fieldnorm(doc));
        }
        let language = self.columns.language(doc);
        let of_language = Language::ALL.iter().zip(&mut totals.n_in_language);
        for (_, n) in of_language.filter(|(known, _)| **known == language) {
            *n += 1;
        }
    }

    pub(super) fn totals(self) -> Totals {
        self.totals
    }
}

/// What the documents of a segment had that an audience saw until they were deleted.
#[derive(Debug, Clone)]
pub(super) struct Deleted {
    /// Deleted documents of the segment, seen or not: these are counted.
    docs: BitSet,
    pub(super) totals: Totals,
    /// In how many of them a term stands, in the order of [`TextField::ALL`], by its ordinal in
    /// the dictionary of whole texts.
    doc_freqs: HashMap<u64, [u64; 2], foldhash::fast::RandomState>,
}

impl Deleted {
    /// Of a segment as it is written: nothing.
    pub(super) fn none(segment: &SegmentReader) -> Self {
        Self {
            docs: BitSet::with_max_value(segment.max_doc()),
            totals: Totals::default(),
            doc_freqs: HashMap::default(),
        }
    }

    /// How many documents of the segment were deleted, seen or not.
    pub(super) fn n_docs(&self) -> usize {
        self.docs.len()
    }

    /// Adds what else was deleted up to this commit.
    pub(super) fn add(
        &mut self,
        segment: &SegmentReader,
        forward: &Forward,
        mut sums: Sums<'_>,
        is_visible: impl Fn(DocId) -> bool,
    ) {
        let Some(alive) = segment.alive_bitset() else {
            return;
        };
        for doc in (0..segment.max_doc()).filter(|doc| alive.is_deleted(*doc)) {
            if self.docs.contains(doc) {
                continue;
            }
            self.docs.insert(doc);
            if !is_visible(doc) {
                continue;
            }
            sums.add(doc);
            for entry in forward.row(doc) {
                let [title, whole] = self.doc_freqs.entry(entry.ord).or_default();
                *title += u64::from(entry.n_in_title > 0);
                *whole += 1;
            }
        }
        self.totals.add(&sums.totals());
    }

    /// In how many of them a term stands.
    pub(super) fn doc_freq(
        &self,
        segment: &SegmentReader,
        fields: &Fields,
        term: &Term,
    ) -> Result<u64, Error> {
        if self.doc_freqs.is_empty() {
            return Ok(0);
        }
        let dictionary = segment.inverted_index(fields.text(TextField::Whole))?;
        let ord = dictionary.terms().term_ord(term.serialized_value_bytes())?;
        let doc_freqs = ord.and_then(|ord| self.doc_freqs.get(&ord));
        let [title, whole] = doc_freqs.copied().unwrap_or_default();
        let is_title = term.field() == fields.text(TextField::Title);
        Ok(if is_title { title } else { whole })
    }
}
