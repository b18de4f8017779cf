//! Which digits are a card, which a telephone: by their number, their groups and their check digit,
//! where a pattern alone would take dates, versions and serial numbers for either.

use std::ops::Range;

/// Digits of the shortest group of a card's number; dates have groups of two.
const MIN_GROUP: usize = 3;

/// Groups of a card's number: 19 digits have five at most.
const MAX_GROUPS: usize = 6;

/// The part of a run of digits that is the number of a card: groups of three or more, 13 to 19
/// digits that begin like those of a card network (ISO/IEC 7812-1: 2 to 6) and have a right check
/// digit. Other numbers may stand before and behind it.
pub(super) fn card_in(run: &str) -> Option<Range<usize>> {
    let groups = groups(run);
    for (from, first) in groups.iter().enumerate() {
        let rest = groups.get(from..)?.iter();
        let long: Vec<&Range<usize>> = rest
            .take_while(|group| group.len() >= MIN_GROUP)
            .take(MAX_GROUPS)
            .collect();
        for last in long.into_iter().rev() {
            let range = first.start..last.end;
            if is_card(run.get(range.clone())?) {
                return Some(range);
            }
        }
    }
    None
}

/// The places of the groups of digits.
fn groups(run: &str) -> Vec<Range<usize>> {
    let mut groups = Vec::new();
    let mut start = 0;
    for group in run.split([' ', '-']) {
        groups.push(start..start + group.len());
        start += group.len() + 1;
    }
    groups
}

fn is_card(text: &str) -> bool {
    text.starts_with(|c: char| ('2'..='6').contains(&c)) && has_check_digit(text)
}

/// Luhn: from the right, every second digit counts double.
fn has_check_digit(text: &str) -> bool {
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

/// The part of a text that is a telephone number: no date, and as many digits as numbers have
/// (ITU-T E.164: 15 at most). Another one may follow it.
pub(super) fn phone_in(text: &str) -> Option<Range<usize>> {
    if begins_with_date(text) {
        return None;
    }
    let end = next_number(text).unwrap_or(text.len());
    let phone = text.get(..end)?.trim_end_matches([' ', '/', '-', '.', '(']);
    let n_digits = phone.bytes().filter(u8::is_ascii_digit).count();
    // Opening hours and the like begin with a zero too.
    let least = if phone.starts_with('0') { 9 } else { 7 };
    (least..=15).contains(&n_digits).then_some(0..phone.len())
}

/// `03/14/2024`, `09-12-24`: two short groups and a year.
fn begins_with_date(text: &str) -> bool {
    let mut parts = text.split(['/', '-']);
    let short = |part: Option<&str>| part.is_some_and(|part| (1..=2).contains(&part.len()));
    let (first, second) = (parts.next(), parts.next());
    let year = parts
        .next()
        .map(|part| part.split(' ').next().unwrap_or(part));
    short(first) && short(second) && year.is_some_and(|year| matches!(year.len(), 2 | 4))
}

/// Where a second number begins: behind a space and enough digits, with a plus or a zero and no
/// group of two.
fn next_number(text: &str) -> Option<usize> {
    let mut n_digits = 0;
    for (at, c) in text.char_indices() {
        n_digits += usize::from(c.is_ascii_digit());
        let rest = text.get(at + 1..).unwrap_or_default();
        let n_group = rest.bytes().take_while(u8::is_ascii_digit).count();
        let begins = rest.starts_with('+') || (rest.starts_with('0') && n_group > 2);
        if c == ' ' && n_digits >= 7 && begins {
            return Some(at);
        }
    }
    None
}

/// Whether a word behind "token" is one: no word of a language has letters and digits mixed.
pub(super) fn is_secret(word: &str) -> Option<Range<usize>> {
    let has = |is: fn(&u8) -> bool| word.as_bytes().iter().any(is);
    (has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)).then_some(0..word.len())
}
