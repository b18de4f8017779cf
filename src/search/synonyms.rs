//! The synonyms of a desk: a text file that people edit.
//!
//! One group a line. `mfa = two factor = authenticator` goes every way, `fritz > router` only from
//! left to right. A line `[de]` makes the groups below it German, so that only queries in German
//! use them; `[*]` ends that. `#` begins a comment.

use std::collections::HashMap;

use crate::text::{Language, analyze};

/// Words of one side at most.
const MAX_WORDS: usize = 6;

/// Why a synonym file was not taken, one line a problem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct SynonymProblems(pub Vec<String>);

/// The synonyms of a desk.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Synonyms {
    entries: Vec<Entry>,
    /// The entries for the words of a text, as the index stores them in a language.
    by_terms: HashMap<(Language, Vec<String>), Vec<usize>>,
}

/// What may stand for a word or a few.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    from: String,
    to: Vec<String>,
}

/// A synonym that a query made use of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fired<'a> {
    /// Where in the sequence of the query's words it stands.
    pub(super) words: std::ops::Range<usize>,
    /// As it stands in the file.
    pub(super) from: &'a str,
    /// What may stand for it, as it stands in the file.
    pub(super) to: &'a [String],
}

impl Synonyms {
    /// Reads a file; `name` goes into the problems.
    ///
    /// # Errors
    /// Every line that is none.
    pub fn parse(name: &str, text: &str) -> Result<Self, SynonymProblems> {
        let (mut synonyms, mut problems) = (Self::default(), Vec::new());
        let mut language = None;
        for (n, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            if let Err(problem) = synonyms.add_line(line, &mut language) {
                problems.push(format!("{name}:{}: {problem}", n + 1));
            }
        }
        if problems.is_empty() {
            Ok(synonyms)
        } else {
            Err(SynonymProblems(problems))
        }
    }

    fn add_line(&mut self, line: &str, language: &mut Option<Language>) -> Result<(), String> {
        if let Some(code) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            *language = match code.trim() {
                "*" => None,
                code => Some(Language::from_code(code).map_err(|error| error.to_string())?),
            };
            return Ok(());
        }
        let of = *language;
        let (is_one_way, sides): (bool, Vec<&str>) = match line.split_once('>') {
            Some((from, to)) => (true, vec![from, to]),
            None => (false, line.split('=').collect()),
        };
        let sides: Vec<&str> = sides.into_iter().map(str::trim).collect();
        if sides.len() < 2 {
            return Err("a group is written a = b = c, or a > b".to_owned());
        }
        for side in &sides {
            let n_words = side.split_whitespace().count();
            if !side.contains(char::is_alphanumeric)
                || n_words > MAX_WORDS
                || side.contains(['=', '>'])
            {
                return Err(format!("{side:?} is not one to {MAX_WORDS} words"));
            }
        }
        let n_from = if is_one_way { 1 } else { sides.len() };
        for (at, from) in sides.iter().enumerate().take(n_from) {
            let others = sides.iter().enumerate().filter(|(other, _)| *other != at);
            for language in Language::ALL {
                if of.is_none_or(|of| of == language) {
                    let key = (language, terms_of(from, language));
                    self.by_terms
                        .entry(key)
                        .or_default()
                        .push(self.entries.len());
                }
            }
            self.entries.push(Entry {
                from: (*from).to_owned(),
                to: others.map(|(_, side)| (*side).to_owned()).collect(),
            });
        }
        Ok(())
    }

    /// How many words and word groups have synonyms.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The synonyms that a query makes use of: `terms` are its words, as the index would store
    /// them in `language`.
    pub(super) fn fired<'a>(&'a self, terms: &[&str], language: Language) -> Vec<Fired<'a>> {
        let mut fired = Vec::new();
        for start in 0..terms.len() {
            for n_words in 1..=MAX_WORDS.min(terms.len() - start) {
                let words = start..start + n_words;
                let key: Vec<String> = terms
                    .get(words.clone())
                    .unwrap_or_default()
                    .iter()
                    .map(|&term| term.to_owned())
                    .collect();
                let places = self.by_terms.get(&(language, key));
                for entry in places
                    .into_iter()
                    .flatten()
                    .filter_map(|&at| self.entries.get(at))
                {
                    fired.push(Fired {
                        words: words.clone(),
                        from: &entry.from,
                        to: &entry.to,
                    });
                }
            }
        }
        fired
    }
}

/// The words of a text as the index stores them.
pub(super) fn terms_of(text: &str, language: Language) -> Vec<String> {
    terms_at(text, language)
        .into_iter()
        .map(|(_, term)| term)
        .collect()
}

/// The words of a text as the index stores them, with their places in it from the first one on.
/// Of a code that is also stored in parts only the whole is given.
pub(super) fn terms_at(text: &str, language: Language) -> Vec<(u32, String)> {
    let mut terms: Vec<(u32, String)> = Vec::new();
    analyze(text, &[language], |token| {
        if terms
            .last()
            .is_none_or(|(position, _)| *position != token.position)
        {
            terms.push((token.position, token.term.to_owned()));
        }
    });
    let first = terms.first().map_or(0, |(position, _)| *position);
    for (position, _) in &mut terms {
        *position -= first;
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired(file: &str, query: &str, language: Language) -> Vec<(String, Vec<String>)> {
        let synonyms = Synonyms::parse("synonyms.txt", file).unwrap();
        let terms = terms_of(query, language);
        let terms: Vec<&str> = terms.iter().map(String::as_str).collect();
        let fired = synonyms.fired(&terms, language);
        fired
            .into_iter()
            .map(|fired| (fired.from.to_owned(), fired.to.to_vec()))
            .collect()
    }

    #[test]
    fn groups_go_every_way_and_arrows_one() {
        let file = "mfa = two factor = 2fa # comment\nfritz > router\n";
        assert_eq!(
            fired(file, "my MFA code", Language::English),
            [(
                "mfa".to_owned(),
                vec!["two factor".to_owned(), "2fa".to_owned()]
            )]
        );
        assert_eq!(fired(file, "lost two factors", Language::English).len(), 1);
        assert_eq!(fired(file, "fritz box", Language::English).len(), 1);
        assert!(fired(file, "router", Language::English).is_empty());
        assert!(fired(file, "two", Language::English).is_empty());
    }

    #[test]
    fn a_section_is_for_its_language() {
        let file = "[de]\nkennwort = passwort\n[*]\nvpn = tunnel\n";
        assert_eq!(fired(file, "kennwort", Language::German).len(), 1);
        assert!(fired(file, "kennwort", Language::English).is_empty());
        assert_eq!(fired(file, "vpn", Language::English).len(), 1);
    }

    #[test]
    fn every_wrong_line_is_named() {
        let problems = Synonyms::parse("s.txt", "alone\n[klingon!]\na = \n")
            .unwrap_err()
            .0;
        assert_eq!(problems.len(), 3);
        assert!(problems[0].starts_with("s.txt:1:"), "{problems:?}");
    }
}
