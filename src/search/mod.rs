//! Article search: from what somebody typed to ranked articles with the passage that answers.
//!
//! Two steps, because texts are in the store and only [`crate::engine`] reads it: [`find`] asks
//! the index for ids and scores, [`hit`] turns a found article into what is shown.
//!
//! By default freshness, votes and feedback multiply scores by 0.96 to 1.06. Pins are applied by
//! the engine, last. When nothing answers all of a query, phrases, exclusions and typed filters are
//! dropped in that order, and the answer says so.

mod expand;
mod frequent;
mod pins;
mod query;
mod snippet;
mod suggest;
mod synonyms;

use std::collections::HashMap;

use serde::Serialize;

use crate::index::{
    Clause, ClauseScore, Error, FacetCounts, FacetField, Facets, Filters, Form, QueryTerms, Ranked,
    Ranking, Scored, TextField, View, Weighting, explain, rank,
};
use crate::model::{Article, Kind};
use crate::text::Language;

use expand::Expander;
use query::ParsedQuery;
use synonyms::terms_at;

pub use expand::{Expansion, ExpansionKind};
pub use frequent::frequent;
pub use pins::{PinProblem, Pins};
pub use snippet::{Highlight, Snippet, snippet};
pub use suggest::suggest;
pub use synonyms::{SynonymProblems, Synonyms};

/// Hits are counted exactly up to this number.
const EXACT_TOTAL: u64 = 10_000;

/// The best hit that can be asked for: `offset + limit`.
pub const MAX_DEPTH: usize = 1_000;

/// Occurrences of words that are added up for one query; a typed query never needs so many.
pub(super) const BUDGET: u64 = 300_000;

/// Candidates beyond those wanted that may be lifted into the answer.
const SPARE_CANDIDATES: usize = 10;

/// The age at which what is fresh has lost half of its lift, in days.
const HALF_LIFE: f32 = 365.0;

/// What a desk can set about the ranking of articles.
#[derive(Clone, Copy)]
pub struct Preferences<'a> {
    /// What a match in the title counts beside 1 for the whole text.
    pub title_weight: f32,
    /// The share by which an article that was changed today is lifted over a very old one.
    pub freshness: f32,
    /// The share by which votes lift or lower an article, and being a draft lowers it.
    pub votes: f32,
    /// The day, counted from 1970: an answer does not change with every second.
    pub today: i64,
    /// What feedback on searches says of an article, by id, -1 to 1; `None` where nobody said
    /// anything of any article.
    pub feedback: Option<&'a dyn Fn(&str) -> f32>,
}

impl Preferences<'_> {
    fn weighting(&self) -> Weighting {
        Weighting {
            title_weight: self.title_weight,
            k3: 3.0,
            idf_power: 1.0,
            max_terms: 80,
            first_line_weight: 2.0,
            b: 0.75,
        }
    }

    /// What the score of an article is multiplied by: 1 for an old one without votes.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a small share needs few digits"
    )]
    fn lift(&self, view: &View, scored: &Scored) -> Result<f32, Error> {
        let age = view
            .updated(scored)
            .map(|updated| (self.today - updated.div_euclid(86_400)).max(0) as f32);
        let fresh = age.map_or(0.0, |age| (-age / HALF_LIFE).exp2());
        let mut standing = view.standing(scored) as f32;
        if let Some(feedback) = self.feedback {
            standing += feedback(&view.id_of(scored)?);
        }
        Ok(1.0 + self.freshness * fresh + self.votes * standing.clamp(-1.0, 1.0))
    }
}

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
    /// Whether words are also taken for what they are misspelt or unfinished forms of.
    pub corrects_typos: bool,
    /// Whether hits say what their scores consist of.
    pub explains: bool,
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
            corrects_typos: true,
            explains: false,
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
    /// For every facet asked for, how many matching articles have which value: the 100 most
    /// frequent values.
    #[serde(skip_serializing_if = "FacetCounts::is_empty")]
    pub facets: FacetCounts,
    /// What words were also taken for; `typos=off` asks for the words as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub understood: Vec<Expansion>,
    /// Words that no article has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_words: Vec<String>,
    /// What was left out of the query because nothing answered all of it: `phrases`, `exclusions`
    /// or `filters`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relaxed: Vec<&'static str>,
    /// Microseconds from question to answer, inside the engine.
    pub took_us: u64,
    /// What the asker should know: limits that bit, an index that is being rebuilt.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl SearchAnswer {
    /// What the asker should know of how the query was read, in words.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        for Expansion { word, to, kind } in &self.understood {
            let to = to.join(", ");
            remarks.push(match kind {
                ExpansionKind::Spelling => format!("{word}: looked for {to} too"),
                ExpansionKind::Completion => format!("{word}: looked for words like {to}"),
                ExpansionKind::Synonym => format!("{word}: also called {to}"),
            });
        }
        if !self.unknown_words.is_empty() {
            remarks.push(format!("no article has: {}", self.unknown_words.join(", ")));
        }
        if !self.relaxed.is_empty() {
            let relaxed = self.relaxed.join(" and ");
            remarks.push(format!("nothing answers all of it; without the {relaxed}:"));
        }
        remarks
    }
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
    /// 0 to 1: the score divided by the one of an article that is the query itself.
    pub similarity: f32,
    /// Whether the desk pinned the article to this query.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// What matched in the title.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub title_highlights: Vec<Highlight>,
    /// The passage that matches best.
    pub snippet: Snippet,
    /// Whether even an analyst without groups may see it; for the counts of searches only.
    #[serde(skip)]
    pub is_for_every_analyst: bool,
    /// What the score consists of, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

