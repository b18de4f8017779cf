//! Finds what all rules look for in one pass over a ticket.
//!
//! Words and phrases are compared as the analyzer leaves them: lower case, folded, stemmed as
//! English whatever the language, so that rule and text always meet. They are whole terms, so each
//! is looked up by its first one. Beginnings of words are found by an Aho-Corasick automaton in the
//! terms between spaces, not stemmed. Regexes see the original text. One more automaton finds the
//! literals without which they cannot match, and only those whose literals occur are run: one
//! `RegexSet` for all of them was measured fifty times slower, because a set with Unicode word
//! boundaries has no quick way through text that is not ASCII.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::{Regex, RegexBuilder};

use super::decision::MatchedIn;
use super::literals;
use crate::model::TicketText;
use crate::text::{Form, Language, analyze_forms};

/// A compiled regex may take so much memory.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// Up to so many bytes of patterns an automaton may take the quickest form, a table that has all
/// successors of every state: a few megabytes.
const MAX_TABLE_BYTES: usize = 16 << 10;

/// Places of one regex in one text; more would say no more.
pub(super) const MAX_MATCHES: usize = 5;

/// What a pattern looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum PatternKind {
    /// Words in a row, in any grammatical form.
    Phrase,
    /// The beginning of a word.
    Stem,
    /// A regex.
    Regex,
}

/// Something that a rule looks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Pattern {
    pub(super) kind: PatternKind,
    /// What is compared: the terms between spaces, or the regex as it is written.
    pub(super) normal: String,
}

impl Pattern {
    /// Words in a row; none when there is no word.
    pub(super) fn phrase(phrase: &str) -> Option<Self> {
        let stemmed = Both::new(phrase).stemmed;
        (!stemmed.words.is_empty()).then_some(Self {
            kind: PatternKind::Phrase,
            normal: stemmed.text,
        })
    }
}

/// A place where a pattern was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    /// The number of the pattern.
    pub(super) pattern: usize,
    pub(super) field: MatchedIn,
    /// Where it stands in the text, in bytes.
    pub(super) range: Range<usize>,
    /// The running numbers of the first and last word; of no meaning for regexes.
    pub(super) words: (u32, u32),
}

/// Collects what the rules look for.
#[derive(Debug, Default)]
pub(super) struct Builder {
    patterns: Vec<Pattern>,
    regexes: Vec<(usize, Regex)>,
    /// The regexes that a literal is needed for, as places in `regexes`.
    by_literal: BTreeMap<String, Vec<usize>>,
    always: Vec<usize>,
}

/// Finds what all rules look for.
#[derive(Debug, Clone, Default)]
pub(super) struct Matcher {
    patterns: Vec<Pattern>,
    phrases: Phrases,
    stems: Automaton,
    literals: Automaton,
    regexes: Vec<(usize, Regex)>,
    by_literal: Vec<Vec<usize>>,
    /// The regexes without literals.
    always: Vec<usize>,
}

/// An automaton, and the number of each of its patterns.
#[derive(Debug, Clone, Default)]
struct Automaton {
    automaton: Option<AhoCorasick>,
    numbers: Vec<usize>,
}

impl Automaton {
    fn new(patterns: Vec<(usize, &str)>) -> Result<Self, String> {
        let (numbers, texts): (Vec<usize>, Vec<&str>) = patterns.into_iter().unzip();
        let automaton = (!texts.is_empty())
            .then(|| {
                let n_bytes: usize = texts.iter().map(|text| text.len()).sum();
                let table = (n_bytes <= MAX_TABLE_BYTES).then_some(AhoCorasickKind::DFA);
                AhoCorasick::builder().kind(table).build(texts)
            })
            .transpose()
            .map_err(|error| error.to_string())?;
        Ok(Self { automaton, numbers })
    }

    /// The number of every pattern that occurs, with its place.
    fn find(&self, text: &str, mut sink: impl FnMut(usize, Range<usize>)) {
        let Some(automaton) = &self.automaton else {
            return;
        };
        for hit in automaton.find_overlapping_iter(text) {
            if let Some(&number) = self.numbers.get(hit.pattern().as_usize()) {
                sink(number, hit.range());
            }
        }
    }
}

/// The words and phrases, by their first term.
#[derive(Debug, Clone, Default)]
struct Phrases {
    by_first: HashMap<String, Vec<usize>, foldhash::fast::RandomState>,
}

impl Phrases {
    fn new(patterns: &[Pattern]) -> Self {
        let mut phrases = Self::default();
        let all = patterns.iter().enumerate();
        for (number, pattern) in all.filter(|(_, pattern)| pattern.kind == PatternKind::Phrase) {
            let first = first_term(&pattern.normal).to_owned();
            phrases.by_first.entry(first).or_default().push(number);
        }
        phrases
    }

    /// The number of every phrase that occurs, with its place.
    fn find(&self, patterns: &[Pattern], text: &Normal, mut sink: impl FnMut(usize, Range<usize>)) {
        for term in &text.words {
            // With the space before the term.
            let start = term.start - 1;
            let rest = text.text.get(start..).unwrap_or_default();
            let with_first = self.by_first.get(first_term(rest));
            for &number in with_first.into_iter().flatten() {
                let phrase = patterns.get(number).map(|pattern| &pattern.normal);
                if let Some(phrase) = phrase.filter(|phrase| rest.starts_with(*phrase)) {
                    sink(number, start..start + phrase.len());
                }
            }
        }
    }
}

