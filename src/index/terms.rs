//! From a query text to its weighted terms, by the statistics of one view.
//!
//! The formula (`ARCHITECTURE.md`, "Ranking"): a term that stands n times in the query weighs
//! 2n / (n + 1), twice that when it is in the first line of a longer text, times idf to a power
//! that tickets set above 1. Of a long text only the most telling terms are asked for, those with
//! the highest weight times idf that stand in at least two documents: as good as all of them on
//! judged data, and much quicker.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

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
    /// The place of every term in `terms`.
    places: HashMap<String, usize>,
}

/// A word of a text that is a term of the query.
#[derive(Debug, Clone, PartialEq)]
pub struct TermMatch {
    /// Where the word stands, in bytes.
    pub range: Range<usize>,
    /// Which of the query's terms, counted from the most telling one, from 0.
    pub term_index: usize,
    /// The term's weight times its idf.
    pub value: f32,
}

impl QueryTerms {
    /// Reads a query text. Terms that no document has are left out.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn new(view: &View, text: &str, weighting: Weighting) -> Result<Self, Error> {
        let languages = Language::of_query(text, &view.languages()?);
        let Counted {
            occurrences,
            alternatives,
            n_tokens,
        } = counted(text, &languages);
        let mut doc_freqs = BTreeMap::new();
        for term in occurrences.keys() {
            doc_freqs.insert(term.as_str(), view.doc_freq(TextField::Whole, term)?);
        }
        // As another language has it a word is asked for only when nobody has it as its own does:
        // "come" should not find every web address by its Spanish stem.
        let is_needed = |term: &str| {
            let of_word = alternatives.get(term);
            of_word.is_none_or(|own| {
                doc_freqs
                    .get(own.as_str())
                    .is_none_or(|&n_docs| n_docs == 0)
            })
        };
        let mut terms = Vec::new();
        for (term, &Occurrences { n, in_first_line }) in &occurrences {
            let doc_freq = doc_freqs.get(term.as_str()).copied().unwrap_or(0);
            if doc_freq == 0 || !is_needed(term) {
                continue;
            }
            let idf = idf(doc_freq, view.n_docs());
            let first_line = if in_first_line { 2.0 } else { 1.0 };
            let weight = saturated(n) * first_line * idf.powf(weighting.idf_power - 1.0);
            terms.push(QueryTerm {
                term: term.clone(),
                n,
                weight,
                idf,
            });
        }
        if terms.len() > weighting.max_terms {
            terms.retain(|term| doc_freqs.get(term.term.as_str()).is_some_and(|&n| n > 1));
        }
        let value = |term: &QueryTerm| term.weight * term.idf;
        terms.sort_by(|a, b| {
            value(b)
                .total_cmp(&value(a))
                .then_with(|| a.term.cmp(&b.term))
        });
        terms.truncate(weighting.max_terms);
        let places = terms
            .iter()
            .enumerate()
            .map(|(at, term)| (term.term.clone(), at))
            .collect();
        Ok(Self {
            terms,
            n_tokens,
            weighting,
            places,
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

    /// The words of a text in `language` that are terms of the query, in order.
    #[must_use]
    pub fn matches(&self, text: &str, language: Language) -> Vec<TermMatch> {
        let mut matches = Vec::new();
        analyze(text, &[language], |token| {
            if let Some(&term_index) = self.places.get(token.term)
                && let Some(term) = self.terms.get(term_index)
            {
                let value = term.weight * term.idf;
                matches.push(TermMatch {
                    range: token.range,
                    term_index,
                    value,
                });
            }
        });
        matches
    }

    /// What a text in `language` has in common with the query: terms and their values, the most
    /// telling first.
    #[must_use]
    pub fn shared_with(&self, text: &str, language: Language) -> Vec<(&str, f32)> {
        let mut shared: Vec<(usize, f32)> = self
            .matches(text, language)
            .into_iter()
            .map(|found| (found.term_index, found.value))
            .collect();
        shared.sort_by_key(|(term_index, _)| *term_index);
        shared.dedup_by_key(|(term_index, _)| *term_index);
        let named = |(term_index, value): (usize, f32)| {
            Some((self.terms.get(term_index)?.term.as_str(), value))
        };
        shared.into_iter().filter_map(named).collect()
    }
}

#[derive(Default)]
struct Occurrences {
    n: u32,
    in_first_line: bool,
}

/// The terms of a text.
#[derive(Default)]
struct Counted {
    /// How often every term stands in it.
    occurrences: BTreeMap<String, Occurrences>,
    /// For a term that is a word as another language stems it, the term that it is in the first.
    alternatives: BTreeMap<String, String>,
    /// How many tokens there are, alternatives left out.
    n_tokens: u32,
}

fn counted(text: &str, languages: &[Language]) -> Counted {
    let text = text.trim();
    let first_line_end = text.find('\n').unwrap_or(0);
    let mut counted = Counted::default();
    let mut own = String::new();
    let mut owns = BTreeSet::new();
    analyze(text, languages, |token| {
        if token.is_alternative {
            counted
                .alternatives
                .insert(token.term.to_owned(), own.clone());
        } else {
            own.clear();
            own.push_str(token.term);
            owns.insert(own.clone());
            counted.n_tokens += 1;
        }
        let occurrences = counted
            .occurrences
            .entry(token.term.to_owned())
            .or_default();
        occurrences.n += 1;
        occurrences.in_first_line |= token.range.start < first_line_end;
    });
    // What one word has as its own is no alternative, whatever another word says.
    counted.alternatives.retain(|term, _| !owns.contains(term));
    counted
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
