//! Languages: detection and stemming.
//!
//! Seven languages have a stemmer (Snowball, by frostem). Every other text is only folded.
//! Detection is whichlang's (a linear model over character n-grams); short texts say too little
//! and count as English.

use std::cell::RefCell;
use std::collections::HashMap;

use frostem::{Algorithm, Stemmer};
use serde::{Deserialize, Serialize};

use super::fold::{lowercase, without_diacritics};
use super::function_words::FUNCTION_WORDS;
use super::stop_words::STOP_WORDS;

/// Shorter texts are not worth guessing at, in bytes.
const MIN_DETECTABLE_BYTES: usize = 40;

/// Detection reads no further than this, in bytes.
const MAX_DETECTED_BYTES: usize = 600;

/// A cache of terms is emptied when it has this many words: about 8 MB a thread and language.
const MAX_CACHED_TERMS: usize = 60_000;

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
    ///
    /// Help desks write of products and codes, which look foreign to a model of n-grams. So a
    /// verdict other than English must be borne out by function words, or by a script of its own.
    #[must_use]
    pub fn detect(text: &str) -> Self {
        if text.len() < MIN_DETECTABLE_BYTES {
            return Self::English;
        }
        let end = text.floor_char_boundary(text.len().min(MAX_DETECTED_BYTES));
        let text = text.get(..end).unwrap_or(text);
        let guess = Self::guess(text);
        let is_borne_out = match guess {
            Self::English => true,
            Self::German
            | Self::Spanish
            | Self::French
            | Self::Italian
            | Self::Dutch
            | Self::Portuguese => {
                let lower = text.to_lowercase();
                votes(&lower, guess) > votes(&lower, Self::English)
            }
            Self::Other => {
                text.chars().filter(|c| !c.is_ascii()).count() * 5 > text.chars().count()
            }
        };
        if is_borne_out { guess } else { Self::English }
    }

    /// What the n-grams of a text say.
    fn guess(text: &str) -> Self {
        use whichlang::Lang;
        match whichlang::detect_language(text) {
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
    /// Queries are too short for n-grams to tell, so their function words vote first; without a clear
    /// vote a longer text is detected, and a shorter one counts as English where there is English.
    #[must_use]
    pub fn of_query(text: &str, among: &[Self]) -> Vec<Self> {
        let lower = text.to_lowercase();
        let mut by_votes: Vec<(usize, Self)> = among
            .iter()
            .map(|&language| (votes(&lower, language), language))
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

/// Whether a lower-case word is one of the small words of any language.
pub(crate) fn is_function_word(word: &str) -> bool {
    let mut languages = Language::ALL.into_iter();
    languages.any(|language| FUNCTION_WORDS.contains(language, word))
}

/// How many of the first words of a lower-case text are function words of a language.
fn votes(lower: &str, language: Language) -> usize {
    lower
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
        .take(200)
        .filter(|word| FUNCTION_WORDS.contains(language, word))
        .count()
}

/// What words become, by their form as it stands in the text. `None` is a stop word.
type Terms = HashMap<String, Option<String>, foldhash::fast::RandomState>;

thread_local! {
    /// Stemming is the slowest step of analysis; most words of a desk come again and again.
    static TERMS: RefCell<[Terms; Language::ALL.len()]> = RefCell::default();
}

/// Hands the term of a word to `use_term`: lower case, stemmed, folded. A stop word gives `None`.
pub(super) fn with_term<T>(
    language: Language,
    word: &str,
    use_term: impl FnOnce(Option<&str>) -> T,
) -> T {
    TERMS.with_borrow_mut(|caches| {
        let Some(cache) = caches.get_mut(language as usize) else {
            return use_term(None);
        };
        if let Some(term) = cache.get(word) {
            return use_term(term.as_deref());
        }
        if cache.len() >= MAX_CACHED_TERMS {
            cache.clear();
        }
        let term = term_of(language, &lowercase(word));
        use_term(cache.entry(word.to_owned()).or_insert(term).as_deref())
    })
}

fn term_of(language: Language, lower: &str) -> Option<String> {
    if STOP_WORDS.contains(language, lower) {
        return None;
    }
    let term = match language.stemmer() {
        // The stemmers know diacritics: folding comes after.
        Some(stemmer) => without_diacritics(&stemmer.stem(lower)),
        None => without_diacritics(lower),
    };
    (!term.is_empty()).then_some(term)
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
    fn product_names_are_no_foreign_language() {
        for text in [
            "CVE-2008-1321 ASG-Sentry Network Manager 7.0.0 FxIAList exit command TCP port 6162",
            "Certain NETGEAR devices M4300-28G M4300-52G M4300-28G-POE+ M4300-24X24F M4200",
        ] {
            assert_eq!(Language::detect(text), Language::English, "{text}");
        }
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
        let check = |language, word: &str, expected: Option<&str>| {
            with_term(language, word, |term| assert_eq!(term, expected, "{word}"));
        };
        check(Language::English, "Printers", Some("printer"));
        check(Language::German, "Drucker", Some("druck"));
        check(Language::German, "Störungen", Some("storung"));
        check(Language::Other, "Łódź", Some("lodz"));
        check(Language::English, "The", None);
    }
}
