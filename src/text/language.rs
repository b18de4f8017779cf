//! Languages: detection and stemming.
//!
//! Seven languages have a stemmer (Snowball, by frostem). Every other text is only folded.
//! Detection is whichlang's (a linear model over character n-grams); short texts say too little
//! and count as English.

use std::cell::RefCell;
use std::collections::HashMap;

use frostem::{Algorithm, Stemmer};
use serde::{Deserialize, Serialize};

use super::stop_words::is_stop_word;

/// Shorter texts are not worth guessing at, in bytes.
const MIN_DETECTABLE_BYTES: usize = 40;

/// Detection reads no further than this, in bytes.
const MAX_DETECTED_BYTES: usize = 2_000;

/// A cache of stems is emptied when it has this many words: about 10 MB a thread and language.
const MAX_CACHED_STEMS: usize = 100_000;

/// A text that is no language code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no language code; write it as two letters, for example en")]
pub struct InvalidLanguage(pub String);

/// A language with a stemmer, or any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Language {
    /// German.
    #[serde(rename = "de")]
    German,
    /// English, also taken for texts that are too short to tell.
    #[serde(rename = "en")]
    English,
    /// Spanish.
    #[serde(rename = "es")]
    Spanish,
    /// French.
    #[serde(rename = "fr")]
    French,
    /// Italian.
    #[serde(rename = "it")]
    Italian,
    /// Dutch.
    #[serde(rename = "nl")]
    Dutch,
    /// Portuguese.
    #[serde(rename = "pt")]
    Portuguese,
    /// Any other: folded, not stemmed.
    #[serde(rename = "und")]
    Other,
}

impl Language {
    /// All of them, by code.
    pub const ALL: [Self; 8] = [
        Self::German,
        Self::English,
        Self::Spanish,
        Self::French,
        Self::Italian,
        Self::Dutch,
        Self::Portuguese,
        Self::Other,
    ];

    /// The ISO 639-1 code, `und` for any other.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::German => "de",
            Self::English => "en",
            Self::Spanish => "es",
            Self::French => "fr",
            Self::Italian => "it",
            Self::Dutch => "nl",
            Self::Portuguese => "pt",
            Self::Other => "und",
        }
    }

    /// Reads a code such as `de` or `de-AT`; a well-formed code without a stemmer is
    /// [`Language::Other`].
    ///
    /// # Errors
    /// [`InvalidLanguage`] when it is no code at all.
    pub fn from_code(code: &str) -> Result<Self, InvalidLanguage> {
        let primary = code
            .split(['-', '_'])
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let is_code =
            (2..=3).contains(&primary.len()) && primary.chars().all(|c| c.is_ascii_alphabetic());
        if !is_code {
            return Err(InvalidLanguage(code.to_owned()));
        }
        Ok(Self::ALL
            .into_iter()
            .find(|known| known.code() == primary)
            .unwrap_or(Self::Other))
    }

    /// The language that a text is most likely written in.
    #[must_use]
    pub fn detect(text: &str) -> Self {
        use whichlang::Lang;
        if text.len() < MIN_DETECTABLE_BYTES {
            return Self::English;
        }
        let mut end = text.len().min(MAX_DETECTED_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        match whichlang::detect_language(text.get(..end).unwrap_or(text)) {
            Lang::Deu => Self::German,
            Lang::Eng => Self::English,
            Lang::Spa => Self::Spanish,
            Lang::Fra => Self::French,
            Lang::Ita => Self::Italian,
            Lang::Nld => Self::Dutch,
            Lang::Por => Self::Portuguese,
            Lang::Ara
            | Lang::Cmn
            | Lang::Hin
            | Lang::Jpn
            | Lang::Kor
            | Lang::Rus
            | Lang::Swe
            | Lang::Tur
            | Lang::Vie => Self::Other,
        }
    }

    /// The languages in which a query to documents in `among` should be read, the most likely one
    /// first. The others stay: a stemmed word of theirs may be meant.
    ///
    /// Queries are too short for n-grams to tell, so their stop words vote first; without a clear
    /// vote a longer text is detected, and a shorter one counts as English where there is English.
    #[must_use]
    pub fn of_query(text: &str, among: &[Self]) -> Vec<Self> {
        let lower = text.to_lowercase();
        let words = || {
            lower
                .split(|c: char| !c.is_alphabetic())
                .filter(|word| !word.is_empty())
        };
        let votes = |language: Self| {
            words()
                .take(200)
                .filter(|word| is_stop_word(language, word))
                .count()
        };
        let mut by_votes: Vec<(usize, Self)> = among
            .iter()
            .map(|&language| (votes(language), language))
            .collect();
        by_votes.sort_by_key(|&(votes, language)| (std::cmp::Reverse(votes), language));
        let likely = match by_votes.as_slice() {
            [(most, first), (next, _), ..] if most > next => Some(*first),
            _ if text.len() >= MIN_DETECTABLE_BYTES => Some(Self::detect(text)),
            _ => Some(Self::English),
        };
        let first = likely.filter(|likely| among.contains(likely));
        let others = among
            .iter()
            .copied()
            .filter(|&language| Some(language) != first);
        first.into_iter().chain(others).collect()
    }

    fn stemmer(self) -> Option<Stemmer> {
        let algorithm = match self {
            Self::German => Algorithm::German,
            Self::English => Algorithm::English,
            Self::Spanish => Algorithm::Spanish,
            Self::French => Algorithm::French,
            Self::Italian => Algorithm::Italian,
            Self::Dutch => Algorithm::Dutch,
            Self::Portuguese => Algorithm::Portuguese,
            Self::Other => return None,
        };
        Some(Stemmer::new(algorithm))
    }
}

