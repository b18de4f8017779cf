//! Proposes rules that the desk's own history supports: phrases that stand almost only in tickets
//! with one value.
//!
//! Phrases are chosen on the older two thirds of the tickets and tried on the newer third, so that
//! what is shown of them is no accident of choosing. A phrase must come from several requesters,
//! hold a letter and no long number: it should be a way of speaking, not a name or a number. The
//! weight is the logarithm of how much likelier the phrase is in tickets with the value than in
//! others; phrases of one value that mostly stand in the same tickets are proposed once.
//!
//! Only tickets that every analyst may see count: rules and their notes are shown to all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use serde::Serialize;

use super::learning::is_for_every_analyst;
use super::{Engine, Error};
use crate::model::{Ticket, Time};
use crate::text::{Language, analyze};
use crate::triage::{FieldName, FieldValue, Rules, Share, final_value};

/// Words of a phrase at most.
const MAX_WORDS: usize = 3;

/// A phrase that fewer requesters have used is theirs, not the desk's.
const MIN_REQUESTERS: usize = 3;

/// The largest weight that is proposed: strong evidence. The phrases of a value are seldom
/// independent of each other, so more would be too much.
const MAX_WEIGHT: f64 = 3.0;

/// Longer numbers are those of tickets, phones and machines.
const MAX_DIGITS: usize = 5;

/// A phrase is left out when so many of its tickets, in percent, have a better one.
const MAX_SHARED_PERCENT: usize = 80;

/// What may stand between texts that no phrase joins.
const BREAK: u32 = u32::MAX;

/// A phrase: the numbers of its terms, filled up with [`BREAK`].
type Phrase = [u32; MAX_WORDS];

/// Which rules to propose.
#[derive(Debug, Clone, PartialEq)]
pub struct SuggestOptions {
    /// The field.
    pub field: FieldName,
    /// Only tickets created since then.
    pub since: Option<Time>,
    /// Tickets that must have the phrase and the value, at least 1.
    pub min_support: usize,
    /// The share of the tickets with the phrase that must have the value, 0 to 1.
    pub min_precision: f64,
    /// How many rules are proposed at most.
    pub limit: usize,
}

/// Rules that the history supports.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleSuggestions {
    /// The field.
    pub field: FieldName,
    /// The tickets from which phrases were chosen, of those that every analyst may see.
    pub older_tickets: u64,
    /// The newer tickets on which they were tried.
    pub newer_tickets: u64,
    /// The best first.
    pub suggestions: Vec<RuleSuggestion>,
    /// The rules, to copy into the rule file; a whole file when the desk has no rules yet.
    pub toml: String,
}

/// A rule that the history supports.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleSuggestion {
    /// The words that stand in a row.
    pub phrase: String,
    /// The value that they speak for.
    pub value: FieldValue,
    /// Log-odds.
    pub weight: f64,
    /// Of the older tickets with the phrase, those with the value.
    pub precision: Share,
    /// Of the newer tickets with the phrase, those with the value.
    pub newer: Share,
}

impl Engine {
    /// Proposes rules for a field from the past tickets that every analyst may see.
    ///
    /// # Errors
    /// An error of the store.
    pub fn suggest_rules(&self, options: &SuggestOptions) -> Result<RuleSuggestions, Error> {
        let rules = self.rules();
        let mut history = History::default();
        self.past_tickets(options.since, |tickets| {
            let tickets = tickets.iter().map(|(_, ticket)| ticket);
            for ticket in tickets.filter(|ticket| is_for_every_analyst(ticket)) {
                history.add(ticket, options.field);
            }
        })?;
        history
            .tickets
            .sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        let n_older = history.tickets.len() - history.tickets.len() / 3;
        let suggestions = history.suggestions(n_older, options, &rules);
        let toml = toml_of(&suggestions, options.field, &rules, &history.queues);
        Ok(RuleSuggestions {
            field: options.field,
            older_tickets: n_older as u64,
            newer_tickets: (history.tickets.len() - n_older) as u64,
            suggestions,
            toml,
        })
    }
}

