//! Cuts a text into sentences and list items, the passages that snippets are made of.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// The sentences of a text as byte ranges without surrounding white space, in order. A line break
/// always ends one; an ending within a line is that of UAX #29, but for the number of a list item.
#[must_use]
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        let mut item_number = None;
        for (at, sentence) in line.split_sentence_bound_indices() {
            let trimmed = sentence.trim();
            let lead = sentence.len() - sentence.trim_start().len();
            let start = item_number.take().unwrap_or(line_start + at + lead);
            if is_item_number(trimmed) {
                item_number = Some(start);
            } else if trimmed.chars().any(char::is_alphanumeric) {
                ranges.push(start..line_start + at + lead + trimmed.len());
            }
        }
        line_start += line.len();
    }
    ranges
}

/// `7.` or `12)`, which belongs to what follows.
fn is_item_number(sentence: &str) -> bool {
    let digits = sentence.trim_end_matches(['.', ')']);
    digits.len() < sentence.len()
        && (1..=3).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_full_stops_end_a_sentence() {
        let text = "Restart it. Then wait.\n\n1. Open the lid\n - - -\n2. Close it";
        let found: Vec<&str> = sentences(text)
            .into_iter()
            .filter_map(|range| text.get(range))
            .collect();
        assert_eq!(
            found,
            [
                "Restart it.",
                "Then wait.",
                "1. Open the lid",
                "2. Close it"
            ]
        );
    }
}
