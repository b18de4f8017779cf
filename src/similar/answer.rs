//! What is shown of similar documents.

use serde::Serialize;

use super::{Candidate, Formula, Found, Lift, Resolution, SimilarQuery, passage};
use crate::index::{ClauseScore, Error, QueryTerm, QueryTerms, Scored, TextField, View, explain};
use crate::model::{Article, Ticket, Time};

/// The answer to a question for similar documents.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SimilarAnswer {
    /// The similar tickets, most similar first; none when nothing is similar enough.
    pub hits: Vec<SimilarHit>,
    /// How many there are in `hits`.
    pub total: u64,
    /// What resolved the tickets in `hits`, each fix once, the likeliest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resolutions: Vec<Resolution>,
    /// Open tickets of the last days that are the same trouble, most similar first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<Duplicate>,
    /// The articles that answer the ticket, best first, when they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub articles: Vec<SimilarArticle>,
    /// Microseconds from question to answer, inside the engine.
    pub took_us: u64,
    /// What the asker should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// One similar ticket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SimilarHit {
    /// The ticket's id.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// 0 to 1: the score of the words divided by the one that the query would give itself.
    pub similarity: f32,
    /// Comparable only inside one answer.
    pub score: f32,
    /// Its category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Its queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// The desk's word for its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// When it was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
    /// When it was resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Time>,
    /// Whether it was opened again after a resolution.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_reopened: bool,
    /// The sentences of its resolution, or else of the last public answer, that say what was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
    /// Whether there is more than `resolution` shows.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resolution_is_cut: bool,
    /// The most telling terms that both tickets have, as the index stores them.
    pub shared_terms: Vec<SharedTerm>,
    /// How the score came about, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

/// A term that two documents have in common.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SharedTerm {
    /// The term as the index stores it.
    pub term: String,
    /// Its weight in the query times its idf.
    pub weight: f32,
}

impl SharedTerm {
    pub(super) fn of(term: &QueryTerm) -> Self {
        Self {
            term: term.term.clone(),
            weight: term.value(),
        }
    }
}

/// An open ticket that is the same trouble.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Duplicate {
    /// The ticket's id.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// 0 to 1, as that of a hit.
    pub similarity: f32,
    /// The desk's word for its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// When it was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Time>,
}

/// One article that answers a ticket.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SimilarArticle {
    /// The article's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// 0 to 1: the score divided by the one that the ticket would give itself.
    pub similarity: f32,
    /// Comparable only inside one answer.
    pub score: f32,
    /// Where it can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The sentence with the most telling terms of the ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passage: Option<String>,
    /// The most telling terms that ticket and article have in common.
    pub shared_terms: Vec<SharedTerm>,
    /// How the score came about, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

/// How a score came about: the sum of `terms` is `words`; `words` times (1 + the parts of `lift`)
/// is the score; `words` divided by `self_score`, but at most 1, is the similarity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// What every term adds in every field.
    pub terms: Vec<ExplainedTerm>,
    /// Their sum.
    pub words: f32,
    /// What else speaks for the document.
    pub lift: Lift,
    /// The words of the ticket compared with themselves.
    pub self_score: f32,
}

/// What a term adds to a score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedTerm {
    /// The term as the index stores it.
    pub term: String,
    /// Where it stands: `title` or `whole`.
    pub field: &'static str,
    /// How often.
    pub occurrences: f32,
    /// The length of the field in words, as the index keeps it.
    pub length: u32,
    /// The weight of the term in the query times its idf times that of the field.
    pub weight: f32,
    /// What that adds.
    pub score: f32,
}

/// What is shown of a found ticket, but for the shared terms.
#[must_use]
pub fn hit(ticket: &Ticket, candidate: &Candidate) -> SimilarHit {
    let resolution = passage::resolution(ticket);
    SimilarHit {
        id: ticket.id.to_string(),
        subject: ticket.subject.clone(),
        similarity: candidate.similarity,
        score: candidate.score,
        category: ticket.category.clone(),
        queue: ticket.queue.clone(),
        status: ticket.status.clone(),
        created_at: ticket.created_at,
        resolved_at: ticket.resolved_at,
        is_reopened: ticket.is_reopened(),
        resolution_is_cut: resolution.as_ref().is_some_and(|passage| passage.is_cut),
        resolution: resolution.map(|passage| passage.text),
        shared_terms: Vec::new(),
        explanation: None,
    }
}

/// What is shown of a found article, but for the shared terms.
#[must_use]
pub fn article_hit(article: &Article, candidate: &Candidate, terms: &QueryTerms) -> SimilarArticle {
    let language = candidate.scored.language;
    SimilarArticle {
        id: article.id.to_string(),
        title: article.title.clone(),
        similarity: candidate.similarity,
        score: candidate.score,
        url: article.url.clone(),
        category: article.category.clone(),
        passage: passage::most_telling(&article.body, terms, language),
        shared_terms: Vec::new(),
        explanation: None,
    }
}

/// What is shown of an open ticket that is the same trouble.
#[must_use]
pub fn duplicate(ticket: &Ticket, candidate: &Candidate) -> Duplicate {
    Duplicate {
        id: ticket.id.to_string(),
        subject: ticket.subject.clone(),
        similarity: candidate.similarity,
        status: ticket.status.clone(),
        created_at: ticket.created_at,
    }
}

/// How the scores of candidates came about, in their order.
///
/// # Errors
/// An error of the file system.
pub fn explanations(
    view: &View,
    query: &SimilarQuery,
    formula: &Formula,
    found: &Found,
    candidates: &[Candidate],
) -> Result<Vec<Explanation>, Error> {
    let fields = formula.weighting.fields();
    let scored: Vec<Scored> = candidates
        .iter()
        .map(|candidate| candidate.scored.clone())
        .collect();
    let ranking = found.ranking(query, formula, &fields, scored.len());
    let parts = explain(view, &ranking, &scored)?;
    let explained = candidates.iter().zip(parts).map(|(candidate, parts)| {
        let terms = parts.into_iter();
        Explanation {
            terms: terms.map(|part| explained(part, &found.terms)).collect(),
            words: candidate.scored.score,
            lift: candidate.lift,
            self_score: found.self_score,
        }
    });
    Ok(explained.collect())
}

fn explained(part: ClauseScore, terms: &QueryTerms) -> ExplainedTerm {
    let term = terms.terms.get(part.clause);
    ExplainedTerm {
        term: term.map_or_else(String::new, |term| term.term.clone()),
        field: match part.field {
            TextField::Title => "title",
            TextField::Whole => "whole",
        },
        occurrences: part.occurrences,
        length: part.length,
        weight: part.weight,
        score: part.score,
    }
}