/// A ticket as far as it matters here.
#[derive(Debug)]
struct Past {
    id: String,
    created_at: Option<Time>,
    requester: Option<String>,
    value: FieldValue,
    terms: Vec<u32>,
}

#[derive(Debug, Default)]
struct History {
    tickets: Vec<Past>,
    numbers: HashMap<String, u32>,
    /// A word that gives the term, by number; none for what is no way of speaking.
    words: Vec<Option<String>>,
    /// How often a queue goes with a category.
    queues: BTreeMap<String, BTreeMap<String, u64>>,
}

impl History {
    fn add(&mut self, ticket: &Ticket, field: FieldName) {
        let Some(value) = final_value(field, ticket) else {
            return;
        };
        if let (Some(category), Some(queue)) = (&ticket.category, &ticket.queue) {
            let queues = self.queues.entry(category.clone()).or_default();
            *queues.entry(queue.clone()).or_default() += 1;
        }
        let mut terms = Vec::new();
        for text in [&ticket.subject, &ticket.description] {
            analyze(text, &[Language::English], |token| {
                let word = text.get(token.range.clone()).unwrap_or_default();
                let number = match self.numbers.get(token.term) {
                    Some(number) => *number,
                    None => {
                        let number = u32::try_from(self.words.len()).unwrap_or(BREAK);
                        self.numbers.insert(token.term.to_owned(), number);
                        self.words.push(said(word));
                        number
                    }
                };
                terms.push(number);
            });
            terms.push(BREAK);
        }
        self.tickets.push(Past {
            id: ticket.id.to_string(),
            created_at: ticket.created_at,
            requester: ticket.requester.clone(),
            value,
            terms,
        });
    }

    fn suggestions(
        &self,
        n_older: usize,
        options: &SuggestOptions,
        rules: &Rules,
    ) -> Vec<RuleSuggestion> {
        let (older, newer) = self.tickets.split_at(n_older);
        let mut of_value: BTreeMap<&FieldValue, usize> = BTreeMap::new();
        for ticket in older {
            *of_value.entry(&ticket.value).or_default() += 1;
        }
        let mut candidates = Vec::new();
        for (phrase, tickets) in frequent(older, options.min_support) {
            let Some(candidate) = self.candidate(phrase, &tickets, older, options) else {
                continue;
            };
            let (field, value) = (options.field, &candidate.value);
            if !rules.speaks_for(field, value, &candidate.text) {
                candidates.push(candidate);
            }
        }
        candidates.sort_by(|a, b| {
            let by_share = b.precision.low.total_cmp(&a.precision.low);
            by_share
                .then_with(|| a.text.len().cmp(&b.text.len()))
                .then_with(|| a.text.cmp(&b.text))
        });
        let mut chosen: Vec<Candidate> = Vec::new();
        let mut covered: BTreeMap<FieldValue, BTreeSet<u32>> = BTreeMap::new();
        for candidate in candidates {
            let covered = covered.entry(candidate.value.clone()).or_default();
            let own = candidate.tickets.iter();
            let n_shared = own.filter(|ticket| covered.contains(ticket)).count();
            if n_shared * 100 >= candidate.tickets.len() * MAX_SHARED_PERCENT {
                continue;
            }
            covered.extend(&candidate.tickets);
            chosen.push(candidate);
            if chosen.len() == options.limit {
                break;
            }
        }
        let found = newer_with(newer, &chosen);
        let suggestion = |(candidate, newer): (Candidate, Share)| {
            let n_value = of_value.get(&candidate.value).copied().unwrap_or_default();
            RuleSuggestion {
                weight: weight(candidate.precision, n_value, older.len()),
                phrase: candidate.text,
                value: candidate.value,
                precision: candidate.precision,
                newer,
            }
        };
        chosen.into_iter().zip(found).map(suggestion).collect()
    }

