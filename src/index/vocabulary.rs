//! The terms of an index that are like a given one: what a misspelt or unfinished word may mean.
//!
//! Only terms that stand in a document the audience sees are given, with their frequency there.

use std::collections::BTreeMap;

use tantivy::Term;
use tantivy::query::FuzzyTermQuery;

use super::{Error, TextField, View};

/// Of more candidates than these only the most frequent are looked at.
const MAX_CANDIDATES: usize = 256;

/// A term of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownTerm {
    /// The term.
    pub term: String,
    /// In how many documents that the audience sees it stands.
    pub doc_freq: u64,
}

impl View {
    /// The terms of all texts that become `term` with at most `max_distance` (1 or 2) letters
    /// inserted, left out, exchanged or two neighbours swapped, and that begin with the same letter:
    /// hardly anybody misses that one, and all others cost twenty times as much to look through.
    /// `term` itself is left out.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn neighbours(&self, term: &str, max_distance: u8) -> Result<Vec<KnownTerm>, Error> {
        let of_term = Term::from_field_text(self.live.fields.text(TextField::Whole), term);
        let fuzzy = FuzzyTermQuery::new(of_term, max_distance, true);
        self.alike(TextField::Whole, term, &fuzzy)
    }

    /// The terms of a field with a beginning that becomes `prefix` with one letter inserted, left
    /// out, exchanged or two neighbours swapped.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn likely_completions(
        &self,
        field: TextField,
        prefix: &str,
    ) -> Result<Vec<KnownTerm>, Error> {
        let of_prefix = Term::from_field_text(self.live.fields.text(field), prefix);
        let fuzzy = FuzzyTermQuery::new_prefix(of_prefix, 1, true);
        self.alike(field, prefix, &fuzzy)
    }

    fn alike(
        &self,
        text_field: TextField,
        term: &str,
        fuzzy: &FuzzyTermQuery,
    ) -> Result<Vec<KnownTerm>, Error> {
        let field = self.live.fields.text(text_field);
        let first: String = term.chars().take(1).collect();
        let automaton = fuzzy.automaton()?;
        let mut found = BTreeMap::new();
        for segment in self.searcher.segment_readers() {
            let inverted_index = segment.inverted_index(field)?;
            let search = inverted_index.terms().search(&automaton);
            let range = search.ge(first.as_bytes()).lt(after(&first));
            let mut terms = range.into_stream()?;
            while terms.advance() {
                note(&mut found, terms.key(), terms.value().doc_freq);
            }
        }
        found.remove(term);
        self.known(text_field, found)
    }

    /// The terms of a field that begin with `prefix`, itself left out, the most frequent first.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn completions(&self, field: TextField, prefix: &str) -> Result<Vec<KnownTerm>, Error> {
        let mut found = BTreeMap::new();
        for segment in self.searcher.segment_readers() {
            let inverted_index = segment.inverted_index(self.live.fields.text(field))?;
            let range = inverted_index.terms().range().ge(prefix.as_bytes());
            let mut terms = range.lt(after(prefix)).into_stream()?;
            while terms.advance() {
                note(&mut found, terms.key(), terms.value().doc_freq);
            }
        }
        found.remove(prefix);
        self.known(field, found)
    }

    /// Those of the terms that the audience sees, the most frequent first.
    fn known(
        &self,
        field: TextField,
        found: BTreeMap<String, u64>,
    ) -> Result<Vec<KnownTerm>, Error> {
        let mut candidates: Vec<(String, u64)> = found.into_iter().collect();
        candidates.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        candidates.truncate(MAX_CANDIDATES);
        let mut known = Vec::with_capacity(candidates.len());
        for (term, _) in candidates {
            let doc_freq = self.doc_freq(field, &term)?;
            if doc_freq > 0 {
                known.push(KnownTerm { term, doc_freq });
            }
        }
        known.sort_by(|a, b| {
            b.doc_freq
                .cmp(&a.doc_freq)
                .then_with(|| a.term.cmp(&b.term))
        });
        Ok(known)
    }
}

/// What comes after everything that begins with `prefix`: no UTF-8 text goes on with this byte.
fn after(prefix: &str) -> Vec<u8> {
    [prefix.as_bytes(), &[0xff]].concat()
}

/// Notes a term of one segment.
fn note(found: &mut BTreeMap<String, u64>, term: &[u8], doc_freq: u32) {
    if let Ok(term) = std::str::from_utf8(term) {
        *found.entry(term.to_owned()).or_default() += u64::from(doc_freq);
    }
}
