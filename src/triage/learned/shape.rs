//! The shape of a word: its character n-grams.
//!
//! Of 3 to 5 characters, with a blank before and behind the word (as the `char_wb` analyzer of
//! scikit-learn has them). A word is worth what it is worth itself plus what its n-grams are worth, so
//! forms, compounds and misspellings of a word share what was learned. The n-grams of a word count
//! together as much as one word, whatever its length: the sum over a text is then a sum over its
//! words, and every learned word has one weight in which its shape is included.

use twox_hash::XxHash64;

const SHORTEST: usize = 3;
const LONGEST: usize = 5;

/// The keys of the n-grams of a word, each once, in order.
pub(super) fn shape(word: &str) -> Vec<u64> {
    let mut padded = String::with_capacity(word.len() + 2);
    padded.push(' ');
    padded.push_str(word);
    padded.push(' ');
    let mut starts: Vec<usize> = padded.char_indices().map(|(at, _)| at).collect();
    starts.push(padded.len());
    let mut keys = Vec::with_capacity(3 * starts.len());
    for length in SHORTEST..=LONGEST {
        for piece in starts.windows(length + 1) {
            if let (Some(&from), Some(&to)) = (piece.first(), piece.last()) {
                let gram = padded.as_bytes().get(from..to).unwrap_or_default();
                keys.push(XxHash64::oneshot(0, gram));
            }
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_share_most_of_their_shape() {
        let shared = |a: &str, b: &str| {
            let b = shape(b);
            shape(a).iter().filter(|key| b.contains(key)).count()
        };
        assert_eq!(shape("a").len(), 1, "blank, letter, blank");
        assert_eq!(shape("tür").len(), 3 + 2 + 1, "by characters, not bytes");
        assert!(shared("printer", "prniter") > 3);
        assert_eq!(shared("printer", "vpn"), 0);
    }
}
