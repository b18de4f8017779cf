//! The best documents for a set of weighted terms, how many there are, and their facets.
//!
//! Scores are BM25 (tantivy's: k1 1.2, b 0.75) summed over the terms. Few terms run through
//! tantivy's block-max WAND, which skips what cannot reach the list; from [`MAX_WAND_TERMS`] on a
//! plain union is quicker (measured, see `benches/README.md`). A filter clause would lose WAND, so
//! audience and filters are tested per document instead. The final scores are added up anew in the
//! order of the terms, so that they are the same to the last bit whatever else is in the index.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use tantivy::postings::Postings;
use tantivy::query::{
    Bm25Weight, BooleanQuery, BoostQuery, EnableScoring, Occur, Query, TermQuery,
};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, SegmentReader, TERMINATED, Term};

use super::view::{Filters, View};
use super::{Error, FacetField, TextField};
use crate::text::Language;

/// Up to so many terms block-max WAND is quicker than the union of all postings.
const MAX_WAND_TERMS: usize = 8;

/// Kept beyond the limit so that ties at the end of the list fall to the lower id, not to the
/// order of segments.
const SPARE_CANDIDATES: usize = 10;

/// A term with what its BM25 score is multiplied by.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedTerm {
    /// Where it must stand.
    pub field: TextField,
    /// As the analyzer gives it.
    pub term: String,
    /// The multiplier, above 0.
    pub weight: f32,
}

/// A document with its score.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// The id of the document.
    pub id: String,
    /// Comparable only inside one answer.
    pub score: f32,
    /// The language in which the document was indexed.
    pub language: Language,
}

/// A number that may have been counted up to a bound only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// What was counted.
    pub count: u64,
    /// Whether there may be more.
    pub is_lower_bound: bool,
}

struct Candidate {
    score: f32,
    segment: u32,
    doc: DocId,
}

/// The best documents for a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Best first; equal scores by id.
    pub scored: Vec<Scored>,
    /// How many documents match, when finding the best ones took a look at all of them.
    pub n_matches: Option<u64>,
}

/// The `limit` best documents that have at least one of the terms.
///
/// # Errors
/// An error of the file system.
pub fn top(
    view: &View,
    terms: &[WeightedTerm],
    filters: &Filters,
    limit: usize,
) -> Result<Ranked, Error> {
    let Some(query) = union_query(view, terms) else {
        return Ok(Ranked {
            scored: Vec::new(),
            n_matches: Some(0),
        });
    };
    let scoring = EnableScoring::enabled_from_statistics_provider(view, &view.searcher);
    let weight = query.weight(scoring)?;
    let mut best = Best::new(limit + SPARE_CANDIDATES);
    let skips = terms.len() <= MAX_WAND_TERMS;
    let mut n_matches = 0;
    for (ord, (segment, sees)) in (0..).zip(view.segments(filters)?) {
        let start = best.threshold();
        let mut take = |doc: DocId, score: f32| {
            if score > best.threshold() && sees.sees(doc) {
                best.offer(Candidate {
                    score,
                    segment: ord,
                    doc,
                });
            }
            best.threshold()
        };
        if skips {
            weight.for_each_pruning(start, segment, &mut take)?;
        } else {
            weight.for_each(segment, &mut |doc, score| {
                n_matches += u64::from(sees.sees(doc));
                take(doc, score);
            })?;
        }
    }
    rescore(view, terms, &mut best)?;
    Ok(Ranked {
        scored: named(view, best, limit)?,
        n_matches: (!skips).then_some(n_matches),
    })
}

