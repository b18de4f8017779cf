//! Replaces what must not stay in texts: e-mail addresses, telephone and card numbers, passwords,
//! tokens and keys. Masked text says what stood there: `[email]`.
//!
//! Method: ours, by patterns that rather mask too much; card numbers need a right check digit
//! (Luhn, ISO/IEC 7812-1), telephone numbers a plus, a leading zero or the usual groups, so that
//! ticket numbers and error codes stay.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::texts::for_each_text;
use crate::model::Document;

/// How often each kind was masked.
pub type MaskCounts = BTreeMap<&'static str, u64>;

/// A kind of personal or secret text, and how it looks. The group `keep`, if any, stays.
struct Pattern {
    kind: &'static str,
    regex: Regex,
}

/// In this order: a token may look like a telephone number inside.
const PATTERNS: [(&str, &str); 6] = [
    (
        "key",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
    ),
    (
        "password",
        r"(?i)(?P<keep>\b(?:password|passwort|passwd|pwd|passphrase|kennwort|mot de passe|contraseña|pin)\b(?:\s+(?:is|ist|est|es))?\s*[:=]\s*)[^\s,;]+",
    ),
    (
        "token",
        r"(?i)(?P<keep>\b(?:api[_-]?key|access[_-]?key|secret|token|bearer|authorization)\b\s*[:= ]\s*(?:bearer\s+)?)[A-Za-z0-9+/_.~=-]{16,}",
    ),
    (
        "token",
        r"\b(?:eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|AKIA[0-9A-Z]{16}|sk-[A-Za-z0-9_-]{20,}|glpat-[A-Za-z0-9_-]{16,})",
    ),
    (
        "email",
        r"[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}",
    ),
    ("card", r"\b[0-9](?:[ -]?[0-9]){12,18}\b"),
];

/// Telephone numbers: with a plus, with a leading zero and groups, or in the North American form.
const PHONE: &str = r"(?P<before>^|[^\p{L}\p{N}.+-])(?:\+[0-9][0-9 ()./-]{6,18}[0-9]|\(0[0-9]{1,5}\)[0-9 /-]{4,14}[0-9]|0[0-9]{1,5}[ /-][0-9][0-9 /-]{3,13}[0-9]|\(?[2-9][0-9]{2}\)?[ .-][0-9]{3}[ .-][0-9]{4})\b";

static ALL: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let patterns = PATTERNS.into_iter().chain([("phone", PHONE)]);
    patterns
        .filter_map(|(kind, pattern)| {
            let regex = Regex::new(pattern).ok()?;
            Some(Pattern { kind, regex })
        })
        .collect()
});

/// Masks a text, and counts what was masked.
#[must_use]
pub fn mask_text(text: &str, counts: &mut MaskCounts) -> String {
    let mut masked = text.to_owned();
    for Pattern { kind, regex } in ALL.iter() {
        if !regex.is_match(&masked) {
            continue;
        }
        let replaced = regex.replace_all(&masked, |found: &Captures<'_>| {
            let whole = found.get(0).map_or("", |whole| whole.as_str());
            if *kind == "card" && !is_card(whole) {
                return whole.to_owned();
            }
            *counts.entry(kind).or_insert(0) += 1;
            let kept = found.name("keep").or_else(|| found.name("before"));
            format!("{}[{kind}]", kept.map_or("", |kept| kept.as_str()))
        });
        masked = replaced.into_owned();
    }
    masked
}

/// Masks every text of a document but its id.
pub fn mask_document(document: &mut Document, counts: &mut MaskCounts) {
    for_each_text(document, &mut |text| *text = mask_text(text, counts));
}

/// The check digit of ISO/IEC 7812-1 (Luhn): from the right, every second digit counts double.
fn is_card(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, &digit)| match at % 2 {
            0 => digit,
            _ => (digit * 2) / 10 + (digit * 2) % 10,
        })
        .sum();
    (13..=19).contains(&digits.len()) && sum > 0 && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(mask_text(text, &mut MaskCounts::new()), expected);
    }

    #[test]
    fn what_is_personal_is_masked_and_said() {
        check(
            "mail jan.o'neil@corp.example.com, please",
            "mail [email], please",
        );
        check("call +49 (0)89 1234-567 now", "call [phone] now");
        check(
            "call 0171/2345678 or (415) 555-2671.",
            "call [phone] or [phone].",
        );
        check("card 4111 1111 1111 1111!", "card [card]!");
        check("Password: hunter2, then", "Password: [password], then");
        check("Kennwort ist: Ab!9", "Kennwort ist: [password]");
        check(
            "Authorization: Bearer abcdef0123456789abcdef",
            "Authorization: Bearer [token]",
        );
        check("use ghp_abcdefghijklmnopqrstuv12 here", "use [token] here");
        check(
            "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nx",
            "[key]\nx",
        );
    }

    #[test]
    fn codes_and_numbers_of_a_desk_stay() {
        for text in [
            "error 0x8004010F in build 10.0.19045.3803",
            "INC0000060 and SR-2024-00113, KB5034441",
            "serial 4111 1111 1111 1112",
            "2024-03-14 09:12:00, 192.168.10.21, port 8080",
            "the password does not work",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn counts_are_kept_by_kind() {
        let mut counts = MaskCounts::new();
        let masked = mask_text("a@b.example c@d.example", &mut counts);
        assert_eq!((masked.as_str(), counts["email"]), ("[email] [email]", 2));
    }
}
