//! What people told since the model was learned: it counts at once, on tickets that are alike.
//!
//! A correction is a ticket with its final values. It speaks for them on every ticket that is alike,
//! times the likeness, by as much as the corrected ticket itself lacked: the aggressive step of
//! Crammer and others ("Online Passive-Aggressive Algorithms", 2006) with a kernel, its margin
//! stated as a probability. Rules and model stay as they are: a correction that is withdrawn leaves
//! no trace, and what is learned anew takes the place of all of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::decide::{Basis, Scores};
use super::decision::{FieldName, FieldValue, TriageDecision};
use super::learned::{PastTicket, Reading, Remembered};
use crate::model::TicketText;

/// The probability that the told value is to have on the corrected ticket itself.
const SURE: f64 = 0.6;

/// The most that one correction speaks for a value of other tickets, in log-odds: one slip of a hand
/// must not turn over what many tickets say. Where values are new 8 gains a little over 6 and 4 loses
/// up to two points of accuracy; where nothing has changed all are alike.
const MAX_WEIGHT: f64 = 6.0;

/// From this likeness on a ticket says what the corrected one says, and gets all that was missing there.
const SAME: f64 = 0.999;

/// The digits of the digest that name corrections.
const DIGEST_DIGITS: usize = 8;

/// So many tickets make a value that neither rules nor model know.
const NEW_VALUE: usize = 3;

/// All corrections, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct Corrections {
    remembered: Remembered,
    list: Vec<Correction>,
    /// Tickets with values that too few have, by field and value.
    waiting: BTreeMap<(String, FieldValue), Vec<(usize, PastTicket)>>,
    /// How many tickets speak for each value, by field.
    counts: BTreeMap<String, BTreeMap<FieldValue, u32>>,
    digest: blake3::Hasher,
    /// The name and who is alike, where these are what was said of one ticket: the tickets that said
    /// it are not there.
    of_one: Option<(String, Alike)>,
}

/// What corrections say of one ticket: all of them that a decision on it depends on, so that it can be
/// made again whatever has become of the corrected tickets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// Names all corrections of that time.
    pub name: String,
    /// Those of tickets that are alike, the most alike first.
    pub alike: Vec<SaidByOne>,
    /// By every field that any correction speaks of: the decided value with the number of tickets that
    /// speak for it; nothing where none do.
    pub examples: BTreeMap<String, Option<(FieldValue, u32)>>,
}

/// What one correction says of a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SaidByOne {
    /// Its number.
    pub correction: u64,
    /// How alike the corrected ticket is, 0 to 1.
    pub likeness: f32,
    /// By field: the value, and by how much it is spoken for on the corrected ticket itself, in
    /// log-odds.
    pub values: BTreeMap<String, (FieldValue, f64)>,
}

/// What came of a ticket whose final values were told.
#[derive(Debug, Clone)]
struct Correction {
    /// The change of the store that told them.
    seq: u64,
    /// By field: the value, and by how much it is spoken for on the ticket itself, in log-odds.
    weights: BTreeMap<String, (FieldValue, f64)>,
}

/// What a correction gives to a value of a ticket that is alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Told<'a> {
    pub(super) seq: u64,
    pub(super) value: &'a FieldValue,
    /// Log-odds.
    pub(super) weight: f64,
}

/// The corrected tickets that a ticket is like, with the likeness.
#[derive(Debug, Clone, Default)]
pub(super) struct Alike(Vec<(u32, f32)>);

impl Corrections {
    /// Takes into account what a change told of a ticket. The others of the basis are those that
    /// the corrections are for. A ticket that the model was learned from as it is says nothing new.
    pub fn add(&mut self, basis: Basis<'_>, seq: u64, told: &PastTicket) {
        if basis.model.is_some_and(|model| model.has_learned(told)) {
            return;
        }
        self.digest.update(&seq.to_le_bytes());
        let number = self.list.len();
        let reading = Reading::of(&told.ticket, basis.model);
        self.remembered.push(&reading.traits(basis.model));
        self.list.push(Correction {
            seq,
            weights: BTreeMap::new(),
        });
        for (field, value) in &told.values {
            self.tell(basis, (field, value), (number, told));
        }
    }

    /// A value that is known counts at once, a new one with the tickets that had it before.
    fn tell(
        &mut self,
        basis: Basis<'_>,
        told: (&str, &FieldValue),
        (number, ticket): (usize, &PastTicket),
    ) {
        let Some(scores) = basis.with(self).scores(ticket, told) else {
            return;
        };
        let (field, value) = told;
        if basis.knows(told) || self.examples(field, value) > 0 {
            self.speak_for(number, told, missing(&scores));
            return;
        }
        let key = (field.to_owned(), value.clone());
        let waiting = self.waiting.entry(key).or_default();
        waiting.push((number, ticket.clone()));
        if waiting.len() == NEW_VALUE {
            for (number, ticket) in std::mem::take(waiting) {
                if let Some(scores) = basis.with(self).scores(&ticket, told) {
                    self.speak_for(number, told, missing(&scores));
                }
            }
        }
    }