/// Gives the candidates the sum of their terms' scores in the order of the terms. The union adds
/// them up in the order in which postings happen to meet, which depends on documents that are not
/// seen and on how segments were merged: the last bit of a score would tell.
fn rescore(view: &View, terms: &[WeightedTerm], best: &mut Best) -> Result<(), Error> {
    let mut candidates = std::mem::take(&mut best.heap).into_vec();
    candidates.sort_by_key(|candidate| (candidate.segment, candidate.doc));
    for candidate in &mut candidates {
        candidate.score = 0.0;
    }
    for weighted in terms {
        let field = view.live.fields.text(weighted.field);
        let term = Term::from_field_text(field, &weighted.term);
        let doc_freq = view.doc_freq(weighted.field, &weighted.term)?;
        let mean_length = view.mean_length(weighted.field);
        let bm25 = Bm25Weight::for_one_term_without_explain(doc_freq, view.n_docs(), mean_length)
            .boost_by(weighted.weight);
        for of_segment in candidates.chunk_by_mut(|a, b| a.segment == b.segment) {
            let Some(segment) = of_segment.first().map(|candidate| candidate.segment) else {
                continue;
            };
            let segment = view.searcher.segment_reader(segment);
            let option = IndexRecordOption::WithFreqs;
            let Some(mut postings) = segment
                .inverted_index(field)?
                .read_postings(&term, option)?
            else {
                continue;
            };
            let lengths = segment.get_fieldnorms_reader(field)?;
            for candidate in of_segment {
                if postings.doc() < candidate.doc {
                    postings.seek(candidate.doc);
                }
                if postings.doc() == candidate.doc {
                    let length = lengths.fieldnorm_id(candidate.doc);
                    candidate.score += bm25.score(length, postings.term_freq());
                }
            }
        }
    }
    best.heap = candidates.into();
    Ok(())
}

/// How many documents have at least one of the terms, counted up to `bound`.
///
/// # Errors
/// An error of the file system.
pub fn count(
    view: &View,
    terms: &[WeightedTerm],
    filters: &Filters,
    bound: u64,
) -> Result<Count, Error> {
    let mut count = 0;
    each_match(view, terms, filters, |_, _| {
        count += 1;
        count < bound
    })?;
    Ok(Count {
        count,
        is_lower_bound: count >= bound,
    })
}

/// For each of the facets, how many of the documents with at least one of the terms have which
/// value. Visits every one of them.
///
/// # Errors
/// An error of the file system.
pub fn facet_counts(
    view: &View,
    terms: &[WeightedTerm],
    filters: &Filters,
    facets: &[FacetField],
) -> Result<BTreeMap<&'static str, BTreeMap<String, u64>>, Error> {
    if facets.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut matches: HashMap<usize, Vec<DocId>> = HashMap::new();
    each_match(view, terms, filters, |segment, doc| {
        matches.entry(segment).or_default().push(doc);
        true
    })?;
    let mut counts = BTreeMap::new();
    for facet in facets {
        let mut of_facet: BTreeMap<String, u64> = BTreeMap::new();
        for (ord, segment) in view.searcher.segment_readers().iter().enumerate() {
            let docs = matches.get(&ord).map(Vec::as_slice).unwrap_or_default();
            count_values(segment, *facet, docs, &mut of_facet)?;
        }
        counts.insert(facet.name(), of_facet);
    }
    Ok(counts)
}

fn count_values(
    segment: &SegmentReader,
    facet: FacetField,
    docs: &[DocId],
    counts: &mut BTreeMap<String, u64>,
) -> Result<(), Error> {
    let Some(column) = segment.fast_fields().str(facet.name())? else {
        return Ok(());
    };
    let mut by_ord: HashMap<u64, u64> = HashMap::new();
    for &doc in docs {
        for ord in column.term_ords(doc) {
            *by_ord.entry(ord).or_default() += 1;
        }
    }
    for (ord, n) in by_ord {
        let mut value = String::new();
        column.ord_to_str(ord, &mut value)?;
        *counts.entry(value).or_default() += n;
    }
    Ok(())
}

