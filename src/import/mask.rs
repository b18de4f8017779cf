//! Replaces what must not stay in texts: e-mail addresses, telephone and card numbers, passwords,
//! tokens and keys. Masked text says what stood there: `[email]`.
//!
//! Method: ours, by patterns that rather mask too much; what only looks like a number of a card or a
//! telephone is told by `mask_numbers`, so that dates, versions, addresses of machines, ticket
//! numbers and error codes stay.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::mask_numbers::{card_in, is_secret, phone_in};
use super::texts::for_each_text;
use crate::model::Document;

/// How often each kind was masked.
pub type MaskCounts = BTreeMap<&'static str, u64>;

/// What has to be looked at more closely than a pattern can.
type Check = fn(&str) -> Option<Range<usize>>;

/// A kind of personal or secret text, and how it looks. The group `secret`, if any, is all of the
/// match that goes.
struct Pattern {
    kind: &'static str,
    regex: Regex,
    /// What of the secret goes, if anything.
    check: Check,
}

/// The name of a password in front of it, in the languages of a desk.
const PASSWORD: &str = r#"(?i)\b(?:password|passwort|passwd|pwd|pass|passphrase|passcode|kennwort|mot de passe|contraseña|pin)\b(?:\s+(?:is|ist|lautet|est|es))?["']?\s*[:=]\s*(?P<secret>"[^"\n]+"|'[^'\n]+'|\S*[^\s,;.])"#;

/// The name of a token in front of it: `client_secret=`, `"api_key": "`, `Authorization: Bearer `.
const NAMED_TOKEN: &str = r#"(?i)(?:api[_-]?key|access[_-]?key|secret|token|authorization|\bsig)\b["']?\s*[:=]\s*["']?(?:(?:bearer|basic|token)\s+)?(?P<secret>[A-Z0-9+/_.~=-]{16,})"#;

/// A token behind its name without a sign between them; the name may be a word of a sentence.
const SPOKEN_TOKEN: &str = r"(?i)\b(?:api[_ -]?key|secret|token|bearer|basic)\s+(?:is\s+)?(?P<secret>[A-Z0-9+/_.~=-]{16,})";

/// Tokens that say themselves whose they are.
const OWN_TOKEN: &str = r"\b(?:eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|xox[abeprs]-[A-Za-z0-9-]{10,}|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[A-Za-z0-9_-]{35}|sk-[A-Za-z0-9_-]{20,}|sk_(?:live|test)_[A-Za-z0-9]{16,}|npm_[A-Za-z0-9]{30,}|glpat-[A-Za-z0-9_-]{16,})";

/// Private keys, product keys, recovery keys of encrypted disks.
const KEY: &str = r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|$)|\b[A-Z0-9]{5}(?:-[A-Z0-9]{5}){4}\b|\b[0-9]{6}(?:-[0-9]{6}){7}\b";

/// The password of an address: `https://name:secret@host`.
const IN_ADDRESS: &str = r"://[^\s/:@]+:(?P<secret>[^\s/@]+)@";

const EMAIL: &str =
    r"[\p{L}\p{N}._%+'-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.(?:xn--[a-z0-9-]+|\p{L}{2,})";

/// A run of digits in groups, long enough for a card. An end keeps the time for endless runs short.
const CARD: &str = r"\b[0-9](?:[ -]?[0-9]){12,30}\b";

/// What may be a telephone number, by how it begins: a plus, a zero, a bracket, the groups of North
/// America.
const PHONE: &str = r"(?:^|[^\p{L}\p{N}.+_-])(?P<secret>\+[1-9][0-9 ()./-]{5,20}[0-9]|\(0[0-9]{1,5}\)[0-9 /-]{4,14}[0-9]|0[0-9]{1,5}[ /-][0-9][0-9 /-]{3,20}[0-9]|0[1-9][0-9]{8,10}|0[1-9](?:\.[0-9]{2}){4}|(?:1[ .-])?\(?[2-9][0-9]{2}\)?[ .-][0-9]{3}[ .-][0-9]{4})\b";