/// The first of the terms between spaces.
fn first_term(terms: &str) -> &str {
    let after_space = terms.get(1..).unwrap_or_default();
    let end = memchr::memchr(b' ', after_space.as_bytes());
    end.and_then(|end| after_space.get(..end))
        .unwrap_or_default()
}

impl Builder {
    /// The number of the next pattern.
    pub(super) fn next(&self) -> usize {
        self.patterns.len()
    }

    /// Adds a word or phrase; false when it has no word.
    pub(super) fn phrase(&mut self, phrase: &str) -> bool {
        let pattern = Pattern::phrase(phrase);
        let has_words = pattern.is_some();
        self.patterns.extend(pattern);
        has_words
    }

    /// Adds the beginning of a word; false when it is not one word.
    pub(super) fn stem(&mut self, stem: &str) -> bool {
        let mut normal = Both::new(stem).plain;
        normal.text.truncate(normal.text.trim_end().len());
        let is_word = normal.words.len() == 1;
        self.patterns.extend(is_word.then_some(Pattern {
            kind: PatternKind::Stem,
            normal: normal.text,
        }));
        is_word
    }

    /// Adds a regex. Gives the length of the shortest text that it matches, in bytes, or none when
    /// it matches nothing.
    pub(super) fn regex(&mut self, pattern: &str) -> Result<Option<usize>, String> {
        let regex = regex(pattern)?;
        let hir = regex_syntax::parse(pattern).map_err(|error| error.to_string())?;
        let place = self.regexes.len();
        match literals::required(&hir) {
            Some(literals) => {
                for literal in literals {
                    self.by_literal.entry(literal).or_default().push(place);
                }
            }
            None => self.always.push(place),
        }
        self.regexes.push((self.patterns.len(), regex));
        self.patterns.push(Pattern {
            kind: PatternKind::Regex,
            normal: pattern.to_owned(),
        });
        Ok(hir.properties().minimum_len())
    }

    /// Takes back the patterns from this number on.
    pub(super) fn forget_from(&mut self, number: usize) {
        self.patterns.truncate(number);
        let n_regexes = self.regexes.partition_point(|(of, _)| *of < number);
        self.regexes.truncate(n_regexes);
        self.always.retain(|place| *place < n_regexes);
        self.by_literal.retain(|_, places| {
            places.retain(|place| *place < n_regexes);
            !places.is_empty()
        });
    }

    pub(super) fn build(self) -> Result<Matcher, String> {
        let patterns = self.patterns.iter().enumerate();
        let stems = patterns
            .filter(|(_, pattern)| pattern.kind == PatternKind::Stem)
            .map(|(number, pattern)| (number, pattern.normal.as_str()));
        let literals = self.by_literal.keys().map(String::as_str).enumerate();
        Ok(Matcher {
            phrases: Phrases::new(&self.patterns),
            stems: Automaton::new(stems.collect())?,
            literals: Automaton::new(literals.collect())?,
            by_literal: self.by_literal.into_values().collect(),
            patterns: self.patterns,
            regexes: self.regexes,
            always: self.always,
        })
    }
}

impl Matcher {
    /// What is looked for, by number.
    pub(super) fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Every place in a ticket where a pattern stands, in order of patterns.
    pub(super) fn find(&self, ticket: &TicketText) -> Vec<Hit> {
        let mut hits = Vec::new();
        if self.patterns.is_empty() {
            return hits;
        }
        for (text, field) in [
            (&ticket.subject, MatchedIn::Subject),
            (&ticket.description, MatchedIn::Description),
        ] {
            self.find_terms(text, field, &mut hits);
            self.find_regexes(text, field, &mut hits);
        }
        hits.sort_unstable_by_key(|hit| (hit.pattern, hit.field, hit.range.start, hit.range.end));
        hits
    }

    fn find_terms(&self, text: &str, field: MatchedIn, hits: &mut Vec<Hit>) {
        let Both { stemmed, plain } = Both::new(text);
        let mut found = |normal: &Normal, pattern: usize, range: Range<usize>| {
            hits.extend(normal.original(range).map(|(range, words)| Hit {
                pattern,
                field,
                range,
                words,
            }));
        };
        self.phrases
            .find(&self.patterns, &stemmed, |pattern, range| {
                found(&stemmed, pattern, range);
            });
        self.stems
            .find(&plain.text, |pattern, range| found(&plain, pattern, range));
    }

    fn find_regexes(&self, text: &str, field: MatchedIn, hits: &mut Vec<Hit>) {
        let mut worth = self.always.clone();
        if self.literals.automaton.is_some() {
            self.literals.find(&literals::folded(text), |literal, _| {
                worth.extend(self.by_literal.get(literal).into_iter().flatten());
            });
            worth.sort_unstable();
            worth.dedup();
        }
        for (number, regex) in worth.into_iter().filter_map(|at| self.regexes.get(at)) {
            let places = regex.find_iter(text).take(MAX_MATCHES);
            hits.extend(places.map(|place| Hit {
                pattern: *number,
                field,
                range: place.range(),
                words: (0, 0),
            }));
        }
    }
}