    /// The phrase with the value that it speaks for, when it speaks clearly enough.
    fn candidate(
        &self,
        phrase: Phrase,
        tickets: &[u32],
        older: &[Past],
        options: &SuggestOptions,
    ) -> Option<Candidate> {
        let of_ticket = |number: &u32| older.get(usize::try_from(*number).ok()?);
        let mut values: BTreeMap<&FieldValue, u64> = BTreeMap::new();
        for ticket in tickets.iter().filter_map(of_ticket) {
            *values.entry(&ticket.value).or_default() += 1;
        }
        let (value, support) = values.into_iter().max_by_key(|(_, n)| *n)?;
        let precision = Share::new(support, tickets.len() as u64);
        let is_enough = support >= options.min_support as u64;
        if !is_enough || precision.value? < options.min_precision {
            return None;
        }
        let with_value: Vec<u32> = tickets
            .iter()
            .copied()
            .filter(|number| of_ticket(number).is_some_and(|ticket| ticket.value == *value))
            .collect();
        let requesters: BTreeSet<&str> = with_value
            .iter()
            .filter_map(of_ticket)
            .map(|ticket| ticket.requester.as_deref().unwrap_or(&ticket.id))
            .collect();
        if requesters.len() < MIN_REQUESTERS {
            return None;
        }
        let words = phrase.iter().filter(|term| **term != BREAK);
        let words: Option<Vec<&str>> = words
            .map(|term| self.words.get(usize::try_from(*term).ok()?)?.as_deref())
            .collect();
        let text = words?.join(" ");
        // A part of a code does not give the same term when it stands alone.
        let again = self.phrase_of(&text)?;
        (again == phrase).then(|| Candidate {
            phrase,
            text,
            value: value.clone(),
            tickets: with_value,
            precision,
        })
    }

    /// The phrase that a text is, when it is one.
    fn phrase_of(&self, text: &str) -> Option<Phrase> {
        let mut phrase = [BREAK; MAX_WORDS];
        let mut n_terms = 0;
        analyze(text, &[Language::English], |token| {
            if let (Some(place), Some(number)) =
                (phrase.get_mut(n_terms), self.numbers.get(token.term))
            {
                *place = *number;
            }
            n_terms += 1;
        });
        (n_terms <= MAX_WORDS).then_some(phrase)
    }
}

/// A phrase that may become a rule.
struct Candidate {
    phrase: Phrase,
    text: String,
    value: FieldValue,
    /// The older tickets that have the phrase and the value.
    tickets: Vec<u32>,
    precision: Share,
}

/// The word in small letters, when it may be a way of speaking.
fn said(word: &str) -> Option<String> {
    let n_digits = word.chars().filter(char::is_ascii_digit).count();
    let has_letter = word.chars().any(char::is_alphabetic);
    (has_letter && n_digits <= MAX_DIGITS && !word.contains('@')).then(|| word.to_lowercase())
}

/// The phrases that stand in so many tickets, with these. Longer ones are looked for only where
/// their beginning and their end are frequent (Agrawal and Srikant, "Fast Algorithms for Mining
/// Association Rules", 1994).
fn frequent(tickets: &[Past], min_support: usize) -> Vec<(Phrase, Vec<u32>)> {
    let mut all: BTreeMap<Phrase, Vec<u32>> = BTreeMap::new();
    let mut shorter: BTreeSet<Phrase> = BTreeSet::new();
    for n_words in 1..=MAX_WORDS {
        let mut found: HashMap<Phrase, Vec<u32>> = HashMap::new();
        for (number, ticket) in (0..).zip(tickets) {
            let phrases = phrases(&ticket.terms, n_words).filter(|phrase| {
                let parts = [phrase.get(..n_words - 1), phrase.get(1..n_words)];
                n_words == 1
                    || parts
                        .into_iter()
                        .flatten()
                        .all(|part| shorter.contains(&filled(part)))
            });
            for phrase in phrases {
                let tickets = found.entry(phrase).or_default();
                if tickets.last() != Some(&number) {
                    tickets.push(number);
                }
            }
        }
        found.retain(|_, tickets| tickets.len() >= min_support.max(1));
        shorter = found.keys().copied().collect();
        all.extend(found);
    }
    all.into_iter().collect()
}

