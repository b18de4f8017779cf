//! Cuts a text into words, keeping codes whole and in parts.
//!
//! Boundaries are those of UAX #29 (unicode-segmentation). On top of it, ours: words joined by a
//! hyphen are one compound, and a compound gives its parts and its joined form without separators,
//! so that `VPN-GW-02` is found as `vpngw02`, `vpn`, `gw`, `02`, and `Wi-Fi` as `wifi`. Letters and
//! digits that stand together also give their longer runs: `KB5034441` gives `5034441`.
//! Apostrophes never end a word: `can't` is `cant`, `l'imprimante` is `imprimante`.

use std::borrow::Cow;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// Longer words are left out: encoded data, not language.
const MAX_WORD_BYTES: usize = 64;

/// Compounds of more parts have no joined form: paths and lists, not names.
const MAX_JOINED_PARTS: usize = 6;

/// Prefixes that French and Italian elide before an apostrophe.
const ELIDED: [&str; 12] = [
    "l", "d", "j", "m", "t", "s", "n", "c", "qu", "dell", "all", "un",
];

/// One form of a word of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// The form, as it stands in the text apart from left-out separators.
    pub(super) form: Cow<'a, str>,
    /// Where the word stands in the text, in bytes.
    pub(super) range: Range<usize>,
    /// The running number of the word; forms of one word share it.
    pub(super) position: u32,
    /// Whether the form has digits or signs: such a form is never stemmed.
    pub(super) is_code: bool,
}

/// Calls `sink` with every form of every word, in order of position.
pub(super) fn words<'a>(text: &'a str, mut sink: impl FnMut(Word<'a>)) {
    let mut position = 0;
    let mut compound: Vec<Range<usize>> = Vec::new();
    for (start, word) in text.unicode_word_indices() {
        let range = start..start + word.len();
        let joins = compound
            .last()
            .is_some_and(|last| text.get(last.end..start) == Some("-"));
        if !joins && !compound.is_empty() {
            emit(text, &compound, &mut position, &mut sink);
            compound.clear();
        }
        let may_go_on = text.as_bytes().get(range.end) == Some(&b'-');
        if compound.is_empty() && !may_go_on && is_plain(word) {
            // Nine of ten words: nothing to take apart.
            sink(Word {
                form: Cow::Borrowed(word),
                range,
                position,
                is_code: false,
            });
            position += 1;
        } else {
            compound.push(range);
        }
    }
    if !compound.is_empty() {
        emit(text, &compound, &mut position, &mut sink);
    }
}

/// Letters only; a single one may still be `C++`.
fn is_plain(word: &str) -> bool {
    (2..=MAX_WORD_BYTES).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphabetic())
}

/// Emits the forms of one compound, given as the ranges of its UAX #29 words.
fn emit<'a>(
    text: &'a str,
    compound: &[Range<usize>],
    position: &mut u32,
    sink: &mut impl FnMut(Word<'a>),
) {
    let parts: Vec<Range<usize>> = compound
        .iter()
        .flat_map(|word| split_at_separators(text, word.clone()))
        .collect();
    let whole = match (parts.first(), parts.last()) {
        (Some(first), Some(last)) => first.start..last.end,
        _ => return,
    };
    let is_single = parts.len() == 1;
    if !is_single && parts.len() <= MAX_JOINED_PARTS && whole.len() <= MAX_WORD_BYTES {
        let form: Cow<'a, str> = parts
            .iter()
            .filter_map(|part| text.get(part.clone()))
            .collect();
        let is_code = form.chars().any(char::is_numeric);
        sink(Word {
            form,
            range: whole,
            position: *position,
            is_code,
        });
    }
    for part in parts {
        let slice = text.get(part.clone()).unwrap_or_default();
        let is_letter_in_compound = !is_single && slice.chars().count() == 1;
        if slice.len() <= MAX_WORD_BYTES && !is_letter_in_compound {
            emit_part(text, part, *position, sink);
        }
        *position += 1;
    }
}