static ALL: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    // In this order: a token may look like a telephone number inside.
    let patterns: [(&'static str, &str, Check); 9] = [
        ("key", KEY, whole),
        ("password", PASSWORD, whole),
        ("password", IN_ADDRESS, whole),
        ("token", NAMED_TOKEN, whole),
        ("token", SPOKEN_TOKEN, is_secret),
        ("token", OWN_TOKEN, whole),
        ("email", EMAIL, whole),
        ("card", CARD, card_in),
        ("phone", PHONE, phone_in),
    ];
    let compiled = patterns.into_iter().filter_map(|(kind, pattern, check)| {
        let regex = Regex::new(pattern).ok()?;
        Some(Pattern { kind, regex, check })
    });
    compiled.collect()
});

fn whole(text: &str) -> Option<Range<usize>> {
    Some(0..text.len())
}

/// Masks a text, and counts what was masked.
#[must_use]
pub fn mask_text(text: &str, counts: &mut MaskCounts) -> String {
    let mut masked = text.to_owned();
    for pattern in ALL.iter() {
        if let Some(changed) = replace(&masked, pattern, counts) {
            masked = changed;
        }
    }
    masked
}

/// The text with all that a pattern finds masked, or nothing when it finds none.
fn replace(text: &str, pattern: &Pattern, counts: &mut MaskCounts) -> Option<String> {
    let mut masked = String::new();
    let mut kept_to = 0;
    let mut at = 0;
    // What was masked is no part of a word or number that follows.
    while let Some(found) = (pattern.regex).captures_at(text.get(kept_to..)?, at - kept_to) {
        let place = secret_of(&found);
        let place = kept_to + place.start..kept_to + place.end;
        let secret = text.get(place.clone()).unwrap_or_default();
        match (pattern.check)(secret) {
            Some(part) => {
                masked.push_str(text.get(kept_to..place.start + part.start)?);
                masked.extend(["[", pattern.kind, "]"]);
                *counts.entry(pattern.kind).or_insert(0) += 1;
                kept_to = place.start + part.end;
                at = kept_to;
            }
            // What is none may hide one behind its first group: a date in front of a number.
            None => at = place.start + first_group(secret),
        }
    }
    if kept_to == 0 && masked.is_empty() {
        return None;
    }
    masked.push_str(text.get(kept_to..)?);
    Some(masked)
}

fn secret_of(found: &Captures<'_>) -> Range<usize> {
    let secret = found.name("secret").or_else(|| found.get(0));
    secret.map_or(0..0, |secret| secret.range())
}

/// The bytes up to the first sign that is neither a letter nor a digit, one at least.
fn first_group(text: &str) -> usize {
    let end = text.find(|c: char| !c.is_alphanumeric());
    let end = end.unwrap_or(text.len());
    end.max(text.chars().next().map_or(1, char::len_utf8))
}

