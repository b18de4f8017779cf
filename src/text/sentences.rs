//! Cuts a text into sentences and list items, the passages that snippets are made of.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// The sentences of a text as byte ranges without surrounding white space, in order.
///
/// A line break always ends one; an ending within a line is that of UAX #29, but for the number of
/// a list item. Cutting takes time: no more of the text is cut than is asked for.
pub fn sentences(text: &str) -> impl Iterator<Item = Range<usize>> {
    let lines = text.split_inclusive('\n').scan(0, |next, line| {
        let start = *next;
        *next += line.len();
        Some((start, line))
    });
    lines.flat_map(|(line_start, line)| {
        let mut item_number = None;
        pieces(line).filter_map(move |(at, sentence)| {
            let trimmed = sentence.trim();
            let lead = sentence.len() - sentence.trim_start().len();
            let start = item_number.take().unwrap_or(line_start + at + lead);
            if is_item_number(trimmed) {
                item_number = Some(start);
                return None;
            }
            let end = line_start + at + lead + trimmed.len();
            trimmed
                .chars()
                .any(char::is_alphanumeric)
                .then_some(start..end)
        })
    })
}

/// Where UAX #29 cuts a line. A line of ASCII without a full stop or the like is one piece, which
/// need not be worked out.
fn pieces(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_one = line.is_ascii() && !line.contains(['.', '?', '!', '\r']);
    let whole = is_one.then_some((0, line)).into_iter();
    let cut = (!is_one).then(|| line.split_sentence_bound_indices());
    whole.chain(cut.into_iter().flatten())
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
