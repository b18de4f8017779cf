//! Words that are neither stored nor asked for, per language: articles, conjunctions and the
//! commonest prepositions, no more. Question words, pronouns and auxiliaries tell one question of
//! an FAQ from the other (measured), and common words cost next to nothing (see `index::ranking`).

use super::word_lists::WordLists;

/// See the module.
pub(super) const STOP_WORDS: WordLists = WordLists {
    german: GERMAN,
    english: ENGLISH,
    spanish: SPANISH,
    french: FRENCH,
    italian: ITALIAN,
    dutch: DUTCH,
    portuguese: PORTUGUESE,
};

const GERMAN: &[&str] = &[
    "als", "am", "an", "auf", "aus", "bei", "beim", "das", "dass", "dem", "den", "der", "des",
    "die", "durch", "ein", "eine", "einem", "einen", "einer", "eines", "es", "für", "im", "in",
    "ins", "ist", "mit", "nach", "oder", "sich", "sind", "so", "um", "und", "vom", "von", "war",
    "wird", "zu", "zum", "zur",
];

const ENGLISH: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "in", "is", "it", "of", "on",
    "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was",
    "will", "with",
];

const FRENCH: &[&str] = &[
    "au", "aux", "avec", "ce", "ces", "cet", "cette", "dans", "de", "des", "du", "elle", "en",
    "est", "et", "il", "ils", "je", "la", "le", "les", "leur", "leurs", "lui", "ou", "par", "pour",
    "que", "qui", "sa", "se", "ses", "son", "sont", "sur", "un", "une", "y", "à", "été", "être",
];

const SPANISH: &[&str] = &[
    "al", "con", "de", "del", "el", "ella", "ellos", "en", "es", "esta", "este", "esto", "está",
    "están", "ha", "la", "las", "le", "les", "lo", "los", "o", "para", "por", "que", "se", "son",
    "su", "sus", "un", "una", "unas", "unos", "y",
];

const ITALIAN: &[&str] = &[
    "ad", "ai", "al", "alla", "alle", "anche", "che", "con", "da", "dal", "dalla", "dei", "del",
    "della", "delle", "di", "e", "ed", "gli", "ha", "i", "il", "in", "la", "le", "lo", "ma", "nei",
    "nel", "nella", "o", "per", "si", "sono", "su", "sul", "sulla", "un", "una", "uno", "è",
];

const DUTCH: &[&str] = &[
    "aan", "als", "bij", "dat", "de", "deze", "die", "dit", "door", "een", "en", "er", "het", "in",
    "is", "met", "naar", "of", "om", "op", "te", "tot", "uit", "van", "voor", "was", "wordt",
    "zijn",
];

const PORTUGUESE: &[&str] = &[
    "a", "ao", "aos", "as", "com", "da", "das", "de", "do", "dos", "e", "em", "esta", "este",
    "foi", "na", "nas", "no", "nos", "o", "os", "ou", "para", "pela", "pelo", "por", "que", "se",
    "ser", "são", "um", "uma", "à", "às", "é",
];

#[cfg(test)]
mod tests {
    use crate::text::Language;

    use super::*;

    #[test]
    fn the_lists_are_sorted() {
        STOP_WORDS.assert_sorted();
    }

    #[test]
    fn negations_stay() {
        assert!(!STOP_WORDS.contains(Language::English, "not"));
        assert!(!STOP_WORDS.contains(Language::German, "nicht"));
        assert!(!STOP_WORDS.contains(Language::French, "pas"));
    }
}
