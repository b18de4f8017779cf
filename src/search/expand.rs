//! What else the words of a query may mean: other spellings, the rest of an unfinished word,
//! synonyms.
//!
//! A word that no article has is taken for its nearest neighbours in the vocabulary, a rare one is
//! asked for beside a much more frequent neighbour. What was typed always counts more.

use serde::Serialize;

use super::synonyms::{Synonyms, terms_at};
use crate::index::{Error, Form, KnownTerm, QueryTerm, QueryTerms, TextField, View};

/// Shorter words have too many neighbours, in letters.
const MIN_FUZZY_LETTERS: usize = 4;

/// From this length on two letters may be wrong.
const MIN_FUZZY_LETTERS_2: usize = 8;

/// Longer words are no slips of the finger.
const MAX_FUZZY_LETTERS: usize = 40;

/// A beginning of fewer letters says nothing.
const MIN_PREFIX_LETTERS: usize = 3;

/// Other spellings and completions of a word at most.
const MAX_SPELLINGS: usize = 3;
const MAX_COMPLETIONS: usize = 8;

/// A word is rare that no more documents have than these, or one in so many.
const RARE: u64 = 2;
const RARE_IN: u64 = 50_000;

/// A neighbour is what was meant only if it is so many times as frequent as the rare word.
const MUCH_MORE_FREQUENT: u64 = 50;

/// Words of a query that are looked up in the vocabulary, the first ones: a pasted mail may have
/// many that nobody knows.
const MAX_LOOKED_UP: usize = 3;

/// Two words are looked up as one only in short queries.
const MAX_JOINED_WORDS: usize = 12;

/// Two words are usually written as one if that is so once in so many times, at least.
const USUAL_IN: u64 = 10;

/// What an occurrence counts beside 1 for what was typed.
const ONE_LETTER: f32 = 0.7;
const TWO_LETTERS: f32 = 0.5;
const COMPLETION: f32 = 0.7;
const SYNONYM: f32 = 0.8;
const JOINED: f32 = 0.9;
const BESIDE_RARE: f32 = 0.4;

/// Why a word was also taken for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpansionKind {
    /// It is spelt differently in the articles.
    Spelling,
    /// It is the beginning of a word.
    Completion,
    /// The desk's synonyms say so.
    Synonym,
}

/// What a word of the query was also taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expansion {
    /// As it was typed.
    pub word: String,
    /// The terms of the index, or the synonyms.
    #[serde(rename = "as")]
    pub to: Vec<String>,
    /// Why.
    pub kind: ExpansionKind,
}

/// Adds to the terms of a query what else they may mean, and says what.
pub(super) struct Expander<'a> {
    pub(super) view: &'a View,
    /// The text that the terms were read from.
    pub(super) text: &'a str,
    pub(super) synonyms: &'a Synonyms,
    pub(super) expansions: Vec<Expansion>,
}

