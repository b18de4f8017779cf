//! The best documents for the clauses of a query, how many there are, and their facets.
//!
//! The score of a document is the sum over clauses and fields of weight x BM25 part, where the
//! part of a clause that stands n times in a field of length l is
//! `n * 2.2 / (n + 1.2 * (1 - b + b * l / mean length))`. Lists of occurrences are added up one
//! after the other, those that can give most first (the "maximum score" method): as soon as the
//! lists that are left cannot lift a new document into the answer, only documents that are still
//! in the race are looked up in them. So the common words of a query, which have nearly all the
//! postings, cost next to nothing.
//!
//! Scores are whole numbers of 1/65536: sums do not depend on their order, so neither on how
//! documents lie in segments nor on documents that must not be seen.
//!
//! tantivy's postings are used, not its queries. They are read block by block, and a block is
//! scored before any sum is touched, so that the lengths of many documents are fetched at a time.
//! Which lists of a long text are beyond its budget is decided by what the audience sees.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::schema::Field;
use tantivy::{BitSet, DocId, SegmentReader};

use super::clause::Clause;
use super::facets::Facets;
use super::occurrences::Occurrences;
use super::view::{Filters, Sees, View};
use super::{Error, FacetField, TextField};
use crate::text::Language;

/// How soon further occurrences of a term count less; the usual value.
pub(super) const K1: f32 = 1.2;

/// Scores are counted in whole numbers of one over this.
const SCALE: f32 = 65_536.0;

/// A field that is searched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FieldWeight {
    /// Which.
    pub field: TextField,
    /// What its scores are multiplied by, above 0.
    pub weight: f32,
    /// How much a long field lowers the score, 0 to 1.
    pub b: f32,
    /// Only so many clauses are looked for in it, the first ones.
    pub max_clauses: usize,
}

/// What to rank.
#[derive(Debug, Clone, Copy)]
pub struct Ranking<'a> {
    /// Documents with at least one of these match; all do when there is none.
    pub clauses: &'a [Clause],
    /// Documents must have each of these.
    pub required: &'a [Clause],
    /// Documents must have none of these.
    pub excluded: &'a [Clause],
    /// Where they must or must not have them.
    pub constrained: TextField,
    /// The fields that are searched.
    pub fields: &'a [FieldWeight],
    /// Values that documents must have.
    pub filters: &'a Filters,
    /// Documents wanted.
    pub limit: usize,
    /// Matches are counted up to this number.
    pub count_to: u64,
    /// Facets whose values are counted; then all matches are.
    pub facets: &'a [FacetField],
    /// Occurrences that are added up at most, so that the work for a long text is bounded: what
    /// lists are left then is looked up for the best documents so far only.
    pub budget: u64,
}

/// So many documents are looked up in the lists that are left when the budget is spent.
const MAX_RACE: usize = 40;

/// A document with its score.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// The sequence number of the document's last change when it was indexed.
    pub seq: u64,
    /// Comparable only inside one answer.
    pub score: f32,
    /// The language in which the document was indexed.
    pub language: Language,
    pub(super) segment: u32,
    pub(super) doc: DocId,
}

/// A number that may have been counted up to a bound only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// What was counted.
    pub count: u64,
    /// Whether there may be more.
    pub is_lower_bound: bool,
}

/// The best documents for a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Best first; of equal scores the one that was changed longest ago.
    pub scored: Vec<Scored>,
    /// How many documents match.
    pub count: Count,
    /// The facets that were asked for.
    pub facets: Facets,
}

impl Ranked {
    /// The answer to a question that nothing answers.
    #[must_use]
    pub fn nothing(facets: &[FacetField]) -> Self {
        Self {
            scored: Vec::new(),
            count: Count {
                count: 0,
                is_lower_bound: false,
            },
            facets: Facets::none(facets),
        }
    }
}

