//! Small words, listed per language.

use super::Language;

/// A list of lower-case, unfolded words for every language with a stemmer.
pub(super) struct WordLists {
    pub(super) german: &'static [&'static str],
    pub(super) english: &'static [&'static str],
    pub(super) spanish: &'static [&'static str],
    pub(super) french: &'static [&'static str],
    pub(super) italian: &'static [&'static str],
    pub(super) dutch: &'static [&'static str],
    pub(super) portuguese: &'static [&'static str],
}

impl WordLists {
    /// Whether a lower-case, unfolded word is in the list of a language.
    pub(super) fn contains(&self, language: Language, word: &str) -> bool {
        // INVARIANT: every list is sorted by bytes; a test of each holds it.
        self.of(language).binary_search(&word).is_ok()
    }

    fn of(&self, language: Language) -> &'static [&'static str] {
        match language {
            Language::German => self.german,
            Language::English => self.english,
            Language::Spanish => self.spanish,
            Language::French => self.french,
            Language::Italian => self.italian,
            Language::Dutch => self.dutch,
            Language::Portuguese => self.portuguese,
            Language::Other => &[],
        }
    }

    /// Holds the invariant of [`WordLists::contains`].
    #[cfg(test)]
    pub(super) fn assert_sorted(&self) {
        for language in Language::ALL {
            let list = self.of(language);
            assert!(
                list.is_sorted_by(|a, b| a.as_bytes() < b.as_bytes()),
                "{language:?}"
            );
        }
    }
}
