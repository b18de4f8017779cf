//! Cuts out of a ticket the sentences that say what was done, and out of an article the sentence
//! that speaks of the ticket.
//!
//! Nothing is written: every shown sentence stands in the document, in its order, and where
//! something between two of them is left out there is an ellipsis. A short text is shown whole.
//! Sentences are taken that have a word of work done ("restarted", "ersetzt"); greetings, thanks,
//! closing formulas and lists of versions are passed over. Method: ours.

use std::ops::Range;

use crate::index::QueryTerms;
use crate::model::Ticket;
use crate::text::{Language, sentences, without_boilerplate};

/// A text up to this length is shown whole, in bytes; of a longer one no more than about this.
const MAX_BYTES: usize = 400;

/// Of a very long text only the beginning is read, in bytes.
const MAX_READ_BYTES: usize = 8_192;

/// Sentences that are taken at most.
const MAX_SENTENCES: usize = 4;

/// Beginnings of words that tell of work done, in the languages of most desks.
const DONE: [&str; 66] = [
    "add",
    "adjust",
    "approv",
    "assign",
    "chang",
    "clear",
    "configur",
    "connect",
    "correct",
    "creat",
    "delet",
    "disabl",
    "enabl",
    "exchang",
    "extend",
    "fix",
    "forc",
    "grant",
    "increas",
    "install",
    "issued",
    "merg",
    "migrat",
    "mov",
    "order",
    "patch",
    "rebuil",
    "reconfigur",
    "reimag",
    "reinstall",
    "releas",
    "remov",
    "renew",
    "repair",
    "replac",
    "reset",
    "resolv",
    "restart",
    "restor",
    "revok",
    "rolled",
    "set",
    "solved",
    "switch",
    "uninstall",
    "unlock",
    "updat",
    "upgrad",
    "work",
    "aktualisiert",
    "angelegt",
    "behoben",
    "eingerichtet",
    "entfernt",
    "ersetzt",
    "gelöst",
    "geändert",
    "gesetzt",
    "getauscht",
    "neu",
    "zurückgesetzt",
    "corrigé",
    "installé",
    "redémarré",
    "remplacé",
    "réinitialisé",
];

/// Beginnings of sentences that say nothing of the trouble.
const FORMULAS: [&str; 28] = [
    "hi ",
    "hi,",
    "hello",
    "dear ",
    "thanks",
    "thank you",
    "many thanks",
    "regards",
    "best regards",
    "kind regards",
    "cheers",
    "closing",
    "closed",
    "ticket closed",
    "please let us know",
    "let us know",
    "let me know",
    "please reopen",
    "hallo",
    "guten tag",
    "danke",
    "vielen dank",
    "mit freundlichen",
    "viele grüße",
    "bonjour",
    "merci",
    "cordialement",
    "bien à vous",
];

/// Sentences of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Passage {
    /// The sentences, in their order.
    pub(super) text: String,
    /// Whether the document says more.
    pub(super) is_cut: bool,
}

/// What resolved a ticket: from its resolution, or when it has none and is resolved from the last
/// public answer that its requester did not write.
pub(super) fn resolution(ticket: &Ticket) -> Option<Passage> {
    let source = source(ticket)?;
    let read = source.get(..source.floor_char_boundary(MAX_READ_BYTES));
    let text = without_boilerplate(read.unwrap_or(source));
    let mut passage = what_was_done(text.trim());
    passage.is_cut |= source.len() > MAX_READ_BYTES;
    (!passage.text.is_empty()).then_some(passage)
}

/// The text that says how a ticket was resolved.
fn source(ticket: &Ticket) -> Option<&str> {
    let is_text = |text: &&str| !text.trim().is_empty();
    let resolution = ticket.resolution.as_deref().filter(is_text);
    let last_answer = || {
        let mut answers = ticket.comments.iter().rev().filter(|comment| {
            comment.public && comment.author.is_some() && comment.author != ticket.requester
        });
        answers.next().map(|comment| comment.body.as_str())
    };
    match resolution {
        Some(resolution) => Some(resolution),
        None if ticket.is_resolved() => last_answer().filter(is_text),
        None => None,
    }
}