/// The alphanumeric parts of a UAX #29 word, which may hold `. _ : ,` between them. An apostrophe
/// does not part a word.
fn split_at_separators(text: &str, word: Range<usize>) -> Vec<Range<usize>> {
    let slice = text.get(word.clone()).unwrap_or_default();
    let mut parts = Vec::new();
    let mut start = None;
    for (at, c) in slice.char_indices() {
        let separates = matches!(c, '.' | '_' | ':' | ',' | ';' | '·');
        match (separates, start) {
            (false, None) => start = Some(at),
            (true, Some(from)) => {
                parts.push(word.start + from..word.start + at);
                start = None;
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        parts.push(word.start + from..word.end);
    }
    parts
}

fn emit_part<'a>(
    text: &'a str,
    range: Range<usize>,
    position: u32,
    sink: &mut impl FnMut(Word<'a>),
) {
    let slice = text.get(range.clone()).unwrap_or_default();
    if let Some(sign) = programming_sign(text, slice, range.end) {
        let form = Cow::Owned(format!("{slice}{sign}"));
        let range = range.start..range.end + sign.len();
        sink(Word {
            form,
            range,
            position,
            is_code: true,
        });
        return;
    }
    let form = without_apostrophe(slice);
    let is_code = form.chars().any(char::is_numeric);
    if is_code {
        for run in runs_of_code(&form) {
            sink(Word {
                form: Cow::Owned(run.to_owned()),
                range: range.clone(),
                position,
                is_code: true,
            });
        }
    }
    sink(Word {
        form,
        range,
        position,
        is_code,
    });
}

/// `C++`, `C#`, `F#`: a single letter whose sign is part of its name.
fn programming_sign(text: &str, slice: &str, end: usize) -> Option<&'static str> {
    let is_letter = slice.len() == 1 && slice.chars().all(|c| c.is_ascii_alphabetic());
    let after = text.get(end..)?;
    ["++", "#"]
        .into_iter()
        .find(|sign| is_letter && after.starts_with(sign))
}

fn without_apostrophe(slice: &str) -> Cow<'_, str> {
    let is_apostrophe = |c: char| matches!(c, '\'' | '’' | 'ʼ');
    let Some((before, after)) = slice.split_once(is_apostrophe) else {
        return Cow::Borrowed(slice);
    };
    if ELIDED.contains(&before.to_lowercase().as_str()) && after.chars().count() > 2 {
        return without_apostrophe(after);
    }
    if after.eq_ignore_ascii_case("s") {
        return Cow::Borrowed(before);
    }
    slice.chars().filter(|&c| !is_apostrophe(c)).collect()
}

/// The runs of letters or digits in a mixed form that are worth finding on their own: digits from
/// 3 on, letters from 3 on, and what follows `0x`.
fn runs_of_code(form: &str) -> Vec<&str> {
    if let Some(hex) = form.strip_prefix("0x").or_else(|| form.strip_prefix("0X")) {
        let is_hex = hex.len() > 3 && hex.chars().all(|c| c.is_ascii_hexdigit());
        return if is_hex { vec![hex] } else { Vec::new() };
    }
    let mut runs = Vec::new();
    let mut start = 0;
    let mut previous: Option<bool> = None;
    for (at, c) in form.char_indices() {
        let is_digit = c.is_numeric();
        if previous.is_some_and(|was_digit| was_digit != is_digit) {
            runs.push(form.get(start..at).unwrap_or_default());
            start = at;
        }
        previous = Some(is_digit);
    }
    if start > 0 {
        runs.push(form.get(start..).unwrap_or_default());
    }
    runs.retain(|run| run.chars().count() >= 3);
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let mut forms = Vec::new();
        words(text, |word| forms.push(word.form));
        assert_eq!(forms, expected, "{text}");
    }

    #[test]
    fn codes_are_kept_whole_and_in_parts() {
        check("0x80070005", &["80070005", "0x80070005"]);
        check("KB5034441", &["5034441", "KB5034441"]);
        check("AADSTS50076:", &["AADSTS", "50076", "AADSTS50076"]);
        check("VPN-GW-02", &["VPNGW02", "VPN", "GW", "02"]);
        check("v2.3.1", &["v231", "v2"]);
        check("outlook.exe", &["outlookexe", "outlook", "exe"]);
        check("C++ and C#", &["C++", "and", "C#"]);
        check("error 1603", &["error", "1603"]);
        check("192.168.0.17", &["192168017", "192", "168", "17"]);
    }

    #[test]
    fn hyphens_and_apostrophes_do_not_hide_words() {
        check("Wi-Fi", &["WiFi", "Wi", "Fi"]);
        check("e-mail", &["email", "mail"]);
        check("can't", &["cant"]);
        check("the user's l'imprimante", &["the", "user", "imprimante"]);
        check("I'm", &["Im"]);
    }

    #[test]
    fn forms_of_one_word_share_a_position() {
        let mut seen = Vec::new();
        words("see VPN-GW-02 now", |word| {
            seen.push((word.form.into_owned(), word.position, word.range))
        });
        assert_eq!(seen[0], ("see".to_owned(), 0, 0..3));
        assert_eq!(seen[1], ("VPNGW02".to_owned(), 1, 4..13));
        assert_eq!(seen[5], ("now".to_owned(), 4, 14..17));
    }

    #[test]
    fn encoded_data_is_no_word() {
        check(&"A".repeat(500), &[]);
    }
}
