//! An index as one audience sees it.
//!
//! Which documents of a segment an audience may see is worked out once and kept as a bitset. All
//! that a query can learn goes through it: hits, counts, facets, and also the statistics behind
//! the scores (how many documents have a term, how long documents are), so that no score tells of
//! a document that must not be seen.
//!
//! The set of languages goes through it too. A document is tested when it first matches. What deleted
//! documents and replaced states had is taken off the statistics, see [`super::statistics`].

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::columnar::{Column, StrColumn};
use tantivy::fastfield::AliveBitSet;
use tantivy::index::SegmentId;
use tantivy::postings::TermInfo;
use tantivy::schema::IndexRecordOption;
use tantivy::{BitSet, DocId, DocSet, Searcher, SegmentReader, TERMINATED, Term};

use super::forward::Forward;
use super::schema::{CREATED, Fields, STANDING, UPDATED};
use super::statistics::{Deleted, Sums, Totals};
use super::vocabulary::{Lookup, SegmentTerm};
use super::{Error, FacetField, LiveIndex, Scored, TextField};
use crate::model::Audience;
use crate::text::Language;

/// Views of segments kept at most; every one takes two bits per document, and a number for every term
/// of its deleted documents.
const MAX_SEGMENT_VIEWS: usize = 1_000;

/// Document frequencies kept at most for one view of a segment.
const MAX_DOC_FREQS: usize = 50_000;

/// Looks into the vocabulary kept at most for one view of a segment: the name that nobody wrote an
/// article about is asked for again and again.
const MAX_LOOKUPS: usize = 5_000;

/// Names the view of one segment by one audience.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ViewKey {
    pub(super) segment: SegmentId,
    audience: Audience,
}

/// What an audience sees of one segment, deleted documents included.
#[derive(Debug)]
pub(super) struct SegmentView {
    /// The documents that may be seen; `None` means all.
    visible: Option<BitSet>,
    totals: Totals,
    columns: Columns,
    forward: Arc<Forward>,
    doc_freqs: Memo<Term, u64>,
    /// The last state of the deleted documents that was asked for.
    deleted: Mutex<Arc<Deleted>>,
    pub(super) lookups: Memo<Lookup, Arc<[SegmentTerm]>>,
}

/// What was worked out, by what it was worked out from; forgotten when there is too much of it.
#[derive(Debug)]
pub(super) struct Memo<K, V> {
    known: Mutex<HashMap<K, V>>,
    capacity: usize,
}

impl<K: Eq + Hash + Clone, V: Clone> Memo<K, V> {
    fn new(capacity: usize) -> Self {
        Self {
            known: Mutex::default(),
            capacity,
        }
    }

    /// What belongs to `key`. Two threads may work it out at once.
    pub(super) fn get_or_make(
        &self,
        key: &K,
        make: impl FnOnce() -> Result<V, Error>,
    ) -> Result<V, Error> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = known().get(key) {
            return Ok(value.clone());
        }
        let value = make()?;
        let mut known = known();
        if known.len() >= self.capacity {
            known.clear();
        }
        known.insert(key.clone(), value.clone());
        Ok(value)
    }
}

/// What a segment tells of its documents.
#[derive(Debug)]
pub(super) struct Columns {
    id: Option<StrColumn>,
    seq: Column<u64>,
    updated: Column<i64>,
    standing: Column<f64>,
    created: Column<i64>,
    language: Option<StrColumn>,
    /// By the ordinal of a language in this segment.
    languages: Vec<Language>,
}

impl Columns {
    fn of(segment: &SegmentReader) -> Result<Self, Error> {
        let fast_fields = segment.fast_fields();
        let language = fast_fields.str(FacetField::Language.name())?;
        let mut languages = Vec::new();
        if let Some(column) = &language {
            for ord in 0..column.num_terms() as u64 {
                let mut code = String::new();
                column.ord_to_str(ord, &mut code)?;
                languages.push(Language::from_code(&code).unwrap_or(Language::Other));
            }
        }
        Ok(Self {
            id: fast_fields.str("id")?,
            seq: fast_fields.u64("seq")?,
            updated: fast_fields.i64(UPDATED)?,
            standing: fast_fields.f64(STANDING)?,
            created: fast_fields.i64(CREATED)?,
            language,
            languages,
        })
    }

    /// The sequence number of the document's last change.
    pub(super) fn seq(&self, doc: DocId) -> u64 {
        self.seq.first(doc).unwrap_or(0)
    }

    /// The language in which the document was indexed.
    pub(super) fn language(&self, doc: DocId) -> Language {
        let ord = self
            .language
            .as_ref()
            .and_then(|column| column.term_ords(doc).next());
        let known = ord.and_then(|ord| self.languages.get(usize::try_from(ord).ok()?));
        known.copied().unwrap_or(Language::Other)
    }
}