/// Ranks the documents of a view.
///
/// # Errors
/// An error of the file system.
pub fn rank(view: &View, ranking: &Ranking<'_>) -> Result<Ranked, Error> {
    let mut best = Best::new(ranking.limit);
    let mut count = 0;
    let mut facets = Facets::none(ranking.facets);
    let count_to = if ranking.facets.is_empty() {
        ranking.count_to
    } else {
        u64::MAX
    };
    let plan = Plan::new(view, ranking)?;
    for (ord, (reader, sees)) in (0..).zip(view.segments(ranking.filters)?) {
        let mut segment = Segment {
            view,
            ranking,
            plan: &plan,
            ord,
            reader,
            sees,
        };
        segment.constrain()?;
        with_sums(reader, |sums| {
            if ranking.clauses.is_empty() {
                sums.add_all(&segment);
            }
            sums.rank(&segment, &mut best)?;
            let wanted = count_to.saturating_sub(count);
            sums.complete(&segment, wanted)?;
            count += sums.n_matches();
            if !ranking.facets.is_empty() {
                sums.sort_matches(reader.max_doc());
            }
            for &facet in ranking.facets {
                facets.add(reader, facet, &sums.matches)?;
            }
            Ok(())
        })?;
    }
    facets.cut();
    Ok(Ranked {
        scored: best.into_scored(view),
        count: Count {
            count: count.min(ranking.count_to),
            is_lower_bound: count >= ranking.count_to,
        },
        facets,
    })
}

/// What a clause adds to the score of a document in one field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClauseScore {
    /// The place of the clause in [`Ranking::clauses`].
    pub clause: usize,
    /// The field.
    pub field: TextField,
    /// How often the clause stands there; less than 1 for an occurrence in another form.
    pub occurrences: f32,
    /// The length of the field in words, as the index keeps it.
    pub length: u32,
    /// The weight of the clause times that of the field.
    pub weight: f32,
    /// What that adds to the score.
    pub score: f32,
}

/// What the scores of ranked documents consist of, in their order. The parts add up to the score
/// exactly.
///
/// # Errors
/// An error of the file system.
pub fn explain(
    view: &View,
    ranking: &Ranking<'_>,
    scored: &[Scored],
) -> Result<Vec<Vec<ClauseScore>>, Error> {
    let plan = Plan::new(view, ranking)?;
    let explained = scored.iter().map(|scored| {
        let segment = view.searcher.segment_reader(scored.segment);
        let lists = lists(view, segment, ranking, plan.steps.iter())?.into_iter();
        lists
            .filter_map(|list| list.explain(scored.doc).transpose())
            .collect()
    });
    explained.collect()
}

/// A score as a number of people.
#[expect(
    clippy::cast_precision_loss,
    reason = "scores are shown with two places"
)]
pub(super) fn shown(score: u32) -> f32 {
    score as f32 / SCALE
}

/// One list of occurrences with what turns them into scores.
struct List {
    /// The place of its clause.
    clause: usize,
    field: TextField,
    is_affordable: bool,
    occurrences: Occurrences,
    lengths: FieldNormReader,
    /// By the code of a length, what the number of occurrences is set against.
    norms: Arc<[f32; 256]>,
    /// What a document gets for infinitely many occurrences.
    factor: f32,
}

impl List {
    fn score(&self, doc: DocId, n: f32) -> u32 {
        let norm = self
            .norms
            .get(usize::from(self.lengths.fieldnorm_id(doc)))
            .copied()
            .unwrap_or(K1);
        part(self.factor, n, norm)
    }

    fn explain(mut self, doc: DocId) -> Result<Option<ClauseScore>, Error> {
        let occurrences = self.occurrences.of_doc(doc)?;
        Ok(occurrences.map(|occurrences| ClauseScore {
            clause: self.clause,
            field: self.field,
            occurrences,
            length: self.lengths.fieldnorm(doc),
            weight: self.factor / ((K1 + 1.0) * SCALE),
            score: shown(self.score(doc, occurrences)),
        }))
    }

    /// No document gets more.
    fn bound(&self) -> u32 {
        whole(self.factor).saturating_add(1)
    }
}