/// The runs of so many terms.
fn phrases(terms: &[u32], n_words: usize) -> impl Iterator<Item = Phrase> {
    let runs = terms.windows(n_words);
    runs.filter(|run| !run.contains(&BREAK)).map(filled)
}

fn filled(terms: &[u32]) -> Phrase {
    let mut phrase = [BREAK; MAX_WORDS];
    for (place, term) in phrase.iter_mut().zip(terms) {
        *place = *term;
    }
    phrase
}

/// How the phrases do on tickets that they were not chosen from.
fn newer_with(newer: &[Past], chosen: &[Candidate]) -> Vec<Share> {
    let mut counts: HashMap<Phrase, (u64, u64)> = chosen
        .iter()
        .map(|candidate| (candidate.phrase, (0, 0)))
        .collect();
    let values: HashMap<Phrase, &FieldValue> = chosen
        .iter()
        .map(|candidate| (candidate.phrase, &candidate.value))
        .collect();
    for ticket in newer {
        let of_ticket = (1..=MAX_WORDS).flat_map(|n_words| phrases(&ticket.terms, n_words));
        for phrase in of_ticket.collect::<BTreeSet<Phrase>>() {
            if let Some((right, all)) = counts.get_mut(&phrase) {
                *all += 1;
                *right += u64::from(values.get(&phrase) == Some(&&ticket.value));
            }
        }
    }
    let share = |candidate: &Candidate| {
        let (right, all) = counts.get(&candidate.phrase).copied().unwrap_or_default();
        Share::new(right, all)
    };
    chosen.iter().map(share).collect()
}

/// The logarithm of how much likelier the phrase is with the value than without, half a ticket
/// added to each count, to one digit.
#[expect(
    clippy::cast_precision_loss,
    reason = "tickets are counted, far below 2^52"
)]
fn weight(precision: Share, n_value: usize, n_all: usize) -> f64 {
    let (with, without) = (precision.n as f64, (precision.of - precision.n) as f64);
    let others = n_all.saturating_sub(n_value) as f64;
    let of_value = (with + 0.5) / (n_value as f64 + 1.0);
    let of_others = (without + 0.5) / (others + 1.0);
    let weight = (of_value / of_others).ln().clamp(0.1, MAX_WEIGHT);
    (weight * 10.0).round() / 10.0
}

/// The rules as they would stand in the file.
fn toml_of(
    suggestions: &[RuleSuggestion],
    field: FieldName,
    rules: &Rules,
    queues: &BTreeMap<String, BTreeMap<String, u64>>,
) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let mut text = String::new();
    let mut add = |line: String| {
        // Writing to a String does not fail.
        writeln!(text, "{line}").unwrap_or_default();
    };
    if !rules.has_categories() {
        add("format = 1\n\n[queues]".to_owned());
        for (category, queues) in queues {
            let most = queues.iter().max_by_key(|(_, n)| **n);
            if let Some((queue, _)) = most {
                add(format!("{} = {}", quoted(category), quoted(queue)));
            }
        }
        add(String::new());
    }
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for suggestion in suggestions {
        let value = suggestion.value.to_string();
        let number = numbers.entry(value.clone()).or_default();
        *number += 1;
        let id = format!(
            "suggested-{field}-{}-{number}",
            value.replace([' ', '/'], "-")
        );
        let (older, newer) = (suggestion.precision, suggestion.newer);
        let note = format!(
            "{} of {} older tickets with it, {} of {} newer",
            older.n, older.of, newer.n, newer.of
        );
        add(format!(
            "[[rule]]\nid = {}\nnote = {}",
            quoted(&id),
            quoted(&note)
        ));
        add(format!("phrases = [{}]", quoted(&suggestion.phrase)));
        add(format!(
            "{field} = {{ {} = {:.1} }}\n",
            quoted(&value),
            suggestion.weight
        ));
    }
    text
}
