//! The small words of every language, by which a short text tells what it is written in.

use super::word_lists::WordLists;

/// See the module.
pub(super) const FUNCTION_WORDS: WordLists = WordLists {
    german: GERMAN,
    english: ENGLISH,
    spanish: SPANISH,
    french: FRENCH,
    italian: ITALIAN,
    dutch: DUTCH,
    portuguese: PORTUGUESE,
};

const ENGLISH: &[&str] = &[
    "a", "about", "also", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by",
    "can", "could", "did", "do", "does", "for", "from", "had", "has", "have", "he", "her", "hi",
    "him", "his", "how", "i", "if", "im", "in", "into", "is", "it", "its", "ive", "just", "me",
    "my", "of", "on", "or", "our", "please", "she", "should", "so", "some", "such", "than",
    "thank", "thanks", "that", "the", "their", "them", "then", "there", "these", "they", "this",
    "those", "to", "us", "very", "was", "we", "were", "what", "when", "where", "which", "who",
    "why", "will", "with", "would", "you", "your",
];

const GERMAN: &[&str] = &[
    "aber", "als", "am", "an", "auch", "auf", "aus", "bei", "beim", "bin", "bis", "bitte", "da",
    "damit", "dann", "das", "dass", "dem", "den", "der", "des", "die", "dies", "diese", "dieser",
    "dieses", "doch", "du", "durch", "ein", "eine", "einem", "einen", "einer", "eines", "er", "es",
    "für", "habe", "haben", "hallo", "hat", "hier", "ich", "ihr", "ihre", "im", "in", "ins", "ist",
    "ja", "kann", "können", "man", "mein", "meine", "meinem", "meinen", "meiner", "mich", "mir",
    "mit", "nach", "noch", "nun", "nur", "ob", "oder", "schon", "sehr", "sein", "seit", "sich",
    "sie", "sind", "so", "um", "und", "uns", "unser", "unsere", "vom", "von", "vor", "war", "was",
    "wenn", "wie", "wir", "wird", "wo", "zu", "zum", "zur", "über",
];

const FRENCH: &[&str] = &[
    "ai", "au", "aux", "avec", "bonjour", "ce", "ces", "cet", "cette", "comme", "dans", "de",
    "depuis", "des", "du", "elle", "elles", "en", "est", "et", "il", "ils", "je", "la", "le",
    "les", "leur", "leurs", "lui", "ma", "mais", "me", "merci", "mes", "moi", "mon", "nos",
    "notre", "nous", "on", "ont", "ou", "où", "par", "pour", "qu", "que", "qui", "sa", "se", "ses",
    "son", "sont", "suis", "sur", "ta", "te", "tes", "tu", "un", "une", "vos", "votre", "vous",
    "y", "à", "été", "être",
];

const SPANISH: &[&str] = &[
    "al", "como", "con", "cuando", "de", "del", "desde", "donde", "el", "ella", "ellos", "en",
    "es", "esta", "este", "esto", "está", "están", "favor", "gracias", "ha", "hay", "he", "hola",
    "la", "las", "le", "les", "lo", "los", "me", "mi", "mis", "o", "para", "pero", "por", "que",
    "qué", "se", "si", "sobre", "son", "su", "sus", "te", "tu", "un", "una", "unas", "unos", "y",
    "ya", "yo",
];

const ITALIAN: &[&str] = &[
    "a", "ad", "ai", "al", "alla", "alle", "anche", "che", "ci", "ciao", "col", "come", "con",
    "cui", "da", "dal", "dalla", "dei", "del", "della", "delle", "di", "e", "ed", "gli", "grazie",
    "ha", "ho", "i", "il", "in", "io", "la", "le", "lo", "ma", "mi", "mia", "mio", "nel", "nella",
    "o", "per", "quando", "questa", "questo", "se", "si", "sono", "su", "sul", "sulla", "tra",
    "un", "una", "uno", "è",
];

const DUTCH: &[&str] = &[
    "aan", "al", "als", "ben", "bij", "dag", "dan", "dat", "de", "deze", "die", "dit", "door",
    "een", "en", "er", "het", "hij", "hoe", "ik", "in", "is", "je", "kan", "maar", "me", "met",
    "mij", "mijn", "na", "naar", "nog", "of", "om", "ons", "onze", "ook", "op", "over", "sinds",
    "te", "tot", "u", "uit", "uw", "van", "voor", "waar", "was", "wat", "we", "wel", "wij",
    "worden", "wordt", "ze", "zich", "zijn", "zo",
];

const PORTUGUESE: &[&str] = &[
    "a", "ao", "aos", "as", "com", "como", "da", "das", "de", "desde", "do", "dos", "e", "ela",
    "ele", "em", "essa", "esse", "esta", "este", "está", "eu", "favor", "foi", "isso", "já", "lhe",
    "mais", "mas", "me", "meu", "minha", "na", "nas", "no", "nos", "o", "obrigada", "obrigado",
    "olá", "onde", "os", "ou", "para", "pela", "pelo", "por", "quando", "que", "se", "ser", "seu",
    "sua", "são", "tem", "um", "uma", "é",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted() {
        FUNCTION_WORDS.assert_sorted();
    }
}