/// A regex to which a line ends with LF, CR LF or CR, or why it cannot be read, on one line.
pub(super) fn regex(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern)
        .size_limit(MAX_REGEX_BYTES)
        .crlf(true)
        .build();
    built.map_err(|error| {
        let told = error.to_string();
        let last = told.lines().last().unwrap_or_default();
        let cause = last.trim_start_matches("error: ");
        format!("this regex cannot be read: {cause}")
    })
}

/// A term of a text: where it starts among the terms, and the word it came from.
struct Term {
    start: usize,
    word: Range<usize>,
    position: u32,
}

/// A text as its terms, each between spaces, with the way back to the original.
struct Normal {
    text: String,
    words: Vec<Term>,
}

/// A text as its stemmed terms and as its terms that are not.
struct Both {
    stemmed: Normal,
    plain: Normal,
}

impl Both {
    fn new(original: &str) -> Self {
        let mut both = Self {
            stemmed: Normal::with_room_for(original),
            plain: Normal::with_room_for(original),
        };
        analyze_forms(original, Language::English, |form| {
            if let Some(term) = form.term {
                both.stemmed.push(term, &form);
            }
            both.plain.push(form.plain, &form);
        });
        both
    }
}

impl Normal {
    fn with_room_for(original: &str) -> Self {
        let mut text = String::with_capacity(original.len() + 2);
        text.push(' ');
        Self {
            text,
            words: Vec::with_capacity(original.len() / 5),
        }
    }

    fn push(&mut self, term: &str, form: &Form<'_>) {
        self.words.push(Term {
            start: self.text.len(),
            word: form.range.clone(),
            position: form.position,
        });
        self.text.push_str(term);
        self.text.push(' ');
    }

    /// The stretch of the original text behind a match, with its first and last word.
    fn original(&self, range: Range<usize>) -> Option<(Range<usize>, (u32, u32))> {
        let first = self.words.partition_point(|term| term.start < range.start);
        let inside = self.words.get(first..)?.iter();
        inside
            .take_while(|term| term.start < range.end)
            .map(|term| (term.word.clone(), (term.position, term.position)))
            .reduce(|(a, (first, last)), (b, (from, to))| {
                let words = (first.min(from), last.max(to));
                (a.start.min(b.start)..a.end.max(b.end), words)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(add: impl FnOnce(&mut Builder), text: &str) -> Vec<String> {
        let mut builder = Builder::default();
        add(&mut builder);
        let ticket = TicketText {
            subject: text.to_owned(),
            ..TicketText::default()
        };
        let hits = builder.build().unwrap().find(&ticket);
        hits.into_iter()
            .map(|hit| text.get(hit.range).unwrap().to_owned())
            .collect()
    }

    fn found(phrase: &str, text: &str) -> Vec<String> {
        find(|builder| assert!(builder.phrase(phrase)), text)
    }

    #[test]
    fn words_match_whole_and_in_other_forms() {
        assert_eq!(found("printer", "Both PRINTERS in the hall"), ["PRINTERS"]);
        assert_eq!(found("print", "fingerprint reader"), Vec::<String>::new());
        assert_eq!(found("störung", "Große Störung!"), ["Störung"]);
    }

    #[test]
    fn a_phrase_stands_in_one_piece() {
        assert_eq!(
            found("cannot print", "I cannot really print"),
            Vec::<String>::new()
        );
        assert_eq!(
            found("open the file", "I can open these files"),
            ["open these files"]
        );
        assert_eq!(
            found("blue screen", "the screen is blue"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_stem_is_the_beginning_of_a_word() {
        let found = |stem: &str, text: &str| find(|builder| assert!(builder.stem(stem)), text);
        assert_eq!(
            found("Drück", "Der Druckauftrag am Drucker, Eindruck"),
            ["Druckauftrag", "Drucker"]
        );
        assert!(!Builder::default().stem("two words"));
        assert!(!Builder::default().stem("!"));
    }

    #[test]
    fn regexes_with_and_without_literals_are_run() {
        let patterns = [r"(?i)vpn-gw-\d", r"\d{4}", "(?i)NEVER"];
        let add = |builder: &mut Builder| {
            for pattern in patterns {
                builder.regex(pattern).unwrap();
            }
        };
        assert_eq!(find(add, "VPN-GW-02 since 2024"), ["VPN-GW-0", "2024"]);
    }

    /// Mail ends its lines with CR LF.
    #[test]
    fn a_line_ends_with_cr_lf_too() {
        let add = |builder: &mut Builder| {
            builder.regex("(?m)^line ?2$").unwrap();
            builder.regex("e1.*").unwrap();
        };
        for text in ["line1\r\nline2\r\nline3", "line1\nline2", "line1\rline2\r"] {
            assert_eq!(find(add, text), ["line2", "e1"], "{text:?}");
        }
    }
}