impl SegmentView {
    fn new(
        (segment, forward): (&SegmentReader, &Arc<Forward>),
        fields: &Fields,
        audience: &Audience,
    ) -> Result<Self, Error> {
        let visible = match audience.terms() {
            None => None,
            Some(terms) => {
                let terms = terms
                    .iter()
                    .map(|term| Term::from_field_text(fields.audience, term));
                let visible = union_of(segment, terms)?;
                (visible.len() < segment.max_doc() as usize).then_some(visible)
            }
        };
        let columns = Columns::of(segment)?;
        let mut sums = Sums::of(segment, fields, &columns)?;
        (0..segment.max_doc())
            .filter(|doc| is_in(visible.as_ref(), *doc))
            .for_each(|doc| sums.add(doc));
        Ok(Self {
            visible,
            totals: sums.totals(),
            columns,
            forward: Arc::clone(forward),
            doc_freqs: Memo::new(MAX_DOC_FREQS),
            deleted: Mutex::new(Arc::new(Deleted::none(segment))),
            lookups: Memo::new(MAX_LOOKUPS),
        })
    }

    /// What the deleted documents of a commit take from the statistics.
    fn deleted(&self, segment: &SegmentReader, fields: &Fields) -> Result<Arc<Deleted>, Error> {
        let mut last = self.deleted.lock().unwrap_or_else(PoisonError::into_inner);
        // A commit deletes what the one before deleted and more.
        let n_deleted = segment.num_deleted_docs() as usize;
        if last.n_docs() == n_deleted {
            return Ok(Arc::clone(&last));
        }
        let sums = Sums::of(segment, fields, &self.columns)?;
        let is_visible = |doc| is_in(self.visible.as_ref(), doc);
        if last.n_docs() > n_deleted {
            // A question that began before the last commit; nobody waits for it.
            drop(last);
            let mut deleted = Deleted::none(segment);
            deleted.add(segment, &self.forward, sums, is_visible);
            return Ok(Arc::new(deleted));
        }
        // It is copied only while a question of the commit before is not yet answered.
        Arc::make_mut(&mut last).add(segment, &self.forward, sums, is_visible);
        Ok(Arc::clone(&last))
    }

    /// In how many documents that may be seen a term stands, deleted ones included.
    fn doc_freq(
        &self,
        segment: &SegmentReader,
        term: &Term,
        info: &TermInfo,
    ) -> Result<u64, Error> {
        let Some(visible) = &self.visible else {
            return Ok(info.doc_freq.into());
        };
        self.doc_freqs.get_or_make(term, || {
            let inverted_index = segment.inverted_index(term.field())?;
            let mut postings =
                inverted_index.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
            let mut doc_freq = 0;
            while postings.doc() != TERMINATED {
                doc_freq += u64::from(visible.contains(postings.doc()));
                postings.advance();
            }
            Ok(doc_freq)
        })
    }
}

/// Whether a document is one of these; `None` means all.
fn is_in(docs: Option<&BitSet>, doc: DocId) -> bool {
    docs.is_none_or(|docs| docs.contains(doc))
}

/// A term as an audience finds it.
#[derive(Debug)]
pub(super) struct FoundTerm {
    /// In how many documents it stands.
    pub(super) doc_freq: u64,
    /// By segment, where its postings are.
    segments: Vec<Option<TermInfo>>,
}

impl FoundTerm {
    /// Where its postings are in a segment.
    pub(super) fn in_segment(&self, segment: u32) -> Option<&TermInfo> {
        self.segments.get(segment as usize)?.as_ref()
    }
}

/// What documents must be: for every field one of the values given for it, and opened in a period.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filters {
    values: Vec<(FacetField, Vec<String>)>,
    created: Option<Range<i64>>,
}

impl Filters {
    /// Asks for documents that have one of these values; no value means that the field is free.
    pub fn require(&mut self, field: FacetField, values: &[String]) {
        if !values.is_empty() {
            self.values.push((field, values.to_vec()));
        }
    }

    /// Asks for documents that were created in this period, in seconds since 1970. Those that do
    /// not say when they were created are not in it.
    pub fn require_created(&mut self, period: Range<i64>) {
        self.created = Some(match &self.created {
            Some(known) => known.start.max(period.start)..known.end.min(period.end),
            None => period,
        });
    }