    fn speak_for(&mut self, number: usize, (field, value): (&str, &FieldValue), weight: f64) {
        if let Some(correction) = self.list.get_mut(number) {
            let told = (value.clone(), weight);
            correction.weights.insert(field.to_owned(), told);
            let counts = self.counts.entry(field.to_owned()).or_default();
            *counts.entry(value.clone()).or_default() += 1;
        }
    }

    /// The corrected tickets that a ticket is like.
    pub(super) fn alike(&self, basis: &Basis<'_>, reading: &Reading) -> Alike {
        match &self.of_one {
            Some((_, alike)) => alike.clone(),
            None if self.is_empty() => Alike::default(),
            None => Alike(self.remembered.alike(&reading.traits(basis.model))),
        }
    }

    /// What they say of a ticket on which they helped to decide; nothing without any. The basis is
    /// the one of the decision.
    pub fn said(
        &self,
        basis: Basis<'_>,
        ticket: &TicketText,
        decision: &TriageDecision,
    ) -> Option<Said> {
        let name = self.name()?;
        let reading = Reading::of(ticket, basis.model);
        let by_one = |(number, likeness): &(u32, f32)| {
            let correction = self.list.get(*number as usize)?;
            Some(SaidByOne {
                correction: correction.seq,
                likeness: *likeness,
                values: correction.weights.clone(),
            })
        };
        let examples = self.fields().map(|field| {
            let decided = match FieldName::of(field) {
                Some(field) => Some(decision.field(field)),
                None => decision.fields.get(field),
            };
            let value = decided.and_then(|decided| decided.value.clone());
            let told = value.map(|value| {
                let n_told = self.examples(field, &value);
                (value, n_told)
            });
            (field.to_owned(), told.filter(|(_, n_told)| *n_told > 0))
        });
        Some(Said {
            name,
            alike: self
                .alike(&basis, &reading)
                .0
                .iter()
                .filter_map(by_one)
                .collect(),
            examples: examples.collect(),
        })
    }

    /// Corrections that say of one ticket what was said of it, and are good for no other.
    #[must_use]
    pub fn of_said(said: Said) -> Self {
        let likeness = (0..).zip(said.alike.iter().map(|one| one.likeness));
        let alike = Alike(likeness.collect());
        let list = said.alike.into_iter().map(|one| Correction {
            seq: one.correction,
            weights: one.values,
        });
        let counts = said.examples.into_iter();
        Self {
            list: list.collect(),
            counts: counts
                .map(|(field, told)| (field, told.into_iter().collect()))
                .collect(),
            of_one: Some((said.name, alike)),
            ..Self::default()
        }
    }

    /// What they say about a field.
    pub(super) fn told<'a>(
        &'a self,
        field: &'a str,
        alike: &'a Alike,
    ) -> impl Iterator<Item = Told<'a>> {
        alike.0.iter().filter_map(move |(number, likeness)| {
            let correction = self.list.get(*number as usize)?;
            let (value, missing) = correction.weights.get(field)?;
            let weight = weight(*missing, f64::from(*likeness));
            (weight > 0.0).then_some(Told {
                seq: correction.seq,
                value,
                weight,
            })
        })
    }

    /// How many tickets were told of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether nothing was told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Names the corrections: the first and the last one, and a digest of all; nothing without any.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        if let Some((name, _)) = &self.of_one {
            return Some(name.clone());
        }
        let (first, last) = (self.list.first()?, self.list.last()?);
        let digest = self.digest.finalize().to_hex();
        let digest = digest.get(..DIGEST_DIGITS).unwrap_or_default();
        Some(format!("{}-{}-{digest}", first.seq, last.seq))
    }

    /// Each correction: its number, and by field the value that it speaks for, with its weight on
    /// the ticket itself in log-odds, 0 where rules and model were sure of the value without it. A
    /// value that too few tickets have is not there.
    pub fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = (u64, &BTreeMap<String, (FieldValue, f64)>)> {
        self.list.iter().map(|one| (one.seq, &one.weights))
    }

    /// The fields that they speak of.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.counts.keys().map(String::as_str)
    }

    /// How many tickets were told of with this value.
    pub(super) fn examples(&self, field: &str, value: &FieldValue) -> u32 {
        let of_field = self.counts.get(field);
        let count = of_field.and_then(|counts| counts.get(value));
        count.copied().unwrap_or_default()
    }
}

/// What a correction gives to a ticket that is alike.
fn weight(missing: f64, likeness: f64) -> f64 {
    match likeness >= SAME {
        true => missing,
        false => missing.min(MAX_WEIGHT) * likeness,
    }
}