/// Masks every text of a document but its id.
pub fn mask_document(document: &mut Document, counts: &mut MaskCounts) {
    for_each_text(document, &mut |text| *text = mask_text(text, counts));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(mask_text(text, &mut MaskCounts::new()), expected);
    }

    #[test]
    fn addresses_and_numbers_of_people_are_masked() {
        check(
            "mail jan.o'neil@corp.example.com, please",
            "mail [email], please",
        );
        check("<ann@bücher.example>; b@c.xn--p1ai", "<[email]>; [email]");
        for phone in [
            "+49 (0)89 1234-567",
            "+1 (415) 555-2671",
            "+442079460123",
            "0171/2345678",
            "01712345678",
            "06 12 34 56 78",
            "06.12.34.56.78",
            "(089) 1234567",
            "(415) 555-2671",
            "415.555.2671",
            "1-800-555-0199",
        ] {
            check(&format!("call {phone} now"), "call [phone] now");
            check(&format!("call {phone}."), "call [phone].");
        }
        check("0171/2345678 0172/2345678", "[phone] [phone]");
        check("since 03/14/2024 0171/2345678", "since 03/14/2024 [phone]");
        for card in [
            "4111 1111 1111 1111",
            "4111111111111111",
            "3782-822463-10005",
        ] {
            check(&format!("card {card}!"), "card [card]!");
            check(&format!("{card} 12/27"), "[card] 12/27");
        }
    }

    #[test]
    fn secrets_are_masked_whole() {
        for secret in ["hunter2", "a,b;c", "'two words'", "\"x y\"", "Ab!9"] {
            check(&format!("Password: {secret}"), "Password: [password]");
        }
        check("Password: hunter2, then", "Password: [password], then");
        check("Kennwort ist: Ab!9", "Kennwort ist: [password]");
        check("{\"password\": \"x y\"}", "{\"password\": [password]}");
        check("https://ann:s3cret@host/x", "https://ann:[password]@host/x");
        let token = "abcdef0123456789abcdef";
        for name in [
            "Authorization: Bearer ",
            "Authorization: Basic ",
            "client_secret=",
            "aws_secret_access_key = ",
            "x-api-key: ",
            "the token is ",
            "?sv=1&sig=",
        ] {
            check(&format!("{name}{token} end"), &format!("{name}[token] end"));
        }
        check(
            &format!("{{\"api_key\": \"{token}\"}}"),
            "{\"api_key\": \"[token]\"}",
        );
        check("use ghp_abcdefghijklmnopqrstuv12 here", "use [token] here");
        for kind in ["RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK"] {
            let key = format!("-----BEGIN {kind}-----\nMII\n-----END {kind}-----\nx");
            check(&key, "[key]\nx");
        }
        check("key ABCDE-12345-FGHIJ-67890-KLMNO", "key [key]");
        let recovery = ["123456"; 8].join("-");
        check(&format!("recovery {recovery}"), "recovery [key]");
    }

    #[test]
    fn codes_and_numbers_of_a_desk_stay() {
        for text in [
            "error 0x8004010F in build 10.0.19045.3803",
            "INC0000060 and SR-2024-00113, KB5034441, CHG0030002",
            "serial 4111 1111 1111 1112",
            "2024-03-14 09:12:00, 192.168.10.21, port 8080",
            "03/14/2024 to 09-12-2024, 01/02/2024 10:00, 01.02.2024",
            "2024-03-14 2024-03-15 2024-03-16 2024-03-17",
            "Fri Nov 27 06:54:29 +0000 2026, UTC+01:00",
            "open 08-12 14-18, room 0815, extension 4711",
            "1700000000000 ms, 4.18.0-553.el8, v2.200.100.1234",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301, 00:1a:2b:3c:4d:5e",
            "the password does not work; token expired",
            "the token expired-certificate-on-server is wrong",
            "Secret configuration-management-database",
            "asset 0000012345, PO 4500012345, 10.11.12.13/24",
        ] {
            check(text, text);
        }
    }

    /// A log file in a ticket must not hold up the import.
    #[test]
    fn endless_runs_of_digits_are_passed_over() {
        for run in [
            "1 ".repeat(50_000),
            "01-".repeat(50_000),
            "7".repeat(400_000),
        ] {
            check(&run, &run);
        }
    }

    #[test]
    fn counts_are_kept_by_kind() {
        let mut counts = MaskCounts::new();
        let masked = mask_text("a@b.example c@d.example", &mut counts);
        assert_eq!((masked.as_str(), counts["email"]), ("[email] [email]", 2));
    }

    #[test]
    fn a_number_right_behind_a_masked_one_is_masked_too() {
        let masked = mask_text("+1000000+10000000", &mut MaskCounts::new());
        assert_eq!(masked, "[phone][phone]");
    }

    proptest! {
        /// What is masked stays masked, and nothing that surrounds it is lost.
        #[test]
        fn masking_twice_changes_nothing_more(
            text in r"([a-z]{1,6}|\+?[0-9]{1,6}|[ ./()@:=-]|password: |é){0,30}",
        ) {
            let once = mask_text(&text, &mut MaskCounts::new());
            prop_assert_eq!(mask_text(&once, &mut MaskCounts::new()), once);
        }
    }
}
