//! From a text to the terms that an index stores and a query asks for.
//!
//! The steps: words and codes, lower case, stop words of the language out, stem, diacritics off.
//! A document is analyzed in its language; a query in every language of the desk, so a word can
//! give several terms. Codes are never stemmed.

use std::ops::Range;

use super::fold::{lowercase, without_diacritics};
use super::language::{Language, with_stem};
use super::stop_words::is_stop_word;
use super::words::words;

/// Raised with every change that gives other terms for the same text: indexes made with another
/// version are rebuilt.
pub const ANALYZER_VERSION: u32 = 1;

/// One term of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    /// What the index stores.
    pub term: &'a str,
    /// Where its word stands in the text, in bytes, on character boundaries.
    pub range: Range<usize>,
    /// The running number of its word; terms of one word share it, stop words count.
    pub position: u32,
}

/// Calls `sink` with every term of `text` in these languages, in order of position.
///
/// A word that has the same term in two languages gives it once; a stop word of the first
/// language, which is the one that the text is most likely in, gives none in any.
pub fn analyze(text: &str, languages: &[Language], mut sink: impl FnMut(Token<'_>)) {
    let mut given: Vec<String> = Vec::new();
    let first = languages.first().copied().unwrap_or(Language::Other);
    words(text, |word| {
        let lower = lowercase(&word.form);
        if word.is_code {
            let term = without_diacritics(&lower);
            sink(Token {
                term: &term,
                range: word.range,
                position: word.position,
            });
            return;
        }
        if is_stop_word(first, &lower) {
            return;
        }
        given.clear();
        for &language in languages {
            if is_stop_word(language, &lower) {
                continue;
            }
            with_stem(language, &lower, |stem| {
                if !stem.is_empty() && !given.iter().any(|earlier| earlier == stem) {
                    sink(Token {
                        term: stem,
                        range: word.range.clone(),
                        position: word.position,
                    });
                    if languages.len() > 1 {
                        given.push(stem.to_owned());
                    }
                }
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn terms(text: &str, languages: &[Language]) -> Vec<String> {
        let mut terms = Vec::new();
        analyze(text, languages, |token| terms.push(token.term.to_owned()));
        terms
    }

    #[test]
    fn words_meet_their_other_forms() {
        let check = |a: &str, b: &str| {
            assert_eq!(
                terms(a, &[Language::English]),
                terms(b, &[Language::English])
            );
        };
        check("The printers are not printing", "printer not printed");
        check("Réseau", "reseau");
        check("WI-FI", "wi-fi");
    }

    #[test]
    fn a_query_is_read_in_all_languages_of_the_desk() {
        let both = terms("Druckers", &[Language::English, Language::German]);
        assert_eq!(both, ["drucker", "druck"]);
        assert_eq!(
            terms("vpn", &[Language::English, Language::German]),
            ["vpn"]
        );
    }

    #[test]
    fn separators_in_codes_do_not_matter() {
        let whole = |text| terms(text, &[Language::English]).contains(&"vpngw02".to_owned());
        assert!(whole("VPN-GW-02") && whole("vpngw02") && whole("VPN_GW_02"));
    }

    proptest! {
        #[test]
        fn ranges_stand_on_characters_and_in_order(text in "\\PC{0,80}") {
            let mut last = 0;
            analyze(&text, &Language::ALL, |token| {
                assert!(text.get(token.range.clone()).is_some());
                assert!(!token.term.is_empty());
                assert!(token.range.end <= text.len());
                last = last.max(token.position);
            });
        }
    }
}