/// By how much the score of a value must rise to make it as likely as wanted, and the ticket one
/// that is about it.
fn missing(scores: &Scores) -> f64 {
    let highest = scores.others.iter().copied().fold(0.0, f64::max);
    // As if there were one more value that nothing speaks for: where there is no other, one
    // ticket is still no proof.
    let others = scores.others.iter().map(|other| (other - highest).exp());
    let sum = others.sum::<f64>() + (-highest).exp();
    let likely = highest + sum.ln() + (SURE / (1.0 - SURE)).ln();
    let missing = likely.max(scores.in_scope) - scores.own;
    missing.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PriorityMatrix;
    use crate::triage::{Reason, Rules, Thresholds, TriageDecision};

    const RULES: &str = r#"
format = 1
[queues]
"network/vpn" = "network"
"hardware/printer" = "field"
[[rule]]
id = "tunnel"
words = ["tunnel"]
category = { "network/vpn" = 3.0 }
"#;

    fn ticket(subject: &str) -> TicketText {
        TicketText {
            subject: subject.to_owned(),
            ..TicketText::default()
        }
    }

    fn told(subject: &str, category: &str) -> PastTicket {
        let category = FieldValue::Name(category.to_owned());
        PastTicket {
            ticket: ticket(subject),
            values: [("category".to_owned(), category)].into(),
            ..PastTicket::default()
        }
    }

    fn basis<'a>(rules: &'a Rules, matrix: &'a PriorityMatrix) -> Basis<'a> {
        Basis {
            rules,
            model: None,
            corrections: None,
            thresholds: Thresholds {
                apply: 0.9,
                suggest: 0.5,
            },
            matrix,
        }
    }

    /// The decision on a ticket after these were told.
    fn decide(tickets: &[(&str, &str)], subject: &str) -> (TriageDecision, Corrections) {
        let rules = Rules::parse("test", RULES).unwrap();
        let matrix = PriorityMatrix::default();
        let basis = basis(&rules, &matrix);
        let mut corrections = Corrections::default();
        for (seq, (subject, category)) in (1..).zip(tickets) {
            corrections.add(basis, seq, &told(subject, category));
        }
        let decision = basis.with(&corrections).decide(&ticket(subject));
        (decision, corrections)
    }

    #[test]
    fn the_corrected_ticket_gets_the_told_value_and_is_as_sure_as_wanted() {
        let (decision, _) = decide(
            &[("tunnel of paper jams", "hardware/printer")],
            "tunnel of paper jams",
        );
        let category = decision.category;
        assert_eq!(
            category.value,
            Some(FieldValue::Name("hardware/printer".to_owned()))
        );
        // The value that nothing speaks for is one more of those it is weighed against.
        assert!((category.confidence - SURE).abs() < 0.02, "{category:?}");
        let weights: f64 = category.reasons.iter().map(Reason::weight).sum();
        assert!((weights - category.score).abs() < 1e-12, "{category:?}");
        assert_eq!(category.examples, Some(1));
    }

    /// Also where the decided value has more tickets than those that are alike, and none are.
    #[test]
    fn what_was_said_of_a_ticket_gives_the_same_decision_without_the_corrected_tickets() {
        let rules = Rules::parse("test", RULES).unwrap();
        let matrix = PriorityMatrix::default();
        let basis = basis(&rules, &matrix);
        let mut corrections = Corrections::default();
        for (seq, subject) in (1..).zip(["toner is low", "toner is out", "badge is dark"]) {
            let mut told = told(subject, "hardware/printer");
            let site = FieldValue::Name("LYS".to_owned());
            told.values.insert("site".to_owned(), site);
            told.values
                .insert("impact".to_owned(), FieldValue::Number(2));
            corrections.add(basis, seq, &told);
        }
        for (subject, n_alike) in [("toner is low again", 2), ("tunnel", 0)] {
            let ticket = ticket(subject);
            let decision = basis.with(&corrections).decide(&ticket);
            let said = corrections.said(basis, &ticket, &decision).unwrap();
            assert_eq!(said.alike.len(), n_alike, "{said:?}");
            let json = serde_json::to_string(&said).unwrap();
            let kept = Corrections::of_said(serde_json::from_str(&json).unwrap());
            assert_eq!(basis.with(&kept).decide(&ticket), decision, "{json}");
        }
    }

    #[test]
    fn what_is_sure_already_gains_nothing() {
        let (_, corrections) = decide(&[("tunnel closes", "network/vpn")], "");
        let (_, weights) = corrections.iter().next().unwrap();
        assert!(weights["category"].1.abs() < f64::EPSILON, "{weights:?}");
    }

    #[test]
    fn the_name_is_that_of_the_tickets_and_their_order() {
        let (first, second) = (("paper", "hardware/printer"), ("tunnel", "network/vpn"));
        let name = |tickets: &[(&str, &str)]| decide(tickets, "").1.name();
        assert_eq!(name(&[]), None);
        assert_eq!(name(&[first, second]), name(&[first, second]));
        assert_ne!(name(&[first]), name(&[first, second]));
        assert!(name(&[first, second]).unwrap().starts_with("1-2-"));
    }
}
