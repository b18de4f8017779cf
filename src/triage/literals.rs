//! Texts of which at least one must occur where a regex matches.
//!
//! With them one automaton tells which regexes are worth running on a text. The method is that of
//! filtered regex sets (Cox, "Regular Expression Matching with a Trigram Index", 2012), with whole
//! literals in place of trigrams. Case is folded one character to one character, the same way in
//! literals and texts, so that no match is missed.

use regex_syntax::hir::{Class, Hir, HirKind};

/// More alternatives than this are no help.
const MAX_LITERALS: usize = 64;

/// Shorter literals occur everywhere.
const MIN_CHARS: usize = 2;

/// A character without its case.
pub(super) fn fold(c: char) -> char {
    match c {
        'ſ' => 's',
        'ς' => 'σ',
        'A'..='Z' => c.to_ascii_lowercase(),
        c if c.is_ascii() => c,
        c => {
            let mut lower = c.to_lowercase();
            match (lower.next(), lower.next()) {
                (Some(lower), None) => lower,
                _ => c,
            }
        }
    }
}

/// A text without its case.
pub(super) fn folded(text: &str) -> String {
    if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        text.chars().map(fold).collect()
    }
}

/// Folded texts of which at least one occurs in every folded text that the regex matches; none
/// when there are no such texts.
pub(super) fn required(hir: &Hir) -> Option<Vec<String>> {
    let literals = match hir.kind() {
        HirKind::Concat(parts) => of_sequence(parts),
        HirKind::Alternation(parts) => {
            let all: Option<Vec<Vec<String>>> = parts.iter().map(required).collect();
            all.map(|all| all.into_iter().flatten().collect())
        }
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        HirKind::Repetition(_) | HirKind::Empty | HirKind::Look(_) => None,
        HirKind::Literal(_) | HirKind::Class(_) => of_sequence(std::slice::from_ref(hir)),
    };
    literals.filter(|literals| {
        let is_useful = |literal: &String| literal.chars().count() >= MIN_CHARS;
        literals.len() <= MAX_LITERALS && literals.iter().all(is_useful)
    })
}

/// The best literals of parts that follow each other: those whose shortest is longest.
fn of_sequence(parts: &[Hir]) -> Option<Vec<String>> {
    let mut choices: Vec<Vec<String>> = Vec::new();
    let mut run = String::new();
    for part in parts {
        match fixed(part) {
            Some(text) => run.push_str(&text),
            None if matches!(part.kind(), HirKind::Look(_)) => {}
            None => {
                choices.push(vec![std::mem::take(&mut run)]);
                let is_composed = !matches!(part.kind(), HirKind::Class(_) | HirKind::Literal(_));
                choices.extend(is_composed.then(|| required(part)).flatten());
            }
        }
    }
    choices.push(vec![run]);
    let shortest = |literals: &Vec<String>| literals.iter().map(String::len).min();
    let best = choices.into_iter().max_by_key(shortest)?;
    shortest(&best).is_some_and(|n| n > 0).then_some(best)
}

/// The folded text that a part always is: a literal, or a class of one letter's cases.
fn fixed(part: &Hir) -> Option<String> {
    match part.kind() {
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).ok().map(folded),
        HirKind::Class(Class::Unicode(class)) => {
            let n_chars: u32 = class
                .iter()
                .map(|range| range.end() as u32 - range.start() as u32 + 1)
                .sum();
            if n_chars > 4 {
                return None;
            }
            let mut chars = class.iter().flat_map(|range| range.start()..=range.end());
            let first = fold(chars.next()?);
            chars.all(|c| fold(c) == first).then(|| first.to_string())
        }
        HirKind::Class(Class::Bytes(_))
        | HirKind::Empty
        | HirKind::Look(_)
        | HirKind::Repetition(_)
        | HirKind::Capture(_)
        | HirKind::Concat(_)
        | HirKind::Alternation(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn literals(pattern: &str) -> Option<Vec<String>> {
        required(&regex_syntax::parse(pattern).unwrap())
    }

    #[test]
    fn literals_are_found_inside_a_regex() {
        let check = |pattern: &str, expected: &[&str]| {
            assert_eq!(literals(pattern).unwrap(), expected, "{pattern}");
        };
        check(r"\bVPN-GW-\d+", &["vpn-gw-"]);
        check("(?i)whole (site|office)", &["whole "]);
        check("(?i)(printer|kopierer)s?", &["printer", "kopierer"]);
        check(r"(?i)\b(from|ab) 1[0-9]:30", &[":30"]);
        check("(?i)größe", &["größe"]);
    }

    #[test]
    fn a_regex_that_may_match_without_a_text_has_none() {
        for pattern in [r"\d{6}", "(vpn)?", "vpn|", "[a-z]+", "a", ""] {
            assert_eq!(literals(pattern), None, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn no_match_is_missed(text in "[kKſsSK ςσΣaß]{0,12}", pattern in "[ksſςß]{2,3}") {
            let regex = regex::Regex::new(&format!("(?i){pattern}")).unwrap();
            if regex.is_match(&text)
                && let Some(literals) = literals(&format!("(?i){pattern}"))
            {
                let text = folded(&text);
                prop_assert!(literals.iter().any(|literal| text.contains(literal.as_str())));
            }
        }
    }
}
