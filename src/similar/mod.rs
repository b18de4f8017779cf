//! The past tickets that were the same trouble, what resolved them, and the articles that answer a
//! ticket.
//!
//! The query is a whole ticket, so the work is in choosing its telling terms and weighting them
//! ([`Formula`]). What is shown of a resolution is cut out of it (`passage`), never written; near
//! copies of one resolution are told as one ([`resolutions`]).
//!
//! Shared terms are looked up in the index: analyzing ten long tickets again took longer than
//! finding them.

mod answer;
mod formula;
mod passage;
mod resolutions;

pub use answer::{
    Duplicate, ExplainedTerm, Explanation, SharedTerm, SimilarAnswer, SimilarArticle, SimilarHit,
    article_hit, duplicate, explanations, hit,
};
pub use formula::{Formula, Lift};
pub use resolutions::{Resolution, resolutions};

use crate::index::{
    Clause, Error, Filters, QueryTerms, Ranking, Scored, TextField, View, clauses_in, rank,
    rank_compared,
};
use crate::model::{TicketText, Time};
use crate::text::without_boilerplate;
use formula::Lifts;

/// So many documents with the best words are looked at for what else speaks for them, or twice as
/// many as are wanted.
const MIN_CANDIDATES: usize = 100;

/// The common terms that are shown for a hit, the most telling ones.
const MAX_SHOWN_TERMS: usize = 8;

/// What to find similar documents for.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarQuery {
    /// The words of the ticket.
    pub text: TicketText,
    /// Its category, when known: tickets that have it too are lifted.
    pub category: Option<String>,
    /// Its queue, when known, likewise.
    pub queue: Option<String>,
    /// When it was opened: tickets of that time are lifted. The time of the question when not given.
    pub asked_at: Option<Time>,
    /// A ticket that is not to be found: the one asked about.
    pub skip: Option<String>,
    /// Hits wanted, 1 to 100.
    pub limit: usize,
    /// Hits below are not shown, 0 to 1; the setting of the desk when not given.
    pub min_similarity: Option<f32>,
    /// What hits must be.
    pub filters: Filters,
    /// Whether past tickets are wanted.
    pub wants_tickets: bool,
    /// Whether articles that answer the ticket are wanted.
    pub wants_articles: bool,
    /// Whether the work is not bounded, to check the bounded answer.
    pub is_exhaustive: bool,
    /// Whether every hit tells how its score came about.
    pub explain: bool,
}

impl SimilarQuery {
    /// The ten tickets that are most similar to a text.
    #[must_use]
    pub fn text(text: TicketText) -> Self {
        Self {
            text,
            category: None,
            queue: None,
            asked_at: None,
            skip: None,
            limit: 10,
            min_similarity: None,
            filters: Filters::default(),
            wants_tickets: true,
            wants_articles: false,
            is_exhaustive: false,
            explain: false,
        }
    }
}

/// A document as the index finds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Where it is, with the score of its words.
    pub scored: Scored,
    /// What else speaks for it.
    pub lift: Lift,
    /// Score of the words times lift.
    pub score: f32,
    /// 0 to 1: the score of the words divided by the query's own.
    pub similarity: f32,
}

/// What the index says to a question for similar documents.
#[derive(Debug, Clone)]
pub struct Found {
    /// The documents, best first: at least one more than wanted if there are, for the ticket asked
    /// about may be among them.
    pub candidates: Vec<Candidate>,
    /// The terms of the query.
    pub terms: QueryTerms,
    /// The score that the query would give itself.
    pub self_score: f32,
    clauses: Vec<Clause>,
}

/// Asks the index for the documents that are similar, down to a similarity.
///
/// # Errors
/// An error of the file system.
pub fn find(
    view: &View,
    query: &SimilarQuery,
    formula: &Formula,
    min_similarity: f32,
) -> Result<Found, Error> {
    let text = TicketText {
        description: without_boilerplate(&query.text.description),
        ..query.text.clone()
    };
    let terms = QueryTerms::new(view, &text.whole(), formula.weighting)?;
    let mut found = Found {
        candidates: Vec::new(),
        self_score: terms.self_score(view, formula.weighting),
        clauses: terms.clauses(),
        terms,
    };
    if found.terms.is_empty() {
        return Ok(found);
    }
    // One more than wanted: the ticket itself may be among them.
    let limit = MIN_CANDIDATES.max(2 * query.limit) + 1;
    let fields = formula.weighting.fields();
    let ranking = found.ranking(query, formula, &fields, limit);
    let scored = if query.is_exhaustive {
        rank(view, &ranking)?.scored
    } else {
        rank_compared(view, &ranking)?
    };
    let lifts = Lifts::new(view, formula, query)?;
    let candidates = scored.into_iter().map(|scored| {
        let lift = lifts.of(&scored);
        Candidate {
            lift,
            score: scored.score * lift.factor(),
            similarity: (scored.score / found.self_score.max(f32::MIN_POSITIVE)).clamp(0.0, 1.0),
            scored,
        }
    });
    found.candidates = candidates
        .filter(|candidate| candidate.similarity >= min_similarity)
        .collect();
    // A stable sort: of equal scores the one that ranking put first.
    found.candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    Ok(found)
}

impl Found {
    /// The terms that documents have in common with the query, each with its weight, the most
    /// telling ones first.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn shared_terms(
        &self,
        view: &View,
        candidates: &[Candidate],
    ) -> Result<Vec<Vec<SharedTerm>>, Error> {
        let scored: Vec<Scored> = candidates
            .iter()
            .map(|candidate| candidate.scored.clone())
            .collect();
        let shared = clauses_in(view, &self.clauses, &scored)?.into_iter();
        let of_document = |places: Vec<usize>| {
            let terms = places
                .into_iter()
                .filter_map(|place| self.terms.terms.get(place));
            let shown = terms.take(MAX_SHOWN_TERMS);
            shown.map(SharedTerm::of).collect()
        };
        Ok(shared.map(of_document).collect())
    }

    fn ranking<'a>(
        &'a self,
        query: &'a SimilarQuery,
        formula: &Formula,
        fields: &'a [crate::index::FieldWeight],
        limit: usize,
    ) -> Ranking<'a> {
        Ranking {
            clauses: &self.clauses,
            required: &[],
            excluded: &[],
            constrained: TextField::Whole,
            fields,
            filters: &query.filters,
            limit,
            count_to: 0,
            facets: &[],
            budget: if query.is_exhaustive {
                u64::MAX
            } else {
                formula.budget
            },
        }
    }
}