/// What a document gets for infinitely many occurrences of a clause in a field.
pub(super) fn factor(clause: &Clause, searched: &FieldWeight) -> f32 {
    clause.weight * searched.weight * (K1 + 1.0) * SCALE
}

/// What `n` occurrences add, above 0, set against `norm`. A match never scores 0: the sums tell by it
/// what was seen.
pub(super) fn part(factor: f32, n: f32, norm: f32) -> u32 {
    whole(factor * n / (n + norm)).max(1)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "scores are positive and the cast saturates"
)]
fn whole(score: f32) -> u32 {
    score as u32
}

/// In which order lists are added up: those that can give most first.
struct Plan {
    steps: Vec<Step>,
}

/// One clause in one field.
struct Step {
    clause: usize,
    field: TextField,
    /// What a document gets for infinitely many occurrences.
    factor: f32,
    /// Whether the budget lets it be added up for all documents.
    is_affordable: bool,
}

impl Plan {
    /// Made from what the audience sees alone: no hidden document decides where the budget ends.
    fn new(view: &View, ranking: &Ranking<'_>) -> Result<Self, Error> {
        let mut steps = Vec::with_capacity(ranking.clauses.len() * ranking.fields.len());
        for searched in ranking.fields {
            let clauses = ranking.clauses.iter().take(searched.max_clauses);
            for (place, clause) in clauses.enumerate() {
                steps.push(Step {
                    clause: place,
                    field: searched.field,
                    factor: factor(clause, searched),
                    is_affordable: true,
                });
            }
        }
        steps.sort_by(|a, b| b.factor.total_cmp(&a.factor));
        let mut spent = 0;
        for (at, step) in steps.iter_mut().enumerate() {
            if let Some(clause) = ranking.clauses.get(step.clause) {
                spent += n_occurrences(view, step.field, clause)?;
            }
            step.is_affordable = at == 0 || spent <= ranking.budget;
        }
        Ok(Self { steps })
    }
}

/// In how many documents a clause stands at most.
fn n_occurrences(view: &View, field: TextField, clause: &Clause) -> Result<u64, Error> {
    let mut sum = 0;
    for form in &clause.forms {
        let mut of_form = Vec::with_capacity(form.terms.len());
        for (_, term) in &form.terms {
            of_form.push(view.doc_freq(field, term)?);
        }
        sum += of_form.into_iter().min().unwrap_or(0);
    }
    Ok(sum)
}

/// What all lists of a field in a segment share.
struct FieldLists {
    name: TextField,
    field: Field,
    lengths: FieldNormReader,
    norms: Arc<[f32; 256]>,
}

/// The lists of a segment for some steps of the plan, in their order.
fn lists<'a>(
    view: &View,
    segment: &SegmentReader,
    ranking: &Ranking<'_>,
    steps: impl Iterator<Item = &'a Step>,
) -> Result<Vec<List>, Error> {
    let mut of_fields = Vec::with_capacity(ranking.fields.len());
    for searched in ranking.fields {
        let field = view.live.fields.text(searched.field);
        of_fields.push(FieldLists {
            name: searched.field,
            field,
            lengths: segment.get_fieldnorms_reader(field)?,
            norms: Arc::new(norms(view.mean_length(searched.field), searched.b)),
        });
    }
    let mut lists = Vec::new();
    for step in steps {
        let of_field = of_fields
            .iter()
            .find(|of_field| of_field.name == step.field);
        if let Some(of_field) = of_field
            && let Some(clause) = ranking.clauses.get(step.clause)
            && let Some(occurrences) = Occurrences::of(segment, of_field.field, clause)?
        {
            lists.push(List {
                clause: step.clause,
                field: step.field,
                is_affordable: step.is_affordable,
                occurrences,
                lengths: of_field.lengths.clone(),
                norms: Arc::clone(&of_field.norms),
                factor: step.factor,
            });
        }
    }
    Ok(lists)
}

