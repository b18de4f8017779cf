//! Cuts a text into sentences and list items, the passages that snippets are made of.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// The sentences of a text as byte ranges without surrounding white space, in order. A line break
/// always ends one; an ending within a line is that of UAX #29.
#[must_use]
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        for (at, sentence) in line.split_sentence_bound_indices() {
            let trimmed = sentence.trim();
            if trimmed.chars().any(char::is_alphanumeric) {
                let lead = sentence.len() - sentence.trim_start().len();
                let start = line_start + at + lead;
                ranges.push(start..start + trimmed.len());
            }
        }
        line_start += line.len();
    }
    ranges
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
                "1.",
                "Open the lid",
                "2.",
                "Close it"
            ]
        );
    }
}
