//! From a query text to its weighted clauses, by the statistics of one view.
//!
//! The formula (`ARCHITECTURE.md`, "Ranking"): a term that stands n times in the query weighs
//! (k3 + 1) n / (k3 + n), several times that when it is in the first line of a longer text, times idf
//! to a power that tickets set above 1. Of a long text only the most telling terms are asked for, those
//! with the highest weight times idf that stand in at least two documents.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::clause::{Clause, Form};
use super::ranking::{FieldWeight, K1};
use super::{Error, TextField, View};
use crate::text::{Language, analyze};

/// Of a long query only so many terms are looked for in titles too, the most telling ones.
const MAX_TITLE_TERMS: usize = 60;

/// How terms are weighted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighting {
    /// What a term in the title counts beside 1 for the whole text.
    pub title_weight: f32,
    /// How soon a term counts no more when the query repeats it: it weighs (k3 + 1) n / (k3 + n).
    pub k3: f32,
    /// The power of idf in the score; 1 is plain BM25, tickets have 1.1 unless the desk sets another.
    pub idf_power: f32,
    /// Terms that are asked for at most.
    pub max_terms: usize,
    /// What a term in the first line of a longer query counts beside 1 for one further down.
    pub first_line_weight: f32,
    /// How much a field that is longer than the mean lowers the score, 0 to 1; usually 0.75.
    pub b: f32,
}

impl Weighting {
    /// The fields that are searched.
    #[must_use]
    pub fn fields(&self) -> [FieldWeight; 2] {
        [
            FieldWeight {
                field: TextField::Whole,
                weight: 1.0,
                b: self.b,
                max_clauses: usize::MAX,
            },
            FieldWeight {
                field: TextField::Title,
                weight: self.title_weight,
                b: self.b,
                max_clauses: MAX_TITLE_TERMS,
            },
        ]
    }
}

/// One term of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryTerm {
    /// Where its word first stands in the text, in bytes.
    pub range: Range<usize>,
    /// The term, as the index would store it.
    pub term: String,
    /// In how many documents the term stands as it is.
    pub doc_freq: u64,
    /// How often it stands in the query.
    n: u32,
    in_first_line: bool,
    /// The forms in which a document may have it.
    forms: Vec<Form>,
    /// In how many documents the most frequent of the forms stands.
    forms_doc_freq: u64,
    weight: f32,
    idf: f32,
}

impl QueryTerm {
    /// A term that stands once in the query, as yet without a form.
    #[must_use]
    pub fn new(term: &str, range: Range<usize>) -> Self {
        Self {
            range,
            term: term.to_owned(),
            doc_freq: 0,
            n: 1,
            in_first_line: false,
            forms: Vec::new(),
            forms_doc_freq: 0,
            weight: 0.0,
            idf: 0.0,
        }
    }

    /// Lets a document have the term in this form too, which stands in so many documents.
    pub fn add_form(&mut self, form: Form, doc_freq: u64) {
        self.forms.push(form);
        self.forms_doc_freq = self.forms_doc_freq.max(doc_freq);
    }

    /// The term, or what it is taken for when no document has it.
    #[must_use]
    pub fn best_form(&self) -> &str {
        let first = self.forms.first().and_then(Form::as_term);
        first.unwrap_or(&self.term)
    }

    /// Whether a document can have it in any form.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.forms.is_empty()
    }

    /// What it adds to a score at most, but for its occurrences.
    #[must_use]
    pub fn value(&self) -> f32 {
        self.weight * self.idf
    }
}