/// By the code of a length, what the number of occurrences is set against.
#[expect(clippy::cast_precision_loss, reason = "lengths are small")]
pub(super) fn norms(mean_length: f32, b: f32) -> [f32; 256] {
    let mut norms = [0.0; 256];
    for (code, norm) in (0..=u8::MAX).zip(norms.iter_mut()) {
        let length = FieldNormReader::id_to_fieldnorm(code) as f32;
        *norm = K1 * (1.0 - b + b * length / mean_length);
    }
    norms
}

/// A segment in which documents are ranked.
struct Segment<'a> {
    view: &'a View,
    ranking: &'a Ranking<'a>,
    plan: &'a Plan,
    ord: u32,
    reader: &'a SegmentReader,
    sees: Sees<'a>,
}

impl Segment<'_> {
    /// The lists of the steps that are wanted.
    fn lists(&self, is_wanted: impl Fn(&Step) -> bool) -> Result<Vec<List>, Error> {
        let steps = self.plan.steps.iter().filter(|step| is_wanted(step));
        lists(self.view, self.reader, self.ranking, steps)
    }

    /// Narrows what counts to the documents with all that is required and nothing that is
    /// excluded.
    fn constrain(&mut self) -> Result<(), Error> {
        let Ranking {
            required, excluded, ..
        } = self.ranking;
        for clause in *required {
            let found = self.documents_with(clause)?;
            self.sees.require(found);
        }
        for clause in *excluded {
            let found = self.documents_with(clause)?;
            self.sees.exclude(found);
        }
        Ok(())
    }

    fn documents_with(&self, clause: &Clause) -> Result<BitSet, Error> {
        let field = self.view.live.fields.text(self.ranking.constrained);
        let mut found = BitSet::with_max_value(self.reader.max_doc());
        if let Some(occurrences) = Occurrences::of(self.reader, field, clause)? {
            occurrences.blocks(|block| {
                for &(doc, _) in block {
                    found.insert(doc);
                }
                true
            })?;
        }
        Ok(found)
    }
}

/// The sums of the scores of a segment's documents, while they are worked out. Their room is
/// reused from query to query.
#[derive(Default)]
struct Sums {
    /// By document; 0 where nothing matched.
    scores: Vec<u32>,
    /// The documents with a score.
    matches: Vec<DocId>,
    /// Whether `matches` are all there are.
    is_complete: bool,
    /// What was added up for all documents, as clause and field.
    added: Vec<(usize, TextField)>,
}

thread_local! {
    static SUMS: RefCell<Sums> = RefCell::default();
}

fn with_sums<T>(
    segment: &SegmentReader,
    work: impl FnOnce(&mut Sums) -> Result<T, Error>,
) -> Result<T, Error> {
    SUMS.with_borrow_mut(|sums| {
        let n_docs = segment.max_doc() as usize;
        if sums.scores.len() < n_docs {
            sums.scores.resize(n_docs, 0);
        }
        let done = work(sums);
        for doc in sums.matches.drain(..) {
            if let Some(score) = sums.scores.get_mut(doc as usize) {
                *score = 0;
            }
        }
        done
    })
}

impl Sums {
    fn n_matches(&self) -> u64 {
        self.matches.len() as u64
    }

