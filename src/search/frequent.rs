//! What somebody may be about to type: queries that others often asked and that found something.

use std::sync::LazyLock;

use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder};

use crate::index::{Error, QueryTerms, View};

/// A word of fewer letters must be as it is.
const MIN_FORGIVEN_LETTERS: usize = 4;

/// Makes automata for words with one slip; to make the maker takes longer than to use it.
static ONE_SLIP: LazyLock<LevenshteinAutomatonBuilder> =
    LazyLock::new(|| LevenshteinAutomatonBuilder::new(1, true));

/// Queries suggested at most.
const MAX_QUERIES: usize = 3;

/// Those of the queries, in their order, that go on from `text`: that have each of its words, the
/// last of which may be unfinished, with one slip of the finger a word forgiven.
///
/// Given are only queries all of whose words stand in articles of the view: what people who see
/// more asked for in words of their own is not for others to read.
///
/// # Errors
/// An error of the file system.
pub fn frequent(view: &View, queries: &[String], text: &str) -> Result<Vec<String>, Error> {
    let typed = text.to_lowercase();
    let words: Vec<&str> = typed.split_whitespace().collect();
    let is_unfinished = typed.ends_with(|c: char| !c.is_whitespace());
    let Some((last, finished)) = words.split_last() else {
        return Ok(Vec::new());
    };
    let mut wanted: Vec<Wanted> = finished
        .iter()
        .map(|word| Wanted::new(word, false))
        .collect();
    wanted.push(Wanted::new(last, is_unfinished));
    let whole = words.join(" ");
    let mut found = Vec::new();
    for query in queries.iter().filter(|query| **query != whole) {
        let has = |wanted: &Wanted| query.split(' ').any(|word| wanted.is(word));
        if wanted.iter().all(has) && is_known(view, query)? {
            found.push(query.clone());
        }
        if found.len() == MAX_QUERIES {
            break;
        }
    }
    Ok(found)
}

/// Whether all words of a query stand in articles of the view.
fn is_known(view: &View, query: &str) -> Result<bool, Error> {
    let terms = QueryTerms::read(view, query)?.terms;
    Ok(!terms.is_empty() && terms.iter().all(|term| term.doc_freq > 0))
}

/// A word as it was typed.
enum Wanted {
    Exact { word: String, is_unfinished: bool },
    Nearly(DFA),
}

impl Wanted {
    fn new(word: &str, is_unfinished: bool) -> Self {
        if word.chars().count() < MIN_FORGIVEN_LETTERS {
            return Self::Exact {
                word: word.to_owned(),
                is_unfinished,
            };
        }
        Self::Nearly(if is_unfinished {
            ONE_SLIP.build_prefix_dfa(word)
        } else {
            ONE_SLIP.build_dfa(word)
        })
    }

    fn is(&self, other: &str) -> bool {
        match self {
            Self::Exact {
                word,
                is_unfinished,
            } => other == word || (*is_unfinished && other.starts_with(word)),
            Self::Nearly(dfa) => matches!(dfa.eval(other), Distance::Exact(_)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slip_a_word_is_forgiven_from_four_letters_on() {
        let check = |typed: &str, is_unfinished: bool, word: &str, expected: bool| {
            assert_eq!(
                Wanted::new(typed, is_unfinished).is(word),
                expected,
                "{typed} {word}"
            );
        };
        check("vp", true, "vpn", true);
        check("vp", false, "vpn", false);
        check("vpm", true, "vpn", false);
        check("otlo", true, "outlook", true);
        check("otlook", false, "outlook", true);
        check("otlok", false, "outlook", false);
    }
}
