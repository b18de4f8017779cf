//! Article search: from what somebody typed to ranked articles with the passage that answers.
//!
//! Two steps, because texts are in the store and only [`crate::engine`] reads it: [`find`] asks
//! the index for ids and scores, [`hit`] turns a found article into what is shown.

mod snippet;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::index::{
    Error, FacetCounts, FacetField, Filters, QueryTerms, Ranking, Scored, View, Weighting, rank,
};
use crate::model::Article;

pub use snippet::{Highlight, Snippet, snippet};

/// Hits are counted exactly up to this number.
const EXACT_TOTAL: u64 = 10_000;

/// The best hit that can be asked for: `offset + limit`.
pub const MAX_DEPTH: usize = 1_000;

/// How articles are ranked: a match in the title counts twice on top of the whole text.
const WEIGHTING: Weighting = Weighting {
    title_weight: 2.0,
    k3: 3.0,
    idf_power: 1.0,
    max_terms: 100,
};

/// What somebody searches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchQuery {
    /// The text as it was typed; any text is a query.
    pub q: String,
    /// Hits wanted, 1 to 100.
    pub limit: usize,
    /// Hits skipped; with the limit at most [`MAX_DEPTH`].
    pub offset: usize,
    /// Values that hits must have.
    pub filters: Filters,
    /// Fields whose values are counted over all hits.
    pub facets: Vec<FacetField>,
}

impl SearchQuery {
    /// A search for a text: the first ten hits, no filter, no facets.
    pub fn text(q: impl Into<String>) -> Self {
        Self {
            q: q.into(),
            limit: 10,
            offset: 0,
            filters: Filters::default(),
            facets: Vec::new(),
        }
    }
}

/// The answer to a search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchAnswer {
    /// The hits, best first.
    pub hits: Vec<SearchHit>,
    /// How many articles match.
    pub total: u64,
    /// Whether there may be more than `total`.
    pub total_is_lower_bound: bool,
    /// For every facet asked for, how many matching articles have which value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facets: FacetCounts,
    /// Microseconds from question to answer, inside the engine.
    pub took_us: u64,
    /// What the asker should know: limits that bit, an index that is being rebuilt.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// One article of an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchHit {
    /// The article's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Where people read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Its product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Comparable only inside one answer.
    pub score: f32,
    /// The passage that matches best.
    pub snippet: Snippet,
}

/// What the index says to a search.
#[derive(Debug, Clone)]
pub struct Found {
    /// The documents to show, best first.
    pub scored: Vec<Scored>,
    /// The terms of the query, to make snippets with.
    pub terms: QueryTerms,
    /// How many articles match.
    pub total: u64,
    /// Whether there may be more.
    pub total_is_lower_bound: bool,
    /// The facets that were asked for.
    pub facets: FacetCounts,
}

/// Asks the index for the articles that match.
///
/// # Errors
/// An error of the file system.
pub fn find(view: &View, query: &SearchQuery) -> Result<Found, Error> {
    let terms = QueryTerms::new(view, &query.q, WEIGHTING)?;
    let ranked = rank(
        view,
        &Ranking {
            clauses: &terms.clauses(),
            required: &[],
            excluded: &[],
            fields: &WEIGHTING.fields(),
            filters: &query.filters,
            limit: query.offset + query.limit,
            count_to: EXACT_TOTAL,
            facets: &query.facets,
        },
    )?;
    let mut scored = ranked.scored;
    scored.drain(..query.offset.min(scored.len()));
    Ok(Found {
        scored,
        terms,
        total: ranked.count.count,
        total_is_lower_bound: ranked.count.is_lower_bound,
        facets: ranked.facets,
    })
}

/// What is shown of a found article.
#[must_use]
pub fn hit(article: &Article, scored: &Scored, terms: &QueryTerms) -> SearchHit {
    let mut text = String::new();
    if let Some(summary) = &article.summary {
        text.push_str(summary);
        text.push('\n');
    }
    text.push_str(&article.body);
    SearchHit {
        id: article.id.to_string(),
        title: article.title.clone(),
        url: article.url.clone(),
        category: article.category.clone(),
        product: article.product.clone(),
        score: scored.score,
        snippet: snippet(&text, scored.language, terms),
    }
}
