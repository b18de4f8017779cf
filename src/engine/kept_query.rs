//! Which text of a query is kept, so that what is counted of searches holds no personal data.
//!
//! In goes a query as it was typed, out comes what may be written down: the query in lower case
//! with its white space collapsed, or [`NOT_KEPT`] when it looks pasted (long, several lines) or
//! has an e-mail address or a long number in it. It knows no names of people. Source: ours.

use crate::store::NOT_KEPT;

/// The longest query that is kept, in characters; longer ones are pasted texts.
const MAX_CHARS: usize = 100;

/// So many digits on end are a number of a person, a case or a telephone.
const MAX_DIGITS_ON_END: usize = 5;

/// So many digits with single signs between them, as in `+44 20 7946 0958`, are one too.
const MAX_DIGITS_GROUPED: usize = 8;

/// What is kept of a query; `None` when there is nothing in it.
pub(super) fn kept(q: &str) -> Option<String> {
    let q = q.trim();
    if q.is_empty() {
        return None;
    }
    let is_line_break = |c: char| "\n\r\u{b}\u{c}\u{85}\u{2028}\u{2029}".contains(c);
    let is_kept = q.chars().take(MAX_CHARS + 1).count() <= MAX_CHARS
        && !q.contains(is_line_break)
        && !has_address(q)
        && !has_long_number(q);
    if !is_kept {
        return Some(NOT_KEPT.to_owned());
    }
    let words: Vec<String> = q.split_whitespace().map(str::to_lowercase).collect();
    Some(words.join(" "))
}

/// An at sign with something on both sides. More than addresses have that; none of them is missed.
fn has_address(q: &str) -> bool {
    let is_at = |c: char| c == '@' || c == '\u{ff20}';
    let inside = |word: &str| word.trim_matches(is_at).contains(is_at);
    q.split_whitespace().any(inside)
}

fn has_long_number(q: &str) -> bool {
    let (mut on_end, mut grouped) = (0, 0);
    let mut was_digit = false;
    for c in q.chars() {
        if c.is_numeric() {
            on_end += 1;
            grouped += 1;
        } else {
            on_end = 0;
            if !was_digit || !" -./()".contains(c) {
                grouped = 0;
            }
        }
        was_digit = c.is_numeric();
        if on_end > MAX_DIGITS_ON_END || grouped > MAX_DIGITS_GROUPED {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_query_is_in_lower_case_with_single_spaces() {
        let check = |q: &str, expected: &str| assert_eq!(kept(q).as_deref(), Some(expected));
        check("  VPN \t drops  at HOME ", "vpn drops at home");
        check("Öffnen ÜBER", "öffnen über");
        check("error 80072 on 10.40.3", "error 80072 on 10.40.3");
        check("type @ sign", "type @ sign");
        check("mention @team", "mention @team");
        check(&"x".repeat(100), &"x".repeat(100));
        assert_eq!(kept(" \n "), None);
    }

    #[test]
    fn what_may_be_personal_is_not_kept() {
        for q in [
            "reset anna.berg@desk.example",
            "reset anna@desk",
            "reset anna＠desk.example",
            "employee 100234",
            "employee ١٠٠٢٣٤",
            "call +44 20 7946 0958",
            "call 0170/1234-567-8",
            "vpn drops\nregards Anna",
            "vpn drops\u{2028}regards Anna",
            &"x".repeat(101),
        ] {
            assert_eq!(kept(q).as_deref(), Some(NOT_KEPT), "{q}");
        }
    }
}
