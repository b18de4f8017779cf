//! What people told since the model was learned: it counts at once, on tickets that are alike.
//!
//! A correction is a ticket with its final values. It speaks for them on every ticket that is alike,
//! times the likeness, by as much as the corrected ticket itself lacked: the aggressive step of
//! Crammer and others ("Online Passive-Aggressive Algorithms", 2006) with a kernel, its margin
//! stated as a probability. Rules and model stay as they are: a correction that is withdrawn leaves
//! no trace, and what is learned anew takes the place of all of them.

use std::collections::BTreeMap;

use super::decide::Basis;
use super::decision::FieldValue;
use super::learned::{PastTicket, Reading, Remembered};
use crate::model::TicketText;

/// The probability that the told value is to have on the corrected ticket itself.
const SURE: f64 = 0.6;

/// The most that one correction speaks for a value, in log-odds: one slip of a hand must not turn
/// over what many tickets say.
const MAX_WEIGHT: f64 = 4.0;

/// So many tickets make a value that neither rules nor model know.
const NEW_VALUE: usize = 3;

/// All corrections, in the order in which they came.
#[derive(Debug, Clone, Default)]
pub struct Corrections {
    remembered: Remembered,
    list: Vec<Correction>,
    /// Tickets with values that too few have, by field and value.
    waiting: BTreeMap<(String, FieldValue), Vec<(usize, TicketText)>>,
    digest: blake3::Hasher,
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
    /// the corrections are for.
    pub fn add(&mut self, basis: Basis<'_>, seq: u64, told: &PastTicket) {
        self.digest.update(&seq.to_le_bytes());
        let number = self.list.len();
        let reading = Reading::of(&told.ticket, basis.model);
        self.remembered.push(&reading.traits(basis.model));
        self.list.push(Correction {
            seq,
            weights: BTreeMap::new(),
        });
        for (field, value) in &told.values {
            self.tell(basis, (field, value), (number, &told.ticket));
        }
    }

    /// A value that is known counts at once, a new one with the tickets that had it before.
    fn tell(
        &mut self,
        basis: Basis<'_>,
        (field, value): (&str, &FieldValue),
        (number, ticket): (usize, &TicketText),
    ) {
        let Some(lacks) = self.lacks(basis, (field, value), ticket) else {
            return;
        };
        if let Some(weight) = lacks {
            self.set(number, (field, value), weight);
            return;
        }
        let key = (field.to_owned(), value.clone());
        let waiting = self.waiting.entry(key).or_default();
        waiting.push((number, ticket.clone()));
        if waiting.len() == NEW_VALUE {
            for (number, ticket) in std::mem::take(waiting) {
                let weight = self.of_new(basis, (field, value), &ticket);
                self.set(number, (field, value), weight);
            }
        }
    }

    fn set(&mut self, number: usize, (field, value): (&str, &FieldValue), weight: f64) {
        if weight > 0.0
            && let Some(correction) = self.list.get_mut(number)
        {
            let told = (value.clone(), weight);
            correction.weights.insert(field.to_owned(), told);
        }
    }

    /// By how much a ticket lacks its value, in log-odds; none for a value that nothing is known of.
    /// None at all where a policy or another field decides.
    fn lacks(
        &self,
        basis: Basis<'_>,
        (field, value): (&str, &FieldValue),
        ticket: &TicketText,
    ) -> Option<Option<f64>> {
        let scores = basis.with(self).scores(ticket, field)?;
        let own = scores.iter().find(|(of, _)| of == value);
        Some(own.map(|(_, own)| missing(*own, value, &scores)))
    }

    /// The same for a value that was not known before.
    fn of_new(
        &self,
        basis: Basis<'_>,
        (field, value): (&str, &FieldValue),
        ticket: &TicketText,
    ) -> f64 {
        let scores = basis.with(self).scores(ticket, field).unwrap_or_default();
        let own = scores.iter().find(|(of, _)| of == value);
        let lowest = scores.iter().map(|(_, score)| *score);
        let own = own.map_or_else(|| lowest.fold(0.0, f64::min), |(_, own)| *own);
        missing(own, value, &scores)
    }

    /// The corrected tickets that a ticket is like.
    pub(super) fn alike(&self, basis: &Basis<'_>, reading: &Reading) -> Alike {
        match self.list.is_empty() {
            true => Alike::default(),
            false => Alike(self.remembered.alike(&reading.traits(basis.model))),
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
            let (value, weight) = correction.weights.get(field)?;
            Some(Told {
                seq: correction.seq,
                value,
                weight: weight * f64::from(*likeness),
            })
        })
    }

    /// How many tickets were told of with this value.
    pub(super) fn examples(&self, field: &str, value: &FieldValue) -> usize {
        let of_value = |one: &&Correction| {
            let told = one.weights.get(field);
            told.is_some_and(|(told, _)| told == value)
        };
        self.list.iter().filter(of_value).count()
    }
}

/// By how much a score must rise so that its value is [`SURE`], but no more than one ticket may say.
fn missing(own: f64, value: &FieldValue, scores: &[(FieldValue, f64)]) -> f64 {
    let others = scores.iter().filter(|(of, _)| of != value);
    let others: Vec<f64> = others.map(|(_, score)| *score).collect();
    let highest = others.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if others.is_empty() {
        return 0.0;
    }
    let sum: f64 = others.iter().map(|other| (other - highest).exp()).sum();
    let wanted = highest + sum.ln() + (SURE / (1.0 - SURE)).ln();
    (wanted - own).clamp(0.0, MAX_WEIGHT)
}
