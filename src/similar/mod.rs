//! The past tickets that were the same trouble, and what resolved them.
//!
//! The query is a whole ticket, so the work is in choosing its telling terms and weighting them:
//! idf counts more than in search, because what two tickets about the same trouble share is rare.
//! Similarity is the score divided by the one that the query would give itself, so a floor can be
//! set and "nothing similar" is an answer.

use serde::Serialize;

use crate::index::{Error, Filters, QueryTerms, Ranking, Scored, TextField, View, Weighting, rank};
use crate::model::{Ticket, TicketText, Time};
use crate::text::{sentences, without_boilerplate};

/// How tickets are compared.
const WEIGHTING: Weighting = Weighting {
    title_weight: 1.0,
    k3: 1.0,
    idf_power: 1.5,
    max_terms: 25,
};

/// Occurrences of words that are added up for one query.
const BUDGET: u64 = 400_000;

/// The longest resolution that is shown whole, in bytes.
const MAX_RESOLUTION_BYTES: usize = 600;

/// The common terms that are shown for a hit, the most telling ones.
const MAX_SHOWN_TERMS: usize = 8;

/// What to find similar tickets for.
#[derive(Debug, Clone, PartialEq)]
pub struct SimilarQuery {
    /// The words of the ticket.
    pub text: TicketText,
    /// A ticket that is not to be found: the one asked about.
    pub skip: Option<String>,
    /// Hits wanted, 1 to 100.
    pub limit: usize,
    /// Hits below are not shown, 0 to 1.
    pub min_similarity: f32,
    /// Values that hits must have.
    pub filters: Filters,
}

impl SimilarQuery {
    /// The default floor. Below it, tickets of the demo desk share a product name and no more.
    pub const MIN_SIMILARITY: f32 = 0.12;

    /// The ten tickets that are most similar to a text.
    #[must_use]
    pub fn text(text: TicketText) -> Self {
        Self {
            text,
            skip: None,
            limit: 10,
            min_similarity: Self::MIN_SIMILARITY,
            filters: Filters::default(),
        }
    }
}

/// The answer to a question for similar tickets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SimilarAnswer {
    /// The similar tickets, most similar first; none when nothing is similar enough.
    pub hits: Vec<SimilarHit>,
    /// How many there are in `hits`.
    pub total: u64,
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
    /// 0 to 1: the score divided by the query's own.
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
    /// When it was resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Time>,
    /// What resolved it: its first sentences when it is long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<String>,
    /// Whether `resolution` is only the beginning.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resolution_is_cut: bool,
    /// The most telling terms that both tickets have, as the index stores them.
    pub shared_terms: Vec<SharedTerm>,
}

/// A term that two tickets have in common.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SharedTerm {
    /// The term as the index stores it.
    pub term: String,
    /// Its weight in the query times its idf.
    pub weight: f32,
}

/// What the index says to a question for similar tickets.
#[derive(Debug, Clone)]
pub struct Found {
    /// The tickets with their similarity, most similar first; one more than wanted, for the ticket
    /// asked about may be among them.
    pub scored: Vec<(Scored, f32)>,
    /// The terms of the query.
    pub terms: QueryTerms,
}

/// Asks the index for the tickets that are similar.
///
/// # Errors
/// An error of the file system.
pub fn find(view: &View, query: &SimilarQuery) -> Result<Found, Error> {
    let text = TicketText {
        description: without_boilerplate(&query.text.description),
        ..query.text.clone()
    };
    let terms = QueryTerms::new(view, &text.whole(), WEIGHTING)?;
    if terms.is_empty() {
        return Ok(Found {
            scored: Vec::new(),
            terms,
        });
    }
    let self_score = terms.self_score(view, WEIGHTING);
    let ranked = rank(
        view,
        &Ranking {
            clauses: &terms.clauses(),
            required: &[],
            excluded: &[],
            constrained: TextField::Whole,
            fields: &WEIGHTING.fields(),
            filters: &query.filters,
            // One more than wanted: the ticket itself may be among them.
            limit: query.limit + 1,
            count_to: 0,
            facets: &[],
            budget: BUDGET,
        },
    )?;
    let scored = ranked
        .scored
        .into_iter()
        .map(|scored| {
            let similarity = (scored.score / self_score.max(f32::MIN_POSITIVE)).clamp(0.0, 1.0);
            (scored, similarity)
        })
        .filter(|(_, similarity)| *similarity >= query.min_similarity)
        .collect();
    Ok(Found { scored, terms })
}

/// What is shown of a found ticket.
#[must_use]
pub fn hit(ticket: &Ticket, scored: &Scored, similarity: f32, terms: &QueryTerms) -> SimilarHit {
    let resolution = ticket.resolution.as_deref().map(first_sentences);
    let mut text = format!("{}\n{}", ticket.subject, ticket.description);
    if let Some(whole) = &ticket.resolution {
        text.push('\n');
        text.push_str(whole);
    }
    let shared = terms
        .shared_with(&text, scored.language)
        .into_iter()
        .take(MAX_SHOWN_TERMS);
    SimilarHit {
        id: ticket.id.to_string(),
        subject: ticket.subject.clone(),
        similarity,
        score: scored.score,
        category: ticket.category.clone(),
        queue: ticket.queue.clone(),
        status: ticket.status.clone(),
        resolved_at: ticket.resolved_at,
        resolution_is_cut: resolution.as_ref().is_some_and(|(_, is_cut)| *is_cut),
        resolution: resolution.map(|(text, _)| text),
        shared_terms: shared
            .map(|(term, weight)| SharedTerm {
                term: term.to_owned(),
                weight,
            })
            .collect(),
    }
}

/// The text, or its first sentences when it is long; and whether it was cut.
fn first_sentences(text: &str) -> (String, bool) {
    if text.len() <= MAX_RESOLUTION_BYTES {
        return (text.to_owned(), false);
    }
    let end = sentences(text)
        .map(|sentence| sentence.end)
        .take_while(|&end| end <= MAX_RESOLUTION_BYTES)
        .last()
        .unwrap_or_else(|| text.floor_char_boundary(MAX_RESOLUTION_BYTES));
    (text.get(..end).unwrap_or(text).to_owned(), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_resolution_is_cut_at_a_sentence_and_says_so() {
        let long = "Restarted the service. ".repeat(40);
        let (shown, is_cut) = first_sentences(&long);
        assert!(is_cut && shown.ends_with("service.") && shown.len() <= MAX_RESOLUTION_BYTES);
        assert_eq!(
            first_sentences("Rebooted."),
            ("Rebooted.".to_owned(), false)
        );
    }
}