    /// What of this can be asked of articles too: category, product, tag and language. They have no
    /// queue and no state, and the period is that in which a ticket was opened.
    #[must_use]
    pub fn for_articles(&self) -> Self {
        let is_of_tickets = |field: FacetField| {
            matches!(
                field,
                FacetField::Queue | FacetField::Status | FacetField::Resolved
            )
        };
        let values = self.values.iter();
        Self {
            values: values
                .filter(|(field, _)| !is_of_tickets(*field))
                .cloned()
                .collect(),
            created: None,
        }
    }

    /// For every filter the documents of a segment that pass it.
    fn passing(&self, segment: &SegmentReader, fields: &Fields) -> Result<Vec<BitSet>, Error> {
        let of_filter = |(field, values): &(FacetField, Vec<String>)| {
            let field = fields.facet(*field);
            let terms = values
                .iter()
                .map(|value| Term::from_field_text(field, value));
            union_of(segment, terms)
        };
        self.values.iter().map(of_filter).collect()
    }
}

/// An index as one audience sees it, at one commit.
pub struct View {
    pub(super) live: Arc<LiveIndex>,
    pub(super) searcher: Searcher,
    pub(super) segments: Vec<Arc<SegmentView>>,
    /// By segment.
    deleted: Vec<Arc<Deleted>>,
    totals: Totals,
    /// A term is asked for several times on the way to an answer.
    found: RefCell<HashMap<Term, Arc<FoundTerm>, foldhash::fast::RandomState>>,
}

impl View {
    /// The newest commit that was made visible, as `audience` sees it.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn new(live: Arc<LiveIndex>, audience: &Audience) -> Result<Self, Error> {
        let opened = live.opened();
        let segments = opened
            .segments()
            .map(|segment| segment_view(&live, segment, audience))
            .collect::<Result<Vec<_>, _>>()?;
        let mut deleted = Vec::with_capacity(segments.len());
        let mut totals = Totals::default();
        for (segment, view) in opened.searcher.segment_readers().iter().zip(&segments) {
            let of_segment = view.deleted(segment, &live.fields)?;
            totals.add(&view.totals);
            totals.subtract(&of_segment.totals);
            deleted.push(of_segment);
        }
        Ok(Self {
            live,
            searcher: opened.searcher.clone(),
            segments,
            deleted,
            totals,
            found: RefCell::default(),
        })
    }

    /// How many documents the audience sees.
    #[must_use]
    pub fn n_docs(&self) -> u64 {
        self.totals.n_docs
    }

    /// In how many documents the term stands.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn doc_freq(&self, field: TextField, term: &str) -> Result<u64, Error> {
        let term = Term::from_field_text(self.live.fields.text(field), term);
        Ok(self.find(&term)?.doc_freq)
    }

    /// The mean length of a field in tokens, at least 1.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a mean needs no more than 52 bits"
    )]
    pub fn mean_length(&self, field: TextField) -> f32 {
        let [title, whole] = self.totals.n_tokens;
        let n_tokens = match field {
            TextField::Title => title,
            TextField::Whole => whole,
        };
        (n_tokens as f32 / self.n_docs().max(1) as f32).max(1.0)
    }

    /// The languages in which there are documents to see.
    pub fn languages(&self) -> impl Iterator<Item = Language> {
        let languages = Language::ALL.into_iter().zip(&self.totals.n_in_language);
        languages
            .filter(|(_, n)| **n > 0)
            .map(|(language, _)| language)
    }

    /// Looks a term of a text field up in all segments.
    pub(super) fn find(&self, term: &Term) -> Result<Arc<FoundTerm>, Error> {
        let fields = &self.live.fields;
        if let Some(known) = self.found.borrow().get(term) {
            return Ok(Arc::clone(known));
        }
        let mut found = FoundTerm {
            doc_freq: 0,
            segments: Vec::with_capacity(self.segments.len()),
        };
        let segments = self.searcher.segment_readers().iter();
        for ((segment, view), deleted) in segments.zip(&self.segments).zip(&self.deleted) {
            let info = segment.inverted_index(term.field())?.get_term_info(term)?;
            if let Some(info) = &info {
                let deleted = deleted.doc_freq(segment, fields, term)?;
                found.doc_freq += view.doc_freq(segment, term, info)?.saturating_sub(deleted);
            }
            found.segments.push(info);
        }
        let found = Arc::new(found);
        (self.found.borrow_mut()).insert(term.clone(), Arc::clone(&found));
        Ok(found)
    }

    /// The id of a ranked document. Slower than reading its text by sequence number.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn id_of(&self, scored: &Scored) -> Result<String, Error> {
        let mut id = String::new();
        let segment = self.segments.get(scored.segment as usize);
        if let Some(column) = segment.and_then(|segment| segment.columns.id.as_ref())
            && let Some(ord) = column.term_ords(scored.doc).next()
        {
            column.ord_to_str(ord, &mut id)?;
        }
        Ok(id)
    }

    /// When a ranked article was last changed, in seconds since 1970, if it says so.
    #[must_use]
    pub fn updated(&self, scored: &Scored) -> Option<i64> {
        self.columns(scored.segment)?.updated.first(scored.doc)
    }

    /// When a ranked document was created, in seconds since 1970, if it says so.
    #[must_use]
    pub fn created(&self, scored: &Scored) -> Option<i64> {
        self.columns(scored.segment)?.created.first(scored.doc)
    }

    /// What readers and editors think of a ranked article, -1 to 1.
    #[must_use]
    pub fn standing(&self, scored: &Scored) -> f64 {
        let columns = self.columns(scored.segment);
        let standing = columns.and_then(|columns| columns.standing.first(scored.doc));
        standing.unwrap_or(0.0)
    }

    /// What a segment tells of its documents, number by number.
    pub(super) fn columns(&self, segment: u32) -> Option<&Columns> {
        Some(&self.segments.get(segment as usize)?.columns)
    }

    /// What stands in the documents of a segment.
    pub(super) fn forward(&self, segment: u32) -> Option<&Forward> {
        Some(&self.segments.get(segment as usize)?.forward)
    }

    /// How many segments there are.
    pub(super) fn n_segments(&self) -> u32 {
        u32::try_from(self.segments.len()).unwrap_or(u32::MAX)
    }

    /// Every segment with the test that a document must pass to be seen.
    pub(super) fn segments<'a>(
        &'a self,
        filters: &Filters,
    ) -> Result<Vec<(&'a SegmentReader, Sees<'a>)>, Error> {
        let segments = self.searcher.segment_readers().iter().zip(&self.segments);
        segments
            .map(|(segment, view)| {
                Ok((
                    segment,
                    Sees {
                        alive: segment.alive_bitset(),
                        visible: view.visible.as_ref(),
                        within: filters.passing(segment, &self.live.fields)?,
                        without: Vec::new(),
                        created: (filters.created.clone())
                            .map(|period| (&view.columns.created, period)),
                    },
                ))
            })
            .collect()
    }
}

