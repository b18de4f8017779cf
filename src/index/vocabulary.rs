//! The terms of an index that are like a given one: what a misspelt or unfinished word may mean.
//!
//! Only terms that stand in a document the audience sees are given, with their frequency there.
//!
//! Looked up with a Levenshtein automaton in tantivy's term dictionaries. Of what is found the
//! terms most frequent for the audience are taken; looks into a segment are remembered.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use tantivy::Term;
use tantivy::query::{DfaWrapper, FuzzyTermQuery};
use tantivy::schema::Field;
use tantivy::termdict::TermStreamer;

use super::{Error, TextField, View};

/// A term of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownTerm {
    /// The term.
    pub term: String,
    /// In how many documents that the audience sees it stands.
    pub doc_freq: u64,
}

/// A look for terms that are nearly a given one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Lookup {
    field: TextField,
    term: String,
    /// Letters that may be wrong; as many at the beginning are taken to be right.
    max_distance: u8,
    /// Whether the term may go on.
    is_prefix: bool,
}

impl Lookup {
    fn automaton(&self, field: Field) -> Result<DfaWrapper, Error> {
        let term = Term::from_field_text(field, &self.term);
        let fuzzy = if self.is_prefix {
            FuzzyTermQuery::new_prefix(term, self.max_distance, true)
        } else {
            FuzzyTermQuery::new(term, self.max_distance, true)
        };
        Ok(fuzzy.automaton()?)
    }
}

/// A term with the number of a segment's documents in which it stands.
pub(super) type SegmentTerm = (String, u32);

impl View {
    /// The `limit` most frequent terms of all texts that become `term` with at most `max_distance`
    /// (1 or 2) letters inserted, left out, exchanged or two neighbours swapped, and that begin
    /// with as many of its letters: hardly anybody misses those, and all others cost twenty times
    /// as much to look through. `term` itself is left out.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn neighbours(
        &self,
        term: &str,
        max_distance: u8,
        limit: usize,
    ) -> Result<Vec<KnownTerm>, Error> {
        self.alike(
            &Lookup {
                field: TextField::Whole,
                term: term.to_owned(),
                max_distance,
                is_prefix: false,
            },
            limit,
        )
    }

    /// The `limit` most frequent terms of a field with a beginning that becomes `prefix` with one
    /// letter inserted, left out, exchanged or two neighbours swapped, the first letter apart.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn likely_completions(
        &self,
        field: TextField,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<KnownTerm>, Error> {
        self.alike(
            &Lookup {
                field,
                term: prefix.to_owned(),
                max_distance: 1,
                is_prefix: true,
            },
            limit,
        )
    }

    fn alike(&self, lookup: &Lookup, limit: usize) -> Result<Vec<KnownTerm>, Error> {
        let field = self.live.fields.text(lookup.field);
        let start = first_letters(&lookup.term, usize::from(lookup.max_distance));
        let mut automaton = None;
        let mut found: BTreeMap<String, u64> = BTreeMap::new();
        for (segment, view) in self.searcher.segment_readers().iter().zip(&self.segments) {
            let of_segment = view.lookups.get_or_make(lookup, || {
                let automaton = match &mut automaton {
                    Some(automaton) => automaton,
                    none => none.insert(lookup.automaton(field)?),
                };
                let inverted_index = segment.inverted_index(field)?;
                let search = inverted_index.terms().search(&*automaton);
                let range = search.ge(start.as_bytes()).lt(after(start));
                let mut terms = range.into_stream()?;
                let mut found = Vec::new();
                while terms.advance() {
                    if let Ok(term) = std::str::from_utf8(terms.key()) {
                        found.push((term.to_owned(), terms.value().doc_freq));
                    }
                }
                Ok(found.into())
            })?;
            for (term, doc_freq) in of_segment.iter() {
                *found.entry(term.clone()).or_default() += u64::from(*doc_freq);
            }
        }
        found.remove(&lookup.term);
        let candidates = found.into_iter().map(|(term, in_all)| (in_all, term));
        self.most_frequent(lookup.field, candidates.collect(), limit)
    }

    /// The `limit` most frequent terms of a field that begin with `prefix`, itself left out.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn completions(
        &self,
        field: TextField,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<KnownTerm>, Error> {
        let mut streams = Vec::new();
        let segments = self.searcher.segment_readers().iter();
        let indexes = segments
            .map(|segment| segment.inverted_index(self.live.fields.text(field)))
            .collect::<Result<Vec<_>, _>>()?;
        for index in &indexes {
            let range = index.terms().range().ge(prefix.as_bytes());
            let mut terms = range.lt(after(prefix)).into_stream()?;
            if terms.advance() {
                streams.push(terms);
            }
        }
        let mut candidates = Vec::new();
        // Every stream is in order: the least of their terms is the next of all.
        while let Some(least) = streams.iter().map(TermStreamer::key).min() {
            let term = String::from_utf8_lossy(least).into_owned();
            let mut in_all = 0;
            streams.retain_mut(|terms| {
                if terms.key() != term.as_bytes() {
                    return true;
                }
                in_all += u64::from(terms.value().doc_freq);
                terms.advance()
            });
            if term != prefix {
                candidates.push((in_all, term));
            }
        }
        self.most_frequent(field, candidates.into(), limit)
    }

    /// Of terms with their frequency in all documents those that the audience sees most often,
    /// the most frequent first. Nothing is looked up that cannot be among them: nobody sees a
    /// term more often than it is there.
    fn most_frequent(
        &self,
        field: TextField,
        mut candidates: BinaryHeap<(u64, String)>,
        limit: usize,
    ) -> Result<Vec<KnownTerm>, Error> {
        let mut best: BTreeSet<(Reverse<u64>, String)> = BTreeSet::new();
        while let Some((in_all, term)) = candidates.pop() {
            let least = best.last().map(|(Reverse(least), _)| *least);
            if best.len() == limit && least.is_none_or(|least| least > in_all) {
                break;
            }
            let doc_freq = self.doc_freq(field, &term)?;
            if doc_freq > 0 {
                best.insert((Reverse(doc_freq), term));
            }
            if best.len() > limit {
                best.pop_last();
            }
        }
        let known = |(Reverse(doc_freq), term)| KnownTerm { term, doc_freq };
        Ok(best.into_iter().map(known).collect())
    }
}

/// The first `n` letters of a term.
fn first_letters(term: &str, n: usize) -> &str {
    let end = term.char_indices().nth(n).map_or(term.len(), |(at, _)| at);
    term.get(..end).unwrap_or(term)
}

/// What comes after everything that begins with `prefix`: no UTF-8 text goes on with this byte.
fn after(prefix: &str) -> Vec<u8> {
    [prefix.as_bytes(), &[0xff]].concat()
}