/// What a score consists of: the sum of the parts times the lift.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// By word and field.
    pub parts: Vec<ScorePart>,
    /// What freshness and votes multiply the sum by.
    pub lift: f32,
}

/// What a word adds to the score of an article in one field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScorePart {
    /// The word, as the index stores it.
    pub term: String,
    /// `title` or `whole`, which is everything the title included.
    pub field: &'static str,
    /// How often it stands there; an occurrence in another form counts less than 1.
    pub occurrences: f32,
    /// The length of the field in words, as the index keeps it.
    pub length: u32,
    /// idf times how much the query insists times the weight of the field.
    pub weight: f32,
    /// `weight * 2.2 * occurrences / (occurrences + 1.2 * (0.25 + 0.75 * length / mean length))`
    pub score: f32,
}

/// What somebody may be about to search for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SuggestAnswer {
    /// The best first.
    pub suggestions: Vec<Suggestion>,
    /// Microseconds from question to answer, inside the engine.
    pub took_us: u64,
}

/// What goes on from what was typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Suggestion {
    /// A query that others often asked.
    Query {
        /// Its text.
        text: String,
    },
    /// An article whose title goes on so.
    Article {
        /// Its title.
        text: String,
        /// Its id.
        id: String,
        /// Where people read it.
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
}

impl Suggestion {
    /// What to show.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Query { text } | Self::Article { text, .. } => text,
        }
    }
}

/// What the index says to a search.
#[derive(Debug, Clone)]
pub struct Found {
    /// The documents to show, best first.
    pub scored: Vec<Scored>,
    /// The score of an article that is the query itself.
    pub self_score: f32,
    /// The explanations of the scores, when they were asked for.
    pub explanations: Vec<Explanation>,
    /// The terms of the query, to make snippets with.
    pub terms: QueryTerms,
    /// See [`SearchAnswer`].
    pub understood: Vec<Expansion>,
    /// See [`SearchAnswer`].
    pub unknown_words: Vec<String>,
    /// See [`SearchAnswer`].
    pub relaxed: Vec<&'static str>,
    /// How many articles match.
    pub total: u64,
    /// Whether there may be more.
    pub total_is_lower_bound: bool,
    /// The facets that were asked for.
    pub facets: Facets,
}

/// Asks the index for the articles that match.
///
/// # Errors
/// An error of the file system.
pub fn find(
    view: &View,
    query: &SearchQuery,
    synonyms: &Synonyms,
    preferences: Preferences<'_>,
) -> Result<Found, Error> {
    let weighting = preferences.weighting();
    let mut parsed = ParsedQuery::new(&query.q);
    let mut terms = QueryTerms::read(view, &parsed.text)?;
    let mut expander = Expander {
        view,
        text: &parsed.text,
        synonyms,
        expansions: Vec::new(),
    };
    // Who pastes a mail does not want every odd word of it turned into another.
    if query.corrects_typos && query::is_typed(&query.q) {
        expander.spell(&mut terms)?;
    }
    expander.add_synonyms(&mut terms)?;
    let understood = expander.expansions;
    let unknown_words = unknown_words(&terms, &parsed.text);
    terms.weigh(view, weighting);
    let clauses = terms.clauses();
    let (ranked, relaxed) = rank_relaxing(view, query, &mut parsed, &clauses, weighting)?;
    let mut scored = ranked.scored;
    let mut lifts: HashMap<u64, f32> = HashMap::with_capacity(scored.len());
    for scored in &mut scored {
        let lift = preferences.lift(view, scored)?;
        lifts.insert(scored.seq, lift);
        scored.score *= lift;
    }
    // Stable, so that equal scores stay in their order.
    scored.sort_by(|a, b| b.score.total_cmp(&a.score));
    scored.truncate(query.offset + query.limit);
    scored.drain(..query.offset.min(scored.len()));
    let mut explanations = Vec::new();
    if query.explains {
        let parts = explained(view, weighting, &terms, &clauses, &scored)?;
        let lifts = scored.iter().map(|scored| lifts.get(&scored.seq));
        explanations.extend(
            parts
                .into_iter()
                .zip(lifts)
                .map(|(parts, lift)| Explanation {
                    parts,
                    lift: lift.copied().unwrap_or(1.0),
                }),
        );
    }
    Ok(Found {
        scored,
        self_score: terms.self_score(view, weighting),
        explanations,
        terms,
        understood,
        unknown_words,
        relaxed,
        total: ranked.count.count,
        total_is_lower_bound: ranked.count.is_lower_bound,
        facets: ranked.facets,
    })
}

