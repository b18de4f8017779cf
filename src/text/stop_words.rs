//! Words that are neither stored nor asked for, per language: articles, conjunctions and the
//! commonest prepositions, no more. Question words, pronouns and auxiliaries tell one question of
//! an FAQ from the other (measured), and common words cost next to nothing (see `index::ranking`).

use super::Language;

/// Whether a lower-case, unfolded word is a stop word of the language.
pub(super) fn is_stop_word(language: Language, word: &str) -> bool {
    list(language).binary_search(&word).is_ok()
}

fn list(language: Language) -> &'static [&'static str] {
    match language {
        Language::German => GERMAN,
        Language::English => ENGLISH,
        Language::Spanish => SPANISH,
        Language::French => FRENCH,
        Language::Italian => ITALIAN,
        Language::Dutch => DUTCH,
        Language::Portuguese => PORTUGUESE,
        Language::Other => &[],
    }
}

// INVARIANT: every list is sorted by bytes, for the binary search; a test holds it.

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
    use super::*;

    #[test]
    fn the_lists_are_sorted() {
        for language in Language::ALL {
            let list = list(language);
            assert!(
                list.is_sorted_by(|a, b| a.as_bytes() < b.as_bytes()),
                "{language:?}"
            );
        }
    }
}
