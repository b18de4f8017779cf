//! Finds what all rules look for in one pass over a text.
//!
//! Words and phrases are compared as the analyzer leaves them (lower case, folded, stemmed as
//! English whatever the language, so that rule and text always meet), joined by spaces, with one
//! Aho-Corasick automaton. Regexes see the original text and are run one by one: each skips ahead
//! to its literals. One `RegexSet` for all of them was measured fifty times slower, because a set
//! with Unicode word boundaries has no quick way through text that is not ASCII.

use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use regex::{Regex, RegexBuilder};

use super::decision::{Matched, MatchedIn};
use crate::text::{Language, analyze};

/// A compiled regex may take so much memory.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// Places shown for one reason in one text; more would say no more.
pub(super) const MAX_MATCHES: usize = 5;

/// What a phrase does for its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Condition,
    Exception,
}

/// Collects what the rules look for.
#[derive(Debug, Default)]
pub(super) struct Builder {
    phrases: Vec<String>,
    phrase_rules: Vec<(usize, Role)>,
    regexes: Vec<(usize, Regex)>,
}

/// Finds what all rules look for.
#[derive(Debug, Clone, Default)]
pub(super) struct Matcher {
    phrases: Option<AhoCorasick>,
    phrase_rules: Vec<(usize, Role)>,
    /// Each with the rule that it makes fire.
    regexes: Vec<(usize, Regex)>,
}

/// What was found for one rule.
#[derive(Debug, Clone, Default)]
pub(super) struct RuleMatches {
    /// Every place with the number of the word, phrase or regex that found it.
    pub(super) matched: Vec<(usize, Matched)>,
    /// Where an exception of the rule was found.
    pub(super) exceptions: Vec<MatchedIn>,
}

impl Builder {
    /// Adds a word or phrase that makes the rule fire; false when it has no word.
    pub(super) fn phrase(&mut self, rule: usize, phrase: &str) -> bool {
        self.add(rule, phrase, Role::Condition)
    }

    /// Adds a word or phrase that keeps the rule from firing; false when it has no word.
    pub(super) fn exception(&mut self, rule: usize, phrase: &str) -> bool {
        self.add(rule, phrase, Role::Exception)
    }

    fn add(&mut self, rule: usize, phrase: &str, role: Role) -> bool {
        let normal = Normal::new(phrase);
        let has_words = !normal.words.is_empty();
        if has_words {
            self.phrases.push(normal.text);
            self.phrase_rules.push((rule, role));
        }
        has_words
    }

    /// Adds a regex that makes the rule fire.
    pub(super) fn regex(&mut self, rule: usize, pattern: &str) -> Result<(), String> {
        let regex = RegexBuilder::new(pattern)
            .size_limit(MAX_REGEX_BYTES)
            .build()
            .map_err(|error| error.to_string())?;
        self.regexes.push((rule, regex));
        Ok(())
    }

    pub(super) fn build(self) -> Result<Matcher, String> {
        let phrases = if self.phrases.is_empty() {
            None
        } else {
            let automaton = AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .build(&self.phrases)
                .map_err(|error| error.to_string())?;
            Some(automaton)
        };
        Ok(Matcher {
            phrases,
            phrase_rules: self.phrase_rules,
            regexes: self.regexes,
        })
    }
}

impl Matcher {
    pub(super) fn builder() -> Builder {
        Builder::default()
    }

    /// What the rules find in one text of a ticket, added to `found` by rule.
    pub(super) fn find(
        &self,
        text: &str,
        field: MatchedIn,
        found: &mut BTreeMap<usize, RuleMatches>,
    ) {
        self.find_phrases(text, field, found);
        for (number, (rule, regex)) in (self.phrase_rules.len()..).zip(&self.regexes) {
            for place in regex.find_iter(text).take(MAX_MATCHES) {
                let matches = found.entry(*rule).or_default();
                note(number, text, place.range(), field, matches);
            }
        }
    }

    fn find_phrases(&self, text: &str, field: MatchedIn, found: &mut BTreeMap<usize, RuleMatches>) {
        let Some(phrases) = &self.phrases else {
            return;
        };
        let normal = Normal::new(text);
        for hit in phrases.find_overlapping_iter(&normal.text) {
            let number = hit.pattern().as_usize();
            let Some(&(rule, role)) = self.phrase_rules.get(number) else {
                continue;
            };
            let matches = found.entry(rule).or_default();
            match role {
                Role::Exception => matches.exceptions.push(field),
                Role::Condition => {
                    if let Some(range) = normal.original(hit.range()) {
                        note(number, text, range, field, matches);
                    }
                }
            }
        }
    }
}

/// Notes a place that a pattern of a rule found.
fn note(
    number: usize,
    text: &str,
    range: Range<usize>,
    field: MatchedIn,
    matches: &mut RuleMatches,
) {
    let is_of_same =
        |(other, earlier): &&(usize, Matched)| *other == number && earlier.field == field;
    if matches.matched.iter().filter(is_of_same).count() >= MAX_MATCHES {
        return;
    }
    let n_chars = |end: usize| text.get(..end).unwrap_or_default().chars().count();
    let matched = Matched {
        field,
        start: n_chars(range.start),
        end: n_chars(range.end),
        text: text.get(range).unwrap_or_default().to_owned(),
    };
    matches.matched.push((number, matched));
}

/// A text as its terms, each between spaces, with the way back to the original.
struct Normal {
    text: String,
    /// Where a term starts in `text`, and the word it came from.
    words: Vec<(usize, Range<usize>)>,
}

impl Normal {
    fn new(original: &str) -> Self {
        let mut text = String::from(" ");
        let mut words = Vec::new();
        analyze(original, &[Language::English], |token| {
            words.push((text.len(), token.range.clone()));
            text.push_str(token.term);
            text.push(' ');
        });
        Self { text, words }
    }

    /// The stretch of the original text behind a match, which starts and ends with a space.
    fn original(&self, range: Range<usize>) -> Option<Range<usize>> {
        let inside = self.words.iter().filter(|(start, _)| range.contains(start));
        inside
            .map(|(_, word)| word.clone())
            .reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(phrase: &str, text: &str) -> Vec<String> {
        let mut builder = Matcher::builder();
        assert!(builder.phrase(0, phrase));
        let mut found = BTreeMap::new();
        builder
            .build()
            .unwrap()
            .find(text, MatchedIn::Subject, &mut found);
        found
            .remove(&0)
            .unwrap_or_default()
            .matched
            .into_iter()
            .map(|(_, matched)| matched.text)
            .collect()
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
}
