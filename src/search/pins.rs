//! Articles that a desk puts first or last for certain queries: a TOML file that people edit.

use std::collections::HashMap;

use serde::Deserialize;

use super::synonyms::terms_of;
use crate::text::Language;

/// Why a pin file was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PinProblem(String);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    pin: Vec<FilePin>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FilePin {
    queries: Vec<String>,
    #[serde(default)]
    articles: Vec<String>,
    #[serde(default)]
    bury: Vec<String>,
}

/// What a desk wants for a query.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pin {
    /// The ids of the articles that come first, in order.
    pub articles: Vec<String>,
    /// The ids of the articles that come last.
    pub bury: Vec<String>,
}

/// The pins of a desk, by query: the same words in any order, in any grammatical form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pins {
    by_query: HashMap<Vec<String>, Pin>,
}

impl Pins {
    /// Reads a file; `name` goes into the problem.
    ///
    /// # Errors
    /// What is wrong with it and where.
    pub fn parse(name: &str, text: &str) -> Result<Self, PinProblem> {
        let file: File =
            toml::from_str(text).map_err(|error| PinProblem(format!("{name}: {error}")))?;
        let mut pins = Self::default();
        for pin in file.pin {
            for query in &pin.queries {
                let of_query = pins.by_query.entry(key(query)).or_default();
                of_query.articles.extend(pin.articles.iter().cloned());
                of_query.bury.extend(pin.bury.iter().cloned());
            }
        }
        if pins.by_query.contains_key(&Vec::new()) {
            return Err(PinProblem(format!("{name}: a query has no word")));
        }
        Ok(pins)
    }

    /// What the desk wants for a query, if anything.
    #[must_use]
    pub fn of(&self, query: &str) -> Option<&Pin> {
        if self.by_query.is_empty() {
            return None;
        }
        self.by_query.get(&key(query))
    }

    /// How many queries have pins.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_query.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_query.is_empty()
    }
}

/// The words of a query, stemmed as English whatever the language, so that file and query meet.
fn key(query: &str) -> Vec<String> {
    let mut terms = terms_of(query, Language::English);
    terms.sort();
    terms.dedup();
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_meet_by_their_words() {
        let file =
            "[[pin]]\nqueries = [\"reset password\"]\narticles = [\"KB-1\"]\nbury = [\"KB-2\"]";
        let pins = Pins::parse("pins.toml", file).unwrap();
        assert_eq!(pins.of("Password resets").unwrap().articles, ["KB-1"]);
        assert_eq!(pins.of("password"), None);
    }

    #[test]
    fn a_wrong_file_is_explained() {
        let error = Pins::parse("pins.toml", "[[pin]]\nquery = 1").unwrap_err();
        assert!(error.to_string().contains("pins.toml"), "{error}");
        assert!(Pins::parse("pins.toml", "[[pin]]\nqueries = [\"!\"]").is_err());
    }
}