/// The terms of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryTerms {
    /// In order of their first occurrence; once weighed, most telling first.
    pub terms: Vec<QueryTerm>,
    /// The words of the query in order: where in the sequence of words, and which term, by its
    /// place before weighing.
    pub words: Vec<(u32, usize)>,
    /// The language that the query is most likely in.
    pub language: Language,
    /// The places of the terms of all forms.
    places: HashMap<String, usize, foldhash::fast::RandomState>,
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
    /// Reads and weighs a query text. Terms that no document has are left out.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn new(view: &View, text: &str, weighting: Weighting) -> Result<Self, Error> {
        let mut terms = Self::read(view, text)?;
        terms.weigh(view, weighting);
        Ok(terms)
    }

    /// Reads a query text, for [`QueryTerms::weigh`].
    ///
    /// # Errors
    /// An error of the file system.
    pub fn read(view: &View, text: &str) -> Result<Self, Error> {
        let languages = Language::of_query(text, &view.languages().collect::<Vec<_>>());
        let Counted {
            mut terms,
            words,
            alternatives,
        } = counted(text, &languages);
        for term in &mut terms {
            term.doc_freq = view.doc_freq(TextField::Whole, &term.term)?;
            if term.doc_freq > 0 {
                term.add_form(Form::term(term.term.clone(), 1.0), term.doc_freq);
            }
        }
        // As another language has it a word is asked for only when nobody has it as its own does:
        // "come" should not find every web address by its Spanish stem.
        for (place, alternative) in alternatives {
            if let Some(term) = terms.get_mut(place)
                && term.doc_freq == 0
            {
                let doc_freq = view.doc_freq(TextField::Whole, &alternative)?;
                if doc_freq > 0 {
                    term.add_form(Form::term(alternative, 1.0), doc_freq);
                }
            }
        }
        Ok(Self {
            terms,
            words,
            language: languages.first().copied().unwrap_or(Language::Other),
            places: HashMap::default(),
        })
    }

    /// Weighs the terms and keeps the most telling ones, in their order. Terms without a form are
    /// left out.
    pub fn weigh(&mut self, view: &View, weighting: Weighting) {
        self.terms.retain(QueryTerm::is_known);
        for term in &mut self.terms {
            term.idf = idf(term.forms_doc_freq, view.n_docs());
            let first_line = if term.in_first_line {
                weighting.first_line_weight
            } else {
                1.0
            };
            term.weight = saturated(term.n, weighting.k3)
                * first_line
                * term.idf.powf(weighting.idf_power - 1.0);
        }
        if self.terms.len() > weighting.max_terms {
            self.terms.retain(|term| term.forms_doc_freq > 1);
        }
        self.terms.sort_by(|a, b| {
            b.value()
                .total_cmp(&a.value())
                .then_with(|| a.term.cmp(&b.term))
        });
        self.terms.truncate(weighting.max_terms);
        for (place, term) in self.terms.iter().enumerate() {
            for (_, form) in term.forms.iter().flat_map(|form| &form.terms) {
                self.places.entry(form.clone()).or_insert(place);
            }
        }
    }

    /// Whether no document has any of the query's terms.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// What to ask the index for.
    #[must_use]
    pub fn clauses(&self) -> Vec<Clause> {
        let clause = |term: &QueryTerm| Clause {
            forms: term.forms.clone(),
            weight: term.value(),
        };
        self.terms.iter().map(clause).collect()
    }

    /// The score that a document made of the query alone would get: what a score is divided by to
    /// give a similarity.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "lengths and counts are small")]
    pub fn self_score(&self, view: &View, weighting: Weighting) -> f32 {
        let of_field = |searched: FieldWeight| -> f32 {
            let length = self.words.len() as f32 / view.mean_length(searched.field);
            let norm = K1 * (1.0 - searched.b + searched.b * length.min(1.0));
            let score = |term: &QueryTerm| {
                let n = term.n as f32;
                term.value() * searched.weight * (K1 + 1.0) * n / (n + norm)
            };
            self.terms.iter().map(score).sum()
        };
        weighting.fields().into_iter().map(of_field).sum()
    }

    /// The words of a text in `language` that are terms of the query, in order.
    #[must_use]
    pub fn matches(&self, text: &str, language: Language) -> Vec<TermMatch> {
        let mut matches = Vec::new();
        analyze(text, &[language], |token| {
            if let Some(&term_index) = self.places.get(token.term)
                && let Some(term) = self.terms.get(term_index)
            {
                matches.push(TermMatch {
                    range: token.range,
                    term_index,
                    value: term.value(),
                });
            }
        });
        matches
    }

    /// What a text in `language` has in common with the query: terms and their values, the most
    /// telling first.
    #[must_use]
    pub fn shared_with(&self, text: &str, language: Language) -> Vec<(&str, f32)> {
        let mut shared: Vec<usize> = self
            .matches(text, language)
            .into_iter()
            .map(|found| found.term_index)
            .collect();
        shared.sort_unstable();
        shared.dedup();
        let terms = shared.into_iter().filter_map(|place| self.terms.get(place));
        terms
            .map(|term| (term.term.as_str(), term.value()))
            .collect()
    }
}

/// The terms of a text, not yet looked up.
#[derive(Default)]
struct Counted {
    terms: Vec<QueryTerm>,
    words: Vec<(u32, usize)>,
    /// For the place of a term, what its word would be in other languages.
    alternatives: Vec<(usize, String)>,
}

fn counted(text: &str, languages: &[Language]) -> Counted {
    let first_line_end = title_end(text);
    let mut counted = Counted::default();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut own = 0;
    analyze(text, languages, |token| {
        if token.is_alternative {
            let alternative = (own, token.term.to_owned());
            if !counted.alternatives.contains(&alternative) {
                counted.alternatives.push(alternative);
            }
            return;
        }
        own = *places.entry(token.term.to_owned()).or_insert_with(|| {
            let term = QueryTerm::new(token.term, token.range.clone());
            counted.terms.push(QueryTerm { n: 0, ..term });
            counted.terms.len() - 1
        });
        counted.words.push((token.position, own));
        if let Some(term) = counted.terms.get_mut(own) {
            term.n += 1;
            term.in_first_line |= token.range.start < first_line_end;
        }
    });
    counted
}

/// How much a term counts that stands n times in the query, 1 for n = 1.
#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn saturated(n: u32, k3: f32) -> f32 {
    (1.0 + k3) * n as f32 / (n as f32 + k3)
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

/// A first line from this length on may be one of wrapped text, in bytes.
const MIN_WRAPPED_BYTES: usize = 50;

/// Where the title of a longer text ends: its first line, unless the text is just wrapped there.
fn title_end(text: &str) -> usize {
    let Some((first, rest)) = text.split_once('\n') else {
        return 0;
    };
    let goes_on = rest.starts_with(char::is_lowercase);
    if first.len() >= MIN_WRAPPED_BYTES && goes_on {
        0
    } else {
        first.len()
    }
}
