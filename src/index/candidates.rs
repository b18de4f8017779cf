//! The documents that a long text is worth comparing with: those with the highest sums of what the
//! lists of occurrences add that the budget allows.
//!
//! The sums are rough, for the best documents are compared exactly afterwards: whole numbers of 16
//! bits, in which an occurrence costs two look-ups in small tables, a multiplication and an addition.
//! All lists are added up for [`WINDOW`] documents before the next ones are begun, so that sums and
//! lengths stay near the processor. What is rough is so for every audience and every layout of the
//! index alike: which documents are chosen depends on nothing that must not be seen.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::ops::Range;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::BlockSegmentPostings;
use tantivy::schema::{IndexRecordOption, Term};
use tantivy::{DocId, SegmentReader};

use super::ranking::{factor, norms};
use super::view::{Columns, Sees};
use super::{Error, FieldWeight, Ranking, View};

/// Documents whose sums are worked out at a time, a power of two. Tests have several windows.
const WINDOW: usize = if cfg!(test) { 16 } else { 1 << 16 };

/// Sums are looked through so many at a time.
const GROUP: usize = 64;

/// A document can get so much in all.
const FULL: f32 = 65_000.0;

/// More occurrences in one document add no more.
const MAX_TIMES: u32 = 15;

/// A document that is worth comparing. The greatest is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    sum: u16,
    seq: Reverse<u64>,
    pub(super) segment: u32,
    pub(super) doc: DocId,
}

impl Candidate {
    /// The sequence number of the document.
    pub(super) fn seq(&self) -> u64 {
        self.seq.0
    }
}

/// The `n` documents with the highest sums; of equal ones those that were changed longest ago. In the
/// order of segments and documents.
pub(super) fn candidates(
    view: &View,
    ranking: &Ranking<'_>,
    n: usize,
) -> Result<Vec<Candidate>, Error> {
    let steps = affordable(view, ranking)?;
    let tables: Vec<Table> = (ranking.fields.iter())
        .map(|searched| Table::new(view, *searched))
        .collect();
    let mut best = Best::new(n);
    for (ord, (segment, sees)) in (0..).zip(view.segments(ranking.filters)?) {
        let Some(columns) = view.columns(ord) else {
            continue;
        };
        let from = Offered {
            segment: ord,
            columns,
            sees,
        };
        let mut lists = lists(view, segment, ord, &steps, &tables)?;
        SUMS.with_borrow_mut(|sums| {
            for first in (0..segment.max_doc()).step_by(WINDOW) {
                let n_docs = WINDOW.min((segment.max_doc() - first) as usize);
                let docs = first..first + u32::try_from(n_docs).unwrap_or(u32::MAX);
                sums.0.get_mut(..n_docs).unwrap_or_default().fill(0);
                for list in &mut lists {
                    list.add(&docs, &mut sums.0);
                }
                best.offer(&from, first, sums.0.get(..n_docs).unwrap_or_default());
            }
        });
    }
    Ok(best.into_candidates())
}

/// One term of the query in one field.
struct Step {
    term: Term,
    /// The place of the field among those that are searched.
    field: usize,
    /// What a document gets for infinitely many occurrences.
    factor: f32,
    /// In how many documents the audience sees it.
    doc_freq: u64,
}

/// The terms whose lists are added up: those that can give most, as far as the budget goes, but one in
/// any case. Made from what the audience sees alone: no hidden document decides where the budget ends.
fn affordable(view: &View, ranking: &Ranking<'_>) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::with_capacity(ranking.clauses.len() * ranking.fields.len());
    for (field, searched) in ranking.fields.iter().enumerate() {
        for clause in ranking.clauses.iter().take(searched.max_clauses) {
            for form in &clause.forms {
                let Some(term) = form.as_term() else { continue };
                let term = Term::from_field_text(view.live.fields.text(searched.field), term);
                let doc_freq = view.find(&term)?.doc_freq;
                if doc_freq > 0 {
                    let factor = factor(clause, searched) * form.weight;
                    steps.push(Step {
                        term,
                        field,
                        factor,
                        doc_freq,
                    });
                }
            }
        }
    }
    steps.sort_by(|a, b| b.factor.total_cmp(&a.factor));
    let mut left = ranking.budget;
    let mut is_first = true;
    steps.retain(|step| {
        let is_affordable = is_first || step.doc_freq <= left;
        if is_affordable {
            left = left.saturating_sub(step.doc_freq);
        }
        is_first = false;
        is_affordable
    });
    Ok(steps)
}

/// What an occurrence is worth in a field, by how often it stands there and how long the field is.
struct Table {
    searched: FieldWeight,
    /// Of 65,536; by number of occurrences times 256 plus the code of the length.
    shares: Box<[u16; (MAX_TIMES as usize + 1) * 256]>,
}

impl Table {
    fn new(view: &View, searched: FieldWeight) -> Self {
        let norms = norms(view.mean_length(searched.field), searched.b);
        let mut shares = Box::new([0; (MAX_TIMES as usize + 1) * 256]);
        for (n, of_n) in (0u8..).zip(shares.chunks_exact_mut(norms.len())) {
            let n = f32::from(n);
            for (share, norm) in of_n.iter_mut().zip(norms) {
                *share = whole(65_535.0 * n / (n + norm));
            }
        }
        Self { searched, shares }
    }