thread_local! {
    /// Stemming is the slowest step of analysis; most words of a desk come again and again.
    static STEMS: RefCell<HashMap<Language, HashMap<String, String>>> =
        RefCell::new(HashMap::new());
}

/// Hands the stem of a lower-case word to `use_stem`. Folding comes after, see `fold`.
pub(super) fn with_stem<T>(language: Language, word: &str, use_stem: impl FnOnce(&str) -> T) -> T {
    STEMS.with_borrow_mut(|caches| {
        let cache = caches.entry(language).or_default();
        if let Some(stem) = cache.get(word) {
            return use_stem(stem);
        }
        let stem = match language.stemmer() {
            Some(stemmer) => super::fold::without_diacritics(&stemmer.stem(word)),
            None => super::fold::without_diacritics(word),
        };
        if cache.len() >= MAX_CACHED_STEMS {
            cache.clear();
        }
        use_stem(cache.entry(word.to_owned()).or_insert(stem))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_sentences_are_told_apart() {
        let check = |text: &str, expected: Language| assert_eq!(Language::detect(text), expected);
        check(
            "The printer on the second floor does not print since this morning",
            Language::English,
        );
        check(
            "Der Drucker im zweiten Stock druckt seit heute Morgen nicht mehr",
            Language::German,
        );
        check(
            "L'imprimante du deuxième étage ne marche plus depuis ce matin",
            Language::French,
        );
        check(
            "La impresora de la segunda planta no imprime desde esta mañana",
            Language::Spanish,
        );
        check(
            "De printer op de tweede verdieping print sinds vanmorgen niet meer",
            Language::Dutch,
        );
        check(
            "Принтер на втором этаже не печатает с самого утра",
            Language::Other,
        );
    }

    #[test]
    fn stop_words_tell_the_language_of_a_query() {
        let desk = [Language::German, Language::English, Language::French];
        let check = |text: &str, expected: Language| {
            assert_eq!(Language::of_query(text, &desk)[0], expected, "{text}");
        };
        check("password for the portal", Language::English);
        check("kennwort für das portal", Language::German);
        check("mot de passe du portail", Language::French);
        check("vpn", Language::English);
        assert_eq!(Language::of_query("vpn", &desk).len(), 3);
        assert_eq!(
            Language::of_query("vpn", &[Language::French]),
            [Language::French]
        );
    }

    #[test]
    fn codes_are_read_with_their_region() {
        assert_eq!(Language::from_code("de-AT"), Ok(Language::German));
        assert_eq!(Language::from_code("pl"), Ok(Language::Other));
        assert!(Language::from_code("German!").is_err());
    }

    #[test]
    fn stems_are_folded_after_stemming() {
        let stem = |language, word: &str| with_stem(language, word, str::to_owned);
        assert_eq!(stem(Language::English, "printers"), "printer");
        assert_eq!(stem(Language::German, "drucker"), "druck");
        assert_eq!(stem(Language::German, "störungen"), "storung");
        assert_eq!(stem(Language::Other, "łódź"), "lodz");
    }
}