/// The words of the query that no article has in any form.
fn unknown_words(terms: &QueryTerms, text: &str) -> Vec<String> {
    let unknown = terms.terms.iter().filter(|term| !term.is_known());
    let mut words: Vec<String> = unknown
        .filter_map(|term| text.get(term.range.clone()))
        .map(str::to_owned)
        .collect();
    words.dedup();
    words
}

/// Ranks by all that the query asks for; when nothing answers that, by less and less of it. Says
/// what was left out.
fn rank_relaxing(
    view: &View,
    query: &SearchQuery,
    parsed: &mut ParsedQuery,
    clauses: &[Clause],
    weighting: Weighting,
) -> Result<(Ranked, Vec<&'static str>), Error> {
    let mut relaxed = Vec::new();
    loop {
        let mut filters = query.filters.clone();
        for (field, value) in &parsed.filters {
            filters.require(*field, std::slice::from_ref(value));
        }
        let ranking = Ranking {
            clauses,
            required: &constraints(view, &parsed.phrases)?,
            excluded: &constraints(view, &parsed.excluded)?,
            constrained: TextField::Whole,
            fields: &weighting.fields(),
            filters: &filters,
            limit: query.offset + query.limit + SPARE_CANDIDATES,
            count_to: EXACT_TOTAL,
            facets: &query.facets,
            budget: BUDGET,
        };
        // A query of unknown words is answered by nothing, not by everything.
        let asks_for_nothing =
            clauses.is_empty() && (parsed.has_words() || !parsed.has_conditions());
        let ranked = if asks_for_nothing {
            Ranked::nothing(&query.facets)
        } else {
            rank(view, &ranking)?
        };
        if ranked.count.count > 0 || asks_for_nothing {
            return Ok((ranked, relaxed));
        }
        if !parsed.phrases.is_empty() {
            parsed.phrases.clear();
            relaxed.push("phrases");
        } else if !parsed.excluded.is_empty() {
            parsed.excluded.clear();
            relaxed.push("exclusions");
        } else if !parsed.filters.is_empty() {
            parsed.filters.clear();
            relaxed.push("filters");
        } else {
            return Ok((ranked, relaxed));
        }
    }
}

/// What documents must or must not have, each in the forms of every language of the desk.
fn constraints(view: &View, phrases: &[String]) -> Result<Vec<Clause>, Error> {
    if phrases.is_empty() {
        return Ok(Vec::new());
    }
    let languages: Vec<_> = view.languages().collect();
    let clause = |phrase: &String| {
        let mut forms: Vec<Form> = Vec::new();
        for &language in &languages {
            let terms = terms_at(phrase, language);
            if !terms.is_empty() && forms.iter().all(|form| form.terms != terms) {
                forms.push(Form { terms, weight: 1.0 });
            }
        }
        Clause { forms, weight: 1.0 }
    };
    Ok(phrases.iter().map(clause).collect())
}

/// What the scores consist of, for each of the documents.
fn explained(
    view: &View,
    weighting: Weighting,
    terms: &QueryTerms,
    clauses: &[Clause],
    scored: &[Scored],
) -> Result<Vec<Vec<ScorePart>>, Error> {
    let ranking = Ranking {
        clauses,
        required: &[],
        excluded: &[],
        constrained: TextField::Whole,
        fields: &weighting.fields(),
        filters: &Filters::default(),
        limit: 1,
        count_to: 0,
        facets: &[],
        budget: BUDGET,
    };
    let part = |part: ClauseScore| ScorePart {
        term: terms
            .terms
            .get(part.clause)
            .map_or_else(String::new, |term| term.term.clone()),
        field: match part.field {
            TextField::Title => "title",
            TextField::Whole => "whole",
        },
        occurrences: part.occurrences,
        length: part.length,
        weight: part.weight,
        score: part.score,
    };
    let explained = explain(view, &ranking, scored)?.into_iter();
    Ok(explained
        .map(|parts| parts.into_iter().map(part).collect())
        .collect())
}

/// What is shown of an article that was found, or pinned.
#[must_use]
pub fn hit(article: &Article, score: f32, language: Language, found: &Found) -> SearchHit {
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
        score,
        similarity: (score / found.self_score.max(f32::MIN_POSITIVE)).clamp(0.0, 1.0),
        pinned: false,
        title_highlights: snippet::highlights_of(&article.title, language, &found.terms),
        snippet: snippet(&text, language, &found.terms),
        is_for_every_analyst: article
            .effective_visibility()
            .is_for_every_analyst(Kind::Article),
        explanation: None,
    }
}