    #[inline]
    fn share(&self, n: u32, length: u8) -> u32 {
        let place = (n.min(MAX_TIMES) as usize) << 8 | usize::from(length);
        self.shares.get(place).copied().unwrap_or(0).into()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is passed is positive and the cast saturates"
)]
fn whole(number: f32) -> u16 {
    number as u16
}

/// A list of occurrences, read window by window.
struct List<'a> {
    postings: BlockSegmentPostings,
    /// How many documents of the current block were added up.
    n_read: usize,
    lengths: FieldNormReader,
    table: &'a Table,
    /// Of [`FULL`], what a document gets for infinitely many occurrences.
    weight: u32,
}

/// The lists of a segment for some terms.
fn lists<'a>(
    view: &View,
    segment: &SegmentReader,
    ord: u32,
    steps: &[Step],
    tables: &'a [Table],
) -> Result<Vec<List<'a>>, Error> {
    let mut fields = Vec::with_capacity(tables.len());
    for table in tables {
        let field = view.live.fields.text(table.searched.field);
        let index = segment.inverted_index(field)?;
        fields.push((table, index, segment.get_fieldnorms_reader(field)?));
    }
    let sum: f32 = steps.iter().map(|step| step.factor).sum();
    let mut lists = Vec::with_capacity(steps.len());
    for step in steps {
        let found = view.find(&step.term)?;
        if let Some(info) = found.in_segment(ord)
            && let Some((table, index, lengths)) = fields.get(step.field)
        {
            let option = IndexRecordOption::WithFreqs;
            lists.push(List {
                postings: index.read_block_postings_from_terminfo(info, option)?,
                n_read: 0,
                lengths: lengths.clone(),
                table,
                weight: whole(FULL * step.factor / sum).into(),
            });
        }
    }
    Ok(lists)
}

impl List<'_> {
    /// Adds up what documents of a window get; the windows must come in order.
    fn add(&mut self, window: &Range<DocId>, sums: &mut [u16; WINDOW]) {
        loop {
            let docs = self.postings.docs().get(self.n_read..).unwrap_or_default();
            let Some(&last) = docs.last() else { return };
            let n_here = if last < window.end {
                docs.len()
            } else {
                docs.partition_point(|&doc| doc < window.end)
            };
            let freqs = self.postings.freqs().get(self.n_read..).unwrap_or_default();
            for (&doc, &n) in docs.iter().zip(freqs).take(n_here) {
                let share = self.table.share(n, self.lengths.fieldnorm_id(doc));
                // The mask tells the compiler what is so anyway: the place is in the window.
                let place = (doc - window.start) as usize & (WINDOW - 1);
                if let Some(sum) = sums.get_mut(place) {
                    // INVARIANT: the weights of all lists are FULL in sum, so nothing overflows.
                    *sum = sum.wrapping_add(((self.weight * share) >> 16) as u16);
                }
            }
            if n_here < docs.len() {
                self.n_read += n_here;
                return;
            }
            self.postings.advance();
            self.n_read = 0;
        }
    }
}

/// The sums of a window, reused from query to query.
struct Sums(Box<[u16; WINDOW]>);

thread_local! {
    static SUMS: RefCell<Sums> = RefCell::new(Sums(Box::new([0; WINDOW])));
}

/// The segment that documents are from.
struct Offered<'a> {
    segment: u32,
    columns: &'a Columns,
    sees: Sees<'a>,
}

/// The best candidates so far, and some that are not among them any more.
struct Best {
    kept: Vec<Candidate>,
    n: usize,
    /// Documents with less are not among the best.
    least: u16,
}

impl Best {
    fn new(n: usize) -> Self {
        Self {
            kept: Vec::with_capacity(4 * n),
            n,
            least: 1,
        }
    }

    fn offer(&mut self, from: &Offered<'_>, first: DocId, sums: &[u16]) {
        for (group, start) in sums.chunks(GROUP).zip((first..).step_by(GROUP)) {
            let highest = group.iter().fold(0, |highest, &sum| sum.max(highest));
            if highest < self.least {
                continue;
            }
            for (&sum, doc) in group.iter().zip(start..) {
                if sum >= self.least && from.sees.sees(doc) {
                    self.push(Candidate {
                        sum,
                        seq: Reverse(from.columns.seq(doc)),
                        segment: from.segment,
                        doc,
                    });
                }
            }
        }
    }

    fn push(&mut self, candidate: Candidate) {
        self.kept.push(candidate);
        if self.kept.len() == 4 * self.n {
            self.prune();
        }
    }

    /// Leaves the best.
    fn prune(&mut self) {
        if self.n == 0 || self.kept.len() < self.n {
            return;
        }
        let (_, worst, _) = self
            .kept
            .select_nth_unstable_by(self.n - 1, |a, b| b.cmp(a));
        self.least = worst.sum;
        self.kept.truncate(self.n);
    }

    fn into_candidates(mut self) -> Vec<Candidate> {
        self.prune();
        self.kept
            .sort_unstable_by_key(|kept| (kept.segment, kept.doc));
        self.kept
    }
}
