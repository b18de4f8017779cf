//! From a query text to its weighted terms, by the statistics of one view.
//!
//! The formula (`ARCHITECTURE.md`, "Ranking"): a term that stands n times in the query weighs
//! 2n / (n + 1), twice that when it is in the first line of a longer text, times idf to a power
//! that tickets set above 1. Of a long text only the most telling terms are asked for, those with
//! the highest weight times idf that stand in at least two documents: as good as all of them on
//! judged data, and much quicker.

use std::collections::BTreeMap;

use super::{Error, TextField, View, WeightedTerm};
use crate::text::{Language, analyze};

/// How terms are weighted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighting {
    /// What a term in the title counts beside 1 for the whole text; 0 leaves the title out.
    pub title_weight: f32,
    /// The power of idf in the score; 1 is plain BM25, 1.25 to 1.5 finds the same trouble better.
    pub idf_power: f32,
    /// Terms that are asked for at most.
    pub max_terms: usize,
}

/// One term of a query.
#[derive(Debug, Clone, PartialEq)]
struct QueryTerm {
    term: String,
    /// How often it stands in the query.
    n: u32,
    weight: f32,
    idf: f32,
}

/// The terms of a query with their weights, most telling first.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryTerms {
    terms: Vec<QueryTerm>,
    /// The length of the query in tokens.
    n_tokens: u32,
    weighting: Weighting,
    languages: Vec<Language>,
}

impl QueryTerms {
    /// Reads a query text. Terms that no document has are left out.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn new(view: &View, text: &str, weighting: Weighting) -> Result<Self, Error> {
        let languages = Language::of_query(text, &view.languages()?);
        let (counts, n_tokens) = counted(text, &languages);
        let n_docs = view.n_docs();
        let mut terms = Vec::new();
        let mut doc_freqs = Vec::new();
        for (term, Occurrences { n, in_first_line }) in counts {
            let doc_freq = view.doc_freq(TextField::Whole, &term)?;
            if doc_freq == 0 {
                continue;
            }
            let idf = idf(doc_freq, n_docs);
            let first_line = if in_first_line { 2.0 } else { 1.0 };
            let weight = saturated(n) * first_line * idf.powf(weighting.idf_power - 1.0);
            terms.push(QueryTerm {
                term,
                n,
                weight,
                idf,
            });
            doc_freqs.push(doc_freq);
        }
        if terms.len() > weighting.max_terms {
            let mut doc_freqs = doc_freqs.into_iter();
            terms.retain(|_| doc_freqs.next().is_some_and(|doc_freq| doc_freq > 1));
        }
        let value = |term: &QueryTerm| term.weight * term.idf;
        terms.sort_by(|a, b| {
            value(b)
                .total_cmp(&value(a))
                .then_with(|| a.term.cmp(&b.term))
        });
        terms.truncate(weighting.max_terms);
        Ok(Self {
            terms,
            n_tokens,
            weighting,
            languages,
        })
    }

    /// Whether no document has any of the query's terms.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The terms for [`super::top`].
    #[must_use]
    pub fn weighted(&self) -> Vec<WeightedTerm> {
        let of_field = |field: TextField, multiplier: f32| {
            self.terms.iter().map(move |term| WeightedTerm {
                field,
                term: term.term.clone(),
                weight: term.weight * multiplier,
            })
        };
        let title = self.weighting.title_weight;
        let in_title = (title > 0.0).then(|| of_field(TextField::Title, title));
        of_field(TextField::Whole, 1.0)
            .chain(in_title.into_iter().flatten())
            .collect()
    }

    /// The score that a document made of the query alone would get: what a score is divided by to
    /// give a similarity.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "lengths and counts are small")]
    pub fn self_score(&self, view: &View) -> f32 {
        let of_field = |field: TextField, multiplier: f32| -> f32 {
            let length = self.n_tokens as f32 / view.mean_length(field);
            let norm = 1.2 * (0.25 + 0.75 * length.min(1.0));
            let score = |term: &QueryTerm| {
                let tf = term.n as f32;
                term.weight * multiplier * term.idf * 2.2 * tf / (tf + norm)
            };
            self.terms.iter().map(score).sum()
        };
        of_field(TextField::Whole, 1.0) + of_field(TextField::Title, self.weighting.title_weight)
    }

    /// What a text has in common with the query: the value of every query term in it, in the order
    /// of the query's terms.
    #[must_use]
    pub fn shared_with(&self, text: &str) -> Vec<(&str, f32)> {
        let mut found = vec![false; self.terms.len()];
        analyze(text, &self.languages, |token| {
            if let Some(at) = self.terms.iter().position(|term| term.term == token.term)
                && let Some(found) = found.get_mut(at)
            {
                *found = true;
            }
        });
        let shared = self.terms.iter().zip(found).filter(|(_, found)| *found);
        shared
            .map(|(term, _)| (term.term.as_str(), term.weight * term.idf))
            .collect()
    }

    /// The value of a term, or `None` when it is not asked for.
    #[must_use]
    pub fn value(&self, term: &str) -> Option<f32> {
        self.terms
            .iter()
            .find(|known| known.term == term)
            .map(|known| known.weight * known.idf)
    }

    /// The languages in which the query was read.
    #[must_use]
    pub fn languages(&self) -> &[Language] {
        &self.languages
    }
}

#[derive(Default)]
struct Occurrences {
    n: u32,
    in_first_line: bool,
}

/// How often every term stands in the text, and how many tokens there are.
fn counted(text: &str, languages: &[Language]) -> (BTreeMap<String, Occurrences>, u32) {
    let text = text.trim();
    let first_line_end = text.find('\n').unwrap_or(0);
    let mut counts: BTreeMap<String, Occurrences> = BTreeMap::new();
    let mut n_tokens = 0;
    analyze(text, languages, |token| {
        let occurrences = counts.entry(token.term.to_owned()).or_default();
        occurrences.n += 1;
        occurrences.in_first_line |= token.range.start < first_line_end;
        n_tokens += 1;
    });
    (counts, n_tokens)
}

/// 2n / (n + 1): the second occurrence counts a third, later ones less and less.
#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn saturated(n: u32) -> f32 {
    2.0 * n as f32 / (n as f32 + 1.0)
}

/// The inverse document frequency of BM25 as tantivy computes it.
#[expect(
    clippy::cast_precision_loss,
    reason = "a logarithm needs no more than 23 bits"
)]
fn idf(doc_freq: u64, n_docs: u64) -> f32 {
    let without = n_docs.saturating_sub(doc_freq) as f32;
    (1.0 + (without + 0.5) / (doc_freq as f32 + 0.5)).ln()
}