fn what_was_done(text: &str) -> Passage {
    if text.len() <= MAX_BYTES {
        return Passage {
            text: text.to_owned(),
            is_cut: false,
        };
    }
    let all: Vec<Range<usize>> = sentences(text).collect();
    let said = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
    let mut telling: Vec<(usize, usize)> = (0..)
        .zip(&all)
        .map(|(place, range)| (n_done(said(range)), place))
        .filter(|(n, _)| *n > 0)
        .collect();
    if telling.is_empty() {
        let is_formula = |range: &&Range<usize>| !says_nothing(said(range));
        let first = all.iter().position(|range| is_formula(&range)).unwrap_or(0);
        telling = (first..all.len()).map(|place| (1, place)).collect();
    }
    // The most telling first; of equal ones the later, for work ends with what helped.
    telling.sort_by_key(|&(n, place)| (std::cmp::Reverse(n), place));
    let mut taken: Vec<usize> = Vec::new();
    let mut n_bytes = 0;
    for (_, place) in telling.into_iter().take(MAX_SENTENCES) {
        let long = all.get(place).map_or(0, ExactSizeIterator::len);
        if taken.is_empty() || n_bytes + long <= MAX_BYTES {
            taken.push(place);
            n_bytes += long;
        }
    }
    taken.sort_unstable();
    let mut shown = String::new();
    let mut last = None;
    for place in taken {
        if let Some(last) = last {
            shown.push_str(if last + 1 == place { " " } else { " … " });
        }
        last = Some(place);
        let sentence = all.get(place).map(said).unwrap_or_default();
        let end = sentence.floor_char_boundary(2 * MAX_BYTES);
        shown.push_str(sentence.get(..end).unwrap_or(sentence));
    }
    Passage {
        is_cut: shown.len() < text.len(),
        text: shown,
    }
}

/// How many words of work done a sentence has; 0 for formulas and lists of versions.
fn n_done(sentence: &str) -> usize {
    if says_nothing(sentence) {
        return 0;
    }
    let lower = sentence.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| DONE.iter().any(|done| word.starts_with(done)))
        .count()
}

fn says_nothing(sentence: &str) -> bool {
    let lower = sentence.to_lowercase();
    // "Studio Ver: 5.0.0": a name, a colon and hardly a word.
    let is_value = lower
        .split_once(':')
        .is_some_and(|(name, value)| name.len() <= 30 && value.split_whitespace().count() <= 3);
    is_value || FORMULAS.iter().any(|formula| lower.starts_with(formula))
}

/// The sentence of a text that has the most telling terms of a query, if any has one.
pub(super) fn most_telling(text: &str, terms: &QueryTerms, language: Language) -> Option<String> {
    let matches = terms.matches(text, language);
    let value = |range: &Range<usize>| -> f32 {
        let mut seen = Vec::new();
        let inside = matches
            .iter()
            .filter(|found| range.contains(&found.range.start));
        for found in inside {
            if !seen.contains(&found.term_index) {
                seen.push(found.term_index);
            }
        }
        let of_place = |place: usize| terms.terms.get(place).map_or(0.0, |term| term.value());
        seen.into_iter().map(of_place).sum()
    };
    let mut best: Option<(f32, Range<usize>)> = None;
    for range in sentences(text) {
        let value = value(&range);
        if value > best.as_ref().map_or(0.0, |(best, _)| *best) {
            best = Some((value, range));
        }
    }
    let sentence = text.get(best?.1)?;
    let end = sentence.floor_char_boundary(MAX_BYTES);
    sentence.get(..end).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(json: &serde_json::Value) -> Ticket {
        serde_json::from_value(json.clone()).unwrap()
    }

    #[test]
    fn a_short_resolution_is_shown_whole() {
        let ticket = ticket(&serde_json::json!({"id": "a", "resolution": "Rebooted."}));
        let expected = Passage {
            text: "Rebooted.".to_owned(),
            is_cut: false,
        };
        assert_eq!(resolution(&ticket), Some(expected));
    }

    #[test]
    fn of_a_long_one_the_work_is_shown_and_not_the_formulas() {
        let talk = "Hello all. The user said that it began on Monday after lunch. ".repeat(7);
        let text = format!(
            "{talk}We replaced the toner and restarted the spooler. Thanks for waiting.\n\
             Studio Ver: 5.0.0\nPlease let us know."
        );
        let passage = what_was_done(&text);
        assert_eq!(
            passage.text,
            "We replaced the toner and restarted the spooler."
        );
        assert!(passage.is_cut);
    }

    /// What the requester wrote last is no answer, nor what only the desk may read.
    #[test]
    fn without_a_resolution_the_last_public_answer_tells() {
        let comments = serde_json::json!([
            {"author": "desk", "body": "Cleared the cache.", "public": true},
            {"author": "desk", "body": "He is annoying.", "public": false},
            {"author": "bob", "body": "Thanks!", "public": true},
        ]);
        let mut json = serde_json::json!({"id": "a", "requester": "bob", "status": "closed",
            "comments": comments});
        let found = resolution(&ticket(&json)).unwrap();
        assert_eq!(found.text, "Cleared the cache.");
        json["status"] = "open".into();
        assert_eq!(resolution(&ticket(&json)), None);
    }
}