/// A flat OR: the only form that block-max WAND takes.
fn union_query(view: &View, terms: &[WeightedTerm]) -> Option<BooleanQuery> {
    if terms.is_empty() {
        return None;
    }
    let clauses = terms.iter().map(|weighted| {
        let query: Box<dyn Query> = Box::new(clause(view, weighted));
        (Occur::Should, query)
    });
    Some(BooleanQuery::new(clauses.collect()))
}

fn clause(view: &View, weighted: &WeightedTerm) -> BoostQuery {
    let field = view.live.fields.text(weighted.field);
    let term = Term::from_field_text(field, &weighted.term);
    let query = TermQuery::new(term, IndexRecordOption::WithFreqs);
    BoostQuery::new(Box::new(query), weighted.weight)
}

/// Visits the matching documents without scoring them, until `visit` says no.
fn each_match(
    view: &View,
    terms: &[WeightedTerm],
    filters: &Filters,
    mut visit: impl FnMut(usize, DocId) -> bool,
) -> Result<(), Error> {
    let Some(query) = union_query(view, terms) else {
        return Ok(());
    };
    let weight = query.weight(EnableScoring::disabled_from_searcher(&view.searcher))?;
    for (ord, (segment, sees)) in view.segments(filters)?.into_iter().enumerate() {
        let mut matches = weight.scorer(segment, 1.0)?;
        while matches.doc() != TERMINATED {
            if sees.sees(matches.doc()) && !visit(ord, matches.doc()) {
                return Ok(());
            }
            matches.advance();
        }
    }
    Ok(())
}

/// The ids of the candidates, in their final order.
fn named(view: &View, best: Best, limit: usize) -> Result<Vec<Scored>, Error> {
    let candidates = best.heap.into_sorted_vec();
    let lowest = limit.checked_sub(1).and_then(|last| candidates.get(last));
    // Reading an id costs more than ranking a document: only what may be shown, and its ties.
    let lowest = lowest.map_or(f32::MIN, |candidate| candidate.score);
    let mut scored = Vec::with_capacity(limit);
    for candidate in candidates
        .into_iter()
        .take_while(|candidate| candidate.score >= lowest)
    {
        let segment = view.searcher.segment_reader(candidate.segment);
        let language = first_value(segment, FacetField::Language.name(), candidate.doc)?;
        scored.push(Scored {
            id: first_value(segment, "id", candidate.doc)?,
            score: candidate.score,
            language: Language::from_code(&language).unwrap_or(Language::Other),
        });
    }
    scored.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
    scored.truncate(limit);
    Ok(scored)
}

/// The value of a field of a document, or nothing.
fn first_value(segment: &SegmentReader, field: &str, doc: DocId) -> Result<String, Error> {
    let mut value = String::new();
    if let Some(column) = segment.fast_fields().str(field)?
        && let Some(ord) = column.term_ords(doc).next()
    {
        column.ord_to_str(ord, &mut value)?;
    }
    Ok(value)
}

/// The best candidates so far; the worst of them is on top of the heap.
struct Best {
    heap: std::collections::BinaryHeap<Candidate>,
    capacity: usize,
}

impl Best {
    fn new(capacity: usize) -> Self {
        Self {
            heap: std::collections::BinaryHeap::with_capacity(capacity + 1),
            capacity,
        }
    }

    fn offer(&mut self, candidate: Candidate) {
        self.heap.push(candidate);
        if self.heap.len() > self.capacity {
            self.heap.pop();
        }
    }

    /// The score that a document must exceed to be offered: just below the worst one's, so that
    /// ties are offered too.
    fn threshold(&self) -> f32 {
        match self.heap.peek() {
            Some(worst) if self.heap.len() == self.capacity => worst.score.next_down(),
            _ => f32::MIN,
        }
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        // Worse is greater, so that the heap gives the worst first.
        let by_score = other.score.total_cmp(&self.score);
        by_score.then_with(|| (self.segment, self.doc).cmp(&(other.segment, other.doc)))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate {}