    /// Offers every document that can be among the best.
    fn rank(&mut self, segment: &Segment<'_>, best: &mut Best) -> Result<(), Error> {
        let lists = segment.lists(|_| true)?;
        self.added.clear();
        let mut rest: u32 = lists
            .iter()
            .fold(0, |sum, list| sum.saturating_add(list.bound()));
        let mut lists = lists.into_iter().peekable();
        // What a document must reach to be among the best.
        let mut threshold = best.threshold();
        while rest >= threshold
            && let Some(list) = lists.next_if(|list| list.is_affordable)
        {
            rest -= list.bound().min(rest);
            let highest = self.add(&list, &segment.sees)?;
            self.added.push((list.clause, list.field));
            // Finding the threshold takes a look at all matches: only when a list that it may save is
            // as long.
            let next = lists.peek().map_or(0, |next| next.occurrences.n_docs());
            if highest > rest && next > self.matches.len() / 2 {
                threshold = threshold.max(self.nth_best(best.capacity));
            }
        }
        threshold = threshold.max(self.nth_best(best.capacity));
        let in_race = |sum: u32, rest: u32, threshold: u32| sum.saturating_add(rest) >= threshold;
        let mut race: Vec<(DocId, u32)> = self
            .matches
            .iter()
            .filter_map(|&doc| Some((doc, self.score(doc)?)))
            .filter(|&(_, sum)| in_race(sum, rest, threshold))
            .collect();
        self.is_complete = lists.len() == 0;
        let n_raced = MAX_RACE.max(best.capacity);
        if lists.peek().is_some_and(|list| !list.is_affordable) && race.len() > n_raced {
            race.select_nth_unstable_by_key(n_raced - 1, |&(doc, sum)| (Reverse(sum), doc));
            race.truncate(n_raced);
        }
        if !self.is_complete {
            // Stable sorting makes use of the runs that the lists left.
            race.sort_by_key(|&(doc, _)| doc);
        }
        for mut list in lists {
            rest -= list.bound().min(rest);
            for (doc, sum) in &mut race {
                if let Some(n) = list.occurrences.of_doc(*doc)? {
                    *sum = sum.saturating_add(list.score(*doc, n));
                }
            }
            threshold = threshold.max(nth_best(race.iter().map(|&(_, sum)| sum), best.capacity));
            race.retain(|&(_, sum)| in_race(sum, rest, threshold));
        }
        let Some(columns) = segment.view.columns(segment.ord) else {
            return Ok(());
        };
        for (doc, score) in race {
            best.offer(Candidate {
                score: Reverse(score),
                seq: columns.seq(doc),
                segment: segment.ord,
                doc,
            });
        }
        Ok(())
    }

    /// Brings the matches into the order of the documents.
    fn sort_matches(&mut self, n_docs: DocId) {
        // Looking through all sums is quicker than sorting many matches.
        if self.matches.len() < n_docs as usize / 16 {
            self.matches.sort_unstable();
            return;
        }
        // Written over until there is a match: a branch for every document would cost more.
        self.matches.resize(n_docs as usize + 1, 0);
        let mut next = 0;
        for (doc, &score) in (0..n_docs).zip(&self.scores) {
            if let Some(place) = self.matches.get_mut(next) {
                *place = doc;
            }
            next += usize::from(score > 0);
        }
        self.matches.truncate(next);
    }

    /// The `n`-th highest sum so far; 0 when there are fewer.
    fn nth_best(&self, n: usize) -> u32 {
        nth_best(self.matches.iter().filter_map(|&doc| self.score(doc)), n)
    }

    /// Lets every document match, with no score to speak of.
    fn add_all(&mut self, segment: &Segment<'_>) {
        for doc in (0..segment.reader.max_doc()).filter(|&doc| segment.sees.sees(doc)) {
            if let Some(score) = self.scores.get_mut(doc as usize) {
                *score = 1;
                self.matches.push(doc);
            }
        }
    }

    /// Adds the scores of a list; gives the highest sum that came of it.
    fn add(&mut self, list: &List, sees: &Sees<'_>) -> Result<u32, Error> {
        let mut highest = 0;
        let mut scores: Vec<u32> = Vec::new();
        list.occurrences.blocks(|block| {
            // Two rounds, so that the processor reads the lengths of many documents at a time.
            scores.clear();
            scores.extend(block.iter().map(|&(doc, n)| list.score(doc, n)));
            for (&(doc, _), &score) in block.iter().zip(&scores) {
                if let Some(sum) = self.scores.get_mut(doc as usize) {
                    if *sum == 0 {
                        if !sees.sees(doc) {
                            continue;
                        }
                        self.matches.push(doc);
                    }
                    *sum = sum.saturating_add(score);
                    highest = highest.max(*sum);
                }
            }
            true
        })?;
        Ok(highest)
    }