/// Tells which documents of a segment count: not deleted, visible, passing the filters, and with
/// or without what a query demands.
pub(super) struct Sees<'a> {
    alive: Option<&'a AliveBitSet>,
    visible: Option<&'a BitSet>,
    /// In all of these a document must be.
    within: Vec<BitSet>,
    /// In none of these it may be.
    without: Vec<BitSet>,
    /// In this period it must have been created.
    created: Option<(&'a Column<i64>, Range<i64>)>,
}

impl Sees<'_> {
    /// From now on only documents in `found` count.
    pub(super) fn require(&mut self, found: BitSet) {
        self.within.push(found);
    }

    /// From now on no document in `found` counts.
    pub(super) fn exclude(&mut self, found: BitSet) {
        self.without.push(found);
    }

    #[inline]
    pub(super) fn sees(&self, doc: DocId) -> bool {
        self.alive.is_none_or(|alive| alive.is_alive(doc))
            && self.visible.is_none_or(|visible| visible.contains(doc))
            && self.within.iter().all(|found| found.contains(doc))
            && !self.without.iter().any(|found| found.contains(doc))
            && self.created.as_ref().is_none_or(|(column, period)| {
                column.first(doc).is_some_and(|at| period.contains(&at))
            })
    }
}

fn segment_view(
    live: &LiveIndex,
    (segment, forward): (&SegmentReader, &Arc<Forward>),
    audience: &Audience,
) -> Result<Arc<SegmentView>, Error> {
    let key = ViewKey {
        segment: segment.segment_id(),
        audience: audience.clone(),
    };
    let views = || {
        live.segment_views
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    };
    if let Some(view) = views().get(&key) {
        return Ok(Arc::clone(view));
    }
    let view = Arc::new(SegmentView::new(
        (segment, forward),
        &live.fields,
        audience,
    )?);
    let mut views = views();
    if views.len() >= MAX_SEGMENT_VIEWS {
        views.clear();
    }
    views.insert(key, Arc::clone(&view));
    Ok(view)
}

/// The documents of a segment that have one of the terms.
fn union_of(segment: &SegmentReader, terms: impl Iterator<Item = Term>) -> Result<BitSet, Error> {
    let mut union = BitSet::with_max_value(segment.max_doc());
    for term in terms {
        let inverted_index = segment.inverted_index(term.field())?;
        if let Some(mut postings) = inverted_index.read_postings(&term, IndexRecordOption::Basic)? {
            while postings.doc() != TERMINATED {
                union.insert(postings.doc());
                postings.advance();
            }
        }
    }
    Ok(union)
}