impl Expander<'_> {
    /// Takes words that nobody has, or hardly anybody, for their neighbours in the vocabulary.
    pub(super) fn spell(&mut self, terms: &mut QueryTerms) -> Result<(), Error> {
        self.join(terms)?;
        let mut beside = Vec::new();
        let mut n_looked_up = 0;
        for term in &mut terms.terms {
            if n_looked_up == MAX_LOOKED_UP {
                break;
            }
            let n_letters = term.term.chars().count();
            let is_word = term.term.chars().all(char::is_alphabetic);
            if term.is_known() {
                let is_rare = term.doc_freq <= RARE.max(self.view.n_docs() / RARE_IN);
                if is_word && is_rare && (MIN_FUZZY_LETTERS..MAX_FUZZY_LETTERS).contains(&n_letters)
                {
                    n_looked_up += 1;
                    beside.extend(self.beside_rare(term)?);
                }
                continue;
            }
            n_looked_up += 1;
            self.complete(term)?;
            if is_word {
                self.correct(term, n_letters)?;
            }
        }
        terms.terms.extend(beside);
        Ok(())
    }

    /// Gives an unknown word the forms of its nearest neighbours.
    fn correct(&mut self, term: &mut QueryTerm, n_letters: usize) -> Result<(), Error> {
        if !(MIN_FUZZY_LETTERS..MAX_FUZZY_LETTERS).contains(&n_letters) {
            return Ok(());
        }
        let neighbours = |distance| self.view.neighbours(&term.term, distance, MAX_SPELLINGS);
        let (mut found, mut weight) = (neighbours(1)?, ONE_LETTER);
        if found.is_empty() && n_letters >= MIN_FUZZY_LETTERS_2 {
            (found, weight) = (neighbours(2)?, TWO_LETTERS);
        }
        self.add(term, found, weight, ExpansionKind::Spelling);
        Ok(())
    }

    /// Gives the last word, when it is unknown and not followed by a space, the forms that begin
    /// with it.
    fn complete(&mut self, term: &mut QueryTerm) -> Result<(), Error> {
        if term.range.end != self.text.len() || term.term.chars().count() < MIN_PREFIX_LETTERS {
            return Ok(());
        }
        let found = self
            .view
            .completions(TextField::Whole, &term.term, MAX_COMPLETIONS)?;
        self.add(term, found, COMPLETION, ExpansionKind::Completion);
        Ok(())
    }

    fn add(
        &mut self,
        term: &mut QueryTerm,
        found: Vec<KnownTerm>,
        weight: f32,
        kind: ExpansionKind,
    ) {
        if found.is_empty() {
            return;
        }
        let mut to = Vec::with_capacity(found.len());
        for known in found {
            to.push(known.term.clone());
            term.add_form(Form::term(known.term, weight), known.doc_freq);
        }
        self.note(term, to, kind);
    }

    /// A term for the neighbours of a rare word, if one of them is much more frequent.
    fn beside_rare(&mut self, term: &QueryTerm) -> Result<Option<QueryTerm>, Error> {
        let mut found = self.view.neighbours(&term.term, 1, 1)?;
        found.retain(|known| known.doc_freq >= term.doc_freq * MUCH_MORE_FREQUENT);
        if found.is_empty() {
            return Ok(None);
        }
        let mut beside = QueryTerm::new(&term.term, term.range.clone());
        self.add(&mut beside, found, BESIDE_RARE, ExpansionKind::Spelling);
        Ok(Some(beside))
    }

    /// Looks up neighbouring words as one: "one drive" is OneDrive.
    fn join(&mut self, terms: &mut QueryTerms) -> Result<(), Error> {
        if terms.words.len() > MAX_JOINED_WORDS {
            return Ok(());
        }
        let pairs: Vec<(usize, usize)> = terms
            .words
            .windows(2)
            .filter_map(|pair| match pair {
                [(a, first), (b, second)] if b - a == 1 => Some((*first, *second)),
                _ => None,
            })
            .collect();
        for (first, second) in pairs {
            if let Some((typed, form, doc_freq)) = self.joined(terms, first, second)? {
                for place in [first, second] {
                    if let Some(term) = terms.terms.get_mut(place) {
                        term.add_form(Form::term(form.clone(), JOINED), doc_freq);
                    }
                }
                self.expansions.push(Expansion {
                    word: self.words_between(terms, first, second).to_owned(),
                    to: vec![typed.to_lowercase()],
                    kind: ExpansionKind::Spelling,
                });
            }
        }
        Ok(())
    }

    /// Two words as one: as typed, as the index has it, and in how many documents, when that is
    /// usual.
    fn joined(
        &self,
        terms: &QueryTerms,
        first: usize,
        second: usize,
    ) -> Result<Option<(String, String, u64)>, Error> {
        let words = self.words_between(terms, first, second);
        let joined: String = words.chars().filter(|c| c.is_alphanumeric()).collect();
        // A word that the query repeats may have its place far from its neighbour.
        let is_pair = words.split_whitespace().count() <= 2;
        let Some((_, stem)) = terms_at(&joined, terms.language).pop().filter(|_| is_pair) else {
            return Ok(None);
        };
        let doc_freq = self.view.doc_freq(TextField::Whole, &stem)?;
        let of_words = [first, second].map(|place| terms.terms.get(place));
        let rarest = of_words.iter().flatten().map(|term| term.doc_freq).min();
        let is_usual = doc_freq > 0 && doc_freq * USUAL_IN >= rarest.unwrap_or(0);
        let is_new = terms.terms.iter().all(|term| term.term != stem);
        Ok((is_usual && is_new).then_some((joined, stem, doc_freq)))
    }

    fn words_between(&self, terms: &QueryTerms, first: usize, second: usize) -> &str {
        let range = |place: usize| terms.terms.get(place).map(|term| term.range.clone());
        let (Some(first), Some(second)) = (range(first), range(second)) else {
            return "";
        };
        self.text.get(first.start..second.end).unwrap_or_default()
    }

    /// Lets articles have synonyms in place of the words of the query.
    pub(super) fn add_synonyms(&mut self, terms: &mut QueryTerms) -> Result<(), Error> {
        if self.synonyms.is_empty() {
            return Ok(());
        }
        // Of a code that is also asked for in parts only the whole counts. A word that was
        // corrected counts as what it was corrected to.
        let mut words: Vec<(u32, usize)> = terms.words.clone();
        words.dedup_by_key(|(position, _)| *position);
        let sequence: Vec<String> = words
            .iter()
            .map(|(_, place)| {
                let term = terms.terms.get(*place);
                term.map_or_else(String::new, |term| term.best_form().to_owned())
            })
            .collect();
        let sequence: Vec<&str> = sequence.iter().map(String::as_str).collect();
        for fired in self.synonyms.fired(&sequence, terms.language) {
            let places = words.get(fired.words).unwrap_or_default();
            let mut forms = Vec::new();
            for synonym in fired.to {
                forms.extend(self.form(terms, synonym)?);
            }
            if forms.is_empty() {
                continue;
            }
            let place = match places {
                [(_, place)] => *place,
                _ => {
                    terms.terms.push(self.term_of_words(terms, places));
                    terms.terms.len() - 1
                }
            };
            if let Some(term) = terms.terms.get_mut(place) {
                for (form, doc_freq) in forms {
                    term.add_form(form, doc_freq);
                }
                self.expansions.push(Expansion {
                    word: fired.from.to_owned(),
                    to: fired.to.to_vec(),
                    kind: ExpansionKind::Synonym,
                });
            }
        }
        Ok(())
    }

    /// A synonym as articles have it, with the number of documents that can have it at most;
    /// nothing when none can.
    fn form(&self, terms: &QueryTerms, synonym: &str) -> Result<Option<(Form, u64)>, Error> {
        let words = terms_at(synonym, terms.language);
        let mut doc_freq = u64::MAX;
        for (_, term) in &words {
            doc_freq = doc_freq.min(self.view.doc_freq(TextField::Whole, term)?);
        }
        let is_known = !words.is_empty() && doc_freq > 0;
        Ok(is_known.then_some((
            Form {
                terms: words,
                weight: SYNONYM,
            },
            doc_freq,
        )))
    }

    /// A term for several words of the query together.
    fn term_of_words(&self, terms: &QueryTerms, places: &[(u32, usize)]) -> QueryTerm {
        let ranges = places
            .iter()
            .filter_map(|(_, place)| terms.terms.get(*place));
        let range = ranges
            .map(|term| term.range.clone())
            .reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
            .unwrap_or_default();
        let words = self.text.get(range.clone()).unwrap_or_default();
        QueryTerm::new(&words.to_lowercase(), range)
    }

    fn note(&mut self, term: &QueryTerm, to: Vec<String>, kind: ExpansionKind) {
        let word = self.text.get(term.range.clone()).unwrap_or(&term.term);
        self.expansions.push(Expansion {
            word: word.to_owned(),
            to,
            kind,
        });
    }
}