    fn score(&self, doc: DocId) -> Option<u32> {
        self.scores.get(doc as usize).copied()
    }

    /// Finds the matches that ranking could leave out, until there are `wanted`.
    fn complete(&mut self, segment: &Segment<'_>, wanted: u64) -> Result<(), Error> {
        if self.is_complete || self.n_matches() >= wanted {
            return Ok(());
        }
        // What stands in another field stands in the whole text too.
        let fields = segment.ranking.fields;
        let has_whole = fields.iter().any(|field| field.field == TextField::Whole);
        let mut lists = segment.lists(|step| {
            (!has_whole || step.field == TextField::Whole)
                && !self.added.contains(&(step.clause, step.field))
        })?;
        // The longest first: most often it is enough.
        lists.sort_by_key(|list| Reverse(list.occurrences.n_docs()));
        for list in lists {
            list.occurrences.blocks(|block| {
                for &(doc, _) in block {
                    if let Some(score) = self.scores.get_mut(doc as usize)
                        && *score == 0
                        && segment.sees.sees(doc)
                    {
                        *score = 1;
                        self.matches.push(doc);
                    }
                }
                self.matches.len() as u64 <= wanted
            })?;
        }
        Ok(())
    }
}

/// The `n`-th highest value; 0 when there are fewer.
fn nth_best(values: impl Iterator<Item = u32>, n: usize) -> u32 {
    let highest = highest(values, n);
    if highest.len() < n {
        return 0;
    }
    highest.into_iter().min().unwrap_or(0)
}

/// The `n` highest values, in no order.
fn highest<T: Ord + Copy>(values: impl Iterator<Item = T>, n: usize) -> Vec<T> {
    // Now and then all but the highest so far are thrown away; hardly a value gets past them later.
    let room = 8 * n.max(16);
    let mut highest: Vec<T> = Vec::with_capacity(room);
    let mut least = None;
    for value in values {
        if least.is_none_or(|least| value > least) {
            highest.push(value);
            if highest.len() == room {
                least = keep_highest(&mut highest, n);
            }
        }
    }
    keep_highest(&mut highest, n);
    highest
}

/// Leaves the `n` highest values; gives the least of them when there are so many.
fn keep_highest<T: Ord + Copy>(values: &mut Vec<T>, n: usize) -> Option<T> {
    if n == 0 || values.len() < n {
        values.truncate(n);
        return None;
    }
    let (_, &mut least, _) = values.select_nth_unstable_by(n - 1, |a, b| b.cmp(a));
    values.truncate(n);
    Some(least)
}

/// A document in the race. Ordered so that the worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    score: Reverse<u32>,
    seq: u64,
    segment: u32,
    doc: DocId,
}

/// The best candidates so far; the worst of them is on top of the heap.
struct Best {
    heap: BinaryHeap<Candidate>,
    capacity: usize,
}

impl Best {
    fn new(capacity: usize) -> Self {
        Self {
            heap: BinaryHeap::with_capacity(capacity + 1),
            capacity,
        }
    }

    fn offer(&mut self, candidate: Candidate) {
        self.heap.push(candidate);
        if self.heap.len() > self.capacity {
            self.heap.pop();
        }
    }

    /// In their final order.
    fn into_scored(self, view: &View) -> Vec<Scored> {
        let candidates = self.heap.into_sorted_vec().into_iter();
        let scored = candidates.filter_map(|candidate| {
            let Candidate {
                score: Reverse(score),
                seq,
                segment,
                doc,
            } = candidate;
            Some(Scored {
                seq,
                score: shown(score),
                language: view.columns(segment)?.language(doc),
                segment,
                doc,
            })
        });
        scored.collect()
    }

    /// The score that a document must reach to be offered.
    fn threshold(&self) -> u32 {
        match self.heap.peek() {
            Some(worst) if self.heap.len() == self.capacity => worst.score.0,
            _ => 0,
        }
    }
}
