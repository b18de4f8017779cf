//! From a text to the terms that an index stores and a query asks for.
//!
//! The steps: words and codes, lower case, stop words of the language out, stem, diacritics off.
//! A document is analyzed in its language; a query in every language of the desk, so a word can
//! give several terms. Codes are never stemmed.

use std::ops::Range;

use super::fold::{lowercase, without_diacritics};
use super::language::{Language, with_term};
use super::words::words;

/// Raised with every change that gives other terms for the same text: indexes made with another
/// version are rebuilt.
pub const ANALYZER_VERSION: u32 = 2;

/// One term of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    /// What the index stores.
    pub term: &'a str,
    /// Where its word stands in the text, in bytes, on character boundaries.
    pub range: Range<usize>,
    /// The running number of its word; terms of one word share it, stop words count.
    pub position: u32,
    /// Whether it is the word as another language than the first would stem it.
    pub is_alternative: bool,
}

/// Calls `sink` with every term of `text` in these languages, in order of position.
///
/// A word that has the same term in two languages gives it once; a stop word of the first
/// language, which is the one that the text is most likely in, gives none in any. `sink` must not
/// analyze in its turn: it is called while the cache of terms is in use.
pub fn analyze(text: &str, languages: &[Language], mut sink: impl FnMut(Token<'_>)) {
    let Some((&first, others)) = languages.split_first() else {
        return;
    };
    let mut plain = String::new();
    words(text, |word| {
        let mut give = |term: &str, is_alternative: bool| {
            let (range, position) = (word.range.clone(), word.position);
            sink(Token {
                term,
                range,
                position,
                is_alternative,
            });
        };
        if word.is_code {
            let term = without_diacritics(&lowercase(&word.form));
            // A form of combining marks alone folds to nothing.
            if !term.is_empty() {
                give(&term, false);
            }
            return;
        }
        let mut give_first = |term: Option<&str>| match term {
            Some(term) => {
                give(term, false);
                others.is_empty()
            }
            None => true,
        };
        let is_done = if first == Language::Other {
            fold(&word.form, &mut plain);
            give_first((!plain.is_empty()).then_some(plain.as_str()))
        } else {
            with_term(first, &word.form, give_first)
        };
        if !is_done {
            give_others(&word.form, first, others, |term| give(term, true));
        }
    });
}

/// One form of a word, both as it is written and as a language has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Form<'a> {
    /// In lower case and folded, but not stemmed: what the analysis in no language gives.
    pub(crate) plain: &'a str,
    /// The term of the language; none for a stop word.
    pub(crate) term: Option<&'a str>,
    /// Where its word stands in the text, in bytes, on character boundaries.
    pub(crate) range: Range<usize>,
    /// The running number of its word.
    pub(crate) position: u32,
}

/// Calls `sink` with every form of every word. What [`analyze`] would give in this language and in
/// [`Language::Other`], for one walk through the text. `sink` must not analyze in its turn.
pub(crate) fn analyze_forms(text: &str, language: Language, mut sink: impl FnMut(Form<'_>)) {
    let mut plain = String::new();
    words(text, |word| {
        fold(&word.form, &mut plain);
        if plain.is_empty() {
            return;
        }
        let (range, position) = (word.range, word.position);
        let mut give = |term: Option<&str>| {
            sink(Form {
                plain: &plain,
                term,
                range: range.clone(),
                position,
            });
        };
        if word.is_code {
            give(Some(&plain));
        } else {
            with_term(language, &word.form, give);
        }
    });
}

/// Makes of `plain` the term of a word in no language: in lower case and folded.
fn fold(form: &str, plain: &mut String) {
    plain.clear();
    if form.is_ascii() {
        plain.push_str(form);
        plain.make_ascii_lowercase();
    } else {
        // Folding is slow beyond ASCII; what it gives is remembered.
        with_term(Language::Other, form, |term| {
            plain.push_str(term.unwrap_or_default());
        });
    }
}

/// The terms of a word in further languages, each once.
fn give_others(form: &str, first: Language, others: &[Language], mut give: impl FnMut(&str)) {
    let mut given: Vec<String> = Vec::new();
    with_term(first, form, |term| given.extend(term.map(str::to_owned)));
    for &language in others {
        with_term(language, form, |term| {
            if let Some(term) = term
                && !given.iter().any(|earlier| earlier == term)
            {
                give(term);
                given.push(term.to_owned());
            }
        });
    }
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
        fn one_walk_gives_what_two_analyses_give(text in "(\\PC|[a-zA-Z0-9.' -]|the |störung ){0,40}") {
            for language in Language::ALL {
                let (mut plain, mut stemmed) = (Vec::new(), Vec::new());
                analyze_forms(&text, language, |form| {
                    let place = (form.range, form.position);
                    stemmed.extend(form.term.map(|term| (term.to_owned(), place.clone())));
                    plain.push((form.plain.to_owned(), place));
                });
                let given = |language| {
                    let mut given = Vec::new();
                    analyze(&text, &[language], |token| {
                        given.push((token.term.to_owned(), (token.range, token.position)));
                    });
                    given
                };
                prop_assert_eq!(stemmed, given(language));
                prop_assert_eq!(plain, given(Language::Other));
            }
        }

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
